"""Outcome of a finished run in its folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.options import identity
from trainers.options.run import RunConfig
from trainers.runs.run_folder import RunFolder
from trainers.storage.json_files import read_json, write_json
from trainers.training.parameters import trained_parameters

if TYPE_CHECKING:
    from trainers.training.checkpoints import TrainingProgress
    from zoo.model import ZooModel

__all__ = ["Outcome", "read", "training_metrics", "write"]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Results of a run.

    Attributes:
        metrics: Numbers by evaluator and name; `training` has those of the training.
        best_loss: Validation loss of the best epoch; training loss without a validation split.
        saved_model: Folder of the exported version, None if nothing was exported.
    """

    metrics: dict[str, dict[str, Any]]
    best_loss: float
    saved_model: Path | None


def read(config: RunConfig, folder: RunFolder) -> Outcome | None:
    """Returns the outcome of a run that is finished with these options, else None."""
    if not (folder.finished.exists() and folder.model.exists()):
        return None
    earlier = read_json(folder.finished)
    if identity.options_of(config, earlier["config"]) != identity.options_of(config):
        return None
    print(
        f"the run in {folder.path} is finished (epoch {earlier['metrics']['training']['epochs']}); "
        f"raise epochs to continue it, set overwrite to start over",
        flush=True,
    )
    saved_model = Path(earlier["saved_model"]) if earlier["saved_model"] else None
    return Outcome(earlier["metrics"], earlier["best_loss"], saved_model)


def write(config: RunConfig, folder: RunFolder, outcome: Outcome) -> None:
    """Records that a run is finished."""
    write_json(
        folder.finished,
        {
            "config": identity.options_of(config),
            "metrics": outcome.metrics,
            "best_loss": outcome.best_loss,
            "saved_model": str(outcome.saved_model.absolute()) if outcome.saved_model else None,
        },
    )


def training_metrics(model: ZooModel, progress: TrainingProgress) -> dict[str, Any]:
    """Returns the numbers of a training for `metrics.json`."""
    timed = [row for row in progress.history if "images_per_second" in row]
    metrics = {
        "parameters": trained_parameters(model),
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "best_validation_loss": progress.best_loss,
    }
    for name in ("images_per_second", "data_wait_fraction"):
        if timed:
            metrics[name] = sum(row[name] for row in timed) / len(timed)
    return metrics
