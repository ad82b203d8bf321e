"""Optimizers: how a gradient becomes a step of the parameters.

Chapter *Training in practice*. An optimizer sees all the parameters of a network as one
flat vector `theta` and their gradient as another one: it needs to know nothing of layers.
"""

import math
import numbers
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from course_lib._validation import (
    as_nonnegative_real,
    as_positive_int,
    as_positive_real,
    message,
)

__all__ = ["SGD", "Adam", "clip_by_norm", "cosine", "exponential_decay", "one_cycle"]

Vector = NDArray[np.floating]
Schedule = Callable[[int], float]

WARMUP_SHARE = 0.3  # of the steps of a one-cycle schedule


class Optimizer:
    """What the optimizers share: a learning rate, and the count of the steps.

    Parameters
    ----------
    learning_rate : float or callable
        A number above 0, or a schedule: ``schedule(step)`` is the rate of that step, and
        the first step is number 0.

    Attributes
    ----------
    steps : int
        Number of steps done.
    """

    def __init__(self, learning_rate: float | Schedule) -> None:
        if not callable(learning_rate):
            learning_rate = as_positive_real(learning_rate, "learning_rate")
        self.learning_rate = learning_rate
        self.steps = 0
        self._shape: tuple[int, ...] | None = None

    def step(self, theta: Vector, grad: Vector) -> None:
        """Change `theta` in place, against the gradient.

        Parameters
        ----------
        theta : ndarray of shape (p,)
            Parameters.
        grad : ndarray of shape (p,)
            Gradient of the loss at `theta`; left as it is.

        Raises
        ------
        TypeError
            If an argument is no array of floats.
        ValueError
            If the two differ in shape, or from those of the steps before.
        """
        if self._shape is None:
            self._start(theta, grad)
        elif theta.shape != self._shape or grad.shape != self._shape:
            expected = f"shape {self._shape} as in the first step"
            raise ValueError(message("theta", expected, f"{theta.shape} and grad {grad.shape}"))
        rate = self.learning_rate
        if callable(rate):
            rate = rate(self.steps)
        self.steps += 1
        self._update(theta, grad, rate)

    def _start(self, theta: Vector, grad: Vector) -> None:
        for name, value in (("theta", theta), ("grad", grad)):
            _check_floats(value, name)
        if grad.shape != theta.shape:
            raise ValueError(message("grad", f"shape {theta.shape} like theta", grad.shape))
        self._shape = theta.shape
        self._allocate(theta)

    def _allocate(self, theta: Vector) -> None:
        """Make what the optimizer remembers from one step to the next."""

    def _update(self, theta: Vector, grad: Vector, rate: float) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """Gradient descent, with or without momentum.

    Without momentum, ``theta -= rate * grad``: equation ``eq-update`` of the chapter *The
    MLP and back-propagation*. With it, a velocity forgets the old gradients slowly:
    equation ``eq-momentum`` of the chapter *Training in practice*. Source: course on the
    MLP, A1.7.

    Parameters
    ----------
    learning_rate : float or callable
        Above 0, or a schedule from the number of the step to a rate.
    momentum : float
        Share of the velocity that each step keeps, at least 0 and below 1.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> theta = np.array([1.0, 2.0])
    >>> SGD(0.1).step(theta, np.array([1.0, -1.0]))
    >>> theta
    array([0.9, 2.1])
    """

    def __init__(self, learning_rate: float | Schedule = 0.01, *, momentum: float = 0.0) -> None:
        super().__init__(learning_rate)
        self.momentum = _as_share(momentum, "momentum")

    def _allocate(self, theta: Vector) -> None:
        self._velocity = np.zeros_like(theta)

    def _update(self, theta: Vector, grad: Vector, rate: float) -> None:
        if self.momentum == 0:
            theta -= rate * grad
            return
        self._velocity *= self.momentum
        self._velocity -= rate * grad
        theta += self._velocity


class Adam(Optimizer):
    """Adam: each parameter has its own step, from the mean and the spread of its gradient.

    Equation ``eq-adam`` of the chapter *Training in practice*. The moving averages start at
    zero, and the correction of that start is written as a factor of the rate, as in Keras
    (whose `epsilon` this is: "epsilon hat" in the article). The first step has the length
    of the learning rate along each axis, whatever the size of the gradient. Source: Kingma
    and Ba, *Adam: A Method for Stochastic Optimization*, section 2.

    Parameters
    ----------
    learning_rate : float or callable
        Above 0, or a schedule from the number of the step to a rate.
    beta_1, beta_2 : float
        Share of the averages of the gradient and of its square that each step keeps, at
        least 0 and below 1.
    epsilon : float
        Above 0: keeps the division defined where a gradient is always zero.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> theta = np.array([1.0, 2.0])
    >>> Adam(0.1).step(theta, np.array([300.0, -0.5]))
    >>> theta.round(4)
    array([0.9, 2.1])
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(learning_rate)
        self.beta_1, self.beta_2 = _as_share(beta_1, "beta_1"), _as_share(beta_2, "beta_2")
        self.epsilon = as_positive_real(epsilon, "epsilon")

    def _allocate(self, theta: Vector) -> None:
        self._mean, self._mean_square = np.zeros_like(theta), np.zeros_like(theta)
        self._work = np.empty_like(theta)  # new arrays of that length would cost more than the sums

    def _update(self, theta: Vector, grad: Vector, rate: float) -> None:
        work, mean, mean_square = self._work, self._mean, self._mean_square
        np.multiply(grad, 1 - self.beta_1, out=work)
        mean *= self.beta_1
        mean += work
        np.multiply(grad, grad, out=work)
        work *= 1 - self.beta_2
        mean_square *= self.beta_2
        mean_square += work
        rate *= math.sqrt(1 - self.beta_2**self.steps) / (1 - self.beta_1**self.steps)
        np.sqrt(mean_square, out=work)
        work += self.epsilon
        np.divide(mean, work, out=work)
        work *= rate
        theta -= work


def clip_by_norm(grad: Vector, limit: float) -> float:
    """Shorten a gradient to at most `limit`, in place, and return its norm before.

    The direction stays. Equation ``eq-clip`` of the chapter *Training in practice*. Source:
    text on networks, A1.8.

    Parameters
    ----------
    grad : ndarray
        Of floats, of any shape.
    limit : float
        Longest norm allowed, above 0.

    Returns
    -------
    float
        Euclidean norm before the call.

    Raises
    ------
    ValueError
        If `limit` is not above 0.
    TypeError
        If `grad` is no array of floats.

    Examples
    --------
    >>> grad = np.array([3.0, 4.0])
    >>> clip_by_norm(grad, 1.0)
    5.0
    >>> grad
    array([0.6, 0.8])
    """
    _check_floats(grad, "grad")
    limit = as_positive_real(limit, "limit")
    norm = math.sqrt(np.vdot(grad, grad))
    if norm > limit:
        grad *= limit / norm
    return norm


def cosine(initial: float, total_steps: int, *, warmup_steps: int = 0) -> Schedule:
    """Return a rate that falls from `initial` to 0 along half a cosine.

    Equation ``eq-cosine`` of the chapter *Training in practice*. Source: Loshchilov and
    Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, section 3.

    Parameters
    ----------
    initial : float
        Largest rate, above 0.
    total_steps : int
        Step at which the rate is 0, and from which it stays there.
    warmup_steps : int
        Number of steps, fewer than `total_steps`, on which the rate first rises in equal
        amounts; step number `warmup_steps` has the rate `initial`.

    Returns
    -------
    callable
        From the number of a step, counted from 0, to its rate.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> schedule = cosine(0.1, 100)
    >>> [round(schedule(step), 4) for step in (0, 25, 50, 100)]
    [0.1, 0.0854, 0.05, 0.0]
    >>> schedule = cosine(0.1, 100, warmup_steps=4)
    >>> [round(schedule(step), 4) for step in (0, 1, 2, 3, 4)]
    [0.02, 0.04, 0.06, 0.08, 0.1]
    """
    initial = as_positive_real(initial, "initial")
    total_steps = as_positive_int(total_steps, "total_steps")
    if isinstance(warmup_steps, bool) or not isinstance(warmup_steps, numbers.Integral):
        raise TypeError(message("warmup_steps", "an integer", repr(warmup_steps)))
    if not 0 <= warmup_steps < total_steps:
        expected = f"at least 0 and fewer than total_steps = {total_steps}"
        raise ValueError(message("warmup_steps", expected, warmup_steps))

    def schedule(step: int) -> float:
        if step < warmup_steps:
            return initial * (step + 1) / (warmup_steps + 1)
        done = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
        return initial * (1 + math.cos(math.pi * done)) / 2

    return schedule


def exponential_decay(initial: float, rate: float, every: int) -> Schedule:
    """Return a rate that is multiplied by `rate` for each `every` steps, smoothly.

    Source: Keras, ``ExponentialDecay``.

    Parameters
    ----------
    initial : float
        Rate of the first step, above 0.
    rate : float
        Factor above 0, and at most 1.
    every : int
        Number of steps after which the factor is complete.

    Returns
    -------
    callable
        From the number of a step, counted from 0, to its rate.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> schedule = exponential_decay(0.1, 0.5, 10)
    >>> [round(schedule(step), 4) for step in (0, 5, 10, 20)]
    [0.1, 0.0707, 0.05, 0.025]
    """
    initial, every = as_positive_real(initial, "initial"), as_positive_int(every, "every")
    rate = as_positive_real(rate, "rate")
    if rate > 1:
        raise ValueError(message("rate", "a number above 0 and at most 1", rate))
    return lambda step: initial * rate ** (step / every)


def one_cycle(peak: float, total_steps: int) -> Schedule:
    """Return a rate that rises to `peak` on the first 30 % of the steps, and falls to 0.

    It is :func:`cosine` with a long warm-up. Source: Smith and Topin, *Super-Convergence:
    Very Fast Training of Neural Networks Using Large Learning Rates*.

    Parameters
    ----------
    peak : float
        Largest rate, above 0.
    total_steps : int
        Step at which the rate is 0.

    Returns
    -------
    callable
        From the number of a step, counted from 0, to its rate.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> schedule = one_cycle(0.1, 10)
    >>> [round(schedule(step), 4) for step in (0, 3, 10)]
    [0.025, 0.1, 0.0]
    """
    peak, total_steps = as_positive_real(peak, "peak"), as_positive_int(total_steps, "total_steps")
    return cosine(peak, total_steps, warmup_steps=int(WARMUP_SHARE * total_steps))


def _as_share(value: float, name: str) -> float:
    number = as_nonnegative_real(value, name)
    if number >= 1:
        raise ValueError(message(name, "a number of at least 0 and below 1", number))
    return number


def _check_floats(value: object, name: str) -> None:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(message(name, "an array of floats, which is changed in place", kind))
