"""Every chapter runs from its first cell to its last; the book's build reuses the outputs."""

import os
import shutil
from pathlib import Path

import pytest

from course_lib import book

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = book.chapters(ROOT)


@pytest.fixture(scope="session")
def executed():
    return {chapter.path: chapter.error for chapter in book.execute_chapters(ROOT)}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_runs(executed, path):
    assert executed[path] is None, executed[path]


@pytest.fixture
def small_course(tmp_path):
    """A course of one chapter that prints the value of one function."""
    (tmp_path / "book").mkdir()
    (tmp_path / "course_lib").mkdir()
    (tmp_path / "course_lib" / "answer.py").write_text("VALUE = 41\n")
    shutil.copy(ROOT / "book" / "terminology.md", tmp_path / "front_matter.md")
    front_matter = (tmp_path / "front_matter.md").read_text().split("---\n")[1]
    page = tmp_path / "book" / "page.md"
    page.write_text(f"---\n{front_matter}---\n# Page\n\n```{{code-cell}}\nprint(6 * 7)\n```\n")
    return tmp_path, page


def test_an_unchanged_chapter_is_not_run_again(small_course):
    root, _ = small_course
    assert book.execute_chapters(root)[0].error is None
    written = {p: p.stat().st_mtime_ns for p in (root / "_build").rglob("*.ipynb")}
    assert written
    book.execute_chapters(root)
    assert written == {p: p.stat().st_mtime_ns for p in (root / "_build").rglob("*.ipynb")}


def test_a_failing_cell_is_reported_with_its_traceback(small_course):
    root, page = small_course
    page.write_text(page.read_text().replace("6 * 7", "6 / 0"))
    assert "ZeroDivisionError" in book.execute_chapters(root)[0].error


def test_the_cache_is_dropped_when_the_library_changes(small_course):
    root, _ = small_course
    assert not book.refresh_cache(root)
    kept = root / "_build" / ".jupyter_cache" / "output"
    kept.touch()
    assert not book.refresh_cache(root) and kept.exists()
    (root / "course_lib" / "answer.py").write_text("VALUE = 42\n")
    assert book.refresh_cache(root) and not kept.exists()


def test_the_cache_is_dropped_when_a_version_changes(small_course, monkeypatch):
    root, _ = small_course
    book.refresh_cache(root)
    packages = [p for p in book.distributions() if p.metadata["Name"] != "numpy"]
    assert len(packages) < len(list(book.distributions()))
    monkeypatch.setattr(book, "distributions", lambda: packages)
    assert book.refresh_cache(root)


def test_the_cache_is_dropped_when_the_data_changes(small_course, monkeypatch):
    root, _ = small_course
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    book.refresh_cache(root)
    data = root / "data"
    data.mkdir()
    (data / "mnist.npz").write_bytes(b"pixels")
    monkeypatch.setenv("COURSE_DATA_DIR", str(data))
    assert book.refresh_cache(root)
    assert not book.refresh_cache(root)
    (data / "mnist.npz").write_bytes(b"other pixels")
    os.utime(data / "mnist.npz", ns=(1, 1))
    assert book.refresh_cache(root)
