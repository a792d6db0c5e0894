"""Files and extensions of frames, from the options that name them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trainers.cutouts.opened_fits import OpenedFits
from trainers.errors import UserError
from trainers.frames import extensions, reading
from trainers.options.frame_source import FrameSource

__all__ = ["FrameFiles", "frames_of"]


@dataclasses.dataclass(frozen=True)
class FrameFiles:
    """Files of a frame.

    Attributes:
        paths: One file with all bands, or one for each band.
        hdus: Numbers or names of the extensions in each, each with one or more bands; empty for
            the first with an image of the sky.
        bands: Planes that are read, counted from 0 over all files and extensions; None for all.
        masks: Files in which pixels other than zero are masked.
        weights: Files in which pixels of no positive weight are masked.
        mask_hdu: Extension with the mask, in `masks` or, without any, in the files themselves;
            None for none in the files, and in `masks` for the extension of the frame.
        mask_bits: Bits of the masks that count, see `trainers.cutouts.mask_planes.value_of`.
        extension: Name of the extension where the file has several frames; else empty.
        unread: Other images of the sky in the file.
    """

    paths: tuple[Path, ...]
    hdus: tuple[int | str, ...] = ()
    bands: tuple[int, ...] | None = None
    masks: tuple[Path, ...] = ()
    weights: tuple[Path, ...] = ()
    mask_hdu: int | str | None = None
    mask_bits: tuple[str, ...] | None = None
    extension: str = ""
    unread: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the only file, or what the names of all begin with, else all names."""
        names = [reading.name_of(path) for path in self.paths]
        start = os.path.commonprefix(names)  # noqa: RUF071 (of characters, not of folders)
        return start.strip("_-. ") or "_".join(names)

    @property
    def name(self) -> str:
        """`file_name`, and the extension where the file has several frames."""
        return f"{self.file_name}_{self.extension}" if self.extension else self.file_name

    def listed(self) -> list[dict[str, Any]]:
        """Returns path, size and time of change of each file, fit for JSON."""
        files = [*self.paths, *self.masks, *self.weights]
        stats = [(path, path.stat()) for path in files]
        return [
            {"path": str(path.absolute()), "bytes": stat.st_size, "changed": stat.st_mtime_ns}
            for path, stat in stats
        ]


def frames_of(
    options: FrameSource,
    several_are_bands: bool,
    leave_out: Callable[[UserError], None] | None = None,
) -> list[FrameFiles]:
    """Returns the files of each frame that options name.

    Args:
        options: The options.
        several_are_bands: Whether several names in `hdu` are bands of one frame, unless
            `extensions` says otherwise.
        leave_out: Called with what is wrong with a file; None to raise it.

    Raises:
        UserError: if two frames have one name, or there are no such extensions.
    """
    masks, weights = tuple(options.mask or ()), tuple(options.weight or ())
    shared = FrameFiles(
        (),
        bands=None if options.bands is None else tuple(options.bands),
        mask_hdu=options.mask_extension,
        mask_bits=options.masked_bits,
    )
    if options.files == "bands":
        groups = [
            dataclasses.replace(shared, paths=tuple(options.frame), masks=masks, weights=weights)
        ]
    else:
        groups = [
            dataclasses.replace(
                shared,
                paths=(path,),
                masks=masks[place : place + 1],
                weights=weights[place : place + 1],
            )
            for place, path in enumerate(options.frame)
        ]
    as_bands = options.extensions == "bands" or (
        options.extensions is None and several_are_bands and len(options.hdus) > 1
    )
    frames: list[FrameFiles] = []
    for files in groups:
        try:
            frames += _frames(files, options.hdus, as_bands)
        except UserError as error:
            if leave_out is None:
                raise
            leave_out(error)
    names = [files.name for files in frames]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"`frame` must be files of different names; '{twice[0]}' comes twice")
    return frames


def _frames(files: FrameFiles, hdus: Sequence[int | str], as_bands: bool) -> list[FrameFiles]:
    """Returns the frames of a file, or of files that each have a band of all."""
    path = files.paths[0]
    with reading.opened("frame", path) as file:
        everything = extensions.image_numbers("frame", path, file)
        numbers = extensions.image_numbers("frame", path, file, hdus)
        labels = {n: extensions.short_label(file, n) for n in {*everything, *numbers}}
        _note(files, file, everything, hdus)
        if as_bands:
            names = [str(hdu).lower() for hdu in hdus]
            return [
                dataclasses.replace(
                    files, hdus=tuple(numbers) if names in ([], [extensions.ALL]) else tuple(hdus)
                )
            ]
        if not hdus:
            # In other files of bands it may have another number.
            first = tuple(everything[:1]) if len(files.paths) == 1 else ()
            unread = tuple(file.label(number) for number in everything[1:])
            return [dataclasses.replace(files, hdus=first, unread=unread)]
    return [
        dataclasses.replace(
            files, hdus=(number,), extension=labels[number] if len(everything) > 1 else ""
        )
        for number in numbers
    ]


def _note(
    files: FrameFiles, file: OpenedFits, everything: Sequence[int], hdus: Sequence[int | str]
) -> None:
    """Prints which images and masks of a file are not used."""
    path = files.paths[0]
    if not hdus and len(everything) > 1:
        images = ", ".join(map(file.label, everything))
        print(
            f"note  {path} has {len(everything)} images: {images}; the first is read, --hdu all "
            "reads all",
            flush=True,
        )
    own = [file.label(number) for number in extensions.masks(file)]
    if own and not files.masks and files.mask_hdu is None:
        print(
            f"note  {path} has a mask that is not used, {', '.join(own)}: --mask_hdu NAME uses it",
            flush=True,
        )
