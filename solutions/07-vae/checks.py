"""Hidden checks of assignment 7: expected values by hand, number by number, and by quadrature."""

import math

import numpy as np

from course_lib.grading.checks import Case, check


def array(*rows):
    """A matrix of floats, row by row."""
    return np.array(rows, dtype=float)


def laws(rng, n, d):
    """Means and log variances of n images."""
    return rng.normal(size=(n, d)), rng.uniform(-3, 1, size=(n, d))


# --- draw_points ------------------------------------------------------------------------------


@check("test_draw_points", function="draw_points", points=1)
def deviation_from_the_log_variance(rng):
    """Around the mean 0, the noise is scaled by the standard deviation."""
    for variance, deviation in ((4, 2), (0.25, 0.5), (100, 10)):
        args = (array([0]), np.log(array([variance])), np.array([[[1.0], [-3.0]]]))
        yield Case(args=args, expected=[[[deviation], [-3 * deviation]]])
    deviations, noise = rng.uniform(0.1, 3, size=2), rng.normal(size=(1, 4, 2))
    args = (np.zeros((1, 2)), 2 * np.log(array(deviations)), noise)
    yield Case(args=args, expected=[[deviations * row for row in noise[0]]])


@check("test_draw_points", function="draw_points", points=1)
def draws_around_the_mean(rng):
    """Where the noise is 0, every draw is the mean of its image."""
    for mean, m in (([3], 1), ([-2, 5], 2), ([0.5, 0, 7], 4)):
        log_var = rng.uniform(-2, -1, size=(1, len(mean)))
        yield Case(args=(array(mean), log_var, np.zeros((1, m, len(mean)))), expected=[[mean] * m])


@check("test_draw_points", function="draw_points", points=1)
def laws_of_their_own(rng):
    """In a batch, each image has its own law, and each draw its own noise."""
    for n, m, d in ((2, 1, 1), (2, 2, 2), (3, 3, 3), (4, 2, 3)):
        (mean, log_var), noise = laws(rng, n, d), rng.normal(size=(n, m, d))
        expected = np.zeros((n, m, d))
        for i, j, k in np.ndindex(n, m, d):
            expected[i, j, k] = mean[i, k] + math.sqrt(math.exp(log_var[i, k])) * noise[i, j, k]
        yield Case(args=(mean, log_var, noise), expected=expected)


# --- kl_to_prior ------------------------------------------------------------------------------


@check("test_kl_to_prior", function="kl_to_prior", points=1)
def price_of_a_mean(rng):
    """A law of the variance 1 costs half the square of its mean, if the prior is standard."""
    for mean in (2, -3, 0.5, 0):
        yield Case(args=(array([mean]), array([0]), 1.0), expected=[mean**2 / 2])


@check("test_kl_to_prior", function="kl_to_prior", points=1)
def price_of_a_variance(rng):
    """A law around 0 has a price as well: a variance that is too small costs, or too large."""
    for variance in (math.e, 4, 0.25, 0.01):
        expected = [(variance - 1 - math.log(variance)) / 2]
        yield Case(args=(array([0]), np.log(array([variance])), 1.0), expected=expected)


def integral(mean, deviation, prior_var):
    """The mean of log q - log p of one coordinate by quadrature: a polynomial, so it is exact."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    y = mean + deviation * nodes
    log_q = -(nodes**2) / 2 - math.log(deviation)
    log_p = -(y**2) / (2 * prior_var) - math.log(prior_var) / 2
    return np.sum(weights * (log_q - log_p)) / np.sum(weights)


@check("test_kl_to_prior", function="kl_to_prior", points=1)
def prior_of_another_variance(rng):
    """The price is counted from the prior, whatever its variance is."""
    yield Case(args=(array([2]), np.log(array([4])), 4.0), expected=[0.5])
    yield Case(args=(array([0]), np.log(array([9])), 9.0), expected=[0.0])
    for prior_var in (0.5, 2.0, 10.0):
        mean, log_var = laws(rng, 1, 1)
        deviation = math.exp(log_var[0, 0] / 2)
        expected = [integral(mean[0, 0], deviation, prior_var)]
        yield Case(args=(mean, log_var, prior_var), expected=expected)


@check("test_kl_to_prior", function="kl_to_prior", points=1)
def sum_over_the_coordinates(rng):
    """Each image has one number: the sum over its coordinates."""
    yield Case(args=(array([1, 2]), array([0, 0]), 1.0), expected=[2.5])
    yield Case(args=(array([1, 2], [0, 3]), np.zeros((2, 2)), 1.0), expected=[2.5, 4.5])
    for n, d, prior_var in ((2, 3, 1.0), (3, 2, 2.0), (5, 4, 0.5)):
        mean, log_var = laws(rng, n, d)
        expected = [
            sum(integral(m, math.exp(v / 2), prior_var) for m, v in zip(*law, strict=True))
            for law in zip(mean, log_var, strict=True)
        ]
        yield Case(args=(mean, log_var, prior_var), expected=expected)


# --- pixel_error ------------------------------------------------------------------------------


def surprise(x, z):
    """The cross-entropy of one pixel, from the probabilities of white and of black."""
    white, black = 1 / (1 + math.exp(-z)), 1 / (1 + math.exp(z))
    return -x * math.log(white) - (1 - x) * math.log(black)


# A logarithm of s + 1e-8 costs the point of the huge logits, and no other.
@check("test_pixel_error", function="pixel_error", points=1, rtol=1e-5)
def surprise_of_one_pixel(rng):
    """The error of one pixel is minus the logarithm of the probability of its colour."""
    for odds, x, expected in ((1, 1, 2), (3, 1, 4 / 3), (3, 0, 4), (1 / 4, 1, 5)):
        logit = math.log(odds)
        yield Case(args=(array([x]), array([logit])), expected=[math.log(expected)])


@check("test_pixel_error", function="pixel_error", points=1, rtol=1e-5)
def grey_pixels_are_added_up(rng):
    """Grey pixels count as white and black in part, and each image has the sum of its pixels."""
    yield Case(args=(array([0.25]), array([math.log(3)])), expected=[surprise(0.25, math.log(3))])
    for n, n_pixels in ((1, 3), (2, 2), (3, 3), (4, 6)):
        images, logits = rng.uniform(size=(n, n_pixels)), rng.normal(0, 2, size=(n, n_pixels))
        expected = [
            sum(surprise(*pixel) for pixel in zip(*rows, strict=True))
            for rows in zip(images, logits, strict=True)
        ]
        yield Case(args=(images, logits), expected=expected)


@check("test_pixel_error", function="pixel_error", points=1)
def sure_pixels_stay_finite(rng):
    """Logits of 1000 and more give finite numbers: a sure mistake costs its logit."""
    for image, logits, expected in (
        ([1], [1000], 0),
        ([0], [1000], 1000),
        ([1], [-2000], 2000),
        ([1, 0, 1], [-50, 3000, 800], 3050),
        ([0.5], [1000], 500),
    ):
        yield Case(args=(array(image), array(logits)), expected=[expected])


# --- batch_elbo -------------------------------------------------------------------------------


def batches(rng, sizes, betas):
    """Arguments of a batch for each (n, m, n_pixels, d), with one of the betas each."""
    for (n, m, n_pixels, d), beta in zip(sizes, betas, strict=True):
        images = rng.integers(0, 2, size=(n, n_pixels)).astype(float)
        yield images, rng.normal(0, 2, size=(n, m, n_pixels)), *laws(rng, n, d), beta


def mean_surprise(images, logits):
    """The reconstruction of a batch, pixel by pixel."""
    n, m, n_pixels = logits.shape
    places = np.ndindex(n, m, n_pixels)
    return math.fsum(surprise(images[i, p], logits[i, j, p]) for i, j, p in places) / (n * m)


def mean_price(mean, log_var):
    """The divergence of a batch, coordinate by coordinate."""
    pairs = zip(mean.ravel(), log_var.ravel(), strict=True)
    return math.fsum(integral(m, math.exp(v / 2), 1.0) for m, v in pairs) / len(mean)


def reconstruction_alone(batch_elbo, images, logits, mean, log_var, beta):
    """The second one of the three results."""
    return batch_elbo(images, logits, mean, log_var, beta)[1]


def divergence_alone(batch_elbo, images, logits, mean, log_var, beta):
    """The third one of the three results."""
    return batch_elbo(images, logits, mean, log_var, beta)[2]


SIZES = [(1, 1, 1, 1), (1, 2, 3, 2), (3, 1, 2, 2), (4, 3, 5, 2)]


@check("test_batch_elbo", function="batch_elbo", points=1, through=reconstruction_alone)
def reconstruction_over_draws_and_images(rng):
    """The reconstruction is the mean over draws and images of a sum over pixels."""
    for args in batches(rng, SIZES, [1.0, 1.0, 2.0, 0.5]):
        yield Case(args=args, expected=mean_surprise(*args[:2]))


@check("test_batch_elbo", function="batch_elbo", points=1, through=divergence_alone)
def divergence_over_images(rng):
    """The divergence is the mean over the images, whatever beta is."""
    for args in batches(rng, SIZES, [1.0, 3.0, 2.0, 0.5]):
        yield Case(args=args, expected=mean_price(*args[2:4]))


@check("test_batch_elbo", function="batch_elbo", points=1)
def bound_with_its_terms(rng):
    """The bound is minus the reconstruction, minus beta times the divergence."""
    for args in batches(rng, SIZES, [1.0, 3.0, 0.0, 10.0]):
        terms = mean_surprise(*args[:2]), mean_price(*args[2:4])
        yield Case(args=args, expected=(-terms[0] - args[4] * terms[1], *terms))


# --- share_outside ----------------------------------------------------------------------------


def standard(rng, n):
    """Points of two coordinates with heavy tails, the mean 0 and the unit covariance matrix."""
    points = rng.normal(size=(n, 2)) * rng.uniform(0.3, 2, size=(n, 1))
    points -= points.mean(axis=0)
    return points @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T))).T


def limits(points, shares):
    """For each share an alpha that leaves it outside, with no point near the ellipse."""
    squares = np.sort(np.sum(points**2, axis=1))  # of standard points
    for share in shares:
        near = len(squares) - round(share * len(squares)) + np.arange(-8, 9)
        gaps = np.log(squares[near] / squares[near - 1])
        inside = near[np.argmax(gaps)]
        limit = math.sqrt(squares[inside] * squares[inside - 1])
        yield math.exp(-limit / 2), float(np.mean(squares > limit))


@check("test_share_outside", function="share_outside", points=1)
def circle_for_standard_points(rng):
    """Points of the mean 0 and the covariance matrix I are outside of a circle."""
    points = standard(rng, 150)
    for alpha, share in limits(points, (0.1, 0.3, 0.5, 0.7)):
        yield Case(args=(points, alpha), expected=share)


@check("test_share_outside", function="share_outside", points=1)
def ellipse_for_correlated_points(rng):
    """Units and correlations do not change the share: the covariance matrix takes them out."""
    for change in (array([10, 0], [0, 0.1]), array([1, 3], [0, 2]), array([2, -1.9], [1.9, -2])):
        points = standard(rng, 150)
        for alpha, share in limits(points, (0.15, 0.6)):
            yield Case(args=(points @ change, alpha), expected=share)


@check("test_share_outside", function="share_outside", points=1)
def ellipse_around_the_mean(rng):
    """The centre of the ellipse is the mean of the points, wherever it is."""
    for centre in ([3, 0], [-2, 5], [100, 100]):
        points = standard(rng, 150)
        for alpha, share in limits(points, (0.2, 0.5)):
            yield Case(args=(points + centre, alpha), expected=share)
