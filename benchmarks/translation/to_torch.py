"""A `Graph` as a module of PyTorch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.translation.convolutions import KERNELS
from benchmarks.translation.fusion import fused
from benchmarks.translation.graph import Graph, Node, Place
from benchmarks.translation.operations import ARGUMENTS, OPERATIONS

__all__ = ["Replay"]


class Replay(nn.Module):
    """The loss of a batch, operation by operation.

    Kernels are held in PyTorch's order of axes, and what PyTorch does at once is done at once
    (`fusion`).

    Args:
        graph: The computation.
        weights: Values of the weights, in TensorFlow's layout, by number.
        exact: Whether images are padded as TensorFlow does it, behind rather than in front where
            the sides differ, which costs PyTorch an operation of its own. Otherwise PyTorch pads
            alike on all sides where that gives a result of the same shape: as much work, other
            numbers.

    Raises:
        ValueError: if an operation has no translation.
    """

    def __init__(self, graph: Graph, weights: Sequence[np.ndarray], exact: bool = True):
        super().__init__()
        self.graph = graph = fused(graph)
        unknown = {node.operation for node in graph.nodes} - set(OPERATIONS) - _SOURCES
        if unknown:
            raise ValueError(f"no translation for {', '.join(sorted(unknown))}")
        self.orders = _orders(graph)
        self.learnt = nn.ParameterDict()
        for number in graph.of("Weight"):
            attributes = graph.nodes[number].attributes
            value = torch.from_numpy(np.array(weights[attributes["number"]]))
            value = value.permute(self.orders.get(number, tuple(range(value.dim()))))
            layout = torch.channels_last if value.dim() == 4 else torch.contiguous_format
            self.learnt[str(number)] = nn.Parameter(
                value.contiguous(memory_format=layout),
                requires_grad=attributes["trainable"] and value.is_floating_point(),
            )
        self.noise = [graph.nodes[number] for number in graph.of("Noise")]
        self._steps = [
            step for number in range(len(graph.nodes)) if (step := self._step(number, exact))
        ]
        self._free_when_last_used()

    def forward(
        self, inputs: Mapping[str, torch.Tensor], noise: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Returns the loss.

        Args:
            inputs: The batch, by name.
            noise: Random numbers, for `noise` of the module.
        """
        values: dict[int, Any] = {}
        for number, source in zip(self.graph.of("Noise"), noise, strict=True):
            values[number] = source
        for number in self.graph.of("Input"):
            values[number] = inputs[self.graph.nodes[number].attributes["name"]]
        for number in self.graph.of("Weight"):
            values[number] = self.learnt[str(number)]
        for step in self._steps:
            arguments = [
                constant if place is None else _taken(values, place)
                for place, constant in step.arguments
            ]
            values[step.number] = step.function(step.node, *arguments)
            for number in step.last:
                del values[number]
        return _taken(values, self.graph.result)

    def first_noise(self) -> list[torch.Tensor]:
        """Returns the random numbers of the translation."""
        return [torch.from_numpy(np.array(node.constant[0])) for node in self.noise]

    def draw(self) -> list[torch.Tensor]:
        """Returns fresh random numbers."""
        return [_drawn(node) for node in self.noise]

    def gradients(self) -> dict[int, np.ndarray]:
        """Returns the gradients in TensorFlow's layout, by number of the weight."""
        found = {}
        for number in self.graph.of("Weight"):
            gradient = self.learnt[str(number)].grad
            if gradient is not None:
                order = self.orders.get(number, range(gradient.dim()))
                number = self.graph.nodes[number].attributes["number"]
                found[number] = gradient.permute(tuple(np.argsort(order))).numpy()
        return found

    def _step(self, number: int, exact: bool) -> _Step | None:
        node = self.graph.nodes[number]
        if node.operation in _SOURCES:
            return None
        decided = {"symmetric": not exact}
        if node.operation in KERNELS and node.inputs[1][0] not in self.orders:
            decided["order"] = KERNELS[node.operation]
        node = dataclasses.replace(node, attributes={**node.attributes, **decided})
        plain = [which % len(node.inputs) for which in ARGUMENTS.get(node.operation, ())]
        arguments = [
            self._argument(place, which in plain) for which, place in enumerate(node.inputs)
        ]
        return _Step(number, node, OPERATIONS[node.operation], arguments)

    def _argument(self, place: Place, plain: bool) -> tuple[Place | None, Any]:
        source = self.graph.nodes[place[0]]
        if source.operation != "Constant":
            return place, None
        value = source.constant[place[1]]
        return None, value.tolist() if plain else torch.from_numpy(np.array(value))

    def _free_when_last_used(self) -> None:
        """Lets go of results as soon as nothing needs them, as a program's variables would."""
        seen = {self.graph.result[0], *self.graph.of("Weight")}
        for step in reversed(self._steps):
            used = {place[0] for place, _ in step.arguments if place is not None}
            step.last = tuple(used - seen)
            seen |= used | {step.number}


@dataclasses.dataclass
class _Step:
    number: int
    node: Node
    function: Any
    arguments: list[tuple[Place | None, Any]]
    last: tuple[int, ...] = ()


_SOURCES = {"Constant", "Weight", "Input", "Noise"}


def _taken(values: Mapping[int, Any], place: Place) -> torch.Tensor:
    value = values[place[0]]
    return value[place[1]] if isinstance(value, tuple | list) else value


def _orders(graph: Graph) -> dict[int, tuple[int, ...]]:
    """Returns, by number of the node of a learnt kernel, the order of its axes in PyTorch."""
    kernels = ((node.inputs[1][0], node) for node in graph.nodes if node.operation in KERNELS)
    return {
        number: KERNELS[node.operation]
        for number, node in kernels
        if graph.nodes[number].operation == "Weight"
    }


def _drawn(node: Node) -> torch.Tensor:
    shape, kind = node.shapes[0], node.attributes["kind"]
    if kind == "normal":
        return torch.randn(shape)
    if kind == "uniform":
        return torch.rand(shape)
    return torch.zeros(shape, dtype=torch.int64)
