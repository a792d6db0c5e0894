"""Catalogues and residuals of frames by a deblender, frame by frame."""

from __future__ import annotations

from typing import Any

from trainers.deblending.deblender import Deblender
from trainers.errors import UserError
from trainers.evaluators.section import Section
from trainers.frames import frame_windows, scene_prediction, scene_summary
from trainers.frames.job import FrameJob
from trainers.frames.options import SEP
from trainers.frames.pixel_model import PixelModel

__all__ = ["sections"]


def sections(job: FrameJob) -> tuple[dict[str, Section], dict[str, str]]:
    """Writes catalogue, residual and figure of each frame.

    Args:
        job: With a deblender.

    Returns:
        The sections of the report by name, and the facts that hold for all.
    """
    deblender, options, detector = job.model.deblender, job.options, job.detector
    provenance = {
        "model": _origin(deblender),
        "detector": SEP if detector is None else _origin(detector.model),
        "command": job.command,
        "versions": dict(job.versions),
    }
    options.output_dir.mkdir(parents=True, exist_ok=True)
    done = {}
    for files in job.frames:
        try:
            with frame_windows.opened(files) as frame:
                own = {"frame": {"files": files.listed(), **frame.exposure}}
                paths = scene_prediction.predict(
                    frame, deblender, options, provenance | own, detector
                )
                done[frame.name] = scene_summary.section(
                    frame, deblender, paths, options.output_dir
                )
        except UserError as error:
            job.leave_out(error)
    return done, scene_summary.facts(deblender, options, detector)


def _origin(model: Deblender | PixelModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "path": str(model.path),
        "version": model.version,
        "checksum": model.checksum,
        "data": dict(model.data),
    }
