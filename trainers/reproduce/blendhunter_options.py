"""Trains blend classifiers over a grid of noise levels and realisations, as Farrens et al. (2022).

    python -m trainers.reproduce blendhunter
    python -m trainers.reproduce blendhunter --dataset simulated_blends/cosmos_parametric \\
        --manual_dir COSMOS --weights VGG16.weights.h5 --recipe paper --realisations 10

Tests the classifiers on parametric stamps with the same noise and, without further training, on
realistic stamps; runs SEP on the same stamps; and writes report.md with the published numbers. The
same command resumes an experiment, also with more models, sigmas and realisations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import zoo
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.data_options import SPLITS
from trainers.options.fields import Affects, flag, option
from trainers.options.run import RunConfig
from trainers.reproduce import options as shared
from trainers.reproduce import published
from trainers.reproduce.options import ReproductionOptions

__all__ = ["PAD", "Cell", "Options", "parse"]

PAD = 7
"""Pixels of zeros on each side of the stamps, before the noise (section 2.4)."""


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
        """Name of the model, with a suffix if one training serves all sigmas."""
        return self.model if self.noise[0] == self.noise[1] else f"{self.model}, one for all"

    @property
    def folder(self) -> str:
        """Folder of the run in that of the experiment."""
        return f"{self.model}/sigma_{self.sigma}/realisation_{self.realisation}"

    @property
    def sigma(self) -> str:
        """The noise as text."""
        return "-".join(f"{sigma:g}" for sigma in dict.fromkeys(self.noise))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(ReproductionOptions):
    """Trainings, transfer test and report."""

    output_dir: Path = option(Path("runs/reproduce-blendhunter"), type=Path)
    """Folder of the experiment."""

    models: list[str] = option(["blendhunter"], type=str, nargs="*", metavar="MODEL")
    """Models trained once for each sigma."""

    noise_range_models: list[str] = option([], type=str, nargs="*", metavar="MODEL")
    """Models trained once for all sigmas."""

    noise_range: list[float] = option(
        [5.0, 40.0], affects=Affects.DATA, above=0, type=float, nargs=2, metavar="SIGMA"
    )
    """Lowest and highest noise sigma of --noise_range_models."""

    sigmas: list[float] = option(
        list(published.SIGMAS), above=0, type=float, nargs="+", metavar="SIGMA"
    )
    """Noise sigmas, counts; SEP needs noise."""

    realisations: int = option(2, least=1)
    """Number of noise realisations; published: 10."""

    dataset: str = option("simulated_blends/simulated", affects=Affects.DATA)
    """Dataset of parametric stamps, for training and test."""

    transfer_dataset: str = option("auto", affects=Affects.DATA)
    """Dataset of realistic stamps, or none; auto: simulated_blends/cosmos_real with
    simulated_blends/cosmos_parametric, else none."""

    transfer_splits: list[str] = option(
        ["test"], affects=Affects.DATA, type=str, nargs="+", choices=list(SPLITS)
    )
    """Splits of the transfer stamps; default: test, whose galaxies are in no training stamp. More
    splits of a small sample reduce the scatter and include galaxies seen in training."""

    transfer_sigma: float = option(published.REALISTIC_SIGMA, affects=Affects.DATA, above=0)
    """Noise sigma of the transfer stamps, counts."""

    recipe: str = option("default", affects=Affects.TRAINING)
    """Recipe of the models."""

    weights: str = option("", affects=Affects.TRAINING, metavar="imagenet|none|FILE")
    """VGG-16 weights: imagenet, none or a file; default: those of the recipe."""

    jit: bool = flag(Affects.TRAINING)
    """Compile with XLA."""

    keep_features: bool = flag()
    """Keep the cached features of finished trainings."""

    report_only: bool = flag()
    """Write the report of the finished trainings, without training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.noise_range[0] < self.noise_range[1]:
            raise UserError(f"`noise_range` must rise; got {[*self.noise_range]}")
        if not self.models and not self.noise_range_models:
            raise UserError("`models` or `noise_range_models` must name a model")

    def cells(self) -> list[Cell]:
        cells, (low, high) = [], self.noise_range
        for realisation in range(self.realisations):
            for model in self.models:
                cells += [Cell(model, (sigma, sigma), realisation) for sigma in self.sigmas]
            cells += [Cell(m, (low, high), realisation) for m in self.noise_range_models]
        return cells

    def run_config(self, cell: Cell) -> RunConfig:
        low, high = cell.noise
        config = self.configure(
            cell.model,
            cell.folder,
            {},
            pad=PAD,
            noise_sigma=[low] if low == high else [low, high],
            noise_realisation=cell.realisation,
            seed=cell.realisation,
            jit=self.jit,
            evaluators=["separation"],
            features_dir=str(self.output_dir / "features"),
        )
        if self.weights and "weights" in zoo.describe(cell.model).hyperparameters:
            config = dataclasses.replace(config, hp={**config.hp, "weights": self.weights})
        return config


def parse(arguments: Sequence[str]) -> Options:
    """Returns the options of a command line; see `trainers.reproduce.options.parse`."""
    options = shared.parse(Options, arguments, "blendhunter", __doc__)
    transfer_dataset = options.transfer_dataset
    if transfer_dataset == "auto":
        parametric = options.dataset.startswith("simulated_blends/cosmos_parametric")
        transfer_dataset = "simulated_blends/cosmos_real" if parametric else "none"
    return dataclasses.replace(
        options,
        weights=identity.absolute_if_path(options.weights),
        sigmas=sorted(set(options.sigmas)),
        models=list(dict.fromkeys(options.models)),
        noise_range_models=list(dict.fromkeys(options.noise_range_models)),
        transfer_splits=list(dict.fromkeys(options.transfer_splits)),
        transfer_dataset=transfer_dataset,
    )
