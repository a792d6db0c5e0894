"""Searches in a catalogue with embeddings, exact or by an index."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from astropy.table import Column, Table

from trainers.similarity import index
from trainers.similarity.embeddings import Embeddings, read_embeddings, rows_of
from trainers.similarity.neighbours import nearest

__all__ = ["METHODS", "Searchable", "neighbour_table", "opened"]

METHODS = ("auto", "exact", "hnsw")
"""Methods: by an index if there is one, and exact else; exact; by an index, which is built if there
is none."""


class Searchable(Protocol):
    """Objects whose neighbours can be searched.

    Attributes:
        ids: Their identifiers.
        meta: Metadata of their catalogue.
    """

    ids: Sequence[str]
    meta: dict

    def vectors(self, rows: Sequence[int]) -> np.ndarray:
        """Returns vectors of objects, (rows, features)."""

    def nearest(self, queries: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns rows and distances of the nearest objects, (queries, number) each."""


class _Exact:
    """Compares every vector."""

    def __init__(self, held: Embeddings, metric: str):
        self.ids, self.meta = held.ids, held.meta
        self._held, self._metric = held, metric

    def vectors(self, rows: Sequence[int]) -> np.ndarray:
        return self._held.vectors[rows]

    def nearest(self, queries: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        return nearest(self._held.vectors, queries, number, self._metric)


def opened(catalogue: Path, metric: str = "cosine", method: str = "auto") -> Searchable:
    """Returns the objects of a catalogue to search in.

    Args:
        catalogue: Catalogue with embeddings.
        metric: "cosine" or "euclidean". Default "cosine".
        method: One of `METHODS`. Default "auto".

    Raises:
        UserError: if the catalogue or its index cannot be used.
    """
    if method != "exact":
        held = index.open_index(catalogue, metric)
        if held is None and method == "hnsw":
            path = index.build(catalogue, metric)
            print(f"index  {path} ({path.stat().st_size / 1e6:.0f} MB)", file=sys.stderr)
            held = index.open_index(catalogue, metric)
        if held is not None:
            return held
    return _Exact(read_embeddings(catalogue), metric)


def neighbour_table(
    held: Searchable,
    number: int,
    metric: str,
    *,
    query: Sequence[str] | None = None,
    names: Sequence[str] = (),
    vectors: np.ndarray | None = None,
) -> Table:
    """Returns the nearest objects of a catalogue to some of it, or to other vectors.

    Args:
        held: The catalogue.
        number: Neighbours of each object.
        metric: Its metric, for the description.
        query: Identifiers of objects, which are not among their own neighbours. None for vectors.
        names: Names of the vectors, if there is no `query`.
        vectors: (queries, features), if there is no `query`.

    Returns:
        Columns query, rank, id and distance.

    Raises:
        UserError: if an object is not in the catalogue.
        ValueError: if the vectors have another length than those of the catalogue.
    """
    if query is not None:
        names = list(dict.fromkeys(query))
        own = rows_of(held.ids, names)
        vectors, more = held.vectors(own), 1
    else:
        own, more = [-1] * len(names), 0
    rows, distances = held.nearest(vectors, number + more)
    kept = [row != mine for row, mine in zip(rows, own, strict=True)]
    kept = [each & (np.cumsum(each) <= number) for each in kept]
    columns = {
        "query": [name for name, each in zip(names, kept, strict=True) for _ in range(each.sum())],
        "rank": [rank for each in kept for rank in range(1, each.sum() + 1)],
        "id": [held.ids[row] for each, near in zip(kept, rows, strict=True) for row in near[each]],
        "distance": np.concatenate(
            [near[each] for each, near in zip(kept, distances, strict=True)]
        ),
    }
    descriptions = {
        "query": "Object that was asked for",
        "rank": "Place among its neighbours, 1 the nearest",
        "id": "Identifier of the neighbour",
        "distance": f"Distance of the embeddings, {metric}",
    }
    return Table([Column(columns[name], name, description=descriptions[name]) for name in columns])
