"""What an attack is, and how its submission is written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

RIGHT = {
    "total": "def total(values):\n    return float(np.sum(values))",
    "spread": """\
def spread(values):
    if len(values) == 0:
        raise ValueError("nothing")
    return min(values), max(values)""",
}
NOTHING = {
    "total": "def total(values):\n    return None",
    "spread": "def spread(values):\n    return None",
}
NO_MARK = (None, None)  # no points, and perhaps not even a mark


def write(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    """Hand in a notebook as an honest student does."""
    nbformat.write(notebook, folder / "tiny.ipynb")


@dataclass(frozen=True)
class Attack:
    """One hostile submission, and what must come of it.

    Parameters
    ----------
    name : str
        Also the student's id.
    what : str
        What it does, in words.
    marks : tuple
        The exact marks of ``test_total`` (of 3) and ``test_spread`` (of 2).
    answers : dict
        Answers by grade id, on top of ``base``.
    first, middle, last : str
        Cells of code: after the imports, after the first test cell, at the end.
    reason : str
        Words that the student, or the teacher where nothing ran, is told.
    base : dict
        Right answers for an attack that breaks something, empty ones for one that wants points.
    hand_in : callable
        ``hand_in(folder, notebook, place)`` writes the files.
    """

    name: str
    what: str
    marks: tuple[float | None, float | None]
    answers: dict[str, str] = field(default_factory=dict)
    first: str = ""
    middle: str = ""
    last: str = ""
    reason: str = ""
    base: dict[str, str] = field(default_factory=lambda: RIGHT)
    hand_in: Callable[[Path, NotebookNode, SimpleNamespace], None] = write


def fill(release: NotebookNode, attack: Attack, place: SimpleNamespace) -> NotebookNode:
    """Return the released notebook with an attack's answers and cells; ``@NAME@`` is a place."""
    notebook = nbformat.from_dict(release)
    answers = attack.base | attack.answers
    after = {"imports": attack.first, "test_total": attack.middle, "figure": attack.last}
    cells = []
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = located(answers.get(name, cell.source), place)
        cells.append(cell)
        if after.get(name):
            cells.append(new_code_cell(located(after[name], place)))
    if "extra" in answers:
        cells.append(new_markdown_cell(located(answers["extra"], place)))
    notebook.cells = cells
    return notebook


def located(code: str, place: SimpleNamespace) -> str:
    """Put the paths and numbers of a run into a code."""
    for name, value in vars(place).items():
        code = code.replace(f"@{name.upper()}@", str(value))
    return code
