"""Preparing data: splitting, scaling, encoding, crossing and batching.

Chapter *Data and preprocessing*. One rule runs through this module: whatever is
measured on the data (a mean, a vocabulary, the edges of bins) is measured on the
training set, and the other sets only use it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_array,
    as_generator,
    as_labels,
    as_matrix,
    as_positive_int,
    as_rows,
    as_vector,
    message,
    same_kind,
    same_length,
)

__all__ = [
    "OneHotEncoder",
    "Split",
    "StandardScaler",
    "batches",
    "bin_one_hot",
    "cross",
    "k_fold",
    "n_batches",
    "quantile_edges",
    "train_validation_test_split",
    "uniform_edges",
]

_ENOUGH = "enough different values for that many bins"


class Split(NamedTuple):
    """The three parts of a data set, inputs and labels."""

    X_train: NDArray[Any]
    y_train: NDArray[Any]
    X_val: NDArray[Any]
    y_val: NDArray[Any]
    X_test: NDArray[Any]
    y_test: NDArray[Any]


def train_validation_test_split(
    X: ArrayLike,
    y: ArrayLike,
    *,
    rng: np.random.Generator,
    sizes: tuple[float, float, float] = (0.7, 0.15, 0.15),
    stratify: bool = False,
) -> Split:
    """Deal the examples at random into a training, a validation and a test set.

    Source: slides, *Limite de 2 ensembles*.

    Parameters
    ----------
    X : array_like of shape (n, ...)
        Examples: a table, images, anything with one row for each example.
    y : array_like of shape (n,) or (n, ...)
        Their labels.
    rng : numpy.random.Generator
        Where the random order comes from.
    sizes : three positive numbers
        Shares of the three sets; they add up to 1.
    stratify : bool
        Deal each class by itself. The share of a class in a set is then kept to
        within one example, and so a set may differ from its size by up to one
        example for each class. Needs labels ``(n,)``.

    Returns
    -------
    Split
        Each example is in exactly one set, in random order.

    Raises
    ------
    ValueError
        If `X` and `y` differ in length, the sizes are not three positive numbers
        that add up to 1, or a set would be empty.
    TypeError
        If `rng` is no generator, or `y` holds no labels while `stratify` is true.

    Examples
    --------
    >>> X = np.arange(20).reshape(10, 2)
    >>> split = train_validation_test_split(
    ...     X, np.arange(10), rng=np.random.default_rng(0), sizes=(0.6, 0.2, 0.2)
    ... )
    >>> len(split.X_train), len(split.X_val), len(split.X_test)
    (6, 2, 2)
    """
    X, y = as_rows(X, "X"), as_rows(y, "y")
    same_length(X, y, "X", "y")
    sizes = _check_sizes(sizes)
    order = as_generator(rng).permutation(len(X))
    groups = as_labels(y, "y") if stratify else np.zeros(len(X))
    part = np.empty(len(X), dtype=int)  # 0: training, 1: validation, 2: test
    for group in np.unique(groups):
        members = order[groups[order] == group]
        part[members] = np.repeat([0, 1, 2], _counts(len(members), sizes))
    parts = [order[part[order] == i] for i in range(3)]
    if min(len(indices) for indices in parts) == 0:
        raise ValueError(message("X", "enough examples for three sets, none empty", len(X)))
    train, val, test = parts
    return Split(X[train], y[train], X[val], y[val], X[test], y[test])


def k_fold(
    n_samples: int, k: int, *, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the `k` pairs of training and validation indices of cross-validation.

    The folds are cut from one random order; their sizes differ by at most one, and
    every example validates exactly once. Equation ``eq-kfold`` of the chapter *Data
    and preprocessing*. Source: slides, *La validation croisée*.

    Parameters
    ----------
    n_samples : int
        Number of examples, at least `k`.
    k : int
        Number of folds, at least 2.
    rng : numpy.random.Generator
        Where the random order comes from.

    Returns
    -------
    iterator of (ndarray, ndarray)
        Indices to train on and indices to validate on, `k` times.

    Raises
    ------
    ValueError
        If `k` is below 2 or above `n_samples`.
    TypeError
        If a count is not an integer, or `rng` no generator.

    Examples
    --------
    >>> for train, validation in k_fold(5, 2, rng=np.random.default_rng(0)):
    ...     print(train, validation)
    [0 1] [2 4 3]
    [2 4 3] [0 1]
    """
    n_samples, k = as_positive_int(n_samples, "n_samples"), as_positive_int(k, "k")
    if not 2 <= k <= n_samples:
        raise ValueError(message("k", f"between 2 and the {n_samples} examples", k))
    folds = np.array_split(as_generator(rng).permutation(n_samples), k)
    return ((np.concatenate(folds[:i] + folds[i + 1 :]), folds[i]) for i in range(k))


class StandardScaler:
    """Bring each column to mean 0 and standard deviation 1.

    Fit it on the training set only. The mean and the standard deviation are learnt
    from data, like the weights of a model: measured on all the examples, they would
    carry news of the test set into the training, and the test would no longer
    be one on new data. A constant column has no spread to divide by: its scale is 1.

    Equation ``eq-standardise`` of the chapter *Data and preprocessing*.
    Source: slides, *Les bons réflexes*.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        Mean of each column of the fitted data.
    scale_ : ndarray of shape (d,)
        Standard deviation of each column (divided by n, not n - 1).

    Raises
    ------
    RuntimeError
        From `transform` and `inverse_transform` before `fit`: no argument is wrong
        then, a call is missing.
    ValueError
        If the array is not a finite matrix, or its number of columns is another
        one than in `fit`.
    TypeError
        If the entries are not numbers.

    Examples
    --------
    >>> scaler = StandardScaler().fit([[1.0, 10.0], [3.0, 30.0]])
    >>> scaler.mean_, scaler.scale_
    (array([ 2., 20.]), array([ 1., 10.]))
    >>> scaler.transform([[4.0, 20.0]])
    array([[2., 0.]])
    """

    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]

    def fit(self, X: ArrayLike) -> Self:
        """Measure the mean and the scale of each column of `X`, shape (n, d)."""
        X = as_matrix(X, "X").astype(np.float64)
        self.mean_ = X.mean(axis=0)
        # Compared entry by entry: rounding can give a constant column a tiny spread. And the spread
        # of numbers below 1e-162 is 0, as their squares are.
        constant, spread = (X == X[0]).all(axis=0), X.std(axis=0)
        self.scale_ = np.where(constant | (spread == 0), 1.0, spread)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return ``(X - mean_) / scale_``, shape (n, d)."""
        return (self._checked(X, "X") - self.mean_) / self.scale_

    def fit_transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Fit on `X`, shape (n, d), and return it scaled. For the training set."""
        return self.fit(X).transform(X)

    def inverse_transform(self, Z: ArrayLike) -> NDArray[np.float64]:
        """Return scaled rows `Z`, shape (n, d), in the units of the fitted data."""
        return self._checked(Z, "Z") * self.scale_ + self.mean_

    def _checked(self, X: ArrayLike, name: str) -> NDArray[np.floating]:
        _check_fitted(self, "mean_")
        X = as_matrix(X, name)
        if X.shape[1] != len(self.mean_):
            expected = f"{len(self.mean_)} columns as in fit"
            raise ValueError(message(name, expected, X.shape[1]))
        return X


class OneHotEncoder:
    """Write each category as a row of zeros with a single one.

    Equation ``eq-one-hot`` of the chapter *Data and preprocessing*.
    Source: slides, *Représentation*.

    Attributes
    ----------
    vocabulary_ : ndarray of shape (K,)
        The different values that `fit` has seen, sorted: one for each column.

    Raises
    ------
    RuntimeError
        From `transform` before `fit`.
    ValueError
        If a value is not in the vocabulary, or the values are not a vector.
    TypeError
        If the values are not labels (all integers or all strings), or of another kind
        than in `fit`.

    Examples
    --------
    >>> encoder = OneHotEncoder().fit(["red", "green", "red"])
    >>> encoder.vocabulary_
    array(['green', 'red'], dtype='<U5')
    >>> encoder.transform(["red", "green"])
    array([[0., 1.],
           [1., 0.]])
    """

    vocabulary_: NDArray[Any]

    def fit(self, values: ArrayLike) -> Self:
        """Collect the vocabulary of `values`, shape (n,)."""
        self.vocabulary_ = np.unique(as_labels(values, "values"))
        return self

    def transform(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return one row of zeros and a one for each value, shape (n, K)."""
        _check_fitted(self, "vocabulary_")
        values = as_labels(values, "values")
        same_kind(self.vocabulary_, values, "the fitted values", "values")
        one_hot = (values[:, None] == self.vocabulary_).astype(np.float64)
        unknown = one_hot.sum(axis=1) == 0
        if unknown.any():
            expected = f"values of the vocabulary {self.vocabulary_.tolist()}"
            raise ValueError(message("values", expected, repr(values[unknown][0].item())))
        return one_hot


def quantile_edges(x: ArrayLike, n_bins: int) -> NDArray[np.float64]:
    """Return edges of bins that hold about the same number of values each.

    Chapter *Data and preprocessing*. Source: slides, *Les bons réflexes*.

    Parameters
    ----------
    x : array_like of shape (n,)
        Values of one feature, from the training set.
    n_bins : int
        Number of bins.

    Returns
    -------
    ndarray of shape (n_bins + 1,)
        Increasing edges, from the smallest value to the largest.

    Raises
    ------
    ValueError
        If so many values are equal that two edges coincide. Nothing is merged in
        silence: ask for fewer bins.
    TypeError
        If `x` holds no numbers, or `n_bins` is not an integer.

    Examples
    --------
    >>> quantile_edges([1, 2, 3, 100], 2)
    array([  1. ,   2.5, 100. ])
    """
    x, n_bins = as_vector(x, "x"), as_positive_int(n_bins, "n_bins")
    edges = np.quantile(x, np.linspace(0, 1, n_bins + 1))
    return _increasing(edges, "x", _ENOUGH)


def uniform_edges(x: ArrayLike, n_bins: int) -> NDArray[np.float64]:
    """Return edges of bins that all have the same width.

    Chapter *Data and preprocessing*. Source: slides, *Les bons réflexes*.

    Parameters
    ----------
    x : array_like of shape (n,)
        Values of one feature, from the training set.
    n_bins : int
        Number of bins.

    Returns
    -------
    ndarray of shape (n_bins + 1,)
        Increasing edges, from the smallest value to the largest.

    Raises
    ------
    ValueError
        If all the values are equal.
    TypeError
        If `x` holds no numbers, or `n_bins` is not an integer.

    Examples
    --------
    >>> uniform_edges([1, 2, 3, 100], 2)
    array([  1. ,  50.5, 100. ])
    """
    x, n_bins = as_vector(x, "x"), as_positive_int(n_bins, "n_bins")
    return _increasing(np.linspace(x.min(), x.max(), n_bins + 1), "x", _ENOUGH)


def bin_one_hot(x: ArrayLike, edges: ArrayLike) -> NDArray[np.float64]:
    """Turn a number into one-hot features that say in which bin it lies.

    Bin `j` is ``edges[j] <= x < edges[j + 1]``. The end bins have no outer limit, so
    that an outlier falls in one of them instead of pulling on a weight.
    Equation ``eq-one-hot`` of the chapter *Data and preprocessing*.
    Source: slides, *Les bons réflexes*.

    Parameters
    ----------
    x : array_like of shape (n,)
        Values of one feature.
    edges : array_like of shape (n_bins + 1,)
        Increasing edges, from :func:`quantile_edges` or :func:`uniform_edges`.

    Returns
    -------
    ndarray of shape (n, n_bins)
        A single one in each row.

    Raises
    ------
    ValueError
        If there are fewer than two edges, or they do not increase.
    TypeError
        If `x` or `edges` holds no numbers.

    Examples
    --------
    >>> bin_one_hot([0.5, 1.5, 99.0], [0, 1, 2])
    array([[1., 0.],
           [0., 1.],
           [0., 1.]])
    """
    x = as_vector(x, "x")
    edges = _increasing(as_vector(edges, "edges"), "edges", "two or more increasing edges")
    inner = edges[1:-1]
    return np.eye(len(edges) - 1)[np.searchsorted(inner, x, side="right")]


def cross(a: ArrayLike, b: ArrayLike) -> NDArray[np.floating]:
    """Cross two features: the product that a linear model cannot make by itself.

    Equation ``eq-cross`` of the chapter *Data and preprocessing*.
    Source: slides, *Croisement de caractéristiques*.

    Parameters
    ----------
    a : array_like of shape (n,) or (n, p)
        A numerical feature, or a one-hot encoded one.
    b : array_like of shape (n,) or (n, q)
        The other feature, with as many dimensions as `a`.

    Returns
    -------
    ndarray of shape (n,) or (n, p * q)
        The product; for one-hot features, column ``i * q + j`` is 1 where column `i`
        of `a` and column `j` of `b` are.

    Raises
    ------
    ValueError
        If the arrays are not both 1-D or both 2-D, or differ in length.
    TypeError
        If the entries are not numbers.

    Examples
    --------
    >>> cross([0, 0, 1, 1], [0, 1, 0, 1])
    array([0., 0., 0., 1.])
    >>> cross([[1, 0], [0, 1]], [[0, 1], [0, 1]])
    array([[0., 1., 0., 0.],
           [0., 0., 0., 1.]])
    """
    a, b = as_array(a, "a"), as_array(b, "b")
    if a.ndim not in (1, 2):
        raise ValueError(message("a", "a 1-D or a 2-D array", f"shape {a.shape}"))
    if b.ndim != a.ndim:
        raise ValueError(message("b", f"a {a.ndim}-D array like a", f"shape {b.shape}"))
    same_length(a, b, "a", "b")
    if a.ndim == 1:
        return a * b
    return (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)


def n_batches(n_samples: int, batch_size: int) -> int:
    """Count the batches, hence the steps, of one epoch.

    The quotient is rounded up: the last batch may be smaller, but it counts.
    Equation ``eq-steps`` of the chapter *Data and preprocessing*. Source: text on
    networks, A1.4, whose formula rounds down and so forgets the last batch.

    Parameters
    ----------
    n_samples : int
        Number of examples.
    batch_size : int
        Number of examples in a full batch.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If a count is below 1.
    TypeError
        If a count is not an integer.

    Examples
    --------
    >>> n_batches(7000, 700), n_batches(105, 10)
    (10, 11)
    """
    n_samples = as_positive_int(n_samples, "n_samples")
    return -(-n_samples // as_positive_int(batch_size, "batch_size"))


def batches(
    n_samples: int, batch_size: int, *, rng: np.random.Generator | None = None
) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of each batch of one epoch.

    Equation ``eq-steps`` of the chapter *Data and preprocessing* counts them. Source:
    text on networks, A1.4.

    Parameters
    ----------
    n_samples : int
        Number of examples.
    batch_size : int
        Number of examples in a batch; the last one may be smaller.
    rng : numpy.random.Generator, optional
        Shuffles the examples; left out, they keep their order.

    Returns
    -------
    iterator of ndarray
        Every index from 0 to ``n_samples - 1`` comes exactly once.

    Raises
    ------
    ValueError
        If a count is below 1.
    TypeError
        If a count is not an integer, or `rng` no generator.

    Examples
    --------
    >>> list(batches(5, 2))
    [array([0, 1]), array([2, 3]), array([4])]
    """
    n_samples = as_positive_int(n_samples, "n_samples")
    batch_size = as_positive_int(batch_size, "batch_size")
    order = np.arange(n_samples) if rng is None else as_generator(rng).permutation(n_samples)
    return (order[i : i + batch_size] for i in range(0, n_samples, batch_size))


def _check_sizes(sizes: ArrayLike) -> NDArray[np.float64]:
    shares = as_vector(sizes, "sizes")
    if len(shares) != 3 or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-9:
        expected = "three positive numbers that add up to 1"
        raise ValueError(message("sizes", expected, shares.tolist()))
    return shares


def _counts(n: int, sizes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round the borders between the sets, not the sets: the counts then add up to `n`."""
    borders = np.rint(n * np.cumsum(sizes)).astype(int)
    return np.diff(borders, prepend=0)


def _increasing(edges: NDArray[np.floating], name: str, expected: str) -> NDArray[np.floating]:
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(message(name, expected, f"the edges {edges.tolist()}"))
    return edges


def _check_fitted(estimator: object, attribute: str) -> None:
    if not hasattr(estimator, attribute):
        raise RuntimeError(f"{type(estimator).__name__}: call fit on the training set first")
