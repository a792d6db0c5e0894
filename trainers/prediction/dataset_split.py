"""A split of one of the project's datasets as a sequence of cutouts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trainers.cutouts.cutout import Cutout, Found, LeftOut, Wanted
from trainers.cutouts.fitting import checked_shape, fitted
from trainers.datasets import tfds_data
from trainers.errors import UserError
from trainers.options.cutout_source import CUTOUTS
from trainers.options.data_options import SPLITS

__all__ = ["DatasetSplit"]


class DatasetSplit:
    """The entries of a split, read from disk as they are asked for.

    It can be sent to another process that sees the same folder.

    Args:
        name: The dataset, see `trainers.datasets.loading.load`; it is built if it is not there yet.
        split: One of its splits.
        shape: (height, width, bands) that the images must have; None for any height or width.
        data_dir: Where TFDS keeps its datasets; None for its own place.
        manual_dir: Files that were downloaded by hand, for building it.
        pads: See `Wanted`.

    Attributes:
        unit: What the entries are, in the plural.
        spec: Metadata of the dataset.

    Raises:
        UserError: if the dataset is unknown, has no such split, or images of another shape.
    """

    unit = "objects"

    def __init__(
        self,
        name: str,
        split: str,
        shape: tuple[int | None, int | None, int],
        *,
        data_dir: str | Path | None = None,
        manual_dir: str | Path | None = None,
        pads: tuple[int, int, int] | None = None,
    ):
        if split not in SPLITS:
            raise UserError(f"`split` must be one of {', '.join(SPLITS)}; got '{split}'")
        if name in ("image_folder", CUTOUTS):
            raise UserError("`dataset` must be one of TFDS; give a folder of files as `images`")
        self._name, self._split, self._data_dir = name, split, data_dir
        self._wanted = Wanted(tuple(shape), pads=pads)
        self._dataset = tfds_data.stream(name, data_dir=data_dir, manual_dir=manual_dir)
        self.spec = spec = self._dataset.spec
        wrong, _ = checked_shape(spec.image_shape, self._wanted, False)
        if isinstance(wrong, str):
            raise UserError(f"`dataset={name}`: an image {wrong}, by the model")
        self._number = self._dataset.num_examples[split]
        self._version = spec.version
        if not self._number:
            raise UserError(f"`dataset={name}`: split '{split}' is empty")

    def __len__(self) -> int:
        """Returns the number of entries."""
        return self._number

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_dataset": None}

    def state(self) -> list[Any]:
        """Returns what the entries depend on."""
        return [self._name, self._version, self._split, self._number]

    def entries(self, start: int, stop: int) -> Iterator[Cutout | LeftOut]:
        """Yields the entries from `start` to `stop`.

        Args:
            start: First entry, counted from 0.
            stop: The one after the last.
        """
        if self._dataset is None:
            self._dataset = tfds_data.stream(self._name, data_dir=self._data_dir)
        rows = self._dataset.rows(self._split, start, min(stop, self._number))
        for row, example in enumerate(rows, start):
            source = f"{self._split}[{row}]"
            image = fitted(Found("", np.asarray(example["image"])), self._wanted)
            name = example["id"].decode("utf-8", "replace") if "id" in example else source
            yield LeftOut(source, image) if isinstance(image, str) else Cutout(name, source, image)

    def close(self) -> None:
        """Does nothing: files are open only while they are read."""
