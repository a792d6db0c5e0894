"""A page for each registered model, from its registry entry, its docstring and its recipes."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from typing import Any

import zoo
from documentation import docstrings
from documentation.markdown import table
from trainers import recipes

__all__ = ["index", "page"]


def index() -> str:
    """Returns the page that leads to those of the models."""
    entries = [zoo.describe(name) for name in zoo.list_models()]
    rows = [(f"[`{e.name}`]({e.name}.md)", e.summary, e.task.replace("_", " ")) for e in entries]
    return (
        "# Model by model\n\n"
        "Made from the registry, the docstrings and the recipes as they are. What the models "
        "share, and why they are as they are: [models](../models.md).\n\n"
        + table(("model", "what it is", "task"), rows)
    )


def page(name: str) -> str:
    """Returns the page of a model.

    Args:
        name: Registry key.

    Raises:
        ValueError: if no model has that name.
    """
    entry = zoo.describe(name)
    told = docstrings.parse(entry.model_class)
    facts = [
        ("task", entry.task.replace("_", " ")),
        ("reference", entry.reference),
        ("class", f"`{entry.model_class.__module__}.{entry.model_class.__qualname__}`"),
        ("in context", f"[models](../models.md#{name}), [results](../results.md)"),
    ]
    parts = [
        f"# {name}",
        told.summary,
        table(("", ""), facts),
        told.body,
        "## Hyperparameters",
        f"`--hp NAME=VALUE` of the commands, or `zoo.create('{name}', NAME=VALUE)`. Where it says "
        "*as in*, the second column has the default, whatever the text tells of that model's.",
        _hyperparameters(entry),
    ]
    for title in ("Raises", "References"):
        if text := told.sections.get(title):
            parts += [f"## {title}", text]
    return "\n\n".join([*parts, "## Recipes", *_recipes(name)]) + "\n"


def _hyperparameters(entry: zoo.ModelEntry) -> str:
    told: dict[str, tuple[str, str]] = {}
    for model_class in reversed(entry.model_class.__mro__):
        # Keras's own classes tell of other arguments.
        if model_class.__module__.startswith("zoo."):
            by = vars(model_class).get("registry_name") or model_class.__name__
            items = docstrings.parse(model_class).items("Args")
            told |= {name: (text, by) for name, text in items.items()}
    rows = []
    for name, default in entry.hyperparameters.items():
        text, by = told.get(name, ("", ""))
        # Of another model the text may tell another default.
        origin = "" if by == entry.name else f" *(as in `{by}`)*" if text else ""
        rows.append((f"`{name}`", f"`{_short(default)}`", text + origin))
    return table(("name", "default", "what it is"), rows)


def _recipes(name: str) -> list[str]:
    module = f"trainers.recipes.{name}"
    if importlib.util.find_spec(module) is None:
        told = "None of its own: with the defaults of `trainers.run`,"
        return [told, f"    python -m trainers.run --model {name}"]
    module = importlib.import_module(module)
    told = docstrings.parse(module)
    parts = [told.summary, told.body]
    for key, recipe in vars(module).items():
        if isinstance(recipe, recipes.Recipe):
            rows = [
                (f"`{field.name}`", f"`{value!r}`")
                for field in dataclasses.fields(recipe)
                if (value := getattr(recipe, field.name)) not in (None, {})
            ]
            parts += [f"### `--recipe {key.lower()}`", table(("setting", "value"), rows)]
    return parts


def _short(value: Any) -> str:
    return value if isinstance(value, str) and value else repr(value)
