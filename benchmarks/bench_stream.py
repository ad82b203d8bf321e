"""Score a CSV file of 1,000,000 rows, and show how much memory that took.

Run ``python benchmarks/bench_stream.py [--rows 1000000] [--detector mixture]``. A log of
machines is written to a temporary folder, as large as asked for; a detector is fitted on the
rows of another log, and scores the file with ``course_lib.streaming.score_csv``. Detectors:
``mixture`` (scikit-learn's Gaussian mixture), ``forest`` (its isolation forest), ``sparse``
(``SparseMetaAE``) and ``keras`` (an autoencoder in Keras). One thread. The peak is that of the
whole process, the libraries and the training included. The exit status is 1 when it reaches
1 GiB, or the output is not complete.
"""

import os
import resource
import sys
import time

os.environ |= {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
}

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from course_lib.streaming import score_csv
from course_lib.tables import TableEncoder, make_machine_table, write_table
from course_lib.thresholds import conformal_threshold

PROMISED = 1 << 30  # bytes
N_TRAIN, N_BLOCK = 5000, 10_000


def peak() -> int:
    """Return the largest memory that this process has had so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def write_log(path: Path, n_rows: int) -> int:
    """Write a log of `n_rows` rows, a block at a time, and return its size in bytes."""
    rng = np.random.default_rng(1)
    block = path.with_suffix(".block")
    with path.open("wb") as file:
        for start in range(0, n_rows, N_BLOCK):
            write_table(make_machine_table(min(N_BLOCK, n_rows - start), rng=rng), block)
            lines = block.read_bytes().split(b"\n", 1)
            file.write(lines[1] if start else b"\n".join(lines))
            block.unlink()
    return path.stat().st_size


class KerasAutoencoder:
    """The smallest detector that needs TensorFlow."""

    def fit(self, X: np.ndarray) -> "KerasAutoencoder":
        """Train it to reconstruct the rows."""
        import keras

        keras.utils.set_random_seed(0)
        width = X.shape[1]
        layers = [keras.layers.Dense(max(4, width // 3), "relu"), keras.layers.Dense(width)]
        self.model = keras.Sequential([keras.Input((width,)), *layers])
        self.model.compile("adam", "mse")
        self.model.fit(X, X, epochs=5, verbose=0)
        return self

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Return minus the mean square error of each row."""
        return -((X - self.model.predict(X, batch_size=1000, verbose=0)) ** 2).mean(axis=1)


def make_detector(name: str) -> Any:
    """Return the detector of that name, not fitted; only its library is loaded."""
    if name == "keras":
        return KerasAutoencoder()
    if name == "sparse":
        from course_lib.sparse_meta_ae import SparseMetaAE

        return SparseMetaAE(random_state=0)
    if name == "forest":
        from sklearn.ensemble import IsolationForest

        return IsolationForest(random_state=0)
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(5, reg_covar=1e-3, random_state=0)


def fitted(name: str) -> tuple[Any, TableEncoder, float]:
    """Return a detector, the encoder of its rows, and a threshold for 5 % false alarms."""
    rng = np.random.default_rng(0)
    train, held_out = (make_machine_table(N_TRAIN, rng=rng, anomaly_rate=0) for _ in range(2))
    encoder = TableEncoder().fit(train)
    detector = make_detector(name).fit(encoder.transform(train))
    scores = -detector.score_samples(encoder.transform(held_out))
    return detector, encoder, conformal_threshold(scores, alpha=0.05)


def count_lines(path: Path) -> int:
    """Return the number of lines of a file."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


def main() -> int:
    """Print the measurements; return 1 when the promise is missed."""
    parser = argparse.ArgumentParser(description="Score a large CSV file in little memory.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--detector", choices=["mixture", "forest", "sparse", "keras"], default="mixture"
    )
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path, out = Path(folder, "log.csv"), Path(folder, "scores.csv")
        size = write_log(path, options.rows)
        detector, encoder, threshold = fitted(options.detector)
        before, start = peak(), time.perf_counter()
        processor = time.process_time()
        n = score_csv(detector, encoder, path, out, threshold=threshold, progress=True)
        wall, processor = time.perf_counter() - start, time.process_time() - processor
        complete = n == options.rows and count_lines(out) == n + 1
    mib = 1 << 20
    print(f"{options.detector}: {n:,} rows of a file of {size / mib:.0f} MiB in {wall:.1f} s")
    print(f"    rows a second: {n / wall:,.0f}; of processor time: {n / processor:,.0f}")
    print(
        f"    peak memory before scoring {before / mib:.0f} MiB, at the end {peak() / mib:.0f} MiB"
    )
    good = complete and peak() < PROMISED
    print(f"    under {PROMISED / mib:.0f} MiB and complete: {good}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
