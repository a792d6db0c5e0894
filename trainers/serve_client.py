"""A table of the answers of a model behind TensorFlow Serving: a row for each object.

Reads the files that `trainers.predict` reads, sends them over gRPC, and writes FITS, Parquet, ECSV
or CSV by the end of the name. PNG and JPEG files go as they are where the model takes them. What
cannot be used, or is refused by the server, is listed with its reason in `<output>_left_out.ecsv`.
A request that finds the server away is tried again; a command that was stopped goes on when it is
given again.

Examples:
    python -m trainers.serve_client --server localhost:8500 --model vae_mixture \
        --images cutouts/*.fits --output stars.fits
    python -m trainers.serve_client --server gpu1:8500 --model gz_cnn --version 3 \
        --images pictures/ --output votes.parquet
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import re
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
    from trainers.serving.asking import RemoteModel

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "tensorflow", "tensorflow-serving-api", "grpcio", "astropy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if nothing can be used or the server cannot be reached, 2 for a
        mistake of the user.
    """
    return exit_status("serve_client", _command, arguments)


def _command(arguments: Sequence[str]) -> None:
    options = _parse(arguments)
    outcome = _ask(options, arguments)
    reasons = options.output.with_name(f"{options.output.stem}_left_out.ecsv")
    if outcome.left_out:
        print(f"left out  {outcome.left_out} objects, with reasons in {reasons}")
    if not outcome.rows:
        raise TrainingError(f"none of {outcome.left_out} objects can be used; {_first_of(reasons)}")
    print(f"table  {options.output} ({outcome.rows} objects)")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    from trainers import table_files

    parser = OneLineParser(
        prog="python -m trainers.serve_client",
        description="Writes a table of the answers of a model behind TensorFlow Serving.",
        allow_abbrev=False,
    )
    group = parser.add_argument_group("the server")
    add = group.add_argument
    add("--server", required=True, metavar="HOST:PORT", help="Its gRPC interface.")
    add("--model", required=True, help="Name of the model on the server.")
    add("--version", type=int, help="Its version; default: the one that answers now.")
    add(
        "--signature",
        help="What it is asked for; default: serving_default, or serving_bytes for PNG and JPEG.",
    )
    add("--timeout", type=float, default=60.0, help="For an answer, s; default: %(default)s.")
    group = parser.add_argument_group("the cutouts")
    add = group.add_argument
    add("--images", nargs="+", required=True, metavar="PATH", help="Files, folders or patterns.")
    add("--column", help="See trainers.predict.")
    add("--id_column", help="See trainers.predict.")
    add("--extensions", default="objects", help="See trainers.predict; default: %(default)s.")
    add("--batch_size", type=int, default=32, help="Images at a time; default: %(default)s.")
    group = parser.add_argument_group("the table")
    add = group.add_argument
    add("--output", type=Path, required=True, help="FILE.fits, .parquet, .ecsv or .csv.")
    add("--overwrite", action="store_true", help="Replace it, and begin anew.")
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"[^/\s]+:\d+", options.server):
        raise UserError(f"--server must be HOST:PORT, of gRPC; got '{options.server}'")
    if options.batch_size < 1:
        raise UserError(f"--batch_size must be at least 1; got {options.batch_size}")
    if not options.timeout > 0:
        raise UserError(f"--timeout must be positive; got {options.timeout:g}")
    if options.version is not None and options.version < 1:
        raise UserError(f"--version must be at least 1; got {options.version}")
    table_files.check_path(options.output, overwrite=True)
    return options


def _ask(options: argparse.Namespace, arguments: Sequence[str]) -> Outcome:
    from trainers.cutouts import sources

    files = sources.find(options.images)  # A mistake shows before TensorFlow has started.

    from trainers.prediction import answering, joining
    from trainers.prediction.parts import Parts
    from trainers.serving.asking import RemoteModel
    from trainers.serving.prediction_client import PredictionClient
    from trainers.training.progress import Progress

    connection = (options.server, options.model, options.version)
    with PredictionClient(*connection, timeout=options.timeout) as client:
        model = RemoteModel(
            client,
            options.server,
            options.model,
            pictures=all(map(sources.is_picture, files)),
            signature=options.signature,
        )
        entries = _entries(options, model)
        parts = Parts(options.output)
        with parts.opened(_manifest(options, entries, model), options.overwrite):
            units = answering.units(len(entries), options.batch_size)
            if parts.summary() is None:
                done = parts.done()
                missing = [unit for unit in units if unit.number not in done]
                before = len(entries) - sum(unit.stop - unit.start for unit in missing)
                progress = Progress(options.model, len(entries), before, unit="objects")
                for unit in missing:
                    rows = []
                    for block in answering.blocks(entries, unit, options.batch_size):
                        rows.append(model.answered(block))
                        progress.add(len(block.entries))
                    left_out = [line for one in rows for line in one.left_out]
                    parts.write(unit.number, answering.tabled(rows, model.facts), left_out)
                progress.close()
                entries.close()
            return joining.join(parts, len(units), _meta(options, arguments, model))


def _entries(options: argparse.Namespace, model: RemoteModel) -> Entries:
    if model.takes_files:
        from trainers.serving.asking import EncodedFiles

        return EncodedFiles(options.images)
    from trainers.cutouts.reading import CutoutFiles

    return CutoutFiles(
        options.images,
        model.shape,
        column=options.column,
        id_column=options.id_column,
        extensions=options.extensions,
    )


def _manifest(options: argparse.Namespace, entries: Entries, model: RemoteModel) -> dict[str, Any]:
    """Returns all that the rows depend on."""
    state = hashlib.sha256(json.dumps(entries.state()).encode()).hexdigest()
    names = ("server", "model", "images", "column", "id_column", "extensions", "batch_size")
    return {
        **{f"--{name}": getattr(options, name) for name in names},
        "--version": int(model.facts.version),
        "--signature": model.signature,
        "state of the cutouts": state,
    }


def _meta(
    options: argparse.Namespace, arguments: Sequence[str], model: RemoteModel
) -> Mapping[str, Any]:
    from trainers import run_folder

    packages = run_folder.installed_versions(_PACKAGES)
    return {
        "server": options.server,
        "model": options.model,
        "version": model.facts.version,
        "sigdef": model.signature,
        "images": " ".join(options.images),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "creator": ", ".join(f"{name} {packages[name]}" for name in _PACKAGES if name in packages),
        "command": shlex.join(["python", "-m", "trainers.serve_client", *arguments]),
    }


def _first_of(reasons: Path) -> str:
    from astropy.table import Table

    first = Table.read(reasons, format="ascii.ecsv")[0]
    return f"{first['source']} {first['reason']}"


if __name__ == "__main__":
    sys.exit(main())
