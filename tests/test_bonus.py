"""Tests of course_lib.bonus: what the bonus model can learn from a point, and what it cannot."""

import keras
import numpy as np
import pytest

from course_lib import bonus as module
from course_lib.bonus import bonus_mlp, fit_bonus, held_out_error


def points_of(n, *, seed, d=2):
    return np.random.default_rng(seed).standard_normal((n, d))


def shrunk(points):
    """A translation that the point decides: inwards, and to one side."""
    return 0.8 * points + [0.3, -0.2]


def trained(inputs, targets, *, build_seed=0, **settings):
    """Return a model after training, and its history."""
    keras.utils.set_random_seed(build_seed)
    model = bonus_mlp(np.shape(inputs)[1])
    return model, fit_bonus(model, inputs, targets, **{"seed": 0, "epochs": 2} | settings)


def weights_after(inputs, targets, **settings):
    return trained(inputs, targets, **settings)[0].get_weights()


def test_the_model_is_that_of_the_source():
    model = bonus_mlp()
    layers = [(layer.units, layer.activation.__name__) for layer in model.layers]
    assert layers == [(64, "relu"), (64, "relu"), (2, "linear")]
    assert (model.loss, type(model.optimizer)) == ("mse", keras.optimizers.Adam)
    assert bonus_mlp(786, n_outputs=3)(np.zeros((5, 786))).shape == (5, 3)


@pytest.fixture(scope="module")
def learnt():
    points = points_of(600, seed=0)
    return trained(points, shrunk(points), epochs=15), points


def test_it_learns_a_translation_that_the_point_decides(learnt):
    (model, history), _ = learnt
    new = points_of(1000, seed=1)
    error = held_out_error(model, new, new, shrunk(new))
    moved = model.predict(new, verbose=0)
    assert error.stay == pytest.approx(np.sum((shrunk(new) - new) ** 2, axis=1).mean(), rel=1e-5)
    assert error.model == pytest.approx(np.sum((shrunk(new) - moved) ** 2, axis=1).mean(), rel=1e-5)
    assert error.model < 0.1 * error.stay
    assert history.history["val_loss"][-1] < 0.1 * history.history["val_loss"][0]


def test_the_mean_of_its_points_is_that_of_the_targets(learnt):
    """The thesis prints the mean of MT for MB, to every digit: the last bias prevents that."""
    (model, _), points = learnt
    mean = model.predict(points, verbose=0).mean(axis=0)
    np.testing.assert_allclose(mean, shrunk(points).mean(axis=0), atol=0.05)
    assert np.abs(mean - points.mean(axis=0)).min() > 0.15


def test_it_learns_from_the_image_what_the_point_does_not_say():
    """Each image has its own translation, and shows it in its pixels."""
    points, new = points_of(800, seed=2), points_of(1000, seed=3)
    pixels, new_pixels = points_of(800, seed=4, d=3), points_of(1000, seed=5, d=3)
    targets, new_targets = points + 0.3 * pixels[:, :2], new + 0.3 * new_pixels[:, :2]
    blind, _ = trained(points, targets, epochs=5)
    assert held_out_error(blind, new, new, new_targets).model > 0.15  # to stay gives 0.18
    seeing, _ = trained(np.hstack([points, pixels]), targets, epochs=10)
    error = held_out_error(seeing, np.hstack([new, new_pixels]), new, new_targets)
    assert error.model < 0.3 * error.stay


@pytest.fixture(scope="module")
def short():
    """A training of two epochs, to compare others with: points, model, history."""
    points = points_of(100, seed=0)
    return points, *trained(points, points)


def test_the_last_fifth_is_not_learnt_from(short):
    points, model, _ = short
    targets = points.copy()
    targets[80:] += 100
    for one, other in zip(model.get_weights(), weights_after(points, targets), strict=True):
        np.testing.assert_array_equal(one, other)  # and so the seeds decide on all the rest
    targets[79] += 100
    assert (model.get_weights()[0] != weights_after(points, targets)[0]).any()


@pytest.mark.parametrize("seed", ["seed", "build_seed"])
def test_another_seed_gives_another_training(short, seed):
    points, model, _ = short
    assert (model.get_weights()[0] != weights_after(points, points, **{seed: 1})[0]).any()


def test_batches_of_32_for_each_epoch(short):
    """80 of 100 points are learnt from: 3 batches, in each of 2 epochs."""
    _, model, history = short
    assert int(model.optimizer.iterations) == 6 and len(history.history["loss"]) == 2


def test_verbose_is_what_keras_prints(short, capsys):
    points, model, _ = short
    fit_bonus(model, points, points, seed=0, epochs=1)
    assert capsys.readouterr().out == ""
    fit_bonus(model, points, points, seed=0, epochs=1, verbose=2)
    assert "val_loss" in capsys.readouterr().out


# --- bad calls --------------------------------------------------------------------------


MODEL, POINTS = bonus_mlp(), points_of(4, seed=0)
ONCE = {"epochs": 1, "seed": 0}
BAD_CALLS = [
    (bonus_mlp, (0,), {}, ValueError, "n_inputs: expected an integer of at least 1, got 0"),
    (bonus_mlp, (2.0,), {}, TypeError, "n_inputs: expected an integer"),
    (bonus_mlp, (), {"n_outputs": 0}, ValueError, "n_outputs: expected an integer of at least 1"),
    (bonus_mlp, (), {"n_outputs": "2"}, TypeError, "n_outputs: expected an integer"),
    (fit_bonus, ("MLP", POINTS, POINTS), ONCE, TypeError, "model: expected a keras.Model, got str"),
    (fit_bonus, (MODEL, POINTS[:, 0], POINTS), ONCE, ValueError, "inputs: expected a 2-D array"),
    (fit_bonus, (MODEL, POINTS[:, :1], POINTS), ONCE, ValueError, "inputs: expected shape (n, 2)"),
    (fit_bonus, (MODEL, POINTS, POINTS[:, :1]), ONCE, ValueError, "targets: expected shape (n, 2)"),
    (fit_bonus, (MODEL, POINTS, POINTS[:3]), ONCE, ValueError, "targets: expected 4 values like"),
    (fit_bonus, (MODEL, POINTS * np.nan, POINTS), ONCE, ValueError, "inputs: expected finite"),
    (fit_bonus, (MODEL, POINTS, [["a", "b"]]), ONCE, TypeError, "targets: expected a 2-D array of"),
    (fit_bonus, (MODEL, POINTS[:1], POINTS[:1]), ONCE, ValueError, "inputs: expected at least 2"),
    (fit_bonus, (MODEL, POINTS, POINTS), ONCE | {"epochs": 0}, ValueError, "epochs: expected"),
    (fit_bonus, (MODEL, POINTS, POINTS), ONCE | {"seed": -1}, ValueError, "seed: expected an"),
    (fit_bonus, (MODEL, POINTS, POINTS), ONCE | {"seed": None}, TypeError, "seed: expected an"),
    (fit_bonus, (MODEL, POINTS, POINTS), ONCE | {"verbose": 3}, ValueError, "verbose: expected 0"),
    (
        held_out_error,
        (None, POINTS, POINTS, POINTS),
        {},
        TypeError,
        "model: expected a keras.Model",
    ),
    (held_out_error, (MODEL, [[1.0]], POINTS, POINTS), {}, ValueError, "inputs: expected shape"),
    (held_out_error, (MODEL, POINTS, POINTS[:3], POINTS), {}, ValueError, "starts: expected 4"),
    (held_out_error, (MODEL, POINTS, POINTS, POINTS[:3]), {}, ValueError, "targets: expected 4"),
    (
        held_out_error,
        (MODEL, POINTS, POINTS, [[np.inf, 0]]),
        {},
        ValueError,
        "targets: expected fin",
    ),
    (
        held_out_error,
        (MODEL, POINTS, [["a", "b"]], POINTS),
        {},
        TypeError,
        "starts: expected a 2-D",
    ),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_say_what_is_wrong(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert str(caught.value).startswith(words)


def test_every_public_function_is_in_the_table():
    assert {function.__name__ for function, *_ in BAD_CALLS} == set(module.__all__) - {"HeldOut"}
