"""The students of a course, and who of them is meant by a name."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from course_lib.grading.course import CourseError

__all__ = ["Found", "Roster", "Student", "is_safe_id", "loosely", "normalise", "read_roster"]

COLUMNS = {
    "id": ("student", "student_id", "id"),
    "first_name": ("first_name",),
    "last_name": ("last_name",),
    "email": ("email", "email_address"),
    "full_name": ("full_name",),
    "number": ("moodle_id", "identifier"),
    "submitted": ("submitted",),
}
LEFT_OUT = re.compile(r"""[\x00-\x1f\x7f&<>"`|':\\/]""")  # Moodle's clean_param, PARAM_FILE
NOT_SPELLED = re.compile("[’ʼ‘.]")  # beside the apostrophe, which Moodle leaves out


@dataclass(frozen=True)
class Student:
    """A line of the roster."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    full_name: str = ""  # as the site shows it, when it is neither of the usual orders
    number: str = ""  # Moodle's number of the participant in this assignment
    submitted: datetime | None = None  # a wall clock's time, when the export does not tell it

    @property
    def name(self) -> str:
        """Return the name for a teacher's eyes."""
        return self.full_name or f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class Found:
    """The student whom a name means; or nobody, and why."""

    student: Student | None
    reason: str = ""


def is_safe_id(student: str) -> bool:
    """Tell whether a student id can name a folder, in nbgrader and on every system.

    Parameters
    ----------
    student : str
        A student id.

    Returns
    -------
    bool
        True for up to 100 letters, digits and ``_ . - @`` that begin with a letter, a digit or
        ``_`` and do not end with a dot. nbgrader forbids ``+`` and ``*`` itself.

    Examples
    --------
    >>> is_safe_id("zoe.martin@example.org"), is_safe_id("../zoe"), is_safe_id("a+b")
    (True, False, False)
    """
    return bool(re.fullmatch(r"\w[\w.@-]{0,99}", student)) and not student.endswith(".")


def normalise(name: str) -> str:
    """Return a name such that two spellings of the same letters are equal.

    Parameters
    ----------
    name : str
        A name as a person, Moodle or a file system spells it.

    Returns
    -------
    str
        The name in one Unicode form, without capitals, with single spaces for white space and
        for ``_``, and without the characters that Moodle leaves out of file names: ``O'Brien``
        is handed in as ``OBrien``.

    Examples
    --------
    >>> normalise("  ZOE\u0308   d'Arc ") == normalise("zo\u00eb dArc")
    True
    """
    text = unicodedata.normalize("NFD", " ".join(name.replace("_", " ").split()))
    folded = unicodedata.normalize("NFC", LEFT_OUT.sub("", text).casefold())
    return " ".join(folded.split())


def loosely(name: str) -> str:
    """Return a name without accents and hyphens, to find who might be meant.

    Parameters
    ----------
    name : str
        A name.

    Returns
    -------
    str
        Letters and digits without accents, in words.

    Examples
    --------
    >>> loosely("José-María  O’Brien")
    'jose maria obrien'
    """
    letters = unicodedata.normalize("NFKD", NOT_SPELLED.sub("", normalise(name)))
    letters = "".join(c for c in letters.casefold() if not unicodedata.combining(c))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


class Roster:
    """Students who are found by id, by Moodle's number or by name, and never by a guess.

    Parameters
    ----------
    students : iterable of Student
        Students with different ids and different numbers.
    closed : bool
        True when nobody else belongs to the course.
    """

    def __init__(self, students: Iterable[Student], *, closed: bool) -> None:
        students = list(students)
        self.by_id = {student.id: student for student in students}
        self.closed = closed
        self._exactly: dict[str, set[str]] = defaultdict(set)
        self._loosely: dict[str, set[str]] = defaultdict(set)
        self._numbers = {student.number: student.id for student in students if student.number}
        for student in self.by_id.values():
            for name in _names(student):
                self._exactly[normalise(name)].add(student.id)
                self._loosely[loosely(name)].add(student.id)

    def find(self, name: str, number: str = "", *, in_group: bool = False) -> Found:
        """Find the one student whom a full name means.

        Parameters
        ----------
        name : str
            A full name; first or last name first, since sites differ in that.
        number : str, optional
            Moodle's number of the participant. It decides between students of one name and
            stands for a name that is hidden or unknown, but never against a name.
        in_group : bool
            Whether the name follows that of a group and a hyphen.

        Returns
        -------
        Found
            The student; or nobody, with a reason that names the nearest students.

        Examples
        --------
        >>> roster = Roster([Student("zm", "Zoé", "Martin")], closed=True)
        >>> roster.find("MARTIN Zoe").student.id
        'zm'
        >>> roster.find("Zora Martin")
        Found(student=None, reason='no student of this name; nearest: Zoé Martin (zm)')
        """
        named = self._members(name) if in_group else self._named(name)
        numbered = self._numbers.get(number)
        if numbered and (not named or numbered in named):
            return Found(self.by_id[numbered])
        others = {student for student in named if self.by_id[student].number not in ("", number)}
        if numbered or (number and others == named and named):
            both = self._list(sorted({numbered or "", *named} - {""}))
            return Found(None, f"number {number} and name disagree: {both}")
        if len(named) == 1:
            return Found(self.by_id[min(named)])
        if named:
            return Found(None, f"several students may be meant: {self._list(sorted(named))}")
        return Found(None, f"no student of this name{self._nearest(name)}")

    def find_id(self, student: str) -> Found:
        """Find a student by id; in a course that is not closed, also a new one.

        Parameters
        ----------
        student : str
            A student id.

        Returns
        -------
        Found
            The student; or nobody, and why.

        Examples
        --------
        >>> Roster([], closed=False).find_id("../zm")
        Found(student=None, reason="'../zm' cannot be a student id")
        """
        if student in self.by_id:
            return Found(self.by_id[student])
        if not is_safe_id(student):
            return Found(None, f"{student!r} cannot be a student id")
        if not self.closed:
            return Found(Student(student))
        return Found(None, f"no student of this id{self._nearest(student)}")

    def _named(self, name: str) -> set[str]:
        exactly = self._exactly.get(normalise(name), set()) if normalise(name) else set()
        return exactly or (self._loosely.get(loosely(name), set()) if loosely(name) else set())

    def _members(self, name: str) -> set[str]:
        """Return everybody whose name may follow the group's: both may have hyphens."""
        parts = name.split("-")
        names = ["-".join(parts[i:]) for i in range(1, len(parts))]
        return set().union(*map(self._named, names))

    def _nearest(self, name: str) -> str:
        if not self.by_id:
            return ": there is no roster"
        keys = self._loosely | {loosely(student): {student} for student in self.by_id}
        near = get_close_matches(loosely(name), keys, n=3)
        found = dict.fromkeys(student for key in near for student in sorted(keys[key]))
        return f"; nearest: {self._list(found)}" if found else ""

    def _list(self, students: Iterable[str]) -> str:
        found = [self.by_id[student] for student in students]
        return ", ".join(f"{student.name} ({student.id})".strip() for student in found)


def _names(student: Student) -> list[str]:
    if not (student.first_name and student.last_name):
        return [student.full_name or student.first_name or student.last_name]
    first, last = student.first_name, student.last_name
    names = [student.full_name, f"{first} {last}", f"{last} {first}"]
    return [name for name in names if name]


def read_roster(path: Path) -> Roster:
    """Read the students of a course.

    Parameters
    ----------
    path : Path
        CSV in UTF-8, delimited by ``,`` or ``;``. A column ``student`` (or ``id``), and as far
        as they are known ``first_name``, ``last_name``, ``email``, ``full_name``, ``moodle_id``
        (the *Identifier* of Moodle's grading worksheet: a number of the participant in one
        assignment, not of the user), ``submitted`` (ISO 8601). Other columns are not read.

    Returns
    -------
    Roster
        The students, and nobody else.

    Raises
    ------
    CourseError
        When the file cannot be read; the message names the line.
    """
    text = _read_text(path)
    heading = text.partition("\n")[0]
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CourseError(f"{path}: no CSV: {error}") from None
    places = _places(path, rows[0] if rows else [])
    students: dict[str, Student] = {}
    numbers: set[str] = set()
    for number, row in enumerate(rows[1:], start=2):
        if not any(map(str.strip, row)):
            continue
        where = f"{path}, row {number}"
        if len(row) > len(rows[0]):
            raise CourseError(f"{where}: {len(row)} cells, the heading has {len(rows[0])}")
        cells = {key: row[i].strip() for key, i in places.items() if i < len(row)}
        student = _student(where, cells)
        if student.id in students:
            raise CourseError(f"{where}: a second student {student.id!r}")
        if student.number in numbers:
            raise CourseError(f"{where}: number {student.number} a second time")
        students[student.id] = student
        numbers |= {student.number} - {""}
    return Roster(students.values(), closed=True)


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CourseError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CourseError(f"{path}, line {line}: not UTF-8; save it as 'CSV UTF-8'") from None


def _places(path: Path, heading: list[str]) -> dict[str, int]:
    names = [re.sub(r"\W+", "_", name.strip().lower()) for name in heading]
    places = {
        key: names.index(known[0])
        for key, aliases in COLUMNS.items()
        if (known := [alias for alias in aliases if alias in names])
    }
    if "id" not in places:
        found = ", ".join(heading) or "nothing"
        raise CourseError(f"{path}: expected a column 'student' in the first row, got {found}")
    return places


def _student(where: str, cells: dict[str, str]) -> Student:
    if not is_safe_id(cells.get("id", "")):
        raise CourseError(f"{where}: {cells.get('id', '')!r} cannot be a student id")
    for name, cell in cells.items():
        if re.search("[<>]", cell):  # formgrader prints names as they are
            raise CourseError(f"{where}, {name}: expected a text without < and >, got {cell!r}")
    number = re.sub(r"\D", "", cells.pop("number", ""))  # also of "Participant 1234567"
    submitted = cells.pop("submitted", "")
    try:
        time = datetime.fromisoformat(submitted) if submitted else None
        if time and not 1980 <= time.year <= 2107:  # the years of a zip
            raise ValueError(submitted)
    except ValueError:
        expected = "expected a time such as 2026-11-21 09:00"
        raise CourseError(f"{where}, submitted: {expected}, got {submitted!r}") from None
    return Student(**cells, number=number, submitted=time)
