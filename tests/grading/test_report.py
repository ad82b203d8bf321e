"""The teacher's page and the marks for Moodle; and that feedback runs nothing of a student's."""

import asyncio
import csv
import json
import shutil
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import nbformat
import nbgrader
import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_markdown_cell
from nbgrader.api import Gradebook
from scipy import stats
from tiny_class import RIGHT, SANDBOXED, TINY, course, make_course, submit
from traitlets.config import Config

from course_lib.grading import anonymous as anonymous_module
from course_lib.grading import checks, item_statistics, records, source
from course_lib.grading import report as report_module
from course_lib.grading.anonymous import anonymous, identities, visible, without_comments
from course_lib.grading.course import CourseError, surroundings
from course_lib.grading.feedback import write_feedback
from course_lib.grading.grade import grade
from course_lib.grading.item_statistics import item_rest_correlation, wilson_interval
from course_lib.grading.records import Record
from course_lib.grading.report import _titles, _was_counted, moodle_csv, report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run"]

# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("passed", "n"), [(0, 1), (1, 1), (0, 12), (7, 12), (12, 12), (199, 200)])
def test_the_interval_is_wilsons(passed, n):
    expected = stats.binomtest(passed, n).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson_interval(passed, n), expected, atol=1e-12)


def test_intervals_of_several_checks_at_once():
    low, high = wilson_interval([0, 5, 10], [10, 10, 10])
    assert low.shape == high.shape == (3,)
    assert low[0] == 0 < high[0] and low[1] < 0.5 < high[1] and low[2] < 1 == pytest.approx(high[2])


def test_discrimination_is_the_correlation_with_the_other_checks():
    rng = np.random.default_rng(5)
    earned = rng.integers(0, 2, size=(30, 4)) * np.array([1, 2, 0.5, 1])
    found = item_rest_correlation(earned)
    for j in range(4):
        rest = np.delete(earned, j, axis=1).sum(axis=1)
        assert found[j] == pytest.approx(stats.pointbiserialr(earned[:, j] > 0, rest).statistic)
        assert found[j] == pytest.approx(np.corrcoef(earned[:, j], rest)[0, 1])


def test_discrimination_counts_those_who_were_asked():
    rng = np.random.default_rng(6)
    earned = rng.random((12, 3))
    earned[8:, 2] = np.nan
    rest = earned[:8, 0] + earned[:8, 1]
    assert item_rest_correlation(earned)[2] == pytest.approx(np.corrcoef(earned[:8, 2], rest)[0, 1])


@pytest.mark.parametrize(
    "earned",
    [
        np.eye(4),  # fewer than five
        np.column_stack([np.arange(6.0), np.full(6, 0.1)]),  # one does not vary, nor the rest
        np.column_stack([np.arange(6.0)]),  # there is no rest
    ],
)
def test_where_nothing_varies_there_is_no_discrimination(earned):
    assert np.all(np.isnan(item_rest_correlation(earned)))


def test_rounding_is_no_variation():
    earned = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]] * 3)  # the rests of the second: 0.4, 0.4
    earned[::2, 1] += 1.0
    assert np.isnan(item_rest_correlation(earned)[1])


BAD_CALLS = [
    (wilson_interval, (1, 0), ValueError, "n > 0"),
    (wilson_interval, (3, 2), ValueError, "between 0 and n"),
    (wilson_interval, (-1, 2), ValueError, "between 0 and n"),
    (item_rest_correlation, ([1, 2],), ValueError, "expected a matrix, got 1 dimensions"),
]


@pytest.mark.parametrize(("function", "args", "error", "words"), BAD_CALLS)
def test_bad_calls(function, args, error, words):
    with pytest.raises(error, match=words):
        function(*args)


def test_every_public_function_is_known_here():
    names = [*item_statistics.__all__, *anonymous_module.__all__, *report_module.__all__]
    assert sorted(names) == sorted(
        ["FEWEST", "anonymous", "identities", "item_rest_correlation", "moodle_csv", "report"]
        + ["visible", "wilson_interval", "without_comments"]
    )


# --- without names ----------------------------------------------------------------------------


@given(st.text(alphabet="aé1 _#'", max_size=12), st.text(alphabet="aé1 _#'", max_size=12))
def test_a_name_is_nowhere_to_be_read(before, after):
    names = identities("hdupont", "Hélène", "Dupont", "h.dupont@univ.example")
    for name in ["hdupont", "HELENE", "Hélène", "he\u0301le\u0300ne", "dupont", "Dupont"]:
        hidden = anonymous(f"{before}{name}{after}", names).lower()
        assert "dupont" not in hidden and "lene" not in hidden and "lène" not in hidden


def test_a_short_name_is_replaced_where_it_is_a_word():
    assert anonymous("li = [Li, list, my_li]", identities("li")) == "… = […, list, my_…]"


def test_without_names_nothing_is_hidden():
    assert anonymous("f(1)", []) == "f(1)"


@pytest.mark.parametrize(
    "code", ["# by Ann\nx = 1  # Ann\n", "x = 1  # Ann\nif (", "x = 1  # Ann\n  y", "# Ann\n'x"]
)
def test_comments_are_left_out_of_any_code(code):
    assert "Ann" not in without_comments(code)


def test_code_is_no_comment():
    assert without_comments("x = '# 1'\n\n\n# a\n\ny = 2") == "x = '# 1'\n\ny = 2"


def test_what_is_invisible_is_shown():
    assert visible("a\x00\u202e\u200b\ud800\nb\té") == "a\\u0000\\u202e\\u200b\\ud800\nb\té"


# --- a class ----------------------------------------------------------------------------------

MEAN = "def total(values):\n    # ann wrote this\n    ann = 1\n    return sum(values) / len(values)"
LONG = "def total(values):\n    result = sum(values) / len(values)\n    return result"
CRASH = "def total(values):\n    raise RuntimeError('bob was here')"
VERSIONS = {"python": "3.11.7", "numpy": "2.4.6"}
NOON = "2026-07-21T10:00:00+00:00"


def outcomes(code: str) -> list[dict]:
    """Run the hidden checks of the tiny assignment on a function ``total``; spread is right."""
    suite, names = checks.load(TINY), {"np": np}
    exec(RIGHT["spread"] + "\n" + code, names)
    return [
        {"cell": cell, **vars(outcome)}
        for cell in ("test_total", "test_spread")
        for outcome in checks.run(suite, cell, checks.in_process(names))
    ]


class Class:
    """A course whose gradebook, records and autograded notebooks are written here."""

    def __init__(self, root: Path) -> None:
        self.root = make_course(root)
        self.url = f"sqlite:///{root / 'gradebook.db'}"
        with pytest.MonkeyPatch.context() as patch:  # nbgrader asks a process that takes seconds
            patch.setattr("nbgrader.api.get_alembic_version", lambda: "head")
            with self.gradebook() as book:
                book.add_assignment("tiny", duedate="2026-07-20 12:00:00")
                book.add_notebook("tiny", "tiny")
                for cell, points in (("test_total", 3), ("test_spread", 2)):
                    book.add_grade_cell(cell, "tiny", "tiny", max_score=points, cell_type="code")
                book.add_grade_cell("explain", "tiny", "tiny", max_score=4, cell_type="markdown")

    @contextmanager
    def gradebook(self):
        with surroundings(), Gradebook(self.url, "course") as book:
            yield book
            book.db.commit()

    def add(self, student: str, code: str | None = RIGHT["total"], manual=2.0, hours=-1, **more):
        """Add a student; ``code`` None hands nothing in, ``manual`` None waits for a mark."""
        names = {name: more.pop(name, None) for name in ("first_name", "last_name", "email")}
        about = {"versions": VERSIONS, "graded_at": NOON, "seconds": 1.5} | more
        with self.gradebook() as book:
            book.add_student(student, **names)
            if code is None:
                return
            submission = book.add_submission("tiny", student)
            submission.timestamp = submission.assignment.duedate + np.timedelta64(
                int(hours * 3600), "s"
            ).astype(object)
            if "checks" not in about:
                about["checks"] = [] if about.get("status") == "failed" else outcomes(code)
            for grade in submission.notebooks[0].grades:
                earned = [item["earned"] for item in about["checks"] if item["cell"] == grade.name]
                if grade.name == "explain":
                    grade.manual_score, grade.needs_manual_grade = manual, manual is None
                elif earned:
                    grade.auto_score, grade.needs_manual_grade = sum(earned), False
        records.write(self.root, Record(student, "tiny", **about))
        notebook = self.root / "autograded" / student / "tiny" / "tiny.ipynb"
        notebook.parent.mkdir(parents=True)
        cell = {
            "cell_type": "code",
            "source": code,
            "metadata": {"nbgrader": {"grade_id": "total"}},
        }
        notebook.write_text(json.dumps({"cells": [cell]}), encoding="utf-8")

    def page(self) -> BeautifulSoup:
        return BeautifulSoup(report(self.root, "tiny").read_text("utf-8"), "html.parser")

    def moodle(self) -> list[dict[str, str]]:
        with moodle_csv(self.root, "tiny").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def empty(tmp_path):
    return Class(tmp_path)


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    made = Class(tmp_path_factory.mktemp("class"))
    mean = {"first_name": "Ann", "last_name": "Müller", "email": "ann@univ.example"}
    made.add("ann", MEAN, **mean, seconds=60.0, hours=3)
    made.add("anna", LONG, manual=None)
    made.add("bob", CRASH, flags=["uses exec"])
    made.add("cleo", manual=4.0, repairs=["Read as Latin-1"])
    made.add("dan", stopped="the code called exit()")
    made.add("eve", status="failed", reason="the file is empty")
    made.add("fay", code=None)
    made.add("gus", manual=0.0)
    (made.root / "records" / "tiny" / "stranger.json").write_text("{}")
    return made


@pytest.fixture(scope="module")
def page(classroom):
    return classroom.page()


def text(element) -> str:
    return " ".join(element.get_text(" ").replace("\xa0", " ").split())


def section(page, name: str) -> str:
    return text(page.find(id=name).parent)


def test_the_summary_counts_each_student_once(page):
    tiles = {text(tile.dt): text(tile.dd) for tile in page.select(".tiles div")}
    assert tiles == {
        "Students": "8",
        "Graded": "5",
        "Wait for manual marks": "1",
        "Could not be graded": "1",
        "No submission": "1",
        "Late": "1",
        "Median": "5 of 9",  # of 4, 4, 9, 7, 5
    }


def test_the_totals_are_counted_in_bins(page):
    rows = [[text(cell) for cell in row.find_all(["th", "td"])] for row in page.figure("tr")[1:]]
    assert [row[0] for row in rows][:2] == ["0 to below 0.9", "0.9 to below 1.8"]
    assert rows[-1] == ["8.1 to 9", "1", "0"]
    assert sum(int(row[1]) for row in rows) == 5
    assert [row for row in rows if row[2] != "0"] == [["1.8 to below 2.7", "0", "1"]]


def check_row(page, title: str) -> list[str]:
    [row] = [row for row in page.select("#checks ~ table tr") if text(row.th) == title]
    return [text(cell) for cell in row.find_all("td")]


def test_each_check_has_its_numbers(page):
    points, passed, share, discrimination, mistake = check_row(page, "Short lists are summed.")
    low, high = stats.binomtest(3, 6).proportion_ci(0.95, method="wilson")
    assert passed.startswith(f"50 % 3 of 6; interval {100 * low:.0f} to {100 * high:.0f} %")
    assert (points, share) == ("1.5", "50 %")
    assert discrimination == "1.00"  # the other two checks of the function fail with it
    assert "Divides by the number of values. 2 students, mean_for_total" in mistake
    assert check_row(page, "A spread of no values raises ValueError.")[3] == "none: nothing varies"
    assert "3 not judged" in check_row(page, "The sum of nothing is zero.")[1]


def test_few_submissions_have_no_discrimination(empty):
    for student in ("ann", "bob", "cleo", "dan"):
        empty.add(student)
    row = check_row(empty.page(), "Short lists are summed.")
    assert row[3] == "none: fewer than 5 submissions"


def test_what_to_teach_again_is_the_hardest_of_each_cell(page):
    [item] = page.select(".teach > li")
    assert text(item.h3) == "Short lists are summed."
    assert "A tiny assignment; 2 other checks of it are below 75 % too" in text(item)
    assert "That is the mean: do not divide." in text(item)


def test_an_example_says_what_and_not_who(page):
    example = page.select_one(".teach details")
    assert "total([4.0, 5.0]): expected 9.0, got 4.5" in text(example)
    assert example.pre.get_text() == LONG  # of two, the one with nothing to hide
    for name in ("ann", "bob", "müller"):
        assert name not in text(page.find(id="teach").parent).lower()
        assert name not in text(page.find(id="checks").parent).lower()


def test_an_example_hides_the_names_that_are_in_it(empty):
    empty.add("ann", MEAN, first_name="Ann")
    assert empty.page().select_one(".teach pre").get_text() == MEAN.replace(
        "    # ann wrote this\n", "\n"
    ).replace("ann", "…").replace("\n\n", "\n", 0)


def test_without_a_named_mistake_the_message_is_shown_without_names(empty):
    empty.add("bob", CRASH)
    item = text(empty.page().select_one(".teach li"))
    assert "No named mistake. The most frequent wrong answer: 1 student." in item
    assert "raised RuntimeError: … was here" in item


def test_what_is_to_look_at(page):
    assert "Could not be graded 1" in section(page, "look")
    assert "eve the file is empty" in section(page, "failed")
    assert "dan the code called exit()" in section(page, "stopped")
    assert "bob uses exec" in section(page, "flagged")
    assert "cleo Read as Latin-1" in section(page, "repaired")
    assert "Ann Müller ann 3 h 0" in section(page, "late")
    assert "No submission 1 fay" in section(page, "look")
    assert "stranger: not in the gradebook" in section(page, "look")
    assert "Median of a submission 1.5 s; all together 1 min 9 s" in section(page, "times")
    assert "The slowest Student Time ann 1 min anna 1.5 s" in section(page, "times")


def student(page, number: int) -> str:
    return text(page.find(id=f"student-{number}").parent)


def test_every_mark_is_explained(page):
    ann = student(page, 1)
    assert "Ann Müller ann graded, late 4 of 9" in ann
    assert "test_total 0 of 3" in ann and "test_spread 2 of 2" in ann
    assert "Short lists are summed. 0 of 1.5 total([4.0, 5.0]): expected 9.0, got 4.5" in ann
    assert "Hint: That is the mean: do not divide." in ann
    assert "python 3.11.7, numpy 2.4.6" in ann
    assert "explain 2 of 4" in ann
    assert "explain – of 4 no mark yet" in student(page, 2)
    assert "could not be graded – Tried" in student(page, 6)
    assert "Nothing was handed in." in student(page, 7)


def test_a_link_to_a_student_opens_what_explains_the_mark(page):
    targets = {link["href"] for link in page.select("#look ~ section a")}
    assert targets == {f"#student-{number}" for number in (1, 3, 4, 5, 6, 7)}
    assert all(page.find(id=target[1:]).parent.name == "details" for target in targets)


def test_a_mark_that_was_changed_by_hand_is_told(empty):
    empty.add("ann")
    assert "changed by hand" not in text(empty.page())
    with empty.gradebook() as book:
        book.find_grade("test_total", "tiny", "tiny", "ann").manual_score = 1.0
    assert "changed by hand" in text(empty.page())


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system's time zone cannot be set")
def test_times_are_local_with_the_zone_and_utc_beside(classroom, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        moment = classroom.page().select_one("#student-1 time")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert text(moment) == "2026-07-21 12:00 CEST"
    assert moment["title"] == "2026-07-21 10:00:00 UTC"


def test_a_page_about_nobody_and_about_nothing_graded(empty):
    assert "No submission has been graded yet." in text(empty.page())
    empty.add("ann", code=None)
    assert "No submission has been graded yet." in text(empty.page())


def test_a_record_that_cannot_be_read_is_told(empty):
    empty.add("ann")
    (empty.root / "records" / "tiny" / "ann.json").write_text("{")
    page = empty.page()
    assert "ann: cannot be read" in section(page, "look")
    assert "no record of a grading" in student(page, 1)


def test_cells_are_named_by_the_heading_above_them():
    text = "# %% [markdown]\n# # All\n# ## The `mean`\n\n"
    text += '# %% [markdown] tags=["manual:why:4"]\n# ### BEGIN SOLUTION\n# A.\n# ### END SOLUTION'
    assert _titles(source.convert(text, "a.py")) == ("All", {"why": "The mean"})


def test_checks_that_were_not_judged_are_known_by_their_message():
    suite = checks.load(TINY)

    def silent(check, arguments):
        raise checks.NoAnswer("the kernel died")

    died = [vars(outcome) for outcome in checks.run(suite, "test_total", silent)]
    assert [_was_counted(result) for result in died] == [True, False, False]
    assert [_was_counted(result) for result in outcomes(MEAN)[:3]] == [True, True, False]


@pytest.mark.parametrize("write", [report, moodle_csv])
def test_an_unknown_assignment(classroom, tmp_path, write):
    with pytest.raises(CourseError, match="other is not in the gradebook"):
        write(classroom.root, "other")
    (tmp_path / "new").mkdir()
    new = make_course(tmp_path / "new")
    with pytest.raises(CourseError, match="tiny is not in the gradebook"):
        write(new, "tiny")
    assert not (new / "gradebook.db").exists()


# --- what a student wrote stays text ----------------------------------------------------------

HOSTILE = [
    "<script>document.title='hit'</script>",
    "</pre></td></table><script>document.title='hit'</script>",
    '"><img src=x onerror="document.title=\'hit\'">',
    "' onmouseover='document.title=1' x='",
    "javascript:document.title='hit'",
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "&lt;b&gt; &#x3c;script&#x3e;",
    "\u202eevil\u2066 \x00\x08\x1b[31m \ud800 \u200bx",
    "-->]]><!--<style>*{display:none}</style>",
]


def hostile_class(root: Path, payload: str) -> Class:
    made = Class(root)
    [wrong, *others] = outcomes(MEAN)
    wrong |= {"message": f"total([4.0]): raised {payload}", "mistake": "", "hint": payload}
    others[-1] |= {"title": payload}
    about = {
        "stopped": payload,
        "flags": [payload],
        "repairs": [payload, payload],
        "versions": {"python": payload},
        "checks": [wrong, *others],
    }
    name = payload.replace("\ud800", "")  # which no database takes
    made.add("x1", f"x = 1\n{payload}", first_name=name, last_name=name, **about)
    made.add(f"x2{payload.replace('/', '-').encode('ascii', 'replace').decode()[:40]}", code=None)
    made.add("x3", status="failed", reason=payload)
    return made


def markup(page: BeautifulSoup) -> Counter:
    """Count the tags of a page with the names of their attributes, and what may run or load."""
    active = ("href", "src", "style", "http-equiv", "content")
    return Counter(
        (tag.name, *sorted((a, v if a in active else "") for a, v in tag.attrs.items()))
        for tag in page.find_all(True)
    )


@pytest.fixture(scope="module")
def harmless_markup(tmp_path_factory):
    return markup(hostile_class(tmp_path_factory.mktemp("harmless"), "words").page())


@pytest.mark.parametrize("payload", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_a_student_wrote_becomes_markup(tmp_path, payload, harmless_markup):
    made = hostile_class(tmp_path, payload)
    page = made.page()
    assert markup(page) == harmless_markup
    raw = (made.root / "reports" / "tiny.html").read_text("utf-8")
    assert not [letter for letter in raw if letter in "\x00\x08\x1b\u202e\u2066\u200b"]
    assert page.get_text().count(visible(payload)) >= 10


def test_the_page_forbids_scripts_and_needs_nothing(page, classroom):
    [policy] = page.select("meta[http-equiv=Content-Security-Policy]")
    assert "default-src 'none'" in policy["content"] and "script" not in policy["content"]
    assert not page.find_all(["script", "link", "img", "iframe", "object", "form"])
    assert all(link["href"].startswith("#") for link in page.find_all("a"))
    assert "do not publish" in text(page.header)
    names = [path.name for path in (classroom.root / "reports").iterdir()]
    assert names == ["tiny.html"]


def test_tables_are_told_to_those_who_do_not_see_them(page):
    for table in page.find_all("table"):
        assert table.caption or page.find(id=table["aria-labelledby"])
    assert all(cell.get("scope") for cell in page.find_all("th"))


# --- Moodle -----------------------------------------------------------------------------------


def test_moodle_gets_finished_marks_only(classroom):
    rows = {row["ID number"]: row for row in classroom.moodle()}
    assert list(rows) == ["ann", "anna", "bob", "cleo", "dan", "eve", "fay", "gus"]
    assert {name: row["Grade"] for name, row in rows.items()} == {
        "ann": "4.0",
        "anna": "",  # waits for a manual mark
        "bob": "4.0",
        "cleo": "9.0",
        "dan": "7.0",
        "eve": "",
        "fay": "",
        "gus": "5.0",
    }
    assert rows["ann"]["Maximum grade"] == "9.0" and rows["ann"]["Full name"] == "Ann Müller"
    assert rows["anna"]["Feedback comments"] == rows["cleo"]["Feedback comments"] == ""


def test_the_mark_of_an_earlier_submission_is_not_sent(empty):
    empty.add("ann", status="failed", reason="cut off; marks are kept", checks=outcomes(MEAN))
    assert empty.moodle()[0]["Grade"] == ""
    assert "graded, newer work failed" in student(empty.page(), 1)


def test_comments_hold_no_word_of_the_student(classroom):
    comments = {row["ID number"]: row["Feedback comments"] for row in classroom.moodle()}
    assert comments["ann"].startswith(
        "Short lists are summed. 0 of 1.5. That is the mean: do not divide. Arrays of any size"
    )
    assert "Short lists are summed. 0 of 1.5." in comments["bob"]
    assert "was here" not in comments["bob"] and "RuntimeError" not in comments["bob"]


def test_a_missing_email_takes_the_column_away(empty):
    """Moodle gives the mark of a row without e-mail to the student of the row above."""
    empty.add("ann", email="ann@univ.example")
    assert empty.moodle()[0]["Email address"] == "ann@univ.example"
    empty.add("bob")
    assert "Email address" not in empty.moodle()[0]


def test_formulas_are_disarmed_for_moodle_too(empty):
    empty.add("ann", first_name="=HYPERLINK(1)")
    assert empty.moodle()[0]["Full name"] == "'=HYPERLINK(1)"


# --- in a browser -----------------------------------------------------------------------------


async def _visit(path: Path, title: str, look) -> list[str]:
    """Open a file without network, point at all that it shows, and return what should not be."""
    from playwright.async_api import async_playwright

    faults: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        # Bypassed for axe: nothing but the escaping keeps a script from running here.
        context = await browser.new_context(bypass_csp=True)
        await context.route("**", lambda route: route.abort())
        page = await context.new_page()
        page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: faults.append(f"request {request.url}"))
        await page.set_content(path.read_text("utf-8"), wait_until="load")
        await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        await page.evaluate(
            "for (const name of ['mouseover', 'error', 'load'])"
            "  document.querySelectorAll('body *').forEach(e => e.dispatchEvent(new Event(name)))"
        )
        await page.evaluate("document.querySelectorAll('[href^=java]').forEach(a => a.click())")
        faults += await look(page)
        if await page.title() != title:
            faults.append(f"title {await page.title()}")
        await browser.close()
    return faults


async def _look_at_page(page) -> list[str]:
    """Find what is too wide, or hard to read, on a desktop and on a phone."""
    from axe_playwright_python.async_playwright import Axe

    faults = []
    for width, scheme in ((390, "light"), (1280, "dark"), (390, "dark"), (1280, "light")):
        await page.set_viewport_size({"width": width, "height": 844})
        await page.emulate_media(color_scheme=scheme)
        wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        faults += [f"{width}: {wide} px too wide"] if wide > 0 else []
        result = await Axe().run(page, options={"preload": False})
        for violation in result.response["violations"]:
            faults += [f"{scheme} {violation['id']}: {node['html']}" for node in violation["nodes"]]
    return faults


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_is_readable_and_runs_nothing(tmp_path):
    made = hostile_class(tmp_path, "".join(HOSTILE) + "w" * 90)
    for number in range(5):
        made.add(f"y{number}", manual=None if number else 3.0, hours=number)
    path = report(made.root, "tiny")
    assert asyncio.run(_visit(path, "tiny: report on the grading", _look_at_page)) == []


# --- feedback and formgrader ------------------------------------------------------------------

HIT = "document.title='hit'"
TAGS = (
    f'<script>{HIT}</script><img src=x onerror="{HIT}"><svg onload="{HIT}"></svg>'
    f'<a href="javascript:{HIT}">a</a><iframe srcdoc="<script>parent.{HIT}</script>"></iframe>'
    "<form action=x><button>b</button></form><base href=x><meta http-equiv=refresh content=1>"
)
SVG = (
    f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"parent.{HIT}\"><script>{HIT}</script></svg>"
)
IMAGE = "iVBORw0KGgo="
OUTPUTS = [  # data and metadata of what a cell displays
    ({"text/html": TAGS, "text/plain": TAGS}, {"text/html": {"isolated": True}}),
    ({"text/html": TAGS}, {}),
    ({"text/markdown": f"{TAGS}\n\n[a](javascript:{HIT})"}, {}),
    ({"text/latex": TAGS}, {}),
    ({"image/svg+xml": SVG}, {}),
    ({"application/javascript": HIT, "text/plain": "javascript"}, {}),
    ({"text/javascript": HIT}, {}),
    ({"text/vnd.mermaid": TAGS}, {}),
    ({"application/vnd.jupyter.widget-view+json": {"model_id": TAGS}}, {}),
    ({"application/vnd.jupyter.widget-view+json": "no view"}, {}),
    (
        {"image/png": IMAGE},
        {"image/png": {"width": f"1 onerror={HIT}", "alt": f"'\" onload={HIT}"}},
    ),
    ({"image/jpeg": IMAGE}, {"image/jpeg": {"height": f"1 onerror={HIT}"}}),
    ({"image/png": IMAGE}, {"filenames": {"image/png": f'x" onerror="{HIT}'}}),
    ({"image/png": f'" onerror="{HIT}'}, {}),
    ({"application/json": {"a": TAGS}, "application/vnd.vega.v5+json": {"a": TAGS}}, {}),
]
MARKDOWN = [TAGS, f'[a](javascript:{HIT}) ![a](x"onerror="{HIT})', f"```mermaid\n{TAGS}\n```"]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A course in which somebody's notebook tries to run something in whoever reads it."""
    root = make_course(tmp_path_factory.mktemp("attacked"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nbgrader.api.get_alembic_version", lambda: "head")
        assert course(root, "exercises").exit_code == 0
    shown = "import matplotlib.pyplot as plt\nplt.subplots(figsize=(9, 1))\nplt.show()\n"
    shown += "from IPython.display import display, update_display\n"
    for data, metadata in OUTPUTS:
        shown += f"shown = {{'metadata': {metadata!r}, 'raw': True, 'display_id': True}}\n"
        shown += f"display({data!r}, **shown)\n"
        shown += "handle = display({'text/plain': 'later'}, raw=True, display_id=True)\n"
        shown += f"shown['display_id'] = handle.display_id\nupdate_display({data!r}, **shown)\n"
    wrong = f"def total(values):\n    raise RuntimeError({TAGS!r})"
    submit(root, "mallory", RIGHT | {"total": f"# {TAGS}\nprint({TAGS!r})\n{wrong}"}, shown)
    path = root / "submitted" / "mallory" / "tiny" / "tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata |= {"title": TAGS, "widgets": {"a": TAGS}, "authors": [{"name": TAGS}]}
    for number, words in enumerate(MARKDOWN):
        cell = new_markdown_cell(f"{words}\n\n![a](attachment:a{number}.svg)")
        cell["attachments"] = {f"a{number}.svg": {"image/svg+xml": SVG}}
        notebook.cells.insert(2, cell)
    nbformat.write(notebook, path)
    [result] = grade(root, "tiny", ["mallory"], sandboxed=SANDBOXED)
    assert result.status == "needs manual grading", result.reason
    assert write_feedback(root, "tiny") == {"mallory": "not final: a mark by hand is missing"}
    return root


def feedback(root: Path) -> Path:
    return root / "feedback" / "mallory" / "tiny" / "tiny.html"


def formgrader(root: Path) -> Path:
    """Write what formgrader shows where it does not find the course's settings."""
    templates = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [str(templates)]
    path = root / "autograded" / "mallory" / "tiny" / "tiny.ipynb"
    names = ("submission_id", "notebook_id", "assignment_id", "base_url", "notebook_path")
    about = dict.fromkeys((*names, "student", "last_name", "first_name"), "tiny")
    about |= {"index": 0, "total": 1}
    with surroundings():
        html, _ = HTMLExporter(config=config).from_filename(str(path), resources=about)
    shown = root / "formgrader.html"
    shown.write_text(html, encoding="utf-8")
    return shown


def dangers(path: Path) -> list[str]:
    """Find in a page what would run a student's code, or what calls somebody."""
    found = []
    for tag in BeautifulSoup(path.read_text("utf-8"), "html.parser").find_all(True):
        if tag.name in ("iframe", "form", "base", "object", "embed"):
            found.append(tag.name)
        if tag.name == "script" and HIT in tag.get_text():
            found.append("script")
        for name, value in tag.attrs.items():
            if name.startswith("on") and HIT in value:
                found.append(f"{tag.name} {name}")
            if name in ("href", "src") and HIT in value and not value.startswith("data:image/"):
                found.append(f"{tag.name} {name}={value}")
    return found


@pytest.mark.parametrize("shown", [feedback, formgrader])
def test_a_students_notebook_runs_nothing_in_a_page(attacked, shown):
    path = shown(attacked)
    assert "mallory" in str(path) or path.name == "formgrader.html"
    assert HIT in path.read_text("utf-8").replace("&#39;", "'")  # as text
    assert dangers(path) == []


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("shown", [feedback, formgrader])
def test_a_students_notebook_runs_nothing_in_a_browser(attacked, shown):
    async def look(page):
        await page.set_viewport_size({"width": 390, "height": 844})
        wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return [f"{wide} px too wide"] if wide > 0 and shown is feedback else []

    faults = asyncio.run(_visit(shown(attacked), "tiny", look))
    libraries = ["data:", "blob:"]
    libraries += ["https://cdnjs.cloudflare.com/"] if shown is formgrader else []  # nbconvert's own
    assert not [
        line for line in faults if not line.startswith(tuple(f"request {x}" for x in libraries))
    ]
