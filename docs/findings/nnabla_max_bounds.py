"""NNabla 1.39.0: F.max of numbers below -1e8 is -1e8, and F.min of numbers above 1e8 is 1e8 (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

low = F.max(nn.Variable.from_numpy_array(np.array([-1e9, -2e9])))
high = F.min(nn.Variable.from_numpy_array(np.array([1e9, 2e9])))
low.forward()
high.forward()
print("got     ", float(low.d), float(high.d))
print("expected", -1e9, 1e9)
