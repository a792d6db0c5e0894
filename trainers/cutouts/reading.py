"""Files of all kinds as one sequence of cutouts."""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.cutouts import invalid_pixels, resizing, sources
from trainers.cutouts.cutout import (
    Cutout,
    CutoutFile,
    LeftOut,
    UnreadableError,
    Wanted,
    reason_of,
)
from trainers.cutouts.fitting import fitted
from trainers.errors import UserError

__all__ = ["CutoutFiles", "read"]

_CHOICES = {
    "extensions": ("objects", "bands"),
    "invalid": invalid_pixels.POLICIES,
    "resize": resizing.POLICIES,
}


def read(
    paths: Sequence[str | Path], shape: tuple[int | None, int | None, int], **settings: Any
) -> Iterator[Cutout | LeftOut]:
    """Yields the cutouts of files, and what of them cannot be used, in memory that does not grow.

    Args:
        paths: See `sources.find`.
        shape: (height, width, bands) that the images must have; None for any height or width.
        **settings: Further attributes of `Wanted`.

    Raises:
        UserError: if there is no such file.
    """
    files = CutoutFiles(paths, shape, counted=False, **settings)
    for number in range(len(files.files)):
        yield from files.of_file(number)
    files.close()


class CutoutFiles:
    """The entries of many files, counted through: small files, and the objects in the others.

    It can be sent to another process that sees the same files. One file is open at a time.

    Args:
        paths: See `sources.find`.
        shape: (height, width, bands) that the images must have; None for any height or width.
        leave_out: See `sources.find`.
        counted: Whether the entries are counted, for which each file that is not small is opened.
        **settings: Further attributes of `Wanted`.

    Attributes:
        files: Paths of the files.
        names: What they are called in a table.
        wanted: What is read of them.
        unit: What the entries are, in the plural: "files" if all are small, "objects" if none is,
            else "entries".

    Raises:
        UserError: if there is no such file.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        shape: tuple[int | None, int | None, int],
        *,
        leave_out: str | Path | None = None,
        counted: bool = True,
        **settings: Any,
    ):
        for name, allowed in _CHOICES.items():
            value = settings.get(name) or allowed[0]
            if value not in allowed:
                raise UserError(f"`{name}` must be one of {', '.join(allowed)}; got '{value}'")
        for name in ("hdu", "mask_bits"):
            if settings.get(name) is not None:
                settings[name] = tuple(settings[name])
        self.wanted = Wanted(tuple(shape), **settings)
        self.files = sources.find(paths, leave_out)
        self.names = sources.names(self.files)
        self._opened: tuple[int, CutoutFile] | None = None
        self._small = list(map(sources.is_small, self.files))
        self.unit = "objects"
        if any(self._small):
            self.unit = "files" if all(self._small) else "entries"
        self._ends: list[int] = []
        self._sizes = [0]
        if counted:
            counts = [self._count(number) for number in range(len(self.files))]
            self._ends = np.cumsum(counts).tolist()
            sizes = [self._unknown_bytes(number) for number in range(len(self.files))]
            self._sizes += np.cumsum(sizes).tolist()

    def __len__(self) -> int:
        """Returns the number of entries."""
        return self._ends[-1] if self._ends else 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def state(self) -> list[list[Any]]:
        """Returns what the entries depend on; see `sources.state`."""
        return sources.state(self.files)

    def bytes_before(self, entry: int) -> int:
        """Returns the bytes of those entries before one that may be many objects each.

        Args:
            entry: Counted from 0; `len(self)` for all.
        """
        return self._sizes[bisect.bisect_right(self._ends, entry)]

    def entries(self, start: int, stop: int) -> Iterator[Cutout | LeftOut]:
        """Yields what is in the entries from `start` to `stop`; see `CutoutFile.found`.

        Args:
            start: First entry, counted from 0 through all files.
            stop: The one after the last.
        """
        number = bisect.bisect_right(self._ends, start)
        while start < min(stop, len(self)):
            before = self._ends[number - 1] if number else 0
            end = min(stop, self._ends[number])
            if self._small[number]:
                yield from self.of_file(number)
            else:
                yield from self.of_file(number, start - before, end - before)
            start, number = end, number + 1

    def of_file(
        self, number: int, start: int = 0, stop: int | None = None
    ) -> Iterator[Cutout | LeftOut]:
        """Yields the objects of one file.

        Args:
            number: The file, counted from 0.
            start: First object.
            stop: The one after the last; None for all.
        """
        name, done = self.names[number], start
        try:
            file = self._open(number)
            stop = len(file) if stop is None else stop
            for found in file.found(start, stop):
                done += 1
                source = name + found.place
                image = fitted(found, self.wanted)
                if isinstance(image, str):
                    yield LeftOut(source, image, found.number)
                else:
                    drops = self.wanted.invalid == "drop"
                    number_replaced = None if drops else _not_finite(found.pixels)
                    scale = found.pixel_scale or self.wanted.own_pixel_scale
                    if self.wanted.resize == "resample":
                        scale = self.wanted.pixel_scale
                    yield Cutout(
                        found.id or source, source, image, number_replaced, scale, found.seeing
                    )
            if done < stop:
                raise UnreadableError(f"has {done} entries; {stop} were expected")
        except Exception as error:  # The libraries raise anything for a broken file.
            self.close()
            rest = 1 if stop is None else stop - done
            rows = f"[{done}:{stop}]" if rest > 1 or done else ""
            yield LeftOut(f"{name}{rows}", reason_of(error), rest)

    def close(self) -> None:
        """Closes the file that is open."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def _count(self, number: int) -> int:
        if self._small[number]:
            return 1
        try:
            # One says what is wrong with the file, or that nothing is in it.
            return max(1, len(self._open(number)))
        except Exception:  # As in `of_file`, which names the error.
            return 1
        finally:
            self.close()

    def _unknown_bytes(self, number: int) -> int:
        file = self.files[number]
        if not self._small[number] or sources.is_picture(file) or not os.path.isfile(file):
            return 0
        return os.path.getsize(file)

    def _open(self, number: int) -> CutoutFile:
        if self._opened is None or self._opened[0] != number:
            self.close()
            path = self.files[number]
            self._opened = number, sources.reader(path)(Path(path), self.wanted)
            if not len(self._opened[1]):
                raise UnreadableError("has no cutouts")
        return self._opened[1]


def _not_finite(pixels: np.ndarray) -> int:
    return 0 if pixels.dtype.kind in "biu" else int(np.count_nonzero(~np.isfinite(pixels)))
