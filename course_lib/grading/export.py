"""Marks as CSV: one row for each student, one column for each graded cell."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

if TYPE_CHECKING:
    from nbgrader.api import Assignment, Grade, Student, SubmittedAssignment

__all__ = ["MarksExporter", "marks", "status", "write_csv"]

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so is run by spreadsheets


def status(submission: SubmittedAssignment | None) -> str:
    """Say in words how far a submission is.

    Parameters
    ----------
    submission : SubmittedAssignment or None
        A gradebook's entry.

    Returns
    -------
    str
        ``"missing"``, ``"not graded"``, ``"needs manual grading"`` or ``"graded"``.
    """
    if submission is None:
        return "missing"
    if any(_is_unmarked(grade) for grade in _grades(submission)):
        return "not graded"
    return "needs manual grading" if submission.needs_manual_grade else "graded"


def _is_unmarked(grade: Grade) -> bool:
    automatic = grade.cell_type == "code"
    return automatic and grade.auto_score is None and grade.manual_score is None


def _grades(submission: SubmittedAssignment) -> list[Grade]:
    return [grade for notebook in submission.notebooks for grade in notebook.grades]


def marks(gradebook: Gradebook, assignment: str) -> list[dict[str, object]]:
    """Collect the marks of an assignment.

    Parameters
    ----------
    gradebook : Gradebook
        An open gradebook.
    assignment : str
        Name of the assignment.

    Returns
    -------
    list of dict
        One for each student of the gradebook, by student id. A mark that is not known yet is
        empty; ``total`` is after the late penalty.

    Raises
    ------
    nbgrader.api.MissingEntry
        When the gradebook has no such assignment.
    """
    entry = gradebook.find_assignment(assignment)
    students = sorted(gradebook.students, key=lambda student: student.id)
    return [_row(gradebook, entry, student) for student in students]


def _row(gradebook: Gradebook, assignment: Assignment, student: Student) -> dict[str, object]:
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        submission = None
    penalty = submission.late_submission_penalty if submission else 0.0
    row = {
        "student": student.id,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "status": status(submission),
        "total": max(0.0, submission.score - penalty) if submission else 0.0,
        "max": assignment.max_score,
        "late_penalty": penalty,
    }
    scores = {grade.name: _score(grade) for grade in _grades(submission)} if submission else {}
    return row | {name: scores.get(name) for name in _graded_cells(assignment)}


def _score(grade: Grade) -> float | None:
    known = grade.auto_score is not None or grade.manual_score is not None
    return grade.score if known else None


def _graded_cells(assignment: Assignment) -> list[str]:
    cells = [cell for nb in assignment.notebooks for cell in (*nb.grade_cells, *nb.task_cells)]
    return sorted(cell.name for cell in cells)


def write_csv(rows: list[dict[str, object]], path: Path) -> None:
    """Write rows as CSV; the file is the old one or the new one, and untouched if they are equal.

    Parameters
    ----------
    rows : list of dict
        Rows with the same keys, see `marks`. A text that a spreadsheet would run as a formula is
        preceded by an apostrophe.
    path : Path
        File to write; its folder is made when it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_harmless(name) for name in (rows[0] if rows else ["student"]))
        writer.writerows([_harmless(value) for value in row.values()] for row in rows)
    if path.is_file() and path.read_bytes() == unfinished.read_bytes():
        unfinished.unlink()
    else:
        os.replace(unfinished, path)


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


class MarksExporter(ExportPlugin):
    """``nbgrader export``: one file for each assignment, in the folder ``marks`` or ``--to``."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the marks of each assignment."""
        wanted = [str(name) for name in self.assignment]
        for assignment in gradebook.assignments:
            if not wanted or assignment.name in wanted:
                path = Path(self.to or "marks") / f"{assignment.name}.csv"
                self.log.info("Exporting marks to %s", path)
                write_csv(marks(gradebook, assignment.name), path)
