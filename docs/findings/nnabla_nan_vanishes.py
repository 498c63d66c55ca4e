"""NNabla 1.39.0: what chooses lets NaN vanish, ReLU among others (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

y = F.relu(nn.Variable.from_numpy_array(np.array([np.nan, -1.0, 2.0])))
y.forward()
print("got     ", y.d.tolist())
print("expected", [float("nan"), 0.0, 2.0])
