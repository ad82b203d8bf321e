"""The built book: no warning, nothing run twice, nothing fetched, nothing leaked."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from course_lib import book

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"


def test_the_build_runs_no_chapter_a_second_time(built):
    log = (ROOT / "_build" / "book.log").read_text("utf-8")
    assert "Executing notebook" not in log
    assert log.count("Using cached") == len(book.chapters(ROOT))


def test_every_figure_has_a_caption_and_a_real_alternative_text(built):
    faults = []
    for path, page in built.items():
        for image in page.select("main img"):
            alt = image.get("alt", "")
            if len(alt.split()) < 3 or alt.startswith("_images/"):
                faults.append(f"{path.name}: alt={alt!r}")
            if image.find_parent("figure") is None or not image.find_parent("figure").figcaption:
                faults.append(f"{path.name}: no caption: {alt!r}")
    assert not faults, "\n".join(faults)


def test_pages_ask_nothing_of_the_network(built):
    """No script, style, font or picture has an address outside the book."""
    for path, page in built.items():
        for tag, attribute in {
            "script": "src",
            "link": "href",
            "img": "src",
            "iframe": "src",
        }.items():
            for element in page.find_all(tag, {attribute: re.compile(r"^(https?:)?//")}):
                if element.get("rel") != ["canonical"]:
                    pytest.fail(f"{path.name}: {element}")
    for style in HTML.rglob("*.css"):
        assert not re.search(r"(url\(|@import )['\"]?(https?:)?//", style.read_text("utf-8")), style


def test_no_formula_is_left_as_latex(built):
    for path, page in built.items():
        for code in page.select("main pre, main code, main annotation, main script"):
            code.decompose()
        left = re.findall(r"\$[^$\s][^$]*\$|\\\(|\\\[", page.select_one("main").get_text())
        assert not left, f"{path.name}: {left}"


@pytest.mark.parametrize("chapter", book.chapters(ROOT), ids=lambda path: path.stem)
def test_the_notebook_to_download_has_the_cells_of_its_page(built, chapter):
    link = built[HTML / f"{chapter.stem}.html"].select_one("a.btn-download-notebook-button")
    downloaded = nbformat.read(HTML / link["href"], as_version=4)
    codes = [cell.source for cell in downloaded.cells if cell.cell_type == "code"]
    written = jupytext.read(chapter, fmt="md:myst")
    assert codes == [cell.source for cell in written.cells if cell.cell_type == "code"]
