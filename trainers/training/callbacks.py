"""Callbacks of a training: progress lines, TensorBoard scalars and the history file."""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import keras
import tensorflow as tf
import tqdm

from trainers.storage.atomic_files import write_atomically

__all__ = ["HistoryFile", "ProgressReport", "TensorBoardScalars"]

# Logs that are no terms of the loss.
_SETTINGS = ("learning_rate", "images_per_second", "data_wait_fraction")
_VALIDATION = "validation_"


class ProgressReport(keras.callbacks.Callback):
    """A line per epoch, and within the epoch a bar on a terminal or lines elsewhere.

    Args:
        stream: Output. Default standard output.
        line_seconds: Time between the lines within an epoch, s. Default 30.
    """

    def __init__(self, stream: TextIO | None = None, line_seconds: float = 30.0):
        super().__init__()
        self.stream = stream or sys.stdout
        self.line_seconds = line_seconds
        self._epochs_timed: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._begun = self._line = time.monotonic()
        self._title = f"epoch {epoch + 1}/{self.params['epochs']}"
        self._bar = tqdm.tqdm(
            total=self.params["steps"] * self.params["batch_size"],
            desc=self._title,
            unit=" images",
            file=self.stream,
            leave=False,
            dynamic_ncols=True,
            disable=None,
        )

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self._bar.set_postfix_str(_terms(logs), refresh=False)
        self._bar.update((batch + 1) * self.params["batch_size"] - self._bar.n)
        if self._bar.disable and time.monotonic() - self._line > self.line_seconds:
            self._line = time.monotonic()
            left = (self._line - self._begun) * (self.params["steps"] / (batch + 1) - 1)
            self._write(
                f"{self._title}  batch {batch + 1}/{self.params['steps']}  {_terms(logs)}  "
                f"{_speed(logs)}  {tqdm.tqdm.format_interval(left)} left in this epoch"
            )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._bar.close()
        self._epochs_timed.append(time.monotonic() - self._begun)
        # The first epoch of a process includes the tracing.
        timed = self._epochs_timed[1:] or self._epochs_timed
        left = sum(timed) / len(timed) * (self.params["epochs"] - epoch - 1)
        line = f"{self._title}  {_terms(logs)}  {_speed(logs)}"
        if left:
            line += f"  at most {tqdm.tqdm.format_interval(left)} left"
        self._write(line)

    def _write(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


class TensorBoardScalars(keras.callbacks.Callback):
    """Writes each epoch's numbers as TensorBoard scalars: the runs `train` and `validation`."""

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = Path(folder)
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        for name, value in logs.items():
            validates = name.startswith(_VALIDATION)
            writer = self._writer("validation" if validates else "train")
            with writer.as_default(step=epoch + 1):
                tf.summary.scalar(name.removeprefix(_VALIDATION), value)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        for writer in self._writers.values():
            writer.close()

    def _writer(self, run: str) -> tf.summary.SummaryWriter:
        if run not in self._writers:
            self._writers[run] = tf.summary.create_file_writer(str(self.folder / run))
        return self._writers[run]


class HistoryFile(keras.callbacks.Callback):
    """Keeps one row of numbers per epoch in a CSV file; an epoch that is repeated is replaced."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        rows = []
        if self.path.exists():
            with open(self.path, newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["epoch"]) <= epoch]
        rows.append({"epoch": epoch + 1, **logs})
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self.path, text.getvalue())


def _terms(logs: Mapping[str, float]) -> str:
    names = [name for name in logs if name not in _SETTINGS]
    names.sort(key=lambda name: (name.startswith(_VALIDATION), not name.endswith("loss"), name))
    return "  ".join(f"{name.replace('_', ' ')} {logs[name]:.5g}" for name in names)


def _speed(logs: Mapping[str, float]) -> str:
    if "images_per_second" not in logs:
        return ""
    return (
        f"{logs['images_per_second']:.0f} images/s "
        f"(waiting for data {100 * logs['data_wait_fraction']:.1f} %)"
    )
