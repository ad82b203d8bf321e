"""Rebuild what a student handed in on the notebook that students were given.

Only answers and the student's own cells come from the student. Every other cell, and all that
decides about marks, comes from the release: whatever happened to a submission on its way, what is
graded has the cells, the order and the points of the release.
"""

from __future__ import annotations

import ast
import html
import json
import os
import re
import stat
import warnings
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import nbformat
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v3.nbjson import JSONReader
from nbformat.v4 import new_code_cell, new_markdown_cell

__all__ = ["Repaired", "Unreadable", "repair"]

LARGEST_FILE = 20_000_000  # bytes
MOST_CELLS = 2_000
LONGEST = {"code": 100_000, "markdown": 50_000}  # characters of a cell, without pasted pictures
LARGEST_IMAGE = 2_000_000  # characters of base64
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?", flags=re.IGNORECASE)  # some browsers add .txt
NO_WORK = {".ipynb_checkpoints", "__MACOSX"}
IMAGES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
FLAGS = ("grade", "locked", "points", "schema_version", "solution", "task")


@dataclass(frozen=True)
class Repaired:
    """A submission on the released notebook, and what the teacher should know about it."""

    notebook: NotebookNode
    notes: list[str]


class Unreadable(Exception):
    """Nothing of a submission can be read; ``reason`` says why, in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def repair(folder: Path, release: NotebookNode, name: str) -> Repaired:
    """Rebuild a submission on the released notebook; nothing is written, no link is followed.

    Parameters
    ----------
    folder : Path
        What a student handed in for the assignment.
    release : NotebookNode
        The notebook that students were given.
    name : str
        Name of the assignment and of its notebook, without ``.ipynb``.

    Returns
    -------
    Repaired
        The release's cells in the release's order with the student's answers, the student's own
        cells between them, no outputs, no HTML that a browser would run; and notes for the
        teacher, none for a submission that was only filled in.

    Raises
    ------
    Unreadable
        When no notebook was handed in, or none that can be read.

    Examples
    --------
    >>> repair(Path("no such folder"), nbformat.v4.new_notebook(), "01-metrics")
    Traceback (most recent call last):
    ...
    course_lib.grading.repair.Unreadable: nothing was handed in
    """
    notes = _Notes()
    submission = _choose(Path(folder), release, name, notes)
    _compare_languages(submission.metadata, release.metadata, notes)
    matches = _match(release, submission.cells)
    cells = list(_rebuild(release, submission.cells, matches, notes))
    notebook = NotebookNode(
        cells=cells,
        metadata=deepcopy(release.metadata),
        nbformat=release.nbformat,
        nbformat_minor=release.nbformat_minor,
    )
    return Repaired(notebook, notes.lines())


class _Notes:
    """Sentences for the teacher, each with the cells or files that it is about."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, sentence: str, name: str = "") -> None:
        names = self._names.setdefault(sentence, [])
        if name and name not in names:
            names.append(name)

    def lines(self) -> list[str]:
        return [
            f"{sentence}: {', '.join(names)}" if names else sentence
            for sentence, names in self._names.items()
        ]


# --- files ------------------------------------------------------------------------------------


@dataclass
class _Cell:
    """A cell of a submission, as far as it can be believed."""

    kind: str  # code or markdown
    source: str
    id: str = ""
    nbgrader: dict = field(default_factory=dict)
    attachments: dict = field(default_factory=dict)

    @property
    def grade_id(self) -> str:
        return _text(self.nbgrader.get("grade_id"))


@dataclass
class _Submission:
    cells: list[_Cell]
    metadata: dict
    encoding: str
    excess: list[str]  # what was cut off


def _choose(folder: Path, release: NotebookNode, name: str, notes: _Notes) -> _Submission:
    """Read the notebook of the right name, or else the one that is most like the release."""
    exact = folder / f"{name}.ipynb"
    paths = sorted(_find(folder, notes), key=lambda path: (path != exact, path.as_posix()))
    read, refused = {}, {}
    for path in paths:
        try:
            read[path] = _read(path)
        except Unreadable as error:
            refused[path] = error.reason
        if exact in read:
            break
    if not read:
        raise Unreadable(_why_nothing(folder, exact, refused))
    best = max(read, key=lambda path: _likeness(release, read[path]))
    if best != exact:
        notes.add("Taken for the notebook of the assignment", _shown(best.relative_to(folder)))
    for path in paths:
        other = _shown(path.relative_to(folder))
        if path in refused:
            notes.add("Cannot be read", f"{other} ({refused[path]})")
        elif path != best:
            notes.add("Other notebooks, not graded", other)
    for excess in read[best].excess:
        notes.add("Cut off", excess)
    if read[best].encoding:
        notes.add(f"Read as {read[best].encoding}: accents may be wrong")
    return read[best]


def _find(folder: Path, notes: _Notes) -> list[Path]:
    """List the notebooks below a folder that is no link, in files that are no links."""
    if folder.is_symlink() or folder.parent.is_symlink():  # the latter: of the student
        raise Unreadable("a link was handed in")
    if not folder.is_dir():
        raise Unreadable("nothing was handed in")
    found = []
    for place, folders, files in os.walk(folder):
        for entry in sorted(Path(place, entry) for entry in folders + files):
            if entry.is_symlink():
                notes.add("Links, not followed", _shown(entry.relative_to(folder)))
            elif NOTEBOOK.search(entry.name) and stat.S_ISREG(entry.lstat().st_mode):
                found += [entry] if not entry.name.startswith(".") else []
        folders[:] = sorted(set(folders) - NO_WORK)
    return found


def _why_nothing(folder: Path, exact: Path, refused: dict[Path, str]) -> str:
    if exact.is_symlink():
        return f"{_shown(exact.name)} is a link: no notebook was handed in"
    if refused:
        path, reason = next(iter(refused.items()))
        return f"{_shown(path.relative_to(folder))}: {reason}"
    others = [_shown(path.name) for path in sorted(folder.iterdir())]
    return f"no notebook was handed in, but {', '.join(others[:5]) or 'an empty folder'}"


def _shown(name: Path | str) -> str:
    """Return a file's name, or a student's line, as short text that can be printed anywhere."""
    text = str(name).encode("utf-8", "replace").decode()
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= 60 else text[:57] + "..."


def _likeness(release: NotebookNode, submission: _Submission) -> tuple[int, int]:
    """Count the release's cells in a submission, then the answers that were given."""
    matches = _match(release, submission.cells)
    stubs = {_same(cell.source) for cell in release.cells}
    answers = [j for i in _answers(release) for j in matches.of(i)]
    given = sum(_same(submission.cells[j].source) not in stubs for j in answers)
    return len({place for place in matches.places if place is not None}), given


def _read(path: Path) -> _Submission:
    try:
        size = path.lstat().st_size
        if size > LARGEST_FILE:
            raise Unreadable(f"{size / 1e6:.0f} MB, larger than {LARGEST_FILE / 1e6:.0f} MB")
        text, encoding = _decode(path.read_bytes())
    except OSError as error:
        raise Unreadable(f"cannot be opened ({error.strerror})") from None
    if not text.strip("\0 \t\r\n"):
        raise Unreadable("the file is empty")
    data = _upgrade(_parse(text))
    cells, excess = [cell for cell in map(_read_cell, data["cells"]) if cell], []
    if len(cells) > MOST_CELLS:
        cells = [cell for cell in cells if cell.source.strip()][:MOST_CELLS]
        excess = [f"more than {MOST_CELLS} cells"]
    for kind, longest in LONGEST.items():
        for cell in cells:
            if cell.kind == kind and len(PAYLOAD.sub("", cell.source)) > longest:
                cell.source = cell.source[:longest]
                excess += [f"a {kind} cell of more than {longest} characters"]
    return _Submission(cells, _dict(data.get("metadata")), encoding, excess)


def _decode(data: bytes) -> tuple[str, str]:
    """Return a file's text, and the name of its encoding when that had to be guessed."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), ""
    for encoding, name in (("utf-8-sig", ""), ("cp1252", "Windows-1252"), ("latin-1", "Latin-1")):
        try:
            return data.decode(encoding), name
        except UnicodeDecodeError:
            continue
    raise AssertionError("every byte is Latin-1")


def _parse(text: str) -> dict:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unreadable(f"no notebook, or one that is cut off: not JSON from {where}") from None
    except (ValueError, RecursionError):
        raise Unreadable("no notebook: JSON that no program would have written") from None
    if not isinstance(data, dict):
        raise Unreadable("no notebook: it has no cells")
    return data


def _upgrade(data: dict) -> dict:
    """Bring a notebook of nbformat 3 to cells; any newer format has them."""
    if isinstance(data.get("worksheets"), list):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = nbformat.convert(JSONReader().to_notebook(data | {"nbformat": 3}), 4)
        except Exception:  # nbformat fails in many ways on what a student may have edited
            raise Unreadable("a notebook of an old format, and damaged") from None
    if not isinstance(data.get("cells"), list):
        raise Unreadable("no notebook: it has no cells")
    return data


def _read_cell(data: Any) -> _Cell | None:
    if not isinstance(data, dict):
        return None
    source = data.get("source")
    if isinstance(source, list):
        source = "".join(map(_text, source))
    return _Cell(
        kind="code" if data.get("cell_type") == "code" else "markdown",
        source=_text(source).encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        id=_text(data.get("id")),
        nbgrader=_dict(_dict(data.get("metadata")).get("nbgrader")),
        attachments=_dict(data.get("attachments")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _compare_languages(found: dict, wanted: dict, notes: _Notes) -> None:
    languages = [
        _text(_dict(metadata.get("kernelspec")).get("language"))
        or _text(_dict(metadata.get("language_info")).get("name"))
        for metadata in (found, wanted)
    ]
    if all(languages) and languages[0].lower() != languages[1].lower():
        notes.add(
            f"The notebook was set to another language than {languages[1]}", _shown(languages[0])
        )


# --- which cell is which ----------------------------------------------------------------------


@dataclass
class _Matches:
    """What the cells of a submission are."""

    places: list[int | None]  # number of the released cell that each cell stands for
    copies: set[int] = field(default_factory=set)  # cells with a text of the release
    borrowed: dict[int, int] = field(default_factory=dict)  # answer: cell of another answer

    def of(self, place: int) -> list[int]:
        return [j for j, found in enumerate(self.places) if found == place]

    def free(self) -> list[int]:
        return [j for j, found in enumerate(self.places) if found is None]


def _match(release: NotebookNode, cells: list[_Cell]) -> _Matches:
    """Recognise cells by what is least likely to be lost, then by less and less."""
    by_grade_id = {_grade_id(cell): i for i, cell in enumerate(release.cells) if _grade_id(cell)}
    by_id = {cell.get("id"): i for i, cell in enumerate(release.cells)}
    matches = _Matches([by_grade_id.get(c.grade_id, by_id.get(c.id)) for c in cells])
    _match_texts(release, cells, matches)
    _match_functions(release, cells, matches)
    for i in _answers(release):
        if release.cells[i].cell_type == "markdown" and i not in matches.places:
            _match_written_answer(release, cells, matches, i)
    given = {_same(cell.source) for cell in release.cells}
    matches.copies = {j for j, cell in enumerate(cells) if _same(cell.source) in given}
    return matches


def _grade_id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _answers(release: NotebookNode) -> list[int]:
    return [i for i, cell in enumerate(release.cells) if _is_answer(cell)]


def _same(source: str) -> tuple[str, ...]:
    """Return what is left of a text when white space at the ends of lines does not count."""
    return tuple(line.rstrip() for line in source.strip().splitlines())


def _match_texts(release: NotebookNode, cells: list[_Cell], matches: _Matches) -> None:
    """Recognise the teacher's cells by their text, each once."""
    taken = set(matches.places)
    wanted: dict[tuple[str, ...], list[int]] = {}
    for i, cell in enumerate(release.cells):
        if i not in taken and not _is_answer(cell):
            wanted.setdefault(_same(cell.source), []).append(i)
    for j in matches.free():
        if left := wanted.get(_same(cells[j].source)):
            matches.places[j] = left.pop(0)


def _match_functions(release: NotebookNode, cells: list[_Cell], matches: _Matches) -> None:
    """Recognise an answer by the function that it defines, named as the answer's grade id."""
    answers = {i for i in _answers(release) if release.cells[i].cell_type == "code"}
    missing = sorted(answers - set(matches.places))
    if not missing:
        return
    defined = [_functions(cell.source) for cell in cells]
    for i in missing:
        found = [j for j, names in enumerate(defined) if _grade_id(release.cells[i]) in names]
        for j in found:
            if matches.places[j] is None:
                matches.places[j] = i
        borrowed = [j for j in found if matches.places[j] in answers - {i}]
        if borrowed and i not in matches.places:
            matches.borrowed[i] = borrowed[-1]


def _functions(source: str) -> set[str]:
    """Return the names of the functions that a cell defines, also one that does not run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"^(?:async[ \t]+)?def[ \t]+(\w+)", source, flags=re.MULTILINE))
    return {name for node in body for name in _defined(node)}


def _defined(node: ast.stmt) -> list[str]:
    """Return the function that a statement defines, also as ``f = lambda ...`` or ``f = g``."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() | ast.Name()):
            return [name]
    return []


def _match_written_answer(
    release: NotebookNode, cells: list[_Cell], matches: _Matches, i: int
) -> None:
    """Recognise an answer in words by its question, or by the cells around it."""
    question = _same(release.cells[i].source)[:1]
    asked = [_same(cell.source)[:1] for cell in release.cells].count(question)
    free = [j for j in matches.free() if _same(cells[j].source)]
    found = [j for j in free if asked == 1 and _same(cells[j].source)[:1] == question]
    if not found:
        between = _gap(matches.places, i)
        found = [j for j in free if j in between and cells[j].kind == "markdown"][:1]
    for j in found:
        matches.places[j] = i


def _gap(places: list[int | None], i: int) -> range:
    """Return the cells between those that stand for the released cells around cell i."""
    before = max((place for place in places if place is not None and place < i), default=None)
    after = min((place for place in places if place is not None and place > i), default=None)
    start = 0 if before is None else len(places) - places[::-1].index(before)
    return range(start, len(places) if after is None else places.index(after))


# --- the notebook -----------------------------------------------------------------------------


def _rebuild(
    release: NotebookNode, cells: list[_Cell], matches: _Matches, notes: _Notes
) -> Iterator[NotebookNode]:
    """Give the release's cells, and after each the student's own cells that followed it."""
    known = [place for place in matches.places if place is not None]
    if list(dict.fromkeys(known)) != sorted(set(known)):
        notes.add("Cells were in another order")
    for j in matches.free():
        if j in matches.copies:
            notes.add("Copies of released cells, left out", _title(cells[j].source))
    rebuilt = [_rebuild_cell(release, i, cells, matches, notes) for i in range(len(release.cells))]
    extras = _extras(release, cells, matches)
    number = 0
    for i in range(-1, len(release.cells)):
        if i >= 0:
            yield rebuilt[i]
        for cell in extras.get(i, []):
            number += 1
            yield _extra(cell, number, notes)


def _extras(release: NotebookNode, cells: list[_Cell], matches: _Matches) -> dict[int, list[_Cell]]:
    """Return the student's own cells by the number of the released cell that they follow."""
    extras: dict[int, list[_Cell]] = {}
    last = -1
    for j, cell in enumerate(cells):
        place = matches.places[j]
        last = last if place is None else place
        if j in matches.copies or not _same(cell.source):
            continue
        # A text of the teacher's that the student wrote in: what was written is kept below it.
        if place is None or _is_text(release.cells[place]):
            extras.setdefault(last, []).append(cell)
    return extras


def _is_text(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and not _is_answer(cell)


def _extra(cell: _Cell, number: int, notes: _Notes) -> NotebookNode:
    """Make a cell of the student's own; all that nbgrader could read in it is left behind."""
    if cell.kind == "code":
        return new_code_cell(cell.source, id=f"extra-{number}")
    text, images = _shown_text([cell], {}, f"cell {_title(cell.source)}", notes)
    new = new_markdown_cell(text, id=f"extra-{number}")
    if images:
        new["attachments"] = nbformat.from_dict(images)
    return new


def _rebuild_cell(
    release: NotebookNode, i: int, cells: list[_Cell], matches: _Matches, notes: _Notes
) -> NotebookNode:
    cell = deepcopy(release.cells[i])
    name = _grade_id(cell) or _title(cell.source)
    found = [cells[j] for j in matches.of(i)]
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if i in matches.borrowed:
        other = _grade_id(release.cells[matches.places[matches.borrowed[i]]])
        notes.add("Answers found in the cell of another answer", f"{name} in {other}")
        cell.source = cells[matches.borrowed[i]].source
    elif not found:
        notes.add("Cells were missing, the released ones are back", name)
    elif _is_answer(cell):
        _answer(cell, found, name, notes)
    else:
        _restore(cell, found, name, notes)
    if any(_flags_changed(cell, other) for other in found):
        notes.add("Metadata of nbgrader were lost or changed, the release's are used", name)
    return cell


def _title(source: str) -> str:
    return repr(_shown((_same(source) or ("",))[0][:60]))


def _flags_changed(released: NotebookNode, cell: _Cell) -> bool:
    wanted = released.metadata.get("nbgrader", {})
    if not wanted or not cell.grade_id:
        return bool(wanted) != bool(cell.grade_id)
    return any(flag in cell.nbgrader and cell.nbgrader[flag] != wanted.get(flag) for flag in FLAGS)


def _restore(cell: NotebookNode, found: list[_Cell], name: str, notes: _Notes) -> None:
    """Note what happened to a cell that students may not change."""
    if len(found) > 1:
        notes.add("Copies of released cells, left out", name)
    changed = [other for other in found if _same(other.source) != _same(cell.source)]
    if _is_text(cell) and any(_same(other.source) for other in changed):
        notes.add("Texts of the assignment were changed, the student's version is below", name)
    elif changed:
        notes.add("Locked cells were changed, the released ones are back", name)
    elif any(other.kind != cell.cell_type for other in found):
        notes.add("Cells had another type", name)


def _answer(cell: NotebookNode, found: list[_Cell], name: str, notes: _Notes) -> None:
    """Put into a released cell what the student wrote in it, or in the parts of it."""
    stub = cell.source
    given = [other for other in found if _same(other.source) not in ((), _same(stub))]
    parts = list({_same(other.source): other for other in reversed(given)}.values())[::-1]
    if len(found) > 1:
        kept = "joined" if len(parts) > 1 else "one is kept"
        notes.add(f"Cells of one answer were several, {kept}", name)
    if any(other.kind != cell.cell_type for other in found):
        notes.add("Cells had another type", name)
    parts = parts or found[:1]
    if cell.cell_type == "code":
        cell.source = "\n\n".join(part.source for part in parts)
    elif any(part.source != stub for part in parts):
        cell.source, images = _shown_text(parts, cell.get("attachments", {}), name, notes)
        if images:
            cell["attachments"] = nbformat.from_dict(images)


# --- what a browser shows ---------------------------------------------------------------------


def _shown_text(
    parts: list[_Cell], images: dict, name: str, notes: _Notes
) -> tuple[str, dict[str, dict]]:
    """Return texts joined, with their images, such that a browser runs nothing of them."""
    images = deepcopy(images)
    text = "\n\n".join(_place_images(part, images, name, notes) for part in parts)
    # nbconvert fails on an image that is not there.
    unlinked = re.sub(
        r"\](?=\(\s*<?attachment:([^)\s>]*))",
        lambda found: found[0] if found[1] in images else "] ",
        text,
    )
    if unlinked != text:
        notes.add("Images are missing in a text", name)
    harmless = _harmless(unlinked, images)
    if harmless != unlinked:
        notes.add("HTML or a link that could run is shown as text", name)
    return harmless, images


def _place_images(cell: _Cell, images: dict[str, dict], name: str, notes: _Notes) -> str:
    """Add a cell's images to others; return its text, with plain names for them.

    nbconvert does not find an image whose name has spaces or accents, nor do two texts that are
    joined always give different images different names.
    """
    text = cell.source
    for old, bundle in cell.attachments.items():
        image = _image(bundle)
        if image is None:
            notes.add("Attachments that are no images, or too large, left out", name)
            continue
        new, number = old, len(images)
        while not re.fullmatch(r"[\w.-]+", new, flags=re.ASCII) or images.get(new, image) != image:
            number += 1
            new = f"image-{number}.{IMAGES[next(iter(image))]}"
        images[new] = image
        if new != old:
            spellings = "|".join(re.escape(quote(old, safe=safe)) for safe in ("/", "/()!'*,"))
            pattern = rf"attachment:(?:{re.escape(old)}|{spellings})(?=[)\s>]|$)"
            text = re.sub(pattern, f"attachment:{new}", text)
    return text


def _image(bundle: Any) -> dict[str, str] | None:
    for kind in IMAGES:
        data = _text(_dict(bundle).get(kind))
        if 0 < len(data) <= LARGEST_IMAGE and re.fullmatch(r"[A-Za-z0-9+/=\s]+", data):
            return {kind: data}
    return None


TAG = re.compile(r"<(?=[A-Za-z/!?])")  # what an HTML parser takes for the start of a tag
LINK = re.compile(r"\](?=[(:])")
PAYLOAD = re.compile(r"(?<=;base64,)[A-Za-z0-9+/=]{100,}")
LONGEST_TEXT = 10_000  # characters that the renderer, which can be slow, is asked about


def _harmless(text: str, images: dict) -> str:
    """Return a text with a space wherever it could run something.

    A space after < and ] keeps tags and links from being any, also where an entity would be shown
    as it is written: in code and in maths. A text without danger stays as it is.
    """
    dangers = _dangers(text, images)
    if dangers == {"tag"}:
        text = TAG.sub("< ", text)
        dangers = _dangers(text, images)
    return LINK.sub("] ", TAG.sub("< ", text)) if dangers else text


def _dangers(text: str, images: dict) -> set[str]:
    """Ask the renderer of the feedback and of formgrader's pages."""
    everything = {"tag", "link"}
    text = PAYLOAD.sub("A", text)
    if not TAG.search(text) and not LINK.search(text):
        return set()
    if len(text) > LONGEST_TEXT:
        return everything
    watcher = _Watcher(escape=False, attachments=images)
    try:
        MarkdownWithMath(renderer=watcher).render(text)
    except Exception:  # any at all: then the text must not get there as it is
        return everything
    return watcher.dangers


class _Watcher(IPythonRenderer):
    """Note what would reach the page as HTML, or as a link that runs something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_harmful_protocols=False, **options)
        self.dangers: set[str] = set()

    def block_html(self, html: str) -> str:
        self.dangers.add("tag")
        return ""

    def inline_html(self, html: str) -> str:
        self.dangers.add("tag")
        return ""

    def block_mermaidjs(self, code: str) -> str:
        if TAG.search(code):  # the only code that nbconvert does not escape
            self.dangers.add("tag")
        return ""

    def _embed_image_or_attachment(self, src: str) -> str:
        embedded = super()._embed_image_or_attachment(src)
        return "" if src.startswith("attachment:") else embedded

    def sanitize_url(self, url: str) -> str:
        plain = _plain_url(url)
        if super().sanitize_url(plain) != plain:
            self.dangers.add("link")
        return url


def _plain_url(url: str) -> str:
    """Return a link as a browser reads it in the end.

    Entities are decoded twice on the way, browsers leave out white space, and nbconvert cuts off
    ``files/`` at the start.
    """
    for _ in range(5):
        url = re.sub(r"[\x00-\x20\x7f-\xa0]", "", html.unescape(unquote(url)))
        url = re.sub(r"^(/?files/)+", "", url)
    return url
