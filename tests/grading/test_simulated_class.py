"""The made-up class of benchmarks/simulated_class.py, and the results that are stored."""

import json
import sys
from pathlib import Path

import pytest
from tiny_class import SANDBOXED

from course_lib import metrics
from course_lib.grading import sandbox

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import simulated_class as module  # noqa: E402

STORED = ROOT / "course_lib" / "results" / "grader_class.json"
N_STUDENTS = 12
needs_sandbox = pytest.mark.skipif(not SANDBOXED, reason=sandbox.unavailable().partition("\n")[0])


@pytest.fixture(scope="module")
def students():
    return module.make_class(N_STUDENTS, seed=3)


# --- what is true ------------------------------------------------------------------------------


@pytest.mark.parametrize("function", module.FUNCTIONS)
def test_every_right_style_has_all_the_points(function):
    assert len(set(module.RIGHT[function])) >= 3
    for source in module.RIGHT[function]:
        assert module.deserved(function, source) == len(module.POINTS[function])


@pytest.mark.parametrize("function", module.FUNCTIONS)
def test_every_named_mistake_and_every_constant_loses_points(function):
    wrong = module.mutants()[function]
    assert len(wrong) >= 5
    for source in wrong.values():
        assert module.deserved(function, source) < len(module.POINTS[function])
    assert module.deserved(function, module.CHEATS["a constant"][function]) == 0


@pytest.mark.parametrize(
    ("name", "mark"),
    [("longer_list_cut", 3), ("the_wolf_is_always_one", 3), ("counts_not_returned", 0)],
)
def test_the_true_mark_of_some_mistakes_by_hand(name, mark):
    assert module.deserved("count_outcomes", module.mutants()["count_outcomes"][name]) == mark


def test_the_references_by_hand():
    assert module.counted(["wolf", "calm"], ["wolf", "wolf"], "wolf") == (1, 1, 0, 0)
    assert module.counted([1, 1, 0], [0, 1, 0], 1) == (1, 0, 1, 1)
    assert module.exact_rates(1, 1, 0, 2) == (0.75, 0.5, 1.0)
    assert module.exact_f_beta(2, 0, 1, 2) == pytest.approx(10 / 14)
    assert module.their_roc([0, 1, 1], [0.1, 0.1, 0.7]).tolist() == [[0, 0], [0, 0.5], [1, 1]]
    assert module.their_area([3, 1], [2]) == 0.5


def test_the_points_are_those_of_the_assignment():
    text = (ROOT / "solutions" / module.ASSIGNMENT / f"{module.ASSIGNMENT}.py").read_text("utf-8")
    for function, points in module.POINTS.items():
        assert f'tags=["test:test_{function}:{len(points)}"]' in text


# --- the class ---------------------------------------------------------------------------------


def test_a_class_depends_on_its_seed_only(students):
    assert module.make_class(N_STUDENTS, seed=3) == students
    assert module.make_class(N_STUDENTS, seed=4) != students


def test_a_class_has_every_kind_and_different_names(students):
    assert {student.kind for student in students} == set(module.KINDS)
    assert len({student.name for student in students}) == N_STUDENTS
    assert any(not student.name.isascii() for student in students)
    for student in students:
        marks = [student.answers[name].mark for name in module.FUNCTIONS]
        assert (sum(marks) == 16) == (student.kind in ("right", "loud", "slow")) or student.damage


def test_every_damage_changes_what_is_handed_in(students, tmp_path):
    path = ROOT / "exercises" / module.ASSIGNMENT / f"{module.ASSIGNMENT}.ipynb"
    release = module.nbformat.read(path, as_version=4)
    written = set()
    for number, damage in enumerate(["", *module.DAMAGES]):
        student = module.Student("s", "damaged file", students[0].answers, damage)
        module.hand_in(student, release, tmp_path / str(number))
        [file] = (tmp_path / str(number)).iterdir()
        written.add((file.name, file.read_bytes()))
    assert len(written) == len(module.DAMAGES) + 1


# --- the grader's confusion --------------------------------------------------------------------


def marks_as_deserved(students):
    return {s.name: {f: s.answers[f].mark for f in module.FUNCTIONS} for s in students}


def test_a_perfect_grader_has_perfect_scores(students):
    result = module.confusion(students, marks_as_deserved(students))
    assert result["precision"] == result["recall"] == result["f1"] == 1.0
    assert result["mean_absolute_error"] == 0.0
    assert result["disagreements"] == []


def test_a_present_an_injustice_and_a_lost_mark_are_counted(students):
    given = marks_as_deserved(students)
    perfect = module.confusion(students, given)["counts"]
    right = next(s.name for s in students if s.kind == "right")
    cheat = next(s.name for s in students if s.kind == "cheating")
    given[right]["rates"], given[right]["f_beta"], given[cheat]["rates"] = 2.0, None, 3.0
    result = module.confusion(students, given)
    changes = {name: result["counts"][name] - perfect[name] for name in perfect}
    assert changes == {"tp": -2, "fp": 1, "fn": 2, "tn": -1}
    assert (result["without_a_mark"], result["honest_right_below_full"]) == (1, 2)
    assert result["mean_absolute_error"] == pytest.approx((1 + 3 + 3) / N_STUDENTS)
    assert result["largest_error"] == 4.0
    assert len(result["disagreements"]) == 3


@needs_sandbox
def test_a_small_class_is_graded(tmp_path):
    result = module.run(N_STUDENTS, seed=3, root=tmp_path)
    json.dumps(result, allow_nan=False)
    assert result["f1"] >= 0.99 and result["honest_right_below_full"] == 0
    assert result["without_a_mark"] == 0


# --- the stored results ------------------------------------------------------------------------


@pytest.mark.skipif(not STORED.is_file(), reason="the class of 200 has not been graded yet")
def test_the_stored_class_is_as_good_as_promised():
    result = json.loads(STORED.read_text("utf-8"))
    assert result["students"] == 200 and result["cells"] == 1000
    tp, fp, fn, tn = (result["counts"][name] for name in ("tp", "fp", "fn", "tn"))
    y_true, y_pred = [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn
    assert len(y_true) == result["cells"]
    assert result["f1"] == metrics.f1(y_true, y_pred) >= 0.99
    assert result["honest_right_below_full"] == result["without_a_mark"] == 0
    assert sum(kind["students"] for kind in result["kinds"].values()) == 200
    assert sum(kind["wrong_marks"] for kind in result["kinds"].values()) == len(
        result["disagreements"]
    )
    assert {"python", "numpy", "nbgrader"} <= set(result["versions"])
