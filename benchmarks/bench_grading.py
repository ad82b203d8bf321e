"""Time a class: ``nbgrader autograde``, one submission after another, against ``course grade``.

Run ``python benchmarks/bench_grading.py numpy 100``, ``... keras 40`` or ``... dask 1000``; the
number is that of the submissions. The first two grade the same class in two copies of a course,
each by its command and in the sandbox, compare all automatic marks, and print the ratio of the
wall times. nbgrader starts each kernel anew; ``course grade`` also grades the teacher's solution
and writes the CSV. A Keras submission loads TensorFlow and fits one small network. The third grades
a class on a cluster of local processes, kills one of them half-way, and prints the time and the
largest memory of all processes together. The exit status is 1 when a mark differs or a submission
is lost, or when a class that is large enough misses the ratio that is promised.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROMISED = {"numpy": (100, 6.0), "keras": (40, 15.0)}  # submissions, ratio
NUMPY = "01-metrics"

KERAS_TEXT = '''\
# %% [markdown]
# # A small network

# %% tags=["locked:imports"]
import keras
import numpy as np


# %% tags=["answer:build"]
def build(units):
    """Return a network of four inputs, one hidden layer and one output."""
    ### BEGIN SOLUTION
    layer = keras.layers.Dense
    return keras.Sequential([keras.Input((4,)), layer(units, activation="relu"), layer(1)])
    ### END SOLUTION


# %% tags=["locked:fit"]
network = build(8)
network.compile(loss="mse")
network.fit(np.ones((32, 4)), np.ones((32, 1)), verbose=0)


# %% tags=["answer:count"]
def count(units):
    """Return the number of parameters of such a network."""
    ### BEGIN SOLUTION
    return build(units).count_params()
    ### END SOLUTION


# %% tags=["test:test_count:2"]
assert count(1) == 7
'''
KERAS_CHECKS = '''\
from course_lib.grading.checks import Case, check


@check("test_count", function="count", points=2)
def parameters_are_counted(rng):
    """Each unit has five parameters and one weight to the output, which has a bias."""
    yield Case(args=(2,), expected=13)
    yield Case(args=(3,), expected=19)
'''
KERAS_MISTAKES = "from course_lib.grading.checks import mistake\n" + "".join(
    f'''

@mistake("count", hint="Count again.")
def wrong_by_{number}(units):
    """Counts {number} too many."""
    return 6 * units + 1 + {number}
'''
    for number in range(1, 6)
)


def run(root: Path, *command: str) -> float:
    """Run a command in a course; return its wall time in seconds."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    start = time.perf_counter()
    done = subprocess.run(
        [programs / command[0], *command[1:]], cwd=root, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
    return time.perf_counter() - start


def make_class(root: Path, kind: str, size: int) -> str:
    """Make a course and a class that handed in: one student in four answered nothing."""
    root.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", root)
    assignment = "keras-fit" if kind == "keras" else NUMPY
    folder = root / "solutions" / assignment
    if kind == "keras":
        folder.mkdir(parents=True)
        (folder / f"{assignment}.py").write_text(KERAS_TEXT)
        (folder / "checks.py").write_text(KERAS_CHECKS)
        (folder / "mistakes.py").write_text(KERAS_MISTAKES)
    else:
        ignored = shutil.ignore_patterns("*.ipynb", "__pycache__")
        shutil.copytree(ROOT / "solutions" / assignment, folder, ignore=ignored)
    run(root, "course", "exercises", assignment)
    for number in range(size):
        target = root / "submitted" / f"student{number:04}" / assignment
        target.mkdir(parents=True)
        given = root / ("solutions" if number % 4 else "exercises") / assignment
        shutil.copy(given / f"{assignment}.ipynb", target)
    return assignment


def marks(root: Path, assignment: str) -> dict[str, dict[str, float]]:
    """Return all automatic marks of a class."""
    from course_lib.grading import gradebook
    from course_lib.grading.course import configuration, surroundings

    with surroundings():
        shared, students = gradebook.export(configuration(root), assignment)
    return {s: gradebook.automatic_marks(shared, rows) for s, rows in students.items()}


def compare(folder: Path, kind: str, size: int) -> int:
    """Grade a class by both commands; return the exit status."""
    ours, stock = folder / "ours", folder / "stock"
    assignment = make_class(ours, kind, size)
    shutil.copytree(ours, stock)
    with (stock / "nbgrader_config.py").open("a") as config:
        config.write("c.Sandbox.fork = False\n")  # a new Python for each kernel, as nbgrader does
    theirs = run(stock, "nbgrader", "autograde", assignment)
    mine = run(ours, "course", "grade", assignment)
    equal = marks(ours, assignment) == marks(stock, assignment)
    least, promised = PROMISED[kind]
    print(f"{size} submissions of {assignment}, {os.cpu_count()} cores")
    print(f"  nbgrader autograde  {theirs:8.1f} s  {theirs / size:6.2f} s each")
    print(f"  course grade        {mine:8.1f} s  {mine / size:6.2f} s each")
    print(f"  ratio               {theirs / mine:8.1f}    promised: {promised:g} from {least} on")
    print(f"  marks               {'equal' if equal else 'DIFFERENT'}")
    return int(not equal or (size >= least and theirs / mine < promised))


class Memory(threading.Thread):
    """Watch the memory of this process and of all its descendants."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.done = threading.Event()

    def run(self) -> None:
        """Look twice a second."""
        import psutil

        me = psutil.Process()
        while not self.done.wait(0.5):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_info().rss
                except psutil.Error:  # it has just ended
                    continue
            self.peak = max(self.peak, total)


def cluster(folder: Path, size: int) -> int:
    """Grade a class on a cluster of which a worker is killed half-way; return the exit status."""
    from distributed import LocalCluster

    from course_lib.grading.grade import grade

    assignment = make_class(folder / "class", "numpy", size)
    killed = []

    def kill_one(finished: Iterable, total: int) -> Iterator:
        for number, graded in enumerate(finished, 1):
            if number == max(1, total // 2):
                victim = next(iter(machines.workers.values())).pid
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)
            yield graded

    memory = Memory()
    memory.start()
    with LocalCluster(threads_per_worker=1, dashboard_address=":0") as machines:
        start, n_workers = time.perf_counter(), len(machines.workers)
        address = machines.scheduler_address
        results = grade(folder / "class", assignment, dask=address, track=kill_one)
        seconds = time.perf_counter() - start
    memory.done.set()
    lost = [r.student for r in results if r.status not in ("graded", "needs manual grading")]
    print(f"{size} submissions of {assignment}, {n_workers} workers, {len(killed)} of them killed")
    print(f"  time         {seconds:8.1f} s  {seconds / size:6.2f} s each")
    print(f"  peak memory  {memory.peak / 1e6:8.0f} MB of all processes together")
    print(f"  lost         {len(lost):8} {' '.join(lost[:5])}")
    return int(bool(lost) or len(results) != size or not killed)


def main(kind: str, size: int) -> int:
    """Run one of the benchmarks; return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        return cluster(folder, size) if kind == "dask" else compare(folder, kind, size)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("numpy", "keras", "dask"):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
