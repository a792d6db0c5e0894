"""Regions of an image that belong to neighbours of the object at its centre, and their removal."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo.preprocessing.border import background_and_noise, border_pixels, border_width

__all__ = ["neighbour_regions", "without_regions"]

# Half the side of the square around the centre that belongs to the object in any case.
_CORE = 2.5  # px

# Side of a full square that a part needs to be a source of its own.
_LEAST_SIDE = 3  # px


def neighbour_regions(levels: tf.Tensor, highest: int) -> tf.Tensor:
    """Returns which pixels belong to sources beside the one at the centre.

    From the highest level down, the pixels of a level that touch the central source or a neighbour
    are added to it, one row of pixels after the other, and parts that touch neither, and hold a
    square of 3 x 3 pixels, are new neighbours. That is a watershed of two basins: sources whose
    outskirts touch part where these meet.

    Args:
        levels: (batch, height, width) integers, 0 for sky, higher for brighter.
        highest: Highest level that there may be.

    Returns:
        (batch, height, width) bool.

    References:
        Bertin and Arnouts 1996, A&AS 117, 393, section 6: the same levels, with a contrast.
    """
    size = tf.shape(levels)
    rows, columns = (
        tf.abs(tf.range(n, dtype=tf.float32) - tf.cast(n - 1, tf.float32) / 2) <= _CORE
        for n in (size[1], size[2])
    )
    core = tf.logical_and(rows[:, None], columns[None, :])[None, :, :, None]
    levels = levels[..., None]
    own = tf.broadcast_to(core, tf.shape(levels))
    others = tf.zeros_like(own)
    for level in range(highest, 0, -1):
        inside = levels >= level
        own, others = _grown(own, others, inside)
        free = tf.logical_and(inside, tf.logical_not(tf.logical_or(own, others)))
        others = tf.logical_or(others, _with_squares(free))
    return others[..., 0]


def without_regions(images: tf.Tensor, regions: tf.Tensor, margin: int = 2) -> tf.Tensor:
    """Returns images in which regions are replaced by sky with noise.

    Level and noise of the sky are those of the border, whose own regions first take the pixels
    opposite the centre. The noise is one pattern for all images, so that nothing is drawn.

    Args:
        images: (batch, height, width, bands) float32.
        regions: (batch, height, width) bool.
        margin: Pixels around the regions that are replaced as well, where light goes on.
    """
    replaced = tf.cast(regions, tf.float32)[..., None]
    for _ in range(margin):
        replaced = tf.nn.max_pool2d(replaced, 3, 1, "SAME")
    replaced = replaced > 0
    height, width, bands = images.shape[1:]
    border = border_pixels(height, width, border_width(height, width))
    filled = tf.where(replaced, tf.reverse(images, (1, 2)), images)
    sky, noise = background_and_noise(filled, border)
    pattern = np.random.default_rng(0).standard_normal((height, width, bands), np.float32)
    return tf.where(replaced, sky + noise * pattern, images)


def _grown(own: tf.Tensor, others: tf.Tensor, inside: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns both regions grown through the pixels inside until they meet; `own` comes first."""

    def step(own: tf.Tensor, others: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
        taken = tf.logical_or(own, others)
        free = tf.logical_and(inside, tf.logical_not(taken))
        more_own = tf.logical_and(free, _dilated(own))
        more_others = tf.logical_and(tf.logical_and(free, _dilated(others)), ~more_own)
        grown = tf.reduce_any(tf.logical_or(more_own, more_others))
        return tf.logical_or(own, more_own), tf.logical_or(others, more_others), grown

    own, others, _ = tf.while_loop(
        lambda own, others, grown: grown, step, (own, others, tf.constant(True))
    )
    return own, others


def _with_squares(regions: tf.Tensor) -> tf.Tensor:
    """Returns the connected parts that hold a full square."""
    outside = tf.cast(tf.logical_not(regions), tf.float32)
    squares = tf.nn.max_pool2d(outside, _LEAST_SIDE, 1, "SAME") == 0
    parts, _ = _grown(squares, tf.zeros_like(squares), regions)
    return parts


def _dilated(regions: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(tf.cast(regions, tf.float32), 3, 1, "SAME") > 0
