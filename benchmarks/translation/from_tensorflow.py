"""From a concrete function of TensorFlow to a `Graph`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.translation.graph import Graph, Node, Place

__all__ = ["Translator"]

_NOISE = {
    "StatelessRandomNormalV2": "normal",
    "StatelessRandomUniformV2": "uniform",
    "StatelessMultinomial": "integers",
}
# What an operation's own name for an axis is in `tf.raw_ops`.
_RENAMED = dict.fromkeys(("squeeze_dims", "reduction_indices", "split_dim", "dim"), "axis")
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# `IdentityN` holds the results of functions with a gradient of their own, then their arguments.
_PASSED_ON = ("ReadVariableOp", "Identity", "IdentityN")
_LEFT_OUT = ("AssignVariableOp", "AssignSubVariableOp", "AssignAddVariableOp", "NoOp", "Assert")


class Translator:
    """Reads the graph of a function, its calls of other functions included.

    What depends on constants alone is evaluated; random numbers become inputs.

    Args:
        function: With one result, a scalar, and inputs of known shapes.
        variables: Those that it may read, in the order of their numbers.
        trainable: For each of them, whether it is learnt.
        peers: Names of functions that are kept as operations, for the other framework has its own.

    Attributes:
        graph: The translation.
    """

    def __init__(
        self,
        function: Any,
        variables: Sequence[tf.Variable],
        trainable: Sequence[bool],
        peers: Sequence[str] = (),
    ):
        self._peers = tuple(peers)
        self._nodes: list[Node] = []
        # Of nodes that depend on constants and weights alone, their values at present.
        self._known: dict[int, tuple[np.ndarray, ...]] = {}
        self._variables = {
            id(variable.handle): (number, variable) for number, variable in enumerate(variables)
        }
        self._trainable = tuple(trainable)
        captured = {id(inside): outside for outside, inside in function.graph.captures}
        places = {
            id(tensor): self._source(tensor, captured.get(id(tensor)))
            for tensor in function.graph.inputs
        }
        self._read(function.graph, places)
        result = places[id(function.graph.outputs[0])]
        self.graph = Graph(tuple(self._nodes), result).needed()

    def _source(self, tensor: tf.Tensor, captured: tf.Tensor | None) -> Place:
        """Adds an input of the function: one of its arguments, or what it found around it."""
        if captured is None:
            node = Node("Input", attributes={"name": tensor.op.name}, shapes=_shapes([tensor]))
            return self._add(node)
        if id(captured) in self._variables:
            number, variable = self._variables[id(captured)]
            attributes = {"number": number, "trainable": self._trainable[number]}
            node = Node("Weight", attributes=attributes, shapes=_shapes([variable]))
            return self._add(node, (variable.numpy(),))
        values = (captured.numpy(),)
        return self._add(Node("Constant", shapes=_shapes([tensor]), constant=values), values)

    def _add(self, node: Node, known: tuple[np.ndarray, ...] | None = None) -> Place:
        self._nodes.append(node)
        if known is not None:
            self._known[len(self._nodes) - 1] = known
        return len(self._nodes) - 1, 0

    def _read(self, graph: tf.Graph, places: dict[int, Place]) -> None:
        """Adds the operations of a graph, whose inputs have their places already."""
        for operation in graph.get_operations():
            outputs = operation.outputs
            if operation.type in _LEFT_OUT or all(id(tensor) in places for tensor in outputs):
                continue
            inputs = tuple(places[id(tensor)] for tensor in operation.inputs)
            if operation.type in _CALLS:
                found = self._called(graph, operation, inputs)
            elif operation.type in _PASSED_ON:
                found = list(inputs)
            else:
                number, _ = self._operation(operation, inputs)
                found = [(number, which) for which in range(len(outputs))]
            places |= {id(tensor): place for tensor, place in zip(outputs, found, strict=True)}

    def _called(
        self, graph: tf.Graph, operation: tf.Operation, inputs: tuple[Place, ...]
    ) -> list[Place]:
        name = operation.get_attr("f").name
        peer = next((peer for peer in self._peers if peer in name), None)
        if peer is not None:
            return [self._add(Node(peer, inputs, shapes=_shapes(operation.outputs)))]
        inner = graph._get_function(name).graph
        places = {id(tensor): place for tensor, place in zip(inner.inputs, inputs, strict=True)}
        self._read(inner, places)
        return [places[id(tensor)] for tensor in inner.outputs]

    def _operation(self, operation: tf.Operation, inputs: tuple[Place, ...]) -> Place:
        values = self._values(operation, inputs)
        shapes = _shapes(operation.outputs)
        if operation.type in _NOISE:
            kind = {"kind": _NOISE[operation.type]}
            return self._add(Node("Noise", attributes=kind, shapes=shapes, constant=values))
        constant = all(self._nodes[number].operation == "Constant" for number, _ in inputs)
        if values is not None and (constant or operation.type == "Shape"):
            return self._add(Node("Constant", shapes=shapes, constant=values), values)
        node = Node(operation.type, inputs, _attributes(operation), shapes)
        return self._add(node, values)

    def _values(
        self, operation: tf.Operation, inputs: tuple[Place, ...]
    ) -> tuple[np.ndarray, ...] | None:
        if operation.type == "Const":
            return (tf.make_ndarray(operation.get_attr("value")),)
        if operation.type == "Shape":
            shape = operation.inputs[0].shape
            return (np.array(shape, operation.outputs[0].dtype.as_numpy_dtype),)
        if not all(number in self._known for number, _ in inputs):
            return None
        return _evaluated(operation, [self._known[number][which] for number, which in inputs])


def _shapes(tensors: Sequence[tf.Tensor]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(tensor.shape) for tensor in tensors)


def _attributes(operation: tf.Operation) -> Mapping[str, Any]:
    found = {}
    for name in operation.node_def.attr:
        if name.startswith("_"):
            continue
        value = operation.get_attr(name)
        if isinstance(value, bytes):
            value = value.decode()
        elif isinstance(value, tf.DType):
            value = value.name
        if isinstance(value, str | int | float | bool | list):
            found[name] = value
    return found


def _evaluated(operation: tf.Operation, values: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Returns the results of an operation, by TensorFlow's function of the same name."""
    arguments: dict[str, Any] = {}
    inferred, rest = set(), list(values)
    for argument in operation.op_def.input_arg:
        inferred |= {argument.type_attr, argument.number_attr, argument.type_list_attr}
        if argument.number_attr or argument.type_list_attr:
            number = (
                operation.get_attr(argument.number_attr)
                if argument.number_attr
                else len(operation.get_attr(argument.type_list_attr))
            )
            arguments[argument.name] = [tf.constant(rest.pop(0)) for _ in range(number)]
        else:
            arguments[argument.name] = tf.constant(rest.pop(0))
    for attribute in operation.op_def.attr:
        if attribute.name not in inferred:
            arguments[attribute.name] = operation.get_attr(attribute.name)
    arguments = {_RENAMED.get(name, name): value for name, value in arguments.items()}
    result = getattr(tf.raw_ops, operation.type)(**arguments)
    tensors = result if isinstance(result, list | tuple) else [result]
    return tuple(np.asarray(tensor) for tensor in tensors)
