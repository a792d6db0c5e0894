"""Options that the experiments over the number of labels share, and the points of their curves."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import simple_parsing

from trainers.cli.parser import parse_known
from trainers.cli.run_options import parse_run
from trainers.errors import UserError
from trainers.options.experiment import ExperimentOptions, of_trainings
from trainers.options.fields import option
from trainers.options.run import RunConfig

__all__ = ["START", "Cell", "LabelOptions", "parse"]

START = "start"
"""Method of the classifiers that every curve begins with."""

_REFUSED = {
    "--list": "python -m trainers.run --list shows the models",
    "--strategy": "each training has one device",
    "--seed": "repeat i has seed i",
    "--run_dir": "--output_dir is the folder of all trainings",
    "--overwrite": "another --output_dir starts over",
    "--evaluators": "all trainings are evaluated in the same way",
    "--saved_models_dir": "nothing is exported",
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One classifier: a repeat of a point of a curve.

    Attributes:
        method: Name of the curve, or `START`.
        labels: Number of labels, including those for the choice of the epoch.
        repeat: Number of the repeat: seed of all random draws, and of the training.
    """

    method: str
    labels: int
    repeat: int

    @property
    def folder(self) -> str:
        """Its folder, relative to that of the experiment."""
        return f"{self.method}/labels_{self.labels}/repeat_{self.repeat}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelOptions(ExperimentOptions):
    """All other options are those of `python -m trainers.run`."""

    output_dir: Path | None = option(None)
    """Folder of the experiment; default: in runs/, named after command, data and model."""

    run: RunConfig = simple_parsing.field(default_factory=RunConfig, cmd=False)

    def configurations(self) -> list[RunConfig]:
        return [self.run]

    def experiment(self) -> dict[str, Any]:
        return super().experiment() | of_trainings(self.run)


Options = TypeVar("Options", bound=LabelOptions)


def parse(
    options_class: type[Options],
    arguments: Sequence[str],
    name: str,
    description: str,
    refused: Mapping[str, str] | None = None,
) -> Options:
    """Returns the options of a command line, with those of `trainers.run` in `run`.

    Args:
        options_class: Options of the experiment, with the registry key of a model as `model`.
        arguments: The command line without the program's name.
        name: Name of the command in `trainers`.
        description: Description of the command for `--help`.
        refused: Options of `trainers.run` that this command refuses, with the reason, beyond
            those that all experiments refuse.

    Raises:
        UserError: if an option or its value is not allowed, or would have no effect.
        SystemExit: for `--help`.
    """
    prog = f"python -m trainers.{name}"
    options, others = parse_known(options_class, arguments, prog=prog, description=description)
    reasons = _REFUSED | dict(refused or {})
    for other in others:
        # Also in the form --name=value.
        other = other.partition("=")[0]
        if other in reasons:
            raise UserError(f"{other} is no option of this command: {reasons[other]}")
    return dataclasses.replace(
        options,
        run=parse_run(["--model", options.model, *others]),
        command=f"{prog} {shlex.join(arguments)}".rstrip(),
    )
