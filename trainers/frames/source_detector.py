"""Sources of frames in the maps of a segmentation model, in place of SEP's detections."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
from astropy.io import fits

from trainers.deblending.deblender import Deblender
from trainers.errors import UserError
from trainers.evaluators.statistics.class_names import BACKGROUNDS
from trainers.evaluators.statistics.detections import detected_by_maps
from trainers.frames import map_prediction, trained_model, training_match
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.options import SEP, FrameOptions
from trainers.frames.pixel_model import PixelModel
from trainers.frames.tiling import Tile
from trainers.sources.pixel_regions import settings_for

__all__ = ["SourceDetector", "load"]

_PROBABILITIES, _CENTRES, _RANKS = "pixel_probabilities", "pixel_centres", "pixel_ranks"


@dataclasses.dataclass(frozen=True)
class SourceDetector:
    """Detects sources as the evaluator `detection` does, see `trainers.sources.pixel_regions`.

    Attributes:
        model: Answers with the probability of the sky in each pixel.
    """

    model: PixelModel

    @property
    def sky(self) -> int:
        """Plane of the sky in the maps."""
        return next(n for n, name in enumerate(self.model.class_names) if name in BACKGROUNDS)

    def maps(self, frame: FrameWindows, options: FrameOptions, command: str) -> Path:
        """Writes `NAME_maps.fits`, if it is not there, and returns its path.

        Args:
            frame: The frame.
            options: The options of the command; its output folder exists.
            command: The command line, for the header.

        Raises:
            UserError: if frame, model and options do not fit each other, or maps of another
                command are there.
        """
        return map_prediction.predict(
            frame,
            self.model,
            options.output_dir,
            options.maps,
            command=command,
            overwrite=options.overwrite,
        )

    def positions(self, path: Path, tile: Tile, light: np.ndarray) -> np.ndarray:
        """Returns x and y of the sources in the window of a tile, (number, 2), px from its corner.

        Args:
            path: The maps of the frame.
            tile: The tile.
            light: (height, width), the window in units of the noise, all bands together; 0 where
                it is unknown.
        """
        with fits.open(path) as file:
            names = {extension.name for extension in file}
            ranks = _RANKS.upper() in names
            name = (_RANKS if ranks else _PROBABILITIES).upper()
            sky = file[name].section[(self.sky, *tile.window)].astype(np.float32)
            centres = None
            if _CENTRES.upper() in names:
                centres = file[_CENTRES.upper()].section[tile.window].astype(np.float32)
        known = np.isfinite(sky)
        if centres is not None:
            centres = np.where(known, centres, 0.0)[None]
        return detected_by_maps(
            sky[None],
            light[None],
            known[None],
            centres=centres,
            settings=settings_for(centres=centres is not None, ranks=ranks),
        ).position


def load(options: FrameOptions, deblender: Deblender | None) -> SourceDetector | None:
    """Returns the detector of the command; None for SEP.

    Args:
        options: The options of the command.
        deblender: The model; None if it is none.

    Raises:
        UserError: if there is no such detector, or it does not fit the model.
    """
    if options.detector == SEP:
        return None
    what = f"`detector={options.detector}`"
    if deblender is None:
        raise UserError(f"{what} is for deblending models; others have `detector={SEP}`")
    model = _pixel_model(options.detector, what)
    if _PROBABILITIES not in [output.name for output in model.outputs] or not any(
        name in BACKGROUNDS for name in model.class_names
    ):
        raise UserError(
            f"{what} must be a model with a probability of the background in each pixel, such as "
            f"pixel_unet and morpheus; got '{model.name}'"
        )
    training_match.check_pair(what, model, deblender, options.maps.any_pixel_scale)
    return SourceDetector(model)


def _pixel_model(option: str, what: str) -> PixelModel:
    """Returns the model of a run, of a SavedModel or of named weights."""
    folder = Path(option)
    try:
        if not folder.is_dir():
            model = trained_model.load(None, weights=option)
        elif (folder / "config.json").exists():
            model = trained_model.load(folder)
        else:
            model = trained_model.load(None, saved_model=folder)
    except UserError as error:
        reason = re.sub(r"^`(run_dir|saved_model|weights)=[^`]*`:? ?", "", str(error))
        raise UserError(
            f"{what} must be {SEP}, a name of weights, or the folder of a run or of a SavedModel: "
            f"{reason}"
        ) from None
    if model.pixel_model is None:
        raise UserError(f"{what} must answer for each pixel; '{model.name}' does not")
    return model.pixel_model
