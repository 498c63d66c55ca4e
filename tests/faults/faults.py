"""The faults: what is appended to an adapter's files, and what the judge must say of it.

Every fault names the tensors whose rows must fail and the culprit of each. Nodes are told apart by shapes,
since an operator of an adapter does not know whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gradconform.capture import adapters
from twins import ROUTE

FRAMEWORKS = tuple(adapters.names())
# Spec -> tensor -> culprit.
Blame = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Fault:
    """One fault. operators, routes: texts to append to these files, one for all frameworks or one for each."""

    name: str
    blame: Blame
    operators: str | Mapping[str, str] = ""
    routes: str | Mapping[str, str] = ""

    def changes(self, framework: str) -> dict[str, str]:
        """What to append to which file of a framework's adapter."""
        texts = {"operators": self.operators, "routes.py": self.routes}
        chosen = {file: text if isinstance(text, str) else text[framework] for file, text in texts.items()}
        return {file: text for file, text in chosen.items() if text}


RUN = "    values, missing = _honest(network, problem, tensors)"


def read_out(names: Iterable[str], *lines: str, run: str = RUN) -> str:
    """A route that spoils what was read out of those of some tensors of a problem, each called `name`."""
    loop = [f"    for name in {sorted(names)!r}:", "        if name in values:"]
    return ROUTE.format(run=run.strip("\n"), change="\n".join(loop + [" " * 12 + line for line in lines]))


def computed(names: Iterable[str], line: str) -> str:
    """A route that computes what it gives for some tensors: `line` makes a new `g` from `g`."""
    return read_out(names, "g = values[name].copy()", line, "values[name] = np.asarray(g, values[name].dtype)")


def tensors_of(blame: Blame) -> list[str]:
    """The tensors of all specs."""
    return [tensor for culprits in blame.values() for tensor in culprits]


MATRICES: Blame = {"cnn": {"grad/conv2.weight": "conv2"}, "transformer": {"grad/query.weight": "query"}}
SCALED = Fault("weight_gradient_scaled", MATRICES, routes=computed(tensors_of(MATRICES), "g = g * (1 + 1e-4)"))

# Of all weights of these networks conv1's has the most terms in each sum, and with them the widest bound.
WIDEST: Blame = {"cnn": {"grad/conv1.weight": "conv1"}, "transformer": {"grad/up.weight": "up"}}
ONE_ELEMENT = Fault(
    "one_element_of_a_weight_gradient",
    WIDEST,
    routes=computed(tensors_of(WIDEST), "g.flat[np.abs(g).argmax()] *= 1 + 1e-4"),
)

MEDIAN_ELEMENT = Fault(
    "median_element_of_a_weight_gradient",
    MATRICES,
    routes=computed(tensors_of(MATRICES), "g.flat[np.abs(g).ravel().argsort()[g.size // 2]] *= 1 + 1e-4"),
)

BIASES: Blame = {"cnn": {"grad/conv2.bias": "conv2"}, "transformer": {"grad/up.bias": "up"}}
MEAN_BIAS = Fault(
    "bias_gradient_averaged_over_the_batch",
    BIASES,
    routes=computed(tensors_of(BIASES), "g = g / len(tensors['x'])"),
)
MISSING_BIAS = Fault(
    "bias_gradient_missing_for_a_wrong_reason",
    BIASES,
    routes=read_out(tensors_of(BIASES), "del values[name]", "missing[name] = 'not_on_path'"),
)

# The mask is wrong in the graph itself: what goes on upstream is consistent with it. In cnn it is the second
# ReLU, in three_readers the only one, whose input has three readers: a second capture tells which of them it was.
CHOSEN_RELU = """

_relu = op_relu


def op_relu(x):
    return _wrong_side(x) if x.shape[1] == 32 or x.ndim == 2 and x.shape[1] == 7 else _relu(x)
"""
WRONG_SIDE = {
    "torch": """

class _WrongSide(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, dy):
        return dy * (ctx.saved_tensors[0] < 0)


_wrong_side = _WrongSide.apply
""",
    "chainer": """

class _WrongSide(chainer.FunctionNode):
    def forward(self, inputs):
        self.retain_inputs((0,))
        return (np.maximum(inputs[0], 0),)

    def backward(self, indexes, gradients):
        (x,) = self.get_retained_inputs()
        return (gradients[0] * (x.array < 0).astype(x.dtype),)


def _wrong_side(x):
    return _WrongSide().apply((x,))[0]
""",
    "nnabla": """

def _wrong_side(x):
    y, slope = F.relu(x), -F.relu(-x)
    nothing = slope - F.identity(slope)
    # Adds exactly zero, and is the only way by which a gradient comes back.
    nothing.parent.inputs[1].need_grad = y.need_grad = False
    return y + nothing
""",
}
RELU = Fault(
    "relu_mask_from_the_wrong_side",
    {"cnn": {"grad/conv2": "relu2"}, "three_readers": {"grad/h": "left"}},
    operators={framework: code + CHOSEN_RELU for framework, code in WRONG_SIDE.items()},
)

PADDING = Fault(
    "padding_shifted_by_one",
    {"lenet": {"output/conv1": "conv1", "grad/conv1.weight": "conv1", "grad/x": "conv1"}},
    operators="""

_conv2d = op_conv2d


def op_conv2d(x, weight, bias, *, padding, **attributes):
    padding = [[3, 1], padding[1]] if weight.shape[0] == 6 else padding
    return _conv2d(x, weight, bias, padding=padding, **attributes)
""",
)

POOLING = Fault(
    "pooling_window_and_padding_one_larger",
    {"cnn": {"output/pool1": "pool1", "grad/relu1": "pool1"}},
    operators="""

_max_pool2d = op_max_pool2d


def op_max_pool2d(x, *, kernel_size, stride, padding):
    if x.shape[1] == 16:
        kernel_size, padding = [3, 3], [1, 1]
    return _max_pool2d(x, kernel_size=kernel_size, stride=stride, padding=padding)
""",
)

# What adds exactly zero to the right output gives the gradient back in full to all that tie.
ALL_OF_A_WINDOW = {
    "torch": """

def op_max_pool2d(x, *, kernel_size, stride, padding):
    y = F.max_pool2d(x, kernel_size, stride=stride, padding=padding).detach()
    if kernel_size != [2, 2]:
        return F.max_pool2d(x, kernel_size, stride=stride, padding=padding)
    wins = x == y.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return y + 4 * F.avg_pool2d((x - x.detach()) * wins, 2)
""",
    # Nobody need write a fault here: F.max gives the whole gradient to each of the largest.
    "chainer": """

def op_max_pool2d(x, *, kernel_size, stride, padding):
    if kernel_size != [2, 2]:
        return F.max_pooling_2d(x, kernel_size, stride, padding, cover_all=False)
    n, c, h, w = x.shape
    return F.max(F.reshape(x, (n, c, h // 2, 2, w // 2, 2)), axis=(3, 5))
""",
    "nnabla": """

def op_max_pool2d(x, *, kernel_size, stride, padding):
    y = F.max_pooling(x, kernel_size, stride=stride, pad=padding, ignore_border=True)
    if kernel_size != [2, 2]:
        return y
    nothing, wins = x - F.identity(x), F.equal(x, F.unpooling(y, (2, 2)))
    nothing.parent.inputs[1].need_grad = wins.need_grad = y.need_grad = False
    return y + F.sum_pooling(nothing * wins, (2, 2))
""",
}
POOL_TIES = Fault("every_tie_of_a_window_has_all", {"ties": {"grad/larger": "pool"}}, operators=ALL_OF_A_WINDOW)

ALL_OF_TWO = {
    "torch": """

def op_maximum(x, y):
    return torch.maximum(x, y).detach() + (x - x.detach()) * (x >= y) + (y - y.detach()) * (y >= x)
""",
    "chainer": """

def op_maximum(x, y):
    x_wins, y_wins = ((a.array >= b.array).astype(a.dtype) for a, b in ((x, y), (y, x)))
    return np.maximum(x.array, y.array) + (x - x.array) * x_wins + (y - y.array) * y_wins
""",
    "nnabla": """

def op_maximum(x, y):
    largest = F.maximum2(x, y)
    parts = []
    for each, other in ((x, y), (y, x)):
        nothing, wins = each - F.identity(each), F.greater_equal(each, other)
        nothing.parent.inputs[1].need_grad = wins.need_grad = False
        parts.append(nothing * wins)
    largest.need_grad = False
    return largest + parts[0] + parts[1]
""",
}
PAIR_TIES = Fault(
    "both_of_a_tie_have_all",
    {"ties": {"grad/relu1": "larger", "grad/relu2": "larger"}},
    operators=ALL_OF_TWO,
)

STRIDE = Fault(
    "stride_one_larger",
    {"strided": {"output/conv": "conv", "grad/conv.weight": "conv", "grad/x": "conv"}},
    operators="""

_conv2d = op_conv2d


def op_conv2d(x, weight, bias, *, stride, **attributes):
    return _conv2d(x, weight, bias, stride=[n + 1 for n in stride], **attributes)
""",
)

# Two layers each, of which the first is wrong.
FIRST_OF_TWO = """

from itertools import count

_{op}, _calls = op_{op}, count()


def op_{op}(*tensors, eps, **attributes):
    return _{op}(*tensors, eps=eps if next(_calls) % 2 else 2 * eps, **attributes)
"""
BATCH_NORM_EPS = Fault(
    "batch_norm_eps_twice_as_large",
    {
        "residual_train": {"output/bn1": "bn1", "grad/conv1": "bn1"},
        "residual_eval": {"output/bn1": "bn1", "grad/conv1": "bn1", "grad/bn1.weight": "bn1"},
    },
    operators=FIRST_OF_TWO.format(op="batch_norm"),
)
LAYER_NORM_EPS = Fault(
    "layer_norm_eps_twice_as_large",
    {"transformer": {"output/norm1": "norm1", "grad/norm1.weight": "norm1", "grad/x": "norm1"}},
    operators=FIRST_OF_TWO.format(op="layer_norm"),
)

LOSS = Fault(
    "loss_a_mean_for_a_sum_and_the_reverse",
    {
        "strided": {"output/loss": "loss", "grad/fc": "loss"},
        "cnn": {"output/loss": "loss", "grad/fc2": "loss"},
    },
    operators="".join(
        f"""

_{op} = op_{op}


def op_{op}(x, target, *, reduction):
    return _{op}(x, target, reduction="mean" if reduction == "sum" else "sum")
"""
        for op in ("mse_loss", "cross_entropy")
    ),
)

# How each framework runs the network on another input first; what it read out then is `before`.
BEFORE = {
    "torch": """
    before, _ = _honest(network, problem, {**tensors, "x": -tensors["x"]})
    network.zero_grad()
    values, missing = _honest(network, problem, tensors)
""",
    "chainer": """
    before, _ = _honest(network, problem, {**tensors, "x": -tensors["x"]})
    values, missing = _honest(network, problem, tensors)
""",
    "nnabla": """
    network.variables["x"].d = -tensors["x"]
    before, _ = _honest(network, problem, tensors)
    network.variables["x"].d = tensors["x"]
    values, missing = _honest(network, problem, tensors)
""",
}


def stale(name: str, blame: Blame, *tensors: str) -> Fault:
    """A fault that gives an earlier pass's numbers for some tensors, all that are blamed by default."""
    names = tensors or tensors_of(blame)
    routes = {framework: read_out(names, "values[name] = before[name]", run=run) for framework, run in BEFORE.items()}
    return Fault(name, blame, routes=routes)


STALE_OUTPUT = stale(
    "stale_output_at_the_end", {"cnn": {"output/loss": "loss"}, "transformer": {"output/add2": "add2"}}
)
STALE_WEIGHT = stale(
    "stale_weight_gradient", {"cnn": {"grad/fc1.weight": "fc1"}, "transformer": {"grad/up.weight": "up"}}
)
STALE_INPUT = stale("stale_input_gradient", {"cnn": {"grad/x": "conv1"}, "transformer": {"grad/x": "norm1 add1"}})
# In the middle, the nodes next to a stale tensor did not see what was captured of it: their rows diverge as well, and
# the node that gave the stale tensor is blamed for all of them.
STALE_OUTPUT_WITHIN = stale(
    "stale_output_within",
    {
        "cnn": {"output/relu2": "relu2", "output/pool2": "relu2", "grad/relu2": "relu2"},
        "transformer": {"output/gelu": "gelu", "output/down": "gelu", "grad/down.weight": "gelu"},
    },
    "output/relu2",
    "output/gelu",
)
STALE_GRADIENT_WITHIN = stale(
    "stale_gradient_within",
    {
        "cnn": {"grad/relu2": "pool2", "grad/conv2": "pool2"},
        "transformer": {"grad/attend": "mixed", "grad/scores": "mixed"},
    },
    "grad/relu2",
    "grad/attend",
)

SILENT_BIAS = Fault("bias_gradient_silently_absent", BIASES, routes=read_out(tensors_of(BIASES), "del values[name]"))

BLAMED = tuple(value for value in list(globals().values()) if isinstance(value, Fault))
SPECS = sorted({spec for fault in BLAMED for spec in fault.blame})
