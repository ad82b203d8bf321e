"""Pages for the students: what they handed in, with the marks and comments of today.

The last marks and comments are a teacher's, given by hand after the grading. So the pages are
made from the gradebook whenever the teacher wants them, and not by the grading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from joblib import Parallel, cpu_count, delayed
from nbconvert.exporters import HTMLExporter

from course_lib.grading import gradebook
from course_lib.grading.course import alone, configuration, surroundings
from course_lib.grading.placing import finish_writing, write_folder
from course_lib.grading.workplace import AUTOGRADED, FEEDBACK, Page, Task, feedback_page

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


class FeedbackExporter(HTMLExporter):
    """Exporter of ``nbgrader generate_feedback``: a class has many notebooks and one template."""

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = TEMPLATES
        return environment
