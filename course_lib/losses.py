"""Losses of a network, each with its gradient with respect to the network's outputs.

Chapters *The MLP and back-propagation* and *Training in practice*. Every loss returns the
pair ``(value, gradient)``: the mean over the batch, and its derivatives, where
back-propagation begins. The two cross-entropies take logits, that is scores before softmax
or sigmoid: so the logarithm is never taken of a probability that was rounded to 0.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_array, as_labels, as_matrix, message, same_length
from course_lib.activations import sigmoid, softplus

__all__ = ["mean_squared_error", "sigmoid_cross_entropy", "softmax_cross_entropy"]

Array = NDArray[np.floating]
Classes = NDArray[np.integer]


def softmax_cross_entropy(logits: ArrayLike, labels: ArrayLike) -> tuple[float, Array]:
    """Return the mean of ``-log(probability of the right class)`` and its gradient.

    The gradient of one example is short: its probabilities, less 1 at the right class.
    Equations ``eq-cross-entropy`` and ``eq-delta-output`` of the chapter
    *The MLP and back-propagation*. Source: text on networks, A1.5.

    Parameters
    ----------
    logits : array_like of shape (n, K)
        Scores of n examples for K classes, K at least 2.
    labels : array_like of shape (n,)
        Classes, integers from 0 to K - 1.

    Returns
    -------
    value : float
        log(K) for a network that gives all classes the same score.
    gradient : ndarray of shape (n, K)

    Raises
    ------
    ValueError
        If the shapes do not agree, a logit is not finite, or a label is no class.
    TypeError
        If `logits` holds no numbers or `labels` no integers.

    Examples
    --------
    >>> value, gradient = softmax_cross_entropy([[0.0, 0.0]], [1])
    >>> round(value, 4), gradient
    (0.6931, array([[ 0.5, -0.5]]))
    """
    logits = as_matrix(logits, "logits")
    n_classes = logits.shape[1]
    if n_classes < 2:
        expected = "at least 2 columns (sigmoid_cross_entropy takes one)"
        raise ValueError(message("logits", expected, f"shape {logits.shape}"))
    return _softmax_cross_entropy(logits, _class_indices(labels, n_classes, like=logits))


def sigmoid_cross_entropy(logits: ArrayLike, labels: ArrayLike) -> tuple[float, Array]:
    """Return the mean of ``-log(probability of the right answer)``, yes or no, and its gradient.

    Equation ``eq-binary-cross-entropy`` of the chapter *Training in practice*.

    Parameters
    ----------
    logits : array_like of shape (n,) or (n, 1)
        Scores: positive where the answer is rather 1.
    labels : array_like of shape (n,)
        0 or 1.

    Returns
    -------
    value : float
        log(2) for a network that always says 0.
    gradient : ndarray of the shape of `logits`

    Raises
    ------
    ValueError
        If the shapes do not agree, a logit is not finite, or a label is neither 0 nor 1.
    TypeError
        If `logits` holds no numbers or `labels` no integers.

    Examples
    --------
    >>> value, gradient = sigmoid_cross_entropy([0.0, 1000.0], [1, 1])
    >>> round(value, 4), gradient
    (0.3466, array([-0.25,  0.  ]))
    """
    logits = as_array(logits, "logits")
    if logits.shape not in {(logits.size,), (logits.size, 1)}:
        raise ValueError(message("logits", "shape (n,) or (n, 1)", f"shape {logits.shape}"))
    return _sigmoid_cross_entropy(logits, _class_indices(labels, 2, like=logits))


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[float, Array]:
    """Return the mean of the squared errors over all entries, as Keras does, and its gradient.

    Equation ``eq-mse`` of the chapter *Terminology*.

    Parameters
    ----------
    outputs : array_like of shape (n,) or (n, m)
        What the network returns.
    targets : array_like of the shape of `outputs`
        What it should return. A vector beside a matrix of one column is refused: NumPy
        would subtract every target from every output.

    Returns
    -------
    value : float
    gradient : ndarray of the shape of `outputs`

    Raises
    ------
    ValueError
        If the shapes differ, or an entry is not finite.
    TypeError
        If an argument holds no numbers.

    Examples
    --------
    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0])
    (2.0, array([ 0., -2.]))
    """
    outputs, targets = as_array(outputs, "outputs"), as_array(targets, "targets")
    if outputs.ndim not in (1, 2):
        raise ValueError(message("outputs", "shape (n,) or (n, m)", f"shape {outputs.shape}"))
    if targets.shape != outputs.shape:
        expected = f"shape {outputs.shape} like outputs"
        raise ValueError(message("targets", expected, f"shape {targets.shape}"))
    return _mean_squared_error(outputs, targets.astype(outputs.dtype))


def _class_indices(labels: ArrayLike, n_classes: int, *, like: Array) -> NDArray[np.integer]:
    """Check that there is one label for each row, an integer from 0 to n_classes - 1."""
    labels = as_labels(labels, "labels")
    expected = f"integers from 0 to {n_classes - 1}"
    if labels.dtype.kind == "U":
        raise TypeError(message("labels", expected, "strings"))
    same_length(like, labels, "logits", "labels")
    outside = (labels < 0) | (labels >= n_classes)
    if outside.any():
        raise ValueError(message("labels", expected, labels[outside][0]))
    return labels


# The formulas alone, without checks: a training calls them at every step, on data that
# were checked once, and must reach its "diverged" where an output is no longer finite.


def _softmax_cross_entropy(logits: Array, labels: Classes) -> tuple[float, Array]:
    n = len(logits)
    right = np.arange(n), labels
    # The largest score of a row becomes 0, so that no exponential overflows.
    shifted = logits - logits.max(axis=1, keepdims=True)
    gradient = np.exp(shifted)
    totals = gradient.sum(axis=1, keepdims=True)
    loss = (np.log(totals).sum() - shifted[right].sum()) / n
    gradient /= totals  # the probabilities
    gradient[right] -= 1
    gradient /= n
    return float(loss), gradient


def _sigmoid_cross_entropy(logits: Array, labels: Classes) -> tuple[float, Array]:
    labels = labels.reshape(logits.shape).astype(logits.dtype)
    # -log(sigmoid(z)) = softplus(-z), and -log(1 - sigmoid(z)) = softplus(z).
    losses = softplus.function(np.where(labels == 1, -logits, logits))
    return float(losses.mean()), (sigmoid.function(logits) - labels) / len(logits)


def _mean_squared_error(outputs: Array, targets: Array) -> tuple[float, Array]:
    errors = outputs - targets
    return float(np.mean(errors * errors)), errors * (2 / errors.size)


FORMULAS = {
    softmax_cross_entropy: _softmax_cross_entropy,
    sigmoid_cross_entropy: _sigmoid_cross_entropy,
    mean_squared_error: _mean_squared_error,
}
