"""Tests of course_lib.vae."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from course_lib import _data_files, datasets, decoder
from course_lib import vae as module
from course_lib.decoder import MLP, forward
from course_lib.vae import (
    VAE,
    binarize,
    build_autoencoder,
    fit_vae,
    from_mlps,
    kl_gaussian,
    reparameterize,
    to_mlps,
)

SMALL = {"width": 64, "encoder_depth": 1, "decoder_depth": 1}
TERMS = ("loss", "reconstruction", "kl")
NUMBERS = st.floats(-3, 3)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def images():
    return binarize(datasets.load_mnist(stand_in=True).X_train)


@pytest.fixture(scope="module")
def test_images():
    return binarize(datasets.load_mnist(stand_in=True).X_test)


def small_vae(seed=0, **shape):
    keras.utils.set_random_seed(seed)
    return VAE(**SMALL | shape)


def trained(images, seed=0, *, model_seed=0, **settings):
    """Return a small VAE after a training, and its history."""
    vae = small_vae(model_seed)
    history = fit_vae(vae, images, **{"seed": seed, "epochs": 1, "learning_rate": 0.01} | settings)
    return vae, history.history


@pytest.fixture(scope="module")
def learnt(images, test_images):
    """A small VAE that has learnt for a few seconds, and its history."""
    return trained(images, epochs=15, validation=test_images)


def split(rows):
    """Return means and log variances."""
    rows = np.array(rows)
    return rows[:, :2], rows[:, 2:]


# --- images -----------------------------------------------------------------------------


def test_pixels_become_black_or_white():
    pixels = np.arange(256).reshape(16, 16)
    for dtype in (np.uint8, np.int64):
        ours = binarize(pixels.astype(dtype))
        assert ours.dtype == np.float32 and ours.shape == (16, 16)
        np.testing.assert_array_equal(ours, pixels / 255 > 0.5)  # the usual formula


# --- the normal distributions -----------------------------------------------------------


@given(ROWS)
def test_the_divergence_is_that_of_keras_distributions_in_closed_form(rows):
    """KL(N(m, s^2) || N(0, 1)) = log(1 / s) + (s^2 + m^2) / 2 - 1/2, summed over coordinates."""
    mean, log_var = split(rows)
    s = np.exp(log_var / 2)
    expected = (np.log(1 / s) + (s**2 + mean**2) / 2 - 0.5).sum(axis=1)
    ours = kl_gaussian(mean, log_var)
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)
    assert (ours >= -1e-12).all()


def log_normal(x, mean, log_var):
    terms = np.log(2 * np.pi) + log_var + (x - mean) ** 2 / np.exp(log_var)
    return -terms.sum(axis=-1) / 2


def test_the_divergence_is_the_mean_of_a_log_ratio():
    """Monte Carlo: the mean of log q(z) - log p(z) over points z drawn from q."""
    rng = np.random.default_rng(0)
    n = 200_000
    for mean, log_var in [((0.5, -1), (0.3, -2)), ((2, 0), (-4, 0)), ((0, 0), (1, 1))]:
        mean, log_var = np.tile(mean, (n, 1)), np.tile(log_var, (n, 1))
        z = reparameterize(mean, log_var, rng=rng)
        ratios = log_normal(z, mean, log_var) - log_normal(z, 0, np.zeros(2))
        error = 5 * ratios.std() / np.sqrt(n)
        assert abs(kl_gaussian(mean[:1], log_var[:1])[0] - ratios.mean()) < error
        assert error < 0.03


def test_the_divergence_is_zero_for_the_standard_normal_only():
    assert kl_gaussian(np.zeros((1, 3)), np.zeros((1, 3))) == 0
    for shift in (1e-2, -1e-2):
        assert kl_gaussian([[shift]], [[0.0]]) > 0 and kl_gaussian([[0.0]], [[shift]]) > 0


def test_drawn_points_have_the_mean_and_the_variance():
    n = 100_000
    mean, log_var = np.array([1.5, -2.0]), np.array([-1.0, 2.0])
    rng = np.random.default_rng(0)
    z = reparameterize(np.tile(mean, (n, 1)), np.tile(log_var, (n, 1)), rng=rng)
    std = np.exp(log_var / 2)
    np.testing.assert_array_less(np.abs(z.mean(axis=0) - mean), 5 * std / np.sqrt(n))
    np.testing.assert_allclose(z.var(axis=0), std**2, rtol=5 * np.sqrt(2 / n))
    assert abs(np.corrcoef(z.T)[0, 1]) < 5 / np.sqrt(n)


def test_the_noise_is_that_of_the_generator():
    rows = np.zeros((4, 2))
    draws = [reparameterize(rows, rows, rng=np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], np.random.default_rng(0).standard_normal((4, 2)))
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).all()


def test_gradients_pass_through_the_drawing():
    """dz/dmean = 1 and dz/dlog_var = noise * std / 2."""
    mean, log_var = tf.Variable([[0.5, -1.0]]), tf.Variable([[0.2, -0.6]])
    noise = np.array([[1.3, -0.7]], dtype=np.float32)
    with tf.GradientTape() as tape:
        z = tf.reduce_sum(module._shifted(mean, log_var, noise))
    d_mean, d_log_var = tape.gradient(z, [mean, log_var])
    np.testing.assert_allclose(d_mean, [[1, 1]])
    np.testing.assert_allclose(d_log_var, noise * np.exp(log_var.numpy() / 2) / 2, rtol=1e-6)


# --- the autoencoder --------------------------------------------------------------------


def test_a_linear_autoencoder_approaches_the_plane_of_pca(images):
    """No linear one can do better: PCA is the best plane, on the images it has seen."""
    some = images[:200]
    rows = some.reshape(200, -1)
    pca = PCA(2).fit(rows)
    best = np.square(pca.inverse_transform(pca.transform(rows)) - rows).sum(axis=1).mean()
    one_point = np.square(rows - rows.mean(axis=0)).sum(axis=1).mean()
    keras.utils.set_random_seed(0)
    model = build_autoencoder(depth=0, output="linear")
    model.optimizer.learning_rate = 0.03
    many = np.tile(some, (50, 1, 1))  # an epoch of 50 steps on all of them is quicker than 50
    model.fit(many, many, batch_size=200, shuffle=False, epochs=8, verbose=0)
    loss = model.evaluate(some, some, batch_size=200, verbose=0)
    assert best <= loss < best + 0.01 * (one_point - best)
    # The loss is the squared error, summed over the pixels.
    reconstructed = model.predict(some, verbose=0)
    assert loss == pytest.approx(np.square(reconstructed - some).sum(axis=(1, 2)).mean(), rel=1e-5)


def test_the_autoencoder_has_an_encoder_and_a_decoder(images):
    model = build_autoencoder(width=16, depth=3, latent_dim=5)
    encoder, back = model.get_layer("encoder"), model.get_layer("decoder")
    points = encoder.predict(images[:4], verbose=0)
    assert points.shape == (4, 5)
    twins = [decoder.from_keras(part) for part in (encoder, back)]
    assert [twin.output for twin in twins] == ["linear", "sigmoid"]
    assert [len(twin.weights) for twin in twins] == [4, 4]
    ours = forward(twins[1], forward(twins[0], images[:4].reshape(4, -1)))
    theirs = model.predict(images[:4], verbose=0).reshape(4, -1)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


# --- the VAE ----------------------------------------------------------------------------


def test_the_architecture_is_that_of_the_thesis():
    vae = VAE()
    kinds = [type(layer).__name__ for layer in vae.encoder.layers]
    assert kinds == ["Flatten"] + ["Dense"] * 6
    assert [layer.units for layer in vae.encoder.layers[1:]] == [784] * 5 + [4]
    assert [layer.units for layer in vae.decoder.layers[:-1]] == [784] * 5
    activations = [layer.activation.__name__ for layer in vae.encoder.layers[1:]]
    assert activations == ["relu"] * 5 + ["linear"]
    activations = [layer.activation.__name__ for layer in vae.decoder.layers[:-1]]
    assert activations == ["relu"] * 4 + ["linear"]
    square = 784 * 784 + 784
    assert vae.encoder.count_params() == 5 * square + 784 * 4 + 4
    assert vae.decoder.count_params() == 3 * square + 3 * 784 + square


def test_shapes(test_images):
    vae = small_vae(latent_dim=3)
    mean, log_var = vae.encode(test_images[:5])
    assert mean.shape == log_var.shape == (5, 3)
    assert vae.decode(mean).shape == vae.reconstruct(test_images[:5]).shape == (5, 28, 28)
    assert vae.sample(7, rng=np.random.default_rng(0)).shape == (7, 28, 28)
    assert vae.encode(test_images[:5]).mean.dtype == vae.decode(mean).dtype == np.float32


def test_methods_agree_with_the_networks(learnt, test_images):
    vae, some = learnt[0], test_images[:20]
    outputs = vae.encoder.predict(some, verbose=0)
    np.testing.assert_array_equal(vae.encode(some).mean, outputs[:, :2])
    np.testing.assert_array_equal(vae.encode(some).log_var, outputs[:, 2:])
    logits = vae.decoder.predict(outputs[:, :2], verbose=0)
    expected = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(vae.decode(outputs[:, :2]), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(vae.reconstruct(some), expected, rtol=0, atol=1e-6)


def test_samples_are_decoded_points_of_the_standard_normal_law(learnt):
    vae = learnt[0]
    points = np.random.default_rng(3).standard_normal((6, 2))
    samples = vae.sample(6, rng=np.random.default_rng(3))
    np.testing.assert_allclose(samples, vae.decode(points), rtol=0, atol=1e-6)
    assert (samples != vae.sample(6, rng=np.random.default_rng(4))).any()


def monte_carlo_terms(vae, images, *, n_draws, seed=0):
    """Return both terms of the negative ELBO from their definitions, in NumPy."""
    mlps, rng = to_mlps(vae), np.random.default_rng(seed)
    rows = images.reshape(len(images), -1).astype(np.float64)
    mean, log_var = np.split(forward(mlps["encoder"], rows).astype(np.float64), 2, axis=1)
    draws = []
    for _ in range(n_draws):
        pixels = forward(mlps["decoder"], reparameterize(mean, log_var, rng=rng)).astype(np.float64)
        pixels = np.clip(pixels, 1e-12, 1 - 1e-7)
        log_likelihood = rows * np.log(pixels) + (1 - rows) * np.log(1 - pixels)
        draws.append(-log_likelihood.sum(axis=1).mean())
    return np.mean(draws), kl_gaussian(mean, log_var).mean()


def test_the_loss_is_the_negative_elbo(learnt, test_images):
    vae = learnt[0]
    many = np.tile(test_images, (20, 1, 1))  # 20 points are drawn for each image
    found = vae.evaluate(many, batch_size=297, verbose=0, return_dict=True)
    loss, reconstruction, kl = (found[term] for term in TERMS)
    expected_reconstruction, expected_kl = monte_carlo_terms(vae, test_images, n_draws=20)
    assert kl == pytest.approx(expected_kl, rel=1e-4)
    assert reconstruction == pytest.approx(expected_reconstruction, rel=0.01)
    assert loss == pytest.approx(reconstruction + kl, rel=1e-4)


def test_both_terms_are_reported_in_training_and_in_validation(learnt):
    history = learnt[1]
    assert set(history) == {*TERMS, *(f"val_{term}" for term in TERMS)}
    for prefix in ("", "val_"):
        loss, reconstruction, kl = (np.array(history[prefix + term]) for term in TERMS)
        np.testing.assert_allclose(loss, reconstruction + kl, rtol=1e-3)
        assert (kl > 0).all()


def test_training_raises_the_elbo(learnt, test_images):
    """Above that of the best single image, which needs no latent point."""
    losses = learnt[1]["val_loss"]
    share = np.clip(test_images.mean(axis=0), 1e-3, 1 - 1e-3)
    likelihood = test_images * np.log(share) + (1 - test_images) * np.log(1 - share)
    assert losses[-1] < -likelihood.sum(axis=(1, 2)).mean()


def test_reconstructions_are_near_their_images(learnt, test_images):
    vae = learnt[0]
    errors = np.square(vae.reconstruct(test_images) - test_images).sum(axis=(1, 2))
    around = np.square(test_images - test_images.mean(axis=0)).sum(axis=(1, 2))
    assert errors.mean() < 0.85 * around.mean()


# --- training ---------------------------------------------------------------------------


def weights(images, *args, **settings):
    return np.concatenate([w.ravel() for w in trained(images, *args, **settings)[0].get_weights()])


def test_the_order_and_the_noise_are_those_of_the_seed(images):
    """One image has no order: two seeds differ in their noise."""
    first = weights(images[:200])
    np.testing.assert_array_equal(first, weights(images[:200]))
    assert (weights(images[:1]) != weights(images[:1], 1)).any()


def test_the_rate_is_constant_and_then_falls_to_zero():
    rate = module._schedule(4e-4, 4500)
    steps = np.arange(0, 4501, 50)
    rates = np.array([float(rate(step)) for step in steps])
    fall = 4e-4 * (1 + np.cos(np.pi * (steps - 2000) / 2500)) / 2
    np.testing.assert_allclose(rates, np.where(steps < 2000, 4e-4, fall), rtol=0, atol=1e-9)


def test_all_steps_are_done_and_the_rate_ends_at_zero(images, capsys, monkeypatch):
    """130 images are a batch of 128 and one of 2, in both epochs."""
    planned, schedule = [], module._schedule
    monkeypatch.setattr(module, "_schedule", lambda r, n: planned.append(n) or schedule(r, n))
    vae, _ = trained(images[:130], epochs=2)
    assert planned == [4] == [int(vae.optimizer.iterations)]
    assert float(vae.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
    assert capsys.readouterr().out == ""


def test_verbose_is_what_keras_prints(images, capsys):
    trained(images[:10], verbose=2)
    assert "reconstruction" in capsys.readouterr().out


# --- to NumPy, to a file, and back ------------------------------------------------------


def test_the_twins_compute_what_the_vae_computes(learnt, test_images):
    vae, rows = learnt[0], test_images.reshape(len(test_images), -1)
    mlps = to_mlps(vae)
    outputs = forward(mlps["encoder"], rows)
    np.testing.assert_allclose(outputs[:, :2], vae.encode(test_images).mean, rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs[:, 2:], vae.encode(test_images).log_var, rtol=0, atol=1e-5)
    points = np.random.default_rng(0).standard_normal((50, 2))
    theirs = vae.decode(points).reshape(50, -1)
    np.testing.assert_allclose(forward(mlps["decoder"], points), theirs, rtol=0, atol=1e-5)
    assert np.ptp(theirs, axis=0).max() > 0.3


@pytest.mark.parametrize("shape", [{}, {"width": 9, "encoder_depth": 2, "latent_dim": 3}])
def test_a_vae_comes_back_from_its_twins(shape, test_images):
    vae = small_vae(**shape)
    back = from_mlps(to_mlps(vae))
    assert back is not vae and back.get_config() == vae.get_config()
    for ours, theirs in zip(back.get_weights(), vae.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(back.reconstruct(test_images), vae.reconstruct(test_images))


def test_a_vae_comes_back_from_a_file(learnt, test_images, tmp_path):
    vae, path = learnt[0], tmp_path / "vae.npz"
    errors = []
    for dtype in ("float32", "float16"):
        decoder.save(path, to_mlps(vae), dtype=dtype)
        back = from_mlps(decoder.load(path)).reconstruct(test_images)
        errors.append(np.abs(back - vae.reconstruct(test_images)).max())
    assert errors[0] == 0 < errors[1] < 0.02


def test_the_file_format_of_keras_works_too(learnt, test_images, tmp_path):
    """The thesis met "File format not supported" here, with a format of older versions."""
    vae, path = learnt[0], tmp_path / "vae.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # inside Keras
        vae.save(path)
        back = keras.saving.load_model(path)
    assert isinstance(back, VAE)
    np.testing.assert_array_equal(back.reconstruct(test_images), vae.reconstruct(test_images))


# --- the weights that are shipped -------------------------------------------------------

WEIGHTS = decoder.SHIPPED
RECORD = json.loads(WEIGHTS.with_suffix(".json").read_text("utf-8"))


def test_the_shipped_weights_are_small_and_those_of_their_record():
    assert WEIGHTS.stat().st_size < 1_000_000
    vae = from_mlps(decoder.load(WEIGHTS))
    assert vae.get_config() == {**RECORD["shape"], "latent_dim": 2}
    assert len(RECORD["history"]["val_loss"]) == RECORD["epochs"]


needs_mnist = pytest.mark.skipif(
    _data_files.in_data_dir(datasets.MNIST.name) is None,
    reason=f"{datasets.MNIST.name} is not in COURSE_DATA_DIR",
)


@needs_mnist
def test_the_shipped_weights_have_the_recorded_error():
    images = binarize(datasets.load_mnist().X_test)
    vae = from_mlps(decoder.load(WEIGHTS))
    error = np.square(vae.reconstruct(images) - images).sum(axis=(1, 2)).mean()
    assert error == pytest.approx(RECORD["error_test"], rel=1e-4)
    assert error == pytest.approx(RECORD["error_test_float32"], rel=1e-3)


# --- bad calls --------------------------------------------------------------------------

VAE_8 = VAE(width=8, encoder_depth=1, decoder_depth=1)
MLPS = to_mlps(VAE_8)
OTHER = to_mlps(VAE(width=9, encoder_depth=1, decoder_depth=1))
IMAGES = np.zeros((2, 28, 28))
RNG = np.random.default_rng(0)
LATENT = np.zeros((2, 2))
ONCE = {"seed": 0, "epochs": 1}
LINEAR = MLP(MLPS["decoder"].weights, MLPS["decoder"].biases, "linear")
BAD_IMAGES = [
    (IMAGES[0], ValueError, "images: expected a 3-D array of numbers, got shape (28, 28)"),
    (IMAGES[:, 1:], ValueError, "images: expected shape (n, 28, 28), got shape (2, 27, 28)"),
    (IMAGES + 255, ValueError, "images: expected pixels from 0 to 1, got 255 to 255"),
    (IMAGES - 0.5, ValueError, "images: expected pixels from 0 to 1, got -0.5 to -0.5"),
    (IMAGES + np.nan, ValueError, "images: expected finite numbers, got nan"),
    (IMAGES[:0], ValueError, "images: expected at least one value"),
    ("images", TypeError, "images: expected a 3-D array of numbers, got 'images'"),
]
BAD_CALLS = [
    (
        binarize,
        ([0.5],),
        {},
        TypeError,
        "images: expected whole numbers from 0 to 255, got float64",
    ),
    (binarize, ([256],), {}, ValueError, "images: expected whole numbers from 0 to 255, got 256"),
    (binarize, ([-1],), {}, ValueError, "images: expected whole numbers from 0 to 255, got -1"),
    (binarize, ([],), {}, ValueError, "images: expected an array with one row for each"),
    (binarize, (["a"],), {}, TypeError, "images: expected whole numbers from 0 to 255"),
    (build_autoencoder, (), {"output": "relu"}, ValueError, "output: expected sigmoid or linear"),
    (build_autoencoder, (), {"width": 0}, ValueError, "width: expected an integer of at least 1"),
    (build_autoencoder, (), {"depth": -1}, ValueError, "depth: expected an integer of at least 0"),
    (build_autoencoder, (), {"depth": 1.5}, TypeError, "depth: expected an integer of at least 0"),
    (build_autoencoder, (), {"latent_dim": "2"}, TypeError, "latent_dim: expected an integer"),
    (reparameterize, (LATENT, LATENT), {"rng": 0}, TypeError, "rng: expected a generator"),
    (reparameterize, (LATENT[0], LATENT), {"rng": RNG}, ValueError, "mean: expected a 2-D array"),
    (reparameterize, (LATENT, LATENT[:1]), {"rng": RNG}, ValueError, "log_var: expected shape (2,"),
    (reparameterize, (LATENT, "a"), {"rng": RNG}, TypeError, "log_var: expected a 2-D array of"),
    (kl_gaussian, (LATENT, LATENT[:, :1]), {}, ValueError, "log_var: expected shape (2, 2) like"),
    (kl_gaussian, (LATENT + np.inf, LATENT), {}, ValueError, "mean: expected finite numbers"),
    (kl_gaussian, ("a", LATENT), {}, TypeError, "mean: expected a 2-D array of numbers"),
    (VAE, (), {"width": 0}, ValueError, "width: expected an integer of at least 1, got 0"),
    (VAE, (), {"encoder_depth": 0}, ValueError, "encoder_depth: expected an integer of at least 1"),
    (VAE, (), {"decoder_depth": 1.0}, TypeError, "decoder_depth: expected an integer of at least"),
    (VAE, (), {"latent_dim": None}, TypeError, "latent_dim: expected an integer of at least 1"),
    *((VAE_8.encode, (bad,), {}, error, words) for bad, error, words in BAD_IMAGES),
    *((VAE_8.reconstruct, (bad,), {}, error, words) for bad, error, words in BAD_IMAGES),
    (VAE_8.decode, ([0.0, 0.0],), {}, ValueError, "points: expected a 2-D array"),
    (VAE_8.decode, (np.zeros((2, 3)),), {}, ValueError, "points: expected shape (n, 2), got shape"),
    (VAE_8.decode, ([[np.inf, 0]],), {}, ValueError, "points: expected finite numbers, got inf"),
    (VAE_8.decode, ("a",), {}, TypeError, "points: expected a 2-D array of numbers, got 'a'"),
    (VAE_8.sample, (0,), {"rng": RNG}, ValueError, "n: expected an integer of at least 1, got 0"),
    (VAE_8.sample, (1.5,), {"rng": RNG}, TypeError, "n: expected an integer of at least 1"),
    (VAE_8.sample, (3,), {"rng": 0}, TypeError, "rng: expected a generator such as"),
    (fit_vae, ("vae", IMAGES), ONCE, TypeError, "vae: expected a VAE, got 'vae'"),
    *((fit_vae, (VAE_8, bad), ONCE, error, words) for bad, error, words in BAD_IMAGES),
    (
        *(fit_vae, (VAE_8, IMAGES), ONCE | {"validation": IMAGES[0]}),
        *(ValueError, "validation: expected a 3-D array"),
    ),
    (fit_vae, (VAE_8, IMAGES), ONCE | {"epochs": 0}, ValueError, "epochs: expected an integer of"),
    (fit_vae, (VAE_8, IMAGES), ONCE | {"seed": -1}, ValueError, "seed: expected an integer of at"),
    (fit_vae, (VAE_8, IMAGES), ONCE | {"seed": None}, TypeError, "seed: expected an integer of at"),
    (fit_vae, (VAE_8, IMAGES), ONCE | {"learning_rate": 0}, ValueError, "learning_rate: expected"),
    (fit_vae, (VAE_8, IMAGES), ONCE | {"learning_rate": "a"}, TypeError, "learning_rate: expected"),
    (fit_vae, (VAE_8, IMAGES), ONCE | {"verbose": 3}, ValueError, "verbose: expected 0, 1 or 2"),
    (to_mlps, ("vae",), {}, TypeError, "vae: expected a VAE, got 'vae'"),
    (from_mlps, (3,), {}, TypeError, "mlps: expected a mapping to networks, got 3"),
    (from_mlps, ({"decoder": LINEAR},), {}, ValueError, "mlps: expected the key 'encoder', got ["),
    (from_mlps, (MLPS | {"encoder": 3},), {}, TypeError, "mlps['encoder']: expected an MLP, got 3"),
    (from_mlps, (MLPS | {"encoder": OTHER["encoder"]},), {}, ValueError, "for the encoder, got"),
    (from_mlps, (MLPS | {"decoder": OTHER["decoder"]},), {}, ValueError, "mlps: expected weights"),
    (from_mlps, (MLPS | {"decoder": MLPS["encoder"]},), {}, ValueError, "got linear, linear"),
    (from_mlps, (MLPS | {"decoder": LINEAR},), {}, ValueError, "mlps: expected the outputs linear"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_say_what_is_wrong(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_is_in_the_table():
    methods = {"encode", "decode", "reconstruct", "sample"}
    assert {function.__name__ for function, *_ in BAD_CALLS} == set(module.__all__) | methods
