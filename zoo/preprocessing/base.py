"""What a preprocessing layer is, chains of them, and how they are named."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Chain", "Preprocessing", "make", "register"]

_layers: dict[str, type[Preprocessing]] = {}


def register(name: str) -> Callable[[type], type]:
    """Class decorator that names a preprocessing layer; a name that is taken raises ValueError."""

    def enter(layer_class: type) -> type:
        if name in _layers:
            raise ValueError(f"preprocessing '{name}' is already registered")
        layer_class = keras.saving.register_keras_serializable(package="zoo")(layer_class)
        _layers[name] = layer_class
        return layer_class

    return enter


class Preprocessing(keras.layers.Layer):
    """A layer from images in survey units to what the networks read; float32 throughout."""

    def __init__(self, **kwargs: Any):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def adapt(self, images: np.ndarray) -> None:
        """Sets statistics from a sample of training images; most layers need none."""

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        """Returns images in survey units.

        Args:
            x: What the layer returned, or what a decoder drew in its place.
            like: The images that were preprocessed, from which factors of each image are taken;
                None for those of a typical image.
        """
        raise NotImplementedError(f"{type(self).__name__} must define inverse(x, like)")

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)


@register("chain")
class Chain(Preprocessing):
    """Several preprocessing layers, one after the other.

    Args:
        layers: Layers in the order of their application.
    """

    def __init__(self, layers: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.layers = [make(layer) for layer in layers]

    def build(self, input_shape: Sequence[int | None]) -> None:
        for layer in self.layers:
            if not layer.built:
                layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        for layer in self.layers:
            images = layer(images)
        return images

    def adapt(self, images: np.ndarray) -> None:
        for layer in self.layers:
            layer.adapt(images)
            images = np.asarray(layer(images))

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        before = [like]
        if like is not None:
            for layer in self.layers[:-1]:
                before.append(layer(before[-1]))
        else:
            before = [None] * len(self.layers)
        for layer, images in zip(reversed(self.layers), reversed(before), strict=True):
            x = layer.inverse(x, like=images)
        return x

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        layers = [keras.saving.serialize_keras_object(layer) for layer in self.layers]
        return {**super().get_config(), "layers": layers}


def make(spec: Any) -> Preprocessing:
    """Returns a preprocessing layer.

    Args:
        spec: A layer; a name ("asinh"); a name with arguments, {"name": "centre_crop", "size": 32};
            the configuration of a serialised layer; or a list of these, which makes a `Chain`.

    Raises:
        ValueError: if the name is unknown; the message lists the names and the nearest one.
    """
    if isinstance(spec, Preprocessing):
        return spec
    if isinstance(spec, Mapping) and "class_name" in spec:
        return keras.saving.deserialize_keras_object(spec)
    if isinstance(spec, Sequence) and not isinstance(spec, str):
        return Chain(spec)
    arguments = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    name = arguments.pop("name", None)
    if name not in _layers:
        nearest = difflib.get_close_matches(str(name), _layers, n=1, cutoff=0.5)
        hint = f" (did you mean '{nearest[0]}'?)" if nearest else ""
        raise ValueError(f"unknown preprocessing '{name}'{hint}; known: {', '.join(_layers)}")
    try:
        return _layers[name](**arguments)
    except TypeError as error:
        raise ValueError(f"preprocessing '{name}': {error}") from None
