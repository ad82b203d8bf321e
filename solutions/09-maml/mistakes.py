"""Wrong answers of assignment 9 that students really give: each must lose points, with its hint."""

import numpy as np

from course_lib.grading.checks import mistake


def _slope(w, X, y):
    """The right gradient of the loss of some rows."""
    return np.mean((X @ w - y)[:, np.newaxis] * X, axis=0)


def _half_square(w, X, y):
    """The right loss of some rows."""
    return 0.5 * np.mean((X @ w - y) ** 2)


def _path(w, X, y, rates, n_steps, slope=_slope):
    """The right path, or that of another gradient."""
    path = [w]
    while len(path) <= n_steps:
        path.append(path[-1] - rates * slope(path[-1], X, y))
    return np.array(path)


def _each(tasks):
    """The tasks one by one: support rows with their targets, then query rows with theirs."""
    return [((a, b), (c, d)) for a, b, c, d in zip(*tasks, strict=True)]


# --- inner_step -------------------------------------------------------------------------------


@mistake("inner_step", hint="The function hands nothing back: it has no `return`.")
def adapted_weights_not_returned(weights, X, y, rates):
    """Computes the new weights and returns None."""
    return None


@mistake("inner_step", hint="Your step goes uphill: look at its sign.")
def inner_step_uphill(weights, X, y, rates):
    """Adds the gradient."""
    return weights + rates * _slope(weights, X, y)


@mistake("inner_step", hint="The new weights are asked: yours is the step alone.")
def inner_step_without_the_start(weights, X, y, rates):
    """Returns the change of the weights."""
    return -rates * _slope(weights, X, y)


@mistake("inner_step", hint="Your steps are twice too long: the loss has a half here.")
def gradient_of_the_whole_square(weights, X, y, rates):
    """Uses the gradient of the mean of squares, as the chapter does."""
    return weights - 2 * rates * _slope(weights, X, y)


@mistake("inner_step", hint="The gradients of the rows are added up: divide by their number.")
def gradient_summed_over_the_rows(weights, X, y, rates):
    """Forgets the n of the mean."""
    return weights - rates * len(X) * _slope(weights, X, y)


@mistake("inner_step", hint="Only the first row has been used.")
def gradient_of_the_first_row(weights, X, y, rates):
    """Takes the gradient of one row."""
    return weights - rates * _slope(weights, X[:1], y[:1])


@mistake("inner_step", hint="Each weight has its own rate: you use one of them for all.")
def first_rate_for_all_weights(weights, X, y, rates):
    """Multiplies by rates[0]."""
    return weights - rates[0] * _slope(weights, X, y)


@mistake("inner_step", hint="Each weight has its own rate: you use the mean of the rates.")
def mean_rate_for_all_weights(weights, X, y, rates):
    """Averages the rates."""
    return weights - np.mean(rates) * _slope(weights, X, y)


@mistake("inner_step", hint="The gradient has one number for each weight: multiply by the rows.")
def error_for_the_gradient(weights, X, y, rates):
    """Forgets the row in the gradient."""
    return weights - rates * np.mean(X @ weights - y)


@mistake(
    "inner_step",
    hint="`weights -= ...` changes the array that came in: all the tasks share this one start.",
)
def start_changed_in_place(weights, X, y, rates):
    """Updates the argument itself."""
    weights -= rates * _slope(weights, X, y)
    return weights


# --- adapt ------------------------------------------------------------------------------------


@mistake("adapt", hint="The function hands nothing back: it has no `return`.")
def path_not_returned(weights, X, y, rates, n_steps):
    """Computes the path and returns None."""
    return None


@mistake("adapt", hint="The first row is the start: your path begins after the first step.")
def path_without_its_start(weights, X, y, rates, n_steps):
    """Returns n_steps rows."""
    return _path(weights, X, y, rates, n_steps)[1:]


@mistake("adapt", hint="The whole path is asked, a row for each step: yours is the last row.")
def end_of_the_path_alone(weights, X, y, rates, n_steps):
    """Returns the last weights."""
    return _path(weights, X, y, rates, n_steps)[-1]


@mistake(
    "adapt",
    hint="All the rows of your path are equal: one array is in the list many times. Copy it, or "
    "make a new one in each step.",
)
def same_array_in_every_row(weights, X, y, rates, n_steps):
    """Changes one array in place and appends it each time."""
    path = _path(weights, X, y, rates, n_steps)
    return np.repeat(path[-1:], len(path), axis=0)


@mistake("adapt", hint="With `n_steps = 0` nothing moves: you take a step before you count.")
def one_inner_step_at_least(weights, X, y, rates, n_steps):
    """Takes the first step outside the loop."""
    return _path(weights, X, y, rates, max(1, n_steps))


@mistake("adapt", hint="You take one step more than `n_steps`.")
def one_inner_step_too_many(weights, X, y, rates, n_steps):
    """Counts to n_steps + 1."""
    return _path(weights, X, y, rates, n_steps + 1)


@mistake("adapt", hint="The number of steps is `n_steps`, not 3 as in the source.")
def three_inner_steps_always(weights, X, y, rates, n_steps):
    """Ignores the argument."""
    return _path(weights, X, y, rates, 3)


@mistake("adapt", hint="Each step needs the gradient where it starts: yours is that of the start.")
def gradient_of_the_start_in_every_step(weights, X, y, rates, n_steps):
    """Computes the gradient once."""
    move = rates * _slope(weights, X, y)
    return np.array([weights - t * move for t in range(n_steps + 1)])


@mistake("adapt", hint="Every step of yours starts at `weights`: it must go on from the last one.")
def every_step_from_the_start(weights, X, y, rates, n_steps):
    """Repeats the first step."""
    first = weights - rates * _slope(weights, X, y)
    return np.array([weights, *[first] * n_steps])


@mistake("adapt", hint="Each weight has its own rate, in all the steps: you use the first one.")
def path_with_one_rate(weights, X, y, rates, n_steps):
    """Multiplies by rates[0]."""
    return _path(weights, X, y, rates[0], n_steps)


# --- meta_loss --------------------------------------------------------------------------------


def _mean_loss(weights, tasks, rates, n_steps, judged=_half_square):
    """The right meta-loss, or that of another loss."""
    ends = [
        (_path(weights, *support, rates, n_steps)[-1], query) for support, query in _each(tasks)
    ]
    return float(np.mean([judged(end, *query) for end, query in ends]))


@mistake("meta_loss", hint="The function hands nothing back: it has no `return`.")
def query_loss_not_returned(weights, tasks, rates, n_steps):
    """Prints the loss and returns None."""
    return None


@mistake("meta_loss", hint="The steps do not change your loss: take it at the adapted weights.")
def query_loss_before_the_steps(weights, tasks, rates, n_steps):
    """Judges the weights at the start."""
    return _mean_loss(weights, tasks, rates, 0)


@mistake("meta_loss", hint="A task is judged on its query rows: you judge it on the support rows.")
def loss_of_the_support_rows(weights, tasks, rates, n_steps):
    """Takes the loss of the rows that the steps have seen."""
    X, y, _, _ = tasks
    return _mean_loss(weights, (X, y, X, y), rates, n_steps)


@mistake(
    "meta_loss",
    hint="Your steps see the query rows, on which the task is judged: that is a leak.",
)
def steps_on_the_query_rows(weights, tasks, rates, n_steps):
    """Adapts on the rows of the judgement."""
    _, _, X, y = tasks
    return _mean_loss(weights, (X, y, X, y), rates, n_steps)


@mistake("meta_loss", hint="The loss has a half here: yours is twice too high.")
def query_loss_without_the_half(weights, tasks, rates, n_steps):
    """Takes the mean of squares."""
    return 2 * _mean_loss(weights, tasks, rates, n_steps)


@mistake("meta_loss", hint="The loss is a mean over the query rows: yours is their sum.")
def query_loss_summed_over_the_rows(weights, tasks, rates, n_steps):
    """Adds up the squares."""

    def judged(w, X, y):
        return 0.5 * np.sum((X @ w - y) ** 2)

    return _mean_loss(weights, tasks, rates, n_steps, judged)


@mistake("meta_loss", hint="The losses of the tasks are added up: their mean is asked.")
def query_losses_summed_over_the_tasks(weights, tasks, rates, n_steps):
    """Forgets to divide by the number of tasks."""
    return len(tasks[0]) * _mean_loss(weights, tasks, rates, n_steps)


@mistake(
    "meta_loss",
    hint="Yours is the loss of the last task alone, as the source prints it: the mean is asked.",
)
def query_loss_of_the_last_task(weights, tasks, rates, n_steps):
    """Overwrites the loss in every task."""
    return _mean_loss(weights, tuple(part[-1:] for part in tasks), rates, n_steps)


@mistake(
    "meta_loss",
    hint="The second task must start at `weights`, and not where the first one ended.",
)
def tasks_one_after_the_other(weights, tasks, rates, n_steps):
    """Carries the weights from one task to the next."""
    losses = []
    for support, query in _each(tasks):
        weights = _path(weights, *support, rates, n_steps)[-1]
        losses.append(_half_square(weights, *query))
    return float(np.mean(losses))


@mistake(
    "meta_loss",
    hint="The query loss of every step has been averaged: only the weights after the last count.",
)
def query_loss_averaged_over_the_steps(weights, tasks, rates, n_steps):
    """Takes the query loss inside the inner loop."""
    first = min(1, n_steps)
    return float(np.mean([_mean_loss(weights, tasks, rates, n) for n in range(first, n_steps + 1)]))


@mistake("meta_loss", hint="Only one step has been taken, whatever `n_steps` is.")
def query_loss_after_one_step_only(weights, tasks, rates, n_steps):
    """Calls the inner step once."""
    return _mean_loss(weights, tasks, rates, min(1, n_steps))


# --- meta_gradient ----------------------------------------------------------------------------


def _curvature(X):
    return X.T @ X / len(X)


def _forward(d, rates, H):
    """The Jacobian of one step."""
    return np.eye(d) - rates[:, np.newaxis] * H


def _through(weights, tasks, rates, n_steps, jacobian=_forward, rows="support"):
    """The right meta-gradient, or that of another Jacobian of a step."""
    slopes = []
    for support, query in _each(tasks):
        end = _path(weights, *support, rates, n_steps)[-1]
        seen = support if rows == "support" else query
        step = jacobian(len(weights), rates, _curvature(seen[0]))
        slopes.append(np.linalg.matrix_power(step.T, n_steps) @ _slope(end, *query))
    return np.array(slopes)


def _at_the_end(weights, tasks, rates, n_steps):
    """The right query gradients after the last step, one row for each task."""
    return _through(weights, tasks, rates, n_steps, lambda d, rates, H: np.eye(d))


@mistake("meta_gradient", hint="The function hands nothing back: it has no `return`.")
def meta_gradient_not_returned(weights, tasks, rates, n_steps):
    """Computes the gradient and returns None."""
    return None


@mistake(
    "meta_gradient",
    hint="This is the gradient of the first order: it does not go back through the steps.",
)
def first_order_given_as_second(weights, tasks, rates, n_steps):
    """Returns the query gradient after the last step."""
    return _at_the_end(weights, tasks, rates, n_steps).mean(axis=0)


@mistake(
    "meta_gradient",
    hint="The query gradient is taken at the start: take it after the last step, then go back.",
)
def query_gradient_before_the_steps(weights, tasks, rates, n_steps):
    """Takes the query gradient at the weights that are not adapted."""
    slopes = []
    for support, query in _each(tasks):
        step = _forward(len(weights), rates, _curvature(support[0]))
        slopes.append(np.linalg.matrix_power(step.T, n_steps) @ _slope(weights, *query))
    return np.mean(slopes, axis=0)


@mistake("meta_gradient", hint="The way back crosses every step: you cross one of them only.")
def way_back_through_one_step(weights, tasks, rates, n_steps):
    """Applies the Jacobian once, whatever the number of steps."""
    slopes = []
    for support, query in _each(tasks):
        end = _path(weights, *support, rates, n_steps)[-1]
        step = _forward(len(weights), rates, _curvature(support[0]))
        slopes.append(step.T @ _slope(end, *query))
    return np.mean(slopes, axis=0)


@mistake(
    "meta_gradient",
    hint="The rates belong inside: H (rates * g), not rates * (H g). The Jacobian is transposed.",
)
def jacobian_not_transposed(weights, tasks, rates, n_steps):
    """Multiplies by the Jacobian itself."""

    def jacobian(d, rates, H):
        return _forward(d, rates, H).T

    return _through(weights, tasks, rates, n_steps, jacobian).mean(axis=0)


@mistake(
    "meta_gradient", hint="The steps see the support rows, so H is theirs: yours is the query's."
)
def curvature_of_the_query_rows(weights, tasks, rates, n_steps):
    """Takes H from the query rows."""
    return _through(weights, tasks, rates, n_steps, rows="query").mean(axis=0)


@mistake("meta_gradient", hint="The steps go downhill: the Jacobian has a minus sign.")
def jacobian_with_a_plus(weights, tasks, rates, n_steps):
    """Uses I + diag(rates) H."""

    def jacobian(d, rates, H):
        return _forward(d, -rates, H)

    return _through(weights, tasks, rates, n_steps, jacobian).mean(axis=0)


@mistake(
    "meta_gradient", hint="H has the half of the loss in it already: yours is twice too large."
)
def curvature_of_the_whole_square(weights, tasks, rates, n_steps):
    """Uses the second derivatives of the mean of squares."""

    def jacobian(d, rates, H):
        return _forward(d, rates, 2 * H)

    return _through(weights, tasks, rates, n_steps, jacobian).mean(axis=0)


@mistake("meta_gradient", hint="H is X^T X divided by the number of rows: where is the division?")
def curvature_summed_over_the_rows(weights, tasks, rates, n_steps):
    """Forgets the n of the second derivatives."""
    n_rows = tasks[0].shape[1]

    def jacobian(d, rates, H):
        return _forward(d, rates, n_rows * H)

    return _through(weights, tasks, rates, n_steps, jacobian).mean(axis=0)


@mistake(
    "meta_gradient", hint="Each weight has its own rate on the way back: you use the first one."
)
def one_rate_on_the_way_back(weights, tasks, rates, n_steps):
    """Multiplies by rates[0]."""

    def jacobian(d, rates, H):
        return _forward(d, np.full(d, rates[0]), H)

    return _through(weights, tasks, rates, n_steps, jacobian).mean(axis=0)


@mistake("meta_gradient", hint="The gradients of the tasks are added up: their mean is asked.")
def meta_gradients_summed_over_the_tasks(weights, tasks, rates, n_steps):
    """Forgets to divide by the number of tasks, as the source does."""
    return _through(weights, tasks, rates, n_steps).sum(axis=0)


@mistake("meta_gradient", hint="Only the last task counts: your variable is overwritten each time.")
def meta_gradient_of_the_last_task(weights, tasks, rates, n_steps):
    """Overwrites the gradient in every task."""
    return _through(weights, tasks, rates, n_steps)[-1]


@mistake("meta_gradient", hint="Each task has its own H: the mean of all of them is not the same.")
def mean_curvature_of_the_tasks(weights, tasks, rates, n_steps):
    """Averages H over the tasks before the way back."""
    H = np.mean([_curvature(X) for X in tasks[0]], axis=0)

    def jacobian(d, rates, _):
        return _forward(d, rates, H)

    return _through(weights, tasks, rates, n_steps, jacobian).mean(axis=0)


# --- first_order_gradient ---------------------------------------------------------------------


@mistake("first_order_gradient", hint="The function hands nothing back: it has no `return`.")
def first_order_not_returned(weights, tasks, rates, n_steps):
    """Computes the gradient and returns None."""
    return None


@mistake(
    "first_order_gradient",
    hint="The query gradients of all the steps are added up, as the source's loop does: only that "
    "after the last step counts.",
)
def gradients_summed_in_the_inner_loop(weights, tasks, rates, n_steps):
    """Takes the query gradient inside the inner loop."""
    sums = [_at_the_end(weights, tasks, rates, n) for n in range(1, n_steps + 1)]
    return np.sum(sums, axis=0).mean(axis=0)


@mistake("first_order_gradient", hint="This one goes back through the steps: no H is needed here.")
def second_order_given_as_first(weights, tasks, rates, n_steps):
    """Returns the meta-gradient of the section before."""
    return _through(weights, tasks, rates, n_steps).mean(axis=0)


@mistake(
    "first_order_gradient",
    hint="The query gradient is taken at the start, before the steps: joint training does that.",
)
def query_slope_before_the_steps(weights, tasks, rates, n_steps):
    """Takes the query gradient at the weights that are not adapted."""
    return _at_the_end(weights, tasks, rates, 0).mean(axis=0)


@mistake(
    "first_order_gradient",
    hint="The gradient after the steps is that of the query rows: yours is of the support rows.",
)
def support_slope_after_the_steps(weights, tasks, rates, n_steps):
    """Takes the gradient of the rows that the steps have seen."""
    X, y, _, _ = tasks
    return _at_the_end(weights, (X, y, X, y), rates, n_steps).mean(axis=0)


@mistake(
    "first_order_gradient",
    hint="Your steps see the query rows: a task adapts itself on its support rows.",
)
def slope_after_steps_on_the_query_rows(weights, tasks, rates, n_steps):
    """Adapts on the rows of the judgement."""
    _, _, X, y = tasks
    return _at_the_end(weights, (X, y, X, y), rates, n_steps).mean(axis=0)


@mistake("first_order_gradient", hint="Only one step has been taken, whatever `n_steps` is.")
def query_slope_after_one_step_only(weights, tasks, rates, n_steps):
    """Calls the inner step once."""
    return _at_the_end(weights, tasks, rates, min(1, n_steps)).mean(axis=0)


@mistake("first_order_gradient", hint="The gradients of the tasks are added up: average them.")
def query_slopes_summed_over_the_tasks(weights, tasks, rates, n_steps):
    """Forgets to divide by the number of tasks, as the source does."""
    return _at_the_end(weights, tasks, rates, n_steps).sum(axis=0)


@mistake("first_order_gradient", hint="Only the last task counts: you overwrite your variable.")
def query_slope_of_the_last_task(weights, tasks, rates, n_steps):
    """Overwrites the gradient in every task."""
    return _at_the_end(weights, tasks, rates, n_steps)[-1]


@mistake("first_order_gradient", hint="The loss has a half: your gradient is twice too large.")
def query_slope_of_the_whole_square(weights, tasks, rates, n_steps):
    """Uses the gradient of the mean of squares at the end."""
    return 2 * _at_the_end(weights, tasks, rates, n_steps).mean(axis=0)


# --- reptile_step -----------------------------------------------------------------------------


def _ends(weights, tasks, rates, n_steps):
    """The right ends of the tasks, one row for each."""
    return np.array([_path(weights, *s, rates, n_steps)[-1] for s, _ in _each(tasks)])


def _towards(weights, target, meta_rate):
    return weights + meta_rate * (target - weights)


@mistake("reptile_step", hint="The function hands nothing back: it has no `return`.")
def reptile_start_not_returned(weights, tasks, rates, n_steps, meta_rate):
    """Computes the new start and returns None."""
    return None


@mistake("reptile_step", hint="Your start runs away from the tasks: look at the sign.")
def reptile_runs_away(weights, tasks, rates, n_steps, meta_rate):
    """Subtracts the way."""
    return _towards(weights, _ends(weights, tasks, rates, n_steps).mean(axis=0), -meta_rate)


@mistake("reptile_step", hint="The new start is asked: yours is its change.")
def reptile_way_alone(weights, tasks, rates, n_steps, meta_rate):
    """Returns the share of the way without the start."""
    return meta_rate * (_ends(weights, tasks, rates, n_steps).mean(axis=0) - weights)


@mistake("reptile_step", hint="`meta_rate` does not change your result: you go all the way.")
def reptile_goes_all_the_way(weights, tasks, rates, n_steps, meta_rate):
    """Returns the mean of the adapted weights."""
    return _ends(weights, tasks, rates, n_steps).mean(axis=0)


@mistake("reptile_step", hint="The share `meta_rate` is that of the new: yours is that of the old.")
def reptile_share_the_wrong_way_round(weights, tasks, rates, n_steps, meta_rate):
    """Exchanges the two shares."""
    return _towards(weights, _ends(weights, tasks, rates, n_steps).mean(axis=0), 1 - meta_rate)


@mistake(
    "reptile_step",
    hint="One step only, whatever `n_steps` is: that would be joint training again.",
)
def reptile_with_one_inner_step(weights, tasks, rates, n_steps, meta_rate):
    """Takes a single inner step."""
    return _towards(weights, _ends(weights, tasks, rates, 1).mean(axis=0), meta_rate)


@mistake(
    "reptile_step", hint="The ways of the tasks are added up: go towards the mean of the ends."
)
def reptile_ways_summed_over_the_tasks(weights, tasks, rates, n_steps, meta_rate):
    """Forgets to divide by the number of tasks."""
    ways = _ends(weights, tasks, rates, n_steps) - weights
    return weights + meta_rate * ways.sum(axis=0)


@mistake(
    "reptile_step", hint="Every task starts at `weights`, and the start moves once, at the end."
)
def reptile_moves_after_each_task(weights, tasks, rates, n_steps, meta_rate):
    """Moves the start task by task."""
    for support, _ in _each(tasks):
        end = _path(weights, *support, rates, n_steps)[-1]
        weights = _towards(weights, end, meta_rate)
    return weights


@mistake("reptile_step", hint="Only the last task counts: you overwrite your variable.")
def reptile_towards_the_last_task(weights, tasks, rates, n_steps, meta_rate):
    """Moves towards the end of one task."""
    return _towards(weights, _ends(weights, tasks, rates, n_steps)[-1], meta_rate)


@mistake("reptile_step", hint="The steps see the support rows: yours see the query rows.")
def reptile_on_the_query_rows(weights, tasks, rates, n_steps, meta_rate):
    """Adapts on the query rows."""
    _, _, X, y = tasks
    ends = _ends(weights, (X, y, X, y), rates, n_steps)
    return _towards(weights, ends.mean(axis=0), meta_rate)


@mistake("reptile_step", hint="Reptile needs no query gradient: it goes where the steps lead.")
def query_gradient_for_the_way(weights, tasks, rates, n_steps, meta_rate):
    """Takes a step of the first-order method."""
    return weights - meta_rate * _at_the_end(weights, tasks, rates, n_steps).mean(axis=0)


@mistake(
    "reptile_step",
    hint="The steps are averaged over the way; only the weights after the last step count.",
)
def reptile_towards_the_middle_of_the_path(weights, tasks, rates, n_steps, meta_rate):
    """Averages the weights after each step."""
    ends = [_ends(weights, tasks, rates, n).mean(axis=0) for n in range(1, n_steps + 1)]
    return _towards(weights, np.mean(ends, axis=0), meta_rate)
