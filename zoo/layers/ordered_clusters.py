"""Clusters of k-means, numbered by the brightness of their members."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.cluster import MiniBatchKMeans

from zoo.layer import Float32Layer

__all__ = ["OrderedClusters"]

_BATCH = 4096
_STARTS = 5

# Share of the vectors, those farthest from the median, at whose mean the centre of what is not sky
# starts.
_FARTHEST = 0.02


@keras.saving.register_keras_serializable(package="zoo")
class OrderedClusters(Float32Layer):
    """The nearest of the centres that mini-batch k-means (Sculley 2010) leaves.

        cluster(y) = argmin_k |y - c_k|^2

    Args:
        clusters: K, number of clusters.
        inputs: Length of the vectors.
        sky_first: Whether two centres first divide the sky, the fainter side, from the rest, which
            K - 1 centres then divide further. They start at the median and at the farthest
            vectors, since two halves of the noise of the sky may be the optimum of k-means. The
            edge of the sky is so the same for any K. Default False: K centres at once.

    Call arguments:
        y: (..., inputs).

    Returns:
        (...) int32 in 0..K-1.

    Raises:
        ValueError: if there are fewer than two clusters.
    """

    def __init__(self, clusters: int, inputs: int, sky_first: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if clusters < 2:
            raise ValueError(f"clusters must be at least 2; got {clusters}")
        self.clusters, self.inputs, self.sky_first = clusters, inputs, sky_first
        if sky_first:
            self.edge = self.add_statistic("edge", (2, inputs))
        divided = clusters - 1 if sky_first else clusters
        self.centres = self.add_statistic("centres", (divided, inputs))
        self.shares = self.add_statistic("shares", (clusters,))
        self.brightness = self.add_statistic("brightness", (clusters,))
        self.built = True

    def adapt(self, vectors: np.ndarray, brightness: np.ndarray, seed: int) -> None:
        """Fits the centres, faintest cluster first.

        Args:
            vectors: (number, inputs), at least one for each cluster.
            brightness: (number,), by whose mean the clusters are numbered.
            seed: Seed of the starts and of the mini-batches.
        """
        vectors = np.asarray(vectors, np.float32)
        divided = np.ones(len(vectors), bool)
        if self.sky_first:
            self.edge.assign(_centres(vectors, brightness, 2, seed, _far_apart(vectors)))
            rest = ~self._is_sky(vectors).numpy()
            # Vectors that are all alike have one side only.
            divided = rest if rest.sum() >= self.clusters - 1 else divided
        number = self.clusters - self.sky_first
        self.centres.assign(_centres(vectors[divided], brightness[divided], number, seed))
        members = self(vectors).numpy()
        counts = np.bincount(members, minlength=self.clusters)
        total = np.bincount(members, brightness, minlength=self.clusters)
        self.shares.assign(counts / len(vectors))
        self.brightness.assign(total / np.maximum(counts, 1))

    def call(self, y: tf.Tensor) -> tf.Tensor:
        nearest = _nearest(y, self.centres.value)
        if not self.sky_first:
            return nearest
        return tf.where(self._is_sky(y), 0, 1 + nearest)

    def _is_sky(self, y: tf.Tensor) -> tf.Tensor:
        return _nearest(y, self.edge.value) == 0


def _far_apart(vectors: np.ndarray) -> np.ndarray:
    """Returns the median of vectors and the mean of those farthest from it, (2, inputs)."""
    median = np.median(vectors, axis=0)
    distance = np.square(vectors - median).sum(axis=1)
    number = max(1, round(_FARTHEST * len(vectors)))
    return np.stack([median, vectors[np.argsort(distance)[-number:]].mean(axis=0)])


def _centres(
    vectors: np.ndarray,
    brightness: np.ndarray,
    number: int,
    seed: int,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the centres of k-means in the order of the mean brightness of their members."""
    starts = {"n_init": _STARTS} if start is None else {"n_init": 1, "init": start}
    kmeans = MiniBatchKMeans(number, batch_size=_BATCH, random_state=seed, **starts)
    members = kmeans.fit(vectors).labels_
    counts = np.bincount(members, minlength=number)
    total = np.bincount(members, brightness, minlength=number)
    # A centre that lost all of its members comes last.
    mean = np.divide(total, counts, out=np.full(number, np.inf), where=counts > 0)
    return kmeans.cluster_centers_[np.argsort(mean, kind="stable")]


def _nearest(y: tf.Tensor, centres: tf.Tensor) -> tf.Tensor:
    # |y|^2 is the same for all centres.
    projection = tf.einsum("...i,ki->...k", tf.cast(y, tf.float32), centres)
    distance = tf.reduce_sum(tf.square(centres), axis=-1) - 2 * projection
    return tf.argmin(distance, axis=-1, output_type=tf.int32)
