"""What each figure shows: its lines, points, words and colours."""

import io
import itertools

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.cbook import STEP_LOOKUP_MAP
from matplotlib.colors import to_rgb

from course_lib import plotting
from course_lib.metrics import (
    PrecisionRecallCurve,
    RocCurve,
    average_precision,
    precision_recall_curve,
    roc_curve,
)

Y_TRUE = [0, 0, 1, 0, 1, 1]
Y_SCORE = [0.1, 0.4, 0.35, 0.2, 0.8, 0.7]
RANGES = {"x_range": (-3, 3), "y_range": (-2, 2)}


def bowl(x):
    return x[0] ** 2 + 4 * x[1] ** 2


def parabola(x):
    return (x[0] - 1) ** 2


@pytest.fixture(autouse=True)
def clean():
    with matplotlib.rc_context():
        yield
    plt.close("all")


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def luminance(color):
    c = np.array(to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]


def contrast(one, other):
    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


# --- Style --------------------------------------------------------------------------------------


def test_every_ink_stands_out_from_white():
    plotting.use_course_style()
    cycle = plt.rcParams["axes.prop_cycle"].by_key()
    for color in [*cycle["color"], plotting.GREY]:
        assert contrast(color, "white") >= 3
    for name in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color"):
        assert contrast(plt.rcParams[name], plt.rcParams["figure.facecolor"]) >= 4.5
    assert contrast(plotting.GREY, "white") >= 4.5


# Machado, Oliveira and Fernandes (2009): full protanopia, deuteranopia and tritanopia.
EYES = {
    "all cones": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab(color, eye):
    c = np.array(to_rgb(color))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    seen = np.clip(EYES[eye] @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    f = np.cbrt(np.maximum(np.array(to_xyz) @ seen / [0.9505, 1, 1.089], 1e-6))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", EYES)
def test_colors_differ_for_every_eye(eye):
    for one, other in itertools.combinations(plotting.COLORS, 2):
        assert np.linalg.norm(lab(one, eye) - lab(other, eye)) > 20, (one, other)


def test_lines_differ_without_their_colors():
    plotting.use_course_style()
    ax = plotting.plot_learning_curves({str(i): [2, 1] for i in range(6)})
    dashes = {str(line._unscaled_dash_pattern) for line in ax.lines}
    assert len(dashes) == 6
    assert len(set(plotting.MARKERS)) == len(plotting.COLORS) == 6


def svg(ax):
    file = io.BytesIO()
    ax.figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def test_svg_is_the_same_at_each_run():
    plotting.use_course_style()
    one, other = (plotting.plot_contours(bowl, {"a": [[1, 1]]}, **RANGES) for _ in range(2))
    assert svg(one) == svg(other)


def test_style_does_not_depend_on_what_was_set_before():
    plt.rcParams["lines.marker"] = "x"
    plotting.use_course_style()
    assert plt.rcParams["lines.marker"] == "None"


# --- Figures ------------------------------------------------------------------------------------


def test_regression_line():
    X, y = np.array([[1.0], [3.0], [2.0]]), np.array([2.0, 5.0, 5.0])
    ax = plotting.plot_regression_line(X, y, lambda X: 2 * X[:, 0], residuals=True)
    points, errors = ax.collections
    np.testing.assert_array_equal(points.get_offsets(), [[1, 2], [3, 5], [2, 5]])
    [line] = ax.lines
    np.testing.assert_allclose(line.get_ydata(), 2 * line.get_xdata())
    assert (line.get_xdata()[0], line.get_xdata()[-1]) == (1, 3)
    ends = [[(1, 2), (1, 2)], [(3, 5), (3, 6)], [(2, 5), (2, 4)]]
    np.testing.assert_array_equal(errors.get_segments(), ends)
    assert labels(ax) == ["examples", "model", "errors"]


def test_regression_line_without_residuals():
    ax = plotting.plot_regression_line([[1], [2]], [1, 2], lambda X: X[:, 0])
    assert labels(ax) == ["examples", "model"]


def test_confusion_matrix_words_and_shades():
    ax = plotting.plot_confusion_matrix([[900, 100], [0, 10]], ["no wolf", "wolf"])
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells == {(0, 0): "900", (1, 0): "100", (0, 1): "0", (1, 1): "10"}  # (column, row)
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.9, 0.1], [0, 1]])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["no wolf", "wolf"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["no wolf", "wolf"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_confusion_matrix_numbers_are_readable_on_every_shade():
    counts = [[100 - k, k] for k in range(101)]
    for row in counts:
        ax = plotting.plot_confusion_matrix([row, [1, 1]], [0, 1])
        shades = ax.images[0].to_rgba(ax.images[0].get_array())
        for text in ax.texts:
            column, line = text.get_position()
            assert contrast(text.get_color(), shades[line, column][:3]) >= 4.5
        plt.close(ax.figure)


def test_confusion_matrix_of_a_class_that_never_occurs():
    ax = plotting.plot_confusion_matrix([[3, 1], [0, 0]], ["a", "b"])
    np.testing.assert_array_equal(ax.images[0].get_array()[1], [0, 0])


def test_roc_curves_of_two_classifiers():
    curve = roc_curve(Y_TRUE, Y_SCORE)
    ax = plotting.plot_roc_curve(curve, label="A")
    assert plotting.plot_roc_curve(roc_curve(Y_TRUE, Y_TRUE), label="B", ax=ax) is ax
    guess, first, second = ax.lines
    np.testing.assert_array_equal(guess.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_array_equal(first.get_xdata(), curve.fpr)
    np.testing.assert_array_equal(first.get_ydata(), curve.tpr)
    assert first.get_color() != second.get_color()
    assert labels(ax) == ["guessing", "A", "B"]
    assert ax.get_aspect() == 1


def test_roc_curve_takes_the_first_color():
    plotting.use_course_style()
    ax = plotting.plot_roc_curve(roc_curve(Y_TRUE, Y_SCORE), label="A")
    assert ax.lines[1].get_color() == plotting.COLORS[0]


def test_area_under_the_drawn_steps_is_the_average_precision():
    curve = precision_recall_curve(Y_TRUE, Y_SCORE)
    ax = plotting.plot_precision_recall_curve(curve, label="A")
    [line] = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), curve.recall)
    np.testing.assert_array_equal(line.get_ydata(), curve.precision)
    recalls, precisions = STEP_LOOKUP_MAP[line.get_drawstyle()](*line.get_data())
    area = -np.trapezoid(precisions, recalls)
    assert area == pytest.approx(average_precision(Y_TRUE, Y_SCORE))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("recall", "precision")


def test_descent_path_lies_on_the_curve():
    path = [[3.0], [2.0], [1.5]]
    ax = plotting.plot_descent_path(parabola, path, x_range=(-1, 3))
    curve, iterates, start = ax.lines
    np.testing.assert_allclose(curve.get_ydata(), (curve.get_xdata() - 1) ** 2)
    assert (curve.get_xdata()[0], curve.get_xdata()[-1]) == (-1, 3)
    np.testing.assert_array_equal(iterates.get_xydata(), [[3, 4], [2, 1], [1.5, 0.25]])
    np.testing.assert_array_equal(start.get_xydata(), [[3, 4]])


def test_contours_and_paths():
    paths = {"slow": [[2, 1], [1, 1]], "fast": [[2, 1], [0, 0], [0, 0.5]]}
    ax = plotting.plot_contours(bowl, paths, **RANGES)
    assert [line.get_label() for line in ax.lines] == labels(ax) == ["slow", "fast"]
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), paths["fast"])
    assert (ax.get_xlim(), ax.get_ylim()) == ((-3, 3), (-2, 2))


def test_contours_join_points_of_equal_height():
    ax = plotting.plot_contours(bowl, {}, **RANGES)
    [contours] = ax.collections
    assert len(contours.levels) == 12
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        heights = bowl(path.vertices.T)
        np.testing.assert_allclose(heights, level, atol=0.02)
    assert ax.get_legend() is None


def test_learning_curves():
    ax = plotting.plot_learning_curves({"training": [3, 2, 1], "validation": [3, 2.5]})
    training, validation = ax.lines
    np.testing.assert_array_equal(training.get_xydata(), [[0, 3], [1, 2], [2, 1]])
    np.testing.assert_array_equal(validation.get_xydata(), [[0, 3], [1, 2.5]])
    assert labels(ax) == ["training", "validation"]
    assert all(tick == round(tick) for tick in ax.get_xticks())


def test_decision_boundary():
    X = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 0.5]])
    y = np.array(["low", "high", "low"])
    ax = plotting.plot_decision_boundary(lambda X: np.where(X[:, 0] > 2, "high", "low"), X, y)
    high, low = ax.collections
    assert labels(ax) == ["high", "low"]
    np.testing.assert_array_equal(high.get_offsets(), [[4, 1]])
    np.testing.assert_array_equal(low.get_offsets(), [[0, 0], [1, 0.5]])

    picture = ax.images[0]
    x_low, x_high, *_ = picture.get_extent()
    assert (x_low, x_high) == pytest.approx((-0.4, 4.4))
    middle = picture.get_array().shape[1] // 2  # the centre of the picture is x = 2
    is_low = (picture.get_array() == picture.get_array()[0, 0]).all(axis=-1)
    assert is_low[:, :middle].all() and not is_low[:, middle:].any()


def test_decision_boundary_is_drawn_where_it_lies():
    X = np.array([[0.0, 0.0], [1.0, 1.0]])
    corner = lambda X: ((X[:, 0] > 0.5) & (X[:, 1] > 0.8)).astype(int)  # noqa: E731
    ax = plotting.plot_decision_boundary(corner, X, [0, 1])
    ax.figure.canvas.draw()
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[::-1, :, :3]  # from the bottom up
    for point, label in [((0.2, 0.5), 0), ((0.7, 0.95), 1), ((0.7, 0.3), 0), ((0.2, 0.95), 0)]:
        x, y = ax.transData.transform(point).astype(int)
        tint = 1 - 0.3 * (1 - np.array(to_rgb(plotting.COLORS[label])))
        np.testing.assert_allclose(pixels[y, x] / 255, tint, atol=0.01)


def test_decision_boundary_shapes_and_tints_follow_the_classes():
    X = np.array([[0.0, 0.0], [1.0, 1.0]])
    ax = plotting.plot_decision_boundary(lambda X: np.zeros(len(X), int), X, [0, 1])
    tint = ax.images[0].get_array()[0, 0]
    nearest = min(
        plotting.COLORS, key=lambda c: np.abs(1 - 0.3 * (1 - np.array(to_rgb(c))) - tint).sum()
    )
    assert nearest == plotting.COLORS[0]
    shapes = [group.get_paths()[0].vertices.shape for group in ax.collections]
    assert shapes[0] != shapes[1]


def test_images_stand_in_rows_under_their_labels():
    images = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    ax = plotting.plot_images(images, ["a", "b", "c"], columns=2)
    [picture] = ax.images
    sheet = picture.get_array()
    words = {text.get_text(): text.get_position() for text in ax.texts}
    for label, image in zip("abc", images, strict=True):
        x, y = words[label]
        left, top = round(x - 2.5), round(y + 1)
        np.testing.assert_array_equal(sheet[top : top + 4, left : left + 5], image)
    assert words["a"][1] == words["b"][1] < words["c"][1]
    assert words["a"][0] == words["c"][0] < words["b"][0]
    assert picture.get_clim() == (0, 255)
    assert (sheet == 255).sum() == sheet.size - images.size  # white between the images


def test_images_of_floats_without_labels():
    ax = plotting.plot_images(np.full((2, 3, 3), 0.5))
    assert ax.images[0].get_clim() == (0, 1)
    assert not ax.texts
    assert ax.images[0].get_array().shape == (5, 10)  # one row of two: no empty places


# --- Arguments ----------------------------------------------------------------------------------

ROC = roc_curve(Y_TRUE, Y_SCORE)
PR = precision_recall_curve(Y_TRUE, Y_SCORE)

DRAWINGS = {
    plotting.plot_regression_line: (([[1], [2]], [1, 2], lambda X: X[:, 0]), {}),
    plotting.plot_confusion_matrix: (([[1, 0], [0, 1]], ["a", "b"]), {}),
    plotting.plot_roc_curve: ((ROC,), {"label": "A"}),
    plotting.plot_precision_recall_curve: ((PR,), {"label": "A"}),
    plotting.plot_descent_path: ((parabola, [[0], [1]]), {"x_range": (0, 1)}),
    plotting.plot_contours: ((bowl, {"a": [[0, 1]]}), RANGES),
    plotting.plot_learning_curves: (({"a": [1, 2]},), {}),
    plotting.plot_decision_boundary: ((lambda X: X[:, 0] > 0, [[0, 1]], [1]), {}),
    plotting.plot_images: ((np.zeros((1, 2, 2)),), {}),
}


def changed(function, position, value, **more):
    """Return a good call with one argument made bad."""
    args, kwargs = DRAWINGS[function]
    args = list(args)
    if position is not None:
        args[position] = value
    return function, tuple(args), kwargs | more


line, confusion = plotting.plot_regression_line, plotting.plot_confusion_matrix
roc, pr = plotting.plot_roc_curve, plotting.plot_precision_recall_curve
descent, contours = plotting.plot_descent_path, plotting.plot_contours
curves, boundary = plotting.plot_learning_curves, plotting.plot_decision_boundary
pictures = plotting.plot_images
NAN = float("nan")

BAD_CALLS = [
    (plotting.use_course_style, (1,), {}, TypeError, "positional"),
    (*changed(line, 0, [1, 2]), ValueError, "X: expected a 2-D array"),
    (*changed(line, 0, [[1, 2], [3, 4]]), ValueError, "X: expected one column, got shape (2, 2)"),
    (*changed(line, 0, [["a"], ["b"]]), TypeError, "X: expected"),
    (*changed(line, 1, [1, NAN]), ValueError, "y: expected finite numbers"),
    (*changed(line, 1, [1]), ValueError, "y: expected 2 values like X, got 1"),
    (*changed(line, 2, 3.0), TypeError, "predict: expected a function, got 3.0"),
    (*changed(line, 2, lambda X: X), ValueError, "predict(X): expected a 1-D array"),
    (*changed(line, 2, lambda X: [1.0]), ValueError, "predict(X): expected 200 values like X"),
    (*changed(confusion, 0, [[1, 2]]), ValueError, "as many rows as columns, got shape (1, 2)"),
    (*changed(confusion, 0, [[1, -2], [0, 1]]), ValueError, "matrix: expected counts"),
    (*changed(confusion, 0, [[0.5, 0.5], [0, 1]]), ValueError, "matrix: expected counts"),
    (*changed(confusion, 0, [["1", "2"], ["3", "4"]]), TypeError, "matrix: expected"),
    (*changed(confusion, 1, ["a"]), ValueError, "labels: expected 2 values like matrix, got 1"),
    (*changed(confusion, 1, 5), ValueError, "labels: expected a 1-D array"),
    (*changed(roc, 0, PR), TypeError, "curve: expected RocCurve, got PrecisionRecallCurve"),
    (*changed(roc, 0, RocCurve([0, 2], [0, 1], [1, 0])), ValueError, "curve.fpr: expected values"),
    (*changed(roc, 0, RocCurve([0, 1], [0, -1], [1, 0])), ValueError, "curve.tpr: expected values"),
    (*changed(roc, 0, RocCurve([0, 1], [0, NAN], [1, 0])), ValueError, "curve.tpr: expected fin"),
    (*changed(roc, 0, RocCurve([0, 1], [0], [1, 0])), ValueError, "curve.tpr: expected 2 values"),
    (*changed(pr, 0, ROC), TypeError, "curve: expected PrecisionRecallCurve, got RocCurve"),
    (*changed(pr, 0, PrecisionRecallCurve([2], [1], [])), ValueError, "curve.precision: expected"),
    (*changed(pr, 0, PrecisionRecallCurve([1], [], [])), ValueError, "curve.recall: expected"),
    (*changed(descent, 0, 1), TypeError, "f: expected a function, got 1"),
    (*changed(descent, 0, lambda x: x), TypeError, "f(x): expected a finite number"),
    (*changed(descent, 0, lambda x: NAN), ValueError, "f(x): expected a finite number, got nan"),
    (*changed(descent, 1, [[0, 1]]), ValueError, "path: expected points of 1 values"),
    (*changed(descent, 1, [[np.inf]]), ValueError, "path: expected finite numbers, got inf"),
    (*changed(descent, 1, []), ValueError, "path: expected a 2-D array"),
    (*changed(descent, None, None, x_range=(1, 1)), ValueError, "x_range: expected two numbers"),
    (*changed(descent, None, None, x_range=(1, 2, 3)), ValueError, "x_range: expected two numbers"),
    (*changed(descent, None, None, x_range="ab"), TypeError, "x_range: expected"),
    (*changed(contours, 0, None), TypeError, "f: expected a function"),
    (*changed(contours, 1, [[0, 1]]), TypeError, "paths: expected Mapping, got list"),
    (*changed(contours, 1, {"a": [[0]]}), ValueError, "paths['a']: expected points of 2 values"),
    (*changed(contours, None, None, x_range=(3, 1)), ValueError, "x_range: expected two numbers"),
    (*changed(contours, None, None, y_range=(0, NAN)), ValueError, "y_range: expected finite"),
    (*changed(curves, 0, [1, 2]), TypeError, "losses: expected Mapping, got list"),
    (*changed(curves, 0, {}), ValueError, "losses: expected at least one curve, got none"),
    (*changed(curves, 0, {"a": [1, np.inf]}), ValueError, "losses['a']: expected finite"),
    (*changed(curves, 0, {"a": ["x"]}), TypeError, "losses['a']: expected"),
    (*changed(boundary, 0, 0), TypeError, "predict: expected a function, got 0"),
    (*changed(boundary, 0, lambda X: [1]), ValueError, "predict(X): expected 40000 values like X"),
    (*changed(boundary, 1, [[0, 1, 2]]), ValueError, "X: expected two columns, got shape (1, 3)"),
    (*changed(boundary, 2, [0.5]), ValueError, "y: expected labels"),
    (*changed(boundary, 2, [0, 1]), ValueError, "y: expected 1 values like X, got 2"),
    (
        *(boundary, (lambda X: np.zeros(len(X), int), np.eye(7)[:, :2], range(7)), {}),
        *(ValueError, "y: expected at most 6 classes, got 7"),
    ),
    (*changed(pictures, 0, np.zeros((2, 2))), ValueError, "images: expected a 3-D array"),
    (*changed(pictures, 0, np.full((1, 2, 2), 1.5)), ValueError, "expected values from 0 to 1"),
    (*changed(pictures, 0, np.full((1, 2, 2), 256)), ValueError, "values from 0 to 255, got"),
    (*changed(pictures, 0, np.full((1, 2, 2), -1)), ValueError, "images: expected values from 0"),
    (*changed(pictures, 0, [[["a"]]]), TypeError, "images: expected"),
    (*changed(pictures, 0, [[[1]], [[1, 2]]]), ValueError, "images: expected rows of equal length"),
    (*changed(pictures, None, None, labels=["a", "b"]), ValueError, "labels: expected 1 values"),
    (*changed(pictures, None, None, columns=0), ValueError, "columns: expected an integer"),
    (*changed(pictures, None, None, columns=2.0), TypeError, "columns: expected an integer"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_say_what_is_wrong(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)
    assert not plt.get_fignums()  # no empty figure is left behind


def test_every_public_function_has_a_bad_call():
    assert {function.__name__ for function, *_ in BAD_CALLS} == set(plotting.__all__)


@pytest.mark.parametrize("function", DRAWINGS)
def test_axes_are_new_or_the_given_ones(function):
    args, kwargs = DRAWINGS[function]
    fig, ax = plt.subplots()
    size = fig.get_size_inches().tolist()
    assert function(*args, **kwargs, ax=ax) is ax
    assert plt.get_fignums() == [fig.number]
    assert fig.get_size_inches().tolist() == size  # a given figure keeps its size
    assert function(*args, **kwargs) is not ax
    with pytest.raises(TypeError, match="ax: expected Axes, got Figure"):
        function(*args, **kwargs, ax=fig)
