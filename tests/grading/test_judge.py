"""What becomes of each submission of the class in tiny_class.py."""

import asyncio
import json
from queue import Empty
from types import SimpleNamespace

import nbformat
import pytest
from nbgrader.api import Gradebook
from tiny_class import TINY

from course_lib.grading import checks, wire
from course_lib.grading.judge import Client, Judge, _read_replies, mismatched_points
from course_lib.grading.source import read


@pytest.fixture(scope="module")
def score(graded):
    """Return the automatic marks of a student: (test_total, test_spread)."""

    def find(student):
        with Gradebook(f"sqlite:///{graded.root / 'gradebook.db'}") as gradebook:
            return tuple(
                gradebook.find_grade(cell, "tiny", "tiny", student).auto_score
                for cell in ("test_total", "test_spread")
            )

    return find


@pytest.fixture(scope="module")
def cells(graded):
    """Return the graded cells of a student by grade id, with their text outputs joined."""

    def find(student):
        path = graded.root / "autograded" / student / "tiny" / "tiny.ipynb"
        return {
            cell.metadata.nbgrader.grade_id: "".join(o.get("text", "") for o in cell.outputs)
            for cell in nbformat.read(path, as_version=4).cells
            if cell.cell_type == "code" and "nbgrader" in cell.metadata
        }

    return find


@pytest.mark.parametrize(
    ("student", "marks"),
    [
        ("amy", (3.0, 2.0)),  # warnings, logs and prints cost nothing
        ("untouched", (0.0, 0.0)),
        ("mean", (0.0, 2.0)),
        ("resetter", (3.0, 2.0)),
        ("leaver", (3.0, 0.0)),
        ("killer", (3.0, 0.0)),
        ("looper", (1.5, 0.0)),
        ("stubborn", (3.0, 0.0)),
        ("cheat", (0.0, 0.0)),
        ("flood", (3.0, 0.0)),
        ("artist", (3.0, 2.0)),
        ("quitter", (3.0, 1.0)),  # it answers before it ends
    ],
)
def test_each_student_has_the_marks_that_the_answers_deserve(score, student, marks):
    assert score(student) == marks


def test_a_named_mistake_is_met_with_its_hint(cells):
    report = cells("mean")["test_total"]
    assert "A public check stopped here: AssertionError: 1 + 2 is 3" in report
    assert "[0/1.5] Short lists are summed." in report
    assert "total([4.0, 5.0]): expected 9.0, got 4.5" in report
    assert "Hint: That is the mean: do not divide." in report
    assert "not counted before this is right: Short lists are summed." in report


@pytest.mark.parametrize(
    ("student", "cell", "words"),
    [
        ("leaver", "test_spread", "the code called exit()"),
        ("quitter", "test_spread", "the code called exit()"),
        ("killer", "test_spread", "the kernel died"),
        ("looper", "test_total", "... 50 values])): no answer within 3 s: an endless loop?"),
        ("looper", "test_total", "not run: no answer within 3 s"),
        ("looper", "test_spread", "the public checks did not end within 3 s"),
        ("stubborn", "test_spread", "the kernel could not be interrupted"),
        ("cheat", "test_spread", "returned a value of type Equal: only numbers"),
        ("flood", "total", "characters of output: cut here"),
        ("flood", "test_spread", "returned an array of 80000000 bytes"),
        ("amy", "test_total", "on stderr"),
    ],
)
def test_the_reason_is_in_the_cell(cells, student, cell, words):
    assert words in cells(student)[cell]


def test_what_a_hidden_check_draws_is_in_no_cell(graded):
    path = graded.root / "autograded" / "artist" / "tiny" / "tiny.ipynb"
    pictures = {
        cell.metadata.nbgrader.grade_id: str(cell.outputs).count("image/png")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code" and "nbgrader" in cell.metadata
    }
    assert pictures == {"imports": 0, "total": 0, "test_total": 1, "spread": 0, "test_spread": 0}


def test_a_flood_is_not_kept(graded, cells):
    assert cells("flood")["total"].count("cut here") == 1
    assert (graded.root / "autograded/flood/tiny/tiny.ipynb").stat().st_size < 3_000_000


def test_points_and_checks_must_fit():
    notebook, suite = read(TINY / "tiny.py"), checks.load(TINY)
    assert mismatched_points(notebook, suite) == []
    assert mismatched_points(notebook, checks.Suite(suite.checks[1:], [])) == [
        "test_total: 3 points, but 1.5 in checks.py"
    ]
    assert mismatched_points(notebook, checks.Suite(suite.checks[:3], [])) == [
        "test_spread: 2 points and no check of it in checks.py"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "{}",
        "[" * 100_000,
        "9" * 10_000,
        "[1" + " " * wire.LIMIT + "]",
        "[1, 2]",
        7,
        [1],
    ],
    ids=["no JSON", "no list", "deep", "huge number", "long", "too many", "no text", "list"],
)
def test_a_forged_answer_is_no_answer(text):
    assert _read_replies("f", {"reply": "[1]"}, 1) is not None
    assert _read_replies("f", {"reply": text}, 1) is None
    assert _read_replies("f", {}, 1) is None


@pytest.mark.parametrize(
    "reply",
    [
        '{"value": {"source": "print(1)"}}',  # the grader runs nothing that a kernel sends
        '{"value": {"array": ["<f8", [1000000], ""]}}',
        '{"value": {"array": ["O", [1], "AAAAAAAAAAA="]}}',
        '{"raised": []}',
        '{"value": ' + "[" * 60 + "]" * 60 + "}",
        '{"value": {"array": ["<U1", [1], "/////w=="]}}',  # a number that is no letter
        "3",
    ],
)
def test_a_forged_value_is_an_error(reply):
    [answer] = _read_replies("f", {"reply": f"[{reply}]"}, 1)
    assert answer.error.text == "returned a value that cannot be read"


def test_half_a_character_can_be_written():
    text = json.dumps([{"raised": ["ValueError"], "message": "\ud800"}])
    [answer] = _read_replies("f", {"reply": text}, 1)
    assert answer.error.text.encode() == b"raised ValueError: ?"


# --- asking -------------------------------------------------------------------------------------


def test_the_kernel_is_taught_once_and_again_where_that_was_cut_short():
    judge, asked = Judge(), []
    judge._taught, judge._stopped, judge._cell_timed_out = False, None, False
    statuses = iter(["error", "ok"])

    def ask(kind, content):
        asked.append(kind)
        if kind == "execute_request":
            return {"status": next(statuses)}, True
        return {"reply": json.dumps([{"value": content["function"]}])}, True

    judge._ask = ask
    check = SimpleNamespace(function="f", through=None)
    with pytest.raises(checks.NoAnswer, match="f: the kernel's answer cannot be read"):
        judge._call(check, [()])
    for _ in range(2):
        [reply] = judge._call(check, [()])
        assert reply.value == "f"
    assert asked == ["execute_request"] * 2 + [wire.QUESTION] * 2


class Fake(Client):
    """A client whose kernel says what it is told to say."""

    asked = 0

    def __init__(self, shell, iopub, alive=True):
        super().__init__()
        self.shell, self.iopub, self.alive = iter(shell), iter(iopub), alive

    def kernel_info(self):
        self.asked += 1

    def _handle_kernel_info_reply(self, message):
        assert message == "reply"

    async def get_shell_msg(self, timeout):
        return self._next(self.shell)

    async def get_iopub_msg(self, timeout):
        return {"content": {"execution_state": self._next(self.iopub)}}

    async def is_alive(self):
        return self.alive

    @staticmethod
    def _next(messages):
        message = next(messages, None)
        if message is None:
            raise Empty
        return message


@pytest.mark.parametrize(
    ("shell", "iopub", "asked"),
    [
        (["reply"], ["busy", "idle"], 1),
        ([None, "reply"], ["idle"], 2),  # it is busy with its own start
        (["reply", "reply"], ["busy", None, "idle"], 2),  # not all channels were open yet
    ],
)
def test_a_client_is_ready_when_the_kernel_has_answered_and_is_idle(shell, iopub, asked):
    client = Fake(shell, iopub)
    asyncio.run(client.wait_for_ready(timeout=60))
    assert client.asked == asked and not [*client.shell, *client.iopub]


def test_a_kernel_that_is_not_ready():
    with pytest.raises(RuntimeError, match="died before it was ready"):
        asyncio.run(Fake([], [], alive=False).wait_for_ready(timeout=60))
    with pytest.raises(RuntimeError, match=r"not ready after 0\.01 s"):
        asyncio.run(Fake([], []).wait_for_ready(timeout=0.01))
