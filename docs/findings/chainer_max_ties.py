"""Chainer 7.8.1: F.max hands the whole gradient to each of several equal elements (fault: their sum is too large)."""

import chainer
import numpy as np

x = chainer.Variable(np.array([2.0, 2.0, 1.0]))
y = chainer.functions.max(x)
y.grad = np.array(1.0)
y.backward()
print("got     ", float(x.grad.sum()), x.grad.tolist())
print("expected", 1.0, "in any share of the first two")
