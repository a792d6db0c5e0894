"""What the commands share that make a table of a model's answers to cutouts."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.errors import TrainingError, UserError

if TYPE_CHECKING:
    from trainers.cutouts.reading import CutoutFiles
    from trainers.prediction.answering import Entries, Unit
    from trainers.prediction.joining import Outcome
    from trainers.prediction.parts import Parts
    from trainers.training.progress import Progress

__all__ = [
    "FILE_OPTIONS",
    "add_options",
    "check_files",
    "check_options",
    "files",
    "make",
    "provenance",
    "report",
]

FILE_OPTIONS = ("column", "id_column", "extensions", "hdu")
"""Options that tell how files are read; see `cutouts.cutout.Wanted`."""

_PACKAGES = ("galaxy-model-zoo", "tensorflow", "astropy", "numpy", "pyarrow")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for reading files and for the table.

    Args:
        parser: Of the command.
    """
    group = parser.add_argument_group("files")
    group.add_argument(
        "--column",
        help="Column of a table, HDF5 dataset or array of an npz file with the cutouts; "
        "default: image, or the only one.",
    )
    group.add_argument("--id_column", help="The same with identifiers; default: id, if there.")
    group.add_argument(
        "--extensions",
        default="objects",
        help="What the image extensions of a FITS file are: objects (default) or bands of one.",
    )
    group.add_argument(
        "--hdu",
        nargs="+",
        metavar="NAME|NUMBER",
        help="Extensions of a FITS file that are read, in this order; default: all.",
    )
    group = parser.add_argument_group("the table")
    add = group.add_argument
    add("--output", type=Path, required=True, help="FILE.fits, .parquet, .ecsv or .csv.")
    add("--overwrite", action="store_true", help="Replace it, and another command's parts.")


def check_options(options: argparse.Namespace) -> None:
    """Checks `--output` and `--batch_size`.

    Args:
        options: What was given.

    Raises:
        UserError: if no table can be written there, one is there that may not be replaced, or the
            batch size is not positive.
    """
    from trainers.prediction.parts import Parts
    from trainers.tables import table_files

    if options.batch_size < 1:
        raise UserError(f"--batch_size must be at least 1; got {options.batch_size}")
    # With parts, the table may be that of this command, stopped at its end.
    begun = Parts(options.output).folder.exists()
    table_files.check_path(options.output, overwrite=options.overwrite or begun)


def check_files(options: argparse.Namespace) -> list[str]:
    """Returns the files of `--images`, before a model is there.

    Args:
        options: What was given.

    Raises:
        UserError: if there is no such file, or `--extensions` is something else.
    """
    # Bands do not matter as long as nothing is counted or read.
    return files(options, (None, None, 1), counted=False).files


def files(
    options: argparse.Namespace,
    shape: tuple[int | None, int | None, int],
    counted: bool = True,
) -> CutoutFiles:
    """Returns the cutouts of `--images`.

    Args:
        options: What was given.
        shape: (height, width, bands) that the model takes.
        counted: See `CutoutFiles`.

    Raises:
        UserError: if there is no such file, or `--extensions` is something else.
    """
    from trainers.cutouts.reading import CutoutFiles

    given = {name: getattr(options, name) for name in FILE_OPTIONS}
    return CutoutFiles(options.images, shape, **given, leave_out=options.output, counted=counted)


def make(
    entries: Entries,
    options: argparse.Namespace,
    *,
    title: str,
    manifest: Mapping[str, Any],
    run: Callable[[Sequence[Unit], Parts, Progress], None],
    meta: Mapping[str, Any],
) -> Outcome:
    """Makes the table, from where a command that was stopped left it.

    Args:
        entries: All cutouts.
        options: Of the command, `output`, `overwrite` and `batch_size` among them.
        title: What is written before the progress.
        manifest: All that the rows depend on beside the cutouts and `batch_size`.
        run: Makes parts of units.
        meta: Metadata of the table.

    Raises:
        UserError: if the parts there are another command's, or the table is there.
    """
    from trainers.prediction import answering, joining
    from trainers.prediction.parts import Parts
    from trainers.training.progress import Progress

    parts = Parts(options.output)
    state = json.dumps([len(entries), entries.state()])
    manifest = {
        **manifest,
        "--batch_size": options.batch_size,
        "state of the cutouts": hashlib.sha256(state.encode()).hexdigest(),
    }
    with parts.opened(manifest, options.overwrite):
        units = answering.units(entries, options.batch_size)
        if parts.summary() is None:
            done = parts.done()
            missing = [unit for unit in units if unit.number not in done]
            before = len(entries) - sum(unit.stop - unit.start for unit in missing)
            if before:
                of = f"{len(entries)} {entries.unit}"
                print(f"going on  {before} of {of} are done", flush=True)
            progress = Progress(title, len(entries), before, unit=entries.unit)
            run(missing, parts, progress)
            progress.close()
        return joining.join(parts, len(units), meta)


def provenance(
    command: str, arguments: Sequence[str], packages: Sequence[str] = ()
) -> dict[str, str]:
    """Returns date, versions and command line for the metadata of a table.

    Args:
        command: Name of its module in `trainers`.
        arguments: The command line.
        packages: Those that it uses beside the ones that every such command does.
    """
    from trainers.runs import run_folder

    names = (*_PACKAGES, *packages)
    versions = run_folder.installed_versions(names)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "creator": ", ".join(f"{name} {versions[name]}" for name in names if name in versions),
        "command": shlex.join(["python", "-m", f"trainers.{command}", *arguments]),
    }


def report(outcome: Outcome, output: Path) -> None:
    """Prints what became of the cutouts.

    Args:
        outcome: What became of them.
        output: The table.

    Raises:
        TrainingError: if none could be used.
    """
    reasons = output.with_name(f"{output.stem}_left_out.ecsv")
    left_out = _counted(outcome.left_out)
    if outcome.left_out:
        print(f"left out  {left_out}, with reasons in {reasons}")
    if not outcome.rows:
        raise TrainingError(
            f"none of {left_out} can be used; {reasons} says why, first of {_first(reasons)}"
        )
    if outcome.repeated:
        rows = "1 row has" if outcome.repeated == 1 else f"{outcome.repeated} rows have"
        print(f"note  {rows} the id of an earlier one; see column source")
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
