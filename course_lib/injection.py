"""Anomalies made on purpose: some rows of a table are changed, and it is known which.

Chapter *Anomaly detection and its evaluation*. Whoever has no labelled anomalies can make
some. A score on them says how well a method finds *these*: the sources' kinds are easy, since
they make values 6 to 30 times as large. The others are harder: a value a little off, or a
usual value in the wrong place.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_array,
    as_generator,
    as_matrix,
    as_positive_int,
    as_probability,
    message,
)

__all__ = [
    "Injected",
    "inject_drift",
    "inject_scaling",
    "inject_scaling_and_offset",
    "inject_shift",
    "inject_stuck",
    "inject_swap",
]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]
Range = tuple[float, float]


class Injected(NamedTuple):
    """A table of which some rows were changed, and which ones."""

    X: Array
    """Rows, of shape (n, d): a copy."""
    y: Indices
    """1 where a row was changed, else 0; of shape (n,)."""


# The sources' kinds


def inject_scaling(
    X: ArrayLike,
    *,
    rng: np.random.Generator,
    fraction: float = 0.15,
    columns: ArrayLike | None = None,
    n_columns: int = 2,
    factor: Range = (6, 30),
) -> Injected:
    """Multiply a few values of some rows by a large factor.

    A value near 0, as many are once a column is standardised, stays near 0.
    Equation ``eq-injection`` of the chapter *Anomaly detection and its evaluation*.
    Source: section SparseMetaAE, injection on public data.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Rows; never changed.
    rng : numpy.random.Generator
        Draws the rows, their columns and their factors.
    fraction : float
        The share of the rows that is changed, rounded down.
    columns : array_like of int, optional
        Indices of the columns that may be changed: the numeric ones. All when left out.
    n_columns : int
        How many of them are changed in a row, drawn anew for each row.
    factor : (float, float)
        Bounds of the factor: one uniform draw for each row.

    Returns
    -------
    Injected
        A changed copy, and 1 for each row that was changed.

    Raises
    ------
    ValueError
        If `X` is no finite matrix, `fraction` changes no row, `columns` or `n_columns` do
        not fit `X`, or `factor` is no pair of rising numbers.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> X, y = inject_scaling(np.ones((4, 3)), rng=np.random.default_rng(0), fraction=0.5)
    >>> y.tolist(), (X != 1).sum(axis=1).tolist()
    ([0, 0, 1, 1], [0, 0, 2, 2])
    """
    X, n_changed = _as_table(X, rng, fraction)
    columns = _as_columns(columns, n_columns, X.shape[1])
    low, high = _as_range(factor, "factor")
    rows, cells = _draw_cells(X, rng, n_changed, columns, n_columns)
    return _injected(X, rows, cells, X[cells] * rng.uniform(low, high, (len(rows), 1)))


def inject_scaling_and_offset(
    X: ArrayLike,
    *,
    rng: np.random.Generator,
    fraction: float = 0.15,
    columns: ArrayLike | None = None,
    factor: Range = (6, 30),
    offset: Range = (10, 300),
) -> Injected:
    """Multiply half of the values of some rows by a large factor, and add a large offset.

    On standardised columns the offset alone puts every changed value far outside.
    Equation ``eq-injection`` of the chapter *Anomaly detection and its evaluation*.
    Source: section SparseMetaAE, injection on private data.

    Parameters
    ----------
    X, rng, fraction, columns, factor
        As in :func:`inject_scaling`. Half of the `columns`, and at least one, are changed.
    offset : (float, float)
        Bounds of the offset: one uniform draw for each row.

    Returns
    -------
    Injected
        A changed copy, and 1 for each row that was changed.

    Raises
    ------
    ValueError, TypeError
        As :func:`inject_scaling`; also if `offset` is no pair of rising numbers.

    Examples
    --------
    >>> X, y = inject_scaling_and_offset(np.zeros((8, 4)), rng=np.random.default_rng(0))
    >>> y.sum(), X[y == 1].max() >= 10, (X[y == 1] > 0).sum()
    (np.int64(1), np.True_, np.int64(2))
    """
    X, n_changed = _as_table(X, rng, fraction)
    columns = _as_columns(columns, 1, X.shape[1])
    factors, offsets = _as_range(factor, "factor"), _as_range(offset, "offset")
    rows, cells = _draw_cells(X, rng, n_changed, columns, max(1, len(columns) // 2))
    values = X[cells] * rng.uniform(*factors, (len(rows), 1))
    return _injected(X, rows, cells, values + rng.uniform(*offsets, (len(rows), 1)))


# Harder kinds


def inject_shift(
    X: ArrayLike,
    *,
    rng: np.random.Generator,
    fraction: float = 0.15,
    columns: ArrayLike | None = None,
    n_columns: int = 2,
    size: Range = (2, 4),
) -> Injected:
    """Move a few values of some rows up or down by a few standard deviations.

    Equation ``eq-injection`` of the chapter *Anomaly detection and its evaluation*.
    Source: none in the sources.

    Parameters
    ----------
    X, rng, fraction, columns, n_columns
        As in :func:`inject_scaling`.
    size : (float, float)
        Bounds of the shift, in standard deviations of each column of `X`: one uniform draw,
        and one sign, for each row.

    Returns
    -------
    Injected
        A changed copy, and 1 for each row that was changed.

    Raises
    ------
    ValueError, TypeError
        As :func:`inject_scaling`; also if `size` is no pair of rising numbers.

    Examples
    --------
    >>> X, y = inject_shift([[0, 0], [2, 0]], rng=np.random.default_rng(3), fraction=0.5)
    >>> y.tolist()
    [0, 1]
    >>> 2 <= abs(X[1, 0] - 2) <= 4, X[1, 1]  # a constant column has no deviation
    (np.True_, np.float64(0.0))
    """
    X, n_changed = _as_table(X, rng, fraction)
    columns = _as_columns(columns, n_columns, X.shape[1])
    low, high = _as_range(size, "size")
    rows, cells = _draw_cells(X, rng, n_changed, columns, n_columns)
    shifts = _signed(rng, low, high, len(rows)) * X.std(axis=0)[cells[1]]
    return _injected(X, rows, cells, X[cells] + shifts)


def inject_swap(
    X: ArrayLike,
    *,
    rng: np.random.Generator,
    fraction: float = 0.15,
    columns: ArrayLike | None = None,
    n_columns: int = 2,
) -> Injected:
    """Give some rows a few values of another row: each is usual, together they are not.

    No column on its own shows such an anomaly. The other row may have the same values.
    Equation ``eq-injection`` of the chapter *Anomaly detection and its evaluation*.
    Source: none in the sources.

    Parameters
    ----------
    X, rng, fraction, columns, n_columns
        As in :func:`inject_scaling`, with at least two rows.

    Returns
    -------
    Injected
        A changed copy, and 1 for each row that was changed.

    Raises
    ------
    ValueError, TypeError
        As :func:`inject_scaling`; also if `X` has one row only.

    Examples
    --------
    >>> X = np.arange(4)[:, None] * [1, 10]  # the second column is ten times the first
    >>> X, y = inject_swap(X, rng=np.random.default_rng(0), fraction=0.25, n_columns=1)
    >>> y.tolist(), (X[:, 1] == 10 * X[:, 0]).tolist()
    ([0, 0, 0, 1], [True, True, True, False])
    """
    X, n_changed = _as_table(X, rng, fraction)
    columns = _as_columns(columns, n_columns, X.shape[1])
    if len(X) < 2:
        raise ValueError(message("X", "at least 2 rows", 1))
    rows, cells = _draw_cells(X, rng, n_changed, columns, n_columns)
    others = (rows + rng.integers(1, len(X), len(rows))) % len(X)  # any row but the own one
    return _injected(X, rows, cells, X[others[:, np.newaxis], cells[1]])


def inject_stuck(
    X: ArrayLike,
    *,
    rng: np.random.Generator,
    fraction: float = 0.15,
    columns: ArrayLike | None = None,
    n_columns: int = 2,
) -> Injected:
    """Set a few values of some rows to the column's mean, as a sensor that hangs.

    Nothing is large here: a method that looks for large values finds less than by chance.
    Equation ``eq-injection`` of the chapter *Anomaly detection and its evaluation*.
    Source: none in the sources.

    Parameters
    ----------
    X, rng, fraction, columns, n_columns
        As in :func:`inject_scaling`.

    Returns
    -------
    Injected
        A changed copy, and 1 for each row that was changed.

    Raises
    ------
    ValueError, TypeError
        As :func:`inject_scaling`.

    Examples
    --------
    >>> X, y = inject_stuck([[0, 0], [4, 8]], rng=np.random.default_rng(3), fraction=0.5)
    >>> X
    array([[0., 0.],
           [2., 4.]])
    """
    X, n_changed = _as_table(X, rng, fraction)
    columns = _as_columns(columns, n_columns, X.shape[1])
    rows, cells = _draw_cells(X, rng, n_changed, columns, n_columns)
    return _injected(X, rows, cells, X.mean(axis=0)[cells[1]])


def inject_drift(
    X: ArrayLike,
    *,
    rng: np.random.Generator,
    fraction: float = 0.15,
    columns: ArrayLike | None = None,
    n_columns: int = 2,
    size: Range = (2, 4),
    length: int = 20,
) -> Injected:
    """Add to a few columns a bias that grows along consecutive rows, as a sensor that ages.

    The first rows of a run are next to normal: no method finds them all.
    Equation ``eq-injection`` of the chapter *Anomaly detection and its evaluation*.
    Source: none in the sources.

    Parameters
    ----------
    X, rng, fraction, columns, n_columns
        As in :func:`inject_scaling`, with the rows in the order of time. The columns are
        drawn anew for each run.
    size : (float, float)
        Bounds of the bias in the last row of a run, in standard deviations of each column
        of `X`: one uniform draw, and one sign, for each run.
    length : int
        About how many rows each run has. The runs do not overlap.

    Returns
    -------
    Injected
        A changed copy, and 1 for each row that was changed.

    Raises
    ------
    ValueError, TypeError
        As :func:`inject_scaling`; also if `size` is no pair of rising numbers, or `length`
        is below 1.

    Examples
    --------
    >>> X = np.arange(8)[:, None] % 2
    >>> drift = inject_drift(X, rng=np.random.default_rng(0), fraction=0.5, n_columns=1)
    >>> drift.y.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    >>> np.ptp(np.diff((drift.X - X)[4:, 0])).round(12)  # the bias grows by as much every time
    np.float64(0.0)
    """
    X, n_changed = _as_table(X, rng, fraction)
    columns = _as_columns(columns, n_columns, X.shape[1])
    low, high = _as_range(size, "size")
    starts, lengths = _draw_runs(len(X), n_changed, as_positive_int(length, "length"), rng)
    run = np.repeat(np.arange(len(starts)), lengths)
    step = np.arange(len(run)) - (np.cumsum(lengths) - lengths)[run]  # 0, 1, ... in each run
    rows = starts[run] + step
    cells = rows[:, np.newaxis], _draw_columns(rng, columns, n_columns, len(starts))[run]
    growth = ((step + 1) / lengths[run])[:, np.newaxis]
    biases = growth * _signed(rng, low, high, len(starts))[run] * X.std(axis=0)[cells[1]]
    return _injected(X, rows, cells, X[cells] + biases)


# Parts

Cells = tuple[Indices, Indices]  # rows (m, 1) and columns (m, k): X[cells] is (m, k)


def _as_table(X: ArrayLike, rng: np.random.Generator, fraction: float) -> tuple[Array, int]:
    """Return the rows, and how many of them to change."""
    X = as_matrix(X, "X")
    as_generator(rng)
    n_changed = int(len(X) * as_probability(fraction, "fraction"))
    if n_changed == 0:
        expected = f"a share that is at least 1 of the {len(X)} rows"
        raise ValueError(message("fraction", expected, fraction))
    return X, n_changed


def _as_columns(columns: ArrayLike | None, n_columns: int, d: int) -> Indices:
    """Return the columns that may be changed, at least `n_columns` of them."""
    if columns is None:
        columns = np.arange(d)
    expected = f"distinct integers from 0 to {d - 1}"
    numbers = as_array(columns, "columns", ndim=1)
    indices = numbers.astype(np.int64)
    if np.asarray(columns).dtype.kind not in "iu":
        raise TypeError(
            message("columns", expected, f"entries of type {np.asarray(columns).dtype}")
        )
    if indices.min() < 0 or indices.max() >= d or len(np.unique(indices)) < len(indices):
        raise ValueError(message("columns", expected, indices.tolist()))
    if as_positive_int(n_columns, "n_columns") > len(indices):
        raise ValueError(message("n_columns", f"at most {len(indices)} columns", n_columns))
    return indices


def _as_range(value: Range, name: str) -> Range:
    bounds = as_array(value, name, ndim=1).tolist()
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise ValueError(message(name, "a lower and an upper bound", bounds))
    return bounds[0], bounds[1]


def _draw_cells(
    X: Array, rng: np.random.Generator, n_changed: int, columns: Indices, n_columns: int
) -> tuple[Indices, Cells]:
    """Draw the rows to change, and in each of them the columns."""
    rows = rng.choice(len(X), n_changed, replace=False)
    return rows, (rows[:, np.newaxis], _draw_columns(rng, columns, n_columns, len(rows)))


def _draw_columns(rng: np.random.Generator, columns: Indices, n_columns: int, n: int) -> Indices:
    """Draw distinct columns, n times over."""
    return rng.permuted(np.tile(columns, (n, 1)), axis=1)[:, :n_columns]


def _draw_runs(
    n: int, n_changed: int, length: int, rng: np.random.Generator
) -> tuple[Indices, Indices]:
    """Draw the starts of runs that do not overlap, and their lengths, `n_changed` in all."""
    n_runs = max(1, round(n_changed / length))
    lengths = np.full(n_runs, n_changed // n_runs)
    lengths[: n_changed % n_runs] += 1
    # Shrink each run to one place, draw places, and let the runs grow again.
    places = np.sort(rng.choice(n - n_changed + n_runs, n_runs, replace=False))
    return places + np.cumsum(lengths - 1) - (lengths - 1), lengths


def _signed(rng: np.random.Generator, low: float, high: float, n: int) -> Array:
    """Draw sizes between the bounds, each with a random sign; of shape (n, 1)."""
    return rng.uniform(low, high, (n, 1)) * rng.choice([-1, 1], (n, 1))


def _injected(X: Array, rows: Indices, cells: Cells, values: Array) -> Injected:
    changed, y = X.copy(), np.zeros(len(X), dtype=np.int64)
    changed[cells] = values
    y[rows] = 1
    return Injected(changed, y)
