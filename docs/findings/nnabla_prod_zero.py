"""NNabla 1.39.0: the gradient of F.prod by a factor of 0 is 0 and not the product of the others (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

x = nn.Variable.from_numpy_array(np.array([0.0, 2.0, 3.0]), need_grad=True)
x.g = 0
y = F.prod(x)
y.forward()
y.backward(1.0)
print("got     ", x.g.tolist())
print("expected", [6.0, 0.0, 0.0])
