"""Clusters of code maps: Ward's tree, without splits that are of orientation alone."""

from __future__ import annotations

import heapq
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.cluster.hierarchy import ClusterNode, to_tree, ward
from scipy.spatial.distance import pdist
from sklearn.metrics import cohen_kappa_score

from zoo.layer import Float32Layer

__all__ = ["CodeClusters", "one_hot", "structural_clusters"]

# Offset of a cluster that does not exist, more than any distance.
_ABSENT = 1e9


@keras.saving.register_keras_serializable(package="zoo")
class CodeClusters(Float32Layer):
    """The cluster whose members' codes are nearest, and the side of the first split it is on.

        cluster(o) = argmin_k |o - c_k|^2,    o one-hot codes, c_k their mean over the members

    which is the mean number of codes in which an object and a member differ, less half of that
    between two members.

    Args:
        positions: Codes of an object.
        codes: Number of codes there are.
        most: Most clusters, at least 2. Default 48.
        smallest: Share of the objects in the smallest cluster, in (0, 0.5]. Default 0.01.
        agreement: Least agreement of a split with that of turned images, from 0 for none beyond
            chance to 1, see `structural_clusters`. Default 0.3.

    Call arguments:
        codes: (batch, positions) int32.

    Returns:
        Cluster and group, (batch,) int32 each; both 0 before `adapt`. Clusters are numbered in the
        order of the leaves of the tree, so that like ones are neighbours.

    Raises:
        ValueError: if an argument is outside what is listed here.
    """

    def __init__(
        self,
        positions: int,
        codes: int,
        most: int = 48,
        smallest: float = 0.01,
        agreement: float = 0.3,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if most < 2:
            raise ValueError(f"most must be at least 2; got {most}")
        if not 0 < smallest <= 0.5:
            raise ValueError(f"smallest must be in (0, 0.5]; got {smallest}")
        if not 0 <= agreement <= 1:
            raise ValueError(f"agreement must be in [0, 1]; got {agreement}")
        self.positions, self.codes, self.most = positions, codes, most
        self.smallest, self.agreement = smallest, agreement
        self.centres = self.add_statistic("centres", (most, positions * codes))
        self.offsets = self.add_statistic("offsets", (most,))
        self.groups = self.add_statistic("groups", (most,))
        self.number = self.add_statistic("number")
        self.built = True

    def adapt(self, codes: np.ndarray, turned: np.ndarray) -> None:
        """Finds the clusters, without labels; see `structural_clusters`.

        Args:
            codes: (number, positions) integers.
            turned: (angles, number, positions), codes of the same images, turned.
        """
        clusters, groups = structural_clusters(
            codes,
            turned,
            self.codes,
            most=self.most,
            smallest=self.smallest,
            agreement=self.agreement,
        )
        flat = one_hot(codes, self.codes)
        number = clusters.max() + 1
        centres = np.zeros(self.centres.shape, np.float32)
        side = np.zeros(self.most)
        for cluster in range(number):
            centres[cluster] = flat[clusters == cluster].mean(axis=0)
            side[cluster] = groups[clusters == cluster][0]
        offsets = np.square(centres).sum(axis=1)
        offsets[number:] = _ABSENT
        self.centres.assign(centres)
        self.offsets.assign(offsets)
        self.groups.assign(side)
        self.number.assign(number)

    def call(self, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        flat = tf.reshape(tf.one_hot(codes, self.codes), (-1, self.positions * self.codes))
        # |o|^2 is the same for all clusters.
        distance = self.offsets - 2 * tf.matmul(flat, self.centres, transpose_b=True)
        cluster = tf.argmin(distance, axis=-1, output_type=tf.int32)
        group = tf.gather(tf.convert_to_tensor(self.groups.value), cluster)
        return cluster, tf.cast(group, tf.int32)


def structural_clusters(
    codes: np.ndarray,
    turned: np.ndarray,
    number: int,
    most: int = 48,
    smallest: float = 0.01,
    agreement: float = 0.3,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns cluster and side of the first split of each object, (number,) integers from 0.

    Ward's tree on Hamming distances is divided from the top, the split of the largest distance
    first, each branch at a threshold of its own. Splits are then undone from the bottom, as long
    as two clusters differ by orientation alone. A split is one of structure if the side of an image
    is the side of the image when turned, and one of orientation if the two have nothing to do with
    each other: Cohen's kappa between them, over all members and angles, is 1 and 0. The side of
    codes is that with the nearer mean of one-hot codes. The first split is never undone.

    Args:
        codes: (number, positions) integers.
        turned: (angles, number, positions), codes of the same images, turned.
        number: Number of codes there are.
        most: Most clusters.
        smallest: Share of the objects in the smallest cluster.
        agreement: Kappa below which a split is undone.

    Raises:
        ValueError: if there are fewer than two objects.

    References:
        Cheng et al. 2021 (arXiv 2009.11932), section 3.3, where clusters that differ by orientation
        alone are seen by eye; Cohen 1960 (Educ. Psychol. Meas. 20, 37).
    """
    if len(codes) < 2:
        raise ValueError(f"codes must be of at least 2 objects; got {len(codes)}")
    flat, flat_turned = one_hot(codes, number), one_hot(turned, number)
    root = to_tree(ward(pdist(codes, "hamming")))
    divided = _divided(root, most, max(1, round(smallest * len(codes))))

    def leaves(node: ClusterNode) -> list[ClusterNode]:
        if node.id not in divided:
            return [node]
        left, right = leaves(node.left), leaves(node.right)
        pair = len(left) == len(right) == 1 and node is not root
        if pair and _kappa(node, flat, flat_turned) < agreement:
            return [node]
        return left + right

    clusters, groups = np.zeros(len(codes), int), np.zeros(len(codes), int)
    for cluster, node in enumerate(leaves(root)):
        clusters[node.pre_order()] = cluster
    groups[root.right.pre_order()] = 1
    return clusters, groups


def _divided(root: ClusterNode, most: int, fewest: int) -> set[int]:
    """Returns the numbers of the nodes that are divided so that there are `most` clusters."""
    divided, candidates = {root.id}, []
    for child in (root.left, root.right):
        heapq.heappush(candidates, (-child.dist, child.id, child))
    while candidates and len(divided) + 1 < most:
        _, _, node = heapq.heappop(candidates)
        if node.is_leaf() or min(node.left.count, node.right.count) < fewest:
            continue
        divided.add(node.id)
        for child in (node.left, node.right):
            heapq.heappush(candidates, (-child.dist, child.id, child))
    return divided


def one_hot(codes: np.ndarray, number: int) -> np.ndarray:
    """Returns (..., positions x number) float32 of codes (..., positions)."""
    return np.eye(number, dtype=np.float32)[codes].reshape(*codes.shape[:-1], -1)


def _kappa(node: ClusterNode, flat: np.ndarray, turned: np.ndarray) -> float:
    first, second = (flat[child.pre_order()].mean(axis=0) for child in (node.left, node.right))
    members = node.pre_order()

    def side(values: np.ndarray) -> np.ndarray:
        return values @ (second - first) > (second @ second - first @ first) / 2

    upright = side(flat[members])
    if upright.all() or not upright.any():
        return 0.0
    return cohen_kappa_score(np.tile(upright, len(turned)), side(turned[:, members]).reshape(-1))
