"""How far decoded points are from their images, and how that changes when a point moves.

Chapter *Inverting the decoder*. All methods of :mod:`course_lib.inversion` stand on this
module. It counts their work in evaluations: one is a pass of one point through the decoder.
A loss costs one, its gradient one more (the same products, backward), the gradient together
with the Gauss-Newton matrix one more for each latent coordinate.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_matrix, message, same_length
from course_lib.decoder import MLP, layer_outputs, layer_slope

__all__ = ["Descent", "Reconstruction", "as_problem", "reconstruct"]

Array = NDArray[np.floating]
Rows = NDArray[np.bool_] | NDArray[np.intp]


class Descent(NamedTuple):
    """What a method found, image by image."""

    points: Array  # (n, d)
    losses: Array  # (n,)
    start_losses: Array  # (n,)
    converged: NDArray[np.bool_]  # (n,)
    evaluations: Array  # (n,)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Decoded points beside their images, as :func:`reconstruct` returns them.

    It keeps what the derivatives need of the pass through the decoder, so that nobody pays
    for a derivative at a point that is given up.

    Attributes
    ----------
    losses : ndarray of shape (n,)
        Squared distance of each decoded point to its image, summed over the pixels.
    """

    decoder: MLP
    losses: Array
    residuals: Array  # (n, n_outputs): decoded point minus image
    slopes: tuple[NDArray, ...]  # of the activations of each layer, (n, n_out)

    def rows(self, kept: Rows) -> "Reconstruction":
        """Return the reconstruction of some of the points.

        Parameters
        ----------
        kept : ndarray of bool of shape (n,), or of int

        Returns
        -------
        Reconstruction
        """
        slopes = tuple(slope[kept] for slope in self.slopes)
        losses, residuals = self.losses[kept], self.residuals[kept]
        return replace(self, losses=losses, residuals=residuals, slopes=slopes)

    def gradients(self) -> Array:
        """Return the gradient of each loss by its point: one evaluation.

        Returns
        -------
        ndarray of shape (n, n_inputs)
        """
        delta = 2 * self.residuals
        for slope, weights in zip(self.slopes[::-1], self.decoder.weights[::-1], strict=True):
            delta *= slope
            delta = delta @ weights.T
        return delta

    def gauss_newton(self) -> tuple[Array, Array]:
        """Return the gradients and the Gauss-Newton matrices: an evaluation by coordinate.

        With the Jacobian J of the decoder and the residual r, they are 2 Jᵀ r and 2 Jᵀ J:
        what the loss would have if the decoder were linear.

        Returns
        -------
        gradients : ndarray of shape (n, n_inputs)
        matrices : ndarray of shape (n, n_inputs, n_inputs)
        """
        n, d = len(self.losses), self.decoder.n_inputs
        tangents = np.tile(np.eye(d, dtype=self.decoder.dtype), (n, 1))
        for slope, weights in zip(self.slopes, self.decoder.weights, strict=True):
            # One product for the tangents of all points, which lie below each other.
            tangents = (tangents @ weights).reshape(n, d, -1)
            tangents *= slope[:, np.newaxis]
            tangents = tangents.reshape(n * d, -1)
        columns = tangents.reshape(n, d, -1)  # of the Jacobian, as rows
        gradients = 2 * np.einsum("nip,np->ni", columns, self.residuals)
        return gradients, 2 * np.einsum("nip,njp->nij", columns, columns)


def reconstruct(decoder: MLP, points: ArrayLike, images: ArrayLike) -> Reconstruction:
    """Decode points and compare them with their images: one evaluation.

    The source minimises the same sum of squares. Equation ``eq-inversion`` of the chapter
    *Inverting the decoder*. Source: thesis, section 2.3.3.

    Parameters
    ----------
    decoder : MLP
    points : array_like of shape (n, n_inputs)
        Points of the latent space.
    images : array_like of shape (n, n_outputs)
        Target of each point, pixels as rows.

    Returns
    -------
    Reconstruction

    Raises
    ------
    ValueError
        If a shape does not fit the decoder, or an array is empty or not finite.
    TypeError
        If `decoder` is no :class:`~course_lib.decoder.MLP`, or an array holds no numbers.

    Examples
    --------
    >>> decoder = MLP([[[1.0, 0.0], [0.0, 2.0]]], [[0.0, 0.0]], "linear")
    >>> seen = reconstruct(decoder, [[1.0, 1.0]], [[0.0, 0.0]])
    >>> seen.losses, seen.gradients()
    (array([5.]), array([[2., 8.]]))
    >>> seen.gauss_newton()[1]
    array([[[2., 0.],
            [0., 8.]]])
    """
    images, points = as_problem(decoder, images, points, name="points")
    activations = layer_outputs(decoder, points)
    slopes = tuple(layer_slope(decoder, layer, a) for layer, a in enumerate(activations) if layer)
    residuals = activations[-1] - images
    return Reconstruction(decoder, np.einsum("np,np->n", residuals, residuals), residuals, slopes)


def as_problem(
    decoder: MLP, images: ArrayLike, start: ArrayLike, *, name: str = "start"
) -> tuple[Array, Array]:
    """Return images and starting points in the type of the decoder, if they fit it.

    Parameters
    ----------
    decoder : MLP
    images : array_like of shape (n, n_outputs)
    start : array_like of shape (n, n_inputs)
    name : str
        What the caller calls the points, for the message.

    Returns
    -------
    images, start : ndarray

    Raises
    ------
    ValueError
        If a shape does not fit, or an array is empty or not finite.
    TypeError
        If `decoder` is no :class:`~course_lib.decoder.MLP`, or an array holds no numbers.

    Examples
    --------
    >>> as_problem(MLP([[[1.0, 2.0]]], [[0.0, 0.0]]), [[1, 0]], [[3]])
    (array([[1., 0.]]), array([[3.]]))
    """
    if not isinstance(decoder, MLP):
        raise TypeError(message("decoder", "an MLP", f"{decoder!r:.50}"))
    images = as_matrix(images, "images").astype(decoder.dtype, copy=False)
    start = as_matrix(start, name).astype(decoder.dtype, copy=False)
    for rows, argument, width in (
        (images, "images", decoder.n_outputs),
        (start, name, decoder.n_inputs),
    ):
        if rows.shape[1] != width:
            raise ValueError(message(argument, f"shape (n, {width})", f"shape {rows.shape}"))
    same_length(images, start, "images", name)
    return images, start
