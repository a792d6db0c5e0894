"""What a frozen network makes of a split's images, in files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf

from trainers import locks
from trainers.errors import TrainingError
from trainers.run_folder import write_json
from trainers.training.checkpoints import write_atomically
from trainers.training.progress import Progress

__all__ = ["BATCH", "SHARD_BATCHES", "FeatureFiles", "fill"]

# Images at a time through the network, and batches to a file: what a kill can cost.
BATCH = 64
SHARD_BATCHES = 16

# Read at a time for a checksum.
_CRC_BYTES = 2**24


class FeatureFiles:
    """`features.npy` and, for labelled data, `label.npy`: a row for each example, in their order.

    Each has its CRC-32 in a file beside it, `features.npy.crc32`. While they are made they are in
    pieces of equal length, `features-00000.npy` and so on.

    Args:
        folder: The folder.
        number: Rows of the whole.
        labelled: Whether labels are kept.
    """

    def __init__(self, folder: Path, number: int, labelled: bool):
        self.folder = Path(folder)
        self.number = number
        # In the order in which they are written: with the features, the others are there too.
        self.names = ("label", "features") if labelled else ("features",)
        self._tensors: dict[str, tf.Tensor] = {}

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing to compute: all rows are there, as they were written."""
        return all(self._is_whole(name) for name in self.names)

    def missing(self) -> list[int]:
        """Returns the numbers of the pieces that have to be made."""
        rows = BATCH * SHARD_BATCHES
        lengths = [min(rows, self.number - start) for start in range(0, self.number, rows)]
        return [
            shard
            for shard, length in enumerate(lengths)
            if any(_length(self._path(name, shard)) != length for name in self.names)
        ]

    def write(self, shard: int, values: Mapping[str, np.ndarray]) -> None:
        """Writes a piece; each of its files is there whole or not at all."""
        for name in self.names:
            array = np.ascontiguousarray(values[name])
            write_atomically(self._path(name, shard), lambda file, a=array: np.save(file, a))

    def damaged(self) -> list[Path]:
        """Returns the files of all rows that are there, but not as they were written."""
        paths = {name: self._path(name) for name in self.names}
        return [path for name, path in paths.items() if path.exists() and not self._is_whole(name)]

    def join(self) -> None:
        """Joins the pieces, all of which must be there, and deletes them."""
        for name in self.names:
            if not self._is_whole(name):
                write_atomically(self._path(name), functools.partial(self._copy, name))
        self.tidy()

    def tidy(self) -> None:
        """Deletes the pieces."""
        for name in self.names:
            for path in [*self.folder.glob(f"{name}-*.npy"), *self.folder.glob(f".{name}*.part")]:
                path.unlink()

    def array(self, name: str) -> np.ndarray:
        """Returns the rows, mapped into memory: they are there while the system has room."""
        # Copied on writing: TensorFlow shares only memory that could be written to.
        return np.load(self._path(name), mmap_mode="c")

    def tensor(self, name: str) -> tf.Tensor:
        """Returns the rows as a tensor that shares the map.

        A `tf.numpy_function` that reads the files would need Python's lock, which is held by the
        thread that drops an unfinished iterator and waits for that function (TensorFlow 2.21).
        """
        if name not in self._tensors:
            with tf.device("CPU"):
                shared = tf.experimental.dlpack.from_dlpack(self.array(name).__dlpack__())
            self._tensors[name] = shared
        return self._tensors[name]

    def _is_whole(self, name: str) -> bool:
        path = self._path(name)
        if _length(path) != self.number:
            return False
        known = _crc_path(path)
        return known.exists() and known.read_text() == _crc(path)

    def _copy(self, name: str, file: BinaryIO) -> None:
        paths = sorted(self.folder.glob(f"{name}-*.npy"))
        first = np.load(paths[0], mmap_mode="r")
        shape = (self.number, *first.shape[1:])
        description = {"descr": first.dtype.str, "fortran_order": False, "shape": shape}
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, description)
        crc = 0
        for block in itertools.chain([header.getbuffer()], (np.load(path).data for path in paths)):
            file.write(block)
            crc = zlib.crc32(block, crc)
        # Before the rows take their place: they are never there without it.
        write_atomically(_crc_path(self._path(name)), f"{crc:08x}")

    def _path(self, name: str, shard: int | None = None) -> Path:
        return self.folder / (f"{name}.npy" if shard is None else f"{name}-{shard:05d}.npy")


def fill(
    files: FeatureFiles,
    key: dict[str, Any],
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
        for path in files.damaged():
            print(f"{title}: {path} is not as it was written, and made again", flush=True)
        missing = files.missing()
        write_json(files.folder / "key.json", key)
        progress = Progress(
            title, files.number, files.number - len(missing) * BATCH * SHARD_BATCHES
        )
        held: dict[str, list[np.ndarray]] = {name: [] for name in files.names}
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
            for name in files.names:
                held[name].append(values if name == "features" else batch[name].numpy())
            progress.add(len(values))
            if last or (number + 1) % SHARD_BATCHES == 0:
                files.write(shard, {name: np.concatenate(held.pop(name)) for name in files.names})
                held = {name: [] for name in files.names}
        files.join()
        progress.close()


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
