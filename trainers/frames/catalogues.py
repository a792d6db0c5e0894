"""Catalogues of frames by a classifier, frame by frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping

from trainers.errors import UserError
from trainers.evaluators.section import Section
from trainers.frames import prediction, reading, summary
from trainers.frames.options import FrameOptions
from trainers.frames.reading import Frame
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
    for frame in _frames(options, leave_out):
        try:
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


def _frames(options: FrameOptions, leave_out: Callable[[UserError], None]) -> Iterator[Frame]:
    nothing = [None] * len(options.frame)
    maps = zip(options.mask or nothing, options.weight or nothing, strict=True)
    hdu = next(iter(options.hdus), None)
    for path, (mask, weight) in zip(options.frame, maps, strict=True):
        try:
            frame = reading.read(path, hdu=hdu, bands=options.bands, mask=mask, weight=weight)
        except UserError as error:
            leave_out(error)
            continue
        yield frame
