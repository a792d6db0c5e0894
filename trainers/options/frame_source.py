"""Options that name the files of survey frames."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, option

__all__ = ["FILES", "FrameSource"]

FILES = ("frames", "bands")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameSource(CheckedOptions):
    """Files of frames."""

    frame: list[Path] = option(type=Path, nargs="+", metavar="PATH")
    """FITS files of frames."""

    files: str = option("frames", metavar="frames|bands")
    """Each file is a frame, or a band of one frame; bands for maps alone."""

    hdu: list[str] | None = option(None, type=str, nargs="+", metavar="NAME|N")
    """FITS extension, or several with a band each for maps; default: the first with an image."""

    bands: list[int] | None = option(None, type=int, nargs="+", metavar="N")
    """Planes of a cube, counted from 0; default: all."""

    mask: list[Path] | None = option(None, type=Path, nargs="+", metavar="PATH")
    """Mask images, one for each frame (or band); 0 is good."""

    weight: list[Path] | None = option(None, type=Path, nargs="+", metavar="PATH")
    """Weight images, one for each frame (or band); pixels of weight 0 are masked."""

    @property
    def hdus(self) -> tuple[int | str, ...]:
        """Numbers and names of the extensions."""
        return tuple(int(name) if name.isdecimal() else name for name in self.hdu or ())

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.files not in FILES:
            raise UserError(f"`files` must be one of {', '.join(FILES)}; got '{self.files}'")
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
