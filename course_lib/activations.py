"""Activation functions and their derivatives.

Chapter *Activation functions*. Most of them work on each entry of an array by itself:
such a function `f` is an :class:`ActivationFunction`, called as ``f(z)``, with its
derivative ``f.derivative(z)``. Softmax mixes the entries of a row, so it has a Jacobian
matrix instead. All of them keep float32, and none overflows at large `z`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_array, as_positive_real, as_probability, message

__all__ = [
    "ActivationFunction",
    "elu",
    "gelu",
    "gelu_tanh",
    "identity",
    "leaky_relu",
    "log_softmax",
    "make_elu",
    "make_leaky_relu",
    "relu",
    "selu",
    "sigmoid",
    "softmax",
    "softmax_jacobian",
    "softplus",
    "tanh",
]

Array = NDArray[np.floating]

# The two constants of SELU: with them, the mean 0 and the variance 1 of the inputs of a wide
# layer are a fixed point. They are not learnt.
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@dataclass(frozen=True)
class ActivationFunction:
    """A function of one number and its derivative, both applied to each entry of an array.

    Source: text on networks, A1.3. Where a function has a kink at 0, its derivative there
    is the one from the left: 0 for ReLU, as in TensorFlow.

    Attributes
    ----------
    name : str
    function, slope : callable
        The two formulas: a float array to an array of its shape and type. They are not
        checked; ``f(z)`` and ``f.derivative(z)`` check `z` first.

    Examples
    --------
    >>> relu([-1.0, 0.0, 2.0])
    array([0., 0., 2.])
    >>> relu.derivative([-1.0, 0.0, 2.0])
    array([0., 0., 1.])
    >>> cube = ActivationFunction("cube", lambda z: z**3, lambda z: 3 * z**2)
    >>> cube([2.0]), cube.derivative([2.0])
    (array([8.]), array([12.]))
    """

    name: str
    function: Callable[[Array], Array] = field(repr=False)
    slope: Callable[[Array], Array] = field(repr=False)

    def __call__(self, z: ArrayLike) -> Array:
        """Return the function at each entry.

        Parameters
        ----------
        z : array_like of any shape

        Returns
        -------
        ndarray of the shape of `z`

        Raises
        ------
        ValueError
            If `z` is empty or not finite.
        TypeError
            If `z` holds no numbers.
        """
        return self.function(as_array(z, "z"))

    def derivative(self, z: ArrayLike) -> Array:
        """Return the derivative at each entry: arguments and errors as for the function."""
        return self.slope(as_array(z, "z"))


def make_leaky_relu(alpha: float = 0.01) -> ActivationFunction:
    """Make the leaky ReLU whose slope left of 0 is `alpha`.

    Equation ``eq-leaky-relu`` of the chapter *Activation functions*.
    Source: text on networks, A1.3 II.

    Parameters
    ----------
    alpha : float
        Between 0, which gives ReLU, and 1, which gives the identity.

    Returns
    -------
    ActivationFunction

    Raises
    ------
    ValueError
        If `alpha` is outside [0, 1].
    TypeError
        If `alpha` is not a number.

    Examples
    --------
    >>> make_leaky_relu(0.2)([-1.0, 1.0])
    array([-0.2,  1. ])
    """
    alpha = as_probability(alpha, "alpha")
    return ActivationFunction(
        "leaky_relu", partial(_leaky_relu, alpha=alpha), partial(_leaky_relu_slope, alpha=alpha)
    )


def make_elu(alpha: float = 1.0) -> ActivationFunction:
    """Make the exponential linear unit that tends to ``-alpha`` on the left.

    Equation ``eq-elu`` of the chapter *Activation functions*.
    Source: text on networks, A1.3 II. Its ``max(alpha z, z)`` is another function.

    Parameters
    ----------
    alpha : float
        Above 0. The function has a kink at 0 unless `alpha` is 1.

    Returns
    -------
    ActivationFunction

    Raises
    ------
    ValueError
        If `alpha` is not above 0.
    TypeError
        If `alpha` is not a number.

    Examples
    --------
    >>> make_elu(2.0)([-50.0, 1.0])
    array([-2.,  1.])
    """
    alpha = as_positive_real(alpha, "alpha")
    return ActivationFunction("elu", partial(_elu, alpha=alpha), partial(_elu_slope, alpha=alpha))


def softmax(z: ArrayLike, axis: int = -1) -> Array:
    """Turn scores into probabilities: positive numbers that add up to 1 along `axis`.

    The largest score is subtracted first. That changes nothing in exact arithmetic, and
    no exponential can overflow. A probability below the smallest float becomes 0.
    Equation ``eq-softmax`` of the chapter *Activation functions*.
    Source: text on networks, A1.3 VI.

    Parameters
    ----------
    z : array_like of at least one dimension
        Scores, called logits.
    axis : int
        The entries along this axis make one distribution.

    Returns
    -------
    ndarray of the shape of `z`

    Raises
    ------
    ValueError
        If `z` is a single number, is empty or not finite, or has no such axis.
    TypeError
        If `z` holds no numbers, or `axis` is no integer.

    Examples
    --------
    >>> softmax([[5, 0, 0], [1000, 1000, 0]]).round(4)
    array([[0.9867, 0.0066, 0.0066],
           [0.5   , 0.5   , 0.    ]])
    """
    z, axis = _scores(z, axis)
    exponentials = np.exp(z - z.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def log_softmax(z: ArrayLike, axis: int = -1) -> Array:
    """Return the logarithm of :func:`softmax`, finite even where softmax rounds to 0.

    Equation ``eq-log-softmax`` of the chapter *Activation functions*.

    Parameters
    ----------
    z : array_like of at least one dimension
        Scores, called logits.
    axis : int
        The entries along this axis make one distribution.

    Returns
    -------
    ndarray of the shape of `z`
        At most 0 everywhere.

    Raises
    ------
    ValueError
        If `z` is a single number, is empty or not finite, or has no such axis.
    TypeError
        If `z` holds no numbers, or `axis` is no integer.

    Examples
    --------
    >>> log_softmax([0, 1000])
    array([-1000.,     0.])
    """
    z, axis = _scores(z, axis)
    shifted = z - z.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def softmax_jacobian(z: ArrayLike) -> Array:
    """Return the matrix of the derivatives of :func:`softmax`: entry (i, j) is da_i / dz_j.

    It is symmetric and its rows add up to 0, as the probabilities always add up to 1.
    Equation ``eq-softmax-jacobian`` of the chapter *Activation functions*.
    Source: text on networks, A1.3 VI.

    Parameters
    ----------
    z : array_like of shape (K,) or (n, K)
        The scores of one example, or of n examples.

    Returns
    -------
    ndarray of shape (K, K) or (n, K, K)

    Raises
    ------
    ValueError
        If `z` has another number of dimensions, is empty or not finite.
    TypeError
        If `z` holds no numbers.

    Examples
    --------
    >>> softmax_jacobian([0.0, 0.0])
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    z = as_array(z, "z")
    if z.ndim not in (1, 2):
        raise ValueError(message("z", "shape (K,) or (n, K)", f"shape {z.shape}"))
    a = softmax(z)
    kronecker = np.eye(a.shape[-1], dtype=a.dtype)
    return a[..., :, None] * (kronecker - a[..., None, :])


def _scores(z: ArrayLike, axis: int) -> tuple[Array, int]:
    """Check the arguments of softmax."""
    z = as_array(z, "z")
    if z.ndim == 0:
        raise ValueError(message("z", "at least one dimension", "a single number"))
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(message("axis", "an integer", repr(axis)))
    if not -z.ndim <= axis < z.ndim:
        raise ValueError(message("axis", f"an axis of an array of shape {z.shape}", axis))
    return z, axis


# The formulas, each beside its derivative.


def _relu(z: Array) -> Array:
    """Equation ``eq-relu`` of the chapter *Activation functions*."""
    return np.maximum(z, 0)


def _relu_slope(z: Array) -> Array:
    return (z > 0).astype(z.dtype)


def _leaky_relu(z: Array, alpha: float) -> Array:
    return np.where(z > 0, z, alpha * z)


def _leaky_relu_slope(z: Array, alpha: float) -> Array:
    return np.where(z > 0, 1, alpha).astype(z.dtype)


def _elu(z: Array, alpha: float) -> Array:
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))  # expm1(z) = exp(z) - 1


def _elu_slope(z: Array, alpha: float) -> Array:
    return np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0)))


def _selu(z: Array) -> Array:
    """Equation ``eq-selu`` of the chapter *Activation functions*."""
    return SELU_SCALE * _elu(z, SELU_ALPHA)


def _selu_slope(z: Array) -> Array:
    return SELU_SCALE * _elu_slope(z, SELU_ALPHA)


def _normal_cdf(z: Array) -> Array:
    # NumPy has no error function; Python's is exact to the last digit, one entry at a time.
    values = [0.5 * math.erfc(-entry / math.sqrt(2)) for entry in z.ravel().tolist()]
    return np.array(values, dtype=z.dtype).reshape(z.shape)


def _gelu(z: Array) -> Array:
    """Equation ``eq-gelu`` of the chapter *Activation functions*."""
    return z * _normal_cdf(z)


def _gelu_slope(z: Array) -> Array:
    near = np.clip(z, -40, 40)  # further out the density is 0, but the square could overflow
    density = np.exp(-(near**2) / 2) / math.sqrt(2 * math.pi)
    return _normal_cdf(z) + near * density


def _gelu_tanh(z: Array) -> Array:
    """Equation ``eq-gelu-tanh`` of the chapter *Activation functions*.

    It is written with (1 + tanh(u)) / 2 = sigmoid(2 u), which keeps its digits where tanh
    comes close to -1.
    """
    return z * _sigmoid(_twice_the_cubic(z))


def _gelu_tanh_slope(z: Array) -> Array:
    share = _sigmoid(_twice_the_cubic(z))
    near = np.clip(z, -30, 30)
    d_cubic = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * near**2)
    return share + near * share * (1 - share) * d_cubic


def _twice_the_cubic(z: Array) -> Array:
    near = np.clip(z, -30, 30)  # further out the sigmoid is 0 or 1, but the cube could overflow
    return 2 * math.sqrt(2 / math.pi) * (near + 0.044715 * near**3)


def _sigmoid(z: Array) -> Array:
    """Equation ``eq-sigmoid`` of the chapter *Activation functions*.

    Only exponentials of negative numbers are computed: they cannot overflow.
    """
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def _sigmoid_slope(z: Array) -> Array:
    a = _sigmoid(z)
    return a * (1 - a)


def _softplus(z: Array) -> Array:
    """Equation ``eq-softplus`` of the chapter *Activation functions*."""
    return np.logaddexp(0, z)


def _tanh_slope(z: Array) -> Array:
    """Equation ``eq-tanh`` of the chapter *Activation functions*."""
    return 1 - np.tanh(z) ** 2


def _identity(z: Array) -> Array:
    """Equation ``eq-identity`` of the chapter *Activation functions*."""
    return z.copy()


relu = ActivationFunction("relu", _relu, _relu_slope)
leaky_relu = make_leaky_relu()
elu = make_elu()
selu = ActivationFunction("selu", _selu, _selu_slope)
gelu = ActivationFunction("gelu", _gelu, _gelu_slope)
gelu_tanh = ActivationFunction("gelu_tanh", _gelu_tanh, _gelu_tanh_slope)
sigmoid = ActivationFunction("sigmoid", _sigmoid, _sigmoid_slope)
softplus = ActivationFunction("softplus", _softplus, _sigmoid)
tanh = ActivationFunction("tanh", np.tanh, _tanh_slope)
identity = ActivationFunction("identity", _identity, np.ones_like)
