"""PNG, JPEG and WebP pictures as pixels: the decoder of training and prediction.

`trainers.serving.encoded_images` gives the same pixels of PNG and JPEG inside a SavedModel.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from trainers.cutouts.cutout import (
    CutoutFile,
    Found,
    UnreadableError,
    Wanted,
    reason_of,
)
from trainers.cutouts.fitting import checked_shape

__all__ = ["LUMA", "PictureFile", "band_names", "bits_of", "decode", "units_of"]

LUMA = (19595, 38470, 7471)
"""Weights of red, green and blue in grey (ITU-R 601), in units of 2^-16: those of Pillow."""

_FORMATS = ("JPEG", "PNG", "WEBP")
_MODES = ("L", "RGB", "RGBA", "P", "LA", "1")
_BIT_DEPTH_PLACE = 24  # bytes, in the header of a PNG file


class PictureFile(CutoutFile):
    """A file with one picture; see `CutoutFile`."""

    def __init__(self, path: Path, wanted: Wanted):
        self._path, self._wanted = path, wanted

    def __len__(self) -> int:
        return 1

    def found(self, start: int, stop: int) -> Iterator[Found]:
        for _ in range(start, stop):
            yield Found("", decode(self._path, self._wanted))

    def close(self) -> None:
        pass


def bits_of(units: str) -> int | None:
    """Returns the bits of a band in the pictures that have such pixel values.

    Args:
        units: Of a dataset, such as "counts (0-255)" or "nanomaggies".

    Returns:
        8, 16, or None if pictures have other values.
    """
    return next((bits for bits in (8, 16) if f"(0-{2**bits - 1})" in units), None)


def units_of(bits: int) -> str:
    """Returns the units of pictures, from which `bits_of` follows.

    Args:
        bits: 8 or 16.
    """
    return f"counts (0-{2**bits - 1})"


def band_names(bands: int) -> tuple[str, ...]:
    """Returns the names of the bands of pictures.

    Args:
        bands: 1 or 3.
    """
    return ("grey",) if bands == 1 else ("red", "green", "blue")


def decode(file: Path | BinaryIO, wanted: Wanted) -> np.ndarray | str:
    """Returns the pixels of a picture, or what is wrong with it.

    Values are those of the file, 0-255 or, for PNG files with 16 bits a band, 0-65535. Palettes
    are looked up; grey of 1, 2 or 4 bits is stretched to 0-255; transparency is dropped; for one
    band, colours become grey. Of an animation the first picture is read. Pixels stay where the
    file has them: an orientation in EXIF is for people, and galaxies have none. Colours for
    printing (CMYK) are refused.

    Args:
        file: A PNG, JPEG or WebP file.
        wanted: Its `shape`, `picture_bits`, `scales_pictures` and `pads`.

    Returns:
        (height, width, bands) uint8 or uint16, before any padding.
    """
    height, width, bands = wanted.shape
    if wanted.pads is not None:
        height, width, _ = wanted.pads
    if bands not in (1, 3):
        return f"is a picture of 1 or 3 bands; {bands} were expected"
    try:
        contents = file.read_bytes() if isinstance(file, Path) else file.read()
        with Image.open(io.BytesIO(contents), formats=_FORMATS) as image:
            bits = 16 if image.format == "PNG" and contents[_BIT_DEPTH_PLACE] == 16 else 8
            if bits == 8 and image.mode not in _MODES:
                return f"has mode {image.mode}; grey or RGB was expected"
            if wanted.picture_bits not in (None, bits):
                return f"has {bits} bits a band; {wanted.picture_bits} were expected"
            if not wanted.scales_pictures:
                shape, _ = checked_shape((image.height, image.width, bands), wanted, False)
                if isinstance(shape, str):
                    return shape
            image.load()  # Also for 16 bits: Pillow says what is wrong with a file.
            pixels = _sixteen_bit(contents, bands) if bits == 16 else _eight_bit(image, bands)
    except UnidentifiedImageError:
        return "cannot be read: it is not a PNG, JPEG or WebP file"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return reason_of(error)
    if wanted.scales_pictures and pixels.shape[:2] != (height, width):
        pixels = _fit(pixels, height, width)
    return pixels


def _eight_bit(image: Image.Image, bands: int) -> np.ndarray:
    pixels = np.asarray(image.convert("L" if bands == 1 else "RGB"))
    return pixels[..., None] if bands == 1 else pixels


def _sixteen_bit(contents: bytes, bands: int) -> np.ndarray:
    # Pillow keeps 8 of the 16 bits of a colour.
    import tensorflow as tf

    try:
        pixels = tf.io.decode_png(contents, channels=3, dtype=tf.uint16).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise UnreadableError(f"cannot be read: {error.message}") from None
    if bands == 3:
        return pixels
    luma = (pixels.astype(np.int64) @ np.array(LUMA) + 2**15) >> 16
    return luma.astype(np.uint16)[..., None]


def _fit(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cuts, around the centre, to the ratio of the sides and scales (Lanczos)."""
    size, filtering = (width, height), Image.Resampling.LANCZOS
    if pixels.dtype == np.uint8:
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        fitted = np.asarray(ImageOps.fit(image, size, filtering))
        return fitted[..., None] if fitted.ndim == 2 else fitted
    bands = [
        ImageOps.fit(Image.fromarray(band), size, filtering)
        for band in np.moveaxis(pixels, -1, 0).astype(np.float32)
    ]
    most = np.iinfo(pixels.dtype).max
    return np.clip(np.floor(np.stack(bands, -1) + 0.5), 0, most).astype(pixels.dtype)
