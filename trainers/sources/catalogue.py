"""Catalogue of the regions of an image: positions, light, and classes weighted by it."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

__all__ = ["SourceCatalogue", "measure_sources"]


@dataclasses.dataclass(frozen=True)
class SourceCatalogue:
    """Measurements of n sources.

    Attributes:
        x: (n,), column of the centre, px, 0 at the centre of the first pixel.
        y: (n,), row of it.
        light: (n,), sum over the pixels of the region.
        area: (n,) int, pixels of the region.
        fractions: (n, classes), share of each class of sources, which sum to 1.
    """

    x: np.ndarray
    y: np.ndarray
    light: np.ndarray
    area: np.ndarray
    fractions: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    @property
    def labels(self) -> np.ndarray:
        """(n,) int, class with the largest share."""
        return self.fractions.argmax(axis=-1)


def measure_sources(
    regions: np.ndarray,
    light: np.ndarray,
    probabilities: np.ndarray,
    centres: np.ndarray | None = None,
) -> SourceCatalogue:
    """Measures the sources of a map.

        fractions_j = sum_p w(p) P(p) / sum_p w(p) sum_c P_c(p),    w = max(light, 0)

    over the pixels p of source j, where P are the probabilities of the classes of sources: the
    class of a source is the mean of its pixels' weighted by their light. A source without any
    positive light has weights of 1. Positions are centroids with the weights w, with a map of
    centres times its square, as the light of a blend has its centroid elsewhere.

    Args:
        regions: (height, width), number of the source from 1, else no source.
        light: (height, width), sky subtracted.
        probabilities: (height, width, classes), without the background.
        centres: (height, width), 0 to 1, high at the centres of sources; None for none.

    References:
        Hausen & Robertson 2020 (arXiv 1906.11248), section 4.5.
    """
    number = max(int(regions.max(initial=0)), 0)
    classes = probabilities.shape[-1]
    if not number:
        empty = np.zeros(0)
        return SourceCatalogue(empty, empty, empty, empty.astype(int), np.zeros((0, classes)))
    rows = np.arange(1, number + 1)

    def total(values: np.ndarray) -> np.ndarray:
        return ndimage.sum_labels(values, regions, rows)

    light = np.where(np.isfinite(light), light, 0.0).astype(np.float64)
    weights = np.maximum(light, 0.0)
    dark = np.isin(regions, rows[total(weights) <= 0])
    weights = np.where(dark, 1.0, weights)
    y, x = np.indices(regions.shape)
    places = weights if centres is None else weights * np.maximum(centres, 1e-6) ** 2
    place = total(places)
    shares = np.stack([total(weights * values) for values in np.moveaxis(probabilities, -1, 0)], 1)
    # Without any probability of a source, all classes are as likely.
    shares = np.where(shares.sum(axis=1, keepdims=True) > 0, shares, 1.0)
    return SourceCatalogue(
        x=total(places * x) / place,
        y=total(places * y) / place,
        light=total(light),
        area=total(np.ones_like(light)).astype(int),
        fractions=shares / shares.sum(axis=1, keepdims=True),
    )
