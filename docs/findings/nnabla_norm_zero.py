"""NNabla 1.39.0: the gradient of the norm of a vector of zeros is NaN, where every subgradient is finite (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

x = nn.Variable.from_numpy_array(np.zeros(2), need_grad=True)
x.g = 0
y = F.norm(x, p=2)
y.forward()
y.backward(1.0)
print("got     ", x.g.tolist())
print("expected", [0.0, 0.0])
