"""Docstrings and pages agree: a cited equation exists, in the chapter that is named."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LABEL = re.compile(r"^:label: (eq-[\w-]+)$|^\$\$ \((eq-[\w-]+)\)$", flags=re.M)
CITED = re.compile(r"``(eq-[\w-]+)``")
CHAPTER = re.compile(r"of the chapter \*([^*]+)\*")


def title(text: str) -> str:
    return re.search(r"^# (.+)$", text, flags=re.M).group(1)


def equations() -> dict[str, str]:
    """Return the title of the chapter that defines each labelled equation."""
    found = {}
    for page in sorted((ROOT / "book").glob("*.md")):
        text = page.read_text("utf-8")
        for match in LABEL.finditer(text):
            found[match.group(1) or match.group(2)] = title(text)
    return found


def citations() -> list[tuple[str, str, str]]:
    """Return (where, label, chapter) for each equation that a docstring cites."""
    found = []
    for module in sorted((ROOT / "course_lib").glob("*.py")):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            text = " ".join((ast.get_docstring(node) or "").split())
            chapters = [(m.start(), m.group(1)) for m in CHAPTER.finditer(text)]
            for match in CITED.finditer(text):
                # The chapter is named after its equations: "Equations a and b of the chapter c".
                later = [name for place, name in chapters if place > match.start()]
                chapter = (later or [name for _, name in chapters] or [""])[0]
                found.append((f"{module.stem}.{node.name}", match.group(1), chapter))
    return found


@pytest.mark.parametrize(("where", "label", "chapter"), citations())
def test_a_cited_equation_is_in_the_named_chapter(where, label, chapter):
    assert label in equations(), f"{where} cites {label}, which no page defines"
    assert equations()[label] == chapter, f"{where}: {label} is in *{equations()[label]}*"


def test_equations_and_citations_are_found():
    assert len(equations()) > 20 and len(citations()) > 30
