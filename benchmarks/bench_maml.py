"""Time MAML against the source's loop, side by side in one process, on one thread.

Run ``python benchmarks/bench_maml.py``. Both train the source's network on the same tasks: rows
of a table with ten columns, 5 tasks for each outer step, 10 rows to adapt to and 20 to judge by,
3 inner steps. An outer step is one batch of tasks; the source's loop changes the weights five times
in it, and it counts once all the same. Compiling is timed apart. Times are processor times, so that
other work on the machine counts little. The exit status is 1 when the promise is missed.
"""

import os
import sys
import time

os.environ |= {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}

from collections.abc import Callable
from functools import partial

import keras
import numpy as np

from course_lib.maml import fit_maml, fit_reptile
from course_lib.meta_tasks import table_tasks
from course_lib.source_maml import create_mlp, maml_train

PROMISED = 20
INNER_STEPS = 3
N_TASKS = 5
N_SUPPORT, N_QUERY = 10, 20
N_OURS, N_SOURCE = 400, 8  # outer steps that are timed
REPETITIONS = 3

TABLE = np.random.default_rng(0).normal(size=(500, 10))


def seconds(function: Callable[[], object]) -> float:
    """Return the processor time of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def source(n_steps: int) -> None:
    """Do some outer steps of the source's loop."""
    rng = np.random.default_rng(0)
    maml_train(TABLE, n_steps, INNER_STEPS, N_SUPPORT, N_QUERY, N_TASKS, rng=rng)


def ours(fit: Callable, n_steps: int) -> None:
    """Do some outer steps, the compilation included."""
    keras.utils.set_random_seed(0)
    sample = partial(table_tasks, TABLE, N_TASKS, n_support=N_SUPPORT, n_query=N_QUERY)
    fit(create_mlp(10), sample, iterations=n_steps, seed=0, inner_steps=INNER_STEPS)


def rate(run: Callable[[int], None], n_steps: int) -> tuple[float, float]:
    """Return outer steps a second, and the seconds before the first."""
    first = seconds(lambda: run(1))
    both = seconds(lambda: run(1 + n_steps))
    return n_steps / max(both - first, 1e-9), first


def main() -> int:
    """Print the rates and their ratios to the source's."""
    methods = {
        "the source's loop": (source, N_SOURCE),
        "MAML, second order": (partial(ours, fit_maml), N_OURS),
        "MAML, first order": (partial(ours, partial(fit_maml, order=1)), N_OURS),
        "Reptile": (partial(ours, fit_reptile), N_OURS),
    }
    source(1)  # what TensorFlow does once in a process
    found = {name: [] for name in methods}
    for _ in range(REPETITIONS):  # in turn, so that all meet the same disturbances
        for name, method in methods.items():
            found[name].append(rate(*method))
    slow = np.median([one for one, _ in found["the source's loop"]])
    print(f"{'':<22}{'steps a second':>16}{'ratio':>8}{'first step (s)':>16}")
    for name, pairs in found.items():
        one, first = np.median(pairs, axis=0)
        print(f"{name:<22}{one:>16.1f}{one / slow:>8.1f}{first:>16.2f}")
    ratio = np.median([one for one, _ in found["MAML, second order"]]) / slow
    verdict = "kept" if ratio >= PROMISED else "MISSED"
    print(f"promised for the second order: a ratio of {PROMISED}, {verdict}")
    return int(ratio < PROMISED)


if __name__ == "__main__":
    sys.exit(main())
