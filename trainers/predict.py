"""A table of a model's answers to cutouts: a row for each object.

Reads FITS (images, extensions, tables), PNG and JPEG, npy and npz, HDF5 and Parquet files, folders
of them, or a split of a TFDS dataset; asks a SavedModel; and writes FITS, Parquet, ECSV or CSV by
the end of the name. What cannot be used is listed with its reason in `<output>_left_out.ecsv`. A
command that was stopped, by whatever, goes on when it is given again.

Examples:
    python -m trainers.predict --saved_model saved_models/NAME --images cutouts/ --output a.parquet
    python -m trainers.predict --run_dir runs/NAME --images 'n*/*.fits.fz' --output b.fits
    python -m trainers.predict --run_dir runs/NAME --dataset sdss_star_galaxy/simulated \
        --split test --output c.ecsv
    python -m trainers.predict --saved_model saved_models/NAME --images stamps.h5 \
        --output d.parquet \
        --beam_pipeline_options direct_num_workers=8,direct_running_mode=multi_processing
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.arguments import OneLineParser
from trainers.command import exit_status
from trainers.errors import TrainingError, UserError

if TYPE_CHECKING:
    from trainers.prediction.answering import Entries
    from trainers.prediction.joining import Outcome
    from trainers.prediction.served_model import Facts, ServedModel

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "tensorflow", "astropy", "numpy", "pyarrow")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if nothing can be used or written, 2 for a mistake of the user.
    """
    return exit_status("predict", _command, arguments)


def _command(arguments: Sequence[str]) -> None:
    options = _parse(arguments)
    outcome = _predict(options, arguments)
    parts = options.output.with_name(f"{options.output.stem}_left_out.ecsv")
    if outcome.left_out:
        print(f"left out  {outcome.left_out} objects, with reasons in {parts}")
    if not outcome.rows:
        raise TrainingError(f"none of {outcome.left_out} objects can be used; {parts} says why")
    if outcome.repeated:
        print(f"note  {outcome.repeated} rows have the id of an earlier one; see column source")
    print(f"table  {options.output} ({outcome.rows} objects)")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m trainers.predict",
        description="Writes a table of a model's answers to cutouts, a row for each object.",
        allow_abbrev=False,
    )
    group = parser.add_argument_group("the model, one of")
    group.add_argument("--saved_model", type=Path, help="Folder of an exported SavedModel.")
    group.add_argument("--run_dir", type=Path, help="Folder of a run that ended with an export.")
    group = parser.add_argument_group("the cutouts, one of")
    group.add_argument(
        "--images", nargs="+", metavar="PATH", help="Files, folders or patterns such as '*.fits'."
    )
    group.add_argument("--dataset", help="A dataset of TFDS, NAME/CONFIG; see --split.")
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
    group = parser.add_argument_group("a dataset")
    group.add_argument("--split", default="test", help="Its split; default: %(default)s.")
    group.add_argument("--data_dir", help="Where TFDS keeps its datasets.")
    group.add_argument("--manual_dir", help="Files downloaded by hand, for building it.")
    group = parser.add_argument_group("the table")
    add = group.add_argument
    add("--output", type=Path, required=True, help="FILE.fits, .parquet, .ecsv or .csv.")
    add("--overwrite", action="store_true", help="Replace it, and begin anew.")
    group = parser.add_argument_group("how it runs")
    add = group.add_argument
    add("--batch_size", type=int, default=64, help="Images at a time; default: %(default)s.")
    add("--runner", help="Runner of an Apache Beam pipeline; default: none, this process alone.")
    add("--beam_pipeline_options", help="Options of the pipeline, OPTION=VALUE,OPTION=VALUE.")
    options = parser.parse_args(arguments)
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    from trainers import table_files

    for one, other in (("saved_model", "run_dir"), ("images", "dataset")):
        if (getattr(options, one) is None) == (getattr(options, other) is None):
            raise UserError(f"one of --{one} and --{other} is required, and not both")
    if options.batch_size < 1:
        raise UserError(f"--batch_size must be at least 1; got {options.batch_size}")
    table_files.check_path(options.output, overwrite=True)


def _predict(options: argparse.Namespace, arguments: Sequence[str]) -> Outcome:
    if options.images:
        from trainers.cutouts import sources

        sources.find(options.images)  # A mistake shows before TensorFlow has started.

    from trainers.prediction import answering, joining, local, served_model
    from trainers.prediction.parts import Parts
    from trainers.training.progress import Progress

    if options.run_dir is not None:
        folder = served_model.folder_of_run(options.run_dir)
    else:
        folder = served_model.folder_of(options.saved_model)
    model = served_model.ServedModel(folder)
    entries = _entries(options, model)
    checksum = served_model.checksum(folder)
    parts = Parts(options.output)
    with parts.opened(_manifest(options, entries, checksum), options.overwrite):
        units = answering.units(len(entries), options.batch_size)
        if parts.summary() is None:
            done = parts.done()
            missing = [unit for unit in units if unit.number not in done]
            before = len(entries) - sum(unit.stop - unit.start for unit in missing)
            if before:
                print(f"going on  {before} of {len(entries)} objects are done", flush=True)
            progress = Progress(model.facts.name, len(entries), before, unit="objects")
            if options.runner or options.beam_pipeline_options:
                from trainers.prediction import beam_pipeline

                beam_pipeline.run(
                    entries,
                    missing,
                    model.facts,
                    parts,
                    batch_size=options.batch_size,
                    progress=progress,
                    runner=options.runner,
                    options=options.beam_pipeline_options,
                )
            else:
                local.run(
                    entries,
                    missing,
                    model,
                    parts,
                    batch_size=options.batch_size,
                    progress=progress,
                )
            progress.close()
        return joining.join(parts, len(units), _meta(options, arguments, model.facts, checksum))


def _entries(options: argparse.Namespace, model: ServedModel) -> Entries:
    if options.images:
        from trainers.cutouts.reading import CutoutFiles

        return CutoutFiles(
            options.images,
            model.shape,
            column=options.column,
            id_column=options.id_column,
            extensions=options.extensions,
        )
    from trainers.cutouts.dataset_split import DatasetSplit

    return DatasetSplit(
        options.dataset,
        options.split,
        model.shape,
        data_dir=options.data_dir,
        manual_dir=options.manual_dir,
    )


def _manifest(options: argparse.Namespace, entries: Entries, checksum: str) -> dict[str, Any]:
    """Returns all that the rows depend on."""
    state = hashlib.sha256(json.dumps(entries.state()).encode()).hexdigest()
    names = ("images", "dataset", "split", "column", "id_column", "extensions", "batch_size")
    given = {f"--{name}": getattr(options, name) for name in names}
    return {**given, "checksum of the model": checksum, "state of the cutouts": state}


def _meta(
    options: argparse.Namespace, arguments: Sequence[str], facts: Facts, checksum: str
) -> Mapping[str, Any]:
    from trainers import run_folder

    packages = run_folder.installed_versions(_PACKAGES)
    source = (
        {"images": " ".join(options.images)}
        if options.images
        else {"dataset": options.dataset, "splits": options.split}
    )
    return {
        "model": facts.name,
        "version": facts.version,
        "task": facts.task,
        "savedmod": str(facts.folder),
        "checksum": checksum,
        **source,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "creator": ", ".join(f"{name} {packages[name]}" for name in _PACKAGES if name in packages),
        "command": shlex.join(["python", "-m", "trainers.predict", *arguments]),
    }


if __name__ == "__main__":
    sys.exit(main())
