"""The published catalogues: rows read when they are needed, checked one by one."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from etils import epath

from tfds_builders.galaxy_zoo_decals.configs import CatalogueConfig
from tfds_builders.galaxy_zoo_decals.examples import labelled
from tfds_builders.galaxy_zoo_decals.images import FULL_SIZE, ImageFile, image_scale, picture, png
from tfds_builders.galaxy_zoo_decals.labels import GZD5, GZD12, DecisionTree
from tfds_builders.left_out import LeftOut

__all__ = ["MEASURED", "POSTERIORS", "CatalogueIndex", "GalaxiesOfFile", "index", "tree_of"]

MEASURED = {
    "redshift": "redshift",
    "absolute_magnitude": "elpetro_absmag_r",
    "petro_th50": "petro_th50",
    "petro_th90": "petro_th90",
    "petro_theta": "petro_theta",
    "wrong_size_statistic": "wrong_size_statistic",
}
"""Columns that are kept as they are, NaN where they are empty, by the name of the feature."""

# Draws of the posterior that the automated catalogue has of each answer.
POSTERIORS = 25

# Spellings of pandas, TOPCAT and STIL among them.
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}

_FLUX = "sersic_nmgy_r"
_NEEDED = ("iauname", "ra", "dec", "wrong_size_warning", _FLUX, *MEASURED.values())


@dataclasses.dataclass
class CatalogueIndex:
    """Byte offsets of the usable rows of a catalogue.

    Attributes:
        path: Of the catalogue.
        columns: Its first line.
        offsets: Of each galaxy, where its line begins, bytes.
        images: Of each galaxy, where its image is.
        rows: Lines of the catalogue.
        without_image: Names of galaxies that have none.
        wrong_size: Names of galaxies that were left out because of `wrong_size_warning`.
    """

    path: str
    columns: tuple[str, ...]
    offsets: dict[str, int]
    images: dict[str, ImageFile]
    rows: int = 0
    without_image: list[str] = dataclasses.field(default_factory=list)
    wrong_size: list[str] = dataclasses.field(default_factory=list)


def tree_of(config: CatalogueConfig) -> DecisionTree:
    """Returns the questions that a catalogue answers."""
    return GZD12 if config.gzd12 else GZD5


def index(
    path: epath.Path, images: dict[str, ImageFile], config: CatalogueConfig, left_out: LeftOut
) -> CatalogueIndex:
    """Reads a catalogue once, and keeps of each row where it stands.

    Args:
        path: Comma-separated, column names in the first line.
        images: Where the image of each galaxy is.
        config: Which catalogue it is.
        left_out: Told of each unusable row.

    Raises:
        ValueError: if a column is missing, or as `left_out` decides.
    """
    with path.open("rb") as stream:
        first = stream.readline()
        columns = tuple(_split(first, str(path)))
        missing = [name for name in (*_NEEDED, *_answers(config, columns)) if name not in columns]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise ValueError(f"{path}: column {', '.join(missing[:3])}{more} is missing")
        usable = CatalogueIndex(str(path), columns, {}, images)
        offset = len(first)
        for line in stream:
            start, offset = offset, offset + len(line)
            if not line.strip():
                continue
            usable.rows += 1
            try:
                row = _row(line, columns, f"{path}: row {usable.rows}")
                name = row["iauname"].strip()
                if not name or name in usable.offsets:
                    what = "stands in the catalogue twice" if name else "has no iauname"
                    raise ValueError(f"{path}: {name or f'row {usable.rows}'} {what}")
                is_wrong = _truth(row, "wrong_size_warning", f"{path}: {name}")
            except ValueError as error:
                left_out.add(str(error))
                continue
            if name not in images:
                usable.without_image.append(name)
            elif is_wrong and not config.wrong_size:
                usable.wrong_size.append(name)
            else:
                usable.offsets[name] = start
    usable.images = {name: images[name] for name in usable.offsets}
    return usable


@dataclasses.dataclass
class GalaxiesOfFile:
    """The galaxies of one file, as `tfds_builders.beam_shards.ShardExamples`.

    Attributes:
        config: Which catalogue it is, and what is made of it.
        path: Of the catalogue.
        columns: Its first line.
        galaxies: Of each, its name, where its line begins, and where its image is.
        left_out: A line for each galaxy that could not be used, once it has been called.
    """

    config: CatalogueConfig
    path: str
    columns: tuple[str, ...]
    galaxies: list[tuple[str, int, ImageFile]]
    left_out: list[str] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.galaxies)

    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        left_out = LeftOut(self.config.on_error)
        # The same list, so that whoever called finds the lines.
        self.left_out = left_out.lines
        with epath.Path(self.path).open("rb") as stream:
            for name, offset, image in self.galaxies:
                stream.seek(offset)
                where = f"{self.path}: {name}"
                try:
                    row = _row(stream.readline(), self.columns, where)
                    example = labelled(
                        self._features(row, where), self.config, tree_of(self.config)
                    )
                    if example is None:
                        continue
                    where = f"{image.path}: {name}"
                    pixels = picture(image.read(), self.config.crop, self.config.image_size)
                except ValueError as error:
                    line = str(error)
                    left_out.add(line if name in line else f"{where}: {line}")
                    continue
                yield name, example | {"id": name, "image": png(pixels)}

    def _features(self, row: dict[str, str], where: str) -> dict[str, Any]:
        config, tree = self.config, tree_of(self.config)
        flux = _number(row, _FLUX, where)
        features: dict[str, Any] = {
            name: np.float32(_number(row, column, where)) for name, column in MEASURED.items()
        }
        th50, th90 = (_number(row, name, where) for name in ("petro_th50", "petro_th90"))
        side = FULL_SIZE * config.crop / config.image_size
        features |= {
            "ra": _number(row, "ra", where, needed=True),
            "dec": _number(row, "dec", where, needed=True),
            "magnitude": np.float32(22.5 - 2.5 * np.log10(flux) if flux > 0 else np.nan),
            "wrong_size_warning": _truth(row, "wrong_size_warning", where),
            "pixel_scale": np.float32(side * image_scale(th50, th90)),
        }
        if config.automated:
            draws = [_draws(row, f"{answer}_concentration", where) for answer in tree.answers]
            fractions = [_number(row, f"{answer}_fraction", where) for answer in tree.answers]
            asked = [
                _number(row, f"{each.name}_proportion_volunteers_asked", where)
                for each in tree.questions
            ]
            return features | {
                "fractions": np.array(fractions, np.float32),
                "concentrations": np.array(draws, np.float32),
                "proportion_asked": np.array(asked, np.float32),
            }
        votes = np.array([_count(row, answer, where) for answer in tree.answers], np.int32)
        # Not the sums: in early rows of GZD-5 some votes are for answers dropped since.
        columns = [_total(each.name, self.columns) for each in tree.questions]
        totals = np.array([_count(row, column, where) for column in columns], np.int32)
        debiased = [_number(row, f"{answer}_debiased", where) for answer in tree.answers]
        return features | {
            "votes": votes,
            "total_votes": totals,
            "fractions": tree.fractions(votes, totals),
            "debiased_fractions": np.array(debiased, np.float32),
        }


def _answers(config: CatalogueConfig, columns: tuple[str, ...]) -> Iterator[str]:
    """Yields the columns that the questions and answers need."""
    tree = tree_of(config)
    kinds = ("_fraction", "_concentration") if config.automated else ("", "_debiased")
    for answer in tree.answers:
        yield from (f"{answer}{kind}" for kind in kinds)
    for question in tree.questions:
        if config.automated:
            yield f"{question.name}_proportion_volunteers_asked"
        else:
            yield _total(question.name, columns)


def _total(question: str, columns: tuple[str, ...]) -> str:
    """Returns the column with the votes of a question, of which there are two spellings."""
    name = f"{question}_total-votes"
    return name if name in columns else f"{question}_total"


def _split(line: bytes, where: str) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")]))
    except (UnicodeDecodeError, csv.Error, StopIteration):
        raise ValueError(f"{where}: not a table of text") from None


def _row(line: bytes, columns: tuple[str, ...], where: str) -> dict[str, str]:
    values = _split(line, where)
    if len(values) != len(columns):
        raise ValueError(f"{where}: must have {len(columns)} columns; got {len(values)}")
    return dict(zip(columns, values, strict=True))


def _number(row: dict[str, str], name: str, where: str, *, needed: bool = False) -> float:
    text = row[name].strip()
    try:
        value = float(text) if text else np.nan
    except ValueError:
        raise ValueError(f"{where}: {name} must be a number; got '{text}'") from None
    # An empty field is no measurement; an infinite one is none either, and says it is.
    if np.isinf(value) or (needed and np.isnan(value)):
        raise ValueError(f"{where}: {name} must be a finite number; got '{text}'")
    return value


def _truth(row: dict[str, str], name: str, where: str) -> bool:
    text = row[name].strip().lower()
    if text not in _TRUTHS:
        raise ValueError(f"{where}: {name} must be True or False; got '{row[name]}'")
    return _TRUTHS[text]


def _count(row: dict[str, str], name: str, where: str) -> int:
    value = _number(row, name, where)
    # Nobody was asked.
    if np.isnan(value):
        return 0
    if value < 0 or value != int(value):
        raise ValueError(f"{where}: {name} must be a number of votes; got '{row[name]}'")
    return int(value)


def _draws(row: dict[str, str], name: str, where: str) -> list[float]:
    try:
        values = [float(value) for value in json.loads(row[name])]
    except (ValueError, TypeError):
        values = []
    if len(values) != POSTERIORS:
        raise ValueError(f"{where}: {name} must be a list of {POSTERIORS} numbers")
    return values
