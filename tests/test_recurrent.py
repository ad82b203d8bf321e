"""Tests of course_lib.recurrent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import recurrent as module
from course_lib.gradcheck import check_layer
from course_lib.recurrent import LSTM, SimpleRNN

LAYERS = [SimpleRNN, LSTM]
sizes = st.integers(1, 4)
lengths = st.integers(1, 11)
seeds = st.integers(0, 999)


def built(kind, n_in, units, *, n_steps=3, seed=0, spread=0.3, **options):
    """Return a layer whose parameters, biases included, are all away from their start."""
    rng = np.random.default_rng(seed)
    layer = kind(units, **options).build((n_steps, n_in), rng=rng)
    layer.theta += rng.normal(scale=spread, size=layer.theta.shape)
    return layer


def sequences(n, n_steps, n_in, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_steps, n_in))


# --- the forward pass ------------------------------------------------------------------


def simple_rnn_loop(layer, x):
    """Return every state: one sequence, one step, one unit at a time."""
    W, U, b = (layer.params[name] for name in "WUb")
    states = np.zeros((len(x), x.shape[1] + 1, layer.units))
    for row, sequence in enumerate(x):
        for t, entry in enumerate(sequence):
            for unit in range(layer.units):
                z = entry @ W[:, unit] + states[row, t] @ U[:, unit] + b[unit]
                states[row, t + 1, unit] = np.tanh(z)
    return states[:, 1:]


def lstm_loop(layer, x):
    W, U, b = (layer.params[name] for name in "WUb")
    h = cell = np.zeros((len(x), layer.units))
    states = []
    for t in range(x.shape[1]):
        z_i, z_f, z_g, z_o = np.split(x[:, t] @ W + h @ U + b, 4, axis=1)
        cell = cell / (1 + np.exp(-z_f)) + np.tanh(z_g) / (1 + np.exp(-z_i))
        h = np.tanh(cell) / (1 + np.exp(-z_o))
        states.append(h)
    return np.stack(states, axis=1)


@pytest.mark.parametrize(("kind", "loop"), [(SimpleRNN, simple_rnn_loop), (LSTM, lstm_loop)])
@given(n=sizes, n_steps=lengths, n_in=sizes, units=sizes, seed=seeds)
def test_forward_is_the_plain_loop(kind, loop, n, n_steps, n_in, units, seed):
    x = sequences(n, n_steps, n_in, seed)
    layer = built(kind, n_in, units, seed=seed, return_sequences=True)
    states = loop(layer, x)
    np.testing.assert_allclose(layer.forward(x), states, rtol=0, atol=1e-14)
    layer.return_sequences = False
    np.testing.assert_allclose(layer.forward(x), states[:, -1], rtol=0, atol=1e-14)


@given(n=sizes, n_in=sizes, units=sizes, seed=seeds)
def test_one_step_is_a_dense_layer_and_tanh(n, n_in, units, seed):
    layer, x = built(SimpleRNN, n_in, units, seed=seed), sequences(n, 1, n_in, seed)
    dy = sequences(n, 1, units, seed + 1)[:, 0]
    a = np.tanh(x[:, 0] @ layer.params["W"] + layer.params["b"])
    delta = dy * (1 - a**2)
    np.testing.assert_allclose(layer.forward(x), a, rtol=0, atol=1e-15)
    np.testing.assert_allclose(layer.backward(dy)[:, 0], delta @ layer.params["W"].T, atol=1e-14)
    np.testing.assert_allclose(layer.grads["W"], x[:, 0].T @ delta, atol=1e-14)
    np.testing.assert_allclose(layer.grads["b"], delta.sum(axis=0), atol=1e-14)
    assert not layer.grads["U"].any()  # the state before the first step is zero


@pytest.mark.parametrize("kind", LAYERS)
def test_a_later_entry_does_not_change_an_earlier_state(kind):
    layer, x = built(kind, 2, 3, return_sequences=True), sequences(2, 6, 2)
    before = layer.forward(x).copy()
    x[:, 4] += 1
    after = layer.forward(x)
    assert np.array_equal(before[:, :4], after[:, :4])
    assert (before[:, 4:] != after[:, 4:]).all()


@pytest.mark.parametrize("kind", LAYERS)
def test_rows_do_not_meet(kind):
    layer, x = built(kind, 2, 3), sequences(5, 7, 2)
    alone = np.concatenate([layer.forward(x[row : row + 1]) for row in range(5)])
    np.testing.assert_allclose(layer.forward(x), alone, rtol=0, atol=1e-15)


# --- the backward pass -----------------------------------------------------------------


@pytest.mark.parametrize("kind", LAYERS)
@given(
    n=st.integers(1, 3), n_steps=lengths, n_in=sizes, units=sizes, every=st.booleans(), seed=seeds
)
def test_gradients_by_finite_differences(kind, n, n_steps, n_in, units, every, seed):
    layer = built(kind, n_in, units, seed=seed, return_sequences=every)
    x, rng = sequences(n, n_steps, n_in, seed), np.random.default_rng(seed)
    layer.forward(x)
    assert max(check_layer(layer, x, rng=rng).values()) <= 1e-7


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("every", [False, True])
def test_gradients_through_twelve_steps(kind, every):
    layer = built(kind, 3, 4, return_sequences=every)
    errors = check_layer(layer, sequences(3, 12, 3), rng=np.random.default_rng(0))
    assert sorted(errors) == ["U", "W", "b", "x"] and max(errors.values()) <= 1e-7


@pytest.mark.parametrize("kind", LAYERS)
def test_gradients_are_written_over_and_repeat(kind):
    layer, x, dy = built(kind, 2, 3), sequences(4, 5, 2), np.ones((4, 3))
    layer.forward(x)
    first = layer.backward(dy)
    grad = layer.grad.copy()
    assert np.array_equal(layer.backward(dy), first) and np.array_equal(layer.grad, grad)
    assert layer.backward(dy, needs_dx=False) is None and np.array_equal(layer.grad, grad)
    assert (dy == 1).all()


@pytest.mark.parametrize("kind", LAYERS)
@given(n=st.integers(2, 5), seed=seeds)
def test_the_gradient_of_a_batch_is_the_sum_over_its_rows(kind, n, seed):
    layer, x = built(kind, 2, 3, seed=seed), sequences(n, 6, 2, seed)
    layer.forward(x)
    layer.backward(np.ones((n, 3)))
    total, rows = layer.grad.copy(), 0
    for row in range(n):
        layer.forward(x[row : row + 1])
        layer.backward(np.ones((1, 3)))
        rows = rows + layer.grad
    np.testing.assert_allclose(total, rows, rtol=1e-12, atol=1e-13)


@given(radius=st.floats(0.2, 3), n_steps=st.integers(2, 30), seed=seeds)
def test_the_gradient_follows_the_spectral_radius(radius, n_steps, seed):
    # At the state 0 the derivative of tanh is 1. There, with an orthogonal matrix times
    # a number, the gradient is multiplied by that number at each step back, exactly.
    layer = SimpleRNN(4).build((n_steps, 4), rng=np.random.default_rng(seed))
    layer.params["U"] *= radius
    layer.params["W"][:] = np.eye(4)
    layer.forward(np.zeros((1, n_steps, 4)))
    norms = np.linalg.norm(layer.backward(np.ones((1, 4))), axis=2)[0]
    np.testing.assert_allclose(norms, 2 * radius ** np.arange(n_steps)[::-1], rtol=1e-9)


@given(radius=st.floats(0.2, 0.95), seed=seeds)
def test_with_a_small_radius_the_gradient_vanishes_whatever_the_input(radius, seed):
    # The derivative of tanh is at most 1, so each step back divides by at least 1 / radius.
    n_steps = 25
    layer = SimpleRNN(4).build((n_steps, 4), rng=np.random.default_rng(seed))
    layer.params["U"] *= radius
    layer.params["W"][:] = np.eye(4)
    layer.forward(sequences(3, n_steps, 4, seed))
    norms = np.linalg.norm(layer.backward(np.ones((3, 4))), axis=2)
    assert (norms[:, :-1] <= radius * norms[:, 1:] * (1 + 1e-12)).all()


def test_an_open_cell_keeps_the_gradient_of_forty_steps():
    lstm = LSTM(3).build((40, 1), rng=np.random.default_rng(0))
    simple = SimpleRNN(3).build((40, 1), rng=np.random.default_rng(0))
    lstm.params["U"][:] = 0
    lstm.params["b"][3:6] = 20  # the forget gate is open
    simple.params["U"] *= 0.8
    x, ratio = sequences(1, 40, 1), {}
    for layer in (lstm, simple):
        layer.forward(x)
        dx = np.abs(layer.backward(np.ones((1, 3))))[0, :, 0]
        ratio[layer] = dx[0] / dx[-1]
    assert ratio[lstm] > 1e-2 and ratio[simple] < 1e-3


# --- parity with Keras -----------------------------------------------------------------


def keras_results(keras, kind, layer, x, dy):
    """Return Keras' output, dx and gradients for the same weights, in float64."""
    import tensorflow as tf

    other = getattr(keras.layers, kind.__name__)(
        layer.units, return_sequences=layer.return_sequences, dtype="float64"
    )
    other.build(x.shape)
    other.set_weights([layer.params[name] for name in "WUb"])
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        y = other(inputs)
        total = tf.reduce_sum(y * dy)
    dx, *grads = tape.gradient(total, [inputs, *other.trainable_variables])
    return y.numpy(), dx.numpy(), dict(zip("WUb", (g.numpy() for g in grads), strict=True))


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("every", [False, True])
def test_keras_parity(keras, kind, every):
    layer, x = built(kind, 3, 5, return_sequences=every), sequences(4, 9, 3)
    y = layer.forward(x)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx = layer.backward(dy)
    their_y, their_dx, their_grads = keras_results(keras, kind, layer, x, dy)
    np.testing.assert_allclose(y, their_y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, their_dx, rtol=1e-12, atol=1e-12)
    for name, gradient in their_grads.items():
        np.testing.assert_allclose(layer.grads[name], gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_biases_start_as_in_keras(keras, kind):
    other = getattr(keras.layers, kind.__name__)(3)
    other.build((None, 4, 2))
    layer = kind(3).build((4, 2), rng=np.random.default_rng(0))
    assert np.array_equal(layer.params["b"], other.get_weights()[2])


# --- shapes, types, start --------------------------------------------------------------


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("every", [False, True])
def test_shapes_and_precision(kind, dtype, every):
    layer = kind(3, return_sequences=every).build((5, 2), rng=np.random.default_rng(0), dtype=dtype)
    y = layer.forward(sequences(4, 5, 2).astype(dtype))
    assert y.shape == (4, *layer.output_shape((5, 2)))
    dx = layer.backward(np.ones(y.shape, dtype))
    assert dx.shape == (4, 5, 2)
    assert y.dtype == dx.dtype == layer.grad.dtype == dtype
    blocks = 1 if kind is SimpleRNN else 4
    assert layer.theta.size == blocks * (2 * 3 + 3 * 3 + 3)


@pytest.mark.parametrize("kind", LAYERS)
def test_any_length_after_the_build(kind):
    layer = built(kind, 2, 3, n_steps=5)
    for n_steps in (1, 5, 8):
        assert layer.forward(sequences(2, n_steps, 2)).shape == (2, 3)
        assert layer.backward(np.ones((2, 3))).shape == (2, n_steps, 2)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_recurrent_weights_start_with_orthonormal_rows(kind):
    U = kind(6).build((4, 2), rng=np.random.default_rng(0)).params["U"]
    np.testing.assert_allclose(U @ U.T, np.eye(6), atol=1e-14)
    other = kind(6).build((4, 2), rng=np.random.default_rng(1)).params["U"]
    assert not np.allclose(U, other)


def test_the_recurrent_weights_start_without_a_preferred_sign():
    starts = [SimpleRNN(1).build((2, 1), rng=np.random.default_rng(k)) for k in range(20)]
    signs = [float(layer.params["U"][0, 0]) for layer in starts]
    np.testing.assert_allclose(np.abs(signs), 1, rtol=1e-14)
    assert min(signs) < 0 < max(signs)


def test_the_forget_gate_starts_open():
    layer = LSTM(2).build((4, 3), rng=np.random.default_rng(0))
    assert layer.params["b"].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


# --- a task that needs a memory ----------------------------------------------------------


@pytest.mark.parametrize("kind", LAYERS)
def test_it_learns_to_echo_the_first_entry(kind):
    rng = np.random.default_rng(0)
    layer = kind(8).build((6, 1), rng=rng)
    read_out = rng.normal(scale=0.3, size=8)
    losses = []
    for _ in range(400):
        x = rng.choice([-1.0, 1.0], size=(64, 6, 1))
        h = layer.forward(x)
        error = h @ read_out - x[:, 0, 0]
        losses.append(np.mean(error**2))
        layer.backward(2 / 64 * error[:, None] * read_out, needs_dx=False)
        read_out -= 0.1 * 2 / 64 * h.T @ error
        layer.theta -= 0.3 * layer.grad
    assert losses[0] > 0.5 and np.mean(losses[-20:]) < 0.1


# --- bad calls -------------------------------------------------------------------------

RNG = {"rng": np.random.default_rng(0)}
BAD_CALLS = [
    (SimpleRNN, (0,), {}, ValueError, "units: expected an integer of at least 1, got 0"),
    (SimpleRNN, (2.5,), {}, TypeError, "units: expected an integer"),
    (SimpleRNN, (2,), {"return_sequences": 1}, TypeError, "return_sequences: .* got 1"),
    (LSTM, (-1,), {}, ValueError, "units: expected an integer of at least 1, got -1"),
    (LSTM, ("8",), {}, TypeError, "units: expected an integer"),
    (LSTM, (2,), {"return_sequences": "no"}, TypeError, "return_sequences: .* got 'no'"),
    (SimpleRNN(2).build, ((3,),), RNG, ValueError, "input_shape: expected a shape of 2 integers"),
    (LSTM(2).build, ((3, 0),), RNG, ValueError, "input_shape: expected an integer of at least 1"),
    (LSTM(2).build, (3,), RNG, TypeError, "input_shape: expected a shape of 2 integers"),
    (SimpleRNN(2).build, ((3, 1),), {"rng": 0}, TypeError, "rng: expected a generator"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_class_is_in_the_table():
    assert {call[0].__name__ for call in BAD_CALLS} - {"build"} == set(module.__all__)
