"""Checks of arguments that the modules share, with one form of message.

Every check returns the argument in the form that the caller computes with, or
raises with ``<argument>: expected <what>, got <what came>``. A wrong kind of
value (a string where a number is needed) is a ``TypeError``; a wrong shape,
length or value is a ``ValueError``. No check writes into its argument.
"""

import math
import numbers
import reprlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def message(name: str, expected: str, got: object) -> str:
    """Return the text of an error, in the one form that the library uses.

    Parameters
    ----------
    name : str
        Argument that is refused.
    expected : str
        What the argument should have been.
    got : object
        What came: a text is printed as it is.

    Examples
    --------
    >>> message("k", "an integer of at least 1", "0")
    'k: expected an integer of at least 1, got 0'
    """
    return f"{name}: expected {expected}, got {got}"


def as_array(value: ArrayLike, name: str, *, ndim: int | None = None) -> NDArray[np.floating]:
    """Return ``value`` as a non-empty array of finite floats.

    Floats keep their precision (float32 stays float32); integers and booleans
    become float64.

    Parameters
    ----------
    value : array_like of numbers
    name : str
        Name of the argument, for the message.
    ndim : int, optional
        Number of dimensions that the array must have; any when left out.

    Raises
    ------
    TypeError
        If the entries are not real numbers.
    ValueError
        If the shape is wrong, the array is empty, or an entry is not finite.

    Examples
    --------
    >>> as_array([[1, 2], [3, 4]], "X", ndim=2)
    array([[1., 2.],
           [3., 4.]])
    """
    array = _to_array(value, name)
    expected = "an array of numbers" if ndim is None else f"a {ndim}-D array of numbers"
    if array.dtype.kind not in "biuf":
        raise TypeError(message(name, expected, _kind_of(value, array)))
    if ndim is not None and array.ndim != ndim:
        raise ValueError(message(name, expected, f"shape {array.shape}"))
    if array.size == 0:
        raise ValueError(message(name, "at least one value", f"shape {array.shape}"))
    if array.dtype.kind != "f":
        return array.astype(np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(message(name, "finite numbers", array[~finite][0]))
    return array


def as_vector(value: ArrayLike, name: str) -> NDArray[np.floating]:
    """Return ``value`` as a vector ``(n,)`` of finite floats, with n at least 1.

    Raises
    ------
    TypeError, ValueError
        As :func:`as_array` with one dimension.

    Examples
    --------
    >>> as_vector([1, 2], "y_score")
    array([1., 2.])
    """
    return as_array(value, name, ndim=1)


def as_matrix(value: ArrayLike, name: str) -> NDArray[np.floating]:
    """Return ``value`` as a matrix ``(n, d)`` of finite floats, not empty.

    Raises
    ------
    TypeError, ValueError
        As :func:`as_array` with two dimensions.

    Examples
    --------
    >>> as_matrix([[1, 2]], "X")
    array([[1., 2.]])
    """
    return as_array(value, name, ndim=2)


def as_rows(value: ArrayLike, name: str) -> NDArray[Any]:
    """Return ``value`` as an array of any kind with at least one row.

    For functions that move rows without computing with them: tables, images, labels.

    Raises
    ------
    ValueError
        If there is no row, or the rows differ in length.

    Examples
    --------
    >>> as_rows([[1, 2], [3, 4]], "X")
    array([[1, 2],
           [3, 4]])
    """
    array = _to_array(value, name)
    if array.ndim == 0 or len(array) == 0:
        expected = "an array with one row for each example"
        raise ValueError(message(name, expected, f"shape {array.shape}"))
    return array


def as_labels(value: ArrayLike, name: str) -> NDArray[Any]:
    """Return ``value`` as a vector ``(n,)`` of class labels, with n at least 1.

    Labels are integers, booleans (read as 0 and 1) or strings. Floats pass only
    when they are whole numbers: a probability or a NaN is no class.

    Returns
    -------
    ndarray of shape (n,)
        Its dtype is an integer or a string type, never another one.

    Raises
    ------
    TypeError
        If the entries are of another kind, or strings mixed with numbers.
    ValueError
        If the array is not 1-D, is empty, or holds a float that is not whole.

    Examples
    --------
    >>> as_labels([True, False, True], "y_true")
    array([1, 0, 1], dtype=uint8)
    >>> as_labels(["wolf", "no wolf"], "y_true")
    array(['wolf', 'no wolf'], dtype='<U7')
    """
    labels = _to_array(value, name)
    if labels.ndim == 1 and labels.size == 0:
        raise ValueError(message(name, "at least one label", "none"))
    if labels.dtype.kind == "b":
        labels = labels.view(np.uint8)
    elif labels.dtype.kind == "f":
        labels = _whole_numbers(labels, name)
    elif labels.dtype.kind not in "iu":
        labels = _strings(value, labels, name)
    if labels.ndim != 1:
        raise ValueError(message(name, "a 1-D array of labels", f"shape {labels.shape}"))
    return labels


def as_label(value: Any, name: str) -> int | str:
    """Return ``value`` as one class label: an ``int`` (booleans are 0 and 1) or a ``str``.

    Raises
    ------
    TypeError, ValueError
        If ``value`` is an array, or as :func:`as_labels`.

    Examples
    --------
    >>> as_label(True, "positive"), as_label("wolf", "positive")
    (1, 'wolf')
    """
    shape = _to_array(value, name).shape
    if shape != ():
        raise ValueError(message(name, "one label", f"shape {shape}"))
    return as_labels([value], name)[0].item()


def same_length(like: Any, value: Any, like_name: str, name: str) -> None:
    """Raise unless ``value`` has as many entries (or rows) as ``like``.

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> same_length([1, 0, 1], [1, 0], "y_true", "y_pred")
    Traceback (most recent call last):
        ...
    ValueError: y_pred: expected 3 values like y_true, got 2
    """
    if len(value) != len(like):
        raise ValueError(message(name, f"{len(like)} values like {like_name}", len(value)))


def same_kind(like: NDArray[Any], value: NDArray[Any], like_name: str, name: str) -> None:
    """Raise unless two arrays from :func:`as_labels` are both strings or both integers.

    Raises
    ------
    TypeError
        If one array holds strings and the other one integers.

    Examples
    --------
    >>> same_kind(np.array(["wolf"]), np.array([1]), "y_true", "y_pred")
    Traceback (most recent call last):
        ...
    TypeError: y_pred: expected strings like y_true, got integers
    """
    kinds = {True: "strings", False: "integers"}
    wanted, came = kinds[like.dtype.kind == "U"], kinds[value.dtype.kind == "U"]
    if wanted != came:
        raise TypeError(message(name, f"{wanted} like {like_name}", came))


def as_positive_int(value: Any, name: str) -> int:
    """Return ``value`` as an ``int`` of at least 1.

    Raises
    ------
    TypeError
        If ``value`` is not an integer; a boolean or ``2.0`` is not one here.
    ValueError
        If ``value`` is below 1.

    Examples
    --------
    >>> as_positive_int(np.int64(3), "k")
    3
    """
    return _as_int(value, name, 1)


def as_nonnegative_int(value: Any, name: str) -> int:
    """Return ``value`` as an ``int`` of at least 0, such as a seed.

    Raises
    ------
    TypeError
        If ``value`` is not an integer; a boolean or ``2.0`` is not one here.
    ValueError
        If ``value`` is below 0.

    Examples
    --------
    >>> as_nonnegative_int(0, "seed")
    0
    """
    return _as_int(value, name, 0)


def _as_int(value: Any, name: str, least: int) -> int:
    expected = f"an integer of at least {least}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(message(name, expected, reprlib.repr(value)))
    if value < least:
        raise ValueError(message(name, expected, value))
    return int(value)


def as_verbose(value: Any) -> int:
    """Return what Keras is told to print: 0 nothing, 1 a bar, 2 a line for each epoch.

    Raises
    ------
    ValueError
        If ``value`` is none of them.

    Examples
    --------
    >>> as_verbose(2)
    2
    """
    if value not in (0, 1, 2):
        raise ValueError(message("verbose", "0, 1 or 2", reprlib.repr(value)))
    return value


def as_finite_real(value: Any, name: str) -> float:
    """Return ``value`` as a finite ``float``.

    Raises
    ------
    TypeError
        If ``value`` is not a real number (a boolean is not one here).
    ValueError
        If ``value`` is NaN or infinite.

    Examples
    --------
    >>> as_finite_real(-2, "x")
    -2.0
    """
    number = _real(value, name, "a finite number")
    if not math.isfinite(number):
        raise ValueError(message(name, "a finite number", number))
    return number


def as_positive_real(value: Any, name: str) -> float:
    """Return ``value`` as a finite ``float`` above 0.

    Raises
    ------
    TypeError
        If ``value`` is not a real number (a boolean is not one here).
    ValueError
        If ``value`` is not above 0, is NaN or is infinite.

    Examples
    --------
    >>> as_positive_real(2, "beta")
    2.0
    """
    number = _real(value, name, "a finite number above 0")
    if not 0 < number < math.inf:
        raise ValueError(message(name, "a finite number above 0", number))
    return number


def as_nonnegative_real(value: Any, name: str) -> float:
    """Return ``value`` as a finite ``float`` of at least 0.

    Raises
    ------
    TypeError
        If ``value`` is not a real number (a boolean is not one here).
    ValueError
        If ``value`` is negative, NaN or infinite.

    Examples
    --------
    >>> as_nonnegative_real(0, "l2")
    0.0
    """
    number = _real(value, name, "a finite number of at least 0")
    if not 0 <= number < math.inf:
        raise ValueError(message(name, "a finite number of at least 0", number))
    return number


def as_probability(value: Any, name: str) -> float:
    """Return ``value`` as a ``float`` between 0 and 1, both included.

    Raises
    ------
    TypeError
        If ``value`` is not a real number (a boolean is not one here).
    ValueError
        If ``value`` is outside [0, 1] or NaN.

    Examples
    --------
    >>> as_probability(0.25, "rate")
    0.25
    """
    number = _real(value, name, "a number between 0 and 1")
    if not 0 <= number <= 1:
        raise ValueError(message(name, "a number between 0 and 1", number))
    return number


def as_shape(value: Any, name: str, *, ndim: int | None = None) -> tuple[int, ...]:
    """Return ``value`` as a shape: a tuple of integers of at least 1.

    Parameters
    ----------
    value : tuple of int
        Shape of one example, without the axis of the batch.
    name : str
        Name of the argument, for the message.
    ndim : int, optional
        Number of entries that the shape must have; any but none when left out.

    Raises
    ------
    TypeError
        If ``value`` is no tuple or list of integers.
    ValueError
        If an entry is below 1, or their number is wrong.

    Examples
    --------
    >>> as_shape([28, 28, 1], "input_shape", ndim=3)
    (28, 28, 1)
    """
    expected = "a shape such as (4,)" if ndim is None else f"a shape of {ndim} integers"
    if not isinstance(value, tuple | list):
        raise TypeError(message(name, expected, reprlib.repr(value)))
    shape = tuple(as_positive_int(size, name) for size in value)
    if not shape or (ndim is not None and len(shape) != ndim):
        raise ValueError(message(name, expected, shape))
    return shape


def as_generator(value: Any, name: str = "rng") -> np.random.Generator:
    """Return ``value`` when it is a NumPy random generator.

    Raises
    ------
    TypeError
        If ``value`` is anything else, a seed included.

    Examples
    --------
    >>> as_generator(42)
    Traceback (most recent call last):
        ...
    TypeError: rng: expected a generator such as numpy.random.default_rng(0), got 42
    """
    if not isinstance(value, np.random.Generator):
        expected = "a generator such as numpy.random.default_rng(0)"
        raise TypeError(message(name, expected, reprlib.repr(value)))
    return value


def _to_array(value: ArrayLike, name: str) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:  # NumPy's own text names neither the argument nor its shape
        raise ValueError(message(name, "rows of equal length", reprlib.repr(value))) from None


def _kind_of(value: Any, array: NDArray[Any]) -> str:
    """Say what came where numbers were expected."""
    if array.ndim == 0:
        return reprlib.repr(value)
    return "strings" if array.dtype.kind == "U" else f"entries of type {array.dtype}"


def _whole_numbers(labels: NDArray[np.floating], name: str) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):  # NaN and infinity become some integer, and differ below
        whole = labels.astype(np.int64)
    wrong = whole != labels
    if wrong.any():
        expected = "labels that are integers, booleans or strings"
        raise ValueError(message(name, expected, f"the number {labels[wrong][0]}"))
    return whole


def _strings(value: Any, labels: NDArray[Any], name: str) -> NDArray[np.str_]:
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return value
    # NumPy would silently turn [1, "wolf"] into ["1", "wolf"]: look at the entries themselves.
    for entry in np.asarray(value, dtype=object).flat:
        if not isinstance(entry, str):
            expected = "labels that are all integers, all booleans or all strings"
            raise TypeError(message(name, expected, reprlib.repr(entry)))
    return labels.astype(np.str_)


def _real(value: Any, name: str, expected: str) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(message(name, expected, reprlib.repr(value)))
    return float(value)
