"""`--dataset image_folder`: anybody's cutouts, a file each, labelled by folder or not at all.

TFDS's own `ImageFolder` reads one of the three layouts here, cannot split it, and does not say
which file it could not decode.

`--dataset cutouts --label_column folder` gives the same pixels, labels and splits of a folder whose
names are all different: decoder, hash of the names, choice of the most common size and what becomes
of the images are shared (`cutouts.picture_files`, `hash_splits`, `collected_images`, `mapped`). The
reading of the folder is not, because existing runs and named weights depend on it:

- "id" is a name without its ending, and two files of one name in two folders are two objects; for
  `cutouts`, "id" is that of `trainers.predict`, with the ending, and the folder, where there is
  one, takes part in the hash.
- Pictures of one value alone are used; `cutouts` leaves them out as empty.
- Of `max_examples` no other file is decoded, and the size and bits of most files are those
  expected, also under "raise"; a table of `cutouts` is joined with all files, the first of which
  decides.
- What memory does not hold is decoded at every epoch, and needs no room on the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from trainers.cutouts import sources
from trainers.cutouts.picture_files import band_names, units_of
from trainers.cutouts.sources import PICTURES
from trainers.datasets import content_hashes
from trainers.datasets.collected_images import dataset_of
from trainers.datasets.dataset import CACHE_BYTES, Dataset, DatasetSpec
from trainers.datasets.folder_layout import FolderLayout, read_layout
from trainers.datasets.image_files import DecodedFiles, decode_all, stored_content
from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.data_options import SPLITS

__all__ = ["read"]


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
    (train, validation, also called val or valid, and test). In the other two, and with a train
    folder alone, the split is a hash of the name. The name takes no part of the class: an object
    keeps its split when it is relabelled. It is also the "id", unless it occurs more than once:
    then "id" is `<class>/<name>`. Files of other kinds are counted in a note; hidden ones are not.

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
        raise UserError(f"`image_shape` must have 1 or 3 bands for images; got {image_shape}")
    layout = read_layout(folder)
    files, folders, ids = dict(layout.files), layout.class_names, layout.ids
    _note(folder, layout)
    choice = classes or ClassChoice(folders, tuple((name,) for name in folders))
    class_names, label_of = choice.names, dict(zip(folders, choice.labels(folders), strict=True))
    if classes is not None:
        files = {
            split: [path for path in members if label_of[path.parent.name] >= 0]
            for split, members in files.items()
        }
    kept = max_examples or {}
    files = {split: files[split][: kept.get(split)] for split in SPLITS}
    paths = [path for members in files.values() for path in members]
    decoded = decode_all(paths, image_shape, on_error=on_error, cache_bytes=cache_bytes)
    lines = [f"{path.relative_to(folder)}: {line}" for path, line in decoded.problems.items()]
    used = {split: [path for path in files[split] if path in decoded.places] for split in SPLITS}
    _check_used(folder, used, decoded.problems, label_of)
    if not kept:  # A small sample may lack a class.
        _check_trained(folder, used["train"], label_of, class_names)
    if image_shape is None and decoded.shape[-1] == 1:
        print(f"{folder}: all images are grey, one band 'grey' is read", file=sys.stderr)
    if lines:
        print(f"{folder}: left out {len(lines)} of {len(paths)} images", file=sys.stderr)
    spec = DatasetSpec(
        name="image_folder",
        image_shape=decoded.shape,
        bands=band_names(decoded.shape[-1]),
        pixel_scale=None,
        units=units_of(8 * decoded.store.dtype.itemsize),
        class_names=class_names,
        class_fractions=None,
        feature_names=("image", "id", "label") if class_names else ("image", "id"),
        scales_files=image_shape is not None,
    )
    features = {split: _features(members, ids, label_of) for split, members in used.items()}
    return dataset_of(
        spec,
        decoded.store,
        {split: [decoded.places[path] for path in members] for split, members in used.items()},
        features,
        lines,
        elsewhere=DecodedFiles(list(decoded.places), spec),
        content=lambda split: content_hashes.of_files(used[split]),
        stored_content=lambda split: stored_content(used[split], features[split]),
    )


def _note(folder: Path, layout: FolderLayout) -> None:
    """Prints what a user may not expect of a folder."""
    others = sources.counted(sources.unread([folder], PICTURES))
    if others:
        print(f"{folder}: files of other kinds are not read: {others}", file=sys.stderr)
    alike = sum(path.stem != name for path, name in layout.ids.items())
    if alike:
        print(
            f"{folder}: {alike} images have the name of another; their ids have the folder too",
            file=sys.stderr,
        )


def _features(
    paths: Sequence[Path], ids: Mapping[Path, str], label_of: Mapping[str, int]
) -> dict[str, np.ndarray]:
    features = {"id": np.array([ids[path] for path in paths], dtype=str)}
    if label_of:
        label = [label_of[path.parent.name] for path in paths]
        features["label"] = np.array(label, np.int64)
    return features


def _check_used(
    folder: Path,
    used: Mapping[str, Sequence[Path]],
    problems: Mapping[Path, str],
    label_of: Mapping[str, int],
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


def _check_trained(
    folder: Path, paths: Sequence[Path], label_of: Mapping[str, int], class_names: Sequence[str]
) -> None:
    trained = {label_of[path.parent.name] for path in paths} if label_of else set()
    for label, name in enumerate(class_names):
        if label not in trained:
            raise UserError(f"`data_dir` {folder}: class '{name}' has no image in the train split")
