"""Gradient descent: fixed steps, line searches, and linear regression.

Chapter *Linear regression and gradient descent*. A descent can end in three ways: at
a point where the gradient is small, at the limit of iterations, or nowhere, because
the iterates stopped being finite. Its result says which.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_finite_real,
    as_matrix,
    as_nonnegative_real,
    as_positive_int,
    as_positive_real,
    as_vector,
    message,
    same_length,
)
from course_lib.preprocessing import batches, n_batches

__all__ = [
    "LineSearchError",
    "LinearFit",
    "Result",
    "armijo",
    "gradient_descent",
    "linear_regression",
    "mse_gradient",
    "mse_loss",
    "normal_equations",
    "step_size_regime",
    "step_size_study",
    "wolfe",
]

Vector = NDArray[np.floating]
Function = Callable[[Vector], float]
Gradient = Callable[[Vector], ArrayLike]
LineSearch = Callable[[Vector, Vector], float]

TOLERANCE = 1e-6  # a gradient norm at or below it counts as zero
MAX_TRIALS = 100  # of a line search: 100 halvings of 1 end far below float64's precision


class LineSearchError(RuntimeError):
    """No step was found within the allowed number of trials."""


@dataclass(frozen=True)
class Result:
    """Where a descent went, and how it ended.

    Attributes
    ----------
    x : ndarray of shape (d,)
        Last iterate; not finite if the descent diverged.
    path : ndarray of shape (n_iter + 1, d)
        The start and every iterate.
    gradient_norm : float
        Norm of the gradient at `x`; NaN where `x` is not finite.
    n_iter : int
        Number of updates done.
    converged : bool
        True only if the gradient norm is within the tolerance.
    message : str
        The reason why the descent ended, in words.
    """

    x: Vector
    path: Vector
    gradient_norm: float
    n_iter: int
    converged: bool
    message: str


@dataclass(frozen=True)
class LinearFit:
    """A fitted linear model, and how its descent ended.

    Attributes
    ----------
    weights : ndarray of shape (d,)
    bias : float
    losses : ndarray of shape (epochs + 1,)
        Loss on all the examples before the first epoch and after each one. A
        divergent descent stops early: its last loss is not finite.
    steps : int
        Number of updates done.
    converged : bool
        True only if the norm of the gradient on all the examples is at most 1e-6.
    message : str
        The reason why the descent ended, in words.
    """

    weights: Vector
    bias: float
    losses: Vector
    steps: int
    converged: bool
    message: str


def gradient_descent(
    gradient: Gradient,
    x0: ArrayLike,
    *,
    learning_rate: float | LineSearch,
    tol: float = TOLERANCE,
    max_iter: int = 1000,
) -> Result:
    """Walk against the gradient until it is small: ``x <- x - learning_rate * gradient(x)``.

    Equation ``eq-gd`` of the chapter *Linear regression and gradient descent*; why the
    direction is the opposite of the gradient: ``eq-taylor``. Source: thesis, 2.3. Its
    `algo` prints an error at the limit and returns as if it had converged; here the
    result carries the reason.

    Parameters
    ----------
    gradient : callable
        Maps a point ``(d,)`` to the gradient ``(d,)`` there.
    x0 : array_like of shape (d,)
        Start. Its precision is kept: float32 stays float32.
    learning_rate : float or callable
        The fixed step, above 0; or a line search ``(x, direction) -> step``, as made by
        :func:`armijo` or :func:`wolfe`.
    tol : float
        The descent has converged once the gradient norm is at most `tol`. With 0, it
        stops early only at a point where the gradient is exactly zero.
    max_iter : int
        Largest number of updates.

    Returns
    -------
    Result
        Look at `converged` before you use `x`.

    Raises
    ------
    ValueError
        If an argument is out of range, or the gradient has another shape than `x0`.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> gradient_descent(lambda x: 2 * x, [1.0], learning_rate=0.5).message
    'converged: gradient norm 0 at iteration 1 (tol 1e-06)'
    >>> gradient_descent(lambda x: 2 * x, [1.0], learning_rate=1.0).message
    'not converged: limit of 1000 iterations reached, gradient norm 2'
    """
    _check_callable(gradient, "gradient")
    x, search = as_vector(x0, "x0").copy(), _as_line_search(learning_rate)
    tol, max_iter = as_nonnegative_real(tol, "tol"), as_positive_int(max_iter, "max_iter")
    path = [x]
    with np.errstate(over="ignore", invalid="ignore"):  # the result reports it in words
        while True:
            slope = _gradient_at(gradient, x)
            norm = float(np.linalg.norm(slope))
            reason = _reason_to_stop(norm, len(path) - 1, tol, max_iter)
            if reason:
                break
            try:
                step = as_positive_real(search(x, -slope), "learning_rate")
            except LineSearchError as error:
                reason = f"not converged: {error}, gradient norm {norm:.3g}"
                break
            x = x - step * slope
            path.append(x)
    return Result(x, np.stack(path), norm, len(path) - 1, norm <= tol, reason)


def armijo(
    f: Function,
    gradient: Gradient,
    *,
    initial: float = 1.0,
    c1: float = 1e-4,
    shrink: float = 0.5,
) -> LineSearch:
    """Make the line search that shrinks the step until `f` decreases enough.

    A step `t` along a direction `d` is accepted once
    ``f(x + t d) <= f(x) + c1 t gradient(x) . d``.
    Equation ``eq-armijo`` of the chapter *Linear regression and gradient descent*.
    Source: thesis, 2.3, which names the rule and leaves it there.

    Parameters
    ----------
    f : callable
        Maps a point ``(d,)`` to a number.
    gradient : callable
        Maps a point ``(d,)`` to the gradient of `f` ``(d,)`` there.
    initial : float
        First step that is tried.
    c1 : float
        Share of the decrease promised by the slope that is asked for, in (0, 1).
    shrink : float
        Factor from one trial to the next, in (0, 1).

    Returns
    -------
    callable
        ``(x, direction) -> step``. It raises ValueError where `f` is not finite or
        `direction` does not descend, and LineSearchError after 100 trials.

    Raises
    ------
    ValueError
        If a number is out of its range.
    TypeError
        If `f` or `gradient` is not callable, or a number is none.

    Examples
    --------
    >>> search = armijo(lambda x: x @ x, lambda x: 2 * x)
    >>> search(np.array([3.0]), np.array([-6.0]))
    0.5
    """
    _check_callable(f, "f")
    _check_callable(gradient, "gradient")
    initial = as_positive_real(initial, "initial")
    c1, shrink = _between(c1, 0, 1, "c1"), _between(shrink, 0, 1, "shrink")

    def search(x: Vector, direction: Vector) -> float:
        line = _Line(f, gradient, x, direction)
        step = initial
        for _ in range(MAX_TRIALS):
            if line.decreases_enough(step, c1):
                return step
            step *= shrink
        raise LineSearchError(_out_of_trials(step))

    return search


def wolfe(
    f: Function,
    gradient: Gradient,
    *,
    initial: float = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
) -> LineSearch:
    """Make the line search that also refuses steps which are too short.

    A step `t` along a direction `d` is accepted when it satisfies both inequalities
    of the weak Wolfe conditions: ``f(x + t d) <= f(x) + c1 t gradient(x) . d`` (not too
    long) and ``gradient(x + t d) . d >= c2 gradient(x) . d`` (not too short). A step that
    is too long or too short becomes one end of an interval, which is then halved; as
    long as no step was too long, the step is doubled.
    Equation ``eq-wolfe`` of the chapter *Linear regression and gradient descent*.
    Source: thesis, 2.3, which names the rule and leaves it there.

    Parameters
    ----------
    f : callable
        Maps a point ``(d,)`` to a number.
    gradient : callable
        Maps a point ``(d,)`` to the gradient of `f` ``(d,)`` there.
    initial : float
        First step that is tried.
    c1, c2 : float
        Constants of the two inequalities, ``0 < c1 < c2 < 1``.

    Returns
    -------
    callable
        ``(x, direction) -> step``. It raises ValueError where `f` is not finite or
        `direction` does not descend, and LineSearchError after 100 trials.

    Raises
    ------
    ValueError
        If a number is out of its range.
    TypeError
        If `f` or `gradient` is not callable, or a number is none.

    Examples
    --------
    >>> search = wolfe(lambda x: x @ x, lambda x: 2 * x, initial=0.01)
    >>> search(np.array([3.0]), np.array([-6.0]))
    0.08
    """
    _check_callable(f, "f")
    _check_callable(gradient, "gradient")
    initial = as_positive_real(initial, "initial")
    c1 = _between(c1, 0, 1, "c1")
    c2 = _between(c2, c1, 1, "c2")

    def search(x: Vector, direction: Vector) -> float:
        line = _Line(f, gradient, x, direction)
        short, long, step = 0.0, np.inf, initial
        for _ in range(MAX_TRIALS):
            if not line.decreases_enough(step, c1):
                long = step
            elif line.slope(step) < c2 * line.slope_at_x:
                short = step
            else:
                return step
            step = 2 * step if long == np.inf else (short + long) / 2
        raise LineSearchError(_out_of_trials(step))

    return search


def step_size_study(
    gradient: Gradient, x0: ArrayLike, learning_rates: ArrayLike, *, max_iter: int = 50
) -> dict[float, Result]:
    """Descend from one start with several learning rates, to compare the paths.

    Equation ``eq-stability`` of the chapter *Linear regression and gradient descent*.
    Source: slides, *Le pas d'apprentissage*.

    Parameters
    ----------
    gradient : callable
        Maps a point ``(d,)`` to the gradient ``(d,)`` there.
    x0 : array_like of shape (d,)
        Start of every descent.
    learning_rates : array_like of shape (r,)
        Fixed steps, above 0.
    max_iter : int
        Largest number of updates of each descent.

    Returns
    -------
    dict
        The :class:`Result` of each learning rate.

    Raises
    ------
    ValueError, TypeError
        As :func:`gradient_descent`.

    Examples
    --------
    >>> for rate, result in step_size_study(lambda x: 2 * x, [1.0], [0.5, 1.0]).items():
    ...     print(rate, result.message)
    0.5 converged: gradient norm 0 at iteration 1 (tol 1e-06)
    1.0 not converged: limit of 50 iterations reached, gradient norm 2
    """
    rates = as_vector(learning_rates, "learning_rates").tolist()
    return {
        rate: gradient_descent(gradient, x0, learning_rate=rate, max_iter=max_iter)
        for rate in rates
    }


def step_size_regime(learning_rate: float, curvature: float) -> str:
    """Name what a learning rate does on the parabola ``f(x) = curvature / 2 * x ** 2``.

    Each step multiplies the distance to the minimum by ``1 - eta k``, with `eta` the
    learning rate and `k` the curvature (the second derivative); the descent converges
    if and only if ``|1 - eta k| < 1``. With several parameters, the same holds along
    each eigenvector of the Hessian matrix, and the largest eigenvalue sets the limit.

    =================  ==================  ===========================================
    name               ``eta k``           what the iterates do
    =================  ==================  ===========================================
    ``too small``      below 0.1           more than 20 steps for one decimal digit
    ``good``           0.1 to 1            come closer from one side
    ``oscillating``    1 to 2              change side at each step; at 2 they keep their
                                           distance, from -1 to 1 and back
    ``divergent``      above 2             change side at each step, and move away
    =================  ==================  ===========================================

    Equation ``eq-stability`` of the chapter *Linear regression and gradient descent*.
    Source: slides, *Le pas d'apprentissage*; thesis, 2.3.

    Parameters
    ----------
    learning_rate : float
        The fixed step, above 0.
    curvature : float
        Second derivative of the function, above 0.

    Returns
    -------
    str
        One of ``"too small"``, ``"good"``, ``"oscillating"``, ``"divergent"``.

    Raises
    ------
    ValueError
        If a number is not above 0.
    TypeError
        If an argument is not a number.

    Examples
    --------
    >>> [step_size_regime(rate, curvature=2.0) for rate in (0.01, 0.4, 0.9, 1.0)]
    ['too small', 'good', 'oscillating', 'oscillating']
    """
    product = as_positive_real(learning_rate, "learning_rate")
    product *= as_positive_real(curvature, "curvature")
    if product < 0.1:
        return "too small"
    if product <= 1:
        return "good"
    return "oscillating" if product <= 2 else "divergent"


def mse_loss(
    X: ArrayLike, y: ArrayLike, weights: ArrayLike, bias: float, *, l2: float = 0.0
) -> float:
    """Return the mean squared error of ``X @ weights + bias``, plus the L2 penalty.

    Equations ``eq-linear-model`` and ``eq-mse`` of the chapter *Terminology*, and
    ``eq-l2`` of the chapter *Linear regression and gradient descent*. Source: slides,
    *La perte quadratique* and *Régularisation*.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Examples.
    y : array_like of shape (n,)
        What the model should predict.
    weights : array_like of shape (d,)
    bias : float
        Not penalised: it only moves the predictions to the height of `y`.
    l2 : float
        Weight of the penalty ``sum(weights ** 2)``, at least 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not agree, a number is not finite, or `l2` is negative.
    TypeError
        If an argument holds no numbers.

    Examples
    --------
    >>> mse_loss([[1], [2]], [1, 4], [2.0], 0.0)
    0.5
    >>> mse_loss([[1], [2]], [1, 4], [2.0], 0.0, l2=0.1)
    0.9
    """
    return _loss(*_checked_model(X, y, weights, bias, l2))


def mse_gradient(
    X: ArrayLike, y: ArrayLike, weights: ArrayLike, bias: float, *, l2: float = 0.0
) -> tuple[Vector, float]:
    """Return the gradient of :func:`mse_loss` with respect to the weights and the bias.

    Equations ``eq-mse-gradient`` and ``eq-l2`` of the chapter *Linear regression and
    gradient descent*. Source: slides, *La descente de gradient*.

    Parameters
    ----------
    X, y, weights, bias, l2
        As for :func:`mse_loss`.

    Returns
    -------
    d_weights : ndarray of shape (d,)
    d_bias : float

    Raises
    ------
    ValueError
        If the shapes do not agree, a number is not finite, or `l2` is negative.
    TypeError
        If an argument holds no numbers.

    Examples
    --------
    >>> mse_gradient([[1], [2]], [1, 4], [2.0], 0.0)
    (array([1.]), 1.0)
    """
    return _loss_gradient(*_checked_model(X, y, weights, bias, l2))


def linear_regression(
    X: ArrayLike,
    y: ArrayLike,
    *,
    learning_rate: float,
    epochs: int,
    rng: np.random.Generator | None = None,
    batch_size: int | None = None,
    l2: float = 0.0,
) -> LinearFit:
    """Fit a linear model by gradient descent on the mean squared error.

    The descent starts at zero and makes one step for each batch. Equations ``eq-gd``
    and ``eq-mse-gradient`` of the chapter *Linear regression and gradient descent*.
    Source: slides, *La descente de gradient*.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Examples. Scale them first: the largest curvature limits the learning rate.
    y : array_like of shape (n,)
        What the model should predict.
    learning_rate : float
        The fixed step, above 0.
    epochs : int
        Number of passes over the examples.
    rng : numpy.random.Generator, optional
        Shuffles the examples before each epoch; left out, they keep their order.
    batch_size : int, optional
        Examples in one step: all of them when left out (batch gradient descent), 1 for
        stochastic gradient descent, else mini-batches.
    l2 : float
        Weight of the penalty ``sum(weights ** 2)``, at least 0.

    Returns
    -------
    LinearFit
        Look at `converged` and `message` before you use the weights.

    Raises
    ------
    ValueError
        If the shapes do not agree, or a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> fit = linear_regression([[0], [1], [2]], [1, 3, 5], learning_rate=0.3, epochs=200)
    >>> fit.weights.round(4), round(fit.bias, 4), fit.steps
    (array([2.]), 1.0, 200)
    """
    X, y = _checked_data(X, y)
    rate = as_positive_real(learning_rate, "learning_rate")
    epochs = as_positive_int(epochs, "epochs")
    size = len(X) if batch_size is None else as_positive_int(batch_size, "batch_size")
    l2 = as_nonnegative_real(l2, "l2")
    weights, bias = np.zeros(X.shape[1]), 0.0
    losses = [_loss(X, y, weights, bias, l2)]
    with np.errstate(over="ignore", invalid="ignore"):  # the result reports it in words
        while len(losses) <= epochs and np.isfinite(losses[-1]):
            for rows in batches(len(X), size, rng=rng):
                d_weights, d_bias = _loss_gradient(X[rows], y[rows], weights, bias, l2)
                weights, bias = weights - rate * d_weights, bias - rate * d_bias
            losses.append(_loss(X, y, weights, bias, l2))
        d_weights, d_bias = _loss_gradient(X, y, weights, bias, l2)
        norm = float(np.linalg.norm(np.append(d_weights, d_bias)))
    done, converged = len(losses) - 1, norm <= TOLERANCE
    reason = _epochs_message(converged, norm, losses[-1], done)
    steps = done * n_batches(len(X), size)
    return LinearFit(weights, bias, np.array(losses), steps, converged, reason)


def normal_equations(X: ArrayLike, y: ArrayLike, *, l2: float = 0.0) -> tuple[Vector, float]:
    """Return the weights and the bias that minimise :func:`mse_loss`, without descending.

    The gradient is set to zero. As the bias is not penalised, it is found last: it makes
    the mean prediction the mean of `y`, and the weights are found on centred columns.
    Equation ``eq-normal`` of the chapter *Linear regression and gradient descent*.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Examples.
    y : array_like of shape (n,)
        What the model should predict.
    l2 : float
        Weight of the penalty ``sum(weights ** 2)``, at least 0. Scikit-learn's
        `Ridge` adds up the losses instead of averaging them: its `alpha` is ``n * l2``.

    Returns
    -------
    weights : ndarray of shape (d,)
    bias : float

    Raises
    ------
    ValueError
        If the shapes do not agree, or `l2` is 0 and the columns are linearly dependent:
        many weights are then equally good.
    TypeError
        If an argument holds no numbers.

    Examples
    --------
    >>> normal_equations([[0], [1], [2]], [1, 3, 5])
    (array([2.]), 1.0)
    """
    X, y = _checked_data(X, y)
    l2, d = as_nonnegative_real(l2, "l2"), X.shape[1]
    centred = X - X.mean(axis=0)
    rank = np.linalg.matrix_rank(centred)
    if l2 == 0 and rank < d:
        expected = f"{d} linearly independent columns, none constant (or l2 above 0)"
        raise ValueError(message("X", expected, f"rank {rank}"))
    curvature = centred.T @ centred / len(X) + l2 * np.eye(d)
    weights = np.linalg.solve(curvature, centred.T @ (y - y.mean()) / len(X))
    return weights, float(y.mean() - X.mean(axis=0) @ weights)


class _Line:
    """The function `f` seen along one direction: a function of the step alone."""

    def __init__(self, f: Function, gradient: Gradient, x: Vector, direction: Vector) -> None:
        self.f, self.gradient = f, gradient
        self.x, self.direction = as_vector(x, "x"), as_vector(direction, "direction")
        same_length(self.x, self.direction, "x", "direction")
        self.value_at_x = self.value(0.0)
        if not np.isfinite(self.value_at_x):
            raise ValueError(message("f", "a finite value at x", self.value_at_x))
        self.slope_at_x = self.slope(0.0)
        if not self.slope_at_x < 0:
            expected = "a descent direction, of negative slope gradient(x) . direction"
            raise ValueError(message("direction", expected, f"slope {self.slope_at_x:.3g}"))

    def value(self, step: float) -> float:
        value = np.asarray(self.f(self.x + step * self.direction))
        if value.shape != () or value.dtype.kind not in "iuf":
            raise TypeError(message("f", "a function whose value is one number", repr(value)))
        return float(value)

    def slope(self, step: float) -> float:
        slope = _gradient_at(self.gradient, self.x + step * self.direction) @ self.direction
        return float(slope)

    def decreases_enough(self, step: float, c1: float) -> bool:
        with np.errstate(over="ignore", invalid="ignore"):  # too far is only too long
            value = self.value(step)
            limit = self.value_at_x + c1 * step * self.slope_at_x
            # The second part follows from the first, unless rounding has swallowed the step.
            return value <= limit and value < self.value_at_x


def _gradient_at(gradient: Gradient, x: Vector) -> Vector:
    """Return the gradient in the precision of `x`; where `x` is not finite, there is none."""
    if not np.isfinite(x).all():
        return np.full_like(x, np.nan)
    value = np.asarray(gradient(x))
    if value.dtype.kind not in "iuf":
        raise TypeError(message("gradient", "an array of numbers", f"type {value.dtype}"))
    if value.shape != x.shape:
        expected = f"an array of shape {x.shape} like the point"
        raise ValueError(message("gradient", expected, f"shape {value.shape}"))
    return value.astype(x.dtype)


def _reason_to_stop(norm: float, n_iter: int, tol: float, max_iter: int) -> str:
    """Return why a descent ends at this iterate, or an empty text if it goes on."""
    if norm <= tol:
        return f"converged: gradient norm {norm:.3g} at iteration {n_iter} (tol {tol:g})"
    if not np.isfinite(norm):
        return f"diverged: the iterate or its gradient is not finite at iteration {n_iter}"
    if n_iter == max_iter:
        return f"not converged: limit of {max_iter} iterations reached, gradient norm {norm:.3g}"
    return ""


def _epochs_message(converged: bool, norm: float, loss: float, epochs: int) -> str:
    if not np.isfinite(loss):
        return f"diverged: loss {loss} after {epochs} epochs, try a smaller learning rate"
    start = "converged" if converged else "not converged"
    return f"{start}: gradient norm {norm:.3g} after {epochs} epochs (tol {TOLERANCE:g})"


def _out_of_trials(step: float) -> str:
    return f"line search found no step in {MAX_TRIALS} trials, the last one near {step:.3g}"


def _as_line_search(learning_rate: float | LineSearch) -> LineSearch:
    """See a fixed step as the line search that always answers the same."""
    if callable(learning_rate):
        return learning_rate
    rate = as_positive_real(learning_rate, "learning_rate")
    return lambda x, direction: rate


def _check_callable(value: object, name: str) -> None:
    if not callable(value):
        raise TypeError(message(name, "a function of a point", f"{value!r:.50}"))


def _between(value: float, low: float, high: float, name: str) -> float:
    number = as_finite_real(value, name)
    if not low < number < high:
        raise ValueError(message(name, f"a number between {low} and {high}, not equal", number))
    return number


def _checked_data(X: ArrayLike, y: ArrayLike) -> tuple[Vector, Vector]:
    X, y = as_matrix(X, "X"), as_vector(y, "y")
    same_length(X, y, "X", "y")
    return X, y


def _checked_model(
    X: ArrayLike, y: ArrayLike, weights: ArrayLike, bias: float, l2: float
) -> tuple[Vector, Vector, Vector, float, float]:
    X, y = _checked_data(X, y)
    weights = as_vector(weights, "weights")
    if len(weights) != X.shape[1]:
        expected = f"{X.shape[1]} values, one for each column of X"
        raise ValueError(message("weights", expected, len(weights)))
    return X, y, weights, as_finite_real(bias, "bias"), as_nonnegative_real(l2, "l2")


def _loss(X: Vector, y: Vector, weights: Vector, bias: float, l2: float) -> float:
    errors = X @ weights + bias - y
    return float(np.mean(errors**2) + l2 * np.sum(weights**2))


def _loss_gradient(
    X: Vector, y: Vector, weights: Vector, bias: float, l2: float
) -> tuple[Vector, float]:
    errors = X @ weights + bias - y
    return 2 * X.T @ errors / len(y) + 2 * l2 * weights, float(2 * np.mean(errors))
