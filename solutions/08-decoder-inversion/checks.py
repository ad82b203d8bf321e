"""Hidden checks of assignment 8: one point at a time, with derivatives by complex steps."""

import math

import numpy as np

from course_lib.grading.checks import Case, check

LEAK = 0.1


def array(*rows):
    """A matrix of floats, row by row."""
    return np.array(rows, dtype=float)


def picture(y, weights, biases):
    """The image of one point, a column as on paper; its coordinates may be complex."""
    column = np.asarray(y)
    for number, (matrix, bias) in enumerate(zip(weights, biases, strict=True), 1):
        z = matrix @ column + bias
        column = np.array([v if v.real > 0 else LEAK * v for v in z])
        if number == len(weights):
            column = 1 / (1 + np.exp(-z))
    return column


def tangents(y, weights, biases):
    """The Jacobian at one point: a tiny imaginary step has no rounding error."""
    tiny = 1e-30
    moved = (y + 1j * tiny * unit for unit in np.eye(len(y)))
    return np.column_stack([picture(at, weights, biases).imag / tiny for at in moved])


def half_square(y, image, weights, biases):
    """The loss of one image, pixel by pixel."""
    pairs = zip(picture(y, weights, biases), image, strict=True)
    return sum((drawn - wanted) ** 2 for drawn, wanted in pairs) / 2


def slope(y, image, weights, biases):
    """The gradient of one loss, from its definition by a tiny imaginary step."""
    tiny = 1e-30
    moved = (y + 1j * tiny * unit for unit in np.eye(len(y)))
    return [half_square(at, image, weights, biases).imag / tiny for at in moved]


def network(rng, *sizes):
    """Random weights and biases of a decoder."""
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    return [rng.normal(size=s) for s in shapes], [rng.normal(size=s[0]) for s in shapes]


def every(of_one, points, *rest):
    """A function of one point for each row."""
    return np.array([of_one(y, *rest) for y in points])


# --- decode -----------------------------------------------------------------------------------


@check("test_decode", function="decode", points=1)
def single_layer_ends_in_a_sigmoid(rng):
    """A decoder of one layer returns the sigmoid of its pre-activations."""
    for odds in (3, 1 / 4):
        layer = [array([1])], [np.array([math.log(odds)])]
        yield Case(args=(array([0]), *layer), expected=array([odds / (1 + odds)]))
    layer = [math.log(3) * array([1, -1])], [np.zeros(1)]
    yield Case(args=(array([0, 1]), *layer), expected=array([1 / 4]))
    for n_pixels in (2, 5):
        y, layer = rng.normal(size=(1, 2)), network(rng, 2, n_pixels)
        yield Case(args=(y, *layer), expected=every(picture, y, *layer))


@check("test_decode", function="decode", points=0.5)
def tenth_of_the_negative_passes(rng):
    """In a hidden layer, a tenth of a negative number is let through, and all of a positive one."""
    for z, a in ((-10, -1), (2, 2), (-30, -3)):
        layers = [array([z]), array([1])], [np.zeros(1), np.zeros(1)]
        yield Case(args=(array([1]), *layers), expected=array([1 / (1 + math.exp(-a))]))
    for n_hidden in (2, 4):
        y, layers = rng.normal(size=(1, 2)), network(rng, 2, n_hidden, 3)
        yield Case(args=(y, *layers), expected=every(picture, y, *layers))


@check("test_decode", function="decode", points=0.5)
def many_points_and_layers(rng):
    """A batch of points goes through a decoder of any depth, each point by itself."""
    for n, sizes in ((2, (2, 2, 2, 2)), (3, (2, 4, 3, 5, 4)), (4, (1, 3, 3, 3, 6))):
        y, layers = rng.normal(size=(n, sizes[0])), network(rng, *sizes)
        yield Case(args=(y, *layers), expected=every(picture, y, *layers))


# --- decoder_jacobian -------------------------------------------------------------------------


@check("test_decoder_jacobian", function="decoder_jacobian", points=1)
def weights_times_slope_of_the_sigmoid(rng):
    """For one point and one layer, the Jacobian is the slope of the sigmoid times the weights."""
    for odds, weight in ((1, 4), (3, 1), (1 / 4, -2)):
        layer = [array([weight])], [np.array([math.log(odds)])]
        expected = [[[weight * odds / (1 + odds) ** 2]]]
        yield Case(args=(array([0]), *layer), expected=expected)
    for n_pixels in (2, 5):
        y, layer = rng.normal(size=(1, 2)), network(rng, 2, n_pixels)
        yield Case(args=(y, *layer), expected=every(tangents, y, *layer))


@check("test_decoder_jacobian", function="decoder_jacobian", points=1)
def hidden_layers_pass_their_slope_on(rng):
    """For one point, every hidden layer multiplies by its weights and by its slope, 1 or LEAK."""
    for weight in (2, -2):
        layers = [array([weight]), array([4])], [np.zeros(1), np.zeros(1)]
        yield Case(args=(array([1]), *layers), expected=every(tangents, array([1]), *layers))
    for sizes in ((2, 2, 2), (2, 3, 4, 3), (2, 4, 4, 3, 5)):
        y, layers = rng.normal(size=(1, 2)), network(rng, *sizes)
        yield Case(args=(y, *layers), expected=every(tangents, y, *layers))


@check("test_decoder_jacobian", function="decoder_jacobian", points=1)
def one_matrix_for_each_point(rng):
    """In a batch, each point has its own matrix, with a column for each coordinate."""
    for n, sizes in ((2, (2, 2)), (3, (2, 3, 4)), (4, (1, 3, 2)), (3, (3, 4, 3, 5))):
        y, layers = rng.normal(size=(n, sizes[0])), network(rng, *sizes)
        yield Case(args=(y, *layers), expected=every(tangents, y, *layers))


# --- loss_and_gradient ------------------------------------------------------------------------


def losses_alone(loss_and_gradient, points, images, weights, biases):
    """The first one of the two results."""
    return loss_and_gradient(points, images, weights, biases)[0]


def gradients_alone(loss_and_gradient, points, images, weights, biases):
    """The second one of the two results."""
    return loss_and_gradient(points, images, weights, biases)[1]


@check("test_loss_and_gradient", function="loss_and_gradient", points=0.5, through=losses_alone)
def half_of_the_squared_distance(rng):
    """The loss of an image is half of the squared distance, summed over its pixels."""
    flat = [np.zeros((2, 1))], [np.zeros(2)]
    yield Case(args=(array([0]), array([0.1, 0.5]), *flat), expected=[0.08])
    yield Case(args=(array([0]), array([0, 1]), *flat), expected=[0.25])
    for sizes in ((2, 3), (2, 3, 5)):
        y, image, layers = rng.normal(size=2), rng.uniform(size=sizes[-1]), network(rng, *sizes)
        expected = [half_square(y, image, *layers)]
        yield Case(args=(array(y), array(image), *layers), expected=expected)


@check("test_loss_and_gradient", function="loss_and_gradient", points=0.5, through=gradients_alone)
def gradient_of_the_loss_by_the_point(rng):
    """The gradient of one image is that of its loss, with one number for each coordinate."""
    one_layer = [array([4])], [np.zeros(1)]
    for target in (0.1, 0.75, 0.5):
        expected = array([0.5 - target])
        yield Case(args=(array([0]), array([target]), *one_layer), expected=expected)
    for sizes in ((2, 3), (2, 3, 5), (3, 4, 4, 2)):
        y, layers = rng.normal(size=sizes[0]), network(rng, *sizes)
        image = rng.uniform(size=sizes[-1])
        expected = [slope(y, image, *layers)]
        yield Case(args=(array(y), array(image), *layers), expected=expected)


@check("test_loss_and_gradient", function="loss_and_gradient", points=1)
def losses_and_gradients_of_a_batch(rng):
    """In a batch, each image has its own loss and its own gradient."""
    for n, sizes in ((2, (2, 2)), (3, (2, 3, 4)), (4, (2, 4, 3, 5))):
        points, layers = rng.normal(size=(n, 2)), network(rng, *sizes)
        images = rng.uniform(size=(n, sizes[-1]))
        pairs = list(zip(points, images, strict=True))
        losses = [half_square(*pair, *layers) for pair in pairs]
        expected = (losses, [slope(*pair, *layers) for pair in pairs])
        yield Case(args=(points, images, *layers), expected=expected)


# --- lm_step ----------------------------------------------------------------------------------


def trial(y, image, damping, weights, biases):
    """The point and the damping of one image after its trial, by Cramer's rule."""
    matrix = tangents(y, weights, biases)
    (a, b), (_, c) = matrix.T @ matrix
    u, v = -matrix.T @ (picture(y, weights, biases) - image)
    a, c = a + damping * a, c + damping * c
    ahead = y + np.array([u * c - v * b, a * v - b * u]) / (a * c - b * b)
    worse = half_square(ahead, image, weights, biases) >= half_square(y, image, weights, biases)
    return (y, 4 * damping) if worse else (ahead, damping / 3)


def searches(rng, n, wanted):
    """Images of one decoder and their points; the trials of the points do what is wanted."""
    layers = network(rng, 2, 4, 6)
    rows = []
    while len(rows) < n:
        damping = 10 ** rng.uniform(-2, 0.5)
        y, image = 1.5 * rng.normal(size=2), picture(rng.normal(size=2), *layers)
        if (trial(y, image, damping, *layers)[1] < damping) == wanted[len(rows) % len(wanted)]:
            rows.append((y, image, damping))
    return *(np.array(column) for column in zip(*rows, strict=True)), *layers


def tried(points, images, dampings, weights, biases):
    """What is expected of a batch: the points and the dampings after the trials."""
    rows = zip(points, images, dampings, strict=True)
    columns = zip(*(trial(*row, weights, biases) for row in rows), strict=True)
    return tuple(np.array(column) for column in columns)


def point_alone(lm_step, points, images, dampings, weights, biases):
    """The first one of the two results."""
    return lm_step(points, images, dampings, weights, biases)[0]


def damping_alone(lm_step, points, images, dampings, weights, biases):
    """The second one of the two results."""
    return lm_step(points, images, dampings, weights, biases)[1]


@check("test_lm_step", function="lm_step", points=1, rtol=1e-7, through=point_alone)
def damped_step_of_one_image(rng):
    """Where the loss falls, the point of an image moves by the damped step."""
    one_layer = [array([4, 0], [0, 8])], [np.zeros(2)]
    for damping, step in ((1.0, 0.5), (3.0, 0.25)):
        args = (array([0, 0]), array([0.1, 0.1]), np.array([damping]), *one_layer)
        yield Case(args=args, expected=[[-0.4 * step, -0.2 * step]])
    for _ in range(3):
        args = searches(rng, 1, [True])
        yield Case(args=args, expected=tried(*args)[0])


@check(
    "test_lm_step",
    function="lm_step",
    points=1,
    rtol=1e-7,
    through=point_alone,
    needs=("damped_step_of_one_image",),
)
def trial_that_is_worse(rng):
    """Where the loss does not fall, the point of an image stays."""
    for _ in range(4):
        args = searches(rng, 1, [False])
        yield Case(args=args, expected=args[0])


@check("test_lm_step", function="lm_step", points=1, rtol=1e-7, through=damping_alone)
def damping_after_one_trial(rng):
    """The damping of an image is divided by 3 after a success, and times 4 after a failure."""
    steep = [array([40, 0], [0, 40])], [np.zeros(2)]
    for y, damping in ((0.0, 0.09), (0.075, 0.01)):
        args = (array([y, y]), array([0.7, 0.7]), np.array([damping]), *steep)
        yield Case(args=args, expected=tried(*args)[1])
    for wanted in (True, False, True, False, True, False):
        args = searches(rng, 1, [wanted])
        yield Case(args=args, expected=tried(*args)[1])


@check("test_lm_step", function="lm_step", points=1, rtol=1e-7)
def images_with_trials_of_their_own(rng):
    """In a batch, each image has its own matrix, its own damping and its own verdict."""
    for n, wanted in ((2, [True, False]), (3, [False, True, True]), (5, [True, True, False])):
        args = searches(rng, n, wanted)
        yield Case(args=args, expected=tried(*args))


# --- relative_step ----------------------------------------------------------------------------


def after(y, gradient, rate):
    """One point after its step, with the angle of its gradient."""
    length = rate * max(0.01, math.hypot(*y))
    angle = math.atan2(gradient[1], gradient[0])
    return [y[0] - length * math.cos(angle), y[1] - length * math.sin(angle)]


@check("test_relative_step", function="relative_step", points=0.5)
def share_of_the_distance_to_the_origin(rng):
    """The step of one point is against its gradient, and as long as a share of the point."""
    yield Case(args=(array([3, 4]), array([2, 0]), 0.1), expected=array([2.5, 4]))
    yield Case(args=(array([0, -2]), array([0, -0.001]), 0.5), expected=array([0, -1]))
    for rate in (0.001, 0.25):
        y, gradient = rng.normal(size=2), 5 * rng.normal(size=2)
        yield Case(args=(array(y), array(gradient), rate), expected=[after(y, gradient, rate)])


@check("test_relative_step", function="relative_step", points=0.5)
def least_length_near_the_origin(rng):
    """A point nearer to the origin than 0.01 takes the step of a point at that distance."""
    yield Case(args=(array([0, 0]), array([3, 4]), 1.0), expected=array([-0.006, -0.008]))
    for size in (0.009, 0.002, 0.0005):
        y, gradient = np.array([size, -size / 3]), rng.normal(size=2)
        yield Case(args=(array(y), array(gradient), 0.1), expected=[after(y, gradient, 0.1)])


@check("test_relative_step", function="relative_step", points=1)
def points_that_do_not_wait_for_others(rng):
    """In a batch, each point has its own length and its own gradient."""
    points, gradients = array([3, 4], [0, 1]), array([2, 0], [0, 10])
    yield Case(args=(points, gradients, 0.1), expected=array([2.5, 4], [0, 0.9]))
    for n in (2, 3, 6):
        points = rng.normal(size=(n, 2)) * rng.uniform(0.1, 4, size=(n, 1))
        gradients = rng.normal(size=(n, 2)) * rng.uniform(0.01, 50, size=(n, 1))
        pairs = zip(points, gradients, strict=True)
        expected = [after(y, gradient, 0.05) for y, gradient in pairs]
        yield Case(args=(points, gradients, 0.05), expected=expected)


# --- summarize --------------------------------------------------------------------------------


def gain_alone(summarize, losses, seen, digits):
    """The first one of the three results."""
    return summarize(losses, seen, digits)[0]


def share_alone(summarize, losses, seen, digits):
    """The second one of the three results."""
    return summarize(losses, seen, digits)[1]


def text_alone(summarize, losses, seen, digits):
    """The third one of the three results."""
    return summarize(losses, seen, digits)[2]


def descent(rng, n):
    """Losses of 150 steps that fall at first, and rise a little near the end."""
    times = np.arange(151)[:, np.newaxis]
    falling = rng.uniform(0.1, 0.5, n) * np.exp(-times / 40) + 0.2
    return rng.uniform(5, 60, n) * (falling + 0.0005 * np.maximum(0, times - 130))


@check("test_summarize", function="summarize", points=1, through=gain_alone)
def gain_of_the_last_losses(rng):
    """The gain compares the losses after the last step with those of the start, in per cent."""
    for n in (1, 2, 5, 9):
        losses, digits = descent(rng, n), rng.integers(10, size=n)
        changes = [100 * last / first - 100 for first, *_, last in losses.T]
        yield Case(args=(losses, digits, digits), expected=sum(changes) / n)


def judged(rng, n_right, n):
    """A judge who sees so many digits of n."""
    digits = rng.integers(10, size=n)
    wrong = rng.permutation(n) >= n_right
    return np.where(wrong, (digits + rng.integers(1, 10, size=n)) % 10, digits), digits


@check("test_summarize", function="summarize", points=1, through=share_alone)
def share_of_digits_between_0_and_1(rng):
    """The share is that of the digits that the judge sees, between 0 and 1."""
    for n_right, n in ((3, 4), (1, 5), (12, 16), (4, 4)):
        yield Case(args=(descent(rng, n), *judged(rng, n_right, n)), expected=n_right / n)


@check("test_summarize", function="summarize", points=1, through=text_alone)
def text_in_per_cent(rng):
    """The text is the share in per cent, with two decimals, a blank and the sign."""
    for n_right, n, text in (
        (3, 4, "75.00 %"),
        (1, 8, "12.50 %"),
        (2, 3, "66.67 %"),
        (1044, 1250, "83.52 %"),
    ):
        yield Case(args=(np.ones((151, n)), *judged(rng, n_right, n)), expected=text)
