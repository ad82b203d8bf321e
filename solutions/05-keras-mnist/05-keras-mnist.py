# %% [markdown]
# # Assignment 5: digits with Keras
#
# You have written a network by hand. Now a library does the work, and what is left to you is what
# a library cannot do: put the images in order, say which network you want, train it, and read what
# it says.
#
# - You need NumPy, Keras and the chapter *MNIST with Keras*.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
# - Sequential, functional, a subclass of `keras.Model`; any optimiser; `fit` or a loop of your own:
#   all of these are right. What counts is what the model does.
#
# 20 points: 14 for the four functions, 6 for the written answer at the end.

# %% tags=["locked:imports"]
import keras
import matplotlib.pyplot as plt
import numpy as np

from course_lib.datasets import load_images_at_hand
from course_lib.plotting import plot_images

# %% [markdown]
# MNIST if it is on your machine already, else a small stand-in: the next cell prints which of the
# two. The checks are the same for both.

# %% tags=["locked:data"]
images = load_images_at_hand("mnist")
print(images.source)
print(images.X_train.shape, images.X_train.dtype, "brightest pixel:", images.X_train.max())

# %% [markdown]
# ## 1. From bytes to numbers (3 points)
#
# Write `prepare(images)`, which returns the images as an array of `float32` of the same shape
# `(n, 28, 28)`: black, 0, stays 0, and white, 255, becomes 1. `images` holds whole numbers from 0
# to 255, of the type `uint8`. A dark image stays dark.


# %% tags=["answer:prepare"]
def prepare(images):
    """Return the images as float32 between 0 and 1, in the same shape."""
    ### BEGIN SOLUTION
    return images.astype("float32") / 255
    ### END SOLUTION


# %% tags=["test:test_prepare:3"]
picture = np.zeros((1, 28, 28), dtype=np.uint8)
picture[0, 0, :3] = [255, 51, 102]
got = prepare(picture)
assert np.shape(got) == (1, 28, 28), f"expected the shape (1, 28, 28), got {np.shape(got)}"
assert np.allclose(got[0, 0, :4], [1, 0.2, 0.4, 0]), (
    f"255, 51, 102 and 0 become 1, 0.2, 0.4 and 0, got {got[0, 0, :4]}"
)
assert got.dtype == np.float32, f"expected numbers of type float32, got {got.dtype}"
print("prepare: the public checks pass")

# %% [markdown]
# ## 2. A network (4 points)
#
# Write `build_mlp(n_hidden)`, which returns a new, compiled Keras model. It takes images of the
# shape `(n, 28, 28)`, has one hidden layer of `n_hidden` ReLU neurons, and returns the
# probabilities of the 10 digits, of the shape `(n, 10)`. Compile it with the cross-entropy for
# labels that are whole numbers, 0 to 9. The optimiser is yours; so are layers without weights.


# %% tags=["answer:build_mlp"]
def build_mlp(n_hidden):
    """Return a compiled model: images (n, 28, 28) to probabilities (n, 10)."""
    ### BEGIN SOLUTION
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(n_hidden, activation="relu"),
            keras.layers.Dense(units=10, activation="softmax"),
        ]
    )
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
    ### END SOLUTION


# %% tags=["test:test_build_mlp:4"]
model = build_mlp(16)
assert isinstance(model, keras.Model), f"expected a Keras model, got {type(model).__name__}"
got = np.asarray(model(np.ones((3, 28, 28), dtype="float32")))
assert got.shape == (3, 10), f"3 images, 10 classes: expected the shape (3, 10), got {got.shape}"
assert np.allclose(got.sum(axis=1), 1, atol=1e-5), (
    f"the 10 probabilities of an image add up to 1, here to {got.sum(axis=1)}"
)
# 16 neurons with 784 weights and a bias each, then 10 neurons with 16 weights and a bias each.
assert model.count_params() == 12_730, f"expected 12730 parameters, got {model.count_params()}"
model.evaluate(np.zeros((2, 28, 28), dtype="float32"), np.array([3, 8]), verbose=0)
print("build_mlp: the public checks pass")

# %% [markdown]
# ## 3. Training (4 points)
#
# Write `train(model, X, y, epochs)`, which trains the compiled `model` on all the images `X`, of
# the shape `(n, 28, 28)`, and their labels `y`, of the shape `(n,)`, in batches of 32 for `epochs`
# epochs. It returns a list of `epochs` numbers, the training loss of each epoch: the mean
# cross-entropy of the images. The model that came in is the one that has learnt afterwards.


# %% tags=["answer:train"]
def train(model, X, y, epochs):
    """Train the model and return the list of the training losses, one for each epoch."""
    ### BEGIN SOLUTION
    return model.fit(X, y, batch_size=32, epochs=epochs, verbose=0).history["loss"]
    ### END SOLUTION


# %% tags=["test:test_train:4"]
keras.utils.set_random_seed(0)
model = build_mlp(16)
before = np.concatenate([np.ravel(w) for w in model.get_weights()])
losses = train(model, prepare(images.X_train[:100]), images.y_train[:100], 3)
assert np.shape(losses) == (3,), f"3 epochs: expected a list of 3 losses, got {losses}"
assert np.all(np.asarray(losses) > 0), f"a cross-entropy is positive, got {losses}"
after = np.concatenate([np.ravel(w) for w in model.get_weights()])
assert not np.allclose(before, after), "the weights of the model are those of the start"
print("train: the public checks pass")

# %% [markdown]
# ## 4. What the network says (3 points)
#
# Write `read_predictions(probabilities)`, which returns the tuple `(labels, percents)`: for each
# row of `probabilities`, of the shape `(n, K)`, the class with the largest probability (the first
# one of several that are equal), and that probability in per cent, rounded to a whole number. Both
# are lists or arrays of length $n$.
#
# Example: for `[[0.07, 0.93], [0.514, 0.486]]` it is `([1, 0], [93, 51])`.


# %% tags=["answer:read_predictions"]
def read_predictions(probabilities):
    """Return (labels, percents): the likeliest class of each row and its probability in %."""
    ### BEGIN SOLUTION
    labels = np.argmax(probabilities, axis=1)
    percents = np.rint(100 * np.max(probabilities, axis=1)).astype(int)
    return labels, percents
    ### END SOLUTION


# %% tags=["test:test_read_predictions:3"]
labels, percents = read_predictions(np.array([[0.07, 0.93], [0.514, 0.486]]))
assert np.shape(labels) == (2,), f"2 rows: expected 2 labels, got {labels}"
assert np.array_equal(labels, [1, 0]), f"expected the labels [1, 0], got {labels}"
assert np.array_equal(percents, [93, 51]), f"expected the percents [93, 51], got {percents}"
print("read_predictions: the public checks pass")

# %% [markdown]
# ## 5. Your own run (6 points)
#
# Nothing to write in the next two cells: run them when your functions are ready. The first one
# trains the same network twice, on prepared images and on raw pixels from 0 to 255.

# %%
curves, models = {}, {}
y = images.y_train[:1000]
for name, X in {
    "prepared": prepare(images.X_train[:1000]),
    "raw pixels": images.X_train[:1000].astype("float32"),
}.items():
    keras.utils.set_random_seed(0)
    models[name] = build_mlp(128)
    curves[name] = train(models[name], X, y, 10)
    plt.plot(range(1, 11), curves[name], marker="o", label=name)
    print(f"{name:>10}:", " ".join(f"{loss:.3f}" for loss in curves[name]))
plt.xlabel("epoch")
plt.ylabel("training loss")
plt.legend()
plt.show()

# %%
probabilities = np.asarray(models["prepared"](prepare(images.X_test[:105])))
labels, percents = read_predictions(probabilities)
texts = [f"{label} {percent}%" for label, percent in zip(labels, percents, strict=True)]
_, ax = plt.subplots(figsize=(15, 9))
plot_images(images.X_test[:105], texts, columns=15, ax=ax)
plt.show()
print(f"right: {np.mean(labels == images.y_test[:105]):.1%} of 105 test images")

# %% [markdown] tags=["manual:scaling:6"]
# ## Your answer
#
# In about ten lines, with numbers from your own run:
#
# 1. What happens without the division by 255? Give two losses that show it, and compare one of
#    them with the loss of a network that knows nothing and gives each digit a tenth.
# 2. Why does it happen? Say what the gradient of the first layer's weights is made of, and what a
#    factor of 255 does to one step.
# 3. Read the curve of the prepared images: where does the loss fall fastest, and is the training
#    at its end after 10 epochs? What does this curve *not* tell you about new images?
#
# ### BEGIN SOLUTION
# *Mark scheme, two points for each part, whatever the words:*
#
# 1. *What happens.* One point for two numbers of the own run that belong together (the same epoch
#    of both curves, or first and last epoch of one), with what they show; it depends on the
#    optimiser. With SGD at 0.01 the raw pixels give a first loss above 10, or `nan`, and then
#    often about 2.30 without an end; with Adam, a first loss of ten or more that falls. One point
#    for $-\log 0.1 = \log 10 \approx 2.303$ and the comparison: "worse than knowing nothing", or
#    "stuck there".
# 2. *Why.* One point: the gradient for a weight is the blame of its neuron times the input,
#    $\delta\, x$, so that inputs 255 times larger make the gradient larger by about as much (more,
#    since the pre-activations and the logits grow too). One point: a step of the same rate then
#    jumps over the valley (diverges, or pushes the ReLU neurons below 0 for all the images, where
#    no gradient comes back). An answer for Adam that says that its step does not grow with the
#    gradient, but that the huge first logits and the saturated softmax remain, gets both points.
# 3. *The curve.* One point: fastest in the first epochs, and still falling at the tenth (or flat,
#    if the own curve is), with a number. One point: it is the loss of images that were learnt; how
#    the network does on new ones needs a validation set. The 105 test images of the second cell
#    may be quoted, as a first impression from few images.
# ### END SOLUTION
