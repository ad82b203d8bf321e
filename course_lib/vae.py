"""Autoencoders with Keras: the plain one, and the variational one, which can also draw.

Chapter *Autoencoders and the VAE*. Both bring an image of 28 x 28 pixels to a point with two
coordinates and back. The encoder and the decoder are stacks of Dense layers; the thesis's are
784 units wide, and narrower ones learn in seconds. Weights are drawn with the global seed of
Keras: call ``keras.utils.set_random_seed(0)`` before a model is made to get the same again.
"""

import reprlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from course_lib import decoder as numpy_decoder
from course_lib._validation import (
    as_array,
    as_generator,
    as_matrix,
    as_nonnegative_int,
    as_positive_int,
    as_positive_real,
    as_rows,
    as_verbose,
    message,
)
from course_lib.decoder import MLP
from course_lib.preprocessing import n_batches

__all__ = [
    "VAE",
    "binarize",
    "build_autoencoder",
    "fit_vae",
    "from_mlps",
    "kl_gaussian",
    "reparameterize",
    "to_mlps",
]

SIDE = 28  # pixels
N_PIXELS = SIDE**2

# The training that reaches the thesis's 36.8; the thesis does not tell its own.
EPOCHS = 45
CONSTANT_SHARE = 20 / 45
BATCH_SIZE = 128
LEARNING_RATE = 4e-4
PREDICTION_BATCH = 500


class Latent(NamedTuple):
    """What the encoder says of each image: a normal distribution in the latent space."""

    mean: NDArray[np.float32]  # (n, latent_dim)
    log_var: NDArray[np.float32]  # (n, latent_dim)


def binarize(images: ArrayLike) -> NDArray[np.float32]:
    """Set pixels of at least 128 to 1 and the others to 0, as the thesis's images are.

    Source: thesis, section 1.2, where each coordinate of an image is 0 or 1.

    Parameters
    ----------
    images : array_like of whole numbers from 0 to 255, of any shape

    Returns
    -------
    ndarray of float32, of the same shape

    Raises
    ------
    ValueError
        If a pixel is not between 0 and 255, or there is none.
    TypeError
        If the pixels are no whole numbers: those that are scaled already, for example.

    Examples
    --------
    >>> binarize(np.array([[0, 127, 128, 255]], dtype=np.uint8))
    array([[0., 0., 1., 1.]], dtype=float32)
    """
    images = as_rows(images, "images")
    expected = "whole numbers from 0 to 255"
    if images.dtype.kind not in "iu":
        raise TypeError(message("images", expected, images.dtype))
    wrong = (images < 0) | (images > 255)
    if wrong.any():
        raise ValueError(message("images", expected, images[wrong][0]))
    return (images >= 128).astype(np.float32)


# --- the plain autoencoder ----------------------------------------------------------------


def build_autoencoder(
    *,
    width: int = 128,
    depth: int = 2,
    latent_dim: int = 2,
    output: str = "sigmoid",
) -> keras.Sequential:
    """Return an autoencoder that learns to give back its input with a small squared error.

    The error is summed over the pixels. Without hidden layers and with a linear output it
    can do what PCA does, and no more: the best plane through the images.
    Equation ``eq-autoencoder`` of the chapter *Autoencoders and the VAE*. Source: thesis,
    section 1.1.

    Parameters
    ----------
    width : int
        Units of each hidden layer.
    depth : int
        Hidden layers of the encoder, and as many of the decoder; 0 for none.
    latent_dim : int
        Coordinates of a latent point.
    output : {"sigmoid", "linear"}
        Activation of the pixels.

    Returns
    -------
    keras.Sequential
        With two layers, ``"encoder"`` and ``"decoder"``. Fit it with the images as inputs
        and as targets: ``model.fit(images, images)``, of shape ``(n, 28, 28)``.

    Raises
    ------
    ValueError
        If a number is out of range, or `output` is unknown.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> model = build_autoencoder(width=64)
    >>> model.get_layer("encoder").output_shape, model.output_shape
    ((None, 2), (None, 28, 28))
    """
    if output not in ("sigmoid", "linear"):
        raise ValueError(message("output", "sigmoid or linear", reprlib.repr(output)))
    width, latent_dim = as_positive_int(width, "width"), as_positive_int(latent_dim, "latent_dim")
    depth = as_nonnegative_int(depth, "depth")
    encoder = _encoder(width, depth, latent_dim)
    decoder = _decoder(width, depth, latent_dim, output)
    model = keras.Sequential([keras.Input((SIDE, SIDE)), encoder, decoder], name="autoencoder")
    model.compile(keras.optimizers.Adam(), loss=_squared_error, jit_compile=False)
    return model


def _encoder(width: int, depth: int, n_outputs: int) -> keras.Sequential:
    hidden = [keras.layers.Dense(width, activation="relu") for _ in range(depth)]
    first = [keras.Input((SIDE, SIDE)), keras.layers.Flatten()]
    return keras.Sequential([*first, *hidden, keras.layers.Dense(n_outputs)], name="encoder")


def _decoder(width: int, depth: int, latent_dim: int, output: str) -> keras.Sequential:
    hidden = [keras.layers.Dense(width, activation="relu") for _ in range(depth)]
    pixels = keras.layers.Dense(N_PIXELS, activation=output)
    last = [pixels, keras.layers.Reshape((SIDE, SIDE))]
    return keras.Sequential([keras.Input((latent_dim,)), *hidden, *last], name="decoder")


def _squared_error(images: Any, reconstructions: Any) -> Any:
    return ops.sum(ops.square(images - reconstructions), axis=(1, 2))


# --- the variational autoencoder ----------------------------------------------------------


def reparameterize(
    mean: ArrayLike, log_var: ArrayLike, *, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Draw a point from the normal distribution of each image.

    The noise is drawn first, then shifted and scaled: so the point is a smooth function of the
    mean and of the variance, and gradients pass through it. Equation ``eq-reparameterisation``
    of the chapter *Autoencoders and the VAE*. Source: thesis, section 3.1, ``reparameterize``.

    Parameters
    ----------
    mean, log_var : array_like of shape (n, latent_dim)
        Mean and logarithm of the variance of each coordinate.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n, latent_dim)

    Raises
    ------
    ValueError
        If the shapes differ, or an array is empty or not finite.
    TypeError
        If an array holds no numbers, or `rng` is no generator.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> reparameterize([[3.0, -3.0]], [[-100.0, -100.0]], rng=rng)  # next to no variance
    array([[ 3., -3.]])
    """
    mean, log_var = _as_normal(mean, log_var)
    noise = as_generator(rng).standard_normal(mean.shape).astype(mean.dtype)
    return ops.convert_to_numpy(_shifted(mean, log_var, noise))


def kl_gaussian(mean: ArrayLike, log_var: ArrayLike) -> NDArray[np.floating]:
    """Return the Kullback-Leibler divergence of each normal distribution from the standard one.

    It is 0 when the mean is 0 and the variance 1, and larger otherwise: the price, in nats, of
    telling where an image lies. Equation ``eq-kl-gaussian`` of the chapter *Autoencoders and
    the VAE*. Source: none of the thesis, which does not print its loss; Kingma and Welling,
    *Auto-Encoding Variational Bayes*, appendix B.

    Parameters
    ----------
    mean, log_var : array_like of shape (n, latent_dim)
        Mean and logarithm of the variance of each coordinate.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If the shapes differ, or an array is empty or not finite.
    TypeError
        If an array holds no numbers.

    Examples
    --------
    >>> kl_gaussian([[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]])
    array([0. , 2.5])
    """
    return ops.convert_to_numpy(_kl(*_as_normal(mean, log_var)))


def _shifted(mean: Any, log_var: Any, noise: Any) -> Any:
    return mean + ops.exp(log_var / 2) * noise


def _kl(mean: Any, log_var: Any) -> Any:
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - 1 - log_var, axis=1)


@keras.saving.register_keras_serializable("course_lib")
class VAE(keras.Model):
    """The thesis's variational autoencoder, and narrower relatives of it.

    Its loss is the negative of the ELBO, in nats for each image: the binary cross-entropy
    summed over the pixels, and the divergence of :func:`kl_gaussian`. Training and evaluation
    report both terms, as ``reconstruction`` and ``kl``. Equations ``eq-elbo`` and
    ``eq-vae-model`` of the chapter *Autoencoders and the VAE*. Source: thesis, section 3.1,
    class ``CVAE``; it is called convolutional there, and has no convolution.

    Parameters
    ----------
    width : int
        Units of each hidden layer.
    encoder_depth, decoder_depth : int
        Hidden layers of each network.
    latent_dim : int
        Coordinates of a latent point.

    Attributes
    ----------
    encoder : keras.Sequential
        Images ``(n, 28, 28)`` to means, then log variances ``(n, 2 latent_dim)``.
    decoder : keras.Sequential
        Points ``(n, latent_dim)`` to logits ``(n, 28, 28)``: pixels before the sigmoid.

    Raises
    ------
    ValueError
        If a number is below 1.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> vae = VAE(width=128, encoder_depth=2, decoder_depth=2)
    >>> vae.decode([[0.0, 0.0]]).shape
    (1, 28, 28)
    >>> VAE().count_params()
    5544452
    """

    def __init__(
        self,
        *,
        width: int = N_PIXELS,
        encoder_depth: int = 5,
        decoder_depth: int = 4,
        latent_dim: int = 2,
        **of_keras: Any,
    ) -> None:
        super().__init__(**of_keras)
        self.width = as_positive_int(width, "width")
        self.encoder_depth = as_positive_int(encoder_depth, "encoder_depth")
        self.decoder_depth = as_positive_int(decoder_depth, "decoder_depth")
        self.latent_dim = as_positive_int(latent_dim, "latent_dim")
        self.encoder = _encoder(self.width, self.encoder_depth, 2 * self.latent_dim)
        self.decoder = _decoder(self.width, self.decoder_depth, self.latent_dim, "linear")
        self.noise = keras.random.SeedGenerator()
        self.terms = [keras.metrics.Mean(name) for name in ("reconstruction", "kl")]
        self.built = True  # both networks have their weights
        self.compile(keras.optimizers.Adam(LEARNING_RATE), jit_compile=False)

    def encode(self, images: ArrayLike) -> Latent:
        """Return the mean and the log variance of each image ``(n, 28, 28)``."""
        outputs = self.encoder.predict(_as_images(images), batch_size=PREDICTION_BATCH, verbose=0)
        return Latent(*np.split(outputs, 2, axis=1))

    def decode(self, points: ArrayLike) -> NDArray[np.float32]:
        """Return the image ``(28, 28)`` of each point ``(n, latent_dim)``, pixels from 0 to 1."""
        points = as_matrix(points, "points").astype(np.float32)
        if points.shape[1] != self.latent_dim:
            expected = f"shape (n, {self.latent_dim})"
            raise ValueError(message("points", expected, f"shape {points.shape}"))
        logits = self.decoder.predict(points, batch_size=PREDICTION_BATCH, verbose=0)
        return ops.convert_to_numpy(ops.sigmoid(logits))

    def reconstruct(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return the decoded mean of each image: D(E(z)) in the thesis."""
        return self.decode(self.encode(images).mean)

    def sample(self, n: int, *, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return `n` images that nobody wrote: decoded points of the standard normal law."""
        shape = as_positive_int(n, "n"), self.latent_dim
        return self.decode(as_generator(rng).standard_normal(shape))

    # What Keras calls, on tensors.

    def call(self, images: Any) -> tuple[Any, Any, Any]:
        """Return the mean, the log variance, and the logits of a point drawn with them."""
        mean, log_var = ops.split(self.encoder(images), 2, axis=1)
        noise = keras.random.normal(ops.shape(mean), seed=self.noise)
        return mean, log_var, self.decoder(_shifted(mean, log_var, noise))

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any) -> Any:
        """Return the negative ELBO, averaged over the images, and keep its two terms."""
        mean, log_var, logits = y_pred
        pixels = ops.binary_crossentropy(x, logits, from_logits=True)
        terms = ops.sum(pixels, axis=(1, 2)), _kl(mean, log_var)
        for metric, term in zip(self.terms, terms, strict=True):
            metric.update_state(term)
        return ops.mean(sum(terms))

    def get_config(self) -> dict[str, int]:
        names = ("width", "encoder_depth", "decoder_depth", "latent_dim")
        return {name: getattr(self, name) for name in names}


def fit_vae(
    vae: VAE,
    images: ArrayLike,
    *,
    seed: int,
    epochs: int = EPOCHS,
    learning_rate: float = LEARNING_RATE,
    validation: ArrayLike | None = None,
    verbose: int = 0,
) -> keras.callbacks.History:
    """Train with Adam, at a rate that is constant at first and then falls to 0 along a cosine.

    The rate is constant on the first 20/45 of the steps. The fall is worth it: at a constant
    rate the encoder stays noisy, and the error of the reconstructions higher. Batches are of
    128 images. Equation ``eq-vae-loss`` of the chapter *Autoencoders and the VAE*. Source:
    none; the thesis received its weights and does not tell how they were trained.

    Parameters
    ----------
    vae : VAE
        It is compiled anew, because the rate depends on the number of the steps.
    images : array_like of shape (n, 28, 28)
        Pixels between 0 and 1: ``binarize(images)``.
    seed : int
        Of the order of the images and of the noise. The weights at the start belong to the
        model.
    epochs : int
    learning_rate : float
        The constant one.
    validation : array_like of shape (m, 28, 28), optional
        Images to look at after each epoch, without learning from them.
    verbose : {0, 1, 2}
        What Keras prints: nothing, a bar, or a line for each epoch.

    Returns
    -------
    keras.callbacks.History
        ``loss``, ``reconstruction`` and ``kl``; with `validation` also ``val_loss`` and so on.

    Raises
    ------
    ValueError
        If a shape does not fit, or a pixel or number is out of range.
    TypeError
        If an argument is of the wrong kind.
    """
    images = _as_images(images)
    if validation is not None:
        validation = (_as_images(validation, "validation"),)
    epochs, seed = as_positive_int(epochs, "epochs"), as_nonnegative_int(seed, "seed")
    rate = _schedule(learning_rate, epochs * n_batches(len(images), BATCH_SIZE))
    _as_vae(vae).compile(keras.optimizers.Adam(rate), jit_compile=False)
    keras.utils.set_random_seed(seed)
    vae.noise.state.assign(keras.random.SeedGenerator(seed).state)
    return vae.fit(
        images,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=validation,
        verbose=as_verbose(verbose),
    )


def _schedule(rate: float, n_steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    rate = as_positive_real(rate, "learning_rate")
    n_constant = int(CONSTANT_SHARE * n_steps)
    # A warm-up that starts where it ends is a constant rate.
    return keras.optimizers.schedules.CosineDecay(
        rate, n_steps - n_constant, warmup_target=rate, warmup_steps=n_constant
    )


# --- to NumPy, to a file, and back --------------------------------------------------------


def to_mlps(vae: VAE) -> dict[str, MLP]:
    """Return the two networks in NumPy, where they are inverted.

    Parameters
    ----------
    vae : VAE

    Returns
    -------
    dict of str to MLP
        ``"encoder"``: images as rows ``(n, 784)`` to means, then log variances;
        ``"decoder"``: points to pixels from 0 to 1, as rows.

    Raises
    ------
    TypeError
        If `vae` is no :class:`VAE`.

    Examples
    --------
    >>> mlps = to_mlps(VAE(width=8, encoder_depth=1, decoder_depth=1))
    >>> mlps["encoder"].n_outputs, mlps["decoder"].n_outputs
    (4, 784)
    """
    encoder = numpy_decoder.from_keras(_as_vae(vae).encoder)
    return {
        "encoder": encoder,
        "decoder": numpy_decoder.from_keras(vae.decoder, output="sigmoid"),
    }


def from_mlps(mlps: Mapping[str, MLP]) -> VAE:
    """Return the VAE that has these two networks: the inverse of :func:`to_mlps`.

    Parameters
    ----------
    mlps : mapping of str to MLP
        With the keys ``"encoder"`` and ``"decoder"``.

    Returns
    -------
    VAE

    Raises
    ------
    ValueError
        If a network is missing, or the two are no encoder and decoder of one VAE.
    TypeError
        If `mlps` is no mapping to networks.

    Examples
    --------
    >>> vae = VAE(width=8, encoder_depth=1, decoder_depth=1)
    >>> from_mlps(to_mlps(vae)).width
    8
    """
    encoder, decoder = _as_pair(mlps)
    if (encoder.output, decoder.output) != ("linear", "sigmoid"):
        expected = "the outputs linear of the encoder, and sigmoid of the decoder"
        raise ValueError(message("mlps", expected, f"{encoder.output}, {decoder.output}"))
    vae = VAE(
        width=len(decoder.biases[0]),
        encoder_depth=len(encoder.biases) - 1,
        decoder_depth=len(decoder.biases) - 1,
        latent_dim=decoder.n_inputs,
    )
    for model, mlp in ((vae.encoder, encoder), (vae.decoder, decoder)):
        arrays = [array for pair in zip(mlp.weights, mlp.biases, strict=True) for array in pair]
        expected, got = ([a.shape for a in arrays] for arrays in (model.get_weights(), arrays))
        if expected != got:
            words = f"weights of shapes {expected} for the {model.name}"
            raise ValueError(message("mlps", words, got))
        model.set_weights(arrays)
    return vae


# --- checks of arguments ------------------------------------------------------------------


def _as_vae(vae: VAE) -> VAE:
    if not isinstance(vae, VAE):
        raise TypeError(message("vae", "a VAE", reprlib.repr(vae)))
    return vae


def _as_images(images: ArrayLike, name: str = "images") -> NDArray[np.float32]:
    images = as_array(images, name, ndim=3)
    if images.shape[1:] != (SIDE, SIDE):
        raise ValueError(message(name, f"shape (n, {SIDE}, {SIDE})", f"shape {images.shape}"))
    if images.min() < 0 or images.max() > 1:
        found = f"{images.min():g} to {images.max():g}"
        raise ValueError(message(name, "pixels from 0 to 1", found))
    return images.astype(np.float32, copy=False)


def _as_normal(mean: ArrayLike, log_var: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return means and log variances of one shape and type."""
    mean, log_var = as_matrix(mean, "mean"), as_matrix(log_var, "log_var")
    if mean.shape != log_var.shape:
        expected = f"shape {mean.shape} like mean"
        raise ValueError(message("log_var", expected, f"shape {log_var.shape}"))
    return mean, log_var.astype(mean.dtype, copy=False)


def _as_pair(mlps: Mapping[str, MLP]) -> tuple[MLP, MLP]:
    if not isinstance(mlps, Mapping):
        raise TypeError(message("mlps", "a mapping to networks", reprlib.repr(mlps)))
    for name in ("encoder", "decoder"):
        if name not in mlps:
            raise ValueError(message("mlps", f"the key '{name}'", sorted(mlps)))
        if not isinstance(mlps[name], MLP):
            raise TypeError(message(f"mlps['{name}']", "an MLP", reprlib.repr(mlps[name])))
    return mlps["encoder"], mlps["decoder"]
