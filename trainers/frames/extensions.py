"""Extensions of a FITS file that are images of the sky, and those that are masks of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trainers.cutouts.companion_planes import is_companion, is_mask
from trainers.cutouts.opened_fits import OpenedFits
from trainers.errors import UserError

__all__ = ["ALL", "image_numbers", "mask_number", "masks", "short_label"]

ALL = "all"
"""As `hdu`: every image of the sky."""


def image_numbers(
    option: str, path: object, file: OpenedFits, hdus: Sequence[int | str] = ()
) -> list[int]:
    """Returns the numbers of extensions with images.

    Args:
        option: Option that named the file, for errors.
        path: The file, for errors.
        file: The same file, opened.
        hdus: Numbers and names; a name is that of all extensions that have it. "all", or none, for
            all images but errors, masks, weights and distortions.

    Raises:
        UserError: if there is none.
    """
    numbers = sorted({*file.images, *file.damage})
    if not numbers:
        raise UserError(
            f"`{option}={path}` has no extension with an image; it has {len(file.hdus)}"
        )
    if not hdus or [str(hdu).lower() for hdu in hdus] == [ALL]:
        names = {n: file.hdus[n].name for n in numbers if n < len(file.hdus)}
        return [n for n in numbers if not is_companion(names.get(n, ""))] or numbers
    chosen = []
    for hdu in hdus:
        called = [number for number in file.called(hdu) if number in numbers]
        if not called:
            raise UserError(
                f"`hdu` must be one of the images of {path}, {file.listed()}; got '{hdu}'"
            )
        chosen += [number for number in called if number not in chosen]
    return chosen


def masks(file: OpenedFits) -> list[int]:
    """Returns the numbers of the extensions that are masks by their names."""
    return [number for number in file.images if is_mask(file.hdus[number].name)]


def mask_number(path: object, file: OpenedFits, hdu: int | str, image: int) -> int:
    """Returns the number of the mask of an image in the same file.

    Args:
        path: The file, for errors.
        file: The same file, opened.
        hdu: Number or name of the mask. Of several of that name, the one that has the EXTVER of
            the image, or the next one after it.
        image: Number of the image.

    Raises:
        UserError: if there is none.
    """
    called = [number for number in file.called(hdu) if number in file.images]
    if not called:
        raise UserError(
            f"`mask_hdu` must be one of the images of {path}, {file.listed()}; got '{hdu}'"
        )
    versions = [number for number in called if file.hdus[number].ver == file.hdus[image].ver]
    after = [number for number in called if number > image]
    return (versions if len(versions) == 1 else after or called)[0]


def short_label(file: OpenedFits, number: int) -> str:
    """Returns what an extension is called in columns and names of files, such as "N2" or "SCI2".

    Args:
        file: The file.
        number: The extension.
    """
    if number >= len(file.hdus):
        return str(number)
    name, version = file.hdus[number].name, file.hdus[number].ver
    versions = [hdu.ver for hdu in file.hdus if hdu.name == name]
    if not name or versions.count(version) > 1:
        return str(number)
    return re.sub(r"[^\w.+-]", "_", name if len(versions) == 1 else f"{name}{version}")
