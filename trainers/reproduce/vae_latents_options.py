"""Options of `python -m trainers.reproduce vae_latents`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zoo
from trainers import recipes
from trainers.cli.parser import parse as parse_options
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.fields import Affects, check_limits, flag, option, pairs
from trainers.options.run import RunConfig

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
    """Options of the experiment."""

    output_dir: Path = option(Path("runs/reproduce-vae_latents"), type=Path)
    """Folder of the experiment."""

    model: str = option("vae", affects=Affects.TRAINING)
    """A model with the hyperparameters of vae."""

    recipe: str = option("gz_decals", affects=Affects.TRAINING)
    """Its recipe."""

    dataset: str = option("galaxy_zoo_decals/simulated", affects=Affects.DATA)
    """Images of galaxies."""

    latent_dims: list[int] = option(
        [2, 5, 10, 20, 40, 80], least=1, type=int, nargs="+", metavar="N"
    )
    """Latent dimensions of the first loss."""

    losses: list[str] = option(
        ["mse", "l1", "ssim", "ms_ssim"], type=str, nargs="+", metavar="NAME"
    )
    """Losses of the reconstruction."""

    loss_dim: int = option(40, least=1)
    """Latent dimension of the comparison of the losses."""

    full_grid: bool = flag()
    """Every loss at every dimension."""

    beta: float | None = option(None, affects=Affects.TRAINING, least=0)
    """Weight of the divergence; default: one for each loss."""

    hp: dict[str, Any] = pairs(Affects.TRAINING)
    """Further hyperparameters."""

    epochs: int | None = option(8, affects=Affects.LENGTH, least=1)
    """Passes over the training images, in each training."""

    max_examples: list[int] | None = option(
        None, affects=Affects.DATA, least=1, type=int, nargs="+", metavar="N"
    )
    """Images of each split, or three numbers: train, validation, test; default: all."""

    seed: int = option(0, affects=Affects.TRAINING, least=0)
    """Seed of the trainings."""

    data_dir: str = option("", path=True)
    """Where TFDS datasets are kept."""

    manual_dir: str = option("", path=True)
    """Folder of data that cannot be downloaded."""

    def __post_init__(self) -> None:
        check_limits(self)

    def experiment(self) -> dict[str, Any]:
        """Returns the options that must be the same when an experiment goes on, as JSON types."""
        return identity.of(self, affects=(*identity.WEIGHTS, Affects.LENGTH))

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
    options = parse_options(
        Options,
        arguments,
        prog="python -m trainers.reproduce vae_latents",
        description=_DESCRIPTION,
    )
    return dataclasses.replace(
        options,
        output_dir=options.output_dir.expanduser(),
        latent_dims=sorted(set(options.latent_dims)),
        losses=list(dict.fromkeys(options.losses)),
    )
