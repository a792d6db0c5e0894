"""Training throughput of `vae` (64x64x5, defaults) beside the same network in PyTorch.

    python -m benchmarks.training_step

Both frameworks have a process each and all cores, and take turns. That the two networks are the
same is checked first: from the same weights, batches and latent noise both must give the same
losses and gradient norms over a few steps of Adam.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks import machine, rounds, table
from benchmarks.workers import Worker

__all__ = ["main", "rows"]

_IMAGES = 2048
_LEARNING_RATE = 1e-3
_CLIP_NORM = 100.0
_CHECKED_STEPS = 4
# Small steps, as the difference by rounding would soon grow in large ones; and a norm that clips.
_CHECKED_SETTINGS = (1e-4, 1.0)
# Sums in float32 in another order.
_TOLERANCE = 1e-4
_VARIANTS = ("eager", "eager channels last", "compiled", "compiled channels last")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints its table.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = _options(arguments)
    measured, rounds_line, agreement, threads = _measure(options)
    print(f"training_step: vae, 64x64x5, batch {options.batch_size}")
    print(machine.describe(("tensorflow", "keras", "torch")))
    print(
        f"threads: TensorFlow {threads[0]}, PyTorch {threads[1]}; "
        f"rounds of {options.steps} steps; {rounds_line}"
    )
    print(agreement)
    print(report(measured))
    return 0


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields the row of the one table, without the variants that PyTorch compiles.

    Args:
        quick: Whether fewer rounds are measured.
    """
    variants = [name for name in _VARIANTS if name.startswith("eager")]
    number = "3" if quick else "8"
    given = ["--ours", "graph", "--rounds", number, "--variants", *variants]
    measured, rounds_line, agreement, _ = _measure(_options(given))
    fastest = _fastest(measured)
    yield table.compared(
        "training step of vae, 64x64x5, batch 64",
        "images/s",
        measured,
        ("TensorFlow, graph", fastest),
        f"{fastest}, written by hand",
        f"{agreement.partition(' (')[0]}; {rounds_line}",
    )


def _measure(
    options: argparse.Namespace,
) -> tuple[dict[str, np.ndarray], str, str, list[int]]:
    """Returns images/s by name, lines on the rounds and on the agreement, and the threads."""
    settings = (_IMAGES, options.batch_size, _LEARNING_RATE, _CLIP_NORM)
    with (
        Worker("benchmarks.vae_tensorflow", "TensorFlowSteps", *settings) as ours,
        Worker("benchmarks.vae_torch", "TorchSteps", *settings, options.variants) as theirs,
    ):
        threads = [worker.call("threads") for worker in (ours, theirs)]
        agreement = check_equal(ours, theirs, options.variants)
        timers = {
            f"{label}, {name}": functools.partial(worker.call, "speed", name)
            for label, worker, names in (
                ("TensorFlow", ours, options.ours),
                ("PyTorch", theirs, options.variants),
            )
            for name in names
        }
        for timer in timers.values():
            timer(3)  # Traces and compiles.
        measured, rounds_line = rounds.take_turns(
            {name: functools.partial(timer, options.steps) for name, timer in timers.items()},
            options.rounds,
            machine.Bystanders([os.getpid(), ours.pid, theirs.pid]).share,
        )
    return measured, rounds_line, agreement, threads


def check_equal(ours: Worker, theirs: Worker, variants: Sequence[str]) -> str:
    """Returns a line that says how far the two networks agree.

    Raises:
        RuntimeError: if they have unequal numbers of parameters, losses or gradient norms.
    """
    counts = [worker.call("parameters") for worker in (ours, theirs)]
    if counts[0] != counts[1]:
        raise RuntimeError(f"the networks have {counts[0]} and {counts[1]} parameters")
    reference = ours.call("reference", _CHECKED_STEPS, *_CHECKED_SETTINGS)
    largest = 0.0
    for name in variants:
        losses, norms = theirs.call(
            "follow",
            name,
            reference.learning_rate,
            reference.clip_norm,
            reference.weights,
            reference.images,
            reference.noise,
        )
        for what, own, other in (
            ("losses", reference.losses, losses),
            ("gradient norms", reference.gradient_norms, norms),
        ):
            difference = float(np.max(np.abs(own / other - 1)))
            largest = max(largest, difference)
            if not difference < _TOLERANCE:
                raise RuntimeError(
                    f"the {what} of TensorFlow and PyTorch ({name}) must agree to "
                    f"{_TOLERANCE:g}; got {own} and {other}"
                )
    return (
        f"{counts[0]} parameters in both; losses and gradient norms of {_CHECKED_STEPS} steps "
        f"agree to {largest:.1e} (losses {', '.join(f'{loss:.4f}' for loss in reference.losses)})"
    )


def report(measured: dict[str, np.ndarray]) -> str:
    """Returns the table: speeds, and each of TensorFlow's over PyTorch's fastest variant.

    Args:
        measured: Images/s of each round by name.
    """
    fastest = _fastest(measured)
    header = ["", *(f"images/s {s}" for s in ("min", "median", "max"))]
    header += [f"ratio {s}" for s in ("min", "median", "max")]
    rows = []
    for name, speeds in measured.items():
        ratios = rounds.ratios(measured, name, fastest)
        rows.append([name, *rounds.spread(speeds, 0), *rounds.spread(ratios, 2)])
    return f"ratio: to {fastest}\n{rounds.text_table(header, rows)}"


def _fastest(measured: dict[str, np.ndarray]) -> str:
    peers = [name for name in measured if name.startswith("PyTorch")]
    return max(peers, key=lambda name: np.median(measured[name]))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.training_step", description=__doc__)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=10, help="steps of each round")
    parser.add_argument("--variants", nargs="+", choices=_VARIANTS, default=list(_VARIANTS))
    parser.add_argument("--ours", nargs="+", choices=("graph", "XLA"), default=["graph", "XLA"])
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
