# %% [markdown]
# # Assignment 6: garments, and knowing when to stop
#
# A network that knows its training images by heart is no use in a shop. You set images aside,
# give the network some forgetfulness, stop the training in time, and look at what is still
# confused.
#
# - You need NumPy, Keras and the chapter *Fashion-MNIST*.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
# - Sequential, functional, a subclass of `keras.Model`; callbacks or a loop of your own: all of
#   these are right. What counts is what the model does.
#
# 20 points: 15 for the four functions, 5 for the written answer at the end.

# %% tags=["locked:imports"]
import keras
import matplotlib.pyplot as plt
import numpy as np

from course_lib.datasets import load_images_at_hand

# %% [markdown]
# Fashion-MNIST if it is on your machine already, else a small stand-in: the next cell prints which
# of the two. The checks are the same for both.

# %% tags=["locked:data"]
garments = load_images_at_hand("fashion_mnist")
print(garments.source)
print(", ".join(f"{i} {name}" for i, name in enumerate(garments.target_names)))

# %% [markdown]
# ## 1. Images set aside (4 points)
#
# Write `hold_out(X, y, n_validation, seed)`, which returns the tuple
# `(X_train, y_train, X_val, y_val)`. `X` has the shape `(n, 28, 28)`, `y` the shape `(n,)`;
# `n_validation` images, chosen at random, and their labels become the validation set, all the
# others the training set. The same `seed` gives the same choice, another `seed` another one. `X`
# and `y` stay as they are.


# %% tags=["answer:hold_out"]
def hold_out(X, y, n_validation, seed):
    """Return (X_train, y_train, X_val, y_val) with n_validation images set aside at random."""
    ### BEGIN SOLUTION
    order = np.random.default_rng(seed).permutation(len(X))
    val, train = order[:n_validation], order[n_validation:]
    return X[train], y[train], X[val], y[val]
    ### END SOLUTION


# %% tags=["test:test_hold_out:4"]
# Ten images whose brightness is their label, so that a lost label shows.
y = np.arange(10)
X = np.ones((10, 28, 28)) * y[:, np.newaxis, np.newaxis]
X_train, y_train, X_val, y_val = hold_out(X, y, 3, 0)
shapes = [np.shape(part) for part in (X_train, y_train, X_val, y_val)]
want = [(7, 28, 28), (7,), (3, 28, 28), (3,)]
assert shapes == want, f"expected the shapes {want}, got {shapes}"
assert np.array_equal(X_val[:, 0, 0], y_val), "a validation image has the label of another image"
both = set(y_train) & set(y_val)
assert not both, f"in the training set and in the validation set: images {both}"
print("hold_out: the public checks pass")

# %% [markdown]
# ## 2. Some forgetfulness (4 points)
#
# Write `build_with_dropout(rate)`, which returns a new, compiled Keras model: images
# `(n, 28, 28)`, one hidden layer of 64 ReLU neurons, dropout, and the probabilities of the 10
# classes, `(n, 10)`. While it is trained, each hidden neuron is silenced with the probability
# `rate`, and the others are divided by $1 -$ `rate`; when it is used, nothing is silenced. Compile
# it with the cross-entropy for labels that are whole numbers; the optimiser is yours.


# %% tags=["answer:build_with_dropout"]
def build_with_dropout(rate):
    """Return a compiled model with 64 hidden neurons, silenced with probability `rate`."""
    ### BEGIN SOLUTION
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(rate),
            keras.layers.Dense(units=10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
    ### END SOLUTION


# %% tags=["test:test_build_with_dropout:4"]
model = build_with_dropout(0.5)
assert isinstance(model, keras.Model), f"expected a Keras model, got {type(model).__name__}"
picture = np.ones((1, 28, 28), dtype="float32")
used = [np.asarray(model(picture, training=False)) for _ in range(2)]
assert used[0].shape == (1, 10), f"expected the shape (1, 10), got {used[0].shape}"
assert np.allclose(*used), "training=False: the same image twice, and two different answers"
trained = [np.asarray(model(picture, training=True)) for _ in range(2)]
assert not np.allclose(*trained), "training=True: the answers do not vary, is there a dropout?"
model.evaluate(picture, np.array([3]), verbose=0)
print("build_with_dropout: the public checks pass")

# %% [markdown]
# ## 3. Stop in time (4 points)
#
# Write `train_with_early_stopping(model, X, y, X_val, y_val, patience, max_epochs)`, which trains
# the compiled `model` in batches of 32 until the validation loss has not been lower than its best
# value for `patience` epochs in a row, and for `max_epochs` epochs at the most. It returns the
# tuple `(best_epoch, losses)`: the number of the epoch with the lowest validation loss, the first
# epoch being 1, and the list of the validation losses of all the epochs. The model has the weights
# of the best epoch afterwards, whatever ended the training.


# %% tags=["answer:train_with_early_stopping"]
def train_with_early_stopping(model, X, y, X_val, y_val, patience, max_epochs):
    """Train the model, give it its best weights, and return (best_epoch, validation losses)."""
    ### BEGIN SOLUTION
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=patience, restore_best_weights=True
    )
    unseen = (X_val, y_val)
    history = model.fit(
        X,
        y,
        batch_size=32,
        epochs=max_epochs,
        validation_data=unseen,
        callbacks=[stop],
        verbose=0,
    )
    losses = history.history["val_loss"]
    return int(np.argmin(losses)) + 1, losses
    ### END SOLUTION


# %% tags=["test:test_train_with_early_stopping:4"]
# What is learnt is wrong for the validation image: its loss rises from the second epoch on.
black = np.zeros((8, 28, 28), dtype="float32")
model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
best_epoch, losses = train_with_early_stopping(
    model, black, np.zeros(8, dtype=int), black[:1], np.array([1]), 2, 9
)
assert len(losses) == 3, f"best in epoch 1, patience 2: expected 3 losses, got {losses}"
assert best_epoch == 1, f"expected the best epoch 1, got {best_epoch}"
now = -np.log(np.asarray(model(black[:1]))[0, 1])
assert np.isclose(now, losses[0], rtol=1e-3), (
    f"the model's loss was {losses[0]:.4f} in the best epoch, and is {now:.4f} now"
)
print("train_with_early_stopping: the public checks pass")

# %% [markdown]
# ## 4. What is confused (3 points)
#
# Write `most_confused(y_true, y_pred)`, which returns the tuple `(true, predicted)` of two
# different classes for which it happens most often that an image of class `true` is taken for
# `predicted`. Of pairs that are equally frequent, the one with the smallest `true` counts, then
# the one with the smallest `predicted`. Without a single error, it returns `None`. The arrays have
# the shape `(n,)` and hold whole numbers from 0 to 9.
#
# Example: for `y_true = [0, 6, 6, 6]` and `y_pred = [6, 0, 0, 6]` it is `(6, 0)`.


# %% tags=["answer:most_confused"]
def most_confused(y_true, y_pred):
    """Return the most frequent pair (true, predicted) of different classes, or None."""
    ### BEGIN SOLUTION
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (y_true, y_pred), 1)
    np.fill_diagonal(counts, 0)
    if not counts.any():
        return None
    true, predicted = np.unravel_index(np.argmax(counts), counts.shape)
    return int(true), int(predicted)
    ### END SOLUTION


# %% tags=["test:test_most_confused:3"]
got = most_confused(np.array([0, 6, 6, 6]), np.array([6, 0, 0, 6]))
assert got is not None and np.array_equal(got, (6, 0)), f"expected (6, 0), got {got}"
got = most_confused(np.array([1, 2, 2, 2]), np.array([3, 2, 2, 2]))
assert np.array_equal(got, (1, 3)), f"three right answers are no confusion: (1, 3), got {got}"
got = most_confused(np.array([1, 2]), np.array([1, 2]))
assert got is None, f"no error: expected None, got {got}"
print("most_confused: the public checks pass")

# %% [markdown]
# ## 5. Your own run (5 points)
#
# Nothing to write in the next two cells: run them when your functions are ready. The first one
# trains with and without dropout; the second one shows what the better network confuses.

# %%
X, y = garments.X_train[:600].astype("float32") / 255, garments.y_train[:600]
X_train, y_train, X_val, y_val = hold_out(X, y, 100, seed=0)
models = {}
for rate in (0.0, 0.5):
    keras.utils.set_random_seed(0)
    models[rate] = build_with_dropout(rate)
    best_epoch, losses = train_with_early_stopping(
        models[rate], X_train, y_train, X_val, y_val, patience=3, max_epochs=20
    )
    plt.plot(range(1, len(losses) + 1), losses, marker=".", label=f"validation, dropout {rate}")
    plt.plot(best_epoch, losses[best_epoch - 1], "k*")
    on_training = models[rate].evaluate(X_train, y_train, verbose=0, return_dict=True)["loss"]
    print(f"dropout {rate}: best epoch {best_epoch} of {len(losses)},", end=" ")
    print(f"its validation loss {losses[best_epoch - 1]:.3f}, its training loss {on_training:.3f}")
plt.xlabel("epoch")
plt.ylabel("loss")
plt.legend()
plt.show()

# %%
for rate, model in models.items():
    X_test = garments.X_test[:1000].astype("float32") / 255
    predicted = np.argmax(model.predict(X_test, verbose=0), axis=1)
    truth = garments.y_test[: len(X_test)]
    print(f"dropout {rate}: {np.mean(predicted == truth):.1%} of {len(truth)} test images right")
    pair = most_confused(truth, predicted)
    if pair is not None:
        times = np.sum((truth == pair[0]) & (predicted == pair[1]))
        names = [str(garments.target_names[k]) for k in pair]
        print(f"    most often: {names[0]} taken for {names[1]}, {times} times")

# %% [markdown] tags=["manual:curves:5"]
# ## Your answer
#
# In about ten lines, with numbers from your own run:
#
# 1. Which two classes are confused most often, and why these two? Say what such images have in
#    common for a network that sees 784 numbers.
# 2. Did the dropout help? Argue with both curves and with both losses of the best epochs, not with
#    the accuracy alone.
# 3. The training stops by the validation loss. May the validation loss of the best epoch be quoted
#    as the network's loss on new images? Say what you would quote instead.
#
# ### BEGIN SOLUTION
# *Mark scheme, whatever the words:*
#
# 1. *The confusion (2 points).* One point for the pair that the own run prints, in the right
#    order, with its number of times. One point for a reason in the pixels: the same outline (shirt,
#    T-shirt, pullover and coat have a trunk and two sleeves; sneaker, sandal and boot stand on a
#    sole), with the difference, such as buttons or a collar, in few pixels; an image that is moved
#    or darker changes more numbers than that.
# 2. *The dropout (2 points).* One point for the gap between the training loss and the validation
#    loss of the best epoch, with and without dropout: it is smaller with dropout (if the own run
#    shows otherwise, the answer must say so). One point for the curves: with dropout the best epoch
#    comes later, or the curve rises less after it; and an honest conclusion: a difference in the
#    second decimal from one run with 100 images proves little, more seeds would.
# 3. *What to quote (1 point).* No: the epoch was chosen because its validation loss is low, so that
#    the number is a little too good. Quote the loss (or the accuracy) on test images that neither
#    the training nor the choice of the epoch has seen.
# ### END SOLUTION
