"""What lies in a folder or a zip of submissions, whoever made it; nothing is unpacked here."""

from __future__ import annotations

import os
import re
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path, PurePosixPath

from course_lib.grading.course import CourseError

__all__ = ["Contents", "Entry", "Label", "as_utc", "exchange_time", "open_inbox", "recognise"]

NO_WORK = {".ipynb_checkpoints", "__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack to any size at once
IN_UTF8 = 0x800
NO_LETTERS = ("Cc", "Cs", "Zl", "Zp")  # control characters, half characters, ends of lines

# Moodle writes no "_" in a person's name, so that the first number ends the name, whatever a
# student called the file. Releases before 4 end a folder's name with "_".
MOODLE = re.compile(
    r"(?P<name>[^_]+)(?:_(?P<number>\d+))?_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<file>.*))?",
    flags=re.DOTALL,
)
EXCHANGE = re.compile(
    r"(?P<name>.+)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-[^+]+)(?:\+[^+]*)?", flags=re.DOTALL
)


@dataclass(frozen=True)
class Entry:
    """A file of the inbox."""

    path: PurePosixPath
    size: int
    time: datetime | None  # of its last change, UTC
    doubtful: bool  # the clocks showed this time twice
    read: Callable[[], bytes]


@dataclass
class Contents:
    """What an inbox holds."""

    files: list[Entry] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)  # name and reason
    n_ignored: int = 0


@dataclass(frozen=True)
class Label:
    """What the name of a folder, or of a single file, says about a submission."""

    kind: str  # "Moodle", "exchange" or "plain"
    folder: str  # what all files of the submission have in common
    name: str  # a full name for Moodle, else a student id
    number: str = ""  # Moodle's number of the participant
    plugin: str = "file"  # what Moodle calls the kind of a submission
    assignment: str = ""
    time: str = ""


def recognise(path: PurePosixPath) -> tuple[Label, PurePosixPath]:
    """Say whose submission a file belongs to, and where in it.

    Only the first part of the path counts: the rest is a student's, who may call a file anything.

    * Moodle, *Download all submissions*: ``Full Name_1234567_assignsubmission_file/any.ipynb``,
      in older releases with ``_`` after ``file``; or, without folders,
      ``Full Name_1234567_assignsubmission_file_any.ipynb``. The number is the participant's in
      this assignment. Other plug-ins, such as ``onlinetext``, stand in the place of ``file``.
    * nbgrader's exchange: ``student+assignment+time+random/any.ipynb`` in ``inbound/``.
    * Anything else is named after the student: ``student.ipynb`` or ``student/any.ipynb``.

    Parameters
    ----------
    path : PurePosixPath
        Path in the inbox.

    Returns
    -------
    label : Label
        The submission.
    inner : PurePosixPath
        The path in the submission.

    Examples
    --------
    >>> label, inner = recognise(PurePosixPath("Zoé Roy_12_assignsubmission_file_a_3.ipynb"))
    >>> label.kind, label.name, label.number, str(inner)
    ('Moodle', 'Zoé Roy', '12', 'a_3.ipynb')
    """
    first, *rest = path.parts or ("",)
    if found := MOODLE.fullmatch(first):
        if found["file"]:
            first, rest = first[: found.start("file")], [found["file"], *rest]
        name, number, plugin = found["name"], found["number"] or "", found["plugin"]
        return Label("Moodle", first, name, number, plugin), PurePosixPath(*rest)
    if rest and (found := EXCHANGE.fullmatch(first)):
        name, assignment, time = found["name"], found["assignment"], found["time"]
        label = Label("exchange", first, name, assignment=assignment, time=time)
        return label, PurePosixPath(*rest)
    if rest:
        return Label("plain", first, first), PurePosixPath(*rest)
    return Label("plain", first, re.sub(r"\.[^.]+$", "", first)), PurePosixPath(first)


def as_utc(time: datetime, zone: tzinfo | None) -> tuple[datetime, bool]:
    """Convert what a clock on a wall shows.

    Parameters
    ----------
    time : datetime
        A time; one with its own zone is only converted.
    zone : tzinfo or None
        Where the clock hangs; None for where this machine is.

    Returns
    -------
    time : datetime
        UTC. When the clocks showed the time twice, or skipped it, the earlier reading: no doubt
        makes a student late.
    doubtful : bool
        Whether there were two readings.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> str(as_utc(datetime(2026, 7, 1, 12), ZoneInfo("Europe/Paris"))[0])
    '2026-07-01 10:00:00+00:00'
    """
    if time.tzinfo:
        return time.astimezone(UTC), False
    readings = {time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return min(readings), len(readings) > 1


def exchange_time(text: str, zone: tzinfo | None) -> datetime | None:
    """Read the time in the name of an exchange's folder.

    Parameters
    ----------
    text : str
        ``2026-07-01 12:00:00.5 UTC``, an offset such as ``+0200``, or a zone's own short name:
        nbgrader 0.9.6 reads ``CEST`` as UTC, two hours wrong.
    zone : tzinfo or None
        The zone whose short names are known; None for this machine's.

    Returns
    -------
    datetime or None
        UTC, or None when the text names no time.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> str(exchange_time("2026-07-01 12:00:00 CEST", ZoneInfo("Europe/Paris")))
    '2026-07-01 10:00:00+00:00'
    """
    wall, _, name = text.strip().rpartition(" ")
    try:
        if name in ("UTC", "GMT", "Z") or re.fullmatch(r"[+-]\d\d:?\d\d", name):
            offset = name if name[0] in "+-" else "+00:00"
            return datetime.fromisoformat(f"{wall}{offset}").astimezone(UTC)
        time = datetime.fromisoformat(wall)
        for fold in (0, 1):
            local = time.replace(tzinfo=zone, fold=fold)
            local = local if zone else local.astimezone()
            if local.tzname() == name:
                return local.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


@contextmanager
def open_inbox(source: Path, zone: tzinfo | None, largest: int) -> Iterator[Contents]:
    """List the files of a folder or a zip; they can be read until the block ends.

    Parameters
    ----------
    source : Path
        A folder, or a zip.
    zone : tzinfo or None
        The zone of a zip's times, which have none; None for this machine's.
    largest : int
        Size in bytes above which a file is refused.

    Yields
    ------
    Contents
        The files that are safe to copy, in the order of their paths; the others with a reason.

    Raises
    ------
    CourseError
        When the source is neither, or is damaged so that its files are not known.
    """
    if source.is_dir():
        yield _sorted(_list_folder(source, largest))
        return
    try:
        archive = zipfile.ZipFile(source)
    except OSError as error:
        raise CourseError(f"{source}: {error.strerror or error}") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise CourseError(f"{source}: no folder, and no zip that can be read: {error}") from None
    with archive:
        yield _sorted(_list_zip(archive, zone, largest))


def _sorted(contents: Contents) -> Contents:
    contents.files.sort(key=lambda file: file.path.as_posix())
    contents.refused.sort()
    return contents


def _list_folder(source: Path, largest: int) -> Contents:
    contents = Contents()
    closed: list[OSError] = []
    for place, folders, files in os.walk(source, onerror=closed.append):
        for name in [*files, *(name for name in folders if Path(place, name).is_symlink())]:
            path = Path(place, name)
            try:
                status = path.lstat()
            except OSError as error:  # it was there a moment ago
                closed.append(error)
                continue
            time = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(status.st_mtime))
            file = (status.st_size, time, False, partial(_read, path, largest))
            _add(contents, _decoded(path.relative_to(source)), status.st_mode, largest, file)
    for error in closed:
        name = _decoded(Path(error.filename).relative_to(source))
        contents.refused.append((name, f"cannot be opened: {error.strerror}"))
    return contents


def _decoded(path: Path) -> str:
    """Return a path as text, also one that another system wrote in Latin-1."""
    name = os.fsencode(path.as_posix())
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp1252", "replace")


def _read(path: Path, largest: int) -> bytes:
    """Read a file that may have become a link, or longer, since it was listed."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("no file any more")
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError("it grew too large")
    return data


def _list_zip(archive: zipfile.ZipFile, zone: tzinfo | None, largest: int) -> Contents:
    contents = Contents()
    for info in archive.infolist():
        name = _name(info)
        if name.endswith(("/", "\\")):
            continue
        if info.compress_type not in BOUNDED:
            contents.refused.append((_shown(name), "compressed in an unusual way"))
            continue
        time, doubtful = _zip_time(info, zone)
        file = (info.file_size, time, doubtful, partial(_unpack, archive, info))
        _add(contents, name, info.external_attr >> 16, largest, file)
    return contents


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        return file.read(info.file_size)  # never more, whatever is packed


def _add(contents: Contents, name: str, mode: int, largest: int, file: tuple) -> None:
    """Add a file to the contents, if nothing speaks against it."""
    parts = name.replace("\\", "/").split("/")
    if any(part in NO_WORK or part.startswith("._") for part in parts):
        contents.n_ignored += 1
    elif reason := _danger(parts, mode, file[0], largest):
        contents.refused.append((_shown(name), reason))
    else:
        contents.files.append(Entry(PurePosixPath(*parts), *file))


def _danger(parts: list[str], mode: int, size: int, largest: int) -> str:
    if any(part in ("", ".", "..") for part in parts) or re.match(r"[A-Za-z]:", parts[0]):
        return "its name leads out of the folder"
    if any(unicodedata.category(letter) in NO_LETTERS for letter in "".join(parts)):
        return "its name has characters that are none"
    if any(len(os.fsencode(part)) > 255 for part in parts):
        return "its name is too long"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link, or no file"
    if size > largest:
        return f"too large: {size / 1e6:.0f} MB, more than {largest / 1e6:.0f} MB"
    return ""


def _shown(name: str) -> str:
    return "".join("?" if unicodedata.category(c) in NO_LETTERS else c for c in name[:200])


def _name(info: zipfile.ZipInfo) -> str:
    """Return a name as it was written: some programs write UTF-8 and do not say so."""
    if info.flag_bits & IN_UTF8:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _zip_time(info: zipfile.ZipInfo, zone: tzinfo | None) -> tuple[datetime | None, bool]:
    """Return the time of the extended field, which is UTC, or that of a clock on a wall."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return datetime.fromtimestamp(struct.unpack("<I", extra[5:9])[0], UTC), False
        extra = extra[4 + size :]
    if info.date_time <= (1980, 1, 1, 23, 59, 59):  # a zip's way to say that it is not known
        return None, False
    try:
        return as_utc(datetime(*info.date_time), zone)
    except (ValueError, OverflowError, OSError):
        return None, False
