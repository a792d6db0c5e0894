"""Datasets written file by file in an Apache Beam pipeline, on all cores by default."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import joblib
import tensorflow as tf
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions, TypeOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from etils import epath
from tensorflow_datasets.core import example_serializer, splits, writer
from tensorflow_datasets.core import utils as tfds_utils

from tfds_builders.exclusive_build import ExclusiveBuild
from tfds_builders.progress import ProgressLines

__all__ = ["BeamShardsBuilder", "ShardExamples", "local_runner"]

_POLL_SECONDS = 0.5
# Fewer are written before further processes have imported TensorFlow.
_FEWEST_FILES = 16

ShardExamples = Callable[[], Iterator[tuple[str, dict[str, Any]]]]
"""Returns the examples of one file with their keys; has a length; can be pickled.

Fewer examples than its length may come. It may have a list `left_out` then, with a line about each
of those that are missing.
"""


class BeamShardsBuilder(ExclusiveBuild, tfds.core.ShardBasedBuilder):
    """A builder whose files are written in parallel, each by one worker from its own examples.

    `_shard_iterators_per_split` returns `ShardExamples`. They go to disk one by one: the files are
    the same whatever the number of workers, and memory does not grow with the number of examples,
    as it does where Beam sorts them.

    The pipeline runs where `--beam_pipeline_options` (`tfds.download.DownloadConfig`) says. Without
    them it runs on this machine, in `processes` processes.

    Departure from `tfds.core.ShardBasedBuilder`: that one uses Beam only if a runner is given as an
    object, and makes a stage of each file, which Beam's local runner executes one after the other.
    """

    @property
    def processes(self) -> int | None:
        """Processes on this machine; None for one per core, or one alone for few files."""
        return None

    def report(self, left_out: Sequence[str]) -> None:
        """Receives what the files' examples left out, a line each."""

    def _download_and_prepare(
        self,
        dl_manager: tfds.download.DownloadManager,
        download_config: tfds.download.DownloadConfig | None = None,
    ) -> None:
        config = download_config or tfds.download.DownloadConfig()
        tasks: list[_Task] = []
        templates = {}
        for split, shards in self._shard_iterators_per_split(dl_manager).items():
            templates[split] = self._get_filename_template(split_name=split)
            for number, examples in enumerate(shards):
                path = templates[split].sharded_filepath(shard_index=number, num_shards=len(shards))
                tasks.append(_Task(split, os.fspath(path), examples))
        written = self._run(tasks, config)
        self.report([line for task in tasks for line in written[task.path].left_out])
        split_infos = []
        for split, template in templates.items():
            mine = [task for task in tasks if task.split == split]
            split_infos.append(
                splits.SplitInfo(
                    name=split,
                    shard_lengths=[written[task.path].examples for task in mine],
                    num_bytes=sum(written[task.path].size for task in mine),
                    filename_template=template,
                )
            )
        self.info.set_splits(splits.SplitDict(split_infos))

    def _run(
        self, tasks: list[_Task], config: tfds.download.DownloadConfig
    ) -> Mapping[str, _Written]:
        """Writes the files and returns what stands in each, by path."""
        write = _Write(
            self.info.features,
            example_serializer.ExampleSerializer(self.info.features.get_serialized_info()),
            self._example_writer(),
        )
        report = epath.Path(self.data_dir) / "shards.json"
        runner, options = config.beam_runner, config.beam_options
        if runner is None and options is None:
            few = len(tasks) < _FEWEST_FILES
            processes = self.processes or (1 if few else joblib.cpu_count())
            runner, options = _local(min(processes, len(tasks)))
        options = options or PipelineOptions([])
        options.view_as(TypeOptions).pipeline_type_check = False
        with _progress(tasks), beam.Pipeline(runner=runner, options=options) as pipeline:
            _ = (
                pipeline
                | "Files" >> beam.Create(tasks)
                | "Spread" >> beam.Reshuffle()
                | "Write" >> beam.Map(write)
                | "Collect" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
                | "Report" >> beam.Map(_save, report)
            )
        if not report.exists():
            raise OSError(f"{report} cannot be written by a worker; the disk may be full")
        rows = [_Written(**row) for row in json.loads(report.read_text())]
        report.unlink()
        failed = sorted((not row.is_mistake, row.error) for row in rows if row.error)
        if failed:
            of_machine, error = failed[0]
            raise OSError(error) if of_machine else ValueError(error)
        return {row.path: row for row in rows}


@dataclasses.dataclass(frozen=True)
class _Task:
    split: str
    path: str
    examples: ShardExamples


@dataclasses.dataclass(frozen=True)
class _Written:
    """Outcome of one file: its size in bytes, or an error line if it cannot be written.

    A line is about the data, or else about the machine, such as a full disk.
    """

    path: str
    examples: int = 0
    size: int = 0
    left_out: Sequence[str] = ()
    error: str = ""
    is_mistake: bool = True


@dataclasses.dataclass(frozen=True)
class _Write:
    """Writes one file."""

    features: tfds.features.FeatureConnector
    serializer: example_serializer.ExampleSerializer
    example_writer: writer.ExampleWriter

    def __call__(self, task: _Task) -> dict[str, Any]:
        """Returns the fields of a `_Written`."""
        path = epath.Path(task.path)
        count = 0

        def serialized() -> Iterator[tuple[str, bytes]]:
            nonlocal count
            for key, example in task.examples():
                count += 1
                record = self.serializer.get_tf_example(self.features.encode_example(example))
                # Otherwise the order of the features differs from process to process.
                yield key, record.SerializeToString(deterministic=True)

        try:
            # Under another name until it is whole: Beam may try again elsewhere.
            with tfds_utils.incomplete_file(path) as incomplete:
                self.example_writer.write(os.fspath(incomplete), serialized())
        except (OSError, ValueError, tf.errors.OpError) as error:
            # Beam would bury it in a traceback of the worker.
            is_mistake = isinstance(error, (ValueError, FileNotFoundError))
            failed = _Written(task.path, error=" ".join(str(error).split()), is_mistake=is_mistake)
            return dataclasses.asdict(failed)
        left_out = list(getattr(task.examples, "left_out", ()))
        return dataclasses.asdict(_Written(task.path, count, path.stat().length, left_out))


def local_runner(options: PipelineOptions) -> fn_runner.FnApiRunner:
    """Returns Beam's runner on this machine.

    Its `DirectRunner` is that one too, after an attempt to download another.

    Args:
        options: Those of the pipeline, of which some are the runner's.
    """
    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    provision = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return fn_runner.FnApiRunner(provision_info=fn_runner.ExtendedProvisionInfo(provision))


def _local(processes: int) -> tuple[fn_runner.FnApiRunner, PipelineOptions]:
    options = PipelineOptions(
        [],
        direct_num_workers=processes,
        direct_running_mode="multi_processing" if processes > 1 else "in_memory",
        # Processes announce each of their channels.
        default_sdk_harness_log_level="ERROR",
    )
    return local_runner(options), options


def _save(rows: Sequence[Mapping[str, Any]], path: epath.Path) -> None:
    try:
        path.write_text(json.dumps(rows))
    except OSError:
        # Beam would bury it in a traceback of the worker; reading the missing file reports it.
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _progress(tasks: Sequence[_Task]) -> Iterator[None]:
    """Shows how many examples stand in files that are complete."""
    done = threading.Event()
    total = sum(len(task.examples) for task in tasks)
    progress = ProgressLines("writing", total, unit="examples")
    with tfds_utils.tqdm(total=total, desc="Writing files...", unit=" examples") as bar:

        def watch() -> None:
            left = list(tasks)
            while left:
                finished = done.wait(_POLL_SECONDS)
                there = [task for task in left if epath.Path(task.path).exists()]
                written = sum(len(task.examples) for task in there)
                bar.update(written)
                progress.add(written)
                if finished:
                    return
                left = [task for task in left if task not in there]

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
