"""Tests of course_lib.fleet."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import fleet as module
from course_lib.fleet import (
    KINDS,
    NOISE,
    Fleet,
    fleet_codes,
    fleet_rows,
    fleet_tasks,
    machine_anomalies,
    make_fleet,
)

RNG = np.random.default_rng(0)
FLEET = make_fleet(rng=np.random.default_rng(0))
CODES = fleet_codes(4, rng=np.random.default_rng(1))
ROWS = fleet_rows(FLEET, CODES, 30, rng=np.random.default_rng(2))


# --- clean rows ---------------------------------------------------------------------------


def test_rows_are_waves_of_two_conditions_and_noise():
    """The definition, sensor by sensor, with the numbers that the generator gives."""
    rng = np.random.default_rng(2)
    conditions, noise = rng.normal(size=(4, 30, 2)), rng.normal(size=(4, 30, 10))
    for t, code in enumerate(CODES):
        for j in range(10):
            a, gain, phase, offset = (array[j] for array in FLEET)
            wave = np.sin(conditions[t] @ a + phase @ code)
            expected = np.exp(gain @ code / 2) * wave + offset @ code + NOISE * noise[t, :, j]
            np.testing.assert_allclose(ROWS[t, :, j], expected, rtol=0, atol=1e-12)


def test_a_machine_is_its_code():
    """The same code gives the same machine, another code another one."""
    twins = fleet_rows(FLEET, np.repeat(CODES[:2], 2, axis=0), 5000, rng=np.random.default_rng(3))
    means = twins.mean(axis=1)
    np.testing.assert_allclose(means[0], means[1], atol=0.1)
    assert np.abs(means[0] - means[2]).max() > 0.5


def test_rows_of_a_machine_lie_near_a_surface_of_two_dimensions():
    """Nearby conditions give nearby rows: the distance to the nearest of many rows is small."""
    rows = fleet_rows(FLEET, CODES[:1], 3000, rng=np.random.default_rng(4))[0]
    distances = np.square(rows[:50, np.newaxis] - rows[50:]).sum(axis=2).min(axis=1)
    assert np.median(distances) < 0.1 * rows.var(axis=0).sum()


def test_the_code_is_hidden_from_the_tasks():
    tasks = fleet_tasks(FLEET, 6, n_support=3, n_query=5, rng=np.random.default_rng(0))
    assert [array.shape for array in tasks] == [(6, 3, 10)] * 2 + [(6, 5, 10)] * 2
    np.testing.assert_array_equal(tasks.query_x, tasks.query_y)
    rng = np.random.default_rng(0)
    rows = fleet_rows(FLEET, fleet_codes(6, rng=rng), 8, rng=rng).astype(np.float32)
    np.testing.assert_array_equal(np.concatenate([tasks.support_x, tasks.query_x], axis=1), rows)


def test_codes_are_uniform_and_of_variance_one():
    codes = fleet_codes(20_000, rng=np.random.default_rng(0))
    deciles = np.quantile(codes, np.linspace(0.1, 0.9, 9), axis=0)
    np.testing.assert_allclose(np.diff(deciles, axis=0), np.sqrt(12) / 10, atol=0.03)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=0.04)
    np.testing.assert_allclose(np.cov(codes.T), np.eye(3), atol=0.05)


# --- anomalies ----------------------------------------------------------------------------


@given(st.sampled_from(KINDS), st.integers(0, 50))
def test_two_sensors_of_each_row_change_and_no_other(kind, seed):
    before = ROWS.copy()
    changed = machine_anomalies(ROWS, kind, rng=np.random.default_rng(seed)) != ROWS
    np.testing.assert_array_equal(changed.sum(axis=2), 2)
    np.testing.assert_array_equal(before, ROWS)


def test_every_sensor_is_hit_equally_often():
    rows = np.random.default_rng(0).normal(size=(3, 3000, 10))
    changed = machine_anomalies(rows, "bias", rng=np.random.default_rng(1)) != rows
    np.testing.assert_allclose(changed.mean(axis=(0, 1)), 0.2, atol=0.02)


def test_a_swapped_value_is_one_of_another_row_of_the_same_sensor_and_machine():
    found = machine_anomalies(ROWS, "swap", rng=np.random.default_rng(0))
    donors = set()
    for t, i, j in np.argwhere(found != ROWS):
        rows = np.flatnonzero(ROWS[t, :, j] == found[t, i, j])
        assert len(rows) == 1 and rows[0] != i
        donors.add((int(t), int(i), int(rows[0])))
    assert len(donors) == 4 * 30  # both values come from one row


def test_a_bias_is_one_standard_deviation_up_or_down():
    found = machine_anomalies(ROWS, "bias", rng=np.random.default_rng(0))
    ratio = ((found - ROWS) / ROWS.std(axis=1, keepdims=True))[found != ROWS]
    np.testing.assert_allclose(np.abs(ratio), 1, rtol=1e-9)
    assert 0.3 < (ratio > 0).mean() < 0.7


def test_a_stuck_sensor_shows_its_mean():
    found = machine_anomalies(ROWS, "stuck", rng=np.random.default_rng(0))
    means = np.broadcast_to(ROWS.mean(axis=1, keepdims=True), ROWS.shape)
    np.testing.assert_array_equal(found[found != ROWS], means[found != ROWS])


def test_a_spike_multiplies_by_one_factor_for_each_row():
    found = machine_anomalies(ROWS, "spike", rng=np.random.default_rng(0))
    factors = (found / ROWS)[found != ROWS].reshape(-1, 2)
    np.testing.assert_allclose(factors[:, 0], factors[:, 1], rtol=1e-9)
    assert 6 <= factors.min() < 9 and 27 < factors.max() <= 30


# --- errors -------------------------------------------------------------------------------

SIZES = {"n_support": 2, "n_query": 3, "rng": RNG}
BAD_CALLS = [
    (make_fleet, (), {"rng": 1}, TypeError, "rng"),
    (fleet_codes, (0,), {"rng": RNG}, ValueError, "n_machines"),
    (fleet_codes, (2,), {"rng": None}, TypeError, "rng"),
    (fleet_rows, ("fleet", CODES, 3), {"rng": RNG}, TypeError, "fleet: expected a Fleet"),
    (fleet_rows, (FLEET, CODES[:, :2], 3), {"rng": RNG}, ValueError, r"codes.*\(4, 2\)"),
    (fleet_rows, (FLEET, CODES, 0), {"rng": RNG}, ValueError, "n_rows"),
    (fleet_rows, (FLEET, CODES, 3), {"rng": 3}, TypeError, "rng"),
    (fleet_tasks, (FLEET, 0), SIZES, ValueError, "n_tasks"),
    (fleet_tasks, (FLEET, 2), {**SIZES, "n_support": 0}, ValueError, "n_support"),
    (fleet_tasks, (FLEET, 2), {**SIZES, "n_query": 2.0}, TypeError, "n_query"),
    (fleet_tasks, (None, 2), SIZES, TypeError, "fleet"),
    (machine_anomalies, (ROWS, "odd"), {"rng": RNG}, ValueError, "kind: expected one of swap"),
    (machine_anomalies, (ROWS[0], "swap"), {"rng": RNG}, ValueError, "rows"),
    (machine_anomalies, (ROWS[:, :1], "swap"), {"rng": RNG}, ValueError, "two rows"),
    (machine_anomalies, (ROWS[..., :1], "bias"), {"rng": RNG}, ValueError, "two sensors"),
    (machine_anomalies, (ROWS * np.nan, "bias"), {"rng": RNG}, ValueError, "rows"),
    (machine_anomalies, (ROWS, "bias"), {"rng": 0}, TypeError, "rng"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_input_is_refused_in_words(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        partial(function, *args)(**kwargs)


def test_every_public_function_is_tried_with_bad_input():
    public = {name for name in module.__all__ if callable(getattr(module, name))}
    assert {call[0].__name__ for call in BAD_CALLS} == public - {Fleet.__name__}
