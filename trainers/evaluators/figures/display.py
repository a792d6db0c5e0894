"""Pictures of survey images: one scale per object, taken from its original."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.visualization import make_lupton_rgb

from trainers.evaluators.statistics import photometry

__all__ = ["Stretch", "composite_bands"]

_RGB_CHOICES = (
    ("red", "green", "blue"),
    ("i", "r", "g"),
    ("z", "r", "g"),
    ("y", "r", "g"),
    ("ks", "h", "j"),
    ("h", "j", "y"),
)

_PHOTOGRAPHS = ({"red", "green", "blue"}, {"grey"}, {"gray"})


def composite_bands(bands: Sequence[str]) -> tuple[int, int, int] | None:
    """Returns the bands shown as red, green and blue; None for fewer than three bands.

    Args:
        bands: Names of the bands; a survey's name before a dot, dash or underscore is ignored.
    """
    if len(bands) < 3:
        return None
    names = [band.lower().replace("-", "_").replace(".", "_").split("_")[-1] for band in bands]
    for choice in _RGB_CHOICES:
        if set(choice) <= set(names):
            return tuple(names.index(name) for name in choice)
    # Bands are listed from blue to red.
    return len(bands) - 1, len(bands) // 2, 0


class Stretch:
    """Display stretch of images, with the scale of their originals.

    Photographs (bands red, green, blue, or grey) and colour pictures that a survey has stretched
    to 8 bits keep their scale. Survey images become a colour composite of three bands (Lupton et
    al. 2004), or with one or two bands a grey picture of the reference band, both with an asinh
    scale that starts at the sky and is linear below a few times its noise.

    Attributes:
        is_photograph: Whether these are photographs, or 8-bit pictures.
        composite: Bands shown as red, green and blue; None for a grey picture.
        origin: Where row 0 is drawn: at the top of photographs, at the bottom of survey images.

    Args:
        originals: (number, height, width, bands) in survey units.
        bands: Names of the bands.
    """

    def __init__(self, originals: np.ndarray, bands: Sequence[str]):
        self.bands = tuple(bands)
        self.composite = composite_bands(bands)
        self.is_photograph = {band.lower() for band in bands} in _PHOTOGRAPHS or (
            self.composite is not None and _is_8_bit(originals)
        )
        self.origin = "upper" if self.is_photograph else "lower"
        self._reference = photometry.reference_band(bands)
        self._full = 255.0 if originals.max() > 1.5 else 1.0
        self._sky, self._noise = photometry.sky_and_noise(originals)
        # Brightest tenth of a percent: a hot pixel must not set the scale.
        self._peak = np.quantile(originals, 0.999, axis=(1, 2)) - self._sky
        self._peak = np.maximum(self._peak, 5 * self._noise)

    def pictures(self, images: np.ndarray) -> np.ndarray:
        """Returns (number, height, width, 3) in [0, 1] for images of the same objects.

        Args:
            images: (number, height, width, bands), row by row the objects of `originals`.
        """
        if self.is_photograph and self.composite:
            return np.clip(images[..., list(self.composite)] / self._full, 0, 1)
        if self.composite is None:
            grey = self.band(images, self._reference)
            return np.repeat(grey[..., None], 3, axis=-1)
        # In units of the typical noise of each band, so that the sky is grey.
        scaled = (images - self._sky[:, None, None]) / np.median(self._noise, axis=0)
        red, green, blue = (scaled[..., band] for band in self.composite)
        return (
            np.stack(
                [
                    make_lupton_rgb(*planes, minimum=-1.5, stretch=12, Q=6)
                    for planes in zip(red, green, blue, strict=True)
                ]
            )
            / 255.0
        )

    def band(self, images: np.ndarray, band: int) -> np.ndarray:
        """Returns one band as (number, height, width) in [0, 1] on an asinh scale."""
        if self.is_photograph:
            return np.clip(images[..., band] / self._full, 0, 1)
        softening = (2 * self._noise[:, band])[:, None, None]
        sky = self._sky[:, band][:, None, None]
        top = np.arcsinh(self._peak[:, band][:, None, None] / softening)
        bottom = np.arcsinh(-1.0)
        level = np.arcsinh((images[..., band] - sky) / softening)
        return np.clip((level - bottom) / (top - bottom), 0, 1)


def _is_8_bit(images: np.ndarray) -> bool:
    """Returns True if all pixels are integers from 0 to 255 and some exceed 16."""
    if images.min() < 0 or not 16 < images.max() <= 255:
        return False
    return bool(np.all(images == np.round(images)))
