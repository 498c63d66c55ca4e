"""NNabla 1.39.0: F.trilu multiplies by a mask, so NaN in the half that is cut off stays (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

x = nn.Variable.from_numpy_array(np.array([[1.0, np.nan], [3.0, 4.0]]))
y = F.trilu(x, k=0, upper=False)
y.forward()
print("got     ", y.d.tolist())
print("expected", [[1.0, 0.0], [3.0, 4.0]])
