"""The sources' numbers, obtained again: ``course reproduce`` runs the studies, keeps the results.

Chapter *Reproducing the sources' numbers*. A study is one recipe, run once for each seed.
The results lie in ``course_lib/results/<study>.json``: pages read them there, for the
trainings take too long for a page. Every finished seed is written at once, so a run that
is interrupted goes on where it was. To add a study, add it to ``STUDIES``.
"""

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_lib import anomaly_studies, datasets, meta_studies, thesis_study
from course_lib._data_registry import FASHION_MNIST, MNIST
from course_lib._validation import as_positive_int, as_vector, message

if TYPE_CHECKING:
    import keras

__all__ = [
    "ReproductionError",
    "Result",
    "Row",
    "Study",
    "Summary",
    "load_results",
    "prediction_interval",
    "result",
    "run",
    "summary",
    "table",
]

RESULTS = Path(__file__).parent / "results"
MNIST_EPOCHS = 10
FASHION_EPOCHS = 25
N_VALIDATION = 5000


class ReproductionError(ValueError):
    """A study cannot be run, or its results cannot be read; the message says why."""


class DataSource(NamedTuple):
    """Data to learn from, and the digest that the loader checks them against.

    ``load`` returns what has the attributes ``source`` and ``is_stand_in``.
    """

    load: Callable[[], Any]
    digest: str


class Provenance(NamedTuple):
    """What a file of results says of data that are no images."""

    source: str
    is_stand_in: bool = False


DATA = {
    "mnist": DataSource(datasets.load_mnist, MNIST.digest),
    "fashion_mnist": DataSource(datasets.load_fashion_mnist, FASHION_MNIST.digest),
    "sinusoid": DataSource(lambda: Provenance(meta_studies.SINUSOID_DATA), "drawn from the seed"),
    "fleet": DataSource(lambda: Provenance(meta_studies.FLEET_DATA), "drawn from the seed"),
}
DATA |= {
    name: DataSource(lambda data=data: Provenance(data.load().source), data.digest)
    for name, data in anomaly_studies.SETS.items()
}
DIRECTIONS = ("higher", "lower", "neither", "data not given")


@dataclass(frozen=True)
class Study:
    """One recipe, and what a source says of it.

    Parameters
    ----------
    name, title : str
    source : dict
        Value of each metric as the source prints it; empty when it prints none.
    source_place : str
        Which source, and where in it.
    recipe : str
        What is done, in one sentence. Results of another sentence are not kept.
    data : str
        Key of ``DATA``.
    run : callable
        ``run(seed)`` trains once and returns the value of each metric.
    better : dict
        For each metric that is judged: ``"higher"``, ``"lower"`` or ``"neither"``; or ``"data not
        given"`` where the source does not say what its value was measured on.

    Raises
    ------
    ValueError
        If ``data`` is unknown, or a metric of the source has no direction.

    Examples
    --------
    >>> Study("a", "A", {"error": 0.1}, "a book", "Guess.", "mnist", lambda seed: {})
    Traceback (most recent call last):
        ...
    ValueError: better: expected one of higher, lower, neither, data not given for error, got None
    """

    name: str
    title: str
    source: dict[str, float]
    source_place: str
    recipe: str
    data: str
    run: Callable[[int], dict[str, float]]
    better: dict[str, str] = field(
        default_factory=lambda: {"accuracy": "higher", "loss": "lower", "val_accuracy": "higher"}
    )

    def __post_init__(self) -> None:
        if self.data not in DATA:
            raise ValueError(message("data", f"one of {', '.join(DATA)}", repr(self.data)))
        for metric in {**self.source, **self.better}:
            direction = self.better.get(metric)
            if direction not in DIRECTIONS:
                expected = f"one of {', '.join(DIRECTIONS)} for {metric}"
                raise ValueError(message("better", expected, direction))


class Summary(NamedTuple):
    """Values of one metric: their mean, their standard deviation (n - 1) and themselves."""

    mean: float
    std: float
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.std:.4f}"


@dataclass(frozen=True)
class Result:
    """What came out of a study.

    Attributes
    ----------
    name, title, source, source_place, recipe, better
        As in :class:`Study`.
    data : dict
        ``source``, ``digest`` and ``is_stand_in`` of the images.
    seeds : list of int
    ours : dict
        Summary of each metric over the seeds.
    seconds : list of float
        How long each seed took.
    versions, machine : dict
        What the study ran with.
    date : str
        Day of the last seed (UTC).
    """

    name: str
    title: str
    source: dict[str, float]
    source_place: str
    recipe: str
    better: dict[str, str]
    data: dict[str, Any]
    seeds: list[int]
    ours: dict[str, Summary]
    seconds: list[float]
    versions: dict[str, str]
    machine: dict[str, Any]
    date: str

    def verdict(self, metric: str) -> str:
        """Compare the source's value of a metric with what one more run of ours would give.

        Equation ``eq-prediction-interval`` of the chapter *Reproducing the sources' numbers*.

        Parameters
        ----------
        metric : str

        Returns
        -------
        str
            ``"same"``, ``"ours is better"``, ``"ours is worse"``, ``"ours is another"`` where
            neither direction is better, ``"no value in the source"``, ``"data not given"`` or
            ``"too few runs"``.

        Raises
        ------
        ValueError
            If the study has no such metric.
        """
        if metric not in self.ours:
            raise ValueError(message("metric", f"one of {', '.join(self.ours)}", repr(metric)))
        if metric not in self.source:
            return "no value in the source"
        if self.better[metric] == "data not given":
            return "data not given"
        ours, theirs = self.ours[metric], self.source[metric]
        if len(ours.values) < 2:
            return "too few runs"
        low, high = prediction_interval(ours.values)
        if low <= theirs <= high:
            return "same"
        if self.better[metric] == "neither":
            return "ours is another"
        ours_is_better = (ours.mean > theirs) == (self.better[metric] == "higher")
        return "ours is better" if ours_is_better else "ours is worse"


class Row(NamedTuple):
    """One metric of one study, for a table."""

    study: str
    metric: str
    source: float | None
    ours: Summary
    verdict: str


# --- The studies --------------------------------------------------------------------------------
# Keras is imported when a study runs: reading results must not take seconds.


def _test_scores(model: "keras.Model", X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    loss, accuracy = model.evaluate(X, y, batch_size=1000, verbose=0)
    return {"accuracy": accuracy, "loss": loss}


def _slides_mlp(seed: int, *, data: str, scaled: bool = True) -> dict[str, float]:
    import keras

    from course_lib import keras_models

    keras.utils.set_random_seed(seed)
    images = DATA[data].load()
    inputs = keras_models.scale_pixels if scaled else np.float32
    model = keras_models.slides_mlp()
    model.fit(inputs(images.X_train), images.y_train, batch_size=32, epochs=5, verbose=0)
    return _test_scores(model, inputs(images.X_test), images.y_test)


def _fashion_mlp_adam(seed: int) -> dict[str, float]:
    import keras

    from course_lib import keras_models

    keras.utils.set_random_seed(seed)
    images = DATA["fashion_mnist"].load()
    X, y, X_val, y_val = _hold_out(keras_models.scale_pixels(images.X_train), images.y_train, seed)
    model = keras_models.slides_mlp()
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
    fit = {"validation_data": (X_val, y_val), "callbacks": [stop], "verbose": 0}
    model.fit(X, y, batch_size=32, epochs=50, **fit)
    validation = _test_scores(model, X_val, y_val)
    test = _test_scores(model, keras_models.scale_pixels(images.X_test), images.y_test)
    return {**test, "val_accuracy": validation["accuracy"], "epochs": stop.best_epoch + 1}


def _slides_cnn(seed: int) -> dict[str, float]:
    import keras

    from course_lib import keras_models

    keras.utils.set_random_seed(seed)
    images = DATA["mnist"].load()
    X_train, X_test = (_with_channel(X) for X in (images.X_train, images.X_test))
    model = keras_models.slides_cnn()
    model.fit(X_train, images.y_train, batch_size=128, epochs=20, verbose=0)
    return _test_scores(model, X_test, images.y_test)


def _strong_cnn(seed: int, *, data: str, epochs: int, garments: bool = False) -> dict[str, float]:
    import keras

    from course_lib import keras_models

    keras.utils.set_random_seed(seed)
    images = DATA[data].load()
    X, y, X_val, y_val = _hold_out(_with_channel(images.X_train), images.y_train, seed)
    model = keras_models.strong_cnn()
    keras_models.fit_strong(model, X, y, epochs=epochs, seed=seed, garments=garments)
    validation = _test_scores(model, X_val, y_val)
    test = _test_scores(model, _with_channel(images.X_test), images.y_test)
    return {**test, "val_accuracy": validation["accuracy"]}


def _with_channel(images: np.ndarray) -> np.ndarray:
    """Return scaled images (n, 28, 28, 1), as convolutions take them."""
    from course_lib import keras_models

    return keras_models.scale_pixels(images)[..., np.newaxis]


def _hold_out(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """Split a validation set off the training set, at random."""
    order = np.random.default_rng(seed).permutation(len(y))
    train, val = order[N_VALIDATION:], order[:N_VALIDATION]
    return X[train], y[train], X[val], y[val]


_SGD = "SGD with learning rate 0.01, batches of 32, 5 epochs on the 60,000 training images"
_FASHION = {"accuracy": 0.8947, "loss": 0.3492}
_FASHION_PLACE = "slides, *A vous de jouer !*, *Résultats attendus*"
_STRONG = "stages of 32, 64 and 128 filters with batch normalisation; AdamW with a one-cycle rate"


def _strong_recipe(epochs: int, augmentation: str) -> str:
    return (
        f"Convolutional network, {_STRONG}, batches of 128, images {augmentation} at random, "
        f"{epochs} epochs on 55,000 training images; the other 5,000 are the validation set."
    )


_ALL_STUDIES = (
    Study(
        name="mnist_mlp",
        title="The slides' network on MNIST",
        source={"accuracy": 0.9381, "loss": 0.2213},
        source_place="slides, *Entrainement du modèle*",
        recipe=f"One hidden layer of 128 ReLU units, pixels divided by 255, {_SGD}.",
        data="mnist",
        run=partial(_slides_mlp, data="mnist"),
    ),
    Study(
        name="mnist_mlp_raw_pixels",
        title="The same on raw pixels",
        source={},
        source_place="slides, *Chargement des données*: the pixels are not divided by 255",
        recipe=f"One hidden layer of 128 ReLU units, pixels from 0 to 255, {_SGD}.",
        data="mnist",
        run=partial(_slides_mlp, data="mnist", scaled=False),
    ),
    Study(
        name="fashion_mlp_sgd",
        title="The slides' network on Fashion-MNIST",
        source=_FASHION,
        source_place=_FASHION_PLACE,
        recipe=f"One hidden layer of 128 ReLU units, pixels divided by 255, {_SGD}.",
        data="fashion_mnist",
        run=partial(_slides_mlp, data="fashion_mnist"),
    ),
    Study(
        name="fashion_mlp_adam",
        title="The slides' network with Adam on Fashion-MNIST",
        source=_FASHION,
        source_place=_FASHION_PLACE,
        recipe=(
            "One hidden layer of 128 ReLU units, pixels divided by 255, Adam with learning rate "
            "0.001, batches of 32 on 55,000 training images; the other 5,000 are the validation "
            "set. Training stops when 5 epochs bring no higher validation accuracy, and the "
            "weights of the highest one are kept."
        ),
        data="fashion_mnist",
        run=_fashion_mlp_adam,
    ),
    Study(
        name="mnist_cnn",
        title="The slides' convolutional network on MNIST",
        source={"accuracy": 0.9844, "loss": 0.0484},
        source_place="slides, *Un réseau convolutif avec Keras*, *Sur 20 itérations*",
        recipe=(
            "32 filters of 3 x 3, maximum pooling, dropout 0.25 and 0.5, pixels divided by 255, "
            "Adam with learning rate 0.001, batches of 128, 20 epochs on the 60,000 training "
            "images."
        ),
        data="mnist",
        run=_slides_cnn,
    ),
    Study(
        name="mnist_strong_cnn",
        title="A stronger convolutional network on MNIST",
        source={"accuracy": 0.9949, "loss": 0.0221},
        source_place="slides, *Un réseau convolutif avec Keras*, *Et en forçant un peu*",
        recipe=_strong_recipe(MNIST_EPOCHS, "shifted"),
        data="mnist",
        run=partial(_strong_cnn, data="mnist", epochs=MNIST_EPOCHS),
    ),
    Study(
        name="fashion_strong_cnn",
        title="A stronger convolutional network on Fashion-MNIST",
        source={},
        source_place="no source",
        recipe=_strong_recipe(FASHION_EPOCHS, "shifted by a pixel and mirrored"),
        data="fashion_mnist",
        run=partial(_strong_cnn, data="fashion_mnist", epochs=FASHION_EPOCHS, garments=True),
    ),
    Study(
        name="thesis_inversion",
        title="The thesis's VAE and the inversion of its decoder",
        source=thesis_study.SOURCE,
        source_place="thesis, sections 3.3 to 3.6",
        recipe=thesis_study.RECIPE,
        data="mnist",
        run=thesis_study.study,
        better=thesis_study.BETTER,
    ),
    Study(
        **meta_studies.SINUSOID,
        data="sinusoid",
        run=meta_studies.sinusoid_study,
        better=dict.fromkeys(meta_studies.SINUSOID["source"], "lower"),
    ),
    Study(
        **meta_studies.FLEET,
        data="fleet",
        run=meta_studies.fleet_study,
        better={"maml_hard": "higher"},
    ),
    *(Study(**study) for study in anomaly_studies.studies()),
)
STUDIES = {study.name: study for study in _ALL_STUDIES}


# --- Running ------------------------------------------------------------------------------------


def run(
    names: Sequence[str] = (),
    *,
    n_seeds: int = 3,
    folder: str | Path = RESULTS,
    report: Callable[[str], None] = print,
) -> None:
    """Run studies for the seeds 0, 1, ... and write each result as soon as it is there.

    A seed that is in the file already is not run again. When the recipe or the data have
    changed since, the file is begun anew.

    Parameters
    ----------
    names : sequence of str
        Studies; all of them when empty.
    n_seeds : int
        At least 1.
    folder : str or Path
        Where the results are, and are written to.
    report : callable
        Called with a line for each seed.

    Raises
    ------
    TypeError
        If ``names`` is one string, or ``n_seeds`` is no integer.
    ValueError
        If ``n_seeds`` is not positive.
    ReproductionError
        If a study is unknown, TensorFlow is not installed, the file was written with other
        versions or on another machine (numbers are not mixed), or a training diverged.
    DataNotFoundError, DataError
        If the data are not at hand, or are not the expected ones.

    Examples
    --------
    >>> run(["mnist_mpl"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    course_lib.reproduce.ReproductionError: study: expected one of mnist_mlp, ...
    """
    if isinstance(names, str):
        raise TypeError(message("names", "a sequence of names", repr(names)))
    n_seeds = as_positive_int(n_seeds, "n_seeds")
    studies = [_study(name) for name in names or STUDIES]
    for study in studies:
        _run_study(study, n_seeds, _path(study.name, folder), report)


def _study(name: str) -> Study:
    expected = f"one of {', '.join(STUDIES)}"
    if not isinstance(name, str):
        raise TypeError(message("study", expected, repr(name)))
    if name not in STUDIES:
        raise ReproductionError(message("study", expected, repr(name)))
    return STUDIES[name]


def _path(name: str, folder: str | Path) -> Path:
    return Path(folder) / f"{name}.json"


def _run_study(study: Study, n_seeds: int, path: Path, report: Callable[[str], None]) -> None:
    old = _still_valid(study, path, report)
    missing = [seed for seed in range(n_seeds) if old is None or seed not in old["seeds"]]
    if not missing:
        report(f"{study.name}: nothing to do, {path.name} has {len(old['seeds'])} seeds")
        return
    record = _new_record(study)
    if old is not None:
        _check_same_conditions(old, record, path)
        record = old
    for seed in missing:
        start = time.perf_counter()
        scores = study.run(seed)
        _add(record, seed, scores, time.perf_counter() - start)
        _write(path, record)
        values = ", ".join(f"{metric} {value:.4f}" for metric, value in scores.items())
        report(f"{study.name}, seed {seed}: {values} ({record['seconds'][-1]:.0f} s)")


def _still_valid(study: Study, path: Path, report: Callable[[str], None]) -> dict | None:
    """Return the results so far, or None if there are none of this recipe on these data."""
    if not path.exists():
        return None
    old = _read(path)
    if old["recipe"] != study.recipe:
        changed = "recipe"
    elif old["data"]["digest"] != DATA[study.data].digest:
        changed = "data"
    else:
        return old
    report(f"{study.name}: the {changed} changed since {path.name} was written; it begins anew")
    return None


def _new_record(study: Study) -> dict[str, Any]:
    versions = _versions()
    images = DATA[study.data].load()
    if images.is_stand_in:
        raise ReproductionError(message(study.name, f"the real {study.data}", images.source))
    return {
        "name": study.name,
        "title": study.title,
        "source": study.source,
        "source_place": study.source_place,
        "recipe": study.recipe,
        "data": {
            "source": images.source,
            "digest": DATA[study.data].digest,
            "is_stand_in": images.is_stand_in,
        },
        "seeds": [],
        "ours": {},
        "seconds": [],
        "versions": versions,
        "machine": _machine(),
        "date": "",
    }


def _check_same_conditions(old: dict, new: dict, path: Path) -> None:
    """Raise if more seeds would not be comparable: a mean over two machines is neither's."""
    for key in ("versions", "machine"):
        if old[key] != new[key]:
            raise ReproductionError(
                f"{path.name} was written with {key} {old[key]}, and these are {new[key]}. "
                "Give another folder for results of your own."
            )


def _add(record: dict, seed: int, scores: dict[str, float], seconds: float) -> None:
    if not all(math.isfinite(value) for value in scores.values()):
        raise ReproductionError(f"{record['name']}, seed {seed}: the training diverged, {scores}")
    for metric, value in scores.items():
        record["ours"].setdefault(metric, []).append(float(f"{value:.6g}"))
    record["seeds"].append(seed)
    record["seconds"].append(round(seconds, 1))
    record["date"] = datetime.now(UTC).date().isoformat()


def _write(path: Path, record: dict) -> None:
    """Write a file as a whole: a reader finds the old text or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(path)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("numpy", "tensorflow", "keras"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            hint = "install the course with its extra named keras"
            raise ReproductionError(f"{package} is not installed: {hint}") from None
    return versions


def _machine() -> dict[str, Any]:
    """Return the processor, the number of cores used, and the accelerator."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS")  # TensorFlow's own setting
    return {
        "processor": _processor(),
        "cores": int(threads) if threads else os.cpu_count(),
        "accelerator": details.get("device_name", "unnamed") if gpus else "none",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():  # Linux: Python's own answer is often empty there
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


# --- Reading ------------------------------------------------------------------------------------


def load_results(*, folder: str | Path = RESULTS) -> dict[str, Result]:
    """Return the results that are in a folder, in the order of the studies.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    dict of str to Result

    Raises
    ------
    ReproductionError
        If a file is damaged.

    Examples
    --------
    >>> load_results(folder="nowhere")
    {}
    """
    return {name: result(name, folder=folder) for name in STUDIES if _path(name, folder).exists()}


def result(name: str, *, folder: str | Path = RESULTS) -> Result:
    """Return the stored result of a study.

    Parameters
    ----------
    name : str
    folder : str or Path

    Returns
    -------
    Result

    Raises
    ------
    ReproductionError
        If the study is unknown, has not been run, or its file is damaged.

    Examples
    --------
    >>> mlp = result("mnist_mlp")
    >>> mlp.source["accuracy"], mlp.ours["accuracy"].mean > 0.93
    (0.9381, True)
    """
    study, path = _study(name), _path(name, folder)
    if not path.exists():
        raise ReproductionError(f"{path.name} is not there: run `course reproduce {name}` first")
    record = _read(path)
    ours = {metric: summary(values) for metric, values in record.pop("ours").items()}
    return Result(**record, ours=ours, better=study.better)


def table(*, folder: str | Path = RESULTS) -> list[Row]:
    """Return one row for each judged metric of each result in a folder.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    list of Row

    Raises
    ------
    ReproductionError
        If a file is damaged.

    Examples
    --------
    >>> row = table()[0]
    >>> row.study, row.metric, row.source
    ('mnist_mlp', 'accuracy', 0.9381)
    """
    return [
        Row(name, metric, found.source.get(metric), found.ours[metric], found.verdict(metric))
        for name, found in load_results(folder=folder).items()
        for metric in found.better
        if metric in found.ours
    ]


def _read(path: Path) -> dict[str, Any]:
    """Read a file that ``run`` wrote, and check that nothing is missing in it."""
    expected = {*Result.__dataclass_fields__} - {"better"}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        numbers = [summary(values).values for values in record["ours"].values()]
        lengths = {len(values) for values in [record["seconds"], *numbers]}
        complete = set(record) == expected and lengths == {len(record["seeds"])} != {0}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ReproductionError(f"{path}: expected a file of results, got {error!r}") from error
    if not complete:
        expected = "all its keys and a value of each metric for each seed"
        raise ReproductionError(message(str(path), expected, "others"))
    return record


# --- Judging ------------------------------------------------------------------------------------


def summary(values: ArrayLike) -> Summary:
    """Return the mean and the standard deviation of the values of some runs.

    Parameters
    ----------
    values : array_like of shape (n_runs,)

    Returns
    -------
    Summary
        The standard deviation divides by n - 1; it is NaN for a single run.

    Raises
    ------
    TypeError, ValueError
        If the values are no vector of finite numbers.

    Examples
    --------
    >>> print(summary([0.93, 0.94, 0.95]))
    0.9400 ± 0.0100
    """
    numbers = as_vector(values, "values").tolist()
    std = statistics.stdev(numbers) if len(numbers) > 1 else math.nan
    return Summary(statistics.fmean(numbers), std, tuple(numbers))


def prediction_interval(values: ArrayLike) -> tuple[float, float]:
    """Return the interval in which one further run lies with probability 95 %.

    The source tells one run, not a mean: it has to be compared with single runs. The
    interval is therefore wider than the one for the mean. It supposes values that are
    normally distributed.

    Equation ``eq-prediction-interval`` of the chapter *Reproducing the sources' numbers*.

    Parameters
    ----------
    values : array_like of shape (n_runs,)
        At least two values.

    Returns
    -------
    tuple of float
        Lower and upper end.

    Raises
    ------
    TypeError, ValueError
        If the values are no vector of at least two finite numbers.

    Examples
    --------
    >>> low, high = prediction_interval([0.93, 0.94, 0.95])
    >>> round(low, 4), round(high, 4)
    (0.8903, 0.9897)
    """
    from scipy.special import stdtrit

    mean, std, numbers = summary(values)
    n = len(numbers)
    if n < 2:
        raise ValueError(message("values", "at least two runs", n))
    half_width = float(stdtrit(n - 1, 0.975)) * std * math.sqrt(1 + 1 / n)
    return mean - half_width, mean + half_width
