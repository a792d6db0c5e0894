"""Conditions of a measurement: the machine, its instruction set, and the rate of its arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import machine
from benchmarks.workers import Worker

__all__ = ["describe", "product_rate"]

_SIZE = 2048
_TIMES = 5


def product_rate() -> float:
    """Returns GFLOP/s of NumPy's product of large float32 matrices on all cores, the best of a few.

    It says how fast the machine is, and how much of it others leave, when it is called.
    """
    with Worker("benchmarks.matrix_product", "NumpyProduct", _SIZE, machine.cores()) as product:
        product.call("rate", 1)
        return max(product.call("rate", 2) for _ in range(_TIMES))


def describe(packages: Sequence[str]) -> str:
    """Returns one line for the head of a table: `machine.describe` and the rate now.

    Args:
        packages: Names of distributions, some of which may be missing.
    """
    return f"{machine.describe(packages)}; matrix product {product_rate():,.0f} GFLOP/s"
