"""Command-line options of trainings on a few labels: those of `trainers.run` that apply to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainers.cli.run_options import parse_run
from trainers.errors import UserError
from trainers.options.run import RunConfig

__all__ = ["parse_trainings"]

_REFUSED = {
    "--list": "python -m trainers.run --list shows the models",
    "--strategy": "each training has one device",
    "--seed": "repeat i has the seed i",
    "--run_dir": "--output_dir is the folder of all trainings",
    "--overwrite": "another --output_dir begins anew",
    "--evaluators": "all trainings are evaluated in the same way",
    "--saved_models_dir": "nothing is exported",
}


def parse_trainings(
    model: str, arguments: Sequence[str], refused: Mapping[str, str] | None = None
) -> RunConfig:
    """Returns the configuration that all trainings of an experiment share.

    Args:
        model: Registry key of the model.
        arguments: Options of `trainers.run`.
        refused: Options that the command refuses beyond those that all do, and why.

    Raises:
        UserError: if an option or its value is not allowed, or would have no effect.
    """
    reasons = _REFUSED | dict(refused or {})
    for argument in arguments:
        # Also in the form --name=value.
        name = argument.partition("=")[0]
        if name in reasons:
            raise UserError(f"{name} is no option of this command: {reasons[name]}")
    return parse_run(["--model", model, *arguments])
