"""Do points come from a normal law? Tests in any dimension, and one that must not be used.

Chapter *The latent space, studied*. The hypothesis H0 is that the rows are a sample of some
normal law, of any mean and any covariance matrix. Each test looks at the points where that
law is standard: centred, uncorrelated, of variance 1. So its result is the same in any unit,
and after any linear change of coordinates.

No test sees everything: :func:`mardia_skewness` sees a lack of symmetry,
:func:`mardia_kurtosis` heavy or light tails, :func:`mahalanobis_ks` distances from the mean
that are distributed wrongly, and :func:`henze_zirkler` every departure, if the sample is large
enough. :func:`ks_of_norms` is the source's test. It rejects samples that are normal, and is
here to show it.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_generator, as_matrix, as_positive_int, message

__all__ = [
    "NullLaw",
    "Result",
    "henze_zirkler",
    "ks_of_norms",
    "mahalanobis_ks",
    "mardia_kurtosis",
    "mardia_skewness",
    "simulate_null",
    "squared_mahalanobis",
]

Array = NDArray[np.float64]

# Rows of the matrix of distances that are computed at once: few enough for the cache.
BLOCK = 256
# A column that is this much of a combination of the others holds only what rounding left.
DEPENDENT = 1e-9
# Terms of Kolmogorov's series, which alternates; from SMALLEST on, the last ones are nothing.
TERMS = 60
SMALLEST = 0.2


class Result(NamedTuple):
    """What a test says of a sample."""

    statistic: float
    """Distance of the sample from what H0 lets expect."""
    p_value: float
    """Probability, if H0 is true, of a sample at least as far away."""


class NullLaw(NamedTuple):
    """Values of the statistic of :func:`mahalanobis_ks` on samples that are normal."""

    statistics: Array
    """One for each simulated sample, increasing."""
    n: int
    """Points in each sample."""
    d: int
    """Coordinates of each point."""


# Mardia's tests: the third and the fourth moment


def mardia_skewness(points: ArrayLike) -> Result:
    """Test the symmetry of a sample: Mardia's multivariate skewness, 0 for a normal law.

    The p-value comes from the chi-squared law with d(d + 1)(d + 2) / 6 degrees of freedom,
    after Mardia's correction for small samples, which gives the statistic the right mean.
    Equation ``eq-mardia`` of the chapter *The latent space, studied*. Source: Mardia,
    *Applications of Some Measures of Multivariate Skewness and Kurtosis in Testing Normality
    and Robustness Studies*.

    Parameters
    ----------
    points : array_like of shape (n, d)
        A sample, with n at least d + 2 and at least 4.

    Returns
    -------
    Result
        The statistic is the skewness itself, the mean of the third powers of all scalar
        products of two standardised points.

    Raises
    ------
    ValueError
        If there are too few points, they lie in a plane of fewer dimensions, or a value is
        not finite.
    TypeError
        If `points` holds no numbers.

    Examples
    --------
    >>> mardia_skewness([[-3], [-1], [1], [3]]).p_value
    1.0
    >>> mardia_skewness(np.random.default_rng(0).exponential(size=(100, 2))).p_value < 1e-9
    True
    """
    standard = _standardized(points)
    n, d = standard.shape
    pairs = (standard[:, :, np.newaxis] * standard[:, np.newaxis]).reshape(n, d * d)
    moments = pairs.T @ standard / n  # the mean of each product of three coordinates
    skewness = float(np.sum(moments**2))
    correction = (d + 1) * (n + 1) * (n + 3) / (n * ((n + 1) * (d + 1) - 6))
    degrees = d * (d + 1) * (d + 2) // 6
    p_value = _chi2_survival(np.array(correction * n * skewness / 6), degrees)
    return Result(skewness, float(p_value))


def mardia_kurtosis(points: ArrayLike) -> Result:
    """Test the tails of a sample: Mardia's multivariate kurtosis, d(d + 2) for a normal law.

    The p-value is two-sided and comes from the normal law, with the mean and the variance that
    the kurtosis of n normal points has exactly. Equation ``eq-mardia`` of the chapter *The
    latent space, studied*. Source: as :func:`mardia_skewness`.

    Parameters
    ----------
    points : array_like of shape (n, d)
        A sample, with n at least d + 2 and at least 4.

    Returns
    -------
    Result
        The statistic is the kurtosis itself, the mean of the squares of the squared
        Mahalanobis distances: 8 in the plane, more for heavy tails.

    Raises
    ------
    ValueError, TypeError
        As :func:`mardia_skewness`.

    Examples
    --------
    >>> heavy = np.random.default_rng(0).standard_t(3, size=(500, 2))
    >>> kurtosis, p_value = mardia_kurtosis(heavy)
    >>> kurtosis > 8, p_value < 1e-9
    (True, True)
    """
    squares = squared_mahalanobis(points)
    n, d = np.shape(points)
    kurtosis = float(np.mean(squares**2))
    mean = d * (d + 2) * (n - 1) / (n + 1)
    variance = 8 * d * (d + 2) * (n - 3) * (n - d - 1) * (n - d + 1)
    variance /= (n + 1) ** 2 * (n + 3) * (n + 5)
    z = (kurtosis - mean) / math.sqrt(variance)
    return Result(kurtosis, math.erfc(abs(z) / math.sqrt(2)))


# The test of Henze and Zirkler: all moments at once


def henze_zirkler(points: ArrayLike) -> Result:
    """Compare a sample with a normal law by their characteristic functions.

    Every law that is not normal is detected by a large enough sample. The p-value comes from
    the log-normal law with the mean and the variance of the statistic under H0. The time grows
    as the square of n. Equation ``eq-henze-zirkler`` of the chapter *The latent space,
    studied*. Source: Henze and Zirkler, *A Class of Invariant Consistent Tests for Multivariate
    Normality*.

    Parameters
    ----------
    points : array_like of shape (n, d)
        A sample, with n at least d + 2 and at least 4.

    Returns
    -------
    Result
        The statistic is at least 0, and near 1 for a normal law.

    Raises
    ------
    ValueError, TypeError
        As :func:`mardia_skewness`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> normal, uniform = rng.normal(size=(200, 2)), rng.random((200, 2))
    >>> henze_zirkler(normal).p_value > 0.05, henze_zirkler(uniform).p_value < 1e-3
    (True, True)
    """
    standard = _standardized(points)
    n, d = standard.shape
    # The square of beta, the width of the kernel that the authors recommend.
    width = ((2 * d + 1) * n / 4) ** (2 / (d + 4)) / 2
    squares = np.sum(standard**2, axis=1)
    to_centre = np.sum(np.exp(-width / (2 * (1 + width)) * squares))
    between = _kernel_sum(standard, squares, width)
    statistic = between / n - 2 * (1 + width) ** (-d / 2) * to_centre
    statistic += n * (1 + 2 * width) ** (-d / 2)
    mean, variance = _henze_zirkler_moments(width, d)
    spread = math.log1p(variance / mean**2)  # of the logarithm
    centre = math.log(mean) - spread / 2
    z = (math.log(statistic) - centre) / math.sqrt(spread)
    return Result(float(statistic), math.erfc(z / math.sqrt(2)) / 2)


def _kernel_sum(standard: Array, squares: Array, width: float) -> float:
    """Return the sum, over all pairs of points, of exp(-width / 2 * squared distance)."""
    total = 0.0
    for start in range(0, len(standard), BLOCK):
        rows, others = standard[start : start + BLOCK], standard[start:]
        exponents = rows @ others.T  # minus half the squared distance, made in place
        exponents -= squares[start : start + BLOCK, np.newaxis] / 2
        exponents -= squares[start:] / 2
        exponents *= width
        kernel = np.exp(exponents, out=exponents)
        # A pair of two blocks is met once and counts twice; pairs in a block are met twice.
        total += 2 * kernel.sum() - kernel[:, : len(rows)].sum()
    return float(total)


def _henze_zirkler_moments(width: float, d: int) -> tuple[float, float]:
    """Return the mean and the variance of the statistic on normal samples."""
    a = 1 + 2 * width
    mean = 1 - a ** (-d / 2) * (1 + d * width / a + d * (d + 2) * width**2 / (2 * a**2))
    w = (1 + width) * (1 + 3 * width)
    fourth = 3 * d * (d + 2) * width**4 / (4 * a**4)
    variance = 2 * (1 + 4 * width) ** (-d / 2)
    variance += 2 * a ** (-d) * (1 + 2 * d * width**2 / a**2 + fourth)
    fourth = d * (d + 2) * width**4 / (2 * w**2)
    variance -= 4 * w ** (-d / 2) * (1 + 3 * d * width**2 / (2 * w) + fourth)
    return mean, variance


# The distances from the mean, against chi-squared, with a law that is simulated


def squared_mahalanobis(points: ArrayLike) -> Array:
    """Return the squared distance of each point from the mean, in units of the spread there.

    For a normal law they follow, nearly, the chi-squared law with d degrees of freedom.
    Equation ``eq-mahalanobis`` of the chapter *The latent space, studied*.

    Parameters
    ----------
    points : array_like of shape (n, d)
        A sample, with n at least d + 2 and at least 4.

    Returns
    -------
    ndarray of shape (n,)
        Their mean is d: the covariance matrix is the mean over the n points.

    Raises
    ------
    ValueError, TypeError
        As :func:`mardia_skewness`.

    Examples
    --------
    >>> squared_mahalanobis([[0, 0], [0, 20], [1, 0], [1, 20]]).round(12)
    array([2., 2., 2., 2.])
    """
    return np.sum(_standardized(points) ** 2, axis=1)


def simulate_null(n: int, d: int, *, rng: np.random.Generator, n_simulations: int = 999) -> NullLaw:
    """Return what :func:`mahalanobis_ks` measures on samples that are normal.

    The usual table of Kolmogorov is for a law that was fixed before the data were seen. Here
    its mean and covariance are those of the sample, the two are closer, and the table would
    hardly ever reject. As Lilliefors did, we draw normal samples and measure. The standard
    normal law stands for all: the statistic is the same after a linear change of coordinates.
    Chapter *The latent space, studied*. Source: Lilliefors, *On the Kolmogorov-Smirnov Test
    for Normality with Mean and Variance Unknown*.

    Parameters
    ----------
    n, d : int
        Shape of the samples, with n at least d + 2 and at least 4.
    rng : numpy.random.Generator
    n_simulations : int
        Samples to draw.

    Returns
    -------
    NullLaw
        Its ``statistics`` have the critical values as their quantiles. It serves every
        sample of this shape.

    Raises
    ------
    ValueError
        If a number is too small.
    TypeError
        If a number is no integer, or `rng` no generator.

    Examples
    --------
    >>> null = simulate_null(100, 2, rng=np.random.default_rng(0))
    >>> critical = float(np.quantile(null.statistics, 0.95))
    >>> round(critical, 2), round(1.358 / 100**0.5, 2)  # Kolmogorov's table: far too large
    (0.11, 0.14)
    """
    n, d = as_positive_int(n, "n"), as_positive_int(d, "d")
    n_simulations, rng = as_positive_int(n_simulations, "n_simulations"), as_generator(rng)
    if n < _fewest(d):
        raise ValueError(message("n", f"at least {_fewest(d)} points for d = {d}", n))
    samples = (rng.standard_normal((n, d)) for _ in range(n_simulations))
    return NullLaw(np.sort([_distance_to_chi2(sample) for sample in samples]), n, d)


def mahalanobis_ks(points: ArrayLike, null: NullLaw) -> Result:
    """Test the distances from the mean: Kolmogorov's distance of their law to chi-squared.

    The p-value is a share of simulated samples, and the sample counts as one of them. So it is
    at least 1 / (n_simulations + 1), and for a normal law it is below 5 % with a probability of
    at most 5 %, whatever n. Equation ``eq-ks`` of the chapter *The latent space, studied*.

    Parameters
    ----------
    points : array_like of shape (n, d)
        A sample, with n at least d + 2 and at least 4.
    null : NullLaw
        From :func:`simulate_null`, for the same n and d.

    Returns
    -------
    Result
        The statistic is the largest difference between the share of the squared Mahalanobis
        distances below some value, and what the chi-squared law with d degrees of freedom
        puts there.

    Raises
    ------
    ValueError
        If `null` was simulated for another shape, or as :func:`mardia_skewness`.
    TypeError
        If `null` is no :class:`NullLaw`, or `points` holds no numbers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> null = simulate_null(200, 2, rng=rng)
    >>> mahalanobis_ks(rng.normal(size=(200, 2)), null).p_value > 0.05
    True
    >>> mahalanobis_ks(rng.standard_t(2, size=(200, 2)), null).p_value
    0.001
    """
    if not isinstance(null, NullLaw):
        raise TypeError(message("null", "a NullLaw from simulate_null", type(null).__name__))
    statistic = _distance_to_chi2(points)
    if np.shape(points) != (null.n, null.d):
        expected = f"shape ({null.n}, {null.d}), for which null was simulated"
        raise ValueError(message("points", expected, f"shape {np.shape(points)}"))
    as_far = int(np.count_nonzero(null.statistics >= statistic))
    return Result(statistic, (as_far + 1) / (len(null.statistics) + 1))


def _distance_to_chi2(points: ArrayLike) -> float:
    squares = np.sort(squared_mahalanobis(points))
    return _kolmogorov_distance(1 - _chi2_survival(squares, np.shape(points)[1]))


# The source's test


def ks_of_norms(points: ArrayLike) -> Result:
    """Do what the source does: compare the norms of the points with a normal law.

    Never use it. The norm of a normal point is not normal: it is positive, and for the standard
    normal law in the plane it has Rayleigh's law. So a large normal sample is always rejected.
    The p-value is also wrong: it is Kolmogorov's, which is for a mean and a standard deviation
    that are known, not estimated. Equation ``eq-ks`` of the chapter *The latent space,
    studied*. Source: thesis, section 3.5.1.

    Parameters
    ----------
    points : array_like of shape (n, d)
        With two different norms or more.

    Returns
    -------
    Result
        As ``scipy.stats.kstest(norms, "norm", (norms.mean(), norms.std()), method="asymp")``.

    Raises
    ------
    ValueError
        If all norms are equal, there is no point, or a value is not finite.
    TypeError
        If `points` holds no numbers.

    Examples
    --------
    >>> normal = np.random.default_rng(0).normal(size=(5000, 2))
    >>> ks_of_norms(normal).p_value < 1e-6  # rejected, and wrongly so
    True
    """
    norms = np.sort(np.linalg.norm(as_matrix(points, "points").astype(np.float64), axis=1))
    if norms[0] == norms[-1]:
        raise ValueError(message("points", "two different norms or more", f"only {norms[0]}"))
    normal = NormalDist(float(norms.mean()), float(norms.std()))
    distance = _kolmogorov_distance(np.array([normal.cdf(norm) for norm in norms.tolist()]))
    return Result(distance, _kolmogorov_survival(math.sqrt(len(norms)) * distance))


# What the tests share


def _standardized(points: ArrayLike) -> Array:
    """Return the points with mean 0 and the unit matrix as their covariance.

    The columns of Q in the QR decomposition are orthonormal, and combinations of the centred
    columns: that is all it takes, and the covariance matrix is never inverted.
    """
    points = as_matrix(points, "points").astype(np.float64)
    n, d = points.shape
    if n < _fewest(d):
        expected = f"at least {_fewest(d)} rows for {d} columns"
        raise ValueError(message("points", expected, f"shape {points.shape}"))
    centred = points - points.mean(axis=0)
    q, r = np.linalg.qr(centred)
    # A column whose values are large beside their spread has lost as many digits of it.
    lengths = np.linalg.norm(centred, axis=0)
    lost = np.abs(r.diagonal()) <= DEPENDENT * lengths
    lost |= lengths <= DEPENDENT * np.linalg.norm(points, axis=0)
    if lost.any():
        expected = "columns that vary, none a combination of the ones before"
        raise ValueError(message("points", expected, f"column {int(lost.argmax())}"))
    return q * math.sqrt(n)


def _fewest(d: int) -> int:
    """Return how many points it takes for the kurtosis to have a variance."""
    return max(4, d + 2)


def _chi2_survival(x: Array, degrees: int) -> Array:
    """Return the probability that chi-squared exceeds x: exp(-x / 2) for 2 degrees.

    Two degrees more add one term, from the same integral done by parts.
    """
    half = np.maximum(x / 2, np.finfo(float).tiny)  # whose logarithm is finite
    if degrees % 2:
        survival = np.vectorize(math.erfc, otypes=[float])(np.sqrt(half))
    else:
        survival = np.exp(-half)
    for k in range(2 - degrees % 2, degrees, 2):
        survival = survival + np.exp(k / 2 * np.log(half) - half - math.lgamma(k / 2 + 1))
    return survival


def _kolmogorov_distance(probabilities: Array) -> float:
    """Return the distance of a sample's law from another, which gives these values, in order."""
    n = len(probabilities)
    steps = np.arange(n + 1) / n  # the sample's law jumps at each value: look at both sides
    above, below = steps[1:] - probabilities, probabilities - steps[:-1]
    return float(max(above.max(), below.max()))


def _kolmogorov_survival(x: float) -> float:
    """Return the probability that Kolmogorov's law, of sqrt(n) times the distance, exceeds x."""
    if x < SMALLEST:
        return 1.0
    k = np.arange(1, TERMS + 1)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * x) ** 2)), 0, 1))
