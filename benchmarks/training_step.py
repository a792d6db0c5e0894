"""Training steps of the zoo beside the same networks, written for PyTorch by hand.

    python -m benchmarks.training_step
    python -m benchmarks.training_step --models vae --variants eager compiled
    python -m benchmarks.training_step --alone

Each framework has a process of its own and all cores, and they take turns. That the two networks
are the same is checked first: from the same weights, batches and random numbers both must give the
same losses and gradient norms over a few steps of Adam. Then both do whole steps: forward,
backward, limit on the norm of the gradient, Adam.

With `--alone` each has one thread, whose processor time counts, so that other work matters little.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks import command, machine, rounds, table
from benchmarks.workers import Worker

__all__ = ["MODELS", "main", "rows"]

MODELS = {"vae": 1e-4, "gz_bayesian_cnn": 1e-6}
"""Models of which there is a network written for PyTorch, with the learning rate of the check.

Adam makes steps of the same size of all gradients, and signs of those near zero depend on
rounding: in larger steps that difference would soon grow.
"""

_SETTINGS = (1e-3, 100.0)
# Of the check: a norm that clips.
_CHECKED_NORM = 1.0
# Sums in float32 in another order.
_TOLERANCE = 1e-4
_VARIANTS = ("eager", "eager channels last", "compiled", "compiled channels last")
_OURS = "TensorFlow"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; for the arguments see `command.run`."""
    return command.run(_parser(), _measured, ("tensorflow", "keras", "torch"), arguments)


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields a row for each model, without the variants that PyTorch compiles."""
    yield from _measured(_parser().parse_args(["--rounds", "3" if quick else "8"]))


def _measured(options: argparse.Namespace) -> Iterator[table.Row]:
    settings = (*_SETTINGS, options.alone)
    with (
        Worker("benchmarks.zoo_tensorflow", "ZooSteps", *settings) as ours,
        Worker("benchmarks.zoo_torch", "TorchSteps", *settings) as theirs,
    ):
        for name in options.models:
            yield _of_model(name, ours, theirs, options)


def _of_model(name: str, ours: Worker, theirs: Worker, options: argparse.Namespace) -> table.Row:
    reference = ours.call("reference", name, MODELS[name], _CHECKED_NORM)
    agreement = check_equal(name, reference, theirs, options.variants)
    problem = ours.call("prepare", name)
    theirs.call("prepare", name, options.variants, reference.batches)
    timers = {_OURS: functools.partial(ours.call, "speed")}
    timers |= {each: functools.partial(theirs.call, "speed", each) for each in options.variants}
    for timer in timers.values():
        timer(3)  # Traces and compiles.
    measured, quiet = rounds.take_turns(
        {each: functools.partial(timer, options.steps) for each, timer in timers.items()},
        options.rounds,
        None if options.alone else machine.bystanders(ours, theirs),
    )
    fastest = rounds.fastest(measured, options.variants)
    size = "x".join(map(str, problem.image_shape))
    return table.compared(
        f"training step of {name}, {size}, batch {problem.batch_size}",
        "images/s",
        measured,
        (_OURS, fastest),
        f"PyTorch by hand, {fastest}",
        f"{agreement}; {quiet}",
    )


def check_equal(name: str, reference, theirs: Worker, variants: Sequence[str]) -> str:
    """Returns a line that says how far the two networks agree.

    Args:
        name: Registry key.
        reference: Steps of the zoo's model, a `zoo_tensorflow.Reference`.
        theirs: The process that has PyTorch.
        variants: Of PyTorch.

    Raises:
        RuntimeError: if they have unequal numbers of parameters, losses or gradient norms.
    """
    number = sum(weight.size for weight in reference.weights)
    largest = 0.0
    for variant in variants:
        parameters, losses, norms = theirs.call(
            "follow",
            name,
            variant,
            MODELS[name],
            _CHECKED_NORM,
            reference.weights,
            reference.statistics,
            reference.batches,
            reference.draws,
        )
        if parameters != number:
            raise RuntimeError(f"the networks of {name} have {number} and {parameters} parameters")
        for what, own, other in (
            ("losses", reference.losses, losses),
            ("gradient norms", reference.gradient_norms, norms),
        ):
            difference = float(np.max(np.abs(own / other - 1)))
            largest = max(largest, difference)
            if not difference < _TOLERANCE:
                raise RuntimeError(
                    f"the {what} of {name} in TensorFlow and PyTorch ({variant}) must agree to "
                    f"{_TOLERANCE:g}; got {own} and {other}"
                )
    return f"{number:,} parameters, losses and gradient norms equal to {largest:.0e}"


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("training_step", __doc__, rounds=12, models=list(MODELS))
    parser.add_argument("--steps", type=int, default=10, help="steps of each round")
    parser.add_argument("--variants", nargs="+", choices=_VARIANTS, default=list(_VARIANTS[:2]))
    return parser


if __name__ == "__main__":
    sys.exit(main())
