"""Tests of course_lib.completion."""

from itertools import pairwise

import numpy as np
import pytest

from course_lib import completion as module
from course_lib.completion import Completion, complete
from course_lib.decoder import MLP, forward, loss_gradient, select_outputs

N_PIXELS = 60


@pytest.fixture(scope="module")
def decoder():
    rng = np.random.default_rng(0)
    sizes = (2, 32, 32, N_PIXELS)
    weights = [rng.normal(0, np.sqrt(2 / a), (a, b)) for a, b in pairwise(sizes)]
    return MLP(weights, [rng.normal(0, 0.3, b) for b in sizes[1:]])


@pytest.fixture(scope="module")
def planted(decoder):
    """Points, their images, and the half of the pixels that is known."""
    rng = np.random.default_rng(1)
    points = rng.uniform(-3, 3, (20, 2))
    return points, forward(decoder, points), rng.random(N_PIXELS) < 0.5


def test_planted_points_are_recovered_from_half_of_the_pixels(decoder, planted):
    points, images, known = planted
    found = complete(decoder, np.where(known, images, 0), known)
    np.testing.assert_allclose(found.points, points, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.images, images, rtol=0, atol=1e-5)
    assert found.losses.max() < 1e-9


def test_what_the_lost_pixels_hold_does_not_matter(decoder, planted):
    _, images, known = planted
    rng = np.random.default_rng(2)
    noisy = images + rng.normal(0, 0.2, images.shape)  # no point fits exactly
    ours = complete(decoder, noisy, known)
    other = complete(decoder, np.where(known, noisy, rng.random(images.shape)), known)
    for first, second in zip(ours, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_points_are_minima_of_the_error_on_the_known_pixels(decoder, planted):
    points, images, known = planted
    noisy = images + np.random.default_rng(2).normal(0, 0.2, images.shape)
    found = complete(decoder, noisy, known)
    known_decoder, targets = select_outputs(decoder, known), noisy[:, known]
    losses, gradients = loss_gradient(known_decoder, found.points, targets)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-12)
    at_truth = loss_gradient(known_decoder, points, targets)
    assert (losses <= at_truth.losses).all()
    # A minimum on a kink of ReLU has no small gradient: most of them are not there.
    assert np.median(np.linalg.norm(gradients, axis=1)) < 1e-4
    assert np.median(np.linalg.norm(at_truth.gradients, axis=1)) > 0.01
    np.testing.assert_allclose(found.images, forward(decoder, found.points), rtol=1e-12)


def test_float32_is_kept(decoder, planted):
    _, images, known = planted
    narrow = MLP(
        *([a.astype(np.float32) for a in kind] for kind in (decoder.weights, decoder.biases))
    )
    found = complete(narrow, images, known)
    assert found.images.dtype == found.losses.dtype == np.float32
    np.testing.assert_allclose(found.images, images, rtol=0, atol=0.01)


# --- bad calls --------------------------------------------------------------------------

SMALL = MLP([np.ones((2, 3))], [np.zeros(3)])
DEEP = MLP([np.ones((3, 3))], [np.zeros(3)])
IMAGES, ALL = np.zeros((4, 3)), [True, True, True]
BAD_CALLS = [
    (complete, ("decoder", IMAGES, ALL), {}, TypeError, "decoder: expected an MLP, got 'decoder'"),
    (complete, (DEEP, IMAGES, ALL), {}, ValueError, "decoder: expected a network of points with 2"),
    (complete, (SMALL, IMAGES[0], ALL), {}, ValueError, "images: expected a 2-D array"),
    (complete, (SMALL, IMAGES[:, 1:], ALL), {}, ValueError, "images: expected shape (n, 3), got"),
    (complete, (SMALL, IMAGES + np.nan, ALL), {}, ValueError, "images: expected finite numbers"),
    (complete, (SMALL, "images", ALL), {}, TypeError, "images: expected a 2-D array of numbers"),
    (complete, (SMALL, IMAGES, [1, 1, 0]), {}, TypeError, "known: expected booleans, one for"),
    (
        complete,
        (SMALL, IMAGES, [True]),
        {},
        ValueError,
        "known: expected shape (3,), got shape (1,)",
    ),
    (complete, (SMALL, IMAGES, [False] * 3), {}, ValueError, "known: expected one known pixel or"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_say_what_is_wrong(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_is_in_the_table():
    public = {getattr(module, name) for name in module.__all__} - {Completion}
    assert {function for function, *_ in BAD_CALLS} == public
