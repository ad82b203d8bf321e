"""Thresholds against NumPy, SciPy and brute force; their guarantees, counted out."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score

from course_lib import thresholds
from course_lib.thresholds import (
    conformal_threshold,
    f1_threshold,
    peaks_over_threshold,
    percentile_threshold,
    youden_threshold,
)

SEEDS = st.integers(0, 999)


def normal_scores(seed, n):
    return np.random.default_rng(seed).gamma(2, 1, n)


def labelled(seed, n=40, ties=False):
    rng = np.random.default_rng(seed)
    y_true = rng.permutation(np.arange(n) < rng.integers(1, n)).astype(int)
    scores = rng.normal(size=n) + 1.5 * y_true
    return y_true, np.round(scores) if ties else scores


# Percentile


@given(SEEDS, st.integers(1, 100), st.floats(0, 100))
def test_percentile_is_that_of_numpy(seed, n, q):
    scores = normal_scores(seed, n)
    assert percentile_threshold(scores, q) == np.percentile(scores, q)


@given(SEEDS, st.integers(1, 300))
def test_at_most_five_percent_of_the_scores_themselves_are_above(seed, n):
    scores = normal_scores(seed, n)
    assert np.sum(scores > percentile_threshold(scores)) <= np.ceil(0.05 * (n - 1))


# Conformal


@given(SEEDS, st.integers(2, 60), st.floats(0.02, 0.9), st.booleans())
def test_of_scores_that_change_places_at_most_alpha_are_above(seed, n, alpha, ties):
    """Each of n + 1 scores is the new one in its turn: that is what exchangeable means."""
    assume(alpha * (n + 1) >= 1)
    scores = normal_scores(seed, n + 1)
    if ties:
        scores = np.round(scores)
    alarms = [scores[i] > conformal_threshold(np.delete(scores, i), alpha) for i in range(n + 1)]
    assert np.mean(alarms) <= alpha
    if not ties:
        assert np.mean(alarms) > alpha - 1 / (n + 1)


def test_conformal_keeps_its_promise_on_average_where_the_percentile_does_not():
    rng = np.random.default_rng(0)
    seen, new = rng.exponential(size=(4000, 20)), rng.exponential(size=4000)
    rates = [
        np.mean([s > rule(scores) for s, scores in zip(new, seen, strict=True)])
        for rule in (conformal_threshold, percentile_threshold)
    ]
    assert rates[0] <= 0.055 < 0.07 < rates[1]


def test_conformal_counts_from_above():
    scores = np.random.default_rng(0).permutation(99) + 1
    assert [conformal_threshold(scores, a) for a in (0.01, 0.05, 0.1, 0.5)] == [99, 95, 90, 50]


# Peaks over threshold


@settings(max_examples=10)
@given(SEEDS, st.sampled_from([-0.2, 0.0, 0.3]), st.sampled_from([0.001, 0.01, 0.05]))
def test_peaks_find_the_quantile_of_a_pareto_tail(seed, shape, risk):
    distribution = stats.genpareto(shape, scale=2)
    scores = distribution.rvs(size=20_000, random_state=seed)
    threshold = peaks_over_threshold(scores, risk=risk)
    assert 0.6 * risk < distribution.sf(threshold) < 1.6 * risk


def test_peaks_reach_beyond_what_was_seen():
    scores = normal_scores(0, 500)
    assert peaks_over_threshold(scores, risk=1e-5) > scores.max()
    assert percentile_threshold(scores, 99.999) < scores.max()


def test_peaks_are_a_fit_of_scipy_to_the_excesses():
    scores = normal_scores(1, 2000)
    start = np.quantile(scores, 0.95)
    excesses = scores[scores > start] - start
    shape, _, scale = stats.genpareto.fit(excesses, floc=0)
    # Siffer et al., equation 1
    expected = start + scale / shape * ((0.002 * 2000 / len(excesses)) ** -shape - 1)
    assert peaks_over_threshold(scores, risk=0.002, level=0.95) == pytest.approx(expected, rel=1e-3)


@settings(max_examples=10)
@given(SEEDS, st.floats(1e-6, 1e6), st.floats(-10, 10))
def test_peaks_have_no_unit(seed, unit, offset):
    scores = normal_scores(seed, 300)
    other = peaks_over_threshold(unit * (scores + offset))
    assert other == pytest.approx(unit * (peaks_over_threshold(scores) + offset), rel=1e-3)


@settings(max_examples=5)
@given(SEEDS)
def test_the_smaller_the_risk_the_higher_the_threshold(seed):
    scores = normal_scores(seed, 400)
    found = [peaks_over_threshold(scores, risk=risk) for risk in (0.05, 0.01, 0.001, 0.0001)]
    assert found == sorted(found) and found[0] >= np.quantile(scores, 0.9)


# With labels

RULES = {
    f1_threshold: f1_score,
    youden_threshold: lambda y_true, y_pred: 2 * balanced_accuracy_score(y_true, y_pred) - 1,
}


@pytest.mark.parametrize("rule", RULES)
@given(SEEDS, st.integers(2, 12), st.booleans())
def test_no_other_threshold_is_better(rule, seed, n, ties):
    y_true, scores = labelled(seed, n, ties)
    measure = RULES[rule]
    best = max(measure(y_true, scores > t) for t in [scores.min() - 1, *scores])
    assert measure(y_true, scores > rule(y_true, scores)) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("change", [np.exp, np.arctan, lambda s: 1e-3 * s - 7, lambda s: s**3])
@given(SEEDS, st.booleans())
def test_only_the_order_of_the_scores_counts(rule, change, seed, ties):
    y_true, scores = labelled(seed, ties=ties)
    new = np.random.default_rng(seed + 1).permutation(np.concatenate([scores, scores + 0.3]))
    decisions = new > rule(y_true, scores)
    assert decisions.tolist() == (change(new) > rule(y_true, change(scores))).tolist()


@pytest.mark.parametrize("rule", RULES)
def test_threshold_is_the_highest_normal_score(rule):
    assert rule([0, 0, 1, 1], [1, 2, 3, 4]) == 2
    assert rule([True, False], [4, 3]) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_may_be_anomalies(dtype):
    scores = np.array([1, 0.1, 0.2, 0.3], dtype)
    threshold = f1_threshold([0, 1, 1, 1], scores)
    assert (scores > threshold).all() and threshold == pytest.approx(0.1)


@pytest.mark.parametrize("rule", RULES)
def test_as_good_means_fewer_alarms(rule):
    for order in itertools.permutations(range(4)):
        y_true, scores = np.array([1, 0, 1, 0])[list(order)], np.array([4, 3, 2, 1])[list(order)]
        best = {f1_threshold: 1, youden_threshold: 3}[rule]  # 4 and 2 are anomalies
        assert rule(y_true, scores) == best


# Arguments

SCORES = list(range(200))


def bad_scores(rule):
    yield from [
        (rule, ([],), {}, ValueError, "scores: expected at least one value"),
        (rule, ([[1, 2]],), {}, ValueError, "scores: expected a 1-D array"),
        (rule, (["a"],), {}, TypeError, "scores: expected a 1-D array of numbers"),
        (rule, ([1, np.inf],), {}, ValueError, "scores: expected finite numbers, got inf"),
    ]


def bad_labels(rule):
    yield from [
        (rule, ([0, 1], [1, 2, 3]), {}, ValueError, "scores: expected 2 values like y_true, got 3"),
        (rule, ([0, 0], [1, 2]), {}, ValueError, r"y_true: expected labels 0 and 1, both .* \[0\]"),
        (rule, ([1, 1], [1, 2]), {}, ValueError, r"y_true: expected labels 0 and 1, both .* \[1\]"),
        (rule, ([-1, 1], [1, 2]), {}, ValueError, "y_true: expected labels 0 and 1, both present"),
        (rule, ([0, 1, 2], [1, 2, 3]), {}, ValueError, "y_true: expected labels 0 and 1, both"),
        (rule, (["a", "b"], [1, 2]), {}, TypeError, "y_true: expected labels 0 and 1, got strings"),
        (rule, ([0.5, 1], [1, 2]), {}, ValueError, "y_true: expected labels"),
        (rule, ([], []), {}, ValueError, "y_true: expected at least one label"),
        (rule, ([0, 1], [np.nan, 2]), {}, ValueError, "scores: expected finite numbers, got nan"),
        (rule, ([0, 1], ["a", "b"]), {}, TypeError, "scores: expected a 1-D array of numbers"),
    ]


BAD_CALLS = [
    *bad_scores(percentile_threshold),
    *bad_scores(conformal_threshold),
    *bad_scores(peaks_over_threshold),
    *bad_labels(f1_threshold),
    *bad_labels(youden_threshold),
    (percentile_threshold, (SCORES, 101), {}, ValueError, "q: expected a percentage, 0 to 100"),
    (percentile_threshold, (SCORES, -1), {}, ValueError, "q: expected a percentage, 0 to 100"),
    (percentile_threshold, (SCORES, "95"), {}, TypeError, "q: expected a finite number"),
    (percentile_threshold, (SCORES, np.nan), {}, ValueError, "q: expected a finite number"),
    (conformal_threshold, (SCORES, 0), {}, ValueError, "alpha: expected a finite number above 0"),
    (conformal_threshold, (SCORES, "a"), {}, TypeError, "alpha: expected a finite number above 0"),
    (conformal_threshold, (SCORES, 1), {}, ValueError, "alpha: expected a rate from 1 / 201 to"),
    (
        *(conformal_threshold, ([1, 2, 3],), {}),
        *(ValueError, "alpha: expected a rate from 1 / 4 to below 1, with 3 scores, got 0.05"),
    ),
    (peaks_over_threshold, (SCORES,), {"level": 1}, ValueError, "level: expected a number below 1"),
    (peaks_over_threshold, (SCORES,), {"level": 0}, ValueError, "level: expected a finite number"),
    (peaks_over_threshold, (SCORES,), {"level": "a"}, TypeError, "level: expected a finite number"),
    (peaks_over_threshold, (SCORES,), {"risk": 0}, ValueError, "risk: expected a finite number ab"),
    (peaks_over_threshold, (SCORES,), {"risk": "a"}, TypeError, "risk: expected a finite number"),
    (
        *(peaks_over_threshold, (SCORES,), {"risk": 0.1}),
        *(ValueError, "risk: expected a number below 1 - level = 0.1, got 0.1"),
    ),
    (
        *(peaks_over_threshold, (range(90),), {}),
        *(ValueError, "scores: expected at least 10 scores above the quantile 0.9, got 9"),
    ),
    (peaks_over_threshold, ([3] * 500,), {}, ValueError, "scores: expected at least 10 scores ab"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "exception", "words"), BAD_CALLS)
def test_bad_arguments_are_refused_with_a_clear_message(function, args, kwargs, exception, words):
    with pytest.raises(exception, match=f"^{words}"):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    assert {row[0].__name__ for row in BAD_CALLS} == set(thresholds.__all__)
