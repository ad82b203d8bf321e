"""What travels between the grader and a student's kernel: plain JSON, with arrays in base64.

A student's kernel is sent the text of this module, so nothing of the course is imported here.
"""

import base64
import contextlib
import json
import math
import os
import re

import numpy as np

__all__ = ["LIMIT", "QUESTION", "Source", "answer", "decode", "defined", "encode", "listen"]

QUESTION = "course_question"  # type of the messages in which a kernel is asked
LIMIT = 10_000_000  # characters; no honest answer to an exercise is longer
DEEPEST = 50  # lists in lists; what reads a value later calls itself for each of them


class Source:
    """A function given as text, so that it can travel: the student's code gets the function.

    Parameters
    ----------
    text : str
        An expression whose value is a function; ``np`` is NumPy.

    Examples
    --------
    >>> square = Source("lambda x: x**2")
    >>> square(3.0)
    9.0
    >>> square
    lambda x: x**2
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._function = eval(text, {"np": np})

    def __call__(self, *args):
        return self._function(*args)

    def __repr__(self) -> str:
        return self.text


def defined(text: str):
    """Run the text of a function's definition and return the function.

    Parameters
    ----------
    text : str
        A ``def`` that uses nothing but its arguments and what it imports itself.

    Returns
    -------
    callable
        The function.

    Examples
    --------
    >>> defined("def twice(f, x):\\n    return f(f(x))")(abs, -3)
    3
    """
    namespace = {}
    exec(text, namespace)
    return namespace.popitem()[1]  # the last name: what `def` has just added


def encode(value):
    """Turn a value into what JSON can hold.

    Parameters
    ----------
    value : None, bool, int, float, str, list, tuple, array, NumPy scalar or Source
        Lists and tuples may be nested; anything that NumPy reads as an array is one.

    Returns
    -------
    object
        None, bool, int, float, str, list or dict, see `decode`.

    Raises
    ------
    TypeError
        When the value is of another type.

    Examples
    --------
    >>> encode((1, [2.5, None]))
    {'tuple': [1, [2.5, None]]}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Source):
        return {"source": value.text}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if hasattr(value, "__array__"):
        return _encode_array(np.asarray(value))
    raise TypeError(f"a value of type {type(value).__name__}")


def _encode_array(array):
    if array.dtype.kind == "O" and array.ndim:
        return encode(array.tolist())
    if array.dtype.kind not in "biufU":
        raise TypeError(f"an array of dtype {array.dtype}")
    if array.ndim == 0:
        return encode(array.item())
    if array.nbytes > LIMIT:
        raise TypeError(f"an array of {array.nbytes} bytes")
    content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return {"array": [array.dtype.str, list(array.shape), content]}


def decode(data, source=None, deepest=DEEPEST):
    """Turn what `encode` returned into the value again.

    Parameters
    ----------
    data : object
        Result of `encode`, possibly forged when it comes from a kernel.
    source : callable, optional
        Makes a function of a `Source`'s text. Without it such a text is refused: the grader must
        never run what a kernel sends.
    deepest : int
        How many lists may be in each other.

    Returns
    -------
    object
        The value.

    Raises
    ------
    ValueError
        When ``data`` is not a result of `encode`.

    Examples
    --------
    >>> decode(encode((1, np.arange(3))))
    (1, array([0, 1, 2]))
    """
    if deepest < 0:
        raise ValueError(f"more than {DEEPEST} lists in each other")
    if isinstance(data, list):
        return [decode(item, source, deepest - 1) for item in data]
    if not isinstance(data, dict):
        return data
    match list(data.items()):
        case [("tuple", list(items))]:
            return tuple(decode(item, source, deepest - 1) for item in items)
        case [("array", [str(dtype), list(shape), str(content)])]:
            return _decode_array(dtype, shape, content)
        case [("source", str(text))] if source is not None:
            return source(text)
    raise ValueError("not a value of the wire")


def _decode_array(dtype, shape, content):
    content = base64.b64decode(content, validate=True)
    sizes = all(type(size) is int and size >= 0 for size in shape)
    if not (sizes and re.fullmatch(r"[<>|=]?[biufU]\d{1,5}", dtype)):
        raise ValueError(f"no array of dtype {dtype!r} and shape {shape!r}")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(content):
        raise ValueError(f"{len(content)} bytes are not an array of shape {shape}")
    array = np.ndarray(shape, dtype, content).copy()
    if array.dtype.kind == "U":
        _require_letters(array)
    return array


def _require_letters(array):
    """Refuse numbers that are no letters: NumPy fails on them only when it shows the text."""
    try:
        array.tolist()
    except SystemError:
        raise ValueError("an array of texts with numbers that are no letters") from None


def listen():
    """Let this kernel answer questions; it runs in the student's kernel."""
    from IPython import get_ipython

    kernel = get_ipython().kernel

    def reply(stream, identity, message):
        content = {"reply": answer(**message["content"])}
        # As after a cell: figures that were drawn belong to no later one, and exit() is told.
        kernel.shell.events.trigger("post_execute")
        content["payload"] = kernel.shell.payload_manager.read_payload()
        kernel.shell.payload_manager.clear_payload()
        kernel.session.send(stream, "course_reply", content, message, ident=identity)

    kernel.shell_handlers[QUESTION] = reply


def answer(function: str, payload: str, through: str | None = None) -> str:
    """Call the student's function; this runs in the student's kernel.

    Parameters
    ----------
    function : str
        Name of the function in the notebook.
    payload : str
        JSON list of encoded argument tuples, one for each call.
    through : str, optional
        Text of a driver: it is called with the student's function and the arguments, and its
        result is the answer.

    Returns
    -------
    str
        JSON list of replies, one for each call, fewer if the calls were interrupted. A reply is
        ``{"value": ...}``, ``{"raised": [class names], "message": ...}`` or ``{"refused": why}``.
    """
    import __main__

    calls, replies = json.loads(payload), []
    try:
        # What a student's function prints while it is being checked is nobody's concern.
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            for arguments in calls:
                replies.append(_reply(vars(__main__), function, arguments, through))
    except KeyboardInterrupt:  # the grader's patience is at an end; what is there still counts
        pass
    text = json.dumps(replies)
    too_long = {"refused": f"a value that takes {len(text)} characters"}
    return text if len(text) <= LIMIT else json.dumps([too_long] * len(calls))


def _reply(namespace, function, arguments, through):
    if not callable(namespace.get(function)):
        return {"refused": None}
    try:
        called = decode(arguments, lambda text: eval(text, {"np": np}))
        if through is None:
            value = namespace[function](*called)
        else:
            value = defined(through)(namespace[function], *called)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit included: sys.exit() is an answer like another
        classes = [kind.__name__ for kind in type(error).__mro__]
        return {"raised": classes[:20], "message": str(error)[:500]}
    try:
        return {"value": encode(value)}
    except (TypeError, ValueError, RecursionError) as error:
        return {"refused": str(error)[:500]}
