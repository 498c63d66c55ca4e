"""What a program of a few lines needs of Chainer: how to make a leaf, go back, and read."""

IMPORTS = ("import chainer", "from chainer import functions as F")
LEAF = "chainer.Variable({array}, requires_grad={grad})"
BUFFER = "{array}"
BACKWARD = "{output}.grad = {cotangent}; {output}.backward()"
ONES = "{output}.grad = np.ones_like({output}.array); {output}.backward()"
VALUE = "{tensor}.array.tolist()"
GRADIENT = "{tensor}.grad.tolist()"
