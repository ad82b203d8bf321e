"""Time the start of sandboxed kernels: copies of a process with the libraries loaded, or new.

Run ``python benchmarks/bench_sandbox.py``; it takes some minutes. A kernel is started, is asked
whether it is ready, and imports the libraries. The two ways alternate, so that a busy machine
slows both. Processor time is that of all processes of the start, those of bubblewrap and the
grader's part included, for a wall clock says more about the machine's other work. What the first
copy costs more, because the libraries are loaded for it, is shown apart.
"""

import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

from jupyter_client import KernelManager
from traitlets.config import Config

from course_lib.grading import forkserver, sandbox

LIBRARIES = {"NumPy": "import numpy", "TensorFlow": "import numpy, tensorflow, keras"}
PAIRS = {"NumPy": 12, "TensorFlow": 5}
TICKS = os.sysconf("SC_CLK_TCK")
# What the processes of a room have used so far, in ticks, bubblewrap's and their children's too.
USED = """
import os
def used(process):
    with open(f"/proc/{process}/stat") as file:
        return sum(map(int, file.read().rpartition(")")[2].split()[11:15]))
ticks = sum(used(name) for name in os.listdir("/proc") if name.isdigit())
"""


@dataclass(frozen=True)
class Start:
    """What the start of a kernel took, in seconds."""

    wall: float
    processor: float


def make_environment(root: Path, statement: str) -> dict[str, str]:
    """Make an assignment that imports libraries; return the environment of its kernels."""
    solution, release = root / "solutions" / "bench", root / "exercises" / "bench"
    solution.mkdir(parents=True)
    release.mkdir(parents=True)
    (solution / "bench.py").write_text(f'# %% tags=["locked:imports"]\n{statement}\n')
    (solution / "checks.py").write_text("")
    return dict(os.environ) | sandbox.settings(root, "bench", release)


def start_kernel(environment: dict[str, str], statement: str, *, fork: bool) -> Start:
    """Start a kernel, import the libraries, and stop it."""
    manager = KernelManager(kernel_name=sandbox.KERNEL, config=Config(Sandbox={"fork": fork}))
    wall, processor = time.perf_counter(), time.process_time()
    manager.start_kernel(env=environment)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=300)
    question = {"ticks": "ticks"}
    client.execute(statement, silent=True)
    request = client.execute(USED, silent=True, user_expressions=question)
    while (reply := client.get_shell_msg(timeout=300))["parent_header"]["msg_id"] != request:
        pass
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    ticks = int(reply["content"]["user_expressions"]["ticks"]["data"]["text/plain"])
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return Start(wall, processor + ticks / TICKS)


def compare_starts(library: str) -> dict[str, float]:
    """Return the medians of both ways, of their ratios pair by pair, and the cost of loading."""
    statement = LIBRARIES[library]
    copies, news = [], []
    with tempfile.TemporaryDirectory() as folder:
        environment = make_environment(Path(folder), statement)
        first = start_kernel(environment, statement, fork=True)  # the libraries are loaded now
        for _ in range(PAIRS[library]):
            copies.append(start_kernel(environment, statement, fork=True))
            news.append(start_kernel(environment, statement, fork=False))
        forkserver.close()
    figures = {"pairs": len(copies), "first copy, wall": first.wall}
    for what in ("wall", "processor"):
        pairs = [(getattr(n, what), getattr(c, what)) for n, c in zip(news, copies, strict=True)]
        figures[f"new, {what}"] = statistics.median(new for new, _ in pairs)
        figures[f"copy, {what}"] = statistics.median(copy for _, copy in pairs)
        figures[f"ratio, {what}"] = statistics.median(new / copy for new, copy in pairs)
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> int:
    """Print what was measured, with the load of the machine."""
    if reason := sandbox.unavailable():
        print(reason)
        return 1
    sandbox.register()
    for library in LIBRARIES:
        before = os.getloadavg()[0]
        print(f"{library}, load {before:.1f}, processors {os.cpu_count()}", flush=True)
        for name, value in compare_starts(library).items():
            print(f"  {name:<18}{value:>9}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
