"""Time the metrics against scikit-learn's, side by side in one process.

Run ``python benchmarks/bench_metrics.py``. The repeats are interleaved (ours, theirs, ours,
...), so that a busy machine slows both, and the best of each counts. The exit status is 1
when a function misses the ratio it promises: as fast as scikit-learn on one million samples,
and 20 times faster for the confusion matrix.
"""

import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn import metrics as theirs

from course_lib import metrics as ours

N_SAMPLES = 1_000_000
REPEATS = 7
SECONDS_PER_CASE = 1.0  # short calls are repeated for longer: they suffer more from neighbours


class Case(NamedTuple):
    """Two functions that do the same work, and the least ratio of their times."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    promised: float = 1.0


def make_cases(rng: np.random.Generator) -> list[Case]:
    """Return one case for each public function, on the same data for both sides."""
    classes = rng.integers(0, 10, size=(2, N_SAMPLES))
    binary = rng.integers(0, 2, size=(2, N_SAMPLES))
    scored = binary[0], np.round(rng.random(N_SAMPLES), 3)  # a thousand distinct scores: ties
    distinct = binary[0], rng.random(N_SAMPLES)
    values = rng.normal(size=(2, N_SAMPLES))
    curve = np.sort(rng.random(N_SAMPLES)), rng.random(N_SAMPLES)
    their_roc = partial(theirs.roc_curve, drop_intermediate=False)
    rows = [
        ("confusion_matrix", ours.confusion_matrix, theirs.confusion_matrix, classes, 20.0),
        ("counts", ours.counts, theirs.confusion_matrix, binary),
        ("accuracy", ours.accuracy, theirs.accuracy_score, classes),
        ("balanced_accuracy", ours.balanced_accuracy, theirs.balanced_accuracy_score, classes),
        ("precision", ours.precision, theirs.precision_score, binary),
        ("recall", ours.recall, theirs.recall_score, binary),
        ("f1", ours.f1, theirs.f1_score, binary),
        ("fbeta", partial(ours.fbeta, beta=2), partial(theirs.fbeta_score, beta=2), binary),
        (
            "macro(f1)",
            partial(ours.macro, ours.f1),
            partial(theirs.f1_score, average="macro"),
            classes,
        ),
        ("roc_curve, ties", ours.roc_curve, their_roc, scored),
        ("roc_curve, no ties", ours.roc_curve, their_roc, distinct),
        ("roc_auc", ours.roc_auc, theirs.roc_auc_score, scored),
        ("auc", ours.auc, theirs.auc, curve),
        (
            "precision_recall_curve",
            ours.precision_recall_curve,
            theirs.precision_recall_curve,
            scored,
        ),
        ("average_precision", ours.average_precision, theirs.average_precision_score, scored),
        ("mse", ours.mse, theirs.mean_squared_error, values),
        ("mae", ours.mae, theirs.mean_absolute_error, values),
        ("r2", ours.r2, theirs.r2_score, values),
    ]
    return [
        Case(name, partial(our, *data), partial(their, *data), *promised)
        for name, our, their, data, *promised in rows
    ]


def seconds(function: Callable[[], object]) -> float:
    """Return the time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def best_times(case: Case) -> tuple[float, float]:
    """Return the best time of each side over interleaved repeats."""
    times = []
    while len(times) < REPEATS or np.sum(times) < SECONDS_PER_CASE:
        times.append((seconds(case.ours), seconds(case.theirs)))
    our_best, their_best = np.min(times, axis=0)
    return our_best, their_best


def main() -> int:
    """Print the table; return 1 when a promised ratio is missed."""
    warnings.simplefilter("ignore")
    missed = 0
    print(f"{'function':<24}{'ours ms':>10}{'scikit-learn ms':>18}{'ratio':>8}{'promised':>10}")
    for case in make_cases(np.random.default_rng(0)):
        our_best, their_best = best_times(case)
        ratio = their_best / our_best
        verdict = "" if ratio >= case.promised else "  MISSED"
        missed += ratio < case.promised
        print(
            f"{case.name:<24}{our_best * 1e3:>10.2f}{their_best * 1e3:>18.2f}"
            f"{ratio:>8.1f}{case.promised:>10.1f}{verdict}"
        )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
