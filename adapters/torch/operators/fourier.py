"""PyTorch: operators of Fourier transforms, which take complex numbers."""

import torch


def _applied(transform, x, signal_ndim, norm):
    # view_as_complex would want both parts side by side in memory.
    y = transform(torch.complex(x[..., 0], x[..., 1]), dim=tuple(range(-signal_ndim, 0)), norm=norm)
    return torch.stack((y.real, y.imag), dim=-1)


def op_fft(x, *, signal_ndim, norm):
    return _applied(torch.fft.fftn, x, signal_ndim, norm)


def op_ifft(x, *, signal_ndim, norm):
    return _applied(torch.fft.ifftn, x, signal_ndim, norm)
