"""A class of attackers and honest students, graded once, and what is left standing afterwards.

``python -P tests/grading/hostile/classroom.py course_lib/results/grader_hostile.json`` grades it
and writes what the page of the book shows.
"""

import contextlib
import hashlib
import json
import os
import re
import select
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from nbgrader.api import Gradebook  # noqa: E402
from tiny_class import MEAN, NOISY, course, make_course  # noqa: E402

from hostile import ATTACKS, GROUPS, Attack  # noqa: E402
from hostile.attack import fill  # noqa: E402

CLASSMATE = "0-honest-first"
HONEST = [
    Attack(CLASSMATE, "Right.", (3, 2)),
    Attack("honest-loud", "Right, with warnings and logs.", (3, 2), NOISY),
    Attack("honest-wrong", "The mean for the total.", (0, 2), MEAN),
    Attack("honest Zoé Élan", "Right, with accents.", (3, 2), {"explain": "Parce que ça croît."}),
    Attack("zz-honest-last", "Right.", (3, 2)),
]
LIMITS = {
    "memory": 1000,
    "processes": 80,
    "open_files": 256,
    "file_size": 4,
    "work_size": 8,
    "tmp_size": 4,
    "cpu_seconds": 60,
    "wall_seconds": 60,
}
GRADER_MEGABYTES = 3000  # the grader's own bound here: a hole must not take the machine's memory
INPUTS = ("nbgrader_config.py", "solutions", "exercises", "submitted")
OUTPUTS = ("autograded", "feedback", "marks", "records", "gradebook.db")
FILES_OF_STUDENTS = ("autograded", "feedback", "records")


@dataclass(frozen=True)
class Findings:
    """What a class has left behind."""

    root: Path
    place: SimpleNamespace
    results: dict[str, list]  # student: status, total, reason
    scores: dict[str, tuple]  # student: automatic marks of the two test cells
    tokens: dict[str, str]  # secret: where it was planted
    touched: list[str]
    left: list[int]
    seen: int  # processes of the sandboxes that were seen while they ran
    connections: list[str]
    megabytes: float  # the peak of the largest of the grader's processes
    seconds: float

    def leaks(self) -> list[tuple[str, str]]:
        """Search every produced file for every secret; return (secret's place, file)."""
        return sorted(
            (origin, str(path.relative_to(self.root)))
            for path, text in self.produced()
            for token, origin in self.tokens.items()
            if token in text and not (origin == "a classmate's work" and _is_theirs(path))
        )

    def produced(self) -> Iterator[tuple[Path, str]]:
        """Yield the files that grading has written, with their texts."""
        for name in sorted(set(os.listdir(self.root)) - set(INPUTS) - {"gradebook.db"}):
            for path in sorted(files_of(self.root / name)):
                yield path, path.read_bytes().decode("utf-8", "replace")

    def wrong(self, attacks: list[Attack]) -> list[str]:
        """Return who has other marks than those that were foreseen."""
        return [attack.name for attack in attacks if not self.is_as_foreseen(attack)]

    def is_as_foreseen(self, attack: Attack) -> bool:
        """Compare marks; where nothing may be expected, nothing may be given."""
        scores = self.scores[attack.name]
        if None in attack.marks:
            return not any(scores)
        return scores == tuple(map(float, attack.marks))


def _is_theirs(path: Path) -> bool:
    return any(part.removesuffix(".json") == CLASSMATE for part in path.parts)


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the plain files below a folder, or the file itself; no link is followed."""
    if folder.is_file() and not folder.is_symlink():
        yield folder
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def fingerprints(folder: Path) -> dict[str, str]:
    """Return what each entry below a folder is, and holds; no link is followed."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(place, name)
            mode = os.lstat(path).st_mode
            content = f"{mode:o} "
            if stat.S_ISLNK(mode):
                content += os.readlink(path)
            elif stat.S_ISREG(mode):
                content += hashlib.sha256(Path(path).read_bytes()).hexdigest()
            found[path] = content
    return found


def definitions(root: Path) -> list[str]:
    """Return what the gradebook says about the assignment: cells, points, stored tests."""
    with contextlib.closing(sqlite3.connect(root / "gradebook.db")) as database:
        return [line for line in database.iterdump() if "_cell" in line or '"assignment"' in line]


def snapshot(place: SimpleNamespace) -> dict[str, str]:
    """Return the state of everything that no submission may change."""
    found = fingerprints(place.home)
    for name in INPUTS:
        found |= fingerprints(place.root / name)
    found["nbgrader_config.py"] = (place.root / "nbgrader_config.py").read_text()
    found["gradebook"] = "\n".join(definitions(place.root))
    return found


def changed(before: dict[str, str], place: SimpleNamespace) -> list[str]:
    """List what has changed, and what is new and no output."""
    after = snapshot(place)
    new = {name for name in os.listdir(place.root) if not name.startswith(INPUTS + OUTPUTS)}
    return sorted(new | {k for k in before | after if before.get(k) != after.get(k)})


def build(root: Path, tokens: dict[str, str], marker: str) -> None:
    """Make the tiny assignment, with secrets in its solution and in its checks."""
    make_course(root)
    config = root / "nbgrader_config.py"
    lines = [f"c.Sandbox.{name} = {value}" for name, value in LIMITS.items()]
    lines += ["c.Execute.timeout = 5", "c.Execute.iopub_timeout = 4"]  # the machine may be busy
    config.write_text("\n".join([config.read_text(), *lines, ""]))
    secret = {origin: token for token, origin in tokens.items()}
    folder = root / "solutions" / "tiny"
    text = (folder / "tiny.py").read_text()
    line = "    result = float(np.sum(values))\n"
    assert line in text
    (folder / "tiny.py").write_text(text.replace(line, f"{line}    # {secret['the solution']}\n"))
    with (folder / "checks.py").open("a") as file:
        file.write("from course_lib.preprocessing import quantile_edges  # noqa\n")
        file.write(f"# {secret['the checks']}\n")
    (folder / f"{marker}.csv").write_text("a file by which this class's sandboxes are known\n")
    with pytest.MonkeyPatch.context() as patch:  # nbgrader asks a process that takes seconds
        patch.setattr("nbgrader.api.get_alembic_version", lambda: "head")
        built = course(root, "exercises")
    assert built.exit_code == 0, built.output
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "course") as gradebook:
        gradebook.add_student(CLASSMATE, lms_user_id=secret["the gradebook"])


def hand_in(place: SimpleNamespace, attacks: list[Attack], secret: str) -> None:
    """Write the submissions of a class."""
    release = nbformat.read(place.root / "exercises" / "tiny" / "tiny.ipynb", as_version=4)
    for attack in attacks:
        folder = place.root / "submitted" / attack.name / "tiny"
        folder.mkdir(parents=True)
        notebook = fill(release, attack, place)
        if attack.name == CLASSMATE:
            notebook.cells[-1].source += f"\n{secret}"
        attack.hand_in(folder, notebook, place)


def inside(marker: str) -> list[int]:
    """Return the processes that live in a sandbox of this class, or carry its mark."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.exists(f"/proc/{number}/root/submission/{marker}.csv"):
                found.append(int(number))
            elif marker.encode() in Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0"):
                found.append(int(number))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


class Watch(threading.Thread):
    """Look at a grading from outside: at the sandboxes' processes, and at the grader's memory."""

    def __init__(self, marker: str) -> None:
        super().__init__(daemon=True)
        self.marker, self.over = marker, threading.Event()
        self.numbers: set[int] = set()
        self.megabytes = 0.0  # at its peak, of the largest of the grader's own processes

    def run(self) -> None:
        while not self.over.wait(0.2):
            sandboxed = set(inside(self.marker))
            self.numbers |= sandboxed
            own = descendants(os.getpid()) - sandboxed
            self.megabytes = max([self.megabytes, *map(peak_megabytes, own)])


def descendants(number: int) -> set[int]:
    """Return the processes that a process has started, and those that these have, and so on."""
    try:
        children = {
            int(child)
            for path in Path(f"/proc/{number}/task").glob("*/children")
            for child in path.read_text().split()
        }
    except OSError:
        return set()
    return children.union(*map(descendants, children))


def peak_megabytes(number: int) -> float:
    """Return the most memory that a process has had; 0 where it has ended."""
    try:
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, flags=re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def ended(marker: str, seconds: float = 20) -> list[int]:
    """Wait for the end of what is ending; return the processes that are left."""
    for number in inside(marker):
        try:
            process = os.pidfd_open(number)
        except ProcessLookupError:
            continue
        select.select([process], [], [], seconds)  # readable: it has ended
        os.close(process)
    return inside(marker)


@contextlib.contextmanager
def listeners(folder: Path, marker: str) -> Iterator[dict[str, socket.socket]]:
    """Open what no submission may reach: a port, packets, two sockets of the machine."""
    with contextlib.ExitStack() as stack:
        made = [(socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)]
        made += [(socket.AF_UNIX, socket.SOCK_STREAM)] * 2
        tcp, udp, path, abstract = (stack.enter_context(socket.socket(*kind)) for kind in made)
        tcp.bind(("0.0.0.0", 0))
        udp.bind(("0.0.0.0", tcp.getsockname()[1]))
        path.bind(str(folder / "socket"))
        abstract.bind(f"\0{marker}")
        for server in (tcp, path, abstract):
            server.listen(100)
        yield {"tcp": tcp, "udp": udp, "path": path, "abstract": abstract}


def reached(servers: dict[str, socket.socket]) -> list[str]:
    """Return which listeners somebody has called."""
    return [name for name, server in servers.items() if select.select([server], [], [], 0)[0]]


def plant(folder: Path, marker: str) -> tuple[Path, dict[str, str]]:
    """Make a teacher's home, and secrets to put in all places."""
    places = ("the environment", "the home", "shared memory", "the solution", "the checks")
    places += ("the gradebook", "a classmate's work")
    tokens = {f"TOKEN-{uuid.uuid4().hex}": origin for origin in places}
    secret = {origin: token for token, origin in tokens.items()}
    home = folder / "home"
    for name in (".ssh/id_rsa", ".netrc", ".bash_history", ".jupyter/jupyter_server_config.py"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(secret["the home"])
    Path("/dev/shm", marker).write_text(secret["shared memory"])
    return home, tokens


def grade_class(folder: Path, attacks: list[Attack]) -> Findings:
    """Plant secrets, open listeners, hand in, grade in one run, and look around.

    Parameters
    ----------
    folder : Path
        An empty folder with a short path.
    attacks : list of Attack
        The class.

    Returns
    -------
    Findings
        What has come of it.
    """
    marker = str(uuid.uuid4().int)[:12]
    home, tokens = plant(folder, marker)
    secret = {origin: token for token, origin in tokens.items()}
    root = folder / "course"
    root.mkdir()
    build(root, tokens, marker)
    try:
        with listeners(folder, marker) as servers:
            port = servers["tcp"].getsockname()[1]
            place = SimpleNamespace(root=root, home=home, port=port, marker=marker)
            place.host, place.socket = socket.gethostname(), folder / "socket"
            hand_in(place, attacks, secret["a classmate's work"])
            before = snapshot(place)
            watch = Watch(marker)
            watch.start()
            answer = run(root, secret["the environment"])
            watch.over.set()
            watch.join()
            return Findings(
                root=root,
                place=place,
                results=answer["results"],
                scores=scores(root, attacks),
                tokens=tokens,
                touched=changed(before, place),
                left=ended(marker),
                seen=len(watch.numbers),
                connections=reached(servers),
                megabytes=watch.megabytes,
                seconds=answer["seconds"],
            )
    finally:
        Path("/dev/shm", marker).unlink()


def run(root: Path, secret: str) -> dict:
    """Grade in a process of its own, with a secret in its environment."""
    command = [sys.executable, "-P", str(HERE / "grade_class.py"), str(root)]
    command.append(str(GRADER_MEGABYTES))
    environment = {**os.environ, "TEACHERS_TOKEN": secret}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, f"the grader ended with {done.returncode}: {done.stderr[-5000:]}"
    (root / "marks" / "said.txt").write_text(done.stdout + done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def scores(root: Path, attacks: list[Attack]) -> dict[str, tuple]:
    """Read the automatic marks; the marks by hand are nobody's yet."""
    found = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "course") as gradebook:
        for attack in attacks:
            submission = gradebook.find_submission("tiny", attack.name)
            grades = {g.name: g for notebook in submission.notebooks for g in notebook.grades}
            given = [g for g in grades.values() if g.manual_score or g.extra_credit]
            assert not given, f"{attack.name} has marks that nobody gave"
            cells = [grades.get(name) for name in ("test_total", "test_spread")]
            found[attack.name] = tuple(cell and cell.auto_score for cell in cells)
    return found


def summary(findings: Findings) -> dict:
    """Return what the page of the book shows."""
    groups = {
        name: {"attacks": len(attacks), "not as foreseen": findings.wrong(attacks)}
        for name, attacks in GROUPS.items()
    }
    return {
        "groups": groups,
        "honest": {"students": len(HONEST), "not as foreseen": findings.wrong(HONEST)},
        "touched": [Path(name).name for name in findings.touched],
        "secrets": findings.leaks(),
        "processes left": len(findings.left),
        "connections": findings.connections,
        "megabytes of the grader": round(findings.megabytes),
        "seconds": round(findings.seconds, 1),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        found = grade_class(Path(temporary).resolve(), [*HONEST, *ATTACKS])
        text = json.dumps(summary(found), indent=2) + "\n"
    Path(sys.argv[1]).write_text(text, encoding="utf-8")
    print(text)
