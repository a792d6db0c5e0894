"""Catalogues and residuals of frames by a deblender, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trainers.errors import UserError
from trainers.evaluators.section import Section
from trainers.frames import frame_windows, scene_prediction, scene_summary
from trainers.frames.frame_files import FrameFiles
from trainers.frames.options import FrameOptions
from trainers.frames.trained_model import TrainedModel

__all__ = ["sections"]


def sections(
    model: TrainedModel,
    options: FrameOptions,
    command: str,
    versions: Mapping[str, str],
    frames: Sequence[FrameFiles],
    leave_out: Callable[[UserError], None],
) -> tuple[dict[str, Section], dict[str, str]]:
    """Writes catalogue, residual and figure of each frame.

    Args:
        model: With a deblender.
        options: The options of the command.
        command: The command line.
        versions: Versions of the packages.
        frames: Files of the frames.
        leave_out: Called with what is wrong with a frame.

    Returns:
        The sections of the report by name, and the facts that hold for all.
    """
    deblender = model.deblender
    provenance = {
        "model": {
            "name": deblender.name,
            "path": str(deblender.path),
            "version": deblender.version,
            "checksum": deblender.checksum,
            "data": dict(deblender.data),
        },
        "command": command,
        "versions": dict(versions),
    }
    options.output_dir.mkdir(parents=True, exist_ok=True)
    done = {}
    for files in frames:
        try:
            with frame_windows.opened(files) as frame:
                own = {"frame": {"files": files.listed(), **frame.exposure}}
                paths = scene_prediction.predict(frame, deblender, options, provenance | own)
                done[frame.name] = scene_summary.section(
                    frame, deblender, paths, options.output_dir
                )
        except UserError as error:
            leave_out(error)
    return done, scene_summary.facts(deblender, options)
