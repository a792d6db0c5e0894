"""FITS files of which a part may be missing or damaged: what of them can be read, what cannot."""

from __future__ import annotations

import bz2
import gzip
import io
import warnings
from pathlib import Path
from typing import BinaryIO

from astropy.io import fits

from trainers.cutouts.cutout import UnreadableError, reason_of

__all__ = ["OpenedFits"]

# How packed files begin, and what reads them.
_PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open}
_AT_ONCE = 2**20
_BLOCK = 2880  # Of which FITS files have a multiple.
_TYPES = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU, fits.BinTableHDU, fits.TableHDU)
_ENDS_EARLY = "cannot be read: the file ends early"


class OpenedFits:
    """The extensions of a file, with what is wrong with them; the primary one counts as one.

    Astropy reads as far as it can, and warns of the rest or leaves it out. What gzip or bzip2
    has packed is unpacked as a whole: at its end is a checksum, at which Astropy may not arrive.

    Args:
        path: The file.

    Attributes:
        hdus: The extensions.
        images: Numbers of those with an image.
        tables: Numbers of the binary tables.
        damage: What is wrong with extensions, by number; the one after the last stands for the
            rest of the file.
        is_unpacked: Whether the contents of the file are in memory.

    Raises:
        Exception: whatever gzip, bzip2 or Astropy raises if nothing can be read.
    """

    def __init__(self, path: Path):
        file: BinaryIO = path.open("rb")
        try:
            start = file.read(max(map(len, _PACKED)))
            file.seek(0)
            openers = [opener for magic, opener in _PACKED.items() if start.startswith(magic)]
            self.is_unpacked = bool(openers)
            ends_early = False
            if openers:
                with file as packed:
                    file, ends_early = _unpacked(openers[0](packed))
            self._read(file, ends_early)
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> OpenedFits:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def hdu_list(self) -> fits.HDUList:
        """The extensions as Astropy's list of them."""
        return self._list

    def close(self) -> None:
        """Closes the file."""
        self._list.close()

    def called(self, name: str | int) -> list[int]:
        """Returns the numbers of the extensions that are meant, the rest of the file among them.

        Args:
            name: Number of an extension, or the name of one or more; capitals do not matter.
                "NAME,2" is the one of that EXTVER.
        """
        if str(name).isdecimal():
            numbers = {*range(len(self.hdus)), *self.damage}
            return [int(name)] if int(name) in numbers else []
        wanted, _, version = str(name).upper().partition(",")
        return [
            number
            for number, hdu in enumerate(self.hdus)
            if hdu.name.upper() == wanted.strip() and version.strip() in ("", str(hdu.ver))
        ]

    def listed(self) -> str:
        """Returns in words which images there are, and what is damaged."""
        images = ", ".join(map(self.label, self.images)) or "none"
        damage = [f"{self.label(number)} {wrong}" for number, wrong in self.damage.items()]
        return "; ".join([images, *damage])

    def label(self, number: int) -> str:
        """Returns number and name of an extension, such as "1 (SCI)".

        Args:
            number: The extension.
        """
        name = self.name(number)
        return f"{number} ({name})" if name else str(number)

    def name(self, number: int) -> str:
        """Returns the name of an extension; empty for none, and for the rest of the file."""
        return self.hdus[number].name if number < len(self.hdus) else ""

    def _read(self, file: BinaryIO, ends_early: bool) -> None:
        self.hdus, self.images, self.tables, self.damage = [], [], [], {}
        rest = _ENDS_EARLY if ends_early else None
        with warnings.catch_warnings():
            # Old headers; and what is broken, which is looked for here.
            warnings.simplefilter("ignore")
            self._list = fits.open(file, memmap=False)
            try:
                for hdu in self._list:
                    if hdu.fileinfo()["datSpan"] < 0:
                        # Astropy would go back, and round and round.
                        raise UnreadableError("cannot be read: has a negative size")
                    self.hdus.append(hdu)
            except Exception as error:  # Astropy raises anything for a broken header.
                if not self.hdus:
                    raise
                rest = reason_of(error)
            length = file.seek(0, io.SEEK_END)
            ends = [self._check(number, length) for number in range(len(self.hdus))]
        file.seek(ends[-1])
        # Some writers leave the last block short, or add some.
        if rest is None and file.read(_BLOCK).strip(b"\0 "):
            rest = f"cannot be read: what follows its first {ends[-1]} bytes is no extension"
        is_cut = ends[-1] > length and len(ends) - 1 in self.damage
        if rest is not None and not is_cut:
            self.damage[len(ends)] = rest

    def _check(self, number: int, length: int) -> int:
        """Looks what an extension is, and returns where it ends."""
        hdu, end = self.hdus[number], length
        try:
            place, is_packed = hdu.fileinfo(), isinstance(hdu, fits.CompImageHDU)
            end = place["datLoc"] + place["datSpan"]
            if isinstance(hdu, fits.BinTableHDU) and not is_packed:
                self.tables.append(number)
            # The last block may be short. The size of a packed image is that of its pixels.
            if (
                end > length
                and (end - _BLOCK if is_packed else place["datLoc"] + hdu.size) > length
            ):
                self.damage[number] = _ENDS_EARLY
            elif not isinstance(hdu, _TYPES):
                self.damage[number] = "cannot be read: no known type of extension"
            elif hdu.is_image and len(hdu.shape) >= 2:
                self.images.append(number)
        except Exception as error:  # As above.
            self.damage[number] = reason_of(error)
        return end


def _unpacked(file: gzip.GzipFile | bz2.BZ2File) -> tuple[BinaryIO, bool]:
    """Returns what is packed, and whether its end is missing."""
    memory, ends_early = io.BytesIO(), False
    with file as unpacked:
        try:
            while block := unpacked.read1(_AT_ONCE):
                memory.write(block)
        except EOFError:
            ends_early = True
    memory.seek(0)
    return memory, ends_early
