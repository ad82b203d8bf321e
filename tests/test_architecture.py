"""The arrows of the design: who may import whom, and what an import may load."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[1] / "course_lib"
TEACHERS = ("course_lib.grading", "course_lib.cli")
FLAT = sorted(path for path in LIBRARY.glob("*.py") if path.stem != "cli")
# No part of what chapters compute with; or written with Keras or scikit-learn, and allowed to load
# it.
OTHERS = {"__init__", "book", "show"}
OTHERS |= {"keras_models", "vae", "bonus", "maml", "source_maml", "sparse_meta_ae", "detectors"}
NUMPY_ONLY = [path.stem for path in FLAT if path.stem not in OTHERS]
HEAVY = ("tensorflow", "keras", "torch", "sklearn", "scipy", "pandas")


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports anywhere, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", FLAT, ids=lambda path: path.stem)
def test_what_students_read_does_not_import_what_teachers_run(path):
    assert not [name for name in imports(path) if name.startswith(TEACHERS)]


def length(function: ast.FunctionDef, lines: list[str]) -> int:
    """Count the lines of code of a function's body: no docstring, comment or blank line."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    numbers = range(body[0].lineno, function.end_lineno + 1) if body else ()
    return sum(bool(lines[i - 1].strip()) and lines[i - 1].strip()[0] != "#" for i in numbers)


@pytest.mark.parametrize("path", FLAT, ids=lambda path: path.stem)
def test_a_function_is_read_at_a_glance(path):
    text = path.read_text("utf-8")
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    lengths = {function.name: length(function, text.splitlines()) for function in functions}
    assert not {name: size for name, size in lengths.items() if size > 25}
    assert not lengths or statistics.median(lengths.values()) <= 10


def test_imports_inside_functions_are_seen():
    assert any(name.startswith(TEACHERS) for name in imports(LIBRARY / "cli.py"))


def test_importing_the_library_loads_no_other_library_for_nothing():
    """One process for all: what one module loads, all of them together load."""
    light = [name for name in NUMPY_ONLY if name != "plotting"]
    code = "import sys\n" + "".join(f"import course_lib.{name}\n" for name in light)
    code += "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "numpy" in loaded and loaded.isdisjoint({*HEAVY, "matplotlib", "pooch", "tqdm"})


def test_importing_the_package_loads_nothing():
    code = "import sys\nold = {*sys.modules}\nimport course_lib\nprint(len({*sys.modules} - old))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1
