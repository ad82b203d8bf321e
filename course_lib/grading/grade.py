"""Grade an assignment: every student gets a mark, or a reason.

Processes grade the submissions; this one alone writes into the course. It writes the files of a
submission, then its marks, then its record: wherever it ends, the next run goes on from there.
"""

from __future__ import annotations

import json
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.grading import gradebook, records, sandbox
from course_lib.grading.course import CourseError, alone, configuration, surroundings
from course_lib.grading.export import marks, write_csv
from course_lib.grading.placing import finish_writing, write_folder
from course_lib.grading.records import Record
from course_lib.grading.runner import grade_all
from course_lib.grading.workplace import AUTOGRADED, TEACHER, Graded, Task

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = ["Result", "check_solution", "grade"]

log = logging.getLogger(__name__)
Track = Callable[[Iterable[Graded], int], Iterable[Graded]]


@dataclass(frozen=True)
class Result:
    """What became of one student's submission."""

    student: str
    status: str  # graded, needs manual grading, not graded, missing, failed
    total: float = 0.0
    max_score: float = 0.0
    reason: str = ""
    flags: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)  # before the grading
    seconds: float = 0.0  # that the grading took
    kept: bool = False  # nothing has changed since an earlier run


def grade(
    root: Path,
    assignment: str,
    students: list[str] | None = None,
    *,
    sandboxed: bool = True,
    jobs: int | None = None,
    dask: str | None = None,
    track: Track = lambda finished, total: finished,
) -> list[Result]:
    """Grade the submissions of an assignment, and write ``marks/<assignment>.csv``.

    A submission that cannot be graded stops nobody else's, and keeps the marks of an earlier
    grading. One for which nothing has changed since its last grading is left as it is; to have
    it graded again, delete ``records/<assignment>/<student>.json``. Manual marks and comments
    stay.

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
    jobs : int, optional
        How many at once; by default three for two cores.
    dask : str, optional
        Address of a Dask scheduler, whose workers grade, see `cluster.connect`.
    track : callable, optional
        ``track(finished, total)`` wraps the gradings that are finished, e.g. in a progress bar.

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
    if sandboxed and not dask and (reason := sandbox.unavailable()):
        raise CourseError(reason)
    submitted = _submitted(root, assignment, students)
    with alone(root), surroundings():
        config = configuration(root)
        gradebook.require_assignment(config, assignment)
        finish_writing(root / AUTOGRADED, assignment)
        tasks, graded_before = _tasks(root, config, assignment, submitted, sandboxed)
        if len(tasks) > 1:
            with closing(grade_all(tasks, jobs=jobs, dask=dask)) as finished:
                for graded in track(_trusted(finished), len(tasks) - 1):
                    _keep(root, config, graded, graded.record.student in graded_before)
        graded_now = {task.student for task in tasks}
        return _results(root, config, assignment, students, set(submitted) - graded_now)


def _submitted(root: Path, assignment: str, students: list[str] | None) -> list[str]:
    found = sorted(path.parent.name for path in root.glob(f"submitted/[!.]*/{assignment}"))
    if not found:
        raise CourseError(f"no submission: expected folders submitted/<student>/{assignment}")
    if students is None:
        return found
    if unknown := sorted(set(students) - set(found)):
        raise CourseError(f"no submission of {', '.join(unknown)} for {assignment}")
    return sorted(set(students))


# --- what is to be done -----------------------------------------------------------------------


def _tasks(
    root: Path, config: Config, assignment: str, submitted: list[str], sandboxed: bool
) -> tuple[list[Task], set[str]]:
    """Return what is to be graded, the teacher's solution first, and who has marks already."""
    shared, students = gradebook.export(config, assignment)
    common = records.shared_fingerprint(root, assignment, sandboxed, shared)
    tasks, have_marks = [Task(root, assignment, TEACHER, (shared,), "", sandboxed)], set()
    for student in submitted:
        rows = students.get(student, {"grade": []})
        submission = next(iter(rows.get("submitted_assignment", [])), {})
        others = common, submission.get("extension")
        fingerprint = records.fingerprint(root, assignment, student, *others)
        marks = gradebook.automatic_marks(shared, rows)
        if marks:
            have_marks.add(student)
        if not _is_done(root, assignment, student, fingerprint, marks):
            tasks.append(Task(root, assignment, student, (shared, rows), fingerprint, sandboxed))
    return tasks, have_marks


def _is_done(
    root: Path, assignment: str, student: str, fingerprint: str, marks: dict[str, float]
) -> bool:
    """Say whether nothing has changed since a grading, and what it gave is where it belongs."""
    record = records.read(root, assignment, student)
    if record is None or (record.status, record.fingerprint) != ("graded", fingerprint):
        return False
    earned: defaultdict[str, float] = defaultdict(float)
    for check in record.checks:
        earned[check["cell"]] += check["earned"]
    return (root / AUTOGRADED / student / assignment).is_dir() and all(
        math.isclose(points, marks.get(cell, math.nan)) for cell, points in earned.items()
    )


def _trusted(finished: Iterable[Graded]) -> Iterator[Graded]:
    """Hold results back until the teacher's solution has got full marks, and then let them go."""
    held, trusted = [], False
    for graded in finished:
        if graded.record.student == TEACHER:
            check_solution(graded.record)
            for error in _errors(graded):
                log.warning("the teacher's solution: %s; it may do so for each student", error)
            trusted = True
        else:
            held.append(graded)
        if trusted:
            yield from held
            held = []


def _errors(graded: Graded) -> Iterator[str]:
    """Yield which cells ended with an error; those that are graded say so in their marks."""
    _, content = graded.folder[f"{graded.record.assignment}.ipynb"]
    for number, cell in enumerate(json.loads(content)["cells"], 1):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                yield f"cell {number} ended with {output['ename']}: {output['evalue']}"


def check_solution(record: Record) -> None:
    """Refuse to grade where the teacher's own solution, handed in, does not get full marks.

    Parameters
    ----------
    record : Record
        Of its grading.

    Raises
    ------
    CourseError
        When it does not get full automatic marks: then no student's mark could be trusted.
    """
    if record.status == "failed":
        raise CourseError(f"the teacher's solution cannot be graded: {record.reason}")
    lost = [check for check in record.checks if check["earned"] < check["points"]]
    if lost:
        reports = "\n".join(f"{check['cell']}: {check['message']}" for check in lost)
        raise CourseError(f"the teacher's solution does not get full marks:\n{reports}")


# --- writing into the course ------------------------------------------------------------------


def _keep(root: Path, config: Config, graded: Graded, has_marks: bool) -> None:
    """Write a result into the course; the record comes last, and says that all is there."""
    record = graded.record
    if record.status == "failed":
        record = _failed(root, config, record, has_marks)
    else:
        write_folder(graded.folder, root / AUTOGRADED / record.student / record.assignment)
        gradebook.merge(config, graded.rows)
    records.write(root, record)


def _failed(root: Path, config: Config, record: Record, has_marks: bool) -> Record:
    """Keep the marks of an earlier grading, or else let there be a submission without marks."""
    if not has_marks:
        gradebook.add_submission(config, record.assignment, record.student)
        return record
    earlier = records.read(root, record.assignment, record.student) or replace(record, graded_at="")
    when = f" of {earlier.graded_at}" if earlier.graded_at else ""
    reason = f"{record.reason}; the marks of the grading{when} are kept"
    return replace(earlier, status="failed", reason=reason, fingerprint=record.fingerprint)


def _results(
    root: Path,
    config: Config,
    assignment: str,
    students: list[str] | None,
    unchanged: set[str],
) -> list[Result]:
    with gradebook.open_gradebook(config) as book:
        rows = marks(book, assignment)
    write_csv(rows, root / "marks" / f"{assignment}.csv")
    return [
        _result(row, records.read(root, assignment, row["student"]), row["student"] in unchanged)
        for row in rows
        if students is None or row["student"] in students
    ]


def _result(row: dict, record: Record | None, kept: bool) -> Result:
    marks = {"student": row["student"], "total": row["total"], "max_score": row["max"]}
    if record is None:
        return Result(status=row["status"], **marks)
    return Result(
        status="failed" if record.status == "failed" else row["status"],
        reason=record.reason,
        flags=record.flags,
        repairs=record.repairs,
        seconds=record.seconds,
        kept=kept,
        **marks,
    )
