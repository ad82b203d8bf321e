"""Hidden checks of assignment 9: steps as powers of a matrix, gradients by complex steps."""

import math

import numpy as np

from course_lib.grading.checks import Case, check


def array(*rows):
    """A matrix of floats, row by row."""
    return np.array(rows, dtype=float)


def vector(*numbers):
    """A vector of floats."""
    return np.array(numbers, dtype=float)


def steps_on(w, rows, targets, rates, n_steps):
    """The weights after the steps: a step is one matrix, with the weights and a 1 as its column."""
    n, d = rows.shape
    matrix = np.eye(d + 1)
    for i, j in np.ndindex(d, d):
        matrix[i, j] -= rates[i] * math.fsum(rows[:, i] * rows[:, j]) / n
    for i in range(d):
        matrix[i, d] = rates[i] * math.fsum(rows[:, i] * targets) / n
    return (np.linalg.matrix_power(matrix, n_steps) @ np.append(w, 1))[:d]


def half_mean_square(w, rows, targets):
    """The loss of some rows, one by one; the weights may be complex."""
    return sum((row @ w - t) ** 2 for row, t in zip(rows, targets, strict=True)) / (2 * len(rows))


def loss_after(w, tasks, rates, n_steps):
    """The mean of the query losses after the steps."""
    losses = [
        half_mean_square(steps_on(w, rows, targets, rates, n_steps), *query)
        for rows, targets, *query in zip(*tasks, strict=True)
    ]
    return sum(losses) / len(losses)


def by_tiny_steps(f, w):
    """The gradient of a function: a tiny imaginary step has no rounding error."""
    tiny = 1e-30
    return np.array([f(w + 1j * tiny * unit).imag / tiny for unit in np.eye(len(w))])


def slope_after(w, tasks, rates, n_steps):
    """The gradient of the loss after the steps, by the weights at the start."""
    return by_tiny_steps(lambda start: loss_after(start, tasks, rates, n_steps), w)


def slope_at_the_end(w, tasks, rates, n_steps):
    """The mean of the query gradients, each by the weights that its task arrived at."""
    slopes = []
    for rows, targets, *query in zip(*tasks, strict=True):
        end = steps_on(w, rows, targets, rates, n_steps)
        slopes.append(by_tiny_steps(lambda v, query=query: half_mean_square(v, *query), end))
    return sum(slopes) / len(slopes)


def drawn(rng, n_tasks, d, n_support=3, n_query=2):
    """A start, tasks that have little in common, and a rate for each weight."""
    sizes = (n_tasks, n_support), (n_tasks, n_query)
    tasks = [rng.normal(size=shape).round(1) for size in sizes for shape in ((*size, d), size)]
    return rng.normal(size=d).round(1), tuple(tasks), rng.uniform(0.05, 0.4, size=d).round(2)


def single(curvature, goal, query_row, query_target):
    """One task of one weight: the second derivative, where it leads to, and one query row."""
    row = math.sqrt(curvature)
    support = np.array([[[row]]]), np.array([[row * goal]])
    return *support, np.array([[[float(query_row)]]]), np.array([[float(query_target)]])


# --- inner_step -------------------------------------------------------------------------------


@check("test_inner_step", function="inner_step", points=0.5)
def step_of_one_weight_on_one_row(rng):
    """On one row, one weight moves against its error times the row, times its rate."""
    for w, x, target, rate in ((1, 1, 0, 0.5), (1, 2, 0, 0.1), (0, 1, 3, 0.1), (2, -1, 1, 0.2)):
        args = (vector(w), array([x]), vector(target), vector(rate))
        yield Case(args=args, expected=[w - rate * (w * x - target) * x])


@check("test_inner_step", function="inner_step", points=0.5)
def mean_gradient_of_the_rows(rng):
    """On several rows, the gradients of the rows are averaged."""
    yield Case(args=(vector(1), array([1], [3]), vector(0, 0), vector(0.1)), expected=[0.5])
    for n in (2, 3, 6):
        w, rows, targets = (rng.normal(size=size).round(1) for size in (1, (n, 1), n))
        args = (w, rows, targets, vector(0.3))
        yield Case(args=args, expected=steps_on(*args, 1))


@check("test_inner_step", function="inner_step", points=0.5)
def rate_of_each_weight(rng):
    """On one row, each of several weights has its own rate."""
    args = (vector(1, 0), array([2, 1]), vector(1), vector(0.1, 0.5))
    yield Case(args=args, expected=[0.8, -0.5])
    for d in (2, 3, 5):
        args = tuple(rng.normal(size=size).round(1) for size in (d, (1, d), 1))
        rates = rng.uniform(0.01, 0.5, size=d).round(2)
        yield Case(args=(*args, rates), expected=steps_on(*args, rates, 1))


def step_and_old_weights(inner_step, weights, X, y, rates):
    """The new weights, and those that came in, afterwards."""
    return inner_step(weights, X, y, rates), weights


@check("test_inner_step", function="inner_step", points=0.5, through=step_and_old_weights)
def start_of_the_step_stays(rng):
    """The new weights are a new array: the weights that came in are as they were."""
    yield Case(
        args=(vector(1), array([2]), vector(0), vector(0.1)), expected=(vector(0.6), vector(1))
    )
    for d, n in ((2, 3), (3, 5)):
        args = tuple(rng.normal(size=size).round(1) for size in (d, (n, d), n))
        rates = rng.uniform(0.01, 0.5, size=d).round(2)
        yield Case(args=(*args, rates), expected=(steps_on(*args, rates, 1), args[0]))


# --- adapt ------------------------------------------------------------------------------------


def way(w, rows, targets, rates, n_steps):
    """The weights before the first step and after each one."""
    return [steps_on(w, rows, targets, rates, t) for t in range(n_steps + 1)]


@check("test_adapt", function="adapt", points=0.5)
def start_and_one_step(rng):
    """One step of one weight gives two rows: the start, and the weight after the step."""
    for w, x, target, rate in ((1, 1, 0, 0.5), (2, -1, 1, 0.2), (0, 2, 3, 0.1)):
        args = (vector(w), array([x]), vector(target), vector(rate))
        yield Case(args=(*args, 1), expected=[[w], [w - rate * (w * x - target) * x]])


@check("test_adapt", function="adapt", points=0.5, needs=("start_and_one_step",))
def start_alone_without_a_step(rng):
    """With no step at all, the path is the start alone."""
    for d in (1, 2, 4):
        w, tasks, rates = drawn(rng, 1, d)
        yield Case(args=(w, tasks[0][0], tasks[1][0], rates, 0), expected=[w])


@check("test_adapt", function="adapt", points=0.5)
def same_share_of_the_error_in_each_step(rng):
    """On one row, each step takes the same share of the error that one weight still has."""
    for goal, curvature, rate, n_steps in ((0, 4, 0.125, 2), (3, 1, 0.1, 4), (-1, 9, 0.15, 6)):
        left = [(1 - rate * curvature) ** t for t in range(n_steps + 1)]
        rows, targets, *_ = single(curvature, goal, 1, 0)
        args = (vector(1), rows[0], targets[0], vector(rate), n_steps)
        yield Case(args=args, expected=[[goal + (1 - goal) * share] for share in left])


@check("test_adapt", function="adapt", points=0.5)
def path_of_several_weights(rng):
    """On several rows, several weights take their steps together, each with its rate."""
    for d, n_steps in ((2, 2), (3, 4), (5, 7)):
        w, tasks, rates = drawn(rng, 1, d, n_support=4)
        args = (w, tasks[0][0], tasks[1][0], rates, n_steps)
        yield Case(args=args, expected=way(*args))


# --- meta_loss --------------------------------------------------------------------------------


@check("test_meta_loss", function="meta_loss", points=0.5)
def query_loss_without_a_step(rng):
    """With one task and no step, it is half the mean square of the query errors at the start."""
    yield Case(args=(vector(1), single(1, 0, 2, 0), vector(0.1), 0), expected=2.0)
    for n_query in (1, 2, 5):
        w, tasks, rates = drawn(rng, 1, 2, n_query=n_query)
        yield Case(args=(w, tasks, rates, 0), expected=loss_after(w, tasks, rates, 0))


@check("test_meta_loss", function="meta_loss", points=1)
def query_loss_after_one_step(rng):
    """With one task, the query loss is that of the weights after one step on the support rows."""
    yield Case(args=(vector(1), single(4, 0, 2, 0), vector(0.125), 1), expected=0.5)
    yield Case(args=(vector(3), single(1, 1, 1, 0), vector(0.5), 1), expected=2.0)
    for d in (1, 2, 4):
        w, tasks, rates = drawn(rng, 1, d, n_query=1)
        yield Case(args=(w, tasks, rates, 1), expected=loss_after(w, tasks, rates, 1))


@check("test_meta_loss", function="meta_loss", points=0.5)
def query_loss_after_the_last_step(rng):
    """With one task and several steps, the loss after the last step counts, and no other."""
    yield Case(args=(vector(1), single(4, 0, 2, 0), vector(0.125), 2), expected=0.125)
    for d, n_steps in ((1, 2), (2, 3), (3, 6)):
        w, tasks, rates = drawn(rng, 1, d, n_query=1)
        yield Case(args=(w, tasks, rates, n_steps), expected=loss_after(w, tasks, rates, n_steps))


@check("test_meta_loss", function="meta_loss", points=1)
def mean_loss_of_tasks_from_one_start(rng):
    """Several tasks start at the same weights, one step each; their losses are averaged."""
    for n_tasks, d in ((2, 1), (3, 2), (5, 3)):
        w, tasks, rates = drawn(rng, n_tasks, d, n_query=1)
        yield Case(args=(w, tasks, rates, 1), expected=loss_after(w, tasks, rates, 1))


# --- meta_gradient ----------------------------------------------------------------------------


@check("test_meta_gradient", function="meta_gradient", points=1, rtol=1e-7)
def slope_through_one_step(rng):
    """For one task, one weight and one step, the query gradient has the factor 1 - rate * H."""
    for curvature, rate, query_row in ((4, 0.125, 2), (1, 0.5, 1), (4, 0.05, 3), (9, 0.1, 1)):
        tasks = single(curvature, -1, query_row, 1)
        factor = 1 - rate * curvature
        end = -1 + (3 + 1) * factor
        expected = [factor * query_row * (query_row * end - 1)]
        yield Case(args=(vector(3), tasks, vector(rate), 1), expected=expected)


@check("test_meta_gradient", function="meta_gradient", points=1, rtol=1e-7)
def transpose_for_several_weights(rng):
    """For one task and one step, several weights have rates of their own."""
    for d, n_support in ((2, 1), (2, 3), (3, 5), (4, 2)):
        w, tasks, rates = drawn(rng, 1, d, n_support)
        yield Case(args=(w, tasks, rates, 1), expected=slope_after(w, tasks, rates, 1))


@check("test_meta_gradient", function="meta_gradient", points=1, rtol=1e-7)
def slope_through_several_steps(rng):
    """For one task and one weight, the gradient goes back through every one of the steps."""
    for curvature, rate, n_steps in ((4, 0.125, 2), (1, 0.5, 3), (4, 0.05, 6), (4, 0.05, 0)):
        tasks = single(curvature, -1, 2, 1)
        factor = (1 - rate * curvature) ** n_steps
        expected = [factor * 2 * (2 * (-1 + 4 * factor) - 1)]
        yield Case(args=(vector(3), tasks, vector(rate), n_steps), expected=expected)


@check("test_meta_gradient", function="meta_gradient", points=1, rtol=1e-7)
def mean_slope_of_the_tasks(rng):
    """The gradients of several tasks, each through its own step, are averaged."""
    for n_tasks, d in ((2, 1), (3, 1), (2, 2), (5, 3)):
        w, tasks, rates = drawn(rng, n_tasks, d)
        rates = np.full(d, rates[0])
        yield Case(args=(w, tasks, rates, 1), expected=slope_after(w, tasks, rates, 1))


# --- first_order_gradient ---------------------------------------------------------------------


@check("test_first_order_gradient", function="first_order_gradient", points=0.5)
def query_slope_after_one_step(rng):
    """For one task and one step, it is the query gradient at the weights after the step."""
    yield Case(args=(vector(1), single(4, 0, 2, 0), vector(0.125), 1), expected=[2.0])
    for d, n_query in ((1, 1), (1, 3), (3, 2)):
        w, tasks, rates = drawn(rng, 1, d, n_query=n_query)
        yield Case(args=(w, tasks, rates, 1), expected=slope_at_the_end(w, tasks, rates, 1))


@check("test_first_order_gradient", function="first_order_gradient", points=0.5)
def query_slope_after_the_last_step(rng):
    """For one task and several steps, the query gradient after the last one counts alone."""
    yield Case(args=(vector(1), single(4, 0, 2, 0), vector(0.125), 2), expected=[1.0])
    for d, n_steps in ((1, 3), (2, 2), (3, 5)):
        w, tasks, rates = drawn(rng, 1, d)
        expected = slope_at_the_end(w, tasks, rates, n_steps)
        yield Case(args=(w, tasks, rates, n_steps), expected=expected)


@check("test_first_order_gradient", function="first_order_gradient", points=1)
def mean_query_slope_of_the_tasks(rng):
    """The query gradients of several tasks, each after its own step, are averaged."""
    for n_tasks, d in ((2, 1), (3, 2), (5, 3)):
        w, tasks, rates = drawn(rng, n_tasks, d)
        yield Case(args=(w, tasks, rates, 1), expected=slope_at_the_end(w, tasks, rates, 1))


# --- reptile_step -----------------------------------------------------------------------------


def moved(w, tasks, rates, n_steps, meta_rate):
    """The start as a weighted mean of itself and of the ends of the tasks."""
    ends = [steps_on(w, *task, rates, n_steps) for task in zip(*tasks[:2], strict=True)]
    return (1 - meta_rate) * w + meta_rate / len(ends) * sum(ends)


@check("test_reptile_step", function="reptile_step", points=1)
def share_of_the_way_to_one_task(rng):
    """For one task and one step, the start moves by a share of the step."""
    for meta_rate in (0.5, 0.1, 1.0):
        args = (vector(1), single(4, 0, 2, 0), vector(0.125), 1, meta_rate)
        yield Case(args=args, expected=[1 - 0.5 * meta_rate])
    for d in (2, 3):
        args = (*drawn(rng, 1, d), 1, 0.3)
        yield Case(args=args, expected=moved(*args))


@check("test_reptile_step", function="reptile_step", points=1)
def way_of_several_steps(rng):
    """For one task and several steps, the way leads to the weights after the last step."""
    for n_steps in (2, 3):
        args = (vector(1), single(4, 0, 2, 0), vector(0.125), n_steps, 1.0)
        yield Case(args=args, expected=[0.5**n_steps])
    for d, n_steps in ((2, 4), (3, 2)):
        args = (*drawn(rng, 1, d), n_steps, 0.3)
        yield Case(args=args, expected=moved(*args))


@check("test_reptile_step", function="reptile_step", points=1)
def mean_of_the_ends_from_one_start(rng):
    """Several tasks start at the same weights, and the start moves towards their mean end."""
    for n_tasks, d in ((2, 1), (3, 2), (4, 3)):
        args = (*drawn(rng, n_tasks, d), 1, 0.6)
        yield Case(args=args, expected=moved(*args))
