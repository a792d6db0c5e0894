"""Options of `python -m trainers.cross_validation`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from trainers.few_labels import encoder_options
from trainers.few_labels.encoder_options import EncoderOptions
from trainers.options.fields import Affects, flag, names, option
from trainers.options.run import RunConfig

__all__ = ["METHODS", "Cell", "Options", "parse"]

METHODS = {
    "logistic": "logistic regression",
    "forest": "random forest",
}
"""Title of each method, by its name on the command line."""

# Options on which the features depend, although they are those of a training.
_OF_FEATURES = {"model", "recipe", "hp", "seed", "init", "deterministic"}
# Options that change training images alone, or the files of a run.
_OF_TRAINING_IMAGES = ("shear", "zoom", "shift", "flip", "rotation", "outside", "noise_draws")
_OF_RUNS = ("features_dir", "checkpoint_seconds", "class_fractions")
_REFUSED = {
    f"--{name}": "no network is trained"
    for name in (
        *names(RunConfig, Affects.TRAINING, Affects.LENGTH),
        *_OF_TRAINING_IMAGES,
        *_OF_RUNS,
    )
    if name not in _OF_FEATURES
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cross-validation.

    Attributes:
        method: Key of `METHODS`.
        repeat: Number of the repeat: seed of the folds.
    """

    method: str
    repeat: int

    @property
    def folder(self) -> str:
        """Its folder, relative to that of the experiment."""
        return f"{self.method}/repeat_{self.repeat}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(EncoderOptions):
    """All other options are those of `python -m trainers.run`."""

    folds: int = option(5, affects=Affects.TRAINING, least=2)
    """Number of folds, the outer and the inner ones."""

    repeats: int = option(5, least=1)
    """Repeats, each with its own folds."""

    methods: list[str] = option(list(METHODS), type=str, nargs="+", choices=METHODS)
    """Classifiers to compare."""

    balanced: bool = flag(Affects.TRAINING)
    """Give rare classes the same weight as common ones."""

    def cells(self) -> list[Cell]:
        return [Cell(method, repeat) for repeat in range(self.repeats) for method in self.methods]


def parse(arguments: Sequence[str], description: str) -> Options:
    """Returns the options of a command line; see `label_options.parse`."""
    options = encoder_options.parse(Options, arguments, "cross_validation", description, _REFUSED)
    return dataclasses.replace(
        options, methods=[method for method in METHODS if method in options.methods]
    )
