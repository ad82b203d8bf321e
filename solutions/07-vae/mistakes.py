"""Wrong answers of assignment 7 that students really give: each must lose points, with its hint."""

from statistics import NormalDist

import numpy as np

from course_lib.grading.checks import mistake

# --- draw_points ------------------------------------------------------------------------------


def _drawn(mean, deviation, noise):
    """Draws with other deviations, for the mistakes about them."""
    return mean[:, np.newaxis, :] + deviation[:, np.newaxis, :] * noise


@mistake("draw_points", hint="The function hands nothing back: it has no `return`.")
def draws_not_returned(mean, log_var, noise):
    """Computes the draws and returns None."""
    return None


@mistake("draw_points", hint="You scale by the variance: the deviation is its square root.")
def variance_for_the_deviation(mean, log_var, noise):
    """Uses exp(log_var)."""
    return _drawn(mean, np.exp(log_var), noise)


@mistake("draw_points", hint="A logarithm comes in: the deviation needs an exponential.")
def logarithm_for_the_deviation(mean, log_var, noise):
    """Uses log_var / 2 itself."""
    return _drawn(mean, log_var / 2, noise)


@mistake("draw_points", hint="Which sign has the exponent? A large variance spreads the draws.")
def deviation_upside_down(mean, log_var, noise):
    """Uses exp(-log_var / 2)."""
    return _drawn(mean, np.exp(-log_var / 2), noise)


@mistake("draw_points", hint="Halve the logarithm before the exponential, not the variance.")
def half_of_the_variance(mean, log_var, noise):
    """Uses exp(log_var) / 2."""
    return _drawn(mean, np.exp(log_var) / 2, noise)


@mistake("draw_points", hint="The argument `log_var` does not change your result.")
def noise_not_scaled(mean, log_var, noise):
    """Adds the noise as it is."""
    return _drawn(mean, np.ones_like(log_var), noise)


@mistake("draw_points", hint="The mean is missing: your draws lie around 0.")
def mean_not_added(mean, log_var, noise):
    """Scales the noise only."""
    return _drawn(0 * mean, np.exp(log_var / 2), noise)


@mistake("draw_points", hint="The mean is added: look at its sign.")
def mean_taken_away(mean, log_var, noise):
    """Subtracts the mean, as in a standardisation."""
    return _drawn(-mean, np.exp(log_var / 2), noise)


@mistake("draw_points", hint="Every image has the law of the first one.")
def law_of_the_first_image(mean, log_var, noise):
    """Draws all the points with the first law."""
    return mean[0] + np.exp(log_var[0] / 2) * noise


@mistake("draw_points", hint="Every image has the noise of the first one.")
def noise_of_the_first_image(mean, log_var, noise):
    """Uses the same noise for all the images."""
    return _drawn(mean, np.exp(log_var / 2), np.repeat(noise[:1], len(noise), axis=0))


@mistake("draw_points", hint="Each draw of an image has its own noise: yours are equal.")
def same_noise_in_every_draw(mean, log_var, noise):
    """Uses the first draw's noise for all the draws."""
    return _drawn(mean, np.exp(log_var / 2), noise[:, :1] + 0 * noise)


# --- kl_to_prior ------------------------------------------------------------------------------


def _prices(mean, log_var, prior_var):
    """The right price of each coordinate."""
    ratio = np.exp(log_var) / prior_var
    return 0.5 * (mean**2 / prior_var + ratio - 1 - np.log(ratio))


@mistake("kl_to_prior", hint="The function hands nothing back: it has no `return`.")
def price_not_returned(mean, log_var, prior_var):
    """Computes the divergences and returns None."""
    return None


@mistake("kl_to_prior", hint="A divergence is at least 0: look at the sign of yours.")
def price_with_a_minus_sign(mean, log_var, prior_var):
    """Returns the part of the ELBO, with its sign."""
    return -_prices(mean, log_var, prior_var).sum(axis=1)


@mistake("kl_to_prior", hint="Your prices are twice too high: where is the 1/2?")
def price_without_the_half(mean, log_var, prior_var):
    """Forgets the half."""
    return 2 * _prices(mean, log_var, prior_var).sum(axis=1)


@mistake("kl_to_prior", hint="The law of the prior itself must cost 0: you forget to subtract 1.")
def price_without_the_one(mean, log_var, prior_var):
    """Leaves the 1 out."""
    return np.sum(_prices(mean, log_var, prior_var) + 0.5, axis=1)


@mistake("kl_to_prior", hint="The mean comes in squared.")
def mean_not_squared(mean, log_var, prior_var):
    """Uses the mean itself."""
    return np.sum(_prices(0, log_var, prior_var) + mean / prior_var / 2, axis=1)


@mistake("kl_to_prior", hint="The mean does not change your price.")
def mean_costs_nothing(mean, log_var, prior_var):
    """Leaves the mean out."""
    return np.sum(_prices(0, log_var, prior_var), axis=1)


@mistake("kl_to_prior", hint="`log_var` is the logarithm of the variance, not of the deviation.")
def log_variance_for_log_deviation(mean, log_var, prior_var):
    """Squares the variance."""
    return np.sum(_prices(mean, 2 * log_var, prior_var), axis=1)


@mistake("kl_to_prior", hint="A variance that is too small must cost as well: mind the sign.")
def logarithm_added(mean, log_var, prior_var):
    """Adds the logarithm instead of subtracting it."""
    ratio = np.exp(log_var) / prior_var
    return np.sum(_prices(mean, log_var, prior_var) + np.log(ratio), axis=1)


@mistake("kl_to_prior", hint="The logarithm is there, the variance itself is missing.")
def variance_forgotten(mean, log_var, prior_var):
    """Takes the variance for that of the prior in the first term."""
    ratio = np.exp(log_var) / prior_var
    return np.sum(_prices(mean, log_var, prior_var) - (ratio - 1) / 2, axis=1)


@mistake("kl_to_prior", hint="From the law to the prior: yours is the other way round.")
def divergence_the_other_way_round(mean, log_var, prior_var):
    """Returns the divergence of the prior from the law."""
    ratio = prior_var / np.exp(log_var)
    surplus = mean**2 / np.exp(log_var) + ratio - 1 - np.log(ratio)
    return np.sum(surplus, axis=1) / 2


@mistake("kl_to_prior", hint="The argument `prior_var` does not change your result.")
def prior_always_standard(mean, log_var, prior_var):
    """Pastes the formula of the chapter."""
    return np.sum(_prices(mean, log_var, 1.0), axis=1)


@mistake("kl_to_prior", hint="`prior_var` is a variance already: do not square it.")
def variance_of_the_prior_squared(mean, log_var, prior_var):
    """Takes the variance of the prior for its deviation."""
    return np.sum(_prices(mean, log_var, prior_var**2), axis=1)


@mistake("kl_to_prior", hint="The logarithm is that of a quotient: where is the prior's part?")
def logarithm_of_the_prior_forgotten(mean, log_var, prior_var):
    """Leaves log v out."""
    return np.sum(_prices(mean, log_var, prior_var) - np.log(prior_var) / 2, axis=1)


@mistake("kl_to_prior", hint="The square of the mean is divided by the prior's variance too.")
def mean_not_divided(mean, log_var, prior_var):
    """Divides the variance only."""
    return np.sum(_prices(0, log_var, prior_var) + mean**2 / 2, axis=1)


@mistake("kl_to_prior", hint="The coordinates are added up, not averaged.")
def mean_over_the_coordinates(mean, log_var, prior_var):
    """Averages over the coordinates."""
    return np.mean(_prices(mean, log_var, prior_var), axis=1)


@mistake("kl_to_prior", hint="Each image has a price of its own: yours is that of the batch.")
def price_of_the_batch(mean, log_var, prior_var):
    """Sums over the images too."""
    return np.full(len(mean), np.sum(_prices(mean, log_var, prior_var)))


@mistake("kl_to_prior", hint="One number for each image: add the coordinates up.")
def price_of_each_coordinate(mean, log_var, prior_var):
    """Returns the shape (n, d) where there are several coordinates."""
    prices = _prices(mean, log_var, prior_var)
    return prices[:, 0] if prices.shape[1] == 1 else prices


# --- pixel_error ------------------------------------------------------------------------------


def _surprises(images, logits):
    """The right error of each pixel, without an overflow."""
    return np.maximum(logits, 0) - images * logits + np.log1p(np.exp(-np.abs(logits)))


@mistake("pixel_error", hint="The function hands nothing back: it has no `return`.")
def pixels_not_returned(images, logits):
    """Computes the errors and returns None."""
    return None


@mistake("pixel_error", hint="An error is at least 0: look at the sign of yours.")
def likelihood_for_the_error(images, logits):
    """Returns the logarithm of the likelihood."""
    return -_surprises(images, logits).sum(axis=1)


@mistake("pixel_error", hint="Logits come in: the probability is their sigmoid.")
def logits_for_probabilities(images, logits):
    """Takes the logits for probabilities."""
    return -np.sum(images * np.log(logits) + (1 - images) * np.log(1 - logits), axis=1)


@mistake("pixel_error", hint="Black pixels have an error too: where is the part of 1 - x?")
def black_pixels_cost_nothing(images, logits):
    """Leaves the second half of the formula out."""
    return np.sum(images * _surprises(1, logits), axis=1)


@mistake("pixel_error", hint="White and black are exchanged: s is the probability of white.")
def white_for_black(images, logits):
    """Exchanges the two colours."""
    return _surprises(1 - images, logits).sum(axis=1)


@mistake("pixel_error", hint="Which logarithm? All of them are natural here.")
def error_in_bits(images, logits):
    """Uses the logarithm to the base 2."""
    return _surprises(images, logits).sum(axis=1) / np.log(2)


@mistake("pixel_error", hint="A cross-entropy is asked: yours is a squared error.")
def squared_error_of_the_pixels(images, logits):
    """Sums the squared differences."""
    return np.sum((images - 1 / (1 + np.exp(-logits))) ** 2, axis=1)


@mistake("pixel_error", hint="The pixels are added up: yours is their mean.")
def mean_over_the_pixels(images, logits):
    """Averages over the pixels, as a library's loss does."""
    return np.mean(_surprises(images, logits), axis=1)


@mistake("pixel_error", hint="Each image has an error of its own: yours is that of the batch.")
def error_of_the_batch(images, logits):
    """Sums over the images too."""
    return np.full(len(images), _surprises(images, logits).sum())


@mistake("pixel_error", hint="A grey pixel counts in part: do not round it to black or white.")
def grey_pixels_rounded(images, logits):
    """Binarises the images first."""
    return _surprises(images >= 0.5, logits).sum(axis=1)


@mistake("pixel_error", hint="exp(1000) is infinite: simplify on paper first.")
def exponential_overflows(images, logits):
    """Computes log(1 + exp(z)) as it stands."""
    return np.sum(np.log(1 + np.exp(logits)) - images * logits, axis=1)


@mistake("pixel_error", hint="A probability that rounds to 0 has no logarithm: simplify on paper.")
def logarithm_of_a_rounded_zero(images, logits):
    """Computes the sigmoid, then both logarithms."""
    s = 1 / (1 + np.exp(-logits))
    return -np.sum(images * np.log(s) + (1 - images) * np.log(1 - s), axis=1)


@mistake("pixel_error", hint="Clipping hides how wrong a sure mistake is: it costs its logit.")
def probabilities_kept_from_zero(images, logits):
    """Keeps the probabilities between 1e-7 and 1 - 1e-7."""
    s = np.clip(1 / (1 + np.exp(-logits)), 1e-7, 1 - 1e-7)
    return -np.sum(images * np.log(s) + (1 - images) * np.log(1 - s), axis=1)


# --- batch_elbo -------------------------------------------------------------------------------


def _errors(images, logits):
    """The right error of each draw, (n, m)."""
    return _surprises(images[:, np.newaxis], logits).sum(axis=2)


def _bound(reconstruction, divergence, beta):
    return -reconstruction - beta * divergence, reconstruction, divergence


def _both(images, logits, mean, log_var):
    prices = _prices(mean, log_var, 1.0).sum(axis=1)
    return np.mean(_errors(images, logits)), np.mean(prices)


@mistake("batch_elbo", hint="The function hands nothing back: it has no `return`.")
def bound_not_returned(images, logits, mean, log_var, beta):
    """Prints the three numbers and returns None."""
    return None


@mistake("batch_elbo", hint="The ELBO is to be large: yours is the loss, with the other sign.")
def loss_for_the_bound(images, logits, mean, log_var, beta):
    """Returns minus the ELBO."""
    elbo, *terms = _bound(*_both(images, logits, mean, log_var), beta)
    return -elbo, *terms


@mistake("batch_elbo", hint="The divergence is a price: it lowers the bound.")
def divergence_added(images, logits, mean, log_var, beta):
    """Adds the divergence to the bound."""
    _, *terms = _bound(*_both(images, logits, mean, log_var), beta)
    return -terms[0] + beta * terms[1], *terms


@mistake("batch_elbo", hint="The argument `beta` does not change your bound.")
def beta_left_out(images, logits, mean, log_var, beta):
    """Takes beta = 1."""
    return _bound(*_both(images, logits, mean, log_var), 1)


@mistake("batch_elbo", hint="`beta` weighs the divergence, not the reconstruction.")
def beta_on_the_reconstruction(images, logits, mean, log_var, beta):
    """Weighs the other term."""
    _, *terms = _bound(*_both(images, logits, mean, log_var), beta)
    return -beta * terms[0] - terms[1], *terms


@mistake("batch_elbo", hint="`beta` weighs the divergence in the bound: the term stays as it is.")
def beta_in_the_term(images, logits, mean, log_var, beta):
    """Returns beta times the divergence."""
    reconstruction, divergence = _both(images, logits, mean, log_var)
    return _bound(reconstruction, beta * divergence, 1)


@mistake("batch_elbo", hint="First the bound, then the reconstruction, then the divergence.")
def terms_exchanged(images, logits, mean, log_var, beta):
    """Exchanges the two terms."""
    elbo, reconstruction, divergence = _bound(*_both(images, logits, mean, log_var), beta)
    return elbo, divergence, reconstruction


@mistake("batch_elbo", hint="The draws of an image are averaged: yours are added up.")
def draws_added_up(images, logits, mean, log_var, beta):
    """Sums over the draws."""
    _, divergence = _both(images, logits, mean, log_var)
    return _bound(_errors(images, logits).sum(axis=1).mean(), divergence, beta)


@mistake("batch_elbo", hint="Average the errors of the draws, not their logits.")
def logits_averaged(images, logits, mean, log_var, beta):
    """Takes the error of the mean logits."""
    _, divergence = _both(images, logits, mean, log_var)
    return _bound(_errors(images, logits.mean(axis=1)[:, np.newaxis]).mean(), divergence, beta)


@mistake("batch_elbo", hint="All the draws count: yours is the first one alone.")
def first_draw_only(images, logits, mean, log_var, beta):
    """Uses the first draw."""
    _, divergence = _both(images, logits, mean, log_var)
    return _bound(_errors(images, logits[:, :1]).mean(), divergence, beta)


@mistake("batch_elbo", hint="The reconstruction is a sum over the pixels: you average them.")
def reconstruction_of_a_pixel(images, logits, mean, log_var, beta):
    """Averages over the pixels too."""
    reconstruction, divergence = _both(images, logits, mean, log_var)
    return _bound(reconstruction / images.shape[1], divergence, beta)


@mistake("batch_elbo", hint="Means over the images are asked: you add the images up.")
def images_added_up(images, logits, mean, log_var, beta):
    """Sums both terms over the batch."""
    reconstruction, divergence = _both(images, logits, mean, log_var)
    return _bound(len(images) * reconstruction, len(images) * divergence, beta)


@mistake("batch_elbo", hint="The divergence is a sum over the coordinates: you average it.")
def divergence_of_a_coordinate(images, logits, mean, log_var, beta):
    """Averages over the coordinates too."""
    reconstruction, divergence = _both(images, logits, mean, log_var)
    return _bound(reconstruction, divergence / mean.shape[1], beta)


# --- share_outside ----------------------------------------------------------------------------


def _squares(points, centre=None, matrix=None):
    """Squared distances, with another centre or another matrix."""
    centred = points - (points.mean(axis=0) if centre is None else centre)
    matrix = np.cov(points.T) if matrix is None else matrix
    return np.einsum("ni,ij,nj->n", centred, np.linalg.inv(matrix), centred)


@mistake("share_outside", hint="The function hands nothing back: it has no `return`.")
def outside_not_returned(points, alpha):
    """Prints the share and returns None."""
    return None


@mistake(
    "share_outside",
    hint="The norm of a normal point is not normal: it is never negative. Use the ellipse.",
)
def norm_taken_for_normal(points, alpha):
    """Tests whether the norms look like numbers of a normal law, as the source does."""
    norms = np.linalg.norm(points, axis=1)
    scores = (norms - norms.mean()) / norms.std(ddof=1)
    return np.mean(np.abs(scores) > NormalDist().inv_cdf(1 - alpha / 2))


@mistake("share_outside", hint="Both coordinates at once: an ellipse is no rectangle.")
def one_coordinate_at_a_time(points, alpha):
    """Asks whether one of the coordinates is too far away."""
    scores = (points - points.mean(axis=0)) / points.std(axis=0, ddof=1)
    return np.mean(np.any(np.abs(scores) > NormalDist().inv_cdf(1 - alpha / 2), axis=1))


@mistake("share_outside", hint="The share outside is asked: yours is that of the points inside.")
def share_inside(points, alpha):
    """Counts the points inside."""
    return np.mean(_squares(points) <= -2 * np.log(alpha))


@mistake("share_outside", hint="A share lies between 0 and 1: yours is a number of points.")
def number_outside(points, alpha):
    """Counts the points outside."""
    return int(np.sum(_squares(points) > -2 * np.log(alpha)))


@mistake("share_outside", hint="A share lies between 0 and 1: yours is in per cent.")
def per_cent_outside(points, alpha):
    """Returns 10 for the share 0.1."""
    return 100 * np.mean(_squares(points) > -2 * np.log(alpha))


@mistake("share_outside", hint="`alpha` is what a normal law leaves outside: count the points.")
def alpha_returned(points, alpha):
    """Returns the share of the normal law."""
    return alpha


@mistake("share_outside", hint="The quadratic form is a squared distance: do not take its root.")
def root_of_the_form(points, alpha):
    """Compares the distance, not its square."""
    return np.mean(np.sqrt(_squares(points)) > -2 * np.log(alpha))


@mistake("share_outside", hint="The limit is -2 log alpha: yours has lost its 2.")
def limit_without_the_two(points, alpha):
    """Compares with -log(alpha)."""
    return np.mean(_squares(points) > -np.log(alpha))


@mistake("share_outside", hint="The limit takes alpha, and not 1 - alpha.")
def limit_of_the_inside(points, alpha):
    """Compares with -2 log(1 - alpha)."""
    return np.mean(_squares(points) > -2 * np.log(1 - alpha))


@mistake("share_outside", hint="The covariance matrix is missing: yours is a circle.")
def circle_for_the_ellipse(points, alpha):
    """Uses the plain distance from the mean."""
    return np.mean(_squares(points, matrix=np.eye(2)) > -2 * np.log(alpha))


@mistake("share_outside", hint="The coordinates vary together: use the whole matrix.")
def variances_only(points, alpha):
    """Uses the diagonal of the covariance matrix."""
    matrix = np.diag(points.var(axis=0, ddof=1))
    return np.mean(_squares(points, matrix=matrix) > -2 * np.log(alpha))


@mistake("share_outside", hint="The inverse of the matrix is asked: yours is the matrix itself.")
def matrix_not_inverted(points, alpha):
    """Forgets the inverse."""
    matrix = np.linalg.inv(np.cov(points.T))
    return np.mean(_squares(points, matrix=matrix) > -2 * np.log(alpha))


@mistake("share_outside", hint="The ellipse lies around the mean of the points, not around 0.")
def points_not_centred(points, alpha):
    """Measures from the origin."""
    return np.mean(_squares(points, centre=0) > -2 * np.log(alpha))


@mistake("share_outside", hint="The centre is the mean of each coordinate, not of all numbers.")
def one_mean_for_both_coordinates(points, alpha):
    """Centres with the mean of the whole array."""
    return np.mean(_squares(points, centre=points.mean()) > -2 * np.log(alpha))
