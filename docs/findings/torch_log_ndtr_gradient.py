"""PyTorch 2.13.0: the gradient of special.log_ndtr has lost its digits from -200 down (fault)."""

import torch

x = torch.tensor([-200.0, -1000.0, -10000.0], requires_grad=True)
torch.special.log_ndtr(x).sum().backward()
# It tends to -x - 1 / x; worked out with mpmath.
print("got     ", [round(value, 3) for value in x.grad.tolist()])
print("expected", [200.005, 1000.001, 10000.0])
