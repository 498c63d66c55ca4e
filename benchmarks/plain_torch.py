"""VGG16 forward and backward as a user of PyTorch writes it; prints its seconds."""

import json
import time

start = time.perf_counter()
import torch  # noqa: E402
from torch import nn  # noqa: E402

imported = time.perf_counter()


def vgg16():
    """The layers of torchvision's vgg16, softmax last."""
    layers, channels = [], 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout()]
    layers += [nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout()]
    return nn.Sequential(*layers, nn.Linear(4096, 1000), nn.Softmax(dim=1))


torch.manual_seed(0)
model = vgg16().eval()
image = torch.randn(1, 3, 224, 224, requires_grad=True)
built = time.perf_counter()

loss = model(image).square().sum()
loss.backward()
norm = float(image.grad.norm())
ran = time.perf_counter()
print(json.dumps({"import": imported - start, "build": built - imported, "run": ran - built, "norm": norm}))
