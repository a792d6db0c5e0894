"""VGG-16 without its classifier, cut after any of its layers, with or without ImageNet weights."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from zoo.layers.published import published_network

__all__ = ["LAYERS", "freeze", "load_weights", "read_weights", "vgg16"]

# Filters and number of convolutions of each block.
_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))

_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"

LAYERS = tuple(
    f"block{block}_{name}"
    for block, (_, number) in enumerate(_BLOCKS, 1)
    for name in (*(f"conv{i}" for i in range(1, number + 1)), "pool")
)
"""Names of the layers, from the images on."""


def vgg16(
    image_shape: Sequence[int], cuts: Sequence[str], seed: int, name: str = "vgg16"
) -> keras.Model:
    """Returns the network up to the last of the cuts, with random weights (He+15).

    Args:
        image_shape: (height, width, 3).
        cuts: Layers whose outputs are returned, each (batch, rows, columns, filters): in this
            order, a list if they are several.
        seed: Seed of the weights.
        name: Name of the network.

    Raises:
        ValueError: if there is no such layer, or the image is too small for it.

    References:
        Simonyan & Zisserman 2015 (arXiv:1409.1556), configuration D.
    """
    for cut in cuts:
        if cut not in LAYERS:
            raise ValueError(f"cut must be layers of VGG-16 ({', '.join(LAYERS)}); got '{cut}'")
    if not cuts or len(set(cuts)) != len(cuts):
        raise ValueError(f"cut must name one layer or several different ones; got {list(cuts)}")
    last = max(map(LAYERS.index, cuts))
    smallest = 2 ** sum(layer.endswith("pool") for layer in LAYERS[: last + 1])
    if min(image_shape[:2]) < smallest:
        raise ValueError(
            f"cut '{LAYERS[last]}' needs images of at least {smallest} px; "
            f"got {image_shape[0]} x {image_shape[1]}"
        )
    images = keras.Input(tuple(image_shape))
    x, outputs = images, {}
    for number, layer in enumerate(LAYERS[: last + 1]):
        if layer.endswith("pool"):
            x = layers.MaxPooling2D(2, name=layer)(x)
        else:
            x = layers.Conv2D(
                _BLOCKS[int(layer[5]) - 1][0],
                3,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=seed + number),
                name=layer,
            )(x)
        outputs[layer] = x
    chosen = [outputs[cut] for cut in cuts]
    return keras.Model(images, chosen[0] if len(chosen) == 1 else chosen, name=name)


def read_weights(weights: str) -> dict[str, np.ndarray]:
    """Returns the arrays of Keras's VGG-16 by the names of layer and array, "block1_conv1/kernel".

    Args:
        weights: "imagenet", which Keras downloads once and keeps, or the path of a file: Keras's
            own (`vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5`), or what `save_weights` of
            `keras.applications.VGG16(include_top=False)` wrote.

    Raises:
        ValueError: if the weights cannot be had or read.
    """
    whole = published_network(keras.applications.VGG16, "VGG-16", weights, _FILE)
    return {
        f"{layer.name}/{variable.name}": variable.numpy()
        for layer in whole.layers
        for variable in layer.weights
    }


def load_weights(network: keras.Model, weights: str) -> None:
    """Gives a network of `vgg16` the weights of Keras's VGG-16.

    Args:
        network: The network; layers behind its cut are not needed.
        weights: See `read_weights`.

    Raises:
        ValueError: if the weights cannot be had or read.
    """
    arrays = read_weights(weights)
    for layer in network.layers:
        for variable in layer.weights:
            variable.assign(arrays[f"{layer.name}/{variable.name}"])


def freeze(network: keras.Model, trainable_blocks: int = 0) -> None:
    """Lets the last blocks of a network of `vgg16` be trained, and no others.

    Args:
        network: The network.
        trainable_blocks: Number of blocks, counted from the cut towards the images. Default 0.

    Raises:
        ValueError: if the network has fewer blocks, or the number is negative.
    """
    blocks = sorted({layer.name.split("_")[0] for layer in network.layers if layer.weights})
    if not 0 <= trainable_blocks <= len(blocks):
        raise ValueError(
            f"trainable_blocks must be 0 to {len(blocks)}, the blocks before the cut; "
            f"got {trainable_blocks}"
        )
    trained = blocks[len(blocks) - trainable_blocks :]
    for layer in network.layers:
        layer.trainable = layer.name.split("_")[0] in trained
