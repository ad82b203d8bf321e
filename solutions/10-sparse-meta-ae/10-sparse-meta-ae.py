# %% [markdown]
# # Assignment 10: anomalies, without fooling yourself
#
# A sparse autoencoder learns to reconstruct normal rows. What it reconstructs badly is called an
# anomaly. Most of the work lies around the network, and so do most of the errors: which rows it may
# see, where the anomalies come from, where the threshold is taken, which of the numbers is
# reported. You write these parts one by one; then you see which of them the result hangs on.
#
# - You need NumPy and the chapters *Anomaly detection and its evaluation* and *A sparse autoencoder
#   that adapts*. Nothing else is imported, but Matplotlib for the figure of section 8.
# - Below each function, a few public checks show what is expected. That the public checks pass
#   is a good sign, not yet a mark.
# - The mark comes from other inputs, one property at a time, so that part of an answer earns part
#   of the points. Keep the names of the functions and the order of their arguments.
#
# Everywhere, rows are samples, the label 1 means an anomaly and 0 a normal row. `rng` is a
# `np.random.Generator`: everything random comes from it, and nothing from the functions of
# `np.random` itself. The arrays that come in stay as they are.
#
# 20 points: 16 for the seven functions, 4 for the written answer at the end. About 100 minutes.

# %% tags=["locked:imports"]
import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# ## 1. A split that leaks nothing (3 points)
#
# Write `split_rows(labels, n_support, rng)`, which returns the tuple `(train, calibration, support,
# test)` of arrays of row numbers, in any order. `labels` has the shape `(n,)`.
#
# - The $m$ *normal* rows are dealt out at random: `6 * m // 10` of them to `train`,
#   `2 * m // 10` others to `calibration`, and all the rest to `test`.
# - Every anomaly is in `test`. What is fitted never sees one.
# - `support` holds `n_support` different rows of `train`, drawn at random: the few rows on which
#   the network adapts itself later on.
#
# Example: with 10 normal rows and 3 anomalies, the sizes are 6, 2, `n_support` and 5.


# %% tags=["answer:split_rows"]
def split_rows(labels, n_support, rng):
    """Return (train, calibration, support, test), arrays of row numbers."""
    ### BEGIN SOLUTION
    labels = np.asarray(labels)
    normal = rng.permutation(np.flatnonzero(labels == 0))
    first, second = 6 * len(normal) // 10, 6 * len(normal) // 10 + 2 * len(normal) // 10
    train, calibration = normal[:first], normal[first:second]
    test = np.concatenate([normal[second:], np.flatnonzero(labels == 1)])
    return train, calibration, rng.choice(train, size=n_support, replace=False), test
    ### END SOLUTION


# %% tags=["test:test_split_rows:3"]
labels = np.array([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0])
parts = split_rows(labels, 3, np.random.default_rng(0))
names = ["train", "calibration", "support", "test"]
sizes = [len(part) for part in parts]
assert sizes == [6, 2, 3, 5], f"expected the sizes [6, 2, 3, 5] of {names}, got {sizes}"
train, calibration, support, test = (sorted(part) for part in parts)
assert sorted(train + calibration + test) == list(range(13)), "each row must be in one part"
assert set(support) <= set(train), f"the support {support} must come from the rows {train}"
assert {1, 5, 10} <= set(test), f"the anomalies are 1, 5 and 10; the test rows are {test}"
print("split_rows: the public checks pass")

# %% [markdown]
# ## 2. One scale for all (2 points)
#
# Write `standardize(train, test)`, which returns the two arrays of rows with each column
# standardised by the mean and the standard deviation of the *training* rows (with the division by
# $n$, as `np.std` does). Columns that are constant in `train` are left out of both arrays.
#
# Example: with `train = [[1, 7], [3, 7]]` and `test = [[6, 8]]`, the result is `[[-1], [1]]` and
# `[[4]]`: the mean is 2, the standard deviation 1, and the second column is left out.


# %% tags=["answer:standardize"]
def standardize(train, test):
    """Return both arrays, standardised by the training rows, without constant columns."""
    ### BEGIN SOLUTION
    varies = np.ptp(train, axis=0) > 0
    middle, spread = train[:, varies].mean(axis=0), train[:, varies].std(axis=0)
    return (train[:, varies] - middle) / spread, (test[:, varies] - middle) / spread
    ### END SOLUTION


# %% tags=["test:test_standardize:2"]
got = standardize(np.array([[1.0, 7.0], [3.0, 7.0]]), np.array([[6.0, 8.0]]))
assert np.shape(got[0]) == (2, 1), f"expected (2, 1), the shape of train is {np.shape(got[0])}"
assert np.allclose(got[0], [[-1.0], [1.0]]), f"expected [[-1], [1]], got {got[0]}"
assert np.shape(got[1]) == (1, 1), f"expected (1, 1), the shape of test is {np.shape(got[1])}"
assert np.allclose(got[1], [[4.0]]), f"6 is 4 deviations above 2: expected [[4]], got {got[1]}"
print("standardize: the public checks pass")

# %% [markdown]
# ## 3. Anomalies made by hand (3 points)
#
# Write `inject_anomalies(X, columns, n_anomalies, rng)`, which returns the tuple `(X_new, labels)`:
# a copy of the standardised rows `X`, some of them spoilt, and an array of the shape `(n,)` of
# zeros and ones.
#
# - `n_anomalies` different rows are drawn. They have the label 1.
# - In each of them, two different columns are drawn out of `columns`, a list of column numbers.
# - For each of these rows, *one* factor is drawn, uniformly between 6 and 30. Both values are
#   multiplied by it.
#
# A small value stays small when it is multiplied. So a value between -1 and 1 becomes -1 or 1
# before that: -1 where it is negative, else 1.
#
# Example: with the factor 10, the values -2, -0.3, 0 and 4 become -20, -10, 10 and 40.


# %% tags=["answer:inject_anomalies"]
def inject_anomalies(X, columns, n_anomalies, rng):
    """Return (X_new, labels): a copy with spoilt rows, and 1 where a row is spoilt."""
    ### BEGIN SOLUTION
    X_new, labels = X.copy(), np.zeros(len(X), dtype=int)
    for row in rng.choice(len(X), size=n_anomalies, replace=False):
        spoilt = rng.choice(columns, size=2, replace=False)
        values = X[row, spoilt]
        signs = np.where(values < 0, -1.0, 1.0)
        X_new[row, spoilt] = rng.uniform(6, 30) * signs * np.maximum(np.abs(values), 1)
        labels[row] = 1
    return X_new, labels
    ### END SOLUTION


# %% tags=["test:test_inject_anomalies:3"]
X = np.array([[2.0, -3.0, 1.5], [-1.5, 4.0, 2.0], [0.1, 0.0, -0.2], [5.0, -2.0, 1.0]])
before = X.copy()
X_new, labels = inject_anomalies(X, [0, 2], 2, np.random.default_rng(1))
assert np.array_equal(X, before), "the rows that came in must stay as they are"
assert np.shape(X_new) == (4, 3), f"expected the shape (4, 3), got {np.shape(X_new)}"
assert np.shape(labels) == (4,), f"4 labels: expected the shape (4,), got {np.shape(labels)}"
assert np.sum(labels) == 2, f"2 anomalies: expected two labels 1, got {labels}"
changed = np.asarray(X_new) != X
want = np.outer(labels, [1, 0, 1]).astype(bool)
assert np.array_equal(changed, want), f"expected changes at {want}, got changes at {changed}"
old = np.where(X < 0, -1, 1) * np.maximum(np.abs(X), 1)
factors = (X_new / old)[want].reshape(2, 2)
assert np.allclose(factors[:, 0], factors[:, 1]), f"one factor for each row, got {factors}"
assert np.all((factors >= 6) & (factors <= 30)), f"factors between 6 and 30, got {factors}"
print("inject_anomalies: the public checks pass")

# %% [markdown]
# ## 4. The loss of a sparse autoencoder (2 points)
#
# Write `sparse_loss(X, W1, b1, W2, b2, penalty)`, which returns the tuple of floats `(loss,
# reconstruction, activity)`. The hidden layer is $H = \tanh(X W_1 + b_1)$, the output
# $\hat X = H W_2 + b_2$; the weights have the shapes `(d, p)` and `(p, d)`, as in Keras.
#
# - `reconstruction` is the mean of $(\hat x_{ij} - x_{ij})^2$ over all rows and columns.
# - `activity` is the sum of the $|h_{ij}|$ over the units of a row, averaged over the rows.
# - `loss` is the reconstruction plus `penalty` times the activity.
#
# Example: with one unit, `X = [[0.5], [0]]`, `W1 = [[0]]`, `b1 = [1]`, `W2 = [[0]]` and `b2 = [0]`,
# the reconstruction is 0.125 and the activity $\tanh 1$.


# %% tags=["answer:sparse_loss"]
def sparse_loss(X, W1, b1, W2, b2, penalty):
    """Return (loss, reconstruction, activity) of a sparse autoencoder on some rows."""
    ### BEGIN SOLUTION
    hidden = np.tanh(X @ W1 + b1)
    reconstruction = float(np.mean((hidden @ W2 + b2 - X) ** 2))
    activity = float(np.abs(hidden).sum(axis=1).mean())
    return reconstruction + penalty * activity, reconstruction, activity
    ### END SOLUTION


# %% tags=["test:test_sparse_loss:2"]
one_unit = np.array([[0.0]]), np.array([1.0]), np.array([[0.0]]), np.array([0.0])
loss, reconstruction, activity = sparse_loss(np.array([[0.5], [0.0]]), *one_unit, 0.1)
assert np.isclose(reconstruction, 0.125), f"the mean of 0.25 and 0: got {reconstruction}"
assert np.isclose(activity, np.tanh(1)), f"expected tanh(1) = 0.76159, got {activity}"
want = 0.125 + 0.1 * np.tanh(1)
assert np.isclose(loss, want), f"0.125 + 0.1 * 0.76159: expected {want:.5f}, got {loss}"
print("sparse_loss: the public checks pass")

# %% [markdown]
# ## 5. Errors and a threshold (2 points)
#
# Write `errors_and_threshold(train, train_hat, test, test_hat, q)`, which returns the tuple
# `(errors, threshold)`. `train_hat` and `test_hat` are the reconstructions of the rows of `train`
# and `test`.
#
# - `errors`, of the shape `(n_test,)`, holds for each test row the mean over its columns of the
#   squared differences.
# - `threshold` is the `q`-th percentile of the same errors of the *training* rows, a float, as
#   `np.percentile` gives it. `q` lies between 0 and 100.
#
# Example: with `train = [[1, 1], [2, 2], [3, 3]]`, `test = [[0, 2]]`, zeros for the reconstructions
# and `q = 50`, it is `([2.0], 4.0)`: the errors of the training rows are 1, 4 and 9.


# %% tags=["answer:errors_and_threshold"]
def errors_and_threshold(train, train_hat, test, test_hat, q):
    """Return (errors, threshold): of the test rows, and from the training rows."""
    ### BEGIN SOLUTION
    train_errors, test_errors = (
        np.mean(np.square(rows - rows_hat), axis=1)
        for rows, rows_hat in ((train, train_hat), (test, test_hat))
    )
    return test_errors, float(np.percentile(train_errors, q))
    ### END SOLUTION


# %% tags=["test:test_errors_and_threshold:2"]
train, test = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), np.array([[0.0, 2.0]])
errors, threshold = errors_and_threshold(train, 0 * train, test, 0 * test, 50)
assert np.shape(errors) == (1,), f"1 test row: expected the shape (1,), got {np.shape(errors)}"
assert np.allclose(errors, [2.0]), f"the mean of 0 and 4: expected [2.], got {errors}"
assert np.ndim(threshold) == 0, f"the threshold is one number, got the shape {np.shape(threshold)}"
assert np.isclose(threshold, 4.0), f"the median of 1, 4 and 9: expected 4, got {threshold}"
print("errors_and_threshold: the public checks pass")

# %% [markdown]
# ## 6. A threshold with a promise (2 points)
#
# The network has seen its training rows, so that their errors are too small. Write
# `conformal_threshold(errors, one_in)`, which returns a float. `errors`, of the shape `(n,)`, holds
# the errors of *calibration* rows: normal rows that nothing was fitted on. On average, at most one
# new normal row in `one_in` may lie above the threshold. With
# $k = \lfloor (n + 1) / \text{one\_in} \rfloor$, it is the $k$-th *largest* error. Where $k = 0$,
# there are too few rows for such a promise: return `np.inf`.
#
# Example: with `errors = [3, 1, 2, 5, 4]` and `one_in = 3`, $k$ is 2, and the result 4. With
# `one_in = 7` it is infinite.


# %% tags=["answer:conformal_threshold"]
def conformal_threshold(errors, one_in):
    """Return the threshold that at most one normal row in `one_in` exceeds on average."""
    ### BEGIN SOLUTION
    rank = (len(errors) + 1) // one_in
    return float(np.sort(errors)[-rank]) if rank > 0 else np.inf
    ### END SOLUTION


# %% tags=["test:test_conformal_threshold:2"]
errors = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
got = conformal_threshold(errors, 3)
assert np.isclose(got, 4.0), f"the second largest: expected 4, got {got}"
got = conformal_threshold(errors, 6)
assert np.isclose(got, 5.0), f"(5 + 1) / 6 is 1, the largest: expected 5, got {got}"
got = conformal_threshold(errors, 7)
assert got == np.inf, f"too few rows for one in 7: expected inf, got {got}"
print("conformal_threshold: the public checks pass")

# %% [markdown]
# ## 7. Four numbers (2 points)
#
# Write `verdict(labels, errors, threshold)`, which returns the tuple of floats `(f1, f1_macro,
# recall, recall_macro)`. A row is called an anomaly where its error is *greater* than the
# threshold. `f1` and `recall` are those of the class of the anomalies; the macro ones are the mean
# of the two classes, each of which is once the positive one. Both labels occur in `labels`. A ratio
# whose denominator is 0 counts as 0.
#
# Example: with the labels `[1, 1, 0, 0, 0]`, the errors `[9, 2, 1, 1, 3]` and the threshold 2, one
# of two anomalies is found and one of three normal rows alarms: the result is
# `(1/2, 7/12, 1/2, 7/12)`.


# %% tags=["answer:verdict"]
def verdict(labels, errors, threshold):
    """Return (f1, f1_macro, recall, recall_macro) of the alarms."""
    ### BEGIN SOLUTION
    truth, alarm = np.asarray(labels) == 1, np.asarray(errors) > threshold
    f1s, recalls = [], []
    for is_positive, is_called in ((truth, alarm), (~truth, ~alarm)):
        hits = np.sum(is_positive & is_called)
        f1s.append(2 * hits / (np.sum(is_positive) + np.sum(is_called)))
        recalls.append(hits / np.sum(is_positive))
    return float(f1s[0]), float(np.mean(f1s)), float(recalls[0]), float(np.mean(recalls))
    ### END SOLUTION


# %% tags=["test:test_verdict:2"]
got = verdict(np.array([1, 1, 0, 0, 0]), np.array([9.0, 2.0, 1.0, 1.0, 3.0]), 2.0)
assert np.shape(got) == (4,), f"4 numbers are asked, got {got}"
names, want = ["f1", "f1_macro", "recall", "recall_macro"], [1 / 2, 7 / 12, 1 / 2, 7 / 12]
for name, number, wanted in zip(names, got, want, strict=True):
    assert np.isclose(number, wanted), f"{name}: expected {wanted:.4f}, got {number}"

# Nobody is called an anomaly: no alarm is right, and no division by zero happens.
got = verdict(np.array([1, 0, 0, 0]), np.ones(4), 2.0)
assert np.allclose(got, [0, 3 / 7, 0, 1 / 2]), f"expected [0, 0.4286, 0, 0.5], got {got}"
print("verdict: the public checks pass")

# %% [markdown]
# ## 8. What the result hangs on (4 points)
#
# Nothing to write in the next three cells: run them when your functions are ready. A table of 12
# sensors, which answer three hidden causes, has 4000 normal rows. The first cell holds a small
# sparse autoencoder with its training.

# %%
rng = np.random.default_rng(10)
causes, answers = rng.normal(size=(4000, 3)), rng.normal(size=(3, 12))
table = 20 + 3 * np.tanh(causes @ answers / 2) + rng.normal(0, 0.15, size=(4000, 12))
train, calibration, support, test = split_rows(np.zeros(4000, dtype=int), 10, rng)
Z_train, Z_test = standardize(table[train], table[test])
_, Z_calibration = standardize(table[train], table[calibration])


def descend(parameters, X, n_steps, rate, penalty=1e-5):
    """Return the parameters after some steps of gradient descent with momentum 0.9."""
    W1, b1, W2, b2 = parameters = [part.copy() for part in parameters]
    speeds = [np.zeros_like(part) for part in parameters]
    for _ in range(n_steps):
        H = np.tanh(X @ W1 + b1)
        by_output = 2 * (H @ W2 + b2 - X) / X.size
        by_hidden = (by_output @ W2.T + penalty * np.sign(H) / len(X)) * (1 - H**2)
        slopes = X.T @ by_hidden, by_hidden.sum(axis=0), H.T @ by_output, by_output.sum(axis=0)
        for part, speed, slope in zip(parameters, speeds, slopes, strict=True):
            speed *= 0.9
            speed -= rate * slope
            part += speed
    return parameters


def rebuild(parameters, X):
    """Return the reconstructions of some rows."""
    W1, b1, W2, b2 = parameters
    return np.tanh(X @ W1 + b1) @ W2 + b2


shapes = [(12, 4), (4,), (4, 12), (12,)]
untrained = [0.3 * rng.normal(size=shape) for shape in shapes]
network = descend(untrained, Z_train, 1500, 0.2)
for name, parameters in (("untrained", untrained), ("trained", network)):
    loss, reconstruction, activity = sparse_loss(Z_train, *parameters, 1e-5)
    print(f"{name:>9}: loss {loss:.4f}, reconstruction {reconstruction:.4f}", end=", ")
    print(f"activity {activity:.2f}")

# %%
multiplied = inject_anomalies(Z_test, list(range(12)), 120, rng)
swapped = Z_test.copy(), multiplied[1]
for row in np.flatnonzero(swapped[1]):  # a harder kind: two values are those of another row
    places = rng.choice(12, size=2, replace=False)
    swapped[0][row, places] = Z_test[rng.integers(len(Z_test)), places]

clean = standardize(table[train], table[support])[1]
spoilt = multiplied[1] == 1  # ten rows of the test: at 15 %, two of them may well be anomalies
stained = np.concatenate([multiplied[0][spoilt][:2], multiplied[0][~spoilt][:8]])
adapted_clean, adapted_stained = (descend(network, rows, 5, 0.1) for rows in (clean, stained))
detectors = {
    "no network: zeros": lambda X: 0 * X,
    "untrained": lambda X: rebuild(untrained, X),
    "trained": lambda X: rebuild(network, X),
    "adapted, support of train": lambda X: rebuild(adapted_clean, X),
    "adapted, support of test": lambda X: rebuild(adapted_stained, X),
}
print(f"{'':26} {'F1':>6} {'macro':>6} {'recall':>6} {'macro':>6}  false alarms")
for kind, (X, labels) in {"multiplied": multiplied, "swapped": swapped}.items():
    print(kind)
    for name, of in detectors.items():
        errors, threshold = errors_and_threshold(Z_train, of(Z_train), X, of(X), 95)
        row = " ".join(f"{number:6.3f}" for number in verdict(labels, errors, threshold))
        print(f"{name:>26} {row}  {np.mean(errors[labels == 0] > threshold):.3f}")

# %%
X, labels = multiplied
held_out = np.mean((rebuild(network, Z_calibration) - Z_calibration) ** 2, axis=1)
errors, percentile = errors_and_threshold(
    Z_train, rebuild(network, Z_train), X, rebuild(network, X), 95
)
_, on_test = errors_and_threshold(X, rebuild(network, X), X, rebuild(network, X), 95)
thresholds = {
    "95th percentile, training rows": percentile,
    "95th percentile, test rows": on_test,
    "conformal, one in 20": conformal_threshold(held_out, 20),
    "conformal, one in 200": conformal_threshold(held_out, 200),
}
bins = np.geomspace(errors.min(), errors.max(), 50)
for label, name in enumerate(("normal rows", "anomalies")):
    plt.hist(errors[labels == label], bins, alpha=0.6, label=name)
for (name, value), style in zip(thresholds.items(), ("-", "--", "-.", ":"), strict=True):
    plt.axvline(value, color="black", linestyle=style, label=name)
    row = " ".join(f"{number:6.3f}" for number in verdict(labels, errors, value))
    print(f"{name:>30} {row}  {np.mean(errors[labels == 0] > value):.3f}")
plt.xscale("log")
plt.xlabel("reconstruction error of a test row")
plt.ylabel("rows")
plt.legend(fontsize=8)
plt.show()

# %% [markdown] tags=["manual:honest:4"]
# ## Your answer
#
# In about ten lines, with numbers from the cells above:
#
# 1. For 15 % of anomalies like the multiplied ones, the source reports an F1-macro of 0.9135 and a
#    recall-macro of 0.9707. Suppose that every anomaly was found: which share of the normal rows
#    alarmed then, and which F1-macro follows? Compare with your lines *no network* and *trained*.
#    What do such numbers say about the network? Which of your lines do show that it learnt
#    something?
# 2. The source draws the support from the test rows, anomalies included. Which of your numbers hide
#    what this does, and which ones show it? Why is it a leak, although no label is looked at?
# 3. Explain the recall at the 95th percentile of the *test* rows by counting rows. What does the
#    percentile of the *training* rows promise for new normal rows, and what does the conformal
#    threshold? How many calibration rows does a promise of one in 200 need at least?
#
# ### BEGIN SOLUTION
# *Mark scheme, whatever the words (the third digits depend on how the rows are drawn):*
#
# 1. *What the numbers say (2 points).* One point for the calculation: $(1 + s)/2 = 0.9707$ gives
#    $s = 0.9414$ for the normal rows, 5.9 % false alarms; with 15 % anomalies,
#    $F_1 = 0.30 / (0.30 + 0.85 \cdot 0.0586) = 0.858$ for the anomalies and 0.970 for the normal
#    rows, the mean 0.914. So the source's pair is that of any detector which finds everything at a
#    threshold that costs about 5 %. One point for the own run: on the multiplied rows, zeros in the
#    place of a network give an F1-macro of 0.92, and the trained network 0.90; such numbers say
#    nothing about the network, since the anomalies are large. The swapped rows do: the F1-macro is
#    0.85 with the trained network, and 0.48 without one, where next to nothing is found.
# 2. *The support (1 point).* On the multiplied rows next to nothing is lost (F1-macro 0.89 for
#    0.90); on the swapped ones the F1-macro falls from 0.85 to 0.68, and the recall with it. The
#    support of the training rows changes neither. A few steps on rows that are to be called
#    anomalies make the network worse on normal rows, so that the threshold rises. It is a leak
#    since what is judged had a part in the fit: the score is no longer that of new rows, with
#    labels or without.
# 3. *The thresholds (1 point, two of three).* 5 % of the 800 test rows lie above it, 40 rows, and
#    all of them are anomalies: $40 / 120 = 1/3$. The percentile of the training rows promises
#    nothing: the network was fitted on them, so that new rows may have larger errors (here the
#    network is small, and 4 to 7 % alarm). The conformal threshold promises at most one in
#    `one_in` on average over the draws of the calibration rows, since nothing was fitted on these.
#    $(n + 1) / 200 \ge 1$ needs at least 199 rows.
# ### END SOLUTION
