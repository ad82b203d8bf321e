"""How hard a check was for a class, and whether it tells strong submissions from weak ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FEWEST", "item_rest_correlation", "wilson_interval"]

FEWEST = 5  # submissions below which a correlation says nothing
Z = 1.959963984540054  # 95 % of a normal distribution is within so many standard deviations


def wilson_interval(passed: ArrayLike, n: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return the 95 % confidence interval of a proportion, by Wilson's formula.

    Parameters
    ----------
    passed, n : array_like of int
        Numbers of successes and of trials, of the same shape.

    Returns
    -------
    tuple of two arrays
        Lower and upper ends. They stay between 0 and 1, and differ even when all trials succeed.

    Raises
    ------
    ValueError
        When a number of trials is not positive, or smaller than its number of successes.

    Examples
    --------
    >>> low, high = wilson_interval(8, 10)
    >>> print(f"{low:.3f} {high:.3f}")
    0.490 0.943
    """
    passed, n = np.asarray(passed, dtype=float), np.asarray(n, dtype=float)
    if not (np.all(n > 0) and np.all((passed >= 0) & (passed <= n))):
        raise ValueError(f"passed: expected numbers between 0 and n > 0, got {passed} of {n}")
    share = passed / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def item_rest_correlation(earned: ArrayLike) -> NDArray:
    """Return how well each check tells strong submissions from weak ones.

    It is Pearson's correlation between the points of a check and the sum of all the *other*
    checks: the corrected item-total correlation, point-biserial if a check is all or nothing.

    Parameters
    ----------
    earned : array_like of shape (n_submissions, n_checks)
        Points; nan where a submission was not asked.

    Returns
    -------
    ndarray of shape (n_checks,)
        Correlations in [-1, 1]; nan where fewer than five submissions were asked, or where the
        points or the rest do not vary.

    Raises
    ------
    ValueError
        When ``earned`` is not a matrix.

    Examples
    --------
    >>> earned = [[1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, 1]]
    >>> item_rest_correlation(earned).round(2).tolist()
    [0.41, 0.17, -0.56]
    """
    earned = np.asarray(earned, dtype=float)
    if earned.ndim != 2:
        raise ValueError(f"earned: expected a matrix, got {earned.ndim} dimensions")
    rest = np.nansum(earned, axis=1, keepdims=True) - earned  # nan where earned is
    known = (~np.isnan(earned)).sum(axis=0) >= FEWEST
    known &= _varies(earned) & _varies(rest)
    x, y = (part[:, known] - np.nanmean(part[:, known], axis=0) for part in (earned, rest))
    spread = np.sqrt(np.nansum(x**2, axis=0) * np.nansum(y**2, axis=0))
    correlations = np.full(earned.shape[1], np.nan)
    correlations[known] = np.clip(np.nansum(x * y, axis=0) / spread, -1.0, 1.0)
    return correlations


def _varies(values: NDArray) -> NDArray:
    """Say which columns hold two values that differ by more than sums are rounded."""
    highest = np.max(values, axis=0, where=~np.isnan(values), initial=-np.inf)
    lowest = np.min(values, axis=0, where=~np.isnan(values), initial=np.inf)
    return highest - lowest > 1e-9
