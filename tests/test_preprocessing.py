"""Tests of course_lib.preprocessing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import preprocessing as reference
from sklearn.model_selection import KFold

from course_lib import preprocessing
from course_lib.preprocessing import (
    OneHotEncoder,
    StandardScaler,
    batches,
    bin_one_hot,
    cross,
    k_fold,
    n_batches,
    quantile_edges,
    train_validation_test_split,
    uniform_edges,
)


def generator(seed=0):
    return np.random.default_rng(seed)


tables = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 20), st.integers(1, 4)),
    elements=st.integers(-1000, 1000).map(lambda i: i / 8),
)
labels = st.lists(st.integers(0, 3), min_size=20, max_size=120).map(np.array)
XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])

# --- splitting -------------------------------------------------------------------------


def test_the_split_of_the_course_is_7000_1500_1500():
    index = np.arange(10_000)
    split = train_validation_test_split(index, index, rng=generator())
    assert [len(part) for part in split] == [7000, 7000, 1500, 1500, 1500, 1500]


@given(y=labels, seed=st.integers(0, 99), stratify=st.booleans())
def test_split_loses_and_repeats_no_example(y, seed, stratify):
    index = np.arange(len(y))
    split = train_validation_test_split(
        index, y, rng=generator(seed), sizes=(0.5, 0.25, 0.25), stratify=stratify
    )
    everything = np.concatenate([split.X_train, split.X_val, split.X_test])
    assert np.array_equal(np.sort(everything), index)
    for X_part, y_part in zip(split[::2], split[1::2], strict=True):
        assert np.array_equal(y[X_part], y_part)


@given(y=labels, seed=st.integers(0, 99))
def test_stratify_keeps_the_share_of_each_class(y, seed):
    sizes = (0.5, 0.25, 0.25)
    split = train_validation_test_split(y, y, rng=generator(seed), sizes=sizes, stratify=True)
    for part, size in zip(split[1::2], sizes, strict=True):
        for label in np.unique(y):
            assert abs(np.sum(part == label) - size * np.sum(y == label)) <= 1


def test_a_split_by_chance_does_not_keep_the_shares():
    y = np.repeat([0, 1], [90, 10])
    split = train_validation_test_split(y, y, rng=generator(3))
    assert abs(split.y_test.sum() - 1.5) > 1


def test_a_stratified_training_set_is_not_sorted_by_class():
    y = np.repeat(["a", "b"], 50)
    split = train_validation_test_split(y, y, rng=generator(), stratify=True)
    assert len(set(split.y_train[:20])) == 2


def test_split_takes_images_and_several_targets():
    images = np.arange(10 * 4 * 4, dtype=np.uint8).reshape(10, 4, 4)
    split = train_validation_test_split(
        images, np.zeros((10, 2)), rng=generator(), sizes=(0.6, 0.2, 0.2)
    )
    assert split.X_train.shape == (6, 4, 4) and split.X_train.dtype == np.uint8
    assert split.y_test.shape == (2, 2)


def test_split_depends_on_the_generator_only():
    index = np.arange(30)
    one, same, other = (
        train_validation_test_split(index, index, rng=generator(seed)).X_train for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same) and not np.array_equal(one, other)


@given(n=st.integers(2, 60), k=st.integers(2, 10), seed=st.integers(0, 99))
def test_each_example_validates_exactly_once(n, k, seed):
    k = min(k, n)
    folds = list(k_fold(n, k, rng=generator(seed)))
    assert len(folds) == k
    assert np.array_equal(np.sort(np.concatenate([val for _, val in folds])), np.arange(n))
    for train, validation in folds:
        assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(n))
    sizes = [len(validation) for _, validation in folds]
    assert sizes == [len(val) for _, val in KFold(k).split(np.zeros(n))]
    assert max(sizes) - min(sizes) <= 1


def test_k_fold_shuffles():
    first = next(k_fold(100, 5, rng=generator()))[1]
    assert not np.array_equal(np.sort(first), np.arange(20))


# --- scaling ---------------------------------------------------------------------------


@given(train=tables, seed=st.integers(0, 99))
def test_scaler_equals_scikit_learn(train, seed):
    new = generator(seed).normal(size=(3, train.shape[1]))
    ours, theirs = StandardScaler().fit(train), reference.StandardScaler().fit(train)
    np.testing.assert_allclose(ours.mean_, theirs.mean_, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.scale_, theirs.scale_, rtol=1e-12)
    np.testing.assert_allclose(ours.transform(new), theirs.transform(new), rtol=1e-9, atol=1e-12)


@given(train=tables)
def test_scaled_columns_have_mean_0_and_deviation_1(train):
    Z = StandardScaler().fit_transform(train)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-9)
    varies = np.ptp(train, axis=0) > 0
    np.testing.assert_allclose(Z.std(axis=0), varies.astype(float), atol=1e-9)


@given(train=tables)
def test_inverse_transform_undoes_transform(train):
    scaler = StandardScaler().fit(train)
    back = scaler.inverse_transform(scaler.transform(train))
    np.testing.assert_allclose(back, train, rtol=1e-12, atol=1e-10)


def test_a_spread_that_is_too_small_for_its_square_is_none():
    scaler = StandardScaler().fit([[0.0], [3e-180]])
    assert scaler.scale_ == 1 and scaler.transform([[1.0]]) == 1


def test_a_constant_column_keeps_scale_1_in_spite_of_rounding():
    X = np.full((3, 1), 0.1)  # its computed standard deviation is 1.4e-17, not 0
    assert X.std() > 0
    assert StandardScaler().fit(X).scale_ == [1.0]


def test_scaler_measures_the_training_set_only():
    scaler = StandardScaler().fit([[0.0], [2.0]])
    assert scaler.transform([[11.0], [11.0]]).tolist() == [[10.0], [10.0]]


@pytest.mark.parametrize(
    "call",
    [
        lambda: StandardScaler().transform([[1.0]]),
        lambda: StandardScaler().inverse_transform([[1.0]]),
        lambda: OneHotEncoder().transform(["a"]),
    ],
)
def test_use_before_fit_says_so(call):
    with pytest.raises(RuntimeError, match="call fit on the training set first"):
        call()


# --- encoding --------------------------------------------------------------------------


@given(values=st.lists(st.sampled_from(["Rome", "Oslo", "Lima", "Bern"]), min_size=1))
def test_one_hot_equals_scikit_learn(values):
    ours = OneHotEncoder().fit(values)
    theirs = reference.OneHotEncoder(sparse_output=False)
    expected = theirs.fit_transform(np.array(values)[:, None])
    assert np.array_equal(ours.transform(values), expected)
    assert ours.vocabulary_.tolist() == theirs.categories_[0].tolist() == sorted(set(values))


@given(values=st.lists(st.integers(-5, 5), min_size=1))
def test_one_hot_rows_hold_a_single_one_that_leads_back_to_the_value(values):
    encoder = OneHotEncoder().fit(values)
    one_hot = encoder.transform(values)
    assert (one_hot.sum(axis=1) == 1).all()
    assert np.array_equal(encoder.vocabulary_[one_hot.argmax(axis=1)], values)


@given(
    thousandths=st.lists(st.integers(-(10**5), 10**5), min_size=2, max_size=50, unique=True),
    n_bins=st.integers(2, 6),
    strategy=st.sampled_from(["uniform", "quantile"]),
)
def test_bins_equal_scikit_learn(thousandths, n_bins, strategy):
    x = np.array(thousandths) / 1000
    edges = uniform_edges(x, n_bins) if strategy == "uniform" else quantile_edges(x, n_bins)
    theirs = reference.KBinsDiscretizer(
        n_bins, encode="onehot-dense", strategy=strategy, quantile_method="linear"
    )
    expected, bins = theirs.fit_transform(x[:, None]), bin_one_hot(x, edges)
    np.testing.assert_allclose(edges, theirs.bin_edges_[0], rtol=1e-12, atol=1e-12)
    assert (bins.sum(axis=1) == 1).all()
    # Their edges are rounded in another way, which decides where a number lies on an edge.
    clear = (np.abs(x[:, None] - edges[1:-1]) > 1e-9).all(axis=1)
    assert np.array_equal(bins[clear], expected[clear])


def test_quantile_bins_hold_equal_shares_and_uniform_bins_equal_widths():
    x = generator().exponential(size=1000)
    counts = bin_one_hot(x, quantile_edges(x, 4)).sum(axis=0)
    assert counts.tolist() == [250, 250, 250, 250]
    np.testing.assert_allclose(np.diff(uniform_edges(x, 4)), np.ptp(x) / 4)


def test_values_outside_the_edges_fall_in_the_end_bins():
    one_hot = bin_one_hot([-50, 0, 1, 2, 50], [0, 1, 2])
    assert one_hot.argmax(axis=1).tolist() == [0, 0, 1, 1, 1]


# --- crossing --------------------------------------------------------------------------


def test_xor_needs_the_cross():
    y = np.array([0, 1, 1, 0])
    plain = np.column_stack([np.ones(4), XOR])
    crossed = np.column_stack([plain, cross(XOR[:, 0], XOR[:, 1])])
    weights = np.linalg.lstsq(crossed, y, rcond=None)[0]
    np.testing.assert_allclose(crossed @ weights, y, atol=1e-12)
    np.testing.assert_allclose(weights, [0, 1, 1, -2], atol=1e-12)
    # Without it: the opposite corners add up to the same sum for any weights, so the two
    # ones cannot both lie above a threshold and the two zeros both below.
    assert np.array_equal(plain[0] + plain[3], plain[1] + plain[2])
    best = plain @ np.linalg.lstsq(plain, y, rcond=None)[0]
    np.testing.assert_allclose(best, 0.5)


@given(
    pairs=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), min_size=1),
)
def test_cross_of_one_hot_features_is_the_one_hot_of_the_pairs(pairs):
    first = OneHotEncoder().fit(list("abc")).transform([a for a, _ in pairs])
    second = OneHotEncoder().fit(list("xy")).transform([b for _, b in pairs])
    both = OneHotEncoder().fit([a + b for a in "abc" for b in "xy"])
    assert np.array_equal(cross(first, second), both.transform([a + b for a, b in pairs]))


# --- batches ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "size", "steps"), [(7000, 700, 10), (105, 10, 11), (406_708, 10, 40_671), (3, 10, 1)]
)
def test_number_of_steps_of_the_course(n, size, steps):
    assert n_batches(n, size) == steps


@given(n=st.integers(1, 60), size=st.integers(1, 70), seed=st.none() | st.integers(0, 99))
def test_batches_hold_every_index_once(n, size, seed):
    rng = None if seed is None else generator(seed)
    epoch = list(batches(n, size, rng=rng))
    assert len(epoch) == n_batches(n, size)
    assert all(len(batch) == size for batch in epoch[:-1]) and 1 <= len(epoch[-1]) <= size
    indices = np.concatenate(epoch)
    assert np.array_equal(np.sort(indices) if rng else indices, np.arange(n))


def test_batches_are_shuffled_anew_in_each_epoch():
    rng = generator()
    first, second = (np.concatenate(list(batches(50, 8, rng=rng))) for _ in range(2))
    assert not np.array_equal(first, np.arange(50))
    assert not np.array_equal(first, second)


# --- bad calls -------------------------------------------------------------------------

X, Y, RNG = np.zeros((10, 2)), np.zeros(10), generator()
SCALER, ENCODER = StandardScaler().fit([[0.0, 1.0]]), OneHotEncoder().fit(["a", "b"])
split = train_validation_test_split

BAD_CALLS = [
    (split, (X, Y[:3]), {"rng": RNG}, ValueError, "y: expected 10 values like X, got 3"),
    (split, (3, Y), {"rng": RNG}, ValueError, "X: expected an array with one row"),
    (split, ([], []), {"rng": RNG}, ValueError, r"X: .* got shape \(0,\)"),
    (split, ([[1], [2, 3]], Y), {"rng": RNG}, ValueError, "X: expected rows of equal length"),
    (split, (X, Y), {"rng": 42}, TypeError, "rng: expected a generator"),
    (split, (X, Y), {"rng": RNG, "sizes": (0.7, 0.3)}, ValueError, "sizes: expected three"),
    (split, (X, Y), {"rng": RNG, "sizes": (0.7, 0.3, 0.3)}, ValueError, "add up to 1"),
    (split, (X, Y), {"rng": RNG, "sizes": (0.7, 0.3, 0.0)}, ValueError, "sizes: .* positive"),
    (split, (X, Y), {"rng": RNG, "sizes": "abc"}, TypeError, "sizes: expected"),
    (split, (X[:2], Y[:2]), {"rng": RNG}, ValueError, "X: .* none empty, got 2"),
    (split, (X, Y + 0.5), {"rng": RNG, "stratify": True}, ValueError, "y: expected labels"),
    (split, (X, X), {"rng": RNG, "stratify": True}, ValueError, "y: expected a 1-D"),
    (k_fold, (10, 1), {"rng": RNG}, ValueError, "k: expected between 2 and the 10"),
    (k_fold, (3, 4), {"rng": RNG}, ValueError, "k: .* got 4"),
    (k_fold, (0, 2), {"rng": RNG}, ValueError, "n_samples: expected an integer of at least 1"),
    (k_fold, (10, 2.0), {"rng": RNG}, TypeError, "k: expected an integer"),
    (k_fold, (10, 2), {"rng": 0}, TypeError, "rng: expected a generator"),
    (StandardScaler().fit, ([1.0, 2.0],), {}, ValueError, "X: expected a 2-D array"),
    (StandardScaler().fit, ([["a"]],), {}, TypeError, "X: .* got strings"),
    (StandardScaler().fit, ([[np.nan]],), {}, ValueError, "X: expected finite numbers, got nan"),
    (StandardScaler().fit_transform, (np.empty((0, 2)),), {}, ValueError, "X: .* at least one"),
    (SCALER.transform, ([[1.0]],), {}, ValueError, "X: expected 2 columns as in fit, got 1"),
    (SCALER.transform, ([[1.0, np.inf]],), {}, ValueError, "X: expected finite numbers"),
    (SCALER.inverse_transform, ([[1.0]],), {}, ValueError, "Z: expected 2 columns as in fit"),
    (OneHotEncoder().fit, ([],), {}, ValueError, "values: expected at least one label"),
    (OneHotEncoder().fit, ([["a"]],), {}, ValueError, "values: expected a 1-D array"),
    (OneHotEncoder().fit, ([1, "a"],), {}, TypeError, "values: expected labels"),
    (ENCODER.transform, (["a", "z"],), {}, ValueError, r"vocabulary \['a', 'b'\], got 'z'"),
    (ENCODER.transform, ([1],), {}, TypeError, "values: expected strings like the fitted"),
    (quantile_edges, ([1, 1, 1, 2], 2), {}, ValueError, r"x: .* bins, got .* \[1.0, 1.0, 2.0\]"),
    (quantile_edges, ([[1, 2]], 2), {}, ValueError, "x: expected a 1-D"),
    (quantile_edges, ([1, 2], 0), {}, ValueError, "n_bins: expected"),
    (uniform_edges, ([3, 3], 2), {}, ValueError, "x: expected enough different"),
    (uniform_edges, (["a"], 2), {}, TypeError, "x: .* got strings"),
    (uniform_edges, ([1, 2], 1.5), {}, TypeError, "n_bins: expected an integer"),
    (bin_one_hot, ([1], [2, 1]), {}, ValueError, "edges: expected two or more increasing"),
    (bin_one_hot, ([1], [1]), {}, ValueError, "edges: expected two or more increasing"),
    (bin_one_hot, ([np.nan], [0, 1]), {}, ValueError, "x: expected finite numbers"),
    (bin_one_hot, ([1], ["a", "b"]), {}, TypeError, "edges: .* got strings"),
    (cross, ([1, 2], [1]), {}, ValueError, "b: expected 2 values like a, got 1"),
    (cross, ([1], [[1]]), {}, ValueError, "b: expected a 1-D array like a"),
    (cross, (1, 2), {}, ValueError, "a: expected a 1-D or a 2-D array"),
    (cross, (["a"], ["b"]), {}, TypeError, "a: .* got strings"),
    (n_batches, (0, 10), {}, ValueError, "n_samples: expected"),
    (n_batches, (10, 2.5), {}, TypeError, "batch_size: expected an integer"),
    (batches, (10, 0), {}, ValueError, "batch_size: expected"),
    (batches, (10, 2), {"rng": 42}, TypeError, "rng: expected a generator"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    covered = {getattr(f, "__self__", f) for f, *_ in BAD_CALLS}
    covered = {getattr(f, "__name__", type(f).__name__) for f in covered}
    assert covered == set(preprocessing.__all__) - {"Split"}
