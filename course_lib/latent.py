"""The statistics of a latent space: what an inversion of the decoder changes, and for whom.

Chapter *The latent space, studied*. An image has a point in each of three spaces, which are
compared image by image:

- MT: the mean that the encoder gives,
- MN: where the inversion of the decoder, started there, ends,
- MB: where the bonus model of :mod:`course_lib.bonus` puts it, without looking at the image.

Variances are divided by n - 1.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_labels,
    as_matrix,
    as_positive_int,
    as_vector,
    message,
    same_kind,
    same_length,
)
from course_lib.preprocessing import uniform_edges

__all__ = [
    "Alignment",
    "Comparison",
    "Correlation",
    "SpaceSummary",
    "Spread",
    "SuccessRate",
    "TranslationField",
    "alignment",
    "compare_success",
    "correlation",
    "distances",
    "explained_variance",
    "gains",
    "space_summary",
    "spread",
    "success_rate",
    "translation_field",
]

Array = NDArray[np.float64]

# Half-width of an interval of 95 %, in standard errors.
HALF_WIDTH = NormalDist().inv_cdf(0.975)
# Translations that differ by this much of a coordinate differ by rounding.
ROUNDING = 1e-13


class SpaceSummary(NamedTuple):
    """Where the points of a space are, and how they spread."""

    mean: Array
    """Of shape (d,)."""
    covariance: Array
    """Of shape (d, d), divided by n - 1."""


class Spread(NamedTuple):
    """Mean and variance of some numbers."""

    mean: float
    variance: float
    """Divided by n - 1; its unit is the square of the numbers' unit."""


class SuccessRate(NamedTuple):
    """How many decoded points show the right digit. As a text: 4176 of 5000 (83.52 %)."""

    count: int
    n: int

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.count / self.n

    def __str__(self) -> str:
        return f"{self.count} of {self.n} ({self.share:.2%})".replace("%", " %")


class Comparison(NamedTuple):
    """Successes of two methods on the same images."""

    improved: int
    """Images that only the second method gets right."""
    lost: int
    """Images that only the first method gets right."""
    difference: float
    """Rise of the success rate, in percentage points."""
    interval: tuple[float, float]
    """Of 95 % for the difference, in percentage points."""
    p_value: float
    """Of McNemar's exact test: improved and lost are equally probable."""


class Correlation(NamedTuple):
    """Two correlations of the same pairs of numbers, between -1 and 1."""

    pearson: float
    """How near the pairs are to a line; a few extreme pairs can decide it."""
    spearman: float
    """The same for the ranks: how near one number is to rising with the other."""


class Alignment(NamedTuple):
    """Does each point move away from the centre of its space (positive), or towards it?"""

    product: Array
    """Scalar products, of shape (n,)."""
    cosine: Array
    """Cosines of the angles, of shape (n,): 1 is straight away from the centre."""


class TranslationField(NamedTuple):
    """Mean translations of the points of each cell of a grid on the plane."""

    x_edges: Array
    """Of shape (bins + 1,)."""
    y_edges: Array
    """Of shape (bins + 1,)."""
    counts: NDArray[np.int64]
    """Points in each cell, of shape (bins, bins): row = y, column = x."""
    means: Array
    """Of shape (bins, bins, 2); NaN in an empty cell."""


# One space, two spaces


def space_summary(points: ArrayLike) -> SpaceSummary:
    """Return the mean and the covariance matrix of a space.

    Equation ``eq-space-summary`` of the chapter *The latent space, studied*. Source: thesis,
    section 3.3.2 and annex E, which do not say what they divide by; for 5,000 points their
    digits are the same either way.

    Parameters
    ----------
    points : array_like of shape (n, d)
        With n at least 2.

    Returns
    -------
    SpaceSummary

    Raises
    ------
    ValueError
        If there are fewer than 2 points, or a value is not finite.
    TypeError
        If `points` holds no numbers.

    Examples
    --------
    >>> space_summary([[0, 0], [2, 4]])
    SpaceSummary(mean=array([1., 2.]), covariance=array([[2., 4.], [4., 8.]]))
    """
    points = _as_points(points, "points")
    _two_or_more(points, "points")
    return SpaceSummary(points.mean(axis=0), np.atleast_2d(np.cov(points, rowvar=False)))


def distances(a: ArrayLike, b: ArrayLike) -> Array:
    """Return how far apart the two points of each image are.

    Chapter *The latent space, studied*. Source: thesis, section 3.3.2.

    Parameters
    ----------
    a, b : array_like of shape (n, d)
        Points of the same images, in two spaces.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If the shapes differ, there is no point, or a value is not finite.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> distances([[0, 0], [1, 1]], [[3, 4], [1, 1]])
    array([5., 0.])
    """
    return np.linalg.norm(_translations(a, b, "a", "b")[1], axis=1)


def spread(values: ArrayLike) -> Spread:
    """Return the mean and the variance of some numbers: distances, or gains.

    The standard error of the mean is the root of variance / n.
    Chapter *The latent space, studied*. Source: thesis, section 3.3.2 and annex F.

    Parameters
    ----------
    values : array_like of shape (n,)
        With n at least 2.

    Returns
    -------
    Spread

    Raises
    ------
    ValueError
        If there are fewer than 2 values, or one is not finite.
    TypeError
        If `values` holds no numbers.

    Examples
    --------
    >>> spread([-10, 0, -2])
    Spread(mean=-4.0, variance=28.0)
    """
    values = as_vector(values, "values").astype(np.float64)
    _two_or_more(values, "values")
    return Spread(float(values.mean()), float(values.var(ddof=1)))


# Gains and successes


def gains(start_losses: ArrayLike, losses: ArrayLike) -> Array:
    """Return by how many percent each loss changed: negative where the image is nearer.

    The losses are squared distances. A distance changes by about half as many percent. The mean
    of the gains is not the gain of the mean loss: an image with a small loss weighs as much as
    one with a large loss. Equation ``eq-gain`` of the chapter *The latent space, studied*.
    Source: thesis, section 3.3.2, the vector delta.

    Parameters
    ----------
    start_losses : array_like of shape (n,)
        Loss of the point of MT, for each image; above 0.
    losses : array_like of shape (n,)
        Loss of the last point: the one that is kept, and no earlier one.

    Returns
    -------
    ndarray of shape (n,)
        At least -100.

    Raises
    ------
    ValueError
        If the lengths differ, a loss is negative or not finite, or one at the start is 0.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> gains([40, 20], [30, 21])
    array([-25.,   5.])
    """
    start_losses = as_vector(start_losses, "start_losses").astype(np.float64)
    losses = as_vector(losses, "losses").astype(np.float64)
    same_length(start_losses, losses, "start_losses", "losses")
    if start_losses.min() <= 0:
        raise ValueError(message("start_losses", "numbers above 0", start_losses.min()))
    if losses.min() < 0:
        raise ValueError(message("losses", "numbers of at least 0", losses.min()))
    return 100 * (losses - start_losses) / start_losses


def success_rate(digits_seen: ArrayLike, digits: ArrayLike) -> SuccessRate:
    """Count the decoded points that show the digit of their image.

    A judge, a network that reads digits, says what it sees. Equation ``eq-success-rate`` of the
    chapter *The latent space, studied*. Source: thesis, section 3.4, which prints a share of
    0.8352 as "0.8352 %".

    Parameters
    ----------
    digits_seen : array_like of shape (n,)
        What the judge sees in the decoded points.
    digits : array_like of shape (n,)
        The true labels of the images; or, as in the source, what the judge sees in them.

    Returns
    -------
    SuccessRate
        ``count``, ``n`` and ``share``; printed with its unit.

    Raises
    ------
    ValueError
        If the lengths differ, or there is no digit.
    TypeError
        If strings meet integers, or entries are no labels.

    Examples
    --------
    >>> rate = success_rate([7, 1, 4, 9], [7, 7, 4, 9])
    >>> print(rate)
    3 of 4 (75.00 %)
    >>> rate.share
    0.75
    """
    right = _successes(digits_seen, digits, "digits_seen")
    return SuccessRate(int(np.count_nonzero(right)), len(right))


def compare_success(before: ArrayLike, after: ArrayLike, digits: ArrayLike) -> Comparison:
    """Say whether a method shows the right digit more often than another, on the same images.

    Only the images on which the two differ count. The interval is that of Bonett and Price, who
    add one image to each of the two kinds. Equation ``eq-success-difference`` of the chapter
    *The latent space, studied*. Source: none in the thesis; McNemar, *Note on the Sampling
    Error of the Difference between Correlated Proportions or Percentages*; Bonett and Price,
    *Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on Paired
    Data*.

    Parameters
    ----------
    before, after : array_like of shape (n,)
        What the judge sees in the points of the first and of the second method.
    digits : array_like of shape (n,)
        As in :func:`success_rate`.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the lengths differ, or there is no digit.
    TypeError
        If strings meet integers, or entries are no labels.

    Examples
    --------
    >>> result = compare_success([7, 1, 4, 9], [7, 7, 4, 4], [7, 7, 4, 9])
    >>> result.improved, result.lost, result.difference, result.p_value
    (1, 1, 0.0, 1.0)
    """
    was_right, is_right = _successes(before, digits, "before"), _successes(after, digits, "after")
    improved = int(np.count_nonzero(is_right & ~was_right))
    lost = int(np.count_nonzero(was_right & ~is_right))
    n = len(is_right)
    difference = 100 * (improved - lost) / n
    return Comparison(
        improved, lost, difference, _interval(improved, lost, n), _sign_test(improved, lost)
    )


def correlation(a: ArrayLike, b: ArrayLike) -> Correlation:
    """Return the correlation of two measures, of their values and of their ranks.

    Gains have a heavy tail, to which Pearson's correlation listens more than to the rest.
    Chapter *The latent space, studied*. Source: thesis, section 3.3.2, for Pearson's, between
    the gains and the last losses.

    Parameters
    ----------
    a, b : array_like of shape (n,)
        Two numbers for each image.

    Returns
    -------
    Correlation

    Raises
    ------
    ValueError
        If the lengths differ, all values are equal, or one is not finite.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> result = correlation([1, 2, 3, 4], [0, 1, 2, 1000])
    >>> round(result.pearson, 3), result.spearman
    (0.776, 1.0)
    """
    a, b = as_vector(a, "a").astype(np.float64), as_vector(b, "b").astype(np.float64)
    same_length(a, b, "a", "b")
    for values, name in ((a, "a"), (b, "b")):
        if values.min() == values.max():
            raise ValueError(message(name, "values that are not all equal", f"only {values[0]}"))
    return Correlation(_pearson(a, b), _pearson(_ranks(a), _ranks(b)))


# Translations on the plane


def alignment(starts: ArrayLike, ends: ArrayLike) -> Alignment:
    """Compare the translation of each point with the direction from the mean to the point.

    The source colours its arrows by the sign of the scalar product, and shades them by its
    size, which mostly says how far out the point is. The cosine keeps the direction only.
    Equation ``eq-translation`` of the chapter *The latent space, studied*. Source: thesis,
    section 3.6.3. There u is written as one vector, and the text's MN MT points backwards;
    figure 14 has it right.

    Parameters
    ----------
    starts, ends : array_like of shape (n, d)
        Points of the same images, before and after.

    Returns
    -------
    Alignment
        ``product`` is (start - mean of the starts) . (end - start). ``cosine`` divides it
        by both lengths; it is 0 where a point does not move, or starts in the mean.

    Raises
    ------
    ValueError
        If the shapes differ, there is no point, or a value is not finite.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> alignment([[2, 0], [-2, 0]], [[3, 0], [0, 0]])
    Alignment(product=array([ 2., -4.]), cosine=array([ 1., -1.]))
    """
    starts, moves = _translations(starts, ends, "starts", "ends")
    from_mean = starts - starts.mean(axis=0)
    product = np.einsum("ij,ij->i", from_mean, moves)
    lengths = np.linalg.norm(from_mean, axis=1) * np.linalg.norm(moves, axis=1)
    cosine = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
    return Alignment(product, np.clip(cosine, -1, 1))


def translation_field(starts: ArrayLike, ends: ArrayLike, *, bins: int = 20) -> TranslationField:
    """Return the mean translation in each cell of a grid over the plane.

    Equation ``eq-translation`` of the chapter *The latent space, studied*. Source: thesis,
    section 3.6.3, whose figure draws the 5,000 arrows themselves.

    Parameters
    ----------
    starts, ends : array_like of shape (n, 2)
        Points of the same images, before and after. The grid is laid over the starts.
    bins : int
        Cells along each axis, all of the same width.

    Returns
    -------
    TranslationField

    Raises
    ------
    ValueError
        If the shapes differ or have no 2 columns, a value is not finite, all points lie on
        one line along an axis, or `bins` is below 1.
    TypeError
        If an array holds no numbers, or `bins` is no integer.

    Examples
    --------
    >>> field = translation_field([[0, 0], [1, 1], [1, 1]], [[0, 1], [2, 1], [4, 1]], bins=2)
    >>> field.counts.tolist(), field.means[1, 1].tolist()
    ([[1, 0], [0, 2]], [2.0, 0.0])
    """
    starts, moves = _translations(starts, ends, "starts", "ends")
    edges, cells = _cells(starts, as_positive_int(bins, "bins"))
    counts, means = _cell_means(moves, cells, bins**2)
    return TranslationField(*edges, counts.reshape(bins, bins), means.reshape(bins, bins, 2))


def explained_variance(starts: ArrayLike, ends: ArrayLike, *, bins: int = 10) -> float:
    """Return the share of the translations' variance that the cell of the start predicts.

    It estimates how much a model can learn that sees the point and not the image. Each
    translation is predicted by the mean of the others in its cell, and by the mean of all the
    others where it is alone: a mean that contains what it predicts would explain a share by
    chance, and all of it in a cell with one point. Equation ``eq-explained-variance`` of the
    chapter *The latent space, studied*. Source: none in the thesis, whose figure 14 is judged
    by eye.

    Parameters
    ----------
    starts, ends : array_like of shape (n, 2)
        Points of the same images, before and after.
    bins : int
        Cells along each axis, all of the same width.

    Returns
    -------
    float
        At most 1. Below 0 where one mean for all predicts better than the cells.

    Raises
    ------
    ValueError
        If all translations are equal, or as :func:`translation_field`.
    TypeError
        As :func:`translation_field`.

    Examples
    --------
    >>> starts = np.random.default_rng(0).normal(size=(1000, 2))
    >>> explained_variance(starts, 0.9 * starts) > 0.9  # the point says it all
    True
    >>> noise = np.random.default_rng(1).normal(size=(1000, 2))
    >>> explained_variance(starts, starts + noise) < 0
    True
    """
    starts, moves = _translations(starts, ends, "starts", "ends")
    _, cells = _cells(starts, as_positive_int(bins, "bins"))
    if np.ptp(moves, axis=0).max() <= ROUNDING * np.abs(starts + moves).max():
        raise ValueError(message("ends", "translations that are not all equal", "only one"))
    n = len(moves)
    from_all = (moves - moves.mean(axis=0)) * n / (n - 1)  # from the mean of the others
    counts, means = _cell_means(moves, cells, bins**2)
    m = counts[cells, np.newaxis]
    from_cell = (moves - means[cells]) * m / np.maximum(m - 1, 1)
    errors = np.where(m > 1, from_cell, from_all)
    return float(1 - np.sum(errors**2) / np.sum(from_all**2))


# Parts


def _as_points(points: ArrayLike, name: str) -> Array:
    return as_matrix(points, name).astype(np.float64)


def _two_or_more(values: Array, name: str) -> None:
    if len(values) < 2:
        raise ValueError(message(name, "at least 2 for a variance", len(values)))


def _translations(
    starts: ArrayLike, ends: ArrayLike, starts_name: str, ends_name: str
) -> tuple[Array, Array]:
    """Return the starts, and the vector from each of them to its end."""
    starts, ends = _as_points(starts, starts_name), _as_points(ends, ends_name)
    if starts.shape != ends.shape:
        expected = f"shape {starts.shape} like {starts_name}"
        raise ValueError(message(ends_name, expected, f"shape {ends.shape}"))
    return starts, ends - starts


def _successes(digits_seen: ArrayLike, digits: ArrayLike, name: str) -> NDArray[np.bool_]:
    digits_seen, digits = as_labels(digits_seen, name), as_labels(digits, "digits")
    same_length(digits, digits_seen, "digits", name)
    same_kind(digits, digits_seen, "digits", name)
    return digits_seen == digits


def _interval(improved: int, lost: int, n: int) -> tuple[float, float]:
    """Return Bonett and Price's interval of 95 % for the difference, in percentage points."""
    up, down = (improved + 1) / (n + 2), (lost + 1) / (n + 2)
    half = HALF_WIDTH * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return 100 * (up - down - half), 100 * (up - down + half)


def _sign_test(improved: int, lost: int) -> float:
    """Return the probability that a fair coin is as far from half heads, on either side."""
    tosses = improved + lost
    if tosses == 0:
        return 1.0
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, tosses + 1)))))  # log(k!)
    heads = np.arange(min(improved, lost) + 1)
    log_chances = logs[-1] - logs[heads] - logs[tosses - heads] - tosses * math.log(2)
    return min(1.0, 2 * float(np.exp(log_chances).sum()))


def _pearson(a: Array, b: Array) -> float:
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))


def _ranks(values: Array) -> Array:
    """Return the rank of each value, counted from 1; equal values share their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def _cells(points: Array, bins: int) -> tuple[tuple[Array, Array], NDArray[np.intp]]:
    """Return the edges along both axes, and the number of each point's cell, row by row."""
    if points.shape[1] != 2:
        raise ValueError(message("starts", "2 columns", f"shape {points.shape}"))
    for axis, name in enumerate(("x", "y")):
        if np.ptp(points[:, axis]) == 0:
            raise ValueError(message("starts", f"two different values of {name} or more", "one"))
    edges = tuple(uniform_edges(column, bins) for column in points.T)
    column, row = (
        np.searchsorted(e[1:-1], p, side="right") for e, p in zip(edges, points.T, strict=True)
    )
    return edges, row * bins + column


def _cell_means(
    moves: Array, cells: NDArray[np.intp], n_cells: int
) -> tuple[NDArray[np.int64], Array]:
    """Return how many points each cell has, and their mean translation: NaN without any."""
    counts = np.bincount(cells, minlength=n_cells)
    sums = np.stack([np.bincount(cells, column, n_cells) for column in moves.T], axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0
        return counts, sums / counts[:, np.newaxis]
