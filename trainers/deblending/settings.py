"""Settings of the deblending of a scene."""

# No `from __future__ import annotations`: see `trainers.frames.options`.
import dataclasses

from trainers.options.fields import CheckedOptions, option

__all__ = ["SceneSettings"]


@dataclasses.dataclass(frozen=True)
class SceneSettings(CheckedOptions):
    """Deblending of whole frames."""

    passes: int = option(5, least=1)
    """Most passes, each of which detects in the residual of the one before."""

    least_snr: float = option(5.0, least=0)
    """Sources of a lower signal-to-noise ratio in the fit, all bands together, are dropped."""

    least_separation: float = option(2.0, least=0)
    """Distance from another source within which a later pass adds none, px."""

    model_error: float = option(0.2, least=0)
    """Error of a drawn source in a pixel, as a fraction of its light."""

    flux_error: float = option(0.1, least=0)
    """Error of a flux by that of the drawing, as a fraction; part of the stated errors."""

    prior: float = option(0.3, above=0)
    """Standard deviation of the brightness about the drawn one before the fit, as a fraction."""

    brightest: float = option(100.0, above=0)
    """Brightness of a pixel, sigma of all bands together, from which on a source is dimmed before
    it is drawn, as networks have seen few that are brighter."""
