"""Write random networks of the kinds that judges stumble over, to be run with every framework.

    python benchmarks/random_networks.py FOLDER --count 1000 --seed 1
    gradconform run FOLDER --out reports/random

Each network is a small graph of drawn operators with tensors that are read more than once, and at least one awkward
thing: a mask of minus infinity, a constant channel, zeros that tie, a row of NaN, far-out values, a mean at its end.
What a framework gives for them is honest unless `specs/known` lists it, so every row that diverges is a finding: a
false alarm of the judge, or a fault that nobody has listed. A network is told by seed and number, on every machine.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from pathlib import Path
from typing import Any

Shape = tuple[int, ...]
Node = dict[str, Any]

SMOOTH = ("tanh", "sigmoid", "softplus", "silu", "square", "neg")
KINKED = ("relu", "abs")
BINARY = ("add", "sub", "mul", "maximum", "minimum")


class Sketch:
    """A network that is being drawn: its inputs, its nodes, and the shapes of all that a node may read."""

    def __init__(self, seed: int, number: int) -> None:
        self.random = random.Random(f"{seed}/{number}")
        self.inputs: dict[str, Any] = {}
        self.nodes: dict[str, Node] = {}
        self.shapes: dict[str, Shape] = {}
        self.last = ""

    def input(self, shape: Shape, grad: bool = True, **values: Any) -> str:
        """An input of this shape, drawn unless values say otherwise; its name."""
        name = f"x{len(self.inputs)}"
        self.inputs[name] = {"shape": list(shape), **values, **({"grad": True} if grad else {})}
        self.shapes[name] = shape
        return name

    def node(self, op: str, shape: Shape, **rest: Any) -> str:
        """A node of this operator, whose output has this shape; its name."""
        name = self.last = f"n{len(self.nodes)}"
        self.nodes[name] = {"op": op, **rest}
        self.shapes[name] = shape
        return name

    def any(self, shape: Shape | None = None) -> str:
        """A tensor that is there, of a shape; the later, the likelier."""
        names = [name for name, own in self.shapes.items() if shape is None or own == shape]
        return names[min(int(self.random.triangular(0, len(names), len(names))), len(names) - 1)]

    def text(self, about: str) -> str:
        """The spec. JSON is YAML, but for what is no number there."""
        document = {"about": about, "inputs": self.inputs, "nodes": self.nodes, "output": self.last}
        text = json.dumps(document, indent=1)
        return text.replace("-Infinity", "-.inf").replace("Infinity", ".inf").replace("NaN", ".nan")


def awkward(sketch: Sketch, shape: Shape) -> str:
    """An input with something awkward in it; what it is."""
    draw = sketch.random
    size = math.prod(shape)
    kind = draw.choice(["mask", "constant", "zeros", "nan", "far", "tied", "plain"])
    numbers = [draw.gauss(0.3, 0.7) for _ in range(size)]
    if kind == "mask" and len(shape) == 2:
        row = shape[1]
        # A column of each row is left open, so that no softmax is of nothing but infinities.
        masked = [-math.inf if draw.random() < 0.4 and i % row else 0.0 for i in range(size)]
        scores, mask = sketch.input(shape), sketch.input(shape, grad=False, value=nested(masked, shape))
        total = sketch.node("add", shape, x=scores, y=mask)
        sketch.node(draw.choice(["softmax", "log_softmax"]), shape, x=total, dim=1)
        del sketch.shapes[mask], sketch.shapes[total]
        if sketch.nodes[sketch.last]["op"] == "log_softmax":
            # Minus infinity again: nothing else reads it.
            sketch.node("exp", shape, x=sketch.last)
            del sketch.shapes[f"n{len(sketch.nodes) - 2}"]
        return kind
    if kind == "constant":
        inner = math.prod(shape[2:])
        level = draw.choice([0.0, 1.1, 10.1, 33.3, 100.1, 1000.1])
        numbers = [level if (i // inner) % shape[1] == 0 else n for i, n in enumerate(numbers)]
    elif kind == "zeros":
        numbers = [0.0 if draw.random() < 0.5 else n for n in numbers]
    elif kind == "nan":
        each = math.prod(shape[1:])
        numbers = [math.nan if i < each else n for i, n in enumerate(numbers)]
    elif kind == "far":
        numbers = [n * 10.0 ** draw.randint(-6, 2) for n in numbers]
    elif kind == "tied":
        numbers = [float(round(2 * n)) / 2 for n in numbers]
    sketch.input(shape, value=nested(numbers, shape))
    return kind if kind != "mask" else "plain"


def nested(numbers: list[float], shape: Shape) -> Any:
    """Numbers in row-major order as lists of lists, each with as many digits as float32 tells apart."""
    if not shape:
        return float(f"{numbers[0]:.8g}")
    step = len(numbers) // shape[0]
    return [nested(numbers[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def step(sketch: Sketch) -> None:
    """One more node."""
    draw = sketch.random
    x = sketch.any()
    shape = sketch.shapes[x]
    choices = [*SMOOTH, *KINKED, *KINKED, "leaky_relu", "clamp", "gelu", "binary", "binary", "normalize"]
    choices += ["linear", "linear", "softmax"] if len(shape) == 2 else []
    choices += ["conv2d", "max_pool2d", "avg_pool2d"] if len(shape) == 4 and min(shape[2:]) >= 2 else []
    op = draw.choice(choices)
    if op == "binary":
        sketch.node(draw.choice(BINARY), shape, x=x, y=sketch.any(shape))
    elif op == "leaky_relu":
        sketch.node(op, shape, x=x, negative_slope=0.2)
    elif op == "clamp":
        sketch.node(op, shape, x=x, min=-0.5, max=0.5)
    elif op == "gelu":
        sketch.node(op, shape, x=x, approximate=draw.choice(["none", "tanh"]))
    elif op == "normalize" and (len(shape) == 4 or draw.random() < 0.5):
        sketch.node("batch_norm", shape, x=x, eps=1e-5, momentum=0.1, training=True)
    elif op == "normalize":
        sketch.node("layer_norm", shape, x=x, eps=1e-5)
    elif op == "linear":
        features = draw.randint(2, 6)
        sketch.node(op, (shape[0], features), x=x, out_features=features)
    elif op == "softmax":
        sketch.node(op, shape, x=x, dim=1)
    elif op == "conv2d":
        channels = draw.randint(2, 5)
        same = {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 1, "groups": 1}
        sketch.node(op, (shape[0], channels, *shape[2:]), x=x, out_channels=channels, **same)
    elif op.endswith("pool2d"):
        count = {"count_include_pad": True} if op == "avg_pool2d" else {}
        smaller = (*shape[:2], shape[2] // 2, shape[3] // 2)
        sketch.node(op, smaller, x=x, kernel_size=2, stride=2, padding=0, **count)
    else:
        sketch.node(op, shape, x=x)


def network(seed: int, number: int) -> str:
    """The spec of one network, as text."""
    sketch = Sketch(seed, number)
    draw = sketch.random
    images = draw.random() < 0.4
    rows = draw.choice([3, 7, 11, 200]) if not images else 3
    shape: Shape = (rows, draw.randint(2, 4), 6, 6) if images else (rows, draw.randint(3, 6))
    kind = awkward(sketch, shape)
    for _ in range(draw.randint(2, 9)):
        step(sketch)
    # Whatever was drawn last is the output, or its mean is, as of a loss.
    last = sketch.shapes[sketch.last]
    if draw.random() < 0.7:
        over = list(range(len(last)))
        sketch.node(draw.choice(["mean", "mean", "sum"]), (), x=sketch.last, dim=over, keepdim=False)
    return sketch.text(f"Random network {number} of seed {seed}: {kind}.")


def main() -> None:
    """Write the specs, one file each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="a folder for the specs")
    parser.add_argument("--count", type=int, default=1000, help="how many networks")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for number in range(given.first, given.first + given.count):
        (given.folder / f"random_{number:05}.yaml").write_text(network(given.seed, number), encoding="utf-8")
    print(f"{given.count} networks in {given.folder}")


if __name__ == "__main__":
    main()
