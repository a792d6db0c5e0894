"""The optimiser and its learning rate over the run."""

from __future__ import annotations

import keras

from trainers.config import RunConfig

__all__ = ["make"]


def make(config: RunConfig, steps: int) -> keras.optimizers.Optimizer:
    """Returns Adam, AdamW if there is weight decay, with the schedule of the configuration.

    Args:
        config: Learning rate, schedule, warm-up, weight decay and precision are read.
        steps: Steps of the whole run, at whose end the cosine reaches zero.
    """
    rate = _rate(config, steps)
    if config.weight_decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    else:
        optimizer = keras.optimizers.Adam(rate)
    if config.mixed_precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _rate(config: RunConfig, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    schedules = keras.optimizers.schedules
    if config.schedule == "cosine":
        decay = max(1, steps - config.warmup_steps)
        if config.warmup_steps:
            return schedules.CosineDecay(
                0.0, decay, warmup_target=config.learning_rate, warmup_steps=config.warmup_steps
            )
        return schedules.CosineDecay(config.learning_rate, decay)
    if config.warmup_steps:
        return schedules.PolynomialDecay(
            0.0, config.warmup_steps, end_learning_rate=config.learning_rate
        )
    return config.learning_rate
