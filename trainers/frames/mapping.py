"""Maps of frames by a model that answers for each pixel, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trainers.errors import UserError
from trainers.evaluators.section import Section
from trainers.frames import frame_windows, map_prediction, map_summary
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
    """Writes maps and figure of each frame.

    Args:
        model: With a pixel model.
        options: The options of the command.
        command: The command line.
        versions: Versions of the packages.
        frames: Files of the frames.
        leave_out: Called with what is wrong with a frame.

    Returns:
        The sections of the report by name, and the facts that hold for all.
    """
    del versions  # In the report alone.
    maker = model.pixel_model
    options.output_dir.mkdir(parents=True, exist_ok=True)
    done = {}
    for files in frames:
        try:
            with frame_windows.opened(files) as frame:
                path = map_prediction.predict(
                    frame,
                    maker,
                    options.output_dir,
                    options.maps,
                    command=command,
                    overwrite=options.overwrite,
                )
                done[frame.name] = map_summary.section(frame, maker, path, options.output_dir)
        except UserError as error:
            leave_out(error)
    return done, map_summary.facts(maker, options.maps)
