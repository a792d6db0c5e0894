"""Optimisers and learning-rate schedules."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras

from trainers.options.run import RunConfig
from trainers.training import plateau
from zoo.scaled_adam import Adam, AdamW

__all__ = ["learning_rate_after", "make"]


def make(
    config: RunConfig,
    steps: int,
    variables: Sequence[keras.Variable],
    factors: Sequence[float] = (),
    stage_steps: Sequence[int] = (),
    updates: int = 1,
    betas: tuple[float, float] = (0.9, 0.999),
) -> keras.optimizers.Optimizer:
    """Returns Adam, or AdamW with weight decay, with the schedule of the configuration.

    Scalars and vectors (biases, scales, noise levels) do not decay, since zero has no meaning for
    them; nor do pretrained variables, which have a learning rate of their own.

    Args:
        config: Learning rate, schedule, warm-up, weight decay and precision. The schedule
            `plateau` is up to `learning_rate_after`.
        steps: Steps of the run, after which the cosine is zero.
        variables: Trained variables.
        factors: Factor of the learning rate of each variable. Default 1. (Adam does not depend on
            the scale of a gradient.)
        stage_steps: Steps at which the schedule begins anew, see `ZooModel.stage_steps`. Default
            none.
        updates: Updates of the variables in a step, see `ZooModel.group_updates`. Default 1.
        betas: Decay rates of the moments. Default those of Keras.
    """
    rate = _in_stages(config, steps, stage_steps)
    if updates > 1 and not isinstance(rate, float):
        rate = _ByStep(rate, updates)
    if config.weight_decay:
        optimizer = AdamW(rate, config.weight_decay, *betas, name="adamw")
        own_rate = {id(v) for v, factor in zip(variables, factors, strict=False) if factor != 1}
        optimizer.exclude_from_weight_decay(
            [v for v in variables if len(v.shape) < 2 or id(v) in own_rate]
        )
    else:
        optimizer = Adam(rate, *betas, name="adam")
    optimizer.factors = tuple(factors)
    if config.mixed_precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def learning_rate_after(config: RunConfig, losses: Sequence[float]) -> float:
    """Returns the learning rate under the schedule `plateau`.

    Args:
        config: The run.
        losses: Validation loss of each finished epoch.
    """
    lowered = plateau.reductions(
        losses, config.plateau_patience, config.plateau_cooldown, config.min_delta
    )
    return config.learning_rate * config.plateau_factor**lowered


class _Stages(keras.optimizers.schedules.LearningRateSchedule):
    """One schedule after the other, each counted from the step at which it begins."""

    def __init__(self, rates: Sequence[Any], starts: Sequence[int]):
        self.rates, self.starts = rates, starts

    def __call__(self, step: Any) -> Any:
        rate = self.rates[0](step)
        for later, start in zip(self.rates[1:], self.starts[1:], strict=True):
            rate = keras.ops.where(step < start, rate, later(keras.ops.maximum(step - start, 0)))
        return rate


class _ByStep(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of steps, for an optimiser that updates its weights several times in each."""

    def __init__(self, rate: keras.optimizers.schedules.LearningRateSchedule, updates: int):
        self.rate, self.updates = rate, updates

    def __call__(self, step: Any) -> Any:
        return self.rate(step // self.updates)


def _in_stages(
    config: RunConfig, steps: int, stage_steps: Sequence[int]
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    starts = [0, *(start for start in stage_steps if start < steps)]
    rates = [_rate(config, end - start) for start, end in itertools.pairwise([*starts, steps])]
    return rates[0] if len(rates) == 1 or isinstance(rates[0], float) else _Stages(rates, starts)


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
