"""Images that the volunteers saw, read from PNG files and ZIP archives."""

from __future__ import annotations

import functools
import io
import lzma
import struct
import zipfile
import zlib
from typing import NamedTuple

import numpy as np
import PIL.Image
from etils import epath

__all__ = [
    "FULL_SIZE",
    "ImageFile",
    "find_images",
    "image_parts",
    "image_scale",
    "picture",
    "png",
    "scaled",
]

# Pixels on a side of the published images.
FULL_SIZE = 424

# The published images are PNG of 8 bits; Pillow would cut 16 to their upper half, or clip them.
_FORMATS = ("JPEG", "PNG")
_MODES = ("L", "RGB", "RGBA", "P", "LA", "1")
_BIT_DEPTH_PLACE = 24  # bytes, in the header of a PNG file

# Of an image in an archive; the published ones have a few hundred thousand.
_MOST_BYTES = 2**26
# What zipfile raises for archives that are damaged, locked or packed in unknown ways.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    struct.error,
)

_PARTS = "gz_decals_dr5_png_part*"
# Remote file systems have no "**".
_PATTERNS = ("*/*.png", "*/*/*.png", "*/*/*/*.png")


class ImageFile(NamedTuple):
    """Location of an image.

    Attributes:
        path: Of its file, or of the archive that holds it.
        member: Its name in the archive; empty without one.
    """

    path: str
    member: str = ""

    def read(self) -> bytes:
        """Returns the bytes of the image's file.

        Raises:
            ValueError: if it cannot be had from the archive.
        """
        if not self.member:
            return epath.Path(self.path).read_bytes()
        try:
            archive = _archive(self.path)
            size = archive.getinfo(self.member).file_size
            if size > _MOST_BYTES:
                raise ValueError(f"{size} bytes announced")
            return archive.read(self.member)
        except (*_BROKEN, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"damaged in the archive ({reason})") from None


def find_images(parts: list[epath.Path]) -> dict[str, ImageFile]:
    """Returns where the image of each galaxy is, by its name.

    Args:
        parts: Folders, or zip archives, with files <name>.png in them at any depth up to three.

    Raises:
        ValueError: if an archive cannot be read.
    """
    images: dict[str, ImageFile] = {}
    for part in parts:
        if part.is_dir():
            for path in (path for pattern in _PATTERNS for path in part.glob(pattern)):
                images.setdefault(path.name.removesuffix(".png"), ImageFile(str(path)))
            continue
        for member in _archive(str(part)).namelist():
            folder, _, name = member.rpartition("/")
            if name.endswith(".png") and not folder.startswith("__MACOSX"):
                images.setdefault(name.removesuffix(".png"), ImageFile(str(part), member))
    return images


def image_parts(folder: epath.Path) -> list[epath.Path]:
    """Returns the folders and archives of images in a folder; unpacked ones before archives."""
    paths = sorted(folder.glob(_PARTS))
    unpacked = [path for path in paths if path.is_dir()]
    unpacked_names = {path.name for path in unpacked}
    packed = [path for path in paths if path.suffix == ".zip" and path.stem not in unpacked_names]
    return unpacked + packed


def picture(data: bytes, crop: float, size: int) -> np.ndarray:
    """Returns the central part of an image, scaled.

    Args:
        data: A square PNG or JPEG of any size, grey or RGB, with 8 bits a band.
        crop: Share of each side that is kept, about the centre.
        size: Pixels on a side of the result; the filter is Lanczos's, as wide as is needed not to
            alias.

    Returns:
        (size, size, 3) uint8.

    Raises:
        ValueError: if the data are no such image.
    """
    try:
        with PIL.Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            image.load()
            bits = 16 if image.format == "PNG" and data[_BIT_DEPTH_PLACE] == 16 else 8
            mode, colour = image.mode, image.convert("RGB")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"truncated or not an image ({reason})") from None
    if bits != 8:
        raise ValueError(f"image must have 8 bits a band; got {bits}")
    if mode not in _MODES:
        raise ValueError(f"image must be grey or RGB; got the mode {mode}")
    width, height = colour.size
    if width != height:
        raise ValueError(f"image must be square; got {width} x {height} pixels")
    return scaled(colour, crop, size)


def scaled(image: PIL.Image.Image, crop: float, size: int) -> np.ndarray:
    """Returns the central part of a square colour image, (size, size, 3) uint8."""
    side = image.size[0]
    margin = 0.5 * side * (1 - crop)
    box = (margin, margin, side - margin, side - margin)
    return np.asarray(image.resize((size, size), PIL.Image.Resampling.LANCZOS, box=box))


def png(image: np.ndarray) -> bytes:
    """Returns an image, (rows, columns, 3) uint8, as PNG."""
    stream = io.BytesIO()
    PIL.Image.fromarray(image).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def image_scale(petro_th50: float, petro_th90: float) -> float:
    """Returns the pixel scale of the published image of a galaxy, arcsec.

        scale = max(min(0.04 petro_th50, 0.02 petro_th90), 0.1)

    Args:
        petro_th50: Radius of half of the Petrosian flux, arcsec.
        petro_th90: Radius of 90 % of it, arcsec.

    References:
        Walmsley et al. 2022 (MNRAS 509, 3966), section 2.2.
    """
    return max(min(0.04 * petro_th50, 0.02 * petro_th90), 0.1)


@functools.lru_cache(maxsize=4)
def _archive(path: str) -> zipfile.ZipFile:
    # A worker reads many members, and the list of them takes a second.
    try:
        return zipfile.ZipFile(epath.Path(path).open("rb"))
    except (*_BROKEN, ValueError) as error:
        raise ValueError(f"{path}: truncated or not a zip archive ({error})") from None
