"""Magnitudes of model spectra through the bandpasses of the SDSS."""

from __future__ import annotations

import functools

import numpy as np

from tfds_builders.sdss_galaxies.wavelengths import Bins

__all__ = ["BANDS", "band_fluxes"]

BANDS = ("u", "g", "r", "i", "z")

# F_nu of one nanomaggy, erg / (s cm2 Hz), and the speed of light, A / s.
_NANOMAGGY = 3.6307805e-29
_LIGHT = 2.99792458e18
_FLUX_UNIT = 1e-17


def band_fluxes(spectra: np.ndarray, bins: Bins, redshift: np.ndarray) -> np.ndarray:
    """Returns fluxes as photon counters see them.

        f_b = int F R_b lambda dlambda / int (c / lambda^2) R_b lambda dlambda

    Args:
        spectra: (components, objects, bins), F_lambda, 1e-17 erg / (s cm2 A), at the wavelengths
            of the observer times 1 / (1 + redshift).
        bins: Of the spectra, rest frame.
        redshift: (objects,).

    Returns:
        (components, objects, bands), nanomaggies.
    """
    observed = bins.centres * (1 + redshift)[:, None]
    weight = observed * bins.widths * (1 + redshift)[:, None]
    fluxes = np.empty((*spectra.shape[:2], len(BANDS)))
    for band, (wavelength, response) in enumerate(_responses()):
        share = np.interp(observed, wavelength, response, left=0.0, right=0.0) * weight
        flat = np.sum(share / observed**2, axis=1) * _LIGHT * _NANOMAGGY / _FLUX_UNIT
        fluxes[:, :, band] = np.einsum("cnl,nl->cn", spectra, share) / flat
    return fluxes


@functools.cache
def _responses() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    # Imports Astropy's models, which take a second.
    import speclite.filters

    filters = speclite.filters.load_filters(*(f"sdss2010-{band}" for band in BANDS))
    return tuple((each.wavelength, each.response) for each in filters)
