"""Random numbers that depend on the seed, the step and the place in the global batch alone.

A step that is repeated after a restart, or that is spread over more replicas, draws the same
numbers: every replica draws for the whole global batch and keeps its own rows.
"""

import tensorflow as tf

__all__ = [
    "dropout",
    "global_mean",
    "global_rows",
    "normal",
    "replica_count",
    "step_seed",
    "uniform",
]


def replica_count() -> int:
    """Returns the number of replicas among which the global batch is divided."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def global_rows(rows: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas, in the order of the global batch; differentiable."""
    if replica_count() == 1:
        return rows
    return tf.distribute.get_replica_context().all_gather(rows, axis=0)


def global_mean(own: tf.Tensor) -> tf.Tensor:
    """Returns the mean over the replicas of what each has of its equal share of the batch."""
    if replica_count() == 1:
        return own
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, own)


def step_seed(seed: int, step: tf.Tensor, purpose: int = 0) -> tf.Tensor:
    """Returns a stateless seed, int32 of shape (2,), for a use of randomness within a step.

    Args:
        seed: Seed of the model.
        step: Scalar integer, the optimiser's step.
        purpose: Tells apart the uses within one step (latents, augmentation, ...).
    """
    base = tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
    return tf.random.experimental.stateless_fold_in(base, purpose)


def normal(batch: tf.Tensor, shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
    """Returns standard-normal numbers of shape (batch, *shape), float32.

    Args:
        batch: Scalar integer, rows on this replica; the same on every replica.
        shape: Shape of one row.
        seed: Stateless seed, int32 of shape (2,).
    """
    return _own_rows(tf.random.stateless_normal, batch, shape, seed)


def uniform(batch: tf.Tensor, shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
    """Returns numbers uniform on [0, 1) of shape (batch, *shape), float32; see `normal`."""
    return _own_rows(tf.random.stateless_uniform, batch, shape, seed)


def dropout(x: tf.Tensor, rate: float, seed: tf.Tensor | None) -> tf.Tensor:
    """Returns x with a share of its numbers set to zero, and the others larger to make up for it.

    Args:
        x: (batch, ...); all but the batch is known in the graph.
        rate: Share, in [0, 1).
        seed: Stateless seed, int32 of shape (2,); None to leave x as it is.
    """
    if seed is None or not rate:
        return x
    draws = uniform(tf.shape(x)[0], tuple(x.shape[1:]), seed)
    return tf.where(draws < rate, tf.zeros_like(x), x / (1 - rate))


def _own_rows(draw, batch: tf.Tensor, shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
    replicas = replica_count()
    if replicas == 1:
        return draw([batch, *shape], seed)
    rows = draw([replicas * batch, *shape], seed)
    first = tf.distribute.get_replica_context().replica_id_in_sync_group * batch
    return rows[first : first + batch]
