"""The evaluation of detectors against scikit-learn, resample by resample; its intervals."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from course_lib import anomaly
from course_lib.anomaly import (
    Estimate,
    Evaluation,
    evaluate,
    f1_macro_ceiling,
    reconstruction_errors,
)

SEEDS = st.integers(0, 999)
TIGHT = {"rtol": 1e-9, "atol": 1e-12}


def rng(seed=0):
    return np.random.default_rng(seed)


def labelled(seed, n=50, *, ties=False, gap=1.0):
    draw = rng(seed)
    y_true = draw.permutation(np.arange(n) < draw.integers(1, n)).astype(int)
    scores = draw.normal(size=n) + gap * y_true
    return y_true, np.round(scores) if ties else scores


def by_sklearn(y_true, scores, threshold, weights=None):
    """Return the measures in the order of Evaluation; `weights` counts each row."""
    y_pred, weighted = scores > threshold, {"sample_weight": weights}
    return [
        metrics.f1_score(y_true, y_pred, average="macro", **weighted),
        metrics.recall_score(y_true, y_pred, average="macro", **weighted),
        metrics.f1_score(y_true, y_pred, **weighted),
        metrics.recall_score(y_true, y_pred, **weighted),
        metrics.precision_score(y_true, y_pred, zero_division=0, **weighted),
        metrics.roc_auc_score(y_true, scores, **weighted),
        metrics.average_precision_score(y_true, scores, **weighted),
    ]


# Reconstruction


@given(SEEDS, st.integers(1, 20), st.integers(1, 5))
def test_reconstruction_error_is_the_mean_square_of_each_row(seed, n, d):
    X, X_hat = rng(seed).normal(size=(2, n, d))
    expected = [metrics.mean_squared_error(a, b) for a, b in zip(X, X_hat, strict=True)]
    np.testing.assert_allclose(reconstruction_errors(X, X_hat), expected, **TIGHT)
    assert not reconstruction_errors(X, X).any()


# Evaluation


@given(SEEDS, st.integers(2, 60), st.booleans(), st.sampled_from([-9, 0, 0.5, 9]))
def test_values_are_those_of_sklearn(seed, n, ties, threshold):
    y_true, scores = labelled(seed, n, ties=ties)
    result = evaluate(y_true, scores, threshold, rng=rng(), n_bootstrap=2)
    values = [estimate.value for estimate in result]
    np.testing.assert_allclose(values, by_sklearn(y_true, scores, threshold), **TIGHT)


def test_each_resample_is_measured_as_sklearn_does(monkeypatch):
    """Draw with the same generator as the library, and let scikit-learn weigh the rows."""
    y_true, scores = labelled(3, 40, ties=True)
    drawn = []
    original = anomaly._measures
    monkeypatch.setattr(anomaly, "_measures", lambda *args: drawn.append(args) or original(*args))
    result = evaluate(y_true, scores, 0, rng=rng(), n_bootstrap=30)
    positive, negative, _ = drawn[1]  # the first are the rows themselves
    places, of_row = np.unique(-scores, return_inverse=True)
    assert positive.shape == negative.shape == (30, len(places))
    y_place = np.repeat([1, 0], len(places))
    expected = [
        by_sklearn(y_place, np.tile(-places, 2), 0, np.concatenate(counts))
        for counts in zip(positive, negative, strict=True)
    ]
    lows, highs = np.quantile(expected, [0.025, 0.975], axis=0)
    np.testing.assert_allclose([e.low for e in result], lows, **TIGHT)
    np.testing.assert_allclose([e.high for e in result], highs, **TIGHT)
    # Only rows that are there are drawn, and as many of each class as there are.
    assert not positive[:, np.bincount(of_row[y_true == 1], minlength=len(places)) == 0].any()
    assert (positive.sum(axis=1) == y_true.sum()).all()
    assert (negative.sum(axis=1) == (y_true == 0).sum()).all()
    assert len(np.unique(positive, axis=0)) > 10


def test_interval_of_the_recall_is_that_of_a_binomial():
    """With 100 anomalies of which 80 are found, recall is a mean of 100 draws of 0 and 1."""
    y_true = np.repeat([0, 1], [400, 100])
    scores = np.concatenate([np.zeros(400), np.ones(80), np.zeros(20)])
    recall = evaluate(y_true, scores, 0.5, rng=rng(), n_bootstrap=4000, level=0.9).recall
    half = 1.645 * np.sqrt(0.8 * 0.2 / 100)
    assert recall.value == 0.8
    assert recall.high - recall.low == pytest.approx(2 * half, rel=0.1)


def test_interval_holds_the_true_auc_about_as_often_as_it_says():
    truth = 0.7602499389  # of two normal distributions whose means are 1 apart
    inside = 0
    for seed in range(200):
        draw = rng(seed)
        y_true = np.repeat([0, 1], [150, 50])
        scores = draw.normal(size=200) + y_true
        low, high = evaluate(y_true, scores, 0, rng=draw, n_bootstrap=200, level=0.9).roc_auc[1:]
        inside += low <= truth <= high
    assert 165 <= inside <= 192  # of 200; 180 expected


@given(SEEDS, st.booleans())
def test_intervals_are_in_order_and_grow_with_the_level(seed, ties):
    y_true, scores = labelled(seed, ties=ties)
    results = [
        evaluate(y_true, scores, 0.5, rng=rng(), n_bootstrap=50, level=level)
        for level in (0, 0.5, 0.95, 1)
    ]
    for narrow, wide in itertools.pairwise(results):
        for a, b in zip(narrow, wide, strict=True):
            assert 0 <= b.low <= a.low <= a.high <= b.high <= 1 and a.value == b.value


@given(SEEDS)
def test_a_monotone_change_of_scores_and_threshold_changes_nothing(seed):
    y_true, scores = labelled(seed, ties=True)
    options = {"n_bootstrap": 20}
    one = evaluate(y_true, scores, 0.5, rng=rng(), **options)
    assert one == evaluate(y_true, np.exp(scores), np.exp(0.5), rng=rng(), **options)


def test_blocks_change_next_to_nothing(monkeypatch):
    assert anomaly._blocks(5, 2**20) == [1] * 5 and anomaly._blocks(5, 2**19) == [2, 2, 1]
    assert anomaly._blocks(5, 2**22) == [1] * 5 and anomaly._blocks(4, 2**19) == [2, 2]
    y_true, scores = labelled(0, 200)
    whole = evaluate(y_true, scores, 0.5, rng=rng())
    monkeypatch.setattr(anomaly, "BLOCK", 1000)  # 5 resamples at once; drawn in another order
    parts = evaluate(y_true, scores, 0.5, rng=rng())
    np.testing.assert_allclose(np.array(parts), np.array(whole), atol=0.02)


def test_an_estimate_is_printed_with_its_interval():
    assert (
        str(Estimate(0.5, 0.25, 0.75)) == f"{Estimate(0.5, 0.25, 0.75)}" == "0.500 [0.250, 0.750]"
    )


# What a threshold allows


@given(st.integers(1, 50), st.integers(1, 200), st.data())
def test_ceiling_is_reached_when_every_anomaly_is_found(n_anomalies, n_normal, data):
    alarms = data.draw(st.integers(0, n_normal))
    y_true = np.repeat([1, 0], [n_anomalies, n_normal])
    y_pred = np.arange(len(y_true)) < n_anomalies + alarms
    expected = metrics.f1_score(y_true, y_pred, average="macro")
    rates = n_anomalies / len(y_true), alarms / n_normal
    assert f1_macro_ceiling(*rates) == pytest.approx(expected, rel=1e-12)


@given(SEEDS, st.sampled_from([-1, 0, 1]))
def test_no_detector_with_so_many_false_alarms_is_above_the_ceiling(seed, threshold):
    y_true, scores = labelled(seed, gap=2)
    alarms = np.mean(scores[y_true == 0] > threshold)
    measured = metrics.f1_score(y_true, scores > threshold, average="macro")
    assert measured <= f1_macro_ceiling(y_true.mean(), alarms) + 1e-12


def test_the_sources_figure_is_above_the_ceiling_of_their_threshold():
    """15 % anomalies and 5 % false alarms allow 0.925: 0.9742 needs fewer false alarms."""
    assert f1_macro_ceiling(0.15, 0.05) < 0.926 < 0.9742 < f1_macro_ceiling(0.15, 0.016)


# Arguments

GOOD = {"rng": rng()}
PAIR = ([0, 1], [1, 2], 0.5)
BAD_CALLS = [
    (reconstruction_errors, ([1, 2], [[1, 2]]), {}, ValueError, "X: expected a 2-D array"),
    (reconstruction_errors, ([[1, 2]], [1, 2]), {}, ValueError, "X_hat: expected a 2-D array"),
    (
        *(reconstruction_errors, ([[1, 2]], [[1], [2]]), {}),
        *(ValueError, r"X_hat: expected shape \(1, 2\) like X, got shape \(2, 1\)"),
    ),
    (reconstruction_errors, ([[1]], [["a"]]), {}, TypeError, "X_hat: expected a 2-D array of numb"),
    (reconstruction_errors, ([[1]], [[np.nan]]), {}, ValueError, "X_hat: expected finite numbers"),
    (reconstruction_errors, (np.zeros((0, 2)),) * 2, {}, ValueError, "X: expected at least one"),
    (evaluate, ([0, 1], [1], 0), GOOD, ValueError, "scores: expected 2 values like y_true, got 1"),
    (evaluate, ([0, 0], [1, 2], 0), GOOD, ValueError, "y_true: expected labels 0 and 1, both"),
    (evaluate, ([-1, 1], [1, 2], 0), GOOD, ValueError, "y_true: expected labels 0 and 1, both"),
    (evaluate, (["a", "b"], [1, 2], 0), GOOD, TypeError, "y_true: expected labels 0 and 1, got"),
    (evaluate, ([0, 1], [1, np.nan], 0), GOOD, ValueError, "scores: expected finite numbers"),
    (evaluate, ([0, 1], [1, 2], np.inf), GOOD, ValueError, "threshold: expected a finite number"),
    (evaluate, ([0, 1], [1, 2], "a"), GOOD, TypeError, "threshold: expected a finite number"),
    (evaluate, PAIR, {"rng": 0}, TypeError, "rng: expected a generator"),
    (evaluate, PAIR, GOOD | {"n_bootstrap": 0}, ValueError, "n_bootstrap: expected an integer of"),
    (evaluate, PAIR, GOOD | {"n_bootstrap": 9.5}, TypeError, "n_bootstrap: expected an integer of"),
    (evaluate, PAIR, GOOD | {"level": 95}, ValueError, "level: expected a number between 0 and 1"),
    (evaluate, PAIR, GOOD | {"level": "a"}, TypeError, "level: expected a number between 0 and 1"),
    (
        f1_macro_ceiling,
        (0, 0.05),
        {},
        ValueError,
        "anomaly_rate: expected a rate above 0 and below",
    ),
    (
        f1_macro_ceiling,
        (1, 0.05),
        {},
        ValueError,
        "anomaly_rate: expected a rate above 0 and below",
    ),
    (f1_macro_ceiling, (1.5, 0.05), {}, ValueError, "anomaly_rate: expected a number between 0"),
    (f1_macro_ceiling, ("a", 0.05), {}, TypeError, "anomaly_rate: expected a number between 0"),
    (f1_macro_ceiling, (0.1, 5), {}, ValueError, "false_positive_rate: expected a number between"),
    (f1_macro_ceiling, (0.1, None), {}, TypeError, "false_positive_rate: expected a number betw"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "exception", "words"), BAD_CALLS)
def test_bad_arguments_are_refused_with_a_clear_message(function, args, kwargs, exception, words):
    with pytest.raises(exception, match=f"^{words}"):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    containers = {Estimate.__name__, Evaluation.__name__}
    assert {row[0].__name__ for row in BAD_CALLS} == set(anomaly.__all__) - containers
