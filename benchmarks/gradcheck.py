"""Time torch.autograd.gradcheck on the network of specs/networks/cnn.yaml, in float64; prints JSON.

Run by the interpreter that has PyTorch: `python benchmarks/gradcheck.py NUMBERS.npz`, the problem's numbers
by name, the cotangent among them.
"""

import json
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

# Slow mode costs two forward passes for each element, whichever it is, so a part stands for the whole.
PART = ("conv1.weight", "conv1.bias", "conv2.bias", "conv3.bias", "fc1.bias")


def cnn(target, cotangent, x, p):
    """The network, written by hand, times the cotangent."""
    h = F.max_pool2d(F.relu(F.conv2d(x, p["conv1.weight"], p["conv1.bias"])), 2)
    h = F.max_pool2d(F.relu(F.conv2d(h, p["conv2.weight"], p["conv2.bias"])), 2)
    h = F.relu(F.conv2d(h, p["conv3.weight"], p["conv3.bias"])).flatten(1)
    h = F.linear(F.relu(F.linear(h, p["fc1.weight"], p["fc1.bias"])), p["fc2.weight"])
    return F.cross_entropy(h, target) * cotangent


def timed(numbers, wanted, fast):
    """Run gradcheck on the named tensors, with its own defaults; seconds, elements and whether it passed."""
    fixed = {name: torch.from_numpy(array) for name, array in numbers.items()}
    target, cotangent = fixed.pop("target"), fixed.pop("cotangent")

    def loss(*tensors):
        values = {**fixed, **dict(zip(wanted, tensors, strict=True))}
        return cnn(target, cotangent, values["x"], values)

    leaves = [fixed[name].clone().requires_grad_() for name in wanted]
    value = float(loss(*leaves))
    start = time.perf_counter()
    passed = torch.autograd.gradcheck(loss, leaves, fast_mode=fast, raise_exception=False)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "elements": sum(t.numel() for t in leaves), "passed": passed, "loss": value}


def main(path):
    """Slow mode on a part, fast mode on everything."""
    torch.manual_seed(0)
    numbers = dict(np.load(path))
    everything = [name for name in numbers if name not in ("target", "cotangent")]
    # What is only slow for being first is paid here.
    timed(numbers, ["fc1.bias"], True)
    slow, fast = timed(numbers, list(PART), False), timed(numbers, everything, True)
    print(json.dumps({"slow": slow, "fast": fast}))


main(sys.argv[1])
