"""Observing conditions of survey fields: seeing and noise."""

from __future__ import annotations

import dataclasses
import functools

import galsim
import numpy as np

from tfds_builders.simulation.fourier import kolmogorov, shared_grid, sheared_circle
from tfds_builders.surveys import Survey, flux_from_magnitude

__all__ = ["FIELDS", "SDSS_DEPTH", "SEEING_SCATTER", "Field", "draw_field", "median_noise"]

# Fields among which objects are spread.
FIELDS = 16

# Magnitude of a point source at five sigma in median seeing, u g r i z: medians of the SDSS imaging
# (DR17, "Imaging: scope"). Its more often quoted 95 % completeness limits are 22.0 22.2 22.2 21.3
# 20.5.
SDSS_DEPTH = (22.15, 23.13, 22.70, 22.20, 20.71)

# Scatter of the seeing between neighbouring fields of a drift-scan run, in ln. Over the whole
# survey it is 0.12.
SEEING_SCATTER = 0.05
_BAND_SCATTER = 0.03
_NOISE_SCATTER = 0.08


@dataclasses.dataclass(frozen=True)
class Field:
    """One exposure in all bands.

    Attributes:
        seeing: FWHM of the PSF, pixel included, in arcsec, of each band.
        noise_sigma: Standard deviation of the background, nanomaggies per pixel, of each band.
        psf_shear: (g1, g2), ellipticity of the PSF.
        quantum: Step of the pixel values, nanomaggies, of each band.
    """

    seeing: tuple[float, ...]
    noise_sigma: tuple[float, ...]
    psf_shear: tuple[float, float]
    quantum: tuple[float, ...]

    def psf(self, band: int) -> galsim.GSObject:
        """Returns the PSF of a band, flux 1, pixel included."""
        g1, g2 = self.psf_shear
        return galsim.Kolmogorov(fwhm=self.seeing[band]).shear(g1=g1, g2=g2)

    def psf_transforms(self, size: int, pixel_scale: float) -> np.ndarray:
        """Returns the transforms of the PSFs on the shared grid of a size, (bands, ...) float32."""
        return _psf_transforms(self, size, pixel_scale)


@functools.lru_cache(maxsize=4 * FIELDS)
def _psf_transforms(field: Field, size: int, pixel_scale: float) -> np.ndarray:
    grid = shared_grid(size, pixel_scale)
    shapes = [sheared_circle(fwhm, field.psf_shear) for fwhm in field.seeing]
    return np.stack([kolmogorov()(grid.stretched(shape)) for shape in shapes])


@functools.cache
def draw_field(
    survey: Survey, seed: int, index: int, seeing_scatter: float = SEEING_SCATTER
) -> Field:
    """Draws one of the fields: the same for the same seed and index.

    Seeing is log-normal about the survey's medians; bluer bands are worse. The noise is such that
    a point source of magnitude `SDSS_DEPTH` has a signal-to-noise of 5 in the median seeing:

        sigma = F / 5 * sqrt(sum_pixels PSF^2)

    Args:
        survey: Bands u g r i z, pixel scale, median seeing.
        seed: Of the simulation.
        index: Number of the field.
        seeing_scatter: Scatter of the seeing from field to field, standard deviation of its ln.
    """
    rng = np.random.default_rng((seed, 1, index))
    bands = len(survey.bands)
    common = np.exp(seeing_scatter * rng.normal())
    seeing = np.array(survey.psf_fwhm) * common * np.exp(_BAND_SCATTER * rng.normal(size=bands))
    noise = median_noise(survey) * np.exp(_NOISE_SCATTER * rng.normal(size=bands))
    # A power of two, 1/12 to 1/6 of the noise: adds at most 0.12 % to it and compresses well.
    quantum = 2.0 ** np.floor(np.log2(noise / 6))
    shear = rng.normal(0, 0.015, size=2)
    return Field(
        seeing=tuple(map(float, seeing)),
        noise_sigma=tuple(map(float, noise)),
        psf_shear=(float(shear[0]), float(shear[1])),
        quantum=tuple(map(float, quantum)),
    )


@functools.cache
def median_noise(survey: Survey) -> np.ndarray:
    """Returns the noise in median seeing, nanomaggies per pixel, of each band."""
    noise = []
    for fwhm, depth in zip(survey.psf_fwhm, SDSS_DEPTH, strict=True):
        psf = galsim.Kolmogorov(fwhm=fwhm)
        image = psf.drawImage(nx=65, ny=65, scale=survey.pixel_scale, method="no_pixel").array
        noise.append(flux_from_magnitude(depth) / 5 * np.sqrt(np.sum(image.astype(float) ** 2)))
    return np.array(noise)
