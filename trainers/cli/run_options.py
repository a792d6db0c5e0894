"""The command line of `trainers.run`: a recipe below, options above."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from trainers import recipes
from trainers.cli.parser import OptionParser
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.options.values import absolute_source

__all__ = ["parse_run"]


def parse_run(arguments: Sequence[str]) -> RunConfig | None:
    """Returns the configuration of a command line, None for `--list`.

    Args:
        arguments: The command line without the program's name.

    Raises:
        UserError: if an option or its value is not allowed.
        SystemExit: for `--help`.
    """
    # The recipe, which has the defaults of the other options. Mistakes are left to the second pass.
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name, default in (("model", ""), ("dataset", ""), ("recipe", "default")):
        first.add_argument(f"--{name}", default=default, nargs="?", const="")
    recipe, _ = first.parse_known_args(arguments)

    parser = OptionParser(
        RunConfig,
        prog="python -m trainers.run",
        description="Trains a registered model, evaluates it and exports a SavedModel.",
        default=recipes.run_config(**vars(recipe)) if recipe.model else RunConfig(),
    )
    parser.add_argument("--list", action="store_true", help="Show every model and stop.")
    parsed, unknown = parser.parse_known_args(list(arguments))
    parser.refuse(unknown)
    config = parsed.options
    if parsed.list:
        return None
    if not config.model:
        raise UserError("--model is required; --list shows the models")
    return dataclasses.replace(config, init=config.init and absolute_source(config.init))
