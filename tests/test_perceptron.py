"""Tests of course_lib.perceptron."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import linear_model

from course_lib import perceptron as module
from course_lib.datasets import load_breast_cancer, load_iris
from course_lib.gradient_descent import linear_regression, mse_gradient, mse_loss, normal_equations
from course_lib.perceptron import (
    LinearUnit,
    Perceptron,
    heaviside,
    perceptron_gradient,
    perceptron_loss,
    threshold_layer,
    xor_network,
)

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR, AND, OR = np.array([0, 1, 1, 0]), np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])


def relative_error(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b))


def central_differences(f, theta, h=1e-5):
    steps = h * np.eye(len(theta))
    return np.array([(f(theta + s) - f(theta - s)) / (2 * h) for s in steps])


# --- the threshold, and XOR --------------------------------------------------------------


def test_heaviside_is_numpys_with_zero_at_zero():
    z = np.array([[-1e300, -1.0, -0.0], [0.0, 5e-324, 1e300]])
    assert np.array_equal(heaviside(z), np.heaviside(z, 0))
    assert heaviside(z).dtype == np.int64 and heaviside(2.0) == 1


def test_the_table_of_the_slides_line_by_line():
    sums = CORNERS @ np.ones((2, 2))
    assert sums.tolist() == [[0, 0], [1, 1], [1, 1], [2, 2]]  # sigma_3, sigma_2
    hidden = threshold_layer(CORNERS, np.ones((2, 2)), [0, 1])
    assert hidden.tolist() == [[0, 0], [1, 0], [1, 0], [1, 1]]  # y_3, y_2
    assert np.array_equal(hidden @ [1, -1], XOR)
    assert np.array_equal(xor_network(CORNERS), XOR)


def test_without_thresholds_the_two_layers_answer_one_to_everything():
    y3, y2 = CORNERS.sum(axis=1), CORNERS.sum(axis=1) - 1
    assert (y3 - y2).tolist() == [1, 1, 1, 1]


@given(bits=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_the_network_is_xor_for_any_batch(bits):
    X = np.array(bits)
    assert np.array_equal(xor_network(X), X[:, 0] ^ X[:, 1])


@given(weights=st.tuples(*[st.floats(-50, 50)] * 2).map(np.array), threshold=st.floats(-50, 50))
def test_no_single_unit_is_xor(weights, threshold):
    answers = threshold_layer(CORNERS, weights[:, None], [threshold])[:, 0]
    assert not np.array_equal(answers, XOR)


# --- the loss of the perceptron ----------------------------------------------------------


def problem(seed, n=30, d=4):
    rng = np.random.default_rng(seed)
    X, theta = rng.normal(size=(n, d)), rng.normal(size=d + 1)
    return X, rng.integers(0, 2, n), theta


@given(seed=st.integers(0, 1000))
def test_the_perceptron_gradient_agrees_with_finite_differences(seed):
    X, y, theta = problem(seed)
    z = X @ theta[:-1] + theta[-1]
    X, y = X[np.abs(z) > 1e-3], y[np.abs(z) > 1e-3]  # away from the kinks
    numeric = central_differences(lambda t: perceptron_loss(X, y, t[:-1], t[-1]), theta)
    exact = np.append(*perceptron_gradient(X, y, theta[:-1], theta[-1]))
    assert relative_error(exact, numeric) <= 1e-7


@given(seed=st.integers(0, 1000))
def test_the_loss_is_the_sum_of_the_mistakes_depths(seed):
    X, y, theta = problem(seed)
    z = X @ theta[:-1] + theta[-1]
    wrong = heaviside(z) != y
    loss = perceptron_loss(X, y, theta[:-1], theta[-1])
    assert loss == pytest.approx(np.sum(np.abs(z[wrong])) / len(y), rel=1e-12)
    assert perceptron_loss(X, heaviside(z), theta[:-1], theta[-1]) == 0


# --- one update is one step against the gradient of one example -----------------------------


@given(seed=st.integers(0, 1000), rate=st.floats(0.01, 2))
def test_an_update_of_the_linear_unit_descends_half_the_squared_error(seed, rate):
    X, _, theta = problem(seed, n=1)
    unit = LinearUnit(learning_rate=rate, max_epochs=1).fit(X, [1.5])
    zero = np.zeros(len(theta))
    numeric = central_differences(lambda t: mse_loss(X, [1.5], t[:-1], t[-1]) / 2, zero)
    assert relative_error(np.append(unit.weights_, unit.bias_), -rate * numeric) <= 1e-7


def test_the_rules_step_by_step():
    X, y = np.array([[2.0, 1.0], [1.0, -3.0], [-1.0, 1.0]]), np.array([1, 0, 1])
    for unit, answer in ((LinearUnit, lambda z: z), (Perceptron, lambda z: float(z > 0))):
        w, b = np.zeros(2), 0.0
        for x, label in [*zip(X, y, strict=True)] * 2:
            error = label - answer(w @ x + b)
            w, b = w + 0.1 * error * x, b + 0.1 * error
        fitted = unit(learning_rate=0.1, max_epochs=2).fit(X, y)
        np.testing.assert_allclose(np.append(fitted.weights_, fitted.bias_), [*w, b], rtol=1e-13)


# --- the linear unit -----------------------------------------------------------------------


def test_the_linear_unit_is_stochastic_gradient_descent_at_half_the_rate():
    X, _, theta = problem(3)
    y = X @ theta[:-1] + theta[-1] + np.sin(7 * X[:, 0])
    unit = LinearUnit(learning_rate=0.02, max_epochs=5).fit(X, y)
    fit = linear_regression(X, y, learning_rate=0.01, epochs=5, batch_size=1)
    np.testing.assert_allclose(unit.weights_, fit.weights, rtol=1e-12)
    np.testing.assert_allclose(unit.losses_, fit.losses / 2, rtol=1e-12)
    assert unit.n_updates_ == 5 * len(X) and not unit.converged_
    assert unit.message_.startswith("not converged: gradient norm")
    norm = np.linalg.norm(np.append(*mse_gradient(X, y, unit.weights_, unit.bias_))) / 2
    assert f"{norm:.3g}" in unit.message_


def test_the_linear_unit_finds_an_exact_line():
    X, _, theta = problem(4)
    y = X @ theta[:-1] + theta[-1]
    unit = LinearUnit(learning_rate=0.1).fit(X, y, rng=np.random.default_rng(0))
    weights, bias = normal_equations(X, y)
    assert unit.converged_ and unit.message_.startswith("converged")
    np.testing.assert_allclose(unit.weights_, weights, atol=1e-5)
    assert unit.bias_ == pytest.approx(bias, abs=1e-5)
    assert np.array_equal(unit.predict(X), unit.decision_function(X))


def test_a_generator_shuffles_each_epoch_anew():
    X, y, _ = problem(6)
    unit = LinearUnit(learning_rate=0.1, max_epochs=2)
    unit.fit(X, y, rng=np.random.default_rng(1))
    rng = np.random.default_rng(1)
    order = np.concatenate([rng.permutation(len(X)), rng.permutation(len(X))])
    by_hand = LinearUnit(learning_rate=0.1, max_epochs=1).fit(X[order], y[order])
    assert np.array_equal(unit.weights_, by_hand.weights_)
    assert not np.allclose(unit.weights_, unit.fit(X, y).weights_)


def test_a_divergent_linear_unit_says_so():
    X, y, _ = problem(5)
    unit = LinearUnit(learning_rate=100.0).fit(X, y)
    assert not unit.converged_ and unit.message_.startswith("diverged")
    assert len(unit.losses_) < 1000
    assert LinearUnit().fit([[1e300], [-1e300]], [1, 0]).message_.startswith("diverged after 0")


# --- the perceptron ------------------------------------------------------------------------


@st.composite
def separable(draw):
    """Return points at a distance of at least `margin` from a random line, and that line."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    d, n, margin = draw(st.integers(1, 4)), draw(st.integers(2, 40)), draw(st.floats(0.05, 0.5))
    line = rng.normal(size=d + 1)
    line /= np.linalg.norm(line)
    X = rng.uniform(-2, 2, size=(20 * n, d))
    distance = X @ line[:-1] + line[-1]
    keep = np.abs(distance) >= margin
    assume(keep.any())
    return X[keep][:n], heaviside(distance[keep][:n]), line


def bound(X, y, line):
    """Return Novikoff's bound on the number of updates, (R / margin) ** 2."""
    extended = np.column_stack([X, np.ones(len(X))])
    margin = np.min((2 * y - 1) * (extended @ line))
    return np.max(np.sum(extended**2, axis=1)) / margin**2


@given(data=separable(), rate=st.sampled_from([0.1, 1.0, 3.0]), shuffle=st.booleans())
def test_it_stops_on_separable_data_within_the_bound(data, rate, shuffle):
    X, y, line = data
    rng = np.random.default_rng(0) if shuffle else None
    unit = Perceptron(learning_rate=rate, max_epochs=10_000).fit(X, y, rng=rng)
    assert unit.converged_ and unit.message_.startswith("converged: 0 mistakes")
    assert unit.n_updates_ <= bound(X, y, line)
    assert np.array_equal(unit.predict(X), y) and unit.losses_[-1] == 0


@pytest.mark.parametrize("labels", [AND, OR, np.zeros(4, int), np.ones(4, int)])
def test_it_learns_the_gates_that_a_line_can_draw(labels):
    unit = Perceptron().fit(CORNERS, labels)
    assert unit.converged_ and np.array_equal(unit.predict(CORNERS), labels)


@given(seed=st.integers(0, 1000), rate=st.floats(0.01, 10), epochs=st.integers(1, 60))
def test_it_never_stops_on_xor(seed, rate, epochs):
    unit = Perceptron(learning_rate=rate, max_epochs=epochs)
    unit.fit(CORNERS, XOR, rng=np.random.default_rng(seed))
    wrong = np.sum(unit.predict(CORNERS) != XOR)
    assert not unit.converged_ and wrong > 0 and len(unit.losses_) == epochs + 1
    assert unit.message_ == f"not converged: {wrong} mistakes after {epochs} epochs"


@pytest.mark.parametrize("rate", [1.0, 0.25])
@pytest.mark.parametrize("epochs", [1, 3, 20])
def test_it_makes_the_same_updates_as_scikit_learn(rate, epochs):
    # Both start at zero, where scikit-learn counts a tie as a mistake whatever the label,
    # and `H(0) = 0` is right about a label 0: the first label is 1 here. No tie comes after.
    data = load_breast_cancer()
    X = (data.X - data.X.mean(axis=0)) / data.X.std(axis=0)
    y = data.y ^ data.y[0] ^ 1
    ours = Perceptron(learning_rate=rate, max_epochs=epochs).fit(X, y)
    theirs = linear_model.Perceptron(eta0=rate, max_iter=epochs, tol=None, shuffle=False)
    theirs.fit(X, y)
    assert len(ours.losses_) == epochs + 1  # neither stopped before
    np.testing.assert_allclose(ours.weights_, theirs.coef_[0], rtol=1e-9, atol=1e-10)
    assert ours.bias_ == pytest.approx(theirs.intercept_[0], abs=1e-10)
    assert np.array_equal(ours.predict(X), theirs.predict(X))


def test_iris_setosa_is_separable_and_versicolor_is_not():
    iris = load_iris()
    assert Perceptron().fit(iris.X, iris.y == 0).converged_
    assert not Perceptron(max_epochs=50).fit(iris.X, iris.y == 1).converged_


@given(data=separable(), power=st.integers(-3, 3))
def test_the_learning_rate_changes_no_answer(data, power):
    X, y, _ = data
    one = Perceptron(max_epochs=20).fit(X, y)
    other = Perceptron(learning_rate=2.0**power, max_epochs=20).fit(X, y)
    assert np.array_equal(other.weights_, 2.0**power * one.weights_)
    assert other.n_updates_ == one.n_updates_


def test_fit_reads_its_arguments_only_and_starts_afresh():
    X, y = CORNERS.astype(float), AND.copy()
    unit = Perceptron().fit(X, XOR)
    unit.fit(X, y)
    assert np.array_equal(unit.weights_, Perceptron().fit(X, y).weights_)
    assert np.array_equal(X, CORNERS) and np.array_equal(y, AND)


def test_predict_before_fit_is_a_missing_call():
    for unit in (LinearUnit(), Perceptron()):
        with pytest.raises(RuntimeError, match="call fit before"):
            unit.predict(CORNERS)


# --- bad calls -------------------------------------------------------------------------------

FIT = Perceptron().fit
W = [1.0, 1.0]

BAD_CALLS = [
    (heaviside, ([],), {}, ValueError, "z: expected at least one value"),
    (heaviside, ([np.nan],), {}, ValueError, "z: expected finite"),
    (heaviside, (["a"],), {}, TypeError, "z: .* got strings"),
    (perceptron_loss, (CORNERS, XOR[:3], W, 0.0), {}, ValueError, "y: expected 4 values like X"),
    (perceptron_loss, (CORNERS, [0, 1, 2, 1], W, 0.0), {}, ValueError, "y: .* ones, got 2"),
    (perceptron_loss, (CORNERS, XOR, [1.0], 0.0), {}, ValueError, "weights: expected 2 values"),
    (perceptron_loss, (CORNERS, XOR, W, "a"), {}, TypeError, "bias: expected"),
    (perceptron_gradient, (XOR, XOR, W, 0.0), {}, ValueError, "X: expected a 2-D"),
    (perceptron_gradient, (CORNERS, ["a"] * 4, W, 0.0), {}, TypeError, "y: .* got strings"),
    (perceptron_gradient, (CORNERS, XOR, W, np.inf), {}, ValueError, "bias: expected a finite"),
    (LinearUnit, (), {"learning_rate": 0}, ValueError, "learning_rate: .* above 0"),
    (LinearUnit, (), {"max_epochs": 2.5}, TypeError, "max_epochs: expected"),
    (LinearUnit().fit, (CORNERS, XOR[:3]), {}, ValueError, "y: expected 4 values like X, got 3"),
    (LinearUnit().fit, (CORNERS, ["a"] * 4), {}, TypeError, "y: .* got strings"),
    (LinearUnit().fit, (CORNERS, XOR), {"rng": 0}, TypeError, "rng: expected a generator"),
    (Perceptron, (), {"learning_rate": "big"}, TypeError, "learning_rate: expected"),
    (Perceptron, (), {"max_epochs": 0}, ValueError, "max_epochs: .* at least 1"),
    (FIT, (CORNERS, [-1, 1, 1, -1]), {}, ValueError, "y: expected zeros and ones, got -1"),
    (FIT, (CORNERS, [0.5, 1, 1, 0]), {}, ValueError, "y: expected labels .* 0.5"),
    (FIT, (CORNERS, ["0", "1", "1", "0"]), {}, TypeError, "y: .* got strings"),
    (FIT, (XOR, XOR), {}, ValueError, "X: expected a 2-D"),
    (FIT(CORNERS, AND).predict, ([[1.0]],), {}, ValueError, "X: expected 2 columns as in fit"),
    (FIT(CORNERS, AND).decision_function, (["a"],), {}, TypeError, "X: .* got strings"),
    (threshold_layer, (CORNERS, W, [0]), {}, ValueError, "weights: expected a 2-D"),
    (threshold_layer, (CORNERS, [W], [0]), {}, ValueError, r"weights: expected shape \(2, 1\)"),
    (threshold_layer, (CORNERS, [W, W], [0]), {}, ValueError, r"weights: expected shape \(2, 1\)"),
    (threshold_layer, (CORNERS, [W, W], "a"), {}, TypeError, "thresholds: expected"),
    (xor_network, ([[0, 1, 1]],), {}, ValueError, r"X: expected two columns, got shape \(1, 3\)"),
    (xor_network, ([[0, 0.5]],), {}, ValueError, "X: expected zeros and ones, got 0.5"),
    (xor_network, ("ab",), {}, TypeError, "X: expected"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    covered = {function.__name__ for function, *_ in BAD_CALLS}
    covered -= {"fit", "predict", "decision_function"}
    assert covered == set(module.__all__) - {"Unit"}
