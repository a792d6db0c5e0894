"""Interest of a person in the objects of a catalogue, learned from scores of some of them."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.neighbors import NearestNeighbors

__all__ = ["Interest", "learn"]

_TREES = 100

# Constants of Astronomaly: the least trained score, the weight of the scores, the trust in them.
_LEAST, _WEIGHT, _TRUST = 0.1, 0.85, 1.0


@dataclasses.dataclass(frozen=True)
class Interest:
    """Interest in each object.

    Attributes:
        expected: (objects,) score that a person would give.
        ranking: (objects,) expected score and anomaly in one: near scored objects it follows the
            expected score, far from them the anomaly. From 0 to 1.
    """

    expected: np.ndarray
    ranking: np.ndarray


def learn(
    vectors: np.ndarray,
    rows: np.ndarray,
    scores: np.ndarray,
    anomaly: np.ndarray | None = None,
    *,
    most: float,
    seed: int = 0,
) -> Interest:
    """Learns from scores how interesting each object is.

    A random forest on the embeddings expects the score U of each object. With the distance d to the
    nearest scored object, whose mean is d0, and the anomaly S, scaled to 0 to 1,

        ranking = S tanh(exp(d / d0) - 1 + arctanh(0.1 + 0.85 U / most)).

    The distance is that of the embeddings scaled to unit variance in each component, as for the
    forest; in the publication it is that of its features.

    Args:
        vectors: (objects, features) float32.
        rows: (scored,) rows of the objects with a score.
        scores: (scored,) scores, from 0 to `most`.
        anomaly: (objects,) anomaly without labels; NaN counts as the lowest. None for one that is
            the same for all objects, so that what lies far from all scores comes first.
        most: Highest possible score.
        seed: Seed of the forest. Default 0.

    References:
        Lochner & Bassett 2021, Astronomy and Computing 36, 100481, section 3.2: Astronomaly.
    """
    spread = vectors.std(axis=0)
    scaled = (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    forest = RandomForestRegressor(_TREES, random_state=seed, n_jobs=-1)
    expected = forest.fit(scaled[rows], scores).predict(scaled)
    distance = NearestNeighbors(n_neighbors=1).fit(scaled[rows]).kneighbors(scaled)[0][:, 0]
    mean = distance.mean()
    relative = distance / mean if mean > 0 else distance
    trained = np.arctanh(_LEAST + _WEIGHT * expected / most)
    # Beyond 20 the hyperbolic tangent is 1, and the exponential must not overflow.
    nearness = np.exp(np.minimum(_TRUST * relative, 20.0)) - 1
    return Interest(expected, _unit(anomaly, len(vectors)) * np.tanh(nearness + trained))


def _unit(anomaly: np.ndarray | None, number: int) -> np.ndarray:
    if anomaly is None:
        return np.ones(number)
    low, high = np.nanmin(anomaly), np.nanmax(anomaly)
    scaled = (anomaly - low) / (high - low) if high > low else np.ones_like(anomaly)
    return np.nan_to_num(scaled, nan=0.0)
