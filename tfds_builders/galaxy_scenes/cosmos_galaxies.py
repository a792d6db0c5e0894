"""Parametric fits of COSMOS galaxies as sources of scenes."""

from __future__ import annotations

import functools

import numpy as np

from tfds_builders.galaxy_scenes.cameras import Camera
from tfds_builders.galaxy_scenes.sources import (
    CLASSES,
    Painter,
    Source,
    draw_redshift,
    median_radius,
)
from tfds_builders.simulation.cosmos import ParametricGalaxies

__all__ = ["CosmosGalaxies", "shared_sample"]

# Galaxies nearest in magnitude among which one is drawn.
_NEAREST = 50
# Sersic index, or share of the bulge, from which a galaxy is a spheroid.
_SPHEROID_INDEX, _SPHEROID_SHARE = 2.5, 0.5
# Spectral types (0 E to 3 Im) of bulges, of disks, and of single profiles by their Sersic index.
_BULGE, _DISK = 0.15, 1.5
_TYPES = ((1.0, 2.5, 4.0), (2.0, 0.8, 0.0))


class CosmosGalaxies:
    """Galaxies of one split of a COSMOS sample.

    Args:
        sample: The fits.
        split: "train", "validation" or "test".
        camera: Bands.
    """

    def __init__(self, sample: ParametricGalaxies, split: str, camera: Camera):
        members = sample.members[split]
        self._sample = sample
        self._camera = camera
        self._rows = members[np.argsort(sample.magnitudes[members], kind="stable")]
        self._magnitudes = sample.magnitudes[self._rows]

    def draw(self, rng: np.random.Generator, i: float, redshift: float | None = None) -> Source:
        """Draws a galaxy of an i magnitude, turned by a random angle.

        It is one of the 50 of the sample that are nearest in F814W, scaled to the magnitude. One
        fainter than all of the sample is as much smaller as the median of all galaxies is. The fit
        of one Sersic profile is a spheroid from an index of 2.5, that of bulge and disk if half of
        the light is in the bulge; none is an irregular galaxy. The sample has one band: the others
        follow from spectra at the photometric redshift.

        Args:
            rng: Source of the choice, of the angle, and of the scatter of the colours.
            i: AB magnitude.
            redshift: That of the group to which it belongs; None for that of the sample.
        """
        place = int(np.searchsorted(self._magnitudes, i))
        first = min(max(place - _NEAREST // 2, 0), max(len(self._rows) - _NEAREST, 0))
        near = self._rows[first : first + _NEAREST]
        index = int(near[rng.integers(len(near))])
        if redshift is None:
            redshift = self._sample.redshift(index)
        if redshift is None:
            redshift = draw_redshift(rng, i)
        painter = Painter(rng, i, redshift, self._camera)
        galaxy = self._sample.galaxy(index, painter.angle)
        faintest = self._magnitudes[-1]
        scale = median_radius(i) / median_radius(faintest) if i > faintest else 1.0
        components = galaxy.components
        shares = [each.flux / galaxy.flux for each in components]
        if len(components) == 1:
            sersic_index = components[0].sersic_index
            types = [float(np.interp(sersic_index, *_TYPES))]
            spheroid = sersic_index >= _SPHEROID_INDEX
            bulge = float(spheroid)
        else:
            types, bulge = [_BULGE, _DISK], shares[0]
            spheroid = bulge >= _SPHEROID_SHARE
        for component, share, kind in zip(components, shares, types, strict=True):
            painter.add(component.scaled(scale), share, kind)
        # The shape of a source is that of its disk.
        shape = components[-1]
        painter.angle = shape.position_angle
        return painter.source(
            CLASSES.index("spheroid" if spheroid else "disk"),
            scale * galaxy.half_light_radius,
            shape.axis_ratio,
            bulge_fraction=bulge,
        )


@functools.lru_cache(maxsize=1)
def shared_sample(folder: str, catalogue: str | None) -> ParametricGalaxies:
    """Reads a sample once in a process, whose files are many.

    Raises:
        ValueError, FileNotFoundError: if the sample is missing or not usable.
    """
    return ParametricGalaxies(folder, np.inf, 1.0, True, catalogue)
