"""Hidden checks of assignment 3: expected values by hand, by loops, by finite differences."""

import math
from itertools import pairwise

import numpy as np

from course_lib.grading.checks import Case, check
from course_lib.losses import softmax_cross_entropy


def slopes(f, array, h=1e-5):
    """Central differences of `f()` for each element of `array`, which `f` reads."""
    result = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        middle = array[index]
        array[index] = middle + h
        above = f()
        array[index] = middle - h
        result[index] = (above - f()) / (2 * h)
        array[index] = middle
    return result


def dense(x, weights, bias):
    """A layer with loops: sums over the inputs, one neuron and one example at a time."""
    neurons = list(zip(weights, bias, strict=True))
    return np.array(
        [
            [b + sum(w * a for w, a in zip(row, example, strict=True)) for row, b in neurons]
            for example in x
        ]
    )


def array(*rows):
    """A matrix of floats, row by row."""
    return np.array(rows, dtype=float)


# --- dense_forward ----------------------------------------------------------------------------


@check("test_dense_forward", function="dense_forward", points=1)
def neurons_weigh_their_inputs(rng):
    """Each neuron weighs the inputs of one example with its own row of weights."""
    yield Case(args=(array([2]), array([-3]), np.zeros(1)), expected=array([-6]))
    yield Case(args=(array([1, 0]), array([1, 2], [3, 4]), np.zeros(2)), expected=array([1, 3]))
    yield Case(args=(array([1, 2, 3]), array([1, 0, -1]), np.zeros(1)), expected=array([-2]))
    yield Case(
        args=(array([2, 1]), array([1, 1], [0, 1], [-1, 5]), np.zeros(3)),
        expected=array([3, 1, 3]),
    )


@check("test_dense_forward", function="dense_forward", points=1)
def neurons_have_a_bias_each(rng):
    """Where the inputs are 0, the bias of each neuron is left."""
    yield Case(args=(array([0]), array([7]), np.array([5.0])), expected=array([5]))
    yield Case(args=(array([0]), array([7], [8]), np.array([1.0, -2.0])), expected=array([1, -2]))
    yield Case(
        args=(array([0, 0], [0, 0], [0, 0]), array([1, 2], [3, 4]), np.array([0.5, 3.0])),
        expected=array([0.5, 3], [0.5, 3], [0.5, 3]),
    )


@check("test_dense_forward", function="dense_forward", points=1)
def each_example_keeps_its_row(rng):
    """In a batch, each row of the result belongs to the example of the same row."""
    x, weights = array([1, 0], [0, 1]), array([1, 2], [4, 8])
    yield Case(args=(x, weights, np.zeros(2)), expected=array([1, 4], [2, 8]))
    for n, n_in, n_out in ((2, 3, 1), (3, 3, 3), (5, 2, 4)):
        x, weights = rng.normal(size=(n, n_in)), rng.normal(size=(n_out, n_in))
        bias = rng.normal(size=n_out)
        yield Case(args=(x, weights, bias), expected=dense(x, weights, bias))


# --- dense_backward ---------------------------------------------------------------------------


@check("test_dense_backward", function="dense_backward", points=1)
def bias_hears_every_example(rng):
    """Where inputs and weights are 0, only the gradient for the bias is left: a sum."""
    for dz in (array([3]), array([1, -2]), array([1, -2], [3, 1]), array([1], [2], [4])):
        x, weights = np.zeros((len(dz), 2)), np.zeros((dz.shape[1], 2))
        db = [sum(column) for column in zip(*dz, strict=True)]
        yield Case(args=(x, weights, dz), expected=(x, weights, db))


@check("test_dense_backward", function="dense_backward", points=1)
def weights_hear_blame_times_input(rng):
    """Where the weights are 0 and the blame adds up to 0, the gradient for the weights is left."""
    for x, dz, dw in (
        (array([1], [0]), array([1], [-1]), array([1])),
        (array([2, 5], [0, 1]), array([1, 3], [-1, -3]), array([2, 4], [6, 12])),
        (array([1, 0, 2], [0, 1, 0]), array([4], [-4]), array([4, -4, 8])),
        (array([1], [1], [3]), array([1, 2], [1, 0], [-2, -2]), array([-4], [-4])),
    ):
        weights = np.zeros((dz.shape[1], x.shape[1]))
        yield Case(args=(x, weights, dz), expected=(np.zeros(x.shape), dw, np.zeros(len(weights))))


@check("test_dense_backward", function="dense_backward", points=1)
def inputs_hear_blame_times_weight(rng):
    """Where the inputs are 0 and the blame adds up to 0, the gradient for the inputs is left."""
    for weights, dz, dx in (
        (array([3]), array([1], [-1]), array([3], [-3])),
        (array([1, 2], [10, 20]), array([1, 0], [-1, 0]), array([1, 2], [-1, -2])),
        (array([1, 2, 3]), array([2], [-2]), array([2, 4, 6], [-2, -4, -6])),
        (array([1], [5]), array([1, 1], [0, -1], [-1, 0]), array([6], [-5], [-1])),
    ):
        args = (np.zeros((len(dz), weights.shape[1])), weights, dz)
        yield Case(args=args, expected=(dx, np.zeros(weights.shape), np.zeros(len(weights))))


@check("test_dense_backward", function="dense_backward", points=1, rtol=1e-7)
def gradients_are_those_of_a_loss(rng):
    """All three gradients agree with finite differences of a loss."""
    for n, n_in, n_out in ((1, 2, 2), (2, 2, 3), (4, 3, 2)):
        x, weights = rng.normal(size=(n, n_in)), rng.normal(size=(n_out, n_in))
        bias, dz = rng.normal(size=n_out), rng.normal(size=(n, n_out))

        def loss(x=x, weights=weights, bias=bias, dz=dz):
            return np.sum(dz * dense(x, weights, bias))

        # The loss is linear in each array: a large h has no error but rounding.
        expected = tuple(slopes(loss, part, h=0.5) for part in (x, weights, bias))
        yield Case(args=(x, weights, dz), expected=expected)


# --- cross_entropy ----------------------------------------------------------------------------


# A logarithm of p + 1e-8 costs the point of the huge logits, and no other.
@check("test_cross_entropy", function="cross_entropy", points=1, rtol=1e-6)
def one_example_is_blamed_by_its_surprise(rng):
    """For one example the loss is minus the logarithm of the true class's probability."""
    for shares, label in (((1, 1), 0), ((3, 1), 0), ((3, 1), 1), ((1, 2, 5), 1), ((4, 3, 2, 1), 3)):
        z, y = np.log(array(shares)), np.eye(len(shares))[[label]]
        probabilities = array(shares) / sum(shares)
        expected = (math.log(sum(shares) / shares[label]), probabilities - y)
        yield Case(args=(z, y), expected=expected)


@check("test_cross_entropy", function="cross_entropy", points=1, rtol=1e-6)
def batch_is_a_mean_of_examples(rng):
    """In a batch each row has a softmax of its own, and the loss is the mean over the rows."""
    for n, classes in ((2, 2), (3, 2), (5, 4)):
        y = np.eye(classes)[rng.integers(classes, size=n)]
        delta = (1 / classes - y) / n
        yield Case(args=(np.zeros((n, classes)), y), expected=(math.log(classes), delta))
    for n, classes in ((3, 2), (6, 4)):
        z, labels = rng.normal(size=(n, classes)), rng.integers(classes, size=n)
        yield Case(args=(z, np.eye(classes)[labels]), expected=softmax_cross_entropy(z, labels))
    # Two rows far from each other: log 4 and log 4/3 on the true classes.
    z = math.log(3) * array([0, 1], [1, 0]) + array([600], [-600])
    delta = array([-0.375, 0.375], [-0.125, 0.125])
    yield Case(args=(z, array([1, 0], [1, 0])), expected=(math.log(4) - 0.5 * math.log(3), delta))


@check("test_cross_entropy", function="cross_entropy", points=1)
def huge_logits_are_harmless(rng):
    """Logits of 1000 and more give finite numbers: the loss of a sure mistake is their distance."""
    for z, y, loss, delta in (
        ([1000, 0], [1, 0], 0, [0, 0]),
        ([1000, 0], [0, 1], 1000, [1, -1]),
        ([-1000, -1000], [1, 0], math.log(2), [-0.5, 0.5]),
        ([0, 2000, -5000], [0, 0, 1], 7000, [0, 1, -1]),
    ):
        yield Case(args=(array(z), array(y)), expected=(loss, array(delta)))


# --- hidden_delta -----------------------------------------------------------------------------


@check("test_hidden_delta", function="hidden_delta", points=1)
def silent_neurons_get_no_blame(rng):
    """A neuron whose pre-activation is 0 or less gets no blame, the others all of it."""
    one, three = np.eye(1), np.eye(3)
    yield Case(args=(array([4]), one, array([2])), expected=array([4]))
    yield Case(args=(array([4]), one, array([-2])), expected=array([0]))
    yield Case(args=(array([4]), one, array([0])), expected=array([0]))
    yield Case(args=(array([-3]), one, array([0.5])), expected=array([-3]))
    yield Case(args=(array([1, -2, 3]), three, array([3, 4, -5])), expected=array([1, -2, 0]))


@check("test_hidden_delta", function="hidden_delta", points=1)
def blame_goes_back_through_the_weights(rng):
    """Where every neuron is awake, the blame takes the weights that the signal took."""
    yield Case(args=(array([2]), array([-3]), array([1])), expected=array([-6]))
    yield Case(args=(array([1, 0]), array([1, 2], [3, 4]), array([1, 1])), expected=array([1, 2]))
    yield Case(
        args=(array([1, 2]), array([1, 0, -1], [2, 1, 5]), array([1, 3, 1])),
        expected=array([5, 2, 9]),
    )
    yield Case(args=(array([1, 1, 1]), array([1], [2], [4]), array([7])), expected=array([7]))


@check("test_hidden_delta", function="hidden_delta", points=1, rtol=1e-7)
def blame_is_the_slope_of_the_loss(rng):
    """In a batch, the result agrees with finite differences of a loss."""
    for n, n_hidden, n_out in ((2, 2, 1), (3, 3, 3), (5, 4, 2)):
        z, weights = rng.normal(size=(n, n_hidden)), rng.normal(size=(n_out, n_hidden))
        delta = rng.normal(size=(n, n_out))

        def loss(z=z, weights=weights, delta=delta):
            awake = np.where(z > 0, z, 0.0)
            return np.sum(delta * dense(awake, weights, np.zeros(len(weights))))

        yield Case(args=(delta, weights, z), expected=slopes(loss, z))


# --- train_step -------------------------------------------------------------------------------


def mean_loss(x, y, weights, biases):
    """The loss of a network, example by example, with columns as on paper."""
    total = 0.0
    for a, label in zip(x, y, strict=True):
        for number, (w, b) in enumerate(zip(weights, biases, strict=True), 1):
            z = w @ a + b
            a = np.where(z > 0, z, 0.0) if number < len(weights) else z
        total += math.log(np.sum(np.exp(a))) - label @ a
    return total / len(x)


def stepped(x, y, weights, biases, rate):
    """One step of gradient descent by finite differences, all parameters at their old values."""
    weights, biases = [w.copy() for w in weights], [b.copy() for b in biases]

    def loss():
        return mean_loss(x, y, weights, biases)

    gradients = [[slopes(loss, part) for part in parts] for parts in (weights, biases)]
    return tuple(
        [part - rate * slope for part, slope in zip(parts, found, strict=True)]
        for parts, found in zip((weights, biases), gradients, strict=True)
    )


def network(rng, *sizes):
    """Random weights and biases of a network; the biases keep some neurons awake."""
    weights = [rng.normal(size=(n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    return weights, [rng.normal(0.5, 0.5, size=len(w)) for w in weights]


@check("test_train_step", function="train_step", points=1, rtol=1e-7)
def single_layer_learns(rng):
    """A network of one layer takes a step against the mean gradient of its batch."""
    zero = ([np.zeros((2, 1))], [np.zeros(2)])
    for x, y, rate in (
        (array([1], [3]), array([1, 0], [1, 0]), 0.5),
        (array([1], [-1]), array([1, 0], [0, 1]), 0.25),
    ):
        half = rate * (y - 0.5) / len(x)  # both classes are equally likely
        expected = ([half.T @ x], [half.sum(axis=0)])
        yield Case(args=(x, y, *zero, rate), expected=expected)
    for n, n_in, classes in ((2, 2, 2), (4, 3, 3)):
        x, y = rng.normal(size=(n, n_in)), np.eye(classes)[rng.integers(classes, size=n)]
        args = (x, y, *network(rng, n_in, classes), 0.3)
        yield Case(args=args, expected=stepped(*args))


@check("test_train_step", function="train_step", points=1, rtol=1e-7)
def every_layer_learns(rng):
    """In a network with hidden layers, one example moves every layer, by the old weights."""
    x, y = array([1, 2]), array([0, 1])
    args = (x, y, *network(rng, 2, 2, 2), 0.1)
    yield Case(args=args, expected=stepped(*args))
    # The network 3-4-3-2 of the chapter: all the weights are drawn first, then the biases.
    source = np.random.RandomState(42)
    weights = [0.5 * source.standard_normal(shape) for shape in ((4, 3), (3, 4), (2, 3))]
    biases = [0.1 * source.standard_normal(size) for size in (4, 3, 2)]
    for x, y in ((array([1, 4, 5]), array([1, 0])), (array([4, -1, -2]), array([0, 1]))):
        args = (x, y, weights, biases, 0.1)
        yield Case(args=args, expected=stepped(*args))
    args = (array([1, -1, 0.5]), array([0, 0, 1]), *network(rng, 3, 3, 3, 3), 0.2)
    yield Case(args=args, expected=stepped(*args))


@check("test_train_step", function="train_step", points=1, rtol=1e-7)
def batches_teach_networks_of_any_depth(rng):
    """A batch moves a network of any depth by the gradient of its mean loss."""
    for n, sizes in ((2, (2, 2, 2)), (3, (3, 4, 4, 2)), (4, (2, 3, 4, 3, 3))):
        classes = sizes[-1]
        x, y = rng.normal(size=(n, sizes[0])), np.eye(classes)[rng.integers(classes, size=n)]
        args = (x, y, *network(rng, *sizes), 0.1)
        yield Case(args=args, expected=stepped(*args))
