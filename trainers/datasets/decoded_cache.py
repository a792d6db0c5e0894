"""Decoded images of files, kept on the disk from one start to the next."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pooch

from trainers import cutouts
from trainers.cutouts.cutout import Cutout, LeftOut, Wanted
from trainers.datasets import content_hashes
from trainers.errors import UserError
from trainers.storage import locks
from trainers.storage.atomic_files import flush_to_disk, write_atomically
from trainers.storage.claimed_folder import visible_entries
from zoo.weights.fetch import CACHE

__all__ = ["BUDGET", "FOLDER", "NONE", "entries"]

FOLDER, BUDGET = "GALAXY_CACHE_DIR", "GALAXY_CACHE_GB"
"""Environment variables: the folder, `NONE` for no cache, and the largest size of all in it."""

NONE = "none"

_BUDGET_GB = 20.0
_FREE_SHARE = 0.1  # of the disk, which is left free
# Shorter reads are not kept.
_LEAST_SECONDS = 2.0
# A change within a tick of the clock of the file system cannot be seen.
_SETTLED_SECONDS = 2.0
_PACKAGES = ("galaxy-model-zoo", "numpy", "astropy", "h5py", "pillow", "pyarrow", "tifffile")
_PIXELS, _ROWS, _SUMS = "pixels", "rows.json", "checksums.json"
_DRAFT = ".draft."

_Entry = Cutout | LeftOut


def entries(
    files: Sequence[str], wanted: Wanted, read: Callable[[], Iterator[_Entry]], dtype: Any = None
) -> Iterator[_Entry]:
    """Yields the entries of files: those of the cache, else what `read` yields, which is kept then.

    An entry of the cache belongs to paths, sizes and times (of modification and of change of
    status) of all files, to everything that is wanted of them, and to the source of the reader and
    the versions of the libraries below it: if one of them differs, the files are read. It appears
    when all is read and no file has changed meanwhile, or not at all. Its checksums are compared
    before it is used. Those that were not used for longest go when there is no room. A failure to
    write it is a note.

    Args:
        files: Their paths; a relative one is taken from the working directory.
        wanted: What is read of them.
        read: Reads the files.
        dtype: Type in which pixels are kept, without loss; None for their own.

    Raises:
        UserError: if the environment variable with the size is no positive number.
    """
    folder, budget = _place()
    state = None if folder is None else _state(files)
    if state is None:
        yield from read()
        return
    entry = folder / _key(state, wanted, str(dtype))
    held = _held(entry)
    if held is not None:
        print(f"images are taken from the cache {folder}", file=sys.stderr, flush=True)
        yield from _replayed(*held)
        return
    writer = _Writer(entry, budget, dtype)
    try:
        start = time.monotonic()
        for each in read():
            writer.add(each)
            yield each
        if time.monotonic() - start >= _LEAST_SECONDS and _state(files) == state:
            writer.keep()
    finally:
        writer.discard()


class _Writer:
    """An entry that is written beside its place, unless another process does so.

    Args:
        entry: Its place.
        budget: Largest size of all entries, bytes.
        dtype: Type of the pixels; None for their own.
    """

    def __init__(self, entry: Path, budget: float, dtype: Any):
        self._entry, self._budget, self._dtype = entry, budget, dtype
        self._draft = entry.with_name(f"{_DRAFT}{entry.name}")
        self._digest, self._bytes = hashlib.sha256(), 0
        self._rows: list[list[Any]] = []
        self._file: BinaryIO | None = None
        try:
            self._draft.mkdir(parents=True, exist_ok=True)
            self._file = _locked(self._draft)
            if self._file is not None:
                self._file.truncate(0)
        except OSError as error:
            self._fail(error)

    def add(self, entry: _Entry) -> None:
        """Writes an entry; nothing after a failure."""
        if self._file is None:
            return
        if isinstance(entry, LeftOut):
            self._rows.append([entry.source, entry.reason, entry.number])
            return
        image = np.ascontiguousarray(entry.image, self._dtype)
        about = (entry.replaced, entry.pixel_scale, entry.seeing)
        known = [number if number is None else float(number) for number in about]
        self._rows.append([entry.source, entry.id, image.shape, image.dtype.str, *known])
        self._bytes += image.nbytes
        self._digest.update(image)
        try:
            if self._bytes > self._budget:
                raise OSError(f"they take more than the {self._budget / 1e9:g} GB of {BUDGET}")
            self._file.write(image.data)
        except OSError as error:
            self._fail(error)

    def keep(self) -> None:
        """Puts what is written in its place."""
        if self._file is None:
            return
        try:
            self._file.flush()
            flush_to_disk(self._draft / _PIXELS)
            write_atomically(self._draft / _ROWS, json.dumps(self._rows))
            sums = {name: content_hashes.of_file(self._draft / name) for name in (_PIXELS, _ROWS)}
            if sums[_PIXELS] != self._digest.hexdigest():
                # Without locks two processes may write one file.
                raise OSError("another process writes to it")
            write_atomically(self._draft / _SUMS, json.dumps(sums))
            folder = self._entry.parent
            _make_room(folder, self._budget - self._bytes)
            disk = shutil.disk_usage(folder)
            if disk.free < _FREE_SHARE * disk.total:
                raise OSError(f"less than {100 * _FREE_SHARE:.0f} % of the disk is free")
            os.replace(self._draft, self._entry)
            self._file.close()
            self._file = None
            print(
                f"images are kept in the cache {folder} ({self._bytes / 1e9:.2g} GB)",
                file=sys.stderr,
                flush=True,
            )
        except OSError as error:
            self._fail(error)

    def discard(self) -> None:
        """Removes what is written and not in its place."""
        if self._file is not None:
            shutil.rmtree(self._draft, ignore_errors=True)
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _fail(self, error: OSError) -> None:
        print(f"note  images are not kept in the cache: {error}", file=sys.stderr, flush=True)
        self.discard()


def _locked(draft: Path) -> BinaryIO | None:
    """Returns the file of pixels of a draft, to append to; None if another process has it."""
    with contextlib.ExitStack() as stack, contextlib.suppress(FileNotFoundError):
        file = stack.enter_context(open(draft / _PIXELS, "ab"))
        is_free = locks.acquire(file)
        # Whoever had it may just have put it in its place.
        if is_free and os.path.samestat(os.fstat(file.fileno()), os.stat(draft / _PIXELS)):
            stack.pop_all()
            return file
    return None


def _held(entry: Path) -> tuple[BinaryIO, list[list[Any]]] | None:
    """Returns the open file of the pixels and the rows of an entry; None without a whole one."""
    if not entry.is_dir():
        return None
    try:
        sums = json.loads((entry / _SUMS).read_text())
        if any(content_hashes.of_file(entry / name) != sums[name] for name in (_PIXELS, _ROWS)):
            raise ValueError("damaged")
        rows = json.loads((entry / _ROWS).read_text())
        # Whoever makes room may remove it: what is open can be read to its end.
        file = open(entry / _PIXELS, "rb")  # noqa: SIM115
    except (OSError, ValueError, KeyError):
        shutil.rmtree(entry, ignore_errors=True)
        return None
    with contextlib.suppress(OSError):
        os.utime(entry)  # The time of its last use.
    return file, rows


def _replayed(file: BinaryIO, rows: list[list[Any]]) -> Iterator[_Entry]:
    with file:
        for row in rows:
            if len(row) == 3:
                yield LeftOut(*row)
                continue
            source, name, shape, dtype, replaced, *about = row
            pixels = file.read(int(np.prod(shape)) * np.dtype(dtype).itemsize)
            image = np.frombuffer(pixels, dtype).reshape(shape)
            yield Cutout(name, source, image, None if replaced is None else int(replaced), *about)


def _place() -> tuple[Path | None, float]:
    """Returns the folder of the cache, None for no cache, and its largest size in bytes."""
    stated, text = os.environ.get(FOLDER), os.environ.get(BUDGET) or str(_BUDGET_GB)
    try:
        budget = float(text)
    except ValueError:
        budget = 0.0
    if not budget > 0:
        raise UserError(f"environment variable {BUDGET} must be a number above 0; got '{text}'")
    if stated == NONE:
        return None, budget
    folder = Path(stated or pooch.os_cache(CACHE) / "cutouts")
    return folder.expanduser().absolute(), 1e9 * budget


def _state(files: Sequence[str]) -> list[list[Any]] | None:
    """Returns path, size and times of each file; None if one is gone or has just changed."""
    state, latest = [], time.time_ns() - int(1e9 * _SETTLED_SECONDS)
    for file in files:
        try:
            status = os.stat(file)
        except OSError:
            return None
        times = (status.st_mtime_ns, status.st_ctime_ns)
        if max(times) > latest:
            return None
        state.append([os.path.abspath(file), status.st_size, *times])
    return state


def _key(state: list[list[Any]], wanted: Wanted, dtype: str) -> str:
    parts = [_reader(), dataclasses.asdict(wanted), dtype, state]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:40]


@functools.cache
def _reader() -> str:
    """Returns what tells one reader from another: a hash of its source and of versions."""
    digest = hashlib.sha256()
    for path in (*sorted(Path(cutouts.__file__).parent.glob("*.py")), Path(__file__)):
        digest.update(path.read_bytes())
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    return digest.hexdigest()


def _make_room(folder: Path, budget: float) -> None:
    """Removes drafts that kills have left, and entries not used for longest beyond a size."""
    for draft in folder.glob(f"{_DRAFT}*"):
        with contextlib.suppress(OSError):
            file = _locked(draft)
            if file is not None:
                shutil.rmtree(draft, ignore_errors=True)
                file.close()
    held = []
    for entry in visible_entries(folder):
        with contextlib.suppress(OSError):  # Another process has removed it.
            size = sum(path.stat().st_size for path in entry.iterdir())
            held.append((entry.stat().st_mtime_ns, size, entry))
    total = 0
    for _, size, entry in sorted(held, reverse=True):
        total += size
        if total > budget:
            shutil.rmtree(entry, ignore_errors=True)
