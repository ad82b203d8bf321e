# %% [markdown]
# # Assignment 1: metrics
#
# A young shepherd cries "wolf!". A bank looks for frauds. Both are classifiers, and both can be
# right most of the time and still be useless. You write the numbers that tell.
#
# - You need NumPy, paper and the chapter *Metrics*. Nothing else is imported.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
#
# 20 points: 16 for the five functions, 4 for the written answer at the end.

# %% tags=["locked:imports"]
import numpy as np

# %% [markdown]
# ## 1. Four outcomes (4 points)
#
# Write `count_outcomes(y_true, y_pred, wolf)`, which returns the tuple of integers
# `(tp, fp, fn, tn)`. `y_true` and `y_pred` are lists or arrays of $n$ labels, words or numbers,
# two or more different ones. The label `wolf` is the positive class, all the others are negative.
# Two lengths that differ raise `ValueError`.
#
# Example: `count_outcomes(["wolf", "calm"], ["wolf", "wolf"], "wolf")` is `(1, 1, 0, 0)`.


# %% tags=["answer:count_outcomes"]
def count_outcomes(y_true, y_pred, wolf):
    """Return (tp, fp, fn, tn) when the label `wolf` is the positive one."""
    ### BEGIN SOLUTION
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if len(y_true) != len(y_pred):
        raise ValueError(f"y_pred: expected {len(y_true)} labels like y_true, got {len(y_pred)}")
    there, cried = y_true == wolf, y_pred == wolf
    return (
        int(np.sum(there & cried)),
        int(np.sum(~there & cried)),
        int(np.sum(there & ~cried)),
        int(np.sum(~there & ~cried)),
    )
    ### END SOLUTION


# %% tags=["test:test_count_outcomes:4"]
# Seven nights on the hill: one wolf seen, one missed, two false alarms, three calm nights.
truth = ["wolf", "wolf", "calm", "calm", "calm", "calm", "calm"]
cries = ["wolf", "calm", "wolf", "wolf", "calm", "calm", "calm"]
got, want = count_outcomes(truth, cries, "wolf"), (1, 2, 1, 3)
assert got == want, f"seven nights: expected (tp, fp, fn, tn) = {want}, got {got}"

# The same nights seen by somebody who waits for calm: "calm" is now the positive class.
got, want = count_outcomes(truth, cries, "calm"), (3, 1, 2, 1)
assert got == want, f"calm is positive: expected {want}, got {got}"

try:
    got = count_outcomes([1, 0], [1], 1)
except ValueError:
    got = ValueError
assert got is ValueError, f"2 labels, 1 prediction: expected a ValueError, got {got}"
print("count_outcomes: the public checks pass")

# %% [markdown]
# ## 2. Three ratios (3 points)
#
# Write `rates(tp, fp, fn, tn)`, which turns four counts into the tuple of floats
# `(accuracy, precision, recall)`. A ratio whose denominator is 0 is undefined: `float("nan")`
# takes its place.
#
# Example: `rates(1, 1, 0, 2)` is `(0.75, 0.5, 1.0)`.


# %% tags=["answer:rates"]
def rates(tp, fp, fn, tn):
    """Return (accuracy, precision, recall); an undefined ratio is nan."""

    ### BEGIN SOLUTION
    def ratio(part, whole):
        return part / whole if whole else float("nan")

    return ratio(tp + tn, tp + fp + fn + tn), ratio(tp, tp + fp), ratio(tp, tp + fn)
    ### END SOLUTION


# %% tags=["test:test_rates:3"]
got, want = rates(1, 1, 0, 2), (0.75, 0.5, 1.0)
assert got == want, f"expected (accuracy, precision, recall) = {want}, got {got}"

# A shepherd who sleeps through one wolf and nine calm nights: he never cried, so that there is
# no precision to speak of. He is right nine times out of ten all the same.
got = rates(0, 0, 1, 9)
assert np.isnan(got[1]), f"no cry at all: expected the precision nan, got {got[1]}"
assert got[0] == 0.9, f"no cry at all: expected the accuracy 0.9, got {got[0]}"
print("rates: the public checks pass")

# %% [markdown]
# ## 3. One score out of two (3 points)
#
# Write `f_beta(tp, fp, fn, beta)`, which returns the float $F_\beta$, the weighted harmonic mean
#
# $$\frac{1 + \beta^2}{F_\beta} = \frac{1}{\mathrm{precision}} + \frac{\beta^2}{\mathrm{recall}}.$$
#
# Simplify on paper until only counts are left: the result is `float("nan")` when the three counts
# are 0, and only then.
#
# Example: `f_beta(2, 0, 1, 1)` is $4/5 = 0.8$; `f_beta(2, 0, 1, 2)` is $10/14 \approx 0.714$.


# %% tags=["answer:f_beta"]
def f_beta(tp, fp, fn, beta):
    """Return the score F beta of three counts; nan when they are all 0."""
    ### BEGIN SOLUTION
    if tp + fp + fn == 0:
        return float("nan")
    weight = beta**2
    return (1 + weight) * tp / ((1 + weight) * tp + weight * fn + fp)
    ### END SOLUTION


# %% tags=["test:test_f_beta:3"]
got, want = f_beta(2, 0, 1, 1), 0.8
assert np.isclose(got, want), f"F1 of 2 wolves seen, 1 missed: expected {want}, got {got}"

# A missed wolf costs more when beta is above 1: the score falls.
got, want = f_beta(2, 0, 1, 2), 10 / 14
assert np.isclose(got, want), f"the same with beta = 2: expected {want:.4f}, got {got}"
print("f_beta: the public checks pass")

# %% [markdown]
# ## 4. Every threshold at once (3 points)
#
# Write `roc_points(y_true, scores)`. `y_true` holds $n$ labels 0 and 1 (both occur), `scores` $n$
# numbers, higher for "more likely a 1", $k$ of them *distinct*. The result is an array of shape
# `(k + 1, 2)`: the points `(false positive rate, true positive rate)` from `(0, 0)` to `(1, 1)`,
# one for each distinct score that the threshold reaches on its way down.
#
# Example: `roc_points([0, 1, 1], [0.1, 0.1, 0.7])` is `[[0, 0], [0, 0.5], [1, 1]]`.


# %% tags=["answer:roc_points"]
def roc_points(y_true, scores):
    """Return the (k + 1, 2) array of the points of the ROC curve, from (0, 0) to (1, 1)."""
    ### BEGIN SOLUTION
    y_true, scores = np.asarray(y_true), np.asarray(scores)
    points = [(0.0, 0.0)]
    for threshold in np.unique(scores)[::-1]:
        alarm = scores >= threshold
        points.append((np.mean(alarm[y_true == 0]), np.mean(alarm[y_true == 1])))
    return np.array(points)
    ### END SOLUTION


# %% tags=["test:test_roc_points:3"]
# Three scores, all different: first a true positive, then a false one, then a true one.
got, want = roc_points([1, 0, 1], [0.9, 0.5, 0.2]), [[0, 0], [0, 0.5], [1, 0.5], [1, 1]]
assert np.shape(got) == (4, 2), f"3 distinct scores: expected the shape (4, 2), got {np.shape(got)}"
assert np.allclose(got, want), f"expected the points {want}, got {np.asarray(got).tolist()}"

# The same score for everybody: no threshold can tell them apart.
got, want = roc_points([0, 1], [0.5, 0.5]), [[0, 0], [1, 1]]
assert np.shape(got) == (2, 2), f"1 distinct score: expected the shape (2, 2), got {np.shape(got)}"
print("roc_points: the public checks pass")

# %% [markdown]
# ## 5. The area, without the curve (3 points)
#
# Write `area_by_pairs(positive_scores, negative_scores)`, which returns a float: the probability
# that a positive drawn at random has a higher score than a negative drawn at random. A tie
# counts one half. The two lists are not empty and may have different lengths.
#
# Example: `area_by_pairs([3, 1], [2])` is `0.5`: one pair of the two is in the right order.


# %% tags=["answer:area_by_pairs"]
def area_by_pairs(positive_scores, negative_scores):
    """Return the probability that a random positive is ranked above a random negative."""
    ### BEGIN SOLUTION
    positive = np.asarray(positive_scores)[:, np.newaxis]
    negative = np.asarray(negative_scores)[np.newaxis, :]
    return float(np.mean((positive > negative) + 0.5 * (positive == negative)))
    ### END SOLUTION


# %% tags=["test:test_area_by_pairs:3"]
got, want = area_by_pairs([3, 1], [2]), 0.5
assert got == want, f"one pair of two in the right order: expected {want}, got {got}"

got, want = area_by_pairs([0.9, 0.8], [0.1, 0.2, 0.3]), 1.0
assert got == want, f"every positive above every negative: expected {want}, got {got}"

got, want = area_by_pairs([0.5], [0.5]), 0.5
assert got == want, f"a tie counts one half: expected {want}, got {got}"
print("area_by_pairs: the public checks pass")

# %% [markdown] tags=["manual:director:4"]
# ## 6. "91 % accuracy!" (4 points)
#
# Your bank's detector was tested on 1000 payments, 100 of them frauds. It stopped 20 frauds and
# 10 honest payments; 80 frauds went through, as did 890 honest payments. The director reads
# "91 % accuracy" and wants it on a poster. Explain to the director, in about five lines and
# without a formula, why this number does not describe the detector, and which numbers would.
#
# ### BEGIN SOLUTION
# *Mark scheme, one point each, whatever the words:*
#
# 1. *The comparison.* A system that never stops anything is right for the 900 honest payments:
#    90 %. The detector is worth one point more than doing nothing. Frauds are rare, so the
#    accuracy is mostly that of the honest payments.
# 2. *The recall.* It finds 20 frauds of 100: 80 % of the frauds go through.
# 3. *The precision.* Of its 30 alarms 20 are right (two thirds, 67 %): one customer in three
#    who is stopped is honest.
# 4. *A decision.* The answer proposes what to report instead and says why: the recall with the
#    precision, or $F_\beta$ with $\beta > 1$ because a missed fraud costs more than a phone call,
#    or the cost in money, or the ROC curve to choose another threshold.
#
# Take a point off an answer that calls the 91 % "precision", once. Three right numbers with no
# sentence that the director could repeat: 2 points at most.
# ### END SOLUTION
