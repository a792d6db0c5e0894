"""Emission lines of galaxies, and classes by their ratios."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["BALMER_RATIOS", "CLASSES", "LINES", "LineRatios", "classify", "mixed_ratios"]

CLASSES = ("quiescent", "star_forming", "composite", "seyfert", "liner", "broad_line")

LINES = {
    "OII_3727": 3727.09,
    "OII_3730": 3729.88,
    "NeIII_3870": 3869.86,
    "H_delta": 4102.89,
    "H_gamma": 4341.68,
    "H_beta": 4862.68,
    "OIII_4960": 4960.30,
    "OIII_5008": 5008.24,
    "HeI_5877": 5877.25,
    "OI_6302": 6302.05,
    "NII_6550": 6549.85,
    "H_alpha": 6564.61,
    "NII_6585": 6585.28,
    "SII_6718": 6718.29,
    "SII_6733": 6732.67,
    "ArIII_7138": 7137.80,
}
"""Wavelengths in vacuum, A."""

BALMER_RATIOS = {"H_alpha": 2.86, "H_beta": 1.0, "H_gamma": 0.468, "H_delta": 0.259}
"""Fluxes relative to H beta without dust, case B at 10,000 K."""

# Equivalent width of H alpha, A, below which a galaxy is quiescent: retired galaxies, ionised by
# old stars, have 0.5 to 1.5 (Cid Fernandes et al. 2011, MNRAS 413, 1687, who divide at 3).
_QUIESCENT = 1.5


@dataclasses.dataclass(frozen=True)
class LineRatios:
    """Logarithms (base 10) of ratios of fluxes, (objects,) each.

    Attributes:
        nitrogen: [N II] 6585 / H alpha.
        oxygen: [O III] 5008 / H beta.
        sulphur: [S II] 6718 + 6733 / H alpha.
        neutral: [O I] 6302 / H alpha.
        doublet: [O II] 3727 + 3730 / H beta.
    """

    nitrogen: np.ndarray
    oxygen: np.ndarray
    sulphur: np.ndarray
    neutral: np.ndarray
    doublet: np.ndarray

    def fluxes(self) -> np.ndarray:
        """Returns the fluxes of `LINES` relative to H beta, without dust, (objects, lines)."""
        h_alpha = BALMER_RATIOS["H_alpha"]
        oxygen, doublet = 10**self.oxygen, 10**self.doublet
        nitrogen, sulphur = h_alpha * 10**self.nitrogen, h_alpha * 10**self.sulphur
        one = np.ones_like(oxygen)
        by_name = {
            "OII_3727": doublet / 2.4,
            "OII_3730": doublet * 1.4 / 2.4,
            "NeIII_3870": 0.09 * oxygen,
            "OIII_4960": oxygen / 2.98,
            "OIII_5008": oxygen,
            "HeI_5877": 0.12 * one,
            "OI_6302": h_alpha * 10**self.neutral,
            "NII_6550": nitrogen / 3.05,
            "NII_6585": nitrogen,
            "SII_6718": sulphur * 1.35 / 2.35,
            "SII_6733": sulphur / 2.35,
            "ArIII_7138": 0.02 * oxygen + 0.04,
            **{name: ratio * one for name, ratio in BALMER_RATIOS.items()},
        }
        return np.stack([by_name[name] for name in LINES], axis=1)


def mixed_ratios(first: LineRatios, second: LineRatios, share: np.ndarray) -> LineRatios:
    """Returns the ratios of two gases of which the second gives a share of the Balmer lines.

    Args:
        first: Ratios of star-forming gas, for instance.
        second: Ratios of gas around a nucleus.
        share: (objects,), 0 to 1.
    """
    return LineRatios(
        *(
            np.log10(
                (1 - share) * 10 ** getattr(first, field.name)
                + share * 10 ** getattr(second, field.name)
            )
            for field in dataclasses.fields(LineRatios)
        )
    )


def classify(
    nitrogen: np.ndarray, oxygen: np.ndarray, h_alpha_width: np.ndarray, is_broad: np.ndarray
) -> np.ndarray:
    """Returns the indices in `CLASSES` that follow from the lines.

        star forming   y < 0.61 / (x - 0.05) + 1.3      (Kauffmann et al. 2003), x < 0.05
        composite      y < 0.61 / (x - 0.47) + 1.19     (Kewley et al. 2001), x < 0.47
        Seyfert        y > 1.05 x + 0.45                (Schawinski et al. 2007), else LINER

    Args:
        nitrogen: x = log [N II] 6585 / H alpha.
        oxygen: y = log [O III] 5008 / H beta.
        h_alpha_width: Equivalent width of narrow H alpha, A; below 1.5 the class is quiescent.
        is_broad: Whether the Balmer lines have broad components.

    References:
        Baldwin, Phillips & Terlevich 1981 (PASP 93, 5) and those above (MNRAS 346, 1055; ApJ 556,
        121; MNRAS 382, 1415).
    """
    x, y = np.asarray(nitrogen), np.asarray(oxygen)
    with np.errstate(divide="ignore"):
        forms_stars = (x < 0.05) & (y < 0.61 / (x - 0.05) + 1.3)
        is_mixed = (x < 0.47) & (y < 0.61 / (x - 0.47) + 1.19)
    choices = [is_broad, h_alpha_width < _QUIESCENT, forms_stars, is_mixed, y > 1.05 * x + 0.45]
    names = ["broad_line", "quiescent", "star_forming", "composite", "seyfert"]
    return np.select(
        choices, [CLASSES.index(name) for name in names], default=CLASSES.index("liner")
    )
