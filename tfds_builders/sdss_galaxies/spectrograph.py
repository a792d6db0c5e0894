"""Spectra as a spectrograph records them: coverage, noise, sky residuals, bad pixels."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from tfds_builders.choices import unknown_choice
from tfds_builders.sdss_galaxies.wavelengths import REST_FRAME

__all__ = ["BAD", "MASK_BITS", "NO_DATA", "SKY", "SPECTROGRAPHS", "Spectrograph", "spectrograph"]

NO_DATA, BAD, SKY = 1, 2, 4
MASK_BITS = {"no_data": NO_DATA, "bad_pixel": BAD, "sky_line": SKY}
"""Bits of the masks: outside the spectrograph's range or in a missing arm; cosmic rays and defects;
residuals of a bright sky line."""

_PIXEL = 69.0  # km/s, of the spectra of SDSS and BOSS.
# Standard deviation of sky and readout in such a pixel, 1e-17 erg / (s cm2 A), at wavelengths in A:
# medians of spectra of the main sample (45 minutes).
_NOISE_NODES = (3600, 3800, 4000, 4300, 4700, 5200, 6000, 7000, 7600, 8200, 8800, 9200, 10400)
_NOISE = (3.2, 2.1, 1.5, 1.15, 0.95, 0.85, 0.78, 0.75, 0.85, 1.0, 1.2, 1.6, 3.0)
# Flux whose photons alone give a signal-to-noise ratio of sqrt(flux) times this one in a pixel.
_PHOTONS = 30.0
# Bright lines of the night sky, A in vacuum, and the residuals in sigma from which they are masked.
_SKY_LINES = (5578.9, 5891.6, 6302.1, 6365.5)
_MASKED_RESIDUAL = 5.0
# Bands of OH lines, A, and their mean excess noise.
_OH_BANDS = (
    (6830, 6990, 0.3),
    (7240, 7480, 0.6),
    (7710, 8070, 0.9),
    (8280, 8540, 1.2),
    (8750, 9110, 1.5),
    (9300, 10150, 1.8),
)
_EXPOSURE_SCATTER = 0.15
# Shares of spectra that lose an arm, and mean numbers of runs of bad pixels in a spectrum.
_MISSING_ARM = 0.01
_BAD_RUNS, _LONGEST_RUN = 1.5, 12


@dataclasses.dataclass(frozen=True)
class Spectrograph:
    """A fibre spectrograph with two arms.

    Attributes:
        name: Of the survey.
        first: Least wavelength, A in vacuum.
        last: Greatest wavelength, A.
        dichroic: Where the arms meet, A.
        fibre_radius: Arcsec.
    """

    name: str
    first: float
    last: float
    dichroic: float
    fibre_radius: float

    def observe(
        self, spectrum: np.ndarray, redshift: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns a spectrum with noise, its inverse variance and its mask.

        Residuals of OH lines are not in the variance, as those of real spectra are not; masked bins
        have zeros in flux and inverse variance.

        Args:
            spectrum: (bins of `REST_FRAME`,), observed F_lambda in 1e-17 erg / (s cm2 A), in the
                fibre.
            redshift: Of the galaxy.
            rng: Source of the noise.

        Returns:
            Flux and inverse variance, float32, and mask, uint8, of the shape of the spectrum.
        """
        observed = REST_FRAME.centres * (1 + redshift)
        wavelength, noise, excess = _sky()
        pixels = REST_FRAME.velocity / _PIXEL
        depth = np.exp(_EXPOSURE_SCATTER * rng.standard_normal())
        place = np.clip(np.searchsorted(wavelength, observed), 0, len(wavelength) - 1)
        sigma = depth * noise[place]
        variance = (sigma**2 + np.maximum(spectrum, 0) / _PHOTONS) / pixels
        excess = excess[place] * sigma / np.sqrt(pixels)
        # OH lines rise and fall together.
        residual = excess * (0.3 * rng.standard_normal() + 0.3 * rng.standard_normal(len(observed)))
        mask = np.zeros(len(observed), np.uint8)
        for line in _SKY_LINES:
            near = np.abs(observed - line) < 0.75 * REST_FRAME.velocity / 3e5 * line
            strength = 6.0 * rng.standard_normal()
            residual[near] += strength * np.sqrt(variance[near])
            mask[near] |= np.uint8(SKY * (abs(strength) > _MASKED_RESIDUAL))
        for _ in range(rng.poisson(_BAD_RUNS)):
            start = rng.integers(len(observed))
            mask[start : start + rng.integers(1, _LONGEST_RUN)] |= BAD
        mask[(observed < self.first) | (observed > self.last)] |= NO_DATA
        if rng.random() < _MISSING_ARM:
            is_blue = observed < self.dichroic
            mask[is_blue if rng.random() < 0.5 else ~is_blue] |= NO_DATA
        flux = spectrum + residual + np.sqrt(variance) * rng.standard_normal(len(observed))
        good = mask == 0
        return (
            np.where(good, flux, 0).astype(np.float32),
            np.where(good, 1 / variance, 0).astype(np.float32),
            mask,
        )


SPECTROGRAPHS = {
    "sdss": Spectrograph("sdss", 3800.0, 9200.0, 6000.0, 1.5),
    "boss": Spectrograph("boss", 3600.0, 10400.0, 6200.0, 1.0),
}


def spectrograph(name: str) -> Spectrograph:
    """Returns a spectrograph.

    Raises:
        ValueError: if there is none of this name.
    """
    if name not in SPECTROGRAPHS:
        raise ValueError(unknown_choice("spectrograph", name, SPECTROGRAPHS))
    return SPECTROGRAPHS[name]


@functools.cache
def _sky() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns wavelengths, the noise there, and the strength of the OH lines relative to it."""
    wavelength = np.geomspace(3000, 16000, 1 + int(np.log(16 / 3) * 3e5 / _PIXEL))
    noise = np.interp(wavelength, _NOISE_NODES, _NOISE)
    excess = np.zeros_like(wavelength)
    # One sky for all: the lines stand where they do.
    rng = np.random.default_rng(2020)
    for low, high, mean in _OH_BANDS:
        members = np.flatnonzero((wavelength > low) & (wavelength < high))
        lines = rng.choice(members, len(members) // 5, replace=False)
        excess[lines] += mean * rng.exponential(size=len(lines))
    return wavelength, noise * np.sqrt(1 + excess), excess
