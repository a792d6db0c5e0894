"""`--dataset cutouts`: cutouts of any readable kind, with the classes and numbers of a table."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from trainers.cutouts import pixel_units, sources
from trainers.cutouts.cutout import Cutout, Wanted
from trainers.cutouts.picture_files import band_names, decode, units_of
from trainers.cutouts.reading import CutoutFiles
from trainers.datasets.collected_images import dataset_of
from trainers.datasets.collected_objects import CollectedObjects
from trainers.datasets.dataset import CACHE_BYTES, Dataset, DatasetSpec
from trainers.datasets.hash_splits import in_splits
from trainers.datasets.object_table import ObjectTable, join_key
from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.cutout_source import CUTOUTS, CutoutSource
from zoo.model import SAMPLE_WEIGHT

__all__ = ["read"]

_COLOURS = 3  # bands
# Three first: a picture in a table can be read as grey too.
_NUMBERS_OF_BANDS = (3, 1, 2, *range(4, 33))
_TRIED_FILES = 3
_TRIED_ENTRIES = 8  # of each
_NAMED = 3  # objects in a note


def read(
    source: CutoutSource,
    *,
    max_examples: Mapping[str, int] | None = None,
    image_shape: tuple[int, int, int] | None = None,
    classes: ClassChoice | None = None,
    on_error: str = "raise",
    cache_bytes: int = CACHE_BYTES,
    folder: Path | None = None,
) -> Dataset:
    """Reads cutouts and the table of their objects.

    A cutout belongs to the row with its identifier: that in its file, or else the name of the
    file, both with or without the file's ending. Cutouts without a row or a class, and rows without
    a cutout, are counted in a note and listed in `skipped`. "id" is that of `trainers.predict`.
    Splits of which the table says nothing are a hash of the identifier without the file's ending.

    Args:
        source: Files, table and columns.
        max_examples: Number of examples kept of each split, in the order of the hash.
        image_shape: (height, width, bands) that images must have; pictures are cut and scaled to
            it, see `trainers.cutouts.picture_files.decode`. None for that of most files.
        classes: Classes to distinguish, each of one or several of the table. None for all.
        on_error: "raise", or "skip" to leave out and list what cannot be used.
        cache_bytes: Images that take more than this are kept in a temporary file.
        folder: Where that is made; None for the system's own place.

    Raises:
        UserError: if the files or the table cannot be used, or do not fit together.
    """
    paths = sources.find(source.images)
    has_table = source.labels is not None or source.classes_are_folders
    table = ObjectTable(source, paths) if has_table else None
    class_names = () if table is None else table.class_names
    choice = classes or ClassChoice(class_names, tuple((name,) for name in class_names))
    label_of = dict(zip(class_names, choice.labels(class_names), strict=True))
    settings = source.file_settings
    if settings["resize"] and image_shape is None:
        raise UserError(
            f"`resize={settings['resize']}` needs `image_shape`: height, width and bands"
        )
    scales = image_shape is not None and not settings["resize"]
    are_pictures = _are_pictures(paths)
    bits = _bits_of_picture(paths[0]) if are_pictures else None
    units = _units(source, paths, bits)
    settings |= {"units": units, "bands": tuple(source.bands) if source.bands else None}
    stated = len(source.bands or ()) or (image_shape[2] if image_shape else 0)
    files = CutoutFiles(
        paths,
        image_shape or (None, None, stated or _number_of_bands(paths, source)),
        picture_bits=bits,
        scales_pictures=scales,
        **settings,
    )
    # Sky and noise around pictures, and resampled ones, are no whole numbers.
    is_whole = bits is not None and settings["resize"] in (None, "crop")
    dtype = np.dtype(f"uint{bits}") if is_whole else np.float32
    objects = CollectedObjects(table, label_of, on_error, cache_bytes, folder, dtype)
    objects.read(files)
    store, places = objects.common_store()
    members = _members(objects, places, table, max_examples)
    features = {split: _features(numbers, objects, table) for split, numbers in members.items()}
    _check_trained(features["train"], choice.names, len(places), bool(max_examples))
    without_cutout = objects.rows_without_cutout()
    _note(source, table, objects, without_cutout)

    height, width, bands = store.shape
    if are_pictures and objects.is_grey and not stated:
        bands = 1
    spec = DatasetSpec(
        name=CUTOUTS,
        image_shape=(height, width, bands),
        bands=_band_names(source, bands, are_pictures),
        pixel_scale=source.pixel_scale,
        units=units,
        class_names=choice.names,
        class_fractions=None,
        feature_names=("image", *features["train"]),
        questions=() if table is None else table.questions,
        scales_files=are_pictures and scales,
        invalid=source.invalid,
        mask_bits=settings["mask_bits"],
        resize=settings["resize"],
        seeing=(min(objects.seeings), max(objects.seeings)) if objects.seeings else None,
    )
    rows = {split: [places[number] for number in taken] for split, taken in members.items()}
    skipped = [*objects.problems, *_unjoined(objects, table, without_cutout)]
    return dataset_of(spec, store, rows, features, skipped)


def _are_pictures(paths: Sequence[str]) -> bool:
    kinds = {sources.is_picture(path): path for path in paths}
    if len(kinds) == 2:
        raise UserError(
            f"`images` must be pictures or other files, whose pixels have unlike units; got "
            f"{kinds[True]} and {kinds[False]}"
        )
    return True in kinds


def _bits_of_picture(path: str) -> int:
    pixels = decode(Path(path), Wanted((None, None, _COLOURS)))
    # What is wrong with it is said when it is read.
    return 8 if isinstance(pixels, str) else 8 * pixels.dtype.itemsize


def _number_of_bands(paths: Sequence[str], source: CutoutSource) -> int:
    """Returns the first of `_NUMBERS_OF_BANDS` with which a first cutout can be read."""
    if sources.is_picture(paths[0]):
        return _COLOURS
    reasons = []
    for path in paths[:_TRIED_FILES]:
        for bands in _NUMBERS_OF_BANDS:
            shape = (None, None, bands)
            files = CutoutFiles([path], shape, counted=False, **source.file_settings)
            # The first may be one that cannot be used.
            entries = list(itertools.islice(files.of_file(0), _TRIED_ENTRIES))
            files.close()
            if any(isinstance(entry, Cutout) for entry in entries):
                return bands
            reasons += [f"{entry.source}: {entry.reason}" for entry in entries[:1]]
    reason = next(iter(reasons), "there are no cutouts")
    raise UserError(f"`images`: the number of bands is not clear, `bands` states it; {reason}")


def _members(
    objects: CollectedObjects,
    places: Mapping[int, int],
    table: ObjectTable | None,
    max_examples: Mapping[str, int] | None,
) -> dict[str, list[int]]:
    """Returns the objects of each split, in the order of the hash."""
    numbers = list(places)
    stated = None
    if table is not None:
        stated = [table.split_of(objects.rows[number]) for number in numbers]
    members = in_splits([join_key(objects.ids[number]) for number in numbers], stated)
    kept = max_examples or {}
    return {
        split: [numbers[place] for place in taken[: kept.get(split)]]
        for split, taken in members.items()
    }


def _features(
    members: Sequence[int], objects: CollectedObjects, table: ObjectTable | None
) -> dict[str, np.ndarray]:
    features = {"id": np.array([objects.ids[number] for number in members], dtype=str)}
    if table is None:
        return features
    if table.labels is not None:
        features["label"] = np.array([objects.labels[number] for number in members], np.int64)
    rows = np.array([objects.rows[number] for number in members], np.int64)
    features |= {name: values[rows] for name, values in table.numbers.items()}
    if table.votes is not None:
        features["votes"] = table.votes[rows]
    if table.weights is not None:
        features[SAMPLE_WEIGHT] = _normalised(table.weights[rows])
    return features


def _normalised(weights: np.ndarray) -> np.ndarray:
    """Returns weights with a mean of 1, so that they do not change the learning rate."""
    if not weights.size:
        return weights.astype(np.float32)
    if not weights.sum() > 0:
        raise UserError(f"`weight_column`: all {len(weights)} objects of a split have weight 0")
    return (weights / weights.mean()).astype(np.float32)


def _check_trained(
    features: Mapping[str, np.ndarray], class_names: Sequence[str], usable: int, is_sample: bool
) -> None:
    if not len(features["id"]):
        raise UserError(f"`images`: of {usable} usable objects none is in the train split")
    for label, name in enumerate(class_names):
        # A small sample may lack a class.
        if not is_sample and label not in features["label"]:
            raise UserError(f"`labels`: class '{name}' has no usable image in the train split")


def _unjoined(
    objects: CollectedObjects, table: ObjectTable | None, without_cutout: Sequence[str]
) -> list[str]:
    """Returns a line for each cutout without a row or a class, and each row without a cutout."""
    if table is None:
        return []
    return [
        *(f"{name}: no row in {table.path.name}" for name in objects.without_row),
        *(
            f"{name}: no {_outcomes(table)} in {table.path.name}"
            for name in objects.without_outcome
        ),
        *(f"{name}: no cutout" for name in without_cutout),
    ]


def _note(
    source: CutoutSource,
    table: ObjectTable | None,
    objects: CollectedObjects,
    without_cutout: Sequence[str],
) -> None:
    """Prints what was left out, and which column a user may have meant."""
    counts = {"images are left out": objects.problems}
    counts["images have pixels without a value, which are replaced"] = objects.replaced
    if table is not None:
        counts[f"images have no row in {table.path.name}"] = objects.without_row
        counts[f"images have no {_outcomes(table)} in {table.path.name}"] = objects.without_outcome
        counts[f"rows of {table.path.name} have no image"] = without_cutout
    for text, names in counts.items():
        if names:
            some = ", ".join(names[:_NAMED]) + ", ..." * (len(names) > _NAMED)
            print(f"{len(names)} {text}: {some}", file=sys.stderr, flush=True)
    if table is not None and (alike := _spelt_alike(table.class_names)):
        print(f"classes that differ in capitals alone: {alike}", file=sys.stderr, flush=True)
    if table is not None and table.has_split and not (source.split_column or source.split_by):
        print(
            f"column 'split' of {table.path.name} is not read; --split_column split reads it",
            file=sys.stderr,
            flush=True,
        )


def _spelt_alike(names: Sequence[str]) -> str:
    """Returns the names of classes of which another differs in nothing but capitals."""
    number = Counter(name.casefold() for name in names)
    return ", ".join(name for name in names if number[name.casefold()] > 1)


def _outcomes(table: ObjectTable) -> str:
    names = {"class": table.labels, "votes": table.votes}
    return " or ".join(name for name, values in names.items() if values is not None)


def _band_names(source: CutoutSource, bands: int, are_pictures: bool) -> tuple[str, ...]:
    if source.bands:
        return tuple(source.bands)
    if are_pictures:
        return band_names(bands)
    return tuple(f"band_{number}" for number in range(bands))


def _units(source: CutoutSource, paths: Sequence[str], bits: int | None) -> str:
    if bits is not None:
        return units_of(bits)
    named = pixel_units.of_files(paths)
    return source.units or (named[1] if named else "unknown")
