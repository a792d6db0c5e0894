"""Layouts of image folders: the split, the class and the identifier of each file."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainers.cutouts import sources
from trainers.cutouts.sources import PICTURES
from trainers.datasets.hash_splits import SPLIT_NAMES, in_splits
from trainers.errors import UserError
from trainers.options.data_options import SPLITS

__all__ = ["FolderLayout", "read_layout"]

_Files = dict[str, list[Path]]


@dataclasses.dataclass(frozen=True)
class FolderLayout:
    """The images of a folder.

    Attributes:
        files: Paths by split, in the order of the hash of their names.
        class_names: Names of the class folders, sorted; empty without labels.
        ids: Identifier of each file: its name without suffix; for names that occur more than once,
            with the folders before it, and with its suffix if that is not enough.
    """

    files: Mapping[str, Sequence[Path]]
    class_names: tuple[str, ...]
    ids: Mapping[Path, str]


def read_layout(folder: Path) -> FolderLayout:
    """Returns the images of a folder in one of the layouts of `trainers.datasets.image_folder`.

    Args:
        folder: The folder; hidden files and folders in it are passed over.

    Raises:
        UserError: if the folder or a class has no images, or folders and images in it do not make
            one of the layouts.
    """
    files, class_names = _find(folder)
    ids = _identifiers(folder, [path for members in files.values() for path in members])
    return FolderLayout({split: files.get(split, []) for split in SPLITS}, class_names, ids)


def _identifiers(folder: Path, paths: Sequence[Path]) -> dict[Path, str]:
    ids = {path: path.stem for path in paths}
    for longer in (lambda path: path.with_suffix(""), lambda path: path):
        number = Counter(ids.values())
        ids |= {
            path: longer(path.relative_to(folder)).as_posix()
            for path, name in ids.items()
            if number[name] > 1
        }
    return ids


def _find(folder: Path) -> tuple[_Files, tuple[str, ...]]:
    """Returns the files of each split and the names of the classes."""
    if not folder.is_dir():
        raise UserError(f"`data_dir` {folder}: no such folder")
    inside, loose = _contents(folder)
    if not inside:
        if not loose:
            raise UserError(f"`data_dir` {folder}: no {_pictures(folder)} in it")
        return _by_hash(loose), ()
    splits = [path.name for path in inside if path.name.lower() in SPLIT_NAMES]
    others = [path.name for path in inside if path.name not in splits]
    if not others:
        return _in_given_splits(folder, inside)
    if any(SPLIT_NAMES[name.lower()] == "train" for name in splits):
        raise UserError(
            f"`data_dir` {folder}: its folders must be splits ({', '.join(SPLITS)}) or classes; "
            f"got {', '.join(splits)} beside {', '.join(others)}"
        )
    by_class = {path.name: _of_class(folder, path) for path in inside}
    for name, paths in by_class.items():
        if not paths:
            raise UserError(_empty(folder, name))
    return _by_hash([path for paths in by_class.values() for path in paths]), tuple(by_class)


def _in_given_splits(folder: Path, splits: Sequence[Path]) -> tuple[_Files, tuple[str, ...]]:
    files: _Files = {}
    names = {}
    for path in splits:
        split = SPLIT_NAMES[path.name.lower()]
        if split in files:
            raise UserError(f"`data_dir` {folder}: the {split} split has two folders")
        classes, loose = _contents(path)
        names[split] = {path.name for path in classes}
        files[split] = loose + [image for path in classes for image in _of_class(folder, path)]
    if not any(files.values()):
        raise UserError(f"`data_dir` {folder}: no {_pictures(folder)} in its splits")
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
            raise UserError(_empty(train[0].parents[1], name))
    if not files.get("test"):
        print(f"{folder}: no test folder; the images of train are split by name", file=sys.stderr)
        return _by_hash(train), class_names
    stated = [split for split, members in files.items() for _ in members]
    return _by_hash([path for members in files.values() for path in members], stated), class_names


def _contents(folder: Path) -> tuple[list[Path], list[Path]]:
    """Returns the folders and the images in a folder, of which only one kind may be there."""
    seen = sorted(path for path in folder.iterdir() if not sources.is_hidden(path.name))
    inside = [path for path in seen if path.is_dir()]
    loose = [path for path in seen if path.suffix.lower() in PICTURES and not path.is_dir()]
    if inside and loose:
        raise UserError(
            f"`data_dir` {folder}: images lie both in it ({loose[0].name}) and in folders of it "
            f"({inside[0].name}): name the class of each, or of none"
        )
    return inside, loose


def _of_class(folder: Path, class_folder: Path) -> list[Path]:
    inside, loose = _contents(class_folder)
    if inside:
        raise UserError(
            f"`data_dir` {folder}: the images of a class must lie in its folder; "
            f"{class_folder.relative_to(folder)} has the folder {inside[0].name}"
        )
    return loose


def _empty(folder: Path, name: str) -> str:
    return f"`data_dir` {folder}: class '{name}' has no {_pictures(folder / name)}"


def _pictures(folder: Path) -> str:
    """Returns the files that are read, in words, and those that a folder has instead."""
    others = sources.counted(sources.unread([folder], PICTURES))
    return f"{', '.join(PICTURES)} files" + (f" (it has {others})" if others else "")


def _by_hash(paths: Sequence[Path], stated: Sequence[str] | None = None) -> _Files:
    places = in_splits([path.stem for path in paths], stated)
    return {split: [paths[place] for place in members] for split, members in places.items()}
