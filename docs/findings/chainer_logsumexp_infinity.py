"""Chainer 7.8.1: logsumexp of numbers that are all minus infinity, as behind a mask, is NaN (fault)."""

import chainer.functions as F
import numpy as np

x = np.full(3, -np.inf, dtype=np.float32)
print("got     ", float(F.logsumexp(x).array))
print("expected", float(-np.inf))
