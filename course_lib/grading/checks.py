"""Hidden checks: cases that a student's function must answer, and wrong answers with a name.

A check's cases are made, and the replies judged, in the grader's process. Where the student's
function runs is somebody else's concern: `run` is given a ``call`` that asks it.
"""

from __future__ import annotations

import copy
import io
import math
import types
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.grading.compare import difference, shown
from course_lib.grading.course import CourseError
from course_lib.grading.wire import Source

__all__ = [
    "Case",
    "Check",
    "Error",
    "Mistake",
    "NoAnswer",
    "Outcome",
    "Reply",
    "Source",
    "Suite",
    "audit",
    "check",
    "in_process",
    "load",
    "mistake",
    "run",
]


@dataclass(frozen=True)
class Case:
    """One call of a student's function, and what it must do.

    Parameters
    ----------
    args : tuple
        Arguments of the call.
    expected : object, optional
        What the function must return; or
    raises : type, optional
        the exception that it must raise.
    """

    args: tuple
    expected: Any = None
    raises: type[BaseException] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.args, tuple):
            raise TypeError(f"args: expected a tuple, e.g. (x,), got {shown(self.args)}")


@dataclass(frozen=True)
class Check:
    """A property of a student's function that is worth points, see `check`."""

    name: str
    title: str
    cell: str
    function: str
    points: float
    needs: tuple[str, ...]
    rtol: float
    atol: float
    generate: Callable[[np.random.Generator], Iterator[Case]]

    def cases(self) -> list[Case]:
        """Make the cases: the same ones each time, since the seed depends on the name only."""
        return list(self.generate(np.random.default_rng(zlib.crc32(self.name.encode()))))


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that students give, see `mistake`."""

    name: str
    title: str
    function: str
    hint: str
    answer: Callable

    def __call__(self, *args: Any) -> Any:
        return self.answer(*args)


@dataclass(frozen=True)
class Error:
    """Why a call returned no value.

    Parameters
    ----------
    text : str
        The reason in words, e.g. ``"raised ZeroDivisionError: division by zero"``.
    classes : tuple of str
        Names of the exception's class and of its parents; empty if nothing was raised.
    """

    text: str
    classes: tuple[str, ...] = ()

    @classmethod
    def raised(cls, classes: Sequence[str], message: str) -> Error:
        """Describe an exception."""
        text = f"raised {classes[0]}" + (f": {shown_message(message)}" if message else "")
        return cls(text, tuple(classes))


def shown_message(message: str) -> str:
    """Cut an exception's message to one line that is not too long."""
    line = " ".join(message.split())
    return line if len(line) <= 200 else line[:196] + " ..."


@dataclass(frozen=True)
class Reply:
    """What a student's function did with one call: a value, or an error."""

    value: Any = None
    error: Error | None = None


class NoAnswer(Exception):
    """A ``call`` got no answer, and asking again is useless.

    Parameters
    ----------
    reason : str
        Why, in words.
    replies : list of Reply, optional
        The replies to the first calls, when it is known which call was the last.
    """

    def __init__(self, reason: str, replies: list[Reply] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.replies = replies


@dataclass(frozen=True)
class Outcome:
    """Result of one check: points, and what to tell the student."""

    check: str
    title: str
    points: float
    earned: float
    message: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Suite:
    """The checks and the named mistakes of one assignment."""

    checks: list[Check]
    mistakes: list[Mistake]

    def of_cell(self, cell: str) -> list[Check]:
        """Return the checks of a test cell, in the order of the file."""
        return [check for check in self.checks if check.cell == cell]

    def points(self, cell: str) -> float:
        """Return the points of a test cell."""
        return math.fsum(check.points for check in self.of_cell(cell))


Call = Callable[[str, list[tuple]], list[Reply]]


def check(
    cell: str,
    *,
    function: str,
    points: float,
    needs: tuple[str, ...] = (),
    rtol: float = 1e-9,
    atol: float = 1e-12,
) -> Callable[[Callable], Check]:
    """Make a check of a generator of cases; its docstring is the title that students see.

    Parameters
    ----------
    cell : str
        Grade id of the test cell.
    function : str
        Name of the student's function.
    points : float
        Points earned when every case is right.
    needs : tuple of str, optional
        Names of checks of the same cell without which this one earns nothing.
    rtol, atol : float, optional
        Tolerances, see `compare.difference`.

    Returns
    -------
    callable
        Decorator of a generator function of one argument ``rng``.

    Raises
    ------
    ValueError
        When the points are not a positive number, or the generator has no docstring.

    Examples
    --------
    >>> @check("test_double", function="double", points=2)
    ... def small_numbers(rng):
    ...     '''Small numbers are doubled.'''
    ...     yield Case(args=(1,), expected=2)
    >>> small_numbers.cases()
    [Case(args=(1,), expected=2, raises=None)]
    """
    if not (math.isfinite(points) and points > 0):
        raise ValueError(f"points: expected a positive number, got {points!r}")

    def decorate(generate: Callable) -> Check:
        title, name = _title(generate), generate.__name__
        return Check(name, title, cell, function, points, tuple(needs), rtol, atol, generate)

    return decorate


def mistake(function: str, *, hint: str) -> Callable[[Callable], Mistake]:
    """Give a name and a hint to a wrong answer; its docstring says what is wrong.

    Parameters
    ----------
    function : str
        Name of the student's function.
    hint : str
        Shown to a student whose failing answers are those of this mistake.

    Returns
    -------
    callable
        Decorator of the wrong function.

    Raises
    ------
    ValueError
        When the wrong function has no docstring.
    """

    def decorate(answer: Callable) -> Mistake:
        return Mistake(answer.__name__, _title(answer), function, hint, answer)

    return decorate


def _title(function: Callable) -> str:
    if not (function.__doc__ or "").strip():
        raise ValueError(f"{function.__name__}: write a docstring, it is shown with the result")
    return function.__doc__.strip().splitlines()[0]


def load(folder: Path) -> Suite:
    """Read ``checks.py`` and ``mistakes.py`` of an assignment.

    Parameters
    ----------
    folder : Path
        ``solutions/<assignment>``.

    Returns
    -------
    Suite
        Checks and mistakes in the order of their files.

    Raises
    ------
    CourseError
        When a file is missing or cannot be run.
    """
    checks = [value for value in _names(folder / "checks.py") if isinstance(value, Check)]
    mistakes = [value for value in _names(folder / "mistakes.py") if isinstance(value, Mistake)]
    return Suite(checks, mistakes)


def _names(path: Path) -> list[Any]:
    """Run a file as a module that nobody else can import, and return what it defines."""
    if not path.is_file():
        raise CourseError(f"{path}: missing; see course_lib/grading/checks.py for what it holds")
    module = types.ModuleType(f"_{path.parent.name}_{path.stem}")
    module.__file__ = str(path)
    try:
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), vars(module))
    except Exception as error:
        raise CourseError(f"{path}: {type(error).__name__}: {error}") from error
    return list(vars(module).values())


def in_process(functions: Mapping[str, Callable]) -> Call:
    """Make a ``call`` for `run` that calls functions of this process.

    Parameters
    ----------
    functions : mapping of str to callable
        The functions by name.

    Returns
    -------
    callable
        ``call(function, list_of_args) -> list of Reply``.

    Examples
    --------
    >>> call = in_process({"double": lambda x: 2 * x})
    >>> call("double", [(1,), (None,)])[0]
    Reply(value=2, error=None)
    """

    def call(function: str, arguments: list[tuple]) -> list[Reply]:
        with warnings.catch_warnings(), np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return [_reply(functions[function], args) for args in copy.deepcopy(arguments)]

    return call


def _reply(function: Callable, args: tuple) -> Reply:
    try:
        return Reply(function(*args))
    except Exception as error:
        classes = [kind.__name__ for kind in type(error).__mro__]
        return Reply(error=Error.raised(classes, str(error)))


def run(suite: Suite, cell: str, call: Call) -> list[Outcome]:
    """Run the checks of a test cell.

    Parameters
    ----------
    suite : Suite
        Checks and mistakes of the assignment.
    cell : str
        Grade id of the test cell.
    call : callable
        ``call(function, list_of_args) -> list of Reply``, may raise `NoAnswer`.

    Returns
    -------
    list of Outcome
        One for each check. After `NoAnswer`, the checks that follow are not run.
    """
    outcomes: list[Outcome] = []
    silence = ""
    for item in suite.of_cell(cell):
        failed = [
            other.title for other in outcomes if other.check in item.needs and not other.earned
        ]
        hint = ""
        if silence:
            message = f"not run: {silence}"
        elif failed:
            message = f"not counted before this is right: {failed[0]}"
        else:
            message, hint, silence = _judge(item, suite, call)
        earned = 0.0 if message else float(item.points)
        outcomes.append(Outcome(item.name, item.title, item.points, earned, message, hint))
    return outcomes


def _judge(item: Check, suite: Suite, call: Call) -> tuple[str, str, str]:
    """Run one check; return the message, the hint and the reason for asking no more."""
    cases = item.cases()
    arguments = [case.args for case in cases]
    try:
        replies = call(item.function, arguments)
    except NoAnswer as stop:
        if stop.replies is None:
            return stop.reason, "", stop.reason
        last = Reply(error=Error(stop.reason))
        return _first_failure(item, cases, [*stop.replies, last]), "", stop.reason
    message = _first_failure(item, cases, replies)
    return message, _hint(item, suite, arguments, replies) if message else "", ""


def _first_failure(item: Check, cases: list[Case], replies: list[Reply]) -> str:
    for case, reply in zip(cases, replies, strict=False):  # replies may have been cut short
        problem = _problem(item, case, reply)
        if problem:
            arguments = ", ".join(shown(argument) for argument in case.args)
            return f"{item.function}({arguments}): {problem}"
    return ""


def _problem(item: Check, case: Case, reply: Reply) -> str | None:
    if case.raises is not None:
        wanted = case.raises.__name__
        if reply.error is None:
            return f"expected {wanted} to be raised, got {shown(reply.value)}"
        if wanted in reply.error.classes:
            return None
        return f"expected {wanted} to be raised, but it {reply.error.text}"
    if reply.error is not None:
        return reply.error.text
    return difference(case.expected, reply.value, rtol=item.rtol, atol=item.atol)


def _hint(item: Check, suite: Suite, arguments: list[tuple], replies: list[Reply]) -> str:
    """Find the mistake that answers all the cases of a failed check as the student does."""
    for wrong in suite.mistakes:
        if wrong.function != item.function:
            continue
        answers = in_process({item.function: wrong.answer})(item.function, arguments)
        if all(_same(item, *pair) for pair in zip(answers, replies, strict=True)):
            return wrong.hint
    return ""


def _same(item: Check, one: Reply, other: Reply) -> bool:
    if one.error is None and other.error is None:
        return difference(one.value, other.value, rtol=item.rtol, atol=item.atol) is None
    return bool(
        one.error and other.error and one.error.classes[:1] == other.error.classes[:1] != ()
    )


def audit(suite: Suite) -> list[str]:
    """Find checks that an answer could pass without being right, and mistakes that pass.

    Parameters
    ----------
    suite : Suite
        Checks and mistakes of an assignment.

    Returns
    -------
    list of str
        What is wrong, for the teacher; empty when nothing is.
    """
    problems = [problem for item in suite.checks for problem in _audit_check(suite, item)]
    for cell in dict.fromkeys(item.cell for item in suite.checks):
        functions = {item.function for item in suite.of_cell(cell)}
        for wrong in suite.mistakes:
            if wrong.function in functions and _is_right(suite, cell, wrong):
                problems.append(f"mistakes.py, {wrong.name}: loses no point in {cell}")
    return problems


def _audit_check(suite: Suite, item: Check) -> Iterator[str]:
    cases = item.cases()
    earlier = []
    for other in suite.of_cell(item.cell):
        if other is item:
            break
        earlier.append(other.name)
    for need in item.needs:
        if need not in earlier:
            yield f"checks.py, {item.name}: {need!r} in needs is no earlier check of {item.cell}"
    if not cases:
        yield f"checks.py, {item.name}: has no case"
    values = [case.expected for case in cases if case.raises is None]
    constant = all(difference(values[0], value) is None for value in values[1:])
    if constant and not item.needs:
        yield (
            f"checks.py, {item.name}: a constant answer passes; give cases with different expected "
            "values, or needs=(...) with a check that a constant fails"
        )


def _is_right(suite: Suite, cell: str, wrong: Mistake) -> bool:
    mine = [item for item in suite.of_cell(cell) if item.function == wrong.function]
    outcomes = run(Suite(mine, []), cell, in_process({wrong.function: wrong.answer}))
    return all(outcome.earned for outcome in outcomes)
