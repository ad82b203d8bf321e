"""Inverting a decoder: the point of the latent plane whose decoded image is nearest.

Chapter *Inverting the decoder*. An encoder guesses that point in one go; here the guess is
the start of a search. :func:`invert` is the one way in, and `METHODS` the table of what it
can do: each method is a function of its own module.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_positive_int, as_vector, message, same_length
from course_lib.decoder import MLP
from course_lib.latent_descent import adafactor, adam
from course_lib.latent_grid import LatentGrid, latent_grid, tabulated_bfgs
from course_lib.latent_newton import bfgs, lm
from course_lib.reconstruction import Descent, as_problem

__all__ = ["METHODS", "Inversion", "invert", "relative_gains"]

Array = NDArray[np.floating]

METHODS = {
    "adafactor": adafactor,  # the source's
    "adam": adam,
    "bfgs": bfgs,
    "lm": lm,
    "global": tabulated_bfgs,
}
CHUNK = 1000  # images at a time: what the decoder computes for them stays in the cache


@dataclass(frozen=True, eq=False)
class Inversion:
    """What an inversion found, image by image.

    Attributes
    ----------
    points : ndarray of shape (n, d)
        Found points of the latent space.
    losses, start_losses : ndarray of shape (n,)
        Squared distance of the decoded point to the image, at the end and at the start.
    gains : ndarray of shape (n,)
        Relative change of the loss, as :func:`relative_gains` returns it: below 0 where
        the end is better.
    converged : ndarray of bool of shape (n,)
        Whether a further step promises next to nothing.
    evaluations : ndarray of shape (n,)
        Work, in passes of one point through the decoder. A pass backward, or of one
        tangent forward, counts as one too.
    message : str
        How it ended, in words.
    """

    points: Array
    losses: Array
    start_losses: Array
    gains: Array
    converged: NDArray[np.bool_]
    evaluations: Array
    message: str


def invert(
    decoder: MLP,
    images: ArrayLike,
    start: ArrayLike,
    *,
    method: str = "global",
    chunk: int = CHUNK,
    grid: LatentGrid | None = None,
    **settings: Any,
) -> Inversion:
    """Find, for each image, the point whose decoded image is nearest.

    Each image is a problem of its own: the result does not depend on the images beside it. All
    is computed in the type of the decoder. Equation ``eq-inversion`` of the chapter *Inverting
    the decoder*. Source: thesis, sections 2.3.3 and 3.2, whose method is ``"adafactor"``.

    ===========  =============================================================  ============
    method       what it does                                                   settings
    ===========  =============================================================  ============
    adafactor    the source: 150 steps of :class:`RowAdafactor`                 steps,
                                                                                learning_rate
    adam         150 steps of Adam                                              steps,
                                                                                learning_rate
    bfgs         quasi-Newton with a line search                                tol,
                                                                                max_trials
    lm           Levenberg-Marquardt, with the Jacobian of the decoder          tol,
                                                                                max_trials
    global       a table of the plane, then ``bfgs``: two latent dimensions     tol
    ===========  =============================================================  ============

    Parameters
    ----------
    decoder : MLP
    images : array_like of shape (n, n_outputs)
        Targets, pixels as rows.
    start : array_like of shape (n, d)
        Where the search starts: the encoder's points.
    method : {"global", "adafactor", "adam", "bfgs", "lm"}
    chunk : int
        Images that are worked on together. It bounds the memory and changes no result.
    grid : LatentGrid, optional
        For ``"global"``: a table of this decoder to use again. Left out, it is computed,
        and its evaluations are shared among the images.
    **settings
        Numbers that steer the method, as in the table.

    Returns
    -------
    Inversion

    Raises
    ------
    ValueError
        If the method is unknown, a shape does not fit, or a number is out of range.
    TypeError
        If an argument is of the wrong kind, or the method has no such setting.

    Examples
    --------
    >>> decoder = MLP([[[1.0, 0.0, 2.0], [0.0, 1.0, 2.0]]], [np.zeros(3)], "linear")
    >>> found = invert(decoder, [[1.0, -1.0, 0.0]], [[0.5, 0.0]], method="bfgs")
    >>> found.points.round(6), found.start_losses
    (array([[ 1., -1.]]), array([2.25]))
    >>> found.message
    'bfgs: 1 of 1 images converged'
    """
    images, start = as_problem(decoder, images, start)
    if method not in METHODS:
        raise ValueError(message("method", " or ".join(METHODS), repr(method)))
    chunk = as_positive_int(chunk, "chunk")
    cost_of_grid = 0
    if method == "global":
        if grid is None:
            grid = latent_grid(decoder)
            cost_of_grid = grid.evaluations
        settings = {**settings, "grid": _fitting(grid, decoder)}
    elif grid is not None:
        raise ValueError(message("grid", "no grid with another method than global", repr(method)))
    parts = [
        METHODS[method](decoder, images[rows], start[rows], **settings)
        for rows in _chunks(len(images), chunk)
    ]
    return _inversion(parts, cost_of_grid / len(images), method)


def relative_gains(losses: ArrayLike, start_losses: ArrayLike) -> Array:
    """Return the change of each loss as a share of the first one: -0.05 is 5 % better.

    Equation ``eq-relative-gain`` of the chapter *Inverting the decoder*. Source: thesis,
    section 3.3.2, delta, which is a hundred times this.

    Parameters
    ----------
    losses, start_losses : array_like of shape (n,)
        Of at least 0, after and before.

    Returns
    -------
    ndarray of shape (n,)
        0 where a loss was 0 and stayed so.

    Raises
    ------
    ValueError
        If the lengths differ, or a loss is negative, not finite, or rose from 0.
    TypeError
        If a loss is no number.

    Examples
    --------
    >>> relative_gains([34.66], [36.8]).round(4)
    array([-0.0582])
    """
    after, before = as_vector(losses, "losses"), as_vector(start_losses, "start_losses")
    same_length(before, after, "start_losses", "losses")
    for values, name in ((after, "losses"), (before, "start_losses")):
        if values.min() < 0:
            raise ValueError(message(name, "numbers of at least 0", values.min()))
    if (after[before == 0] > 0).any():
        raise ValueError(
            message("losses", "0 where the loss was 0 before", after[before == 0].max())
        )
    return (after - before) / np.where(before > 0, before, 1)


def _fitting(grid: LatentGrid, decoder: MLP) -> LatentGrid:
    if not isinstance(grid, LatentGrid):
        raise TypeError(message("grid", "what latent_grid returns", f"{grid!r:.50}"))
    if len(grid.mean) != decoder.n_outputs or grid.table.dtype != decoder.dtype:
        expected = f"a table of this decoder, of {decoder.n_outputs} pixels in {decoder.dtype}"
        raise ValueError(message("grid", expected, f"{len(grid.mean)} in {grid.table.dtype}"))
    return grid


def _chunks(n: int, size: int) -> Iterator[slice]:
    return (slice(first, first + size) for first in range(0, n, size))


def _inversion(parts: list[Descent], cost_of_grid: float, method: str) -> Inversion:
    found = Descent(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    return Inversion(
        found.points,
        found.losses,
        found.start_losses,
        relative_gains(found.losses, found.start_losses),
        found.converged,
        found.evaluations + cost_of_grid,
        f"{method}: {found.converged.sum()} of {len(found.converged)} images converged",
    )
