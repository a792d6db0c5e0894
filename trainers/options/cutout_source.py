"""The files, the table and the columns of a dataset of cutouts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from trainers.errors import UserError
from trainers.options.data_options import separated

__all__ = ["CUTOUTS", "FOLDER", "HEALPIX", "CutoutSource"]

CUTOUTS = "cutouts"
"""Name of the dataset."""

FOLDER = "folder"
"""`label_column` without a table: the class of a cutout is the folder that its file lies in."""

HEALPIX = "healpix"
"""`split_by` that groups objects by their cell on the sky."""

_MAX_ORDER = 29  # of HEALPix


_OF_THE_TABLE = (
    *("label_column", "target_columns", "vote_columns", "weight_column"),
    *("split_column", "split_by"),
)


@dataclasses.dataclass(frozen=True)
class CutoutSource:
    """Anybody's cutouts, and the table of their objects.

    Attributes:
        images: Files, folders and patterns, see `trainers.cutouts.sources.find`.
        labels: Table of the objects, see `trainers.storage.table_reading.FORMATS`; None for none.
        id_column: Column of the table with the identifiers of the objects.
        label_column: Column with the classes; None for `label` if there is one. Without a table
            "folder", for the names of the folders.
        target_columns: Columns of numbers for a regression.
        vote_columns: Columns of counts of votes, `<question>_<answer>`, or names of questions, see
            `trainers.datasets.vote_columns`.
        weight_column: Column with the weight of each object in the loss, at least 0; those of a
            split are scaled to a mean of 1. None for equal weights.
        split_column: Column with train, validation or test; None for a hash of the identifier.
        split_by: Column of the group of an object: those of one group share a split. "healpix", or
            "healpix:ORDER" (default 6, 55 arcmin), for its cell on the sky, from ra and dec.
        bands: Names of the bands; None for the files' own number of them.
        pixel_scale: Arcsec per pixel; None if unknown.
        units: Units of the pixels; None for BUNIT of the first FITS file.
        column: As the next three, see `trainers.cutouts.cutout.Wanted`.
        image_id_column: See `id_column` there.
        extensions: See there.
        hdu: See there.
        invalid: See there.
        mask_bits: See there; names may stand in one text with commas.
        resize: "refuse", or see there.

    Raises:
        UserError: if there are no files, or the options do not go together.
    """

    images: Sequence[str] = ()
    labels: str | None = None
    id_column: str = "id"
    label_column: str | None = None
    target_columns: Sequence[str] = ()
    vote_columns: Sequence[str] = ()
    weight_column: str | None = None
    split_column: str | None = None
    split_by: str | None = None
    bands: Sequence[str] | None = None
    pixel_scale: float | None = None
    units: str | None = None
    column: str | None = None
    image_id_column: str | None = None
    extensions: str = "objects"
    hdu: Sequence[int | str] | None = None
    invalid: str = "drop"
    mask_bits: Sequence[str] | None = None
    resize: str = "refuse"

    def __post_init__(self) -> None:
        if not self.images:
            raise UserError(f"`dataset='{CUTOUTS}'` needs `images`, the files with the cutouts")
        if self.split_column and self.split_by:
            raise UserError("`split_by` and `split_column` both choose the split; give one of them")
        cell, colon, order = (self.split_by or "").partition(":")
        if cell == HEALPIX and colon and not (order.isdecimal() and int(order) <= _MAX_ORDER):
            raise UserError(
                f"`split_by` {HEALPIX}:ORDER must have an order from 0 to {_MAX_ORDER}; "
                f"got '{self.split_by}'"
            )
        if self.resize == "resample" and not self.pixel_scale:
            raise UserError("`resize=resample` needs `pixel_scale`, that of the resampled images")
        if self.bands and len(set(self.bands)) < len(self.bands):
            raise UserError(f"`bands` must be different names; got {' '.join(self.bands)}")
        if not self.labels:
            for name in _OF_THE_TABLE:
                value = getattr(self, name)
                if value and not (name == "label_column" and value == FOLDER):
                    raise UserError(f"`{name}` needs `labels`, the table with the column")

    @property
    def file_settings(self) -> dict[str, Any]:
        """Settings for reading files, by the names of `trainers.cutouts.cutout.Wanted`."""
        names = ("column", "extensions", "hdu", "invalid")
        return {name: getattr(self, name) for name in names} | {
            "id_column": self.image_id_column,
            "mask_bits": separated(self.mask_bits),
            "resize": None if self.resize == "refuse" else self.resize,
            "pixel_scale": self.pixel_scale,
        }

    @property
    def classes_are_folders(self) -> bool:
        """True if there is no table, and the classes are the folders of the files."""
        return not self.labels and self.label_column == FOLDER

    @classmethod
    def of(cls, options: Any) -> CutoutSource:
        """Returns the source that options describe, whose fields have the same names.

        Args:
            options: Such as a `trainers.options.run.RunConfig`.

        Raises:
            UserError: see `CutoutSource`.
        """
        values = {field.name: getattr(options, field.name) for field in dataclasses.fields(cls)}
        # Options have an empty text in place of None.
        return cls(**{name: value for name, value in values.items() if value})
