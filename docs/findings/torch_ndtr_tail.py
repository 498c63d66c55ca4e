"""PyTorch 2.13.0: special.ndtr loses its lower tail to cancellation (accuracy)."""

import math

import torch

print("got     ", torch.special.ndtr(torch.tensor([-3.0, -5.0, -6.0])).tolist())
print("expected", [0.5 * math.erfc(x / math.sqrt(2.0)) for x in (3.0, 5.0, 6.0)])
