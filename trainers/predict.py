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
import functools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.cli.arguments import OneLineParser
from trainers.cli.exit_status import exit_status
from trainers.errors import UserError
from trainers.prediction import table

if TYPE_CHECKING:
    from trainers.prediction.answering import Entries, Unit
    from trainers.prediction.joining import Outcome
    from trainers.prediction.parts import Parts
    from trainers.prediction.served_model import Facts, ServedModel
    from trainers.training.progress import Progress

__all__ = ["main"]


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
    table.report(_predict(options, arguments), options.output)


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
    group = parser.add_argument_group("a dataset")
    group.add_argument("--split", default="test", help="Its split; default: %(default)s.")
    group.add_argument("--data_dir", help="Where TFDS keeps its datasets.")
    group.add_argument("--manual_dir", help="Files downloaded by hand, for building it.")
    table.add_options(parser)
    group = parser.add_argument_group("how it runs")
    add = group.add_argument
    add("--batch_size", type=int, default=64, help="Images at a time; default: %(default)s.")
    add("--runner", help="Runner of an Apache Beam pipeline; default: none, this process alone.")
    add("--beam_pipeline_options", help="Options of the pipeline, OPTION=VALUE,OPTION=VALUE.")
    options = parser.parse_args(arguments)
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    for one, other in (("saved_model", "run_dir"), ("images", "dataset")):
        if (getattr(options, one) is None) == (getattr(options, other) is None):
            raise UserError(f"one of --{one} and --{other} is required, and not both")
    table.check_options(options)


def _predict(options: argparse.Namespace, arguments: Sequence[str]) -> Outcome:
    # Mistakes show before TensorFlow has started.
    from trainers.prediction import model_folder

    files = table.check_files(options) if options.images else ()
    if options.run_dir is not None:
        folder = model_folder.folder_of_run(options.run_dir)
    else:
        folder = model_folder.folder_of(options.saved_model)

    from trainers.prediction import answering, local, served_model

    model = served_model.ServedModel(folder)
    print(f"model  {_described(model.facts)}", flush=True)
    _note_units(files, model.facts)
    entries = _entries(options, model)
    checksum = served_model.checksum(folder)

    def run(units: Sequence[Unit], parts: Parts, progress: Progress) -> None:
        settings = {"batch_size": options.batch_size, "progress": progress}
        if options.runner or options.beam_pipeline_options:
            from trainers.prediction import beam_pipeline

            settings |= {"runner": options.runner, "options": options.beam_pipeline_options}
            beam_pipeline.run(entries, units, model.facts, parts, **settings)
        else:
            answered = functools.partial(answering.answered, model=model)
            local.run(entries, units, answered, model.facts, parts, **settings)

    names = ("images", "dataset", "split", *table.FILE_OPTIONS)
    return table.make(
        entries,
        options,
        title=model.facts.name,
        manifest={
            **{f"--{name}": getattr(options, name) for name in names},
            "checksum of the model": checksum,
        },
        run=run,
        meta=_meta(options, arguments, model.facts, checksum),
    )


def _entries(options: argparse.Namespace, model: ServedModel) -> Entries:
    if options.images:
        return table.files(options, model.shape)
    from trainers.cutouts.dataset_split import DatasetSplit

    return DatasetSplit(
        options.dataset,
        options.split,
        model.shape,
        data_dir=options.data_dir,
        manual_dir=options.manual_dir,
    )


def _described(facts: Facts) -> str:
    """Returns which model it is and what it was trained on: versions of one name may differ."""
    name = f"{facts.name}, version {facts.version}" if facts.version else facts.name
    if not facts.data.get("name"):
        return f"{name}, of {facts.folder}"
    size = "x".join(map(str, facts.data["image_shape"]))
    bands = " ".join(facts.data["bands"])
    return f"{name}, trained on {facts.data['name']} ({size}), bands {bands}"


def _note_units(files: Sequence[str], facts: Facts) -> None:
    from trainers.prediction import pixel_units

    known, found = facts.data.get("units"), pixel_units.of_files(files)
    if known and found and not pixel_units.are_same(found[1], known):
        print(
            f"note  {found[0]} is in {found[1]} (BUNIT), the model was trained on {known}: "
            "its answers mean nothing unless these are the same",
            flush=True,
        )


def _meta(
    options: argparse.Namespace, arguments: Sequence[str], facts: Facts, checksum: str
) -> Mapping[str, Any]:
    source = (
        {"images": " ".join(options.images)}
        if options.images
        else {"dataset": options.dataset, "splits": options.split}
    )
    return {
        "model": facts.name,
        "version": facts.version,
        "task": facts.task,
        **({"units": facts.data["units"]} if facts.data.get("units") else {}),
        "savedmod": str(facts.folder),
        "checksum": checksum,
        **source,
        **table.provenance("predict", arguments),
    }


if __name__ == "__main__":
    sys.exit(main())
