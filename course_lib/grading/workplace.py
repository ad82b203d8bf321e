"""Grade one submission in a private temporary folder, with a gradebook of its own.

This is what the processes of the class runner do, on this machine or on another one. They only
read the course: everything that a grading makes is returned, also the files.
"""

from __future__ import annotations

import faulthandler
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import nbformat
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.utils import parse_utc

from course_lib.grading import gradebook, sandbox, source
from course_lib.grading.course import CourseError, configuration, convert
from course_lib.grading.gradebook import Rows
from course_lib.grading.placing import Folder, read_folder
from course_lib.grading.records import Record, now, versions
from course_lib.grading.repair import Repaired, repair
from course_lib.grading.workers import end_with_the_command, shared_folder

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = [
    "AUTOGRADED",
    "FEEDBACK",
    "TEACHER",
    "Graded",
    "Page",
    "Task",
    "feedback_page",
    "grade_submission",
]

TEACHER = "."  # who hands in the teacher's own solution: no folder of submitted/ has this name
AUTOGRADED, FEEDBACK = "autograded", "feedback"  # folders of the course
SECONDS = 1800.0  # more than all that a kernel and its checks may take
# nbgrader changes the current folder and the environment of its process: one at a time.
ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Task:
    """All that grading a submission needs, besides the files of the course."""

    root: Path
    assignment: str
    student: str
    rows: tuple[Rows, ...]  # of the course's gradebook
    fingerprint: str = ""
    sandboxed: bool = True
    seconds: float = SECONDS  # after which the process that grades it is ended


@dataclass(frozen=True)
class Graded:
    """What came of a submission; a failed one has a record only."""

    record: Record
    folder: Folder = field(default_factory=dict)  # of autograded/
    rows: Rows = field(default_factory=dict)  # of the workplace's gradebook


@dataclass(frozen=True)
class Page:
    """A student's feedback, or the reason why there is none."""

    student: str
    folder: Folder = field(default_factory=dict)
    reason: str = ""


def grade_submission(task: Task) -> Graded:
    """Grade one submission; nothing is written but in a temporary folder.

    Parameters
    ----------
    task : Task
        What to grade.

    Returns
    -------
    Graded
        Of a submission that cannot be graded, the record says why.
    """
    end_with_the_command()
    start = time.perf_counter()
    about = {"fingerprint": task.fingerprint, "versions": versions()}
    with ONE_AT_A_TIME, _end_of_process(task.seconds), tempfile.TemporaryDirectory() as folder:
        try:
            found, repairs, written, rows = _grade(task, Path(folder).resolve())
            about |= {"repairs": repairs, **found}
        except Exception as error:  # whatever one submission does, the others are graded
            about |= {"status": "failed", "reason": str(error) or type(error).__name__}
            written, rows = {}, {}
    about |= {"graded_at": now(), "seconds": round(time.perf_counter() - start, 3)}
    return Graded(Record(task.student, task.assignment, **about), written, rows)


def feedback_page(task: Task) -> Page:
    """Make a student's page of feedback; nothing is written but in a temporary folder.

    Parameters
    ----------
    task : Task
        Whose page; its rows hold the marks and comments of today.

    Returns
    -------
    Page
        Where there can be none, it says why.
    """
    end_with_the_command()
    with ONE_AT_A_TIME, _end_of_process(task.seconds), tempfile.TemporaryDirectory() as folder:
        workplace, place = Path(folder).resolve(), Path(task.student, task.assignment)
        try:
            config = _configuration(task, workplace)
            gradebook.create(config, *task.rows)
            shutil.copytree(task.root / AUTOGRADED / place, workplace / AUTOGRADED / place)
            convert(GenerateFeedback, config, task.assignment, task.student)
            return Page(task.student, read_folder(workplace / FEEDBACK / place))
        except Exception as error:  # one notebook that cannot be shown is no other's loss
            return Page(task.student, reason=str(error) or type(error).__name__)


@contextmanager
def _end_of_process(seconds: float) -> Iterator[None]:
    """End this process when something takes too long, whatever Python is busy with."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


@cache
def _sandbox_unavailable() -> str:
    """Ask once in each process: the machine may be another one than the teacher's."""
    return sandbox.unavailable()


def _grade(task: Task, workplace: Path) -> tuple[dict[str, Any], list[str], Folder, Rows]:
    if task.sandboxed and (reason := _sandbox_unavailable()):
        raise CourseError(reason)
    config = _configuration(task, workplace)
    gradebook.create(config, *task.rows)
    handed_in = _handed_in(task)
    copy = workplace / "submitted" / task.student / task.assignment
    copy.mkdir(parents=True)
    nbformat.write(handed_in.notebook, copy / f"{task.assignment}.ipynb")
    # nbgrader sees the copy: what was handed in stays as it is, and no link is followed.
    original = task.root / "submitted" / task.student / task.assignment
    repairs = [*handed_in.notes, *_copy_timestamp(original, copy)]
    convert(Autograde, config, task.assignment, task.student)
    written = read_folder(workplace / AUTOGRADED / task.student / task.assignment)
    found = json.loads(Path(config.Judge.record).read_text(encoding="utf-8"))
    return found, repairs, written, gradebook.export(config, task.assignment)[1][task.student]


@cache
def _drawer() -> Path:
    """Return this process's folder for a gradebook: an engine serves the database of one path."""
    return Path(tempfile.mkdtemp(dir=shared_folder()))


def _configuration(task: Task, workplace: Path) -> Config:
    config = configuration(task.root, workplace)
    database = _drawer() / "gradebook.db"
    database.unlink(missing_ok=True)  # of the submission before
    config.CourseDirectory.db_url = f"sqlite:///{database}"
    config.CourseDirectory.source_directory = str(task.root / "solutions")
    config.Judge.record = str(workplace / "record.json")
    # Every notebook here has been built of the course's own cells by `source` or by `repair`.
    config.CheckCellMetadata.enabled = False
    config.Exporter.optimistic_validation = True  # once, and not after each preprocessor
    if not task.sandboxed:
        config.ExecutePreprocessor.kernel_name = "python3"
    return config


def _handed_in(task: Task) -> Repaired:
    name = task.assignment
    if task.student == TEACHER:
        return Repaired(source.read(task.root / "solutions" / name / f"{name}.py"), [])
    release = nbformat.read(task.root / "exercises" / name / f"{name}.ipynb", as_version=4)
    return repair(task.root / "submitted" / task.student / name, release, name)


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
