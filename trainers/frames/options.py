"""Options of `python -m trainers.frames`: detection, stamps, and the command itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import simple_parsing

from trainers.blends import sep_baseline
from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, flag, option

__all__ = ["NEIGHBOURS", "DetectionSettings", "FrameOptions", "StampSettings"]

NEIGHBOURS = ("remove", "keep")


@dataclasses.dataclass(frozen=True)
class DetectionSettings(CheckedOptions):
    """Detection of sources."""

    threshold: float = option(sep_baseline.THRESHOLD, above=0)
    """Least value of a pixel of the filtered frame, in units of the noise there."""

    min_area: int = option(sep_baseline.MIN_AREA, least=1)
    """Least number of touching pixels above the threshold."""

    deblend_contrast: float = option(1.0, least=0, most=1)
    """Least share of the flux that makes a part of a detection a source of its own; 1 for no
    deblending: blends stay whole."""

    background_box: int = option(64, least=4)
    """Side of the boxes in which sky and noise are measured, px."""

    band: int | None = simple_parsing.field(default=None, cmd=False)
    """Band in which sources are detected, counted from 0 among those read; None for the middle."""


@dataclasses.dataclass(frozen=True)
class StampSettings(CheckedOptions):
    """Stamps of the detections."""

    size: int | None = option(None, least=1)
    """Side in px; default: as in training, or 51."""

    neighbours: str = option("remove")
    """Pixels of other detections, and 3 px around them: remove (they become sky) or keep."""

    keep_background: bool = flag()
    """Do not subtract the sky."""

    scale: float | None = option(None, above=0)
    """Factor of the pixels; default: to a noise as in training if that is known."""

    seed: int = option(0, least=0)
    """Seed of the noise in place of unknown pixels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.neighbours not in NEIGHBOURS:
            raise UserError(
                f"`neighbours` must be one of {', '.join(NEIGHBOURS)}; got '{self.neighbours}'"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameOptions(CheckedOptions):
    """Frames, and the model (run_dir or saved_model)."""

    frame: list[Path] = option(type=Path, nargs="+", metavar="PATH")
    """FITS files of frames."""

    output_dir: Path = option()
    """Folder to write into."""

    run_dir: Path | None = option(None)
    """Folder of a run."""

    saved_model: Path | None = option(None)
    """Folder of an exported SavedModel."""

    hdu: str | None = option(None)
    """Number or name of the extension; default: the first with an image."""

    bands: list[int] | None = option(None, type=int, nargs="+", metavar="PLANE")
    """Planes of a cube; default: all."""

    mask: list[Path] | None = option(None, type=Path, nargs="+", metavar="PATH")
    """Masks, a file for each frame; 0 is good."""

    weight: list[Path] | None = option(None, type=Path, nargs="+", metavar="PATH")
    """Weights, a file for each frame; pixels of weight 0 are masked."""

    gain: float | None = option(None, above=0)
    """Electrons per unit, for the errors of the fluxes."""

    detection_band: int | None = option(None)
    """Band in which sources are detected, among the bands read; default: the middle one."""

    cut: float = option(0.5, least=0, most=1)
    """Probability above which a detection is called blended."""

    detection: DetectionSettings = dataclasses.field(default_factory=DetectionSettings)
    stamps: StampSettings = dataclasses.field(default_factory=StampSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.run_dir is None) == (self.saved_model is None):
            raise UserError("one of `run_dir` and `saved_model` is required, and not both")
        for name, files in (("mask", self.mask), ("weight", self.weight)):
            if files is not None and len(files) != len(self.frame):
                raise UserError(
                    f"`{name}` must have a file for each of the {len(self.frame)} frames; "
                    f"got {len(files)}"
                )
