"""Tests of course_lib.decoder."""

import zipfile
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import decoder as module
from course_lib.decoder import (
    MLP,
    forward,
    from_keras,
    jacobian,
    linearize,
    load,
    loss_gradient,
    push_forward,
    save,
    select_outputs,
)
from course_lib.gradcheck import numerical_gradient, relative_error

SIZES = (2, 16, 16, 30)
SEEDS = st.integers(0, 2**32 - 1)


def random_mlp(seed=0, *, sizes=SIZES, output="sigmoid", dtype=np.float64):
    """Weights of the size that keeps activations of the order of 1, biases that are not 0."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, np.sqrt(2 / a), (a, b)).astype(dtype) for a, b in pairwise(sizes)]
    biases = [rng.normal(0, 0.3, b).astype(dtype) for b in sizes[1:]]
    return MLP(weights, biases, output)


def random_points(seed=0, n=5, dim=2):
    return np.random.default_rng(seed).normal(0, 1.5, (n, dim))


def differences(f, points, h=1e-5):
    """Return the derivatives (n, ..., dim) of the rows of f by central differences."""
    steps = h * np.eye(points.shape[1])
    columns = [(f(points + step) - f(points - step)) / (2 * h) for step in steps]
    return np.stack(columns, axis=-1)


def away_from_kinks(mlp, points, margin=1e-3):
    """Return the points at which no hidden unit is about to switch."""
    a, near = points, np.zeros(len(points), dtype=bool)
    for matrix, bias in zip(mlp.weights[:-1], mlp.biases[:-1], strict=True):
        z = a @ matrix + bias
        near |= (np.abs(z) < margin).any(axis=1)
        a = np.maximum(z, 0)
    return points[~near]


# --- the network ------------------------------------------------------------------------


def test_an_mlp_has_one_type():
    assert random_mlp(dtype=np.float32).dtype == np.float32
    assert random_mlp(dtype=np.float16).dtype == np.float32  # NumPy is slow in float16
    assert random_mlp(dtype=np.float64).dtype == np.float64
    assert MLP([[[1, 2]]], [[0, 0]]).dtype == np.float64
    mixed = MLP([np.ones((2, 3), np.float32)], [np.ones(3)])
    assert mixed.weights[0].dtype == mixed.biases[0].dtype == np.float64


def test_an_mlp_knows_its_sizes_and_does_not_change():
    mlp = random_mlp()
    assert (mlp.n_inputs, mlp.n_outputs, len(mlp.weights)) == (2, 30, 3)
    assert isinstance(mlp.weights, tuple) and isinstance(mlp.biases, tuple)
    with pytest.raises(AttributeError):
        mlp.output = "linear"


@pytest.mark.parametrize("output", ["sigmoid", "linear"])
def test_forward_is_the_formula(output):
    mlp, points = random_mlp(output=output), random_points()
    (W1, W2, W3), (b1, b2, b3) = mlp.weights, mlp.biases
    for point, image in zip(points, forward(mlp, points), strict=True):
        a = np.maximum(W2.T @ np.maximum(W1.T @ point + b1, 0) + b2, 0)
        z = W3.T @ a + b3
        expected = z if output == "linear" else 1 / (1 + np.exp(-z))
        np.testing.assert_allclose(image, expected, rtol=1e-12)


def test_everything_is_computed_in_the_type_of_the_network():
    points, images = random_points(), np.zeros((5, 30), dtype=np.uint8)
    for dtype in (np.float32, np.float64):
        mlp = random_mlp(dtype=dtype)
        results = [
            forward(mlp, points),
            *linearize(mlp, points),
            *loss_gradient(mlp, points, images),
        ]
        assert {result.dtype for result in results} == {np.dtype(dtype)}


def test_no_argument_is_written_into():
    points, images, tangents = random_points(), np.ones((5, 30)), np.ones((5, 1, 2))
    copies = [array.copy() for array in (points, images, tangents)]
    linear = MLP([np.eye(2)], [np.zeros(2)], "linear")
    forward(linear, points), push_forward(linear, points, tangents)
    loss_gradient(random_mlp(), points, images), loss_gradient(linear, points, points)
    for array, copy in zip((points, images, tangents), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(linear.weights[0], np.eye(2))


# --- derivatives ------------------------------------------------------------------------


@given(SEEDS, st.sampled_from(["sigmoid", "linear"]))
def test_the_jacobian_is_that_of_finite_differences(seed, output):
    mlp = random_mlp(seed, output=output)
    points = away_from_kinks(mlp, random_points(seed))
    if len(points):
        ours, theirs = jacobian(mlp, points), differences(lambda y: forward(mlp, y), points)
        assert ours.shape == (len(points), 30, 2)
        assert relative_error(ours, theirs) <= 1e-7


@given(SEEDS)
def test_linearize_gives_the_outputs_and_the_jacobian(seed):
    mlp, points = random_mlp(seed), random_points(seed)
    outputs, matrices = linearize(mlp, points)
    np.testing.assert_array_equal(outputs, forward(mlp, points))
    np.testing.assert_array_equal(matrices, jacobian(mlp, points))


@given(SEEDS, st.integers(1, 4))
def test_tangents_are_products_with_the_jacobian(seed, k):
    mlp, points = random_mlp(seed), random_points(seed)
    tangents = np.random.default_rng(seed).normal(size=(5, k, 2))
    outputs, pushed = push_forward(mlp, points, tangents)
    np.testing.assert_array_equal(outputs, forward(mlp, points))
    expected = np.einsum("noi,nki->nko", jacobian(mlp, points), tangents)
    np.testing.assert_allclose(pushed, expected, rtol=1e-10, atol=1e-12)


def test_two_networks_are_linked_by_the_chain_rule():
    """D goes from 2 to 30 numbers and E back: the derivative of E(D(y)) is 2 x 2."""
    D, E = random_mlp(1), random_mlp(2, sizes=(30, 16, 2), output="linear")
    points = random_points()
    images, tangents = push_forward(D, points, np.tile(np.eye(2), (5, 1, 1)))
    _, pushed = push_forward(E, images, tangents)
    theirs = differences(lambda y: forward(E, forward(D, y)), points)
    assert relative_error(pushed.transpose(0, 2, 1), theirs) <= 1e-7


def squared_error(mlp, points, images):
    return np.square(forward(mlp, points) - images).sum(axis=1)


@given(SEEDS, st.sampled_from(["sigmoid", "linear"]))
def test_the_gradient_of_the_loss_is_that_of_finite_differences(seed, output):
    mlp = random_mlp(seed, output=output)
    points = away_from_kinks(mlp, random_points(seed))
    if len(points) == 0:
        return
    images = np.random.default_rng(seed).random((len(points), 30))
    losses, gradients = loss_gradient(mlp, points, images)
    np.testing.assert_allclose(losses, squared_error(mlp, points, images), rtol=1e-12)
    theirs = differences(lambda y: squared_error(mlp, y, images), points)
    assert relative_error(gradients, theirs) <= 1e-7
    of_the_course = numerical_gradient(lambda y: squared_error(mlp, y, images).sum(), points)
    assert relative_error(gradients, of_the_course) <= 1e-7


def test_the_rows_are_independent():
    mlp, points, images = random_mlp(), random_points(n=40), np.zeros((40, 30))
    together = *linearize(mlp, points), *loss_gradient(mlp, points, images)
    parts = [
        (*linearize(mlp, points[i]), *loss_gradient(mlp, points[i], images[i]))
        for i in np.array_split(np.arange(40), 7)
    ]
    for whole, pieces in zip(together, zip(*parts, strict=True), strict=True):
        np.testing.assert_allclose(whole, np.concatenate(pieces), rtol=1e-12, atol=1e-14)


def test_a_point_that_fits_has_no_gradient():
    mlp, points = random_mlp(), random_points()
    losses, gradients = loss_gradient(mlp, points, forward(mlp, points))
    assert not losses.any() and not gradients.any()


# --- select_outputs ---------------------------------------------------------------------


def test_selected_outputs_are_those_of_the_whole_network():
    mlp, points = random_mlp(), random_points()
    mask = np.random.default_rng(0).random(30) < 0.5
    for kept in (mask, mask.nonzero()[0], [29, 0, 7], range(4)):
        selected = select_outputs(mlp, kept)
        expected = forward(mlp, points)[:, np.asarray(kept)]
        np.testing.assert_allclose(forward(selected, points), expected, rtol=1e-12)
    assert mlp.n_outputs == 30


# --- from Keras -------------------------------------------------------------------------


def keras_decoder(keras, output="sigmoid"):
    keras.utils.set_random_seed(0)
    stack = [
        keras.Input((2,)),
        keras.layers.Dense(24, activation="relu", bias_initializer="random_normal"),
        keras.layers.Dense(20, activation="relu", bias_initializer="random_normal"),
        keras.layers.Dense(35, activation=output, bias_initializer="random_normal", name="last"),
        keras.layers.Reshape((5, 7)),
    ]
    return keras.Sequential(stack)


@pytest.mark.parametrize("output", ["sigmoid", "linear"])
def test_forward_equals_keras(keras, output):
    model, points = keras_decoder(keras, output), random_points(n=50).astype(np.float32)
    theirs = model.predict(points, verbose=0).reshape(50, -1)
    np.testing.assert_allclose(forward(from_keras(model), points), theirs, rtol=0, atol=1e-5)
    assert np.ptp(theirs, axis=0).max() > 0.1


def test_the_output_can_be_another_than_in_keras(keras):
    logits, points = keras_decoder(keras, "linear"), random_points()
    ours = forward(from_keras(logits, output="sigmoid"), points)
    np.testing.assert_allclose(ours, 1 / (1 + np.exp(-forward(from_keras(logits), points))), 1e-5)


def test_the_derivatives_equal_those_of_tensorflow(keras):
    import tensorflow as tf

    model, points = keras_decoder(keras), random_points().astype(np.float32)
    images = np.random.default_rng(0).random((5, 35), dtype=np.float32)
    variable = tf.Variable(points)
    with tf.GradientTape(persistent=True) as tape:
        outputs = tf.reshape(model(variable), (5, 35))
        loss = tf.reduce_sum(tf.square(images - outputs))
    theirs = tape.batch_jacobian(outputs, variable)
    mlp = from_keras(model)
    np.testing.assert_allclose(jacobian(mlp, points), theirs, rtol=1e-4, atol=1e-5)
    losses, gradients = loss_gradient(mlp, points, images)
    np.testing.assert_allclose(losses.sum(), loss, rtol=1e-5)
    np.testing.assert_allclose(gradients, tape.gradient(loss, variable), rtol=1e-4, atol=1e-5)


def test_the_network_has_weights_of_its_own(keras):
    model = keras_decoder(keras)
    from_keras(model).weights[0][:] = 0
    assert model.get_weights()[0].any()


def stack(keras, *layers):
    return keras.Sequential([keras.Input((4,)), *layers])


BAD_MODELS = [
    (lambda k: stack(k, k.layers.Dropout(0.5, name="d")), "layer d: expected a Dense layer, got"),
    (
        lambda k: stack(k, k.layers.Dense(3, "tanh", name="d"), k.layers.Dense(2)),
        "layer d: expected activation relu, got tanh",
    ),
    (
        lambda k: stack(k, k.layers.Dense(2, "softmax", name="d")),
        "layer d: expected activation sigmoid or linear, got softmax",
    ),
    (lambda k: stack(k, k.layers.Dense(2, use_bias=False, name="d")), "use_bias True, got False"),
    (lambda k: stack(k, k.layers.Flatten()), "model: expected one Dense layer or more, got none"),
    (lambda k: k.Sequential([k.layers.Dense(2, name="d")]), "layer d: expected weights, from a"),
]


@pytest.mark.parametrize(("build", "words"), BAD_MODELS)
def test_models_that_have_no_twin(keras, build, words):
    with pytest.raises(ValueError) as caught:
        from_keras(build(keras))
    assert words in str(caught.value)


# --- files ------------------------------------------------------------------------------


def pair():
    return {"encoder": random_mlp(1, sizes=(30, 16, 4), output="linear"), "decoder": random_mlp(2)}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-3), ("float32", 1e-7)])
def test_what_is_saved_is_loaded(tmp_path, dtype, tolerance):
    save(tmp_path / "pair.npz", pair(), dtype=dtype)
    for path in (tmp_path / "pair.npz", str(tmp_path / "pair.npz")):
        loaded = load(path)
        assert list(loaded) == ["encoder", "decoder"]
        for name, mlp in pair().items():
            assert loaded[name].output == mlp.output and loaded[name].dtype == np.float32
            for ours, theirs in zip(
                loaded[name].weights + loaded[name].biases, mlp.weights + mlp.biases, strict=True
            ):
                np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=1e-6)


def test_float16_is_written_and_halves_the_file(tmp_path):
    for dtype in ("float16", "float32"):
        save(tmp_path / f"{dtype}.npz", pair(), dtype=dtype)
        with np.load(tmp_path / f"{dtype}.npz") as file:
            assert file["decoder.weights.1"].dtype == dtype
    sizes = [(tmp_path / f"{dtype}.npz").stat().st_size for dtype in ("float16", "float32")]
    assert sizes[0] < 0.75 * sizes[1]


def test_an_older_file_is_replaced(tmp_path):
    path = tmp_path / "a.npz"
    save(path, pair())
    save(path, {"other": random_mlp()})
    assert list(load(path)) == ["other"]


def damaged(path, how):
    save(path, pair())
    content = bytearray(path.read_bytes())
    if how == "cut":
        content = content[: len(content) // 2]
    elif how == "flipped":
        content[len(content) // 2] ^= 0xFF
    else:
        content = bytearray(how)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("how", ["cut", "flipped", b"", b"no archive", b"PK\x03\x04"], ids=repr)
def test_a_damaged_file_is_refused(tmp_path, how):
    path = damaged(tmp_path / "a.npz", how)
    with pytest.raises(ValueError, match=r"path: expected a file that decoder\.save wrote, got"):
        load(path)


def test_a_wrong_byte_is_seen_wherever_it_matters(tmp_path):
    """A few bytes carry nothing, the date of an entry for example."""
    path = tmp_path / "a.npz"
    save(path, pair())
    content, right = path.read_bytes(), load(path)
    directory = range(len(content) - 650, len(content))  # of the zip file: it has no check sum
    refused, places = 0, [*range(0, len(content), 29), *directory]
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            loaded = load(path)
        except ValueError as error:
            assert str(error).startswith("path: expected a file that decoder.save wrote, got")
            refused += 1
        else:
            assert list(loaded) == list(right)
            for name, mlp in right.items():
                for ours, theirs in zip(loaded[name].weights, mlp.weights, strict=True):
                    np.testing.assert_array_equal(ours, theirs)
    assert refused > len(places) / 3


def drop(name):
    return lambda arrays: {key: value for key, value in arrays.items() if key != name}


OTHER_CONTENT = {
    "another archive": lambda arrays: {"x": np.zeros(3)},
    "no bias": drop("decoder.biases.1"),
    "no first layer": drop("decoder.weights.0"),
    "shapes that do not fit": lambda arrays: {**arrays, "decoder.biases.0": np.zeros(3)},
    "not finite": lambda arrays: {**arrays, "decoder.biases.0": np.full(16, np.nan)},
    "strings": lambda arrays: {**arrays, "decoder.biases.0": np.full(16, "a")},
    "an unknown activation": lambda arrays: {**arrays, "decoder.output": np.array("tanh")},
    "objects": lambda arrays: {**arrays, "decoder.biases.0": np.array([None], dtype=object)},
}


@pytest.mark.parametrize("change", OTHER_CONTENT.values(), ids=OTHER_CONTENT)
def test_another_content_is_refused(tmp_path, change):
    path = tmp_path / "a.npz"
    save(path, pair())
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **change(arrays))
    with pytest.raises(ValueError, match=r"path: expected a file that decoder\.save wrote, got"):
        load(path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("letter.txt", "Dear reader")
    with pytest.raises(ValueError, match=r"path: expected a file that decoder\.save wrote"):
        load(tmp_path / "a.npz")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(ValueError, match=r"a\.npz \(no such file\)"):
        load(tmp_path / "a.npz")


# --- bad calls --------------------------------------------------------------------------


SMALL = MLP([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], [np.zeros(3)], "linear")
HUGE = MLP([[[1e6]]], [[0.0]])
POINTS, IMAGES, TANGENTS = np.zeros((4, 2)), np.zeros((4, 3)), np.zeros((4, 1, 2))
NO_POINTS = [
    ((3, POINTS), TypeError, "mlp: expected an MLP, got 3"),
    ((SMALL, [0.0, 0.0]), ValueError, "points: expected a 2-D array"),
    ((SMALL, np.zeros((4, 3))), ValueError, "points: expected shape (n, 2), got shape (4, 3)"),
    ((SMALL, np.zeros((0, 2))), ValueError, "points: expected at least one value"),
    ((SMALL, [[np.nan, 0]]), ValueError, "points: expected finite numbers, got nan"),
    ((SMALL, [["a", "b"]]), TypeError, "points: expected a 2-D array of numbers, got strings"),
]
BAD_CALLS = [
    (MLP, ([], []), {}, ValueError, "weights: expected one matrix or more, got none"),
    (MLP, ([[1.0]], [[1.0]]), {}, ValueError, "weights: expected a 2-D array"),
    (MLP, ([[[1.0]]], []), {}, ValueError, "biases: expected 1 values like weights, got 0"),
    (MLP, ([[[1.0]]], [[0.0, 0.0]]), {}, ValueError, "biases: expected 1 numbers for weights"),
    (MLP, ([[[1.0]], [[1.0]] * 2], [[0.0]] * 2), {}, ValueError, "weights: expected 1 rows after"),
    (MLP, ([[[np.inf]]], [[0.0]]), {}, ValueError, "weights: expected finite numbers, got inf"),
    (MLP, ([[["a"]]], [[0.0]]), {}, TypeError, "weights: expected a 2-D array of numbers"),
    (MLP, ([[[1.0]]], [[0.0]], "relu"), {}, ValueError, "output: expected sigmoid or linear, got"),
    *((forward, args, {}, error, words) for args, error, words in NO_POINTS),
    *((linearize, args, {}, error, words) for args, error, words in NO_POINTS),
    *((jacobian, args, {}, error, words) for args, error, words in NO_POINTS),
    *((push_forward, (*args, TANGENTS), {}, error, words) for args, error, words in NO_POINTS),
    *((loss_gradient, (*args, IMAGES), {}, error, words) for args, error, words in NO_POINTS),
    (push_forward, (SMALL, POINTS, POINTS), {}, ValueError, "tangents: expected a 3-D array"),
    (
        *(push_forward, (SMALL, POINTS, np.zeros((4, 1, 3))), {}),
        *(ValueError, "tangents: expected shape (4, n_tangents, 2), got shape (4, 1, 3)"),
    ),
    (
        *(loss_gradient, (SMALL, POINTS, np.zeros((4, 2))), {}),
        *(ValueError, "images: expected shape (4, 3), an image for each point, got shape (4, 2)"),
    ),
    (loss_gradient, (SMALL, POINTS, IMAGES + np.nan), {}, ValueError, "images: expected finite"),
    (loss_gradient, (SMALL, POINTS, "image"), {}, TypeError, "images: expected a 2-D array of"),
    (select_outputs, ("mlp", [0]), {}, TypeError, "mlp: expected an MLP, got 'mlp'"),
    (select_outputs, (SMALL, []), {}, ValueError, "kept: expected at least one value"),
    (select_outputs, (SMALL, [False] * 3), {}, ValueError, "kept: expected one output or more"),
    (select_outputs, (SMALL, [True] * 2), {}, ValueError, "kept: expected 3 booleans, got 2"),
    (select_outputs, (SMALL, [0, 3]), {}, ValueError, "kept: expected numbers from 0 to 2, got 3"),
    (select_outputs, (SMALL, [-1]), {}, ValueError, "kept: expected numbers from 0 to 2, got -1"),
    (select_outputs, (SMALL, [0.0]), {}, TypeError, "kept: expected integers or booleans, got"),
    (select_outputs, (SMALL, ["a"]), {}, TypeError, "kept: expected a 1-D array of numbers"),
    (from_keras, ("model",), {}, TypeError, "model: expected a model of Keras, got 'model'"),
    (save, (3, {"a": SMALL}), {}, TypeError, "path: expected a path, got 3"),
    (save, ("a.h5", {"a": SMALL}), {}, ValueError, "path: expected a name that ends in .npz, got"),
    (save, ("a.npz", SMALL), {}, TypeError, "mlps: expected a mapping from names to networks"),
    (save, ("a.npz", {}), {}, ValueError, "mlps: expected one network or more, got none"),
    (save, ("a.npz", {"a": 3}), {}, TypeError, "mlps['a']: expected an MLP, got 3"),
    (save, ("a.npz", {1: SMALL}), {}, TypeError, "mlps: expected names that are strings, got 1"),
    (save, ("a.npz", {"a": HUGE}), {}, ValueError, "mlps: expected weights that fit into float16"),
    (save, ("a.npz", {"a": SMALL}), {"dtype": "int8"}, ValueError, "dtype: expected float16 or"),
    (load, (3,), {}, TypeError, "path: expected a path, got 3"),
    (load, ("vae.keras",), {}, ValueError, "path: expected a name that ends in .npz, got"),
    (load, ("nowhere.npz",), {}, ValueError, "got nowhere.npz (no such file)"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_say_what_is_wrong(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_is_in_the_table():
    assert {function.__name__ for function, *_ in BAD_CALLS} == set(module.__all__)
