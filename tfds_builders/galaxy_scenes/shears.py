"""Sources under a gravitational shear."""

from __future__ import annotations

import dataclasses

import galsim
import numpy as np
import scipy.ndimage

from tfds_builders.galaxy_scenes.sky import Placed
from tfds_builders.galaxy_scenes.sources import CLASSES, Source
from tfds_builders.simulation.fourier import Component
from tfds_builders.simulation.light import Light

__all__ = ["sheared", "stamp_shear"]

_POINT_SOURCE = CLASSES.index("point_source")


def stamp_shear(index: int, size: float) -> tuple[int, galsim.Shear]:
    """Returns the scene of a stamp and its shear, where each scene is drawn twice.

        stamp    0     1     2     3     4     5
        scene    0     0     1     1     2     2
        g1      +g    -g     0     0    +g    -g
        g2       0     0    +g    -g     0     0

    Args:
        index: Of the stamp.
        size: g, the reduced shear.
    """
    scene, second = divmod(index, 2)
    g = -size if second else size
    return scene, galsim.Shear(g2=g) if scene % 2 else galsim.Shear(g1=g)


def sheared(placed: Placed, shear: galsim.Shear, centre: float) -> Placed:
    """Returns a galaxy as it is seen through a lens; a star, in front of it, as it is.

        x -> S x,    S = [[1 + g1, g2], [g2, 1 - g1]] / sqrt(1 - g^2)

    Its flux and its half-light radius stay the same.

    Args:
        placed: The source.
        shear: The shear.
        centre: Column and row of the point that stays where it is, px.
    """
    source = placed.source
    if source.kind == _POINT_SOURCE:
        return placed
    shape = _sheared_ellipse(source.axis_ratio, source.position_angle, shear)
    seen: Source = dataclasses.replace(
        source,
        lights=tuple(_sheared_light(each, shear) for each in source.lights),
        axis_ratio=shape[0],
        position_angle=shape[1],
    )
    x, y = shear.getMatrix() @ (placed.x - centre, placed.y - centre)
    return Placed(seen, float(centre + x), float(centre + y))


def _sheared_light(light: Light, shear: galsim.Shear) -> Light:
    shape = light.shape
    if isinstance(shape, Component):
        ratio, angle = _sheared_ellipse(shape.axis_ratio, shape.position_angle, shear)
        shape = dataclasses.replace(shape, axis_ratio=ratio, position_angle=angle)
    elif shape is not None:
        image, pixel_scale = shape
        shape = _sheared_image(image, shear), pixel_scale
    x, y = shear.getMatrix() @ light.offset
    return dataclasses.replace(light, shape=shape, offset=(float(x), float(y)))


def _sheared_ellipse(
    axis_ratio: float, position_angle: float, shear: galsim.Shear
) -> tuple[float, float]:
    ellipse = galsim.Shear(q=axis_ratio, beta=position_angle * galsim.radians)
    # The ellipse is that of a circle, whose rotation does not count.
    total = shear + ellipse
    return float(total.q), float(total.beta.rad)


def _sheared_image(image: np.ndarray, shear: galsim.Shear) -> np.ndarray:
    """Returns an image of the same light, larger by what leaves it on its sides."""
    margin = int(np.ceil(0.5 * max(image.shape) * shear.g)) + 2
    image = np.pad(image, margin)
    # From the places in the answer, rows first, back to those in the image.
    matrix = np.linalg.inv(shear.getMatrix())[::-1, ::-1]
    centre = (np.array(image.shape) - 1) / 2
    moved = scipy.ndimage.affine_transform(image, matrix, centre - matrix @ centre, order=3)
    moved = np.maximum(moved, 0)
    return moved * (image.sum() / moved.sum())
