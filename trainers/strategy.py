"""Where a run computes: one device, the GPUs of one machine, or several workers."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterator

import tensorflow as tf

from trainers.errors import TrainingError, UserError

__all__ = ["barrier", "is_chief", "make", "telling_failures", "total"]


def make(name: str = "auto") -> tf.distribute.Strategy:
    """Returns the strategy; call it before anything else touches a device.

    Args:
        name: `one` (the first GPU, or the CPU); `mirrored` (all GPUs, or all logical CPUs where
            there is none); `multiworker` (the cluster of `TF_CONFIG`, or of the SLURM step);
            `auto`: multiworker where one of the two describes more than one worker, mirrored on
            more than one GPU, else one.

    Raises:
        UserError: if `name` is none of these, or no cluster is described for `multiworker`.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    if name == "auto":
        name = "multiworker" if _workers() > 1 else "auto"
    if name == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=_resolver())
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name in ("one", "auto"):
        return tf.distribute.get_strategy()
    raise UserError(f"--strategy must be auto, one, mirrored or multiworker; got '{name}'")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether this process writes the run folder."""
    if _worker_count(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    kind, index = resolver.task_type, resolver.task_id
    if "chief" in resolver.cluster_spec().jobs:
        return kind == "chief"
    return index == 0


def total(strategy: tf.distribute.Strategy, value: float) -> float:
    """Returns the sum over the workers of a number that each of them gives.

    Args:
        strategy: The strategy.
        value: This worker's number.
    """
    workers = _worker_count(strategy)
    if workers == 1:
        return float(value)
    share = value * workers / strategy.num_replicas_in_sync
    return float(_sum_over_replicas(strategy)(tf.constant(share, tf.float64)))


def barrier(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has come here."""
    total(strategy, 1.0)


@contextlib.contextmanager
def telling_failures(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Turns the runtime's errors about full devices and lost workers into one line.

    Raises:
        TrainingError: if a device ran out of memory, or an operation over the workers was aborted.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise TrainingError(
            f"a device ran out of memory; a smaller --batch_size may help "
            f"({error.message.splitlines()[0]})"
        ) from error
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        if _worker_count(strategy) == 1:
            raise
        raise TrainingError(
            f"another worker has stopped or cannot be reached; start all of them again to go on "
            f"from the last checkpoint ({error.message.splitlines()[0]})"
        ) from error


@functools.lru_cache(maxsize=1)
def _sum_over_replicas(strategy: tf.distribute.Strategy):
    @tf.function
    def reduced(number):
        given = strategy.run(lambda: tf.identity(number))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, given, axis=None)

    return reduced


def _worker_count(strategy: tf.distribute.Strategy) -> int:
    resolver = strategy.cluster_resolver
    jobs = resolver.cluster_spec().as_dict() if resolver is not None else {}
    return max(1, sum(len(jobs.get(job, ())) for job in ("chief", "worker")))


def _workers() -> int:
    if "TF_CONFIG" in os.environ:
        cluster = _tf_config().get("cluster", {})
        return sum(len(cluster.get(job, [])) for job in ("chief", "worker"))
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))


def _tf_config() -> dict:
    try:
        return dict(json.loads(os.environ["TF_CONFIG"]))
    except (ValueError, TypeError) as error:
        raise UserError(f"the environment variable TF_CONFIG must be JSON: {error}") from None


def _resolver() -> tf.distribute.cluster_resolver.ClusterResolver:
    if "TF_CONFIG" in os.environ:
        _tf_config()
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if "SLURM_STEP_NUM_TASKS" in os.environ:
        return tf.distribute.cluster_resolver.SlurmClusterResolver()
    raise UserError(
        "--strategy multiworker needs the cluster in the environment variable TF_CONFIG, or to "
        "be started with srun under SLURM"
    )
