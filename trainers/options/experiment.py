"""Options that all experiments of several trainings share."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import simple_parsing

from trainers.options import identity
from trainers.options.fields import CheckedOptions

__all__ = ["ExperimentOptions"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentOptions(CheckedOptions, abc.ABC):
    """Options of an experiment; a subclass has the folder as `output_dir`."""

    command: str = simple_parsing.field(default="", cmd=False)

    @abc.abstractmethod
    def cells(self) -> list[Any]:
        """Returns all trainings in their order; each has a `folder` in that of the experiment."""

    def experiment(self) -> dict[str, Any]:
        """Returns the options that must be equal when an experiment is resumed, as JSON types."""
        return identity.of(self, affects=identity.WEIGHTS)
