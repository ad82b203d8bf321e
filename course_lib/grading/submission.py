"""One submission: the files that were handed in together, and what is odd about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from course_lib.grading.inbox import Entry, Label
from course_lib.grading.placing import TIMESTAMP, write_time
from course_lib.grading.repair import LARGEST_FILE
from course_lib.grading.roster import Found

__all__ = ["LARGEST_FILE", "NO_TIME", "Submission"]

LARGEST_SUBMISSION = 200_000_000  # bytes
LARGEST_SOURCE = 10_000_000_000
MOST_FILES = 1_000  # of one submission
NO_TIME = datetime.min.replace(tzinfo=UTC)


@dataclass
class Submission:
    """What one folder or file of an inbox holds, whose it is, and notes for the teacher."""

    label: Label
    found: Found
    files: list[tuple[PurePosixPath, Entry]] = field(default_factory=list)
    time: datetime | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return sum(entry.size for _, entry in self.files)

    @property
    def newest(self) -> datetime:
        """Return the time of the file that was changed last, or `NO_TIME`."""
        return max((entry.time or NO_TIME for _, entry in self.files), default=NO_TIME)

    def excess(self, total: int) -> str:
        """Say why this is no submission that can be taken, or nothing.

        Parameters
        ----------
        total : int
            Bytes of this submission and of all that were taken before.

        Returns
        -------
        str
            A reason; empty when there is none.
        """
        if self.label.plugin != "file":
            return f"Moodle's {self.label.plugin}: no file was handed in"
        if not all(inner.parts for inner, _ in self.files):
            return "a file without a name of its own"
        if len(self.files) > MOST_FILES:
            return f"{len(self.files)} files, more than {MOST_FILES}"
        for size, largest in ((self.size, LARGEST_SUBMISSION), (total, LARGEST_SOURCE)):
            if size > largest:
                return f"too large: {size / 1e6:.0f} MB, more than {largest / 1e6:.0f} MB"
        return ""

    def write(self, folder: Path, assignment: str) -> list[tuple[str, str]]:
        """Write the files and the time into a new folder, and note what is odd about them.

        Parameters
        ----------
        folder : Path
            A folder that is not there yet; it stays away when no file can be read.
        assignment : str
            Name of the assignment.

        Returns
        -------
        list of (str, str)
            Files that cannot be read, and why.
        """
        names, unread = [], []
        for inner, entry in self._distinct():
            try:
                data = entry.read()
            except Exception as error:  # whatever is wrong in a zip: the other files are read
                unread.append((entry.path.as_posix(), f"cannot be read: {error}"))
                continue
            if _is_notebook(inner.name) and (damage := _damage(data)):
                self.notes.append(f"{inner}: {damage}")
            path = folder / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            names.append(inner.as_posix())
        if names:
            self.notes += filter(None, [_about(names, assignment)])
        if names and self.time:
            write_time(folder, self.time)
        return unread

    def _distinct(self) -> Iterator[tuple[PurePosixPath, Entry]]:
        """Give the files, each with a name of its own on every system, the newest first."""
        taken: set[str] = set()
        files = sorted(self.files[::-1], key=lambda file: file[1].time or NO_TIME, reverse=True)
        for inner, entry in files:
            if inner.as_posix() == TIMESTAMP:
                if self.label.kind != "exchange":
                    self.notes.append(f"the student's own {TIMESTAMP} is not believed")
                continue
            number, wanted = 1, inner
            while _spelled(inner) in taken:
                number += 1
                inner = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
            if number > 1:
                self.notes.append(f"{wanted} twice: the older one is {inner.name}")
            taken.add(_spelled(inner))
            yield inner, entry


def _spelled(path: PurePosixPath) -> str:
    return normalize("NFC", path.as_posix()).casefold()


def _is_notebook(name: str) -> bool:
    return ".ipynb" in name.lower()  # some browsers add .txt


def _damage(data: bytes) -> str:
    """Say what grading will have to repair in a notebook, or nothing."""
    if not data.strip(b"\0 \t\r\n"):
        return "empty"
    try:
        text = data.decode("utf-8-sig")
        notebook = json.loads(text)
    except UnicodeDecodeError:
        return "not UTF-8"
    except (ValueError, RecursionError):
        return "no notebook, or one that is cut off"
    if not isinstance(notebook, dict) or not isinstance(notebook.get("metadata", {}), dict):
        return "no notebook"
    if "worksheets" in notebook:
        return "nbformat 3"
    kernel = notebook.get("metadata", {}).get("kernelspec")
    language = str(kernel.get("language", "python")) if isinstance(kernel, dict) else "python"
    return "" if language.lower() == "python" else f"set to the language {language[:30]}"


def _about(names: list[str], assignment: str) -> str:
    """Say which notebook of a submission is graded, when that is a question."""
    notebooks, exact = sorted(filter(_is_notebook, names)), f"{assignment}.ipynb"
    if not notebooks:
        return "no notebook"
    if exact not in notebooks:
        several = "" if len(notebooks) == 1 else "; the one most like the release is graded"
        return f"no {exact}, but {', '.join(notebooks[:5])}{several}"
    others = [name for name in notebooks if name != exact]
    return f"not graded, kept beside it: {', '.join(others[:5])}" if others else ""
