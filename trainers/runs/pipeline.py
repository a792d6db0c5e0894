"""A run from the dataset to the SavedModel: adapt, fit, keep the best, finalise, save, judge."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

import zoo
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.runs import training_statistics
from trainers.runs.run_folder import RunFolder, load_model
from trainers.serving.model_card import CARD_JSON
from trainers.serving.versions import existing_versions
from trainers.storage.atomic_files import flush_to_disk
from trainers.storage.json_files import json_safe, read_json, write_json
from trainers.training import initial_weights, loop, two_stage
from trainers.training.callbacks import HistoryFile, ProgressReport, TensorBoardScalars
from trainers.training.checkpoints import Checkpoints, TrainingProgress
from trainers.training.parameters import trained_parameters
from zoo import registry
from zoo.model import ZooModel

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset, DatasetSpec

__all__ = [
    "ADAPT_IMAGES",
    "FINALIZE_IMAGES",
    "Outcome",
    "check_model",
    "earlier_outcome",
    "execute",
    "export_run",
    "reporting",
    "save_finished",
    "training_metrics",
    "write_outcome",
]

# Training images that the preprocessing, and that the model's last decisions, are set from.
ADAPT_IMAGES = 2048
FINALIZE_IMAGES = 4096
_EXPORT_IMAGES = 16


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        metrics: Numbers by evaluator and name; `training` has those of the training.
        best_loss: Validation loss of the best epoch (training loss if there is no validation
            split), by which runs may be compared without labels.
        saved_model: Folder of the exported version, None if nothing was exported.
    """

    metrics: dict[str, dict[str, Any]]
    best_loss: float
    saved_model: Path | None


def execute(
    config: RunConfig, dataset: Dataset, strategy: tf.distribute.Strategy, exports: bool = True
) -> Outcome | None:
    """Does a run, or what is left of it, in the folder `config.run_dir`.

    Args:
        config: The run.
        dataset: The data; labels are given to supervised models only.
        strategy: The strategy.
        exports: Whether the model is exported at the end.

    Returns:
        The outcome; None on workers that are not the chief.

    Raises:
        UserError: if configuration, data, model or folder do not fit together.
        TrainingError: if the training cannot go on.
    """
    _check_data(config, dataset.spec)
    folder = RunFolder(config.run_dir)
    if not strategies.is_chief(strategy):
        # The chief tells whether there is anything to do.
        if not strategies.total(strategy, 0.0):
            _train(config, dataset, strategy, folder, callbacks=[])
        return None
    with folder.opened(config):
        earlier = earlier_outcome(config, folder)
        if strategies.total(strategy, float(earlier is not None)):
            return _completed(config, dataset, folder, earlier, exports)
        print(f"run folder {folder.path}", flush=True)
        progress, model = _train(config, dataset, strategy, folder, reporting(folder))
        model = _finish(model, dataset, folder)
        metrics = _evaluate(model, dataset, config, folder, training_metrics(model, progress))
        saved_model = export_run(config, dataset, metrics) if exports else None
        outcome = Outcome(metrics, progress.best_loss, saved_model)
        write_outcome(config, folder, outcome)
        return outcome


def reporting(folder: RunFolder) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that show a training and write its history into the run's folder."""
    return [ProgressReport(), HistoryFile(folder.history), TensorBoardScalars(folder.tensorboard)]


def check_model(config: RunConfig) -> None:
    """Raises UserError if model, hyperparameters, trainer and evaluators do not go together."""
    from trainers.evaluators import registry as evaluators

    try:
        registry.check_hyperparameters(config.model, config.hp)
        for name in config.evaluators or ():
            if name not in evaluators.list_evaluators():
                evaluators.describe(name)
    except ValueError as error:
        raise UserError(str(error)) from None
    if config.trainer == "two_stage":
        two_stage.check_class(zoo.describe(config.model).model_class)


def export_run(config: RunConfig, dataset: Dataset, metrics: dict[str, Any]) -> Path:
    """Exports the finished model of a run; not again if it was killed just after its export.

    Args:
        config: The run.
        dataset: The data; a few training images are sent as warm-up requests.
        metrics: Numbers for the model card.

    Returns:
        The folder of the version.
    """
    from trainers import export
    from trainers.serving import server_files

    earlier = _exported_before(config, metrics)
    if earlier is not None:
        server_files.write_models_config(Path(config.saved_models_dir))
        return earlier
    return export.export(
        load_model(config.run_dir),
        Path(config.saved_models_dir),
        sample_images=dataset.arrays("train", limit=_EXPORT_IMAGES)["image"],
        spec=dataset.spec,
        metrics=metrics,
        config=config.as_dict(),
    )


def _exported_before(config: RunConfig, metrics: Mapping[str, Any]) -> Path | None:
    """Returns the latest version if it is of this run: it has its speeds, too, to the last bit."""
    folder = Path(config.saved_models_dir) / config.model
    for version in existing_versions(folder)[-1:]:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            card = json.loads((folder / str(version) / CARD_JSON).read_text())
            own = json.loads(json.dumps(json_safe([config.as_dict(), metrics])))
            if [card["training"], card["metrics"]] == own:
                return folder / str(version)
    return None


def _train(
    config: RunConfig,
    dataset: Dataset,
    strategy: tf.distribute.Strategy,
    folder: RunFolder,
    callbacks: list[keras.callbacks.Callback],
) -> tuple[TrainingProgress, ZooModel]:
    keras.utils.set_random_seed(config.seed)
    checkpoints = Checkpoints(folder.checkpoints)
    with _precision(config.mixed_precision):
        with strategy.scope():
            model = _create(config, dataset)
            if not config.init:
                model.adapt(dataset.arrays("train", limit=ADAPT_IMAGES)["image"])
            elif not checkpoints.exists("last"):
                # With its preprocessing: the networks know its statistics.
                initial_weights.start_from(model, config.init)
        if config.trainer == "two_stage":
            dataset = two_stage.feature_dataset(model, dataset, config, strategy)
        progress = loop.fit(model, dataset, config, checkpoints, strategy, callbacks)
    return progress, model


def _create(config: RunConfig, dataset: Dataset) -> ZooModel:
    spec = dataset.spec
    given = {
        "image_shape": list(spec.image_shape),
        "class_names": list(spec.class_names),
        "seed": config.seed,
        "questions": [dict(question) for question in spec.questions],
        "class_fractions": config.class_fractions or spec.class_fractions,
    }
    known = zoo.describe(config.model).hyperparameters
    given = {name: value for name, value in given.items() if name in known}
    given |= training_statistics.of_training(config, dataset, known)
    try:
        model = zoo.create(config.model, **{**given, **config.hp})
    except (ValueError, TypeError) as error:
        raise UserError(f"--model {config.model}: {error}") from error
    missing = [name for name in model.targets if name not in spec.feature_names]
    if missing:
        raise UserError(
            f"--model {config.model} is trained with the features {', '.join(model.targets)}; "
            f"dataset '{spec.name}' has no {', '.join(missing)}"
        )
    return model


def _finish(model: ZooModel, dataset: Dataset, folder: RunFolder) -> ZooModel:
    # Built anew: on one device, in float32 and with the weights of the best epoch.
    model_config = model.get_config()
    model_config.pop("dtype", None)
    finished = type(model).from_config(model_config)
    Checkpoints(folder.checkpoints).restore("best", finished)
    save_finished(finished, dataset.arrays("train", limit=FINALIZE_IMAGES)["image"], folder)
    return finished


def save_finished(model: ZooModel, images: np.ndarray, folder: RunFolder) -> None:
    """Has a trained model take its last decisions, and writes it into the run's folder.

    Args:
        model: With the weights of the best epoch, on one device and in float32.
        images: Sample of the training images, see `ZooModel.finalize`.
        folder: The run's folder.
    """
    # Keras calls a model built, and saves it without a warning, once it has been called.
    model(images[:1])
    model.finalize(images)
    part = folder.path / ".part.model.keras"
    model.save(part)
    flush_to_disk(part)
    os.replace(part, folder.model)


def _completed(
    config: RunConfig, dataset: Dataset, folder: RunFolder, earlier: Outcome, exports: bool
) -> Outcome:
    """Returns the outcome of a finished run, after making what is missing of report and export."""
    metrics, saved_model = earlier.metrics, earlier.saved_model
    if not (folder.report.exists() and folder.metrics.exists()):
        metrics = _evaluate(load_model(folder.path), dataset, config, folder, metrics["training"])
    if exports and not (saved_model and saved_model.exists()):
        saved_model = export_run(config, dataset, metrics)
    outcome = Outcome(metrics, earlier.best_loss, saved_model)
    if outcome != earlier:
        write_outcome(config, folder, outcome)
    return outcome


def _evaluate(
    model: ZooModel,
    dataset: Dataset,
    config: RunConfig,
    folder: RunFolder,
    training: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Writes the report; returns its numbers and, under `training`, those of the training too."""
    from trainers.evaluators import evaluation

    try:
        metrics = evaluation.evaluate(
            model,
            dataset,
            folder.path,
            evaluators=config.evaluators,
            seed=config.seed,
            class_fractions=config.class_fractions,
        )
    except ValueError as error:
        raise UserError(str(error)) from error
    metrics["training"] = {**training, **metrics.get("training", {})}
    write_json(folder.metrics, metrics)
    return metrics


def training_metrics(model: ZooModel, progress: TrainingProgress) -> dict[str, Any]:
    """Returns the numbers of a training for `metrics.json`.

    Args:
        model: The trained model.
        progress: How far its run is.
    """
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


def earlier_outcome(config: RunConfig, folder: RunFolder) -> Outcome | None:
    """Returns what a run came to that is finished, after saying so; None if it is not.

    Args:
        config: The run.
        folder: Its folder.
    """
    if not (folder.finished.exists() and folder.model.exists()):
        return None
    earlier = read_json(folder.finished)
    if earlier["config"] != _compared(config):
        return None
    print(
        f"the run in {folder.path} is finished (epoch {earlier['metrics']['training']['epochs']}); "
        f"more --epochs continue it, --overwrite begins anew",
        flush=True,
    )
    saved_model = Path(earlier["saved_model"]) if earlier["saved_model"] else None
    return Outcome(earlier["metrics"], earlier["best_loss"], saved_model)


def write_outcome(config: RunConfig, folder: RunFolder, outcome: Outcome) -> None:
    """Notes that a run is finished; see `earlier_outcome` for the Args."""
    write_json(
        folder.finished,
        {
            "config": _compared(config),
            "metrics": outcome.metrics,
            "best_loss": outcome.best_loss,
            "saved_model": str(outcome.saved_model) if outcome.saved_model else None,
        },
    )


def _compared(config: RunConfig) -> dict[str, Any]:
    # What the outcome depends on; the rest may change without the run being done again.
    unrelated = (
        "run_dir",
        "features_dir",
        "overwrite",
        "data_dir",
        "manual_dir",
        "strategy",
        "checkpoint_seconds",
        "repeats",
    )
    held = config.as_dict()
    return {name: value for name, value in held.items() if name not in unrelated}


def _check_data(config: RunConfig, spec: DatasetSpec) -> None:
    given = config.class_fractions
    if given is not None and len(given) != len(spec.class_names):
        raise UserError(
            f"--class_fractions must be {len(spec.class_names)} numbers, in the order of the "
            f"classes {list(spec.class_names)} of '{spec.name}'; got {given}"
        )
    task = zoo.describe(config.model).model_class.task_of(config.hp)
    if task == "classification" and not spec.class_names:
        raise UserError(
            f"--model {config.model} is trained with labels; dataset '{spec.name}' has none"
        )
    shape = config.hp.get("image_shape", spec.image_shape)
    if isinstance(shape, list) and shape != list(spec.image_shape):
        raise UserError(
            f"--hp image_shape must be that of dataset '{spec.name}', {list(spec.image_shape)}; "
            f"got {shape}"
        )


@contextlib.contextmanager
def _precision(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if name == "none" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
