"""Preprocessing layers: their base class, chains of them, and their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.batching import in_parts
from zoo.layer import Float32Layer
from zoo.suggestions import did_you_mean

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


class Preprocessing(Float32Layer):
    """A layer from images in survey units to what the networks read."""

    takes_any_size = False
    """True if images may have another size than those that the layer was built with."""

    is_pixelwise = False
    """True if each pixel is scaled on its own, so that images of any size keep it."""

    def adapt(self, images: np.ndarray) -> None:
        """Sets the layer's statistics, which are saved with it, from a sample of training images.

        Args:
            images: (number, height, width, bands), in the units that the layer reads.

        Raises:
            ValueError: if there are no images, or they hold a NaN or an infinity.
        """
        images = np.asarray(images, np.float32)
        if images.ndim != 4 or not len(images):
            raise ValueError(
                f"images must have the shape (number, height, width, bands) with at least one "
                f"image; got {images.shape}"
            )
        finite = np.isfinite(images).all(axis=(1, 2, 3))
        if not finite.all():
            raise ValueError(f"images must be finite; image {np.argmin(finite)} is not")
        if not self.built:
            self.build((None, *images.shape[1:]))
        self._adapt(images)

    def _adapt(self, images: np.ndarray) -> None:
        """Does the work of `adapt`; most layers have no statistics."""

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        """Returns images in survey units.

        Args:
            x: What the layer returned, or what a decoder drew in its place.
            like: The images that were preprocessed, from which factors of each image are taken;
                None for those of a typical image.
        """
        raise NotImplementedError(f"{type(self).__name__} must define inverse(x, like)")

    def window(self, height: int, width: int) -> tuple[slice, slice]:
        """Returns rows and columns of the pixels that it passes on, of an image of that size."""
        return slice(0, height), slice(0, width)

    def _per_band(self, argument: str, value: float | Sequence[float], bands: int) -> np.ndarray:
        """Returns a number per band, (bands,) float32, from one for all or one for each."""
        if np.shape(value) not in ((), (bands,)):
            raise ValueError(
                f"{argument} of {type(self).__name__} must be one number or one for each of the "
                f"{bands} bands; got {value}"
            )
        return np.broadcast_to(np.asarray(value, np.float32), (bands,))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)


@register("chain")
class Chain(Preprocessing):
    """Several preprocessing layers, one after the other.

    Args:
        layers: Layers, or what `make` takes, in the order of their application; none for the
            identity.
    """

    def __init__(self, layers: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.layers = [make(layer) for layer in layers]

    @property
    def takes_any_size(self) -> bool:
        """True if the first layer brings images of any size to one."""
        return bool(self.layers) and self.layers[0].takes_any_size

    @property
    def is_pixelwise(self) -> bool:
        """True if all layers are."""
        return all(layer.is_pixelwise for layer in self.layers)

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

    def _adapt(self, images: np.ndarray) -> None:
        for layer in self.layers:
            layer.adapt(images)
            images = in_parts(layer, images)

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        before = []
        for layer in self.layers:
            before.append(like)
            like = like if like is None else layer(like)
        for layer, images in zip(reversed(self.layers), reversed(before), strict=True):
            x = layer.inverse(x, like=images)
        return x

    def window(self, height: int, width: int) -> tuple[slice, slice]:
        rows, columns = slice(0, height), slice(0, width)
        for layer in self.layers:
            inner = layer.window(rows.stop - rows.start, columns.stop - columns.start)
            rows, columns = (
                slice(outer.start + part.start, outer.start + part.stop)
                for outer, part in zip((rows, columns), inner, strict=True)
            )
        return rows, columns

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
        ValueError: if the name is unknown (the message lists the names and the nearest one), if
            an argument is unknown, missing or out of range, or if a configuration is of another
            kind of layer.
    """
    if isinstance(spec, Preprocessing):
        return spec
    if isinstance(spec, Mapping) and "class_name" in spec:
        layer = keras.saving.deserialize_keras_object(spec)
        if not isinstance(layer, Preprocessing):
            raise ValueError(f"'{spec['class_name']}' is not a preprocessing layer")
        return layer
    if isinstance(spec, Sequence) and not isinstance(spec, str):
        return Chain(spec)
    arguments = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    name = arguments.pop("name", None)
    if name not in _layers:
        hint = did_you_mean(name, _layers)
        raise ValueError(f"unknown preprocessing '{name}'{hint}; there are: {', '.join(_layers)}")
    signature = inspect.signature(_layers[name])
    try:
        signature.bind(**arguments)
        allowed = [key for key in signature.parameters if key != "kwargs"]
        for argument in arguments:
            if argument not in allowed:
                raise TypeError(f"unknown argument '{argument}'; it has: {', '.join(allowed)}")
    except TypeError as error:
        raise ValueError(f"preprocessing '{name}': {error}") from None
    return _layers[name](**arguments)
