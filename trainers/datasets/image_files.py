"""JPEG, PNG and WebP files as arrays, read once or whenever they are asked for."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from trainers.cutouts.cutout import Cutout, LeftOut, Wanted
from trainers.cutouts.picture_files import bits_of, decode
from trainers.datasets import content_hashes, decoded_cache
from trainers.datasets.collected_images import CollectedImages, ImageStore
from trainers.datasets.dataset import DatasetSpec
from trainers.errors import TrainingError, UserError

__all__ = ["Decoded", "DecodedFiles", "decode_all", "stored_content"]


@dataclasses.dataclass(frozen=True)
class Decoded:
    """The decoded pixels of some files.

    Attributes:
        shape: (height, width, bands) of every usable image.
        store: The pixels, uint8, or uint16 for PNG files with 16 bits a band; without them, if all
            together are larger than was allowed.
        places: Places of the usable files in the store, in their order.
        problems: What is wrong with the others, by path.
    """

    shape: tuple[int, int, int]
    store: ImageStore
    places: Mapping[Path, int]
    problems: Mapping[Path, str]


def decode_all(
    paths: Sequence[Path],
    shape: tuple[int, int, int] | None,
    *,
    on_error: str,
    cache_bytes: int,
) -> Decoded:
    """Decodes every file once, so that no bad one is left to be found in mid-training.

    Images of another size, or with another number of bits a band, than most are among the
    problems. Without a shape, images whose three bands are all equal are taken as one band.

    Args:
        paths: The files.
        shape: (height, width, bands), bands 1 or 3, to which images are cut and scaled, see
            `picture_files.decode`; None for colour images of their own size.
        on_error: "raise", or "skip" to return the problems.
        cache_bytes: Largest size of all pixels together that is kept.

    Raises:
        UserError: at the first problem under "raise", or if no file is usable.
    """
    wanted = Wanted(shape or (None, None, 3), scales_pictures=shape is not None)
    images = CollectedImages(memory_bytes=cache_bytes, spills=False)
    read: list[Path] = []
    problems: dict[Path, str] = {}
    found = decoded_cache.entries(
        list(map(str, paths)), wanted, functools.partial(_with_progress, paths, wanted)
    )
    # What is not kept is removed at an error too.
    with contextlib.closing(found):
        for path, entry in zip(paths, found, strict=True):
            if isinstance(entry, LeftOut):
                problems[path] = entry.reason
                if on_error == "raise":
                    raise UserError(
                        f"{path}: {entry.reason} (--on_error skip leaves such images out)"
                    )
                continue
            read.append(path)
            images.append(entry.image)
    if not read:
        path, problem = next(iter(problems.items()))
        raise UserError(f"none of the {len(paths)} images can be used; {path}: {problem}")
    store, places = images.common()
    common = store.shape, store.dtype
    odd = {
        path: _odd(images.kinds[number], common, len(store))
        for number, path in enumerate(read)
        if number not in places
    }
    if odd and on_error == "raise":
        path, problem = next(iter(odd.items()))
        raise UserError(f"{path}: {problem}")
    bands = 1 if shape is None and images.is_grey else store.shape[-1]
    usable = {read[number]: place for number, place in places.items()}
    return Decoded((*store.shape[:2], bands), store, usable, problems | odd)


def _with_progress(paths: Sequence[Path], wanted: Wanted) -> Iterator[Cutout | LeftOut]:
    with ThreadPoolExecutor() as pool:
        decoded = pool.map(lambda path: decode(path, wanted), paths)
        shown = tqdm(decoded, total=len(paths), desc="reading", unit="image", disable=None)
        try:
            for path, pixels in zip(paths, shown, strict=True):
                if isinstance(pixels, str):
                    yield LeftOut(str(path), pixels)
                else:
                    yield Cutout(str(path), str(path), pixels)
        except GeneratorExit:
            pool.shutdown(cancel_futures=True)
            raise


def _odd(
    kind: tuple[tuple[int, ...], np.dtype], common: tuple[tuple[int, ...], np.dtype], number: int
) -> str:
    (shape, dtype), (common_shape, common_dtype) = kind, common
    if dtype != common_dtype:
        return (
            f"has {8 * dtype.itemsize} bits a band; {8 * common_dtype.itemsize} were expected, as "
            f"{number} others have"
        )
    return (
        f"is {shape[1]}x{shape[0]} px; {common_shape[1]}x{common_shape[0]} px was expected, the "
        f"size of {number} others (--image_shape brings images to one size)"
    )


def stored_content(paths: Sequence[Path], features: Mapping[str, np.ndarray]) -> str:
    """Returns a hash of files and labels, see `Dataset.stored_content`.

    Args:
        paths: The files of a split.
        features: "id" and, if there are labels, "label" of each.
    """
    labels = features.get("label", [""] * len(paths))
    names = [f"{name} {label}" for name, label in zip(features["id"], labels, strict=True)]
    return content_hashes.of_contents(paths, names)


class DecodedFiles:
    """Images of a dataset that are decoded whenever they are asked for, `mapped.Rows`.

    Args:
        paths: The files, all of which could be used before.
        spec: What the dataset is.
    """

    def __init__(self, paths: Sequence[Path], spec: DatasetSpec):
        self._paths = paths
        self._wanted = Wanted(
            spec.image_shape,
            picture_bits=bits_of(spec.units),
            scales_pictures=spec.scales_files,
        )

    def __getitem__(self, numbers: np.ndarray) -> np.ndarray:
        dtype = np.uint16 if self._wanted.picture_bits == 16 else np.uint8
        images = np.empty((len(numbers), *self._wanted.shape), dtype)
        with ThreadPoolExecutor() as pool:
            for row, pixels in enumerate(pool.map(self._decode, numbers)):
                images[row] = pixels
        return images

    def _decode(self, number: int) -> np.ndarray:
        path = self._paths[number]
        pixels = decode(path, self._wanted)
        if isinstance(pixels, str):
            raise TrainingError(f"{path}: {pixels}, though it could be used before")
        return pixels
