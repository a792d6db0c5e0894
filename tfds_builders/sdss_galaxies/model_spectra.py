"""Spectra of galaxies without noise, and what they measure."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfds_builders.sdss_galaxies import dust, emission_lines
from tfds_builders.sdss_galaxies.bandpasses import BANDS, band_fluxes
from tfds_builders.sdss_galaxies.emission_lines import BALMER_RATIOS, LINES
from tfds_builders.sdss_galaxies.line_profiles import add_lines
from tfds_builders.sdss_galaxies.population import Galaxies
from tfds_builders.sdss_galaxies.stellar_light import stellar_spectra
from tfds_builders.sdss_galaxies.wavelengths import WIDE

__all__ = ["EQUIVALENT_WIDTHS", "ModelSpectra", "make_spectra"]

EQUIVALENT_WIDTHS = {
    "OII": ("OII_3727", "OII_3730"),
    "H_beta": ("H_beta",),
    "OIII": ("OIII_5008",),
    "OI": ("OI_6302",),
    "H_alpha": ("H_alpha",),
    "NII": ("NII_6585",),
    "SII": ("SII_6718", "SII_6733"),
}
"""Lines whose equivalent widths the dataset has, added where there are two."""

# Standard deviation of the profile of SDSS and BOSS spectrographs, km/s.
_INSTRUMENT = 69.0
# F_lambda ~ lambda^slope of the nucleus (Vanden Berk et al. 2001, AJ 122, 549).
_NUCLEUS_SLOPE = -1.54
_NUCLEUS_PIVOT = 5100.0
_OLD_STARS, _OTHER_STARS, _NUCLEUS = range(3)
# Wavelengths on the two sides of the break at 4000 A (Balogh et al. 1999, ApJ 527, 54).
_BREAK = ((3850.0, 3950.0), (4000.0, 4100.0))


@dataclasses.dataclass(frozen=True)
class ModelSpectra:
    """Spectra of galaxies, in bins of `WIDE`.

    Attributes:
        total: (objects, bins), F_lambda in 1e-17 erg / (s cm2 A) of all light of the galaxy, as
            observed (behind the dust of the Galaxy) at the wavelengths of the rest frame.
        fluxes: (3, objects, bands), nanomaggies of old stars, of other stars with the narrow lines,
            and of the nucleus.
        break_4000: (objects,), ratio of F_nu on the two sides of 4000 A.
        equivalent_widths: (objects, `EQUIVALENT_WIDTHS`), A, of narrow lines in emission.
        label: (objects,), indices in `emission_lines.CLASSES`.
    """

    total: np.ndarray
    fluxes: np.ndarray
    break_4000: np.ndarray
    equivalent_widths: np.ndarray
    label: np.ndarray


def make_spectra(galaxies: Galaxies) -> ModelSpectra:
    """Returns the spectra of galaxies.

    Stars and nucleus are reddened by dust of their own (Calzetti), narrow lines by more of it, and
    all by the Galaxy's. The spectrum is scaled to the magnitude in r, and its bands follow.

    Args:
        galaxies: Of any number.
    """
    dispersion = np.hypot(galaxies.dispersion, _INSTRUMENT)
    old, other = stellar_spectra(
        galaxies.weights, galaxies.metallicity, galaxies.balmer, dispersion
    )
    k = dust.calzetti(WIDE.centres)
    reddening = dust.transmission(k, galaxies.reddening[:, None])
    parts = np.stack([old * reddening, other * reddening, np.zeros_like(old)])
    stars = parts.sum(axis=0)
    parts[_NUCLEUS] = _nuclear_light(galaxies, stars, dispersion)

    names = list(LINES)
    wavelengths = np.array([*LINES.values()])
    narrow = galaxies.ratios.fluxes() * dust.transmission(
        dust.calzetti(wavelengths), galaxies.gas_reddening[:, None]
    )
    h_alpha = names.index("H_alpha")
    narrow *= (galaxies.h_alpha_width * _at(stars, wavelengths[h_alpha]) / narrow[:, h_alpha])[
        :, None
    ]
    width = np.hypot(galaxies.gas_dispersion, _INSTRUMENT)[:, None]
    continuum = np.stack([_at(parts.sum(axis=0), each) for each in wavelengths], axis=1)
    add_lines(parts[_OTHER_STARS], WIDE, wavelengths, narrow, np.broadcast_to(width, narrow.shape))

    galactic = dust.milky_way(WIDE.centres * (1 + galaxies.redshift)[:, None])
    galactic_transmission = dust.transmission(galactic, galaxies.galactic_reddening[:, None])
    r = BANDS.index("r")
    bare = band_fluxes(parts.sum(axis=0)[None], WIDE, galaxies.redshift)[0, :, r]
    scale = 10 ** (0.4 * (22.5 - galaxies.magnitude)) / bare
    parts *= galactic_transmission * scale[:, None]

    widths = narrow / continuum
    places = [[names.index(line) for line in lines] for lines in EQUIVALENT_WIDTHS.values()]
    equivalent_widths = np.stack([widths[:, place].sum(axis=1) for place in places], axis=1)
    return ModelSpectra(
        total=parts.sum(axis=0),
        fluxes=band_fluxes(parts, WIDE, galaxies.redshift),
        break_4000=_break_4000(parts.sum(axis=0)),
        equivalent_widths=equivalent_widths,
        label=emission_lines.classify(
            galaxies.ratios.nitrogen,
            galaxies.ratios.oxygen,
            widths[:, h_alpha],
            galaxies.is_broad,
        ),
    )


def _nuclear_light(galaxies: Galaxies, stars: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """Returns continuum and broad lines of the nuclei, (objects, bins)."""
    light = np.zeros_like(stars)
    rows = np.flatnonzero(galaxies.is_broad)
    if not rows.size:
        return light
    share = galaxies.nucleus_share[rows]
    level = share / (1 - share) * _at(stars[rows], _NUCLEUS_PIVOT)
    spectra = level[:, None] * (WIDE.centres / _NUCLEUS_PIVOT) ** _NUCLEUS_SLOPE
    wavelengths = np.array([LINES[name] for name in BALMER_RATIOS])
    ratios = np.array([*BALMER_RATIOS.values()]) / BALMER_RATIOS["H_alpha"]
    all_light = _at(stars[rows] + spectra, LINES["H_alpha"])
    strengths = (galaxies.broad_width[rows] * all_light)[:, None] * ratios
    width = np.broadcast_to(galaxies.broad_dispersion[rows, None], strengths.shape)
    add_lines(spectra, WIDE, wavelengths, strengths, width)
    light[rows] = spectra
    return light


def _at(spectra: np.ndarray, wavelength: float) -> np.ndarray:
    return spectra[:, int(WIDE.place(np.array(wavelength)))]


def _break_4000(spectra: np.ndarray) -> np.ndarray:
    # F_nu ~ F_lambda lambda^2, in equal intervals of wavelength.
    weight = WIDE.centres**2 * WIDE.widths
    sides = []
    for low, high in _BREAK:
        chosen = (WIDE.centres > low) & (WIDE.centres < high)
        part = spectra[:, chosen] * weight[chosen]
        sides.append(part.sum(axis=1) / WIDE.widths[chosen].sum())
    return sides[1] / sides[0]
