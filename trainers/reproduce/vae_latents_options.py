"""Trains VAEs of galaxy images over latent dimensions and losses, as Xu et al. (2023).

    python -m trainers.reproduce vae_latents
    python -m trainers.reproduce vae_latents --full_grid --losses mse l1 ssim ms_ssim --epochs 20

Writes report.md: MSE and SSIM of the reconstructions against the latent dimension, beside those of
principal components, and against the loss. The publication (arXiv:2303.08627) and the talk on it
chose 40 latents and the squared error by these measures; the weight of its divergence is not
published. The same command resumes an experiment, also with more dimensions and losses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.options import identity
from trainers.options.fields import Affects, flag, option
from trainers.options.run import RunConfig
from trainers.reproduce import options as shared
from trainers.reproduce.options import ReproductionOptions

__all__ = ["BETAS", "Cell", "Options", "parse"]

BETAS = {"gaussian": 1.0, "mse": 0.02, "l1": 0.1, "huber": 0.02, "ssim": 1.0, "ms_ssim": 1.0}
"""Weight of the divergence for each loss, on pixels from 0 to 1. The losses differ in scale; with
these weights the divergence is a few per cent of the loss."""


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(ReproductionOptions):
    """Trainings over losses and latent dimensions."""

    output_dir: Path = option(Path("runs/reproduce-vae_latents"), type=Path)
    """Folder of the experiment."""

    model: str = option("vae", affects=Affects.TRAINING)
    """Model with the hyperparameters of vae."""

    recipe: str = option("gz_decals", affects=Affects.TRAINING)
    """Recipe of the model."""

    dataset: str = option("galaxy_zoo_decals/simulated", affects=Affects.DATA)
    """Dataset of galaxy images."""

    latent_dims: list[int] = option(
        [2, 5, 10, 20, 40, 80], least=1, type=int, nargs="+", metavar="N"
    )
    """Latent dimensions, for the first loss."""

    losses: list[str] = option(
        ["mse", "l1", "ssim", "ms_ssim"], type=str, nargs="+", metavar="NAME"
    )
    """Reconstruction losses to compare."""

    loss_dim: int = option(40, least=1)
    """Latent dimension at which losses are compared."""

    full_grid: bool = flag()
    """Train every loss at every dimension."""

    beta: float | None = option(None, affects=Affects.TRAINING, least=0)
    """Weight of the divergence; default: one value for each loss."""

    epochs: int | None = option(8, affects=Affects.LENGTH, least=1)
    """Passes over the training images, in each training."""

    seed: int = option(0, affects=Affects.TRAINING, least=0)
    """Seed of the trainings."""

    def experiment(self) -> dict[str, Any]:
        return identity.options_of(self, affects=(*identity.WEIGHTS, Affects.LENGTH))

    def cells(self) -> list[Cell]:
        first = [Cell(self.losses[0], dim) for dim in self.latent_dims]
        dims = self.latent_dims if self.full_grid else (self.loss_dim,)
        return list(
            dict.fromkeys(first + [Cell(loss, dim) for loss in self.losses for dim in dims])
        )

    def run_config(self, cell: Cell) -> RunConfig:
        beta = BETAS.get(cell.loss, 1.0) if self.beta is None else self.beta
        return self.configure(
            self.model,
            cell.folder,
            {"likelihood": cell.loss, "latent_dim": cell.latent_dim, "beta": beta},
            seed=self.seed,
            evaluators=["reconstruction"],
        )


def parse(arguments: Sequence[str]) -> Options:
    """Returns the options of a command line; see `trainers.reproduce.options.parse`."""
    options = shared.parse(Options, arguments, "vae_latents", __doc__)
    return dataclasses.replace(
        options,
        latent_dims=sorted(set(options.latent_dims)),
        losses=list(dict.fromkeys(options.losses)),
    )
