"""Exclusive builds of a dataset, without leftovers of killed ones."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core import constants

__all__ = ["ExclusiveBuild"]

_LOCK = ".lock"


class ExclusiveBuild(tfds.core.DatasetBuilder):
    """A builder that waits for another process that builds the same.

    TFDS builds in a folder `incomplete.<random>_<version>` beside the dataset's, which it renames
    at the end, and removes after an error. A build that was killed leaves it for ever: the next
    one removes it. Where the file system has no locks, as in object stores, all is as in TFDS.
    """

    def download_and_prepare(self, **options: Any) -> None:
        """Builds the dataset unless it is there; see `tfds.core.DatasetBuilder`."""
        path = epath.Path(self.data_dir)
        if "://" in os.fspath(path) or path.exists():
            super().download_and_prepare(**options)
            return
        with _locked(path.parent, f"{self.name}/{path.parent.name}") as is_alone:
            if path.exists():
                # Built by another process since this builder was made.
                self.info.read_from_directory(os.fspath(path))
            elif is_alone:
                for left in path.parent.glob(f"{constants.INCOMPLETE_PREFIX}*_{path.name}"):
                    left.rmtree(missing_ok=True)
            super().download_and_prepare(**options)


@contextlib.contextmanager
def _locked(folder: epath.Path, title: str) -> Iterator[bool]:
    """Yields whether no other process has the folder, once none has."""
    folder.mkdir(parents=True, exist_ok=True)
    # The system lets go of the lock when the process ends, in whatever way.
    with open(folder / _LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{title}: another process builds it, waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            yield False
            return
        yield True
