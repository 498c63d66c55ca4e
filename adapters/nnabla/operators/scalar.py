"""NNabla: operators of a tensor and a number."""


def op_add_scalar(x, *, value):
    return x + value


def op_mul_scalar(x, *, value):
    return x * value


def op_pow_scalar(x, *, exponent):
    return x**exponent
