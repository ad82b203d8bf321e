"""Losses against SciPy, scikit-learn and Keras; gradients against finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from sklearn.metrics import log_loss

from course_lib import losses as module
from course_lib import metrics
from course_lib.activations import sigmoid, softmax, softmax_jacobian
from course_lib.gradcheck import numerical_gradient, relative_error
from course_lib.losses import mean_squared_error, sigmoid_cross_entropy, softmax_cross_entropy

seeds = st.integers(0, 999)
LIMIT = 1e-7


def classes(seed, n=7, n_classes=4):
    rng = np.random.default_rng(seed)
    return rng.normal(scale=3, size=(n, n_classes)), rng.integers(n_classes, size=n)


def yes_or_no(seed, n=7):
    rng = np.random.default_rng(seed)
    return rng.normal(scale=3, size=n), rng.integers(2, size=n)


# --- values ----------------------------------------------------------------------------


@given(seed=seeds)
def test_softmax_cross_entropy_equals_scikit_learn_and_scipy(seed):
    logits, labels = classes(seed)
    value, _ = softmax_cross_entropy(logits, labels)
    reference = -special.log_softmax(logits, axis=1)[np.arange(7), labels].mean()
    assert value == pytest.approx(reference, rel=1e-14)
    assert value == pytest.approx(log_loss(labels, softmax(logits), labels=range(4)), rel=1e-12)


@given(seed=seeds)
def test_sigmoid_cross_entropy_equals_scikit_learn_and_scipy(seed):
    logits, labels = yes_or_no(seed)
    value, _ = sigmoid_cross_entropy(logits, labels)
    reference = -special.log_expit(np.where(labels == 1, logits, -logits)).mean()
    assert value == pytest.approx(reference, rel=1e-14)
    assert value == pytest.approx(log_loss(labels, sigmoid(logits), labels=[0, 1]), rel=1e-12)


@given(seed=seeds)
def test_mean_squared_error_is_the_metric_on_vectors(seed):
    rng = np.random.default_rng(seed)
    outputs, targets = rng.normal(size=(2, 6))
    value, _ = mean_squared_error(outputs, targets)
    assert value == pytest.approx(metrics.mse(targets, outputs), rel=1e-14)
    matrix, _ = mean_squared_error(outputs.reshape(2, 3), targets.reshape(2, 3))
    assert matrix == pytest.approx(value, rel=1e-14)


def test_keras_agrees_on_values_and_gradients(keras):
    import tensorflow as tf

    (logits, labels), (scores, answers) = classes(0), yes_or_no(0)
    targets = np.random.default_rng(1).normal(size=logits.shape)
    ops = keras.ops
    pairs = [
        (softmax_cross_entropy, logits, labels, lambda z: ops.sparse_categorical_crossentropy(
            labels, z, from_logits=True)),
        (sigmoid_cross_entropy, scores, answers, lambda z: ops.binary_crossentropy(
            answers.astype(float), z, from_logits=True)),
        (mean_squared_error, logits, targets, lambda z: keras.losses.mean_squared_error(
            targets, z)),
    ]  # fmt: skip
    for loss, outputs, truth, reference in pairs:
        z = tf.Variable(outputs)
        with tf.GradientTape() as tape:
            mean = tf.reduce_mean(reference(z))
        assert mean.dtype == tf.float64
        value, gradient = loss(outputs, truth)
        assert value == pytest.approx(float(mean), rel=1e-12)
        np.testing.assert_allclose(gradient, tape.gradient(mean, z), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_equal_scores_cost_the_logarithm_of_the_number_of_classes(n_classes):
    value, _ = softmax_cross_entropy(np.full((3, n_classes), 7.0), [0, 1, 1])
    assert value == pytest.approx(np.log(n_classes), rel=1e-15)
    assert sigmoid_cross_entropy([0.0], [0])[0] == pytest.approx(np.log(2), rel=1e-15)


# --- gradients -------------------------------------------------------------------------


@given(seed=seeds)
def test_gradients_equal_finite_differences(seed):
    (logits, labels), (scores, answers) = classes(seed), yes_or_no(seed)
    targets = np.random.default_rng(seed + 1).normal(size=logits.shape)
    for loss, outputs, truth in [
        (softmax_cross_entropy, logits, labels),
        (sigmoid_cross_entropy, scores, answers),
        (sigmoid_cross_entropy, scores[:, None], answers),
        (mean_squared_error, logits, targets),
        (mean_squared_error, logits[0], targets[0]),
    ]:
        gradient = loss(outputs, truth)[1]
        numeric = numerical_gradient(lambda z, f=loss, t=truth: f(z, t)[0], outputs)
        assert gradient.shape == outputs.shape and relative_error(gradient, numeric) <= LIMIT


@given(seed=seeds)
def test_the_short_gradient_is_the_chain_rule_through_the_jacobian(seed):
    logits, labels = classes(seed, n=1)
    a = softmax(logits[0])
    d_loss_d_a = -np.eye(4)[labels[0]] / a  # of -log(a[label])
    through_jacobian = softmax_jacobian(logits[0]) @ d_loss_d_a
    gradient = softmax_cross_entropy(logits, labels)[1]
    np.testing.assert_allclose(gradient[0], through_jacobian, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(gradient[0], a - np.eye(4)[labels[0]], rtol=1e-14, atol=1e-15)


@given(seed=seeds)
def test_rows_of_the_softmax_gradient_add_up_to_zero(seed):
    gradient = softmax_cross_entropy(*classes(seed))[1]
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-15)


@given(seed=seeds)
def test_two_classes_are_yes_or_no(seed):
    scores, answers = yes_or_no(seed)
    value, gradient = sigmoid_cross_entropy(scores, answers)
    both = softmax_cross_entropy(np.stack([np.zeros(7), scores], axis=1), answers)
    assert value == pytest.approx(both[0], rel=1e-12)
    np.testing.assert_allclose(gradient, both[1][:, 1], rtol=1e-9, atol=1e-15)


@given(seed=seeds)
def test_a_batch_is_the_mean_of_its_examples(seed):
    logits, labels = classes(seed)
    value, gradient = softmax_cross_entropy(logits, labels)
    alone = [softmax_cross_entropy(logits[i : i + 1], labels[i : i + 1]) for i in range(7)]
    assert value == pytest.approx(np.mean([v for v, _ in alone]), rel=1e-14)
    np.testing.assert_allclose(7 * gradient, np.concatenate([g for _, g in alone]), rtol=1e-13)


# --- stability, types ------------------------------------------------------------------


def test_large_scores_cost_what_they_should():
    with np.errstate(all="raise", under="ignore"):
        value, gradient = softmax_cross_entropy([[1e4, -1e4], [1e4, -1e4]], [0, 1])
        assert value == 1e4 and gradient.tolist() == [[0, 0], [0.5, -0.5]]
        value, gradient = sigmoid_cross_entropy([1e4, -1e4, 1e4, -1e4], [1, 0, 0, 1])
        assert value == 5e3 and gradient.tolist() == [0, 0, 0.25, -0.25]
    surely_right = sigmoid_cross_entropy([50.0], [1])[0]
    assert surely_right == pytest.approx(np.exp(-50.0), rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("loss", "outputs", "truth"),
    [
        (softmax_cross_entropy, [[1.0, 2.0]], [1]),
        (sigmoid_cross_entropy, [1.0], [1]),
        (mean_squared_error, [1.0], np.array([2.0])),
    ],
)
def test_values_are_floats_and_gradients_keep_single_precision(loss, outputs, truth):
    value, gradient = loss(np.array(outputs, np.float32), truth)
    assert type(value) is float and gradient.dtype == np.float32
    assert loss(outputs, truth)[1].dtype == np.float64


def test_arguments_are_left_alone():
    logits, labels = classes(0)
    before = logits.copy()
    for loss, truth in [(softmax_cross_entropy, labels), (mean_squared_error, logits + 1)]:
        loss(logits, truth)[1][...] = 0
        assert np.array_equal(logits, before)


@pytest.mark.parametrize("labels", [[True, False], [1.0, 0.0], np.array([1, 0], np.uint8)])
def test_labels_are_integers_in_any_clothes(labels):
    expected = softmax_cross_entropy(np.eye(2), [1, 0])[0]
    assert softmax_cross_entropy(np.eye(2), labels)[0] == expected
    assert sigmoid_cross_entropy([2.0, -2.0], labels)[0] < 0.2


# --- bad calls -------------------------------------------------------------------------

Z = np.zeros((3, 2))
softmax_loss, sigmoid_loss = softmax_cross_entropy, sigmoid_cross_entropy

BAD_CALLS = [
    (softmax_loss, (Z, [0, 1]), {}, ValueError, "labels: expected 3 values like logits, got 2"),
    (softmax_loss, (Z, [0, 1, 2]), {}, ValueError, "labels: .* from 0 to 1, got 2"),
    (softmax_loss, (Z, [0, 1, -1]), {}, ValueError, "labels: .* from 0 to 1, got -1"),
    (softmax_loss, (Z, [0, 1, 0.5]), {}, ValueError, "labels: .* got the number 0.5"),
    (softmax_loss, (Z, ["a", "b", "a"]), {}, TypeError, "labels: .* got strings"),
    (softmax_loss, (Z, np.eye(3)), {}, ValueError, "labels: expected a 1-D array"),
    (softmax_loss, (Z[0], [0]), {}, ValueError, "logits: expected a 2-D array"),
    (softmax_loss, (Z[:, :1], [0, 0, 0]), {}, ValueError, "logits: expected at least 2 columns"),
    (softmax_loss, (Z * np.nan, [0, 1, 0]), {}, ValueError, "logits: expected finite"),
    (softmax_loss, (Z[:0], []), {}, ValueError, "logits: expected at least one value"),
    (softmax_loss, ([["a", "b"]], [0]), {}, TypeError, "logits: .* got strings"),
    (sigmoid_loss, (Z, [0, 1, 0]), {}, ValueError, r"logits: expected shape \(n,\) or \(n, 1\)"),
    (sigmoid_loss, (1.0, [0]), {}, ValueError, r"logits: expected shape \(n,\) or \(n, 1\)"),
    (sigmoid_loss, (Z[0], [0]), {}, ValueError, "labels: expected 2 values like logits, got 1"),
    (sigmoid_loss, (Z[0], [0, 2]), {}, ValueError, "labels: .* from 0 to 1, got 2"),
    (sigmoid_loss, (Z[0], ["a", "b"]), {}, TypeError, "labels: .* got strings"),
    (sigmoid_loss, ([np.inf], [0]), {}, ValueError, "logits: expected finite"),
    (sigmoid_loss, (["a"], [0]), {}, TypeError, "logits: .* got strings"),
    (mean_squared_error, (Z, Z[:2]), {}, ValueError, r"targets: expected shape \(3, 2\) like"),
    (mean_squared_error, (Z[:, :1], Z[:, 0]), {}, ValueError, r"targets: expected shape \(3, 1\)"),
    (mean_squared_error, (Z[None], Z[None]), {}, ValueError, r"outputs: expected shape \(n,\)"),
    (mean_squared_error, (Z, Z * np.nan), {}, ValueError, "targets: expected finite"),
    (mean_squared_error, ([], []), {}, ValueError, "outputs: expected at least one value"),
    (mean_squared_error, (["a"], [1.0]), {}, TypeError, "outputs: .* got strings"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    assert {function.__name__ for function, *_ in BAD_CALLS} == set(module.__all__)
