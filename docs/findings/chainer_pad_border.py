"""Chainer 7.8.1: the gradient of F.pad leaves the border off in every mode (fault)."""

import chainer
import numpy as np

x = chainer.Variable(np.array([1.0, 2.0, 3.0]))
y = chainer.functions.pad(x, [(1, 0)], "edge")  # [1, 1, 2, 3]: x[0] stands in it twice
y.grad = np.array([10.0, 1.0, 1.0, 1.0])
y.backward()
print("got     ", x.grad.tolist())
print("expected", [11.0, 1.0, 1.0])
