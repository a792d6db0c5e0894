"""Model, options and frames of one call of `python -m trainers.frames`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from trainers.errors import UserError
from trainers.frames.frame_files import FrameFiles
from trainers.frames.options import FrameOptions
from trainers.frames.source_detector import SourceDetector
from trainers.frames.trained_model import TrainedModel

__all__ = ["FrameJob"]


@dataclasses.dataclass(frozen=True)
class FrameJob:
    """Frames, the model that is applied to them, and the origin of the results.

    Attributes:
        model: A classifier, a pixel model or a deblender.
        options: The options of the command.
        frames: Files of the frames; those of one file follow each other.
        command: The command line.
        versions: Versions of the packages.
        leave_out: Called with what is wrong with a frame.
        detector: Of the sources of a deblender; None for SEP.
    """

    model: TrainedModel
    options: FrameOptions
    frames: Sequence[FrameFiles]
    command: str
    versions: Mapping[str, str]
    leave_out: Callable[[UserError], None]
    detector: SourceDetector | None = None
