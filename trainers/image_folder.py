"""`--dataset image_folder`: anybody's cutouts, a file each, labelled by folder or not at all."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from trainers.data import SPLITS, DatasetSpec
from trainers.errors import UserError
from trainers.in_memory import InMemoryDataset

__all__ = ["SUFFIXES", "read", "split_of"]

SUFFIXES = (".jpeg", ".jpg", ".png")

# Upper ends of the splits on the unit interval of the hash: 70, 10 and 20 per cent.
_SPLIT_ENDS = (0.7, 0.8, 1.0)


def split_of(object_id: str) -> str:
    """Returns the split of an object: a hash of its name alone, so that it never changes side.

    Args:
        object_id: Name of the file without folder and suffix.
    """
    digest = hashlib.sha256(object_id.encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return next(split for split, end in zip(SPLITS, _SPLIT_ENDS, strict=True) if place < end)


def read(
    folder: Path,
    *,
    max_examples: int | None = None,
    image_shape: tuple[int, int, int] | None = None,
    on_error: str = "raise",
) -> InMemoryDataset:
    """Reads a folder of JPEG or PNG images, 0-255, into memory.

    Three layouts: `folder/<class>/<name>.jpg`; `folder/<name>.jpg`, without labels; or
    `folder/<split>/<class>/<name>.jpg` as TFDS's own ImageFolder has it, whose splits are kept.
    In the other two the split is a hash of the name. Images that are grey in three equal
    channels are read as one band.

    Args:
        folder: The folder.
        max_examples: Number of examples kept in each split, in the order of the hash.
        image_shape: (height, width, bands) that every image is scaled to; None to require that
            all have the size of the first.
        on_error: "raise", or "skip" to leave out images that cannot be used.

    Raises:
        UserError: if the folder or a class has no images, or an image cannot be used.
    """
    if image_shape is not None and image_shape[-1] not in (1, 3):
        raise UserError(f"--image_shape must have 1 or 3 bands for images; got {image_shape}")
    files, class_names = _find(folder)
    files = _limit(files, max_examples)
    paths = [path for paths in files.values() for path in paths]
    images, lines = _decode(paths, folder, image_shape, on_error)
    if not images:
        raise UserError(f"{folder}: none of the {len(paths)} images can be used; {lines[0]}")
    if image_shape is None and all(_is_grey(image) for image in images.values()):
        images = {path: image[..., :1] for path, image in images.items()}
    shape = next(iter(images.values())).shape
    splits = {}
    for split in SPLITS:
        used = [path for path in files.get(split, ()) if path in images]
        stack = [images[path] for path in used]
        splits[split] = {
            "image": np.stack(stack) if stack else np.zeros((0, *shape), np.uint8),
            "id": np.array([path.stem for path in used]),
        }
        if class_names:
            label = [class_names.index(path.parent.name) for path in used]
            splits[split]["label"] = np.array(label, np.int64)
    if not len(splits["train"]["image"]):
        raise UserError(f"{folder}: too few images, none of {len(images)} is in the train split")
    if lines:
        print(f"{folder}: left out {len(lines)} of {len(paths)} images", file=sys.stderr)
    spec = DatasetSpec(
        name="image_folder",
        image_shape=shape,
        bands=("grey",) if shape[-1] == 1 else ("red", "green", "blue"),
        pixel_scale=None,
        units="counts (0-255)",
        class_names=class_names,
        class_fractions=None,
    )
    return InMemoryDataset(spec, splits, lines)


def _find(folder: Path) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    """Returns the files of each split and the names of the classes."""
    if not folder.is_dir():
        raise UserError(f"--data_dir {folder}: no such folder")
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    loose = _images_in(folder)
    if not inside:
        if not loose:
            raise UserError(f"--data_dir {folder}: no {', '.join(SUFFIXES)} files in it")
        return _by_hash(loose), ()
    if {path.name for path in inside} <= set(SPLITS):
        return _in_given_splits(inside)
    if loose:
        raise UserError(
            f"--data_dir {folder}: images lie both in it ({loose[0].name}) and in folders of it "
            f"({inside[0].name}): name the class of each, or of none"
        )
    by_class = {path.name: _images_in(path) for path in inside}
    _check_filled(by_class, folder)
    return _by_hash([path for paths in by_class.values() for path in paths]), tuple(by_class)


def _in_given_splits(folders: Sequence[Path]) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    names = sorted({path.name for split in folders for path in split.iterdir() if path.is_dir()})
    files = {}
    for split in folders:
        by_class = {name: _images_in(split / name) for name in names}
        if names:
            _check_filled(by_class, split)
        files[split.name] = [path for paths in by_class.values() for path in paths]
        if not names:
            files[split.name] = _images_in(split)
    return files, tuple(names)


def _images_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if path.name[0] != ".")


def _check_filled(by_class: dict[str, list[Path]], folder: Path) -> None:
    for name, paths in by_class.items():
        if not paths:
            raise UserError(f"{folder}: class '{name}' has no {', '.join(SUFFIXES)} files")


def _by_hash(paths: Sequence[Path]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {split: [] for split in SPLITS}
    for path in sorted(paths, key=lambda path: hashlib.sha256(path.stem.encode()).digest()):
        files[split_of(path.stem)].append(path)
    return files


def _limit(files: dict[str, list[Path]], limit: int | None) -> dict[str, list[Path]]:
    return {split: paths[:limit] for split, paths in files.items()}


def _decode(
    paths: Sequence[Path],
    folder: Path,
    image_shape: tuple[int, int, int] | None,
    on_error: str,
) -> tuple[dict[Path, np.ndarray], list[str]]:
    """Returns the images that can be used, and a line for each of the others."""
    images: dict[Path, np.ndarray] = {}
    lines: list[str] = []
    expected = None
    with ThreadPoolExecutor() as pool:
        decoded = pool.map(lambda path: _decode_one(path, image_shape), paths)
        shown = tqdm(decoded, total=len(paths), desc="reading", unit="image", disable=None)
        for path, image in zip(paths, shown, strict=True):
            if isinstance(image, np.ndarray):
                expected = expected or image.shape
                if image.shape == expected:
                    images[path] = image
                    continue
                height, width, _ = expected
                image = (
                    f"is {image.shape[1]}x{image.shape[0]} px where {width}x{height} px was "
                    "expected (--image_shape scales images to one size)"
                )
            lines.append(f"{path.relative_to(folder)}: {image}")
            if on_error == "raise":
                pool.shutdown(cancel_futures=True)
                raise UserError(f"{folder / lines[-1]}")
    return images, lines


def _decode_one(path: Path, shape: tuple[int, int, int] | None) -> np.ndarray | str:
    """Returns the image, or what is wrong with it."""
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode not in ("L", "RGB", "RGBA", "P", "LA", "1"):
                return f"has mode {image.mode}; 8-bit grey or RGB was expected"
            image = image.convert("L" if shape is not None and shape[-1] == 1 else "RGB")
            if shape is not None and image.size != (shape[1], shape[0]):
                image = image.resize((shape[1], shape[0]), Image.Resampling.LANCZOS)
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f"cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _is_grey(image: np.ndarray) -> bool:
    return bool((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())
