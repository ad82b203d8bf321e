# %% [markdown]
# # Assignment 8: inverting a decoder
#
# A decoder makes an image of a point of the plane. Here the question is asked backwards: an image
# is given, and the point is looked for whose image is nearest. You write a small decoder, its
# Jacobian, the loss and its gradient, a step of Levenberg and Marquardt, a step such as the source
# takes, and the three numbers by which an inversion is judged.
#
# - You need NumPy and the chapter *Inverting the decoder*. Nothing else is imported, but
#   Matplotlib for the figure of section 7.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
#
# Everywhere, points and images are rows: the $n$ points have the shape `(n, 2)`, their images
# `(n, n_pixels)`. The weights stand as on paper: a matrix of `weights` has the shape
# `(n_out, n_in)`, one row for each neuron. An image never asks what the images beside it do: each
# row of a result depends on its own row of the arguments alone.
#
# 20 points: 16 for the six functions, 4 for the written answer at the end. About 90 minutes.

# %% tags=["locked:imports"]
import matplotlib.pyplot as plt
import numpy as np

LEAK = 0.1

# %% [markdown]
# A decoder 2-3-4, with one hidden layer and images of four pixels. Some of the public checks use
# it.

# %% tags=["locked:decoder"]
WEIGHTS = [
    np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]),
    np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 3.0]]),
]
BIASES = [np.array([0.0, 0.5, 0.5]), np.array([-1.0, 0.0, 0.0, 0.5])]

# %% [markdown]
# ## 1. The decoder (2 points)
#
# Write `decode(points, weights, biases)`, which returns the images, an array of the shape
# `(n, n_pixels)`. `weights` and `biases` are lists of $L \ge 1$ arrays, from the first layer to the
# last one. Each layer computes $z = W a + b$ from the activations $a$ of the layer before it; for
# the first one, $a$ is the point. The activation of the last layer is the sigmoid, $1 / (1 +
# e^{-z})$. In all the others it is the *leaky* ReLU, which lets a tenth of a negative number
# through: $z$ where $z > 0$, and else `LEAK` times $z$.
#
# Example: a decoder 1-1-1 with the weights -5, then 1 and the biases 0, then 1. For the point
# `[[2]]` the hidden layer has $z = -10$ and $a = -1$, the last one $z = 0$: the image is `[[0.5]]`.


# %% tags=["answer:decode"]
def decode(points, weights, biases):
    """Return the images of the points, an array of shape (n, n_pixels)."""
    ### BEGIN SOLUTION
    a = points
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        z = a @ w.T + b
        a = np.where(z > 0, z, LEAK * z)
    return 1 / (1 + np.exp(-(a @ weights[-1].T + biases[-1])))
    ### END SOLUTION


# %% tags=["test:test_decode:2"]
got = decode(
    np.array([[2.0]]),
    [np.array([[-5.0]]), np.array([[1.0]])],
    [np.array([0.0]), np.array([1.0])],
)
assert np.shape(got) == (1, 1), f"1 point, 1 pixel: expected the shape (1, 1), got {np.shape(got)}"
assert np.allclose(got, [[0.5]]), f"0.1 * -10 + 1 is 0: expected [[0.5]], got {got}"

# Two points of the plane, and the images of the decoder above.
got = decode(np.array([[0.0, 0.0], [1.0, 1.0]]), WEIGHTS, BIASES)
want = [
    [0.37754067, 0.73105858, 0.62245933, 0.88079708],
    [0.70056714, 0.95257413, 0.62245933, 0.51249740],
]
assert np.shape(got) == (2, 4), f"2 points, 4 pixels: expected (2, 4), got {np.shape(got)}"
assert np.allclose(got, want), f"expected {want}, got {got}"
print("decode: the public checks pass")

# %% [markdown]
# ## 2. Its Jacobian, layer by layer (3 points)
#
# Write `decoder_jacobian(points, weights, biases)`, which returns the array of shape
# `(n, n_pixels, 2)` of the derivatives $\partial D_p / \partial y_i$ of each pixel by each
# coordinate of the point. Start with the identity matrix; each layer multiplies by its weights and
# by the derivative of its activation:
#
# $$J^{(0)} = I, \qquad J^{(l)} = \mathrm{diag}(s^{(l)})\, W^{(l)} J^{(l-1)} .$$
#
# In the last layer $s = a (1 - a)$; in a hidden one, $s$ is the slope of the leaky ReLU. The number
# of coordinates, 2 above, may also be another one. No $z$ of a hidden layer is exactly 0.
#
# Example: for one layer with `weights` `[[4]]`, `biases` `[0]` and the point 0, the image is 0.5
# and the Jacobian $0.5 \cdot 0.5 \cdot 4$, that is `[[[1]]]`.


# %% tags=["answer:decoder_jacobian"]
def decoder_jacobian(points, weights, biases):
    """Return the derivatives of the pixels, an array of shape (n, n_pixels, n_coordinates)."""
    ### BEGIN SOLUTION
    a, result = points, np.tile(np.eye(points.shape[1]), (len(points), 1, 1))
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
        z = a @ w.T + b
        if layer < len(weights):
            slope = np.where(z > 0, 1.0, LEAK)
            a = slope * z
        else:
            a = 1 / (1 + np.exp(-z))
            slope = a * (1 - a)
        result = slope[:, :, np.newaxis] * (w @ result)
    return result
    ### END SOLUTION


# %% tags=["test:test_decoder_jacobian:3"]
got = decoder_jacobian(np.array([[0.0]]), [np.array([[4.0]])], [np.array([0.0])])
assert np.shape(got) == (1, 1, 1), f"1 of each: expected the shape (1, 1, 1), got {np.shape(got)}"
assert np.allclose(got, [[[1.0]]]), f"0.5 * 0.5 * 4: expected [[[1.]]], got {got}"

# What the Jacobian promises for a small step, the decoder keeps.
points, small = np.array([[0.3, -0.2], [1.0, 1.0]]), 1e-6
got = decoder_jacobian(points, WEIGHTS, BIASES)
assert np.shape(got) == (2, 4, 2), f"expected the shape (2, 4, 2), got {np.shape(got)}"
for i, step in enumerate(small * np.eye(2)):
    rise = decode(points + step, WEIGHTS, BIASES) - decode(points - step, WEIGHTS, BIASES)
    want = rise / (2 * small)
    assert np.allclose(got[:, :, i], want, atol=1e-6), (
        f"coordinate {i}: expected {want}, got {got[:, :, i]}"
    )
print("decoder_jacobian: the public checks pass")

# %% [markdown]
# ## 3. The loss and its gradient (2 points)
#
# Write `loss_and_gradient(points, images, weights, biases)`, which returns the tuple
# `(losses, gradients)` of arrays of the shapes `(n,)` and `(n, 2)`. Each image of `images`, of the
# shape `(n, n_pixels)`, has a point of its own, with the loss
#
# $$f(y) = \frac12 \sum_{p} \bigl(D_p(y) - x_p\bigr)^2 .$$
#
# Mind the half, which the chapter does not have: it makes the gradient $J^T r$, with the residual
# $r = D(y) - x$. (An image is called $x$ here, since $z$ is taken.) Call your functions of the
# sections above.


# %% tags=["answer:loss_and_gradient"]
def loss_and_gradient(points, images, weights, biases):
    """Return (losses, gradients): half the squared distances, and their gradients by the point."""
    ### BEGIN SOLUTION
    residuals = decode(points, weights, biases) - images
    derivatives = decoder_jacobian(points, weights, biases)
    losses = 0.5 * np.sum(residuals**2, axis=1)
    return losses, np.einsum("np,npi->ni", residuals, derivatives)
    ### END SOLUTION


# %% tags=["test:test_loss_and_gradient:2"]
# The image is 0.5 and the target 0.1: a residual of 0.4, a Jacobian of 1.
one_layer = [np.array([[4.0]])], [np.array([0.0])]
losses, gradients = loss_and_gradient(np.array([[0.0]]), np.array([[0.1]]), *one_layer)
assert np.shape(losses) == (1,), f"1 image: expected the shape (1,), got {np.shape(losses)}"
assert np.allclose(losses, [0.08]), f"half of 0.4 squared: expected [0.08], got {losses}"
assert np.shape(gradients) == (1, 1), f"expected the shape (1, 1), got {np.shape(gradients)}"
assert np.allclose(gradients, [[0.4]]), f"1 * 0.4: expected [[0.4]], got {gradients}"

# Two images of the decoder above. The second one is the image of its point: nothing is left to do.
points = np.array([[0.0, 0.0], [1.0, 1.0]])
images = np.array([[0.0, 0.0, 1.0, 1.0], decode(points, WEIGHTS, BIASES)[1]])
losses, gradients = loss_and_gradient(points, images, WEIGHTS, BIASES)
assert np.allclose(losses, [0.41686495, 0.0]), f"expected the losses [0.417, 0], got {losses}"
want = [[-0.02455979, 0.14756939], [0.0, 0.0]]
assert np.allclose(gradients, want), f"expected the gradients {want}, got {gradients}"
print("loss_and_gradient: the public checks pass")

# %% [markdown]
# ## 4. A step of Levenberg and Marquardt (4 points)
#
# Write `lm_step(points, images, dampings, weights, biases)`, which returns the tuple
# `(new_points, new_dampings)` of arrays of the shapes `(n, 2)` and `(n,)`. Each image has a damping
# $\lambda > 0$ of its own. Its step $p$ solves
#
# $$\bigl(J^T J + \lambda\, \mathrm{diag}(J^T J)\bigr)\, p = -J^T r,$$
#
# where $\mathrm{diag}(J^T J)$ is $J^T J$ with zeros outside the diagonal: Marquardt's choice, where
# each coordinate has a damping in its own unit. (The chapter takes the mean of the diagonal.)
#
# - If the loss at $y + p$ is lower than at $y$, the step is taken, and $\lambda$ divided by 3.
# - If not, the point stays, and $\lambda$ is multiplied by 4.
#
# The arrays that come in stay as they are.


# %% tags=["answer:lm_step"]
def lm_step(points, images, dampings, weights, biases):
    """Return (new_points, new_dampings) after one trial of each image."""
    ### BEGIN SOLUTION
    losses, gradients = loss_and_gradient(points, images, weights, biases)
    derivatives = decoder_jacobian(points, weights, biases)
    matrices = derivatives.swapaxes(1, 2) @ derivatives
    weight_of_diagonal = 1 + dampings[:, np.newaxis, np.newaxis] * np.eye(points.shape[1])
    steps = np.linalg.solve(matrices * weight_of_diagonal, -gradients[:, :, np.newaxis])
    trials = points + steps[:, :, 0]

    lower = loss_and_gradient(trials, images, weights, biases)[0] < losses
    new_points = np.where(lower[:, np.newaxis], trials, points)
    return new_points, np.where(lower, dampings / 3, dampings * 4)
    ### END SOLUTION


# %% tags=["test:test_lm_step:4"]
# One coordinate: J^T J is 1, J^T r is 0.4, and with the damping 1 the step is -0.4 / 2.
one_layer = [np.array([[4.0]])], [np.array([0.0])]
start, target, damping = np.array([[0.0]]), np.array([[0.1]]), np.array([1.0])
new_points, new_dampings = lm_step(start, target, damping, *one_layer)
assert np.allclose(new_points, [[-0.2]]), f"expected the point [[-0.2]], got {new_points}"
assert np.allclose(new_dampings, [1 / 3]), f"a success: expected [0.333], got {new_dampings}"

# Where the sigmoid is flat, the tangent leads too far: the loss at its minimum is a higher one.
start, target = np.array([[1.0]]), np.array([[0.7]])
new_points, new_dampings = lm_step(start, target, np.array([0.01]), *one_layer)
assert np.allclose(new_points, [[1.0]]), f"refused: expected the point [[1.]], got {new_points}"
assert np.allclose(new_dampings, [0.04]), f"a failure: expected [0.04], got {new_dampings}"
assert start[0, 0] == 1.0, f"the point that came in must stay 1, it is {start[0, 0]}"

# Both coordinates of the decoder above: ten steps find the point again.
target = decode(np.array([[0.7, -0.4]]), WEIGHTS, BIASES)
points, dampings = np.array([[0.2, 0.1]]), np.array([0.1])
for _ in range(10):
    points, dampings = lm_step(points, target, dampings, WEIGHTS, BIASES)
assert np.allclose(points, [[0.7, -0.4]], atol=1e-4), f"expected [[0.7, -0.4]], got {points}"
print("lm_step: the public checks pass")

# %% [markdown]
# ## 5. A step as long as the point says (2 points)
#
# The source calls an optimiser, Adafactor, whose steps are a share of the size of the variable.
# Write `relative_step(points, gradients, rate)`, which returns the new points, an array of the
# shape `(n, 2)`. Each point moves straight against its gradient, whose length does not matter, and
# its step has the length
#
# $$\text{rate} \cdot \max(0.01,\ \lVert y \rVert), \qquad \lVert y \rVert = \sqrt{y_1^2 + y_2^2}.$$
#
# No gradient is zero. (Adafactor remembers the gradients of the past as well. We do without.)
#
# Example: with the point $(3, 4)$, the gradient $(0, 7)$ and the rate 0.1, the step is 0.5 long:
# the result is `[[3, 3.5]]`.


# %% tags=["answer:relative_step"]
def relative_step(points, gradients, rate):
    """Return the points after a step whose length is a share of their own."""
    ### BEGIN SOLUTION
    lengths = np.maximum(0.01, np.linalg.norm(points, axis=1, keepdims=True))
    downhill = -gradients / np.linalg.norm(gradients, axis=1, keepdims=True)
    return points + rate * lengths * downhill
    ### END SOLUTION


# %% tags=["test:test_relative_step:2"]
got = relative_step(np.array([[3.0, 4.0]]), np.array([[0.0, 7.0]]), 0.1)
assert np.shape(got) == (1, 2), f"1 point: expected the shape (1, 2), got {np.shape(got)}"
assert np.allclose(got, [[3.0, 3.5]]), f"expected [[3, 3.5]], got {got}"

# The origin has no length: its step is as long as that of a point at the distance 0.01.
got = relative_step(np.array([[0.0, 0.0]]), np.array([[-2.0, 0.0]]), 0.5)
assert np.allclose(got, [[0.005, 0.0]]), f"from the origin: expected [[0.005, 0]], got {got}"
print("relative_step: the public checks pass")

# %% [markdown]
# ## 6. Three numbers (3 points)
#
# Write `summarize(losses, seen, digits)`, which returns the tuple `(gain, share, text)`. `losses`
# has the shape `(n_steps + 1, n)`: its row $t$ holds the losses of the $n$ images after $t$ steps.
# `seen` holds the digits that a judge sees in the decoded points after the last step, and `digits`
# those of the images.
#
# - `gain` is the mean over the images of the change of the loss in per cent of the loss at the
#   start: negative where the loss fell.
# - `share` is the share of the images whose digit was seen, between 0 and 1.
# - `text` is the same in per cent, with two decimals and a blank: `"75.00 %"`.
#
# Example: with the losses `[[40, 20], [30, 21], [30, 18]]`, the digits seen `[7, 1]` and the digits
# `[7, 7]`, it is `(-17.5, 0.5, "50.00 %")`: the losses fell by 25 % and by 10 %.


# %% tags=["answer:summarize"]
def summarize(losses, seen, digits):
    """Return (gain, share, text): mean gain in %, share of digits seen, and the share in %."""
    ### BEGIN SOLUTION
    gain = float(np.mean(100 * (losses[-1] - losses[0]) / losses[0]))
    share = float(np.mean(np.asarray(seen) == np.asarray(digits)))
    return gain, share, f"{100 * share:.2f} %"
    ### END SOLUTION


# %% tags=["test:test_summarize:3"]
losses = np.array([[40.0, 20.0], [30.0, 21.0], [30.0, 18.0]])
gain, share, text = summarize(losses, np.array([7, 1]), np.array([7, 7]))
assert np.isclose(gain, -17.5), f"the mean of -25 % and -10 %: expected -17.5, got {gain}"
assert np.isclose(share, 0.5), f"1 of 2: expected the share 0.5, got {share}"
assert text == "50.00 %", f"expected the text '50.00 %', got {text!r}"

# The source's count: 4176 digits of 5000.
seen = np.repeat([1, 0], [4176, 824])
_, share, text = summarize(np.ones((3, 5000)), seen, np.ones(5000, dtype=int))
assert np.isclose(share, 0.8352), f"4176 of 5000: expected the share 0.8352, got {share}"
assert text == "83.52 %", f"4176 of 5000: expected '83.52 %', got {text!r}"
print("summarize: the public checks pass")

# %% [markdown]
# ## 7. Two starts, one image (4 points)
#
# Nothing to write in the next two cells: run them when your functions are ready. A decoder with
# random weights makes an image of a point that we know, the star. Two searches start from other
# points, each with the steps of Levenberg and Marquardt and with the steps of section 5.

# %%
rng = np.random.default_rng(28)
weights = [rng.normal(0, 1.0, (12, 2)), rng.normal(0, 0.6, (12, 12)), rng.normal(0, 0.6, (40, 12))]
biases = [rng.normal(0, 1.0, 12), rng.normal(0, 0.5, 12), np.zeros(40)]
star = np.array([[2.0, 1.0]])
target = decode(star, weights, biases)

paths = {}
for name, start in {"A": [1.0, 2.0], "B": [-2.0, 2.0]}.items():
    lm_path, dampings = [np.array([start])], np.array([0.01])
    relative_path = [np.array([start])]
    for _ in range(150):
        points, dampings = lm_step(lm_path[-1], target, dampings, weights, biases)
        lm_path.append(points)
        _, gradients = loss_and_gradient(relative_path[-1], target, weights, biases)
        relative_path.append(relative_step(relative_path[-1], gradients, 0.001))
    for method, path in {"Levenberg-Marquardt": lm_path, "relative steps": relative_path}.items():
        paths[name, method] = np.concatenate(path)
        losses, gradients = loss_and_gradient(path[-1], target, weights, biases)
        print(f"{name}, {method:>19}: ends at {path[-1][0].round(3)},", end=" ")
        print(f"loss {losses[0]:.4f}, gradient {np.linalg.norm(gradients):.4f}")

# %%
axis = np.linspace(-4, 4, 161)
grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
heights, _ = loss_and_gradient(grid, np.repeat(target, len(grid), axis=0), weights, biases)
distances = np.sqrt(2 * heights).reshape(161, 161)
contours = plt.contour(axis, axis, distances, levels=30, cmap="cividis")
plt.colorbar(contours, label="distance of the images")
for (name, method), path in paths.items():
    style = "o-" if method == "Levenberg-Marquardt" else "s:"
    plt.plot(*path.T, style, markersize=3, label=f"{name}, {method}")
plt.plot(*star[0], "k*", markersize=12, label="the star")
plt.legend(fontsize=7, loc="lower left")
plt.xlabel("$y_1$")
plt.ylabel("$y_2$")
plt.show()

# %% [markdown] tags=["manual:basin:4"]
# ## Your answer
#
# In about ten lines, with numbers from the two cells above:
#
# 1. One of the searches by Levenberg and Marquardt does not find the star. Where does it stop, with
#    which loss and which gradient, and why does it not go on? Use the word *basin*.
# 2. Would more steps, a smaller damping, or exact second derivatives help it? Name one thing that
#    does help, say what it costs, and why it is possible for two coordinates and not for 200.
# 3. Both searches with relative steps stop somewhere else. Compare how far they came with what 150
#    steps at the rate 0.001 allow. Is the reason the same?
#
# ### BEGIN SOLUTION
# *Mark scheme, whatever the words:*
#
# 1. *The wrong basin (2 points).* One point for the numbers of the own run: the end of search B,
#    its loss, which is clearly above 0, and its gradient, which is about 0. One point for the
#    reason: it is a local minimum. Every step must lower the loss, and around that point every
#    direction goes up; to reach the star the loss would have to rise first, over the ridge between
#    two basins. Where a descent ends is decided by the basin of its start.
# 2. *What helps (1 point).* More steps, another damping or exact second derivatives do not: these
#    find the bottom of the same basin sooner or more exactly. Many starts do, or the losses of a
#    grid over the plane with a search from the lowest nodes. It costs a decoding of each node, once
#    for all the images; with 161 nodes for each coordinate, 200 coordinates need $161^{200}$ nodes.
#    (A large first step, or random jumps, may be accepted with the remark that they find it by
#    luck.)
# 3. *Out of reach (1 point).* No. A relative step is at most 0.001 of the length of the point, so
#    that 150 steps move it by at most $1.001^{150} - 1$, about 16 % of the length of the start. The
#    gradient at the end is not 0: search A is on its way in the right basin, and was stopped by the
#    length of its steps, not by a minimum. A distance of the own run must be compared with the
#    bound.
# ### END SOLUTION
