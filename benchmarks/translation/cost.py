"""What the operations of a training step cost: arithmetic and memory."""

from __future__ import annotations

import dataclasses
import math

from benchmarks.translation.graph import Graph, Node

__all__ = ["Cost", "costs", "training_flop"]

_FREE = ("Constant", "Weight", "Input", "Reshape", "Squeeze", "StopGradient", "ExpandDims")
_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of an operation, each time that it or a gradient of it is done.

    Attributes:
        flop: Floating-point operations of a product of matrices or a convolution, those with the
            zeros of a padding included; a multiplication and an addition count as two, all other
            operations as none.
        bytes: Of its factors and its results, as float32.
        times: 1, and 1 more for each gradient: of a product with regard to each factor behind
            which something is learnt, of another operation once if there is such an input.
    """

    flop: int
    bytes: int
    times: int


def costs(graph: Graph) -> list[Cost]:
    """Returns the costs of the operations of a training step, but for the optimiser's.

    Args:
        graph: The loss of a batch.
    """
    learnt: list[bool] = []
    found = []
    for node in graph.nodes:
        behind = [learnt[number] for number, _ in node.inputs]
        stopped = node.operation == "StopGradient"
        learnt.append(not stopped and (any(behind) or node.attributes.get("trainable", False)))
        if node.operation not in _FREE:
            flop = _flop(graph, node)
            sources = [graph.nodes[number].shapes[which] for number, which in node.inputs]
            numbers = sum(math.prod(shape) for shape in (*sources, *node.shapes))
            found.append(Cost(flop, _BYTES * numbers, 1 + (sum(behind) if flop else any(behind))))
    return found


def training_flop(graph: Graph) -> int:
    """Returns the floating-point operations of a training step; see `Cost`.

    Args:
        graph: The loss of a batch.
    """
    return sum(cost.flop * cost.times for cost in costs(graph))


def _flop(graph: Graph, node: Node) -> int:
    shapes = [graph.nodes[number].shapes[which] for number, which in node.inputs]
    if node.operation == "Conv2D":
        return 2 * math.prod(node.shapes[0]) * math.prod(shapes[1][:3])
    if node.operation == "Conv2DBackpropInput":
        # A transposed convolution: the product of each of its inputs with the whole kernel.
        return 2 * math.prod(shapes[2]) * math.prod(shapes[1][:3])
    if node.operation == "DepthwiseConv2dNative":
        return 2 * math.prod(node.shapes[0]) * math.prod(shapes[1][:2])
    if node.operation == "MatMul":
        inner = shapes[0][0 if node.attributes["transpose_a"] else 1]
        return 2 * math.prod(node.shapes[0]) * inner
    if node.operation == "BatchMatMulV2":
        return 2 * math.prod(node.shapes[0]) * shapes[0][-2 if node.attributes["adj_x"] else -1]
    if node.operation == "Einsum":
        subscripts = node.attributes["equation"].split("->")[0].split(",")
        sizes = {}
        for letters, shape in zip(subscripts, shapes, strict=True):
            sizes |= dict(zip(letters, shape, strict=True))
        return 2 * math.prod(sizes.values())
    return 0
