"""Gaussian lines integrated over bins of wavelength."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from tfds_builders.sdss_galaxies.wavelengths import Bins

__all__ = ["add_lines"]

# Standard deviations at which a line ends.
_REACH = 5.0


def add_lines(
    spectra: np.ndarray,
    bins: Bins,
    wavelengths: np.ndarray,
    strengths: np.ndarray,
    widths: np.ndarray,
) -> None:
    """Adds lines to spectra in place, each the mean of its profile over every bin.

        spectrum_b += strength (Phi((b + 1 - x) / s) - Phi((b - x) / s)) / width_b

    with x and s the centre and standard deviation in units of bins. A line that is narrower than a
    bin keeps its flux, wherever in the bin it lies.

    Args:
        spectra: (objects, bins), per A.
        bins: Of the spectra.
        wavelengths: (lines,), A.
        strengths: (objects, lines), integrals over wavelength.
        widths: (objects, lines), standard deviations in km/s, above 0.
    """
    sigma = widths / bins.velocity
    half = int(np.ceil(_REACH * sigma.max())) + 1
    centres = bins.place(wavelengths)
    for line, centre in enumerate(centres):
        start = max(int(centre) - half, 0)
        stop = min(int(centre) + half + 1, bins.number)
        if start >= stop:
            continue
        edges = np.arange(start, stop + 1)
        # Clipped, so that a line does not depend on how far wider ones reach.
        deviation = np.clip((edges - centre) / sigma[:, line, None], -_REACH, _REACH)
        share = np.diff(ndtr(deviation), axis=1)
        share *= strengths[:, line, None] / bins.widths[start:stop]
        spectra[:, start:stop] += share
