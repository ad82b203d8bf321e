"""SparseMetaAE: a sparse autoencoder that finds anomalies, and adapts to a new place.

Chapter *A sparse autoencoder that adapts*. It learns to give back normal rows; a row that it
gives back badly is an anomaly. A few steps on clean rows of a new place adapt it. It is an
estimator of scikit-learn: it goes into a pipeline, and is cloned and pickled like the others.
It does not standardise: put a ``StandardScaler`` or a ``TableEncoder`` before it.

The network is small, and its batches too, so that the calls would cost more than the sums in
Keras. It is therefore trained in NumPy, on the optimizers of part II; the tests compare the
weights with those of Keras.
"""

import json
import os
import reprlib
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from course_lib._validation import (
    as_matrix,
    as_nonnegative_real,
    as_positive_int,
    as_positive_real,
    as_probability,
    message,
)
from course_lib.optimizers import Adam, cosine
from course_lib.thresholds import percentile_threshold

__all__ = ["SparseMetaAE", "source_recipe"]

Array = NDArray[np.floating]
Layers = list[tuple[Array, Array]]  # weights (n_in, n_out) and biases (n_out,)

RIDGE = 1e-3  # share of the mean variance that the whitening adds to each direction
# What NumPy, zipfile and json raise for a damaged file, one byte of which may be any other.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
    *(KeyError, RuntimeError, TypeError, ValueError),
)


class SparseMetaAE(OutlierMixin, BaseEstimator):
    """A sparse denoising autoencoder, whose error says how strange a row is.

    The layers have 2e, e, e // 2 and e units for an encoding of e, all ReLU, and a linear
    output. The loss is equation ``eq-sparse-loss`` of the chapter *A sparse autoencoder that
    adapts*. The defaults go beyond the source, whose recipe is :func:`source_recipe`: the
    network is wider than the row, and must give back the clean row from a noisy one; the
    error is whitened, and joined by how far the row is outside the fences of its columns; the
    threshold comes from rows that the training did not see.

    Parameters
    ----------
    encoding_dim : int or None
        The encoding e; None for the source's ``max(4, n_features // 3)``.
    noise : float
        Standard deviation of the noise on the inputs while it learns; 0 for none. It is in
        units of the columns, which should be standardised.
    whiten : bool
        Score with the Mahalanobis length of the error, by the covariance of the training
        errors, instead of the mean square: equation ``eq-whitened-error`` of that chapter.
    fences : bool
        Join to the error of each column how far its value is beyond the column's fences:
        equation ``eq-fence`` of that chapter. No row that was learnt from is beyond them.
    activity_l1 : float
        Price of the activity of the first layer, summed over its units.
    epochs, batch_size : int
    learning_rate : float
        Rate of Adam, at the start.
    decay : bool
        Let the rate fall to 0 along a cosine.
    validation_fraction : float
        Share of the rows that are set aside at first, and give the threshold; below 1. Then
        the detector learns anew, from all rows. With 0 the threshold comes from the rows that
        it has learnt from, as in the source.
    false_positive_rate : float
        Share of the normal rows above the threshold; between 0 and 1.
    random_state : int, RandomState instance or None

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases (n_out,) of each layer, in float32 as in Keras.
    loss_curve_ : list of float
        Mean squared error of the batches of each epoch, with their noise.
    fences_ : ndarray of shape (2, n_features) or None
        The lower and the upper fence of each column.
    whitener_ : ndarray or None
        Matrix that an error is multiplied by before it is squared. With fences it has two rows
        for each column: for its error, and for how far it is beyond them.
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this number: minus the threshold.
    n_features_in_ : int

    Raises
    ------
    ValueError, TypeError
        In ``fit``, if a parameter is out of range or of the wrong kind.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 1)) * [1.0, -1.0, 1.0]  # normal rows lie on a line
    >>> detector = SparseMetaAE(epochs=20, random_state=0).fit(X)
    >>> detector.predict([[1.0, -1.0, 1.0], [1.0, 1.0, 1.0]])
    array([ 1, -1])
    """

    def __init__(
        self,
        *,
        encoding_dim: int | None = 64,
        noise: float = 0.2,
        whiten: bool = True,
        fences: bool = True,
        activity_l1: float = 1e-5,
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        decay: bool = True,
        validation_fraction: float = 0.2,
        false_positive_rate: float = 0.05,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.encoding_dim = encoding_dim
        self.noise = noise
        self.whiten = whiten
        self.fences = fences
        self.activity_l1 = activity_l1
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.decay = decay
        self.validation_fraction = validation_fraction
        self.false_positive_rate = false_positive_rate
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn from normal rows.

        Parameters
        ----------
        X : array_like of shape (n, n_features)
            Standardised rows, next to none of them anomalies.
        y : ignored

        Returns
        -------
        SparseMetaAE
            Itself.

        Raises
        ------
        ValueError
            If a parameter is out of range, `X` is no matrix of finite numbers, there are too
            few rows to set some aside, or the training diverged.
        TypeError
            If a parameter is of the wrong kind.
        """
        self._check_parameters()
        X = validate_data(self, X, dtype=(np.float64, np.float32))
        rng = check_random_state(self.random_state)
        percentage = 100 * (1 - self.false_positive_rate)
        if self.validation_fraction == 0:
            self._learn(X, rng)
            threshold = percentile_threshold(self._scores(X), percentage)
        else:
            X_train, X_validation = self._split(X, rng)
            self._learn(X_train, rng)
            threshold = percentile_threshold(self._scores(X_validation), percentage)
            self._learn(X, rng)  # anew, from the rows that were set aside as well
        self.offset_ = -threshold
        return self

    def adapt(self, X_support: ArrayLike, *, steps: int = 5, learning_rate: float = 2e-5) -> Self:
        """Take a few steps of Adam on rows of a new place; the threshold stays.

        Equation ``eq-adaptation`` of the chapter *A sparse autoencoder that adapts*. Fences
        move so far out that no row of the support is beyond them. Take a
        ``copy.deepcopy(detector)`` first if you need the old one too. Source: section
        SparseMetaAE, ``adapt_ae``, with a rate of 0.001: a well trained network forgets more
        at that rate than it learns, and raises more false alarms already at a tenth of it. Its
        support also comes from the test set, anomalies included, which teaches the network to
        give back anomalies.

        Parameters
        ----------
        X_support : array_like of shape (k, n_features)
            Clean rows, standardised like those of ``fit``.
        steps : int
        learning_rate : float

        Returns
        -------
        SparseMetaAE
            Itself.

        Raises
        ------
        ValueError
            If the rows do not fit, a number is out of range, or the steps diverge; the
            detector is then as it was.
        TypeError
            If an argument is of the wrong kind.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        check_is_fitted(self)
        X_support = as_matrix(X_support, "X_support").astype(np.float32)
        if X_support.shape[1] != self.n_features_in_:
            expected = f"{self.n_features_in_} columns as in fit"
            raise ValueError(message("X_support", expected, X_support.shape[1]))
        theta = np.concatenate([array.ravel() for pair in self._layers() for array in pair])
        gradient = np.empty_like(theta)
        layers, gradients = (_views(vector, self._sizes()) for vector in (theta, gradient))
        optimizer = Adam(as_positive_real(learning_rate, "learning_rate"))
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(as_positive_int(steps, "steps")):
                _loss_gradient(layers, X_support, X_support, gradients)
                optimizer.step(theta, gradient)
            if not np.isfinite(_forward(layers, X_support)[-1]).all():
                raise ValueError(message("learning_rate", "steps that converge", learning_rate))
        self._keep(layers)
        if self.fences_ is not None:
            low, high = self.fences_
            low = np.minimum(low, X_support.min(axis=0))
            self.fences_ = np.array([low, np.maximum(high, X_support.max(axis=0))])
        return self

    def reconstruct(self, X: ArrayLike) -> Array:
        """Return what the network gives back for each row, of shape (n, n_features)."""
        return _forward(self._layers(), self._as_rows(X))[-1]

    def score(self, X: ArrayLike, y: Any = None) -> Array:
        """Return how strange each row is: the higher, the stranger.

        Parameters
        ----------
        X : array_like of shape (n, n_features)
        y : ignored

        Returns
        -------
        ndarray of shape (n,)
            The squared errors, whitened or not, and with or without fences: their sum over
            the columns by the number of columns.

        Raises
        ------
        ValueError
            If `X` does not fit.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        return self._scores(self._as_rows(X))

    def score_samples(self, X: ArrayLike) -> Array:
        """Return how normal each row is, as scikit-learn has it: minus :meth:`score`."""
        return -self.score(X)

    def decision_function(self, X: ArrayLike) -> Array:
        """Return :meth:`score_samples` minus ``offset_``: below 0 for an anomaly."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return -1 for each anomaly and 1 for each other row."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    @property
    def threshold_(self) -> float:
        """Score above which a row is an anomaly: minus ``offset_``."""
        return -self.offset_

    def save(self, path: str | Path) -> None:
        """Write the fitted detector to one ``.npz`` file; an older one is replaced.

        Nothing in the file is executed when it is read, as a pickle would be.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        ValueError
            If the name does not end in ``.npz``, or ``random_state`` is no integer or None.
        TypeError
            If `path` is no path.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        check_is_fitted(self)
        path = _as_path(path)
        if isinstance(self.random_state, np.random.RandomState):
            expected = "an integer or None, to be written to a file"
            raise ValueError(message("random_state", expected, "a RandomState"))
        arrays = {f"coef_{i}": array for i, array in enumerate(self.coefs_)}
        arrays |= {f"intercept_{i}": array for i, array in enumerate(self.intercepts_)}
        arrays |= {"offset": np.float64(self.offset_), "loss_curve": np.array(self.loss_curve_)}
        if self.whitener_ is not None:
            arrays["whitener"] = self.whitener_
        if self.fences_ is not None:
            arrays["fences"] = self.fences_
        if hasattr(self, "feature_names_in_"):
            arrays["feature_names"] = self.feature_names_in_.astype(np.str_)
        parameters = json.dumps(self.get_params(), default=lambda number: number.item())
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as stream:
            np.savez(stream, parameters=np.array(parameters), **arrays)
        unfinished.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the detector that :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        SparseMetaAE

        Raises
        ------
        ValueError
            If there is no such file, it is damaged, or it holds something else.
        TypeError
            If `path` is no path.

        Examples
        --------
        >>> SparseMetaAE.load("nowhere.npz")
        Traceback (most recent call last):
            ...
        ValueError: path: expected a file of SparseMetaAE.save, got nowhere.npz (no such file)
        """
        path = _as_path(path)
        if not path.is_file():
            raise _not_ours(path, "no such file")
        try:
            return cls._from_arrays(_arrays(path))
        except UNREADABLE as error:
            raise _not_ours(path, f"{type(error).__name__}: {error}") from None

    # What the public methods are made of

    def _check_parameters(self) -> None:
        if self.encoding_dim is not None:
            as_positive_int(self.encoding_dim, "encoding_dim")
        for name in ("epochs", "batch_size"):
            as_positive_int(getattr(self, name), name)
        for name in ("noise", "activity_l1"):
            as_nonnegative_real(getattr(self, name), name)
        as_positive_real(self.learning_rate, "learning_rate")
        for name in ("whiten", "fences", "decay"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                expected, got = "True or False", reprlib.repr(getattr(self, name))
                raise TypeError(message(name, expected, got))
        if as_probability(self.validation_fraction, "validation_fraction") == 1:
            raise ValueError(message("validation_fraction", "a number below 1", 1))
        if as_probability(self.false_positive_rate, "false_positive_rate") in (0, 1):
            got = self.false_positive_rate
            raise ValueError(message("false_positive_rate", "a number between 0 and 1", got))

    def _split(self, X: Array, rng: np.random.RandomState) -> tuple[Array, Array]:
        """Return the rows to learn from at first, and those that the threshold comes from."""
        n_validation = max(1, round(self.validation_fraction * len(X)))
        if n_validation == len(X):
            expected = "rows to learn from and rows for the threshold"
            raise ValueError(message("X", expected, f"n_samples = {len(X)}"))
        order = rng.permutation(len(X))
        return X[order[n_validation:]], X[order[:n_validation]]

    def _learn(self, X: Array, rng: np.random.RandomState) -> None:
        """Learn all but the threshold from rows."""
        with np.errstate(over="ignore", invalid="ignore"):  # a divergence is told below
            self._train(X.astype(np.float32), rng)
        if not np.isfinite(self.loss_curve_[-1]):
            raise ValueError(message("X", "standardised columns", "a training that diverged"))
        self.fences_ = _fences(X) if self.fences else None
        self.whitener_ = _whitener(self._errors(X)) if self.whiten else None

    def _train(self, X: Array, rng: np.random.RandomState) -> None:
        """Learn from float32 rows: each batch is one step of Adam."""
        sizes = self._sizes(X.shape[1])
        theta = _glorot_uniform(sizes, rng)
        gradient = np.empty_like(theta)
        layers, gradients = _views(theta, sizes), _views(gradient, sizes)
        starts = range(0, len(X), self.batch_size)
        rate = self.learning_rate
        optimizer = Adam(cosine(rate, self.epochs * len(starts)) if self.decay else rate)
        self.loss_curve_ = []
        for _ in range(self.epochs):
            targets = X[rng.permutation(len(X))]
            inputs = _noisy(targets, self.noise, rng)
            errors = []
            for start in starts:
                batch = slice(start, start + self.batch_size)
                errors.append(
                    _loss_gradient(
                        layers, inputs[batch], targets[batch], gradients, self.activity_l1
                    )
                )
                optimizer.step(theta, gradient)
            self.loss_curve_.append(float(np.mean(errors)))
        self._keep(layers)

    def _sizes(self, n_features: int | None = None) -> list[int]:
        """Return the widths of the layers, from the input to the output."""
        d = self.n_features_in_ if n_features is None else n_features
        e = max(4, d // 3) if self.encoding_dim is None else self.encoding_dim
        return [d, 2 * e, e, max(1, e // 2), e, d]

    def _keep(self, layers: Layers) -> None:
        self.coefs_, self.intercepts_ = map(list, zip(*layers, strict=True))

    def _layers(self) -> Layers:
        check_is_fitted(self)
        return list(zip(self.coefs_, self.intercepts_, strict=True))

    def _as_rows(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        return validate_data(self, X, dtype=(np.float64, np.float32), reset=False)

    def _errors(self, X: Array) -> Array:
        """Return the error of each column, and then how far each is beyond its fences."""
        errors = _forward(self._layers(), X)[-1] - X
        if self.fences_ is None:
            return errors
        return np.hstack([errors, X - np.clip(X, *self.fences_.astype(X.dtype))])

    def _scores(self, X: Array) -> Array:
        errors = self._errors(X)
        if self.whitener_ is not None:
            errors = errors @ self.whitener_.astype(errors.dtype)
        return np.sum(errors**2, axis=1) / X.shape[1]

    @classmethod
    def _from_arrays(cls, arrays: dict[str, Array]) -> Self:
        detector = cls(**json.loads(arrays["parameters"].item()))
        detector._check_parameters()
        detector.n_features_in_ = len(arrays["coef_0"])
        n_layers = sum(name.startswith("coef_") for name in arrays)
        detector.coefs_ = [arrays[f"coef_{i}"] for i in range(n_layers)]
        detector.intercepts_ = [arrays[f"intercept_{i}"] for i in range(n_layers)]
        detector.loss_curve_ = arrays["loss_curve"].tolist()
        detector.offset_ = arrays["offset"].item()
        detector.whitener_ = arrays.get("whitener")
        detector.fences_ = arrays.get("fences")
        detector.score(np.zeros((1, detector.n_features_in_)))  # do the shapes fit together?
        if "feature_names" in arrays:
            detector.feature_names_in_ = arrays["feature_names"].astype(object)
        return detector


def source_recipe(*, random_state: int | np.random.RandomState | None = None) -> SparseMetaAE:
    """Return the detector with the source's settings, to be fitted.

    An encoding of ``max(4, n_features // 3)``, no noise, no fences, 30 epochs of Adam at 0.001,
    and the 95th percentile of the training rows' mean squared errors. Chapter *A sparse
    autoencoder that adapts*. Source: section SparseMetaAE, ``sparse_autoencoder``.

    Parameters
    ----------
    random_state : int, RandomState instance or None

    Returns
    -------
    SparseMetaAE

    Raises
    ------
    ValueError, TypeError
        In ``fit``, if `random_state` is none of these.

    Examples
    --------
    >>> source_recipe(random_state=0).fit(np.eye(21)).coefs_[2].shape  # to the bottleneck
    (7, 3)
    """
    return SparseMetaAE(
        encoding_dim=None,
        noise=0.0,
        whiten=False,
        fences=False,
        epochs=30,
        learning_rate=1e-3,
        decay=False,
        validation_fraction=0.0,
        random_state=random_state,
    )


# The network


def _views(theta: Array, sizes: list[int]) -> Layers:
    """Return the weights and biases that lie one after the other in one vector."""
    layers, start = [], 0
    for n_in, n_out in pairwise(sizes):
        end = start + n_in * n_out
        layers.append((theta[start:end].reshape(n_in, n_out), theta[end : end + n_out]))
        start = end + n_out
    return layers


def _glorot_uniform(sizes: list[int], rng: np.random.RandomState) -> Array:
    """Return the parameters at the start: weights as Keras draws them, and biases of 0."""
    n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    theta = np.zeros(n_parameters, dtype=np.float32)
    for weights, _ in _views(theta, sizes):
        limit = np.sqrt(6 / sum(weights.shape))
        weights[:] = rng.uniform(-limit, limit, weights.shape)
    return theta


def _forward(layers: Layers, X: Array) -> list[Array]:
    """Return the activations of all layers, from the input to the output."""
    activations = [X]
    for weights, biases in layers:
        z = activations[-1] @ weights
        z += biases
        is_hidden = len(activations) < len(layers)
        activations.append(np.maximum(z, 0, out=z) if is_hidden else z)
    return activations


def _loss_gradient(
    layers: Layers, inputs: Array, targets: Array, gradients: Layers, activity_l1: float = 0.0
) -> float:
    """Write the gradient of the loss into `gradients`; return the mean squared error.

    The loss is that error plus `activity_l1` times the mean over the rows of the sum of the
    first layer's activities.
    """
    activations = _forward(layers, inputs)
    delta = activations[-1] - targets
    error = float(np.vdot(delta, delta)) / delta.size  # much faster than np.mean on a small batch
    delta *= 2 / delta.size
    for layer in reversed(range(len(layers))):
        d_weights, d_biases = gradients[layer]
        np.matmul(activations[layer].T, delta, out=d_weights)
        np.add.reduce(delta, axis=0, out=d_biases)
        if layer > 0:
            delta = delta @ layers[layer][0].T
            if layer == 1:  # below it is the first layer, whose activities are not negative
                delta += activity_l1 / len(inputs)
            delta *= activations[layer] > 0
    return error


def _noisy(X: Array, noise: float, rng: np.random.RandomState) -> Array:
    if noise == 0:
        return X
    return X + noise * rng.normal(size=X.shape).astype(X.dtype)


def _whitener(errors: Array) -> Array:
    """Return the matrix W for which W W^T is the inverse of the errors' second moments."""
    errors = errors.astype(np.float64)
    moments = errors.T @ errors / len(errors)
    # The ridge keeps directions with next to no error from ruling all the others.
    ridge = RIDGE * np.trace(moments) / len(moments) + np.finfo(np.float32).tiny
    variances, directions = np.linalg.eigh(moments)
    return directions / np.sqrt(np.maximum(variances, 0) + ridge)


def _fences(X: Array) -> Array:
    """Return a lower and an upper fence for each column.

    Equation ``eq-fence`` of the chapter *A sparse autoencoder that adapts*.
    """
    low, first_quartile, third_quartile, high = np.quantile(X, [0, 0.25, 0.75, 1], axis=0)
    return np.array([2 * low - first_quartile, 2 * high - third_quartile])


# Files


def _as_path(path: str | Path) -> Path:
    if not isinstance(path, str | Path):
        raise TypeError(message("path", "a path", reprlib.repr(path)))
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(message("path", "a name that ends in .npz", path.name))
    return path


def _arrays(path: Path) -> dict[str, Any]:
    """Return all arrays of a file, each of them checked by its sum."""
    with path.open("rb") as stream, np.load(stream) as file:
        arrays = {name: file[name] for name in file.files}
        # The directory has no sum of its own: compare with the count near the end of a zip file.
        stream.seek(-12, os.SEEK_END)
        n_arrays = int.from_bytes(stream.read(2), "little")
    if len(arrays) != n_arrays:
        raise ValueError(f"it holds {len(arrays)} arrays of {n_arrays}")
    return arrays


def _not_ours(path: Path, why: str) -> ValueError:
    return ValueError(message("path", "a file of SparseMetaAE.save", f"{path} ({why})"))
