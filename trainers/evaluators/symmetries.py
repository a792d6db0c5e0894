"""Gain of the mean over the symmetries of the image, beside its cost.

References:
    Dieleman, Willett & Dambre (2015), MNRAS 450, 1441, section 5, for averages over rotations.
"""

from __future__ import annotations

import numpy as np

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.ranking import percentile_interval

__all__ = ["evaluate_symmetries"]

_RESAMPLES = 1000
_SMALLEST = 1e-12
_NAMES = {"accuracy": "accuracy", "log_loss": "log loss, nats", "rms": "RMS"}


@register("symmetries", title="Mean over symmetries", needs=("symmetries",))
def evaluate_symmetries(context: EvaluationContext) -> Section:
    """Compares the errors of the answers with the mean and of the signature `single_view`."""
    is_number = context.lacks("regression") is None
    errors = (_residuals if is_number else _mistakes)(context)
    generator, views = context.generator("symmetries"), context.model.views
    section, rows = Section(), []
    for name, (averaged, single) in errors.items():
        summary = _root if name == "rms" else np.mean
        mean, one = float(summary(averaged)), float(summary(single))
        draws = (generator.integers(len(single), size=len(single)) for _ in range(_RESAMPLES))
        resampled = [summary(averaged[drawn]) - summary(single[drawn]) for drawn in draws]
        gain = percentile_interval(mean - one, np.array(resampled))
        section.metrics |= {name: mean, f"{name}_single": one, **gain.as_metrics(f"{name}_gain")}
        difference = f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"
        rows.append([_NAMES[name], f"{mean:.4f}", f"{one:.4f}", difference])
    section.text.append(
        f"The answer is a mean over {views} flips and turns of the image, {views} times the work "
        "of the network. The signature `single_view` of the SavedModel, "
        "`--single_view` of `trainers.predict`, reads each image once, as it is. "
        f"{len(averaged)} objects of the {context.split} split; differences with 95 % intervals of "
        f"{_RESAMPLES} bootstrap resamples of the same objects."
    )
    section.tables.append(Table(["", f"mean of {views} views", "one view", "difference"], rows))
    return section


def _mistakes(context: EvaluationContext) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns hits and log losses, (number,) each, with the mean and without."""
    labels = np.asarray(context.labels)
    both = [context.probability(), context.probability(function="single_view")]
    own = [p[np.arange(len(labels)), labels] for p in both]
    return {
        "accuracy": tuple((p.argmax(axis=1) == labels).astype(float) for p in both),
        "log_loss": tuple(-np.log(np.maximum(p, _SMALLEST)) for p in own),
    }


def _residuals(context: EvaluationContext) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns the residuals, (number,) each, of the objects that have a true number."""
    (target,) = context.model.targets
    truth = np.asarray(context.arrays()[target], np.float64)
    finite = np.isfinite(truth)
    answers = (context.outputs(function)[target] for function in ("call", "single_view"))
    return {"rms": tuple(np.asarray(answer - truth)[finite] for answer in answers)}


def _root(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(values**2))
