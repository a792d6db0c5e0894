"""Approximate neighbours by an index in a file beside the catalogue: HNSW of usearch."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.errors import UserError
from trainers.similarity.embeddings import Embeddings, read_embeddings, read_ids
from trainers.similarity.neighbours import check_features
from trainers.storage.json_files import read_json, write_json

__all__ = ["NeighbourIndex", "build", "index_path", "open_index"]

# Measured on a million vectors of 128 numbers, see docs/discovery.md.
_CONNECTIVITY, _EXPANSION_BUILDING, _EXPANSION_SEARCHING = 16, 128, 128
_PRECISION = "f16"

_METRICS = {"cosine": "cos", "euclidean": "l2sq"}
_BATCH = 50_000


@dataclasses.dataclass(frozen=True)
class NeighbourIndex:
    """An index whose vectors stay in its file, which is mapped into memory.

    Attributes:
        ids: Identifiers of the objects, whose places are the keys of the index.
        features: Length of the vectors.
        meta: Metadata of the catalogue.
    """

    ids: Sequence[str]
    features: int
    meta: Mapping[str, Any]
    _metric: str
    _index: Any

    def vectors(self, rows: Sequence[int]) -> np.ndarray:
        """Returns the vectors of objects, (rows, features) float32, rounded to half precision."""
        return np.asarray(self._index.get(np.asarray(rows, np.uint64)), np.float32)

    def nearest(self, queries: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns rows and distances of about the nearest vectors, see `neighbours.nearest`.

        Raises:
            ValueError: if the vectors have another length than the queries.
        """
        check_features(queries, self.features)
        number = min(number, len(self.ids))
        self._index.expansion_search = max(_EXPANSION_SEARCHING, 2 * number)
        matches = self._index.search(queries.astype(np.float32), number)
        # Of one query, usearch returns neighbours alone.
        shape = (len(queries), -1)
        rows = matches.keys.astype(int).reshape(shape)
        distances = matches.distances.astype(np.float64).reshape(shape)
        if self._metric == "euclidean":
            distances = np.sqrt(np.maximum(distances, 0))
        return rows, distances


def index_path(catalogue: Path, metric: str) -> Path:
    """Returns the file of the index of a catalogue."""
    return catalogue.with_name(f"{catalogue.name}.{metric}.hnsw")


def build(catalogue: Path, metric: str) -> Path:
    """Builds the index of a catalogue, and returns its file; a `.json` beside it describes it.

    Args:
        catalogue: Catalogue with embeddings.
        metric: "cosine" or "euclidean".

    Raises:
        UserError: if the embeddings cannot be searched, or usearch is not installed.
    """
    from tqdm import tqdm

    engine = _engine()
    held = read_embeddings(catalogue)
    index = engine.Index(
        ndim=held.vectors.shape[1],
        metric=_METRICS[metric],
        dtype=_PRECISION,
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_BUILDING,
    )
    with tqdm(total=len(held.ids), desc="index", unit="object", disable=None) as bar:
        for start in range(0, len(held.ids), _BATCH):
            part = held.vectors[start : start + _BATCH]
            index.add(np.arange(start, start + len(part), dtype=np.uint64), part)
            bar.update(len(part))
    path = index_path(catalogue, metric)
    # Without its description an index does not count, so that a kill in between does no harm.
    _about(path).unlink(missing_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        index.save(str(beside))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    write_json(
        _about(path),
        {
            "objects": len(held.ids),
            "features": held.vectors.shape[1],
            "metric": metric,
            "embeddings_sha256": _checksum(held),
            "model": held.meta.get("model"),
            "index_bytes": path.stat().st_size,
            "catalogue": _stamp(catalogue),
        },
    )
    return path


def open_index(catalogue: Path, metric: str) -> NeighbourIndex | None:
    """Opens the index of a catalogue; None if it has none.

    The embeddings are read, and their checksum compared, only if the catalogue has another size or
    time than when the index was built.

    Raises:
        UserError: if the index is of other embeddings, or is damaged.
    """
    path = index_path(catalogue, metric)
    if not (path.exists() and _about(path).exists()):
        return None
    about = read_json(_about(path))
    if path.stat().st_size != about.get("index_bytes"):
        raise UserError(
            f"index {path}: has {path.stat().st_size} bytes, and had {about.get('index_bytes')} "
            "when it was written; delete it to build it again"
        )
    if about["catalogue"] == _stamp(catalogue):
        ids, meta = read_ids(catalogue)
    else:
        held = read_embeddings(catalogue)
        now = {"objects": len(held.ids), "features": held.vectors.shape[1]}
        now |= {"model": held.meta.get("model"), "embeddings_sha256": _checksum(held)}
        for name, value in now.items():
            if about[name] != value:
                raise UserError(
                    f"index {path}: its {name.replace('_', ' ')} is {about[name]}, that of the "
                    f"catalogue {value}; delete it to build it again"
                )
        write_json(_about(path), {**about, "catalogue": _stamp(catalogue)})
        ids, meta = held.ids, held.meta
    index = _engine().Index.restore(str(path), view=True)
    if index is None or len(index) != len(ids) or index.ndim != about["features"]:
        raise UserError(f"index {path}: is damaged; delete it to build it again")
    return NeighbourIndex(ids, about["features"], meta, metric, index)


def _engine() -> Any:
    try:
        from usearch import index
    except ImportError:
        raise UserError("an index needs usearch: pip install 'galaxy-model-zoo[search]'") from None
    return index


def _about(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _checksum(held: Embeddings) -> str:
    digest = hashlib.sha256(json.dumps(list(held.ids)).encode())
    for start in range(0, len(held.ids), _BATCH):
        digest.update(np.ascontiguousarray(held.vectors[start : start + _BATCH], "<f4").data)
    return digest.hexdigest()


def _stamp(catalogue: Path) -> list[int]:
    status = catalogue.stat()
    return [status.st_size, status.st_mtime_ns]
