"""The baselines: each is the known method, in one convention, and fast enough to compare with."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, mahalanobis
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope, LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from course_lib import detectors
from course_lib.detectors import (
    Detector,
    MahalanobisDistance,
    MeanSquare,
    NeighborDistance,
    PCAReconstruction,
    baselines,
)
from course_lib.injection import inject_scaling, inject_stuck, inject_swap
from course_lib.metrics import roc_auc

NAMES = list(baselines(seed=0))
OWN = [MeanSquare, PCAReconstruction, MahalanobisDistance, NeighborDistance]
SEEDS = st.integers(0, 999)


def rows(seed=0, n=300, d=5):
    """Return normal rows: two hidden causes, seen by d sensors in units of their own."""
    rng = np.random.default_rng(seed)
    causes, mixing = rng.normal(size=(n, 2)), np.random.default_rng(d).normal(size=(2, d))
    noisy = causes @ mixing + rng.normal(0, 0.2, (n, d))
    return 100 + 10.0 ** np.arange(d) * noisy


# All of them


def test_the_names_are_those_of_the_book():
    assert NAMES == [
        *("no network", "PCA reconstruction", "Mahalanobis", "elliptic envelope"),
        *("Gaussian mixture", "k nearest neighbours", "local outlier factor", "one-class SVM"),
        "isolation forest",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_higher_score_is_more_anomalous(name):
    X, y = inject_scaling(rows(1) - 100, rng=np.random.default_rng(0), n_columns=5)
    detector = baselines(seed=0)[name].fit(rows() - 100)
    scores = detector.score(X)
    assert scores.shape == (300,) and np.isfinite(scores).all()
    assert roc_auc(y, scores) > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_units_do_not_matter(name):
    units, offset = 10.0 ** np.arange(-2, 3), np.arange(5)
    one, other = (baselines(seed=0)[name] for _ in range(2))
    scores = one.fit(rows()).score(rows(1))
    changed = other.fit(rows() * units + offset).score(rows(1) * units + offset)
    np.testing.assert_allclose(changed, scores, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_all_and_a_score_changes_nothing(name):
    X = rows(n=600)
    one, other = (baselines(seed=3)[name].fit(X) for _ in range(2))
    np.testing.assert_array_equal(one.score(rows(1)), other.score(rows(1)))
    np.testing.assert_array_equal(one.score(rows(1)), one.score(rows(1)))
    part = one.score(rows(1)[:7])  # each row is scored on its own
    np.testing.assert_allclose(part, one.score(rows(1))[:7], rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_awkward_tables_are_scored_without_a_warning(name):
    X = np.hstack([rows(n=60), np.full((60, 1), 7.0), rows(n=60)[:, :1]])  # constant; repeated
    for table in (X, np.repeat(X[:10], 6, axis=0), X[:10], X.astype(np.float32)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scores = baselines(seed=0)[name].fit(table).score(X)
        assert np.isfinite(scores).all() and np.ptp(scores) > 0


def test_two_sets_of_baselines_share_nothing():
    one, other = baselines(seed=0), baselines(seed=0)
    one["Mahalanobis"].fit(rows())
    with pytest.raises(NotFittedError):
        other["Mahalanobis"].score(rows())


def test_what_looks_at_columns_one_by_one_does_not_see_a_swap():
    """Swapped and stuck values are usual ones: only their combination is not."""
    rng = np.random.default_rng(0)
    found = baselines(seed=0)
    for inject in (inject_swap, inject_stuck):
        X, y = inject(rows(1, n=1000), rng=rng)
        auc = {name: roc_auc(y, found[name].fit(rows()).score(X)) for name in NAMES[:3]}
        assert auc["no network"] < 0.6 < 0.7 < auc["Mahalanobis"]


# The wrapper


def test_scikit_learns_methods_are_scikit_learns():
    X, new = rows(n=400), rows(1)
    scaled, new_scaled = ((a - X.mean(axis=0)) / X.std(axis=0) for a in (X, new))
    theirs = {
        "elliptic envelope": EllipticEnvelope(support_fraction=0.9, random_state=5),
        "Gaussian mixture": GaussianMixture(5, reg_covar=1e-3, random_state=5),
        "local outlier factor": LocalOutlierFactor(novelty=True),
        "one-class SVM": OneClassSVM(nu=0.05),
        "isolation forest": IsolationForest(random_state=5),
    }
    for name, estimator in theirs.items():
        expected = -estimator.fit(scaled).score_samples(new_scaled)
        scores = baselines(seed=5)[name].fit(X).score(new)
        np.testing.assert_allclose(scores, expected, rtol=1e-6, err_msg=name)


def test_a_method_may_be_fitted_on_some_rows_but_all_of_them_set_the_scale():
    X = rows(n=100)
    detector = Detector(NeighborDistance(1), max_rows=30, seed=1).fit(X)
    zeros = np.isclose(detector.score(X), 0)
    assert zeros.sum() == 30 and len(np.flatnonzero(zeros[:30])) < 30
    np.testing.assert_allclose(detector.scaler_.mean_, X.mean(axis=0))
    other = Detector(NeighborDistance(1), max_rows=30, seed=2).fit(X)
    assert (np.isclose(other.score(X), 0) != zeros).any()
    assert np.isclose(Detector(NeighborDistance(1), max_rows=100).fit(X).score(X), 0).all()


def test_slow_methods_are_limited():
    limits = {name: detector.max_rows for name, detector in baselines(seed=0).items()}
    assert limits.pop("elliptic envelope") == 500
    unlimited = {"no network", "PCA reconstruction", "Mahalanobis", "isolation forest"}
    assert {name for name, limit in limits.items() if limit is None} == unlimited
    assert {limits[name] for name in limits if name not in unlimited} == {10_000}


@pytest.mark.parametrize("estimator", [Detector(MeanSquare(), seed=3), *(kind() for kind in OWN)])
def test_parameters_are_kept_as_scikit_learn_wants(estimator):
    copy = clone(estimator)
    assert repr(copy) == repr(estimator)
    X = rows()
    assert copy.fit(X, None) is copy  # a pipeline passes y
    assert X.tobytes() == rows().tobytes()


# The methods that are written out


@given(SEEDS)
def test_no_network_is_the_mean_of_squares(seed):
    X, new = rows(seed), rows(seed + 1)
    scaled = (new - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(Detector(MeanSquare()).fit(X).score(new), (scaled**2).mean(axis=1))


@settings(max_examples=10)
@given(SEEDS, st.integers(1, 5))
def test_pca_error_is_what_the_left_out_directions_hold(seed, width):
    X, new = rows(seed) / 1e4, rows(seed + 1) / 1e4
    _, _, directions = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    left = (new - X.mean(axis=0)) @ directions[width:].T
    scores = PCAReconstruction(width).fit(X).score_samples(new)
    np.testing.assert_allclose(-scores, np.sum(left**2, axis=1) / 5, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("n", "d", "width"), [(50, 5, 2), (50, 21, 3), (50, 30, 5), (3, 30, 3)])
def test_pca_has_the_bottleneck_of_the_sources(n, d, width):
    model = PCAReconstruction().fit(np.random.default_rng(0).normal(size=(n, d)))
    assert model.pca_.n_components_ == width


@settings(max_examples=10)
@given(SEEDS)
def test_mahalanobis_is_that_of_scipy(seed):
    X, new = rows(seed) / 1e4, rows(seed + 1, n=10) / 1e4
    estimate = LedoitWolf().fit(X)
    inverse = np.linalg.inv(estimate.covariance_)
    expected = [mahalanobis(row, X.mean(axis=0), inverse) ** 2 for row in new]
    scores = MahalanobisDistance().fit(X).score_samples(new)
    np.testing.assert_allclose(-scores, expected, rtol=1e-6)


@given(SEEDS, st.integers(1, 12))
def test_neighbor_distance_is_the_kth_smallest(seed, k):
    X, new = np.random.default_rng(seed).normal(size=(2, 10, 3))
    expected = np.sort(cdist(new, X), axis=1)[:, min(k, 10) - 1]
    np.testing.assert_allclose(-NeighborDistance(k).fit(X).score_samples(new), expected)


# Arguments

X = rows()


def fit_detector(X, **options):
    return Detector(MeanSquare(), **options).fit(X)


def bad_rows(function):
    yield from [
        (function, ([1, 2],), {}, ValueError, "X: expected a 2-D array"),
        (function, ([[1, np.nan]],), {}, ValueError, "X: expected finite numbers, got nan"),
        (function, ([["a"]],), {}, TypeError, "X: expected a 2-D array of numbers"),
        (function, (np.zeros((0, 3)),), {}, ValueError, "X: expected at least one value"),
    ]


def bad_estimator(kind):
    yield from bad_rows(kind().fit)
    yield from bad_rows(kind().fit(X).score_samples)
    columns = ([[1, 2]],), {}, ValueError, r"X: expected 5 columns as in the fit, got shape \(1, 2"
    yield kind().fit(X).score_samples, *columns
    yield kind().score_samples, (X,), {}, NotFittedError, f"This {kind.__name__} instance is not"


BAD_CALLS = [
    *bad_rows(fit_detector),
    *bad_rows(fit_detector(X).score),
    (fit_detector, ([[1, 2]],), {}, ValueError, "X: expected at least 2 rows, got 1"),
    (fit_detector, (X,), {"max_rows": 0}, ValueError, "max_rows: expected an integer of at least"),
    (fit_detector, (X,), {"max_rows": 9.5}, TypeError, "max_rows: expected an integer of at leas"),
    (fit_detector, (X,), {"seed": -1}, ValueError, "seed: expected an integer of at least 0"),
    (fit_detector(X).score, ([[1, 2]],), {}, ValueError, "X: expected 5 columns as in the fit"),
    (Detector(MeanSquare()).score, (X,), {}, NotFittedError, "This Detector instance is not fitt"),
    *(row for kind in OWN for row in bad_estimator(kind)),
    (PCAReconstruction(0).fit, (X,), {}, ValueError, "n_components: expected an integer of at le"),
    (PCAReconstruction(0.9).fit, (X,), {}, TypeError, "n_components: expected an integer of at l"),
    (NeighborDistance(0).fit, (X,), {}, ValueError, "n_neighbors: expected an integer of at leas"),
    (NeighborDistance("5").fit, (X,), {}, TypeError, "n_neighbors: expected an integer of at lea"),
    (baselines, (), {"seed": -1}, ValueError, "seed: expected an integer of at least 0, got -1"),
    (baselines, (), {"seed": 0.5}, TypeError, "seed: expected an integer of at least 0, got 0.5"),
    (baselines, (), {"seed": None}, TypeError, "seed: expected an integer of at least 0"),
    (baselines, (), {"seed": True}, TypeError, "seed: expected an integer of at least 0"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "exception", "words"), BAD_CALLS)
def test_bad_arguments_are_refused_with_a_clear_message(function, args, kwargs, exception, words):
    with pytest.raises(exception, match=f"^{words}"):
        function(*args, **kwargs)


def test_every_public_name_is_in_the_table():
    functions = [row[0] for row in BAD_CALLS]
    owners = {type(getattr(function, "__self__", None)).__name__ for function in functions}
    names = {function.__name__ for function in functions}
    assert set(detectors.__all__) <= owners | names
