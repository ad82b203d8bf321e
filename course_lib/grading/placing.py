"""Put a student's folder in its place in one step, and keep what was there."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.utils import parse_utc

__all__ = [
    "TIMESTAMP",
    "Folder",
    "exchange",
    "finish_writing",
    "free",
    "keep",
    "read_folder",
    "read_time",
    "same",
    "stamp",
    "write_folder",
    "write_time",
]

Folder = dict[str, tuple[int, bytes | None]]  # mode and content by path; a folder has no content
TIMESTAMP = "timestamp.txt"  # where nbgrader looks for the time of handing in
HERE, EXCHANGE = -100, 2  # Linux' AT_FDCWD and RENAME_EXCHANGE


def write_time(folder: Path, time: datetime) -> None:
    """Write the time of handing in where nbgrader reads it.

    Parameters
    ----------
    folder : Path
        A submission.
    time : datetime
        UTC.
    """
    text = time.replace(tzinfo=None).isoformat(" ")
    (folder / TIMESTAMP).write_text(f"{text} UTC\n", encoding="utf-8")


def read_time(folder: Path) -> datetime | None:
    """Read the time of handing in.

    Parameters
    ----------
    folder : Path
        A submission.

    Returns
    -------
    datetime or None
        UTC; None when there is no time that can be read.

    Examples
    --------
    >>> read_time(Path("no such folder"))
    """
    try:
        text = (folder / TIMESTAMP).read_text(encoding="utf-8").strip()
        return parse_utc(text).replace(tzinfo=UTC)
    except (OSError, ValueError, OverflowError):
        return None


def stamp(time: datetime | None) -> str:
    """Return a time as part of a file's name.

    Parameters
    ----------
    time : datetime or None
        UTC.

    Returns
    -------
    str
        The time to the second, or ``"no-time"``.

    Examples
    --------
    >>> stamp(datetime(2026, 11, 21, 9, tzinfo=UTC))
    '20261121T090000Z'
    """
    return f"{time:%Y%m%dT%H%M%SZ}" if time else "no-time"


def free(path: Path) -> Path:
    """Return a path that nothing is at: this one, or one with a number.

    Parameters
    ----------
    path : Path
        The wanted path.

    Returns
    -------
    Path
        A path in the same folder.
    """
    number, wanted = 1, path
    while os.path.lexists(path):
        number += 1
        path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return path


def same(one: Path, other: Path) -> bool:
    """Tell whether two submissions are equal byte for byte; their times do not count.

    Parameters
    ----------
    one, other : Path
        Folders.

    Returns
    -------
    bool
        True for the same files with the same contents.
    """
    return _digests(one) == _digests(other)


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {os.readlink(path)}"
        elif path.is_file() and name != TIMESTAMP:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def keep(folder: Path, shelf: Path, time: datetime | None) -> Path:
    """Move a folder to a shelf, unless the shelf has the same one.

    Parameters
    ----------
    folder : Path
        What to keep.
    shelf : Path
        Folder of folders, named after times.
    time : datetime or None
        UTC.

    Returns
    -------
    Path
        Where it is now, or where its equal was already.
    """
    shelf.mkdir(parents=True, exist_ok=True)
    for kept in sorted(shelf.iterdir()):
        if kept.is_dir() and same(kept, folder):
            return kept
    place = free(shelf / stamp(time))
    os.rename(folder, place)
    return place


def exchange(new: Path, target: Path) -> None:
    """Let two folders change places.

    On Linux in one step: whoever looks, and whatever interrupts, there is a whole folder at
    ``target``. Elsewhere in three, that are undone when the second one fails.

    Parameters
    ----------
    new, target : Path
        Folders on one disk.
    """
    try:
        swap = ctypes.CDLL(None, use_errno=True).renameat2
        if swap(HERE, os.fsencode(new), HERE, os.fsencode(target), EXCHANGE) == 0:
            return
    except (AttributeError, TypeError):  # no Linux
        pass
    aside = free(new.with_name(f".{new.name}.part"))
    os.rename(target, aside)
    try:
        os.rename(new, target)
    except BaseException:
        os.rename(aside, target)
        raise
    os.rename(aside, new)


def read_folder(folder: Path) -> Folder:
    """Read a folder with all that is in it.

    Parameters
    ----------
    folder : Path
        It holds files and folders only.

    Returns
    -------
    Folder
        For `write_folder`, perhaps on another machine.
    """
    return {
        path.relative_to(folder).as_posix(): (
            stat.S_IMODE(path.stat().st_mode),
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted([folder, *folder.rglob("*")])
    }


def write_folder(content: Folder, folder: Path) -> None:
    """Put a folder in place of the one that is there; see `finish_writing`.

    Parameters
    ----------
    content : Folder
        See `read_folder`.
    folder : Path
        Where it belongs.
    """
    new, old = (folder.with_name(f".{folder.name}.{age}") for age in ("new", "old"))
    shutil.rmtree(new, ignore_errors=True)
    for name, (mode, data) in content.items():
        path = new / name
        if data is None:
            path.mkdir(parents=True)
        else:
            path.write_bytes(data)
        path.chmod(mode)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def finish_writing(step: Path, assignment: str) -> None:
    """Remove what an interrupted `write_folder` left; an old folder goes back to its place.

    Parameters
    ----------
    step : Path
        Folder of students' folders, such as ``autograded/``.
    assignment : str
        Name of the folders that were written.
    """
    for old in step.glob(f"*/.{assignment}.old"):
        folder = old.with_name(assignment)
        if folder.exists():
            shutil.rmtree(old)
        else:
            old.rename(folder)
    for new in step.glob(f"*/.{assignment}.new"):
        shutil.rmtree(new)
