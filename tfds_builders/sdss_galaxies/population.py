"""Galaxies with correlated luminosities, stars, dust, gas, nuclei and shapes."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.special import expit, ndtri

from tfds_builders.sdss_galaxies.emission_lines import LineRatios, mixed_ratios
from tfds_builders.simulation.redshifts import COSMOLOGY, FluxLimitedSample

__all__ = ["NUM_DRAWS", "Galaxies", "draw_galaxies"]

NUM_DRAWS = 40
"""Random numbers of a galaxy, uniform between 0 and 1."""

# Galaxies with a broad-line nucleus, and other nuclei among galaxies with and without young stars.
_BROAD_SHARE = 0.04
_NUCLEUS_SHARE = {"young": 0.28, "old": 0.16}
# Shares of nuclei that are Seyfert galaxies, by how the host forms stars; others are LINERs.
_SEYFERT_SHARE = {"young": 0.60, "old": 0.15}
# Galactic reddening (Hayat et al. 2021 draw it so): sigma and median of a log-normal distribution.
_GALACTIC_SCATTER, _GALACTIC_MEDIAN = 0.67, 0.033
_INTRINSIC_FLATNESS = 0.2


@dataclasses.dataclass(frozen=True)
class Galaxies:
    """Galaxies, (objects,) each unless stated.

    Attributes:
        redshift: Of the spectrum.
        magnitude: Apparent r, mag, before extinction in the Galaxy.
        weights: (objects, templates), shares of the starlight in r.
        metallicity: Strength of the metal lines, relative.
        balmer: Strength of the Balmer absorption lines, relative.
        reddening: E(B-V) of the stars, mag.
        gas_reddening: E(B-V) of the gas, mag.
        galactic_reddening: E(B-V) in the Galaxy, mag.
        dispersion: Of the stellar velocities, km/s.
        gas_dispersion: Of the gas velocities, km/s.
        h_alpha_width: Equivalent width of narrow H alpha against the starlight, A.
        ratios: Of the narrow lines.
        is_broad: Whether there is a broad-line nucleus.
        broad_width: Equivalent width of broad H alpha, A; 0 without one.
        broad_dispersion: Standard deviation of the broad lines, km/s.
        nucleus_share: Share of light of the continuum of the nucleus at 5100 A.
        half_light_radius: Of all light, circularised, arcsec.
        axis_ratio: Of the disk, b / a.
        position_angle: Radians.
    """

    redshift: np.ndarray
    magnitude: np.ndarray
    weights: np.ndarray
    metallicity: np.ndarray
    balmer: np.ndarray
    reddening: np.ndarray
    gas_reddening: np.ndarray
    galactic_reddening: np.ndarray
    dispersion: np.ndarray
    gas_dispersion: np.ndarray
    h_alpha_width: np.ndarray
    ratios: LineRatios
    is_broad: np.ndarray
    broad_width: np.ndarray
    broad_dispersion: np.ndarray
    nucleus_share: np.ndarray
    half_light_radius: np.ndarray
    axis_ratio: np.ndarray
    position_angle: np.ndarray

    def __len__(self) -> int:
        return len(self.redshift)


class _Numbers:
    """Random numbers of many objects, one column after the other."""

    def __init__(self, uniform: np.ndarray):
        self._columns = iter(np.clip(uniform.T, 1e-9, 1 - 1e-9))

    def uniform(self) -> np.ndarray:
        return next(self._columns)

    def normal(self, mean: np.ndarray | float = 0.0, scatter: float = 1.0) -> np.ndarray:
        return mean + scatter * ndtri(next(self._columns))


def draw_galaxies(uniform: np.ndarray, sample: FluxLimitedSample) -> Galaxies:
    """Returns galaxies that follow from random numbers, each from its own.

    Args:
        uniform: (objects, `NUM_DRAWS`), between 0 and 1.
        sample: Redshifts and magnitudes.
    """
    draw = _Numbers(uniform)
    redshift, magnitude = sample.draw(draw.uniform(), draw.uniform())
    # 0 at M_r = -21, positive for more luminous galaxies.
    bright = -21.0 - sample.absolute_magnitude(redshift, magnitude)
    is_old = draw.uniform() < 0.08 + 0.70 * expit((bright - 0.1) / 0.8)
    weights = _weights(draw, bright, is_old)
    old_share = weights[:, 0]
    metallicity = np.clip(draw.normal(0.14 * bright, 0.12), -0.9, 0.45)
    cosine = draw.uniform()
    flat = np.sqrt(_INTRINSIC_FLATNESS**2 + (1 - _INTRINSIC_FLATNESS**2) * cosine**2)
    axis_ratio = np.where(is_old, 0.45 + 0.55 * np.sqrt(cosine), flat)
    dust = np.abs(draw.normal(0.24 + 0.12 * metallicity, 0.12)) * (0.6 + 0.9 * (1 - axis_ratio))
    gas_reddening = np.where(is_old, 0.15 * dust, dust)

    later = weights[:, 2] + 2 * weights[:, 3]
    forming = 10 ** draw.normal(1.30 + 0.35 * later, 0.26) * (1 - old_share)
    retired = 10 ** draw.normal(-0.45, 0.25)
    ratios, h_alpha, has_nucleus, is_broad = _gas(
        draw, metallicity, is_old, old_share, np.where(is_old, retired, forming)
    )
    # Nuclei blur the narrow lines; broad ones are 2000 to 8000 km/s wide (FWHM).
    gas = np.where(has_nucleus | is_broad, draw.normal(2.25, 0.12), draw.normal(1.95, 0.12))
    broad = 10 ** np.clip(draw.normal(3.18, 0.14), 2.93, 3.53)
    broad_width = np.where(is_broad, 10 ** draw.normal(2.0, 0.22), 0.0)
    nucleus = np.where(is_broad, 0.1 + 0.7 * draw.uniform(), 0.0)
    dispersion = np.clip(
        10 ** draw.normal(2.22 + 0.10 * bright, 0.08) * (0.65 + 0.35 * old_share), 50, 400
    )
    return Galaxies(
        redshift=redshift,
        magnitude=magnitude,
        weights=weights,
        metallicity=10 ** (0.45 * metallicity),
        balmer=10 ** draw.normal(0.0, 0.10),
        reddening=0.44 * gas_reddening,
        gas_reddening=gas_reddening,
        galactic_reddening=_GALACTIC_MEDIAN * np.exp(draw.normal(0.0, _GALACTIC_SCATTER)),
        dispersion=dispersion,
        gas_dispersion=np.clip(10**gas, 40, 400),
        h_alpha_width=h_alpha,
        ratios=ratios,
        is_broad=is_broad,
        broad_width=broad_width,
        broad_dispersion=broad,
        nucleus_share=nucleus,
        half_light_radius=_size(draw, redshift, bright, old_share),
        axis_ratio=axis_ratio,
        position_angle=np.pi * draw.uniform(),
    )


def _weights(draw: _Numbers, bright: np.ndarray, is_old: np.ndarray) -> np.ndarray:
    """Returns the shares of the templates in the starlight."""
    bulge = draw.uniform()
    old_share = np.where(
        is_old, 1 - 0.30 * bulge**2, np.clip(0.75 * bulge**1.3 + 0.06 * bright, 0.0, 0.75)
    )
    # Between the templates 1 (Sbc), 2 (Scd) and 3 (Im); fainter disks are of later types.
    kind = np.clip(draw.normal(1.75 - 0.25 * bright, 0.40), 1.0, 3.0)
    kind = np.where(is_old, np.clip(kind - 0.8, 1.0, 3.0), kind)
    nodes = np.arange(1, 4)
    disk = np.maximum(1 - np.abs(kind[:, None] - nodes), 0)
    return np.concatenate([old_share[:, None], (1 - old_share)[:, None] * disk], axis=1)


def _gas(
    draw: _Numbers,
    metallicity: np.ndarray,
    is_old: np.ndarray,
    old_share: np.ndarray,
    width: np.ndarray,
) -> tuple[LineRatios, np.ndarray, np.ndarray, np.ndarray]:
    """Returns ratios, equivalent width of H alpha, and whether there are nuclei and broad lines."""
    # Star formation lies along the curve of Kewley et al. 2013 (ApJ 774, 100), equation 3.
    nitrogen = np.clip(draw.normal(-0.56 + 0.62 * metallicity, 0.05), -1.6, -0.33)
    oxygen = draw.normal(0.61 / (nitrogen + 0.08) + 1.1, 0.09)
    stars = LineRatios(
        nitrogen=nitrogen,
        oxygen=oxygen,
        sulphur=draw.normal(-0.45 - 0.15 * metallicity, 0.06),
        neutral=draw.normal(-1.55 - 0.2 * metallicity, 0.08),
        doublet=draw.normal(0.42 - 0.45 * metallicity, 0.10),
    )
    is_seyfert = draw.uniform() < np.where(is_old, _SEYFERT_SHARE["old"], _SEYFERT_SHARE["young"])
    is_broad = draw.uniform() < _BROAD_SHARE
    is_seyfert |= is_broad

    def either(seyfert: float, liner: float, scatter: float) -> np.ndarray:
        return draw.normal(np.where(is_seyfert, seyfert, liner), scatter)

    nucleus = LineRatios(
        nitrogen=either(0.02, 0.16, 0.09),
        oxygen=either(0.92, 0.26, 0.10),
        sulphur=either(-0.20, 0.06, 0.07),
        neutral=either(-0.95, -0.55, 0.09),
        doublet=either(0.35, 0.75, 0.10),
    )
    # More often where there is a bulge.
    chance = np.where(
        is_old, _NUCLEUS_SHARE["old"], _NUCLEUS_SHARE["young"] * np.minimum(0.4 + 2 * old_share, 2)
    )
    has_nucleus = draw.uniform() < chance
    share = np.where(is_old, 1.0, np.where(is_broad, 0.85, 0.04 + 0.9 * draw.uniform() ** 1.5))
    share = np.where(has_nucleus | is_broad | is_old, share, 0.0)
    # Without a nucleus, old stars ionise the little gas there is, with the ratios of a LINER.
    active = 10 ** draw.normal(0.68, 0.16)
    width = np.where((has_nucleus | is_broad) & is_old, active, width * (1 + 1.5 * share * ~is_old))
    return mixed_ratios(stars, nucleus, share), width, has_nucleus, is_broad


def _size(
    draw: _Numbers, redshift: np.ndarray, bright: np.ndarray, old_share: np.ndarray
) -> np.ndarray:
    """Returns half-light radii, arcsec, with the slopes of Shen et al. 2003 (MNRAS 343, 978)."""
    early = 4.2 * 10 ** (0.25 * bright)
    late = 5.6 * 10 ** (0.15 * bright)
    scatter = np.exp(draw.normal(0.0, 0.33))
    radius = early**old_share * late ** (1 - old_share) * scatter
    scale = COSMOLOGY.arcsec_per_kpc_proper(redshift).value
    return np.clip(radius * scale, 0.3, 12.0)
