"""Catalogue written as a HATS collection, which LSDB crossmatches with those of surveys.

The catalogue is that of any command here, with the columns `ra` and `dec`; objects without a
position are left out. Needs the extra `hats`.

Examples:
    python -m trainers.hats --catalogue embeddings.parquet --output sky/embeddings
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, flag, option
from trainers.tables.provenance import provenance

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "lsdb", "hats", "pyarrow")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(CheckedOptions):
    """The catalogue and the folder."""

    catalogue: Path = option(metavar="FILE")
    """Catalogue with ra and dec: .parquet, .fits, .ecsv or .csv."""

    output: Path = option(metavar="FOLDER")
    """Folder of the collection, whose name becomes that of the catalogue."""

    overwrite: bool = flag()
    """Replace an existing collection."""


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.hats", description=__doc__)

    from trainers.storage.whole_folders import check_folder
    from trainers.tables import hats_catalogue, table_files

    check_folder("output", options.output, *hats_catalogue.FOLDER, overwrite=options.overwrite)
    end = options.catalogue.suffix.lower()
    if end not in table_files.FORMATS:
        raise UserError(
            f"`catalogue` must end with one of {', '.join(table_files.FORMATS)}; got "
            f"'{options.catalogue.name}'"
        )

    from astropy.table import Table

    try:
        table = Table.read(options.catalogue, format=table_files.FORMATS[end])
    except Exception as error:  # Astropy raises anything for a broken file.
        text = " ".join(str(error).split())
        raise UserError(f"`catalogue` {options.catalogue} cannot be read: {text}") from error
    table.convert_bytestring_to_unicode()
    source = {f"source_{name}": text for name, text in _texts(table.meta).items()}
    own = provenance("hats", arguments, _PACKAGES)
    written = hats_catalogue.write(table, options.output, source | own)
    if written < len(table):
        print(
            f"note  {len(table) - written} of {len(table)} objects have no position and are left "
            "out",
            file=sys.stderr,
        )
    print(f"HATS  {options.output} ({written} objects)")


def _texts(meta: Mapping[str, Any]) -> dict[str, str]:
    """Returns the metadata of a table that are a line each, names in small letters."""
    lines = {name.lower(): str(value) for name, value in meta.items() if name.isidentifier()}
    return {name: text for name, text in lines.items() if len(text.splitlines()) == 1}


main = command("hats", _command, "stopped; no catalogue was written")

if __name__ == "__main__":
    sys.exit(main())
