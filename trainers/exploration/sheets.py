"""Sheets of thumbnails: many small pictures in one compressed image, within a budget of bytes."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
from PIL import Image

__all__ = ["MIME", "SIDE", "Sheets", "encode", "fit", "page_order"]

SIDE = 16
"""Thumbnails along the side of a sheet."""

MIME = "image/webp"

_QUALITIES = (85, 75, 60, 45, 30)
_SAMPLES = 4
_MARGIN = 1.03
_PER_SHEET = SIDE * SIDE


@dataclasses.dataclass(frozen=True)
class Sheets:
    """Compressed sheets.

    Attributes:
        files: Sheets of `SIDE` x `SIDE` thumbnails, row by row; the last may be in part empty.
        number: Thumbnails in them.
        quality: Quality of the compression, 1 to 100.
    """

    files: tuple[bytes, ...]
    number: int
    quality: int


def page_order(plane: np.ndarray) -> np.ndarray:
    """Returns the rows of objects in an order in which neighbours in the plane are close.

    A browser then unpacks few sheets for the objects of one region.

    Args:
        plane: (objects, 2) from -1 to 1.
    """
    strips = max(1, round(np.sqrt(len(plane)) / SIDE))
    strip = np.clip(((plane[:, 0] + 1) / 2 * strips).astype(int), 0, strips - 1)
    upward = np.where(strip % 2 == 0, plane[:, 1], -plane[:, 1])
    return np.lexsort((upward, strip))


def fit(pictures: np.ndarray, budget: float) -> tuple[int, int]:
    """Returns the best quality at which pictures fit into a budget, and for how many it has room.

    Both are estimates from a few sheets.

    Args:
        pictures: (number, size, size, 3) uint8.
        budget: Bytes for all sheets.
    """
    starts = range(0, len(pictures), _PER_SHEET)
    chosen = {starts[i] for i in np.linspace(0, len(starts) - 1, _SAMPLES).round().astype(int)}
    samples = [pictures[start : start + _PER_SHEET] for start in sorted(chosen)]
    for quality in _QUALITIES:
        size = sum(len(_sheet(sample, quality)) for sample in samples)
        each = _MARGIN * size / sum(map(len, samples))
        if each * len(pictures) <= budget:
            return quality, len(pictures)
    return quality, int(budget / each)


def encode(pictures: np.ndarray, quality: int) -> Sheets:
    """Compresses pictures into sheets.

    Args:
        pictures: (number, size, size, 3) uint8.
        quality: Quality of the compression, 1 to 100.
    """
    starts = range(0, len(pictures), _PER_SHEET)
    files = [_sheet(pictures[start : start + _PER_SHEET], quality) for start in starts]
    return Sheets(tuple(files), len(pictures), quality)


def _sheet(pictures: np.ndarray, quality: int) -> bytes:
    size = pictures.shape[1]
    rows = -(-len(pictures) // SIDE)
    sheet = np.zeros((rows * SIDE, size, size, 3), np.uint8)
    sheet[: len(pictures)] = pictures
    sheet = sheet.reshape(rows, SIDE, size, size, 3).transpose(0, 2, 1, 3, 4)
    memory = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(sheet).reshape(rows * size, SIDE * size, 3))
    image.save(memory, "WEBP", quality=quality, method=4)
    return memory.getvalue()
