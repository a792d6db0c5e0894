"""Tiles of frames as an npy file, for training without labels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from trainers.errors import UserError
from trainers.frames.frame_files import FrameFiles
from trainers.frames.frame_windows import FrameWindows, opened
from trainers.storage.atomic_files import write_atomically

__all__ = ["cut"]


def cut(
    frames: Sequence[FrameFiles],
    output: Path,
    *,
    size: int,
    most: int | None = None,
    seed: int = 0,
) -> tuple[int, int]:
    """Writes the tiles of frames, (number, size, size, bands) float32 in the units of the files.

    Tiles do not overlap; their grid is centred on the frame. Frames are read a row of tiles at a
    time.

    Args:
        frames: Files of each frame, all with as many bands.
        output: The npy file.
        size: Side of the tiles, px.
        most: Number of tiles, drawn at random; None for all.
        seed: Seed of that draw.

    Returns:
        The number of tiles, and of those left out because a pixel is unknown.

    Raises:
        UserError: if a frame cannot be used or is smaller than a tile, the numbers of bands
            differ, or no tile is known.
    """
    with contextlib.ExitStack() as stack:
        windows = [stack.enter_context(opened(files)) for files in frames]
        for frame in windows:
            what = f"`frame={frame.files.paths[0]}`"
            if frame.bands != windows[0].bands:
                raise UserError(
                    f"{what} must have the {windows[0].bands} band(s) of "
                    f"`frame={windows[0].files.paths[0]}`; got {frame.bands}"
                )
            if min(frame.shape) < size:
                raise UserError(
                    f"{what} must have at least `size`, {size} px, on each side; "
                    f"got {frame.shape[0]} x {frame.shape[1]}"
                )
        # A first pass counts, for the header of the file and the draw.
        is_known = [known for frame in windows for _, known in _rows(frame, size)]
        usable = np.flatnonzero(np.concatenate(is_known))
        total = sum(map(len, is_known))
        if not len(usable):
            raise UserError(f"`frame` must have tiles of known pixels; none of {total} is")
        if most is not None and most < len(usable):
            usable = np.sort(np.random.default_rng(seed).choice(usable, most, replace=False))
        shape = (len(usable), size, size, windows[0].bands)
        description = {"descr": "<f4", "fortran_order": False, "shape": shape}
        wanted = np.zeros(total, bool)
        wanted[usable] = True

        def write(file) -> None:
            np.lib.format.write_array_header_1_0(file, description)
            place = 0
            for frame in windows:
                for tiles, known in _rows(frame, size):
                    chosen = wanted[place : place + len(known)]
                    file.write(np.ascontiguousarray(tiles[chosen], "<f4").tobytes())
                    place += len(known)

        write_atomically(output, write)
    return len(usable), total - sum(int(known.sum()) for known in is_known)


def _rows(frame: FrameWindows, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the tiles of each row of them, and which have known pixels alone."""
    top, left = (length % size // 2 for length in frame.shape)
    columns = frame.shape[1] // size
    for row in range(frame.shape[0] // size):
        start = top + row * size
        strip = frame.read(slice(start, start + size), slice(left, left + columns * size))
        tiles = strip.reshape(size, columns, size, frame.bands).swapaxes(0, 1)
        yield tiles, np.isfinite(tiles).all(axis=(1, 2, 3))
