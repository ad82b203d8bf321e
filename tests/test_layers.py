"""Tests of course_lib.layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import layers as module
from course_lib.activations import elu, gelu, relu, sigmoid, softplus, tanh
from course_lib.gradcheck import check_layer
from course_lib.layers import Activation, Dense, Dropout, Flatten, Layer, initialize_weights

sizes, seeds = st.integers(1, 6), st.integers(0, 2**32 - 1)


def generator(seed=0):
    return np.random.default_rng(seed)


# --- Dense -----------------------------------------------------------------------------


def test_dense_by_hand():
    layer = Dense(2).build((2,), rng=generator())
    layer.theta[:] = [1, 2, 3, 4, 10, 20]  # W row by row, then b
    assert layer.params["W"].tolist() == [[1, 2], [3, 4]]
    assert layer.params["b"].tolist() == [10, 20]
    assert layer.forward(np.array([[1.0, 0.0], [1.0, 1.0]])).tolist() == [[11, 22], [14, 26]]
    dx = layer.backward(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert dx.tolist() == [[1, 3], [2, 4]]
    assert layer.grad.tolist() == [1, 1, 0, 1, 1, 1]


@given(n=sizes, n_in=sizes, n_out=sizes, seed=seeds)
def test_dense_gradients(n, n_in, n_out, seed):
    rng = generator(seed)
    layer = Dense(n_out).build((n_in,), rng=rng)
    layer.params["b"][:] = rng.normal(size=n_out)
    errors = check_layer(layer, rng.normal(size=(n, n_in)), rng=rng)
    assert set(errors) == {"x", "W", "b"} and max(errors.values()) <= 1e-7


def test_a_wrong_gradient_is_found():
    class CountsTheBiasTwice(Dense):
        def backward(self, dy, *, needs_dx=True):
            dx = super().backward(dy, needs_dx=needs_dx)
            self.grads["b"] *= 2
            return dx

    rng = generator()
    layer = CountsTheBiasTwice(3).build((4,), rng=rng)
    errors = check_layer(layer, rng.normal(size=(5, 4)), rng=rng)
    assert errors["b"] > 0.1 and errors["W"] <= 1e-7


def test_backward_overwrites_the_gradients():
    rng = generator()
    layer = Dense(3).build((2,), rng=rng)
    layer.forward(rng.normal(size=(4, 2)))
    layer.backward(np.ones((4, 3)))
    first = layer.grad.copy()
    layer.backward(np.ones((4, 3)))
    assert np.array_equal(layer.grad, first)


# --- what all layers share -------------------------------------------------------------


def test_params_and_grads_are_views_of_the_flat_vectors():
    layer = Dense(3).build((2,), rng=generator())
    theta, grad = np.arange(9.0), np.zeros(9)
    layer.bind(theta, grad, (2,))
    assert layer.params["W"].tolist() == [[0, 1, 2], [3, 4, 5]]
    theta += 1
    assert layer.params["b"].tolist() == [7, 8, 9]
    layer.forward(np.ones((1, 2)))
    layer.backward(np.ones((1, 3)))
    assert grad.tolist() == [1] * 9


@pytest.mark.parametrize(
    "layer", [Layer(), Dense(3), Activation(tanh), Dropout(0.5, rng=generator()), Flatten()]
)
def test_no_gradient_of_the_input_where_nobody_reads_it(layer):
    layer.build((2,), rng=generator())
    y = layer.forward(np.ones((4, 2)))
    assert y.shape == (4, *layer.output_shape((2,)))
    assert layer.backward(np.ones_like(y), needs_dx=False) is None
    assert layer.backward(np.ones_like(y)).shape == (4, 2)


@pytest.mark.parametrize(
    "layer", [Dense(3), Activation(tanh), Dropout(0.5, rng=generator()), Flatten()]
)
@pytest.mark.parametrize("training", [False, True])
def test_float32_stays(layer, training):
    layer.build((2,), rng=generator(), dtype=np.float32)
    y = layer.forward(np.ones((4, 2), np.float32), training=training)
    assert y.dtype == layer.backward(y).dtype == np.float32


@given(n=sizes, d=sizes, seed=seeds, function=st.sampled_from([elu, gelu, sigmoid, softplus, tanh]))
def test_activation_gradients(n, d, seed, function):
    rng = generator(seed)
    assert check_layer(Activation(function), rng.normal(size=(n, d)), rng=rng)["x"] <= 1e-7


@given(shape=st.lists(sizes, min_size=1, max_size=3), seed=seeds)
def test_flatten_gradients(shape, seed):
    rng = generator(seed)
    x = rng.normal(size=(2, *shape))
    assert Flatten().forward(x).shape == (2, *Flatten().output_shape(tuple(shape)))
    assert check_layer(Flatten(), x, rng=rng)["x"] <= 1e-7


def test_relu_gives_no_gradient_at_zero():
    layer = Activation(relu)
    assert layer.forward(np.array([[-1.0, 0.0, 2.0]])).tolist() == [[0, 0, 2]]
    assert layer.backward(np.ones((1, 3))).tolist() == [[0, 0, 1]]


# --- Dropout ---------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate):
    layer = Dropout(rate, rng=generator())
    y = layer.forward(np.ones((1000, 200)), training=True)
    error_of_mean = np.sqrt(rate / (1 - rate) / y.size)
    assert abs(y.mean() - 1) < 4 * error_of_mean
    assert abs(np.mean(y == 0) - rate) < 4 * np.sqrt(rate * (1 - rate) / y.size)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate))


def test_dropout_is_off_outside_training():
    layer, x = Dropout(0.9, rng=generator()), generator(1).normal(size=(5, 4))
    layer.forward(x, training=True)
    assert np.array_equal(layer.forward(x), x)
    assert np.array_equal(layer.backward(x), x)


def test_dropout_of_rate_zero_drops_nothing():
    x = np.ones((5, 4))
    assert np.array_equal(Dropout(0.0, rng=generator()).forward(x, training=True), x)


def test_the_gradient_of_dropout_takes_the_way_of_the_signal():
    layer = Dropout(0.5, rng=generator())
    x = generator(1).normal(size=(20, 4)) + 5
    y, again = layer.forward(x, training=True), layer.backward(x)
    assert np.array_equal(y, again)
    assert not np.array_equal(layer.forward(x, training=True), y)  # drawn anew


# --- the start -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initializer", "shape", "variance"),
    [
        ("he", (300, 200), 2 / 300),
        ("glorot", (300, 200), 2 / 500),
        ("he", (3, 3, 40, 50), 2 / 360),
        ("glorot", (5, 60, 100), 2 / 800),
    ],
)
def test_variance_of_the_start(initializer, shape, variance):
    weights = np.empty(shape)
    initialize_weights(weights, initializer, rng=generator())
    assert weights.var() == pytest.approx(variance, rel=0.05)
    assert abs(weights.mean()) < 5 * np.sqrt(variance / weights.size)


def test_dense_starts_with_its_initializer_and_no_bias():
    he, glorot = (
        Dense(7, initializer=name).build((3,), rng=generator()) for name in ("he", "glorot")
    )
    np.testing.assert_allclose(he.params["W"], glorot.params["W"] * np.sqrt(10 / 3))
    assert not he.params["b"].any()


# --- refused ---------------------------------------------------------------------------

RNG = {"rng": generator()}


BAD_CALLS = [
    (Dense, (0,), {}, ValueError, "units: expected an integer of at least 1, got 0"),
    (Dense, (2.5,), {}, TypeError, "units: expected an integer"),
    (Dense, (3,), {"initializer": "ones"}, ValueError, "initializer: .*he or glorot.*'ones'"),
    (Activation, ("relu",), {}, TypeError, "function: .*relu.*got 'relu'"),
    (Activation, (np.tanh,), {}, TypeError, "function: expected an ActivationFunction"),
    (Dropout, (1.0,), RNG, ValueError, "rate: .* below 1, got 1"),
    (Dropout, (-0.1,), RNG, ValueError, "rate: .* at least 0"),
    (Dropout, ("a",), RNG, TypeError, "rate: expected"),
    (Dropout, (0.5,), {"rng": 3}, TypeError, "rng: expected a generator"),
    (Layer().build, ((0,),), RNG, ValueError, "input_shape: .* at least 1, got 0"),
    (Layer().build, (3,), RNG, TypeError, r"input_shape: expected a shape such as \(4,\), got 3"),
    (Layer().build, ((),), RNG, ValueError, "input_shape: expected a shape"),
    (Layer().build, ((3,),), {"rng": 0}, TypeError, "rng: expected a generator"),
    (Dense(3).build, ((2, 2),), RNG, ValueError, r"input_shape: .* 1 integers, got \(2, 2\)"),
    (Dense(3).build, (("a",),), RNG, TypeError, "input_shape: expected an integer"),
    (Dense(3).bind, (np.zeros(8), np.zeros(9), (2,)), {}, ValueError, r"theta: .*\(9,\).*\(8,\)"),
    (Dense(3).bind, (np.zeros(9), np.zeros(8), (2,)), {}, ValueError, r"grad: .*\(9,\).*\(8,\)"),
    (Flatten().output_shape, ((2.5,),), {}, TypeError, "input_shape: expected an integer"),
    (initialize_weights, (np.zeros(3), "he"), RNG, ValueError, r"weights: .*shape \(3,\)"),
    (initialize_weights, (np.zeros((3, 3)), "his"), RNG, ValueError, "initializer: .*'his'"),
    (initialize_weights, (np.zeros((3, 3)), "he"), {"rng": 3}, TypeError, "rng: expected"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    owners = (getattr(function, "__self__", function) for function, *_ in BAD_CALLS)
    covered = {getattr(owner, "__name__", type(owner).__name__) for owner in owners}
    assert covered == set(module.__all__)
