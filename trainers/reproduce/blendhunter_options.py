"""The command line of `python -m trainers.reproduce blendhunter`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zoo
from trainers import recipes
from trainers.cli.arguments import OneLineParser
from trainers.errors import UserError
from trainers.options.limits import SPLITS
from trainers.options.run import RunConfig
from trainers.options.values import parse_pairs
from trainers.reproduce import published

__all__ = ["PAD", "Cell", "Options", "parse"]

PAD = 7
"""Pixels of zeros on each side of the stamps, before the noise (section 2.4)."""

_DESCRIPTION = """\
Trains blend classifiers on parametric stamps over a grid of noise levels and realisations, tests
them on the same noise and on realistic stamps without training them again, runs SEP on the same
stamps, and writes report.md with the published numbers beside. The same command goes on where it
was stopped; more models, sigmas and realisations may be added to an experiment."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        model: Registry key.
        noise: Lowest and highest sigma of the noise of its stamps.
        realisation: Number of the realisation of the noise; also the seed of the training.
    """

    model: str
    noise: tuple[float, float]
    realisation: int

    @property
    def name(self) -> str:
        """Name of the model, which tells whether one training serves all sigmas."""
        return self.model if self.noise[0] == self.noise[1] else f"{self.model}, one for all"

    @property
    def folder(self) -> str:
        """Folder of the run in that of the experiment."""
        return f"{self.model}/sigma_{self.sigma}/realisation_{self.realisation}"

    @property
    def sigma(self) -> str:
        """The noise as text."""
        return "-".join(f"{sigma:g}" for sigma in dict.fromkeys(self.noise))

    def __str__(self) -> str:
        return f"{self.model}, sigma {self.sigma}, realisation {self.realisation}"


@dataclasses.dataclass(frozen=True)
class Options:
    """What is done; the attributes are the options of the command."""

    output_dir: Path
    models: tuple[str, ...]
    noise_range_models: tuple[str, ...]
    noise_range: tuple[float, float]
    sigmas: tuple[float, ...]
    realisations: int
    dataset: str
    transfer_dataset: str
    transfer_splits: tuple[str, ...]
    transfer_sigma: float
    recipe: str
    hp: Mapping[str, Any]
    weights: str
    epochs: int | None
    max_examples: tuple[int, ...] | None
    data_dir: str
    manual_dir: str
    jit: bool
    keep_features: bool
    report_only: bool

    def experiment(self) -> dict[str, Any]:
        """Returns what must be the same when an experiment goes on, as JSON types."""
        names = ("dataset", "transfer_dataset", "transfer_sigma", "recipe", "hp")
        lists = {
            name: [*(getattr(self, name) or ())]
            for name in ("max_examples", "noise_range", "transfer_splits")
        }
        return {name: getattr(self, name) for name in names} | lists

    def cells(self) -> list[Cell]:
        """Returns all trainings, realisation by realisation."""
        cells = []
        for realisation in range(self.realisations):
            for model in self.models:
                cells += [Cell(model, (sigma, sigma), realisation) for sigma in self.sigmas]
            cells += [Cell(m, self.noise_range, realisation) for m in self.noise_range_models]
        return cells

    def run_config(self, cell: Cell) -> RunConfig:
        """Returns the configuration of a training.

        Args:
            cell: The training.

        Raises:
            UserError: if there is no such model, or it has no such recipe.
        """
        model, noise = cell.model, cell.noise
        try:
            zoo.describe(model)
        except ValueError as error:
            raise UserError(str(error)) from None
        settings = recipes.get(model, self.recipe).settings(self.dataset)
        hyperparameters = {**settings.pop("hp"), **self.hp}
        if self.weights:
            hyperparameters["weights"] = self.weights
        if self.epochs is not None:
            settings["epochs"] = self.epochs
        return dataclasses.replace(
            RunConfig(),
            **{
                **settings,
                "model": model,
                "recipe": self.recipe,
                "dataset": self.dataset,
                "hp": _known(model, hyperparameters),
                "pad": PAD,
                "noise_sigma": [noise[0]] if noise[0] == noise[1] else [*noise],
                "noise_realisation": cell.realisation,
                "seed": cell.realisation,
                "max_examples": [*self.max_examples] if self.max_examples else None,
                "data_dir": self.data_dir,
                "manual_dir": self.manual_dir,
                "jit": self.jit,
                "evaluators": ["separation"],
                "run_dir": str(self.output_dir / cell.folder),
                "features_dir": str(self.output_dir / "features"),
            },
        )


def _known(model: str, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    # `--weights` is for all models that take weights; what else is unknown is a mistake.
    known = zoo.describe(model).hyperparameters
    return {n: value for n, value in hyperparameters.items() if n in known or n != "weights"}


def parse(arguments: Sequence[str]) -> Options:
    """Returns the options that the arguments give.

    Args:
        arguments: The command line behind the name of the experiment.

    Raises:
        UserError: if an option or its value is not allowed.
        SystemExit: for `--help`.
    """
    given = _parser().parse_args(arguments)
    given.hp = parse_pairs(given.hp)
    given.output_dir = given.output_dir.expanduser()
    given.sigmas = tuple(sorted(set(given.sigmas)))
    given.noise_range = tuple(given.noise_range)
    for name in ("models", "noise_range_models", "transfer_splits"):
        setattr(given, name, tuple(dict.fromkeys(getattr(given, name))))
    if given.transfer_dataset == "auto":
        parametric = given.dataset.startswith("simulated_blends/cosmos_parametric")
        given.transfer_dataset = "simulated_blends/cosmos_real" if parametric else "none"
    options = Options(**vars(given))
    _check(options)
    return options


def _parser() -> OneLineParser:
    parser = OneLineParser(
        prog="python -m trainers.reproduce blendhunter",
        description=_DESCRIPTION,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--output_dir", type=Path, default=Path("runs/reproduce-blendhunter"), help="Folder.")
    what = {"nargs": "*", "metavar": "MODEL"}
    add("--models", default=["blendhunter"], help="Trained once for each sigma.", **what)
    add("--noise_range_models", default=[], help="Trained once for all sigmas.", **what)
    several = {"type": float, "metavar": "SIGMA"}
    add("--noise_range", nargs=2, default=[5.0, 40.0], help="Sigmas of these models.", **several)
    add("--sigmas", nargs="+", default=list(published.SIGMAS), help="Noise in counts.", **several)
    add("--realisations", type=int, default=2, metavar="N", help="Of the noise; published: 10.")
    add("--dataset", default="simulated_blends/simulated", help="Parametric stamps.")
    add(
        "--transfer_dataset",
        default="auto",
        help="Realistic stamps; none, or auto: simulated_blends/cosmos_real with "
        "simulated_blends/cosmos_parametric, else none.",
    )
    add(
        "--transfer_splits",
        nargs="+",
        choices=SPLITS,
        default=list(SPLITS),
        help="Its splits; nothing is trained on them. test: galaxies that no training stamp has.",
    )
    add("--transfer_sigma", type=float, default=published.REALISTIC_SIGMA, help="Its noise.")
    add("--recipe", default="default", help="Recipe of the models.")
    pairs = {"nargs": "+", "action": "extend", "metavar": "NAME=VALUE"}
    add("--hp", default=[], help="Hyperparameters of all models.", **pairs)
    add("--weights", default="", help="Hyperparameter weights of the models that have it.")
    add("--epochs", type=int, help="Default: that of the recipe.")
    add(
        "--max_examples",
        type=int,
        nargs="+",
        metavar="N",
        help="Stamps of each split, or three numbers: train, validation, test; default: all.",
    )
    add("--data_dir", default="", help="Where TFDS datasets are kept.")
    add("--manual_dir", default="", help="Folder of data that cannot be downloaded.")
    add("--jit", action="store_true", help="Compile with XLA.")
    add("--keep_features", action="store_true", help="Keep the features of finished trainings.")
    add("--report_only", action="store_true", help="Write the report of what is there.")
    return parser


def _check(options: Options) -> None:
    for name in ("realisations", "epochs"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UserError(f"--{name} must be at least 1; got {value}")
    if min(options.sigmas) <= 0 or options.transfer_sigma <= 0:
        raise UserError("--sigmas and --transfer_sigma must be above 0: SEP needs noise")
    if not 0 < options.noise_range[0] < options.noise_range[1]:
        raise UserError(f"--noise_range must rise from above 0; got {[*options.noise_range]}")
    if not options.models and not options.noise_range_models:
        raise UserError("--models or --noise_range_models must name a model")
