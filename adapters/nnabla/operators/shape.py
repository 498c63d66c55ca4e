"""NNabla: operators that choose and move elements."""

from nnabla import functions as F


def op_flatten(x, *, start_dim):
    return F.reshape(x, x.shape[:start_dim] + (-1,), inplace=False)


def op_reshape(x, *, shape):
    # By default F.reshape shares its input's data, which is then cleared or written for both at once.
    return F.reshape(x, shape, inplace=False)


def op_permute(x, *, dims):
    return F.transpose(x, dims)


def op_cat(xs, *, dim):
    # F.concatenate refuses a single tensor.
    return F.concatenate(*xs, axis=dim) if len(xs) > 1 else F.identity(xs[0])


def op_narrow(x, *, dim, start, length):
    return x[(slice(None),) * dim + (slice(start, start + length),)]


def op_pad(x, *, padding, value):
    return F.pad(x, [each for pair in padding for each in pair], constant_value=value)
