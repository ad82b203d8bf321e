"""Tests of course_lib.gradient_descent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from sklearn.linear_model import LinearRegression, Ridge

from course_lib import gradient_descent as module
from course_lib.gradient_descent import (
    LineSearchError,
    armijo,
    gradient_descent,
    linear_regression,
    mse_gradient,
    mse_loss,
    normal_equations,
    step_size_regime,
    step_size_study,
    wolfe,
)


def parabola(x):
    return float(x @ x)


def parabola_gradient(x):
    return 2 * x


def log_cosh(x):
    return float(np.sum(np.logaddexp(x, -x)))


rosenbrock, rosenbrock_gradient = optimize.rosen, optimize.rosen_der
FUNCTIONS = [(rosenbrock, rosenbrock_gradient), (parabola, parabola_gradient), (log_cosh, np.tanh)]
points = st.tuples(st.floats(-2, 2), st.floats(-2, 2)).map(np.array)


def data(seed=0, n=40, d=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + rng.normal(size=d)
    return X, X @ rng.normal(size=d) + 0.5 + 0.3 * rng.normal(size=n)


# --- the descent and the ways it ends --------------------------------------------------

LINE_X, LINE_Y = np.array([1, 2, 3, 4], np.float32), np.array([0, -1, -2, -3], np.float32)


def line_loss(theta):
    return np.sum((theta[0] * LINE_X + theta[1] - LINE_Y) ** 2)


def line_gradient(theta):
    errors = theta[0] * LINE_X + theta[1] - LINE_Y
    return np.array([np.sum(2 * errors * LINE_X), np.sum(2 * errors)])


def test_the_tensorflow_slide_to_the_last_digit():
    start = np.array([0.3, -0.3], np.float32)
    result = gradient_descent(line_gradient, start, learning_rate=0.01, tol=0, max_iter=1000)
    assert result.n_iter == 1000 and result.path.shape == (1001, 2)
    assert result.x.dtype == result.path.dtype == np.float32
    assert line_loss(start) == pytest.approx(23.66, rel=1e-6)
    assert line_loss(result.x) == pytest.approx(5.69997e-11, rel=1e-5)
    # The slide prints W = -0.99999969, one 9 too many for the loss beside it.
    np.testing.assert_allclose(result.x, [-0.9999969, 0.9999908], atol=1e-7)


def test_the_slide_converges_below_two_over_the_largest_curvature_only():
    design = np.column_stack([LINE_X, np.ones(4)]).astype(float)
    limit = 2 / np.linalg.eigvalsh(2 * design.T @ design).max()
    assert limit == pytest.approx(0.02994, abs=5e-6)
    below, above = (
        gradient_descent(line_gradient, [0.3, -0.3], learning_rate=rate, max_iter=20_000)
        for rate in (0.0299, 0.03)
    )
    assert below.converged and below.gradient_norm <= 1e-6
    assert not above.converged and above.gradient_norm > 1e6


@pytest.mark.parametrize(
    ("gradient", "rate"), [(parabola_gradient, 1.0), (np.sign, 2.0)], ids=["x^2", "|x|"]
)
def test_the_figure_of_the_thesis_bounces_and_says_that_it_has_not_converged(gradient, rate):
    result = gradient_descent(gradient, [1.0], learning_rate=rate)
    assert len(result.path) == 1001 and result.n_iter == 1000
    assert np.array_equal(result.path[:, 0], np.resize([1.0, -1.0], 1001))
    assert result.converged is False
    assert "limit of 1000 iterations reached" in result.message


def test_a_start_at_the_minimum_needs_no_iteration():
    result = gradient_descent(parabola_gradient, [0.0, 0.0], learning_rate=0.1)
    assert result.converged and result.n_iter == 0 and result.gradient_norm == 0
    assert result.path.tolist() == [[0.0, 0.0]]


def test_convergence_at_the_very_last_iteration_counts():
    result = gradient_descent(parabola_gradient, [1.0], learning_rate=0.5, max_iter=1)
    assert result.converged and result.n_iter == 1


def test_a_divergent_descent_stops_and_says_so():
    result = gradient_descent(parabola_gradient, [1.0], learning_rate=10.0)
    assert result.converged is False and result.n_iter < 1000
    assert result.message.startswith("diverged") and str(result.n_iter) in result.message
    assert np.isfinite(result.path[:-1]).all()
    assert not np.isfinite(result.gradient_norm)


def test_the_gradient_is_never_asked_where_the_iterate_is_not_finite():
    def steep(x):
        assert np.isfinite(x).all()
        return np.array([-1e150])

    result = gradient_descent(steep, [1.0], learning_rate=1e300)
    assert result.message.startswith("diverged") and result.x == [np.inf]
    assert np.isnan(result.gradient_norm) and result.n_iter == 1


def test_a_gradient_that_is_not_finite_ends_the_descent():
    result = gradient_descent(lambda x: np.array([np.nan]), [1.0], learning_rate=0.1)
    assert not result.converged and result.n_iter == 0
    assert result.message.startswith("diverged")


@given(start=points, rate=st.floats(0.01, 0.99), max_iter=st.integers(1, 60))
def test_the_result_is_honest_and_the_path_complete(start, rate, max_iter):
    result = gradient_descent(parabola_gradient, start, learning_rate=rate, max_iter=max_iter)
    assert result.gradient_norm == np.linalg.norm(parabola_gradient(result.x))
    assert result.converged == (result.gradient_norm <= 1e-6)
    assert result.message.startswith("converged" if result.converged else "not converged")
    assert result.converged or result.n_iter == max_iter
    norms = np.linalg.norm(parabola_gradient(result.path[:-1]), axis=1)
    assert (norms > 1e-6).all()  # it stops at the first point that is good enough
    assert len(result.path) == result.n_iter + 1
    assert np.array_equal(result.path[0], start) and np.array_equal(result.path[-1], result.x)
    steps = result.path[:-1] - rate * parabola_gradient(result.path[:-1])
    assert np.array_equal(result.path[1:], steps)


def test_the_start_is_left_as_it_was():
    start = np.array([1.0, 2.0])
    gradient_descent(parabola_gradient, start, learning_rate=0.1)
    assert start.tolist() == [1.0, 2.0]


@given(rate=st.floats(0.01, 5), curvature=st.floats(0.1, 5))
def test_regimes_agree_with_the_paths(rate, curvature):
    # Multiplied like the function does, so that both see the same side of a threshold.
    product = rate * curvature
    path = gradient_descent(
        lambda x: curvature * x, [1.0], learning_rate=rate, tol=0, max_iter=20
    ).path[:, 0]
    np.testing.assert_allclose(path, (1 - product) ** np.arange(len(path)), rtol=1e-6, atol=1e-9)
    regime = step_size_regime(rate, curvature)
    assert (regime == "divergent") == (product > 2)
    assert (regime == "too small") == (product < 0.1)
    if regime == "good":
        assert (path >= -1e-12).all()
    if regime == "oscillating" and product > 1.001:
        assert path[1] < 0 < path[2]


def test_bouncing_between_minus_one_and_one_is_oscillating():
    path = gradient_descent(parabola_gradient, [1.0], learning_rate=1.0, max_iter=4).path
    assert path[:, 0].tolist() == [1, -1, 1, -1, 1]
    assert step_size_regime(1.0, 2.0) == "oscillating"
    assert step_size_regime(1.001, 2.0) == "divergent"


def test_more_than_20_steps_for_one_digit_is_too_small():
    assert 0.9**20 > 0.1
    assert step_size_regime(0.0999, 1.0) == "too small" and step_size_regime(0.1, 1.0) == "good"


def test_step_size_study_runs_each_rate():
    study = step_size_study(parabola_gradient, [1.0], [0.001, 0.4, 1.0, 30.0], max_iter=300)
    assert list(study) == [0.001, 0.4, 1.0, 30.0]
    assert [result.converged for result in study.values()] == [False, True, False, False]
    assert study[1.0].n_iter == 300 and study[30.0].message.startswith("diverged")


# --- line searches ---------------------------------------------------------------------


def satisfies_armijo(f, gradient, x, direction, step, c1=1e-4):
    return f(x + step * direction) <= f(x) + c1 * step * (gradient(x) @ direction)


def satisfies_weak_wolfe(f, gradient, x, direction, step, c1=1e-4, c2=0.9):
    long_enough = gradient(x + step * direction) @ direction >= c2 * (gradient(x) @ direction)
    return long_enough and satisfies_armijo(f, gradient, x, direction, step, c1)


@pytest.mark.parametrize(("f", "gradient"), FUNCTIONS)
@given(x=points, c1=st.floats(1e-4, 0.4), initial=st.floats(1e-3, 100))
def test_accepted_steps_satisfy_their_inequalities(f, gradient, x, c1, initial):
    direction = -gradient(x)
    if np.linalg.norm(direction) < 1e-3:  # rounding rules there
        return
    step = armijo(f, gradient, initial=initial, c1=c1)(x, direction)
    assert satisfies_armijo(f, gradient, x, direction, step, c1)
    # The first accepted one: a step twice as long was either not tried or refused.
    assert step == initial or not satisfies_armijo(f, gradient, x, direction, 2 * step, c1)
    step = wolfe(f, gradient, initial=initial, c1=c1)(x, direction)
    assert satisfies_weak_wolfe(f, gradient, x, direction, step, c1)


@pytest.mark.parametrize(("f", "gradient"), FUNCTIONS)
@given(x=points)
def test_wolfe_against_scipy(f, gradient, x):
    direction = -gradient(x)
    if np.linalg.norm(direction) < 1e-3:
        return
    theirs = optimize.line_search(f, gradient, x, direction, c1=1e-4, c2=0.9)[0]
    ours = wolfe(f, gradient)(x, direction)
    assert satisfies_weak_wolfe(f, gradient, x, direction, theirs)  # strong implies weak
    if theirs == 1.0:  # both try 1 first
        assert ours == 1.0


def test_wolfe_lengthens_a_step_that_armijo_takes_as_it_is():
    x, direction = np.array([1.0]), np.array([-2.0])
    assert armijo(parabola, parabola_gradient, initial=1e-6)(x, direction) == 1e-6
    assert wolfe(parabola, parabola_gradient, initial=1e-6)(x, direction) > 0.01


@given(start=points)
def test_armijo_on_rosenbrock_decreases_f_at_each_step(start):
    search = armijo(rosenbrock, rosenbrock_gradient)
    path = gradient_descent(
        rosenbrock_gradient, start, learning_rate=search, tol=1e-3, max_iter=50
    ).path
    values = [rosenbrock(x) for x in path]
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("make", [armijo, wolfe])
def test_line_searches_find_the_minimum_of_rosenbrock(make):
    search = make(rosenbrock, rosenbrock_gradient)
    result = gradient_descent(
        rosenbrock_gradient, [-1.2, 1.0], learning_rate=search, tol=1e-2, max_iter=5000
    )
    assert result.converged
    np.testing.assert_allclose(result.x, [1, 1], atol=0.02)
    # A fixed step of 1 does not survive the same start.
    fixed = gradient_descent(rosenbrock_gradient, [-1.2, 1.0], learning_rate=1.0)
    assert fixed.message.startswith("diverged")


@pytest.mark.parametrize("make", [armijo, wolfe])
def test_line_search_refuses_an_ascent_direction(make):
    search = make(parabola, parabola_gradient)
    for direction in ([2.0], [0.0]):
        with pytest.raises(ValueError, match="direction: expected a descent direction"):
            search(np.array([1.0]), np.array(direction))


def test_line_search_ends_after_100_trials():
    calls = []

    def wrong(x):
        calls.append(x)
        return float(np.sum(x))

    with pytest.raises(LineSearchError, match="no step in 100 trials"):  # grows where it promised
        armijo(wrong, lambda x: np.array([-1.0]))(np.array([1.0]), np.array([1.0]))
    assert len(calls) == 101
    with pytest.raises(LineSearchError, match="no step in 100 trials"):  # falls for ever
        wolfe(lambda x: -x[0], lambda x: np.array([-1.0]))(np.array([1.0]), np.array([1.0]))


def test_a_failed_line_search_is_the_end_of_the_descent_not_of_the_program():
    search = wolfe(lambda x: -x[0], lambda x: np.array([-1.0]))
    result = gradient_descent(lambda x: np.array([-1.0]), [1.0], learning_rate=search)
    assert result.converged is False and result.n_iter == 0
    assert "not converged: line search found no step in 100 trials" in result.message


@pytest.mark.parametrize("make", [armijo, wolfe])
def test_line_search_survives_trials_where_f_overflows(make):
    def bowl(x):
        return np.sum(np.exp(x**2))

    def bowl_gradient(x):
        return 2 * x * np.exp(x**2)

    search = make(bowl, bowl_gradient, initial=100.0)
    step = search(np.array([2.0]), -bowl_gradient(np.array([2.0])))
    assert 0 < step < 0.1


@pytest.mark.parametrize("make", [armijo, wolfe])
def test_line_search_keeps_float32(make):
    start = np.array([1.0, 2.0], np.float32)
    result = gradient_descent(
        parabola_gradient, start, learning_rate=make(parabola, parabola_gradient), tol=1e-3
    )
    assert result.converged and result.path.dtype == np.float32


# --- linear regression -----------------------------------------------------------------


@given(seed=st.integers(0, 999), l2=st.sampled_from([0.0, 0.3]))
def test_mse_gradient_by_finite_differences(seed, l2):
    X, y = data(seed)
    theta = np.random.default_rng(seed).normal(size=4)

    def loss(t):
        return mse_loss(X, y, t[:-1], t[-1], l2=l2)

    h = 1e-5
    numeric = np.array([(loss(theta + h * e) - loss(theta - h * e)) / (2 * h) for e in np.eye(4)])
    d_weights, d_bias = mse_gradient(X, y, theta[:-1], theta[-1], l2=l2)
    exact = np.append(d_weights, d_bias)
    assert np.linalg.norm(exact - numeric) <= 1e-7 * np.linalg.norm(numeric)


def test_batch_regression_is_gradient_descent():
    X, y = data()

    def gradient(theta):
        return np.append(*mse_gradient(X, y, theta[:-1], theta[-1], l2=0.1))

    path = gradient_descent(gradient, np.zeros(4), learning_rate=0.05, tol=0, max_iter=50).path
    fit = linear_regression(X, y, learning_rate=0.05, epochs=50, l2=0.1)
    np.testing.assert_allclose([*fit.weights, fit.bias], path[-1], rtol=1e-12)
    losses = [mse_loss(X, y, theta[:-1], theta[-1], l2=0.1) for theta in path]
    np.testing.assert_allclose(fit.losses, losses, rtol=1e-12)


def test_one_batch_of_all_examples_is_batch_descent():
    X, y = data()
    rng = np.random.default_rng(1)
    batch = linear_regression(X, y, learning_rate=0.05, epochs=30)
    whole = linear_regression(X, y, learning_rate=0.05, epochs=30, batch_size=40, rng=rng)
    np.testing.assert_allclose(whole.losses, batch.losses, rtol=1e-12)
    small = linear_regression(X, y, learning_rate=0.05, epochs=30, batch_size=8, rng=rng)
    assert small.losses[5] < batch.losses[5]  # five times the steps
    in_order = linear_regression(X, y, learning_rate=0.05, epochs=30, batch_size=8)
    assert not np.allclose(small.losses, in_order.losses, rtol=1e-6)


@pytest.mark.parametrize(("batch_size", "steps"), [(None, 3), (1, 120), (7, 18), (40, 3), (99, 3)])
def test_steps_are_epochs_times_batches_rounded_up(batch_size, steps):
    X, y = data()
    fit = linear_regression(X, y, learning_rate=0.01, epochs=3, batch_size=batch_size)
    assert fit.steps == steps and fit.losses.shape == (4,)


def test_stochastic_descent_follows_its_closed_form():
    # One feature, y = 0, no bias to learn at weight 0: two steps written out by hand.
    X, y = np.array([[1.0], [2.0]]), np.array([1.0, 0.0])
    fit = linear_regression(X, y, learning_rate=0.1, epochs=1, batch_size=1)
    # Step 1: error -1, so w = b = 0.2. Step 2: error 0.6, so w = 0.2 - 0.24, b = 0.2 - 0.12.
    np.testing.assert_allclose([*fit.weights, fit.bias], [-0.04, 0.08], rtol=1e-12)


@pytest.mark.parametrize("batch_size", [None, 40])
def test_regression_converges_to_the_normal_equations_and_says_so(batch_size):
    X, y = data()
    fit = linear_regression(X, y, learning_rate=0.1, epochs=2000, batch_size=batch_size, l2=0.05)
    weights, bias = normal_equations(X, y, l2=0.05)
    np.testing.assert_allclose([*fit.weights, fit.bias], [*weights, bias], atol=1e-6)
    assert fit.converged and fit.message.startswith("converged")


def test_regression_that_is_cut_short_says_so():
    X, y = data()
    fit = linear_regression(X, y, learning_rate=0.01, epochs=5)
    assert fit.converged is False and fit.message.startswith("not converged")


def test_regression_that_diverges_says_so():
    X, y = data()
    fit = linear_regression(X, y, learning_rate=1e100, epochs=50)
    assert fit.converged is False and fit.message.startswith("diverged")
    assert np.isfinite(fit.losses[:-1]).all() and not np.isfinite(fit.losses[-1])
    assert fit.steps == len(fit.losses) - 1 < 50


@given(seed=st.integers(0, 999), l2=st.sampled_from([0.0, 0.01, 1.0]))
def test_normal_equations_equal_scikit_learn(seed, l2):
    X, y = data(seed)
    model = Ridge(alpha=len(X) * l2) if l2 else LinearRegression()
    model.fit(X, y)
    weights, bias = normal_equations(X, y, l2=l2)
    np.testing.assert_allclose(weights, model.coef_, rtol=1e-8, atol=1e-10)
    assert bias == pytest.approx(model.intercept_, rel=1e-8, abs=1e-10)


@given(seed=st.integers(0, 999), l2=st.sampled_from([0.0, 0.5]))
def test_the_gradient_is_zero_at_the_normal_equations(seed, l2):
    X, y = data(seed)
    weights, bias = normal_equations(X, y, l2=l2)
    d_weights, d_bias = mse_gradient(X, y, weights, bias, l2=l2)
    np.testing.assert_allclose([*d_weights, d_bias], 0, atol=1e-12)


def test_a_penalty_solves_what_dependent_columns_leave_open():
    X = np.column_stack([np.arange(5.0), 2 * np.arange(5.0)])
    weights, _ = normal_equations(X, np.arange(5.0), l2=1e-6)
    np.testing.assert_allclose(weights, [0.2, 0.4], atol=1e-5)


# --- bad calls -------------------------------------------------------------------------

X, Y = data(n=6, d=2)
W = np.zeros(2)
RATE = {"learning_rate": 0.1}
FIT = {"learning_rate": 0.1, "epochs": 1}
SLOPE, P = parabola_gradient, parabola
HERE, DOWN = np.array([1.0]), np.array([-2.0])
regression, study = linear_regression, step_size_study

BAD_CALLS = [
    (gradient_descent, (3, [1.0]), RATE, TypeError, "gradient: expected a function"),
    (gradient_descent, (SLOPE, 1.0), RATE, ValueError, "x0: expected a 1-D"),
    (gradient_descent, (SLOPE, []), RATE, ValueError, "x0: expected at least one value"),
    (gradient_descent, (SLOPE, [np.nan]), RATE, ValueError, "x0: expected finite"),
    (gradient_descent, (SLOPE, ["a"]), RATE, TypeError, "x0: .* got strings"),
    (gradient_descent, (SLOPE, [1.0]), {"learning_rate": 0}, ValueError, "learning_rate: .* 0"),
    (gradient_descent, (SLOPE, [1.0]), {"learning_rate": "big"}, TypeError, "learning_rate: .*big"),
    (gradient_descent, (SLOPE, [1.0]), {"learning_rate": lambda x, d: -1.0}, ValueError, "got -1"),
    (gradient_descent, (SLOPE, [1.0]), {**RATE, "tol": -1}, ValueError, "tol: .* at least 0"),
    (gradient_descent, (SLOPE, [1.0]), {**RATE, "max_iter": 0}, ValueError, "max_iter: expected"),
    (gradient_descent, (SLOPE, [1.0]), {**RATE, "max_iter": 2.5}, TypeError, "max_iter: expected"),
    (gradient_descent, (lambda x: 1.0, [1.0]), RATE, ValueError, r"gradient: .* shape \(1,\) like"),
    (gradient_descent, (lambda x: "a", [1.0]), RATE, TypeError, "gradient: expected an array of"),
    (armijo, (3, SLOPE), {}, TypeError, "f: expected a function"),
    (armijo, (P, None), {}, TypeError, "gradient: expected a function"),
    (armijo, (P, SLOPE), {"initial": 0}, ValueError, "initial: .* above 0"),
    (armijo, (P, SLOPE), {"c1": 1.0}, ValueError, "c1: expected a number between 0 and 1"),
    (armijo, (P, SLOPE), {"shrink": 1.0}, ValueError, "shrink: expected a number between"),
    (armijo, (P, SLOPE), {"shrink": "a"}, TypeError, "shrink: expected"),
    (wolfe, (3, SLOPE), {}, TypeError, "f: expected a function"),
    (wolfe, (P, 3), {}, TypeError, "gradient: expected a function"),
    (wolfe, (P, SLOPE), {"initial": np.inf}, ValueError, "initial: .* above 0"),
    (wolfe, (P, SLOPE), {"c1": 0.5, "c2": 0.4}, ValueError, "c2: expected a number between 0.5"),
    (wolfe, (P, SLOPE), {"c1": -0.5}, ValueError, "c1: expected a number between 0 and 1"),
    (armijo(P, SLOPE), (HERE, np.ones(2)), {}, ValueError, "direction: expected 1 values like x"),
    (armijo(P, SLOPE), (1.0, DOWN), {}, ValueError, "x: expected a 1-D"),
    (armijo(SLOPE, SLOPE), (HERE, DOWN), {}, TypeError, "f: .* value is one number"),
    (wolfe(lambda x: np.nan, SLOPE), (HERE, DOWN), {}, ValueError, "f: expected a finite value"),
    (study, (SLOPE, [1.0], []), {}, ValueError, "learning_rates: expected at least one"),
    (study, (SLOPE, [1.0], [0.1, -1.0]), {}, ValueError, "learning_rate: .* above 0, got -1"),
    (study, (SLOPE, [1.0], ["a"]), {}, TypeError, "learning_rates: .* got strings"),
    (study, (SLOPE, "a", [1.0]), {}, TypeError, "x0: expected"),
    (step_size_regime, (0.0, 1.0), {}, ValueError, "learning_rate: .* above 0"),
    (step_size_regime, (0.1, -1.0), {}, ValueError, "curvature: .* above 0, got -1"),
    (step_size_regime, ("a", 1.0), {}, TypeError, "learning_rate: expected"),
    (mse_loss, (X, Y[:3], W, 0.0), {}, ValueError, "y: expected 6 values like X, got 3"),
    (mse_loss, (Y, Y, W, 0.0), {}, ValueError, "X: expected a 2-D"),
    (mse_loss, (X, Y, W, "a"), {}, TypeError, "bias: expected"),
    (mse_gradient, (X, Y, np.zeros(3), 0.0), {}, ValueError, "weights: expected 2 values.* got 3"),
    (mse_gradient, (X, Y, W, np.nan), {}, ValueError, "bias: expected a finite"),
    (mse_gradient, (X, Y, W, 0.0), {"l2": -1}, ValueError, "l2: expected .* at least 0"),
    (mse_gradient, ([["a"]], [1.0], [1.0], 0.0), {}, TypeError, "X: .* got strings"),
    (regression, (X, Y[:3]), FIT, ValueError, "y: expected 6 values like X, got 3"),
    (regression, (X, Y), {**FIT, "epochs": 0}, ValueError, "epochs: expected"),
    (regression, (X, Y), {**FIT, "learning_rate": -1}, ValueError, "learning_rate: expected"),
    (regression, (X, Y), {**FIT, "batch_size": 0}, ValueError, "batch_size: expected"),
    (regression, (X, Y), {**FIT, "l2": -0.1}, ValueError, "l2: expected"),
    (regression, (X, Y), {**FIT, "rng": 42}, TypeError, "rng: expected a generator"),
    (normal_equations, (X, Y[:3]), {}, ValueError, "y: expected 6 values like X"),
    (normal_equations, (np.ones((6, 2)), Y), {}, ValueError, "X: expected 2 linearly.* rank 0"),
    (normal_equations, (X[:2], Y[:2]), {}, ValueError, "X: expected 2 linearly.* rank 1"),
    (normal_equations, (X, Y), {"l2": "a"}, TypeError, "l2: expected"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    covered = {function.__name__ for function, *_ in BAD_CALLS} - {"search"}
    assert covered == set(module.__all__) - {"Result", "LinearFit", "LineSearchError"}
