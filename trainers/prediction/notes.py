"""Notes of the commands that make tables: where answers may not mean what a user expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainers.cutouts import sources

__all__ = ["print_noise", "print_pictures", "print_units", "print_unread"]


def print_unread(paths: Sequence[str]) -> None:
    """Prints which files in the folders of `images` are not read.

    Args:
        paths: Files, folders and patterns.
    """
    others = sources.unread(paths)
    if others:
        _print(f"files of other kinds are not read: {sources.counted(others)}")


def print_units(files: Sequence[str], data: Mapping[str, Any]) -> None:
    """Prints that FITS files are in other units than the training images.

    Args:
        files: Files of any kind.
        data: Training data of the model as its card has them; empty if they are not known.
    """
    from trainers.prediction import pixel_units

    trained, named = data.get("units"), pixel_units.of_files(files)
    if trained and named and not pixel_units.are_same(named[1], trained):
        _print(
            f"{named[0]} is in {named[1]} (BUNIT), the model was trained on {trained}: "
            "its answers mean nothing unless these are the same"
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
