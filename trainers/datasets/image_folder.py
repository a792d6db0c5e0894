"""`--dataset image_folder`: anybody's cutouts, a file each, labelled by folder or not at all.

TFDS's own `ImageFolder` reads one of the three layouts here, cannot split it, and does not say
which file it could not decode.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from trainers.cutouts.sources import PICTURES
from trainers.datasets.dataset import CACHE_BYTES, Dataset, DatasetSpec
from trainers.datasets.image_files import StreamedFiles, decode_all, stored_content
from trainers.datasets.in_memory import InMemoryDataset, empty
from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.limits import SPLITS

__all__ = ["read", "split_of"]

# Upper ends of the splits on the unit interval of the hash: 70, 10 and 20 per cent.
_SPLIT_ENDS = (0.7, 0.8, 1.0)

# Folders of the layout that brings its own splits.
_SPLIT_FOLDERS = {split: split for split in SPLITS} | {"val": "validation", "valid": "validation"}

_Files = dict[str, list[Path]]


def split_of(object_id: str) -> str:
    """Returns the split of an object: a hash of its name alone, so that it never changes side.

    Args:
        object_id: Name of the file without folder and suffix.
    """
    place = int.from_bytes(_digest(object_id)[:8], "big") / 2**64
    return next(split for split, end in zip(SPLITS, _SPLIT_ENDS, strict=True) if place < end)


def read(
    folder: Path,
    *,
    max_examples: Mapping[str, int] | None = None,
    image_shape: tuple[int, int, int] | None = None,
    classes: ClassChoice | None = None,
    on_error: str = "raise",
    cache_bytes: int = CACHE_BYTES,
) -> Dataset:
    """Reads a folder of JPEG or PNG images, 0-255, or 0-65535 for PNG files of 16 bits a band.

    Three layouts: `folder/<class>/<name>.jpg`; `folder/<name>.jpg`, without labels; or
    `folder/<split>/<class>/<name>.jpg` as TFDS's own ImageFolder has it, whose splits are kept
    (train, validation, also called val or valid, and test). In the other two the split is a hash
    of the name. The name, which is also the "id", takes no part of the class: an object keeps its
    split when it is relabelled.

    Args:
        folder: The folder.
        max_examples: Number of examples kept of each split, in the order of the hash.
        image_shape: (height, width, bands) that every image is brought to: cut around the centre
            to this ratio of the sides, then scaled; 3 bands, or 1 for grey. None to require that
            all have one size; if all are grey in three equal bands, one band is read.
        classes: Classes to distinguish, each of one or several folders; the images in other
            folders are not read. None for a class per folder.
        on_error: "raise", or "skip" to leave out images that cannot be used.
        cache_bytes: Images that take more than this, decoded, are read again at every epoch.

    Raises:
        UserError: if the folder or a class has no images, or an image cannot be used.
    """
    if image_shape is not None and image_shape[-1] not in (1, 3):
        raise UserError(f"--image_shape must have 1 or 3 bands for images; got {image_shape}")
    files, folders = _find(folder)
    for name in folders:
        if not name.isprintable():
            raise UserError(
                f"`data_dir` {folder}: names of classes must be printable; got {name!r}"
            )
    choice = classes or ClassChoice(folders, tuple((name,) for name in folders))
    class_names, label_of = choice.names, dict(zip(folders, choice.labels(folders), strict=True))
    if classes is not None:
        files = {
            split: [path for path in members if label_of[path.parent.name] >= 0]
            for split, members in files.items()
        }
    kept = max_examples or {}
    files = {split: files.get(split, [])[: kept.get(split)] for split in SPLITS}
    paths = [path for members in files.values() for path in members]
    found = decode_all(paths, image_shape, on_error=on_error, cache_bytes=cache_bytes)
    usable = set(found.usable)
    lines = [f"{path.relative_to(folder)}: {line}" for path, line in found.problems.items()]
    used = {split: [path for path in files[split] if path in usable] for split in SPLITS}
    _check_used(folder, used, found.problems, label_of)
    if image_shape is None and found.shape[-1] == 1:
        print(f"{folder}: all images are grey, one band 'grey' is read", file=sys.stderr)
    if lines:
        print(f"{folder}: left out {len(lines)} of {len(paths)} images", file=sys.stderr)
    spec = DatasetSpec(
        name="image_folder",
        image_shape=found.shape,
        bands=("grey",) if found.shape[-1] == 1 else ("red", "green", "blue"),
        pixel_scale=None,
        units=f"counts (0-{np.iinfo(found.dtype).max})",
        class_names=class_names,
        class_fractions=None,
        feature_names=("image", "id", "label") if class_names else ("image", "id"),
        scales_files=image_shape is not None,
    )
    features = {split: _features(members, label_of) for split, members in used.items()}
    if found.images is None:
        return StreamedFiles(spec, used, features, lines)
    arrays = {}
    for split, members in used.items():
        images = empty((len(members), *found.shape), found.dtype)
        for row, path in enumerate(members):
            # Popped, so that the images are not held twice.
            images[row] = found.images.pop(path)
        arrays[split] = {"image": images, **features[split]}
    return InMemoryDataset(
        spec, arrays, lines, lambda split: stored_content(used[split], features[split])
    )


def _features(paths: Sequence[Path], label_of: Mapping[str, int]) -> dict[str, np.ndarray]:
    features = {"id": np.array([path.stem for path in paths], dtype=str)}
    if label_of:
        label = [label_of[path.parent.name] for path in paths]
        features["label"] = np.array(label, np.int64)
    return features


def _check_used(
    folder: Path, used: _Files, problems: Mapping[Path, str], label_of: Mapping[str, int]
) -> None:
    paths = [path for members in used.values() for path in members]
    if not used["train"]:
        raise UserError(f"`data_dir` {folder}: of {len(paths)} images none is in the train split")
    if label_of:
        left = {path.parent.name for path in paths}
        for path, problem in problems.items():
            if path.parent.name not in left:
                raise UserError(
                    f"`data_dir` {folder}: class '{path.parent.name}' has no usable image; "
                    f"{path.name}: {problem}"
                )


def _find(folder: Path) -> tuple[_Files, tuple[str, ...]]:
    """Returns the files of each split and the names of the classes."""
    if not folder.is_dir():
        raise UserError(f"`data_dir` {folder}: no such folder")
    inside, loose = _contents(folder)
    if not inside:
        if not loose:
            raise UserError(f"`data_dir` {folder}: no {', '.join(PICTURES)} files in it")
        return _by_hash(loose), ()
    splits = [path.name for path in inside if path.name.lower() in _SPLIT_FOLDERS]
    others = [path.name for path in inside if path.name not in splits]
    if not others:
        return _in_given_splits(folder, inside)
    if any(_SPLIT_FOLDERS[name.lower()] == "train" for name in splits):
        raise UserError(
            f"`data_dir` {folder}: its folders must be splits ({', '.join(SPLITS)}) or classes; "
            f"got {', '.join(splits)} beside {', '.join(others)}"
        )
    by_class = {path.name: _contents(path)[1] for path in inside}
    for name, paths in by_class.items():
        if not paths:
            raise UserError(_empty(folder, name))
    return _by_hash([path for paths in by_class.values() for path in paths]), tuple(by_class)


def _in_given_splits(folder: Path, splits: Sequence[Path]) -> tuple[_Files, tuple[str, ...]]:
    files: _Files = {}
    names = {}
    for path in splits:
        split = _SPLIT_FOLDERS[path.name.lower()]
        if split in files:
            raise UserError(f"`data_dir` {folder}: the {split} split has two folders")
        classes, loose = _contents(path)
        names[split] = {path.name for path in classes}
        files[split] = loose + [image for path in classes for image in _contents(path)[1]]
    if not any(files.values()):
        raise UserError(f"`data_dir` {folder}: no {', '.join(PICTURES)} files in its splits")
    class_names = tuple(sorted(set.union(*names.values())))
    labelled = [split for split, members in names.items() if members]
    unlabelled = [split for split in files if files[split] and split not in labelled]
    if labelled and unlabelled:
        raise UserError(
            f"`data_dir` {folder}: {labelled[0]} has a folder for each class and {unlabelled[0]} "
            "has none"
        )
    train = files.get("train", [])
    if not train or (files.get("validation") and not files.get("test")):
        missing = "test" if train else "train"
        raise UserError(f"`data_dir` {folder}: no {missing} folder with images beside the others")
    for name in class_names:
        if not any(path.parent.name == name for path in train):
            raise UserError(_empty(folder / "train", name))
    if not files.get("test"):
        print(f"{folder}: no test folder; the images of train are split by name", file=sys.stderr)
        return _by_hash(train), class_names
    return {
        split: sorted(members, key=lambda path: _digest(path.stem))
        for split, members in files.items()
    }, class_names


def _contents(folder: Path) -> tuple[list[Path], list[Path]]:
    """Returns the folders and the images in a folder, of which only one kind may be there."""
    seen = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    inside = [path for path in seen if path.is_dir()]
    loose = [path for path in seen if path.suffix.lower() in PICTURES and not path.is_dir()]
    if inside and loose:
        raise UserError(
            f"`data_dir` {folder}: images lie both in it ({loose[0].name}) and in folders of it "
            f"({inside[0].name}): name the class of each, or of none"
        )
    return inside, loose


def _empty(folder: Path, name: str) -> str:
    return f"`data_dir` {folder}: class '{name}' has no {', '.join(PICTURES)} files"


def _by_hash(paths: Sequence[Path]) -> _Files:
    files: _Files = {split: [] for split in SPLITS}
    for path in sorted(paths, key=lambda path: _digest(path.stem)):
        files[split_of(path.stem)].append(path)
    return files


def _digest(object_id: str) -> bytes:
    return hashlib.sha256(object_id.encode(errors="surrogateescape")).digest()
