"""Time a training step of the networks against the peers, side by side in one process.

Run ``python benchmarks/bench_networks.py``. Everything runs on one thread. The repeats are
interleaved (ours, theirs, ours, ...), so that a busy machine slows all sides, and the best of
each counts. A step is a step of Adam as `fit` does it, with the shuffling, the loss and the
metric of an epoch in it; both peers do the same work. The exit status is 1 when a network
misses the ratio that it promises.
"""

import os

# Before NumPy and TensorFlow are loaded: they read these once.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from course_lib.activations import relu
from course_lib.layers import Activation, Dense
from course_lib.losses import softmax_cross_entropy
from course_lib.network import Network
from course_lib.optimizers import Adam
from course_lib.preprocessing import n_batches

REPEATS = 8
Fit = Callable[[], object]


class Case(NamedTuple):
    """A network, its training, and the least ratios of the times of a step."""

    name: str
    sizes: tuple[int, ...]
    batch_size: int
    n_samples: int
    epochs: int
    dtype: type  # of ours and of Keras
    sklearn_dtype: type
    promised: tuple[float, float]  # against scikit-learn, against Keras


# The samples of one epoch are many, so that what Keras does once in an epoch counts little.
CASES = [
    Case("iris", (4, 16, 32, 3), 10, 5_000, 1, np.float64, np.float64, (3.5, 15)),
    Case("wine", (13, 32, 64, 3), 5, 2_500, 1, np.float64, np.float64, (3.5, 15)),
    Case("breast_cancer", (30, 16, 32, 2), 5, 2_500, 1, np.float64, np.float64, (3.5, 15)),
    # Scikit-learn computes in the precision of its data, and float64 is what it is given mostly.
    Case("wide", (64, 512, 256, 10), 128, 12_800, 1, np.float32, np.float64, (2, 2)),
    # In float32 too, the matrix products, the same for both, are two thirds of our time.
    Case("wide, all float32", (64, 512, 256, 10), 128, 12_800, 1, np.float32, np.float32, (1.4, 2)),
]


def make_ours(case: Case, X: np.ndarray, y: np.ndarray) -> Fit:
    """Return a training of ``course_lib``."""
    *hidden, n_classes = case.sizes[1:]
    layers = [layer for units in hidden for layer in (Dense(units), Activation(relu))]
    rng = np.random.default_rng(0)
    network = Network(
        [*layers, Dense(n_classes)],
        input_shape=case.sizes[:1],
        loss=softmax_cross_entropy,
        rng=rng,
        dtype=case.dtype,
    )
    settings = {"epochs": case.epochs, "batch_size": case.batch_size, "rng": rng}
    return lambda: network.fit(X, y, optimizer=Adam(), **settings)


def make_sklearn(case: Case, X: np.ndarray, y: np.ndarray) -> Fit:
    """Return the same training of scikit-learn, without its L2 penalty and its stopping."""
    network = MLPClassifier(
        case.sizes[1:-1],
        batch_size=case.batch_size,
        max_iter=case.epochs,
        alpha=0,
        n_iter_no_change=case.epochs,
        random_state=0,
    )
    return partial(network.fit, X.astype(case.sklearn_dtype), y)


def make_keras(case: Case, X: np.ndarray, y: np.ndarray) -> Fit:
    """Return the same training of Keras; the first call, which traces the graph, is done."""
    *hidden, n_classes = case.sizes[1:]
    layers = [keras.layers.Dense(units, activation="relu", dtype=case.dtype) for units in hidden]
    network = keras.Sequential(
        [keras.Input(case.sizes[:1]), *layers, keras.layers.Dense(n_classes, dtype=case.dtype)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
    fit = partial(network.fit, X, y, batch_size=case.batch_size, verbose=0)
    fit()
    return partial(fit, epochs=case.epochs)


def seconds(function: Fit) -> float:
    """Return the time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def step_times(case: Case, rng: np.random.Generator) -> np.ndarray:
    """Return the best time of a step of ours, of scikit-learn and of Keras, in seconds."""
    X = rng.normal(size=(case.n_samples, case.sizes[0])).astype(case.dtype)
    y = rng.integers(0, case.sizes[-1], case.n_samples)
    trainings = [make(case, X, y) for make in (make_ours, make_sklearn, make_keras)]
    times = [[seconds(training) for training in trainings] for _ in range(REPEATS)]
    return np.min(times, axis=0) / (case.epochs * n_batches(case.n_samples, case.batch_size))


def main() -> int:
    """Print the table; return 1 when a promised ratio is missed."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    missed = 0
    print(f"{'network':<18}{'batch':>6}{'ours us':>10}{'scikit-learn':>22}{'Keras':>22}")
    for case in CASES:
        ours, *theirs = step_times(case, np.random.default_rng(0))
        line = f"{case.name:<18}{case.batch_size:>6}{1e6 * ours:>10.0f}"
        for time_of_peer, promised in zip(theirs, case.promised, strict=True):
            ratio = time_of_peer / ours
            verdict = "ok" if ratio >= promised else "MISSED"
            missed += ratio < promised
            line += f"{1e6 * time_of_peer:>8.0f}{ratio:>6.1f}x {verdict:>6}"
        print(line, flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
