"""The folder of a run: what it holds, who may write to it, and how its model is loaded."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.storage import locks
from trainers.storage.json_files import read_json, write_json
from trainers.tables.provenance import installed_versions
from zoo import cpu

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = ["RunFolder", "load_config", "load_model"]


class RunFolder:
    """Names of a run's files.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.versions = self.path / "versions.json"
        self.checkpoints = self.path / "checkpoints"
        self.tensorboard = self.path / "tensorboard"
        self.history = self.path / "history.csv"
        self.model = self.path / "model.keras"
        self.metrics = self.path / "metrics.json"
        self.report = self.path / "report.md"
        self.finished = self.path / "finished.json"
        self.repeats = self.path / "repeats.json"

    @contextlib.contextmanager
    def opened(self, config: RunConfig) -> Iterator[None]:
        """Keeps the folder for this process, and sees to it that it is the configuration's.

        Args:
            config: The run; `config.overwrite` deletes a run that is there.

        Raises:
            UserError: if another process has the folder, or it holds another run, or something
                that is no run.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / ".lock").touch()
        except OSError as error:
            raise UserError(f"--run_dir {self.path} cannot be written: {error}") from None
        with open(self.path / ".lock", "w") as lock:
            if not locks.acquire(lock):
                raise UserError(f"--run_dir {self.path} is in use by another run")
            self._claim(config)
            yield

    def _claim(self, config: RunConfig) -> None:
        if not self.config.exists():
            if self._entries():
                raise UserError(
                    f"--run_dir {self.path} holds files but no run; give an empty or a new folder"
                )
        elif config.overwrite:
            self._delete()
        elif self._has_begun():
            saved = read_json(self.config)
            if saved.get("model") != config.model:
                raise UserError(
                    f"--run_dir {self.path} holds a run of model '{saved.get('model')}', not "
                    f"'{config.model}'; give another folder, or --overwrite"
                )
            differences = config.differences(saved)
            if differences:
                raise UserError(
                    f"--run_dir {self.path} holds a run with another configuration: "
                    f"{'; '.join(differences)}; give another folder, or --overwrite"
                )
        write_json(self.config, config.as_dict())
        versions = {**installed_versions(), "processor": cpu.describe()}
        if self._has_begun() and self.versions.exists():
            _note_other_processor(read_json(self.versions), versions)
        write_json(self.versions, versions)

    def _has_begun(self) -> bool:
        # What failed before it had anything to keep, such as for a wrong option, binds nobody.
        return any(entry not in (self.config, self.versions) for entry in self._entries())

    def _delete(self) -> None:
        # However far it comes, what is left is a run, and one that begins anew.
        for path in (self.finished, self.checkpoints / "last.npz"):
            path.unlink(missing_ok=True)
        for entry in sorted(self._entries(), key=lambda entry: entry == self.config):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _entries(self) -> list[Path]:
        # Hidden are the lock, what a kill left half-written, and what is none of ours.
        return [entry for entry in self.path.iterdir() if not entry.name.startswith(".")]


def load_config(run_dir: Path | str) -> RunConfig:
    """Returns the configuration of an earlier run.

    Args:
        run_dir: Folder of the run.

    Raises:
        UserError: if the folder holds no run.
    """
    folder = RunFolder(run_dir)
    if not folder.config.exists():
        raise UserError(f"{folder.path} is not the folder of a run: it has no config.json")
    # That of an adaptation has more.
    known = {field.name for field in dataclasses.fields(RunConfig)}
    saved = read_json(folder.config)
    if not isinstance(saved, dict) or not isinstance(saved.get("model"), str):
        raise UserError(f"{folder.config} is not the configuration of a run")
    try:
        return RunConfig(**{name: value for name, value in saved.items() if name in known})
    except (AttributeError, TypeError, ValueError) as error:  # Whatever stands there by mistake.
        raise UserError(f"{folder.config} is not the configuration of a run: {error}") from None


def load_model(run_dir: Path | str) -> ZooModel:
    """Returns the finished model of a run: that of the best epoch, finalised.

    Args:
        run_dir: Folder of the run.

    Raises:
        UserError: if the folder holds no run, or one whose training has not ended, or the model's
            file is damaged.
    """
    folder = RunFolder(run_dir)
    config = load_config(run_dir)
    if not folder.model.exists():
        raise UserError(f"the run in {folder.path} has not ended its training; take it up again")
    import keras

    import zoo

    try:
        zoo.describe(config.model)
        # Of an unknown origin it might hold code.
        return keras.saving.load_model(folder.model, compile=False, safe_mode=True)
    except Exception as error:  # Keras, h5py and zipfile raise anything for a broken file.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder.model} cannot be loaded: {reason}") from error


def _note_other_processor(earlier: Mapping[str, str], now: Mapping[str, str]) -> None:
    # Version 0.1.0 did not record it.
    before = earlier.get("processor", now["processor"])
    if before != now["processor"]:
        print(
            f"note: this run began on {before} and continues on {now['processor']}: its results "
            f"depend on that in their last digits (oneDNN is switched by {cpu.ONEDNN}=0 or 1)",
            flush=True,
        )
