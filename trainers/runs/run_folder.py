"""Run folders: files, identity of a run, and the trained model."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.datasets import records
from trainers.errors import UserError
from trainers.novelty.file import VALIDITY
from trainers.options import identity
from trainers.options.run import RunConfig
from trainers.storage.claimed_folder import claimed, visible_entries
from trainers.storage.json_files import read_json, write_json
from trainers.tables.provenance import installed_versions
from zoo import cpu
from zoo.loading import MODEL_FILE

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset
    from zoo.model import ZooModel

__all__ = [
    "RunFolder",
    "load_config",
    "load_model",
    "model_file",
    "training_data",
    "working_directory",
]


class RunFolder:
    """Paths of a run's files."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.versions = self.path / "versions.json"
        self.data = self.path / "data.json"
        self.checkpoints = self.path / "checkpoints"
        self.tensorboard = self.path / "tensorboard"
        self.history = self.path / "history.csv"
        self.model = self.path / MODEL_FILE
        self.metrics = self.path / "metrics.json"
        self.report = self.path / "report.md"
        self.finished = self.path / "finished.json"
        self.repeats = self.path / "repeats.json"
        self.exports = self.path / "exports.json"
        self.validity = self.path / VALIDITY

    @contextlib.contextmanager
    def opened(self, config: RunConfig, data: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Locks the folder, and checks that it holds the same run.

        Args:
            config: The run; `config.overwrite` deletes an earlier one.
            data: Records of `trainers.datasets.records` by the role of the dataset.

        Raises:
            UserError: if another process uses the folder, or it holds another run or other files.
        """
        name = f"`run_dir` {self.path}"
        with claimed(self.path, self.config.name, name=name, kind="run") as config_file:
            if config_file is not None and config.overwrite:
                self._delete()
            elif config_file is not None and self._has_begun():
                self._check_config(config)
                self._check_data(data or {})
            self._describe(config, data)
            yield

    def _check_config(self, config: RunConfig) -> None:
        saved = _saved_config(self)
        if saved.get("model") != config.model:
            raise UserError(
                f"`run_dir` {self.path} holds a run of model '{saved.get('model')}', not "
                f"'{config.model}'; give another folder, or `overwrite=True`"
            )
        differences = identity.differences(config, saved)
        if differences:
            raise UserError(
                f"`run_dir` {self.path} holds a run with another configuration: "
                f"{'; '.join(differences)}; give another folder, or `overwrite=True`"
            )

    def _check_data(self, data: Mapping[str, Any]) -> None:
        differences = self.data_differences(data)
        if differences:
            raise UserError(
                f"`run_dir` {self.path} holds a run on other data: {'; '.join(differences)}; "
                "restore the data to resume it, give another folder, or `overwrite=True` to start "
                "over on the present data"
            )

    def check_evaluated_data(self, dataset: Dataset, hint: str) -> None:
        """Raises UserError, with a hint, if a dataset is not that of the run's evaluation."""
        differences = self.differences_from(dataset)
        if differences:
            raise UserError(
                f"`run_dir` {self.path}: the data have changed since the run: "
                f"{'; '.join(differences)}; {hint}"
            )

    def note_changed_data(self, dataset: Dataset) -> None:
        """Prints in what a dataset differs from that of the run: its `split` is another then.

        Args:
            dataset: The dataset.
        """
        differences = self.differences_from(dataset)
        if differences:
            print(
                f"note  the data have changed since the run in {self.path}: "
                f"{'; '.join(differences)}",
                flush=True,
            )

    def differences_from(self, dataset: Dataset) -> list[str]:
        """Returns the differences of a dataset from that of the run's evaluation, one a line."""
        saved = self.data_record()
        if not saved:
            return []
        role = "target" if "target" in saved else "dataset"
        return self.data_differences({role: records.of_dataset(dataset)})

    def data_differences(self, data: Mapping[str, Any]) -> list[str]:
        """Returns the differences of data from those of the run, one a line; see `opened`."""
        saved = self.data_record()
        return [
            f"{role + ': ' if len(data) > 1 else ''}{line}"
            for role, record in data.items()
            for line in records.differences(saved.get(role, {}), record)
        ]

    def data_record(self) -> dict[str, Any]:
        """Returns the records of the run's data by role.

        For runs of version 0.1.0, which have none, these are the classes of the trained model.
        """
        if self.data.exists():
            return read_json(self.data)
        chosen = "class_names" in _saved_config(self).get("hp", {})
        names = [] if chosen else _class_names(self.model)
        return {"dataset": {"class_names": names}} if names else {}

    def _describe(self, config: RunConfig, data: Mapping[str, Any] | None) -> None:
        write_json(self.config, identity.with_absolute_paths(type(config), config.as_dict()))
        versions = {**installed_versions(), "processor": cpu.describe()}
        if self._has_begun() and self.versions.exists():
            _note_other_processor(read_json(self.versions), versions)
        write_json(self.versions, versions)
        if data is not None:
            write_json(self.data, dict(data))

    def _has_begun(self) -> bool:
        # A run that failed earlier, such as for a wrong option, may be replaced.
        descriptions = (self.config, self.versions, self.data)
        return any(entry not in descriptions for entry in visible_entries(self.path))

    def _delete(self) -> None:
        # In this order, so that after a kill a run is left that starts from the beginning.
        for path in (self.finished, self.checkpoints / "last.npz"):
            path.unlink(missing_ok=True)
        for entry in sorted(visible_entries(self.path), key=lambda entry: entry == self.config):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def model_file(path: Path) -> Path:
    """Returns the file of a trained model, from its path or that of its run; it may be missing."""
    return RunFolder(path).model if path.is_dir() else path


def load_config(run_dir: Path | str) -> RunConfig:
    """Returns the configuration of an earlier run.

    Raises:
        UserError: if the folder holds no run.
    """
    folder = RunFolder(run_dir)
    if not folder.config.exists():
        raise UserError(f"{folder.path} is not the folder of a run: it has no config.json")
    # An adaptation has further options.
    fields = {field.name for field in dataclasses.fields(RunConfig)}
    saved = {name: value for name, value in _saved_config(folder).items() if name in fields}
    try:
        return RunConfig(**{**saved, "run_dir": str(folder.path)})
    except (AttributeError, TypeError, ValueError) as error:  # From a damaged file.
        raise UserError(f"{folder.config} is not the configuration of a run: {error}") from None


def _saved_config(folder: RunFolder) -> dict[str, Any]:
    """Returns the options of a saved run, with absolute paths."""
    saved = read_json(folder.config)
    if not isinstance(saved, dict) or not isinstance(saved.get("model"), str):
        raise UserError(f"{folder.config} is not the configuration of a run")
    return identity.with_absolute_paths(RunConfig, saved, working_directory(folder, saved))


def working_directory(folder: RunFolder, saved: Mapping[str, Any]) -> Path:
    """Returns the working directory of a run of version 0.1.0, which has relative paths."""
    own, written = folder.path.resolve(), Path(str(saved.get("run_dir") or ""))
    depth = len(written.parts)
    if written.is_absolute() or own.parts[-depth:] != written.parts:
        return Path.cwd()
    return own.parents[depth - 1]


def _class_names(model_file: Path) -> list[str]:
    """Returns the class names of a saved model, which need not be loaded."""
    try:
        with zipfile.ZipFile(model_file) as archive:
            return list(json.loads(archive.read("config.json"))["config"].get("class_names") or ())
    except (OSError, KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile):
        return []


def load_model(run_dir: Path | str) -> ZooModel:
    """Returns the finished model of a run, with the weights of the best epoch.

    Raises:
        UserError: if the folder holds no finished run, or the file of the model is damaged.
    """
    folder = RunFolder(run_dir)
    config = load_config(run_dir)
    if not folder.model.exists():
        raise UserError(
            f"the run in {folder.path} has not finished training; resume it with the same command"
        )
    import zoo

    try:
        zoo.describe(config.model)
        return zoo.load(folder.model)
    except ValueError as error:
        raise UserError(str(error)) from error


def training_data(source: Path | str) -> Mapping[str, Any]:
    """Returns the record of the data of a trained model's training, empty if there is none.

    Args:
        source: Folder of a run, named set of weights, or file.
    """
    from zoo import weights

    if str(source) in weights.list_weights():
        data = weights.describe(str(source)).data
        record = {"bands": list(data.bands), "units": data.units}
        return record | {"pixel_scale_arcsec": data.pixel_scale}
    if not Path(source).is_dir():
        return {}
    record = RunFolder(source).data_record()
    return record.get("target") or record.get("dataset") or {}


def _note_other_processor(earlier: Mapping[str, str], now: Mapping[str, str]) -> None:
    # Version 0.1.0 did not record it.
    before = earlier.get("processor", now["processor"])
    if before != now["processor"]:
        print(
            f"note: this run began on {before} and continues on {now['processor']}: its results "
            f"depend on that in their last digits (oneDNN is switched by {cpu.ONEDNN}=0 or 1)",
            flush=True,
        )
