"""The objects of a dataset of cutouts, as their files are read one after the other."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.cutouts.reading import CutoutFiles
from trainers.datasets import decoded_cache
from trainers.datasets.collected_images import CollectedImages, ImageStore
from trainers.datasets.object_table import ObjectTable, join_key
from trainers.errors import UserError

__all__ = ["CollectedObjects"]

_AT_ONCE = 100  # entries


class CollectedObjects:
    """Cutouts with their rows in a table, and what of both cannot be used.

    Args:
        table: Classes of the objects; None for objects without.
        label_of: Label of each class of the table, -1 for classes that are left out.
        on_error: "raise", or "skip" to leave out and list what cannot be used.
        memory_bytes: Images that take more than this are kept in a temporary file.
        folder: Where that is made; None for the system's own place.
        dtype: Type in which pixels are kept, without loss. Default float32.

    Attributes:
        ids: Identifiers of the usable objects, in the order of the files.
        rows: Row of each in the table; -1 without a table.
        labels: Label of each; 0 without classes.
        problems: What is wrong with the images that cannot be used, one line each.
        without_row: Identifiers of the cutouts that the table lacks.
        without_outcome: Identifiers of those for which it has no class or no votes.
        replaced: Identifiers of those with pixels that were not finite and have been replaced.
        seeings: Seeing of those whose file states it, arcsec.
    """

    def __init__(
        self,
        table: ObjectTable | None,
        label_of: Mapping[str, int],
        on_error: str,
        memory_bytes: int,
        folder: Path | None,
        dtype: np.dtype | type = np.float32,
    ):
        self.ids: list[str] = []
        self.rows: list[int] = []
        self.labels: list[int] = []
        self.problems: list[str] = []
        self.without_row: list[str] = []
        self.without_outcome: list[str] = []
        self.replaced: list[str] = []
        self.seeings: list[float] = []
        self._images = CollectedImages(memory_bytes=memory_bytes, folder=folder)
        self._table, self._label_of = table, label_of
        self._raises = on_error == "raise"
        self._dtype = dtype
        self._source_of: dict[str, str] = {}
        self._joined: set[int] = set()  # rows

    def read(self, files: CutoutFiles) -> None:
        """Reads all files.

        Raises:
            UserError: under "raise", if a cutout cannot be used.
        """
        read = functools.partial(_with_progress, files)
        found = decoded_cache.entries(files.files, files.wanted, read, self._dtype)
        # What is not kept is removed at an error too.
        with contextlib.closing(found):
            for entry in found:
                problem = entry.reason if isinstance(entry, LeftOut) else self._add(entry)
                if problem is None:
                    continue
                self.problems.append(f"{entry.source}: {problem}")
                if self._raises:
                    raise UserError(f"{self.problems[0]} (`on_error=skip` leaves such images out)")
        files.close()
        if not self.ids:
            raise UserError(f"`images`: of {len(files)} {files.unit} none can be used; {self._why}")

    def common_store(self) -> tuple[ImageStore, dict[int, int]]:
        """Returns the images of the most common shape, and by object their places in it.

        The objects of other shapes are among the problems afterwards.
        """
        store, places = self._images.common()
        for number, (shape, _) in enumerate(self._images.kinds):
            if number not in places:
                self.problems.append(
                    f"{self.ids[number]}: {_odd(shape, store.shape)} of {len(store)} others"
                )
        return store, places

    @property
    def is_grey(self) -> bool:
        """Whether all bands of all images are equal."""
        return self._images.is_grey

    def rows_without_cutout(self) -> list[str]:
        """Returns the identifiers of the rows of the table that no cutout belongs to."""
        if self._table is None:
            return []
        ids = enumerate(self._table.ids)
        return [name for row, name in ids if name and row not in self._joined]

    def _add(self, cutout: Cutout) -> str | None:
        """Adds an object; returns what is wrong with its image instead."""
        row, label, key = -1, 0, join_key(cutout.id)
        if self._table is not None:
            row = self._table.row_of(cutout.id, cutout.source)
            if row is None:
                self.without_row.append(cutout.id)
                return None
            self._joined.add(row)
            if self._table.lacks(row):
                self.without_outcome.append(cutout.id)
                return None
        if self._label_of:
            label = int(self._label_of[self._table.labels[row]])
            if label < 0:
                return None
        if key in self._source_of:
            return f"has the identifier '{key}', as {self._source_of[key]} has"
        shape, kinds = cutout.image.shape, self._images.kinds
        if self._raises and kinds and shape != kinds[0][0]:
            return _odd(shape, kinds[0][0]) + " of those before"
        self._source_of[key] = cutout.source
        self._images.append(cutout.image, self._dtype)
        if cutout.replaced:
            self.replaced.append(cutout.id)
        if cutout.seeing is not None:
            self.seeings.append(cutout.seeing)
        self.ids.append(cutout.id)
        self.rows.append(row)
        self.labels.append(label)
        return None

    @property
    def _why(self) -> str:
        """Why there is no usable object, by the example of the first."""
        if self.problems:
            return self.problems[0]
        if self.without_row:
            names = self._table.ids[:1]
            return f"the table has no row for '{self.without_row[0]}'; its first is '{names[0]}'"
        if self.without_outcome:
            return f"the table has no class or votes for '{self.without_outcome[0]}'"
        return "they are of other classes"


def _with_progress(files: CutoutFiles) -> Iterator[Cutout | LeftOut]:
    unit = files.unit.removesuffix("s")
    with tqdm(total=len(files), desc="reading", unit=unit, disable=None) as bar:
        for start in range(0, len(files), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(files))
            yield from files.entries(start, stop)
            bar.update(stop - start)


def _odd(shape: tuple[int, ...], common: tuple[int, ...]) -> str:
    return f"is {shape[1]}x{shape[0]} px; {common[1]}x{common[0]} px was expected, the size"
