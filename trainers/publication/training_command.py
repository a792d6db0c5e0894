"""The command that trained a run, from the run's configuration."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
from pathlib import Path
from typing import Any

from trainers import recipes
from trainers.options.fields import Affects, names
from trainers.options.run import RunConfig

__all__ = ["path_name", "training_command"]

# Options without an effect on the weights, and those that are written in another way.
_LEFT_OUT = {*names(RunConfig, Affects.NOTHING), "evaluators", "hp", "model"}
_LEFT_OUT -= {"data_dir", "images", "labels"}


def training_command(config: RunConfig) -> str:
    """Returns a command line that trains as a run did.

    Options that the recipe sets are left out, and of paths the name is kept: those of the machine
    mean nothing elsewhere.
    """
    base = recipes.run_config(config.model, config.dataset, config.recipe)
    default = recipes.run_config(config.model, "", config.recipe)
    words = ["python", "-m", "trainers.run", "--model", config.model]
    for field in dataclasses.fields(config):
        name, value = field.name, getattr(config, field.name)
        of_recipe = default.dataset if name == "dataset" else getattr(base, name)
        if name == "recipe":
            of_recipe = "default"
        if name in _LEFT_OUT or value == of_recipe:
            continue
        if name == "data_dir" and config.dataset != "image_folder":
            continue
        words += _option(name, value)
    changed = {name: value for name, value in config.hp.items() if base.hp.get(name) != value}
    if changed:
        words += ["--hp", *(f"{name}={_text(value)}" for name, value in changed.items())]
    return shlex.join(words)


def path_name(value: Any) -> Any:
    """Returns the last part of a path; anything else as it is."""
    if isinstance(value, str) and os.sep in value:
        path = Path(value).expanduser()
        if path.is_absolute() or path.exists():
            return path.name
    return value


def _option(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}"] * value
    if isinstance(value, (list, tuple)):
        return [f"--{name}", *(str(path_name(item)) for item in value)]
    return [f"--{name}", str(path_name(value))]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return path_name(value)
    if isinstance(value, dict):
        value = {name: path_name(item) for name, item in value.items()}
    return json.dumps(value)
