"""Cache of a frozen network's features of a split, in atomically written files."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf

from trainers.errors import TrainingError
from trainers.storage import locks
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import write_json
from trainers.training.progress import ProgressBar

__all__ = ["BATCH", "SHARD_BATCHES", "FeatureFiles", "fill", "folder_of"]

# Images of a batch, and batches of a file: a kill loses at most one file.
BATCH = 64
SHARD_BATCHES = 16

# Version of the files, part of their key.
_FORMAT = 2

# Block size of checksums, bytes.
_CRC_BYTES = 2**24


class FeatureFiles:
    """`features.npy`, with a row for each example in their order.

    It is computed in pieces of equal length, `features-00000.npy` and so on. Each file has its
    CRC-32 beside it, `features.npy.crc32`.

    Args:
        folder: The folder.
        number: Number of examples.
    """

    def __init__(self, folder: Path, number: int):
        self.folder = Path(folder)
        self.number = number
        self._shared: tf.Tensor | None = None

    @property
    def is_whole(self) -> bool:
        """True if all rows exist, with the right checksum."""
        return _is_whole(self._path(), self.number)

    def missing(self) -> list[int]:
        """Returns the numbers of the pieces that are missing or damaged."""
        lengths = enumerate(self._lengths())
        return [shard for shard, rows in lengths if not _is_whole(self._path(shard), rows)]

    def write(self, shard: int, values: np.ndarray) -> None:
        """Writes a piece atomically."""
        _write(self._path(shard), [_header(values.shape, values.dtype), values])

    def damaged(self, missing: Sequence[int]) -> list[Path]:
        """Returns the damaged ones among the files that `missing` returned and the whole."""
        paths = [self._path(), *map(self._path, missing)]
        return [path for path in paths if path.exists()]

    def join(self) -> None:
        """Joins all pieces, and deletes them."""
        paths = [self._path(shard) for shard in range(len(self._lengths()))]
        first = np.load(paths[0], mmap_mode="r")
        header = _header((self.number, *first.shape[1:]), first.dtype)
        _write(self._path(), itertools.chain([header], map(np.load, paths)))
        self.tidy()

    def tidy(self) -> None:
        """Deletes the pieces."""
        for pattern in ("features-*.npy*", ".features*.part"):
            for path in self.folder.glob(pattern):
                path.unlink()

    def array(self) -> np.ndarray:
        """Returns the rows as a memory map."""
        # Copy-on-write: TensorFlow shares writable memory only.
        return np.load(self._path(), mmap_mode="c")

    def tensor(self) -> tf.Tensor:
        """Returns the rows as a tensor that shares the memory map.

        A `tf.numpy_function` would deadlock (TensorFlow 2.21): it needs Python's lock, which the
        thread that drops an unfinished iterator holds while it waits for the function.
        """
        if self._shared is None:
            with tf.device("CPU"):
                self._shared = tf.experimental.dlpack.from_dlpack(self.array().__dlpack__())
        return self._shared

    def _lengths(self) -> list[int]:
        """Returns the number of rows of each piece."""
        rows = BATCH * SHARD_BATCHES
        return [min(rows, self.number - start) for start in range(0, self.number, rows)]

    def _path(self, shard: int | None = None) -> Path:
        return self.folder / ("features.npy" if shard is None else f"features-{shard:05d}.npy")


def folder_of(parent: Path | str, key: Mapping[str, Any]) -> Path:
    """Returns the folder of the features that a key describes.

    Args:
        parent: Folder of all such folders.
        key: Everything on which the features depend, as JSON types, with "model" and "split".
    """
    held = json.dumps({"format": _FORMAT, **key}, sort_keys=True)
    digest = hashlib.sha256(held.encode()).hexdigest()
    return Path(parent) / f"{key['model']}-{key['split']}-{digest[:16]}"


def fill(
    files: FeatureFiles,
    key: Mapping[str, Any],
    batches: Callable[[], tf.data.Dataset],
    function: Callable[[tf.Tensor], tf.Tensor],
    title: str,
) -> None:
    """Computes the missing files, after any other process that computes them.

    Args:
        files: The files.
        key: Description of the features, see `folder_of`, for `key.json`.
        batches: Returns the examples in their order, in batches of `BATCH`.
        function: The network, with float32 output.
        title: Title of the progress.

    Raises:
        TrainingError: if a feature is not finite.
    """
    files.folder.mkdir(parents=True, exist_ok=True)
    with _locked(files.folder, title):
        if files.is_whole:
            print(f"{title}: {files.number} images, computed before", flush=True)
            files.tidy()
            return
        missing = files.missing()
        for path in files.damaged(missing):
            print(f"{title}: {path} is damaged, and computed again", flush=True)
        write_json(files.folder / "key.json", {"format": _FORMAT, **key})
        progress = ProgressBar(
            title, files.number, files.number - len(missing) * BATCH * SHARD_BATCHES
        )
        held: list[np.ndarray] = []
        for number, batch in enumerate(batches() if missing else ()):
            shard, last = number // SHARD_BATCHES, (number + 1) * BATCH >= files.number
            if shard not in missing:
                continue
            values = function(batch["image"]).numpy()
            if not np.isfinite(values).all():
                raise TrainingError(
                    f"features of {title} are not finite for images "
                    f"{number * BATCH}-{number * BATCH + len(values) - 1}"
                )
            held.append(values)
            progress.add(len(values))
            if last or (number + 1) % SHARD_BATCHES == 0:
                files.write(shard, np.concatenate(held))
                held = []
        files.join()
        progress.close()


def _header(shape: tuple[int, ...], dtype: np.dtype) -> memoryview:
    description = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, description)
    return header.getbuffer()


def _write(path: Path, blocks: Iterable[np.ndarray | memoryview]) -> None:
    """Writes blocks one after the other, and their checksum to a second file."""

    def copy(file: BinaryIO) -> None:
        crc = 0
        for block in blocks:
            block = np.ascontiguousarray(block).data
            file.write(block)
            crc = zlib.crc32(block, crc)
        # Before the rows take their place, so that they always have a checksum.
        write_atomically(_crc_path(path), f"{crc:08x}")

    write_atomically(path, copy)


def _is_whole(path: Path, rows: int) -> bool:
    with contextlib.suppress(Exception):  # NumPy raises anything for a broken file.
        complete = len(np.load(path, mmap_mode="r")) == rows
        return complete and _crc_path(path).read_text() == _crc(path)
    return False


def _crc_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.crc32")


def _crc(path: Path) -> str:
    crc = 0
    with open(path, "rb") as file:
        while block := file.read(_CRC_BYTES):
            crc = zlib.crc32(block, crc)
    return f"{crc:08x}"


@contextlib.contextmanager
def _locked(folder: Path, title: str) -> Iterator[None]:
    with open(folder / ".lock", "w") as lock:
        if not locks.acquire(lock):
            print(f"{title}: another process computes them, waiting for it", flush=True)
            locks.acquire(lock, wait=True)
        yield
