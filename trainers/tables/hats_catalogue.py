"""Catalogues in the format HATS, which LSDB opens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.table import Table

from trainers.errors import UserError
from trainers.storage.table_reading import POSITION
from trainers.storage.whole_folders import whole_folder

__all__ = ["FOLDER", "write"]

FOLDER = ("collection.properties", "a HATS collection")
"""File of such a folder, and what it is, for `check_folder`."""


def write(table: Table, folder: Path, properties: Mapping[str, str]) -> int:
    """Writes a table as a HATS collection: the catalogue, and its margin of 5 arcsec.

    The folder appears whole or not at all. HATS has no units and descriptions of columns.

    Args:
        table: Columns of one value or of a vector, among them those of `POSITION`. Rows without a
            finite position are left out, since no cell is theirs.
        folder: The collection, whose name becomes that of the catalogue; an existing one is
            replaced.
        properties: Further lines of `hats.properties`.

    Returns:
        The number of objects in the catalogue.

    Raises:
        UserError: if the table has no positions, or LSDB is not installed.
    """
    for name in POSITION:
        if name not in table.colnames:
            raise UserError(
                f"`catalogue` must have the columns {' and '.join(POSITION)}, degrees; got "
                f"{', '.join(table.colnames)}"
            )
    try:
        import lsdb
    except ImportError:
        raise UserError("HATS needs lsdb: pip install 'galaxy-model-zoo[hats]'") from None
    position = [np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan) for name in POSITION]
    placed = table[np.isfinite(position).all(axis=0)]
    if not len(placed):
        raise UserError(
            "`catalogue` must have objects with positions; `ra` or `dec` are NaN in all"
        )
    catalogue = lsdb.from_astropy(
        placed, ra_column=POSITION[0], dec_column=POSITION[1], catalog_name=folder.name
    )
    with whole_folder(folder) as draft:
        catalogue.write_catalog(
            draft,
            catalog_name=folder.name,
            addl_hats_properties=dict(properties),
            progress_bar=False,
        )
    return len(placed)
