"""Wrong answers of assignment 10 that students really give; each must lose points."""

import numpy as np

from course_lib.grading.checks import mistake

# --- split_rows -------------------------------------------------------------------------------


def _dealt(rows, sizes=(0.6, 0.2)):
    """Rows in three parts whose sizes are shares of their number, rounded down."""
    first, second = (int(len(rows) * share + 1e-9) for share in sizes)
    return rows[:first], rows[first : first + second], rows[first + second :]


def _split(labels, n_support, rng, shuffled=None, sizes=(0.6, 0.2)):
    """The right split, or that of other rows or sizes."""
    normal, anomalies = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    rows = rng.permutation(normal) if shuffled is None else shuffled
    train, calibration, rest = _dealt(rows, sizes)
    support = train[rng.permutation(len(train))[:n_support]]
    return train, calibration, support, np.append(rest, anomalies)


@mistake("split_rows", hint="The function hands nothing back: it has no `return`.")
def split_not_returned(labels, n_support, rng):
    """Splits the rows and returns None."""
    return None


@mistake(
    "split_rows",
    hint="The support comes from the test rows, as in the source: what is judged is then fitted.",
)
def support_from_the_test_rows(labels, n_support, rng):
    """Draws the support from the rows of the test."""
    train, calibration, _, test = _split(labels, n_support, rng)
    return train, calibration, rng.permutation(test[:n_support]), test


@mistake("split_rows", hint="The same row is in your support more than once: replace=False.")
def support_drawn_with_repeats(labels, n_support, rng):
    """Draws the support with replacement."""
    train, calibration, _, test = _split(labels, n_support, rng)
    return train, calibration, rng.choice(train, size=n_support), test


@mistake("split_rows", hint="The support is drawn: it must not be the same rows for every `rng`.")
def support_of_the_lowest_row_numbers(labels, n_support, rng):
    """Takes the first rows of the table for the support."""
    normal = np.flatnonzero(labels == 0)
    rows = np.append(normal[:n_support], rng.permutation(normal[n_support:]))
    train, calibration, _, test = _split(labels, n_support, rng, rows)
    return train, calibration, normal[:n_support], test


@mistake("split_rows", hint="The support rows stay in `train`: you have taken them out of it.")
def support_taken_out_of_train(labels, n_support, rng):
    """Removes the support from the training rows."""
    train, calibration, support, test = _split(labels, n_support, rng)
    return np.setdiff1d(train, support), calibration, support, test


@mistake(
    "split_rows",
    hint="Anomalies are dealt out, or counted, like the others: the shares are of the normal rows.",
)
def anomalies_dealt_out_too(labels, n_support, rng):
    """Splits all the rows, whatever their labels are."""
    train, calibration, test = _dealt(rng.permutation(len(labels)))
    return train, calibration, rng.permutation(train)[:n_support], test


@mistake("split_rows", hint="The anomalies are missing: they belong to `test`.")
def anomalies_left_out_of_the_test(labels, n_support, rng):
    """Keeps the normal rows only."""
    train, calibration, support, test = _split(labels, n_support, rng)
    return train, calibration, support, test[labels[test] == 0]


@mistake(
    "split_rows",
    hint="You return places in the list of the normal rows: row numbers of the table are asked.",
)
def places_among_the_normal_rows(labels, n_support, rng):
    """Forgets that the normal rows are not the first ones."""
    return _split(labels, n_support, rng, rng.permutation(np.sum(labels == 0)))


@mistake(
    "split_rows", hint="6 tenths of the normal rows are for `train`: you take 7, as the source."
)
def seven_tenths_for_training(labels, n_support, rng):
    """Splits 70, 20 and 10 per cent."""
    return _split(labels, n_support, rng, sizes=(0.7, 0.2))


@mistake("split_rows", hint="Your `train` and `calibration` have rows in common.")
def calibration_taken_from_train(labels, n_support, rng):
    """Draws the calibration rows from the training rows, to which the network was fitted."""
    train, calibration, support, test = _split(labels, n_support, rng)
    return train, train[: len(calibration)], support, test


@mistake("split_rows", hint="The rows are dealt out in the order of the table: shuffle them first.")
def split_without_a_shuffle(labels, n_support, rng):
    """Takes the first rows for training."""
    return _split(labels, n_support, rng, np.flatnonzero(labels == 0))


@mistake(
    "split_rows",
    hint="Every `rng` gives the same rows: `np.random.seed` fixes them, draw from `rng` instead.",
)
def split_by_the_global_seed(labels, n_support, rng):
    """Ignores the generator, and uses a seed of its own."""
    return _split(labels, n_support, np.random.RandomState(42))


# --- standardize ------------------------------------------------------------------------------


def _scaled(train, test, source=None, ddof=0, keep=None):
    """The right result, or that of other rows for the mean and the deviation."""
    source = train if source is None else source
    keep = np.any(train != train[0], axis=0) if keep is None else keep
    middle, spread = np.mean(source, axis=0), np.std(source, axis=0, ddof=ddof)
    return tuple(((rows - middle) / spread)[:, keep] for rows in (train, test))


@mistake("standardize", hint="The function hands nothing back: it has no `return`.")
def scaled_rows_not_returned(train, test):
    """Standardises and returns None."""
    return None


@mistake(
    "standardize",
    hint="The test rows have their own mean and deviation: their anomalies change the scale then.",
)
def scale_of_the_test_for_the_test(train, test):
    """Fits a second scaler on the test rows."""
    keep = np.any(train != train[0], axis=0)
    return _scaled(train, test)[0], _scaled(test, test, keep=keep)[1]


@mistake("standardize", hint="The scale must not see the test rows: take it from `train` alone.")
def scale_of_all_the_rows(train, test):
    """Fits the scaler before the split."""
    return _scaled(train, test, source=np.concatenate([train, test]))


@mistake("standardize", hint="The division is by n, as in `np.std`: yours is by n - 1.")
def deviation_of_a_sample(train, test):
    """Uses ddof=1, as pandas does."""
    return _scaled(train, test, ddof=1)


@mistake("standardize", hint="You divide by the variance: the deviation is its square root.")
def variance_for_the_scale(train, test):
    """Divides by the variance."""
    keep = np.any(train != train[0], axis=0)
    middle, spread = train.mean(axis=0)[keep], train.var(axis=0)[keep]
    return (train[:, keep] - middle) / spread, (test[:, keep] - middle) / spread


@mistake("standardize", hint="The mean is still there: take it away before you divide.")
def mean_not_taken_away(train, test):
    """Divides only."""
    keep = np.any(train != train[0], axis=0)
    return train[:, keep] / train.std(axis=0)[keep], test[:, keep] / train.std(axis=0)[keep]


@mistake("standardize", hint="The rows are centred, but not divided by the standard deviation.")
def deviation_left_out(train, test):
    """Takes the mean away only."""
    keep = np.any(train != train[0], axis=0)
    middle = train.mean(axis=0)[keep]
    return train[:, keep] - middle, test[:, keep] - middle


@mistake("standardize", hint="A standard deviation is asked: you bring the columns to 0 and 1.")
def columns_between_0_and_1(train, test):
    """Scales by the smallest and the largest value."""
    keep = np.any(train != train[0], axis=0)
    low, width = train.min(axis=0)[keep], np.ptp(train, axis=0)[keep]
    return (train[:, keep] - low) / width, (test[:, keep] - low) / width


@mistake(
    "standardize", hint="Each column has its own mean and deviation: yours are of all of them."
)
def one_scale_for_the_whole_table(train, test):
    """Forgets axis=0."""
    keep = np.any(train != train[0], axis=0)
    parts = train[:, keep], test[:, keep]
    return tuple((rows - parts[0].mean()) / parts[0].std() for rows in parts)


@mistake("standardize", hint="Constant columns are to be left out: yours are columns of zeros.")
def constant_columns_kept_with_scale_1(train, test):
    """Divides constant columns by 1, as a StandardScaler does."""
    spread = np.std(train, axis=0)
    spread = np.where(spread == 0, 1, spread)
    return (train - train.mean(axis=0)) / spread, (test - train.mean(axis=0)) / spread


@mistake("standardize", hint="A constant column gives 0 / 0: leave it out before you divide.")
def constant_columns_divided_by_zero(train, test):
    """Keeps the constant columns, and their deviation of 0."""
    return _scaled(train, test, keep=np.full(train.shape[1], True))


@mistake("standardize", hint="The training rows alone say which columns are constant.")
def constant_columns_of_the_test(train, test):
    """Leaves out the columns that are constant in the test rows as well."""
    keep = np.any(train != train[0], axis=0) & np.any(test != test[0], axis=0)
    return _scaled(train, test, keep=keep)


# --- inject_anomalies -------------------------------------------------------------------------


def _push(values):
    """Sizes of at least 1."""
    return np.where(values < 0, np.minimum(values, -1), np.maximum(values, 1))


def _factor(rng, n):
    """One factor for n values."""
    return np.full(n, rng.uniform(6, 30))


def _spoil(X, columns, n_anomalies, rng, push=_push, factor=_factor, rows=None, pick=None):
    """The right anomalies, or those of other draws."""
    X_new, labels = np.array(X), np.zeros(len(X), dtype=int)
    rows = rng.permutation(len(X))[:n_anomalies] if rows is None else rows
    labels[rows] = 1
    for row in rows:
        chosen = rng.permutation(columns)[:2] if pick is None else pick(rng, columns)
        X_new[row, chosen] = push(X[row, chosen]) * factor(rng, len(chosen))
    return X_new, labels


@mistake("inject_anomalies", hint="The function hands nothing back: it has no `return`.")
def anomalies_not_returned(X, columns, n_anomalies, rng):
    """Makes the anomalies and returns None."""
    return None


@mistake(
    "inject_anomalies",
    hint="The rows that came in have changed: work on a copy, `X.copy()`, not on `X` itself.",
)
def anomalies_written_into_the_argument(X, columns, n_anomalies, rng):
    """Changes X in place."""
    X_new, labels = _spoil(X, columns, n_anomalies, rng)
    X[:] = X_new
    return X, labels


@mistake(
    "inject_anomalies",
    hint="Every `rng` gives the same anomalies: `np.random.seed` fixes them, draw from `rng`.",
)
def anomalies_by_the_global_seed(X, columns, n_anomalies, rng):
    """Ignores the generator, and uses the seed 42 as the source does."""
    return _spoil(X, columns, n_anomalies, np.random.RandomState(42))


@mistake("inject_anomalies", hint="The labels are the wrong way round: 1 is an anomaly.")
def labels_of_anomalies_are_0(X, columns, n_anomalies, rng):
    """Marks the normal rows."""
    X_new, labels = _spoil(X, columns, n_anomalies, rng)
    return X_new, 1 - labels


@mistake("inject_anomalies", hint="The same row is drawn more than once: replace=False.")
def anomalous_rows_drawn_with_repeats(X, columns, n_anomalies, rng):
    """Draws the rows with replacement, so that fewer of them are anomalies."""
    rows = np.unique(rng.integers(len(X), size=n_anomalies))
    return _spoil(X, columns, n_anomalies, rng, rows=rows)


@mistake("inject_anomalies", hint="Every row is spoilt, and not `n_anomalies` of them.")
def all_the_rows_are_anomalies(X, columns, n_anomalies, rng):
    """Spoils the whole table."""
    return _spoil(X, columns, n_anomalies, rng, rows=np.arange(len(X)))


@mistake(
    "inject_anomalies",
    hint="You draw from range(len(columns)), as the source does: those are the first columns, not "
    "the given ones.",
)
def first_columns_for_the_given_ones(X, columns, n_anomalies, rng):
    """Takes places in the list for column numbers."""
    return _spoil(X, list(range(len(columns))), n_anomalies, rng)


@mistake("inject_anomalies", hint="`columns` does not change your result: any column is spoilt.")
def all_columns_for_the_given_ones(X, columns, n_anomalies, rng):
    """Draws from all the columns."""
    return _spoil(X, list(range(X.shape[1])), n_anomalies, rng)


@mistake("inject_anomalies", hint="The two columns of a row may be the same one: replace=False.")
def columns_drawn_with_repeats(X, columns, n_anomalies, rng):
    """Draws the columns with replacement."""
    return _spoil(X, columns, n_anomalies, rng, pick=lambda rng, columns: rng.choice(columns, 2))


@mistake("inject_anomalies", hint="All the rows have the same two columns: draw them in each row.")
def same_two_columns_in_every_row(X, columns, n_anomalies, rng):
    """Draws the columns once."""
    chosen = rng.permutation(columns)[:2]
    return _spoil(X, columns, n_anomalies, rng, pick=lambda rng, columns: chosen)


@mistake("inject_anomalies", hint="Two columns of a row are spoilt: you spoil all the given ones.")
def every_given_column_spoilt(X, columns, n_anomalies, rng):
    """Multiplies the whole row."""
    return _spoil(X, columns, n_anomalies, rng, pick=lambda rng, columns: columns)


@mistake("inject_anomalies", hint="The two values of a row have one factor: yours have two.")
def factor_for_each_value(X, columns, n_anomalies, rng):
    """Draws a factor for each value."""
    return _spoil(X, columns, n_anomalies, rng, factor=lambda rng, n: rng.uniform(6, 30, size=n))


@mistake("inject_anomalies", hint="All the rows have the same factor: draw one for each of them.")
def factor_for_the_whole_table(X, columns, n_anomalies, rng):
    """Draws the factor once."""
    drawn = rng.uniform(6, 30)
    return _spoil(X, columns, n_anomalies, rng, factor=lambda rng, n: np.full(n, drawn))


@mistake(
    "inject_anomalies", hint="Your factors are whole numbers: `uniform` draws all between them."
)
def factors_that_are_integers(X, columns, n_anomalies, rng):
    """Draws integers from 6 to 30."""
    return _spoil(X, columns, n_anomalies, rng, factor=lambda rng, n: rng.permutation(25)[0] + 6.0)


@mistake(
    "inject_anomalies",
    hint="A small value stays small when it is multiplied: bring it to -1 or 1 before.",
)
def small_values_stay_small(X, columns, n_anomalies, rng):
    """Multiplies whatever is there, as the source does."""
    return _spoil(X, columns, n_anomalies, rng, push=lambda values: values)


@mistake("inject_anomalies", hint="A negative value keeps its sign: yours become positive.")
def negative_values_become_positive(X, columns, n_anomalies, rng):
    """Uses the sizes of the values."""
    return _spoil(X, columns, n_anomalies, rng, push=lambda values: np.maximum(np.abs(values), 1))


@mistake("inject_anomalies", hint="`np.sign(0)` is 0, so that a zero stays one: it must become 1.")
def zeros_that_stay_zero(X, columns, n_anomalies, rng):
    """Takes the sign of 0."""
    return _spoil(
        X, columns, n_anomalies, rng, lambda values: np.sign(values) * np.maximum(np.abs(values), 1)
    )


@mistake("inject_anomalies", hint="Only values between -1 and 1 become -1 or 1: keep the others.")
def every_value_becomes_a_sign(X, columns, n_anomalies, rng):
    """Replaces large values as well."""
    return _spoil(X, columns, n_anomalies, rng, push=lambda v: np.where(v < 0, -1.0, 1.0))


# --- sparse_loss ------------------------------------------------------------------------------


def _parts(X, W1, b1, W2, b2, act=np.tanh, out=None):
    """The hidden units and the differences, or those of other activations."""
    H = act(X @ W1 + b1)
    X_hat = H @ W2 + b2
    return H, (out(X_hat) if out else X_hat) - X


def _losses(X, layers, penalty, of_units=None, of_differences=None, **activations):
    """The right three numbers, or those of another activity or reconstruction."""
    H, differences = _parts(X, *layers, **activations)
    activity = of_units(H) if of_units else np.sum(np.abs(H)) / len(X)
    first = of_differences(differences) if of_differences else np.mean(differences**2)
    return first + penalty * activity, first, activity


@mistake("sparse_loss", hint="The function hands nothing back: it has no `return`.")
def sparse_loss_not_returned(X, W1, b1, W2, b2, penalty):
    """Computes the loss and returns None."""
    return None


@mistake("sparse_loss", hint="The hidden layer has a tanh: yours lets nothing negative through.")
def relu_for_the_hidden_units(X, W1, b1, W2, b2, penalty):
    """Uses ReLU."""
    return _losses(X, (W1, b1, W2, b2), penalty, act=lambda z: np.maximum(z, 0))


@mistake("sparse_loss", hint="The output is linear: the tanh belongs to the hidden layer only.")
def tanh_at_the_output_too(X, W1, b1, W2, b2, penalty):
    """Applies the tanh twice."""
    return _losses(X, (W1, b1, W2, b2), penalty, out=np.tanh)


@mistake("sparse_loss", hint="The biases do not change your result.")
def biases_of_both_layers_forgotten(X, W1, b1, W2, b2, penalty):
    """Leaves the biases out."""
    return _losses(X, (W1, 0 * b1, W2, 0 * b2), penalty)


@mistake("sparse_loss", hint="The mean over rows and columns is asked: you add up the columns.")
def squares_summed_over_the_columns(X, W1, b1, W2, b2, penalty):
    """Averages over the rows only."""
    return _losses(
        X, (W1, b1, W2, b2), penalty, of_differences=lambda d: np.mean(np.sum(d**2, axis=1))
    )


@mistake("sparse_loss", hint="The mean of the squares is asked, and not its root.")
def root_of_the_mean_square(X, W1, b1, W2, b2, penalty):
    """Returns the RMSE."""
    return _losses(X, (W1, b1, W2, b2), penalty, of_differences=lambda d: np.sqrt(np.mean(d**2)))


@mistake("sparse_loss", hint="The weights are not what is sparse: add up the hidden units.")
def weights_for_the_activity(X, W1, b1, W2, b2, penalty):
    """Takes the L1 norm of the weights, as a kernel regularizer does."""
    return _losses(X, (W1, b1, W2, b2), penalty, of_units=lambda H: np.sum(np.abs(W1)))


@mistake("sparse_loss", hint="An L1 term has sizes, |h|: yours has squares, which is L2.")
def squares_for_the_activity(X, W1, b1, W2, b2, penalty):
    """Adds up the squares of the units."""
    return _losses(X, (W1, b1, W2, b2), penalty, of_units=lambda H: np.sum(H**2) / len(H))


@mistake("sparse_loss", hint="Positive and negative units cancel out in yours: take |h|.")
def activity_with_its_signs(X, W1, b1, W2, b2, penalty):
    """Forgets the absolute values."""
    return _losses(X, (W1, b1, W2, b2), penalty, of_units=lambda H: np.sum(H) / len(H))


@mistake("sparse_loss", hint="The units of a row are added up: yours are averaged.")
def activity_averaged_over_the_units(X, W1, b1, W2, b2, penalty):
    """Takes the mean of the whole array."""
    return _losses(X, (W1, b1, W2, b2), penalty, of_units=lambda H: np.mean(np.abs(H)))


@mistake("sparse_loss", hint="The activity is a mean over the rows: yours grows with their number.")
def activity_summed_over_the_rows(X, W1, b1, W2, b2, penalty):
    """Takes the sum of the whole array."""
    return _losses(X, (W1, b1, W2, b2), penalty, of_units=lambda H: np.sum(np.abs(H)))


@mistake("sparse_loss", hint="The activity is that of the units, after the tanh.")
def activity_before_the_tanh(X, W1, b1, W2, b2, penalty):
    """Adds up the pre-activations."""
    return _losses(X, (W1, b1, W2, b2), penalty, lambda H: np.sum(np.abs(X @ W1 + b1)) / len(X))


@mistake("sparse_loss", hint="The third number is the activity itself, without the penalty.")
def activity_times_the_penalty(X, W1, b1, W2, b2, penalty):
    """Returns the penalty's part of the loss for the activity."""
    loss, reconstruction, activity = _losses(X, (W1, b1, W2, b2), penalty)
    return loss, reconstruction, penalty * activity


@mistake("sparse_loss", hint="`penalty` does not change your loss.")
def penalty_left_out(X, W1, b1, W2, b2, penalty):
    """Adds the activity as it is."""
    _, reconstruction, activity = _losses(X, (W1, b1, W2, b2), penalty)
    return reconstruction + activity, reconstruction, activity


@mistake("sparse_loss", hint="An activity must cost something: look at the sign.")
def penalty_with_a_minus(X, W1, b1, W2, b2, penalty):
    """Rewards the activity."""
    _, reconstruction, activity = _losses(X, (W1, b1, W2, b2), penalty)
    return reconstruction - penalty * activity, reconstruction, activity


@mistake("sparse_loss", hint="Your loss is the reconstruction alone.")
def loss_without_the_activity(X, W1, b1, W2, b2, penalty):
    """Forgets the activity in the loss."""
    _, reconstruction, activity = _losses(X, (W1, b1, W2, b2), penalty)
    return reconstruction, reconstruction, activity


# --- errors_and_threshold ---------------------------------------------------------------------


def _row_errors(rows, rows_hat):
    return ((rows - rows_hat) ** 2).sum(axis=1) / rows.shape[1]


def _judged(train, train_hat, test, test_hat, q, of_rows=_row_errors):
    """The right pair, or that of other errors."""
    return of_rows(test, test_hat), np.percentile(of_rows(train, train_hat), q)


@mistake("errors_and_threshold", hint="The function hands nothing back: it has no `return`.")
def errors_not_returned(train, train_hat, test, test_hat, q):
    """Computes the errors and returns None."""
    return None


@mistake(
    "errors_and_threshold",
    hint="A parenthesis is misplaced, as in the source: `np.mean` closes before `axis=1`, and the "
    "percentile of a single mean is that mean.",
)
def percentile_of_the_mean_of_everything(train, train_hat, test, test_hat, q):
    """Computes np.percentile(np.mean(np.square(...)), q)."""
    threshold = np.percentile(np.mean(np.square(train - train_hat)), q)
    return _row_errors(test, test_hat), threshold


@mistake(
    "errors_and_threshold",
    hint="The threshold is taken from the test rows: what is judged must not set it.",
)
def threshold_of_the_test_rows(train, train_hat, test, test_hat, q):
    """Fits the threshold on the test rows."""
    errors = _row_errors(test, test_hat)
    return errors, np.percentile(errors, q)


@mistake(
    "errors_and_threshold",
    hint="The threshold has seen the test rows as well: take it from the training rows alone.",
)
def threshold_of_all_the_rows(train, train_hat, test, test_hat, q):
    """Fits the threshold on training and test rows together."""
    errors = _row_errors(test, test_hat)
    return errors, np.percentile(np.append(_row_errors(train, train_hat), errors), q)


@mistake(
    "errors_and_threshold",
    hint="This is the percentile of single squares: average over the columns of a row first.",
)
def percentile_of_single_squares(train, train_hat, test, test_hat, q):
    """Forgets the mean over the columns in the threshold."""
    return _row_errors(test, test_hat), np.percentile(np.square(train - train_hat), q)


@mistake("errors_and_threshold", hint="The percentile is `q`: yours is always the 95th.")
def percentile_of_95_always(train, train_hat, test, test_hat, q):
    """Ignores q."""
    return _judged(train, train_hat, test, test_hat, 95)


@mistake("errors_and_threshold", hint="`np.quantile` takes shares: q lies between 0 and 100 here.")
def share_for_the_percentile(train, train_hat, test, test_hat, q):
    """Divides q by 100 and asks for a percentile."""
    return _judged(train, train_hat, test, test_hat, q / 100)


@mistake(
    "errors_and_threshold", hint="The percentile lies between two errors: do not round it down."
)
def percentile_without_interpolation(train, train_hat, test, test_hat, q):
    """Takes the lower one of two errors."""
    ordered = np.sort(_row_errors(train, train_hat))
    return _row_errors(test, test_hat), ordered[int((len(ordered) - 1) * q / 100)]


@mistake("errors_and_threshold", hint="The threshold is a percentile, and not the largest error.")
def largest_training_error(train, train_hat, test, test_hat, q):
    """Takes the maximum."""
    return _row_errors(test, test_hat), np.max(_row_errors(train, train_hat))


@mistake("errors_and_threshold", hint="The errors of the test rows are asked, not of the training.")
def errors_of_the_training_rows(train, train_hat, test, test_hat, q):
    """Returns the errors that the threshold comes from."""
    errors = _row_errors(train, train_hat)
    return errors, np.percentile(errors, q)


@mistake("errors_and_threshold", hint="One error for each row: yours is one for each column.")
def errors_of_the_columns(train, train_hat, test, test_hat, q):
    """Averages over axis 0."""
    return _judged(train, train_hat, test, test_hat, q, lambda a, b: np.mean((a - b) ** 2, axis=0))


@mistake("errors_and_threshold", hint="The mean of the squares is asked, and not its root.")
def roots_of_the_errors(train, train_hat, test, test_hat, q):
    """Takes the root mean square of each row."""
    return _judged(train, train_hat, test, test_hat, q, lambda a, b: np.sqrt(_row_errors(a, b)))


@mistake("errors_and_threshold", hint="The squares of a row are averaged: yours are added up.")
def errors_summed_over_the_columns(train, train_hat, test, test_hat, q):
    """Takes sums."""
    return _judged(train, train_hat, test, test_hat, q, lambda a, b: np.sum((a - b) ** 2, axis=1))


@mistake("errors_and_threshold", hint="The differences are squared: yours are absolute values.")
def absolute_errors_of_the_rows(train, train_hat, test, test_hat, q):
    """Takes the mean absolute error of each row."""
    return _judged(train, train_hat, test, test_hat, q, lambda a, b: np.mean(np.abs(a - b), axis=1))


@mistake("errors_and_threshold", hint="Every test row has the same error: average over axis 1.")
def mean_error_for_every_test_row(train, train_hat, test, test_hat, q):
    """Gives each row the mean of them all."""
    errors, threshold = _judged(train, train_hat, test, test_hat, q)
    return np.full_like(errors, np.mean(errors)), threshold


# --- conformal_threshold ----------------------------------------------------------------------


def _from_above(errors, rank):
    """The error of a rank, counted from the largest one; infinite where there is none."""
    return sorted(errors, reverse=True)[rank - 1] if rank > 0 else np.inf


@mistake("conformal_threshold", hint="The function hands nothing back: it has no `return`.")
def promise_not_returned(errors, one_in):
    """Computes the threshold and returns None."""
    return None


@mistake("conformal_threshold", hint="The new row counts as well: n + 1, and not n.")
def rank_without_the_new_row(errors, one_in):
    """Divides n by one_in."""
    return _from_above(errors, len(errors) // one_in)


@mistake("conformal_threshold", hint="The errors come in any order: sort them first.")
def errors_that_are_not_sorted(errors, one_in):
    """Takes the place in the array as it is."""
    rank = (len(errors) + 1) // one_in
    return errors[-rank] if rank > 0 else np.inf


@mistake("conformal_threshold", hint="Count from the largest error: you count from the smallest.")
def rank_from_the_smallest_error(errors, one_in):
    """Counts from below."""
    rank = (len(errors) + 1) // one_in
    return np.sort(errors)[rank - 1] if rank > 0 else np.inf


@mistake("conformal_threshold", hint="An error of the list is asked, and no value between two.")
def percentile_of_the_calibration_rows(errors, one_in):
    """Takes the percentile, which promises nothing for a finite number of rows."""
    return np.percentile(errors, 100 - 100 / one_in)


@mistake(
    "conformal_threshold",
    hint="One place too low: the rank is rounded down, and the largest error has the rank 1.",
)
def next_smaller_error(errors, one_in):
    """Is off by one, on the side that breaks the promise."""
    rank = (len(errors) + 1) // one_in
    return _from_above(errors, min(rank + 1, len(errors))) if rank > 0 else np.inf


@mistake("conformal_threshold", hint="The rank is the place of the threshold, not the threshold.")
def rank_for_the_threshold(errors, one_in):
    """Returns the rank."""
    return (len(errors) + 1) // one_in


@mistake("conformal_threshold", hint="With the rank 0 there is no promise: return np.inf instead.")
def largest_error_without_a_promise(errors, one_in):
    """Takes the rank 1 at least."""
    return _from_above(errors, max(1, (len(errors) + 1) // one_in))


@mistake("conformal_threshold", hint="You return the largest error: `one_in` changes nothing.")
def largest_calibration_error(errors, one_in):
    """Takes the maximum."""
    return np.max(errors)


@mistake("conformal_threshold", hint="`[-0]` is the first element: with the rank 0, return np.inf.")
def smallest_error_without_a_promise(errors, one_in):
    """Asks for the element -0."""
    return np.sort(errors)[-((len(errors) + 1) // one_in)]


# --- verdict ----------------------------------------------------------------------------------


def _ratio(a, b):
    return float(a / b) if b else 0.0


def _of_class(truth, alarm):
    """Precision, recall and F1 of one class."""
    hits = np.sum(truth & alarm)
    precision, recall = _ratio(hits, np.sum(alarm)), _ratio(hits, np.sum(truth))
    return precision, recall, _ratio(2 * precision * recall, precision + recall)


def _classes(labels, errors, threshold, called=np.greater):
    """Precision, recall and F1 of the anomalies, and those of the normal rows."""
    truth, alarm = labels == 1, called(errors, threshold)
    return _of_class(truth, alarm), _of_class(~truth, ~alarm)


def _four(anomalies, normal):
    """The right four numbers of two classes."""
    macro = [(a + b) / 2 for a, b in zip(anomalies, normal, strict=True)]
    return anomalies[2], macro[2], anomalies[1], macro[1]


@mistake("verdict", hint="The function hands nothing back: it has no `return`.")
def verdict_not_returned(labels, errors, threshold):
    """Prints the numbers and returns None."""
    return None


@mistake("verdict", hint="An error that equals the threshold is no alarm: greater, not equal.")
def alarm_at_the_threshold(labels, errors, threshold):
    """Compares with >=."""
    return _four(*_classes(labels, errors, threshold, np.greater_equal))


@mistake("verdict", hint="Large errors are the anomalies: your comparison is the wrong way round.")
def alarm_below_the_threshold(labels, errors, threshold):
    """Compares with <."""
    return _four(*_classes(labels, errors, threshold, np.less))


@mistake(
    "verdict",
    hint="Yours is the macro recall, which the source reports: that of the anomalies is asked.",
)
def macro_recall_given_as_recall(labels, errors, threshold):
    """Averages the recalls of the classes in both places."""
    f1, f1_macro, _, recall_macro = _four(*_classes(labels, errors, threshold))
    return f1, f1_macro, recall_macro, recall_macro


@mistake("verdict", hint="The macro recall is the mean over both classes: yours is of one of them.")
def recall_given_as_macro_recall(labels, errors, threshold):
    """Gives the recall of the anomalies in both places."""
    f1, f1_macro, recall, _ = _four(*_classes(labels, errors, threshold))
    return f1, f1_macro, recall, recall


@mistake("verdict", hint="The first number is the F1 of the anomalies: yours is the macro one.")
def macro_f1_given_as_f1(labels, errors, threshold):
    """Averages the F1 scores of the classes in both places."""
    _, f1_macro, recall, recall_macro = _four(*_classes(labels, errors, threshold))
    return f1_macro, f1_macro, recall, recall_macro


@mistake("verdict", hint="F1-macro is the mean over both classes: yours is that of the anomalies.")
def f1_given_as_macro_f1(labels, errors, threshold):
    """Gives the F1 of the anomalies in both places."""
    f1, _, recall, recall_macro = _four(*_classes(labels, errors, threshold))
    return f1, f1, recall, recall_macro


@mistake("verdict", hint="Your F1-macro is the accuracy: average the F1 scores of the classes.")
def accuracy_given_as_macro_f1(labels, errors, threshold):
    """Counts the right rows, which is the micro average."""
    f1, _, recall, recall_macro = _four(*_classes(labels, errors, threshold))
    right = np.mean((labels == 1) == (errors > threshold))
    return f1, float(right), recall, recall_macro


@mistake(
    "verdict", hint="Both classes count alike in a macro mean: yours is weighted by their rows."
)
def classes_weighted_by_their_rows(labels, errors, threshold):
    """Takes the weighted mean of the F1 scores."""
    anomalies, normal = _classes(labels, errors, threshold)
    f1, _, recall, recall_macro = _four(anomalies, normal)
    share = np.mean(labels == 1)
    return f1, share * f1 + (1 - share) * normal[2], recall, recall_macro


@mistake("verdict", hint="Average the F1 scores: yours is the F1 of the averages.")
def f1_of_the_macro_means(labels, errors, threshold):
    """Combines the mean precision and the mean recall."""
    anomalies, normal = _classes(labels, errors, threshold)
    f1, _, recall, recall_macro = _four(anomalies, normal)
    precision_macro = (anomalies[0] + normal[0]) / 2
    mixed = 2 * precision_macro * recall_macro / (precision_macro + recall_macro)
    return f1, mixed, recall, recall_macro


@mistake(
    "verdict", hint="F1 is the harmonic mean of precision and recall: yours is their half sum."
)
def half_sum_for_f1(labels, errors, threshold):
    """Averages precision and recall."""
    anomalies, normal = ((p, r, (p + r) / 2) for p, r, _ in _classes(labels, errors, threshold))
    return _four(anomalies, normal)


@mistake("verdict", hint="The recall divides by the anomalies: yours divides by the alarms.")
def precision_for_the_recall(labels, errors, threshold):
    """Gives the precisions for the recalls."""
    anomalies, normal = ((r, p, f) for p, r, f in _classes(labels, errors, threshold))
    return _four(anomalies, normal)


@mistake("verdict", hint="The label 1 is the anomaly: you took the normal rows for the positives.")
def normal_rows_for_the_positives(labels, errors, threshold):
    """Exchanges the two classes."""
    return _four(*_classes(labels, errors, threshold)[::-1])
