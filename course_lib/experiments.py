"""Experiments: a short TOML file describes one training, and simple models are its measure.

Chapter *Training in practice*. The shipped files are in the folder ``experiments/``.
An error in a file is reported with its line. The three sets have their usual roles:
the network and the scaler learn from the training set, early stopping watches the
validation set, and the test set is looked at once, at the end. A score alone says
little, so every experiment also fits three other models on the same split.
"""

import json
import re
import time
import tomllib
from collections.abc import Callable, Collection
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from course_lib import activations, datasets
from course_lib._validation import (
    as_nonnegative_real,
    as_positive_int,
    as_positive_real,
    as_vector,
    message,
)
from course_lib.layers import Activation, Dense
from course_lib.losses import mean_squared_error, softmax_cross_entropy
from course_lib.metrics import accuracy, r2
from course_lib.network import EarlyStopping, History, Network
from course_lib.optimizers import SGD, Adam
from course_lib.preprocessing import Split, StandardScaler, train_validation_test_split

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "Experiment",
    "ExperimentError",
    "Run",
    "epoch_table",
    "load_split",
    "read",
    "save",
    "score_table",
    "train",
]


class ExperimentError(ValueError):
    """A file describes no experiment (the message names its line), or a training diverged."""


class DataSet(NamedTuple):
    """A table to learn from. Its sizes are known before it is loaded, so a file can be checked."""

    load: Callable[[], datasets.Table]
    n_features: int
    n_outputs: int  # one for each class; 1 for a quantity

    @property
    def is_classification(self) -> bool:
        return self.n_outputs > 1


DATA_SETS = {
    "iris": DataSet(datasets.load_iris, 4, 3),
    "wine": DataSet(datasets.load_wine, 13, 3),
    "breast_cancer": DataSet(datasets.load_breast_cancer, 30, 2),
    "digits": DataSet(datasets.load_digits, 64, 10),
    "covtype": DataSet(datasets.load_covtype, 54, 7),
    "diabetes": DataSet(datasets.load_diabetes, 10, 1),
    "california_housing": DataSet(datasets.load_california_housing, 8, 1),
    "bike_sharing": DataSet(datasets.load_bike_sharing, 12, 1),
}
ACTIVATIONS = {
    name: getattr(activations, name)
    for name in ("relu", "leaky_relu", "elu", "selu", "gelu", "sigmoid", "softplus", "tanh")
}
OPTIMIZERS = {"adam": Adam, "sgd": SGD}
SMALLEST_SHARE = 0.05  # with less, a set of 150 irises could hold no example of a class
SHOWN_EPOCHS = 10


@dataclass(frozen=True)
class Experiment:
    """The settings of one training: the keys of a file in ``experiments/``.

    Parameters
    ----------
    data : str
        Name of a data set: ``datasets.load_<data>`` reads it.
    layers : list of int
        Number of units of each layer. The first is the number of features; the last is
        the number of classes, or 1 for a quantity.
    learning_rate : float
    batch_size, epochs : int
    activation : str
        Activation function of the hidden layers.
    optimizer : str
        ``"adam"`` or ``"sgd"``.
    l2 : float
        Weight of the penalty on the squared weights.
    clip_norm : float, optional
        Largest norm of a gradient; not clipped when left out.
    patience : int, optional
        Stop after that many epochs without a new minimum of the validation loss, and
        take the best weights back. When left out, all the epochs are run.
    sizes : three numbers
        Shares of the training, the validation and the test set.
    seed : int
        Seed of the split, of the first weights and of the order of the batches.

    Raises
    ------
    TypeError
        If a setting is of the wrong kind.
    ValueError
        If a setting is out of range, or the layers do not fit the data.

    Examples
    --------
    >>> Experiment("iris", [5, 16, 3], learning_rate=0.05, batch_size=10, epochs=100)
    Traceback (most recent call last):
        ...
    ValueError: layers: expected 4 units first, as many as iris has features, got 5
    """

    data: str
    layers: list[int]
    learning_rate: float
    batch_size: int
    epochs: int
    activation: str = "relu"
    optimizer: str = "adam"
    l2: float = 0.0
    clip_norm: float | None = None
    patience: int | None = None
    sizes: tuple[float, float, float] = (0.7, 0.15, 0.15)
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choice(self.data, DATA_SETS, "data")
        _check_layers(self.layers, self.data)
        as_positive_real(self.learning_rate, "learning_rate")
        as_positive_int(self.batch_size, "batch_size")
        as_positive_int(self.epochs, "epochs")
        _check_choice(self.activation, ACTIVATIONS, "activation")
        _check_choice(self.optimizer, OPTIMIZERS, "optimizer")
        as_nonnegative_real(self.l2, "l2")
        if self.clip_norm is not None:
            as_positive_real(self.clip_norm, "clip_norm")
        if self.patience is not None:
            as_positive_int(self.patience, "patience")
        _check_sizes(self.sizes)
        _check_seed(self.seed)

    @property
    def is_classification(self) -> bool:
        """Whether the target is a class; else it is a quantity."""
        return DATA_SETS[self.data].is_classification


@dataclass(frozen=True)
class Run:
    """What came out of an experiment.

    Attributes
    ----------
    experiment : Experiment
    source : str
        Where the data come from.
    n_samples : dict
        Number of examples of each of the three sets.
    initial_loss : dict
        Loss of the network before the first epoch, on the training and the validation set.
    history : History
        Losses and metrics of the network, epoch by epoch.
    scores : dict
        Score of each model on the test set, the network first: accuracy for classes,
        R2 for a quantity.
    seconds : dict
        How long the fit of each model took.
    """

    experiment: Experiment
    source: str
    n_samples: dict[str, int]
    initial_loss: dict[str, float]
    history: History
    scores: dict[str, float]
    seconds: dict[str, float]

    @property
    def metric(self) -> str:
        """Name of the scores."""
        return "accuracy" if self.experiment.is_classification else "R2"


# --- Reading a file -----------------------------------------------------------------------------


def read(path: str | Path) -> Experiment:
    """Read and check the description of an experiment.

    Parameters
    ----------
    path : str or Path
        A TOML file; its keys are the parameters of :class:`Experiment`.

    Returns
    -------
    Experiment

    Raises
    ------
    ExperimentError
        If the file cannot be read, is no TOML, or a key is unknown, missing or wrong. The
        message names the file and the line.

    Examples
    --------
    >>> read("no_such_file.toml")
    Traceback (most recent call last):
        ...
    course_lib.experiments.ExperimentError: no_such_file.toml: No such file or directory
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ExperimentError(f"{path}, line {line}: expected a text in UTF-8") from error
    settings = _parse(text, path)
    try:
        _check_keys(settings)
        return Experiment(**settings)
    except (TypeError, ValueError) as error:
        raise ExperimentError(f"{path}, line {_line_of(error, text)}: {error}") from error


def _parse(text: str, path: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = place.group(1) if place else _n_lines(text)
        raise ExperimentError(f"{path}, line {line}: {error}") from error


def _check_keys(settings: dict[str, Any]) -> None:
    """Raise if a key is unknown or a required one is missing."""
    known = [field.name for field in fields(Experiment)]
    for key in settings:
        if key not in known:
            raise ValueError(message(key, f"one of the keys {', '.join(known)}", "an unknown key"))
    for field in fields(Experiment):
        if field.default is MISSING and field.name not in settings:
            raise ValueError(message(field.name, "this key before the end of the file", "none"))


def _line_of(error: Exception, text: str) -> int:
    """Return the line of the key that an error begins with; the last line if it is not there.

    The parser keeps no line numbers, so the key is looked for in the text.
    """
    key = re.match(r"[^:\[]*", str(error)).group()
    place = re.search(rf"^\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]", text, flags=re.M)
    return text.count("\n", 0, text.index(key, place.start())) + 1 if place else _n_lines(text)


def _n_lines(text: str) -> int:
    return max(1, len(text.splitlines()))


def _check_choice(value: Any, choices: Collection[str], name: str) -> None:
    expected = f"one of {', '.join(choices)}"
    if not isinstance(value, str):
        raise TypeError(message(name, expected, repr(value)))
    if value not in choices:
        raise ValueError(message(name, expected, repr(value)))


def _check_layers(layers: Any, data: str) -> None:
    if not isinstance(layers, list | tuple):
        raise TypeError(message("layers", "a list of numbers of units", repr(layers)))
    if len(layers) < 2:
        raise ValueError(message("layers", "at least an input and an output", layers))
    for i, units in enumerate(layers):
        as_positive_int(units, f"layers[{i}]")
    _, n_features, n_outputs = DATA_SETS[data]
    if layers[0] != n_features:
        expected = f"{n_features} units first, as many as {data} has features"
        raise ValueError(message("layers", expected, layers[0]))
    if layers[-1] != n_outputs:
        expected = f"{n_outputs} units last, as many as {data} has classes"
        if n_outputs == 1:
            expected = f"1 unit last, for {data} has a quantity to predict"
        raise ValueError(message("layers", expected, layers[-1]))


def _check_sizes(sizes: Any) -> None:
    shares = as_vector(sizes, "sizes")
    if len(shares) != 3 or (shares < SMALLEST_SHARE).any() or abs(shares.sum() - 1) > 1e-9:
        expected = f"three shares of at least {SMALLEST_SHARE} that add up to 1"
        raise ValueError(message("sizes", expected, shares.tolist()))


def _check_seed(seed: Any) -> None:
    expected = "an integer of at least 0"
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(message("seed", expected, repr(seed)))
    if seed < 0:
        raise ValueError(message("seed", expected, seed))


# --- Training -----------------------------------------------------------------------------------


def load_split(experiment: Experiment) -> tuple[Split, str]:
    """Return the three standardised sets of an experiment, and the source of the data.

    Means and standard deviations are those of the training set: the other two sets are
    to tell what the model does with examples that nothing was computed from. A quantity
    to predict is standardised too; R2 does not depend on its unit. Classes keep their
    shares in the three sets.

    Parameters
    ----------
    experiment : Experiment

    Returns
    -------
    split : Split
        Features ``(n, n_features)``, and classes or quantities ``(n,)``.
    source : str

    Raises
    ------
    TypeError
        If ``experiment`` is no Experiment.
    DataNotFoundError, DataError
        If the data are not at hand, or are not the expected ones.

    Examples
    --------
    >>> split, source = load_split(Experiment("iris", [4, 3], 0.01, 10, 5))
    >>> split.X_train.shape, split.X_val.shape, split.X_test.shape
    ((105, 4), (21, 4), (24, 4))
    """
    _check_type(experiment, Experiment, "experiment")
    table = DATA_SETS[experiment.data].load()
    split = train_validation_test_split(
        table.X,
        table.y,
        rng=np.random.default_rng(experiment.seed),
        sizes=experiment.sizes,
        stratify=experiment.is_classification,
    )
    X = _standardized(split.X_train, split.X_val, split.X_test)
    y = [split.y_train, split.y_val, split.y_test]
    if not experiment.is_classification:
        y = [column[:, 0] for column in _standardized(*(part[:, None] for part in y))]
    return Split(X[0], y[0], X[1], y[1], X[2], y[2]), table.source


def train(experiment: Experiment, *, progress: bool = False) -> Run:
    """Train the network of an experiment, and fit three other models to the same training set.

    The others are one that does not look at the features (it says the most frequent
    class, or the mean), a linear one (logistic regression, or ridge) and boosted trees.

    Parameters
    ----------
    experiment : Experiment
    progress : bool
        Show how far the training of the network is.

    Returns
    -------
    Run
        The same for the same seed, but for the seconds.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ExperimentError
        If the network diverged: there is nothing to compare then.
    DataNotFoundError, DataError
        If the data are not at hand, or are not the expected ones.

    Examples
    --------
    >>> run = train(Experiment("iris", [4, 8, 3], 0.01, 10, 20))
    >>> list(run.scores)
    ['network', 'most frequent class', 'logistic regression', 'boosted trees']
    """
    from threadpoolctl import threadpool_limits

    split, source = load_split(experiment)
    network, others = _network(experiment), _other_models(experiment)
    score = accuracy if experiment.is_classification else r2
    seconds = {}
    with threadpool_limits(1):  # the threads of small products wait for each other
        initial_loss = {
            "training": network.evaluate(split.X_train, split.y_train)[0],
            "validation": network.evaluate(split.X_val, split.y_val)[0],
        }
        start = time.perf_counter()
        history = _fit_network(network, split, experiment, progress)
        seconds["network"] = time.perf_counter() - start
        for name, model in others.items():
            start = time.perf_counter()
            model.fit(split.X_train, split.y_train)
            seconds[name] = time.perf_counter() - start
        models = {"network": network, **others}
        answers = {name: model.predict(split.X_test) for name, model in models.items()}
    scores = {name: score(split.y_test, answer) for name, answer in answers.items()}
    parts = {"training": split.y_train, "validation": split.y_val, "test": split.y_test}
    n_samples = {name: len(y) for name, y in parts.items()}
    return Run(experiment, source, n_samples, initial_loss, history, scores, seconds)


def _network(experiment: Experiment) -> Network:
    n_features, *hidden, n_outputs = experiment.layers
    layers = []
    for units in hidden:
        layers += [Dense(units), Activation(ACTIVATIONS[experiment.activation])]
    return Network(
        [*layers, Dense(n_outputs, initializer="glorot")],
        input_shape=(n_features,),
        loss=softmax_cross_entropy if experiment.is_classification else mean_squared_error,
        rng=np.random.default_rng(experiment.seed),
    )


def _fit_network(network: Network, split: Split, experiment: Experiment, progress: bool) -> History:
    patience = experiment.patience
    history = network.fit(
        split.X_train,
        split.y_train,
        validation=(split.X_val, split.y_val),
        optimizer=OPTIMIZERS[experiment.optimizer](experiment.learning_rate),
        epochs=experiment.epochs,
        batch_size=experiment.batch_size,
        rng=np.random.default_rng(experiment.seed),
        l2=experiment.l2,
        clip_norm=experiment.clip_norm,
        early_stopping=None if patience is None else EarlyStopping(patience=patience),
        progress=progress,
    )
    if not np.isfinite(history.loss).all():
        raise ExperimentError(f"{history.message}; try a smaller learning_rate")
    return history


def _other_models(experiment: Experiment) -> dict[str, Any]:
    """Return scikit-learn's models that the network has to be compared with."""
    from sklearn import dummy, ensemble, linear_model

    seed = experiment.seed
    if experiment.is_classification:
        return {
            "most frequent class": dummy.DummyClassifier(),
            "logistic regression": linear_model.LogisticRegression(max_iter=1000),
            "boosted trees": ensemble.HistGradientBoostingClassifier(random_state=seed),
        }
    return {
        "mean": dummy.DummyRegressor(),
        "ridge": linear_model.Ridge(),
        "boosted trees": ensemble.HistGradientBoostingRegressor(random_state=seed),
    }


def _standardized(train: NDArray, *others: NDArray) -> list[NDArray]:
    scaler = StandardScaler().fit(train)
    return [scaler.transform(part) for part in (train, *others)]


# --- Showing and keeping a run ------------------------------------------------------------------


def epoch_table(run: Run) -> "Table":
    """Return some ten epochs of a run as a table: the first, the best, the last, and between.

    Parameters
    ----------
    run : Run

    Returns
    -------
    rich.table.Table

    Raises
    ------
    TypeError
        If ``run`` is no Run.

    Examples
    --------
    >>> run = train(Experiment("iris", [4, 3], 0.01, 10, 5))
    >>> epoch_table(run).row_count
    5
    """
    from rich.table import Table

    _check_type(run, Run, "run")
    history = run.history
    metric = "accuracy" if run.experiment.is_classification else "MAE"
    columns = (history.loss, history.metric, history.val_loss, history.val_metric)
    heads = [f"{part} {what}" for part in ("training", "validation") for what in ("loss", metric)]
    table = Table("epoch", *heads, "")
    last = len(history.loss) - 1
    shown = {*np.linspace(0, last, SHOWN_EPOCHS).astype(int).tolist(), history.best_epoch}
    for i in sorted(shown):
        numbers = [f"{column[i]:.4f}" for column in columns]
        table.add_row(str(i + 1), *numbers, "best" if i == history.best_epoch else "")
    return table


def score_table(run: Run) -> "Table":
    """Return the scores of the network and of the other models on the test set as a table.

    Parameters
    ----------
    run : Run

    Returns
    -------
    rich.table.Table

    Raises
    ------
    TypeError
        If ``run`` is no Run.

    Examples
    --------
    >>> run = train(Experiment("iris", [4, 3], 0.01, 10, 5))
    >>> score_table(run).row_count
    4
    """
    from rich.table import Table

    _check_type(run, Run, "run")
    table = Table("model", f"test {run.metric}", "seconds")
    for name, score in run.scores.items():
        table.add_row(name, f"{score:.4f}", f"{run.seconds[name]:.2f}")
    return table


def save(run: Run, folder: str | Path) -> None:
    """Write a run into a folder: ``result.json``, and the learning curves as ``curves.svg``.

    Parameters
    ----------
    run : Run
    folder : str or Path
        Created where it does not exist; files of an earlier run are replaced.

    Raises
    ------
    TypeError
        If ``run`` is no Run, or ``folder`` no path.

    Examples
    --------
    >>> import tempfile
    >>> run = train(Experiment("iris", [4, 3], 0.01, 10, 5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(run, folder)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['curves.svg', 'result.json']
    """
    from matplotlib import pyplot as plt

    from course_lib.plotting import plot_learning_curves, use_course_style

    _check_type(run, Run, "run")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    result = {"metric": run.metric, **asdict(run)}
    (folder / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    with plt.rc_context():
        use_course_style()
        curves = {
            "training": [run.initial_loss["training"], *run.history.loss],
            "validation": [run.initial_loss["validation"], *run.history.val_loss],
        }
        figure = plot_learning_curves(curves).figure
        figure.savefig(folder / "curves.svg", metadata={"Date": None})
        plt.close(figure)


def _check_type(value: Any, kind: type, name: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(message(name, f"an object of type {kind.__name__}", repr(value)))
