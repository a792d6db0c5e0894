"""Training steps in PyTorch, from batches in memory."""

from __future__ import annotations

import importlib
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import nn

__all__ = ["TorchSteps"]


class TorchSteps:
    """Training steps of one network after the other, in variants that differ in speed alone.

    A network of `benchmarks.NAME_torch` has `inputs`, which makes tensors of a batch, `draw`, which
    returns random numbers for as many images, `load`, and `forward`, which returns the loss.

    Args:
        learning_rate: Of Adam.
        clip_norm: Largest global norm of the gradient.
        alone: As in `zoo_tensorflow.ZooSteps`.
    """

    def __init__(self, learning_rate: float, clip_norm: float, alone: bool = False):
        if alone:
            torch.set_num_threads(1)
        self._time = time.process_time if alone else time.perf_counter
        self._settings = learning_rate, clip_norm
        self._steps: dict[str, _Step] = {}
        self._batches: dict[str, Iterator[list[torch.Tensor]]] = {}
        self._batch_size = 0

    def prepare(
        self, name: str, variants: Sequence[str], batches: Sequence[Mapping[str, np.ndarray]]
    ) -> None:
        """Makes a network ready for `speed`.

        Args:
            name: Registry key.
            variants: "eager" or "compiled", each with " channels last" or without.
            batches: Images and targets.
        """
        self._steps = {variant: _Step(name, variant, *self._settings) for variant in variants}
        self._batches = {
            variant: itertools.cycle([step.inputs(batch) for batch in batches])
            for variant, step in self._steps.items()
        }
        self._batch_size = len(batches[0]["image"])

    def follow(
        self,
        name: str,
        variant: str,
        learning_rate: float,
        clip_norm: float,
        weights: Sequence[np.ndarray],
        statistics: Mapping[str, np.ndarray],
        batches: Sequence[Mapping[str, np.ndarray]],
        draws: Sequence[Sequence[np.ndarray]],
    ) -> tuple[int, np.ndarray, np.ndarray]:
        """Returns the number of parameters, and losses and gradient norms of steps, (steps,) each.

        Args:
            name, variant: As in `prepare`.
            learning_rate, clip_norm: As of the constructor.
            weights, statistics, batches, draws: As in `zoo_tensorflow.Reference`.
        """
        step = _Step(name, variant, learning_rate, clip_norm)
        step.network.load(weights, statistics)
        terms = [
            [value.item() for value in step(step.inputs(batch), torch.from_numpy(numbers))]
            for batch, (numbers,) in zip(batches, draws, strict=True)
        ]
        losses, norms = np.array(terms).T
        return sum(each.numel() for each in step.network.parameters()), losses, norms

    def speed(self, variant: str, number: int) -> float:
        """Returns images/s over so many steps of a variant that was prepared."""
        step, batches = self._steps[variant], self._batches[variant]
        begun = self._time()
        for _ in range(number):
            loss, _ = step(next(batches), step.network.draw(self._batch_size))
        loss.item()
        return number * self._batch_size / (self._time() - begun)


class _Step:
    def __init__(self, name: str, variant: str, learning_rate: float, clip_norm: float):
        torch.manual_seed(0)
        last = variant.endswith("channels last")
        self._format = torch.channels_last if last else torch.contiguous_format
        network = importlib.import_module(f"benchmarks.{name}_torch").Network()
        self.network = network.to(memory_format=self._format)
        self._loss = torch.compile(network) if variant.startswith("compiled") else network
        self._clip_norm = clip_norm
        self._optimizer = torch.optim.Adam(
            network.parameters(), lr=learning_rate, eps=1e-7, fused=True
        )

    def inputs(self, batch: Mapping[str, np.ndarray]) -> list[torch.Tensor]:
        images, *targets = self.network.inputs(batch)
        return [images.contiguous(memory_format=self._format), *targets]

    def __call__(
        self, inputs: Sequence[torch.Tensor], draws: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._loss(*inputs, draws)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self._clip_norm)
        self._optimizer.step()
        return loss.detach(), norm
