"""Independent forwards of the family `recurrent`: ONNX has all three, with the gates in another order."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def rnn_tanh(x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    return _of_onnx("RNN", x, (h,), weight_ih, weight_hh, bias, bias, [0])


@forward
def lstm(x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    return _of_onnx("LSTM", x, (h, c), weight_ih, weight_hh, bias, bias, [0, 3, 1, 2])


@forward
def gru(x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias: Any) -> Any:
    of_x, of_h = bias, bias
    if bias is not None:
        of_x, of_h = bias[:, :3], np.concatenate([np.zeros_like(bias[:, :2]), bias[:, 3:]], axis=1)
    return _of_onnx("GRU", x, (h,), weight_ih, weight_hh, of_x, of_h, [1, 0, 2], linear_before_reset=1)


def _of_onnx(name: str, x: Any, state: Any, ih: Any, hh: Any, of_x: Any, of_h: Any, order: Any, **more: Any) -> Any:
    """Direction by direction, since the evaluator has but one. The evaluator adds up what both biases are."""
    ways = []
    for d in range(len(ih)):
        w, r = (each[d, order].reshape(1, -1, each.shape[-1]) for each in (ih, hh))
        b = None
        if of_x is not None:
            second = np.zeros_like(of_h[d]) if of_h is of_x else of_h[d]
            b = np.concatenate([of_x[d, order].reshape(1, -1), second[order].reshape(1, -1)], axis=1)
        turned = x if d == 0 else x[::-1]
        starts = [each[d : d + 1] for each in state]
        y, *last = onnx(name, turned, w, r, b, None, *starts, outputs=1 + len(state), hidden_size=ih.shape[2], **more)
        ways.append((y[:, 0] if d == 0 else y[::-1, 0], *last))
    return (
        np.concatenate([way[0] for way in ways], axis=2),
        *(np.concatenate([way[1 + i] for way in ways], axis=0) for i in range(len(state))),
    )
