"""NNabla: operators of Fourier transforms, F.fft and F.ifft, which its CPU backend does not have."""
