"""Hidden checks of assignment 2. Expected values: by hand, closed forms, finite differences."""

import math

import numpy as np

from course_lib.gradient_descent import mse_gradient, mse_loss
from course_lib.grading.checks import Case, Source, check

# --- mse_gradient -----------------------------------------------------------------------------


@check("test_mse_gradient", function="mse_gradient", points=1)
def gradient_is_a_mean(rng):
    """Without a penalty, the gradient is twice a mean over the examples."""
    yield Case(args=(np.array([1.0]), np.array([0.0]), 1.0, 0.0, 0.0), expected=(2.0, 2.0))
    yield Case(args=(np.array([2.0]), np.array([3.0]), 0.0, 1.0, 0.0), expected=(-8.0, -4.0))
    yield Case(
        args=(np.array([0.0, 2.0]), np.array([0.0, 0.0]), 1.0, 0.0, 0.0), expected=(4.0, 2.0)
    )


@check("test_mse_gradient", function="mse_gradient", points=1)
def penalty_pulls_the_slope_only(rng):
    """Where the line fits the data, the penalty is left: it pulls the slope alone."""
    yield Case(args=(np.array([1.0]), np.array([3.0]), 3.0, 0.0, 0.5), expected=(3.0, 0.0))
    yield Case(args=(np.array([1.0]), np.array([1.0]), 0.0, 1.0, 0.5), expected=(0.0, 0.0))
    yield Case(
        args=(np.array([1.0, 2.0]), np.array([-1.0, -3.0]), -2.0, 1.0, 0.25), expected=(-1.0, 0.0)
    )


@check("test_mse_gradient", function="mse_gradient", points=1, rtol=1e-7)
def gradient_is_that_of_the_loss(rng):
    """The gradient agrees with finite differences of the loss, with and without a penalty."""
    for n, l2 in ((2, 0.0), (7, 0.3), (30, 2.0)):
        x, y = rng.normal(size=n), rng.normal(size=n)
        slope, intercept = rng.normal(size=2)

        def loss(slope, intercept, x=x, y=y, l2=l2):
            return mse_loss(x[:, np.newaxis], y, np.array([slope]), intercept, l2=l2)

        h = 1e-3  # the loss is of degree 2: central differences have no error but rounding
        d_slope = (loss(slope + h, intercept) - loss(slope - h, intercept)) / (2 * h)
        d_intercept = (loss(slope, intercept + h) - loss(slope, intercept - h)) / (2 * h)
        yield Case(args=(x, y, slope, intercept, l2), expected=(d_slope, d_intercept))


# --- descend ----------------------------------------------------------------------------------

PARABOLA = Source("lambda x: 2 * x")  # the gradient of x^2: an update multiplies x by 1 - 2 rate


@check("test_descend", function="descend", points=1)
def stops_where_the_gradient_is_small(rng):
    """The walk tests before it steps, stops at a small gradient and counts its updates."""
    yield Case(
        args=(PARABOLA, np.array([0.0]), 0.25, 1e-6, 100), expected=(np.array([0.0]), 0, True)
    )
    yield Case(
        args=(PARABOLA, np.array([4.0]), 0.25, 1.0, 100), expected=(np.array([0.5]), 3, True)
    )
    yield Case(
        args=(PARABOLA, np.array([-4.0]), 0.25, 3.0, 100), expected=(np.array([-1.0]), 2, True)
    )
    shifted = Source("lambda x: 2 * (x - 3.0)")
    yield Case(args=(shifted, np.array([0.0]), 0.5, 1e-9, 50), expected=(np.array([3.0]), 1, True))


@check("test_descend", function="descend", points=1)
def says_whether_it_converged(rng):
    """A walk that is slow, oscillates or diverges says so; one whose last update arrives, too."""
    yield Case(
        args=(PARABOLA, np.array([1.0]), 1.0, 1e-6, 5), expected=(np.array([-1.0]), 5, False)
    )
    yield Case(args=(PARABOLA, np.array([1.0]), 0.5, 1e-6, 1), expected=(np.array([0.0]), 1, True))
    for rate, steps in ((0.001, 10), (1.1, 4), (0.25, 0)):
        x = np.array([(1 - 2 * rate) ** steps])
        yield Case(args=(PARABOLA, np.array([1.0]), rate, 1e-6, steps), expected=(x, steps, False))


@check("test_descend", function="descend", points=1)
def norm_of_the_whole_vector_decides(rng):
    """In several dimensions, the Euclidean norm of the gradient is compared with tol."""
    identity = Source("lambda x: x")
    for start, tol, steps in (
        (np.array([3.0, 4.0]), 5.0, 0),
        (np.array([3.0, 4.0]), 4.5, 1),
        (np.array([3.0, 4.0]), 3.0, 1),
        (np.array([0.3, -0.4]), 0.35, 1),
    ):
        x = start / 2**steps
        yield Case(args=(identity, start, 0.5, tol, 9), expected=(x, steps, True))
    valley = Source("lambda x: np.array([1.0, 4.0]) * x")
    yield Case(
        args=(valley, np.array([8.0, 1.0]), 0.25, 5.0, 9), expected=(np.array([4.5, 0.0]), 2, True)
    )


@check("test_descend", function="descend", points=1)
def whole_numbers_are_a_start_too(rng):
    """A start in whole numbers, which an update in place would break, works like any other."""
    yield Case(args=(PARABOLA, np.array([1]), 0.25, 1e-6, 1), expected=(np.array([0.5]), 1, False))
    yield Case(args=(PARABOLA, np.array([2]), 0.5, 1e-6, 5), expected=(np.array([0.0]), 1, True))
    yield Case(
        args=(PARABOLA, np.array([4, -2]), 0.25, 1e-6, 3),
        expected=(np.array([0.5, -0.25]), 3, False),
    )


# --- largest_stable_rate ----------------------------------------------------------------------


def _stable_rate(x):
    """The eigenvalues of a symmetric 2 by 2 matrix have a closed form."""
    square, mean = np.mean(x**2), np.mean(x)
    return 2 / (square + 1 + math.hypot(square - 1, 2 * mean))


@check("test_largest_stable_rate", function="largest_stable_rate", points=1)
def one_example(rng):
    """For one example x, the rate is 1 / (1 + x squared)."""
    for x in (0.0, 1.0, 3.0):
        yield Case(args=(np.array([x]),), expected=1 / (1 + x**2))


@check("test_largest_stable_rate", function="largest_stable_rate", points=1)
def centred_feature(rng):
    """For a feature of mean 0, the steeper of the two directions decides."""
    yield Case(args=(np.array([-1.0, 1.0]),), expected=1.0)
    yield Case(args=(np.array([-0.5, 0.5]),), expected=1.0)
    yield Case(args=(np.array([-3.0, 0.0, 3.0]),), expected=1 / 6)


@check("test_largest_stable_rate", function="largest_stable_rate", points=1)
def any_feature(rng):
    """For any feature, the largest eigenvalue of the Hessian decides."""
    yield Case(args=(np.array([0.0, 1.0]),), expected=2 / (1.5 + math.sqrt(1.25)))
    for x in (np.arange(20.0, 45.0, 5.0), rng.normal(1.0, 2.0, size=12)):
        yield Case(args=(x,), expected=_stable_rate(x))


# --- one_epoch --------------------------------------------------------------------------------


def _epoch(x, y, slope, intercept, rate, order, batch_size):
    """One epoch on the library's gradient, which has its own finite-difference tests."""
    for batch in np.split(order, range(batch_size, len(order), batch_size)):
        d_weights, d_bias = mse_gradient(
            x[batch][:, np.newaxis], y[batch], np.array([slope]), intercept
        )
        slope, intercept = slope - rate * d_weights[0], intercept - rate * d_bias
    return slope, intercept


@check("test_one_epoch", function="one_epoch", points=1)
def one_batch_is_one_step(rng):
    """One batch with all the examples makes one step of gradient descent."""
    one, two = np.array([0]), np.array([0, 1])
    yield Case(
        args=(np.array([1.0]), np.array([0.0]), 1.0, 0.0, 0.25, one, 1), expected=(0.5, -0.5)
    )
    yield Case(args=(np.array([2.0]), np.array([0.0]), 1.0, 0.0, 0.125, one, 1), expected=(0, -0.5))
    yield Case(
        args=(np.array([0.0, 2.0]), np.array([0.0, 0.0]), 1.0, 0.0, 0.25, two, 2),
        expected=(0.0, -0.5),
    )


@check("test_one_epoch", function="one_epoch", points=1)
def last_batch_may_be_smaller(rng):
    """The last, smaller batch is used, and averaged over its own size."""
    # With x = 0 and the rate 1/2 a step sets the intercept to the mean label of its batch.
    zeros, y = np.zeros(3), np.array([1.0, 1.0, 4.0])
    yield Case(args=(zeros, y, 0.0, 0.0, 0.5, np.arange(3), 2), expected=(0.0, 4.0))
    yield Case(args=(zeros, y, 0.0, 0.0, 0.25, np.arange(3), 2), expected=(0.0, 2.25))
    x, y, order = rng.normal(size=8), rng.normal(size=8), np.arange(8)
    args = (x, y, 0.5, -0.5, 0.1, order, 3)
    yield Case(args=args, expected=_epoch(*args))


@check("test_one_epoch", function="one_epoch", points=1)
def batches_follow_the_order(rng):
    """The batches follow the given order, each from where the one before arrived."""
    zeros, y = np.zeros(3), np.array([1.0, 2.0, 3.0])
    yield Case(args=(zeros, y, 0.0, 0.0, 0.5, np.array([1, 2, 0]), 1), expected=(0.0, 1.0))
    yield Case(args=(zeros, y, 0.0, 0.0, 0.25, np.array([2, 0, 1]), 1), expected=(0.0, 1.625))
    x, y, order = rng.normal(size=12), rng.normal(size=12), rng.permutation(12)
    args = (x, y, 0.5, -0.5, 0.1, order, 4)
    yield Case(args=args, expected=_epoch(*args))


# --- armijo_step ------------------------------------------------------------------------------

SQUARE = Source("lambda x: np.sum(x**2)")
VALLEY = Source("lambda x: 0.5 * np.sum(np.array([1.0, 10.0, 100.0]) * x**2)")


def _quadratic_step(curvatures, x, first, c1):
    """On a quadratic function the rule reads t <= 2 (1 - c1) g.g / g.Ag: count the halvings."""
    gradient = curvatures * x
    largest = 2 * (1 - c1) * np.sum(gradient**2) / np.sum(curvatures * gradient**2)
    return first / 2 ** max(0, math.ceil(math.log2(first / largest)))


@check("test_armijo_step", function="armijo_step", points=1)
def halved_until_it_decreases(rng):
    """The first step is taken when it is good, halved as often as needed when it is not."""
    for first, step in ((0.5, 0.5), (1.0, 0.5), (0.75, 0.75), (1.05, 0.525), (8.0, 0.5)):
        yield Case(args=(SQUARE, np.array([1.0]), np.array([2.0]), first, 0.2), expected=step)


@check("test_armijo_step", function="armijo_step", points=1)
def decrease_must_be_sufficient(rng):
    """The decrease asked for is c1, times the step, times the squared norm of the gradient."""
    yield Case(args=(SQUARE, np.array([1.0]), np.array([2.0]), 1.0, 0.9), expected=0.0625)
    yield Case(args=(SQUARE, np.array([1.0]), np.array([2.0]), 2.0, 0.5), expected=0.5)
    yield Case(args=(SQUARE, np.array([3.0]), np.array([6.0]), 1.5, 0.6), expected=0.375)
    yield Case(args=(SQUARE, np.array([0.1]), np.array([0.2]), 2.0, 0.15), expected=0.5)


@check("test_armijo_step", function="armijo_step", points=1)
def narrow_valleys_need_short_steps(rng):
    """In a narrow valley of three dimensions, the step is as short as the valley asks."""
    curvatures = np.array([1.0, 10.0, 100.0])
    for c1, scale in ((1e-4, 1.0), (0.003, 1.0), (0.3, 0.01), (0.7, 0.01)):
        x = scale * rng.normal(size=3)
        step = _quadratic_step(curvatures, x, 4.0, c1)
        yield Case(args=(VALLEY, x, curvatures * x, 4.0, c1), expected=step)
