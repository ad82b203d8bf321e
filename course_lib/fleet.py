"""A fleet of machines that measure the same things and answer each in its own way.

Chapter *Learning to learn: MAML*. Ten sensors of a machine answer two operating conditions. How
they answer differs from machine to machine, by a hidden code of three numbers that nobody
measures. A row is one moment of one machine; its two conditions are not measured either. So the
rows of a machine lie near a surface of two dimensions, and every machine has another surface: what
is normal for one is an anomaly of another.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_array, as_generator, as_matrix, as_positive_int, message
from course_lib.meta_tasks import Tasks, reconstruction_tasks

__all__ = [
    "KINDS",
    "Fleet",
    "fleet_codes",
    "fleet_rows",
    "fleet_tasks",
    "machine_anomalies",
    "make_fleet",
]

N_SENSORS = 10
N_CONDITIONS = 2
N_CODES = 3
N_HIT = 2  # sensors that an anomaly changes
NOISE = 0.05
EFFECTS = (0.3, 0.3, 1.0)  # of the code on the gain, the phase and the offset of a sensor
CODES = (-np.sqrt(3), np.sqrt(3))  # of mean 0 and variance 1; no machine is far from all others

KINDS = ("swap", "bias", "stuck", "spike")
HARD_KINDS = ("swap", "bias", "stuck")


class Fleet(NamedTuple):
    """How the sensors of a fleet answer: the law that its machines have in common."""

    directions: NDArray[np.float64]  # (10, 2): of the conditions that each sensor feels
    gain: NDArray[np.float64]  # (10, 3): effect of the code on each sensor's gain
    phase: NDArray[np.float64]  # (10, 3)
    offset: NDArray[np.float64]  # (10, 3)


def make_fleet(*, rng: np.random.Generator) -> Fleet:
    """Draw the law of a fleet.

    Parameters
    ----------
    rng : numpy.random.Generator

    Returns
    -------
    Fleet

    Raises
    ------
    TypeError
        If `rng` is no generator.

    Examples
    --------
    >>> make_fleet(rng=np.random.default_rng(0)).directions.shape
    (10, 2)
    """
    rng = as_generator(rng)
    directions = rng.normal(size=(N_SENSORS, N_CONDITIONS))
    effects = rng.normal(size=(len(EFFECTS), N_SENSORS, N_CODES)) / np.sqrt(N_CODES)
    scaled = (size * effect for size, effect in zip(EFFECTS, effects, strict=True))
    return Fleet(directions, *scaled)


def fleet_codes(n_machines: int, *, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the hidden codes of new machines, of uniform coordinates with variance 1.

    Parameters
    ----------
    n_machines : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n_machines, 3)

    Raises
    ------
    ValueError
        If `n_machines` is below 1.
    TypeError
        If `n_machines` is no integer, or `rng` is no generator.

    Examples
    --------
    >>> fleet_codes(5, rng=np.random.default_rng(0)).shape
    (5, 3)
    """
    n_machines = as_positive_int(n_machines, "n_machines")
    return as_generator(rng).uniform(*CODES, size=(n_machines, N_CODES))


def fleet_rows(
    fleet: Fleet, codes: ArrayLike, n_rows: int, *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Measure each machine at some moments, with all its sensors in order.

    Equation ``eq-fleet`` of the chapter *Learning to learn: MAML*: sensor j of a machine with
    code c shows g sin(a u + p) + b and some noise, where the conditions u are normally
    distributed, and the gain g = exp(e c / 2), the phase p and the offset b depend on c. The
    offset does most: the machines differ by a hidden shift above all.

    Parameters
    ----------
    fleet : Fleet
    codes : array_like of shape (T, 3)
        One for each machine.
    n_rows : int
        Rows of each machine.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (T, n_rows, 10)

    Raises
    ------
    ValueError
        If the shape of `codes` is wrong, or `n_rows` is below 1.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fleet_rows(make_fleet(rng=rng), fleet_codes(4, rng=rng), 50, rng=rng).shape
    (4, 50, 10)
    """
    fleet, codes = _as_fleet(fleet), as_matrix(codes, "codes")
    if codes.shape[1] != N_CODES:
        raise ValueError(message("codes", f"shape (T, {N_CODES})", f"shape {codes.shape}"))
    n_rows, rng = as_positive_int(n_rows, "n_rows"), as_generator(rng)
    conditions = rng.normal(size=(len(codes), n_rows, N_CONDITIONS))
    gain, phase, offset = (
        (codes @ effect.T)[:, np.newaxis] for effect in (fleet.gain, fleet.phase, fleet.offset)
    )
    waves = np.sin(conditions @ fleet.directions.T + phase)
    noise = NOISE * rng.normal(size=waves.shape)
    return np.exp(gain / 2) * waves + offset + noise


def fleet_tasks(
    fleet: Fleet, n_tasks: int, *, n_support: int, n_query: int, rng: np.random.Generator
) -> Tasks:
    """Draw new machines as tasks: clean rows of each, to be reconstructed.

    Parameters
    ----------
    fleet : Fleet
    n_tasks : int
        T, the number of machines.
    n_support, n_query : int
        K and Q, the numbers of rows of each.
    rng : numpy.random.Generator

    Returns
    -------
    Tasks
        Of float32; the targets are the inputs.

    Raises
    ------
    ValueError
        If a number is below 1.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tasks = fleet_tasks(make_fleet(rng=rng), 8, n_support=10, n_query=20, rng=rng)
    >>> tasks.support_x.shape, tasks.query_x.shape
    ((8, 10, 10), (8, 20, 10))
    """
    codes = fleet_codes(as_positive_int(n_tasks, "n_tasks"), rng=rng)
    n_support = as_positive_int(n_support, "n_support")
    n_rows = n_support + as_positive_int(n_query, "n_query")
    return reconstruction_tasks(fleet_rows(fleet, codes, n_rows, rng=rng), n_support=n_support)


def machine_anomalies(
    rows: ArrayLike, kind: str, *, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Make an anomaly of each row, on two sensors drawn for it.

    ``"swap"`` takes their values from another row of the same machine: each value is usual, and
    the row is not. ``"bias"`` adds or subtracts one standard deviation of the sensor on that
    machine. ``"stuck"`` shows the sensor's mean on that machine. ``"spike"`` multiplies by 6 to
    30, as the sources do: the only easy kind.

    Parameters
    ----------
    rows : array_like of shape (T, n, d)
        Clean rows of T machines, at least two of each, of at least two sensors.
    kind : {"swap", "bias", "stuck", "spike"}
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (T, n, d)
        Every row is anomalous; `rows` are left as they are.

    Raises
    ------
    ValueError
        If the shape does not fit, a value is not finite, or the kind is unknown.
    TypeError
        If the rows are no numbers, or `rng` is no generator.

    Examples
    --------
    >>> rows = np.array([[[1.0, 10.0], [3.0, 30.0]]])
    >>> machine_anomalies(rows, "stuck", rng=np.random.default_rng(0))
    array([[[ 2., 20.],
            [ 2., 20.]]])
    """
    rows, rng = as_array(rows, "rows", ndim=3), as_generator(rng)
    if kind not in KINDS:
        raise ValueError(message("kind", f"one of {', '.join(KINDS)}", f"{kind!r:.40}"))
    if min(rows.shape[1:]) < 2:
        raise ValueError(message("rows", "two rows and two sensors or more", f"shape {rows.shape}"))
    order = rng.permuted(np.broadcast_to(np.arange(rows.shape[2]), rows.shape), axis=2)
    return np.where(order < N_HIT, _changed(rows, kind, rng), rows)


def _changed(rows: NDArray, kind: str, rng: np.random.Generator) -> NDArray:
    """Return what every sensor would show if it were one of those hit."""
    n_machines, n_rows, _ = rows.shape
    if kind == "swap":
        step = rng.integers(1, n_rows, size=(n_machines, n_rows, 1))
        other = (np.arange(n_rows)[:, np.newaxis] + step) % n_rows  # never the row itself
        return np.take_along_axis(rows, other, axis=1)
    if kind == "bias":
        return rows + rng.choice([-1, 1], size=rows.shape) * rows.std(axis=1, keepdims=True)
    if kind == "stuck":
        return np.broadcast_to(rows.mean(axis=1, keepdims=True), rows.shape)
    return rows * rng.uniform(6, 30, size=(n_machines, n_rows, 1))


def _as_fleet(fleet: Fleet) -> Fleet:
    if not isinstance(fleet, Fleet):
        raise TypeError(message("fleet", "a Fleet, as make_fleet returns", f"{fleet!r:.40}"))
    return fleet
