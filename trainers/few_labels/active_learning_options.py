"""Options of `python -m trainers.active_learning`, and its rounds of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from trainers.few_labels import label_options
from trainers.few_labels.label_options import START, Cell, LabelOptions
from trainers.options.fields import Affects, option

__all__ = ["STRATEGIES", "Options", "Round", "parse"]

STRATEGIES = {
    "bald": "most informative (BALD)",
    "power_bald": "in proportion to the information (PowerBALD)",
    "random": "at random",
}
"""Title of each strategy for choosing galaxies, by its name on the command line."""


@dataclasses.dataclass(frozen=True)
class Round(Cell):
    """One training; its method is one of `STRATEGIES`, or `START` in round 0.

    Attributes:
        number: Number of the round, from 0.
    """

    number: int

    @property
    def folder(self) -> str:
        """Its folder, relative to that of the experiment."""
        return f"{self.method}/repeat_{self.repeat}/round_{self.number}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(LabelOptions):
    """All other options are those of `python -m trainers.run`."""

    model: str = option("gz_bayesian_cnn", affects=Affects.TRAINING)
    """Votes model with MC dropout (gz_bayesian_cnn, gz_backbone)."""

    start: int = option(200, affects=Affects.DATA, least=5)
    """Labels in the first round."""

    step: int = option(200, affects=Affects.DATA, least=1)
    """Labels added in each further round."""

    rounds: int = option(5, least=1)
    """Rounds after the first."""

    repeats: int = option(2, least=1)
    """Repeats, each with its own first labels and seed."""

    candidates: int = option(2000, affects=Affects.DATA, least=1)
    """Unlabelled galaxies, drawn at random, from which a round selects."""

    min_steps: int = option(300, affects=Affects.TRAINING, least=1)
    """Minimum training steps, however few labels there are."""

    strategies: list[str] = option(["bald", "random"], type=str, nargs="+", choices=STRATEGIES)
    """Strategies to compare."""

    exclude: str = option("", affects=Affects.DATA, metavar="QUESTION_ANSWER")
    """Leave galaxies out of the pool to label, for all strategies, for which this answer has most
    of the votes of its question, e.g. smooth-or-featured_artifact; they stay in the test split."""

    def round(self, strategy: str, repeat: int, number: int) -> Round:
        """Returns a round of a strategy by its number."""
        labels = self.start + number * self.step
        return Round(strategy if number else START, labels, repeat, number)

    def cells(self) -> list[Round]:
        rounds = [
            self.round(strategy, repeat, number)
            for repeat in range(self.repeats)
            for strategy in self.strategies
            for number in range(self.rounds + 1)
        ]
        return list(dict.fromkeys(rounds))


def parse(arguments: Sequence[str], description: str) -> Options:
    """Returns the options of a command line; see `label_options.parse`."""
    options = label_options.parse(Options, arguments, "active_learning", description)
    name = f"active_learning-{options.run.data_name.replace('/', '_')}-{options.model}"
    return dataclasses.replace(
        options,
        strategies=[strategy for strategy in STRATEGIES if strategy in options.strategies],
        output_dir=(options.output_dir or Path("runs") / name).expanduser(),
    )
