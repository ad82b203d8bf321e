"""The tests of normality against SciPy, published values, literal loops, and simulation."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import load_iris

from course_lib import normality
from course_lib.normality import (
    NullLaw,
    henze_zirkler,
    ks_of_norms,
    mahalanobis_ks,
    mardia_kurtosis,
    mardia_skewness,
    simulate_null,
    squared_mahalanobis,
)

MEAN = np.array([-0.123, 0.0281])
COVARIANCES = {
    "unit": np.eye(2),
    "thesis": np.array([[1.16, 0.092], [0.092, 1.38]]),
    "narrow": np.array([[400.0, 19.8], [19.8, 1.0]]),
}
SHAPES = st.tuples(st.integers(0, 99), st.integers(12, 40), st.integers(1, 4))


def normal_samples(name, n, count, *, seed):
    rng = np.random.default_rng([seed, n])
    factor = np.linalg.cholesky(COVARIANCES[name])
    return (MEAN + rng.standard_normal((n, 2)) @ factor.T for _ in range(count))


def mixture_samples(n, count):
    """One point in ten comes from a second, wider cloud beside the first."""
    rng = np.random.default_rng(n)
    for _ in range(count):
        second = rng.random((n, 1)) < 0.1
        yield np.where(second, rng.normal(3, 2, (n, 2)), rng.standard_normal((n, 2)))


def skewed_sample(seed, n, d):
    return np.random.default_rng(seed).gamma(2, size=(n, d))


@cache
def null(n, d=2):
    return simulate_null(n, d, rng=np.random.default_rng(d), n_simulations=1999)


def share_rejected(test, samples):
    return np.mean([test(sample).p_value < 0.05 for sample in samples])


def with_null(points):
    return mahalanobis_ks(points, null(*np.shape(points)))


TESTS = [mardia_skewness, mardia_kurtosis, henze_zirkler, with_null]
FAST = [mardia_skewness, mardia_kurtosis, with_null]


# Against the definitions, one pair of points after the other


def products(points):
    """Return the scalar products of all pairs of standardised points, by the definition."""
    centred = points - points.mean(axis=0)
    inverse = np.linalg.inv(centred.T @ centred / len(points))
    return [[a @ inverse @ b for b in centred] for a in centred]


@given(SHAPES)
def test_mardia_is_the_mean_of_powers_of_scalar_products(shape):
    points = skewed_sample(*shape)
    table, n = products(points), len(points)
    skewness = sum(table[i][j] ** 3 for i in range(n) for j in range(n)) / n**2
    kurtosis = sum(table[i][i] ** 2 for i in range(n)) / n
    assert mardia_skewness(points).statistic == pytest.approx(skewness, rel=1e-9)
    assert mardia_kurtosis(points).statistic == pytest.approx(kurtosis, rel=1e-9)
    np.testing.assert_allclose(squared_mahalanobis(points), np.diag(table), rtol=1e-9)


@given(SHAPES, st.sampled_from([2, 5, 256]))
def test_henze_zirkler_is_the_double_sum(shape, block):
    points = skewed_sample(*shape)
    table, (n, d) = products(points), points.shape
    beta = ((n * (2 * d + 1)) / 4) ** (1 / (d + 4)) / math.sqrt(2)
    pairs = centre = 0.0
    for i in range(n):
        centre += math.exp(-(beta**2) * table[i][i] / (2 * (1 + beta**2)))
        for j in range(n):
            squared_distance = table[i][i] - 2 * table[i][j] + table[j][j]
            pairs += math.exp(-(beta**2) / 2 * squared_distance)
    expected = pairs / n - 2 * (1 + beta**2) ** (-d / 2) * centre
    expected += n * (1 + 2 * beta**2) ** (-d / 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normality, "BLOCK", block)  # blocks that the points fill, or not
        assert henze_zirkler(points).statistic == pytest.approx(expected, rel=1e-9)


# Against what others have computed


def test_iris_setosa_gives_the_published_values():
    """Of the package MVN for R: Korkmaz, Goksuluk and Zararsiz, The R Journal 6/2, 2014."""
    X, y = load_iris(return_X_y=True)
    setosa, (n, d) = X[y == 0], (50, 4)
    skewness, kurtosis = mardia_skewness(setosa).statistic, mardia_kurtosis(setosa).statistic
    assert n * skewness / 6 == pytest.approx(25.66434, abs=5e-6)
    z = (kurtosis - d * (d + 2)) / math.sqrt(8 * d * (d + 2) / n)
    assert z == pytest.approx(1.294992, abs=5e-7)
    assert henze_zirkler(setosa) == pytest.approx((0.9488453, 0.04995356), abs=5e-8)


@given(st.integers(0, 99), st.integers(4, 200))
def test_one_coordinate_gives_the_usual_skewness_and_kurtosis(seed, n):
    points = skewed_sample(seed, n, 1)
    skewness, kurtosis = stats.skew(points[:, 0]), stats.kurtosis(points[:, 0], fisher=False)
    assert mardia_skewness(points).statistic == pytest.approx(skewness**2, rel=1e-9)
    # SciPy's test of the kurtosis begins with the same exact mean and variance.
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    z = (kurtosis - 3 * (n - 1) / (n + 1)) / math.sqrt(variance)
    expected = kurtosis, 2 * stats.norm.sf(abs(z))
    assert mardia_kurtosis(points) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 10, 35, 56, 1540])
def test_chi_squared_survival_is_that_of_scipy(degrees):
    x = np.concatenate(([0, 1e-12], np.linspace(0.01, 3 * degrees + 50, 400)))
    ours = normality._chi2_survival(x, degrees)
    np.testing.assert_allclose(ours, stats.chi2.sf(x, degrees), rtol=1e-9, atol=1e-300)


def test_kolmogorov_survival_is_that_of_scipy():
    x = np.linspace(0.001, 6, 300)
    ours = [normality._kolmogorov_survival(value) for value in x]
    np.testing.assert_allclose(ours, stats.kstwobign.sf(x), rtol=1e-9, atol=1e-11)


@given(SHAPES)
def test_distances_to_the_laws_are_those_of_scipy(shape):
    points, d = skewed_sample(*shape), shape[2]
    law = NullLaw(np.zeros(1), *points.shape)
    expected = stats.kstest(squared_mahalanobis(points), "chi2", (d,)).statistic
    assert mahalanobis_ks(points, law).statistic == pytest.approx(expected, rel=1e-9)
    norms = np.linalg.norm(points, axis=1)
    expected = stats.kstest(norms, "norm", (norms.mean(), norms.std()), method="asymp")
    assert ks_of_norms(points) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-8)


# Laws


@given(SHAPES, st.floats(-3, 3), st.floats(0.01, 100))
def test_an_affine_change_of_coordinates_changes_nothing(shape, angle, stretch):
    seed, n, d = shape
    points, rng = skewed_sample(*shape), np.random.default_rng(seed)
    matrix = np.linalg.qr(rng.standard_normal((d, d)))[0] * np.geomspace(1, stretch, d)
    moved = points @ matrix * math.exp(angle) + rng.normal(0, 5, d)
    np.testing.assert_allclose(squared_mahalanobis(moved), squared_mahalanobis(points), rtol=1e-6)
    law = NullLaw(np.linspace(0, 1, 999), n, d)
    for test in (mardia_skewness, mardia_kurtosis, henze_zirkler):
        np.testing.assert_allclose(test(moved), test(points), rtol=1e-6, atol=1e-12)
    ours, theirs = mahalanobis_ks(moved, law), mahalanobis_ks(points, law)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-6)


@given(SHAPES, st.randoms(use_true_random=False))
def test_the_order_of_points_and_coordinates_changes_nothing(shape, random):
    points = skewed_sample(*shape)
    rows, columns = (random.sample(range(size), size) for size in points.shape)
    shuffled = points[rows][:, columns]
    distances = squared_mahalanobis(points)
    np.testing.assert_allclose(squared_mahalanobis(shuffled), distances[rows], rtol=1e-9)
    for test in (mardia_skewness, mardia_kurtosis, henze_zirkler, ks_of_norms):
        np.testing.assert_allclose(test(shuffled), test(points), rtol=1e-7, atol=1e-12)


@given(SHAPES)
def test_squared_mahalanobis_distances_have_the_mean_d(shape):
    assert squared_mahalanobis(skewed_sample(*shape)).mean() == pytest.approx(shape[2])


def test_float32_points_are_not_computed_with_in_float32():
    points = skewed_sample(0, 500, 2).astype(np.float32)
    for test in (*TESTS, ks_of_norms):
        assert test(points) == test(points.astype(np.float64))


# Under H0: the level


@pytest.mark.parametrize("test", FAST)
@pytest.mark.parametrize("name", COVARIANCES)
def test_level_of_five_percent_on_200_normal_points(test, name):
    # A seed for each: the same sample in other coordinates would give the same decisions.
    samples = normal_samples(name, 200, 500, seed=list(COVARIANCES).index(name))
    assert 0.02 <= share_rejected(test, samples) <= 0.08


@pytest.mark.parametrize("test", FAST)
def test_level_of_five_percent_on_5000_normal_points(test):
    assert 0.02 <= share_rejected(test, normal_samples("thesis", 5000, 500, seed=3)) <= 0.08


@pytest.mark.parametrize(("n", "count"), [(200, 500), (1500, 200)])
def test_level_of_henze_zirkler(n, count):
    samples = normal_samples("thesis", n, count, seed=4)
    assert 0.02 <= share_rejected(henze_zirkler, samples) <= 0.08


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("test", TESTS)
def test_level_in_other_dimensions(test, d):
    rng = np.random.default_rng(d)
    samples = (rng.standard_normal((100, d)) for _ in range(400))
    assert 0.02 <= share_rejected(test, samples) <= 0.08


@pytest.mark.parametrize("d", [1, 2, 4])
def test_mardia_has_the_exact_moments_of_small_samples(d):
    """Ten points: far from the limits, whose mean and variance would be quite wrong."""
    rng, n, degrees = np.random.default_rng(d), 10, d * (d + 1) * (d + 2) // 6
    p_values = np.array(
        [
            [test(points).p_value for test in (mardia_skewness, mardia_kurtosis)]
            for points in rng.standard_normal((2000, n, d))
        ]
    )
    corrected = stats.chi2.isf(p_values[:, 0], degrees)
    assert corrected.mean() == pytest.approx(degrees, rel=0.08)
    squares = stats.norm.isf(p_values[:, 1] / 2) ** 2
    assert squares.mean() == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize(("n", "d"), [(60, 2), (60, 3)])
def test_henze_zirkler_has_the_moments_of_its_law(n, d):
    rng = np.random.default_rng(0)
    values = [henze_zirkler(points).statistic for points in rng.standard_normal((1000, n, d))]
    width = ((2 * d + 1) * n / 4) ** (2 / (d + 4)) / 2
    mean, variance = normality._henze_zirkler_moments(width, d)
    assert np.mean(values) == pytest.approx(mean, rel=0.05)
    assert np.var(values) == pytest.approx(variance, rel=0.3)


# Under H1: the power


@pytest.mark.parametrize("test", TESTS)
def test_a_mixture_of_two_normal_laws_is_detected(test):
    assert share_rejected(test, mixture_samples(200, 60)) >= 0.95


def test_no_test_sees_everything():
    """A ring is symmetric: its skewness is that of a normal law. The others see the hole."""
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 2 * np.pi, 1000)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) + rng.normal(0, 0.1, (1000, 2))
    assert mardia_skewness(ring).p_value > 0.2
    assert max(test(ring).p_value for test in TESTS[1:]) < 0.01


# The simulated critical values


def test_the_table_of_kolmogorov_would_hardly_ever_reject():
    table, simulated = stats.kstwobign.isf(0.05) / 200**0.5, null(200).statistics
    assert np.mean(simulated > table) < 0.015
    assert 0.75 < np.quantile(simulated, 0.95) / table < 0.85


def test_p_value_counts_the_sample_among_the_simulated_ones():
    points = skewed_sample(0, 50, 2)
    statistic = with_null(points).statistic
    for values, expected in [([0.0], 0.5), ([1.0], 1.0), ([0, 0, statistic], 0.5)]:
        assert mahalanobis_ks(points, NullLaw(np.array(values), 50, 2)).p_value == expected


def test_the_same_generator_gives_the_same_law():
    laws = [simulate_null(30, 2, rng=np.random.default_rng(s), n_simulations=20) for s in (0, 0, 1)]
    np.testing.assert_array_equal(laws[0].statistics, laws[1].statistics)
    assert (laws[0].statistics != laws[2].statistics).any()
    assert (np.diff(laws[0].statistics) >= 0).all() and laws[0][1:] == (30, 2)


# What the source does


@pytest.mark.parametrize("name", ["unit", "thesis"])
def test_the_sources_test_rejects_every_normal_sample(name):
    assert share_rejected(ks_of_norms, normal_samples(name, 5000, 100, seed=5)) == 1


def test_the_norm_of_a_normal_point_is_at_this_distance_from_normal():
    """However many points: the distance of Rayleigh's law from the normal law nearest to it."""
    norms = np.sqrt(-2 * np.log((np.arange(20_000) + 0.5) / 20_000))
    points = np.stack([norms, np.zeros_like(norms)], axis=1)
    assert ks_of_norms(points).statistic == pytest.approx(0.0465, abs=1e-4)


def test_shapiro_on_flattened_points_depends_on_the_axes():
    """The same normal samples, turned by 45 degrees: always rejected, or hardly ever."""
    rng, turn = np.random.default_rng(0), np.array([[1, -1], [1, 1]]) / 2**0.5
    samples = [rng.standard_normal((500, 2)) * [3, 1] for _ in range(40)]
    rejected = [
        np.mean([stats.shapiro(points @ matrix).pvalue < 0.05 for points in samples])
        for matrix in (np.eye(2), turn)
    ]
    assert rejected[0] == 1 and rejected[1] < 0.3


# Bad arguments


GOOD = np.random.default_rng(0).standard_normal((10, 2))
LAW = NullLaw(np.zeros(3), 10, 2)
RNG = np.random.default_rng(0)


def bad_points(function, *others):
    line = np.arange(10.0)
    for points, exception, words in [
        (GOOD[:, 0], ValueError, "points: expected a 2-D array"),
        ([["a", "b"]], TypeError, "points: expected a 2-D array of numbers"),
        (np.empty((0, 2)), ValueError, "points: expected at least one value"),
        (GOOD * np.nan, ValueError, "points: expected finite numbers, got nan"),
    ]:
        yield function, (points, *others), {}, exception, words
    if function is ks_of_norms:
        return
    few = "points: expected at least 4 rows for 2 columns, got shape \\(3, 2\\)"
    varying = "points: expected columns that vary, none a combination .*, got column "
    for points, words in [
        (GOOD[:3], few),
        (GOOD[:5, :1] @ np.ones((1, 4)), "points: expected at least 6 rows for 4 columns"),
        (np.stack([line, 3 - line / 7], axis=1), varying + "1"),
        (np.stack([np.full(10, 0.1), line], axis=1), varying + "0"),
        (np.stack([line, 1e12 + line**2 / 1e6], axis=1), varying + "1"),
    ]:
        yield function, (points, *others), {}, ValueError, words


BAD_CALLS = [
    *bad_points(mardia_skewness),
    *bad_points(mardia_kurtosis),
    *bad_points(henze_zirkler),
    *bad_points(squared_mahalanobis),
    *bad_points(mahalanobis_ks, LAW),
    *bad_points(ks_of_norms),
    (ks_of_norms, ([[3, 4], [5, 0]],), {}, ValueError, "points: expected two different norms"),
    (mahalanobis_ks, (GOOD, [0.1]), {}, TypeError, "null: expected a NullLaw .* got list"),
    (mahalanobis_ks, (GOOD[:9], LAW), {}, ValueError, r"points: .*\(10, 2\).*, got shape \(9, 2\)"),
    (simulate_null, (3, 2), {"rng": RNG}, ValueError, "n: expected at least 4 points for d = 2"),
    (simulate_null, (5, 4), {"rng": RNG}, ValueError, "n: expected at least 6 points for d = 4"),
    (simulate_null, (10, 0), {"rng": RNG}, ValueError, "d: expected an integer of at least 1"),
    (simulate_null, (1e3, 2), {"rng": RNG}, TypeError, "n: expected an integer"),
    (simulate_null, (10, 2), {"rng": 0}, TypeError, "rng: expected a generator"),
    (
        *(simulate_null, (10, 2), {"rng": RNG, "n_simulations": 0}),
        *(ValueError, "n_simulations: expected an integer of at least 1, got 0"),
    ),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "exception", "words"), BAD_CALLS)
def test_bad_arguments_are_refused_with_a_clear_message(function, args, kwargs, exception, words):
    with pytest.raises(exception, match=f"^{words}"):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    checked = {row[0].__name__ for row in BAD_CALLS}
    assert checked == set(normality.__all__) - {"NullLaw", "Result"}
