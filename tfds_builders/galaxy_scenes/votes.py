"""Votes of people who classify sources by eye, from what the survey lets them see."""

from __future__ import annotations

import numpy as np
import scipy.special

from tfds_builders.galaxy_scenes.sources import CLASSES, Source

__all__ = ["VOTERS", "draw_votes", "vote_probabilities"]

VOTERS = 10

# Shares of the light in spheroid and in clumps at which as many would decide either way.
_HALF_BULGE, _HALF_CLUMPS = 0.5, 0.2
# In units of the FWHM: half-light radius at which half take a galaxy for a point.
_HALF_POINT = 0.12
# Signal-to-noise ratio at which half of the voters guess.
_GUESSED = 5.0


def vote_probabilities(source: Source, fwhm: float, snr: float) -> np.ndarray:
    """Returns the probability of each vote, (4,), in the order of `CLASSES`.

    People vote for a point source if the source is not resolved; else for an irregular galaxy if it
    has clumps; else for a spheroid or a disk by the share of the bulge. The further the survey is
    from resolving a galaxy, the less decided they are, and some guess where there is much noise:

        p = (1 - g) p_seen + g / 4,    g = 1 / (1 + (snr / 5)^2)

    The logistic functions and their numbers are ours.

    Args:
        source: The source.
        fwhm: Of the PSF, arcsec.
        snr: Of a matched filter.
    """
    size = source.half_light_radius / fwhm
    # From a blurred galaxy much of the difference is lost.
    clarity = size / (size + 0.5)
    point = scipy.special.expit((_HALF_POINT - size) / 0.04)
    clumpy = scipy.special.expit(12 * clarity * (source.clump_fraction - _HALF_CLUMPS) / 0.5 - 1)
    bulge = scipy.special.expit(12 * clarity * (source.bulge_fraction - _HALF_BULGE))
    seen = np.array([(1 - clumpy) * bulge, (1 - clumpy) * (1 - bulge), clumpy, 0.0]) * (1 - point)
    seen[CLASSES.index("point_source")] = point
    guessing = 1 / (1 + (snr / _GUESSED) ** 2)
    return (1 - guessing) * seen + guessing / 4


def draw_votes(rng: np.random.Generator, source: Source, fwhm: float, snr: float) -> np.ndarray:
    """Draws the shares of `VOTERS` votes, (4,) float32."""
    probabilities = vote_probabilities(source, fwhm, snr)
    votes = rng.multinomial(VOTERS, probabilities / probabilities.sum())
    return (votes / VOTERS).astype(np.float32)
