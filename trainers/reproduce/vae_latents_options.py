"""The command line of `python -m trainers.reproduce vae_latents`."""

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
from trainers.options.run import RunConfig
from trainers.options.values import parse_pairs
from trainers.runs import experiment

__all__ = ["BETAS", "Cell", "Options", "parse"]

BETAS = {"gaussian": 1.0, "mse": 0.02, "l1": 0.1, "huber": 0.02, "ssim": 1.0, "ms_ssim": 1.0}
"""Weight of the divergence beside each loss, on pixels from 0 to 1: the losses differ in scale, and
with these the divergence is some hundredths of what they come to."""

_DESCRIPTION = """\
Trains a VAE of galaxy images for each of several latent dimensions, and for each of several losses,
and writes report.md: MSE and SSIM of the reconstructions against the latent dimension beside those
of principal components, and against the loss. The same command goes on where it was stopped; more
dimensions and losses may be added to an experiment."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        loss: Of the reconstruction, a likelihood of the model.
        latent_dim: Length of the latent vector.
    """

    loss: str
    latent_dim: int

    @property
    def folder(self) -> str:
        """Folder of the run in that of the experiment."""
        return f"{self.loss}/latents_{self.latent_dim}"

    def __str__(self) -> str:
        return f"{self.loss}, {self.latent_dim} latents"


@dataclasses.dataclass(frozen=True)
class Options:
    """What is done; the attributes are the options of the command."""

    output_dir: Path
    model: str
    recipe: str
    dataset: str
    latent_dims: tuple[int, ...]
    losses: tuple[str, ...]
    loss_dim: int
    full_grid: bool
    beta: float | None
    hp: Mapping[str, Any]
    epochs: int | None
    max_examples: tuple[int, ...] | None
    seed: int
    data_dir: str
    manual_dir: str

    def experiment(self) -> dict[str, Any]:
        """Returns what must be the same when an experiment goes on, as JSON types."""
        names = ("model", "recipe", "beta", "hp", "epochs", "seed")
        own = {name: getattr(self, name) for name in names}
        own["max_examples"] = [*(self.max_examples or ())]
        return own | experiment.of_data(self.dataset, self.data_dir)

    def cells(self) -> list[Cell]:
        """Returns all trainings: the first loss at every dimension, then the others."""
        first = [Cell(self.losses[0], dim) for dim in self.latent_dims]
        dims = self.latent_dims if self.full_grid else (self.loss_dim,)
        return list(
            dict.fromkeys(first + [Cell(loss, dim) for loss in self.losses for dim in dims])
        )

    def run_config(self, cell: Cell) -> RunConfig:
        """Returns the configuration of a training.

        Args:
            cell: The training.

        Raises:
            UserError: if there is no such model, or it has no such recipe.
        """
        try:
            zoo.describe(self.model)
        except ValueError as error:
            raise UserError(str(error)) from None
        settings = recipes.get(self.model, self.recipe).settings(self.dataset)
        if self.epochs is not None:
            settings["epochs"] = self.epochs
        beta = BETAS.get(cell.loss, 1.0) if self.beta is None else self.beta
        own = {"likelihood": cell.loss, "latent_dim": cell.latent_dim, "beta": beta}
        return dataclasses.replace(
            RunConfig(),
            **{
                **settings,
                "model": self.model,
                "recipe": self.recipe,
                "dataset": self.dataset,
                "hp": {**settings["hp"], **self.hp, **own},
                "seed": self.seed,
                "max_examples": [*self.max_examples] if self.max_examples else None,
                "data_dir": self.data_dir,
                "manual_dir": self.manual_dir,
                "evaluators": ["reconstruction"],
                "run_dir": str(self.output_dir / cell.folder),
            },
        )


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
    given.latent_dims = tuple(sorted(set(given.latent_dims)))
    given.losses = tuple(dict.fromkeys(given.losses))
    options = Options(**vars(given))
    for name in ("latent_dims", "loss_dim"):
        if _lowest(getattr(options, name)) < 1:
            raise UserError(f"--{name} must be at least 1; got {getattr(options, name)}")
    if options.beta is not None and options.beta < 0:
        raise UserError(f"--beta must be at least 0; got {options.beta}")
    return options


def _lowest(value: int | Sequence[int]) -> int:
    return value if isinstance(value, int) else min(value)


def _parser() -> OneLineParser:
    parser = OneLineParser(
        prog="python -m trainers.reproduce vae_latents",
        description=_DESCRIPTION,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--output_dir", type=Path, default=Path("runs/reproduce-vae_latents"), help="Folder.")
    add("--model", default="vae", help="A model with the hyperparameters of vae.")
    add("--recipe", default="gz_decals", help="Its recipe.")
    add("--dataset", default="galaxy_zoo_decals/simulated", help="Images.")
    several = {"nargs": "+", "metavar": "N"}
    dims = [2, 5, 10, 20, 40, 80]
    add("--latent_dims", type=int, default=dims, help="Of the first loss.", **several)
    losses = ["mse", "l1", "ssim", "ms_ssim"]
    add("--losses", default=losses, help="Of the reconstruction.", **several)
    add("--loss_dim", type=int, default=40, help="Latents of the comparison of the losses.")
    add("--full_grid", action="store_true", help="Every loss at every dimension.")
    add("--beta", type=float, help="Weight of the divergence; default: one for each loss.")
    pairs = {"nargs": "+", "action": "extend", "metavar": "NAME=VALUE"}
    add("--hp", default=[], help="Further hyperparameters.", **pairs)
    add("--epochs", type=int, default=8, help="Of each training.")
    add("--max_examples", type=int, help="Of each split, or train, validation, test.", **several)
    add("--seed", type=int, default=0, help="Of the trainings.")
    add("--data_dir", default="", help="Where TFDS datasets are kept.")
    add("--manual_dir", default="", help="Folder of data that cannot be downloaded.")
    return parser
