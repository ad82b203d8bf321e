"""Tests of course_lib.keras_models."""

import warnings
from itertools import pairwise

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import _data_files, datasets, optimizers
from course_lib import keras_models as module
from course_lib.keras_models import (
    augmentation,
    cosine,
    dropout_mlp,
    fit_strong,
    one_cycle,
    scale_pixels,
    slides_cnn,
    slides_mlp,
    strong_cnn,
    to_network,
)
from course_lib.layers import Dropout

BUILDERS = [slides_mlp, dropout_mlp, slides_cnn, strong_cnn]


@pytest.fixture(scope="module")
def digits():
    return datasets.load_mnist(stand_in=True)


def random_images(model, n=32, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.random((n, *model.input_shape[1:]), dtype=np.float32)
    return images, rng.integers(0, 10, n)


def accuracy_after_training(images, *, scale=scale_pixels, n=None):
    """Return the test accuracy of the slides' model after the slides' training."""
    keras.utils.set_random_seed(0)
    model = slides_mlp()
    X, y = images.X_train[:n], images.y_train[:n]
    model.fit(scale(X), y, epochs=5, batch_size=32, verbose=0)
    return model.evaluate(scale(images.X_test), images.y_test, verbose=0)[1]


def raw(images):
    return images.astype(np.float32)


def sequence(*stack, shape=(28, 28, 1)):
    """Return a model of the layers, and of a softmax at the end."""
    output = [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input(shape), *stack, *output])


# --- scale_pixels -----------------------------------------------------------------------


@given(st.lists(st.integers(0, 255), min_size=1))
def test_pixels_are_divided_by_255(values):
    for dtype in (np.uint8, np.int64, np.float32):
        pixels = np.array(values, dtype=dtype)
        scaled = scale_pixels(pixels)
        assert scaled.dtype == np.float32 and 0 <= scaled.min() <= scaled.max() <= 1
        np.testing.assert_allclose(scaled, np.array(values) / 255, rtol=1e-7)
        np.testing.assert_array_equal(pixels, values)  # the argument stays


def test_scaled_images_keep_their_shape(digits):
    assert scale_pixels(digits.X_test).shape == digits.X_test.shape


# --- the builders -----------------------------------------------------------------------

# Counted by hand: inputs x outputs + outputs for a dense layer; 9 x channels x filters for a
# convolution, and + filters with a bias; four numbers for each channel that is normalised.
BLOCK_COUNTS = [9 * a * b + 4 * b for a, b in pairwise([1, 32, 64, 64, 128, 128])]
COUNTS = {
    slides_mlp: 784 * 128 + 128 + 128 * 10 + 10,
    dropout_mlp: 101_770,
    slides_cnn: 9 * 32 + 32 + 13 * 13 * 32 * 10 + 10,
    strong_cnn: sum(BLOCK_COUNTS) + 128 * 10 + 10,
}
LAYERS = {
    slides_mlp: "Flatten Dense Dense",
    dropout_mlp: "Flatten Dense Dropout Dense",
    slides_cnn: "Conv2D MaxPooling2D Dropout Flatten Dropout Dense",
    strong_cnn: (
        "Conv2D MaxPooling2D BatchNormalization ReLU "
        "Conv2D BatchNormalization ReLU Conv2D MaxPooling2D BatchNormalization ReLU "
        "Conv2D BatchNormalization ReLU Conv2D BatchNormalization ReLU "
        "GlobalAveragePooling2D Dropout Dense"
    ),
}
OPTIMIZERS = {slides_mlp: "SGD", dropout_mlp: "SGD", slides_cnn: "Adam", strong_cnn: "Adam"}


@pytest.mark.parametrize("build", BUILDERS)
def test_parameters_and_layers(build):
    model = build()
    assert model.count_params() == COUNTS[build]
    assert [type(layer).__name__ for layer in model.layers] == LAYERS[build].split()
    assert type(model.optimizer).__name__ == OPTIMIZERS[build]
    assert model.loss == "sparse_categorical_crossentropy"


@pytest.mark.parametrize("build", BUILDERS)
def test_outputs_are_probabilities(build):
    model = build()
    probabilities = model.predict(random_images(model)[0], verbose=0)
    assert probabilities.shape == (32, 10) and probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("build", BUILDERS)
def test_models_are_new_and_drawn_with_the_global_seed(build):
    models = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        models.append(build())
    first, same, other = [model.get_weights()[0] for model in models]
    assert models[0] is not models[1]
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_keras_does_not_warn_of_the_input_shape():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for build in BUILDERS:
            build()
    assert not caught


def test_settings_of_the_layers():
    assert float(slides_mlp().optimizer.learning_rate) == pytest.approx(0.01)
    assert dropout_mlp().layers[2].rate == 0.5
    assert [slides_cnn().layers[i].rate for i in (2, 4)] == [0.25, 0.5]
    assert dropout_mlp(64, 0.2).count_params() == slides_mlp(64).count_params() == 50_890


# --- the slides' training ---------------------------------------------------------------


def test_the_slides_mlp_learns_scaled_pixels_only(digits):
    """Seeds 0 to 2: 0.88 to 0.90, and 0.10 with raw pixels, like a constant."""
    assert np.bincount(digits.y_test).max() / len(digits.y_test) < 0.12
    assert accuracy_after_training(digits) > 0.8
    assert accuracy_after_training(digits, scale=raw) < 0.5


def test_the_same_seed_gives_the_same_weights(digits):
    small = digits.X_train[:200], digits.y_train[:200]
    weights = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        model = dropout_mlp()
        model.fit(scale_pixels(small[0]), small[1], epochs=2, verbose=0)
        weights.append(model.get_weights())
    for first, same in zip(*weights[:2], strict=True):
        np.testing.assert_array_equal(first, same)
    assert (weights[0][0] != weights[2][0]).any()


needs_mnist = pytest.mark.skipif(
    _data_files.in_data_dir(datasets.MNIST.name) is None,
    reason=f"{datasets.MNIST.name} is not in COURSE_DATA_DIR",
)


@needs_mnist
def test_the_slides_mlp_on_mnist():
    """The slides' run printed 0.9381, which the raw pixels that they fed do not reach.

    A tenth of the images says so too. Seeds 0 to 2: 0.88 scaled, and at most 0.33 raw.
    """
    mnist = datasets.load_mnist()
    assert 0.930 <= accuracy_after_training(mnist) <= 0.942
    assert accuracy_after_training(mnist, scale=raw, n=6000) < 0.6


# --- augmentation -----------------------------------------------------------------------


@pytest.fixture
def dots():
    """300 images of a grey dot around row 14 and column 8."""
    keras.utils.set_random_seed(0)
    images = np.zeros((300, 28, 28, 1), dtype=np.float32)
    images[:, 13:16, 7:10] = 0.5
    return images


def centres(images):
    """Return the mean row and the mean column of the light of each image."""
    light = np.asarray(images)[..., 0]
    places = np.indices((28, 28))
    return (light * places[:, np.newaxis]).sum(axis=(2, 3)) / light.sum(axis=(1, 2))


def test_moves_are_of_two_pixels_at_most(dots):
    moved = augmentation()(dots, training=True).numpy()
    assert moved.shape == dots.shape and moved.dtype == dots.dtype
    assert moved.min() >= 0 and moved.max() <= 0.5 + 1e-6
    for found, start in zip(centres(moved), (14, 8), strict=True):
        assert np.abs(found - start).max() <= 2 + 1e-4
        assert (found - start).min() < -1.5 and (found - start).max() > 1.5


def test_only_garments_are_mirrored(dots):
    def mirrored(garments):
        columns = centres(augmentation(garments=garments)(dots, training=True))[1]
        return np.mean(columns > 14)

    assert mirrored(False) == 0
    assert 0.4 < mirrored(True) < 0.6


def test_garments_move_by_a_whole_pixel_or_not_at_all(dots):
    moved = augmentation(garments=True)(dots, training=True).numpy()
    assert set(np.unique(moved)) == {0, np.float32(0.5)}  # nothing is interpolated
    rows, columns = centres(moved)
    columns = np.where(columns > 14, 27 - columns, columns)  # the mirror undone
    for found, start in ((rows, 14), (columns, 8)):
        steps, counts = np.unique(np.rint(found - start), return_counts=True)
        np.testing.assert_allclose(found - start, np.rint(found - start), atol=1e-4)
        assert list(steps) == [-1, 0, 1] and counts.min() > 50


def test_an_image_that_is_used_stays(dots):
    still = augmentation(garments=True)(dots, training=False)
    np.testing.assert_array_equal(still, dots)


def test_what_comes_in_at_the_edge_is_black():
    moved = augmentation()(np.ones((50, 28, 28, 1)), training=True).numpy()
    assert moved.min() == 0 and moved[:, 2:-2, 2:-2].min() > 0.999


def test_moves_come_from_the_global_seed(dots):
    moves = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        moves.append(augmentation()(dots, training=True).numpy())
    np.testing.assert_array_equal(moves[0], moves[1])
    assert (moves[0] != moves[2]).any()


def test_moves_come_from_a_seed_of_their_own(dots):
    moves = [augmentation(seed=seed)(dots, training=True).numpy() for seed in (0, 0, 1)]
    np.testing.assert_array_equal(moves[0], moves[1])
    assert (moves[0] != moves[2]).any()


# --- schedules --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
@pytest.mark.parametrize("total", [1, 2, 3, 4, 10, 2345])
def test_schedules_are_those_of_part_two(name, total):
    """To 1e-6 of the largest rate: Keras computes in float32."""
    theirs, ours = getattr(module, name)(0.005, total), getattr(optimizers, name)(0.005, total)
    steps = [*range(0, total + 5, max(1, total // 60)), int(0.3 * total), total]
    rates = [float(theirs(step)) for step in steps]
    np.testing.assert_allclose(rates, [ours(step) for step in steps], rtol=0, atol=5e-9)


# --- fit_strong -------------------------------------------------------------------------


def small_model():
    """A linear model, which is quick to compile, in the place of the strong network."""
    return sequence()


def strong_fit(digits, *, n=130, build=small_model, meanwhile=0, **settings):
    """Return a model after the strong training with `n` images, and its history."""
    keras.utils.set_random_seed(0)
    model, X = build(), scale_pixels(digits.X_train[:n])[..., np.newaxis]
    keras.utils.set_random_seed(meanwhile)  # what else the reader's program does
    history = fit_strong(model, X, digits.y_train[:n], **{"epochs": 1, "seed": 0} | settings)
    return model, history.history


def test_the_strong_network_learns(digits):
    model, history = strong_fit(digits, n=64, build=strong_cnn, epochs=5)
    assert len(history["loss"]) == 5 and history["loss"][-1] < 0.7 * history["loss"][0]
    assert type(model.optimizer).__name__ == "AdamW"


def test_no_image_is_left_out_and_the_rate_ends_at_zero(digits):
    """130 images are a batch of 128 and one of 2, in both epochs."""
    validation = scale_pixels(digits.X_test)[..., np.newaxis], digits.y_test
    model, history = strong_fit(digits, n=130, epochs=2, validation=validation)
    assert int(model.optimizer.iterations) == 4
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def first_weights(digits, **settings):
    return strong_fit(digits, **settings)[0].get_weights()[0]


def test_the_training_is_that_of_its_seed(digits):
    first = first_weights(digits)
    np.testing.assert_array_equal(first, first_weights(digits, meanwhile=1))
    # One image has no order: the moves are others, or the mirror.
    one = first_weights(digits, n=1)
    assert (one != first_weights(digits, n=1, seed=1)).any()
    assert (first != first_weights(digits, garments=True)).any()


def test_the_order_is_that_of_the_seed(digits, monkeypatch):
    still = keras.Sequential([keras.layers.Identity()])
    monkeypatch.setattr(module, "augmentation", lambda garments, seed: still)
    assert (first_weights(digits) != first_weights(digits, seed=1)).any()


def test_verbose_is_what_keras_prints(digits, capsys):
    strong_fit(digits)
    assert capsys.readouterr().out == ""
    strong_fit(digits, verbose=2)
    assert "loss" in capsys.readouterr().out


# --- from Keras to part II --------------------------------------------------------------


def cnn_without_dropout(**settings):
    convolution = keras.layers.Conv2D(8, 3, activation="relu", **settings)
    return sequence(convolution, keras.layers.MaxPooling2D())


def with_random_biases(model, seed=0):
    """Biases start at zero, where a swap or a loss of them would not be seen."""
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
    return model


TWINS = {
    "slides_mlp": slides_mlp,
    "dropout_mlp": dropout_mlp,
    "slides_cnn": slides_cnn,
    "cnn": cnn_without_dropout,
    "cnn, strides and padding": lambda: cnn_without_dropout(strides=2, padding="same"),
}


@pytest.mark.parametrize("build", TWINS.values(), ids=TWINS)
def test_the_network_predicts_what_the_model_predicts(build):
    model = with_random_biases(build())
    X, _ = random_images(model)
    ours, theirs = to_network(model).predict_proba(X), model.predict(X, verbose=0)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    assert np.ptp(theirs, axis=0).max() > 1e-3  # the images do not all get the same answer


@pytest.mark.parametrize("build", [slides_mlp, cnn_without_dropout])
def test_a_step_of_training_gives_the_same_weights(build):
    model = with_random_biases(build())
    X, y = random_images(model)
    network = to_network(model)
    start = network.theta.copy()
    rate = 0.1
    model.compile(keras.optimizers.SGD(rate), loss="sparse_categorical_crossentropy")
    loss = network.loss_and_gradient(X, y)
    theirs = model.train_on_batch(X, y, return_dict=True)
    assert theirs["loss"] == pytest.approx(loss, rel=1e-5)
    optimizers.SGD(rate).step(network.theta, network.grad)
    np.testing.assert_allclose(network.theta, to_network(model).theta, rtol=0, atol=1e-6)
    assert np.abs(network.theta - start).max() > 1e-3


def test_dropout_comes_along():
    rates = [layer.rate for layer in to_network(slides_cnn()).layers if isinstance(layer, Dropout)]
    assert rates == [0.25, 0.5]


def test_the_network_has_weights_of_its_own():
    model = slides_mlp()
    before = model.get_weights()[0].copy()
    to_network(model).theta[:] = 0
    np.testing.assert_array_equal(model.get_weights()[0], before)


# --- bad calls --------------------------------------------------------------------------


Conv2D, Dense, MaxPooling2D = keras.layers.Conv2D, keras.layers.Dense, keras.layers.MaxPooling2D
CNN = sequence(Conv2D(1, 3, activation="relu"))
IMAGES, LABELS = np.zeros((2, 28, 28, 1)), [0, 1]
ONCE = {"epochs": 1, "seed": 0}
DIGITS = "y: expected integers from 0 to 9, got "
NO_TWIN = [
    (sequence(keras.layers.BatchNormalization(name="norm")), "layer norm: expected a layer of"),
    (sequence(Conv2D(1, 3, name="c")), "layer c: expected activation relu, got linear"),
    (sequence(Conv2D(1, 3, activation="tanh", name="c")), "activation relu, got tanh"),
    (sequence(Conv2D(1, 3, dilation_rate=2, name="c")), "dilation_rate (1, 1), got (2, 2)"),
    (sequence(Conv2D(1, 3, use_bias=False, name="c")), "layer c: expected use_bias True"),
    (sequence(Conv2D(1, 3, strides=(1, 2), name="c")), "strides (1, 1), got (1, 2)"),
    (sequence(Conv2D(2, 3, groups=2), shape=(9, 9, 2)), "expected groups 1, got 2"),
    (sequence(MaxPooling2D(2, strides=1, name="p")), "layer p: expected strides (2, 2), got"),
    (sequence(MaxPooling2D(3, padding="same", name="p")), "expected padding 'valid', got 'same'"),
    (sequence(Dense(3, activation="softmax", name="d")), "layer d: expected a softmax as the"),
    (keras.Sequential([keras.Input((3,)), Dense(2, name="d")]), "layer d: expected a softmax"),
    (keras.Sequential([Dense(2, activation="softmax")]), "model: expected a keras.Input"),
]
BAD_CALLS = [
    (scale_pixels, ([0.5],), {}, ValueError, "images: expected whole numbers from 0 to 255, got"),
    (scale_pixels, ([256],), {}, ValueError, "images: expected whole numbers from 0 to 255, got"),
    (scale_pixels, ([-1, 3],), {}, ValueError, "got -1"),
    (scale_pixels, ([np.nan],), {}, ValueError, "got nan"),
    (scale_pixels, ([np.inf],), {}, ValueError, "got inf"),
    (scale_pixels, ([],), {}, ValueError, "images: expected an array with one row for"),
    (scale_pixels, (["1"],), {}, TypeError, "images: expected whole numbers"),
    (scale_pixels, ([True],), {}, TypeError, "got bool"),
    (slides_mlp, (0,), {}, ValueError, "units: expected an integer of at least 1, got 0"),
    (slides_mlp, (1.5,), {}, TypeError, "units: expected an integer"),
    (dropout_mlp, (128, 1), {}, ValueError, "rate: expected a number of at least 0 and below 1"),
    (dropout_mlp, (128, "half"), {}, TypeError, "rate: expected"),
    (dropout_mlp, (-1,), {}, ValueError, "units: expected an integer of at least 1, got -1"),
    (slides_cnn, (32,), {}, TypeError, "positional argument"),
    (strong_cnn, (10,), {}, TypeError, "positional argument"),
    (augmentation, (True,), {}, TypeError, "positional argument"),
    (augmentation, (), {"seed": -1}, ValueError, "seed: expected an"),
    (augmentation, (), {"garments": 1}, TypeError, "garments: expected True or False, got 1"),
    (cosine, (0, 10), {}, ValueError, "initial: expected a finite number above 0, got 0"),
    (cosine, (0.1, 0), {}, ValueError, "total_steps: expected an integer of at least 1, got 0"),
    (one_cycle, ("fast", 10), {}, TypeError, "peak: expected a finite number above 0"),
    (one_cycle, (0.1, 1.5), {}, TypeError, "total_steps: expected an integer"),
    (fit_strong, ("CNN", IMAGES, LABELS), ONCE, TypeError, "model: expected a keras.Model, got"),
    (fit_strong, (CNN, IMAGES[..., 0], LABELS), ONCE, ValueError, "X: expected shape (n, 28, 28"),
    (fit_strong, (CNN, IMAGES + 255, LABELS), ONCE, ValueError, "X: expected pixels from 0 to 1"),
    (fit_strong, (CNN, IMAGES - 1, LABELS), ONCE, ValueError, "got -1 to -1"),
    (fit_strong, (CNN, IMAGES, [0]), ONCE, ValueError, "y: expected 2 values like X, got 1"),
    (fit_strong, (CNN, IMAGES, [0, 10]), ONCE, ValueError, DIGITS + "10"),
    (fit_strong, (CNN, IMAGES, [-1, 0]), ONCE, ValueError, DIGITS + "-1"),
    (fit_strong, (CNN, IMAGES, ["a", "b"]), ONCE, TypeError, DIGITS + "strings"),
    (fit_strong, (CNN, IMAGES, LABELS), ONCE | {"epochs": 0}, ValueError, "epochs: expected"),
    (fit_strong, (CNN, IMAGES, LABELS), ONCE | {"seed": None}, TypeError, "seed: expected"),
    (fit_strong, (CNN, IMAGES, LABELS), ONCE | {"seed": -1}, ValueError, "seed: expected an"),
    (
        fit_strong,
        (CNN, IMAGES, LABELS),
        ONCE | {"garments": "no"},
        TypeError,
        "garments: expected True",
    ),
    (fit_strong, (CNN, IMAGES, LABELS), ONCE | {"verbose": 3}, ValueError, "verbose: expected 0"),
    (
        *(fit_strong, (CNN, IMAGES, LABELS), ONCE | {"validation": IMAGES}),
        *(TypeError, "validation: expected a pair (X, y)"),
    ),
    (to_network, ([Dense(2)],), {}, TypeError, "model: expected a keras.Sequential, got list"),
    *((to_network, (model,), {}, ValueError, words) for model, words in NO_TWIN),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_say_what_is_wrong(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_is_in_the_table():
    assert {function.__name__ for function, *_ in BAD_CALLS} == set(module.__all__)
