"""Random access to single images of FITS files with a thousand extensions."""

from __future__ import annotations

import functools
from pathlib import Path

import astropy.io.fits
import numpy as np

__all__ = ["read_image"]

_BLOCK = 2880
_CARD = 80


def read_image(path: str, number: int) -> np.ndarray:
    """Reads one image of a FITS file and nothing else of it.

    The files of the COSMOS samples have a thousand extensions each, some hundred files in all:
    astropy reads the headers in front of the one that is wanted and keeps them, which takes a
    second and 10 MB for each file. Here their places are found once and kept as numbers.

    Args:
        path: Of the file, not compressed.
        number: Of the extension; 0 for the primary image.

    Returns:
        (rows, columns), float32.

    Raises:
        ValueError: if the file is not readable or has no such image; names file and image.
    """
    try:
        start, stop = _places(path)[number]
        with Path(path).open("rb") as file:
            file.seek(start)
            data = file.read(stop - start)
        kind = astropy.io.fits.ImageHDU if number else astropy.io.fits.PrimaryHDU
        image = kind.fromstring(data).data
        if image is None or image.ndim != 2:
            raise ValueError("not an image of two dimensions")
        image = np.asarray(image, np.float32)
    except Exception as error:  # Astropy raises anything for a broken file.
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: image {number} is not readable ({reason})") from None
    bad = np.count_nonzero(~np.isfinite(image))
    if bad:
        raise ValueError(f"{path}: image {number}: {bad} pixels are NaN or infinite")
    return image


@functools.cache
def _places(path: str) -> list[tuple[int, int]]:
    """Returns where each header starts and where the data behind it end, bytes."""
    places = []
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        start = 0
        while start < size:
            file.seek(start)
            data_bytes = _skip_header(file)
            stop = file.tell() + -(-data_bytes // _BLOCK) * _BLOCK
            if stop > size:
                raise ValueError(f"truncated: {stop} bytes announced, {size} found")
            places.append((start, stop))
            start = stop
    return places


def _skip_header(file) -> int:
    """Reads to the end of a header and returns the number of bytes of its data."""
    numbers = {"GCOUNT": 1, "PCOUNT": 0}
    while True:
        block = file.read(_BLOCK).decode("ascii", "replace")
        if len(block) < _BLOCK:
            raise ValueError("a header without end")
        for place in range(0, _BLOCK, _CARD):
            card = block[place : place + _CARD]
            name = card[:8].rstrip()
            if name == "END":
                axes = [numbers[f"NAXIS{i + 1}"] for i in range(numbers["NAXIS"])]
                pixels = int(np.prod(axes)) if axes else 0
                pixels = numbers["GCOUNT"] * (numbers["PCOUNT"] + pixels)
                return pixels * abs(numbers["BITPIX"]) // 8
            if name in ("BITPIX", "GCOUNT", "PCOUNT") or name.startswith("NAXIS"):
                numbers[name] = int(card[10:].partition("/")[0])
