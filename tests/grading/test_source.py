"""The text of an assignment becomes a notebook, or an error that says what to write."""

import nbformat
import pytest
from tiny_class import TINY

from course_lib.grading.course import CourseError
from course_lib.grading.source import convert, read, solution_regions

ANSWER = (
    '# %% tags=["answer:f"]\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n'
)
TEST = '# %% tags=["test:test_f:2"]\nassert f() == 1\n'


def test_each_kind_of_cell_gets_its_metadata():
    notebook = read(TINY / "tiny.py")
    nbformat.validate(notebook)
    tags = {cell.id: cell.metadata.get("nbgrader") for cell in notebook.cells}
    assert list(tags) == [
        "cell-1",
        "locked-imports",
        "answer-total",
        "test-test_total",
        "answer-spread",
        "test-test_spread",
        "manual-explain",
        "task-figure",
    ]
    assert tags["cell-1"] is None
    assert tags["answer-total"] == {
        "grade": False,
        "grade_id": "total",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    fields = ("grade", "solution", "locked", "task", "points")
    assert [tags["test-test_total"][name] for name in fields] == [True, False, True, False, 3]
    assert [tags["manual-explain"][name] for name in fields] == [True, True, False, False, 4]
    assert [tags["task-figure"][name] for name in fields] == [False, False, True, True, 2]
    assert notebook.metadata.kernelspec.name == "python3"


def test_equal_texts_give_equal_notebooks():
    assert nbformat.writes(convert(ANSWER, "a.py")) == nbformat.writes(convert(ANSWER, "a.py"))


def test_points_may_be_halves():
    notebook = convert(TEST.replace(":2", ":2.5"), "a.py")
    assert notebook.cells[0].metadata.nbgrader.points == 2.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ANSWER + ANSWER, "cell 2: the id 'f' is taken by cell 1"),
        (TEST.replace(":2", ""), 'needs an id and points: write tags=["test:test_f1:2"]'),
        (TEST.replace(":2", ":two"), "points are a positive number, not 'two'"),
        (TEST.replace(":2", ":nan"), "points are a positive number, not 'nan'"),
        (TEST.replace(":2", ":-1"), "points are a positive number, not '-1'"),
        (TEST.replace("test_f", "test é"), "the id 'test é' may hold letters"),
        (ANSWER.replace("answer:f", "answer:f:3"), "needs an id, and no points"),
        (ANSWER.replace("answer:f", "anser:f"), "unknown tag 'anser:f': write one of answer"),
        (ANSWER.replace("answer:f", "answer"), "needs an id, and no points"),
        (ANSWER.replace("def f", "def g"), "of the name of its id: def f"),
        (ANSWER.replace("return 1", "return ("), "not Python"),
        ('# %% tags=["answer:f"]\ndef f():\n    return 1\n', "answer without a solution region"),
        ('# %% tags=["task:figure:2"]\nx = 1\n', 'write # %% [markdown] tags=["task:figure:2"]'),
        ('# %% [markdown] tags=["test:t:2"]\n# text\n', 'write # %% tags=["test:test_f1:2"]'),
        ('# %% tags=["test:t:2", "locked:t"]\nx = 1\n', "one tag for each cell, not 2"),
        (ANSWER.replace("BEGIN SOLUTION", "BEGIN SOLUTON"), "unknown marker '### BEGIN SOLUTON'"),
        (ANSWER.replace("### BEGIN", "## begin"), "unknown marker '## begin SOLUTION'"),
        (ANSWER.replace("    ### END SOLUTION", ""), "### BEGIN SOLUTION without its pair"),
        (ANSWER.replace("### BEGIN SOLUTION", "pass"), "### END SOLUTION without its pair"),
        (TEST + "### BEGIN HIDDEN TESTS\n", "hidden checks belong in checks.py"),
        (TEST + "### BEGIN HIDEN TEST\n", "hidden checks belong in checks.py"),
        (TEST + "### BEGIN SOLUTION\n### END SOLUTION\n", "a solution in a cell that is no answer"),
    ],
)
def test_an_error_says_where_and_what_to_write(text, words):
    with pytest.raises(CourseError) as error:
        convert("# %% [markdown]\n# Title\n\n" + text, "a.py")
    assert str(error.value).startswith("a.py, cell ")
    assert words.replace("cell 2", "cell 3").replace("cell 1", "cell 2") in str(error.value)


def test_a_missing_text(tmp_path):
    with pytest.raises(CourseError, match="missing; an assignment is a folder with a text"):
        read(tmp_path / "a.py")


def test_several_regions():
    source = "### BEGIN SOLUTION\na\n### END SOLUTION\nb\n### BEGIN SOLUTION\n### END SOLUTION"
    assert solution_regions(source) == ["a", ""]
