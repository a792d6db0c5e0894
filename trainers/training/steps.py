"""Steps over the replicas, and the batches that they take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import tensorflow as tf

from trainers.errors import UserError

__all__ = ["ReplicatedStep", "distribute", "training_batch_size", "validation_batch_size"]


class ReplicatedStep:
    """A step on every replica in one graph, and the means of its terms over the replicas.

    Args:
        function: Takes a replica's share of a batch; returns scalars by name, `loss` among them.
        strategy: The strategy.
        jit: Whether XLA compiles the step.
    """

    def __init__(
        self,
        function: Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]],
        strategy: tf.distribute.Strategy,
        jit: bool,
    ):
        # Filled when the step is traced, that is after its first call.
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
        """Returns the terms as one vector in the order of `names`."""
        return self._on_all(batch)


def distribute(
    strategy: tf.distribute.Strategy,
    make_batches: Callable[..., tf.data.Dataset],
    batch_size: int,
):
    """Returns an iterable of global batches, of which replica i has the i-th contiguous share.

    Args:
        strategy: The strategy.
        make_batches: Called with `shard=(worker, workers)`; returns that worker's share of each
            global batch.
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
    """Returns the global batch size: the wanted one, or less where there are fewer examples.

    Raises:
        UserError: if there is nothing to train on, or the replicas cannot share the batch evenly.
    """
    if wanted % replicas:
        raise UserError(f"`batch_size` must be a multiple of the {replicas} replicas; got {wanted}")
    if examples < replicas:
        raise UserError(f"training needs at least {replicas} images; the dataset has {examples}")
    return min(wanted, examples - examples % replicas)


def validation_batch_size(wanted: int, examples: int, replicas: int) -> int:
    """Returns the size, at most `wanted`, whose whole batches leave out the fewest examples.

    It is a multiple of eight where that is possible, so that 1, 2, 4 and 8 replicas see the same
    examples in the same batches.
    """
    quantum = math.lcm(8, replicas)
    if min(wanted, examples) < quantum:
        quantum = replicas
    largest = min(wanted, examples) // quantum * quantum
    sizes = range(largest, max(largest // 2, quantum) - 1, -quantum)
    return max(sizes, key=lambda size: (examples // size * size, size))
