"""Point out to the teacher what a student's code does around the exercise; nobody is punished."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["find_flags"]

CALLS = ("__import__", "compile", "eval", "exec", "get_ipython")


def find_flags(notebook: NotebookNode, given: set[str]) -> list[str]:
    """List what the cells that a student wrote do around the exercise.

    Parameters
    ----------
    notebook : NotebookNode
        A submission.
    given : set of str
        Sources of the cells that came with the assignment.

    Returns
    -------
    list of str
        E.g. ``["imports course_lib"]``; each flag once, sorted.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook
    >>> cell = new_code_cell("from course_lib.metrics import f1\\n%cd ..\\nexec('x = 1')")
    >>> find_flags(new_notebook(cells=[cell]), given=set())
    ['imports course_lib', 'uses exec']
    """
    flags = set()
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source not in given:
            flags.update(_flags_of(cell.source))
    return sorted(flags)


def _flags_of(source: str) -> Iterator[str]:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith("%")]
    if any(line.lstrip().startswith("!") for line in lines):
        yield "runs a shell command"
    try:
        tree = ast.parse("\n".join(line for line in lines if not line.lstrip().startswith("!")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # such a cell does not run either
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in CALLS:
            yield f"uses {node.id}"
        for module in _imported(node):
            if module.split(".")[0] == "course_lib":
                yield "imports course_lib"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
