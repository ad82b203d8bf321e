"""Attacks by what is handed in: names, links, odd files, edited and damaged notebooks."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from hostile.attack import NO_MARK, NOTHING, Attack, write
from hostile.forging import CONSTANT

MODULE = """\
print("@MARKER@ pwned")
import builtins, sys
def total(values): return float(sum(values))
def spread(values): return min(values), max(values)
builtins.total, builtins.spread = total, spread
sys.modules["__main__"].total, sys.modules["__main__"].spread = total, spread
"""
MODULES = ("ipykernel_launcher", "sitecustomize", "usercustomize", "numpy", "json", "base64")


def odd_names(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    write(folder, notebook, place)
    names = ["..\\..\\evil.ipynb", "%2e%2e%2fevil.ipynb", "a\nb.ipynb", "-rf", "$(touch x).ipynb"]
    names += ["x" * 240 + ".ipynb", "<script>.ipynb", "~", "C:evil.ipynb", "\udc80.ipynb", "*.txt"]
    for name in names:
        (folder / name).write_text("{}")


def shadow_modules(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    write(folder, notebook, place)
    (folder / "course_lib" / "grading").mkdir(parents=True)
    for name in (*MODULES, "course_lib/__init__", "course_lib/grading/__init__"):
        (folder / f"{name}.py").write_text(MODULE)
    (folder / "data.csv").write_text("value\n999\n")
    (folder / "nbgrader_config.py").write_text("raise SystemExit('pwned')")


def link(target: str, name: str = "tiny.ipynb", honest: bool = False) -> Callable:
    """Return a ``hand_in`` that makes a link, beside an honest notebook or in its place."""

    def hand_in(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
        if honest:
            write(folder, notebook, place)
        (folder / name).symlink_to(target.format(**vars(place)))

    return hand_in


def odd_links(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    write(folder, notebook, place)
    for name, target in {
        "key.ipynb": f"{place.home}/.ssh/id_rsa",
        "notes.txt": f"{place.home}/.ssh/id_rsa",
        "timestamp.txt": f"{place.home}/.ssh/id_rsa",
        "data.csv": f"{place.root}/solutions/tiny/checks.py",
        "nowhere": "no such file",
        "circle": "circle",
        "self": ".",
        "above": "../../..",
        "everything": "/",
    }.items():
        (folder / name).symlink_to(target)


def link_to_folder(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    folder.rmdir()
    folder.symlink_to(place.root / "submitted" / "0-honest-first" / "tiny")


def link_to_student(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    folder.rmdir()
    folder.parent.rmdir()
    folder.parent.symlink_to(place.root / "submitted" / "0-honest-first")


def pipe(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    os.mkfifo(folder / "tiny.ipynb")


def odd_files(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    write(folder, notebook, place)
    os.mkfifo(folder / "timestamp.txt")
    os.mkfifo(folder / "other.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        where = Path.cwd()
        os.chdir(folder)  # a socket's path has 107 bytes
        try:
            server.bind("socket.ipynb")
        finally:
            os.chdir(where)
    (folder / "folder.ipynb").mkdir()
    deep = folder / "/".join(["deep"] * 200)
    deep.mkdir(parents=True)
    nbformat.write(notebook, deep / "tiny.ipynb")
    for number in range(300):
        (folder / f"empty{number}.ipynb").touch()


def locked_file(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    (folder / "tiny.ipynb").mkdir()


FILES = [
    Attack(
        "odd-names", "File names that climb, command, hide or break.", (3, 2), hand_in=odd_names
    ),
    Attack(
        "shadow-modules",
        "Hands in modules that stand in for Python's, NumPy's and the course's.",
        (0, 0),
        base={"total": "import numpy, json, course_lib", "spread": "import base64"},
        hand_in=shadow_modules,
    ),
    Attack(
        "link-classmate",
        "The notebook is a link to a classmate's.",
        NO_MARK,
        reason="is a link",
        hand_in=link("{root}/submitted/0-honest-first/tiny/tiny.ipynb"),
    ),
    Attack(
        "link-solution",
        "The notebook is a link to the teacher's solution.",
        NO_MARK,
        reason="is a link",
        hand_in=link("{root}/solutions/tiny/tiny.ipynb"),
    ),
    Attack(
        "link-dangling",
        "The notebook is a link to nowhere.",
        NO_MARK,
        reason="is a link",
        hand_in=link("nowhere.ipynb"),
    ),
    Attack(
        "link-folder",
        "The assignment's folder is a link to a classmate's.",
        NO_MARK,
        reason="a link was handed in",
        hand_in=link_to_folder,
    ),
    Attack(
        "link-student",
        "The student's whole folder is a link to a classmate's.",
        NO_MARK,
        hand_in=link_to_student,
    ),
    Attack(
        "odd-links",
        "Links to a private key, to the checks, to itself, to everything.",
        (3, 2),
        hand_in=odd_links,
    ),
    Attack(
        "pipe",
        "A pipe that nobody writes into, in place of the notebook.",
        NO_MARK,
        reason="no notebook was handed in",
        hand_in=pipe,
    ),
    Attack(
        "odd-files",
        "Pipes, a socket, folders named as notebooks, 200 folders deep, 300 empty ones.",
        (3, 2),
        hand_in=odd_files,
    ),
    Attack(
        "folder-for-notebook",
        "A folder that is named as the notebook.",
        NO_MARK,
        reason="no notebook was handed in",
        hand_in=locked_file,
    ),
]


# --- notebooks --------------------------------------------------------------------------------


def edited(edit: Callable[[NotebookNode], object]) -> Callable:
    """Return a ``hand_in`` that edits the notebook, and writes it without a complaint."""

    def hand_in(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
        result = edit(notebook)
        result = notebook if result is None else result
        text = result if isinstance(result, (str, bytes)) else json.dumps(result)
        data = text if isinstance(text, bytes) else text.encode()
        (folder / "tiny.ipynb").write_bytes(data)

    return hand_in


def tests_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if tag_of(cell).get("points") and _is_code(cell)]


def tag_of(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def _is_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code"


def more_points(notebook):
    for cell in tests_of(notebook):
        cell.metadata.nbgrader.points = 100
        cell.source = "100.0"


def bonus_cell(notebook):
    tag = {"grade": True, "grade_id": "bonus", "locked": True, "points": 100, "solution": False}
    cell = new_code_cell("100.0", metadata={"nbgrader": tag | {"schema_version": 3, "task": False}})
    notebook.cells += [cell, new_code_cell("100.0", metadata={"nbgrader": tag})]


def no_tests(notebook):
    notebook.cells = [cell for cell in notebook.cells if cell not in tests_of(notebook)]


def copied_tests(notebook):
    for cell in tests_of(notebook):
        copy = nbformat.from_dict(cell)
        copy.source = "pass"
        notebook.cells += [copy, nbformat.from_dict(copy)]


def flipped_flags(notebook):
    for cell, flag in zip(tests_of(notebook), ("solution", "grade"), strict=True):
        cell.metadata.nbgrader[flag] = not cell.metadata.nbgrader[flag]
        cell.metadata.nbgrader.locked = False
        cell.source = "pass"


def tests_in_words(notebook):
    for cell in tests_of(notebook):
        cell["cell_type"], cell.source = "markdown", "passed"
        del cell["outputs"], cell["execution_count"]


def forged_outputs(notebook):
    for cell in notebook.cells:
        if _is_code(cell):
            result = new_output("execute_result", {"text/plain": "100.0"}, execution_count=1)
            cell.outputs = [new_output("stream", text="Hidden checks: 5 of 5 points\n"), result]


def odd_metadata(notebook):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = {"kernelspec": kernel, "widgets": {"x": 1}, "celltoolbar": {}}
    values = [None, [], {"grade_id": ["total"]}, {"grade_id": None}, 7, {"schema_version": {}}]
    for cell, value in zip(notebook.cells[2:], values, strict=False):
        cell.metadata = {"nbgrader": value, "editable": "no", "tags": {"a": 1}}


def schema_99(notebook):
    for cell in notebook.cells:
        if tag_of(cell):
            cell.metadata.nbgrader["schema_version"] = 99
            cell.metadata.nbgrader["checksum"] = "0"


def format_3(notebook):
    with_format_3 = nbformat.convert(notebook, 3)
    return nbformat.writes(with_format_3, version=nbformat.NO_CONVERT)


def format_9(notebook):
    notebook["nbformat"], notebook["nbformat_minor"] = 9, 99


def with_accent(notebook):
    notebook.cells[0].source += "\né"
    return json.dumps(notebook, ensure_ascii=False)


def too_large(notebook):
    notebook.cells[0].source = "x" * 51_000_000


def many_cells(notebook):
    """Add 50,000 cells that are none."""
    text = json.dumps(notebook)
    return text.replace('"cells": [', '"cells": [' + "{}," * 50_000, 1)


def odd_numbers(notebook):
    notebook.metadata["odd"] = [float("nan"), float("-inf"), 10**400]
    return json.dumps(notebook).replace('"execution_count": null', '"execution_count": 1e999')


def for_nothing(name: str, what: str, edit: Callable) -> Attack:
    return Attack(name, what, (0, 0), base=NOTHING, hand_in=edited(edit))


def unreadable(name: str, what: str, edit: Callable, reason: str) -> Attack:
    return Attack(name, what, NO_MARK, reason=reason, hand_in=edited(edit))


def readable(name: str, what: str, edit: Callable) -> Attack:
    return Attack(name, what, (3, 2), hand_in=edited(edit))


def zip_file(folder: Path, notebook: NotebookNode, place: SimpleNamespace) -> None:
    write(folder, notebook, place)
    archive = shutil.make_archive(str(folder.parent / "archive"), "zip", folder)
    os.replace(archive, folder / "tiny.ipynb")


NOTEBOOKS = [
    for_nothing("more-points", "The tests are worth 100 points and return them.", more_points),
    for_nothing("bonus-cell", "New test cells, worth 100 points each.", bonus_cell),
    for_nothing("no-tests", "The test cells are deleted.", no_tests),
    for_nothing(
        "copied-tests", "Copies of the test cells that pass, with the same ids.", copied_tests
    ),
    for_nothing(
        "flipped-flags", "Test cells are declared answers, or without a mark.", flipped_flags
    ),
    for_nothing("tests-in-words", "Test cells become texts.", tests_in_words),
    Attack(
        "forged-outputs",
        "Outputs that hold full marks are saved in the notebook.",
        (0, 0),
        base=CONSTANT,
        hand_in=edited(forged_outputs),
    ),
    readable(
        "odd-metadata", "Metadata of no sense, and a kernel outside the sandbox.", odd_metadata
    ),
    readable("schema-99", "Cells of a version that does not exist.", schema_99),
    readable("format-3", "A notebook in the format of 2013.", format_3),
    readable("format-9", "A notebook in a format that does not exist.", format_9),
    readable(
        "bom",
        "A byte order mark at the start.",
        lambda n: b"\xef\xbb\xbf" + with_accent(n).encode(),
    ),
    readable("latin-1", "Accents in Latin-1.", lambda n: with_accent(n).encode("latin-1")),
    readable("utf-16", "The file in UTF-16.", lambda n: with_accent(n).encode("utf-16")),
    readable("odd-numbers", "JSON with NaN and infinities.", odd_numbers),
    readable("many-cells", "50,000 cells that are none.", many_cells),
    unreadable("truncated", "Half a file.", lambda n: json.dumps(n)[:900], "cut off"),
    unreadable("empty", "An empty file.", lambda n: b"", "the file is empty"),
    unreadable("zeros", "A file of zeros.", lambda n: bytes(10_000), "the file is empty"),
    unreadable(
        "no-json", "A picture, renamed.", lambda n: b"\x89PNG\r\n" + bytes(range(256)), "not JSON"
    ),
    unreadable("no-notebook", "JSON that is no notebook.", lambda n: "[1, 2]", "it has no cells"),
    unreadable("deep-json", "JSON nested 100,000 deep.", lambda n: "[" * 100_000, "no notebook"),
    unreadable("too-large", "A file of 51 MB.", too_large, "larger than 20 MB"),
    Attack("zip", "A zip, renamed.", NO_MARK, reason="not JSON", hand_in=zip_file),
]
