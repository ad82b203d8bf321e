"""The judge executes a submission, then asks its functions the cases of the hidden checks.

It is nbgrader's own `Execute` with two differences. The hidden checks stay in this process: the
student's kernel receives arguments and returns values, and nothing that runs there can see what
is expected or touch a mark. And whatever happens to the kernel, each test cell gets a mark: a
reason in words where the mark is 0.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

import zmq
from jupyter_client import AsyncKernelClient
from jupyter_core.utils import ensure_async, run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from traitlets import Dict, Integer, Unicode

from course_lib.grading import checks, sandbox, source, wire
from course_lib.grading.checks import Error, NoAnswer, Outcome, Reply
from course_lib.grading.course import CourseError
from course_lib.grading.flags import find_flags

__all__ = ["Judge", "is_test", "mismatched_points"]

WIRE = Path(wire.__file__).read_text(encoding="utf-8")
# Run in a namespace of its own: a student may have called a variable `list` or `np`.
LESSON = """\
__course__ = {"__name__": "course_wire"}
__import__("builtins").exec(%r, __course__)
__course__["listen"]()
"""
DEAD = "the kernel died: did the code end Python, or take all the memory or the time?"
FROZEN = "the kernel could not be interrupted: does the code catch every exception?"
UNREADABLE = "the kernel's answer cannot be read"
EXIT = "the code called exit(), which ends the kernel"
LONGEST_MESSAGE = 100_000_000  # bytes
# What is kept of an output. HTML and JavaScript would run in formgrader, and their plain text is
# beside them; a widget that is none ends nbconvert. Of an image, only what base64 can hold.
TEXTS = ("text/plain", "text/latex")
IMAGES = ("image/png", "image/jpeg")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


def is_test(cell: NotebookNode) -> bool:
    """Say whether a cell gets its mark from hidden checks.

    Parameters
    ----------
    cell : NotebookNode
        Any cell.

    Returns
    -------
    bool
        True for a code cell with points that holds no answer.
    """
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def mismatched_points(notebook: NotebookNode, suite: checks.Suite) -> list[str]:
    """Compare the points of a notebook's test cells with those of the checks.

    Parameters
    ----------
    notebook : NotebookNode
        A notebook with nbgrader's metadata.
    suite : Suite
        Checks of the assignment.

    Returns
    -------
    list of str
        What does not fit, for the teacher; empty when everything does.
    """
    problems = []
    for cell in filter(is_test, notebook.cells):
        name, points = cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.points
        if not suite.of_cell(name):
            problems.append(f"{name}: {points} points and no check of it in checks.py")
        elif not math.isclose(suite.points(name), points):
            problems.append(f"{name}: {points} points, but {suite.points(name)} in checks.py")
    return problems


class Client(AsyncKernelClient):
    """A client that is ready when the kernel is, where Jupyter's waits a fifth of a second more."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has answered a request, and has told that it is idle again."""
        end = monotonic() + (timeout or math.inf)
        while monotonic() < end:
            self.kernel_info()
            try:
                self._handle_kernel_info_reply(await self.get_shell_msg(timeout=1))
                state = None
                while state != "idle":
                    message = await self.get_iopub_msg(timeout=1)
                    state = message["content"].get("execution_state")
                return
            except Empty:
                if not await self.is_alive():
                    raise RuntimeError("the kernel died before it was ready") from None
        raise RuntimeError(f"the kernel was not ready after {timeout} s")


class Judge(Execute):
    """Preprocessor of ``nbgrader autograde`` that takes the place of `Execute`."""

    kernel_env = Dict(
        key_trait=Unicode(), value_trait=Unicode(), help="environment variables of the kernel"
    ).tag(config=True)
    max_output = Integer(2_000_000, help="characters of output kept of one cell").tag(config=True)
    record = Unicode("", help="file that receives the checks' outcomes, as JSON").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict, km: Any = None
    ) -> tuple[NotebookNode, dict]:
        """Execute a submission and mark its test cells."""
        folder = self._source_folder(resources["nbgrader"]["assignment"])
        self._environment = {**os.environ, **self.kernel_env, **self._sandbox(folder)}
        self._suite = checks.load(folder)
        if problems := mismatched_points(nb, self._suite):
            raise CourseError("; ".join(problems))
        flags = self._find_flags(nb, folder)
        self._taught = False  # the kernel, to answer questions
        self._stopped: str | None = None  # why nothing more can be asked of the kernel
        self._written: defaultdict[int, int] = defaultdict(int)
        self._outcomes: list[tuple[NotebookNode, list[Outcome]]] = []
        nb, resources = super().preprocess(nb, resources, km=km)
        # Not earlier: a living kernel can still change the outputs of any cell.
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = [_without_scripts(output) for output in cell.get("outputs", [])]
        for cell, outcomes in self._outcomes:
            cell.outputs = _marked(cell, outcomes)
        if self.record:
            found = {"checks": self._checks(), "stopped": self._stopped or "", "flags": flags}
            Path(self.record).write_text(json.dumps(found), encoding="utf-8")
        return nb, resources

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict, index: int
    ) -> tuple[NotebookNode, dict]:
        """Execute a code cell; if it is a test cell, run its checks."""
        if cell.cell_type != "code":
            return cell, resources
        self._cell_timed_out = False
        if self._stopped is None:
            self._execute(cell, resources, index)
        if is_test(cell):
            self._outcomes.append((cell, self._run_checks(cell)))
        return cell, resources

    def _execute(self, cell: NotebookNode, resources: dict, index: int) -> None:
        try:
            super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self._stopped = DEAD
        except CellTimeoutError:
            self._stopped = FROZEN
        if self._stopped is not None and not is_test(cell):
            text = f"Everything stopped in this cell: {self._stopped}.\n"
            cell.outputs = [*cell.get("outputs", []), _text(text)]

    def _run_checks(self, cell: NotebookNode) -> list[Outcome]:
        return checks.run(self._suite, cell.metadata.nbgrader.grade_id, self._call)

    def _checks(self) -> list[dict[str, Any]]:
        return [
            {"cell": cell.metadata.nbgrader.grade_id, **asdict(outcome)}
            for cell, outcomes in self._outcomes
            for outcome in outcomes
        ]

    # --- asking the kernel ----------------------------------------------------------------

    def _call(self, check: checks.Check, arguments: list[tuple]) -> list[Reply]:
        """Ask the student's function; see `checks.run`."""
        function = check.function
        if self._stopped is not None:
            raise NoAnswer(self._stopped)
        if self._cell_timed_out:
            raise NoAnswer(f"the public checks did not end within {self.timeout} s")
        payload = json.dumps([wire.encode(list(args)) for args in arguments])
        question = {"function": function, "payload": payload, "through": check.through}
        try:
            if not self._taught:
                self._teach(function)
            content, in_time = self._ask(wire.QUESTION, question)
        except (DeadKernelError, CellTimeoutError) as error:
            self._stopped = DEAD if isinstance(error, DeadKernelError) else FROZEN
            raise NoAnswer(f"{function}: {self._stopped}") from None
        self._notice_exit(content)
        replies = _read_replies(function, content, len(arguments))
        if not in_time:
            raise NoAnswer(f"no answer within {self.timeout} s: an endless loop?", replies)
        if replies is None or len(replies) != len(arguments):
            raise NoAnswer(f"{function}: {UNREADABLE}")
        return replies

    def _teach(self, function: str) -> None:
        """Let the kernel answer questions: to execute each of them as code would take longer."""
        about = {"silent": True, "store_history": False, "stop_on_error": False}
        content, _ = self._ask("execute_request", {"code": LESSON % WIRE, **about})
        self._taught = content.get("status") == "ok"
        if not self._taught:
            raise NoAnswer(f"{function}: {UNREADABLE}")

    async def _async_ask(self, kind: str, question: dict) -> tuple[dict, bool]:
        """Send a message; return the reply and whether it came in time.

        The value comes back in the reply itself, which the kernel addresses to this request
        alone, and not among the outputs, where a flood of printed text could drown it.
        """
        message = self.kc.session.msg(kind, question)
        self.kc.shell_channel.send(message)
        request = message["header"]["msg_id"]
        content = await self._wait(request, self.timeout)
        if content is not None:
            return content, True
        await ensure_async(self.km.interrupt_kernel())
        content = await self._wait(request, self.iopub_timeout)
        if content is None:
            raise CellTimeoutError
        return content, False

    _ask = run_sync(_async_ask)

    async def _wait(self, request: str, seconds: float | None) -> dict | None:
        end = monotonic() + (seconds or math.inf)
        while monotonic() < end:
            try:
                message = await ensure_async(self.kc.get_shell_msg(timeout=1))
            except Empty:
                await self._async_check_alive()
                continue
            if message["parent_header"].get("msg_id") == request:
                return message["content"]
        return None

    # --- what nbclient calls --------------------------------------------------------------

    def start_new_kernel(self, **kwargs: Any) -> None:
        """Start the kernel with the course's environment variables."""
        # A message that is longer comes from no honest kernel, and ends the connection.
        self.km.context.setsockopt(zmq.MAXMSGSIZE, LONGEST_MESSAGE)
        self.km.client_factory = Client
        super().start_new_kernel(env=self._environment, **kwargs)

    def on_cell_executed(self, **kwargs: Any) -> None:
        """Notice a cell that was interrupted, or that ends the kernel."""
        content = kwargs["execute_reply"]["content"]
        self._cell_timed_out = content.get("ename") == self.error_on_timeout["ename"]
        self._notice_exit(content)
        if content["status"] == "error":
            content["evalue"] = content["evalue"][: self.max_output]
            if sum(map(len, content["traceback"])) > self.max_output:
                content["traceback"] = [f"{content['ename']}: a message that is too long"]
        super().on_cell_executed(**kwargs)

    def output(
        self, outs: list, msg: dict, display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Keep an output, up to so many characters of a cell."""
        kept = self._written[cell_index] <= self.max_output
        self._written[cell_index] += len(json.dumps(msg["content"], default=str))
        if self._written[cell_index] <= self.max_output:
            return super().output(outs, msg, display_id, cell_index)
        if kept:
            outs.append(_text(f"... more than {self.max_output} characters of output: cut here\n"))
        return None

    def handle_comm_msg(self, outs: list, msg: dict, cell_index: int) -> None:
        """Do nothing: a graded notebook has no widgets, and nbclient believes what they say."""

    def _notice_exit(self, content: dict) -> None:
        """The kernel ends a moment after exit(): say so now, and not at some later cell."""
        if any(item.get("source") == "ask_exit" for item in content.get("payload", [])):
            self._stopped = EXIT

    # --- the course -----------------------------------------------------------------------

    def _source_folder(self, assignment: str) -> Path:
        course = CourseDirectory(parent=self)
        return Path(course.format_path(course.source_directory, ".", assignment)).resolve()

    def _sandbox(self, folder: Path) -> dict[str, str]:
        """Return what the sandbox has to know, if the kernel is one."""
        if self.kernel_name != sandbox.KERNEL:
            return {}
        root, assignment = folder.parents[1], folder.name
        return sandbox.settings(root, assignment, root / "exercises" / assignment)

    def _find_flags(self, nb: NotebookNode, folder: Path) -> list[str]:
        given = {cell.source for cell in source.read(folder / f"{folder.name}.py").cells}
        if flags := find_flags(nb, given):
            self.log.warning("for the teacher to look at: %s", ", ".join(flags))
        return flags


def _read_replies(function: str, content: dict, n_calls: int) -> list[Reply] | None:
    """Read the replies that a kernel sent; anything may be in them."""
    try:
        text = content["reply"]
        if len(text) > wire.LIMIT:
            return None
        replies = json.loads(text)
    except (KeyError, TypeError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(replies, list) or len(replies) > n_calls:
        return None
    return [_reply(function, reply) for reply in replies]


def _reply(function: str, data: Any) -> Reply:
    match data:
        case {"value": value}:
            try:
                return Reply(wire.decode(value))
            except (ValueError, TypeError, RecursionError, MemoryError):
                return Reply(error=Error("returned a value that cannot be read"))
        case {"raised": [str(), *_] as classes, "message": str(message)}:
            return Reply(error=Error.raised([str(name)[:80] for name in classes], message))
        case {"refused": str(what)}:
            wanted = "numbers, texts, lists, tuples and arrays"
            return Reply(error=Error(f"returned {what[:200]}: only {wanted} can be checked"))
        case {"refused": None}:
            return Reply(error=Error(f"there is no function {function}: does its cell run?"))
    return Reply(error=Error("returned a value that cannot be read"))


def _marked(cell: NotebookNode, outcomes: list[Outcome]) -> list[NotebookNode]:
    """Return a test cell's outputs: what it showed, then the report, then the mark."""
    shown = [_harmless(output) for output in cell.get("outputs", [])]
    points = float(cell.metadata.nbgrader.points)
    mark = min(points, math.fsum(outcome.earned for outcome in outcomes))
    # nbgrader takes the value of an execute_result for the mark of a test cell.
    result = new_output("execute_result", {"text/plain": repr(mark)}, execution_count=None)
    return [*shown, _text(_report(outcomes, mark, points)), result]


def _without_scripts(output: NotebookNode) -> NotebookNode:
    """Keep what can be shown, and no metadata: nbconvert writes its values into tags."""
    if output.output_type in ("display_data", "execute_result"):
        output.data = NotebookNode(_showable(output.data))
        output.metadata = NotebookNode()
    return output


def _showable(data: Any) -> dict[str, str]:
    given = data.items() if isinstance(data, dict) else ()
    texts = {kind: value for kind, value in given if isinstance(value, str)}
    kept = {kind: value for kind, value in texts.items() if kind in TEXTS}
    kept |= {kind: texts[kind] for kind in IMAGES if BASE64.fullmatch(texts.get(kind, ""))}
    return kept or {"text/plain": "(an output that is not kept: no text and no picture)"}


def _harmless(output: NotebookNode) -> NotebookNode:
    """Make an output one that nbgrader does not take for a mark or for a failure."""
    if output.output_type == "stream":
        return _text(output.text)
    if output.output_type == "error":
        return _text(f"A public check stopped here: {output.ename}: {output.evalue}\n")
    return new_output("display_data", output.data)


def _report(outcomes: list[Outcome], mark: float, points: float) -> str:
    lines = [f"Hidden checks: {mark:g} of {points:g} points"]
    for outcome in outcomes:
        lines.append(f"[{outcome.earned:g}/{outcome.points:g}] {outcome.title}")
        lines += [f"      {outcome.message}"] if outcome.message else []
        lines += [f"      Hint: {outcome.hint}"] if outcome.hint else []
    return "\n".join(lines) + "\n"


def _text(text: str) -> NotebookNode:
    readable = text.encode("utf-8", "replace").decode()  # half a character cannot be written
    return new_output("stream", name="stdout", text=readable)
