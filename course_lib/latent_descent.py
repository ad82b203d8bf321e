"""Inversion by gradient descent: the source's Adafactor and Adam, for many images at once.

Chapter *Inverting the decoder*. Each image has a point of its own, and no step may depend on
the images beside it. Adam works on each number by itself, so it needs no change. Adafactor
looks at the size of a whole variable: here each row of the array is a variable.
"""

import numpy as np
from numpy.typing import NDArray

from course_lib._validation import as_positive_int
from course_lib.decoder import MLP
from course_lib.latent_newton import positive_inverse
from course_lib.optimizers import Adam, Optimizer, Schedule, cosine
from course_lib.reconstruction import Descent, as_problem, reconstruct

__all__ = ["RowAdafactor", "adafactor", "adam"]

Array = NDArray[np.floating]

STEPS = 150  # of the source
ADAFACTOR_RATE = 1e-3  # of the source
ADAM_RATE = 0.02
TOL = 1e-4  # share of the loss that a Newton step may still promise at the end of a descent


class RowAdafactor(Optimizer):
    """Adafactor as in Keras, where each row of the array is a variable by itself.

    A step divides the gradient by its root mean square over the past, which forgets more
    slowly as the steps go on. Then it is scaled by the size of the point: a point moves by
    at most about ``learning_rate`` times its own length, or 1/1000 near zero. So 150 steps
    of 0.001 move it by 15 % of its length and no farther, wherever the minimum is.
    Equation ``eq-adafactor-row`` of the chapter *Inverting the decoder*. Source: thesis,
    section 3.2; Shazeer and Stern, *Adafactor: Adaptive Learning Rates with Sublinear Memory
    Cost*, algorithm 4.

    Parameters
    ----------
    learning_rate : float or callable
        Above 0, or a schedule from the number of the step to a rate.

    Raises
    ------
    ValueError
        If the rate is not above 0.
    TypeError
        If it is neither a number nor callable.

    Examples
    --------
    >>> points = np.array([[3.0, 4.0], [0.0, 0.0]])
    >>> RowAdafactor(0.1).step(points, np.array([[2.0, -0.5], [2.0, -0.5]]))
    >>> points[0].round(4), points[1].round(6)
    (array([2.6464, 4.3536]), array([-0.0001,  0.0001]))
    """

    SMALLEST_SQUARE, SMALLEST_SIZE, DECAY = 1e-30, 1e-3, -0.8  # the defaults of Keras

    def __init__(self, learning_rate: float | Schedule = ADAFACTOR_RATE) -> None:
        super().__init__(learning_rate)

    def _allocate(self, theta: Array) -> None:
        self._mean_square = np.zeros_like(theta)

    def _update(self, theta: Array, grad: Array, rate: float) -> None:
        kept = 1 - self.steps**self.DECAY  # 0 in the first step: there is no past
        self._mean_square *= kept
        self._mean_square += (1 - kept) * (grad**2 + self.SMALLEST_SQUARE)
        direction = grad / np.sqrt(self._mean_square)
        direction /= np.maximum(1, _row_rms(direction))
        size = np.maximum(self.SMALLEST_SIZE, _row_rms(theta))
        theta -= min(rate, self.steps**-0.5) * size * direction


def _row_rms(rows: Array) -> Array:
    return np.sqrt(np.mean(rows**2, axis=1, keepdims=True))


def adafactor(
    decoder: MLP,
    images: Array,
    start: Array,
    *,
    steps: int = STEPS,
    learning_rate: float | Schedule = ADAFACTOR_RATE,
) -> Descent:
    """Descend as the source does: `steps` steps of Adafactor for each image.

    Equation ``eq-adafactor-row`` of the chapter *Inverting the decoder*.
    """
    return _descend(decoder, images, start, RowAdafactor(learning_rate), steps)


def adam(
    decoder: MLP,
    images: Array,
    start: Array,
    *,
    steps: int = STEPS,
    learning_rate: float | Schedule | None = None,
) -> Descent:
    """Descend by Adam; left out, the rate falls from 0.02 to 0 along half a cosine.

    Equation ``eq-adam`` of the chapter *Training in practice*.
    """
    if learning_rate is None:
        learning_rate = cosine(ADAM_RATE, as_positive_int(steps, "steps"))
    return _descend(decoder, images, start, Adam(learning_rate), steps)


def _descend(
    decoder: MLP, images: Array, start: Array, optimizer: Optimizer, steps: int
) -> Descent:
    images, start = as_problem(decoder, images, start)
    points, start_losses = start.copy(), None
    for _ in range(as_positive_int(steps, "steps")):
        seen = reconstruct(decoder, points, images)
        start_losses = seen.losses if start_losses is None else start_losses
        optimizer.step(points, seen.gradients())
    seen = reconstruct(decoder, points, images)
    # A fixed number of steps has no rule to stop: ask at the end what a step would still win.
    gradients, matrices = seen.gauss_newton()
    steps_left = np.einsum("nij,nj->ni", positive_inverse(matrices), gradients)
    promised = np.einsum("ni,ni->n", gradients, steps_left) / 2
    evaluations = np.full(len(points), 2 * steps + 1 + decoder.n_inputs)
    return Descent(points, seen.losses, start_losses, promised <= TOL * seen.losses, evaluations)
