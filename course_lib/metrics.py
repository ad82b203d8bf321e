"""How good is a model? The measures of the chapter *Metrics*.

Names, argument order and conventions are those of :mod:`sklearn.metrics`.
Labels are integers, booleans (read as 0 and 1) or strings. A measure of two
classes looks at one label, ``positive``, against all the others.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_label,
    as_labels,
    as_positive_real,
    as_probability,
    as_vector,
    message,
    same_kind,
    same_length,
)

__all__ = [
    "Counts",
    "PrecisionRecallCurve",
    "RocCurve",
    "accuracy",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "confusion_matrix",
    "counts",
    "f1",
    "fbeta",
    "macro",
    "mae",
    "mse",
    "precision",
    "precision_recall_curve",
    "r2",
    "recall",
    "roc_auc",
    "roc_curve",
]

# Integer labels this close to 0 are numbered by their own value: there is nothing to sort.
SMALL_LABEL = 500
# Samples that are counted at once: few enough for what is computed to stay in the cache.
BLOCK = 2**16


class Counts(NamedTuple):
    """The four outcomes of a decision between positive and negative."""

    tp: int
    """True positives: positive, and called positive."""
    fp: int
    """False positives: negative, but called positive."""
    fn: int
    """False negatives: positive, but called negative."""
    tn: int
    """True negatives: negative, and called negative."""


class RocCurve(NamedTuple):
    """A ROC curve: one point for each threshold, from (0, 0) to (1, 1)."""

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.floating]


class PrecisionRecallCurve(NamedTuple):
    """A precision-recall curve: one point for each threshold, then (recall 0, precision 1)."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    thresholds: NDArray[np.floating]


# Counting


def counts(y_true: ArrayLike, y_pred: ArrayLike, *, positive: int | str = 1) -> Counts:
    """Count the true and false positives and negatives.

    Source: slides, *Classification : mesure de performance*.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels.
    positive : int or str
        Label of the positive class; every other label is negative.

    Returns
    -------
    Counts
        ``tp, fp, fn, tn``, which add up to n_samples.

    Raises
    ------
    TypeError
        If strings meet integers, or entries are no labels.
    ValueError
        If the arrays are empty, not 1-D, of different lengths, or if ``positive`` occurs in
        neither. Only among labels 0 and 1 may it be absent: both are then known classes.

    Examples
    --------
    >>> counts([1, 1, 1, 0, 0], [1, 0, 0, 1, 0])
    Counts(tp=1, fp=1, fn=2, tn=1)
    """
    y_true, y_pred = _label_pair(y_true, y_pred)
    positive = _positive_label(positive, y_true)
    is_positive, called_positive = y_true == positive, y_pred == positive
    tp = int(np.count_nonzero(is_positive & called_positive))
    fp = int(np.count_nonzero(called_positive)) - tp
    fn = int(np.count_nonzero(is_positive)) - tp
    if tp + fp + fn == 0:
        _require_known(positive, np.union1d(y_true, y_pred))
    return Counts(tp, fp, fn, len(y_true) - tp - fp - fn)


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, *, labels: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Count, for each true class (row), how often each class (column) is predicted.

    Source: slides, *Classification : mesure de performance*.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels.
    labels : array_like of shape (n_classes,), optional
        Order of the rows and columns; the sorted labels that occur when left out.

    Returns
    -------
    ndarray of int64, shape (n_classes, n_classes)
        The entries add up to n_samples.

    Raises
    ------
    TypeError
        If strings meet integers, or entries are no labels.
    ValueError
        If the arrays are empty, not 1-D or of different lengths, or if ``labels`` repeats a
        label or lacks one that occurs: no sample is dropped in silence.

    Examples
    --------
    >>> confusion_matrix(["wolf", "calm", "calm"], ["calm", "calm", "wolf"])
    array([[1, 1],
           [1, 0]])
    """
    y_true, y_pred = _label_pair(y_true, y_pred)
    classes, matrix = _cross_table(y_true, y_pred)
    if labels is None:
        return matrix
    place = _places(labels, classes)
    order = [place[label] for label in classes.tolist()]
    reordered = np.zeros((len(place), len(place)), dtype=np.int64)
    reordered[np.ix_(order, order)] = matrix
    return reordered


# From counts to scores


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the fraction of samples whose label is predicted correctly.

    Equation ``eq-accuracy`` of the chapter *Metrics*.
    Source: slides, *Accuracy : prédictions correctes sur le total*.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    TypeError
        If strings meet integers, or entries are no labels.
    ValueError
        If the arrays are empty, not 1-D or of different lengths.

    Examples
    --------
    >>> accuracy([1, 0, 1, 0], [1, 0, 0, 0])
    0.75
    """
    y_true, y_pred = _label_pair(y_true, y_pred)
    return int(np.count_nonzero(y_true == y_pred)) / len(y_true)


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean of the recalls of the classes that occur in ``y_true``.

    Equation ``eq-balanced-accuracy`` of the chapter *Metrics*.
    Source: as ``balanced_accuracy_score`` of scikit-learn.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels.

    Returns
    -------
    float
        Between 0 and 1; 1 / n_classes for a constant prediction.

    Raises
    ------
    TypeError
        If strings meet integers, or entries are no labels.
    ValueError
        If the arrays are empty, not 1-D or of different lengths.

    Examples
    --------
    >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """
    matrix = confusion_matrix(y_true, y_pred)
    support = matrix.sum(axis=1)
    recalls = matrix.diagonal()[support > 0] / support[support > 0]
    return float(recalls.mean())


def precision(
    y_true: ArrayLike, y_pred: ArrayLike, *, positive: int | str = 1, zero_division: float = 0.0
) -> float:
    """Return the fraction of true positives among the samples called positive.

    Equation ``eq-precision`` of the chapter *Metrics*. Source: slides, *La précision*.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels.
    positive : int or str
        Label of the positive class.
    zero_division : float
        Result when no sample is called positive: between 0 and 1, or NaN.

    Returns
    -------
    float
        TP / (TP + FP).

    Raises
    ------
    TypeError, ValueError
        As :func:`counts`, or if ``zero_division`` is not as described.

    Examples
    --------
    >>> precision([1, 1, 1, 0, 0], [1, 0, 0, 1, 0])
    0.5
    """
    tp, fp, _, _ = counts(y_true, y_pred, positive=positive)
    return _ratio(tp, tp + fp, zero_division)


def recall(
    y_true: ArrayLike, y_pred: ArrayLike, *, positive: int | str = 1, zero_division: float = 0.0
) -> float:
    """Return the fraction of the positive samples that are called positive.

    Equation ``eq-recall`` of the chapter *Metrics*. Source: slides, *Le rappel*.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels.
    positive : int or str
        Label of the positive class.
    zero_division : float
        Result when no sample is positive: between 0 and 1, or NaN.

    Returns
    -------
    float
        TP / (TP + FN).

    Raises
    ------
    TypeError, ValueError
        As :func:`counts`, or if ``zero_division`` is not as described.

    Examples
    --------
    >>> recall([1, 1, 1, 1, 0], [1, 0, 0, 0, 0])
    0.25
    """
    tp, _, fn, _ = counts(y_true, y_pred, positive=positive)
    return _ratio(tp, tp + fn, zero_division)


def f1(
    y_true: ArrayLike, y_pred: ArrayLike, *, positive: int | str = 1, zero_division: float = 0.0
) -> float:
    """Return the harmonic mean of precision and recall.

    Equation ``eq-f1`` of the chapter *Metrics*. Source: slides, *Score F1*.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels.
    positive : int or str
        Label of the positive class.
    zero_division : float
        Result when no sample is positive nor called so: between 0 and 1, or NaN.

    Returns
    -------
    float
        TP / (TP + (FP + FN) / 2).

    Raises
    ------
    TypeError, ValueError
        As :func:`counts`, or if ``zero_division`` is not as described.

    Examples
    --------
    >>> f1([1, 1, 1, 0, 0], [1, 0, 0, 1, 0])
    0.4
    """
    return fbeta(y_true, y_pred, beta=1.0, positive=positive, zero_division=zero_division)


def fbeta(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    beta: float,
    positive: int | str = 1,
    zero_division: float = 0.0,
) -> float:
    """Return the weighted harmonic mean of precision and recall.

    Equation ``eq-fbeta`` of the chapter *Metrics*. Source: as ``fbeta_score`` of scikit-learn.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels.
    beta : float
        Recall counts beta times as much as precision; above 0.
    positive : int or str
        Label of the positive class.
    zero_division : float
        Result when no sample is positive nor called so: between 0 and 1, or NaN.

    Returns
    -------
    float
        TP / (TP + w FP + (1 - w) FN) with w = 1 / (1 + beta**2).

    Raises
    ------
    TypeError, ValueError
        As :func:`counts`, or if ``beta`` or ``zero_division`` is not as described.

    Examples
    --------
    >>> fbeta([1, 1, 1, 1, 0], [1, 0, 0, 0, 0], beta=2)
    0.2941176470588235
    """
    beta = as_positive_real(beta, "beta")
    tp, fp, fn, _ = counts(y_true, y_pred, positive=positive)
    weight = 1 / (1 + beta * beta)
    return _ratio(tp, tp + weight * fp + (1 - weight) * fn, zero_division)


def macro(metric: Callable[..., float], y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean of a metric over the classes, each against the rest.

    Every class weighs the same, however rare it is.

    Equation ``eq-macro`` of the chapter *Metrics*.
    Source: as ``average="macro"`` of scikit-learn.

    Parameters
    ----------
    metric : callable
        :func:`precision`, :func:`recall`, :func:`f1`, or any
        ``metric(y_true, y_pred, positive=label)`` that returns a number.
    y_true, y_pred : array_like of shape (n_samples,)
        True labels, predicted labels. The classes are the labels that occur in either.

    Returns
    -------
    float
        The mean; a class whose value is NaN is left out.

    Raises
    ------
    TypeError
        If ``metric`` cannot be called, strings meet integers, or entries are no labels.
    ValueError
        If the arrays are empty, not 1-D or of different lengths.

    Examples
    --------
    >>> macro(recall, [0, 0, 1, 2], [0, 0, 1, 1])
    0.6666666666666666
    """
    if not callable(metric):
        raise TypeError(message("metric", "a function such as precision", repr(metric)))
    y_true, y_pred = _label_pair(y_true, y_pred)
    classes, _ = _cross_table(y_true, y_pred)
    return float(np.nanmean([metric(y_true, y_pred, positive=c) for c in classes.tolist()]))


# From scores to curves


def roc_curve(y_true: ArrayLike, y_score: ArrayLike, *, positive: int | str = 1) -> RocCurve:
    """Return the true positive rate against the false positive rate, for every threshold.

    Equation ``eq-tpr-fpr`` of the chapter *Metrics*. Source: slides, *La courbe ROC*.

    Parameters
    ----------
    y_true : array_like of shape (n_samples,)
        True labels: ``positive`` and at least one other.
    y_score : array_like of shape (n_samples,)
        The higher the score, the more the model believes in ``positive``.
    positive : int or str
        Label of the positive class.

    Returns
    -------
    RocCurve
        ``fpr, tpr, thresholds``, each of shape (n_distinct_scores + 1,), thresholds falling
        from infinity (nothing is called positive). Tied scores make one point.

    Raises
    ------
    TypeError
        If the scores are not numbers or the entries of ``y_true`` no labels.
    ValueError
        If the arrays are empty, not 1-D, of different lengths, a score is not finite, or a
        class is missing in ``y_true``.

    Examples
    --------
    >>> curve = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> curve.fpr.tolist(), curve.tpr.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    is_positive, y_score = _scored_pair(y_true, y_score, positive)
    if is_positive.all():
        raise ValueError(message("y_true", "at least one negative label", f"only {positive!r}"))
    tp, fp, thresholds = _counts_by_threshold(is_positive, y_score)
    tpr = np.concatenate(([0.0], tp / tp[-1]))
    fpr = np.concatenate(([0.0], fp / fp[-1]))
    return RocCurve(fpr, tpr, np.concatenate(([np.inf], thresholds), dtype=thresholds.dtype))


def auc(x: ArrayLike, y: ArrayLike) -> float:
    """Return the area under a curve of points, by the trapezium rule.

    Equation ``eq-auc`` of the chapter *Metrics*. Source: slides, *La courbe ROC*.

    Parameters
    ----------
    x : array_like of shape (n_points,)
        Abscissas that never change direction, with n_points at least 2.
    y : array_like of shape (n_points,)
        Ordinates.

    Returns
    -------
    float
        The area, with the same sign whether x rises or falls.

    Raises
    ------
    TypeError
        If the entries are not numbers.
    ValueError
        If the arrays are not 1-D, of different lengths, of fewer than 2 points, not finite,
        or if x goes up and down.

    Examples
    --------
    >>> auc([0, 0.5, 1], [0, 1, 1])
    0.75
    """
    x, y = _number_pair(x, y, "x", "y")
    if len(x) < 2:
        raise ValueError(message("x", "at least 2 points", len(x)))
    steps = np.diff(x)
    falls = steps.min() < 0
    if falls and steps.max() > 0:
        raise ValueError(message("x", "values that only rise or only fall", "both"))
    area = float(np.sum(steps * (y[:-1] + y[1:]))) / 2
    return -area if falls else area


def roc_auc(y_true: ArrayLike, y_score: ArrayLike, *, positive: int | str = 1) -> float:
    """Return the area under the ROC curve.

    It is the probability that a random positive scores above a random negative, a tie
    counting one half.

    Equation ``eq-auc`` of the chapter *Metrics*. Source: slides, *La courbe ROC*.

    Parameters
    ----------
    y_true, y_score, positive
        As in :func:`roc_curve`.

    Returns
    -------
    float
        Between 0 and 1; 0.5 for scores that know nothing.

    Raises
    ------
    TypeError, ValueError
        As :func:`roc_curve`.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    curve = roc_curve(y_true, y_score, positive=positive)
    return auc(curve.fpr, curve.tpr)


def precision_recall_curve(
    y_true: ArrayLike, y_score: ArrayLike, *, positive: int | str = 1
) -> PrecisionRecallCurve:
    """Return precision and recall for every threshold.

    Equations ``eq-precision`` and ``eq-recall`` of the chapter *Metrics*.
    Source: as ``precision_recall_curve`` of scikit-learn.

    Parameters
    ----------
    y_true : array_like of shape (n_samples,)
        True labels, ``positive`` among them.
    y_score : array_like of shape (n_samples,)
        The higher the score, the more the model believes in ``positive``.
    positive : int or str
        Label of the positive class.

    Returns
    -------
    PrecisionRecallCurve
        ``precision`` and ``recall`` of shape (n_distinct_scores + 1,), ``thresholds`` of
        shape (n_distinct_scores,), rising. The last point, (recall 0, precision 1), has no
        threshold: nothing is called positive there.

    Raises
    ------
    TypeError
        If the scores are not numbers or the entries of ``y_true`` no labels.
    ValueError
        If the arrays are empty, not 1-D, of different lengths, a score is not finite, or
        ``positive`` is missing in ``y_true``.

    Examples
    --------
    >>> curve = precision_recall_curve([0, 1, 1], [0.2, 0.2, 0.8])
    >>> curve.recall.tolist(), curve.thresholds.tolist()
    ([1.0, 0.5, 0.0], [0.2, 0.8])
    """
    is_positive, y_score = _scored_pair(y_true, y_score, positive)
    tp, fp, thresholds = _counts_by_threshold(is_positive, y_score)
    precisions = np.concatenate(((tp / (tp + fp))[::-1], [1.0]))
    recalls = np.concatenate(((tp / tp[-1])[::-1], [0.0]))
    return PrecisionRecallCurve(precisions, recalls, thresholds[::-1])


def average_precision(y_true: ArrayLike, y_score: ArrayLike, *, positive: int | str = 1) -> float:
    """Return the mean of the precisions, each weighted by the recall that it gains.

    Equation ``eq-average-precision`` of the chapter *Metrics*.
    Source: as ``average_precision_score`` of scikit-learn.

    Parameters
    ----------
    y_true, y_score, positive
        As in :func:`precision_recall_curve`.

    Returns
    -------
    float
        Between 0 and 1; about the fraction of positives for scores that know nothing.

    Raises
    ------
    TypeError, ValueError
        As :func:`precision_recall_curve`.

    Examples
    --------
    >>> average_precision([0, 1, 1], [0.3, 0.2, 0.8])
    0.8333333333333333
    """
    curve = precision_recall_curve(y_true, y_score, positive=positive)
    gains = -np.diff(curve.recall)  # recall falls as the threshold rises
    return float(np.sum(gains * curve.precision[:-1]))


# Regression


def mse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean squared error, in the squared unit of ``y_true``.

    Equation ``eq-mse`` of the chapter *Terminology*. Source: slides, *La perte quadratique*.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True values, predicted values.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    TypeError
        If the entries are not numbers.
    ValueError
        If the arrays are empty, not 1-D, of different lengths, or not finite.

    Examples
    --------
    >>> mse([1, 2, 3], [1, 2, 6])
    3.0
    """
    return _sum_of_squares(_errors(y_true, y_pred)) / len(y_true)


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean absolute error, in the unit of ``y_true``.

    Equation ``eq-mae`` of the chapter *Metrics*.
    Source: as ``mean_absolute_error`` of scikit-learn.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True values, predicted values.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    TypeError
        If the entries are not numbers.
    ValueError
        If the arrays are empty, not 1-D, of different lengths, or not finite.

    Examples
    --------
    >>> mae([1, 2, 3], [1, 2, 6])
    1.0
    """
    return float(np.mean(np.abs(_errors(y_true, y_pred))))


def r2(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the coefficient of determination: 1 - MSE / variance of ``y_true``.

    Equation ``eq-r2`` of the chapter *Metrics*. Source: as ``r2_score`` of scikit-learn.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True values, predicted values, with n_samples at least 2.

    Returns
    -------
    float
        1 for a perfect prediction, 0 for the mean of ``y_true``, negative below that.
        When ``y_true`` is constant: 1 if the prediction is perfect, else 0.

    Raises
    ------
    TypeError
        If the entries are not numbers.
    ValueError
        If the arrays are not 1-D, of different lengths, of fewer than 2 values, or not
        finite.

    Examples
    --------
    >>> r2([1, 2, 3], [1, 2, 2])
    0.5
    """
    residual = _sum_of_squares(_errors(y_true, y_pred))
    y_true = np.asarray(y_true, dtype=np.float64)
    if len(y_true) < 2:
        raise ValueError(message("y_true", "at least 2 values", len(y_true)))
    # Not "variance == 0": the mean of equal floats can miss their value by a rounding.
    if y_true.min() == y_true.max():
        return 1.0 if residual == 0 else 0.0
    return 1 - residual / _sum_of_squares(y_true - y_true.mean())


# Checks and counting that the measures share


def _label_pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    y_true, y_pred = as_labels(y_true, "y_true"), as_labels(y_pred, "y_pred")
    same_length(y_true, y_pred, "y_true", "y_pred")
    same_kind(y_true, y_pred, "y_true", "y_pred")
    return y_true, y_pred


def _number_pair(
    x: ArrayLike, y: ArrayLike, x_name: str, y_name: str
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    x, y = as_vector(x, x_name), as_vector(y, y_name)
    same_length(x, y, x_name, y_name)
    return x, y


def _errors(y_true: ArrayLike, y_pred: ArrayLike) -> NDArray[np.float64]:
    y_true, y_pred = _number_pair(y_true, y_pred, "y_true", "y_pred")
    return np.subtract(y_true, y_pred, dtype=np.float64)


def _sum_of_squares(x: NDArray[np.float64]) -> float:
    """Return the sum of the squares of ``x``, which is overwritten: a copy would cost as much."""
    return float(np.square(x, out=x).sum())


def _scored_pair(
    y_true: ArrayLike, y_score: ArrayLike, positive: int | str
) -> tuple[NDArray[np.bool_], NDArray[np.floating]]:
    y_true, y_score = as_labels(y_true, "y_true"), as_vector(y_score, "y_score")
    same_length(y_true, y_score, "y_true", "y_score")
    is_positive = y_true == _positive_label(positive, y_true)
    if not is_positive.any():
        raise ValueError(message("y_true", f"at least one label {positive!r} (positive)", "none"))
    return is_positive, y_score


def _counts_by_threshold(
    is_positive: NDArray[np.bool_], y_score: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating]]:
    """Count true and false positives when scores from each distinct value up are called positive.

    The distinct scores, from high to low, come third.
    """
    order = np.argsort(y_score)[::-1]
    scores = y_score[order]
    # Tied scores cross a threshold together: only the last sample of each tie makes a point.
    last_of_tie = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    tp = np.cumsum(is_positive[order], dtype=np.int64)[last_of_tie]
    fp = last_of_tie + 1 - tp
    return tp, fp, scores[last_of_tie]


def _positive_label(positive: int | str, y_true: NDArray[Any]) -> int | str:
    positive = as_label(positive, "positive")
    same_kind(y_true, np.asarray(positive), "y_true", "positive")
    return positive


def _require_known(positive: int | str, classes: NDArray[Any]) -> None:
    """Refuse a label that never occurs, unless the classes are 0 and 1 as everybody knows."""
    zero_one = {0, 1}
    if not zero_one.issuperset({positive, *classes.tolist()}):
        expected = f"a label of y_true or y_pred (such as {classes[0].item()!r})"
        raise ValueError(message("positive", expected, repr(positive)))


def _ratio(numerator: float, denominator: float, zero_division: float) -> float:
    if not (isinstance(zero_division, float) and math.isnan(zero_division)):
        zero_division = as_probability(zero_division, "zero_division")
    return numerator / denominator if denominator else zero_division


def _cross_table(
    y_true: NDArray[Any], y_pred: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the sorted classes that occur, and the confusion matrix over them."""
    classes, rows, columns = _row_numbers(y_true, y_pred)
    size = len(classes)
    # Each pair (row, column) is one number below size**2: counting those numbers does it all.
    table = np.zeros(size * size, dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        table += np.bincount(rows[block] * size + columns[block], minlength=size * size)
    matrix = table.reshape(size, size)
    occurs = matrix.any(axis=0) | matrix.any(axis=1)
    return classes[occurs], matrix[np.ix_(occurs, occurs)]


def _row_numbers(
    y_true: NDArray[Any], y_pred: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]:
    """Return sorted classes, and the place among them of each label of either array."""
    if y_true.dtype.kind != "U":
        low = min(int(y_true.min()), int(y_pred.min()))
        high = max(int(y_true.max()), int(y_pred.max()))
        if max(-low, high) <= SMALL_LABEL:
            rows, columns = (y.astype(np.int64, copy=False) for y in (y_true, y_pred))
            if low < 0:
                rows, columns = rows - low, columns - low
            return np.arange(min(low, 0), high + 1), rows, columns
    classes, places = np.unique(np.concatenate((y_true, y_pred)), return_inverse=True)
    return classes, places[: len(y_true)], places[len(y_true) :]


def _places(labels: ArrayLike, classes: NDArray[Any]) -> dict[int | str, int]:
    """Return the row of each requested label, having checked that every class has one."""
    labels = as_labels(labels, "labels")
    same_kind(classes, labels, "y_true", "labels")
    place = {label: row for row, label in enumerate(labels.tolist())}
    if len(place) < len(labels):
        raise ValueError(message("labels", "distinct labels", labels.tolist()))
    missing = sorted(set(classes.tolist()) - set(place))
    if missing:
        expected = f"every label of y_true and y_pred, {missing[0]!r} included"
        raise ValueError(message("labels", expected, labels.tolist()))
    return place
