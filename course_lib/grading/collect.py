"""Put what students handed in where nbgrader expects it; nothing is lost or overwritten.

``submitted/<student>/<assignment>/`` holds what is graded. Beside it, ``collected/<assignment>/``
keeps ``earlier/<student>/<time>/``, what is not or no longer graded; ``unmatched/<name>/<time>/``,
what nobody's name is on; and a report of every run.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from nbgrader.api import MissingEntry

from course_lib.grading.course import CourseError, alone, configuration, surroundings
from course_lib.grading.exercises import find_assignments
from course_lib.grading.export import write_csv
from course_lib.grading.gradebook import has_assignment, open_gradebook
from course_lib.grading.inbox import (
    Contents,
    Label,
    as_utc,
    exchange_time,
    open_inbox,
    recognise,
)
from course_lib.grading.placing import (
    exchange,
    free,
    keep,
    read_time,
    same,
    stamp,
)
from course_lib.grading.roster import Found, Roster, Student, read_roster
from course_lib.grading.submission import LARGEST_FILE, NO_TIME, Submission

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
    from traitlets.config import Config

__all__ = ["OUTCOMES", "Collected", "collect"]

OUTCOMES = (
    "source",  # one line about the whole folder or zip
    "collected",  # in submitted/, where nothing was
    "replaced",  # in submitted/; the submission that was there is in earlier/
    "unchanged",  # in submitted/ already, byte for byte
    "kept aside",  # in earlier/, since a later submission is graded
    "unmatched",  # in unmatched/, since it is not known whose it is
    "refused",  # nowhere; the note says why
    "missing",  # a student of the roster without any submission
)
ONE_DOWNLOAD = timedelta(minutes=10)


@dataclass(frozen=True)
class Collected:
    """What became of a submission, or of a student who handed in nothing."""

    student: str  # "" when it is not known
    name: str
    entry: str  # the folder or file in the source
    outcome: str  # one of OUTCOMES
    note: str = ""
    time: datetime | None = None  # of handing in, UTC


def collect(
    root: Path,
    assignment: str,
    source: Path,
    *,
    roster: Path | None = None,
    timezone: str | None = None,
    groups: bool = False,
) -> list[Collected]:
    """Collect an assignment's submissions from a folder or a zip, and write a report.

    What each file's name says, see `course_lib.grading.inbox.recognise`. Several submissions of
    one student: the latest is graded, the others are kept aside. Notebooks of one submission stay
    together: the one named like the assignment is graded, or else the one that is most like the
    released notebook. A damaged notebook is collected: what can be read of it is graded.

    Handing-in times are those of the exchange, of the roster's column ``submitted``, or those
    of the files. From Moodle 4 on, *Download all submissions* gives every file the time of the
    download: times of Moodle's that lie within ten minutes are taken for that and not used.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment.
    source : Path
        Folder or zip.
    roster : Path, optional
        See `course_lib.grading.roster.read_roster`. Names are added to the gradebook where it
        has none. Without it, the gradebook's students are the roster, and others may join them.
    timezone : str, optional
        Where the clocks of the zip and the roster hang, e.g. ``"Europe/Paris"``; by default the
        zone of this machine.
    groups : bool
        Whether Moodle's students submitted in groups. Each member then has a copy, and the names
        are ``Group-Full Name``.

    Returns
    -------
    list of Collected
        A line about the source, then the lines of students by id, then all others; also in
        ``collected/<assignment>/report-<time>.csv``.

    Raises
    ------
    CourseError
        When assignment, source, roster or time zone are not what they should be.
    """
    root, source = Path(root).resolve(), Path(source).resolve()
    _check(root, assignment, source)
    zone = _zone(timezone)
    students = read_roster(roster) if roster else None
    config = configuration(root)
    largest = int(config.CourseDirectory.get("max_file_size", LARGEST_FILE / 1000) * 1000)
    with alone(root), open_inbox(source, zone, largest) as contents:
        if not (contents.files or contents.refused):
            raise CourseError(f"{source}: nothing in it to collect")
        students, due = _ask_gradebook(config, assignment, students)
        collection = _Collection(root, assignment, zone, students, due, groups)
        collection.require_submissions(source, contents)
        lines = collection.take(source.name, contents)
    _write_report(root / "collected" / assignment, lines)
    return lines


def _check(root: Path, assignment: str, source: Path) -> None:
    if assignment not in (known := find_assignments(root)):
        raise CourseError(f"no assignment {assignment!r}: expected one of {', '.join(known)}")
    if root.is_relative_to(source) or source.is_relative_to(root / "submitted"):
        raise CourseError(f"{source} is the course itself: expected what students handed in")


def _zone(timezone: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(timezone) if timezone else None
    except (ValueError, OSError, LookupError):
        expected = "expected a name such as Europe/Paris"
        raise CourseError(f"timezone: {expected}, got {timezone!r}") from None


def _ask_gradebook(
    config: Config, assignment: str, listed: Roster | None
) -> tuple[Roster, dict[str, datetime]]:
    """Give the gradebook the names of the roster; return its students and the due dates.

    The key of the due date that is everybody's is ``""``.
    """
    if not has_assignment(config, assignment):
        return listed or Roster([], closed=False), {}
    with surroundings(), open_gradebook(config) as gradebook:
        for student in listed.by_id.values() if listed else ():
            _add_names(gradebook, student)
        known = [
            Student(entry.id, entry.first_name or "", entry.last_name or "", entry.email or "")
            for entry in gradebook.students
        ]
        return listed or Roster(known, closed=False), _due_dates(gradebook, assignment)


def _add_names(gradebook: Gradebook, student: Student) -> None:
    """Fill in what the gradebook does not know; what a teacher wrote there stays."""
    try:
        known = gradebook.find_student(student.id)
    except MissingEntry:
        known = None
    new = {key: getattr(student, key) for key in ("first_name", "last_name", "email")}
    new = {key: value for key, value in new.items() if value and not getattr(known, key, None)}
    if new or known is None:
        gradebook.update_or_create_student(student.id, **new)


def _due_dates(gradebook: Gradebook, assignment: str) -> dict[str, datetime]:
    entry = gradebook.find_assignment(assignment)
    if entry.duedate is None:
        return {}
    due = {"": entry.duedate} | {item.student.id: item.duedate for item in entry.submissions}
    return {student: time.replace(tzinfo=UTC) for student, time in due.items()}


def _write_report(folder: Path, lines: list[Collected]) -> None:
    rows = [{**vars(line), "time": _shown(line.time) if line.time else ""} for line in lines]
    write_csv(rows, free(folder / f"report-{stamp(datetime.now(UTC))}.csv"))


# --- one source -------------------------------------------------------------------------------


@dataclass
class _Collection:
    """One run: what is known, and the lines of its report."""

    root: Path
    assignment: str
    zone: tzinfo | None
    roster: Roster
    due: dict[str, datetime]
    groups: bool
    lines: list[Collected] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "collected" / self.assignment

    def require_submissions(self, source: Path, contents: Contents) -> None:
        """Refuse a source in which everybody's work is in one more folder: it is no student's."""
        folders = {file.path.parts[0] for file in contents.files}
        outer, _ = recognise(PurePosixPath(*folders, "any"))
        if len(folders) > 1 or self._is_somebodys(outer):
            return
        inner = [PurePosixPath(*file.path.parts[1:]) for file in contents.files]
        if any(self._is_somebodys(recognise(path)[0]) for path in inner):
            advice = "unpack it, and give that folder"
            if source.is_dir():
                advice = f"give {source / outer.name}"
            where = f"the submissions are one folder further in, in {outer.name!r}"
            raise CourseError(f"{source}: {where}: {advice}")

    def _is_somebodys(self, label: Label) -> bool:
        return label.kind != "plain" or self._find(label).student in self.roster.by_id.values()

    def take(self, source: str, contents: Contents) -> list[Collected]:
        """Collect all that a source holds; return the lines of the report."""
        for entry, reason in contents.refused:
            label, _ = recognise(PurePosixPath(entry or "?"))
            self._add_line(self._find(label).student, label.name, entry, "refused", reason)
        submissions = self._sort_out(contents)
        self.folder.mkdir(parents=True, exist_ok=True)
        for _, own in sorted(self._match(submissions).items()):
            self._take_student(own)
        self._note_missing()
        kinds = Counter(submission.label.kind for submission in submissions)
        about = [f"{n} submissions, {kind}" for kind, n in sorted(kinds.items())] + self.remarks
        if contents.n_ignored:
            about.append(f"{contents.n_ignored} files of a system or of Jupyter ignored")
        self.lines.sort(key=lambda line: (not line.student, line.student, line.entry, line.note))
        return [Collected("", "", source, "source", "; ".join(about)), *self.lines]

    def _add_line(
        self,
        student: Student | None,
        name: str,
        entry: str,
        outcome: str,
        note: str = "",
        time: datetime | None = None,
    ) -> None:
        who = (student.id, student.name) if student else ("", name)
        self.lines.append(Collected(*who, entry, outcome, note, time))

    def _sort_out(self, contents: Contents) -> list[Submission]:
        """Put the files of each submission together; refuse what is none, or too much."""
        found: dict[Label, Submission] = {}
        for file in contents.files:
            label, inner = recognise(file.path)
            if label not in found:
                found[label] = Submission(label, self._find(label))
            found[label].files.append((inner, file))
        taken, total, n_others = [], 0, 0
        for label, submission in found.items():
            if label.kind == "exchange" and label.assignment != self.assignment:
                n_others += 1
            elif reason := submission.excess(total + submission.size):
                student = submission.found.student
                self._add_line(student, label.name, label.folder, "refused", reason)
            else:
                taken.append(submission)
                total += submission.size
        if n_others:
            self.remarks.append(f"{n_others} submissions of other assignments left where they are")
        return taken

    def _find(self, label: Label) -> Found:
        if label.kind == "Moodle":
            found = self.roster.find(label.name, label.number, in_group=self.groups)
            member = self.roster.find(label.name, label.number, in_group=True).student
            if member and not found.student:
                return Found(None, f"{found.reason}; in a group it is {member.id}: see --groups")
            return found
        by_id, by_name = self.roster.find_id(label.name), self.roster.find(label.name)
        known = label.name in self.roster.by_id
        return by_name if label.kind == "plain" and by_name.student and not known else by_id

    def _match(self, submissions: list[Submission]) -> dict[str, list[Submission]]:
        """Find whose submissions they are, and when they were handed in; keep all others."""
        exported = self._are_of_one_download(submissions)
        students: dict[str, list[Submission]] = defaultdict(list)
        for submission in submissions:
            self._set_time(submission, exported)
            if submission.found.student:
                students[submission.found.student.id].append(submission)
        for student, own in students.items():
            number = own[0].found.student.number
            participants = {item.label.number for item in own if item.label.kind == "Moodle"}
            if len(participants) > 1:  # two people of one name, and the roster has one of them
                for item in own:
                    if item.label.kind == "Moodle" and item.label.number != number:
                        item.found = Found(None, f"participants of one name, see also {student}")
        for submission in submissions:
            if not submission.found.student:
                self._keep_unmatched(submission)
        own = {key: [item for item in own if item.found.student] for key, own in students.items()}
        return {student: items for student, items in own.items() if items}

    def _are_of_one_download(self, submissions: list[Submission]) -> bool:
        times = [item.newest for item in submissions if item.label.kind == "Moodle"]
        if not times or NO_TIME in times or max(times) - min(times) > ONE_DOWNLOAD:
            return False
        when = f"{min(times):%Y-%m-%d %H:%M} UTC"
        self.remarks.append(f"Moodle's files are all of {when}, its download: times are not known")
        return True

    def _set_time(self, submission: Submission, exported: bool) -> None:
        label, student, doubtful = submission.label, submission.found.student, False
        if student and student.submitted:
            submission.time, doubtful = as_utc(student.submitted, self.zone)
        elif label.kind == "exchange" and (time := exchange_time(label.time, self.zone)):
            submission.time = time
        elif not (label.kind == "Moodle" and exported) and submission.newest != NO_TIME:
            submission.time = submission.newest
            doubtful = any(
                entry.doubtful for _, entry in submission.files if entry.time == submission.time
            )
        if doubtful:
            submission.notes.append("the clocks changed in that hour: the earlier time is taken")
        if not submission.time:
            submission.notes.append("time not known")

    def _take_student(self, submissions: list[Submission]) -> None:
        """Place the latest submission, then keep the others aside."""
        exact = PurePosixPath(f"{self.assignment}.ipynb")
        submissions.sort(
            key=lambda s: (s.time or NO_TIME, exact in dict(s.files), s.label.folder), reverse=True
        )
        graded = False
        for submission in submissions:
            graded |= self._take(submission, latest=not graded)

    def _take(self, submission: Submission, *, latest: bool) -> bool:
        student, time = submission.found.student, submission.time
        due = self.due.get(student.id, self.due.get(""))
        if time and due and time > due:
            submission.notes.append(f"late by {_duration(time - due)}")
        try:
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".part-") as place:
                staged = self._stage(submission, Path(place))
                if not staged.is_dir():
                    outcome, note = "refused", "none of its files can be read"
                elif latest:
                    outcome, note = self._place(staged, student.id, time)
                else:
                    keep(staged, self.folder / "earlier" / student.id, time)
                    outcome, note = "kept aside", "a later submission of this source is graded"
        except OSError as error:  # a name that the disk cannot hold, a closed door
            outcome, note = "refused", f"cannot be written: {error.strerror or error}"
        note = "; ".join(filter(None, [note, *submission.notes]))
        self._add_line(student, "", submission.label.folder, outcome, note, time)
        return outcome != "refused"

    def _stage(self, submission: Submission, place: Path) -> Path:
        staged = place / "staged"
        for where, reason in submission.write(staged, self.assignment):
            name = submission.label.name
            self._add_line(submission.found.student, name, where, "refused", reason)
        return staged

    def _place(self, staged: Path, student: str, time: datetime | None) -> tuple[str, str]:
        """Put a submission where it is graded, if it is later than what is there."""
        target = self.root / "submitted" / student / self.assignment
        if not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(staged, target)
            return "collected", ""
        if target.is_symlink() or not target.is_dir():
            return "refused", f"submitted/{student}/{self.assignment} is no folder"
        there = read_time(target)
        if same(staged, target):
            known = time and there and time != there
            return "unchanged", f"submitted/ has the time {_shown(there)}" if known else ""
        if time and there and time <= there:
            keep(staged, self.folder / "earlier" / student, time)
            return "kept aside", f"what is in submitted/ is of {_shown(there)}"
        history = free(self.folder / "earlier" / student / stamp(there))
        history.parent.mkdir(parents=True, exist_ok=True)
        os.rename(staged, history)
        exchange(history, target)
        return "replaced", f"the earlier one is in {history.relative_to(self.root).as_posix()}"

    def _keep_unmatched(self, submission: Submission) -> None:
        label, outcome, note = submission.label, "unmatched", submission.found.reason
        try:
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".part-") as place:
                staged = self._stage(submission, Path(place))
                if staged.is_dir():
                    shelf = self.folder / "unmatched" / label.folder
                    keep(staged, shelf, submission.time)
                else:
                    outcome = "refused"
        except OSError as error:
            outcome, note = "refused", f"cannot be written: {error.strerror or error}"
        note = "; ".join([note, *submission.notes])
        self._add_line(None, label.name, label.folder, outcome, note, submission.time)

    def _note_missing(self) -> None:
        for student in self.roster.by_id.values():
            if not os.path.lexists(self.root / "submitted" / student.id / self.assignment):
                self._add_line(student, "", "", "missing")


def _duration(time: timedelta) -> str:
    """Return a time span in words, in its two largest units.

    >>> _duration(timedelta(days=1, hours=2, minutes=3))
    '1 d 2 h'
    """
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    while len(units) > 2 and not units[0][0]:
        del units[0]
    return " ".join(f"{number} {unit}" for number, unit in units[:2])


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
