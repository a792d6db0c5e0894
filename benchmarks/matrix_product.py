"""Large products of float32 matrices: the rate that a machine's arithmetic can sustain."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import numpy as np
import threadpoolctl

from benchmarks import machine
from benchmarks.workers import Worker

__all__ = ["NumpyProduct", "TensorFlowProduct", "workers"]


@contextlib.contextmanager
def workers(size: int, cores: int, alone: bool = False) -> Iterator[dict[str, Worker]]:
    """Provides the two products in processes of their own, by the names of the functions.

    Args:
        size, cores, alone: As of `NumpyProduct`.
    """
    with (
        Worker(__name__, "TensorFlowProduct", size, cores, alone) as tensorflow_product,
        Worker(__name__, "NumpyProduct", size, cores, alone) as numpy_product,
    ):
        yield {"tf.matmul": tensorflow_product, "numpy.matmul": numpy_product}


class NumpyProduct:
    """The product by NumPy's BLAS.

    Args:
        size: Rows and columns.
        cores: Cores that it may use.
        alone: Whether its processor time counts, not the clock's.
    """

    def __init__(self, size: int, cores: int, alone: bool = False):
        self._time = time.process_time if alone else time.perf_counter
        machine.keep_to_cores(cores)
        threadpoolctl.threadpool_limits(cores)
        self._first, self._second = _factors(size)
        self._result = np.empty_like(self._first)

    def rate(self, number: int) -> float:
        """Returns GFLOP/s of so many products."""
        begun = self._time()
        for _ in range(number):
            np.matmul(self._first, self._second, out=self._result)
        seconds = self._time() - begun
        return number * _operations(len(self._first)) / seconds / 1e9


class TensorFlowProduct:
    """The product by TensorFlow; arguments as of `NumpyProduct`."""

    def __init__(self, size: int, cores: int, alone: bool = False):
        machine.keep_to_cores(cores)
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(cores)
        self._time = time.process_time if alone else time.perf_counter
        first, second = map(tf.constant, _factors(size))
        self._product = tf.function(lambda: tf.matmul(first, second))
        self._operations = _operations(size)

    def rate(self, number: int) -> float:
        """Returns GFLOP/s of so many products."""
        begun = self._time()
        for _ in range(number):
            product = self._product()
        product[0, 0].numpy()
        return number * self._operations / (self._time() - begun) / 1e9


def _factors(size: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return tuple(random.standard_normal((2, size, size), np.float32))


def _operations(size: int) -> int:
    return 2 * size**3
