"""The parts of a table, made one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from trainers.prediction import predict_blocks
from trainers.prediction.parts import Parts
from trainers.prediction.predict_blocks import Block, Entries, Rows, Unit
from trainers.prediction.served_model import Facts
from trainers.training.progress import ProgressBar

__all__ = ["run"]

_T = TypeVar("_T")


def run(
    entries: Entries,
    units: Sequence[Unit],
    predict: Callable[[Block], Rows],
    facts: Facts,
    parts: Parts,
    *,
    batch_size: int,
    progress: ProgressBar,
) -> None:
    """Makes parts.

    While the model answers to a block, the next one is read.

    Args:
        entries: All cutouts.
        units: Those of which the parts are wanted.
        predict: Returns the model's answers to a block.
        facts: Of the model.
        parts: Where the parts are written.
        batch_size: Most cutouts that go through the model at once.
        progress: Counts the entries that are done.
    """
    rows = []
    for unit, block, is_last in _ahead(_blocks(entries, units, batch_size)):
        rows.append(predict(block))
        if is_last:
            left_out = [line for one in rows for line in one.left_out]
            parts.write(unit.number, predict_blocks.table_of(rows, facts), left_out)
            rows = []
            progress.add(unit.stop - unit.start)
    entries.close()


def _blocks(
    entries: Entries, units: Sequence[Unit], batch_size: int
) -> Iterator[tuple[Unit, Block, bool]]:
    for unit in units:
        held = None
        for block in predict_blocks.blocks(entries, unit, batch_size):
            if held is not None:
                yield unit, held, False
            held = block
        yield unit, held, True


def _ahead(items: Iterable[_T]) -> Iterator[_T]:
    """Yields the items; the one after is made meanwhile in a thread."""
    iterator, nothing = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, iterator, nothing)
        while (item := coming.result()) is not nothing:
            coming = thread.submit(next, iterator, nothing)
            yield item
