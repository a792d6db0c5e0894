"""Table of the outputs of a model behind TensorFlow Serving: one row for each object.

Reads the files that `trainers.predict` reads, sends them over gRPC, and writes FITS, Parquet, ECSV
or CSV by the end of the name. PNG and JPEG files go as they are where the model takes them. What
cannot be used, or is refused by the server, is listed with its reason in `<output>_left_out.ecsv`.
Requests are repeated while the server cannot be reached; the same command resumes one that was
stopped.

Examples:
    python -m trainers.serve_client --server localhost:8500 --model vae_mixture \\
        --images cutouts/*.fits --output stars.fits
    python -m trainers.serve_client --server gpu1:8500 --model gz_cnn --version 3 \\
        --images pictures/ --output votes.parquet
"""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import option
from trainers.options.table import TableOptions
from trainers.prediction import notes, table
from trainers.tables.provenance import provenance

if TYPE_CHECKING:
    from trainers.prediction.merge_parts import Outcome
    from trainers.prediction.parts import Parts
    from trainers.prediction.predict_blocks import Entries, Unit
    from trainers.prediction.remote_model import RemoteModel
    from trainers.training.progress import ProgressBar

__all__ = ["main"]

_PACKAGES = (*table.PACKAGES, "tensorflow-serving-api", "grpcio")

# `zoo.embedding.EMBEDDING`, which is not imported before TensorFlow has to be.
_EMBEDDING = "embedding"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TableOptions):
    """The server, the cutouts and the table."""

    server: str = option(metavar="HOST:PORT")
    """gRPC address of the server."""

    model: str = option()
    """Name of the model on the server."""

    version: int | None = option(None, least=1)
    """Version of the model; default: the one served at the start of the table."""

    signature: str | None = option(None)
    """Signature to call; default: serving_default, or serving_bytes for PNG and JPEG files."""

    timeout: float = option(60.0, above=0)
    """Timeout of a request, s."""

    images: list[str] = option(type=str, nargs="+", metavar="PATH")
    """Files, folders or patterns such as '*.fits'."""

    batch_size: int = option(32, least=1)
    """Images in a request."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[^/\s]+:\d+", self.server):
            raise UserError(f"`server` must be HOST:PORT, of gRPC; got '{self.server}'")


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.serve_client", description=__doc__)
    vectors = f"signature={_EMBEDDING}" if options.signature == _EMBEDDING else None
    table.check_output(options, vectors)
    table.report(_ask(options, arguments), options.output)


def _ask(options: Options, arguments: Sequence[str]) -> Outcome:
    from trainers.cutouts import sources

    files = table.check_files(options)  # A mistake shows before TensorFlow has started.
    notes.print_unread(options.images)

    from trainers.prediction import local, predict_blocks
    from trainers.prediction.prediction_client import PredictionClient
    from trainers.prediction.remote_model import RemoteModel

    connection = (options.server, options.model, options.version or _begun_with(options))
    with PredictionClient(*connection, timeout=options.timeout) as client:
        model = RemoteModel(
            client,
            options.server,
            options.model,
            pictures=all(map(sources.is_served_picture, files)),
            signature=options.signature,
        )
        entries = _entries(options, model, files)

        def run(units: Sequence[Unit], parts: Parts, progress: ProgressBar) -> None:
            settings = {"batch_size": options.batch_size, "progress": progress}
            predict = functools.partial(predict_blocks.predict_block, model=model)
            local.run(entries, units, predict, model.facts, parts, **settings)

        asked = {"version": model.facts.version, "signature": model.signature}
        asked |= {name: getattr(options, name) for name in ("server", "model", "images")}
        return table.make(
            entries,
            options,
            title=options.model,
            manifest={
                f"--{name}": value for name, value in (asked | options.file_settings).items()
            },
            run=run,
            meta={
                "server": options.server,
                "model": options.model,
                "version": model.facts.version,
                "sigdef": model.signature,
                "images": " ".join(options.images),
                **provenance("serve_client", arguments, _PACKAGES),
            },
        )


def _begun_with(options: Options) -> int | None:
    """Returns the version that the rows are from which a stopped command left."""
    from trainers.prediction.parts import Parts

    begun = Parts(options.output).begun() or {}
    same = all(begun.get(f"--{name}") == getattr(options, name) for name in ("server", "model"))
    if options.overwrite or not same:
        return None
    print(f"resuming  with version {begun['--version']}", flush=True)
    return int(begun["--version"])


def _entries(options: Options, model: RemoteModel, files: Sequence[str]) -> Entries:
    data = model.facts.data
    notes.print_noise(data)
    if model.takes_files:
        from trainers.prediction.remote_model import EncodedFiles

        return EncodedFiles(options.images, options.output)
    if options.units is None:
        notes.print_units(files, data)
    notes.print_pictures(files, data)
    if options.extensions == "objects" and not options.hdu:
        notes.print_extensions(files)
    entries = table.files(options, model.shape, data=data)
    notes.print_range(entries, files, data)
    return entries


main = command("serve_client", _command)

if __name__ == "__main__":
    sys.exit(main())
