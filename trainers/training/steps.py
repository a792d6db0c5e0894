"""Training steps and batches over replicas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import tensorflow as tf

from trainers.errors import UserError

__all__ = ["ReplicatedStep", "distribute", "training_batch_size", "validation_batch_size"]


class ReplicatedStep:
    """A step on every replica in one graph, with the means of its terms over the replicas.

    Args:
        function: Maps a replica's share of a batch to scalars by name, with `loss`.
        strategy: The strategy.
        jit: Whether XLA compiles the step.
    """

    def __init__(
        self,
        function: Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]],
        strategy: tf.distribute.Strategy,
        jit: bool,
    ):
        # Set when the step is traced, in its first call.
        self.names: list[str] = []

        def on_replica(batch):
            terms = function(batch)
            self.names = sorted(terms, key=lambda name: (name != "loss", name))
            return tf.stack([tf.cast(terms[name], tf.float32) for name in self.names])

        if jit:
            on_replica = tf.function(on_replica, jit_compile=True)

        @tf.function
        def on_all(batch):
            terms = strategy.run(on_replica, args=(batch,))
            return strategy.reduce(tf.distribute.ReduceOp.MEAN, terms, axis=None)

        self._on_all = on_all

    def __call__(self, batch) -> tf.Tensor:
        """Returns the terms as a vector in the order of `names`."""
        return self._on_all(batch)


def distribute(
    strategy: tf.distribute.Strategy,
    make_batches: Callable[..., tf.data.Dataset],
    batch_size: int,
):
    """Returns an iterable of global batches; replica i has the i-th contiguous share.

    Args:
        strategy: The strategy.
        make_batches: Returns a worker's share of each batch for `shard=(worker, workers)`.
        batch_size: Images in a global batch.
    """
    replicas = strategy.num_replicas_in_sync

    def on_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        batches = make_batches(shard=(context.input_pipeline_id, workers))
        if replicas > workers:
            batches = batches.rebatch(batch_size // replicas, drop_remainder=True)
        return batches.prefetch(2 * replicas // workers)

    return strategy.distribute_datasets_from_function(on_worker)


def training_batch_size(wanted: int, examples: int, replicas: int) -> int:
    """Returns the global batch size: `wanted`, or less with fewer examples.

    Raises:
        UserError: if there are too few examples, or the replicas cannot share the batch evenly.
    """
    if wanted % replicas:
        raise UserError(f"`batch_size` must be a multiple of the {replicas} replicas; got {wanted}")
    if examples < replicas:
        raise UserError(f"training needs at least {replicas} images; the dataset has {examples}")
    return min(wanted, examples - examples % replicas)


def validation_batch_size(wanted: int, examples: int, replicas: int) -> int:
    """Returns the size, at most `wanted`, whose complete batches omit the fewest examples.

    If possible it is a multiple of eight, so that 1, 2, 4 and 8 replicas see the same batches.
    """
    quantum = math.lcm(8, replicas)
    if min(wanted, examples) < quantum:
        quantum = replicas
    largest = min(wanted, examples) // quantum * quantum
    sizes = range(largest, max(largest // 2, quantum) - 1, -quantum)
    return max(sizes, key=lambda size: (examples // size * size, size))
