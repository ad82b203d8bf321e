"""Tests of course_lib.reproduce, of the shipped results, and of ``course reproduce``."""

import importlib
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from course_lib import reproduce as module
from course_lib.cli import app
from course_lib.datasets import DataNotFoundError, ImageSet
from course_lib.reproduce import (
    DATA,
    RESULTS,
    STUDIES,
    ReproductionError,
    Result,
    Study,
    Summary,
    load_results,
    prediction_interval,
    result,
    run,
    summary,
    table,
)

CONDITIONS = {"processor": "a processor", "cores": 1, "accelerator": "none"}
IMAGE = np.zeros((1, 28, 28), dtype=np.uint8)
IMAGES = ImageSet(IMAGE, [0], IMAGE, [0], ["blank"], "Blank images", "none", is_stand_in=False)


# --- the registry --------------------------------------------------------------------------------


def test_each_name_is_used_once():
    names = [study.name for study in module._ALL_STUDIES]
    assert len(set(names)) == len(names) == len(STUDIES)
    assert len({study.title for study in STUDIES.values()}) == len(names)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("mnist_mlp", {"accuracy": 0.9381, "loss": 0.2213}),
        ("mnist_mlp_raw_pixels", {}),
        ("fashion_mlp_sgd", {"accuracy": 0.8947, "loss": 0.3492}),
        ("fashion_mlp_adam", {"accuracy": 0.8947, "loss": 0.3492}),
        ("mnist_cnn", {"accuracy": 0.9844, "loss": 0.0484}),
        ("mnist_strong_cnn", {"accuracy": 0.9949, "loss": 0.0221}),
        ("fashion_strong_cnn", {}),
    ],
)
def test_the_sources_values_are_those_printed(name, source):
    assert STUDIES[name].source == source


@pytest.mark.parametrize("study", STUDIES.values(), ids=lambda study: study.name)
def test_a_recipe_is_one_text_and_its_directions_are_known(study):
    assert study.recipe.endswith(".") and "\n" not in study.recipe
    assert study.title and study.source_place and study.data in DATA
    assert set(study.better.values()) <= {"higher", "lower", "neither", "data not given"}
    assert set(study.source) <= set(study.better)


# --- the shipped results -------------------------------------------------------------------------


OF_THE_GRADER = {"grader_class", "grader_hostile"}  # see tests/grading


def test_every_study_has_a_file_and_every_file_a_study():
    assert {path.stem for path in RESULTS.iterdir()} == set(STUDIES) | OF_THE_GRADER


@pytest.mark.parametrize("name", STUDIES)
def test_a_shipped_result_is_of_the_recipe_and_the_data_of_today(name):
    """Whoever changes a recipe has to run it again."""
    study, found = STUDIES[name], result(name)
    for key in ("name", "title", "source", "source_place", "recipe"):
        assert getattr(found, key) == getattr(study, key), f"run `course reproduce {name}` again"
    assert found.data["digest"] == DATA[study.data].digest
    assert found.data["is_stand_in"] is False
    assert len(found.seeds) >= 3 and found.seeds == list(range(len(found.seeds)))
    assert set(found.machine) == {"processor", "cores", "accelerator"}
    assert set(found.versions) == {"python", "numpy", "tensorflow", "keras"}
    assert all(seconds > 0 for seconds in found.seconds)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("mnist_mlp", 0.930, 0.942),
        ("mnist_cnn", 0.982, 0.987),
        ("mnist_strong_cnn", 0.995, 1),
        ("fashion_strong_cnn", 0.935, 1),
    ],
)
def test_the_mean_accuracy_is_in_its_band(name, low, high):
    assert low <= result(name).ours["accuracy"].mean <= high


def test_the_best_run_of_the_strong_network():
    assert max(result("mnist_strong_cnn").ours["accuracy"].values) >= 0.9956


def test_the_global_inversion_gains_half_as_much_again_as_the_sources():
    ours = {name: np.array(found.values) for name, found in result("thesis_inversion").ours.items()}
    assert (ours["global_gain"] <= 1.5 * ours["gain"]).all() and (ours["gain"] < 0).all()
    assert (ours["global_loss"] < ours["loss"]).all() and (ours["loss"] < ours["start_loss"]).all()


@pytest.mark.parametrize("truth", ["success", "labels"])
def test_more_test_digits_can_be_read_after_the_global_inversion(truth):
    mt, mn, best = (
        np.array(result("thesis_inversion").ours[f"test_{truth}_{name}"].values)
        for name in ("mt", "mn", "global")
    )
    assert (best >= mt + 0.015).all() and (best >= mn).all()


def test_raw_pixels_miss_the_band_of_scaled_ones():
    assert result("mnist_mlp_raw_pixels").ours["accuracy"].mean < 0.930


def test_the_table_has_a_row_for_each_judged_metric():
    rows = table()
    found = load_results()
    assert [row.study for row in rows[:2]] == ["mnist_mlp"] * 2
    assert {row.study for row in rows} == set(found)
    for row in rows:
        assert row.ours == found[row.study].ours[row.metric]
        assert row.verdict == found[row.study].verdict(row.metric)
        assert row.source == STUDIES[row.study].source.get(row.metric)


def test_reading_results_loads_no_tensorflow():
    code = "import sys\nfrom course_lib import reproduce\nreproduce.table()\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*done.stdout.split()}.isdisjoint({"tensorflow", "keras", "course_lib.keras_models"})


# --- the rule ------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_a_summary_agrees_with_numpy(values):
    mean, std, kept = summary(values)
    assert kept == tuple(values)
    assert mean == pytest.approx(np.mean(values), abs=1e-12)
    if len(values) == 1:
        assert math.isnan(std)
    else:
        assert std == pytest.approx(np.std(values, ddof=1), abs=1e-12)


@given(st.lists(st.integers(0, 10**6).map(lambda n: n / 10**6), min_size=2, max_size=10))
def test_the_interval_agrees_with_scipy(values):
    """A new value minus the mean of n others has the variance s^2 (1 + 1/n)."""
    n, std = len(values), np.std(values, ddof=1)
    scale = std * np.sqrt(1 + 1 / n)
    expected = stats.t.interval(0.95, n - 1, loc=np.mean(values), scale=scale or 1)
    low, high = prediction_interval(values)
    if scale == 0:
        assert low == high
    else:
        np.testing.assert_allclose((low, high), expected, rtol=1e-9, atol=1e-9)


def test_one_further_run_is_inside_in_95_cases_of_100():
    runs = np.random.default_rng(0).normal(0.9, 0.01, size=(4000, 4))
    intervals = np.array([prediction_interval(three) for three in runs[:, :3]])
    inside = (intervals[:, 0] <= runs[:, 3]) & (runs[:, 3] <= intervals[:, 1])
    assert inside.mean() == pytest.approx(0.95, abs=0.01)


def made(values, source, metric="accuracy"):
    """Return a result with these values."""
    theirs = {} if source is None else {metric: source}
    study = STUDIES["mnist_mlp"]
    return Result(
        **{key: getattr(study, key) for key in ("name", "title", "source_place", "recipe")},
        source=theirs,
        better=study.better,
        data={},
        seeds=list(range(len(values))),
        ours={metric: summary(values)},
        seconds=[1.0] * len(values),
        versions={},
        machine={},
        date="2026-01-01",
    )


# Mean 0.94, standard deviation 0.01: the interval is 0.94 ± 4.3027 * 0.01 * sqrt(4 / 3) = 0.0497.
THREE = [0.93, 0.94, 0.95]


@pytest.mark.parametrize(
    ("values", "source", "metric", "verdict"),
    [
        (THREE, 0.8904, "accuracy", "same"),
        (THREE, 0.9896, "accuracy", "same"),
        (THREE, 0.8902, "accuracy", "ours is better"),
        (THREE, 0.9898, "accuracy", "ours is worse"),
        (THREE, 0.8902, "loss", "ours is worse"),
        (THREE, 0.9898, "loss", "ours is better"),
        ([0.9, 0.9, 0.9], 0.9, "accuracy", "same"),
        ([0.9, 0.9, 0.9], 0.89, "accuracy", "ours is better"),
        (THREE, None, "accuracy", "no value in the source"),
        ([0.9], 0.1, "accuracy", "too few runs"),
        ([0.9], None, "accuracy", "no value in the source"),
    ],
)
def test_the_verdict(values, source, metric, verdict):
    assert made(values, source, metric).verdict(metric) == verdict


@pytest.mark.parametrize(
    ("better", "source", "verdict"),
    [
        ("neither", 0.94, "same"),
        ("neither", 0.5, "ours is another"),
        ("data not given", 0.94, "data not given"),
    ],
)
def test_where_no_direction_is_better(better, source, verdict):
    found = replace(made(THREE, source), better={"accuracy": better})
    assert found.verdict("accuracy") == verdict


# --- running -------------------------------------------------------------------------------------


class Training:
    """A study's ``run``: notes its seeds, and breaks down at one of them."""

    def __init__(self, breaks_at=None):
        self.seeds = []
        self.breaks_at = breaks_at

    def __call__(self, seed):
        self.seeds.append(seed)
        if seed == self.breaks_at:
            raise KeyboardInterrupt
        return {"accuracy": 0.9 + seed / 1000, "loss": 1 / 3, "epochs": 5}


@pytest.fixture
def fake(monkeypatch):
    """Register a study that takes no time; return a function that changes it."""
    monkeypatch.setattr(module, "_machine", lambda: CONDITIONS)
    monkeypatch.setattr(module, "_versions", lambda: {"python": "3"})
    monkeypatch.setitem(DATA, "mnist", DATA["mnist"]._replace(load=lambda: IMAGES))

    def register(training, **changes):
        study = Study("fake", "Fake", {"loss": 0.3}, "a book", "Guess.", "mnist", training)
        monkeypatch.setitem(STUDIES, "fake", replace(study, **changes))
        return training

    return register


def run_fake(folder, n_seeds=3):
    lines = []
    run(["fake"], n_seeds=n_seeds, folder=folder, report=lines.append)
    return lines


def test_a_run_is_written_with_all_that_belongs_to_it(fake, tmp_path):
    fake(Training())
    lines = run_fake(tmp_path / "new" / "folder")
    assert [line.partition(" (")[0] for line in lines] == [
        f"fake, seed {i}: accuracy 0.90{i}0, loss 0.3333, epochs 5.0000" for i in range(3)
    ]
    record = json.loads((tmp_path / "new" / "folder" / "fake.json").read_text("utf-8"))
    assert record.pop("seconds") == [0.0, 0.0, 0.0]
    assert len(record.pop("date")) == len("2026-01-01")
    assert record == {
        "name": "fake",
        "title": "Fake",
        "source": {"loss": 0.3},
        "source_place": "a book",
        "recipe": "Guess.",
        "data": {
            "source": "Blank images",
            "digest": DATA["mnist"].digest,
            "is_stand_in": False,
        },
        "seeds": [0, 1, 2],
        "ours": {
            "accuracy": [0.9, 0.901, 0.902],
            "loss": [0.333333] * 3,
            "epochs": [5.0] * 3,
        },
        "versions": {"python": "3"},
        "machine": CONDITIONS,
    }


def test_what_was_written_is_read(fake, tmp_path):
    fake(Training())
    run_fake(tmp_path)
    found = result("fake", folder=tmp_path)
    assert list(load_results(folder=tmp_path)) == ["fake"]
    assert found.ours["accuracy"] == summary([0.9, 0.901, 0.902])
    assert found.verdict("loss") == "ours is worse" and found.better["loss"] == "lower"
    # The epochs are kept, but nobody could say whether more of them are better.
    assert [row.metric for row in table(folder=tmp_path)] == ["accuracy", "loss"]


def test_an_interrupted_run_goes_on_where_it_was(fake, tmp_path):
    training = fake(Training(breaks_at=1))
    with pytest.raises(KeyboardInterrupt):
        run_fake(tmp_path)
    assert result("fake", folder=tmp_path).seeds == [0]
    training.breaks_at = None
    run_fake(tmp_path)
    assert training.seeds == [0, 1, 1, 2]
    assert result("fake", folder=tmp_path).seeds == [0, 1, 2]
    assert result("fake", folder=tmp_path).ours["accuracy"].values == (0.9, 0.901, 0.902)


def test_nothing_is_run_twice(fake, tmp_path, monkeypatch):
    training = fake(Training())
    run_fake(tmp_path)
    monkeypatch.setattr(module, "_machine", lambda: {})  # nothing to run, nothing to compare
    assert run_fake(tmp_path) == ["fake: nothing to do, fake.json has 3 seeds"]
    assert training.seeds == [0, 1, 2]


def test_more_seeds_are_added(fake, tmp_path):
    training = fake(Training())
    run_fake(tmp_path, 2)
    run_fake(tmp_path, 4)
    assert training.seeds == [0, 1, 2, 3]


@pytest.mark.parametrize("what", ["recipe", "data"])
def test_a_changed_recipe_begins_anew_and_says_so(fake, tmp_path, monkeypatch, what):
    training = fake(Training())
    run_fake(tmp_path)
    if what == "recipe":
        fake(training, recipe="Guess again.")
    else:
        monkeypatch.setitem(DATA, "mnist", DATA["mnist"]._replace(digest="other"))
    lines = run_fake(tmp_path, 2)
    assert lines[0] == f"fake: the {what} changed since fake.json was written; it begins anew"
    assert training.seeds == [0, 1, 2, 0, 1]
    assert result("fake", folder=tmp_path).seeds == [0, 1]


@pytest.mark.parametrize("what", ["machine", "versions"])
def test_numbers_of_two_machines_are_not_mixed(fake, tmp_path, monkeypatch, what):
    training = fake(Training())
    run_fake(tmp_path, 1)
    monkeypatch.setattr(module, f"_{what}", lambda: {"another": 1})
    with pytest.raises(ReproductionError, match=f"fake.json was written with {what} .*another"):
        run_fake(tmp_path)
    assert training.seeds == result("fake", folder=tmp_path).seeds == [0]


def test_a_file_is_replaced_as_a_whole(fake, tmp_path, monkeypatch):
    """Break down while the second seed is written: the file of the first seed is untouched."""
    fake(Training())
    run_fake(tmp_path, 1)
    before = (tmp_path / "fake.json").read_text("utf-8")

    def half(path, text, **options):
        path.write_bytes(text[:10].encode())
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="disk full"):
        run_fake(tmp_path)
    assert (tmp_path / "fake.json").read_text("utf-8") == before
    monkeypatch.undo()
    assert [path.name for path in tmp_path.glob("*.json")] == ["fake.json"]


def test_nothing_is_left_over(fake, tmp_path):
    fake(Training())
    run_fake(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fake.json"]


def test_a_stand_in_is_refused(fake, tmp_path, monkeypatch):
    training = fake(Training())
    stand_in = replace(IMAGES, is_stand_in=True)
    monkeypatch.setitem(DATA, "mnist", DATA["mnist"]._replace(load=lambda: stand_in))
    with pytest.raises(ReproductionError, match="fake: expected the real mnist, got Blank images"):
        run_fake(tmp_path)
    assert training.seeds == [] == [*tmp_path.iterdir()]


def test_a_training_that_diverged_is_not_kept(fake, tmp_path):
    fake(lambda seed: {"loss": math.nan if seed else 1.0})
    with pytest.raises(ReproductionError, match="fake, seed 1: the training diverged"):
        run_fake(tmp_path)
    assert result("fake", folder=tmp_path).seeds == [0]


def test_a_missing_tensorflow_is_named(fake, tmp_path, monkeypatch):
    fake(Training())
    monkeypatch.undo()
    fake(Training())

    def version(package):
        raise module.metadata.PackageNotFoundError

    monkeypatch.setattr(module.metadata, "version", version)
    with pytest.raises(ReproductionError, match="numpy is not installed: install the course with"):
        run_fake(tmp_path)


# --- damaged files -------------------------------------------------------------------------------


def without(key):
    return lambda record: {name: value for name, value in record.items() if name != key}


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: [record],
        lambda record: record | {"more": 1},
        lambda record: record | {"seconds": [1.0]},
        lambda record: record | {"seeds": [], "seconds": [], "ours": {}},
        lambda record: record | {"ours": {"accuracy": [0.9]}},
        lambda record: record | {"ours": {"accuracy": 0.9}},
        lambda record: record | {"ours": {"accuracy": ["a", "b", "c"]}},
        lambda record: record | {"ours": [0.9]},
        without("ours"),
        without("machine"),
    ],
)
def test_a_damaged_file_is_named(fake, tmp_path, damage):
    fake(Training())
    run_fake(tmp_path)
    path = tmp_path / "fake.json"
    path.write_text(json.dumps(damage(json.loads(path.read_text("utf-8")))), encoding="utf-8")
    for read in (lambda: run_fake(tmp_path, 4), lambda: table(folder=tmp_path)):
        with pytest.raises(ReproductionError, match=r"fake\.json: expected"):
            read()


@pytest.mark.parametrize("content", [b"", b'{"name": "fa', b"\xff\xfe"])
def test_a_file_that_is_no_json_is_named(fake, tmp_path, content):
    fake(Training())
    (tmp_path / "fake.json").write_bytes(content)
    with pytest.raises(ReproductionError, match=r"fake\.json: expected a file of results, got"):
        result("fake", folder=tmp_path)


# --- the studies themselves ----------------------------------------------------------------------

SGD, ADAM = ("SGD", 0.01), ("Adam", 0.001)


@pytest.fixture
def fits(keras, monkeypatch):
    """Run studies without training, on a few images; note what each would train with."""
    few = module.datasets.load_mnist(stand_in=True)
    cut = {"X_train": 96, "y_train": 96, "X_test": 32, "y_test": 32}
    few = replace(few, **{key: getattr(few, key)[:n] for key, n in cut.items()})
    for data in DATA:
        monkeypatch.setitem(DATA, data, DATA[data]._replace(load=lambda: few))
    monkeypatch.setattr(module, "N_VALIDATION", 32)
    noted, seeds = [], []

    def note(model, X, y, **options):
        for callback in options.get("callbacks", ()):
            callback.on_train_begin()
        rate = round(float(model.optimizer.learning_rate), 6)
        optimizer = (type(model.optimizer).__name__, rate)
        noted.append({"X": X, "y": y, "optimizer": optimizer, "seeds": [*seeds], **options})

    monkeypatch.setattr(keras.utils, "set_random_seed", seeds.append)
    monkeypatch.setattr(keras.Model, "fit", note)
    monkeypatch.setattr(importlib.import_module("course_lib.keras_models"), "fit_strong", note)
    return noted


@pytest.mark.parametrize(
    ("name", "n_train", "highest", "settings"),
    [
        ("mnist_mlp", 96, 1, {"optimizer": SGD, "batch_size": 32, "epochs": 5}),
        ("mnist_mlp_raw_pixels", 96, 255, {"optimizer": SGD, "batch_size": 32, "epochs": 5}),
        ("fashion_mlp_sgd", 96, 1, {"optimizer": SGD, "batch_size": 32, "epochs": 5}),
        ("fashion_mlp_adam", 64, 1, {"optimizer": ADAM, "batch_size": 32, "epochs": 50}),
        ("mnist_cnn", 96, 1, {"optimizer": ADAM, "batch_size": 128, "epochs": 20}),
        ("mnist_strong_cnn", 64, 1, {"epochs": module.MNIST_EPOCHS, "garments": False, "seed": 3}),
        (
            "fashion_strong_cnn",
            64,
            1,
            {"epochs": module.FASHION_EPOCHS, "garments": True, "seed": 3},
        ),
    ],
)
def test_a_study_does_what_its_recipe_says(fits, name, n_train, highest, settings):
    study = STUDIES[name]
    scores = study.run(3)
    assert len(fits) == 1 and fits[0]["seeds"] == [3]
    for key, value in settings.items():
        assert fits[0][key] == value, key
    assert len(fits[0]["X"]) == len(fits[0]["y"]) == n_train
    assert fits[0]["X"].max() == highest and fits[0]["X"].dtype == np.float32
    assert set(study.source) <= set(scores)
    assert ("val_accuracy" in scores) == (n_train == 64)
    if name != "fashion_mlp_adam":  # its epochs are chosen by early stopping
        assert f"{settings['epochs']} epochs" in study.recipe
    assert f"batches of {settings.get('batch_size', 128)}" in study.recipe


def test_early_stopping_keeps_the_epoch_of_the_highest_validation_accuracy(fits):
    STUDIES["fashion_mlp_adam"].run(0)
    [stop] = fits[0]["callbacks"]
    assert (stop.monitor, stop.patience, stop.restore_best_weights) == ("val_accuracy", 5, True)
    X_val, y_val = fits[0]["validation_data"]
    assert len(X_val) == len(y_val) == 32


def test_the_validation_set_is_held_out():
    X, y, X_val, y_val = module._hold_out(np.arange(6000), np.arange(6000), seed=0)
    assert sorted([*X, *X_val]) == list(range(6000)) and len(X_val) == 5000
    assert (X == y).all() and (X_val == y_val).all()
    assert (module._hold_out(X, y, seed=1)[2][:9] != X_val[:9]).any()


# --- the command ---------------------------------------------------------------------------------


def test_the_command_runs_a_study_and_shows_the_verdict(fake, tmp_path):
    training = fake(Training())
    arguments = ["reproduce", "fake", "--seeds", "2", "--folder", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert training.seeds == [0, 1]
    for words in ("fake, seed 1: accuracy 0.9010", "0.9005 ± 0.0007", "0.3000", "ours is worse"):
        assert words in done.output


def test_the_command_runs_all_the_studies_by_default(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "run", lambda names, **options: calls.append((names, options)))
    monkeypatch.setattr(module, "table", lambda folder: [])
    done = CliRunner().invoke(app, ["reproduce"])
    assert done.exit_code == 0, done.output
    [(names, options)] = calls
    assert names == [] and (options["n_seeds"], options["folder"]) == (3, RESULTS)


def test_the_command_names_the_studies_when_one_is_unknown():
    done = CliRunner().invoke(app, ["reproduce", "mnist_mpl"])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert f"Error: study: expected one of {', '.join(STUDIES)}, got 'mnist_mpl'" in done.output


def test_the_command_says_when_the_data_are_not_at_hand(fake, tmp_path, monkeypatch):
    fake(Training())

    def load():
        raise DataNotFoundError("mnist.npz was not found.\nWhat to do: [wait]")

    monkeypatch.setitem(DATA, "mnist", DATA["mnist"]._replace(load=load))
    done = CliRunner().invoke(app, ["reproduce", "fake", "--folder", str(tmp_path)])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert "Error: mnist.npz was not found.\nWhat to do: [wait]" in done.output


@pytest.mark.parametrize("seeds", ["0", "two"])
def test_the_command_refuses_what_is_no_number_of_seeds(seeds):
    assert CliRunner().invoke(app, ["reproduce", "--seeds", seeds]).exit_code == 2


# --- wrong calls ---------------------------------------------------------------------------------

STUDY = ("a", "A", {}, "a book", "Guess.", "mnist", Training())
UNKNOWN = "study: expected one of mnist_mlp, mnist_mlp_raw_pixels,"

BAD_CALLS = [
    (Study, (*STUDY[:5], "iris", Training()), {}, ValueError, "data: expected one of mnist,"),
    (Study, STUDY, {"better": {"loss": "small"}}, ValueError, "better: expected one of higher"),
    (Study, ("a", "A", {"r2": 1}, *STUDY[3:]), {}, ValueError, "data not given for r2, got None"),
    (run, ("mnist_mlp",), {}, TypeError, "names: expected a sequence of names, got 'mnist_mlp'"),
    (run, ([3],), {}, TypeError, UNKNOWN),
    (run, (["mnist_mlp", "iris"],), {}, ReproductionError, "got 'iris'"),
    (run, ([],), {"n_seeds": 0}, ValueError, "n_seeds: expected an integer of at least 1, got 0"),
    (run, ([],), {"n_seeds": "3"}, TypeError, "n_seeds: expected an integer"),
    (result, ("iris",), {}, ReproductionError, UNKNOWN),
    (result, ([],), {}, TypeError, UNKNOWN),
    (result, ("mnist_mlp",), {"folder": "nowhere"}, ReproductionError, "mnist_mlp.json is not th"),
    (load_results, (), {"folder": 3}, TypeError, "not int"),
    (table, (), {"folder": 3}, TypeError, "not int"),
    (summary, ([],), {}, ValueError, "values: expected at least one value"),
    (summary, ([math.nan],), {}, ValueError, "values: expected finite numbers"),
    (summary, (["a"],), {}, TypeError, "values: expected a 1-D array of numbers"),
    (prediction_interval, ([0.9],), {}, ValueError, "values: expected at least two runs, got 1"),
    (prediction_interval, (["a"],), {}, TypeError, "values: expected a 1-D array of numbers"),
    (made(THREE, 0.9).verdict, ("f1",), {}, ValueError, "metric: expected one of accuracy, got"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_is_in_the_table_of_bad_calls():
    covered = {function.__name__ for function, *_ in BAD_CALLS} - {"verdict"}
    records = {"ReproductionError", "Result", "Row", "Summary"}
    assert covered == set(module.__all__) - records


def test_a_summary_prints_like_a_table_entry():
    assert str(Summary(0.93656, 0.00191, ())) == "0.9366 ± 0.0019"
