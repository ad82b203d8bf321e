"""Train the network of the page's digit demo and write its weights.

Run ``python benchmarks/export_digit_demo.py``, about five minutes on one thread. The real
MNIST is needed. It writes ``book/_extra/_static/demos/digits_weights.js``, which is tracked: the
book shows it without training. The slides' MLP with 32 hidden units learns 50,000 images,
slightly moved, turned and resized anew in each epoch, since nobody draws in a frame as
MNIST's authors cut theirs. The other 10,000 images choose the epoch that is kept; the test
set is only counted.
"""

import datetime
import os
import sys
from importlib.metadata import version
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}  # before they are loaded
os.environ |= {"TF_ENABLE_ONEDNN_OPTS": "0"}

import keras
import numpy as np

from course_lib.datasets import load_mnist
from course_lib.demo import forward, quantize, to_javascript
from course_lib.keras_models import scale_pixels, slides_mlp

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "book" / "_extra" / "_static" / "demos" / "digits_weights.js"
UNITS, BATCH, EPOCHS, PATIENCE, N_VALIDATION = 32, 128, 60, 20, 10_000


def varied(mlp: keras.Model) -> keras.Model:
    """Return a model that varies its images before `mlp` sees them, in training only."""
    paper = {"fill_mode": "constant"}
    layers = [
        keras.Input((28, 28)),
        keras.layers.Reshape((28, 28, 1)),
        keras.layers.RandomTranslation(0.05, 0.05, seed=1, **paper),
        keras.layers.RandomRotation(0.04, seed=2, **paper),
        keras.layers.RandomZoom(0.1, 0.1, seed=3, **paper),
        keras.layers.Reshape((28, 28)),
    ]
    return keras.Sequential([*layers, mlp])


def train(X: np.ndarray, y: np.ndarray, *, seed: int) -> tuple[keras.Model, int]:
    """Return the trained MLP and the epoch, from 1, whose weights it keeps."""
    keras.utils.set_random_seed(seed)
    mlp = slides_mlp(units=UNITS)
    model = varied(mlp)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * -(-len(X) // BATCH))
    optimizer = keras.optimizers.Adam(schedule)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    best = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
    training, validation = slice(None, -N_VALIDATION), slice(-N_VALIDATION, None)
    model.fit(
        X[training],
        y[training],
        validation_data=(X[validation], y[validation]),
        batch_size=BATCH,
        epochs=EPOCHS,
        callbacks=[best],
        verbose=2,
    )
    return mlp, best.best_epoch + 1


def main(seed: int = 0) -> int:
    """Train, count the test set in float32 and in int8, and write the file."""
    mnist = load_mnist()
    mlp, epoch = train(scale_pixels(mnist.X_train), mnist.y_train, seed=seed)
    X, y = scale_pixels(mnist.X_test), mnist.y_test
    kernels, biases = mlp.get_weights()[::2], mlp.get_weights()[1::2]
    weights = quantize(kernels, biases)
    provenance = {
        "data": mnist.source,
        "recipe": f"784-{UNITS}-10, Adam with a cosine from 0.002, batches of {BATCH}, "
        f"shifts by 5 %, turns by 14 degrees, zoom by 10 %; the best of at most {EPOCHS} epochs on "
        f"{N_VALIDATION:,} images held out of the training set",
        "epochs": epoch,
        "seed": seed,
        "test_accuracy_float32": np.mean(mlp.predict(X, verbose=0).argmax(axis=1) == y).item(),
        "test_accuracy_int8": np.mean(forward(weights, X).argmax(axis=1) == y).item(),
        "versions": {name: version(name) for name in ("keras", "tensorflow", "numpy")},
        "date": datetime.date.today().isoformat(),
    }
    FILE.write_text(to_javascript(weights, provenance), "utf-8")
    print(provenance, f"{FILE.stat().st_size:,} bytes", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
