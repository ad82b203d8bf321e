"""Compare what a student's function returned with what was expected, in words."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["difference", "shown"]

LONGEST = 160  # characters of a value in a message
MOST_ITEMS = 12  # items of a sequence in a message
SEQUENCES = (list, tuple, np.ndarray)


def difference(expected: Any, got: Any, *, rtol: float = 1e-9, atol: float = 1e-12) -> str | None:
    """Say how ``got`` differs from ``expected``.

    A tuple, a list and an array with equal elements are equal, and so are an int and a float of
    equal value; shapes must be the same; NaN equals NaN.

    Parameters
    ----------
    expected, got : None, bool, int, float, str, list, tuple or array
        The two values; lists and tuples may be nested.
    rtol, atol : float, optional
        Two numbers e and g are equal when ``|g - e| <= atol + rtol * |e|``; two integers when
        they are the same.

    Returns
    -------
    str or None
        The difference, or None where there is none.

    Examples
    --------
    >>> difference((1, 0), [1.0, 0.0]) is None
    True
    >>> difference(0.5, None)
    'expected 0.5, got None: does the function return something?'
    >>> difference(np.zeros(3), np.zeros((3, 1)))
    'expected an array of shape (3,), got shape (3, 1)'
    """
    if got is None and expected is not None:
        return f"expected {shown(expected)}, got None: does the function return something?"
    numbers, answer = _numbers(expected), _numbers(got)
    if numbers is not None and answer is not None:
        return _difference_of_numbers(expected, got, numbers, answer, rtol, atol)
    if isinstance(expected, SEQUENCES):
        return _difference_of_sequences(expected, got, rtol, atol)
    if not isinstance(got, SEQUENCES) and expected == got:
        return None
    return f"expected {_kind(expected)}{shown(expected)}, got {_kind(got)}{shown(got)}"


def _numbers(value: Any) -> np.ndarray | None:
    """Read a value as an array of numbers; None where it is not one."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):  # ragged, or no numbers at all
        return None
    return array if array.dtype.kind in "biuf" else None


def _difference_of_numbers(expected, got, numbers, answer, rtol, atol) -> str | None:
    if numbers.shape != answer.shape:
        if numbers.ndim == 1 and isinstance(expected, (list, tuple)):
            return f"expected {shown(expected)}, got {shown(got)}"
        return f"expected {_shape(numbers)}, got {_shape(answer, numbers.ndim > 0)}"
    if numbers.dtype.kind in "biu" and answer.dtype.kind in "biu":
        equal = numbers == answer
    else:
        equal = np.isclose(answer, numbers, rtol=rtol, atol=atol, equal_nan=True)
    if np.all(equal):
        return None
    if numbers.size <= MOST_ITEMS:
        return f"expected {shown(expected)}, got {shown(got)}"
    where = tuple(int(i) for i in np.argwhere(~np.atleast_1d(equal))[0])
    place = where[0] if len(where) == 1 else where
    first = f"the first at index {place}: expected {numbers[where]:.6g}, got {answer[where]:.6g}"
    return f"{np.sum(~equal)} of {numbers.size} numbers are wrong, {first}"


def _difference_of_sequences(expected, got, rtol, atol) -> str | None:
    if not isinstance(got, SEQUENCES):
        return f"expected {shown(expected)}, got {_kind(got)}{shown(got)}"
    if len(got) != len(expected):
        return f"expected {len(expected)} values, got {len(got)}: {shown(got)}"
    for number, (wanted, received) in enumerate(zip(expected, got, strict=True), 1):
        problem = difference(wanted, received, rtol=rtol, atol=atol)
        if problem is not None:
            return f"value {number} of {len(expected)}: {problem}"
    return None


def _shape(array: np.ndarray, short: bool = False) -> str:
    if array.ndim == 0:
        return f"the number {array.item()!r}"
    return f"{'' if short else 'an array of '}shape {array.shape}"


def _kind(value: Any) -> str:
    """Name the kind of a value whose text alone could be taken for another."""
    return "the text " if isinstance(value, str) else ""


def shown(value: Any) -> str:
    """Write a value for a message: on one line, and shortened where it is long.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    str
        At most about 160 characters.

    Examples
    --------
    >>> shown(np.array([1.0, 2.0]))
    'array([1.0, 2.0])'
    >>> shown(list(range(100)))
    '[0, 1, 2, 3, 4, 5, ... 100 values]'
    """
    text = _written(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."


def _written(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size > MOST_ITEMS and value.ndim > 1:
            return f"an array of shape {value.shape}"
        return f"array({_written(value.tolist())})"
    if isinstance(value, np.generic):
        return _written(value.item())
    if isinstance(value, (list, tuple)):
        return _written_sequence(value)
    if isinstance(value, str) and len(value) > LONGEST:
        return repr(value[: LONGEST // 2] + "...")
    return repr(value)


def _written_sequence(values: list | tuple) -> str:
    if len(values) > MOST_ITEMS:
        first = [f"{v:.4g}" if isinstance(v, float) else _written(v) for v in values[:6]]
        items = [*first, f"... {len(values)} values"]
    else:
        items = [_written(value) for value in values]
    inside = ", ".join(items)
    if isinstance(values, list):
        return f"[{inside}]"
    return f"({inside},)" if len(items) == 1 else f"({inside})"
