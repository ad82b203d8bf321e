"""Time training steps of part III's models: on this processor, against part II, on a GPU.

Run ``python benchmarks/bench_keras.py``; it takes about a minute. Every side has one thread
of the processor; ``OMP_NUM_THREADS=4`` before the command gives all of them four. Images and
labels are random. The repeats are interleaved, so that a busy machine slows all sides, and
the least time of each counts. The benchmark promises nothing and shows what it finds.
"""

import os
import sys
import time
from collections.abc import Callable

# Before NumPy and TensorFlow are loaded: they read these once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ |= {
    "OPENBLAS_NUM_THREADS": os.environ["OMP_NUM_THREADS"],
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",  # convolutions are faster; off by default on some machines
}

import keras
import numpy as np
import tensorflow as tf

from course_lib.keras_models import slides_cnn, slides_mlp, strong_cnn, to_network
from course_lib.optimizers import SGD

N_THREADS = int(os.environ["OMP_NUM_THREADS"])
REPEATS = 8
MLP_BATCH, MLP_IMAGES = 32, 12_800  # so many that what Keras does once in an epoch counts little
CNN_BATCH = 128
BUILDERS = (slides_mlp, slides_cnn, strong_cnn)
CPU, GPU = "/CPU:0", "/GPU:0"


def random_images(shape: tuple[int, ...], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels."""
    rng = np.random.default_rng(0)
    return rng.random((n, *shape), dtype=np.float32), rng.integers(0, 10, n)


def least_seconds(functions: list[Callable[[], object]]) -> np.ndarray:
    """Return the least time of each function; a first call, which traces the graph, is not counted.

    The calls of the functions alternate.
    """
    times = np.empty((REPEATS + 1, len(functions)))
    for row in times:
        for i, function in enumerate(functions):
            start = time.perf_counter()
            function()
            row[i] = time.perf_counter() - start
    return times[1:].min(axis=0)


def mlp_times() -> np.ndarray:
    """Return the time of an epoch of the slides' MLP, with Keras and with part II."""
    X, y = random_images((28, 28), MLP_IMAGES)
    with tf.device(CPU):
        theirs = slides_mlp()
    ours, rng = to_network(theirs), np.random.default_rng(0)

    def fit_theirs() -> None:
        with tf.device(CPU):
            theirs.fit(X, y, batch_size=MLP_BATCH, verbose=0)

    def fit_ours() -> None:
        ours.fit(X, y, optimizer=SGD(0.01), epochs=1, batch_size=MLP_BATCH, rng=rng)

    return least_seconds([fit_theirs, fit_ours])


def make_step(build: Callable[[], keras.Sequential], device: str) -> Callable[[], object]:
    """Return a training step of a new model on a device; its result waits for the device."""
    with tf.device(device):
        model = build()
        X, y = map(tf.constant, random_images(model.input_shape[1:], CNN_BATCH))

    def step() -> object:
        with tf.device(device):
            return model.train_on_batch(X, y)

    return step


def main() -> int:
    """Print the tables."""
    tf.config.threading.set_intra_op_parallelism_threads(N_THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(N_THREADS)
    theirs, ours = 1e6 * mlp_times() * MLP_BATCH / MLP_IMAGES
    print(f"threads: {N_THREADS}")
    print(f"the slides' MLP, a step of {MLP_BATCH} images in microseconds: ", end="")
    print(f"Keras {theirs:.0f}, part II {ours:.0f}, ratio {theirs / ours:.1f}")

    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    devices = [CPU, GPU] if has_gpu else [CPU]
    print(f"images a second, in steps of {CNN_BATCH}:" + "".join(f"{d:>12}" for d in devices))
    for build in BUILDERS:
        rates = CNN_BATCH / least_seconds([make_step(build, device) for device in devices])
        line = f"{build.__name__:<32}" + "".join(f"{rate:>12.0f}" for rate in rates)
        print(line + (f"   ratio {rates[1] / rates[0]:.1f}" if has_gpu else ""), flush=True)
    if not has_gpu:
        print("no accelerator on this machine: nothing to compare the processor with")
    return 0


if __name__ == "__main__":
    sys.exit(main())
