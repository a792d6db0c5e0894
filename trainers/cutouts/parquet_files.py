"""Cutouts in a column of a Parquet file: nested lists, tensors, or the bytes of pictures."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trainers.cutouts import usable_pixels
from trainers.cutouts.cutout import CutoutFile, Found, UnreadableError, Wanted, identifiers
from trainers.cutouts.fits_masks import NO_BITS
from trainers.cutouts.picture_files import decode

__all__ = ["ParquetFile"]

_ROWS = 64
# Fields of structures.
_BYTES, _PATH, _FLUX, _MASK = "bytes", "path", "flux", "mask"
_BUFFER_BYTES = 2**20


class ParquetFile(CutoutFile):
    """Each row is a cutout; see `CutoutFile`.

    Lists are (height, width), (height, width, bands) or (bands, height, width); a single list is
    taken as (height, width, bands) where the wanted size is fixed. Bytes may also be the field
    `bytes` of a structure, as Hugging Face's datasets have them, and lists the field `flux`, of one
    structure or of a list of them, a band each, as those of the Multimodal Universe. Beside `flux`,
    pixels are masked where the field `mask`, bool of the same shape or for all bands, is false;
    `NO_BITS` in place of bits leaves it unread.
    """

    def __init__(self, path: Path, wanted: Wanted):
        self._wanted = wanted
        self._file = pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        try:
            schema = self._file.schema_arrow
            images = [field.name for field in schema if _has_images(field.type)]
            self._column = wanted.chosen(images, "columns")
            self._id = wanted.chosen_id(schema.names, "columns")
        except BaseException:
            self._file.close()
            raise
        sizes = [
            self._file.metadata.row_group(group).num_rows
            for group in range(self._file.num_row_groups)
        ]
        self._ends = np.cumsum(sizes, dtype=np.int64)
        self._rows: Iterator[Found] | None = None
        self._next = 0

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def found(self, start: int, stop: int) -> Iterator[Found]:
        # A group of rows is read from its start, so that what follows is not begun anew.
        if self._rows is None or self._next != start:
            group = int(np.searchsorted(self._ends, start, side="right"))
            self._rows = self._rows_from(group)
            self._next = int(self._ends[group - 1]) if group else 0
        for found in self._rows:
            self._next += 1
            if self._next > start:
                yield found
            if self._next >= stop:
                return

    def close(self) -> None:
        self._file.close()

    def _rows_from(self, group: int) -> Iterator[Found]:
        columns = list(dict.fromkeys(name for name in (self._column, self._id) if name))
        row = int(self._ends[group - 1]) if group else 0
        groups = range(group, self._file.num_row_groups)
        for batch in self._file.iter_batches(_ROWS, row_groups=groups, columns=columns):
            images = self._masked(batch.column(self._column))
            names = [None] * len(images)
            if self._id is not None:
                names = identifiers(batch.column(self._id).to_pylist(), len(images))
            for image, name in zip(images, names, strict=True):
                yield Found(f"[{row}]", image, name)
                row += 1

    def _masked(self, column: pa.Array) -> list[np.ndarray | str]:
        """Returns the images, NaN where they are masked."""
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        images = self._images(column)
        is_list = _is_list(column.type)
        kind = column.type.value_type if is_list else column.type
        has_masks = pa.types.is_struct(kind) and {_FLUX, _MASK} <= {field.name for field in kind}
        if not has_masks or self._wanted.mask_bits == (NO_BITS,):
            return images
        field = leaf = kind.field(_MASK).type
        while _is_list(leaf):
            leaf = leaf.value_type
        usable_pixels.check(_MASK, pa.types.is_boolean(leaf), field)
        masks = _of_list(column, _MASK) if is_list else pc.struct_field(column, _MASK)
        return [_with_mask(image, masks.slice(row, 1)) for row, image in enumerate(images)]

    def _images(self, column: pa.Array) -> list[np.ndarray | str]:
        if isinstance(column, pa.ExtensionArray):
            if isinstance(column, pa.FixedShapeTensorArray) and not column.null_count:
                return list(column.to_numpy_ndarray())
            column = column.storage
        if _is_list(column.type) and pa.types.is_struct(column.type.value_type):
            column = _of_list(column, _FLUX)
        paths = None
        if pa.types.is_struct(column.type):
            if column.type.get_field_index(_PATH) >= 0:
                paths = pc.struct_field(column, _PATH).to_pylist()
            has_bytes = column.type.get_field_index(_BYTES) >= 0
            # With the nulls of the structure itself, which `field` leaves out.
            column = pc.struct_field(column, _BYTES if has_bytes else _FLUX)
        if _is_bytes(column.type):
            paths = paths or [None] * len(column)
            contents = (value.as_py() for value in column)
            return list(map(self._decoded, contents, paths))
        try:
            return [self._shaped(image) for image in _array(column)]
        except UnreadableError:  # Not all rows are alike; each for itself then.
            return [self._row(column.slice(row, 1)) for row in range(len(column))]

    def _row(self, row: pa.Array) -> np.ndarray | str:
        try:
            return self._shaped(_array(row)[0])
        except UnreadableError as error:
            return str(error)

    def _shaped(self, image: np.ndarray) -> np.ndarray:
        shape = self._wanted.shape
        if image.ndim == 1 and None not in shape and image.size == math.prod(shape):
            return image.reshape(shape)
        return image

    def _decoded(self, value: bytes | None, path: str | None) -> np.ndarray | str:
        if value is None:
            return f"has no contents, but the path {path}" if path else "is empty"
        return decode(io.BytesIO(value), self._wanted)


def _of_list(column: pa.Array, field: str) -> pa.Array:
    """Returns a field of lists of structures, as lists."""
    values = column.values.field(field)
    return pa.ListArray.from_arrays(column.offsets, values, mask=column.is_null())


def _with_mask(image: np.ndarray | str, mask: pa.Array) -> np.ndarray | str:
    if isinstance(image, str):
        return image
    try:
        usable = _array(mask)[0]
    except UnreadableError as error:
        return f"has a mask that {error}"
    if usable.shape not in (image.shape, image.shape[-2:]):
        return f"has a mask of shape {usable.shape}; {image.shape} was expected"
    return usable_pixels.masked(image, usable)


def _array(column: pa.Array) -> np.ndarray:
    """Returns nested lists as one array."""
    if column.null_count:
        raise UnreadableError("is empty, or a part of it is")
    if not _is_list(column.type):
        return column.to_numpy(zero_copy_only=False)
    inner = _array(column.flatten())
    if pa.types.is_fixed_size_list(column.type):
        length = column.type.list_size
    else:
        lengths = np.unique(column.value_lengths().to_numpy(zero_copy_only=False))
        if len(lengths) > 1:
            raise UnreadableError("has rows of different lengths")
        length = int(lengths[0]) if len(lengths) else 0
    return inner.reshape((len(column), length, *inner.shape[1:]))


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)


def _has_images(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return _has_images(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _has_images(kind.value_type)
    if _is_list(kind) and pa.types.is_struct(kind.value_type):
        flux = kind.value_type
        return flux.get_field_index(_FLUX) >= 0 and _has_images(flux.field(_FLUX).type)
    if pa.types.is_struct(kind):
        if kind.get_field_index(_BYTES) >= 0:
            return _is_bytes(kind.field(_BYTES).type)
        return kind.get_field_index(_FLUX) >= 0 and _has_images(kind.field(_FLUX).type)
    while _is_list(kind):
        kind = kind.value_type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind):
            return True
    return _is_bytes(kind)
