"""Inversion as a fixed point: the source's first idea, measured instead of dropped.

Chapter *Inverting the decoder*. To find u with D(u) = Z, the source applies the encoder to
both sides and repeats ``u <- u + E(Z) - E(D(u))``. Where that map is a contraction, Banach's
theorem promises one limit, and it is reached quickly. But the limit solves E(D(u)) = E(Z):
it asks for an image that the *encoder* cannot tell from Z. The nearest image is another
question, for no derivative of ``||D(u) - Z||`` appears anywhere; so the loss of the limit
may well be higher than that of the start.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_matrix, as_positive_int, as_positive_real, message
from course_lib.decoder import MLP, forward, linearize, push_forward

__all__ = ["FixedPoint", "contraction_norms", "fixed_point"]

Array = NDArray[np.floating]

TOL = 1e-3
MAX_ITER = 100
ROWS = 500  # at a time: what the networks compute for them stays in the cache
LOST = 1e3  # coordinates beyond this belong to a divergent iteration


class FixedPoint(NamedTuple):
    """Where the iteration of each image ended."""

    points: Array  # (n, d)
    residuals: Array  # (n,): length of E(Z) - E(D(u)) at the point
    converged: NDArray[np.bool_]  # (n,)
    iterations: NDArray[np.int64]  # (n,)


def fixed_point(
    encoder: MLP,
    decoder: MLP,
    images: ArrayLike,
    *,
    damping: float = 1.0,
    tol: float = TOL,
    max_iter: int = MAX_ITER,
) -> FixedPoint:
    """Iterate ``u <- u + damping * (E(Z) - E(D(u)))`` from ``u = E(Z)``, for each image Z.

    An image is done when the residual is at most `tol`. Equation ``eq-fixed-point`` of the
    chapter *Inverting the decoder*. Source: thesis, section 2.2, the map h_Z.

    Parameters
    ----------
    encoder : MLP
        From images to points: of a VAE, the means alone
        (:func:`course_lib.decoder.select_outputs`).
    decoder : MLP
    images : array_like of shape (n, n_pixels)
    damping : float
        Above 0: share of the correction that is applied; 1 is the source's map. Less is
        slower, and converges in more places.
    tol : float
    max_iter : int
        Largest number of corrections.

    Returns
    -------
    FixedPoint

    Raises
    ------
    ValueError
        If the networks or the images do not fit, or a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> encoder = MLP([[[0.5, 0.0], [0.0, 0.5]]], [[0.0, 0.0]], "linear")
    >>> decoder = MLP([np.eye(2)], [[0.0, 0.0]], "linear")
    >>> fixed_point(encoder, decoder, [[1.0, 2.0]], tol=1e-6).points.round(4)
    array([[1., 2.]])
    """
    images = _checked(encoder, decoder, images)
    damping, tol = as_positive_real(damping, "damping"), as_positive_real(tol, "tol")
    max_iter = as_positive_int(max_iter, "max_iter")
    parts = [
        _picard(encoder, decoder, images[first : first + ROWS], damping, tol, max_iter)
        for first in range(0, len(images), ROWS)
    ]
    return FixedPoint(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _picard(
    encoder: MLP, decoder: MLP, images: Array, damping: float, tol: float, max_iter: int
) -> FixedPoint:
    targets = forward(encoder, images)
    points, residuals = targets.copy(), np.empty_like(targets[:, 0])
    iterations, active = np.zeros(len(images), np.int64), np.arange(len(images))
    for iteration in range(max_iter + 1):
        corrections = targets[active] - forward(encoder, forward(decoder, points[active]))
        residuals[active] = np.linalg.norm(corrections, axis=1)
        goes_on = (residuals[active] > tol) & (np.abs(points[active]).max(axis=1) < LOST)
        active = active[goes_on]
        if iteration == max_iter or not len(active):
            break
        points[active] += damping * corrections[goes_on]
        iterations[active] += 1
    return FixedPoint(points, residuals, residuals <= tol, iterations)


def contraction_norms(
    encoder: MLP, decoder: MLP, points: ArrayLike, *, damping: float = 1.0
) -> Array:
    """Return how much the map of :func:`fixed_point` can stretch a small step at each point.

    It is the largest singular value of ``I - damping * J``, with the Jacobian J of E after D.
    Below 1 the map pulls neighbours together. Banach's theorem asks for one number below 1 on
    the whole plane; the map over the plane shows where that fails. Equation ``eq-contraction``
    of the chapter *Inverting the decoder*. Source: thesis, section 2.2.

    Parameters
    ----------
    encoder, decoder, damping
        As for :func:`fixed_point`.
    points : array_like of shape (n, d)

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If the networks or the points do not fit, or `damping` is not above 0.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> encoder = MLP([[[0.5, 0.0], [0.0, 0.25]]], [[0.0, 0.0]], "linear")
    >>> decoder = MLP([np.eye(2)], [[0.0, 0.0]], "linear")
    >>> contraction_norms(encoder, decoder, [[1.0, 2.0]])
    array([0.75])
    """
    _check_pair(encoder, decoder)
    points, damping = as_matrix(points, "points"), as_positive_real(damping, "damping")
    eye, norms = np.eye(decoder.n_inputs), []
    for first in range(0, len(points), ROWS):
        outputs, columns = linearize(decoder, points[first : first + ROWS])
        _, rows = push_forward(encoder, outputs, columns.swapaxes(1, 2))
        norms.append(np.linalg.norm(eye - damping * rows, ord=2, axis=(1, 2)))
    return np.concatenate(norms)


def _checked(encoder: MLP, decoder: MLP, images: ArrayLike) -> Array:
    _check_pair(encoder, decoder)
    images = as_matrix(images, "images").astype(encoder.dtype, copy=False)
    if images.shape[1] != encoder.n_inputs:
        expected = f"{encoder.n_inputs} pixels, as the encoder takes"
        raise ValueError(message("images", expected, f"shape {images.shape}"))
    return images


def _check_pair(encoder: MLP, decoder: MLP) -> None:
    """Raise unless each network takes what the other one gives."""
    for network, name in ((encoder, "encoder"), (decoder, "decoder")):
        if not isinstance(network, MLP):
            raise TypeError(message(name, "an MLP", f"{network!r:.50}"))
    if (encoder.n_inputs, encoder.n_outputs) != (decoder.n_outputs, decoder.n_inputs):
        expected = f"{decoder.n_outputs} inputs and {decoder.n_inputs} outputs, for this decoder"
        raise ValueError(message("encoder", expected, (encoder.n_inputs, encoder.n_outputs)))
