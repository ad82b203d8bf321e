"""A network: layers in a row, one flat vector of parameters, and the training loop.

Chapters *The MLP and back-propagation* and *Training in practice*. The parameters of all
the layers lie side by side in `theta`, and their gradients in `grad`; what the layers call
``W`` and ``b`` are views of them. So a step of an optimizer, the L2 penalty, the clipping
of the gradient and the copy of the best weights are one line each.
"""

import math
import reprlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from course_lib._validation import (
    as_array,
    as_generator,
    as_labels,
    as_nonnegative_real,
    as_positive_int,
    as_positive_real,
    as_shape,
    message,
    same_length,
)
from course_lib.activations import sigmoid, softmax
from course_lib.layers import Layer
from course_lib.losses import (
    FORMULAS,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from course_lib.optimizers import Optimizer, clip_by_norm
from course_lib.preprocessing import batches

__all__ = ["EarlyStopping", "History", "Network"]

Array = NDArray[np.floating]
Shape = tuple[int, ...]
Rows = NDArray[np.int64]
Loss = Callable[[ArrayLike, ArrayLike], tuple[float, Array]]
Step = Callable[[Array, Array], tuple[float, float]]  # a batch to its loss and metric

MONITORS = ("loss", "metric", "val_loss", "val_metric")
BLOCK = 256  # rows of a forward pass without training: its temporary arrays stay small


@dataclass(frozen=True)
class EarlyStopping:
    """When to stop: after `patience` epochs in a row without a new best value.

    Equation ``eq-early-stopping`` of the chapter *Training in practice*. Source: text on
    networks, A1.8.

    Parameters
    ----------
    monitor : {"loss", "metric", "val_loss", "val_metric"}
        List of the history that is watched.
    patience : int
        Number of epochs without improvement after which the training stops.
    min_delta : float
        How much better than the best a value must be to count as an improvement.

    Raises
    ------
    ValueError
        If the monitor is unknown, or a number is out of range.
    TypeError
        If a number is of the wrong kind.

    Examples
    --------
    >>> rule = EarlyStopping(patience=2)
    >>> rule.best_epoch([0.9, 0.5, 0.6, 0.5])
    1
    """

    monitor: str = "val_loss"
    patience: int = 5
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        if self.monitor not in MONITORS:
            raise ValueError(message("monitor", " or ".join(MONITORS), repr(self.monitor)))
        as_positive_int(self.patience, "patience")
        as_nonnegative_real(self.min_delta, "min_delta")

    def best_epoch(self, values: Sequence[float]) -> int:
        """Return the index of the last improvement; a smaller value is a better one."""
        best = 0
        for epoch, value in enumerate(values):
            if value < values[best] - self.min_delta:
                best = epoch
        return best


@dataclass
class History:
    """What happened in a training, one entry of each list for an epoch.

    The losses are without the L2 penalty. The metric is the accuracy of a classifier, and
    the mean absolute error of a regression. The training values are means over the epoch's
    batches, while the network was changing (as in Keras); the validation values are taken
    after the epoch. The two are not the same measure.

    Attributes
    ----------
    loss, metric : list of float
    val_loss, val_metric : list of float
        Empty without validation data.
    best_epoch : int or None
        Index of the best epoch in these lists; None when the first one diverged.
    stopped_early : bool
        Whether the training ended before the last epoch, for any reason.
    message : str
        How it ended, in words.
    """

    loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_metric: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    stopped_early: bool = False
    message: str = ""


class Network:
    """Layers, one after the other, and a loss.

    Parameters
    ----------
    layers : list of Layer
        The last one returns logits for a cross-entropy, not probabilities.
    input_shape : tuple of int
        Shape of one example.
    loss : function of course_lib.losses
        ``softmax_cross_entropy`` (labels 0 to K - 1), ``sigmoid_cross_entropy`` (labels 0
        and 1, one output), or ``mean_squared_error`` (values).
    rng : numpy.random.Generator
        Draws the weights.
    dtype : dtype
        ``np.float64``, or ``np.float32``, which is twice as fast in wide networks.

    Attributes
    ----------
    theta, grad : ndarray of shape (p,)
        All the parameters, and the gradient of the loss with respect to them.

    Raises
    ------
    ValueError
        If the layers do not fit each other or the loss.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> from course_lib.activations import tanh
    >>> from course_lib.layers import Activation, Dense
    >>> from course_lib.optimizers import Adam
    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> rng = np.random.default_rng(0)
    >>> layers = [Dense(8), Activation(tanh), Dense(2)]
    >>> network = Network(layers, input_shape=(2,), loss=softmax_cross_entropy, rng=rng)
    >>> history = network.fit(X, y, optimizer=Adam(0.1), epochs=50, batch_size=4, rng=rng)
    >>> network.predict(X), history.message
    (array([0, 1, 1, 0]), 'all 50 epochs done')
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        input_shape: Shape,
        loss: Loss,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.layers = _as_layers(layers)
        self.input_shape = as_shape(input_shape, "input_shape")
        if loss not in FORMULAS:
            names = " or ".join(known.__name__ for known in FORMULAS)
            raise ValueError(message("loss", names, reprlib.repr(loss)))
        self.loss, self._loss = loss, FORMULAS[loss]
        self._shapes = [self.input_shape]
        for layer in self.layers:
            self._shapes.append(layer.output_shape(self._shapes[-1]))
        self.output_shape = self._shapes[-1]
        _check_output(self.output_shape, loss)
        self._allocate(_as_float_type(dtype))
        rng = as_generator(rng)
        for layer in self.layers:
            layer.initialize(rng)

    def _allocate(self, dtype: np.dtype) -> None:
        """Make `theta` and `grad`, and give each layer its part of them."""
        inputs = self._shapes[:-1]
        sizes = [layer.n_parameters(x) for layer, x in zip(self.layers, inputs, strict=True)]
        if not any(sizes):
            raise ValueError(message("layers", "at least one with parameters", "none"))
        self.theta, self.grad = np.zeros((2, sum(sizes)), dtype)
        start, is_weight = 0, []
        for layer, shape, size in zip(self.layers, inputs, sizes, strict=True):
            part = slice(start, start + size)
            layer.bind(self.theta[part], self.grad[part], shape)
            start = part.stop
            # A bias has one axis; whatever has more is a weight.
            is_weight += [np.full(values.size, values.ndim > 1) for values in layer.params.values()]
        self._is_weight = np.concatenate(is_weight).astype(dtype)  # 1 or 0 for an entry of theta
        # Nobody reads the gradient with respect to the data: stop at the first parameters.
        first = np.flatnonzero(sizes)[0]
        self._first, self._above = self.layers[first], self.layers[:first:-1]

    def summary(self) -> list[tuple[str, Shape, int]]:
        """Return the name, the output shape and the number of parameters of each layer.

        Examples
        --------
        >>> from course_lib.layers import Dense, Flatten
        >>> network = Network([Flatten(), Dense(10)], input_shape=(28, 28),
        ...                   loss=softmax_cross_entropy, rng=np.random.default_rng(0))
        >>> network.summary()
        [('Flatten', (784,), 0), ('Dense', (10,), 7850)]
        """
        return [
            (type(layer).__name__, shape, sum(values.size for values in layer.params.values()))
            for layer, shape in zip(self.layers, self._shapes[1:], strict=True)
        ]

    def forward(self, X: ArrayLike, *, training: bool = False) -> Array:
        """Return the outputs of the last layer: logits, or values.

        Equation ``eq-forward`` of the chapter *The MLP and back-propagation*.

        Parameters
        ----------
        X : array_like of shape (n, *input_shape)
        training : bool
            Whether layers such as dropout do what they do in a training step.

        Returns
        -------
        ndarray of shape (n, *output_shape)

        Raises
        ------
        ValueError
            If the shape is wrong, or a number is not finite.
        TypeError
            If `X` holds no numbers.
        """
        return self._forward(self._as_inputs(X), training)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array_like of shape (n, *input_shape)

        Returns
        -------
        ndarray of shape (n, K), or (n,) with ``sigmoid_cross_entropy``
            In the second case the probability of class 1.

        Raises
        ------
        ValueError
            If the network predicts values, or `X` is wrong as for `forward`.
        TypeError
            If `X` holds no numbers.
        """
        if self.loss is mean_squared_error:
            raise ValueError(message("loss", "a cross-entropy", "mean_squared_error"))
        outputs = self._outputs(self._as_inputs(X))
        if self.loss is softmax_cross_entropy:
            return softmax(outputs)
        return sigmoid(outputs[:, 0])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each example, or its values.

        Parameters
        ----------
        X : array_like of shape (n, *input_shape)

        Returns
        -------
        ndarray of int of shape (n,), or of float of shape (n, m), or (n,) when m is 1

        Raises
        ------
        ValueError, TypeError
            As for `forward`.
        """
        outputs = self._outputs(self._as_inputs(X))
        if self.loss is mean_squared_error:
            return outputs[:, 0] if self.output_shape == (1,) else outputs
        return self._classes(outputs)

    def evaluate(self, X: ArrayLike, y: ArrayLike) -> tuple[float, float]:
        """Return the loss, without penalty, and the metric that :class:`History` names.

        Parameters
        ----------
        X : array_like of shape (n, *input_shape)
        y : array_like of shape (n,), or (n, m) for m values

        Raises
        ------
        ValueError
            If the shapes do not agree, or a number or label is out of range.
        TypeError
            If an array is of the wrong kind.
        """
        return self._evaluate(*self._as_data(X, y))

    def loss_and_gradient(
        self, X: ArrayLike, y: ArrayLike, *, l2: float = 0.0, chunk: int | None = None
    ) -> float:
        """Return the loss of a training step, and fill `grad`: back-propagation.

        The error of the output goes down from layer to layer, and each leaves its gradient
        on the way: equations ``eq-delta-output``, ``eq-delta-hidden``, ``eq-grad-w`` and
        ``eq-grad-b`` of the chapter *The MLP and back-propagation*. Source: course on the
        MLP, A1.7, where the output layer gets no gradient.

        Parameters
        ----------
        X : array_like of shape (n, *input_shape)
        y : array_like of shape (n,), or (n, m) for m values
        l2 : float
            Weight of the penalty, the sum of the squared weights; biases are not penalised.
        chunk : int, optional
            Walk the batch in slices of that many rows and add up their gradients: the same
            result with smaller temporary arrays.

        Returns
        -------
        float
            Mean over the batch, plus the penalty.

        Raises
        ------
        ValueError
            If the shapes do not agree, or a number or label is out of range.
        TypeError
            If an argument is of the wrong kind.
        """
        X, y = self._as_data(X, y)
        l2 = as_nonnegative_real(l2, "l2")
        loss, _ = self._gradient(X, y, _as_chunk(chunk))
        weights = self._is_weight * self.theta
        self.grad += 2 * l2 * weights
        return loss + l2 * float(weights @ weights)

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        optimizer: Optimizer,
        epochs: int,
        batch_size: int,
        rng: np.random.Generator,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        l2: float = 0.0,
        clip_norm: float | None = None,
        early_stopping: EarlyStopping | None = None,
        chunk: int | None = None,
        progress: bool = False,
    ) -> History:
        """Train the network on batches, which are shuffled before each epoch.

        Equation ``eq-update`` of the chapter *The MLP and back-propagation*.

        Parameters
        ----------
        X : array_like of shape (n, *input_shape)
        y : array_like of shape (n,), or (n, m) for m values
        optimizer : Optimizer
            An ``SGD`` or ``Adam`` of course_lib.optimizers.
        epochs : int
            Largest number of passes over the examples.
        batch_size : int
            Rows in a step; the last one of an epoch may be smaller.
        rng : numpy.random.Generator
            Shuffles the examples.
        validation : tuple (X, y), optional
            Data to look at after each epoch, without learning from it.
        l2 : float
            Weight of the penalty, as in `loss_and_gradient`.
        clip_norm : float, optional
            Longest gradient of a step.
        early_stopping : EarlyStopping, optional
            With it, the network ends with the weights of the best epoch.
        chunk : int, optional
            As in `loss_and_gradient`.
        progress : bool
            Whether to show a progress bar.

        Returns
        -------
        History
            Look at `message`: a training that diverged says so.

        Raises
        ------
        ValueError
            If the shapes do not agree, or a number or label is out of range.
        TypeError
            If an argument is of the wrong kind.
        """
        X, y = self._as_data(X, y)
        if validation is not None:
            validation = self._as_validation(validation)
        epochs, rng = as_positive_int(epochs, "epochs"), as_generator(rng)
        batch_size = as_positive_int(batch_size, "batch_size")
        rule = _as_rule(early_stopping, validation is not None, epochs)
        step = self._make_step(optimizer, l2, clip_norm, chunk)
        history, best = History(), self.theta.copy()
        for epoch in _counter(epochs, progress):
            with np.errstate(over="ignore", invalid="ignore"):  # the history reports it in words
                self._run_epoch(X, y, batches(len(X), batch_size, rng=rng), step, history)
                if validation is not None:
                    _append(history.val_loss, history.val_metric, self._evaluate(*validation))
            self._judge(history, rule, epochs)
            if history.best_epoch == epoch:
                best[:] = self.theta
            if history.stopped_early:
                break
        if early_stopping is not None:
            self.theta[:] = best
        return history

    def _make_step(
        self, optimizer: Optimizer, l2: float, clip_norm: float | None, chunk: int | None
    ) -> Step:
        """Check the settings of a step once, and return the step."""
        if not isinstance(optimizer, Optimizer):
            raise TypeError(message("optimizer", "an SGD or Adam", reprlib.repr(optimizer)))
        l2, chunk = as_nonnegative_real(l2, "l2"), _as_chunk(chunk)
        if clip_norm is not None:
            clip_norm = as_positive_real(clip_norm, "clip_norm")
        decay = 2 * l2 * self._is_weight

        def step(X: Array, y: Array) -> tuple[float, float]:
            values = self._gradient(X, y, chunk)
            if l2:
                self.grad += decay * self.theta
            if clip_norm is not None:
                clip_by_norm(self.grad, clip_norm)
            optimizer.step(self.theta, self.grad)
            return values

        return step

    def _run_epoch(
        self, X: Array, y: Array, order: Iterable[Rows], step: Step, history: History
    ) -> None:
        """Do one step for each batch, and add the means over the epoch to the history."""
        total_loss = total_metric = n_rows = 0
        for rows in order:
            loss, metric = step(X.take(rows, axis=0), y.take(rows, axis=0))  # faster than X[rows]
            total_loss += loss * len(rows)
            total_metric += metric * len(rows)
            n_rows += len(rows)
            if not math.isfinite(loss):
                break
        _append(history.loss, history.metric, (total_loss / n_rows, total_metric / n_rows))

    def _judge(self, history: History, rule: EarlyStopping, epochs: int) -> None:
        """Find the best epoch, and write a message when the training ends."""
        done = len(history.loss)
        values = getattr(history, rule.monitor)
        if rule.monitor.endswith("metric") and self.loss is not mean_squared_error:
            values = [-accuracy for accuracy in values]  # the best accuracy is the largest
        if not (math.isfinite(history.loss[-1]) and np.isfinite(self.theta).all()):
            history.message = f"diverged in epoch {done}: the loss or the weights are not finite"
        else:
            history.best_epoch = rule.best_epoch(values)
            if done - 1 - history.best_epoch >= rule.patience:
                waited = f"no better {rule.monitor} for {rule.patience} epochs"
                history.message = f"stopped after epoch {done}: {waited}"
            elif done == epochs:
                history.message = f"all {epochs} epochs done"
        history.stopped_early = bool(history.message) and done < epochs

    def _forward(self, X: Array, training: bool) -> Array:
        for layer in self.layers:
            X = layer.forward(X, training=training)
        return X

    def _outputs(self, X: Array) -> Array:
        """Return the outputs of all the rows, without the large arrays of a single pass."""
        blocks = [self._forward(X[i : i + BLOCK], False) for i in range(0, len(X), BLOCK)]
        return np.concatenate(blocks)

    def _evaluate(self, X: Array, y: Array) -> tuple[float, float]:
        outputs = self._outputs(X)
        return self._loss(outputs, y)[0], self._metric(outputs, y)

    def _gradient(self, X: Array, y: Array, chunk: int | None) -> tuple[float, float]:
        """Fill `grad` without the penalty; return the loss and the metric."""
        if chunk is None or chunk >= len(X):
            return self._backpropagate(X, y)
        total, values = np.zeros_like(self.grad), np.zeros(2)
        for start in range(0, len(X), chunk):
            part = slice(start, start + chunk)
            share = len(X[part]) / len(X)  # a mean of means, each with the weight of its rows
            values += share * np.array(self._backpropagate(X[part], y[part]))
            total += share * self.grad
        self.grad[:] = total
        return float(values[0]), float(values[1])

    def _backpropagate(self, X: Array, y: Array) -> tuple[float, float]:
        outputs = self._forward(X, True)
        loss, error = self._loss(outputs, y)
        for layer in self._above:
            error = layer.backward(error)
        self._first.backward(error, needs_dx=False)
        return loss, self._metric(outputs, y)

    def _classes(self, outputs: Array) -> NDArray[np.int64]:
        if self.loss is softmax_cross_entropy:
            return outputs.argmax(axis=1)
        return (outputs[:, 0] > 0).astype(np.int64)

    def _metric(self, outputs: Array, y: Array) -> float:
        if self.loss is mean_squared_error:
            return float(np.abs(outputs - y).mean())
        return np.count_nonzero(self._classes(outputs) == y) / len(y)

    def _as_inputs(self, X: ArrayLike) -> Array:
        X = as_array(X, "X")
        if X.shape[1:] != self.input_shape:
            sizes = ", ".join(map(str, self.input_shape))
            raise ValueError(message("X", f"shape (n, {sizes})", f"shape {X.shape}"))
        return X.astype(self.theta.dtype, copy=False)

    def _as_data(self, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        X = self._as_inputs(X)
        y = self._as_values(y) if self.loss is mean_squared_error else self._as_classes(y)
        same_length(X, y, "X", "y")
        return X, y

    def _as_values(self, y: ArrayLike) -> Array:
        y = as_array(y, "y").astype(self.theta.dtype, copy=False)
        if y.ndim == 1 and self.output_shape == (1,):
            return y[:, np.newaxis]
        if y.shape[1:] != self.output_shape:
            raise ValueError(message("y", f"shape (n, {self.output_shape[0]})", f"shape {y.shape}"))
        return y

    def _as_classes(self, y: ArrayLike) -> NDArray[np.int64]:
        y = as_labels(y, "y")
        largest = max(1, self.output_shape[0] - 1)
        expected = f"integers from 0 to {largest}"
        if y.dtype.kind == "U":
            raise TypeError(message("y", expected, "strings"))
        outside = (y < 0) | (y > largest)
        if outside.any():
            raise ValueError(message("y", expected, y[outside][0]))
        return y.astype(np.int64, copy=False)

    def _as_validation(self, data: tuple[ArrayLike, ArrayLike]) -> tuple[Array, Array]:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise TypeError(message("validation", "a pair (X, y)", reprlib.repr(data)))
        return self._as_data(*data)


def _append(losses: list[float], metrics: list[float], values: tuple[float, float]) -> None:
    losses.append(values[0])
    metrics.append(values[1])


def _as_layers(layers: Sequence[Layer]) -> list[Layer]:
    if not isinstance(layers, list | tuple):
        raise TypeError(message("layers", "a list of layers", reprlib.repr(layers)))
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(message("layers", "layers of course_lib", reprlib.repr(layer)))
    if not layers or len(set(map(id, layers))) < len(layers):
        raise ValueError(
            message("layers", "one layer or more, each one once", reprlib.repr(layers))
        )
    return list(layers)


def _check_output(shape: Shape, loss: Loss) -> None:
    expected, fits = "(m,)", True
    if loss is softmax_cross_entropy:
        expected, fits = "(K,) with K at least 2", shape[0] > 1
    elif loss is sigmoid_cross_entropy:
        expected, fits = "(1,)", shape == (1,)
    if len(shape) != 1 or not fits:
        expected = f"an output of shape {expected} for {loss.__name__}"
        raise ValueError(message("layers", expected, f"shape {shape}"))


def _as_float_type(dtype: DTypeLike) -> np.dtype:
    if np.dtype(dtype).kind != "f":
        raise TypeError(message("dtype", "a type of floats", np.dtype(dtype)))
    return np.dtype(dtype)


def _as_chunk(chunk: int | None) -> int | None:
    return None if chunk is None else as_positive_int(chunk, "chunk")


def _as_rule(
    early_stopping: EarlyStopping | None, has_validation: bool, epochs: int
) -> EarlyStopping:
    """Return the rule, or one that finds the best epoch and never stops."""
    if early_stopping is None:
        return EarlyStopping("val_loss" if has_validation else "loss", patience=epochs)
    if not isinstance(early_stopping, EarlyStopping):
        got = reprlib.repr(early_stopping)
        raise TypeError(message("early_stopping", "an EarlyStopping", got))
    if early_stopping.monitor.startswith("val") and not has_validation:
        expected = f"data, for {early_stopping.monitor} is monitored"
        raise ValueError(message("validation", expected, "none"))
    return early_stopping


def _counter(epochs: int, progress: bool) -> Iterable[int]:
    if not progress:
        return range(epochs)
    from tqdm import tqdm  # only who wants a bar loads it

    return tqdm(range(epochs), desc="training", unit="epoch")
