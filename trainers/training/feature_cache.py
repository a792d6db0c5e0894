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

# Images at a time through the network, and batches to a file: what a kill can cost.
BATCH = 64
SHARD_BATCHES = 16

# Raised when the files change, so that older ones are not read.
_FORMAT = 2

# Read at a time for a checksum.
_CRC_BYTES = 2**24


class FeatureFiles:
    """`features.npy`: a row for each example, in their order.

    While it is made it is in pieces of equal length, `features-00000.npy` and so on. Every file
    has its CRC-32 in another one beside it, `features.npy.crc32`.

    Args:
        folder: The folder.
        number: Rows of the whole.
    """

    def __init__(self, folder: Path, number: int):
        self.folder = Path(folder)
        self.number = number
        self._shared: tf.Tensor | None = None

    @property
    def is_whole(self) -> bool:
        """True if all rows are there, with the checksum that was written."""
        return _is_whole(self._path(), self.number)

    def missing(self) -> list[int]:
        """Returns the numbers of the pieces that have to be made."""
        lengths = enumerate(self._lengths())
        return [shard for shard, rows in lengths if not _is_whole(self._path(shard), rows)]

    def write(self, shard: int, values: np.ndarray) -> None:
        """Writes a piece, which is there whole or not at all."""
        _write(self._path(shard), [_header(values.shape, values.dtype), values])

    def damaged(self, missing: Sequence[int]) -> list[Path]:
        """Returns the files that are there, but not as they were written.

        Args:
            missing: What `missing` returned, where the whole is missing too.
        """
        paths = [self._path(), *map(self._path, missing)]
        return [path for path in paths if path.exists()]

    def join(self) -> None:
        """Joins the pieces, all of which must be there, and deletes them."""
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
        """Returns the rows, mapped into memory: they are there while the system has room."""
        # Copied on writing: TensorFlow shares only memory that could be written to.
        return np.load(self._path(), mmap_mode="c")

    def tensor(self) -> tf.Tensor:
        """Returns the rows as a tensor that shares the map.

        A `tf.numpy_function` that reads the files would need Python's lock, which is held by the
        thread that drops an unfinished iterator and waits for that function (TensorFlow 2.21).
        """
        if self._shared is None:
            with tf.device("CPU"):
                self._shared = tf.experimental.dlpack.from_dlpack(self.array().__dlpack__())
        return self._shared

    def _lengths(self) -> list[int]:
        """Returns the rows of each piece."""
        rows = BATCH * SHARD_BATCHES
        return [min(rows, self.number - start) for start in range(0, self.number, rows)]

    def _path(self, shard: int | None = None) -> Path:
        return self.folder / ("features.npy" if shard is None else f"features-{shard:05d}.npy")


def folder_of(parent: Path | str, key: Mapping[str, Any]) -> Path:
    """Returns the folder of the features that a key describes.

    Args:
        parent: Of all such folders.
        key: All that the features depend on, as JSON types; "model" and "split" among them.
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
    """Makes the files that are missing; another process that does the same is waited for.

    Args:
        files: The files.
        key: Of what they are, for people who look into the folder.
        batches: Returns the examples in their order, `BATCH` at a time.
        function: The network; returns float32.
        title: What is computed, for the progress that is shown.

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
            print(f"{title}: {path} is not as it was written, and made again", flush=True)
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
    """Writes the blocks one behind the other, and their checksum beside them."""

    def copy(file: BinaryIO) -> None:
        crc = 0
        for block in blocks:
            block = np.ascontiguousarray(block).data
            file.write(block)
            crc = zlib.crc32(block, crc)
        # Before the rows take their place: they are never there without it.
        write_atomically(_crc_path(path), f"{crc:08x}")

    write_atomically(path, copy)


def _is_whole(path: Path, rows: int) -> bool:
    known = _crc_path(path)
    return _length(path) == rows and known.exists() and known.read_bytes() == _crc(path).encode()


def _length(path: Path) -> int:
    """Returns the number of rows of a file, -1 if there is no such file or it is not whole."""
    with contextlib.suppress(Exception):  # NumPy raises anything for a broken file.
        return len(np.load(path, mmap_mode="r"))
    return -1


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
