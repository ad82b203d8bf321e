"""Tests of course_lib.optimizers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from course_lib import optimizers as module
from course_lib.optimizers import SGD, Adam, clip_by_norm, cosine, exponential_decay, one_cycle

rates = st.floats(1e-4, 1.0)
gradients = arrays(np.float64, 4, elements=st.floats(-100, 100).filter(lambda g: abs(g) > 1e-2))


def descend(optimizer, gradient, theta, n_steps):
    """Return `theta` after each step, the start first."""
    theta, path = np.array(theta, float), [np.array(theta, float)]
    for _ in range(n_steps):
        optimizer.step(theta, np.asarray(gradient(theta), float))
        path.append(theta.copy())
    return np.array(path)


# --- the steps -------------------------------------------------------------------------


@given(rate=rates, curvature=st.floats(0.1, 2))
def test_sgd_on_a_parabola_is_a_geometric_series(rate, curvature):
    path = descend(SGD(rate), lambda theta: curvature * theta, [1.0, -3.0], 20)
    factors = (1 - rate * curvature) ** np.arange(21)
    np.testing.assert_allclose(path, np.outer(factors, [1.0, -3.0]), atol=1e-12)


@given(rate=rates, momentum=st.floats(0, 0.99))
def test_momentum_under_a_constant_gradient(rate, momentum):
    path = descend(SGD(rate, momentum=momentum), lambda theta: [1.0], [0.0], 20)[:, 0]
    # v_t = -rate (1 + m + ... + m^(t-1)): the sum of a geometric series.
    speeds = [-rate * sum(momentum**i for i in range(t)) for t in range(1, 21)]
    np.testing.assert_allclose(path[1:], np.cumsum(speeds), rtol=1e-12)


def test_momentum_on_a_parabola_is_a_linear_recurrence():
    rate, momentum = 0.1, 0.8
    path = descend(SGD(rate, momentum=momentum), lambda theta: theta, [1.0], 30)[:, 0]
    matrix = np.array([[1 + momentum - rate, -momentum], [1, 0]])
    for t in range(1, 30):
        expected = np.linalg.matrix_power(matrix, t) @ [path[1], path[0]]
        assert path[t + 1] == pytest.approx(expected[0], abs=1e-12)


@given(gradient=gradients, rate=rates)
def test_the_first_step_of_adam_has_the_length_of_the_rate(gradient, rate):
    path = descend(Adam(rate, epsilon=1e-12), lambda theta: gradient, np.zeros(4), 1)
    np.testing.assert_allclose(path[1], -rate * np.sign(gradient), rtol=1e-6)


def test_adam_stands_still_where_the_gradient_is_zero():
    assert not descend(Adam(0.1), np.zeros_like, np.zeros(3), 5).any()


def test_adam_as_in_the_article():
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(50, 4))
    steps = iter(gradients)
    path = descend(Adam(0.01, beta_1=0.8, beta_2=0.99), lambda t: next(steps), np.ones(4), 50)
    theta = np.ones(4)
    for t in range(1, 51):
        seen = gradients[:t]
        age = np.arange(t)[::-1, None]
        mean = 0.2 * np.sum(0.8**age * seen, axis=0)
        square = 0.01 * np.sum(0.99**age * seen**2, axis=0)
        rate = 0.01 * math.sqrt(1 - 0.99**t) / (1 - 0.8**t)
        theta -= rate * mean / (np.sqrt(square) + 1e-7)
        np.testing.assert_allclose(path[t], theta, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("SGD", lambda: SGD(0.05)),
        ("SGD", lambda: SGD(0.05, momentum=0.9)),
        ("Adam", lambda: Adam(0.01)),
        ("Adam", lambda: Adam(0.01, beta_1=0.7, beta_2=0.95, epsilon=1e-3)),
    ],
)
def test_the_steps_of_keras(keras, name, ours):
    ours = ours()
    settings = {"learning_rate": ours.learning_rate}
    settings |= {key: value for key, value in vars(ours).items() if key in KERAS_SETTINGS}
    theirs = getattr(keras.optimizers, name)(**settings)
    start = np.random.default_rng(0).normal(size=6)
    variable = keras.Variable(start, dtype="float64")
    path = descend(ours, lambda theta: np.sin(3 * theta), start, 50)
    for theta in path[1:]:
        theirs.apply([np.sin(3 * np.asarray(variable))], [variable])
        # Keras keeps its learning rate in float32.
        np.testing.assert_allclose(np.asarray(variable), theta, rtol=0, atol=1e-5)


KERAS_SETTINGS = {"momentum", "beta_1", "beta_2", "epsilon"}


@pytest.mark.parametrize("make", [SGD, lambda rate: SGD(rate, momentum=0.5), Adam])
def test_a_constant_schedule_is_a_rate(make):
    numbers = []
    scheduled = make(lambda step: numbers.append(step) or 0.1)
    gradient, start = np.cos, [1.0, 2.0]
    paths = [descend(optimizer, gradient, start, 4) for optimizer in (scheduled, make(0.1))]
    assert np.array_equal(*paths)
    assert numbers == [0, 1, 2, 3] and scheduled.steps == 4


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, momentum=0.5), Adam(0.1)])
def test_a_step_changes_theta_in_place_and_not_the_gradient(optimizer):
    theta, grad = np.ones(3, np.float32), np.array([1, 2, 3], np.float32)
    for _ in range(3):
        optimizer.step(theta, grad)
    assert theta.dtype == np.float32 and (theta < 1).all()
    assert grad.tolist() == [1, 2, 3]


# --- clipping --------------------------------------------------------------------------


@given(grad=gradients, limit=st.floats(0.01, 1000))
def test_clipping_shortens_and_keeps_the_direction(grad, limit):
    before = grad.copy()
    norm = clip_by_norm(grad, limit)
    assert norm == pytest.approx(np.linalg.norm(before), rel=1e-12)
    if norm <= limit:
        assert np.array_equal(grad, before)
    else:
        assert np.linalg.norm(grad) == pytest.approx(limit, rel=1e-12)
        np.testing.assert_allclose(grad / limit, before / norm, rtol=1e-12)


def test_clipping_a_zero_gradient():
    grad = np.zeros(3)
    assert clip_by_norm(grad, 1.0) == 0 and not grad.any()


# --- schedules -------------------------------------------------------------------------


@given(initial=rates, total=st.integers(1, 500), data=st.data())
def test_cosine_rises_then_falls_to_zero(initial, total, data):
    warmup = data.draw(st.integers(0, total - 1))
    schedule = cosine(initial, total, warmup_steps=warmup)
    values = np.array([schedule(step) for step in range(total + 3)])
    assert values[warmup] == initial == values.max()
    assert (values[total:] == 0).all() and (values[:total] > 0).all()
    assert (np.diff(values[: warmup + 1]) > 0).all() and (np.diff(values[warmup:]) <= 0).all()
    np.testing.assert_allclose(values[:warmup], initial * np.arange(1, warmup + 1) / (warmup + 1))


def test_cosine_as_in_keras(keras):
    ours, theirs = cosine(0.1, 40), keras.optimizers.schedules.CosineDecay(0.1, 40)
    for step in range(45):
        assert ours(step) == pytest.approx(float(theirs(step)), abs=1e-7)


def test_exponential_decay_as_in_keras(keras):
    ours = exponential_decay(0.1, 0.7, 10)
    theirs = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.7)
    for step in range(45):
        assert ours(step) == pytest.approx(float(theirs(step)), rel=1e-5)
    assert ours(0) == 0.1 and ours(10) == pytest.approx(0.07)


@pytest.mark.parametrize("total", [1, 2, 10, 101])
def test_one_cycle_peaks_after_three_tenths(total):
    schedule = one_cycle(0.5, total)
    values = [schedule(step) for step in range(total + 1)]
    assert np.argmax(values) == int(0.3 * total) and max(values) == 0.5
    assert values[-1] == 0 < values[0]


# --- refused ---------------------------------------------------------------------------

V = np.ones(3)


def stepped(optimizer):
    optimizer.step(V.copy(), V)
    return optimizer


BAD_CALLS = [
    (SGD, (0,), {}, ValueError, "learning_rate: .* above 0, got 0"),
    (SGD, ("fast",), {}, TypeError, "learning_rate: expected"),
    (SGD, (0.1,), {"momentum": 1.0}, ValueError, "momentum: .* below 1, got 1"),
    (SGD, (0.1,), {"momentum": None}, TypeError, "momentum: expected"),
    (SGD().step, (V, np.ones(2)), {}, ValueError, r"grad: expected shape \(3,\) like theta"),
    (SGD().step, ([1.0], V), {}, TypeError, "theta: expected an array of floats.* list"),
    (SGD().step, (V, np.ones(3, int)), {}, TypeError, "grad: expected an array of floats.* int64"),
    (stepped(SGD()).step, (np.ones(2), np.ones(2)), {}, ValueError, r"theta: .*\(3,\) as in"),
    (stepped(Adam()).step, (V, np.ones(1)), {}, ValueError, r"theta: .*\(3,\) as in"),
    (Adam, (-1e-3,), {}, ValueError, "learning_rate: expected"),
    (Adam, (), {"beta_1": 1}, ValueError, "beta_1: .* below 1"),
    (Adam, (), {"beta_2": -0.1}, ValueError, "beta_2: .* at least 0"),
    (Adam, (), {"epsilon": 0}, ValueError, "epsilon: .* above 0"),
    (Adam, (), {"beta_1": "a"}, TypeError, "beta_1: expected"),
    (clip_by_norm, (V, 0), {}, ValueError, "limit: .* above 0, got 0"),
    (clip_by_norm, (V, "a"), {}, TypeError, "limit: expected"),
    (clip_by_norm, ([1.0], 1.0), {}, TypeError, "grad: expected an array of floats"),
    (cosine, (0, 10), {}, ValueError, "initial: .* above 0"),
    (cosine, (0.1, 0), {}, ValueError, "total_steps: .* at least 1"),
    (cosine, (0.1, 10), {"warmup_steps": 10}, ValueError, "warmup_steps: .*fewer.* 10, got 10"),
    (cosine, (0.1, 10), {"warmup_steps": -1}, ValueError, "warmup_steps: expected at least 0"),
    (cosine, (0.1, 10), {"warmup_steps": 2.5}, TypeError, "warmup_steps: expected an integer"),
    (exponential_decay, (0.1, 1.5, 10), {}, ValueError, "rate: .* at most 1, got 1.5"),
    (exponential_decay, (0.1, 0, 10), {}, ValueError, "rate: .* above 0"),
    (exponential_decay, (0.1, 0.5, 0), {}, ValueError, "every: .* at least 1"),
    (exponential_decay, ("a", 0.5, 10), {}, TypeError, "initial: expected"),
    (one_cycle, (-1, 10), {}, ValueError, "peak: .* above 0"),
    (one_cycle, (0.1, 2.5), {}, TypeError, "total_steps: expected an integer"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    covered = {function.__name__ for function, *_ in BAD_CALLS} - {"step"}
    assert covered == set(module.__all__)
