"""The command line of `trainers.run`, made from `RunConfig`, and one-line errors for it."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence

import simple_parsing

from trainers import recipes
from trainers.cli.arguments import OneLineParser
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.options.values import absolute_source

__all__ = ["parse_run", "recipe_config"]


class _Parser(simple_parsing.ArgumentParser):
    def error(self, message: str):
        raise UserError(message)


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

    parser = _Parser(
        prog="python -m trainers.run",
        description="Trains a registered model, evaluates it and exports a SavedModel.",
        argument_generation_mode=simple_parsing.ArgumentGenerationMode.FLAT,
        allow_abbrev=False,
    )
    parser.add_argument("--list", action="store_true", help="Show every model and stop.")
    parser.add_arguments(RunConfig, dest="config", default=base)
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        options = [f"--{field.name}" for field in dataclasses.fields(RunConfig)]
        given = unknown[0].split("=")[0]
        nearest = difflib.get_close_matches(given, options, n=1, cutoff=0.5)
        hint = f" (did you mean '{nearest[0]}'?)" if nearest else ""
        raise UserError(f"unknown option '{given}'{hint}; --help shows the options")
    if parsed.list:
        return None
    if not parsed.config.model:
        raise UserError("--model is required; --list shows the models")
    if parsed.config.init:
        init = absolute_source(parsed.config.init)
        return dataclasses.replace(parsed.config, init=init)
    return parsed.config


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
