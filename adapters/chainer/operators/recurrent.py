"""Chainer: recurrent layers over sequences of one length.

The documentation of n_step_lstm names its weights i, f, o, a; what it computes takes them as i, f, a, o.
"""

import numpy as np
from chainer import functions as F


def op_rnn_tanh(x, h, weight_ih, weight_hh, bias):
    run = F.n_step_rnn if h.shape[0] == 1 else F.n_step_birnn
    last, steps = run(1, 0.0, h, *_told(weight_ih, weight_hh, bias, bias), _in_time(x), activation="tanh")
    return F.stack(steps), last


def op_lstm(x, h, c, weight_ih, weight_hh, bias):
    run = F.n_step_lstm if h.shape[0] == 1 else F.n_step_bilstm
    last, cell, steps = run(1, 0.0, h, c, *_told(weight_ih, weight_hh, bias, bias), _in_time(x))
    return F.stack(steps), last, cell


def op_gru(x, h, weight_ih, weight_hh, bias):
    run = F.n_step_gru if h.shape[0] == 1 else F.n_step_bigru
    of_x, of_h = bias, bias
    if bias is not None:
        nothing = np.zeros(bias[:, :2].shape, bias.dtype)
        of_x, of_h = bias[:, :3], F.concat([nothing, bias[:, 3:]], axis=1)
    last, steps = run(1, 0.0, h, *_told(weight_ih, weight_hh, of_x, of_h), _in_time(x))
    return F.stack(steps), last


def _in_time(x):
    return list(F.separate(x, 0))


def _told(weight_ih, weight_hh, of_x, of_h):
    """The matrices and the vectors of each direction, gate by gate: those of x, then those of h."""
    directions, gates = weight_ih.shape[:2]
    ws, bs = [], []
    for d in range(directions):
        ws.append([w[d, k] for w in (weight_ih, weight_hh) for k in range(gates)])
        zero = np.zeros(weight_ih.shape[2], weight_ih.dtype)
        if of_x is None:
            # Chainer has no layer without a bias.
            bs.append([zero] * (2 * gates))
        else:
            second = [zero] * gates if of_h is of_x else [of_h[d, k] for k in range(gates)]
            bs.append([of_x[d, k] for k in range(gates)] + second)
    return ws, bs
