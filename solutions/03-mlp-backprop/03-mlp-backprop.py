# %% [markdown]
# # Assignment 3: back-propagation
#
# A network of three layers makes a bad guess. Who is to blame, and by how much? The blame travels
# backwards, one layer at a time. You write the layer, its three gradients, the blame at the
# output, the blame one layer below, and one step of learning for the whole network.
#
# - You need NumPy, paper and the chapter *The MLP and back-propagation*. Nothing else is
#   imported.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
#
# Everywhere, the $n$ examples are rows, and the weights stand as on paper: `weights` has the shape
# `(n_out, n_in)`, one row for each neuron.
#
# 20 points: 16 for the five functions, 4 for the written answer at the end.

# %% tags=["locked:imports"]
import numpy as np

# %% [markdown]
# The network 3-4-3-2 of the chapter, with its first weights, its one example and the label of that
# example (class 0, one-hot). Some of the public checks use it.

# %% tags=["locked:network"]
draw, SIZES = np.random.RandomState(42), [3, 4, 3, 2]
WEIGHTS = [draw.normal(0, 0.5, shape) for shape in zip(SIZES[1:], SIZES[:-1], strict=True)]
BIASES = [draw.normal(0, 0.1, n_out) for n_out in SIZES[1:]]
EXAMPLE, LABEL = np.array([[1.0, 4.0, 5.0]]), np.array([[1.0, 0.0]])

# %% [markdown]
# ## 1. One layer (3 points)
#
# Write `dense_forward(x, weights, bias)`, which returns the array of shape `(n, n_out)` of the
# pre-activations, without an activation function. `x` has the shape `(n, n_in)`, `weights`
# `(n_out, n_in)` and `bias` `(n_out,)`. For one example, a column on paper, it is
# $z = W x + b$; each row of the result holds the $z$ of one example.
#
# Example: with `x = [[1, 2]]`, `weights = [[3, 4]]` and `bias = [5]`, it is `[[16]]`.


# %% tags=["answer:dense_forward"]
def dense_forward(x, weights, bias):
    """Return the pre-activations of a layer, an array of shape (n, n_out)."""
    ### BEGIN SOLUTION
    return x @ weights.T + bias
    ### END SOLUTION


# %% tags=["test:test_dense_forward:3"]
got = dense_forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([5.0]))
assert np.shape(got) == (1, 1), f"1 example, 1 neuron: expected the shape (1, 1), got {got}"
assert np.allclose(got, [[16.0]]), f"1 * 3 + 2 * 4 + 5: expected [[16.]], got {got}"

# The first layer of the network: three numbers come in, four go out.
got = dense_forward(EXAMPLE, WEIGHTS[0], BIASES[0])
want = [[1.53087916, -0.10690640, 1.14944018, -1.92565084]]
assert np.shape(got) == (1, 4), f"first layer: expected the shape (1, 4), got {np.shape(got)}"
assert np.allclose(got, want), f"first layer: expected {want}, got {got}"
print("dense_forward: the public checks pass")

# %% [markdown]
# ## 2. Its three gradients (4 points)
#
# Write `dense_backward(x, weights, dz)`, which returns the tuple of arrays `(dx, dw, db)`: the
# gradients of the loss $\mathcal{L}$ for the layer's input, weights and bias. `x` and `weights`
# are those of the forward pass; `dz`, of shape `(n, n_out)`, holds
# $\partial \mathcal{L} / \partial z$. Each gradient has the shape of what it is the gradient for.
# The loss is a mean over the examples, and `dz` has that $1/n$ in it already.
#
# Example: with `x = [[2]]`, `weights = [[3]]` and `dz = [[1]]`, it is `([[3]], [[2]], [1])`.


# %% tags=["answer:dense_backward"]
def dense_backward(x, weights, dz):
    """Return (dx, dw, db), the gradients for the input, the weights and the bias."""
    ### BEGIN SOLUTION
    return dz @ weights, dz.T @ x, np.sum(dz, axis=0)
    ### END SOLUTION


# %% tags=["test:test_dense_backward:4"]
got = dense_backward(np.array([[2.0]]), np.array([[3.0]]), np.array([[1.0]]))
for name, part, want in zip(("dx", "dw", "db"), got, ([[3.0]], [[2.0]], [1.0]), strict=True):
    assert np.shape(part) == np.shape(want), f"{name}: expected {want}, got {part}"
    assert np.allclose(part, want), f"{name}: expected {want}, got {part}"

# Two examples, three inputs, two neurons: each gradient has the shape of its array.
x, weights = np.ones((2, 3)), np.ones((2, 3))
shapes = [np.shape(part) for part in dense_backward(x, weights, np.ones((2, 2)))]
want = [(2, 3), (2, 3), (2,)]
assert shapes == want, f"expected the shapes {want} of dx, dw, db, got {shapes}"
print("dense_backward: the public checks pass")

# %% [markdown]
# ## 3. The blame at the output (3 points)
#
# Write `cross_entropy(z, y)`, which returns the tuple `(loss, delta)`. `z` has the shape `(n, K)`:
# the logits of $n$ examples. `y` has the same shape: their labels, one-hot. With the softmax
# $\hat{y}$ of each row, `loss` is the float
#
# $$\mathcal{L} = -\frac{1}{n} \sum_{i=1}^{n} \sum_{k=1}^{K} y_{ik} \log \hat{y}_{ik},$$
#
# and `delta`, of shape `(n, K)`, is its gradient $\partial \mathcal{L} / \partial z$. Logits of
# 1000 or -1000 happen: the loss of a label that the network thinks impossible is large, not
# infinite. Simplify $\log \hat{y}$ on paper first.
#
# Example: with `z = [[0, 0]]` and `y = [[1, 0]]`, it is $\log 2 \approx 0.693$ and
# `[[-0.5, 0.5]]`.


# %% tags=["answer:cross_entropy"]
def cross_entropy(z, y):
    """Return (loss, delta): the mean cross-entropy of softmax(z) and its gradient for z."""
    ### BEGIN SOLUTION
    shifted = z - np.max(z, axis=1, keepdims=True)
    log_share = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return float(-np.sum(y * log_share) / len(z)), (np.exp(log_share) - y) / len(z)
    ### END SOLUTION


# %% tags=["test:test_cross_entropy:3"]
loss, delta = cross_entropy(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]))
assert np.isclose(loss, np.log(2)), f"two equal logits: expected the loss 0.6931, got {loss}"
assert np.allclose(delta, [[-0.5, 0.5]]), f"expected the delta [[-0.5, 0.5]], got {delta}"

# The same example twice: a mean does not change, and each row has half of the blame.
loss, delta = cross_entropy(np.zeros((2, 2)), np.array([[1.0, 0.0], [1.0, 0.0]]))
assert np.isclose(loss, np.log(2)), f"the same example twice: expected 0.6931, got {loss}"
want = [[-0.25, 0.25], [-0.25, 0.25]]
assert np.allclose(delta, want), f"the same example twice: expected the delta {want}, got {delta}"
print("cross_entropy: the public checks pass")

# %% [markdown]
# ## 4. The blame one layer below (3 points)
#
# Write `hidden_delta(delta, weights, z)`, which returns the array of shape `(n, n_hidden)` of
# $\partial \mathcal{L} / \partial z$ for a hidden layer whose activation function is ReLU. `z`, of
# shape `(n, n_hidden)`, holds the pre-activations of that layer; `weights`, of shape
# `(n_out, n_hidden)`, and `delta`, of shape `(n, n_out)`, belong to the layer *above* it. The
# derivative of ReLU at 0 is taken as 0.
#
# Example: with `delta = [[1]]`, `weights = [[2, 3]]` and `z = [[5, -5]]`, it is `[[2, 0]]`.


# %% tags=["answer:hidden_delta"]
def hidden_delta(delta, weights, z):
    """Return the gradient of the loss for the pre-activations `z` of a ReLU layer."""
    ### BEGIN SOLUTION
    return (delta @ weights) * (z > 0)
    ### END SOLUTION


# %% tags=["test:test_hidden_delta:3"]
got = hidden_delta(np.array([[1.0]]), np.array([[2.0, 3.0]]), np.array([[5.0, -5.0]]))
assert np.shape(got) == (1, 2), f"2 hidden neurons: expected the shape (1, 2), got {np.shape(got)}"
assert np.allclose(got, [[2.0, 0.0]]), f"expected [[2., 0.]], got {got}"

# The second hidden layer of the network. Its first two neurons are silent: no blame for them.
z = np.array([[-0.72388294, -1.41920507, 1.18156175]])
got = hidden_delta(np.array([[-0.63894921, 0.63894921]]), WEIGHTS[2], z)
want = [[0.0, 0.0, 0.27452447]]
assert np.allclose(got, want), f"second hidden layer: expected {want}, got {got}"
print("hidden_delta: the public checks pass")

# %% [markdown]
# ## 5. One step of learning (3 points)
#
# Write `train_step(x, y, weights, biases, rate)`, which returns the tuple of lists
# `(new_weights, new_biases)` after one update of *all* layers by gradient descent. `weights` and
# `biases` are lists of $L \ge 1$ arrays, from the first layer to the last one. ReLU follows each
# layer but the last one; the loss is that of section 3. `x` has the shape `(n, n_in)`, `y`
# `(n, K)`. The lists and arrays that come in stay as they are.
#
# Call your functions of the sections above. The whole gradient belongs to the *old* weights.


# %% tags=["answer:train_step"]
def train_step(x, y, weights, biases, rate):
    """Return (new_weights, new_biases) after one step of gradient descent."""
    ### BEGIN SOLUTION
    outputs, hidden = [x], []
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        hidden.append(dense_forward(outputs[-1], w, b))
        outputs.append(np.maximum(hidden[-1], 0))
    _, delta = cross_entropy(dense_forward(outputs[-1], weights[-1], biases[-1]), y)

    new_weights, new_biases = list(weights), list(biases)
    for layer in reversed(range(len(weights))):
        _, dw, db = dense_backward(outputs[layer], weights[layer], delta)
        new_weights[layer] = weights[layer] - rate * dw
        new_biases[layer] = biases[layer] - rate * db
        if layer > 0:
            delta = hidden_delta(delta, weights[layer], hidden[layer - 1])
    return new_weights, new_biases
    ### END SOLUTION


# %% tags=["test:test_train_step:3"]
# A single layer that starts from nothing: the blame is (-0.5, 0.5), the input 2.
old_weights, old_biases = [np.zeros((2, 1))], [np.zeros(2)]
new = train_step(np.array([[2.0]]), np.array([[1.0, 0.0]]), old_weights, old_biases, 0.1)
assert np.allclose(new[0][0], [[0.1], [-0.1]]), f"expected [[0.1], [-0.1]], got {new[0][0]}"
assert np.allclose(new[1][0], [0.05, -0.05]), f"expected the bias [0.05, -0.05], got {new[1][0]}"
assert not np.any(old_weights[0]), f"the old weights must stay 0, they are {old_weights[0]}"

# The network at the rate 0.1. Each bias moves by 0.1 times the blame of its neuron: a layer whose
# numbers are wrong tells you where to look.
new = train_step(EXAMPLE, LABEL, WEIGHTS, BIASES, 0.1)
blame = [[0.20117823, 0, 0.00926907, 0], [0, 0, 0.27452447], [-0.63894921, 0.63894921]]
for number, want in enumerate(blame):
    got = (BIASES[number] - new[1][number]) / 0.1
    assert np.allclose(got, want), f"layer {number + 1}: expected the blame {want}, got {got}"

# On paper, with a column: the loss of the example falls from 1.0187 to 0.7248.
z1 = new[0][0] @ EXAMPLE[0] + new[1][0]
z2 = new[0][1] @ np.maximum(z1, 0) + new[1][1]
z3 = new[0][2] @ np.maximum(z2, 0) + new[1][2]
got, want = np.log(np.sum(np.exp(z3))) - z3[0], 0.7248228071678041
assert np.isclose(got, want), f"the loss after the step: expected {want}, got {got}"
print("train_step: the public checks pass")

# %% [markdown] tags=["manual:recipe:4"]
# ## 6. A recipe found in a drawer (4 points)
#
# This recipe is meant for the network 3-4-3-2, with the weights $W^{(1)}$, $W^{(2)}$, $W^{(3)}$
# and columns as on paper:
#
# > 1. At the output, $\delta^{(3)} = \hat{y} - y$.
# > 2. For $l = 2$, then for $l = 1$:
# >    - $W^{(l+1)} \leftarrow W^{(l)} - \eta\, \dfrac{\partial \mathcal{L}}{\partial W^{(l)}}$,
# >      where $\dfrac{\partial \mathcal{L}}{\partial W^{(l)}} = \delta^{(l)} (a^{(l-1)})^T$;
# >    - then $\delta^{(l-1)} = (W^{(l)})^T \delta^{(l)} \odot \mathrm{ReLU}'(z^{(l-1)})$.
#
# It holds three errors: one in the left-hand side of the update, one in the values of $l$ and, once
# these are mended, one in the order of the two lines. In about six lines, say for each one how you
# notice it (a shape, a layer, a formula that uses the wrong numbers), and write the loop as it
# should be. Then describe one test that a wrong backward pass fails, even if its loss goes down.
#
# ### BEGIN SOLUTION
# *Mark scheme, one point each, whatever the words:*
#
# 1. *The left-hand side.* It must be $W^{(l)}$: the layer's index does not move, only the step of
#    the training does. Shapes tell: $W^{(2)}$ is 3 by 4 and $W^{(3)}$ is 2 by 3, so that the line
#    cannot even be executed.
# 2. *The values of $l$.* The loop must run over $l = 3, 2, 1$: as it stands, the output layer
#    never gets a gradient nor an update (and $\delta^{(2)}$ is used before anybody made it). The
#    last $\delta^{(0)}$ is not needed.
# 3. *The order.* As soon as the update changes $W^{(l)}$, the line below it uses the new one, but
#    $\delta^{(l-1)}$ needs the $W^{(l)}$ of the forward pass: compute it before the update (or keep
#    the old weights). The corrected loop must be written in some form for this point.
# 4. *A test.* Finite differences of the loss, parameter by parameter, against the gradient, in
#    every layer; or: after one step every $W^{(l)}$ has changed by $-\eta$ times such a gradient. A
#    falling loss proves little: the lower layers alone can lower it.
#
# The biases are missing in the recipe too: an answer that says so may win back one lost point.
# ### END SOLUTION
