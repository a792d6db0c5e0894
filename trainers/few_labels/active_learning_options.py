"""The options of `python -m trainers.active_learning`, and its rounds of training."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import simple_parsing

from trainers.cli.parser import parse_known
from trainers.few_labels.trainings import parse_trainings
from trainers.options import identity
from trainers.options.fields import Affects, check_limits, option
from trainers.options.run import RunConfig
from trainers.runs import experiment

__all__ = ["STRATEGIES", "Options", "Round", "parse"]

STRATEGIES = {"bald": "most informative (BALD)", "random": "at random"}
"""Title of each strategy for choosing galaxies, by its name on the command line."""


@dataclasses.dataclass(frozen=True)
class Round:
    """One training.

    Attributes:
        strategy: One of `STRATEGIES`, or "start" for round 0, which they share.
        repeat: Number of the repeat: seed of all random draws, and of the training.
        number: Number of the round, from 0.
    """

    strategy: str
    repeat: int
    number: int

    @property
    def folder(self) -> str:
        """Its folder, relative to that of the experiment."""
        return f"{self.strategy}/repeat_{self.repeat}/round_{self.number}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the experiment; all others are those of `python -m trainers.run`."""

    model: str = option("gz_bayesian_cnn", affects=Affects.TRAINING)
    """Model with acquisition()."""

    start: int = option(200, affects=Affects.DATA, least=5)
    """Labels in the first round."""

    step: int = option(200, affects=Affects.DATA, least=1)
    """Labels that each further round adds."""

    rounds: int = option(5, least=1)
    """Rounds after the first."""

    repeats: int = option(2, least=1)
    """Repeats with another start and other seeds."""

    candidates: int = option(2000, affects=Affects.DATA, least=1)
    """Unlabelled galaxies, drawn at random, among which a round chooses."""

    min_steps: int = option(300, affects=Affects.TRAINING, least=1)
    """Fewest training steps, however few labels there are."""

    strategies: list[str] = option(list(STRATEGIES), type=str, nargs="+", choices=STRATEGIES)
    """Strategies to compare."""

    output_dir: Path | None = option(None)
    """Folder; default: runs/active_learning-DATASET-MODEL."""

    run: RunConfig = simple_parsing.field(default_factory=RunConfig, cmd=False)
    command: str = simple_parsing.field(default="", cmd=False)

    def __post_init__(self) -> None:
        check_limits(self)

    def experiment(self) -> dict[str, Any]:
        """Returns what must stay the same when an experiment goes on, as JSON types."""
        own = identity.of(self, affects=identity.WEIGHTS)
        return own | experiment.of_trainings(self.run)

    def paths(self) -> list[list[Round]]:
        """Returns the rounds of each repeat and strategy, one after the other."""
        return [
            [Round("start", repeat, 0)]
            + [Round(strategy, repeat, number) for number in range(1, self.rounds + 1)]
            for repeat in range(self.repeats)
            for strategy in self.strategies
        ]

    def labels(self, number: int) -> int:
        """Returns the number of labels in a round."""
        return self.start + number * self.step


def parse(arguments: Sequence[str], description: str) -> Options:
    """Returns the options of a command line.

    Args:
        arguments: The command line without the program's name.
        description: Of the command, for `--help`.

    Raises:
        UserError: if an option or its value is not allowed.
        SystemExit: for `--help`.
    """
    prog = "python -m trainers.active_learning"
    options, others = parse_known(Options, arguments, prog=prog, description=description)
    config = parse_trainings(options.model, others)
    name = f"active_learning-{config.data_name.replace('/', '_')}-{options.model}"
    return dataclasses.replace(
        options,
        strategies=[name for name in STRATEGIES if name in options.strategies],
        output_dir=(options.output_dir or Path("runs") / name).expanduser(),
        run=config,
        command=f"{prog} {shlex.join(arguments)}".rstrip(),
    )
