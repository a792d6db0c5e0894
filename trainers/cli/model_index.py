"""Index of the zoo's models in a file, so that listing them imports no TensorFlow.

    python -m trainers.cli.model_index

writes the file again after a model or its default recipe has changed; a test compares the two.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

import zoo.models
from trainers import recipes

__all__ = ["PATH", "ModelSummary", "as_text", "describe", "main", "names", "read"]

PATH = Path(recipes.__file__).with_name("models.json")
"""The index, beside the recipes."""


@dataclasses.dataclass(frozen=True)
class ModelSummary:
    """A registered model with its default recipe.

    Attributes:
        task: One of `zoo.registry.TASKS`.
        dataset: Dataset of the recipe.
        trainable_parameters: Number of trainable parameters.
        reference: Publication that the model follows.
        summary: First line of the model's docstring.
    """

    task: str
    dataset: str
    trainable_parameters: int
    reference: str
    summary: str


def describe(name: str) -> ModelSummary:
    """Returns the summary of a model, which is built with the settings of its default recipe.

    Raises:
        ValueError: if no model has that name.
    """
    from trainers.training.parameters import trained_parameters

    entry = zoo.describe(name)
    settings = recipes.get(name).settings("")
    # A classifier cannot be built without classes; their names do not change its size.
    classifies = entry.task in ("classification", "unsupervised_classification")
    classes = {"class_names": ["first", "second"]} if classifies else {}
    # As from a file: a model with weights from elsewhere does not fetch them to be listed.
    model = entry.model_class.from_config({**classes, **settings["hp"]})
    return ModelSummary(
        entry.task, settings["dataset"], trained_parameters(model), entry.reference, entry.summary
    )


def names() -> list[str]:
    """Returns the models that the index must have: those of this package."""
    return sorted(module.name for module in pkgutil.iter_modules(zoo.models.__path__))


def read() -> dict[str, ModelSummary]:
    """Returns the models of the index by name; without those of other packages."""
    models = json.loads(PATH.read_text(encoding="utf-8"))
    return {name: ModelSummary(**summary) for name, summary in models.items()}


def as_text(models: dict[str, ModelSummary]) -> str:
    """Returns the content of the file for models by name."""
    summaries = {name: dataclasses.asdict(models[name]) for name in sorted(models)}
    return json.dumps(summaries, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the file.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    parser = argparse.ArgumentParser(
        prog="trainers.cli.model_index",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    PATH.write_text(as_text({name: describe(name) for name in names()}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
