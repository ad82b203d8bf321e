"""A trained decoder or encoder in NumPy: its values, its Jacobian, the gradient of its error.

Chapter *Inverting the decoder*. Points of the latent plane are rows. The networks of the
VAE are stacks of Dense layers with ReLU between them, so a few matrix products give all
that an inversion asks for, exactly, and for many points at once:

- :func:`forward` costs one evaluation of the network for each point,
- :func:`loss_gradient` two: the errors forward, their derivatives backward,
- :func:`linearize` one, and one more for each latent coordinate.

Products with some hundreds of rows at a time are the fastest: what they need then stays in
the processor's cache. Callers that have more points cut them into such pieces.
"""

import os
import reprlib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_array, as_matrix, as_vector, message, same_length
from course_lib.activations import identity, sigmoid

if TYPE_CHECKING:
    import keras

__all__ = [
    "MLP",
    "forward",
    "from_keras",
    "jacobian",
    "linearize",
    "load",
    "loss_gradient",
    "push_forward",
    "save",
    "select_outputs",
]

# The encoder and the decoder of a small VAE, trained on MNIST by benchmarks/train_vae.py.
SHIPPED = Path(__file__).parent / "weights" / "vae_small.npz"

Array = NDArray[np.floating]

OUTPUTS = {"sigmoid": sigmoid.function, "linear": identity.function}
WITHOUT_WEIGHTS = ("InputLayer", "Flatten", "Reshape")  # of Keras: rows stay what they are
FILE_TYPES = ("float16", "float32")
# What NumPy and zipfile raise for a damaged file, one byte of which may be any other.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
    *(KeyError, RuntimeError, TypeError, ValueError),
)


@dataclass(frozen=True, eq=False)
class MLP:
    """Dense layers with ReLU between them; an image is a row of its output.

    All arrays have one type, in which everything is computed: float64 when one of them is
    float64, and float32 otherwise.

    Parameters
    ----------
    weights : sequence of array_like of shape (n_in, n_out)
        One for each layer, as in Keras.
    biases : sequence of array_like of shape (n_out,)
    output : {"sigmoid", "linear"}
        Activation after the last layer.

    Raises
    ------
    ValueError
        If there is no layer, the shapes do not fit together, or `output` is unknown.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> mlp = MLP([[[1.0, -1.0]], [[2.0], [3.0]]], [[0.0, 0.0], [0.5]], "linear")
    >>> mlp.n_inputs, mlp.n_outputs, mlp.dtype
    (1, 1, dtype('float64'))
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    output: str = "sigmoid"

    def __post_init__(self) -> None:
        weights = [as_matrix(matrix, "weights") for matrix in self.weights]
        biases = [as_vector(vector, "biases") for vector in self.biases]
        _check_layers(weights, biases)
        if self.output not in OUTPUTS:
            raise ValueError(message("output", " or ".join(OUTPUTS), reprlib.repr(self.output)))
        dtype = np.result_type(np.float32, *weights, *biases)
        for name, arrays in {"weights": weights, "biases": biases}.items():
            # A frozen dataclass is filled once, here.
            fixed = tuple(np.ascontiguousarray(array, dtype=dtype) for array in arrays)
            object.__setattr__(self, name, fixed)

    @property
    def n_inputs(self) -> int:
        return len(self.weights[0])

    @property
    def n_outputs(self) -> int:
        return len(self.biases[-1])

    @property
    def dtype(self) -> np.dtype:
        return self.weights[0].dtype


class Linearization(NamedTuple):
    """A network near a point y: ``outputs + jacobian @ step`` approximates it at y + step."""

    outputs: Array  # (n, n_outputs)
    jacobian: Array  # (n, n_outputs, n_inputs)


class Losses(NamedTuple):
    """The error of each image, and its gradient with respect to the point."""

    losses: Array  # (n,)
    gradients: Array  # (n, n_inputs)


def forward(mlp: MLP, points: ArrayLike) -> Array:
    """Return what the network makes of each point.

    Chapter *Inverting the decoder*. Source: thesis, section 3.1, ``decode``.

    Parameters
    ----------
    mlp : MLP
    points : array_like of shape (n, n_inputs)
        Points of the latent plane; for an encoder, images as rows.

    Returns
    -------
    ndarray of shape (n, n_outputs)
        In the type of the network.

    Raises
    ------
    ValueError
        If `points` does not fit the network, is empty or is not finite.
    TypeError
        If `mlp` is no :class:`MLP`, or `points` holds no numbers.

    Examples
    --------
    >>> mlp = MLP([np.eye(2), [[1.0], [1.0]]], [[0.0, 0.0], [0.5]], "linear")
    >>> forward(mlp, [[1.0, 2.0], [1.0, -2.0]])
    array([[3.5],
           [1.5]])
    """
    return layer_outputs(mlp, _as_points(mlp, points))[-1]


def push_forward(mlp: MLP, points: ArrayLike, tangents: ArrayLike) -> tuple[Array, Array]:
    """Return the outputs, and where a small step along each tangent would move them.

    A tangent goes through the layers beside its point: through a Dense layer by the same matrix
    without the bias, through an activation by its derivative at the point. Two networks are
    linked by the chain rule: the tangents that come out of the first one go into the second.
    Equation ``eq-decoder-jacobian`` of the chapter *Inverting the decoder*.

    Parameters
    ----------
    mlp : MLP
    points : array_like of shape (n, n_inputs)
    tangents : array_like of shape (n, n_tangents, n_inputs)

    Returns
    -------
    outputs : ndarray of shape (n, n_outputs)
    tangents : ndarray of shape (n, n_tangents, n_outputs)

    Raises
    ------
    ValueError
        If a shape does not fit, or an array is empty or not finite.
    TypeError
        If `mlp` is no :class:`MLP`, or an array holds no numbers.

    Examples
    --------
    >>> mlp = MLP([[[2.0, -3.0]], [[1.0], [1.0]]], [[0.0, 0.0], [0.0]], "linear")
    >>> push_forward(mlp, [[1.0]], [[[10.0]]])  # the second hidden unit is at rest
    (array([[2.]]), array([[[20.]]]))
    """
    points = _as_points(mlp, points)
    tangents = as_array(tangents, "tangents", ndim=3).astype(mlp.dtype, copy=False)
    n, k, n_inputs = tangents.shape
    if (n, n_inputs) != points.shape:
        expected = f"shape ({len(points)}, n_tangents, {mlp.n_inputs})"
        raise ValueError(message("tangents", expected, f"shape {tangents.shape}"))
    activations = layer_outputs(mlp, points)
    for layer, matrix in enumerate(mlp.weights, start=1):
        # One product for the tangents of all points: n small ones would be many times slower.
        tangents = (tangents.reshape(n * k, -1) @ matrix).reshape(n, k, -1)
        tangents *= layer_slope(mlp, layer, activations[layer])[:, np.newaxis]
    return activations[-1], tangents


def linearize(mlp: MLP, points: ArrayLike) -> Linearization:
    """Return the outputs and the exact Jacobian matrix at each point.

    The columns of the Jacobian are what :func:`push_forward` makes of the unit vectors.
    Equation ``eq-decoder-jacobian`` of the chapter *Inverting the decoder*.

    Parameters
    ----------
    mlp : MLP
    points : array_like of shape (n, n_inputs)

    Returns
    -------
    Linearization
        ``outputs`` (n, n_outputs) and ``jacobian`` (n, n_outputs, n_inputs).

    Raises
    ------
    ValueError
        If `points` does not fit the network, is empty or is not finite.
    TypeError
        If `mlp` is no :class:`MLP`, or `points` holds no numbers.

    Examples
    --------
    >>> mlp = MLP([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], [np.zeros(3)], "linear")
    >>> linearize(mlp, [[1.0, 0.0]]).outputs
    array([[1., 2., 3.]])
    """
    points = _as_points(mlp, points)
    units = np.tile(np.eye(mlp.n_inputs, dtype=mlp.dtype), (len(points), 1, 1))
    outputs, tangents = push_forward(mlp, points, units)
    return Linearization(outputs, tangents.transpose(0, 2, 1))


def jacobian(mlp: MLP, points: ArrayLike) -> Array:
    """Return the Jacobian matrix at each point: derivatives of outputs by coordinates.

    Equation ``eq-decoder-jacobian`` of the chapter *Inverting the decoder*.

    Parameters
    ----------
    mlp : MLP
    points : array_like of shape (n, n_inputs)

    Returns
    -------
    ndarray of shape (n, n_outputs, n_inputs)

    Raises
    ------
    ValueError, TypeError
        As :func:`linearize`, which gives the outputs too, at no further cost.

    Examples
    --------
    >>> mlp = MLP([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], [np.zeros(3)], "linear")
    >>> jacobian(mlp, [[1.0, 0.0]])[0]
    array([[1., 4.],
           [2., 5.],
           [3., 6.]])
    """
    return linearize(mlp, points).jacobian


def loss_gradient(mlp: MLP, points: ArrayLike, images: ArrayLike) -> Losses:
    """Return the squared error of each decoded point, and its gradient by the point.

    The error is summed over the pixels, as the thesis does: its 36.8 is a sum over 784 pixels,
    0.047 for each. The gradient comes from back-propagation, to the point instead of the
    weights. Equation ``eq-inversion-gradient`` of the chapter *Inverting the decoder*. Source:
    thesis, section 2.3.3 and the ``loss`` of section 3.2.

    Parameters
    ----------
    mlp : MLP
    points : array_like of shape (n, n_inputs)
    images : array_like of shape (n, n_outputs)
        Target of each point.

    Returns
    -------
    Losses
        ``losses`` (n,) and ``gradients`` (n, n_inputs).

    Raises
    ------
    ValueError
        If a shape does not fit, or an array is empty or not finite.
    TypeError
        If `mlp` is no :class:`MLP`, or an array holds no numbers.

    Examples
    --------
    >>> mlp = MLP([[[1.0, 2.0]]], [[0.0, 0.0]], "linear")
    >>> losses, gradients = loss_gradient(mlp, [[1.0]], [[0.0, 0.0]])
    >>> losses, gradients
    (array([5.]), array([[10.]]))
    """
    points = _as_points(mlp, points)
    images = as_matrix(images, "images").astype(mlp.dtype, copy=False)
    if images.shape != (len(points), mlp.n_outputs):
        expected = f"shape ({len(points)}, {mlp.n_outputs}), an image for each point"
        raise ValueError(message("images", expected, f"shape {images.shape}"))
    activations = layer_outputs(mlp, points)
    residuals = activations[-1] - images
    losses = np.einsum("ij,ij->i", residuals, residuals)
    delta = 2 * residuals  # dL/da, then through each layer dL/dz and dL/da of the one before
    for layer in range(len(mlp.weights), 0, -1):
        delta *= layer_slope(mlp, layer, activations[layer])
        delta = delta @ mlp.weights[layer - 1].T
    return Losses(losses, delta)


def select_outputs(mlp: MLP, kept: ArrayLike) -> MLP:
    """Return the network that computes only some of the outputs, and is cheaper for it.

    The first half of an encoder's outputs are means, the other half log variances: the
    thesis's E is the first half. A decoder with the known pixels of an image as its outputs
    is what the completion of that image inverts.

    Parameters
    ----------
    mlp : MLP
    kept : array_like of shape (n_kept,) or (n_outputs,)
        Numbers of the outputs, in any order; or a mask of booleans.

    Returns
    -------
    MLP

    Raises
    ------
    ValueError
        If nothing is kept, or `kept` does not fit the outputs.
    TypeError
        If `mlp` is no :class:`MLP`, or `kept` holds neither integers nor booleans.

    Examples
    --------
    >>> mlp = MLP([[[1.0, 2.0, 3.0]]], [[0.0, 0.0, 0.0]], "linear")
    >>> forward(select_outputs(mlp, [True, False, True]), [[1.0]])
    array([[1., 3.]])
    """
    kept = _as_kept(_as_mlp(mlp), kept)
    weights = mlp.weights[:-1] + (mlp.weights[-1][:, kept],)
    return replace(mlp, weights=weights, biases=mlp.biases[:-1] + (mlp.biases[-1][kept],))


def from_keras(model: "keras.Model", *, output: str | None = None) -> MLP:
    """Return the network that computes what a Keras model of Dense layers computes.

    Parameters
    ----------
    model : keras.Sequential
        Of Dense layers; Flatten and Reshape are passed over, for images are rows here. The
        activation is ``relu`` in the hidden layers, ``sigmoid`` or ``linear`` in the last.
    output : {"sigmoid", "linear"}, optional
        Activation after the last layer, in the place of the model's: a decoder that was
        trained on logits decodes with ``"sigmoid"``.

    Returns
    -------
    MLP
        With copies of the weights, in float32.

    Raises
    ------
    ValueError
        If a layer, or its activation, has no counterpart; the message names the layer.
    TypeError
        If `model` has no layers.

    Examples
    --------
    >>> import keras  # doctest: +SKIP
    >>> from_keras(keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]))  # doctest: +SKIP
    """
    if not isinstance(getattr(model, "layers", None), list):
        raise TypeError(message("model", "a model of Keras", reprlib.repr(model)))
    layers = [layer for layer in model.layers if type(layer).__name__ not in WITHOUT_WEIGHTS]
    if not layers:
        raise ValueError(message("model", "one Dense layer or more", "none"))
    for layer in layers:
        _check_dense(layer, ("relu",) if layer is not layers[-1] else tuple(OUTPUTS))
    matrices, vectors = zip(*(layer.get_weights() for layer in layers), strict=True)
    return MLP(matrices, vectors, output or layers[-1].activation.__name__)


# --- files --------------------------------------------------------------------------------


def save(path: str | Path, mlps: Mapping[str, MLP], *, dtype: str = "float16") -> None:
    """Write networks to one compressed ``.npz`` file.

    Half the digits are enough to look at and to invert: rounding the weights to float16
    moves an error by less than 0.1 %.

    Parameters
    ----------
    path : str or Path
        Name that ends in ``.npz``. An older file of this name is replaced.
    mlps : mapping of str to MLP
        For example ``{"encoder": ..., "decoder": ...}``.
    dtype : {"float16", "float32"}
        Type of the numbers in the file.

    Raises
    ------
    ValueError
        If the name does not end in ``.npz``, there is no network, `dtype` is unknown, or a
        weight is too large for it.
    TypeError
        If `mlps` is no mapping from names to networks, or `path` is no path.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder) / "a.npz", {"decoder": MLP([[[1.0, 2.0]]], [[0.0, 0.5]])})
    ...     load(Path(folder) / "a.npz")["decoder"].biases
    (array([0. , 0.5], dtype=float32),)
    """
    path = _as_path(path)
    if dtype not in FILE_TYPES:
        raise ValueError(message("dtype", " or ".join(FILE_TYPES), reprlib.repr(dtype)))
    arrays = {}
    for name, mlp in _as_mlps(mlps).items():
        arrays[f"{name}.output"] = np.array(mlp.output)
        for layer, pair in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
            for kind, array in zip(("weights", "biases"), pair, strict=True):
                arrays[f"{name}.{kind}.{layer}"] = _rounded(array, dtype)
    np.savez_compressed(path, **arrays)


def load(path: str | Path) -> dict[str, MLP]:
    """Return the networks that :func:`save` wrote, in float32.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to MLP

    Raises
    ------
    ValueError
        If there is no such file, it is damaged, or it holds something else.
    TypeError
        If `path` is no path.

    Examples
    --------
    >>> load("nowhere.npz")
    Traceback (most recent call last):
        ...
    ValueError: path: expected a file that decoder.save wrote, got nowhere.npz (no such file)
    """
    path = _as_path(path)
    if not path.is_file():
        raise _not_ours(path, "no such file")
    try:
        with path.open("rb") as stream:
            arrays = _arrays(stream)
        return {name: _from_arrays(arrays, name) for name in _names(arrays)}
    except UNREADABLE as error:
        raise _not_ours(path, f"{type(error).__name__}: {error}") from None


def _not_ours(path: Path, why: str) -> ValueError:
    return ValueError(message("path", "a file that decoder.save wrote", f"{path} ({why})"))


def _rounded(array: Array, dtype: str) -> NDArray[Any]:
    if np.abs(array).max() > np.finfo(dtype).max:
        raise ValueError(message("mlps", f"weights that fit into {dtype}", np.abs(array).max()))
    return array.astype(dtype)


def _arrays(stream: BinaryIO) -> dict[str, NDArray[Any]]:
    """Return all arrays of a file, each of them checked by its sum."""
    with np.load(stream) as file:
        arrays = {name: file[name] for name in file.files}
    # The directory has no sum of its own, and a wrong byte in it can hide the arrays behind.
    # How many there should be stands near the end of a zip file.
    stream.seek(-12, os.SEEK_END)
    n_arrays = int.from_bytes(stream.read(2), "little")
    if len(arrays) != n_arrays:
        raise ValueError(f"it holds {len(arrays)} arrays of {n_arrays}")
    return arrays


def _names(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    names = [key.removesuffix(".output") for key in arrays if key.endswith(".output")]
    if not names:
        raise ValueError("it holds no network")
    return names


def _from_arrays(arrays: Mapping[str, NDArray[Any]], name: str) -> MLP:
    n_layers = sum(key.startswith(f"{name}.weights.") for key in arrays)
    weights, biases = (
        [arrays[f"{name}.{kind}.{layer}"] for layer in range(n_layers)]
        for kind in ("weights", "biases")
    )
    return MLP(weights, biases, str(arrays[f"{name}.output"]))


# --- the layers ---------------------------------------------------------------------------


def layer_outputs(mlp: MLP, points: Array) -> list[Array]:
    """Return a of layer 0, which is the point, to that of the last layer."""
    activations = [points]
    for layer, (matrix, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True), start=1):
        z = activations[-1] @ matrix
        z += bias
        is_hidden = layer < len(mlp.weights)
        # ReLU in place: new memory for each layer would cost a tenth of the time.
        activations.append(np.maximum(z, 0, out=z) if is_hidden else OUTPUTS[mlp.output](z))
    return activations


def layer_slope(mlp: MLP, layer: int, a: Array) -> Array:
    """Return the derivative of the activation of a layer, counted from 1, by its value a."""
    if layer < len(mlp.weights):
        return a > 0
    return a * (1 - a) if mlp.output == "sigmoid" else np.ones_like(a)


# --- checks of arguments ------------------------------------------------------------------


def _check_layers(weights: list[Array], biases: list[Array]) -> None:
    """Raise unless the outputs of each layer are its biases and the inputs of the next."""
    if not weights:
        raise ValueError(message("weights", "one matrix or more", "none"))
    same_length(weights, biases, "weights", "biases")
    for matrix, bias in zip(weights, biases, strict=True):
        if len(bias) != matrix.shape[1]:
            expected = f"{matrix.shape[1]} numbers for weights of shape {matrix.shape}"
            raise ValueError(message("biases", expected, len(bias)))
    for before, after in pairwise(weights):
        if len(after) != before.shape[1]:
            expected = f"{before.shape[1]} rows after weights of shape {before.shape}"
            raise ValueError(message("weights", expected, len(after)))


def _check_dense(layer: "keras.layers.Layer", activations: tuple[str, ...]) -> None:
    if type(layer).__name__ != "Dense":
        raise ValueError(message(f"layer {layer.name}", "a Dense layer", type(layer).__name__))
    if layer.activation.__name__ not in activations:
        expected = f"activation {' or '.join(activations)}"
        raise ValueError(message(f"layer {layer.name}", expected, layer.activation.__name__))
    if not layer.use_bias:
        raise ValueError(message(f"layer {layer.name}", "use_bias True", "False"))
    if not layer.built:
        raise ValueError(message(f"layer {layer.name}", "weights, from a keras.Input", "none"))


def _as_mlp(mlp: MLP, name: str = "mlp") -> MLP:
    if not isinstance(mlp, MLP):
        raise TypeError(message(name, "an MLP", reprlib.repr(mlp)))
    return mlp


def _as_mlps(mlps: Mapping[str, MLP]) -> Mapping[str, MLP]:
    if not isinstance(mlps, Mapping):
        raise TypeError(message("mlps", "a mapping from names to networks", reprlib.repr(mlps)))
    if not mlps:
        raise ValueError(message("mlps", "one network or more", "none"))
    for name, mlp in mlps.items():
        if not isinstance(name, str):
            raise TypeError(message("mlps", "names that are strings", reprlib.repr(name)))
        _as_mlp(mlp, f"mlps[{name!r}]")
    return mlps


def _as_points(mlp: MLP, points: ArrayLike) -> Array:
    points = as_matrix(points, "points").astype(_as_mlp(mlp).dtype, copy=False)
    if points.shape[1] != mlp.n_inputs:
        raise ValueError(message("points", f"shape (n, {mlp.n_inputs})", f"shape {points.shape}"))
    return points


def _as_kept(mlp: MLP, kept: ArrayLike) -> NDArray[np.intp]:
    """Return the numbers of the kept outputs."""
    as_vector(kept, "kept")  # finite numbers or booleans, one or more
    kept = np.asarray(kept)
    if kept.dtype.kind == "b":
        if len(kept) != mlp.n_outputs:
            raise ValueError(message("kept", f"{mlp.n_outputs} booleans", len(kept)))
        kept = kept.nonzero()[0]
    if kept.dtype.kind not in "iu":
        raise TypeError(message("kept", "integers or booleans", kept.dtype))
    if len(kept) == 0:
        raise ValueError(message("kept", "one output or more", "none"))
    outside = (kept < 0) | (kept >= mlp.n_outputs)
    if outside.any():
        expected = f"numbers from 0 to {mlp.n_outputs - 1}"
        raise ValueError(message("kept", expected, kept[outside][0]))
    return kept


def _as_path(path: str | Path) -> Path:
    if not isinstance(path, str | Path):
        raise TypeError(message("path", "a path", reprlib.repr(path)))
    if Path(path).suffix != ".npz":
        raise ValueError(message("path", "a name that ends in .npz", path))
    return Path(path)
