"""A run from its configuration: data, training, evaluation and export."""

from __future__ import annotations

import dataclasses

from trainers.datasets import loading
from trainers.datasets.dataset import Dataset
from trainers.distribution import strategy as strategies
from trainers.options.run import RunConfig
from trainers.runs import pipeline, repeats
from trainers.runs.outcome import Outcome
from trainers.runs.run_name import default_run_dir

__all__ = ["run"]


def run(config: RunConfig, stored: Dataset | None = None) -> tuple[RunConfig, Outcome | None]:
    """Does a run, or resumes it.

    Args:
        config: The run.
        stored: Its data without the noise, padding and augmentation of the run; None to read those
            that `config` names.

    Returns:
        The configuration with the folder of the run, and the outcome, which is None on workers
        that are not the chief.

    Raises:
        UserError: if configuration, data, model or folder do not fit together.
        TrainingError: if the training cannot go on.
    """
    pipeline.check_model(config)
    if not config.run_dir:
        config = dataclasses.replace(config, run_dir=default_run_dir(config))
    strategy = strategies.make(config.strategy, config.deterministic)
    with strategies.telling_failures(strategy):
        with strategies.chief_first(strategy) as chief:
            stored = loading.load_stored(config) if stored is None else stored
            dataset = loading.for_run(stored, config)
        if chief:
            _print_skipped(dataset)
        execute = repeats.execute if config.repeats > 1 else pipeline.execute
        evaluated = loading.with_noise(stored, config)
        outcome = execute(config, dataset, strategy, evaluated=evaluated)
        strategies.end(strategy)
    return config, outcome


def _print_skipped(dataset: Dataset, shown: int = 10) -> None:
    skipped = dataset.skipped
    if skipped:
        print(f"{len(skipped)} images left out:")
        rest = [f"... and {len(skipped) - shown} more"] * (len(skipped) > shown)
        print(*(f"  {line}" for line in [*skipped[:shown], *rest]), sep="\n", flush=True)
