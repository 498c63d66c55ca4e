"""NNabla 1.39.0: the gradient of mish is NaN from x = 22.2 on (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

x = nn.Variable.from_numpy_array(np.array([20.0, 23.0]), need_grad=True)
x.grad.zero()
y = F.mish(x)
y.forward()
y.backward(1.0)
print("got     ", x.g.tolist())
print("expected", [1.0, 1.0])
