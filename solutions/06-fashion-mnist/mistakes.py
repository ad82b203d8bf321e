"""Wrong answers of assignment 6 that students really give: each must lose points, with its hint."""

import numpy as np

from course_lib.grading.checks import mistake

# --- hold_out ---------------------------------------------------------------------------------


def _split(X, y, n_validation, seed):
    """The indices of both sets, for the mistakes that spoil them."""
    order = np.random.default_rng(seed).permutation(len(X))
    return order[n_validation:], order[:n_validation]


@mistake("hold_out", hint="The function hands nothing back: it has no `return`.")
def sets_not_returned(X, y, n_validation, seed):
    """Splits and returns None."""
    return None


@mistake("hold_out", hint="Images and labels are shuffled apart: use one order for both.")
def labels_shuffled_apart(X, y, n_validation, seed):
    """Draws another order for the labels."""
    train, val = _split(X, y, n_validation, seed)
    other_train, other_val = _split(X, y, n_validation, seed + 1)
    return X[train], y[other_train], X[val], y[other_val]


@mistake("hold_out", hint="The validation images are in the training set too: a leak.")
def validation_images_also_learnt(X, y, n_validation, seed):
    """Trains on all the images."""
    _, val = _split(X, y, n_validation, seed)
    return X, y, X[val], y[val]


@mistake("hold_out", hint="An image may be drawn once: choose without replacement.")
def drawn_with_replacement(X, y, n_validation, seed):
    """Draws both sets with replacement."""
    drawn = np.random.default_rng(seed).integers(0, len(X), len(X))
    train, val = drawn[n_validation:], drawn[:n_validation]
    return X[train], y[train], X[val], y[val]


@mistake("hold_out", hint="Whatever the seed, the same images are set aside: choose at random.")
def last_images_set_aside(X, y, n_validation, seed):
    """Cuts the end off, without shuffling."""
    n = len(X) - n_validation
    return X[:n], y[:n], X[n:], y[n:]


@mistake("hold_out", hint="`n_validation` images are for the validation, the others for training.")
def sets_swapped(X, y, n_validation, seed):
    """Trains on n_validation images."""
    train, val = _split(X, y, n_validation, seed)
    return X[val], y[val], X[train], y[train]


@mistake(
    "hold_out", hint="The order is X_train, y_train, X_val, y_val: another one than sklearn's."
)
def order_of_sklearn(X, y, n_validation, seed):
    """Returns X_train, X_val, y_train, y_val."""
    train, val = _split(X, y, n_validation, seed)
    return X[train], X[val], y[train], y[val]


@mistake("hold_out", hint="`n_validation` is a number of images, not a share of 100.")
def percents_for_a_number(X, y, n_validation, seed):
    """Takes n_validation for a percentage."""
    train, val = _split(X, y, round(len(X) * n_validation / 100), seed)
    return X[train], y[train], X[val], y[val]


# --- build_with_dropout -----------------------------------------------------------------------


def _model(*layers, loss="sparse_categorical_crossentropy"):
    """A compiled model of these layers after Flatten, for the mistakes that choose them badly."""
    import keras

    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), *layers])
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def _dense(hidden=64, output="softmax"):
    """The two layers with weights."""
    from keras.layers import Dense

    return Dense(hidden, activation="relu"), Dense(10, activation=output)


def _dropout(rate):
    from keras.layers import Dropout

    return Dropout(rate)


@mistake("build_with_dropout", hint="The function hands nothing back: it has no `return`.")
def dropout_model_not_returned(rate):
    """Builds the model and returns None."""
    return None


@mistake("build_with_dropout", hint="There is no dropout in your model.")
def dropout_forgotten(rate):
    """Leaves the dropout out."""
    return _model(*_dense())


@mistake("build_with_dropout", hint="Your dropout silences neurons when the model is used, too.")
def dropout_always_on(rate):
    """Silences neurons whatever `training` says."""
    import keras

    hidden, output = _dense()
    always = keras.layers.Lambda(lambda x: keras.random.dropout(x, rate))
    return _model(hidden, always, output)


@mistake("build_with_dropout", hint="`rate` is the share that is silenced, not the share kept.")
def rate_taken_for_the_share_kept(rate):
    """Silences with the probability 1 - rate."""
    hidden, output = _dense()
    return _model(hidden, _dropout(1 - rate), output)


@mistake("build_with_dropout", hint="The argument `rate` does not change your model.")
def rate_always_a_half(rate):
    """Ignores its argument."""
    hidden, output = _dense()
    return _model(hidden, _dropout(0.5), output)


@mistake(
    "build_with_dropout", hint="Your dropout silences pixels: it belongs behind the hidden layer."
)
def pixels_silenced(rate):
    """Puts the dropout before the hidden layer."""
    return _model(_dropout(rate), *_dense())


@mistake("build_with_dropout", hint="Behind the softmax, dropout silences classes: put it before.")
def classes_silenced(rate):
    """Puts the dropout after the output layer."""
    return _model(*_dense(), _dropout(rate))


@mistake("build_with_dropout", hint="64 hidden neurons are asked for, not 128.")
def another_number_of_neurons(rate):
    """Uses 128 hidden neurons, as in the chapter."""
    hidden, output = _dense(128)
    return _model(hidden, _dropout(rate), output)


@mistake("build_with_dropout", hint="The last layer has no softmax: logits are not probabilities.")
def logits_behind_dropout(rate):
    """Leaves the softmax out."""
    hidden, output = _dense(output=None)
    return _model(hidden, _dropout(rate), output)


@mistake(
    "build_with_dropout",
    hint="That loss wants one-hot labels: for whole numbers, its name has a `sparse_`.",
)
def one_hot_loss(rate):
    """Compiles with categorical_crossentropy."""
    hidden, output = _dense()
    return _model(hidden, _dropout(rate), output, loss="categorical_crossentropy")


# --- train_with_early_stopping ----------------------------------------------------------------


def _fit(model, X, y, X_val, y_val, patience, max_epochs, restore=True, monitor="val_loss"):
    """The history of a training that stops early, for the mistakes that use it badly."""
    import keras

    stop = keras.callbacks.EarlyStopping(
        monitor=monitor, patience=patience, restore_best_weights=restore, mode="min"
    )
    options = {"epochs": max_epochs, "validation_data": (X_val, y_val), "verbose": 0}
    return model.fit(X, y, callbacks=[stop], **options).history


def _best(losses):
    return int(np.argmin(losses)) + 1


@mistake("train_with_early_stopping", hint="The function hands nothing back: it has no `return`.")
def best_epoch_not_returned(model, X, y, X_val, y_val, patience, max_epochs):
    """Trains and returns None."""
    _fit(model, X, y, X_val, y_val, patience, max_epochs)


@mistake(
    "train_with_early_stopping", hint="The model has the weights of its last epoch, not the best."
)
def last_weights_left(model, X, y, X_val, y_val, patience, max_epochs):
    """Does not restore the best weights."""
    losses = _fit(model, X, y, X_val, y_val, patience, max_epochs, restore=False)["val_loss"]
    return _best(losses), losses


@mistake(
    "train_with_early_stopping", hint="That is the epoch at which it stopped, not the best one."
)
def last_epoch_returned(model, X, y, X_val, y_val, patience, max_epochs):
    """Returns the number of epochs."""
    losses = _fit(model, X, y, X_val, y_val, patience, max_epochs)["val_loss"]
    return len(losses), losses


@mistake("train_with_early_stopping", hint="The first epoch is 1: `argmin` counts from 0.")
def epochs_from_zero(model, X, y, X_val, y_val, patience, max_epochs):
    """Counts the epochs from 0."""
    losses = _fit(model, X, y, X_val, y_val, patience, max_epochs)["val_loss"]
    return _best(losses) - 1, losses


@mistake(
    "train_with_early_stopping",
    hint="The training loss goes on falling: watch the validation loss.",
)
def training_loss_watched(model, X, y, X_val, y_val, patience, max_epochs):
    """Stops by the training loss."""
    history = _fit(model, X, y, X_val, y_val, patience, max_epochs, monitor="loss")
    return _best(history["loss"]), history["loss"]


@mistake("train_with_early_stopping", hint="It stops an epoch too late: count `patience` epochs.")
def one_epoch_too_patient(model, X, y, X_val, y_val, patience, max_epochs):
    """Waits for one epoch more."""
    losses = _fit(model, X, y, X_val, y_val, patience + 1, max_epochs)["val_loss"]
    return _best(losses), losses


@mistake(
    "train_with_early_stopping", hint="Those are the training losses: return the validation's."
)
def training_losses_returned(model, X, y, X_val, y_val, patience, max_epochs):
    """Returns the losses of the training images."""
    history = _fit(model, X, y, X_val, y_val, patience, max_epochs)
    return _best(history["val_loss"]), history["loss"]


@mistake("train_with_early_stopping", hint="First the best epoch, then the list of losses.")
def losses_first(model, X, y, X_val, y_val, patience, max_epochs):
    """Swaps the two results."""
    losses = _fit(model, X, y, X_val, y_val, patience, max_epochs)["val_loss"]
    return losses, _best(losses)


# --- most_confused ----------------------------------------------------------------------------


def _counts(y_true, y_pred):
    """The confusion matrix without its diagonal."""
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (y_true, y_pred), 1)
    np.fill_diagonal(counts, 0)
    return counts


def _largest(counts):
    """The place of the largest count, None if all are 0."""
    if not counts.any():
        return None
    return tuple(int(i) for i in np.unravel_index(np.argmax(counts), counts.shape))


@mistake("most_confused", hint="The function hands nothing back: it has no `return`.")
def pair_not_returned(y_true, y_pred):
    """Prints the pair and returns None."""
    return None


@mistake("most_confused", hint="The true class comes first, then what it is taken for.")
def predicted_first(y_true, y_pred):
    """Returns (predicted, true)."""
    pair = _largest(_counts(y_true, y_pred))
    return pair and pair[::-1]


@mistake("most_confused", hint="The largest number on the diagonal is a success, not a confusion.")
def diagonal_included(y_true, y_pred):
    """Looks at the right answers too."""
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (y_true, y_pred), 1)
    return _largest(counts)


@mistake("most_confused", hint="6 for 0 and 0 for 6 are two errors: do not add them up.")
def both_directions_added(y_true, y_pred):
    """Adds the matrix and its transpose."""
    counts = _counts(y_true, y_pred)
    return _largest(np.triu(counts + counts.T))


@mistake(
    "most_confused", hint="Of equally frequent errors, the first one counts, not the last one."
)
def last_of_equal_errors(y_true, y_pred):
    """Takes the last one of equal counts."""
    pair = _largest(_counts(y_true, y_pred)[::-1, ::-1])
    return pair and (9 - pair[0], 9 - pair[1])


@mistake("most_confused", hint="Without an error there is no pair: return None.")
def pair_without_an_error(y_true, y_pred):
    """Returns (0, 0) where nothing is confused."""
    return _largest(_counts(y_true, y_pred)) or (0, 0)


@mistake("most_confused", hint="How often it happens is not asked for: return the two classes.")
def count_returned(y_true, y_pred):
    """Returns the number of times."""
    return int(_counts(y_true, y_pred).max())


@mistake("most_confused", hint="Count the errors; do not divide them by the size of the class.")
def share_of_the_class(y_true, y_pred):
    """Looks for the largest share of a class."""
    sizes = np.maximum(np.bincount(y_true, minlength=10), 1)
    return _largest(_counts(y_true, y_pred) / sizes[:, np.newaxis])
