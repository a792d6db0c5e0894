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

# What the runtime raises, in whatever operation is under way, when another worker is gone.
LOST_WORKER = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
# How long the other workers are waited for at the start, and TensorFlow to connect them then, s.
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
        # In a notebook the devices may be in use already; then they stay as they are.
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
    """Returns the sum over the workers of a number that each of them gives."""
    workers = _worker_count(strategy)
    if workers == 1:
        return float(value)
    summed = float(_sum_over_replicas(strategy)(tf.constant(value, tf.float64)))
    # Each of a worker's replicas gave the number. The sum of whole numbers stays exact.
    return summed / (strategy.num_replicas_in_sync // workers)


def barrier(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has come here."""
    total(strategy, 1.0)


@contextlib.contextmanager
def chief_first(strategy: tf.distribute.Strategy) -> Iterator[bool]:
    """Runs a block on the chief, and then on the other workers: they find what it has made.

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
    """Returns when every worker has done its part of the run; the last that a process calls.

    A worker with nothing left to do stays until the chief has evaluated and exported, so that all
    of them fail, and are started again, if the chief does.
    """
    barrier(strategy)
    # Whoever comes here has seen that all were there. Nobody leaves before, because another may
    # still be reading from it; then it does not matter who is first.
    with contextlib.suppress(*LOST_WORKER):
        barrier(strategy)


@contextlib.contextmanager
def telling_failures(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Turns the runtime's errors about full devices and lost workers into one line.

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
    # After the stack of the graph, and with its own prefix once for each operation on the way.
    reason = " ".join(error.message.split("Collective ops is aborted by:")[-1].split())
    return LostWorkerError(
        f"another worker has stopped or cannot be reached; start all of them again to go on from "
        f"the last checkpoint ({textwrap.shorten(reason, 200, placeholder=' ...')})"
    )


def _multi_worker() -> tf.distribute.Strategy:
    described = cluster.resolver()
    cluster.meet(described, _MEETING_SECONDS)
    # A worker that dies just now would be waited for without an end, by code that holds Python.
    # An alarm ends that, with the status of a signal: the command may be started again.
    faulthandler.register(signal.SIGALRM, file=sys.__stderr__, chain=True)
    signal.setitimer(signal.ITIMER_REAL, _CONNECTING_SECONDS)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=described)
    except LOST_WORKER as error:
        raise _lost(error) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.unregister(signal.SIGALRM)
        # The runtime notes a SIGTERM and does nothing about it.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
