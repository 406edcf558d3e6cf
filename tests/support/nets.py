"""A small classifier that is not ours, and images for it."""

import torch
from torch import Tensor, nn


class Net(nn.Module):
    def __init__(self, bias: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.drop, self.head = nn.Conv2d(1, 4, 3), nn.Dropout(0.5), nn.Linear(4, 2)
        self.bias = bias

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.conv(x).relu().mean((2, 3)))) + self.bias


X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
