"""Whatever a submission went through: the release's cells, the student's answers, a note."""

import base64
import json
import os
from copy import deepcopy
from pathlib import Path

import nbformat
import nbgrader
import pytest
from bs4 import BeautifulSoup
from bs4.element import PreformattedString
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.strings import strip_files_prefix
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.grading import repair as module
from course_lib.grading.repair import Unreadable, repair

ROOT = Path(__file__).parents[2]
METRICS = nbformat.read(ROOT / "exercises" / "01-metrics" / "01-metrics.ipynb", as_version=4)
STUB = "YOUR ANSWER HERE"


def graded(cell, grade_id, points=None, **flags):
    """Give a cell nbgrader's metadata, as a release has them."""
    fields = dict.fromkeys(("grade", "locked", "solution", "task"), False) | flags
    fields |= {"grade_id": grade_id, "schema_version": 3, "checksum": "0" * 32}
    fields |= {} if points is None else {"points": points}
    cell.metadata["nbgrader"] = nbformat.from_dict(fields)
    cell["id"] = f"cell-{grade_id}"
    return cell


def stub(name):
    return new_code_cell(
        f'def {name}():\n    """Return {name}."""\n    raise NotImplementedError()'
    )


SMALL = new_notebook(
    metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    },
    cells=[
        new_markdown_cell("# Small", id="title"),
        graded(new_code_cell("import math"), "imports", locked=True),
        graded(stub("f"), "f", solution=True),
        graded(new_code_cell("assert f() == 1"), "test_f", 2, grade=True, locked=True),
        new_markdown_cell("Why <b>one</b>?", id="question"),
        graded(new_markdown_cell(STUB), "why", 3, grade=True, solution=True),
        graded(stub("g"), "g", solution=True),
        graded(new_code_cell("assert g() == 2"), "test_g", 1.5, grade=True, locked=True),
        new_markdown_cell("How?", id="second-question"),
        graded(new_markdown_cell(STUB), "how", 3, grade=True, solution=True),
        graded(new_markdown_cell("Draw it below."), "draw", 2, locked=True, task=True),
    ],
)
F = "def f():\n    return 1"
G = "def g():\n    if 1 < 2:\n        return 2  # é\n"
ANSWERS = {"f": F, "g": G, "why": "Since $a<b$, and `x <y`.\n", "how": "With *care*."}


def filled(release=SMALL, answers=ANSWERS):
    """Return an honest submission, saved by Jupyter after it was run."""
    notebook = deepcopy(release)
    for cell in notebook.cells:
        cell.source = answers.get(grade_id(cell), cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [new_output("stream", text="1\n")], 7
    notebook.metadata.language_info["version"] = "3.12.1"
    notebook.metadata["widgets"] = {"state": {}}
    return notebook


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def cell_of(notebook, name):
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


def place_of(notebook, name):
    return notebook.cells.index(cell_of(notebook, name))


def hand_in(folder, notebook, name="small.ipynb"):
    """Write a notebook as it is, also when no program should have written it."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def repaired(folder, notebook, release=SMALL):
    return repair(hand_in(folder, notebook), release, "small")


def check_release(notebook, release=SMALL):
    """The release's cells, in order, as released but for the text of answers."""
    nbformat.validate(notebook)
    names = [cell.id for cell in release.cells]
    kept = [cell for cell in notebook.cells if cell.id in names]
    assert [cell.id for cell in kept] == names
    for cell, wanted in zip(kept, release.cells, strict=True):
        assert (cell.cell_type, cell.metadata) == (wanted.cell_type, wanted.metadata)
        if not wanted.metadata.get("nbgrader", {}).get("solution"):
            assert cell.source == wanted.source
    for cell in notebook.cells:
        assert cell.id in names or not cell.metadata
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert notebook.metadata == release.metadata


def answers_of(notebook):
    return {name: cell_of(notebook, name).source for name in ANSWERS}


def extras_of(notebook, release=SMALL):
    names = {cell.id for cell in release.cells}
    return [cell.source for cell in notebook.cells if cell.id not in names]


def check_idempotent(folder, result, release=SMALL):
    again = repaired(folder / "again", result.notebook, release)
    assert again.notebook == result.notebook
    assert again.notes == []


# --- honest submissions -----------------------------------------------------------------------


def test_an_honest_submission_keeps_every_byte_of_its_answers(tmp_path):
    result = repaired(tmp_path, filled())
    assert result.notes == []
    assert answers_of(result.notebook) == ANSWERS
    check_release(result.notebook)
    check_idempotent(tmp_path, result)


@pytest.mark.parametrize("release", [SMALL, METRICS], ids=["small", "metrics"])
def test_an_untouched_release_comes_back_as_it_is(tmp_path, release):
    before = deepcopy(release)
    result = repaired(tmp_path, release, release)
    assert result.notes == []
    assert result.notebook == release == before
    assert result.notebook.cells[0] is not release.cells[0]


def test_every_answer_of_a_real_assignment(tmp_path):
    answers = {
        grade_id(cell): f"def {grade_id(cell)}(*args):\n    return 1 < 2\n"
        if cell.cell_type == "code"
        else cell.source.replace(STUB, "Precision < 1, & so on: 1 <2. Never <3 alone.")
        for cell in METRICS.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    result = repaired(tmp_path, filled(METRICS, answers), METRICS)
    assert result.notes == []
    assert {name: cell_of(result.notebook, name).source for name in answers} == answers
    check_release(result.notebook, METRICS)


def test_the_lost_metadata_of_a_real_assignment(tmp_path):
    answers = {"director": METRICS.cells[-1].source.replace(STUB, "Of ten frauds, two.")}
    answers |= {n: f"def {n}(*args): return 1" for n in ("count_outcomes", "rates", "f_beta")}
    notebook = filled(METRICS, answers)
    forget_everything(notebook)
    result = repaired(tmp_path, notebook, METRICS)
    assert {name: cell_of(result.notebook, name).source for name in answers} == answers
    check_release(result.notebook, METRICS)
    assert extras_of(result.notebook, METRICS) == []


def test_a_lost_answer_in_words_is_known_by_its_question(tmp_path):
    answer = METRICS.cells[-1].source.replace(STUB, "Of ten frauds, two.")
    notebook = filled(METRICS, {"director": answer})
    notebook.cells.insert(-1, new_markdown_cell("My notes"))
    forget_everything(notebook)
    result = repaired(tmp_path, notebook, METRICS)
    assert cell_of(result.notebook, "director").source == answer
    assert extras_of(result.notebook, METRICS) == ["My notes"]


def test_a_release_that_was_run_gives_no_outputs(tmp_path):
    result = repaired(tmp_path, filled(), filled(SMALL, {}))
    check_release(result.notebook, filled(SMALL, {}))


def test_equal_texts_and_images_of_the_teachers(tmp_path):
    release = deepcopy(SMALL)
    release.cells[0].source = release.cells[4].source = "Look:"
    image = nbformat.from_dict({"a.svg": {"image/svg+xml": "PHN2Zz4="}})
    cell_of(release, "why")["attachments"] = image
    notebook = filled(release, ANSWERS | {"why": "![a](attachment:a.svg)"})
    del cell_of(notebook, "why")["attachments"], notebook.cells[0]["id"], notebook.cells[4]["id"]
    result = repaired(tmp_path, notebook, release)
    assert cell_of(result.notebook, "why").source == "![a](attachment:a.svg)"
    assert cell_of(result.notebook, "why").attachments == image
    assert result.notes == []


# --- damages ----------------------------------------------------------------------------------


def forget_everything(notebook):
    for cell in notebook.cells:
        cell.metadata = {}
        cell.pop("id", None)


def forget_metadata(notebook):
    for cell in notebook.cells:
        cell.metadata = {}


def change(**fields):
    def damage(notebook):
        for cell in notebook.cells:
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader.update(fields)

    return damage


def delete(*names):
    def damage(notebook):
        notebook.cells = [cell for cell in notebook.cells if grade_id(cell) not in names]

    return damage


def delete_places(*places):
    def damage(notebook):
        notebook.cells = [cell for i, cell in enumerate(notebook.cells) if i not in places]

    return damage


def write(name, source):
    def damage(notebook):
        cell_of(notebook, name).source = source

    return damage


def copy(name, source=None, place=None):
    def damage(notebook):
        cell = deepcopy(cell_of(notebook, name))
        cell["id"] = "copied"
        cell.source = cell.source if source is None else source
        notebook.cells.insert(place_of(notebook, name) + 1 if place is None else place, cell)

    return damage


def add(place, cell):
    return lambda notebook: notebook.cells.insert(place, deepcopy(cell))


def retype(name, kind):
    def damage(notebook):
        cell = cell_of(notebook, name)
        cell.cell_type = kind

    return damage


def both(*damages):
    def damage(notebook):
        for one in damages:
            one(notebook)

    return damage


def kernel(notebook):
    notebook.metadata = {"kernelspec": {"name": "julia-1.9", "language": "julia"}}


def colab_kernel(notebook):
    notebook.metadata = {"kernelspec": {"name": "conda-env-ml-py"}, "colab": {}}


LOST = "Metadata of nbgrader were lost or changed, the release's are used: "
MISSING = "Cells were missing, the released ones are back: "
COPIES = "Copies of released cells, left out: "
STUBS = {name: cell_of(SMALL, name).source for name in ANSWERS}

# what: damage, answers that differ from the honest ones, notes
DAMAGES = {
    "all metadata and ids lost": (
        forget_everything,
        {},
        [LOST + "imports, f, test_f, why, g, test_g, how, draw"],
    ),
    "metadata lost, ids kept": (
        forget_metadata,
        {},
        [LOST + "imports, f, test_f, why, g, test_g, how, draw"],
    ),
    "all lost, function in a cell that does not run": (
        both(write("f", F + "\n%matplotlib inline\n)"), forget_everything),
        {"f": F + "\n%matplotlib inline\n)"},
        [LOST + "imports, f, test_f, why, g, test_g, how, draw"],
    ),
    "all lost, one answer in words deleted": (
        both(delete("why"), forget_everything),
        {"why": STUB},
        [LOST + "imports, f, test_f, g, test_g, how, draw", MISSING + "why"],
    ),
    "all lost, one answer in words not given": (
        both(write("how", STUB), forget_everything),
        {"how": STUB},
        [LOST + "imports, f, test_f, why, g, test_g, how, draw"],
    ),
    "answer deleted": (delete("f"), {"f": STUBS["f"]}, [MISSING + "f"]),
    "answer emptied": (write("f", ""), {"f": ""}, []),
    "test and locked cells deleted": (
        delete("imports", "test_f", "draw"),
        {},
        [MISSING + "imports, test_f, draw"],
    ),
    "teacher's text deleted": (delete_places(0, 4), {}, [MISSING + "'# Small', 'Why <b>one</b>?'"]),
    "test rewritten": (
        write("test_f", "pass"),
        {},
        ["Locked cells were changed, the released ones are back: test_f"],
    ),
    "points raised": (
        change(points=100),
        {},
        [LOST + "imports, f, test_f, why, g, test_g, how, draw"],
    ),
    "tests flagged as answers": (
        change(solution=True, locked=False, grade=True),
        {},
        [LOST + "imports, f, test_f, g, test_g, draw"],
    ),
    "old schema": (
        change(schema_version=1),
        {},
        [LOST + "imports, f, test_f, why, g, test_g, how, draw"],
    ),
    "new schema": (
        change(schema_version=99),
        {},
        [LOST + "imports, f, test_f, why, g, test_g, how, draw"],
    ),
    "test copied with its metadata": (
        copy("test_f", "1.0"),
        {},
        [
            COPIES + "test_f",
            "Locked cells were changed, the released ones are back: test_f",
        ],
    ),
    "test copied without metadata": (
        add(8, new_code_cell("assert f() == 1  \n")),
        {},
        [COPIES + "'assert f() == 1'"],
    ),
    "answer copied": (
        copy("f"),
        {},
        ["Cells of one answer were several, one is kept: f"],
    ),
    "answer copied, copy is the stub": (
        copy("f", STUBS["f"] + "\n"),
        {},
        ["Cells of one answer were several, one is kept: f"],
    ),
    "answer split": (
        copy("f", "def helper():\n    return 1", place=2),
        {"f": "def helper():\n    return 1\n\n" + F},
        ["Cells of one answer were several, joined: f"],
    ),
    "answer split, one half empty": (
        copy("f", " \n"),
        {},
        ["Cells of one answer were several, one is kept: f"],
    ),
    "answer in words split": (
        copy("why", "And so on."),
        {"why": ANSWERS["why"] + "\n\nAnd so on."},
        ["Cells of one answer were several, joined: why"],
    ),
    "two answers in one cell": (
        both(write("f", F + "\n\n" + G), delete("g")),
        {"f": F + "\n\n" + G, "g": F + "\n\n" + G},
        ["Answers found in the cell of another answer: g in f"],
    ),
    "code answer turned into text": (
        retype("f", "markdown"),
        {},
        ["Cells had another type: f"],
    ),
    "answer in words turned into code": (
        retype("why", "code"),
        {},
        ["Cells had another type: why"],
    ),
    "test turned into text": (retype("test_f", "raw"), {}, ["Cells had another type: test_f"]),
    "in another order": (
        lambda notebook: notebook.cells.reverse(),
        {},
        ["Cells were in another order"],
    ),
    "another language": (
        kernel,
        {},
        ["The notebook was set to another language than python: julia"],
    ),
    "another kernel of the language": (colab_kernel, {}, []),
    "empty cells added": (add(3, new_code_cell(" \n")), {}, []),
    "ids are numbers, sources lists": (
        lambda notebook: [
            cell.update(id=7, source=cell.source.splitlines(keepends=True))
            for cell in notebook.cells
        ],
        {},
        [],
    ),
    "things that are no cells": (
        lambda notebook: notebook.cells.extend([None, 7, "cell", {}, {"cell_type": 3}]),
        {},
        [],
    ),
    "metadata that are none": (
        lambda notebook: [cell.update(metadata=[7]) for cell in notebook.cells],
        {},
        [LOST + "imports, f, test_f, why, g, test_g, how, draw"],
    ),
    "half a letter": (
        write("f", F + "  # \ud83d"),
        {"f": F + "  # \ufffd"},
        [],
    ),
}


@pytest.mark.parametrize(("damage", "answers", "notes"), DAMAGES.values(), ids=DAMAGES)
def test_damage(tmp_path, damage, answers, notes):
    notebook = filled()
    damage(notebook)
    result = repaired(tmp_path, notebook)
    assert answers_of(result.notebook) == ANSWERS | answers
    assert result.notes == notes
    assert extras_of(result.notebook) == []
    check_release(result.notebook)
    check_idempotent(tmp_path, result)


def test_cells_of_the_students_own_stay_where_they_were(tmp_path):
    notebook = filled()
    for name, source in [("test_f", "plot()"), ("f", "def helper(): return 1"), ("imports", "x=1")]:
        notebook.cells.insert(place_of(notebook, name), new_code_cell(source, metadata={"a": 1}))
    notebook.cells.insert(0, new_markdown_cell("My name"))
    notebook.cells.append(new_code_cell("plt.show()"))
    notebook.cells.append(nbformat.v4.new_raw_cell("raw"))
    notebook.cells.append(graded(new_code_cell("plt.show()"), "unknown", 100, grade=True))
    result = repaired(tmp_path, notebook)
    names = [grade_id(cell) or cell.source for cell in result.notebook.cells]
    assert names[:8] == [
        "My name", "# Small", "x=1", "imports", "def helper(): return 1", "f", "plot()", "test_f",
    ]  # fmt: skip
    assert names[-4:] == ["draw", "plt.show()", "raw", "plt.show()"]
    assert [cell.cell_type for cell in result.notebook.cells[-3:]] == ["code", "markdown", "code"]
    assert result.notes == []
    check_release(result.notebook)
    check_idempotent(tmp_path, result)


def test_what_a_student_wrote_into_the_assignments_text_is_kept_below_it(tmp_path):
    notebook = filled()
    notebook.cells[0].source = "# Small\n\nBy Ada"
    cell_of(notebook, "draw").source = "Draw it below.\n\nI did."
    result = repaired(tmp_path, notebook)
    assert extras_of(result.notebook) == ["# Small\n\nBy Ada", "Draw it below.\n\nI did."]
    assert result.notebook.cells[1].source == "# Small\n\nBy Ada"
    assert result.notes == [
        "Texts of the assignment were changed, the student's version is below: '# Small', draw"
    ]
    check_idempotent(tmp_path, result)


def test_a_repair_does_not_change_the_release(tmp_path):
    before = deepcopy(SMALL)
    repaired(tmp_path, filled()).notebook.cells[0].source = "changed"
    assert before == SMALL


# --- files ------------------------------------------------------------------------------------

TEXT = json.dumps(filled(), ensure_ascii=False)


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        (TEXT.encode(), []),
        (TEXT.encode("utf-8-sig"), []),
        (TEXT.encode("utf-16"), []),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), []),
        (TEXT.encode("latin-1"), ["Read as Windows-1252: accents may be wrong"]),
        (TEXT.replace("*care*", "\x81").encode("latin-1"), None),
        (TEXT.replace('"nbformat_minor": 5', '"nbformat_minor": 99').encode(), []),
        (TEXT.replace('"nbformat_minor": 5', '"nbformat_minor": 2').encode(), []),
        (TEXT.replace('"nbformat_minor": 5', '"nbformat_minor": null').encode(), []),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16-be", "latin-1", "latin-1-c1", "new", "old", "no minor"],
)
def test_encodings_and_formats(tmp_path, data, notes):
    (tmp_path / "small.ipynb").write_bytes(data)
    result = repair(tmp_path, SMALL, "small")
    if notes is None:
        assert result.notes == ["Read as Latin-1: accents may be wrong"]
    else:
        assert result.notes == notes and answers_of(result.notebook) == ANSWERS
    check_release(result.notebook)


def test_nbformat_3(tmp_path):
    old = nbformat.convert(filled(), 3)
    assert "worksheets" in old
    result = repaired(tmp_path, old)
    assert answers_of(result.notebook) == ANSWERS
    assert result.notes == []
    check_release(result.notebook)


UNREADABLE = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\xef\xbb\xbf \n", "the file is empty"),
    "zeros": (b"\0" * 100, "the file is empty"),
    "cut off": (TEXT[:500].encode(), "no notebook, or one that is cut off: not JSON from line 1"),
    "a list": (b"[]", "no notebook: it has no cells"),
    "a number": (b"7", "no notebook: it has no cells"),
    "no cells": (b"{}", "no notebook: it has no cells"),
    "cells in a dict": (b'{"cells": {}}', "no notebook: it has no cells"),
    "damaged nbformat 3": (b'{"worksheets": [7]}', "a notebook of an old format, and damaged"),
    "nested": (b"[" * 100_000, "no notebook: JSON that no program would have written"),
    "digits": (b"9" * 10_000, "no notebook: JSON that no program would have written"),
    "an image": (b"\x89PNG\r\n\x1a\n", "no notebook, or one that is cut off: not JSON from line 1"),
}


@pytest.mark.parametrize(("data", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable(tmp_path, data, words):
    (tmp_path / "small.ipynb").write_bytes(data)
    with pytest.raises(Unreadable) as error:
        repair(tmp_path, SMALL, "small")
    assert error.value.reason.startswith(f"small.ipynb: {words}")
    assert str(error.value) == error.value.reason


def test_a_file_that_is_too_large(tmp_path):
    with open(tmp_path / "small.ipynb", "wb") as file:
        file.truncate(20_000_001)  # a hole: no bytes on the disk
    with pytest.raises(Unreadable, match="20 MB, larger than 20 MB"):
        repair(tmp_path, SMALL, "small")


def test_nothing_was_handed_in(tmp_path):
    with pytest.raises(Unreadable, match="nothing was handed in"):
        repair(tmp_path / "nothing", SMALL, "small")
    with pytest.raises(Unreadable, match="no notebook was handed in, but an empty folder"):
        repair(tmp_path, SMALL, "small")
    (tmp_path / "report.pdf").touch()
    (tmp_path / "small.ipynb").mkdir()
    with pytest.raises(Unreadable, match=r"no notebook was handed in, but report\.pdf, small"):
        repair(tmp_path, SMALL, "small")


@pytest.mark.parametrize(
    "name",
    [
        "small (1).ipynb",
        "Small.IPYNB",
        "smäll.ipynb",
        "small.ipynb.txt",
        "Copy of small.ipynb.json",
    ],
)
def test_another_name(tmp_path, name):
    hand_in(tmp_path, filled(), name)
    result = repair(tmp_path, SMALL, "small")
    assert answers_of(result.notebook) == ANSWERS
    assert result.notes == [f"Taken for the notebook of the assignment: {name}"]


def test_the_notebook_in_a_folder(tmp_path):
    hand_in(tmp_path / "work", filled())
    for hidden in (".ipynb_checkpoints", "__MACOSX"):
        hand_in(tmp_path / hidden, SMALL)
    hand_in(tmp_path, SMALL, "._small.ipynb")
    result = repair(tmp_path, SMALL, "small")
    assert answers_of(result.notebook) == ANSWERS
    assert result.notes == ["Taken for the notebook of the assignment: work/small.ipynb"]


def test_of_several_notebooks_the_right_name_is_taken(tmp_path):
    hand_in(tmp_path, SMALL)
    hand_in(tmp_path, filled(), "small (1).ipynb")
    result = repair(tmp_path, SMALL, "small")
    assert answers_of(result.notebook) == STUBS
    assert result.notes == ["Other notebooks, not graded: small (1).ipynb"]


def test_of_several_names_the_notebook_that_is_most_like_the_release_is_taken(tmp_path):
    half = filled()
    half.cells = half.cells[:6]
    hand_in(tmp_path, half, "a.ipynb")
    hand_in(tmp_path, METRICS, "b.ipynb")
    hand_in(tmp_path, SMALL, "c.ipynb")
    hand_in(tmp_path, filled(), "d.ipynb")
    hand_in(tmp_path, filled(), "e.ipynb")
    (tmp_path / "f.ipynb").touch()
    result = repair(tmp_path, SMALL, "small")
    assert answers_of(result.notebook) == ANSWERS
    assert result.notes == [
        "Taken for the notebook of the assignment: d.ipynb",
        "Other notebooks, not graded: a.ipynb, b.ipynb, c.ipynb, e.ipynb",
        "Cannot be read: f.ipynb (the file is empty)",
    ]


def test_when_the_right_name_cannot_be_read_another_is_taken(tmp_path):
    (tmp_path / "small.ipynb").write_text('{"cells": [')
    hand_in(tmp_path, filled(), "small (1).ipynb")
    result = repair(tmp_path, SMALL, "small")
    assert answers_of(result.notebook) == ANSWERS
    assert len(result.notes) == 2 and result.notes[1].startswith("Cannot be read: small.ipynb (no")


def test_links_are_never_followed(tmp_path):
    other = hand_in(tmp_path / "other", filled())
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "small.ipynb").symlink_to(other / "small.ipynb")
    with pytest.raises(Unreadable, match=r"small\.ipynb is a link: no notebook was handed in"):
        repair(folder, SMALL, "small")
    (folder / "more").symlink_to(other)
    (folder / "data.csv").symlink_to("nowhere")
    with pytest.raises(Unreadable, match=r"small\.ipynb is a link"):
        repair(folder, SMALL, "small")
    hand_in(folder, SMALL, "mine.ipynb")
    result = repair(folder, SMALL, "small")
    assert answers_of(result.notebook) == STUBS
    assert result.notes == [
        "Links, not followed: data.csv, more, small.ipynb",
        "Taken for the notebook of the assignment: mine.ipynb",
    ]
    (tmp_path / "link").symlink_to(other)
    with pytest.raises(Unreadable, match="a link was handed in"):
        repair(tmp_path / "link", SMALL, "small")


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "small.ipynb")  # opening it would wait for ever
    with pytest.raises(Unreadable, match="no notebook was handed in"):
        repair(tmp_path, SMALL, "small")


def test_a_name_that_cannot_be_printed(tmp_path):
    hand_in(tmp_path, filled(), os.fsdecode(b"sm\xffll\n\x1b[31m.ipynb"))
    notes = repair(tmp_path, SMALL, "small").notes
    assert notes == ["Taken for the notebook of the assignment: sm?ll??[31m.ipynb"]


def test_repair_writes_nothing(tmp_path):
    repaired(tmp_path, filled())
    assert [path.name for path in tmp_path.rglob("*")] == ["small.ipynb"]


# --- images -----------------------------------------------------------------------------------

PIXEL = base64.b64encode(b"\x89PNG pixel").decode()
OTHER = base64.b64encode(b"\x89PNG other").decode()


def with_images(text, **images):
    cell = new_markdown_cell(text, attachments={n: {"image/png": v} for n, v in images.items()})
    return cell


def test_images_are_kept_under_names_that_the_renderer_finds(tmp_path):
    notebook = filled()
    cell = cell_of(notebook, "why")
    cell.source = "![a](attachment:image.png) ![b](attachment:l%27%C3%A9cran%201.png)"
    cell["attachments"] = {
        "image.png": {"image/png": PIXEL},
        "l'écran 1.png": {"image/png": OTHER},
    }
    copied = deepcopy(cell)
    copied.source = "![c](attachment:image.png)"
    copied["attachments"] = {"image.png": {"image/png": OTHER}}
    notebook.cells.append(copied)
    result = repaired(tmp_path, notebook)
    cell = cell_of(result.notebook, "why")
    assert cell.attachments == {
        "image.png": {"image/png": PIXEL},
        "image-2.png": {"image/png": OTHER},
        "image-3.png": {"image/png": OTHER},
    }
    assert [image["src"][-20:] for image in rendered(cell).select("img")] == [
        (";base64," + data)[-20:] for data in (PIXEL, OTHER, OTHER)
    ]
    check_idempotent(tmp_path, result)


@pytest.mark.parametrize(
    "bundle",
    [
        {"image/png": "A" * 2_000_001},
        {"text/html": PIXEL},
        {"image/svg+xml": "PHN2Zz4="},
        {"image/png": '"><script>'},
        {"image/png": ""},
        {"image/png": 7},
        {},
        7,
    ],
)
def test_other_attachments_are_left_out(tmp_path, bundle):
    notebook = filled()
    notebook.cells.append(
        {
            "cell_type": "markdown",
            "source": "![x](attachment:x.png) [a](https://example.org)",
            "attachments": {"x.png": bundle},
        }
    )
    result = repaired(tmp_path, notebook)
    assert "attachments" not in result.notebook.cells[-1]
    assert extras_of(result.notebook) == ["![x] (attachment:x.png) [a](https://example.org)"]
    assert [note.split(":")[0] for note in result.notes] == [
        "Attachments that are no images, or too large, left out",
        "Images are missing in a text",
    ]
    assert not dangers(rendered(result.notebook.cells[-1]))
    check_idempotent(tmp_path, result)


# --- HTML -------------------------------------------------------------------------------------

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "text <img src=x onerror=alert(1)> text",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<IMG\n  SRC=x\n  oNeRrOr=alert(1)\n>",
    "<img\tsrc=x\tonerror=alert(1)>",
    "<div\nonmouseover='alert(1)'>x",
    "<img src=x onerror=alert(1)",
    "<div onclick=alert(1) <b>x</b>",
    "<!-- --><script>alert(1)</script><!-- -->",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php <script>alert(1)</script> ?>",
    "<!DOCTYPE html [<script>alert(1)</script>]>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='&lt;script&gt;alert(1)&lt;/script&gt;'></iframe>",
    "<style>* {display: none}</style>",
    "<base href=https://evil.example/>",
    '<meta http-equiv="refresh" content="0; url=https://evil.example">',
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<math><a xlink:href=javascript:alert(1)>x</a></math>",
    "<details open ontoggle=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "</p><script>alert(1)</script>",
    "$x <script>alert(1)</script> y$ <b>",
    "$$\n<script>alert(1)</script>\n$$\n<script>alert(1)</script>",
    "$ <script>alert(1)</script>",
    "- item\n  <script>alert(1)</script>\n",
    "- <div>\n  <script>alert(1)</script>\n",
    "> <script>\n> alert(1)\n> </script>",
    "1. > - <iframe src=javascript:alert(1)>",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "# <script>alert(1)</script>",
    "term\n: <script>alert(1)</script>",
    "`` ` `<script>alert(1)</script>",
    "```\nx\n```\n<script>alert(1)</script>",
    "```mermaid\n<script>alert(1)</script>\n```",
    "~~~mermaid\n<img src=x onerror=alert(1)>\n~~~",
    "    code\n\n<script>alert(1)</script>",
    "**<script>alert(1)</script>**",
    "[<img src=x onerror=alert(1)>](https://example.org)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x]( \n javascript:alert(1) 'title')",
    "[x](java&#115;cript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](javascript&amp;colon;alert(1))",
    "[x](javascript&amp;#58;alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](&#1;javascript:alert(1))",
    "[x](javascript\\:alert(1))",
    "[x](files/javascript:alert(1))",
    "[x](/files/javascript:alert(1))",
    "[x](vbscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](DATA:text/html,&lt;script&gt;alert(1)&lt;/script&gt;)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](javascript:alert(1))",
    "<javascript:alert(1)>",
    "<data:text/html,alert>",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "[x]\n\n[x]: <javascript:alert(1)>\n  'title'",
    "> [x][1]\n>\n> [1]: javascript:alert(1)",
    "<div>\n[x](javascript:alert(1))",
    "<b>[x](java&#115;cript:alert(1))</b>",
    "![x](&#97;ttachment:gone.png)",
    "![x][1]\n\n[1]: attachment:gone.png",
]
MARKDOWN = set(
    "html head body p em strong del a img br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code"
    " table thead tbody tr th td dl dt dd div span input".split()
)


EXPORTER = HTMLExporter()


def rendered(cell):
    """Render a cell's text as the page of feedback does."""
    context = {"cell": cell, "resources": {}}
    text = strip_files_prefix(EXPORTER.markdown2html(context, cell.source))
    return BeautifulSoup(text, "html.parser")


def dangers(soup):
    """List what of a page could run, or change the page around it."""
    found = [
        f"{type(text).__name__}"
        for text in soup.find_all(string=True)
        if isinstance(text, PreformattedString)
    ]
    for element in soup.find_all(True):
        found += [element.name] if element.name not in MARKDOWN else []
        for name, value in element.attrs.items():
            url = "".join(str(value).split()).lower()
            raster = url.startswith(("data:image/png;", "data:image/jpeg;"))
            runs = url.startswith(("javascript:", "vbscript:", "data:")) and not raster
            shown = name in ("alt", "class", "id", "title")  # texts, and no links
            if name.startswith("on") or name == "style" or (runs and not shown):
                found.append(f"{element.name} {name}")
    return found


def repaired_text(folder, text):
    notebook = filled(SMALL, ANSWERS | {"why": text})
    result = repaired(folder, notebook)
    return cell_of(result.notebook, "why"), result


def test_the_attacks_are_attacks():
    """On the text as it is, the renderer makes something that runs, or stops."""
    working = 0
    for text in ATTACKS:
        try:
            working += bool(dangers(rendered(new_markdown_cell(text))))
        except Exception as error:
            assert "missing attachment" in str(error)
            working += 1
    assert len(ATTACKS) > 70 and working > 60


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_is_shown_as_text(tmp_path, text):
    cell, result = repaired_text(tmp_path, text)
    assert dangers(rendered(cell)) == []
    # What is left holds all that was written, but for the spaces.
    assert cell.source.replace(" ", "") == text.replace(" ", "")
    assert (result.notes == []) == (cell.source == text)
    check_idempotent(tmp_path, result)


def test_the_page_of_feedback_runs_nothing_of_a_student(tmp_path):
    """Nbgrader's own template; every attack as an answer, and as a cell of the student's."""
    page, honest = (
        BeautifulSoup(feedback(tmp_path, attacks), "html.parser") for attacks in (ATTACKS, [])
    )
    for name in ("script", "style", "iframe", "base", "meta", "form", "object", "svg", "link"):
        assert page.find_all(name) == honest.find_all(name), name
    assert len(page.select("div.text_cell_render")) > len(ATTACKS)
    for part in page.select("div.text_cell_render"):
        assert "Why one?" in part.get_text() or dangers(part) == []
    assert not [e for e in page.find_all(True) if any(a.startswith("on") for a in e.attrs)]


def feedback(folder, attacks):
    notebook = filled(SMALL, ANSWERS | {"why": "\n\n".join(attacks) or "text"})
    notebook.cells += [new_markdown_cell(text) for text in attacks]
    notebook.cells += [nbformat.v4.new_raw_cell(text) for text in attacks]
    notebook = repaired(folder, notebook).notebook
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(score=0, comment=None)
    formgrader = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
    styles = formgrader / "static" / "node_modules" / "bootstrap" / "dist" / "css"
    exporter = HTMLExporter(
        template_name="feedback",
        extra_template_basedirs=[str(formgrader / "templates")],
        extra_template_paths=[str(styles)],
    )
    marks = {"score": 0, "max_score": 1, "late_penalty": 0, "notebook": "small"}
    return exporter.from_notebook_node(notebook, {"nbgrader": marks})[0]


@pytest.mark.parametrize(
    "text",
    [
        "$a<b$ and $$x<y>z$$ and $\\alpha<\\beta$",
        "`<script>` makes a script, `vector<int>` does not.",
        "```html\n<script>alert(1)</script>\n```",
        "```python\nif a<b: x[0](1)\nd[k]: int\n```",
        "    <script>indented code</script>",
        "a < b, 1<2, <3, ->, <-, <=, x<y (no tag)",
        "&lt;script&gt; is an entity",
        "<https://example.org> and <ada@example.org>",
        "[x](https://example.org/a:b?c&lt=1) [y](#part) [z](mailto:ada@example.org)",
        "![x](data:image/png;base64," + "iVBO" * 9000 + ")",
        "```mermaid\ngraph LR\nA-->B\n```",
        "- [ ] to do\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "a \\<b>",
    ],
)
def test_a_harmless_text_stays_as_it_is(tmp_path, text):
    cell, result = repaired_text(tmp_path, text)
    assert (cell.source, result.notes) == (text, [])
    assert dangers(rendered(cell)) == []


def test_the_teachers_html_stays(tmp_path):
    result = repaired(tmp_path, filled())
    assert result.notebook.cells[4].source == "Why <b>one</b>?"


def test_a_note_says_that_html_is_shown_as_text(tmp_path):
    notebook = filled(SMALL, ANSWERS | {"why": "x<br>y [a](https://example.org)"})
    notebook.cells.append(new_markdown_cell("<b>bold</b>"))
    result = repaired(tmp_path, notebook)
    assert cell_of(result.notebook, "why").source == "x< br>y [a](https://example.org)"
    assert result.notes == [
        "HTML or a link that could run is shown as text: why, cell '<b>bold</b>'"
    ]


def test_a_long_text_and_a_failing_renderer(tmp_path, monkeypatch):
    text = "`<i>`" + "word " * 3000
    assert repaired_text(tmp_path, text)[0].source == text.replace("<", "< ")
    monkeypatch.setattr(module.MarkdownWithMath, "render", lambda *_: 1 / 0)
    assert repaired_text(tmp_path, "`a[0](b)`")[0].source == "`a[0] (b)`"


PIECES = st.sampled_from(
    [*"<>[]()`$\\&;:!\"'*_~#|=-/ \n\t>", "javascript:", "a", "<img src=x onerror=a>", "script",
     "&lt;", "&colon;", "[x](", "[1]: ", "[1]", "```", "mermaid\n", "files/", "attachment:", "\n> ",
     "\n- ", "    ", "$$", "\\begin{a}", "\\end{a}", "<!--", "-->", "https://", "<a", "data:"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_is_made_harmless(text):
    harmless = module._harmless(text, {})
    assert dangers(rendered(new_markdown_cell(harmless))) == []
    assert module._harmless(harmless, {}) == harmless
    assert harmless.replace(" ", "") == text.replace(" ", "")


# --- any damage -------------------------------------------------------------------------------

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["delete", "copy", "move", "metadata", "id", "type", "empty", "extra", "swap", "html"]
        ),
        st.integers(0, 12),
        st.integers(0, 12),
    ),
    max_size=8,
)


def apply(notebook, operation, a, b):
    cells = notebook.cells
    a, b = a % (len(cells) or 1), b % (len(cells) or 1)
    match operation:
        case _ if not cells:
            return
        case "delete":
            del cells[a]
        case "copy":
            cells.insert(b, deepcopy(cells[a]))
        case "move":
            cells.insert(b, cells.pop(a))
        case "metadata":
            cells[a].metadata = {}
        case "id":
            cells[a].pop("id", None)
        case "type":
            cells[a].cell_type = ["code", "markdown", "raw"][b % 3]
        case "empty":
            cells[a].source = "\n" * (b % 2)
        case "extra":
            cells.insert(a, new_code_cell(f"extra = {b}"))
        case "swap":
            cells[a].metadata, cells[b].metadata = cells[b].metadata, cells[a].metadata
        case "html":
            cells[a].source = ATTACKS[b] + cells[a].source


@given(operations=OPERATIONS)
def test_any_damage(tmp_path_factory, operations):
    folder = tmp_path_factory.mktemp("submission")
    notebook = filled()
    for operation in operations:
        apply(notebook, *operation)
    result = repaired(folder, notebook)
    check_release(result.notebook)
    assert repaired(folder, notebook) == result
    check_idempotent(folder, result)


@given(
    cells=st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cell_type", "source", "metadata", "nbgrader", "grade_id", "id",
                             "attachments", "points", "image/png"]),
            inner,
            max_size=5,
        ),
        max_leaves=30,
    ),
    key=st.sampled_from(["cells", "worksheets", "metadata"]),
)  # fmt: skip
def test_any_json(tmp_path_factory, cells, key):
    folder = hand_in(tmp_path_factory.mktemp("submission"), {"cells": []} | {key: cells})
    try:
        result = repair(folder, SMALL, "small")
    except Unreadable as error:
        assert error.reason
    else:
        check_release(result.notebook)


@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("submission")
    (folder / "small.ipynb").write_bytes(data)
    with pytest.raises(Unreadable):
        repair(folder, SMALL, "small")


def test_what_is_too_long_is_cut_off_and_told(tmp_path):
    notebook = filled()
    notebook.cells += [new_code_cell("x = 1\n" * 20_000), new_markdown_cell("a" * 60_000)]
    notebook.cells += [new_code_cell("1") for _ in range(2_000)]
    result = repaired(tmp_path, notebook)
    assert max(len(cell.source) for cell in result.notebook.cells) == 100_000
    assert {*result.notes} == {
        "Cut off: more than 2000 cells, a code cell of more than 100000 characters, "
        "a markdown cell of more than 50000 characters"
    }


def test_a_folder_of_a_student_that_is_a_link(tmp_path):
    (tmp_path / "classmate").mkdir()
    hand_in(tmp_path / "classmate" / "small", filled())
    (tmp_path / "me").symlink_to(tmp_path / "classmate")
    with pytest.raises(Unreadable, match="a link was handed in"):
        repair(tmp_path / "me" / "small", SMALL, "small")


@pytest.mark.parametrize("source", ["f = lambda: 1", "def mine():\n    return 1\nf = mine"])
def test_a_function_is_recognised_however_it_gets_its_name(tmp_path, source):
    notebook = filled(SMALL, ANSWERS | {"f": source})
    for cell in notebook.cells:
        cell.metadata.clear()
        cell.id = f"new-{cell.id}"
    result = repaired(tmp_path, notebook)
    assert cell_of(result.notebook, "f").source == source
