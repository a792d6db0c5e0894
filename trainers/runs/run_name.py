"""Default folder of a run, named after its model, data, recipe, seed and changed settings."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from trainers import recipes
from trainers.options import identity
from trainers.options.fields import Affects
from trainers.options.run import RunConfig

__all__ = ["default_run_dir"]

# Longer names of changed settings become a hash.
_LONGEST = 80
_NAMED_ANYWAY = ("model", "dataset", "recipe", "seed", "hp")


def default_run_dir(config: RunConfig) -> str:
    """Returns `runs/<model>-<dataset>-<recipe>-seed_<n>`, with the changes from the recipe.

    Runs with different options have different folders, unless only the data differ.
    """
    seed = f"seed_{config.seed}" if config.repeats == 1 else f"{config.repeats}_repeats"
    words = [config.model, config.data_name.replace("/", "_"), config.recipe, seed]
    changed = [f"{name}_{_short(value)}" for name, value in _changes(config).items()]
    text = "-".join(changed)
    if len(text) > _LONGEST:
        text = (
            f"{text[:_LONGEST].rsplit('-', 1)[0]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        )
    return str(Path("runs") / "-".join([*words, *([text] if text else [])]))


def _changes(config: RunConfig) -> dict[str, Any]:
    """Returns the hyperparameters and options of the training that differ from the recipe's."""
    stages = (*identity.WEIGHTS, Affects.LENGTH)
    own = identity.options_of(config, affects=stages)
    base = recipes.run_config(config.model, config.dataset, config.recipe)
    of_recipe = identity.options_of(base, affects=stages)
    hp = {n: v for n, v in own["hp"].items() if of_recipe["hp"].get(n) != v}
    options = {
        name: value
        for name, value in own.items()
        if name not in _NAMED_ANYWAY and of_recipe[name] != value
    }
    return hp | options


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return "x".join(map(_short, value))
    text = str(value)
    if "/" in text:
        # Files of one name may be in several folders.
        text = f"{Path(text).stem}_{hashlib.sha256(text.encode()).hexdigest()[:6]}"
    return re.sub(r"[^\w.+]+", "_", text).strip("_") or "none"
