"""One unit that learns, and what it takes to compute XOR.

Chapter *Perceptron and XOR*. A unit is a weighted sum and an activation. Two of them
learn here by the same rule, ``error * input``: the linear unit, which descends a squared
loss, and the perceptron, which stops as soon as it makes no mistake, if it can.
"""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_array,
    as_finite_real,
    as_generator,
    as_labels,
    as_matrix,
    as_positive_int,
    as_positive_real,
    as_vector,
    message,
    same_length,
)

__all__ = [
    "LinearUnit",
    "Perceptron",
    "Unit",
    "heaviside",
    "perceptron_gradient",
    "perceptron_loss",
    "threshold_layer",
    "xor_network",
]

TOLERANCE = 1e-6  # the linear unit: a gradient norm at or below it counts as zero


def heaviside(z: ArrayLike) -> NDArray[np.int64]:
    """Return 1 where `z` is above 0, else 0: the threshold function.

    The value at 0 is a convention; here it is 0, "above the threshold" being strict.
    Equation ``eq-threshold`` of the chapter *Perceptron and XOR*. Source: slides, *Le XOR*.

    Parameters
    ----------
    z : array_like of any shape

    Returns
    -------
    ndarray of int64
        Same shape as `z`.

    Raises
    ------
    ValueError
        If `z` is empty or not finite.
    TypeError
        If `z` holds no numbers.

    Examples
    --------
    >>> heaviside([-2.0, 0.0, 0.5])
    array([0, 0, 1])
    """
    return (as_array(z, "z") > 0).astype(np.int64)


def perceptron_loss(X: ArrayLike, y: ArrayLike, weights: ArrayLike, bias: float) -> float:
    """Return the mean of ``(H(z) - y) z`` with ``z = X @ weights + bias``.

    An example on the right side costs nothing; one on the wrong side costs ``|z|``, its
    distance to the decision boundary times the norm of the weights.
    Equation ``eq-perceptron-loss`` of the chapter *Perceptron and XOR*. Source: slides,
    *Machine linéaire, le perceptron*.

    Parameters
    ----------
    X : array_like of shape (n, d)
    y : array_like of shape (n,)
        Labels 0 and 1.
    weights : array_like of shape (d,)
    bias : float

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    ValueError
        If the shapes do not agree, a number is not finite, or a label is not 0 or 1.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> perceptron_loss([[1], [3]], [1, 0], [2.0], -1.0)
    2.5
    """
    X, y, z = _checked_model(X, y, weights, bias)
    return _mean_loss(z, y)


def perceptron_gradient(
    X: ArrayLike, y: ArrayLike, weights: ArrayLike, bias: float
) -> tuple[NDArray[np.floating], float]:
    """Return the gradient of :func:`perceptron_loss`: the mean of ``(H(z) - y) x``.

    It holds where no `z` is 0: there the loss has a kink, and this is one of its slopes.
    Equation ``eq-perceptron-gradient`` of the chapter *Perceptron and XOR*. Source: slides,
    *Machine linéaire, le perceptron*.

    Parameters
    ----------
    X, y, weights, bias
        As for :func:`perceptron_loss`.

    Returns
    -------
    d_weights : ndarray of shape (d,)
    d_bias : float

    Raises
    ------
    ValueError, TypeError
        As :func:`perceptron_loss`.

    Examples
    --------
    >>> perceptron_gradient([[1], [3]], [1, 0], [2.0], -1.0)
    (array([1.5]), 0.5)
    """
    X, y, z = _checked_model(X, y, weights, bias)
    errors = (z > 0) - y
    return X.T @ errors / len(y), float(np.mean(errors))


class Unit:
    """A weighted sum followed by an activation, trained one example at a time.

    A subclass says what it answers (`predict`), what it minimises (`_loss`), how far it
    is from its goal (`_distance`), and at which distance it has arrived (`tol`).

    Equation ``eq-perceptron-rule`` of the chapter *Perceptron and XOR*.
    """

    tol = 0.0

    def __init__(self, *, learning_rate: float, max_epochs: int = 1000) -> None:
        self.learning_rate = as_positive_real(learning_rate, "learning_rate")
        self.max_epochs = as_positive_int(max_epochs, "max_epochs")

    def fit(self, X: ArrayLike, y: ArrayLike, *, rng: np.random.Generator | None = None) -> Self:
        """Learn from `X` (n, d) and `y` (n,); `rng` shuffles the examples of each epoch."""
        X, y = as_matrix(X, "X"), self._checked_labels(y)
        same_length(X, y, "X", "y")
        if rng is not None:
            as_generator(rng)
        self.weights_, self.bias_, self.n_updates_ = np.zeros(X.shape[1]), 0.0, 0
        with np.errstate(over="ignore", invalid="ignore"):  # the message says it in words
            self.losses_ = [self._loss(X, y)]
            distance = self._distance(X, y)
            while self.tol < distance < np.inf and len(self.losses_) <= self.max_epochs:
                for i in range(len(X)) if rng is None else rng.permutation(len(X)):
                    self._update(X[i], y[i])
                self.losses_.append(self._loss(X, y))
                distance = self._distance(X, y)
        self._report(distance)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the weighted sums ``z = X @ weights_ + bias_``, shape (n,)."""
        if not hasattr(self, "weights_"):
            raise RuntimeError(f"{type(self).__name__}: call fit before")
        X = as_matrix(X, "X")
        if X.shape[1] != len(self.weights_):
            expected = f"{len(self.weights_)} columns as in fit"
            raise ValueError(message("X", expected, X.shape[1]))
        return self._sums(X)

    def _sums(self, X: NDArray[np.floating]) -> NDArray[np.floating]:
        return X @ self.weights_ + self.bias_

    def _update(self, x: NDArray[np.floating], y: float) -> None:
        error = y - self._activate(x @ self.weights_ + self.bias_)
        if error != 0:
            self.weights_ = self.weights_ + self.learning_rate * error * x
            self.bias_ = float(self.bias_ + self.learning_rate * error)
            self.n_updates_ += 1

    def _report(self, distance: float) -> None:
        epochs = len(self.losses_) - 1
        self.converged_ = bool(distance <= self.tol)
        if not np.isfinite(distance):
            self.message_ = f"diverged after {epochs} epochs: try a smaller learning rate"
        else:
            start = "converged" if self.converged_ else "not converged"
            self.message_ = f"{start}: {self._goal.format(distance)} after {epochs} epochs"


class LinearUnit(Unit):
    """A linear unit: it answers ``z`` itself and descends ``(y - z) ** 2 / 2``.

    With a fixed learning rate it hovers near the minimum, unless the data lie exactly on
    a line: `converged_` is then False, and the weights may be useful all the same.

    Equations ``eq-linear-unit`` and ``eq-delta-rule`` of the chapter *Perceptron and XOR*.
    Source: slides, *Régression linéaire, erreur quadratique moyenne*.

    Parameters
    ----------
    learning_rate : float
        The fixed step, above 0.
    max_epochs : int
        Largest number of passes over the examples.

    Attributes
    ----------
    weights_ : ndarray of shape (d,)
    bias_ : float
    losses_ : list of float
        Mean loss before the first epoch and after each one.
    n_updates_ : int
        Number of examples that changed the weights.
    converged_ : bool
        True only if the norm of the gradient on all the examples is at most 1e-6.
    message_ : str
        How the training ended, in words.

    Raises
    ------
    RuntimeError
        From `predict` before `fit`.
    ValueError
        If a shape does not agree, or a number is out of range or not finite.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> unit = LinearUnit(learning_rate=0.2).fit([[0], [1], [2]], [1, 3, 5])
    >>> unit.predict([[3]]).round(4), unit.converged_
    (array([7.]), True)
    """

    tol = TOLERANCE
    _goal = "gradient norm {:.3g}"

    def __init__(self, *, learning_rate: float = 0.01, max_epochs: int = 1000) -> None:
        super().__init__(learning_rate=learning_rate, max_epochs=max_epochs)

    def predict(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the answers of the unit to `X` (n, d), shape (n,)."""
        return self._activate(self.decision_function(X))

    @staticmethod
    def _activate(z: NDArray[np.floating]) -> NDArray[np.floating]:
        return z

    @staticmethod
    def _checked_labels(y: ArrayLike) -> NDArray[np.floating]:
        return as_vector(y, "y")

    def _loss(self, X: NDArray[np.floating], y: NDArray[np.floating]) -> float:
        return float(np.mean((y - self._sums(X)) ** 2) / 2)

    def _distance(self, X: NDArray[np.floating], y: NDArray[np.floating]) -> float:
        """Return the norm of the gradient: 0 at the minimum, and there only."""
        errors = y - self._sums(X)
        return float(np.linalg.norm(np.append(X.T @ errors, errors.sum())) / len(y))


class Perceptron(Unit):
    """A threshold unit: it answers ``H(z)`` and learns from its mistakes only.

    If a line separates the classes, it stops after finitely many updates. If none does,
    it never stops by itself: `converged_` is False after `max_epochs`.
    Starting from zero, the learning rate scales the weights and changes no answer.

    Equations ``eq-perceptron`` and ``eq-perceptron-rule`` of the chapter *Perceptron and XOR*.
    Source: slides, *Machine linéaire, le perceptron*.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    max_epochs : int
        Largest number of passes over the examples.

    Attributes
    ----------
    weights_ : ndarray of shape (d,)
    bias_ : float
    losses_ : list of float
        :func:`perceptron_loss` before the first epoch and after each one.
    n_updates_ : int
        Number of mistakes made on the way: each one was an update.
    converged_ : bool
        True only if every example that `fit` saw is on its side.
    message_ : str
        How the training ended, in words.

    Raises
    ------
    RuntimeError
        From `predict` before `fit`.
    ValueError
        If a shape does not agree, a number is out of range, or a label is not 0 or 1.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> Perceptron().fit(corners, [0, 0, 0, 1]).predict(corners)
    array([0, 0, 0, 1])
    >>> Perceptron(max_epochs=100).fit(corners, [0, 1, 1, 0]).message_
    'not converged: 2 mistakes after 100 epochs'
    """

    _goal = "{:.0f} mistakes"

    def __init__(self, *, learning_rate: float = 1.0, max_epochs: int = 1000) -> None:
        super().__init__(learning_rate=learning_rate, max_epochs=max_epochs)

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the labels 0 or 1 that the unit gives to `X` (n, d), shape (n,)."""
        return heaviside(self.decision_function(X))

    @staticmethod
    def _activate(z: NDArray[np.floating]) -> NDArray[np.bool_]:
        return z > 0

    @staticmethod
    def _checked_labels(y: ArrayLike) -> NDArray[np.float64]:
        return _zeros_and_ones(y)

    def _loss(self, X: NDArray[np.floating], y: NDArray[np.floating]) -> float:
        return _mean_loss(self._sums(X), y)

    def _distance(self, X: NDArray[np.floating], y: NDArray[np.floating]) -> float:
        """Return the number of mistakes: the loss is also 0 for examples on the boundary."""
        return float(np.sum((self._sums(X) > 0) != y))


def threshold_layer(X: ArrayLike, weights: ArrayLike, thresholds: ArrayLike) -> NDArray[np.int64]:
    """Return what several threshold units answer to the same inputs.

    A unit answers 1 when its weighted sum is above its threshold, the opposite of a bias.
    Equation ``eq-xor`` of the chapter *Perceptron and XOR*. Source: slides, *Le XOR*.

    Parameters
    ----------
    X : array_like of shape (n, d)
    weights : array_like of shape (d, units)
        One column for each unit.
    thresholds : array_like of shape (units,)

    Returns
    -------
    ndarray of shape (n, units)
        Zeros and ones.

    Raises
    ------
    ValueError
        If the shapes do not agree, or a number is not finite.
    TypeError
        If an argument holds no numbers.

    Examples
    --------
    >>> threshold_layer([[0, 1], [1, 1]], [[1, 1], [1, 1]], [0, 1])
    array([[1, 0],
           [1, 1]])
    """
    X, weights = as_matrix(X, "X"), as_matrix(weights, "weights")
    thresholds = as_vector(thresholds, "thresholds")
    if weights.shape != (X.shape[1], len(thresholds)):
        expected = f"shape {(X.shape[1], len(thresholds))}, a column for each threshold"
        raise ValueError(message("weights", expected, f"shape {weights.shape}"))
    return heaviside(X @ weights - thresholds)


def xor_network(X: ArrayLike) -> NDArray[np.int64]:
    """Return XOR of the two columns of `X`, computed by three threshold units.

    The hidden units say "at least one" and "both"; the output unit says "the first and
    not the second". Without the thresholds of the hidden units, the sums cancel and the
    answer is 1 whatever comes in.
    Equation ``eq-xor`` of the chapter *Perceptron and XOR*. Source: slides, *Le XOR*.

    Parameters
    ----------
    X : array_like of shape (n, 2)
        Zeros and ones.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If `X` has not two columns, or holds something else than zeros and ones.
    TypeError
        If `X` holds no numbers.

    Examples
    --------
    >>> xor_network([[0, 0], [0, 1], [1, 0], [1, 1]])
    array([0, 1, 1, 0])
    """
    X = as_matrix(X, "X")
    if X.shape[1] != 2:
        raise ValueError(message("X", "two columns", f"shape {X.shape}"))
    _check_binary(X, "X")
    hidden = threshold_layer(X, weights=[[1, 1], [1, 1]], thresholds=[0, 1])
    return threshold_layer(hidden, weights=[[1], [-1]], thresholds=[0])[:, 0]


def _checked_model(
    X: ArrayLike, y: ArrayLike, weights: ArrayLike, bias: float
) -> tuple[NDArray[np.floating], NDArray[np.float64], NDArray[np.floating]]:
    """Return the examples, their labels, and the weighted sums."""
    X, y = as_matrix(X, "X"), _zeros_and_ones(y)
    same_length(X, y, "X", "y")
    weights = as_vector(weights, "weights")
    if len(weights) != X.shape[1]:
        expected = f"{X.shape[1]} values, one for each column of X"
        raise ValueError(message("weights", expected, len(weights)))
    return X, y, X @ weights + as_finite_real(bias, "bias")


def _mean_loss(z: NDArray[np.floating], y: NDArray[np.float64]) -> float:
    return float(np.mean(((z > 0) - y) * z))


def _zeros_and_ones(y: ArrayLike) -> NDArray[np.float64]:
    labels = as_labels(y, "y")
    if labels.dtype.kind == "U":
        raise TypeError(message("y", "labels 0 and 1", "strings"))
    _check_binary(labels, "y")
    return labels.astype(np.float64)


def _check_binary(values: NDArray, name: str) -> None:
    other = values[(values != 0) & (values != 1)]
    if other.size:
        raise ValueError(message(name, "zeros and ones", other[0]))
