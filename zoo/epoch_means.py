"""Steps on all replicas that report the means of their terms since the start of the epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

__all__ = ["EpochMeans"]


class EpochMeans:
    """A training or test step in the form in which Keras's `fit` and `evaluate` call it.

    Keras shows what the step last returned; here that is the mean over all examples since the last
    `reset`, each counting alike.

    Args:
        step: Takes a replica's share of a batch; returns scalars by name.
        as_batch: Makes a dictionary of what an iterator yields.
        strategy: Of the model.
        run_eagerly: Whether the step is run without a graph.
        jit_compile: Whether XLA compiles the step.
    """

    def __init__(
        self,
        step: Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]],
        as_batch: Callable[[Any], Mapping[str, tf.Tensor]],
        strategy: tf.distribute.Strategy,
        run_eagerly: bool = False,
        jit_compile: bool = False,
    ):
        self._as_batch = as_batch
        self._names: list[str] = []

        def on_replica(batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
            terms = step(batch)
            self._names = list(terms)
            return tf.stack([tf.cast(value, tf.float32) for value in terms.values()])

        if jit_compile and not run_eagerly:
            on_replica = tf.function(on_replica, jit_compile=True)

        def on_all(batch: Mapping[str, Any], rows: tf.Tensor) -> tf.Tensor:
            terms = strategy.run(on_replica, args=(batch,))
            return rows * strategy.reduce(tf.distribute.ReduceOp.MEAN, terms, axis=None)

        self._on_all, self._run_eagerly = on_all, run_eagerly
        self._graphs: dict[str, Callable[..., tf.Tensor]] = {}
        self._strategy = strategy
        self.reset()

    def reset(self) -> None:
        """Resets the sums."""
        self._sums: tf.Tensor | None = None
        self._rows = 0

    def __call__(self, iterator: Iterator[Any]) -> dict[str, tf.Tensor]:
        """Takes a batch, and returns the means so far; raises StopIteration at the end."""
        batch = self._as_batch(next(iterator))
        local = self._strategy.experimental_local_results(next(iter(batch.values())))
        rows = sum(int(values.shape[0]) for values in local)
        function = self._on_all if self._run_eagerly else self._graph(iterator)
        sums = function(batch, tf.constant(rows, tf.float32))
        self._sums = sums if self._sums is None else self._sums + sums
        self._rows += rows
        return dict(zip(self._names, tf.unstack(self._sums / self._rows), strict=True))

    def _graph(self, iterator: Iterator[Any]) -> Callable[..., tf.Tensor]:
        # With the shapes of the dataset, a last, smaller batch needs no graph of its own.
        spec = getattr(iterator, "element_spec", None)
        key = repr(spec)
        if key not in self._graphs:
            signature = (spec, tf.TensorSpec((), tf.float32)) if isinstance(spec, dict) else None
            self._graphs[key] = tf.function(self._on_all, input_signature=signature)
        return self._graphs[key]
