"""The zoo's `vae`, at its defaults, written for PyTorch by hand.

Where the two frameworks do the same thing in different ways, this file takes PyTorch's fastest:

- TensorFlow pads a strided convolution behind, PyTorch in front. Instead of an extra padding
  operation, the network sees mirrored images with mirrored kernels, which is the same function.
- Images are kept in memory in the order of axes in which the network reads them.
- The median comes from `torch.median`, which is the lower of the two in the middle; asinh and
  sinh are written with the logarithm and the exponential, which are faster than PyTorch's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.images import SHAPE

__all__ = ["Network"]

_FILTERS = (16, 32, 64)
_LATENT_DIM = 16
_BORDER = 8
_FLOOR = 1e-6
_MAD_TO_SIGMA = 1.4826
_STDDEV_FLOOR = 1e-3
_MODEL_ERROR = 0.1
_MAX_STRETCHED = 16.0


class _Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(functional.leaky_relu(x, 0.2))
        return x + self.second(functional.leaky_relu(y, 0.2))


class Network(nn.Module):
    """The network and its loss."""

    def __init__(self):
        super().__init__()
        height, width, bands = SHAPE
        self.encoder = nn.Sequential()
        before = bands
        for filters in _FILTERS:
            self.encoder += nn.Sequential(
                nn.Conv2d(before, filters, 3, stride=2, padding=1), _Block(filters)
            )
            before = filters
        factor = 2 ** len(_FILTERS)
        self.small = (before, height // factor, width // factor)
        self.encoder += nn.Sequential(
            nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(math.prod(self.small), 2 * _LATENT_DIM)
        )
        self.decoder = nn.Sequential(
            nn.Linear(_LATENT_DIM, math.prod(self.small)), nn.Unflatten(1, self.small)
        )
        for below in (*_FILTERS[-2::-1], _FILTERS[0]):
            self.decoder += nn.Sequential(
                _Block(before),
                nn.LeakyReLU(0.2),
                nn.ConvTranspose2d(before, below, 4, stride=2, padding=1),
            )
            before = below
        self.decoder += nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(before, bands, 3, padding=1))
        self.log_noise = nn.Parameter(torch.zeros(bands))
        self.register_buffer("noise_floor", torch.zeros(bands))

    @staticmethod
    def inputs(batch: Mapping[str, np.ndarray]) -> tuple[torch.Tensor]:
        """Returns the images with their axes in PyTorch's order, turned by 180 degrees."""
        return (torch.from_numpy(batch["image"][:, ::-1, ::-1].transpose(0, 3, 1, 2).copy()),)

    @staticmethod
    def draw(number: int) -> torch.Tensor:
        """Returns what draws the latents of so many images."""
        return torch.randn(number, _LATENT_DIM)

    def load(self, weights: Sequence[np.ndarray], statistics: Mapping[str, np.ndarray]) -> None:
        """Sets the parameters to Keras's, mirrored; Keras's log-noise comes first or last."""
        rest = list(weights)
        ends = [index for index in (0, -1) if rest[index].shape == self.log_noise.shape]
        log_noise = torch.from_numpy(rest.pop(ends[0]))
        with torch.no_grad():
            self.log_noise.copy_(log_noise)
            self.noise_floor.copy_(torch.from_numpy(statistics["noise_floor"]))
            for module in self.modules():
                if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                    kernel, bias = rest.pop(0), rest.pop(0)
                    if isinstance(module, nn.Linear):
                        kernel, bias = _dense(kernel, bias, self.small)
                    else:
                        kernel = kernel[::-1, ::-1].transpose(3, 2, 0, 1)
                    module.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
                    module.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
        if rest:
            raise ValueError(f"weights must be as many as the network has; {len(rest)} are over")

    def forward(self, images: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Returns the loss per pixel, the mean over the batch."""
        x = self._normalised(images)
        loc, raw = self.encoder(_asinh(x)).chunk(2, dim=1)
        stddev = functional.softplus(raw) + _STDDEV_FLOOR
        drawn = self.decoder(loc + stddev * noise).clamp(-_MAX_STRETCHED, _MAX_STRETCHED)
        drawn = _sinh(drawn)
        variance = torch.exp(2 * self.log_noise)[:, None, None] + (_MODEL_ERROR * drawn) ** 2
        reconstruction = 0.5 * ((x - drawn) ** 2 / variance + torch.log(variance))
        kl = 0.5 * (stddev**2 + loc**2 - 1.0) - torch.log(stddev)
        per_image = reconstruction.sum(dim=(1, 2, 3)) + kl.sum(dim=1)
        return per_image.mean() / math.prod(SHAPE) + 0.5 * math.log(2 * math.pi)

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        b = _BORDER
        sides = (images[:, :, b:-b, :b], images[:, :, b:-b, -b:])
        parts = (images[:, :, :b], images[:, :, -b:], *sides)
        frame = torch.cat([part.flatten(2) for part in parts], dim=2)
        background = _median(frame)
        noise = _MAD_TO_SIGMA * _median((frame - background).abs())
        floor = self.noise_floor.clamp(min=_FLOOR)[:, None]
        return (images - background[..., None]) / torch.maximum(noise, floor)[..., None]


def _median(values: torch.Tensor) -> torch.Tensor:
    lower = values.median(dim=-1, keepdim=True).values
    above = values > lower
    enough = above.sum(dim=-1, keepdim=True) >= values.shape[-1] // 2
    upper = torch.where(above, values, torch.inf).amin(dim=-1, keepdim=True)
    return (lower + torch.where(enough, upper, lower)) / 2


def _asinh(x: torch.Tensor) -> torch.Tensor:
    a = x.abs()
    return torch.log(a + torch.sqrt(a * a + 1)).copysign(x)


def _sinh(y: torch.Tensor) -> torch.Tensor:
    e = torch.exp(y)
    return 0.5 * (e - 1 / e)


def _dense(
    kernel: np.ndarray, bias: np.ndarray, small: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns weights for features in the order bands, rows, columns, mirrored."""
    depth, rows, columns = small

    def turned(values: np.ndarray) -> np.ndarray:
        cube = values.reshape(rows, columns, depth, -1)[::-1, ::-1].transpose(2, 0, 1, 3)
        return cube.reshape(values.shape)

    if len(bias) == math.prod(small):
        return turned(kernel.T), turned(bias)
    return turned(kernel).T, bias
