"""Layers: what a network is built from, each with its own forward and backward pass.

Chapters *The MLP and back-propagation* and *Training in practice*. A layer knows its own
derivative and nothing of its neighbours: ``backward`` takes the gradient of the loss with
respect to the layer's output, and returns the one with respect to its input. The chain
rule is then a loop over the layers, from the last to the first.

Rows are examples: the first axis of every array is the batch. ``forward`` and ``backward``
run thousands of times in a training and check nothing; ``Network`` checks its data once.
"""

import math
import reprlib
from typing import Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from course_lib._validation import (
    as_generator,
    as_nonnegative_real,
    as_positive_int,
    as_shape,
    message,
)
from course_lib.activations import ActivationFunction

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Layer", "initialize_weights"]

Array = NDArray[np.floating]
Shape = tuple[int, ...]

INITIALIZERS = ("he", "glorot")


class Layer:
    """A differentiable step of a network; the base class of all the others.

    This class itself lets everything through. A subclass overrides `output_shape`,
    `forward` and `backward`, and, when it learns something, `parameter_shapes` and
    `initialize`.

    Attributes
    ----------
    params : dict of str to ndarray
        Parameters. Each array is a view of a part of one flat vector, so that an optimizer
        updates all the layers of a network in one operation. Write into them; a new
        array in the dictionary would no longer be a part of that vector.
    grads : dict of str to ndarray
        Gradient of the loss with respect to each parameter, as the last `backward` left it.

    Examples
    --------
    >>> layer = Layer().build((2,), rng=np.random.default_rng(0))
    >>> layer.params, layer.forward(np.array([[1.0, -2.0]]))
    ({}, array([[ 1., -2.]]))
    """

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one output; both shapes are without the batch's axis."""
        return as_shape(input_shape, "input_shape")

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shape of each parameter, by name."""
        return {}

    def n_parameters(self, input_shape: Shape) -> int:
        """Return the number of all the entries of the parameters."""
        return sum(math.prod(shape) for shape in self.parameter_shapes(input_shape).values())

    def bind(self, theta: Array, grad: Array, input_shape: Shape) -> None:
        """Make `params` and `grads` views of two flat vectors.

        Parameters
        ----------
        theta, grad : ndarray of shape (p,)
            With `p` the number of the layer's parameters; they follow each other in the
            order of `parameter_shapes`, each one row by row.
        input_shape : tuple of int
            Shape of one input.

        Raises
        ------
        ValueError
            If `input_shape` is impossible, or a vector has another length.
        """
        self.output_shape(input_shape)
        expected = (self.n_parameters(input_shape),)
        for name, vector in (("theta", theta), ("grad", grad)):
            if vector.shape != expected:
                raise ValueError(message(name, f"shape {expected}", f"shape {vector.shape}"))
        start = 0
        for name, shape in self.parameter_shapes(input_shape).items():
            part = slice(start, start + math.prod(shape))
            self.params[name] = theta[part].reshape(shape)
            self.grads[name] = grad[part].reshape(shape)
            start = part.stop

    def initialize(self, rng: np.random.Generator) -> None:
        """Fill the parameters with their random start, in place."""

    def build(
        self, input_shape: Shape, *, rng: np.random.Generator, dtype: DTypeLike = np.float64
    ) -> Self:
        """Give the layer parameters of its own; a network does this for its layers.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one input, without the batch's axis.
        rng : numpy.random.Generator
            Draws the weights.
        dtype : dtype
            Of the parameters, and so of the computation.

        Returns
        -------
        Layer
            The layer itself, with the flat vectors `theta` and `grad` as attributes.

        Raises
        ------
        ValueError
            If the layer cannot take inputs of this shape.
        TypeError
            If an argument is of the wrong kind.
        """
        rng = as_generator(rng)
        self.output_shape(input_shape)
        self.theta, self.grad = np.zeros((2, self.n_parameters(input_shape)), dtype)
        self.bind(self.theta, self.grad, input_shape)
        self.initialize(rng)
        return self

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Return the output, and keep what `backward` needs.

        Parameters
        ----------
        x : ndarray of shape (n, ...)
        training : bool
            Whether this pass is a part of a training step.
        """
        return x

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        """Write `grads`, and return the gradient with respect to the last input.

        Parameters
        ----------
        dy : ndarray of shape (n, ...)
            Gradient of the loss with respect to the output of the last `forward`.
        needs_dx : bool
            False for the first layer, whose input is the data: nobody reads that gradient.

        Returns
        -------
        ndarray of the shape of the input, or None when `needs_dx` is false
        """
        return dy if needs_dx else None


class Dense(Layer):
    """Fully connected layer: ``z = x W + b``.

    With rows as examples the product is the transpose of equation ``eq-layer`` of the
    chapter *The MLP and back-propagation*; the gradients are ``eq-grad-w`` and ``eq-grad-b``,
    and the error that goes on to the layer below is a part of ``eq-delta-hidden`` of the
    chapter *The MLP and back-propagation*. Source: text on networks, A1.4 to A1.7.

    Parameters
    ----------
    units : int
        Number of neurons, the length of an output.
    initializer : {"he", "glorot"}
        How the weights start, see :func:`initialize_weights`.

    Raises
    ------
    ValueError
        If `units` is below 1, or the initializer is unknown.
    TypeError
        If `units` is no integer.

    Examples
    --------
    >>> layer = Dense(2).build((3,), rng=np.random.default_rng(0))
    >>> layer.params["W"].shape, layer.params["b"].shape
    ((3, 2), (2,))
    >>> layer.params["W"][:] = [[1, 0], [0, 1], [1, 1]]
    >>> layer.forward(np.array([[1.0, 2.0, 3.0]]))
    array([[4., 5.]])
    >>> layer.backward(np.array([[1.0, 0.0]]))
    array([[1., 0., 1.]])
    >>> layer.grads["W"][:, 0]
    array([1., 2., 3.])
    """

    def __init__(self, units: int, *, initializer: str = "he") -> None:
        super().__init__()
        self.units = as_positive_int(units, "units")
        self.initializer = _as_initializer(initializer)

    def output_shape(self, input_shape: Shape) -> Shape:
        as_shape(input_shape, "input_shape", ndim=1)
        return (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"W": (*input_shape, self.units), "b": (self.units,)}

    def initialize(self, rng: np.random.Generator) -> None:
        initialize_weights(self.params["W"], self.initializer, rng=rng)
        self.params["b"][:] = 0

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._x = x
        z = np.dot(x, self.params["W"])  # "@", with less overhead for small matrices
        z += self.params["b"]
        return z

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        np.dot(self._x.T, dy, out=self.grads["W"])
        dy.sum(axis=0, out=self.grads["b"])  # a bias acts on every row: their sum
        return np.dot(dy, self.params["W"].T) if needs_dx else None


class Activation(Layer):
    """Activation function, applied to each number: ``a = f(z)``.

    Its backward pass, ``dL/dz = dL/da * f'(z)``, is the other part of equation
    ``eq-delta-hidden`` of the chapter *The MLP and back-propagation*. Source: course on the
    MLP, A1.7.

    Parameters
    ----------
    function : course_lib.activations.ActivationFunction
        One of the functions of that module, or your own.

    Raises
    ------
    TypeError
        If `function` is of another kind; a name is one.

    Examples
    --------
    >>> from course_lib.activations import relu
    >>> layer = Activation(relu)
    >>> layer.forward(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    >>> layer.backward(np.array([[5.0, 5.0]]))
    array([[0., 5.]])
    """

    def __init__(self, function: ActivationFunction) -> None:
        super().__init__()
        if not isinstance(function, ActivationFunction):
            expected = "an ActivationFunction such as course_lib.activations.relu"
            raise TypeError(message("function", expected, reprlib.repr(function)))
        self.function = function

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._x = x
        return self.function.function(x)

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        return dy * self.function.slope(self._x) if needs_dx else None


class Dropout(Layer):
    """Dropout: while training, set each number to zero with probability `rate`.

    The others are divided by ``1 - rate``, which keeps the mean; so nothing has to be
    scaled when the network is used, and there the layer lets everything through. Equation
    ``eq-dropout`` of the chapter *Training in practice*. Source: slides, *Dropout*.

    Parameters
    ----------
    rate : float
        Probability to be dropped, at least 0 and below 1.
    rng : numpy.random.Generator
        Draws what is dropped, anew at each training pass.

    Raises
    ------
    ValueError
        If `rate` is outside [0, 1).
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> layer = Dropout(0.5, rng=np.random.default_rng(0))
    >>> layer.forward(np.ones((1, 6)), training=True)
    array([[2., 2., 2., 0., 0., 0.]])
    >>> layer.forward(np.ones((1, 6)))
    array([[1., 1., 1., 1., 1., 1.]])
    """

    def __init__(self, rate: float, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.rate = as_nonnegative_real(rate, "rate")
        if self.rate >= 1:
            raise ValueError(message("rate", "a number of at least 0 and below 1", rate))
        self.rng = as_generator(rng)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        if not training:
            self._factors = np.ones((), x.dtype)
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        self._factors = kept.astype(x.dtype) / (1 - self.rate)
        return x * self._factors

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        return dy * self._factors if needs_dx else None


class Flatten(Layer):
    """Put the numbers of each example in one row: ``(n, ...)`` becomes ``(n, d)``.

    Examples
    --------
    >>> layer = Flatten()
    >>> layer.output_shape((28, 28, 1))
    (784,)
    >>> layer.forward(np.arange(8.0).reshape(2, 2, 2))
    array([[0., 1., 2., 3.],
           [4., 5., 6., 7.]])
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(as_shape(input_shape, "input_shape")),)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        return dy.reshape(self._shape) if needs_dx else None


def initialize_weights(weights: Array, initializer: str, *, rng: np.random.Generator) -> None:
    """Fill an array of weights with normal numbers of the right spread, in place.

    A neuron adds up ``n_in`` products; the spread of the weights keeps the spread of such
    sums the same from layer to layer. Equations ``eq-he`` and ``eq-glorot`` of the chapter
    *Training in practice*. Source: text on networks, A1.8, where one spread for every
    layer makes the outputs of wide layers explode.

    Parameters
    ----------
    weights : ndarray of shape (..., n_in, n_out)
        As in Keras: the axes before the last two are those of a convolution's kernel, and
        multiply both counts.
    initializer : {"he", "glorot"}
        Variance ``2 / n_in`` (before a ReLU, which stops half of the signal), or
        ``2 / (n_in + n_out)``.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If the array has fewer than two axes, or the initializer is unknown.
    TypeError
        If `rng` is no generator.

    Examples
    --------
    >>> W = np.empty((800, 100))
    >>> initialize_weights(W, "he", rng=np.random.default_rng(0))
    >>> W.std().round(3), (2 / 800) ** 0.5
    (np.float64(0.05), 0.05)
    """
    initializer, rng = _as_initializer(initializer), as_generator(rng)
    if np.ndim(weights) < 2:
        expected = "an array of shape (..., n_in, n_out)"
        raise ValueError(message("weights", expected, f"shape {np.shape(weights)}"))
    *window, n_in, n_out = weights.shape
    fan = n_in if initializer == "he" else n_in + n_out
    weights[...] = rng.normal(scale=math.sqrt(2 / (math.prod(window) * fan)), size=weights.shape)


def _as_initializer(value: str) -> str:
    if value not in INITIALIZERS:
        raise ValueError(message("initializer", " or ".join(INITIALIZERS), repr(value)))
    return value
