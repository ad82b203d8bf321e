"""Tests of course_lib.gradcheck: it accepts right gradients and refuses wrong ones."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from course_lib import gradcheck as module
from course_lib.gradcheck import check_layer, check_network, numerical_gradient, relative_error

vectors = st.lists(st.floats(-10, 10), min_size=1, max_size=6).map(np.array)
LIMIT = 1e-7


class Affine:
    """``y = x W + b``, with the mistake that a test asks for."""

    def __init__(self, mistake=""):
        self.mistake, self.forwards = mistake, 0
        rng = np.random.default_rng(0)
        self.params = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}
        self.grads = {name: np.full_like(values, np.nan) for name, values in self.params.items()}

    def forward(self, x, *, training=False):
        assert training is False
        self.x, self.forwards = x, self.forwards + 1
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy):
        self.grads["W"][...] = self.x.T @ dy
        self.grads["b"][...] = dy.sum(axis=0)
        if self.mistake in self.grads:
            self.grads[self.mistake] *= 2
        return dy @ self.params["W"].T * (1.001 if self.mistake == "x" else 1)


class Quadratic:
    """A network of three parameters whose loss is ``theta . theta * y``."""

    def __init__(self, factor=2):
        self.theta, self.grad = np.array([1.0, -2.0, 3.0]), np.zeros(3)
        self.factor = factor

    def loss_and_gradient(self, X, y):
        self.grad[:] = self.factor * y * self.theta
        return float(self.theta @ self.theta * y)


@given(x=st.lists(st.floats(-2, 2), min_size=2, max_size=6).map(np.array))
def test_numerical_gradient_of_rosenbrock(x):
    exact = optimize.rosen_der(x)
    np.testing.assert_allclose(numerical_gradient(optimize.rosen, x), exact, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 2)])
def test_numerical_gradient_has_the_shape_of_the_point(shape):
    x = np.random.default_rng(0).normal(size=shape)
    before = x.copy()
    gradient = numerical_gradient(lambda x: np.sum(x**3), x)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-7, atol=1e-9)
    assert gradient.shape == shape and np.array_equal(x, before)


def test_central_differences_are_exact_on_a_parabola_and_of_second_order_elsewhere():
    assert numerical_gradient(lambda x: x[0] ** 2, [3.0], h=0.5)[0] == 6
    errors = [numerical_gradient(lambda x: x[0] ** 3, [1.0], h=h)[0] - 3 for h in (0.1, 0.05)]
    np.testing.assert_allclose(errors, [0.01, 0.0025], rtol=1e-9)


def test_differences_are_taken_in_double_precision():
    x = np.array([1.0], np.float32)
    gradient = numerical_gradient(lambda x: x[0] ** 2, x)
    assert gradient.dtype == np.float64
    assert gradient[0] == pytest.approx(2, rel=1e-9)
    assert numerical_gradient(lambda x: x[0] ** 2, [3])[0] == pytest.approx(6, rel=1e-9)


@given(a=vectors, scale=st.floats(0.01, 100))
def test_relative_error_is_symmetric_and_free_of_scale(a, scale):
    b = a[::-1] + 1
    error = relative_error(a, b)
    assert error == relative_error(b, a)
    assert 0 <= error <= 2
    assert relative_error(scale * a, scale * b) == pytest.approx(error, rel=1e-9)
    assert relative_error(a, a) == 0


def test_relative_error_at_its_ends():
    assert relative_error([0.0, 0.0], [0.0, 0.0]) == 0
    assert relative_error([1.0], [-1.0]) == 2
    assert relative_error([0.0], [1e-100]) == 1


def test_a_right_layer_passes():
    layer, x = Affine(), np.random.default_rng(1).normal(size=(4, 3))
    before = {name: values.copy() for name, values in layer.params.items()}
    errors = check_layer(layer, x, rng=np.random.default_rng(2))
    assert set(errors) == {"x", "W", "b"} and max(errors.values()) < LIMIT
    for name, values in before.items():
        assert np.array_equal(layer.params[name], values)


def test_backward_is_called_after_a_forward_at_the_point_itself():
    class Squashed(Affine):
        def forward(self, x, *, training=False):
            self.a = np.tanh(super().forward(x))
            return self.a

        def backward(self, dy):
            return super().backward(dy * (1 - self.a**2))

    errors = check_layer(Squashed(), np.full((4, 3), 0.3), rng=np.random.default_rng(2))
    assert max(errors.values()) < LIMIT


@pytest.mark.parametrize("mistake", ["x", "W", "b"])
def test_a_mistake_is_found_where_it_is(mistake):
    errors = check_layer(Affine(mistake), np.ones((4, 3)), rng=np.random.default_rng(2))
    assert {name for name, error in errors.items() if error > LIMIT} == {mistake}


def test_the_weights_of_the_outputs_are_random():
    # A backward that adds where it should subtract is right when all the weights are 1.
    class Swapped(Affine):
        def backward(self, dy):
            return super().backward(dy[::-1])

    assert check_layer(Swapped(), np.ones((4, 3)), rng=np.random.default_rng(2))["x"] > 0.1


def test_a_failing_layer_gets_its_parameters_back():
    class Failing(Affine):
        def forward(self, x, *, training=False):
            if self.forwards == 9:
                raise RuntimeError
            return super().forward(x)

    layer, before = Failing(), Affine().params
    with pytest.raises(RuntimeError):
        check_layer(layer, np.ones((1, 3)), rng=np.random.default_rng(2))
    assert all(np.array_equal(layer.params[name], before[name]) for name in before)


def test_a_network_is_checked_and_left_as_it_was():
    network = Quadratic()
    assert check_network(network, None, 3.0) < LIMIT
    assert network.theta.tolist() == [1, -2, 3] and network.grad.tolist() == [6, -12, 18]
    assert check_network(Quadratic(factor=2.01), None, 3.0) == pytest.approx(0.005, rel=0.01)


# --- bad calls -------------------------------------------------------------------------

RNG = np.random.default_rng(0)
X = np.ones((4, 3))
SINGLE = SimpleNamespace(params={"W": np.ones(2, np.float32)})
SINGLE_NETWORK = SimpleNamespace(theta=np.ones(2, np.float32))

BAD_CALLS = [
    (numerical_gradient, (3, [1.0]), {}, TypeError, "f: expected a function"),
    (numerical_gradient, (np.sum, []), {}, ValueError, "x: expected at least one value"),
    (numerical_gradient, (np.sum, [np.nan]), {}, ValueError, "x: expected finite"),
    (numerical_gradient, (np.sum, ["a"]), {}, TypeError, "x: .* got strings"),
    (numerical_gradient, (np.sum, [1.0]), {"h": 0}, ValueError, "h: .* above 0, got 0"),
    (numerical_gradient, (np.sum, [1.0]), {"h": "a"}, TypeError, "h: expected"),
    (numerical_gradient, (np.sin, [1.0]), {}, TypeError, r"f\(x\): expected a finite number"),
    (numerical_gradient, (lambda x: np.inf, [1.0]), {}, ValueError, r"f\(x\): expected a finite"),
    (relative_error, ([1.0], [1.0, 2.0]), {}, ValueError, r"b: expected shape \(1,\) like a"),
    (relative_error, ([], []), {}, ValueError, "a: expected at least one value"),
    (relative_error, ([1.0], [np.inf]), {}, ValueError, "b: expected finite"),
    (relative_error, ([1.0], ["a"]), {}, TypeError, "b: .* got strings"),
    (check_layer, (3, X), {"rng": RNG}, TypeError, "layer: expected a layer .* got 3"),
    (check_layer, (SINGLE, X), {"rng": RNG}, ValueError, "layer: .* float64, got float32"),
    (check_layer, (Affine(), ["a"]), {"rng": RNG}, TypeError, "x: .* got strings"),
    (check_layer, (Affine(), X * np.nan), {"rng": RNG}, ValueError, "x: expected finite"),
    (check_layer, (Affine(), X), {"rng": 42}, TypeError, "rng: expected a generator"),
    (check_layer, (Affine(), X), {"rng": RNG, "h": -1}, ValueError, "h: expected .* above 0"),
    (check_network, (3, X, 1.0), {}, TypeError, "network: expected a network .* got 3"),
    (check_network, (SINGLE_NETWORK, X, 1.0), {}, ValueError, "network: .* got float32"),
    (check_network, (Quadratic(), X, 1.0), {"h": 0}, ValueError, "h: expected .* above 0"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    assert {function.__name__ for function, *_ in BAD_CALLS} == set(module.__all__)
