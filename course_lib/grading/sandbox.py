"""The sandbox: a Jupyter kernel that reaches no network, no course file and no other student.

It is a kernel provisioner of jupyter_client around `bubblewrap`_, chosen by the kernelspec
``course-sandbox`` beside this file, so that nbgrader and everything else that starts kernels can
use it unchanged. A kernel in it sees a read-only system and Python, the modules of ``course_lib``
that its assignment may use, the assignment's data, and little else. Its writable folders are in
memory and small; what it started ends with it. Where a machine has other means, such as
containers, ``c.ExecutePreprocessor.kernel_name`` in ``nbgrader_config.py`` names their kernelspec.

Loading libraries is most of what a kernel costs, so a kernel is a copy of a process that has
loaded those of its assignment (`forkserver`), in the room that bubblewrap has built for it.

One thing is not bounded: the memory of all its processes together. When the machine's memory runs
out, Linux ends the sandbox first.

.. _bubblewrap: https://github.com/containers/bubblewrap
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from functools import lru_cache
from importlib.metadata import EntryPoint
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from traitlets import Bool, Integer, List, Unicode

from course_lib.grading import source
from course_lib.grading.course import CourseError, configuration

if TYPE_CHECKING:
    from course_lib.grading.forkserver import ForkServer

__all__ = [
    "KERNEL",
    "Sandbox",
    "prepare",
    "register",
    "settings",
    "unavailable",
    "visible_modules",
]

KERNEL = "course-sandbox"
VARIABLE = "COURSE_SANDBOX"  # tells the provisioner what `settings` found; no kernel sees it
LIBRARY = Path(__file__).resolve().parents[1]
WORK, DATA, CACHE = "/submission", "/data", "/cache"  # folders in the sandbox
PATH = os.pathsep.join([f"{sys.prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin"])
NOBODY = 65534
PROGRAMS = {"bwrap": "bubblewrap", "timeout": "coreutils"}
PROGRAMS |= dict.fromkeys(("choom", "prlimit", "setpriv"), "util-linux")
SYSTEM = ["/usr", "/bin", "/lib", "/lib64"]
SYSTEM += ["/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime"]
SECONDS_TO_END = 5  # more than a killed sandbox needs
# Where the machine's memory runs out, Linux ends these processes first; and they end with the
# thread that started them, also where the grader is killed.
OUTSIDE = ["choom", "-n", "1000", "--", "setpriv", "--pdeathsig", "KILL"]
NAMESPACES = ["--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
NAMESPACES += ["--unshare-cgroup-try", "--hostname", "sandbox"]
# A session of its own: else a kernel could stop the processes around it, and so its time limit.
NAMESPACES += ["--die-with-parent", "--new-session"]
USER = ["--unshare-user", "--disable-userns", "--uid", str(NOBODY), "--gid", str(NOBODY)]
# Linux counts no process of root, under whatever name root hides: root becomes nobody first.
DROP_ROOT = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
DROP_ROOT += ["bwrap", *USER, "--dev-bind", "/", "/", "--"]
FORBIDDEN = """\
the sandbox cannot start: bubblewrap says "{error}".
It needs bubblewrap 0.8 or newer (see: bwrap --version) and user namespaces. Are they forbidden?
See: sysctl user.max_user_namespaces kernel.unprivileged_userns_clone \
kernel.apparmor_restrict_unprivileged_userns
(should be: many, 1 or unknown, 0 or unknown)"""


def unavailable() -> str:
    """Say why the sandbox cannot run on this machine.

    Returns
    -------
    str
        The reason and what to do about it; empty when the sandbox works.
    """
    if sys.platform != "linux":
        return f"the sandbox needs Linux, and this is {sys.platform}: grade in a Linux container"
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        names = " ".join(sorted({PROGRAMS[name] for name in missing}))
        return f"the sandbox needs {names}. On Debian and Ubuntu: sudo apt install {names}"
    command = [*_bubblewrap(), *_memory("/tmp", 1), *_show((path, path) for path in _python())]
    command += ["--", *_inside(), sys.executable, "-c", ""]
    trial = subprocess.run(command, capture_output=True, text=True, env={"PATH": PATH})
    return FORBIDDEN.format(error=trial.stderr.strip()) if trial.returncode else ""


def register() -> None:
    """Let Jupyter find the kernel ``course-sandbox`` in this process.

    ``nbgrader_config.py`` calls it: nothing has to be installed anywhere.
    """
    entry = EntryPoint(KERNEL, f"{__name__}:Sandbox", KernelProvisionerFactory.GROUP_NAME)
    KernelProvisionerFactory.provisioners[KERNEL] = entry
    here = str(Path(__file__).resolve().parent)
    paths = [path for path in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if path]
    os.environ["JUPYTER_PATH"] = os.pathsep.join([here, *(path for path in paths if path != here)])


def settings(root: Path, assignment: str, data_folder: Path) -> dict[str, str]:
    """Say what the kernel of an assignment may see, as environment variables for its start.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment.
    data_folder : Path
        Folder of the release; its files are shown, but for notebooks, ``.py`` files and links.

    Returns
    -------
    dict of str
        What to add to the environment in which the kernel is started.

    Raises
    ------
    CourseError
        When the course lies in a folder that every sandbox shows.
    """
    root = Path(root).resolve()
    for shown in _python():
        if root.is_relative_to(Path(shown).resolve()):
            raise CourseError(f"{root} is inside {shown}, which a sandbox shows: move the course")
    folder = root / "solutions" / assignment
    given = {"data": str(Path(data_folder).resolve()), "modules": visible_modules(folder)}
    return {VARIABLE: json.dumps(given | {"imports": _libraries(folder)})}


def prepare(root: Path, assignment: str) -> None:
    """Begin to load what the kernels of an assignment will be copies of; nobody waits for it.

    Where it has other kernels, nothing happens.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment.
    """
    config = configuration(root)
    if config.ExecutePreprocessor.get("kernel_name") != KERNEL:
        return
    try:
        seen = settings(root, assignment, root / "exercises" / assignment)
    except Exception:  # the teacher will hear of it when the solution is graded, in better words
        return
    environment = {**os.environ, **config.Judge.get("kernel_env", {}), **seen}
    command = KernelManager(kernel_name=KERNEL).format_kernel_cmd()
    Sandbox(config=config).server(command, environment, wait=False)


def visible_modules(folder: Path) -> list[str]:
    """List the modules of ``course_lib`` that the kernel of an assignment may see.

    Hidden are the ``course`` command, and the modules of which the checks take what they expect;
    but what the notebook's own cells need, directly or through another module, is seen.

    Parameters
    ----------
    folder : Path
        The assignment's folder in ``solutions/``.

    Returns
    -------
    list of str
        Names without ``course_lib.``, sorted.
    """
    given = [
        cell.source
        for cell in source.read(folder / f"{folder.name}.py").cells
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("solution")
    ]
    needed = _with_what_they_import(_imported("\n".join(given)))
    hidden = _imported((folder / "checks.py").read_text(encoding="utf-8")) | {"cli"}
    return sorted({path.stem for path in LIBRARY.glob("*.py")} - (hidden - needed - {"__init__"}))


def _libraries(folder: Path) -> list[str]:
    """Return how an assignment, and what it uses of course_lib, import other libraries."""
    cells = source.read(folder / f"{folder.name}.py").cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    found = [*_import_statements(code)]
    for module in _with_what_they_import(_imported(code)):
        text = (LIBRARY / f"{module}.py").read_text(encoding="utf-8")
        # Not what a function imports: few call it, and it may be slow to load.
        found += [node for node in _import_statements(text) if node.col_offset == 0]
    statements = {ast.unparse(node) for node in found}
    return sorted(text for text in statements if "course_lib" not in text)


def _imported(code: str) -> set[str]:
    """Return the flat modules of course_lib that a code imports anywhere."""
    names: set[str] = set()
    for node in _import_statements(code):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        else:
            names |= {alias.name for alias in node.names}
    parts = [name.split(".") for name in names if name.startswith("course_lib.")]
    return {part[1] for part in parts if (LIBRARY / f"{part[1]}.py").is_file()}


@lru_cache(maxsize=256)  # the same modules for each submission
def _import_statements(code: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    lines = [line for line in code.splitlines() if not line.lstrip().startswith(("%", "!"))]
    nodes = ast.walk(ast.parse("\n".join(lines)))
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


def _with_what_they_import(modules: set[str]) -> set[str]:
    found, waiting = set(), set(modules)
    while waiting:
        module = waiting.pop()
        found.add(module)
        waiting |= _imported((LIBRARY / f"{module}.py").read_text(encoding="utf-8")) - found
    return found


class Sandbox(LocalProvisioner):
    """Start a kernel in the sandbox; ``c.Sandbox.<name>`` in ``nbgrader_config.py`` sets a limit.

    The kernel's sockets are in the sandbox's own memory, so that it can write nowhere else. The
    grader opens them through the file system of the sandbox.
    """

    wall_seconds = Integer(600, help="life of a kernel").tag(config=True)
    cpu_seconds = Integer(300, help="processor time of a process").tag(config=True)
    memory = Integer(3000, help="megabytes of data of a process").tag(config=True)
    processes = Integer(256, help="number of processes and threads").tag(config=True)
    open_files = Integer(512, help="number of open files of a process").tag(config=True)
    file_size = Integer(50, help="megabytes of a file").tag(config=True)
    work_size = Integer(128, help="megabytes of the working folder").tag(config=True)
    tmp_size = Integer(32, help="megabytes of /tmp, and of /dev/shm").tag(config=True)
    read_only = List(Unicode(), help="more folders to show, such as /opt/cuda").tag(config=True)
    fork = Bool(True, help="copy a process that has loaded the libraries").tag(config=True)
    environment = List(
        Unicode(),
        ["LANG", "LC_*", "TZ", "*_NUM_THREADS", "KERAS_BACKEND", "MPLBACKEND"]
        # Not "TF_*": Terraform's passwords have such names.
        + ["TF_CPP_*", "TF_DETERMINISTIC_*", "TF_ENABLE_*", "TF_GPU_*", "TF_NUM_*"]
        + ["CUDA_VISIBLE_DEVICES"],
        help="environment variables that are passed on; * stands for anything",
    ).tag(config=True)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose where the sockets are: a short path, for it may have 107 bytes."""
        if VARIABLE not in kwargs.get("env", os.environ):
            raise CourseError(f"{KERNEL}: {VARIABLE} is not set; see course_lib.grading.sandbox")
        self.folder, self.sockets = Path(tempfile.mkdtemp(prefix="course-", dir="/tmp")), []
        self.parent.transport, self.parent.ip = "ipc", str(self.folder / "sockets" / "kernel")
        self.parent.connection_file = str(self.folder / "connection.json")
        kwargs = await super().pre_launch(**kwargs)
        if os.getuid() == 0:
            os.chown(self.parent.connection_file, NOBODY, NOBODY)
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel's command in the sandbox."""
        outer, kwargs["env"] = kwargs["env"], self._environment(kwargs["env"])
        server = self.server(cmd, outer)
        if server and (info := await self._launch_copy(server, cmd, outer, **kwargs)):
            await self._open_sockets()
            return info
        limits = [f"--{name}={limit}" for name, limit in self._limits().items()]
        info = await self._launch(["prlimit", *limits, *cmd], outer, **kwargs)
        await self._open_sockets()
        return info

    def server(self, cmd: list[str], outer: Mapping[str, str], **wait: bool) -> ForkServer | None:
        """Return the server for kernels of this command and environment; see `forkserver.find`."""
        from course_lib.grading import forkserver  # not above: Windows lacks what it imports

        if not self.fork:
            return None
        python, imports = cmd[: cmd.index("-m")], json.loads(outer[VARIABLE])["imports"]
        return forkserver.find(python, self._environment(outer), imports, [_font_list()], **wait)

    async def _launch_copy(
        self, server: ForkServer, cmd: list[str], outer: Mapping[str, str], **kwargs: Any
    ) -> Any:
        """Start a room where `cat` waits, and in it the kernel; return None where it cannot be."""
        ours, theirs = socket.socketpair()
        with ours, (self.folder / "log").open("ab") as log:
            with theirs:
                info = await self._launch(["cat"], outer, stdin=theirs, stdout=theirs, **kwargs)
            request = {"command": cmd[cmd.index("-m") + 1 :], "limits": self._limits()}
            if server.start(ours, log.fileno(), request | {"folder": WORK, "user": NOBODY}):
                return info
        await self.kill()
        await self.wait()
        return None

    async def _launch(self, cmd: list[str], outer: Mapping[str, str], **kwargs: Any) -> Any:
        """Start a command in the sandbox."""
        reading, writing = os.pipe()
        around = [*OUTSIDE, "timeout", "--signal=KILL", str(self.wall_seconds)]
        around += [*_bubblewrap(), "--info-fd", str(writing), *self._view(outer), *_inside()]
        with (self.folder / "log").open("ab") as log, os.fdopen(reading) as information:
            kwargs = {"stdout": log, "stderr": log, "pass_fds": [writing]} | kwargs
            try:
                info = await super().launch_kernel([*around, *cmd], **kwargs)
            finally:
                os.close(writing)
            self.first_process = _first_process(information)
        if self.first_process is None:
            raise CourseError(f"the sandbox did not start: {await self._end_badly()}")
        return info

    async def _open_sockets(self) -> None:
        """Open the kernel's sockets, before any student's code could put others in their place.

        The grader connects to them by these descriptors, also when it has to connect again: by
        their names, it could be led to a socket of the machine.
        """
        ours = self.folder / "sockets"
        ours.mkdir()
        for channel in ("shell", "iopub", "stdin", "hb", "control"):
            name = f"kernel-{getattr(self.parent, f'{channel}_port')}"
            descriptor = await self._open(f"/proc/{self.first_process}/root{ours}/{name}")
            self.sockets.append(descriptor)
            (ours / name).symlink_to(f"/proc/self/fd/{descriptor}")

    async def _open(self, path: str) -> int:
        """Open a socket as soon as it is there."""
        while True:
            try:
                return os.open(path, os.O_PATH | os.O_NOFOLLOW)
            except OSError:
                if not self.has_process or await self.poll() is not None:
                    said = await self._end_badly()
                    raise CourseError(f"the kernel has not started: {said}") from None
            await asyncio.sleep(0.01)

    async def _end_badly(self) -> str:
        """Remove what is left of a sandbox that did not start, and return what it said."""
        await self.wait()
        said = (self.folder / "log").read_text(errors="replace").strip()
        await self.cleanup()
        return said[-1000:]

    async def kill(self, restart: bool = False) -> None:
        """End the sandbox, and wait for its end: who asks for it would look ten times a second."""
        await super().kill(restart=restart)
        end = monotonic() + SECONDS_TO_END
        while await self.poll() is None and monotonic() < end:
            await asyncio.sleep(0.005)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the kernel's folder."""
        await super().cleanup(restart)
        while self.sockets:
            os.close(self.sockets.pop())
        shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        passed = {n: v for n, v in outer.items() if any(fnmatch(n, p) for p in self.environment)}
        return passed | {
            "PATH": PATH,
            "HOME": WORK,
            "USER": "student",
            "PWD": WORK,
            "COURSE_DATA_DIR": DATA,
            "XDG_CACHE_HOME": CACHE,
            "MPLCONFIGDIR": f"{WORK}/.matplotlib",
            "PYTHONDONTWRITEBYTECODE": "1",  # there is no place for it
        }

    def _limits(self) -> dict[str, int]:
        """Return limits of a process that no student can raise, by their names in prlimit."""
        return {
            "cpu": self.cpu_seconds,
            "data": self.memory << 20,  # and not the address space: TensorFlow takes gigabytes
            "fsize": self.file_size << 20,
            "nproc": self.processes,
            "nofile": self.open_files,
            "core": 0,
        }

    def _view(self, outer: Mapping[str, str]) -> list[str]:
        """Return what the sandbox sees, in the order in which it is mounted."""
        given = json.loads(outer[VARIABLE])
        view = ["--unsetenv", "JPY_PARENT_PID"]  # the grader's number means nothing in here
        view += _memory("/tmp", self.tmp_size) + _memory("/dev/shm", self.tmp_size)
        view += _show((path, path) for path in [*_python(), *self.read_only])
        view += _show([(_library(tuple(given["modules"])), LIBRARY)])
        view += _memory(WORK, self.work_size) + _show(_data(Path(given["data"])))
        view += _show(_downloads(outer))
        view += _memory(self.folder / "sockets", 1)
        view += _show([(self.parent.connection_file, self.parent.connection_file)])
        return [*view, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK, "--"]


def _bubblewrap() -> list[str]:
    """Return a bubblewrap that shows the system; more options may follow."""
    user = [] if os.getuid() == 0 else USER
    system = _show((path, path) for path in SYSTEM)
    return ["bwrap", *NAMESPACES, *user, "--proc", "/proc", "--dev", "/dev", *system]


def _inside() -> list[str]:
    return DROP_ROOT if os.getuid() == 0 else []


def _show(paths: Iterable[tuple[str | Path, str | Path]]) -> list[str]:
    """Return the options that show existing files and folders, read-only: (where, as what)."""
    shown = [(path, name) for path, name in paths if os.path.lexists(path)]
    options: list[str] = []
    for parent in sorted({parent for _, name in shown for parent in Path(name).parents}):
        options += ["--perms", "0777", "--dir", str(parent)]  # else closed to the kernel
    for path, name in shown:
        if str(path) in SYSTEM and os.path.islink(path):
            options += ["--symlink", os.readlink(path), str(name)]
        else:
            options += ["--ro-bind", str(path), str(name)]
    return options


def _memory(name: str | Path, megabytes: int) -> list[str]:
    """Return the options of an empty folder in memory that the kernel may write into."""
    return ["--perms", "0777", "--size", str(megabytes << 20), "--tmpfs", str(name)]


def _python() -> list[str]:
    """Return the folders of Python and of its environment."""
    folders = [sys.prefix, sys.base_prefix]
    return list(dict.fromkeys([*map(os.path.realpath, folders), *folders]))


@lru_cache
def _library(modules: tuple[str, ...]) -> Path:
    """Return a folder with what a kernel sees of course_lib: to show fifty files takes longer."""
    from course_lib.grading.workers import shared_folder  # not above: joblib is slow to load

    folder = Path(tempfile.mkdtemp(dir=shared_folder()))
    folder.chmod(0o755)
    for name in modules:
        shutil.copy2(LIBRARY / f"{name}.py", folder)
    shutil.copytree(LIBRARY / "weights", folder / "weights")
    return folder


def _data(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the assignment's data files: no notebook, and nothing that could be imported."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix not in (".ipynb", ".py"):
            yield path, f"{WORK}/{path.relative_to(folder)}"


def _downloads(outer: Mapping[str, str]) -> Iterator[tuple[str | Path, str]]:
    """Yield the data sets, and the fonts."""
    from course_lib._data_files import cache_dir

    if outer.get("COURSE_DATA_DIR"):
        yield outer["COURSE_DATA_DIR"], DATA
    yield cache_dir(), f"{CACHE}/course_lib"
    yield _font_list()


def _font_list() -> tuple[Path, str]:
    """Return where a file is, and goes, that matplotlib would take a second to make."""
    from matplotlib import font_manager, get_cachedir  # imported: the list is there now

    name = f"fontlist-v{font_manager.FontManager.__version__}.json"
    return Path(get_cachedir()) / name, f"{WORK}/.matplotlib/{name}"


def _first_process(information: TextIO) -> int | None:
    """Return the number of the sandbox's first process, which bubblewrap writes as JSON."""
    text = ""
    while not text.endswith("}\n") and (line := information.readline()):
        text += line
    return json.loads(text)["child-pid"] if text else None
