"""The bonus model: a small network that guesses where the inversion of a decoder would end.

Chapter *The latent space, studied*. It learns from pairs of points: where an image is in MT,
the space of the encoder, and in MN, after the inversion. In use it moves a point without
looking at the image, so it can only learn what points near each other have in common. To
show it the image too, append the pixels to the point: ``np.hstack([points, images])``.

The weights are drawn with the global seed of Keras: call ``keras.utils.set_random_seed(0)``
before :func:`bonus_mlp` to get the same model again.
"""

from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import (
    as_matrix,
    as_nonnegative_int,
    as_positive_int,
    as_verbose,
    message,
    same_length,
)

__all__ = ["HeldOut", "bonus_mlp", "fit_bonus", "held_out_error"]

UNITS = 64
BATCH_SIZE = 32
VALIDATION_SHARE = 0.2


class HeldOut(NamedTuple):
    """Mean squared distances to the points of MN, on images that were not learnt from."""

    model: float
    """From the points of MB."""
    stay: float
    """From the points of MT: what a model reaches that moves nothing."""


def bonus_mlp(n_inputs: int = 2, *, n_outputs: int = 2) -> keras.Sequential:
    """Return the source's network: two hidden layers of 64 units, from a point to a point.

    Equation ``eq-bonus`` of the chapter *The latent space, studied*. Source: thesis, section
    3.6.1, ``build_model``.

    Parameters
    ----------
    n_inputs : int
        Coordinates of a point; with the image beside it, 784 more.
    n_outputs : int
        Coordinates of a point.

    Returns
    -------
    keras.Sequential
        Compiled with Adam and the mean squared error.

    Raises
    ------
    ValueError
        If a number is below 1.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> bonus_mlp().count_params(), bonus_mlp(2 + 784).count_params()
    (4482, 54658)
    """
    model = keras.Sequential(
        [
            keras.Input((as_positive_int(n_inputs, "n_inputs"),)),
            keras.layers.Dense(UNITS, activation="relu"),
            keras.layers.Dense(UNITS, activation="relu"),
            keras.layers.Dense(as_positive_int(n_outputs, "n_outputs")),
        ]
    )
    model.compile(optimizer="adam", loss="mse", jit_compile=False)
    return model


def fit_bonus(
    model: keras.Model,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    seed: int,
    epochs: int = 100,
    verbose: int = 0,
) -> keras.callbacks.History:
    """Train the bonus model as the source does, with the last fifth set aside for validation.

    Batches of 32, mean squared error, Adam. Equation ``eq-bonus`` of the chapter *The latent
    space, studied*. Source: thesis, section 3.6.1. It then measures its model on these very
    points: take others, for which :func:`held_out_error` is made.

    Parameters
    ----------
    model : keras.Model
        As :func:`bonus_mlp` returns it.
    inputs : array_like of shape (n, n_inputs)
        Points of MT, alone or with their images.
    targets : array_like of shape (n, n_outputs)
        Points of MN.
    seed : int
        Of the order of the points: the global seed of Keras is set to it.
    epochs : int
    verbose : {0, 1, 2}
        What Keras prints: nothing, a bar, or a line for each epoch.

    Returns
    -------
    keras.callbacks.History
        With ``loss`` and ``val_loss`` after each epoch.

    Raises
    ------
    ValueError
        If the shapes do not agree, there are fewer than 2 points, or a number is out of
        range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(100, 2))
    >>> history = fit_bonus(bonus_mlp(), points, 0.9 * points, seed=0, epochs=2)
    >>> sorted(history.history)
    ['loss', 'val_loss']
    """
    inputs, targets = _as_inputs(model, inputs), _as_outputs(model, targets, "targets")
    same_length(inputs, targets, "inputs", "targets")
    if len(inputs) < 2:
        raise ValueError(message("inputs", "at least 2 points, to learn and to validate", 1))
    epochs, seed = as_positive_int(epochs, "epochs"), as_nonnegative_int(seed, "seed")
    keras.utils.set_random_seed(seed)
    return model.fit(
        inputs,
        targets,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_split=VALIDATION_SHARE,
        verbose=as_verbose(verbose),
    )


def held_out_error(
    model: keras.Model, inputs: ArrayLike, starts: ArrayLike, targets: ArrayLike
) -> HeldOut:
    """Compare the model, on points that it has not seen, with leaving them where they are.

    A model that is worse than to stay has learnt nothing of use. Chapter *The latent space,
    studied*. Source: none in the thesis, which measures on the points it learnt from.

    Parameters
    ----------
    model : keras.Model
        After :func:`fit_bonus`.
    inputs : array_like of shape (n, n_inputs)
        Points of MT, alone or with their images, that were not in the training.
    starts : array_like of shape (n, n_outputs)
        The points of MT alone.
    targets : array_like of shape (n, n_outputs)
        Points of MN.

    Returns
    -------
    HeldOut
        ``model`` and ``stay``, mean squared distances.

    Raises
    ------
    ValueError
        If the shapes do not agree, there is no point, or a value is not finite.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(100, 2))
    >>> error = held_out_error(bonus_mlp(), points, points, points + [3, 4])
    >>> round(error.stay, 6), error.model > 10  # not trained yet
    (25.0, True)
    """
    inputs = _as_inputs(model, inputs)
    starts = _as_outputs(model, starts, "starts")
    targets = _as_outputs(model, targets, "targets")
    for points, name in ((starts, "starts"), (targets, "targets")):
        same_length(inputs, points, "inputs", name)
    moved = model.predict(inputs, verbose=0)
    return HeldOut(*(_mean_squared_distance(points, targets) for points in (moved, starts)))


def _mean_squared_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.sum((a - b) ** 2, axis=1, dtype=np.float64).mean())


# --- checks of arguments ------------------------------------------------------------------


def _as_inputs(model: keras.Model, inputs: ArrayLike) -> NDArray[np.float32]:
    if not isinstance(model, keras.Model):
        raise TypeError(message("model", "a keras.Model", type(model).__name__))
    return _as_rows_of(model.input_shape[-1], inputs, "inputs")


def _as_outputs(model: keras.Model, points: ArrayLike, name: str) -> NDArray[np.float32]:
    return _as_rows_of(model.output_shape[-1], points, name)


def _as_rows_of(size: int, values: ArrayLike, name: str) -> NDArray[np.float32]:
    values = as_matrix(values, name)
    if values.shape[1] != size:
        raise ValueError(message(name, f"shape (n, {size})", f"shape {values.shape}"))
    return values.astype(np.float32, copy=False)
