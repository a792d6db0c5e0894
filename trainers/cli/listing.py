"""The table of `--list`: every model with its task, default dataset and reference."""

from __future__ import annotations

import zoo
from trainers import recipes
from trainers.training.parameters import trained_parameters

__all__ = ["table"]


def table() -> str:
    """Returns one line per registered model; its weights are those of the default recipe."""
    rows = [("model", "task", "default dataset", "trained weights", "reference", "summary")]
    for name in zoo.list_models():
        entry = zoo.describe(name)
        recipe = recipes.get(name)
        settings = recipe.settings("")
        # As from a file: a model with weights from elsewhere does not fetch them to be listed.
        model = entry.model_class.from_config({**_two_classes(entry), **settings["hp"]})
        rows.append(
            (
                name,
                entry.task,
                recipe.dataset,
                f"{trained_parameters(model):,}",
                entry.reference,
                entry.summary,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def _two_classes(entry: zoo.ModelEntry) -> dict[str, list[str]]:
    # A classifier cannot be built without classes; their names do not change its size.
    classifies = entry.task in ("classification", "unsupervised_classification")
    return {"class_names": ["first", "second"]} if classifies else {}
