"""Convolutions and pooling of TensorFlow in PyTorch, and the order of a kernel's axes in each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from benchmarks.translation.graph import Node

__all__ = [
    "KERNELS",
    "batch_normalization",
    "convolution",
    "depthwise",
    "largest_pool",
    "mean_pool",
    "transposed",
]

# TensorFlow has height, width, input and output channels; where it multiplies by a transposed
# convolution, output before input.
KERNELS: Mapping[str, tuple[int, ...]] = {
    "Conv2D": (3, 2, 0, 1),
    "Conv2DBackpropInput": (3, 2, 0, 1),
    "DepthwiseConv2dNative": (2, 3, 0, 1),
}
"""By operation, the order of axes in which PyTorch holds a kernel."""


def convolution(node: Node, x: torch.Tensor, kernel: torch.Tensor, bias=None) -> torch.Tensor:
    """Conv2D; the kernel has PyTorch's order of axes, the images TensorFlow's."""
    kernel = _ordered(node, kernel)
    x, padding = _padded(node, x.permute(0, 3, 1, 2), kernel.shape[2:])
    y = functional.conv2d(x, kernel, bias, _stride(node), padding, tuple(_pair(node, "dilations")))
    return y.permute(0, 2, 3, 1)


def depthwise(node: Node, x: torch.Tensor, kernel: torch.Tensor, bias=None) -> torch.Tensor:
    """DepthwiseConv2dNative; the kernel is (channels, multiplier, height, width)."""
    kernel = _ordered(node, kernel)
    channels, multiplier, height, width = kernel.shape
    x, padding = _padded(node, x.permute(0, 3, 1, 2), (height, width))
    kernel = kernel.reshape(channels * multiplier, 1, height, width)
    y = functional.conv2d(x, kernel, bias, _stride(node), padding, groups=channels)
    return y.permute(0, 2, 3, 1)


def transposed(node: Node, shape, kernel: torch.Tensor, x: torch.Tensor, bias=None) -> torch.Tensor:
    """Conv2DBackpropInput with padding "SAME", which gives images of the given shape."""
    kernel = _ordered(node, kernel)
    pads = [
        _total(size, side, step)
        for size, side, step in zip(shape[1:3], kernel.shape[2:], _stride(node), strict=True)
    ]
    if any(pad % 2 for pad in pads):
        raise ValueError(f"a transposed convolution with uneven padding {pads} has no translation")
    y = functional.conv_transpose2d(
        x.permute(0, 3, 1, 2), kernel, bias, _stride(node), [pad // 2 for pad in pads]
    )
    return y.permute(0, 2, 3, 1)


def largest_pool(node: Node, x: torch.Tensor) -> torch.Tensor:
    """MaxPool."""
    ceil = node.attributes["padding"] == "SAME"
    sides = tuple(_pair(node, "ksize"))
    y = functional.max_pool2d(x.permute(0, 3, 1, 2), sides, _stride(node), ceil_mode=ceil)
    return y.permute(0, 2, 3, 1)


def mean_pool(node: Node, x: torch.Tensor) -> torch.Tensor:
    """AvgPool."""
    ceil = node.attributes["padding"] == "SAME"
    sides = tuple(_pair(node, "ksize"))
    y = functional.avg_pool2d(x.permute(0, 3, 1, 2), sides, _stride(node), ceil_mode=ceil)
    return y.permute(0, 2, 3, 1)


def batch_normalization(
    node: Node,
    x: torch.Tensor,
    scale: torch.Tensor,
    offset: torch.Tensor,
    epsilon: torch.Tensor,
) -> torch.Tensor:
    """Batch normalisation with the moments of the batch, in one operation."""
    channels_first = x.permute(0, 3, 1, 2)
    y = functional.batch_norm(
        channels_first, None, None, scale, offset, training=True, eps=float(epsilon)
    )
    return y.permute(0, 2, 3, 1)


def _ordered(node: Node, kernel: torch.Tensor) -> torch.Tensor:
    # A kernel that is not learnt comes as TensorFlow has it.
    return kernel.permute(node.attributes["order"]) if "order" in node.attributes else kernel


def _padded(
    node: Node, x: torch.Tensor, kernel: Sequence[int]
) -> tuple[torch.Tensor, tuple[int, int]]:
    """Returns the images and the padding that PyTorch is to add to them."""
    if node.attributes["padding"] == "VALID":
        return x, (0, 0)
    sizes = list(zip(x.shape[2:], kernel, _stride(node), strict=True))
    totals = [_total(*each) for each in sizes]
    alike = tuple(math.ceil(total / 2) for total in totals)
    exact = all(total % 2 == 0 for total in totals)
    as_large = all(
        (size + 2 * pad - side) // step + 1 == math.ceil(size / step)
        for (size, side, step), pad in zip(sizes, alike, strict=True)
    )
    if exact or (node.attributes["symmetric"] and as_large):
        return x, alike
    (top, left), (bottom, right) = zip(*((t // 2, t - t // 2) for t in totals), strict=True)
    return functional.pad(x, (left, right, top, bottom)), (0, 0)


def _total(size: int, side: int, step: int) -> int:
    return max(0, (math.ceil(size / step) - 1) * step + side - size)


def _stride(node: Node) -> tuple[int, int]:
    return tuple(_pair(node, "strides"))


def _pair(node: Node, name: str) -> list[int]:
    values = node.attributes[name]
    return list(np.asarray(values)[1:3].tolist())
