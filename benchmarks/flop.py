"""Floating-point operations of convolutions, counted from their shapes."""

from __future__ import annotations

import math

import keras
import numpy as np

__all__ = ["per_image"]


def per_image(network: keras.Model, on_padding: bool = True) -> int:
    """Returns the operations of all convolutions of a network for one image.

        2 (kernel rows x columns) (input channels) (output rows x columns x channels)

    A multiplication and an addition count as two; biases, activations and pooling as none.

    Args:
        network: Built by Keras's functional API; all its weights are those of `Conv2D` layers.
        on_padding: Whether products with the zeros that "same" pads with count, as is the custom
            (the default), or are left out: no result depends on them.

    Raises:
        ValueError: if another kind of layer has weights.
    """
    total = 0
    for layer in network.layers:
        if not layer.weights:
            continue
        if type(layer) is not keras.layers.Conv2D or layer.dilation_rate != (1, 1):
            raise ValueError(
                f"network must have Conv2D layers without dilation; '{layer.name}' is a "
                f"{type(layer).__name__}"
            )
        products = math.prod(
            _products(*axis, layer.padding == "same", on_padding)
            for axis in zip(
                layer.input.shape[1:3],
                layer.output.shape[1:3],
                layer.kernel_size,
                layer.strides,
                strict=True,
            )
        )
        total += 2 * products * math.prod(layer.kernel.shape[2:])
    return total


def _products(
    length: int, results: int, kernel: int, stride: int, padded: bool, on_padding: bool
) -> int:
    """Returns the pairs of pixel and kernel element along one axis."""
    if on_padding or not padded:
        return results * kernel
    before = max(0, (results - 1) * stride + kernel - length) // 2
    pixels = np.arange(results)[:, None] * stride - before + np.arange(kernel)
    return int(np.count_nonzero((pixels >= 0) & (pixels < length)))
