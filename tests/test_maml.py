"""Tests of course_lib.maml."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_lib import maml as module
from course_lib.maml import (
    adapt,
    adapted_predictions,
    fine_tuned_predictions,
    fit_maml,
    fit_reptile,
    meta_gradient,
    reptile_direction,
    task_losses,
)
from course_lib.meta_tasks import Tasks, sinusoid_tasks

RATE = 0.1
SAMPLE = partial(sinusoid_tasks, 5, n_support=4, n_query=6)
TASKS = SAMPLE(rng=np.random.default_rng(0))


@pytest.fixture
def float64():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(policy)


def network(*hidden, seed=0):
    """Return a small smooth network from number to number, with biases that are not 0."""
    keras.utils.set_random_seed(seed)
    biases = keras.initializers.RandomNormal(0.5)
    sizes = [keras.layers.Dense(n, "tanh", bias_initializer=biases) for n in hidden]
    dtype = keras.config.dtype_policy().compute_dtype  # an Input casts to its own
    return keras.Sequential([keras.Input((1,), dtype=dtype), *sizes, keras.layers.Dense(1)])


def flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


def loss_at(model, weights, x, y):
    """Return the mean squared error of a model with given weights, by Keras alone."""
    kept = model.get_weights()
    model.set_weights(weights)
    value = float(keras.losses.MeanSquaredError(dtype="float64")(y, model(x)))
    model.set_weights(kept)
    return value


def gradient_at(model, weights, x, y):
    kept = model.get_weights()
    model.set_weights(weights)
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(tf.square(model(x) - y))
    gradient = [g.numpy() for g in tape.gradient(value, model.trainable_variables)]
    model.set_weights(kept)
    return gradient


def of_task(tasks, i):
    return Tasks(*(array[i] for array in tasks))


def relative_error(ours, expected):
    return np.linalg.norm(flat(ours) - flat(expected)) / np.linalg.norm(flat(expected))


# --- the inner step -----------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_step_is_one_of_keras_sgd(steps):
    model, task = network(3), of_task(TASKS, 0)
    before = model.get_weights()
    ours = adapt(model, task.support_x, task.support_y, steps=steps, learning_rate=RATE)
    for kept, weight in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)
    model.compile(keras.optimizers.SGD(RATE), loss="mean_squared_error")
    for _ in range(steps):
        model.train_on_batch(task.support_x, task.support_y)
    for mine, theirs in zip(ours, model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)
    assert steps == 0 or (flat(ours) != flat(before)).all()


def test_penalties_of_the_model_count_as_in_keras():
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(3, "tanh", activity_regularizer="l1", kernel_regularizer="l2")
    model, task = keras.Sequential([keras.Input((1,)), hidden, keras.layers.Dense(1)]), TASKS
    plain = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3, "tanh")])
    plain = keras.Sequential([plain, keras.layers.Dense(1)])
    plain.set_weights(model.get_weights())
    x, y = task.support_x[0], task.support_y[0]
    ours, without = (adapt(m, x, y, learning_rate=RATE) for m in (model, plain))
    model.compile(keras.optimizers.SGD(RATE), loss="mean_squared_error")
    model.train_on_batch(x, y)
    np.testing.assert_allclose(flat(ours), flat(model.get_weights()), rtol=0, atol=1e-6)
    assert np.abs(flat(ours) - flat(without)).max() > 1e-4


def test_predictions_and_losses_are_those_of_the_adapted_weights():
    model = network(3)
    predictions = adapted_predictions(model, TASKS, steps=2, learning_rate=RATE)
    losses = task_losses(model, TASKS, steps=2, learning_rate=RATE)
    assert predictions.shape == (5, 6, 1) and losses.shape == (5, 3)
    for i in range(5):
        task = of_task(TASKS, i)
        for steps in range(3):
            weights = adapt(model, *task[:2], steps=steps, learning_rate=RATE)
            expected = loss_at(model, weights, *task[2:])
            assert losses[i, steps] == pytest.approx(expected, rel=1e-5)
        model.set_weights(weights)
        np.testing.assert_allclose(predictions[i], model(task.query_x), rtol=0, atol=1e-5)
        model = network(3)


def test_a_task_is_adapted_to_by_itself():
    """A batch gives what its tasks give one by one: nothing leaks between tasks."""
    model = network(3)
    together = adapted_predictions(model, TASKS, steps=3, learning_rate=RATE)
    for i in (0, 4):
        alone = Tasks(*(array[i : i + 1] for array in TASKS))
        ours = adapted_predictions(model, alone, steps=3, learning_rate=RATE)
        np.testing.assert_allclose(ours[0], together[i], rtol=0, atol=1e-5)


def test_queries_do_not_change_the_adaptation():
    model, doubled = network(3), TASKS._replace(query_y=2 * TASKS.query_y)
    ours = [adapted_predictions(model, tasks, learning_rate=RATE) for tasks in (TASKS, doubled)]
    np.testing.assert_array_equal(*ours)


def test_fine_tuning_is_adam_of_keras_on_the_task_alone():
    model = network(3)
    before = model.get_weights()
    ours = fine_tuned_predictions(model, TASKS, steps=20, learning_rate=0.01)
    np.testing.assert_array_equal(flat(before), flat(model.get_weights()))
    task = of_task(TASKS, 4)
    model.compile(keras.optimizers.Adam(0.01), loss="mean_squared_error")
    for _ in range(20):
        model.train_on_batch(task.support_x, task.support_y)
    np.testing.assert_allclose(ours[4], model(task.query_x), rtol=0, atol=2e-5)


# --- the meta-gradient --------------------------------------------------------------------


def meta_loss(model, weights, tasks, steps):
    """The definition, task by task: the mean query loss after the inner steps."""
    losses = []
    for i in range(len(tasks.query_x)):
        task, adapted = of_task(tasks, i), weights
        for _ in range(steps):
            gradient = gradient_at(model, adapted, *task[:2])
            adapted = [w - RATE * g for w, g in zip(adapted, gradient, strict=True)]
        losses.append(loss_at(model, adapted, *task[2:]))
    return np.mean(losses)


def finite_differences(function, weights, h=1e-5):
    """Return the central differences of a function of a list of arrays."""
    gradient = []
    for weight in weights:
        found = np.empty_like(weight)
        for index in np.ndindex(weight.shape):
            kept = weight[index]
            weight[index] = kept + h
            high = function(weights)
            weight[index] = kept - h
            found[index] = (high - function(weights)) / (2 * h)
            weight[index] = kept
        gradient.append(found)
    return gradient


@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.usefixtures("float64")
def test_the_meta_gradient_is_that_of_finite_differences_through_the_inner_steps(steps):
    model = network(2)
    tasks = Tasks(*(array[:2].astype(np.float64) for array in TASKS))
    value, ours = meta_gradient(model, tasks, inner_steps=steps, inner_rate=RATE)
    weights = model.get_weights()
    assert {weight.dtype for weight in weights} == {np.dtype(np.float64)}
    assert value == pytest.approx(meta_loss(model, weights, tasks, steps), rel=1e-12)
    expected = finite_differences(lambda w: meta_loss(model, w, tasks, steps), weights)
    assert relative_error(ours, expected) <= 1e-7


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.usefixtures("float64")
def test_the_first_order_gradient_is_the_query_gradient_at_the_adapted_weights(steps):
    model = network(3)
    tasks = Tasks(*(array.astype(np.float64) for array in TASKS))
    settings = {"inner_steps": steps, "inner_rate": RATE}
    value, ours = meta_gradient(model, tasks, order=1, **settings)
    per_task = []
    for i in range(5):
        task = of_task(tasks, i)
        adapted = adapt(model, *task[:2], steps=steps, learning_rate=RATE)
        per_task.append(gradient_at(model, adapted, *task[2:]))
    expected = [np.mean(gradients, axis=0) for gradients in zip(*per_task, strict=True)]
    assert relative_error(ours, expected) < 1e-12
    second_value, second = meta_gradient(model, tasks, **settings)
    assert value == pytest.approx(second_value, rel=1e-12)
    assert relative_error(ours, second) > 0.05  # the second derivative counts


def linear_case(rng, d=3):
    """Return a linear layer without bias, and tasks."""
    keras.utils.set_random_seed(0)
    inputs, layer = keras.Input((d,), dtype="float64"), keras.layers.Dense(1, use_bias=False)
    model = keras.Sequential([inputs, layer])
    shapes = [(4, 5, d), (4, 5, 1), (4, 7, d), (4, 7, 1)]
    return model, Tasks(*(rng.normal(size=shape) for shape in shapes))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.usefixtures("float64")
def test_one_linear_layer_has_a_closed_form(order):
    """The step is w' = (I - 2 a A) w + ..., A = X'X / K: the gradient has the factor I - 2 a A."""
    model, tasks = linear_case(np.random.default_rng(0))
    w, expected = model.get_weights()[0], 0
    for i in range(4):
        X, y, X_q, y_q = of_task(tasks, i)
        adapted = w - RATE * 2 / len(X) * X.T @ (X @ w - y)
        gradient = 2 / len(X_q) * X_q.T @ (X_q @ adapted - y_q)
        factor = np.eye(3) - RATE * 2 / len(X) * X.T @ X if order == 2 else np.eye(3)
        expected = expected + factor @ gradient / 4
    _, (ours,) = meta_gradient(model, tasks, order=order, inner_rate=RATE)
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-14)


def test_any_model_of_keras_will_do():
    """A convolution and a loss of classification; targets are labels."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 2))
    hidden = keras.layers.Flatten()(keras.layers.Conv1D(3, 3, activation="relu")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4)(hidden))
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(3, 5, 6, 2)), rng.integers(0, 4, (3, 5, 1))
    tasks = Tasks(x, labels, x, labels)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    before = task_losses(model, tasks, loss=loss, steps=0).mean()
    fit_maml(model, lambda rng: tasks, iterations=60, seed=0, meta_rate=0.02, loss=loss)
    assert task_losses(model, tasks, loss=loss, steps=0).mean() < 0.7 * before


def test_frozen_weights_stay():
    model = network(3)
    model.layers[0].trainable = False
    frozen = model.layers[0].get_weights()
    fit_maml(model, SAMPLE, iterations=3, seed=0)
    np.testing.assert_array_equal(flat(frozen), flat(model.layers[0].get_weights()))
    assert len(meta_gradient(model, TASKS)[1]) == 2


# --- learning -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
def test_an_iteration_is_a_step_of_adam_along_the_meta_gradient(order, capsys):
    """Of tasks that the seed decides on; and nothing is printed."""
    settings = {"order": order, "inner_rate": RATE}
    model, twin = network(3), network(3)
    losses = fit_maml(model, SAMPLE, iterations=2, seed=7, meta_rate=0.01, **settings)
    assert capsys.readouterr().out == ""
    rng, optimizer = np.random.default_rng(7), keras.optimizers.Adam(0.01)
    for i in range(2):
        value, gradient = meta_gradient(twin, SAMPLE(rng=rng), **settings)
        optimizer.apply(gradient, twin.trainable_variables if i == 0 else None)
        assert losses[i] == pytest.approx(value, rel=1e-4)
    np.testing.assert_allclose(flat(model.get_weights()), flat(twin.get_weights()), atol=1e-5)


def test_a_long_meta_gradient_is_shortened(monkeypatch):
    """With plain gradient descent in Adam's place, a step is as long as its gradient."""
    monkeypatch.setattr(keras.optimizers, "Adam", keras.optimizers.SGD)
    moves = []
    for clip_norm in (None, 0.01):
        model = network(3)
        start = flat(model.get_weights())
        fit_maml(model, SAMPLE, **FIT, meta_rate=1.0, clip_norm=clip_norm)
        moves.append(flat(model.get_weights()) - start)
    long, short = moves
    assert np.linalg.norm(long) > 0.1
    np.testing.assert_allclose(short, 0.01 * long / np.linalg.norm(long), atol=1e-6)


def test_maml_learns_to_adapt_and_joint_training_does_not():
    """All lines through the origin: their mean is 0, and one step can find the slope."""

    def lines(rng):
        slopes, x = rng.choice([-1.0, 1.0], size=(8, 1, 1)), rng.uniform(-2, 2, (8, 10, 1))
        return Tasks(x[:, :5], (slopes * x)[:, :5], x[:, 5:], (slopes * x)[:, 5:])

    new = lines(np.random.default_rng(99))
    adapted = {}
    for steps in (0, 1):
        model = network(8)
        settings = {"inner_steps": steps, "inner_rate": 0.3, "meta_rate": 0.03}
        fit_maml(model, lines, iterations=150, seed=0, **settings)
        adapted[steps] = task_losses(model, new, learning_rate=0.3).mean(axis=0)
    assert adapted[1][1] < 0.2 * adapted[1][0]
    assert adapted[1][1] < 0.2 * adapted[0][1]


def test_verbose_prints_a_line_for_each_tenth(capsys):
    losses = fit_maml(network(2), SAMPLE, iterations=20, seed=0, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[-1] == f"iteration 20 of 20: mean loss {losses[-2:].mean():.4f}"


def test_a_training_that_diverges_says_so():
    with pytest.raises(ValueError, match=r"iteration \d+: smaller"):
        fit_maml(network(3), SAMPLE, iterations=50, seed=0, inner_steps=5, inner_rate=1e6)


# --- Reptile ------------------------------------------------------------------------------


def reptile_by_definition(model, tasks, steps):
    """The mean of adapted less starting weights; support and query rows in turn."""
    start, moves = model.get_weights(), []
    for i in range(len(tasks.query_x)):
        task, weights = of_task(tasks, i), start
        for j in range(steps):
            gradient = gradient_at(model, weights, *(task[2:] if j % 2 else task[:2]))
            weights = [w - RATE * g for w, g in zip(weights, gradient, strict=True)]
        moves.append([w - w0 for w, w0 in zip(weights, start, strict=True)])
    return [np.mean(move, axis=0) for move in zip(*moves, strict=True)]


@pytest.mark.parametrize("steps", [2, 3])
def test_the_direction_of_reptile_is_its_definition(steps):
    model = network(3)
    ours = reptile_direction(model, TASKS, inner_steps=steps, inner_rate=RATE)
    assert relative_error(ours, reptile_by_definition(model, TASKS, steps)) < 1e-5


def test_reptile_moves_by_its_share_of_the_direction():
    model = network(3)
    settings = {"inner_steps": 3, "inner_rate": RATE}
    before = model.get_weights()
    fit_reptile(model, SAMPLE, iterations=1, seed=4, meta_rate=0.5, **settings)
    move = reptile_by_definition(network(3), SAMPLE(rng=np.random.default_rng(4)), 3)
    expected = flat(before) + 0.5 * flat(move)
    np.testing.assert_allclose(flat(model.get_weights()), expected, rtol=0, atol=1e-5)


# --- errors -------------------------------------------------------------------------------


def with_layer(layer):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(4), layer, keras.layers.Dense(1)]
    )


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (keras.layers.BatchNormalization, "moving_mean"),
        (partial(keras.layers.Dropout, 0.5), "seed"),
        (partial(keras.layers.GaussianNoise, 0.1), "seed"),
    ],
)
@pytest.mark.parametrize("call", [fit_maml, fit_reptile, meta_gradient, adapt])
def test_a_state_that_training_changes_is_refused(layer, name, call):
    model = with_layer(layer())
    with pytest.raises(ValueError, match=f"model: expected no state.*{name}"):
        if call is adapt:
            adapt(model, TASKS.support_x[0], TASKS.support_y[0])
        elif call is meta_gradient:
            meta_gradient(model, TASKS)
        else:
            call(model, SAMPLE, iterations=1, seed=0)


def test_layer_normalisation_has_no_such_state():
    fit_maml(with_layer(keras.layers.LayerNormalization()), SAMPLE, iterations=1, seed=0)


MODEL = network(2)
X, Y = TASKS.support_x[0], TASKS.support_y[0]
FIT = {"iterations": 1, "seed": 0}
BAD_CALLS = [
    (adapt, (None, X, Y), {}, TypeError, "model"),
    (adapt, (keras.Sequential([keras.layers.Dense(1)]), X, Y), {}, ValueError, "built"),
    (adapt, (MODEL, X[:, 0], Y), {}, ValueError, r"x: expected examples of shape \(1,\)"),
    (adapt, (MODEL, X, Y[:2]), {}, ValueError, "y: expected 4 examples like x, got 2"),
    (adapt, (MODEL, X, np.ones((4, 2))), {}, ValueError, "y: expected examples of shape"),
    (adapt, (MODEL, X * np.nan, Y), {}, ValueError, "x"),
    (adapt, (MODEL, X, Y), {"steps": -1}, ValueError, "steps"),
    (adapt, (MODEL, X, Y), {"steps": 1.0}, TypeError, "steps"),
    (adapt, (MODEL, X, Y), {"learning_rate": 0}, ValueError, "learning_rate"),
    (adapt, (MODEL, X, Y), {"loss": "mean"}, ValueError, "loss: expected a loss of Keras"),
    (adapt, (MODEL, X, Y), {"loss": 3}, TypeError, "loss"),
    (adapted_predictions, (MODEL, (X, Y, X, Y)), {}, TypeError, "tasks: expected Tasks"),
    (adapted_predictions, (MODEL, TASKS), {"steps": "one"}, TypeError, "steps"),
    (adapted_predictions, (MODEL, TASKS), {"learning_rate": -1.0}, ValueError, "learning_rate"),
    (fine_tuned_predictions, (MODEL, None), {}, TypeError, "tasks"),
    (fine_tuned_predictions, (MODEL, TASKS), {"steps": -2}, ValueError, "steps"),
    (task_losses, (MODEL, TASKS._replace(query_y=TASKS.query_y[:2])), {}, ValueError, "query_y"),
    (task_losses, (MODEL, TASKS._replace(support_x=np.zeros((5, 4)))), {}, ValueError, "support_x"),
    (task_losses, (MODEL, TASKS._replace(query_x=X)), {}, ValueError, "query_x"),
    (meta_gradient, (MODEL, TASKS), {"order": 3}, ValueError, "order: expected 1 or 2"),
    (meta_gradient, (MODEL, TASKS), {"order": 0}, ValueError, "order"),
    (meta_gradient, (MODEL, TASKS), {"inner_steps": -1}, ValueError, "inner_steps"),
    (meta_gradient, (MODEL, TASKS), {"inner_rate": np.inf}, ValueError, "inner_rate"),
    (meta_gradient, ("model", TASKS), {}, TypeError, "model"),
    (fit_maml, (MODEL, TASKS), FIT, TypeError, "sample"),
    (fit_maml, (MODEL, SAMPLE), {**FIT, "iterations": 0}, ValueError, "iterations"),
    (fit_maml, (MODEL, SAMPLE), {**FIT, "seed": -1}, ValueError, "seed"),
    (fit_maml, (MODEL, SAMPLE), {**FIT, "meta_rate": 0}, ValueError, "meta_rate"),
    (fit_maml, (MODEL, SAMPLE), {**FIT, "clip_norm": 0}, ValueError, "clip_norm"),
    (fit_maml, (MODEL, SAMPLE), {**FIT, "verbose": 2}, ValueError, "verbose"),
    (fit_maml, (MODEL, lambda rng: X), FIT, TypeError, "tasks"),
    (fit_maml, (keras.Sequential(), SAMPLE), FIT, ValueError, "model"),
    (fit_reptile, (MODEL, SAMPLE), {**FIT, "inner_steps": 1}, ValueError, "at least 2"),
    (fit_reptile, (MODEL, SAMPLE), {**FIT, "meta_rate": -1}, ValueError, "meta_rate"),
    (fit_reptile, (3, SAMPLE), FIT, TypeError, "model"),
    (reptile_direction, (MODEL, TASKS), {"inner_steps": 1}, ValueError, "inner_steps"),
    (reptile_direction, (MODEL, TASKS), {"inner_rate": 0}, ValueError, "inner_rate"),
    (reptile_direction, (MODEL, X), {}, TypeError, "tasks"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_input_is_refused_in_words(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_tried_with_bad_input():
    assert {call[0].__name__ for call in BAD_CALLS} == set(module.__all__)
