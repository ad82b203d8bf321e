# %% [markdown]
# # Assignment 2: gradient descent
#
# A line through the prices of some pizzas, found by walking downhill. You write the slope of the
# hill, the walk, the longest safe step, the walk by mini-batches, and a way to choose the step.
#
# - You need NumPy, paper and the chapter *Linear regression and gradient descent*. Nothing else
#   is imported.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
#
# 20 points: 16 for the five functions, 4 for the written answer at the end.

# %% tags=["locked:imports"]
import numpy as np

# %% [markdown]
# ## 1. The slope of the hill (3 points)
#
# Write `mse_gradient(x, y, slope, intercept, l2)`, which returns the tuple of floats
# `(d_slope, d_intercept)`. `x` and `y` are arrays of shape `(n,)`; the loss to differentiate is
#
# $$L = \frac{1}{n} \sum_{i=1}^{n} (\mathrm{slope}\; x_i + \mathrm{intercept} - y_i)^2
# + \mathrm{l2} \cdot \mathrm{slope}^2.$$
#
# Example: with `x = [1]`, `y = [0]`, the slope 1, the intercept 0 and `l2 = 0`, it is `(2, 2)`.


# %% tags=["answer:mse_gradient"]
def mse_gradient(x, y, slope, intercept, l2):
    """Return (d_slope, d_intercept), the gradient of the penalised mean squared error."""
    ### BEGIN SOLUTION
    error = slope * x + intercept - y
    return float(2 * np.mean(error * x) + 2 * l2 * slope), float(2 * np.mean(error))
    ### END SOLUTION


# %% tags=["test:test_mse_gradient:3"]
x, y = np.array([1.0]), np.array([0.0])
got, want = mse_gradient(x, y, 1.0, 0.0, 0.0), (2.0, 2.0)
assert got == want, f"one example: expected (d_slope, d_intercept) = {want}, got {got}"

# Two examples on the line y = 3 x + 1: at the bottom of the hill there is no slope.
x, y = np.array([0.0, 2.0]), np.array([1.0, 7.0])
got, want = mse_gradient(x, y, 3.0, 1.0, 0.0), (0.0, 0.0)
assert got == want, f"at the minimum: expected {want}, got {got}"
print("mse_gradient: the public checks pass")

# %% [markdown]
# ## 2. The walk (4 points)
#
# Write `descend(gradient, x0, rate, tol, max_steps)`, which returns `(x, steps, converged)`: the
# last point, the number of updates made, and whether the Euclidean norm of the gradient at *that*
# point is at most `tol`. The walk stops as soon as this is so, before any update, and after
# `max_steps` updates in any case. `gradient` is a function of an array of shape `(d,)`; `x0` is
# such an array, of floats or whole numbers, and must stay as it is. Nothing is printed.
#
# Example: for $x^2$ from `[4.0]` at the rate 0.25, two updates give `([1.0], 2, False)`.


# %% tags=["answer:descend"]
def descend(gradient, x0, rate, tol, max_steps):
    """Return (x, steps, converged) after at most `max_steps` updates from `x0`."""
    ### BEGIN SOLUTION
    x = np.array(x0, dtype=float)
    for step in range(max_steps + 1):
        slope = gradient(x)
        if np.linalg.norm(slope) <= tol:
            return x, step, True
        if step < max_steps:
            x = x - rate * slope
    return x, max_steps, False
    ### END SOLUTION


# %% tags=["test:test_descend:4"]
start = np.array([4.0])
x, steps, converged = descend(lambda x: 2 * x, start, 0.25, 1e-6, 2)
assert np.allclose(x, [1.0]), f"x^2 after 2 updates: expected x = [1.], got {x}"
assert (steps, converged) == (2, False), f"expected 2 steps and False, got {steps}, {converged}"
assert start[0] == 4.0, f"x0 was [4.], it must stay [4.]: it is now {start}"

# Already at the bottom: no update at all.
x, steps, converged = descend(lambda x: 2 * x, np.array([0.0]), 0.25, 1e-6, 100)
assert (steps, converged) == (0, True), f"at x = 0: expected 0, True, got {steps}, {converged}"
print("descend: the public checks pass")

# %% [markdown]
# ## 3. The longest safe step (3 points)
#
# Write `largest_stable_rate(x)` for an array `x` of shape `(n,)`, which returns the float
# $2 / \lambda_{\max}(H)$: with a smaller rate the walk converges, with a larger one it diverges.
# $H$ is the 2 by 2 Hessian of the mean squared error of section 1 in the two unknowns (slope,
# intercept), without a penalty; it depends on `x` alone.
#
# Example: for `x = [0]`, $H$ is $\begin{pmatrix} 0 & 0 \\ 0 & 2 \end{pmatrix}$ and the answer 1.


# %% tags=["answer:largest_stable_rate"]
def largest_stable_rate(x):
    """Return 2 / lambda_max of the Hessian of the mean squared error in (slope, intercept)."""
    ### BEGIN SOLUTION
    columns = np.column_stack([x, np.ones(len(x))])
    hessian = 2 / len(x) * columns.T @ columns
    return float(2 / np.linalg.eigvalsh(hessian)[-1])
    ### END SOLUTION


# %% tags=["test:test_largest_stable_rate:3"]
got, want = largest_stable_rate(np.array([0.0])), 1.0
assert np.isclose(got, want), f"x = [0]: expected {want}, got {got}"

# Pizza sizes in centimetres: the walk needs tiny steps. That is why features are scaled.
got = largest_stable_rate(np.array([20.0, 25.0, 30.0, 35.0, 40.0]))
assert 0.001 < got < 0.0011, f"pizza sizes in cm: expected a little more than 0.001, got {got}"
print("largest_stable_rate: the public checks pass")

# %% [markdown]
# ## 4. One epoch of mini-batches (3 points)
#
# Write `one_epoch(x, y, slope, intercept, rate, order, batch_size)`, which returns the new tuple of
# floats `(slope, intercept)`. `x` and `y` have the shape `(n,)`; `order` is an array of the $n$
# indices, to be cut into batches of `batch_size` (the last one may be smaller and counts too).
# Each batch makes one step of gradient descent on the mean squared error of *its own* examples.
#
# Example: from the line 0 with `x = [1, 1]`, `y = [1, 1]`, the rate 0.5, `order = [0, 1]` and
# `batch_size = 1`, the first batch leads to `(1, 1)` and the second one to `(0, 0)`.


# %% tags=["answer:one_epoch"]
def one_epoch(x, y, slope, intercept, rate, order, batch_size):
    """Return (slope, intercept) after one pass over the examples, batch by batch."""
    ### BEGIN SOLUTION
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        error = slope * x[batch] + intercept - y[batch]
        d_slope, d_intercept = 2 * np.mean(error * x[batch]), 2 * np.mean(error)
        slope, intercept = slope - rate * d_slope, intercept - rate * d_intercept
    return float(slope), float(intercept)
    ### END SOLUTION


# %% tags=["test:test_one_epoch:3"]
x, y, order = np.array([1.0, 1.0]), np.array([1.0, 1.0]), np.array([0, 1])
got, want = one_epoch(x, y, 0.0, 0.0, 0.5, order, 1), (0.0, 0.0)
assert np.allclose(got, want), f"two batches of one: expected {want}, got {got}"

# One batch that holds everything is one step of batch gradient descent.
got, want = one_epoch(x, y, 0.0, 0.0, 0.5, order, 2), (1.0, 1.0)
assert np.allclose(got, want), f"one batch of two: expected {want}, got {got}"
print("one_epoch: the public checks pass")

# %% [markdown]
# ## 5. A step that looks before it leaps (3 points)
#
# Write `armijo_step(f, x, gradient, first, c1)`, which returns the first step $t$ among `first`,
# `first / 2`, `first / 4`, ... whose decrease is sufficient. `f` is a function of an array of
# shape `(d,)`, `x` a point, and `gradient` the array of shape `(d,)` of its gradient there:
#
# $$f(x - t\,g) \le f(x) - c_1\, t\, \lVert g \rVert^2, \qquad g = \mathrm{gradient}.$$
#
# Example: for $x^2$ at `[1.0]` with the gradient `[2.0]`, `first = 1` and `c1 = 0.1`, the step 1
# jumps to $-1$ and wins nothing, the step 0.5 falls on the minimum: return `0.5`.


# %% tags=["answer:armijo_step"]
def armijo_step(f, x, gradient, first, c1):
    """Return the first of first, first / 2, first / 4, ... that decreases `f` enough."""
    ### BEGIN SOLUTION
    step = first
    while f(x - step * gradient) > f(x) - c1 * step * np.sum(gradient**2):
        step = step / 2
    return step
    ### END SOLUTION


# %% tags=["test:test_armijo_step:3"]
got = armijo_step(lambda x: np.sum(x**2), np.array([1.0]), np.array([2.0]), 1.0, 0.1)
assert got == 0.5, f"x^2 at 1, first step 1: expected 0.5, got {got}"

# A first step that is short enough is taken as it is.
got = armijo_step(lambda x: np.sum(x**2), np.array([1.0]), np.array([2.0]), 0.25, 0.1)
assert got == 0.25, f"x^2 at 1, first step 0.25: expected 0.25, got {got}"
print("armijo_step: the public checks pass")

# %% [markdown] tags=["manual:three_rates:4"]
# ## 6. Three walks (4 points)
#
# The same $f(x) = x^2$, the same start $x_0 = 1$, fifty updates, three rates:
#
# | rate | $x_0$ | $x_1$ | $x_2$ | $x_3$ | ... | $x_{50}$ |
# | --- | --- | --- | --- | --- | --- | --- |
# | 0.001 | 1 | 0.998 | 0.996 | 0.994 | ... | 0.905 |
# | 1 | 1 | -1 | 1 | -1 | ... | 1 |
# | 1.1 | 1 | -1.2 | 1.44 | -1.728 | ... | 9100 |
#
# In about five lines, explain what each walk does and why, by the number that multiplies $x$ at
# each update. Then say which rate you would take here, and how a program could notice each of
# the three problems.
#
# ### BEGIN SOLUTION
# *Mark scheme, one point each, whatever the words:*
#
# 1. *The factor.* An update is $x \leftarrow x - \eta \cdot 2x = (1 - 2\eta)\, x$, so that
#    $x_k = (1 - 2\eta)^k$: everything is in $|1 - 2\eta|$ against 1.
# 2. *Slow.* Factor 0.998, below 1: the walk converges, by 0.2 % a step. Fifty steps leave 90 %;
#    about 500 steps are needed to divide by $e$. Right direction, step far too short.
# 3. *Oscillating and diverging.* Factor $-1$: it jumps from one side to the other for ever, the
#    gradient keeps its size (the border $2/f'' = 1$). Factor $-1.2$: each jump is longer than the
#    last one, and $1.2^{50} \approx 9100$.
# 4. *What to do.* Any rate strictly between 0 and 1 converges; 0.5 gets there in one step (or a
#    line search chooses it). A program watches the norm of the gradient or the loss: it falls but
#    has not reached the tolerance after the last step; it stays the same; it grows. In all three
#    cases the program says that it has not converged.
# ### END SOLUTION
