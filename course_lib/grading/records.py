"""What is known about each grading: ``records/<assignment>/<student>.json``, written last.

A record explains a mark (checks, messages, versions), and its fingerprint tells the next run that
nothing has changed since. To have a submission graded again all the same, delete its record.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["Record", "fingerprint", "now", "read", "shared_fingerprint", "versions", "write"]

LIBRARY = Path(__file__).resolve().parents[1]
NO_PART = {"anonymous.py", "book.py", "cli.py", "collect.py", "inbox.py", "item_statistics.py"}
NO_PART |= {"placing.py", "report.py", "roster.py", "submission.py"}  # these decide no mark
LARGEST_FILE = 50_000_000  # bytes; what is larger is graded by nobody, and would take long to read


@dataclass(frozen=True)
class Record:
    """One grading of one submission, see the module.

    Parameters
    ----------
    student, assignment : str
        Whose work.
    fingerprint : str
        Of all that decides the mark, see `fingerprint`.
    graded_at : str
        Time in UTC, as ISO 8601 writes it.
    seconds : float
        How long it took.
    status : str
        ``"graded"`` or ``"failed"``. A failed one with checks keeps an earlier grading's marks:
        time, seconds, checks, flags, repairs and versions are those of the earlier grading.
    reason : str
        Why it failed.
    stopped : str
        Why the kernel could not be asked any more: it died, it could not be interrupted, exit().
    repairs, flags : list of str
        What was repaired first, and what the teacher may want to look at.
    versions : dict of str
        See `versions`.
    checks : list of dict
        One for each check: the fields of `checks.Outcome`, and ``cell``.
    """

    student: str
    assignment: str
    fingerprint: str = ""
    graded_at: str = ""
    seconds: float = 0.0
    status: str = "graded"
    reason: str = ""
    stopped: str = ""
    repairs: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)


def now() -> str:
    """Return the time in UTC, to the second.

    Returns
    -------
    str
        E.g. ``"2026-11-21T09:00:00+00:00"``.
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Return the versions of what computes a mark in this process.

    Returns
    -------
    dict of str
        Of Python, NumPy, nbgrader and the course's library.
    """
    names = {"numpy": "numpy", "nbgrader": "nbgrader", "course_lib": "course-lib"}
    return {"python": platform.python_version()} | {k: version(name) for k, name in names.items()}


def _path(root: Path, assignment: str, student: str) -> Path:
    return root / "records" / assignment / f"{student}.json"


def read(root: Path, assignment: str, student: str) -> Record | None:
    """Read the record of a submission.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment, student : str
        Which one.

    Returns
    -------
    Record or None
        None when there is none, or none that can be read: then the submission is graded again.
    """
    try:
        return Record(**json.loads(_path(root, assignment, student).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(root: Path, record: Record) -> None:
    """Write a record, so that its file is either the old one or the new one.

    Parameters
    ----------
    root : Path
        Root of the course.
    record : Record
        What to write.
    """
    path = _path(root, record.assignment, record.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    text = json.dumps(asdict(record), indent=1, ensure_ascii=False)
    unfinished.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    os.replace(unfinished, path)


def shared_fingerprint(root: Path, assignment: str, *others: object) -> str:
    """Summarise what decides the marks of all the submissions of an assignment.

    That is: the release, the teacher's text with its checks, mistakes and data, the library, the
    versions and nbgrader's configuration.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment.
    *others : object
        What else decides; its ``repr`` counts.

    Returns
    -------
    str
        A SHA-256 in hexadecimal.
    """
    teachers = root / "solutions" / assignment
    return _summary(
        _folder(root / "exercises" / assignment, _is_part),
        _folder(teachers, lambda path: _is_part(path) and path.suffix != ".ipynb"),
        _folder(LIBRARY, lambda path: path.suffix == ".py" and path.name not in NO_PART),
        _file(root / "nbgrader_config.py"),
        versions(),
        *others,
    )


def fingerprint(root: Path, assignment: str, student: str, *others: object) -> str:
    """Summarise all that decides the mark of a submission.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment, student : str
        Which submission: every file that was handed in counts.
    *others : object
        What else decides, such as the `shared_fingerprint`; its ``repr`` counts.

    Returns
    -------
    str
        A SHA-256 in hexadecimal.
    """
    return _summary(_folder(root / "submitted" / student / assignment), *others)


def _summary(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()


def _is_part(path: Path) -> bool:
    return not path.name.startswith(".") and path.parent.name != "__pycache__"


def _folder(folder: Path, is_part: Callable[[Path], bool] = lambda path: True) -> str:
    """Summarise the names and the contents of a folder's files; no link is followed."""
    if folder.is_symlink():
        return _file(folder)
    found = sorted(Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return _summary(
        *((path.relative_to(folder).parts, _file(path)) for path in found if is_part(path))
    )


def _file(path: Path) -> str:
    """Summarise a file; anything may have been handed in, and nothing of it stops the class."""
    try:
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            return f"link to {os.readlink(path)!r}"
        if not stat.S_ISREG(info.st_mode) or info.st_size > LARGEST_FILE:
            return f"{info.st_mode} {info.st_size} {info.st_mtime_ns}"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
