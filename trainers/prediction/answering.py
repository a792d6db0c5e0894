"""From entries of files to rows: in blocks that go through the model at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from astropy.table import Column, Table

from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.datasets import object_columns, quantities
from trainers.prediction.served_model import Facts, ServedModel

__all__ = ["Block", "Entries", "Rows", "Unit", "answered", "blocks", "tabled", "units"]

# Objects between two parts of the table, about.
_UNIT = 1024

_LATENTS = ("latent_mean", "latent_stddev")
# More numbers for each object than a table has room for, such as an image.
_MOST_COLUMNS = 1024
_VOTES = ("fractions", "concentrations", "pass_fractions", "asked")


class Entries(Protocol):
    """What cutouts are found in, such as `cutouts.reading.CutoutFiles`; it can be pickled."""

    unit: str

    def __len__(self) -> int: ...

    def entries(self, start: int, stop: int) -> Iterator[Cutout | LeftOut]: ...

    def state(self) -> list[Any]: ...

    def close(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class Unit:
    """Entries that become one part of the table.

    Attributes:
        number: Number of the part.
        start: First entry.
        stop: The one after the last.
    """

    number: int
    start: int
    stop: int


@dataclasses.dataclass(frozen=True)
class Block:
    """Entries that go through the model at once.

    Attributes:
        unit: Number of their unit.
        number: Number of the block in it.
        entries: What was read.
    """

    unit: int
    number: int
    entries: Sequence[Cutout | LeftOut]


@dataclasses.dataclass(frozen=True)
class Rows:
    """What became of a block.

    Attributes:
        unit: As `Block`.
        number: As `Block`.
        ids: Identifiers of the objects.
        sources: Where they stand.
        outputs: The model's outputs by name, (objects, ...) each; empty without objects.
        left_out: What could not be used.
    """

    unit: int
    number: int
    ids: Sequence[str]
    sources: Sequence[str]
    outputs: Mapping[str, np.ndarray]
    left_out: Sequence[LeftOut]


def units(number: int, batch_size: int) -> list[Unit]:
    """Returns the units of so many entries.

    Args:
        number: Entries in all.
        batch_size: Of which a unit has a multiple.
    """
    step = batch_size * max(1, _UNIT // batch_size)
    starts = range(0, number, step)
    return [Unit(i, start, min(start + step, number)) for i, start in enumerate(starts)]


def blocks(entries: Entries, unit: Unit, batch_size: int) -> Iterator[Block]:
    """Yields the blocks of a unit, at least one.

    Args:
        entries: All entries.
        unit: Those that are wanted.
        batch_size: Most cutouts in a block.
    """
    number, held, cutouts = 0, [], 0
    for entry in entries.entries(unit.start, unit.stop):
        held.append(entry)
        cutouts += isinstance(entry, Cutout)
        if cutouts == batch_size:
            yield Block(unit.number, number, held)
            number, held, cutouts = number + 1, [], 0
    if held or not number:
        yield Block(unit.number, number, held)


def answered(block: Block, model: ServedModel) -> Rows:
    """Returns the model's answers to a block; what is not finite is left out.

    Args:
        block: The entries.
        model: The model.
    """
    cutouts = [entry for entry in block.entries if isinstance(entry, Cutout)]
    left_out = [entry for entry in block.entries if isinstance(entry, LeftOut)]
    outputs = model.answers([cutout.image for cutout in cutouts]) if cutouts else {}
    good = np.ones(len(cutouts), bool)
    for name, values in outputs.items():
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        for row in np.flatnonzero(~finite & good):
            reason = f"the model's answer '{name}' is not finite"
            left_out.append(LeftOut(cutouts[row].source, reason))
        good &= finite
    kept = [cutout for cutout, is_good in zip(cutouts, good, strict=True) if is_good]
    return Rows(
        block.unit,
        block.number,
        [cutout.id for cutout in kept],
        [cutout.source for cutout in kept],
        {name: values[good] for name, values in outputs.items()} if kept else {},
        left_out,
    )


def tabled(rows: Iterable[Rows], facts: Facts) -> Table:
    """Returns the rows of a table, with descriptions and units; without columns if it has none.

    Args:
        rows: Of a unit, in the order of the blocks.
        facts: Of the model whose answers they are.
    """
    filled = [one for one in rows if one.outputs]
    if not filled:
        return Table()
    outputs = {
        name: np.concatenate([one.outputs[name] for one in filled]) for name in filled[0].outputs
    }
    ids = np.array([one for block in filled for one in block.ids])
    sources = np.array([one for block in filled for one in block.sources])
    where = "File, file#extension or file[row] that the image was read from"
    table = Table(
        [
            Column(ids, name="id", description="Identifier of the object"),
            Column(sources, name="source", description=where),
        ]
    )
    for column in _columns(outputs, facts):
        # An output may be called like one of those that are there.
        while column.name in table.colnames:
            column.name += "_"
        table.add_column(column)
    return table


def _columns(outputs: dict[str, np.ndarray], facts: Facts) -> list[Column]:
    known: dict[str, np.ndarray] = {}
    if outputs.get("latent_mean", np.empty(0)).ndim == 2:
        known |= {name: outputs[name] for name in _LATENTS if name in outputs}
    probability = outputs.get("probability")
    names: Sequence[str] = ()
    if probability is not None and probability.ndim == 2:
        known["probability"] = probability
        names = facts.class_names
        if len(names) != probability.shape[1]:
            names = [f"class_{index}" for index in range(probability.shape[1])]
    columns = object_columns.model_columns(known, names)
    taken = set(known)
    if facts.questions and "fractions" in outputs:
        columns += object_columns.vote_columns(outputs, facts.questions)
        taken |= set(_VOTES)
    for name, values in outputs.items():
        if name not in taken:
            columns += _plain_columns(name, values, facts.meanings.get(name, ""))
    return columns


def _plain_columns(name: str, values: np.ndarray, meaning: str) -> list[Column]:
    flat = values.reshape(len(values), -1)
    if flat.shape[1] > _MOST_COLUMNS:
        return []
    text = meaning.replace("`", "") or f"Output {name} of the model"
    unit = quantities.unit(name) or None
    if flat.shape[1] == 1:
        return [Column(flat[:, 0], name=name, description=text, unit=unit)]
    digits = len(str(flat.shape[1] - 1))
    return [
        Column(value, name=f"{name}_{index:0{digits}d}", description=f"{text}, {index}", unit=unit)
        for index, value in enumerate(flat.T)
    ]
