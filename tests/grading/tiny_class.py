"""A tiny course, and a class of students who hand in all that a teacher may meet.

Not in conftest.py: a worker process imports this file by its name, and there are two of those.
"""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from typer.testing import CliRunner

from course_lib.cli import app
from course_lib.grading import sandbox

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parent / "fixtures" / "tiny"
SANDBOXED = not sandbox.unavailable()
GRADE = ["grade"] if SANDBOXED else ["grade", "--no-sandbox"]

RIGHT = {
    "total": "def total(values):\n    return float(np.sum(values))",
    "spread": """\
def spread(values):
    if len(values) == 0:
        raise ValueError("nothing")
    return min(values), max(values)""",
}

NOISY = {
    **RIGHT,
    "total": """\
import logging, sys, warnings
def total(values):
    warnings.warn("a warning")
    logging.warning("a log")
    print("on stderr", file=sys.stderr)
    print("printed")
    np.float64(1.0) / np.float64(0.0)
    return float(np.sum(values))""",
}
# An honest habit: begin each exercise with no variables.
RESETTER = {"spread": f"%reset -f\nimport numpy as np\n\n{RIGHT['spread']}"}
MEAN = {"total": "def total(values):\n    return sum(values) / len(values)"}
KILLER = {"spread": "import os\ndef spread(values):\n    os._exit(0)"}
LOOPER = {
    "total": """\
def total(values):
    while len(values) > 10:
        pass
    return sum(values)""",
    "spread": "def spread(values):\n    while True:\n        pass",
}
STUBBORN = {
    "spread": """\
import time
def spread(values):
    while len(values) < 2:
        try:
            time.sleep(100)
        except KeyboardInterrupt:
            pass
    return min(values), max(values)"""
}
CHEAT = {
    "total": """\
from course_lib.grading import checks, compare
import ast, builtins, math
checks.difference = compare.difference = lambda *args, **kwargs: None
np.testing.assert_allclose = np.isclose = np.all = lambda *args, **kwargs: True
math.fsum = builtins.sum = lambda *args: 100
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(NoAsserts())
def total(values):
    return 3.0""",
    "spread": """\
class Equal:
    def __eq__(self, other):
        return True
def spread(values):
    return Equal()""",
}
FLOOD = {
    "total": """\
for _ in range(3):
    print("x" * 2_500_000, flush=True)
def total(values):
    return float(np.sum(values))""",
    "spread": """\
def spread(values):
    print("y" * 1_000_000)
    return np.zeros(10_000_000) if len(values) == 1 else (min(values), max(values))""",
}
ARTIST = {
    "total": """\
import matplotlib.pyplot as plt
def total(values):
    plt.plot(values)
    return sum(values)"""
}
QUITTER = {
    "spread": """\
def spread(values):
    if len(values) < 2:
        exit()
    return min(values), max(values)"""
}
# student: (changed answers, a cell added after the first test cell)
STUDENTS = {
    "amy": (NOISY, None),  # right, and loud
    "untouched": ({}, None),
    "mean": (RIGHT | MEAN, "3.0"),
    "resetter": (RIGHT | RESETTER, None),
    "leaver": (RIGHT, "exit()"),
    "killer": (RIGHT | KILLER, None),
    "looper": (RIGHT | LOOPER, None),
    "stubborn": (RIGHT | STUBBORN, None),
    "cheat": (CHEAT, "3.0"),
    "flood": (FLOOD, None),
    "artist": (RIGHT | ARTIST, None),
    "quitter": (RIGHT | QUITTER, None),
}


def make_course(root: Path) -> Path:
    """Make a course that holds the tiny assignment, with little patience for endless loops."""
    shutil.copytree(TINY, root / "solutions" / "tiny")
    config = (ROOT / "nbgrader_config.py").read_text()
    config += "c.Execute.timeout = 3\nc.Execute.iopub_timeout = 2\n"
    if not SANDBOXED:  # for nbgrader's own commands
        config += "c.ExecutePreprocessor.kernel_name = 'python3'\n"
    (root / "nbgrader_config.py").write_text(config)
    return root


def submit(root: Path, student: str, answers: dict[str, str], added: str | None = None) -> None:
    """Hand in the released notebook with other answers, and with a cell of the student's own."""
    notebook = nbformat.read(root / "exercises" / "tiny" / "tiny.ipynb", as_version=4)
    for index, cell in reversed(list(enumerate(notebook.cells))):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(grade_id, cell.source)
        if grade_id == "test_total" and added:
            notebook.cells.insert(index + 1, new_code_cell(added))
    folder = root / "submitted" / student / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / "tiny.ipynb")


def course(root: Path, *arguments: str):
    """Run the ``course`` command in a course."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("COLUMNS", "200")
        return CliRunner().invoke(app, list(arguments))
