"""Adapts a trained encoder to a second survey, without labels of either and without pairs.

Examples:
    python -m trainers.domain_adaptation --run_dir runs/A --target galaxy_zoo_decals/simulated_bass
    python -m trainers.domain_adaptation --run_dir runs/A --target galaxy_zoo_decals/simulated_bass
        --method coral --variant frozen

The adapted run is a folder as `trainers.run` writes it, beside that of the source: a command that
is given again goes on there, and `trainers.evaluate` and `trainers.export` take it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainers.cli.adaptation_options import parse_adaptation
from trainers.cli.exit_status import exit_status
from trainers.errors import UserError
from trainers.options.adaptation import AdaptationConfig

if TYPE_CHECKING:
    import tensorflow as tf

    from trainers.datasets.dataset import Dataset
    from trainers.runs.pipeline import Outcome
    from trainers.runs.run_folder import RunFolder
    from trainers.training.checkpoints import TrainingProgress
    from zoo.adaptation import DomainAdaptation
    from zoo.model import ZooModel

__all__ = ["adapt", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if training could not go on, 2 for a mistake of the user, 75 if
        another worker was lost.
    """
    return exit_status("domain_adaptation", lambda given: _run(parse_adaptation(given)), arguments)


def adapt(
    config: AdaptationConfig,
    source: Dataset,
    target: Dataset,
    strategy: tf.distribute.Strategy,
) -> Outcome | None:
    """Does an adaptation, or what is left of it, in the folder `config.run_dir`.

    Args:
        config: The adaptation.
        source: The data on which the model was trained.
        target: The second survey; its labels, if it has any, are for the report alone.
        strategy: The strategy.

    Returns:
        The outcome; None on workers that are not the chief.

    Raises:
        UserError: if model, data and folder do not fit together.
        TrainingError: if the training cannot go on.
    """
    from trainers.datasets.paired import PairedDataset
    from trainers.distribution import strategy as strategies
    from trainers.evaluators import evaluation
    from trainers.runs import pipeline
    from trainers.runs.run_folder import RunFolder
    from trainers.storage.json_files import write_json

    paired = PairedDataset(source, target)
    folder = RunFolder(config.run_dir)
    if not strategies.is_chief(strategy):
        # The chief tells whether there is anything to do.
        if not strategies.total(strategy, 0.0):
            _train(config, paired, strategy, folder, [])
        return None
    with folder.opened(config):
        earlier = pipeline.earlier_outcome(config, folder)
        if strategies.total(strategy, float(earlier is not None)):
            return earlier
        print(f"run folder {folder.path}", flush=True)
        progress = _train(config, paired, strategy, folder, pipeline.reporting(folder))
        model = _finish(config, paired, strategy, folder)
        metrics = evaluation.evaluate(
            model,
            target,
            folder.path,
            evaluators=config.evaluators,
            seed=config.seed,
            class_fractions=config.class_fractions,
        )
        metrics["training"] = pipeline.training_metrics(model, progress)
        write_json(folder.metrics, metrics)
        outcome = pipeline.Outcome(metrics, progress.best_loss, None)
        pipeline.write_outcome(config, folder, outcome)
        return outcome


def _run(config: AdaptationConfig) -> None:
    import zoo
    from trainers.datasets import loading
    from trainers.distribution import strategy as strategies
    from trainers.runs import pipeline
    from trainers.runs.run_folder import load_config

    pipeline.check_model(config)
    if not hasattr(zoo.describe(config.model).model_class, "encode"):
        raise UserError(
            f"`run_dir` {config.source_run}: model '{config.model}' has no encode(), so that it "
            f"has no latents to adapt"
        )
    strategy = strategies.make(config.strategy, config.deterministic)
    with strategies.telling_failures(strategy):
        # One worker builds the datasets; the others then find them.
        chief = strategies.is_chief(strategy)
        if not chief:
            strategies.barrier(strategy)
        source = loading.load_for_run(load_config(config.source_run))
        if config.dataset == "image_folder":
            # Before the padding, which the target is given as the source was.
            *sides, bands = source.spec.image_shape
            shape = [*(side - 2 * config.pad for side in sides), bands]
            config = dataclasses.replace(config, image_shape=shape)
        target = loading.load_for_run(config)
        if chief:
            strategies.barrier(strategy)
        outcome = adapt(config, source, target, strategy)
        strategies.end(strategy)
    if outcome is not None:
        print(f"report      {config.run_dir}/report.md")
        print(f"SavedModel  python -m trainers.export --run_dir {config.run_dir}")


def _train(
    config: AdaptationConfig,
    paired: Dataset,
    strategy: tf.distribute.Strategy,
    folder: RunFolder,
    callbacks: list,
) -> TrainingProgress:
    import keras

    from trainers.runs import pipeline
    from trainers.training import loop
    from trainers.training.checkpoints import Checkpoints

    keras.utils.set_random_seed(config.seed)
    with strategy.scope():
        model = _adaptation(config, paired, strategy)
        model.adapt(paired.arrays("train", limit=pipeline.ADAPT_IMAGES)["image"])
    return loop.fit(model, paired, config, Checkpoints(folder.checkpoints), strategy, callbacks)


def _adaptation(
    config: AdaptationConfig, paired: Dataset, strategy: tf.distribute.Strategy
) -> DomainAdaptation:
    from trainers.runs.run_folder import load_model
    from trainers.training import steps
    from zoo.adaptation import DomainAdaptation

    model = load_model(config.source_run)
    if tuple(model.image_shape) != tuple(paired.spec.image_shape):
        raise UserError(
            f"`run_dir={config.source_run}`: images of '{paired.spec.name}' must have the shape "
            f"that the model was built for, {model.image_shape}; got {paired.spec.image_shape}"
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


def _finish(
    config: AdaptationConfig,
    paired: Dataset,
    strategy: tf.distribute.Strategy,
    folder: RunFolder,
) -> ZooModel:
    """Returns the adapted model itself, on one device and with the weights of the best epoch."""
    import numpy as np

    from trainers.runs import pipeline
    from trainers.training.checkpoints import Checkpoints

    adaptation = _adaptation(config, paired, strategy)
    Checkpoints(folder.checkpoints).restore("best", adaptation)
    # Of both surveys: what is decided last, such as which class a component is, holds for both.
    arrays = paired.arrays("train", limit=pipeline.FINALIZE_IMAGES // 2)
    images = np.concatenate([arrays["image"], arrays["image_target"]])
    pipeline.save_finished(adaptation.model, images, folder)
    return adaptation.model


if __name__ == "__main__":
    sys.exit(main())
