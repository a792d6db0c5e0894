"""Maps of frames by a model that answers for each pixel, frame by frame."""

from __future__ import annotations

from trainers.errors import UserError
from trainers.evaluators.section import Section
from trainers.frames import frame_windows, map_prediction, map_summary
from trainers.frames.job import FrameJob

__all__ = ["sections"]


def sections(job: FrameJob) -> tuple[dict[str, Section], dict[str, str]]:
    """Writes maps and figure of each frame.

    Args:
        job: With a pixel model.

    Returns:
        The sections of the report by name, and the facts that hold for all.
    """
    maker, options = job.model.pixel_model, job.options
    options.output_dir.mkdir(parents=True, exist_ok=True)
    done = {}
    for files in job.frames:
        try:
            with frame_windows.opened(files) as frame:
                path = map_prediction.predict(
                    frame,
                    maker,
                    options.output_dir,
                    options.maps,
                    command=job.command,
                    overwrite=options.overwrite,
                )
                done[frame.name] = map_summary.section(frame, maker, path, options.output_dir)
        except UserError as error:
            job.leave_out(error)
    return done, map_summary.facts(maker, options.maps)
