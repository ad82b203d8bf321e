# %% [markdown]
# # Assignment 9: learning where to start
#
# Many tasks look alike without being equal. For each of them only a few rows are at hand, so that
# a few steps of gradient descent are all that one dares. Where should these steps start? You write
# the steps, the loss that comes after them, its gradient through the steps, and two cheaper ways;
# then you see on a map where each of them goes.
#
# - You need NumPy and the chapter *Learning to learn: MAML*. Nothing else is imported, but
#   Matplotlib for the figure of section 7.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
#
# The model is the simplest one that can be adapted: it predicts $w \cdot x$ for a row $x$. Its
# loss on $n$ rows is
#
# $$L(w) = \frac{1}{2n} \sum_{i=1}^{n} (w \cdot x_i - y_i)^2 .$$
#
# Mind the half: with it, the gradient is $\frac1n X^T (X w - y)$ and the matrix of second
# derivatives $H = \frac1n X^T X$, with the same $n$.
#
# Everywhere, `weights` has the shape `(d,)`. So has `rates`: each weight has a positive learning
# rate *of its own*, $\alpha_j$, for the steps on a task. The arrays that come in stay as they are.
#
# 20 points: 16 for the six functions, 4 for the written answer at the end. About 90 minutes.

# %% tags=["locked:imports"]
import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# From section 3 on, `tasks` is a tuple of four arrays: `X_support` of the shape `(T, K, d)`,
# `y_support` `(T, K)`, `X_query` `(T, Q, d)` and `y_query` `(T, Q)`. A task adapts itself on its
# `K` support rows, and is judged on its `Q` query rows. With `zip(*tasks)` you get the tasks one
# after the other. Here are two, with one weight.

# %% tags=["locked:tasks"]
TWO_TASKS = (
    np.array([[[1.0], [3.0]], [[1.0], [3.0]]]),
    np.array([[0.0, 0.0], [1.0, 3.0]]),
    np.array([[[2.0]], [[2.0]]]),
    np.array([[0.0], [0.0]]),
)

# %% [markdown]
# ## 1. One step on a task (2 points)
#
# Write `inner_step(weights, X, y, rates)`, which returns the weights after one step of gradient
# descent on the rows `X`, of the shape `(n, d)`, with the targets `y`, of the shape `(n,)`. Each
# component of the gradient is multiplied by the rate of its weight.
#
# Example: with `weights = [1, 0]`, the row `[2, 1]` and its target 1, the error is 1 and the
# gradient `[2, 1]`. With `rates = [0.1, 0.5]` the result is `[0.8, -0.5]`.


# %% tags=["answer:inner_step"]
def inner_step(weights, X, y, rates):
    """Return the weights after one step on the rows of a task, an array of shape (d,)."""
    ### BEGIN SOLUTION
    slope = X.T @ (X @ weights - y) / len(X)
    return weights - rates * slope
    ### END SOLUTION


# %% tags=["test:test_inner_step:2"]
start = np.array([1.0, 0.0])
got = inner_step(start, np.array([[2.0, 1.0]]), np.array([1.0]), np.array([0.1, 0.5]))
assert np.shape(got) == (2,), f"2 weights: expected the shape (2,), got {np.shape(got)}"
assert np.allclose(got, [0.8, -0.5]), f"expected [0.8, -0.5], got {got}"
assert np.allclose(start, [1.0, 0.0]), f"the weights that came in must stay, they are {start}"

# Two rows: the gradient is the mean of 1 and 9.
got = inner_step(np.array([1.0]), np.array([[1.0], [3.0]]), np.zeros(2), np.array([0.1]))
assert np.allclose(got, [0.5]), f"1 - 0.1 * (1 + 9) / 2: expected [0.5], got {got}"
print("inner_step: the public checks pass")

# %% [markdown]
# ## 2. Several steps (2 points)
#
# Write `adapt(weights, X, y, rates, n_steps)`, which returns the array of shape `(n_steps + 1, d)`
# of the weights on the way: the start, then the weights after each step. Each step goes on from
# the weights of the step before it. `n_steps` may be 0.
#
# Call your function of section 1.


# %% tags=["answer:adapt"]
def adapt(weights, X, y, rates, n_steps):
    """Return the weights before the first step and after each step, shape (n_steps + 1, d)."""
    ### BEGIN SOLUTION
    way = [weights]
    for _ in range(n_steps):
        way.append(inner_step(way[-1], X, y, rates))
    return np.array(way)
    ### END SOLUTION


# %% tags=["test:test_adapt:2"]
X, y, rates = np.array([[1.0], [3.0]]), np.zeros(2), np.array([0.1])
got = adapt(np.array([1.0]), X, y, rates, 2)
assert np.shape(got) == (3, 1), f"2 steps, 1 weight: expected the shape (3, 1), got {np.shape(got)}"
assert np.allclose(got, [[1.0], [0.5], [0.25]]), f"expected [[1], [0.5], [0.25]], got {got}"
got = adapt(np.array([1.0]), X, y, rates, 0)
assert np.shape(got) == (1, 1), f"no step: expected the shape (1, 1), got {np.shape(got)}"
print("adapt: the public checks pass")

# %% [markdown]
# ## 3. The loss after the steps (3 points)
#
# Write `meta_loss(weights, tasks, rates, n_steps)`, which returns a float. Each task starts at
# `weights` and takes `n_steps` steps on its *support* rows; its loss $L$ is that of its *query*
# rows, with the weights after the last step. The result is the mean over the tasks.
#
# Example: in `TWO_TASKS`, one step at the rate 0.1 leads from 1 to 0.5 in the first task and
# nowhere in the second one. The losses are $\frac12 (2 \cdot 0.5)^2$ and $\frac12 (2 \cdot 1)^2$,
# and their mean 1.25.


# %% tags=["answer:meta_loss"]
def meta_loss(weights, tasks, rates, n_steps):
    """Return the mean over the tasks of the query loss after the steps, a float."""
    ### BEGIN SOLUTION
    losses = []
    for X, y, X_query, y_query in zip(*tasks, strict=True):
        adapted = adapt(weights, X, y, rates, n_steps)[-1]
        losses.append(np.mean((X_query @ adapted - y_query) ** 2) / 2)
    return float(np.mean(losses))
    ### END SOLUTION


# %% tags=["test:test_meta_loss:3"]
one, rate = np.array([1.0]), np.array([0.1])
got = meta_loss(one, TWO_TASKS, rate, 1)
assert np.isclose(got, 1.25), f"the mean of 0.5 and 2: expected 1.25, got {got}"
got = meta_loss(one, TWO_TASKS, rate, 0)
assert np.isclose(got, 2.0), f"no step, both tasks have the loss 2: expected 2, got {got}"
print("meta_loss: the public checks pass")

# %% [markdown]
# ## 4. The gradient through the steps (4 points)
#
# Write `meta_gradient(weights, tasks, rates, n_steps)`, which returns the gradient of the loss of
# section 3 by the weights *at the start*, an array of the shape `(d,)`. It is the mean over the
# tasks. For one task, let $g$ be the gradient of the query loss at the weights after the last
# step. A step is $w' = w - \alpha \odot \nabla L(w)$, with the Jacobian
# $I - \mathrm{diag}(\alpha) H$, where $H$ belongs to the support rows. The chain rule applies the
# *transpose* of it, once for each step:
#
# $$g \leftarrow g - H\, (\alpha \odot g).$$
#
# (The loss is a parabola: $H$ is the same in every step. For a network it would not be.)
#
# Example: in `TWO_TASKS` $H$ is 5, and a step at the rate 0.1 halves the distance to the goal. The
# derivatives of the query losses are 2 and 4 at the weights after the step, and 1 and 2 at the
# start, with the mean `[1.5]`.


# %% tags=["answer:meta_gradient"]
def meta_gradient(weights, tasks, rates, n_steps):
    """Return the gradient of the meta-loss by the weights at the start, shape (d,)."""
    ### BEGIN SOLUTION
    total = np.zeros_like(weights)
    for X, y, X_query, y_query in zip(*tasks, strict=True):
        adapted = adapt(weights, X, y, rates, n_steps)[-1]
        backward = X_query.T @ (X_query @ adapted - y_query) / len(X_query)
        curvature = X.T @ X / len(X)
        for _ in range(n_steps):
            backward = backward - curvature @ (rates * backward)
        total = total + backward
    return total / len(tasks[0])
    ### END SOLUTION


# %% tags=["test:test_meta_gradient:4"]
got = meta_gradient(np.array([1.0]), TWO_TASKS, np.array([0.1]), 1)
assert np.shape(got) == (1,), f"1 weight: expected the shape (1,), got {np.shape(got)}"
assert np.allclose(got, [1.5]), f"the mean of 1 and 2: expected [1.5], got {got}"

# What the gradient promises for a small change of the start, the meta-loss keeps.
rng = np.random.default_rng(0)
random_tasks = tuple(rng.normal(size=shape) for shape in [(3, 4, 2), (3, 4), (3, 5, 2), (3, 5)])
weights, rates, small = np.array([0.5, -1.0]), np.array([0.3, 0.05]), 1e-5
for n_steps in (1, 3):
    got = meta_gradient(weights, random_tasks, rates, n_steps)
    for j, change in enumerate(small * np.eye(2)):
        rise = meta_loss(weights + change, random_tasks, rates, n_steps)
        rise -= meta_loss(weights - change, random_tasks, rates, n_steps)
        want = rise / (2 * small)
        assert np.isclose(got[j], want, rtol=1e-6), (
            f"{n_steps} steps, weight {j}: the meta-loss has the slope {want:.6f}, got {got[j]:.6f}"
        )
print("meta_gradient: the public checks pass")

# %% [markdown]
# ## 5. The first order alone (2 points)
#
# Write `first_order_gradient(weights, tasks, rates, n_steps)`, which forgets that the weights
# after the steps depend on those at the start: the mean over the tasks of the gradient of the
# query loss at the weights after the *last* step. No $H$ is needed. The result has the shape
# `(d,)`.


# %% tags=["answer:first_order_gradient"]
def first_order_gradient(weights, tasks, rates, n_steps):
    """Return the mean over the tasks of the query gradient after the last step, shape (d,)."""
    ### BEGIN SOLUTION
    slopes = []
    for X, y, X_query, y_query in zip(*tasks, strict=True):
        adapted = adapt(weights, X, y, rates, n_steps)[-1]
        slopes.append(X_query.T @ (X_query @ adapted - y_query) / len(X_query))
    return np.mean(slopes, axis=0)
    ### END SOLUTION


# %% tags=["test:test_first_order_gradient:2"]
got = first_order_gradient(np.array([1.0]), TWO_TASKS, np.array([0.1]), 1)
assert np.shape(got) == (1,), f"1 weight: expected the shape (1,), got {np.shape(got)}"
assert np.allclose(got, [3.0]), f"the mean of 2 and 4: expected [3.], got {got}"
got = first_order_gradient(np.array([1.0]), TWO_TASKS, np.array([0.1]), 2)
assert np.allclose(got, [2.5]), f"two steps, the mean of 1 and 4: expected [2.5], got {got}"
print("first_order_gradient: the public checks pass")

# %% [markdown]
# ## 6. Reptile (3 points)
#
# Write `reptile_step(weights, tasks, rates, n_steps, meta_rate)`, which returns the new weights at
# the start, an array of the shape `(d,)`. Each task starts at `weights` and takes `n_steps` steps
# on its support rows; the query rows are not looked at. The start then moves by the share
# `meta_rate` of the way to the *mean* of the weights that the tasks arrived at.
#
# Example: in `TWO_TASKS`, two steps lead from 1 to 0.25 and to 1, with the mean 0.625. With
# `meta_rate = 0.4` the new start is $1 - 0.4 \cdot 0.375$, that is `[0.85]`.


# %% tags=["answer:reptile_step"]
def reptile_step(weights, tasks, rates, n_steps, meta_rate):
    """Return the start after it moved towards the mean of the adapted weights, shape (d,)."""
    ### BEGIN SOLUTION
    X_support, y_support, _, _ = tasks
    ends = [
        adapt(weights, X, y, rates, n_steps)[-1] for X, y in zip(X_support, y_support, strict=True)
    ]
    return weights + meta_rate * (np.mean(ends, axis=0) - weights)
    ### END SOLUTION


# %% tags=["test:test_reptile_step:3"]
got = reptile_step(np.array([1.0]), TWO_TASKS, np.array([0.1]), 2, 0.4)
assert np.shape(got) == (1,), f"1 weight: expected the shape (1,), got {np.shape(got)}"
assert np.allclose(got, [0.85]), f"expected [0.85], got {got}"
got = reptile_step(np.array([1.0]), TWO_TASKS, np.array([0.1]), 2, 1.0)
assert np.allclose(got, [0.625]), f"all the way to the mean: expected [0.625], got {got}"
print("reptile_step: the public checks pass")

# %% [markdown]
# ## 7. Where four methods go (4 points)
#
# Nothing to write in the next two cells: run them when your functions are ready. There are two
# kinds of machines. For the first kind the weight $w_1$ matters much and its goal is near
# $(2, 0)$; for the second kind $w_2$ matters much, and the goal is near $(0, 2)$. Four methods look
# for a start: *joint training* knows nothing of steps (`n_steps` is 0), the others expect three
# steps.

# %%
rng = np.random.default_rng(2)


def machines(n_tasks, n_rows):
    """Draw tasks of the two kinds in turn, with as many support rows as query rows."""
    kinds = np.arange(n_tasks) % 2
    scales = np.where(kinds[:, np.newaxis] == 0, [5**0.5, 1.0], [1.0, 5**0.5])
    goals = np.where(kinds[:, np.newaxis] == 0, [2.0, 0.0], [0.0, 2.0])
    goals = goals + rng.normal(0, 0.1, size=(n_tasks, 2))
    X = rng.normal(size=(n_tasks, 2 * n_rows, 2)) * scales[:, np.newaxis]
    y = np.einsum("tnd,td->tn", X, goals) + rng.normal(0, 0.1, size=(n_tasks, 2 * n_rows))
    return X[:, :n_rows], y[:, :n_rows], X[:, n_rows:], y[:, n_rows:]


train, new = machines(20, 20), machines(200, 20)
few, steps = np.array([0.1, 0.1]), 3
moves = {
    "joint training": lambda w: w - 0.2 * meta_gradient(w, train, few, 0),
    "Reptile": lambda w: reptile_step(w, train, few, steps, 0.5),
    "first order": lambda w: w - 0.2 * first_order_gradient(w, train, few, steps),
    "second order": lambda w: w - 0.5 * meta_gradient(w, train, few, steps),
}
routes = {}
for name, move in moves.items():
    route = [np.array([-0.5, 2.5])]
    for _ in range(100):
        route.append(move(route[-1]))
    routes[name] = np.array(route)
    before, after = (meta_loss(route[-1], new, few, n) for n in (0, steps))
    print(f"{name:>14}: start {route[-1].round(2)}, on new machines", end=" ")
    print(f"loss {before:5.2f} before the steps, {after:.3f} after")

# %%
axis = np.linspace(-0.75, 2.75, 25)
figure, panels = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
for panel, n in zip(panels, (0, steps), strict=True):
    heights = [[meta_loss(np.array([a, b]), train, few, n) for a in axis] for b in axis]
    levels = np.geomspace(np.min(heights), np.max(heights), 15)
    panel.contour(axis, axis, heights, levels=levels, cmap="cividis")
    for (name, route), marker in zip(routes.items(), "osD^", strict=True):
        panel.plot(*route.T, "-", linewidth=1, color="0.6")
        panel.plot(*route[-1], marker, markersize=9, label=name)
    panel.set_title(f"mean loss after {n} steps")
    panel.set_xlabel("$w_1$")
panels[0].set_ylabel("$w_2$")
panels[0].legend(fontsize=8)
plt.show()

# %% [markdown] tags=["manual:start:4"]
# ## Your answer
#
# In about ten lines, with numbers from the two cells above:
#
# 1. Joint training has the lowest loss before the steps. Compare the four starts after the steps.
#    Which weights can a new machine repair in three steps, which can it not, and what does that
#    say about where to start?
# 2. For one weight with the second derivative $h$, by which factor does the gradient of section 5
#    differ from that of section 4? Compute it for $h = 5$ and for $h = 1$, with the rate 0.1 and
#    three steps, and explain with it where the start of the first order lies. When is the
#    difference harmless?
# 3. The source calls each of its tasks a few rows of *one* table. What would the two maps look like
#    if all machines were of the first kind, and what would be left to learn about the start? Its
#    loop also adds up the query gradients of all the inner steps and all the tasks and divides by
#    nothing. Which part of this does an optimiser such as Adam forgive, and which part not?
#
# ### BEGIN SOLUTION
# *Mark scheme, whatever the words:*
#
# 1. *The start (2 points).* One point for the numbers of the own run: before the steps about 1.7
#    for joint training and Reptile, 3.2 for the first order and 5.7 for the second; after three
#    steps 0.81, 0.66, 0.38 and 0.30, in the opposite order. One point for the reason: each step
#    halves the error of a steep weight ($h$ about 5), so that it is repaired from wherever it
#    starts; a flat one ($h$ about 1) keeps nine tenths of its error. The start must be good for the
#    weights that the steps cannot repair: $w_1$ near the goal of the second kind and $w_2$ near
#    that of the first, both towards 0. Joint training does the opposite, since the steep weights
#    dominate its loss.
# 2. *The factor (1 point).* Section 4 has $(1 - \alpha h)^n$ more: 0.125 for $h = 5$ and 0.729 for
#    $h = 1$. The first order leaves it out, so that it still gives the steep weights six times the
#    influence, and its start lies between joint training and the second order. It is harmless where
#    $\alpha h$ is small, or where all weights and tasks have about the same factor (the direction
#    is the same).
# 3. *The source (1 point).* With machines of one kind, both maps have their lowest point at the
#    same place, $(2, 0)$: all four methods go there, and ordinary training finds it; there is
#    nothing to learn about adapting. Adam divides by the size of the gradient, so that a constant
#    factor (a sum over tasks instead of a mean) changes next to nothing. It does not forgive the
#    sum over the inner steps: the query gradients after one and two steps belong to another loss,
#    and point another way. Both halves are needed for the point.
# ### END SOLUTION
