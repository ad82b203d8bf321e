"""Completing an image of which some pixels are lost: a small inversion of the decoder.

Chapter *Autoencoders and the VAE*. An encoder cannot read half an image. The decoder can be
asked instead: which point gives the pixels that are known? Its other pixels are the
completion. The decoder of the known pixels only is a smaller network, so nothing new is
needed: the errors on a grid of the latent plane show where to begin, and a search in ever
smaller steps goes on from there. The chapter *Inverting the decoder* has faster searches.
"""

import reprlib
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_matrix, message
from course_lib.decoder import MLP, forward, select_outputs

__all__ = ["Completion", "complete"]

Array = NDArray[np.floating]

HALF_WIDTH = 5.0  # of the square that is searched: nearly all points of a VAE lie in it
SPACING = 0.1  # of its grid
# To stay, or to go to one of eight neighbours. The first one wins a tie.
MOVES = np.array([(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)])
N_ROUNDS = 40


class Completion(NamedTuple):
    """The point that fits the known pixels of each image, and the image decoded from it."""

    points: Array  # (n, 2)
    losses: Array  # (n,): squared error, summed over the known pixels
    images: Array  # (n, n_outputs): all pixels


def complete(decoder: MLP, images: ArrayLike, known: ArrayLike) -> Completion:
    """Find the latent point whose decoded image is nearest to each image on its known pixels.

    Equation ``eq-completion`` of the chapter *Autoencoders and the VAE*. Source: thesis,
    section 1.2, which names the problem and leaves it there.

    Parameters
    ----------
    decoder : MLP
        From the latent plane to pixels.
    images : array_like of shape (n, n_outputs)
        What the pixels that are not known hold does not matter, if it is finite.
    known : array_like of bool of shape (n_outputs,)
        The pixels to go by, the same for all images.

    Returns
    -------
    Completion
        ``points`` (n, 2), ``losses`` (n,) and ``images`` (n, n_outputs).

    Raises
    ------
    ValueError
        If no pixel is known, a shape does not fit, the points of the decoder have not two
        coordinates, or a pixel is not finite.
    TypeError
        If `decoder` is no MLP, `images` holds no numbers, or `known` no booleans.

    Examples
    --------
    >>> decoder = MLP([np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 2.0]])], [np.zeros(3)], "linear")
    >>> complete(decoder, [[1.2, 0.5, 0.0]], [True, True, False]).images.round(3)
    array([[1.2, 0.5, 3.4]])
    """
    known = _as_known(_as_plane_decoder(decoder), known)
    known_decoder = select_outputs(decoder, known)
    images = as_matrix(images, "images").astype(decoder.dtype, copy=False)
    if images.shape[1] != decoder.n_outputs:
        expected = f"shape (n, {decoder.n_outputs})"
        raise ValueError(message("images", expected, f"shape {images.shape}"))
    targets = images[:, known]
    points, losses = _search(known_decoder, _nearest_nodes(known_decoder, targets), targets)
    return Completion(points, losses, forward(decoder, points))


def _nearest_nodes(decoder: MLP, targets: Array) -> Array:
    """Return the node of the grid whose decoded pixels are nearest to each target."""
    axis = np.linspace(-HALF_WIDTH, HALF_WIDTH, round(2 * HALF_WIDTH / SPACING) + 1)
    nodes = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    decoded = forward(decoder, nodes)
    # |t - d|^2 without |t|^2, which is the same at all nodes: all of them in one product.
    losses = np.square(decoded).sum(axis=1) - 2 * targets @ decoded.T
    return nodes[losses.argmin(axis=1)]


def _search(decoder: MLP, points: Array, targets: Array) -> tuple[Array, Array]:
    """Go to the best neighbour as long as there is one, then look closer by."""
    n = np.arange(len(points))
    steps = np.full(len(points), SPACING / 2)
    for _ in range(N_ROUNDS):
        trials = points[:, np.newaxis] + steps[:, np.newaxis, np.newaxis] * MOVES
        decoded = forward(decoder, trials.reshape(-1, 2)).reshape(len(n), len(MOVES), -1)
        losses = np.square(decoded - targets[:, np.newaxis]).sum(axis=2)
        best = losses.argmin(axis=1)
        points = trials[n, best]
        steps = np.where(best == 0, steps / 2, steps)
    return points, losses[n, best]


def _as_plane_decoder(decoder: MLP) -> MLP:
    if not isinstance(decoder, MLP):
        raise TypeError(message("decoder", "an MLP", reprlib.repr(decoder)))
    if decoder.n_inputs != 2:
        expected = "a network of points with 2 coordinates"
        raise ValueError(message("decoder", expected, decoder.n_inputs))
    return decoder


def _as_known(decoder: MLP, known: ArrayLike) -> NDArray[np.bool_]:
    known = np.asarray(known)
    if known.dtype.kind != "b":
        raise TypeError(message("known", "booleans, one for each pixel", known.dtype))
    if known.shape != (decoder.n_outputs,):
        raise ValueError(message("known", f"shape ({decoder.n_outputs},)", f"shape {known.shape}"))
    if not known.any():
        raise ValueError(message("known", "one known pixel or more", "none"))
    return known
