"""Pages for the students: what they handed in, with the marks and comments of today.

The last marks and comments are a teacher's, given by hand after the grading. So the pages are
made from the gradebook whenever the teacher wants them, and not by the grading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from jinja2 import BytecodeCache, ChoiceLoader, Environment, FileSystemLoader, pass_context
from jinja2.bccache import Bucket
from joblib import Parallel, cpu_count, delayed
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from course_lib.grading import gradebook
from course_lib.grading.course import alone, configuration, surroundings
from course_lib.grading.formulas import Formula, to_mathml
from course_lib.grading.placing import finish_writing, write_folder
from course_lib.grading.workplace import AUTOGRADED, FEEDBACK, Page, Task, feedback_page

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["FeedbackExporter", "write_feedback"]

Track = Callable[[Iterable[Page], int], Iterable[Page]]


def write_feedback(
    root: Path,
    assignment: str,
    *,
    jobs: int | None = None,
    track: Track = lambda finished, total: finished,
) -> dict[str, str]:
    """Write ``feedback/<student>/<assignment>/`` for each submission that has been graded.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment, as in ``solutions/``.
    jobs : int, optional
        How many at once; by default as many as there are cores.
    track : callable, optional
        ``track(finished, total)`` wraps the pages that are finished, e.g. in a progress bar.

    Returns
    -------
    dict of str
        What to know of a student's page: that it is not final, or why there is none.

    Raises
    ------
    CourseError
        When the gradebook has no such assignment.
    """
    with alone(root), surroundings():
        config = configuration(root)
        gradebook.require_assignment(config, assignment)
        finish_writing(root / FEEDBACK, assignment)
        shared, students = gradebook.export(config, assignment)
        tasks = [
            Task(root, assignment, student, (shared, rows))
            for student, rows in students.items()
            if (root / AUTOGRADED / student / assignment).is_dir()
        ]
        jobs = min(jobs or cpu_count(), len(tasks)) or 1
        pages = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")(
            delayed(feedback_page)(task) for task in tasks
        )
        notes = {}
        for page in track(pages, len(tasks)):
            if page.reason:
                notes[page.student] = f"no page of feedback: {page.reason}"
                continue
            write_folder(page.folder, root / FEEDBACK / page.student / assignment)
            if any(row["needs_manual_grade"] for row in students[page.student]["grade"]):
                notes[page.student] = "not final: a mark by hand is missing"
        return dict(sorted(notes.items()))


class _Memory(BytecodeCache):
    """Compiled templates by key; each one also knows the text that it was compiled from."""

    def __init__(self) -> None:
        self.compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.compiled:
            bucket.bytecode_from_string(self.compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.compiled[bucket.key] = bucket.bytecode_to_string()


TEMPLATES = _Memory()
OURS = FileSystemLoader(Path(__file__).parent / "templates")


class _Formulas:
    """The formulas of a page; until it is made, each one's place is a word that nobody can guess.

    So nothing takes MathML for a student's HTML, or a student's text for the place of a formula.
    """

    def __init__(self) -> None:
        self.found: list[Formula] = []
        self.secret = token_hex(16)

    def place(self, tex: str, display: bool) -> str:
        self.found.append((tex, display))
        return f"{self.secret}x{len(self.found) - 1}x"

    def put(self, page: str) -> str:
        """Put MathML into the text of a page, but TeX into its tags: what a picture shows, say."""
        shown, place = to_mathml(self.found), rf"{self.secret}x(\d+)x"

        def as_tex(match: re.Match) -> str:
            return escape(self.found[int(match[1])][0])

        def as_shown(match: re.Match) -> str:
            number = match[1]
            return shown[self.found[int(number)]] if number else re.sub(place, as_tex, match[0])

        return re.sub(f"{place}|<[^>]*>", as_shown, page)


class _Renderer(IPythonRenderer):
    """Markdown as nbconvert shows it, with places for its formulas."""

    def __init__(self, formulas: _Formulas, **options: Any) -> None:
        super().__init__(**options)
        self.formulas = formulas

    def inline_math(self, body: str) -> str:
        return self.formulas.place(body, False)

    def block_math(self, body: str) -> str:
        return self.formulas.place(body, True)

    def latex_environment(self, name: str, body: str) -> str:
        return self.formulas.place(f"\\begin{{{name}}}{body}\\end{{{name}}}", True)


class FeedbackExporter(HTMLExporter):
    """Exporter of ``nbgrader generate_feedback``: its pages ask nothing of the network.

    A class has many notebooks and one template, which is compiled once.
    """

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.loader = ChoiceLoader([OURS, environment.loader])
        environment.bytecode_cache = TEMPLATES
        return environment

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Translate Markdown, with places for its formulas."""
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = _Renderer(self._formulas, escape=False, attachments=attachments)
        return MarkdownWithMath(renderer=renderer).render(source)

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict | None = None, **options: Any
    ) -> tuple[str, dict]:
        """Make a page, with its formulas as MathML."""
        self._formulas = _Formulas()
        page, resources = super().from_notebook_node(nb, resources, **options)
        return self._formulas.put(page), resources
