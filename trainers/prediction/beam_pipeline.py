"""The parts of a table, made by an Apache Beam pipeline on the runner that the user has."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import create_runner

from tfds_builders.beam_shards import local_runner
from trainers.cutouts.cutout import Cutout
from trainers.errors import TrainingError, UserError
from trainers.prediction import predict_blocks
from trainers.prediction.parts import Parts
from trainers.prediction.predict_blocks import Block, Entries, Rows, Unit
from trainers.prediction.served_model import Facts, ServedModel
from trainers.training.progress import ProgressBar

__all__ = ["ServedModelHandler", "run"]

_LOCAL = ("", "DirectRunner", "FnApiRunner")
_POLL_SECONDS = 0.5


class ServedModelHandler(ModelHandler[Block, Rows, ServedModel]):
    """Loads a SavedModel once for each process of Beam's, and answers blocks of cutouts.

    Departure from Beam's `TFModelHandlerTensor`: that one asks Keras to load the model, which
    reads no SavedModel since Keras 3, and it batches as it likes, so that the numbers would differ
    in their last digits from those of a process alone.

    Args:
        folder: Folder of the SavedModel, the same on all machines.
        **choices: See `ServedModel`.
    """

    def __init__(self, folder: Path, **choices: Any):
        super().__init__(min_batch_size=1, max_batch_size=1)
        self._folder, self._choices = folder, choices

    def load_model(self) -> ServedModel:
        return ServedModel(self._folder, **self._choices)

    def run_inference(
        self,
        batch: Sequence[Block],
        model: ServedModel,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[Rows]:
        return [predict_blocks.predict_block(block, model) for block in batch]

    def get_num_bytes(self, batch: Sequence[Block]) -> int:
        return sum(
            entry.image.nbytes
            for block in batch
            for entry in block.entries
            if isinstance(entry, Cutout)
        )

    def get_metrics_namespace(self) -> str:
        return "trainers.predict"


class _Read(beam.DoFn):
    """Reads the blocks of a unit."""

    def __init__(self, entries: Entries, batch_size: int):
        self._entries, self._batch_size = entries, batch_size

    def process(self, unit: Unit) -> Iterator[Block]:
        yield from predict_blocks.blocks(self._entries, unit, self._batch_size)

    def teardown(self) -> None:
        self._entries.close()


class _Write(beam.DoFn):
    """Writes the part of a unit."""

    def __init__(self, parts: Parts, facts: Facts):
        self._parts, self._facts = parts, facts

    def process(self, unit: tuple[int, Iterable[Rows]]) -> None:
        number, rows = unit
        rows = sorted(rows, key=lambda one: one.number)
        left_out = [line for one in rows for line in one.left_out]
        self._parts.write(number, predict_blocks.table_of(rows, self._facts), left_out)


def run(
    entries: Entries,
    units: Sequence[Unit],
    facts: Facts,
    parts: Parts,
    *,
    batch_size: int,
    progress: ProgressBar,
    runner: str | None = None,
    options: str | None = None,
    **choices: Any,
) -> None:
    """Makes parts, as `local.run` does, where the runner says.

    All machines must see the files of the cutouts, of the model and of the parts under the same
    names.

    Args:
        entries, units, facts, parts, batch_size, progress: As of `local.run`.
        runner: Name of Beam's runner; None for this machine, unless the options have one.
        options: Of the pipeline, "OPTION=VALUE,OPTION=VALUE".
        **choices: See `ServedModel`.

    Raises:
        UserError: if there is no such runner or option.
        TrainingError: if the pipeline fails.
    """
    pipeline_options = _options(options, runner)
    named = pipeline_options.get_all_options().get("runner") or ""
    if named in _LOCAL:
        _check(pipeline_options)
    try:
        chosen = local_runner(pipeline_options) if named in _LOCAL else create_runner(named)
    except (ValueError, ImportError, AttributeError) as error:
        raise UserError(f"`runner` must be one that Beam has; got '{named}': {error}") from None
    with _watched(parts, units, progress):
        try:
            with beam.Pipeline(runner=chosen, options=pipeline_options) as pipeline:
                _ = (
                    pipeline
                    | "Units" >> beam.Create(units)
                    | "Spread" >> beam.Reshuffle()
                    | "Read" >> beam.ParDo(_Read(entries, batch_size))
                    | "Answer" >> RunInference(ServedModelHandler(facts.folder, **choices))
                    | "Key" >> beam.Map(lambda rows: (rows.unit, rows))
                    | "Collect" >> beam.GroupByKey()
                    | "Write" >> beam.ParDo(_Write(parts, facts))
                )
        except (UserError, OSError):
            raise
        except (RuntimeError, ValueError) as error:
            raise TrainingError(f"the Beam pipeline failed: {error}") from error
    missing = {unit.number for unit in units} - parts.done()
    if missing:
        raise TrainingError(
            f"the Beam pipeline ended without {len(missing)} of {len(units)} parts in "
            f"{parts.folder}; all workers must see that folder"
        )


def _options(text: str | None, runner: str | None) -> PipelineOptions:
    pairs = [pair for pair in (text or "").split(",") if pair]
    # Workers announce each of their channels; an option that is given comes later and holds.
    flags = ["--default_sdk_harness_log_level=ERROR", *(f"--{pair}" for pair in pairs)]
    return PipelineOptions([*flags, *([f"--runner={runner}"] if runner else [])])


def _check(options: PipelineOptions) -> None:
    # Beam passes over what it does not know: another runner's server may know it.
    own = options.get_all_options().keys()
    unknown = options.get_all_options(retain_unknown_options=True).keys() - own
    if unknown:
        raise UserError(
            "`beam_pipeline_options` must be options that Beam has on this machine; got "
            f"{', '.join(sorted(unknown))}"
        )


@contextlib.contextmanager
def _watched(parts: Parts, units: Sequence[Unit], progress: ProgressBar) -> Iterator[None]:
    """Adds the parts that appear to `progress`."""
    finished = threading.Event()
    left = {unit.number: unit.stop - unit.start for unit in units}

    def watch() -> None:
        last = False
        while not last:
            last = finished.wait(_POLL_SECONDS)
            for number in left.keys() & parts.done():
                progress.add(left.pop(number))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
