"""Dataset written as a folder of the Multimodal Universe, `healpix=N/*.hdf5`.

Each file has the objects of a HEALPix cell (nside 16): identifier, position, and for each band the
image with inverse variance, mask, width of the PSF and pixel scale; and all other features of the
dataset. Objects without a position are left out. A stopped command starts again from the
beginning; an existing folder stays until the new one is whole.

Examples:
    python -m trainers.mmu --dataset galaxy_zoo_decals/gzd5 --manual_dir DIR --output mmu/gzd5
    python -m trainers.mmu --dataset cutouts --images cutouts/ --positions sources.csv \\
        --bands g r z --pixel_scale 0.262 --output mmu/mine
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.options.cutout_source import CUTOUTS, CutoutSource
from trainers.options.fields import CheckedOptions, flag, option
from trainers.tables.provenance import provenance

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "tensorflow-datasets", "h5py", "numpy")
# Larger datasets are read from disk, or from a temporary file.
_MEMORY_BYTES = 2**28


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(CheckedOptions):
    """The dataset and the folder; the options of `cutouts` are those of `trainers.run`."""

    dataset: str = option()
    """Dataset: `builder/config` of a TFDS builder, `cutouts` or `image_folder`."""

    output: Path = option(metavar="FOLDER")
    """Folder that is written."""

    overwrite: bool = flag()
    """Replace an existing folder."""

    positions: Path | None = option(None, metavar="FILE")
    """Table with id, ra and dec of the objects: .csv, .tsv, .ecsv, .fits, .vot or .parquet;
    default: ra and dec of the dataset."""

    psf_fwhm: list[float] | None = option(None, nargs="+", above=0, type=float, metavar="FWHM")
    """Full width at half maximum of the PSF, arcsec, one number or one for each band; default: that
    of the dataset, else NaN."""

    data_dir: str | None = option(None)
    """Folder of TFDS datasets, or of the images of an `image_folder`."""

    manual_dir: str | None = option(None)
    """Folder of manually downloaded files."""

    image_shape: list[int] | None = option(None, nargs=3, least=1, type=int, metavar="N")
    """Height, width and bands of pictures, and of `cutouts` with --resize; default: their own."""

    on_error: Literal["raise", "skip"] = option("raise")
    """raise: stop at the first unusable image; skip: leave out and list."""

    images: list[str] | None = option(None, nargs="+", type=str, metavar="FILE")
    """Files, folders and patterns of `cutouts`."""

    labels: str | None = option(None, metavar="FILE")
    """Table of the objects of `cutouts`, with ra and dec."""

    id_column: str = option("id", metavar="COLUMN")
    """Column of --labels with the identifier of the object."""

    label_column: str | None = option(None, metavar="COLUMN")
    """Column of --labels with the class; without --labels `folder`."""

    target_columns: list[str] | None = option(None, nargs="+", type=str, metavar="COLUMN")
    """Columns of --labels with numbers."""

    bands: list[str] | None = option(None, nargs="+", type=str, metavar="NAME")
    """Names of the bands of `cutouts`, in the order of the files."""

    pixel_scale: float | None = option(None, above=0)
    """Pixel scale of `cutouts` and pictures, arcsec."""

    units: str | None = option(None)
    """Units of the pixels of `cutouts`; default: BUNIT of the first FITS file."""

    column: str | None = option(None, metavar="COLUMN")
    """Column, HDF5 dataset or npz array of `cutouts` with the images."""

    image_id_column: str | None = option(None, metavar="COLUMN")
    """The same for their identifiers."""

    extensions: Literal["objects", "bands"] = option("objects")
    """Image extensions of a FITS file of `cutouts`: an object each, or the bands of one."""

    hdu: list[str] | None = option(None, nargs="+", type=str, metavar="NAME")
    """Numbers or names of the FITS extensions of `cutouts` to read."""

    invalid: Literal["drop", "sky", "interpolate"] = option("drop")
    """Pixels of `cutouts` that are masked, NaN or infinite."""

    resize: Literal["refuse", "crop", "pad", "resample"] = option("refuse")
    """Images of `cutouts` of another size than --image_shape."""


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.mmu", description=__doc__)

    from trainers.tables import multimodal_universe

    multimodal_universe.check_folder(options.output, options.overwrite)

    from trainers.prediction.positions import Positions

    # Before the images are read.
    positions = None if options.positions is None else Positions(options.positions)
    dataset = _dataset(options)
    number, files = multimodal_universe.write(
        dataset,
        options.output,
        positions=None if positions is None else positions.degrees,
        psf_fwhm=options.psf_fwhm,
        attributes=provenance("mmu", arguments, _PACKAGES),
    )
    total = sum(dataset.num_examples.values())
    if number < total:
        print(
            f"note  {total - number} of {total} objects have no position and are left out",
            file=sys.stderr,
        )
    print(f"MMU  {options.output} ({number} objects in {files} files)")


def _dataset(options: Options) -> Any:
    from trainers.datasets import loading

    source = None
    if options.dataset == CUTOUTS:
        names = {field.name for field in dataclasses.fields(CutoutSource)}
        given = {name: value for name, value in vars(options).items() if name in names and value}
        source = CutoutSource(**given)
    dataset = loading.load(
        options.dataset,
        data_dir=options.data_dir,
        manual_dir=options.manual_dir,
        image_shape=options.image_shape,
        on_error=options.on_error,
        cache_bytes=_MEMORY_BYTES,
        cutouts=source,
    )
    if options.pixel_scale and dataset.spec.pixel_scale is None:
        # Pictures in folders have none.
        dataset.spec = dataclasses.replace(dataset.spec, pixel_scale=options.pixel_scale)
    return dataset


main = command("mmu", _command, "stopped; nothing was written")

if __name__ == "__main__":
    sys.exit(main())
