"""Masks and weights that stand beside the images of a FITS file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.cutouts import companion_planes, mask_planes
from trainers.cutouts.cutout import UnreadableError
from trainers.cutouts.opened_fits import OpenedFits

__all__ = ["NO_BITS", "FitsMasks"]

NO_BITS = "none"
"""In place of the bits: masks and weights are not read."""


class FitsMasks:
    """Masked and weightless pixels of the images of a file.

    An image has the masks and weights of its shape, of the same version (EXTVER), if several have
    their name, and of the same name but for the role: `SCI_G` that of `MASK_G`. The mask of a plane
    is that of all planes of a cube.

    Args:
        file: The file.
        bits: Names of planes or numbers of bits, see `mask_planes.value_of`; `NO_BITS` alone to
            read neither masks nor weights.
    """

    def __init__(self, file: OpenedFits, bits: Sequence[str] | None):
        self._file, self._bits = file, bits
        self._roles = {
            number: role
            for number in file.images
            if (role := companion_planes.role(file.hdus[number].name)) and role[0] != "other"
        }

    def unknown(self, number: int) -> np.ndarray | None:
        """Returns true where an image is unknown, in its shape or that of its last two axes.

        Args:
            number: The extension with the image.

        Returns:
            None if it has neither mask nor weight.

        Raises:
            UnreadableError: if a bit is none of the mask's.
        """
        if self._bits == (NO_BITS,) or companion_planes.is_companion(self._file.name(number)):
            return None
        unknown = None
        for other, (role, rest) in self._roles.items():
            if not self._belongs(other, rest, number):
                continue
            values = self._file.hdus[other].data
            # A NaN is no positive weight, and no zero of a mask.
            own = ~(values > 0) if role == "weight" else self._masked(other, values)
            unknown = own if unknown is None else unknown | own
        return unknown

    def _belongs(self, other: int, rest: str, number: int) -> bool:
        image, companion = self._file.hdus[number], self._file.hdus[other]
        shape = tuple(image.shape)
        if tuple(companion.shape) not in (shape, shape[-2:]):
            return False
        of_name = [each for each in self._roles if self._file.hdus[each].name == companion.name]
        if len(of_name) > 1 and image.ver != companion.ver:
            return False
        own = companion_planes.own_name(image.name).lower()
        return rest.lower() in ("", own) or (rest.isdecimal() and not own)

    def _masked(self, number: int, values: np.ndarray) -> np.ndarray:
        header = self._file.hdus[number].header
        try:
            bits = mask_planes.value_of(self._bits, 8 * values.dtype.itemsize, header)
        except mask_planes.UnknownBitError as error:
            raise UnreadableError(
                f"has no bit '{error.bit}' in mask {self._file.label(number)}; `mask_bits` may be "
                f"{error.allowed}"
            ) from None
        return mask_planes.is_set(values, bits)
