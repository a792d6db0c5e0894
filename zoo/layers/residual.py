"""Residual convolutional encoder and decoder for images of any size and number of bands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import keras
from keras import layers

from zoo.layers.apertures import GaussianApertures

__all__ = ["centre", "glorot", "he", "residual_decoder", "residual_encoder"]

# Hidden units of the dense layers that join apertures and convolutions, and the factor that brings
# asinh fluxes to order one.
_JOINT_UNITS = 128
_APERTURE_SCALE = 0.2


def residual_encoder(
    image_shape: Sequence[int],
    filters: Sequence[int],
    blocks: int,
    outputs: int,
    seed: int,
    name: str = "encoder",
    apertures: Sequence[float] = (),
    stretched: bool = True,
) -> keras.Model:
    """Returns a network from images to a vector.

    Each stage halves the image with a strided convolution and adds `blocks` residual blocks
    (He+16, without normalisation; the last convolution of a block starts at zero, so that the
    block starts as the identity, Zhang+19). With `apertures`, two dense layers join what the
    convolutions found with the aperture photometry, and the vector is linear in all of these and
    starts near zero, so that a profile that reads it starts as the typical one.

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage.
        blocks: Residual blocks of each stage.
        outputs: Length of the vector.
        seed: Seed of the initial weights.
        name: Name of the network.
        apertures: Standard deviations in px of Gaussian apertures; default none.
        stretched: Whether the images are on the asinh scale; of use to the apertures alone.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    x = images
    for width in filters:
        x = layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer=he(seeds))(x)
        x = _blocks(x, width, blocks, seeds)
    x = layers.Activation("leaky_relu")(x)
    x = layers.Flatten()(x)
    if apertures:
        fluxes = GaussianApertures(apertures, stretched, name="apertures")(images)
        x = layers.Concatenate()([x, layers.Rescaling(_APERTURE_SCALE)(fluxes)])
        joint = x
        for _ in range(2):
            joint = layers.Dense(
                _JOINT_UNITS, activation="leaky_relu", kernel_initializer=he(seeds)
            )(joint)
        x = layers.Concatenate()([x, joint])
    last = _nearly_zero(seeds) if apertures else glorot(seeds)
    x = layers.Dense(outputs, kernel_initializer=last, dtype="float32")(x)
    return keras.Model(images, x, name=name)


def residual_decoder(
    inputs: int,
    image_shape: Sequence[int],
    filters: Sequence[int],
    blocks: int,
    seed: int,
    name: str = "decoder",
) -> keras.Model:
    """Returns a network from a vector to images, the mirror of `residual_encoder`.

    It draws the smallest image that the stages can double up to and that covers `image_shape`,
    and cuts the centre out.

    Args:
        inputs: Length of the vector.
        filters: Filters of each stage, in the order of the encoder.
        image_shape, blocks, seed, name: As of `residual_encoder`.
    """
    seeds = iter(range(seed, seed + 10_000))
    height, width, bands = image_shape
    factor = 2 ** len(filters)
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    vector = keras.Input((inputs,))
    x = layers.Dense(rows * columns * filters[-1], kernel_initializer=glorot(seeds))(vector)
    x = layers.Reshape((rows, columns, filters[-1]))(x)
    for number, depth in reversed(list(enumerate(filters))):
        x = _blocks(x, depth, blocks, seeds)
        x = layers.Activation("leaky_relu")(x)
        below = filters[number - 1] if number else filters[0]
        x = layers.Conv2DTranspose(
            below, 4, strides=2, padding="same", kernel_initializer=he(seeds)
        )(x)
    x = layers.Activation("leaky_relu")(x)
    x = layers.Conv2D(bands, 3, padding="same", kernel_initializer=glorot(seeds), dtype="float32")(
        x
    )
    return keras.Model(vector, centre(x, rows * factor, columns * factor, image_shape), name=name)


def centre(x: keras.KerasTensor, rows: int, columns: int, image_shape: Sequence[int]):
    """Returns the central pixels of images.

    Args:
        x: (batch, rows, columns, bands).
        rows: Height of `x`.
        columns: Width of `x`.
        image_shape: (height, width, bands) that are left.
    """
    spare_rows, spare_columns = rows - image_shape[0], columns - image_shape[1]
    if not spare_rows and not spare_columns:
        return x
    return layers.Cropping2D(
        (
            (spare_rows // 2, spare_rows - spare_rows // 2),
            (spare_columns // 2, spare_columns - spare_columns // 2),
        )
    )(x)


def _blocks(x, width: int, blocks: int, seeds):
    for _ in range(blocks):
        y = layers.Activation("leaky_relu")(x)
        y = layers.Conv2D(width, 3, padding="same", kernel_initializer=he(seeds))(y)
        y = layers.Activation("leaky_relu")(y)
        y = layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(y)
        x = layers.Add()([x, y])
    return x


def he(seeds: Iterator[int]) -> keras.initializers.Initializer:
    """Returns the initializer of a convolution, with the next seed."""
    return keras.initializers.HeNormal(seed=next(seeds))


def glorot(seeds: Iterator[int]) -> keras.initializers.Initializer:
    """Returns the initializer of a dense or last layer, with the next seed."""
    return keras.initializers.GlorotUniform(seed=next(seeds))


def _nearly_zero(seeds) -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(
        scale=0.01, mode="fan_avg", distribution="uniform", seed=next(seeds)
    )
