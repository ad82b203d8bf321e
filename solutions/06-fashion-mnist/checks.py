"""Hidden checks of assignment 6: a model is judged by what it does, whichever way it was built.

A driver's text runs in the student's process, where the model is; what is expected stays here.
"""

import math
from collections import Counter

import numpy as np

from course_lib.grading.checks import Case, check

# --- hold_out ---------------------------------------------------------------------------------


def numbered(n):
    """Images whose brightness is their number, with labels that follow from it."""
    numbers = np.arange(n)
    return np.ones((n, 28, 28)) * numbers[:, np.newaxis, np.newaxis], 3 * numbers + 1


def shapes(hold_out, X, y, n_validation, seed):
    """The shapes of the four arrays."""
    import numpy as np

    return [np.shape(part) for part in hold_out(X, y, n_validation, seed)]


@check("test_hold_out", function="hold_out", points=1, through=shapes)
def sizes_of_the_two_sets(rng):
    """The validation set has n_validation images, the training set all the others."""
    for n, n_validation in ((2, 1), (10, 3), (30, 25)):
        X, y = numbered(n)
        left = n - n_validation
        expected = [(left, 28, 28), (left,), (n_validation, 28, 28), (n_validation,)]
        yield Case(args=(X, y, n_validation, 0), expected=expected)


def all_the_images(hold_out, X, y, n_validation, seed):
    """The images of both sets together, each by its number, in order."""
    import numpy as np

    parts = hold_out(X, y, n_validation, seed)
    images = [part for part in parts if np.ndim(part) == 3]
    return sorted(float(image[0, 0]) for part in images for image in part)


@check("test_hold_out", function="hold_out", points=1, through=all_the_images)
def each_image_in_one_set(rng):
    """Each image is in one of the two sets, and in one only."""
    for n, n_validation, seed in ((2, 1, 0), (10, 3, 1), (30, 10, 2)):
        yield Case(args=(*numbered(n), n_validation, seed), expected=list(range(n)))


def labels_of_the_images(hold_out, X, y, n_validation, seed):
    """The labels of the images in the order of the images' numbers, each image once."""
    import numpy as np

    parts = hold_out(X, y, n_validation, seed)
    images = [float(image[0, 0]) for part in parts if np.ndim(part) == 3 for image in part]
    labels = [int(label) for part in parts if np.ndim(part) == 1 for label in part]
    label_of = dict(zip(images, labels, strict=False))  # other lengths are another check's matter
    return [label_of[image] for image in sorted(label_of)]


@check("test_hold_out", function="hold_out", points=1, through=labels_of_the_images)
def images_keep_their_labels(rng):
    """Each image keeps its label."""
    for n, n_validation, seed in ((4, 1, 3), (12, 4, 4), (30, 10, 5)):
        X, y = numbered(n)
        yield Case(args=(X, y, n_validation, seed), expected=y)


def choices_differ(hold_out, X, y, n_validation, seeds):
    """Whether each choice of validation images differs from the first one."""
    choices = [sorted(hold_out(X, y, n_validation, seed)[3].tolist()) for seed in seeds]
    return [choice != choices[0] for choice in choices[1:]]


@check("test_hold_out", function="hold_out", points=1, through=choices_differ)
def seed_decides(rng):
    """The same seed gives the same choice, another seed another one."""
    X, y = numbered(100)  # two random choices of 50 out of 100 are never the same
    yield Case(args=(X, y, 50, [0, 0]), expected=[False])
    yield Case(args=(X, y, 50, [0, 1]), expected=[True])
    yield Case(args=(X, y, 50, [7, 8, 7, 9]), expected=[True, False, True])


# --- build_with_dropout -----------------------------------------------------------------------

# One probability for each class, all of them different.
SHARES = np.arange(1, 20, 2) / 100


def shape_sums_and_parameters(build_with_dropout, rate, n_images):
    """The shape of the output, the sums of its rows, and the number of parameters."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(5)
    model = build_with_dropout(rate)
    images = np.random.default_rng(0).uniform(0, 3, (n_images, 28, 28)).astype("float32")
    output = np.asarray(model(images, training=False), dtype=float)
    parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return output.shape, np.round(np.sum(np.abs(output), axis=-1), 4), parameters


@check(
    "test_build_with_dropout",
    function="build_with_dropout",
    points=1,
    through=shape_sums_and_parameters,
)
def network_of_64_neurons(rng):
    """10 probabilities come out, and there are as many parameters as with 64 hidden neurons."""
    parameters = 64 * 785 + 10 * 65
    yield Case(args=(0.5, 1), expected=((1, 10), [1], parameters))
    yield Case(args=(0.2, 3), expected=((3, 10), [1, 1, 1], parameters))


def output_varies(build_with_dropout, rate, training):
    """Whether the output for one and the same image varies, 20 times."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(5)
    model = build_with_dropout(rate)
    images = np.ones((20, 28, 28), dtype="float32")
    return bool(np.ptp(np.asarray(model(images, training=training)), axis=0).max() > 1e-6)


@check("test_build_with_dropout", function="build_with_dropout", points=1, through=output_varies)
def dropout_in_training_only(rng):
    """The same image gives varying outputs while the model is trained, and one when it is used."""
    yield Case(args=(0.5, True), expected=True)
    yield Case(args=(0.5, False), expected=False)
    yield Case(args=(0.0, True), expected=False)
    yield Case(args=(0.2, False), expected=False)


def heard_neuron(build_with_dropout, rate):
    """What reaches the output of a hidden neuron whose value is 1, in the images that hear it."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(5)
    model = build_with_dropout(rate)
    images = np.zeros((100, 28, 28), dtype="float32")
    images[:, 0, 0] = 1
    model(images)
    weights = {tuple(weight.shape): weight for weight in model.trainable_weights}
    for weight in weights.values():
        weight.assign(np.zeros(weight.shape))
    weights[(784, 64)].assign(np.eye(784, 64) / 2)  # half of the 1 is the pixel, half the bias
    weights[(64,)].assign(np.ones(64) / 2)
    weights[(64, 10)].assign(np.eye(64, 10) * np.eye(10)[0])  # class 0 listens to one neuron
    output = np.asarray(model(images, training=True), dtype=float)
    logits = np.log(output[:, 0] / output[:, 1])  # the other classes have the logit 0
    return [float(value) for value in np.unique(np.round(logits, 3))]


@check(
    "test_build_with_dropout",
    function="build_with_dropout",
    points=1,
    through=heard_neuron,
    rtol=1e-2,
    atol=1e-2,
)
def neurons_silenced_or_scaled(rng):
    """In training a hidden neuron is silent, or heard with its value divided by 1 - rate."""
    for rate in (0.5, 0.2, 0.75):
        yield Case(args=(rate,), expected=[0, 1 / (1 - rate)])


def loss_of_labels(build_with_dropout, labels, probabilities):
    """The loss that the model was compiled with, when it gives these probabilities to any image."""
    import numpy as np

    model = build_with_dropout(0.3)
    images = np.zeros((len(labels), 28, 28), dtype="float32")
    model(images)
    for weight in model.trainable_weights:
        is_last_bias = tuple(weight.shape) == (len(probabilities),)
        weight.assign(np.log(probabilities) if is_last_bias else np.zeros(weight.shape))
    model.run_eagerly = True  # nothing to compile for so few images
    return float(model.test_on_batch(images, np.array(labels), return_dict=True)["loss"])


@check(
    "test_build_with_dropout",
    function="build_with_dropout",
    points=1,
    rtol=1e-4,
    through=loss_of_labels,
)
def compiled_for_whole_labels(rng):
    """The loss is the cross-entropy of labels from 0 to 9 that are whole numbers."""
    for labels in ([0], [9], [0, 0, 5]):
        expected = -math.fsum(math.log(SHARES[label]) for label in labels) / len(labels)
        yield Case(args=(labels, SHARES), expected=expected)


# --- train_with_early_stopping ----------------------------------------------------------------

CELL = "test_train_with_early_stopping"

# All the images are black, so that only the ten biases of a softmax learn, one step an epoch: what
# happens can be computed here, without Keras and without chance.


def validation_losses_on_paper(biases, y, y_val, max_epochs):
    """The validation losses of max_epochs steps of gradient descent at the rate 0.5."""
    biases, losses, one_hot = np.array(biases), [], np.eye(10)
    for _ in range(max_epochs):
        shares = np.exp(biases) / np.sum(np.exp(biases))
        biases = biases - 0.5 * (shares - np.mean(one_hot[y], axis=0))
        shares = np.exp(biases) / np.sum(np.exp(biases))
        losses.append(float(-np.mean(np.log(shares[y_val]))))
    return losses


def stopped(losses, patience):
    """The best epoch, and the losses until the patience is at its end."""
    for epoch in range(1, len(losses) + 1):
        best = int(np.argmin(losses[:epoch])) + 1
        if epoch - best >= patience:
            break
    return best, losses[:epoch]


# Biases of the start, training labels, validation labels, patience, max_epochs; best in the
# epochs 2, 1 and 3.
FALLING = ([0.0] * 10, [0] * 8, [0, 0], 2, 2)
RISING = ([0.0] * 10, [0] * 8, [1, 1], 2, 5)
TURNING = ([0.0] * 10, [0] * 8, [0, 1, 2], 1, 6)


def number_of_losses(train_with_early_stopping, biases, y, y_val, patience, max_epochs):
    """How many validation losses come back."""
    import keras
    import numpy as np

    start = keras.initializers.Constant(biases)
    output = keras.layers.Dense(10, "softmax", kernel_initializer="zeros", bias_initializer=start)
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), output])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.5), loss, run_eagerly=True)
    X, X_val = (np.zeros((len(labels), 28, 28), dtype="float32") for labels in (y, y_val))
    labels, labels_val = np.array(y), np.array(y_val)
    result = train_with_early_stopping(model, X, labels, X_val, labels_val, patience, max_epochs)
    return np.size(result[1])


@check(
    CELL,
    function="train_with_early_stopping",
    points=1,
    through=number_of_losses,
)
def training_stops_in_time(rng):
    """The training ends after `patience` epochs without a better one, or after max_epochs."""
    for case in (RISING, FALLING):
        biases, y, y_val, patience, max_epochs = case
        losses = validation_losses_on_paper(biases, y, y_val, max_epochs)
        yield Case(args=case, expected=len(stopped(losses, patience)[1]))


def best_epoch_and_losses(train_with_early_stopping, biases, y, y_val, patience, max_epochs):
    """The best epoch, and the validation losses until then."""
    import keras
    import numpy as np

    start = keras.initializers.Constant(biases)
    output = keras.layers.Dense(10, "softmax", kernel_initializer="zeros", bias_initializer=start)
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), output])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.5), loss, run_eagerly=True)
    X, X_val = (np.zeros((len(labels), 28, 28), dtype="float32") for labels in (y, y_val))
    labels, labels_val = np.array(y), np.array(y_val)
    result = train_with_early_stopping(model, X, labels, X_val, labels_val, patience, max_epochs)
    if np.ndim(result[0]):
        return result
    return int(result[0]), [float(loss) for loss in result[1][: int(result[0])]]


@check(
    CELL,
    function="train_with_early_stopping",
    points=1,
    rtol=1e-3,
    through=best_epoch_and_losses,
)
def best_epoch_is_found(rng):
    """The best epoch has the lowest validation loss; epochs are counted from 1."""
    for case in (RISING, TURNING):
        biases, y, y_val, patience, max_epochs = case
        losses = validation_losses_on_paper(biases, y, y_val, max_epochs)
        best, _ = stopped(losses, patience)
        yield Case(args=case, expected=(best, losses[:best]))


def loss_of_the_model_left(train_with_early_stopping, biases, y, y_val, patience, max_epochs):
    """The validation loss of the model that is left, whatever the function returns."""
    import keras
    import numpy as np

    start = keras.initializers.Constant(biases)
    output = keras.layers.Dense(10, "softmax", kernel_initializer="zeros", bias_initializer=start)
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), output])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.5), loss, run_eagerly=True)
    X, X_val = (np.zeros((len(labels), 28, 28), dtype="float32") for labels in (y, y_val))
    labels, labels_val = np.array(y), np.array(y_val)
    train_with_early_stopping(model, X, labels, X_val, labels_val, patience, max_epochs)
    return float(-np.mean(np.log(np.asarray(model(X_val))[np.arange(len(y_val)), y_val])))


@check(
    CELL,
    function="train_with_early_stopping",
    points=2,
    rtol=1e-3,
    through=loss_of_the_model_left,
)
def best_weights_are_left(rng):
    """The model that is left has the weights of the best epoch, also when max_epochs ends it."""
    short = (*TURNING[:3], 2, 4)  # best in the 3rd epoch: the patience is not at its end yet
    for case in (RISING, short):
        biases, y, y_val, patience, max_epochs = case
        losses = validation_losses_on_paper(biases, y, y_val, max_epochs)
        yield Case(args=case, expected=min(stopped(losses, patience)[1]))


# --- most_confused ----------------------------------------------------------------------------


def by_counting(y_true, y_pred):
    """The most frequent pair of different classes, the smallest one of equals."""
    counts = Counter((t, p) for t, p in zip(y_true, y_pred, strict=True) if t != p)
    most = max(counts.values())
    return min(pair for pair, count in counts.items() if count == most)


def answers(pairs):
    """The two arrays of a list of pairs (true, predicted)."""
    y_true, y_pred = zip(*pairs, strict=True)
    return np.array(y_true), np.array(y_pred)


@check("test_most_confused", function="most_confused", points=1)
def most_frequent_error(rng):
    """The most frequent error is found: the true class first, then what it is taken for."""
    yield Case(args=answers([(1, 2)]), expected=(1, 2))
    yield Case(args=answers([(4, 2), (2, 4), (4, 2)]), expected=(4, 2))
    yield Case(args=answers([(0, 9), (5, 6), (5, 6), (5, 6)]), expected=(5, 6))
    yield Case(
        args=answers([(7, 9), (9, 7), (9, 7), (7, 9), (8, 3), (8, 3), (8, 3)]), expected=(8, 3)
    )


@check("test_most_confused", function="most_confused", points=1)
def right_answers_do_not_count(rng):
    """Among many right answers, the errors alone count."""
    yield Case(args=answers([(0, 0), (0, 0), (5, 3)]), expected=(5, 3))
    yield Case(args=answers([(6, 6)] * 9 + [(6, 0)] * 3 + [(9, 7)] * 2), expected=(6, 0))
    y_true = rng.integers(0, 10, 300)
    y_pred = np.where(rng.uniform(size=300) < 0.6, y_true, rng.integers(0, 10, 300))
    y_true, y_pred = np.append(y_true, [2] * 20), np.append(y_pred, [4] * 20)
    yield Case(args=(y_true, y_pred), expected=by_counting(y_true.tolist(), y_pred.tolist()))


@check("test_most_confused", function="most_confused", points=0.5, needs=("most_frequent_error",))
def smallest_of_equals(rng):
    """Of equally frequent errors, the one with the smallest true class counts, then predicted."""
    yield Case(args=answers([(2, 1), (1, 2)]), expected=(1, 2))
    yield Case(args=answers([(3, 9), (3, 4)]), expected=(3, 4))
    yield Case(args=answers([(8, 0), (5, 7), (8, 0), (5, 7)]), expected=(5, 7))


@check("test_most_confused", function="most_confused", points=0.5, needs=("most_frequent_error",))
def nothing_confused(rng):
    """Without an error, the answer is None."""
    yield Case(args=answers([(3, 3)]), expected=None)
    yield Case(args=answers([(0, 0), (1, 1), (1, 1)]), expected=None)
