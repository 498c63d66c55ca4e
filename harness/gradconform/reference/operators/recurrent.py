"""One recurrent layer over a whole sequence, in one direction or in both.

The weights of the gates lie in one tensor, gate by gate, since each framework stacks or separates them in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradconform.draws import Draw, bias, weight
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.arrangement import stack
from gradconform.reference.operators.linear import linear
from gradconform.reference.operators.smooth import sigmoid
from gradconform.reference.tracked.sums import sum_of_products

# What a step hands on, and what its backward needs of it.
State = tuple[Any, ...]


class Layer(NamedTuple):
    """The parameters of one direction. ih [G, H, I], hh [G, H, H], bias [B, H] or None."""

    ih: Any
    hh: Any
    bias: Any


@operator(parameters=("weight_ih", "weight_hh", "bias"), optional=("bias",))
def rnn_tanh(x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    """The layer of Elman, h' = tanh(W x + U h + b), step by step (Elman, 1990).

    x [T, B, I]; h [D, B, H], the state before the first step; weight_ih W [D, 1, H, I], weight_hh U [D, 1, H, H], bias
    [D, 1, H] or absent. D is 1, or 2 for a second direction that begins at the last step. Gives the states [T, B, D H],
    those of both directions side by side, and `h`, the state after the last step of each direction [D, B, H].
    """
    return _forward(_elman, x, (h,), (weight_ih, weight_hh, bias))


@rnn_tanh.vjp
def rnn_tanh_vjp(dy: Sequence[Any], x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    return _backward(_elman, _elman_back, dy, x, (h,), (weight_ih, weight_hh, bias))


@operator(parameters=("weight_ih", "weight_hh", "bias"), optional=("bias",))
def lstm(x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    """Long short-term memory (Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000).

    i, f, o = sigmoid and g = tanh of W x + U h + b, each with its own; c' = f c + i g, h' = o tanh(c'). x [T, B, I];
    h, c [D, B, H], the states before the first step; weight_ih W [D, 4, H, I], weight_hh U [D, 4, H, H], bias [D, 4, H]
    or absent, all in the order i, f, g, o. D is 1, or 2 for a second direction that begins at the last step. Gives the
    states h' [T, B, D H], those of both directions side by side, and `h` and `c`, the states after the last step of
    each direction [D, B, H].
    """
    return _forward(_lstm, x, (h, c), (weight_ih, weight_hh, bias))


@lstm.vjp
def lstm_vjp(dy: Sequence[Any], x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    return _backward(_lstm, _lstm_back, dy, x, (h, c), (weight_ih, weight_hh, bias))


@operator(parameters=("weight_ih", "weight_hh", "bias"), optional=("bias",))
def gru(x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    """The gated recurrent unit (Cho et al., 2014) with the reset gate behind the product, as cuDNN has it.

    r, z = sigmoid(W x + U h + b), each with its own; n = tanh(W x + b + r (U h + b')), h' = (1 - z) n + z h.
    x [T, B, I]; h [D, B, H], the state before the first step; weight_ih W [D, 3, H, I] and weight_hh U [D, 3, H, H] in
    the order r, z, n; bias [D, 4, H] of r, z and both of n, or absent. D is 1, or 2 for a second direction that begins
    at the last step. Gives the states [T, B, D H], those of both directions side by side, and `h`, the state after the
    last step of each direction [D, B, H].
    """
    return _forward(_gru, x, (h,), (weight_ih, weight_hh, bias))


@gru.vjp
def gru_vjp(dy: Sequence[Any], x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    return _backward(_gru, _gru_back, dy, x, (h,), (weight_ih, weight_hh, bias))


@rnn_tanh.draws
def rnn_tanh_draws(x: Dims, h: Dims) -> Mapping[str, Draw]:
    return _parameters(1, 1, x, h)


@lstm.shape
def lstm_shape(x: Dims, h: Dims, c: Dims) -> Dims:
    if c != h:
        raise ShapeError(f"c has shape {list(c)}; expected that of h, {list(h)}")
    return states_shape(x, h)


@lstm.results
def lstm_results(x: Dims, h: Dims, c: Dims) -> dict[str, Dims]:
    """NODE.h, NODE.c: the states after the last step"""
    return {"h": h, "c": c}


@lstm.draws
def lstm_draws(x: Dims, h: Dims, c: Dims) -> Mapping[str, Draw]:
    return _parameters(4, 4, x, h)


@gru.draws
def gru_draws(x: Dims, h: Dims) -> Mapping[str, Draw]:
    return _parameters(3, 4, x, h)


@rnn_tanh.results
@gru.results
def last_state(x: Dims, h: Dims) -> dict[str, Dims]:
    """NODE.h: the states after the last step"""
    return {"h": h}


@rnn_tanh.shape
@gru.shape
def states_shape(x: Dims, h: Dims) -> Dims:
    if len(x) != 3:
        raise ShapeError(f"x has shape {list(x)}; expected [steps, batch, features]")
    if len(h) != 3 or h[0] not in (1, 2) or h[1] != x[1]:
        raise ShapeError(
            f"h has shape {list(h)}; expected [directions, batch, features]: 1 or 2 directions, and {x[1]} in the batch"
        )
    return (*x[:2], h[0] * h[2])


def _parameters(gates: int, biases: int, x: Dims, h: Dims) -> Mapping[str, Draw]:
    directions, _, size = h
    return {
        "weight_ih": weight((directions, gates, size, x[2]), x[2]),
        "weight_hh": weight((directions, gates, size, size), size),
        "bias": bias((directions, biases, size)),
    }


def _forward(step: Callable[..., Any], x: Any, state: State, parameters: State) -> Any:
    """The states over time, then those after the last step, of each direction."""
    over_time, last = [], []
    for d in range(state[0].shape[0]):
        run = _run(step, _turned(x, d), d, state, _layer(parameters, d))
        over_time.append(_turned(stack.forward([after[0] for after, _ in run], dim=0), d))
        last.append(run[-1][0])
    return (np.concatenate(over_time, axis=2), *(stack.forward(ends, dim=0) for ends in zip(*last, strict=True)))


def _backward(
    step: Callable[..., Any], back: Callable[..., Any], dy: Sequence[Any], x: Any, state: State, parameters: State
) -> Any:
    """The gradients of x, of the states before the first step and of the parameters: through time, backwards."""
    dx, starts, each = None, [], []
    size = state[0].shape[2]
    for d in range(state[0].shape[0]):
        layer, inputs = _layer(parameters, d), _turned(x, d)
        arriving = _turned(dy[0][:, :, d * size : (d + 1) * size], d)
        run = _run(step, inputs, d, state, layer)
        carried = tuple(last[d] for last in dy[1:])
        raw: list[State] = []
        for t, (_, kept) in reversed([*enumerate(run)]):
            *sent, carried = back(layer, kept, (arriving[t] + carried[0], *carried[1:]))
            raw.insert(0, tuple(sent))
        starts.append(carried)
        of_x = _turned(stack.forward([np.matmul(of[0], _matrix(layer.ih)) for of in raw], dim=0), d)
        dx = of_x if dx is None else dx + of_x
        before = [state[0][d], *(after[0] for after, _ in run[:-1])]
        each.append(_gradients(layer, inputs, before, raw))
    starting = [stack.forward(of, dim=0) for of in zip(*starts, strict=True)]
    found = [None if of[0] is None else stack.forward(of, dim=0) for of in zip(*each, strict=True)]
    return dx, *starting, *found


def _turned(over_time: Any, d: int) -> Any:
    """What is over time, [T, ...], in the order in which a direction takes the steps, and back again."""
    return over_time if d == 0 else over_time[::-1]


def _run(step: Callable[..., Any], x: Any, d: int, state: State, layer: Layer) -> list[tuple[State, State]]:
    """(the state after a step, what its backward needs), step by step; x in the order of the direction."""
    now, found = tuple(start[d] for start in state), []
    for t in range(x.shape[0]):
        now, kept = step(layer, x[t], now)
        found.append((now, kept))
    return found


def _gradients(layer: Layer, x: Any, before: list[Any], raw: list[State]) -> State:
    """Those of the parameters of one direction: sums over time and batch. raw: (of W x, of U h, of each bias)."""
    of_x, of_h, of_bias = (np.concatenate([each[i] for each in raw], axis=0) for i in range(3))
    inputs, states = x.reshape(-1, x.shape[2]), np.concatenate(before, axis=0)
    return (
        np.matmul(of_x.T, inputs).reshape(layer.ih.shape),
        np.matmul(of_h.T, states).reshape(layer.hh.shape),
        None if layer.bias is None else np.sum(of_bias, axis=0).reshape(layer.bias.shape),
    )


def _layer(parameters: State, d: int) -> Layer:
    ih, hh, b = parameters
    return Layer(ih[d], hh[d], None if b is None else b[d])


def _matrix(weights: Any) -> Any:
    """The weights of some gates as one matrix, gate below gate."""
    return weights.reshape(-1, weights.shape[2])


def _gates(layer: Layer, x: Any, h: Any, gates: slice) -> list[Any]:
    """W x + U h + b of some gates, each by itself; as one sum, since a framework may begin with any of its terms."""
    ih, hh = layer.ih[gates], layer.hh[gates]
    count, size = ih.shape[:2]
    terms = [(..., rows, np.transpose(_matrix(weights))) for rows, weights in ((x, ih), (h, hh))]
    if layer.bias is not None:
        terms.append((..., np.ones((x.shape[0], 1)), layer.bias[gates].reshape(1, -1)))
    raw = sum_of_products((x.shape[0], count * size), terms)
    return [raw[:, k * size : (k + 1) * size] for k in range(count)]


def _elman(layer: Layer, x: Any, state: State) -> tuple[State, State]:
    (raw,) = _gates(layer, x, state[0], slice(0, 1))
    after = np.tanh(raw)
    return (after,), (after,)


def _elman_back(layer: Layer, kept: State, arriving: State) -> tuple[Any, Any, Any, State]:
    (after,) = kept
    raw = arriving[0] * (1.0 - after * after)
    return raw, raw, raw, (np.matmul(raw, _matrix(layer.hh)),)


def _lstm(layer: Layer, x: Any, state: State) -> tuple[State, State]:
    raw_i, raw_f, raw_g, raw_o = _gates(layer, x, state[0], slice(0, 4))
    i, f, g, o = sigmoid.forward(raw_i), sigmoid.forward(raw_f), np.tanh(raw_g), sigmoid.forward(raw_o)
    c = f * state[1] + i * g
    bent = np.tanh(c)
    return (o * bent, c), (i, f, g, o, state[1], bent)


def _lstm_back(layer: Layer, kept: State, arriving: State) -> tuple[Any, Any, Any, State]:
    (i, f, g, o, before, bent), (dh, dc) = kept, arriving
    dc = dc + dh * o * (1.0 - bent * bent)
    of_i, of_f = dc * g * (i * (1.0 - i)), dc * before * (f * (1.0 - f))
    of_g, of_o = dc * i * (1.0 - g * g), dh * bent * (o * (1.0 - o))
    raw = np.concatenate([of_i, of_f, of_g, of_o], axis=1)
    return raw, raw, raw, (np.matmul(raw, _matrix(layer.hh)), dc * f)


def _gru(layer: Layer, x: Any, state: State) -> tuple[State, State]:
    h = state[0]
    raw_r, raw_z = _gates(layer, x, h, slice(0, 2))
    r, z = sigmoid.forward(raw_r), sigmoid.forward(raw_z)
    of_x, of_h = (None, None) if layer.bias is None else (layer.bias[2], layer.bias[3])
    reset = linear.forward(h, layer.hh[2], of_h)
    n = np.tanh(linear.forward(x, layer.ih[2], of_x) + r * reset)
    # torch has n + z (h - n): as a bound this would let an error of n through twice, step after step.
    return ((1.0 - z) * n + z * h,), (r, z, n, reset, h)


def _gru_back(layer: Layer, kept: State, arriving: State) -> tuple[Any, Any, Any, State]:
    (r, z, n, reset, h), (dh,) = kept, arriving
    of_n = dh * (1.0 - z) * (1.0 - n * n)
    of_r, of_z = of_n * reset * (r * (1.0 - r)), dh * (h - n) * (z * (1.0 - z))
    of_reset = of_n * r
    by_x, by_h = (np.concatenate([of_r, of_z, each], axis=1) for each in (of_n, of_reset))
    of_bias = np.concatenate([of_r, of_z, of_n, of_reset], axis=1)
    return by_x, by_h, of_bias, (np.matmul(by_h, _matrix(layer.hh)) + dh * z,)
