"""The source's inversion, one image at a time with Keras: slow, and easy to read.

Chapter *Inverting the decoder*. It is the yardstick of ``invert(..., method="adafactor")``,
which gives the same points for thousands of images at once.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import as_positive_int, as_positive_real, as_vector, message
from course_lib.latent_descent import ADAFACTOR_RATE, STEPS

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

__all__ = ["LiteralDescent", "literal_descent"]


class LiteralDescent(NamedTuple):
    """The end of a descent, and the loss on the way there."""

    point: NDArray[np.floating]  # (d,)
    losses: NDArray[np.floating]  # (steps + 1,): entry i is the loss after i steps


def literal_descent(
    decoder: "keras.Model",
    image: ArrayLike,
    start: ArrayLike,
    *,
    steps: int = STEPS,
    learning_rate: float = ADAFACTOR_RATE,
) -> LiteralDescent:
    """Descend from one point by Keras' Adafactor, as the source does.

    The source returns the point after 150 steps with the loss after 99, ``losses[99]``; here
    the last loss is that of the point. It also writes the formula of plain gradient descent,
    and runs Adafactor. Each image needs its own variable and its own optimizer, or the
    images change each other's steps. Chapter *Inverting the decoder*. Source: thesis,
    section 3.2.

    Parameters
    ----------
    decoder : keras.Model
        From points ``(1, d)`` to images.
    image : array_like of shape (n_pixels,)
    start : array_like of shape (d,)
    steps : int
    learning_rate : float

    Returns
    -------
    LiteralDescent

    Raises
    ------
    ValueError
        If a shape does not fit the decoder, or a number is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> import keras  # doctest: +SKIP
    >>> decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])  # doctest: +SKIP
    >>> literal_descent(decoder, np.ones(4), [0.5, 0.5]).point.shape  # doctest: +SKIP
    (2,)
    """
    image, start = as_vector(image, "image").astype(np.float32), as_vector(start, "start")
    steps = as_positive_int(steps, "steps")
    learning_rate = as_positive_real(learning_rate, "learning_rate")
    _check_decoder(decoder, image, start)
    import keras
    import tensorflow as tf

    y = tf.Variable(start[np.newaxis], dtype=tf.float32)
    optimizer = keras.optimizers.Adafactor(learning_rate=learning_rate)
    losses = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = _loss(decoder, y, image)
        losses.append(float(loss))
        optimizer.apply_gradients([(tape.gradient(loss, y), y)])
    losses.append(float(_loss(decoder, y, image)))
    return LiteralDescent(y.numpy()[0], np.array(losses))


def _loss(decoder: "keras.Model", y: "tf.Variable", image: NDArray) -> "tf.Tensor":
    """Return the squared distance of the image to D(y), summed over the pixels."""
    import tensorflow as tf

    return tf.reduce_sum(tf.square(image - tf.reshape(decoder(y), -1)))


def _check_decoder(decoder: "keras.Model", image: NDArray, start: NDArray) -> None:
    if not hasattr(decoder, "input_shape"):
        raise TypeError(message("decoder", "a model of Keras", f"{decoder!r:.50}"))
    if decoder.input_shape != (None, len(start)):
        expected = f"{decoder.input_shape[-1]} coordinates, as the decoder takes"
        raise ValueError(message("start", expected, len(start)))
    n_pixels = int(np.prod(decoder.output_shape[1:]))
    if len(image) != n_pixels:
        raise ValueError(message("image", f"{n_pixels} pixels, as the decoder gives", len(image)))
