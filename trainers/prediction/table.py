"""Tables of a model's answers to cutouts, for all commands that make one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.errors import TrainingError, UserError
from trainers.prediction import training_images

if TYPE_CHECKING:
    from trainers.cutouts.reading import CutoutFiles
    from trainers.options.table import TableOptions
    from trainers.prediction.merge_parts import Outcome
    from trainers.prediction.parts import Parts
    from trainers.prediction.predict_blocks import Entries, Unit
    from trainers.training.progress import ProgressBar

__all__ = [
    "PACKAGES",
    "check_files",
    "check_output",
    "files",
    "make",
    "report",
]

PACKAGES = ("galaxy-model-zoo", "tensorflow", "astropy", "numpy", "pyarrow")
"""Packages on which the numbers of a table depend."""


def check_output(options: TableOptions, vectors: str | None = None) -> None:
    """Checks that the table can be written, before any work is done.

    Args:
        options: Of the command.
        vectors: The argument that makes a column of vectors; None without one.

    Raises:
        UserError: if no table can be written there, or one is there that may not be replaced.
    """
    from trainers.prediction.parts import Parts
    from trainers.tables import table_files

    # With parts, the table may be that of this command, stopped at its end.
    begun = Parts(options.output).folder.exists()
    table_files.check_path(options.output, overwrite=options.overwrite or begun)
    if vectors:
        table_files.check_vectors(options.output, vectors)


def check_files(options: TableOptions) -> list[str]:
    """Returns the files of `images`, before a model is there.

    Raises:
        UserError: if there is no such file, or `extensions` is something else.
    """
    # Bands do not matter as long as nothing is counted or read.
    return files(options, (None, None, 1), counted=False).files


def files(
    options: TableOptions,
    shape: tuple[int | None, int | None, int],
    counted: bool = True,
    data: Mapping[str, Any] | None = None,
) -> CutoutFiles:
    """Returns the cutouts of `images`.

    Args:
        options: Of the command.
        shape: (height, width, bands) that the model takes.
        counted: See `CutoutFiles`.
        data: Training data of the model as its card has them; files are then read as those were.
            See `training_images.settings`.

    Raises:
        UserError: if there is no such file, or `extensions` is something else.
    """
    from trainers.cutouts.reading import CutoutFiles

    own = options.file_settings
    settings = own | training_images.settings(data or {})
    for name in ("invalid", "mask_bits", "resize"):
        settings[name] = own[name] or settings[name]
    settings["invalid"] = settings["invalid"] or "drop"
    if settings["resize"] == "resample" and data is not None and not settings.get("pixel_scale"):
        raise UserError(
            "`resize=resample` needs the pixel scale of the training, which the model's card lacks"
        )
    if settings.get("scales_pictures"):
        shape = tuple(data["image_shape"])
    return CutoutFiles(options.images, shape, **settings, leave_out=options.output, counted=counted)


def make(
    entries: Entries,
    options: TableOptions,
    *,
    title: str,
    manifest: Mapping[str, Any],
    run: Callable[[Sequence[Unit], Parts, ProgressBar], None],
    meta: Mapping[str, Any],
) -> Outcome:
    """Makes the table, from where a command that was stopped left it.

    Args:
        entries: All cutouts.
        options: Of the command.
        title: What is written before the progress.
        manifest: All that the rows depend on beside the cutouts and `batch_size`.
        run: Makes parts of units.
        meta: Metadata of the table.

    Raises:
        UserError: if the parts there are another command's, the table is there, or the positions
            cannot be read.
    """
    from trainers.prediction import merge_parts, predict_blocks
    from trainers.prediction.parts import Parts
    from trainers.prediction.positions import Positions
    from trainers.training.progress import ProgressBar

    positions = None if options.positions is None else Positions(options.positions)
    parts = Parts(options.output)
    state = json.dumps([len(entries), entries.state()])
    manifest = {
        **manifest,
        "--batch_size": options.batch_size,
        "state of the cutouts": hashlib.sha256(state.encode()).hexdigest(),
    }
    with parts.opened(manifest, options.overwrite):
        units = predict_blocks.units(entries, options.batch_size)
        if parts.summary() is None:
            done = parts.done()
            missing = [unit for unit in units if unit.number not in done]
            before = len(entries) - sum(unit.stop - unit.start for unit in missing)
            if before:
                of = f"{len(entries)} {entries.unit}"
                print(f"resuming  {before} of {of} are done", flush=True)
            progress = ProgressBar(title, len(entries), before, unit=entries.unit)
            run(missing, parts, progress)
            progress.close()
        return merge_parts.merge(parts, len(units), meta, positions)


def report(outcome: Outcome, output: Path) -> None:
    """Prints the numbers of rows and of objects left out, and notes about them.

    Raises:
        TrainingError: if none could be used.
    """
    reasons = output.with_name(f"{output.stem}_left_out.ecsv")
    left_out = _counted(outcome.left_out)
    if outcome.left_out:
        print(f"left out  {left_out}, with reasons in {reasons}")
        if "px was expected" in _first(reasons):
            print("note  --resize crop, pad or resample brings cutouts to the size of the model")
    if not outcome.rows:
        raise TrainingError(
            f"none of {left_out} can be used; {reasons} says why, first of {_first(reasons)}"
        )
    if outcome.repeated:
        rows = "1 row has" if outcome.repeated == 1 else f"{outcome.repeated} rows have"
        print(f"note  {rows} the id of an earlier one; see column source")
    if outcome.without_position:
        print(f"note  {_counted(outcome.without_position)} without a position: ra and dec are NaN")
    if outcome.alike:
        print(
            f"note  all {outcome.rows} objects get practically the same probabilities; are the "
            "cutouts in the units and bands that the model was trained on?"
        )
    print(f"table  {output} ({_counted(outcome.rows)})")


def _counted(objects: int) -> str:
    return f"{objects} object{'' if objects == 1 else 's'}"


def _first(reasons: Path) -> str:
    from astropy.table import Table

    line = Table.read(reasons, format="ascii.ecsv")[0]
    return f"{line['source']}: {line['reason']}"
