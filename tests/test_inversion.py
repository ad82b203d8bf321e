"""Tests of course_lib.inversion and of the modules that it stands on."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from course_lib import fixed_point as fixed_point_module
from course_lib import (
    inversion,
    latent_descent,
    latent_newton,
    literal_inversion,
    reconstruction,
)
from course_lib import (
    latent_grid as latent_grid_module,
)
from course_lib.decoder import MLP, forward, from_keras, jacobian
from course_lib.fixed_point import contraction_norms, fixed_point
from course_lib.gradcheck import numerical_gradient, relative_error
from course_lib.inversion import METHODS, invert, relative_gains
from course_lib.latent_descent import RowAdafactor, adafactor, adam
from course_lib.latent_grid import grid_starts, latent_grid, tabulated_bfgs
from course_lib.latent_newton import bfgs, lm, positive_inverse
from course_lib.literal_inversion import literal_descent
from course_lib.reconstruction import as_problem, reconstruct

MONOTONE = ("bfgs", "lm", "global")  # these never end above their start


def random_mlp(sizes, *, seed=0, output="linear", dtype=np.float64):
    """Return a network of random weights: as good as a trained one for a known answer."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, np.sqrt(2 / a), (a, b)) for a, b in pairwise(sizes)]
    biases = [rng.normal(0, 0.5, b) for b in sizes[1:]]
    return MLP([w.astype(dtype) for w in weights], [b.astype(dtype) for b in biases], output)


@pytest.fixture(scope="module")
def planted():
    """Return a decoder, 100 points and what it makes of them, and a table of it."""
    decoder = random_mlp([2, 32, 32, 784])
    points = np.random.default_rng(1).normal(size=(100, 2))
    return decoder, points, forward(decoder, points), latent_grid(decoder, n_coarse=61)


@pytest.fixture(scope="module")
def noisy():
    """Return a small decoder, 40 images that are not in its range, starts, and a table."""
    decoder, rng = random_mlp([2, 24, 24, 30], seed=2), np.random.default_rng(3)
    points = rng.normal(size=(40, 2))
    images = forward(decoder, points) + rng.normal(0, 0.5, (40, 30))
    return decoder, images, points + rng.normal(0, 0.3, (40, 2)), latent_grid(decoder, n_coarse=41)


def run(problem, method, rows=slice(None), **settings):
    decoder, images, start, grid = problem
    if method == "global":
        settings["grid"] = grid
    return invert(decoder, images[rows], start[rows], method=method, **settings)


# --- a known answer ----------------------------------------------------------------------


def test_global_finds_every_planted_point_from_anywhere(planted):
    decoder, points, images, grid = planted
    start = np.random.default_rng(4).normal(size=(100, 2))
    found = invert(decoder, images, start, grid=grid)
    assert np.abs(found.points - points).max() < 1e-6
    assert found.converged.all() and found.message == "global: 100 of 100 images converged"


@pytest.mark.parametrize("method", ["bfgs", "lm"])
def test_local_methods_find_the_points_from_nearby(planted, method):
    decoder, points, images, _ = planted
    angles = np.random.default_rng(5).uniform(0, 2 * np.pi, 100)
    start = points + 0.2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = invert(decoder, images, start, method=method)
    assert np.abs(found.points - points).max() < 1e-6
    assert found.evaluations.mean() < 60


def test_the_descent_of_the_source_does_not_arrive(planted):
    decoder, points, images, _ = planted
    found = invert(decoder, images, points + 0.2, method="adafactor")
    arrived = np.linalg.norm(found.points - points, axis=1) < 1e-4
    assert arrived.mean() < 0.1 and found.converged.mean() < 0.1
    # A point moves by at most 0.1 % of its length in a step.
    moved = np.linalg.norm(found.points - points - 0.2, axis=1)
    assert (moved < 0.25 * np.linalg.norm(points + 0.2, axis=1)).all()


def test_single_precision_stays_single_and_finds_the_points():
    decoder = random_mlp([2, 32, 32, 64], dtype=np.float32)
    points = np.random.default_rng(1).normal(size=(50, 2))
    images = forward(decoder, points)
    found = invert(decoder, images.astype(np.float64), np.zeros((50, 2)))
    for array in (found.points, found.losses, found.start_losses, found.gains):
        assert array.dtype == np.float32
    assert np.abs(found.points - points).max() < 1e-4


def test_a_sigmoid_at_the_end():
    decoder = random_mlp([2, 32, 32, 64], output="sigmoid")
    points = np.random.default_rng(1).normal(size=(50, 2))
    found = invert(decoder, forward(decoder, points), points + 0.05)
    assert np.abs(found.points - points).max() < 1e-6


# --- against others ----------------------------------------------------------------------


def test_bfgs_is_no_higher_than_scipy(noisy):
    decoder, images, start, _ = noisy
    ours = run(noisy, "bfgs", tol=1e-9).losses

    def loss_and_gradient(point, image):
        seen = reconstruct(decoder, point[np.newaxis], image[np.newaxis])
        return seen.losses[0], seen.gradients()[0]

    theirs = np.array(
        [
            minimize(loss_and_gradient, point, args=(image,), jac=True, method="BFGS").fun
            for point, image in zip(start, images, strict=True)
        ]
    )
    # Where the two fall into different valleys, either may be the lower one.
    assert ours.mean() <= 1.005 * theirs.mean()
    assert (ours <= theirs * (1 + 1e-6)).mean() >= 0.9


def test_global_is_no_higher_than_the_best_of_many_starts(noisy):
    decoder, images, _, _ = noisy
    starts = np.random.default_rng(6).uniform(-4, 4, (30, *images.shape[:1], 2))
    best = np.min([invert(decoder, images, s, method="bfgs").losses for s in starts], axis=0)
    # Random weights make many more kinks than trained ones, and a descent may end in one.
    assert (run(noisy, "global").losses <= 1.005 * best).all()


def keras_path(optimizer, start, gradient, steps, keras):
    variable, path = keras.Variable(start, dtype="float64"), [start]
    for _ in range(steps):
        optimizer.apply([gradient(np.asarray(variable))], [variable])
        path.append(np.asarray(variable).copy())
    return np.array(path)


def our_path(optimizer, start, gradient, steps):
    theta, path = start.copy(), [start]
    for _ in range(steps):
        optimizer.step(theta, gradient(theta))
        path.append(theta.copy())
    return np.array(path)


def wave(y):
    return np.sin(3 * y) + 0.1


START = np.array([[0.7, -1.3], [2.0, 0.4], [0.0, 0.0], [-0.1, 3.0]])


def test_each_row_takes_the_steps_of_an_adafactor_of_keras(keras):
    ours = our_path(RowAdafactor(0.01), START, wave, 60)
    for row in range(4):
        optimizer = keras.optimizers.Adafactor(0.01)
        theirs = keras_path(optimizer, START[row], wave, 60, keras)
        # Keras keeps its learning rate in float32.
        np.testing.assert_allclose(ours[:, row], theirs, rtol=0, atol=1e-6)


def test_one_variable_for_all_rows_is_another_method(keras):
    together = keras_path(keras.optimizers.Adafactor(0.01), START, wave, 5, keras)
    ours = our_path(RowAdafactor(0.01), START, wave, 5)
    assert np.abs(together - ours).max() > 1e-3


def test_adam_takes_the_steps_of_keras(keras, noisy):
    decoder, images, start, _ = noisy
    ours = invert(decoder, images, start, method="adam", steps=30, learning_rate=0.01)
    gradient = lambda y: reconstruct(decoder, y, images).gradients()  # noqa: E731
    theirs = keras_path(keras.optimizers.Adam(0.01), start, gradient, 30, keras)[-1]
    np.testing.assert_allclose(ours.points, theirs, atol=1e-5)


def test_the_batch_is_the_literal_loop(keras):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(24, "relu"), keras.layers.Dense(48), keras.layers.Reshape((6, 8))]
    model = keras.Sequential([keras.Input((2,)), *layers])
    decoder, rng = from_keras(model), np.random.default_rng(0)
    images, start = rng.random((20, 48)), rng.normal(size=(20, 2))
    ours = invert(decoder, images, start, method="adafactor", steps=10, learning_rate=0.01)
    for i in range(20):
        theirs = literal_descent(model, images[i], start[i], steps=10, learning_rate=0.01)
        assert theirs.losses.shape == (11,)
        np.testing.assert_allclose(ours.losses[i], theirs.losses[-1], rtol=1e-4)
        np.testing.assert_allclose(ours.start_losses[i], theirs.losses[0], rtol=1e-5)
        np.testing.assert_allclose(ours.points[i], theirs.point, atol=1e-4)
        assert theirs.losses[-1] < theirs.losses[0]


# --- derivatives --------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_gradients_and_gauss_newton_matrices(output):
    decoder, rng = random_mlp([2, 12, 12, 9], output=output), np.random.default_rng(0)
    points, images = rng.normal(size=(6, 2)), rng.normal(size=(6, 9))
    seen = reconstruct(decoder, points, images)
    numeric = numerical_gradient(lambda y: reconstruct(decoder, y, images).losses.sum(), points)
    assert relative_error(seen.gradients(), numeric) <= 1e-7
    gradients, matrices = seen.gauss_newton()
    np.testing.assert_allclose(gradients, seen.gradients(), rtol=1e-12)
    columns = jacobian(decoder, points)
    np.testing.assert_allclose(matrices, 2 * columns.swapaxes(1, 2) @ columns, rtol=1e-12)
    np.testing.assert_allclose(
        seen.losses, np.sum((forward(decoder, points) - images) ** 2, axis=1), rtol=1e-12
    )


def test_rows_of_a_reconstruction():
    decoder, rng = random_mlp([2, 12, 9]), np.random.default_rng(0)
    points, images = rng.normal(size=(6, 2)), rng.normal(size=(6, 9))
    some, kept = reconstruct(decoder, points, images), np.array([True, False] * 3)
    alone = reconstruct(decoder, points[kept], images[kept])
    np.testing.assert_allclose(some.rows(kept).losses, alone.losses)
    np.testing.assert_allclose(some.rows(kept).gradients(), alone.gradients())
    np.testing.assert_allclose(some.rows(kept).gauss_newton()[1], alone.gauss_newton()[1])


# --- properties ---------------------------------------------------------------------------


@given(seed=st.integers(0, 1000), far=st.floats(0, 3))
@settings(max_examples=10)
def test_losses_never_rise(noisy, seed, far):
    decoder, images, _, grid = noisy
    start = np.random.default_rng(seed).normal(0, far, (len(images), 2))
    for method in MONOTONE:
        found = run((decoder, images, start, grid), method)
        assert (found.losses <= found.start_losses).all()
        seen = reconstruct(decoder, found.points, images).losses
        np.testing.assert_allclose(found.losses, seen, rtol=1e-10)
        np.testing.assert_allclose(found.gains, found.losses / found.start_losses - 1)


@pytest.mark.parametrize("method", METHODS)
def test_an_image_does_not_feel_the_others(noisy, method):
    together = run(noisy, method)
    for i in (0, 7, 39):
        alone = run(noisy, method, slice(i, i + 1))
        np.testing.assert_allclose(alone.points[0], together.points[i], atol=1e-6)
        np.testing.assert_allclose(alone.losses[0], together.losses[i], rtol=1e-8)
        assert alone.evaluations[0] == together.evaluations[i]


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_images_and_the_chunk_do_not_matter(noisy, method):
    order = np.random.default_rng(0).permutation(40)
    together, chunked = run(noisy, method), run(noisy, method, order, chunk=7)
    np.testing.assert_allclose(chunked.points, together.points[order], atol=1e-6)
    np.testing.assert_allclose(chunked.losses, together.losses[order], rtol=1e-8)
    assert np.array_equal(chunked.converged, together.converged[order])


@given(base=st.lists(st.floats(0.1, 100), min_size=1, max_size=5), factor=st.floats(0, 2))
def test_relative_gains(base, factor):
    np.testing.assert_allclose(
        relative_gains(np.multiply(base, factor), base), factor - 1, atol=1e-12
    )


def test_a_perfect_start_stays(planted):
    decoder, points, images, grid = planted
    for method in MONOTONE:
        found = run((decoder, images[:5], points[:5], grid), method)
        np.testing.assert_allclose(found.points, points[:5], atol=1e-6)
    assert relative_gains([0.0, 1.0], [0.0, 2.0]).tolist() == [0.0, -0.5]


def test_global_gains_a_little_where_bfgs_sees_nothing_to_gain(noisy):
    nearly = noisy[0], noisy[1], run(noisy, "bfgs", tol=1e-5).points, noisy[3]
    stay = {method: np.sum(run(nearly, method).gains == 0) for method in ("bfgs", "global")}
    assert stay["global"] < stay["bfgs"] / 2


def test_the_starts_are_left_as_they_are(noisy):
    before = noisy[2].copy()
    for method in METHODS:
        run(noisy, method)
    assert np.array_equal(noisy[2], before)


def test_evaluations(noisy):
    decoder, images, start, grid = noisy
    assert (run(noisy, "adafactor", steps=10).evaluations == 2 * 10 + 1 + 2).all()
    shared = (
        invert(decoder, images, start).evaluations
        - run((decoder, images, start, latent_grid(decoder)), "global").evaluations
    )
    np.testing.assert_allclose(shared, (241**2 + 81**2) / 40)
    near = (decoder, images, run(noisy, "global").points + 0.01, grid)
    starts = grid_starts(grid, images)
    polish = bfgs(decoder, images, starts.points, hessians=starts.hessians, tol=1e-4)
    further = run(near, "global").evaluations - polish.evaluations
    # One for the loss at the start; more where the start is the better place to descend from.
    assert (further >= 1).all() and (further == 1).mean() >= 0.9


def test_few_trials_are_reported(noisy):
    for method in ("bfgs", "lm"):
        found = run(noisy, method, max_trials=1)
        n = found.converged.sum()
        assert n < 40 and found.message == f"{method}: {n} of 40 images converged"
        assert run(noisy, method).converged.all()


def test_no_trial_makes_a_loss_higher(noisy):
    for method in ("bfgs", "lm"):
        losses = [run(noisy, method, max_trials=trials).losses for trials in range(1, 10)]
        assert (np.diff(losses, axis=0) <= 0).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_decoder_that_hears_nothing_is_no_error(method, dtype):
    silent = MLP(
        [np.zeros((2, 3), dtype), np.ones((3, 4), dtype)], [-np.ones(3, dtype), np.ones(4, dtype)]
    )
    found = invert(silent, np.zeros((3, 4)), np.ones((3, 2)), method=method)
    assert np.array_equal(found.losses, found.start_losses) and (found.gains == 0).all()
    assert np.isfinite(found.points).all() and found.converged.all()


def test_more_than_two_latent_dimensions():
    decoder, rng = random_mlp([3, 32, 32, 64]), np.random.default_rng(0)
    points = rng.normal(size=(30, 3))
    for method in ("bfgs", "lm"):
        found = invert(decoder, forward(decoder, points), points + 0.05, method=method)
        assert np.abs(found.points - points).max() < 1e-5


# --- the table ----------------------------------------------------------------------------


def test_the_table_gives_the_losses(noisy):
    decoder, images, _, _ = noisy
    grid = latent_grid(decoder, n_coarse=5, half_width=2.0, n_components=30)
    queries, squares = grid.queries(images)
    assert grid.axis[0] == -2 and grid.axis[-1] == 2 and grid.table.shape == (13, 13, 31)
    for i, j in ((0, 0), (3, 11), (12, 7)):
        node = np.tile([grid.axis[i], grid.axis[j]], (len(images), 1))
        expected = reconstruct(decoder, node, images).losses
        np.testing.assert_allclose(queries @ grid.table[i, j] + squares, expected, rtol=1e-9)


def test_grid_starts_are_the_minimum_of_a_parabola():
    decoder = MLP([[[2.0, 0.5], [0.5, 1.0]]], [[0.1, -0.2]], "linear")
    grid = latent_grid(decoder, n_coarse=21)
    points = np.random.default_rng(0).uniform(-4, 4, (600, 2))
    starts = grid_starts(grid, forward(decoder, points))
    np.testing.assert_allclose(starts.points, points, atol=1e-8)
    expected = 2 * decoder.weights[0] @ decoder.weights[0].T
    np.testing.assert_allclose(starts.hessians, np.tile(expected, (600, 1, 1)), atol=1e-8)


def test_grid_starts_are_next_to_the_minimum_of_a_curved_loss(noisy):
    """A parabola through the 49 nodes of a window starts three times farther above it."""
    decoder, images, _, grid = noisy
    starts = reconstruct(decoder, grid_starts(grid, images).points, images).losses
    assert np.median(starts / run(noisy, "global").losses - 1) < 5e-4


def test_grid_starts_stay_near_the_square():
    decoder = MLP([np.eye(2)], [np.zeros(2)], "linear")
    grid = latent_grid(decoder, half_width=6.0, n_coarse=11)  # fine nodes are 0.4 apart
    starts = grid_starts(grid, [[9.0, -7.0], [0.0, 8.0]])
    np.testing.assert_allclose(starts.points, [[6.4, -6.4], [0, 6.4]], atol=1e-8)


def test_the_lowest_local_minima_of_a_sheet():
    sheet = np.full((1, 12, 12), 9.0) + np.arange(144.0).reshape(1, 12, 12) / 1000
    lowest = [(9, 11), (0, 9), (2, 2), (5, 5), (7, 8)]
    others = [(11, 1), (9, 3)]  # the sixth, and one that is a fifth higher than the lowest
    for node, value in zip(lowest + others, (1.0, 1.02, 1.05, 1.06, 1.08, 1.1, 1.2), strict=True):
        sheet[0][node] = value
    rows, nodes = latent_grid_module._lowest_minima(np.concatenate([sheet[:, ::-1], sheet]))
    assert rows.tolist() == [0] * 5 + [1] * 5
    assert nodes[5:].tolist() == [list(node) for node in lowest]
    assert nodes[:5].tolist() == [[11 - i, j] for i, j in lowest]
    sheet[0, 9, 11] = 0.87  # all others are more than 15 % higher now
    assert latent_grid_module._lowest_minima(sheet)[1].tolist() == [[9, 11]]


def test_a_point_outside_the_square_is_found_from_its_start():
    decoder = random_mlp([2, 32, 32, 64])
    points = np.array([[7.0, 1.0], [-2.0, -8.0], [1.0, 1.0]])
    images, grid = forward(decoder, points), latent_grid(decoder, half_width=2.0, n_coarse=21)
    found = invert(decoder, images, points + 0.05, grid=grid)
    assert np.abs(found.points - points).max() < 1e-6 and found.losses.max() < 1e-12
    # From far away, the square has a better point than the descent: the lower one is kept.
    lost = invert(decoder, images, np.full((3, 2), -1.5), grid=grid)
    alone = invert(decoder, images, np.full((3, 2), -1.5), method="bfgs")
    assert (lost.losses <= alone.losses).all() and np.abs(lost.points[2] - 1).max() < 1e-6


def test_positive_inverse():
    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(20, 2, 2))
    definite = matrices @ matrices.swapaxes(1, 2) + 0.5 * np.eye(2)
    np.testing.assert_allclose(positive_inverse(definite), np.linalg.inv(definite), atol=1e-10)
    inverses = positive_inverse(matrices + matrices.swapaxes(1, 2))
    assert (np.linalg.eigvalsh(inverses) > 0).all()
    assert np.isfinite(positive_inverse(np.zeros((1, 2, 2)))).all()


# --- the fixed point ----------------------------------------------------------------------


@pytest.fixture
def contraction():
    """Return an encoder and a decoder with E o D near the identity."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(2, 20))
    decoder = MLP([matrix], [rng.normal(size=20)], "linear")
    encoder = MLP([np.linalg.pinv(matrix) + rng.normal(0, 0.02, (20, 2))], [np.ones(2)], "linear")
    return encoder, decoder, rng.normal(size=(600, 20))


def test_a_contraction_reaches_its_fixed_point(contraction):
    encoder, decoder, images = contraction
    norms = contraction_norms(encoder, decoder, np.zeros((3, 2)))
    assert norms.max() < 1
    found = fixed_point(encoder, decoder, images, tol=1e-10)
    assert found.converged.all() and (found.residuals <= 1e-10).all()
    encoded_again = forward(encoder, forward(decoder, found.points))
    np.testing.assert_allclose(encoded_again, forward(encoder, images), atol=1e-9)
    # Each iteration gains at least the factor of the map.
    assert found.iterations.max() <= np.ceil(np.log(1e-12) / np.log(norms.max()))


def test_the_fixed_point_is_not_the_nearest_image(contraction):
    encoder, decoder, images = contraction
    limit = fixed_point(encoder, decoder, images, tol=1e-10).points
    nearest = invert(decoder, images, limit, method="bfgs")
    assert (nearest.losses < nearest.start_losses).all()


def test_a_map_that_stretches_is_lost_until_it_is_damped(contraction):
    encoder, decoder, images = contraction
    strong = MLP([5 * encoder.weights[0]], [encoder.biases[0]], "linear")
    assert (contraction_norms(strong, decoder, np.zeros((1, 2))) > 1).all()
    assert not fixed_point(strong, decoder, images[:5]).converged.any()
    assert (contraction_norms(strong, decoder, np.zeros((1, 2)), damping=0.2) < 1).all()
    assert fixed_point(strong, decoder, images[:5], damping=0.2).converged.all()


def test_the_norm_of_the_contraction_by_differences():
    decoder, encoder = random_mlp([2, 16, 12]), random_mlp([12, 16, 2], seed=1)
    points, h = np.random.default_rng(0).normal(size=(4, 2)), 1e-6

    def image_of(y):
        return y - 0.5 * forward(encoder, forward(decoder, y))

    columns = [(image_of(points + h * e) - image_of(points - h * e)) / (2 * h) for e in np.eye(2)]
    expected = [np.linalg.norm(matrix, ord=2) for matrix in np.stack(columns, axis=2)]
    found = contraction_norms(encoder, decoder, points, damping=0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


# --- refused ------------------------------------------------------------------------------

D = MLP([np.eye(2, 3)], [np.zeros(3)], "linear")
D3 = MLP([np.eye(3)], [np.zeros(3)], "linear")
E = MLP([np.eye(3, 2)], [np.zeros(2)], "linear")
Z, Y = np.ones((4, 3)), np.zeros((4, 2))
GRID = latent_grid(D, n_coarse=3)


class Model:
    input_shape, output_shape = (None, 2), (None, 3)


BAD_CALLS = [
    (invert, ("D", Z, Y), {}, TypeError, "decoder: expected an MLP, got 'D'"),
    (invert, (D, Z[:, :2], Y), {}, ValueError, r"images: expected shape \(n, 3\).*\(4, 2\)"),
    (invert, (D, Z, Z), {}, ValueError, r"start: expected shape \(n, 2\)"),
    (invert, (D, Z, Y[:3]), {}, ValueError, "start: expected 4 values like images, got 3"),
    (invert, (D, Z * np.nan, Y), {}, ValueError, "images: expected finite"),
    (invert, (D, Z, [["a", "b"]] * 4), {}, TypeError, "start: expected .* strings"),
    (invert, (D, Z[:0], Y[:0]), {}, ValueError, "images: expected at least one"),
    (invert, (D, Z, Y), {"method": "newton"}, ValueError, "method: .*adafactor or .*'newton'"),
    (invert, (D, Z, Y), {"chunk": 0}, ValueError, "chunk: .* at least 1"),
    (invert, (D, Z, Y), {"method": "lm", "steps": 3}, TypeError, "steps"),
    (invert, (D, Z, Y), {"grid": 3}, TypeError, "grid: expected what latent_grid returns, got 3"),
    (invert, (E, Y, Z), {}, ValueError, "decoder: expected 2 inputs.* got 3"),
    (invert, (D, Z, Y), {"method": "lm", "grid": GRID}, ValueError, "grid: .* got 'lm'"),
    (
        invert,
        (MLP([np.eye(2)], [np.zeros(2)]), Y, Y),
        {"grid": GRID},
        ValueError,
        "grid: .* 2 pixels .*got 3",
    ),
    (relative_gains, ([1.0], [1.0, 2.0]), {}, ValueError, "losses: expected 2 values"),
    (relative_gains, ([1.0], [-1.0]), {}, ValueError, "start_losses: .* at least 0"),
    (relative_gains, ([1.0], [0.0]), {}, ValueError, "losses: expected 0 where"),
    (relative_gains, (["a"], [1.0]), {}, TypeError, "losses: expected"),
    (adafactor, (D, Z, Y), {"steps": 0}, ValueError, "steps: .* at least 1"),
    (adafactor, (D, Z, Y), {"learning_rate": -1}, ValueError, "learning_rate: .* above 0"),
    (adafactor, (D, Z, Y[:1]), {}, ValueError, "start: expected 4"),
    (adam, (D, Z, Y), {"steps": 1.5}, TypeError, "steps: expected an integer"),
    (adam, (D, Z, Y), {"learning_rate": "a"}, TypeError, "learning_rate: expected"),
    (RowAdafactor, (0,), {}, ValueError, "learning_rate: .* above 0"),
    (bfgs, (D, Z, Y), {"tol": 0}, ValueError, "tol: .* above 0"),
    (bfgs, (D, Z, Y), {"max_trials": None}, TypeError, "max_trials: expected"),
    (bfgs, (D, Z, Y), {"hessians": np.ones((4, 2))}, ValueError, "matrices: expected a 3-D"),
    (lm, (D, Z, Y), {"tol": "a"}, TypeError, "tol: expected"),
    (lm, (D, Z, Z), {}, ValueError, "start: expected shape"),
    (positive_inverse, (np.ones((1, 2, 3)),), {}, ValueError, r"matrices: .*\(n, d, d\)"),
    (positive_inverse, ("a",), {}, TypeError, "matrices: expected"),
    (latent_grid, ("D",), {}, TypeError, "decoder: expected an MLP"),
    (latent_grid, (D3,), {}, ValueError, "decoder: expected 2 inputs.* got 3"),
    (latent_grid, (D,), {"n_coarse": 2}, ValueError, "n_coarse: .* at least 3, got 2"),
    (latent_grid, (D,), {"half_width": -1}, ValueError, "half_width: .* above 0"),
    (latent_grid, (D,), {"n_components": 2.0}, TypeError, "n_components: expected an integer"),
    (grid_starts, (None, Z), {}, TypeError, "grid: expected what latent_grid returns"),
    (grid_starts, (GRID, Y), {}, ValueError, "images: expected 3 pixels"),
    (tabulated_bfgs, (D, Z, Y), {"grid": None}, TypeError, "grid: expected what"),
    (tabulated_bfgs, (D, Z, Y), {"grid": GRID, "tol": 0}, ValueError, "tol: .* above 0"),
    (reconstruct, (D, Y, Y), {}, ValueError, "images: expected shape"),
    (reconstruct, (D, Y + np.inf, Z), {}, ValueError, "points: expected finite"),
    (as_problem, (None, Z, Y), {}, TypeError, "decoder: expected an MLP"),
    (as_problem, (D, Z, Y[:2]), {}, ValueError, "start: expected 4"),
    (fixed_point, (None, D, Z), {}, TypeError, "encoder: expected an MLP"),
    (fixed_point, (D3, D, Z), {}, ValueError, r"encoder: .*3 inputs and 2 outputs.*\(3, 3\)"),
    (fixed_point, (E, D, Y), {}, ValueError, "images: expected 3 pixels"),
    (fixed_point, (E, D, Z), {"damping": 0}, ValueError, "damping: .* above 0"),
    (fixed_point, (E, D, Z), {"max_iter": 0}, ValueError, "max_iter: .* at least 1"),
    (contraction_norms, (E, "D", Y), {}, TypeError, "decoder: expected an MLP"),
    (contraction_norms, (E, D, Z), {}, ValueError, "points: expected shape"),
    (contraction_norms, (E, D, Y), {"damping": "a"}, TypeError, "damping: expected"),
    (literal_descent, ("m", Z[0], Y[0]), {}, TypeError, "decoder: expected a model of Keras"),
    (literal_descent, (Model(), Z[0], Z[0]), {}, ValueError, "start: expected 2 coord.* got 3"),
    (literal_descent, (Model(), Y[0], Y[0]), {}, ValueError, "image: expected 3 pixels.* got 2"),
    (literal_descent, (Model(), Z[0], Y[0]), {"steps": 0}, ValueError, "steps: .* at least 1"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


RESULTS = {"Descent", "FixedPoint", "GridStarts", "Inversion", "LatentGrid", "LiteralDescent"}
RESULTS |= {"METHODS", "Reconstruction"}


def test_every_public_function_is_in_the_table():
    modules = [inversion, latent_descent, latent_newton, latent_grid_module]
    modules += [fixed_point_module, literal_inversion, reconstruction]
    public = {name for module in modules for name in module.__all__}
    assert {function.__name__ for function, *_ in BAD_CALLS} == public - RESULTS
