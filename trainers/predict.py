"""Table of a model's outputs for cutouts: one row for each object.

Reads FITS (images, extensions, tables), PNG, JPEG, TIFF, npy, npz, HDF5 and Parquet files, folders
of them, or a split of a TFDS dataset; asks a SavedModel; and writes FITS, Parquet, ECSV or CSV by
the end of the name. What cannot be used is listed with its reason in `<output>_left_out.ecsv`. The
same command resumes one that was stopped.

Examples:
    python -m trainers.predict --saved_model saved_models/NAME --images cutouts/ --output a.parquet
    python -m trainers.predict --run_dir runs/NAME --images 'n*/*.fits.fz' --output b.fits
    python -m trainers.predict --run_dir runs/NAME --dataset sdss_star_galaxy/simulated \\
        --split test --output c.ecsv
    python -m trainers.predict --saved_model saved_models/NAME --images stamps.h5 \\
        --output d.parquet \\
        --beam_pipeline_options direct_num_workers=8,direct_running_mode=multi_processing
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import flag, option
from trainers.options.table import TableOptions
from trainers.prediction import notes, table
from trainers.tables.provenance import provenance

if TYPE_CHECKING:
    from trainers.prediction.merge_parts import Outcome
    from trainers.prediction.parts import Parts
    from trainers.prediction.predict_blocks import Entries, Unit
    from trainers.prediction.served_model import Facts, ServedModel
    from trainers.training.progress import ProgressBar

__all__ = ["main"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TableOptions):
    """The model: --saved_model or --run_dir; the cutouts: --images or --dataset."""

    saved_model: Path | None = option(None, metavar="FOLDER")
    """Folder of an exported SavedModel."""

    run_dir: Path | None = option(None)
    """Folder of a finished run with an exported SavedModel."""

    dataset: str | None = option(None, metavar="NAME/CONFIG")
    """TFDS dataset."""

    split: str = option("test")
    """Split of the dataset."""

    data_dir: str | None = option(None)
    """Folder of TFDS datasets."""

    manual_dir: str | None = option(None)
    """Folder of manually downloaded files, from which the dataset is built."""

    embeddings: bool = flag()
    """Add a column `embedding` with the vector of features of each object; .fits, .parquet or .ecsv
    alone."""

    single_view: bool = flag()
    """Answer each image as it is, without the mean over its flips and turns: faster, and less
    accurate by the numbers on the model card."""

    inputs: Path | None = option(None, metavar="FILE")
    """Table with id and the numbers that the model reads beside the image, such as
    galactic_reddening of `photo_z`, in columns of these names; kinds of files as of positions."""

    runner: str | None = option(None)
    """Apache Beam runner, such as FlinkRunner; default: no pipeline, this process alone."""

    beam_pipeline_options: str | None = option(None, metavar="OPTION=VALUE,...")
    """Options of the Beam pipeline."""

    validity: Literal["all", "pixels", "none"] = option("all")
    """Comparison with the training images, in columns `validity_distance`, `outside` and
    `outside_reason`: of pixels and features, of pixels, or none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for one, other in (("saved_model", "run_dir"), ("images", "dataset")):
            if (getattr(self, one) is None) == (getattr(self, other) is None):
                raise UserError(f"one of `{one}` and `{other}` is required, and not both")


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.predict", description=__doc__)
    table.check_output(options, vectors="embeddings" if options.embeddings else None)
    table.report(_predict(options, arguments), options.output)


def _predict(options: Options, arguments: Sequence[str]) -> Outcome:
    # Mistakes show before TensorFlow has started.
    from trainers.prediction import model_folder
    from trainers.runs import exports

    files = table.check_files(options) if options.images else ()
    notes.print_unread(options.images or ())
    if options.run_dir is not None:
        folder = exports.saved_model_of_run(options.run_dir)
    else:
        folder = model_folder.folder_of(options.saved_model)

    from trainers.prediction import local, predict_blocks, served_model

    names = ("embeddings", "single_view", "validity", "inputs")
    extras = {name: getattr(options, name) for name in names}
    model = served_model.ServedModel(folder, **extras)
    print(f"model  {_described(model.facts)}", flush=True)
    if options.units is None:
        notes.print_units(files, model.facts.data)
    notes.print_noise(model.facts.data)
    if options.validity != "none":
        notes.print_validity(model)
    if options.extensions == "objects" and not options.hdu:
        notes.print_extensions(files)
    entries = _entries(options, model)
    if options.images:
        notes.print_range(entries, files, model.facts.data)
    checksum = served_model.checksum(folder)

    def run(units: Sequence[Unit], parts: Parts, progress: ProgressBar) -> None:
        settings = {"batch_size": options.batch_size, "progress": progress}
        if options.runner or options.beam_pipeline_options:
            from trainers.prediction import beam_pipeline

            settings |= {"runner": options.runner, "options": options.beam_pipeline_options}
            settings |= extras
            beam_pipeline.run(entries, units, model.facts, parts, **settings)
        else:
            predict = functools.partial(predict_blocks.predict_block, model=model)
            local.run(entries, units, predict, model.facts, parts, **settings)

    choices = {name: value for name, value in extras.items() if name != "inputs"}
    own = {name: getattr(options, name) for name in ("images", "dataset", "split")} | choices
    return table.make(
        entries,
        options,
        title=model.facts.name,
        manifest={
            **{f"--{name}": value for name, value in (own | options.file_settings).items()},
            "checksum of the model": checksum,
            **_table_of_inputs(options.inputs),
        },
        run=run,
        meta=_meta(options, arguments, model.facts, checksum),
    )


def _table_of_inputs(path: Path | None) -> dict[str, str]:
    """Returns what the rows depend on of the table of further inputs."""
    from zoo.weights.fetch import sha256

    if path is None:
        return {}
    return {"--inputs": str(path), "checksum of it": sha256(path) if path.is_file() else ""}


def _entries(options: Options, model: ServedModel) -> Entries:
    if options.images:
        return table.files(options, model.shape, data=model.facts.data)
    from trainers.prediction import training_images
    from trainers.prediction.dataset_split import DatasetSplit

    entries = DatasetSplit(
        options.dataset,
        options.split,
        model.shape,
        data_dir=options.data_dir,
        manual_dir=options.manual_dir,
        pads=training_images.padding(model.facts.data),
    )
    notes.print_dataset(entries.spec, model.facts.data)
    return entries


def _described(facts: Facts) -> str:
    """Returns name, version and training data of a model."""
    name = f"{facts.name}, version {facts.version}" if facts.version else facts.name
    if not facts.data.get("name"):
        return f"{name}, of {facts.folder}"
    size = "x".join(map(str, facts.data["image_shape"]))
    bands = " ".join(facts.data["bands"])
    return f"{name}, trained on {facts.data['name']} ({size}), bands {bands}"


def _meta(
    options: Options, arguments: Sequence[str], facts: Facts, checksum: str
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
        **provenance("predict", arguments, table.PACKAGES),
    }


main = command("predict", _command)

if __name__ == "__main__":
    sys.exit(main())
