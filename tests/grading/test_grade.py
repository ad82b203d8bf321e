"""The loop of a class: exercises, submissions, marks, CSV."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from tiny_class import GRADE, RIGHT, SANDBOXED, STUDENTS, course, submit

from course_lib.grading import records, sandbox
from course_lib.grading.course import CourseError, alone
from course_lib.grading.export import write_csv
from course_lib.grading.grade import grade

# nbgrader's own command line, four commands in one process: importing it takes seconds.
STOCK = """
import sys
from nbgrader.apps import NbGraderApp
for line in sys.stdin.read().splitlines():
    NbGraderApp.clear_instance()
    NbGraderApp.launch_instance(line.split())
"""


def table(root: Path) -> dict[str, dict[str, str]]:
    with (root / "marks" / "tiny.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def open_gradebook(root: Path) -> Gradebook:
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}", "course")


def test_one_failure_stops_nobody_and_is_told(graded):
    output = " ".join(graded.result.output.split())
    assert graded.result.exit_code == 1
    assert ("Submissions run with your own rights" in output) is not SANDBOXED
    assert "broken │ 0/11 │ failed: " in output and "cut off" in output
    assert "amy │ 5/11 │ needs manual grading" in output
    assert "imports course_lib; uses get_ipython" in output
    assert {path.name for path in (graded.root / "autograded").iterdir()} == set(STUDENTS)


def test_the_csv_has_a_row_for_each_student(graded):
    rows = table(graded.root)
    assert set(rows) == {*STUDENTS, "broken"}
    assert rows["broken"]["status"] == "not graded"
    assert rows["amy"]["status"] == "needs manual grading"
    assert (rows["amy"]["test_total"], rows["amy"]["max"]) == ("3.0", "11.0")
    assert rows["looper"]["total"] == "1.5"


def test_release_and_graded_notebooks_hold_no_hidden_check(graded):
    hidden = ["yield Case", "rng.normal", "no_values_are_refused", "smallest_twice"]
    for folder in ("exercises", "autograded"):
        for path in (graded.root / folder).rglob("*"):
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                assert not [line for line in hidden if line in text], path
    text = (graded.root / "autograded/mean/tiny/tiny.ipynb").read_text(encoding="utf-8")
    assert "That is the mean: do not divide." in text


def test_nbgrader_alone_gives_the_same_marks(graded, tmp_path):
    root = tmp_path / "stock"
    shutil.copytree(graded.root / "solutions", root / "solutions")
    shutil.copyfile(graded.root / "nbgrader_config.py", root / "nbgrader_config.py")
    students = ("mean", "cheat")
    for student in students:
        shutil.copytree(graded.root / "submitted" / student, root / "submitted" / student)
    commands = ["generate_assignment tiny --force", "autograde tiny", "generate_feedback tiny"]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STOCK],
        input="\n".join([*commands, "export"]),
        text=True,
        cwd=root,
        env=environment,
        check=True,
        capture_output=True,
    )
    ours, theirs = table(graded.root), table(root)
    assert theirs == {student: ours[student] for student in students}
    released = Path("exercises", "tiny", "tiny.ipynb")
    assert (root / released).read_bytes() == (graded.root / released).read_bytes()
    assert (root / "feedback/mean/tiny/tiny.html").is_file()


def test_manual_marks_survive_and_a_new_submission_counts(graded, tmp_path):
    root = shutil.copytree(graded.root, tmp_path / "again")
    with open_gradebook(root) as gradebook:
        gradebook.find_grade("explain", "tiny", "tiny", "untouched").manual_score = 3.5
        gradebook.find_comment("explain", "tiny", "tiny", "untouched").manual_comment = "Good."
        gradebook.add_student("zoe", last_name="=1+1")
        gradebook.db.commit()
    submit(root, "untouched", RIGHT)
    [result] = grade(root, "tiny", ["untouched"], sandboxed=SANDBOXED)
    assert (result.total, result.status) == (8.5, "needs manual grading")
    with open_gradebook(root) as gradebook:
        assert gradebook.find_grade("explain", "tiny", "tiny", "untouched").manual_score == 3.5
        comment = gradebook.find_comment("explain", "tiny", "tiny", "untouched")
        assert comment.manual_comment == "Good."
    rows = table(root)
    assert rows["untouched"]["explain"] == "3.5"
    assert (rows["zoe"]["status"], rows["zoe"]["last_name"]) == ("missing", "'=1+1")


def test_a_submission_that_fails_keeps_the_marks_of_an_earlier_one(graded, tmp_path):
    root = shutil.copytree(graded.root, tmp_path / "again")
    before = records.read(root, "tiny", "amy")
    files = contents(root / "autograded" / "amy")
    marks = table(root)["amy"]
    (root / "submitted" / "amy" / "tiny" / "tiny.ipynb").write_text('{"cells": [')
    for _ in range(2):  # the second time it is the record of a failure that is followed
        [result] = grade(root, "tiny", ["amy"], sandboxed=SANDBOXED)
        assert (result.status, result.total) == ("failed", 5.0)
        assert "cut off" in result.reason
        kept = f"; the marks of the grading of {before.graded_at} are kept"
        assert result.reason.count(kept) == 1 and result.reason.endswith(kept)
    assert files == contents(root / "autograded" / "amy")
    assert table(root)["amy"] == marks
    assert records.read(root, "tiny", "amy").checks == before.checks


@pytest.mark.parametrize("time", ["yesterday", "9" * 40])
def test_a_damaged_submission_is_graded_and_stays_as_it_was(graded, tmp_path, time):
    root = shutil.copytree(graded.root, tmp_path / "again")
    folder = root / "submitted" / "amy" / "tiny"
    (folder / "tiny.ipynb").rename(folder / "tiny (1).ipynb")
    (folder / "timestamp.txt").write_text(time)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    [result] = grade(root, "tiny", ["amy"], sandboxed=SANDBOXED)
    assert (result.status, result.total) == ("needs manual grading", 5.0)
    assert "tiny (1).ipynb" in result.repairs[0]
    assert result.repairs[-1] == "timestamp.txt cannot be read: the submission has no time"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_time_of_a_submission_is_kept(graded, tmp_path):
    root = shutil.copytree(graded.root, tmp_path / "again")
    (root / "submitted" / "amy" / "tiny" / "timestamp.txt").write_text("2026-01-02 03:04:05 UTC")
    [result] = grade(root, "tiny", ["amy"], sandboxed=SANDBOXED)
    assert result.repairs == []
    with open_gradebook(root) as gradebook:
        assert str(gradebook.find_submission("tiny", "amy").timestamp) == "2026-01-02 03:04:05"


def test_a_wrong_solution_stops_everything(graded, tmp_path):
    root = shutil.copytree(graded.root, tmp_path / "wrong")
    text = root / "solutions" / "tiny" / "tiny.py"
    text.write_text(text.read_text().replace("float(np.sum(values))", "float(np.mean(values))"))
    before = contents(root)
    with pytest.raises(CourseError, match=r"full marks:\ntest_total: (?s:.)*expected 9.0, got 4.5"):
        grade(root, "tiny", ["amy", "mean"], sandboxed=SANDBOXED)
    assert contents(root) == before


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("tiny.py", "# %%\nx = (", "'(' was never closed"),
        ("checks.py", None, "No such file or directory"),
        ("checks.py", "x = (", "'(' was never closed"),
    ],
)
def test_a_broken_assignment_is_told_in_words(graded, tmp_path, name, text, words):
    root = shutil.copytree(graded.root, tmp_path / "broken")
    path = root / "solutions" / "tiny" / name
    path.unlink() if text is None else path.write_text(f"{path.read_text()}\n{text}")
    result = course(root, *GRADE, "tiny", "--student", "amy")
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    output = " ".join(result.output.split())
    assert "Error: the teacher's solution cannot be graded: " in output and words in output


def test_the_teacher_is_told_which_cell_of_the_solution_fails(graded, tmp_path, caplog):
    root = shutil.copytree(graded.root, tmp_path / "missing")
    with (root / "solutions" / "tiny" / "tiny.py").open("a") as text:
        text.write("\n# %%\nopen('/home/weights.npz')\n")
    grade(root, "tiny", ["amy", "mean"], sandboxed=SANDBOXED)
    (record,) = (record for record in caplog.records if record.name == "course_lib.grading.grade")
    assert "solution: cell 9 ended with FileNotFoundError: " in record.getMessage()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiny"], "no submission: expected folders submitted/<student>/tiny"),
        (["other"], "no submission: expected folders submitted/<student>/other"),
        (["tiny", "--student", "zoe"], "no submission of zoe for tiny"),
    ],
)
def test_the_teacher_is_told_what_is_missing(graded, tiny_course, arguments, words):
    root = graded.root if "--student" in arguments else tiny_course
    result = course(root, *GRADE, *arguments)
    assert result.exit_code == 1
    assert words in result.output


SPY = """\
import os
from pathlib import Path
def total(values):
    raise RuntimeError(f"{Path(COURSE).exists()} {len(list(Path.cwd().glob('*.ipynb')))}")"""


@pytest.mark.skipif(not SANDBOXED, reason=sandbox.unavailable())
@pytest.mark.parametrize(("sandboxed", "seen"), [(True, "False 0"), (False, "True 1")])
def test_a_submission_sees_the_course_only_without_the_sandbox(graded, tmp_path, sandboxed, seen):
    root = shutil.copytree(graded.root, tmp_path / "class")
    submit(root, "amy", RIGHT | {"total": SPY.replace("COURSE", repr(str(root)))})
    grade(root, "tiny", ["amy"], sandboxed=sandboxed)
    text = (root / "autograded" / "amy" / "tiny" / "tiny.ipynb").read_text("utf-8")
    assert f"raised RuntimeError: {seen}" in text


def test_without_the_sandbox_nothing_is_graded_unless_told(graded, monkeypatch):
    monkeypatch.setattr("course_lib.grading.sandbox.unavailable", lambda: "install bubblewrap")
    result = course(graded.root, "grade", "tiny")
    assert result.exit_code == 1
    assert "install bubblewrap" in result.output and "Grading" not in result.output


def test_an_assignment_must_be_built_first(tiny_course):
    (tiny_course / "submitted" / "amy" / "tiny").mkdir(parents=True)
    result = course(tiny_course, *GRADE, "tiny")
    assert result.exit_code == 1
    assert "run `course exercises tiny` first" in result.output


def test_outside_a_course(tmp_path):
    result = course(tmp_path, "exercises")
    assert result.exit_code == 1
    assert "no nbgrader_config.py in" in result.output


def test_csv_quotes_and_disarms_formulas(tmp_path):
    path = tmp_path / "marks" / "a.csv"
    write_csv([{"student": "=HYPERLINK(1)", "last_name": 'Dupont, "fils" é', "total": -1.0}], path)
    assert path.read_bytes().decode("utf-8") == (
        'student,last_name,total\r\n\'=HYPERLINK(1),"Dupont, ""fils"" é",-1.0\r\n'
    )
    assert [file.name for file in path.parent.iterdir()] == ["a.csv"]


def test_help_is_quick():
    """`course --help` loads none of the heavy packages."""
    code = "import sys; from course_lib import cli; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], text=True, capture_output=True, check=True
    ).stdout.split()
    assert not {"nbgrader", "jupytext", "nbformat", "numpy", "sqlalchemy"} & set(modules)


def test_two_commands_do_not_write_into_a_course_at_once(graded):
    with alone(graded.root):
        collect = ["collect", "tiny", str(graded.fresh / "submitted")]
        for command in (["exercises"], ["grade", "tiny"], ["report", "tiny"], collect):
            done = course(graded.root, *command)
            assert done.exit_code == 1
            assert "another `course` command is writing into this course" in done.output
    with alone(graded.root):
        pass
