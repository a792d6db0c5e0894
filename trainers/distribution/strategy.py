"""Distribution strategies: one device, the GPUs of one machine, or several workers."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator

import tensorflow as tf

from trainers.distribution import cluster
from trainers.errors import LostWorkerError, TrainingError, UserError

__all__ = [
    "LOST_WORKER",
    "barrier",
    "chief_first",
    "end",
    "is_chief",
    "make",
    "telling_failures",
    "total",
]

# Errors of the runtime, in any operation, after the loss of another worker.
LOST_WORKER = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
# Time limits for the start of all workers, and for their connection by TensorFlow, s.
_MEETING_SECONDS = 600.0
_CONNECTING_SECONDS = 120.0


def make(name: str = "auto", deterministic: bool = False) -> tf.distribute.Strategy:
    """Returns the strategy; call it before anything else touches a device.

    Args:
        name: `one` (the first GPU, or the CPU); `mirrored` (all GPUs, or all logical CPUs where
            there is none); `multiworker` (the cluster of `TF_CONFIG`, or of the SLURM step);
            `auto`: multiworker where one of the two describes more than one worker, mirrored on
            more than one GPU, else one.
        deterministic: Whether only deterministic kernels are used, by the whole process.

    Raises:
        UserError: if `name` is none of these, or no cluster is described for `multiworker`.
        LostWorkerError: if not all of its workers come.
        TrainingError: if the own port is taken.
    """
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    for gpu in tf.config.list_physical_devices("GPU"):
        # In a notebook the devices may already be in use.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    if name == "auto":
        name = "multiworker" if cluster.workers() > 1 else "auto"
    if name == "multiworker":
        return _multi_worker()
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name in ("one", "auto"):
        return tf.distribute.get_strategy()
    raise UserError(f"`strategy` must be auto, one, mirrored or multiworker; got '{name}'")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether this process writes the run folder."""
    return _worker_count(strategy) == 1 or cluster.is_chief(strategy.cluster_resolver)


def total(strategy: tf.distribute.Strategy, value: float) -> float:
    """Returns the sum over all workers of their values."""
    workers = _worker_count(strategy)
    if workers == 1:
        return float(value)
    summed = float(_sum_over_replicas(strategy)(tf.constant(value, tf.float64)))
    # Every replica of a worker contributes. Sums of whole numbers are exact.
    return summed / (strategy.num_replicas_in_sync // workers)


def barrier(strategy: tf.distribute.Strategy) -> None:
    """Waits for all workers."""
    total(strategy, 1.0)


@contextlib.contextmanager
def chief_first(strategy: tf.distribute.Strategy) -> Iterator[bool]:
    """Runs a block on the chief first, then on the other workers, which use the chief's files.

    Yields:
        Whether this is the chief.
    """
    chief = is_chief(strategy)
    if not chief:
        barrier(strategy)
    yield chief
    if chief:
        barrier(strategy)


def end(strategy: tf.distribute.Strategy) -> None:
    """Waits at the end of a run for all workers, until the chief has evaluated and exported.

    So all of them fail, and are started again, if the chief does.
    """
    barrier(strategy)
    # A second one, since a worker that leaves the first may still be read from; its result does
    # not matter.
    with contextlib.suppress(*LOST_WORKER):
        barrier(strategy)


@contextlib.contextmanager
def telling_failures(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Converts the runtime's errors about memory and lost workers into one-line errors.

    Raises:
        LostWorkerError: if an operation over the workers was aborted.
        TrainingError: if a device ran out of memory.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise TrainingError(
            f"a device ran out of memory; a smaller `batch_size` may help "
            f"({error.message.splitlines()[0]})"
        ) from error
    except LOST_WORKER as error:
        if _worker_count(strategy) == 1:
            raise
        raise _lost(error) from error


@functools.lru_cache(maxsize=1)
def _sum_over_replicas(strategy: tf.distribute.Strategy):
    @tf.function
    def reduced(number):
        numbers = strategy.run(lambda: tf.identity(number))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, numbers, axis=None)

    return reduced


def _worker_count(strategy: tf.distribute.Strategy) -> int:
    resolver = strategy.cluster_resolver
    jobs = resolver.cluster_spec().as_dict() if resolver is not None else {}
    return max(1, sum(len(jobs.get(job, ())) for job in ("chief", "worker")))


def _lost(error: tf.errors.OpError) -> LostWorkerError:
    # The reason follows the stack of the graph, with a prefix for each operation.
    reason = " ".join(error.message.split("Collective ops is aborted by:")[-1].split())
    return LostWorkerError(
        f"another worker has stopped or cannot be reached; start all of them again to go on from "
        f"the last checkpoint ({textwrap.shorten(reason, 200, placeholder=' ...')})"
    )


def _multi_worker() -> tf.distribute.Strategy:
    described = cluster.resolver()
    cluster.meet(described, _MEETING_SECONDS)
    # If a worker dies now, TensorFlow waits forever, with Python's lock. The alarm ends the process
    # with the status of a signal, so that the command may be started again.
    faulthandler.register(signal.SIGALRM, file=sys.__stderr__, chain=True)
    signal.setitimer(signal.ITIMER_REAL, _CONNECTING_SECONDS)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=described)
    except LOST_WORKER as error:
        raise _lost(error) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.unregister(signal.SIGALRM)
        # The runtime has installed a handler that ignores SIGTERM.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
