"""The thesis's numbers, obtained again: a VAE of its size, the inversion of its decoder, a judge.

Chapter *The latent space, studied*. `course reproduce thesis_inversion` runs it. Gains are relative
to the same weights: another VAE leaves another loss to gain from, so every seed trains its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course_lib import decoder, latent, normality
from course_lib.datasets import load_mnist
from course_lib.inversion import Inversion, invert
from course_lib.reconstruction import reconstruct

if TYPE_CHECKING:
    import keras

__all__ = ["BETTER", "FULL", "RECIPE", "SOURCE", "measure", "study", "train", "train_judge"]

# Keras is imported when a study runs: reading results must not take seconds.

FULL: dict[str, Any] = {
    "shape": {"width": 784, "encoder_depth": 5, "decoder_depth": 4},
    "epochs": 45,
    "learning_rate": 4e-4,
}
N_IMAGES = 5000  # the thesis's numbers are those of the first 5,000 training images
JUDGE_EPOCHS = 4
RECIPE = (
    "A VAE with 5 hidden layers of 784 units in the encoder and 4 in the decoder, 2 latent "
    "coordinates, trained for 45 epochs with Adam on the 60,000 binarised training images. MT is "
    "the encoder's mean, MN the end of 150 steps of Adafactor from there, MB the bonus model's "
    "guess; the judge is the slides' convolutional network after 4 epochs on the same images, and "
    "sees decoded points binarised. The first 5,000 training images, as in the source; the "
    "metrics that begin with test_ are of the 10,000 test images."
)
SOURCE = {
    "start_loss": 36.8,
    "loss": 34.66,
    "gain": -4.79,
    "gain_variance": 41.91,
    "distance": 0.0974,
    "correlation": 0.179,
    "success_mt": 4176 / N_IMAGES,
    "success_mn": 4304 / N_IMAGES,
    "success_mb": 4184 / N_IMAGES,
    "gain_mb": 0.12,
    "ks_of_norms": 0.0591,
    "shapiro": 0.9964,
}
BETTER = dict.fromkeys(
    ("start_loss", "loss", "gain", "gain_mb", "global_loss", "global_gain"), "lower"
)
BETTER |= dict.fromkeys(("gain_variance", "distance", "correlation"), "neither")
BETTER |= dict.fromkeys(("ks_of_norms", "shapiro"), "neither")
BETTER |= dict.fromkeys(("success_mt", "success_mn", "success_mb", "success_global"), "higher")
BETTER |= dict.fromkeys(("test_success_mt", "test_success_mn", "test_success_global"), "higher")

Array = NDArray[np.floating]
Networks = dict[str, decoder.MLP]


def train(seed: int) -> Networks:
    """Train the VAE; return its encoder and its decoder."""
    import keras

    from course_lib.vae import VAE, binarize, fit_vae, to_mlps

    keras.utils.set_random_seed(seed)
    vae = VAE(**FULL["shape"])
    settings = {"epochs": FULL["epochs"], "learning_rate": FULL["learning_rate"]}
    fit_vae(vae, binarize(load_mnist().X_train), seed=seed, **settings)
    return to_mlps(vae)


def train_judge(seed: int) -> keras.Model:
    """Train the network that reads digits, on binarised images."""
    import keras

    from course_lib.keras_models import slides_cnn
    from course_lib.vae import binarize

    keras.utils.set_random_seed(seed)
    mnist, judge = load_mnist(), slides_cnn()
    images = binarize(mnist.X_train)[..., np.newaxis]
    judge.fit(images, mnist.y_train, batch_size=128, epochs=JUDGE_EPOCHS, verbose=0)
    return judge


def measure(networks: Networks, judge: keras.Model, *, seed: int) -> dict[str, float]:
    """Measure all that the thesis prints, and the same for the global inversion.

    Parameters
    ----------
    networks : dict of MLP
        ``encoder`` and ``decoder``, see `train`.
    judge : keras.Model
        See `train_judge`.
    seed : int
        Of the bonus model.

    Returns
    -------
    dict of float
        The metrics of ``SOURCE`` and those of the global inversion; gains in percent.
    """
    from course_lib.vae import binarize

    mnist, mlp = load_mnist(), networks["decoder"]
    images, tests = _rows(binarize(mnist.X_train[:N_IMAGES])), _rows(binarize(mnist.X_test))
    MT, source, best = _inversions(networks, images)
    MB = _bonus(MT, source.points, seed)
    spaces = {"mt": MT, "mn": source.points, "mb": MB, "global": best.points}
    losses_mb = reconstruct(mlp, MB, images).losses
    test_MT, test_source, test_best = _inversions(networks, tests)
    test_spaces = {"mt": test_MT, "mn": test_source.points, "global": test_best.points}
    test_seen = _seen(judge, mlp, test_spaces)
    return {
        **_of_the_inversion(source, MT),
        "gain_mb": latent.spread(latent.gains(source.start_losses, losses_mb)).mean,
        **_shares("success", _seen(judge, mlp, spaces), _see(judge, images)),
        "global_loss": float(best.losses.mean()),
        "global_gain": latent.spread(latent.gains(best.start_losses, best.losses)).mean,
        **_shares("test_success", test_seen, _see(judge, tests)),
        **_shares("test_labels", test_seen, mnist.y_test),
    }


def study(seed: int) -> dict[str, float]:
    """Train and measure once."""
    return measure(train(seed), train_judge(seed), seed=seed)


# --- steps of a measurement -------------------------------------------------------------------


def _rows(images: Array) -> Array:
    return images.reshape(len(images), -1)


def _inversions(networks: Networks, images: Array) -> tuple[Array, Inversion, Inversion]:
    """Return the encoder's means, and where the source's and the global method go from there."""
    mlp = networks["decoder"]
    # The first outputs are the means, the others the logarithms of the variances.
    means = decoder.select_outputs(networks["encoder"], range(mlp.n_inputs))
    MT = decoder.forward(means, images)
    return MT, *(invert(mlp, images, MT, method=method) for method in ("adafactor", "global"))


def _of_the_inversion(found: Inversion, MT: Array) -> dict[str, float]:
    from scipy import stats

    gains = latent.gains(found.start_losses, found.losses)
    return {
        "start_loss": float(found.start_losses.mean()),
        "loss": float(found.losses.mean()),
        "gain": latent.spread(gains).mean,
        "gain_variance": latent.spread(gains).variance,
        "distance": latent.spread(latent.distances(MT, found.points)).mean,
        "correlation": latent.correlation(gains, found.losses).pearson,
        "ks_of_norms": normality.ks_of_norms(found.points).statistic,
        # Of all coordinates as one sample, as the source does.
        "shapiro": float(stats.shapiro(found.points.ravel()).statistic),
    }


def _bonus(MT: Array, MN: Array, seed: int) -> Array:
    """Return what the bonus model guesses for the points that it has learnt from, as the source."""
    import keras

    from course_lib.bonus import bonus_mlp, fit_bonus

    keras.utils.set_random_seed(seed)  # of the weights at the start
    model = bonus_mlp()
    fit_bonus(model, MT, MN, seed=seed)
    return model.predict(MT, verbose=0)


def _see(judge: keras.Model, rows: Array) -> NDArray[np.integer]:
    """Return the digit that the judge sees in each image, binarised as those it learnt from."""
    images = (rows > 0.5).astype(np.float32).reshape(-1, 28, 28, 1)
    return judge.predict(images, batch_size=1000, verbose=0).argmax(axis=1)


def _seen(
    judge: keras.Model, mlp: decoder.MLP, spaces: dict[str, Array]
) -> dict[str, NDArray[np.integer]]:
    """Return what the judge sees in the decoded points of each space."""
    return {name: _see(judge, decoder.forward(mlp, points)) for name, points in spaces.items()}


def _shares(
    prefix: str, seen: dict[str, NDArray[np.integer]], digits: NDArray[np.integer]
) -> dict[str, float]:
    return {
        f"{prefix}_{name}": latent.success_rate(shown, digits).share for name, shown in seen.items()
    }
