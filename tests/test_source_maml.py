"""Tests of course_lib.source_maml: it does what is printed, defects included."""

import ast
import re
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score, recall_score

from course_lib import source_maml as module
from course_lib.source_maml import (
    DEFECTS,
    PrivateMAML,
    build_autoencoder,
    create_mlp,
    eval_model,
    maml_train,
    run_private,
    sample_task,
)

SOURCE = Path(module.__file__).read_text("utf-8")
RNG = np.random.default_rng(0)
X_TRAIN = np.random.default_rng(1).normal(size=(60, 3))
X_TEST = np.random.default_rng(2).normal(size=(30, 3))
Y_TEST = np.repeat([0, 1], [24, 6])
X_TEST[Y_TEST == 1] *= 20


def flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


# --- the networks -------------------------------------------------------------------------


def test_the_networks_are_those_printed():
    shapes = [[layer.units for layer in m.layers[-3:]] for m in (create_mlp(5), create_mlp(5, 2))]
    assert shapes == [[64, 32, 5], [64, 32, 2]]
    autoencoder = build_autoencoder(9, 1)
    assert [layer.units for layer in autoencoder.layers[1:]] == [2, 1, 1, 1, 2, 9]
    for model in (create_mlp(5), autoencoder):
        activations = [layer.activation.__name__ for layer in model.layers if layer.weights]
        assert {*activations[:-1]} == {"relu"} and activations[-1] == "linear"


def test_a_task_is_some_rows_of_one_table():
    support, query = sample_task(X_TRAIN, 4, 6, rng=np.random.default_rng(0))
    assert support.shape == (4, 3) and query.shape == (6, 3)
    rows = {tuple(row) for row in np.concatenate([support, query])}
    assert len(rows) == 10 and rows <= {tuple(row) for row in X_TRAIN}


# --- the public program -------------------------------------------------------------------


def gradient(model, X):
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(tf.square(model(X) - X))
    return [g.numpy() for g in tape.gradient(value, model.trainable_variables)]


def test_the_gradients_of_a_task_are_summed_over_the_inner_steps():
    keras.utils.set_random_seed(0)
    model = create_mlp(3)
    task = X_TRAIN[:4].astype("f"), X_TRAIN[4:10].astype("f")
    start = [np.ones_like(weight) for weight in model.get_weights()]
    ours = module._learn_task(model, start, task, inner_steps=2)
    twin, expected = create_mlp(3), start
    twin.set_weights(model.get_weights())
    for _ in range(2):
        steps = gradient(twin, task[0])
        twin.set_weights([w - 0.01 * g for w, g in zip(twin.get_weights(), steps, strict=True)])
        found = gradient(twin, task[1])
        expected = [e + g for e, g in zip(expected, found, strict=True)]
    np.testing.assert_allclose(flat(ours), flat(expected), rtol=1e-4, atol=1e-6)


def test_an_outer_step_is_taken_after_each_task_with_all_gradients_so_far(monkeypatch):
    """Adam is replaced by a list of what it is given."""
    given = []

    class Recorder:
        def __init__(self, rate):
            assert rate == 1e-3

        def apply_gradients(self, pairs):
            given.append(next(iter(pairs))[0].flat[0])

    monkeypatch.setattr(module.optimizers, "Adam", Recorder)
    monkeypatch.setattr(module, "_learn_task", lambda _m, grads, _t, _s: [g + 1 for g in grads])
    maml_train(X_TRAIN, 2, meta_batch_size=3, rng=np.random.default_rng(0))
    assert given == [1, 2, 3] * 2


def test_a_network_is_built_for_each_task(monkeypatch):
    built, create = [], create_mlp
    monkeypatch.setattr(module, "create_mlp", lambda d: built.append(d) or create(d))
    maml_train(X_TRAIN, 2, 1, meta_batch_size=2, rng=np.random.default_rng(0))
    assert built == [3] * 5


class Half(keras.Model):
    """Reconstructs half of each value."""

    input_shape = (None, 3)

    def call(self, x):
        return x / 2


def test_the_verdict_is_that_of_the_95th_percentile():
    threshold = np.percentile(np.mean(np.square(X_TRAIN / 2), axis=1), 95)
    y_pred = (np.mean(np.square(X_TEST / 2), axis=1) > threshold).astype(int)
    expected = [score(Y_TEST, y_pred, average="macro") for score in (f1_score, recall_score)]
    assert 0 < y_pred.sum() < 30
    np.testing.assert_allclose(eval_model(Half(), X_TRAIN, X_TEST, Y_TEST), expected, rtol=1e-6)


# --- the private program ------------------------------------------------------------------


def test_the_private_program_is_adam_on_the_support_set():
    keras.utils.set_random_seed(0)
    ours = PrivateMAML(3, 4, lr=0.01)
    twin = keras.models.clone_model(ours.model)
    twin.set_weights(ours.model.get_weights())
    ours.fit(X_TRAIN, support=X_TEST[:8], epochs=4)
    twin.compile(keras.optimizers.Adam(0.01), loss="mean_squared_error")
    for _ in range(4):
        twin.train_on_batch(X_TEST[:8], X_TEST[:8])
    np.testing.assert_allclose(flat(ours.model.get_weights()), flat(twin.get_weights()), atol=1e-4)


def test_nothing_is_learnt_from_the_training_rows():
    found = []
    for X_train in (X_TRAIN, 100 * X_TRAIN):
        keras.utils.set_random_seed(0)
        found.append(PrivateMAML(3, 4).fit(X_train, support=X_TEST).predict(X_TEST))
    np.testing.assert_array_equal(*found)


def test_the_support_set_holds_anomalies(monkeypatch):
    """As printed: 20 rows of the test set, 8 epochs; then the threshold of the training rows."""
    seen = []

    class Recorder(PrivateMAML):
        def fit(self, X_train, support, epochs=5):
            seen.append((support, epochs))

        def predict(self, X):
            return np.asarray(X) / 2

    monkeypatch.setattr(module, "PrivateMAML", Recorder)
    found = run_private(X_TRAIN, X_TEST, Y_TEST, rng=np.random.default_rng(0))
    support, epochs = seen[0]
    rows = {tuple(row) for row in support}
    anomalies = {tuple(row) for row in X_TEST[Y_TEST == 1]}
    assert len(rows) == 20 and epochs == 8 and rows & anomalies
    threshold = np.percentile(np.mean(np.square(X_TRAIN / 2), axis=1), 95)
    y_pred = (np.mean(np.square(X_TEST / 2), axis=1) > threshold).astype(int)
    expected = f1_score(Y_TEST, y_pred), recall_score(Y_TEST, y_pred)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_private_program_runs():
    keras.utils.set_random_seed(0)
    f1, recall = run_private(X_TRAIN, X_TEST, Y_TEST, rng=np.random.default_rng(0))
    assert 0 <= f1 <= 1 and 0 <= recall <= 1


# --- the defects --------------------------------------------------------------------------


def test_each_defect_is_marked_once_or_more_and_each_mark_has_a_sentence():
    docstrings_out = "\n".join(line.partition("#")[2] for line in SOURCE.splitlines())
    marks = set(re.findall(r"\b[a-z]+(?:-[a-z]+)+\b", docstrings_out))
    assert set(DEFECTS) <= marks
    assert all(sentence.endswith(".") for sentence in DEFECTS.values())


def test_the_line_as_printed_is_refused_by_python():
    line = re.search(r"# (np\.percentile\(.+\))$", SOURCE, flags=re.M).group(1)
    with pytest.raises(SyntaxError):
        ast.parse(line)


# --- errors -------------------------------------------------------------------------------

MLP = create_mlp(3)
BAD_CALLS = [
    (create_mlp, (0,), {}, ValueError, "input_dim"),
    (create_mlp, (3, 1.5), {}, TypeError, "output_dim"),
    (sample_task, ([1.0, 2.0],), {"rng": RNG}, ValueError, "X"),
    (sample_task, (X_TRAIN, 0), {"rng": RNG}, ValueError, "k_support"),
    (sample_task, (X_TRAIN, 1, -1), {"rng": RNG}, ValueError, "k_query"),
    (sample_task, (X_TRAIN,), {"rng": 0}, TypeError, "rng"),
    (maml_train, ([["a"]],), {"rng": RNG}, TypeError, "X_train"),
    (maml_train, (X_TRAIN, 0), {"rng": RNG}, ValueError, "meta_epochs"),
    (maml_train, (X_TRAIN, 1, 0), {"rng": RNG}, ValueError, "inner_steps"),
    (maml_train, (X_TRAIN,), {"meta_batch_size": 0, "rng": RNG}, ValueError, "meta_batch_size"),
    (maml_train, (X_TRAIN,), {"rng": None}, TypeError, "rng"),
    (eval_model, (None, X_TRAIN, X_TEST, Y_TEST), {}, TypeError, "model"),
    (eval_model, (MLP, X_TRAIN[:, :2], X_TEST, Y_TEST), {}, ValueError, "X_train: expected 3"),
    (eval_model, (MLP, X_TRAIN, X_TEST, Y_TEST[:4]), {}, ValueError, "y_test"),
    (build_autoencoder, (0, 4), {}, ValueError, "input_dim"),
    (build_autoencoder, (4, "4"), {}, TypeError, "encoding_dim"),
    (PrivateMAML, (3, 0), {}, ValueError, "encoding_dim"),
    (PrivateMAML, (3, 4), {"lr": 0}, ValueError, "lr"),
    (PrivateMAML(3, 4).fit, (X_TRAIN, X_TEST[:, :2]), {}, ValueError, "support"),
    (PrivateMAML(3, 4).fit, (X_TRAIN, X_TEST), {"epochs": 0}, ValueError, "epochs"),
    (PrivateMAML(3, 4).predict, ([[np.nan] * 3],), {}, ValueError, "X"),
    (run_private, (X_TRAIN, X_TEST[:9], Y_TEST[:9]), {"rng": RNG}, ValueError, "at least 20 rows"),
    (run_private, (X_TRAIN, X_TEST, Y_TEST[1:]), {"rng": RNG}, ValueError, "y_test"),
    (run_private, (X_TRAIN, X_TEST, Y_TEST), {"rng": 4}, TypeError, "rng"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_input_is_refused_in_words(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        partial(function, *args)(**kwargs)


def test_every_public_function_is_tried_with_bad_input():
    tried = {call[0].__name__ for call in BAD_CALLS}
    assert set(module.__all__) - {"DEFECTS"} <= tried
