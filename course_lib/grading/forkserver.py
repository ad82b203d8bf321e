"""Start sandboxed kernels as copies of one process that has loaded the libraries.

Loading TensorFlow takes seconds, copying a process some milliseconds. `zygote` is that process;
this is the grader's side of it. Where it cannot be (an old Linux, a library that starts threads)
a kernel is started as a new Python, and differs in nothing but the time it takes.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import logging
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.grading import zygote
from course_lib.grading.workers import shared_folder

__all__ = ["ForkServer", "close", "find"]

PATIENCE = 300  # seconds: on a busy machine a library takes long to load
# What every kernel imports: its own parts, some of which it comes to late, and NumPy for `wire`.
ALWAYS = ["import ipykernel.kernelapp, ipykernel.debugger", "import tornado.platform.asyncio"]
ALWAYS += ["import IPython.core.completerlib, IPython.core.oinspect, IPython.extensions.storemagic"]
ALWAYS += ["import IPython.core.debugger, IPython.core.logger, pdb, sqlite3"]
ALWAYS += ["import numpy.ma, numpy.random"]
# What makes the first error of a kernel slow: a lexer that colours it, and, when all the modules
# are there, a list of their files.
ERRORS = ["import stack_data, pygments.formatters.html, pygments.formatters.terminal256"]
ERRORS += ["import pygments.lexers.python; pygments.lexers.python.PythonLexer()"]
ERRORS += ["import inspect, sys; inspect.getmodule(sys._getframe())"]
log = logging.getLogger(__name__)


class ForkServer:
    """The server of the kernels of one assignment; it ends with the process that launched it.

    Parameters
    ----------
    address : Path
        Of the socket on which it listens to the processes that grade.

    Attributes
    ----------
    problem : str
        Why no kernel can be started this way; usually empty.
    """

    def __init__(self, address: Path) -> None:
        self.address, self.problem = address, ""
        self._process: subprocess.Popen | None = None  # None: another process has launched it
        self._control: socket.socket | None = None
        self._lost = False

    def launch(
        self,
        python: list[str],
        environment: Mapping[str, str],
        imports: list[str],
        files: list[tuple[Path, str]],
    ) -> None:
        """Start the process, which then loads the libraries.

        Parameters
        ----------
        python : list of str
            Python and its options: the begin of a kernel's command.
        environment : mapping of str
            Environment of the kernels.
        imports : list of str
            Import statements. What cannot be imported is left for the kernel to complain about.
        files : list of (Path, str)
            What a library may look for in a kernel's folders when it is loaded: (where, as what).
        """
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE)
        self.address.unlink(missing_ok=True)  # of a server that has ended
        root = f"{self.address}.root"
        try:
            with theirs, _socket() as here:
                here.bind(str(self.address))
                here.listen()
                _copy(files, root)
                self._process = _start(python, environment, theirs, here)
            self._control.send(json.dumps([root, ALWAYS + imports + ERRORS]).encode())
        except OSError as error:
            self._give_up(error)

    def wait(self) -> None:
        """Wait until the launched process has loaded the libraries."""
        try:
            if not self.problem:
                _require_success(self._control)
        except OSError as error:
            self._give_up(error)

    def has_ended(self) -> bool:
        """Say whether the process is no more, as far as is known."""
        return self._lost if self._process is None else self._process.poll() is not None

    def start(self, room: socket.socket, output: int, request: Mapping[str, Any]) -> bool:
        """Start a kernel in a room, which will end with it.

        Parameters
        ----------
        room : socket
            Its other end is both input and output of a ``cat`` that runs in the room.
        output : int
            File descriptor that takes what the kernel's process writes.
        request : mapping
            ``command`` (a module and its arguments), ``folder``, ``user`` and ``limits``.

        Returns
        -------
        bool
            False when no kernel has started; the log says why.
        """
        try:
            process = _process_of(room)
            try:
                self._ask(request, [process, output, room.fileno()])
            finally:
                os.close(process)
            return True
        except ConnectionError as error:  # the room or the server has ended
            self._lost = True
            log.warning("a kernel has to load its libraries itself: %s", error)
        except OSError as error:
            self._give_up(error)
        return False

    def close(self) -> None:
        """End the server; its kernels live on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._control is not None:
            self._control.close()

    def answers(self) -> bool:
        """Say whether there is a process at the address."""
        try:
            self._connect().close()
        except ConnectionError:
            return False
        return True

    def _connect(self) -> socket.socket:
        connection = _socket()
        try:
            connection.connect(str(self.address))
        except FileNotFoundError as error:
            connection.close()
            raise ConnectionError(*error.args) from error
        except OSError:
            connection.close()
            raise
        return connection

    def _ask(self, request: Mapping[str, Any], descriptors: list[int]) -> None:
        with self._connect() as connection:
            socket.send_fds(connection, [json.dumps(request).encode()], descriptors)
            _require_success(connection)

    def _give_up(self, error: OSError) -> None:
        self.close()
        self.problem = str(error)
        log.warning("each kernel has to load its libraries itself: %s", error)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.settimeout(PATIENCE)
    return made


def _start(
    python: list[str], environment: Mapping[str, str], *sockets: socket.socket
) -> subprocess.Popen:
    program, numbers = _sealed_copy(python[0]), [one.fileno() for one in sockets]
    try:
        return subprocess.Popen(
            [*python, zygote.__file__, *map(str, numbers)],
            executable=f"/proc/self/fd/{program}",
            pass_fds=[program, *numbers],
            env=environment,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the grader
            **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL),
        )
    finally:
        os.close(program)


def _sealed_copy(program: str) -> int:
    """Return a program as a file in memory that nothing can change any more.

    A process can open the program that it runs, through ``/proc/self/exe``: not the one that the
    room shows read-only, but the one with which the server was started. It may be the teacher's.
    """
    copy = os.memfd_create("python", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(copy, Path(program).read_bytes())
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, seals)
    return copy


def _copy(files: list[tuple[Path, str]], root: str) -> None:
    for source, name in files:
        target = Path(root + name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _process_of(room: socket.socket) -> int:
    """Return a file descriptor of the process that echoes in a room.

    Linux says with each message which process sent it. Two echoes of the same number, before and
    after the number is looked up: it has not gone over to another process.
    """
    room.settimeout(PATIENCE)
    room.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    number = _echo(room)
    process = os.pidfd_open(number)
    if _echo(room) != number:
        os.close(process)
        raise ConnectionError("the room has changed")
    return process


def _echo(room: socket.socket) -> int:
    credentials = struct.Struct("3i")  # process, user, group
    room.send(b"?")
    message, ancillary, *_ = room.recvmsg(1, socket.CMSG_SPACE(credentials.size))
    if not message:
        raise ConnectionError("the room has ended")
    return credentials.unpack(ancillary[0][2])[0]


def _require_success(connection: socket.socket) -> None:
    reply = connection.recv(zygote.MESSAGE).decode()
    if not reply:
        raise ConnectionError("the process that has loaded the libraries has ended")
    if reply != zygote.SUCCESS:
        raise OSError(reply)


_lock = threading.Lock()
_servers: dict[str, ForkServer] = {}  # at most one: a class is graded assignment by assignment


def find(
    python: list[str],
    environment: Mapping[str, str],
    imports: list[str],
    files: list[tuple[Path, str]],
    *,
    wait: bool = True,
) -> ForkServer | None:
    """Return the server for such kernels; a new one takes the place of any other.

    The workers of one command share their server, see `workers.prepare`.

    Parameters
    ----------
    python, environment, imports, files
        As of `ForkServer.launch`.
    wait : bool
        False does not wait for what a new server loads.

    Returns
    -------
    ForkServer or None
        None where there can be none; the log says why, once.
    """
    wanted = repr((python, sorted(environment.items()), imports))
    with _lock:
        server = _servers.get(wanted)
        if server is None or (server.has_ended() and not server.problem):
            close()
            name = hashlib.sha256(wanted.encode()).hexdigest()[:16]
            server = ForkServer(shared_folder() / name)
            # One of the processes launches the server; the others wait for it here.
            with open(f"{server.address}.lock", "w") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                if not server.answers():
                    server.launch(python, environment, imports, files)
                    if wait:
                        server.wait()
            _servers[wanted] = server
        return None if server.problem else server


@atexit.register
def close() -> None:
    """End the server that `find` keeps."""
    for server in _servers.values():
        server.close()
    _servers.clear()
