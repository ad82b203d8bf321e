"""Wrong answers of assignment 1 that students really give: each must lose points, with its hint."""

import numpy as np

from course_lib.grading.checks import mistake

NAN = float("nan")


def _ratio(part, whole):
    return part / whole if whole else NAN


# --- count_outcomes ---------------------------------------------------------------------------


def _outcomes(y_true, y_pred, wolf):
    """The right counts, for the mistakes that spoil them."""
    if len(y_true) != len(y_pred):
        raise ValueError("different lengths")
    there, cried = np.asarray(y_true) == wolf, np.asarray(y_pred) == wolf
    tp, cries, wolves = int(np.sum(there & cried)), int(np.sum(cried)), int(np.sum(there))
    return tp, cries - tp, wolves - tp, len(y_true) - cries - wolves + tp


@mistake("count_outcomes", hint="The function hands nothing back: it has no `return`.")
def counts_not_returned(y_true, y_pred, wolf):
    """Computes or prints the counts and returns None."""
    return None


@mistake(
    "count_outcomes",
    hint="A false positive is a cry with no wolf: see which of the two lists names the wolf.",
)
def false_positives_and_negatives_swapped(y_true, y_pred, wolf):
    """Swaps the false positives and the false negatives."""
    tp, fp, fn, tn = _outcomes(y_true, y_pred, wolf)
    return tp, fn, fp, tn


@mistake(
    "count_outcomes",
    hint="The numbers may be right, their order is not: read it again in the statement.",
)
def order_of_the_confusion_matrix(y_true, y_pred, wolf):
    """Returns (tn, fp, fn, tp), the order in which scikit-learn's matrix is unrolled."""
    return _outcomes(y_true, y_pred, wolf)[::-1]


@mistake("count_outcomes", hint="Which label is positive is given by the third argument.")
def the_wolf_is_always_one(y_true, y_pred, wolf):
    """Takes the label 1 for the positive one whatever `wolf` says."""
    return _outcomes(y_true, y_pred, 1)


@mistake(
    "count_outcomes",
    hint="`a_list == label` compares the list as a whole and gives one False: make it an array.",
)
def list_compared_as_a_whole(y_true, y_pred, wolf):
    """Writes y_true == wolf for a list, which is one False."""
    if isinstance(y_true, list):
        y_true, y_pred = [y_true == wolf], [y_pred == wolf]
        wolf = True
    return _outcomes(y_true, y_pred, wolf)


@mistake(
    "count_outcomes",
    hint="With three labels, two that differ can both be negative: compare each with `wolf`.",
)
def negatives_must_agree(y_true, y_pred, wolf):
    """Counts a true negative only where the two labels are equal."""
    tp, fp, fn, _ = _outcomes(y_true, y_pred, wolf)
    same = np.asarray(y_true) == np.asarray(y_pred)
    return tp, fp, fn, int(np.sum(same)) - tp


@mistake(
    "count_outcomes",
    hint="The four counts must add up to the number of examples: one example is counted twice.",
)
def right_answers_taken_for_true_negatives(y_true, y_pred, wolf):
    """Counts every right answer as a true negative, the true positives included."""
    tp, fp, fn, tn = _outcomes(y_true, y_pred, wolf)
    return tp, fp, fn, tn + tp


@mistake(
    "count_outcomes",
    hint="Every cry is in your first count. Were all of them right?",
)
def every_cry_taken_for_a_true_positive(y_true, y_pred, wolf):
    """Counts the predicted positives instead of the true positives."""
    tp, fp, fn, tn = _outcomes(y_true, y_pred, wolf)
    return tp + fp, fp, fn, tn


@mistake("count_outcomes", hint="Counts are whole numbers: do not divide by the length.")
def shares_instead_of_counts(y_true, y_pred, wolf):
    """Returns proportions."""
    return tuple(count / len(y_true) for count in _outcomes(y_true, y_pred, wolf))


@mistake(
    "count_outcomes",
    hint="`zip` stops at the end of the shorter list and says nothing: compare the lengths first.",
)
def longer_list_cut(y_true, y_pred, wolf):
    """Cuts the longer of the two lists instead of raising ValueError."""
    n = min(len(y_true), len(y_pred))
    return _outcomes(y_true[:n], y_pred[:n], wolf)


# --- rates ------------------------------------------------------------------------------------


@mistake("rates", hint="The function hands nothing back: it has no `return`.")
def rates_not_returned(tp, fp, fn, tn):
    """Computes or prints the ratios and returns None."""
    return None


@mistake(
    "rates",
    hint="The second number is the share of right answers among the cries, not among all nights.",
)
def accuracy_taken_for_precision(tp, fp, fn, tn):
    """Gives the accuracy the name of precision, as everyday French does."""
    accuracy = _ratio(tp + tn, tp + fp + fn + tn)
    return accuracy, accuracy, _ratio(tp, tp + fn)


@mistake(
    "rates", hint="Of the cries, or of the wolves? Precision asks one question, recall the other."
)
def precision_and_recall_swapped(tp, fp, fn, tn):
    """Swaps precision and recall."""
    return _ratio(tp + tn, tp + fp + fn + tn), _ratio(tp, tp + fn), _ratio(tp, tp + fp)


@mistake("rates", hint="Keeping silent on a calm night is a right answer too.")
def true_negatives_forgotten(tp, fp, fn, tn):
    """Computes the accuracy without the true negatives in the numerator."""
    return _ratio(tp, tp + fp + fn + tn), _ratio(tp, tp + fp), _ratio(tp, tp + fn)


@mistake("rates", hint="The accuracy divides by all the examples, wrong answers included.")
def errors_forgotten_in_the_total(tp, fp, fn, tn):
    """Divides the right answers by tp + tn + fp, without the false negatives."""
    return _ratio(tp + tn, tp + fp + tn), _ratio(tp, tp + fp), _ratio(tp, tp + fn)


@mistake("rates", hint="A third ratio is asked: of the wolves, not of the calm nights.")
def specificity_taken_for_recall(tp, fp, fn, tn):
    """Returns tn / (tn + fp), the specificity, in the place of the recall."""
    return _ratio(tp + tn, tp + fp + fn + tn), _ratio(tp, tp + fp), _ratio(tn, tn + fp)


@mistake("rates", hint="0 is a value, and a bad one. What does the statement ask for 0 / 0?")
def undefined_is_zero(tp, fp, fn, tn):
    """Returns 0 for an undefined ratio, as course_lib does."""
    return tuple(
        part / whole if whole else 0.0
        for part, whole in ((tp + tn, tp + fp + fn + tn), (tp, tp + fp), (tp, tp + fn))
    )


@mistake("rates", hint="One undefined ratio does not make the others undefined.")
def everything_nan_at_once(tp, fp, fn, tn):
    """Returns three nans as soon as one denominator is 0."""
    if tp + fp == 0 or tp + fn == 0:
        return NAN, NAN, NAN
    return (tp + tn) / (tp + fp + fn + tn), tp / (tp + fp), tp / (tp + fn)


@mistake("rates", hint="Ratios between 0 and 1 are asked, not percentages.")
def shares_in_percent(tp, fp, fn, tn):
    """Returns percentages."""
    return (
        100 * _ratio(tp + tn, tp + fp + fn + tn),
        100 * _ratio(tp, tp + fp),
        100 * _ratio(tp, tp + fn),
    )


# --- f_beta -----------------------------------------------------------------------------------


def _f(tp, fp, fn, weight):
    """The right score for weight = beta^2, for the mistakes that spoil it."""
    return _ratio((1 + weight) * tp, (1 + weight) * tp + weight * fn + fp)


@mistake("f_beta", hint="The function hands nothing back: it has no `return`.")
def score_not_returned(tp, fp, fn, beta):
    """Computes or prints the score and returns None."""
    return None


@mistake("f_beta", hint="That is the arithmetic mean: one good ratio hides a bad one.")
def arithmetic_mean(tp, fp, fn, beta):
    """Takes the arithmetic mean of precision and recall (weighted by beta^2)."""
    precision, recall = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
    return (precision + beta**2 * recall) / (1 + beta**2)


@mistake("f_beta", hint="That is the geometric mean, with a square root: the score has none.")
def geometric_mean(tp, fp, fn, beta):
    """Takes the geometric mean of precision and recall, 0 where there is no true positive."""
    if tp == 0:
        return _f(tp, fp, fn, beta**2)
    return tp / ((tp + fp) * (tp + fn)) ** 0.5


@mistake("f_beta", hint="Look at the exponent of beta in the formula.")
def beta_not_squared(tp, fp, fn, beta):
    """Uses beta where the formula has beta squared."""
    return _f(tp, fp, fn, beta)


@mistake("f_beta", hint="Your score does not depend on beta.")
def beta_ignored(tp, fp, fn, beta):
    """Returns F1 whatever beta is."""
    return _f(tp, fp, fn, 1)


@mistake(
    "f_beta", hint="A large beta must punish the wolves that were missed, not the false alarms."
)
def beta_on_the_false_positives(tp, fp, fn, beta):
    """Gives the weight beta^2 to the false positives."""
    return _f(tp, fn, fp, beta**2)


@mistake("f_beta", hint="A detector without errors must have the score 1: does yours?")
def factor_missing_in_the_numerator(tp, fp, fn, beta):
    """Forgets the factor 1 + beta^2 above the bar."""
    return _f(tp, fp, fn, beta**2) / (1 + beta**2)


@mistake("f_beta", hint="The true positives have a factor below the bar too.")
def true_positives_counted_once(tp, fp, fn, beta):
    """Forgets the factor 1 + beta^2 below the bar."""
    return _ratio((1 + beta**2) * tp, tp + beta**2 * fn + fp)


@mistake(
    "f_beta", hint="That is tp / (tp + fp + fn), another score: it weighs the errors twice as much."
)
def jaccard_index(tp, fp, fn, beta):
    """Returns the Jaccard index, which has no factor at all."""
    return _ratio(tp, tp + beta**2 * fn + fp)


@mistake(
    "f_beta",
    hint="Going through precision and recall meets 0 / 0 where the score itself is defined.",
)
def through_precision_and_recall(tp, fp, fn, beta):
    """Combines precision and recall, so that an undefined one spoils the score."""
    precision, recall = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
    return _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


@mistake("f_beta", hint="No wolf and no cry: nothing was measured. What does the statement ask?")
def nothing_at_all_is_zero(tp, fp, fn, beta):
    """Returns 0 when the three counts are 0."""
    return _f(tp, fp, fn, beta**2) if tp + fp + fn else 0.0


# --- roc_points -------------------------------------------------------------------------------


def _curve(y_true, scores, thresholds):
    """The points of the curve at the given thresholds, for the mistakes that spoil it."""
    y_true, scores = np.asarray(y_true), np.asarray(scores)
    alarms = scores >= np.asarray(thresholds)[:, np.newaxis]
    return np.column_stack([alarms[:, y_true == c].mean(axis=1) for c in (0, 1)])


def _distinct(scores):
    return np.concatenate([[np.inf], np.unique(scores)[::-1]])


@mistake("roc_points", hint="The function hands nothing back: it has no `return`.")
def points_not_returned(y_true, scores):
    """Draws or prints the curve and returns None."""
    return None


@mistake(
    "roc_points",
    hint="Examples with the same score cannot be told apart by a threshold: move them together.",
)
def ties_one_by_one(y_true, scores):
    """Sorts the examples and moves them one by one, ties too."""
    y_true = np.asarray(y_true)[np.argsort(-np.asarray(scores), kind="stable")]
    steps = np.column_stack([y_true == 0, y_true == 1]).cumsum(axis=0)
    return np.vstack([[0.0, 0.0], steps / steps[-1]])


@mistake("roc_points", hint="Which rate is the abscissa? A perfect detector passes through (0, 1).")
def columns_swapped(y_true, scores):
    """Puts the true positive rate first."""
    return _curve(y_true, scores, _distinct(scores))[:, ::-1]


@mistake("roc_points", hint="The curve must start at (0, 0): the highest threshold comes first.")
def from_one_one_to_zero_zero(y_true, scores):
    """Raises the threshold, so that the points come in the opposite order."""
    return _curve(y_true, scores, _distinct(scores))[::-1]


@mistake(
    "roc_points", hint="A higher score means more likely a 1: your alarm rings for low scores."
)
def low_scores_are_positive(y_true, scores):
    """Predicts positive at or below the threshold."""
    scores = -np.asarray(scores)
    return _curve(y_true, scores, _distinct(scores))


@mistake("roc_points", hint="A threshold above every score gives one more point: which one?")
def origin_forgotten(y_true, scores):
    """Starts at the highest score, without (0, 0)."""
    return _curve(y_true, scores, _distinct(scores)[1:])


@mistake("roc_points", hint="Lower the threshold to the lowest score: is everybody positive now?")
def strictly_above_the_threshold(y_true, scores):
    """Predicts positive strictly above each score, so that (1, 1) is never reached."""
    return np.vstack([[0.0, 0.0], _curve(y_true, scores, _distinct(scores)[:-1])])


@mistake("roc_points", hint="Rates lie between 0 and 1: these are counts.")
def counts_instead_of_rates(y_true, scores):
    """Forgets to divide by the number of negatives and of positives."""
    y_true = np.asarray(y_true)
    totals = [np.sum(y_true == 0), np.sum(y_true == 1)]
    return _curve(y_true, scores, _distinct(scores)) * totals


@mistake("roc_points", hint="Each rate has its own denominator: the negatives, or the positives.")
def rates_among_everybody(y_true, scores):
    """Divides both counts by the number of examples."""
    return counts_instead_of_rates(y_true, scores) / len(y_true)


@mistake("roc_points", hint="The thresholds to try are the scores themselves, not a regular grid.")
def grid_of_thresholds(y_true, scores):
    """Tries eleven thresholds between 1 and 0."""
    return _curve(y_true, scores, np.linspace(1, 0, 11))


@mistake("roc_points", hint="The scores are not sorted when they come in: sort first.")
def not_sorted(y_true, scores):
    """Takes the scores as thresholds in the order in which they come."""
    values, first = np.unique(scores, return_index=True)
    return _curve(y_true, scores, np.concatenate([[np.inf], values[np.argsort(first)]]))


@mistake(
    "roc_points", hint="One point for each distinct score: keep those in the middle of a segment."
)
def only_the_corners(y_true, scores):
    """Drops the points that lie on a straight line between their neighbours."""
    points = _curve(y_true, scores, _distinct(scores))
    before, after = np.diff(points, axis=0)[:-1], np.diff(points, axis=0)[1:]
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return points[np.concatenate([[True], ~np.isclose(turn, 0), [True]])]


# --- area_by_pairs ----------------------------------------------------------------------------


def _pairs(positive, negative):
    """The differences of all the pairs, one row for each positive."""
    return np.subtract.outer(np.asarray(positive), np.asarray(negative))


@mistake("area_by_pairs", hint="The function hands nothing back: it has no `return`.")
def area_not_returned(positive_scores, negative_scores):
    """Computes or prints the area and returns None."""
    return None


@mistake("area_by_pairs", hint="A pair of equal scores is not lost: look at what a tie counts.")
def ties_count_nothing(positive_scores, negative_scores):
    """Compares strictly, so that a tie counts 0."""
    return np.mean(_pairs(positive_scores, negative_scores) > 0)


@mistake("area_by_pairs", hint="A pair of equal scores is not won: look at what a tie counts.")
def ties_count_one(positive_scores, negative_scores):
    """Compares with >=, so that a tie counts 1."""
    return np.mean(_pairs(positive_scores, negative_scores) >= 0)


@mistake("area_by_pairs", hint="Leaving the ties out changes the number of pairs: keep them in.")
def ties_left_out(positive_scores, negative_scores):
    """Divides by the number of pairs that are not ties."""
    difference = _pairs(positive_scores, negative_scores)
    return _ratio(np.sum(difference > 0), np.sum(difference != 0))


@mistake("area_by_pairs", hint="A good detector gets 0 from you: who must be above whom?")
def negatives_above_positives(positive_scores, negative_scores):
    """Counts the pairs in which the negative is above."""
    return np.mean(np.heaviside(-_pairs(positive_scores, negative_scores), 0.5))


@mistake("area_by_pairs", hint="A probability is asked: divide by the number of pairs.")
def pairs_counted(positive_scores, negative_scores):
    """Returns the number of pairs in the right order."""
    return np.sum(np.heaviside(_pairs(positive_scores, negative_scores), 0.5))


@mistake(
    "area_by_pairs", hint="How many pairs are there when the two lists have different lengths?"
)
def divided_by_the_square_of_the_positives(positive_scores, negative_scores):
    """Divides by the square of the number of positives."""
    return pairs_counted(positive_scores, negative_scores) / len(positive_scores) ** 2


@mistake("area_by_pairs", hint="Compare each positive with every negative, not with its neighbour.")
def neighbours_only(positive_scores, negative_scores):
    """Compares the first with the first, the second with the second."""
    pairs = list(zip(positive_scores, negative_scores, strict=False))
    return np.mean([np.heaviside(p - n, 0.5) for p, n in pairs])


@mistake("area_by_pairs", hint="Two means compared give one yes or no; compare the examples.")
def means_compared(positive_scores, negative_scores):
    """Compares the mean of the positives with the mean of the negatives."""
    return np.heaviside(np.mean(positive_scores) - np.mean(negative_scores), 0.5)
