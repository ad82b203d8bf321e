"""Two long experiments with meta-learning: sine curves, and a fleet of machines.

Chapter *Learning to learn: MAML*. ``course reproduce`` runs them and keeps the results, which the
chapter reads. Each is one function of a seed that returns one number for each measure.
"""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from course_lib._validation import as_nonnegative_int, as_positive_int
from course_lib.fleet import (
    HARD_KINDS,
    KINDS,
    Fleet,
    fleet_codes,
    fleet_rows,
    fleet_tasks,
    machine_anomalies,
    make_fleet,
)
from course_lib.meta_tasks import Tasks, sinusoid_tasks
from course_lib.metrics import roc_auc

if TYPE_CHECKING:
    import keras

__all__ = ["Machines", "fleet_study", "new_machines", "sinusoid_study"]

STEPS = (0, 1, 5, 10)
SHOTS = (5, 10)
SINUSOID_ITERATIONS = 70_000
N_TEST_TASKS = 600
# Of the baseline, for each K, as the legends of the paper's figure 3 say.
PRETRAINED_RATES = {5: 0.01, 10: 0.02}


# What ``course_lib.reproduce`` writes with the results.
SINUSOID = {
    "name": "maml_sinusoid",
    "title": "MAML on sine curves",
    "source": {"maml_k5_step1": 0.67, "maml_k5_step5": 0.38, "maml_k5_step10": 0.35}
    | {"pretrained_k5_step1": 2.41, "pretrained_k5_step5": 2.23, "pretrained_k5_step10": 2.19},
    "source_place": "Finn et al. (2017), appendix, table 2: K = 5, without intervals",
    "recipe": (
        "Two hidden layers of 40 ReLU units; batches of 25 curves, K points to adapt to and K to "
        "judge by, one inner step of rate 0.01, Adam with learning rate 0.001, 70,000 iterations. "
        "Pretrained: no inner step, 10 points. Judged on 100 other points of 600 new curves, "
        "after steps of rate 0.01, the pretrained network with K = 10 of 0.02."
    ),
}
SINUSOID_DATA = "Sine curves drawn from the seed, as in Finn et al. (2017), section 5.1"
FLEET = {
    "name": "maml_fleet",
    "title": "Anomalies of new machines from ten rows",
    "source": {},
    "source_place": "no source",
    "recipe": (
        "Autoencoder of 128, 4 and 128 units, tanh and linear in the middle; batches of 16 "
        "machines, 10 rows to adapt to and 20 to judge by, Adam with learning rate 0.001, "
        "meta-gradients of norm 1 at most, 3,000 iterations. MAML: 5 inner steps of rate 0.1; "
        "first order: of 0.03; Reptile: 10 of 0.1. Fine-tuned, and from scratch: 500 steps of "
        "Adam, learning rate 0.01, on the ten rows. Judged on 100 new machines, 40 clean rows "
        "of each and 40 anomalies of each kind."
    ),
}
FLEET_DATA = "A fleet of machines drawn from the seed, course_lib.fleet"


# --- Sine curves ---------------------------------------------------------------------------------


def sinusoid_study(seed: int, *, iterations: int = SINUSOID_ITERATIONS) -> dict[str, float]:
    """Learn to fit sine curves from 5 or 10 points, as Finn et al. (2017) did.

    MAML learns with one inner step at a rate of 0.01, on batches of 25 curves, K points to adapt
    to and K to judge by; the baseline learns all curves at once. Both are then judged on 100
    other points of each of 600 new curves, before and after 1, 5 and 10 steps from K points.

    Parameters
    ----------
    seed : int
        Of the weights at the start and of the curves.
    iterations : int
        Batches of curves for each of the three networks.

    Returns
    -------
    dict of str to float
        ``maml_k5_step1`` is the mean squared error, ``maml_k5_step1_half_width`` half the width
        of its 95 % interval over the curves; and so on for ``pretrained``, K = 10 and the other
        steps.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If a number is no integer.
    """
    seed, iterations = as_nonnegative_int(seed, "seed"), as_positive_int(iterations, "iterations")
    baseline = _sine_network(seed, n_points=max(SHOTS), inner_steps=0, iterations=iterations)
    found = {}
    for k in SHOTS:
        learner = _sine_network(seed, n_points=k, inner_steps=1, iterations=iterations)
        rng = np.random.default_rng([seed, N_TEST_TASKS])
        tasks = sinusoid_tasks(N_TEST_TASKS, n_support=k, n_query=100, rng=rng)
        found |= _errors(f"maml_k{k}", learner, tasks, 0.01)
        found |= _errors(f"pretrained_k{k}", baseline, tasks, PRETRAINED_RATES[k])
    return found


def _sine_network(seed: int, *, n_points: int, inner_steps: int, iterations: int) -> "keras.Model":
    import keras

    from course_lib.maml import fit_maml

    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(40, "relu"), keras.layers.Dense(40, "relu")]
    model = keras.Sequential([keras.Input((1,)), *hidden, keras.layers.Dense(1)])
    sample = partial(sinusoid_tasks, 25, n_support=n_points, n_query=n_points)
    fit_maml(model, sample, iterations=iterations, seed=seed, inner_steps=inner_steps)
    return model


def _errors(name: str, model: "keras.Model", tasks: Tasks, rate: float) -> dict[str, float]:
    from course_lib.maml import task_losses

    losses = task_losses(model, tasks, steps=max(STEPS), learning_rate=rate)
    half_widths = 1.96 * losses.std(axis=0, ddof=1) / np.sqrt(len(losses))
    found = {}
    for step in STEPS:
        found[f"{name}_step{step}"] = float(losses[:, step].mean())
        found[f"{name}_step{step}_half_width"] = float(half_widths[step])
    return found


# --- A fleet of machines -------------------------------------------------------------------------

N_SHOTS = 10  # clean rows of a new machine
N_MACHINES = 100
N_ROWS = 40  # clean rows to judge by, and as many anomalies of each kind
FLEET_ITERATIONS = 3000
FLEET_BATCH = 16
INNER_STEPS = 5
INNER_RATE = 0.1
FIRST_ORDER_RATE = 0.03  # at 0.1 some of its trainings fail: it does not see what a step does
CLIP_NORM = 1.0
JOINT_RATE = 0.01  # of the network that did not learn to take larger steps
REPTILE_STEPS = 10
FINE_TUNING = {"steps": 500, "learning_rate": 0.01}
N_COMPONENTS = 3
FALSE_POSITIVES = 1 / (N_SHOTS + 1)  # the least that ten rows can promise


class Machines(NamedTuple):
    """New machines: a few clean rows of each, and rows to be judged, clean ones first."""

    support: NDArray[np.float32]  # (T, K, d)
    query: NDArray[np.float32]  # (T, (1 + number of kinds) n, d)


def fleet_study(seed: int, *, iterations: int = FLEET_ITERATIONS) -> dict[str, float]:
    """Find anomalies of new machines from ten clean rows of each, by many methods.

    Parameters
    ----------
    seed : int
        Of the fleet, its machines and the weights at the start.
    iterations : int
        Batches of machines for each network.

    Returns
    -------
    dict of str to float
        The area under the ROC curve of each method, averaged over 100 machines, on each kind of
        anomaly (``maml_swap``) and on the mean of the hard kinds (``maml_hard``). Then, for
        MAML, mean, standard deviation and maximum over the machines of the rate of false
        positives, under one threshold for all and under a threshold for each.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If a number is no integer.
    """
    seed, iterations = as_nonnegative_int(seed, "seed"), as_positive_int(iterations, "iterations")
    fleet = make_fleet(rng=np.random.default_rng([seed, 0]))
    machines = new_machines(fleet, rng=np.random.default_rng([seed, 1]))
    networks = _fleet_networks(fleet, seed, iterations)
    found = {}
    for name, scores in (_network_scores(networks, machines) | _simple_scores(machines)).items():
        found |= _areas(name, scores)
    others = new_machines(fleet, rng=np.random.default_rng([seed, 2]))
    return found | _false_positives(networks["maml"], machines, others)


def new_machines(fleet: Fleet, *, rng: np.random.Generator) -> Machines:
    """Draw 100 machines, ten clean rows of each, and rows to be judged.

    Parameters
    ----------
    fleet : Fleet
    rng : numpy.random.Generator

    Returns
    -------
    Machines
        40 clean rows of each machine, and an anomaly of each kind made of each of them.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    """
    codes = fleet_codes(N_MACHINES, rng=rng)
    rows = fleet_rows(fleet, codes, N_SHOTS + N_ROWS, rng=rng)
    clean = rows[:, N_SHOTS:]
    query = [clean, *(machine_anomalies(clean, kind, rng=rng) for kind in KINDS)]
    query = np.concatenate(query, axis=1).astype(np.float32)
    return Machines(rows[:, :N_SHOTS].astype(np.float32), query)


def _autoencoder(seed: int) -> "keras.Model":
    import keras

    keras.utils.set_random_seed(seed)
    sizes = [(128, "tanh"), (4, None), (128, "tanh"), (10, None)]
    layers = [keras.layers.Dense(n_units, activation) for n_units, activation in sizes]
    return keras.Sequential([keras.Input((10,)), *layers])


def _fleet_networks(fleet: Fleet, seed: int, iterations: int) -> dict[str, "keras.Model"]:
    """Train the same network in each way, on the same machines."""
    from course_lib.maml import fit_maml, fit_reptile

    sample = partial(fleet_tasks, fleet, FLEET_BATCH, n_support=N_SHOTS, n_query=2 * N_SHOTS)
    settings = {"inner_steps": INNER_STEPS, "clip_norm": CLIP_NORM}
    fits = {
        "joint": partial(fit_maml, inner_steps=0, clip_norm=CLIP_NORM),
        "maml": partial(fit_maml, inner_rate=INNER_RATE, **settings),
        "first_order": partial(fit_maml, order=1, inner_rate=FIRST_ORDER_RATE, **settings),
        "reptile": partial(fit_reptile, inner_steps=REPTILE_STEPS, inner_rate=INNER_RATE),
    }
    networks = {"scratch": _autoencoder(seed)}
    for name, fit in fits.items():
        networks[name] = _autoencoder(seed)
        fit(networks[name], sample, iterations=iterations, seed=seed)
    return networks


def _network_scores(
    networks: dict[str, "keras.Model"], machines: Machines
) -> dict[str, NDArray[np.floating]]:
    """Return the reconstruction error of each row (T, rows) by each network and adaptation."""
    from course_lib.maml import adapted_predictions, fine_tuned_predictions

    steps = {
        "joint": (INNER_STEPS, JOINT_RATE),
        "maml": (INNER_STEPS, INNER_RATE),
        "first_order": (INNER_STEPS, FIRST_ORDER_RATE),
        "reptile": (REPTILE_STEPS, INNER_RATE),
    }
    tasks = _as_tasks(machines)
    outputs = {"joint_unadapted": adapted_predictions(networks["joint"], tasks, steps=0)}
    for name, (n, rate) in steps.items():
        outputs[name] = adapted_predictions(networks[name], tasks, steps=n, learning_rate=rate)
    for name, network in networks.items():
        outputs[f"{name}_fine_tuned"] = fine_tuned_predictions(network, tasks, **FINE_TUNING)
    return {name: _squared_error(machines.query, found) for name, found in outputs.items()}


def _simple_scores(machines: Machines) -> dict[str, NDArray[np.floating]]:
    """Return the scores of methods without a network, fitted on each machine's ten rows."""
    methods = {"pca": _pca_scores, "nearest": _nearest_scores, "mahalanobis": _mahalanobis_scores}
    pairs = list(zip(*machines, strict=True))
    return {name: np.array([score(*pair) for pair in pairs]) for name, score in methods.items()}


def _pca_scores(support: NDArray, query: NDArray) -> NDArray:
    """Return the squared distance to the plane of the first principal components."""
    mean = support.mean(axis=0)
    axes = np.linalg.svd(support - mean, full_matrices=False)[2][:N_COMPONENTS]
    centred = query - mean
    return np.square(centred - centred @ axes.T @ axes).sum(axis=1)


def _nearest_scores(support: NDArray, query: NDArray) -> NDArray:
    return np.square(query[:, np.newaxis] - support).sum(axis=2).min(axis=1)


def _mahalanobis_scores(support: NDArray, query: NDArray) -> NDArray:
    from sklearn.covariance import LedoitWolf

    return LedoitWolf().fit(support).mahalanobis(query)


def _as_tasks(machines: Machines) -> Tasks:
    support, query = machines
    return Tasks(support, support, query, query)


def _squared_error(rows: NDArray, outputs: NDArray) -> NDArray[np.floating]:
    return np.square(rows - outputs).mean(axis=-1)


def _areas(name: str, scores: NDArray) -> dict[str, float]:
    """Return the mean area under the ROC curve on each kind, and on the hard ones together."""
    clean, *anomalies = np.split(scores, 1 + len(KINDS), axis=1)
    truth = np.repeat([0, 1], N_ROWS)
    found = {}
    for kind, those in zip(KINDS, anomalies, strict=True):
        rows = np.concatenate([clean, those], axis=1)
        found[f"{name}_{kind}"] = float(np.mean([roc_auc(truth, row) for row in rows]))
    found[f"{name}_hard"] = float(np.mean([found[f"{name}_{kind}"] for kind in HARD_KINDS]))
    return found


def _false_positives(
    network: "keras.Model", machines: Machines, others: Machines
) -> dict[str, float]:
    """Compare one threshold for all machines with a threshold for each.

    The one is the quantile of the scores of clean rows of `others`. The other is the largest
    score of a machine's ten rows, each scored by the network adapted to the other nine.
    """
    from course_lib.maml import adapted_predictions

    adapted = partial(adapted_predictions, network, steps=INNER_STEPS, learning_rate=INNER_RATE)
    clean = Machines(machines.support, machines.query[:, :N_ROWS])
    scores = _squared_error(clean.query, adapted(_as_tasks(clean)))
    other = Machines(others.support, others.query[:, :N_ROWS])
    one = np.quantile(_squared_error(other.query, adapted(_as_tasks(other))), 1 - FALSE_POSITIVES)
    left_out = _leave_one_out(machines.support)
    own = _squared_error(left_out.query, adapted(_as_tasks(left_out)))
    each = own.reshape(len(scores), N_SHOTS).max(axis=1, keepdims=True)
    found = {}
    for name, threshold in (("one_threshold", one), ("own_threshold", each)):
        rates = (scores > threshold).mean(axis=1)
        found[f"{name}_fpr"] = float(rates.mean())
        found[f"{name}_fpr_std"] = float(rates.std(ddof=1))
        found[f"{name}_fpr_max"] = float(rates.max())
    return found


def _leave_one_out(support: NDArray) -> Machines:
    """Return a machine for each row: the row to be judged, the others to adapt to."""
    n_machines, n_rows, n_sensors = support.shape
    keep = np.array([np.delete(np.arange(n_rows), i) for i in range(n_rows)])
    rest = support[:, keep].reshape(n_machines * n_rows, n_rows - 1, n_sensors)
    return Machines(rest, support.reshape(-1, 1, n_sensors))
