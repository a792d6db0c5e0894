"""The cameras of the DESI Legacy Imaging Surveys, DECaLS and BASS with MzLS, and that of SDSS."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import scipy.ndimage

from tfds_builders.simulation.fourier import moffat, shared_grid
from tfds_builders.surveys import flux_from_magnitude

__all__ = ["BANDS", "CAMERAS", "Camera", "Exposure", "draw_exposure"]

BANDS = ("g", "r", "z")

# Between the 4.765 of turbulence alone and the 2.5 of many telescopes (Trujillo et al. 2001).
_MOFFAT_BETA = 3.5
# Weights of neighbouring pixels, along rows and along columns.
_RESAMPLING = (0.05, 0.9, 0.05)
# From place to place, standard deviations of the ln.
_SEEING_SCATTER = 0.08
_NOISE_SCATTER = 0.10


@dataclasses.dataclass(frozen=True)
class Camera:
    """Camera and image processing of a survey in g, r, z.

    Attributes:
        name: Of the survey.
        pixel_scale: Arcsec per pixel, of each band.
        psf_fwhm: Median FWHM of the PSF, arcsec.
        depth: AB magnitude of a point source at five sigma.
        sky: Brightness of the sky, AB mag per square arcsec.
        colour_terms: Of each band, the coefficients of m - m(DECam) in powers of g - i, lowest
            first.
        is_resampled: Whether the noise of neighbouring pixels is correlated, as that of stacked and
            resampled exposures.

    References:
        Dey et al. 2019 (AJ 157, 168): pixels, PSFs, and how much BASS and MzLS are shallower than
        DECaLS (0.30, 0.46, -0.10 mag). Legacy Surveys DR9, "Description": depths of DECaLS (two
        observations) and colour terms (those from PS1, of which we take the difference; the g - i
        of PS1 is taken as that of the sources). The sky is that of DES in `surveycodex`. All of
        SDSS is from there, its depth from zero-points, 54.1 s and the photons of the sky; its
        colours are taken for DECam's.
    """

    name: str
    pixel_scale: tuple[float, ...]
    psf_fwhm: tuple[float, ...]
    depth: tuple[float, ...]
    sky: tuple[float, ...] = (22.01, 21.15, 18.72)
    colour_terms: tuple[tuple[float, ...], ...] = ((0.0,), (0.0,), (0.0,))
    is_resampled: bool = True

    def noise_sigma(self, band: int) -> float:
        """Returns the noise of the background in median seeing, nanomaggies per pixel.

        sigma = F / 5 * sqrt(sum_pixels PSF^2),    F the flux of a source at the depth
        """
        return _noise_sigma(self, band)

    def on_pixels(self, scale: float) -> Camera:
        """Returns the camera as deep on square pixels of another size, with white noise.

        Args:
            scale: Arcsec per pixel, of all bands.
        """
        scales = (scale,) * len(self.pixel_scale)
        return dataclasses.replace(self, pixel_scale=scales, is_resampled=False)

    def response(self, g_i: float) -> np.ndarray:
        """Returns by how much each band is brighter than DECam's, for a colour g - i in mag."""
        # Where the colour terms were measured.
        colour = np.clip(g_i, 0.0, 2.7)
        terms = [np.polynomial.polynomial.polyval(colour, each) for each in self.colour_terms]
        return 10 ** (-0.4 * np.array(terms))


CAMERAS = {
    "decals": Camera(
        name="DECaLS",
        pixel_scale=(0.262, 0.262, 0.262),
        psf_fwhm=(1.29, 1.18, 1.11),
        depth=(24.7, 23.9, 23.0),
    ),
    "bass_mzls": Camera(
        name="BASS+MzLS",
        pixel_scale=(0.454, 0.454, 0.262),
        psf_fwhm=(1.61, 1.47, 1.01),
        depth=(24.4, 23.44, 23.1),
        colour_terms=(
            (0.00402, 0.05068, -0.01696, 0.00358),
            (-0.00385, 0.01560, -0.00742, 0.00285),
            (0.01081, -0.03394, 0.01653, -0.00325),
        ),
    ),
    "sdss": Camera(
        name="SDSS",
        pixel_scale=(0.396, 0.396, 0.396),
        psf_fwhm=(1.43, 1.32, 1.18),
        depth=(23.13, 22.66, 20.68),
        sky=(21.84, 20.84, 18.96),
    ),
}
"""The surveys by name."""


@dataclasses.dataclass(frozen=True)
class Exposure:
    """A camera at one place of the sky.

    Attributes:
        camera: Which one.
        seeing: FWHM of the PSF without the pixel, arcsec, of each band.
        noise_sigma: Of the background, nanomaggies per pixel, of each band.
    """

    camera: Camera
    seeing: tuple[float, ...]
    noise_sigma: tuple[float, ...]

    def psf(self, band: int, size: int) -> np.ndarray:
        """Returns the transform of the PSF with the pixel on the shared grid of a size."""
        return _psf(self.seeing[band], size, self.camera.pixel_scale[band])

    def electrons(self, band: int) -> float:
        """Returns the electrons per nanomaggy, from the photons of the sky; see `with_noise`."""
        return float(self._sky(band) / self.noise_sigma[band] ** 2)

    def with_noise(self, image: np.ndarray, band: int, rng: np.random.Generator) -> np.ndarray:
        """Returns an image (nanomaggies per pixel) with the noise of the sky and of its own light.

        The electrons per nanomaggy follow from the photons of the sky:

            sigma^2 = s / e,    s the sky's nanomaggies per pixel, e electrons per nanomaggy

        Of a resampled stack the noise of neighbouring pixels is correlated: white noise smoothed by
        `_RESAMPLING`, which keeps the noise of a source's flux and lowers that of a pixel by a
        fifth.
        """
        scale = self.noise_sigma[band] * np.sqrt(1 + np.maximum(image, 0) / self._sky(band))
        noise = scale * rng.standard_normal(image.shape, np.float32)
        for axis in (0, 1) if self.camera.is_resampled else ():
            noise = scipy.ndimage.correlate1d(noise, _RESAMPLING, axis, mode="wrap")
        return image + noise

    def _sky(self, band: int) -> float:
        """Returns the sky, nanomaggies per pixel."""
        return flux_from_magnitude(self.camera.sky[band]) * self.camera.pixel_scale[band] ** 2


def draw_exposure(camera: Camera, rng: np.random.Generator) -> Exposure:
    """Draws seeing and noise, log-normal about the medians of the survey."""
    bands = len(BANDS)
    # Much of it is common to the bands, the rest is not.
    scatter = _SEEING_SCATTER * (rng.normal() + rng.normal(size=bands)) / np.sqrt(2)
    seeing = np.array(camera.psf_fwhm) * np.exp(scatter)
    noise = [camera.noise_sigma(band) for band in range(bands)]
    noise = np.array(noise) * np.exp(_NOISE_SCATTER * rng.normal(size=bands))
    return Exposure(camera, tuple(map(float, seeing)), tuple(map(float, noise)))


def _psf(fwhm: float, size: int, pixel_scale: float) -> np.ndarray:
    grid = shared_grid(size, pixel_scale)
    return moffat(_MOFFAT_BETA)(grid.stretched((fwhm**2, fwhm**2, 0.0))) * grid.pixel


@functools.cache
def _noise_sigma(camera: Camera, band: int) -> float:
    size, scale = 128, camera.pixel_scale[band]
    psf = shared_grid(size, scale).image(_psf(camera.psf_fwhm[band], size, scale), 65)
    flux = flux_from_magnitude(camera.depth[band])
    return float(flux / 5 * np.sqrt(np.sum(psf.astype(float) ** 2)))
