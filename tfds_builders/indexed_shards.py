"""Files of simulated examples, each of which follows from its split and index."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator
from typing import Any

__all__ = ["IndexedShard"]


@dataclasses.dataclass(frozen=True)
class IndexedShard(abc.ABC):
    """The examples of one file, as `tfds_builders.beam_shards.ShardExamples`.

    Attributes:
        config: What to draw; has `name`, `seed` and `numbers`, the examples of each split.
        folder: Where the COSMOS sample is, if the configuration needs one.
        split: Name of the split.
        start: Index of the first example.
        stop: Index after that of the last one.
    """

    config: Any
    folder: str | None
    split: str
    start: int
    stop: int

    @classmethod
    def of_splits(cls, config: Any, folder: str | None, size: int) -> dict[str, list[IndexedShard]]:
        """Returns the files of each split, with `size` examples at most in each."""
        return {
            split: [
                cls(config, folder, split, start, min(start + size, number))
                for start in range(0, number, size)
            ]
            for split, number in config.numbers.items()
        }

    def __len__(self) -> int:
        return self.stop - self.start

    @abc.abstractmethod
    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the identifiers and features of the examples."""

    def identifiers(self) -> Iterator[tuple[int, str]]:
        """Yields index and identifier of each example."""
        for index in range(self.start, self.stop):
            yield index, f"{self.config.name}-{self.config.seed}-{self.split}-{index:07d}"
