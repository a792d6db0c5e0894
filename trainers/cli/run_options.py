"""The command line of `trainers.run`, made from `RunConfig`, and one-line errors for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from trainers import recipes
from trainers.cli.arguments import OneLineParser
from trainers.cli.parser import OptionParser
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.options.values import absolute_source

__all__ = ["parse_run", "recipe_config"]


def parse_run(arguments: Sequence[str]) -> RunConfig | None:
    """Returns the configuration that the arguments and the model's recipe give.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The configuration, or None for `--list`.

    Raises:
        UserError: if an option or its value is not allowed.
        SystemExit: for `--help`.
    """
    chosen = OneLineParser(add_help=False, allow_abbrev=False)
    for name, default in (("model", ""), ("dataset", ""), ("recipe", "default")):
        chosen.add_argument(f"--{name}", default=default)
    chosen.add_argument("--list", action="store_true")
    chosen.add_argument("-h", "--help", action="store_true")
    known, _ = chosen.parse_known_args(arguments)

    base = RunConfig()
    if known.model:
        _check_model(known.model)
        base = recipe_config(known.model, known.dataset, known.recipe)

    parser = OptionParser(
        RunConfig,
        prog="python -m trainers.run",
        description="Trains a registered model, evaluates it and exports a SavedModel.",
        default=base,
    )
    parser.add_argument("--list", action="store_true", help="Show every model and stop.")
    parsed, unknown = parser.parse_known_args(list(arguments))
    parser.refuse(unknown)
    if parsed.list:
        return None
    if not parsed.options.model:
        raise UserError("--model is required; --list shows the models")
    if parsed.options.init:
        init = absolute_source(parsed.options.init)
        return dataclasses.replace(parsed.options, init=init)
    return parsed.options


def recipe_config(model: str, dataset: str, recipe: str) -> RunConfig:
    """Returns the configuration of a run without further options.

    Args:
        model: Registry key.
        dataset: Name of the dataset; the recipe's own if empty.
        recipe: Name of the recipe.

    Raises:
        UserError: if the model has no recipe of that name.
    """
    settings = recipes.get(model, recipe).settings(dataset)
    return dataclasses.replace(RunConfig(), model=model, recipe=recipe, **settings)


def _check_model(name: str) -> None:
    import zoo

    if name not in zoo.list_models():
        try:
            zoo.describe(name)
        except ValueError as error:
            raise UserError(str(error)) from None
