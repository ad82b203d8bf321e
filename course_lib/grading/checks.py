"""Hidden checks: cases that a student's function must answer, and wrong answers with a name.

A check's cases are made, and the replies judged, in the grader's process. Where the student's
function runs is somebody else's concern: `run` is given a ``call`` that asks it.
"""

from __future__ import annotations

import copy
import inspect
import io
import math
import textwrap
import types
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.grading.compare import difference, shown
from course_lib.grading.course import CourseError
from course_lib.grading.wire import Source, defined

__all__ = [
    "Case",
    "Check",
    "Error",
    "Mistake",
    "NoAnswer",
    "Outcome",
    "Reply",
    "Satisfies",
    "Source",
    "Suite",
    "audit",
    "check",
    "in_process",
    "load",
    "mistake",
    "mistaken",
    "run",
]


@dataclass(frozen=True)
class Satisfies:
    """What is expected where many values are right; judged in the grader's process.

    Parameters
    ----------
    words : str
        What is expected, to be read after the word "expected".
    predicate : callable
        ``predicate(value) -> bool``; an exception counts as False, since anything may come back.

    Examples
    --------
    >>> falling = Satisfies("two numbers, the second one smaller", lambda v: v[1] < v[0])
    >>> falling.problem([2.0, 1.0])
    >>> falling.problem(3.0)
    'expected two numbers, the second one smaller, got 3.0'
    """

    words: str
    predicate: Callable[[Any], Any]

    def problem(self, value: Any) -> str | None:
        """Say in words that a value is not as expected; None where it is."""
        try:
            right = bool(self.predicate(value))
        except Exception:
            right = False
        return None if right else f"expected {self.words}, got {shown(value)}"


@dataclass(frozen=True)
class Case:
    """One call of a student's function, and what it must do.

    Parameters
    ----------
    args : tuple
        Arguments of the call.
    expected : object or Satisfies, optional
        What the function must return, or what holds for it; or
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
    through: str | None
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
    line = " ".join(message.encode("utf-8", "replace").decode().split())
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
    mistake: str = ""  # name of the mistake that gives the same wrong answers


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


Call = Callable[[Check, list[tuple]], list[Reply]]


def check(
    cell: str,
    *,
    function: str,
    points: float,
    needs: tuple[str, ...] = (),
    rtol: float = 1e-9,
    atol: float = 1e-12,
    through: Callable | None = None,
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
    through : callable, optional
        A driver, for answers that cannot travel, such as a Keras model. Its text is sent to the
        student's process, where it is called with the student's function and the arguments of a
        case; what it returns is judged. It imports what it needs itself, and holds no secret.

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

    text = textwrap.dedent(inspect.getsource(through)) if through else None

    def decorate(generate: Callable) -> Check:
        title, name = _title(generate), generate.__name__
        return Check(name, title, cell, function, points, tuple(needs), rtol, atol, text, generate)

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
        ``call(check, list_of_args) -> list of Reply``; a driver runs from its text, as it does in
        a student's process.

    Examples
    --------
    >>> @check("test_double", function="double", points=2)
    ... def small_numbers(rng):
    ...     '''Small numbers are doubled.'''
    >>> call = in_process({"double": lambda x: 2 * x})
    >>> call(small_numbers, [(1,), (None,)])[0]
    Reply(value=2, error=None)
    """

    def call(check: Check, arguments: list[tuple]) -> list[Reply]:
        answer = functions[check.function]
        if check.through is not None:
            answer = partial(defined(check.through), answer)
        with warnings.catch_warnings(), np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return [_reply(answer, args) for args in copy.deepcopy(arguments)]

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
        ``call(check, list_of_args) -> list of Reply``, may raise `NoAnswer`.

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
        wrong = None
        if silence:
            message = f"not run: {silence}"
        elif failed:
            message = f"not counted before this is right: {failed[0]}"
        else:
            message, wrong, silence = _judge(item, suite, call)
        earned = 0.0 if message else float(item.points)
        named = (wrong.hint, wrong.name) if wrong else ()
        outcomes.append(Outcome(item.name, item.title, item.points, earned, message, *named))
    return outcomes


def _judge(item: Check, suite: Suite, call: Call) -> tuple[str, Mistake | None, str]:
    """Run one check; return the message, the mistake and the reason for asking no more."""
    cases = item.cases()
    arguments = [case.args for case in cases]
    try:
        replies = call(item, arguments)
    except NoAnswer as stop:
        if stop.replies is None:
            return stop.reason, None, stop.reason
        last = Reply(error=Error(stop.reason))
        return _first_failure(item, cases, [*stop.replies, last]), None, stop.reason
    message = _first_failure(item, cases, replies)
    return message, _made(item, suite, replies) if message else None, ""


def _first_failure(item: Check, cases: list[Case], replies: list[Reply]) -> str:
    for case, reply in zip(cases, replies, strict=False):  # replies may have been cut short
        problem = _problem(item, case, reply)
        if problem:
            return f"{_asked(item, case)}: {problem}"
    return ""


def _asked(item: Check, case: Case) -> str:
    """Write a call as code, e.g. ``f(1)``, or ``driver(f, 1)``."""
    arguments = [shown(argument) for argument in case.args]
    if item.through is None:
        return f"{item.function}({', '.join(arguments)})"
    return f"{defined(item.through).__name__}({', '.join([item.function, *arguments])})"


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
    if isinstance(case.expected, Satisfies):
        return case.expected.problem(reply.value)
    return difference(case.expected, reply.value, rtol=item.rtol, atol=item.atol)


def _made(item: Check, suite: Suite, replies: list[Reply]) -> Mistake | None:
    """Find the mistake that answers all the cases of a failed check as the student does."""
    for wrong in suite.mistakes:
        if wrong.function != item.function:
            continue
        answers = _mistaken(wrong, item)
        if all(_same(item, *pair) for pair in zip(answers, replies, strict=True)):
            return wrong
    return None


@lru_cache(maxsize=1000)  # a mistake may train a network, and is asked about for each failed check
def _mistaken(wrong: Mistake, item: Check) -> list[Reply]:
    """Return what a mistake answers to the cases of a check."""
    arguments = [case.args for case in item.cases()]
    return in_process({wrong.function: wrong.answer})(item, arguments)


def mistaken(wrong: Mistake) -> Call:
    """Make a ``call`` for `run` that answers as a mistake does, and computes each answer once.

    Parameters
    ----------
    wrong : Mistake
        The mistake.

    Returns
    -------
    callable
        ``call(check, list_of_args) -> list of Reply``, for the check's own cases.
    """
    return lambda check, arguments: _mistaken(wrong, check)


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
    if not item.needs and _constant_passes(item, cases):
        yield (
            f"checks.py, {item.name}: a constant answer passes; give cases with different expected "
            "values, or needs=(...) with a check that a constant fails"
        )


def _constant_passes(item: Check, cases: list[Case]) -> bool:
    """Say whether one value may be right in all the cases that expect a value."""
    cases = [case for case in cases if case.raises is None]
    values = [case.expected for case in cases if not isinstance(case.expected, Satisfies)]
    if not values:  # which values satisfy a predicate, nobody knows
        return True
    return all(_problem(item, case, Reply(values[0])) is None for case in cases)


def _is_right(suite: Suite, cell: str, wrong: Mistake) -> bool:
    mine = [item for item in suite.of_cell(cell) if item.function == wrong.function]
    outcomes = run(Suite(mine, []), cell, mistaken(wrong))
    return all(outcome.earned for outcome in outcomes)
