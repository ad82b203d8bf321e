"""Attacks on the run itself: time, memory, disk, processes."""

from hostile.attack import Attack

LOOPS = [
    Attack(
        "loop-cell",
        "An endless loop in a cell of the student's own.",
        (3, 2),
        first="while True:\n    pass",
    ),
    Attack(
        "loop-function",
        "An endless loop in a function, on every input.",
        (0, 2),
        {"total": "def total(values):\n    while True:\n        pass"},
        reason="the public checks did not end within",
    ),
    Attack(
        "loop-some-inputs",
        "An endless loop on large inputs only: what was right before counts.",
        (1.5, 2),
        {
            "total": "def total(values):\n    while len(values) > 10:\n        pass\n"
            "    return float(sum(values))"
        },
        reason="an endless loop?",
    ),
    Attack(
        "loop-catching",
        "A loop that catches every exception, KeyboardInterrupt included.",
        (3, 0),
        middle="""\
import time
while True:
    try:
        time.sleep(1000)
    except BaseException:
        pass""",
        reason="could not be interrupted",
    ),
    Attack(
        "loop-del",
        "An endless loop in __del__, where exceptions are swallowed.",
        (3, 0),
        {
            "spread": """\
class Loop:
    def __del__(self):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
def spread(values):
    Loop()
    return min(values), max(values)"""
        },
        reason="could not be interrupted",
    ),
    Attack(
        "loop-import",
        "An endless loop in a module that the student's code writes and imports.",
        (0, 2),
        {
            "total": """\
with open("slow.py", "w") as file:
    file.write("while True: pass")
import sys
sys.path.insert(0, ".")
def total(values):
    import slow"""
        },
        reason="the public checks did not end within",
    ),
    Attack(
        "loop-answer",
        "The returned object loops when it is read as an array.",
        (0, 2),
        {
            "total": """\
class Slow:
    def __array__(self, *args, **kwargs):
        while True:
            pass
    def __eq__(self, other):
        return True
def total(values):
    return Slow()"""
        },
        reason="no answer within",
    ),
    Attack(
        "loop-in-c",
        "A loop inside C code, which no interrupt reaches.",
        (3, 0),
        middle="import itertools\nsum(itertools.repeat(0))",
        reason="could not be interrupted",
    ),
]

BOMBS = [
    Attack(
        "fork-bomb",
        "Starts processes until the system refuses.",
        (3, 2),
        last="""\
import os, time
for _ in range(5000):
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except OSError:
        break""",
    ),
    Attack(
        "thread-bomb",
        "Starts threads until the system refuses.",
        (3, 2),
        middle="""\
import threading, time
for _ in range(5000):
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()""",
    ),
    Attack(
        "memory-bomb",
        "Takes memory piece by piece.",
        (0, 2),
        {"total": "def total(values):\n    return [np.zeros(10**7) for _ in range(10**5)]"},
        reason="Unable to allocate",
    ),
    Attack(
        "memory-at-once",
        "Asks for a terabyte.",
        (0, 2),
        {"total": "def total(values):\n    return np.ones(10**11).sum()"},
        reason="Unable to allocate",
    ),
    Attack(
        "disk-fill",
        "Fills every folder that can be written.",
        (3, 2),
        middle="""\
for folder in (".", "/tmp", "/dev/shm", "/var/tmp", "/run"):
    for i in range(10_000):
        try:
            with open(f"{folder}/fill{i}", "wb") as file:
                file.write(bytes(1 << 20))
        except OSError:
            break
open("one-large-file", "wb").write(bytes(1 << 28))""",
    ),
    Attack(
        "many-files",
        "Makes empty files without end.",
        (3, 2),
        middle="for i in range(10**9):\n    open(f'/tmp/{i}', 'w').close()",
    ),
    Attack(
        "flood-lines",
        "Prints 200 MB in lines.",
        (3, 2),
        last="for _ in range(2000):\n    print('x' * 100_000, flush=True)",
    ),
    Attack(
        "flood-one-line",
        "Prints 200 MB in one line.",
        (3, 2),
        last="print('y' * 200_000_000)",
    ),
    Attack(
        "flood-while-asked",
        "Sends 10 MB of outputs while the grader waits for an answer.",
        (3, 2),
        {
            "total": """\
shell = get_ipython()
def total(values):
    if len(values) > 10:
        for _ in range(10):
            shell.display_pub.publish({"text/plain": "z" * 1_000_000})
    return float(np.sum(values))"""
        },
    ),
    Attack(
        "huge-array",
        "Returns an array of 80 MB.",
        (3, 0),
        {"spread": "def spread(values):\n    return np.zeros(10_000_000)"},
        reason="an array of 80000000 bytes",
    ),
    Attack(
        "huge-text",
        "Returns a text of 12 MB.",
        (3, 0),
        {"spread": "def spread(values):\n    return 'x' * 12_000_000"},
        reason="a value that takes",
    ),
    Attack(
        "many-small-values",
        "Returns a list of 300,000 empty lists.",
        (3, 0),
        {"spread": "def spread(values):\n    return [[]] * 300_000"},
        reason="got",
    ),
    Attack(
        "deep-value",
        "Returns lists nested 400 deep.",
        (3, 0),
        {
            "spread": "def spread(values):\n    deep = []\n"
            "    for _ in range(400):\n        deep = [deep]\n    return deep"
        },
    ),
    Attack(
        "deeper-value",
        "Returns lists nested 100,000 deep.",
        (3, 0),
        {
            "spread": "def spread(values):\n    deep = []\n"
            "    for _ in range(100_000):\n        deep = [deep]\n    return deep"
        },
        reason="recursion depth",
    ),
    Attack(
        "huge-repr",
        "The text of a value, and of an exception, is 5 MB long.",
        (0, 2),
        {
            "total": """\
class Zip:
    def __repr__(self):
        return "0" * 5_000_000
class Loud(Exception):
    def __str__(self):
        return "1" * 5_000_000
def total(values):
    raise Loud"""
        },
        middle="Zip()",
        reason="raised Loud",
    ),
    Attack(
        "recursion",
        "A function that calls itself for ever, on large inputs.",
        (2, 2),
        {
            "total": "def total(values):\n"
            "    return total(values) if len(values) > 10 else float(sum(values))"
        },
        reason="raised RecursionError",
    ),
    Attack(
        "stack-overflow",
        "Recursion without Python's limit, until the process dies.",
        (3, 0),
        middle="""\
import sys
sys.setrecursionlimit(10**9)
class Deep:
    def __repr__(self):
        return repr(self)
    def __getattr__(self, name):
        return getattr(self, name + "x")
Deep().y""",
    ),
    Attack(
        "deep-source",
        "Code that is nested so deep that no parser reads it.",
        (3, 2),
        middle="-" * 50_000 + "1",
    ),
    Attack(
        "long-source",
        "A cell of 20,000 lines.",
        (3, 2),
        middle="x = 1\n" * 20_000,
    ),
    Attack(
        "slow-markdown",
        "An answer in words that takes its renderer a long time.",
        (3, 2),
        {"explain": "\\\\(" * 4_000},
    ),
]

ENDINGS = [
    Attack("sys-exit-cell", "sys.exit() in a cell.", (3, 2), middle="import sys\nsys.exit(3)"),
    Attack(
        "sys-exit-function",
        "sys.exit() in a function.",
        (0, 2),
        {"total": "import sys\ndef total(values):\n    sys.exit()"},
        reason="raised SystemExit",
    ),
    Attack("ipython-exit", "exit() in a cell.", (3, 0), middle="exit()", reason="called exit()"),
    Attack(
        "os-exit-function",
        "os._exit() in a function.",
        (3, 0),
        {"spread": "import os\ndef spread(values):\n    os._exit(0)"},
        reason="the kernel died",
    ),
    Attack(
        "os-exit-first",
        "os._exit() before anything is asked.",
        (0, 0),
        first="import os\nos._exit(0)",
        reason="the kernel died",
    ),
    Attack(
        "kill-self",
        "Kills its own process.",
        (3, 0),
        middle="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        reason="the kernel died",
    ),
    Attack(
        "kill-all",
        "Kills every process that it may: kill(-1).",
        (3, 0),
        middle="import os, signal\nos.kill(-1, signal.SIGKILL)\nos._exit(0)",
        reason="the kernel died",
    ),
    Attack(
        "kill-parents",
        "Kills its parent, its groups, and every number up to 5000.",
        (3, 0),
        middle="""\
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for send, number in [(os.kill, os.getppid()), (os.killpg, 0), (os.killpg, os.getsid(0))]:
    try:
        send(number, signal.SIGTERM)
    except OSError:
        pass
for number in sorted({os.getppid(), *range(1, 5000)} - {os.getpid()}):
    try:
        os.kill(number, signal.SIGKILL)
    except OSError:
        pass
os._exit(0)""",
        reason="the kernel died",
    ),
    Attack(
        "kill-grader",
        "Kills the grader by the number that the environment may tell.",
        (3, 2),
        middle="""\
import os, signal
os.kill(int(os.environ.get("JPY_PARENT_PID", "999999")), signal.SIGKILL)""",
    ),
    Attack(
        "signals-blocked",
        "Blocks every signal, then sleeps.",
        (3, 0),
        middle="""\
import signal, time
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
time.sleep(10**6)""",
        reason="could not be interrupted",
    ),
    Attack(
        "stop-self",
        "Stops its own process: it is neither dead nor alive.",
        (3, 0),
        middle="import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        reason="could not be interrupted",
    ),
    Attack("abort", "os.abort().", (3, 0), middle="import os\nos.abort()", reason="kernel died"),
    Attack(
        "segfault",
        "Reads address 0.",
        (3, 0),
        {"spread": "import ctypes\ndef spread(values):\n    return ctypes.string_at(0)"},
        reason="the kernel died",
    ),
    Attack(
        "exec-other-program",
        "Replaces the kernel by another program, which does not answer.",
        (3, 0),
        middle="import os\nos.execv('/bin/sleep', ['sleep', '100000'])",
        reason="could not be interrupted",
    ),
    Attack(
        "close-everything",
        "Closes every file and socket of the kernel.",
        (3, 0),
        middle="import os\nos.closerange(0, 5000)",
    ),
    Attack(
        "stop-event-loop",
        "Stops the kernel's event loop: nothing is answered any more.",
        (3, 0),
        middle="kernel = get_ipython().kernel\nkernel.io_loop.add_callback(kernel.io_loop.stop)",
    ),
    Attack(
        "forged-interrupt",
        "Raises KeyboardInterrupt itself.",
        (0, 2),
        {"total": "def total(values):\n    raise KeyboardInterrupt"},
        reason="cannot be read",
    ),
]

SURVIVORS = [
    Attack(
        "double-fork",
        "A daemon: two forks, detached from everything.",
        (3, 2),
        middle="""\
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "@MARKER@"], {})
    os._exit(0)
os.wait()""",
    ),
    Attack(
        "nohup",
        "nohup in a shell, with no signal that ends it.",
        (3, 2),
        middle="""\
import subprocess
subprocess.Popen("trap '' HUP INT TERM; nohup sleep @MARKER@ & nohup sleep @MARKER@",
                 shell=True, start_new_session=True)""",
    ),
    Attack(
        "late-thread",
        "A thread and an exit handler that go on after the last cell.",
        (3, 2),
        middle="""\
import atexit, subprocess, threading
def go_on():
    while True:
        try:
            subprocess.run(["sleep", "@MARKER@"])
        except BaseException:
            pass
threading.Thread(target=go_on).start()
atexit.register(go_on)""",
    ),
    Attack(
        "persist",
        "Leaves files that a later kernel would run, asks cron and at to run something.",
        (0, 0),
        base={
            "total": "def total(values):\n    return None",
            "spread": "def spread(values):\n    return None",
        },
        first="""\
import os, site, subprocess
code = "def total(values): return 'persisted'\\nimport os\\nos._exit(1)"
places = ["~/.ipython/profile_default/startup/a.py", "~/.bashrc", "/tmp/numpy.py", "numpy.py",
          site.getusersitepackages() + "/usercustomize.py", np.__file__, "sitecustomize.py",
          site.getsitepackages()[0] + "/zz.pth", "/etc/cron.d/a", "/var/spool/cron/crontabs/a",
          "@ROOT@/sitecustomize.py", "/tmp/sitecustomize.py", "/dev/shm/numpy.py"]
for place in map(os.path.expanduser, places):
    try:
        os.makedirs(os.path.dirname(place) or ".", exist_ok=True)
        with open(place, "w") as file:
            file.write(code)
    except OSError:
        pass
for command in ("echo '* * * * * sleep @MARKER@' | crontab -", "echo sleep @MARKER@ | at now",
                "systemd-run --user sleep @MARKER@"):
    subprocess.run(command, shell=True, capture_output=True)""",
    ),
]
