"""Overlapping tiles that cover a frame."""

from __future__ import annotations

import dataclasses
import itertools
import math

from trainers.errors import UserError

__all__ = ["Tile", "even_tiles", "fixed_tiles", "free_tiles"]


@dataclasses.dataclass(frozen=True)
class Tile:
    """A part of a frame.

    Attributes:
        window: Rows and columns that the model sees.
        inner: Rows and columns for which its answer counts; those of all tiles are the frame.
    """

    window: tuple[slice, slice]
    inner: tuple[slice, slice]

    @property
    def pixels(self) -> int:
        """Number of pixels of `inner`."""
        return math.prod(part.stop - part.start for part in self.inner)

    @property
    def inner_of_window(self) -> tuple[slice, slice]:
        """Rows and columns of `inner`, counted from the start of `window`."""
        rows, columns = (
            slice(inner.start - window.start, inner.stop - window.start)
            for inner, window in zip(self.inner, self.window, strict=True)
        )
        return rows, columns


def even_tiles(shape: tuple[int, int], most: int, overlap: int) -> list[Tile]:
    """Returns tiles of about one size, row by row; windows end at the edges of the frame.

    Args:
        shape: (height, width) of the frame.
        most: Largest side of the inner part, px.
        overlap: Pixels of the window beyond the inner part on each side.
    """

    def along(length: int) -> list[tuple[slice, slice]]:
        number = math.ceil(length / most)
        ends = [length * end // number for end in range(number + 1)]
        return [
            (slice(max(0, start - overlap), min(length, stop + overlap)), slice(start, stop))
            for start, stop in itertools.pairwise(ends)
        ]

    return _grid(along(shape[0]), along(shape[1]))


def free_tiles(shape: tuple[int, int], tile: int, overlap: int) -> list[Tile]:
    """Returns tiles for a model that takes images of any size, row by row.

    Windows end at the edges of the frame.

    Args:
        shape: (height, width) of the frame.
        tile: Side of the inner part, px, a multiple of
            `trainers.frames.options.ALIGNMENT`.
        overlap: Pixels of the window beyond the inner part on each side, likewise.
    """

    def along(length: int) -> list[tuple[slice, slice]]:
        ends = [(start, min(start + tile, length)) for start in range(0, length, tile)]
        return [
            (slice(max(0, start - overlap), min(length, stop + overlap)), slice(start, stop))
            for start, stop in ends
        ]

    return _grid(along(shape[0]), along(shape[1]))


def fixed_tiles(shape: tuple[int, int], size: tuple[int, int], overlap: int) -> list[Tile]:
    """Returns tiles for a model that takes images of one size, row by row.

    Windows at the edges of the frame are moved inwards until they lie in it.

    Args:
        shape: (height, width) of the frame.
        size: (height, width) of the windows.
        overlap: Pixels of the window beyond the inner part on each side.

    Raises:
        UserError: if the frame is smaller than a window, or nothing is left of one.
    """
    if min(size) <= 2 * overlap:
        raise UserError(
            f"`overlap` must be below {(min(size) + 1) // 2} px for a model of images of "
            f"{size[0]} x {size[1]} px; got {overlap}"
        )
    if shape[0] < size[0] or shape[1] < size[1]:
        raise UserError(
            f"`frame` must have at least the {size[0]} x {size[1]} px of the images that the "
            f"model takes; got {shape[0]} x {shape[1]}"
        )

    def along(length: int, side: int) -> list[tuple[slice, slice]]:
        step, places = side - 2 * overlap, []
        for start in range(0, length, step):
            first = min(max(0, start - overlap), length - side)
            places.append((slice(first, first + side), slice(start, min(start + step, length))))
        return places

    return _grid(along(shape[0], size[0]), along(shape[1], size[1]))


def _grid(rows: list[tuple[slice, slice]], columns: list[tuple[slice, slice]]) -> list[Tile]:
    return [
        Tile((window_rows, window_columns), (inner_rows, inner_columns))
        for window_rows, inner_rows in rows
        for window_columns, inner_columns in columns
    ]
