"""Time training steps of convolutional networks against Keras', side by side in one process.

Run ``python benchmarks/bench_convolution.py``. Both sides have one thread, single precision,
batches of 128 images of 28 x 28, and Adam; the labels and images are random. The repeats are
interleaved, and the least processor time of each counts. Our pooling stands before the ReLU
and Keras' after it: the largest number is the same, and a quarter of the ReLUs is left to do.
The exit status is 1 when a network misses the ratio it promises.
"""

import os
import sys
import time

os.environ |= {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",  # four times as fast; off by default on some machines
}


import keras
import numpy as np
import tensorflow as tf

from course_lib.activations import relu
from course_lib.convolution import Conv2D, MaxPool2D
from course_lib.layers import Activation, Dense, Flatten
from course_lib.losses import softmax_cross_entropy
from course_lib.network import Network
from course_lib.optimizers import Adam

BATCH = 128
CHUNK = 16  # images at a time: what a layer leaves then still lies in the cache for the next
REPEATS = 30

# Filters of each convolution, its kernel, units of each hidden dense layer, promised ratio.
NETWORKS = {
    "the slides' network": ((32,), 3, (), 0.9),
    "LeNet-like": ((8, 16), 5, (64,), 0.3),
    "two convolutions": ((32, 64), 3, (128,), 0.6),
}


def our_network(filters: tuple[int, ...], kernel: int, units: tuple[int, ...]) -> Network:
    """Return the network of this course."""
    layers = []
    for count in filters:
        layers += [Conv2D(count, kernel), MaxPool2D(2), Activation(relu)]
    layers.append(Flatten())
    for count in units:
        layers += [Dense(count), Activation(relu)]
    return Network(
        [*layers, Dense(10)],
        input_shape=(28, 28, 1),
        loss=softmax_cross_entropy,
        rng=np.random.default_rng(0),
        dtype=np.float32,
    )


def their_network(
    filters: tuple[int, ...], kernel: int, units: tuple[int, ...]
) -> keras.Sequential:
    """Return the network of Keras."""
    layers = [keras.Input((28, 28, 1))]
    for count in filters:
        layers += [keras.layers.Conv2D(count, kernel, activation="relu"), keras.layers.MaxPool2D()]
    layers.append(keras.layers.Flatten())
    layers += [keras.layers.Dense(count, activation="relu") for count in units]
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(), loss=loss)
    return model


def our_step(network: Network, optimizer: Adam, X: np.ndarray, y: np.ndarray) -> None:
    """Do one training step."""
    network.loss_and_gradient(X, y, chunk=CHUNK)
    optimizer.step(network.theta, network.grad)


def seconds(function, *args) -> float:
    """Return the processor time of one call."""
    start = time.process_time()
    function(*args)
    return time.process_time() - start


def best_times(architecture: tuple) -> np.ndarray:
    """Return the best time of one training step, ours and theirs."""
    rng = np.random.default_rng(0)
    X = rng.random((BATCH, 28, 28, 1), dtype=np.float32)
    y = rng.integers(0, 10, BATCH)
    network, optimizer, model = our_network(*architecture), Adam(), their_network(*architecture)
    model.train_on_batch(X, y)  # the first call compiles
    times = [
        (seconds(our_step, network, optimizer, X, y), seconds(model.train_on_batch, X, y))
        for _ in range(REPEATS)
    ]
    return np.min(times, axis=0)


def main() -> int:
    """Print the table; return 1 when a promised ratio is missed."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    missed = 0
    print(f"{'network':<22}{'ours images/s':>15}{'Keras images/s':>16}{'ratio':>7}{'promised':>10}")
    for name, (*architecture, promised) in NETWORKS.items():
        ours, theirs = best_times(tuple(architecture))
        missed += theirs / ours < promised
        verdict = "" if theirs / ours >= promised else "  MISSED"
        print(
            f"{name:<22}{BATCH / ours:>15.0f}{BATCH / theirs:>16.0f}"
            f"{theirs / ours:>7.2f}{promised:>10.1f}{verdict}"
        )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
