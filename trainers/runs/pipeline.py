"""The sequence of a run: train, restore the best epoch, finalise, save, evaluate, export."""

from __future__ import annotations

import abc
import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import zoo
from trainers.datasets import records
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.run import RunConfig
from trainers.prediction import notes
from trainers.runs import exports, novelty, outcome, training_statistics
from trainers.runs.exports import export_run
from trainers.runs.outcome import Outcome
from trainers.runs.run_folder import RunFolder, load_model, model_file, training_data
from trainers.storage.atomic_files import flush_to_disk
from trainers.storage.json_files import write_json
from trainers.tables.object_columns import texts
from trainers.training import initial_weights, loop, two_stage
from trainers.training.callbacks import HistoryFile, ProgressReport, TensorBoardScalars
from trainers.training.checkpoints import Checkpoints, TrainingProgress
from zoo import registry
from zoo.model import SAMPLE_WEIGHT, ZooModel

__all__ = [
    "ADAPT_IMAGES",
    "FINALIZE_IMAGES",
    "Procedure",
    "check_model",
    "execute",
    "reporting",
    "run_procedure",
]

# Training images for `adapt` of the preprocessing, and for `finalize` of the model.
ADAPT_IMAGES = 2048
FINALIZE_IMAGES = 4096


class Procedure(abc.ABC):
    """The steps in which kinds of runs differ.

    Attributes:
        datasets: Datasets of the training by role.
        evaluated: Dataset of the evaluation.
        described: Dataset on the card of the exported model.
        exports: Whether the model is exported. Default True.
    """

    datasets: Mapping[str, Dataset]
    evaluated: Dataset
    described: Dataset
    exports: bool = True

    @abc.abstractmethod
    def train(
        self,
        strategy: tf.distribute.Strategy,
        folder: RunFolder,
        callbacks: list[keras.callbacks.Callback],
    ) -> TrainingProgress:
        """Trains the model, or resumes its training, on every worker.

        The callbacks are those of the chief, see `trainers.training.loop.fit`.
        """

    @abc.abstractmethod
    def best_model(self, strategy: tf.distribute.Strategy, folder: RunFolder) -> ZooModel:
        """Returns the model with the weights of the best epoch, on one device and in float32."""

    @abc.abstractmethod
    def sample(self) -> np.ndarray:
        """Returns training images for `finalize` of the model."""


def execute(
    config: RunConfig,
    dataset: Dataset,
    strategy: tf.distribute.Strategy,
    exports: bool = True,
    evaluated: Dataset | None = None,
) -> Outcome | None:
    """Does a run, or resumes it, in the folder `config.run_dir`.

    Args:
        config: The run.
        dataset: Data of the training.
        strategy: The strategy.
        exports: Whether the model is exported, with statistics of its images. Default True.
        evaluated: Data of the evaluation, without augmentation; None for those of the training.

    Returns:
        The outcome; None on workers that are not the chief.

    Raises:
        UserError: if configuration, data, model or folder do not fit together.
        TrainingError: if the training cannot go on.
    """
    _check_data(config, dataset.spec)
    return run_procedure(
        _Training(config, dataset, evaluated or dataset, exports), config, strategy
    )


def run_procedure(
    procedure: Procedure, config: RunConfig, strategy: tf.distribute.Strategy
) -> Outcome | None:
    """Does a run of any kind, or resumes it; see `execute`."""
    folder = RunFolder(config.run_dir)
    if not strategies.is_chief(strategy):
        # The chief reports whether the run is finished.
        if not strategies.total(strategy, 0.0):
            procedure.train(strategy, folder, callbacks=[])
        return None
    with folder.opened(config, _records(procedure, config)):
        earlier = outcome.read(config, folder)
        if strategies.total(strategy, float(earlier is not None)):
            return _completed(procedure, config, folder, earlier)
        print(f"run folder {folder.path}", flush=True)
        progress = procedure.train(strategy, folder, reporting(folder))
        model = procedure.best_model(strategy, folder)
        _save(model, procedure.sample(), folder)
        if procedure.exports:  # Those of an experiment are judged, not used on other images.
            novelty.write(model, procedure.evaluated, folder)
        training = outcome.training_metrics(model, progress)
        metrics = _evaluate(model, procedure.evaluated, config, folder, training)
        saved_model = (
            export_run(config, procedure.described, metrics) if procedure.exports else None
        )
        result = Outcome(metrics, progress.best_loss, saved_model)
        outcome.write(config, folder, result)
        return result


def _records(procedure: Procedure, config: RunConfig) -> dict[str, Any]:
    held = {role: records.of_dataset(dataset) for role, dataset in procedure.datasets.items()}
    files = {name: model_file(path) for name, path in identity.input_files(config).items()}
    files = {name: file for name, file in files.items() if file.is_file()}
    return held | ({"models": records.of_models(files)} if files else {})


def reporting(folder: RunFolder) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that print progress and write the history into the run's folder."""
    return [ProgressReport(), HistoryFile(folder.history), TensorBoardScalars(folder.tensorboard)]


def check_model(config: RunConfig) -> None:
    """Raises UserError if model, hyperparameters, trainer or evaluators are unknown or disagree."""
    from trainers.evaluators import registry as evaluators

    try:
        registry.check_hyperparameters(config.model, config.hp)
        for name in config.evaluators or ():
            if name not in evaluators.list_evaluators():
                evaluators.describe(name)
    except ValueError as error:
        raise UserError(str(error)) from None
    if "seed" in config.hp:
        raise UserError(f"`hp` seed: `seed` sets it; got {config.hp['seed']!r}")
    if config.trainer == "two_stage":
        two_stage.check_class(zoo.describe(config.model).model_class)


class _Training(Procedure):
    """A registered model on one dataset."""

    def __init__(self, config: RunConfig, dataset: Dataset, evaluated: Dataset, exports: bool):
        self.datasets, self.described, self.exports = {"dataset": dataset}, dataset, exports
        self.evaluated = evaluated
        self._config, self._dataset = config, dataset
        self._model: ZooModel | None = None

    def train(
        self,
        strategy: tf.distribute.Strategy,
        folder: RunFolder,
        callbacks: list[keras.callbacks.Callback],
    ) -> TrainingProgress:
        config, dataset = self._config, self._dataset
        checkpoints = Checkpoints(folder.checkpoints)
        keras.utils.set_random_seed(config.seed)
        with _precision(config.mixed_precision):
            with strategy.scope():
                model = self._model = _create(config, dataset)
                _check_evaluators(model, config, dataset, folder)
                if not config.init:
                    _adapt(model, config, dataset)
                elif not checkpoints.exists("last"):
                    # With the preprocessing, to whose statistics the networks are trained.
                    initial_weights.start_from(model, config.init)
                    notes.print_dataset(dataset.spec, training_data(config.init))
                _check_targets(model, dataset)
                _check_weights(model, dataset)
            if config.trainer == "two_stage":
                dataset = two_stage.feature_dataset(model, dataset, config, strategy)
            return loop.fit(model, dataset, config, checkpoints, strategy, callbacks)

    def best_model(self, strategy: tf.distribute.Strategy, folder: RunFolder) -> ZooModel:
        model_config = self._model.get_config()
        model_config.pop("dtype", None)
        model = type(self._model).from_config(model_config)
        Checkpoints(folder.checkpoints).restore("best", model)
        return model

    def sample(self) -> np.ndarray | dict[str, np.ndarray]:
        sample = self._dataset.arrays("train", limit=FINALIZE_IMAGES)
        return self._model.select_inputs(sample)


def _create(config: RunConfig, dataset: Dataset) -> ZooModel:
    spec = dataset.spec
    of_data = {
        "image_shape": list(spec.image_shape),
        "class_names": list(spec.class_names),
        "seed": config.seed,
        "questions": [dict(question) for question in spec.questions],
        "class_fractions": config.class_fractions or spec.class_fractions,
    }
    hyperparameters = zoo.describe(config.model).hyperparameters
    of_data = {name: value for name, value in of_data.items() if name in hyperparameters}
    if not spec.questions:  # Those of the model stay; that there are no votes is said below.
        of_data.pop("questions", None)
    of_data |= training_statistics.of_training(config, dataset, hyperparameters)
    try:
        model = zoo.create(config.model, **{**of_data, **config.hp})
    except (ValueError, TypeError) as error:
        raise UserError(f"`model={config.model}`: {error}") from error
    needed = [name for name in (*model.input_names, *model.targets) if name != "image"]
    missing = [name for name in needed if name not in spec.feature_names]
    if missing:
        raise UserError(
            f"`model={config.model}` is trained with the features {', '.join(needed)}; "
            f"dataset '{spec.name}' has no {', '.join(missing)}"
        )
    return model


def _adapt(model: ZooModel, config: RunConfig, dataset: Dataset) -> None:
    sample = dataset.arrays("train", limit=ADAPT_IMAGES)
    try:
        model.adapt(model.select_inputs(sample))
    except ValueError as error:
        raise UserError(f"`model={config.model}`: {error}") from error


def _check_targets(model: ZooModel, dataset: Dataset) -> None:
    if not hasattr(model, "check_targets"):
        return
    for split in ("train", "validation"):
        if not dataset.num_examples.get(split):
            continue
        targets = dataset.columns(split, model.targets)
        try:
            model.check_targets(targets)
        except ValueError:
            _name_wrong_targets(model, dataset, split, targets)
            raise


def _name_wrong_targets(
    model: ZooModel, dataset: Dataset, split: str, targets: Mapping[str, np.ndarray]
) -> None:
    ids = texts(dataset.column(split, "id")) if "id" in dataset.spec.feature_names else None
    try:
        model.check_targets(targets, ids)
    except ValueError as error:
        raise UserError(f"`dataset` {dataset.spec.name}, split '{split}': {error}") from None


def _check_weights(model: ZooModel, dataset: Dataset) -> None:
    if SAMPLE_WEIGHT not in dataset.spec.feature_names:
        return
    features = [name for name in (*model.input_names, *model.outcomes) if name != "image"]
    features = [name for name in features if name != "label"]
    for batch in dataset.batches("train", 1, features=(*features, SAMPLE_WEIGHT)).take(1):
        inputs = {name: tf.cast(batch[name], tf.float32) for name in model.input_names}
        try:
            model.mean_terms(
                model.objective(batch | inputs, tf.constant([0, 0]), training=False), batch
            )
        except ValueError as error:
            raise UserError(f"`weight_column`: {error}") from None


def _check_evaluators(
    model: ZooModel, config: RunConfig, dataset: Dataset, folder: RunFolder
) -> None:
    from trainers.evaluators import evaluation

    if config.evaluators:
        evaluation.check(
            model,
            dataset,
            folder.path,
            evaluators=config.evaluators,
            class_fractions=config.class_fractions,
        )


def _save(model: ZooModel, sample: np.ndarray | dict[str, np.ndarray], folder: RunFolder) -> None:
    """Finalises a trained model, and writes it into the run's folder."""
    # Keras saves a model without a warning after its first call.
    model(tf.nest.map_structure(lambda values: tf.constant(values[:1], tf.float32), sample))
    model.finalize(sample)
    part = folder.path / ".part.model.keras"
    model.save(part)
    flush_to_disk(part)
    os.replace(part, folder.model)


def _completed(
    procedure: Procedure, config: RunConfig, folder: RunFolder, earlier: Outcome
) -> Outcome:
    """Returns the outcome of a finished run, after restoring a missing report or export."""
    metrics, saved_model = earlier.metrics, earlier.saved_model
    if not (folder.report.exists() and folder.metrics.exists()):
        model = load_model(folder.path)
        metrics = _evaluate(model, procedure.evaluated, config, folder, metrics["training"])
    if procedure.exports:
        saved_model = exports.own_export(folder, config.saved_models_dir)
        saved_model = saved_model or export_run(config, procedure.described, metrics)
    result = Outcome(metrics, earlier.best_loss, saved_model)
    if result != earlier:
        outcome.write(config, folder, result)
    return result


def _evaluate(
    model: ZooModel,
    dataset: Dataset,
    config: RunConfig,
    folder: RunFolder,
    training: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Writes the report; returns its numbers, with those of the training under `training`."""
    from trainers.evaluators import evaluation

    try:
        metrics = evaluation.evaluate(
            model,
            dataset,
            folder.path,
            evaluators=config.evaluators,
            seed=config.seed,
            class_fractions=config.class_fractions,
            data_dir=config.data_source,
        )
    except ValueError as error:
        raise UserError(str(error)) from error
    metrics["training"] = {**training, **metrics.get("training", {})}
    write_json(folder.metrics, metrics)
    return metrics


def _check_data(config: RunConfig, spec: DatasetSpec) -> None:
    fractions = config.class_fractions
    if fractions is not None and len(fractions) != len(spec.class_names):
        raise UserError(
            f"`class_fractions` must be {len(spec.class_names)} numbers, in the order of the "
            f"classes {list(spec.class_names)} of '{spec.name}'; got {fractions}"
        )
    task = zoo.describe(config.model).model_class.task_of(config.hp)
    if task == "classification" and not spec.class_names:
        raise UserError(
            f"`model={config.model}` is trained with labels; dataset '{spec.name}' has none"
        )
    names = config.hp.get("class_names", spec.class_names)
    if task == "classification" and list(names) != list(spec.class_names):
        raise UserError(
            f"`hp` class_names must be those of dataset '{spec.name}', {list(spec.class_names)}; "
            f"got {names}"
        )
    shape = config.hp.get("image_shape", spec.image_shape)
    if isinstance(shape, list) and shape != list(spec.image_shape):
        raise UserError(
            f"`hp` image_shape must be that of dataset '{spec.name}', {list(spec.image_shape)}; "
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
