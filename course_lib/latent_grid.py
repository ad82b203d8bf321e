"""Inversion by a table of the latent plane: all basins, where a descent sees only its own.

Chapter *Inverting the decoder*. The plane has two dimensions, so it can be tabulated: decode
a fine grid once, for all images. Then an image is looked up in three steps.

1. Its losses on every third node in both directions are one matrix product: keep the lowest
   local minima.
2. Around each of them, compare it with the fine nodes too: keep the lowest.
3. Lay a parabola through the losses of the lowest node and its eight neighbours. Its minimum
   is where BFGS starts, and its second derivatives are the first matrix of BFGS.

Decoded images fill few of their 784 dimensions. So the table holds their first principal
components, and the images are projected on the same ones: a third of the numbers, and nearly
all of each loss. The last step works with the decoder itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_matrix, as_positive_int, as_positive_real, message
from course_lib.decoder import MLP, forward
from course_lib.latent_newton import bfgs, positive_inverse
from course_lib.reconstruction import Descent, as_problem, reconstruct

__all__ = ["GridStarts", "LatentGrid", "grid_starts", "latent_grid", "tabulated_bfgs"]

Array = NDArray[np.floating]
Index = NDArray[np.intp]

HALF_WIDTH = 4.0  # of the square: the points of a VAE are nearly standard normal
N_COARSE = 81  # nodes along a side
STRIDE = 3  # a coarse node is every third node
WINDOW = 2 * STRIDE + 1  # fine nodes along a side, from one coarse node to the next but one
N_COMPONENTS = 256
N_MINIMA = 5
NEARLY_BEST = 1.15  # times the loss of the best coarse node: higher minima are not looked at
ROWS = 250  # images at a time: their losses on all coarse nodes stay in the cache
TOL = 1e-4  # of BFGS, which starts nearly at the minimum
LAST_TOL = 1e-8  # where BFGS does not leave the encoder's point: a small gain is a gain too
FAR = 0.3  # from the encoder's point: a descent from there may have found another basin


@dataclass(frozen=True, eq=False)
class LatentGrid:
    """Decoded nodes of a square grid, ready to be compared with images.

    Attributes
    ----------
    axis : ndarray of shape (G,)
        Coordinates of the nodes, the same along both sides.
    table : ndarray of shape (G, G, k + 1)
        For a decoded node, as a difference from the mean: minus twice its k principal
        components, and its squared length.
    mean : ndarray of shape (n_outputs,)
        Of the decoded coarse nodes.
    components : ndarray of shape (n_outputs, k)
        Directions of the principal components.
    """

    axis: Array
    table: Array
    mean: Array
    components: Array

    @property
    def evaluations(self) -> int:
        """Passes through the decoder: all nodes, and first the coarse ones for the components."""
        return len(self.axis) ** 2 + len(self.axis[::STRIDE]) ** 2

    def queries(self, images: Array) -> tuple[Array, Array]:
        """Return q and s of each image: its loss at a node is about ``table[node] @ q + s``."""
        centred = images - self.mean
        ones = np.ones((len(images), 1), dtype=centred.dtype)
        return np.hstack([centred @ self.components, ones]), np.einsum("np,np->n", centred, centred)


class GridStarts(NamedTuple):
    """Where BFGS starts, and with which second derivatives."""

    points: Array  # (n, 2)
    hessians: Array  # (n, 2, 2)


def latent_grid(
    decoder: MLP,
    *,
    half_width: float = HALF_WIDTH,
    n_coarse: int = N_COARSE,
    n_components: int = N_COMPONENTS,
) -> LatentGrid:
    """Tabulate a decoder on the square from ``-half_width`` to ``half_width``.

    Expanding the square of the distance of an image z to a decoded node d shows what to keep of
    the node: ``-2 d . z + d . d``, and the rest, ``z . z``, belongs to the image. Equation
    ``eq-latent-table`` of the chapter *Inverting the decoder*.

    Parameters
    ----------
    decoder : MLP
        With two inputs.
    half_width : float
        Half the side of the square, above 0.
    n_coarse : int
        Coarse nodes along a side, at least 3; there are three times as many fine ones.
    n_components : int
        Principal components that are kept; all, if there are no more.

    Returns
    -------
    LatentGrid

    Raises
    ------
    ValueError
        If the decoder has not two inputs, or a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> grid = latent_grid(MLP([np.eye(2)], [np.zeros(2)], "linear"), n_coarse=11)
    >>> grid.table.shape, grid.evaluations
    ((31, 31, 3), 1082)
    """
    _check_plane(decoder)
    half_width = as_positive_real(half_width, "half_width")
    n_coarse = as_positive_int(n_coarse, "n_coarse")
    if n_coarse < 3:
        raise ValueError(message("n_coarse", "an integer of at least 3", n_coarse))
    n_components = as_positive_int(n_components, "n_components")
    n_fine = STRIDE * (n_coarse - 1) + 1
    axis = np.linspace(-half_width, half_width, n_fine, dtype=decoder.dtype)
    coarse = np.concatenate(list(_decoded_lines(decoder, axis[::STRIDE])))
    mean, components = _principal_components(coarse, n_components)
    table = np.empty((n_fine, n_fine, components.shape[1] + 1), decoder.dtype)
    for line, decoded in zip(table, _decoded_lines(decoder, axis), strict=True):
        decoded -= mean
        line[:, :-1] = -2 * decoded @ components
        line[:, -1] = np.einsum("gp,gp->g", decoded, decoded)
    return LatentGrid(axis, table, mean, components)


def _check_plane(decoder: MLP) -> None:
    if not isinstance(decoder, MLP):
        raise TypeError(message("decoder", "an MLP", f"{decoder!r:.50}"))
    if decoder.n_inputs != 2:
        raise ValueError(message("decoder", "2 inputs: a table needs a plane", decoder.n_inputs))


def _decoded_lines(decoder: MLP, axis: Array) -> Iterator[Array]:
    """Decode a grid line by line: the whole would fill hundreds of megabytes."""
    for x in axis:
        yield forward(decoder, np.column_stack([np.full_like(axis, x), axis]))


def _principal_components(rows: Array, k: int) -> tuple[Array, Array]:
    """Return the mean of the rows, and the k directions in which they differ most."""
    mean = rows.mean(axis=0)
    rows = rows - mean
    _, directions = np.linalg.eigh(rows.T @ rows)  # the smallest comes first
    return mean, np.ascontiguousarray(directions[:, ::-1][:, :k])


def grid_starts(grid: LatentGrid, images: ArrayLike) -> GridStarts:
    """Return the lowest place of the table for each image, and how its loss bends there.

    Chapter *Inverting the decoder*.

    Parameters
    ----------
    grid : LatentGrid
    images : array_like of shape (n, n_outputs)

    Returns
    -------
    GridStarts
        ``points`` (n, 2) and ``hessians`` (n, 2, 2).

    Raises
    ------
    ValueError
        If the images do not fit the grid, or are not finite.
    TypeError
        If `grid` is no :class:`LatentGrid`, or `images` holds no numbers.

    Examples
    --------
    >>> grid = latent_grid(MLP([np.eye(2)], [np.zeros(2)], "linear"))
    >>> points, hessians = grid_starts(grid, [[0.312, -1.001]])
    >>> points.round(4), np.linalg.det(hessians).round(4)
    (array([[ 0.312, -1.001]]), array([4.]))
    """
    if not isinstance(grid, LatentGrid):
        raise TypeError(message("grid", "what latent_grid returns", f"{grid!r:.50}"))
    images = as_matrix(images, "images").astype(grid.table.dtype, copy=False)
    if images.shape[1] != len(grid.mean):
        raise ValueError(message("images", f"{len(grid.mean)} pixels as the grid", images.shape))
    coarse = grid.table[::STRIDE, ::STRIDE]
    columns = np.ascontiguousarray(coarse.reshape(-1, coarse.shape[2]).T)
    parts = [
        _look_up(grid, columns, images[first : first + ROWS])
        for first in range(0, len(images), ROWS)
    ]
    return GridStarts(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _look_up(grid: LatentGrid, coarse_columns: Array, images: Array) -> GridStarts:
    queries, squares = grid.queries(images)
    losses = queries @ coarse_columns + squares[:, np.newaxis]
    side = len(grid.axis[::STRIDE])
    rows, nodes = _lowest_minima(losses.reshape(-1, side, side))
    # A window goes from the coarse node before to the one after, and stays inside.
    corners = np.clip(STRIDE * (nodes - 1), 0, len(grid.axis) - WINDOW)
    lines, columns = corners.T[..., np.newaxis] + np.arange(WINDOW)
    windows = grid.table[lines[:, :, np.newaxis], columns[:, np.newaxis]]
    losses = np.einsum("mijk,mk->mij", windows, queries[rows]).reshape(len(rows), -1)
    losses += squares[rows, np.newaxis]
    best = _first_of_each_row(rows, losses.min(axis=1))
    return _parabola_minima(grid.axis, corners[best], losses[best])


def _lowest_minima(losses: Array) -> tuple[Index, Index]:
    """Return the row and the node (i, j) of the lowest local minima of each (n, C, C) sheet."""
    lowest = np.flatnonzero(losses == _neighbourhood_minimum(losses))
    values = losses.ravel()[lowest]
    rows, i, j = np.unravel_index(lowest, losses.shape)
    order = np.lexsort((values, rows))
    rows, values, nodes = rows[order], values[order], np.stack([i, j], axis=1)[order]
    _, first, counts = np.unique(rows, return_index=True, return_counts=True)
    rank = np.arange(len(rows)) - np.repeat(first, counts)
    best = np.repeat(values[first], counts)
    kept = (rank == 0) | ((rank < N_MINIMA) & (values <= NEARLY_BEST * best))
    return rows[kept], nodes[kept]


def _neighbourhood_minimum(sheets: Array) -> Array:
    """Return the smallest of each node and its eight neighbours: along one axis, then the other."""
    across = sheets.copy()
    np.minimum(across[:, :, 1:], sheets[:, :, :-1], out=across[:, :, 1:])
    np.minimum(across[:, :, :-1], sheets[:, :, 1:], out=across[:, :, :-1])
    both = across.copy()
    np.minimum(both[:, 1:], across[:, :-1], out=both[:, 1:])
    np.minimum(both[:, :-1], across[:, 1:], out=both[:, :-1])
    return both


def _first_of_each_row(rows: Index, values: Array) -> Index:
    """Return the position of the smallest value of each row number."""
    order = np.lexsort((values, rows))
    return order[np.unique(rows[order], return_index=True)[1]]


def _parabola_minima(axis: Array, corners: Index, losses: Array) -> GridStarts:
    """Fit a parabola to the lowest node of each window and its neighbours, by least squares.

    Return its minimum and its Hessian; where it shows no valley, its lowest node. Positions are
    counted in steps of the grid from the middle one of the nine nodes.
    """
    middles = np.stack(np.divmod(losses.argmin(axis=1), WINDOW), axis=1).clip(1, WINDOW - 2)
    lines, columns = middles.T[..., np.newaxis] + np.arange(-1, 2)
    windows = np.arange(len(losses))[:, np.newaxis, np.newaxis]
    sheets = losses.reshape(-1, WINDOW, WINDOW)
    nine = sheets[windows, lines[:, :, np.newaxis], columns[:, np.newaxis]].reshape(-1, 9)
    u, v = np.indices((3, 3)).reshape(2, -1) - 1
    design = np.stack([np.ones_like(u), u, v, u * u / 2, u * v, v * v / 2], axis=1)
    nodes = np.stack([u, v], axis=1).astype(losses.dtype)[nine.argmin(axis=1)]
    # Small numbers keep their digits: the fit is of what stands above the lowest node.
    heights = nine - nine.min(axis=1, keepdims=True)
    fit = heights @ np.linalg.pinv(design).T.astype(losses.dtype)
    slopes, hessians = fit[:, 1:3], fit[:, [3, 4, 4, 5]].reshape(-1, 2, 2)
    vertices = -np.einsum("nij,nj->ni", positive_inverse(hessians), slopes)
    valley = np.linalg.eigvalsh(hessians)[:, :1] > 0
    near = np.where(valley, vertices, nodes).clip(-2, 2)  # at most one node beside the nine
    step = axis[1] - axis[0]
    return GridStarts(axis[corners + middles] + step * near, hessians / step**2)


def tabulated_bfgs(
    decoder: MLP, images: Array, start: Array, *, grid: LatentGrid, tol: float = TOL
) -> Descent:
    """Look each image up in the table, and refine by BFGS; never worse than the start.

    Where the result is far from the encoder's point, or no better, a descent from that
    point is done as well, and the lower of the two is kept; a longer one where even that is
    no better.

    Parameters
    ----------
    decoder, images, start
        As for :func:`course_lib.inversion.invert`.
    grid : LatentGrid
        Table of this decoder.
    tol : float
        As for :func:`course_lib.latent_newton.bfgs`.

    Returns
    -------
    Descent
    """
    images, start = as_problem(decoder, images, start)
    starts = grid_starts(grid, images)
    found = bfgs(decoder, images, starts.points, hessians=starts.hessians, tol=tol)
    start_losses = reconstruct(decoder, start, images).losses
    found = found._replace(start_losses=start_losses, evaluations=found.evaluations + 1)
    moved = np.linalg.norm(found.points - start, axis=1)
    again = np.flatnonzero((moved > FAR) | (found.losses >= start_losses))
    if len(again):
        _keep_the_lower(found, again, bfgs(decoder, images[again], start[again], tol=tol))
    still = np.flatnonzero(found.losses >= start_losses)
    if len(still):
        local = bfgs(decoder, images[still], start[still], tol=LAST_TOL)
        _keep_the_lower(found, still, local)
    return found


def _keep_the_lower(found: Descent, rows: Index, local: Descent) -> None:
    """Put the results of the second descent where they are lower, and add up the work."""
    found.evaluations[rows] += local.evaluations
    lower = local.losses < found.losses[rows]
    for ours, theirs in (
        (found.points, local.points),
        (found.losses, local.losses),
        (found.converged, local.converged),
    ):
        ours[rows[lower]] = theirs[lower]
