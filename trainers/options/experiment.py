"""Options that all experiments of several trainings share."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import simple_parsing

from trainers.options import identity
from trainers.options.fields import Affects, CheckedOptions
from trainers.options.run import RunConfig

__all__ = ["ExperimentOptions", "of_trainings"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentOptions(CheckedOptions, abc.ABC):
    """Options of an experiment; a subclass has the folder of the experiment as `output_dir`."""

    command: str = simple_parsing.field(default="", cmd=False)

    @abc.abstractmethod
    def cells(self) -> list[Any]:
        """Returns all trainings in their order; each has a `folder` in that of the experiment."""

    @abc.abstractmethod
    def configurations(self) -> list[RunConfig]:
        """Returns the configurations of the trainings, one of each kind."""

    def experiment(self) -> dict[str, Any]:
        """Returns the options that must be equal when an experiment is resumed, as JSON types."""
        return identity.options_of(self, affects=identity.WEIGHTS)


def of_trainings(config: RunConfig) -> dict[str, Any]:
    """Returns the options of trainings on which their scores depend, as JSON types."""
    own = identity.options_of(config, affects=(*identity.WEIGHTS, Affects.LENGTH))
    # Each training has a seed of its own.
    own.pop("seed")
    return own
