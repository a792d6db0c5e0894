"""Objects of a catalogue that are most like some of them, or like other cutouts.

Compares the embeddings that `trainers.catalogue` adds to a catalogue. Cutouts of other objects are
embedded by the model of the run that made the catalogue.

Examples:
    python -m trainers.similar --catalogue embeddings.parquet --query J1204+0153 --output like.ecsv
    python -m trainers.similar --catalogue embeddings.parquet --run_dir runs/NAME \\
        --images ring.fits arc.fits --number 50 --output like.fits
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

_PACKAGES = ("galaxy-model-zoo", "scikit-learn", "numpy", "astropy")


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

    import numpy as np
    from astropy.table import Column, Table

    from trainers.similarity.embeddings import read_embeddings
    from trainers.similarity.neighbours import nearest

    held = read_embeddings(options.catalogue)
    if options.query is not None:
        names = list(dict.fromkeys(options.query))
        own = held.rows(names)
        queries, more = held.vectors[own], 1
    else:
        from trainers.similarity.embedded_cutouts import embed

        names, queries = embed(options.images, options.run_dir, held.meta)
        own, more = [-1] * len(names), 0
    try:
        rows, distances = nearest(held.vectors, queries, options.number + more, options.metric)
    except ValueError as error:
        raise UserError(f"`catalogue={options.catalogue}`: {error}") from None
    kept = [row != mine for row, mine in zip(rows, own, strict=True)]
    kept = [each & (np.cumsum(each) <= options.number) for each in kept]
    columns = {
        "query": (
            [name for name, each in zip(names, kept, strict=True) for _ in range(each.sum())]
        ),
        "rank": [rank for each in kept for rank in range(1, each.sum() + 1)],
        "id": [
            held.ids[row] for each, found in zip(kept, rows, strict=True) for row in found[each]
        ],
        "distance": np.concatenate(
            [found[each] for each, found in zip(kept, distances, strict=True)]
        ),
    }
    descriptions = {
        "query": "Object that was asked for",
        "rank": "Place among its neighbours, 1 the nearest",
        "id": "Identifier of the neighbour",
        "distance": f"Distance of the embeddings, {options.metric}",
    }
    table = Table(meta=provenance("similar", arguments, _PACKAGES))
    for name, values in columns.items():
        table.add_column(Column(values, name=name, description=descriptions[name]))
    table_files.write(table, options.output)
    print(f"similar  {options.output} ({len(names)} objects, {len(table)} neighbours)")


main = command("similar", _command, "stopped; no table was written")

if __name__ == "__main__":
    sys.exit(main())
