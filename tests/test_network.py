"""Tests of course_lib.network."""

from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from course_lib import network as module
from course_lib.activations import relu, tanh
from course_lib.gradcheck import check_network, relative_error
from course_lib.layers import Activation, Dense, Dropout, Flatten, Layer
from course_lib.losses import mean_squared_error, sigmoid_cross_entropy, softmax_cross_entropy
from course_lib.network import EarlyStopping, History, Network
from course_lib.optimizers import SGD, Adam
from course_lib.preprocessing import batches

LOSSES = [softmax_cross_entropy, sigmoid_cross_entropy, mean_squared_error]
seeds, widths = st.integers(0, 2**32 - 1), st.lists(st.integers(1, 5), max_size=3)


def mlp(sizes, *, loss=softmax_cross_entropy, function=tanh, seed=0, **kwargs):
    layers = []
    for units in sizes[1:-1]:
        layers += [Dense(units), Activation(function)]
    layers.append(Dense(sizes[-1]))
    rng = np.random.default_rng(seed)
    return Network(layers, input_shape=(sizes[0],), loss=loss, rng=rng, **kwargs)


def data(loss=softmax_cross_entropy, n=12, d=3, m=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    if loss is mean_squared_error:
        return X, rng.normal(size=(n, m))
    return X, rng.integers(0, m if loss is softmax_cross_entropy else 2, n)


def n_outputs(loss):
    return 1 if loss is sigmoid_cross_entropy else 3


def fit(network, X, y, **kwargs):
    rng = np.random.default_rng(0)
    settings = {"optimizer": SGD(0.1), "epochs": 3, "batch_size": 4, "rng": rng}
    return network.fit(X, y, **settings | kwargs)


# --- the network of the text, number by number -----------------------------------------


@pytest.fixture
def seed_network():
    """The network [3, 4, 3, 2] of the text, which writes W as (n_out, n_in)."""
    rng = np.random.RandomState(42)
    sizes = [3, 4, 3, 2]
    weights = [rng.normal(0, 0.5, (n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    biases = [rng.normal(0, 0.1, n_out) for n_out in sizes[1:]]
    network = mlp(sizes, function=relu)
    for layer, W, b in zip(network.layers[::2], weights, biases, strict=True):
        layer.params["W"][:], layer.params["b"][:] = W.T, b
    return network


def test_the_network_of_the_text(seed_network):
    network, X, y = seed_network, [[1, 4, 5]], [0]
    first, middle, last = network.layers[::2]
    assert first.params["W"][:, 0].round(8).tolist() == [0.24835708, -0.06913215, 0.32384427]
    assert last.params["b"].round(8).tolist() == [-0.19596701, -0.1328186]

    loss = network.loss_and_gradient(X, y)
    z1 = first.forward(np.array(X, float))
    np.testing.assert_allclose(
        z1, [[1.53087916, -0.1069064, 1.14944018, -1.92565084]], rtol=0, atol=6e-9
    )
    np.testing.assert_allclose(last._x, [[0, 0, 1.18156175]], rtol=0, atol=6e-9)
    np.testing.assert_allclose(
        network.predict_proba(X), [[0.36105079, 0.63894921]], rtol=0, atol=6e-9
    )
    assert loss == pytest.approx(1.018736628932432, abs=1e-12)
    # The gradient of a bias is the local error of its neuron: there is one example.
    for layer, delta in [
        (last, [-0.63894921, 0.63894921]),
        (middle, [0, 0, 0.27452447]),
        (first, [0.20117823, 0, 0.00926907, 0]),
    ]:
        np.testing.assert_allclose(layer.grads["b"], delta, rtol=0, atol=6e-9)

    SGD(0.1).step(network.theta, network.grad)
    np.testing.assert_allclose(
        network.predict_proba(X), [[0.4844104, 0.5155896]], rtol=0, atol=6e-9
    )
    assert network.evaluate(X, y)[0] == pytest.approx(0.7248228071678041, abs=1e-12)


def test_the_output_layer_must_learn_too(seed_network):
    """The text's table starts below the output layer: another loss comes out."""
    network, X, y = seed_network, [[1, 4, 5]], [0]
    network.loss_and_gradient(X, y)
    for gradient in network.layers[-1].grads.values():
        gradient[:] = 0
    SGD(0.1).step(network.theta, network.grad)
    assert network.evaluate(X, y)[0] > 0.8


# --- gradients -------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@given(hidden=widths, n=st.integers(1, 5), seed=seeds)
def test_gradients_of_any_depth(loss, hidden, n, seed):
    network = mlp([3, *hidden, n_outputs(loss)], loss=loss, seed=seed)
    assert check_network(network, *data(loss, n, seed=seed)) <= 1e-7


@given(seed=seeds)
def test_gradients_of_relu_networks(seed):
    network = mlp([3, 5, 4, 3], function=relu, seed=seed)
    X, y = data(n=4, seed=seed)
    network.theta += 0.01
    assert check_network(network, X, y) <= 1e-7


def test_gradients_through_a_layer_without_parameters_below():
    rng = np.random.default_rng(0)
    layers = [Flatten(), Activation(tanh), Dense(3), Activation(tanh), Dense(2)]
    network = Network(layers, input_shape=(2, 3), loss=softmax_cross_entropy, rng=rng)
    assert check_network(network, rng.normal(size=(4, 2, 3)), [0, 1, 1, 0]) <= 1e-7


def test_the_check_finds_relu_with_the_wrong_slope(monkeypatch):
    network = mlp([3, 4, 3], function=relu)
    monkeypatch.setattr(Activation, "backward", lambda self, dy, needs_dx=True: dy)
    assert check_network(network, *data()) > 0.1


@pytest.mark.parametrize("loss", LOSSES)
@given(n=st.integers(1, 12), chunk=st.integers(1, 15), seed=seeds)
def test_chunks_add_up_to_the_batch(loss, n, chunk, seed):
    network = mlp([3, 4, n_outputs(loss)], loss=loss, seed=seed)
    X, y = data(loss, n, seed=seed)
    whole = network.loss_and_gradient(X, y, l2=0.1)
    gradient = network.grad.copy()
    assert network.loss_and_gradient(X, y, l2=0.1, chunk=chunk) == pytest.approx(whole, abs=1e-12)
    np.testing.assert_allclose(network.grad, gradient, rtol=0, atol=1e-12)


def test_the_batch_gradient_is_the_mean_of_the_examples():
    network, (X, y) = mlp([3, 4, 3]), data()
    gradients = []
    for i in range(len(X)):
        network.loss_and_gradient(X[i : i + 1], y[i : i + 1])
        gradients.append(network.grad.copy())
    network.loss_and_gradient(X, y)
    np.testing.assert_allclose(network.grad, np.mean(gradients, axis=0), rtol=0, atol=1e-14)


@given(l2=st.floats(0.001, 10), seed=seeds)
def test_the_penalty_and_its_gradient(l2, seed):
    network, (X, y) = mlp([3, 4, 3], seed=seed), data(seed=seed)
    network.theta += 0.3  # so that the biases are not zero

    def loss():
        return network.loss_and_gradient(X, y, l2=l2)

    weights = [layer.params["W"] for layer in network.layers[::2]]
    penalty = l2 * sum(np.sum(W**2) for W in weights)
    assert loss() == pytest.approx(network.evaluate(X, y)[0] + penalty, rel=1e-12)
    exact, numeric = network.grad.copy(), np.empty_like(network.theta)
    for i in range(network.theta.size):
        value = network.theta[i]
        sides = []
        for network.theta[i] in (value + 1e-5, value - 1e-5):
            sides.append(loss())
        network.theta[i] = value
        numeric[i] = (sides[0] - sides[1]) / 2e-5
    assert relative_error(exact, numeric) <= 1e-7


# --- against scikit-learn and Keras ----------------------------------------------------


def test_twenty_steps_of_scikit_learn():
    X, y = data(n=60)
    settings = {"momentum": 0, "alpha": 0, "shuffle": False, "batch_size": 15, "random_state": 0}
    theirs = MLPClassifier((8, 5), solver="sgd", learning_rate_init=0.5, **settings)
    theirs.partial_fit(X, y, classes=[0, 1, 2])  # draws the weights
    ours = mlp([3, 8, 5, 3], function=relu)
    for layer, W, b in zip(ours.layers[::2], theirs.coefs_, theirs.intercepts_, strict=True):
        layer.params["W"][:], layer.params["b"][:] = W, b
    optimizer, start = SGD(0.5), ours.theta.copy()
    for _ in range(5):
        theirs.partial_fit(X, y)
        for rows in batches(60, 15):
            ours.loss_and_gradient(X[rows], y[rows])
            optimizer.step(ours.theta, ours.grad)
    assert optimizer.steps == 20 and np.abs(ours.theta - start).max() > 0.1
    for layer, W, b in zip(ours.layers[::2], theirs.coefs_, theirs.intercepts_, strict=True):
        np.testing.assert_allclose(layer.params["W"], W, rtol=0, atol=1e-10)
        np.testing.assert_allclose(layer.params["b"], b, rtol=0, atol=1e-10)
    assert ours.evaluate(X, y)[0] == pytest.approx(log_loss(y, theirs.predict_proba(X)), abs=1e-10)


def twin(keras, network):
    """Return the same tanh network in Keras, with the same weights, in float64."""
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    layers = [
        keras.layers.Dense(layer.units, activation="tanh", dtype="float64") for layer in dense
    ]
    layers[-1].activation = keras.activations.linear
    model = keras.Sequential([keras.Input(network.input_shape, dtype="float64"), *layers])
    for theirs, ours in zip(layers, dense, strict=True):
        theirs.set_weights([ours.params["W"], ours.params["b"]])
    return model


def loss_of_keras(keras, loss):
    settings = {"from_logits": True, "dtype": "float64"}
    return {
        softmax_cross_entropy: keras.losses.SparseCategoricalCrossentropy(**settings),
        sigmoid_cross_entropy: keras.losses.BinaryCrossentropy(**settings),
        mean_squared_error: keras.losses.MeanSquaredError(dtype="float64"),
    }[loss]


@pytest.mark.parametrize("loss", LOSSES)
def test_forward_and_gradients_of_keras(keras, loss):
    import tensorflow as tf

    ours, (X, y) = mlp([3, 7, 5, n_outputs(loss)], loss=loss), data(loss)
    theirs = twin(keras, ours)
    with tf.GradientTape() as tape:
        outputs = theirs(X)
        targets = y[:, None] if loss is sigmoid_cross_entropy else y
        value = loss_of_keras(keras, loss)(targets, outputs)
    gradients = tape.gradient(value, theirs.trainable_weights)
    np.testing.assert_allclose(ours.forward(X), outputs.numpy(), rtol=0, atol=1e-12)
    assert ours.loss_and_gradient(X, y) == pytest.approx(float(value), abs=1e-12)
    flat = np.concatenate([gradient.numpy().ravel() for gradient in gradients])
    np.testing.assert_allclose(ours.grad, flat, rtol=0, atol=1e-12)


def test_thirty_steps_of_adam_in_keras(keras):
    ours, (X, y) = mlp([3, 7, 5, 3]), data(n=30)
    theirs = twin(keras, ours)
    theirs.compile(keras.optimizers.Adam(0.01), loss=loss_of_keras(keras, softmax_cross_entropy))
    optimizer = Adam(0.01)
    for _ in range(3):
        for rows in batches(30, 3):
            theirs.train_on_batch(X[rows], y[rows])
            ours.loss_and_gradient(X[rows], y[rows])
            optimizer.step(ours.theta, ours.grad)
    flat = np.concatenate([np.asarray(weight).ravel() for weight in theirs.trainable_weights])
    np.testing.assert_allclose(ours.theta, flat, rtol=0, atol=1e-5)


# --- what it predicts ------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_the_losses_without_checks_are_those_with_checks(loss):
    network, (X, y) = mlp([3, 4, n_outputs(loss)], loss=loss), data(loss)
    outputs = network.forward(X)
    value, gradient = loss(outputs, y)
    fast_value, fast_gradient = network._loss(outputs, y)
    assert fast_value == pytest.approx(value, abs=1e-15)
    np.testing.assert_allclose(fast_gradient, gradient, rtol=0, atol=1e-15)
    assert network.evaluate(X, y)[0] == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("loss", LOSSES)
def test_large_outputs_stay_finite(loss):
    network, (X, y) = mlp([3, n_outputs(loss)], loss=loss), data(loss)
    network.theta *= 1e5
    assert np.isfinite(network.loss_and_gradient(X, y)) and np.isfinite(network.grad).all()


def test_classes():
    network, (X, y) = mlp([3, 4, 3]), data()
    probabilities = network.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(network.predict(X), probabilities.argmax(axis=1))
    loss, accuracy = network.evaluate(X, y)
    assert loss == pytest.approx(log_loss(y, probabilities))
    assert accuracy == np.mean(network.predict(X) == y)


def test_yes_or_no():
    network, (X, y) = mlp([3, 4, 1], loss=sigmoid_cross_entropy), data(sigmoid_cross_entropy)
    probabilities = network.predict_proba(X)
    assert probabilities.shape == (12,)
    assert np.array_equal(network.predict(X), (probabilities > 0.5).astype(int))
    loss, accuracy = network.evaluate(X, y)
    assert loss == pytest.approx(log_loss(y, probabilities))
    assert accuracy == np.mean(network.predict(X) == y)


@pytest.mark.parametrize("m", [1, 3])
def test_values(m):
    network = mlp([3, 4, m], loss=mean_squared_error)
    X, y = data(mean_squared_error, m=m)
    targets = y[:, 0] if m == 1 else y
    predicted = network.predict(X)
    assert predicted.shape == targets.shape
    loss, error = network.evaluate(X, targets)
    assert loss == pytest.approx(np.mean((predicted - targets) ** 2))
    assert error == pytest.approx(np.mean(np.abs(predicted - targets)))
    assert network.evaluate(X, y) == (loss, error)  # a column is as good as a vector


def test_many_rows_are_predicted_in_blocks():
    network, (X, _) = mlp([3, 4, 3]), data(n=3 * module.BLOCK + 7)
    np.testing.assert_allclose(network._outputs(X), network.forward(X), rtol=0, atol=1e-14)


def test_float32_stays():
    network, (X, y) = mlp([3, 4, 3], dtype=np.float32), data()
    history = fit(network, X, y, optimizer=Adam(), l2=0.1, clip_norm=1.0, chunk=3)
    assert network.theta.dtype == network.grad.dtype == network.forward(X).dtype == np.float32
    assert type(history.loss[0]) is float


def test_the_dtype_does_not_change_the_draw():
    single, double = mlp([3, 4, 3], dtype=np.float32), mlp([3, 4, 3])
    assert np.array_equal(single.theta, double.theta.astype(np.float32))


def test_theta_is_the_parameters_of_the_layers():
    network = mlp([3, 4, 2])
    assert network.theta.size == network.grad.size == 3 * 4 + 4 + 4 * 2 + 2
    network.theta[:] = np.arange(26)
    assert network.layers[0].params["W"][0].tolist() == [0, 1, 2, 3]
    assert network.layers[2].params["b"].tolist() == [24, 25]
    assert network.summary() == [("Dense", (4,), 16), ("Activation", (4,), 0), ("Dense", (2,), 10)]


def test_dropout_works_in_training_only():
    layers = [Dropout(0.5, rng=np.random.default_rng(0)), Dense(3)]
    rng = np.random.default_rng(1)
    network = Network(layers, input_shape=(3,), loss=softmax_cross_entropy, rng=rng)
    X, y = data()
    assert np.array_equal(network.forward(X), network.forward(X))
    assert not np.array_equal(network.forward(X, training=True), network.forward(X))
    assert network.loss_and_gradient(X, y) != network.loss_and_gradient(X, y)
    assert network.evaluate(X, y) == network.evaluate(X, y)


# --- the training loop -----------------------------------------------------------------


class Recorder(Layer):
    """Remembers the first column of what it sees in training."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x, *, training=False):
        if training:
            self.seen.append(x[:, 0].tolist())
        return x


@given(n=st.integers(1, 20), batch_size=st.integers(1, 25), epochs=st.integers(1, 3))
def test_every_row_once_in_an_epoch_of_ceil_steps(n, batch_size, epochs):
    recorder, optimizer = Recorder(), SGD(0.01)
    rng = np.random.default_rng(0)
    network = Network([recorder, Dense(2)], input_shape=(1,), loss=softmax_cross_entropy, rng=rng)
    X = np.arange(n)[:, None]
    fit(network, X, X[:, 0] % 2, optimizer=optimizer, epochs=epochs, batch_size=batch_size)
    steps = -(-n // batch_size)
    assert optimizer.steps == len(recorder.seen) == epochs * steps
    orders = []
    for epoch in range(epochs):
        rows = list(chain(*recorder.seen[epoch * steps : (epoch + 1) * steps]))
        assert sorted(rows) == list(range(n))
        orders.append(rows)
    assert n < 15 or epochs == 1 or orders[0] != orders[1]


def test_the_history_of_one_step_by_hand():
    network, (X, y) = mlp([3, 4, 3]), data()
    before = network.evaluate(X, y)
    validation = data(seed=1)
    history = fit(network, X, y, epochs=1, batch_size=12, validation=validation)
    assert (history.loss[0], history.metric[0]) == pytest.approx(before)
    assert (history.val_loss[0], history.val_metric[0]) == network.evaluate(*validation)
    assert (history.best_epoch, history.stopped_early) == (0, False)
    assert history.message == "all 1 epochs done"


def test_training_means_weigh_each_row_the_same():
    network, (X, y) = mlp([3, 4, 3]), data(n=10)
    standing = SGD(1e-300)
    before = network.evaluate(X, y)
    history = fit(network, X, y, optimizer=standing, batch_size=4)
    assert (history.loss[0], history.metric[0]) == pytest.approx(before)


def test_fit_uses_penalty_clipping_and_chunks():
    X, y = data()
    settings = {"l2": 0.3, "clip_norm": 0.2, "chunk": 5}
    ours, by_hand = mlp([3, 4, 3]), mlp([3, 4, 3])
    fit(ours, X, y, epochs=4, batch_size=12, **settings)
    for _ in range(4):
        by_hand.loss_and_gradient(X, y, l2=0.3)
        norm = np.linalg.norm(by_hand.grad)
        assert norm > 0.2
        by_hand.theta -= 0.1 * by_hand.grad * 0.2 / norm
    np.testing.assert_allclose(ours.theta, by_hand.theta, rtol=0, atol=1e-12)


def test_a_larger_penalty_makes_smaller_weights():
    norms = []
    for l2 in (0, 0.01, 0.1, 1):
        network = mlp([3, 4, 3])
        fit(network, *data(), epochs=100, l2=l2)
        norms.append(np.linalg.norm(network.theta))
    assert norms == sorted(norms, reverse=True) and norms[-1] < norms[0] / 10


def test_the_same_generators_give_the_same_training():
    histories = [fit(mlp([3, 4, 3]), *data()) for _ in range(2)]
    assert histories[0] == histories[1]


def test_a_network_learns_what_is_not_linear():
    X = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
    network = mlp([2, 16, 1], loss=sigmoid_cross_entropy)
    y = X[:, 0] * X[:, 1] > 0
    history = fit(network, X, y, optimizer=Adam(0.02), epochs=60, batch_size=20)
    assert history.metric[0] < 0.8 < 0.95 < history.metric[-1]
    assert network.evaluate(X, y)[1] > 0.95


def test_the_bar_counts_the_epochs(capsys):
    fit(mlp([3, 3]), *data(), epochs=3)
    assert capsys.readouterr().err == ""
    fit(mlp([3, 3]), *data(), epochs=3, progress=True)
    assert "3/3" in capsys.readouterr().err


# --- early stopping --------------------------------------------------------------------


class Scripted(Network):
    """Its validation values are given; it remembers its weights after each epoch."""

    script = ()

    def _evaluate(self, X, y):
        self.thetas = [*getattr(self, "thetas", []), self.theta.copy()]
        return self.script[len(self.thetas) - 1]


def scripted(losses, metrics=None, *, epochs=None, rule=None, loss=softmax_cross_entropy):
    rng = np.random.default_rng(0)
    network = Scripted([Dense(n_outputs(loss))], input_shape=(3,), loss=loss, rng=rng)
    network.script = list(zip(losses, metrics or losses, strict=True))
    history = fit(
        network,
        *data(loss),
        epochs=epochs or len(losses),
        validation=data(loss),
        early_stopping=rule,
    )
    return network, history


@pytest.mark.parametrize("patience", [1, 2, 3, 5])
def test_it_stops_after_exactly_patience_epochs_without_improvement(patience):
    losses = [0.9, 0.7, 0.5] + 20 * [0.6]
    network, history = scripted(losses, rule=EarlyStopping(patience=patience))
    assert len(history.val_loss) == 3 + patience and history.best_epoch == 2
    assert history.stopped_early
    assert history.message == (
        f"stopped after epoch {3 + patience}: no better val_loss for {patience} epochs"
    )
    assert np.array_equal(network.theta, network.thetas[2])
    assert not np.array_equal(network.theta, network.thetas[-1])


def test_an_improvement_starts_the_count_again():
    losses = [0.9, 0.95, 0.8, 0.85, 0.85, 0.7, 0.75, 0.7, 0.7, 0.1]
    network, history = scripted(losses, rule=EarlyStopping(patience=3))
    assert len(history.val_loss) == 9 and history.best_epoch == 5
    assert np.array_equal(network.theta, network.thetas[5])


def test_the_log_of_the_text():
    """Its accuracy is the same from epoch 2 to 6: the counter stands at 4 there, not at 5."""
    accuracies = [0.9] + 10 * [1.0]
    rule = EarlyStopping("val_metric", patience=5)
    _, history = scripted(accuracies, accuracies, rule=rule)
    assert len(history.val_metric) == 7 and history.best_epoch == 1
    # Its validation loss falls all the time: nothing to stop for.
    losses = [0.9 * 0.75**epoch for epoch in range(11)]
    _, history = scripted(losses, accuracies, rule=EarlyStopping(patience=5))
    assert len(history.val_loss) == 11 and not history.stopped_early


def test_the_best_metric_is_the_largest_accuracy_or_the_smallest_error():
    rule, values = EarlyStopping("val_metric", patience=2), [0.5, 0.6, 0.7, 0.6, 0.6, 0.6]
    _, history = scripted(values, values, rule=rule)
    assert history.best_epoch == 2 and len(history.val_metric) == 5
    _, history = scripted(values, values, rule=rule, loss=mean_squared_error)
    assert history.best_epoch == 0 and len(history.val_metric) == 3


def test_min_delta_is_measured_from_the_best():
    losses = [1.0, 0.95, 0.91, 0.89, 0.85, 0.82, 0.81]
    _, history = scripted(losses, rule=EarlyStopping(patience=3, min_delta=0.1))
    assert history.best_epoch == 3 and len(history.val_loss) == 7


def test_the_best_weights_come_back_after_the_last_epoch_too():
    network, history = scripted([0.9, 0.5, 0.6], rule=EarlyStopping(patience=5))
    assert not history.stopped_early and history.message == "all 3 epochs done"
    assert np.array_equal(network.theta, network.thetas[1])


def test_without_early_stopping_the_last_weights_stay():
    network, history = scripted([0.5] + 9 * [0.9])
    assert history.best_epoch == 0 and len(history.val_loss) == 10
    assert np.array_equal(network.theta, network.thetas[-1])


def test_patience_that_ends_with_the_last_epoch_cuts_nothing_off():
    _, history = scripted([0.5, 0.6, 0.7], rule=EarlyStopping(patience=2))
    assert not history.stopped_early
    assert history.message.startswith("stopped after epoch 3")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0, 0.3))
def test_best_epoch_replayed(values, min_delta):
    best, index = np.inf, None
    for epoch, value in enumerate(values):
        if value < best - min_delta:
            best, index = value, epoch
    assert EarlyStopping(min_delta=min_delta).best_epoch(values) == index


def test_training_loss_can_be_watched_without_validation():
    network, (X, y) = mlp([3, 4, 3]), data()
    rule = EarlyStopping("loss", patience=2, min_delta=100.0)
    history = fit(network, X, y, epochs=50, early_stopping=rule)
    assert len(history.loss) == 3 and history.best_epoch == 0 and history.val_loss == []


# --- divergence ------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [None, EarlyStopping("loss", patience=50)])
def test_a_training_that_diverges_stops_and_says_so(rule):
    X, y = data(mean_squared_error)
    network = mlp([3, 4, 3], loss=mean_squared_error, function=relu)
    start = network.theta.copy()
    history = fit(network, X, y, optimizer=SGD(1e200), epochs=40, early_stopping=rule)
    assert history.stopped_early and len(history.loss) == 1 and history.best_epoch is None
    assert history.message.startswith("diverged in epoch 1") and not np.isfinite(history.loss[-1])
    assert np.array_equal(network.theta, start) == (rule is not None)


def test_no_step_is_done_after_a_loss_that_is_not_finite():
    network, (X, y) = mlp([3, 3], loss=mean_squared_error), data(mean_squared_error)
    optimizer = SGD(1e200)
    fit(network, X, y, optimizer=optimizer, batch_size=1)
    assert optimizer.steps == 2 < len(X)


def test_a_slow_divergence_keeps_the_best_weights():
    X, y = data(mean_squared_error)
    network = mlp([3, 4, 3], loss=mean_squared_error, function=relu)
    rule = EarlyStopping("loss", patience=500)
    history = fit(network, X, y, optimizer=SGD(5.0), epochs=500, batch_size=12, early_stopping=rule)
    assert history.message.startswith("diverged") and 1 < len(history.loss) < 500
    assert history.best_epoch == int(np.nanargmin(history.loss))
    assert np.isfinite(network.theta).all()


def test_weights_that_overflow_in_the_last_step_are_noticed():
    network, (X, y) = mlp([3, 3], loss=mean_squared_error), data(mean_squared_error)
    history = fit(network, X, y, optimizer=SGD(1e308), epochs=1, batch_size=12, l2=1e3)
    assert np.isfinite(history.loss[0]) and history.message.startswith("diverged in epoch 1")
    assert not history.stopped_early  # it was the only epoch


# --- refused ---------------------------------------------------------------------------

RNG = np.random.default_rng(0)
X, Y = data()
NET, BINARY = mlp([3, 4, 3]), mlp([3, 1], loss=sigmoid_cross_entropy)
VALUES = mlp([3, 2], loss=mean_squared_error)
MAKE = {"input_shape": (3,), "loss": softmax_cross_entropy, "rng": RNG}
FIT = {"optimizer": SGD(), "epochs": 2, "batch_size": 4, "rng": RNG}
TWICE = Dense(3)

BAD_CALLS = [
    (EarlyStopping, ("val_acc",), {}, ValueError, "monitor: expected loss or .* got 'val_acc'"),
    (EarlyStopping, (), {"patience": 0}, ValueError, "patience: .* at least 1, got 0"),
    (EarlyStopping, (), {"patience": 2.5}, TypeError, "patience: expected an integer"),
    (EarlyStopping, (), {"min_delta": -1}, ValueError, "min_delta: .* at least 0"),
    (Network, ([],), MAKE, ValueError, "layers: expected one layer or more"),
    (Network, (Dense(3),), MAKE, TypeError, "layers: expected a list"),
    (Network, ([Dense(3), "relu"],), MAKE, TypeError, "layers: .* got 'relu'"),
    (Network, ([TWICE, TWICE],), MAKE, ValueError, "layers: .* each one once"),
    (Network, ([Activation(tanh)],), MAKE, ValueError, "layers: .* one with parameters"),
    (Network, ([Dense(1)],), MAKE, ValueError, r"layers: .*K at least 2 for softmax.*\(1,\)"),
    (Network, ([Dense(3)],), {**MAKE, "input_shape": (2, 3)}, ValueError, "input_shape: expected"),
    (Network, ([Dense(3)],), {**MAKE, "input_shape": 3}, TypeError, "input_shape: expected"),
    (Network, ([Dense(3)],), {**MAKE, "loss": "mse"}, ValueError, "loss: .*mean_squared.*'mse'"),
    (Network, ([Dense(3)],), {**MAKE, "loss": sigmoid_cross_entropy}, ValueError, "layers: .*1,"),
    (Network, ([Dense(3)],), {**MAKE, "rng": 0}, TypeError, "rng: expected a generator"),
    (Network, ([Dense(3)],), {**MAKE, "dtype": int}, TypeError, "dtype: .* floats, got int64"),
    (NET.forward, (X[:, :2],), {}, ValueError, r"X: expected shape \(n, 3\), got shape \(12, 2\)"),
    (NET.forward, (X[0],), {}, ValueError, r"X: expected shape \(n, 3\)"),
    (NET.predict, ([["a", "b", "c"]],), {}, TypeError, "X: .* got strings"),
    (NET.predict, (X * np.nan,), {}, ValueError, "X: expected finite"),
    (NET.predict_proba, ([],), {}, ValueError, "X: expected at least one value"),
    (VALUES.predict_proba, (X,), {}, ValueError, "loss: expected a cross-entropy"),
    (NET.evaluate, (X, Y[:3]), {}, ValueError, "y: expected 12 values like X, got 3"),
    (NET.evaluate, (X, Y + 1), {}, ValueError, "y: expected integers from 0 to 2, got 3"),
    (NET.evaluate, (X, Y - 1), {}, ValueError, "y: expected integers from 0 to 2, got -1"),
    (NET.evaluate, (X, np.eye(3)[Y]), {}, ValueError, "y: expected a 1-D array of labels"),
    (NET.evaluate, (X, Y.astype(str)), {}, TypeError, "y: expected integers.* strings"),
    (BINARY.evaluate, (X, np.full(12, 2)), {}, ValueError, "y: expected integers from 0 to 1"),
    (VALUES.evaluate, (X, X), {}, ValueError, r"y: expected shape \(n, 2\), got shape \(12, 3\)"),
    (VALUES.evaluate, (X, ["a"]), {}, TypeError, "y: .* got strings"),
    (NET.loss_and_gradient, (X, Y), {"l2": -1}, ValueError, "l2: .* at least 0"),
    (NET.loss_and_gradient, (X, Y), {"chunk": 0}, ValueError, "chunk: .* at least 1"),
    (NET.loss_and_gradient, (X, Y), {"chunk": 2.5}, TypeError, "chunk: expected an integer"),
    (NET.fit, (X, Y[:3]), FIT, ValueError, "y: expected 12 values like X"),
    (NET.fit, (X, Y), {**FIT, "optimizer": "adam"}, TypeError, "optimizer: .* got 'adam'"),
    (NET.fit, (X, Y), {**FIT, "epochs": 0}, ValueError, "epochs: .* at least 1"),
    (NET.fit, (X, Y), {**FIT, "batch_size": 2.5}, TypeError, "batch_size: expected an integer"),
    (NET.fit, (X, Y), {**FIT, "rng": 42}, TypeError, "rng: expected a generator"),
    (NET.fit, (X, Y), {**FIT, "validation": X}, TypeError, r"validation: expected a pair"),
    (NET.fit, (X, Y), {**FIT, "validation": (X, Y[:2])}, ValueError, "y: expected 12 values"),
    (NET.fit, (X, Y), {**FIT, "l2": "a"}, TypeError, "l2: expected"),
    (NET.fit, (X, Y), {**FIT, "clip_norm": 0}, ValueError, "clip_norm: .* above 0"),
    (NET.fit, (X, Y), {**FIT, "chunk": -1}, ValueError, "chunk: .* at least 1"),
    (NET.fit, (X, Y), {**FIT, "early_stopping": 5}, TypeError, "early_stopping: .* got 5"),
    (
        NET.fit,
        (X, Y),
        {**FIT, "early_stopping": EarlyStopping()},
        ValueError,
        "validation: expected data, for val_loss is monitored",
    ),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    public = {name for name in vars(Network) if not name.startswith("_")} - {"summary"}
    assert {function.__name__ for function, *_ in BAD_CALLS} == public | {
        "Network",
        "EarlyStopping",
    }
    assert set(module.__all__) == {"Network", "EarlyStopping", History.__name__}
