"""Train the network of two convolutions on MNIST, with NumPy alone, and time it.

Run ``python benchmarks/mnist_numpy.py``. The real MNIST is needed: the 60,000 images train
the network for three epochs, the 10,000 others are only counted. Time is processor time of
the training, with one thread. The exit status is 1 when 98.5 % right within 60 seconds or
99 % after three epochs are missed.
"""

import os
import sys
import time

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # before NumPy is loaded

import numpy as np

from course_lib.activations import relu
from course_lib.convolution import Conv2D, MaxPool2D
from course_lib.datasets import load_mnist
from course_lib.layers import Activation, Dense, Flatten
from course_lib.losses import softmax_cross_entropy
from course_lib.network import Network
from course_lib.optimizers import Adam, cosine
from course_lib.preprocessing import n_batches

EPOCHS, BATCH, CHUNK = 3, 128, 16
PROMISES = "98.5 % within 60 seconds", "99 % after three epochs"


def pixels(images: np.ndarray) -> np.ndarray:
    """Return images of 0 to 255 as a batch of numbers from 0 to 1, with one channel."""
    return images[..., None].astype(np.float32) / 255


def main() -> int:
    """Print a line for each epoch; return 1 when a promise is missed."""
    mnist = load_mnist()
    X, y = pixels(mnist.X_train), mnist.y_train
    rng = np.random.default_rng(0)
    layers = [Conv2D(32, 3), MaxPool2D(2), Activation(relu)]
    layers += [Conv2D(64, 3), MaxPool2D(2), Activation(relu)]
    layers += [Flatten(), Dense(128), Activation(relu), Dense(10)]
    network = Network(
        layers, input_shape=(28, 28, 1), loss=softmax_cross_entropy, rng=rng, dtype=np.float32
    )
    optimizer = Adam(cosine(2e-3, EPOCHS * n_batches(len(X), BATCH)))
    in_time, spent = False, 0.0
    for epoch in range(1, EPOCHS + 1):
        start = time.process_time()
        network.fit(X, y, optimizer=optimizer, epochs=1, batch_size=BATCH, chunk=CHUNK, rng=rng)
        spent += time.process_time() - start
        _, accuracy = network.evaluate(pixels(mnist.X_test), mnist.y_test)
        in_time |= accuracy >= 0.985 and spent <= 60
        print(f"epoch {epoch}: {spent:5.1f} s of training, test accuracy {accuracy:.4f}")
    kept = in_time, accuracy >= 0.99
    for promise, holds in zip(PROMISES, kept, strict=True):
        print(f"{promise}: {'kept' if holds else 'MISSED'}")
    return int(not all(kept))


if __name__ == "__main__":
    sys.exit(main())
