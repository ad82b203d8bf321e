"""The metrics against scikit-learn, against their own laws, and against bad arguments."""

import warnings
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from course_lib import metrics
from course_lib.metrics import (
    Counts,
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    confusion_matrix,
    counts,
    f1,
    fbeta,
    macro,
    mae,
    mse,
    precision,
    precision_recall_curve,
    r2,
    recall,
    roc_auc,
    roc_curve,
)

TIGHT = {"rtol": 1e-12, "atol": 1e-12}


def label_pairs(n_classes):
    """Strategy: truth and prediction of the same length, labels 0 to n_classes - 1."""
    label = st.integers(0, n_classes - 1)
    pairs = st.lists(st.tuples(label, label), min_size=1, max_size=60)
    return pairs.map(lambda rows: tuple(np.array(rows).T))


@st.composite
def scored_labels(draw):
    """Strategy: truth with both classes, and scores among few values, so that many tie."""
    negatives, positives = (
        draw(st.lists(st.integers(-5, 5), min_size=1, max_size=30)) for _ in range(2)
    )
    y_true = np.repeat([0, 1], [len(negatives), len(positives)])
    return y_true, np.array(negatives + positives) / 4


def labels_of(table):
    """Return the truth and the prediction that have the given counts."""
    truth_and_call = np.repeat([(1, 1), (0, 1), (1, 0), (0, 0)], table, axis=0)
    return truth_and_call[:, 0], truth_and_call[:, 1]


# The worked numbers of the course


def test_fraud_exercise():
    y_true, y_pred = labels_of(Counts(tp=20, fp=10, fn=80, tn=890))
    tp, fp, fn, tn = table = counts(y_true, y_pred)
    assert table == (20, 10, 80, 890)
    # The counts are plain integers: the fractions are exact, and each score is the nearest float.
    exact = {
        accuracy: Fraction(tp + tn, sum(table)),
        precision: Fraction(tp, tp + fp),
        recall: Fraction(tp, tp + fn),
        f1: Fraction(2 * tp, 2 * tp + fp + fn),
    }
    assert list(exact.values()) == [
        Fraction(91, 100),
        Fraction(2, 3),
        Fraction(1, 5),
        Fraction(4, 13),
    ]
    for metric, value in exact.items():
        assert metric(y_true, y_pred) == float(value)


def test_constant_classifier_looks_good_until_the_classes_are_balanced():
    y_true = np.repeat([0, 1], [9000, 1000])
    y_pred = np.zeros_like(y_true)
    assert accuracy(y_true, y_pred) == 0.9
    assert balanced_accuracy(y_true, y_pred) == 0.5
    assert (precision(y_true, y_pred), recall(y_true, y_pred), f1(y_true, y_pred)) == (0, 0, 0)


def test_boy_who_cried_wolf_in_words():
    y_true = ["no wolf", "no wolf", "wolf", "no wolf"]
    y_pred = ["wolf", "wolf", "no wolf", "no wolf"]
    assert counts(y_true, y_pred, positive="wolf") == (0, 2, 1, 1)
    assert confusion_matrix(y_true, y_pred).tolist() == [[1, 2], [1, 0]]
    assert confusion_matrix(y_true, y_pred, labels=["wolf", "no wolf"]).tolist() == [[0, 1], [2, 1]]
    assert accuracy(y_true, y_pred) == 0.25
    assert macro(recall, y_true, y_pred) == sk.recall_score(y_true, y_pred, average="macro")


# Against scikit-learn


@given(label_pairs(4))
def test_counting_matches_scikit_learn(pair):
    with warnings.catch_warnings(action="ignore"):  # a single label; a class that is never true
        expected_matrix = sk.confusion_matrix(*pair)
        expected_mean = sk.balanced_accuracy_score(*pair)
    np.testing.assert_array_equal(confusion_matrix(*pair), expected_matrix)
    np.testing.assert_allclose(balanced_accuracy(*pair), expected_mean, **TIGHT)
    order = [3, 0, 2, 1]
    np.testing.assert_array_equal(
        confusion_matrix(*pair, labels=order), sk.confusion_matrix(*pair, labels=order)
    )
    assert accuracy(*pair) == sk.accuracy_score(*pair)


@given(label_pairs(2), st.sampled_from([0, 1]), st.sampled_from([0.0, 1.0, np.nan]))
def test_two_class_scores_match_scikit_learn(pair, positive, zero_division):
    ours = {"positive": positive, "zero_division": zero_division}
    theirs = {"labels": [0, 1], "pos_label": positive, "zero_division": zero_division}
    for our, their in [
        (precision, sk.precision_score),
        (recall, sk.recall_score),
        (f1, sk.f1_score),
        (partial(fbeta, beta=0.5), partial(sk.fbeta_score, beta=0.5)),
        (partial(fbeta, beta=3), partial(sk.fbeta_score, beta=3)),
    ]:
        np.testing.assert_allclose(our(*pair, **ours), their(*pair, **theirs), **TIGHT)
    tn, fp, fn, tp = sk.confusion_matrix(*pair == np.intp(positive), labels=[False, True]).ravel()
    assert counts(*pair, positive=positive) == (tp, fp, fn, tn)


@given(label_pairs(4), st.sampled_from([0.0, 1.0, np.nan]))
def test_macro_matches_scikit_learn(pair, zero_division):
    for our, their in [
        (precision, sk.precision_score),
        (recall, sk.recall_score),
        (f1, sk.f1_score),
    ]:
        value = macro(partial(our, zero_division=zero_division), *pair)
        expected = their(*pair, average="macro", zero_division=zero_division)
        np.testing.assert_allclose(value, expected, **TIGHT)


def assert_curves_match(y_true, y_score):
    for value, expected in zip(
        roc_curve(y_true, y_score),
        sk.roc_curve(y_true, y_score, drop_intermediate=False),
        strict=True,
    ):
        np.testing.assert_allclose(value, expected, **TIGHT)
    for value, expected in zip(
        precision_recall_curve(y_true, y_score),
        sk.precision_recall_curve(y_true, y_score),
        strict=True,
    ):
        np.testing.assert_allclose(value, expected, **TIGHT)
    np.testing.assert_allclose(
        [roc_auc(y_true, y_score), average_precision(y_true, y_score)],
        [sk.roc_auc_score(y_true, y_score), sk.average_precision_score(y_true, y_score)],
        **TIGHT,
    )


@given(scored_labels())
def test_curves_match_scikit_learn(scored):
    assert_curves_match(*scored)


@pytest.mark.parametrize("n_positive", [1, 3, 19_997, 19_999])
@pytest.mark.parametrize("decimals", [1, 15])
def test_curves_match_scikit_learn_under_extreme_imbalance(n_positive, decimals):
    rng = np.random.default_rng(n_positive)
    y_true = rng.permutation(np.arange(20_000) < n_positive)
    assert_curves_match(y_true, np.round(rng.random(20_000), decimals))


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 2), min_size=2, max_size=40))
def test_regression_scores_match_scikit_learn(rows):
    y_true, y_pred = np.array(rows).T
    assert mse(y_true, y_pred) == pytest.approx(sk.mean_squared_error(y_true, y_pred), rel=1e-12)
    assert mae(y_true, y_pred) == pytest.approx(sk.mean_absolute_error(y_true, y_pred), rel=1e-12)
    if np.ptp(y_true) > 1e-3:  # below that, scikit-learn divides by what is left of a rounding
        assert r2(y_true, y_pred) == pytest.approx(sk.r2_score(y_true, y_pred), rel=1e-12)


def test_r2_of_constant_values_is_one_or_zero():
    constant = np.full(3, 0.1)  # whose mean is 0.10000000000000002
    assert r2(constant, constant) == 1.0
    assert r2(constant, constant + 1e-9) == 0.0


def test_auc_takes_falling_abscissas_and_refuses_a_turn():
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.random(50)), rng.random(50)
    np.testing.assert_allclose(auc(x, y), sk.auc(x, y), **TIGHT)
    np.testing.assert_allclose(auc(x[::-1], y[::-1]), sk.auc(x, y), **TIGHT)
    assert auc([1, 1], [0, 5]) == 0


# Laws


@given(label_pairs(3))
def test_counts_add_up_and_exchange_roles(pair):
    y_true, y_pred = pair
    table = counts(y_true, y_pred, positive=y_true[0])
    assert sum(table) == len(y_true)
    assert counts(y_pred, y_true, positive=y_true[0]) == (table.tp, table.fn, table.fp, table.tn)
    assert confusion_matrix(y_true, y_pred).sum() == len(y_true)
    np.testing.assert_array_equal(
        confusion_matrix(y_pred, y_true), confusion_matrix(y_true, y_pred).T
    )


@given(label_pairs(2), st.floats(0.01, 100))
def test_f_scores_lie_between_precision_and_recall(pair, beta):
    y_true, y_pred = pair
    p, r = precision(y_true, y_pred), recall(y_true, y_pred)
    assert r == precision(y_pred, y_true)
    assert f1(y_true, y_pred) == fbeta(y_true, y_pred, beta=1)
    assert f1(y_true, y_pred) == f1(y_pred, y_true)
    for value in (f1(y_true, y_pred), fbeta(y_true, y_pred, beta=beta)):
        assert min(p, r) - 1e-12 <= value <= max(p, r) + 1e-12


def test_fbeta_leans_to_recall_as_beta_grows():
    pair = labels_of(Counts(tp=20, fp=10, fn=80, tn=890))
    values = [fbeta(*pair, beta=beta) for beta in (1e-200, 0.5, 1, 2, 1e200)]
    assert values == sorted(values, reverse=True)
    assert values[0] == precision(*pair)
    assert values[-1] == recall(*pair)


@given(label_pairs(4), st.permutations(range(4)), st.randoms(use_true_random=False))
def test_order_and_names_change_nothing(pair, names, random):
    y_true, y_pred = pair
    shuffled = random.sample(range(len(y_true)), len(y_true))
    np.testing.assert_array_equal(
        confusion_matrix(y_true[shuffled], y_pred[shuffled]), confusion_matrix(*pair)
    )
    renamed = [np.array(names)[y] for y in pair]
    for metric in (precision, recall, f1):
        np.testing.assert_allclose(macro(metric, *renamed), macro(metric, *pair), **TIGHT)
    np.testing.assert_allclose(balanced_accuracy(*renamed), balanced_accuracy(*pair), **TIGHT)
    assert accuracy(*renamed) == accuracy(*pair)


@given(label_pairs(4), st.sampled_from([-2, 499, 10**6, 2**60]))
def test_large_and_negative_labels_are_counted_as_small_ones(pair, shift):
    shifted = [y + shift for y in pair]
    np.testing.assert_array_equal(confusion_matrix(*shifted), confusion_matrix(*pair))
    assert macro(f1, *shifted) == macro(f1, *pair)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.uint64, np.float32, str, object])
def test_every_kind_of_label_gives_the_same_counts(dtype):
    pair = labels_of(Counts(tp=3, fp=2, fn=4, tn=1))
    kind = str if dtype is object else dtype
    recoded = [y.astype(kind).astype(dtype) for y in pair]
    positive = "1" if kind is str else 1
    assert counts(*recoded, positive=positive) == (3, 2, 4, 1)
    np.testing.assert_array_equal(confusion_matrix(*recoded), [[1, 2], [4, 3]])


def test_confusion_matrix_of_many_samples_crosses_block_borders():
    pair = np.random.default_rng(0).integers(0, 5, size=(2, 2 * metrics.BLOCK + 1))
    np.testing.assert_array_equal(confusion_matrix(*pair), sk.confusion_matrix(*pair))


def test_confusion_matrix_keeps_room_for_a_label_that_never_occurs():
    matrix = confusion_matrix([0, 1], [0, 0], labels=[2, 1, 0])
    assert matrix.tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 1]]
    assert matrix.dtype == np.int64


@given(scored_labels())
def test_auc_is_the_probability_of_ranking_a_pair_well(scored):
    y_true, y_score = scored
    gaps = y_score[y_true == 1][:, None] - y_score[y_true == 0]
    mann_whitney = np.mean((gaps > 0) + 0.5 * (gaps == 0))
    np.testing.assert_allclose(roc_auc(y_true, y_score), mann_whitney, **TIGHT)
    np.testing.assert_allclose(roc_auc(1 - y_true, y_score), 1 - mann_whitney, **TIGHT)
    np.testing.assert_allclose(roc_auc(y_true, -y_score), 1 - mann_whitney, **TIGHT)
    assert roc_auc(y_true, y_score, positive=0) == roc_auc(1 - y_true, y_score)


@given(scored_labels())
def test_areas_see_only_the_order_of_the_scores(scored):
    y_true, y_score = scored
    for area in (roc_auc, average_precision):
        for increasing in (np.exp, np.arctan, lambda s: 3 * s + 7):
            assert area(y_true, increasing(y_score)) == area(y_true, y_score)


@given(scored_labels())
def test_each_point_of_a_curve_is_a_thresholded_decision(scored):
    y_true, y_score = scored
    roc, pr = roc_curve(y_true, y_score), precision_recall_curve(y_true, y_score)
    assert (roc.fpr[0], roc.tpr[0], roc.fpr[-1], roc.tpr[-1]) == (0, 0, 1, 1)
    assert (pr.precision[-1], pr.recall[-1]) == (1, 0)
    for fpr, tpr, threshold in zip(*roc, strict=True):
        tp, fp, fn, tn = counts(y_true, y_score >= threshold)
        assert (fpr, tpr) == (fp / (fp + tn), tp / (tp + fn))
    for p, r, threshold in zip(pr.precision, pr.recall, pr.thresholds, strict=False):
        decision = y_score >= threshold
        assert (p, r) == (precision(y_true, decision), recall(y_true, decision))


def test_float32_scores_keep_their_type_in_the_thresholds():
    y_score = np.array([0.1, 0.7], dtype=np.float32)
    assert roc_curve([0, 1], y_score).thresholds.dtype == np.float32
    assert precision_recall_curve([0, 1], y_score).thresholds.tolist() == y_score.tolist()


@given(st.lists(st.tuples(*[st.integers(-99, 99)] * 2), min_size=2, max_size=40))
def test_regression_laws(rows):
    y_true, y_pred = np.array(rows).T
    assert mse(y_true, y_true) == mae(y_true, y_true) == 0
    assert mse(y_true, y_pred) == mse(y_pred, y_true)
    assert mae(y_true, y_pred) ** 2 <= mse(y_true, y_pred) + 1e-9
    assert mse(3 * y_true, 3 * y_pred) == pytest.approx(9 * mse(y_true, y_pred))
    assert r2(y_true, y_pred) <= 1
    assert r2(y_true, np.full(len(rows), y_true.mean())) == pytest.approx(0) or (
        np.ptp(y_true) == 0
    )


def test_regression_of_float32_is_computed_in_double_precision():
    y_true = np.full(1000, 3000, dtype=np.float16)
    assert mse(y_true, np.zeros(1000, dtype=np.float16)) == 9e6  # above the largest float16


# The class that is missing, and the division by zero


@pytest.mark.parametrize("zero_division", [0, 0.0, 0.5, 1, np.nan])
def test_zero_division_is_the_result_when_nothing_is_positive(zero_division):
    for metric in (precision, recall, f1, partial(fbeta, beta=2)):
        value = metric([0, 0], [0, 0], zero_division=zero_division)
        assert value == zero_division or (np.isnan(value) and np.isnan(zero_division))


def test_zero_and_one_are_known_classes_even_when_absent():
    assert counts([0, 0], [0, 0]) == (0, 0, 0, 2)
    assert counts([True], [True], positive=False) == (0, 0, 0, 1)


def test_macro_leaves_out_a_class_that_is_nan():
    # No sample is called 1, so its precision is 0/0; class 0 has precision 1/2.
    y_true, y_pred = [0, 1], [0, 0]
    assert macro(precision, y_true, y_pred) == 0.25
    assert macro(partial(precision, zero_division=np.nan), y_true, y_pred) == 0.5


def test_macro_takes_any_metric_of_one_class():
    def positives(y_true, y_pred, *, positive):
        return counts(y_true, y_pred, positive=positive).tp

    assert macro(positives, ["a", "b", "b"], ["a", "b", "c"]) == pytest.approx(2 / 3)


def test_arguments_are_left_as_they_were():
    y_true, y_score = np.array([0, 1, 1]), np.array([0.5, 0.2, 0.2])
    for array in (y_true, y_score):
        array.flags.writeable = False
    average_precision(y_true, y_score)
    roc_auc(y_true, y_score)
    confusion_matrix(y_true, -y_true)
    r2(y_true, y_score)


# Bad arguments


def bad_labels(function):
    """Rows that every function of two label vectors must refuse."""
    return [
        (function, ([], []), {}, ValueError, "y_true: expected at least one label, got none"),
        (function, ([1, 0, 1, 1], [1, 0, 1]), {}, ValueError, "y_pred: expected 4 values like y_t"),
        (function, ([1, 0], [[1, 0]]), {}, ValueError, "y_pred: expected a 1-D array of labels"),
        (function, ([1, 0], [0.2, 0.7]), {}, ValueError, "y_pred: expected labels that are int"),
        (function, ([1, np.nan], [1, 0]), {}, ValueError, "y_true: expected labels that are int"),
        (function, ([1, np.inf], [1, 0]), {}, ValueError, "y_true: expected labels that are int"),
        (function, ([[1], [1, 0]], [1, 0]), {}, ValueError, "y_true: expected rows of equal"),
        (function, (1, 1), {}, ValueError, r"y_true: expected a 1-D .* got shape \(\)"),
        (function, (["wolf"], [1]), {}, TypeError, "y_pred: expected strings like y_true, got int"),
        (function, ([1], ["wolf"]), {}, TypeError, "y_pred: expected integers like y_true, got st"),
        (function, ([1, "wolf"], [1, 0]), {}, TypeError, "y_true: expected labels that are all"),
        (function, ([1, 0], [None, 1]), {}, TypeError, "y_pred: .* got None"),
        (function, (None, [1]), {}, TypeError, "y_true: .* got None"),
        (function, ([1j], [1]), {}, TypeError, "y_true: expected labels"),
    ]


def bad_positive(function, calm="calm"):
    """Rows that every function with a positive label must refuse; ``calm`` predicts one sample."""
    return [
        (function, ([0, 1], [0, 1]), {"positive": "1"}, TypeError, "positive: expected integers"),
        (function, (["calm"], [calm]), {}, TypeError, "positive: expected strings like y_true, g"),
        (function, ([0, 1], [0, 1]), {"positive": 0.5}, ValueError, "positive: expected labels"),
        (function, ([0, 1], [0, 1]), {"positive": [1]}, ValueError, "positive: expected one label"),
        (function, ([0, 1], [0, 1]), {"positive": None}, TypeError, "positive: .* got None"),
    ]


def unknown_positive(function):
    return [
        (function, ([0, 1], [0, 1]), {"positive": 2}, ValueError, r"positive: .*0\), got 2"),
        (function, ([0, 2], [0, 2]), {}, ValueError, "positive: expected a label of y_true or"),
        (function, (["a"], ["a"]), {"positive": "b"}, ValueError, r"positive: .*'a'\), got 'b'"),
    ]


def bad_zero_division(function):
    return [
        (function, ([0, 1], [0, 1]), {"zero_division": 2}, ValueError, "zero_division: .*got 2"),
        (function, ([0, 1], [0, 1]), {"zero_division": -0.1}, ValueError, "zero_division: "),
        (function, ([0, 1], [0, 1]), {"zero_division": "warn"}, TypeError, "zero_division: .*warn"),
    ]


def bad_numbers(function, first, second):
    """Rows that every function of two number vectors must refuse."""
    return [
        (function, ([], []), {}, ValueError, f"{first}: expected at least one value"),
        (
            function,
            ([1, 2, 3], [1, 2]),
            {},
            ValueError,
            f"{second}: expected 3 values like {first}",
        ),
        (function, ([[1], [2]], [1, 2]), {}, ValueError, rf"{first}: .*1-D.*shape \(2, 1\)"),
        (function, ([1, 2], [1, np.nan]), {}, ValueError, f"{second}: expected finite .*got nan"),
        (function, ([1, -np.inf], [1, 2]), {}, ValueError, f"{first}: expected finite .*got -inf"),
        (function, (["a", "b"], [1, 2]), {}, TypeError, f"{first}: .*numbers, got strings"),
        (function, ([1, 2], None), {}, TypeError, f"{second}: .*numbers, got None"),
        (function, ([1, 2], [1j, 2]), {}, TypeError, f"{second}: .*numbers, got entries of type c"),
    ]


def bad_scores(function):
    """Rows that every function of true labels and scores must refuse."""
    return [
        (function, ([], []), {}, ValueError, "y_true: expected at least one label"),
        (function, ([0, 1], [0.5]), {}, ValueError, "y_score: expected 2 values like y_true"),
        (function, ([0, 1], [0.5, np.nan]), {}, ValueError, "y_score: expected finite numbers"),
        (function, ([0, 1], [0.5, np.inf]), {}, ValueError, "y_score: expected finite numbers"),
        (function, ([0, 1], [[0.5, 0.5]] * 2), {}, ValueError, r"y_score: .*shape \(2, 2\)"),
        (function, ([0, 1], ["a", "b"]), {}, TypeError, "y_score: .*numbers, got strings"),
        (function, ([0, 0], [0.5, 0.1]), {}, ValueError, "y_true: expected at least one label 1"),
        (function, ([0.5, 1], [0.5, 0.1]), {}, ValueError, "y_true: expected labels"),
    ]


TWO_LABELS = [accuracy, balanced_accuracy, confusion_matrix, counts, precision, recall, f1]
BAD_CALLS = [
    *(row for function in TWO_LABELS for row in bad_labels(function)),
    *bad_labels(partial(fbeta, beta=2)),
    *bad_labels(partial(macro, f1)),
    *(row for function in (counts, precision, recall, f1) for row in bad_positive(function)),
    *(row for function in (counts, precision, recall, f1) for row in unknown_positive(function)),
    *unknown_positive(partial(fbeta, beta=2)),
    *(row for function in (precision, recall, f1) for row in bad_zero_division(function)),
    *bad_zero_division(partial(fbeta, beta=2)),
    (fbeta, ([0, 1], [0, 1]), {"beta": 0}, ValueError, "beta: expected a finite number above 0"),
    (fbeta, ([0, 1], [0, 1]), {"beta": np.inf}, ValueError, "beta: .*, got inf"),
    (fbeta, ([0, 1], [0, 1]), {"beta": "2"}, TypeError, "beta: .*, got '2'"),
    (macro, ("f1", [0, 1], [0, 1]), {}, TypeError, "metric: expected a function .* got 'f1'"),
    (confusion_matrix, ([0, 2], [0, 0]), {"labels": [0, 1]}, ValueError, "labels: .*2 included"),
    (confusion_matrix, ([0, 2], [0, 0]), {"labels": [0, 2, 2]}, ValueError, "labels: .*distinct"),
    (confusion_matrix, ([0, 1], [0, 1]), {"labels": ["0", "1"]}, TypeError, "labels: expected int"),
    (confusion_matrix, ([0, 1], [0, 1]), {"labels": []}, ValueError, "labels: expected at least"),
    *(row for function in (roc_curve, roc_auc) for row in bad_scores(function)),
    *(row for function in (roc_curve, roc_auc) for row in bad_positive(function, calm=0.1)),
    (roc_curve, ([1, 1], [0.5, 0.1]), {}, ValueError, "y_true: .*negative label, got only 1"),
    (roc_auc, ([1, 1], [0.5, 0.1]), {}, ValueError, "y_true: .*negative label, got only 1"),
    *bad_scores(precision_recall_curve),
    *bad_positive(precision_recall_curve, calm=0.1),
    *bad_scores(average_precision),
    *bad_positive(average_precision, calm=0.1),
    *bad_numbers(auc, "x", "y"),
    (auc, ([0], [1]), {}, ValueError, "x: expected at least 2 points, got 1"),
    (auc, ([0, 2, 1], [1, 1, 1]), {}, ValueError, "x: expected values that only rise or only"),
    *(row for function in (mse, mae, r2) for row in bad_numbers(function, "y_true", "y_pred")),
    (r2, ([1], [1]), {}, ValueError, "y_true: expected at least 2 values, got 1"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "exception", "words"), BAD_CALLS)
def test_bad_arguments_are_refused_with_a_clear_message(function, args, kwargs, exception, words):
    with pytest.raises(exception, match=f"^{words}"):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    containers = {"Counts", "RocCurve", "PrecisionRecallCurve"}
    checked = {getattr(row[0], "func", row[0]).__name__ for row in BAD_CALLS}
    assert checked == set(metrics.__all__) - containers
