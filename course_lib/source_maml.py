"""The sources' two programs called MAML, as printed: to be studied, never to be used.

Chapter *Learning to learn: MAML* shows what each defect costs, and ``course_lib.maml`` is the
method without them. What was changed to make the code run is little: data and the random generator
are arguments, ``print`` is gone, and the parenthesis that stops the private program is where it
was meant to be. Each defect is marked in the code by its name in ``DEFECTS``.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, models, optimizers
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_generator,
    as_matrix,
    as_positive_int,
    as_positive_real,
    message,
    same_length,
)
from course_lib.metrics import f1, macro, recall

__all__ = [
    "DEFECTS",
    "PrivateMAML",
    "build_autoencoder",
    "create_mlp",
    "eval_model",
    "maml_train",
    "run_private",
    "sample_task",
]

DEFECTS = {
    "one-distribution": "All tasks are rows of one table: there is nothing to learn to learn.",
    "model-per-task": "A network is built anew for each task: time for nothing.",
    "query-in-inner-loop": "The query gradient is taken after each inner step, not after the last.",
    "first-order": "The query gradient is that of the adapted weights: no second derivative.",
    "summed-gradients": "Gradients are summed over inner steps and tasks, and never averaged.",
    "step-per-task": "The outer step is taken after each task, with all earlier gradients again.",
    "no-outer-loop": "One loop of Adam on the support set: no task, no meta-gradient.",
    "x-train-unused": "X_train is only looked at: nothing is learnt from it.",
    "contaminated-support": "The support set is drawn from the test set, anomalies included.",
    "percentile-parenthesis": "A misplaced parenthesis gives axis and 95 to np.percentile.",
    "class-recall-mixed": "One program prints the macro recall, the other that of the anomalies.",
}


# --- The public program --------------------------------------------------------------------------


def create_mlp(input_dim: int, output_dim: int | None = None) -> keras.Sequential:
    """Return the public program's network: 64 and 32 ReLU units, and a linear output.

    It is no autoencoder in the usual sense: a row with fewer than 32 columns passes no
    bottleneck. Source: the public variant, ``create_mlp``.

    Parameters
    ----------
    input_dim : int
    output_dim : int, optional
        As many as inputs when left out.

    Returns
    -------
    keras.Sequential

    Raises
    ------
    ValueError
        If a number is below 1.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> create_mlp(9).count_params()
    3017
    """
    if output_dim is None:
        output_dim = input_dim
    return models.Sequential(
        [
            layers.Input(shape=(as_positive_int(input_dim, "input_dim"),)),
            layers.Dense(64, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(as_positive_int(output_dim, "output_dim"), activation="linear"),
        ]
    )


def sample_task(
    X: ArrayLike, k_support: int = 10, k_query: int = 20, *, rng: np.random.Generator
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Draw a support set and a query set among the rows of a table.

    Source: the public variant, ``sample_task``.

    Parameters
    ----------
    X : array_like of shape (n, d)
    k_support, k_query : int
    rng : numpy.random.Generator

    Returns
    -------
    X_support, X_query : ndarray
        Of shapes ``(k_support, d)`` and ``(k_query, d)``; without a word fewer when `X` is
        short.

    Raises
    ------
    ValueError
        If a number is below 1, or `X` is no table of finite numbers.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> support, query = sample_task(np.eye(40), rng=np.random.default_rng(0))
    >>> support.shape, query.shape
    ((10, 40), (20, 40))
    """
    X = as_matrix(X, "X")
    k_support, k_query = (
        as_positive_int(k_support, "k_support"),
        as_positive_int(k_query, "k_query"),
    )
    idx = as_generator(rng).permutation(len(X))  # one-distribution
    return X[idx[:k_support]], X[idx[k_support : k_support + k_query]]


def maml_train(
    X_train: ArrayLike,
    meta_epochs: int = 5,
    inner_steps: int = 3,
    k_support: int = 10,
    k_query: int = 20,
    meta_batch_size: int = 5,
    *,
    rng: np.random.Generator,
) -> keras.Sequential:
    """Train as the public program does.

    Source: the public variant, ``maml_train``. Weights are drawn with Keras' global seed.

    Parameters
    ----------
    X_train : array_like of shape (n, d)
    meta_epochs, inner_steps, k_support, k_query, meta_batch_size : int
    rng : numpy.random.Generator

    Returns
    -------
    keras.Sequential

    Raises
    ------
    ValueError
        If a number is below 1, or `X_train` is no table of finite numbers.
    TypeError
        If an argument is of the wrong kind.
    """
    X_train, inner_steps = (
        as_matrix(X_train, "X_train"),
        as_positive_int(inner_steps, "inner_steps"),
    )
    meta_epochs = as_positive_int(meta_epochs, "meta_epochs")
    meta_batch_size = as_positive_int(meta_batch_size, "meta_batch_size")
    meta_model = create_mlp(X_train.shape[1])
    meta_optimizer = optimizers.Adam(1e-3)
    for _ in range(meta_epochs):
        meta_grads = [np.zeros_like(var.numpy()) for var in meta_model.trainable_variables]
        for _ in range(meta_batch_size):
            task = sample_task(X_train, k_support, k_query, rng=rng)
            meta_grads = _learn_task(meta_model, meta_grads, task, inner_steps)
            # step-per-task
            meta_optimizer.apply_gradients(
                zip(meta_grads, meta_model.trainable_variables, strict=True)
            )
    return meta_model


def _learn_task(
    meta_model: keras.Sequential, meta_grads: list, task: tuple[NDArray, NDArray], inner_steps: int
) -> list:
    """Return the sum of gradients with those of one task: the body of the printed loop."""
    X_supp_tf, X_q_tf = (tf.convert_to_tensor(X, dtype=tf.float32) for X in task)
    task_model = create_mlp(X_supp_tf.shape[1])  # model-per-task
    task_model.set_weights(meta_model.get_weights())
    inner_opt = optimizers.SGD(0.01)
    for _ in range(inner_steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(task_model(X_supp_tf) - X_supp_tf))
        grads = tape.gradient(loss, task_model.trainable_variables)
        inner_opt.apply_gradients(zip(grads, task_model.trainable_variables, strict=True))
        with tf.GradientTape() as tape:  # query-in-inner-loop
            query_loss = tf.reduce_mean(tf.square(task_model(X_q_tf) - X_q_tf))
        # first-order: with respect to the adapted weights, applied to those at the start
        grads_query = tape.gradient(query_loss, task_model.trainable_variables)
        # summed-gradients
        meta_grads = [mg + gq for mg, gq in zip(meta_grads, grads_query, strict=True)]
    return meta_grads


def eval_model(
    model: keras.Model, X_train: ArrayLike, X_test: ArrayLike, y_test: ArrayLike
) -> tuple[float, float]:
    """Judge as the public program does: macro F1 and macro recall at the 95th percentile.

    Source: the public variant, ``eval_model``. The model is never adapted: what it was trained
    for is not used.

    Parameters
    ----------
    model : keras.Model
        From rows to rows.
    X_train : array_like of shape (n, d)
        The 95th percentile of their errors is the threshold.
    X_test : array_like of shape (m, d)
    y_test : array_like of shape (m,)
        1 for an anomaly, 0 otherwise.

    Returns
    -------
    f1, recall : float
        Means over both classes.

    Raises
    ------
    ValueError
        If shapes do not fit, or a value is not finite.
    TypeError
        If an argument is of the wrong kind.
    """
    X_train, X_test = _as_inputs(model, X_train, "X_train"), _as_inputs(model, X_test, "X_test")
    same_length(X_test, y_test, "X_test", "y_test")
    mse_test = np.mean(np.square(X_test - model.predict(X_test, verbose=0)), axis=1)
    errors = np.mean(np.square(X_train - model.predict(X_train, verbose=0)), axis=1)
    threshold = np.percentile(errors, 95)
    y_pred = (mse_test > threshold).astype(int)
    return macro(f1, y_test, y_pred), macro(recall, y_test, y_pred)  # class-recall-mixed


# --- The private program -------------------------------------------------------------------------


def build_autoencoder(input_dim: int, encoding_dim: int) -> keras.Model:
    """Return the private program's autoencoder, of five hidden layers.

    Source: the private variant, ``build_autoencoder``.

    Parameters
    ----------
    input_dim : int
    encoding_dim : int
        The bottleneck has half as many units, one at least.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If a number is below 1.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> [layer.units for layer in build_autoencoder(9, 4).layers[1:]]
    [8, 4, 2, 4, 8, 9]
    """
    input_dim = as_positive_int(input_dim, "input_dim")
    encoding_dim = as_positive_int(encoding_dim, "encoding_dim")
    inputs = layers.Input(shape=(input_dim,))
    e = layers.Dense(encoding_dim * 2, activation="relu")(inputs)
    e = layers.Dense(encoding_dim, activation="relu")(e)
    bottleneck = layers.Dense(max(1, encoding_dim // 2), activation="relu")(e)
    d = layers.Dense(encoding_dim, activation="relu")(bottleneck)
    d = layers.Dense(encoding_dim * 2, activation="relu")(d)
    outputs = layers.Dense(input_dim, activation="linear")(d)
    return models.Model(inputs, outputs)


class PrivateMAML:
    """The private program's class ``MAML``: an autoencoder trained on the support set.

    Source: the private variant, class ``MAML``. Weights are drawn with Keras' global seed.

    Parameters
    ----------
    input_dim, encoding_dim : int
        As in :func:`build_autoencoder`.
    lr : float
        Learning rate of Adam.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If a number is of the wrong kind.

    Examples
    --------
    >>> maml = PrivateMAML(3, 4).fit(np.eye(3), support=np.eye(3), epochs=2)
    >>> maml.predict(np.eye(3)).shape
    (3, 3)
    """

    def __init__(self, input_dim: int, encoding_dim: int, lr: float = 1e-3) -> None:
        self.model = build_autoencoder(input_dim, encoding_dim)
        self.opt = optimizers.Adam(as_positive_real(lr, "lr"))

    def fit(self, X_train: ArrayLike, support: ArrayLike, epochs: int = 5) -> "PrivateMAML":
        """Take one step of Adam on the support set in each epoch."""
        _as_inputs(self.model, X_train, "X_train")  # x-train-unused
        support_tf = tf.convert_to_tensor(_as_inputs(self.model, support, "support"))
        for _ in range(as_positive_int(epochs, "epochs")):  # no-outer-loop
            with tf.GradientTape() as tape:
                recon_s = self.model(support_tf, training=True)
                loss_s = tf.reduce_mean(tf.square(recon_s - support_tf))
            grads = tape.gradient(loss_s, self.model.trainable_variables)
            self.opt.apply_gradients(zip(grads, self.model.trainable_variables, strict=True))
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the reconstruction of each row."""
        return self.model.predict(_as_inputs(self.model, X, "X"), verbose=0)


def run_private(
    X_train: ArrayLike,
    X_test_with_anom: ArrayLike,
    y_test: ArrayLike,
    *,
    rng: np.random.Generator,
    encoding_dim: int | None = None,
) -> tuple[float, float]:
    """Train and judge as the private program does: F1 and recall of the anomalies.

    Source: the private variant, the last listing.

    Parameters
    ----------
    X_train : array_like of shape (n, d)
    X_test_with_anom : array_like of shape (m, d), m of at least 20
    y_test : array_like of shape (m,)
        1 for an anomaly, 0 otherwise.
    rng : numpy.random.Generator
    encoding_dim : int, optional
        max(4, d // 3) when left out, as in the other source.

    Returns
    -------
    f1, recall : float
        Of the anomalies.

    Raises
    ------
    ValueError
        If shapes do not fit, or a value is not finite.
    TypeError
        If an argument is of the wrong kind.
    """
    X_train, X_test = as_matrix(X_train, "X_train"), as_matrix(X_test_with_anom, "X_test_with_anom")
    same_length(X_test, y_test, "X_test_with_anom", "y_test")
    if len(X_test) < 20:
        raise ValueError(message("X_test_with_anom", "at least 20 rows", len(X_test)))
    input_dim = X_train.shape[1]
    support_idx = as_generator(rng).choice(X_test.shape[0], size=20, replace=False)
    X_support = X_test[support_idx]  # contaminated-support
    maml = PrivateMAML(input_dim, encoding_dim or max(4, input_dim // 3))
    maml.fit(X_train, support=X_support, epochs=8)
    mse_test = np.mean(np.square(X_test - maml.predict(X_test)), axis=1)
    # percentile-parenthesis. Printed, and refused by Python before anything runs:
    # np.percentile(np.mean(np.square(X_train - maml.predict(X_train))), axis=1, 95)
    threshold = np.percentile(np.mean(np.square(X_train - maml.predict(X_train)), axis=1), 95)
    y_pred = (mse_test > threshold).astype(int)
    return f1(y_test, y_pred), recall(y_test, y_pred)  # class-recall-mixed


def _as_inputs(model: keras.Model, X: ArrayLike, name: str) -> NDArray[np.float32]:
    """Return rows that a model can reconstruct."""
    if not isinstance(model, keras.Model):
        raise TypeError(message("model", "a model of Keras", f"{model!r:.50}"))
    X, n_columns = as_matrix(X, name), model.input_shape[1]
    if X.shape[1] != n_columns:
        raise ValueError(message(name, f"{n_columns} columns", X.shape[1]))
    return X.astype(np.float32)
