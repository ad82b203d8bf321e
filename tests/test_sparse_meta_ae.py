"""Tests of course_lib.sparse_meta_ae."""

import copy
import json
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from course_lib import sparse_meta_ae as module
from course_lib.detectors import Detector
from course_lib.sparse_meta_ae import SparseMetaAE, source_recipe


def rows(n=300, d=4, seed=0):
    """Rows near a plane."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(2, d))
    return rng.normal(size=(n, 2)) @ mixing + 0.05 * rng.normal(size=(n, d))


def quick(**settings):
    return SparseMetaAE(**{"epochs": 3, "encoding_dim": 8, "random_state": 0, **settings})


X = rows()
FITTED = quick().fit(X)


def same(one, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    )


# --- scikit-learn's conventions -----------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # what the checks say of themselves
@pytest.mark.parametrize("detector", [SparseMetaAE(epochs=5), source_recipe()])
def test_scikit_learn_finds_nothing_to_say(detector):
    results = check_estimator(detector, on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed and sum(r["status"] == "passed" for r in results) > 40


def test_a_clone_is_not_fitted_and_a_pickle_is():
    assert not hasattr(clone(FITTED), "coefs_")
    again = pickle.loads(pickle.dumps(FITTED))
    assert np.array_equal(again.score(X), FITTED.score(X))


def test_it_stands_in_a_pipeline_and_beside_the_baselines():
    raw = 1000 + 50 * X
    pipeline = make_pipeline(StandardScaler(), quick()).fit(raw)
    assert np.array_equal(Detector(quick()).fit(raw).score(raw), -pipeline.score_samples(raw))


def test_the_scores_are_one_quantity():
    score = FITTED.score(X)
    assert np.array_equal(FITTED.score_samples(X), -score)
    assert np.allclose(FITTED.decision_function(X), -score - FITTED.offset_)
    assert FITTED.threshold_ == -FITTED.offset_
    assert np.array_equal(FITTED.predict(X) == -1, score > FITTED.threshold_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_have_the_precision_of_the_rows(dtype):
    detector = quick().fit(X.astype(dtype))
    assert detector.score(X.astype(dtype)).dtype == dtype
    assert detector.reconstruct(X.astype(dtype)).dtype == dtype
    assert np.allclose(detector.score(X.astype(np.float32)), detector.score(X), rtol=1e-3)


def test_a_seed_gives_the_same_again_and_another_seed_another():
    assert same(quick().fit(X), FITTED)
    assert not same(quick(random_state=1).fit(X), FITTED)


def test_the_rows_are_left_as_they_were():
    mine = X.copy()
    quick().fit(mine).adapt(mine[:5])
    assert np.array_equal(mine, X)


# --- the source's recipe, and Keras -------------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "units"), [(3, [8, 4, 2, 4, 3]), (21, [14, 7, 3, 7, 21]), (30, [20, 10, 5, 10, 30])]
)
def test_the_layers_of_the_source(d, units):
    detector = source_recipe().set_params(epochs=1).fit(rows(40, d))
    assert [len(biases) for biases in detector.intercepts_] == units


def test_the_bottleneck_keeps_a_unit():
    assert quick(encoding_dim=1).fit(X).coefs_[2].shape == (1, 1)


def test_the_settings_of_the_source():
    settings = source_recipe(random_state=3).get_params()
    assert settings == {
        **{"encoding_dim": None, "activity_l1": 1e-5, "epochs": 30, "batch_size": 32},
        **{"learning_rate": 1e-3, "decay": False, "noise": 0.0, "whiten": False},
        **{"validation_fraction": 0.0, "false_positive_rate": 0.05, "random_state": 3},
        "fences": False,
    }


def printed_model(keras, detector, activity_l1):
    """Return the source's network in Keras with the detector's weights."""
    d, e = detector.n_features_in_, detector.intercepts_[1].size
    dense, l1 = keras.layers.Dense, keras.regularizers.L1(activity_l1)
    model = keras.Sequential(
        [
            keras.Input((d,)),
            dense(2 * e, activation="relu", activity_regularizer=l1),
            dense(e, activation="relu"),
            dense(max(1, e // 2), activation="relu"),
            dense(e, activation="relu"),
            dense(d),
        ]
    )
    pairs = zip(detector.coefs_, detector.intercepts_, strict=True)
    model.set_weights([array for pair in pairs for array in pair])
    return model


@pytest.mark.parametrize("activity_l1", [1e-5, 0.1])
def test_the_training_is_that_of_keras(keras, monkeypatch, activity_l1):
    """Two epochs from the same start, in the same order; the last batch is smaller."""
    settings = {"activity_l1": activity_l1, "batch_size": 16, "random_state": 0}
    data = X[:70].astype(np.float32)
    monkeypatch.setattr(module, "_noisy", lambda X, noise, rng: X)

    class Draws(np.random.RandomState):
        def permutation(self, n):
            return np.arange(n)

    def ours(epochs):
        detector = source_recipe().set_params(epochs=epochs, **settings)
        return detector.set_params(random_state=Draws(0)).fit(data)

    start = ours(1)
    sizes = start._sizes()
    layers = module._views(module._glorot_uniform(sizes, Draws(0)), sizes)
    start._keep(layers)
    model = printed_model(keras, start, activity_l1)
    model.compile(optimizer="adam", loss="mse", jit_compile=False)
    model.fit(data, data, epochs=2, batch_size=16, shuffle=False, verbose=0)
    expected, got = printed_model(keras, ours(2), 0).get_weights(), model.get_weights()
    for one, other in zip(expected, got, strict=True):
        assert np.allclose(one, other, atol=2e-5)
    assert np.allclose(ours(2).reconstruct(data), model.predict(data, verbose=0), atol=1e-4)


def test_the_adaptation_is_that_of_keras(keras):
    detector, support = copy.deepcopy(FITTED), X[:10]
    model = printed_model(keras, detector, 0)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", jit_compile=False)
    model.fit(support, support, epochs=5, batch_size=10, verbose=0)
    detector.adapt(support, steps=5, learning_rate=0.01)
    assert np.allclose(detector.reconstruct(X), model.predict(X, verbose=0), atol=1e-4)


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.1]))
def test_the_gradient_is_that_of_the_loss(seed, activity_l1):
    rng, sizes = np.random.default_rng(seed), [3, 8, 4, 2, 4, 3]
    theta = rng.normal(size=sum((a + 1) * b for a, b in pairwise(sizes)))
    inputs, targets = rng.normal(size=(2, 5, 3))
    gradient = np.empty_like(theta)

    def loss(theta):
        activations = module._forward(module._views(theta, sizes), inputs)
        sparse = activity_l1 * np.abs(activations[1]).sum(axis=1).mean()
        return np.mean((activations[-1] - targets) ** 2) + sparse

    layers, gradients = module._views(theta, sizes), module._views(gradient, sizes)
    error = module._loss_gradient(layers, inputs, targets, gradients, activity_l1)
    h = 1e-6
    steps = h * np.eye(len(theta))
    numeric = np.array([(loss(theta + step) - loss(theta - step)) / (2 * h) for step in steps])
    assert np.linalg.norm(numeric - gradient) <= 1e-7 * max(1, np.linalg.norm(numeric))
    if activity_l1 == 0:
        assert error == pytest.approx(loss(theta))


# --- what it learns -----------------------------------------------------------------------------


def test_the_loss_falls_and_strange_rows_stand_out():
    detector = quick(epochs=60, encoding_dim=64).fit(X)
    assert len(detector.loss_curve_) == 60
    assert detector.loss_curve_[-1] < 0.1 * detector.loss_curve_[0]
    strange = rows(200, seed=1)
    strange[:, 0] *= -1  # off the plane
    usual = detector.predict(rows(200, seed=2))
    assert (usual == 1).mean() > 0.85 and (detector.predict(strange) == -1).mean() > 0.85


def test_the_sparsity_term_lowers_the_activity():
    activity = [
        module._forward(quick(activity_l1=price, epochs=20).fit(X)._layers(), X)[1].mean()
        for price in (0, 0.1)
    ]
    assert activity[1] < 0.5 * activity[0]


def test_the_rate_falls_to_zero_with_decay():
    rates = []

    class Noted(module.Adam):
        def _update(self, theta, grad, rate):
            rates.append(rate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Adam", Noted)
        quick(epochs=2, validation_fraction=0).fit(X)
        quick(epochs=2, decay=False, validation_fraction=0).fit(X)
    n_steps = 2 * 10  # of 300 rows
    assert rates[0] == 3e-3 and 0 < rates[n_steps - 1] < 1e-4
    assert rates[n_steps:] == [3e-3] * n_steps


def test_the_weights_start_as_those_of_keras():
    sizes = [30, 200, 30]
    for weights, biases in module._views(
        module._glorot_uniform(sizes, np.random.RandomState(0)), sizes
    ):
        limit = np.sqrt(6 / 230)
        assert 0.99 * limit < np.abs(weights).max() <= limit and not biases.any()
        assert weights.std() == pytest.approx(limit / np.sqrt(3), rel=0.03)


def test_each_epoch_has_an_order_of_its_own(monkeypatch):
    orders = []
    monkeypatch.setattr(module, "_noisy", lambda X, noise, rng: orders.append(X) or X)
    quick(epochs=3, validation_fraction=0).fit(X)
    assert all(np.allclose(np.sort(order, axis=0), np.sort(X, axis=0)) for order in orders)
    assert len({order.tobytes() for order in [X.astype(np.float32), *orders]}) == 4


def test_the_noise_is_on_the_inputs_alone(monkeypatch):
    noisy = module._noisy(np.zeros((4000, 5), np.float32), 0.2, np.random.RandomState(0))
    assert noisy.dtype == np.float32 and noisy.std() == pytest.approx(0.2, rel=0.02)
    seen = []
    real = module._loss_gradient
    monkeypatch.setattr(
        module, "_loss_gradient", lambda *args: seen.append(args[1] - args[2]) or real(*args)
    )
    quick(epochs=1, noise=0.3).fit(X)
    assert np.concatenate(seen).std() == pytest.approx(0.3, rel=0.1)
    seen.clear()
    quick(epochs=1, noise=0).fit(X)
    assert not np.concatenate(seen).any()


def test_whitened_errors_of_the_training_rows_have_unit_moments():
    errors = np.random.default_rng(0).normal(size=(2000, 3)) @ [[1, 2, 0], [0, 1, 3], [1, 0, 1]]
    white = errors @ module._whitener(errors)
    assert np.allclose(white.T @ white / len(white), np.eye(3), atol=0.02)
    assert np.isfinite(module._whitener(np.zeros((3, 2)))).all()


def test_the_whitened_score_is_a_mahalanobis_length():
    detector = quick(fences=False).fit(X)
    errors = (detector.reconstruct(X) - X).astype(np.float64)
    moments = errors.T @ errors / len(errors)
    moments += module.RIDGE * np.trace(moments) / 4 * np.eye(4)
    new = rows(50, seed=3)
    r = detector.reconstruct(new) - new
    expected = np.einsum("ij,jk,ik->i", r, np.linalg.inv(moments), r) / 4
    assert np.allclose(detector.score(new), expected, rtol=1e-4)


def test_fences_add_what_is_beyond_them_by_the_ridge():
    """No training row is beyond them: of those directions the whitening knows the ridge alone."""
    (low, high), new = FITTED.fences_, rows(50, seed=3)
    new[:25] *= 3
    excess = np.maximum(low - new, 0) + np.maximum(new - high, 0)
    assert np.any(new < low) and np.any(new > high)
    errors = FITTED.reconstruct(X) - X
    ridge = module.RIDGE * np.mean(errors**2) / 2  # of eight columns, four of which are 0
    moments = errors.T @ errors / len(errors) + ridge * np.eye(4)
    r = FITTED.reconstruct(new) - new
    whitened = np.einsum("ij,jk,ik->i", r, np.linalg.inv(moments), r)
    expected = (whitened + np.sum(excess**2, axis=1) / ridge) / 4
    assert np.allclose(FITTED.score(new), expected, rtol=1e-3)
    assert not excess[25:].any()


@given(st.integers(0, 1000), st.integers(1, 60))
def test_no_row_that_was_learnt_from_is_beyond_a_fence(seed, n):
    data = np.random.default_rng(seed).standard_t(2, size=(n, 3))
    low, high = module._fences(data)
    assert np.all(low <= data.min(axis=0)) and np.all(data.max(axis=0) <= high)


def test_a_fence_stands_at_the_value_that_most_rows_have():
    counts = np.array([[0.0]] * 95 + [[1.0], [2.0], [3.0], [5.0], [40.0]])
    assert module._fences(counts).tolist() == [[0], [80]]
    assert module._fences([[1.0], [2.0], [4.0], [6.0], [9.0]]).tolist() == [[0], [12]]
    assert module._fences(np.zeros((3, 1))).tolist() == [[0], [0]]


def test_a_value_that_no_row_had_stands_out_beside_a_heavy_tail():
    """A count is 0 but for a few large ones: -0.5 is next to 0, and impossible."""
    rare = np.random.default_rng(0).random((400, 1)) < 0.02
    data = np.hstack([rows(400), np.where(rare, 7.0, 0.0)])
    new = np.hstack([rows(100, seed=1), np.full((100, 1), -0.5)])
    without, found = (
        (quick(epochs=30, fences=fences).fit(data).predict(new) == -1).mean()
        for fences in (False, True)
    )
    assert without < 0.1 and found > 0.9


def test_without_whitening_the_score_is_the_mean_square():
    detector = quick(whiten=False, fences=False).fit(X)
    assert detector.whitener_ is None and detector.fences_ is None
    assert np.allclose(detector.score(X), np.mean((detector.reconstruct(X) - X) ** 2, axis=1))


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_the_threshold_leaves_its_share_of_the_rows_that_were_set_aside(rate):
    detector = quick(false_positive_rate=rate).fit(X)
    rng = np.random.RandomState(0)
    X_train, X_validation = detector._split(X, rng)
    assert len(X_train) == 240 and len(X_validation) == 60
    assert sorted(map(tuple, [*X_train, *X_validation])) == sorted(map(tuple, X))
    before = copy.deepcopy(detector)
    before._learn(X_train, rng)
    assert (before.score(X_validation) > detector.threshold_).sum() == 60 * rate
    before._learn(X, rng)  # and then anew, from all rows
    assert same(before, detector) and np.array_equal(before.fences_, detector.fences_)
    of_all = quick(false_positive_rate=rate, validation_fraction=0).fit(X)
    assert (of_all.predict(X) == -1).sum() == 300 * rate


# --- adaptation ---------------------------------------------------------------------------------


def test_adaptation_lowers_the_error_of_the_new_place():
    detector = quick(epochs=30).fit(X)
    place = rows(200, seed=5) + [0.5, -0.5, 0, 0.5]
    before = detector.score(place).mean()
    adapted = copy.deepcopy(detector).adapt(place[:20], steps=50, learning_rate=1e-3)
    assert adapted.score(place[20:]).mean() < 0.8 * before
    assert adapted.offset_ == detector.offset_ and same(detector, quick(epochs=30).fit(X))


def test_adaptation_moves_the_fences_out_to_its_rows():
    detector, support = copy.deepcopy(FITTED), np.outer([60, -60], [1, 0, 0, 0])
    detector.adapt(support)
    low, high = detector.fences_
    assert np.all(low <= support.min(axis=0) + 1e-5) and np.all(support.max(axis=0) <= high + 1e-5)
    assert np.array_equal(detector.fences_[:, 1:], FITTED.fences_[:, 1:])
    assert not np.array_equal(detector.fences_, FITTED.fences_)


def test_adapt_returns_the_detector_itself():
    detector = copy.deepcopy(FITTED)
    assert detector.adapt(X[:1]) is detector and not same(detector, FITTED)


def test_steps_that_diverge_change_nothing():
    detector = copy.deepcopy(FITTED)
    with pytest.raises(ValueError, match="learning_rate: expected steps that converge, got 1e"):
        detector.adapt(X, steps=40, learning_rate=1e30)
    assert same(detector, FITTED)


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("detector", [quick(), source_recipe(random_state=np.int64(1))])
def test_a_file_gives_the_same_detector(detector, tmp_path):
    detector.set_params(epochs=2).fit(X.astype(np.float32))
    detector.save(tmp_path / "detector.npz")
    again = SparseMetaAE.load(str(tmp_path / "detector.npz"))
    assert again.get_params() == detector.get_params()
    assert same(again, detector) and again.n_features_in_ == 4
    assert again.loss_curve_ == detector.loss_curve_ and again.offset_ == detector.offset_
    assert np.array_equal(again.score(X), detector.score(X))
    assert [path.name for path in tmp_path.iterdir()] == ["detector.npz"]
    again.adapt(X[:5])


def test_a_file_keeps_the_names_of_the_columns(tmp_path):
    detector = copy.deepcopy(FITTED)
    detector.feature_names_in_ = np.array(["a", "b", "c", "d"], dtype=object)
    detector.save(tmp_path / "a.npz")
    again = SparseMetaAE.load(tmp_path / "a.npz")
    assert again.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert again.feature_names_in_.dtype == object


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "a.npz"
    FITTED.save(path)
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], whole[:-30], whole[:300] + b"?" + whole[301:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"path: expected a file of SparseMetaAE\.save, got"):
            SparseMetaAE.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"coef_0": np.zeros((4, 3))},
        {"coef_2": np.zeros((8, 4)), "intercept_2": np.zeros(5)},
        {"whitener": np.zeros((3, 3))},
        {"fences": np.zeros((2, 3))},
        {"parameters": np.array("{")},
        {"parameters": np.array(json.dumps({"epochs": 0}))},
        {"parameters": np.array(json.dumps({"width": 3}))},
        {"coef_0": np.array([[object()]])},
    ],
)
def test_a_file_whose_parts_do_not_fit_is_named(change, tmp_path):
    FITTED.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "a.npz", **(arrays | change))
    with pytest.raises(ValueError, match=r"path: expected a file of SparseMetaAE\.save, got"):
        SparseMetaAE.load(tmp_path / "a.npz")


# --- wrong calls --------------------------------------------------------------------------------


def fit(settings, data=X):
    return quick(**settings).fit(data)


def adapt(data, **options):
    return copy.deepcopy(FITTED).adapt(data, **options)


def save(path, **settings):
    copy.deepcopy(FITTED).set_params(**settings).save(path)


POSITIVE = "expected an integer of at least 1, got 0"

BAD_CALLS = [
    (fit, ({"encoding_dim": 0},), {}, ValueError, f"encoding_dim: {POSITIVE}"),
    (fit, ({"encoding_dim": 2.0},), {}, TypeError, "encoding_dim: expected an integer"),
    (fit, ({"epochs": 0},), {}, ValueError, f"epochs: {POSITIVE}"),
    (fit, ({"batch_size": 0},), {}, ValueError, f"batch_size: {POSITIVE}"),
    (fit, ({"noise": -1},), {}, ValueError, "noise: expected a finite number of at least 0"),
    (fit, ({"noise": "0"},), {}, TypeError, "noise: expected a finite number"),
    (fit, ({"activity_l1": -1},), {}, ValueError, "activity_l1: expected a finite number of"),
    (fit, ({"learning_rate": 0},), {}, ValueError, "learning_rate: expected a finite number ab"),
    (fit, ({"learning_rate": 1e30},), {}, ValueError, "X: expected standardised columns, got a"),
    (fit, ({"whiten": "no"},), {}, TypeError, "whiten: expected True or False, got 'no'"),
    (fit, ({"fences": None},), {}, TypeError, "fences: expected True or False, got None"),
    (fit, ({"decay": 1},), {}, TypeError, "decay: expected True or False, got 1"),
    (fit, ({"validation_fraction": 1},), {}, ValueError, "validation_fraction: expected a number"),
    (fit, ({"validation_fraction": -0.1},), {}, ValueError, "validation_fraction: expected a nu"),
    (fit, ({"false_positive_rate": 0},), {}, ValueError, "false_positive_rate: expected a number"),
    (fit, ({"false_positive_rate": 1.0},), {}, ValueError, "false_positive_rate: expected a num"),
    (fit, ({"random_state": "a"},), {}, ValueError, "'a' cannot be used to seed"),
    (fit, ({}, X[:1]), {}, ValueError, "X: expected rows to learn from and rows for the thres"),
    (fit, ({}, X[0]), {}, ValueError, "Expected 2D array"),
    (fit, ({}, X[:0]), {}, ValueError, "0 sample"),
    (fit, ({}, np.full((5, 2), np.nan)), {}, ValueError, "Input X contains NaN"),
    (fit, ({}, [["a", "b"]] * 9), {}, ValueError, "could not convert string to float"),
    (
        FITTED.score,
        (X[:, :3],),
        {},
        ValueError,
        "X has 3 features, but SparseMetaAE is expecting 4",
    ),
    (FITTED.predict, (X[:, :3],), {}, ValueError, "X has 3 features, but SparseMetaAE is expec"),
    (FITTED.reconstruct, (X[:, :3],), {}, ValueError, "X has 3 features, but SparseMetaAE is"),
    (quick().score, (X,), {}, NotFittedError, "not fitted yet"),
    (quick().reconstruct, (X,), {}, NotFittedError, "not fitted yet"),
    (quick().adapt, (X,), {}, NotFittedError, "not fitted yet"),
    (quick().save, ("a.npz",), {}, NotFittedError, "not fitted yet"),
    (adapt, (X[:, :3],), {}, ValueError, "X_support: expected 4 columns as in fit, got 3"),
    (adapt, (X[0],), {}, ValueError, "X_support: expected a 2-D array of numbers, got shape (4,)"),
    (adapt, (X[:0],), {}, ValueError, "X_support: expected at least one value"),
    (adapt, ([[np.nan] * 4],), {}, ValueError, "X_support: expected finite numbers, got nan"),
    (adapt, ([["a"] * 4],), {}, TypeError, "X_support: expected a 2-D array of numbers"),
    (adapt, (X,), {"steps": 0}, ValueError, f"steps: {POSITIVE}"),
    (adapt, (X,), {"steps": 1.5}, TypeError, "steps: expected an integer of at least 1"),
    (adapt, (X,), {"learning_rate": -1}, ValueError, "learning_rate: expected a finite number ab"),
    (save, (3,), {}, TypeError, "path: expected a path, got 3"),
    (save, ("a.keras",), {}, ValueError, "path: expected a name that ends in .npz, got a.keras"),
    (
        *(save, ("a.npz",), {"random_state": np.random.RandomState(0)}),
        *(ValueError, "random_state: expected an integer or None, to be written to a file, got"),
    ),
    (SparseMetaAE.load, (3,), {}, TypeError, "path: expected a path, got 3"),
    (SparseMetaAE.load, ("a.txt",), {}, ValueError, "path: expected a name that ends in .npz"),
    (SparseMetaAE.load, ("no.npz",), {}, ValueError, "got no.npz (no such file)"),
    (source_recipe, (0,), {}, TypeError, "takes 0 positional arguments"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_is_in_the_table_of_bad_calls():
    covered = {getattr(function, "__name__", "") for function, *_ in BAD_CALLS}
    methods = {"fit", "adapt", "reconstruct", "score", "predict", "save", "load"}
    assert methods <= covered and set(module.__all__) - {"SparseMetaAE"} <= covered
