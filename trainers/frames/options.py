"""Options of `python -m trainers.frames`: detection, stamps, and the command itself."""

# No `from __future__ import annotations`: for inherited fields simple_parsing would look names of
# this module up in that of the base class.
import dataclasses
from pathlib import Path

import simple_parsing

from trainers.blends import sep_baseline
from trainers.deblending.settings import SceneSettings
from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, flag, option
from trainers.options.frame_source import FrameSource

__all__ = [
    "ALIGNMENT",
    "NEIGHBOURS",
    "SEP",
    "DetectionSettings",
    "FrameOptions",
    "MapSettings",
    "StampSettings",
]

ALIGNMENT = 32  # px
"""Tiles of any size begin at multiples of this, as the strides of networks do: the grids of their
coarse feature maps then lie where those of the whole frame would."""

NEIGHBOURS = ("remove", "keep")

SEP = "sep"
"""The detector that is no model."""


@dataclasses.dataclass(frozen=True)
class DetectionSettings(CheckedOptions):
    """Source detection."""

    threshold: float = option(sep_baseline.THRESHOLD, above=0)
    """Detection threshold on the filtered frame, sigma."""

    min_area: int = option(sep_baseline.MIN_AREA, least=1)
    """Minimum connected pixels above the threshold."""

    deblend_contrast: float = option(1.0, least=0, most=1)
    """SEP deblend_cont: minimum fraction of the flux for a separate source; 1 for no deblending:
    blends stay one detection. Of classifiers; a deblending model has SExtractor's 0.005."""

    background_box: int = option(64, least=4)
    """Box size of the background estimate, px."""

    band: int | None = simple_parsing.field(default=None, cmd=False)
    """Band in which sources are detected, counted from 0 among those read; None for the middle."""


@dataclasses.dataclass(frozen=True)
class StampSettings(CheckedOptions):
    """Stamps of detections."""

    size: int | None = option(None, least=1)
    """Side of the stamps, px; default: as in training, or 51."""

    neighbours: str = option("remove", metavar="remove|keep")
    """Pixels of other detections and within 3 px of them: remove (replace by sky) or keep."""

    keep_background: bool = flag()
    """Do not subtract the sky."""

    scale: float | None = option(None, above=0)
    """Multiply pixels by this; default: match the training noise, if it is recorded, or of a
    deblending model the units."""

    seed: int = option(0, least=0)
    """Seed of the noise that replaces masked pixels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.neighbours not in NEIGHBOURS:
            raise UserError(
                f"`neighbours` must be one of {', '.join(NEIGHBOURS)}; got '{self.neighbours}'"
            )


@dataclasses.dataclass(frozen=True)
class MapSettings(CheckedOptions):
    """Maps of models that answer for each pixel."""

    tile: int = option(512, least=ALIGNMENT)
    """Side of the tiles, px, a multiple of 32; models of one size have theirs."""

    overlap: int | None = option(None, least=0)
    """Pixels around a tile that the model sees too; default: 64, or a quarter of the size of a
    model of one size."""

    sky_box: int = option(128, least=16)
    """Box size of the sky, px, which is measured on the whole frame."""

    any_pixel_scale: bool = flag()
    """Accept pixels of another scale than in training, of deblending models too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tile % ALIGNMENT:
            raise UserError(f"`tile` must be a multiple of {ALIGNMENT} px; got {self.tile}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameOptions(FrameSource):
    """Frames, and the model: --run_dir, --saved_model or --weights."""

    output_dir: Path = option()
    """Output folder."""

    run_dir: Path | None = option(None)
    """Run folder."""

    saved_model: Path | None = option(None, metavar="FOLDER")
    """Folder of an exported SavedModel."""

    weights: str | None = option(None, metavar="MODEL/NAME")
    """Named weights, such as pixel_unet/hst_simulated."""

    detector: str = option(SEP, metavar="sep|MODEL/NAME|FOLDER")
    """Detector of the sources in the first pass of a deblending model: sep, or a segmentation model
    of the same bands and pixels, by named weights or the folder of a run or a SavedModel."""

    gain: float | None = option(None, above=0)
    """Electrons per pixel unit, for flux errors; default: sky noise alone."""

    detection_band: int | None = option(None)
    """Band for source detection, counted from 0 among those read; default: the middle one."""

    cut: float = option(0.5, least=0, most=1)
    """Probability above which a detection is flagged as blended."""

    overwrite: bool = flag()
    """Replace maps of another command, and catalogues of other extensions."""

    detection: DetectionSettings = dataclasses.field(default_factory=DetectionSettings)
    stamps: StampSettings = dataclasses.field(default_factory=StampSettings)
    maps: MapSettings = dataclasses.field(default_factory=MapSettings)
    scenes: SceneSettings = dataclasses.field(default_factory=SceneSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        sources = (self.run_dir, self.saved_model, self.weights)
        if sum(source is not None for source in sources) != 1:
            raise UserError("one of `run_dir`, `saved_model` and `weights` is required")
