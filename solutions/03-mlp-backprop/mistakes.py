"""Wrong answers of assignment 3 that students really give: each must lose points, with its hint."""

import numpy as np

from course_lib.grading.checks import mistake

# --- dense_forward ----------------------------------------------------------------------------


@mistake("dense_forward", hint="The function hands nothing back: it has no `return`.")
def layer_not_returned(x, weights, bias):
    """Computes or prints the pre-activations and returns None."""
    return None


@mistake(
    "dense_forward",
    hint="One row of `weights` for each neuron: a product of rows by rows needs a transposition.",
)
def weights_not_transposed(x, weights, bias):
    """Multiplies by weights as if they had the shape (n_in, n_out)."""
    return x @ weights + bias


@mistake("dense_forward", hint="The argument `bias` does not change your result.")
def bias_left_out(x, weights, bias):
    """Forgets the bias."""
    return x @ weights.T


@mistake("dense_forward", hint="The bias is added: look at its sign.")
def bias_taken_away(x, weights, bias):
    """Subtracts the bias, as with a threshold."""
    return x @ weights.T - bias


@mistake("dense_forward", hint="The bias belongs to a neuron, which is a column of the result.")
def bias_given_to_the_examples(x, weights, bias):
    """Adds the bias down the rows, one number for each example."""
    return x @ weights.T + bias[:, np.newaxis]


@mistake("dense_forward", hint="Each neuron has one bias of its own, not the sum of all of them.")
def biases_added_up(x, weights, bias):
    """Gives the sum of the biases to every neuron."""
    return x @ weights.T + np.sum(bias)


@mistake(
    "dense_forward", hint="A negative pre-activation stays negative: the activation comes later."
)
def activation_applied_already(x, weights, bias):
    """Returns ReLU(z)."""
    return np.maximum(x @ weights.T + bias, 0)


@mistake("dense_forward", hint="The examples are rows, also in the result: (n, n_out).")
def examples_turned_into_columns(x, weights, bias):
    """Returns the transpose, with a column for each example as on paper."""
    return weights @ x.T + bias[:, np.newaxis]


@mistake("dense_forward", hint="Only the first example has been through the layer.")
def first_example_only(x, weights, bias):
    """Computes the row of the first example."""
    return x[:1] @ weights.T + bias


@mistake("dense_forward", hint="Two examples never meet in a layer: each has its own row.")
def examples_averaged(x, weights, bias):
    """Puts the mean example through the layer."""
    return (np.mean(x, axis=0) + 0 * x) @ weights.T + bias


# --- dense_backward ---------------------------------------------------------------------------


def _gradients(x, weights, dz):
    """The right gradients, for the mistakes that spoil them."""
    return dz @ weights, dz.T @ x, dz.sum(axis=0)


@mistake("dense_backward", hint="The function hands nothing back: it has no `return`.")
def gradients_not_returned(x, weights, dz):
    """Stores the gradients and returns None."""
    return None


@mistake("dense_backward", hint="First the input, then the weights, then the bias: (dx, dw, db).")
def gradients_in_another_order(x, weights, dz):
    """Returns (dw, db, dx)."""
    dx, dw, db = _gradients(x, weights, dz)
    return dw, db, dx


@mistake("dense_backward", hint="`dz` has the 1/n of the mean in it already: dw and db are sums.")
def divided_by_n_twice(x, weights, dz):
    """Averages over the batch once more."""
    dx, dw, db = _gradients(x, weights, dz)
    return dx, dw / len(x), db / len(x)


@mistake("dense_backward", hint="All the examples share one bias: add up what they ask of it.")
def bias_gradient_of_each_example(x, weights, dz):
    """Returns dz itself for the bias."""
    dx, dw, _ = _gradients(x, weights, dz)
    return dx, dw, dz


@mistake("dense_backward", hint="Each neuron has its own bias: keep the neurons apart in db.")
def bias_gradient_in_one_number(x, weights, dz):
    """Sums the bias gradient over examples and neurons."""
    dx, dw, _ = _gradients(x, weights, dz)
    return dx, dw, np.sum(dz)


@mistake("dense_backward", hint="The bias counts once for each example, not n times for each.")
def bias_gradient_counted_n_times(x, weights, dz):
    """Multiplies the bias gradient by n."""
    dx, dw, db = _gradients(x, weights, dz)
    return dx, dw, len(x) * db


@mistake("dense_backward", hint="The bias changes z as well: db is not 0.")
def bias_gradient_of_zero(x, weights, dz):
    """Returns zeros for the bias."""
    dx, dw, db = _gradients(x, weights, dz)
    return dx, dw, 0 * db


@mistake("dense_backward", hint="dw has the shape of the weights: a row for each neuron.")
def weight_gradient_transposed(x, weights, dz):
    """Returns dw with the shape (n_in, n_out)."""
    dx, dw, db = _gradients(x, weights, dz)
    return dx, dw.T, db


@mistake("dense_backward", hint="In dw every example adds its part: yours keeps the last one only.")
def weight_gradient_of_the_last_example(x, weights, dz):
    """Overwrites dw in the loop over the examples."""
    dx, _, db = _gradients(x, weights, dz)
    return dx, np.outer(dz[-1], x[-1]), db


@mistake("dense_backward", hint="What multiplies a weight in z? That is its derivative.")
def weight_gradient_without_the_input(x, weights, dz):
    """Gives each weight the derivative of the bias."""
    dx, dw, db = _gradients(x, weights, dz)
    return dx, db[:, np.newaxis] + 0 * dw, db


@mistake(
    "dense_backward",
    hint="On the way back a neuron hands its blame to the inputs of its own row of weights.",
)
def weights_transposed_on_the_way_back(x, weights, dz):
    """Multiplies dz by the transposed weights."""
    _, dw, db = _gradients(x, weights, dz)
    return dz @ weights.T, dw, db


@mistake("dense_backward", hint="There is no activation in this layer: dx has no gate.")
def input_gradient_behind_a_gate(x, weights, dz):
    """Sets dx to 0 where the input is not positive."""
    dx, dw, db = _gradients(x, weights, dz)
    return dx * (x > 0), dw, db


@mistake("dense_backward", hint="Each example has its own row in dx: nothing is added up there.")
def input_gradient_summed(x, weights, dz):
    """Sums dx over the batch, like the other two."""
    dx, dw, db = _gradients(x, weights, dz)
    return dx.sum(axis=0), dw, db


@mistake("dense_backward", hint="Gradients, not updates: the minus sign belongs to the descent.")
def gradients_with_a_minus_sign(x, weights, dz):
    """Returns the directions of descent."""
    return tuple(-part for part in _gradients(x, weights, dz))


# --- cross_entropy ----------------------------------------------------------------------------


def _log_softmax(z):
    """The right logarithm of the softmax, for the mistakes that spoil the rest."""
    below = z - z.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


def _loss_and_delta(z, y):
    logs = _log_softmax(z)
    return -np.sum(y * logs) / len(z), (np.exp(logs) - y) / len(z)


@mistake("cross_entropy", hint="The function hands nothing back: it has no `return`.")
def blame_not_returned(z, y):
    """Prints the loss and returns None."""
    return None


@mistake("cross_entropy", hint="The delta is prediction minus label: yours points downhill.")
def delta_with_the_wrong_sign(z, y):
    """Returns y minus the softmax."""
    loss, delta = _loss_and_delta(z, y)
    return loss, -delta


@mistake("cross_entropy", hint="The loss is a mean, and so is its gradient: where is the 1/n?")
def delta_without_the_mean(z, y):
    """Forgets the 1/n of the delta."""
    loss, delta = _loss_and_delta(z, y)
    return loss, delta * len(z)


@mistake("cross_entropy", hint="Your delta has its 1/n, your loss does not.")
def loss_without_the_mean(z, y):
    """Sums the loss over the examples."""
    loss, delta = _loss_and_delta(z, y)
    return loss * len(z), delta


@mistake("cross_entropy", hint="The same example twice should change nothing: you take sums.")
def sums_over_the_batch(z, y):
    """Forgets the 1/n altogether."""
    loss, delta = _loss_and_delta(z, y)
    return loss * len(z), delta * len(z)


@mistake("cross_entropy", hint="The mean is over the n examples, not over all n times K numbers.")
def mean_over_the_classes_too(z, y):
    """Takes np.mean of the whole array."""
    loss, delta = _loss_and_delta(z, y)
    return loss / z.shape[1], delta / z.shape[1]


@mistake(
    "cross_entropy", hint="exp(1000) is infinite: take the largest logit of the row away first."
)
def exponentials_that_overflow(z, y):
    """Computes the softmax as it stands in the definition."""
    shares = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.sum(y * np.log(shares)) / len(z), (shares - y) / len(z)


@mistake(
    "cross_entropy",
    hint="A probability that rounds to 0 has no logarithm: simplify log softmax on paper.",
)
def logarithm_of_zero(z, y):
    """Computes a stable softmax, then the logarithm of what may be 0."""
    shares = np.exp(_log_softmax(z))
    return -np.sum(y * np.log(shares)) / len(z), (shares - y) / len(z)


@mistake("cross_entropy", hint="Clipping the probabilities hides how wrong a sure mistake is.")
def probabilities_clipped(z, y):
    """Keeps the probabilities above 1e-12."""
    shares = np.exp(_log_softmax(z))
    return -np.sum(y * np.log(np.maximum(shares, 1e-12))) / len(z), (shares - y) / len(z)


@mistake("cross_entropy", hint="Each row has its own largest logit: yours is that of the batch.")
def one_largest_logit_for_the_batch(z, y):
    """Subtracts the largest logit of the whole batch."""
    below = z - z.max()
    logs = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return -np.sum(y * logs) / len(z), (np.exp(logs) - y) / len(z)


@mistake("cross_entropy", hint="The classes of one example share a softmax: that is a row.")
def softmax_down_the_columns(z, y):
    """Takes the softmax over the examples."""
    logs = _log_softmax(z.T).T
    return -np.sum(y * logs) / len(z), (np.exp(logs) - y) / len(z)


@mistake("cross_entropy", hint="Which logarithm? The gradient of the text needs the natural one.")
def logarithm_to_the_base_two(z, y):
    """Measures the loss in bits."""
    loss, delta = _loss_and_delta(z, y)
    return loss / np.log(2), delta


@mistake("cross_entropy", hint="The probabilities are half of the delta: the label is missing.")
def probabilities_instead_of_delta(z, y):
    """Returns the softmax in the place of the delta."""
    loss, delta = _loss_and_delta(z, y)
    return loss, delta + y / len(z)


@mistake("cross_entropy", hint="A loss is at least 0: look at the sign of yours.")
def loss_with_the_wrong_sign(z, y):
    """Forgets the minus sign of the loss."""
    loss, delta = _loss_and_delta(z, y)
    return -loss, delta


# --- hidden_delta -----------------------------------------------------------------------------


@mistake("hidden_delta", hint="The function hands nothing back: it has no `return`.")
def hidden_blame_not_returned(delta, weights, z):
    """Computes the delta and returns None."""
    return None


@mistake("hidden_delta", hint="What is the derivative of ReLU at 0 in this assignment?")
def gate_open_at_zero(delta, weights, z):
    """Takes the derivative of ReLU with >=."""
    return (delta @ weights) * (z >= 0)


@mistake("hidden_delta", hint="The argument `z` does not change your result: a gate is missing.")
def gate_left_out(delta, weights, z):
    """Forgets the derivative of ReLU."""
    return delta @ weights


@mistake("hidden_delta", hint="The derivative of ReLU is asked, 0 or 1, and not ReLU itself.")
def gate_replaced_by_its_activation(delta, weights, z):
    """Multiplies by ReLU(z)."""
    return (delta @ weights) * np.maximum(z, 0)


@mistake("hidden_delta", hint="The gate looks at z; the blame itself may well be negative.")
def gate_on_the_blame(delta, weights, z):
    """Applies ReLU to the blame that comes back."""
    return np.maximum(delta @ weights, 0)


@mistake("hidden_delta", hint="A silent neuron gets no blame: your gate lets the others out.")
def gate_the_wrong_way_round(delta, weights, z):
    """Closes the gate of the neurons that are awake."""
    return (delta @ weights) * (z <= 0)


@mistake("hidden_delta", hint="The slope of ReLU on its left side is 0, not -1.")
def sign_instead_of_gate(delta, weights, z):
    """Multiplies by the sign of z."""
    return (delta @ weights) * np.sign(z)


@mistake(
    "hidden_delta", hint="Rows of deltas: the weights are used as they stand, (n_out, n_hidden)."
)
def weights_transposed_below(delta, weights, z):
    """Multiplies by the transposed weights, as for a column."""
    return (delta @ weights.T) * (z > 0)


@mistake("hidden_delta", hint="Each weight carries its share of the blame: use their values.")
def weights_taken_as_ones(delta, weights, z):
    """Hands the whole blame of the layer above to every neuron."""
    return (delta @ np.ones(weights.shape)) * (z > 0)


@mistake("hidden_delta", hint="`delta` has the 1/n of the mean in it already.")
def divided_by_n_below(delta, weights, z):
    """Averages over the batch once more."""
    return (delta @ weights) * (z > 0) / len(z)


# --- train_step -------------------------------------------------------------------------------


def _forward(x, weights, biases):
    """Inputs and pre-activations of every layer."""
    inputs, zs = [x], []
    for w, b in zip(weights, biases, strict=True):
        zs.append(inputs[-1] @ w.T + b)
        inputs.append(zs[-1] * (zs[-1] > 0))
    return inputs[:-1], zs


def _gate(z):
    return z > 0


def _backward(x, y, weights, biases, behind=None, gate=_gate):
    """The right gradients (dws, dbs); `behind` gives the weights of the way back."""
    inputs, zs = _forward(x, weights, biases)
    delta = _loss_and_delta(zs[-1], y)[1]
    dws, dbs = [], []
    for layer in reversed(range(len(weights))):
        dx, dw, db = _gradients(inputs[layer], (behind or weights)[layer], delta)
        dws.insert(0, dw)
        dbs.insert(0, db)
        delta = dx * gate(zs[layer - 1]) if layer else None
    return dws, dbs


def _moved(parts, slopes, rate):
    return [part - rate * slope for part, slope in zip(parts, slopes, strict=True)]


@mistake("train_step", hint="The function hands nothing back: it has no `return`.")
def network_not_returned(x, y, weights, biases, rate):
    """Updates its own variables and returns None."""
    return None


@mistake("train_step", hint="Downhill is against the gradient: look at the sign of the update.")
def step_goes_uphill(x, y, weights, biases, rate):
    """Adds the gradient."""
    dws, dbs = _backward(x, y, weights, biases)
    return _moved(weights, dws, -rate), _moved(biases, dbs, -rate)


@mistake("train_step", hint="The output layer learns too: which layer does your loop start with?")
def output_layer_left_out(x, y, weights, biases, rate):
    """Never updates the last layer, like the table of the source."""
    dws, dbs = _backward(x, y, weights, biases)
    new_weights, new_biases = _moved(weights, dws, rate), _moved(biases, dbs, rate)
    return [*new_weights[:-1], weights[-1]], [*new_biases[:-1], biases[-1]]


@mistake("train_step", hint="The first layer learns too: which layer does your loop end with?")
def first_layer_left_out(x, y, weights, biases, rate):
    """Stops the loop before the first layer (of several)."""
    dws, dbs = _backward(x, y, weights, biases)
    new_weights, new_biases = _moved(weights, dws, rate), _moved(biases, dbs, rate)
    if len(weights) > 1:
        new_weights[0], new_biases[0] = weights[0], biases[0]
    return new_weights, new_biases


@mistake("train_step", hint="Only the output layer has learnt: send the blame further down.")
def only_the_output_layer(x, y, weights, biases, rate):
    """Updates the last layer and stops."""
    dws, dbs = _backward(x, y, weights, biases)
    new_weights, new_biases = _moved(weights, dws, rate), _moved(biases, dbs, rate)
    return [*weights[:-1], new_weights[-1]], [*biases[:-1], new_biases[-1]]


@mistake("train_step", hint="The biases have not moved.")
def biases_left_as_they_are(x, y, weights, biases, rate):
    """Updates the weights only."""
    dws, _ = _backward(x, y, weights, biases)
    return _moved(weights, dws, rate), biases


@mistake(
    "train_step",
    hint="The blame travels back through the old weights: compute the delta before the update.",
)
def way_back_through_the_new_weights(x, y, weights, biases, rate):
    """Updates a layer, then sends the blame through the updated weights."""
    inputs, zs = _forward(x, weights, biases)
    delta = _loss_and_delta(zs[-1], y)[1]
    weights, biases = list(weights), list(biases)
    for layer in reversed(range(len(weights))):
        weights[layer] = weights[layer] - rate * delta.T @ inputs[layer]
        biases[layer] = biases[layer] - rate * delta.sum(axis=0)
        if layer:
            delta = (delta @ weights[layer]) * (zs[layer - 1] > 0)
    return weights, biases


@mistake("train_step", hint="The blame leaves layer l through the weights of layer l, no other.")
def weights_of_the_layer_below(x, y, weights, biases, rate):
    """Sends the blame of each layer back through the weights of the layer below."""
    dws, dbs = _backward(x, y, weights, biases, behind=[weights[0], *weights[:-1]])
    return _moved(weights, dws, rate), _moved(biases, dbs, rate)


@mistake("train_step", hint="The gradients are found from the top: bring them into order first.")
def gradients_in_the_order_they_were_found(x, y, weights, biases, rate):
    """Gives the first layer the gradient of the last one, and so on."""
    dws, dbs = _backward(x, y, weights, biases)
    return _moved(weights, dws[::-1], rate), _moved(biases, dbs[::-1], rate)


@mistake("train_step", hint="The gate of ReLU is missing on the way back.")
def no_gate_on_the_way_back(x, y, weights, biases, rate):
    """Forgets the derivative of ReLU between the layers."""
    dws, dbs = _backward(x, y, weights, biases, gate=np.ones_like)
    return _moved(weights, dws, rate), _moved(biases, dbs, rate)


@mistake("train_step", hint="ReLU follows each layer but the last one: logits may be negative.")
def relu_on_the_logits(x, y, weights, biases, rate):
    """Applies ReLU to the last layer too, with its gate on the way back."""
    inputs, zs = _forward(x, weights, biases)
    delta = _loss_and_delta(np.maximum(zs[-1], 0), y)[1]
    dws, dbs = [], []
    for layer in reversed(range(len(weights))):
        dx, dw, db = _gradients(inputs[layer], weights[layer], delta)
        dws.insert(0, dw)
        dbs.insert(0, db)
        delta = dx * (zs[layer - 1] > 0)
    return _moved(weights, dws, rate), _moved(biases, dbs, rate)


@mistake("train_step", hint="The loss is a mean: with twice the examples, your step doubles.")
def step_of_the_sum(x, y, weights, biases, rate):
    """Takes the gradient of the summed loss."""
    dws, dbs = _backward(x, y, weights, biases)
    return _moved(weights, dws, rate * len(x)), _moved(biases, dbs, rate * len(x))


@mistake("train_step", hint="One n is enough: `cross_entropy` has divided by it already.")
def mean_taken_twice(x, y, weights, biases, rate):
    """Divides by the number of examples once more."""
    dws, dbs = _backward(x, y, weights, biases)
    return _moved(weights, dws, rate / len(x)), _moved(biases, dbs, rate / len(x))


@mistake("train_step", hint="The argument `rate` does not change your result.")
def rate_left_out(x, y, weights, biases, rate):
    """Takes steps of the gradient's own length."""
    dws, dbs = _backward(x, y, weights, biases)
    return _moved(weights, dws, 1.0), _moved(biases, dbs, 1.0)


@mistake("train_step", hint="The new weights are asked, not their gradients.")
def gradients_instead_of_weights(x, y, weights, biases, rate):
    """Returns the gradients."""
    return _backward(x, y, weights, biases)
