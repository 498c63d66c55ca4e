"""NNabla 1.39.0: matrix_diag_part of a matrix that is not square reads past the array (fault)."""

import nnabla as nn
import nnabla.functions as F
import numpy as np

y = F.matrix_diag_part(nn.Variable.from_numpy_array(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])))
y.forward()
print("got     ", y.d.tolist())
print("expected", [1.0, 5.0])
