"""NNabla 1.39.0: norm_normalization ignores its eps (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

x = nn.Variable.from_numpy_array(np.array([[0.3, -0.4, 1.2]]))
y = F.norm_normalization(x, p=2, axes=[1], eps=2.0)
y.forward()
print("got     ", np.round(y.d, 6).tolist())
print("expected", np.round(x.d / np.sqrt((x.d**2).sum() + 2.0), 6).tolist())
