"""Hidden checks of assignment 10: what must hold whatever is drawn, and values of the library."""

import math
from functools import partial

import numpy as np

from course_lib.anomaly import reconstruction_errors
from course_lib.grading.checks import Case, check
from course_lib.metrics import f1, macro, recall
from course_lib.thresholds import percentile_threshold


def array(*rows):
    """A matrix of floats, row by row."""
    return np.array(rows, dtype=float)


# --- split_rows -------------------------------------------------------------------------------


def sizes_of_the_parts(split_rows, labels, n_support, seed):
    """The numbers of rows in train, calibration, support and test."""
    import numpy as np

    parts = split_rows(labels, n_support, np.random.default_rng(seed))
    numbers = list(map(len, parts))
    return "train {}, calibration {}, support {}, test {}".format(*numbers)


def anomalies_in_the_parts(split_rows, labels, n_support, seed):
    """The numbers of anomalies in train, calibration, support and test."""
    import numpy as np

    parts = split_rows(labels, n_support, np.random.default_rng(seed))
    numbers = [np.sum(labels[np.asarray(part, dtype=int)]) for part in parts]
    return "train {}, calibration {}, support {}, test {}".format(*numbers)


def where_the_rows_are(split_rows, labels, n_support, seed):
    """Rows that are nowhere or twice, and where the support comes from."""
    import numpy as np

    parts = split_rows(labels, n_support, np.random.default_rng(seed))
    support = np.asarray(parts[2]).tolist()
    train, calibration, test = (set(np.asarray(parts[k]).tolist()) for k in (0, 1, 3))
    lost = set(range(len(labels))) - (train | calibration | test)
    return (
        f"{len(labels)} rows; any in no part: {bool(lost)}, in train and calibration: "
        f"{bool(train & calibration)}, in one of them and test: "
        f"{bool((train | calibration) & test)}; support: {len(support)} rows, "
        f"any twice: {len(set(support)) < len(support)}, all in train: {set(support) <= train}"
    )


def same_seed_same_rows(split_rows, labels, n_support, seed):
    """Equal for equal seeds; for another seed another train and another support."""
    import numpy as np

    first, again, other = (
        [sorted(part) for part in split_rows(labels, n_support, np.random.default_rng(number))]
        for number in (seed, seed, seed + 1)
    )
    return (
        f"equal for equal seeds: {first == again}; for another seed "
        f"another train: {first[0] != other[0]}, another support: {first[2] != other[2]}"
    )


def marked(rng, n_normal, n_anomalies):
    """Labels in any order."""
    return rng.permutation(np.repeat([0, 1], [n_normal, n_anomalies]))


@check("test_split_rows", function="split_rows", points=1, through=sizes_of_the_parts)
def parts_of_the_right_sizes(rng):
    """Train, calibration, support and test have the right numbers of rows."""
    for n_normal, n_anomalies, n_support in ((10, 0, 2), (13, 4, 3), (58, 9, 5), (1000, 150, 10)):
        n_train, n_calibration = int(n_normal * 6 / 10), int(n_normal * 2 / 10)
        n_test = n_normal - n_train - n_calibration + n_anomalies
        yield Case(
            args=(marked(rng, n_normal, n_anomalies), n_support, n_normal),
            expected=f"train {n_train}, calibration {n_calibration}, "
            f"support {n_support}, test {n_test}",
        )


@check("test_split_rows", function="split_rows", points=0.5, through=anomalies_in_the_parts)
def every_anomaly_is_tested(rng):
    """Train, calibration and support hold no anomaly, and test all of them."""
    for n_normal, n_anomalies, n_support in ((10, 3, 2), (50, 20, 8), (100, 60, 20)):
        args = marked(rng, n_normal, n_anomalies), n_support, n_normal
        expected = f"train 0, calibration 0, support 0, test {n_anomalies}"
        yield Case(args=args, expected=expected)


@check(
    "test_split_rows",
    function="split_rows",
    points=1,
    through=where_the_rows_are,
)
def each_row_in_one_part(rng):
    """Train, calibration and test hold each row once; the support is different rows of train."""
    for n_normal, n_anomalies, n_support in ((10, 0, 4), (20, 5, 8), (100, 30, 40)):
        labels = marked(rng, n_normal, n_anomalies)
        expected = (
            f"{len(labels)} rows; any in no part: False, in train and calibration: False, "
            f"in one of them and test: False; support: {n_support} rows, any twice: False, "
            "all in train: True"
        )
        yield Case(args=(labels, n_support, n_normal), expected=expected)


@check(
    "test_split_rows",
    function="split_rows",
    points=0.5,
    through=same_seed_same_rows,
    needs=("parts_of_the_right_sizes",),
)
def rows_drawn_by_the_generator(rng):
    """Train and support are drawn by `rng`: equal seeds give equal rows, others do not."""
    for n_normal, n_anomalies in ((100, 0), (300, 40)):
        labels = marked(rng, n_normal, n_anomalies)
        expected = (
            "equal for equal seeds: True; for another seed another train: True, "
            "another support: True"
        )
        yield Case(args=(labels, 10, 1), expected=expected)


# --- standardize ------------------------------------------------------------------------------


def scaled(train, rows, columns):
    """Some columns of rows, number by number, by the mean and deviation of the training rows."""
    n = len(train)
    middles = {j: math.fsum(train[:, j]) / n for j in columns}
    spreads = {
        j: math.sqrt(math.fsum((value - middles[j]) ** 2 for value in train[:, j]) / n)
        for j in columns
    }
    return array(*([(row[j] - middles[j]) / spreads[j] for j in columns] for row in rows))


def training_rows_alone(standardize, train, test):
    """The first one of the two results."""
    return standardize(train, test)[0]


def tested_rows_alone(standardize, train, test):
    """The second one of the two results."""
    return standardize(train, test)[1]


def measured(rng, n, d):
    """Rows with columns of their own units."""
    return rng.normal(rng.uniform(-50, 50, d), rng.uniform(2, 20, d), size=(n, d)).round(1)


@check("test_standardize", function="standardize", points=0.5, through=training_rows_alone)
def training_rows_of_one_column(rng):
    """One column of the training rows gets the mean 0 and the standard deviation 1."""
    yield Case(args=(array([1], [3]), array([6], [0])), expected=array([-1], [1]))
    yield Case(
        args=(array([0], [0], [6]), array([1], [5])), expected=array([-1], [-1], [2]) / 2**0.5
    )
    for n in (4, 9):
        train, test = measured(rng, n, 1), measured(rng, 5, 1)
        yield Case(args=(train, test), expected=scaled(train, train, [0]))


@check("test_standardize", function="standardize", points=1, through=tested_rows_alone)
def tested_rows_on_the_scale_of_training(rng):
    """The test rows are standardised by the numbers of the training rows, column by column."""
    yield Case(args=(array([1], [3]), array([6], [0])), expected=array([4], [-2]))
    for n, d in ((5, 2), (8, 3), (12, 6)):
        train = measured(rng, n, d)
        test = 3 * train[:4] + measured(rng, 4, d)
        yield Case(args=(train, test), expected=scaled(train, test, range(d)))


@check("test_standardize", function="standardize", points=0.5)
def constant_columns_are_left_out(rng):
    """Columns that are constant in the training rows are in neither of the two results."""
    for n, d, constant in ((3, 2, {1}), (6, 4, {0, 2}), (5, 5, {4})):
        train, test = measured(rng, n, d), measured(rng, 4, d)
        for j in constant:
            train[:, j] = 7.0
        columns = [j for j in range(d) if j not in constant]
        test[:, columns[-1]] = 7.0
        expected = scaled(train, train, columns), scaled(train, test, columns)
        yield Case(args=(train, test), expected=expected)


# --- inject_anomalies -------------------------------------------------------------------------


def labels_and_changed_rows(inject_anomalies, X, columns, n_anomalies, seed):
    """How many rows have each label, and how many are changed."""
    import numpy as np

    X_new, labels = inject_anomalies(X.copy(), columns, n_anomalies, np.random.default_rng(seed))
    marked, changed = np.asarray(labels) == 1, np.any(X_new != X, axis=1)
    ones, spoilt = (
        "fewer" if n < n_anomalies else "more" if n > n_anomalies else "as many"
        for n in (np.sum(marked), np.sum(changed))
    )
    return (
        f"{n_anomalies} anomalies asked for; rows with the label 1: {ones}, changed: {spoilt}; "
        f"the same rows: {np.array_equal(marked, changed)}; "
        f"labels other than 0 and 1: {set(np.unique(labels).tolist()) - {0, 1} != set()}"
    )


def changed_columns(inject_anomalies, X, columns, n_anomalies, seed):
    """Where values change, and how many in a row."""
    import numpy as np

    X_new, _ = inject_anomalies(X.copy(), columns, n_anomalies, np.random.default_rng(seed))
    changed = X_new != X
    of_a_row = changed.sum(axis=1)[changed.any(axis=1)]
    touched = set(np.flatnonzero(changed.any(axis=0)).tolist())
    return (
        f"values changed in a spoilt row: {of_a_row.min()} to {of_a_row.max()}; "
        f"columns changed in the whole table: {len(touched)}, not given: {touched - set(columns)}"
    )


def factors_of_the_rows(inject_anomalies, X, columns, n_anomalies, seed):
    """What the changed values were multiplied by."""
    import numpy as np

    X_new, _ = inject_anomalies(X.copy(), columns, n_anomalies, np.random.default_rng(seed))
    rows = [(new / old)[new != old] for new, old in zip(X_new, X, strict=True)]
    rows = [row for row in rows if len(row)]
    factors = np.concatenate(rows)
    different = {round(float(row[0]), 9) for row in rows}
    return (
        f"{len(X)} rows; one factor in each spoilt row: {max(map(np.ptp, rows)) < 1e-6}, "
        f"another one in each of them: {len(different) == len(rows)}; factors below 6: "
        f"{bool(factors.min() < 6)}, below 9: {bool(factors.min() < 9)}, "
        f"above 27: {bool(factors.max() > 27)}, above 30: {bool(factors.max() > 30)}"
    )


def sizes_of_changed_values(inject_anomalies, X, columns, n_anomalies, seed):
    """How large the changed values are, and whether they keep their signs."""
    import numpy as np

    X_new, _ = inject_anomalies(X.copy(), columns, n_anomalies, np.random.default_rng(seed))
    new, old = X_new[X_new != X], X[X_new != X]
    inside = (np.abs(new) > 6 - 1e-9) & (np.abs(new) < 30 + 1e-9)
    return (
        f"{len(X)} rows; zeros changed: {bool(np.any(old == 0))}; "
        f"all sizes between 6 and 30: {inside.all()}; "
        f"all signs kept: {np.array_equal(new < 0, old < 0)}"
    )


def argument_and_generator(inject_anomalies, X, columns, n_anomalies, seed):
    """Whether X stays as it is, and whether the generator decides."""
    import numpy as np

    given = X.copy()
    first, again, other = (
        np.array(inject_anomalies(given, columns, n_anomalies, np.random.default_rng(number))[0])
        for number in (seed, seed, seed + 1)
    )
    return (
        f"X as it was: {np.array_equal(given, X)}; "
        f"equal for equal seeds: {np.array_equal(first, again)}; "
        f"different for another seed: {not np.array_equal(first, other)}"
    )


def far_from_zero(rng, n, d):
    """Rows with values of both signs and sizes between 1 and 3."""
    return rng.uniform(1, 3, size=(n, d)) * rng.choice([-1, 1], size=(n, d))


@check(
    "test_inject_anomalies",
    function="inject_anomalies",
    points=0.5,
    through=labels_and_changed_rows,
)
def spoilt_rows_have_the_label_1(rng):
    """As many rows as asked are changed; they have the label 1, and all the others 0."""
    for n, n_anomalies in ((5, 2), (30, 20), (200, 150)):
        args = far_from_zero(rng, n, 4), [0, 1, 2, 3], n_anomalies, n
        expected = (
            f"{n_anomalies} anomalies asked for; rows with the label 1: as many, changed: as many; "
            "the same rows: True; labels other than 0 and 1: False"
        )
        yield Case(args=args, expected=expected)


@check(
    "test_inject_anomalies",
    function="inject_anomalies",
    points=0.5,
    through=changed_columns,
)
def two_of_the_given_columns(rng):
    """In each spoilt row two values change, in any two of the given columns."""
    for d, columns, n_anomalies in ((4, [1, 3], 60), (6, [5, 2, 3], 80), (8, [1, 2, 4, 6, 7], 120)):
        args = far_from_zero(rng, 150, d), columns, n_anomalies, d
        expected = (
            "values changed in a spoilt row: 2 to 2; "
            f"columns changed in the whole table: {len(columns)}, not given: {set()}"
        )
        yield Case(args=args, expected=expected)


@check(
    "test_inject_anomalies",
    function="inject_anomalies",
    points=1,
    through=factors_of_the_rows,
)
def one_factor_for_each_row(rng):
    """Both values of a row have one factor, and each row another one, between 6 and 30."""
    for n, n_anomalies in ((220, 200), (320, 300)):
        args = np.abs(far_from_zero(rng, n, 5)), [0, 1, 2, 3, 4], n_anomalies, n
        expected = (
            f"{n} rows; one factor in each spoilt row: True, another one in each of them: True; "
            "factors below 6: False, below 9: True, above 27: True, above 30: False"
        )
        yield Case(args=args, expected=expected)


@check(
    "test_inject_anomalies",
    function="inject_anomalies",
    points=0.5,
    through=sizes_of_changed_values,
)
def small_values_become_large(rng):
    """Values between -1 and 1, 0 among them, get sizes between 6 and 30 and keep their signs."""
    for n, n_anomalies in ((60, 40), (100, 90)):
        X = rng.uniform(-1, 1, size=(n, 4))
        X[:, 3] = 0.0
        args = X, [0, 1, 2, 3], n_anomalies, n
        expected = (
            f"{n} rows; zeros changed: True; all sizes between 6 and 30: True; all signs kept: True"
        )
        yield Case(args=args, expected=expected)


@check(
    "test_inject_anomalies",
    function="inject_anomalies",
    points=0.5,
    through=argument_and_generator,
    needs=("spoilt_rows_have_the_label_1",),
)
def rows_that_came_in_stay(rng):
    """X stays as it is; what is drawn comes from `rng`, equal for equal seeds and else not."""
    for n in (40, 90):
        args = far_from_zero(rng, n, 4), [0, 1, 2, 3], 10, n
        expected = (
            "X as it was: True; equal for equal seeds: True; different for another seed: True"
        )
        yield Case(args=args, expected=expected)


# --- sparse_loss ------------------------------------------------------------------------------


def layers(rng, d, p):
    """Random weights and biases of an autoencoder with p hidden units."""
    shapes = (d, p), (p,), (p, d), (d,)
    return [rng.normal(size=shape).round(1) for shape in shapes]


def terms(X, W1, b1, W2, b2):
    """The reconstruction and the activity, unit by unit."""
    (n, d), p = X.shape, len(b1)
    squares, sizes = [], []
    for row in X:
        units = [
            math.tanh(math.fsum(row[i] * W1[i, k] for i in range(d)) + b1[k]) for k in range(p)
        ]
        sizes += [abs(unit) for unit in units]
        for j in range(d):
            squares.append((math.fsum(units[k] * W2[k, j] for k in range(p)) + b2[j] - row[j]) ** 2)
    return math.fsum(squares) / (n * d), math.fsum(sizes) / n


def reconstruction_alone(sparse_loss, X, W1, b1, W2, b2, penalty):
    """The second one of the three results."""
    return sparse_loss(X, W1, b1, W2, b2, penalty)[1]


def activity_alone(sparse_loss, X, W1, b1, W2, b2, penalty):
    """The third one of the three results."""
    return sparse_loss(X, W1, b1, W2, b2, penalty)[2]


@check("test_sparse_loss", function="sparse_loss", points=0.5, through=reconstruction_alone)
def mean_square_of_the_differences(rng):
    """The reconstruction is the mean square over rows and columns, whatever the penalty."""
    for n, d, p, penalty in ((1, 1, 1, 0.0), (1, 3, 2, 0.1), (4, 3, 2, 1.0), (6, 5, 3, 0.5)):
        X, parts = rng.normal(size=(n, d)).round(1), layers(rng, d, p)
        yield Case(args=(X, *parts, penalty), expected=terms(X, *parts)[0])


@check("test_sparse_loss", function="sparse_loss", points=0.5, through=activity_alone)
def sizes_of_the_hidden_units(rng):
    """The activity is the sum of the sizes of the units, averaged over the rows."""
    for n, d, p, penalty in ((1, 1, 1, 0.5), (1, 2, 3, 0.1), (4, 3, 2, 2.0), (6, 5, 4, 0.5)):
        X, parts = rng.normal(size=(n, d)).round(1), layers(rng, d, p)
        parts[1] -= 1.0
        yield Case(args=(X, *parts, penalty), expected=terms(X, *parts)[1])


@check("test_sparse_loss", function="sparse_loss", points=1)
def loss_with_its_penalty(rng):
    """The loss is the reconstruction plus the penalty times the activity, beside the two."""
    for n, d, p, penalty in ((1, 1, 1, 2.0), (2, 3, 2, 0.1), (4, 3, 5, 0.0), (6, 5, 3, 0.5)):
        X, parts = rng.normal(size=(n, d)).round(1), layers(rng, d, p)
        reconstruction, activity = terms(X, *parts)
        expected = reconstruction + penalty * activity, reconstruction, activity
        yield Case(args=(X, *parts, penalty), expected=expected)


# --- errors_and_threshold ---------------------------------------------------------------------


def errors_alone(errors_and_threshold, train, train_hat, test, test_hat, q):
    """The first one of the two results."""
    return errors_and_threshold(train, train_hat, test, test_hat, q)[0]


def threshold_alone(errors_and_threshold, train, train_hat, test, test_hat, q):
    """The second one of the two results."""
    return errors_and_threshold(train, train_hat, test, test_hat, q)[1]


def rebuilt(rng, n_train, n_test, d):
    """Training rows that are rebuilt well, and test rows that are not, with the reconstructions."""
    train, test = (rng.normal(size=(n, d)).round(1) for n in (n_train, n_test))
    return train, train + rng.normal(0, 0.5, size=train.shape).round(1), test, 0 * test + 0.1


@check(
    "test_errors_and_threshold", function="errors_and_threshold", points=0.5, through=errors_alone
)
def error_of_one_test_row(rng):
    """The error of a single test row is the mean over its columns of the squares."""
    for d in (1, 2, 5):
        args = rebuilt(rng, 4, 1, d)
        yield Case(args=(*args, 50), expected=reconstruction_errors(*args[2:]))


@check(
    "test_errors_and_threshold", function="errors_and_threshold", points=0.5, through=errors_alone
)
def error_of_each_test_row(rng):
    """Each of several test rows has an error of its own."""
    for n_test, d in ((2, 2), (3, 5), (8, 4)):
        args = rebuilt(rng, 5, n_test, d)
        yield Case(args=(*args, 95), expected=reconstruction_errors(*args[2:]))


@check(
    "test_errors_and_threshold",
    function="errors_and_threshold",
    points=0.5,
    through=threshold_alone,
)
def median_of_the_training_errors(rng):
    """With q = 50 and an odd number of training rows, the threshold is the error in the middle."""
    for n_train, d in ((1, 3), (3, 2), (7, 4)):
        args = rebuilt(rng, n_train, 6, d)
        yield Case(
            args=(*args, 50), expected=np.sort(reconstruction_errors(*args[:2]))[n_train // 2]
        )


@check(
    "test_errors_and_threshold",
    function="errors_and_threshold",
    points=0.5,
    through=threshold_alone,
)
def percentile_of_the_training_errors(rng):
    """The threshold is the q-th percentile of the training errors, whatever q is."""
    for n_train, d, q in ((4, 2, 30), (10, 3, 95), (25, 4, 99), (8, 5, 12.5)):
        args = rebuilt(rng, n_train, 6, d)
        expected = percentile_threshold(reconstruction_errors(*args[:2]), q)
        yield Case(args=(*args, q), expected=expected)


# --- conformal_threshold ----------------------------------------------------------------------


def ranked(rng, n):
    """Errors in any order, with their ranks from above: the largest one has the rank 1."""
    values = np.cumsum(rng.integers(1, 9, size=n)) / 10
    return rng.permutation(values), {rank: values[n - rank] for rank in range(1, n + 1)}


@check("test_conformal_threshold", function="conformal_threshold", points=1)
def error_of_the_right_rank(rng):
    """The threshold is the error of the right rank, in whatever order the errors come."""
    for n, one_in, rank in ((5, 5, 1), (10, 3, 3), (41, 10, 4), (250, 20, 12)):
        errors, of_rank = ranked(rng, n)
        yield Case(args=(errors, one_in), expected=of_rank[rank])


@check("test_conformal_threshold", function="conformal_threshold", points=0.5)
def new_row_counts_as_well(rng):
    """The new row counts too: the rank is that of n + 1 errors, not of n."""
    for n, one_in, rank in ((5, 3, 2), (9, 10, 1), (19, 5, 4), (99, 20, 5)):
        errors, of_rank = ranked(rng, n)
        yield Case(args=(errors, one_in), expected=of_rank[rank])


@check(
    "test_conformal_threshold",
    function="conformal_threshold",
    points=0.5,
    needs=("error_of_the_right_rank",),
)
def too_few_rows_for_a_promise(rng):
    """With fewer than one_in - 1 calibration rows, the threshold is infinite."""
    for n, one_in in ((1, 3), (5, 20), (18, 20), (98, 100)):
        yield Case(args=(ranked(rng, n)[0], one_in), expected=math.inf)


# --- verdict ----------------------------------------------------------------------------------


def f1_alone(verdict, labels, errors, threshold):
    """The first one of the four results."""
    return verdict(labels, errors, threshold)[0]


def f1_macro_alone(verdict, labels, errors, threshold):
    """The second one of the four results."""
    return verdict(labels, errors, threshold)[1]


def recall_alone(verdict, labels, errors, threshold):
    """The third one of the four results."""
    return verdict(labels, errors, threshold)[2]


def recall_macro_alone(verdict, labels, errors, threshold):
    """The fourth one of the four results."""
    return verdict(labels, errors, threshold)[3]


def judged(rng, metric):
    """Labels with errors that say something about them, some of them equal to the threshold."""
    small = np.array([1, 1, 0, 0, 0]), np.array([9.0, 2.0, 1.0, 1.0, 3.0]), 2.0
    quiet = np.array([1, 0, 0, 0]), np.array([5.0, 4.0, 1.0, 2.0]), 5.0
    cases = [small, quiet]
    for n_normal, n_anomalies, threshold in ((9, 3, 2.0), (40, 12, 3.0), (30, 30, 4.0)):
        labels = marked(rng, n_normal, n_anomalies)
        cases.append((labels, rng.integers(0, 5, size=len(labels)) + 2.0 * labels, threshold))
    for args in cases:
        yield Case(args=args, expected=metric(args[0], (args[1] > args[2]).astype(int)))


@check("test_verdict", function="verdict", points=0.5, through=f1_alone)
def f1_of_the_anomalies(rng):
    """`f1` is that of the anomalies, and 0 where nobody is called one."""
    yield from judged(rng, f1)


@check("test_verdict", function="verdict", points=0.5, through=f1_macro_alone)
def f1_of_both_classes(rng):
    """`f1_macro` is the mean of the F1 scores of the two classes."""
    yield from judged(rng, partial(macro, f1))


@check("test_verdict", function="verdict", points=0.5, through=recall_alone)
def share_of_the_anomalies_found(rng):
    """`recall` is the share of the anomalies whose error is greater than the threshold."""
    yield from judged(rng, recall)


@check("test_verdict", function="verdict", points=0.5, through=recall_macro_alone)
def recall_of_both_classes(rng):
    """`recall_macro` is the mean of the recalls of the two classes."""
    yield from judged(rng, partial(macro, recall))
