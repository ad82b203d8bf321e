"""Tests of course_lib.experiments and of the command ``course train``."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from course_lib import experiments as module
from course_lib import plotting
from course_lib.cli import app
from course_lib.datasets import DataNotFoundError, Table
from course_lib.experiments import (
    DATA_SETS,
    Experiment,
    ExperimentError,
    Run,
    epoch_table,
    load_split,
    read,
    save,
    score_table,
    train,
)
from course_lib.plotting import plot_learning_curves
from course_lib.preprocessing import train_validation_test_split

FOLDER = Path(__file__).resolve().parents[1] / "experiments"
SHIPPED = sorted(FOLDER.glob("*.toml"))
IRIS = {"data": "iris", "layers": [4, 8, 3], "learning_rate": 0.01, "batch_size": 10, "epochs": 8}
DIABETES = IRIS | {"data": "diabetes", "layers": [10, 8, 1]}


@pytest.fixture(scope="module")
def run():
    return train(Experiment(**IRIS, patience=3))


# --- the shipped files ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_file_is_valid_and_named_after_its_data(path):
    experiment = read(path)
    assert experiment.data == path.stem
    # Early stopping can only be seen at work if the epochs outlast the patience.
    assert experiment.patience is not None and experiment.patience < experiment.epochs


def test_each_data_set_has_a_file():
    assert {path.stem for path in SHIPPED} == set(DATA_SETS)


@pytest.mark.parametrize(
    ("name", "layers", "rate", "batch_size", "epochs", "l2", "clip"),
    [
        ("iris", [4, 16, 32, 3], 0.05, 10, 100, 0, None),
        ("wine", [13, 32, 64, 3], 0.01, 5, 100, 0, None),
        ("breast_cancer", [30, 16, 32, 2], 0.001, 5, 100, 0, None),
        ("digits", [64, 32, 64, 10], 0.001, 10, 100, 0, None),
        ("covtype", [54, 16, 32, 7], 0.001, 10, 500, 0, None),
        ("california_housing", [8, 256, 128, 1], 1e-4, 20, 1000, 0.001, 5.0),
        ("diabetes", [10, 128, 64, 1], 5e-5, 5, 80, 0.1, 5.0),
        ("bike_sharing", [12, 256, 128, 1], 5e-5, 64, 300, 0.005, 5.0),
    ],
)
def test_the_files_have_the_settings_of_the_source(
    name, layers, rate, batch_size, epochs, l2, clip
):
    e = read(FOLDER / f"{name}.toml")
    came = (e.layers, e.learning_rate, e.batch_size, e.epochs, e.l2, e.clip_norm)
    assert came == (layers, rate, batch_size, epochs, l2, clip)
    assert (e.optimizer, e.activation, e.seed) == ("adam", "relu", 42)


@pytest.mark.parametrize(
    "name", ["iris", "wine", "breast_cancer", "digits", "diabetes"]
)  # the others need a file that may not be at hand; test_datasets checks their shapes
def test_the_sizes_known_in_advance_are_those_of_the_data(name):
    load, n_features, n_outputs = DATA_SETS[name]
    table = load()
    assert table.X.shape[1] == n_features
    assert len(table.target_names) == n_outputs
    assert (table.y.dtype.kind == "i") == DATA_SETS[name].is_classification


# --- errors in a file: each names the file and the line ------------------------------------------

GOOD = """# A comment that mentions epochs = 3
data = "iris"
layers = [
    4,
    3,
]
learning_rate = 0.01
batch_size = 10
epochs = 5
"""
LINES = {"data": 2, "layers": 3, "learning_rate": 7, "batch_size": 8, "epochs": 9}


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


BAD_FILES = [
    # unknown keys
    (GOOD + "epoch = 5\n", 10, "epoch: expected one of the keys data, layers,"),
    (GOOD + '"l 2" = 5\n', 10, "l 2: expected one of the keys"),
    (GOOD + "\n[training]\nseed = 1\n", 11, "training: expected one of the keys"),
    (GOOD + "training.seed = 1\n", 10, "training: expected one of the keys"),
    (GOOD + "[[training]]\n", 10, "training: expected one of the keys"),
    # missing keys
    (changed("epochs = 5\n", ""), 8, "epochs: expected this key before the end of the file"),
    ("", 1, "data: expected this key"),
    # wrong types
    (changed('"iris"', "3"), LINES["data"], "data: expected one of iris, wine,"),
    (changed("    3,\n", '    "3",\n'), LINES["layers"], "layers[1]: expected an integer"),
    (changed("    4,\n", "    4.0,\n"), LINES["layers"], "layers[0]: expected an integer"),
    (changed("= 0.01", '= "0.01"'), LINES["learning_rate"], "learning_rate: expected a finite"),
    (changed("= 10", "= 10.5"), LINES["batch_size"], "batch_size: expected an integer"),
    (changed("s = 5", "s = true"), LINES["epochs"], "epochs: expected an integer"),
    (GOOD + "layer = 3\n  activation = 1\n", 10, "layer: expected one of the keys"),
    (GOOD + "activation = 1\n", 10, "activation: expected one of relu,"),
    (GOOD + "seed = 1.5\n", 10, "seed: expected an integer of at least 0, got 1.5"),
    (GOOD + "seed = true\n", 10, "seed: expected an integer of at least 0, got True"),
    (GOOD + 'sizes = ["a", "b", "c"]\n', 10, "sizes: expected a 1-D array of numbers"),
    (GOOD + 'l2 = "0"\n', 10, "l2: expected a finite number of at least 0"),
    (GOOD + "clip_norm = false\n", 10, "clip_norm: expected a finite number above 0"),
    (GOOD + "patience = 2.5\n", 10, "patience: expected an integer of at least 1"),
    # wrong values
    (changed("iris", "irises"), LINES["data"], "data: expected one of iris, wine,"),
    (changed("0.01", "nan"), LINES["learning_rate"], "learning_rate: expected a finite number"),
    (changed("= 10", "= 0"), LINES["batch_size"], "batch_size: expected an integer of at least 1"),
    (changed("s = 5", "s = -5"), LINES["epochs"], "epochs: expected an integer of at least 1"),
    (GOOD + 'activation = "softmax"\n', 10, "activation: expected one of relu,"),
    (GOOD + 'optimizer = "Adam"\n', 10, "optimizer: expected one of adam, sgd, got 'Adam'"),
    (GOOD + "l2 = -1\n", 10, "l2: expected a finite number of at least 0"),
    (GOOD + "clip_norm = 0\n", 10, "clip_norm: expected a finite number above 0"),
    (GOOD + "patience = 0\n", 10, "patience: expected an integer of at least 1"),
    (GOOD + "seed = -1\n", 10, "seed: expected an integer of at least 0, got -1"),
    (GOOD + "sizes = [0.7, 0.3]\n", 10, "sizes: expected three shares"),
    (GOOD + "sizes = [0.7, 0.15, 0.2]\n", 10, "sizes: expected three shares"),
    (GOOD + "sizes = [0.98, 0.01, 0.01]\n", 10, "sizes: expected three shares of at least 0.05"),
    # impossible shapes
    (changed("    4,\n", "    5,\n"), 3, "4 units first, as many as iris has features, got 5"),
    (changed("    3,\n", "    2,\n"), 3, "3 units last, as many as iris has classes, got 2"),
    (changed("    3,\n", "    0,\n"), 3, "layers[1]: expected an integer of at least 1"),
    (changed("    3,\n", ""), 3, "layers: expected at least an input and an output"),
    (changed("layers = [\n    4,\n    3,\n]", "layers = 4"), 3, "layers: expected a list"),
    (
        changed('"iris"', '"diabetes"').replace("    4,", "    10,"),
        3,
        "1 unit last, for diabetes has",
    ),
    # no TOML
    (GOOD + "seed = \n", 10, "Invalid value"),
    (GOOD + "epochs = 6\n", 10, "Cannot overwrite a value"),
    (GOOD + "sizes = [0.7,\n", 10, "Invalid value"),
    (GOOD + 'optimizer = """adam\n\n', 11, "Unterminated string"),
]


@pytest.mark.parametrize(("text", "line", "words"), BAD_FILES)
def test_an_error_in_a_file_names_the_file_and_the_line(tmp_path, text, line, words):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ExperimentError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert words in str(caught.value)


def test_the_good_file_of_these_cases_is_good(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert read(path) == Experiment("iris", [4, 3], 0.01, 10, 5)


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"data = 1\nname = '\xff'\n")
    with pytest.raises(ExperimentError, match=r"mine\.toml, line 2: expected a text in UTF-8"):
        read(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ExperimentError, match=r"none\.toml: No such file"):
        read(tmp_path / "none.toml")
    with pytest.raises(ExperimentError, match="Is a directory"):
        read(tmp_path)


# --- the split -----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [IRIS, DIABETES], ids=["classes", "quantity"])
def test_only_the_training_set_is_standardised_to_mean_0_and_deviation_1(settings):
    experiment = Experiment(**settings)
    split, _ = load_split(experiment)
    table = DATA_SETS[experiment.data].load()
    np.testing.assert_allclose(split.X_train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(split.X_train.std(axis=0), 1, atol=1e-12)
    raw = train_validation_test_split(
        table.X,
        table.y,
        rng=np.random.default_rng(0),
        stratify=experiment.is_classification,
    )
    mean, scale = raw.X_train.mean(axis=0), raw.X_train.std(axis=0)
    np.testing.assert_allclose(split.X_val, (raw.X_val - mean) / scale, atol=1e-12)
    np.testing.assert_allclose(split.X_test, (raw.X_test - mean) / scale, atol=1e-12)
    if not experiment.is_classification:
        y = (raw.y_test - raw.y_train.mean()) / raw.y_train.std()
        np.testing.assert_allclose(split.y_test, y, atol=1e-12)


def test_the_file_decides_on_the_sizes():
    split, _ = load_split(Experiment(**IRIS, sizes=(0.4, 0.2, 0.4)))
    assert [len(part) for part in split] == [60, 60, 30, 30, 60, 60]


def test_classes_keep_their_shares():
    split, _ = load_split(Experiment(**IRIS, sizes=(0.6, 0.2, 0.2)))
    assert np.bincount(split.y_test).tolist() == [10, 10, 10]


# --- training ------------------------------------------------------------------------------------


def reproducible(run: Run) -> dict:
    return {key: value for key, value in asdict(run).items() if key != "seconds"}


def test_the_same_seed_gives_the_same_run(run):
    again = train(run.experiment)
    assert reproducible(again) == reproducible(run)
    other = train(replace(run.experiment, seed=1))
    assert other.history.loss != run.history.loss


@pytest.mark.parametrize("settings", [IRIS, DIABETES], ids=["classes", "quantity"])
def test_the_test_set_changes_nothing_but_the_scores(settings, monkeypatch):
    """Garbage in the test set: the training and its early stopping must not notice."""
    experiment = Experiment(**settings | {"epochs": 30}, patience=2)
    honest = train(experiment)

    def with_garbage(experiment):
        split, source = load_split(experiment)
        return split._replace(X_test=100 * split.X_test, y_test=split.y_test[::-1]), source

    monkeypatch.setattr(module, "load_split", with_garbage)
    garbage = train(experiment)
    assert asdict(garbage.history) == asdict(honest.history)
    assert garbage.scores["network"] != honest.scores["network"]


def test_early_stopping_watches_the_validation_set(monkeypatch):
    experiment = Experiment(**IRIS | {"epochs": 200}, patience=1)

    def with_other_labels(experiment):
        split, source = load_split(experiment)
        return split._replace(y_val=(split.y_val + 1) % 3), source

    honest = train(experiment)
    monkeypatch.setattr(module, "load_split", with_other_labels)
    assert len(train(experiment).history.loss) < len(honest.history.loss)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (IRIS, ["network", "most frequent class", "logistic regression", "boosted trees"]),
        (DIABETES, ["network", "mean", "ridge", "boosted trees"]),
    ],
    ids=["classes", "quantity"],
)
def test_the_other_models_are_always_there(settings, names):
    run = train(Experiment(**settings | {"epochs": 1}))
    assert list(run.scores) == list(run.seconds) == names
    assert all(np.isfinite(list(run.scores.values())))


def test_a_quantity_is_learned():
    experiment = replace(read(FOLDER / "diabetes.toml"), learning_rate=1e-3, epochs=20)
    scores = train(experiment).scores
    assert scores["network"] > 0.3 and scores["mean"] <= 0 < scores["ridge"]


@pytest.mark.parametrize("patience", [None, 5])
def test_a_training_that_diverges_says_so(patience):
    experiment = Experiment(**DIABETES | {"learning_rate": 1e6}, optimizer="sgd", patience=patience)
    with pytest.raises(ExperimentError, match=r"diverged in epoch 1: .*smaller learning_rate"):
        train(experiment)


def test_every_setting_reaches_the_network(monkeypatch):
    """Another value for a setting must give another training."""
    base = Experiment(**DIABETES)
    variants = {
        "layers": [10, 9, 1],
        "learning_rate": 0.02,
        "batch_size": 11,
        "epochs": 4,
        "activation": "tanh",
        "optimizer": "sgd",
        "l2": 0.1,
        "clip_norm": 0.01,
        "sizes": (0.6, 0.2, 0.2),
        "seed": 1,
    }
    histories = [train(replace(base, **{key: value})).history for key, value in variants.items()]
    losses = [tuple(history.loss) for history in [train(base).history, *histories]]
    assert len(set(losses)) == len(variants) + 1


# --- showing and keeping -------------------------------------------------------------------------


def test_the_epoch_table_shows_the_first_the_best_and_the_last_epoch():
    run = train(Experiment(**IRIS | {"epochs": 40}))
    run = replace(run, history=replace(run.history, best_epoch=2))  # counted from 0
    table = epoch_table(run)
    epochs = [int(cell) for cell in table.columns[0].cells]
    assert epochs[0] == 1 and epochs[-1] == 40 and 3 in epochs and len(epochs) <= 11
    marks = dict(zip(epochs, table.columns[-1].cells, strict=True))
    assert [epoch for epoch, mark in marks.items() if mark] == [3]
    losses = dict(zip(epochs, table.columns[1].cells, strict=True))
    assert losses[40] == f"{run.history.loss[-1]:.4f}"


def test_the_curves_begin_before_the_first_epoch(run, tmp_path, monkeypatch):
    curves = {}

    def spy(losses):
        curves.update(losses)
        return plot_learning_curves(losses)

    monkeypatch.setattr(plotting, "plot_learning_curves", spy)
    save(run, tmp_path)
    assert curves["training"] == [run.initial_loss["training"], *run.history.loss]
    assert curves["validation"] == [run.initial_loss["validation"], *run.history.val_loss]
    assert len(curves["training"]) == len(run.history.loss) + 1


def test_a_run_is_kept(run, tmp_path):
    save(run, tmp_path / "new" / "folder")
    result = json.loads((tmp_path / "new" / "folder" / "result.json").read_text("utf-8"))
    assert result["metric"] == "accuracy" and result["scores"] == run.scores
    assert result["experiment"]["layers"] == [4, 8, 3]
    assert result["n_samples"] == {"training": 105, "validation": 21, "test": 24}
    assert result["history"]["val_loss"] == run.history.val_loss
    svg = (tmp_path / "new" / "folder" / "curves.svg").read_text("utf-8")
    assert svg.startswith("<?xml") and "<dc:date>" not in svg
    save(run, tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder" / "curves.svg").read_text("utf-8") == svg


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A folder that looks like the course, so that runs/ is written there."""
    (tmp_path / "nbgrader_config.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_iris_from_end_to_end(course):
    result = CliRunner().invoke(app, ["train", str(FOLDER / "iris.toml")])
    assert result.exit_code == 0, result.output
    for words in (
        "epoch",
        "best",
        "test accuracy",
        "logistic regression",
        "boosted trees",
        "runs/iris",
    ):
        assert words in result.output
    scores = json.loads((course / "runs" / "iris" / "result.json").read_text("utf-8"))["scores"]
    assert scores["network"] > 0.8 > 0.4 > scores["most frequent class"]
    assert (course / "runs" / "iris" / "curves.svg").is_file()


def test_the_command_shows_an_error_without_a_traceback(course):
    (course / "mine.toml").write_text(changed("    3,\n", "    2,\n"), encoding="utf-8")
    result = CliRunner().invoke(app, ["train", "mine.toml"])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert "Error: mine.toml, line 3: layers: expected 3 units last" in result.output
    assert not (course / "runs").exists()


def test_the_command_says_when_the_data_are_not_at_hand(course, monkeypatch):
    def load() -> Table:
        raise DataNotFoundError("california_housing.npz was not found.\nWhat to do: [wait]")

    housing = DATA_SETS["california_housing"]._replace(load=load)
    monkeypatch.setitem(DATA_SETS, "california_housing", housing)
    result = CliRunner().invoke(app, ["train", str(FOLDER / "california_housing.toml")])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert "Error: california_housing.npz was not found.\nWhat to do: [wait]" in result.output


# --- wrong calls ---------------------------------------------------------------------------------

BAD_CALLS = [
    (Experiment, ("irises", [4, 3], 0.01, 10, 5), {}, ValueError, "data: expected one of iris"),
    (Experiment, ("iris", "4, 3", 0.01, 10, 5), {}, TypeError, "layers: expected a list"),
    (Experiment, ("iris", [4, 3], 0.01, 10, 5), {"seed": None}, TypeError, "seed: expected an int"),
    (read, ("none.toml",), {}, ExperimentError, "none.toml"),
    (load_split, ("iris",), {}, TypeError, "experiment: expected an object of type Experiment"),
    (train, ("iris",), {}, TypeError, "experiment: expected an object of type Experiment"),
    (epoch_table, (None,), {}, TypeError, "run: expected an object of type Run, got None"),
    (score_table, (None,), {}, TypeError, "run: expected an object of type Run, got None"),
    (save, (None, "folder"), {}, TypeError, "run: expected an object of type Run, got None"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_is_in_the_table_of_bad_calls():
    covered = {function.__name__ for function, *_ in BAD_CALLS}
    assert covered == set(module.__all__) - {"ExperimentError", "Run"}
