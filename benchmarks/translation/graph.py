"""A traced computation that needs no framework to be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["Graph", "Node", "Place", "Problem"]

Place = tuple[int, int]
"""Number of a node, and which of its results."""


@dataclasses.dataclass(frozen=True)
class Node:
    """An operation.

    Attributes:
        operation: TensorFlow's name of it; or "Constant", "Weight", "Input" or "Noise", whose
            values come from elsewhere.
        inputs: Where its arguments come from.
        attributes: What else decides the result.
        shapes: Of the results.
        constant: Of a "Constant" its values; of "Noise", those of the translation.
    """

    operation: str
    inputs: tuple[Place, ...] = ()
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    shapes: tuple[tuple[int, ...], ...] = ((),)
    constant: tuple[np.ndarray, ...] = ()


@dataclasses.dataclass(frozen=True)
class Graph:
    """Operations in an order in which they can be done.

    Attributes:
        nodes: The operations.
        result: The loss, a scalar.
    """

    nodes: tuple[Node, ...]
    result: Place

    def of(self, operation: str) -> list[int]:
        """Returns the numbers of the nodes of a kind."""
        return [i for i, node in enumerate(self.nodes) if node.operation == operation]

    def needed(self) -> Graph:
        """Returns the same without what the result does not depend on."""
        wanted = {self.result[0]}
        for number in reversed(range(len(self.nodes))):
            if number in wanted:
                wanted |= {source for source, _ in self.nodes[number].inputs}
        new = {number: place for place, number in enumerate(sorted(wanted))}
        nodes = [
            dataclasses.replace(
                self.nodes[number],
                inputs=tuple((new[source], which) for source, which in self.nodes[number].inputs),
            )
            for number in sorted(wanted)
        ]
        return Graph(tuple(nodes), (new[self.result[0]], self.result[1]))


@dataclasses.dataclass(frozen=True)
class Problem:
    """A model's training step, for another framework to repeat.

    Attributes:
        name: Registry key.
        batch_size: Images in a batch.
        image_shape: (height, width, bands).
        parameters: Number of trainable weights.
        graph: The loss of a batch.
        flop: Operations of a step, see `cost.training_flop`.
        weights: All weights in TensorFlow's layout.
        batches: Batches, by name of the input.
        loss: Of the first batch.
        gradients: Of that loss, by number of the weight.
    """

    name: str
    batch_size: int
    image_shape: tuple[int, ...]
    parameters: int
    graph: Graph
    flop: int
    weights: list[np.ndarray]
    batches: list[dict[str, np.ndarray]]
    loss: float
    gradients: dict[int, np.ndarray]
