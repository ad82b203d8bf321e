"""Hidden checks of assignment 1: expected values by hand, by fractions, from course_lib."""

import numpy as np

from course_lib.grading.checks import Case, check
from course_lib.metrics import roc_auc, roc_curve

# --- count_outcomes ---------------------------------------------------------------------------


@check("test_count_outcomes", function="count_outcomes", points=1)
def each_outcome_has_its_place(rng):
    """Each of the four outcomes is counted in its own place."""
    yield Case(args=([1], [1], 1), expected=(1, 0, 0, 0))
    yield Case(args=([0], [1], 1), expected=(0, 1, 0, 0))
    yield Case(args=([1], [0], 1), expected=(0, 0, 1, 0))
    yield Case(args=([0], [0], 1), expected=(0, 0, 0, 1))
    yield Case(args=([1, 1, 0, 1, 0], [1, 0, 1, 1, 1], 1), expected=(2, 2, 1, 0))


@check("test_count_outcomes", function="count_outcomes", points=1)
def any_label_may_be_the_wolf(rng):
    """The positive class may be a word, the number 0, or one label among three."""
    yield Case(args=(["wolf"], ["wolf"], "wolf"), expected=(1, 0, 0, 0))
    yield Case(args=([0, 0, 1], [0, 1, 0], 0), expected=(1, 1, 1, 0))
    yield Case(args=(["wolf", "fox"], ["wolf", "calm"], "wolf"), expected=(1, 0, 0, 1))


@check("test_count_outcomes", function="count_outcomes", points=1)
def hundred_nights_are_all_counted(rng):
    """The nights of a long array are all counted, each once."""
    for tp, wrong, tn in ((20, 10, 60), (5, 40, 15)):
        truth = np.repeat([1, 0, 1, 0], [tp, wrong, wrong, tn])
        cries = np.repeat([1, 0], [tp + wrong, wrong + tn])
        order = rng.permutation(100)
        yield Case(args=(truth[order], cries[order], 1), expected=(tp, wrong, wrong, tn))


@check(
    "test_count_outcomes",
    function="count_outcomes",
    points=1,
    needs=("each_outcome_has_its_place",),
)
def different_lengths_are_refused(rng):
    """Lists of different lengths raise ValueError."""
    yield Case(args=([1], [1, 0], 1), raises=ValueError)
    yield Case(args=(["wolf", "calm", "calm"], ["wolf", "calm"], "wolf"), raises=ValueError)


# --- rates ------------------------------------------------------------------------------------


@check("test_rates", function="rates", points=1)
def always_right_or_always_wrong(rng):
    """A shepherd who is always right has three times 1, one who is always wrong three times 0."""
    yield Case(args=(3, 0, 0, 5), expected=(1.0, 1.0, 1.0))
    yield Case(args=(0, 3, 5, 0), expected=(0.0, 0.0, 0.0))


@check("test_rates", function="rates", points=1)
def each_ratio_has_its_denominator(rng):
    """Each ratio divides by its own total, for the bank's counts too."""
    yield Case(args=(1, 0, 1, 2), expected=(3 / 4, 1.0, 1 / 2))
    yield Case(args=(20, 10, 80, 890), expected=(91 / 100, 2 / 3, 1 / 5))


@check("test_rates", function="rates", points=1)
def undefined_ratios_are_nan(rng):
    """A ratio whose denominator is 0 is nan, and the others keep their values."""
    nan = float("nan")
    yield Case(args=(0, 0, 1, 3), expected=(3 / 4, nan, 0.0))
    yield Case(args=(0, 2, 0, 3), expected=(3 / 5, 0.0, nan))
    yield Case(args=(0, 0, 0, 4), expected=(1.0, nan, nan))
    yield Case(args=(0, 0, 0, 0), expected=(nan, nan, nan))


# --- f_beta -----------------------------------------------------------------------------------


@check("test_f_beta", function="f_beta", points=1)
def beta_one_is_the_harmonic_mean(rng):
    """With beta = 1 the score is the harmonic mean of precision and recall."""
    yield Case(args=(1, 0, 0, 1), expected=1.0)
    yield Case(args=(1, 0, 2, 1), expected=1 / 2)
    yield Case(args=(20, 10, 80, 1), expected=4 / 13)


@check("test_f_beta", function="f_beta", points=1)
def beta_moves_the_weight_to_recall(rng):
    """A beta above 1 weighs the missed wolves more, a beta below 1 the false alarms."""
    yield Case(args=(1, 0, 1, 2), expected=5 / 9)
    yield Case(args=(1, 1, 0, 2), expected=5 / 6)
    yield Case(args=(20, 10, 80, 2), expected=10 / 43)
    yield Case(args=(20, 10, 80, 0.5), expected=5 / 11)


@check("test_f_beta", function="f_beta", points=1)
def zero_and_undefined_differ(rng):
    """Without a true positive the score is 0; it is nan only when the three counts are 0."""
    yield Case(args=(0, 2, 0, 1), expected=0.0)
    yield Case(args=(0, 0, 3, 2), expected=0.0)
    yield Case(args=(0, 2, 3, 1), expected=0.0)
    yield Case(args=(0, 0, 0, 1), expected=float("nan"))


# --- roc_points -------------------------------------------------------------------------------


@check("test_roc_points", function="roc_points", points=1)
def one_score_at_a_time(rng):
    """From (0, 0) to (1, 1), the curve climbs for a positive, moves right for a negative."""
    yield Case(args=([0, 1], [0.2, 0.9]), expected=[[0, 0], [0, 1], [1, 1]])
    yield Case(args=([1, 0], [0.2, 0.9]), expected=[[0, 0], [1, 0], [1, 1]])
    yield Case(
        args=([1, 1, 0], [0.4, 0.8, 0.6]),
        expected=[[0, 0], [0, 0.5], [1, 0.5], [1, 1]],
    )


@check("test_roc_points", function="roc_points", points=1)
def ties_move_together(rng):
    """All the examples of one score become positive at the same threshold."""
    yield Case(args=([0, 1], [0.5, 0.5]), expected=[[0, 0], [1, 1]])
    yield Case(args=([1, 0, 0], [0.5, 0.5, 0.1]), expected=[[0, 0], [0.5, 1], [1, 1]])
    yield Case(args=([1, 0, 1], [0.9, 0.3, 0.3]), expected=[[0, 0], [0, 0.5], [1, 1]])


@check("test_roc_points", function="roc_points", points=1)
def scores_need_not_be_probabilities(rng):
    """Any numbers may be scores: negative ones, ones above 1, many with ties."""
    yield Case(args=([1, 0], [-1.0, -2.0]), expected=[[0, 0], [0, 1], [1, 1]])
    y_true = rng.permutation(np.repeat([0, 1], [25, 15]))
    scores = rng.integers(-8, 9, size=40).astype(float)
    curve = roc_curve(y_true, scores)
    yield Case(args=(y_true, scores), expected=np.column_stack([curve.fpr, curve.tpr]))


# --- area_by_pairs ----------------------------------------------------------------------------


@check("test_area_by_pairs", function="area_by_pairs", points=1)
def share_of_pairs_in_the_right_order(rng):
    """Without ties, the area is the share of the pairs in which the positive is above."""
    yield Case(args=([2.0], [1.0]), expected=1.0)
    yield Case(args=([1.0], [2.0]), expected=0.0)
    yield Case(args=([1.0, 3.0], [2.0, 0.0]), expected=3 / 4)


@check("test_area_by_pairs", function="area_by_pairs", points=1)
def ties_count_one_half(rng):
    """A tie counts one half, among pairs that are not ties too."""
    yield Case(args=([1.0], [1.0]), expected=1 / 2)
    yield Case(args=([1.0, 2.0], [1.0, 0.0]), expected=7 / 8)
    yield Case(args=([0.0, 1.0], [0.0, 1.0]), expected=1 / 2)


@check("test_area_by_pairs", function="area_by_pairs", points=1)
def area_is_that_of_the_curve(rng):
    """On lists of different lengths, the probability is the area under the ROC curve."""
    yield Case(args=([3.0, 1.0, 2.5], [2.0]), expected=2 / 3)
    for n_positive, n_negative in ((6, 3), (20, 35)):
        positive, negative = rng.normal(1.0, 2.0, n_positive), rng.normal(0.0, 1.0, n_negative)
        y_true = np.repeat([1, 0], [n_positive, n_negative])
        area = roc_auc(y_true, np.concatenate([positive, negative]))
        yield Case(args=(positive, negative), expected=area)
