"""Training steps of the zoo's models beside the same steps in PyTorch, and matrix products.

    python -m benchmarks.model_steps
    python -m benchmarks.model_steps --models vae_mixture gz_cnn --compiled
    python -m benchmarks.model_steps --alone

Each model has the settings of its default recipe but for the turns of its images, and random
images in memory. PyTorch repeats its objective operation by operation (`benchmarks.translation`):
the same network, preprocessing, likelihood and divergence, differentiated by its own autograd.
From the same weights, batch and random numbers both must give the same loss and gradients; then
both take turns at whole steps with Adam and a limit on the gradient's norm. Where PyTorch has one
operation for several of TensorFlow's it takes its own: products with a bias, silu, order
statistics, batch normalisation, padding. `vae` written for PyTorch by hand is in `training_step`.

With `--alone` each has one thread, whose processor time counts, so that other work matters little.

The rate of the machine is that of the faster of TensorFlow's and NumPy's products of large float32
matrices; operations of a step are those of its own products and convolutions
(`translation.cost.training_flop`).
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks import machine, rounds, table
from benchmarks.translation.graph import Problem
from benchmarks.workers import Worker

__all__ = ["MODELS", "check_equal", "main", "measured_rows", "rows"]

MODELS = (
    "vae",
    "vae_mixture",
    "cvae",
    "vae_wasserstein",
    "ae_vae",
    "invariant_vae",
    "star_galaxy_cnn",
    "blend_cnn",
    "gz_cnn",
    "gz_bayesian_cnn",
    "gz_backbone",
    "finetuned_classifier",
)
"""All whose network is trained; of the others `frozen_features` tells."""

_QUICK = ("vae_mixture", "star_galaxy_cnn", "gz_cnn")
_SETTINGS = (1e-3, 100.0)
_MATRIX = 2048
_PRODUCTS = 4
# Sums in float32 in another order, in networks whose weights are random.
_TOLERANCES = (1e-4, 1e-3)
# Of each timing, s.
_SECONDS = 1.0
_OURS, _THEIRS = "TensorFlow", "PyTorch"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints its table.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = _options(arguments)
    found = []
    for row in measured_rows(options.rounds, options.models, options.compiled, options.alone):
        print(row.what, row.remark, file=sys.stderr, flush=True)
        found.append(row)
    print(machine.describe(("tensorflow", "keras", "torch", "numpy")))
    print(table.as_markdown(found))
    return 0


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields the rows of the one table; see `measured_rows`.

    Args:
        quick: Whether fewer models, and fewer rounds, are measured.
    """
    yield from measured_rows(*((3, _QUICK) if quick else (4, MODELS)))


def measured_rows(
    number: int,
    models: Sequence[str] = MODELS,
    compiled: bool = False,
    alone: bool = False,
) -> Iterator[table.Row]:
    """Yields two rows for each model; one that cannot be compared has one that says why.

    Args:
        number: Rounds that are to count.
        models: Registry keys.
        compiled: Whether PyTorch compiles its steps, which takes a minute or more for each.
        alone: Whether one thread works and its processor time counts, for a machine with other
            work; else all cores, by the clock.
    """
    cores = 1 if alone else machine.cores()
    with (
        Worker("benchmarks.zoo_tensorflow", "ZooSteps", *_SETTINGS, _MATRIX, alone) as ours,
        Worker("benchmarks.zoo_torch", "ZooReplays", *_SETTINGS, compiled, alone) as theirs,
        Worker("benchmarks.matrix_product", "NumpyProduct", _MATRIX, cores, alone) as numpy_product,
    ):
        workers = (ours, theirs, numpy_product)
        for name in models:
            try:
                yield from _of_model(name, workers, number, compiled, alone)
            except Exception as error:  # One model must not cost the table the others.
                reason = str(error).strip().splitlines() or [type(error).__name__]
                yield table.Row(f"training step of {name}", remark=f"FAILED: {reason[-1]}")


def check_equal(name: str, agreement: tuple[float, float]) -> str:
    """Returns in words how far loss and gradients agree.

    Args:
        name: Registry key.
        agreement: What `ZooReplays.prepare` returned.

    Raises:
        RuntimeError: if they do not.
    """
    for what, difference, tolerance in zip(
        ("loss", "gradients"), agreement, _TOLERANCES, strict=True
    ):
        if not difference < tolerance:
            raise RuntimeError(
                f"the {what} of {name} in TensorFlow and PyTorch must agree to {tolerance:g}; "
                f"they differ by {difference:g}"
            )
    return "loss equal to {:.0e}, gradients to {:.0e}".format(*agreement)


def _of_model(
    name: str, workers: Sequence[Worker], number: int, compiled: bool, alone: bool
) -> Iterator[table.Row]:
    ours, theirs, numpy_product = workers
    problem: Problem = ours.call("prepare", name)
    agreement = check_equal(name, theirs.call("prepare", problem))
    timers = {
        _OURS: _timer(ours, problem.batch_size),
        _THEIRS: _timer(theirs, problem.batch_size),
        "tf.matmul": functools.partial(ours.call, "product_rate", _PRODUCTS),
        "numpy.matmul": functools.partial(numpy_product.call, "rate", _PRODUCTS),
    }
    bystanders = machine.Bystanders([os.getpid(), *(worker.pid for worker in workers)])
    others = (lambda: 0.0) if alone else bystanders.share
    measured, quiet = rounds.take_turns(timers, number, others, _SECONDS * 8 * number)
    quiet = "one thread, processor time" if alone else quiet
    size = "x".join(map(str, problem.image_shape))
    what = f"training step of {name}, {size}, batch {problem.batch_size}"
    peer = f"the same in PyTorch, {'compiled' if compiled else 'eager'}"
    yield table.compared(
        what, "images/s", measured, (_OURS, _THEIRS), peer, f"{agreement}; {quiet}"
    )
    fastest = max(("tf.matmul", "numpy.matmul"), key=lambda each: np.median(measured[each]))
    yield table.compared(
        what,
        "GFLOP/s",
        measured,
        (_OURS, fastest),
        f"{fastest} of {_MATRIX}x{_MATRIX}",
        f"{problem.flop / problem.batch_size / 1e9:.3f} GFLOP an image",
        (problem.flop / problem.batch_size / 1e9, 1.0),
    )


def _timer(worker: Worker, batch_size: int) -> functools.partial:
    """Returns a timer of as many steps as take about `_SECONDS`."""
    worker.call("speed", 2)  # Traces.
    steps = worker.call("speed", 1) * _SECONDS / batch_size
    return functools.partial(worker.call, "speed", int(np.clip(steps, 1, 50)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.model_steps", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compiled", action="store_true", help="let PyTorch compile its steps")
    parser.add_argument(
        "--alone",
        action="store_true",
        help="one thread each, by its processor time: for a machine with other work",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
