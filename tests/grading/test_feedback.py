"""The students' pages: with the marks and comments of today, and without a hidden check."""

import re
import shutil
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from jinja2 import Environment
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.api import Gradebook
from nbgrader.server_extensions import formgrader
from tiny_class import STUDENTS, course
from traitlets.config import Config

from course_lib.grading import formulas
from course_lib.grading.course import CourseError
from course_lib.grading.feedback import FeedbackExporter, write_feedback

NOT_FINAL = "not final: a mark by hand is missing"
FORMGRADER = Path(formgrader.__file__).parent
TEMPLATE = {  # as nbgrader sets it
    "template_name": "feedback",
    "extra_template_basedirs": [str(FORMGRADER / "templates")],
    "extra_template_paths": [str(FORMGRADER / "static/node_modules/bootstrap/dist/css")],
}
HIDDEN = ["yield Case", "rng.normal", "no_values_are_refused", "smallest_twice"]


@pytest.fixture
def school(graded, tmp_path):
    """The class of `graded`, in a folder that may be changed."""
    return shutil.copytree(graded.root, tmp_path / "school")


def page(root, student):
    return (root / "feedback" / student / "tiny" / "tiny.html").read_text(encoding="utf-8")


def test_the_command_writes_a_page_for_each_student_who_was_graded(school):
    done = course(school, "report", "tiny", "--jobs", "2")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (school / "feedback").iterdir()} == set(STUDENTS)
    assert f"{NOT_FINAL}: {', '.join(sorted(STUDENTS))}\n" in done.output
    for student in STUDENTS:
        assert not [line for line in HIDDEN if line in page(school, student)], student
    assert "That is the mean: do not divide." in page(school, "mean")
    assert (school / "reports" / "tiny.html").is_file()


def test_marks_and_comments_by_hand_come_into_the_page(school):
    assert "Well argued." not in page_of(school, "amy")
    with Gradebook(f"sqlite:///{school / 'gradebook.db'}", "course") as gradebook:
        for grade in gradebook.find_submission_notebook("tiny", "tiny", "amy").grades:
            if grade.needs_manual_grade:
                grade.manual_score, grade.needs_manual_grade = 0.0, False
        gradebook.find_grade("explain", "tiny", "tiny", "amy").manual_score = 2.5
        gradebook.find_comment("explain", "tiny", "tiny", "amy").manual_comment = "Well argued."
        gradebook.db.commit()
    assert "Well argued." in page_of(school, "amy")
    assert "Score: 7.5 / 11.0" in page(school, "amy")
    assert "amy" not in write_feedback(school, "tiny", jobs=1)


def page_of(root, student):
    assert set(write_feedback(root, "tiny", jobs=1)) <= set(STUDENTS)
    return page(root, student)


def test_a_notebook_that_cannot_be_shown_costs_nobody_else_a_page(school):
    write_feedback(school, "tiny", jobs=1)
    before = page(school, "amy")
    (school / "autograded" / "amy" / "tiny" / "tiny.ipynb").write_text("{")
    (school / "feedback" / "mean" / ".tiny.new").mkdir()  # of a run that was interrupted
    shutil.rmtree(school / "feedback" / "mean" / "tiny")
    old = school / "feedback" / "amy" / "tiny"  # the same, a moment later
    old.rename(old.with_name(".tiny.old"))
    notes = write_feedback(school, "tiny", jobs=1)
    assert notes["amy"].startswith("no page of feedback: ") and len(notes["amy"]) > 40
    assert notes["mean"] == NOT_FINAL and "do not divide" in page(school, "mean")
    assert page(school, "amy") == before
    assert [path.name for path in (school / "feedback" / "mean").iterdir()] == ["tiny"]


def test_an_assignment_that_is_not_there(school):
    with pytest.raises(
        CourseError, match=r"nothing is not in the gradebook: run `course exercises nothing`"
    ):
        write_feedback(school, "nothing")
    for folder in (school / "autograded").iterdir():
        shutil.rmtree(folder)
    assert write_feedback(school, "tiny") == {}


# --- formulas -------------------------------------------------------------------------------------


def shown(*cells, output="", sanitize=True) -> BeautifulSoup:
    """Return the page of a notebook with these Markdown cells, and a cell with a LaTeX output."""
    display = new_output("display_data", {"text/latex": output, "text/plain": "plain"})
    notebook = nbformat.v4.new_notebook(cells=[*map(new_markdown_cell, cells)])
    notebook.cells.append(new_code_cell("print('$HOME$')", outputs=[display]))
    before = deepcopy(notebook)
    settings = Config({"HTMLExporter": {"sanitize_html": sanitize, **TEMPLATE}})
    resources = {"nbgrader": dict.fromkeys(("notebook", "score", "max_score", "late_penalty"), 0)}
    body, _ = FeedbackExporter(config=settings).from_notebook_node(notebook, resources)
    assert notebook == before
    page = BeautifulSoup(body, "html.parser")
    for style in page.select("style"):
        style.decompose()
    return page


def tex(page) -> list[str]:
    """Return the formulas of a page, each of which holds its TeX beside the MathML."""
    return [note.get_text() for note in page.select("math > semantics > annotation")]


def test_formulas_are_mathml():
    page = shown("If $a < b$: $$\\sum_i x_i$$", output="$\\displaystyle y < 2$")
    assert tex(page) == ["a < b", "\\sum_i x_i"]
    assert [math.get("display") for math in page.select("math")] == [None, "block"]
    assert "If " in page.get_text() and "'$HOME$'" in page.get_text() and "plain" not in str(page)


def test_a_matrix_is_a_formula_and_a_price_is_none():
    matrix = "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}"
    page = shown(f"$M = {matrix}$", "\\begin{align} a &= b \\end{align}", "It costs \\\\$5.")
    assert tex(page) == [f"M = {matrix}", "\\begin{align} a &= b \\end{align}"]
    assert len(page.select("mtable")) == 2 and "5." in page.get_text()


def test_a_mistake_in_a_formula_is_shown_as_it_was_written():
    page = shown("$\\nosuch{x}$ and $\\frac{1$")
    assert "\\nosuch{x}" in tex(page)[0]
    assert page.select_one(".katex-error").get_text() == "\\frac{1"


@pytest.mark.parametrize(
    "formula",
    [
        "\\href{javascript:alert(1)}{x}",
        "\\htmlData{onclick=alert(1)}{x}",
        "\\includegraphics{https://example.org/x.png}",
        "\\text{</annotation></math><script>alert(1)</script>}",
        "x <img src=https://example.org/x onerror=alert(1)>",
        '" onerror="alert(1)" x="',
        "\\def\\x{\\x\\x}\\x",
    ],
)
@pytest.mark.parametrize("cell", ["${}$", "# ${}$", "![${}$](data:image/png;base64,AA==)"])
def test_a_formula_runs_nothing_and_loads_nothing(cell, formula):
    page = shown(cell.replace("{}", formula))
    assert not page.select("script, iframe, object, link")
    for element in page.find_all(True):
        assert not [name for name in element.attrs if name.startswith("on")], element
        for name in ("src", "href", "xlink:href"):
            assert not re.match(r"\s*(javascript|https?):", element.get(name, "")), element


def test_an_output_in_latex_is_no_html():
    output = "<img src=x onerror=alert(1)><script>alert(1)</script> [$y$](javascript:alert(1))"
    page = shown("$x$", output=output, sanitize=False)
    assert tex(page) == ["x"] and not page.select("img, script, [href^=javascript]")


def test_a_place_of_a_formula_is_left_nowhere(monkeypatch):
    monkeypatch.setattr("course_lib.grading.feedback.token_hex", lambda size: "feed")
    page = shown("# The *norm* $x$", "![$x$](data:image/png;base64,AA==)", "$x$ feedx0x")
    assert "feedx" not in str(page)
    assert page.select_one("img")["alt"] == "x"


def test_node_is_asked_once_and_its_end_is_told(monkeypatch):
    first = formulas.to_mathml([("u_1", False), ("u_1", True), ("u_1", False)])
    monkeypatch.setattr(formulas, "SCRIPT", "throw new Error('no memory')")
    assert formulas.to_mathml([("u_1", True), ("u_1", False)]) == first
    with pytest.raises(OSError, match="no memory"):
        formulas.to_mathml([("u_2", False)])


def test_a_page_asks_nothing_of_the_network(school):
    page = BeautifulSoup(page_of(school, "amy"), "html.parser")
    assert page.select("style") and not page.select("script[src], iframe, object")
    for name in ("src", "href"):
        for element in page.find_all(True, {name: True}):
            assert element[name].startswith(("data:", "#")), element
    assert not re.search(r"(url\(|@import )['\"]?(https?:)?//", str(page))


def test_templates_are_compiled_once(monkeypatch):
    notebook, settings = nbformat.v4.new_notebook(), Config()
    FeedbackExporter(config=settings).from_notebook_node(notebook)
    compiled = []
    monkeypatch.setattr(Environment, "_generate", lambda *args, **_: compiled.append(args))
    body, _ = FeedbackExporter(config=settings).from_notebook_node(notebook)
    assert "<html" in body and not compiled
