"""Recurrent layers: one set of weights walks along a sequence and remembers.

Chapter *Recurrent networks*. A batch of sequences has the shape ``(n, n_steps, n_in)``. At
each step the layer sees one entry of each sequence and its own state of the step before;
the gradient walks the same way back (back-propagation through time).

The products of the inputs with their weights need no memory: they are one large product,
made before the loop. Only the product with the state has to wait for its turn.
"""

import reprlib

import numpy as np

from course_lib._validation import as_positive_int, as_shape, message
from course_lib.activations import sigmoid
from course_lib.layers import Array, Layer, Shape, initialize_weights

__all__ = ["LSTM", "SimpleRNN"]


class _Recurrent(Layer):
    """The walk along the sequences, forwards and backwards; a subclass says what a step does.

    Parameters `W` ``(n_in, g * units)``, `U` ``(units, g * units)`` and `b` ``(g * units,)``,
    with g the number of `blocks`: what a step computes from its input and its state.
    """

    blocks = 1

    def __init__(self, units: int, *, return_sequences: bool = False) -> None:
        super().__init__()
        self.units = as_positive_int(units, "units")
        if not isinstance(return_sequences, bool):
            got = reprlib.repr(return_sequences)
            raise TypeError(message("return_sequences", "True or False", got))
        self.return_sequences = return_sequences

    def output_shape(self, input_shape: Shape) -> Shape:
        n_steps, _ = as_shape(input_shape, "input_shape", ndim=2)
        return (n_steps, self.units) if self.return_sequences else (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        width = self.blocks * self.units
        return {"W": (input_shape[1], width), "U": (self.units, width), "b": (width,)}

    def initialize(self, rng: np.random.Generator) -> None:
        """Fill `W` as Glorot does, `U` with orthonormal rows, and `b` with zeros.

        A product with an orthogonal matrix keeps the length of a vector, and a state goes
        through a product at every step.
        """
        initialize_weights(self.params["W"], "glorot", rng=rng)
        q, r = np.linalg.qr(rng.normal(size=self.params["U"].T.shape))
        self.params["U"][:] = (q * np.sign(np.diag(r))).T  # else QR prefers some matrices
        self.params["b"][:] = 0

    def forward(self, x: Array, *, training: bool = False) -> Array:
        n, n_steps, n_in = x.shape
        # Time first: what belongs to one step lies together in memory.
        self._x = np.ascontiguousarray(x.swapaxes(0, 1)).reshape(-1, n_in)
        z = self._x @ self.params["W"]
        z += self.params["b"]
        z = z.reshape(n_steps, n, -1)
        self._h = np.empty((n_steps + 1, n, self.units), z.dtype)
        self._h[0] = 0
        for t in range(n_steps):
            z[t] += self._h[t] @ self.params["U"]
            self._step(z[t], self._h[t + 1])
        return self._h[1:].swapaxes(0, 1) if self.return_sequences else self._h[-1]

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        n_steps, n = len(self._h) - 1, len(dy)
        dz = np.empty((n_steps, n, self.blocks * self.units), dy.dtype)
        dh = 0 if self.return_sequences else dy
        for t in reversed(range(n_steps)):
            if self.return_sequences:
                dh = dh + dy[:, t]
            self._step_back(t, dh, dz[t])
            dh = dz[t] @ self.params["U"].T
        dz = dz.reshape(n_steps * n, -1)  # the same weights at each step: a sum
        np.matmul(self._x.T, dz, out=self.grads["W"])
        np.matmul(self._h[:-1].reshape(-1, self.units).T, dz, out=self.grads["U"])
        np.add.reduce(dz, axis=0, out=self.grads["b"])
        if needs_dx:
            return (dz @ self.params["W"].T).reshape(n_steps, n, -1).swapaxes(0, 1)

    def _step(self, z: Array, h: Array) -> None:
        """Write the new state `h`, given the pre-activations `z` of the step."""
        raise NotImplementedError

    def _step_back(self, t: int, dh: Array, dz: Array) -> None:
        """Write the gradient `dz` of the step `t`, given that of its state, `dh`."""
        raise NotImplementedError


class SimpleRNN(_Recurrent):
    """Recurrent layer: ``h_t = tanh(x_t W + h_{t-1} U + b)``, from the state ``h_0 = 0``.

    Equation ``eq-rnn`` of the chapter *Recurrent networks*, with rows as examples; its
    backward pass is ``eq-bptt`` of the chapter *Recurrent networks*. Source: course on the
    MLP, D.1, where the title stands alone. The weights start as in Keras.

    Parameters
    ----------
    units : int
        Length of the state.
    return_sequences : bool
        Whether the output is the state of every step, ``(n, n_steps, units)``, or the last
        one only, ``(n, units)``.

    Raises
    ------
    ValueError
        If `units` is below 1.
    TypeError
        If `units` is no integer, or `return_sequences` no boolean.

    Examples
    --------
    >>> layer = SimpleRNN(1).build((3, 1), rng=np.random.default_rng(0))
    >>> layer.params["W"][:], layer.params["U"][:] = 1, 0.5
    >>> layer.forward(np.array([[[1.0], [0.0], [0.0]]])).round(4)
    array([[0.1797]])
    >>> np.tanh(0.5 * np.tanh(0.5 * np.tanh(1))).round(4)
    np.float64(0.1797)
    >>> layer.backward(np.array([[1.0]])).round(4)[0, :, 0]
    array([0.0882, 0.42  , 0.9677])
    """

    def _step(self, z: Array, h: Array) -> None:
        np.tanh(z, out=h)

    def _step_back(self, t: int, dh: Array, dz: Array) -> None:
        h = self._h[t + 1]
        np.multiply(dh, 1 - h * h, out=dz)


class LSTM(_Recurrent):
    """Long short-term memory: a recurrent layer with a cell that gates open and close.

    ``i, f, o = sigmoid(...)`` and ``g = tanh(...)`` of the input and the state; then
    ``c_t = f c_{t-1} + i g`` and ``h_t = o tanh(c_t)``. Equation ``eq-lstm`` of the chapter
    *Recurrent networks*. Source: text on networks, D.1, where the title stands alone.

    The columns of `W`, `U` and `b` are four blocks in the order of Keras: input gate i,
    forget gate f, candidate g, output gate o. The biases of the forget gate start at 1: a
    new layer remembers.

    Parameters
    ----------
    units : int
        Length of the state, and of the cell.
    return_sequences : bool
        Whether the output is the state of every step, ``(n, n_steps, units)``, or the last
        one only, ``(n, units)``.

    Raises
    ------
    ValueError
        If `units` is below 1.
    TypeError
        If `units` is no integer, or `return_sequences` no boolean.

    Examples
    --------
    >>> layer = LSTM(2).build((5, 3), rng=np.random.default_rng(0))
    >>> {name: values.shape for name, values in layer.params.items()}
    {'W': (3, 8), 'U': (2, 8), 'b': (8,)}
    >>> layer.params["b"]
    array([0., 0., 1., 1., 0., 0., 0., 0.])
    >>> layer.forward(np.ones((4, 5, 3))).shape
    (4, 2)
    """

    blocks = 4

    def initialize(self, rng: np.random.Generator) -> None:
        super().initialize(rng)
        self.params["b"][self.units : 2 * self.units] = 1

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._cells, self._tanh_cells, self._gates = [0.0], [], []
        return super().forward(x, training=training)

    def backward(self, dy: Array, *, needs_dx: bool = True) -> Array | None:
        self._dc = 0.0
        return super().backward(dy, needs_dx=needs_dx)

    def _step(self, z: Array, h: Array) -> None:
        i, f, _, o = _quarters(sigmoid.function(z))  # of g too: one call is faster
        g = np.tanh(_quarters(z)[2])
        cell = f * self._cells[-1] + i * g
        tanh_cell = np.tanh(cell)
        np.multiply(o, tanh_cell, out=h)
        self._cells.append(cell)
        self._tanh_cells.append(tanh_cell)
        self._gates.append((i, f, g, o))

    def _step_back(self, t: int, dh: Array, dz: Array) -> None:
        i, f, g, o = self._gates[t]
        tanh_cell = self._tanh_cells[t]
        dc = self._dc + dh * o * (1 - tanh_cell**2)
        di, df, dg, do = _quarters(dz)
        di[:] = dc * g * i * (1 - i)
        df[:] = dc * self._cells[t] * f * (1 - f)
        dg[:] = dc * i * (1 - g**2)
        do[:] = dh * tanh_cell * o * (1 - o)
        self._dc = dc * f  # the cell's own way back: a gate, no matrix


def _quarters(z: Array) -> Array:
    """View the columns of ``(n, 4 * units)`` as four blocks, ``(4, n, units)``."""
    return z.reshape(len(z), 4, -1).swapaxes(0, 1)
