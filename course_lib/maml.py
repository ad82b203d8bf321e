"""MAML, first-order MAML and Reptile: weights from which a few steps lead far.

Chapter *Learning to learn: MAML*. The inner loop is ordinary gradient descent on the few examples
of one task. The outer loop moves the weights at which all inner loops start. A model of Keras
keeps its weights in itself; here they are passed to it as an argument
(``model.stateless_call``), for each task has its own and a gradient goes through their making.
All tasks of a batch are computed at once, in one compiled function.
"""

import reprlib
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_array,
    as_nonnegative_int,
    as_positive_int,
    as_positive_real,
    message,
    same_length,
)
from course_lib.meta_tasks import Tasks

__all__ = [
    "adapt",
    "adapted_predictions",
    "fine_tuned_predictions",
    "fit_maml",
    "fit_reptile",
    "meta_gradient",
    "reptile_direction",
    "task_losses",
]

LOSS = "mean_squared_error"

Weights = list[Any]  # tensors in the order of model.trainable_variables
Sampler = Callable[..., Tasks]


# --- Judging and using a model --------------------------------------------------------------------


def adapt(
    model: keras.Model,
    x: ArrayLike,
    y: ArrayLike,
    *,
    steps: int = 1,
    learning_rate: float = 0.01,
    loss: str | Callable = LOSS,
) -> list[NDArray[np.floating]]:
    """Adapt a model to the examples of one task, by some steps of gradient descent.

    Equation ``eq-inner-step`` of the chapter *Learning to learn: MAML*. Each step is the one
    that ``keras.optimizers.SGD`` takes on all examples at once.

    Parameters
    ----------
    model : keras.Model
        It stays as it is.
    x, y : array_like of shape (K, ...)
    steps : int
        0 returns the model's own weights.
    learning_rate : float
    loss : str or callable
        A loss of Keras, or its name.

    Returns
    -------
    list of ndarray
        In the order of ``model.trainable_variables``.

    Raises
    ------
    ValueError
        If a shape does not fit the model, a number is out of range or not finite, or the model
        has a state that training changes.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> layer = keras.layers.Dense(1, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((1,)), layer])
    >>> adapt(model, [[1.0]], [[0.0]], learning_rate=0.1)  # the gradient is 2 for both
    [array([[0.8]], dtype=float32), array([-0.2], dtype=float32)]
    """
    x, y = as_array(x, "x"), as_array(y, "y")
    loss, steps = _as_loss(loss), as_nonnegative_int(steps, "steps")
    rate = as_positive_real(learning_rate, "learning_rate")
    _check_model(model)
    x, y = _as_examples(model, loss, x[np.newaxis], y[np.newaxis], ("x", "y"))
    _check_state(model, x[0])
    weights = _start(model)
    for _ in range(steps):
        weights = _inner_step(model, loss, weights, x[0], y[0], rate, order=1)
    return [weight.numpy() for weight in weights]


def adapted_predictions(
    model: keras.Model,
    tasks: Tasks,
    *,
    steps: int = 1,
    learning_rate: float = 0.01,
    loss: str | Callable = LOSS,
) -> NDArray[np.floating]:
    """Predict each task's queries, with the model adapted to the task's support set.

    Equation ``eq-inner-step`` of the chapter *Learning to learn: MAML*.

    Parameters
    ----------
    model : keras.Model
        It stays as it is.
    tasks : Tasks
        Their ``query_y`` is not looked at.
    steps : int
        0 for the model as it is.
    learning_rate : float
    loss : str or callable
        A loss of Keras, or its name.

    Returns
    -------
    ndarray of shape (T, Q, ...)

    Raises
    ------
    ValueError, TypeError
        As :func:`adapt`.

    Examples
    --------
    >>> layer = keras.layers.Dense(1, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((1,)), layer])
    >>> one = np.ones((1, 1, 1))
    >>> adapted_predictions(model, Tasks(one, 0 * one, one, one), learning_rate=0.1).round(2)
    array([[[0.6]]], dtype=float32)
    """
    loss, steps = _as_loss(loss), as_nonnegative_int(steps, "steps")
    rate = as_positive_real(learning_rate, "learning_rate")
    tasks = _as_tasks(model, loss, tasks)

    def of_task(task: Tasks) -> Any:
        weights = _adapted(model, loss, _start(model), task, steps, rate, order=1)
        return _outputs(model, weights, task.query_x)[0]

    return tf.vectorized_map(of_task, tasks).numpy()


def fine_tuned_predictions(
    model: keras.Model,
    tasks: Tasks,
    *,
    steps: int = 500,
    learning_rate: float = 1e-3,
    loss: str | Callable = LOSS,
) -> NDArray[np.floating]:
    """Do as :func:`adapted_predictions`, with many steps of Adam: until convergence.

    Chapter *Learning to learn: MAML*. It is what one would do without meta-learning; with a
    model that has learnt nothing yet it is training from scratch.

    Parameters
    ----------
    model : keras.Model
        It stays as it is.
    tasks : Tasks
        Each is learnt by its own copy of the weights; all at once.
    steps : int
    learning_rate : float
    loss : str or callable
        A loss of Keras, or its name.

    Returns
    -------
    ndarray of shape (T, Q, ...)

    Raises
    ------
    ValueError, TypeError
        As :func:`adapt`.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> one = np.ones((1, 1, 1))
    >>> tasks = Tasks(one, one, one, one)
    >>> fine_tuned_predictions(model, tasks, learning_rate=0.01).round(2)
    array([[[1.]]], dtype=float32)
    """
    loss, steps = _as_loss(loss), as_nonnegative_int(steps, "steps")
    rate = as_positive_real(learning_rate, "learning_rate")
    tasks = _as_tasks(model, loss, tasks)
    copies = [
        keras.Variable(np.repeat(start.numpy()[np.newaxis], len(tasks.query_x), axis=0))
        for start in _start(model)
    ]
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(copies)

    def loss_of(weights: Weights, task: Tasks) -> Any:
        return _loss(model, loss, weights, task.support_x, task.support_y)

    @partial(tf.function, autograph=False)
    def step() -> None:
        weights = [copy.value for copy in copies]
        with tf.GradientTape() as tape:
            losses = tf.vectorized_map(lambda pair: loss_of(*pair), (weights, tasks))
            total = tf.reduce_sum(losses)  # each copy occurs in one term only
        gradients = tape.gradient(total, weights, unconnected_gradients="zero")
        optimizer.apply(gradients, copies)

    for _ in range(steps):
        step()
    pairs = [copy.value for copy in copies], tasks.query_x
    return tf.vectorized_map(lambda pair: _outputs(model, *pair)[0], pairs).numpy()


def task_losses(
    model: keras.Model,
    tasks: Tasks,
    *,
    steps: int = 1,
    learning_rate: float = 0.01,
    loss: str | Callable = LOSS,
) -> NDArray[np.floating]:
    """Return the loss on each task's query set before the adaptation and after each step.

    Chapter *Learning to learn: MAML*.

    Parameters
    ----------
    model : keras.Model
        It stays as it is.
    tasks : Tasks
    steps : int
        At least 0.
    learning_rate : float
    loss : str or callable
        A loss of Keras, or its name.

    Returns
    -------
    ndarray of shape (T, steps + 1)

    Raises
    ------
    ValueError, TypeError
        As :func:`adapt`.

    Examples
    --------
    >>> layer = keras.layers.Dense(1, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((1,)), layer])
    >>> one = np.ones((1, 1, 1))
    >>> task_losses(model, Tasks(one, 0 * one, one, 0 * one), learning_rate=0.1).round(2)
    array([[1.  , 0.36]], dtype=float32)
    """
    loss, steps = _as_loss(loss), as_nonnegative_int(steps, "steps")
    rate = as_positive_real(learning_rate, "learning_rate")
    tasks = _as_tasks(model, loss, tasks)

    def of_task(task: Tasks) -> Any:
        weights = _start(model)
        losses = [_loss(model, loss, weights, task.query_x, task.query_y)]
        for _ in range(steps):
            x, y = task.support_x, task.support_y
            weights = _inner_step(model, loss, weights, x, y, rate, order=1)
            losses.append(_loss(model, loss, weights, task.query_x, task.query_y))
        return tf.stack(losses)

    return tf.vectorized_map(of_task, tasks).numpy()


# --- MAML ----------------------------------------------------------------------------------------


def fit_maml(
    model: keras.Model,
    sample: Sampler,
    *,
    iterations: int,
    seed: int,
    order: int = 2,
    inner_steps: int = 1,
    inner_rate: float = 0.01,
    meta_rate: float = 1e-3,
    clip_norm: float | None = None,
    loss: str | Callable = LOSS,
    verbose: int = 0,
) -> NDArray[np.floating]:
    """Learn weights from which some steps on a task's support set suit its query set.

    Each iteration draws a batch of tasks and takes one step of Adam along the gradient of
    :func:`meta_gradient`. Chapter *Learning to learn: MAML*. Source: Finn et al. (2017),
    algorithm 2; the sources' own loops are in ``course_lib.source_maml``.

    Parameters
    ----------
    model : keras.Model
        Any without a state that training changes. Its weights are the start, and become the
        result.
    sample : callable
        ``sample(rng=rng)`` returns a batch of Tasks, such as
        ``functools.partial(sinusoid_tasks, 25, n_support=5, n_query=5)``.
    iterations : int
    seed : int
        Of the tasks. The weights at the start belong to the model.
    order : {2, 1}
        1 leaves the second derivatives out: first-order MAML.
    inner_steps : int
        Steps of each task; 0 learns all tasks jointly, with no adaptation in view.
    inner_rate, meta_rate : float
        Learning rates of the inner loop and of Adam.
    clip_norm : float, optional
        Longer meta-gradients are shortened to this norm. One task on which the inner loop
        diverges would else undo what many have taught.
    loss : str or callable
        A loss of Keras, or its name.
    verbose : {0, 1}
        1 prints a line after each tenth of the iterations.

    Returns
    -------
    ndarray of shape (iterations,)
        The meta-loss of each batch, before the step.

    Raises
    ------
    ValueError
        If a number is out of range, shapes do not fit, the model has a state that training
        changes, or the loss stops being finite.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> from functools import partial
    >>> from course_lib.meta_tasks import sinusoid_tasks
    >>> keras.utils.set_random_seed(0)
    >>> layers = [keras.Input((1,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    >>> model = keras.Sequential(layers)
    >>> sample = partial(sinusoid_tasks, 10, n_support=5, n_query=5)
    >>> fit_maml(model, sample, iterations=3, seed=0).shape
    (3,)
    """
    loss, order = _as_loss(loss), _as_order(order)
    steps = as_nonnegative_int(inner_steps, "inner_steps")
    rate = as_positive_real(inner_rate, "inner_rate")
    if clip_norm is not None:
        clip_norm = as_positive_real(clip_norm, "clip_norm")
    meta_rate = as_positive_real(meta_rate, "meta_rate")
    optimizer = keras.optimizers.Adam(meta_rate, global_clipnorm=clip_norm)
    _check_model(model)
    optimizer.build(model.trainable_variables)

    def step(tasks: Tasks) -> Any:
        value, gradients = _meta_gradient(model, loss, tasks, steps, rate, order)
        optimizer.apply(gradients, model.trainable_variables)
        return value

    return _train(model, loss, step, sample, iterations, seed, verbose)


def meta_gradient(
    model: keras.Model,
    tasks: Tasks,
    *,
    order: int = 2,
    inner_steps: int = 1,
    inner_rate: float = 0.01,
    loss: str | Callable = LOSS,
) -> tuple[float, list[NDArray[np.floating]]]:
    """Return the meta-loss of a batch of tasks and its gradient, at the weights of a model.

    Equations ``eq-meta-loss``, ``eq-meta-gradient`` and ``eq-first-order`` of the chapter
    *Learning to learn: MAML*. The meta-loss is the mean over the tasks of the query loss after
    the last inner step.

    Parameters
    ----------
    model : keras.Model
        It stays as it is.
    tasks : Tasks
    order : {2, 1}
        2 for the gradient; 1 for its approximation that takes the inner gradients as constants.
    inner_steps : int
        At least 0.
    inner_rate : float
    loss : str or callable
        A loss of Keras, or its name.

    Returns
    -------
    value : float
    gradient : list of ndarray
        In the order of ``model.trainable_variables``.

    Raises
    ------
    ValueError, TypeError
        As :func:`fit_maml`.

    Examples
    --------
    One weight w = 1, the squared error of x = 1, y = 0 in both sets: the step leads from w to
    (1 - 2 rate) w, and the loss (1 - 2 rate)^2 w^2 has the derivative 2 (1 - 2 rate)^2 w. The
    first-order one is 2 (1 - 2 rate) w.

    >>> layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    >>> model, one = keras.Sequential([keras.Input((1,)), layer]), np.ones((1, 1, 1))
    >>> tasks = Tasks(one, 0 * one, one, 0 * one)
    >>> meta_gradient(model, tasks, inner_rate=0.25)
    (0.25, [array([[0.5]], dtype=float32)])
    >>> meta_gradient(model, tasks, inner_rate=0.25, order=1)
    (0.25, [array([[1.]], dtype=float32)])
    """
    loss, order = _as_loss(loss), _as_order(order)
    steps = as_nonnegative_int(inner_steps, "inner_steps")
    rate, tasks = as_positive_real(inner_rate, "inner_rate"), _as_tasks(model, loss, tasks)
    compiled = tf.function(_meta_gradient, autograph=False)
    value, gradients = compiled(model, loss, tasks, steps, rate, order)
    return float(value), [gradient.numpy() for gradient in gradients]


def _meta_gradient(
    model: keras.Model, loss: Callable, tasks: Tasks, steps: int, rate: float, order: int
) -> tuple[Any, Weights]:
    weights = _start(model)

    def of_task(task: Tasks) -> Any:
        adapted = _adapted(model, loss, weights, task, steps, rate, order)
        return _loss(model, loss, adapted, task.query_x, task.query_y)

    with tf.GradientTape() as tape:
        tape.watch(weights)
        value = tf.reduce_mean(tf.vectorized_map(of_task, tasks))
    return value, tape.gradient(value, weights, unconnected_gradients="zero")


# --- Reptile -------------------------------------------------------------------------------------


def fit_reptile(
    model: keras.Model,
    sample: Sampler,
    *,
    iterations: int,
    seed: int,
    inner_steps: int = 5,
    inner_rate: float = 0.01,
    meta_rate: float = 0.1,
    loss: str | Callable = LOSS,
    verbose: int = 0,
) -> NDArray[np.floating]:
    """Learn weights that lie near those of every task: move a little towards each.

    Each iteration draws a batch of tasks and moves the weights by `meta_rate` times
    :func:`reptile_direction`. No gradient goes through the inner loop. Chapter *Learning to
    learn: MAML*. Source: Nichol et al. (2018), the batched version.

    Parameters
    ----------
    model : keras.Model
        Any without a state that training changes. Its weights are the start, and become the
        result.
    sample : callable
        ``sample(rng=rng)`` returns a batch of Tasks.
    iterations : int
    seed : int
        Of the tasks.
    inner_steps : int
        Two at least: one step would be joint training.
    inner_rate, meta_rate : float
    loss : str or callable
        A loss of Keras, or its name.
    verbose : {0, 1}
        1 prints a line after each tenth of the iterations.

    Returns
    -------
    ndarray of shape (iterations,)
        The mean loss on each batch's query sets after the inner steps.

    Raises
    ------
    ValueError, TypeError
        As :func:`fit_maml`.

    Examples
    --------
    >>> from functools import partial
    >>> from course_lib.meta_tasks import sinusoid_tasks
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> sample = partial(sinusoid_tasks, 10, n_support=5, n_query=5)
    >>> fit_reptile(model, sample, iterations=3, seed=0).shape
    (3,)
    """
    loss, steps = _as_loss(loss), _as_several(inner_steps)
    rate = as_positive_real(inner_rate, "inner_rate")
    share = as_positive_real(meta_rate, "meta_rate")
    _check_model(model)

    def step(tasks: Tasks) -> Any:
        value, direction = _reptile(model, loss, tasks, steps, rate)
        for variable, change in zip(model.trainable_variables, direction, strict=True):
            variable.assign_add(share * change)
        return value

    return _train(model, loss, step, sample, iterations, seed, verbose)


def reptile_direction(
    model: keras.Model,
    tasks: Tasks,
    *,
    inner_steps: int = 5,
    inner_rate: float = 0.01,
    loss: str | Callable = LOSS,
) -> list[NDArray[np.floating]]:
    """Return the mean over tasks of the adapted weights less the weights at the start.

    Equation ``eq-reptile`` of the chapter *Learning to learn: MAML*. The inner steps learn from
    the support set and the query set in turn, the support set first: Reptile needs no query
    set, but steps on different examples.

    Parameters
    ----------
    model : keras.Model
        It stays as it is.
    tasks : Tasks
    inner_steps : int
        Two at least.
    inner_rate : float
    loss : str or callable
        A loss of Keras, or its name.

    Returns
    -------
    list of ndarray
        In the order of ``model.trainable_variables``.

    Raises
    ------
    ValueError, TypeError
        As :func:`fit_maml`.

    Examples
    --------
    >>> layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    >>> model, one = keras.Sequential([keras.Input((1,)), layer]), np.ones((1, 1, 1))
    >>> tasks = Tasks(one, 0 * one, one, 0 * one)  # each step halves the weight
    >>> reptile_direction(model, tasks, inner_steps=2, inner_rate=0.25)
    [array([[-0.75]], dtype=float32)]
    """
    loss, steps = _as_loss(loss), _as_several(inner_steps)
    rate, tasks = as_positive_real(inner_rate, "inner_rate"), _as_tasks(model, loss, tasks)
    compiled = tf.function(_reptile, autograph=False)
    return [change.numpy() for change in compiled(model, loss, tasks, steps, rate)[1]]


def _reptile(
    model: keras.Model, loss: Callable, tasks: Tasks, steps: int, rate: float
) -> tuple[Any, Weights]:
    start = _start(model)

    def of_task(task: Tasks) -> tuple[Any, Weights]:
        weights = start
        for i in range(steps):
            x, y = task[:2] if i % 2 == 0 else task[2:]
            weights = _inner_step(model, loss, weights, x, y, rate, order=1)
        return _loss(model, loss, weights, task.query_x, task.query_y), weights

    losses, adapted = tf.vectorized_map(of_task, tasks)
    direction = [tf.reduce_mean(w, axis=0) - w0 for w, w0 in zip(adapted, start, strict=True)]
    return tf.reduce_mean(losses), direction


# --- The inner loop ------------------------------------------------------------------------------


def _start(model: keras.Model) -> Weights:
    return [tf.convert_to_tensor(variable.value) for variable in model.trainable_variables]


def _outputs(model: keras.Model, weights: Weights, x: Any) -> tuple[Any, list]:
    """Return what a model with given weights answers, and its penalties."""
    others = [variable.value for variable in model.non_trainable_variables]
    call = model.stateless_call(weights, others, x, training=True, return_losses=True)
    return call[0], call[2]


def _loss(model: keras.Model, loss: Callable, weights: Weights, x: Any, y: Any) -> Any:
    """Return the mean loss, with the penalties of the model's regularizers as in Keras."""
    outputs, penalties = _outputs(model, weights, x)
    return tf.reduce_mean(loss(y, outputs)) + sum(penalties)


def _inner_step(
    model: keras.Model, loss: Callable, weights: Weights, x: Any, y: Any, rate: float, order: int
) -> Weights:
    """Take a step of gradient descent and return new weights: none is changed in place."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        value = _loss(model, loss, weights, x, y)
    gradients = tape.gradient(value, weights, unconnected_gradients="zero")
    if order == 1:  # as constants: no second derivative goes through them
        gradients = [tf.stop_gradient(gradient) for gradient in gradients]
    return [w - rate * gradient for w, gradient in zip(weights, gradients, strict=True)]


def _adapted(
    model: keras.Model,
    loss: Callable,
    weights: Weights,
    task: Tasks,
    steps: int,
    rate: float,
    order: int,
) -> Weights:
    for _ in range(steps):
        x, y = task.support_x, task.support_y
        weights = _inner_step(model, loss, weights, x, y, rate, order)
    return weights


def _train(
    model: keras.Model,
    loss: Callable,
    step: Callable[[Tasks], Any],
    sample: Sampler,
    iterations: int,
    seed: int,
    verbose: int,
) -> NDArray[np.floating]:
    """Take one outer step for each batch of tasks, and return the losses."""
    if not callable(sample):
        raise TypeError(message("sample", "a callable", reprlib.repr(sample)))
    iterations, seed = as_positive_int(iterations, "iterations"), as_nonnegative_int(seed, "seed")
    if verbose not in (0, 1):
        raise ValueError(message("verbose", "0 or 1", reprlib.repr(verbose)))
    rng, losses = np.random.default_rng(seed), np.empty(iterations)
    step = tf.function(step, autograph=False)
    for i in range(iterations):
        losses[i] = step(_as_tasks(model, loss, sample(rng=rng)))
        if not np.isfinite(losses[i]):
            hint = "smaller rates may help"
            raise ValueError(f"the loss is {losses[i]} at iteration {i}: {hint}")
        if verbose and (i + 1) % max(1, iterations // 10) == 0:
            recent = losses[max(0, i + 1 - max(1, iterations // 10)) : i + 1].mean()
            print(f"iteration {i + 1} of {iterations}: mean loss {recent:.4f}")
    return losses


# --- Checking ------------------------------------------------------------------------------------


def _check_model(model: keras.Model) -> None:
    if not isinstance(model, keras.Model):
        raise TypeError(message("model", "a model of Keras", f"{model!r:.50}"))
    if not model.built or not model.trainable_variables:
        raise ValueError(message("model", "trainable weights", "none (is the model built?)"))


def _check_state(model: keras.Model, x: NDArray) -> None:
    """Refuse layers such as BatchNormalization and Dropout: whose state would it be?"""
    before = [variable.value for variable in model.non_trainable_variables]
    if not before:
        return
    after = model.stateless_call(_start(model), before, x, training=True)[1]
    pairs = zip(model.non_trainable_variables, before, after, strict=True)
    changed = [variable.path for variable, old, new in pairs if np.any(old != new)]
    if changed:
        expected = "no state that training changes (batch normalisation, dropout)"
        raise ValueError(message("model", expected, ", ".join(changed)))


def _as_tasks(model: keras.Model, loss: Callable, tasks: Tasks) -> Tasks:
    _check_model(model)
    if not isinstance(tasks, Tasks):
        raise TypeError(message("tasks", "Tasks", f"{tasks!r:.50}"))
    names = Tasks._fields
    arrays = [as_array(array, name) for name, array in zip(names, tasks, strict=True)]
    for name, array in zip(names, arrays, strict=True):
        same_length(arrays[0], array, names[0], name)
    support = _as_examples(model, loss, *arrays[:2], names[:2])
    query = _as_examples(model, loss, *arrays[2:], names[2:])
    _check_state(model, support[0][0])
    return Tasks(*support, *query)


def _as_examples(
    model: keras.Model, loss: Callable, x: NDArray, y: NDArray, names: tuple[str, ...]
) -> tuple[NDArray, NDArray]:
    """Return inputs and targets (T, n, ...) in the model's precision."""
    for array, name, shape in ((x, names[0], model.input_shape), (y, names[1], model.output_shape)):
        if array is y and "sparse" in getattr(loss, "name", getattr(loss, "__name__", "")):
            shape = (*shape[:-1], *array.shape[len(shape) :])  # one label instead of the scores
        fits = array.ndim == len(shape) + 1 and all(
            size in (None, n) for size, n in zip(shape[1:], array.shape[2:], strict=True)
        )
        if not fits:
            expected = f"examples of shape {shape[1:]}, as the model's"
            raise ValueError(message(name, expected, f"shape {array.shape[2:]}"))
    if x.shape[1] != y.shape[1]:
        raise ValueError(message(names[1], f"{x.shape[1]} examples like {names[0]}", y.shape[1]))
    dtype = model.trainable_variables[0].dtype
    return x.astype(dtype), y.astype(dtype)


def _as_loss(loss: str | Callable) -> Callable:
    expected = "a loss of Keras or its name"
    if not isinstance(loss, str) and not callable(loss):
        raise TypeError(message("loss", expected, reprlib.repr(loss)))
    try:
        return keras.losses.get(loss)
    except ValueError:
        raise ValueError(message("loss", expected, reprlib.repr(loss))) from None


def _as_order(order: int) -> int:
    if as_positive_int(order, "order") > 2:
        raise ValueError(message("order", "1 or 2", order))
    return order


def _as_several(inner_steps: int) -> int:
    if as_positive_int(inner_steps, "inner_steps") < 2:
        raise ValueError(message("inner_steps", "an integer of at least 2", inner_steps))
    return inner_steps
