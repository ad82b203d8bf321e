"""From a score to a decision: where to put the threshold above which a row is an anomaly.

Chapter *Anomaly detection and its evaluation*. Three of the rules look at scores of normal
rows only, two at labelled ones. Whichever is used, its rows are neither those that a model
was fitted on, whose scores are too small, nor those of the test.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_finite_real,
    as_labels,
    as_positive_real,
    as_vector,
    message,
    same_length,
)
from course_lib.metrics import roc_curve

__all__ = [
    "conformal_threshold",
    "f1_threshold",
    "peaks_over_threshold",
    "percentile_threshold",
    "youden_threshold",
]

Scores = NDArray[np.floating]

MIN_PEAKS = 10  # below that, the tail is anybody's guess


# From scores of normal rows


def percentile_threshold(scores: ArrayLike, q: float = 95) -> float:
    """Return the score below which q percent of the given ones lie.

    About (100 - q) percent of the normal rows are false alarms, by construction.
    Equation ``eq-percentile-threshold`` of the chapter *Anomaly detection and its evaluation*.
    Source: sections MAML and SparseMetaAE, on the scores of the training rows.

    Parameters
    ----------
    scores : array_like of shape (n,)
        Scores of normal rows.
    q : float
        Percentage, 0 to 100.

    Returns
    -------
    float
        A row is an anomaly if its score is above.

    Raises
    ------
    ValueError
        If `scores` is empty, not 1-D or not finite, or `q` is outside 0 to 100.
    TypeError
        If an argument holds no numbers.

    Examples
    --------
    >>> percentile_threshold(range(101))
    95.0
    """
    scores, q = as_vector(scores, "scores"), as_finite_real(q, "q")
    if not 0 <= q <= 100:
        raise ValueError(message("q", "a percentage, 0 to 100", q))
    return float(np.percentile(scores, q))


def conformal_threshold(scores: ArrayLike, alpha: float = 0.05) -> float:
    """Return a threshold that a new normal row exceeds with a probability of at most alpha.

    It holds for any number of scores and any distribution, if the new score could change
    places with the given ones: they come from rows that the model was not fitted on.
    Equation ``eq-conformal`` of the chapter *Anomaly detection and its evaluation*.
    Source: none in the sources; Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random
    World*.

    Parameters
    ----------
    scores : array_like of shape (n,)
        Scores of normal rows that the model has not seen.
    alpha : float
        Rate of false alarms, at least 1 / (n + 1) and below 1: n scores promise no less.

    Returns
    -------
    float
        The k-th smallest score, with k = n + 1 - floor(alpha (n + 1)).

    Raises
    ------
    ValueError
        If `scores` is empty, not 1-D or not finite, or `alpha` is not as described.
    TypeError
        If an argument holds no numbers.

    Examples
    --------
    >>> conformal_threshold(range(1, 20)), conformal_threshold(range(1, 21))
    (19.0, 20.0)
    """
    scores, alpha = as_vector(scores, "scores"), as_positive_real(alpha, "alpha")
    n = len(scores)
    n_above = int(alpha * (n + 1))  # of n + 1 scores that can change places
    if not 1 <= n_above <= n:
        expected = f"a rate from 1 / {n + 1} to below 1, with {n} scores"
        raise ValueError(message("alpha", expected, alpha))
    return float(np.partition(scores, n - n_above)[n - n_above])


def peaks_over_threshold(scores: ArrayLike, risk: float = 0.01, level: float = 0.9) -> float:
    """Return the score that a normal row exceeds with a small probability, by its tail.

    A generalised Pareto distribution is fitted to what the highest scores have above a
    quantile of all. So the threshold may lie beyond all scores seen.
    Equation ``eq-peaks`` of the chapter *Anomaly detection and its evaluation*.
    Source: none in the sources; Siffer et al., *Anomaly Detection in Streams with Extreme
    Value Theory*.

    Parameters
    ----------
    scores : array_like of shape (n,)
        Scores of normal rows.
    risk : float
        Probability of a false alarm, above 0 and below 1 - `level`.
    level : float
        Quantile over which a score is a peak, above 0. At least 10 peaks are needed.

    Returns
    -------
    float
        A row is an anomaly if its score is above.

    Raises
    ------
    ValueError
        If `scores` is not 1-D, not finite or has too few peaks, or `risk` or `level` is not
        as described.
    TypeError
        If an argument holds no numbers.

    Examples
    --------
    >>> scores = np.random.default_rng(0).exponential(size=5000)
    >>> round(peaks_over_threshold(scores, risk=0.001), 1)  # the true quantile is 6.9
    7.0
    """
    scores = as_vector(scores, "scores").astype(np.float64)
    level, risk = as_positive_real(level, "level"), as_positive_real(risk, "risk")
    if level >= 1:
        raise ValueError(message("level", "a number below 1", level))
    if risk >= 1 - level:
        raise ValueError(message("risk", f"a number below 1 - level = {1 - level:.4g}", risk))
    start = np.quantile(scores, level)
    excesses = scores[scores > start] - start
    if len(excesses) < MIN_PEAKS:
        expected = f"at least {MIN_PEAKS} scores above the quantile {level:g}"
        raise ValueError(message("scores", expected, len(excesses)))
    return float(start + _tail_quantile(excesses, risk * len(scores) / len(excesses)))


def _tail_quantile(excesses: NDArray[np.float64], probability: float) -> float:
    """Return what an excess exceeds with the given probability, by a fitted distribution."""
    from scipy.stats import genpareto

    unit = excesses.mean()  # the search of the fit expects numbers of about 1
    shape, location, scale = genpareto.fit(excesses / unit, floc=0)
    return unit * genpareto.isf(probability, shape, location, scale)


# From labelled scores


def f1_threshold(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Return the threshold with the highest F1 of the anomalies.

    Only the order of the scores counts. Of thresholds that are as good, the highest is taken.
    Equation ``eq-f1`` of the chapter *Metrics*. Source: none in the sources.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        1 for an anomaly, 0 for a normal row; both occur.
    scores : array_like of shape (n,)
        The higher, the more anomalous.

    Returns
    -------
    float
        The highest score that is called normal; a number just below all of them if none is.

    Raises
    ------
    ValueError
        If the lengths differ, a class is missing, there is another label, or a score is not
        finite.
    TypeError
        If the labels or the scores are of the wrong kind.

    Examples
    --------
    >>> f1_threshold([0, 0, 1, 0, 1, 1], [1, 2, 3, 4, 5, 6])
    2.0
    """
    y_true, scores = as_labelled_scores(y_true, scores)
    fpr, tpr, lowest = roc_curve(y_true, scores)
    n_positive = y_true.sum()
    tp, fp = tpr * n_positive, fpr * (len(y_true) - n_positive)
    return _best_threshold(2 * tp / (tp + fp + n_positive), lowest)


def youden_threshold(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Return the threshold with the largest gap between hit rate and rate of false alarms.

    It does not depend on how rare anomalies are: where they are very rare, most alarms are
    false. Only the order of the scores counts.
    Equation ``eq-youden`` of the chapter *Anomaly detection and its evaluation*.
    Source: none in the sources; Youden, *Index for Rating Diagnostic Tests*.

    Parameters
    ----------
    y_true, scores
        As in :func:`f1_threshold`.

    Returns
    -------
    float
        As :func:`f1_threshold`.

    Raises
    ------
    ValueError, TypeError
        As :func:`f1_threshold`.

    Examples
    --------
    >>> youden_threshold([0, 0, 0, 1, 0, 1], [1, 2, 3, 4, 5, 6])
    3.0
    """
    fpr, tpr, lowest = roc_curve(*as_labelled_scores(y_true, scores))
    return _best_threshold(tpr - fpr, lowest)


def _best_threshold(quality: Scores, lowest: Scores) -> float:
    """Return the threshold of the best point of a ROC curve.

    `lowest` holds, for each point, the lowest score that is called an anomaly there: the next
    lower one is the highest that is called normal.
    """
    highest_normal = np.append(lowest[1:], np.nextafter(lowest[-1], -np.inf))
    return float(highest_normal[np.argmax(quality)])


def as_labelled_scores(y_true: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.int64], Scores]:
    """Return labels 0 and 1, both present, and as many scores.

    Raises
    ------
    ValueError, TypeError
        As :func:`f1_threshold`.

    Examples
    --------
    >>> as_labelled_scores([0, 1], [3, 4])
    (array([0, 1]), array([3., 4.]))
    """
    labels, scores = as_labels(y_true, "y_true"), as_vector(scores, "scores")
    same_length(labels, scores, "y_true", "scores")
    if labels.dtype.kind == "U":
        raise TypeError(message("y_true", "labels 0 and 1", "strings"))
    classes = np.unique(labels).tolist()
    if classes != [0, 1]:
        raise ValueError(message("y_true", "labels 0 and 1, both present", classes))
    return labels.astype(np.int64), scores
