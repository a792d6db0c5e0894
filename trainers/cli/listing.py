"""Models and recipes for `--list`."""

from __future__ import annotations

import zoo
from trainers import recipes
from trainers.cli import model_index

__all__ = ["table"]


def table() -> str:
    """Returns two lines per registered model: columns, and its summary.

    Dataset and number of trainable parameters are those of the default recipe. Models that are not
    in the index, such as those of other packages, are built to be listed; those that cannot be used
    follow with the reason.
    """
    index = model_index.read()
    rows = [("model", "task", "trainable parameters", "default dataset", "recipes")]
    summaries, broken = [""], []
    for name in zoo.list_models():
        try:
            model = index.get(name) or model_index.describe(name)
        except Exception as error:
            # Another package's code: the project's own models are in the index.
            reason = error if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            broken.append(f"{name} cannot be used: {' '.join(str(reason).split())}")
            continue
        parameters = f"{model.trainable_parameters:,}"
        rows.append((name, model.task, parameters, model.dataset, ", ".join(recipes.names(name))))
        summaries.append(f"    {model.summary}")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, summary in zip(rows, summaries, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines += ["  ".join(cells).rstrip(), summary]
    return "\n".join([*filter(None, lines), *broken])
