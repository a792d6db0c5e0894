"""Rows of a table from entries of files, in blocks that go through the model at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from astropy.table import Column, Table

from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.novelty.reference import DESCRIPTIONS
from trainers.prediction.rejected import RefusedError
from trainers.prediction.served_model import Facts
from trainers.tables import object_columns
from zoo.embedding import EMBEDDING

__all__ = [
    "Block",
    "Entries",
    "Model",
    "Rows",
    "Unit",
    "blocks",
    "predict_block",
    "table_of",
    "units",
]

# Objects between two parts of the table, about.
_UNIT = 1024
# The same, where a file is one entry and may have any number of objects.
_UNIT_BYTES = 16 * 2**20

_LATENTS = ("latent_mean", "latent_stddev")
_REPLACED = "replaced_pixels"
_MEANINGS = {
    _REPLACED: "Pixels, of all bands, that had no value and were replaced",
    **DESCRIPTIONS,
}
# Relative to the training.
_SCALE_TOLERANCE = 0.05  # of pixel scales
_SEEING_TOLERANCE = 0.2  # of the seeing beyond the range of the training
_VOTES = ("fractions", "concentrations", "pass_fractions", "asked")


class Entries(Protocol):
    """Protocol of a sequence of cutouts, such as `cutouts.reading.CutoutFiles`; it can be pickled.

    Where an entry may be many objects, it has `bytes_before(entry)` too, see there.
    """

    unit: str

    def __len__(self) -> int: ...

    def entries(self, start: int, stop: int) -> Iterator[Cutout | LeftOut]: ...

    def state(self) -> list[Any]: ...

    def close(self) -> None: ...


class Model(Protocol):
    """Protocol of a model, such as `served_model.ServedModel`.

    `answers` takes images of one size with their identifiers, and returns outputs that are numbers,
    by name; it raises `RefusedError` if it cannot take them.
    """

    facts: Facts

    def answers(
        self, images: Sequence[np.ndarray], ids: Sequence[str]
    ) -> Mapping[str, np.ndarray]: ...


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
    """Results of a block.

    Attributes:
        unit: As `Block`.
        number: As `Block`.
        ids: Identifiers of the objects.
        sources: Where they stand.
        outputs: The model's outputs by name, (objects, ...) each, as far as they have one size
            for all; empty without objects.
        left_out: What could not be used.
    """

    unit: int
    number: int
    ids: Sequence[str]
    sources: Sequence[str]
    outputs: Mapping[str, np.ndarray]
    left_out: Sequence[LeftOut]


def units(entries: Entries, batch_size: int) -> list[Unit]:
    """Returns the result of all entries, of so many objects or bytes of files as make one part.

    Args:
        entries: All entries.
        batch_size: Of which a unit has a multiple.
    """
    # Where each entry is one object, nothing is said of bytes.
    bytes_before = getattr(entries, "bytes_before", lambda entry: 0)
    most = batch_size * max(1, _UNIT // batch_size)
    result, start, read = [], 0, 0
    for stop in (*range(batch_size, len(entries), batch_size), len(entries)):
        is_full = stop - start >= most or bytes_before(stop) - read >= _UNIT_BYTES
        if is_full or stop == len(entries) > start:
            result.append(Unit(len(result), start, stop))
            start, read = stop, bytes_before(stop)
    return result


def blocks(entries: Entries, unit: Unit, batch_size: int) -> Iterator[Block]:
    """Yields the blocks of a unit, of at most so many cutouts each; one at least."""
    number, held, cutouts = 0, [], 0
    for entry in entries.entries(unit.start, unit.stop):
        held.append(entry)
        cutouts += isinstance(entry, Cutout)
        if cutouts == batch_size:
            yield Block(unit.number, number, held)
            number, held, cutouts = number + 1, [], 0
    if held or not number:
        yield Block(unit.number, number, held)


def predict_block(block: Block, model: Model) -> Rows:
    """Returns a model's answers to a block; what it refuses and what is not finite is left out."""
    cutouts = [entry for entry in block.entries if isinstance(entry, Cutout)]
    left_out = [entry for entry in block.entries if isinstance(entry, LeftOut)]
    members: dict[tuple[int, ...], list[int]] = {}
    for place, cutout in enumerate(cutouts):
        members.setdefault(cutout.image.shape, []).append(place)
    places: list[int] = []
    pieces: list[Mapping[str, np.ndarray]] = []
    for of_one_size in members.values():
        for answered_places, outputs in _asked(model, cutouts, of_one_size, left_out):
            places += answered_places
            pieces.append(outputs)
    order = np.argsort(places)
    outputs = {name: values[order] for name, values in _joined(pieces).items()}
    kept = [cutouts[places[index]] for index in order]
    if kept and kept[0].replaced is not None:
        outputs[_REPLACED] = np.array([cutout.replaced for cutout in kept])
    _compare_headers(outputs, kept, model.facts.data)
    good = np.ones(len(kept), bool)
    for name, values in outputs.items():
        if values.dtype.kind == "U":
            continue
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        for row in np.flatnonzero(~finite & good):
            reason = f"the model's answer '{name}' is not finite"
            left_out.append(LeftOut(kept[row].source, reason))
        good &= finite
    kept = [cutout for cutout, is_good in zip(kept, good, strict=True) if is_good]
    return Rows(
        block.unit,
        block.number,
        [cutout.id for cutout in kept],
        [cutout.source for cutout in kept],
        {name: values[good] for name, values in outputs.items()} if kept else {},
        left_out,
    )


def _compare_headers(
    outputs: dict[str, np.ndarray], cutouts: Sequence[Cutout], trained: Mapping[str, Any]
) -> None:
    """Marks the objects as outside whose pixel scale or seeing is known and not as trained."""
    if "outside" not in outputs:
        return
    scale, seeing = trained.get("pixel_scale_arcsec"), trained.get("seeing_arcsec")
    if scale:
        scales = np.array([cutout.pixel_scale or scale for cutout in cutouts])
        _mark(outputs, "pixel scale", np.abs(scales / scale - 1) / _SCALE_TOLERANCE)
    if seeing:
        least, greatest = seeing
        own = np.array([cutout.seeing or least for cutout in cutouts])
        beyond = np.maximum(own / greatest, least / own) - 1
        _mark(outputs, "seeing", beyond / _SEEING_TOLERANCE)


def _mark(outputs: dict[str, np.ndarray], reason: str, distances: np.ndarray) -> None:
    """Joins distances from the training, 1 at the limit, with the columns of validity."""
    outputs["validity_distance"] = np.maximum(outputs["validity_distance"], distances).astype(
        np.float32
    )
    outputs["outside"] = outputs["outside"] | (distances > 1)
    joined = zip(outputs["outside_reason"], distances > 1, strict=True)
    reasons = [
        "; ".join(filter(None, (str(other), reason * bool(is_far)))) for other, is_far in joined
    ]
    outputs["outside_reason"] = np.array(reasons, dtype=str)


def _asked(
    model: Model, cutouts: Sequence[Cutout], places: Sequence[int], left_out: list[LeftOut]
) -> Iterator[tuple[Sequence[int], dict[str, np.ndarray]]]:
    """Yields the places of cutouts that are answered, with the answers; adds those refused."""
    try:
        asked = [cutouts[place] for place in places]
        outputs = model.answers([each.image for each in asked], [each.id for each in asked])
    except RefusedError as error:
        if len(places) == 1:
            left_out.append(LeftOut(cutouts[places[0]].source, str(error)))
            return
        # One bad image makes the model refuse all: each half is asked for again.
        middle = len(places) // 2
        yield from _asked(model, cutouts, places[:middle], left_out)
        yield from _asked(model, cutouts, places[middle:], left_out)
        return
    # What has no row for each image, such as a constant, is no column.
    rows = {name: one for name, one in outputs.items() if np.shape(one)[:1] == (len(places),)}
    yield places, rows


def _joined(pieces: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns those outputs that have one size in all pieces."""
    sizes = [{(name, one.shape[1:]) for name, one in piece.items()} for piece in pieces]
    common = set.intersection(*sizes) if sizes else set()
    return {name: np.concatenate([one[name] for one in pieces]) for name, _ in sorted(common)}


def table_of(rows: Iterable[Rows], facts: Facts) -> Table:
    """Returns the rows of a table, with descriptions and units; without columns if it has none.

    Args:
        rows: Of a unit, in the order of the blocks.
        facts: Of the model whose answers they are.
    """
    filled = [one for one in rows if one.ids]
    if not filled:
        return Table()
    outputs = _joined([one.outputs for one in filled])
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
    described: dict[str, np.ndarray] = {}
    if outputs.get("latent_mean", np.empty(0)).ndim == 2:
        described |= {name: outputs[name] for name in _LATENTS if name in outputs}
    probability = outputs.get("probability")
    names: Sequence[str] = ()
    # One column is that of one of two classes, whose names it does not give.
    if probability is not None and probability.ndim == 2 and probability.shape[1] > 1:
        described["probability"] = probability
        names = facts.class_names
        if len(names) != probability.shape[1]:
            names = [f"class_{index}" for index in range(probability.shape[1])]
    columns = object_columns.model_columns(described, names)
    taken = set(described)
    if facts.questions and "fractions" in outputs:
        columns += object_columns.vote_columns(outputs, facts.questions)
        taken |= set(_VOTES)
    if outputs.get(EMBEDDING, np.empty(0)).ndim == 2:
        columns.append(object_columns.embedding_column(outputs[EMBEDDING]))
        taken.add(EMBEDDING)
    for name, values in outputs.items():
        if name not in taken:
            meaning = facts.meanings.get(name, _MEANINGS.get(name, ""))
            columns += object_columns.plain_columns(name, values, meaning)
    return columns
