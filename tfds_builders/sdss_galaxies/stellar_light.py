"""Spectra of stars in galaxies: templates, with absorption lines of the galaxy's own width."""

from __future__ import annotations

import functools

import galsim
import numpy as np

from tfds_builders.sdss_galaxies.line_profiles import add_lines
from tfds_builders.sdss_galaxies.wavelengths import WIDE
from tfds_builders.simulation.colours import TEMPLATES

__all__ = ["absorption_profiles", "stellar_spectra"]

# Emission of the templates themselves, A, to be replaced by the continuum beside it; and the
# artefact in that of the Sbc galaxy.
_EMISSION = ((3640.0, 3800.0), (4800.0, 5090.0), (5320.0, 5560.0))
# The one without emission lines.
_OLD = TEMPLATES.index("E")
# Where templates are normalised to a mean of 1, A (the r band).
_REFERENCE = (5600.0, 6900.0)

# Wavelength in vacuum (A), equivalent width (A) in old stars, intrinsic standard deviation (km/s).
# The templates, of 40 A a pixel, hold the broad depressions; these are the lines in them, sized to
# spectra of SDSS galaxies.
_METAL_LINES = (
    (3736.0, 3.0, 900.0),
    (3832.0, 5.0, 900.0),
    (3934.8, 6.5, 700.0),
    (3969.6, 6.0, 700.0),
    (4228.0, 1.4, 450.0),
    (4304.6, 5.5, 800.0),
    (4384.6, 3.6, 600.0),
    (4456.0, 1.2, 450.0),
    (4532.0, 2.4, 800.0),
    (4669.0, 3.6, 900.0),
    (5016.0, 2.6, 700.0),
    (5176.0, 4.6, 800.0),
    (5271.0, 2.8, 600.0),
    (5329.0, 2.4, 500.0),
    (5406.0, 1.4, 450.0),
    (5709.0, 0.9, 400.0),
    (5782.0, 0.7, 400.0),
    (5894.6, 3.8, 350.0),
    (6191.0, 2.2, 1600.0),
    (6497.0, 1.0, 400.0),
    (7060.0, 3.0, 1500.0),
    (7190.0, 6.0, 1600.0),
    (7700.0, 4.0, 2200.0),
    (8185.0, 1.2, 500.0),
)
_BALMER_LINES = (
    (3751.2, 3.0, 450.0),
    (3771.7, 4.0, 500.0),
    (3798.9, 5.5, 550.0),
    (3836.5, 6.5, 600.0),
    (3890.2, 7.0, 650.0),
    (3971.2, 7.5, 700.0),
    (4102.9, 7.5, 750.0),
    (4341.7, 7.0, 700.0),
    (4862.7, 6.5, 600.0),
    (6564.6, 4.0, 450.0),
)
# Their strengths in the light of each template.
_METALS = np.array([1.0, 0.55, 0.30, 0.10])
_BALMER = np.array([0.12, 0.45, 0.85, 0.65])


def absorption_profiles(dispersion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the share of light that metal lines of old stars and Balmer lines take.

    Args:
        dispersion: (objects,), standard deviation of stellar velocities and instrument, km/s.

    Returns:
        Two arrays (objects, bins of `WIDE`).
    """
    profiles = []
    for table in (_METAL_LINES, _BALMER_LINES):
        wavelengths, strengths, widths = np.array(table).T
        depth = np.zeros((len(dispersion), WIDE.number))
        total = np.hypot(widths, dispersion[:, None])
        add_lines(depth, WIDE, wavelengths, np.broadcast_to(strengths, total.shape), total)
        profiles.append(depth)
    return profiles[0], profiles[1]


def stellar_spectra(
    weights: np.ndarray, metallicity: np.ndarray, balmer: np.ndarray, dispersion: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the light of the old stars and of all others, without dust.

        sum_k w_k T_k (1 - a m_k M - c b_k B)

    T_k are templates of Coleman, Wu & Weedman (1980), normalised in r, M and B the profiles of
    absorption lines.

    Args:
        weights: (objects, templates), shares of the light in r.
        metallicity: (objects,), factor a of the metal lines.
        balmer: (objects,), factor c of the Balmer lines: the larger, the more stars of the age at
            which they are strongest.
        dispersion: (objects,), km/s.

    Returns:
        Two arrays (objects, bins of `WIDE`), per A.
    """
    templates = _templates()
    metal_lines, balmer_lines = absorption_profiles(dispersion)
    metal_lines *= metallicity[:, None]
    balmer_lines *= balmer[:, None]
    parts = []
    for members in ([_OLD], [k for k in range(len(TEMPLATES)) if k != _OLD]):
        # Not a product of matrices, whose rounding depends on the processor.
        light, metals, hydrogen = (
            np.einsum("nk,kl->nl", weights[:, members] * factor[members], templates[members])
            for factor in (np.ones(len(TEMPLATES)), _METALS, _BALMER)
        )
        parts.append(light - metal_lines * metals - balmer_lines * hydrogen)
    return parts[0], parts[1]


@functools.cache
def _templates() -> np.ndarray:
    """Returns the templates, (templates, bins of `WIDE`), without emission lines."""
    wavelength = WIDE.centres
    reference = (wavelength > _REFERENCE[0]) & (wavelength < _REFERENCE[1])
    templates = []
    for index, name in enumerate(TEMPLATES):
        sed = galsim.SED(f"CWW_{name}_ext.sed", wave_type="Ang", flux_type="flambda")
        # GalSim counts photons per nm.
        light = sed(wavelength / 10) / wavelength
        if index != _OLD:
            for low, high in _EMISSION:
                emits = (wavelength > low) & (wavelength < high)
                light[emits] = np.interp(wavelength[emits], wavelength[~emits], light[~emits])
        templates.append(light / light[reference].mean())
    return np.array(templates)
