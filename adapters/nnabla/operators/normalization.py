"""NNabla: operators of normalisation."""

from nnabla import functions as F


def _shaped(parameter, shape):
    return None if parameter is None else F.reshape(parameter, shape, inplace=False)


def op_batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum, training):
    shape = (1, x.shape[1]) + (1,) * (x.ndim - 2)
    weight, bias = _shaped(weight, shape), _shaped(bias, shape)
    # The statistics are written in place during forward, so NNabla refuses a function above them; an unlinked
    # reshape has none and shares the buffer's memory.
    mean, var = (each.reshape(shape, unlink=True) for each in (running_mean, running_var))
    y = F.batch_normalization(x, bias, weight, mean, var, decay_rate=1 - momentum, eps=eps, batch_stat=training)
    return (y, running_mean, running_var) if training else y


def op_layer_norm(x, weight, bias, *, eps):
    shape = (1,) * (x.ndim - 1) + (x.shape[-1],)
    weight, bias = _shaped(weight, shape), _shaped(bias, shape)
    return F.layer_normalization(x, bias, weight, batch_axis=list(range(x.ndim - 1)), eps=eps)


def op_group_norm(x, weight, bias, *, num_groups, eps):
    shape = (1, x.shape[1]) + (1,) * (x.ndim - 2)
    return F.group_normalization(x, _shaped(bias, shape), _shaped(weight, shape), num_groups, eps=eps)


def op_instance_norm(x, weight, bias, *, eps):
    shape = (1, x.shape[1]) + (1,) * (x.ndim - 2)
    return F.instance_normalization(x, _shaped(bias, shape), _shaped(weight, shape), eps=eps)


def op_normalize(x, *, dim):
    return F.norm_normalization(x, p=2, axes=[dim], eps=0)


def op_weight_norm(x, g, *, dim):
    # It refuses an eps of 0; this one is lost beside any square that float32 can add it to.
    return F.weight_normalization(x, g, dim=dim, eps=1e-37)


def op_softmax(x, *, dim):
    return F.softmax(x, axis=dim)


def op_log_softmax(x, *, dim):
    return F.log_softmax(x, axis=dim)
