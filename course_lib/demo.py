"""The digit demo in NumPy: a small network in int8, and the file that the page reads.

Chapter *MNIST with Keras*. The page's `digits.js` computes what :func:`center` and
:func:`forward` compute, in the same order; a test compares the two. The weights lie in one
file, ``book/_extra/_static/demos/digits_weights.js``, which both sides read: here
:func:`from_javascript` does. One byte for each weight makes that file four times smaller
than float32 would.
"""

import base64
import binascii
import json
import re
import reprlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_array, as_matrix, as_vector, message, same_length
from course_lib.activations import relu, softmax

__all__ = ["Weights", "center", "forward", "from_javascript", "quantize", "to_javascript"]

SIDE = 28  # pixels of an MNIST image, and of the box in which its digit lies
BOX = 20
LARGEST = 127  # of an int8; -128 stays unused, so that the range is symmetric
FILE = """"use strict";
/* Weights of the digit demo, written by course_lib.demo.to_javascript: int8 kernels in base64. */
const DIGIT_WEIGHTS = {};
if (typeof module !== "undefined") {{ module.exports = DIGIT_WEIGHTS; }}
"""
CONSTANT = re.compile(r"^const DIGIT_WEIGHTS = (.+);$", flags=re.M)


class Weights(NamedTuple):
    """The Dense layers of an MLP; the kernel of layer l is ``scales[l] * kernels[l]``."""

    kernels: list[NDArray[np.int8]]  # each (n_in, n_out)
    scales: list[float]
    biases: list[NDArray[np.float64]]  # each (n_out,)


def quantize(kernels: Sequence[ArrayLike], biases: Sequence[ArrayLike]) -> Weights:
    """Round each kernel to 255 evenly spaced values, from -127 to 127 times a scale.

    The scale of a layer is its largest weight over 127, so that no weight moves by more
    than half a scale. Biases are few and stay as they are.

    Parameters
    ----------
    kernels : sequence of array_like of shape (n_in, n_out)
        One for each Dense layer, in the order of the network.
    biases : sequence of array_like of shape (n_out,)

    Returns
    -------
    Weights

    Raises
    ------
    ValueError
        If there is no layer, or the shapes of the kernels and biases do not fit together.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> weights = quantize([[[0.5, -1.27], [0.0, 1.0]]], [[0.1, 0.2]])
    >>> weights.kernels[0]
    array([[  50, -127],
           [   0,  100]], dtype=int8)
    >>> round(weights.scales[0], 6)
    0.01
    """
    kernels = [as_matrix(kernel, "kernels").astype(np.float64) for kernel in kernels]
    biases = [as_vector(bias, "biases").astype(np.float64) for bias in biases]
    _check_layers(kernels, biases)
    # A kernel of zeros has no largest weight: any scale will do.
    scales = [float(np.abs(kernel).max()) / LARGEST or 1.0 for kernel in kernels]
    rounded = [np.rint(k / scale).astype(np.int8) for k, scale in zip(kernels, scales, strict=True)]
    return Weights(rounded, scales, biases)


def forward(weights: Weights, images: ArrayLike) -> NDArray[np.float64]:
    """Return the probabilities that the network gives to each digit.

    Equation ``eq-keras-mlp`` of the chapter *MNIST with Keras*, with ReLU between the
    layers and softmax after the last one.

    Parameters
    ----------
    weights : Weights
    images : array_like of shape (n_samples, 28, 28)
        Ink from 0 to 1, or any (n_samples, ...) with as many numbers as the network has
        inputs.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        If `images` does not fit the network, or holds a number outside 0 to 1.
    TypeError
        If `weights` are no :class:`Weights`, or `images` holds no numbers.

    Examples
    --------
    >>> weights = quantize([np.eye(4)], [np.zeros(4)])
    >>> forward(weights, [[[0, 1], [0, 0]]]).round(2)
    array([[0.17, 0.48, 0.17, 0.17]])
    """
    _check_weights(weights)
    images = _ink(images, "images")
    n_inputs = len(weights.kernels[0])
    if images.ndim < 2 or images[0].size != n_inputs:
        expected = f"(n_samples, ...) with {n_inputs} numbers in each image"
        raise ValueError(message("images", expected, f"shape {images.shape}"))
    a = images.reshape(len(images), -1)
    last = len(weights.kernels) - 1
    for layer, (kernel, scale, bias) in enumerate(zip(*weights, strict=True)):
        z = scale * (a @ kernel.astype(np.float64)) + bias
        a = softmax(z) if layer == last else relu(z)
    return a


def center(image: ArrayLike) -> NDArray[np.float64]:
    """Bring a drawing into the form of MNIST's images.

    The box around the ink is scaled until its longer side has 20 pixels. It is then laid
    into 28 x 28 pixels, so that the centre of mass of the ink is in the middle, as nearly
    as whole pixels and the frame allow.

    Parameters
    ----------
    image : array_like of shape (height, width)
        Ink from 0 (paper) to 1, of any size.

    Returns
    -------
    ndarray of shape (28, 28)

    Raises
    ------
    ValueError
        If `image` is not 2-D, has no ink, or holds a number outside 0 to 1.
    TypeError
        If `image` holds no numbers.

    Examples
    --------
    >>> drawing = np.zeros((100, 100))
    >>> drawing[10:90, 20:24] = 1  # a bar of 80 x 4
    >>> rows, columns = np.nonzero(center(drawing))
    >>> print(rows.min(), rows.max(), columns.min(), columns.max())
    4 23 14 14
    """
    image = as_matrix(_ink(image, "image"), "image")
    rows, columns = image.any(axis=1).nonzero()[0], image.any(axis=0).nonzero()[0]
    if rows.size == 0:
        raise ValueError(message("image", "some ink: a pixel above 0", "none"))
    digit = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longer = max(digit.shape)
    height, width = (max(1, _round(BOX * side / longer)) for side in digit.shape)
    digit = _averages(digit.shape[0], height) @ digit @ _averages(digit.shape[1], width).T
    top, left = _corner(digit.sum(axis=1)), _corner(digit.sum(axis=0))
    framed = np.zeros((SIDE, SIDE))
    framed[top : top + height, left : left + width] = np.minimum(digit, 1)  # 1 + 1e-16 is no ink
    return framed


def to_javascript(weights: Weights, provenance: Mapping[str, Any]) -> str:
    """Return the text of the script that gives the page its weights.

    The script assigns one constant and loads nothing: a page that was opened from a file
    may not fetch anything.

    Parameters
    ----------
    weights : Weights
    provenance : mapping
        How the weights were made: data, seed, accuracy and the like; anything for JSON.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If `weights` are no :class:`Weights`, or `provenance` is no mapping for JSON.
    ValueError
        If the shapes of `weights` do not fit together.

    Examples
    --------
    >>> print(to_javascript(quantize([[[1.27]]], [[0.5]]), {"seed": 0}).splitlines()[2])
    const DIGIT_WEIGHTS = {"provenance": {"seed": 0}, "layers": [{"shape": [1, 1],
    "scale": 0.01, "bias": [0.5], "kernel": "fw=="}]};
    """
    _check_weights(weights)
    if not isinstance(provenance, Mapping):
        raise TypeError(message("provenance", "a mapping", reprlib.repr(provenance)))
    layers = [
        {
            "shape": kernel.shape,
            "scale": scale,
            "bias": bias.tolist(),
            "kernel": base64.b64encode(kernel.tobytes()).decode("ascii"),
        }
        for kernel, scale, bias in zip(*weights, strict=True)
    ]
    try:
        return FILE.format(json.dumps({"provenance": dict(provenance), "layers": layers}))
    except TypeError as error:
        raise TypeError(message("provenance", "values for JSON", str(error))) from None


def from_javascript(text: str) -> Weights:
    """Return the weights that :func:`to_javascript` wrote.

    Parameters
    ----------
    text : str
        Content of ``digits_weights.js``.

    Returns
    -------
    Weights

    Raises
    ------
    TypeError
        If `text` is no string.
    ValueError
        If the constant ``DIGIT_WEIGHTS`` is not in it, or is damaged.

    Examples
    --------
    >>> weights = quantize([[[1.27]]], [[0.5]])
    >>> from_javascript(to_javascript(weights, {})).kernels
    [array([[127]], dtype=int8)]
    """
    if not isinstance(text, str):
        raise TypeError(message("text", "a string", reprlib.repr(text)))
    found = CONSTANT.search(text)
    if not found:
        raise ValueError(message("text", "a line 'const DIGIT_WEIGHTS = ...;'", "none"))
    try:
        layers = json.loads(found.group(1))["layers"]
        kernels = [_decode(layer["kernel"]).reshape(layer["shape"]) for layer in layers]
        scales = [float(layer["scale"]) for layer in layers]
        biases = [np.array(layer["bias"], dtype=np.float64) for layer in layers]
        weights = Weights(kernels, scales, biases)
        _check_weights(weights)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ValueError(message("text", "the weights of a network", repr(error))) from None
    return weights


def _decode(text: str) -> NDArray[np.int8]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=np.int8)


def _check_weights(weights: Weights) -> None:
    if not isinstance(weights, Weights):
        raise TypeError(message("weights", "what quantize returns", type(weights).__name__))
    _check_layers(weights.kernels, weights.biases)


def _check_layers(kernels: list[NDArray[Any]], biases: list[NDArray[Any]]) -> None:
    """Raise unless the outputs of each layer are the biases and the inputs of the next."""
    if not kernels:
        raise ValueError(message("kernels", "one matrix or more", "none"))
    same_length(kernels, biases, "kernels", "biases")
    for kernel, bias in zip(kernels, biases, strict=True):
        if len(bias) != kernel.shape[1]:
            expected = f"{kernel.shape[1]} numbers for a kernel of shape {kernel.shape}"
            raise ValueError(message("biases", expected, len(bias)))
    for before, after in pairwise(kernels):
        if len(after) != before.shape[1]:
            expected = f"{before.shape[1]} rows after a kernel of shape {before.shape}"
            raise ValueError(message("kernels", expected, len(after)))


def _ink(value: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return finite numbers from 0 to 1."""
    ink = as_array(value, name).astype(np.float64)
    if ink.min() < 0 or ink.max() > 1:
        wrong = ink.min() if ink.min() < 0 else ink.max()
        raise ValueError(message(name, "numbers from 0 to 1", wrong))
    return ink


def _round(x: float) -> int:
    """Round a half upwards, where Python goes to the even number.

    What is within 1e-9 of a half counts as one: JavaScript adds in another order, and a
    last digit must not move its picture by a pixel.
    """
    return int(np.floor(x + 0.5 + 1e-9))


def _averages(n_in: int, n_out: int) -> NDArray[np.float64]:
    """Return the matrix (n_out, n_in) whose product with a signal resizes it.

    New pixel i covers old pixels from i * n_in / n_out to (i + 1) * n_in / n_out; each of
    them counts by the share that is covered.
    """
    step = n_in / n_out
    start = np.arange(n_out)[:, None] * step
    old = np.arange(n_in)[None, :]
    covered = np.minimum(start + step, old + 1) - np.maximum(start, old)
    return np.maximum(covered, 0) / step


def _corner(ink: NDArray[np.float64]) -> int:
    """Return where a profile of ink begins when its centre of mass is in the middle."""
    middle = (np.arange(len(ink)) + 0.5) @ ink / ink.sum()
    return int(np.clip(_round(SIDE / 2 - middle), 0, SIDE - len(ink)))
