"""Time and compare the inversions of a decoder, side by side in one process, on one thread.

Run ``python benchmarks/bench_inversion.py [weights.npz] [--images 1000]``. The file is one of
``course_lib.decoder.save`` with an encoder and a decoder; the images are MNIST's first ones,
binarised. Left out, the decoder is random and of the thesis's size, and its images are decoded
points with noise: the speeds mean the same, the gains do not. Times are processor times, so
that other work on the machine counts little. The exit status is 1 when a promise is missed.
"""

import os
import sys
import time

os.environ |= {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}

import argparse
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from course_lib.datasets import load_mnist
from course_lib.decoder import MLP, forward, load, select_outputs
from course_lib.inversion import Inversion, invert
from course_lib.latent_grid import latent_grid
from course_lib.literal_inversion import literal_descent

ALL_IMAGES = 60_000
N_LITERAL = 20
N_STARTS = 8  # of the reference search
NEAR = 1.001  # times the best loss known counts as found
SIZES = (2, 784, 784, 784, 784, 784)  # of the thesis's decoder

Problem = tuple[MLP, np.ndarray, np.ndarray]


def random_problem(n: int) -> Problem:
    """Return a random decoder, noisy decoded points, and starts beside those points."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, np.sqrt(2 / a), (a, b)).astype("f") for a, b in pairwise(SIZES)]
    decoder = MLP(weights, [rng.normal(0, 0.1, b).astype("f") for b in SIZES[1:]], "linear")
    points = rng.normal(size=(n, 2)).astype("f")
    images = forward(decoder, points) + rng.normal(0, 0.2, (n, SIZES[-1])).astype("f")
    return decoder, images, points + rng.normal(0, 0.05, (n, 2)).astype("f")


def trained_problem(path: Path, n: int) -> Problem:
    """Return the decoder of a file, images of MNIST, and the encoder's points."""
    networks = load(path)
    decoder, encoder = networks["decoder"], networks["encoder"]
    from course_lib.vae import binarize  # loads Keras

    images = binarize(load_mnist().X_train[:n]).reshape(n, -1)
    start = forward(select_outputs(encoder, range(decoder.n_inputs)), images)
    return decoder, images, start


def seconds(function: Callable[[], object]) -> tuple[float, object]:
    """Return the processor time of a call, and its result."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def gemm_rate(rows: int = 1000) -> float:
    """Return the median rate of a product of the decoder's size, in GFLOP/s."""
    left = np.random.default_rng(0).random((rows, 784), dtype=np.float32)
    right = np.ascontiguousarray(left[:784])
    times = [seconds(lambda: left @ right)[0] for _ in range(50)]
    return 2 * rows * 784 * 784 / float(np.median(times)) / 1e9


def gflop(decoder: MLP) -> float:
    """Return the work of one evaluation: a multiplication and an addition for each weight."""
    return 2 * sum(matrix.size for matrix in decoder.weights) / 1e9


def keras_model(decoder: MLP):
    """Return the decoder as a model of Keras."""
    import keras

    layers = [keras.Input((decoder.n_inputs,))]
    for bias in decoder.biases[:-1]:
        layers.append(keras.layers.Dense(len(bias), "relu"))
    layers.append(keras.layers.Dense(decoder.n_outputs, decoder.output))
    model = keras.Sequential(layers)
    pairs = zip(decoder.weights, decoder.biases, strict=True)
    model.set_weights([array for pair in pairs for array in pair])
    return model


class Promises:
    """Prints each measurement beside what is promised, and counts what is missed."""

    def __init__(self) -> None:
        self.missed = 0

    def check(self, what: str, value: float, promised: float, *, at_most: bool = False) -> None:
        """Print one line."""
        good = value <= promised if at_most else value >= promised
        self.missed += not good
        sign = "<=" if at_most else ">="
        verdict = "" if good else "   MISSED"
        print(f"    {what:<52}{value:>11.4g}   {sign} {promised:g}{verdict}", flush=True)


def against_the_literal_loop(problem: Problem, promises: Promises) -> None:
    """(1) The batch takes the steps of the loop, and how many images a second each does."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    decoder, images, start = problem
    model = keras_model(decoder)
    literal_descent(model, images[0], start[0], steps=2)
    slow, one_by_one = seconds(
        lambda: [literal_descent(model, images[i], start[i]).losses[-1] for i in range(N_LITERAL)]
    )
    n = min(len(images), 500)
    fast, batch = seconds(lambda: invert(decoder, images[:n], start[:n], method="adafactor"))
    difference = np.abs(batch.losses[:N_LITERAL] / one_by_one - 1).max()
    print(f"literal loop {slow / N_LITERAL:.2f} s/image, batch {1e3 * fast / n:.1f} ms/image")
    promises.check("largest relative difference of 20 losses", difference, 1e-4, at_most=True)
    promises.check("images a second, batch / loop", slow / N_LITERAL * n / fast, 100)


def summary(name: str, found: Inversion, best: np.ndarray, time_per_image: float) -> None:
    """Print one row of the table of methods."""
    improved = np.mean(found.losses < found.start_losses)
    print(
        f"    {name:<12}{found.losses.mean():>9.3f}{100 * found.gains.mean():>9.2f}"
        f"{100 * improved:>10.2f}{100 * np.mean(found.losses <= NEAR * best):>10.2f}"
        f"{100 * found.converged.mean():>10.1f}{found.evaluations.mean():>10.1f}"
        f"{1e3 * time_per_image:>10.3f}",
        flush=True,
    )


def best_known(problem: Problem, found: list[Inversion]) -> np.ndarray:
    """Return the lowest loss of each image over all results and descents from random starts."""
    decoder, images, _ = problem
    rng = np.random.default_rng(1)
    losses = [result.losses for result in found]
    for _ in range(N_STARTS):
        start = rng.normal(0, 1.5, (len(images), 2))
        losses.append(invert(decoder, images, start, method="bfgs", tol=1e-6).losses)
    return np.min(losses, axis=0)


def compare_methods(problem: Problem, promises: Promises) -> None:
    """(2) to (4): losses, evaluations and processor time of all methods."""
    decoder, images, start = problem
    n = len(images)
    table, grid = seconds(lambda: latent_grid(decoder))
    times, found, rates = {}, {}, [gemm_rate()]
    for method in ("adafactor", "adam", "bfgs", "lm", "global"):
        settings = {"grid": grid} if method == "global" else {}
        times[method], found[method] = seconds(
            lambda method=method, settings=settings: invert(
                decoder, images, start, method=method, **settings
            )
        )
        if method == "adafactor":
            rates.append(gemm_rate())  # before and after: the machine may have become busier
    best = best_known(problem, list(found.values()))
    print(f"{n} images, mean loss at the start {found['bfgs'].start_losses.mean():.3f}")
    heads = ("loss", "gain %", "improved %", "found %", "done %", "passes", "ms/image")
    print(f"    {'method':<12}{heads[0]:>9}{heads[1]:>9}" + "".join(f"{h:>10}" for h in heads[2:]))
    for method, result in found.items():
        summary(method, result, best, times[method] / n)
    source = found["adafactor"]
    for method in ("bfgs", "lm"):
        result = found[method]
        share = result.evaluations.mean() / source.evaluations.mean()
        promises.check(f"{method}: passes / the source's", share, 1 / 12, at_most=True)
        ratio = result.losses.mean() / source.losses.mean()
        promises.check(f"{method}: mean loss / the source's", ratio, 1, at_most=True)
        promises.check(f"{method}: improved", improved(result), 0.999)
    everywhere = found["global"]
    promises.check("global: found", np.mean(everywhere.losses <= NEAR * best), 0.98)
    promises.check("global: improved", improved(everywhere), 1)
    gain = everywhere.gains.mean() / source.gains.mean()
    promises.check("global: mean gain / the source's", gain, 1.5)
    # The table is paid once, and a search is as long for every image.
    whole, descent = (ALL_IMAGES / n * times[method] for method in ("global", "adafactor"))
    print(f"    table {table:.1f} s, once; all {ALL_IMAGES} images, from these {n}:")
    promises.check("global: core-seconds", table + whole, 60, at_most=True)
    promises.check("descent / global", descent / (table + whole), 20)
    work = source.evaluations.mean() * n * gflop(decoder) / times["adafactor"]
    promises.check("descent: share of the matrix product's rate", work / np.mean(rates), 0.85)


def improved(found: Inversion) -> float:
    """Return the share of the images that ended below their start."""
    return float(np.mean(found.losses < found.start_losses))


def main() -> int:
    """Print all comparisons; return 1 when a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    options = parser.parse_args()
    n, promises = options.images, Promises()
    problem = trained_problem(options.weights, n) if options.weights else random_problem(n)
    print(f"one thread, {problem[0].dtype}, {gflop(problem[0]) * 1e3:.2f} MFLOP a pass")
    with threadpool_limits(1):
        compare_methods(problem, promises)
        against_the_literal_loop(problem, promises)
    return int(promises.missed > 0)


if __name__ == "__main__":
    sys.exit(main())
