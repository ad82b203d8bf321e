"""The release: what the gate refuses, and what a build leaves alone."""

import nbformat
import pytest
from nbgrader.api import Gradebook
from tiny_class import ROOT, course, submit

from course_lib.grading.course import CourseError, find_root, surroundings
from course_lib.grading.exercises import build, find_assignments, prepare


@pytest.fixture(autouse=True)
def quick_gradebook(monkeypatch):
    """A new gradebook asks a process of several seconds for a version number."""
    monkeypatch.setattr("nbgrader.api.get_alembic_version", lambda: "head")


def change(root, file, old, new):
    path = root / "solutions" / "tiny" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_release_and_its_drift(tiny_course):
    assert course(tiny_course, "exercises", "--check").exit_code == 1
    assert not (tiny_course / "gradebook.db").exists()
    released = tiny_course / "exercises" / "tiny"
    assert build(tiny_course, ["tiny"]) == ["exercises/tiny/data.csv", "exercises/tiny/tiny.ipynb"]
    first = files(released)
    assert set(first) == {"data.csv", "tiny.ipynb"}
    assert build(tiny_course, ["tiny"]) == []
    assert files(released) == first
    assert "up to date" in course(tiny_course, "exercises", "--check").output
    change(tiny_course, "tiny.py", "from 1 to 3", "from one to three")
    result = course(tiny_course, "exercises", "tiny", "--check")
    assert (result.exit_code, "out of date: exercises/tiny/tiny.ipynb" in result.output) == (
        1,
        True,
    )
    assert files(released) == first


def test_what_students_receive(tiny_course):
    build(tiny_course, ["tiny"])
    notebook = nbformat.read(tiny_course / "exercises" / "tiny" / "tiny.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    assert sources["answer-total"] == (
        'def total(values):\n    """Return the sum of the values."""\n'
        "    # YOUR CODE HERE\n    raise NotImplementedError()"
    )
    assert sources["manual-explain"] == "YOUR ANSWER HERE"
    with Gradebook(f"sqlite:///{tiny_course / 'gradebook.db'}", "course") as gradebook:
        assert gradebook.find_assignment("tiny").max_score == 11


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("checks.py", "points=1.5", "points=1", "test_total: 3 points, but 2.5 in checks.py"),
        ("checks.py", '"test_spread"', '"test_other"', "test_spread: 2 points and no check of it"),
        ("checks.py", '"test_spread"', '"test_other"', "there is no test cell test_other"),
        ("checks.py", 'function="spread"', 'function="range"', "there is no answer range"),
        ("checks.py", "import numpy as np", "1 / 0", "checks.py: ZeroDivisionError"),
        ("checks.py", ', needs=("small_lists",)', "", "a constant answer passes"),
        (
            "mistakes.py",
            '@mistake("total", hint="The last',
            '@mistake("spread", hint="The last',
            "test_total: 4 named",
        ),
        (
            "mistakes.py",
            "return len(values)",
            "return sum(values)",
            "values_counted: loses no point",
        ),
        (
            "tiny.py",
            "# # A tiny assignment",
            "# # T\n#\n#     result = float(np.sum(values))\n#     no\n",
            None,
        ),
        (
            "tiny.py",
            "spread([3, 1, 2])\n",
            "yield Case(args=([4.0],), expected=4.0)\n",
            "shows the line 'yield Case",
        ),
        (
            "data.csv",
            "value",
            "    result = float(np.sum(values))",
            "data.csv: shows the line 'result = float",
        ),
        ("data.csv", "value", "### BEGIN HIDDEN TESTS", "the marker 'BEGIN HIDDEN TESTS' is left"),
        (
            "tiny.py",
            '    ### END SOLUTION\n\n\n# %% tags=["test:test_spread',
            '    ### END SOLUTION\n    return 0\n\n\n# %% tags=["test:test_spread',
            "spread: the released stub does not raise",
        ),
    ],
)
def test_the_gate(tiny_course, tmp_path, file, old, new, words):
    change(tiny_course, file, old, new)
    workplace = tmp_path / "workplace"
    workplace.mkdir()
    if words is None:  # what a teacher shows on purpose is no leak
        prepare(tiny_course, "tiny", workplace)
        return
    with pytest.raises(CourseError) as error:
        prepare(tiny_course, "tiny", workplace)
    assert words in str(error.value)


def test_a_text_beside_the_source_is_not_released(tiny_course):
    (tiny_course / "solutions" / "tiny" / "notes.md").write_text("the solution")
    build(tiny_course, ["tiny"])
    assert set(files(tiny_course / "exercises" / "tiny")) == {"data.csv", "tiny.ipynb"}
    config = tiny_course / "nbgrader_config.py"
    config.write_text(config.read_text() + 'c.CourseDirectory.ignore = ["__pycache__"]\n')
    with pytest.raises(CourseError, match=r"checks\.py: must not be released"):
        build(tiny_course, ["tiny"])


def test_a_failure_leaves_everything_as_it_was(tiny_course):
    build(tiny_course, ["tiny"])
    before = files(tiny_course / "exercises" / "tiny")
    change(tiny_course, "checks.py", "points=1.5", "points=1")
    result = course(tiny_course, "exercises")
    assert result.exit_code == 1
    assert "Error: tiny is not released:" in result.output
    assert files(tiny_course / "exercises" / "tiny") == before


def test_cells_are_frozen_once_there_are_submissions(tiny_course):
    build(tiny_course, ["tiny"])
    released = files(tiny_course / "exercises" / "tiny")
    submit(tiny_course, "amy", {})
    url = f"sqlite:///{tiny_course / 'gradebook.db'}"
    with surroundings(), Gradebook(url, "course") as gradebook:
        gradebook.add_student("amy")
        gradebook.add_submission("tiny", "amy")
        gradebook.find_grade("explain", "tiny", "tiny", "amy").manual_score = 4.0
        gradebook.db.commit()
    change(tiny_course, "tiny.py", "manual:explain", "manual:other")
    with pytest.raises(CourseError, match="Cannot add or remove cells"):
        build(tiny_course, ["tiny"])
    assert files(tiny_course / "exercises" / "tiny") == released
    change(tiny_course, "tiny.py", "manual:other", "manual:explain")
    change(tiny_course, "tiny.py", "from 1 to 3", "from one to three")
    assert build(tiny_course, ["tiny"]) == ["exercises/tiny/tiny.ipynb"]
    with Gradebook(url, "course") as gradebook:
        assert gradebook.find_grade("explain", "tiny", "tiny", "amy").manual_score == 4.0


def test_unknown_assignment(tiny_course):
    assert find_assignments(tiny_course) == ["tiny"]
    result = course(tiny_course, "exercises", "other")
    assert result.exit_code == 1
    assert "other.py: missing" in result.output


def test_the_tracked_exercises_are_up_to_date():
    assert build(find_root(ROOT), find_assignments(ROOT), check=True) == []
