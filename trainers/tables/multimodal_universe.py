"""Folders in the layout of the Multimodal Universe: an HDF5 file for each cell of the sky."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from trainers.cutouts.resizing import sky_and_noise
from trainers.datasets import healpix
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.errors import UserError
from trainers.storage.atomic_files import flush_to_disk
from trainers.storage.table_reading import POSITION
from trainers.storage.whole_folders import whole_folder
from trainers.tables.object_columns import texts

__all__ = ["FOLDER", "write"]

FOLDER = ("healpix=*/*.hdf5", "one of the Multimodal Universe")
"""Files of such a folder, and what it is, for `check_folder`."""

_ORDER = 4  # of HEALPix: nside 16, cells of 3.7 degrees
_FILE = "001-of-001.hdf5"
_WIDTH_OF_PSF = ("psf_fwhm", "seeing")
_NOISE, _SCALE = "noise_sigma", "pixel_scale"
_BUFFER_BYTES = 256 * 2**20

_Columns = dict[str, np.ndarray]


def write(
    dataset: Dataset,
    folder: Path,
    *,
    positions: Callable[[Sequence[str]], np.ndarray] | None = None,
    psf_fwhm: Sequence[float] | None = None,
    attributes: Mapping[str, str] | None = None,
    batch_size: int = 256,
) -> tuple[int, int]:
    """Writes all splits of a dataset as `healpix=<cell>/001-of-001.hdf5`.

    The cell is that of HEALPix at nside 16 in the nested scheme. Each file has, for its objects,

        object_id, ra, dec, healpix            text, degrees, degrees, number of the cell
        image_band                             (bands,) names
        image_array, image_ivar, image_mask    (bands, height, width) float32, float32, bool
        image_psf_fwhm, image_scale            (bands,) arcsec, arcsec a pixel

    and the split and all further features of numbers and text under their own names. A loader of
    the Multimodal Universe makes of `image_*` a structure for each band, with the field `flux` for
    `image_array`. Units of the pixels, and where the other values come from, are attributes.

    - scale is `pixel_scale` of each object, where the dataset has that, else that of all.
    - ivar is 1 / noise^2, the same for all pixels of a band: `noise_sigma` of the dataset if it has
      that for each band, else the scatter of the three outermost rows and columns (1.4826 MAD); 0
      where there is no noise. The surveys have it for each pixel, with the photons of the sources.
    - mask is true for pixels that can be used, here all, since a dataset has no others.
    - psf_fwhm is the argument, or `psf_fwhm` or `seeing` of the dataset, or the middle of the range
      of its files, else NaN.

    The folder appears whole or not at all. Memory holds identifiers and positions, and at most some
    hundred MB of images.

    Args:
        dataset: The dataset, with `ra` and `dec` among its features unless there are `positions`.
        folder: The folder; an existing one is replaced.
        positions: Returns right ascensions and declinations of identifiers, (2, objects) degrees,
            NaN where there is none; None for those of the dataset.
        psf_fwhm: Full width at half maximum of the PSF, arcsec, one number or one a band.
        attributes: Further attributes of each file.
        batch_size: Images in a batch. Default 256.

    Returns:
        The numbers of objects and of files. Objects without a position are left out, since no cell
        is theirs.

    Raises:
        UserError: if positions, units or the pixel scale are unknown, or `psf_fwhm` has not one
            number or one a band.

    References:
        The Multimodal Universe Collaboration 2024 (arXiv:2412.02527); the layout is that of
        `scripts/hsc` and `scripts/legacysurvey` in its repository.
    """
    spec = dataset.spec
    splits = [split for split, number in dataset.num_examples.items() if number]
    example = dataset.arrays(splits[0], limit=1)
    names = [name for name in example if name != "image"]
    _check(spec, names, psf_fwhm)
    if positions is None and not set(POSITION) <= set(names):
        raise UserError(
            f"`dataset` {spec.name} must have the features ra and dec, degrees; it has "
            f"{', '.join(names)}; `positions` names a table"
        )
    ids, places = _objects(dataset, splits, positions)
    if not any(np.isfinite(degrees).all(0).any() for degrees in places.values()):
        raise UserError(f"`dataset` {spec.name} must have objects with positions; none has one")
    length = max(len(name.encode()) for members in ids.values() for name in members)
    number, cells = 0, set()
    with whole_folder(folder) as draft:
        draft.mkdir()
        parts = _Parts(draft, _attributes(spec, example, psf_fwhm) | dict(attributes or {}))
        total = sum(dataset.num_examples[split] for split in splits)
        with tqdm(total=total, desc="writing", unit="image", disable=None) as bar:
            for split in splits:
                start = 0
                for batch in _batches(dataset, split, names, batch_size):
                    rows = slice(start, start + len(batch["image"]))
                    start = rows.stop
                    ra, dec = places[split][:, rows]
                    placed = np.isfinite(ra) & np.isfinite(dec)
                    cell = np.full(len(placed), -1, np.int64)
                    cell[placed] = healpix.cells(ra[placed], dec[placed], _ORDER)
                    columns = {
                        "object_id": np.char.encode(ids[split][rows], "utf-8").astype(f"S{length}"),
                        "ra": ra,
                        "dec": dec,
                        "healpix": cell,
                        **_images(spec, batch, psf_fwhm),
                        "split": np.full(len(cell), split.encode()).astype("S10"),
                    }
                    others = {name: values for name, values in batch.items() if name != "image"}
                    parts.add(cell, columns | {n: v for n, v in others.items() if n not in columns})
                    number += int(placed.sum())
                    cells.update(cell[placed].tolist())
                    bar.update(len(cell))
        parts.flush()
        for cell in cells:
            flush_to_disk(draft / f"healpix={cell}" / _FILE)
    return number, len(cells)


class _Parts:
    """The files of the cells, to which objects are added a few hundred MB at a time.

    Args:
        folder: Where they lie.
        attributes: Of each file; "units" is one of the images.
    """

    def __init__(self, folder: Path, attributes: Mapping[str, str]):
        self._folder, self._attributes = folder, attributes
        self._waiting: dict[int, list[_Columns]] = defaultdict(list)
        self._bytes = 0

    def add(self, cells: np.ndarray, columns: _Columns) -> None:
        """Adds objects, but for those whose cell is -1."""
        for cell in np.unique(cells[cells >= 0]).tolist():
            rows = {name: values[cells == cell] for name, values in columns.items()}
            self._waiting[cell].append(rows)
            self._bytes += sum(values.nbytes for values in rows.values())
        if self._bytes > _BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        for cell, parts in self._waiting.items():
            folder = self._folder / f"healpix={cell}"
            folder.mkdir(exist_ok=True)
            with h5py.File(folder / _FILE, "a") as file:
                for name in parts[0]:
                    self._append(file, name, np.concatenate([part[name] for part in parts]))
                file.attrs.update(self._attributes)
        self._waiting.clear()
        self._bytes = 0

    def _append(self, file: h5py.File, name: str, values: np.ndarray) -> None:
        if values.dtype.kind in "SO":
            length = values.dtype.itemsize if values.dtype.kind == "S" else None
            values = values.astype(h5py.string_dtype("utf-8", length))
        if name in file:
            written = file[name]
            written.resize(len(written) + len(values), axis=0)
            written[-len(values) :] = values
            return
        written = file.create_dataset(
            name,
            data=values,
            chunks=(1, *values.shape[1:]) if values.ndim == 4 else True,
            maxshape=(None, *values.shape[1:]),
            compression="gzip",
        )
        if name == "image_array":
            written.attrs["units"] = self._attributes["units"]


def _check(spec: DatasetSpec, names: Sequence[str], psf_fwhm: Sequence[float] | None) -> None:
    if spec.units == "unknown":
        raise UserError(f"`dataset` {spec.name}: `units` of the pixels are unknown; state them")
    if spec.pixel_scale is None and _SCALE not in names:
        raise UserError(f"`dataset` {spec.name}: `pixel_scale`, arcsec, is unknown; state it")
    if psf_fwhm is not None and len(psf_fwhm) not in (1, len(spec.bands)):
        raise UserError(
            f"`psf_fwhm` must be one number or one for each of {', '.join(spec.bands)}; got "
            f"{len(psf_fwhm)}"
        )


def _objects(
    dataset: Dataset, splits: Sequence[str], positions: Callable[[Sequence[str]], np.ndarray] | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns by split the identifiers, (objects,), and positions, (2, objects) degrees."""
    ids, places = {}, {}
    for split in splits:
        wanted = ("id",) if positions is not None else ("id", *POSITION)
        columns = dataset.columns(split, wanted)
        ids[split] = texts(columns["id"])
        if positions is not None:
            places[split] = positions(ids[split].tolist())
        else:
            places[split] = np.stack([columns[name] for name in POSITION]).astype(np.float64)
    return ids, places


def _batches(
    dataset: Dataset, split: str, names: Sequence[str], batch_size: int
) -> Iterator[_Columns]:
    features = tuple(name for name in names if name not in ("id", "label", *POSITION))
    for batch in dataset.batches(split, batch_size, features=features):
        yield {name: values.numpy() for name, values in batch.items()}


def _images(spec: DatasetSpec, batch: _Columns, psf_fwhm: Sequence[float] | None) -> _Columns:
    """Returns the columns `image_*` of a batch."""
    images = np.moveaxis(batch["image"], -1, 1)
    number, bands = images.shape[:2]
    noise = batch.get(_NOISE)
    if not _is_of_bands(noise, spec):
        noise = np.stack([sky_and_noise(image)[1] for image in batch["image"]])
    with np.errstate(divide="ignore"):
        ivar = np.where(noise > 0, 1 / np.square(noise, dtype=np.float64), 0)
    width = psf_fwhm
    if width is None:
        name = next((name for name in _WIDTH_OF_PSF if name in batch), None)
        width = np.mean(spec.seeing or (np.nan,)) if name is None else batch[name]
    width = np.asarray(width, np.float32)
    if width.shape == (number,):
        width = width[:, None]
    scale = batch.get(_SCALE, np.full(number, spec.pixel_scale or np.nan))
    names = np.char.encode([name.lower() for name in spec.bands], "utf-8")
    return {
        "image_band": np.tile(names, (number, 1)),
        "image_array": images.astype(np.float32, copy=False),
        "image_ivar": np.broadcast_to(ivar[..., None, None].astype(np.float32), images.shape),
        "image_mask": np.ones(images.shape, bool),
        "image_psf_fwhm": np.broadcast_to(width, (number, bands)),
        "image_scale": np.tile(np.asarray(scale, np.float32).reshape(-1, 1), (1, bands)),
    }


def _is_of_bands(values: np.ndarray | None, spec: DatasetSpec) -> bool:
    return values is not None and values.shape[1:] == (len(spec.bands),)


def _attributes(
    spec: DatasetSpec, example: _Columns, psf_fwhm: Sequence[float] | None
) -> dict[str, str]:
    """Returns where the values come from."""
    noise = "scatter of the border"
    if _is_of_bands(example.get(_NOISE), spec):
        noise = f"{_NOISE} of the dataset"
    width = next((name for name in _WIDTH_OF_PSF if name in example), None)
    if psf_fwhm is not None:
        source = "stated by the user"
    elif width is not None:
        source = f"{width} of the dataset"
    else:
        source = "unknown" if spec.seeing is None else "middle of the range of the files"
    return {
        "dataset": spec.name,
        "dataset_version": spec.version or "",
        "units": spec.units,
        "image_ivar": f"1 / noise^2, the same for all pixels of a band; noise: {noise}",
        "image_mask": "true: the pixel can be used",
        "image_psf_fwhm": source,
        "class_names": ", ".join(spec.class_names),
    }
