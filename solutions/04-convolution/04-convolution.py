# %% [markdown]
# # Assignment 4: convolution
#
# A small window slides along a signal and asks the same question everywhere. You write the window
# in one dimension, its three gradients, the way back through max pooling, and the window in two
# dimensions.
#
# - You need NumPy, paper and the chapters *1D convolution* and *2D convolution*. Nothing else is
#   imported.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
#
# Everywhere, there is one example, and the channels come *first*, as on paper: a signal has the
# shape `(channels, length)`, an image `(channels, height, width)`. The stride is 1, and nothing is
# padded. Clear loops are fast enough.
#
# 20 points: 16 for the four functions, 4 for the written answer at the end.

# %% tags=["locked:imports"]
import numpy as np

# %% [markdown]
# ## 1. A window on a signal (4 points)
#
# Write `conv1d_forward(x, kernels, bias)`, which returns the array of shape
# `(filters, length - k + 1)`. `x` has the shape `(channels, length)`, `kernels`
# `(filters, channels, k)` with $k \le$ `length`, and `bias` `(filters,)`:
#
# $$z_{f,t} = b_f + \sum_{c} \sum_{j=0}^{k-1} w_{f,c,j}\; x_{c,t+j}.$$
#
# Example: for the signal `[[0.2, 0.6, 0.9, 0.7]]`, the kernel `[[[0.5, 1, 0.5]]]` and the bias
# `[0]`, it is `[[1.15, 1.55]]`.


# %% tags=["answer:conv1d_forward"]
def conv1d_forward(x, kernels, bias):
    """Return the pre-activations z of a convolution, of shape (filters, length - k + 1)."""
    ### BEGIN SOLUTION
    size = kernels.shape[2]
    steps = x.shape[1] - size + 1
    answers = [np.sum(kernels * x[:, t : t + size], axis=(1, 2)) + bias for t in range(steps)]
    return np.stack(answers, axis=1)
    ### END SOLUTION


# %% tags=["test:test_conv1d_forward:4"]
signal = np.array([[0.2, 0.6, 0.9, 0.7]])
got = conv1d_forward(signal, np.array([[[0.5, 1.0, 0.5]]]), np.array([0.0]))
assert np.shape(got) == (1, 2), f"4 numbers, a window of 3: expected (1, 2), got {np.shape(got)}"
assert np.allclose(got, [[1.15, 1.55]]), f"expected [[1.15, 1.55]], got {got}"

# Two filters on two channels: the first filter adds the channels, the second one waits.
kernels, bias = np.array([[[1.0], [1.0]], [[0.0], [0.0]]]), np.array([0.0, 5.0])
got = conv1d_forward(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), kernels, bias)
want = [[11.0, 22.0, 33.0], [5.0, 5.0, 5.0]]
assert np.shape(got) == (2, 3), f"2 filters, windows of 1: expected (2, 3), got {np.shape(got)}"
assert np.allclose(got, want), f"two filters: expected {want}, got {np.asarray(got).tolist()}"
print("conv1d_forward: the public checks pass")

# %% [markdown]
# ## 2. Its three gradients (5 points)
#
# Write `conv1d_backward(x, kernels, dz)`, which returns the tuple of arrays `(dx, dw, db)`: the
# gradients of a loss $\mathcal{L}$ for the signal, the kernels and the bias, each with the shape
# of what it is the gradient for. `x` and `kernels` are those of section 1; `dz`, of shape
# `(filters, length - k + 1)`, holds $\partial \mathcal{L} / \partial z$.
#
# Do not learn a formula by heart: in section 1, which $z_{f,t}$ does $x_{c,s}$ enter, and what
# multiplies it there? The kernel of the chapter reads the same from both ends; those of the
# checks do not.
#
# Example: with `x = [[1, 2]]`, `kernels = [[[3, 4]]]` and `dz = [[1]]`, it is
# `([[3, 4]], [[[1, 2]]], [1])`.


# %% tags=["answer:conv1d_backward"]
def conv1d_backward(x, kernels, dz):
    """Return (dx, dw, db), the gradients for the signal, the kernels and the bias."""
    ### BEGIN SOLUTION
    dx, dw = np.zeros(x.shape), np.zeros(kernels.shape)
    for f, t in np.ndindex(dz.shape):
        window = slice(t, t + kernels.shape[2])
        dx[:, window] += dz[f, t] * kernels[f]
        dw[f] += dz[f, t] * x[:, window]
    return dx, dw, np.sum(dz, axis=1)
    ### END SOLUTION


# %% tags=["test:test_conv1d_backward:5"]
got = conv1d_backward(np.array([[1.0, 2.0]]), np.array([[[3.0, 4.0]]]), np.array([[1.0]]))
for name, part, want in zip(("dx", "dw", "db"), got, ([[3, 4]], [[[1, 2]]], [1]), strict=True):
    assert np.shape(part) == np.shape(want), f"{name}: expected {want}, got {part}"
    assert np.allclose(part, want), f"{name}: expected {want}, got {part}"

# A window of 2 on three numbers: the one in the middle is seen twice.
dx, dw, db = conv1d_backward(np.ones((1, 3)), np.ones((1, 1, 2)), np.ones((1, 2)))
assert np.allclose(dx, [[1, 2, 1]]), f"dx: expected [[1, 2, 1]], got {dx}"
assert np.allclose(dw, [[[2, 2]]]), f"dw: expected [[[2, 2]]], got {dw}"
assert np.allclose(db, [2]), f"db: expected [2], got {db}"
print("conv1d_backward: the public checks pass")

# %% [markdown]
# ## 3. Who won? (4 points)
#
# Max pooling cuts each channel into windows of `size` numbers, side by side, and keeps the largest
# number of each window. Numbers at the end that do not fill a window are left out.
#
# Write `max_pool_backward(x, size, dy)`, which returns the gradient of the loss for `x`, an array
# of the shape of `x`. `x` has the shape `(channels, length)`; `dy`, of shape
# `(channels, length // size)`, is the gradient for the output of the pooling. All of it goes to
# the winner of each window; when several are equally large, to the *first* of them.
#
# Example: with `x = [[1, 3, 2, 0]]`, `size = 2` and `dy = [[5, 7]]`, it is `[[0, 5, 7, 0]]`.


# %% tags=["answer:max_pool_backward"]
def max_pool_backward(x, size, dy):
    """Return the gradient for the input `x` of a max pooling, of the shape of `x`."""
    ### BEGIN SOLUTION
    dx = np.zeros(x.shape)
    for channel, cell in np.ndindex(dy.shape):
        first = cell * size
        winner = first + np.argmax(x[channel, first : first + size])
        dx[channel, winner] = dy[channel, cell]
    return dx
    ### END SOLUTION


# %% tags=["test:test_max_pool_backward:4"]
got = max_pool_backward(np.array([[1.0, 3.0, 2.0, 0.0]]), 2, np.array([[5.0, 7.0]]))
assert np.shape(got) == (1, 4), f"expected the shape (1, 4) of x, got {np.shape(got)}"
assert np.allclose(got, [[0, 5, 7, 0]]), f"expected [[0, 5, 7, 0]], got {got}"

# After ReLU a window is often all zeros. Its first number is the winner.
got = max_pool_backward(np.zeros((1, 3)), 3, np.array([[5.0]]))
assert np.allclose(got, [[5, 0, 0]]), f"three zeros: expected [[5, 0, 0]], got {got}"
print("max_pool_backward: the public checks pass")

# %% [markdown]
# ## 4. A window on an image (3 points)
#
# Write `conv2d_forward(x, kernels, bias)`, which returns the array of shape
# `(filters, height - p + 1, width - q + 1)`. `x` has the shape `(channels, height, width)`,
# `kernels` `(filters, channels, p, q)` and `bias` `(filters,)`:
#
# $$z_{f,r,s} = b_f + \sum_{c} \sum_{i=0}^{p-1} \sum_{j=0}^{q-1} w_{f,c,i,j}\; x_{c,r+i,s+j}.$$
#
# Example: for the image `[[[1, 2], [3, 4]]]`, the kernel `[[[[0, 1], [0, 0]]]]`, which looks at
# the upper right corner of its window, and the bias `[10]`, it is `[[[12]]]`.


# %% tags=["answer:conv2d_forward"]
def conv2d_forward(x, kernels, bias):
    """Return the pre-activations of a convolution, (filters, height - p + 1, width - q + 1)."""
    ### BEGIN SOLUTION
    filters, _, p, q = kernels.shape
    z = np.zeros((filters, x.shape[1] - p + 1, x.shape[2] - q + 1))
    for r, s in np.ndindex(z.shape[1:]):
        z[:, r, s] = np.sum(kernels * x[:, r : r + p, s : s + q], axis=(1, 2, 3)) + bias
    return z
    ### END SOLUTION


# %% tags=["test:test_conv2d_forward:3"]
corner, image = np.array([[[[0.0, 1.0], [0.0, 0.0]]]]), np.array([[[1.0, 2.0], [3.0, 4.0]]])
got = conv2d_forward(image, corner, np.array([10.0]))
assert np.shape(got) == (1, 1, 1), f"one window: expected the shape (1, 1, 1), got {np.shape(got)}"
assert np.allclose(got, [[[12.0]]]), f"2 in the corner, bias 10: expected [[[12.]]], got {got}"

# Dark on the left, bright on the right: the filter of Sobel answers with positive numbers.
image = np.array([[[0.0, 0.0, 1.0, 1.0]] * 3])
sobel = np.array([[[[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]]])
got = conv2d_forward(image, sobel, np.array([0.0]))
assert np.shape(got) == (1, 1, 2), (
    f"3 by 4 image: expected the shape (1, 1, 2), got {np.shape(got)}"
)
assert np.allclose(got, [[[4.0, 4.0]]]), f"an edge: expected [[[4., 4.]]], got {got}"
print("conv2d_forward: the public checks pass")

# %% [markdown] tags=["manual:beep:4"]
# ## 5. A beep that moves (4 points)
#
# A signal of ten numbers is 0 everywhere but at the beep, where it is 1. A convolution with the
# kernel $(0, 1, 0)$ and a max pooling by 2 follow. The beep is moved to the right, twice:
#
# | beep at | after the convolution | after the pooling |
# | --- | --- | --- |
# | $t = 3$ | 0 0 1 0 0 0 0 0 | 0 1 0 0 |
# | $t = 4$ | 0 0 0 1 0 0 0 0 | 0 1 0 0 |
# | $t = 5$ | 0 0 0 0 1 0 0 0 | 0 0 1 0 |
#
# "A convolution is invariant under translation", says a slide: "wherever the beep is, the answer
# is the same." In about six lines, say what the middle column really does and why; what the
# pooling adds, and how far that goes; and what you would put behind these two layers so that the
# network answers "there is a beep", wherever it is.
#
# ### BEGIN SOLUTION
# *Mark scheme, one point each, whatever the words:*
#
# 1. *Equivariant, not invariant.* The answer moves with the beep, by as much: shifting and
#    convolving can be exchanged. The word itself is not needed, the difference is.
# 2. *Why.* The same weights look at each position (shared weights), with no position in the
#    formula. Full marks also with $z_{t}$ written for a shifted signal. At the borders a window
#    is missing: a beep at $t = 0$ is never under the middle of the kernel.
# 3. *The pooling.* Invariant inside a window only: 3 to 4 changes nothing, 4 to 5 crosses a border
#    and changes the output, although the shift is as small. (A shift by 2 moves it by one cell.)
# 4. *The rest of the network.* The maximum (or the mean, or the sum) over all the positions, that
#    is global pooling, gives the same number for each beep. Dense layers on the flattened cells
#    have separate weights for each position: they must see beeps everywhere while they learn
#    (data augmentation is accepted as the remedy).
# ### END SOLUTION
