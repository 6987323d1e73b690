"""C3D (Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks, ICCV 2015).

Names and shapes of the parameters are those of the published conversion of its Sports-1M weights to PyTorch.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class C3D(nn.Module):
    """Clips (N, 3, T, H, W) of at least 16 frames and 16x16 pixels, 16 of 112x112 as published.

    Gives logits (N, num_classes).
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1 = _convolution(3, 64)
        self.conv2 = _convolution(64, 128)
        self.conv3a = _convolution(128, 256)
        self.conv3b = _convolution(256, 256)
        self.conv4a = _convolution(256, 512)
        self.conv4b = _convolution(512, 512)
        self.conv5a = _convolution(512, 512)
        self.conv5b = _convolution(512, 512)
        self.fc6 = nn.Linear(512 * 4 * 4, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, num_classes)
        self.dropout = nn.Dropout(0.5)
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        relu, pool = functional.relu, functional.max_pool3d
        found = pool(relu(self.conv1(clips)), (1, 2, 2))
        found = pool(relu(self.conv2(found)), 2)
        found = pool(relu(self.conv3b(relu(self.conv3a(found)))), 2)
        found = pool(relu(self.conv4b(relu(self.conv4a(found)))), 2)
        found = pool(relu(self.conv5b(relu(self.conv5a(found)))), 2, padding=(0, 1, 1))
        # As published, this is (1, 4, 4) already.
        found = functional.adaptive_avg_pool3d(found, (1, 4, 4)).flatten(1)
        found = self.dropout(relu(self.fc6(found)))
        found = self.dropout(relu(self.fc7(found)))
        return self.fc8(found)


def _convolution(channels: int, width: int) -> nn.Conv3d:
    return nn.Conv3d(channels, width, 3, padding=1)
