"""Checkpoints of model, optimiser and progress, written atomically."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainers.errors import TrainingError, UserError
from trainers.storage.atomic_files import write_atomically

if TYPE_CHECKING:
    import keras

__all__ = ["Checkpoints", "TrainingProgress"]


# Untrained weights of at least this many bytes have their own file: a frozen network is written
# once, not with every epoch of its head.
_APART = 2**20
_REFERENCE = "apart"


@dataclasses.dataclass
class TrainingProgress:
    """Progress of a run: with weights and optimiser, the state of a restart.

    Attributes:
        epoch: Number of finished epochs.
        batch: Number of finished batches of the present epoch.
        sums: Sums of the terms of the loss over these batches.
        images: Number of images in the times below.
        seconds: Time in training steps of this epoch, s.
        wait_seconds: Part of it spent waiting for data, s.
        best_loss: Lowest validation loss so far.
        best_epoch: Epoch of the lowest loss, from 1.
        history: Logs of each finished epoch.
    """

    epoch: int = 0
    batch: int = 0
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    images: int = 0
    seconds: float = 0.0
    wait_seconds: float = 0.0
    best_loss: float | None = None
    best_epoch: int = 0
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)


class Checkpoints:
    """The `last` and the `best` state of a run in a folder.

    The arrays are in the order of the variables of model and optimiser, so that any strategy can
    read the file of any other. Large untrained weights have their own file, named by its hash, to
    which both states refer.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def save(self, name: str, model: keras.Model, progress: TrainingProgress) -> None:
        """Writes a state.

        Args:
            name: `last` (with the optimiser) or `best` (weights only).
            model: The model, compiled.
            progress: Progress of the run.

        Raises:
            TrainingError: if a weight is not finite; then the earlier file is kept.
        """
        arrays = _arrays("model", model.variables)
        for key, variable in zip(arrays, model.variables, strict=True):
            if arrays[key].dtype.kind == "f" and not np.isfinite(arrays[key]).all():
                raise TrainingError(
                    f"weight '{variable.path}' is not finite in epoch {progress.epoch + 1}, "
                    f"batch {progress.batch}; the last good checkpoint is in {self.folder}"
                )
        if name == "last":
            arrays |= _arrays("optimizer", _optimizer_variables(model))
        state = json.dumps(dataclasses.asdict(progress)).encode()
        arrays["progress"] = np.frombuffer(state, np.uint8)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._keep_apart(arrays, model)
        write_atomically(self.folder / f"{name}.npz", lambda file: np.savez(file, **arrays))
        self._remove_unused()

    def exists(self, name: str) -> bool:
        """Returns whether the state `last` or `best` was saved."""
        return (self.folder / f"{name}.npz").exists()

    def restore(self, name: str, model: keras.Model) -> TrainingProgress | None:
        """Reads a state into the model (and, for `last`, its optimiser).

        Args:
            name: `last` or `best`.
            model: A model built as the one that was saved.

        Returns:
            Progress of the run; None if there is no such file.

        Raises:
            UserError: if the file cannot be read or belongs to another model.
        """
        path = self.folder / f"{name}.npz"
        if not path.exists():
            return None
        try:
            with np.load(path) as file:
                arrays = {key: file[key] for key in file.files}
            if _REFERENCE in arrays:
                with np.load(self.folder / str(arrays[_REFERENCE])) as file:
                    arrays |= {key: file[key] for key in file.files}
            progress = TrainingProgress(**json.loads(arrays["progress"].tobytes()))
        except Exception as error:  # NumPy and zipfile raise anything for a broken file.
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(f"checkpoint {path} cannot be read: {reason}") from None
        _assign(path, model.variables, _group(arrays, "model/"))
        if name == "last":
            _assign(path, _optimizer_variables(model), _group(arrays, "optimizer/"))
        return progress

    def _keep_apart(self, arrays: dict[str, np.ndarray], model: keras.Model) -> None:
        """Moves large untrained weights into a file of their own, unless it exists."""
        trained = {id(variable) for variable in model.trainable_variables}
        apart = {
            key: arrays[key]
            for key, variable in zip(arrays, model.variables, strict=False)
            if id(variable) not in trained and arrays[key].nbytes >= _APART
        }
        if not apart:
            return
        digest = hashlib.sha256()
        for key, value in apart.items():
            digest.update(f"{key} {value.dtype} {value.shape} ".encode())
            digest.update(np.ascontiguousarray(value).view(np.uint8))
            del arrays[key]
        name = f"frozen-{digest.hexdigest()[:16]}.npz"
        arrays[_REFERENCE] = np.array(name)
        if not (self.folder / name).exists():
            write_atomically(self.folder / name, lambda file: np.savez(file, **apart))

    def _remove_unused(self) -> None:
        """Removes the files of weights to which neither state refers: teachers, queues change."""
        used = set()
        for state in ("last", "best"):
            if self.exists(state):
                try:
                    with np.load(self.folder / f"{state}.npz") as file:
                        used.add(str(file[_REFERENCE]) if _REFERENCE in file else "")
                except Exception:  # A broken file, see `restore`: it may refer to any of them.
                    return
        for path in self.folder.glob("frozen-*.npz"):
            if path.name not in used:
                path.unlink(missing_ok=True)


def _optimizer_variables(model: keras.Model) -> Sequence[keras.Variable]:
    # A model of the zoo may have several optimisers.
    variables = getattr(model, "optimizer_variables", None)
    return model.optimizer.variables if variables is None else variables


def _arrays(prefix: str, variables: Sequence[keras.Variable]) -> dict[str, np.ndarray]:
    return {f"{prefix}/{i:05d}": np.array(variable) for i, variable in enumerate(variables)}


def _group(arrays: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    return [arrays[key] for key in sorted(arrays) if key.startswith(prefix)]


def _assign(path: Path, variables: Sequence[keras.Variable], values: list[np.ndarray]) -> None:
    own = [tuple(variable.shape) for variable in variables]
    saved = [value.shape for value in values]
    if own != saved:
        raise UserError(
            f"checkpoint {path} is of another model: it holds {len(saved)} variables with "
            f"{sum(map(np.prod, saved)):.0f} numbers, the model {len(own)} with "
            f"{sum(map(np.prod, own)):.0f}"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
