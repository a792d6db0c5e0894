"""Calibration of probabilities: reliability diagram, calibration error, Brier score.

References:
    Guo et al. (2017), ICML (expected calibration error); Brier (1950), Monthly Weather Review
    78, 1; Broecker and Smith (2007), Weather and Forecasting 22, 651 (reliability diagram).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.axes import Axes
from sklearn import metrics

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.rates import BinnedRates, binned_rates

__all__ = ["Calibration", "calibrate", "draw_reliability", "evaluate_calibration"]

_BINS = 15
_COLUMNS = 3


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Probabilities of a class compared with its observed frequency.

    Attributes:
        bins: Fraction of positives in equal bins of the probability.
        mean_probability: (bins,), mean probability in each bin; NaN in a bin without objects.
        expected_error: sum_b n_b / n |fraction_b - mean probability_b|, the ECE.
        brier: Mean of (p - y)^2; 1/4 for a constant p = 1/2.
        log_loss: Mean of -log p of the observed outcome, in nats; log 2 for a constant p = 1/2.
    """

    bins: BinnedRates
    mean_probability: np.ndarray
    expected_error: float
    brier: float
    log_loss: float


@register("calibration", title="Calibration", needs=("labels", "probability"))
def evaluate_calibration(context: EvaluationContext) -> Section:
    """Compares the probability of each class with its observed frequency.

    Of two classes one is reported: the other has the same calibration.
    """
    labels, probability, names = context.labels, context.probability(), context.class_names
    positive = context.positive_class
    chosen = range(len(names)) if positive is None else [positive]
    calibrations = {
        names[index]: calibrate(labels == index, probability[:, index]) for index in chosen
    }
    error = np.mean([each.expected_error for each in calibrations.values()])
    brier = np.mean([each.brier for each in calibrations.values()])
    section = Section(metrics={"calibration_error": error, "brier": brier})
    if len(calibrations) > 1:
        for name, each in calibrations.items():
            section.metrics[f"calibration_error_{name}"] = each.expected_error
            section.metrics[f"brier_{name}"] = each.brier
    mean = " (mean over classes)" if len(calibrations) > 1 else ""
    section.key_numbers[f"Calibration error{mean}"] = f"{error:.3f}"
    section.text.append(
        f"Probabilities of {len(labels)} objects of the {context.split} split in {_BINS} equal "
        "bins. The expected calibration error is the mean distance between the probability and "
        "the fraction of the class, weighted by the objects in the bins; the Brier score is the "
        "mean of (P - 1)^2 for the class and P^2 for others. Both are 0 at best."
    )
    section.tables.append(
        Table(
            ["class", "expected calibration error", "Brier score", "Brier score of the share"],
            [
                [name, f"{each.expected_error:.3f}", f"{each.brier:.3f}", _of_share(each)]
                for name, each in calibrations.items()
            ],
            "Last column: the score of a constant P equal to the share of the class.",
        )
    )
    section.figures.append(_figure(context, calibrations))
    return section


def _of_share(calibration: Calibration) -> str:
    objects = calibration.bins.objects
    share = np.nansum(calibration.bins.value * objects) / objects.sum()
    return f"{share * (1 - share):.3f}"


def _figure(context, calibrations):
    figure, axes = plot_style.new_panels(len(calibrations), _COLUMNS, width=4.4, height=4.0)
    for panel, (name, calibration) in zip(axes, calibrations.items(), strict=True):
        draw_reliability(panel, calibration, name)
    return context.save_figure(
        figure,
        "calibration",
        "Observed frequency of the class against the predicted probability, with Wilson's 95 % "
        "intervals; perfect calibration lies on the dotted line. Grey bars: numbers of objects, "
        "on a logarithmic scale.",
    )


def calibrate(positive: np.ndarray, probability: np.ndarray, bins: int = _BINS) -> Calibration:
    """Compares probabilities with observed outcomes.

    Args:
        positive: (number,) bool.
        probability: (number,) in [0, 1], of being positive.
        bins: Number of equal bins in [0, 1]. Default 15.
    """
    rates = binned_rates(probability, positive, np.linspace(0, 1, bins + 1))
    total, _ = np.histogram(probability, rates.edges, weights=probability)
    empty = np.full(bins, np.nan)
    mean = np.divide(total, rates.objects, out=empty, where=rates.objects > 0)
    share = rates.objects / len(probability)
    return Calibration(
        rates,
        mean,
        float(np.nansum(share * np.abs(rates.value - mean))),
        float(np.mean((probability - positive) ** 2)),
        float(metrics.log_loss(positive, probability, labels=[0, 1])),
    )


def draw_reliability(axes: Axes, calibration: Calibration, name: str) -> None:
    """Draws the reliability diagram of a class, with the numbers of objects below."""
    rates = calibration.bins
    shown = rates.objects > 0
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=":", zorder=0)
    axes.errorbar(
        calibration.mean_probability[shown],
        rates.value[shown],
        yerr=plot_style.error_bars(rates.value, rates.low, rates.high)[:, shown],
        marker="o",
        markersize=4,
        capsize=2,
        linewidth=1.2,
        color=plot_style.COLOURS[0],
    )
    axes.set(
        xlabel=f"Probability of '{name}'",
        ylabel=f"Fraction of '{name}'",
        title=f"Reliability (calibration error {calibration.expected_error:.3f})",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )
    below = axes.twinx()
    below.bar(rates.centres, rates.objects, np.diff(rates.edges), color="0.88", zorder=-1)
    below.set(yscale="log", ylim=(0.7, max(10, rates.objects.max()) ** 3), yticks=[])
    below.minorticks_off()
    below.spines[:].set_visible(False)
    # By default the twin lies above its panel.
    axes.set_zorder(below.get_zorder() + 1)
    axes.patch.set_visible(False)
