"""Outputs of the convolutional layers of a model."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = ["FeatureMaps", "convolutions", "feature_maps"]

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)


@dataclasses.dataclass(frozen=True)
class FeatureMaps:
    """Output of a layer.

    Attributes:
        layer: Name of the layer, or its kind, as "Conv2D", if Keras named it.
        maps: (number, rows, columns, channels) float32.
    """

    layer: str
    maps: np.ndarray


def convolutions(model: Any) -> list[keras.layers.Layer]:
    """Returns the convolutional layers of a model, those of networks within it too."""
    return [layer for layer in _innermost_layers(model) if isinstance(layer, _CONVOLUTIONS)]


def feature_maps(model: Callable[[tf.Tensor], Any], images: np.ndarray) -> list[FeatureMaps]:
    """Returns the feature maps that the answer of a model passes through, one at each resolution.

    At each resolution they are those of the last layer before the next coarser one: what a stage of
    the network hands on, as the fifth pooling of VGG-16. Layers before the first convolution,
    which scale the image, do not count, nor do single numbers for each channel, nor layers that
    return to a finer resolution, as those of a decoder. Of a model that averages over symmetries,
    the maps are of the images as they are.

    Args:
        model: Model that answers to images alone.
        images: (number, height, width, bands) in survey units; one batch.

    Returns:
        In the order in which the layers are called; empty for a model without convolutions.
    """
    stages: list[FeatureMaps] = []
    called: set[int] = set()
    started = False

    def record(layer: keras.layers.Layer, output: Any) -> None:
        nonlocal started
        started = started or isinstance(layer, _CONVOLUTIONS)
        # Turned copies of the images come in later calls, or behind them in the batch.
        is_first = id(layer) not in called
        called.add(id(layer))
        if not started or not is_first or not tf.is_tensor(output):
            return
        if len(output.shape) != 4 or min(output.shape[1:3]) <= 1:
            return
        pixels = math.prod(output.shape[1:3])
        coarsest = math.prod(stages[-1].maps.shape[1:3]) if stages else pixels
        if pixels > coarsest:
            return
        maps = FeatureMaps(_name(layer), tf.cast(output[: len(images)], tf.float32).numpy())
        # Of one resolution the last layer counts.
        if stages and pixels == coarsest:
            stages.pop()
        stages.append(maps)

    with _watched(_innermost_layers(model), record):
        model(tf.constant(images, tf.float32))
    return stages


def _name(layer: keras.layers.Layer) -> str:
    # Keras counts the layers of a process: "conv2d_7" is another one in the next run.
    kind = type(layer).__name__
    stem = layer.name.rstrip("0123456789").replace("_", "")
    return kind if stem == kind.lower() else layer.name


def _innermost_layers(layer: Any) -> list[keras.layers.Layer]:
    """Returns the layers that have no layers of their own."""
    inner = getattr(layer, "layers", ())
    if inner:
        return list(dict.fromkeys(leaf for each in inner for leaf in _innermost_layers(each)))
    return [layer] if isinstance(layer, keras.layers.Layer) else []


@contextlib.contextmanager
def _watched(
    layers: Sequence[keras.layers.Layer], record: Callable[[keras.layers.Layer, Any], None]
) -> Iterator[None]:
    """Calls `record(layer, output)` whenever one of the layers has been called.

    Keras has no hooks. An attribute of a layer hides the method of its class, so that the layer's
    `call` is wrapped as long as the context lasts, wherever the model uses the layer.
    """

    def watching(layer: keras.layers.Layer) -> Callable[..., Any]:
        call = layer.call

        @functools.wraps(call)
        def call_and_record(*args: Any, **kwargs: Any) -> Any:
            output = call(*args, **kwargs)
            record(layer, output)
            return output

        return call_and_record

    try:
        for layer in layers:
            # Past the tracking of variables, which is closed once a layer is built.
            object.__setattr__(layer, "call", watching(layer))
        yield
    finally:
        for layer in layers:
            vars(layer).pop("call", None)
