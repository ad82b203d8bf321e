"""The program of the server of `forkserver`: a Python that loads libraries, then copies itself.

It is a new process with the environment of a kernel, and imports nothing but the standard
library: in its memory, of which every kernel gets a copy, there is nothing of the grader, of the
course and of another student. No student's code runs in it.

To start a kernel it copies itself. This copy enters the room that bubblewrap has built, gives up
every right, and copies itself again: that is the kernel. Nothing but this last copy can be seen
in the room; the one in between stays outside, waits for the kernel's end and ends the room.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import json
import os
import resource
import runpy
import select
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["MESSAGE", "SUCCESS"]

MESSAGE = 1 << 16  # bytes; no message is longer
SUCCESS = "success"
FOLDERS = ("HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR")  # variables that name folders of the room
# Of linux/sched.h: mount, cgroup, uts, ipc, user, pid and network. Of linux/prctl.h and
# linux/capability.h: the names say what.
NAMESPACES = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
SET_DUMPABLE, DROP_FROM_BOUNDING_SET, SET_NO_NEW_PRIVILEGES = 4, 24, 38
CAPABILITIES_VERSION = 0x20080522


# --- in the server ----------------------------------------------------------------------------


def serve(control: socket.socket, listener: socket.socket) -> socket.socket:
    """Load the libraries; return, in a copy of this process, a connection to a grader."""
    Path("/proc/self/comm").write_text("python")  # the name that `ps` shows
    try:
        _load(*json.loads(control.recv(MESSAGE)))
        problem = _unfit_to_copy()
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    control.send((problem or SUCCESS).encode()[:MESSAGE])
    if problem:
        os._exit(1)
    # A grader in the background may ignore what ends it, and its child inherits that.
    for name in ("SIGALRM", "SIGHUP", "SIGQUIT", "SIGTERM", "SIGTTIN", "SIGTTOU"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks what became of a copy
    while True:
        # What is about a student comes through the connection: the server itself reads none of it.
        if control in select.select([control, listener], [], [])[0]:
            os._exit(0)  # nothing is said there any more: who started this process has ended
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            listener.close()
            return connection
        connection.close()


def _load(root: str, imports: list[str]) -> None:
    """Run import statements, with folders under ``root`` in the place of those of a room."""
    folders = {name: os.environ[name] for name in FOLDERS if name in os.environ}
    for name, folder in folders.items():
        os.makedirs(root + folder, exist_ok=True)
        os.environ[name] = root + folder
    # Python keeps lists of the folders that it searches: let the course be none of them.
    path, python = sys.path[:], (sys.prefix, sys.base_prefix)
    sys.path[:] = [name for name in path if name.startswith(python)]
    gc.disable()  # a library makes much, and next to no garbage: looking for it takes a tenth
    for statement in imports:
        with contextlib.suppress(ImportError):
            exec(statement, {})
    sys.path[:] = path
    os.environ.update(folders)
    _forget(root)
    gc.enable()
    gc.freeze()  # the kernels share these objects in memory for as long as nothing touches them


def _forget(root: str) -> None:
    """Let libraries forget that they found their folders under ``root``."""

    def moved(value: object) -> object:
        return value.removeprefix(root) if isinstance(value, str) else value

    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if type(value) is list:
                value[:] = map(moved, value)
            elif isinstance(value, str) and value.startswith(root):
                setattr(module, name, moved(value))
    if matplotlib := sys.modules.get("matplotlib"):
        for name in ("get_configdir", "get_cachedir"):  # they would not look again
            again = functools.cache(getattr(matplotlib, name).__wrapped__)
            setattr(matplotlib, name, again)


def _unfit_to_copy() -> str:
    """Say why a copy of this process would not work, or would not be apart from it."""
    if len(os.listdir("/proc/self/task")) > 1:
        return "a library has started threads (NumPy: set OPENBLAS_NUM_THREADS to 1)"
    mapped = Path("/proc/self/smaps").read_text().splitlines()
    if any(line.startswith("VmFlags:") and "sh" in line.split() for line in mapped):
        return "a library shares memory that can be written"
    return ""


# --- in the copies ----------------------------------------------------------------------------


def become_kernel(connection: socket.socket) -> list[str]:
    """Go on in a room; return, in the process that is the kernel, the kernel's command."""
    text, descriptors, *_ = socket.recv_fds(connection, MESSAGE, 3)
    if not text:
        os._exit(0)  # somebody only asked whether there is a server
    process, log, _room = descriptors
    request = json.loads(text)
    try:
        _enter(process, request["user"], request["limits"])
        os.chdir(request["folder"])
        kernel = os.fork()  # who enters a namespace of processes is not in it; the children are
    except (OSError, ValueError) as error:
        connection.send(f"a kernel cannot enter its room: {error}".encode())
        os._exit(1)
    if kernel:
        connection.send(SUCCESS.encode())
        connection.close()
        os.waitpid(kernel, 0)
        os._exit(0)  # closes `_room` at last: the cat in the room ends, and the room with it
    connection.close()
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    _prctl(SET_DUMPABLE, 1)  # else its own files in /proc belong to root
    if "numpy.random" in sys.modules:  # Python's own random numbers begin anew by themselves
        sys.modules["numpy.random"].seed()
    return request["command"]


def _enter(process: int, user: int, limits: Mapping[str, int]) -> None:
    """Enter the namespaces of a process, and keep no right."""
    Path("/proc/self/oom_score_adj").write_text("1000")  # as in the room
    if os.geteuid() == 0:
        os.setgroups([])
    _check(_libc().setns(process, NAMESPACES))
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    for name, limit in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (limit, limit))
    _drop_capabilities()
    _prctl(SET_NO_NEW_PRIVILEGES, 1)


def _drop_capabilities() -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        _prctl(DROP_FROM_BOUNDING_SET, capability)
    header = struct.pack("Ii", CAPABILITIES_VERSION, 0)
    _check(_libc().capset(header, bytes(24)))


def _prctl(option: int, value: int) -> None:
    _check(_libc().prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    grader = serve(*(socket.socket(fileno=int(number)) for number in sys.argv[1:]))
    module, *arguments = become_kernel(grader)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
