"""The students' pages: with the marks and comments of today, and without a hidden check."""

import shutil

import nbformat
import pytest
from jinja2 import Environment
from nbgrader.api import Gradebook
from tiny_class import STUDENTS, course
from traitlets.config import Config

from course_lib.grading.course import CourseError
from course_lib.grading.feedback import FeedbackExporter, write_feedback

NOT_FINAL = "not final: a mark by hand is missing"
HIDDEN = ["yield Case", "rng.normal", "no_values_are_refused", "smallest_twice"]


@pytest.fixture
def school(graded, tmp_path):
    """The class of `graded`, in a folder that may be changed."""
    return shutil.copytree(graded.root, tmp_path / "school")


def page(root, student):
    return (root / "feedback" / student / "tiny" / "tiny.html").read_text(encoding="utf-8")


def test_the_command_writes_a_page_for_each_student_who_was_graded(school):
    done = course(school, "report", "tiny", "--jobs", "2")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (school / "feedback").iterdir()} == set(STUDENTS)
    assert f"{NOT_FINAL}: {', '.join(sorted(STUDENTS))}\n" in done.output
    for student in STUDENTS:
        assert not [line for line in HIDDEN if line in page(school, student)], student
    assert "That is the mean: do not divide." in page(school, "mean")
    assert (school / "reports" / "tiny.html").is_file()


def test_marks_and_comments_by_hand_come_into_the_page(school):
    assert "Well argued." not in page_of(school, "amy")
    with Gradebook(f"sqlite:///{school / 'gradebook.db'}", "course") as gradebook:
        for grade in gradebook.find_submission_notebook("tiny", "tiny", "amy").grades:
            if grade.needs_manual_grade:
                grade.manual_score, grade.needs_manual_grade = 0.0, False
        gradebook.find_grade("explain", "tiny", "tiny", "amy").manual_score = 2.5
        gradebook.find_comment("explain", "tiny", "tiny", "amy").manual_comment = "Well argued."
        gradebook.db.commit()
    assert "Well argued." in page_of(school, "amy")
    assert "Score: 7.5 / 11.0" in page(school, "amy")
    assert "amy" not in write_feedback(school, "tiny", jobs=1)


def page_of(root, student):
    assert set(write_feedback(root, "tiny", jobs=1)) <= set(STUDENTS)
    return page(root, student)


def test_a_notebook_that_cannot_be_shown_costs_nobody_else_a_page(school):
    write_feedback(school, "tiny", jobs=1)
    before = page(school, "amy")
    (school / "autograded" / "amy" / "tiny" / "tiny.ipynb").write_text("{")
    (school / "feedback" / "mean" / ".tiny.new").mkdir()  # of a run that was interrupted
    shutil.rmtree(school / "feedback" / "mean" / "tiny")
    old = school / "feedback" / "amy" / "tiny"  # the same, a moment later
    old.rename(old.with_name(".tiny.old"))
    notes = write_feedback(school, "tiny", jobs=1)
    assert notes["amy"].startswith("no page of feedback: ") and len(notes["amy"]) > 40
    assert notes["mean"] == NOT_FINAL and "do not divide" in page(school, "mean")
    assert page(school, "amy") == before
    assert [path.name for path in (school / "feedback" / "mean").iterdir()] == ["tiny"]


def test_an_assignment_that_is_not_there(school):
    with pytest.raises(
        CourseError, match=r"nothing is not in the gradebook: run `course exercises nothing`"
    ):
        write_feedback(school, "nothing")
    for folder in (school / "autograded").iterdir():
        shutil.rmtree(folder)
    assert write_feedback(school, "tiny") == {}


def test_templates_are_compiled_once(monkeypatch):
    notebook, settings = nbformat.v4.new_notebook(), Config()
    FeedbackExporter(config=settings).from_notebook_node(notebook)
    compiled = []
    monkeypatch.setattr(Environment, "_generate", lambda *args, **_: compiled.append(args))
    body, _ = FeedbackExporter(config=settings).from_notebook_node(notebook)
    assert "<html" in body and not compiled
