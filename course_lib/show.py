"""Show the code of the library in a page, without the docstrings that the page replaces."""

import ast
import inspect
import textwrap
from collections.abc import Callable

from IPython.display import Markdown

__all__ = ["source"]


def source(*functions: Callable) -> Markdown:
    """Return the source of functions or classes as a highlighted block.

    Parameters
    ----------
    *functions : function or class
        What to show, in this order.

    Returns
    -------
    IPython.display.Markdown
        A fenced Python block; the last value of a cell is displayed.

    Raises
    ------
    TypeError
        If something without Python source is given.

    Examples
    --------
    >>> print(source(textwrap.dedent).data.splitlines()[1])
    def dedent(text):
    """
    return Markdown("```python\n" + "\n\n\n".join(map(_without_docstrings, functions)) + "\n```")


def _without_docstrings(function: Callable) -> str:
    if not (inspect.isfunction(function) or inspect.isclass(function)):
        raise TypeError(f"functions: expected functions or classes, got {function!r}")
    code = textwrap.dedent(inspect.getsource(function))
    lines = code.splitlines()
    # From the last docstring to the first, so that earlier line numbers stay right.
    for node in sorted(_documented(ast.parse(code)), key=lambda node: -node.body[0].lineno):
        docstring = node.body[0]
        # The blank lines after a docstring go with it.
        end = docstring.end_lineno
        while end < len(lines) and not lines[end].strip():
            end += 1
        del lines[docstring.lineno - 1 : end]
    return "\n".join(lines)


def _documented(tree: ast.AST) -> list[ast.AST]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [n for n in ast.walk(tree) if isinstance(n, kinds) and ast.get_docstring(n)]
