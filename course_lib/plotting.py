"""The figures of the course: each function draws one kind of figure and returns its Axes.

Call :func:`use_course_style` once, at the top of a page. A figure is drawn in
new Axes, or in those given as ``ax``; nothing is shown, saved or closed here.
"""

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_array,
    as_finite_real,
    as_labels,
    as_matrix,
    as_positive_int,
    as_vector,
    message,
    same_length,
)
from course_lib.metrics import PrecisionRecallCurve, RocCurve

__all__ = [
    "plot_confusion_matrix",
    "plot_contours",
    "plot_decision_boundary",
    "plot_descent_path",
    "plot_images",
    "plot_learning_curves",
    "plot_precision_recall_curve",
    "plot_regression_line",
    "plot_roc_curve",
    "use_course_style",
]

# At least 3:1 on white, and distinct for eyes that miss one kind of cone. Lines differ by their
# dashes too, and points by their shape, so that no figure needs its colours to be understood.
COLORS = ("#332288", "#D55E00", "#2F8FD0", "#882255", "#8A4FFF", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
GREY = "#5F5F5F"


def use_course_style() -> None:
    """Set the look of every later figure: colours, dashes, sizes, and repeatable SVG files.

    An SVG file still holds the date unless it is saved with
    ``metadata={"Date": None}``.

    Examples
    --------
    >>> use_course_style()
    >>> plt.rcParams["lines.linewidth"]
    2.0
    """
    plt.rcdefaults()
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=DASHES),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.grid": True,
            "grid.color": "#E0E0E0",
            "lines.linewidth": 2.0,
            "font.size": 11.0,
            "figure.figsize": (6.4, 4.2),
            "figure.constrained_layout.use": True,
            "legend.framealpha": 1.0,  # a legend stays readable over lines
            "savefig.facecolor": "white",
            "svg.hashsalt": "course",  # else the names inside an SVG file change at each run
        }
    )


def plot_regression_line(
    X: ArrayLike,
    y: ArrayLike,
    predict: Callable[[NDArray], ArrayLike],
    *,
    residuals: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw examples of one feature and the curve of a model that predicts them.

    Parameters
    ----------
    X : array_like of shape (n_samples, 1)
        Feature.
    y : array_like of shape (n_samples,)
        Target.
    predict : callable
        The model: features (m, 1) to predictions (m,).
    residuals : bool
        Also draw the error of each example, as a vertical segment.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``X`` or ``y`` is not numeric or ``predict`` not callable.
    ValueError
        If a shape is wrong or a value not finite.

    Examples
    --------
    >>> ax = plot_regression_line([[20], [30]], [8, 12], lambda X: 0.4 * X[:, 0])
    >>> ax.lines[0].get_ydata()[[0, -1]].tolist()
    [8.0, 12.0]
    """
    X, y = as_matrix(X, "X"), as_vector(y, "y")
    if X.shape[1] != 1:
        raise ValueError(message("X", "one column", f"shape {X.shape}"))
    same_length(X, y, "X", "y")
    _check_callable(predict, "predict")
    grid = np.linspace(X.min(), X.max(), 200)
    curve, predicted = _predictions(predict, grid[:, None]), _predictions(predict, X)

    ax = _axes(ax)
    ax.scatter(X[:, 0], y, color=COLORS[0], zorder=3, label="examples")
    ax.plot(grid, curve, color=COLORS[1], linestyle="-", label="model")
    if residuals:
        ax.vlines(X[:, 0], y, predicted, color=GREY, linestyle=":", linewidth=1.5, label="errors")
    ax.set(xlabel="feature", ylabel="target")
    ax.legend()
    return ax


def plot_confusion_matrix(matrix: ArrayLike, labels: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix: the counts in words, their share of the true class as a shade.

    Parameters
    ----------
    matrix : array_like of shape (K, K)
        Counts; one row for each true class, one column for each predicted class.
    labels : array_like of shape (K,)
        Names of the classes, in the order of the rows.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``matrix`` is not numeric or ``labels`` no labels.
    ValueError
        If ``matrix`` is not square, has a negative or fractional entry, or ``labels``
        another length.

    Notes
    -----
    A shade by count would hide a rare class, even one that is always mistaken.

    Examples
    --------
    >>> ax = plot_confusion_matrix([[90, 5], [2, 3]], ["no wolf", "wolf"])
    >>> [text.get_text() for text in ax.texts]
    ['90', '5', '2', '3']
    """
    counts = as_matrix(matrix, "matrix")
    if counts.shape[0] != counts.shape[1]:
        raise ValueError(message("matrix", "as many rows as columns", f"shape {counts.shape}"))
    wrong = counts[(counts < 0) | (counts % 1 != 0)]
    if wrong.size:
        raise ValueError(message("matrix", "counts, whole and not negative", wrong[0]))
    labels = as_labels(labels, "labels")
    same_length(counts, labels, "matrix", "labels")

    ax = _axes(ax)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        ink = _readable_on(picture.to_rgba(shares[row, column])[:3])
        ax.text(column, row, f"{count:.0f}", ha="center", va="center", color=ink)
    places = range(len(counts))
    slant = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if len(counts) > 4 else {}
    ax.set_xticks(places, labels, **slant)
    ax.set_yticks(places, labels)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.grid(False)
    return ax


def plot_roc_curve(curve: RocCurve, *, label: str, ax: Axes | None = None) -> Axes:
    """Draw a ROC curve, and the diagonal on which a classifier that guesses lies.

    Call it again with the same ``ax`` to compare classifiers.

    Parameters
    ----------
    curve : RocCurve
        As made by ``course_lib.metrics.roc_curve``.
    label : str
        Name of the classifier, for the legend.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``curve`` is not a ``RocCurve``.
    ValueError
        If its rates are not numbers between 0 and 1, or differ in number.

    Examples
    --------
    >>> from course_lib.metrics import roc_curve
    >>> ax = plot_roc_curve(roc_curve([0, 1, 1], [0.2, 0.1, 0.9]), label="detector")
    >>> [line.get_label() for line in ax.lines]
    ['guessing', 'detector']
    """
    _check_type(curve, RocCurve, "curve")
    fpr, tpr = _rates(curve.fpr, "curve.fpr"), _rates(curve.tpr, "curve.tpr")
    same_length(fpr, tpr, "curve.fpr", "curve.tpr")

    ax = _axes(ax)
    if "guessing" not in [line.get_label() for line in ax.lines]:
        # Added as an artist, it uses up neither a colour nor dashes of the cycle.
        ax.add_line(plt.Line2D([0, 1], [0, 1], color=GREY, linewidth=1, label="guessing"))
    ax.plot(fpr, tpr, label=label)
    return _finish_rates(ax, "false positive rate", "true positive rate (recall)")


def plot_precision_recall_curve(
    curve: PrecisionRecallCurve, *, label: str, ax: Axes | None = None
) -> Axes:
    """Draw a precision-recall curve in steps, as the average precision sums it.

    Call it again with the same ``ax`` to compare classifiers.

    Parameters
    ----------
    curve : PrecisionRecallCurve
        As made by ``course_lib.metrics.precision_recall_curve``.
    label : str
        Name of the classifier, for the legend.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``curve`` is not a ``PrecisionRecallCurve``.
    ValueError
        If its values are not numbers between 0 and 1, or differ in number.

    Examples
    --------
    >>> from course_lib.metrics import precision_recall_curve
    >>> curve = precision_recall_curve([0, 1, 1], [0.2, 0.1, 0.9])
    >>> plot_precision_recall_curve(curve, label="detector").get_xlabel()
    'recall'
    """
    _check_type(curve, PrecisionRecallCurve, "curve")
    recall = _rates(curve.recall, "curve.recall")
    precision = _rates(curve.precision, "curve.precision")
    same_length(recall, precision, "curve.recall", "curve.precision")

    ax = _axes(ax)
    # Recall falls along the curve: each precision holds down to the next smaller recall.
    ax.plot(recall, precision, drawstyle="steps-post", label=label)
    return _finish_rates(ax, "recall", "precision")


def plot_descent_path(
    f: Callable[[NDArray], float],
    path: ArrayLike,
    *,
    x_range: tuple[float, float],
    ax: Axes | None = None,
) -> Axes:
    """Draw a function of one variable and the points that a descent visited on its curve.

    Parameters
    ----------
    f : callable
        The function: a point (1,) to a number.
    path : array_like of shape (n_iter + 1, 1)
        Points visited, the start first, such as ``Result.path`` of a gradient descent.
    x_range : (float, float)
        Where to draw the curve.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``f`` is not callable or ``path`` not numeric.
    ValueError
        If ``path`` has another shape, a value is not finite, or ``x_range`` is empty.

    Examples
    --------
    >>> ax = plot_descent_path(lambda x: x[0] ** 2, [[2], [1], [0]], x_range=(-2, 2))
    >>> ax.lines[1].get_ydata().tolist()
    [4.0, 1.0, 0.0]
    """
    _check_callable(f, "f")
    path = _path(path, "path", n_variables=1)
    grid = np.linspace(*_range(x_range, "x_range"), 200)
    curve, points = _values(f, grid[:, None]), _values(f, path)

    ax = _axes(ax)
    ax.plot(grid, curve, color=COLORS[0], linestyle="-", label="$f$")
    ax.plot(path[:, 0], points, "o--", color=COLORS[1], linewidth=1.5, label="iterates")
    ax.plot(path[0, 0], points[0], "s", color=COLORS[5], markersize=9, label="start")
    ax.set(xlabel="$x$", ylabel="$f(x)$")
    ax.legend()
    return ax


def plot_contours(
    f: Callable[[NDArray], float],
    paths: Mapping[str, ArrayLike],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    ax: Axes | None = None,
) -> Axes:
    """Draw the level lines of a function of two variables and the paths of descents over them.

    Parameters
    ----------
    f : callable
        The function: a point (2,) to a number.
    paths : mapping of name to array_like of shape (n_iter + 1, 2)
        Points visited by each descent, the start first; ``{}`` for the level lines alone.
    x_range, y_range : (float, float)
        What to show of the plane.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``f`` is not callable, ``paths`` not a mapping, or a path not numeric.
    ValueError
        If a path has another shape, a value is not finite, or a range is empty.

    Examples
    --------
    >>> paths = {"step 0.1": [[2, 1], [1.6, 0.2]]}
    >>> f = lambda x: x[0] ** 2 + 4 * x[1] ** 2
    >>> ax = plot_contours(f, paths, x_range=(-3, 3), y_range=(-2, 2))
    >>> [line.get_label() for line in ax.lines]
    ['step 0.1']
    """
    _check_callable(f, "f")
    _check_type(paths, Mapping, "paths")
    paths = {name: _path(path, f"paths[{name!r}]", 2) for name, path in paths.items()}
    x, y = np.meshgrid(
        np.linspace(*_range(x_range, "x_range"), 80), np.linspace(*_range(y_range, "y_range"), 80)
    )
    heights = _values(f, np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)

    ax = _axes(ax)
    # Equal areas between the lines: a narrow valley shows as well as its steep sides.
    levels = np.unique(np.quantile(heights, np.linspace(0, 1, 14)[1:-1]))
    ax.contour(x, y, heights, levels, colors=GREY, linewidths=0.8)
    for name, path in paths.items():
        ax.plot(path[:, 0], path[:, 1], marker="o", markersize=4, linewidth=1.5, label=name)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=x_range, ylim=y_range)
    if paths:
        ax.legend()
    return ax


def plot_learning_curves(losses: Mapping[str, ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Draw losses against the epochs, one line for each name.

    Parameters
    ----------
    losses : mapping of name to array_like of shape (n_epochs + 1,)
        Losses, that of the start first.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``losses`` is not a mapping or a loss not numeric.
    ValueError
        If there is no curve, or a curve is empty, not 1-D or not finite.

    Examples
    --------
    >>> ax = plot_learning_curves({"training": [3, 2, 1], "validation": [3, 2.5, 2.6]})
    >>> [line.get_label() for line in ax.lines]
    ['training', 'validation']
    """
    _check_type(losses, Mapping, "losses")
    if not losses:
        raise ValueError(message("losses", "at least one curve", "none"))
    curves = {name: as_vector(values, f"losses[{name!r}]") for name, values in losses.items()}

    ax = _axes(ax)
    for name, values in curves.items():
        ax.plot(np.arange(len(values)), values, label=name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend()
    return ax


def plot_decision_boundary(
    predict: Callable[[NDArray], ArrayLike],
    X: ArrayLike,
    y: ArrayLike,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw examples of two features and, behind them, the class that a model gives each point.

    Parameters
    ----------
    predict : callable
        The classifier: features (m, 2) to labels (m,).
    X : array_like of shape (n_samples, 2)
        Features.
    y : array_like of shape (n_samples,)
        True labels, of at most six classes.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``X`` is not numeric, ``y`` no labels, or ``predict`` not callable.
    ValueError
        If a shape is wrong, a value is not finite, or there are more than six classes.

    Examples
    --------
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> ax = plot_decision_boundary(lambda X: (X.sum(axis=1) > 0.5).astype(int), X, y)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0', '1']
    """
    _check_callable(predict, "predict")
    X, y = as_matrix(X, "X"), as_labels(y, "y")
    if X.shape[1] != 2:
        raise ValueError(message("X", "two columns", f"shape {X.shape}"))
    same_length(X, y, "X", "y")
    x1, x2 = _grid_around(X)
    points = np.column_stack([x1.ravel(), x2.ravel()])
    predicted = as_labels(predict(points), "predict(X)")
    same_length(points, predicted, "X", "predict(X)")
    classes = np.unique(np.concatenate([y, predicted]))
    if len(classes) > len(COLORS):
        raise ValueError(message("y", f"at most {len(COLORS)} classes", len(classes)))

    ax = _axes(ax)
    tints = np.array([1 - 0.3 * (1 - np.array(to_rgb(color))) for color in COLORS])
    regions = np.searchsorted(classes, predicted).reshape(x1.shape)
    extent = (x1.min(), x1.max(), x2.min(), x2.max())
    ax.imshow(tints[regions], extent=extent, origin="lower", aspect="auto")
    for label, color, marker in zip(classes, COLORS, MARKERS, strict=False):
        of_class = X[y == label]
        ax.scatter(*of_class.T, color=color, marker=marker, edgecolor="white", label=str(label))
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.legend()
    ax.grid(False)
    return ax


def plot_images(
    images: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    columns: int = 10,
    ax: Axes | None = None,
) -> Axes:
    """Draw grey images side by side, row after row, each under its label.

    Parameters
    ----------
    images : array_like of shape (n_images, height, width)
        Grey levels: integers from 0 to 255, or floats from 0 to 1; 0 is black.
    labels : array_like of shape (n_images,), optional
        What to write above each image.
    columns : int
        Images in a row.
    ax : Axes, optional
        Where to draw; new Axes when left out.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If ``images`` is not numeric, ``labels`` no labels, or ``columns`` no integer.
    ValueError
        If ``images`` is not 3-D or out of range, or ``labels`` has another length.

    Examples
    --------
    >>> ax = plot_images(np.zeros((3, 28, 28)), ["a", "b", "c"], columns=2)
    >>> [text.get_text() for text in ax.texts]
    ['a', 'b', 'c']
    """
    grey, white = _grey_levels(images)
    columns = min(as_positive_int(columns, "columns"), len(grey))
    if labels is not None:
        labels = as_labels(labels, "labels")
        same_length(grey, labels, "images", "labels")

    height, width = grey.shape[1:]
    gap = 2 if labels is None else max(2, round(0.4 * height))
    sheet, corners = _tile(grey, columns, gap, white)
    new = ax is None
    ax = _axes(ax)
    if new:
        ax.figure.set_size_inches(0.9 * columns, 0.9 * columns * sheet.shape[0] / sheet.shape[1])
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=white)
    for label, (top, left) in zip([] if labels is None else labels, corners, strict=False):
        ax.text(left + width / 2, top - 1, str(label), ha="center", va="bottom", fontsize=9)
    ax.set_axis_off()
    return ax


# --- What the figures share ---------------------------------------------------------------------


def _axes(ax: Axes | None) -> Axes:
    if ax is None:
        return plt.subplots()[1]
    _check_type(ax, Axes, "ax")
    return ax


def _grey_levels(images: ArrayLike) -> tuple[NDArray, int]:
    """Return the images as floats, and the number that stands for white in them."""
    grey = as_array(images, "images", ndim=3)
    white = 255 if np.asarray(images).dtype.kind in "iu" else 1
    if grey.min() < 0 or grey.max() > white:
        got = f"values from {grey.min():g} to {grey.max():g}"
        raise ValueError(message("images", f"values from 0 to {white}", got))
    return grey, white


def _tile(grey: NDArray, columns: int, gap: int, white: int) -> tuple[NDArray, list]:
    """Return one picture of all images, ``gap`` above each, and where (top, left) each one is."""
    n_images, height, width = grey.shape
    n_rows = -(-n_images // columns)
    sheet = np.full((n_rows * (height + gap), columns * (width + 2)), float(white))
    corners = [
        (i // columns * (height + gap) + gap, i % columns * (width + 2)) for i in range(n_images)
    ]
    for image, (top, left) in zip(grey, corners, strict=True):
        sheet[top : top + height, left : left + width] = image
    return sheet, corners


def _finish_rates(ax: Axes, xlabel: str, ylabel: str) -> Axes:
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    ax.legend()
    return ax


def _readable_on(background: tuple[float, float, float]) -> str:
    """Return black or white, whichever contrasts more with a colour (WCAG's luminance)."""
    c = np.asarray(background)
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"


def _grid_around(X: NDArray) -> tuple[NDArray, NDArray]:
    """Return the coordinates of 200 x 200 points around the examples, with a margin."""
    low, high = X.min(axis=0), X.max(axis=0)
    margin = np.where(high > low, 0.1 * (high - low), 1)
    x1, x2 = np.linspace(low - margin, high + margin, 200).T
    return np.meshgrid(x1, x2)


def _values(f: Callable[[NDArray], float], points: NDArray) -> NDArray:
    return np.array([as_finite_real(f(point), "f(x)") for point in points])


def _predictions(predict: Callable[[NDArray], ArrayLike], X: NDArray) -> NDArray:
    predicted = as_vector(predict(X), "predict(X)")
    same_length(X, predicted, "X", "predict(X)")
    return predicted


def _path(path: ArrayLike, name: str, n_variables: int) -> NDArray:
    points = as_matrix(path, name)
    if points.shape[1] != n_variables:
        raise ValueError(message(name, f"points of {n_variables} values", f"shape {points.shape}"))
    return points


def _range(limits: tuple[float, float], name: str) -> tuple[float, float]:
    low_high = as_vector(limits, name)
    if len(low_high) != 2 or low_high[0] >= low_high[1]:
        raise ValueError(message(name, "two numbers, the smaller first", limits))
    return tuple(low_high)


def _rates(values: ArrayLike, name: str) -> NDArray:
    rates = as_vector(values, name)
    outside = rates[(rates < 0) | (rates > 1)]
    if outside.size:
        raise ValueError(message(name, "values between 0 and 1", outside[0]))
    return rates


def _check_callable(value: object, name: str) -> None:
    if not callable(value):
        raise TypeError(message(name, "a function", repr(value)))


def _check_type(value: object, kind: type, name: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(message(name, kind.__name__, type(value).__name__))
