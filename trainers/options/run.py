"""The configuration of a run: one typed field for each option of `trainers.run`."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, Literal

from trainers.errors import UserError
from trainers.options.cutout_source import CUTOUTS
from trainers.options.data_options import checked_sigma
from trainers.options.fading import Fading
from trainers.options.fields import Affects, flag, option
from trainers.options.run_data import DataOptions
from trainers.options.training import TrainingOptions

__all__ = ["RunConfig"]


@dataclasses.dataclass(frozen=True)
class RunConfig(DataOptions, TrainingOptions):
    """Precedence: command line, then recipe, then these defaults."""

    shear: float = option(0.0, affects=Affects.DATA, least=0, below=1)
    """Maximum random shear of training images, pixels per pixel."""

    zoom: float = option(0.0, affects=Affects.DATA, least=0, below=1)
    """Random zoom of training images: each axis by a factor of 1 - zoom to 1 + zoom."""

    shift: float = option(0.0, affects=Affects.DATA, least=0)
    """Maximum random shift of training images along each axis, px."""

    flip: bool = flag(Affects.DATA)
    """Mirror half of the training images at random."""

    rotation: float = option(0.0, affects=Affects.DATA, least=0, most=180)
    """Maximum random rotation of training images about their centre, degrees."""

    outside: Literal["zeros", "mirror"] = option("zeros", affects=Affects.DATA)
    """Fill outside transformed images: zeros, to which noise is added afterwards, or mirrored
    pixels."""

    fade: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME=VALUE"
    )
    """Images as if the galaxies were fainter and farther away, observed by a survey:
    magnitudes=LOW-HIGH (dimming) or to=LOW-HIGH (magnitude afterwards), and survey, psf, noise,
    electrons, size, template, evolution; see docs/faint_sky.md."""

    pad: int = option(0, affects=Affects.DATA, least=0)
    """Zero padding on each side of the images before noise is added, px."""

    noise_sigma: list[float] | None = option(
        None, affects=Affects.DATA, nargs="+", least=0, type=float, metavar="SIGMA"
    )
    """Standard deviation of Gaussian noise added to the images, in their units; two values: a
    range."""

    noise_distribution: Literal["log_uniform", "uniform"] = option(
        "log_uniform", affects=Affects.DATA
    )
    """Distribution of each image's standard deviation in that range."""

    noise_realisation: int = option(0, affects=Affects.DATA, least=0)
    """Seed of the added noise, and of what --fade draws."""

    noise_draws: Literal["fixed", "fresh"] = option("fixed", affects=Affects.DATA)
    """Noise and --fade of the training images: the same in every epoch, or fresh."""

    evaluators: list[str] | None = option(
        None, affects=Affects.REPORT, nargs="+", type=str, metavar="NAME"
    )
    """Evaluators to run; default: all that apply to the model and the data."""

    class_fractions: list[float] | None = option(
        None, affects=Affects.REPORT, nargs="+", least=0, type=float, metavar="X"
    )
    """Expected fractions of the classes, in their order; default: those of the dataset."""

    saved_models_dir: str = option("saved_models", affects=Affects.NOTHING, path=True)
    """Folder of exported SavedModels, MODEL/VERSION."""

    checkpoint_seconds: float = option(60.0, affects=Affects.NOTHING, least=0, finite=False)
    """Maximum time between checkpoints within an epoch, s."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_fractions is not None and abs(sum(self.class_fractions) - 1) > 0.01:
            raise UserError(f"`class_fractions` must sum to 1; got {self.class_fractions}")
        if self.fade is not None:
            Fading.parse(self.fade)
        checked_sigma(self.noise_sigma, self.noise_distribution)
        if self.trainer == "two_stage" and self.images_vary != (self.feature_copies > 1):
            raise UserError(
                "`feature_copies` must be 1 where the images are the same in every epoch, and "
                "more with `shear`, `zoom`, `shift`, `rotation`, `flip` or `noise_draws='fresh'` "
                f"under `trainer='two_stage'`; got {self.feature_copies}"
            )

    @property
    def augments(self) -> bool:
        """True if training images are sheared, scaled, shifted, rotated or mirrored."""
        return self.flip or max(self.shear, self.zoom, self.shift, self.rotation) > 0

    @property
    def images_vary(self) -> bool:
        """True if training images differ from epoch to epoch."""
        varies = self.fade is not None or any(self.noise_sigma or ())
        return self.augments or (self.noise_draws == "fresh" and varies)

    @property
    def data_name(self) -> str:
        """Name of the data, for people: that of the dataset, of its table, or of its folder."""
        if self.dataset == CUTOUTS and self.images:
            path = Path(self.labels or self.images[0]).absolute()
            name = path.stem if self.labels else path.name
            return re.sub(r"[^\w.+-]+", "_", name).strip("_") or CUTOUTS
        if self.dataset == "image_folder":
            return Path(self.data_dir).absolute().name
        return self.dataset

    @property
    def data_source(self) -> str:
        """Path of data without a name of their own; else the folder of TFDS, empty by default."""
        if self.dataset == CUTOUTS:
            return self.labels or (self.images or [""])[0]
        return self.data_dir

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON types."""
        return dataclasses.asdict(self)
