"""Networks of `keras.applications` without their classifiers, fit for the training loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import keras

from zoo.layers.batch_normalization import GlobalBatchNormalization
from zoo.layers.depthwise import DepthwiseConv2D
from zoo.layers.published import published_network

__all__ = ["ARCHITECTURES", "SMALLEST", "backbone"]

ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {
    "convnext_tiny": keras.applications.ConvNeXtTiny,
    "convnext_small": keras.applications.ConvNeXtSmall,
    "efficientnet_b0": keras.applications.EfficientNetB0,
    "efficientnet_v2_b0": keras.applications.EfficientNetV2B0,
    "efficientnet_v2_b3": keras.applications.EfficientNetV2B3,
    "efficientnet_v2_s": keras.applications.EfficientNetV2S,
    "mobilenet_v3_small": keras.applications.MobileNetV3Small,
    "mobilenet_v3_large": keras.applications.MobileNetV3Large,
}
"""Those that take pixels from 0 to 255 and scale them themselves."""

# Of red, green and blue from 0 to 1.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STDDEV = (0.229, 0.224, 0.225)

SMALLEST = 32
"""Side in px of the smallest image that they take."""


def backbone(
    architecture: str,
    image_shape: Sequence[int],
    seed: int,
    weights: str = "none",
    cut: str | None = None,
    name: str = "backbone",
) -> keras.Model:
    """Returns a network from images to feature maps.

    It differs from Keras's in three things: initial weights follow from the seed; batch
    normalisation is over the global batch (`GlobalBatchNormalization`); and nothing is dropped
    within (dropout, stochastic depth), which Keras draws from a state of its own that neither a
    resumed run nor a second replica would share.

    Args:
        architecture: One of `ARCHITECTURES`.
        image_shape: (height, width, 3).
        seed: Seed of random weights.
        weights: "none"; "imagenet", which Keras downloads once and keeps; or the path of a file
            that `save_weights` of the network without top wrote, such as Keras's own.
        cut: Name of the layer whose output is returned; None for the last one.
        name: Name of the network.

    Raises:
        ValueError: if there is no such network or layer, the image is too small, or the weights
            cannot be had or read.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(
            f"architecture must be one of {', '.join(ARCHITECTURES)}; got '{architecture}'"
        )
    if min(image_shape[:2]) < SMALLEST:
        raise ValueError(
            f"architecture '{architecture}' needs images of at least {SMALLEST} px; "
            f"got {image_shape[0]} x {image_shape[1]}"
        )
    policy = keras.config.dtype_policy().name
    template = _structure(architecture, tuple(image_shape), policy)
    if cut is not None:
        names = [layer.name for layer in template.layers[1:]]
        if cut not in names:
            raise ValueError(
                f"cut must be a layer of '{architecture}', such as {names[len(names) // 2]}; "
                f"got '{cut}'"
            )
        template = keras.Model(template.inputs, template.get_layer(cut).output)
    seeds = iter(range(seed, seed + 100_000))
    network = keras.models.clone_model(template, clone_function=lambda layer: _own(layer, seeds))
    network.name = name
    if weights != "none":
        make = functools.partial(ARCHITECTURES[architecture], input_shape=tuple(image_shape))
        file = f"Keras's file of {architecture} without top"
        trained = published_network(make, architecture, weights, file)
        for layer in network.layers:
            if layer.weights:
                layer.set_weights(trained.get_layer(layer.name).get_weights())
    return network


@functools.lru_cache(maxsize=2)
def _structure(architecture: str, image_shape: tuple[int, ...], policy: str) -> keras.Model:
    """Returns Keras's network; a second model of the same kind is made from the same one."""
    return ARCHITECTURES[architecture](include_top=False, weights=None, input_shape=image_shape)


def _own(layer: keras.layers.Layer, seeds: Iterator[int]) -> keras.layers.Layer:
    config, kind = layer.get_config(), type(layer)
    if isinstance(layer, keras.layers.BatchNormalization):
        return GlobalBatchNormalization.from_config(config)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kind = DepthwiseConv2D
    if isinstance(layer, keras.layers.Dropout):
        config["rate"] = 0.0
    if isinstance(layer, keras.layers.Normalization) and config["mean"] is None:
        # Keras keeps them with its ImageNet weights; a network with others has none.
        config |= {"mean": _IMAGENET_MEAN, "variance": [s**2 for s in _IMAGENET_STDDEV]}
    for key, value in config.items():
        if key.endswith("initializer") and "seed" in (value or {}).get("config", {}):
            value["config"]["seed"] = next(seeds)
    return kind.from_config(config)
