"""Cutouts in PNG and JPEG files, and in the bytes of such files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from trainers.cutouts.cutout import CutoutFile, Found, Wanted, checked_shape, reason_of

__all__ = ["PictureFile", "decoded"]

_FORMATS = ("JPEG", "PNG")
_MODES = ("L", "RGB", "RGBA", "P", "LA", "1")


class PictureFile(CutoutFile):
    """A file with one picture, 0-255; see `CutoutFile`."""

    def __init__(self, path: Path, wanted: Wanted):
        self._path, self._wanted = path, wanted

    def __len__(self) -> int:
        return 1

    def found(self, start: int, stop: int) -> Iterator[Found]:
        for _ in range(start, stop):
            yield Found("", decoded(self._path, self._wanted))

    def close(self) -> None:
        pass


def decoded(file: Path | BinaryIO, wanted: Wanted) -> np.ndarray | str:
    """Returns the pixels of a picture, (height, width, bands) uint8; or what is wrong with it.

    Transparency is left out, and for one band colours become grey, as in training on a folder.

    Args:
        file: A PNG or JPEG file.
        wanted: What is to be read.
    """
    bands = wanted.shape[2]
    if bands not in (1, 3):
        return f"is a picture of 1 or 3 bands; {bands} were expected"
    try:
        with Image.open(file, formats=_FORMATS) as image:
            # Pillow cuts colours of 16 bits to 8; its tiles have the mode in the file.
            modes = [image.mode, *(str(tile.args) for tile in image.tile if image.format == "PNG")]
            for mode in modes:
                if mode not in _MODES and (mode == image.mode or ";16" in mode):
                    return f"has mode {mode}; 8-bit grey or RGB was expected"
            shape, _ = checked_shape((image.height, image.width, bands), wanted, False)
            if isinstance(shape, str):
                return shape
            return np.asarray(image.convert("L" if bands == 1 else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return reason_of(error)
