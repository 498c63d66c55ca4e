"""NNabla 1.39.0: F.embed does not check its indices and reads behind the array (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

x = nn.Variable.from_numpy_array(np.array([2]))
weight = nn.Variable.from_numpy_array(np.array([[1.0, 2.0], [3.0, 4.0]]))
y = F.embed(x, weight)
try:
    y.forward()
    print("got      numbers of shape", y.shape)
except Exception:  # noqa: BLE001 - any error would do
    print("got      an error")
print("expected an error")
