"""Notes of the commands that make tables: where answers may not mean what a user expects."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainers.cutouts import sources
from trainers.cutouts.companion_planes import is_companion
from trainers.cutouts.picture_files import bits_of

if TYPE_CHECKING:
    from pathlib import Path

    from trainers.datasets.dataset import DatasetSpec
    from trainers.prediction.predict_blocks import Entries
    from trainers.prediction.served_model import ServedModel

__all__ = [
    "print_dataset",
    "print_extensions",
    "print_lacking_statistics",
    "print_noise",
    "print_pictures",
    "print_range",
    "print_units",
    "print_unread",
    "print_validity",
]

# Objects whose values are looked at.
_OBJECTS = 8


def print_unread(paths: Sequence[str]) -> None:
    """Prints which files in the folders of `images` are not read.

    Args:
        paths: Files, folders and patterns.
    """
    others = sources.unread(paths)
    if others:
        _print(f"files of other kinds are not read: {sources.counted(others)}")


def print_units(files: Sequence[str], data: Mapping[str, Any]) -> None:
    """Prints that FITS files are in other units than the training images, and are converted or not.

    Args:
        files: Files of any kind.
        data: Training data of the model as its card has them; empty if they are not known.
    """
    from trainers.cutouts import pixel_units, unit_conversion

    trained, named = data.get("units"), pixel_units.of_files(files)
    if trained and named and not pixel_units.are_same(named[1], trained):
        try:
            is_known = unit_conversion.factor(named[1], trained, 0.0) is not None
        except unit_conversion.UnitsError:
            return  # Each object is left out with the reason.
        becomes = "they are converted"
        if not is_known:
            becomes = "its answers mean nothing unless these are the same"
        _print(
            f"{named[0]} is in {named[1]} (BUNIT), the model was trained on {trained}: {becomes}"
        )


def print_dataset(spec: DatasetSpec, data: Mapping[str, Any]) -> None:
    """Prints in what the images of a dataset differ from those of the training.

    Args:
        spec: The dataset.
        data: As in `print_units`, or as the record of a run has them.
    """
    from trainers.prediction import training_images

    differences = training_images.differences(data, spec)
    if differences:
        _print(
            f"images of {spec.name} are not like those of the training: {'; '.join(differences)}"
        )


def print_extensions(files: Sequence[str]) -> None:
    """Prints which extensions of the first FITS file are read as objects, if it has several.

    Args:
        files: Files of any kind.
    """
    from trainers.cutouts import fits_files, pixel_units

    path = pixel_units.first_fits(files)
    names, columns = pixel_units.extensions(path), fits_files.columns_beside_images(path)
    if columns:
        _print(
            f"{path}: the column {columns[0]} of a table has images too, which are not read; "
            f"--column {columns[0]} reads them in place of the extensions"
        )
    others = [name for name in names if is_companion(name)]
    objects = [name for name in names if name not in others] or names
    if len(objects) > 1:
        listed = ", ".join(dict.fromkeys(name or "without a name" for name in objects))
        _print(
            f"{path}: its {len(objects)} image extensions ({listed}) are an object each; --hdu "
            "chooses those that are, --extensions bands makes them bands of one"
        )
    if others and objects is not names:
        _print(
            f"{path}: {', '.join(dict.fromkeys(others))} are no objects; their masks and weights "
            "leave pixels out, --mask_bits none ignores them"
        )


def print_range(entries: Entries, files: Sequence[str], data: Mapping[str, Any]) -> None:
    """Prints that values are not those of pictures, for a model of pictures.

    Args:
        entries: The cutouts, of which the first are read.
        files: Their files.
        data: As in `print_units`.
    """
    bits = bits_of(data.get("units") or "")
    if bits is None or all(map(sources.is_picture, files)):
        return
    first = itertools.islice(entries.entries(0, min(_OBJECTS, len(entries))), _OBJECTS)
    images = [entry.image for entry in first if hasattr(entry, "image")]
    entries.close()
    if not images:
        return
    low, high = min(image.min() for image in images), max(image.max() for image in images)
    if low < 0 or high <= 1 or high > 2**bits - 1:
        _print(
            f"the first cutouts have values from {low:g} to {high:g}, the model was trained on "
            f"{data['units']}: its answers mean nothing unless these are the same"
        )


def print_noise(data: Mapping[str, Any]) -> None:
    """Prints that the training images had noise which none is added to these.

    Args:
        data: As in `print_units`.
    """
    if data.get("noise_sigma"):
        low, high = data["noise_sigma"]
        sigma = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        _print(
            f"noise of sigma {sigma} {data['units']} was added to the training images; these are "
            "taken as they are"
        )


def print_validity(model: ServedModel) -> None:
    """Prints that images cannot be compared with those of the training, or not in all.

    Args:
        model: The model, loaded with the comparison that is wanted.
    """
    if model.reference is None:
        # The model of another project has no card, and nothing to add.
        if model.facts.data:
            print_lacking_statistics("RUN")
    elif model.lacks_features:
        _print(
            "the model was exported without the signature 'embedding', so that only pixels are "
            "compared with the training images; python -m trainers.export --run_dir RUN exports it "
            "again"
        )


def print_lacking_statistics(run_dir: Path | str) -> None:
    """Prints that a table has no columns on the validity of the answers, and what adds them.

    Args:
        run_dir: Folder of the run, or a word for it.
    """
    _print(
        "the model has no statistics of its training images, so that the table does not say which "
        f"objects are unlike them; python -m trainers.validity --run_dir {run_dir} adds them"
    )


def print_pictures(files: Sequence[str], data: Mapping[str, Any]) -> None:
    """Prints that it is not known how the pictures of the training were read.

    Args:
        files: Files of any kind.
        data: As in `print_units`.
    """
    if not data and any(map(sources.is_picture, files)):
        _print(
            "the model does not say how pictures were read for its training; these are taken as "
            "they are"
        )


def _print(line: str) -> None:
    print(f"note  {line}", flush=True)
