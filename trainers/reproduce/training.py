"""Trainings of a reproduction, one run each."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from trainers.datasets import loading
from trainers.datasets.dataset import Dataset
from trainers.options.run import RunConfig
from trainers.runs import pipeline
from trainers.runs.run_folder import RunFolder
from trainers.storage.json_files import read_json, write_json

__all__ = ["Training", "train"]


@dataclasses.dataclass(frozen=True)
class Training:
    """A finished training.

    Attributes:
        metrics: Numbers by evaluator and name.
        seconds: Time of training and evaluation, s; None if a kill prevented the measurement.
        is_new: Whether this process ended it.
    """

    metrics: dict[str, dict[str, Any]]
    seconds: float | None
    is_new: bool


def train(config: RunConfig, dataset: Dataset, strategy: tf.distribute.Strategy) -> Training:
    """Does a run on a dataset as stored, or resumes it."""
    folder = RunFolder(config.run_dir)
    times = folder.path / "seconds.json"
    earlier = read_json(times) if times.exists() else 0.0
    before, begun = _modified(folder.finished), time.monotonic()
    try:
        outcome = pipeline.execute(
            config, loading.for_run(dataset, config), strategy, exports=False
        )
    finally:
        is_new = before is None or _modified(folder.finished) != before
        if is_new and folder.path.exists():
            write_json(times, earlier + time.monotonic() - begun)
    keras.backend.clear_session()
    return Training(outcome.metrics, read_json(times) if times.exists() else None, is_new)


def _modified(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None
