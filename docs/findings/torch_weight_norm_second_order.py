"""PyTorch 2.13.0: the double backward of weight_norm is wrong, in silence (fault)."""

import torch

g = torch.tensor([[2.0]], dtype=torch.float64)


def slope(v):
    """The sum of the gradient by v of the first element of g v / |v|, as torch's weight_norm computes it."""
    w = torch._weight_norm(v, g, 0)  # what torch.nn.utils.parametrizations.weight_norm calls
    return torch.autograd.grad(w[0, 0], v, create_graph=True)[0].sum()


v = torch.tensor([[3.0, 4.0]], dtype=torch.float64, requires_grad=True)
h = torch.eye(2, dtype=torch.float64) * 1e-6
print("got     ", [round(x, 6) for x in torch.autograd.grad(slope(v), v)[0][0].tolist()])
print("expected", [round(((slope(v + d[None]) - slope(v - d[None])) / 2e-6).item(), 6) for d in h])
