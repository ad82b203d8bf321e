"""The networks of part III, built with Keras, and the way from there back to part II.

Chapters *MNIST with Keras*, *Fashion-MNIST* and *Convolutional networks with Keras*. Every
builder returns a new, compiled model that gives probabilities of ten classes. The weights
and what dropout drops are drawn with the global seed of Keras: call
``keras.utils.set_random_seed(0)`` before a builder to get the same model again.
"""

import reprlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from course_lib import convolution, layers
from course_lib._validation import (
    as_array,
    as_labels,
    as_nonnegative_int,
    as_nonnegative_real,
    as_positive_int,
    as_positive_real,
    as_rows,
    as_verbose,
    message,
    same_length,
)
from course_lib.activations import relu
from course_lib.losses import softmax_cross_entropy
from course_lib.network import Network
from course_lib.optimizers import WARMUP_SHARE
from course_lib.preprocessing import n_batches

__all__ = [
    "augmentation",
    "cosine",
    "dropout_mlp",
    "fit_strong",
    "one_cycle",
    "scale_pixels",
    "slides_cnn",
    "slides_mlp",
    "strong_cnn",
    "to_network",
]

Schedule = keras.optimizers.schedules.LearningRateSchedule
Data = tuple[NDArray[np.float32], NDArray[np.int64]]

N_CLASSES = 10
SIDE = 28  # pixels

# The strong network: the filters of each convolution, and whether pooling follows it.
BLOCKS = ((32, True), (64, False), (64, True), (128, False), (128, False))
# Its training.
BATCH_SIZE = 128
PEAK_RATE = 5e-3
WEIGHT_DECAY = 0.01
SHIFT = 2  # pixels
GARMENT_SHIFT = 1


def scale_pixels(images: ArrayLike) -> NDArray[np.float32]:
    """Divide pixels by 255, so that they lie between 0 and 1.

    Equation ``eq-scale-pixels`` of the chapter *MNIST with Keras*. Source: slides, *Un
    premier exemple avec Keras*, which announce it and feed the raw pixels.

    Parameters
    ----------
    images : array_like of whole numbers from 0 to 255, of any shape

    Returns
    -------
    ndarray of float32, of the same shape

    Raises
    ------
    ValueError
        If a pixel is no whole number from 0 to 255 (scaled pixels are not scaled again),
        or there is none.
    TypeError
        If the pixels are no numbers.

    Examples
    --------
    >>> scale_pixels(np.array([[0, 51, 255]], dtype=np.uint8))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    images = as_rows(images, "images")
    expected = "whole numbers from 0 to 255"
    if images.dtype.kind not in "iuf":
        raise TypeError(message("images", expected, images.dtype))
    wrong = (images < 0) | (images > 255)
    if images.dtype.kind == "f":
        wrong |= np.rint(images) != images
    if wrong.any():
        raise ValueError(message("images", expected, images[wrong][0]))
    return images.astype(np.float32) / 255


def slides_mlp(units: int = 128) -> keras.Sequential:
    """Return the slides' multilayer perceptron: one hidden layer, gradient descent.

    Equation ``eq-keras-mlp`` of the chapter *MNIST with Keras*. Source: slides, *Un premier
    exemple avec Keras*.

    Parameters
    ----------
    units : int
        Neurons of the hidden layer.

    Returns
    -------
    keras.Sequential
        Takes images ``(n, 28, 28)``, with pixels between 0 and 1.

    Raises
    ------
    ValueError
        If `units` is below 1.
    TypeError
        If `units` is no integer.

    Examples
    --------
    >>> slides_mlp().count_params()
    101770
    """
    return _mlp(units, [])


def dropout_mlp(units: int = 128, rate: float = 0.5) -> keras.Sequential:
    """Return the slides' multilayer perceptron with dropout before its output layer.

    Equation ``eq-dropout`` of the chapter *Training in practice*. Source: slides,
    *Amélioration de notre réseau*.

    Parameters
    ----------
    units : int
        Neurons of the hidden layer.
    rate : float
        Share of them that a training step drops, at least 0 and below 1.

    Returns
    -------
    keras.Sequential
        Takes images ``(n, 28, 28)``, with pixels between 0 and 1.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If a number is of the wrong kind.

    Examples
    --------
    >>> [layer.__class__.__name__ for layer in dropout_mlp().layers]
    ['Flatten', 'Dense', 'Dropout', 'Dense']
    """
    rate = as_nonnegative_real(rate, "rate")
    if rate >= 1:
        raise ValueError(message("rate", "a number of at least 0 and below 1", rate))
    return _mlp(units, [keras.layers.Dropout(rate)])


def slides_cnn() -> keras.Sequential:
    """Return the slides' convolutional network: one convolution, one pooling, dropout.

    Equation ``eq-keras-cnn`` of the chapter *Convolutional networks with Keras*. Source:
    slides, *Un réseau convolutif avec Keras*; their labels are one-hot vectors, ours are
    integers, and the loss is the same.

    Returns
    -------
    keras.Sequential
        Takes images ``(n, 28, 28, 1)``, with pixels between 0 and 1.

    Raises
    ------
    TypeError
        If anything is passed: there is nothing to choose.

    Examples
    --------
    >>> slides_cnn().count_params()
    54410
    """
    stack = [
        keras.Input((SIDE, SIDE, 1)),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Dropout(0.25),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(N_CLASSES, activation="softmax"),
    ]
    return _classifier(stack, keras.optimizers.Adam())


def strong_cnn() -> keras.Sequential:
    """Return a deeper convolutional network, to be trained by :func:`fit_strong`.

    Five convolutions with batch normalisation; the mean over the places of the image takes
    the place of the large dense layer. Source: slides, *Un réseau convolutif avec Keras*,
    whose last result ("en forçant un peu") comes without its network.

    Returns
    -------
    keras.Sequential
        Takes images ``(n, 28, 28, 1)``, with pixels between 0 and 1.

    Raises
    ------
    TypeError
        If anything is passed: there is nothing to choose.

    Examples
    --------
    >>> strong_cnn().output_shape
    (None, 10)
    """
    stack = [
        keras.Input((SIDE, SIDE, 1)),
        *(layer for filters, pooled in BLOCKS for layer in _block(filters, pooled)),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(N_CLASSES, activation="softmax"),
    ]
    return _classifier(stack, keras.optimizers.Adam())


def augmentation(*, garments: bool = False, seed: int | None = None) -> keras.Sequential:
    """Return layers that move each training image a little, anew at each pass.

    Digits move by at most 2 pixels along each axis, also by parts of a pixel. Garments are
    centred, and interpolation would blur their fabric: they move by a whole pixel or not at
    all, and half of them are mirrored, left and right, which would be wrong for a digit.
    What comes in at the edge is black. With ``training=False`` the images pass as they are.
    Source: none of the slides; Simard, Steinkraus and Platt, *Best Practices for
    Convolutional Neural Networks Applied to Visual Document Analysis*, section 2.

    Parameters
    ----------
    garments : bool
        Whether the images show garments, as in Fashion-MNIST, and not digits.
    seed : int, optional
        Of the random numbers; drawn with the global seed of Keras when left out.

    Returns
    -------
    keras.Sequential
        Takes and returns images ``(n, height, width, channels)``.

    Raises
    ------
    ValueError
        If `seed` is below 0.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> images = np.ones((2, 28, 28, 1), dtype=np.float32)
    >>> moved = augmentation(seed=0)(images, training=True)
    >>> moved.shape, bool((moved == images).numpy().all())
    (TensorShape([2, 28, 28, 1]), False)
    """
    garments = _as_flag(garments, "garments")
    seed = None if seed is None else as_nonnegative_int(seed, "seed")
    pixels, interpolation = (GARMENT_SHIFT, "nearest") if garments else (SHIFT, "bilinear")
    share = pixels / SIDE
    stack = [
        keras.layers.RandomTranslation(
            share, share, fill_mode="constant", interpolation=interpolation, seed=seed
        )
    ]
    if garments:
        stack.append(keras.layers.RandomFlip("horizontal", seed=seed))
    return keras.Sequential(stack)


def cosine(initial: float, total_steps: int) -> Schedule:
    """Return a rate that falls from `initial` to 0 along half a cosine.

    It is :func:`course_lib.optimizers.cosine` as an object that optimizers of Keras take.
    Equation ``eq-cosine`` of the chapter *Training in practice*. Source: Loshchilov and
    Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, section 3.

    Parameters
    ----------
    initial : float
        Largest rate, above 0.
    total_steps : int
        Step at which the rate is 0, and from which it stays there.

    Returns
    -------
    keras.optimizers.schedules.LearningRateSchedule
        From the number of a step, counted from 0, to its rate.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If a number is of the wrong kind.

    Examples
    --------
    >>> schedule = cosine(0.1, 100)
    >>> [round(float(schedule(step)), 4) for step in (0, 25, 50, 100)]
    [0.1, 0.0854, 0.05, 0.0]
    """
    initial = as_positive_real(initial, "initial")
    total_steps = as_positive_int(total_steps, "total_steps")
    return keras.optimizers.schedules.CosineDecay(initial, total_steps)


def one_cycle(peak: float, total_steps: int) -> Schedule:
    """Return a rate that rises to `peak` on the first 30 % of the steps, and falls to 0.

    It is :func:`course_lib.optimizers.one_cycle` as an object that optimizers of Keras
    take. Source: Smith and Topin, *Super-Convergence: Very Fast Training of Neural Networks
    Using Large Learning Rates*.

    Parameters
    ----------
    peak : float
        Largest rate, above 0.
    total_steps : int
        Step at which the rate is 0.

    Returns
    -------
    keras.optimizers.schedules.LearningRateSchedule
        From the number of a step, counted from 0, to its rate.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If a number is of the wrong kind.

    Examples
    --------
    >>> schedule = one_cycle(0.1, 10)
    >>> [round(float(schedule(step)), 4) for step in (0, 3, 10)]
    [0.025, 0.1, 0.0]
    """
    peak, total_steps = as_positive_real(peak, "peak"), as_positive_int(total_steps, "total_steps")
    warmup_steps = int(WARMUP_SHARE * total_steps)
    if warmup_steps == 0:
        return cosine(peak, total_steps)
    return keras.optimizers.schedules.CosineDecay(
        peak / (warmup_steps + 1),  # from 0, the first step would be none
        total_steps - warmup_steps,
        warmup_target=peak,
        warmup_steps=warmup_steps,
    )


def fit_strong(
    model: keras.Model,
    X: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    seed: int,
    garments: bool = False,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    verbose: int = 0,
) -> keras.callbacks.History:
    """Train with all that the chapter adds: AdamW, a one-cycle rate, moved images.

    The model is compiled anew, because the rate depends on the number of the steps. The
    last batch of an epoch is smaller, and no image is left out. Chapter *Convolutional
    networks with Keras*. Source: Loshchilov and Hutter, *Decoupled Weight Decay
    Regularization*, for AdamW; see also :func:`one_cycle` and :func:`augmentation`.

    Parameters
    ----------
    model : keras.Model
        As :func:`strong_cnn` returns it.
    X : array_like of shape (n, 28, 28, 1)
        Pixels between 0 and 1: ``scale_pixels(images)[..., np.newaxis]``.
    y : array_like of int of shape (n,)
        Labels from 0 to 9.
    epochs : int
    seed : int
        Of the order of the images and of their moves: the global seed of Keras is set to
        it. The weights at the start and the dropout belong to the model.
    garments : bool
        As in :func:`augmentation`.
    validation : tuple (X, y), optional
        Data to look at after each epoch, without learning from it.
    verbose : {0, 1, 2}
        What Keras prints: nothing, a bar, or a line for each epoch.

    Returns
    -------
    keras.callbacks.History

    Raises
    ------
    ValueError
        If the shapes do not agree, or a number or label is out of range.
    TypeError
        If an argument is of the wrong kind.
    """
    X, y = _as_data(_as_model(model), X, y)
    if validation is not None:
        validation = _as_validation(model, validation)
    epochs, seed = as_positive_int(epochs, "epochs"), as_nonnegative_int(seed, "seed")
    keras.utils.set_random_seed(seed)
    augment = augmentation(garments=garments, seed=seed)
    shuffled = tf.data.Dataset.from_tensor_slices((X, y)).shuffle(len(X), seed=seed)
    # Whole batches, one after the other: so each gets the same random numbers in every run.
    moved = shuffled.batch(BATCH_SIZE).map(lambda X, y: (augment(X, training=True), y))
    rate = one_cycle(PEAK_RATE, epochs * n_batches(len(X), BATCH_SIZE))
    _compile(model, keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY))
    return model.fit(
        moved.prefetch(tf.data.AUTOTUNE),
        shuffle=False,  # done above
        epochs=epochs,
        validation_data=validation,
        verbose=as_verbose(verbose),
    )


def to_network(model: keras.Sequential) -> Network:
    """Return the network of part II that computes what a Keras model computes.

    Both have the same weights, in float32. The Keras model ends in a softmax; the network
    ends in logits, and its loss contains the softmax. What dropout drops in a training step
    is drawn by a generator with the seed 0.

    Parameters
    ----------
    model : keras.Sequential
        Of Flatten, Dense, Conv2D, MaxPooling2D and Dropout; the activation is ``relu``, and
        ``softmax`` in the last layer.

    Returns
    -------
    course_lib.network.Network

    Raises
    ------
    ValueError
        If a layer, or a setting of it, has no counterpart; the message names the layer.
    TypeError
        If `model` is no Sequential of Keras.

    Examples
    --------
    >>> [name for name, *_ in to_network(slides_mlp()).summary()]
    ['Flatten', 'Dense', 'Activation', 'Dense']
    """
    _check_softmax(_as_model(model, keras.Sequential))
    twins = [_twin(layer) for layer in model.layers]
    network = Network(
        [layer for group in twins for layer in group],
        input_shape=model.input_shape[1:],
        loss=softmax_cross_entropy,
        rng=np.random.default_rng(0),
        dtype=np.float32,
    )
    for theirs, (ours, *_) in zip(model.layers, twins, strict=True):
        if theirs.weights:
            ours.params["W"][:], ours.params["b"][:] = theirs.get_weights()
    return network


# --- the parts of the models ------------------------------------------------------------


def _mlp(units: int, before_output: list[keras.Layer]) -> keras.Sequential:
    stack = [
        keras.Input((SIDE, SIDE)),
        keras.layers.Flatten(),
        keras.layers.Dense(as_positive_int(units, "units"), activation="relu"),
        *before_output,
        keras.layers.Dense(N_CLASSES, activation="softmax"),
    ]
    return _classifier(stack, keras.optimizers.SGD(0.01))


def _block(filters: int, pooled: bool) -> list[keras.Layer]:
    """Return a convolution and its normalisation, without the bias, which that takes away.

    Max pooling and ReLU commute. Done before the other two, it leaves them a quarter of the
    values to compute with.
    """
    return [
        keras.layers.Conv2D(filters, 3, padding="same", use_bias=False),
        *([keras.layers.MaxPooling2D()] if pooled else []),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
    ]


def _classifier(stack: list[keras.Layer], optimizer: keras.Optimizer) -> keras.Sequential:
    model = keras.Sequential(stack)
    _compile(model, optimizer)
    return model


def _compile(model: keras.Model, optimizer: keras.Optimizer) -> None:
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )


# --- from Keras to part II --------------------------------------------------------------

# The settings that a layer of part II has no other value for.
FIXED = {
    keras.layers.Flatten: {"data_format": "channels_last"},
    keras.layers.Dense: {"use_bias": True},
    keras.layers.Dropout: {"noise_shape": None},
    keras.layers.MaxPooling2D: {"padding": "valid", "data_format": "channels_last"},
    keras.layers.Conv2D: {
        "use_bias": True,
        "data_format": "channels_last",
        "dilation_rate": (1, 1),
        "groups": 1,
    },
}


def _twin(layer: keras.Layer) -> list[layers.Layer]:
    """Return the layers of part II that do the same; the weights go into the first one."""
    if type(layer) not in FIXED:
        known = ", ".join(kind.__name__ for kind in FIXED)
        raise _refused(layer, f"a layer of the kinds {known}", type(layer).__name__)
    for setting, value in FIXED[type(layer)].items():
        _check(layer, setting, value)
    return _MAKERS[type(layer)](layer)


def _dense(layer: keras.layers.Dense) -> list[layers.Layer]:
    return [layers.Dense(layer.units), *_activation(layer)]


def _conv2d(layer: keras.layers.Conv2D) -> list[layers.Layer]:
    _check(layer, "strides", layer.strides[:1] * 2)
    settings = {"strides": layer.strides[0], "padding": layer.padding}
    twin = convolution.Conv2D(layer.filters, layer.kernel_size, **settings)
    return [twin, *_activation(layer)]


def _max_pooling_2d(layer: keras.layers.MaxPooling2D) -> list[layers.Layer]:
    _check(layer, "strides", layer.pool_size)
    return [convolution.MaxPool2D(layer.pool_size)]


def _dropout(layer: keras.layers.Dropout) -> list[layers.Layer]:
    return [layers.Dropout(layer.rate, rng=np.random.default_rng(0))]


_MAKERS: dict[type, Callable[..., list[layers.Layer]]] = {
    keras.layers.Flatten: lambda layer: [layers.Flatten()],
    keras.layers.Dense: _dense,
    keras.layers.Conv2D: _conv2d,
    keras.layers.MaxPooling2D: _max_pooling_2d,
    keras.layers.Dropout: _dropout,
}


def _activation(layer: keras.Layer) -> list[layers.Layer]:
    if layer.activation is keras.activations.softmax:
        return []  # it is a part of the network's loss
    _check(layer, "activation", keras.activations.relu)
    return [layers.Activation(relu)]


def _check_softmax(model: keras.Sequential) -> None:
    """Refuse a model without a softmax at the end, or with another one before."""
    for layer in model.layers:
        is_softmax = getattr(layer, "activation", None) is keras.activations.softmax
        if is_softmax != (layer is model.layers[-1]):
            expected = "a softmax as the activation of the last layer, and of no other"
            raise _refused(layer, expected, "one" if is_softmax else "none")


def _check(layer: keras.Layer, setting: str, expected: object) -> None:
    value = getattr(layer, setting)
    if value != expected:
        names = [getattr(item, "__name__", repr(item)) for item in (expected, value)]
        raise _refused(layer, f"{setting} {names[0]}", names[1])


def _refused(layer: keras.Layer, expected: str, got: str) -> ValueError:
    return ValueError(message(f"layer {layer.name}", expected, got))


# --- checks of arguments ----------------------------------------------------------------


def _as_model(model: keras.Model, kind: type = keras.Model) -> keras.Model:
    if not isinstance(model, kind):
        raise TypeError(message("model", f"a keras.{kind.__name__}", type(model).__name__))
    if getattr(model, "input_shape", None) is None:
        raise ValueError(message("model", "a keras.Input at its start", "none"))
    return model


def _as_data(model: keras.Model, X: ArrayLike, y: ArrayLike) -> Data:
    X, y = as_array(X, "X"), as_labels(y, "y")
    if X.shape[1:] != model.input_shape[1:]:
        sizes = ", ".join(map(str, model.input_shape[1:]))
        raise ValueError(message("X", f"shape (n, {sizes})", f"shape {X.shape}"))
    if X.min() < 0 or X.max() > 1:
        raise ValueError(message("X", "pixels from 0 to 1", f"{X.min():g} to {X.max():g}"))
    same_length(X, y, "X", "y")
    if y.dtype.kind == "U":
        raise TypeError(message("y", f"integers from 0 to {N_CLASSES - 1}", "strings"))
    outside = (y < 0) | (y >= N_CLASSES)
    if outside.any():
        raise ValueError(message("y", f"integers from 0 to {N_CLASSES - 1}", y[outside][0]))
    return X.astype(np.float32, copy=False), y.astype(np.int64, copy=False)


def _as_validation(model: keras.Model, data: tuple[ArrayLike, ArrayLike]) -> Data:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(message("validation", "a pair (X, y)", reprlib.repr(data)))
    return _as_data(model, *data)


def _as_flag(value: bool, name: str) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(message(name, "True or False", repr(value)))
    return bool(value)
