"""How good is an anomaly detector? Measures with their intervals, and what bounds them.

Chapter *Anomaly detection and its evaluation*. A detector gives each row a score; a threshold
makes a decision of it. The measures of the decision depend on the threshold, the areas under
the curves on the scores alone. Anomalies are few, so every measure comes with its interval.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_finite_real,
    as_generator,
    as_matrix,
    as_positive_int,
    as_probability,
    message,
)
from course_lib.thresholds import as_labelled_scores

__all__ = ["Estimate", "Evaluation", "evaluate", "f1_macro_ceiling", "reconstruction_errors"]

Array = NDArray[np.floating]
Counts = NDArray[np.int64]

BLOCK = 2**20  # rows drawn at once, over all resamples: what is counted stays small


class Estimate(NamedTuple):
    """A measure, and the interval in which other rows of the same kind would put it."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Evaluation(NamedTuple):
    """The measures of a detector at a threshold, each with its interval."""

    f1_macro: Estimate
    """Mean of the F1 of both classes: the sources' first figure."""
    recall_macro: Estimate
    """Mean of the recall of both classes: the sources' second figure."""
    f1: Estimate
    """F1 of the anomalies."""
    recall: Estimate
    """Share of the anomalies that are found."""
    precision: Estimate
    """Share of the alarms that are anomalies; 0 without any alarm."""
    roc_auc: Estimate
    """Area under the ROC curve: it needs no threshold, and does not see how rare anomalies are."""
    average_precision: Estimate
    """Area under the precision-recall curve: it needs no threshold either."""


def reconstruction_errors(X: ArrayLike, X_hat: ArrayLike) -> Array:
    """Return the mean squared error of each row: the score of an autoencoder.

    Equation ``eq-reconstruction-error`` of the chapter *Anomaly detection and its evaluation*.
    Source: sections MAML and SparseMetaAE, evaluation.

    Parameters
    ----------
    X, X_hat : array_like of shape (n, d)
        Rows, and what the model makes of them.

    Returns
    -------
    ndarray of shape (n,)
        At least 0.

    Raises
    ------
    ValueError
        If the shapes differ, there is no row, or a value is not finite.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> reconstruction_errors([[1, 2], [3, 4]], [[1, 2], [3, 0]])
    array([0., 8.])
    """
    X, X_hat = as_matrix(X, "X"), as_matrix(X_hat, "X_hat")
    if X.shape != X_hat.shape:
        raise ValueError(message("X_hat", f"shape {X.shape} like X", f"shape {X_hat.shape}"))
    return np.mean(np.square(X - X_hat), axis=1)


def evaluate(
    y_true: ArrayLike,
    scores: ArrayLike,
    threshold: float,
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 1000,
    level: float = 0.95,
) -> Evaluation:
    """Measure a detector's scores and decisions, each measure with a bootstrap interval.

    The rows are drawn anew with replacement, as many of each class as there are: the share of
    anomalies stays. The interval says how the measures move with the rows of the test. It
    does not know how they move with the training.

    Chapter *Anomaly detection and its evaluation*. Source: sections MAML and SparseMetaAE,
    which give two of the measures and no interval; Efron and Tibshirani, *An Introduction to
    the Bootstrap*, for the percentile interval.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        1 for an anomaly, 0 for a normal row; both occur.
    scores : array_like of shape (n,)
        The higher, the more anomalous.
    threshold : float
        A row is called an anomaly if its score is above.
    rng : numpy.random.Generator
        Draws the rows.
    n_bootstrap : int
        How often they are drawn anew.
    level : float
        Share of the results that the interval holds, 0 to 1.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If the lengths differ, a class is missing, there is another label, a number is not
        finite, `n_bootstrap` is below 1 or `level` is outside 0 to 1.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y_true = np.repeat([0, 1], [850, 150])
    >>> result = evaluate(y_true, rng.normal(size=1000) + 2 * y_true, 1.64, rng=rng)
    >>> print(result.recall)
    0.607 [0.533, 0.687]
    """
    y_true, scores = as_labelled_scores(y_true, scores)
    above = scores > as_finite_real(threshold, "threshold")
    rng, n_bootstrap = as_generator(rng), as_positive_int(n_bootstrap, "n_bootstrap")
    outside = (1 - as_probability(level, "level")) / 2
    _, place = np.unique(-scores, return_inverse=True)  # place 0: the highest score
    n_alarms = len(np.unique(scores[above]))  # places that are above the threshold
    normal, anomalous = place[y_true == 0], place[y_true == 1]
    n_places = place.max() + 1
    values = _measures(_count(anomalous, n_places), _count(normal, n_places), n_alarms)
    drawn = [
        _measures(_draw(anomalous, n_places, m, rng), _draw(normal, n_places, m, rng), n_alarms)
        for m in _blocks(n_bootstrap, len(scores))
    ]
    lows, highs = np.quantile(np.concatenate(drawn), [outside, 1 - outside], axis=0)
    return Evaluation(*map(Estimate, values[0].tolist(), lows.tolist(), highs.tolist()))


def f1_macro_ceiling(anomaly_rate: float, false_positive_rate: float) -> float:
    """Return the macro F1 of a detector that finds every anomaly, given its false alarms.

    A threshold at the 95th percentile of normal scores makes 5 % false alarms: no detector
    that uses it scores higher.
    Equation ``eq-f1-ceiling`` of the chapter *Anomaly detection and its evaluation*.
    Source: none in the sources.

    Parameters
    ----------
    anomaly_rate : float
        Share of anomalies among all rows, above 0 and below 1.
    false_positive_rate : float
        Share of the normal rows that are called anomalies.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If a rate is outside 0 to 1, or there is no anomaly or no normal row.
    TypeError
        If a rate is no number.

    Examples
    --------
    >>> round(f1_macro_ceiling(0.15, 0.05), 4)
    0.9251
    """
    p = as_probability(anomaly_rate, "anomaly_rate")
    f = as_probability(false_positive_rate, "false_positive_rate")
    if p in (0, 1):
        raise ValueError(message("anomaly_rate", "a rate above 0 and below 1", p))
    f1_anomalies = 2 * p / (2 * p + f * (1 - p))
    f1_normal = 2 * (1 - f) / (2 * (1 - f) + f)
    return (f1_anomalies + f1_normal) / 2


# Parts


def _blocks(n_bootstrap: int, n: int) -> list[int]:
    """Split the resamples into blocks of about `BLOCK` rows."""
    size = max(1, BLOCK // n)
    whole, rest = divmod(n_bootstrap, size)
    return [size] * whole + [rest] * (rest > 0)


def _count(places: Counts, n_places: int) -> Counts:
    """Count how many rows are at each place; of shape (1, n_places)."""
    return np.bincount(places, minlength=n_places)[np.newaxis]


def _draw(places: Counts, n_places: int, m: int, rng: np.random.Generator) -> Counts:
    """Draw as many rows again, m times over, and count them; of shape (m, n_places)."""
    drawn = places[rng.integers(len(places), size=(m, len(places)))]
    drawn += np.arange(m)[:, np.newaxis] * n_places  # each resample counts on its own
    return np.bincount(drawn.ravel(), minlength=m * n_places).reshape(m, n_places)


def _measures(positive: Counts, negative: Counts, n_alarms: int) -> Array:
    """Return the measures of each resample, in the order of `Evaluation`; of shape (m, 7).

    `positive` and `negative` count the rows at each place, from the highest score down.
    """
    tp_at, fp_at = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
    n_positive, n_negative = tp_at[0, -1], fp_at[0, -1]
    # An anomaly beats the normal rows below it; against those of its own score it is even.
    wins = np.sum(negative * (tp_at - positive / 2), axis=1)
    precisions = tp_at / np.maximum(tp_at + fp_at, 1)
    tp, fp = positive[:, :n_alarms].sum(axis=1), negative[:, :n_alarms].sum(axis=1)
    fn, tn = n_positive - tp, n_negative - fp
    f1, f1_normal = 2 * tp / (2 * tp + fp + fn), 2 * tn / (2 * tn + fp + fn)
    columns = [
        (f1 + f1_normal) / 2,
        (tp / n_positive + tn / n_negative) / 2,
        f1,
        tp / n_positive,
        tp / np.maximum(tp + fp, 1),
        wins / (n_positive * n_negative),
        np.sum(positive * precisions, axis=1) / n_positive,
    ]
    return np.stack(columns, axis=1)
