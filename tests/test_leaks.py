"""No answer, hidden check or named mistake reaches a reader of the book or of exercises/."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
SHORTEST = 30  # characters; a shorter line, such as `return total / n`, is nobody's secret


def squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def public_code() -> str:
    """The library's own text: students have it, so a line of it is no leak."""
    return squeeze("\n".join(p.read_text("utf-8") for p in ROOT.glob("course_lib/**/*.py")))


def secrets() -> dict[str, str]:
    """Return each secret, without its blanks, and where it comes from."""
    found = {}
    for path in sorted(ROOT.glob("solutions/*/*.py")):
        text = path.read_text("utf-8")
        if path.name in ("checks.py", "mistakes.py"):
            functions = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
            # Checks and mistakes are decorated; a private function's name may be anybody's.
            found |= {function.name: path for function in functions if function.decorator_list}
            lines = text.splitlines()
        else:
            regions = re.findall(r"### BEGIN SOLUTION(.*?)### END SOLUTION", text, flags=re.S)
            lines = "\n".join(regions).splitlines()
        # The comment sign of a markdown cell in a text notebook is not part of its text.
        lines = [line.strip().removeprefix("# ") for line in lines]
        found |= {squeeze(line): path for line in lines if len(line) >= SHORTEST}
    public = public_code()
    return {s: str(p.relative_to(ROOT)) for s, p in found.items() if s not in public}


def leaks(text: str, known: dict[str, str]) -> list[str]:
    text = squeeze(text)
    return [f"{secret!r} of {origin}" for secret, origin in known.items() if secret in text]


@pytest.fixture(scope="module")
def known():
    known = secrets()
    assert len(known) > 100
    return known


def readable(path: Path) -> str:
    """Return a file's text; of a page what the reader sees, and of a notebook its cells."""
    from bs4 import BeautifulSoup

    text = path.read_text("utf-8", errors="replace")
    if path.suffix == ".html":
        return text + BeautifulSoup(text, "html.parser").get_text()
    if path.suffix == ".ipynb":
        return text.replace('\\"', '"').replace("\\n", "\n").replace('",\n    "', "")
    return text


def test_the_search_sees_a_leak(known, tmp_path):
    page = tmp_path / "page.html"
    secret = next(s for s in known if len(s) > 40 and "<" not in s)
    page.write_text(f"<p><b>{secret[:20]}</b>{secret[20:]}</p>", "utf-8")
    assert leaks(readable(page), known)
    assert leaks("nothing to see", known) == []


@pytest.mark.parametrize("folder", ["exercises", "_build/html"])
def test_no_secret_is_published(built, known, folder):
    kinds = {".html", ".ipynb", ".txt", ".js", ".md", ".py", ".csv", ".json", ".xml"}
    files = [p for p in (ROOT / folder).rglob("*") if p.suffix in kinds]
    assert files
    found = []
    for path in files:
        text = readable(path)
        found += [f"{path}: {leak}" for leak in leaks(text, known)]
        found += [f"{path}: the marker {marker!r}" for marker in MARKERS if marker in text]
    assert not found, "\n".join(found)


def test_only_notebooks_and_data_are_released():
    released = {p.suffix for p in (ROOT / "exercises").rglob("*") if p.is_file()}
    assert released and released.isdisjoint({".py", ".md"})
