"""Injected anomalies: what is changed, by how much, and that nothing else is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import injection
from course_lib.injection import (
    inject_drift,
    inject_scaling,
    inject_scaling_and_offset,
    inject_shift,
    inject_stuck,
    inject_swap,
)

KINDS = [
    *(inject_scaling, inject_scaling_and_offset, inject_shift),
    *(inject_swap, inject_stuck, inject_drift),
]
SEEDS = st.integers(0, 999)


def table(seed=0, n=60, d=6):
    rng = np.random.default_rng(seed)
    return rng.normal(3, 2, (n, d)) * rng.uniform(0.5, 5, d)


def rng(seed=0):
    return np.random.default_rng(seed)


# All kinds


@pytest.mark.parametrize("inject", KINDS)
@given(SEEDS, st.floats(0.05, 1), st.integers(20, 80), st.integers(2, 7))
def test_other_rows_and_the_argument_stay_bit_identical(inject, seed, fraction, n, d):
    X = table(seed, n, d)
    before = X.tobytes()
    changed, y = inject(X, rng=rng(seed), fraction=fraction)
    assert X.tobytes() == before and not np.shares_memory(changed, X)
    assert changed[y == 0].tobytes() == X[y == 0].tobytes()
    assert (changed != X).any(axis=1).tolist() == (y == 1).tolist()
    assert y.dtype == np.int64 and y.sum() == int(n * fraction)


@pytest.mark.parametrize("inject", KINDS)
def test_a_generator_decides_all(inject):
    X = table()
    np.random.seed(0)  # noqa: NPY002 (the sources' global seed, which must not matter)
    one, other, third = (inject(X, rng=rng(seed)) for seed in (1, 1, 2))
    assert one.X.tobytes() == other.X.tobytes() and one.y.tobytes() == other.y.tobytes()
    assert (one.y != third.y).any()


@pytest.mark.parametrize("inject", KINDS)
@given(SEEDS, st.sets(st.integers(0, 5), min_size=2))
def test_only_the_given_columns_are_changed(inject, seed, columns):
    X = table(seed)
    changed, _ = inject(X, rng=rng(seed), fraction=0.5, columns=sorted(columns))
    touched = set(np.flatnonzero((changed != X).any(axis=0)).tolist())
    assert touched <= columns


@pytest.mark.parametrize("inject", [k for k in KINDS if k is not inject_scaling_and_offset])
@pytest.mark.parametrize("n_columns", [1, 2, 5])
def test_so_many_columns_of_each_row_are_changed(inject, n_columns):
    X = table()
    changed, y = inject(X, rng=rng(), n_columns=n_columns)
    assert ((changed != X).sum(axis=1) == n_columns * y).all()


@pytest.mark.parametrize("inject", KINDS)
def test_every_row_and_column_has_its_turn(inject):
    X = table(n=20, d=5)
    options = {"length": 1} if inject is inject_drift else {}  # a run covers the ends less often
    changed = [inject(X, rng=rng(seed), fraction=0.5, **options).X for seed in range(200)]
    counts = (np.array(changed) != X).sum(axis=0)
    assert counts.min() > 0.5 * counts.mean()


@pytest.mark.parametrize("inject", KINDS)
def test_float32_stays_and_integers_become_floats(inject):
    assert inject(table().astype(np.float32), rng=rng()).X.dtype == np.float32
    assert inject(table().astype(int), rng=rng()).X.dtype == np.float64


# The sources' kinds


@given(SEEDS)
def test_scaling_draws_one_factor_for_each_row(seed):
    X = table(seed)
    changed, y = inject_scaling(X, rng=rng(seed), n_columns=3, factor=(6, 30))
    factors = np.sort(changed[y == 1] / X[y == 1], axis=1)[:, 3:]  # the others are 1
    np.testing.assert_allclose(factors, np.repeat(factors[:, :1], 3, axis=1), rtol=1e-12)
    assert 6 <= factors.min() and factors.max() <= 30
    assert len(np.unique(factors[:, 0].round(6))) == y.sum()


def test_scaling_leaves_a_zero_alone_and_still_calls_the_row_an_anomaly():
    changed, y = inject_scaling(np.zeros((10, 2)), rng=rng())
    assert not changed.any() and y.sum() == 1


@given(SEEDS, st.integers(1, 7))
def test_scaling_and_offset_takes_half_of_the_columns(seed, d):
    X = table(seed, d=d)
    fixed = {"factor": (2, 2), "offset": (5, 5)}
    changed, y = inject_scaling_and_offset(X, rng=rng(seed), **fixed)
    touched = changed != X
    assert (touched.sum(axis=1) == max(1, d // 2) * y).all()
    np.testing.assert_allclose(changed[touched], 2 * X[touched] + 5, rtol=1e-12)


def test_scaling_and_offset_draws_one_of_each_for_each_row():
    ones = inject_scaling_and_offset(np.ones((100, 6)), rng=rng())
    values = np.sort(ones.X[ones.y == 1], axis=1)[:, 3:]
    assert (values == values[:, :1]).all() and 16 <= values.min() and values.max() <= 330
    zeros = inject_scaling_and_offset(np.zeros((400, 6)), rng=rng())
    offsets = zeros.X.max(axis=1)[zeros.y == 1]
    assert 10 <= offsets.min() < 40 and 270 < offsets.max() <= 300


# Harder kinds


@given(SEEDS)
def test_shift_is_of_one_size_and_sign_in_a_row_and_stays_near(seed):
    X = table(seed)
    changed, y = inject_shift(X, rng=rng(seed), n_columns=6, size=(2, 4))
    moves = ((changed - X) / X.std(axis=0))[y == 1]
    np.testing.assert_allclose(moves, np.repeat(moves[:, :1], 6, axis=1), rtol=1e-9)
    assert 2 - 1e-9 <= np.abs(moves).min() and np.abs(moves).max() <= 4 + 1e-9


def test_shift_goes_both_ways():
    changed, _ = inject_shift(table(), rng=rng(), fraction=1, n_columns=1)
    share_up = np.mean((changed - table()).sum(axis=1) > 0)
    assert 0.3 < share_up < 0.7


@given(SEEDS)
def test_swap_takes_all_values_from_one_other_row(seed):
    X = table(seed, n=20)
    changed, y = inject_swap(X, rng=rng(seed), fraction=0.5, n_columns=3)
    for row in np.flatnonzero(y):
        touched = changed[row] != X[row]
        donors = np.flatnonzero((X[:, touched] == changed[row, touched]).all(axis=1))
        assert touched.sum() == 3 and len(donors) == 1 and donors[0] != row


def test_swap_takes_any_other_row_and_never_the_own_one():
    X = np.arange(5.0)[:, np.newaxis]
    donors = [inject_swap(X, rng=rng(s), fraction=1, n_columns=1).X[:, 0] for s in range(200)]
    counts = np.stack(
        [np.bincount(column.astype(int), minlength=5) for column in np.array(donors).T]
    )
    assert not counts.diagonal().any()
    assert counts[~np.eye(5, dtype=bool)].min() > 25


@given(SEEDS)
def test_stuck_values_are_the_means(seed):
    X = table(seed)
    changed, _ = inject_stuck(X, rng=rng(seed))
    rows, columns = np.nonzero(changed != X)
    np.testing.assert_allclose(changed[rows, columns], X.mean(axis=0)[columns], rtol=1e-12)


@given(SEEDS, st.integers(20, 90), st.floats(0.05, 1), st.integers(1, 30))
def test_drift_grows_from_row_to_row_up_to_its_size(seed, n, fraction, length):
    X = table(seed, n, 2)
    changed, y = inject_drift(X, rng=rng(seed), fraction=fraction, length=length, size=(3, 3))
    growth = np.abs((changed - X) / X.std(axis=0))[y == 1]
    np.testing.assert_allclose(growth[:, 0], growth[:, 1], atol=1e-9)
    ends = np.flatnonzero(np.isclose(growth[:, 0], 3)) + 1
    assert len(ends) == max(1, round(int(n * fraction) / length)) and ends[-1] == len(growth)
    for run in np.split(growth[:, 0], ends)[:-1]:
        np.testing.assert_allclose(run, 3 * np.arange(1, len(run) + 1) / len(run), atol=1e-9)


def test_a_run_has_consecutive_rows():
    y = inject_drift(table(n=100), rng=rng(), fraction=0.2, length=20).y
    assert y.sum() == 20 and np.ptp(np.flatnonzero(y)) == 19
    y = inject_drift(table(n=100), rng=rng(), fraction=0.2, length=1).y
    assert np.ptp(np.flatnonzero(y)) > 60


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), SEEDS)
def test_runs_fit_in_without_overlap(n_changed, more, length, seed):
    starts, lengths = injection._draw_runs(n_changed + more, n_changed, length, rng(seed))
    assert lengths.sum() == n_changed and np.ptp(lengths) <= 1
    assert starts[0] >= 0 and (starts + lengths)[-1] <= n_changed + more
    assert (starts[1:] >= (starts + lengths)[:-1]).all()


# Arguments

X = table()


def bad_table(inject):
    good = {"rng": rng()}
    yield from [
        (inject, ([1, 2],), good, ValueError, "X: expected a 2-D array"),
        (inject, ([[1, np.nan]],), good, ValueError, "X: expected finite numbers, got nan"),
        (inject, ([["a"]],), good, TypeError, "X: expected a 2-D array of numbers"),
        (inject, (np.zeros((0, 2)),), good, ValueError, "X: expected at least one value"),
        (inject, (X,), {"rng": 42}, TypeError, "rng: expected a generator"),
        (inject, (X,), good | {"fraction": 1.5}, ValueError, "fraction: expected a number between"),
        (inject, (X,), good | {"fraction": "a"}, TypeError, "fraction: expected a number between"),
        (
            *(inject, (X,), good | {"fraction": 0.01}),
            *(ValueError, "fraction: expected a share that is at least 1 of the 60 rows, got 0.01"),
        ),
        (inject, (X,), good | {"columns": [0, 6]}, ValueError, "columns: expected distinct integ"),
        (inject, (X,), good | {"columns": [0, -1]}, ValueError, "columns: expected distinct inte"),
        (inject, (X,), good | {"columns": [1, 1]}, ValueError, "columns: expected distinct integ"),
        (inject, (X,), good | {"columns": []}, ValueError, "columns: expected at least one"),
        (inject, (X,), good | {"columns": [0.5, 1]}, TypeError, "columns: expected distinct inte"),
        (inject, (X,), good | {"columns": [True] * 6}, TypeError, "columns: expected distinct in"),
        (inject, (X,), good | {"columns": ["load"]}, TypeError, "columns: expected a 1-D array of"),
    ]


def bad_n_columns(inject):
    good = {"rng": rng()}
    yield from [
        (inject, (X,), good | {"n_columns": 7}, ValueError, "n_columns: expected at most 6 colum"),
        (inject, (X,), good | {"n_columns": 0}, ValueError, "n_columns: expected an integer of"),
        (inject, (X,), good | {"n_columns": 2.0}, TypeError, "n_columns: expected an integer of"),
    ]


def bad_range(inject, name):
    good = {"rng": rng()}
    yield from [
        (inject, (X,), good | {name: (3, 2)}, ValueError, f"{name}: expected a lower and an upper"),
        (inject, (X,), good | {name: (1, 2, 3)}, ValueError, f"{name}: expected a lower and an"),
        (inject, (X,), good | {name: 6}, ValueError, f"{name}: expected a 1-D array"),
        (inject, (X,), good | {name: (1, np.inf)}, ValueError, f"{name}: expected finite numbers"),
        (inject, (X,), good | {name: ("a", "b")}, TypeError, f"{name}: expected a 1-D array of"),
    ]


BAD_CALLS = [
    *(row for inject in KINDS for row in bad_table(inject)),
    *(row for inject in KINDS if inject is not KINDS[1] for row in bad_n_columns(inject)),
    *bad_range(inject_scaling, "factor"),
    *bad_range(inject_scaling_and_offset, "factor"),
    *bad_range(inject_scaling_and_offset, "offset"),
    *bad_range(inject_shift, "size"),
    *bad_range(inject_drift, "size"),
    (inject_swap, ([[1, 2]],), {"rng": rng(), "fraction": 1}, ValueError, "X: expected at least 2"),
    (inject_drift, (X,), {"rng": rng(), "length": 0}, ValueError, "length: expected an integer"),
    (inject_drift, (X,), {"rng": rng(), "length": 2.5}, TypeError, "length: expected an integer"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "exception", "words"), BAD_CALLS)
def test_bad_arguments_are_refused_with_a_clear_message(function, args, kwargs, exception, words):
    with pytest.raises(exception, match=f"^{words}"):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    assert {row[0].__name__ for row in BAD_CALLS} == set(injection.__all__) - {"Injected"}
