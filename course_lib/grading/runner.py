"""Grade many submissions at once, in processes that live for many of them.

`joblib`_ runs them on this machine's cores, or with Dask on those of other machines. What one
submission does to the process that grades it is nobody else's loss: where a process ends, those
submissions that had been begun are graded again one after the other, and the one that ends its
process also then has failed.

.. _joblib: https://joblib.readthedocs.io
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from joblib import Parallel, cpu_count, delayed

from course_lib.grading.records import Record, now
from course_lib.grading.workplace import Graded, Task, grade_submission

__all__ = ["grade_all"]

TRIES = 2  # of a submission alone, when a process has ended that graded it beside others


def grade_all(
    tasks: Iterable[Task], *, jobs: int | None = None, dask: str | None = None
) -> Iterator[Graded]:
    """Grade submissions, and yield each result as soon as it is there.

    Parameters
    ----------
    tasks : iterable of Task
        What to grade, begun in this order; no student twice.
    jobs : int, optional
        How many at once; by default three for two cores of this machine, where a kernel and its
        grader wait for each other a third of the time, or one for each core of Dask's workers.
    dask : str, optional
        Address of a Dask scheduler, see `cluster.connect`.

    Yields
    ------
    Graded
        One for each task.

    Raises
    ------
    CourseError
        When the scheduler cannot be reached, or has no worker.
    """
    waiting = {task.student: task for task in tasks}
    with _machines(dask) as (make_backend, cores):
        jobs = min(jobs or cores, len(waiting))
        while waiting:
            begun: list[str] = []
            try:
                for graded in _round(list(waiting.values()), begun, make_backend(), jobs):
                    del waiting[graded.record.student]
                    yield graded
            except Exception:  # that is how joblib says that a process has ended
                doubtful = [student for student in begun if student in waiting]
                if not doubtful:
                    raise
                for student in doubtful:
                    yield _alone(waiting.pop(student), make_backend, jobs)


@contextmanager
def _machines(dask: str | None) -> Iterator[tuple[Callable[[], Any], int]]:
    """Yield what makes joblib's backend, and how many submissions it can grade at once."""
    if dask is None:
        yield lambda: "loky", cpu_count() * 3 // 2
    else:
        from course_lib.grading import cluster  # importing Dask takes a second

        with cluster.connect(dask) as machines:
            yield machines


def _round(tasks: Iterable[Task], begun: list[str], backend: Any, jobs: int) -> Iterator[Graded]:
    """Grade submissions beside each other, and note which ones have been begun."""

    def calls() -> Iterator[Any]:
        for task in tasks:
            begun.append(task.student)
            yield delayed(grade_submission)(task)

    parallel = Parallel(
        n_jobs=max(jobs, 2),  # one alone would run in this process, which must not end
        pre_dispatch=jobs,
        batch_size=1,
        backend=backend,
        return_as="generator_unordered",
    )
    with closing(parallel(calls())) as results:
        yield from results


def _alone(task: Task, make_backend: Callable[[], Any], jobs: int) -> Graded:
    """Grade a submission that may have ended a process, with no other one beside it."""
    for _ in range(TRIES):
        try:
            [graded] = _round([task], [], make_backend(), jobs)
            return graded
        except Exception as error:
            last = type(error).__name__
    reason = f"the process that graded it ended {TRIES} times ({last}): was the memory too small, "
    reason += f"or did it take longer than {task.seconds:g} s?"
    about = {"fingerprint": task.fingerprint, "graded_at": now()}
    return Graded(Record(task.student, task.assignment, status="failed", reason=reason, **about))
