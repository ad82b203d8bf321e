"""The sandbox keeps what it promises: each test tries to break one promise from the inside.

Every promise holds for both ways of starting a kernel: a new Python, or a copy of one that runs.
"""

import asyncio
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_client import KernelManager
from traitlets.config import Config

from course_lib.grading import sandbox
from course_lib.grading.course import CourseError

REASON = sandbox.unavailable()
needs_sandbox = pytest.mark.skipif(bool(REASON), reason=REASON.partition("\n")[0])
ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "memory": 400,
    "processes": 100,
    "open_files": 200,
    "file_size": 2,
    "work_size": 8,
    "tmp_size": 4,
}
TEXT = """\
# %% tags=["locked:imports"]
from course_lib.preprocessing import k_fold

# %% tags=["answer:f"]
def f():
    ### BEGIN SOLUTION
    from course_lib.metrics import accuracy

    return accuracy
    ### END SOLUTION
"""
CHECKS = "from course_lib import metrics\nfrom course_lib.preprocessing import cross\n"
FILES = {
    "solutions/demo/demo.py": TEXT,
    "solutions/demo/checks.py": CHECKS,
    "exercises/demo/demo.ipynb": "{}",
    "exercises/demo/helper.py": "",
    "exercises/demo/points.csv": "1,2",
    "exercises/demo/images/one.txt": "an image",
    "submitted/ben/demo/demo.ipynb": "{}",
    "gradebook.db": "marks",
    "data/set.txt": "a data set",
}


BOTH_WAYS = [pytest.param(True, id="copy"), pytest.param(False, id="new")]


class Kernel:
    """A kernel in the sandbox, and what its code prints."""

    def __init__(self, course: Path, argv: list[str] | None = None, **settings: int) -> None:
        self.manager = KernelManager(
            kernel_name=sandbox.KERNEL, config=Config(Sandbox=SMALL | settings)
        )
        self.manager.kernel_spec.argv = argv or self.manager.kernel_spec.argv
        env = {
            **os.environ,
            "TEACHERS_SECRET": "xyzzy",
            "TF_TOKEN_SECRET": "xyzzy",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        env |= {"COURSE_DATA_DIR": str(course / "data")}
        env |= sandbox.settings(course, "demo", course / "exercises" / "demo")
        self.manager.start_kernel(env=env, cwd=str(course))
        self.client = self.manager.client()
        self.client.start_channels()

    def run(self, code: str, after_start=lambda: None) -> str:
        """Return the text that a code prints, and the error that ends it."""
        texts = []

        def keep(message):
            content = message["content"]
            if content.get("execution_state") == "busy":
                after_start()
            texts.append(content.get("text", ""))
            if "ename" in content:
                texts.append(f"{content['ename']}: {content['evalue']}")

        self.client.execute_interactive(code, timeout=300, output_hook=keep)
        return "".join(texts).strip()

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Make a course with an assignment, a gradebook, and the work of another student."""
    return make_course(tmp_path_factory.mktemp("course"))


def make_course(root: Path, text: str = TEXT) -> Path:
    for name, content in (FILES | {"solutions/demo/demo.py": text}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "exercises" / "demo" / "link.txt").symlink_to(root / "gradebook.db")
    return root


@pytest.fixture(scope="module")
def registered():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", "/usr/share/jupyter")
        sandbox.register()
        yield


@pytest.fixture(scope="module", params=BOTH_WAYS)
def kernel(request, course, registered):
    kernel = Kernel(course, fork=request.param)
    kernel.client.wait_for_ready(timeout=300)
    yield kernel
    kernel.stop()


# --- what may be seen -------------------------------------------------------------------------


def test_modules_of_which_the_checks_take_what_they_expect_are_hidden(course):
    seen = sandbox.visible_modules(course / "solutions" / "demo")
    assert {"metrics", "cli", "grading"}.isdisjoint(seen)
    assert {"__init__", "preprocessing", "_validation", "perceptron"} <= set(seen)


def test_a_course_that_every_sandbox_would_show_is_refused():
    with pytest.raises(CourseError, match="which a sandbox shows: move the course"):
        sandbox.settings(Path(sys.prefix) / "course", "demo", Path("."))


@needs_sandbox
@pytest.mark.parametrize("module", ["metrics", "cli", "grading", "grading.checks"])
def test_hidden_modules_cannot_be_imported(kernel, module):
    assert kernel.run(f"import course_lib.{module}").startswith("ModuleNotFoundError")


@needs_sandbox
def test_other_modules_can(kernel):
    code = "from course_lib import perceptron, preprocessing; print(preprocessing.n_batches(5, 2))"
    assert kernel.run(code) == "3"


@needs_sandbox
def test_the_course_s_own_weights_can(kernel):
    code = "from course_lib import decoder; print(sorted(decoder.load(decoder.SHIPPED)))"
    assert kernel.run(code) == "['decoder', 'encoder']"


@needs_sandbox
def test_data_files_can_be_read(kernel):
    assert kernel.run("print(open('points.csv').read())") == "1,2"
    assert kernel.run("print(open('images/one.txt').read())") == "an image"
    code = "import os; print(open(os.environ['COURSE_DATA_DIR'] + '/set.txt').read())"
    assert kernel.run(code) == "a data set"


@needs_sandbox
def test_nothing_of_the_course_can_be_read(kernel, course):
    kept = [course / name for name in FILES] + [course / "exercises" / "demo" / "link.txt"]
    kept += [ROOT / name for name in ("nbgrader_config.py", "solutions", "exercises", ".git")]
    kept += [ROOT / "course_lib" / name for name in ("cli.py", "metrics.py", "grading", "results")]
    kept += [Path(name) for name in ("/etc/passwd", "/etc/shadow", "/etc/hostname", "/var", "/sys")]
    names = [str(path) for path in kept] + ["demo.ipynb", "helper.py", "link.txt"]
    code = f"import os; print([name for name in {names} if os.path.lexists(name)])"
    assert kernel.run(code) == "[]"


@needs_sandbox
def test_nothing_of_the_teachers_home_can_be_read(kernel):
    home = Path.home()
    shown = [Path(path) for path in sandbox._python()]
    private = [p for p in home.iterdir() if not any(path.is_relative_to(p) for path in shown)]
    code = f"import os; print([p for p in {[str(p) for p in private]} if os.path.lexists(p)])"
    assert kernel.run(code) == "[]"


@needs_sandbox
def test_the_environment_is_filtered(kernel):
    code = "import os; print(os.environ.get('TF_CPP_MIN_LOG_LEVEL'), sorted(os.environ))"
    shown = kernel.run(code)
    assert shown.startswith("3 ") and "PATH" in shown
    assert "SECRET" not in shown and sandbox.VARIABLE not in shown
    code = """\
import glob
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        print(open(path).read())
    except OSError as error:
        print(path, error)"""
    environments = kernel.run(code)
    assert "HOME=/submission" in environments and "xyzzy" not in environments


@needs_sandbox
def test_only_the_processes_of_the_sandbox_are_seen(kernel):
    code = "import glob; print(max(int(p[6:]) for p in glob.glob('/proc/[0-9]*')), os.getppid())"
    highest, parent = map(int, kernel.run("import os\n" + code).split())
    assert highest < 1000 and parent in (0, 1, 2)  # 0: outside of what it can see


# --- what may be done -------------------------------------------------------------------------


@needs_sandbox
def test_there_is_no_network(kernel):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = "import socket; socket.create_connection(('{}', {}), timeout=5)"
        assert "ConnectionRefusedError" in kernel.run(code.format("127.0.0.1", port))
        assert "Network is unreachable" in kernel.run(code.format("192.0.2.1", 80))
    assert kernel.run("print([name for _, name in socket.if_nameindex()])") == "['lo']"


@needs_sandbox
def test_sockets_of_the_machine_are_out_of_reach(kernel):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0course-test")  # an abstract name: no file keeps it
        server.listen()
        code = "import socket; socket.socket(socket.AF_UNIX).connect('\\0course-test')"
        assert "ConnectionRefusedError" in kernel.run(code)


@needs_sandbox
def test_every_folder_that_can_be_written_is_small(kernel):
    large = ["/proc", "/usr", *sandbox._python()]  # of these the test below takes one folder
    code = (
        f"large = {large}"
        + """
import os
writable = {}
for folder, names, _ in os.walk("/"):
    names[:] = [name for name in names if os.path.join(folder, name) not in large]
    try:
        open(os.path.join(folder, "new"), "w").close()
    except OSError:
        continue
    os.remove(os.path.join(folder, "new"))
    size = os.statvfs(folder)
    writable[folder] = size.f_blocks * size.f_frsize
print(writable)"""
    )
    writable = eval(kernel.run(code))
    assert {"/submission", "/tmp", "/dev/shm"} <= set(writable)
    assert max(writable.values()) == SMALL["work_size"] << 20
    assert {name.split("/")[1] for name in writable} == {"submission", "tmp", "dev"}


@needs_sandbox
@pytest.mark.parametrize(
    "path", ["points.csv", "/data/new", "/usr/new", f"{sys.prefix}/new", f"{sandbox.LIBRARY}/new"]
)
def test_what_is_shown_cannot_be_changed(kernel, path):
    assert "Read-only file system" in kernel.run(f"open('{path}', 'w')")


@needs_sandbox
def test_files_are_bounded(kernel):
    code = "with open('big', 'wb') as file:\n    file.write(bytes({} << 20))"
    assert "File too large" in kernel.run(code.format(3))
    code = """\
for i in range(100):
    with open(f"file{i}", "wb") as file:
        file.write(bytes(1 << 20))"""
    assert "No space left on device" in kernel.run(code)
    kernel.run("import glob, os\nfor name in glob.glob('file*'):\n    os.remove(name)")
    assert "Too many open files" in kernel.run("files = [open('/dev/null') for _ in range(300)]")


@needs_sandbox
def test_memory_is_bounded(kernel):
    assert "MemoryError" in kernel.run("import numpy as np; np.ones(500 << 17)")
    assert kernel.run("print(np.ones(100 << 17).sum())") == "13107200.0"
    assert kernel.run("print(open('/proc/self/oom_score_adj').read())") == "1000"


@needs_sandbox
def test_a_fork_bomb_is_bounded(kernel):
    code = """\
import os, signal, time
children = []
try:
    while len(children) < 400:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        children.append(child)
except OSError as error:
    print(error)
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
print(len(children))"""
    *reason, n_children = kernel.run(code).splitlines()
    assert reason == ["[Errno 11] Resource temporarily unavailable"]
    assert int(n_children) < SMALL["processes"]


@needs_sandbox
def test_no_limit_can_be_raised(kernel):
    code = """\
import resource
for name in ["CPU", "DATA", "FSIZE", "NPROC", "NOFILE", "CORE"]:
    limit = getattr(resource, f"RLIMIT_{name}")
    try:
        resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError) as error:
        print(name, resource.getrlimit(limit)[1])"""
    assert kernel.run(code).splitlines() == [
        "CPU 300",
        f"DATA {400 << 20}",
        f"FSIZE {2 << 20}",
        "NPROC 100",
        "NOFILE 200",
        "CORE 0",
    ]


@needs_sandbox
def test_no_right_can_be_won_back(kernel):
    code = "import subprocess; print(subprocess.run({}, capture_output=True).returncode != 0)"
    for command in (["unshare", "--user", "true"], ["mount", "-o", "remount,rw", "/"]):
        assert kernel.run(code.format(command)) == "True"
    assert "CapEff:\t0000000000000000" in kernel.run("print(open('/proc/self/status').read())")


@needs_sandbox
def test_the_processes_around_the_sandbox_cannot_be_stopped(kernel):
    """A process group of 0 would be one that the programs outside belong to."""
    assert int(kernel.run("import os; print(os.getpgrp())")) > 0


@needs_sandbox
def test_an_endless_loop_is_interrupted(kernel):
    text = kernel.run("while True: pass", after_start=kernel.manager.interrupt_kernel)
    assert text.startswith("KeyboardInterrupt")
    assert kernel.run("print(1)") == "1"


@needs_sandbox
def test_sockets_are_in_the_memory_of_the_sandbox(kernel):
    manager = kernel.manager
    assert manager.transport == "ipc" and len(f"{manager.ip}-5") < 60 < 107
    folder = manager.provisioner.folder
    assert sorted(os.listdir(folder)) == ["connection.json", "log", "sockets"]
    links = [os.readlink(link) for link in (folder / "sockets").iterdir()]
    assert len(links) == 5 and all(re.fullmatch(r"/proc/self/fd/\d+", link) for link in links)


@needs_sandbox
def test_the_grader_cannot_be_led_to_another_socket(kernel, tmp_path):
    """It connects again, after the kernel's own sockets have made room for a link."""
    with socket.socket(socket.AF_UNIX) as teachers:
        teachers.bind(f"{tmp_path}/s")
        teachers.listen()
        teachers.settimeout(1)
        name = f"{kernel.manager.ip}-{kernel.manager.shell_port}"
        code = f"import os; os.rename('{name}', '{name}x'); os.symlink('{tmp_path}/s', '{name}')"
        kernel.run(code)
        again = kernel.manager.client()
        again.session = again.session.clone()
        again.session.session = "another client"  # who has its name would get its answers
        again.start_channels()
        assert again.kernel_info(reply=True, timeout=20)["content"]["status"] == "ok"
        again.stop_channels()
        with pytest.raises(TimeoutError):
            teachers.accept()
    kernel.run(f"os.rename('{name}x', '{name}')")


# --- how it ends ------------------------------------------------------------------------------


def find_process(word: str) -> int | None:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes().split(b"\0"):
                return int(path.parent.name)
        except OSError:  # it has ended
            continue
    return None


@needs_sandbox
@pytest.mark.parametrize("fork", BOTH_WAYS)
def test_nothing_survives_the_kernel(course, registered, fork):
    kernel = Kernel(course, fork=fork)
    kernel.client.wait_for_ready(timeout=300)
    seconds = f"{os.getpid()}.5"
    code = f"import subprocess; subprocess.Popen(['sleep', '{seconds}'], start_new_session=True)"
    kernel.run(code)
    daemon = os.pidfd_open(find_process(seconds))
    folder = kernel.manager.provisioner.folder
    kernel.stop()
    assert select.select([daemon], [], [], 20)[0] == [daemon]  # readable: it has ended
    os.close(daemon)
    assert not folder.exists()


GRADER = """\
import sys
from pathlib import Path
from test_sandbox import Kernel, sandbox
sandbox.register()
kernel = Kernel(Path(sys.argv[1]), fork=bool(sys.argv[2]))
kernel.client.wait_for_ready(timeout=300)
print(kernel.manager.provisioner.folder)
print(kernel.manager.provisioner.first_process, flush=True)
sys.stdin.read()
"""


@needs_sandbox
@pytest.mark.parametrize("fork", BOTH_WAYS)
def test_a_kernel_does_not_outlive_the_grader(course, fork):
    command = [sys.executable, "-c", GRADER, str(course), "yes" if fork else ""]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=here, **pipes) as grader:
        folder = Path(grader.stdout.readline().decode().strip())
        kernel = os.pidfd_open(int(grader.stdout.readline()))
        grader.kill()
    assert select.select([kernel], [], [], 20)[0] == [kernel]
    os.close(kernel)
    shutil.rmtree(folder)  # what a killed grader leaves behind: a few small files


@needs_sandbox
@pytest.mark.parametrize("fork", BOTH_WAYS)
def test_a_kernel_does_not_outlive_its_time(course, registered, fork):
    kernel = Kernel(course, wall_seconds=10, fork=fork)  # long enough to start
    assert kernel.manager.provisioner.process.wait(60) != 0
    assert not kernel.manager.is_alive()
    kernel.stop()


# --- where it cannot run ----------------------------------------------------------------------


@pytest.fixture
def broken_bubblewrap(tmp_path, monkeypatch):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sandbox, "PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.skipif(sys.platform != "linux", reason="says more on Linux")
def test_the_reason_says_what_to_do(monkeypatch, broken_bubblewrap):
    reason = sandbox.unavailable()
    assert 'bubblewrap says "bwrap: No permissions"' in reason
    assert "sysctl user.max_user_namespaces" in reason
    monkeypatch.setattr(sandbox, "PATH", "")
    packages = "bubblewrap coreutils util-linux"
    assert sandbox.unavailable().endswith(f"sudo apt install {packages}")
    monkeypatch.setattr(sandbox, "sys", SimpleNamespace(platform="darwin"))
    assert "needs Linux" in sandbox.unavailable()


@needs_sandbox
@pytest.mark.parametrize("fork", BOTH_WAYS)
def test_a_sandbox_that_does_not_start_says_why(course, registered, broken_bubblewrap, fork):
    with pytest.raises(CourseError, match="did not start: bwrap: No permissions"):
        Kernel(course, fork=fork)


@needs_sandbox
@pytest.mark.parametrize("fork", BOTH_WAYS)
def test_a_sandbox_has_ended_when_it_has_been_killed(course, registered, fork):
    kernel = Kernel(course, fork=fork)
    provisioner = kernel.manager.provisioner
    asyncio.run(provisioner.kill())
    assert provisioner.process.returncode is not None
    kernel.stop()


@needs_sandbox
def test_a_kernel_without_settings_is_refused(registered):
    with pytest.raises(CourseError, match="COURSE_SANDBOX is not set"):
        KernelManager(kernel_name=sandbox.KERNEL).start_kernel()


def test_the_kernel_is_found_without_being_installed(registered):
    specification = KernelManager(kernel_name=sandbox.KERNEL).kernel_spec
    assert specification.interrupt_mode == "message"
    assert json.loads(json.dumps(specification.metadata)) == {
        "kernel_provisioner": {"provisioner_name": sandbox.KERNEL, "config": {}}
    }
    sandbox.register()
    assert os.environ["JUPYTER_PATH"].split(os.pathsep) == [
        str(ROOT / "course_lib" / "grading"),
        "/usr/share/jupyter",
    ]
