"""Hidden checks of assignment 5: a model is judged by what it does, whichever way it was built.

A driver's text runs in the student's process, where the model is; what is expected stays here.
"""

import math

import numpy as np

from course_lib.grading.checks import Case, Satisfies, check

# --- prepare ----------------------------------------------------------------------------------


def pictures(*rows):
    """One black image for each row of numbers, which stand in its upper left corner."""
    result = np.zeros((len(rows), 28, 28), dtype=np.uint8)
    for picture, row in zip(result, rows, strict=True):
        picture[0, : len(row)] = row
    return result


@check("test_prepare", function="prepare", points=1, rtol=1e-6)
def white_is_one(rng):
    """Black becomes 0 and white becomes 1, whatever lies between in proportion."""
    for rows in ([[255]], [[255, 51]], [[255, 0, 127], [1, 2, 255]]):
        yield Case(args=(pictures(*rows),), expected=pictures(*rows) / 255)
    noise = rng.integers(0, 256, (5, 28, 28)).astype(np.uint8)
    noise[:, 0, :2] = [0, 255]
    yield Case(args=(noise,), expected=noise / 255)


@check("test_prepare", function="prepare", points=1, rtol=1e-6)
def dark_images_stay_dark(rng):
    """An image without a white pixel keeps its brightness: 255 is the scale, not the maximum."""
    for rows in ([[51]], [[102, 51]], [[51], [25]]):
        yield Case(args=(pictures(*rows),), expected=pictures(*rows) / 255)


def type_and_shape(prepare, images):
    """The type and the shape of the prepared images."""
    import numpy as np

    result = np.asarray(prepare(images))
    return str(result.dtype), result.shape


@check("test_prepare", function="prepare", points=1, through=type_and_shape)
def float32_in_the_same_shape(rng):
    """The result has the type float32, and the shape of the images."""
    for n in (1, 2, 5):
        images = rng.integers(0, 256, (n, 28, 28)).astype(np.uint8)
        yield Case(args=(images,), expected=("float32", (n, 28, 28)))


# --- build_mlp --------------------------------------------------------------------------------


def shape_and_sums(build_mlp, n_hidden, n_images):
    """The shape of the output, and the sums of its rows, for bright images and strong weights."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(5)
    model = build_mlp(n_hidden)
    images = np.random.default_rng(0).uniform(0, 3, (n_images, 28, 28)).astype("float32")
    output = np.asarray(model(images, training=False), dtype=float)
    return output.shape, np.round(np.sum(np.abs(output), axis=-1), 4)


@check("test_build_mlp", function="build_mlp", points=1, through=shape_and_sums)
def ten_probabilities(rng):
    """The output for an image is 10 probabilities: none is negative, and they add up to 1."""
    yield Case(args=(16, 1), expected=((1, 10), [1]))
    yield Case(args=(16, 3), expected=((3, 10), [1, 1, 1]))
    yield Case(args=(5, 2), expected=((2, 10), [1, 1]))


def number_of_parameters(build_mlp, n_hidden):
    """The number of weights and biases that training changes."""
    import numpy as np

    model = build_mlp(n_hidden)
    model(np.zeros((1, 28, 28), dtype="float32"))
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@check("test_build_mlp", function="build_mlp", points=1, through=number_of_parameters)
def parameters_of_one_hidden_layer(rng):
    """One hidden layer of n_hidden neurons has as many parameters as on paper."""
    for n_hidden in (1, 16, 128):
        yield Case(args=(n_hidden,), expected=(784 + 1) * n_hidden + (n_hidden + 1) * 10)


def output_follows_a_neuron(build_mlp, n_hidden, values):
    """Whether the output changes when a hidden neuron's pre-activation goes from 0 to a value."""
    import numpy as np

    model = build_mlp(n_hidden)
    model(np.zeros((1, 28, 28), dtype="float32"))
    weights = {tuple(weight.shape): weight for weight in model.trainable_weights}
    first, last = weights.get((784, n_hidden)), weights.get((n_hidden, 10))
    if first is None or last is None:
        return f"weights of the shapes {list(weights)}"
    for weight in weights.values():
        weight.assign(np.zeros(weight.shape))
    first.assign(np.eye(784, n_hidden))  # the first neuron sees the first pixel, alone
    last.assign(np.eye(n_hidden, 10))
    images = np.zeros((1 + len(values), 28, 28), dtype="float32")
    images[1:, 0, 0] = values
    output = np.asarray(model(images, training=False))
    return [bool(np.abs(row - output[0]).max() > 1e-6) for row in output[1:]]


@check("test_build_mlp", function="build_mlp", points=1, through=output_follows_a_neuron)
def hidden_neurons_are_relu(rng):
    """A hidden neuron is silent below 0 and heard above 0."""
    yield Case(args=(3, [1.0]), expected=[True])
    yield Case(args=(3, [-1.0]), expected=[False])
    yield Case(args=(16, [-3.0, -0.1, 0.1, 3.0]), expected=[False, False, True, True])


def loss_of_labels(build_mlp, labels, probabilities):
    """The loss that the model was compiled with, when it gives these probabilities to any image."""
    import numpy as np

    model = build_mlp(4)
    images = np.zeros((len(labels), 28, 28), dtype="float32")
    output = model(images)
    if not model.compiled or len(output.shape) != 2:
        return f"compiled: {model.compiled}, output of shape {tuple(output.shape)}"
    for weight in model.trainable_weights:
        is_last_bias = tuple(weight.shape) == (len(probabilities),)
        weight.assign(np.log(probabilities) if is_last_bias else np.zeros(weight.shape))
    model.run_eagerly = True  # nothing to compile for so few images
    return float(model.test_on_batch(images, np.array(labels), return_dict=True)["loss"])


# One probability for each digit, all of them different.
SHARES = np.arange(1, 20, 2) / 100


@check("test_build_mlp", function="build_mlp", points=1, rtol=1e-4, through=loss_of_labels)
def compiled_for_whole_labels(rng):
    """The loss is the cross-entropy of labels from 0 to 9 that are whole numbers."""
    for labels in ([0], [9], [0, 0, 5]):
        expected = -math.fsum(math.log(SHARES[label]) for label in labels) / len(labels)
        yield Case(args=(labels, SHARES), expected=expected)


# --- train ------------------------------------------------------------------------------------


def number_of_losses(train, epochs):
    """How many losses come back."""
    import keras
    import numpy as np

    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    losses = train(model, np.zeros((10, 28, 28), dtype="float32"), np.arange(10), epochs)
    is_list = isinstance(losses, (list, tuple, np.ndarray))
    return len(losses) if is_list else f"no list: {type(losses).__name__}"


@check("test_train", function="train", points=1, through=number_of_losses)
def one_loss_for_each_epoch(rng):
    """There are as many losses as epochs."""
    yield Case(args=(1,), expected=1)
    yield Case(args=(3,), expected=3)


def losses_at_rate_0(train, labels, probabilities, epochs):
    """The losses of epochs that change nothing, for a model that gives these probabilities."""
    import keras
    import numpy as np

    bias = keras.initializers.Constant(np.log(probabilities))
    output = keras.layers.Dense(10, "softmax", kernel_initializer="zeros", bias_initializer=bias)
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), output])
    optimizer, loss = keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], run_eagerly=True)
    images = np.zeros((len(labels), 28, 28), dtype="float32")
    losses = train(model, images, np.array(labels), epochs)
    is_list = isinstance(losses, (list, tuple, np.ndarray))
    return [float(loss) for loss in losses] if is_list else f"no list: {type(losses).__name__}"


@check("test_train", function="train", points=1, rtol=1e-4, through=losses_at_rate_0)
def training_losses(rng):
    """The numbers are the losses of all the training images: mean cross-entropies."""
    for labels, epochs in (([7] * 8, 1), ([0, 9] * 4, 1), (rng.integers(0, 10, 32).tolist(), 2)):
        loss = -math.fsum(math.log(SHARES[label]) for label in labels) / len(labels)
        yield Case(args=(labels, SHARES, epochs), expected=[loss] * epochs)


def labels_after_training(train, images, labels, unseen, epochs):
    """The labels that a small network gives to unseen images after the training."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(5)
    hidden = keras.layers.Dense(32, activation="relu")
    output = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), hidden, output])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    train(model, images, labels, epochs)
    return np.argmax(model(unseen, training=False), axis=1)


def bands(labels, rng):
    """Dark noisy images with a bright band, the lower the larger the label."""
    images = rng.uniform(0, 0.2, (len(labels), 28, 28)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[4 + 2 * label : 6 + 2 * label] += 0.8
    return images


def digits(n_images, n_unseen, rng):
    """Some of scikit-learn's digits, each pixel enlarged to 3 by 3 pixels, in a frame."""
    from sklearn.datasets import load_digits

    small = load_digits()
    chosen = rng.permutation(len(small.target))[: n_images + n_unseen]
    images = np.kron(small.images[chosen] / 16, np.ones((1, 3, 3))).astype(np.float32)
    images, labels = np.pad(images, [(0, 0), (2, 2), (2, 2)]), small.target[chosen]
    return images[:n_images], labels[:n_images], images[n_images:], labels[n_images:]


@check("test_train", function="train", points=2, through=labels_after_training)
def model_has_learnt(rng):
    """The model that came in has learnt: it is mostly right about images that it has not seen."""
    labels, unseen = np.arange(40) % 10, rng.permutation(10)
    yield Case(args=(bands(labels, rng), labels, bands(unseen, rng), 10), expected=unseen)
    images, labels, unseen, truth = digits(200, 100, rng)

    # The teacher's answer is right about 69 to 89 of them with 10 seeds, a guess about 10.
    mostly_right = Satisfies(
        "at least 50 of 100 labels to be right",
        lambda got: np.shape(got) == (100,) and np.sum(np.asarray(got) == truth) >= 50,
    )
    yield Case(args=(images, labels, unseen, 5), expected=mostly_right)


# --- read_predictions -------------------------------------------------------------------------


def labels(read_predictions, probabilities):
    """The first one of the two results."""
    return read_predictions(probabilities)[0]


def percents(read_predictions, probabilities):
    """The second one of the two results."""
    return read_predictions(probabilities)[1]


def shares(n, n_classes, rng):
    """Random probabilities whose largest one, in per cent, is not close to a half."""
    rows = rng.dirichlet(np.full(n_classes, 0.5), size=10 * n)
    top = 100 * rows.max(axis=1)
    return rows[np.abs(top % 1 - 0.5) > 0.05][:n]


@check("test_read_predictions", function="read_predictions", points=1, through=labels)
def likeliest_class(rng):
    """The label of a row is the class with the largest probability."""
    yield Case(args=(np.array([[0.2, 0.8]]),), expected=[1])
    yield Case(args=(np.array([[0.7, 0.3], [0.1, 0.9], [0.6, 0.4]]),), expected=[0, 1, 0])
    for n, n_classes in ((1, 10), (3, 4), (12, 10)):
        rows = shares(n, n_classes, rng)
        yield Case(
            args=(rows,), expected=[max(range(n_classes), key=row.__getitem__) for row in rows]
        )


@check("test_read_predictions", function="read_predictions", points=1, through=percents)
def whole_percents(rng):
    """The percent of a row is its largest probability, times 100 and rounded."""
    yield Case(args=(np.array([[0.2, 0.8]]),), expected=[80])
    yield Case(args=(np.array([[0.996, 0.004], [0.388, 0.612]]),), expected=[100, 61])
    for n, n_classes in ((1, 10), (3, 4), (12, 10)):
        rows = shares(n, n_classes, rng)
        yield Case(args=(rows,), expected=[int(100 * max(row) + 0.5) for row in rows])


@check(
    "test_read_predictions",
    function="read_predictions",
    points=1,
    through=labels,
    needs=("likeliest_class",),
)
def first_of_equals(rng):
    """Of equal probabilities the first one counts."""
    yield Case(args=(np.array([[0.5, 0.5]]),), expected=[0])
    yield Case(args=(np.array([[0.2, 0.4, 0.4], [0.4, 0.2, 0.4]]),), expected=[1, 0])
    yield Case(args=(np.full((2, 4), 0.25),), expected=[0, 0])
