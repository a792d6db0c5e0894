"""Training steps of the zoo's models as a share of the rate of large matrix products.

    python -m benchmarks.model_steps
    python -m benchmarks.model_steps --models vae_mixture gz_cnn
    python -m benchmarks.model_steps --alone

Each model has the defaults of its constructor, the batch size of its default recipe, and random
images in memory that are not turned. The operations of a step are those of its products and
convolutions (`benchmarks.flop`): preprocessing, likelihood and optimiser take time and count for
nothing. The rate of the machine is that of the faster of TensorFlow's and NumPy's products of large
float32 matrices. The networks written for PyTorch are in `training_step`.

With `--alone` each has one thread, whose processor time counts, so that other work matters little.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np

import zoo
from benchmarks import machine, rounds, step_command, table
from benchmarks.workers import Worker

__all__ = ["main", "measured_rows", "rows"]

_QUICK = ("vae_mixture", "star_galaxy_cnn", "gz_cnn")
_SETTINGS = (1e-3, 100.0)
_MATRIX = 2048
_PRODUCTS = 4
# Of each timing, s.
_SECONDS = 1.0
_STEP = "step"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints its table.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    machine.set_up_tensorflow()
    options = _options(arguments)
    measured = measured_rows(options.rounds, options.models, options.jit, options.alone)
    step_command.show(measured, ("tensorflow", "keras", "numpy"))
    return 0


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields the rows of the one table; see `measured_rows`.

    Args:
        quick: Whether fewer models, and fewer rounds, are measured.
    """
    yield from measured_rows(*((3, _QUICK) if quick else (4, zoo.list_models())))


def measured_rows(
    number: int, models: Sequence[str], jit: bool = False, alone: bool = False
) -> Iterator[table.Row]:
    """Yields a row for each model; one that fails has one that says why.

    Args:
        number: Rounds that are to count.
        models: Registry keys.
        jit: Whether XLA compiles the steps.
        alone: Whether one thread works and its processor time counts, for a machine with other
            work; else all cores, by the clock.
    """
    cores = 1 if alone else machine.cores()
    product = (_MATRIX, cores, alone)
    with (
        Worker("benchmarks.zoo_tensorflow", "ZooSteps", *_SETTINGS, alone) as step,
        Worker("benchmarks.matrix_product", "TensorFlowProduct", *product) as tensorflow_product,
        Worker("benchmarks.matrix_product", "NumpyProduct", *product) as numpy_product,
    ):
        products = {"tf.matmul": tensorflow_product, "numpy.matmul": numpy_product}
        for name in models:
            try:
                yield _of_model(name, step, products, number, jit, alone)
            except Exception as error:  # One model must not cost the table the others.
                reason = str(error).strip().splitlines() or [type(error).__name__]
                yield table.Row(f"training step of {name}", remark=f"FAILED: {reason[-1]}")


def _of_model(
    name: str, step: Worker, products: dict[str, Worker], number: int, jit: bool, alone: bool
) -> table.Row:
    problem = step.call("prepare", name, jit)
    timers = {_STEP: _timer(step, problem.batch_size)}
    timers |= {
        each: functools.partial(worker.call, "rate", _PRODUCTS) for each, worker in products.items()
    }
    processes = [os.getpid(), step.pid, *(worker.pid for worker in products.values())]
    others = (lambda: 0.0) if alone else machine.Bystanders(processes).share
    measured, quiet = rounds.take_turns(timers, number, others, _SECONDS * 8 * number)
    quiet = "one thread, processor time" if alone else quiet
    fastest = max(products, key=lambda each: np.median(measured[each]))
    size = "x".join(map(str, problem.image_shape))
    each = problem.flop / problem.batch_size / 1e9
    return table.compared(
        f"training step of {name}, {size}, batch {problem.batch_size}",
        "GFLOP/s",
        measured,
        (_STEP, fastest),
        f"{fastest} of {_MATRIX}x{_MATRIX}",
        f"{np.median(measured[_STEP]):,.0f} images/s of {each:.3f} GFLOP; {quiet}",
        (each, 1.0),
    )


def _timer(worker: Worker, batch_size: int) -> functools.partial:
    """Returns the timing of so many steps as take about a second, after two that do not count."""
    worker.call("speed", 2)
    steps = max(1, round(_SECONDS * worker.call("speed", 1) / batch_size))
    return functools.partial(worker.call, "speed", steps)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = step_command.make_parser("benchmarks.model_steps", __doc__, zoo.list_models())
    parser.add_argument("--jit", action="store_true", help="let XLA compile the steps")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
