"""The processes that grade: copies of one that has loaded the grader.

Loading it takes seconds, and copying a process some milliseconds. While that one process loads,
the command that asked for it can do the same.
"""

from __future__ import annotations

import os
import select
import tempfile
from functools import cache
from multiprocessing import forkserver, get_all_start_methods
from pathlib import Path
from threading import Thread

from joblib.externals.loky.backend.context import set_start_method

__all__ = ["end_with_the_command", "prepare", "shared_folder"]

LOADED = ["course_lib.grading.workplace", "course_lib.grading.judge", "jupytext"]
# To which a grading comes late.
LOADED += ["IPython.paths", "course_lib._data_files", "matplotlib.font_manager"]
LOADED += ["numpy.random", "sqlalchemy.dialects.sqlite"]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # there is one process per core
# Environment variables: the folder of a command's processes, and the process of the command.
FOLDER, COMMAND = "COURSE_FOLDER", "COURSE_COMMAND"


@cache
def _own_folder() -> tempfile.TemporaryDirectory:
    # In /tmp: the address of a socket has 107 bytes. It is there until the process ends.
    return tempfile.TemporaryDirectory(prefix="course-", dir="/tmp")


def shared_folder() -> Path:
    """Return a folder that the processes of a command share, and that is removed at its end.

    What a worker keeps for its whole life belongs here: it removes nothing when it ends.
    """
    return Path(os.environ.get(FOLDER) or _own_folder().name)


def prepare() -> None:
    """Begin to load the grader in a process that all later ones of joblib will be copies of.

    The environment of today is theirs as well, and a folder for what they share. Where the system
    cannot copy processes, nothing happens, and each one of them loads the grader itself.
    """
    if "forkserver" not in get_all_start_methods():
        return
    set_start_method("forkserver", force=True)
    forkserver.set_forkserver_preload(LOADED)
    theirs = ONE_THREAD | {FOLDER: _own_folder().name, COMMAND: str(os.getpid())}
    before = {name: os.environ.get(name) for name in theirs}
    os.environ.update(theirs)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@cache
def end_with_the_command() -> None:
    """Let this process end with the one that asked for it: who is killed tells nobody."""
    if (number := os.environ.get(COMMAND)) and hasattr(os, "pidfd_open"):
        command = os.pidfd_open(int(number))
        Thread(target=_end_after, args=[command], daemon=True).start()


def _end_after(process: int) -> None:
    select.select([process], [], [])
    os._exit(1)
