"""Surveys as deep as published: bands, pixels, PSF, noise of the sky, electrons."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from tfds_builders.simulation.fourier import Grid, moffat, shared_grid
from tfds_builders.surveys import survey

__all__ = ["NANOJANSKY_ZEROPOINT", "SURVEYS", "Camera", "Psf", "camera", "draw_psf", "nanojansky"]

# AB magnitude of one nanojansky.
NANOJANSKY_ZEROPOINT = 31.4

SURVEYS = ("hst", "lsst", "decals")


@dataclasses.dataclass(frozen=True)
class Camera:
    """Camera and depth of a survey.

    Attributes:
        name: Of the survey.
        bands: Blue to red.
        bandpasses: Names of the files in GalSim's share, of each band.
        pixel_scale: Arcsec per pixel.
        psf_fwhm: FWHM without the pixel, arcsec, of each band.
        psf_beta: Of the Moffat profile.
        psf_scatter: Of the FWHM from scene to scene, the same in all bands, standard deviation of
            its ln.
        depth: AB magnitude at five sigma, of each band.
        aperture: Radius (arcsec) of the aperture of the depth; 0 for a point source under the PSF.
        electrons: Per nanojansky, of each band.
        limits: i magnitudes of the brightest and of the faintest sources of a field by default:
            what saturates or fills a field, and what is lost in the noise.
        oversampling: Points per pixel and side on which images are drawn.
    """

    name: str
    bands: tuple[str, ...]
    bandpasses: tuple[str, ...]
    pixel_scale: float
    psf_fwhm: tuple[float, ...]
    psf_beta: float
    psf_scatter: float
    depth: tuple[float, ...]
    aperture: float
    electrons: tuple[float, ...]
    limits: tuple[float, float]
    oversampling: int = 1

    @property
    def noise_sigma(self) -> np.ndarray:
        """Noise of the sky, nanojansky per pixel, of each band.

        Under the PSF or in an aperture of n pixels:

            sigma = F / 5 sqrt(sum_pixels PSF^2),    sigma = F / (5 sqrt(n))
        """
        return _noise_sigma(self)

    def with_noise(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns an image with the noise of the sky and of its own photons.

        Gaussian, without correlation, rounded to a power of two (1/16 to 1/8 of the sky's noise,
        which adds at most 0.07 % to it), as the last digits of noise cannot be compressed.

        Args:
            image: (bands, rows, columns), nanojansky per pixel.
            rng: Source of the noise.
        """
        sky, electrons = (
            np.asarray(each, np.float32)[:, None, None]
            for each in (self.noise_sigma, self.electrons)
        )
        sigma = np.sqrt(sky**2 + np.maximum(image, 0) / electrons)
        noisy = image + sigma * rng.standard_normal(image.shape, np.float32)
        quantum = np.exp2(np.floor(np.log2(sky / 8)))
        return np.round(noisy / quantum) * quantum


@dataclasses.dataclass(frozen=True)
class Psf:
    """The PSF of one scene.

    Attributes:
        camera: Which one.
        fwhm: Without the pixel, arcsec, of each band.
    """

    camera: Camera
    fwhm: tuple[float, ...]

    def transforms(self, size: int) -> tuple[Grid, np.ndarray]:
        """Returns the grid of an image and the transforms of the PSFs with the pixel on it.

        Args:
            size: Pixels on a side of the image; the grid has `oversampling` times as many points.

        Returns:
            The grid, and (bands, ...) float32.
        """
        return _transforms(self, size)

    def image(self, transform: np.ndarray, size: int) -> np.ndarray:
        """Returns the pixels behind a transform, the origin in the centre of pixel size // 2.

        Args:
            transform: (bands, ...) on the grid of `transforms(size)`, PSF included.
            size: Pixels on a side, even.
        """
        grid, _ = self.transforms(size)
        step = self.camera.oversampling
        return grid.image(transform, grid.size)[..., ::step, ::step] * np.float32(step**2)

    def pixels(self, size: int) -> np.ndarray:
        """Returns the PSF with the pixel, flux 1 but for the wings, (bands, size, size).

        Args:
            size: Pixels on a side, odd.
        """
        side = size + size % 2 + 32
        _, transforms = self.transforms(side)
        first = side // 2 - size // 2
        return self.image(transforms, side)[:, first : first + size, first : first + size]


def draw_psf(camera: Camera, rng: np.random.Generator) -> Psf:
    """Draws the PSF of a scene, round, log-normal about the survey's."""
    fwhm = np.array(camera.psf_fwhm) * np.exp(camera.psf_scatter * rng.normal())
    return Psf(camera, tuple(map(float, fwhm)))


def nanojansky(magnitude: np.ndarray) -> np.ndarray:
    """Returns the flux (nanojansky) of AB magnitudes."""
    return 10 ** (0.4 * (NANOJANSKY_ZEROPOINT - np.asarray(magnitude)))


@functools.cache
def camera(name: str) -> Camera:
    """Returns the camera of one of `SURVEYS`.

    References:
        hst: CANDELS/Deep in GOODS-South on pixels of 0.06 arcsec. Depths in an aperture of 0.17
        arcsec and FWHM, rounded: Guo et al. 2013 (ApJS 207, 24), table 1. Zero-points: those of the
        instruments' handbooks. Exposure times: Grogin et al. 2011 (ApJS 197, 35) and, of V and z,
        Giavalisco et al. 2004 (ApJ 600, L93), about. The wings of the Moffat profile are ours.
        lsst: after ten years. Depths: Ivezic et al. 2019 (ApJ 873, 111), table 1; all else from
        `surveycodex`. beta as turbulence has it (Trujillo et al. 2001, MNRAS 328, 977).
        decals: pixels and PSFs: Dey et al. 2019 (AJ 157, 168). Depths of two exposures: Legacy
        Surveys DR9, "Description". Exposure times of two, about. Zero-points of DECam from
        `surveycodex`; bandpasses of LSST in place of DECam's.
    """
    if name == "hst":
        zeropoints, exposures = (26.49, 24.86, 26.23, 25.95), (7e3, 2e4, 1.1e4, 1.1e4)
        return Camera(
            name="CANDELS",
            bands=("V", "z", "J", "H"),
            bandpasses=("ACS_wfc_F606W", "ACS_wfc_F850LP", "WFC3_ir_F125W", "WFC3_ir_F160W"),
            pixel_scale=0.06,
            psf_fwhm=(0.09, 0.10, 0.16, 0.17),
            psf_beta=2.5,
            psf_scatter=0.01,
            depth=(29.35, 28.55, 28.34, 28.16),
            aperture=0.17,
            electrons=_electrons(zeropoints, exposures),
            limits=(19.0, 27.5),
            # The V band is not sampled by its pixels.
            oversampling=2,
        )
    if name == "lsst":
        lsst = survey("LSST")
        return Camera(
            name="LSST",
            bands=lsst.bands,
            bandpasses=tuple(f"LSST_{band}" for band in lsst.bands),
            pixel_scale=lsst.pixel_scale,
            psf_fwhm=lsst.psf_fwhm,
            psf_beta=4.765,
            psf_scatter=0.05,
            depth=(26.1, 27.4, 27.5, 26.8, 26.1, 24.9),
            aperture=0.0,
            electrons=_electrons(lsst.zeropoint, lsst.exposure_time),
            limits=(18.0, 26.5),
        )
    decam = survey("DES", ("g", "r", "z"))
    return Camera(
        name="DECaLS",
        bands=decam.bands,
        bandpasses=("LSST_g", "LSST_r", "LSST_z"),
        pixel_scale=0.262,
        psf_fwhm=(1.29, 1.18, 1.11),
        psf_beta=3.5,
        psf_scatter=0.08,
        depth=(24.7, 23.9, 23.0),
        aperture=0.0,
        electrons=_electrons(decam.zeropoint, (140.0, 100.0, 200.0)),
        limits=(17.0, 23.5),
    )


def _electrons(zeropoints: tuple[float, ...], exposures: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(
        float(10 ** (0.4 * (zeropoint - NANOJANSKY_ZEROPOINT)) * seconds)
        for zeropoint, seconds in zip(zeropoints, exposures, strict=True)
    )


# Each scene has a PSF of its own, on a grid of each size.
@functools.lru_cache(maxsize=12)
def _transforms(psf: Psf, size: int) -> tuple[Grid, np.ndarray]:
    camera = psf.camera
    step = camera.oversampling
    grid = shared_grid(size * step, camera.pixel_scale / step)
    pixel = grid.pixel
    if step > 1:
        x, y = np.fft.rfftfreq(grid.size)[None, :], np.fft.fftfreq(grid.size)[:, None]
        pixel = (np.sinc(step * x) * np.sinc(step * y)).astype(np.float32)
    profile = moffat(camera.psf_beta)
    return grid, np.stack(
        [profile(grid.stretched((fwhm**2, fwhm**2, 0.0))) * pixel for fwhm in psf.fwhm]
    )


@functools.cache
def _noise_sigma(camera: Camera) -> np.ndarray:
    flux = nanojansky(np.array(camera.depth))
    if camera.aperture:
        pixels = np.pi * (camera.aperture / camera.pixel_scale) ** 2
        return flux / (5 * np.sqrt(pixels))
    images = Psf(camera, camera.psf_fwhm).pixels(95).astype(np.float64)
    return flux / 5 * np.sqrt(np.sum(images**2, axis=(1, 2)))
