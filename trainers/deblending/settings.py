"""Settings of the deblending of a scene."""

# No `from __future__ import annotations`: see `trainers.frames.options`.
import dataclasses

from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, option

__all__ = ["FITS", "SceneSettings"]

FITS = ("drawn", "map")


@dataclasses.dataclass(frozen=True)
class SceneSettings(CheckedOptions):
    """Deblending of whole frames."""

    passes: int = option(5, least=1)
    """Most passes, each of which detects in the residual of the one before."""

    fit: str = option("drawn", metavar="drawn|map")
    """Shapes of the sources: drawn, each from the frame without the others; or map, the most
    probable ones of all together, by gradient ascent in the latent space of the model."""

    least_snr: float = option(5.0, least=0)
    """Sources of a lower signal-to-noise ratio in the fit, all bands together, are dropped."""

    least_separation: float = option(2.0, least=0)
    """Distance from another source within which a later pass adds none, px."""

    model_error: float = option(0.1, least=0)
    """Error of a drawn source in a pixel, as a fraction of its light."""

    flux_error: float = option(0.1, least=0)
    """Error of a flux by that of the drawing, as a fraction; part of the stated errors."""

    prior: float = option(0.3, above=0)
    """Standard deviation of the brightness about the drawn one before the fit, as a fraction."""

    brightest: float = option(100.0, above=0)
    """Brightness of a pixel, sigma of all bands together, from which on a source is dimmed before
    it is drawn, as networks have seen few that are brighter."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fit not in FITS:
            raise UserError(f"`fit` must be one of {', '.join(FITS)}; got '{self.fit}'")
