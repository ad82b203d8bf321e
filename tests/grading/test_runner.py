"""A class is graded in parallel: the same marks, nothing lost, nothing done twice."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster
from nbgrader.converters import Autograde, GenerateFeedback
from tiny_class import GRADE, RIGHT, SANDBOXED, STUDENTS, TINY, course, submit

import course_lib
from course_lib.grading import grade as grading
from course_lib.grading import gradebook, placing, records, runner, workplace
from course_lib.grading.cluster import connect
from course_lib.grading.course import CourseError, configuration, convert, surroundings
from course_lib.grading.grade import grade

FEW = ("amy", "cheat", "mean", "untouched")
ALL_MARKS = ("auto_score", "manual_score", "extra_credit", "needs_manual_grade", "score")


@pytest.fixture(autouse=True)
def same_library(monkeypatch):
    """Count a library as in the fixture `graded`, which nobody edits while tests run."""
    monkeypatch.setattr(records, "LIBRARY", TINY)


def open_gradebook(root):
    return gradebook.open_gradebook(configuration(root))


def dump(root, students):
    """Return all that a gradebook says about some students' work, without ids."""
    found = {}
    with open_gradebook(root) as book:
        for student in students:
            submission = book.find_submission("tiny", student)
            found[student] = (submission.score, submission.needs_manual_grade)
            found[student, "late"] = (submission.timestamp, submission.late_submission_penalty)
            for notebook in submission.notebooks:
                for mark in notebook.grades:
                    found[student, mark.name] = [getattr(mark, name) for name in ALL_MARKS]
                for note in notebook.comments:
                    key = (student, note.name, "comment")
                    found[key] = (note.auto_comment, note.manual_comment)
    return found


def state(root):
    """Return the bytes and the times of all the files of a course."""
    files = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in str(path)]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def copy(root, target, students=FEW):
    """Copy a course with the work of a few students."""
    target = shutil.copytree(root, target)
    for folder in (target / "submitted").iterdir():
        if folder.name not in students:
            shutil.rmtree(folder)
    return target


def one_after_another(root, students):
    """Grade as nbgrader does: each submission in this process, right in the gradebook."""
    config = configuration(root)
    if not SANDBOXED:
        config.ExecutePreprocessor.kernel_name = "python3"
    for student in students:
        for converter in (Autograde, GenerateFeedback):
            convert(converter, config, "tiny", student)


def teach(root):
    """Mark by hand, in automatic cells too, as a teacher does in formgrader."""
    with surroundings(), open_gradebook(root) as book:
        for student in ("amy", "mean"):
            marks = {
                name: book.find_grade(name, "tiny", "tiny", student)
                for name in ("test_total", "explain", "figure")
            }
            marks["test_total"].manual_score, marks["test_total"].extra_credit = 1.0, 0.5
            marks["explain"].manual_score = 3.5
            marks["figure"].manual_score = 2.0
            for mark in marks.values():
                mark.needs_manual_grade = False
            book.find_comment("explain", "tiny", "tiny", student).manual_comment = "Bien joué."
        book.db.commit()


def planned(root, monkeypatch, **options):
    """Return whose submissions `grade` would hand out, without grading them."""
    students = set()

    def note(tasks, **options):
        students.update(task.student for task in tasks)
        yield from ()

    with monkeypatch.context() as patch:
        patch.setattr(grading, "grade_all", note)
        patch.setattr("course_lib.grading.sandbox.unavailable", lambda: "")
        grade(root, "tiny", **options)
    return students - {workplace.TEACHER}


# --- the marks --------------------------------------------------------------------------------


def test_the_marks_are_those_of_nbgrader_one_after_another(graded, tmp_path):
    students = set(STUDENTS) - {"looper", "stubborn"}  # these wait for time limits
    root = copy(graded.fresh, tmp_path / "serial", students)
    one_after_another(root, students)
    assert dump(root, students) == dump(graded.root, students)
    names = [path.name for path in (root / "autograded" / "amy" / "tiny").iterdir()]
    assert names == [p.name for p in (graded.root / "autograded" / "amy" / "tiny").iterdir()]


def test_marks_by_hand_stay_also_those_entered_meanwhile(graded, tmp_path, monkeypatch):
    serial, ours = (copy(graded.root, tmp_path / name) for name in ("serial", "ours"))
    for root in (serial, ours):
        config = root / "nbgrader_config.py"
        config.write_text(config.read_text() + "c.LateSubmissionPlugin.penalty_method = 'zero'\n")
        submit(root, "mean", RIGHT)
        (root / "submitted" / "cheat" / "tiny" / "timestamp.txt").write_text("2026-02-02 00:00 UTC")
        with surroundings(), open_gradebook(root) as book:
            book.update_or_create_assignment("tiny", duedate="2026-01-01 00:00 UTC")
            book.find_grade("explain", "tiny", "tiny", "cheat").manual_score = 4.0
            book.db.commit()
    teach(serial)
    one_after_another(serial, FEW)

    def meanwhile(tasks, **options):
        finished = list(runner.grade_all(tasks, **options))
        teach(ours)
        yield from finished

    monkeypatch.setattr(grading, "grade_all", meanwhile)
    grade(ours, "tiny", sandboxed=SANDBOXED)
    found = dump(ours, FEW)
    assert found["mean", "test_total"] == [3.0, 1.0, 0.5, True, 1.5]
    assert found["amy", "explain", "comment"] == ("No response.", "Bien joué.")
    assert found["cheat", "late"] == (datetime(2026, 2, 2), 4.0)
    assert found == dump(serial, FEW)


def test_sql_is_compiled_once_and_a_workplace_knows_one_student(graded):
    with open_gradebook(graded.fresh) as one, open_gradebook(graded.fresh) as other:
        assert one.engine is other.engine
    shared, _ = gradebook.export(configuration(graded.fresh), "tiny")
    for student in ("amy", "mean"):
        task = workplace.Task(graded.fresh, "tiny", student, (shared,), sandboxed=SANDBOXED)
        assert [row["id"] for row in workplace.grade_submission(task).rows["student"]] == [student]
        with closing(sqlite3.connect(workplace._drawer() / "gradebook.db")) as database:
            assert database.execute("SELECT id FROM student").fetchall() == [(student,)]


def test_a_submission_that_came_into_the_gradebook_meanwhile_is_not_doubled(graded, tmp_path):
    root = copy(graded.fresh, tmp_path / "class")
    place = tmp_path / "place"
    place.mkdir()
    here, there = configuration(root), configuration(root, place)
    shared, _ = gradebook.export(here, "tiny")
    gradebook.create(there, shared)
    with surroundings():
        gradebook.add_submission(there, "tiny", "amy")
        gradebook.add_submission(here, "tiny", "amy")  # under other ids
    rows = gradebook.export(there, "tiny")[1]["amy"]
    for row in rows["grade"]:
        row["auto_score"] = 1.0
    for _ in range(2):
        gradebook.merge(here, rows)
    merged = gradebook.export(here, "tiny")[1]["amy"]
    assert {name: len(found) for name, found in merged.items()} == {
        name: len(found) for name, found in rows.items()
    }
    assert set(gradebook.automatic_marks(shared, merged).values()) == {1.0}
    assert not {row["id"] for row in merged["grade"]} & {row["id"] for row in rows["grade"]}


COMMAND = """\
from typer.testing import CliRunner

from course_lib.cli import app
from course_lib.grading import forkserver, workers

if __name__ == "__main__":
    done = CliRunner().invoke(app, ["grade", "tiny"])
    (own,) = forkserver._servers.values()
    began = [path.stem for path in workers.shared_folder().glob("*.lock")]
    print(done.exit_code, began == [own.address.name], own.has_ended())
"""


@pytest.mark.skipif(not SANDBOXED, reason="kernels are copies in the sandbox only")
def test_the_kernels_of_a_grading_are_copies_of_what_its_command_has_begun_to_load(
    graded, tmp_path
):
    root = copy(graded.fresh, tmp_path / "class")
    (tmp_path / "command.py").write_text(COMMAND)
    command = [sys.executable, tmp_path / "command.py"]
    (tmp_path / "temporary").mkdir()
    here = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
    done = subprocess.run(command, cwd=root, env=here, capture_output=True, text=True)
    assert done.stdout == "0 True False\n", done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []  # also of the workers


# --- what is done again, and what is not ------------------------------------------------------


def test_a_second_run_touches_nothing(graded, tmp_path, monkeypatch):
    root = copy(graded.root, tmp_path / "class", STUDENTS)
    grade(root, "tiny", sandboxed=SANDBOXED)  # the CSV had a broken submission
    before = state(root)
    monkeypatch.setattr(grading, "grade_all", lambda *args, **options: pytest.fail("grades"))
    results = grade(root, "tiny", sandboxed=SANDBOXED)
    assert state(root) == before
    assert {result.student for result in results if result.kept} == set(STUDENTS)
    assert all(result.seconds > 0 for result in results if result.kept)
    output = course(root, *GRADE, "tiny", "--jobs", "2").output
    assert f"{len(STUDENTS)} of {len(results)} had been graded before" in output


def append(name):
    def change(root):
        path = root / name
        path.write_bytes(path.read_bytes() + b"\n")

    return change


def remove(name):
    return lambda root: (shutil.rmtree if (root / name).is_dir() else os.remove)(root / name)


def in_gradebook(change):
    def apply(root):
        with open_gradebook(root) as book:
            change(book)
            book.db.commit()

    return apply


def forget_a_mark(book):
    book.find_grade("test_spread", "tiny", "tiny", "amy").auto_score = None


def set_a_date(book):
    book.update_or_create_assignment("tiny", duedate="2026-01-01 00:00 UTC")


@pytest.mark.parametrize(
    ("change", "whose"),
    [
        (lambda root: None, set()),
        (teach, set()),
        (append("submitted/amy/tiny/tiny.ipynb"), {"amy"}),
        (lambda root: (root / "submitted/amy/tiny/timestamp.txt").write_text("x"), {"amy"}),
        (lambda root: (root / "submitted/amy/tiny/link").symlink_to("/nowhere"), {"amy"}),
        (append("exercises/tiny/tiny.ipynb"), set(FEW)),
        (append("exercises/tiny/data.csv"), set(FEW)),
        (append("solutions/tiny/tiny.py"), set(FEW)),
        (append("solutions/tiny/checks.py"), set(FEW)),
        (append("solutions/tiny/mistakes.py"), set(FEW)),
        (append("solutions/tiny/tiny.ipynb"), set()),  # it is built of tiny.py
        (append("nbgrader_config.py"), set(FEW)),
        (remove("autograded/amy/tiny"), {"amy"}),
        (remove("records/tiny/amy.json"), {"amy"}),
        (lambda root: (root / "records/tiny/amy.json").write_text("{"), {"amy"}),
        (in_gradebook(forget_a_mark), {"amy"}),
        (in_gradebook(lambda book: book.grant_extension("tiny", "amy", days=1)), {"amy"}),
        (in_gradebook(set_a_date), set(FEW)),
    ],
)
def test_what_decides_a_mark_is_graded_again(graded, tmp_path, monkeypatch, change, whose):
    root = copy(graded.root, tmp_path / "class")
    change(root)
    assert planned(root, monkeypatch, sandboxed=SANDBOXED) == whose


def test_another_sandbox_or_another_library_is_another_grading(graded, tmp_path, monkeypatch):
    root = copy(graded.root, tmp_path / "class")
    assert planned(root, monkeypatch, sandboxed=not SANDBOXED) == set(FEW)
    library = shutil.copytree(Path(course_lib.__file__).parent, tmp_path / "library")
    monkeypatch.setattr(records, "LIBRARY", library)
    before = records.shared_fingerprint(root, "tiny")
    append("cli.py")(library)
    assert records.shared_fingerprint(root, "tiny") == before
    append("grading/compare.py")(library)
    assert records.shared_fingerprint(root, "tiny") != before


def test_a_failure_is_tried_again(graded, tmp_path, monkeypatch):
    root = copy(graded.root, tmp_path / "class", {"broken"})
    assert records.read(root, "tiny", "broken").status == "failed"
    assert planned(root, monkeypatch, sandboxed=SANDBOXED) == {"broken"}


def test_an_interrupted_run_is_resumed(graded, tmp_path, monkeypatch):
    root = copy(graded.fresh, tmp_path / "class")
    done = []

    def merge(config, rows):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(rows["student"][0]["id"])
        return gradebook_merge(config, rows)

    gradebook_merge = gradebook.merge
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(gradebook, "merge", merge)
        grade(root, "tiny", sandboxed=SANDBOXED, jobs=2)
    before = state(root / "records")
    assert {path.stem for path in before} == set(done)
    results = grade(root, "tiny", sandboxed=SANDBOXED, jobs=2)
    assert {result.student for result in results if result.kept} == set(done)
    assert before.items() <= state(root / "records").items()
    assert dump(root, FEW) == dump(graded.root, FEW)


def test_a_folder_is_old_or_new_wherever_writing_ends(tmp_path, monkeypatch):
    folder = tmp_path / "autograded" / "amy" / "tiny"
    old, new = ({".": (0o755, None), "tiny.ipynb": (0o444, text)} for text in (b"old", b"new"))
    placing.write_folder(old, folder)
    rename, renamed = Path.rename, []

    def interrupted(path, target):
        if len(renamed) == 1:
            raise KeyboardInterrupt
        renamed.append(target)
        return rename(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", interrupted)
        placing.write_folder(new, folder)
    placing.finish_writing(tmp_path / "autograded", "tiny")
    assert (folder / "tiny.ipynb").read_bytes() == b"old"
    placing.write_folder(new, folder)
    assert (folder / "tiny.ipynb").read_bytes() == b"new"
    assert (folder / "tiny.ipynb").stat().st_mode & 0o777 == 0o444
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


# --- processes that end -----------------------------------------------------------------------


def grade_or_end(task):
    """Grade a submission, but let the process end where it is the second student's."""
    if task.student == "cheat":
        os._exit(1)
    return workplace.grade_submission(task)


def grade_in_no_time(task):
    """Grade with a limit of time that one submission does not keep."""
    seconds = 0.3 if task.student == "mean" else task.seconds
    return workplace.grade_submission(replace(task, seconds=seconds))


@pytest.mark.parametrize(
    ("hook", "victim", "jobs"), [(grade_or_end, "cheat", 3), (grade_in_no_time, "mean", 1)]
)
def test_the_end_of_a_process_is_one_students_failure(
    graded, tmp_path, monkeypatch, hook, victim, jobs
):
    root = copy(graded.fresh, tmp_path / "class")
    monkeypatch.setattr(runner, "grade_submission", hook)
    results = {r.student: r for r in grade(root, "tiny", sandboxed=SANDBOXED, jobs=jobs)}
    assert results[victim].status == "failed"
    assert "the process that graded it ended 2 times (TerminatedWorkerError)" in (
        results[victim].reason
    )
    others = set(FEW) - {victim}
    assert dump(root, others) == dump(graded.root, others)
    with open_gradebook(root) as book:
        assert book.find_grade("test_total", "tiny", "tiny", victim).auto_score is None


def test_a_failure_of_the_solution_stops_everything(graded, tmp_path, monkeypatch):
    root = copy(graded.fresh, tmp_path / "class", {"amy"})
    (root / "solutions" / "tiny" / "checks.py").write_text("1 / 0\n")
    before = state(root)
    with pytest.raises(CourseError, match=r"cannot be graded: .*ZeroDivisionError"):
        grade(root, "tiny", sandboxed=SANDBOXED)
    assert state(root) == before


# --- another database, other machines ---------------------------------------------------------


@contextmanager
def postgresql():
    """Run a PostgreSQL server of our own, which root may not; yield the URL of a database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    if not programs:
        pytest.skip("PostgreSQL is not installed in /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp(prefix="course-", dir="/tmp"))  # a socket's path must be short
    rights = {}
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
        rights = {"user": 65534, "group": 65534, "extra_groups": []}

    def call(program, *arguments):
        command = [programs[-1] / program, "-D", folder / "data", *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **rights)

    try:
        call("initdb", "--no-sync", "--auth=trust", "--username=teacher", "--encoding=UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        call("pg_ctl", "start", "--wait", "--silent", "--log", folder / "log", "--options", options)
        yield f"postgresql+psycopg2://teacher@/postgres?host={folder}"
        call("pg_ctl", "stop", "--mode=immediate", "--silent")
    finally:
        shutil.rmtree(folder)


def test_the_gradebook_may_be_in_postgresql(graded, tmp_path, monkeypatch):
    root = copy(graded.fresh, tmp_path / "class")
    (root / "gradebook.db").unlink()
    with postgresql() as url:
        config = root / "nbgrader_config.py"
        config.write_text(config.read_text() + f"c.CourseDirectory.db_url = {url!r}\n")
        with pytest.raises(CourseError, match="run `course exercises tiny` first"):
            grade(root, "tiny", sandboxed=SANDBOXED)
        monkeypatch.setattr("nbgrader.api.get_alembic_version", lambda: "head")
        assert course(root, "exercises").exit_code == 0
        grade(root, "tiny", sandboxed=SANDBOXED)
        assert dump(root, FEW) == dump(graded.root, FEW)
        assert planned(root, monkeypatch, sandboxed=SANDBOXED) == set()
        teach(root)
        with open_gradebook(root) as book:
            book.grant_extension("tiny", "amy", days=1)
        grade(root, "tiny", sandboxed=SANDBOXED)
        assert dump(root, FEW)["amy", "test_total"] == [3.0, 1.0, 0.5, True, 1.5]
    assert not (root / "gradebook.db").exists()


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes, as on two machines."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        yield cluster


def test_a_worker_of_a_cluster_is_killed_and_nothing_is_lost(graded, tmp_path, cluster):
    root = copy(graded.fresh, tmp_path / "class")
    killed = []

    def kill_one(finished, total):
        for result in finished:
            if not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)
            yield result

    address = cluster.scheduler_address
    results = grade(root, "tiny", sandboxed=SANDBOXED, dask=address, track=kill_one)
    assert killed and [result.status for result in results] == ["needs manual grading"] * 4
    assert dump(root, FEW) == dump(graded.root, FEW)


def test_a_submission_that_ends_all_its_workers_is_given_up(graded, tmp_path, monkeypatch, cluster):
    root = copy(graded.fresh, tmp_path / "class", {"amy", "cheat"})
    monkeypatch.setattr(runner, "grade_submission", grade_or_end)
    amy, cheat = grade(root, "tiny", sandboxed=SANDBOXED, dask=cluster.scheduler_address)
    assert (amy.status, cheat.status) == ("needs manual grading", "failed")
    assert "ended 2 times (KilledWorker)" in cheat.reason


def wait_or_fail(task):
    """Grade nothing, for a while; one task fails, as the one does whose workers ended."""
    time.sleep(0.2)
    if task.student == "s0":
        raise RuntimeError("the workers ended")
    time.sleep(15)


def unfinished(dask_scheduler):
    return {task.state for task in dask_scheduler.tasks.values()} - {"memory", "erred"}


def test_a_cluster_does_not_go_on_with_what_was_given_up(tmp_path, monkeypatch, cluster):
    monkeypatch.setattr(runner, "grade_submission", wait_or_fail)
    tasks = [workplace.Task(tmp_path, "tiny", f"s{i}", ()) for i in range(9)]
    address = cluster.scheduler_address
    with Client(address, set_as_default=False) as client, connect(address) as (make_backend, _):
        # The error holds on to all that joblib had sent, as it does in `grade_all`.
        with pytest.raises(RuntimeError, match="the workers ended") as _error:
            list(runner._round(tasks, [], make_backend(), len(tasks)))
        patience = time.monotonic() + 10
        while (found := client.run_on_scheduler(unfinished)) and time.monotonic() < patience:
            time.sleep(0.1)
        assert not found


def test_a_cluster_that_is_not_there_is_told(graded, monkeypatch):
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        with pytest.raises(CourseError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
            list(runner.grade_all([], dask="tcp://127.0.0.1:9"))
