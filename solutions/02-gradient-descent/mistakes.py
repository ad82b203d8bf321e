"""Wrong answers of assignment 2 that students really give: each must lose points, with its hint."""

import numpy as np

from course_lib.grading.checks import mistake

# --- mse_gradient -----------------------------------------------------------------------------


def _gradient(x, y, slope, intercept, l2=0.0):
    """The right gradient, for the mistakes that spoil it."""
    error = slope * x + intercept - y
    return 2 * np.mean(error * x) + 2 * l2 * slope, 2 * np.mean(error)


@mistake("mse_gradient", hint="The function hands nothing back: it has no `return`.")
def gradient_not_returned(x, y, slope, intercept, l2):
    """Computes or prints the gradient and returns None."""
    return None


@mistake("mse_gradient", hint="The loss is a mean: with twice the examples, your gradient doubles.")
def sum_over_the_examples(x, y, slope, intercept, l2):
    """Forgets the division by n."""
    d_slope, d_intercept = _gradient(x, y, slope, intercept)
    return len(x) * d_slope + 2 * l2 * slope, len(x) * d_intercept


@mistake("mse_gradient", hint="What is the derivative of a square?")
def factor_two_missing(x, y, slope, intercept, l2):
    """Forgets the factor 2 of the squared errors."""
    d_slope, d_intercept = _gradient(x, y, slope, intercept)
    return d_slope / 2 + 2 * l2 * slope, d_intercept / 2


@mistake(
    "mse_gradient", hint="The error is the prediction minus the label: your arrow points downhill."
)
def error_with_the_wrong_sign(x, y, slope, intercept, l2):
    """Takes the label minus the prediction."""
    d_slope, d_intercept = _gradient(x, y, slope, intercept)
    return 2 * l2 * slope - d_slope, -d_intercept


@mistake(
    "mse_gradient", hint="The slope multiplies x in the prediction: where is x in its derivative?"
)
def inner_derivative_forgotten(x, y, slope, intercept, l2):
    """Gives the slope the derivative of the intercept."""
    _, d_intercept = _gradient(x, y, slope, intercept)
    return d_intercept + 2 * l2 * slope, d_intercept


@mistake("mse_gradient", hint="First the derivative for the slope, then the one for the intercept.")
def derivatives_swapped(x, y, slope, intercept, l2):
    """Returns (d_intercept, d_slope)."""
    return _gradient(x, y, slope, intercept, l2)[::-1]


@mistake("mse_gradient", hint="The argument `l2` does not change your result.")
def penalty_forgotten(x, y, slope, intercept, l2):
    """Forgets the penalty."""
    return _gradient(x, y, slope, intercept)


@mistake("mse_gradient", hint="Which of the two numbers does the penalty touch?")
def intercept_penalised(x, y, slope, intercept, l2):
    """Penalises the intercept as well."""
    d_slope, d_intercept = _gradient(x, y, slope, intercept, l2)
    return d_slope, d_intercept + 2 * l2 * intercept


@mistake("mse_gradient", hint="The penalty is a square as well: differentiate it.")
def penalty_without_its_two(x, y, slope, intercept, l2):
    """Adds l2 * slope."""
    d_slope, d_intercept = _gradient(x, y, slope, intercept)
    return d_slope + l2 * slope, d_intercept


@mistake("mse_gradient", hint="You added the penalty itself, not its derivative.")
def penalty_not_differentiated(x, y, slope, intercept, l2):
    """Adds l2 * slope^2."""
    d_slope, d_intercept = _gradient(x, y, slope, intercept)
    return d_slope + l2 * slope**2, d_intercept


@mistake("mse_gradient", hint="Is the penalty inside the mean over the examples?")
def penalty_divided_by_n(x, y, slope, intercept, l2):
    """Divides the penalty by n too."""
    return _gradient(x, y, slope, intercept, l2 / len(x))


# --- descend ----------------------------------------------------------------------------------


def _norm(gradient):
    return np.linalg.norm(gradient)


def _descend(gradient, x0, rate, tol, max_steps, size=_norm):
    """The right walk, for the mistakes that spoil it; `size` is compared with tol."""
    x = np.array(x0, dtype=float)
    for step in range(max_steps):
        if size(gradient(x)) <= tol:
            return x, step, True
        x = x - rate * gradient(x)
    return x, max_steps, bool(size(gradient(x)) <= tol)


@mistake("descend", hint="The function hands nothing back: it has no `return`.")
def walk_not_returned(gradient, x0, rate, tol, max_steps):
    """Prints where the walk ends and returns None."""
    return None


@mistake("descend", hint="Downhill is against the gradient: look at the sign of the update.")
def walk_goes_uphill(gradient, x0, rate, tol, max_steps):
    """Adds the gradient instead of subtracting it."""
    return _descend(gradient, x0, -rate, tol, max_steps)


@mistake("descend", hint="At a minimum already, no update is to be made: test first.")
def updates_before_the_test(gradient, x0, rate, tol, max_steps):
    """Updates first, tests afterwards."""
    x = np.array(x0, dtype=float)
    for step in range(1, max_steps + 1):
        x = x - rate * gradient(x)
        if _norm(gradient(x)) <= tol:
            return x, step, True
    return x, max_steps, False


@mistake("descend", hint="`steps` is the number of updates made: none made is 0.")
def steps_counted_from_one(gradient, x0, rate, tol, max_steps):
    """Counts the tests, one more than the updates."""
    x, steps, converged = _descend(gradient, x0, rate, tol, max_steps)
    return x, steps + 1, converged


@mistake("descend", hint="Count the updates of a walk that never stops: one more than max_steps?")
def one_update_too_many(gradient, x0, rate, tol, max_steps):
    """Makes max_steps + 1 updates."""
    return _descend(gradient, x0, rate, tol, max_steps + 1)


@mistake("descend", hint="A walk that used up its steps may still be far: do not always say True.")
def always_converged(gradient, x0, rate, tol, max_steps):
    """Claims success whatever happened, like the program of the source."""
    x, steps, _ = _descend(gradient, x0, rate, tol, max_steps)
    return x, steps, True


@mistake("descend", hint="The last update may be the one that arrives: test once more after it.")
def last_point_not_tested(gradient, x0, rate, tol, max_steps):
    """Says False after the last update without a look at the gradient there."""
    x, steps, converged = _descend(gradient, x0, rate, tol, max_steps)
    return x, steps, converged and steps < max_steps


@mistake(
    "descend", hint="A walk that did not converge still ended somewhere: return all three values."
)
def nothing_when_it_fails(gradient, x0, rate, tol, max_steps):
    """Returns None when the walk did not converge."""
    x, steps, converged = _descend(gradient, x0, rate, tol, max_steps)
    return (x, steps, True) if converged else None


@mistake("descend", hint="A steep slope to the left is a negative number, and not a small one.")
def gradient_compared_with_its_sign(gradient, x0, rate, tol, max_steps):
    """Compares the gradient itself with tol, without a norm."""
    return _descend(gradient, x0, rate, tol, max_steps, size=np.max)


@mistake("descend", hint="The largest component is not the Euclidean norm.")
def largest_component(gradient, x0, rate, tol, max_steps):
    """Compares the largest absolute value with tol."""
    return _descend(gradient, x0, rate, tol, max_steps, size=lambda g: np.max(np.abs(g)))


@mistake("descend", hint="The sum of the absolute values is not the Euclidean norm.")
def sum_of_the_components(gradient, x0, rate, tol, max_steps):
    """Compares the sum of the absolute values with tol."""
    return _descend(gradient, x0, rate, tol, max_steps, size=lambda g: np.sum(np.abs(g)))


@mistake("descend", hint="That is the square of the norm: compare the norm itself with tol.")
def square_of_the_norm(gradient, x0, rate, tol, max_steps):
    """Forgets the square root of the norm."""
    return _descend(gradient, x0, rate, tol, max_steps, size=lambda g: np.sum(g**2))


@mistake(
    "descend", hint="A short step may only mean a small rate: test the gradient, not the step."
)
def length_of_the_step(gradient, x0, rate, tol, max_steps):
    """Compares the length of the update with tol."""
    return _descend(gradient, x0, rate, tol, max_steps, size=lambda g: rate * _norm(g))


@mistake(
    "descend",
    hint="`x -= ...` changes an array in place, maybe the caller's: make a new one, of floats.",
)
def start_modified_in_place(gradient, x0, rate, tol, max_steps):
    """Updates x0 itself."""
    x = x0
    for step in range(max_steps):
        if _norm(gradient(x)) <= tol:
            return x, step, True
        x -= rate * gradient(x)
    return x, max_steps, bool(_norm(gradient(x)) <= tol)


@mistake("descend", hint="A copy of whole numbers holds whole numbers: ask for an array of floats.")
def updates_rounded_to_whole_numbers(gradient, x0, rate, tol, max_steps):
    """Writes each point into a copy of x0, which rounds when x0 holds whole numbers."""
    x = np.array(x0)
    for step in range(max_steps):
        if _norm(gradient(x)) <= tol:
            return x, step, True
        x[:] = x - rate * gradient(x)
    return x, max_steps, bool(_norm(gradient(x)) <= tol)


# --- largest_stable_rate ----------------------------------------------------------------------


def _hessian(x):
    """The right Hessian, for the mistakes that spoil what follows."""
    columns = np.column_stack([x, np.ones(len(x))])
    return 2 / len(x) * columns.T @ columns


def _two_over(value):
    return 2 / value if value > 0 else float("inf")


@mistake("largest_stable_rate", hint="The function hands nothing back: it has no `return`.")
def rate_not_returned(x):
    """Computes or prints the rate and returns None."""
    return None


@mistake("largest_stable_rate", hint="One over the curvature is the best rate, not the border.")
def one_over_the_curvature(x):
    """Returns 1 / lambda_max."""
    return 1 / np.linalg.eigvalsh(_hessian(x))[-1]


@mistake("largest_stable_rate", hint="A steeper hill must give a shorter step: yours grows.")
def curvature_itself(x):
    """Returns lambda_max."""
    return np.linalg.eigvalsh(_hessian(x))[-1]


@mistake("largest_stable_rate", hint="Which of the two eigenvalues explodes first?")
def smallest_eigenvalue(x):
    """Takes the smallest eigenvalue."""
    return _two_over(np.linalg.eigvalsh(_hessian(x))[0])


@mistake("largest_stable_rate", hint="The intercept is an unknown too: which column goes with it?")
def column_of_ones_forgotten(x):
    """Leaves the intercept out of the Hessian."""
    return _two_over(2 * np.mean(x**2))


@mistake(
    "largest_stable_rate",
    hint="Differentiate the square twice: a factor is missing in the Hessian.",
)
def factor_two_missing_in_the_hessian(x):
    """Forgets the factor 2 of the Hessian."""
    return 2 / np.linalg.eigvalsh(_hessian(x) / 2)[-1]


@mistake(
    "largest_stable_rate", hint="The loss is a mean: seeing each example twice changes nothing."
)
def hessian_of_the_sum(x):
    """Forgets the division by n."""
    return 2 / np.linalg.eigvalsh(_hessian(x) * len(x))[-1]


@mistake(
    "largest_stable_rate", hint="The trace is the sum of the eigenvalues: the largest is asked."
)
def trace_of_the_hessian(x):
    """Divides by the trace."""
    return 2 / np.trace(_hessian(x))


@mistake(
    "largest_stable_rate",
    hint="The diagonal is not the spectrum: the Hessian couples the unknowns.",
)
def largest_of_the_diagonal(x):
    """Takes the largest element of the diagonal for the largest eigenvalue."""
    return 2 / np.max(np.diag(_hessian(x)))


# --- one_epoch --------------------------------------------------------------------------------


def _batches(order, batch_size):
    return [order[first : first + batch_size] for first in range(0, len(order), batch_size)]


def _epoch(x, y, slope, intercept, rate, batches):
    """The right epoch over the given batches, for the mistakes that spoil it."""
    for batch in batches:
        d_slope, d_intercept = _gradient(x[batch], y[batch], slope, intercept)
        slope, intercept = slope - rate * d_slope, intercept - rate * d_intercept
    return slope, intercept


@mistake("one_epoch", hint="The function hands nothing back: it has no `return`.")
def line_not_returned(x, y, slope, intercept, rate, order, batch_size):
    """Updates its own variables and returns None."""
    return None


@mistake("one_epoch", hint="Some examples are never seen: what happens to the last, smaller batch?")
def last_batch_dropped(x, y, slope, intercept, rate, order, batch_size):
    """Keeps the full batches only."""
    full = len(order) // batch_size * batch_size
    return _epoch(x, y, slope, intercept, rate, _batches(order[:full], batch_size))


@mistake("one_epoch", hint="How many examples does the last batch hold? Its mean divides by that.")
def last_batch_divided_by_the_full_size(x, y, slope, intercept, rate, order, batch_size):
    """Divides every batch by batch_size, the smaller one too."""
    for batch in _batches(order, batch_size):
        share = len(batch) / batch_size
        slope, intercept = _epoch(x, y, slope, intercept, rate * share, [batch])
    return slope, intercept


@mistake("one_epoch", hint="A batch averages over its own examples, not over the whole data set.")
def batches_divided_by_n(x, y, slope, intercept, rate, order, batch_size):
    """Divides every batch by n."""
    for batch in _batches(order, batch_size):
        slope, intercept = _epoch(x, y, slope, intercept, rate * len(batch) / len(x), [batch])
    return slope, intercept


@mistake("one_epoch", hint="A batch averages over its examples: you take the sum.")
def batches_summed(x, y, slope, intercept, rate, order, batch_size):
    """Sums over the batch."""
    for batch in _batches(order, batch_size):
        slope, intercept = _epoch(x, y, slope, intercept, rate * len(batch), [batch])
    return slope, intercept


@mistake("one_epoch", hint="Each batch starts from the line that the batch before has left.")
def line_of_the_start_all_epoch(x, y, slope, intercept, rate, order, batch_size):
    """Computes every gradient at the line of the start of the epoch."""
    steps = [
        np.array(_epoch(x, y, slope, intercept, rate, [batch])) - [slope, intercept]
        for batch in _batches(order, batch_size)
    ]
    return tuple(np.sum(steps, axis=0) + [slope, intercept])


@mistake(
    "one_epoch", hint="Both derivatives belong to the same line: compute them, then update both."
)
def slope_updated_too_early(x, y, slope, intercept, rate, order, batch_size):
    """Uses the new slope in the derivative for the intercept."""
    for batch in _batches(order, batch_size):
        slope = slope - rate * _gradient(x[batch], y[batch], slope, intercept)[0]
        intercept = intercept - rate * _gradient(x[batch], y[batch], slope, intercept)[1]
    return slope, intercept


@mistake("one_epoch", hint="The argument `order` does not change your result.")
def order_ignored(x, y, slope, intercept, rate, order, batch_size):
    """Sees the examples in the order of the arrays."""
    return _epoch(x, y, slope, intercept, rate, _batches(np.arange(len(x)), batch_size))


@mistake("one_epoch", hint="Each x must keep its own y: the order applies to both arrays.")
def labels_left_in_place(x, y, slope, intercept, rate, order, batch_size):
    """Takes the x in the given order and the y as they come."""
    batches = _batches(np.arange(len(x)), batch_size)
    return _epoch(x[order], y, slope, intercept, rate, batches)


@mistake("one_epoch", hint="How many steps does an epoch of three batches make? You make one.")
def one_step_for_the_epoch(x, y, slope, intercept, rate, order, batch_size):
    """Makes one step on all the examples, whatever batch_size is."""
    return _epoch(x, y, slope, intercept, rate, [order])


@mistake("one_epoch", hint="Downhill is against the gradient: look at the sign of the update.")
def epoch_goes_uphill(x, y, slope, intercept, rate, order, batch_size):
    """Adds the gradient."""
    return _epoch(x, y, slope, intercept, -rate, _batches(order, batch_size))


@mistake("one_epoch", hint="What is the derivative of a square?")
def factor_two_missing_in_the_steps(x, y, slope, intercept, rate, order, batch_size):
    """Forgets the factor 2 of the gradient."""
    return _epoch(x, y, slope, intercept, rate / 2, _batches(order, batch_size))


# --- armijo_step ------------------------------------------------------------------------------


def _halve(step, accepted, by=2):
    """Halve the step until it is accepted; the mistakes spoil the test."""
    while not accepted(step):
        step = step / by
    return step


def _decrease(f, x, gradient, step):
    return f(x) - f(x - step * gradient)


@mistake("armijo_step", hint="The function hands nothing back: it has no `return`.")
def step_not_returned(f, x, gradient, first, c1):
    """Finds the step and returns None."""
    return None


@mistake(
    "armijo_step", hint="Is the first step always good? Try the test on it before you return it."
)
def always_the_first_step(f, x, gradient, first, c1):
    """Returns the first step without a test."""
    return first


@mistake("armijo_step", hint="A decrease is not enough, it must be sufficient: where is c1?")
def any_decrease_is_enough(f, x, gradient, first, c1):
    """Accepts any step that does not increase f."""
    return _halve(first, lambda t: _decrease(f, x, gradient, t) >= 0)


@mistake("armijo_step", hint="Read the exponent of the norm again.")
def norm_not_squared(f, x, gradient, first, c1):
    """Asks for a decrease of c1 t times the norm."""
    norm = np.linalg.norm(gradient)
    return _halve(first, lambda t: _decrease(f, x, gradient, t) >= c1 * t * norm)


@mistake("armijo_step", hint="A shorter step may win less: the right-hand side depends on t.")
def step_missing_on_the_right(f, x, gradient, first, c1):
    """Asks for a decrease of c1 times the squared norm, whatever the step."""
    asked = c1 * np.sum(gradient**2)  # may be out of reach: the halving must end all the same
    return _halve(first, lambda t: _decrease(f, x, gradient, t) >= asked or t < 1e-9)


@mistake(
    "armijo_step", hint="The sign before c1: f must fall by that much, not stay below a higher bar."
)
def increase_tolerated(f, x, gradient, first, c1):
    """Adds the term instead of subtracting it."""
    norm = np.sum(gradient**2)
    return _halve(first, lambda t: _decrease(f, x, gradient, t) >= -c1 * t * norm)


@mistake("armijo_step", hint="When both sides are equal the step is good: it is `at most`.")
def equality_refused(f, x, gradient, first, c1):
    """Asks for strictly more than the sufficient decrease."""
    norm = np.sum(gradient**2)
    return _halve(first, lambda t: _decrease(f, x, gradient, t) > c1 * t * norm)


@mistake("armijo_step", hint="Halve: each step is one half of the one before.")
def divided_by_ten(f, x, gradient, first, c1):
    """Divides the step by ten."""
    norm = np.sum(gradient**2)
    return _halve(first, lambda t: _decrease(f, x, gradient, t) >= c1 * t * norm, by=10)


@mistake("armijo_step", hint="The step that passes the test is the one to return, not half of it.")
def one_halving_too_many(f, x, gradient, first, c1):
    """Halves once more after the step was accepted."""
    norm = np.sum(gradient**2)
    return _halve(first, lambda t: _decrease(f, x, gradient, t) >= c1 * t * norm) / 2


@mistake(
    "armijo_step", hint="The step is asked, a number; the point it leads to has the shape of x."
)
def point_instead_of_step(f, x, gradient, first, c1):
    """Returns the new point."""
    norm = np.sum(gradient**2)
    step = _halve(first, lambda t: _decrease(f, x, gradient, t) >= c1 * t * norm)
    return x - step * gradient


@mistake("armijo_step", hint="Your step shrinks to nothing: do you look uphill or downhill?")
def looks_uphill(f, x, gradient, first, c1):
    """Tests f at x + t g, so that only a step lost in the rounding is accepted."""
    norm = np.sum(gradient**2)
    return _halve(first, lambda t: f(x + t * gradient) <= f(x) - c1 * t * norm)
