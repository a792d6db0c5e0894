"""Adaptation of a trained encoder to a second survey, as a run."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from trainers.datasets.dataset import Dataset
from trainers.datasets.paired import PairedDataset
from trainers.errors import UserError
from trainers.options.adaptation import AdaptationConfig
from trainers.runs import pipeline
from trainers.runs.outcome import Outcome
from trainers.runs.run_folder import RunFolder, load_model
from trainers.training import loop, steps
from trainers.training.checkpoints import Checkpoints, TrainingProgress
from zoo.adaptation import DomainAdaptation
from zoo.model import ZooModel

__all__ = ["adapt"]


def adapt(
    config: AdaptationConfig,
    source: Dataset,
    target: Dataset,
    strategy: tf.distribute.Strategy,
) -> Outcome | None:
    """Does an adaptation, or resumes it, in the folder `config.run_dir`.

    See `trainers.runs.pipeline.execute` for strategy, Returns and Raises.

    Args:
        config: The adaptation.
        source: The data on which the model was trained.
        target: The second survey; its labels serve the evaluation alone.
        strategy: The strategy.
    """
    return pipeline.run_procedure(_Adaptation(config, source, target), config, strategy)


class _Adaptation(pipeline.Procedure):
    exports = False

    def __init__(self, config: AdaptationConfig, source: Dataset, target: Dataset):
        self.datasets = {"source": source, "target": target}
        self.evaluated = self.described = target
        self._config, self._paired = config, PairedDataset(source, target)

    def train(
        self,
        strategy: tf.distribute.Strategy,
        folder: RunFolder,
        callbacks: list[keras.callbacks.Callback],
    ) -> TrainingProgress:
        config, paired = self._config, self._paired
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            model = self._create(strategy)
            model.adapt(paired.arrays("train", limit=pipeline.ADAPT_IMAGES)["image"])
        checkpoints = Checkpoints(folder.checkpoints)
        return loop.fit(model, paired, config, checkpoints, strategy, callbacks)

    def best_model(self, strategy: tf.distribute.Strategy, folder: RunFolder) -> ZooModel:
        adaptation = self._create(strategy)
        Checkpoints(folder.checkpoints).restore("best", adaptation)
        return adaptation.model

    def sample(self) -> np.ndarray:
        # `finalize` decides, for instance, the class of a component for both surveys.
        arrays = self._paired.arrays("train", limit=pipeline.FINALIZE_IMAGES // 2)
        return np.concatenate([arrays["image"], arrays["image_target"]])

    def _create(self, strategy: tf.distribute.Strategy) -> DomainAdaptation:
        config, paired = self._config, self._paired
        model = load_model(config.source_run)
        if tuple(model.image_shape) != tuple(paired.spec.image_shape):
            raise UserError(
                f"`run_dir` {config.source_run}: images of '{paired.spec.name}' must have the "
                f"shape that the model was built for, {model.image_shape}; got "
                f"{paired.spec.image_shape}"
            )
        examples, replicas = paired.num_examples["train"], strategy.num_replicas_in_sync
        batch_size = steps.training_batch_size(config.batch_size, examples, replicas)
        return DomainAdaptation(
            model,
            method=config.method,
            variant=config.variant,
            weight=config.weight,
            bandwidth=config.bandwidth,
            ramp_steps=config.epochs * (examples // batch_size),
            seed=config.seed,
        )
