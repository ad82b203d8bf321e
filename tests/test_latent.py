"""The statistics of latent spaces against SciPy, scikit-learn, the thesis, and themselves."""

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from course_lib import latent
from course_lib.latent import (
    alignment,
    compare_success,
    correlation,
    distances,
    explained_variance,
    gains,
    space_summary,
    spread,
    success_rate,
    translation_field,
)

TIGHT = {"rtol": 1e-9, "atol": 1e-12}
SEEDS = st.integers(0, 999)


def spaces(seed, n=200, d=2):
    """Return points of the same images in two spaces."""
    rng = np.random.default_rng(seed)
    starts = rng.standard_normal((n, d)) * rng.uniform(0.5, 2, d) + rng.normal(0, 1, d)
    return starts, starts + rng.normal(0.05, 0.2, (n, d)) - 0.1 * starts


def judged(n, improved, lost, right):
    """Return what a judge sees with two methods, and the digits: these counts of successes."""
    both_wrong = n - improved - lost - right
    before = np.repeat([0, 1, 1, 0], [improved, lost, right, both_wrong])
    after = np.repeat([1, 0, 1, 0], [improved, lost, right, both_wrong])
    return before, after, np.ones(n, dtype=int)


# One space, two spaces


@given(SEEDS, st.integers(2, 50), st.integers(1, 4))
def test_space_summary_is_that_of_numpy(seed, n, d):
    points, _ = spaces(seed, n, d)
    summary = space_summary(points)
    np.testing.assert_allclose(summary.mean, points.sum(axis=0) / n, **TIGHT)
    centred = points - points.sum(axis=0) / n
    np.testing.assert_allclose(summary.covariance, centred.T @ centred / (n - 1), **TIGHT)


@given(SEEDS, st.integers(1, 4))
def test_distances_are_the_norms_of_the_differences(seed, d):
    a, b = spaces(seed, 20, d)
    expected = [np.sqrt(sum((x - y) ** 2)) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(distances(a, b), expected, **TIGHT)
    np.testing.assert_array_equal(distances(a, b), distances(b, a))
    assert not distances(a, a).any()


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40))
def test_spread_is_that_of_the_standard_library(values):
    expected = statistics.mean(values), statistics.variance(values)
    np.testing.assert_allclose(spread(values), expected, **TIGHT)


# Gains


def test_gains_are_negative_where_the_image_is_nearer():
    assert gains([50.0, 10, 10], [25, 10, 30]).tolist() == [-50, 0, 200]


@given(SEEDS)
def test_gains_undo_and_have_no_unit(seed):
    rng = np.random.default_rng(seed)
    start, end = rng.gamma(2, 20, (2, 30))
    change = gains(start, end)
    np.testing.assert_allclose(start * (1 + change / 100), end, rtol=1e-9)
    np.testing.assert_allclose(gains(start / 784, end / 784), change, **TIGHT)
    assert change.min() >= -100


def test_the_gain_of_the_mean_loss_is_another_number():
    """The thesis prints 36.8, 34.66 and -4.79 %: its mean loss falls by 5.8 %."""
    assert gains([36.8], [34.66])[0] == pytest.approx(-5.8, abs=0.02)


def test_a_gain_in_the_squared_norm_is_half_of_it_in_the_norm():
    """Image 55 of the thesis is 0.95 % nearer "en norme", and not 1.8 %."""
    squared = np.array([100 - 1.885710470378399])
    assert gains([10], np.sqrt(squared))[0] == pytest.approx(-0.947, abs=1e-3)


# Successes


def test_the_thesis_counts_are_printed_with_the_right_percentage():
    before, after, digits = judged(5000, improved=400, lost=272, right=3904)
    rates = [success_rate(seen, digits) for seen in (before, after)]
    assert [str(rate) for rate in rates] == ["4176 of 5000 (83.52 %)", "4304 of 5000 (86.08 %)"]
    assert f"{rates[0]}" == str(rates[0]) and rates[0].share == 0.8352
    assert compare_success(before, after, digits).difference == pytest.approx(2.56)


def test_success_looks_at_each_image():
    assert success_rate([1, 2, 3], [3, 2, 1]) == (1, 3)
    assert success_rate(["a", "b"], ["a", "b"]).share == 1


@pytest.mark.parametrize(("improved", "lost"), [(0, 0), (1, 0), (0, 5), (7, 7), (9, 3), (105, 43)])
def test_p_value_is_that_of_the_binomial_test(improved, lost):
    result = compare_success(*judged(500, improved, lost, right=300))
    assert result[:2] == (improved, lost)
    assert result.difference == pytest.approx((improved - lost) / 5)
    tosses = improved + lost
    expected = stats.binomtest(improved, tosses).pvalue if tosses else 1
    assert result.p_value == pytest.approx(expected, rel=1e-9)


def test_p_value_of_many_images_neither_overflows_nor_vanishes():
    result = compare_success(*judged(60_000, 5000, 4800, right=40_000))
    assert result.p_value == pytest.approx(stats.binomtest(5000, 9800).pvalue, rel=1e-6)


@given(st.integers(0, 30), st.integers(0, 30))
def test_exchanged_methods_give_the_mirrored_result(improved, lost):
    one = compare_success(*judged(100, improved, lost, right=20))
    other = compare_success(*judged(100, lost, improved, right=20))
    assert one.p_value == other.p_value and one.difference == -other.difference
    np.testing.assert_allclose(one.interval, [-x for x in other.interval[::-1]], **TIGHT)
    assert one.interval[0] <= one.difference <= one.interval[1]


@pytest.mark.parametrize("chances", [(0.03, 0.01), (0.3, 0.2), (0.001, 0.001)])
def test_interval_covers_the_truth_as_often_as_it_says(chances):
    rng, (up, down) = np.random.default_rng(0), chances
    covered = []
    for improved, lost, _ in rng.multinomial(500, [up, down, 1 - up - down], size=1000):
        low, high = compare_success(*judged(500, improved, lost, right=0)).interval
        covered.append(low <= 100 * (up - down) <= high)
    assert np.mean(covered) >= 0.93
    assert np.mean(covered) <= 0.97 or min(chances) < 0.01  # of rare events it covers too often


# Correlation


@given(SEEDS, st.sampled_from([0, 1, 9]))
def test_correlations_are_those_of_scipy(seed, decimals):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(40).round(decimals)  # few decimals make ties
    b = np.round(a + rng.standard_t(2, 40), decimals)
    expected = stats.pearsonr(a, b).statistic, stats.spearmanr(a, b).statistic
    np.testing.assert_allclose(correlation(a, b), expected, rtol=1e-9, atol=1e-12)


def test_one_image_decides_pearson_and_not_spearman():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1000))
    a[0] = b[0] = 200
    result = correlation(a, b)
    assert result.pearson > 0.9 and abs(result.spearman) < 0.1


# Translations


def test_alignment_is_positive_away_from_the_mean_and_negative_towards_it():
    starts = spaces(0)[0]
    centre = starts.mean(axis=0)
    for factor in (1.5, 0.5):
        result = alignment(starts, centre + factor * (starts - centre))
        expected = np.sign(factor - 1)
        np.testing.assert_allclose(result.cosine, expected, rtol=1e-9)
        np.testing.assert_array_equal(np.sign(result.product), expected)


@given(SEEDS, st.integers(1, 4), st.floats(0.01, 100))
def test_the_cosine_has_no_unit(seed, d, unit):
    starts, ends = spaces(seed, 30, d)
    result, scaled = alignment(starts, ends), alignment(starts * unit + 7, ends * unit + 7)
    np.testing.assert_allclose(scaled.cosine, result.cosine, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(scaled.product, result.product * unit**2, rtol=1e-6, atol=1e-6)
    lengths = distances(starts, np.tile(starts.mean(axis=0), (30, 1))) * distances(starts, ends)
    np.testing.assert_allclose(result.cosine * lengths, result.product, rtol=1e-9, atol=1e-12)


def test_a_point_that_stays_or_starts_in_the_mean_has_no_angle():
    result = alignment([[0, 0], [1, 1], [-1, -1]], [[5, 5], [1, 1], [0, -1]])
    assert result.cosine[:2].tolist() == [0, 0] and result.cosine[2] < 0


@given(SEEDS)
def test_mean_product_is_what_the_covariances_leave(seed):
    """tr Cov(MN) = tr Cov(MT) + tr Cov(v) + 2 mean(u . v), apart from n - 1 and n."""
    starts, ends = spaces(seed)
    n = len(starts)
    before, after, moves = (
        np.trace(space_summary(points).covariance) for points in (starts, ends, ends - starts)
    )
    expected = (after - before - moves) / 2 * (n - 1) / n
    assert alignment(starts, ends).product.mean() == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(SEEDS, st.integers(1, 8))
def test_field_is_the_binned_mean_of_scipy(seed, bins):
    starts, ends = spaces(seed)
    field = translation_field(starts, ends, bins=bins)
    moves = ends - starts
    for axis in range(2):
        expected = stats.binned_statistic_2d(*starts.T, moves[:, axis], "mean", bins=bins)
        # SciPy's first axis is x; a page's first axis is y.
        np.testing.assert_allclose(field.means[..., axis], expected.statistic.T, **TIGHT)
    np.testing.assert_allclose(field.x_edges, expected.x_edge, **TIGHT)
    np.testing.assert_allclose(field.y_edges, expected.y_edge, **TIGHT)
    counts = np.histogram2d(*starts.T, bins=bins)[0].T
    np.testing.assert_array_equal(field.counts, counts)
    np.testing.assert_array_equal(np.isnan(field.means[..., 0]), counts == 0)


def test_a_point_on_an_edge_is_in_the_cell_above_it():
    lattice = np.array([(x, y) for x in range(5) for y in range(5)], dtype=float)
    field = translation_field(lattice, lattice, bins=4)
    assert field.counts.tolist() == [[1, 1, 1, 2]] * 3 + [[2, 2, 2, 4]]  # the last one is closed


@given(SEEDS, st.integers(1, 8))
@settings(max_examples=8)
def test_explained_variance_is_that_of_scikit_learn_with_one_point_left_out(seed, bins):
    starts, ends = spaces(seed, 20)
    moves = ends - starts
    cells = stats.binned_statistic_2d(*starts.T, None, "count", bins=bins).binnumber
    one_hot = (cells[:, np.newaxis] == np.unique(cells)).astype(float)

    def errors(features):
        return moves - cross_val_predict(LinearRegression(), features, moves, cv=LeaveOneOut())

    alone = one_hot.sum(axis=0)[one_hot.argmax(axis=1)] == 1
    from_all = errors(np.zeros((20, 1)))
    from_cell = np.where(alone[:, np.newaxis], from_all, errors(one_hot))
    expected = 1 - np.sum(from_cell**2) / np.sum(from_all**2)
    assert explained_variance(starts, ends, bins=bins) == pytest.approx(expected, abs=1e-9)


def test_noise_is_not_explained_even_where_it_is_larger_for_lonely_points():
    """With the points themselves in the means, the share would be 0.3 to 0.8 here."""
    rng = np.random.default_rng(0)
    for power in (0, 2):
        starts, noise = rng.standard_normal((2, 500, 2))
        ends = starts + noise * np.linalg.norm(starts, axis=1, keepdims=True) ** power
        assert -0.5 < explained_variance(starts, ends, bins=20) < 0.02


# Bad arguments


A, B = spaces(0, 6)
ROW = [1.0, 2.0, 3.0]


def bad_spaces(function, *names):
    yield function, (A, B[:5]), {}, ValueError, f"{names[1]}: expected shape .* like {names[0]}"
    yield function, (A, B[:, :1]), {}, ValueError, f"{names[1]}: expected shape .* like {names[0]}"
    yield function, (A[:, 0], B), {}, ValueError, f"{names[0]}: expected a 2-D array"
    yield function, (A, B * np.nan), {}, ValueError, f"{names[1]}: expected finite numbers"
    yield function, ([["a"]], B), {}, TypeError, f"{names[0]}: expected a 2-D array of numbers"
    yield function, (np.empty((0, 2)), B), {}, ValueError, f"{names[0]}: expected at least one"


def bad_grid(function):
    yield from bad_spaces(function, "starts", "ends")
    yield function, (A, B), {"bins": 0}, ValueError, "bins: expected an integer of at least 1"
    yield function, (A, B), {"bins": 2.0}, TypeError, "bins: expected an integer"
    yield function, (np.ones((5, 3)),) * 2, {}, ValueError, "starts: expected 2 columns"
    yield function, (A * [0, 1], B), {}, ValueError, "starts: expected two different values of x"
    yield function, (A * [1, 0], B), {}, ValueError, "starts: expected two different values of y"


def bad_numbers(function, first, second):
    yield function, (ROW, ROW[:2]), {}, ValueError, f"{second}: expected 3 values like {first}"
    yield function, ([ROW], [ROW]), {}, ValueError, f"{first}: expected a 1-D array"
    yield function, ([], []), {}, ValueError, f"{first}: expected at least one value"
    yield function, (ROW, [1, 2, np.inf]), {}, ValueError, f"{second}: expected finite numbers"
    yield function, (["a"], [1]), {}, TypeError, f"{first}: expected a 1-D array of numbers"


def bad_digits(function, *names):
    good = [[1, 2]] * len(names)
    for place, name in enumerate(names):
        for bad, exception, words in [
            ([1, 2, 3], ValueError, "expected 2 values like digits, got 3"),
            ([], ValueError, "expected at least one label"),
            ([0.5, 1], ValueError, "expected labels"),
            (["1", "2"], TypeError, "expected integers like digits, got strings"),
        ]:
            args = (*good[:place], bad, *good[place + 1 :], [1, 2])
            yield function, args, {}, exception, f"{name}: {words}"
    yield function, (*good, [[1, 2]]), {}, ValueError, "digits: expected a 1-D array"


BAD_CALLS = [
    (space_summary, ([[1, 2]],), {}, ValueError, "points: expected at least 2 for a variance"),
    (space_summary, ([1, 2],), {}, ValueError, "points: expected a 2-D array"),
    (space_summary, ([[1, np.inf], [0, 0]],), {}, ValueError, "points: expected finite"),
    (space_summary, ([["a"]],), {}, TypeError, "points: expected a 2-D array of numbers"),
    *bad_spaces(distances, "a", "b"),
    (spread, ([1],), {}, ValueError, "values: expected at least 2 for a variance, got 1"),
    (spread, ([[1, 2]],), {}, ValueError, "values: expected a 1-D array"),
    (spread, (["a", "b"],), {}, TypeError, "values: expected a 1-D array of numbers"),
    (spread, ([1, np.nan],), {}, ValueError, "values: expected finite numbers, got nan"),
    *bad_numbers(gains, "start_losses", "losses"),
    (gains, ([1, 0], [1, 1]), {}, ValueError, "start_losses: expected numbers above 0, got 0"),
    (gains, ([1, 1], [1, -2]), {}, ValueError, "losses: expected numbers of at least 0, got -2"),
    *bad_digits(success_rate, "digits_seen"),
    *bad_digits(compare_success, "before", "after"),
    *bad_numbers(correlation, "a", "b"),
    (correlation, ([1, 1], [1, 2]), {}, ValueError, "a: expected values that are not all equal"),
    (correlation, ([1, 2], [3, 3]), {}, ValueError, "b: expected values that are not all equal"),
    *bad_spaces(alignment, "starts", "ends"),
    *bad_grid(translation_field),
    *bad_grid(explained_variance),
    (explained_variance, (A, A + 1), {"bins": 2}, ValueError, "ends: expected translations that"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "exception", "words"), BAD_CALLS)
def test_bad_arguments_are_refused_with_a_clear_message(function, args, kwargs, exception, words):
    with pytest.raises(exception, match=f"^{words}"):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    containers = {"Alignment", "Comparison", "Correlation", "SpaceSummary", "Spread"}
    containers |= {"SuccessRate", "TranslationField"}
    assert {row[0].__name__ for row in BAD_CALLS} == set(latent.__all__) - containers
