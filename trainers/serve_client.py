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
import functools
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainers.cli.arguments import OneLineParser
from trainers.cli.exit_status import exit_status
from trainers.errors import UserError
from trainers.prediction import table

if TYPE_CHECKING:
    from trainers.prediction.answering import Entries, Unit
    from trainers.prediction.joining import Outcome
    from trainers.prediction.parts import Parts
    from trainers.prediction.remote_model import RemoteModel
    from trainers.training.progress import Progress

__all__ = ["main"]

_PACKAGES = ("tensorflow-serving-api", "grpcio")


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
    table.report(_ask(options, arguments), options.output)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m trainers.serve_client",
        description="Writes a table of the answers of a model behind TensorFlow Serving.",
        allow_abbrev=False,
    )
    group = parser.add_argument_group("the server")
    add = group.add_argument
    add("--server", required=True, metavar="HOST:PORT", help="Its gRPC interface.")
    add("--model", required=True, help="Name of the model on the server.")
    add(
        "--version",
        type=int,
        help="Its version; default: the one that answers now, or did when the table was begun.",
    )
    add(
        "--signature",
        help="What it is asked for; default: serving_default, or serving_bytes for PNG and JPEG.",
    )
    add("--timeout", type=float, default=60.0, help="For an answer, s; default: %(default)s.")
    group = parser.add_argument_group("the cutouts")
    add = group.add_argument
    add("--images", nargs="+", required=True, metavar="PATH", help="Files, folders or patterns.")
    add("--batch_size", type=int, default=32, help="Images at a time; default: %(default)s.")
    table.add_options(parser)
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"[^/\s]+:\d+", options.server):
        raise UserError(f"--server must be HOST:PORT, of gRPC; got '{options.server}'")
    if not options.timeout > 0:
        raise UserError(f"--timeout must be positive; got {options.timeout:g}")
    if options.version is not None and options.version < 1:
        raise UserError(f"--version must be at least 1; got {options.version}")
    table.check_options(options)
    return options


def _ask(options: argparse.Namespace, arguments: Sequence[str]) -> Outcome:
    from trainers.cutouts import sources

    files = table.check_files(options)  # A mistake shows before TensorFlow has started.

    from trainers.prediction import answering, local
    from trainers.prediction.prediction_client import PredictionClient
    from trainers.prediction.remote_model import RemoteModel

    connection = (options.server, options.model, options.version or _begun_with(options))
    with PredictionClient(*connection, timeout=options.timeout) as client:
        model = RemoteModel(
            client,
            options.server,
            options.model,
            pictures=all(map(sources.is_picture, files)),
            signature=options.signature,
        )
        entries = _entries(options, model)

        def run(units: Sequence[Unit], parts: Parts, progress: Progress) -> None:
            settings = {"batch_size": options.batch_size, "progress": progress}
            answered = functools.partial(answering.answered, model=model)
            local.run(entries, units, answered, model.facts, parts, **settings)

        asked = {"version": model.facts.version, "signature": model.signature}
        names = ("server", "model", "images", *table.FILE_OPTIONS)
        return table.make(
            entries,
            options,
            title=options.model,
            manifest={f"--{name}": value for name, value in asked.items()}
            | {f"--{name}": getattr(options, name) for name in names},
            run=run,
            meta={
                "server": options.server,
                "model": options.model,
                "version": model.facts.version,
                "sigdef": model.signature,
                "images": " ".join(options.images),
                **table.provenance("serve_client", arguments, _PACKAGES),
            },
        )


def _begun_with(options: argparse.Namespace) -> int | None:
    """Returns the version that the rows are from which a stopped command left."""
    from trainers.prediction.parts import Parts

    begun = Parts(options.output).begun() or {}
    same = all(begun.get(f"--{name}") == getattr(options, name) for name in ("server", "model"))
    if options.overwrite or not same:
        return None
    print(f"going on  with version {begun['--version']}", flush=True)
    return int(begun["--version"])


def _entries(options: argparse.Namespace, model: RemoteModel) -> Entries:
    if model.takes_files:
        from trainers.prediction.remote_model import EncodedFiles

        return EncodedFiles(options.images, options.output)
    return table.files(options, model.shape)


if __name__ == "__main__":
    sys.exit(main())
