"""Chainer 7.8.1: the gradient by the exponent is NaN at a base of 0, and so is that of x ** 0 by x (fault)."""

import chainer
import numpy as np

x = chainer.Variable(np.zeros(1, dtype=np.float32))
y = chainer.Variable(np.full(1, 2.0, dtype=np.float32))
(x**y).backward()
z = chainer.Variable(np.zeros(1, dtype=np.float32))
(z**0).backward()
print("got     ", y.grad.tolist(), z.grad.tolist())
print("expected", [0.0], [0.0])
