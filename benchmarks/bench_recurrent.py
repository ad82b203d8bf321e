"""Time training steps of recurrent networks against Keras, side by side in one process.

Run ``python benchmarks/bench_recurrent.py``. A step is one batch of 64 sequences, 28 steps of
28 numbers (the rows of an image), through 64 units and a dense layer of ten classes, and an
update by gradient descent; in float32, with one thread on both sides. The repeats are
interleaved (ours, theirs, ours, ...), so that a busy machine slows both, and the best of each
counts. The exit status is 1 when SimpleRNN is not twice as fast as Keras' ``train_on_batch``.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable

# One thread for each library, set before any of them is loaded.
for name in ("OPENBLAS_NUM", "OMP_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
    os.environ[f"{name}_THREADS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np  # noqa: E402

from course_lib.layers import Dense  # noqa: E402
from course_lib.losses import softmax_cross_entropy  # noqa: E402
from course_lib.network import Network  # noqa: E402
from course_lib.optimizers import SGD  # noqa: E402
from course_lib.recurrent import LSTM, SimpleRNN  # noqa: E402

N_SEQUENCES, N_STEPS, N_IN, UNITS, N_CLASSES = 64, 28, 28, 64, 10
PROMISED = {SimpleRNN: 2.0, LSTM: None}  # the LSTM is there to be looked at
REPEATS = 600


def our_step(layer: type, X: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """Return a function that makes one training step of this library."""
    network = Network(
        [layer(UNITS), Dense(N_CLASSES)],
        input_shape=(N_STEPS, N_IN),
        loss=softmax_cross_entropy,
        rng=np.random.default_rng(0),
        dtype=np.float32,
    )
    optimizer = SGD(0.01)

    def step() -> None:
        network.loss_and_gradient(X, y)
        optimizer.step(network.theta, network.grad)

    return step


def their_step(keras, layer: type, X: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """Return a function that makes one training step of Keras."""
    their_layer = getattr(keras.layers, layer.__name__)
    model = keras.Sequential(
        [keras.Input((N_STEPS, N_IN)), their_layer(UNITS), keras.layers.Dense(N_CLASSES)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    return lambda: model.train_on_batch(X, y)


def best_times(ours: Callable[[], object], theirs: Callable[[], object]) -> np.ndarray:
    """Return the best time of each side, in seconds, over interleaved repeats."""
    times = np.empty((REPEATS, 2))
    for row in times:
        for side, step in enumerate((ours, theirs)):
            start = time.perf_counter()
            step()
            row[side] = time.perf_counter() - start
    return times.min(axis=0)


def main() -> int:
    """Print the table; return 1 when a promised ratio is missed."""
    warnings.simplefilter("ignore")
    import keras

    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_SEQUENCES, N_STEPS, N_IN)).astype(np.float32)
    y = rng.integers(0, N_CLASSES, N_SEQUENCES)
    missed = False
    print(
        f"{'layer':<12}{'ours ms':>9}{'Keras ms':>10}{'ours seq/s':>12}{'ratio':>7}{'promised':>10}"
    )
    for layer, promised in PROMISED.items():
        ours, theirs = best_times(our_step(layer, X, y), their_step(keras, layer, X, y))
        ratio = theirs / ours
        missed |= promised is not None and ratio < promised
        print(
            f"{layer.__name__:<12}{ours * 1e3:>9.2f}{theirs * 1e3:>10.2f}"
            f"{N_SEQUENCES / ours:>12.0f}{ratio:>7.2f}{promised or '-':>10}"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
