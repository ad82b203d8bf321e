"""Detectors to compare with: simple methods that any new one has to beat.

Chapter *Anomaly detection and its evaluation*. All are used in one way: `fit` on normal rows,
then `score`, which rises with strangeness. Four of them are a few lines each and written out
here; the others are scikit-learn's.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.covariance import EllipticEnvelope, LedoitWolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.utils.validation import check_is_fitted

from course_lib._validation import as_matrix, as_nonnegative_int, as_positive_int, message
from course_lib.anomaly import reconstruction_errors

__all__ = [
    "Detector",
    "MahalanobisDistance",
    "MeanSquare",
    "NeighborDistance",
    "PCAReconstruction",
    "baselines",
]

Array = NDArray[np.floating]

MAX_ROWS = 10_000  # for methods that take minutes on 40,000 rows or more
FEW_ROWS = 500  # for the elliptic envelope, which tries hundreds of subsets of more rows


class Detector(BaseEstimator):
    """Standardise rows, fit a method on them, and score other rows by it.

    Parameters
    ----------
    estimator : estimator
        Any with `fit(X)` and `score_samples(X)`, which falls with strangeness as all of
        scikit-learn's do.
    max_rows : int, optional
        The method is fitted on so many rows at most, drawn at random. All when left out.
    seed : int
        Of the rows that are drawn.

    Attributes
    ----------
    estimator_ : estimator
        The fitted method.
    scaler_ : StandardScaler
        Mean and deviation of all the rows of the fit.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> detector = Detector(MeanSquare()).fit(X)
    >>> detector.score([[0, 0, 0], [9, 0, 0]]).round()
    array([ 0., 27.])
    """

    def __init__(self, estimator: Any, *, max_rows: int | None = None, seed: int = 0) -> None:
        self.estimator = estimator
        self.max_rows = max_rows
        self.seed = seed

    def fit(self, X: ArrayLike, y: None = None) -> "Detector":
        """Fit on normal rows.

        Parameters
        ----------
        X : array_like of shape (n, d)
            At least 2 normal rows.
        y : None
            Not used; there for scikit-learn's pipelines.

        Returns
        -------
        Detector
            This one.

        Raises
        ------
        ValueError
            If `X` has fewer than 2 rows or is not finite.
        TypeError
            If `X` holds no numbers.

        Examples
        --------
        >>> Detector(MeanSquare()).fit([[0, 0], [2, 4]]).score([[1, 2], [3, 2]])
        array([0., 2.])
        """
        X, max_rows = _as_rows(X), self.max_rows
        if len(X) < 2:
            raise ValueError(message("X", "at least 2 rows", len(X)))
        rng = np.random.default_rng(as_nonnegative_int(self.seed, "seed"))
        self.scaler_ = StandardScaler().fit(X)
        if max_rows is not None and as_positive_int(max_rows, "max_rows") < len(X):
            X = X[rng.choice(len(X), max_rows, replace=False)]
        with warnings.catch_warnings():
            # Constant columns, few rows, a search that was cut short: the scores stand anyway.
            warnings.simplefilter("ignore", category=UserWarning)
            warnings.filterwarnings("ignore", "Determinant has increased", RuntimeWarning)
            self.estimator_ = clone(self.estimator).fit(self.scaler_.transform(X))
        return self

    def score(self, X: ArrayLike) -> Array:
        """Return how strange each row is.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Rows with the columns of the fit.

        Returns
        -------
        ndarray of shape (n,)
            The higher, the more anomalous.

        Raises
        ------
        ValueError
            If `X` has other columns than the rows of the fit, or is not finite.
        TypeError
            If `X` holds no numbers.
        NotFittedError
            If there was no fit.

        Examples
        --------
        >>> Detector(MeanSquare()).fit([[0, 0], [2, 4]]).score([[1, 4]])
        array([0.5])
        """
        check_is_fitted(self)
        return -self.estimator_.score_samples(self.scaler_.transform(_as_rows(X, self.scaler_)))


def baselines(*, seed: int) -> dict[str, Detector]:
    """Return a detector of each kind, not fitted yet.

    The neighbours, the outlier factor, the support vectors and the mixture are fitted on
    10,000 rows at most, drawn at random, and the elliptic envelope on 500: on the 68,000 by
    118 of KDD Cup 99 they would take minutes.

    Chapter *Anomaly detection and its evaluation*. Source: none in the sources, which compare
    with nothing; Han et al., *ADBench: Anomaly Detection Benchmark*.

    Parameters
    ----------
    seed : int
        Of all that is drawn at random.

    Returns
    -------
    dict of str to Detector
        By name; the simplest comes first.

    Raises
    ------
    ValueError
        If `seed` is below 0.
    TypeError
        If `seed` is no integer.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(300, 4))
    >>> for name, detector in baselines(seed=0).items():
    ...     low, high = detector.fit(X).score([[0, 0, 0, 0], [9, -9, 9, -9]])
    ...     print(name, low < high)
    no network True
    PCA reconstruction True
    Mahalanobis True
    elliptic envelope True
    Gaussian mixture True
    k nearest neighbours True
    local outlier factor True
    one-class SVM True
    isolation forest True
    """
    seed = as_nonnegative_int(seed, "seed")
    envelope = EllipticEnvelope(support_fraction=0.9, random_state=seed)
    mixture = GaussianMixture(5, reg_covar=1e-3, random_state=seed)
    some = {"max_rows": MAX_ROWS, "seed": seed}
    return {
        "no network": Detector(MeanSquare()),
        "PCA reconstruction": Detector(PCAReconstruction()),
        "Mahalanobis": Detector(MahalanobisDistance()),
        "elliptic envelope": Detector(envelope, max_rows=FEW_ROWS, seed=seed),
        "Gaussian mixture": Detector(mixture, **some),
        "k nearest neighbours": Detector(NeighborDistance(), **some),
        "local outlier factor": Detector(LocalOutlierFactor(novelty=True), **some),
        "one-class SVM": Detector(OneClassSVM(nu=0.05), **some),
        "isolation forest": Detector(IsolationForest(random_state=seed)),
    }


# The methods that are written out here. They refuse rows as a `Detector` does.


class MeanSquare(BaseEstimator):
    """The mean square of a standardised row: what is left of an autoencoder that outputs 0.

    Examples
    --------
    >>> MeanSquare().fit([[0, 0]]).score_samples([[3, 1]])
    array([-5.])
    """

    def fit(self, X: ArrayLike, y: None = None) -> "MeanSquare":
        """Learn nothing but the number of columns."""
        self.n_features_in_ = _as_rows(X).shape[1]
        return self

    def score_samples(self, X: ArrayLike) -> Array:
        """Return minus the mean square of each row."""
        check_is_fitted(self)
        return -np.mean(np.square(_as_rows(X, self)), axis=1)


class PCAReconstruction(BaseEstimator):
    """The error of a linear autoencoder: principal components, and back.

    Parameters
    ----------
    n_components : int, optional
        Width of the bottleneck. When left out, that of the sources' autoencoder:
        max(4, d // 3) // 2.

    Examples
    --------
    >>> line = np.arange(5)[:, None] * [3, 4]
    >>> PCAReconstruction(1).fit(line).score_samples([[34, 37], [4, -3]]).round(6)
    array([-12.5, -12.5])
    """

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def fit(self, X: ArrayLike, y: None = None) -> "PCAReconstruction":
        """Find the components of normal rows."""
        X = _as_rows(X)
        self.n_features_in_ = X.shape[1]
        width = self.n_components
        if width is None:
            width = max(4, X.shape[1] // 3) // 2
        self.pca_ = PCA(min(as_positive_int(width, "n_components"), *X.shape)).fit(X)
        return self

    def score_samples(self, X: ArrayLike) -> Array:
        """Return minus the mean squared error of each row."""
        check_is_fitted(self)
        X = _as_rows(X, self)
        return -reconstruction_errors(X, self.pca_.inverse_transform(self.pca_.transform(X)))


class MahalanobisDistance(BaseEstimator):
    """The distance to the mean, in a unit that follows the scatter in each direction.

    The covariance is shrunk as Ledoit and Wolf say: it can be inverted with few rows, and
    with columns that are sums of others.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(1000, 2)) @ [[1, 1], [0.1, -0.1]]
    >>> MahalanobisDistance().fit(X).score_samples([[2, 2], [2, -2]]).round(-1)
    array([  -0., -340.])
    """

    def fit(self, X: ArrayLike, y: None = None) -> "MahalanobisDistance":
        """Estimate mean and covariance of normal rows."""
        X = _as_rows(X)
        self.n_features_in_ = X.shape[1]
        self.covariance_ = LedoitWolf().fit(X)
        return self

    def score_samples(self, X: ArrayLike) -> Array:
        """Return minus the squared distance of each row."""
        check_is_fitted(self)
        return -self.covariance_.mahalanobis(_as_rows(X, self))


class NeighborDistance(BaseEstimator):
    """The distance to the k-th nearest of the normal rows.

    Parameters
    ----------
    n_neighbors : int
        k; all the rows of the fit if there are fewer.

    Examples
    --------
    >>> NeighborDistance(2).fit([[0], [1], [5]]).score_samples([[0], [5]])
    array([-1., -4.])
    """

    def __init__(self, n_neighbors: int = 5) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X: ArrayLike, y: None = None) -> "NeighborDistance":
        """Keep the normal rows."""
        X = _as_rows(X)
        self.n_features_in_ = X.shape[1]
        k = min(as_positive_int(self.n_neighbors, "n_neighbors"), len(X))
        self.neighbors_ = NearestNeighbors(n_neighbors=k).fit(X)
        return self

    def score_samples(self, X: ArrayLike) -> Array:
        """Return minus the distance of each row to its k-th neighbour."""
        check_is_fitted(self)
        distances, _ = self.neighbors_.kneighbors(_as_rows(X, self))
        return -distances[:, -1]


# Checks


def _as_rows(X: ArrayLike, fitted: Any = None) -> Array:
    """Return rows; with as many columns as the estimator was fitted on, where one is given."""
    X = as_matrix(X, "X").astype(np.float64)
    if fitted is not None and X.shape[1] != fitted.n_features_in_:
        expected = f"{fitted.n_features_in_} columns as in the fit"
        raise ValueError(message("X", expected, f"shape {X.shape}"))
    return X
