"""NNabla 1.39.0: the gradient of swish, y + s (1 - y), cancels for large x and ends as 0 (accuracy)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

x = nn.Variable.from_numpy_array(np.array([1e5, 3e7]), need_grad=True)
x.g = 0
y = F.swish(x)
y.forward()
y.backward(1.0)
print("got     ", x.g.tolist())
print("expected", [1.0, 1.0])
