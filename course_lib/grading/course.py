"""Where the course is, and how nbgrader is called in it."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbgrader.converters.base import BaseConverter
    from traitlets.config import Config

__all__ = ["CourseError", "alone", "configuration", "convert", "find_root", "surroundings"]

CONFIG_FILE = "nbgrader_config.py"


class CourseError(Exception):
    """Something that the teacher has to put right; the message says where and how."""


def find_root(start: Path | None = None) -> Path:
    """Find the course: the nearest folder above ``start`` that holds ``nbgrader_config.py``.

    Parameters
    ----------
    start : Path, optional
        Folder where the search begins; the current folder by default.

    Returns
    -------
    Path
        The root of the course.

    Raises
    ------
    CourseError
        When neither ``start`` nor any folder above it holds the file.

    Examples
    --------
    >>> find_root(Path("/"))
    Traceback (most recent call last):
    ...
    course_lib.grading.course.CourseError: no nbgrader_config.py in / or above: run the command \
inside the course
    """
    start = Path(start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / CONFIG_FILE).is_file():
            return folder
    raise CourseError(f"no {CONFIG_FILE} in {start} or above: run the command inside the course")


def configuration(course: Path, workplace: Path | None = None) -> Config:
    """Read the course's nbgrader settings, for the course itself or for a copy of it.

    Parameters
    ----------
    course : Path
        Root of the course, where ``nbgrader_config.py`` is.
    workplace : Path, optional
        Folder that nbgrader works in instead of the course.

    Returns
    -------
    traitlets.config.Config
        The settings, with an absolute course folder and the gradebook's URL: the one that is set
        or else a file ``gradebook.db`` in the course, and always a file in a workplace.
    """
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader(CONFIG_FILE, path=str(course)).load_config()
    root = Path(workplace or course).resolve()
    config.CourseDirectory.root = str(root)
    if workplace or not config.CourseDirectory.get("db_url"):
        config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    return config


def convert(converter: type[BaseConverter], config: Config, assignment: str, student: str) -> None:
    """Run one of nbgrader's converters on one student's assignment, again if it was run before.

    Parameters
    ----------
    converter : type
        ``GenerateAssignment``, ``Autograde`` or ``GenerateFeedback`` of ``nbgrader.converters``.
    config : traitlets.config.Config
        Settings, see `configuration`.
    assignment, student : str
        Whom and what; the student is ``"."`` for the release of an assignment.

    Raises
    ------
    CourseError
        When nbgrader fails; the message is the reason that nbgrader logged.
    """
    from nbgrader.converters import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    with _collected_log() as log, surroundings():
        directory = CourseDirectory(config=config, log=log.logger)
        directory.assignment_id, directory.student_id = assignment, student
        try:
            converter(coursedir=directory, config=config, log=log.logger, force=True).start()
        except NbGraderException as error:
            raise CourseError(log.reason or str(error)) from error


class _Log(logging.Handler):
    """Keep what nbgrader logs as an error: it says there, and not in its exception, what failed."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logging.ERROR)
        self.logger = logger
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.errors.append(record.getMessage().strip())

    @property
    def reason(self) -> str:
        """Return the last line of the logged traceback, or the first error."""
        for error in self.errors:
            if error.startswith("Traceback"):
                return error.splitlines()[-1]
        return self.errors[0] if self.errors else ""


@contextmanager
def _collected_log() -> Iterator[_Log]:
    logger = logging.getLogger("course_lib.grading.nbgrader")
    logger.propagate = False
    log = _Log(logger)
    logger.addHandler(log)
    try:
        yield log
    finally:
        logger.removeHandler(log)


@contextmanager
def alone(course: Path) -> Iterator[None]:
    """Let nobody else write into a course meanwhile: two at once would undo each other's work.

    Parameters
    ----------
    course : Path
        Root of the course.

    Raises
    ------
    CourseError
        When another process is at it.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock, and no sandbox either
        yield
        return
    with (course / CONFIG_FILE).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            words = "another `course` command is writing into this course: wait until it has ended"
            raise CourseError(words) from None
        yield


@contextmanager
def surroundings() -> Iterator[None]:
    """Give nbgrader what it needs around it, for as long as it runs.

    It calls ``alembic`` by its name, which is not found where the environment is not activated;
    and nbgrader 0.9.6 and newer libraries exchange warnings that are of no use to a teacher.
    """
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.environ["PATH"] = before
