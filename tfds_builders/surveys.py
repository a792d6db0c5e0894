"""Survey cameras: bands, pixel scale, seeing, zero-points, magnitudes."""

from __future__ import annotations

import dataclasses

import numpy as np
import surveycodex

from tfds_builders.choices import unknown_choice

__all__ = [
    "NANOMAGGY_ZEROPOINT",
    "SDSS_SOFTENING",
    "Survey",
    "asinh_magnitude",
    "flux_from_magnitude",
    "survey",
]

# Flux of one nanomaggy is magnitude 22.5 (AB).
NANOMAGGY_ZEROPOINT = 22.5

# Softening b of the SDSS asinh magnitudes, u g r i z (SDSS DR17, "Measures of flux and magnitude").
SDSS_SOFTENING = (1.4e-10, 0.9e-10, 1.2e-10, 1.8e-10, 7.4e-10)


@dataclasses.dataclass(frozen=True)
class Survey:
    """One survey in the bands that are used.

    Attributes:
        name: As `surveycodex` spells it.
        bands: Names of the bands, blue to red.
        pixel_scale: Arcsec per pixel.
        psf_fwhm: Typical seeing of each band (FWHM, arcsec).
        zeropoint: AB magnitude of a source that gives one electron per second, of each band.
        exposure_time: Seconds, of each band.
    """

    name: str
    bands: tuple[str, ...]
    pixel_scale: float
    psf_fwhm: tuple[float, ...]
    zeropoint: tuple[float, ...]
    exposure_time: tuple[float, ...]

    @property
    def electrons_per_nanomaggy(self) -> np.ndarray:
        """Electrons in one exposure from a source of one nanomaggy, of each band."""
        zeropoint = np.array(self.zeropoint)
        return 10 ** (0.4 * (zeropoint - NANOMAGGY_ZEROPOINT)) * np.array(self.exposure_time)


def survey(name: str, bands: tuple[str, ...] | None = None) -> Survey:
    """Reads a survey from `surveycodex`.

    Args:
        name: As `surveycodex.available_surveys` spells it.
        bands: Bands to keep (default all), in this order.

    Raises:
        ValueError: if there is no such survey or band.
    """
    if name not in surveycodex.available_surveys:
        raise ValueError(unknown_choice("survey", name, surveycodex.available_surveys))
    entry = surveycodex.get_survey(name)
    bands = tuple(entry.available_filters) if bands is None else tuple(bands)
    missing = sorted(set(bands) - set(entry.available_filters))
    if missing:
        choices = ", ".join(entry.available_filters)
        raise ValueError(f"bands of {name} must be among {choices}; got {', '.join(missing)}")
    filters = [entry.get_filter(band) for band in bands]
    return Survey(
        name=name,
        bands=bands,
        pixel_scale=float(entry.pixel_scale.to_value("arcsec")),
        psf_fwhm=tuple(float(each.psf_fwhm.to_value("arcsec")) for each in filters),
        zeropoint=tuple(float(each.zeropoint.to_value("mag")) for each in filters),
        exposure_time=tuple(float(each.full_exposure_time.to_value("s")) for each in filters),
    )


def flux_from_magnitude(magnitude: np.ndarray) -> np.ndarray:
    """Returns the flux (nanomaggies) of AB magnitudes."""
    return 10 ** (0.4 * (NANOMAGGY_ZEROPOINT - np.asarray(magnitude)))


def asinh_magnitude(flux: np.ndarray, softening: tuple[float, ...] = SDSS_SOFTENING) -> np.ndarray:
    """Returns asinh magnitudes ("luptitudes"), which are finite for fluxes of any sign.

        m = -2.5 / ln 10 * (asinh(f / (2 b)) + ln b),    f in maggies

    Args:
        flux: (..., bands), nanomaggies.
        softening: b of each band, in maggies (default those of SDSS).

    References:
        Lupton, Gunn & Szalay 1999, AJ 118, 1406.
    """
    b = np.asarray(softening)
    return -2.5 / np.log(10) * (np.arcsinh(np.asarray(flux) * 1e-9 / (2 * b)) + np.log(b))
