"""Tasks to learn from: a few examples to adapt to, and others of the same task to judge by.

Chapter *Learning to learn: MAML*. A meta-learner sees many tasks and never one alone. Each has a
support set, from which its adaptation learns, and a query set, on which the adapted model is
judged. Tasks are drawn in batches, as arrays with one more axis in front.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_array, as_generator, as_matrix, as_positive_int, message

__all__ = ["Tasks", "reconstruction_tasks", "sinusoid_tasks", "table_tasks"]

AMPLITUDES = (0.1, 5.0)
PHASES = (0.0, np.pi)
INPUTS = (-5.0, 5.0)


class Tasks(NamedTuple):
    """A batch of T tasks, each with K examples to adapt to and Q to be judged by."""

    support_x: NDArray[np.floating]  # (T, K, d)
    support_y: NDArray[np.floating]  # (T, K, m)
    query_x: NDArray[np.floating]  # (T, Q, d)
    query_y: NDArray[np.floating]  # (T, Q, m)


def sinusoid_tasks(
    n_tasks: int, *, n_support: int, n_query: int, rng: np.random.Generator
) -> Tasks:
    """Draw sine curves of unknown amplitude and phase, and points on each.

    Equation ``eq-sinusoid`` of the chapter *Learning to learn: MAML*. Amplitudes are uniform
    between 0.1 and 5, phases between 0 and pi, abscissas between -5 and 5. The mean of all
    curves is one cosine, far from most of them, so a model that answers all tasks at once learns
    little of use. Source: Finn et al. (2017), section 5.1.

    Parameters
    ----------
    n_tasks : int
        T, the number of curves.
    n_support, n_query : int
        K and Q, the numbers of points on each.
    rng : numpy.random.Generator

    Returns
    -------
    Tasks
        Of float32, with d = m = 1.

    Raises
    ------
    ValueError
        If a number is below 1.
    TypeError
        If a number is no integer, or `rng` is no generator.

    Examples
    --------
    >>> tasks = sinusoid_tasks(25, n_support=5, n_query=10, rng=np.random.default_rng(0))
    >>> tasks.support_x.shape, tasks.query_y.shape
    ((25, 5, 1), (25, 10, 1))
    """
    n_tasks, n_support = (
        as_positive_int(n_tasks, "n_tasks"),
        as_positive_int(n_support, "n_support"),
    )
    n_query, rng = as_positive_int(n_query, "n_query"), as_generator(rng)
    amplitude = rng.uniform(*AMPLITUDES, (n_tasks, 1, 1))
    phase = rng.uniform(*PHASES, (n_tasks, 1, 1))
    x = rng.uniform(*INPUTS, (n_tasks, n_support + n_query, 1))
    return _split(x, amplitude * np.sin(x - phase), n_support)


def table_tasks(
    X: ArrayLike, n_tasks: int, *, n_support: int, n_query: int, rng: np.random.Generator
) -> Tasks:
    """Draw tasks as the sources do: different rows of one table, to be reconstructed.

    All these tasks have the same answer, so there is nothing to learn to learn. Chapter
    *Learning to learn: MAML*. Source: the public variant, ``sample_task``.

    Parameters
    ----------
    X : array_like of shape (n, d)
    n_tasks : int
        T, the number of tasks.
    n_support, n_query : int
        K and Q; a task has no row twice.
    rng : numpy.random.Generator

    Returns
    -------
    Tasks
        Of float32; the targets are the inputs.

    Raises
    ------
    ValueError
        If a number is below 1, `X` has fewer than K + Q rows, or is not finite.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> X = np.arange(12).reshape(6, 2)
    >>> table_tasks(X, 3, n_support=2, n_query=4, rng=np.random.default_rng(0)).query_x.shape
    (3, 4, 2)
    """
    X, rng = as_matrix(X, "X"), as_generator(rng)
    n_tasks, n_support = (
        as_positive_int(n_tasks, "n_tasks"),
        as_positive_int(n_support, "n_support"),
    )
    n_rows = n_support + as_positive_int(n_query, "n_query")
    if len(X) < n_rows:
        raise ValueError(message("X", f"at least n_support + n_query = {n_rows} rows", len(X)))
    order = np.array([rng.permutation(len(X))[:n_rows] for _ in range(n_tasks)])
    return reconstruction_tasks(X[order], n_support=n_support)


def reconstruction_tasks(rows: ArrayLike, *, n_support: int) -> Tasks:
    """Make tasks of rows that are to be reconstructed: the first ones of each are its support.

    Parameters
    ----------
    rows : array_like of shape (T, K + Q, d)
        Rows of T tasks.
    n_support : int
        K, below the number of rows of a task.

    Returns
    -------
    Tasks
        Of float32; the targets are the inputs.

    Raises
    ------
    ValueError
        If the rows are not of three dimensions, not finite, or none is left for the query set.
    TypeError
        If the rows are no numbers, or `n_support` is no integer.

    Examples
    --------
    >>> reconstruction_tasks(np.zeros((3, 5, 2)), n_support=4).query_x.shape
    (3, 1, 2)
    """
    rows, n_support = as_array(rows, "rows", ndim=3), as_positive_int(n_support, "n_support")
    if n_support >= rows.shape[1]:
        raise ValueError(message("n_support", f"less than {rows.shape[1]} rows", n_support))
    return _split(rows, rows, n_support)


def _split(x: NDArray, y: NDArray, n_support: int) -> Tasks:
    x, y = x.astype(np.float32), y.astype(np.float32)
    return Tasks(x[:, :n_support], y[:, :n_support], x[:, n_support:], y[:, n_support:])
