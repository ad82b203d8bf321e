"""Every assignment of the course, from its source to the feedback, in real kernels."""

import csv
import shutil

import nbformat
import pytest
from test_leaks import leaks, readable, secrets, squeeze
from tiny_class import GRADE, ROOT, course

from course_lib.grading import checks
from course_lib.grading.exercises import find_assignments
from course_lib.grading.feedback import write_feedback
from course_lib.grading.judge import is_test

ASSIGNMENTS = find_assignments(ROOT)


def hand_in(root, student, assignment, folder):
    """Hand in the notebook of ``solutions`` or of ``exercises``."""
    target = root / "submitted" / student / assignment
    target.mkdir(parents=True)
    shutil.copy(root / folder / assignment / f"{assignment}.ipynb", target)


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Two students hand in everything: one the solutions, one the untouched notebooks."""
    root = tmp_path_factory.mktemp("school")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    ignored = shutil.ignore_patterns("*.ipynb", "__pycache__")
    shutil.copytree(ROOT / "solutions", root / "solutions", ignore=ignored)
    assert course(root, "exercises").exit_code == 0
    for assignment in ASSIGNMENTS:
        hand_in(root, "right", assignment, "solutions")
        hand_in(root, "untouched", assignment, "exercises")
        result = course(root, *GRADE, assignment)
        assert result.exit_code == 0, result.output
        write_feedback(root, assignment, jobs=1)
    return root


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_marks_reach_the_csv(school, assignment):
    with (school / "marks" / f"{assignment}.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    notebook = nbformat.read(school / "solutions" / assignment / f"{assignment}.ipynb", 4)
    points = {
        c.metadata.nbgrader.grade_id: c.metadata.nbgrader.points
        for c in notebook.cells
        if is_test(c)
    }
    assert points
    for cell, mark in points.items():
        assert float(rows["right"][cell]) == mark
        assert float(rows["untouched"][cell]) == 0
    assert float(rows["right"]["total"]) == sum(points.values())
    assert float(rows["untouched"]["total"]) == 0


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_no_cell_of_the_solution_ends_with_an_error(school, assignment):
    path = school / "autograded" / "right" / assignment / f"{assignment}.ipynb"
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert any(cell.outputs for cell in cells)
    assert [o for cell in cells for o in cell.outputs if o.output_type == "error"] == []


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_feedback_names_the_properties_and_hides_the_rest(school, assignment):
    path = school / "feedback" / "untouched" / assignment / f"{assignment}.html"
    suite = checks.load(school / "solutions" / assignment)
    titles = [check.title for check in suite.checks]
    text = readable(path)
    assert all(squeeze(title) in squeeze(text) for title in titles)
    # The title of a check is meant to be read; the lines of its cases are not.
    known = {
        secret: origin
        for secret, origin in secrets().items()
        if not any(secret in squeeze(f'"""{title}"""') for title in titles)
    }
    assert len(known) > 100
    assert leaks(text, known) == []
