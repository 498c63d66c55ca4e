"""Chainer: recurrent layers over sequences of one length.

The documentation of n_step_lstm names its weights i, f, o, a; what it computes takes them as i, f, a, o.
"""

import numpy as np
from chainer import functions as F


def op_rnn_tanh(x, h, weight_ih, weight_hh, bias):
    run = F.n_step_rnn if h.shape[0] == 1 else F.n_step_birnn
    last, steps = run(1, 0.0, h, *_told(weight_ih, weight_hh, bias), _in_time(x), activation="tanh")
    return F.stack(steps), last


def op_lstm(x, h, c, weight_ih, weight_hh, bias):
    run = F.n_step_lstm if h.shape[0] == 1 else F.n_step_bilstm
    last, cell, steps = run(1, 0.0, h, c, *_told(weight_ih, weight_hh, bias), _in_time(x))
    return F.stack(steps), last, cell


def op_gru(x, h, weight_ih, weight_hh, bias):
    run = F.n_step_gru if h.shape[0] == 1 else F.n_step_bigru
    of_x = of_h = None
    if bias is not None:
        nothing = np.zeros(bias[:, :2].shape, bias.dtype)
        of_x, of_h = bias[:, :3], F.concat([nothing, bias[:, 3:]], axis=1)
    last, steps = run(1, 0.0, h, *_told(weight_ih, weight_hh, of_x, of_h), _in_time(x))
    return F.stack(steps), last


def _in_time(x):
    return list(F.separate(x, 0))


def _told(weight_ih, weight_hh, of_x, of_h=None):
    """The matrices and the vectors of each direction, gate by gate: those of x, then those of h.

    of_x, of_h: biases, of which Chainer has both. Those that the operator has not are zeros.
    """
    directions, gates = weight_ih.shape[:2]
    ws, bs = [], []
    for d in range(directions):
        ws.append([w[d, k] for w in (weight_ih, weight_hh) for k in range(gates)])
        zero = np.zeros(weight_ih.shape[2], weight_ih.dtype)
        bs.append([zero if b is None else b[d, k] for b in (of_x, of_h) for k in range(gates)])
    return ws, bs
