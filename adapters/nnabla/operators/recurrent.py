"""NNabla: recurrent layers. A weight holds that of x and that of h side by side, and states have an axis of layers.

The formula of F.lstm names the gates f, i, o and c; what it computes takes them as i, f, c, o.
"""

from nnabla import functions as F


def op_rnn_tanh(x, h, weight_ih, weight_hh, bias):
    # The weight has no axis of gates: there is one.
    weight = F.reshape(_weight(weight_ih, weight_hh), (*h.shape[::2], x.shape[2] + h.shape[2]))
    bias = None if bias is None else F.reshape(bias, (1, *h.shape[::2]))
    steps, last = F.rnn(x, _layer(h), weight, None, bias, nonlinearity="tanh", bidirectional=h.shape[0] == 2)
    return _flat(steps, x, h), F.reshape(last, h.shape)


def op_lstm(x, h, c, weight_ih, weight_hh, bias):
    told = (_weight(weight_ih, weight_hh), None, None if bias is None else _layer(bias))
    steps, last, cell = F.lstm(x, _layer(h), _layer(c), *told, bidirectional=h.shape[0] == 2)
    return _flat(steps, x, h), F.reshape(last, h.shape), F.reshape(cell, h.shape)


def op_gru(x, h, weight_ih, weight_hh, bias):
    told = (_weight(weight_ih, weight_hh), None, None if bias is None else _layer(bias))
    steps, last = F.gru(x, _layer(h), *told, bidirectional=h.shape[0] == 2)
    return _flat(steps, x, h), F.reshape(last, h.shape)


def _weight(weight_ih, weight_hh):
    return F.concatenate(weight_ih, weight_hh, axis=3)


def _layer(tensor):
    return F.reshape(tensor, (1, *tensor.shape))


def _flat(steps, x, h):
    return F.reshape(steps, (*x.shape[:2], h.shape[0] * h.shape[2]))
