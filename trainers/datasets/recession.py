"""Galaxies moved to the redshift at which they are fainter by so many magnitudes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from trainers.errors import UserError

__all__ = ["TYPICAL", "Appearance", "Recession"]

# Nodes of the tables, uniform in the logarithm of the redshift.
_LEAST_REDSHIFT, _LARGEST_REDSHIFT, _NODES = 1e-3, 1.5, 400
# Those of the k-corrections, which are smooth.
_CORRECTED = np.linspace(0.0, _LARGEST_REDSHIFT, 31)
# Mixtures of two neighbouring templates, in steps.
_STEPS = 10
TYPICAL = "Sbc"
"""Spectrum of a galaxy without a colour."""


@dataclasses.dataclass(frozen=True)
class Appearance:
    """A galaxy after the move.

    Attributes:
        redshift: Of the galaxy; NaN if that before is not known.
        size_ratio: Angular size in units of that before, at most 1; 1 without a redshift.
        dimming: (bands,), mag.
    """

    redshift: tf.Tensor
    size_ratio: tf.Tensor
    dimming: tf.Tensor


class Recession:
    """Distances, k-corrections and evolution of galaxies by redshift and spectrum.

        m_b = M_b + DM(z) + K_b(z) - Q z

    A galaxy at z that is to be fainter by dm in the band of reference goes to the z' at which m of
    that band is larger by dm; its angular size follows the angular diameter distance, D(z) / D(z'),
    and the other bands their own k-corrections. Beyond z' = 1.5, where the distance hardly changes
    any more, galaxies are only dimmed further.

    Args:
        bands: Names of the bands of the images. K is 0 if one of them is none of u, g, r, i, z, y.
        evolution: Q, mag per unit of redshift.
        template: Name of the spectrum of all galaxies; empty for a mixture of two neighbouring
            templates, by the colour.

    Raises:
        UserError: if there is no such template.
    """

    def __init__(self, bands: Sequence[str], evolution: float, template: str = ""):
        # They import GalSim and Astropy's cosmology.
        from tfds_builders.simulation import k_corrections
        from tfds_builders.simulation.colours import TEMPLATES
        from tfds_builders.simulation.redshifts import COSMOLOGY

        if template and template not in TEMPLATES:
            raise UserError(
                f"`fade` template must be one of {', '.join(TEMPLATES)}; got '{template}'"
            )
        self.has_spectra = set(bands) <= set(k_corrections.BANDS)
        self.reference = bands.index("r") if "r" in bands else len(bands) // 2
        self.colour_bands = self._colour_bands(bands) if not template else None
        self._typical = TEMPLATES.index(template or TYPICAL) * _STEPS
        ln_redshifts = np.linspace(np.log(_LEAST_REDSHIFT), np.log(_LARGEST_REDSHIFT), _NODES)
        redshifts = np.exp(ln_redshifts)
        corrections = np.zeros((len(TEMPLATES), _NODES, len(bands)))
        rest = np.zeros((len(TEMPLATES), len(bands)))
        if self.has_spectra:
            nodes = k_corrections.k_corrections(bands, _CORRECTED)
            for place in np.ndindex(len(TEMPLATES), len(bands)):
                values = nodes[place[0], :, place[1]]
                corrections[place[0], :, place[1]] = np.interp(redshifts, _CORRECTED, values)
            rest = k_corrections.rest_magnitudes(bands)
        corrections, rest = _between(corrections), _between(rest)
        modulus = COSMOLOGY.distmod(redshifts).value - evolution * redshifts
        moduli = modulus[:, None] + corrections
        # Where evolution outruns the distance, the galaxy stays as faint as it was.
        brightness = np.maximum.accumulate(moduli[..., self.reference], axis=1)
        distance = COSMOLOGY.angular_diameter_distance(redshifts).value
        self._ln_redshifts = tf.constant(ln_redshifts, tf.float32)
        self._ln_distance = tf.constant(np.log(distance), tf.float32)
        self._moduli = tf.constant(moduli, tf.float32)
        self._brightness = tf.constant(brightness, tf.float32)
        if self.colour_bands is not None:
            first, second = self.colour_bands
            colours = corrections + rest[:, None]
            colours = colours[..., first] - colours[..., second]
            self._colours = tf.constant(colours.T, tf.float32)

    def move(self, redshift: tf.Tensor, colour: tf.Tensor, dimming: tf.Tensor) -> Appearance:
        """Moves one galaxy away.

        Args:
            redshift: Scalar; NaN or not positive where it is not known, and then the galaxy is
                dimmed alone.
            colour: Scalar, magnitude in the first minus that in the second of `colour_bands`; NaN
                for a typical spectrum.
            dimming: Scalar, in the band of reference, mag, at least 0.
        """
        has_redshift = redshift > 0
        ln_redshift = tf.math.log(tf.where(has_redshift, redshift, 0.1))
        place = (ln_redshift - self._ln_redshifts[0]) / self._step
        spectrum = self._spectrum(place, colour)
        brightness = self._brightness[spectrum]
        wanted = _at(brightness, place) + dimming
        above = tf.searchsorted(brightness, wanted[None], side="left")[0]
        above = tf.clip_by_value(above, 1, _NODES - 1)
        low, high = brightness[above - 1], brightness[above]
        share = tf.clip_by_value(tf.math.divide_no_nan(wanted - low, high - low), 0.0, 1.0)
        # Never nearer, whatever the rounding.
        new_place = tf.maximum(tf.cast(above - 1, tf.float32) + share, place)
        moduli = self._moduli[spectrum]
        fainter = _at(moduli, new_place) - _at(moduli, place)
        by_band = fainter + (dimming - fainter[self.reference])
        ratio = tf.exp(_at(self._ln_distance, place) - _at(self._ln_distance, new_place))
        new_redshift = tf.exp(self._ln_redshifts[0] + self._step * new_place)
        moves = has_redshift & (dimming > 0)
        return Appearance(
            tf.where(moves, new_redshift, redshift),
            tf.where(moves, tf.minimum(ratio, 1.0), 1.0),
            tf.where(moves, by_band, dimming * tf.ones_like(by_band)),
        )

    @property
    def _step(self) -> tf.Tensor:
        return self._ln_redshifts[1] - self._ln_redshifts[0]

    def _colour_bands(self, bands: Sequence[str]) -> tuple[int, int] | None:
        if not self.has_spectra or len(bands) < 2:
            return None
        if {"g", "r"} <= set(bands):
            return bands.index("g"), bands.index("r")
        return 0, len(bands) - 1

    def _spectrum(self, place: tf.Tensor, colour: tf.Tensor) -> tf.Tensor:
        if self.colour_bands is None:
            return tf.constant(self._typical)
        nearest = tf.argmin(tf.abs(_at(self._colours, place) - colour), output_type=tf.int32)
        return tf.where(tf.math.is_finite(colour), nearest, self._typical)


def _between(values: np.ndarray) -> np.ndarray:
    """Returns values of templates also for mixtures of neighbours, along the first axis."""
    number = (len(values) - 1) * _STEPS + 1
    place = np.arange(number) / _STEPS
    first = np.minimum(place.astype(int), len(values) - 2)
    share = (place - first).reshape(-1, *[1] * (values.ndim - 1))
    return (1 - share) * values[first] + share * values[first + 1]


def _at(values: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Returns values between the nodes along the first axis, at one place."""
    place = tf.clip_by_value(place, 0.0, _NODES - 1.0)
    below = tf.minimum(tf.cast(place, tf.int32), _NODES - 2)
    share = place - tf.cast(below, tf.float32)
    return (1 - share) * values[below] + share * values[below + 1]
