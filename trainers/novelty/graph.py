"""Validity of answers as TensorFlow operations, which become part of a SavedModel.

The numbers are those of `measurements` and `densities`, whose NumPy takes half of the time on a
processor, up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from trainers.novelty.densities import LEAST, Density, FeatureGaussian
from trainers.novelty.measurements import (
    BORDER,
    DEVIATION,
    GROUPS,
    LEAST_LIGHT,
    LEAST_SIDE,
    SAMPLES,
    SOURCE,
)
from trainers.novelty.reference import FARTHEST, SIZE, Reference
from trainers.novelty.sample import FEATURES

__all__ = ["columns", "distance", "measure"]


def columns(
    reference: Reference, images: tf.Tensor, features: tf.Tensor | None
) -> dict[str, tf.Tensor]:
    """Returns what `Reference.columns` says of images.

    Args:
        reference: Statistics of the training images.
        images: (batch, height, width, bands) float32.
        features: (batch, ...) float32; None to leave this comparison out.
    """
    inside = tf.shape(images)[1:3] - 2 * reference.pad
    return tf.cond(
        tf.reduce_min(inside) < LEAST_SIDE,
        lambda: _too_small(images),
        lambda: _compared(reference, images, features),
    )


def measure(images: tf.Tensor, pad: int = 0) -> dict[str, tf.Tensor]:
    """Returns what `measurements.measure` does."""
    planes = tf.transpose(images, (0, 3, 1, 2))
    if pad:
        planes = planes[..., pad:-pad, pad:-pad]
    bands, binned = planes.shape[1], _binned(planes)
    sky = _upper_median(_border(planes))
    differences = _second_differences(planes)
    between = differences[:, 1:] - differences[:, :-1]
    noise = DEVIATION * _upper_median(tf.abs(tf.concat([differences, between], axis=1)))
    binned_noise = DEVIATION * _upper_median(tf.abs(_second_differences(binned)))
    least, most = tf.reduce_min(planes, (2, 3)), tf.reduce_max(planes, (2, 3))
    light = tf.reduce_sum(binned, 1) - tf.reduce_sum(sky, 1)[:, None, None]
    threshold = SOURCE * tf.sqrt(tf.reduce_sum(binned_noise**2, 1))[:, None, None]
    shares = [
        tf.reduce_mean(tf.cast(planes == ends[..., None, None], tf.float32), (1, 2, 3))
        for ends in (most, least)
    ]
    return {
        "noise": noise[:, :bands],
        "noise correlation": tf.concat([binned_noise, noise[:, bands:]], axis=1),
        "sky": sky,
        "brightness": tf.concat([most - sky, tf.reduce_mean(planes, (2, 3)) - sky], axis=1),
        "size": _half_light_radius(tf.where(light > threshold, light, 0.0))[:, None],
        "extreme values": tf.stack(shares, axis=1),
    }


def distance(density: Density, vectors: tf.Tensor) -> tf.Tensor:
    """Returns the distances of a density, (batch,) float64.

    Args:
        density: The density.
        vectors: (batch, dimensions).
    """
    held = {name: values.astype(np.float64) for name, values in density.arrays.items()}
    vectors = tf.cast(vectors, tf.float64)
    if isinstance(density, FeatureGaussian):
        return _gaussian_distance(held, vectors)
    return _mixture_distance(held, vectors)


def _too_small(images: tf.Tensor) -> dict[str, tf.Tensor]:
    number = tf.shape(images)[:1]
    return {
        "validity_distance": tf.fill(number, np.float32(FARTHEST)),
        "outside": tf.fill(number, True),
        "outside_reason": tf.fill(number, SIZE),
    }


def _compared(
    reference: Reference, images: tf.Tensor, features: tf.Tensor | None
) -> dict[str, tf.Tensor]:
    measured = measure(images, reference.pad)
    vectors = {
        group: tf.concat([measured[name] for name in names], axis=1)
        for group, names in GROUPS.items()
    }
    if features is not None:
        vectors[FEATURES] = tf.reshape(features, (tf.shape(features)[0], -1))
    largest, text = tf.zeros(tf.shape(images)[0], tf.float64), tf.fill(tf.shape(images)[:1], "")
    for name, density in reference.densities.items():
        if name not in vectors:
            continue
        relative = distance(density, vectors[name]) / reference.limits[name]
        largest = tf.maximum(largest, relative)
        joint = tf.where(text == "", "", "; ")
        added = tf.strings.join([text, joint, _reason(reference, name, measured, images)])
        text = tf.where(relative > 1, added, text)
    return {
        "validity_distance": tf.cast(tf.minimum(largest, FARTHEST), tf.float32),
        "outside": largest > 1,
        "outside_reason": text,
    }


def _reason(
    reference: Reference, name: str, measured: Mapping[str, tf.Tensor], images: tf.Tensor
) -> tf.Tensor:
    """Returns the measurement of a comparison that is farthest out, or its own name."""
    names = GROUPS.get(name)
    if not names:
        return tf.fill(tf.shape(images)[:1], name)
    excesses = []
    for each in names:
        low, median, high = reference.quantiles[each]
        values = tf.cast(measured[each], tf.float64)
        width = tf.where(values < median, median - low, high - median)
        excesses.append(tf.reduce_max(tf.abs(values - median) / tf.maximum(width, LEAST), 1))
    return tf.gather(list(names), tf.argmax(tf.stack(excesses, axis=1), axis=1))


def _mixture_distance(held: Mapping[str, np.ndarray], vectors: tf.Tensor) -> tf.Tensor:
    points = (tf.asinh(vectors / held["scale"]) - held["centre"]) @ held["axes"]
    roots = held["precisions_cholesky"]
    offsets = np.einsum("kd,kde->ke", held["means"], roots)
    volumes = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    scaled = tf.einsum("nd,kde->nke", points, roots) - offsets
    parts = np.log(held["weights"]) + volumes - 0.5 * tf.reduce_sum(scaled**2, 2)
    lack = held["largest"] - tf.reduce_logsumexp(parts, axis=1)
    return tf.sqrt(2 * tf.maximum(lack, 0.0))


def _gaussian_distance(held: Mapping[str, np.ndarray], vectors: tf.Tensor) -> tf.Tensor:
    centred = vectors - held["centre"]
    components = centred @ held["axes"]
    squared = tf.reduce_sum((components / held["spread"]) ** 2, 1)
    if len(held["rest"]):
        mean, spread = held["rest"]
        rest = tf.reduce_sum(centred**2, 1) - tf.reduce_sum(components**2, 1)
        squared += ((0.5 * tf.math.log(tf.maximum(rest, LEAST)) - mean) / spread) ** 2
    return tf.sqrt(squared)


def _border(planes: tf.Tensor) -> tf.Tensor:
    inner, lead = slice(BORDER, -BORDER), tf.shape(planes)[:2]
    sides = (
        planes[..., :BORDER, :],
        planes[..., -BORDER:, :],
        planes[..., inner, :BORDER],
        planes[..., inner, -BORDER:],
    )
    return tf.concat([tf.reshape(side, tf.concat([lead, [-1]], 0)) for side in sides], axis=-1)


def _binned(planes: tf.Tensor) -> tf.Tensor:
    size = tf.shape(planes)[2:] // 2 * 2
    even = planes[..., : size[0], : size[1]]
    rows = even[..., ::2, :] + even[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def _second_differences(planes: tf.Tensor) -> tf.Tensor:
    inner = tf.shape(planes)[2:] - 2
    step = -(-inner[0] * inner[1] // SAMPLES)
    rows = planes[..., :-2:step, :] - 2 * planes[..., 1:-1:step, :] + planes[..., 2::step, :]
    return rows[..., :-2] - 2 * rows[..., 1:-1] + rows[..., 2:]


def _upper_median(values: tf.Tensor) -> tf.Tensor:
    flat = tf.reshape(values, tf.concat([tf.shape(values)[:2], [-1]], 0))
    median = tf.raw_ops.NthElement(input=flat, n=tf.shape(flat)[-1] // 2)
    return tf.ensure_shape(median, values.shape[:2])


def _half_light_radius(light: tf.Tensor) -> tf.Tensor:
    size = tf.shape(light)[1:]
    rows, columns = (tf.cast(tf.range(side), tf.float64) for side in (size[0], size[1]))
    centre = tf.cast(size - 1, tf.float64) / 2
    squares = (rows - centre[0])[:, None] ** 2 + (columns - centre[1]) ** 2
    rings = tf.reshape(tf.cast(2 * tf.sqrt(squares), tf.int32), [-1])
    pixels = tf.transpose(tf.reshape(light, (tf.shape(light)[0], -1)))
    sums = tf.math.unsorted_segment_sum(pixels, rings, tf.reduce_max(rings) + 1)
    grown = tf.cumsum(sums, axis=0)
    lacking = grown[-1] / 2 - (grown - sums)
    return tf.reduce_sum(tf.clip_by_value(lacking / tf.maximum(sums, LEAST_LIGHT), 0, 1), 0)
