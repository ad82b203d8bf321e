"""Activations against SciPy and Keras, their slopes against differences, and their own laws."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special

from course_lib import activations as module
from course_lib.activations import (
    ActivationFunction,
    elu,
    gelu,
    gelu_tanh,
    identity,
    leaky_relu,
    log_softmax,
    make_elu,
    make_leaky_relu,
    relu,
    selu,
    sigmoid,
    softmax,
    softmax_jacobian,
    softplus,
    tanh,
)
from course_lib.gradcheck import numerical_gradient, relative_error

ALL = [relu, leaky_relu, elu, selu, gelu, gelu_tanh, sigmoid, softplus, tanh, identity]
KINKED = [relu, leaky_relu, selu]
MONOTONE = [f for f in ALL if f not in (gelu, gelu_tanh)]
every = pytest.mark.parametrize("f", ALL, ids=lambda f: f.name)

numbers = st.floats(-1e4, 1e4)
arrays = st.lists(numbers, min_size=1, max_size=20).map(np.array)
scores = st.lists(st.floats(-50, 50), min_size=2, max_size=6).map(np.array)
GRID = np.concatenate([np.linspace(-30, 30, 6001), [-1e4, -700.0, 700.0, 1e4]])


# --- against references ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "reference", "rtol"),
    [
        (sigmoid, special.expit, 1e-15),
        (softplus, lambda z: -special.log_expit(-z), 1e-15),
        (elu, lambda z: np.where(z > 0, z, special.expm1(z)), 1e-15),
        (
            gelu_tanh,
            lambda z: z * special.expit(np.sqrt(8 / np.pi) * (z + 0.044715 * z**3)),
            1e-15,
        ),
        # Far on the left SciPy's erfc has fewer digits than Python's.
        (gelu, lambda z: z * special.erfc(-z / 2**0.5) / 2, 3e-14),
    ],
)
def test_scipy_agrees_to_the_last_digits(f, reference, rtol):
    grid = GRID[np.abs(GRID) <= 700]  # further out some of the references overflow
    np.testing.assert_allclose(f(grid), reference(grid), rtol=rtol, atol=1e-300)


def test_gelu_near_zero_equals_the_error_function_of_scipy():
    z = np.linspace(-1, 1, 401)
    np.testing.assert_allclose(gelu(z), z * (1 + special.erf(z / 2**0.5)) / 2, rtol=1e-15)


@given(z=scores)
def test_softmax_and_its_logarithm_equal_scipy(z):
    np.testing.assert_allclose(softmax(z), special.softmax(z), rtol=1e-15)
    np.testing.assert_allclose(log_softmax(z), special.log_softmax(z), rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("axis", [0, 1, -1, 2])
def test_softmax_along_any_axis(axis):
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    np.testing.assert_allclose(softmax(z, axis), special.softmax(z, axis), rtol=1e-15)
    np.testing.assert_allclose(log_softmax(z, axis), special.log_softmax(z, axis), rtol=1e-14)


@pytest.mark.parametrize(
    ("f", "name", "arguments", "rtol"),
    [
        (relu, "relu", {}, 1e-12),
        (make_leaky_relu(0.25), "leaky_relu", {"negative_slope": 0.25}, 1e-12),
        (make_elu(0.5), "elu", {"alpha": 0.5}, 1e-12),
        (selu, "selu", {}, 1e-12),
        (sigmoid, "sigmoid", {}, 1e-12),
        (softplus, "softplus", {}, 1e-12),
        (tanh, "tanh", {}, 1e-12),
        # TensorFlow rounds the constants of these two to float32.
        (gelu, "gelu", {"approximate": False}, 1e-6),
        (gelu_tanh, "gelu", {"approximate": True}, 1e-6),
    ],
)
def test_keras_agrees_on_values_and_derivatives(keras, f, name, arguments, rtol):
    import tensorflow as tf

    z = tf.Variable(np.linspace(-8, 8, 100))
    with tf.GradientTape() as tape:
        a = getattr(keras.ops, name)(z, **arguments)
    slope = tape.gradient(a, z)
    assert a.dtype == slope.dtype == tf.float64
    np.testing.assert_allclose(f(z.numpy()), a, rtol=rtol, atol=rtol / 10)
    np.testing.assert_allclose(f.derivative(z.numpy()), slope, rtol=rtol, atol=rtol / 10)


def test_the_slope_of_relu_at_zero_is_the_one_of_tensorflow(keras):
    import tensorflow as tf

    z = tf.Variable([0.0])
    with tf.GradientTape() as tape:
        a = keras.ops.relu(z)
    assert tape.gradient(a, z).numpy() == relu.derivative([0.0]) == [0.0]


PRINTED = """
0 0 0        0.33333333 0.33333333 0.33333333  1.0
5 0 0        0.98670329 0.00664835 0.00664835  1.0000000000000002
0 5 0        0.00664835 0.98670329 0.00664835  1.0000000000000002
-5 0 0       0.00335766 0.49832117 0.49832117  1.0
0 -5 0       0.49832117 0.00335766 0.49832117  1.0
2.5 -2.5 0   0.91842297 0.00618829 0.07538875  1.0000000000000002
-2.5 -2.5 0  0.07050946 0.07050946 0.85898108  0.9999999999999999
2.5 2.5 0    0.48028779 0.48028779 0.03942442  1.0
-2.5 2.5 0   0.00618829 0.91842297 0.07538875  1.0000000000000002
"""


def test_the_table_of_the_source():
    table = np.array([line.split() for line in PRINTED.strip().splitlines()], dtype=float)
    a = softmax(table[:, :3])
    np.testing.assert_allclose(a, table[:, 3:6], rtol=0, atol=5e-9)
    np.testing.assert_allclose(a.sum(axis=1), table[:, 6], rtol=0, atol=4e-16)


def test_worked_values():
    assert make_elu(1.0)([-2.0])[0] == pytest.approx(np.exp(-2) - 1, rel=1e-15)
    assert make_leaky_relu(0.2)([-2.0, 2.0]).tolist() == [-0.4, 2.0]
    assert make_elu(0.5)([-1e4, 3.0]).tolist() == [-0.5, 3.0]
    assert leaky_relu([-1.0])[0] == -0.01 and elu([-1e4])[0] == -1
    assert sigmoid([0.0])[0] == 0.5 and tanh([0.0])[0] == 0
    assert softplus([0.0])[0] == pytest.approx(np.log(2), rel=1e-15)
    assert gelu([1.0])[0] == pytest.approx(0.8413447460685429, rel=1e-15)


# --- derivatives -----------------------------------------------------------------------


@every
def test_slopes_equal_finite_differences(f):
    z = np.array([-6.0, -2.7, -1.3, -0.75, -0.2, -0.01, 0.01, 0.3, 1.0, 2.2, 5.0])  # not at a kink
    numeric = numerical_gradient(lambda z: np.sum(f(z)), z)
    assert relative_error(f.derivative(z), numeric) <= 1e-7
    np.testing.assert_allclose(f.derivative(z), numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("f", [make_leaky_relu(0.3), make_elu(0.4)], ids=lambda f: f.name)
def test_slopes_of_other_constants(f):
    z = np.array([-2.0, -0.1, 0.1, 2.0])
    numeric = numerical_gradient(lambda z: np.sum(f(z)), z)
    assert relative_error(f.derivative(z), numeric) <= 1e-7


@every
def test_at_zero_the_slope_is_the_one_from_the_left(f):
    h = 1e-7
    left, right = (f([0.0]) - f([-h])) / h, (f([h]) - f([0.0])) / h
    assert f.derivative([0.0]) == pytest.approx(left, rel=1e-6, abs=1e-6)
    assert (abs(right - left) > 0.1) == (f in KINKED)


def test_elu_has_a_kink_unless_alpha_is_one():
    assert make_elu(0.5).derivative([0.0, 1e-300]).tolist() == [0.5, 1.0]
    assert elu.derivative([0.0, 1e-300]).tolist() == [1.0, 1.0]


@given(z=st.lists(st.floats(-5, 5), min_size=2, max_size=5).map(np.array))
def test_jacobian_equals_finite_differences(z):
    numeric = [numerical_gradient(lambda z, i=i: softmax(z)[i], z) for i in range(len(z))]
    assert relative_error(softmax_jacobian(z), numeric) <= 1e-7


@given(z=scores)
def test_jacobian_is_symmetric_with_rows_that_add_up_to_zero(z):
    J = softmax_jacobian(z)
    np.testing.assert_allclose(J, J.T, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(J.sum(axis=1), 0, atol=1e-15)
    assert (np.linalg.eigvalsh(J) > -1e-15).all()


def test_jacobians_of_a_batch_and_their_rank():
    z = np.random.default_rng(0).normal(size=(5, 4))
    batch = softmax_jacobian(z)
    assert batch.shape == (5, 4, 4)
    assert (batch == np.stack([softmax_jacobian(row) for row in z])).all()
    assert np.linalg.matrix_rank(batch).tolist() == [3] * 5


# --- laws ------------------------------------------------------------------------------


@pytest.mark.parametrize("f", MONOTONE, ids=lambda f: f.name)
@given(z=arrays)
def test_monotone(f, z):
    z = np.sort(z)
    assert (np.diff(f(z)) >= 0).all() and (f.derivative(z) >= 0).all()


BOUNDS = {
    relu: (0, np.inf),
    elu: (-1, np.inf),
    selu: (-1.7581, np.inf),
    gelu: (-0.16998, np.inf),
    gelu_tanh: (-0.17005, np.inf),
    sigmoid: (0, 1),
    softplus: (0, np.inf),
    tanh: (-1, 1),
}


@pytest.mark.parametrize("f", BOUNDS, ids=lambda f: f.name)
@given(z=arrays)
def test_bounds(f, z):
    low, high = BOUNDS[f]
    assert (f(z) >= low).all() and (f(z) <= high).all()


def test_bounds_are_reached():
    assert selu([-1e4])[0] == pytest.approx(-1.7580993408473766, rel=1e-15)
    lowest = optimize.minimize_scalar(lambda z: gelu([z])[0], bounds=(-1, 0), method="bounded")
    assert lowest.x == pytest.approx(-0.75179, abs=1e-5)
    assert lowest.fun == pytest.approx(-0.16997, abs=5e-6)
    lowest = optimize.minimize_scalar(lambda z: gelu_tanh([z])[0], bounds=(-1, 0), method="bounded")
    assert lowest.fun == pytest.approx(-0.17004, abs=5e-6)
    assert sigmoid.derivative(GRID).max() == sigmoid.derivative([0.0])[0] == 0.25


def test_the_two_forms_of_gelu_differ_by_less_than_half_a_thousandth():
    z = np.linspace(-6, 6, 120_001)
    difference = np.abs(gelu(z) - gelu_tanh(z))
    assert difference.max() == pytest.approx(4.73e-4, abs=1e-6)
    assert abs(z[difference.argmax()]) == pytest.approx(2.70, abs=0.01)


@given(z=arrays)
def test_symmetries(z):
    np.testing.assert_allclose(sigmoid(-z), 1 - sigmoid(z), rtol=0, atol=2.3e-16)
    np.testing.assert_allclose(tanh(z), 2 * sigmoid(2 * z) - 1, rtol=0, atol=5e-16)
    np.testing.assert_allclose(softplus(z) - softplus(-z), z, rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(gelu(z) - gelu(-z), z, rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(relu(z) - relu(-z), z, rtol=0)


@given(z=scores, shift=st.floats(-1e3, 1e3))
def test_softmax_is_a_distribution_that_ignores_a_shift(z, shift):
    a = softmax(z)
    assert a.sum() == pytest.approx(1, abs=1e-15) and (a > 0).all()
    np.testing.assert_allclose(softmax(z + shift), a, rtol=1e-12)
    order = np.argsort(z)
    assert (np.diff(a[order]) >= 0).all()


@given(z=st.floats(-30, 30))
def test_softmax_of_two_classes_is_a_sigmoid(z):
    assert softmax([z, 0.0])[0] == pytest.approx(sigmoid([z])[0], rel=1e-14)


def test_selu_keeps_mean_and_variance_through_twenty_layers():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(500, 400))
    for _ in range(20):
        a = selu(a @ rng.normal(scale=400**-0.5, size=(400, 400)))
    assert abs(a.mean()) < 0.05 and abs(a.var() - 1) < 0.1


# --- stability, types, shapes ----------------------------------------------------------


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows(f, dtype):
    z = np.array([-1e30, -1e4, -89.0, 0.0, 89.0, 1e4, 1e30], dtype)
    with np.errstate(all="raise", under="ignore"):
        a, slope = f(z), f.derivative(z)
    assert np.isfinite(a).all() and np.isfinite(slope).all()
    assert a.dtype == slope.dtype == dtype


def test_softmax_at_large_scores():
    z = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]])
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(softmax(z), [[1, 0, 0], [1 / 3] * 3], rtol=1e-15)
        np.testing.assert_allclose(log_softmax(z), [[0, -1e4, -2e4], [-np.log(3)] * 3], rtol=1e-15)
        assert not softmax_jacobian(z)[0].any()


@pytest.mark.parametrize("f", [softmax, log_softmax, softmax_jacobian])
def test_softmax_keeps_single_precision(f):
    assert f(np.array([[1.0, 2.0]], np.float32)).dtype == np.float32


@every
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 2, 3)])
def test_any_shape_and_the_argument_is_left_alone(f, shape):
    z = np.random.default_rng(0).normal(size=shape)
    before = z.copy()
    a, slope = f(z), f.derivative(z)
    assert a.shape == slope.shape == shape
    assert not np.shares_memory(a, z) and np.array_equal(z, before)


@every
def test_integers_are_taken_as_numbers(f):
    np.testing.assert_array_equal(f([-1, 0, 2]), f([-1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(f.derivative([-1, 0, 2]), f.derivative([-1.0, 0.0, 2.0]))


@every
def test_names_and_pickles(f):
    assert getattr(module, f.name) is f
    assert repr(f) == f"ActivationFunction(name='{f.name}')"
    assert (pickle.loads(pickle.dumps(f))([-1.0, 1.0]) == f([-1.0, 1.0])).all()


# --- bad calls -------------------------------------------------------------------------

BAD_CALLS = [
    (make_leaky_relu, (-0.1,), {}, ValueError, "alpha: expected a number between 0 and 1"),
    (make_leaky_relu, ("a",), {}, TypeError, "alpha: expected a number"),
    (make_elu, (0,), {}, ValueError, "alpha: expected a finite number above 0"),
    (make_elu, (None,), {}, TypeError, "alpha: expected a finite number"),
    (softmax, (1.0,), {}, ValueError, "z: expected at least one dimension"),
    (softmax, ([1.0], 1), {}, ValueError, r"axis: expected an axis .* \(1,\), got 1"),
    (softmax, ([1.0], "a"), {}, TypeError, "axis: expected an integer, got 'a'"),
    (softmax, ([np.nan, 1.0],), {}, ValueError, "z: expected finite"),
    (softmax, (["a"],), {}, TypeError, "z: .* got strings"),
    (log_softmax, ([],), {}, ValueError, "z: expected at least one value"),
    (log_softmax, ([1.0], -2), {}, ValueError, "axis: expected"),
    (log_softmax, ([1.0], 0.0), {}, TypeError, "axis: expected an integer"),
    (softmax_jacobian, (np.ones((2, 2, 2)),), {}, ValueError, r"z: expected shape \(K,\) or"),
    (softmax_jacobian, (1.0,), {}, ValueError, r"z: expected shape \(K,\) or"),
    (softmax_jacobian, ([np.inf],), {}, ValueError, "z: expected finite"),
]
for activation in ALL:
    BAD_CALLS += [
        (call, args, {}, error, words)
        for call in (activation, activation.derivative)
        for args, error, words in [
            ((["a"],), TypeError, "z: .* got strings"),
            (([],), ValueError, "z: expected at least one value"),
            (([0.0, np.nan],), ValueError, "z: expected finite numbers, got nan"),
            (([[1.0], [1.0, 2.0]],), ValueError, "z: expected rows of equal length"),
        ]
    ]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    called = [function for function, *_ in BAD_CALLS]
    names = {getattr(f, "name", None) or f.__name__ for f in called} - {"derivative"}
    assert names | {ActivationFunction.__name__} == set(module.__all__)
