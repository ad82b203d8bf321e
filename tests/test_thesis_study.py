"""Tests of course_lib.thesis_study: what is measured, on the small VAE and a few digits."""

from dataclasses import replace

import numpy as np
import pytest

from course_lib import datasets, decoder, thesis_study
from course_lib.vae import binarize

N, N_TESTS = 30, 20


class Judge:
    """Sees a digit in the amount of ink, as it is shown: it must be shown black and white."""

    def predict(self, images, **_):
        assert images.shape[1:] == (28, 28, 1) and set(np.unique(images)) <= {0, 1}
        return np.eye(10)[(images.sum(axis=(1, 2, 3)) // 20).astype(int) % 10]


@pytest.fixture(scope="module")
def mnist():
    digits = datasets.load_mnist(stand_in=True)
    few = {"X_train": digits.X_train[:N], "y_train": digits.y_train[:N]}
    return replace(digits, **few, X_test=digits.X_test[:N_TESTS], y_test=digits.y_test[:N_TESTS])


@pytest.fixture(scope="module")
def scores(mnist):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thesis_study, "load_mnist", lambda: mnist)
        return thesis_study.measure(decoder.load(decoder.SHIPPED), Judge(), seed=0)


def test_all_that_the_source_prints_is_measured(scores):
    assert set(thesis_study.SOURCE) <= set(thesis_study.BETTER) <= set(scores)
    assert all(np.isfinite(value) for value in scores.values())


def test_the_bonus_model_is_that_of_the_seed():
    points = np.random.default_rng(0).normal(size=(40, 2))
    first, again, other = (thesis_study._bonus(points, 0.9 * points, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)


def test_losses_and_gains_fit_together(scores):
    assert scores["global_loss"] <= scores["loss"] < scores["start_loss"]
    assert scores["global_gain"] <= scores["gain"] < 0 < scores["gain_variance"]


def test_the_start_is_the_encoders_mean_and_the_loss_a_sum_of_squares(scores, mnist):
    networks = decoder.load(decoder.SHIPPED)
    images = binarize(mnist.X_train).reshape(N, -1)
    points = decoder.forward(networks["encoder"], images)[:, :2]
    errors = ((decoder.forward(networks["decoder"], points) - images) ** 2).sum(axis=1)
    assert np.isclose(scores["start_loss"], errors.mean(), rtol=1e-5)


@pytest.mark.parametrize(("prefix", "n"), [("success", N), ("test_success", N_TESTS)])
def test_success_is_a_share_of_the_images(scores, prefix, n):
    shares = [value for name, value in scores.items() if name.startswith(prefix)]
    assert len(shares) >= 3
    assert np.allclose(np.multiply(shares, n) % 1, 0) and 0 < max(shares) <= 1


def test_success_asks_for_what_the_judge_sees_in_the_image(scores, mnist):
    networks = decoder.load(decoder.SHIPPED)
    images = binarize(mnist.X_train).reshape(N, -1)
    points = decoder.forward(networks["encoder"], images)[:, :2]
    shown = decoder.forward(networks["decoder"], points) > 0.5
    seen = [(rows.sum(axis=1) // 20).astype(int) % 10 for rows in (images, shown)]
    assert np.isclose(scores["success_mt"], np.mean(seen[0] == seen[1]))
