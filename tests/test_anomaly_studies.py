"""Tests of course_lib.anomaly_studies, and of the results that it shipped."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from course_lib import anomaly_studies as module
from course_lib import datasets, reproduce
from course_lib.anomaly_studies import (
    FORMS,
    SETS,
    anomaly_study,
    comparison,
    judge,
    mean_interval,
    prepare,
    studies,
    targets,
)
from course_lib.datasets import DataNotFoundError
from course_lib.sparse_meta_ae import SparseMetaAE, source_recipe
from course_lib.thresholds import percentile_threshold

METHODS = {
    *("no network", "PCA reconstruction", "Mahalanobis", "elliptic envelope", "Gaussian mixture"),
    *("k nearest neighbours", "local outlier factor", "one-class SVM", "isolation forest"),
    *("SparseMetaAE", "SparseMetaAE, clean support", "SparseMetaAE, contaminated support"),
    *("SparseMetaAE, the source's rate", "SparseMetaAE, source recipe"),
    *("SparseMetaAE, source recipe, clean support", "SparseMetaAE, source recipe, as printed"),
    *("MAML, untrained", "MAML, public", "MAML, private"),
}
VARIANTS = {*module.VARIANTS, "SparseMetaAE, source recipe"}


@pytest.fixture
def shop(monkeypatch):
    """A set with a category, a constant column and anomalies that must not come through."""
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [rng.normal(5, 2, 400), rng.integers(3, size=400), np.full(400, 0.1), rng.normal(size=400)]
    )
    y = np.repeat([0, 1], [300, 100])
    X[y == 1] += 1e6
    X[y == 1, 1] = 0
    table = datasets.Table(
        X=X,
        y=y,
        feature_names=["price", "shop", "constant", "weight"],
        target_names=["normal", "anomaly"],
        source="drawn",
        licence="none",
        categories={"shop": ["a", "b", "c"]},
    )
    monkeypatch.setitem(SETS, "shop", module.DataSet(lambda: table, "digest"))
    return table


# --- the protocol --------------------------------------------------------------------------------


def test_categories_become_columns_and_constant_columns_go(shop):
    problem = prepare("shop", 0)
    assert problem.X_train.shape == (210, 5) and problem.columns.tolist() == [0, 1]
    assert len(problem.X_support) == 10 and problem.X_test.shape == (80, 5)
    assert all(len(np.unique(column)) == 2 for column in problem.X_train[:, 2:].T)


def test_columns_are_standardised_on_the_rows_to_learn_from():
    problem = prepare("breast_cancer", 1)
    assert np.allclose(problem.X_train.mean(axis=0), 0)
    assert np.allclose(problem.X_train.std(axis=0), 1)
    assert not np.allclose(problem.X_support.mean(axis=0), 0, atol=0.01)


def test_only_normal_rows_are_used(shop):
    problem = prepare("shop", 0)
    assert np.abs(problem.X_train).max() < 10  # the anomalies are a million away


def test_of_breast_cancer_the_benign_are_normal():
    assert sum(len(part) for part in prepare("breast_cancer", 0)[:3]) == 357


@pytest.mark.parametrize("form", FORMS)
def test_the_test_has_its_share_of_changed_rows_and_only_in_numeric_columns(shop, form):
    problem = prepare("shop", 0, form=form)
    assert problem.y_test.sum() == int(0.15 * 80)
    indicators = problem.X_test[:, 2:]
    assert all(set(column) <= {column.min(), column.max()} for column in indicators.T)
    assert all(len(np.unique(column)) <= 2 for column in indicators.T)
    far = np.abs(problem.X_test[:, :2]).max(axis=1) > 8
    assert not (far & (problem.y_test == 0)).any() and far.any()


def test_no_row_is_in_two_parts(shop):
    problem = prepare("shop", 0)
    normal = problem.X_test[problem.y_test == 0]
    parts = [set(map(tuple, part)) for part in (problem.X_train, problem.X_support, normal)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


def test_both_forms_learn_from_the_same_rows_and_seeds_differ():
    public, private = prepare("breast_cancer", 0), prepare("breast_cancer", 0, form="private")
    assert np.array_equal(public.X_train, private.X_train)
    assert np.array_equal(public.X_support, private.X_support)
    assert not np.array_equal(public.X_test, private.X_test)
    assert not np.array_equal(public.X_train, prepare("breast_cancer", 1).X_train)


def test_a_large_set_is_drawn_from(shop, monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 100)
    assert len(prepare("shop", 0).X_train) == 70


def test_the_measures_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.2).astype(int)
    scores = rng.normal(size=200) + y
    found, y_pred = judge(y, scores, 1.0), scores > 1.0
    expected = {
        "f1_macro": reference.f1_score(y, y_pred, average="macro"),
        "recall_macro": reference.recall_score(y, y_pred, average="macro"),
        "f1": reference.f1_score(y, y_pred),
        "recall": reference.recall_score(y, y_pred),
        "false_positive_rate": 1 - reference.recall_score(y, y_pred, pos_label=0),
        "roc_auc": reference.roc_auc_score(y, scores),
        "average_precision": reference.average_precision_score(y, scores),
    }
    no_miss = reference.f1_score(y, y_pred | (y == 1), average="macro")
    expected["below_ceiling"] = no_miss - expected["f1_macro"]
    assert found == pytest.approx(expected) and set(found) == set(module.MEASURES)


# --- the study -----------------------------------------------------------------------------------


def test_the_study_judges_every_method_on_both_forms(keras, shop, monkeypatch):
    monkeypatch.setattr(module, "VARIANTS", {"defaults": {"epochs": 2}})
    found = anomaly_study(0, data="shop")
    assert set(found) == {
        *(f"{f}/{method}/{m}" for f in FORMS for method in METHODS for m in module.MEASURES),
        *(f"validation/{variant}/roc_auc" for variant in module.VARIANTS),
        "validation/SparseMetaAE, source recipe/roc_auc",
    }
    assert all(0 <= value <= 1 for value in found.values())


def judged(problem):
    return dict(module._sparse_meta_aes(problem.X_train, 0)(problem))


def test_each_sparse_meta_ae_is_what_its_name_says(shop):
    problem = prepare("shop", 0)
    found = judged(problem)
    contaminated = module._of_the_test(problem, 10, 0)
    assert all(row in problem.X_test for row in contaminated)
    ours = SparseMetaAE(random_state=0).fit(problem.X_train)
    source = source_recipe(random_state=0).fit(problem.X_train)
    for name, detector, support, settings in [
        ("SparseMetaAE", ours, None, {}),
        ("SparseMetaAE, clean support", ours, problem.X_support, {}),
        ("SparseMetaAE, contaminated support", ours, contaminated, {}),
        ("SparseMetaAE, the source's rate", ours, problem.X_support, {"learning_rate": 1e-3}),
        ("SparseMetaAE, source recipe", source, None, {}),
        (
            "SparseMetaAE, source recipe, clean support",
            *(source, problem.X_support, {"learning_rate": 1e-3}),
        ),
    ]:
        adapted = copy.deepcopy(detector)
        if support is not None:
            adapted.adapt(support, **settings)
        scores, threshold = found.pop(name)
        assert np.array_equal(scores, adapted.score(problem.X_test)), name
        assert threshold == detector.threshold_
    [(name, (scores, threshold))] = found.items()
    printed = copy.deepcopy(source).adapt(contaminated, learning_rate=1e-3)
    assert name == "SparseMetaAE, source recipe, as printed"
    assert np.array_equal(scores, printed.score(problem.X_test))
    assert threshold == percentile_threshold(printed.score(problem.X_train))


def test_the_baselines_take_their_threshold_from_the_rows_to_learn_from(shop):
    problem = prepare("shop", 0)
    (name, (scores, threshold)), *_ = module._baselines(problem.X_train, 0)(problem)
    assert name == "no network"
    assert np.allclose(scores, np.mean(problem.X_test**2, axis=1))
    assert threshold == pytest.approx(np.percentile(np.mean(problem.X_train**2, axis=1), 95))


def test_an_untrained_network_is_next_to_no_network(keras, shop):
    problem = prepare("shop", 0)
    scores, _ = dict(module._source_mamls(problem.X_train, 0)(problem))["MAML, untrained"]
    nothing = np.mean(problem.X_test**2, axis=1)
    assert stats.spearmanr(scores, nothing).statistic > 0.9


def test_validation_rows_are_none_of_the_test(shop, monkeypatch):
    seen = []

    class Noted(SparseMetaAE):
        def fit(self, X, y=None):
            seen.append(X)
            return super().fit(X)

    from course_lib import sparse_meta_ae

    monkeypatch.setattr(sparse_meta_ae, "SparseMetaAE", Noted)
    monkeypatch.setattr(module, "VARIANTS", {"defaults": {"epochs": 2}})
    problem = prepare("shop", 0)
    module._ablation(problem, 0)
    assert seen and all(np.array_equal(X, problem.X_train[:168]) for X in seen)


def test_a_study_is_the_same_again(shop, monkeypatch):
    problem = prepare("shop", 0)
    one, other = judged(problem), judged(problem)
    for name in one:
        assert np.array_equal(one[name][0], other[name][0])


# --- for course reproduce ------------------------------------------------------------------------


def test_the_sources_values_are_those_printed():
    for study in (reproduce.STUDIES[f"anomaly_{data}"] for data in SETS):
        assert study.source == {
            "public/MAML, public/f1_macro": 0.9742,
            "public/MAML, public/recall_macro": 0.9742,
            "private/MAML, private/f1": 0.9358,
            "private/MAML, private/recall": 1.0,
            "public/SparseMetaAE, source recipe, as printed/f1_macro": 0.9235,
            "public/SparseMetaAE, source recipe, as printed/recall_macro": 0.9704,
            "private/SparseMetaAE, source recipe, as printed/f1_macro": 0.9135,
            "private/SparseMetaAE, source recipe, as printed/recall_macro": 0.9707,
        }
        assert set(study.better.values()) == {"data not given"} and study.recipe.endswith(".")
        assert "do not name their data" in study.source_place


def test_a_study_runs_and_is_read_again(keras, tmp_path, monkeypatch):
    quick = {f"{form}/{method}/{m}": 0.5 for form in FORMS for method in METHODS for m in MEASURES}
    monkeypatch.setattr(module, "anomaly_study", lambda seed, data: quick | {"seed": seed})
    study = replace(reproduce.STUDIES["anomaly_breast_cancer"], run=lambda seed: quick)
    monkeypatch.setitem(reproduce.STUDIES, study.name, study)
    report = []
    reproduce.run([study.name], n_seeds=2, folder=tmp_path, report=report.append)
    assert len(report) == 2
    found = comparison("roc_auc", form="private", folder=tmp_path)
    assert set(found) == METHODS
    assert found["no network"]["breast_cancer"].values == (0.5, 0.5)
    target = targets(folder=tmp_path)["breast_cancer"]
    assert target.roc_auc_ratio == (1, 1, 1) and target.adaptation == (0, 0, 0)
    assert target.best_baseline in METHODS


def test_a_set_that_is_not_at_hand_is_named(monkeypatch):
    def load():
        raise DataNotFoundError("38_thyroid.npz was not found.")

    monkeypatch.setitem(SETS, "thyroid", SETS["thyroid"]._replace(load=load))
    with pytest.raises(DataNotFoundError, match="38_thyroid"):
        anomaly_study(0, data="thyroid")


MEASURES = module.MEASURES


def values(number, **others):
    """Return results with one value everywhere, but for some of ours and of a rival."""
    names = [f"public/{method}/{measure}" for method in METHODS for measure in MEASURES]
    found = dict.fromkeys(names, (number, number))
    found |= {f"public/{key}": value for key, value in others.items()}
    return {name: reproduce.summary(value) for name, value in found.items()}


def test_a_target_compares_with_the_best_baseline_seed_by_seed():
    found = values(
        0.5,
        **{
            "Mahalanobis/roc_auc": (0.9, 0.8),
            "SparseMetaAE/roc_auc": (0.9, 0.88),
            "SparseMetaAE, clean support/roc_auc": (0.91, 0.87),
            "MAML, public/roc_auc": (1.0, 1.0),  # no baseline
            "SparseMetaAE/below_ceiling": (0.01, 0.03),
        },
    )
    target = module._target(found, "public")
    assert target.best_baseline == "Mahalanobis"
    assert target.roc_auc_ratio.value == pytest.approx((1 + 1.1) / 2)
    assert target.adaptation.value == pytest.approx(0) and target.adaptation.low < 0
    assert target.below_ceiling.value == pytest.approx(0.02)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_the_interval_is_that_of_student(n):
    runs = np.random.default_rng(n).normal(size=n)
    low, high = stats.t.interval(0.95, n - 1, runs.mean(), stats.sem(runs))
    assert mean_interval(runs) == pytest.approx((runs.mean(), low, high), rel=1e-4)


# --- the shipped results -------------------------------------------------------------------------


# A test of the breast cancer set has 14 anomalies: five seeds would say next to nothing of it.
N_SEEDS = dict.fromkeys(SETS, 5) | {"breast_cancer": 30}


@pytest.fixture
def shipped():
    return {form: comparison("roc_auc", form=form) for form in (*FORMS, "validation")}


def test_every_set_was_run_with_every_method(shipped):
    for form, names in {"public": METHODS, "private": METHODS, "validation": VARIANTS}.items():
        assert set(shipped[form]) == names
        for of_sets in shipped[form].values():
            assert set(of_sets) == set(SETS)
            for data, summary in of_sets.items():
                assert len(summary.values) == N_SEEDS[data]


def test_a_result_is_of_the_recipe_and_the_data_of_today():
    for data in SETS:
        study, found = reproduce.STUDIES[f"anomaly_{data}"], reproduce.result(f"anomaly_{data}")
        for key in ("title", "source", "source_place", "recipe"):
            assert getattr(found, key) == getattr(study, key)
        assert found.data["digest"] == SETS[data].digest
        assert found.seeds == list(range(N_SEEDS[data]))


def test_ours_is_at_least_0_99_of_the_best_baseline(shipped):
    for data, target in targets().items():
        assert target.roc_auc_ratio.value >= 0.99, data


@pytest.mark.parametrize("form", FORMS)
def test_the_macro_f1_is_next_to_its_ceiling(form):
    for data, target in targets(form=form).items():
        # One miss costs 0.02 where there are 14 anomalies: there the mean is known less well.
        found = target.below_ceiling
        assert (found.low if data == "breast_cancer" else found.value) <= 0.01, data


def test_adaptation_to_clean_rows_does_no_harm(shipped):
    for form in FORMS:
        for data, target in targets(form=form).items():
            assert target.adaptation.value >= -0.005, (form, data)
        f1_macro = comparison("f1_macro", form=form)
        for data, before in f1_macro["SparseMetaAE"].items():
            after = f1_macro["SparseMetaAE, clean support"][data]
            assert after.mean >= before.mean - 0.005, (form, data)


def test_the_sources_maml_is_no_better_than_no_network(shipped):
    means = {
        method: np.mean([summary.mean for summary in of_sets.values()])
        for method, of_sets in shipped["public"].items()
    }
    assert means["MAML, public"] - means["MAML, untrained"] < 0.02
    assert means["SparseMetaAE"] > means["MAML, public"] + 0.03


# --- wrong calls ---------------------------------------------------------------------------------

ONE_OF = "data: expected one of thyroid, cardio, mammography, shuttle, kddcup99, breast_cancer, got"

BAD_CALLS = [
    (prepare, ("iris", 0), {}, ValueError, f"{ONE_OF} 'iris'"),
    (prepare, (["iris"], 0), {}, TypeError, f"{ONE_OF} ['iris']"),
    (prepare, ("breast_cancer", -1), {}, ValueError, "seed: expected an integer of at least 0"),
    (prepare, ("breast_cancer", 1.0), {}, TypeError, "seed: expected an integer of at least 0"),
    (
        *(prepare, ("breast_cancer", 0), {"form": "secret"}),
        *(ValueError, "form: expected one of public, private, got 'secret'"),
    ),
    (anomaly_study, (0,), {"data": "iris"}, ValueError, ONE_OF),
    (anomaly_study, ("a",), {"data": "breast_cancer"}, TypeError, "seed: expected an integer"),
    (judge, ([0, 1], [1.0], 0), {}, ValueError, "expected 2"),
    (judge, ([0, 1], [1.0, np.nan], 0), {}, ValueError, "scores: expected finite numbers"),
    (judge, ([0, 1], [1.0, 2.0], "a"), {}, TypeError, "threshold: expected a finite number"),
    (judge, ([0, 0], [1.0, 2.0], 0), {}, ValueError, "y_true: expected"),
    (comparison, ("auc",), {}, ValueError, "measure: expected one of f1_macro,"),
    (comparison, ("f1",), {"form": "all"}, ValueError, "public, private, validation, got 'all'"),
    (comparison, ("f1",), {"folder": 3}, TypeError, "not int"),
    (targets, (), {"form": "validation"}, ValueError, "form: expected one of public, private"),
    (targets, (), {"folder": 3}, TypeError, "not int"),
    (mean_interval, ([1.0],), {}, ValueError, "values: expected at least two runs, got 1"),
    (mean_interval, (["a", "b"],), {}, TypeError, "values: expected a 1-D array of numbers"),
    (studies, (1,), {}, TypeError, "takes 0 positional arguments"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_is_in_the_table_of_bad_calls():
    covered = {function.__name__ for function, *_ in BAD_CALLS}
    assert covered == set(module.__all__) - {"Problem", "Target"}
