"""No submission harms another, wins a point, reads a secret or stays: see hostile/."""

import re
import tempfile
import warnings
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from hostile import ATTACKS, GROUPS
from hostile.attack import Attack
from hostile.classroom import CLASSMATE, HONEST, Findings, grade_class
from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers
from tiny_class import RIGHT, SANDBOXED

from course_lib.grading import sandbox
from course_lib.grading.course import configuration
from course_lib.grading.grade import grade

pytestmark = pytest.mark.skipif(not SANDBOXED, reason=sandbox.unavailable().partition("\n")[0])
MOST_MEGABYTES = 1500  # of each of the grader's processes, which could have had 3000
NAMES = [attack.name for attack in ATTACKS]


@pytest.fixture(scope="module")
def findings():
    """The class, graded in one run."""
    with tempfile.TemporaryDirectory(prefix="class") as folder:
        yield grade_class(Path(folder).resolve(), [*HONEST, *ATTACKS])


def text_of(findings: Findings, student: str) -> str:
    """Return all that a student, or the teacher about the student, is told."""
    texts = [findings.results[student][2]]
    graded = findings.root / "autograded" / student / "tiny" / "tiny.ipynb"
    if graded.is_file():
        cells = nbformat.read(graded, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        texts += [output.get("text", "") for output in outputs]
    return "\n".join(texts)


def test_there_are_enough_attacks():
    assert len(set(NAMES)) == len(NAMES) >= 45
    assert {"Endless loops", "Bombs", "Exits and kills", "Network"} <= set(GROUPS)


@pytest.mark.parametrize("attack", ATTACKS, ids=NAMES)
def test_an_attack_has_the_mark_that_it_deserves(findings, attack):
    assert findings.is_as_foreseen(attack), (
        f"{attack.what} {findings.scores[attack.name]}, and not {attack.marks}: "
        f"{findings.results[attack.name]}"
    )


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.reason], ids=lambda a: a.name)
def test_there_is_a_reason_in_words(findings, attack):
    assert attack.reason in text_of(findings, attack.name)


def test_what_could_not_be_graded_says_why(findings):
    for student, (status, total, reason) in findings.results.items():
        assert (status in ("failed", "not graded")) <= bool(reason and not total), student


@pytest.mark.parametrize("student", HONEST, ids=lambda student: student.name)
def test_honest_students_keep_their_marks(findings, student):
    assert findings.scores[student.name] == student.marks
    assert findings.results[student.name][0] == "needs manual grading"


def test_equal_submissions_have_equal_results_wherever_they_stand(findings):
    assert text_of(findings, "0-honest-first") == text_of(findings, "zz-honest-last")


def test_nothing_of_others_and_nothing_of_the_course_is_touched(findings):
    assert findings.touched == []


def test_no_secret_is_in_any_file(findings):
    assert len(list(findings.produced())) > len(ATTACKS)
    assert findings.leaks() == []


def test_no_process_is_left(findings):
    assert findings.seen > 0, "the search for processes finds none"
    assert findings.left == []


def test_nobody_reached_a_socket(findings):
    assert findings.connections == []


def test_the_memory_of_the_grader_is_bounded(findings):
    assert 50 < findings.megabytes < MOST_MEGABYTES


def test_no_output_is_large(findings):
    sizes = {path.name: path.stat().st_size for path, _ in findings.produced()}
    assert max(sizes.values()) < 10_000_000, sizes


# --- pages ------------------------------------------------------------------------------------


def dangers(html: str, marker: str) -> list[str]:
    """Return what a browser would run, or fetch, of a student's."""
    found = []
    for tag in BeautifulSoup(html, "html.parser").find_all(True):
        inside = "".join(tag.strings) if tag.name in ("script", "style") else ""
        for name, value in tag.attrs.items():
            value = " ".join(value) if isinstance(value, list) else value
            runs = re.match(r"\s*(javascript|data:text)", value, re.I) or name.startswith("on")
            inside += value if runs or name in ("style", "srcdoc") else ""
        kinds = ("iframe", "object", "embed", "form", "base", "button")
        if marker in inside or (tag.name in kinds and marker in str(tag)):
            found.append(str(tag)[:200])
    return found


def test_dangers_are_recognised():
    assert len(dangers("<script>7</script><a href=' javascript:7'><img onerror=7>", "7")) == 3
    assert len(dangers("<iframe src=7></iframe><p style='a:7'>", "7")) == 2
    assert dangers("<p title=7>7</p><script>8</script>&lt;script&gt;7", "7") == []


def test_no_script_of_a_student_is_in_a_page_of_feedback(findings):
    pages = {path: text for path, text in findings.produced() if path.suffix == ".html"}
    assert len(pages) > len(ATTACKS) / 2
    marked = [path for path, text in pages.items() if findings.place.marker in text]
    assert {"script-output", "script-message", "script-markdown"} <= {p.parts[-3] for p in marked}
    for path in marked:
        assert dangers(pages[path], findings.place.marker) == [], path


@pytest.mark.parametrize(
    "student", [attack.name for attack in GROUPS["Scripts for the teacher's browser"]]
)
def test_no_script_of_a_student_is_in_the_page_of_the_formgrader(findings, student):
    """The formgrader shows ``autograded/`` on the origin of the teacher's Jupyter."""
    config = configuration(findings.root)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    graded = findings.root / "autograded" / student / "tiny" / "tiny.ipynb"
    names = ("assignment_id", "notebook_id", "submission_id", "base_url", "student")
    names += ("last_name", "first_name", "notebook_path")
    resources = dict.fromkeys(names, "x") | {"index": 0, "total": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exporter = HTMLExporter(config=config)
        html, _ = exporter.from_filename(str(graded), resources=resources)
    assert findings.place.marker in html, "the page shows nothing of the attack"
    assert dangers(html, findings.place.marker) == []


# --- every search above finds something where there is something ------------------------------

THIEF = {
    "total": """\
import os, pathlib, socket
home, root = pathlib.Path("@HOME@"), pathlib.Path("@ROOT@")
with socket.socket(socket.AF_UNIX) as line:
    line.connect("@SOCKET@")
stolen = [(home / ".netrc").read_text(), (root / "solutions/tiny/checks.py").read_text()]
(root / "submitted" / "0-honest-first" / "tiny" / "tiny.ipynb").write_text("{}")
print(stolen)
def total(values):
    return float(sum(values))"""
}


def test_without_the_sandbox_all_this_is_found(monkeypatch):
    """The same class without a sandbox; this thief is the test's own, and does little."""

    def unprotected(root, secret):
        found = grade(root, "tiny", sandboxed=False)
        results = {r.student: [r.status, r.total, r.reason] for r in found}
        return {"results": results, "seconds": 0}

    monkeypatch.setattr("hostile.classroom.run", unprotected)
    monkeypatch.setattr("course_lib.grading.grade.check_solution", lambda *args, **options: None)
    thief = Attack("thief", "Steals.", (0, 0), RIGHT | THIEF)
    with tempfile.TemporaryDirectory(prefix="class") as folder:
        found = grade_class(Path(folder).resolve(), [HONEST[0], thief])
        places = {origin for origin, path in found.leaks() if "thief" in path}
    assert places == {"the home", "the checks"}
    assert [Path(path).parts[-3] for path in found.touched] == [CLASSMATE]
    assert found.connections == ["path"]
    assert found.wrong([thief]) == ["thief"]
