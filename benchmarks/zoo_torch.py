"""The training steps of the zoo's models in PyTorch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.translation.graph import Problem
from benchmarks.translation.to_torch import Replay

__all__ = ["ZooReplays"]


class ZooReplays:
    """Training steps of one model after the other.

    Args:
        learning_rate: Of Adam.
        clip_norm: Largest global norm of the gradient.
        compiled: Whether `torch.compile` makes the step faster or slower.
        alone: As in `zoo_tensorflow.ZooSteps`.
    """

    def __init__(
        self,
        learning_rate: float,
        clip_norm: float,
        compiled: bool = False,
        alone: bool = False,
    ):
        if alone:
            torch.set_num_threads(1)
        self._time = time.process_time if alone else time.perf_counter
        torch.manual_seed(0)
        self._learning_rate, self._clip_norm, self._compiled = learning_rate, clip_norm, compiled
        self._replay: Replay | None = None
        self._batches: Iterator[dict[str, torch.Tensor]] = iter(())
        self._batch_size = 0

    def prepare(self, problem: Problem) -> tuple[float, float]:
        """Makes a model ready for `speed`, and repeats its first step without one.

        Args:
            problem: The model's step.

        Returns:
            How far the loss and the gradients are from TensorFlow's, as fractions of it.
        """
        exact = Replay(problem.graph, problem.weights)
        first = _tensors(problem.batches[0])
        loss = exact(first, exact.first_noise())
        loss.backward()
        agreement = abs(loss.item() / problem.loss - 1), _difference(exact, problem.gradients)
        del exact, loss
        self._replay = Replay(problem.graph, problem.weights, exact=False)
        self._loss = torch.compile(self._replay) if self._compiled else self._replay
        learnt = [weight for weight in self._replay.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.Adam(learnt, lr=self._learning_rate, eps=1e-7, fused=True)
        self._learnt = learnt
        self._batches = itertools.cycle([_tensors(batch) for batch in problem.batches])
        self._batch_size = problem.batch_size
        return agreement

    def speed(self, number: int) -> float:
        """Returns images/s of the model that was prepared, from batches in memory.

        Args:
            number: Steps.
        """
        begun = self._time()
        for _ in range(number):
            self._optimizer.zero_grad(set_to_none=True)
            loss = self._loss(next(self._batches), self._replay.draw())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._learnt, self._clip_norm)
            self._optimizer.step()
        loss.item()
        return number * self._batch_size / (self._time() - begun)


def _tensors(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(values) for name, values in batch.items()}


def _difference(replay: Replay, expected: dict[int, np.ndarray]) -> float:
    """Returns the norm of the difference of all gradients, over that of the expected ones."""
    found = replay.gradients()
    squares = [
        np.square(found.get(number, 0.0) - gradient).sum() for number, gradient in expected.items()
    ]
    norm = sum(np.square(gradient).sum() for gradient in expected.values())
    return float(np.sqrt(sum(squares) / norm))
