"""A table of objects, row by row beside their cutouts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from astropy.table import Table

from trainers.cutouts import sources
from trainers.datasets import healpix, vote_columns
from trainers.datasets.hash_splits import SPLIT_NAMES, split_of
from trainers.errors import UserError
from trainers.options.cutout_source import FOLDER, HEALPIX, CutoutSource
from trainers.options.data_options import SPLITS
from trainers.storage import table_reading
from trainers.storage.table_reading import POSITION

__all__ = ["ObjectTable", "join_key", "rows_by_key"]

_ID = "id"
_PLACE = re.compile(r"(\[\d+\]|#[^#]*)$")  # in a file

_CELL_ORDER = 6  # of HEALPix, 55 arcmin
_MOST_VOTES = 2**31  # of one answer: counts are kept in 32 bits


class ObjectTable:
    """Classes, votes, targets, weights and splits of objects by their identifier.

    Args:
        source: Files, table and columns; `labels` is set, or the classes are folders.
        files: Files of the cutouts, which are the rows where the classes are folders.

    Attributes:
        path: The file; where the classes are folders, the first of `source.images`.
        ids: (rows,) identifiers as the table has them.
        class_names: Names of the classes, sorted; empty without a column of labels.
        labels: (rows,) class of each row as text, empty where there is none; None without labels.
        numbers: (rows,) float64 by name: the targets, and ra and dec if there are any.
        votes: (rows, answers) int32; None without columns of votes.
        questions: Those that the votes answer, as `DatasetSpec.questions`.
        weights: (rows,) float64, at least 0; None without a column of weights.

    Raises:
        UserError: if the table cannot be read, lacks a column, or its identifiers are unusable.
    """

    def __init__(self, source: CutoutSource, files: Sequence[str] = ()):
        self._rows_are_files = source.classes_are_folders
        if self._rows_are_files:
            self.path = Path(source.images[0])
            folders = [Path(file).absolute().parent.name for file in files]
            self._table = Table([sources.names(files), folders], names=(_ID, FOLDER))
        else:
            self.path = Path(source.labels)
            self._table = table_reading.read(self.path, "labels")
        id_column = _ID if self._rows_are_files else source.id_column
        self.ids = self._texts("id_column", id_column)
        self._rows = self._unique_rows()
        self._rows_of_names = self._rows_by_name()
        self.labels, self.class_names = None, ()
        label_column = source.label_column or "label"
        if source.label_column or label_column in self._table.colnames:
            texts = self._texts("label_column", label_column)
            # Programs write "nan" where there is no value; no class is called so.
            self.labels = ["" if text.lower() == "nan" else text for text in texts]
            self.class_names = tuple(sorted(set(filter(None, self.labels))))
            if not self.class_names:
                raise self._error(f"column '{label_column}' is empty")
        elif not (
            source.target_columns or source.vote_columns or source.split_column or source.split_by
        ):
            raise self._error(
                "has no column 'label'; `label_column`, `target_columns` or `vote_columns` choose "
                f"others; its columns: {self._listed()}"
            )
        # Taken into the dataset wherever a table has them.
        position = [name for name in POSITION if name in self._table.colnames]
        names = dict.fromkeys([*source.target_columns, *position])
        self.numbers = {name: self._numbers("target_columns", name) for name in names}
        self.votes, self.questions = None, ()
        if source.vote_columns:
            self.votes, self.questions = self._counted_votes(source.vote_columns)
        self.weights = self._weights(source.weight_column) if source.weight_column else None
        self._splits = None
        if source.split_column:
            self._splits = self._stated_splits(source.split_column)
        elif source.split_by:
            self._splits = list(map(split_of, self._groups(source.split_by)))

    def __len__(self) -> int:
        return len(self.ids)

    def row_of(self, object_id: str, source: str) -> int | None:
        """Returns the row of an object; None if there is none.

        Args:
            object_id: Identifier in the file of its cutout, or the name of that file.
            source: Name of the file, with the number of the row or the extension in it.
        """
        key = join_key(_PLACE.sub("", source) if self._rows_are_files else object_id)
        return self._rows.get(key, self._rows_of_names.get(key))

    def split_of(self, row: int) -> str | None:
        """Returns the split of a row by the table; None if the table does not say."""
        return None if self._splits is None else self._splits[row]

    def lacks(self, row: int) -> str | None:
        """Returns what a row has not, "class" or "votes"; None if nothing is missing."""
        if self.labels is not None and not self.labels[row]:
            return "class"
        if self.votes is not None and not self.votes[row].any():
            return "votes"
        return None

    @property
    def has_split(self) -> bool:
        """True if a column is called "split"."""
        return "split" in self._table.colnames

    def _unique_rows(self) -> Mapping[str, int]:
        try:
            rows = rows_by_key((row, name) for row, name in enumerate(self.ids) if name)
        except ValueError as error:
            raise self._error(str(error)) from None
        if not rows:
            raise self._error("its column of identifiers is empty")
        return rows

    def _groups(self, name: str) -> list[str]:
        """Returns the group of each row: the text of a column, or its cell on the sky."""
        cell, _, order = name.partition(":")
        if cell == HEALPIX and name not in self._table.colnames:
            return self._cells(int(order) if order else _CELL_ORDER)
        groups = self._texts("split_by", name)
        if not all(groups):
            raise self._error(f"column '{name}' is empty for '{self.ids[groups.index('')]}'")
        return groups

    def _cells(self, order: int) -> list[str]:
        ra, dec = (self._numbers("split_by", name) for name in POSITION)
        bad = ~(np.isfinite(ra) & (np.abs(dec) <= 90))
        if bad.any():
            row = int(np.argmax(bad))
            raise self._error(
                f"`split_by` {HEALPIX} needs ra and dec in degrees; got {ra[row]} and {dec[row]} "
                f"for '{self.ids[row]}'"
            )
        return [f"{HEALPIX}:{order}:{cell}" for cell in healpix.cells(ra, dec, order)]

    def _counted_votes(self, wanted: Sequence[str]) -> tuple[np.ndarray, tuple[dict, ...]]:
        try:
            columns = vote_columns.select(wanted, self._table.colnames)
            questions = vote_columns.questions_of(columns)
        except ValueError as error:
            raise self._error(f"`vote_columns` needs {error}; {self._listed()}") from None
        columns = [f"{each['name']}_{answer}" for each in questions for answer in each["answers"]]
        # Nobody has answered where there is no value.
        votes = np.stack(
            [np.nan_to_num(self._numbers("vote_columns", column)) for column in columns], axis=1
        )
        bad = (votes < 0) | (votes != np.floor(votes)) | (votes >= _MOST_VOTES)
        if bad.any():
            row, answer = np.argwhere(bad)[0]
            raise self._error(
                f"column '{columns[answer]}' must have numbers of votes; got {votes[row, answer]} "
                f"for '{self.ids[row]}'"
            )
        return votes.astype(np.int32), questions

    def _weights(self, column: str) -> np.ndarray:
        weights = self._numbers("weight_column", column)
        bad = ~(np.isfinite(weights) & (weights >= 0))
        if bad.any():
            row = int(np.argmax(bad))
            raise self._error(
                f"column '{column}' must have weights of at least 0; got {weights[row]} for "
                f"'{self.ids[row]}'"
            )
        return weights

    def _rows_by_name(self) -> Mapping[str, int]:
        """Returns the rows by the ends of identifiers that are paths of files.

        Of "/data/b1/7" these are "7" and "b1/7". An end that several rows have is left out: cutouts
        of one name have the folder in theirs.
        """
        rows: dict[str, int] = {}
        several = set()
        for key, row in self._rows.items():
            parts = key.replace("\\", "/").split("/")
            for start in range(1, len(parts)):
                name = "/".join(parts[start:])
                if rows.setdefault(name, row) != row:
                    several.add(name)
        return {name: row for name, row in rows.items() if name not in several}

    def _stated_splits(self, column: str) -> list[str]:
        stated = self._texts("split_column", column)
        names = SPLIT_NAMES | {"training": "train", "testing": "test"}
        for row, name in enumerate(stated):
            if name.lower() not in names:
                raise self._error(
                    f"column '{column}' must be {', '.join(SPLITS)}; got '{name}' in row {row + 1}"
                )
        return [names[name.lower()] for name in stated]

    def _texts(self, argument: str, column: str) -> list[str]:
        self._check(argument, column)
        try:
            return table_reading.identifiers(self._table, column)
        except ValueError as error:
            raise self._error(str(error)) from None

    def _numbers(self, argument: str, column: str) -> np.ndarray:
        self._check(argument, column)
        try:
            return table_reading.numbers(self._table, column)
        except ValueError as error:
            raise self._error(str(error)) from None

    def _check(self, argument: str, column: str) -> None:
        if column not in self._table.colnames:
            raise self._error(
                f"has no column '{column}'; `{argument}` chooses one of {self._listed()}"
            )

    def _listed(self) -> str:
        names = self._table.colnames
        return ", ".join(names[:20]) + ", ..." * (len(names) > 20)

    def _error(self, text: str) -> UserError:
        return UserError(f"`labels` {self.path}: {text}")


def join_key(object_id: str) -> str:
    """Returns the name by which rows and cutouts are joined: without the end of a file's name.

    Args:
        object_id: Identifier, or name of a file, such as "a1.fits.gz" or "stamps.npy[3]".
    """
    name = object_id.lower()
    end = next((end for end in sources.SUFFIXES if name.endswith(end)), "")
    return object_id[: len(object_id) - len(end)]


def rows_by_key(named: Iterable[tuple[int, str]]) -> dict[str, int]:
    """Returns the rows of a table by the keys of their identifiers, see `join_key`.

    Args:
        named: Rows and identifiers.

    Raises:
        ValueError: if two rows have one key.
    """
    rows: dict[str, int] = {}
    for row, name in named:
        first = rows.setdefault(join_key(name), row)
        if first != row:
            raise ValueError(f"rows {first + 1} and {row + 1} are both '{name}'")
    return rows
