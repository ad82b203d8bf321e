"""An assignment's text, with one short tag for each graded cell, becomes a notebook.

::

    # %% tags=["answer:f1"]             code answer, with a solution region
    # %% tags=["test:test_f1:2"]        checks, 2 points
    # %% tags=["locked:imports"]        code that students cannot change
    # %% [markdown] tags=["manual:explain:4"]   4 points, graded by hand
    # %% [markdown] tags=["task:figure:2"]      2 points for whatever students add below
"""

from __future__ import annotations

import ast
import math
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.grading.course import CourseError

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["BEGIN", "END", "convert", "read", "solution_regions"]

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


@dataclass(frozen=True)
class Kind:
    """What a kind of cell is to nbgrader, and what its tag looks like."""

    cell_type: str
    example: str
    grade: bool = False
    locked: bool = False
    solution: bool = False
    task: bool = False

    @property
    def has_points(self) -> bool:
        """Say whether the tag ends with points."""
        return self.grade or self.task


KINDS = {
    "answer": Kind("code", "answer:f1", solution=True),
    "test": Kind("code", "test:test_f1:2", grade=True, locked=True),
    "manual": Kind("markdown", "manual:explain:4", grade=True, solution=True),
    "task": Kind("markdown", "task:figure:2", locked=True, task=True),
    "locked": Kind("code", "locked:imports", locked=True),
}


@dataclass(frozen=True)
class Tag:
    """A short tag, read."""

    name: str
    grade_id: str
    points: float | None

    @property
    def kind(self) -> Kind:
        """Return the kind of the cell."""
        return KINDS[self.name]

    def metadata(self) -> dict:
        """Return the cell's nbgrader metadata, schema 3."""
        kind = self.kind
        fields = {
            "grade": kind.grade,
            "grade_id": self.grade_id,
            "locked": kind.locked,
            "schema_version": 3,
            "solution": kind.solution,
            "task": kind.task,
        }
        return fields | ({"points": self.points} if kind.has_points else {})


def read(path: Path) -> NotebookNode:
    """Read the text of an assignment.

    Parameters
    ----------
    path : Path
        ``solutions/<assignment>/<assignment>.py``, a jupytext py:percent text.

    Returns
    -------
    NotebookNode
        The teacher's notebook, see `convert`.

    Raises
    ------
    CourseError
        When the file is missing, or when a cell is not as it should be.
    """
    if not path.is_file():
        raise CourseError(f"{path}: missing; an assignment is a folder with a text of its name")
    return deepcopy(_converted(path.read_text(encoding="utf-8"), path.name))


@lru_cache(maxsize=16)
def _converted(text: str, name: str) -> NotebookNode:
    """Convert once what is read several times for each submission."""
    return convert(text, name)


def convert(text: str, name: str) -> NotebookNode:
    """Make the teacher's notebook of an assignment's text; equal texts give equal notebooks.

    Parameters
    ----------
    text : str
        A jupytext py:percent text.
    name : str
        Name of the file, for the messages.

    Returns
    -------
    NotebookNode
        Notebook with nbgrader's metadata, without outputs.

    Raises
    ------
    CourseError
        When a cell is not as it should be: the message has the file, the cell's number and what
        to write instead.

    Examples
    --------
    >>> notebook = convert('# %% tags=["locked:imports"]\\nimport math\\n', "demo.py")
    >>> notebook.cells[0].metadata.nbgrader.grade_id
    'imports'
    """
    import jupytext

    notebook = jupytext.reads(text, fmt="py:percent")
    seen: dict[str, int] = {}
    for number, cell in enumerate(notebook.cells, 1):
        try:
            _expand(cell, number, seen)
        except ValueError as error:
            raise CourseError(f"{name}, cell {number}: {error}") from None
    notebook.metadata = _notebook_metadata()
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _notebook_metadata() -> NotebookNode:
    from nbformat import from_dict

    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})


def _expand(cell: NotebookNode, number: int, seen: dict[str, int]) -> None:
    tag = _find_tag(cell)
    _check_markers(cell, tag)
    if tag and tag.name == "answer":
        _check_answer(cell.source, tag.grade_id)
    cell["id"] = f"{tag.name}-{tag.grade_id}"[:64] if tag else f"cell-{number}"
    cell.metadata.clear()
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if tag:
        if tag.grade_id in seen:
            raise ValueError(
                f"the id {tag.grade_id!r} is taken by cell {seen[tag.grade_id]}: write another one"
            )
        seen[tag.grade_id] = number
        cell.metadata["nbgrader"] = tag.metadata()


def _find_tag(cell: NotebookNode) -> Tag | None:
    tags = cell.metadata.get("tags", [])
    if not tags:
        return None
    if len(tags) > 1:
        raise ValueError(f"one tag for each cell, not {len(tags)}: {', '.join(tags)}")
    tag = _read_tag(tags[0])
    if cell.cell_type != tag.kind.cell_type:
        header = "# %%" + (" [markdown]" if tag.kind.cell_type == "markdown" else "")
        raise ValueError(
            f"{tag.name} is for a {tag.kind.cell_type} cell: "
            f'write {header} tags=["{tag.kind.example}"]'
        )
    return tag


def _read_tag(text: str) -> Tag:
    name, *fields = text.split(":")
    if name not in KINDS:
        raise ValueError(f"unknown tag {text!r}: write one of {', '.join(KINDS)}, then :id")
    example = f'write tags=["{KINDS[name].example}"]'
    if len(fields) != 1 + KINDS[name].has_points:
        parts = "an id and points" if KINDS[name].has_points else "an id, and no points"
        raise ValueError(f"the tag {text!r} needs {parts}: {example}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", fields[0]):
        raise ValueError(f"the id {fields[0]!r} may hold letters, digits, - and _ only: {example}")
    return Tag(name, fields[0], _read_points(fields[1], example) if len(fields) > 1 else None)


def _read_points(text: str, example: str) -> float:
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not (math.isfinite(points) and points > 0):
        raise ValueError(f"points are a positive number, not {text!r}: {example}")
    return int(points) if points.is_integer() else points


def _check_answer(source: str, function: str) -> None:
    regions = solution_regions(source)
    if not regions:
        raise ValueError(f"answer without a solution region: write {BEGIN} and {END} lines")
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"not Python: {error}") from None
    if [node.name for node in body if isinstance(node, ast.FunctionDef)] != [function]:
        raise ValueError(f"an answer defines one function of the name of its id: def {function}")


def _check_markers(cell: NotebookNode, tag: Tag | None) -> None:
    """Refuse a line that looks like a marker of nbgrader and is not one."""
    for line in map(str.strip, cell.source.splitlines()):
        if not re.match(r"[#=]+\s*(BEGIN|END)\b", line, flags=re.IGNORECASE):
            continue
        if re.search("HID|TEST", line, flags=re.IGNORECASE):
            raise ValueError(f"{line!r}: hidden checks belong in checks.py, not in the notebook")
        if line not in (BEGIN, END):
            raise ValueError(f"unknown marker {line!r}: write {BEGIN} or {END}")
        if not (tag and tag.kind.solution):
            raise ValueError('a solution in a cell that is no answer: write tags=["answer:..."]')
    solution_regions(cell.source)


def solution_regions(source: str) -> list[str]:
    """Return the text of each solution region of a cell.

    Parameters
    ----------
    source : str
        Source of a cell.

    Returns
    -------
    list of str
        The lines between the markers, for each pair of markers.

    Raises
    ------
    ValueError
        When the markers do not come in pairs.

    Examples
    --------
    >>> solution_regions("def f():\\n    ### BEGIN SOLUTION\\n    return 1\\n    ### END SOLUTION")
    ['    return 1']
    """
    regions: list[str] = []
    inside: list[str] | None = None
    for line in source.splitlines():
        if line.strip() in (BEGIN, END):
            if (inside is None) != (line.strip() == BEGIN):
                raise ValueError(f"{line.strip()} without its pair: write {BEGIN}, then {END}")
            if inside is not None:
                regions.append("\n".join(inside))
            inside = [] if inside is None else None
        elif inside is not None:
            inside.append(line)
    if inside is not None:
        raise ValueError(f"{BEGIN} without its pair: write {END} after the solution")
    return regions
