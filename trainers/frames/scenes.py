"""Catalogues and residuals of frames by a deblender, frame by frame."""

from __future__ import annotations

from trainers.errors import UserError
from trainers.evaluators.section import Section
from trainers.frames import frame_windows, scene_prediction, scene_summary
from trainers.frames.job import FrameJob

__all__ = ["sections"]


def sections(job: FrameJob) -> tuple[dict[str, Section], dict[str, str]]:
    """Writes catalogue, residual and figure of each frame.

    Args:
        job: With a deblender.

    Returns:
        The sections of the report by name, and the facts that hold for all.
    """
    deblender, options = job.model.deblender, job.options
    provenance = {
        "model": {
            "name": deblender.name,
            "path": str(deblender.path),
            "version": deblender.version,
            "checksum": deblender.checksum,
            "data": dict(deblender.data),
        },
        "command": job.command,
        "versions": dict(job.versions),
    }
    options.output_dir.mkdir(parents=True, exist_ok=True)
    done = {}
    for files in job.frames:
        try:
            with frame_windows.opened(files) as frame:
                own = {"frame": {"files": files.listed(), **frame.exposure}}
                paths = scene_prediction.predict(frame, deblender, options, provenance | own)
                done[frame.name] = scene_summary.section(
                    frame, deblender, paths, options.output_dir
                )
        except UserError as error:
            job.leave_out(error)
    return done, scene_summary.facts(deblender, options)
