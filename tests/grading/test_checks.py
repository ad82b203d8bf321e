"""Hidden checks: comparison in words, points, hints; what travels to the kernel and back."""

import json
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tiny_class import TINY

from course_lib.grading import checks, wire
from course_lib.grading.checks import (
    Case,
    NoAnswer,
    Reply,
    Satisfies,
    Source,
    check,
    in_process,
    mistake,
    mistaken,
    run,
)
from course_lib.grading.compare import difference, shown
from course_lib.grading.course import CourseError

NAN = float("nan")
RIGHT = {
    "total": lambda values: float(np.sum(values)),
    "spread": lambda values: (min(values), max(values)),  # ValueError without values
}


@pytest.fixture(scope="module")
def suite():
    return checks.load(TINY)


# --- comparison -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (None, None),
        (1, 1.0),
        (True, 1),
        (0.1 + 0.2, 0.3),
        (NAN, NAN),
        (np.inf, np.inf),
        ("wolf", "wolf"),
        ((1, 2), [1, 2]),
        ((1, 2), np.array([1.0, 2.0])),
        (np.eye(2), [[1, 0], [0, 1]]),
        ((np.zeros(2), "a", None), [np.zeros(2), "a", None]),
        (np.array(["a", "b"]), ["a", "b"]),
        (10**400, 10**400),
        ([], np.array([])),
    ],
)
def test_equal_values(expected, got):
    assert difference(expected, got) is None


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        (1, None, "expected 1, got None: does the function return something?"),
        (None, 1, "expected None, got 1"),
        (1, 2, "expected 1, got 2"),
        (1, NAN, "expected 1, got nan"),
        (2**60, 2**60 + 1, f"expected {2**60}, got {2**60 + 1}"),
        (1, "1", "expected 1, got the text '1'"),
        ("1", 1, "expected the text '1', got 1"),
        ((1, 1, 0, 0), (1, 0, 1, 0), "expected (1, 1, 0, 0), got (1, 0, 1, 0)"),
        ((1, 2), 5, "expected (1, 2), got 5"),
        ((1, 2), "ab", "expected (1, 2), got the text 'ab'"),
        (0.5, np.array([0.5]), "expected the number 0.5, got an array of shape (1,)"),
        (np.zeros(3), np.zeros((3, 1)), "expected an array of shape (3,), got shape (3, 1)"),
        (np.zeros(3), 0.0, "expected an array of shape (3,), got the number 0.0"),
        ((np.zeros(2), 1.0), (np.zeros(2), 2.0), "value 2 of 2: expected 1.0, got 2.0"),
        ((np.zeros(2), 1.0), (np.zeros(2),), "expected 2 values, got 1: (array([0.0, 0.0]),)"),
        ([1, "a"], [1, 2], "value 2 of 2: expected the text 'a', got 2"),
        (
            np.arange(20.0),
            np.where(np.arange(20) == 7, 0, np.arange(20.0)),
            "1 of 20 numbers are wrong, the first at index 7: expected 7, got 0",
        ),
        (
            np.zeros((4, 5)),
            np.eye(4, 5),
            "4 of 20 numbers are wrong, the first at index (0, 0): expected 0, got 1",
        ),
    ],
)
def test_differences_are_told_in_words(expected, got, words):
    assert difference(expected, got) == words


def test_tolerances():
    assert difference(1.0, 1.001, rtol=1e-2) is None
    assert difference(0.0, 1e-3, atol=1e-2) is None
    assert difference(1.0, 1.001) is not None


def test_long_values_are_shortened():
    assert shown("x" * 1000).endswith("...'")
    assert shown(np.zeros((10, 10))) == "an array of shape (10, 10)"
    assert shown((np.float64(0.5),)) == "(0.5,)"
    for value in ("x" * 1000, ["x" * 100] * 10, list(range(1000)), np.arange(12.0) / 7):
        assert len(shown(value)) <= 160


# --- the wire ---------------------------------------------------------------------------------

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(plain, lambda inner: st.lists(inner) | st.lists(inner).map(tuple))


@given(values)
def test_values_survive_the_wire(value):
    back = wire.decode(json.loads(json.dumps(wire.encode(value))))
    assert repr(back) == repr(value)


@given(arrays(st.sampled_from(["f8", "f4", "i8", "u1", "?", "U3"]), array_shapes(min_side=0)))
def test_arrays_survive_the_wire(array):
    back = wire.decode(json.loads(json.dumps(wire.encode(array))))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)
    back[...] = 0  # a student may write into an argument


@pytest.mark.parametrize("value", [{}, {1}, object(), 1j, np.array([1j]), np.array([{}])])
def test_other_values_do_not_travel(value):
    with pytest.raises(TypeError):
        wire.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        {"source": "print(1)"},
        {"tuple": 3},
        {"list": []},
        {"array": ["<f8", [2], ""]},
        {"array": ["<f8", [-1], ""]},
        {"array": ["<f8", [True], "AAAAAAAA8D8="]},
        {"array": ["O", [1], "AAAAAAAAAAA="]},
        {"array": ["<f8", [1], "not base64!"]},
    ],
)
def test_forged_data_are_refused(data):
    with pytest.raises(ValueError):
        wire.decode(data)


def ask(monkeypatch, arguments, **functions):
    for name, function in functions.items():
        monkeypatch.setattr(sys.modules["__main__"], name, function, raising=False)
    payload = json.dumps([wire.encode(list(args)) for args in arguments])
    return json.loads(wire.answer("f", payload))


def test_the_kernel_answers_each_call(monkeypatch, capsys):
    def f(value):
        print("noise")
        if value == 3:
            raise KeyError("three")
        return {1: np.array([1]), 2: {}}.get(value, sys.exit)

    assert ask(monkeypatch, [(1,), (2,), (3,)], f=f) == [
        {"value": wire.encode(np.array([1]))},
        {"refused": "a value of type dict"},
        {
            "raised": ["KeyError", "LookupError", "Exception", "BaseException", "object"],
            "message": "'three'",
        },
    ]
    assert capsys.readouterr() == ("", "")


def test_the_kernel_keeps_what_was_answered_before_an_interruption(monkeypatch):
    def f(value):
        if value:
            raise KeyboardInterrupt
        return 0

    assert ask(monkeypatch, [(0,), (1,), (0,)], f=f) == [{"value": 0}]


def test_the_kernel_answers_in_other_cases_too(monkeypatch):
    endless = []
    endless.append(endless)
    assert ask(monkeypatch, [()]) == [{"refused": None}]
    assert ask(monkeypatch, [()], f=3) == [{"refused": None}]
    assert ask(monkeypatch, [()], f=sys.exit)[0]["raised"][0] == "SystemExit"
    assert "refused" in ask(monkeypatch, [()], f=lambda: endless)[0]
    assert "refused" in ask(monkeypatch, [()], f=lambda: np.zeros(wire.LIMIT))[0]
    assert "refused" in ask(monkeypatch, [()], f=lambda: "x" * wire.LIMIT)[0]
    source = Source("lambda x: x + 1")
    assert ask(monkeypatch, [(source, 2)], f=lambda g, x: g(x)) == [{"value": 3}]


def twice(f, value):
    """A driver: it imports what it needs itself."""
    import math

    return math.fsum([f(value), f(value)])


def test_the_kernel_answers_through_a_driver(monkeypatch):
    def f(value):
        return np.zeros(1)[value]

    monkeypatch.setattr(sys.modules["__main__"], "f", f, raising=False)
    text = check("test_f", function="f", points=1, through=twice)(one_case).through
    replies = json.loads(wire.answer("f", json.dumps([[0], [1]]), text))
    assert replies[0] == {"value": 0.0}
    assert replies[1]["raised"][0] == "IndexError"
    assert json.loads(wire.answer("nobody", "[[0]]", text)) == [{"refused": None}]


# --- checks -----------------------------------------------------------------------------------


def one_case(rng):
    """Three and three is six."""
    yield Case(args=(3,), expected=6)


def forgetful(f):
    """A driver that uses a name of the teacher's file, which no student's process has."""
    return TINY


def test_a_driver_asks_in_the_place_of_the_checks():
    item = check("test_f", function="f", points=1, through=twice)(one_case)
    suite = checks.Suite([item], [])
    assert run(suite, "test_f", in_process({"f": lambda value: value}))[0].earned == 1
    [outcome] = run(suite, "test_f", in_process({"f": lambda value: value + 1}))
    assert outcome.message == "twice(f, 3): expected 6, got 8.0"


def test_a_driver_runs_from_its_text():
    item = check("test_f", function="f", points=1, through=forgetful)(one_case)
    [reply] = in_process({"f": abs})(item, [()])
    assert reply.error.text == "raised NameError: name 'TINY' is not defined"


def test_what_is_expected_in_words():
    large = Satisfies("a number above 1", lambda value: value > 1)
    assert large.problem(2) is None
    assert large.problem(1) == "expected a number above 1, got 1"
    assert large.problem(NAN) == "expected a number above 1, got nan"
    assert large.problem("2") == "expected a number above 1, got '2'"
    assert large.problem(None) == "expected a number above 1, got None"


def test_a_mistake_is_asked_once():
    asked = []

    def wrong(value):
        """Counts its calls."""
        asked.append(value)
        return 0

    item = check("test_f", function="f", points=1)(one_case)
    named = mistake("f", hint="Look again.")(wrong)
    suite = checks.Suite([item], [named])
    for call in (mistaken(named), in_process({"f": lambda value: 0}), mistaken(named)):
        assert run(suite, "test_f", call)[0].hint == "Look again."
    assert asked == [3]


def test_right_answers_get_all_points(suite):
    for cell, points in [("test_total", 3.0), ("test_spread", 2.0)]:
        outcomes = run(suite, cell, in_process(RIGHT))
        assert sum(outcome.earned for outcome in outcomes) == suite.points(cell) == points
        assert not any(outcome.message or outcome.hint for outcome in outcomes)


def test_the_first_failing_case_is_shown_with_the_hint(suite):
    call = in_process({"total": lambda values: sum(values) / len(values)})
    first, second, third = run(suite, "test_total", call)
    assert first.message == "total([4.0, 5.0]): expected 9.0, got 4.5"
    assert first.hint == second.hint == "That is the mean: do not divide."
    assert third.message == "not counted before this is right: Short lists are summed."
    assert [outcome.earned for outcome in (first, second, third)] == [0, 0, 0]


def test_an_error_is_told(suite):
    def fail(values):
        return 1 / 0

    [outcome, _] = run(suite, "test_spread", in_process({"spread": fail}))
    assert outcome.message == "spread([7.0]): raised ZeroDivisionError: division by zero"
    assert outcome.hint == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda values: 3 if not values else RIGHT["spread"](values), "to be raised, got 3"),
        (
            lambda values: values[0] if not values else RIGHT["spread"](values),
            "to be raised, but it raised IndexError: list index out of range",
        ),
    ],
)
def test_the_wrong_exception_or_none(suite, answer, words):
    outcome = run(suite, "test_spread", in_process({"spread": answer}))[1]
    assert outcome.message == f"spread([]): expected ValueError {words}"


def test_a_subclass_of_the_exception_will_do(suite):
    class Own(ValueError):
        pass

    def spread(values):
        if not values:
            raise Own
        return RIGHT["spread"](values)

    assert all(
        outcome.earned for outcome in run(suite, "test_spread", in_process({"spread": spread}))
    )


def test_arguments_are_the_same_for_each_call(suite):
    """A function that destroys its argument spoils neither the next check nor the hint."""

    def spoil(values):
        result = sum(values) / len(values)
        values[:] = [0.0] * len(values)
        return result

    assert run(suite, "test_total", in_process({"total": spoil}))[0].hint
    assert [case.args for case in suite.checks[0].cases()] == [([4.0],), ([4.0, 5.0],)]


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        (None, "gone"),
        ([], "total([4.0]): gone"),
        ([Reply(4.0)], "total([4.0, 5.0]): gone"),
        ([Reply(5.0)], "total([4.0]): expected 4.0, got 5.0"),
    ],
)
def test_after_silence_nothing_more_is_asked(suite, replies, message):
    asked = []

    def call(item, arguments):
        asked.append(item.function)
        raise NoAnswer("gone", replies)

    outcomes = run(suite, "test_total", call)
    assert [outcome.message for outcome in outcomes] == [message, "not run: gone", "not run: gone"]
    assert not any(outcome.earned for outcome in outcomes)
    assert asked == ["total"]


def test_random_cases_are_the_same_each_time(suite):
    one, two = (suite.checks[1].cases() for _ in range(2))
    np.testing.assert_array_equal(one[0].args[0], two[0].args[0])


# --- what teachers write ----------------------------------------------------------------------


def zero(rng):
    """A constant answer passes."""
    yield Case(args=(1,), expected=0)
    yield Case(args=(2,), expected=0)


def two_values(rng):
    """No constant answer passes."""
    yield Case(args=(1,), expected=0)
    yield Case(args=(2,), expected=1)


def refused(rng):
    """Zero is refused."""
    yield Case(args=(0,), raises=ValueError)


def satisfied(rng):
    """Only predicates: who knows which constant satisfies them?"""
    yield Case(args=(0,), expected=Satisfies("a number", lambda value: True))
    yield Case(args=(1,), expected=Satisfies("nothing", lambda value: False))


def value_and_predicate(rng):
    """The constant 0 does not satisfy the predicate."""
    yield Case(args=(0,), expected=0)
    yield Case(args=(1,), expected=Satisfies("a positive number", lambda value: value > 0))


def nothing(rng):
    """No case."""
    yield from ()


def passing(x):
    """Returns the right answer."""
    return x - 1


def make(generate, **options):
    return check("test_f", function="f", points=1, **options)(generate)


def test_a_sound_suite_passes_the_audit(suite):
    assert checks.audit(suite) == []
    sound = [make(two_values), make(zero, needs=("two_values",)), make(refused, needs=("zero",))]
    sound += [make(value_and_predicate), make(satisfied, needs=("two_values",))]
    assert checks.audit(checks.Suite(sound, [])) == []


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([make(zero)], "zero: a constant answer passes"),
        ([make(refused)], "refused: a constant answer passes"),
        ([make(satisfied)], "satisfied: a constant answer passes"),
        ([make(nothing)], "nothing: has no case"),
        ([make(zero, needs=("two_values",)), make(two_values)], "is no earlier check of test_f"),
    ],
)
def test_the_audit_finds_checks_that_give_points_away(items, words):
    assert words in "\n".join(checks.audit(checks.Suite(items, [])))


def test_the_audit_finds_mistakes_that_lose_nothing():
    wrong = mistake("f", hint="...")(passing)
    [problem] = checks.audit(checks.Suite([make(two_values)], [wrong]))
    assert problem == "mistakes.py, passing: loses no point in test_f"


def test_what_cannot_be_a_check():
    with pytest.raises(TypeError, match="args: expected a tuple"):
        Case(args=[1])
    for points in (0, -1, NAN, np.inf):
        with pytest.raises(ValueError, match="points: expected a positive number"):
            check("test_f", function="f", points=points)
    with pytest.raises(ValueError, match="write a docstring"):
        check("test_f", function="f", points=1)(lambda rng: iter(()))
    with pytest.raises(ValueError, match="write a docstring"):
        mistake("f", hint="...")(lambda x: x)


def test_files_that_cannot_be_loaded(tmp_path):
    with pytest.raises(CourseError, match=r"checks\.py: missing"):
        checks.load(tmp_path)
    (tmp_path / "checks.py").write_text("1 / 0")
    with pytest.raises(CourseError, match=r"checks\.py: ZeroDivisionError"):
        checks.load(tmp_path)


def test_two_assignments_share_nothing(tmp_path):
    (tmp_path / "checks.py").write_text("")
    (tmp_path / "mistakes.py").write_text("")
    assert checks.load(TINY).checks
    assert checks.load(tmp_path) == checks.Suite([], [])
