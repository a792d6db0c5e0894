"""Training steps and answers of the zoo's models with oneDNN's kernels and without them.

    python -m benchmarks.onednn
    ONEDNN_MAX_CPU_ISA=AVX2 python -m benchmarks.onednn --alone --models vae blend_cnn

Two processes take turns, one with `TF_ENABLE_ONEDNN_OPTS=1`, one with 0. On a processor with
AVX-512, `ONEDNN_MAX_CPU_ISA=AVX2` keeps the kernels of both to AVX2: Eigen, too, takes its matrix
products from oneDNN. Models, batches and `--alone` are those of `benchmarks.model_steps`.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections.abc import Iterator, Sequence

import zoo
from benchmarks import command, machine, rounds, table
from benchmarks.workers import Worker
from zoo.cpu import ONEDNN

__all__ = ["main", "rows"]

_QUICK = ("vae_mixture", "gz_bayesian_cnn")
_SETTINGS = (1e-3, 100.0)
# Of each timing, s.
_SECONDS = 0.5
_STATES = {"on": "1", "off": "0"}
_WORK = {"training step": "prepare", "answers": "prepare_answers"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; for the arguments see `command.run`."""
    return command.run(_parser(), _measured, ("tensorflow", "keras"), arguments)


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields two rows for each model, or for two of them."""
    chosen = ["--rounds", "3", "--models", *_QUICK] if quick else []
    yield from _measured(_parser().parse_args(chosen))


def _measured(options: argparse.Namespace) -> Iterator[table.Row]:
    with contextlib.ExitStack() as stack:
        workers = {
            state: stack.enter_context(
                Worker(
                    "benchmarks.zoo_tensorflow",
                    "ZooSteps",
                    *_SETTINGS,
                    options.alone,
                    environment={ONEDNN: value},
                )
            )
            for state, value in _STATES.items()
        }
        for name in options.models:
            for work, prepare in _WORK.items():
                yield _compared(name, work, prepare, workers, options)


def _compared(
    name: str, work: str, prepare: str, workers: dict[str, Worker], options: argparse.Namespace
) -> table.Row:
    problems = [worker.call(prepare, name) for worker in workers.values()]
    for worker in workers.values():
        worker.call("speed", 2)  # Traces.
    batches = max(1, round(_SECONDS * workers["on"].call("speed", 1) / problems[0].batch_size))
    measured, quiet = rounds.take_turns(
        {state: functools.partial(each.call, "speed", batches) for state, each in workers.items()},
        options.rounds,
        None if options.alone else machine.bystanders(*workers.values()),
        60.0,
    )
    return table.compared(
        f"{work} of {name}, batch {problems[0].batch_size}",
        "images/s",
        measured,
        ("on", "off"),
        "without oneDNN",
        quiet,
    )


def _parser() -> argparse.ArgumentParser:
    return command.make_parser("onednn", __doc__, models=zoo.list_models())


if __name__ == "__main__":
    sys.exit(main())
