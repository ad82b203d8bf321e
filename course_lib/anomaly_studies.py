"""Anomaly detectors compared on six public sets: the sources' protocol, beside every baseline.

Chapters *Anomaly detection and its evaluation* and *A sparse autoencoder that adapts*.
``course reproduce`` runs a study of each set, and keeps the results, which the pages read here.
The protocol: normal rows only, 20,000 at most, split at random into 70 % to learn from and 30 %
to test on, and columns standardised on the former. The first ten rows of the test are the clean
support of an adaptation and are not judged. Of the others 15 % are changed, in both of the
sources' forms. The settings of SparseMetaAE were chosen on other splits.
"""

import copy
import reprlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib import datasets
from course_lib._data_registry import CARDIO, KDDCUP, MAMMOGRAPHY, SHUTTLE, THYROID
from course_lib._validation import as_finite_real, as_nonnegative_int, as_vector, message
from course_lib.anomaly import Estimate, f1_macro_ceiling, reconstruction_errors
from course_lib.injection import inject_scaling, inject_scaling_and_offset
from course_lib.metrics import average_precision, counts, f1, macro, recall, roc_auc
from course_lib.thresholds import percentile_threshold

if TYPE_CHECKING:
    from course_lib.reproduce import Summary

__all__ = [
    "Problem",
    "Target",
    "anomaly_study",
    "comparison",
    "judge",
    "mean_interval",
    "prepare",
    "studies",
    "targets",
]

Array = NDArray[np.floating]
Measures = dict[str, float]
Judged = Iterator[tuple[str, tuple[Array, float]]]  # name of a method, its scores and threshold

MAX_ROWS = 20_000  # normal rows of a set, drawn at random: a seed takes a minute or two
ABLATION_ROWS = 3_000
N_SUPPORT = 10
FRACTION = 0.15
FORMS = {"public": inject_scaling, "private": inject_scaling_and_offset}
OURS = "SparseMetaAE"
SOURCE_RECIPE = f"{OURS}, source recipe"
SOURCE_RATE = 1e-3
VARIANTS = {
    "defaults": {},
    "narrow": {"encoding_dim": None},
    "no noise": {"noise": 0.0},
    "mean square": {"whiten": False},
    "no fences": {"fences": False},
    "30 epochs": {"epochs": 30},
    "constant rate": {"decay": False, "learning_rate": 1e-3},
}
MEASURES = (
    *("f1_macro", "recall_macro", "f1", "recall", "false_positive_rate"),
    *("roc_auc", "average_precision", "below_ceiling"),
)


class DataSet(NamedTuple):
    """A labelled table, the digest that its loader checks, and the class that is normal."""

    load: Callable[[], datasets.Table]
    digest: str
    normal: int = 0


SETS = {
    "thyroid": DataSet(datasets.load_thyroid, THYROID.digest),
    "cardio": DataSet(datasets.load_cardio, CARDIO.digest),
    "mammography": DataSet(datasets.load_mammography, MAMMOGRAPHY.digest),
    "shuttle": DataSet(datasets.load_shuttle, SHUTTLE.digest),
    "kddcup99": DataSet(datasets.load_kddcup99, KDDCUP.digest),
    # 1 is benign there; comes with scikit-learn, so that this study runs everywhere
    "breast_cancer": DataSet(datasets.load_breast_cancer, "with scikit-learn", normal=1),
}


class Problem(NamedTuple):
    """Standardised rows: normal ones to learn from and to adapt on, and a labelled test."""

    X_train: Array
    X_support: Array
    X_test: Array
    y_test: NDArray[np.int64]
    columns: NDArray[np.intp]
    """Indices of the numeric columns."""


class Target(NamedTuple):
    """What SparseMetaAE reaches on a set, each with a 95 % interval over the seeds."""

    best_baseline: str
    """The baseline with the highest mean area under the ROC curve."""
    roc_auc_ratio: Estimate
    """Ours over that baseline's, seed by seed."""
    below_ceiling: Estimate
    """How far the macro F1 is below that of a detector with as many false alarms and no miss."""
    adaptation: Estimate
    """What adaptation to clean rows changes in the area under the ROC curve."""


# --- The protocol -------------------------------------------------------------------------------


def prepare(data: str, seed: int, *, form: str = "public") -> Problem:
    """Split the normal rows of a set, standardise them, and change some rows of the test.

    The rows to learn from are the same for both forms. Source: sections MAML and SparseMetaAE,
    whose data are not given.

    Parameters
    ----------
    data : str
        One of ``SETS``.
    seed : int
    form : {"public", "private"}
        Of the sources' anomalies: :func:`course_lib.injection.inject_scaling`, or
        :func:`course_lib.injection.inject_scaling_and_offset`.

    Returns
    -------
    Problem
        Without the columns that are constant in the rows to learn from. Categories are one
        column each.

    Raises
    ------
    ValueError
        If `data` or `form` is unknown, or `seed` is below 0.
    TypeError
        If a name is no string, or `seed` is no integer.
    DataNotFoundError, DataError
        If the set is not at hand, or damaged.

    Examples
    --------
    >>> problem = prepare("breast_cancer", 0)
    >>> problem.X_train.shape, problem.X_test.shape, problem.y_test.sum()
    ((249, 30), (98, 30), np.int64(14))
    """
    _check_choice(data, SETS, "data")
    _check_choice(form, FORMS, "form")
    rng = np.random.default_rng([list(SETS).index(data), as_nonnegative_int(seed, "seed")])
    X, columns = _normal_rows(data)
    X = rng.permutation(X)[:MAX_ROWS]
    n_train = int(0.7 * len(X))
    varies = np.ptp(X[:n_train], axis=0) > 0
    X = X[:, varies]
    Z = (X - X[:n_train].mean(axis=0)) / X[:n_train].std(axis=0)
    columns = np.flatnonzero(np.isin(np.flatnonzero(varies), columns))
    normal = Z[n_train + N_SUPPORT :]
    injected = FORMS[form](normal, rng=rng, fraction=FRACTION, columns=columns)
    return Problem(Z[:n_train], Z[n_train:][:N_SUPPORT], injected.X, injected.y, columns)


def judge(y_test: ArrayLike, scores: ArrayLike, threshold: float) -> Measures:
    """Return the measures of a detector on a test.

    Parameters
    ----------
    y_test : array_like of shape (n,)
        1 for an anomaly, 0 otherwise.
    scores : array_like of shape (n,)
    threshold : float
        Score above which a row is an anomaly.

    Returns
    -------
    dict of str to float
        ``f1_macro`` and ``recall_macro`` as the sources have them, ``f1`` and ``recall`` of the
        anomalies, ``false_positive_rate``, ``roc_auc`` and ``average_precision``; and
        ``below_ceiling``, see :class:`Target`.

    Raises
    ------
    ValueError
        If the lengths differ, or a label or score is out of range.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> judge([0, 0, 1, 1], [0.1, 0.3, 0.2, 0.9], 0.25)["false_positive_rate"]
    0.5
    """
    scores = as_vector(scores, "scores")
    y_pred = (scores > as_finite_real(threshold, "threshold")).astype(int)
    found = counts(y_test, y_pred)
    false_positive_rate = found.fp / (found.fp + found.tn)
    anomaly_rate = (found.tp + found.fn) / len(scores)
    f1_macro = macro(f1, y_test, y_pred)
    return {
        "f1_macro": f1_macro,
        "recall_macro": macro(recall, y_test, y_pred),
        "f1": f1(y_test, y_pred),
        "recall": recall(y_test, y_pred),
        "false_positive_rate": false_positive_rate,
        "roc_auc": roc_auc(y_test, scores),
        "average_precision": average_precision(y_test, scores),
        "below_ceiling": f1_macro_ceiling(anomaly_rate, false_positive_rate) - f1_macro,
    }


def anomaly_study(seed: int, *, data: str) -> Measures:
    """Judge every method on both forms of anomalies, on one split of one set.

    Parameters
    ----------
    seed : int
        Of the split, the anomalies, and the weights at the start.
    data : str
        One of ``SETS``.

    Returns
    -------
    dict of str to float
        ``form/method/measure``, as in ``public/local outlier factor/roc_auc``; and
        ``validation/variant/roc_auc`` for variants of SparseMetaAE with one change of the
        defaults each, on validation rows that were split off the rows to learn from.

    Raises
    ------
    ValueError, TypeError, DataNotFoundError, DataError
        As :func:`prepare`.
    """
    problems = {form: prepare(data, seed, form=form) for form in FORMS}
    found = {}
    for fitted in (_baselines, _sparse_meta_aes, _source_mamls):
        judged = fitted(problems["public"].X_train, seed)  # the same rows in both forms
        for form, problem in problems.items():
            for method, (scores, threshold) in judged(problem):
                measures = judge(problem.y_test, scores, threshold)
                found |= {f"{form}/{method}/{name}": value for name, value in measures.items()}
    return found | _ablation(problems["public"], seed)


def _check_choice(value: str, choices: Iterable[str], name: str) -> None:
    expected = f"one of {', '.join(choices)}"
    if not isinstance(value, str):
        raise TypeError(message(name, expected, reprlib.repr(value)))
    if value not in choices:
        raise ValueError(message(name, expected, repr(value)))


def _normal_rows(data: str) -> tuple[Array, list[int]]:
    """Return normal rows, with a column for each category; and the numeric columns among them."""
    table = SETS[data].load()
    X = table.X[table.y == SETS[data].normal]
    parts = [X[:, table.numeric_columns]]
    for name in table.categories:
        column = X[:, table.feature_names.index(name)]
        parts.append((column[:, np.newaxis] == np.unique(column)).astype(float))
    return np.hstack(parts), list(range(len(table.numeric_columns)))


# --- The methods --------------------------------------------------------------------------------
# Each function fits a family of methods, and returns what judges them on a problem.


def _baselines(X_train: Array, seed: int) -> Callable[[Problem], Judged]:
    from course_lib.detectors import baselines

    fitted = {name: detector.fit(X_train) for name, detector in baselines(seed=seed).items()}
    thresholds = {name: percentile_threshold(d.score(X_train)) for name, d in fitted.items()}

    def judged(problem: Problem) -> Judged:
        for name, detector in fitted.items():
            yield name, (detector.score(problem.X_test), thresholds[name])

    return judged


def _sparse_meta_aes(X_train: Array, seed: int) -> Callable[[Problem], Judged]:
    from course_lib.sparse_meta_ae import SparseMetaAE, source_recipe

    ours = SparseMetaAE(random_state=seed).fit(X_train)
    source = source_recipe(random_state=seed).fit(X_train)

    def judged(problem: Problem) -> Judged:
        clean = problem.X_support
        contaminated = _of_the_test(problem, N_SUPPORT, seed)
        yield OURS, _scored(ours, problem)
        yield f"{OURS}, clean support", _scored(ours, problem, clean)
        yield f"{OURS}, contaminated support", _scored(ours, problem, contaminated)
        yield f"{OURS}, the source's rate", _scored(ours, problem, clean, SOURCE_RATE)
        yield SOURCE_RECIPE, _scored(source, problem)
        yield f"{SOURCE_RECIPE}, clean support", _scored(source, problem, clean, SOURCE_RATE)
        # As printed, the threshold comes after the adaptation.
        printed = copy.deepcopy(source).adapt(contaminated, learning_rate=SOURCE_RATE)
        threshold = percentile_threshold(printed.score(problem.X_train))
        yield f"{SOURCE_RECIPE}, as printed", (printed.score(problem.X_test), threshold)

    return judged


def _scored(
    detector: Any, problem: Problem, support: Array | None = None, rate: float | None = None
) -> tuple[Array, float]:
    """Return scores and threshold, after an adaptation if there is a support set."""
    if support is not None:
        settings = {} if rate is None else {"learning_rate": rate}
        detector = copy.deepcopy(detector).adapt(support, **settings)
    return detector.score(problem.X_test), detector.threshold_


def _of_the_test(problem: Problem, n: int, seed: int) -> Array:
    """Return a support set as the sources draw it: from the test, anomalies included."""
    rows = np.random.default_rng(seed).choice(len(problem.X_test), n, replace=False)
    return problem.X_test[rows]


def _source_mamls(X_train: Array, seed: int) -> Callable[[Problem], Judged]:
    import keras

    from course_lib import source_maml

    d = X_train.shape[1]
    keras.utils.set_random_seed(seed)
    untrained = source_maml.create_mlp(d)
    public = source_maml.maml_train(X_train, rng=np.random.default_rng(seed))

    def judged(problem: Problem) -> Judged:
        private = source_maml.PrivateMAML(d, max(4, d // 3))
        private.fit(X_train, support=_of_the_test(problem, 20, seed), epochs=8)
        models = {"untrained": untrained, "public": public, "private": private.model}
        for name, model in models.items():
            errors = [
                reconstruction_errors(X, model.predict(X.astype(np.float32), verbose=0))
                for X in (X_train, problem.X_test)
            ]
            yield f"MAML, {name}", (errors[1], percentile_threshold(errors[0]))

    return judged


def _ablation(problem: Problem, seed: int) -> Measures:
    """Judge variants of SparseMetaAE on validation rows, none of them of the test."""
    from course_lib.sparse_meta_ae import SparseMetaAE, source_recipe

    X = problem.X_train[:ABLATION_ROWS]
    n = int(0.8 * len(X))
    rng = np.random.default_rng([seed, n])
    X_val, y_val = inject_scaling(X[n:], rng=rng, fraction=FRACTION, columns=problem.columns)
    variants = {name: SparseMetaAE(**settings) for name, settings in VARIANTS.items()}
    variants[SOURCE_RECIPE] = source_recipe()
    return {
        f"validation/{name}/roc_auc": roc_auc(
            y_val, variant.set_params(random_state=seed).fit(X[:n]).score(X_val)
        )
        for name, variant in variants.items()
    }


# --- For course reproduce -----------------------------------------------------------------------

_SOURCE = {
    "public/MAML, public/f1_macro": 0.9742,
    "public/MAML, public/recall_macro": 0.9742,
    "private/MAML, private/f1": 0.9358,
    "private/MAML, private/recall": 1.0,
    f"public/{SOURCE_RECIPE}, as printed/f1_macro": 0.9235,
    f"public/{SOURCE_RECIPE}, as printed/recall_macro": 0.9704,
    f"private/{SOURCE_RECIPE}, as printed/f1_macro": 0.9135,
    f"private/{SOURCE_RECIPE}, as printed/recall_macro": 0.9707,
}
_RECIPE = (
    f"At most {MAX_ROWS:,} normal rows, 70 % to learn from, columns standardised on these; of the "
    "other rows ten are a clean support set, and 15 % of the rest are made anomalies in the "
    "sources' two forms. The baselines, the sources' programs as printed, and SparseMetaAE with "
    "its defaults, without adaptation and adapted."
)


def studies() -> list[dict[str, Any]]:
    """Return the arguments of a ``reproduce.Study`` for each set.

    Returns
    -------
    list of dict

    Examples
    --------
    >>> [study["data"] for study in studies()]
    ['thyroid', 'cardio', 'mammography', 'shuttle', 'kddcup99', 'breast_cancer']
    """
    return [
        {
            "name": f"anomaly_{data}",
            "title": f"Anomaly detection on {data}",
            "source": _SOURCE,
            "source_place": "sections MAML and SparseMetaAE, which do not name their data",
            "recipe": _RECIPE,
            "data": data,
            "run": partial(anomaly_study, data=data),
            "better": dict.fromkeys(_SOURCE, "data not given"),
        }
        for data in SETS
    ]


# --- Reading the results ------------------------------------------------------------------------


def comparison(
    measure: str, *, form: str = "public", folder: str | Path | None = None
) -> "dict[str, dict[str, Summary]]":
    """Return a measure of each method on each set whose results are there.

    Parameters
    ----------
    measure : str
        As in :func:`judge`; for the form ``"validation"`` only ``roc_auc``.
    form : {"public", "private", "validation"}
    folder : str or Path, optional
        The shipped results when left out.

    Returns
    -------
    dict of str to dict of str to Summary
        Values over the seeds, by method and set.

    Raises
    ------
    ValueError, TypeError
        If there is no such form or measure.
    ReproductionError
        If a file is damaged.

    Examples
    --------
    >>> comparison("roc_auc", folder="nowhere")
    {}
    """
    _check_choice(measure, MEASURES, "measure")
    _check_choice(form, (*FORMS, "validation"), "form")
    found: dict[str, dict[str, Any]] = {}
    for data, ours in _results(folder).items():
        for metric, summary in ours.items():
            its_form, method, its_measure = metric.split("/")
            if (its_form, its_measure) == (form, measure):
                found.setdefault(method, {})[data] = summary
    return found


def targets(*, form: str = "public", folder: str | Path | None = None) -> dict[str, Target]:
    """Return what SparseMetaAE reaches on each set whose results are there.

    Parameters
    ----------
    form : {"public", "private"}
    folder : str or Path, optional
        The shipped results when left out.

    Returns
    -------
    dict of str to Target

    Raises
    ------
    ValueError, TypeError
        If there is no such form.
    ReproductionError
        If a file is damaged.

    Examples
    --------
    >>> targets(folder="nowhere")
    {}
    """
    _check_choice(form, FORMS, "form")
    return {data: _target(ours, form) for data, ours in _results(folder).items()}


def mean_interval(values: ArrayLike) -> Estimate:
    """Return the mean of runs, and the interval that holds the mean of all runs with 95 %.

    It supposes values that are normally distributed. It is narrower than
    :func:`course_lib.reproduce.prediction_interval`, which is for one further run.

    Parameters
    ----------
    values : array_like of shape (n_runs,)
        Of at least two runs.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If there are fewer runs, or a value is not finite.
    TypeError
        If `values` holds no numbers.

    Examples
    --------
    >>> print(mean_interval([0.90, 0.92, 0.94]))
    0.920 [0.870, 0.970]
    """
    from scipy.special import stdtrit

    values = as_vector(values, "values")
    if len(values) < 2:
        raise ValueError(message("values", "at least two runs", len(values)))
    mean = float(values.mean())
    half = stdtrit(len(values) - 1, 0.975) * float(values.std(ddof=1)) / np.sqrt(len(values))
    return Estimate(mean, mean - float(half), mean + float(half))


def _results(folder: str | Path | None) -> "dict[str, dict[str, Summary]]":
    from course_lib import reproduce

    found = reproduce.load_results(folder=reproduce.RESULTS if folder is None else folder)
    names = {data: f"anomaly_{data}" for data in SETS}
    return {data: found[name].ours for data, name in names.items() if name in found}


def _target(ours: "dict[str, Summary]", form: str) -> Target:
    def values(method: str, measure: str) -> Array:
        return np.array(ours[f"{form}/{method}/{measure}"].values)

    methods = {metric.split("/")[1] for metric in ours if metric.startswith(f"{form}/")}
    rivals = sorted(name for name in methods if not name.startswith((OURS, "MAML")))
    best = max(rivals, key=lambda name: values(name, "roc_auc").mean())
    auc = values(OURS, "roc_auc")
    return Target(
        best_baseline=best,
        roc_auc_ratio=mean_interval(auc / values(best, "roc_auc")),
        below_ceiling=mean_interval(values(OURS, "below_ceiling")),
        adaptation=mean_interval(values(f"{OURS}, clean support", "roc_auc") - auc),
    )
