"""Options of `python -m trainers.learning_curve`, and the classifiers that it compares."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from trainers.few_labels import encoder_options
from trainers.few_labels.encoder_options import EncoderOptions
from trainers.few_labels.label_options import Cell
from trainers.options.fields import Affects, option

__all__ = ["METHODS", "Options", "parse"]

METHODS = {
    "logistic": "frozen, logistic regression",
    "forest": "frozen, random forest",
    "fine_tuned": "fine-tuned",
    "from_scratch": "from scratch",
}
"""Title of each method, by its name on the command line."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(EncoderOptions):
    """All other options are those of `python -m trainers.run`."""

    labels: list[int] = option([50, 100, 200, 400, 800], type=int, nargs="+", metavar="N", least=4)
    """Training-set sizes to compare, in labels."""

    repeats: int = option(3, least=1)
    """Repeats, each with its own objects and seed."""

    methods: list[str] = option(list(METHODS), type=str, nargs="+", choices=METHODS)
    """Methods to compare."""

    min_steps: int = option(400, affects=Affects.TRAINING, least=1)
    """Minimum training steps, however few labels there are."""

    def cells(self) -> list[Cell]:
        return [
            Cell(method, number, repeat)
            for repeat in range(self.repeats)
            for number in self.labels
            for method in self.methods
        ]


def parse(arguments: Sequence[str], description: str) -> Options:
    """Returns the options of a command line; see `label_options.parse`."""
    options = encoder_options.parse(Options, arguments, "learning_curve", description)
    return dataclasses.replace(
        options,
        labels=sorted(set(options.labels)),
        methods=[method for method in METHODS if method in options.methods],
    )
