"""Collecting: every folder, zip and name that a teacher may meet has a defined outcome."""

import csv
import io
import os
import stat
import struct
import time
import tracemalloc
import unicodedata
import warnings
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc

from course_lib.grading import collect as module
from course_lib.grading import placing, submission
from course_lib.grading.collect import OUTCOMES, Collected, collect
from course_lib.grading.course import CourseError, surroundings
from course_lib.grading.inbox import as_utc, exchange_time, open_inbox, recognise
from course_lib.grading.placing import read_time
from course_lib.grading.repair import repair
from course_lib.grading.roster import Roster, Student, loosely, normalise, read_roster

PARIS = "Europe/Paris"
NOON, LATER = (2026, 11, 20, 12, 0, 0), (2026, 11, 21, 9, 0, 0)
NOTEBOOK = nbformat.writes(nbformat.v4.new_notebook()).encode()
ROSTER = """\
student,first_name,last_name,email
alice,Alice,Martin,alice@example.org
zoe,Zoé,Müller-Lê,zoe@example.org
obrien,Sean,O'Brien,
"""


class Member(zipfile.ZipInfo):
    """A member of a zip whose name is written as it is given."""

    def __init__(self, name: str | bytes, when=NOON, mode: int = 0, extra: bytes = b""):
        text = name if isinstance(name, str) else "x"
        super().__init__("x", when)
        self.filename, self.raw = text, name if isinstance(name, bytes) else name.encode()
        self.flag = 0x800 if isinstance(name, str) else 0
        self.external_attr, self.extra = mode << 16, extra

    def _encodeFilenameFlags(self):
        return self.raw, self.flag


def make_zip(path: Path, members: dict | list) -> Path:
    """Write a zip of names, or of `Member`, and contents."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            member = name if isinstance(name, Member) else Member(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a name that is there twice
                archive.writestr(member, data)
    return path


def moodle(name: str, number: int = 1, file: str = "tiny.ipynb", when=NOON) -> Member:
    return Member(f"{name}_{number}_assignsubmission_file/{file}", when)


@pytest.fixture
def course(tmp_path: Path) -> SimpleNamespace:
    """A course with one assignment, and a roster."""
    root = tmp_path / "course"
    (root / "solutions" / "tiny").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text("get_config().CourseDirectory.course_id = 'course'\n")
    roster = tmp_path / "roster.csv"
    roster.write_text(ROSTER, encoding="utf-8")

    def run(source: Path | dict | list, **options) -> list[Collected]:
        if not isinstance(source, Path):
            source = make_zip(tmp_path / "source.zip", source)
        return collect(root, "tiny", source, **{"roster": roster, "timezone": PARIS} | options)

    def submitted(student: str) -> Path:
        return root / "submitted" / student / "tiny"

    kept = root / "collected" / "tiny"
    return SimpleNamespace(
        root=root, roster=roster, run=run, submitted=submitted, kept=kept, tmp=tmp_path
    )


@pytest.fixture
def gradebook(course, monkeypatch) -> Gradebook:
    """The course's gradebook: due at noon in Paris on the last day of summer time."""
    monkeypatch.setattr("nbgrader.api.get_alembic_version", lambda: "head")
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "course") as gradebook:
        gradebook.add_assignment("tiny", duedate="2026-10-25T11:00:00+00:00")
        yield gradebook


def said(lines: list[Collected]) -> dict[str, tuple[str, str]]:
    """Return student and outcome of each entry."""
    assert all(line.outcome in OUTCOMES for line in lines)
    return {line.entry: (line.student, line.outcome) for line in lines[1:] if line.entry}


def line_of(lines: list[Collected], word: str) -> Collected:
    (found,) = [line for line in lines if word in (line.student, line.entry)]
    return found


def tree(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# --- formats ----------------------------------------------------------------------------------

SOURCES = {
    "Moodle 4": "Zoé Müller-Lê_1234567_assignsubmission_file/tiny.ipynb",
    "Moodle 3": "Zoé Müller-Lê_1234567_assignsubmission_file_/tiny.ipynb",
    "Moodle, no folders": "Zoé Müller-Lê_1234567_assignsubmission_file_tiny.ipynb",
    "Moodle, no number": "Zoé Müller-Lê_assignsubmission_file_/tiny.ipynb",
    "exchange": "zoe+tiny+2026-11-20 11:00:00.250000 UTC+dGVzdA-_/tiny.ipynb",
    "exchange, nothing random": "zoe+tiny+2026-11-20 11:00:00 UTC/tiny.ipynb",
    "a folder": "zoe/tiny.ipynb",
    "a folder with a name": "Zoé Müller-Lê/tiny.ipynb",
}


@pytest.mark.parametrize("unpacked", [False, True], ids=["zip", "folder"])
@pytest.mark.parametrize("name", SOURCES.values(), ids=SOURCES)
def test_every_format_is_recognised(course, name, unpacked):
    source = make_zip(course.tmp / "a.zip", {name: NOTEBOOK})
    if unpacked:
        zipfile.ZipFile(source).extractall(course.tmp / "unpacked")
        source = course.tmp / "unpacked"
    lines = course.run(source)
    entry = name.removesuffix("/tiny.ipynb").removesuffix("tiny.ipynb")
    assert said(lines) == {entry: ("zoe", "collected")}
    assert tree(course.submitted("zoe"))["tiny.ipynb"] == NOTEBOOK
    assert lines[0].outcome == "source" and "1 submissions, " in lines[0].note


def test_a_file_is_named_after_the_student_and_keeps_its_name(course):
    lines = course.run({"zoe.ipynb": NOTEBOOK, "Alice Martin.ipynb": b""})
    assert said(lines) == {
        "zoe.ipynb": ("zoe", "collected"),
        "Alice Martin.ipynb": ("alice", "collected"),
    }
    assert set(tree(course.submitted("zoe"))) == {"zoe.ipynb", "timestamp.txt"}
    assert line_of(lines, "zoe").note == "no tiny.ipynb, but zoe.ipynb"
    assert repair(course.submitted("zoe"), nbformat.v4.new_notebook(), "tiny").notes


def test_other_assignments_of_the_exchange_stay_where_they_are(course):
    names = ["zoe+tiny+2026-11-20 11:00:00 UTC+a", "zoe+other+2026-11-20 11:00:00 UTC+b"]
    lines = course.run({f"{name}/tiny.ipynb": NOTEBOOK for name in names})
    assert said(lines) == {names[0]: ("zoe", "collected")}
    assert "1 submissions of other assignments" in lines[0].note


def test_a_file_that_is_named_like_a_folder_of_the_exchange(course):
    name = "zoe+tiny+2026-11-20 11:00:00 UTC+x"
    assert said(course.run({name: NOTEBOOK})) == {name: ("", "unmatched")}


def test_what_a_student_calls_a_file_is_nobody_elses_submission(course):
    """Not in Moodle's folders, not in a flat file, not in a plain folder."""
    inner = "alice+tiny+2026-11-20 11:00:00 UTC+x/Alice Martin_9_assignsubmission_file_/a.ipynb"
    names = [f"Zoé Müller-Lê_1_assignsubmission_file_/{inner}", f"obrien/{inner}"]
    flat = "Zoé Müller-Lê_1_assignsubmission_file_Alice Martin_9_assignsubmission_file_a.ipynb"
    lines = course.run({name: NOTEBOOK for name in [*names, flat]})
    assert {line.student for line in lines if line.outcome == "collected"} == {"zoe", "obrien"}
    assert line_of(lines, "alice").outcome == "missing"


def test_a_text_typed_into_moodle_is_refused(course):
    lines = course.run(
        [(Member("Alice Martin_1_assignsubmission_onlinetext/onlinetext.html"), b"")]
    )
    assert [(line.student, line.outcome) for line in lines[1:]][:2] == [
        ("alice", "missing"),
        ("alice", "refused"),
    ]


def test_files_without_work_are_counted(course):
    names = ["__MACOSX/zoe/._tiny.ipynb", "zoe/.DS_Store", "zoe/Thumbs.db", "zoe/._x"]
    names += ["zoe/.ipynb_checkpoints/tiny-checkpoint.ipynb"]
    lines = course.run(dict.fromkeys([*names, "zoe/tiny.ipynb"], NOTEBOOK))
    assert "5 files of a system or of Jupyter ignored" in lines[0].note
    assert set(tree(course.submitted("zoe"))) == {"tiny.ipynb", "timestamp.txt"}


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Zoé Müller-Lê",
        unicodedata.normalize("NFD", "Zoé Müller-Lê"),
        "MÜLLER-LÊ  Zoé",
        "zoe muller-le",
        "Zoé Müller Lê",
    ],
)
def test_a_name_is_found_however_it_is_spelled(course, name):
    assert said(course.run([(moodle(name), NOTEBOOK)])).popitem()[1] == ("zoe", "collected")


@pytest.mark.parametrize("encoding", ["cp437", "utf-8"])
def test_the_encoding_of_a_zip_is_found_out(course, encoding):
    name = "Zoé Müller-Lê_1_assignsubmission_file/tiny.ipynb".encode(encoding)
    assert said(course.run([(Member(name), NOTEBOOK)])).popitem()[1] == ("zoe", "collected")


def test_a_folder_whose_names_are_latin_1(course):
    folder = os.fsencode(course.tmp / "latin") + b"/Zo\xe9 M\xfcller-L\xea_1_assignsubmission_file"
    os.makedirs(folder)
    with open(folder + b"/tiny.ipynb", "wb") as file:
        file.write(NOTEBOOK)
    lines = course.run(course.tmp / "latin")
    assert said(lines) == {"Zoé Müller-Lê_1_assignsubmission_file": ("zoe", "collected")}


@pytest.mark.parametrize("name", ["Sean OBrien", "Sean O'Brien", "Sean O’Brien"])
def test_moodle_leaves_an_apostrophe_out(course, name):
    assert said(course.run([(moodle(name), NOTEBOOK)])).popitem()[1] == ("obrien", "collected")


def test_an_unknown_name_is_kept_and_never_guessed(course):
    lines = course.run([(moodle("Zoé Müler-Lê"), NOTEBOOK), (moodle("Nobody"), b"x")])
    near = line_of(lines, "Zoé Müler-Lê_1_assignsubmission_file")
    assert (near.student, near.outcome) == ("", "unmatched")
    assert "nearest: Zoé Müller-Lê (zoe)" in near.note
    assert not (course.root / "submitted").exists()
    kept = tree(course.kept / "unmatched")
    assert kept["Nobody_1_assignsubmission_file/no-time/tiny.ipynb"] == b"x" and len(kept) == 2
    assert [line.student for line in lines if line.outcome == "missing"] == [
        "alice",
        "obrien",
        "zoe",
    ]
    course.run(course.tmp / "source.zip")
    assert tree(course.kept / "unmatched") == kept  # kept once


def test_an_ambiguous_name_is_not_guessed(course):
    course.roster.write_text("student,first_name,last_name\na,Jean,Roy\nb,Roy,Jean\nc,José,Lê\n")
    with course.roster.open("a", encoding="utf-8") as file:
        file.write("d,Jose,Lê\n")
    names = ["Jean Roy", "José Lê", "Jose Lé", "Jose Lê"]
    lines = course.run([(moodle(name, i), NOTEBOOK) for i, name in enumerate(names)])
    outcomes = [said(lines)[f"{name}_{i}_assignsubmission_file"] for i, name in enumerate(names)]
    assert outcomes == [
        ("", "unmatched"),
        ("c", "collected"),
        ("", "unmatched"),
        ("d", "collected"),
    ]
    note = line_of(lines, "Jean Roy_0_assignsubmission_file").note
    assert "several students may be meant: Jean Roy (a), Roy Jean (b)" in note


def test_two_participants_of_one_name_are_told_apart_by_number_only(course):
    source = [(moodle("Alice Martin", 11), NOTEBOOK), (moodle("Alice Martin", 12), b"other")]
    lines = course.run(source)
    assert [line.outcome for line in lines if line.entry][1:] == ["unmatched", "unmatched"]
    course.roster.write_text("student,full_name,moodle_id\na,Alice Martin,Participant 12\n")
    lines = course.run(source)
    assert said(lines) == {
        "Alice Martin_11_assignsubmission_file": ("", "unmatched"),
        "Alice Martin_12_assignsubmission_file": ("a", "collected"),
    }


def test_members_of_a_group_are_found_behind_its_name(course):
    course.roster.write_text(ROSTER + "lee,Lee,Roy,\njlee,Jo-Lee,Roy,\n", encoding="utf-8")
    names = ["Group A-Alice Martin", "A-B-Zoé Müller-Lê", "A-Jo-Lee Roy", "Bob", "Alice Martin"]
    source = [(moodle(name, i), NOTEBOOK) for i, name in enumerate(names)]
    found = said(course.run(source, groups=True))
    assert [found[f"{name}_{i}_assignsubmission_file"] for i, name in enumerate(names)] == [
        ("alice", "collected"),
        ("zoe", "collected"),
        ("", "unmatched"),  # or is it Lee Roy, of the group A-Jo?
        ("", "unmatched"),
        ("", "unmatched"),
    ]


def test_a_hyphen_alone_makes_no_group(course):
    lines = course.run([(moodle("Jean-Alice Martin"), NOTEBOOK), (moodle("A-B"), NOTEBOOK)])
    assert set(said(lines).values()) == {("", "unmatched")}
    notes = {line.name: line.note for line in lines if line.outcome == "unmatched"}
    assert "; in a group it is alice: see --groups" in notes["Jean-Alice Martin"]
    assert "--groups" not in notes["A-B"]


def test_a_number_stands_for_a_hidden_name_but_not_against_a_name(course):
    course.roster.write_text("student,full_name,moodle_id\na,Alice Martin,12\nb,Bob Roy,13\n")
    names = [("Participant", 12), ("Alice Martin", 13), ("Bob Roy", 99)]
    lines = course.run([(moodle(*name), NOTEBOOK) for name in names])
    assert [said(lines)[f"{n}_{i}_assignsubmission_file"] for n, i in names] == [
        ("a", "collected"),
        ("", "unmatched"),
        ("", "unmatched"),
    ]


NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
SIMILAR = st.text("aAeéÉ\u0301' -_Oø", max_size=5)


@given(st.one_of(NAMES, SIMILAR))
@example("\u1fef")  # is a grave accent in one form, and left out then
@example("\u0345\u03b1")
def test_a_normal_form_is_its_own_normal_form(name):
    for form in (normalise, loosely):
        assert form(form(name)) == form(name)
        assert form(unicodedata.normalize("NFD", name)) == form(unicodedata.normalize("NFC", name))
        assert form(f" {name.upper().lower()}\t") == form(name.upper())


def test_letters_that_have_no_one_capital_are_equal():
    assert normalise("Straße ΣΊΣΥΦΟΣ") == normalise("STRASSE σίσυφος")
    assert normalise("Lê") != normalise("Le") and loosely("Lê") == loosely("Le")


@given(st.lists(st.tuples(SIMILAR, SIMILAR), min_size=1, max_size=6), SIMILAR)
def test_a_name_never_means_two_students(names, searched):
    students = [Student(str(i), *name) for i, name in enumerate(names)]
    roster, backwards = Roster(students, closed=True), Roster(students[::-1], closed=True)
    for name in [searched, *(student.name for student in students)]:
        found = roster.find(name)
        assert found == backwards.find(name)  # no first one wins
        same = [s for s in students if normalise(name) in _spellings(s, normalise)]
        like = [s for s in students if loosely(name) in _spellings(s, loosely)]
        meant = same or like
        assert found.student == (meant[0] if len(meant) == 1 else None)
        assert bool(found.student) is not bool(found.reason)


def _spellings(student: Student, form) -> set[str]:
    first, last = student.first_name, student.last_name
    return {form(f"{first} {last}"), form(f"{last} {first}")} - {""}


@pytest.mark.parametrize(
    "data",
    [
        ROSTER.encode("utf-8-sig"),
        ROSTER.replace(",", ";").replace("\n", "\r\n").encode(),
        b"ID number,Student ID,First Name,LAST NAME,Email address\n\n"
        + b"".join(b"9," + line.encode() + b"\n" for line in ROSTER.splitlines()[1:]),
    ],
)
def test_rosters_of_other_programs(course, data):
    course.roster.write_bytes(data)
    students = read_roster(course.roster).by_id
    assert students["zoe"] == Student("zoe", "Zoé", "Müller-Lê", "zoe@example.org")
    assert list(students) == ["alice", "zoe", "obrien"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("student,last_name\nzoe,Lê\n".encode("latin-1"), "line 2: not UTF-8"),
        (ROSTER.encode("utf-16"), "line 1: not UTF-8"),
        (b"", "expected a column 'student' in the first row, got nothing"),
        (b"name\nZoe\n", "expected a column 'student' in the first row, got name"),
        (b"student\n../x\n", "row 2: '../x' cannot be a student id"),
        (b"student\n.hidden\n", "cannot be a student id"),
        (b"student\na+b\n", "cannot be a student id"),
        (b"student,email\n,x\n", "row 2: '' cannot be a student id"),
        (b"student,last_name\na,<script>\n", "row 2, last_name: expected a text without < and >"),
        (b"student\na\n\na\n", "row 4: a second student 'a'"),
        (b"student,moodle_id\na,1\nb,1\n", "row 3: number 1 a second time"),
        (b"student\nzoe,Muller, Z\n", "row 2: 3 cells, the heading has 1"),
        (b'student\n"zoe\n', "no CSV"),
        (b"student,submitted\nzoe,yesterday\n", "submitted: expected a time such as"),
        (b"student,submitted\nzoe,0001-01-01\n", "submitted: expected a time such as"),
        (None, "No such file"),
    ],
)
def test_a_roster_that_cannot_be_read_says_where(course, data, words):
    course.roster.unlink()
    if data is not None:
        course.roster.write_bytes(data)
    with pytest.raises(CourseError, match=r"roster\.csv") as error:
        course.run({"zoe.ipynb": NOTEBOOK})
    assert words in str(error.value)
    assert not course.kept.exists()


# --- students and the gradebook ---------------------------------------------------------------


def test_ids_without_a_roster(course):
    names = ["new", "a b", "..+tiny+2026-11-20 11:00:00 UTC+x", "-x"]
    lines = course.run({f"{name}/tiny.ipynb": NOTEBOOK for name in names}, roster=None)
    assert [said(lines)[name] for name in names] == [
        ("new", "collected"),
        ("", "unmatched"),
        ("", "unmatched"),
        ("", "unmatched"),
    ]
    assert "'..' cannot be a student id" in line_of(lines, names[2]).note
    lines = course.run([(moodle("Al"), b"")], roster=None)
    assert "there is no roster" in line_of(lines, "Al_1_assignsubmission_file").note


def test_the_gradebook_stands_in_for_a_roster(course, gradebook):
    gradebook.add_student("zm", first_name="Zoé", last_name="Müller")
    lines = course.run([(moodle("Zoe Muller"), NOTEBOOK)], roster=None)
    assert said(lines).popitem()[1] == ("zm", "collected")


def test_the_gradebook_learns_names_and_forgets_none(course, gradebook):
    gradebook.add_student("alice", first_name="Alicia", email="kept@example.org")
    gradebook.add_student("other", first_name="Stays")
    course.run({"zoe.ipynb": NOTEBOOK})
    gradebook.db.expire_all()
    students = {s.id: (s.first_name, s.last_name, s.email) for s in gradebook.students}
    assert students == {
        "alice": ("Alicia", "Martin", "kept@example.org"),
        "obrien": ("Sean", "O'Brien", None),
        "other": ("Stays", None, None),
        "zoe": ("Zoé", "Müller-Lê", "zoe@example.org"),
    }


def test_a_course_without_a_gradebook_gets_none(course):
    course.run({"zoe.ipynb": NOTEBOOK})
    assert not (course.root / "gradebook.db").exists()


def test_late_is_told_across_the_end_of_summer_time(course, gradebook):
    """24 hours after noon of the day before are 11 o'clock, in winter time."""
    source = [
        (Member("alice.ipynb", (2026, 10, 25, 12, 0, 0)), NOTEBOOK),  # 11:00 UTC: in time
        (Member("zoe.ipynb", (2026, 10, 25, 12, 0, 2)), NOTEBOOK),
        (Member("obrien.ipynb", (2026, 10, 26, 14, 30, 0)), NOTEBOOK),
    ]
    lines = course.run(source)
    assert "late" not in line_of(lines, "alice").note
    assert "late by 0 min 2 s" in line_of(lines, "zoe").note
    assert "late by 1 d 2 h" in line_of(lines, "obrien").note
    for student, seconds in (("alice", 0), ("zoe", 2)):  # what nbgrader makes of it
        text = (course.submitted(student) / "timestamp.txt").read_text().strip()
        with surroundings():
            entry = gradebook.add_submission("tiny", student, timestamp=parse_utc(text))
        assert entry.total_seconds_late == seconds


def test_an_extension_counts(course, gradebook):
    gradebook.add_student("zoe")
    with surroundings():
        gradebook.add_submission("tiny", "zoe")
    gradebook.grant_extension("tiny", "zoe", days=30)
    lines = course.run({"zoe.ipynb": NOTEBOOK, "alice.ipynb": NOTEBOOK})
    assert "late" not in line_of(lines, "zoe").note
    assert "late by 26 d 0 h" in line_of(lines, "alice").note


# --- times ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "utc"),
    [
        ((2026, 7, 1, 12, 0, 0), "2026-07-01 10:00:00 UTC\n"),
        ((2026, 12, 1, 12, 0, 0), "2026-12-01 11:00:00 UTC\n"),
        ((2026, 10, 25, 2, 30, 0), "2026-10-25 00:30:00 UTC\n"),  # twice; 01:30 is the later one
        ((2026, 3, 29, 2, 30, 0), "2026-03-29 00:30:00 UTC\n"),  # never shown
        ((1980, 1, 1, 0, 0, 0), None),  # what a zip says when it does not know
    ],
)
def test_the_time_of_a_zip_is_a_clocks(course, clock, utc):
    lines = course.run([(Member("zoe/tiny.ipynb", clock), NOTEBOOK)])
    path = course.submitted("zoe") / "timestamp.txt"
    assert (path.read_text() if path.exists() else None) == utc
    assert ("the clocks changed" in line_of(lines, "zoe").note) is (clock[3] == 2)
    assert ("time not known" in line_of(lines, "zoe").note) is (utc is None)
    if utc:
        assert parse_utc(utc.strip()).replace(tzinfo=UTC) == line_of(lines, "zoe").time


def test_the_zone_of_this_machine_is_the_default(course, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        when = (2026, 7, 1, 12, 0, 0)
        lines = course.run([(Member("zoe/tiny.ipynb", when), NOTEBOOK)], timezone=None)
        assert line_of(lines, "zoe").time == datetime(2026, 7, 1, 16, tzinfo=UTC)
        known = datetime(2026, 7, 1, 16, tzinfo=UTC)
        assert exchange_time("2026-07-01 12:00:00 EDT", None) == known
    time.tzset()


def test_an_unknown_zone_is_refused(course):
    for name in ("Paris", "../x", "/etc/passwd"):
        with pytest.raises(CourseError, match="expected a name such as Europe/Paris"):
            course.run({"zoe.ipynb": NOTEBOOK}, timezone=name)


def test_the_extended_time_of_a_zip_is_utc(course):
    seconds = int(datetime(2026, 7, 1, 9, 30, tzinfo=UTC).timestamp())
    extra = struct.pack("<HHBI", 0x5455, 5, 1, seconds)
    lines = course.run([(Member("zoe/tiny.ipynb", (2026, 7, 1, 12, 0, 0), extra=extra), NOTEBOOK)])
    assert line_of(lines, "zoe").time == datetime(2026, 7, 1, 9, 30, tzinfo=UTC)


def test_the_time_of_a_folder_is_that_of_its_newest_file(course):
    folder = course.tmp / "plain" / "zoe"
    folder.mkdir(parents=True)
    for name, hour in (("tiny.ipynb", 9), ("data.csv", 10)):
        (folder / name).write_bytes(NOTEBOOK)
        seconds = datetime(2026, 7, 1, hour, tzinfo=UTC).timestamp()
        os.utime(folder / name, (seconds, seconds))
    lines = course.run(folder.parent)
    assert line_of(lines, "zoe").time == datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-07-01 12:00:00.250000 UTC", "2026-07-01 12:00:00.250000+00:00"),
        ("2026-07-01 12:00:00 +0200", "2026-07-01 10:00:00+00:00"),
        ("2026-07-01 12:00:00 CEST", "2026-07-01 10:00:00+00:00"),
        ("2026-12-01 12:00:00 CET", "2026-12-01 11:00:00+00:00"),
        ("2026-10-25 02:30:00 CEST", "2026-10-25 00:30:00+00:00"),
        ("2026-10-25 02:30:00 CET", "2026-10-25 01:30:00+00:00"),
        ("2026-07-01 12:00:00 CET", "None"),  # no clock in Paris said so
        ("2026-07-01 12:00:00 EST", "None"),
        ("2026-99-01 12:00:00 UTC", "None"),
        ("yesterday", "None"),
    ],
)
def test_the_exchanges_own_time(text, utc):
    assert str(exchange_time(text, ZoneInfo(PARIS))) == utc


def test_the_exchanges_time_comes_before_the_files(course):
    name = "zoe+tiny+2026-07-01 12:00:00.250000 CEST+x"
    files = {f"{name}/tiny.ipynb": NOTEBOOK, f"{name}/timestamp.txt": b"1999-01-01 00:00:00 UTC"}
    course.run(files | {f"{name}/submission_secret.txt": b"s"})
    kept = tree(course.submitted("zoe"))
    assert kept.pop("timestamp.txt") == b"2026-07-01 10:00:00.250000 UTC\n"
    assert kept == {"tiny.ipynb": NOTEBOOK, "submission_secret.txt": b"s"}


def test_a_students_own_timestamp_is_not_believed(course):
    lines = course.run({"zoe/tiny.ipynb": NOTEBOOK, "zoe/timestamp.txt": b"1999-01-01 00:00:00"})
    assert read_time(course.submitted("zoe")) == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert "timestamp.txt is not believed" in line_of(lines, "zoe").note


def test_the_time_of_moodles_download_is_nobodys(course, gradebook):
    """Since Moodle 4 all files have it: an honest student would be late."""
    late = (2026, 11, 20, 12, 9, 58)
    source = [(moodle("Alice Martin"), NOTEBOOK), (moodle("Zoe Muller Le", when=late), NOTEBOOK)]
    lines = course.run(source)
    assert not (course.submitted("zoe") / "timestamp.txt").exists()
    assert "time not known" in line_of(lines, "zoe").note and not line_of(lines, "zoe").time
    assert "all of 2026-11-20 11:00 UTC, its download" in lines[0].note


def test_other_times_of_moodle_are_believed(course):
    source = [(moodle("Alice Martin"), NOTEBOOK), (moodle("Zoe Muller Le", when=LATER), NOTEBOOK)]
    lines = course.run(source)
    assert line_of(lines, "zoe").time == datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_the_roster_may_tell_the_time(course):
    head, *rows = ROSTER.splitlines()
    times = ["2026-07-01 12:00", "2026-07-01T12:00:00+00:00", ""]
    rows = [f"{head},submitted", *map(",".join, zip(rows, times, strict=True))]
    course.roster.write_text("\n".join(rows), encoding="utf-8")
    lines = course.run([(moodle("Alice Martin"), NOTEBOOK), (moodle("Zoé Müller-Lê"), NOTEBOOK)])
    assert line_of(lines, "alice").time == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert line_of(lines, "zoe").time == datetime(2026, 7, 1, 12, tzinfo=UTC)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)))
@example(datetime(2026, 10, 25, 2, 30))
@example(datetime(2026, 3, 29, 2, 30))
def test_the_earlier_reading_of_a_clock_is_taken(wall):
    zone = ZoneInfo(PARIS)
    utc, doubtful = as_utc(wall, zone)
    shown = utc.astimezone(zone).replace(tzinfo=None)
    assert shown == wall or (doubtful and abs(shown - wall) == timedelta(hours=1))
    assert doubtful or (utc + timedelta(hours=1)).astimezone(zone).replace(tzinfo=None) != wall
    assert (utc - timedelta(hours=1)).astimezone(zone).replace(tzinfo=None) != wall


# --- again, and again -------------------------------------------------------------------------


def plain(data: bytes, when=NOON) -> list:
    return [(Member("zoe/tiny.ipynb", when), data)]


def test_the_same_again_changes_nothing(course):
    course.run(plain(NOTEBOOK))
    before = course.submitted("zoe").stat()
    lines = course.run(plain(NOTEBOOK))
    assert (line_of(lines, "zoe").outcome, line_of(lines, "zoe").note) == ("unchanged", "")
    assert course.submitted("zoe").stat() == before
    lines = course.run(plain(NOTEBOOK, LATER))
    assert line_of(lines, "zoe").outcome == "unchanged"
    assert "submitted/ has the time 2026-11-20 11:00:00 UTC" in line_of(lines, "zoe").note
    assert not (course.kept / "earlier").exists()


def test_a_later_one_takes_the_place_and_the_earlier_is_kept(course):
    course.run(plain(b"first"))
    lines = course.run(plain(b"second", LATER))
    assert line_of(lines, "zoe").outcome == "replaced"
    assert "collected/tiny/earlier/zoe/20261120T110000Z" in line_of(lines, "zoe").note
    assert tree(course.kept / "earlier" / "zoe") == {
        "20261120T110000Z/tiny.ipynb": b"first",
        "20261120T110000Z/timestamp.txt": b"2026-11-20 11:00:00 UTC\n",
    }
    assert tree(course.submitted("zoe")) == {
        "tiny.ipynb": b"second",
        "timestamp.txt": b"2026-11-21 08:00:00 UTC\n",
    }


@pytest.mark.parametrize("when", [NOON, (2026, 11, 19, 12, 0, 0)], ids=["same time", "earlier"])
def test_one_that_is_not_later_is_kept_aside(course, when):
    course.run(plain(b"graded"))
    for _ in range(2):
        lines = course.run(plain(b"other", when))
        assert line_of(lines, "zoe").outcome == "kept aside"
    assert tree(course.submitted("zoe"))["tiny.ipynb"] == b"graded"
    assert list(tree(course.kept / "earlier").values()).count(b"other") == 1


def test_one_without_a_time_takes_the_place(course):
    """Whoever collects again wants what is there now; the other one is kept."""
    course.run(plain(b"first"))
    lines = course.run(plain(b"second", (1980, 1, 1, 0, 0, 0)))
    assert line_of(lines, "zoe").outcome == "replaced"
    lines = course.run(plain(b"third", (1980, 1, 1, 0, 0, 0)))
    lines = course.run(plain(b"fourth", (1980, 1, 1, 0, 0, 0)))
    assert tree(course.submitted("zoe")) == {"tiny.ipynb": b"fourth"}
    kept = tree(course.kept / "earlier" / "zoe")
    assert {kept["no-time/tiny.ipynb"], kept["no-time-2/tiny.ipynb"]} == {b"second", b"third"}


def test_of_several_submissions_the_latest_is_graded(course):
    name = "zoe+tiny+2026-11-{}+x"
    times = ["19 11:00:00 UTC", "20 11:00:00 UTC", "20 11:30:00 CET", "18 11:00:00 UTC"]
    lines = course.run({f"{name.format(time)}/tiny.ipynb": time.encode() for time in times})
    assert said(lines) == {
        name.format(times[3]): ("zoe", "kept aside"),
        name.format(times[0]): ("zoe", "kept aside"),
        name.format(times[1]): ("zoe", "collected"),
        name.format(times[2]): ("zoe", "kept aside"),
    }
    assert tree(course.submitted("zoe"))["tiny.ipynb"] == times[1].encode()
    assert set(os.listdir(course.kept / "earlier" / "zoe")) == {
        "20261118T110000Z",
        "20261119T110000Z",
        "20261120T103000Z",
    }


def test_a_damaged_latest_one_does_not_hide_the_one_before(course):
    source = make_zip(
        course.tmp / "a.zip",
        [(Member("zoe/tiny.ipynb"), b"good"), (Member("zoe.ipynb", LATER), b"BAD" * 50)],
    )
    spoil(source, "zoe.ipynb")
    lines = course.run(source)
    assert said(lines)["zoe"] == ("zoe", "collected")
    assert tree(course.submitted("zoe"))["tiny.ipynb"] == b"good"


def test_notebooks_of_one_submission_stay_together(course):
    names = ["a.ipynb", "tiny.ipynb", "data.csv"]
    lines = course.run(dict.fromkeys((f"zoe/{name}" for name in names), NOTEBOOK))
    assert line_of(lines, "zoe").note == "not graded, kept beside it: a.ipynb"
    assert set(tree(course.submitted("zoe"))) == {*names, "timestamp.txt"}
    lines = course.run({"alice/a.ipynb": NOTEBOOK, "alice/b.ipynb": NOTEBOOK, "obrien/x.txt": b""})
    note = "no tiny.ipynb, but a.ipynb, b.ipynb; the one most like the release is graded"
    assert line_of(lines, "alice").note == note
    assert line_of(lines, "obrien").note == "no notebook"


def test_two_files_of_one_name_are_both_kept_and_the_newer_keeps_it(course):
    source = [
        (Member("zoe/tiny.ipynb", LATER), b"new"),
        (Member("zoe/tiny.ipynb"), b"old"),
        (Member("zoe/Tiny.ipynb", (2026, 11, 18, 0, 0, 0)), b"oldest"),
    ]
    lines = course.run(source)
    kept = tree(course.submitted("zoe"))
    assert (kept["tiny.ipynb"], kept["tiny (2).ipynb"]) == (b"new", b"old")
    assert kept["Tiny (3).ipynb"] == b"oldest"
    assert "tiny.ipynb twice: the older one is tiny (2).ipynb" in line_of(lines, "zoe").note


@pytest.mark.parametrize("atomic", [True, False])
def test_an_interruption_leaves_a_whole_submission(course, monkeypatch, atomic):
    """At every step that changes a folder in turn: what is there is the old or the new one."""
    if not atomic:
        monkeypatch.setattr(placing.ctypes, "CDLL", lambda *args, **kwargs: None)
    course.run(plain(b"first"))
    real = os.rename
    for step in range(10):
        calls = iter(range(100))

        def rename(old, new, calls=calls, step=step):
            if next(calls) == step:
                raise KeyboardInterrupt
            real(old, new)

        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", rename)
            try:
                course.run(plain(b"second", LATER))
                break
            except KeyboardInterrupt:
                assert tree(course.submitted("zoe"))["tiny.ipynb"] in (b"first", b"second")
                assert b"first" in tree(course.root).values()
    assert step == (1 if atomic else 4)
    course.run(plain(b"second", LATER))
    assert tree(course.submitted("zoe"))["tiny.ipynb"] == b"second"
    assert b"first" in tree(course.kept / "earlier").values()
    assert not list(course.kept.glob(".part-*"))


def test_a_file_in_the_place_of_a_folder_stays(course):
    course.submitted("zoe").parent.mkdir(parents=True)
    course.submitted("zoe").symlink_to(course.tmp)
    lines = course.run({"zoe/tiny.ipynb": NOTEBOOK, "alice.ipynb": NOTEBOOK})
    assert line_of(lines, "zoe").outcome == "refused" and course.submitted("zoe").is_symlink()
    assert line_of(lines, "alice").outcome == "collected"


# --- hostile and broken -----------------------------------------------------------------------


def spoil(source: Path, name: str) -> None:
    """Change a packed byte of a member."""
    data = bytearray(source.read_bytes())
    start = zipfile.ZipFile(source).getinfo(name).header_offset
    data[start + 30 + len(name.encode()) + 4] ^= 0xFF
    source.write_bytes(data)


LINK = stat.S_IFLNK | 0o777
HOSTILE = {
    "parent": (Member("../zoe/tiny.ipynb"), "leads out"),
    "inner parent": (Member("zoe/../../../x.ipynb"), "leads out"),
    "absolute": (Member("/x.ipynb"), "leads out"),
    "backslashes": (Member("zoe\\..\\..\\x.ipynb"), "leads out"),
    "drive": (Member("C:\\x.ipynb"), "leads out"),
    "dot": (Member("."), "leads out"),
    "empty part": (Member("zoe//x.ipynb"), "leads out"),
    "no name": (Member(""), "leads out"),
    "NUL": (Member("zoe/x\0.ipynb"), "characters that are none"),
    "newline": (Member("zoe/x\n.ipynb"), "characters that are none"),
    "long": (Member(f"zoe/{'x' * 300}.ipynb"), "too long"),
    "link": (Member("zoe/x.ipynb", mode=LINK), "a link"),
    "device": (Member("zoe/x.ipynb", mode=stat.S_IFCHR), "a link, or no file"),
}


@pytest.mark.parametrize(("member", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_is_refused_and_the_others_are_collected(course, member, words):
    before = tree(course.tmp)
    lines = course.run([(member, b"/etc/passwd"), (Member("alice/tiny.ipynb"), NOTEBOOK)])
    (refused,) = [line for line in lines if line.outcome == "refused"]
    assert words in refused.note and refused.entry.isprintable()
    assert line_of(lines, "alice").outcome == "collected"
    new = {name for name in tree(course.tmp).keys() - before.keys()}
    assert all(
        name == "source.zip"
        or name.startswith(("course/submitted/alice/tiny/", "course/collected/tiny/report-"))
        for name in new
    )


PARTS = st.sampled_from(
    ["..", ".", "", "C:", "zoe", "a\\..\\b", "~", "x\0", "\u202e", "é", " ", "a:b"]
)
MEMBERS = st.lists(st.one_of(PARTS, NAMES), min_size=1, max_size=4).map("/".join)


@given(st.lists(MEMBERS, min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_is_ever_written_outside_its_folder(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("zip")
    source = make_zip(folder / "a.zip", [(Member(name), b"x") for name in names])
    with open_inbox(source, None, 10) as contents:
        assert len(contents.files) + len(contents.refused) + contents.n_ignored >= len(
            [name for name in names if not name.endswith(("/", "\\"))]
        )
        for number, file in enumerate(contents.files):
            label, inner = recognise(file.path)
            assert label.folder not in ("", ".", "..") and "/" not in label.folder
            place = folder / "out" / str(number) / "submission"
            handed_in = submission.Submission(label, None, [(inner, file)])
            if not handed_in.excess(1):
                handed_in.write(place, "tiny")
    written = {path for path in folder.rglob("*") if path.is_file()} - {source}
    assert all(len(path.relative_to(folder).parts) > 3 for path in written)
    for path in written:
        assert path.relative_to(folder).parts[:1] == ("out",)
        assert path.relative_to(folder).parts[2] == "submission"


def test_links_in_a_folder_are_not_followed(course):
    secret = course.tmp / "secret.ipynb"
    secret.write_bytes(b"secret")
    folder = course.tmp / "in"
    (folder / "zoe").mkdir(parents=True)
    (folder / "zoe" / "tiny.ipynb").symlink_to(secret)
    (folder / "zoe" / "all").symlink_to(course.tmp)
    (folder / "alice.ipynb").symlink_to(secret)
    os.mkfifo(folder / "zoe" / "pipe.ipynb")
    (folder / "zoe" / "work.ipynb").write_bytes(NOTEBOOK)
    lines = course.run(folder)
    assert sorted(line.entry for line in lines if line.outcome == "refused") == [
        "alice.ipynb",
        "zoe/all",
        "zoe/pipe.ipynb",
        "zoe/tiny.ipynb",
    ]
    assert set(tree(course.submitted("zoe"))) == {"work.ipynb", "timestamp.txt"}
    assert not course.submitted("alice").exists()


def test_a_file_that_becomes_a_link_is_not_followed(course):
    folder = course.tmp / "in"
    folder.mkdir()
    (folder / "zoe.ipynb").write_bytes(NOTEBOOK)
    with open_inbox(folder, None, 1000) as contents:
        (folder / "zoe.ipynb").unlink()
        (folder / "zoe.ipynb").symlink_to(course.roster)
        with pytest.raises(OSError):
            contents.files[0].read()
        (folder / "zoe.ipynb").unlink()
        (folder / "zoe.ipynb").write_bytes(b"x" * 1001)
        with pytest.raises(OSError, match="too large"):
            contents.files[0].read()


def test_sizes_and_numbers_are_bounded(course, monkeypatch):
    monkeypatch.setattr(submission, "MOST_FILES", 3)
    monkeypatch.setattr(submission, "LARGEST_SUBMISSION", 2000)
    monkeypatch.setattr(submission, "LARGEST_SOURCE", 2500)
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write("get_config().CourseDirectory.max_file_size = 1.5\n")
    course.roster.write_text("student\n" + "\n".join("abcdefg"))
    source = {"a/tiny.ipynb": NOTEBOOK, "a/data.npy": bytes(1501)}  # the notebook is kept
    source |= {f"b/{i}": b"" for i in range(4)}
    source |= {"c/1": bytes(1001), "c/2": bytes(1001)}
    source |= {"d/1": bytes(1500), "e/1": bytes(1500), "f/1": b""}
    lines = course.run(source)
    outcomes = {
        name: [line.outcome for line in lines if line.student == name] for name in "abcdefg"
    }
    assert outcomes == {
        "a": ["collected", "refused"],
        "b": ["missing", "refused"],
        "c": ["missing", "refused"],
        "d": ["collected"],
        "e": ["missing", "refused"],
        "f": ["collected"],
        "g": ["missing"],
    }


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(course):
    source = make_zip(course.tmp / "a.zip", {"zoe.ipynb": bytes(10**7), "alice.ipynb": NOTEBOOK})
    data = bytearray(source.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)  # the size in the list of files
    source.write_bytes(data)
    with open_inbox(source, None, 1000) as contents:
        tracemalloc.start()
        with pytest.raises(zipfile.BadZipFile):
            contents.files[1].read()
        assert tracemalloc.get_traced_memory()[1] < 10**6
        tracemalloc.stop()
    lines = course.run(source)
    assert ("zoe", "refused") in {(line.student, line.outcome) for line in lines}
    assert line_of(lines, "alice").outcome == "collected"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_bound_are_refused(course, method):
    source = course.tmp / "a.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("zoe.ipynb", bytes(10**6), compress_type=method)
        archive.writestr("alice.ipynb", NOTEBOOK)
    assert said(course.run(source)) == {
        "zoe.ipynb": ("zoe", "refused"),
        "alice.ipynb": ("alice", "collected"),
    }


def test_an_encrypted_member_is_refused(course):
    source = make_zip(course.tmp / "a.zip", {"zoe.ipynb": NOTEBOOK, "alice.ipynb": NOTEBOOK})
    data = bytearray(source.read_bytes())
    for sign, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(sign) + offset] |= 1
    source.write_bytes(data)
    lines = course.run(source)
    assert any("encrypted" in line.note for line in lines if line.outcome == "refused")
    assert said(lines)["alice.ipynb"] == ("alice", "collected")


def test_a_damaged_member_is_refused(course):
    source = make_zip(course.tmp / "a.zip", {"zoe/data": b"x" * 99, "zoe/tiny.ipynb": NOTEBOOK})
    spoil(source, "zoe/data")
    lines = course.run(source)
    assert said(lines) == {"zoe/data": ("zoe", "refused"), "zoe": ("zoe", "collected")}
    source = make_zip(course.tmp / "b.zip", {"alice.ipynb": NOTEBOOK, "Nobody.ipynb": NOTEBOOK})
    spoil(source, "alice.ipynb")
    spoil(source, "Nobody.ipynb")
    lines = course.run(source)
    assert [line.outcome for line in lines if line.student == "alice"] == ["missing"] + 2 * [
        "refused"
    ]
    assert [line.outcome for line in lines if "Nobody" in line.entry] == ["refused", "refused"]


def test_a_zip_in_a_zip_is_collected_as_it_is(course):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("../x.ipynb", NOTEBOOK)
    lines = course.run({"zoe/work.zip": inner.getvalue()})
    assert (line_of(lines, "zoe").outcome, line_of(lines, "zoe").note) == (
        "collected",
        "no notebook",
    )
    assert tree(course.submitted("zoe"))["work.zip"] == inner.getvalue()


OLD = b'{"nbformat": 3, "metadata": {}, "worksheets": []}'
JULIA = b'{"cells": [], "metadata": {"kernelspec": {"language": "julia"}}}'
DAMAGED = {
    "empty": (b" \n", "tiny.ipynb: empty"),
    "cut off": (NOTEBOOK[:-20], "tiny.ipynb: no notebook, or one that is cut off"),
    "deep": (b"[" * 100_000, "tiny.ipynb: no notebook, or one that is cut off"),
    "list": (b"[]", "tiny.ipynb: no notebook"),
    "Latin-1": ('{"cells": ["é"]}'.encode("latin-1"), "tiny.ipynb: not UTF-8"),
    "nbformat 3": (OLD, "tiny.ipynb: nbformat 3"),
    "another kernel": (JULIA, "tiny.ipynb: set to the language julia"),
    "BOM": (b"\xef\xbb\xbf" + NOTEBOOK, ""),
    "odd kernel": (b'{"cells": [], "metadata": {"kernelspec": 3}}', ""),
    "odd metadata": (b'{"metadata": 3}', "tiny.ipynb: no notebook"),
}


@pytest.mark.parametrize(("data", "note"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_notebook_is_collected_as_it_is(course, data, note):
    lines = course.run(plain(data))
    assert (line_of(lines, "zoe").outcome, line_of(lines, "zoe").note) == ("collected", note)
    assert tree(course.submitted("zoe"))["tiny.ipynb"] == data


def test_what_the_disk_cannot_hold_stops_nobody_else(course):
    names = {"zoe/a": b"", "zoe/a/b": b"", "alice/tiny.ipynb": NOTEBOOK}
    names |= {"Nobody/a": b"", "Nobody/a/b": b""}
    lines = course.run(names)
    assert said(lines) == {
        "zoe": ("zoe", "refused"),
        "alice": ("alice", "collected"),
        "Nobody": ("", "refused"),
    }
    assert not course.submitted("zoe").exists()


def test_a_file_that_goes_away_stops_nobody_else(course, monkeypatch):
    folder = course.tmp / "in"
    folder.mkdir()
    (folder / "zoe.ipynb").write_bytes(NOTEBOOK)
    (folder / "alice.ipynb").write_bytes(NOTEBOOK)
    real = Path.lstat

    def lstat(path):
        if path.name == "zoe.ipynb":
            raise FileNotFoundError(2, "No such file", str(path))
        return real(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    lines = course.run(folder)
    assert said(lines) == {"alice.ipynb": ("alice", "collected"), "zoe.ipynb": ("zoe", "refused")}


def test_a_folder_that_is_closed_is_told(course, monkeypatch):
    folder = course.tmp / "in"
    (folder / "zoe").mkdir(parents=True)
    (folder / "alice.ipynb").write_bytes(NOTEBOOK)
    real = os.scandir

    def scandir(path):
        if str(path).endswith("zoe"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    lines = course.run(folder)
    assert said(lines) == {"alice.ipynb": ("alice", "collected"), "zoe": ("zoe", "refused")}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no zip that can be read"),
        (b"not a zip", "no zip that can be read"),
        (b"PK\x05\x06" + bytes(18), "nothing in it to collect"),
        (None, "No such file"),
    ],
)
def test_a_source_that_is_none(course, data, words):
    source = course.tmp / "a.zip"
    if data is not None:
        source.write_bytes(data)
    with pytest.raises(CourseError, match=words):
        course.run(source)
    with pytest.raises(CourseError, match="no zip that can be read"):
        cut = make_zip(course.tmp / "b.zip", {"zoe.ipynb": NOTEBOOK})
        cut.write_bytes(cut.read_bytes()[:-30])
        course.run(cut)
    assert not course.kept.exists()


INNER = ["Alice Martin_1_assignsubmission_file/tiny.ipynb", "alice/tiny.ipynb", "alice.ipynb"]
INNER += ["zoe+tiny+2026-11-20 11:00:00 UTC/tiny.ipynb"]


@pytest.mark.parametrize("unpacked", [False, True], ids=["zip", "folder"])
@pytest.mark.parametrize("inner", INNER)
def test_one_more_folder_around_all_is_no_student(course, inner, unpacked):
    source = make_zip(course.tmp / "a.zip", {f"week 1/{inner}": NOTEBOOK})
    if unpacked:
        zipfile.ZipFile(source).extractall(course.tmp / "a")
        source = course.tmp / "a"
    advice = f"give {source}/week 1" if unpacked else "unpack it, and give that folder"
    with pytest.raises(CourseError) as error:
        course.run(source, roster=None if "+" in inner else course.roster)
    assert str(error.value).endswith(f"one folder further in, in 'week 1': {advice}")
    assert not (course.root / "submitted").exists()


@pytest.mark.parametrize("name", ["alice/zoe/a.ipynb", "alice/new/a.ipynb", "new/a/a.ipynb"])
def test_the_folders_of_a_lone_student_are_that_students(course, name):
    lines = course.run({name: NOTEBOOK}, roster=None if "new" in name else course.roster)
    assert said(lines).popitem()[1] == (name.split("/")[0], "collected")


def test_the_course_itself_is_no_source(course):
    (course.root / "submitted").mkdir()
    for source in (course.root, course.tmp, course.root / "submitted"):
        with pytest.raises(CourseError, match="the course itself"):
            course.run(source)


@pytest.mark.parametrize("assignment", ["", "..", "other", "tiny/..", "/tiny"])
def test_an_unknown_assignment_is_refused(course, assignment):
    source = make_zip(course.tmp / "a.zip", {"zoe.ipynb": NOTEBOOK})
    with pytest.raises(CourseError, match="expected one of tiny"):
        collect(course.root, assignment, source)


# --- the report -------------------------------------------------------------------------------


def test_the_report_is_the_lines_and_runs_no_formula(course):
    formula = "=HYPERLINK(1)_1_assignsubmission_file"
    source = [(Member(f"{formula}/tiny.ipynb"), b""), (Member("zoe.ipynb"), NOTEBOOK)]
    lines = course.run(source)
    (path,) = course.kept.glob("report-*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["student", "name", "entry", "outcome", "note", "time"]
    assert [row["outcome"] for row in rows] == [line.outcome for line in lines]
    assert rows[-2]["entry"] == "'" + formula or rows[-1]["entry"] == "'" + formula
    assert {row["time"] for row in rows if row["student"] == "zoe"} == {"2026-11-20 11:00:00 UTC"}


def test_lines_are_in_the_same_order_whatever_the_order_of_the_zip(course):
    names = ["zoe.ipynb", "alice/a.ipynb", "Nobody/b", "../x", "alice/b.ipynb", "Else.ipynb"]
    members = [(Member(name), NOTEBOOK) for name in names]
    first = course.run(members)
    second = course.run(members[::-1])
    assert [(line.student, line.entry) for line in first] == [
        (line.student, line.entry) for line in second
    ]
    assert [line.student for line in first] == ["", "alice", "obrien", "zoe", "", "", ""]


def test_no_report_is_overwritten(course, monkeypatch):
    monkeypatch.setattr(module, "stamp", lambda time: "now")
    for _ in range(2):
        course.run({"zoe.ipynb": NOTEBOOK})
    assert {path.name for path in course.kept.glob("*.csv")} == {
        "report-now.csv",
        "report-now-2.csv",
    }


def test_all_outcomes_are_met_above():
    text = Path(__file__).read_text("utf-8")
    assert all(text.count(f'"{outcome}"') for outcome in OUTCOMES)


def test_recognise_needs_no_name():
    assert recognise(PurePosixPath("."))[0].name == ""
