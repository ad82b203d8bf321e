"""Wrong answers of assignment 4 that students really give: each must lose points, with its hint."""

import numpy as np

from course_lib.grading.checks import mistake

# --- conv1d_forward ---------------------------------------------------------------------------


def _conv1d(x, kernels, bias, stride=1):
    """The right convolution, for the mistakes that spoil it."""
    size = kernels.shape[2]
    places = range(0, x.shape[1] - size + 1, stride)
    sums = [[np.sum(weights * x[:, t : t + size]) for t in places] for weights in kernels]
    return np.array(sums) + bias[:, np.newaxis]


@mistake("conv1d_forward", hint="The function hands nothing back: it has no `return`.")
def answers_not_returned(x, kernels, bias):
    """Computes the convolution and returns None."""
    return None


@mistake(
    "conv1d_forward",
    hint="Your kernel is read from right to left: in the formula, both indices grow together.",
)
def kernel_flipped(x, kernels, bias):
    """Flips the kernel, as np.convolve does."""
    return _conv1d(x, kernels[:, :, ::-1], bias)


@mistake("conv1d_forward", hint="The argument `bias` does not change your result.")
def bias_not_added(x, kernels, bias):
    """Forgets the bias."""
    return _conv1d(x, kernels, 0 * bias)


@mistake("conv1d_forward", hint="A filter adds its bias once, after the sum over the channels.")
def bias_for_each_channel(x, kernels, bias):
    """Adds the bias once for each channel."""
    return _conv1d(x, kernels, len(x) * bias)


@mistake("conv1d_forward", hint="A filter adds its bias once, not once for each of its weights.")
def bias_for_each_weight(x, kernels, bias):
    """Adds the bias inside the sums."""
    return _conv1d(x, kernels, kernels[0].size * bias)


@mistake("conv1d_forward", hint="Each filter has a bias of its own: yours is that of the first.")
def bias_of_the_first_filter(x, kernels, bias):
    """Gives the bias of the first filter to all of them."""
    return _conv1d(x, kernels, bias[0] + 0 * bias)


@mistake("conv1d_forward", hint="The channels add up: a sum, and not a mean.")
def channels_averaged(x, kernels, bias):
    """Takes the mean over the channels."""
    return _conv1d(x, kernels / len(x), bias)


@mistake("conv1d_forward", hint="The second channel does not change your result.")
def first_channel_only(x, kernels, bias):
    """Looks at the first channel."""
    return _conv1d(x[:1], kernels[:, :1], bias)


@mistake("conv1d_forward", hint="Each channel has weights of its own in a filter.")
def kernel_of_the_first_channel(x, kernels, bias):
    """Uses the weights of the first channel for all of them."""
    return _conv1d(x, kernels[:, :1] + 0 * kernels, bias)


@mistake("conv1d_forward", hint="How many windows of 2 are there in three numbers? Yours miss one.")
def last_window_missed(x, kernels, bias):
    """Stops one window too early: length - k."""
    return _conv1d(x, kernels, bias)[:, :-1]


@mistake("conv1d_forward", hint="Nothing is padded: the window never looks beyond the signal.")
def signal_padded(x, kernels, bias):
    """Pads with zeros so that the length stays the same."""
    missing = kernels.shape[2] - 1
    return _conv1d(np.pad(x, ((0, 0), (missing // 2, missing - missing // 2))), kernels, bias)


@mistake("conv1d_forward", hint="The window moves by 1: two neighbours have most of it in common.")
def windows_side_by_side(x, kernels, bias):
    """Moves the window by its own width, as a pooling does."""
    return _conv1d(x, kernels, bias, stride=kernels.shape[2])


@mistake("conv1d_forward", hint="A negative answer stays negative: the activation comes later.")
def relu_applied_already(x, kernels, bias):
    """Returns ReLU(z)."""
    return np.maximum(_conv1d(x, kernels, bias), 0)


@mistake("conv1d_forward", hint="One row for each filter: yours are the columns.")
def filters_last(x, kernels, bias):
    """Returns the shape (places, filters)."""
    return _conv1d(x, kernels, bias).T


@mistake("conv1d_forward", hint="Only the first filter has been applied.")
def first_filter_only(x, kernels, bias):
    """Returns the row of the first filter."""
    return _conv1d(x, kernels, bias)[:1]


# --- conv1d_backward --------------------------------------------------------------------------


def _conv1d_gradients(x, kernels, dz):
    """The right gradients, for the mistakes that spoil them."""
    dx, dw = np.zeros(x.shape), np.zeros(kernels.shape)
    size = kernels.shape[2]
    for f, t in np.ndindex(dz.shape):
        dx[:, t : t + size] += dz[f, t] * kernels[f]
        dw[f] += dz[f, t] * x[:, t : t + size]
    return dx, dw, dz.sum(axis=1)


@mistake("conv1d_backward", hint="The function hands nothing back: it has no `return`.")
def window_gradients_not_returned(x, kernels, dz):
    """Stores the gradients and returns None."""
    return None


@mistake("conv1d_backward", hint="First the signal, then the kernels, then the bias: (dx, dw, db).")
def window_gradients_in_another_order(x, kernels, dz):
    """Returns (dw, db, dx)."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    return dw, db, dx


@mistake(
    "conv1d_backward",
    hint="In dx the kernel is used as it is: you flip it, which only a symmetric one survives.",
)
def kernel_flipped_on_the_way_back(x, kernels, dz):
    """Convolves dz with the flipped kernel, as the source says."""
    _, dw, db = _conv1d_gradients(x, kernels, dz)
    return _conv1d_gradients(x, kernels[:, :, ::-1], dz)[0], dw, db


@mistake("conv1d_backward", hint="The first and the last numbers of the signal are seen as well.")
def edges_of_the_signal_missed(x, kernels, dz):
    """Leaves 0 where fewer than k windows look."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    edge = kernels.shape[2] - 1
    places = np.arange(x.shape[1])
    return dx * ((places >= edge) & (places < x.shape[1] - edge)), dw, db


@mistake("conv1d_backward", hint="Windows overlap: in dx, add what each one hands back.")
def windows_overwrite_each_other(x, kernels, dz):
    """Writes dx[window] = ... instead of adding."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    for t in range(dz.shape[1]):
        dx[:, t : t + kernels.shape[2]] = np.tensordot(dz[:, t], kernels, axes=1)
    return dx, dw, db


@mistake("conv1d_backward", hint="Only the first filter has blamed the signal: add all of them.")
def blame_of_the_first_filter(x, kernels, dz):
    """Sends back the first filter's share."""
    _, dw, db = _conv1d_gradients(x, kernels, dz)
    return _conv1d_gradients(x, kernels[:1], dz[:1])[0], dw, db


@mistake("conv1d_backward", hint="Each filter has its own weight for a channel: keep them apart.")
def blame_spread_over_the_channels(x, kernels, dz):
    """Gives each channel the blame of all of them."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    return dx.sum(axis=0) + 0 * dx, dw, db


@mistake("conv1d_backward", hint="All the places share one bias: db is a sum, not a mean.")
def bias_gradient_averaged(x, kernels, dz):
    """Averages over the places."""
    dx, dw, _ = _conv1d_gradients(x, kernels, dz)
    return dx, dw, dz.mean(axis=1)


@mistake("conv1d_backward", hint="The bias of a filter has one number: add over the places.")
def bias_gradient_at_each_place(x, kernels, dz):
    """Returns dz itself for the bias."""
    dx, dw, _ = _conv1d_gradients(x, kernels, dz)
    return dx, dw, dz


@mistake("conv1d_backward", hint="Each filter has its own bias: keep the filters apart in db.")
def bias_gradient_of_all_filters(x, kernels, dz):
    """Sums over filters and places."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    return dx, dw, db.sum()


@mistake("conv1d_backward", hint="The bias enters z as well: where is its gradient?")
def bias_gradient_forgotten(x, kernels, dz):
    """Returns zeros for the bias, like the source, which has none."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    return dx, dw, 0 * db


@mistake("conv1d_backward", hint="dw comes out from right to left: is it dz or x that you flipped?")
def kernel_gradient_flipped(x, kernels, dz):
    """Returns dw in the wrong direction."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    return dx, dw[:, :, ::-1], db


@mistake("conv1d_backward", hint="A kernel is used at every place: in dw, all of them add up.")
def kernel_gradient_of_the_last_place(x, kernels, dz):
    """Overwrites dw at each place."""
    dx, _, db = _conv1d_gradients(x, kernels, dz)
    return dx, np.multiply.outer(dz[:, -1], x[:, -kernels.shape[2] :]), db


@mistake("conv1d_backward", hint="The places add up in dw: a sum, and not a mean.")
def kernel_gradient_averaged(x, kernels, dz):
    """Averages dw over the places."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    return dx, dw / dz.shape[1], db


@mistake("conv1d_backward", hint="Each weight of a kernel looks at its own channel: not at all.")
def kernel_gradient_of_all_channels(x, kernels, dz):
    """Sums dw over the channels."""
    dx, dw, db = _conv1d_gradients(x, kernels, dz)
    return dx, dw.sum(axis=1, keepdims=True) + 0 * dw, db


# --- max_pool_backward ------------------------------------------------------------------------


def _route(x, size, dy, share):
    """Each window of dx is its gradient times `share(window)`."""
    dx = np.zeros(x.shape)
    for channel, cell in np.ndindex(dy.shape):
        window = slice(cell * size, (cell + 1) * size)
        dx[channel, window] = dy[channel, cell] * share(x[channel, window])
    return dx


def _one_at(index, size):
    """Zeros, and a 1 at the index."""
    return np.eye(size)[index]


def _winner(window):
    return _one_at(np.argmax(window), len(window))


@mistake("max_pool_backward", hint="The function hands nothing back: it has no `return`.")
def route_not_returned(x, size, dy):
    """Fills its own array and returns None."""
    return None


@mistake("max_pool_backward", hint="When there are several winners, who gets the gradient?")
def all_equals_win(x, size, dy):
    """Gives the gradient to every number that equals the maximum."""
    return _route(x, size, dy, lambda window: window == window.max())


@mistake("max_pool_backward", hint="The winner is the first of equals: yours is the last.")
def last_of_equals_wins(x, size, dy):
    """Gives the gradient to the last of the winners, as >= in a loop does."""
    return _route(x, size, dy, lambda window: _winner(window[::-1])[::-1])


@mistake("max_pool_backward", hint="Equal winners do not share: the first one takes it all.")
def equals_share(x, size, dy):
    """Divides the gradient among the winners."""
    return _route(
        x, size, dy, lambda window: (window == window.max()) / np.sum(window == window.max())
    )


@mistake("max_pool_backward", hint="Only the winner has had a say in the output: the others get 0.")
def everybody_gets_it(x, size, dy):
    """Copies the gradient to the whole window."""
    return _route(x, size, dy, lambda window: np.ones(size))


@mistake("max_pool_backward", hint="That is the way back of a mean: here the winner takes it all.")
def gradient_of_a_mean(x, size, dy):
    """Spreads the gradient over the window."""
    return _route(x, size, dy, lambda window: np.full(size, 1 / size))


@mistake("max_pool_backward", hint="The gradient goes back, not the number that has won.")
def winning_number_instead_of_gradient(x, size, dy):
    """Puts the maximum where it was found."""
    return _route(x, size, 0 * dy + 1, lambda window: _winner(window) * window)


@mistake("max_pool_backward", hint="The gradient goes back as it is: do not multiply it by x.")
def gradient_times_the_winner(x, size, dy):
    """Multiplies the gradient by the maximum."""
    return _route(x, size, dy, lambda window: _winner(window) * window)


@mistake("max_pool_backward", hint="The largest number wins, not the smallest.")
def smallest_number_wins(x, size, dy):
    """Looks for the minimum."""
    return _route(x, size, dy, lambda window: _winner(-window))


@mistake(
    "max_pool_backward", hint="-3 is not larger than -1: compare the numbers with their signs."
)
def largest_absolute_value_wins(x, size, dy):
    """Compares absolute values."""
    return _route(x, size, dy, lambda window: _winner(np.abs(window)))


@mistake("max_pool_backward", hint="A negative number may win as well: do not start from 0.")
def nobody_below_zero_wins(x, size, dy):
    """Starts the search for the maximum at 0."""
    return _route(x, size, dy, lambda window: _winner(window) * (window >= 0))


@mistake(
    "max_pool_backward",
    hint="argmax counts from the start of the window: where does the window start?",
)
def place_within_the_first_window(x, size, dy):
    """Forgets to add the start of the window to the winner's place."""
    dx = np.zeros(x.shape)
    for channel, cell in np.ndindex(dy.shape):
        window = x[channel, cell * size : (cell + 1) * size]
        dx[channel, np.argmax(window)] = dy[channel, cell]
    return dx


@mistake("max_pool_backward", hint="Each channel has winners of its own.")
def winners_of_the_first_channel(x, size, dy):
    """Uses the winners of the first channel in all of them."""
    return _route(x[:1] + 0 * x, size, dy, _winner)


@mistake("max_pool_backward", hint="The result has the shape of x: the rest at the end is 0.")
def rest_cut_off(x, size, dy):
    """Returns the full windows only."""
    return _route(x, size, dy, _winner)[:, : size * dy.shape[1]]


@mistake("max_pool_backward", hint="The rest at the end is in no window: it can win nothing.")
def last_window_too_long(x, size, dy):
    """Lets the rest take part in the last window."""
    dx = _route(x, size, dy, _winner)
    first = size * (dy.shape[1] - 1)
    for channel in range(len(x)):
        last = x[channel, first:]
        dx[channel, first:] = dy[channel, -1] * _one_at(np.argmax(last), len(last))
    return dx


# --- conv2d_forward ---------------------------------------------------------------------------


def _conv2d(x, kernels, bias):
    """The right convolution, for the mistakes that spoil it."""
    p, q = kernels.shape[2:]
    windows = np.lib.stride_tricks.sliding_window_view(x, (p, q), axis=(1, 2))
    return np.einsum("crspq,fcpq->frs", windows, kernels) + bias[:, np.newaxis, np.newaxis]


@mistake("conv2d_forward", hint="The function hands nothing back: it has no `return`.")
def feature_maps_not_returned(x, kernels, bias):
    """Computes the convolution and returns None."""
    return None


@mistake(
    "conv2d_forward", hint="Your kernel is turned by half a turn, as in scipy.signal.convolve2d."
)
def kernel_turned(x, kernels, bias):
    """Turns the kernel by 180 degrees: Sobel answers with the opposite sign."""
    return _conv2d(x, kernels[:, :, ::-1, ::-1], bias)


@mistake("conv2d_forward", hint="Rows of the kernel go with rows of the image: yours are columns.")
def kernel_transposed(x, kernels, bias):
    """Exchanges the rows and the columns of the kernel."""
    return _conv2d(x, kernels.swapaxes(2, 3), bias)


@mistake("conv2d_forward", hint="First the rows, then the columns: your answer lies on its side.")
def feature_maps_transposed(x, kernels, bias):
    """Exchanges the rows and the columns of the result."""
    return _conv2d(x, kernels, bias).swapaxes(1, 2)


@mistake("conv2d_forward", hint="The argument `bias` does not change your result.")
def bias_of_the_image_forgotten(x, kernels, bias):
    """Forgets the bias."""
    return _conv2d(x, kernels, 0 * bias)


@mistake("conv2d_forward", hint="A filter adds its bias once, after the sum over the channels.")
def bias_for_each_colour(x, kernels, bias):
    """Adds the bias once for each channel."""
    return _conv2d(x, kernels, len(x) * bias)


@mistake("conv2d_forward", hint="Each filter has a bias of its own: yours is that of the first.")
def bias_of_the_first_feature_map(x, kernels, bias):
    """Gives the bias of the first filter to all of them."""
    return _conv2d(x, kernels, bias[0] + 0 * bias)


@mistake("conv2d_forward", hint="The channels add up: a sum, and not a mean.")
def colours_averaged(x, kernels, bias):
    """Takes the mean over the channels."""
    return _conv2d(x, kernels / len(x), bias)


@mistake("conv2d_forward", hint="The second channel does not change your result.")
def first_colour_only(x, kernels, bias):
    """Looks at the first channel."""
    return _conv2d(x[:1], kernels[:, :1], bias)


@mistake("conv2d_forward", hint="Nothing is padded: the window never looks beyond the image.")
def image_padded(x, kernels, bias):
    """Pads with zeros so that the size stays the same."""
    p, q = kernels.shape[2] - 1, kernels.shape[3] - 1
    padding = ((0, 0), (p // 2, p - p // 2), (q // 2, q - q // 2))
    return _conv2d(np.pad(x, padding), kernels, bias)


@mistake("conv2d_forward", hint="The last row and the last column of windows are missing.")
def last_windows_missed(x, kernels, bias):
    """Stops one window too early in both directions."""
    return _conv2d(x, kernels, bias)[:, :-1, :-1]


@mistake("conv2d_forward", hint="A negative answer stays negative: the activation comes later.")
def image_behind_a_relu(x, kernels, bias):
    """Returns ReLU(z)."""
    return np.maximum(_conv2d(x, kernels, bias), 0)


@mistake("conv2d_forward", hint="Only the first filter has been applied.")
def first_feature_map_only(x, kernels, bias):
    """Returns the map of the first filter."""
    return _conv2d(x, kernels, bias)[:1]
