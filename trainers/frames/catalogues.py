"""Catalogues of frames by a classifier, frame by frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from trainers.errors import UserError
from trainers.evaluators.section import Section
from trainers.frames import frame_windows, prediction, summary
from trainers.frames.frame_windows import files_of
from trainers.frames.options import FrameOptions
from trainers.frames.trained_model import TrainedModel

__all__ = ["sections"]


def sections(
    model: TrainedModel,
    options: FrameOptions,
    command: str,
    versions: Mapping[str, str],
    leave_out: Callable[[UserError], None],
) -> tuple[dict[str, Section], dict[str, str]]:
    """Writes catalogue and figure of each frame.

    Args:
        model: With a classifier.
        options: The options of the command.
        command: The command line.
        versions: Versions of the packages.
        leave_out: Called with what is wrong with a frame.

    Returns:
        The sections of the report by name, and the facts that hold for all.

    Raises:
        UserError: if options do not fit a classifier.
    """
    classifier = model.classifier
    if options.files == "bands" or len(options.hdus) > 1:
        raise UserError(
            "`files='bands'` and several `hdu` are for models that answer for each pixel; "
            f"'{classifier.name}' is a classifier"
        )
    detecting = dataclasses.replace(options.detection, band=options.detection_band)
    cutting = prediction.fitted(options.stamps, classifier)
    done = {}
    for files in files_of(options):
        try:
            with frame_windows.opened(files) as frame:
                done[frame.name] = prediction.predict(
                    frame,
                    classifier,
                    options.output_dir,
                    detecting=detecting,
                    cutting=cutting,
                    cut=options.cut,
                    gain=options.gain,
                    provenance={"command": command, "versions": dict(versions)},
                )
        except UserError as error:
            leave_out(error)
    return done, summary.facts(classifier, cutting, options.cut)
