"""Chainer 7.8.1: the second derivative of softplus is NaN where exp(x) overflows, from 89 on in float32 (fault)."""

import chainer
import chainer.functions as F
import numpy as np

x = chainer.Variable(np.array([100.0], dtype=np.float32))
(once,) = chainer.grad([F.softplus(x)], [x], enable_double_backprop=True)
(twice,) = chainer.grad([once], [x])
print("got     ", float(twice.array[0]))
print("expected", 0.0)
