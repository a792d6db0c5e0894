"""Options that all reproductions share."""

from __future__ import annotations

import abc
import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trainers import recipes
from trainers.cli import parser
from trainers.options.experiment import ExperimentOptions
from trainers.options.fields import Affects, option, pairs
from trainers.options.run import RunConfig

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["ReproductionOptions", "parse"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReproductionOptions(ExperimentOptions):
    """Options of the experiment; a subclass adds `output_dir`, `dataset`, `recipe` and its own."""

    hp: dict[str, Any] = pairs(Affects.TRAINING)
    """Additional hyperparameters of all models."""

    epochs: int | None = option(None, affects=Affects.LENGTH, least=1)
    """Passes over the training images; default: those of the recipe."""

    max_examples: list[int] | None = option(
        None, affects=Affects.DATA, least=1, type=int, nargs="+", metavar="N"
    )
    """Maximum images of each split, or three numbers: train, validation, test; default: all."""

    data_dir: str = option("", path=True)
    """Folder of TFDS datasets."""

    manual_dir: str = option("", path=True)
    """Folder of manually downloaded files."""

    @abc.abstractmethod
    def run_config(self, cell: Any) -> RunConfig:
        """Returns the configuration of a training."""

    def configurations(self) -> list[RunConfig]:
        return [self.run_config(cell) for cell in self.cells()]

    def configure(self, model: str, folder: str, hp: Mapping[str, Any], **settings) -> RunConfig:
        """Returns the configuration of a training from the recipe and these options.

        Args:
            model: Registry key.
            folder: Folder of the run in that of the experiment.
            hp: Hyperparameters that override those of the recipe and the command line.
            **settings: Further options of the run.

        Raises:
            UserError: if there is no such model, or it has no such recipe.
        """
        recipe = recipes.run_config(model, self.dataset, self.recipe)
        return dataclasses.replace(
            recipe,
            hp={**recipe.hp, **self.hp, **hp},
            epochs=recipe.epochs if self.epochs is None else self.epochs,
            max_examples=self.max_examples,
            data_dir=self.data_dir,
            manual_dir=self.manual_dir,
            run_dir=str(self.output_dir / folder),
            **settings,
        )

    def load(self, dataset: str) -> Dataset:
        """Loads a dataset as it is stored."""
        from trainers.datasets import loading

        return loading.load(
            dataset,
            data_dir=self.data_dir or None,
            manual_dir=self.manual_dir or None,
            max_examples=self.max_examples,
        )


Options = TypeVar("Options", bound=ReproductionOptions)


def parse(
    options_class: type[Options], arguments: Sequence[str], name: str, description: str
) -> Options:
    """Returns the options of a command line; see `trainers.cli.parser.parse`.

    Args:
        options_class: Options of the experiment.
        arguments: The command line behind the name of the experiment.
        name: Name of the experiment.
        description: Description of the experiment for `--help`.
    """
    prog = f"python -m trainers.reproduce {name}"
    options = parser.parse(options_class, arguments, prog=prog, description=description)
    return dataclasses.replace(
        options,
        output_dir=Path(options.output_dir).expanduser(),
        command=f"{prog} {shlex.join(arguments)}".rstrip(),
    )
