"""Operations that are one in PyTorch and several in TensorFlow."""

from __future__ import annotations

import collections
import dataclasses

import numpy as np

from benchmarks.translation.graph import Graph, Node, Place

__all__ = ["fused"]

_WITH_BIAS = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul")


def fused(graph: Graph) -> Graph:
    """Returns the same computation with products that add their bias, and x sigmoid(x) as `silu`.

    Args:
        graph: The computation.
    """
    uses = collections.Counter(place for node in graph.nodes for place in node.inputs)
    nodes = []
    for node in graph.nodes:
        product = graph.nodes[node.inputs[0][0]] if node.inputs else None
        gate = _gated(graph, node)
        if gate is not None:
            node = dataclasses.replace(node, operation="silu", inputs=(gate,))
        elif (
            node.operation == "BiasAdd"
            and product.operation in _WITH_BIAS
            and uses[node.inputs[0]] == 1
        ):
            inputs = (*product.inputs, node.inputs[1])
            node = dataclasses.replace(
                node,
                operation=product.operation,
                inputs=inputs,
                attributes={**node.attributes, **product.attributes},
            )
        nodes.append(node)
    return Graph(tuple(nodes), graph.result).needed()


def _gated(graph: Graph, node: Node) -> Place | None:
    """Returns x if the node is x sigmoid(x), or x sigmoid(1 x)."""
    if node.operation != "Mul":
        return None
    for x, gate in (node.inputs, node.inputs[::-1]):
        sigmoid = graph.nodes[gate[0]]
        if sigmoid.operation == "Sigmoid":
            inside = sigmoid.inputs[0]
            if inside == x or (x in graph.nodes[inside[0]].inputs and _by_one(graph, inside)):
                return x
    return None


def _by_one(graph: Graph, place: Place) -> bool:
    node = graph.nodes[place[0]]
    factors = [graph.nodes[source] for source, _ in node.inputs]
    constants = [each.constant[0] for each in factors if each.operation == "Constant"]
    return node.operation == "Mul" and len(constants) == 1 and bool(np.all(constants[0] == 1))
