"""Parts of a table that is being made, from which a killed command resumes."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Column, Table

from trainers.cutouts.cutout import LeftOut
from trainers.errors import UserError
from trainers.storage import json_files
from trainers.storage.atomic_files import write_atomically
from trainers.storage.claimed_folder import LOCK, claimed
from trainers.tables import table_files

__all__ = ["Part", "Parts"]

_COLUMNS, _LEFT_OUT = b"columns", b"left_out"
_MANIFEST, _WHOLE = "manifest.json", "whole.json"


@dataclasses.dataclass(frozen=True)
class Part:
    """Summary of a part without its rows.

    Attributes:
        rows: Number of rows.
        template: The table without its rows; columns of text have the width that FITS needs.
        left_out: What could not be used.
    """

    rows: int
    template: Table
    left_out: Sequence[LeftOut]


class Parts:
    """A folder `<output>.parts` with a file for each part, each written atomically.

    A part is a Parquet file whose metadata have what was left out, so that both appear at once.

    Args:
        output: The table that is being made.
    """

    def __init__(self, output: Path):
        self.output = output
        self.left_out = output.with_name(f"{output.stem}_left_out.ecsv")
        self.folder = output.with_name(f"{output.name}.parts")

    @contextlib.contextmanager
    def opened(self, manifest: Mapping[str, Any], overwrite: bool) -> Iterator[None]:
        """Locks the folder for this process and checks that it belongs to the same command.

        Args:
            manifest: All that the table depends on, fit for JSON.
            overwrite: Whether parts of another command, and a table that is there, may go.

        Raises:
            UserError: if another process has the folder, it has another command's parts or
                something else, or the table is there.
        """
        shutil.rmtree(self._old, ignore_errors=True)
        is_new = not self.folder.exists()
        name = f"`output={self.output}`: {self.folder}"
        with claimed(self.folder, _MANIFEST, name=name, kind="parts of the table"):
            try:
                self._claim(dict(manifest), overwrite)
                yield
            except UserError:
                if is_new and not self.done():
                    shutil.rmtree(self.folder)
                raise

    def _claim(self, manifest: dict[str, Any], overwrite: bool) -> None:
        saved = self.begun()
        if saved is not None and saved != manifest:
            changed = "; ".join(
                f"{name} was {_short(saved.get(name))}, is {_short(manifest.get(name))}"
                for name in sorted(saved.keys() | manifest)
                if saved.get(name) != manifest.get(name)
            )
            if not overwrite:
                raise UserError(
                    f"`output={self.output}` was begun by another command: {changed}; give that "
                    "one again to resume it, another file, or `overwrite=True` to start over"
                )
            saved = None
        if (saved is None or not (self.folder / _WHOLE).exists()) and not overwrite:
            if self.output.exists():
                raise UserError(
                    f"`output={self.output}` is there; give another file, or `overwrite`"
                )
            if self.left_out.exists():
                raise UserError(
                    f"`output={self.output}`: {self.left_out}, of another table, is there; move "
                    "it, give another name, or `overwrite` to replace it"
                )
        if saved is None:
            for entry in self.folder.iterdir():
                if entry.name != LOCK:
                    entry.unlink()
            json_files.write_json(self.folder / _MANIFEST, manifest)

    def begun(self) -> dict[str, Any] | None:
        """Returns the manifest with which the table was begun; None if there are no parts."""
        file = self.folder / _MANIFEST
        return json_files.read_json(file) if file.exists() else None

    @property
    def _old(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.old")

    def done(self) -> set[int]:
        """Returns the numbers of the parts that are there."""
        files = self.folder.glob("part-*.parquet")
        return {int(file.stem.removeprefix("part-")) for file in files}

    def write(self, number: int, table: Table, left_out: Sequence[LeftOut]) -> None:
        """Writes a part.

        Args:
            number: Number of the part.
            table: Its rows; without columns if there are none.
            left_out: What of it could not be used.

        Raises:
            UserError: if it has more columns than the format of the output can have.
        """
        table_files.check_columns(len(table.colnames), self.output)
        columns = [
            [
                column.name,
                column.dtype.str,
                column.shape[1:],
                column.description or "",
                str(column.unit or ""),
            ]
            for column in table_files.template(table).itercols()
        ]
        lines = [[one.source, one.reason, one.number] for one in left_out]
        arrays = {name: table_files.arrow(np.asarray(table[name])) for name in table.colnames}
        metadata = {_COLUMNS: json.dumps(columns), _LEFT_OUT: json.dumps(lines)}
        rows = pa.table(arrays).replace_schema_metadata(metadata)
        write_atomically(self._path(number), lambda file: pq.write_table(rows, file))

    def part(self, number: int) -> Part:
        """Returns the summary of a part by its number."""
        saved = pq.read_metadata(self._path(number))
        template = Table(
            [
                Column(np.empty((0, *shape), kind), name=name, description=text, unit=unit or None)
                for name, kind, shape, text, unit in json.loads(saved.metadata[_COLUMNS])
            ]
        )
        lines = json.loads(saved.metadata[_LEFT_OUT])
        return Part(saved.num_rows, template, [LeftOut(*line) for line in lines])

    def rows(self, number: int) -> Table:
        """Returns the rows of a part by its number."""
        table = pq.read_table(self._path(number))
        return Table({name: _values(table[name]) for name in table.column_names})

    def summary(self) -> dict[str, Any] | None:
        """Returns the arguments of `finish`, if the tables are complete; else None."""
        file = self.folder / _WHOLE
        return json_files.read_json(file) if file.exists() else None

    def draft(self, path: Path) -> Path:
        """Returns the path of `output` or `left_out` before `finish`."""
        return self.folder / f".whole.{path.name}"

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Puts the tables in their places and removes the folder; a kill on the way loses nothing.

        Args:
            summary: What `summary` returns if this is killed. Of its numbers `left_out` and
                `rows`, one that is 0 says that there is no such table: an older one goes.
        """
        json_files.write_json(self.folder / _WHOLE, dict(summary))
        for path, number in ((self.left_out, "left_out"), (self.output, "rows")):
            if not summary[number]:
                path.unlink(missing_ok=True)
            elif self.draft(path).exists():
                os.replace(self.draft(path), path)
        # Renamed first: what is left of it after a kill is no folder of parts, and goes with the
        # next command, perhaps at this moment.
        os.rename(self.folder, self._old)
        shutil.rmtree(self._old, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:07d}.parquet"


def _values(column: pa.ChunkedArray) -> np.ndarray:
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_numpy()
    flat = column.combine_chunks().flatten().to_numpy()
    return flat.reshape(-1, column.type.list_size)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
