"""Options of `python -m trainers.reproduce blendhunter`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zoo
from trainers import recipes
from trainers.cli.parser import parse as parse_options
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.fields import Affects, check_limits, flag, option, pairs
from trainers.options.limits import SPLITS
from trainers.options.run import RunConfig
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
    """Options of the experiment."""

    output_dir: Path = option(Path("runs/reproduce-blendhunter"), type=Path)
    """Folder of the experiment."""

    models: list[str] = option(["blendhunter"], type=str, nargs="*", metavar="MODEL")
    """Models that are trained once for each sigma."""

    noise_range_models: list[str] = option([], type=str, nargs="*", metavar="MODEL")
    """Models that are trained once for all sigmas."""

    noise_range: list[float] = option(
        [5.0, 40.0], affects=Affects.DATA, above=0, type=float, nargs=2, metavar="SIGMA"
    )
    """Lowest and highest sigma of these models."""

    sigmas: list[float] = option(
        list(published.SIGMAS), above=0, type=float, nargs="+", metavar="SIGMA"
    )
    """Noise in counts; SEP needs some."""

    realisations: int = option(2, least=1)
    """Realisations of the noise; published: 10."""

    dataset: str = option("simulated_blends/simulated", affects=Affects.DATA)
    """Parametric stamps."""

    transfer_dataset: str = option("auto", affects=Affects.DATA)
    """Realistic stamps; none, or auto: simulated_blends/cosmos_real with
    simulated_blends/cosmos_parametric, else none."""

    transfer_splits: list[str] = option(
        list(SPLITS), affects=Affects.DATA, type=str, nargs="+", choices=list(SPLITS)
    )
    """Its splits; nothing is trained on them. test: galaxies that no training stamp has."""

    transfer_sigma: float = option(published.REALISTIC_SIGMA, affects=Affects.DATA, above=0)
    """Its noise."""

    recipe: str = option("default", affects=Affects.TRAINING)
    """Recipe of the models."""

    hp: dict[str, Any] = pairs(Affects.TRAINING)
    """Hyperparameters of all models."""

    weights: str = option("", affects=Affects.TRAINING)
    """Hyperparameter weights of the models that have it."""

    epochs: int | None = option(None, affects=Affects.LENGTH, least=1)
    """Passes over the training stamps; default: those of the recipe."""

    max_examples: list[int] | None = option(
        None, affects=Affects.DATA, least=1, type=int, nargs="+", metavar="N"
    )
    """Stamps of each split, or three numbers: train, validation, test; default: all."""

    data_dir: str = option("", path=True)
    """Where TFDS datasets are kept."""

    manual_dir: str = option("", path=True)
    """Folder of data that cannot be downloaded."""

    jit: bool = flag(Affects.TRAINING)
    """Compile with XLA."""

    keep_features: bool = flag()
    """Keep the features of finished trainings."""

    report_only: bool = flag()
    """Write the report of the trainings that are there."""

    def __post_init__(self) -> None:
        check_limits(self)
        if not self.noise_range[0] < self.noise_range[1]:
            raise UserError(f"`noise_range` must rise; got {[*self.noise_range]}")
        if not self.models and not self.noise_range_models:
            raise UserError("`models` or `noise_range_models` must name a model")

    def experiment(self) -> dict[str, Any]:
        """Returns the options that must be the same when an experiment goes on, as JSON types."""
        return identity.of(self, affects=identity.WEIGHTS)

    def cells(self) -> list[Cell]:
        """Returns all trainings, realisation by realisation."""
        cells, (low, high) = [], self.noise_range
        for realisation in range(self.realisations):
            for model in self.models:
                cells += [Cell(model, (sigma, sigma), realisation) for sigma in self.sigmas]
            cells += [Cell(m, (low, high), realisation) for m in self.noise_range_models]
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
    options = parse_options(
        Options,
        arguments,
        prog="python -m trainers.reproduce blendhunter",
        description=_DESCRIPTION,
    )
    transfer_dataset = options.transfer_dataset
    if transfer_dataset == "auto":
        parametric = options.dataset.startswith("simulated_blends/cosmos_parametric")
        transfer_dataset = "simulated_blends/cosmos_real" if parametric else "none"
    return dataclasses.replace(
        options,
        output_dir=options.output_dir.expanduser(),
        weights=identity.absolute_if_path(options.weights),
        sigmas=sorted(set(options.sigmas)),
        models=list(dict.fromkeys(options.models)),
        noise_range_models=list(dict.fromkeys(options.noise_range_models)),
        transfer_splits=list(dict.fromkeys(options.transfer_splits)),
        transfer_dataset=transfer_dataset,
    )
