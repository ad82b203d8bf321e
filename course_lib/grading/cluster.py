"""Many machines: joblib's Dask backend, such that the end of a worker is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from distributed import Client
from joblib._dask import DaskDistributedBackend

from course_lib.grading.course import CourseError

__all__ = ["connect"]


@contextmanager
def connect(address: str) -> Iterator[tuple[Callable[[], Any], int]]:
    """Connect to a Dask cluster for as long as a class is graded.

    The workers have this library, and the course's folder under the same path; they only read it.
    A worker process grades one submission at a time: start one for each core, with one thread
    (``dask worker tcp://host:8786 --nworkers -1 --nthreads 1``). Dask gives the submissions of a
    worker that ended to the others.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://host:8786"``.

    Yields
    ------
    tuple of callable and int
        What makes a backend of `joblib.Parallel`, and the number of submissions to hand out at
        once: two for each worker process, so that none of them waits.

    Raises
    ------
    CourseError
        When no scheduler answers, or it has no worker.
    """
    try:
        client = Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CourseError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        n_workers = len(client.scheduler_info(n_workers=-1)["workers"])
        if not n_workers:
            raise CourseError(f"the Dask scheduler at {address} has no worker")
        yield lambda: _Backend(client=client), 2 * n_workers


class _Backend(DaskDistributedBackend):
    """joblib's backend waits for ever for a task that Dask has given up: here it is told."""

    def submit(self, func: Any, callback: Callable[[Any], None] | None = None) -> Future:
        """Send a task."""
        future = super().submit(func, callback)
        future.add_done_callback(lambda done: done.exception() and callback(done))
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        """Return a task's result, or raise what Dask says of it."""
        return out.result() if isinstance(out, Future) else super().retrieve_result_callback(out)

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Take back what is not done: it could end the worker of what is graded after this."""
        super().abort_everything(ensure_ready)
        self.client.cancel(list(self._results), force=True)

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Count at least two workers: joblib would do the work of one in this process."""
        return max(super().effective_n_jobs(n_jobs), 2)
