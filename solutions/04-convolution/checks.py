"""Hidden checks of assignment 4. Expected values: by hand, np.correlate, finite differences."""

import numpy as np

from course_lib.grading.checks import Case, check


def signal(*channels):
    """A signal of floats, channel by channel."""
    return np.array(channels, dtype=float)


def kernel(*channels):
    """The kernels of a single filter."""
    return np.array([channels], dtype=float)


def convolved(x, kernels, bias):
    """A 1-D convolution by np.correlate, which does not flip its second argument."""
    return np.array(
        [
            sum(np.correlate(a, w, mode="valid") for a, w in zip(x, channels, strict=True)) + b
            for channels, b in zip(kernels, bias, strict=True)
        ]
    )


# --- conv1d_forward ---------------------------------------------------------------------------


@check("test_conv1d_forward", function="conv1d_forward", points=1)
def window_slides_along_a_channel(rng):
    """On one channel, one kernel of any width answers at each place, read from left to right."""
    zero = np.zeros(1)
    yield Case(args=(signal([1, 2]), kernel([1, 10]), zero), expected=signal([21]))
    yield Case(args=(signal([1, 0, 0, 2]), kernel([3, -1]), zero), expected=signal([3, 0, -2]))
    yield Case(
        args=(signal([0.2, 0.6, 0.9, 0.7]), kernel([0.5, 1, 0.5]), zero),
        expected=signal([1.15, 1.55]),
    )
    for length, width in ((3, 3), (10, 3), (9, 4)):
        x, w = rng.normal(size=(1, length)), rng.normal(size=(1, 1, width))
        yield Case(args=(x, w, zero), expected=convolved(x, w, zero))


@check("test_conv1d_forward", function="conv1d_forward", points=1)
def filters_have_a_bias_each(rng):
    """Where the signal is 0, each filter answers with its bias at each place."""
    for channels, length, width, bias in (
        (1, 2, 2, [5]),
        (2, 2, 1, [3]),
        (1, 3, 2, [1, -2]),
        (3, 6, 3, [0.5, 3, -1]),
    ):
        kernels, places = rng.normal(size=(len(bias), channels, width)), length - width + 1
        expected = [[b] * places for b in bias]
        args = (np.zeros((channels, length)), kernels, np.array(bias, dtype=float))
        yield Case(args=args, expected=expected)


@check("test_conv1d_forward", function="conv1d_forward", points=1)
def channels_add_up(rng):
    """The channels, each with its own weight, add up to one answer (windows of 1)."""
    zero = np.zeros(1)
    yield Case(args=(signal([2], [1]), kernel([1], [10]), zero), expected=signal([12]))
    x = signal([1, 2, 3], [10, 20, 30])
    yield Case(args=(x, kernel([1], [0]), zero), expected=signal([1, 2, 3]))
    yield Case(args=(x, kernel([0], [2]), zero), expected=signal([20, 40, 60]))
    x = signal([1, -1], [0, 2], [5, 1])
    yield Case(args=(x, kernel([1], [4], [-1]), zero), expected=signal([-4, 6]))


@check("test_conv1d_forward", function="conv1d_forward", points=1)
def filters_see_all_the_channels(rng):
    """Several filters on several channels give what np.correlate gives, one row per filter."""
    for filters, channels, length, width in ((2, 1, 3, 2), (2, 2, 4, 3), (4, 3, 9, 2)):
        x, kernels = (
            rng.normal(size=(channels, length)),
            rng.normal(size=(filters, channels, width)),
        )
        bias = rng.normal(size=filters)
        yield Case(args=(x, kernels, bias), expected=convolved(x, kernels, bias))


# --- conv1d_backward --------------------------------------------------------------------------


def slopes(loss, array):
    """Central differences; the losses here are linear in each array: only rounding is lost."""
    result = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        below, above = array.copy(), array.copy()
        below[index] -= 0.5
        above[index] += 0.5
        result[index] = loss(above) - loss(below)
    return result


def gradients(x, kernels, bias, dz):
    """The gradients of a loss whose gradient for z is dz."""
    return (
        slopes(lambda x: np.sum(dz * convolved(x, kernels, bias)), x),
        slopes(lambda kernels: np.sum(dz * convolved(x, kernels, bias)), kernels),
        slopes(lambda bias: np.sum(dz * convolved(x, kernels, bias)), bias),
    )


@check("test_conv1d_backward", function="conv1d_backward", points=1)
def bias_hears_every_place(rng):
    """Where signal and kernels are 0, the gradient for the bias is left: a sum over the places."""
    for channels, width, dz in (
        (1, 1, signal([3])),
        (1, 2, signal([1, 2])),
        (2, 3, signal([1, 2, 4], [0, -1, 0])),
        (2, 2, signal([1], [2], [-7])),
    ):
        x = np.zeros((channels, dz.shape[1] + width - 1))
        kernels = np.zeros((len(dz), channels, width))
        yield Case(args=(x, kernels, dz), expected=(x, kernels, [sum(row) for row in dz]))


@check("test_conv1d_backward", function="conv1d_backward", points=1)
def kernels_hear_blame_times_signal(rng):
    """Where the kernels are 0 and the blame adds up to 0, the gradient for the kernels is left."""
    for x, dz, dw in (
        (signal([1, 0, 0]), signal([1, -1]), kernel([1, 0])),
        (signal([0, 1, 3, 7]), signal([1, -2, 1]), kernel([1, 2])),
        (signal([1, 2, 4], [8, 0, 0]), signal([2, -2]), kernel([-2, -4], [16, 0])),
        (signal([1, 2, 4]), signal([1, -1], [0, 0], [-3, 3]), [[[-1, -2]], [[0, 0]], [[3, 6]]]),
    ):
        dw = np.array(dw, dtype=float)
        args = (x, np.zeros(dw.shape), dz)
        yield Case(args=args, expected=(np.zeros(x.shape), dw, np.zeros(len(dz))))


@check("test_conv1d_backward", function="conv1d_backward", points=1)
def signal_hears_the_kernel_as_it_is(rng):
    """Where the signal is 0 and the blame adds up to 0, each window hands back its kernel."""
    for weights, dz in (([1, 10], [1, -1]), ([1, 2, 3], [1, 0, -1]), ([4, 0, -1], [2, 1, -2, -1])):
        # Written with shifts: np.convolve(dz, weights) is the same.
        dx = np.zeros(len(weights) + len(dz) - 1)
        for place, blame in enumerate(dz):
            dx[place : place + len(weights)] += blame * np.array(weights)
        args = (np.zeros((1, len(dx))), kernel(weights), signal(dz))
        yield Case(args=args, expected=(dx[np.newaxis], np.zeros((1, 1, len(weights))), [0]))


@check("test_conv1d_backward", function="conv1d_backward", points=1)
def filters_share_the_channels(rng):
    """Each channel of the signal hears every filter, by its own weight (windows of 1)."""
    for weights, dz, dx in (
        ([[2, 5]], signal([1, -1]), signal([2, -2], [5, -5])),
        ([[2], [5]], signal([1, -1], [10, -10]), signal([52, -52])),
        ([[1, 2], [3, 4]], signal([1, -1], [0, 0]), signal([1, -1], [2, -2])),
        ([[1, 0, 2], [0, 1, 3]], signal([1, -1], [4, -4]), signal([1, -1], [4, -4], [14, -14])),
    ):
        kernels = np.array(weights, dtype=float)[:, :, np.newaxis]
        args = (np.zeros(dx.shape), kernels, dz)
        yield Case(args=args, expected=(dx, np.zeros(kernels.shape), np.zeros(len(dz))))


@check("test_conv1d_backward", function="conv1d_backward", points=1, rtol=1e-7)
def gradients_are_those_of_a_loss(rng):
    """All three gradients agree with finite differences of a loss."""
    for filters, channels, length, width in ((1, 1, 3, 2), (2, 1, 5, 3), (3, 2, 6, 3)):
        x, dz = rng.normal(size=(channels, length)), rng.normal(size=(filters, length - width + 1))
        kernels, bias = rng.normal(size=(filters, channels, width)), rng.normal(size=filters)
        yield Case(args=(x, kernels, dz), expected=gradients(x, kernels, bias, dz))


# --- max_pool_backward ------------------------------------------------------------------------


@check("test_max_pool_backward", function="max_pool_backward", points=1)
def winner_takes_it_all(rng):
    """In each window, the largest number gets the whole gradient and the others get 0."""
    yield Case(args=(signal([3, 1]), 2, signal([5])), expected=signal([5, 0]))
    yield Case(args=(signal([1, 3]), 2, signal([-5])), expected=signal([0, -5]))
    yield Case(
        args=(signal([1, 2, 4, 3, 9, 5]), 3, signal([7, 0.5])),
        expected=signal([0, 0, 7, 0, 0.5, 0]),
    )
    yield Case(
        args=(signal([2, 1, 1, 2, 5, 1]), 2, signal([1, 2, 3])),
        expected=signal([1, 0, 0, 2, 3, 0]),
    )


@check("test_max_pool_backward", function="max_pool_backward", points=1)
def first_of_equals_wins(rng):
    """When several numbers of a window are equally large, the first one gets the gradient."""
    yield Case(args=(signal([2, 2]), 2, signal([5])), expected=signal([5, 0]))
    yield Case(args=(signal([1, 2, 2]), 3, signal([4])), expected=signal([0, 4, 0]))
    yield Case(
        args=(signal([0, 0, 0, 3, 0, 3]), 3, signal([1, -2])),
        expected=signal([1, 0, 0, -2, 0, 0]),
    )


@check("test_max_pool_backward", function="max_pool_backward", points=1)
def negative_numbers_win_too(rng):
    """The largest number wins, which may be negative: the signs count."""
    yield Case(args=(signal([-3, -1]), 2, signal([5])), expected=signal([0, 5]))
    yield Case(args=(signal([-1, -3]), 2, signal([2])), expected=signal([2, 0]))
    yield Case(args=(signal([-2, 5, -9, 1]), 2, signal([3, 4])), expected=signal([0, 3, 0, 4]))
    yield Case(
        args=(signal([-4, -2, -3, -9, -1, -5]), 3, signal([1, 2])),
        expected=signal([0, 1, 0, 0, 2, 0]),
    )


@check("test_max_pool_backward", function="max_pool_backward", points=1)
def rest_of_each_channel_gets_nothing(rng):
    """Each channel has winners of its own, and what fills no window gets 0."""
    yield Case(args=(signal([1, 2, 9]), 2, signal([5])), expected=signal([0, 5, 0]))
    yield Case(
        args=(signal([1, 2, 9], [4, 3, 8]), 2, signal([5], [7])),
        expected=signal([0, 5, 0], [7, 0, 0]),
    )
    x, dy = np.abs(rng.normal(size=(3, 11))), rng.normal(size=(3, 3))
    expected = np.zeros(x.shape)
    for row, numbers, gradients in zip(expected, x.tolist(), dy, strict=True):
        for first, gradient in zip((0, 3, 6), gradients, strict=True):
            row[numbers.index(max(numbers[first : first + 3]))] = gradient
    yield Case(args=(x, 3, dy), expected=expected)


# --- conv2d_forward ---------------------------------------------------------------------------


def convolved2d(x, kernels, bias):
    """A 2-D convolution: 1-D ones of each row of the image with each row of the kernel."""
    height = x.shape[1] - kernels.shape[2] + 1
    return [
        [
            convolved(
                x[:, top : top + kernels.shape[2]].reshape(-1, x.shape[2]),
                weights.reshape(1, -1, weights.shape[2]),
                [b],
            )[0]
            for top in range(height)
        ]
        for weights, b in zip(kernels, bias, strict=True)
    ]


@check("test_conv2d_forward", function="conv2d_forward", points=1)
def window_slides_over_an_image(rng):
    """On one image, one kernel of any shape answers at each place, neither turned nor mirrored."""
    zero = np.zeros(1)
    yield Case(
        args=(signal([[1, 2], [3, 4]]), kernel([[1, 10], [100, 1000]]), zero),
        expected=[[[4321]]],
    )
    yield Case(
        args=(signal([[1, 2, 3], [4, 5, 6]]), kernel([[1, -1]]), zero),
        expected=[[[-1, -1], [-1, -1]]],
    )
    edge = signal([[0, 0, 1, 1]] * 4)
    sobel = kernel([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    yield Case(args=(edge, sobel, zero), expected=[[[4, 4], [4, 4]]])
    yield Case(args=(1 - edge, sobel, zero), expected=[[[-4, -4], [-4, -4]]])
    x, w = rng.normal(size=(1, 5, 7)), rng.normal(size=(1, 1, 3, 2))
    yield Case(args=(x, w, zero), expected=convolved2d(x, w, zero))


@check("test_conv2d_forward", function="conv2d_forward", points=1)
def feature_maps_have_a_bias_each(rng):
    """Where the image is black, each filter answers with its bias at each place."""
    for channels, height, width, p, q, bias in (
        (1, 2, 2, 2, 2, [5]),
        (2, 1, 1, 1, 1, [3]),
        (1, 3, 2, 2, 1, [1, -2]),
        (3, 4, 6, 3, 2, [0.5, 3, -1]),
    ):
        places = np.ones((height - p + 1, width - q + 1))
        args = (
            np.zeros((channels, height, width)),
            rng.normal(size=(len(bias), channels, p, q)),
            np.array(bias, dtype=float),
        )
        yield Case(args=args, expected=[b * places for b in bias])


@check("test_conv2d_forward", function="conv2d_forward", points=1)
def colours_add_up_in_each_filter(rng):
    """Each filter adds up what it sees in all the channels, such as red, green and blue."""
    x, zero = signal([[1, 2]], [[10, 20]], [[100, 200]]), np.zeros(1)
    yield Case(args=(x, kernel([[1]], [[1]], [[1]]), zero), expected=[[[111, 222]]])
    yield Case(args=(x, kernel([[0]], [[3]], [[-1]]), zero), expected=[[[-70, -140]]])
    weights = np.array([[1, 0, 0], [0, 1, 0]], dtype=float)[:, :, np.newaxis, np.newaxis]
    yield Case(args=(x, weights, np.zeros(2)), expected=[[[1, 2]], [[10, 20]]])
    yield Case(args=(x, weights, np.array([1.0, -1.0])), expected=[[[2, 3]], [[9, 19]]])
    x, weights = rng.normal(size=(3, 4, 5)), rng.normal(size=(2, 3, 2, 2))
    yield Case(args=(x, weights, np.ones(2)), expected=convolved2d(x, weights, np.ones(2)))
