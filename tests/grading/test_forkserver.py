"""A kernel that is a copy differs from a new Python in time alone, and shares nothing."""

import asyncio
import contextlib
import json
import logging
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from test_sandbox import TEXT, Kernel, make_course, needs_sandbox

from course_lib.grading import forkserver, sandbox

pytestmark = needs_sandbox

FIRST = '"locked:imports"]\n'
PLOTS = TEXT.replace(FIRST, FIRST + "import matplotlib.pyplot as plt\n")
KERAS = TEXT.replace(
    FIRST, FIRST + "import matplotlib, tensorflow as tf\nfrom tensorflow import keras\n"
)
ROOMY = {"memory": 3000}


@pytest.fixture(scope="module", autouse=True)
def registered():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", "/usr/share/jupyter")
        sandbox.register()
        yield


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("course"), PLOTS)


@pytest.fixture
def start(course):
    """Start kernels, and stop them after the test."""
    kernels = []

    def start_kernel(course=course, **settings):
        kernels.append(Kernel(course, **settings))
        kernels[-1].client.wait_for_ready(timeout=300)
        return kernels[-1]

    yield start_kernel
    for kernel in kernels:
        kernel.stop()


def the_server():
    (server,) = forkserver._servers.values()
    return server


def has_ended(process: int) -> bool:
    """Wait for the end of a process, given as a file descriptor."""
    ended = select.select([process], [], [], 20)[0] == [process]
    os.close(process)
    return ended


# --- a copy is like a new Python ------------------------------------------------------------------

REPORT = """
import ctypes, json, os, resource, signal, sys
def text(name):
    return open("/proc/" + name).read()
def links(folder):
    names = [name for name in os.listdir(folder) if os.path.lexists(folder + name)]
    return {name: os.readlink(folder + name) for name in names}
status = dict(line.split(":\\t", 1) for line in text("self/status").splitlines())
libc = ctypes.CDLL(None)
print(json.dumps({
    "status": status,
    "limits": text("self/limits"),
    "oom": text("self/oom_score_adj"),
    "cgroup": text("self/cgroup"),
    "mounts": [line.split(" ", 3)[3] for line in text("self/mountinfo").splitlines()],
    "environment": sorted(text("self/environ").split("\\0")),
    "namespaces": links("/proc/self/ns/"),
    "files": links("/proc/self/fd/"),
    "folder": os.getcwd(), "root": sorted(os.listdir("/")), "python": sys.executable,
    "path": sys.path, "flags": repr(sys.flags), "arguments": sys.argv,
    "signals": {int(n): repr(signal.getsignal(n)) for n in signal.valid_signals()},
    "prctl": [libc.prctl(option, 0, 0, 0, 0) for option in (3, 7, 14, 16, 21, 27, 30, 39)],
    "personality": libc.personality(ctypes.c_ulong(0xFFFFFFFF)),
    "scheduling": [os.nice(0), sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0)],
    "session": [os.getpid() == os.getsid(0) == os.getpgid(0), os.getppid()],
    "loaded": [name for name in sys.modules if "." not in name],
}))
"""
# Of /proc/self/status: what is a size, a count or a number of a process.
COUNTED = re.compile("P?Pid|Tgid|NS.+|Vm.+|Rss.+|.+_ctxt_switches|FDSize|SigQ")


def report(course: Path, fork: bool) -> dict:
    """Return what a process sees that is started as a kernel is, and is none."""
    options = ["--number=1", "--repeat=1", "--setup", REPORT]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox.Sandbox, "_open_sockets", lambda self: asyncio.sleep(0))  # has none
        kernel = Kernel(course, ["python", "-s", "-P", "-m", "timeit", *options], fork=fork)
    assert kernel.manager.provisioner.process.wait(60) == 0
    text = (kernel.manager.provisioner.folder / "log").read_text()
    kernel.stop()
    found = json.loads(re.sub(r"/course-\w+", "/course", text.splitlines()[0]))
    found["status"] = {k: v for k, v in found["status"].items() if not COUNTED.fullmatch(k)}
    return found


@pytest.fixture(scope="module")
def copy(course):
    return report(course, fork=True)


@pytest.fixture(scope="module")
def new(course):
    return report(course, fork=False)


@pytest.mark.parametrize(
    "what",
    ["status", "limits", "oom", "cgroup", "mounts", "environment", "folder", "root"]
    + ["python", "path", "flags", "arguments", "signals", "prctl", "personality", "scheduling"],
)
def test_a_copy_is_what_a_new_python_is(copy, new, what):
    assert copy[what] == new[what]


def test_what_a_grader_in_the_background_ignores_is_not_ignored(course):
    forkserver.close()
    ignored = [signal.SIGINT, signal.SIGQUIT, signal.SIGHUP]
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    try:
        copy, new = report(course, fork=True), report(course, fork=False)
    finally:
        for number, handler in zip(ignored, before, strict=True):
            signal.signal(number, handler)
        forkserver.close()
    assert copy["signals"] == new["signals"] and copy["status"] == new["status"]


def test_a_copy_has_no_right(copy):
    status = copy["status"]
    rights = {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert rights == {"0" * 16} and status["NoNewPrivs"] == "1"
    assert {*status["Uid"].split(), *status["Gid"].split()} == {str(sandbox.NOBODY)}


def test_a_copy_is_in_the_namespaces_of_a_room_of_its_own(copy, new):
    here = {name: os.readlink(f"/proc/self/ns/{name}") for name in copy["namespaces"]}
    shared = {name for name in here if here[name] == copy["namespaces"][name]}
    assert shared == {name for name in here if here[name] == new["namespaces"][name]}
    assert shared == {"time", "time_for_children"}


def test_a_copy_has_a_session_of_its_own(copy):
    assert copy["session"] == [True, 0]


def test_a_copy_has_no_open_file_but_its_own(copy, new):
    listing = {copy["files"].pop(name) for name in list(copy["files"]) if int(name) > 2}
    assert len(listing) <= 1  # the folder that was listed
    assert copy["files"] == new["files"] | {"0": "/dev/null"}


# --- what is loaded -------------------------------------------------------------------------------


def test_the_libraries_of_the_assignment_are_loaded(copy, new):
    assert {"ipykernel", "numpy", "matplotlib"} <= set(copy["loaded"])
    assert {"ipykernel", "numpy", "matplotlib"}.isdisjoint(new["loaded"])
    assert not [name for name in copy["loaded"] if name.startswith("course")]


def test_what_shows_an_error_is_loaded(start):
    kernel = start()
    kernel.run("import inspect, sys\nbefore = set(sys.modules), set(inspect.modulesbyfile)")
    assert "ZeroDivisionError" in kernel.run("1 / 0")
    assert kernel.run("print(set(sys.modules) - before[0])") == "set()"
    assert int(kernel.run("print(len(before[1]))")) > 100  # the list of files was there


def test_the_imports_are_those_of_the_text_and_of_what_it_uses(course):
    imports = json.loads(sandbox.settings(course, "demo", course)[sandbox.VARIABLE])["imports"]
    assert {"import matplotlib.pyplot as plt", "import numpy as np"} <= set(imports)
    assert not [statement for statement in imports if "course_lib" in statement]
    (course / "solutions" / "data").mkdir()
    text = TEXT.replace("preprocessing import k_fold", "datasets import load_iris")
    (course / "solutions" / "data" / "data.py").write_text(text)
    imports = sandbox._libraries(course / "solutions" / "data")
    assert "from sklearn import datasets" not in imports  # it is inside a function


def test_a_kernel_sees_the_environment_that_it_sees_otherwise(start):
    copy, new = (
        start(fork=fork).run("import os; print(dict(os.environ))") for fork in (True, False)
    )
    assert eval(copy) == eval(new) and "HOME" in eval(copy)


REMEMBERED = """\
import gc, sys
gc.unfreeze()
texts = {text for thing in gc.get_objects() for text in gc.get_referents(thing)
         if isinstance(text, str) and text.startswith("/tmp/") and sys.prefix not in text}
print({text for text in texts if "/submission" in text or "/cache" in text})"""


def test_the_folders_of_the_course_are_not_searched(tmp_path):
    code = f"""\
import sys
from course_lib.grading import zygote
sys.path.append("/courses")
zygote._load({str(tmp_path)!r}, ["import no_such_module"])
print("/courses" in sys.path, "/courses" in sys.path_importer_cache)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_libraries_find_the_folders_of_the_room(start):
    kernel = start()
    code = "import matplotlib; print(matplotlib.get_configdir(), matplotlib.get_cachedir())"
    assert kernel.run(code) == "/submission/.matplotlib /submission/.matplotlib"
    code = "from matplotlib import font_manager; print(font_manager.X11FontDirectories)"
    assert "'/submission/.fonts'" in kernel.run(code)
    assert kernel.run(REMEMBERED) == "set()"
    assert kernel.run("text = '/tmp/cache'\n" + REMEMBERED) == "{'/tmp/cache'}"


def test_a_program_cannot_be_changed_through_its_process(start):
    before = os.stat(sys.executable)
    code = (
        "import os; print(os.readlink('/proc/self/exe')); open('/proc/self/exe', 'r+b').write(b'x')"
    )
    assert re.match(r"/memfd:python \(deleted\)\n(Permission|OS)Error", start().run(code))
    start().run("import os; os.chmod('/proc/self/exe', 0)")
    assert os.stat(sys.executable).st_mode == before.st_mode


# --- nothing is shared ----------------------------------------------------------------------------

NUMBERS = """\
import os, random, tempfile, uuid
import numpy as np
numbers = [random.random(), np.random.rand(), np.random.default_rng().random(), str(uuid.uuid4())]
print(numbers + [next(tempfile._get_candidate_names())])"""


def test_two_kernels_share_no_random_numbers(start):
    first, second = (eval(start().run(NUMBERS)) for _ in range(2))
    assert len(first) == 5 and set(first).isdisjoint(second)


def test_two_kernels_share_no_variable_and_no_file(start):
    first, second = start(), start()
    write = "import numpy as np; np.stolen = 1\nfor folder in folders: open(folder + '/x', 'w')"
    folders = "folders = ['/submission', '/tmp', '/dev/shm']\n"
    assert first.run(folders + write) == ""
    look = "import os, numpy; print([os.listdir(f) for f in folders], hasattr(numpy, 'stolen'))"
    assert "'x'" in first.run(look) and "True" in first.run(look)
    assert "'x'" not in second.run(folders + look) and "False" in second.run(look)


SEARCH = """\
import re
found = set()
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
    for line in maps:
        region, rights = line.split()[:2]
        start, end = (int(number, 16) for number in region.split("-"))
        if "r" in rights and not line.rstrip().endswith(("[vvar]", "[vvar_vclock]", "[vsyscall]")):
            memory.seek(start)
            for word in words:
                if re.search(word, memory.read(end - start)):
                    found.add(word)
                memory.seek(start)
print(sorted(found))"""


def test_the_memory_of_a_kernel_holds_nothing_of_others(start, course):
    """Freed memory is searched, too; a pattern does not find itself."""
    first = start(**ROOMY)
    first.run("answer = 'answer' + '-of-ben'")
    words = [first.manager.provisioner.folder.name, "xyzzy", "answer-of-ben", str(course)]
    words = [f"[{word[0]}]{word[1:]}".encode() for word in words]
    search = f"words = {words}\n{SEARCH}"
    assert eval(first.run(search)) == sorted([words[0], words[2]])
    assert eval(start(**ROOMY).run(search)) == []


# --- who ends with whom ---------------------------------------------------------------------------


def between() -> list[int]:
    """Return the processes between the server and its kernels, as file descriptors."""
    server = the_server()._process.pid
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    return [os.pidfd_open(int(child)) for child in children]


def test_the_process_between_ends_with_the_kernel(start):
    kernel = start()
    (process,) = between()
    kernel.stop()
    assert has_ended(process)


@pytest.mark.parametrize(
    "code", ["os._exit(0)", "os.kill([p for p in pids if name(p) == 'cat'][0], 9)"]
)
def test_the_room_ends_with_the_kernel_and_the_kernel_with_the_room(start, code):
    kernel = start()
    (process,) = between()
    kernel.run(
        "import os\npids = [int(name) for name in os.listdir('/proc') if name.isdigit()]\n"
        "def name(pid):\n    return open(f'/proc/{pid}/comm').read().strip()"
    )
    kernel.client.execute(code)
    assert kernel.manager.provisioner.process.wait(20) is not None
    assert has_ended(process)


def test_a_kernel_outlives_the_server_and_there_is_a_new_one(start):
    kernel, server = start(), the_server()
    server._process.kill()
    server._process.wait()
    assert kernel.run("print(1)") == "1"
    assert start().run("import os; print(os.getppid())") == "0"
    assert the_server() is not server


def test_a_kernel_starts_when_the_server_ends_meanwhile(start, monkeypatch, caplog):
    start()
    server = the_server()
    monkeypatch.setattr(server, "has_ended", lambda: False)
    server._process.kill()
    server._process.wait()
    assert start().run("import os; print(os.getppid() > 0)") == "True"
    assert "has to load its libraries itself" in caplog.text
    monkeypatch.undo()
    assert start().run("import os; print(os.getppid())") == "0"


GRADER = """\
import sys
from pathlib import Path
from test_sandbox import Kernel, sandbox
from course_lib.grading import forkserver
sandbox.register()
kernels = []
for line in sys.stdin:
    kernels.append(Kernel(Path(sys.argv[1])))
    kernels[-1].client.wait_for_ready(timeout=300)
    (server,) = forkserver._servers.values()
    print(server._process.pid if server._process else 0, flush=True)
"""


@contextlib.contextmanager
def a_grader(course, **environment):
    """Start a process that starts a kernel whenever `ask` asks for one."""
    command = [sys.executable, "-c", GRADER, str(course)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), **environment}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen(command, env=here, **pipes) as grader:
        yield grader


def ask(*graders) -> list[int]:
    """Let graders start a kernel; return the process of each one's own server, or 0."""
    for grader in graders:
        grader.stdin.write("\n")
    return [int(grader.stdout.readline()) for grader in graders]


@pytest.mark.parametrize("end", ["close", "kill"])
def test_the_server_ends_with_the_grader(course, end):
    with a_grader(course) as grader:
        server = os.pidfd_open(*ask(grader))
        grader.stdin.close() if end == "close" else grader.kill()
        assert has_ended(server)


def test_graders_that_share_a_folder_share_a_server(course):
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,  # a short path, as of a socket
        a_grader(course, COURSE_FOLDER=folder) as one,
        a_grader(course, COURSE_FOLDER=folder) as other,
    ):
        (number,) = filter(None, servers := ask(one, other))
        assert len(servers) == 2 and ask(one, other) == servers
        server = os.pidfd_open(number)
        owner, guest = (one, other) if servers[0] else (other, one)
        owner.kill()
        assert has_ended(server)
        assert ask(guest) == [0]  # its kernel has loaded its libraries itself
        assert ask(guest)[0] not in (0, number)


@pytest.mark.parametrize(
    ("assignment", "kernel", "begins"),
    [
        ("demo", sandbox.KERNEL, True),
        ("demo", "python3", False),
        ("other", sandbox.KERNEL, False),
    ],
)
def test_only_kernels_of_the_sandbox_are_begun(course, assignment, kernel, begins):
    setting = f"get_config().ExecutePreprocessor.kernel_name = '{kernel}'\n"
    (course / "nbgrader_config.py").write_text(setting)
    forkserver.close()
    sandbox.prepare(course, assignment)
    assert bool(forkserver._servers) == begins


def test_there_is_one_server_at_a_time(start, tmp_path):
    start()
    first = the_server()
    kernel = start(make_course(tmp_path))
    assert first.has_ended() and the_server() is not first
    assert kernel.run("import sys; print('matplotlib' in sys.modules)") == "False"


# --- where it cannot be ---------------------------------------------------------------------------


THREAD = "import threading; threading.Timer(1000, print).start()"


def find(*imports: str, **wait: bool) -> forkserver.ForkServer | None:
    environment = {"PATH": sandbox.PATH, "HOME": sandbox.WORK, "OPENBLAS_NUM_THREADS": "1"}
    return forkserver.find([sys.executable, "-s", "-P"], environment, [*imports], [], **wait)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (THREAD, "has started threads"),
        ("import builtins, mmap; builtins.kept = mmap.mmap(-1, 4096)", "shares memory"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "has ended"),
    ],
)
def test_a_library_that_cannot_be_copied_is_noticed_once(caplog, statement, reason):
    assert find(statement) is None and find(statement) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and reason in record.getMessage()


def test_a_server_that_nobody_waits_for_ends_when_it_cannot_be_copied(caplog):
    assert find(THREAD, wait=False)._process.wait(60) == 1
    assert find(THREAD) is None and "has started threads" in caplog.text


def test_what_cannot_be_imported_is_left_to_the_kernel():
    assert find("import no_such_module") is not None


def test_without_a_right_to_enter_kernels_start_as_new_pythons(start, monkeypatch, caplog):
    def elsewhere(room):  # its own namespaces are closed to a process
        return os.pidfd_open(os.getpid())

    monkeypatch.setattr(forkserver, "_process_of", elsewhere)
    forkserver.close()
    for _ in range(2):
        assert start().run("import os; print(os.getppid() > 0)") == "True"
    (record,) = (record for record in caplog.records if record.name == forkserver.__name__)
    assert "a kernel cannot enter its room: [Errno 22]" in record.getMessage()
    forkserver.close()


def test_a_process_that_has_changed_meanwhile_is_not_entered(monkeypatch):
    numbers = iter([os.getpid(), os.getpid() + 1])
    monkeypatch.setattr(forkserver, "_echo", lambda room: next(numbers))
    ours, theirs = forkserver.socket.socketpair()
    with ours, theirs, pytest.raises(ConnectionError, match="has changed"):
        forkserver._process_of(ours)


# --- TensorFlow -----------------------------------------------------------------------------------

FIT = """\
import sys
loaded = "loaded" if "keras" in sys.modules else "new"
import keras, numpy as np
keras.utils.set_random_seed(1)
X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = (X.sum(axis=1) > 0).astype("float32")
layers = [keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input((4,)), *layers])
model.compile("adam", "mse")
history = model.fit(X, y, epochs=2, verbose=0).history["loss"]
print(loaded, [value.hex() for value in history], model.predict(X, verbose=0).tobytes().hex())"""


def test_a_fit_gives_the_same_numbers(start, tmp_path):
    course = make_course(tmp_path, KERAS)
    kernels = [start(course, fork=fork, **ROOMY) for fork in (True, True, False)]
    # A library that is loaded in the kernel may write a log before it.
    lines = [kernel.run(FIT).splitlines()[-1].split(" ", 1) for kernel in kernels]
    assert [loaded for loaded, _ in lines] == ["loaded", "loaded", "new"]
    assert len({numbers for _, numbers in lines}) == 1 and "0x1." in lines[0][1]
    assert kernels[0].run(REMEMBERED) == "set()"
    code = "from keras.src.backend import config; print(config.keras_home())"
    assert kernels[0].run(code) == f"{sandbox.WORK}/.keras"


def test_kernels_share_no_random_numbers_of_tensorflow(start, tmp_path):
    course = make_course(tmp_path, KERAS)
    code = "print(tf.random.uniform((2,)).numpy().tolist(), keras.random.uniform((2,)).numpy())"
    code = "import keras, tensorflow as tf; " + code
    first, second = (start(course, **ROOMY).run(code).splitlines()[-1] for _ in range(2))
    assert first != second and first.split("]")[0] != second.split("]")[0]
