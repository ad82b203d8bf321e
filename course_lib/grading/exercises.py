"""Build what students receive, and refuse to release what they must not see."""

from __future__ import annotations

import ast
import filecmp
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.grading import checks, source
from course_lib.grading.course import CourseError, alone, configuration, convert, surroundings

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config

__all__ = ["build", "find_assignments", "prepare"]

FEWEST_MISTAKES = 5  # named wrong answers for each test cell
MARKER = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
LONG_LINE = 20  # characters from which a line of code is recognised as copied


def find_assignments(root: Path) -> list[str]:
    """List the assignments of a course.

    Parameters
    ----------
    root : Path
        Root of the course.

    Returns
    -------
    list of str
        Names of the folders of ``solutions/``, sorted.
    """
    return sorted(folder.name for folder in (root / "solutions").glob("[!._]*") if folder.is_dir())


def build(root: Path, assignments: list[str], check: bool = False) -> list[str]:
    """Build ``exercises/<assignment>/`` of the texts in ``solutions/<assignment>/``.

    Everything happens in a temporary folder first: an assignment that does not pass the gate
    leaves ``exercises/`` as it is.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignments : list of str
        Names of folders of ``solutions/``.
    check : bool, optional
        Compare with ``exercises/`` and change nothing.

    Returns
    -------
    list of str
        The files of ``exercises/`` that the build changes, or with ``check`` would change.

    Raises
    ------
    CourseError
        When a text, the checks or the release are not as they should be, or another command is
        writing into the course.
    """
    changes = []
    with nullcontext() if check else alone(root):
        for assignment in assignments:
            with tempfile.TemporaryDirectory() as folder:
                workplace = Path(folder).resolve()
                prepare(root, assignment, workplace)
                changes += _differences(workplace, root, assignment)
                if not check:
                    _install(root, assignment, workplace)
    return changes


def prepare(root: Path, assignment: str, workplace: Path) -> None:
    """Build a release in another folder, and pass it through the gate.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment.
    workplace : Path
        Existing folder that receives ``solutions/<assignment>`` and ``exercises/<assignment>``.

    Raises
    ------
    CourseError
        With everything that the gate found.
    """
    teachers = root / "solutions" / assignment
    notebook = source.read(teachers / f"{assignment}.py")
    copied = workplace / "solutions" / assignment
    shutil.copytree(teachers, copied, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
    _write(notebook, copied / f"{assignment}.ipynb")
    config = configuration(root, workplace)
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    _generate(config, assignment)
    release = workplace / "exercises" / assignment
    problems = list(_gate(notebook, checks.load(copied), copied, release, config))
    if problems:
        raise CourseError("\n  ".join([f"{assignment} is not released:", *problems]))


def _generate(config: Config, assignment: str) -> None:
    with surroundings():
        from nbgrader.converters import GenerateAssignment

    convert(GenerateAssignment, config, assignment, ".")


def _write(notebook: NotebookNode, path: Path) -> None:
    import nbformat

    nbformat.write(notebook, path)


def _differences(workplace: Path, root: Path, assignment: str) -> list[str]:
    """List the released files whose bytes differ, or that only one of the two folders has."""
    folders = [place / "exercises" / assignment for place in (workplace, root)]
    names = {path.relative_to(folder) for folder in folders for path in _files(folder)}
    return [
        f"exercises/{assignment}/{name.as_posix()}"
        for name in sorted(names)
        if not all((folder / name).is_file() for folder in folders)
        or not filecmp.cmp(folders[0] / name, folders[1] / name, shallow=False)
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _install(root: Path, assignment: str, workplace: Path) -> None:
    """Record the assignment in the gradebook, then put the release in its place."""
    config = configuration(root, workplace)
    config.CourseDirectory.db_url = configuration(root).CourseDirectory.db_url
    _generate(config, assignment)  # refuses to add or remove cells once there are submissions
    notebook = Path("solutions", assignment, f"{assignment}.ipynb")
    shutil.copyfile(workplace / notebook, root / notebook)
    released = root / "exercises" / assignment
    new, old = (released.with_name(f".{assignment}.{age}") for age in ("new", "old"))
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(workplace / "exercises" / assignment, new)
    if released.exists():
        released.rename(old)
    new.rename(released)
    shutil.rmtree(old, ignore_errors=True)


# --- the gate: one question a function --------------------------------------------------------


def _gate(
    notebook: NotebookNode, suite: checks.Suite, teachers: Path, release: Path, config: Config
) -> Iterator[str]:
    import nbformat

    from course_lib.grading.judge import mismatched_points

    released = nbformat.read(release / f"{teachers.name}.ipynb", as_version=4)
    yield from _unexpected_files(teachers, release, config.CourseDirectory.ignore)
    yield from _leaks(notebook, teachers, release, released)
    yield from _silent_stubs(released)
    yield from mismatched_points(notebook, suite)
    yield from _strangers(notebook, suite)
    yield from _few_mistakes(suite)
    yield from checks.audit(suite)


def _unexpected_files(teachers: Path, release: Path, ignored: list[str]) -> Iterator[str]:
    """Are there files that students need not have, or none where they need one?"""
    expected = {
        path
        for path in (path.relative_to(teachers) for path in _files(teachers))
        if not any(fnmatch(part, pattern) for part in path.parts for pattern in ignored)
    }
    found = {path.relative_to(release) for path in _files(release)}
    forbidden = {path for path in found if path.suffix in (".py", ".md")}
    for path in sorted((found - expected) | forbidden):
        yield f"{path}: must not be released"
    for path in sorted(expected - found):
        yield f"{path}: missing in the release"


def _leaks(
    notebook: NotebookNode, teachers: Path, release: Path, released: NotebookNode
) -> Iterator[str]:
    """Is there a solution, a hidden check or a marker left in a released file?"""
    texts = {f"cell {i}": cell.source for i, cell in enumerate(released.cells, 1)}
    for path in _files(release):
        if path.suffix != ".ipynb":
            texts[path.name] = path.read_text(encoding="utf-8", errors="replace")
    secrets = _solution_lines(notebook) | _check_lines(teachers / "checks.py")
    for place, text in texts.items():
        if marker := MARKER.search(text):
            yield f"{place}: the marker {marker.group()!r} is left"
        for line in sorted(secrets & _long_lines(text)):
            yield f"{place}: shows the line {line!r} of a solution or of a hidden check"


def _long_lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if len(line.strip()) >= LONG_LINE}


def _solution_lines(notebook: NotebookNode) -> set[str]:
    """Return the lines of the solutions that the teacher does not show anywhere else."""
    hidden, shown = set(), set()
    for cell in notebook.cells:
        regions = source.solution_regions(cell.source)
        tag = cell.metadata.get("nbgrader", {})
        if tag.get("grade") and tag.get("solution") and not regions:
            regions = [cell.source]  # a written model answer: nbgrader replaces the whole cell
        hidden |= set().union(*map(_long_lines, regions))
        rest = cell.source
        for region in regions:
            rest = rest.replace(region, "")
        shown |= _long_lines(rest)
    return hidden - shown


def _check_lines(path: Path) -> set[str]:
    """Return the lines of the bodies of the checks."""
    text = path.read_text(encoding="utf-8")
    bodies = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    lines = text.splitlines()
    return set().union(
        *(_long_lines("\n".join(lines[body.lineno : body.end_lineno])) for body in bodies)
    )


def _silent_stubs(released: NotebookNode) -> Iterator[str]:
    """Does each answer that is left to students end with ``raise NotImplementedError()``?"""
    for cell in released.cells:
        tag = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not tag.get("solution"):
            continue
        functions = [
            node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)
        ]
        if not all(ast.unparse(f.body[-1]) == "raise NotImplementedError()" for f in functions):
            yield f"{tag['grade_id']}: the released stub does not raise NotImplementedError"


def _strangers(notebook: NotebookNode, suite: checks.Suite) -> Iterator[str]:
    """Is there a check of a cell, or a check or a mistake of a function, that does not exist?"""
    tags = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    graded = {tag["grade_id"] for tag in tags if tag.get("grade") and not tag["solution"]}
    answers = {tag["grade_id"] for tag in tags if tag.get("solution") and not tag["grade"]}
    for item in suite.checks:
        if item.cell not in graded:
            yield f"checks.py, {item.name}: there is no test cell {item.cell}"
    for item in [*suite.checks, *suite.mistakes]:
        if item.function not in answers:
            yield f"{item.name}: there is no answer {item.function}"


def _few_mistakes(suite: checks.Suite) -> Iterator[str]:
    """Has each test cell enough mistakes that it must reject?"""
    for cell in dict.fromkeys(item.cell for item in suite.checks):
        functions = {item.function for item in suite.of_cell(cell)}
        number = sum(wrong.function in functions for wrong in suite.mistakes)
        if number < FEWEST_MISTAKES:
            yield f"{cell}: {number} named mistakes, at least {FEWEST_MISTAKES} are needed"
