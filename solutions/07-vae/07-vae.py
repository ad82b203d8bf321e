# %% [markdown]
# # Assignment 7: a variational autoencoder
#
# An encoder says of each image not where it lies in the plane, but how probable each place is. The
# decoder must make do with a place drawn at random. You write the draw, the price of a law that is
# not the standard one, the error of the pixels, and the bound that a variational autoencoder
# maximises; then you ask whether points of the plane look as if a normal law had drawn them.
#
# - You need NumPy and the chapter *Autoencoders and the VAE*. A trained network is at hand in
#   section 6; the functions themselves need nothing but NumPy.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
#
# Everywhere, the $n$ images are rows. What the encoder says of an image is a normal law for each of
# the $d$ coordinates: its mean, and the logarithm of its *variance* $\sigma^2$, two arrays of the
# shape `(n, d)`. All logarithms are natural.
#
# 20 points: 16 for the five functions, 4 for the written answer at the end. About 90 minutes.

# %% tags=["locked:imports"]
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import course_lib
from course_lib import decoder
from course_lib.datasets import load_images_at_hand

# %% [markdown]
# ## 1. Draws (3 points)
#
# Write `draw_points(mean, log_var, noise)`, which returns the drawn points, an array of the shape
# `(n, m, d)`: for each of the $n$ images $m$ draws. `noise`, of the same shape `(n, m, d)`, holds
# numbers from the standard normal law. They are the only random thing here: with the standard
# deviation $\sigma$ of its image, a draw is $\mu + \sigma\, \varepsilon$.
#
# Example: with `mean = [[3]]`, `log_var = [[0]]` and `noise = [[[1], [-2]]]`, it is `[[[4], [1]]]`.


# %% tags=["answer:draw_points"]
def draw_points(mean, log_var, noise):
    """Return the draws of each image, an array of shape (n, m, d)."""
    ### BEGIN SOLUTION
    deviation = np.exp(log_var / 2)
    return mean[:, np.newaxis] + deviation[:, np.newaxis] * noise
    ### END SOLUTION


# %% tags=["test:test_draw_points:3"]
got = draw_points(np.array([[3.0]]), np.array([[0.0]]), np.array([[[1.0], [-2.0]]]))
assert np.shape(got) == (1, 2, 1), f"1 image, 2 draws: expected (1, 2, 1), got {np.shape(got)}"
assert np.allclose(got, [[[4.0], [1.0]]]), f"expected [[[4.], [1.]]], got {got}"

# A variance of 9 is a standard deviation of 3.
got = draw_points(np.array([[0.0, 5.0]]), np.log([[9.0, 9.0]]), np.array([[[1.0, -1.0]]]))
assert np.allclose(got, [[[3.0, 2.0]]]), f"the variance 9: expected [[[3., 2.]]], got {got}"
print("draw_points: the public checks pass")

# %% [markdown]
# ## 2. The price of a law (4 points)
#
# Write `kl_to_prior(mean, log_var, prior_var)`, which returns the array of shape `(n,)` of the
# divergence of the law of each image from the prior. The prior is normal too: in each coordinate,
# its mean is 0 and its variance `prior_var`, a number $v > 0$. The chapter has $v = 1$; in general,
#
# $$\mathrm{KL} = \frac12 \sum_{k=1}^{d} \Bigl(\frac{\mu_k^2 + \sigma_k^2}{v} - 1 -
# \log \frac{\sigma_k^2}{v}\Bigr).$$
#
# Example: with `mean = [[1, 2]]`, `log_var = [[0, 0]]` and `prior_var = 1`, it is `[2.5]`.


# %% tags=["answer:kl_to_prior"]
def kl_to_prior(mean, log_var, prior_var):
    """Return the divergence of the law of each image from the prior, an array of shape (n,)."""
    ### BEGIN SOLUTION
    spread = (mean**2 + np.exp(log_var)) / prior_var
    surplus = spread - 1 - (log_var - np.log(prior_var))
    return np.sum(surplus, axis=1) / 2
    ### END SOLUTION


# %% tags=["test:test_kl_to_prior:4"]
got = kl_to_prior(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]), 1.0)
assert np.shape(got) == (1,), f"1 image: expected the shape (1,), got {np.shape(got)}"
assert np.allclose(got, [2.5]), f"(1 + 4) / 2: expected [2.5], got {got}"

# The law of the second image is the prior itself: that costs nothing.
got = kl_to_prior(np.array([[2.0], [0.0]]), np.log([[4.0], [4.0]]), 4.0)
assert np.allclose(got, [0.5, 0.0]), f"the variance 4, like the prior: expected [0.5, 0], got {got}"
print("kl_to_prior: the public checks pass")

# %% [markdown]
# ## 3. The error of the pixels (3 points)
#
# Write `pixel_error(images, logits)`, which returns the array of shape `(n,)` of the cross-entropy
# of each image, *summed* over its pixels. `images`, of the shape `(n, n_pixels)`, holds numbers
# from 0 to 1, grey ones too; `logits` has the same shape. With the probability
# $s = 1 / (1 + e^{-z})$ of a white pixel, it is
#
# $$-\sum_{p} \bigl(x_p \log s_p + (1 - x_p) \log (1 - s_p)\bigr).$$
#
# Logits of 1000 or -1000 happen: the error of a pixel that the network thinks impossible is large,
# not infinite. Simplify on paper first, until one logarithm is left. (`np.logaddexp` may help.)
#
# Example: with `images = [[1, 0]]` and `logits = [[0, 0]]`, it is $2 \log 2$, that is `[1.386]`.


# %% tags=["answer:pixel_error"]
def pixel_error(images, logits):
    """Return the cross-entropy of each image, summed over the pixels, an array of shape (n,)."""
    ### BEGIN SOLUTION
    return np.sum(np.logaddexp(0, logits) - images * logits, axis=1)
    ### END SOLUTION


# %% tags=["test:test_pixel_error:3"]
got = pixel_error(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]))
assert np.shape(got) == (1,), f"1 image: expected the shape (1,), got {np.shape(got)}"
assert np.allclose(got, [2 * np.log(2)]), f"two pixels at 1/2: expected [1.386], got {got}"

# A grey pixel; and a white one where black was sure: its logit was -1000.
got = pixel_error(np.array([[0.25], [1.0]]), np.array([[0.0], [-1000.0]]))
assert np.allclose(got, [np.log(2), 1000.0]), f"expected [0.693, 1000], got {got}"
print("pixel_error: the public checks pass")

# %% [markdown]
# ## 4. The bound of a batch (3 points)
#
# Write `batch_elbo(images, logits, mean, log_var, beta)`, which returns the tuple of floats
# `(elbo, reconstruction, divergence)`, each one a mean over the $n$ images. `logits`, of the shape
# `(n, m, n_pixels)`, holds what the decoder made of $m$ draws of each image.
#
# - `reconstruction` is the error of section 3, averaged over the draws and the images.
# - `divergence` is that of section 2 from the *standard* normal law.
# - `elbo` is minus their sum, where the divergence counts `beta` times. The bound itself has
#   $\beta = 1$.
#
# Call your functions of the sections above.


# %% tags=["answer:batch_elbo"]
def batch_elbo(images, logits, mean, log_var, beta):
    """Return (elbo, reconstruction, divergence), averaged over the images."""
    ### BEGIN SOLUTION
    draws = np.swapaxes(logits, 0, 1)
    reconstruction = float(np.mean([pixel_error(images, draw) for draw in draws]))
    divergence = float(np.mean(kl_to_prior(mean, log_var, 1.0)))
    return -reconstruction - beta * divergence, reconstruction, divergence
    ### END SOLUTION


# %% tags=["test:test_batch_elbo:3"]
# One image of one pixel and two draws, both undecided. The law costs 2 nats.
args = np.array([[1.0]]), np.zeros((1, 2, 1)), np.array([[2.0]]), np.array([[0.0]])
elbo, reconstruction, divergence = batch_elbo(*args, 1.0)
assert np.isclose(reconstruction, np.log(2)), f"expected 0.693, got {reconstruction}"
assert np.isclose(divergence, 2.0), f"expected the divergence 2, got {divergence}"
assert np.isclose(elbo, -2.6931471805599454), f"-0.693 - 2: expected -2.693, got {elbo}"
elbo, _, divergence = batch_elbo(*args, 3.0)
assert np.isclose(divergence, 2.0), f"beta = 3: expected the divergence 2 still, got {divergence}"
assert np.isclose(elbo, -6.693147180559945), f"-0.693 - 3 * 2: expected -6.693, got {elbo}"
print("batch_elbo: the public checks pass")

# %% [markdown]
# ## 5. Do they look normal? (3 points)
#
# If a normal law of the plane drew the points, with whatever mean and covariance matrix, then the
# ellipse
#
# $$(y - \bar y)^T C^{-1} (y - \bar y) \le -2 \log \alpha$$
#
# leaves about the share $\alpha$ of them outside. Write `share_outside(points, alpha)`, which
# returns the share of the points outside, between 0 and 1. `points` has the shape `(n, 2)`;
# $\bar y$ is their mean and $C$ their covariance matrix, as `np.cov(points.T)` gives it. `alpha` is
# a number between 0 and 1.
#
# A distance from the mean is never negative: it is not normal itself, even if the points are.


# %% tags=["answer:share_outside"]
def share_outside(points, alpha):
    """Return the share of the points outside the ellipse that leaves out a share alpha."""
    ### BEGIN SOLUTION
    centred = points - np.mean(points, axis=0)
    inverse = np.linalg.inv(np.cov(points.T))
    squares = np.sum((centred @ inverse) * centred, axis=1)
    return float(np.mean(squares > -2 * np.log(alpha)))
    ### END SOLUTION


# %% tags=["test:test_share_outside:3"]
# Four points in a circle and one far away: its square is 3.2, that of the others at most 1.2.
five = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [9.0, 9.0]])
got = share_outside(five, 0.4)  # -2 log 0.4 is 1.83
assert np.isclose(got, 0.2), f"1 of 5 is outside: expected 0.2, got {got}"

# Normal points, in an ellipse far from the origin, and points of a square that are not normal.
rng = np.random.default_rng(0)
normal = rng.normal(size=(2000, 2)) @ np.array([[3.0, 1.0], [0.0, 0.2]]) + 50
got = share_outside(normal, 0.1)
assert abs(got - 0.1) < 0.02, f"normal points: expected about 0.1, got {got}"
got = share_outside(rng.uniform(size=(2000, 2)), 0.01)
assert got == 0, f"a square has no points that far from its centre: expected 0, got {got}"
print("share_outside: the public checks pass")

# %% [markdown]
# ## 6. A trained network (4 points)
#
# Nothing to write in the next two cells: run them when your functions are ready. The encoder and
# the decoder come with the course. MNIST is used if it is on your machine already, else a small
# stand-in: the cell prints which of the two.

# %%
data = load_images_at_hand("mnist")
print(data.source)
networks = decoder.load(Path(course_lib.__file__).parent / "weights" / "vae_small.npz")
to_logits = decoder.MLP(networks["decoder"].weights, networks["decoder"].biases, "linear")
images = (data.X_test[:200].reshape(-1, 784) >= 128).astype(float)
mean, log_var = np.split(decoder.forward(networks["encoder"], images), 2, axis=1)
print("standard deviations, median:", np.median(np.exp(log_var / 2), axis=0).round(3))


def terms(mean, log_var, n_draws=8):
    """Draw, decode, and return the ELBO of the batch with its two terms."""
    noise = np.random.default_rng(0).normal(size=(len(mean), n_draws, 2))
    points = draw_points(mean, log_var, noise)
    logits = decoder.forward(to_logits, points.reshape(-1, 2))
    return batch_elbo(images, logits.reshape(len(mean), n_draws, -1), mean, log_var, 1.0)


for name, law in {
    "the encoder's laws": (mean, log_var),
    "next to no variance": (mean, np.full_like(log_var, -12.0)),
    "the prior for everybody": (np.zeros_like(mean), np.zeros_like(log_var)),
}.items():
    elbo, reconstruction, divergence = terms(*law)
    print(f"{name:>24}: ELBO {elbo:8.2f} = -({reconstruction:6.2f} + {divergence:5.2f})")

# %%
axis = np.linspace(-3, 3, 12)
plane = np.stack(np.meshgrid(axis, -axis), axis=-1).reshape(-1, 2)
digits = decoder.forward(networks["decoder"], plane).reshape(12, 12, 28, 28)
plt.imshow(digits.swapaxes(1, 2).reshape(12 * 28, 12 * 28), cmap="gray_r", extent=[-3, 3, -3, 3])
plt.scatter(*mean.T, s=6, label="means of the images")
plt.legend(fontsize=7)
plt.xlabel("$y_1$")
plt.ylabel("$y_2$")
plt.show()
for alpha in (0.5, 0.1, 0.01):
    print(f"outside the ellipse of alpha = {alpha}: {share_outside(mean, alpha):.3f} of the means")

# %% [markdown] tags=["manual:trick:4"]
# ## Your answer
#
# In about ten lines, with numbers from the two cells above:
#
# 1. "A random number has no derivative. So nothing can be learnt through a draw." Why would the
#    encoder get no gradient if the draw came from a box called `sample(mean, log_var)`? What does
#    your `draw_points` change? Write the two derivatives that it makes possible.
# 2. Compare the three lines of the first cell. Which term is better, and which one worse, where the
#    laws have next to no variance; and where everybody has the prior?
# 3. What would a training with $\beta = 0$ make of the laws, and what would it mean for new images
#    that are decoded from draws of the prior? What would a training with a very large $\beta$ do?
#
# ### BEGIN SOLUTION
# *Mark scheme, whatever the words:*
#
# 1. *The trick (2 points).* One point: the gradient of the reconstruction reaches the drawn point;
#    for a box that returns a number, a derivative of this number by $\mu$ and $\sigma$ is not
#    defined (the law depends on them, the number does not), so that back-propagation ends there and
#    the encoder learns from the divergence alone. With `draw_points` the chance is an input, and
#    the point a smooth function of $\mu$ and $\log \sigma^2$. One point for both derivatives:
#    $\partial y / \partial \mu = 1$ and $\partial y / \partial \log \sigma^2 = \sigma \varepsilon /
#    2$ (or $\partial y / \partial \sigma = \varepsilon$).
# 2. *The three lines (1 point).* With numbers of the own run: without variance, the reconstruction
#    is a little better (each image gets its own point) and the divergence larger, by nearly 12 less
#    $\log$ of the old variances, over two, for each coordinate; the ELBO falls. With the prior for
#    everybody the divergence is 0 and the reconstruction far worse, since the decoder is told
#    nothing about the image. The encoder's laws have the best sum.
# 3. *Beta (1 point).* $\beta = 0$: only the reconstruction counts, the variances go to 0 and the
#    means anywhere: an ordinary autoencoder, whose decoder has never seen most of the places where
#    the prior draws, so that images decoded from there are no digits. Large $\beta$: every law
#    becomes the prior, the decoder ignores its input and draws the mean image, a blur. Both halves
#    are needed for the point.
# ### END SOLUTION
