"""Repeats of a run with other seeds, and the scatter of their results."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainers.datasets.dataset import Dataset
from trainers.options.run import RunConfig
from trainers.runs import exports, pipeline
from trainers.runs.outcome import Outcome
from trainers.runs.run_folder import RunFolder
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import read_json, write_json
from trainers.tables.markdown import markdown_table

__all__ = ["execute", "summarise", "table"]


def execute(
    config: RunConfig,
    dataset: Dataset,
    strategy: tf.distribute.Strategy,
    evaluated: Dataset | None = None,
) -> Outcome | None:
    """Does `config.repeats` runs, and exports the one with the lowest validation loss.

    Repeat i has the seed `config.seed + i` and the folder `seed_<seed>`; see `pipeline.execute` for
    the arguments. Neither labels nor the test split choose the exported run.

    Returns:
        The outcome of the exported run; None on workers that are not the chief.
    """
    folder = RunFolder(config.run_dir)
    runs, outcomes = [], []
    for seed in range(config.seed, config.seed + config.repeats):
        run = dataclasses.replace(
            config,
            seed=seed,
            repeats=1,
            run_dir=str(folder.path / f"seed_{seed}"),
        )
        runs.append(run)
        outcomes.append(pipeline.execute(run, dataset, strategy, False, evaluated))
        keras.backend.clear_session()
    if any(outcome is None for outcome in outcomes):
        return None
    seeds = [run.seed for run in runs]
    summary = summarise([outcome.metrics for outcome in outcomes])
    best = min(range(len(runs)), key=lambda index: outcomes[index].best_loss)
    record = {"seeds": seeds, "exported_seed": seeds[best], "metrics": summary}
    saved_model = exports.own_export(RunFolder(runs[best].run_dir), config.saved_models_dir)
    if saved_model is None or not _is_recorded(folder, record):
        saved_model = exports.export_run(runs[best], dataset, outcomes[best].metrics)
    text = table(summary, seeds) + (
        f"\nExported: seed {seeds[best]}, the one with the lowest validation loss "
        f"({outcomes[best].best_loss:.6g}); no test metric was used to choose it.\n"
    )
    write_json(folder.repeats, {**record, "saved_model": str(saved_model.absolute())})
    write_atomically(folder.path / "repeats.md", f"# {config.model} on {config.dataset}\n\n{text}")
    print(text, flush=True)
    return dataclasses.replace(outcomes[best], saved_model=saved_model)


def _is_recorded(folder: RunFolder, record: Mapping[str, Any]) -> bool:
    if not folder.repeats.exists():
        return False
    before = read_json(folder.repeats)
    return all(before.get(name) == value for name, value in record.items())


def summarise(metrics: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Returns mean, standard deviation (n - 1), minimum, maximum and values of each number.

    Args:
        metrics: Values of each of two or more runs by evaluator and name; values that some run
            lacks, or that are no numbers, are left out.
    """
    flat = [
        {
            f"{group}/{name}": float(value)
            for group, numbers in run.items()
            if isinstance(numbers, Mapping)
            for name, value in numbers.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        for run in metrics
    ]
    summary = {}
    for name in flat[0]:
        if not all(name in run for run in flat):
            continue
        values = np.array([run[name] for run in flat])
        summary[name] = {
            "mean": float(values.mean()),
            "standard_deviation": float(values.std(ddof=1)),
            "min": float(values.min()),
            "max": float(values.max()),
            "values": values.tolist(),
        }
    return summary


def table(summary: Mapping[str, Mapping[str, Any]], seeds: Sequence[int]) -> str:
    """Returns the summary as a Markdown table with aligned columns."""
    columns = ["mean", "standard_deviation", "min", "max"]
    header = ["metric", *(column.replace("_", " ") for column in columns)]
    header += [f"seed {seed}" for seed in seeds]
    rows = []
    for name, numbers in summary.items():
        values = [numbers[column] for column in columns] + list(numbers["values"])
        rows.append([name, *(f"{value:.4g}" for value in values)])
    return markdown_table(header, rows, aligned=True) + "\n"
