"""The table of `--list`: every model with its task, default dataset and reference."""

from __future__ import annotations

import zoo
from trainers.cli import model_index

__all__ = ["table"]


def table() -> str:
    """Returns one line per registered model; its weights are those of the default recipe.

    Models that are not in the index, such as those of other packages, are built to be listed; those
    that cannot be used follow with the reason.
    """
    index = model_index.read()
    rows = [("model", "task", "default dataset", "trained weights", "reference", "summary")]
    broken = []
    for name in zoo.list_models():
        try:
            model = index.get(name) or model_index.describe(name)
        except Exception as error:
            # Another package's code: the project's own models are in the index.
            reason = error if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            broken.append(f"{name} cannot be used: {' '.join(str(reason).split())}")
            continue
        weights = f"{model.trained_weights:,}"
        rows.append((name, model.task, model.dataset, weights, model.reference, model.summary))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join([*lines, *broken])
