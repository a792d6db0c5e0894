"""Options that name the files of survey frames."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trainers.errors import UserError
from trainers.options.data_options import separated
from trainers.options.fields import CheckedOptions, option

__all__ = ["FILES", "FrameSource"]

FILES = ("frames", "bands")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameSource(CheckedOptions):
    """Files of frames."""

    frame: list[Path] = option(type=Path, nargs="+", metavar="PATH")
    """FITS files of frames."""

    files: str = option("frames", metavar="frames|bands")
    """Each file is a frame, or a band of one frame; bands for maps and deblending alone."""

    hdu: list[str] | None = option(None, type=str, nargs="+", metavar="NAME|N")
    """FITS extensions, or all; default: the first with an image of the sky."""

    extensions: str | None = option(None, metavar="frames|bands")
    """Each extension is a frame, or has bands of one frame; default: frames, but bands for several
    names and a model that answers for each pixel."""

    bands: list[int] | None = option(None, type=int, nargs="+", metavar="N")
    """Planes of a cube, counted from 0; default: all."""

    mask: list[Path] | None = option(None, type=Path, nargs="+", metavar="PATH")
    """Mask images, one for each frame (or band); 0 is good."""

    mask_hdu: str | None = option(None, metavar="NAME|N")
    """Extension with the mask, such as DQ: in the frame's own file, or in those of mask."""

    mask_bits: list[str] | None = option(None, type=str, nargs="+", metavar="NAME|N")
    """Bits of the masks that mask pixels, by name or number from 0 (bit 3 has the value 8), such
    as SAT,CR or 0 7; default: BAD, SAT, CR, NO_DATA where planes have names, else all."""

    weight: list[Path] | None = option(None, type=Path, nargs="+", metavar="PATH")
    """Weight images, one for each frame (or band); pixels of weight 0 are masked."""

    @property
    def hdus(self) -> tuple[int | str, ...]:
        """Numbers and names of the extensions."""
        return _numbers(self.hdu)

    @property
    def mask_extension(self) -> int | str | None:
        """Number or name of the extension with the mask."""
        return None if self.mask_hdu is None else _numbers([self.mask_hdu])[0]

    @property
    def masked_bits(self) -> tuple[str, ...] | None:
        """Names and numbers of the bits that mask a pixel; None for the default."""
        return separated(self.mask_bits)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.files not in FILES:
            raise UserError(f"`files` must be one of {', '.join(FILES)}; got '{self.files}'")
        if self.extensions not in (None, *FILES):
            raise UserError(
                f"`extensions` must be one of {', '.join(FILES)}; got '{self.extensions}'"
            )
        if self.mask_bits and self.mask is None and self.mask_hdu is None:
            raise UserError("`mask_bits` must come with `mask` or `mask_hdu`")
        for name, paths in (("mask", self.mask), ("weight", self.weight)):
            if paths is None or len(paths) == len(self.frame):
                continue
            if self.files == "frames":
                raise UserError(
                    f"`{name}` must have a file for each of the {len(self.frame)} frames; "
                    f"got {len(paths)}"
                )
            if len(paths) > 1:
                raise UserError(
                    f"`{name}` must be one file or one for each of the {len(self.frame)} bands; "
                    f"got {len(paths)}"
                )


def _numbers(names: list[str] | None) -> tuple[int | str, ...]:
    return tuple(int(name) if name.isdecimal() else name for name in names or ())
