"""Chainer 7.8.1: a row that is ignored spoils the loss where it holds minus infinity or NaN (fault)."""

import chainer.functions as F
import numpy as np

x = np.array([[-np.inf, -np.inf], [3.0, 4.0]], dtype=np.float32)
loss = F.softmax_cross_entropy(x, np.array([-1, 1]))
print("got     ", float(loss.array))
print("expected", float(np.log1p(np.exp(-1.0))))
