"""PyTorch: recurrent layers. torch.nn.LSTM and its like call these functions with their flat weights."""

import torch


def op_rnn_tanh(x, h, weight_ih, weight_hh, bias):
    return torch.rnn_tanh(x, h, *_told(weight_ih, weight_hh, bias))


def op_lstm(x, h, c, weight_ih, weight_hh, bias):
    return torch.lstm(x, (h, c), *_told(weight_ih, weight_hh, bias))


def op_gru(x, h, weight_ih, weight_hh, bias):
    if bias is None:
        return torch.gru(x, h, *_told(weight_ih, weight_hh, None))
    of_h = torch.cat([torch.zeros_like(bias[:, :2]), bias[:, 3:]], 1)
    return torch.gru(x, h, *_told(weight_ih, weight_hh, bias[:, :3], of_h))


def _told(weight_ih, weight_hh, of_x, of_h=None):
    """The flat weights of each direction, and what nn.LSTM says besides of one layer in training.

    of_x, of_h: the two biases that torch adds. Where the operator has one, the second is zeros.
    """
    flat = []
    for d in range(len(weight_ih)):
        flat += [weight_ih[d].flatten(0, 1), weight_hh[d].flatten(0, 1)]
        if of_x is not None:
            flat += [of_x[d].flatten(), torch.zeros_like(of_x[d]).flatten() if of_h is None else of_h[d].flatten()]
    two = len(weight_ih) == 2
    return flat, of_x is not None, 1, 0.0, True, two, False
