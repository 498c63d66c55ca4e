"""What a program of a few lines needs of NNabla: how to make a leaf, go there and back, and read."""

IMPORTS = ("import nnabla as nn", "from nnabla import functions as F")
LEAF = "nn.Variable.from_numpy_array({array}, need_grad={grad})"
FORWARD = "{output}.forward()"
CLEAR = "{tensor}.g = 0"
BACKWARD = "{output}.backward({cotangent})"
ONES = "{output}.backward(1.0)"
VALUE = "{tensor}.d.tolist()"
GRADIENT = "{tensor}.g.tolist()"
