"""Matrices that shrink and blur an image along one axis.

An image has one for its rows and one for its columns: x' = R x C^T. The noise of the result follows
from the squares of their elements, var' = R^2 var (C^2)^T, if that of the pixels is independent.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import scipy.fft
import tensorflow as tf

__all__ = ["blurring", "shrinking"]

_LOBES = 3


def shrinking(ratio: tf.Tensor, pixels: int, new_pixels: int) -> tf.Tensor:
    """Returns the matrix that shrinks an axis about its centre, (new_pixels, pixels).

    The light of each pixel is spread over the new ones by a Lanczos kernel, normalised: flux is
    conserved, and of a ratio of 1 the matrix cuts the axis, or adds zeros, and changes nothing.

    Args:
        ratio: Scalar, size afterwards in units of that before, above 0 and at most 1.
        pixels: Length of the axis.
        new_pixels: Length afterwards; it must differ by an even number.
    """
    old = tf.range(pixels, dtype=tf.float32) - (pixels - 1) / 2
    centre = (new_pixels - 1) / 2
    place = ratio * old + centre
    new = tf.range(new_pixels, dtype=tf.float32)
    weights = _lanczos(new[:, None] - place)
    fraction = place - tf.floor(place)
    offsets = tf.range(1 - _LOBES, _LOBES + 1, dtype=tf.float32)
    return weights / tf.reduce_sum(_lanczos(offsets[:, None] - fraction), axis=0)


def blurring(sigma: tf.Tensor, pixels: int) -> tf.Tensor:
    """Returns the matrix of a Gaussian blur, (pixels, pixels); what leaves the axis is mirrored.

    The Gaussian is applied to the cosine transform, so that the variance that it adds is exact, of
    a fraction of a pixel too.

    Args:
        sigma: Scalar, standard deviation in pixels, at least 0.
        pixels: Length of the axis.
    """
    frequency = math.pi * tf.range(pixels, dtype=tf.float32) / pixels
    response = tf.exp(-0.5 * tf.square(sigma * frequency))
    transform = tf.constant(_cosines(pixels))
    return tf.matmul(transform, response[:, None] * transform, transpose_a=True)


def _lanczos(x: tf.Tensor) -> tf.Tensor:
    kernel = tf.experimental.numpy.sinc(x) * tf.experimental.numpy.sinc(x / _LOBES)
    return tf.where(tf.abs(x) < _LOBES, kernel, 0.0)


@functools.cache
def _cosines(pixels: int) -> np.ndarray:
    return scipy.fft.dct(np.eye(pixels), axis=0, norm="ortho").astype(np.float32)
