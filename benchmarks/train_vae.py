"""Train the VAE of part IV on MNIST, and write its weights and the record of the run.

The thesis's size takes about 25 minutes of one thread, the small one two minutes::

    python benchmarks/train_vae.py --size full --seed 0 --out runs/vae_full_0.npz
    python benchmarks/train_vae.py --size small --seed 0 --out course_lib/weights/vae_small.npz

The images are those of ``load_mnist``, binarised as in the thesis. The weights are written
in float32 at full size, and in float16 for the small one, which ships with the library.
Beside them lies a JSON file of the same name: the history, the errors, the seconds, the
versions. One thread by default; ``OMP_NUM_THREADS=4`` before the command gives four.
"""

import argparse
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

# Before NumPy and TensorFlow are loaded: they read these once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ |= {
    "OPENBLAS_NUM_THREADS": os.environ["OMP_NUM_THREADS"],
    "TF_NUM_INTRAOP_THREADS": os.environ["OMP_NUM_THREADS"],
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",  # the same processor for every seed
}

import keras
import numpy as np

from course_lib import decoder
from course_lib.datasets import load_mnist
from course_lib.thesis_study import FULL
from course_lib.vae import VAE, binarize, fit_vae, to_mlps

N_THESIS = 5000  # its errors are those of the first 5,000 training images


class Size(NamedTuple):
    """Of the networks, and how they are trained and kept."""

    shape: dict[str, int]
    epochs: int
    learning_rate: float
    dtype: str


SIZES = {
    "full": Size(**FULL, dtype="float32"),
    "small": Size({"width": 192, "encoder_depth": 3, "decoder_depth": 3}, 20, 1e-3, "float16"),
}


def mean_error(mlps: dict[str, decoder.MLP], images: np.ndarray) -> float:
    """Return the squared error of D(E(z)), summed over the pixels, averaged over the images."""
    rows = images.reshape(len(images), -1)
    n_latent = mlps["decoder"].n_inputs
    encoder = decoder.select_outputs(mlps["encoder"], range(n_latent))
    losses = [
        decoder.loss_gradient(mlps["decoder"], decoder.forward(encoder, piece), piece).losses
        for piece in np.array_split(rows, -(-len(rows) // 500))
    ]
    return float(np.concatenate(losses).mean())


def train(size: Size, images: np.ndarray, validation: np.ndarray, **run: int) -> tuple[VAE, Any]:
    """Return the trained VAE and its history."""
    keras.utils.set_random_seed(run["seed"])
    vae = VAE(**size.shape)
    settings = {"learning_rate": size.learning_rate, "validation": validation, "verbose": 2}
    history = fit_vae(vae, images, **settings, **run)
    return vae, history.history


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a name that ends in .npz")
    parser.add_argument("--epochs", type=int, help="fewer or more than the size's own")
    options = parser.parse_args()
    size = SIZES[options.size]
    mnist = load_mnist()
    images, test = binarize(mnist.X_train), binarize(mnist.X_test)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    run = {"seed": options.seed, "epochs": options.epochs or size.epochs}
    start, cpu_start = time.perf_counter(), time.process_time()
    vae, history = train(size, images, test, **run)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    decoder.save(options.out, to_mlps(vae), dtype=size.dtype)
    mlps = decoder.load(options.out)  # the errors are those of the rounded weights
    record = {
        "size": options.size,
        **size._asdict(),
        **run,
        "data": mnist.source + ", binarised",
        "error_first_5000": mean_error(mlps, images[:N_THESIS]),
        "error_train": mean_error(mlps, images),
        "error_test": mean_error(mlps, test),
        "error_test_float32": mean_error(to_mlps(vae), test),
        "history": history,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in ("keras", "tensorflow", "numpy")},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    options.out.with_suffix(".json").write_text(json.dumps(record, indent=1), "utf-8")
    shown = {key: value for key, value in record.items() if key != "history"}
    print(json.dumps(shown, indent=1), f"{options.out.stat().st_size:,} bytes", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
