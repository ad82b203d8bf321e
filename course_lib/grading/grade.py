"""Grade an assignment: every student gets a mark, or a reason."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.utils import parse_utc

from course_lib.grading import sandbox, source
from course_lib.grading.course import CourseError, configuration, convert, surroundings
from course_lib.grading.export import marks, write_csv
from course_lib.grading.flags import find_flags
from course_lib.grading.repair import repair

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = ["Result", "check_solution", "grade"]

TEACHER = "teacher"


@dataclass(frozen=True)
class Result:
    """What became of one student's submission."""

    student: str
    status: str  # graded, needs manual grading, not graded, missing, failed
    total: float = 0.0
    max_score: float = 0.0
    reason: str = ""
    flags: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)  # before this run's grading


def grade(
    root: Path,
    assignment: str,
    students: list[str] | None = None,
    *,
    sandboxed: bool = True,
    track: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> list[Result]:
    """Grade the submissions of an assignment, write feedback and ``marks/<assignment>.csv``.

    A submission that cannot be graded stops nobody else's. Manual marks and comments stay.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment; ``course exercises`` has put it into the gradebook.
    students : list of str, optional
        Whose submissions to grade; everybody's by default.
    sandboxed : bool
        False runs the submissions with the grader's own rights.
    track : callable, optional
        Wraps the students that are graded one after the other, e.g. in a progress bar.

    Returns
    -------
    list of Result
        One for each student of the gradebook or of ``students``, by student id.

    Raises
    ------
    CourseError
        When there is nothing to grade, when the sandbox cannot run, or when the teacher's own
        solution does not get full marks.
    """
    if sandboxed and (reason := sandbox.unavailable()):
        raise CourseError(reason)
    submitted = _submitted(root, assignment, students)
    with surroundings():
        _require_assignment(root, assignment)
        check_solution(root, assignment, sandboxed=sandboxed)
        failures, notes = {}, {}
        for student in track(submitted):
            try:
                notes[student] = _grade_one(root, assignment, student, sandboxed)
            except Exception as error:  # whatever one submission does, the others are graded
                failures[student] = str(error) or type(error).__name__
                _forget(root, assignment, student)
        return _results(root, assignment, students, failures, notes)


def _submitted(root: Path, assignment: str, students: list[str] | None) -> list[str]:
    found = sorted(path.parent.name for path in root.glob(f"submitted/*/{assignment}"))
    if not found:
        raise CourseError(f"no submission: expected folders submitted/<student>/{assignment}")
    if students is None:
        return found
    if unknown := sorted(set(students) - set(found)):
        raise CourseError(f"no submission of {', '.join(unknown)} for {assignment}")
    return sorted(set(students))


def _gradebook(root: Path) -> Gradebook:
    course = configuration(root).CourseDirectory.course_id
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}", course)


def _require_assignment(root: Path, assignment: str) -> None:
    if (root / "gradebook.db").is_file():  # opening a gradebook would make one
        with _gradebook(root) as gradebook:
            if assignment in [entry.name for entry in gradebook.assignments]:
                return
    raise CourseError(
        f"{assignment} is not in the gradebook: run `course exercises {assignment}` first"
    )


def check_solution(root: Path, assignment: str, *, sandboxed: bool = True) -> None:
    """Grade the teacher's own solution as if a student had handed it in.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment.
    sandboxed : bool
        Where it runs, see `grade`.

    Raises
    ------
    CourseError
        When it does not get full automatic marks: then no student's mark could be trusted.
    """
    with tempfile.TemporaryDirectory() as folder:
        workplace = Path(folder).resolve()
        config = _configuration(root, sandboxed, workplace)
        config.CourseDirectory.source_directory = str(root / "solutions")
        shutil.copyfile(root / "gradebook.db", workplace / "gradebook.db")
        notebook = workplace / "submitted" / TEACHER / assignment / f"{assignment}.ipynb"
        notebook.parent.mkdir(parents=True)
        nbformat.write(source.read(root / "solutions" / assignment / f"{assignment}.py"), notebook)
        convert(Autograde, config, assignment, TEACHER)
        with Gradebook(f"sqlite:///{workplace / 'gradebook.db'}") as gradebook:
            submission = gradebook.find_submission(assignment, TEACHER)
            grades = [item for notebook in submission.notebooks for item in notebook.grades]
            lost = [g.name for g in grades if g.cell_type == "code" and g.score != g.max_score]
        graded = workplace / "autograded" / TEACHER / assignment / f"{assignment}.ipynb"
        if lost:
            reports = "\n".join(_report_of(graded, cell) for cell in lost)
            raise CourseError(f"the teacher's solution does not get full marks:\n{reports}")


def _report_of(path: Path, grade_id: str) -> str:
    """Return what a graded notebook says under a test cell."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            texts = [output.text for output in cell.outputs if output.output_type == "stream"]
            return f"{grade_id}: " + "".join(texts)
    return f"{grade_id}: the cell is missing"


def _configuration(root: Path, sandboxed: bool, workplace: Path | None = None) -> Config:
    config = configuration(root, workplace)
    if not sandboxed:
        config.ExecutePreprocessor.kernel_name = "python3"
    return config


def _grade_one(root: Path, assignment: str, student: str, sandboxed: bool) -> list[str]:
    """Grade one submission; return what had to be repaired first."""
    release = nbformat.read(root / "exercises" / assignment / f"{assignment}.ipynb", as_version=4)
    handed_in = root / "submitted" / student / assignment
    repaired = repair(handed_in, release, assignment)
    config = _configuration(root, sandboxed)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / student / assignment
        copy.mkdir(parents=True)
        nbformat.write(repaired.notebook, copy / f"{assignment}.ipynb")
        notes = [*repaired.notes, *_copy_timestamp(handed_in, copy)]
        # nbgrader sees the copy: what was handed in stays as it is, and no link is followed.
        config.CourseDirectory.submitted_directory = str(copy.parents[1])
        convert(Autograde, config, assignment, student)
    convert(GenerateFeedback, _configuration(root, sandboxed), assignment, student)
    return notes


def _copy_timestamp(handed_in: Path, copy: Path) -> list[str]:
    """Copy the time of a submission, if nbgrader can read it; else return a note."""
    path = handed_in / "timestamp.txt"
    if not os.path.lexists(path):
        return []
    try:
        if path.is_symlink() or not path.is_file():
            raise ValueError("no file of this folder")
        parse_utc(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError, OverflowError):  # the last one: a year of twenty digits
        return ["timestamp.txt cannot be read: the submission has no time"]
    shutil.copyfile(path, copy / path.name)
    return []


def _forget(root: Path, assignment: str, student: str) -> None:
    """Remove the automatic marks and the feedback of an earlier run: they are of another work."""
    for step in ("autograded", "feedback"):
        shutil.rmtree(root / step / student / assignment, ignore_errors=True)
    with _gradebook(root) as gradebook:
        try:
            submission = gradebook.find_submission(assignment, student)
        except MissingEntry:
            gradebook.update_or_create_student(student)
            submission = gradebook.update_or_create_submission(assignment, student)
        for notebook in submission.notebooks:
            for item in notebook.grades:
                item.auto_score = None
        gradebook.db.commit()


def _results(
    root: Path,
    assignment: str,
    students: list[str] | None,
    failures: dict[str, str],
    notes: dict[str, list[str]],
) -> list[Result]:
    with _gradebook(root) as gradebook:
        rows = marks(gradebook, assignment)
    write_csv(rows, root / "marks" / f"{assignment}.csv")
    text = source.read(root / "solutions" / assignment / f"{assignment}.py")
    given = {cell.source for cell in text.cells}
    return [
        _result(
            root,
            assignment,
            row,
            failures.get(row["student"], ""),
            given,
            notes.get(row["student"], []),
        )
        for row in rows
        if students is None or row["student"] in students
    ]


def _result(
    root: Path,
    assignment: str,
    row: dict,
    failure: str,
    given: set[str],
    repairs: list[str],
) -> Result:
    student = row["student"]
    if failure:
        return Result(student, "failed", row["total"], row["max"], failure)
    graded = root / "autograded" / student / assignment / f"{assignment}.ipynb"
    flags = find_flags(nbformat.read(graded, as_version=4), given) if graded.is_file() else []
    status, total, highest = row["status"], row["total"], row["max"]
    return Result(student, status, total, highest, flags=flags, repairs=repairs)
