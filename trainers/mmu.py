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
from typing import Any

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.options.fields import flag, option
from trainers.options.run_data import DataOptions
from trainers.tables.provenance import provenance

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "tensorflow-datasets", "h5py", "numpy")
# Larger datasets are read from disk, or from a temporary file.
_MEMORY_BYTES = 2**28


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """The dataset and the folder; the options of data are those of `trainers.run`."""

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

    pixel_scale: float | None = option(None, above=0)
    """Pixel scale of `cutouts` and pictures, arcsec; default: unknown."""


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.mmu", description=__doc__)

    from trainers.storage.whole_folders import check_folder
    from trainers.tables import multimodal_universe

    check_folder("output", options.output, *multimodal_universe.FOLDER, overwrite=options.overwrite)

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

    dataset = loading.load_stored(options, cache_bytes=_MEMORY_BYTES)
    if options.pixel_scale and dataset.spec.pixel_scale is None:
        # Pictures in folders have none.
        dataset.spec = dataclasses.replace(dataset.spec, pixel_scale=options.pixel_scale)
    return dataset


main = command("mmu", _command, "stopped; nothing was written")

if __name__ == "__main__":
    sys.exit(main())
