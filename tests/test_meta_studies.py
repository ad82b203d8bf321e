"""Tests of course_lib.meta_studies, and of the results that it has left."""

import json

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from course_lib import maml
from course_lib import meta_studies as module
from course_lib.fleet import KINDS, make_fleet
from course_lib.meta_studies import (
    SINUSOID,
    Machines,
    fleet_study,
    new_machines,
    sinusoid_study,
)
from course_lib.reproduce import RESULTS, result

RNG = np.random.default_rng(0)
FLEET = make_fleet(rng=np.random.default_rng(0))


@pytest.fixture
def machines(monkeypatch):
    monkeypatch.setattr(module, "N_MACHINES", 3)
    return new_machines(FLEET, rng=np.random.default_rng(1))


# --- the machines and the simple methods --------------------------------------------------


def test_rows_to_judge_are_clean_ones_and_anomalies_of_each(machines):
    assert machines.support.shape == (3, 10, 10)
    clean, *others = np.split(machines.query, 5, axis=1)
    assert clean.shape == (3, 40, 10) and len(others) == len(KINDS)
    for rows in others:
        np.testing.assert_array_equal((rows != clean).sum(axis=2), 2)
    rows = np.concatenate([machines.support, clean], axis=1).reshape(-1, 10)
    assert len(np.unique(rows, axis=0)) == len(rows)  # no row is seen and judged


def test_simple_scores_are_those_of_scikit_learn(machines):
    scores = module._simple_scores(machines)
    for i, (support, query) in enumerate(zip(*machines, strict=True)):
        pca = PCA(3).fit(support)
        errors = np.square(query - pca.inverse_transform(pca.transform(query))).sum(axis=1)
        np.testing.assert_allclose(scores["pca"][i], errors, rtol=1e-3, atol=1e-4)
        distances = NearestNeighbors(n_neighbors=1).fit(support).kneighbors(query)[0][:, 0]
        np.testing.assert_allclose(np.sqrt(scores["nearest"][i]), distances, rtol=1e-3)
        expected = LedoitWolf().fit(support).mahalanobis(query)
        np.testing.assert_allclose(scores["mahalanobis"][i], expected, rtol=1e-6)


def test_areas_are_means_over_machines():
    scores = np.random.default_rng(0).normal(size=(2, 200))
    found, truth = module._areas("m", scores), np.repeat([0, 1], 40)
    for i, kind in enumerate(KINDS):
        rows = [np.append(row[:40], row[40 * (i + 1) : 40 * (i + 2)]) for row in scores]
        expected = np.mean([roc_auc_score(truth, row) for row in rows])
        assert found[f"m_{kind}"] == pytest.approx(expected)
    assert found["m_hard"] == pytest.approx(np.mean([found[f"m_{k}"] for k in KINDS[:3]]))


def test_each_row_is_left_out_once():
    support = np.arange(2 * 10 * 3.0).reshape(2, 10, 3)
    rest, left = module._leave_one_out(support)
    assert rest.shape == (20, 9, 3) and left.shape == (20, 1, 3)
    np.testing.assert_array_equal(left.reshape(support.shape), support)
    for i in (0, 7, 19):
        expected = {tuple(row) for row in support[i // 10]} - {tuple(left[i, 0])}
        assert {tuple(row) for row in rest[i]} == expected


# --- the studies --------------------------------------------------------------------------


@pytest.fixture
def networks(monkeypatch):
    """Record each training, and skip it: the trainings are tested where they are defined."""
    calls = []

    def record(name):
        return lambda model, sample, **settings: calls.append((name, model, sample, settings))

    for name in ("fit_maml", "fit_reptile"):
        monkeypatch.setattr(maml, name, record(name))
    return calls


def test_the_study_of_sine_curves(monkeypatch, networks):
    """Its networks are those of the paper, and both are judged on the same new curves."""
    judged = []

    def losses(model, tasks, *, steps, learning_rate):
        judged.append((tasks, steps, learning_rate))
        return np.arange(11.0) * np.array([[1.0], [3.0]])

    monkeypatch.setattr(maml, "task_losses", losses)
    found = sinusoid_study(7, iterations=5)
    assert [settings["inner_steps"] for *_, settings in networks] == [0, 1, 1]
    assert [sample(rng=RNG).support_x.shape[:2] for *_, sample, _ in networks] == [
        (25, 10),
        (25, 5),
        (25, 10),
    ]
    for _, model, _, settings in networks:
        assert [layer.units for layer in model.layers] == [40, 40, 1]
        assert settings["iterations"] == 5 and settings["seed"] == 7
    assert [(tasks.support_x.shape[:2], rate) for tasks, _, rate in judged] == [
        ((600, 5), 0.01),
        ((600, 5), 0.01),
        ((600, 10), 0.01),
        ((600, 10), 0.02),
    ]
    assert judged[0][0] is judged[1][0]
    assert found["maml_k5_step5"] == 10 and found["pretrained_k10_step1"] == 2
    half_width = 1.96 * np.std([10, 30], ddof=1) / np.sqrt(2)
    assert found["maml_k10_step10_half_width"] == pytest.approx(half_width)


def test_the_study_of_the_fleet(monkeypatch, networks):
    """Predictions are made up here: MAML's are right, the others' are 0."""

    def predictions(model, tasks, *, steps, learning_rate=0.01):
        right = steps == 5 and learning_rate == module.INNER_RATE
        return tasks.query_x if right else 0 * tasks.query_x

    monkeypatch.setattr(module, "N_MACHINES", 3)
    monkeypatch.setattr(maml, "adapted_predictions", predictions)
    monkeypatch.setattr(maml, "fine_tuned_predictions", predictions)
    found = fleet_study(3, iterations=5)
    methods = [
        (name, settings.get("inner_steps"), settings.get("order", 2))
        for name, _, _, settings in networks
    ]
    assert methods == [
        ("fit_maml", 0, 2),
        ("fit_maml", 5, 2),
        ("fit_maml", 5, 1),
        ("fit_reptile", 10, 2),
    ]
    start = [model.get_weights()[0] for _, model, _, _ in networks]
    assert all((weights == start[0]).all() for weights in start)
    assert found["maml_hard"] == 0.5 and found["own_threshold_fpr"] == 0  # all errors are 0
    assert found["scratch_fine_tuned_spike"] > 0.9 and found["pca_spike"] > 0.9
    assert found["joint_hard"] == found["joint_unadapted_hard"]


# --- what was found -----------------------------------------------------------------------


def results(name):
    """Return the values of each measure over the seeds."""
    record = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    values = {metric: np.array(found) for metric, found in record["ours"].items()}
    assert {len(found) for found in values.values()} == {len(record["seeds"])}
    return values


@pytest.mark.parametrize("metric", SINUSOID["source"])
def test_five_points_give_what_is_published(metric):
    """In the paper's table 2; one seed of three is spoilt by a few curves."""
    assert result("maml_sinusoid").verdict(metric) in ("same", "ours is better")


@pytest.mark.parametrize(("step", "read_off"), [(1, 0.45), (10, 0.2)])
def test_ten_points_give_what_is_drawn(step, read_off):
    """In the paper's figure 3, by eye: it is nowhere printed."""
    assert results("maml_sinusoid")[f"maml_k10_step{step}"].mean() <= read_off


@pytest.mark.parametrize("k", [5, 10])
def test_a_pretrained_network_does_not_adapt(k):
    found = results("maml_sinusoid")
    pretrained, error = (found[f"{name}_k{k}_step1"] for name in ("pretrained", "maml"))
    assert (pretrained > 3 * error).all()


def test_maml_is_ahead_of_fine_tuning_on_the_fleet():
    found = results("maml_fleet")
    for other in ("joint_fine_tuned", "scratch_fine_tuned"):
        ahead = found["maml_hard"] - found[f"{other}_hard"]
        assert ahead.mean() >= 0.08 and (ahead > 0).all()


# --- errors -------------------------------------------------------------------------------

BAD_CALLS = [
    (sinusoid_study, (0,), {"iterations": 0}, ValueError, "iterations"),
    (sinusoid_study, (0,), {"iterations": 1.5}, TypeError, "iterations"),
    (sinusoid_study, (-1,), {"iterations": 1}, ValueError, "seed"),
    (fleet_study, (0,), {"iterations": 0}, ValueError, "iterations"),
    (fleet_study, ("0",), {"iterations": 1}, TypeError, "seed"),
    (new_machines, (None,), {"rng": np.random.default_rng(0)}, TypeError, "fleet"),
    (new_machines, (FLEET,), {"rng": 0}, TypeError, "rng"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_input_is_refused_in_words(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_tried_with_bad_input():
    tried = {call[0].__name__ for call in BAD_CALLS}
    assert tried == set(module.__all__) - {Machines.__name__}
