"""Wrong answers of assignment 8 that students really give: each must lose points, with its hint."""

import numpy as np

from course_lib.grading.checks import mistake

LEAK = 0.1


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _leaky(z):
    return np.where(z > 0, z, LEAK * z)


def _step(z):
    return np.where(z > 0, 1.0, LEAK)


# --- decode -----------------------------------------------------------------------------------


def _images(points, weights, biases, hidden=_leaky, last=_sigmoid):
    """The right images, or those of other activations."""
    a = points
    for number, (w, b) in enumerate(zip(weights, biases, strict=True), 1):
        a = (last if number == len(weights) else hidden)(a @ w.T + b)
    return a


@mistake("decode", hint="The function hands nothing back: it has no `return`.")
def picture_not_returned(points, weights, biases):
    """Computes the images and returns None."""
    return None


@mistake("decode", hint="The last layer has a sigmoid: a pixel lies between 0 and 1.")
def sigmoid_left_out(points, weights, biases):
    """Returns the logits."""
    return _images(points, weights, biases, last=lambda z: z)


@mistake("decode", hint="The last layer has the sigmoid alone: no leak comes before it.")
def leak_before_the_sigmoid(points, weights, biases):
    """Applies the leaky ReLU in every layer, then the sigmoid."""
    return _images(points, weights, biases, last=lambda z: _sigmoid(_leaky(z)))


@mistake("decode", hint="The sigmoid of 0 is 1/2: yours goes from -1 to 1.")
def tanh_at_the_output(points, weights, biases):
    """Takes the hyperbolic tangent for the sigmoid."""
    return _images(points, weights, biases, last=np.tanh)


@mistake("decode", hint="Look at the sign in the exponential of the sigmoid.")
def sigmoid_falls(points, weights, biases):
    """Computes 1 / (1 + exp(z))."""
    return _images(points, weights, biases, last=lambda z: _sigmoid(-z))


@mistake("decode", hint="The biases do not change your result.")
def biases_forgotten(points, weights, biases):
    """Leaves the biases out."""
    return _images(points, weights, [0 * b for b in biases])


@mistake("decode", hint="A plain ReLU lets nothing negative through: this one leaks a tenth.")
def plain_relu(points, weights, biases):
    """Uses ReLU in the hidden layers."""
    return _images(points, weights, biases, hidden=lambda z: np.maximum(z, 0))


@mistake("decode", hint="The leak is a tenth, `LEAK`: you let a hundredth through.")
def leak_of_a_hundredth(points, weights, biases):
    """Uses another common slope of the leaky ReLU."""
    return _images(points, weights, biases, hidden=lambda z: np.maximum(z, 0.01 * z))


@mistake("decode", hint="Without an activation between them, two layers are one.")
def hidden_layers_linear(points, weights, biases):
    """Forgets the leaky ReLU."""
    return _images(points, weights, biases, hidden=lambda z: z)


@mistake("decode", hint="The sigmoid belongs to the last layer only.")
def sigmoid_in_every_layer(points, weights, biases):
    """Uses the sigmoid in the hidden layers too."""
    return _images(points, weights, biases, hidden=_sigmoid)


@mistake("decode", hint="A tenth of a negative number is negative: yours comes out positive.")
def leak_with_the_wrong_sign(points, weights, biases):
    """Lets -LEAK z through."""
    return _images(points, weights, biases, hidden=lambda z: np.where(z > 0, z, -LEAK * z))


@mistake("decode", hint="Only the first point has been decoded.")
def first_point_only(points, weights, biases):
    """Returns the image of the first point."""
    return _images(points[:1], weights, biases)


# --- decoder_jacobian -------------------------------------------------------------------------


def _derivatives(points, weights, biases, hidden=_step, last=lambda a: a * (1 - a)):
    """The right Jacobian, or that of other slopes."""
    a, result = points, np.tile(np.eye(points.shape[1]), (len(points), 1, 1))
    for number, (w, b) in enumerate(zip(weights, biases, strict=True), 1):
        z = a @ w.T + b
        is_last = number == len(weights)
        a = _sigmoid(z) if is_last else _leaky(z)
        s = last(a) if is_last else hidden(z)
        result = s[:, :, np.newaxis] * (w @ result)
    return result


@mistake("decoder_jacobian", hint="The function hands nothing back: it has no `return`.")
def derivatives_not_returned(points, weights, biases):
    """Computes the Jacobian and returns None."""
    return None


@mistake("decoder_jacobian", hint="The sigmoid has a slope as well: a (1 - a).")
def slope_of_the_sigmoid_left_out(points, weights, biases):
    """Returns the Jacobian of the logits."""
    return _derivatives(points, weights, biases, last=np.ones_like)


@mistake("decoder_jacobian", hint="The slope a (1 - a) takes the a after the sigmoid, once.")
def slope_of_the_sigmoid_at_a(points, weights, biases):
    """Applies the sigmoid twice before a (1 - a)."""

    def twice(a):
        return _sigmoid(a) * (1 - _sigmoid(a))

    return _derivatives(points, weights, biases, last=twice)


@mistake("decoder_jacobian", hint="The slope of the sigmoid is a (1 - a): where is the 1 - a?")
def sigmoid_for_its_slope(points, weights, biases):
    """Multiplies by the image instead of the slope."""
    return _derivatives(points, weights, biases, last=lambda a: a)


@mistake("decoder_jacobian", hint="The pixels are rows of the matrix, the coordinates columns.")
def matrix_transposed(points, weights, biases):
    """Returns the shape (n, n_coordinates, n_pixels)."""
    return np.swapaxes(_derivatives(points, weights, biases), 1, 2)


@mistake("decoder_jacobian", hint="Where z is negative the leaky ReLU still has the slope `LEAK`.")
def gate_that_does_not_leak(points, weights, biases):
    """Uses the slope of the plain ReLU."""
    return _derivatives(points, weights, biases, hidden=lambda z: (z > 0) * 1.0)


@mistake("decoder_jacobian", hint="The hidden layers multiply by their slopes: 1 or `LEAK`.")
def gates_forgotten(points, weights, biases):
    """Multiplies the weights of all layers, with the slope of the last one only."""
    return _derivatives(points, weights, biases, hidden=np.ones_like)


@mistake("decoder_jacobian", hint="A slope is asked, 1 or `LEAK`, and not the activation itself.")
def activations_for_slopes(points, weights, biases):
    """Multiplies by the leaky ReLU of z."""
    return _derivatives(points, weights, biases, hidden=_leaky)


@mistake("decoder_jacobian", hint="Which side leaks? The slope is 1 where z is positive.")
def slopes_the_wrong_way_round(points, weights, biases):
    """Exchanges the slopes of the two sides."""
    return _derivatives(points, weights, biases, hidden=lambda z: np.where(z > 0, LEAK, 1.0))


@mistake("decoder_jacobian", hint="All the points have the matrix of the first one.")
def matrix_of_the_first_point(points, weights, biases):
    """Computes the Jacobian of the first point and repeats it."""
    first = _derivatives(points[:1], weights, biases)
    return np.repeat(first, len(points), axis=0)


@mistake("decoder_jacobian", hint="One matrix for each point: do not add them up.")
def matrices_added_up(points, weights, biases):
    """Sums over the points, as for the gradient of weights that they share."""
    result = _derivatives(points, weights, biases)
    return np.sum(result, axis=0) + 0 * result


@mistake("decoder_jacobian", hint="One matrix for each point: yours is their mean.")
def mean_matrix(points, weights, biases):
    """Averages over the points."""
    result = _derivatives(points, weights, biases)
    return np.mean(result, axis=0) + 0 * result


# --- loss_and_gradient ------------------------------------------------------------------------


def _parts(points, images, weights, biases):
    """Residuals, Jacobians and both right results."""
    residuals = _images(points, weights, biases) - images
    matrices = _derivatives(points, weights, biases)
    gradients = np.sum(matrices * residuals[:, :, np.newaxis], axis=1)
    return residuals, matrices, (residuals**2).sum(axis=1) / 2, gradients


@mistake("loss_and_gradient", hint="The function hands nothing back: it has no `return`.")
def loss_not_returned(points, images, weights, biases):
    """Computes both and returns None."""
    return None


@mistake(
    "loss_and_gradient", hint="Mind the half: it stands before the sum, and the gradient has no 2."
)
def loss_of_the_chapter(points, images, weights, biases):
    """Forgets the half in both results."""
    _, _, losses, gradients = _parts(points, images, weights, biases)
    return 2 * losses, 2 * gradients


@mistake("loss_and_gradient", hint="The loss is a sum over the pixels, not a mean.")
def mean_over_the_pixels(points, images, weights, biases):
    """Averages over the pixels."""
    _, _, losses, gradients = _parts(points, images, weights, biases)
    n_pixels = images.shape[1]
    return losses / n_pixels, gradients / n_pixels


@mistake("loss_and_gradient", hint="The squared distance is asked: do not take its root.")
def distance_for_its_square(points, images, weights, biases):
    """Takes the norm of the residual."""
    _, _, losses, gradients = _parts(points, images, weights, biases)
    return np.sqrt(2 * losses) / 2, gradients


@mistake("loss_and_gradient", hint="The residual is D(y) - x: your gradient points downhill.")
def residual_the_other_way(points, images, weights, biases):
    """Takes x - D(y), which the square of the loss forgives."""
    _, _, losses, gradients = _parts(points, images, weights, biases)
    return losses, -gradients


@mistake("loss_and_gradient", hint="Each pixel's derivative is weighted by its residual.")
def gradient_without_the_residual(points, images, weights, biases):
    """Adds the rows of the Jacobian up."""
    _, matrices, losses, _ = _parts(points, images, weights, biases)
    return losses, matrices.sum(axis=1)


@mistake("loss_and_gradient", hint="The sigmoid has a slope: use the whole Jacobian.")
def gradient_of_the_logits(points, images, weights, biases):
    """Leaves the slope of the sigmoid out, as with a cross-entropy."""
    residuals, _, losses, _ = _parts(points, images, weights, biases)
    matrices = _derivatives(points, weights, biases, last=np.ones_like)
    return losses, np.einsum("ij,ijk->ik", residuals, matrices)


@mistake("loss_and_gradient", hint="First the losses, then the gradients.")
def gradient_first(points, images, weights, biases):
    """Exchanges the two results."""
    _, _, losses, gradients = _parts(points, images, weights, biases)
    return gradients, losses


@mistake("loss_and_gradient", hint="One loss for each image: yours is that of the batch.")
def one_loss_for_the_batch(points, images, weights, biases):
    """Sums the losses of all the images."""
    _, _, losses, gradients = _parts(points, images, weights, biases)
    return np.full(len(losses), losses.sum()), gradients


@mistake("loss_and_gradient", hint="The points share nothing: no mean over the images is taken.")
def gradient_of_the_mean_loss(points, images, weights, biases):
    """Divides the gradients by the number of images, as in training."""
    _, _, losses, gradients = _parts(points, images, weights, biases)
    return losses, gradients / len(points)


@mistake("loss_and_gradient", hint="The shape of the gradients is (n, 2): keep the images apart.")
def gradients_summed(points, images, weights, biases):
    """Sums the gradients over the images."""
    _, _, losses, gradients = _parts(points, images, weights, biases)
    return losses, 0 * gradients + gradients.sum(axis=0)


# --- lm_step ----------------------------------------------------------------------------------


def _diagonal(matrices):
    return matrices * np.eye(matrices.shape[1])


def _identity(matrices):
    return np.eye(matrices.shape[1]) + 0 * matrices


def _mean_curvature(matrices):
    d = matrices.shape[1]
    return np.trace(matrices, axis1=1, axis2=2)[:, np.newaxis, np.newaxis] / d * np.eye(d)


def _marquardt(points, images, dampings, weights, biases, scale=_diagonal, share=None):
    """The losses, and the trials with their losses; `share` spoils the matrices or dampings."""
    _, jacobians, losses, gradients = _parts(points, images, weights, biases)
    matrices = np.einsum("npi,npj->nij", jacobians, jacobians)
    if share is not None:
        matrices, dampings = share(matrices, dampings)
    damped = matrices + dampings[:, np.newaxis, np.newaxis] * scale(matrices)
    moves = -np.linalg.solve(damped, gradients[..., np.newaxis])[..., 0]
    trials = points + moves
    return losses, trials, _parts(trials, images, weights, biases)[2]


def _verdict(points, trials, dampings, good, success=1 / 3, failure=4.0):
    chosen = np.where(good[:, np.newaxis], trials, points)
    return chosen, np.where(good, dampings * success, dampings * failure)


@mistake("lm_step", hint="The function hands nothing back: it has no `return`.")
def trial_not_returned(points, images, dampings, weights, biases):
    """Updates its own variables and returns None."""
    return None


@mistake("lm_step", hint="The damping does not change your step: this is Gauss and Newton's.")
def step_not_damped(points, images, dampings, weights, biases):
    """Solves J^T J p = -J^T r."""
    args = (points, images, dampings, weights, biases)
    losses, trials, ahead = _marquardt(*args, scale=np.zeros_like)
    return _verdict(points, trials, dampings, ahead < losses)


@mistake("lm_step", hint="The damping is added to J^T J times its diagonal, not times I.")
def identity_for_the_diagonal(points, images, dampings, weights, biases):
    """Adds lambda times the identity, as Levenberg did."""
    args = (points, images, dampings, weights, biases)
    losses, trials, ahead = _marquardt(*args, scale=_identity)
    return _verdict(points, trials, dampings, ahead < losses)


@mistake("lm_step", hint="Each coordinate has its own entry of the diagonal, not their mean.")
def mean_of_the_diagonal(points, images, dampings, weights, biases):
    """Damps as the chapter does."""
    args = (points, images, dampings, weights, biases)
    losses, trials, ahead = _marquardt(*args, scale=_mean_curvature)
    return _verdict(points, trials, dampings, ahead < losses)


@mistake("lm_step", hint="lambda belongs to the diagonal: you damp the whole matrix.")
def whole_matrix_damped(points, images, dampings, weights, biases):
    """Multiplies J^T J by 1 + lambda."""
    args = (points, images, dampings, weights, biases)
    losses, trials, ahead = _marquardt(*args, scale=lambda matrices: matrices)
    return _verdict(points, trials, dampings, ahead < losses)


@mistake("lm_step", hint="A trial that is worse moves the point: compare the losses first.")
def every_trial_is_taken(points, images, dampings, weights, biases):
    """Moves whatever the loss does, and calls it a success."""
    losses, trials, _ = _marquardt(points, images, dampings, weights, biases)
    return _verdict(points, trials, dampings, losses > -1)


@mistake("lm_step", hint="Nothing moves: look at the sign of the step, or of the comparison.")
def every_trial_is_refused(points, images, dampings, weights, biases):
    """Never finds a lower loss, for example since the step goes uphill."""
    return points, 4 * dampings


@mistake("lm_step", hint="The new point is asked: yours is the step alone.")
def step_for_the_point(points, images, dampings, weights, biases):
    """Returns p instead of y + p."""
    losses, trials, ahead = _marquardt(points, images, dampings, weights, biases)
    moved, dampings = _verdict(points, trials, dampings, ahead < losses)
    return moved - points, dampings


@mistake("lm_step", hint="After a success the tangent is trusted more: the damping falls.")
def damping_grows_after_a_success(points, images, dampings, weights, biases):
    """Exchanges the two rules of the damping."""
    losses, trials, ahead = _marquardt(points, images, dampings, weights, biases)
    return _verdict(points, trials, dampings, ahead < losses, success=4.0, failure=1 / 3)


@mistake("lm_step", hint="The damping never changes: where is the rule after the trial?")
def damping_left_as_it_is(points, images, dampings, weights, biases):
    """Returns the old dampings."""
    losses, trials, ahead = _marquardt(points, images, dampings, weights, biases)
    return _verdict(points, trials, dampings, ahead < losses, success=1.0, failure=1.0)


@mistake("lm_step", hint="A failure multiplies the damping by 4; 3 is for a success.")
def factor_of_a_failure(points, images, dampings, weights, biases):
    """Uses the factor 3 both ways."""
    losses, trials, ahead = _marquardt(points, images, dampings, weights, biases)
    return _verdict(points, trials, dampings, ahead < losses, failure=3.0)


@mistake("lm_step", hint="Each image has a damping of its own: yours uses one for all of them.")
def one_damping_for_all(points, images, dampings, weights, biases):
    """Damps every image with the damping of the first."""

    def share(matrices, dampings):
        return matrices, np.full_like(dampings, dampings[0])

    args = (points, images, dampings, weights, biases)
    losses, trials, ahead = _marquardt(*args, share=share)
    return _verdict(points, trials, dampings, ahead < losses)


@mistake("lm_step", hint="Each image has a matrix J^T J of its own: do not add them up.")
def one_matrix_for_all(points, images, dampings, weights, biases):
    """Sums J^T J over the images."""

    def share(matrices, dampings):
        return matrices.sum(axis=0) + 0 * matrices, dampings

    args = (points, images, dampings, weights, biases)
    losses, trials, ahead = _marquardt(*args, share=share)
    return _verdict(points, trials, dampings, ahead < losses)


@mistake("lm_step", hint="Each image has a verdict of its own: you compare the sums of the losses.")
def one_verdict_for_all(points, images, dampings, weights, biases):
    """Takes all the trials, or none."""
    losses, trials, ahead = _marquardt(points, images, dampings, weights, biases)
    return _verdict(points, trials, dampings, np.full(len(points), ahead.sum() < losses.sum()))


# --- relative_step ----------------------------------------------------------------------------


def _norms(rows):
    return np.sqrt(np.sum(rows**2, axis=1, keepdims=True))


@mistake("relative_step", hint="The function hands nothing back: it has no `return`.")
def move_not_returned(points, gradients, rate):
    """Computes the points and returns None."""
    return None


@mistake("relative_step", hint="Downhill is against the gradient.")
def move_uphill(points, gradients, rate):
    """Adds the step."""
    return points + rate * np.maximum(0.01, _norms(points)) * gradients / _norms(gradients)


@mistake("relative_step", hint="The length of the gradient must not matter: divide by it.")
def gradient_not_normalised(points, gradients, rate):
    """Multiplies by the gradient itself."""
    return points - rate * np.maximum(0.01, _norms(points)) * gradients


@mistake("relative_step", hint="The length of the point does not change your step.")
def length_left_out(points, gradients, rate):
    """Takes steps of the length of the rate."""
    return points - rate * gradients / _norms(gradients)


@mistake("relative_step", hint="Near the origin the length is at least 0.01.")
def least_length_left_out(points, gradients, rate):
    """Forgets the maximum."""
    return points - rate * _norms(points) * gradients / _norms(gradients)


@mistake("relative_step", hint="The larger one of the two lengths is asked, not their sum.")
def least_length_added(points, gradients, rate):
    """Adds 0.01 to every length."""
    return points - rate * (0.01 + _norms(points)) * gradients / _norms(gradients)


@mistake("relative_step", hint="The least length is 0.01 here, ten times that of Adafactor.")
def least_length_of_adafactor(points, gradients, rate):
    """Uses the library's constant."""
    return points - rate * np.maximum(1e-3, _norms(points)) * gradients / _norms(gradients)


@mistake("relative_step", hint="A length is the root of a sum: yours is the root of a mean.")
def root_mean_square_for_the_length(points, gradients, rate):
    """Takes the root mean square of the point."""
    sizes = np.maximum(0.01, np.sqrt(np.mean(points**2, axis=1, keepdims=True)))
    return points - rate * sizes * gradients / _norms(gradients)


@mistake("relative_step", hint="Straight against the gradient: keep its direction, not its signs.")
def signs_of_the_gradient(points, gradients, rate):
    """Moves each coordinate by the same amount."""
    return points - rate * np.maximum(0.01, _norms(points)) * np.sign(gradients)


@mistake("relative_step", hint="The new points are asked: yours are the steps alone.")
def move_for_the_point(points, gradients, rate):
    """Returns the steps."""
    return -rate * np.maximum(0.01, _norms(points)) * gradients / _norms(gradients)


@mistake(
    "relative_step",
    hint="One variable for all the images: their lengths are mixed. Each row needs its own.",
)
def one_variable_for_all_images(points, gradients, rate):
    """Takes the norms of the whole arrays, as one Adafactor variable for all images does."""
    size = max(0.01, np.linalg.norm(points))
    return points - rate * size * gradients / np.linalg.norm(gradients)


@mistake("relative_step", hint="The length is that of the point, yours is the mean of all.")
def mean_length_of_the_points(points, gradients, rate):
    """Gives every point the mean of the lengths."""
    size = np.maximum(0.01, _norms(points)).mean()
    return points - rate * size * gradients / _norms(gradients)


# --- summarize --------------------------------------------------------------------------------


def _summary(losses, seen, digits):
    """The right numbers, for the mistakes that spoil one of them."""
    share = float(np.mean(seen == digits))
    return np.mean(100 * (losses[-1] / losses[0] - 1)), share, f"{share:.2%}".replace("%", " %")


@mistake("summarize", hint="The function hands nothing back: it has no `return`.")
def summary_not_returned(losses, seen, digits):
    """Prints the numbers and returns None."""
    return None


@mistake("summarize", hint="`losses[99]` is the loss after 99 steps: how many were there?")
def loss_after_99_steps(losses, seen, digits):
    """Compares the start with losses[99], whatever comes after it."""
    _, share, text = _summary(losses, seen, digits)
    return np.mean(100 * (losses[99] - losses[0]) / losses[0]), share, text


@mistake("summarize", hint="The last row is `losses[-1]`: yours is the one before it.")
def loss_before_the_last_step(losses, seen, digits):
    """Compares the start with the last row but one."""
    _, share, text = _summary(losses, seen, digits)
    return np.mean(100 * (losses[-2] - losses[0]) / losses[0]), share, text


@mistake("summarize", hint="The lowest loss is not that of the point that you keep, the last one.")
def lowest_loss_on_the_way(losses, seen, digits):
    """Compares the start with the lowest loss of each image."""
    _, share, text = _summary(losses, seen, digits)
    return np.mean(100 * (losses.min(axis=0) - losses[0]) / losses[0]), share, text


@mistake("summarize", hint="The mean of the gains is not the gain of the mean loss.")
def gain_of_the_mean_loss(losses, seen, digits):
    """Averages the losses first."""
    _, share, text = _summary(losses, seen, digits)
    means = np.mean(losses, axis=1)
    return 100 * (means[-1] - means[0]) / means[0], share, text


@mistake("summarize", hint="The gain is negative where the loss fell.")
def gain_with_the_other_sign(losses, seen, digits):
    """Counts a fall as positive."""
    gain, share, text = _summary(losses, seen, digits)
    return -gain, share, text


@mistake("summarize", hint="In per cent: a loss that falls by a quarter has the gain -25.")
def gain_as_a_share(losses, seen, digits):
    """Forgets the factor of 100."""
    gain, share, text = _summary(losses, seen, digits)
    return gain / 100, share, text


@mistake("summarize", hint="The change is compared with the loss at the start, not at the end.")
def gain_of_the_last_loss(losses, seen, digits):
    """Divides by the last losses."""
    _, share, text = _summary(losses, seen, digits)
    return np.mean(100 * (losses[-1] - losses[0]) / losses[-1]), share, text


@mistake("summarize", hint="One number is asked: the mean of the gains of the images.")
def gains_not_averaged(losses, seen, digits):
    """Returns the gain of each image."""
    _, share, text = _summary(losses, seen, digits)
    return 100 * (losses[-1] - losses[0]) / losses[0], share, text


@mistake("summarize", hint="A share is asked, between 0 and 1: yours is a number of images.")
def count_for_the_share(losses, seen, digits):
    """Returns how many digits were seen."""
    gain, _, text = _summary(losses, seen, digits)
    return gain, int(np.sum(seen == digits)), text


@mistake("summarize", hint="A share lies between 0 and 1; per cent are for the text.")
def per_cent_for_the_share(losses, seen, digits):
    """Returns 83.52 for the share 0.8352."""
    gain, share, text = _summary(losses, seen, digits)
    return gain, 100 * share, text


@mistake("summarize", hint="The digits that were not seen are counted.")
def share_of_the_failures(losses, seen, digits):
    """Returns the error rate."""
    gain, share, _ = _summary(losses, seen, digits)
    return gain, 1 - share, f"{100 - 100 * share:.2f} %"


@mistake("summarize", hint="A share of 0.8352 is 83.52 %: the sign does not multiply by 100.")
def sign_behind_the_share(losses, seen, digits):
    """Writes "0.8352 %"."""
    gain, share, _ = _summary(losses, seen, digits)
    return gain, share, f"{share} %"


@mistake("summarize", hint="Two decimals are asked, and yours has none.")
def text_rounded_to_whole_percents(losses, seen, digits):
    """Writes "84 %"."""
    gain, share, _ = _summary(losses, seen, digits)
    return gain, share, f"{100 * share:.0f} %"


@mistake("summarize", hint="There is a blank before the sign.")
def text_without_a_blank(losses, seen, digits):
    """Writes "83.52%"."""
    gain, share, _ = _summary(losses, seen, digits)
    return gain, share, f"{share:.2%}"


@mistake("summarize", hint="The third result is a text, with its sign, not a number.")
def number_for_the_text(losses, seen, digits):
    """Returns the percentage as a number."""
    gain, share, _ = _summary(losses, seen, digits)
    return gain, share, round(100 * share, 2)
