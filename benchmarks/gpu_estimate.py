"""What training would cost on a GPU, on paper: an estimate, nothing is measured.

    python -m benchmarks.gpu_estimate

Each operation of a step, and each gradient of it, takes

    max(FLOP / (0.3 P), bytes / (0.7 B), 5 us)

with P the makers' rate of dense TF32 products and B their memory bandwidth: small convolutions
reach a third of P at most, streaming about 70 % of B, and an operation that a graph of TensorFlow
starts takes some microseconds however small it is. Operations are counted from the graphs of the
objectives (`translation.cost`), at the batch of the default recipe and at one eight times as large.
The optimiser, the copies to the GPU and fusion by XLA are left out.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from benchmarks import rounds
from benchmarks.model_steps import MODELS
from benchmarks.translation.cost import Cost, costs

__all__ = ["GPUS", "main", "seconds"]

GPUS = {"A100 80 GB": (156e12, 2.0e12), "H100 SXM": (495e12, 3.35e12)}
"""FLOP/s of TF32 products without sparsity, and bytes/s of the memory, from the makers."""

_SHARES = (0.3, 0.7)
_LAUNCH = 5e-6


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the estimates.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(prog="benchmarks.gpu_estimate", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args(arguments)
    header = ["", "batch", "GFLOP an image", "MB an image"]
    header += [f"{gpu}, images/s" for gpu in GPUS]
    print("ESTIMATED, not measured")
    print(rounds.text_table(header, [row for name in options.models for row in _rows(name)]))
    return 0


def seconds(step: Sequence[Cost], gpu: str, larger: int = 1) -> float:
    """Returns the estimated time of a step.

    Args:
        step: What `translation.cost.costs` returned.
        gpu: Key of `GPUS`.
        larger: How many times as large the batch is; weights are taken to grow with it.
    """
    rate, bandwidth = (peak * share for peak, share in zip(GPUS[gpu], _SHARES, strict=True))
    return sum(
        cost.times * max(larger * cost.flop / rate, larger * cost.bytes / bandwidth, _LAUNCH)
        for cost in step
    )


def _rows(name: str) -> list[list[str]]:
    from benchmarks.zoo_tensorflow import a_batch, made, translated

    model, batch_size = made(name)
    step = costs(translated(model, a_batch(model, batch_size, 0)))
    flop = sum(cost.flop * cost.times for cost in step) / batch_size / 1e9
    size = sum(cost.bytes * cost.times for cost in step) / batch_size / 1e6
    return [
        [
            name,
            str(larger * batch_size),
            f"{flop:.3f}",
            f"{size:.1f}",
            *(f"{larger * batch_size / seconds(step, gpu, larger):,.0f}" for gpu in GPUS),
        ]
        for larger in (1, 8)
    ]


if __name__ == "__main__":
    sys.exit(main())
