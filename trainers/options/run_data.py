"""Options that choose and read the data of a run."""

from __future__ import annotations

import dataclasses
from typing import Literal

from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.cutout_source import CUTOUTS, CutoutSource
from trainers.options.data_options import most_examples
from trainers.options.fields import Affects, CheckedOptions, option

__all__ = ["DataOptions"]


@dataclasses.dataclass(frozen=True)
class DataOptions(CheckedOptions):
    """Options of a dataset; a subclass has its name as `dataset`.

    Raises:
        UserError: if they do not go together.
    """

    data_dir: str = option("", affects=Affects.NOTHING, path=True)
    """Folder of TFDS datasets, or of the images of an `image_folder`."""

    manual_dir: str = option("", affects=Affects.NOTHING, path=True)
    """Folder of manually downloaded files."""

    image_shape: list[int] | None = option(
        None, affects=Affects.DATA, nargs=3, least=1, type=int, metavar="N"
    )
    """Height, width and bands (1 or 3) to which pictures are resized, and other images of `cutouts`
    with --resize; default: their own."""

    max_examples: list[int] | None = option(
        None, affects=Affects.DATA, nargs="+", least=1, type=int, metavar="N"
    )
    """Maximum examples of each split, or three numbers: train, validation, test; default: all."""

    classes: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME[=CLASS,CLASS]"
    )
    """Classes to distinguish, each one or several of the dataset's; the others are left out."""

    on_error: Literal["raise", "skip"] = option("raise", affects=Affects.DATA)
    """raise: stop at the first unusable image; skip: leave out and list."""

    images: list[str] | None = option(None, nargs="+", type=str, metavar="FILE", path=True)
    """Files, folders and patterns of `cutouts`: FITS, HDF5, Parquet, npy, npz, TIFF, PNG,
    JPEG, WebP."""

    labels: str = option("", path=True, metavar="FILE")
    """Table of the objects of `cutouts`: .csv, .tsv, .ecsv, .fits, .vot or .parquet; default: none,
    and no labels."""

    id_column: str = option("id", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with the identifier of the object: name of its file, or its identifier
    in the file."""

    label_column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with the class; default: `label` if there is one; without --labels
    `folder`: the class is the folder of the file."""

    target_columns: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="COLUMN"
    )
    """Columns of --labels with numbers, for a regression."""

    vote_columns: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="COLUMN"
    )
    """Columns of --labels with numbers of votes, `QUESTION_ANSWER`, or names of questions for all
    their answers."""

    weight_column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with the weight of the object in the loss; default: all the same."""

    split_column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with train, validation or test; default: by a hash of the identifier."""

    split_by: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with a group of objects, such as a field; a group is in one split;
    `healpix` or `healpix:ORDER`: cells on the sky, from the columns ra and dec."""

    bands: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME"
    )
    """Names of the bands of `cutouts`, in the order of the files; default: numbers."""

    pixel_scale: float | None = option(None, affects=Affects.DATA, above=0)
    """Pixel scale of `cutouts`, arcsec; default: unknown."""

    units: str = option("", affects=Affects.DATA)
    """Units of the pixels of `cutouts`; default: BUNIT of the first FITS file."""

    column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column, HDF5 dataset or npz array of `cutouts` with the images; default: `image`, or the only
    one."""

    image_id_column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column, HDF5 dataset or npz array of `cutouts` with the identifiers; default: `id` if there
    is one, else names of files."""

    extensions: Literal["objects", "bands"] = option("objects", affects=Affects.DATA)
    """Image extensions of a FITS file of `cutouts`: an object each, or the bands of one."""

    hdu: list[str] | None = option(None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME")
    """Numbers or names of the FITS extensions of `cutouts` to read; default: all."""

    invalid: Literal["drop", "sky", "interpolate"] = option("drop", affects=Affects.DATA)
    """Pixels of `cutouts` that are masked, NaN or infinite: the cutout cannot be used, the sky of
    the band, or the mean of the neighbours."""

    mask_bits: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="BIT"
    )
    """Bits of masks beside the images of FITS files of `cutouts` that mask a pixel, by name or by
    number from 0, such as SAT,CR or 0 7; or none; default: BAD, SAT, CR and NO_DATA where planes
    have names, else all."""

    resize: Literal["refuse", "crop", "pad", "resample"] = option("refuse", affects=Affects.DATA)
    """Images of `cutouts` of another size than --image_shape: cut larger ones, continue sky and
    noise around smaller ones too, or resample to --pixel_scale first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        most_examples(self.max_examples)
        if self.classes is not None:
            ClassChoice.parse(self.classes)
        if self.images and self.dataset == CUTOUTS:
            CutoutSource.of(self)
        elif self.images or self.labels:
            raise UserError(
                f"`images` and `labels` need each other and `dataset='{CUTOUTS}'`, but for images "
                f"without labels; got dataset '{self.dataset}'"
            )
