"""TensorFlow's operations in PyTorch; images keep TensorFlow's order of axes.

A convolution sees them through `permute`, which moves no number: that is PyTorch's channels-last
format.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from benchmarks.translation import convolutions
from benchmarks.translation.graph import Node

__all__ = ["ARGUMENTS", "OPERATIONS"]

ARGUMENTS: Mapping[str, tuple[int, ...]] = {
    "ArgMax": (1,),
    "BroadcastTo": (1,),
    "ConcatV2": (-1,),
    "Conv2DBackpropInput": (0,),
    "ExpandDims": (1,),
    "Fill": (0,),
    "GatherV2": (2,),
    "MatrixBandPart": (1, 2),
    "MatrixDiagPartV3": (1, 2),
    "MatrixSetDiagV3": (2,),
    "Max": (1,),
    "Mean": (1,),
    "Min": (1,),
    "OneHot": (1,),
    "Pad": (1,),
    "Reshape": (1,),
    "Slice": (1, 2),
    "Split": (0,),
    "SplitV": (1, 2),
    "StridedSlice": (1, 2, 3),
    "Sum": (1,),
    "Tile": (1,),
    "TopKV2": (1,),
    "Transpose": (1,),
    "ranked": (1,),
}
"""Which inputs are numbers or lists of Python's, not tensors."""

_DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "int32": torch.int32,
    "int64": torch.int64,
    "bool": torch.bool,
}


def _reduced(function: Callable, node: Node, x: torch.Tensor, axis) -> torch.Tensor:
    axes = [axis] if isinstance(axis, int) else list(axis)
    if not axes:
        return x
    return function(x, dim=axes, keepdim=node.attributes["keep_dims"])


def _strided_slice(node: Node, x: torch.Tensor, begin, end, strides) -> torch.Tensor:
    masks = {
        name: node.attributes[f"{name}_mask"]
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    index: list[Any] = []
    flipped = []
    for place, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << place
        if masks["ellipsis"] & bit:
            index.append(Ellipsis)
        elif masks["new_axis"] & bit:
            index.append(None)
        elif masks["shrink_axis"] & bit:
            index.append(first)
        elif step == -1:
            # PyTorch slices forwards alone.
            flipped.append(place)
            index.append(slice(None))
        else:
            first = None if masks["begin"] & bit else first
            index.append(slice(first, None if masks["end"] & bit else last, step))
    return (torch.flip(x, flipped) if flipped else x)[tuple(index)]


def _sliced(node: Node, x: torch.Tensor, begin, size) -> torch.Tensor:
    ends = [None if n < 0 else first + n for first, n in zip(begin, size, strict=True)]
    return x[tuple(slice(*pair) for pair in zip(begin, ends, strict=True))]


def _matmul(node: Node, a: torch.Tensor, b: torch.Tensor, bias=None) -> torch.Tensor:
    a = a.t() if node.attributes["transpose_a"] else a
    b = b.t() if node.attributes["transpose_b"] else b
    return torch.matmul(a, b) if bias is None else torch.addmm(bias, a, b)


def _batch_matmul(node: Node, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    a = a.transpose(-1, -2) if node.attributes["adj_x"] else a
    return torch.matmul(a, b.transpose(-1, -2) if node.attributes["adj_y"] else b)


def _gather(node: Node, x: torch.Tensor, indices: torch.Tensor, axis: int) -> torch.Tensor:
    batch = node.attributes.get("batch_dims", 0)
    if batch == 0:
        taken = torch.index_select(x, axis, indices.reshape(-1).long())
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis:][1:])
        return taken.reshape(shape)
    if batch == axis == 1:
        rows = torch.arange(len(x)).reshape(-1, *[1] * (indices.dim() - 1))
        return x[rows, indices.long()]
    raise ValueError(f"GatherV2 with batch_dims {batch} and axis {axis} has no translation")


def _cross_entropy(node: Node, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return -(labels * torch.log_softmax(logits, dim=-1)).sum(dim=-1)


def _padded(node: Node, x: torch.Tensor, paddings) -> torch.Tensor:
    return functional.pad(x, [width for pair in reversed(paddings) for width in pair])


def _one_hot(node: Node, indices: torch.Tensor, depth: int, on, off) -> torch.Tensor:
    chosen = functional.one_hot(indices.long(), depth).bool()
    return torch.where(chosen, on, off)


def _band(node: Node, x: torch.Tensor, below: int, above: int) -> torch.Tensor:
    x = torch.tril(x, above) if above >= 0 else x
    return torch.triu(x, -below) if below >= 0 else x


def _diagonal(node: Node, x: torch.Tensor, k, padding) -> torch.Tensor:
    return torch.diagonal(x, k if isinstance(k, int) else k[0], dim1=-2, dim2=-1)


def _set_diagonal(node: Node, x: torch.Tensor, diagonal: torch.Tensor, k) -> torch.Tensor:
    inside = torch.eye(x.shape[-1], dtype=torch.bool)
    return torch.where(inside, torch.diag_embed(diagonal), x)


def _triangular(node: Node, matrix: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    matrix = matrix.transpose(-1, -2) if node.attributes["adjoint"] else matrix
    upper = not (node.attributes["lower"] ^ node.attributes["adjoint"])
    return torch.linalg.solve_triangular(matrix, right, upper=upper)


def _divided_no_nan(node: Node, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    zero = b == 0
    return torch.where(zero, 0.0, a / torch.where(zero, 1.0, b))


def _ranked(node: Node, values: torch.Tensor, rank: int) -> torch.Tensor:
    return torch.kthvalue(values, rank + 1, dim=-1, keepdim=True).values


def _split(node: Node, axis: int, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return torch.chunk(x, node.attributes["num_split"], dim=axis)


def _split_sizes(node: Node, x: torch.Tensor, sizes, axis: int) -> tuple[torch.Tensor, ...]:
    known = sum(size for size in sizes if size >= 0)
    return torch.split(x, [s if s >= 0 else x.shape[axis] - known for s in sizes], dim=axis)


def _reshaped(node: Node, x: torch.Tensor, shape) -> torch.Tensor:
    return x.reshape(tuple(shape))


def _plain(function: Callable) -> Callable:
    """Returns an operation without attributes."""
    return lambda node, *inputs: function(*inputs)


def _concatenated(node: Node, *inputs) -> torch.Tensor:
    return torch.cat(inputs[:-1], dim=inputs[-1])


def _squeezed(node: Node, x: torch.Tensor) -> torch.Tensor:
    return x.reshape(node.shapes[0])


def _arg_max(node: Node, x: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.argmax(x, dim=axis)


def _sum_of(inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    return functools.reduce(torch.add, inputs)


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "Abs": _plain(torch.abs),
    "AddN": lambda node, *inputs: _sum_of(inputs),
    "AddV2": _plain(torch.add),
    "ArgMax": _arg_max,
    "Asinh": _plain(torch.asinh),
    "Atan2": _plain(torch.atan2),
    "AvgPool": convolutions.mean_pool,
    "BatchMatMulV2": _batch_matmul,
    "BiasAdd": _plain(torch.add),
    "BroadcastTo": lambda node, x, shape: x.broadcast_to(tuple(shape)),
    "Cast": lambda node, x: x.to(_DTYPES[node.attributes["DstT"]]),
    "ConcatV2": _concatenated,
    "Conv2D": convolutions.convolution,
    "Conv2DBackpropInput": convolutions.transposed,
    "Cos": _plain(torch.cos),
    "DepthwiseConv2dNative": convolutions.depthwise,
    "DivNoNan": _divided_no_nan,
    "Einsum": lambda node, *inputs: torch.einsum(node.attributes["equation"], *inputs),
    "Elu": _plain(functional.elu),
    "Equal": _plain(torch.eq),
    "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp),
    "ExpandDims": lambda node, x, axis: x.unsqueeze(axis if isinstance(axis, int) else axis[0]),
    "Expm1": _plain(torch.expm1),
    "Fill": lambda node, shape, value: value.expand(tuple(shape)),
    "Floor": _plain(torch.floor),
    "GatherV2": _gather,
    "Greater": _plain(torch.gt),
    "GreaterEqual": _plain(torch.ge),
    "IsFinite": _plain(torch.isfinite),
    "LeakyRelu": lambda node, x: functional.leaky_relu(x, node.attributes["alpha"]),
    "Less": _plain(torch.lt),
    "LessEqual": _plain(torch.le),
    "Lgamma": _plain(torch.lgamma),
    "Log": _plain(torch.log),
    "Log1p": _plain(torch.log1p),
    "LogSoftmax": lambda node, x: torch.log_softmax(x, dim=-1),
    "LogicalAnd": _plain(torch.logical_and),
    "LogicalNot": _plain(torch.logical_not),
    "LogicalOr": _plain(torch.logical_or),
    "MatMul": _matmul,
    "MatrixBandPart": _band,
    "MatrixDiagPartV3": _diagonal,
    "MatrixSetDiagV3": _set_diagonal,
    "MatrixTriangularSolve": _triangular,
    "Max": functools.partial(_reduced, torch.amax),
    "MaxPool": convolutions.largest_pool,
    "Maximum": _plain(torch.maximum),
    "Mean": functools.partial(_reduced, torch.mean),
    "Min": functools.partial(_reduced, torch.amin),
    "Minimum": _plain(torch.minimum),
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "NotEqual": _plain(torch.ne),
    "OneHot": _one_hot,
    "Pack": lambda node, *inputs: torch.stack(inputs, dim=node.attributes["axis"]),
    "Pad": _padded,
    "Pow": _plain(torch.pow),
    "RealDiv": _plain(torch.div),
    "Reciprocal": _plain(torch.reciprocal),
    "Relu": _plain(torch.relu),
    "Relu6": _plain(functional.relu6),
    "Reshape": _reshaped,
    "Rsqrt": _plain(torch.rsqrt),
    "Select": _plain(torch.where),
    "SelectV2": _plain(torch.where),
    "Sigmoid": _plain(torch.sigmoid),
    "Sign": _plain(torch.sign),
    "Sin": _plain(torch.sin),
    "Slice": _sliced,
    "Softmax": lambda node, x: torch.softmax(x, dim=-1),
    "SoftmaxCrossEntropyWithLogits": _cross_entropy,
    "Softplus": _plain(functional.softplus),
    "Split": _split,
    "SplitV": _split_sizes,
    "Sqrt": _plain(torch.sqrt),
    "Square": _plain(torch.square),
    "SquaredDifference": lambda node, a, b: torch.square(a - b),
    "Squeeze": _squeezed,
    "StopGradient": _plain(torch.detach),
    "StridedSlice": _strided_slice,
    "Sub": _plain(torch.sub),
    "Sum": functools.partial(_reduced, torch.sum),
    "Tanh": _plain(torch.tanh),
    "Tile": lambda node, x, repeats: x.repeat(*repeats),
    "TopKV2": lambda node, x, k: tuple(torch.topk(x, k, dim=-1)),
    "Transpose": lambda node, x, order: x.permute(*order),
    "Unpack": lambda node, x: torch.unbind(x, dim=node.attributes["axis"]),
    "silu": _plain(functional.silu),
    "ranked": _ranked,
    "batch_normalization": convolutions.batch_normalization,
}
"""By name: takes the node and its inputs, returns its result, or a tuple of several."""
