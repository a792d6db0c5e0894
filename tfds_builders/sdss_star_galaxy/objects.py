"""SDSS objects as record arrays: checked one by one."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from etils import epath

from tfds_builders.left_out import LeftOut
from tfds_builders.sdss_star_galaxy.record_arrays import read_records
from tfds_builders.simulation.population import CLASSES
from tfds_builders.splits import group_by_split, split_of

__all__ = ["ObjectFiles", "check_label", "check_pixels"]

_FIELDS = {True: ("objID", "image", "class", "z"), False: ("image",)}


# Remote file systems have no "**".
_PATTERNS = ("*.npy", "*/*.npy", "*/*/*.npy")


@dataclasses.dataclass
class ObjectFiles:
    """The record arrays of a folder, indexed by split.

    Attributes:
        rows: Of each split, the rows to take from each file.
    """

    labelled: bool
    size: int
    bands: int
    rows: dict[str, dict[epath.Path, list[int]]]

    @classmethod
    def index(
        cls, folder: epath.Path, *, labelled: bool, size: int, bands: int, left_out: LeftOut
    ) -> ObjectFiles:
        """Reads and checks every file once.

        Args:
            folder: Searched for .npy files, with its subfolders and theirs.
            labelled: Whether records have objID, class and z beside the image.
            size: Pixels on a side.
            bands: Number of bands, the first axis of the images in the files.
            left_out: Told of each unusable file or object.

        Raises:
            FileNotFoundError: if there is no file.
            ValueError: if too few usable objects are left, or as `left_out` decides.
        """
        paths = sorted(path for pattern in _PATTERNS for path in folder.glob(pattern))
        if not paths:
            raise FileNotFoundError(f"{folder}: no .npy files")
        files = cls(labelled, size, bands, defaultdict(lambda: defaultdict(list)))
        seen: dict[str, str] = {}
        for path in paths:
            try:
                records = files._read(path)
            except ValueError as error:
                left_out.add(str(error))
                continue
            for row in range(len(records)):
                try:
                    example = files._example(path, records, row)
                    identifier = example["id"]
                    if identifier in seen:
                        raise ValueError(
                            f"{path}: object {identifier} is already in {seen[identifier]}"
                        )
                except ValueError as error:
                    left_out.add(str(error))
                    continue
                seen[identifier] = path.name
                files.rows[split_of(identifier)][path].append(row)
        group_by_split(seen)
        return files

    def examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields (identifier, example) of a split."""
        for path, rows in self.rows[split].items():
            records = self._read(path)
            for row in rows:
                example = self._example(path, records, row)
                yield example["id"], example

    def _read(self, path: epath.Path) -> np.ndarray:
        records = read_records(path)
        missing = [name for name in _FIELDS[self.labelled] if name not in records.dtype.names]
        if missing:
            names = ", ".join(records.dtype.names)
            raise ValueError(f"{path}: field {', '.join(missing)} is missing; got {names}")
        if not len(records):
            raise ValueError(f"{path}: no records")
        return records

    def _example(self, path: epath.Path, records: np.ndarray, row: int) -> dict[str, Any]:
        record = records[row]
        if "objID" in records.dtype.names:
            identifier = _text(record["objID"]).strip()
        else:
            identifier = path.stem if len(records) == 1 else f"{path.stem}-{row}"
        where = f"{path}: object {identifier}"
        image = check_pixels(record["image"], (self.bands, self.size, self.size), where)
        example: dict[str, Any] = {"id": identifier, "image": image.transpose(1, 2, 0)}
        if self.labelled:
            example["label"] = check_label(_text(record["class"]), where)
            example["redshift"] = _number(record["z"], "z", where)
        return example


def check_pixels(image: Any, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Returns the image as float32.

    Raises:
        ValueError: if it is not numeric, of another shape, or has a pixel that is NaN, infinite or
            beyond float32. The message begins with `where`.
    """
    try:
        with np.errstate(over="ignore"):
            pixels = np.asarray(image).astype(np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: image must be numbers of shape {shape}") from None
    if pixels.shape != shape:
        raise ValueError(f"{where}: image must be of shape {shape}; got {pixels.shape}")
    bad = int(np.count_nonzero(~np.isfinite(pixels)))
    if bad:
        raise ValueError(f"{where}: {bad} pixels are NaN or infinite")
    return pixels


def check_label(name: str, where: str) -> int:
    """Returns the index of a class, whatever its case.

    Raises:
        ValueError: if there is no such class. The message begins with `where`.
    """
    label = name.strip().lower()
    if label not in CLASSES:
        choices = ", ".join(each.upper() for each in CLASSES)
        raise ValueError(f"{where}: class must be one of {choices}; got '{name.strip()}'")
    return CLASSES.index(label)


def _number(value: Any, name: str, where: str) -> float:
    try:
        number = float(np.asarray(value).item())
    except (TypeError, ValueError):
        raise ValueError(f"{where}: {name} must be a number; got '{value}'") from None
    if not np.isfinite(number):
        raise ValueError(f"{where}: {name} must be finite; got {number}")
    return number


def _text(value: Any) -> str:
    value = np.asarray(value).item() if np.ndim(value) == 0 else value
    return value.decode("latin1") if isinstance(value, bytes) else str(value)
