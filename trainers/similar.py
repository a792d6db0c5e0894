"""Objects of a catalogue that are most like some of them, or like other cutouts.

Compares the embeddings that `trainers.catalogue` adds to a catalogue. Cutouts of other objects are
embedded by the model of the run that made the catalogue. Every vector is compared, unless there is
an index, with which a search among a million objects takes milliseconds.

Examples:
    python -m trainers.similar --catalogue embeddings.parquet --query J1204+0153 --output like.ecsv
    python -m trainers.similar --catalogue embeddings.parquet --run_dir runs/NAME \\
        --images ring.fits arc.fits --number 50 --output like.fits
    python -m trainers.similar --catalogue embeddings.parquet --query J1204+0153 --method hnsw \\
        --output like.ecsv
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, flag, option
from trainers.tables.provenance import provenance

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "scikit-learn", "usearch", "numpy", "astropy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(CheckedOptions):
    """The catalogue; the objects that are asked for: --query or --images; and the output table."""

    catalogue: Path = option(metavar="FILE")
    """Catalogue with embeddings: .parquet, .fits or .ecsv."""

    query: list[str] | None = option(None, type=str, nargs="+", metavar="ID")
    """Identifiers of objects in the catalogue."""

    images: list[str] | None = option(None, type=str, nargs="+", metavar="FILE")
    """Cutouts of other objects: files, folders or patterns."""

    run_dir: Path | None = option(None)
    """Run whose model made the catalogue, for --images."""

    number: int = option(20, least=1)
    """Neighbours of each object."""

    metric: Literal["cosine", "euclidean"] = option("cosine")
    """Distance between embeddings."""

    method: Literal["auto", "exact", "hnsw"] = option("auto")
    """`exact`: compare every vector; `hnsw`: search an index beside the catalogue, which is built
    if there is none; auto: search an index if there is one."""

    output: Path = option(metavar="FILE")
    """Output table: .fits, .parquet, .ecsv or .csv."""

    overwrite: bool = flag()
    """Replace an existing table."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.query is None) == (self.images is None):
            raise UserError("one of `query` and `images` is required, and not both")
        if (self.images is None) != (self.run_dir is None):
            raise UserError("`images` and `run_dir` need each other")


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.similar", description=__doc__)

    from trainers.tables import table_files

    table_files.check_path(options.output, options.overwrite)

    from trainers.similarity import search

    held = search.opened(options.catalogue, options.metric, options.method)
    asked = {"query": options.query}
    if options.images is not None:
        from trainers.similarity.embedded_cutouts import embed

        asked["names"], asked["vectors"] = embed(options.images, options.run_dir, held.meta)
    try:
        table = search.neighbour_table(held, options.number, options.metric, **asked)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"`catalogue={options.catalogue}`: {error}") from None
    table.meta.update(provenance("similar", arguments, _PACKAGES))
    table_files.write(table, options.output)
    number = len(set(table["query"]))
    print(f"similar  {options.output} ({number} objects, {len(table)} neighbours)")


main = command("similar", _command, "stopped; no table was written")

if __name__ == "__main__":
    sys.exit(main())
