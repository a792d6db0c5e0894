"""PSF and model fluxes measured on noisy stamps, after the SDSS pipeline's."""

from __future__ import annotations

import functools

import galsim
import numpy as np
import scipy.fft

from tfds_builders.simulation.observation import Field
from tfds_builders.surveys import Survey

__all__ = ["measure_fluxes"]

# Models: half-light radii (arcsec), axis ratios, position angles; exponential, de Vaucouleurs.
_RADII = np.geomspace(0.12, 5.0, 11)
_AXIS_RATIOS = (0.7, 0.4)
_ANGLES = np.pi * np.arange(4) / 4
# Pixels farther than this from the centre, arcsec, are left to the neighbours.
_APERTURE = 4.0
# How far, in pixels, the centroid may lie from the centre.
_SEARCH = 2


def measure_fluxes(
    stamp: np.ndarray, field: Field, survey: Survey
) -> tuple[np.ndarray, np.ndarray]:
    """Measures the fluxes of the central object by PSF and by galaxy model.

    Centroid: maximum of the r image correlated with the PSF, to a fraction of a pixel. PSF flux:
    the least-squares amplitude of the PSF there (matched filter). Model flux: the amplitude of the
    point, exponential or de Vaucouleurs model, convolved with the PSF, that fits the r image best;
    its shape is kept in the other bands. Both are linear in the image and may be negative.

    Departures from SDSS: shapes come from a grid; neighbours are left out by an aperture of 4
    arcsec instead of deblending; the PSF is known exactly.

    Args:
        stamp: (size, size, bands), nanomaggies per pixel.
        field: For its PSF.
        survey: For its pixel scale; has a band r.

    Returns:
        PSF fluxes and model fluxes, (bands,) each, nanomaggies.

    References:
        Stoughton et al. 2002, AJ 123, 485, section 4.4.5; Lupton et al. 2001, ADASS X, 269.
    """
    size = stamp.shape[0]
    r = survey.bands.index("r")
    models, squares = _models(field, survey, size)
    transforms = scipy.fft.rfft2(np.ascontiguousarray(np.moveaxis(stamp, -1, 0), np.float32))
    y, x = _centroid(transforms[r] * np.conj(_psf_transforms(field, survey, size)[r]), size)
    along_y = np.exp(2j * np.pi * y * np.fft.fftfreq(size)).astype(np.complex64)
    along_x = np.exp(2j * np.pi * x * np.fft.rfftfreq(size)).astype(np.complex64)
    centred = scipy.fft.irfft2(transforms * (along_y[:, None] * along_x), s=(size, size))
    pixels = centred[:, _aperture(survey.pixel_scale, size)]
    products = models[r] @ pixels[r]
    gain = np.where(products > 0, products**2 / squares[r], -1.0)
    psf_flux, model_flux = (
        np.sum(models[:, shape] * pixels, axis=1, dtype=np.float64) / squares[:, shape]
        for shape in (0, int(np.argmax(gain)))
    )
    return psf_flux, model_flux


def _centroid(match: np.ndarray, size: int) -> tuple[float, float]:
    """Returns (y, x), pixels from the centre, where the matched filter peaks.

    Args:
        match: Transform of the image times the conjugate of that of the PSF.
        size: Pixels on a side.
    """
    image = scipy.fft.irfft2(match, s=(size, size))
    reach = np.arange(-_SEARCH - 1, _SEARCH + 2)
    window = image[np.ix_(reach, reach)]
    row, column = np.unravel_index(np.argmax(window[1:-1, 1:-1]), (2 * _SEARCH + 1,) * 2)
    row, column = row + 1, column + 1
    y = _vertex(window[row - 1 : row + 2, column])
    x = _vertex(window[row, column - 1 : column + 2])
    return reach[row] + y, reach[column] + x


def _vertex(values: np.ndarray) -> float:
    """Returns where a parabola through three values at -1, 0, 1 peaks, within half a step."""
    left, middle, right = values
    curvature = left - 2 * middle + right
    if curvature >= 0:
        return 0.0
    return float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5))


@functools.cache
def _aperture(pixel_scale: float, size: int) -> np.ndarray:
    offset = (np.arange(size) - (size - 1) / 2) * pixel_scale
    return np.hypot(offset[:, None], offset[None, :]) <= _APERTURE


@functools.cache
def _psf_transforms(field: Field, survey: Survey, size: int) -> np.ndarray:
    images = [
        field.psf(band)
        .drawImage(nx=size, ny=size, scale=survey.pixel_scale, method="no_pixel")
        .array.astype(np.float64)
        for band in range(len(survey.bands))
    ]
    transforms = [scipy.fft.rfft2(image / image.sum()) for image in images]
    return np.stack(transforms).astype(np.complex64)


@functools.cache
def _models(field: Field, survey: Survey, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns models of flux 1, the first of which is the PSF, and their sums of squares.

    Returns:
        (bands, models, pixels in the aperture) float32 and (bands, models).
    """
    intrinsic = np.concatenate(
        [np.ones((1, size, size // 2 + 1)), _intrinsic_transforms(survey.pixel_scale, size)]
    )
    aperture = _aperture(survey.pixel_scale, size)
    models = [
        scipy.fft.irfft2(intrinsic * psf, s=(size, size), axes=(1, 2))[:, aperture]
        for psf in _psf_transforms(field, survey, size)
    ]
    images = np.stack(models).astype(np.float32)
    return images, np.sum(images**2, axis=-1)


@functools.cache
def _intrinsic_transforms(pixel_scale: float, size: int) -> np.ndarray:
    """Returns the Fourier transforms of the galaxy models, centred, without a PSF."""
    shapes = [galsim.Shear()]
    shapes += [
        galsim.Shear(q=q, beta=angle * galsim.radians) for q in _AXIS_RATIOS for angle in _ANGLES
    ]
    step = 2 * np.pi / (size * pixel_scale)
    transforms = []
    for profile in (galsim.Exponential, galsim.DeVaucouleurs):
        for radius in _RADII:
            for shape in shapes:
                model = profile(half_light_radius=float(radius)).shear(shape)
                image = model.drawKImage(nx=size, ny=size, scale=step).array.real
                transforms.append(np.fft.ifftshift(image)[:, : size // 2 + 1])
    return np.stack(transforms)
