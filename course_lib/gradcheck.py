"""Gradient checking: is a derivative that was written by hand the right one?

Chapter *The MLP and back-propagation*. A gradient is compared with finite differences, in
float64. With a step of 1e-5, right gradients agree to a relative error of about 1e-9, and
never more than 1e-7; wrong ones differ in the first digits.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_array,
    as_finite_real,
    as_generator,
    as_positive_real,
    message,
)

if TYPE_CHECKING:
    from course_lib.layers import Layer
    from course_lib.network import Network

__all__ = ["check_layer", "check_network", "numerical_gradient", "relative_error"]

Array = NDArray[np.float64]


def numerical_gradient(f: Callable[[Array], float], x: ArrayLike, *, h: float = 1e-5) -> Array:
    """Return the gradient of `f` at `x` by central differences, one entry at a time.

    Equation ``eq-gradcheck`` of the chapter *The MLP and back-propagation*. Two values of
    `f` for each entry of `x`: good for a check, far too slow for learning.

    Parameters
    ----------
    f : callable
        Maps an array of the shape of `x` to one number.
    x : array_like of any shape
        Point. The differences are taken in float64: float32 has too few digits for them.
    h : float
        Step to both sides. The error of the formula grows with it as its square, the
        rounding error as its inverse; 1e-5 is a good middle.

    Returns
    -------
    ndarray of the shape of `x`

    Raises
    ------
    ValueError
        If `x` is empty or not finite, `h` is not above 0, or `f` is not finite near `x`.
    TypeError
        If `f` is not callable, its value is not one number, or `x` holds no numbers.

    Examples
    --------
    >>> numerical_gradient(lambda x: np.sum(x**2), [1.0, -3.0]).round(6)
    array([ 2., -6.])
    """
    if not callable(f):
        raise TypeError(message("f", "a function of an array", reprlib.repr(f)))
    x, h = as_array(x, "x").astype(np.float64), as_positive_real(h, "h")  # astype copies
    gradient = np.empty_like(x)
    for entry in np.ndindex(x.shape):
        value = x[entry]
        x[entry] = value + h
        above = as_finite_real(f(x), "f(x)")
        x[entry] = value - h
        below = as_finite_real(f(x), "f(x)")
        x[entry] = value
        gradient[entry] = (above - below) / (2 * h)
    return gradient


def relative_error(a: ArrayLike, b: ArrayLike) -> float:
    """Return the distance of two arrays, relative to the longer one: 0 equal, 2 opposite.

    Equation ``eq-gradcheck`` of the chapter *The MLP and back-propagation*.

    Parameters
    ----------
    a, b : array_like of one shape
        The gradient of the code and the one of the finite differences, in any order.

    Returns
    -------
    float
        ``norm(a - b) / max(norm(a), norm(b))``; 0 when both are zero.

    Raises
    ------
    ValueError
        If the shapes differ, or an array is empty or not finite.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> relative_error([3.0, 4.0], [3.0, 4.0])
    0.0
    >>> relative_error([1.0], [2.0])
    0.5
    """
    a, b = as_array(a, "a"), as_array(b, "b")
    if a.shape != b.shape:
        raise ValueError(message("b", f"shape {a.shape} like a", f"shape {b.shape}"))
    longer = max(np.linalg.norm(a), np.linalg.norm(b), np.finfo(np.float64).tiny)
    return float(np.linalg.norm(a - b) / longer)


def check_layer(
    layer: Layer, x: ArrayLike, *, rng: np.random.Generator, h: float = 1e-5
) -> dict[str, float]:
    """Compare what a layer's `backward` returns and writes with finite differences.

    A layer has an array as output, a gradient needs one number: the output is multiplied
    by random weights and added up. The gradient of that sum with respect to the output is
    the array of weights, and so `backward` gets it.
    Equation ``eq-gradcheck`` of the chapter *The MLP and back-propagation*.

    Parameters
    ----------
    layer : Layer
        Already built, in float64. Its parameters are the same afterwards.
    x : array_like
        Batch of inputs, rows first. Keep its entries, and what the layer makes of them,
        away from kinks, such as 0 for ReLU: no derivative exists there.
    rng : numpy.random.Generator
        Draws the weights of the sum.
    h : float
        Step of the differences.

    Returns
    -------
    dict of str to float
        The relative error of the gradient with respect to ``"x"`` and to each parameter.
        More than 1e-7 is a mistake, as a rule.

    Raises
    ------
    ValueError
        If the parameters are not float64, `h` is not above 0, or `x` does not fit the layer.
    TypeError
        If `layer` is no layer, `x` holds no numbers, or `rng` is no generator.

    Examples
    --------
    >>> from course_lib.layers import Dense
    >>> rng = np.random.default_rng(0)
    >>> layer = Dense(2).build((3,), rng=rng)
    >>> errors = check_layer(layer, rng.normal(size=(4, 3)), rng=rng)
    >>> sorted(errors), max(errors.values()) < 1e-7
    (['W', 'b', 'x'], True)
    """
    params = getattr(layer, "params", None)
    if not isinstance(params, dict):
        raise TypeError(message("layer", "a layer of course_lib.layers", reprlib.repr(layer)))
    for values in params.values():
        _check_double(values, "layer")
    x, rng = as_array(x, "x").astype(np.float64), as_generator(rng)
    weights = rng.normal(size=layer.forward(x).shape)

    def weighted_sum(x: Array) -> float:
        return np.sum(weights * layer.forward(x))

    numeric = {"x": numerical_gradient(weighted_sum, x, h=h)}
    for name, values in params.items():
        numeric[name] = _gradient_in_place(lambda: weighted_sum(x), values, h)
    layer.forward(x)
    exact = {"x": layer.backward(weights), **layer.grads}
    return {name: relative_error(exact[name], numeric[name]) for name in numeric}


def check_network(network: Network, X: ArrayLike, y: ArrayLike, *, h: float = 1e-5) -> float:
    """Compare the gradient of a network's loss with finite differences, all parameters at once.

    Equation ``eq-gradcheck`` of the chapter *The MLP and back-propagation*.

    Parameters
    ----------
    network : Network
        In float64 and without dropout, which draws another mask for each value of the
        loss. Its parameters are the same afterwards.
    X : array_like
        Batch of inputs, rows first. A few rows are enough.
    y : array_like
        Labels or values that belong to the rows.
    h : float
        Step of the differences.

    Returns
    -------
    float
        Relative error. More than 1e-7 is a mistake, as a rule.

    Raises
    ------
    ValueError
        If the parameters are not float64, `h` is not above 0, or `X` and `y` do not fit.
    TypeError
        If `network` is no network, or `X` or `y` is of the wrong kind.

    Examples
    --------
    >>> from course_lib.layers import Dense
    >>> from course_lib.losses import softmax_cross_entropy
    >>> from course_lib.network import Network
    >>> rng = np.random.default_rng(0)
    >>> network = Network([Dense(2)], input_shape=(3,), loss=softmax_cross_entropy, rng=rng)
    >>> check_network(network, rng.normal(size=(4, 3)), [0, 1, 1, 0]) < 1e-7
    True
    """
    theta = getattr(network, "theta", None)
    if not isinstance(theta, np.ndarray):
        expected = "a network of course_lib.network"
        raise TypeError(message("network", expected, reprlib.repr(network)))
    _check_double(theta, "network")
    numeric = _gradient_in_place(lambda: network.loss_and_gradient(X, y), theta, h)
    network.loss_and_gradient(X, y)
    return relative_error(network.grad, numeric)


def _gradient_in_place(f: Callable[[], float], values: Array, h: float) -> Array:
    """Return the numerical gradient of `f` with respect to an array that it reads."""
    start = values.copy()

    def f_at(point: Array) -> float:
        values[...] = point
        return f()

    try:
        return numerical_gradient(f_at, start, h=h)
    finally:
        values[...] = start


def _check_double(values: NDArray[np.floating], name: str) -> None:
    if values.dtype != np.float64:
        raise ValueError(message(name, "parameters in float64", values.dtype))
