"""The zoo's `gz_bayesian_cnn`, at its defaults, written for PyTorch by hand.

The votes are those on one question of three answers. Of the Dirichlet-multinomial, PyTorch has the
logarithm of the gamma function and nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

__all__ = ["Network"]

_SIDE, _BANDS, _ANSWERS = 64, 3, 3
_FILTERS = ((32, 32), (64, 64), (128,), (128,))
_UNITS = 128
_DROPOUT = 0.5
_LOWEST_CONCENTRATION, _CONCENTRATION_RANGE = 0.1, 100.0


class Network(nn.Module):
    """The network and its loss."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential()
        before = _BANDS
        for stage in _FILTERS:
            for width in stage:
                self.encoder += nn.Sequential(nn.Conv2d(before, width, 3, padding=1), nn.ReLU())
                before = width
            self.encoder.append(nn.MaxPool2d(2))
        side = _SIDE // 2 ** len(_FILTERS)
        self.small = (side, side, before)
        self.hidden = nn.Linear(math.prod(self.small), _UNITS)
        self.last = nn.Linear(_UNITS, _ANSWERS)
        self.register_buffer("mean", torch.zeros(_BANDS))
        self.register_buffer("stddev", torch.ones(_BANDS))

    @staticmethod
    def inputs(batch: Mapping[str, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the images with their axes in PyTorch's order, and the votes."""
        images = torch.from_numpy(batch["image"].transpose(0, 3, 1, 2).copy())
        return images, torch.from_numpy(batch["votes"])

    @staticmethod
    def draw(number: int) -> torch.Tensor:
        """Returns what decides on the dropout of so many images."""
        return torch.rand(number, _UNITS)

    def load(self, weights: Sequence[np.ndarray], statistics: Mapping[str, np.ndarray]) -> None:
        """Sets the parameters to Keras's."""
        rest = list(weights)
        with torch.no_grad():
            self.mean.copy_(torch.from_numpy(statistics["mean"]))
            self.stddev.copy_(torch.from_numpy(statistics["stddev"]))
            for module in self.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    kernel, bias = rest.pop(0), rest.pop(0)
                    if module is self.hidden:
                        # From rows, columns, bands to bands, rows, columns.
                        kernel = kernel.reshape(*self.small, _UNITS).transpose(2, 0, 1, 3)
                        kernel = kernel.reshape(-1, _UNITS)
                    axes = (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
                    module.weight.copy_(torch.from_numpy(kernel.transpose(axes).copy()))
                    module.bias.copy_(torch.from_numpy(bias))
        if rest:
            raise ValueError(f"weights must be as many as the network has; {len(rest)} are over")

    def forward(
        self, images: torch.Tensor, votes: torch.Tensor, draws: torch.Tensor
    ) -> torch.Tensor:
        """Returns the mean over the batch of -log p(votes), nats."""
        x = (images - self.mean[:, None, None]) / self.stddev[:, None, None]
        x = functional.relu(self.hidden(self.encoder(x).flatten(1)))
        x = torch.where(draws.reshape(x.shape) < _DROPOUT, 0.0, x / (1 - _DROPOUT))
        a = _LOWEST_CONCENTRATION + _CONCENTRATION_RANGE * torch.sigmoid(self.last(x))
        volunteers, total = votes.sum(1), a.sum(1)
        ways = torch.lgamma(volunteers + 1) - torch.lgamma(votes + 1).sum(1)
        per_answer = (torch.lgamma(votes + a) - torch.lgamma(a)).sum(1)
        log_prob = ways + per_answer + torch.lgamma(total) - torch.lgamma(volunteers + total)
        return -log_prob.mean()
