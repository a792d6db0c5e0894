"""The network and the training step of the zoo's `vae`, at its defaults, in PyTorch.

Where the two frameworks do the same thing in different ways, this file takes PyTorch's fastest:

- TensorFlow pads a strided convolution behind, PyTorch in front. Instead of an extra padding
  operation, the network sees mirrored images with mirrored kernels, which is the same function.
- Images are kept in memory in the order of axes in which the network reads them.
- The median comes from `torch.median`, which is the lower of the two in the middle; asinh and
  sinh are written with the logarithm and the exponential, which are faster than PyTorch's own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.images import SHAPE, sources

__all__ = ["TorchSteps"]

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


class _VAE(nn.Module):
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


def _load(network: _VAE, weights: Sequence[np.ndarray]) -> None:
    """Sets the parameters to Keras's, mirrored; Keras's log-noise comes first or last."""
    rest = list(weights)
    ends = [index for index in (0, -1) if rest[index].shape == network.log_noise.shape]
    log_noise = torch.from_numpy(rest.pop(ends[0]))
    with torch.no_grad():
        network.log_noise.copy_(log_noise)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                kernel, bias = rest.pop(0), rest.pop(0)
                if isinstance(module, nn.Linear):
                    kernel, bias = _dense(kernel, bias, network.small)
                else:
                    kernel = kernel[::-1, ::-1].transpose(3, 2, 0, 1)
                module.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
                module.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
    if rest:
        raise ValueError(f"weights must be as many as the network has; {len(rest)} are left over")


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


def _mirrored(images: np.ndarray) -> torch.Tensor:
    """Returns images as PyTorch orders their axes, turned by 180 degrees."""
    return torch.from_numpy(images[:, ::-1, ::-1].transpose(0, 3, 1, 2).copy())


class TorchSteps:
    """Training steps, in variants that differ in speed alone.

    Args:
        number: Training images.
        batch_size: Images in a batch.
        learning_rate: Of Adam.
        clip_norm: Largest global norm of the gradient.
        names: Of the variants: "eager" or "compiled", each with " channels last" or without.
    """

    def __init__(
        self,
        number: int,
        batch_size: int,
        learning_rate: float,
        clip_norm: float,
        names: Sequence[str],
    ):
        self.batch_size = batch_size
        self.images = _mirrored(sources(number))
        self.order = torch.randperm(number)
        self.place = 0
        self.steps = {name: _Step(name, learning_rate, clip_norm) for name in names}
        self.in_memory = {name: step.ordered(self.images) for name, step in self.steps.items()}

    def threads(self) -> int:
        """Returns the number of threads that an operation may use."""
        return torch.get_num_threads()

    def parameters(self) -> int:
        """Returns the number of parameters."""
        return sum(parameter.numel() for parameter in _VAE().parameters())

    def follow(
        self,
        name: str,
        learning_rate: float,
        clip_norm: float,
        weights: Sequence[np.ndarray],
        images: np.ndarray,
        noise: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns losses and gradient norms of the same steps, (steps,) each.

        Args:
            name: A variant.
            learning_rate: This and the rest as in `vae_tensorflow.Reference`.
        """
        step = _Step(name, learning_rate, clip_norm)
        _load(step.network, weights)
        terms = [
            step(step.ordered(_mirrored(batch)), torch.from_numpy(numbers))
            for batch, numbers in zip(images, noise, strict=True)
        ]
        losses, norms = zip(*terms, strict=True)
        return np.array([loss.item() for loss in losses]), np.array([norm.item() for norm in norms])

    def speed(self, name: str, number: int) -> float:
        """Returns images/s over `number` steps, the gathering of their batches included.

        Args:
            name: A variant.
            number: Steps.
        """
        step, images = self.steps[name], self.in_memory[name]
        begun = time.perf_counter()
        for _ in range(number):
            loss, _ = step(images[self._rows()], torch.randn(self.batch_size, _LATENT_DIM))
        loss.item()
        return number * self.batch_size / (time.perf_counter() - begun)

    def _rows(self) -> torch.Tensor:
        if self.place + self.batch_size > len(self.order):
            self.order, self.place = torch.randperm(len(self.order)), 0
        self.place += self.batch_size
        return self.order[self.place - self.batch_size : self.place]


class _Step:
    def __init__(self, name: str, learning_rate: float, clip_norm: float):
        torch.manual_seed(0)
        self.format = (
            torch.channels_last if name.endswith("channels last") else torch.contiguous_format
        )
        self.network = _VAE().to(memory_format=self.format)
        self.loss = torch.compile(self.network) if name.startswith("compiled") else self.network
        self.clip_norm = clip_norm
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, eps=1e-7, fused=True
        )

    def ordered(self, images: torch.Tensor) -> torch.Tensor:
        return images.contiguous(memory_format=self.format)

    def __call__(
        self, images: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(images, noise)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.optimizer.step()
        return loss.detach(), norm
