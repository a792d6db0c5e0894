"""Spectra in units of their amplitude, and two features of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from trainers.prediction import inference
from zoo.spectrum_model import SpectrumModel

__all__ = ["ScaledSpectra", "break_4000", "h_alpha_width", "wavelengths"]

# Bands of the break at 4000 A (Balogh et al. 1999), and of H alpha with [N II] between its
# continua, A in vacuum.
_BLUE, _RED = (3851.0, 3951.0), (4001.0, 4101.0)
_LINE, _CONTINUA = (6535.0, 6600.0), ((6480.0, 6530.0), (6610.0, 6660.0))


@dataclasses.dataclass(frozen=True)
class ScaledSpectra:
    """Spectra in units of their amplitude, as the model's likelihood sees them.

    Attributes:
        filled: (spectra, bins).
        inverse_variance: (spectra, bins), 0 for bins without data.
        weights: (spectra, bins), those of the loss.
        amplitude: (spectra, 1).
    """

    filled: np.ndarray
    inverse_variance: np.ndarray
    weights: np.ndarray
    amplitude: np.ndarray

    @classmethod
    def of(cls, model: SpectrumModel, arrays: Mapping[str, np.ndarray]) -> ScaledSpectra:
        """Returns spectra as a model sees them.

        Args:
            model: The model, with its scaling.
            arrays: `spectrum` and `inverse_variance`, (spectra, bins) each.
        """

        def scale(spectrum, inverse_variance):
            filled, weight, amplitude = model.scaling(spectrum, inverse_variance)
            return {
                "filled": filled,
                "inverse_variance": weight,
                "weights": model.weights_of(weight),
                "amplitude": amplitude,
            }

        inputs = [arrays[name] for name in model.input_names]
        return cls(**inference.apply(scale, *inputs))

    @property
    def observed(self) -> np.ndarray:
        """(spectra, bins), NaN where there are no data."""
        return np.where(self.inverse_variance > 0, self.filled, np.nan)

    def error(self, drawn: np.ndarray) -> float:
        """Returns the weighted mean squared deviation, sum w (x - x')^2 / sum w."""
        squares = self.weights * (self.filled - drawn) ** 2
        return float(squares.sum(dtype=np.float64) / self.weights.sum(dtype=np.float64))

    def chi2(self, drawn: np.ndarray) -> np.ndarray:
        """Returns the mean over good bins of (x - x')^2 / sigma^2, (spectra,)."""
        good = np.maximum(np.count_nonzero(self.inverse_variance, axis=1), 1)
        return np.sum(self.inverse_variance * (self.filled - drawn) ** 2, axis=1) / good


def wavelengths(limits: tuple[float, float], bins: int) -> np.ndarray:
    """Returns the middles of bins that are uniform in the logarithm, (bins,).

    Args:
        limits: First and last edge, A.
        bins: Their number.
    """
    edges = np.geomspace(*limits, bins + 1)
    return np.sqrt(edges[1:] * edges[:-1])


def break_4000(spectra: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Returns the mean F_nu in 4000-4100 A over that in 3850-3950 A, (spectra,).

    The narrow bands are those of Balogh et al. 1999 (ApJ 527, 54), in vacuum.

    Args:
        spectra: (spectra, bins), F_lambda in any unit.
        wavelength: (bins,), A.
    """
    per_frequency = spectra * wavelength**2
    blue, red = (
        per_frequency[:, _between(wavelength, band)].mean(axis=1) for band in (_BLUE, _RED)
    )
    return red / blue


def h_alpha_width(spectra: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Returns the equivalent width of H alpha with [N II], A, positive in emission, (spectra,).

    Args:
        spectra: (spectra, bins), F_lambda in any unit.
        wavelength: (bins,), A.
    """
    left, right = (spectra[:, _between(wavelength, band)].mean(axis=1) for band in _CONTINUA)
    continuum = (left + right)[:, None] / 2
    inside = _between(wavelength, _LINE)
    return np.sum((spectra[:, inside] / continuum - 1) * np.gradient(wavelength)[inside], axis=1)


def _between(wavelength: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    inside = (wavelength >= band[0]) & (wavelength < band[1])
    if not inside.any():
        raise ValueError(
            f"wavelength must reach from {band[0]:.0f} to {band[1]:.0f} A; got "
            f"{wavelength[0]:.0f} to {wavelength[-1]:.0f}"
        )
    return inside
