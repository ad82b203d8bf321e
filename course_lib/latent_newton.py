"""Inversion by Newton's ideas: BFGS and Levenberg-Marquardt, for many images at once.

Chapter *Inverting the decoder*. Both know how the loss bends, so their steps have the right
length and few are needed. Every image is a problem of its own, with its own point and its
own 2 x 2 matrix; in each round the decoder sees the trial points of all images that are not
done yet, in one batch. A trial costs one evaluation, and only those that are taken pay for
derivatives.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_array, as_positive_int, as_positive_real, message
from course_lib.decoder import MLP
from course_lib.reconstruction import Descent, Reconstruction, as_problem, reconstruct

__all__ = ["bfgs", "lm", "positive_inverse"]

Array = NDArray[np.floating]
Index = NDArray[np.intp]

# Share of the loss: a step that promises less is not worth its evaluations. The Gauss-Newton
# matrix knows only a part of the curvature, so its promises must be taken more exactly.
TOL, LM_TOL = 1e-5, 1e-6
MAX_TRIALS = 100
ENOUGH = 1e-4  # share of the promised decrease that a step must keep (Armijo)
LONGEST = 1.0  # step: farther away, the matrix says nothing about the loss
FLATTEST = 1e-3  # share of the largest curvature that every direction is given at least
DAMPING = 1e-2  # first of Levenberg-Marquardt, as a share of the mean curvature
LEAST_DAMPING = 1e-6  # keeps the matrix invertible, in single precision too


def bfgs(
    decoder: MLP,
    images: Array,
    start: Array,
    *,
    hessians: Array | None = None,
    tol: float = TOL,
    max_trials: int = MAX_TRIALS,
) -> Descent:
    """Minimise each loss by BFGS with a line search that goes back until the loss falls.

    Equation ``eq-bfgs-update`` of the chapter *Inverting the decoder*.

    Parameters
    ----------
    decoder, images, start
        As for :func:`course_lib.inversion.invert`.
    hessians : ndarray of shape (n, d, d), optional
        Second derivatives at the start; left out, the Gauss-Newton matrices take their place.
    tol : float
        An image is done when its next step promises less than this share of its loss.
    max_trials : int
        Largest number of trial points of an image.

    Returns
    -------
    Descent
    """
    tol, max_trials = as_positive_real(tol, "tol"), as_positive_int(max_trials, "max_trials")
    images, start = as_problem(decoder, images, start)
    state = _Bfgs(reconstruct(decoder, start, images), start, hessians)
    start_losses, active = state.losses.copy(), np.arange(len(start))
    for _ in range(max_trials):
        active = active[state.promises(active) > tol * state.losses[active]]
        if not len(active):
            break
        trial = state.trial(active)
        seen = reconstruct(decoder, trial, images[active])
        state.evaluations[active] += 1
        good = seen.losses <= state.losses[active] - ENOUGH * state.promises(active)
        state.move(active[good], trial[good], seen.rows(good))
        state.shorten(active[~good], seen.losses[~good])
    converged = state.promises(slice(None)) <= tol * state.losses
    return Descent(state.points, state.losses, start_losses, converged, state.evaluations)


class _Bfgs:
    """Where each image stands: point, loss, gradient, inverse Hessian, and the next trial."""

    def __init__(self, seen: Reconstruction, start: Array, hessians: Array | None) -> None:
        self.points, self.losses = start.copy(), seen.losses
        if hessians is None:
            self.gradients, hessians = seen.gauss_newton()
            cost = 1 + start.shape[1]
        else:
            self.gradients, cost = seen.gradients(), 2
        self.inverses = positive_inverse(hessians)
        self.evaluations = np.full(len(start), cost)
        self.directions, self.steps = np.empty_like(start), np.empty_like(seen.losses)
        self._aim(np.arange(len(start)))

    def _aim(self, rows: Index) -> None:
        """Turn to the minimum of the parabola, with the full step as the first trial."""
        directions = -np.einsum("nij,nj->ni", self.inverses[rows], self.gradients[rows])
        lengths = np.linalg.norm(directions, axis=1)
        self.directions[rows] = directions
        self.steps[rows] = 1 / np.maximum(1, lengths / LONGEST)

    def promises(self, rows: Index | slice) -> Array:
        """Return the decrease of the loss that the parabola promises for the next trial."""
        slopes = np.einsum("ni,ni->n", self.gradients[rows], self.directions[rows])
        return -self.steps[rows] * slopes / 2

    def trial(self, rows: Index) -> Array:
        return self.points[rows] + self.steps[rows, np.newaxis] * self.directions[rows]

    def move(self, rows: Index, points: Array, seen: Reconstruction) -> None:
        """Take the step, and learn the curvature along it from the change of the gradient."""
        if not len(rows):
            return
        gradients = seen.gradients()
        moves, changes = points - self.points[rows], gradients - self.gradients[rows]
        self.points[rows], self.losses[rows], self.gradients[rows] = points, seen.losses, gradients
        self.evaluations[rows] += 1
        self.inverses[rows] = _bfgs_update(self.inverses[rows], moves, changes)
        self._aim(rows)

    def shorten(self, rows: Index, losses: Array) -> None:
        """Try again nearer: at the minimum of the parabola through the loss of the trial."""
        slopes = 2 * self.promises(rows)
        excess = losses - self.losses[rows] + slopes
        self.steps[rows] *= np.clip(slopes / (2 * excess), 0.1, 0.5)


def _bfgs_update(inverses: Array, moves: Array, changes: Array) -> Array:
    """Return inverse Hessians that map each change of the gradient to its move."""
    curvatures = np.einsum("ni,ni->n", moves, changes)
    learns = curvatures > 0  # else the loss bends down there, and no parabola has a minimum
    moves, changes, curvatures = moves[learns], changes[learns], curvatures[learns]
    eye = np.eye(moves.shape[1], dtype=moves.dtype)
    scaled = moves / curvatures[:, np.newaxis]
    left = eye - scaled[:, :, np.newaxis] * changes[:, np.newaxis]
    updated = inverses.copy()
    updated[learns] = left @ inverses[learns] @ left.swapaxes(1, 2)
    updated[learns] += scaled[:, :, np.newaxis] * moves[:, np.newaxis]
    return updated


def lm(
    decoder: MLP,
    images: Array,
    start: Array,
    *,
    tol: float = LM_TOL,
    max_trials: int = MAX_TRIALS,
) -> Descent:
    """Minimise each loss by Levenberg-Marquardt, with the exact Jacobian of the decoder.

    The decoder is replaced by its tangent, for which the minimum is known. A damping pulls
    the step back towards the point: less after a success, more after a failure.
    Equation ``eq-lm-step`` of the chapter *Inverting the decoder*.

    Parameters
    ----------
    decoder, images, start
        As for :func:`course_lib.inversion.invert`.
    tol, max_trials
        As for :func:`bfgs`.

    Returns
    -------
    Descent
    """
    tol, max_trials = as_positive_real(tol, "tol"), as_positive_int(max_trials, "max_trials")
    images, start = as_problem(decoder, images, start)
    state = _Marquardt(reconstruct(decoder, start, images), start)
    start_losses, active = state.losses.copy(), np.arange(len(start))
    for _ in range(max_trials):
        active = active[state.promises[active] > tol * state.losses[active]]
        if not len(active):
            break
        trial = state.points[active] + state.steps[active]
        seen = reconstruct(decoder, trial, images[active])
        state.evaluations[active] += 1
        kept = (state.losses[active] - seen.losses) / state.promises[active]
        good = kept >= ENOUGH
        state.move(active[good], trial[good], seen.rows(good))
        state.trust(active, kept)
    converged = state.promises <= tol * state.losses
    return Descent(state.points, state.losses, start_losses, converged, state.evaluations)


class _Marquardt:
    """Where each image stands: point, loss, tangent of the decoder, damping, and next step."""

    def __init__(self, seen: Reconstruction, start: Array) -> None:
        self.points, self.losses = start.copy(), seen.losses
        self.gradients, self.matrices = seen.gauss_newton()
        self.damping = np.full_like(self.losses, DAMPING)
        self.evaluations = np.full(len(start), 1 + start.shape[1])
        self.steps, self.promises = np.empty_like(start), np.empty_like(self.losses)
        self._aim(np.arange(len(start)))

    def _aim(self, rows: Index) -> None:
        gradients, matrices = self.gradients[rows], self.matrices[rows].copy()
        d = matrices.shape[1]
        curvatures = np.trace(matrices, axis1=1, axis2=2) / d
        tiny = np.finfo(curvatures.dtype).tiny  # where nothing changes, the step is zero
        matrices[:, range(d), range(d)] += (self.damping[rows] * curvatures + tiny)[:, np.newaxis]
        steps = -np.linalg.solve(matrices, gradients[..., np.newaxis])[..., 0]
        steps /= np.maximum(1, np.linalg.norm(steps, axis=1) / LONGEST)[:, np.newaxis]
        self.steps[rows] = steps
        self.promises[rows] = -np.einsum("ni,ni->n", gradients, steps) / 2

    def move(self, rows: Index, points: Array, seen: Reconstruction) -> None:
        """Take the step, and the tangent of the decoder there."""
        if not len(rows):
            return
        self.points[rows], self.losses[rows] = points, seen.losses
        self.gradients[rows], self.matrices[rows] = seen.gauss_newton()
        self.evaluations[rows] += points.shape[1]

    def trust(self, rows: Index, kept: Array) -> None:
        """Set the damping by the share of the promise that was kept, and the next step."""
        factors = np.where(kept > 0.75, 1 / 5, np.where(kept < 0.25, 5, 1))
        self.damping[rows] = np.maximum(self.damping[rows] * factors, LEAST_DAMPING)
        self._aim(rows)


def positive_inverse(matrices: ArrayLike) -> Array:
    """Return the inverses of symmetric matrices, after each curvature was made positive.

    A direction that bends down is taken as bending up, and a flat one is given a little
    curvature: minus the result times the gradient then always goes downhill.
    Equation ``eq-newton-step`` of the chapter *Inverting the decoder*.

    Parameters
    ----------
    matrices : ndarray of shape (n, d, d)

    Returns
    -------
    ndarray of shape (n, d, d)

    Raises
    ------
    ValueError
        If the matrices are not square, or a number is not finite.
    TypeError
        If they hold no numbers.

    Examples
    --------
    >>> positive_inverse([[[4.0, 0.0], [0.0, -2.0]]])
    array([[[0.25, 0.  ],
            [0.  , 0.5 ]]])
    """
    matrices = as_array(matrices, "matrices", ndim=3)
    if matrices.shape[1] != matrices.shape[2]:
        raise ValueError(message("matrices", "shape (n, d, d)", f"shape {matrices.shape}"))
    values, vectors = np.linalg.eigh(matrices)
    sizes = np.abs(values)
    least = FLATTEST * sizes.max(axis=1, keepdims=True) + np.finfo(matrices.dtype).tiny
    return (vectors / np.maximum(sizes, least)[:, np.newaxis]) @ vectors.swapaxes(1, 2)
