"""Time from stored stamps to scores of `blendhunter`, beside the 630 s of its source.

    python -m benchmarks.blendhunter_end_to_end
    python -m benchmarks.blendhunter_end_to_end --stamps 80000 --weights VGG16.weights.h5

As `trainers.run --model blendhunter` does it: padding, noise and the features of the training and
the validation stamps, the head on them by the published schedule, then the report on the test
stamps, with SEP on the same ones. Of the stamps 45 % are for training, 45 % for validation and
10 % for the test, as in the source; they are drawn in memory before the clock starts. With fewer
than 80,000 the time for 80,000 is a linear extrapolation, for as many epochs of the head. It is
too long rather than too short: building graphs, checkpoints and figures take as long for few.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import blends, conditions, machine
from trainers import recipes
from trainers.options.run import RunConfig
from trainers.reproduce import published
from trainers.tables.markdown import markdown_table

__all__ = ["Stage", "main", "report", "split_numbers"]

_PUBLISHED_STAMPS = 80_000


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the work.

    Attributes:
        name: What it does.
        seconds: How long it took, s.
        own: Processor time of this process and of those that it started, s.
        others: Share of the cores that other processes had.
    """

    name: str
    seconds: float
    own: float
    others: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints its table; for the arguments see `command.run`."""
    machine.set_up_tensorflow()
    options = _options(arguments)
    numbers = split_numbers(options.stamps)
    examples = {split: blends.draw(split, number) for split, number in numbers.items()}
    with tempfile.TemporaryDirectory() as folder:
        stages, outcome = _run(examples, Path(folder), options)
    shown = ", ".join(f"{number} {split}" for split, number in numbers.items())
    print(f"blendhunter_end_to_end: {shown}; VGG-16 weights {options.weights}")
    print(conditions.describe(("tensorflow", "keras")))
    print(outcome)
    print(report(stages, options.stamps))
    return 0


def split_numbers(stamps: int) -> dict[str, int]:
    """Returns the stamps of each split, of so many in all, as the source divides them."""
    test = stamps // 10
    validation = (stamps - test) // 2
    return {"train": stamps - test - validation, "validation": validation, "test": test}


def report(stages: Sequence[Stage], stamps: int) -> str:
    """Returns the table: times of the stages, and of all of them beside the published one."""
    total = Stage(
        "all",
        sum(stage.seconds for stage in stages),
        sum(stage.own for stage in stages),
        max(stage.others for stage in stages),
    )
    rows = [
        [s.name, f"{s.seconds:.1f}", f"{s.own:.1f}", f"{s.others:.0%}"] for s in (*stages, total)
    ]
    scaled, own = (_PUBLISHED_STAMPS / stamps * each for each in (total.seconds, total.own))
    how = "measured" if stamps == _PUBLISHED_STAMPS else f"extrapolated from {stamps}"
    return "\n".join(
        [
            markdown_table(["", "s", "processor s", "others had"], rows, aligned=True),
            f"{_PUBLISHED_STAMPS} stamps: {scaled:.0f} s, processor time {own:.0f} s, {how}; "
            f"published {published.SECONDS:.0f} s on a Core i7-6900K (8 cores): "
            f"{scaled / published.SECONDS:.2f} times as long",
        ]
    )


def _run(
    examples: dict[str, dict[str, Any]], folder: Path, options: argparse.Namespace
) -> tuple[list[Stage], str]:
    import zoo
    from trainers.datasets import loading
    from trainers.datasets.in_memory import InMemoryDataset
    from trainers.distribution import strategy as strategies
    from trainers.evaluators import evaluation
    from trainers.training import loop, two_stage
    from trainers.training.checkpoints import Checkpoints

    config = dataclasses.replace(
        RunConfig(),
        **recipes.get("blendhunter").settings(""),
        model="blendhunter",
        features_dir=str(folder / "features"),
    )
    dataset = loading.for_run(InMemoryDataset(blends.SPEC, examples), config)
    strategy = strategies.make("one")
    model = zoo.create("blendhunter", image_shape=dataset.spec.image_shape, weights=options.weights)
    others = machine.bystanders()
    stages = []

    def timed(name: str, work: Callable[[], Any]) -> Any:
        others()
        begun, own = time.perf_counter(), machine.own_seconds([os.getpid()])
        result = work()
        seconds, own = time.perf_counter() - begun, machine.own_seconds([os.getpid()]) - own
        stages.append(Stage(name, seconds, own, others()))
        return result

    features = timed(
        "padding, noise, features",
        lambda: two_stage.feature_dataset(model, dataset, config, strategy),
    )
    checkpoints = Checkpoints(folder)
    progress = timed("head", lambda: loop.fit(model, features, config, checkpoints, strategy))
    checkpoints.restore("best", model)
    metrics = timed(
        "test, SEP and report",
        lambda: evaluation.evaluate(
            model,
            dataset,
            folder,
            evaluators=["separation"],
            max_objects=len(examples["test"]["id"]),
        ),
    )
    scores = metrics["separation"]
    return stages, (
        f"{progress.epoch} epochs of the head; accuracy {scores['accuracy']:.3f}, "
        f"SEP {scores['sep_accuracy']:.3f}"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.blendhunter_end_to_end", description=__doc__)
    parser.add_argument("--stamps", type=int, default=4000)
    parser.add_argument("--weights", default="none", help="of VGG-16; none: random ones")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
