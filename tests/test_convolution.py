"""Tests of course_lib.convolution."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from course_lib import convolution as module
from course_lib.convolution import (
    Conv1D,
    Conv2D,
    MaxPool1D,
    MaxPool2D,
    col2im,
    im2col,
    output_size,
)
from course_lib.gradcheck import check_layer

WORKED = np.array([0.2, 0.6, 0.9, 0.7]).reshape(1, 4, 1)  # what the source prints of its signal
POOLS = {1: MaxPool1D, 2: MaxPool2D}
CONVOLUTIONS = {1: Conv1D, 2: Conv2D}


def generator():
    return np.random.default_rng(0)


def convolution(W, b, shape, **options):
    """Return the layer of these weights, for inputs of this shape."""
    layer = CONVOLUTIONS[W.ndim - 2](W.shape[-1], W.shape[:-2], **options)
    layer.build(shape, rng=generator())
    layer.params["W"][...], layer.params["b"][...] = W, b
    return layer


def kernel_1d(*weights):
    return np.reshape(weights, (-1, 1, 1)).astype(float)


def distinct(rng, shape):
    """Return numbers at least 0.1 apart: no tie in a pool, and none within the step of a check."""
    return rng.permutation(np.arange(np.prod(shape))).reshape(shape) / 10


# --- plain loops: the definitions, one number at a time ---------------------------------


def margin_before(size, k, strides, padding):
    if padding == "valid":
        return 0
    return max((-(-size // strides) - 1) * strides + k - size, 0) // 2


def loop_convolution(x, W, b, *, strides, padding):
    """Return y[n, p, f] = b[f] + sum of W[k, c, f] x[n, s p + k - margin, c], by loops."""
    n_axes = W.ndim - 2
    sizes, kernel = x.shape[1:-1], W.shape[:n_axes]
    places = [
        output_size(s, k, strides=strides, padding=padding)
        for s, k in zip(sizes, kernel, strict=True)
    ]
    y = np.zeros((len(x), *places, W.shape[-1]))
    for n, *place, f in np.ndindex(y.shape):
        total = b[f]
        for *offset, c in np.ndindex(W.shape[:-1]):
            at = tuple(
                p * strides + k - margin_before(size, width, strides, padding)
                for p, k, size, width in zip(place, offset, sizes, kernel, strict=True)
            )
            if all(0 <= i < size for i, size in zip(at, sizes, strict=True)):
                total += W[(*offset, c, f)] * x[(n, *at, c)]
        y[(n, *place, f)] = total
    return y


def loop_max_pool(x, pool):
    y = np.zeros((len(x), *(s // p for s, p in zip(x.shape[1:-1], pool, strict=True)), x.shape[-1]))
    for n, *place, c in np.ndindex(y.shape):
        window = tuple(slice(i * p, (i + 1) * p) for i, p in zip(place, pool, strict=True))
        y[(n, *place, c)] = x[(n, *window, c)].max()
    return y


@st.composite
def cases(draw):
    """Draw a layer with its sizes: one axis or two, any stride, both paddings."""
    n_axes = draw(st.integers(1, 2))
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(n_axes))
    sizes = tuple(draw(st.integers(k, k + 4)) for k in kernel)
    channels, filters = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    options = {
        "strides": draw(st.integers(1, 3)),
        "padding": draw(st.sampled_from(["valid", "same"])),
    }
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.normal(size=(2, *sizes, channels))
    W, b = rng.normal(size=(*kernel, channels, filters)), rng.normal(size=filters)
    return x, W, b, options


# --- convolution: forward ---------------------------------------------------------------


def test_the_worked_example_of_the_source():
    layer = convolution(kernel_1d(0.5, 1.0, 0.5), [0.0], (4, 1))
    np.testing.assert_allclose(layer.forward(WORKED).ravel(), [1.15, 1.55], rtol=1e-15)


def test_the_sizes_of_the_source_and_the_parameters_of_its_network():
    shapes = [(10, 1)]
    for layer in (Conv1D(1, 3), MaxPool1D(2)):
        shapes.append(layer.output_shape(shapes[-1]))
    assert shapes == [(10, 1), (8, 1), (4, 1)]
    assert sum(np.prod(shape) for shape in Conv1D(1, 3).parameter_shapes((10, 1)).values()) == 4


@given(cases())
def test_forward_is_the_definition(case):
    x, W, b, options = case
    layer = convolution(W, b, x.shape[1:], **options)
    y = layer.forward(x)
    np.testing.assert_allclose(y, loop_convolution(x, W, b, **options), atol=1e-12)
    assert y.shape[1:] == layer.output_shape(x.shape[1:])


def test_one_axis_is_numpys_correlate():
    rng = generator()
    x, w = rng.normal(size=17), rng.normal(size=4)
    for padding in ("valid", "same"):
        layer = convolution(kernel_1d(*w), [0.0], (17, 1), padding=padding)
        # For an even kernel, "same" in NumPy puts the odd zero first: compare the inside.
        expected = np.correlate(x, w, "valid")
        y = layer.forward(x.reshape(1, 17, 1)).ravel()
        np.testing.assert_allclose(y[1:-2] if padding == "same" else y, expected, atol=1e-13)


@pytest.mark.parametrize("mode", ["valid", "same"])
def test_two_axes_are_scipys_correlate2d_and_not_its_convolve2d(mode):
    rng = generator()
    image, kernel = rng.normal(size=(9, 7)), rng.normal(size=(3, 5))
    layer = convolution(kernel[..., None, None], [0.0], (9, 7, 1), padding=mode)
    y = layer.forward(image[None, ..., None])[0, ..., 0]
    np.testing.assert_allclose(y, signal.correlate2d(image, kernel, mode), atol=1e-13)
    np.testing.assert_allclose(y, signal.convolve2d(image, kernel[::-1, ::-1], mode), atol=1e-13)
    assert not np.allclose(y, signal.convolve2d(image, kernel, mode))


@given(shift=st.integers(0, 5), seed=st.integers(0, 100))
def test_a_shifted_input_gives_a_shifted_output(shift, seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(1, 6, 6, 2))
    layer = convolution(rng.normal(size=(3, 3, 2, 2)), rng.normal(size=2), (16, 16, 2))

    def answer(at):
        canvas = np.zeros((1, 16, 16, 2))
        canvas[:, at : at + 6, at : at + 6] = image
        return layer.forward(canvas)

    np.testing.assert_allclose(
        answer(2 + shift)[:, shift:, shift:], answer(2)[:, : 14 - shift, : 14 - shift], atol=1e-13
    )


# --- convolution: backward --------------------------------------------------------------


@given(cases())
def test_gradients_are_those_of_finite_differences(case):
    x, W, b, options = case
    errors = check_layer(convolution(W, b, x.shape[1:], **options), x, rng=generator())
    assert set(errors) == {"x", "W", "b"} and max(errors.values()) <= 1e-7


def test_the_kernel_is_not_reversed_on_the_way_back():
    """The source's kernel is symmetric and hides it; (1, 2, 3) does not."""
    delta = np.array([1.0, -2.0, 0.5, 4.0])
    layer = convolution(kernel_1d(1, 2, 3), [0.0], (6, 1))
    layer.forward(np.zeros((1, 6, 1)))
    dx = layer.backward(delta.reshape(1, 4, 1)).ravel()
    np.testing.assert_allclose(dx, np.convolve(delta, [1, 2, 3]), atol=1e-14)
    assert not np.allclose(dx, np.convolve(delta, [3, 2, 1]))


def test_gradients_of_kernel_and_bias_by_hand():
    delta = np.array([1.0, -2.0])
    layer = convolution(kernel_1d(0.5, 1.0, 0.5), [0.0], (4, 1))
    layer.forward(WORKED)
    layer.backward(delta.reshape(1, 2, 1))
    x = WORKED.ravel()
    np.testing.assert_allclose(layer.grads["W"].ravel(), np.correlate(x, delta), atol=1e-15)
    assert layer.grads["b"] == delta.sum()


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_first_layer_need_not_return_a_gradient(padding):
    rng = generator()
    layer = Conv2D(3, 2, padding=padding).build((5, 4, 2), rng=rng)
    x = rng.normal(size=(2, 5, 4, 2))
    dy = rng.normal(size=layer.forward(x).shape)
    assert layer.backward(dy).shape == x.shape
    full = layer.grad.copy()
    layer.grad[:] = np.nan
    assert layer.backward(dy, needs_dx=False) is None
    np.testing.assert_array_equal(layer.grad, full)


def test_parameters_and_gradients_stay_views_of_the_flat_vectors():
    layer = Conv2D(2, 3).build((5, 5, 3), rng=generator())
    assert (
        np.shares_memory(layer.params["W"], layer.theta) and layer.theta.size == 3 * 3 * 3 * 2 + 2
    )
    layer.theta[:] = 0.0
    layer.theta[-2:] = [1.0, 2.0]
    y = layer.forward(np.ones((1, 5, 5, 3)))
    np.testing.assert_array_equal(y, np.broadcast_to([1.0, 2.0], y.shape))


def test_single_precision_is_kept():
    rng = generator()
    layer = Conv2D(2, 3, padding="same").build((6, 6, 1), rng=rng, dtype=np.float32)
    pool = MaxPool2D(2)
    x = rng.normal(size=(2, 6, 6, 1)).astype(np.float32)
    y = pool.forward(layer.forward(x))
    dx = layer.backward(pool.backward(np.ones_like(y)))
    assert y.dtype == dx.dtype == layer.grads["W"].dtype == np.float32


# --- patches ----------------------------------------------------------------------------


@given(cases())
def test_col2im_is_the_transpose_of_im2col(case):
    x, W, _, options = case
    kernel, strides = W.shape[:-2], options["strides"]
    patches = im2col(x, kernel, strides=strides)
    weights = generator().normal(size=patches.shape)
    back = col2im(weights, x.shape, kernel, strides=strides)
    assert np.sum(patches * weights) == pytest.approx(np.sum(x * back), abs=1e-11)


def test_im2col_copies_each_window():
    x = generator().normal(size=(2, 7, 6, 3))
    patches = im2col(x, (3, 2), strides=2)
    assert patches.shape == (2, 3, 3, 18)
    for n, i, j in np.ndindex(2, 3, 3):
        window = x[n, 2 * i : 2 * i + 3, 2 * j : 2 * j + 2]
        np.testing.assert_array_equal(patches[n, i, j], window.ravel())


def test_im2col_writes_where_it_is_told():
    out = np.empty((1, 2, 3))
    assert im2col(WORKED, (3,), out=out) is out
    np.testing.assert_array_equal(out[0], [[0.2, 0.6, 0.9], [0.6, 0.9, 0.7]])


# --- pooling ----------------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=2),
    pools=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 100),
)
def test_pooling_is_the_definition_and_its_gradient_that_of_finite_differences(sizes, pools, seed):
    pool = tuple(min(p, size) for p, size in zip(pools, sizes, strict=False))
    x = distinct(np.random.default_rng(seed), (2, *sizes, 2))
    layer = POOLS[len(sizes)](pool)
    y = layer.forward(x)
    np.testing.assert_array_equal(y, loop_max_pool(x, pool))
    assert y.shape[1:] == layer.output_shape(x.shape[1:])
    assert check_layer(layer, x, rng=generator())["x"] <= 1e-7


def test_the_gradient_goes_to_the_winner_and_to_the_first_of_equals():
    x = np.array([[5, 5, 1, 2], [5, 5, 3, 3]], dtype=float).reshape(1, 2, 4, 1)
    layer = MaxPool2D(2)
    assert layer.forward(x).ravel().tolist() == [5, 3]
    dx = layer.backward(np.array([10.0, 20.0]).reshape(1, 1, 2, 1))[0, :, :, 0]
    assert dx.tolist() == [[10, 0, 0, 0], [0, 0, 20, 0]]


@given(seed=st.integers(0, 1000), size=st.integers(2, 9))
def test_pooling_sends_back_exactly_what_it_gets(seed, size):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, size=(2, size, size, 1)).astype(float)  # many ties
    layer = MaxPool2D(2)
    dy = rng.normal(size=layer.forward(x).shape)
    dx = layer.backward(dy)
    assert dx.sum() == pytest.approx(dy.sum())
    assert np.count_nonzero(dx) == dy.size
    assert (dx[:, size // 2 * 2 :] == 0).all() and (dx[:, :, size // 2 * 2 :] == 0).all()


def test_a_window_of_many_numbers():
    x = generator().permutation(1000.0 + np.arange(1000)).reshape(1, 1000, 1)
    layer = MaxPool1D(1000)
    assert layer.forward(x).item() == 1999
    assert layer.backward(np.ones((1, 1, 1))).ravel().argmax() == x.argmax()


def test_pooling_commutes_with_relu():
    x = generator().normal(size=(2, 6, 6, 2))
    pool = MaxPool2D(2)
    np.testing.assert_array_equal(pool.forward(np.maximum(x, 0)), np.maximum(pool.forward(x), 0))


def test_pooling_needs_no_gradient_in_the_first_layer():
    layer = MaxPool1D()
    layer.forward(WORKED)
    assert layer.backward(np.ones((1, 2, 1)), needs_dx=False) is None


# --- Keras ------------------------------------------------------------------------------


def compare_with_keras(keras, ours, theirs, x):
    """Assert that outputs and gradients agree, in float64, to 1e-12 of their size."""
    import tensorflow as tf

    inputs = tf.constant(x)
    theirs.build(x.shape)
    if ours.params:
        theirs.set_weights([ours.params["W"], ours.params["b"]])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = theirs(inputs)
        weights = generator().normal(size=outputs.shape)
        total = tf.reduce_sum(outputs * weights)
    expected = tape.gradient(total, [inputs, *theirs.trainable_weights])
    np.testing.assert_allclose(ours.forward(x), outputs, rtol=1e-12, atol=1e-12)
    actual = [ours.backward(weights), *ours.grads.values()]
    for mine, reference in zip(actual, expected, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-12, atol=1e-12)


SETTINGS = list(itertools.product([1, 2, 3], ["valid", "same"]))


@pytest.mark.parametrize(("strides", "padding"), SETTINGS)
def test_conv1d_is_keras(keras, strides, padding):
    rng = generator()
    for length, kernel in ((9, 4), (8, 3), (7, 1), (4, 4)):
        ours = Conv1D(3, kernel, strides=strides, padding=padding).build((length, 2), rng=rng)
        ours.params["b"][:] = rng.normal(size=3)
        options = {"strides": strides, "padding": padding, "dtype": "float64"}
        theirs = keras.layers.Conv1D(3, kernel, **options)
        compare_with_keras(keras, ours, theirs, rng.normal(size=(2, length, 2)))


@pytest.mark.parametrize(("strides", "padding"), SETTINGS)
def test_conv2d_is_keras(keras, strides, padding):
    rng = generator()
    for sizes, kernel in (((7, 9), (3, 2)), ((8, 5), (5, 4)), ((5, 5), (1, 3))):
        ours = Conv2D(4, kernel, strides=strides, padding=padding).build((*sizes, 3), rng=rng)
        ours.params["b"][:] = rng.normal(size=4)
        options = {"strides": strides, "padding": padding, "dtype": "float64"}
        theirs = keras.layers.Conv2D(4, kernel, **options)
        compare_with_keras(keras, ours, theirs, rng.normal(size=(2, *sizes, 3)))


@pytest.mark.parametrize("pool", [2, 3])
def test_pooling_is_keras_with_ties_and_odd_sizes(keras, pool):
    rng = generator()
    for shape in ((2, 7, 2), (2, 6, 1), (2, 7, 9, 2), (2, 6, 6, 3)):
        x = rng.integers(0, 3, size=shape).astype(float)
        name = f"MaxPool{len(shape) - 2}D"
        theirs = getattr(keras.layers, name)(pool, dtype="float64")
        compare_with_keras(keras, POOLS[len(shape) - 2](pool), theirs, x)


# --- bad input --------------------------------------------------------------------------

X1, X2 = np.zeros((1, 4, 1)), np.zeros((1, 4, 4, 1))


def build(layer, shape):
    return layer.build(shape, rng=generator())


BAD_CALLS = [
    (output_size, (0, 3), {}, ValueError, "size: expected an integer of at least 1, got 0"),
    (output_size, (10, 2.5), {}, TypeError, "kernel_size: expected an integer"),
    (output_size, (10, 3), {"strides": 0}, ValueError, "strides: expected"),
    (output_size, (10, 3), {"padding": 1}, ValueError, "padding: expected valid or same, got 1"),
    (output_size, (2, 3), {}, ValueError, "kernel_size: expected at most .* 2, got 3"),
    (im2col, (X2, (3,)), {}, ValueError, "x: expected a 3-D array"),
    (im2col, (X1, 3), {}, TypeError, "kernel_size: expected a shape"),
    (im2col, (X1, (5,)), {}, ValueError, "kernel_size: expected at most .* 4, got 5"),
    (im2col, (X1, (3,)), {"strides": "a"}, TypeError, "strides: expected"),
    (im2col, (X1, (3,)), {"out": np.zeros((1, 2, 4))}, ValueError, r"out: .*\(1, 2, 3\), got"),
    (im2col, (X1 + np.nan, (3,)), {}, ValueError, "x: expected finite"),
    (im2col, ([[["a"]]], (1,)), {}, TypeError, "x: .* got strings"),
    (col2im, (np.ones((1, 2, 4)), (1, 4, 1), (3,)), {}, ValueError, r"patches: .*\(1, 2, 3\)"),
    (col2im, (np.ones((1, 2, 3)), (4, 1), (3,)), {}, ValueError, "input_shape: expected"),
    (col2im, (np.ones((1, 2, 3)), (1, 4, 1), 3), {}, TypeError, "kernel_size: expected"),
    (col2im, ([["a"]], (1, 4, 1), (3,)), {}, TypeError, "patches: .* got strings"),
    (col2im, (X1, (1, 4, 1), (1,)), {"strides": 0}, ValueError, "strides: expected"),
    (Conv1D, (0, 3), {}, ValueError, "filters: expected an integer of at least 1, got 0"),
    (Conv1D, ("a", 3), {}, TypeError, "filters: expected an integer"),
    (Conv1D, (1, (3, 3)), {}, ValueError, "kernel_size: expected a shape of 1"),
    (Conv1D, (1, 2.5), {}, TypeError, "kernel_size: expected a shape of 1"),
    (Conv1D, (1, 3), {"strides": 0}, ValueError, "strides: expected"),
    (Conv1D, (1, 3), {"padding": "full"}, ValueError, "padding: expected valid or same"),
    (Conv1D, (1, 3), {"initializer": "zeros"}, ValueError, "initializer: expected he or glorot"),
    (build, (Conv1D(1, 3), (2, 1)), {}, ValueError, "kernel_size: expected at most .* 2, got 3"),
    (build, (Conv1D(1, 3), (4, 4, 1)), {}, ValueError, "input_shape: expected a shape of 2"),
    (Conv2D, (1, (3, 0)), {}, ValueError, "kernel_size: expected an integer of at least 1"),
    (Conv2D, (1, 3), {"strides": 1.5}, TypeError, "strides: expected"),
    (Conv2D, (1, 3), {"padding": 1}, ValueError, "padding: expected valid or same, got 1"),
    (build, (Conv2D(1, 3), (4, 1)), {}, ValueError, "input_shape: expected a shape of 3"),
    (MaxPool1D, (0,), {}, ValueError, "pool_size: expected an integer of at least 1"),
    (MaxPool1D, ("a",), {}, TypeError, "pool_size: expected a shape"),
    (build, (MaxPool1D(3), (2, 1)), {}, ValueError, "pool_size: expected at most .* 2, got 3"),
    (MaxPool2D, ((2, 2, 2),), {}, ValueError, "pool_size: expected a shape of 2"),
    (build, (MaxPool2D(2), (4, 1)), {}, ValueError, "input_shape: expected a shape of 3"),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    assert {function.__name__ for function, *_ in BAD_CALLS} - {"build"} == set(module.__all__)
