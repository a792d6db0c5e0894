"""Recipes: for each model the dataset, the trainer's settings and the hyperparameters.

A recipe is a module-level `Recipe` in upper case in the file named after the model; its name on
the command line is the lower-case one. Other packages bring such a module as an entry point, named
after the model, in the group "galaxy_model_zoo.recipes".
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import zoo
from trainers.errors import UserError
from trainers.options.cutout_source import CUTOUTS
from trainers.options.run import RunConfig
from zoo import plugins

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Recipe", "get", "names", "run_config"]

_GROUP = "galaxy_model_zoo.recipes"


# Dataset and hyperparameters are attributes of the recipe itself.
_SETTINGS = [field.name for field in dataclasses.fields(RunConfig) if field.metadata["in_recipes"]]
_Settings = dataclasses.make_dataclass(
    "_Settings", [(name, Any, None) for name in _SETTINGS], frozen=True, kw_only=True
)


@dataclasses.dataclass(frozen=True)
class Recipe(_Settings):
    """Settings of a run: options of `RunConfig` on which the result depends, such as `epochs`.

    None leaves a setting to the default of `RunConfig`.

    Attributes:
        dataset: Default dataset.
        hyperparameters: Constructor arguments of the model.
        datasets: By dataset (`builder/config/options`, `builder/config` with any options, or
            `builder` with any configuration; the longest that fits counts), fields of the recipe
            that differ there; `hyperparameters` are added to those above.
    """

    dataset: str = "sdss_star_galaxy/simulated"
    hyperparameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    datasets: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def settings(self, dataset: str) -> dict[str, Any]:
        """Returns the fields of `RunConfig` that the recipe sets for a dataset.

        Args:
            dataset: Name of the dataset; the recipe's own if empty.
        """
        dataset = dataset or self.dataset
        parts = dataset.split("/", 2)
        candidates = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
        # Both are people's own, mostly of some thousand objects.
        candidates += ["image_folder"] * (dataset == CUTOUTS)
        special = next((self.datasets[name] for name in candidates if name in self.datasets), {})
        further = special.get("hyperparameters", {})
        recipe = dataclasses.replace(
            self, **{**special, "hyperparameters": {**self.hyperparameters, **further}}
        )
        settings = {name: getattr(recipe, name) for name in _SETTINGS}
        settings = {name: value for name, value in settings.items() if value is not None}
        settings |= {"dataset": dataset, "hp": recipe.hyperparameters}
        # As read from a saved configuration, so that the two compare equal.
        return json.loads(json.dumps(settings))


def get(model: str, name: str = "default") -> Recipe:
    """Returns a recipe of a model.

    Args:
        model: Registry key. A model without recipes has an empty `default`.
        name: Name of the recipe. Those of other packages are imported only if it is none of the
            project's own.

    Raises:
        UserError: if the model has no recipe of that name, or another package's recipes cannot be
            imported or share a name.
    """
    recipes = _own(model)
    if name not in recipes:
        for entry_point in plugins.by_name(_GROUP).get(model, ()):
            recipes = _joined(model, recipes, entry_point)
    recipes.setdefault("default", Recipe())
    if name not in recipes:
        raise UserError(
            f"model '{model}' has no recipe '{name}'; its recipes: {', '.join(sorted(recipes))}"
        )
    return recipes[name]


def names(model: str) -> list[str]:
    """Returns the names of the recipes of a model, those of other packages aside."""
    return sorted({"default", *_own(model)})


def run_config(model: str, dataset: str = "", recipe: str = "default") -> RunConfig:
    """Returns the configuration of a run as a recipe has it.

    Args:
        model: Registry key.
        dataset: Name of the dataset; the recipe's own if empty.
        recipe: Name of the recipe.

    Raises:
        UserError: if there is no such model, or it has no such recipe.
    """
    if model not in zoo.list_models():
        try:
            zoo.describe(model)
        except ValueError as error:
            raise UserError(str(error)) from None
    settings = get(model, recipe).settings(dataset)
    return dataclasses.replace(RunConfig(), model=model, recipe=recipe, **settings)


def _own(model: str) -> dict[str, Recipe]:
    if model not in (module.name for module in pkgutil.iter_modules(__path__)):
        return {}
    return _of_module(importlib.import_module(f"trainers.recipes.{model}"))


def _joined(
    model: str, recipes: Mapping[str, Recipe], entry_point: EntryPoint
) -> dict[str, Recipe]:
    try:
        others = _of_module(plugins.load(entry_point))
    except plugins.PluginError as error:
        raise UserError(str(error)) from None
    for name in others:
        if name in recipes:
            raise UserError(
                f"recipe '{name}' of model '{model}' exists before {plugins.origin(entry_point)}"
            )
    return {**recipes, **others}


def _of_module(module: ModuleType) -> dict[str, Recipe]:
    return {name.lower(): each for name, each in vars(module).items() if isinstance(each, Recipe)}
