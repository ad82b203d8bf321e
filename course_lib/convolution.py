"""Convolution and max pooling, of signals and of images.

Chapters *1D convolution* and *2D convolution*. A convolution is a dense layer that looks
through a small window: the same weights, at every place. The code says it in the same
words: :func:`im2col` writes what the window sees at each place into one row, a *patch*,
and the rest is one matrix product. The number of axes plays no part in this, so that a
signal and an image share their code.

The channels are the last axis, as in Keras: a batch of signals is ``(n, length,
channels)``, a batch of images ``(n, height, width, channels)``. As in every deep-learning
library, the kernel is not reversed: what is called a convolution is a cross-correlation.
"""

import math
import numbers
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_array, as_positive_int, as_shape, message
from course_lib.layers import Layer, _as_initializer, initialize_weights

__all__ = ["Conv1D", "Conv2D", "MaxPool1D", "MaxPool2D", "col2im", "im2col", "output_size"]

Array = NDArray[np.floating]
Shape = tuple[int, ...]


def output_size(size: int, kernel_size: int, *, strides: int = 1, padding: str = "valid") -> int:
    """Return at how many places a window fits, along one axis.

    Equations ``eq-conv1d-size`` of the chapter *1D convolution* and ``eq-conv2d-size`` of
    the chapter *2D convolution*. Source: course on the 1D-CNN, B1.4: 10 - 3 + 1 = 8.

    Parameters
    ----------
    size : int
        Length of the axis.
    kernel_size : int
        Length of the window.
    strides : int
        Distance from one place to the next.
    padding : {"valid", "same"}
        "valid": the window stays inside. "same": zeros on both sides, as many as it takes
        to have ``size / strides`` places, rounded up.

    Raises
    ------
    ValueError
        If a number is below 1, the padding is unknown, or the window does not fit.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> output_size(10, 3), output_size(10, 3, padding="same")
    (8, 10)
    >>> output_size(28, 5, strides=2), output_size(28, 5, strides=2, padding="same")
    (12, 14)
    """
    size, kernel_size = as_positive_int(size, "size"), as_positive_int(kernel_size, "kernel_size")
    strides = as_positive_int(strides, "strides")
    if _as_padding(padding) == "same":
        return math.ceil(size / strides)
    if kernel_size > size:
        expected = f"at most the length of the axis, {size}"
        raise ValueError(message("kernel_size", expected, kernel_size))
    return (size - kernel_size) // strides + 1


def im2col(
    x: ArrayLike, kernel_size: Shape, *, strides: int = 1, out: Array | None = None
) -> Array:
    """Write what a window sees at each place into one row.

    Equation ``eq-im2col`` of the chapter *2D convolution*.

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
        Batch of signals or images, with as many axes between as `kernel_size` has entries.
    kernel_size : tuple of int
        ``(k,)`` for signals, ``(kh, kw)`` for images.
    strides : int
        Distance from one place to the next, along each axis.
    out : ndarray, optional
        Where to write, of the shape of the result; a new array when left out.

    Returns
    -------
    ndarray of shape (n, ..., k * channels) or (n, ..., kh * kw * channels)
        The axes between are now the places of the window.

    Raises
    ------
    ValueError
        If a shape is wrong, the window does not fit, or a number is not finite.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> signal = np.array([0.2, 0.6, 0.9, 0.7]).reshape(1, 4, 1)
    >>> im2col(signal, (3,))
    array([[[0.2, 0.6, 0.9],
            [0.6, 0.9, 0.7]]])
    """
    kernel_size = as_shape(kernel_size, "kernel_size")
    x = as_array(x, "x", ndim=len(kernel_size) + 2)
    shape = _patches_shape(x.shape, kernel_size, strides)
    if out is None:
        out = np.empty(shape, x.dtype)
    elif out.shape != shape:
        raise ValueError(message("out", f"shape {shape}", f"shape {out.shape}"))
    _write_patches(x, out, kernel_size, strides)
    return out


def col2im(
    patches: ArrayLike, input_shape: Shape, kernel_size: Shape, *, strides: int = 1
) -> Array:
    """Add every patch back to the place that it came from.

    The transpose of :func:`im2col`, and so the way of the gradients back. A number that
    was seen at several places of the window gets the sum of what these send. Equations
    ``eq-conv1d-dx`` of the chapter *1D convolution* and ``eq-conv2d-backward`` of the
    chapter *2D convolution*.

    Parameters
    ----------
    patches : array_like of shape (n, ..., k * channels) or (n, ..., kh * kw * channels)
    input_shape : tuple of int
        Shape ``(n, ..., channels)`` of the result.
    kernel_size : tuple of int
        ``(k,)`` for signals, ``(kh, kw)`` for images.
    strides : int
        Distance from one place to the next, along each axis.

    Returns
    -------
    ndarray of shape `input_shape`

    Raises
    ------
    ValueError
        If a shape is wrong, the window does not fit, or a number is not finite.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> col2im(np.ones((1, 2, 3)), (1, 4, 1), (3,)).ravel()
    array([1., 2., 2., 1.])
    """
    kernel_size = as_shape(kernel_size, "kernel_size")
    input_shape = as_shape(input_shape, "input_shape", ndim=len(kernel_size) + 2)
    patches = as_array(patches, "patches")
    shape = _patches_shape(input_shape, kernel_size, strides)
    if patches.shape != shape:
        raise ValueError(message("patches", f"shape {shape}", f"shape {patches.shape}"))
    return _add_patches(patches, input_shape, kernel_size, strides)


class _Convolution(Layer):
    """What :class:`Conv1D` and :class:`Conv2D` share: all but the number of axes."""

    n_axes: int

    def __init__(
        self,
        filters: int,
        kernel_size: int | Shape,
        *,
        strides: int = 1,
        padding: str = "valid",
        initializer: str = "he",
    ) -> None:
        super().__init__()
        self.filters = as_positive_int(filters, "filters")
        self.kernel_size = _as_sizes(kernel_size, "kernel_size", self.n_axes)
        self.strides = as_positive_int(strides, "strides")
        self.padding = _as_padding(padding)
        self.initializer = _as_initializer(initializer)

    def output_shape(self, input_shape: Shape) -> Shape:
        *sizes, _ = as_shape(input_shape, "input_shape", ndim=self.n_axes + 1)
        places = [
            output_size(size, k, strides=self.strides, padding=self.padding)
            for size, k in zip(sizes, self.kernel_size, strict=True)
        ]
        return (*places, self.filters)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"W": (*self.kernel_size, input_shape[-1], self.filters), "b": (self.filters,)}

    def bind(self, theta: Array, grad: Array, input_shape: Shape) -> None:
        super().bind(theta, grad, input_shape)
        # b follows W in the flat vector: as one matrix with a column for each filter, the
        # bias is the last row. It is the weight of an input that is always 1.
        self._matrix = theta.reshape(-1, self.filters)
        self._d_matrix = grad.reshape(-1, self.filters)
        margins = [
            _margins(size, k, self.strides, self.padding)
            for size, k in zip(input_shape, self.kernel_size, strict=False)
        ]
        self._margins = [(0, 0), *margins, (0, 0)]

    def initialize(self, rng: np.random.Generator) -> None:
        initialize_weights(self.params["W"], self.initializer, rng=rng)
        self.params["b"][:] = 0

    def forward(self, x: Array, *, training: bool = False) -> Array:
        if self.padding == "same":
            x = np.pad(x, self._margins)
        *places, width = _patches_shape(x.shape, self.kernel_size, self.strides)
        patches = np.empty((*places, width + 1), x.dtype)
        _write_patches(x, patches[..., :width], self.kernel_size, self.strides)
        patches[..., width] = 1
        self._x_shape, self._patches = x.shape, patches.reshape(-1, width + 1)
        return (self._patches @ self._matrix).reshape(*places, self.filters)

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        dy_rows = dy.reshape(-1, self.filters)
        np.matmul(self._patches.T, dy_rows, out=self._d_matrix)  # dL/dW, and dL/db below it
        if not needs_dx:
            return None
        d_patches = (dy_rows @ self._matrix[:-1].T).reshape(*dy.shape[:-1], -1)
        dx = _add_patches(d_patches, self._x_shape, self.kernel_size, self.strides)
        ends = zip(dx.shape, self._margins, strict=True)
        return dx[tuple(slice(before, size - after) for size, (before, after) in ends)]


class Conv1D(_Convolution):
    """Convolution of signals: the same small kernel, at every place of a signal.

    Equation ``eq-conv1d`` of the chapter *1D convolution*; the gradients are
    ``eq-conv1d-dw``, ``eq-conv1d-db`` and ``eq-conv1d-dx`` of the chapter *1D convolution*.
    Source: course on the 1D-CNN, B1.2 to B1.5, whose formula leaves out the sum over the
    channels and the bias.

    Takes inputs ``(n, length, channels)`` and gives ``(n, places, filters)``. Parameters:
    ``W`` of shape ``(k, channels, filters)`` and ``b`` of shape ``(filters,)``.

    Parameters
    ----------
    filters : int
        Number of kernels, and so of output channels.
    kernel_size : int
        Length of the window.
    strides : int
        Distance from one place of the window to the next.
    padding : {"valid", "same"}
        Whether zeros are put around the signal, see :func:`output_size`.
    initializer : {"he", "glorot"}
        How the weights start, see :func:`course_lib.layers.initialize_weights`.

    Raises
    ------
    ValueError
        If a number is below 1, or a text is not one of those above.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> layer = Conv1D(1, 3).build((4, 1), rng=np.random.default_rng(0))
    >>> layer.params["W"][:, 0, 0] = [0.5, 1.0, 0.5]
    >>> layer.forward(np.array([0.2, 0.6, 0.9, 0.7]).reshape(1, 4, 1)).ravel()
    array([1.15, 1.55])
    """

    n_axes = 1


class Conv2D(_Convolution):
    """Convolution of images: the same small kernel, at every place of an image.

    Equation ``eq-conv2d`` of the chapter *2D convolution*; the gradients are
    ``eq-conv2d-backward`` of the chapter *2D convolution*. Source: slides, *Convolution*,
    which show the formula of a cross-correlation and then call a function that reverses
    the kernel.

    Takes inputs ``(n, height, width, channels)`` and gives ``(n, rows, columns,
    filters)``. Parameters: ``W`` of shape ``(kh, kw, channels, filters)`` and ``b`` of
    shape ``(filters,)``.

    Parameters
    ----------
    filters : int
        Number of kernels, and so of output channels.
    kernel_size : int or tuple of int
        Side of the window, or its height and width.
    strides : int
        Distance from one place of the window to the next, along both axes.
    padding : {"valid", "same"}
        Whether zeros are put around the image, see :func:`output_size`.
    initializer : {"he", "glorot"}
        How the weights start, see :func:`course_lib.layers.initialize_weights`.

    Raises
    ------
    ValueError
        If a number is below 1, or a text is not one of those above.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> layer = Conv2D(1, (1, 2)).build((2, 3, 1), rng=np.random.default_rng(0))
    >>> layer.params["W"][0, :, 0, 0] = [-1.0, 1.0]
    >>> image = np.array([[0.0, 0.0, 5.0], [0.0, 5.0, 5.0]]).reshape(1, 2, 3, 1)
    >>> layer.forward(image)[0, :, :, 0]
    array([[0., 5.],
           [5., 0.]])
    """

    n_axes = 2


class _MaxPooling(Layer):
    """What :class:`MaxPool1D` and :class:`MaxPool2D` share: all but the number of axes."""

    n_axes: int

    def __init__(self, pool_size: int | Shape = 2) -> None:
        super().__init__()
        self.pool_size = _as_sizes(pool_size, "pool_size", self.n_axes)

    def output_shape(self, input_shape: Shape) -> Shape:
        *sizes, channels = as_shape(input_shape, "input_shape", ndim=self.n_axes + 1)
        for size, pool in zip(sizes, self.pool_size, strict=True):
            if pool > size:
                expected = f"at most the length of the axis, {size}"
                raise ValueError(message("pool_size", expected, pool))
        return (*(s // p for s, p in zip(sizes, self.pool_size, strict=True)), channels)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._shape = x.shape
        first, *others = self._members(x)
        best, number = first.copy(), np.min_scalar_type(len(others)).type
        self._winner = np.zeros(best.shape, number)  # which member of the window is the largest
        for place, member in enumerate(others, start=1):
            # Strictly larger: the first of equals keeps its place.
            np.maximum(self._winner, number(place) * (member > best), out=self._winner)
            np.maximum(best, member, out=best)
        return best

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        if not needs_dx:
            return None
        dx = np.zeros(self._shape, dy.dtype)
        for place, member in enumerate(self._members(dx)):
            np.multiply(dy, self._winner == place, out=member)  # the winner takes it all
        return dx

    def _members(self, x: Array) -> list[Array]:
        """Return one view of `x` for each member of a window, over all the windows.

        With a pool of 2, the first view holds ``x[0], x[2], ...`` and the second one
        ``x[1], x[3], ...``. What is left over at the end of an axis is in none of them.
        """
        sizes = zip(x.shape[1:-1], self.pool_size, strict=True)
        windows = [size // pool for size, pool in sizes]
        offsets = np.ndindex(self.pool_size)
        return [x[_places(offset, windows, self.pool_size)] for offset in offsets]


class MaxPool1D(_MaxPooling):
    """Max pooling of signals: of each window keep the largest number.

    Equation ``eq-maxpool1d`` of the chapter *1D convolution*. Source: course on the
    1D-CNN, B1.4 and B1.5. The windows do not overlap, and what does not fill a window at
    the end is left out. On the way back the gradient goes to the number that won; of
    equals the first one wins, as in TensorFlow.

    Takes inputs ``(n, length, channels)`` and gives ``(n, length // pool_size, channels)``.

    Parameters
    ----------
    pool_size : int
        Length of the window, and the distance from one to the next.

    Raises
    ------
    ValueError
        If `pool_size` is below 1.
    TypeError
        If `pool_size` is no integer.

    Examples
    --------
    >>> layer = MaxPool1D(2)
    >>> layer.forward(np.array([3.0, 1.0, 2.0, 2.0, 9.0]).reshape(1, 5, 1)).ravel()
    array([3., 2.])
    >>> layer.backward(np.array([5.0, 7.0]).reshape(1, 2, 1)).ravel()
    array([5., 0., 7., 0., 0.])
    """

    n_axes = 1


class MaxPool2D(_MaxPooling):
    """Max pooling of images: of each window keep the largest number.

    Equation ``eq-maxpool2d`` of the chapter *2D convolution*. Source: slides, *Pooling*.
    The windows do not overlap, and rows or columns that do not fill a window at the end
    are left out. On the way back the gradient goes to the number that won; of equals the
    first one wins, row by row, as in TensorFlow.

    Takes inputs ``(n, height, width, channels)`` and gives ``(n, height // ph, width //
    pw, channels)``.

    Parameters
    ----------
    pool_size : int or tuple of int
        Side of the window, or its height and width; also the distance to the next one.

    Raises
    ------
    ValueError
        If a size is below 1.
    TypeError
        If a size is no integer.

    Examples
    --------
    >>> layer = MaxPool2D(2)
    >>> image = np.array([[1.0, 8.0, 4.0, 4.0], [3.0, 2.0, 0.0, 4.0]]).reshape(1, 2, 4, 1)
    >>> layer.forward(image).ravel()
    array([8., 4.])
    >>> layer.backward(np.ones((1, 1, 2, 1)))[0, :, :, 0]
    array([[0., 1., 1., 0.],
           [0., 0., 0., 0.]])
    """

    n_axes = 2


def _patches_shape(input_shape: Shape, kernel_size: Shape, strides: int) -> Shape:
    n, *sizes, channels = input_shape
    places = [output_size(s, k, strides=strides) for s, k in zip(sizes, kernel_size, strict=True)]
    return (n, *places, math.prod(kernel_size) * channels)


def _write_patches(x: Array, patches: Array, kernel_size: Shape, strides: int) -> None:
    for columns, places in _windows(x.shape[-1], patches.shape, kernel_size, strides):
        patches[..., columns] = x[places]


def _add_patches(patches: Array, shape: Shape, kernel_size: Shape, strides: int) -> Array:
    x = np.zeros(shape, patches.dtype)
    for columns, places in _windows(shape[-1], patches.shape, kernel_size, strides):
        x[places] += patches[..., columns]
    return x


def _windows(
    channels: int, patches_shape: Shape, kernel_size: Shape, strides: int
) -> Iterator[tuple[slice, tuple[slice, ...]]]:
    """Yield, for each weight of the kernel, its columns in the patches and its index in x.

    A loop over the few weights, with all the places at once, instead of one over the many
    places with a small patch each.
    """
    steps = (strides,) * len(kernel_size)
    for number, offset in enumerate(np.ndindex(kernel_size)):
        columns = slice(number * channels, (number + 1) * channels)
        yield columns, _places(offset, patches_shape[1:-1], steps)


def _places(start: Shape, counts: Shape, steps: Shape) -> tuple[slice, ...]:
    """Return the index of ``start, start + step, ...`` along each axis, for all the batch."""
    along = zip(start, counts, steps, strict=True)
    return (slice(None), *(slice(i, i + count * step, step) for i, count, step in along))


def _margins(size: int, kernel_size: int, strides: int, padding: str) -> tuple[int, int]:
    """Return how many zeros go before and after an axis; the odd one goes after it."""
    if padding == "valid":
        return 0, 0
    places = output_size(size, kernel_size, strides=strides, padding=padding)
    total = max((places - 1) * strides + kernel_size - size, 0)
    return total // 2, total - total // 2


def _as_padding(value: str) -> str:
    if value not in ("valid", "same"):
        raise ValueError(message("padding", "valid or same", repr(value)))
    return value


def _as_sizes(value: int | Shape, name: str, n_axes: int) -> Shape:
    """Return one size for each axis, from one size for all or from a tuple."""
    sizes = (value,) * n_axes if isinstance(value, numbers.Integral) else value
    return as_shape(sizes, name, ndim=n_axes)
