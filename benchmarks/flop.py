"""Floating-point operations of products of matrices and convolutions, by TensorFlow's profiler."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

__all__ = ["of"]

_PRODUCTS = ("Conv2D.*", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2")


def of(function: tf.types.experimental.ConcreteFunction) -> int:
    """Returns the operations of one call.

    A multiplication and an addition count as two, products with the zeros of a padding included;
    biases, activations, pooling and everything else count as none, as do gradients of depthwise
    convolutions, which the profiler does not know.

    Args:
        function: All shapes in its graph are known.
    """
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    options = options.with_accounted_types(_PRODUCTS).with_empty_output().build()
    root = profiler.profile(function.graph, cmd="scope", options=options)
    needed = _needed(function)
    return sum(node.float_ops for node in _nodes(root) if node.name in needed)


def _nodes(root) -> Iterator:
    yield root
    for child in root.children:
        yield from _nodes(child)


def _needed(function: tf.types.experimental.ConcreteFunction) -> set[str]:
    """Returns the operations behind results: the gradient of the images, for one, is not."""
    results = [each.op.name for each in function.outputs]
    results += [each.name for each in function.graph.control_outputs]
    graph = tf.compat.v1.graph_util.extract_sub_graph(function.graph.as_graph_def(), results)
    return {node.name for node in graph.node}
