"""VGG16 forward and backward as a user of NNabla writes it; prints its seconds.

With --transposed the weights of the three linear layers are [out, in], as in PyTorch, Chainer and the specs,
and are transposed in the graph.
"""

import json
import sys
import time

start = time.perf_counter()
import nnabla as nn  # noqa: E402
import nnabla.functions as F  # noqa: E402
import nnabla.parametric_functions as PF  # noqa: E402
import numpy as np  # noqa: E402
from nnabla.initializer import UniformInitializer, calc_uniform_lim_glorot  # noqa: E402

imported = time.perf_counter()


def affine(x, width):
    """PF.affine, whose weight is [in, out]."""
    return PF.affine(x, width)


def transposed_affine(x, width):
    """The same from a weight that is [out, in]."""
    inputs = int(np.prod(x.shape[1:]))
    draw = UniformInitializer(calc_uniform_lim_glorot(inputs, width))
    weight = nn.parameter.get_parameter_or_create("affine/W", (width, inputs), draw)
    bias = nn.parameter.get_parameter_or_create("affine/b", (width,), np.zeros(width, np.float32))
    return F.affine(x, F.transpose(weight, (1, 0)), bias)


def vgg16(x, linear):
    """The layers of VGG16, softmax last, without dropout, which NNabla's users leave out in evaluation."""
    for block, (width, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for layer in range(1, depth + 1):
            with nn.parameter_scope("conv%d_%d" % (block, layer)):
                x = F.relu(PF.convolution(x, width, (3, 3), pad=(1, 1)), inplace=True)
        x = F.max_pooling(x, (2, 2))
    for name, width in (("fc6", 4096), ("fc7", 4096)):
        with nn.parameter_scope(name):
            x = F.relu(linear(x, width), inplace=True)
    with nn.parameter_scope("fc8"):
        return F.softmax(linear(x, 1000))


np.random.seed(0)
image = nn.Variable((1, 3, 224, 224), need_grad=True)
image.d = np.random.randn(*image.shape)
loss = F.sum(vgg16(image, transposed_affine if "--transposed" in sys.argv else affine) ** 2)
built = time.perf_counter()

for variable in [image] + list(nn.get_parameters().values()):
    variable.grad.zero()
loss.forward(clear_no_need_grad=True)
loss.backward(clear_buffer=True)
norm = float(np.linalg.norm(image.g))
ran = time.perf_counter()
print(json.dumps({"import": imported - start, "build": built - imported, "run": ran - built, "norm": norm}))
