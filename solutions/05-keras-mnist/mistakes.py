"""Wrong answers of assignment 5 that students really give: each must lose points, with its hint."""

import numpy as np

from course_lib.grading.checks import mistake

# --- prepare ----------------------------------------------------------------------------------


@mistake("prepare", hint="The function hands nothing back: it has no `return`.")
def images_not_returned(images):
    """Scales the images and returns None."""
    return None


@mistake("prepare", hint="There are 256 grey levels, but white is the number 255.")
def divided_by_256(images):
    """Divides by 256."""
    return images.astype("float32") / 256


@mistake("prepare", hint="`uint8` knows whole numbers only: convert the images before you divide.")
def whole_numbers_kept(images):
    """Divides without leaving the whole numbers."""
    return images // 255


@mistake("prepare", hint="Keras computes with float32: an array divided by 255 is float64.")
def double_precision(images):
    """Divides and returns float64."""
    return images / 255


@mistake("prepare", hint="The brightest pixel of some images is not the white of all images.")
def divided_by_the_maximum(images):
    """Divides by the brightest pixel that is there."""
    return (images / images.max()).astype("float32")


@mistake("prepare", hint="From 0 to 1 is asked for, not from -1 to 1.")
def from_minus_one_to_one(images):
    """Centres the scale at 0."""
    return (images / 127.5 - 1).astype("float32")


@mistake("prepare", hint="Black stays 0: your images are negatives.")
def black_and_white_swapped(images):
    """Inverts the images, as on paper."""
    return (1 - images / 255).astype("float32")


@mistake("prepare", hint="Keep the shape (n, 28, 28): the model flattens the images itself.")
def images_flattened(images):
    """Returns the shape (n, 784)."""
    return images.reshape(len(images), -1).astype("float32") / 255


@mistake("prepare", hint="No channel is asked for: the shape stays (n, 28, 28).")
def channel_added(images):
    """Returns the shape (n, 28, 28, 1)."""
    return images[..., np.newaxis].astype("float32") / 255


@mistake("prepare", hint="Mean 0 and deviation 1 is another scale: divide by 255, no more.")
def standardised(images):
    """Subtracts the mean and divides by the standard deviation."""
    return ((images - images.mean()) / images.std()).astype("float32")


# --- build_mlp --------------------------------------------------------------------------------


def _model(*layers, loss="sparse_categorical_crossentropy"):
    """A compiled model of these layers, for the mistakes that choose them badly."""
    import keras

    model = keras.Sequential([keras.Input((28, 28)), *layers])
    model.compile(optimizer="sgd", loss=loss, metrics=["accuracy"])
    return model


def _mlp(n_hidden, activation="relu", n_out=10, output="softmax", **options):
    from keras.layers import Dense, Flatten

    hidden = Dense(n_hidden, activation=activation)
    return _model(Flatten(), hidden, Dense(n_out, activation=output), **options)


@mistake("build_mlp", hint="The function hands nothing back: it has no `return`.")
def model_not_returned(n_hidden):
    """Builds the model and returns None."""
    return None


@mistake("build_mlp", hint="The last layer has no softmax: logits are not probabilities.")
def logits_returned(n_hidden):
    """Leaves the softmax out."""
    return _mlp(n_hidden, output=None)


@mistake("build_mlp", hint="Ten sigmoids are ten separate questions: only a softmax adds up to 1.")
def sigmoid_at_the_output(n_hidden):
    """Uses a sigmoid for each class."""
    return _mlp(n_hidden, output="sigmoid")


@mistake("build_mlp", hint="From 0 to 9 there are ten digits, not nine.")
def nine_classes(n_hidden):
    """Takes the largest label for the number of classes."""
    return _mlp(n_hidden, n_out=9)


@mistake("build_mlp", hint="A ReLU is silent below 0; without it, two layers are one.")
def hidden_layer_linear(n_hidden):
    """Forgets the ReLU."""
    return _mlp(n_hidden, activation=None)


@mistake("build_mlp", hint="The number of neurons is the argument `n_hidden`, not always 128.")
def always_128_neurons(n_hidden):
    """Ignores its argument."""
    return _mlp(128)


@mistake("build_mlp", hint="One hidden layer: there is a second one in your model.")
def two_hidden_layers(n_hidden):
    """Adds another hidden layer."""
    from keras.layers import Dense, Flatten

    hidden = [Dense(n_hidden, activation="relu") for _ in range(2)]
    return _model(Flatten(), *hidden, Dense(10, activation="softmax"))


@mistake("build_mlp", hint="Your model has an output layer only: where are the hidden neurons?")
def no_hidden_layer(n_hidden):
    """Connects the pixels with the classes."""
    from keras.layers import Dense, Flatten

    return _model(Flatten(), Dense(10, activation="softmax"))


@mistake("build_mlp", hint="A dense layer works on the last axis only: flatten the images first.")
def images_not_flattened(n_hidden):
    """Forgets the layer Flatten."""
    from keras.layers import Dense

    return _model(Dense(n_hidden, activation="relu"), Dense(10, activation="softmax"))


@mistake(
    "build_mlp", hint="That loss wants one-hot labels: for whole numbers, its name has a `sparse_`."
)
def loss_for_one_hot_labels(n_hidden):
    """Compiles with categorical_crossentropy."""
    return _mlp(n_hidden, loss="categorical_crossentropy")


@mistake("build_mlp", hint="The loss is the mean squared error: labels are names, not amounts.")
def squared_error(n_hidden):
    """Compiles with the mean squared error."""
    return _mlp(n_hidden, loss="mse")


@mistake("build_mlp", hint="The model is built, but not compiled: it has no loss yet.")
def not_compiled(n_hidden):
    """Forgets compile."""
    import keras

    return keras.Sequential(_mlp(n_hidden).layers)


# --- train ------------------------------------------------------------------------------------


def _fit(model, X, y, epochs, **options):
    """The history of a training, for the mistakes that use it badly."""
    return model.fit(X, y, epochs=epochs, verbose=0, **options).history


@mistake("train", hint="The function hands nothing back: it has no `return`.")
def losses_not_returned(model, X, y, epochs):
    """Trains and returns None."""
    _fit(model, X, y, epochs)


@mistake("train", hint="A list of losses, one for each epoch: yours is the last one alone.")
def last_loss_only(model, X, y, epochs):
    """Returns the last loss."""
    return _fit(model, X, y, epochs)["loss"][-1]


@mistake("train", hint="`history` is a dictionary: the losses are one of its entries.")
def whole_history(model, X, y, epochs):
    """Returns the dictionary of all the curves."""
    return _fit(model, X, y, epochs)


@mistake("train", hint="The argument `epochs` does not change your result.")
def one_epoch_only(model, X, y, epochs):
    """Ignores the number of epochs."""
    return _fit(model, X, y, 1)["loss"]


@mistake("train", hint="Those are accuracies, shares of right answers: a loss is asked for.")
def accuracies_returned(model, X, y, epochs):
    """Returns the accuracies of the epochs."""
    return _fit(model, X, y, epochs)["accuracy"]


@mistake("train", hint="A part of the images is set aside: train on all, return *their* losses.")
def validation_losses(model, X, y, epochs):
    """Sets images aside and returns their losses."""
    half = (len(X) + 1) // 2
    return _fit(model, X[:half], y[:half], epochs, validation_data=(X[-1:], y[-1:]))["val_loss"]


@mistake("train", hint="The model that came in has not learnt: do you train a copy of it?")
def copy_trained(model, X, y, epochs):
    """Trains a clone of the model."""
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile_from_config(model.get_compile_config())
    return _fit(copy, X, y, epochs)["loss"]


@mistake("train", hint="Images and labels are shuffled apart: each label has lost its image.")
def labels_lost_their_images(model, X, y, epochs):
    """Shuffles the images and not the labels."""
    order = np.random.default_rng(3).permutation(len(X))
    return _fit(model, X[order], y, epochs)["loss"]


@mistake("train", hint="The images are prepared already: you divide by 255 once more.")
def divided_once_more(model, X, y, epochs):
    """Divides by 255 again."""
    return _fit(model, X / 255, y, epochs)["loss"]


@mistake("train", hint="The model is compiled already: yours overrides its optimiser.")
def compiled_again(model, X, y, epochs):
    """Compiles with an optimiser of its own."""
    import keras

    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", run_eagerly=True)
    return _fit(model, X, y, epochs)["loss"]


# --- read_predictions -------------------------------------------------------------------------


def _percents(probabilities):
    return np.rint(100 * np.max(probabilities, axis=1)).astype(int)


@mistake("read_predictions", hint="The function hands nothing back: it has no `return`.")
def predictions_not_returned(probabilities):
    """Prints the predictions and returns None."""
    return None


@mistake("read_predictions", hint="Per cent: 0.93 is 93.")
def fractions_for_percents(probabilities):
    """Forgets the factor of 100."""
    return np.argmax(probabilities, axis=1), np.max(probabilities, axis=1)


@mistake("read_predictions", hint="`int` cuts the decimals off: 0.996 is 100 %, not 99 %.")
def percents_cut_off(probabilities):
    """Cuts where it should round."""
    return np.argmax(probabilities, axis=1), (100 * np.max(probabilities, axis=1)).astype(int)


@mistake("read_predictions", hint="Whole percents are asked for: round them.")
def percents_not_rounded(probabilities):
    """Keeps the decimals."""
    return np.argmax(probabilities, axis=1), 100 * np.max(probabilities, axis=1)


@mistake("read_predictions", hint="The classes are counted from 0.")
def classes_from_one(probabilities):
    """Counts the classes from 1."""
    return np.argmax(probabilities, axis=1) + 1, _percents(probabilities)


@mistake("read_predictions", hint="A row belongs to an image: look along the rows, axis=1.")
def columns_for_rows(probabilities):
    """Looks along the columns."""
    labels = np.argmax(probabilities, axis=0)
    return labels, np.rint(100 * np.max(probabilities, axis=0)).astype(int)


@mistake("read_predictions", hint="Of equal probabilities, the first one counts, not the last one.")
def last_of_equals(probabilities):
    """Takes the last one of equal probabilities."""
    last = probabilities.shape[1] - 1 - np.argmax(probabilities[:, ::-1], axis=1)
    return last, _percents(probabilities)


@mistake("read_predictions", hint="First the labels, then the percents.")
def percents_first(probabilities):
    """Swaps the two results."""
    return _percents(probabilities), np.argmax(probabilities, axis=1)


@mistake("read_predictions", hint="Two lists are asked for: yours is a list of pairs.")
def pairs_for_lists(probabilities):
    """Returns one pair for each row."""
    labels = np.argmax(probabilities, axis=1)
    return list(zip(labels.tolist(), _percents(probabilities).tolist(), strict=True))
