"""Spectra on other bins, with flux and variance conserved."""

from __future__ import annotations

import numpy as np

from tfds_builders.sdss_galaxies.wavelengths import Bins

__all__ = ["air_to_vacuum", "pixel_edges", "resample"]

# Share of a bin that good pixels must cover.
_LEAST_COVERAGE = 0.5


def resample(
    edges: np.ndarray, flux: np.ndarray, inverse_variance: np.ndarray, bins: Bins
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns a spectrum on bins, each the mean of what good pixels have of it.

        f_b = sum_p a_bp f_p / sum_p a_bp,    var_b = sum_p a_bp^2 var_p / (sum_p a_bp)^2

    a_bp is the width that pixel p and bin b share. Pixels with an inverse variance of 0 do not
    count; neither do bins of which they leave less than half.

    Args:
        edges: (pixels + 1,), ascending, in the wavelengths of the bins.
        flux: (pixels,), per unit of wavelength.
        inverse_variance: (pixels,).
        bins: The new ones.

    Returns:
        Flux and inverse variance, (bins,) float64, 0 where there are no data; and the share of each
        bin that the pixels cover, good ones or not.
    """
    good = inverse_variance > 0
    variance = np.divide(1.0, inverse_variance, out=np.zeros(len(flux)), where=good)
    # Intervals between neighbouring edges of either kind lie in one pixel and in one bin.
    cuts = np.union1d(edges, bins.edges)
    cuts = cuts[(cuts >= max(edges[0], bins.edges[0])) & (cuts <= min(edges[-1], bins.edges[-1]))]
    if len(cuts) < 2:
        nothing = np.zeros(bins.number)
        return nothing, nothing, nothing
    middle, width = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts)
    pixel = np.searchsorted(edges, middle) - 1
    target = np.searchsorted(bins.edges, middle) - 1

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(target, weights=values, minlength=bins.number)

    covered = total(width) / bins.widths
    width = width * good[pixel]
    share = total(width)
    enough = share >= _LEAST_COVERAGE * bins.widths
    mean = total(width * np.where(good, flux, 0.0)[pixel])
    spread = total(width**2 * variance[pixel])
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            np.where(enough, mean / share, 0.0),
            np.where(enough, share**2 / spread, 0.0),
            covered,
        )


def pixel_edges(centres: np.ndarray) -> np.ndarray:
    """Returns the edges of pixels half-way between ascending centres, (pixels + 1,)."""
    inner = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - inner[0], 2 * centres[-1] - inner[-1]
    return np.concatenate([[first], inner, [last]])


def air_to_vacuum(wavelength: np.ndarray) -> np.ndarray:
    """Returns wavelengths in vacuum, A, of those in air.

    References:
        Ciddor 1996 (Applied Optics 35, 1566), equation 1, as the IAU recommends.
    """
    square = (1e4 / np.asarray(wavelength)) ** 2
    index = 1 + 5.792105e-2 / (238.0185 - square) + 1.67917e-3 / (57.362 - square)
    return wavelength * index
