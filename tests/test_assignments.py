"""Every assignment in solutions/: its text, its hidden checks and its named mistakes agree.

A new folder is tested with no change here. What happens in a kernel is tested elsewhere; here the
checks call functions of this process.
"""

import ast
import copy
import re
import warnings
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path

import jupytext
import pytest

from course_lib.grading.checks import Satisfies, Suite, audit, in_process, load, mistaken, run
from course_lib.grading.compare import difference
from course_lib.grading.wire import defined

SOLUTIONS = Path(__file__).resolve().parents[1] / "solutions"
NAMES = sorted(path.parent.name for path in SOLUTIONS.glob("*/checks.py"))
REGION = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """One tagged cell of an assignment's text; points are 0 where there are none."""

    kind: str
    name: str
    points: float
    source: str


@dataclass(frozen=True)
class Assignment:
    """The tagged cells, the checks and mistakes, and what the teacher's answers define."""

    cells: list[Cell]
    suite: Suite

    @cached_property
    def reference(self) -> dict:
        """What the locked cells and the teacher's answers define; some of them import Keras."""
        names = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside TensorFlow
            for cell in self.cells:
                if cell.kind in ("locked", "answer"):
                    exec(cell.source, names)
        return names

    def of_kind(self, kind: str) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == kind]

    def earned(self, cell: str, function) -> dict[str, float]:
        """Points of each check of a test cell for a function that a student could have written."""
        names = {item.function for item in self.suite.of_cell(cell)}
        outcomes = run(self.suite, cell, in_process(dict.fromkeys(names, function)))
        return {outcome.check: outcome.earned for outcome in outcomes}


@cache
def assignment(name: str) -> Assignment:
    cells = []
    for cell in jupytext.read(SOLUTIONS / name / f"{name}.py").cells:
        for tag in cell.metadata.get("tags", []):
            kind, grade_id, *points = tag.split(":")
            cells.append(Cell(kind, grade_id, float(points[0]) if points else 0.0, cell.source))
    return Assignment(cells, load(SOLUTIONS / name))


@cache
def outcomes_of(name: str, mistake: str) -> list:
    """Run the checks on a mistake, once for all the tests: it may train networks."""
    suite = assignment(name).suite
    (wrong,) = [item for item in suite.mistakes if item.name == mistake]
    return run(suite, f"test_{wrong.function}", mistaken(wrong))


def every(kind: str) -> list:
    """One parameter for each check cell or each mistake of each assignment."""
    if kind == "mistake":
        pairs = [(name, item.name) for name in NAMES for item in load(SOLUTIONS / name).mistakes]
    else:
        pairs = [(name, cell.name) for name in NAMES for cell in assignment(name).of_kind(kind)]
    return [pytest.param(*pair, id="-".join(pair)) for pair in pairs]


def test_there_are_assignments():
    assert {"01-metrics", "02-gradient-descent"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_points_add_up_to_twenty(name):
    assert sum(cell.points for cell in assignment(name).cells) == 20


@pytest.mark.parametrize("name", NAMES)
def test_each_test_cell_grades_the_answer_of_its_name(name):
    work = assignment(name)
    answers = {cell.name for cell in work.of_kind("answer")}
    tests = {cell.name for cell in work.of_kind("test")}
    assert tests == {f"test_{answer}" for answer in answers}
    assert {(item.cell, item.function) for item in work.suite.checks} == {
        (f"test_{answer}", answer) for answer in answers
    }
    assert {item.function for item in work.suite.mistakes} == answers


@pytest.mark.parametrize("name", NAMES)
def test_solutions_and_mark_schemes_stand_in_regions(name):
    work = assignment(name)
    for cell in work.of_kind("answer"):
        (definition,) = ast.parse(cell.source).body
        assert definition.name == cell.name
        left = REGION.sub("raise NotImplementedError", cell.source)
        assert ast.get_docstring(ast.parse(left).body[0]), f"{cell.name}: docstring in the region"
        assert left != cell.source, f"{cell.name}: no solution region"
    for cell in work.of_kind("manual"):
        assert "Mark scheme" in REGION.search(cell.source).group()
        assert "Mark scheme" not in REGION.sub("", cell.source)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_does_not_import_where_expected_values_come_from(name):
    def modules(source):
        nodes = ast.walk(ast.parse(source))
        return {node.module for node in nodes if isinstance(node, ast.ImportFrom)}

    expected = modules((SOLUTIONS / name / "checks.py").read_text("utf-8"))
    library = {module for module in expected if module.startswith("course_lib")}
    text = (SOLUTIONS / name / f"{name}.py").read_text("utf-8")
    assert not [module for module in library if module in text]


@pytest.mark.parametrize("name", NAMES)
def test_the_checks_are_sound(name):
    """No constant passes a check that stands alone, and every mistake loses points."""
    assert audit(assignment(name).suite) == []


@pytest.mark.parametrize("name", NAMES)
def test_names_and_hints_are_unique(name):
    suite = assignment(name).suite
    names = [item.name for item in [*suite.checks, *suite.mistakes]]
    assert len(set(names)) == len(names)
    hints = [(item.function, item.hint) for item in suite.mistakes]
    assert len(set(hints)) == len(hints)


@pytest.mark.parametrize(("name", "cell"), every("test"))
def test_there_are_enough_checks_and_mistakes(name, cell):
    work = assignment(name)
    (points,) = [item.points for item in work.of_kind("test") if item.name == cell]
    assert work.suite.points(cell) == points
    assert 3 <= len(work.suite.of_cell(cell)) <= 5
    assert sum(f"test_{item.function}" == cell for item in work.suite.mistakes) >= 5


@pytest.mark.parametrize(("name", "cell"), every("test"))
def test_the_reference_gets_full_points(name, cell):
    work = assignment(name)
    outcomes = run(work.suite, cell, in_process(work.reference))
    assert [outcome.message for outcome in outcomes if outcome.earned < outcome.points] == []


@pytest.mark.parametrize(("name", "cell"), every("test"))
def test_the_reference_leaves_its_arguments_alone(name, cell):
    work = assignment(name)
    for item in work.suite.of_cell(cell):
        for case in item.cases():
            args, answer = copy.deepcopy(case.args), work.reference[item.function]
            if item.through is not None:
                answer = partial(defined(item.through), answer)
            if case.raises is None:
                answer(*args)
            changed = [
                index
                for index, (before, after) in enumerate(zip(case.args, args, strict=True))
                if not callable(before) and difference(before, after, rtol=0, atol=0)
            ]
            assert changed == [], f"{item.name}: arguments {changed}"


@pytest.mark.parametrize(("name", "cell"), every("test"))
def test_a_stub_fails_the_public_checks_and_the_reference_does_not(name, cell, capsys):
    work = assignment(name)
    (source,) = [item.source for item in work.of_kind("test") if item.name == cell]
    exec(source, dict(work.reference))
    assert capsys.readouterr().out == f"{cell.removeprefix('test_')}: the public checks pass\n"
    with pytest.raises((AssertionError, TypeError)):
        exec(source, {**work.reference, cell.removeprefix("test_"): lambda *args: None})


@pytest.mark.parametrize(("name", "cell"), every("test"))
def test_constants_and_stubs_get_nothing(name, cell):
    work = assignment(name)
    values = [None, True, 0, 1, -1, 0.5, float("nan"), "", (), [], (0, 0), (1, 1)]
    values += [case.expected for item in work.suite.of_cell(cell) for case in item.cases()]
    for value in values:
        if isinstance(value, Satisfies):
            continue
        earned = work.earned(cell, lambda *args, value=value: value)
        assert sum(earned.values()) == 0, f"always {value!r} earns {earned}"

    for kind in (NotImplementedError, ValueError, TypeError):

        def stub(*args, kind=kind):
            raise kind

        assert sum(work.earned(cell, stub).values()) == 0, f"always {kind.__name__}"


@pytest.mark.parametrize(("name", "mistake"), every("mistake"))
def test_a_mistake_loses_points_and_its_hint_is_shown(name, mistake):
    (wrong,) = [item for item in assignment(name).suite.mistakes if item.name == mistake]
    outcomes = outcomes_of(name, mistake)
    failed = [outcome for outcome in outcomes if not outcome.earned]
    assert failed, "loses no point"
    assert all(outcome.message for outcome in failed)
    # The hint of another mistake would send the student the wrong way.
    assert {outcome.hint for outcome in outcomes} - {""} == {wrong.hint}


@pytest.mark.parametrize(("name", "cell"), every("test"))
def test_each_check_catches_mistakes_of_its_own(name, cell):
    """A check that nothing fails, or that fails with another one, gives no partial credit."""
    work = assignment(name)
    caught = {item.name: set() for item in work.suite.of_cell(cell)}
    for wrong in work.suite.mistakes:
        if f"test_{wrong.function}" == cell:
            for outcome in outcomes_of(name, wrong.name):
                if not outcome.earned:
                    caught[outcome.check].add(wrong.name)
    assert all(caught.values()), caught
    assert len({frozenset(names) for names in caught.values()}) == len(caught), caught
