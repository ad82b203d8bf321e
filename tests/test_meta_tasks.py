"""Tests of course_lib.meta_tasks."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import meta_tasks as module
from course_lib.meta_tasks import Tasks, reconstruction_tasks, sinusoid_tasks, table_tasks

RNG = np.random.default_rng(0)
TABLE = np.arange(40).reshape(20, 2)
SIZES = {"n_support": 2, "n_query": 3}
SMALL = st.integers(1, 6)


def sines(n_tasks=200, seed=0, n_support=5, n_query=30):
    rng = np.random.default_rng(seed)
    return sinusoid_tasks(n_tasks, n_support=n_support, n_query=n_query, rng=rng)


# --- sine curves --------------------------------------------------------------------------


@given(SMALL, SMALL, SMALL)
def test_shapes_and_precision(n_tasks, n_support, n_query):
    tasks = sines(n_tasks, n_support=n_support, n_query=n_query)
    assert [array.shape for array in tasks] == [(n_tasks, n_support, 1)] * 2 + [
        (n_tasks, n_query, 1)
    ] * 2
    assert {array.dtype for array in tasks} == {np.dtype(np.float32)}


def fitted(tasks):
    """Return amplitude and phase of each task, from all its points by least squares."""
    x = np.concatenate([tasks.support_x, tasks.query_x], axis=1)[..., 0].astype(np.float64)
    y = np.concatenate([tasks.support_y, tasks.query_y], axis=1)[..., 0].astype(np.float64)
    waves = np.stack([np.sin(x), -np.cos(x)], axis=-1)  # A sin(x - p) in these two
    found = [np.linalg.lstsq(a, b, rcond=None) for a, b in zip(waves, y, strict=True)]
    residuals = [np.abs(a @ f[0] - b).max() for a, b, f in zip(waves, y, found, strict=True)]
    a, b = np.array([f[0] for f in found]).T
    return np.hypot(a, b), np.arctan2(b, a), max(residuals)


def test_support_and_query_lie_on_one_sine_of_each_task():
    amplitude, phase, residual = fitted(sines())
    assert residual < 1e-5
    assert 0.1 - 1e-5 <= amplitude.min() and amplitude.max() <= 5 + 1e-5
    assert -1e-5 <= phase.min() and phase.max() <= np.pi + 1e-5


def test_amplitude_phase_and_abscissa_are_uniform():
    amplitude, phase, _ = fitted(sines(2000))
    x = sines(2000).query_x.ravel()
    for values, low, high in ((amplitude, 0.1, 5), (phase, 0, np.pi), (x, -5, 5)):
        deciles = np.quantile(values, np.linspace(0.1, 0.9, 9))
        expected = np.linspace(low, high, 11)[1:-1]
        np.testing.assert_allclose(deciles, expected, atol=0.05 * (high - low))


def test_the_seed_decides():
    for ours, again, other in zip(sines(), sines(), sines(seed=1), strict=True):
        np.testing.assert_array_equal(ours, again)
        assert (ours != other).any()


# --- tables -------------------------------------------------------------------------------


@given(SMALL, SMALL, SMALL)
def test_a_task_of_a_table_has_no_row_twice(n_tasks, n_support, n_query):
    tasks = table_tasks(TABLE, n_tasks, n_support=n_support, n_query=n_query, rng=RNG)
    assert tasks.support_x.shape == (n_tasks, n_support, 2)
    assert tasks.query_x.shape == (n_tasks, n_query, 2)
    for support, query in zip(tasks.support_x, tasks.query_x, strict=True):
        rows = {tuple(row) for row in np.concatenate([support, query])}
        assert len(rows) == n_support + n_query
        assert rows <= {tuple(row) for row in TABLE}


def test_tasks_of_a_table_differ_and_are_reconstructions():
    tasks = table_tasks(TABLE, 4, n_support=8, n_query=12, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(tasks.support_x, tasks.support_y)
    np.testing.assert_array_equal(tasks.query_x, tasks.query_y)
    assert len({support.tobytes() for support in tasks.support_x}) == 4


def test_every_row_of_a_table_is_drawn_equally_often():
    tasks = table_tasks(TABLE, 4000, n_support=5, n_query=5, rng=np.random.default_rng(0))
    for rows in (tasks.support_x, tasks.query_x):
        counts = np.bincount((rows[..., 0] / 2).astype(int).ravel(), minlength=20)
        np.testing.assert_allclose(counts, 1000, rtol=0.15)


def test_the_first_rows_are_the_support_set():
    rows = np.arange(24.0).reshape(2, 4, 3)
    tasks = reconstruction_tasks(rows, n_support=1)
    assert isinstance(tasks, Tasks)
    np.testing.assert_array_equal(tasks.support_x, rows[:, :1])
    np.testing.assert_array_equal(tasks.query_y, rows[:, 1:])


# --- errors -------------------------------------------------------------------------------

BAD_CALLS = [
    (sinusoid_tasks, (0,), {**SIZES, "rng": RNG}, ValueError, "n_tasks"),
    (sinusoid_tasks, (2,), {**SIZES, "n_support": 0, "rng": RNG}, ValueError, "n_support"),
    (sinusoid_tasks, (2,), {**SIZES, "n_query": 1.5, "rng": RNG}, TypeError, "n_query"),
    (sinusoid_tasks, (2,), {**SIZES, "rng": 0}, TypeError, "rng: expected a generator"),
    (table_tasks, ([1, 2], 1), {**SIZES, "rng": RNG}, ValueError, "X"),
    (table_tasks, (TABLE[:4], 1), {**SIZES, "rng": RNG}, ValueError, "= 5 rows, got 4"),
    (table_tasks, ([["a"]], 1), {**SIZES, "rng": RNG}, TypeError, "X"),
    (table_tasks, (TABLE, 0), {**SIZES, "rng": RNG}, ValueError, "n_tasks"),
    (table_tasks, (TABLE, 1), {**SIZES, "n_support": -1, "rng": RNG}, ValueError, "n_support"),
    (table_tasks, (TABLE, 1), {**SIZES, "n_query": 0, "rng": RNG}, ValueError, "n_query"),
    (table_tasks, (TABLE, 1), {**SIZES, "rng": None}, TypeError, "rng"),
    (reconstruction_tasks, (TABLE,), {"n_support": 1}, ValueError, "rows"),
    (reconstruction_tasks, (np.full((1, 2, 2), np.nan),), {"n_support": 1}, ValueError, "rows"),
    (reconstruction_tasks, (np.ones((1, 2, 2)),), {"n_support": 2}, ValueError, "less than 2"),
    (reconstruction_tasks, (np.ones((1, 2, 2)),), {"n_support": 0}, ValueError, "n_support"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_input_is_refused_in_words(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        partial(function, *args)(**kwargs)


def test_every_public_function_is_tried_with_bad_input():
    tried = {call[0].__name__ for call in BAD_CALLS}
    assert tried == set(module.__all__) - {"Tasks"}
