"""What a frozen network makes of a split's images, in files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import tensorflow as tf
import tqdm

from trainers.checkpoints import write_atomically
from trainers.errors import TrainingError
from trainers.run_folder import write_json

__all__ = ["BATCH", "SHARD_BATCHES", "FeatureFiles", "fill"]

# Images at a time through the network, and batches to a file: what a kill can cost.
BATCH = 64
SHARD_BATCHES = 16
_LINE_SECONDS = 30.0


class FeatureFiles:
    """Files `00000.npy`, `00001.npy`, ... of equal length, in the order of the examples.

    Rows are read through memory maps: what is in memory at any time is the system's to decide.

    Args:
        folder: The folder.
        number: Rows of the whole.
    """

    def __init__(self, folder: Path, number: int):
        self.folder = Path(folder)
        self.number = number
        self.rows = BATCH * SHARD_BATCHES
        self._maps: dict[tuple[str, int], np.ndarray] = {}

    @property
    def shards(self) -> range:
        """Numbers of the files."""
        return range(-(-self.number // self.rows))

    def missing(self, names: tuple[str, ...]) -> list[int]:
        """Returns the numbers of the files that have to be made.

        Args:
            names: Of what is kept: "features" and, for labelled data, "label".
        """
        return [shard for shard in self.shards if not all(self._is_whole(n, shard) for n in names)]

    def write(self, name: str, shard: int, values: np.ndarray) -> None:
        """Writes one file, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path(name, shard), lambda file: np.save(file, values))

    def read(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Returns some rows, in the order in which they are asked for.

        Args:
            name: "features" or "label".
            rows: (number,) integers.
        """
        first = self._map(name, 0)
        values = np.empty((len(rows), *first.shape[1:]), first.dtype)
        shards = rows // self.rows
        for shard in np.unique(shards):
            own = shards == shard
            values[own] = self._map(name, int(shard))[rows[own] % self.rows]
        return values

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features of one example."""
        return self._map("features", 0).shape[1:]

    def _map(self, name: str, shard: int) -> np.ndarray:
        if (name, shard) not in self._maps:
            self._maps[name, shard] = np.load(self._path(name, shard), mmap_mode="r")
        return self._maps[name, shard]

    def _is_whole(self, name: str, shard: int) -> bool:
        rows = min(self.rows, self.number - shard * self.rows)
        with contextlib.suppress(OSError, ValueError):
            return len(np.load(self._path(name, shard), mmap_mode="r")) == rows
        return False

    def _path(self, name: str, shard: int) -> Path:
        return self.folder / f"{name}-{shard:05d}.npy"


def fill(
    files: FeatureFiles,
    key: dict[str, Any],
    batches: Callable[[], tf.data.Dataset],
    function: Callable[[tf.Tensor], tf.Tensor],
    labelled: bool,
    title: str,
) -> None:
    """Makes the files that are missing; another process that does the same is waited for.

    Args:
        files: The files.
        key: Of what they are, for people who look into the folder.
        batches: Returns the examples in their order, `BATCH` at a time.
        function: The network; returns float32.
        labelled: Whether the labels are kept too.
        title: What is computed, for the progress that is shown.

    Raises:
        TrainingError: if a feature is not finite.
    """
    names = ("features", "label") if labelled else ("features",)
    files.folder.mkdir(parents=True, exist_ok=True)
    with _locked(files.folder, title):
        missing = files.missing(names)
        if not missing:
            print(f"{title}: {files.number} images, computed before", flush=True)
            return
        write_json(files.folder / "key.json", key)
        progress = _Progress(title, files.number, files.number - len(missing) * files.rows)
        held: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for number, batch in enumerate(batches()):
            shard, last = number // SHARD_BATCHES, (number + 1) * BATCH >= files.number
            if shard not in missing:
                continue
            values = function(batch["image"]).numpy()
            if not np.isfinite(values).all():
                raise TrainingError(
                    f"features of {title} are not finite for images "
                    f"{number * BATCH}-{number * BATCH + len(values) - 1}"
                )
            held["features"].append(values)
            if labelled:
                held["label"].append(batch["label"].numpy())
            progress.add(len(values))
            if last or (number + 1) % SHARD_BATCHES == 0:
                # The features come last: with them the file counts.
                for name in reversed(names):
                    files.write(name, shard, np.concatenate(held[name]))
                    held[name].clear()
        progress.close()


class _Progress:
    """A bar on a terminal, else a line now and then; and a line at the end."""

    def __init__(self, title: str, total: int, done: int, stream: TextIO | None = None):
        self._stream = stream or sys.stdout
        self._title, self._total = title, total
        self._before = self._done = max(0, done)
        self._begun = self._line = time.monotonic()
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm.tqdm(
                total=total,
                initial=self._done,
                desc=title,
                unit=" images",
                file=self._stream,
                leave=False,
                dynamic_ncols=True,
            )

    def add(self, number: int) -> None:
        self._done += number
        if self._bar is not None:
            self._bar.update(number)
        elif time.monotonic() - self._line > _LINE_SECONDS:
            self._line = time.monotonic()
            left = (self._total - self._done) / self._rate()
            self._write(f"{self._done} of {self._total} images", f"  {left / 60:.1f} min left")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._write(f"{self._total} images")

    def _rate(self) -> float:
        return (self._done - self._before) / max(1e-9, time.monotonic() - self._begun)

    def _write(self, done: str, left: str = "") -> None:
        line = f"{self._title}  {done}  {self._rate():.0f} images/s{left}"
        print(line, file=self._stream, flush=True)


@contextlib.contextmanager
def _locked(folder: Path, title: str) -> Iterator[None]:
    # The system lets go of the lock when the process ends, in whatever way.
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"{title}: another process computes them, waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
