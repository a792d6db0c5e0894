"""Regression metrics: bias, scatter, outliers, correlation.

References:
    Hoaglin, Mosteller & Tukey (1983), Understanding Robust and Exploratory Data Analysis, for the
    scatter by the median absolute deviation; Efron and Tibshirani (1993), chapter 13, for the
    intervals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy import stats

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.ranking import Interval, percentile_interval

__all__ = ["Residuals", "evaluate_regression", "measure"]

_RESAMPLES = 1000
_FEWEST, _MOST_BINS, _PER_BIN = 5, 12, 25
# Scatters beyond which an object is an outlier.
_OUTLIER = 3.0


@dataclasses.dataclass(frozen=True)
class Residuals:
    """Statistics of the residuals r = predicted - true.

    Attributes:
        bias: Mean of r.
        rms: Root of the mean of r^2.
        scatter: 1.4826 median |r - median r|, the standard deviation of a normal.
        outliers: Share with |r - median r| > 3 scatter; 0.0027 for a normal.
        explained: 1 - mean r^2 / variance of the truth: 0 for its mean, 1 for the truth itself.
        pearson: Correlation coefficient; NaN where either is constant.
        spearman: Of the ranks.
    """

    bias: float
    rms: float
    scatter: float
    outliers: float
    explained: float
    pearson: float
    spearman: float


def measure(truth: np.ndarray, predicted: np.ndarray) -> Residuals:
    """Compares predictions with the truth.

    Args:
        truth: (number,), two at least, finite.
        predicted: (number,).
    """
    residual = predicted - truth
    centre = np.median(residual)
    scatter = float(stats.median_abs_deviation(residual, scale="normal"))
    variance = truth.var()
    varies = min(np.ptp(truth), np.ptp(predicted)) > 0
    return Residuals(
        float(residual.mean()),
        float(np.sqrt(np.mean(residual**2))),
        scatter,
        float(np.mean(np.abs(residual - centre) > _OUTLIER * scatter)),
        float(1 - np.mean(residual**2) / variance) if variance > 0 else np.nan,
        float(stats.pearsonr(truth, predicted).statistic) if varies else np.nan,
        float(stats.spearmanr(truth, predicted).statistic) if varies else np.nan,
    )


@register("regression", title="Regression", needs=("regression",))
def evaluate_regression(context: EvaluationContext) -> Section:
    """Compares the predicted number with the true one, for the objects that have one."""
    (target,) = context.model.targets
    truth = np.asarray(context.arrays()[target], np.float64)
    finite = np.isfinite(truth)
    if finite.sum() < _FEWEST:
        raise ValueError(
            f"split '{context.split}' must have {_FEWEST} objects with '{target}' at least; "
            f"got {finite.sum()} of {len(truth)}"
        )
    truth = truth[finite]
    predicted = context.outputs("call")[target][finite].astype(np.float64)
    residuals, label = measure(truth, predicted), plot_style.quantity_label(target)
    intervals = _intervals(context, predicted - truth, residuals)
    section = Section()
    numbers = dataclasses.asdict(residuals) | {"objects": len(truth), "truth_stddev": truth.std()}
    for name, interval in intervals.items():
        numbers |= interval.as_metrics(name)
    section.metrics |= {name: float(v) for name, v in numbers.items() if np.isfinite(v)}
    section.key_numbers |= {
        f"Bias of {label}": str(intervals["bias"]),
        f"RMS of {label}": str(intervals["rms"]),
        "Correlation": f"{residuals.pearson:.3f}",
    }
    without = "" if finite.all() else f"; {(~finite).sum()} objects have no true value"
    section.text.append(
        f"{len(truth)} objects of the {context.split} split{without}. "
        f"Bias **{intervals['bias']}**, RMS **{intervals['rms']}**, robust scatter "
        f"{intervals['scatter']}, against a standard deviation of the truth of {truth.std():.3f}: "
        f"{100 * residuals.explained:.1f} % of its variance is explained. "
        f"{100 * residuals.outliers:.1f} % are outliers, beyond {_OUTLIER:g} robust scatters from "
        f"the median. Correlation {residuals.pearson:.3f} (Pearson), "
        f"{residuals.spearman:.3f} (Spearman). Intervals are 95 %, from {_RESAMPLES} bootstrap "
        "resamples."
    )
    edges = _edges(truth)
    section.tables.append(_table(truth, predicted, edges, label))
    section.figures.append(_draw(context, truth, predicted, edges, label))
    return section


def _intervals(context, residual, residuals) -> dict[str, Interval]:
    generator = context.generator("regression")
    resampled: dict[str, list[float]] = {"bias": [], "rms": [], "scatter": []}
    for _ in range(_RESAMPLES):
        drawn = residual[generator.integers(len(residual), size=len(residual))]
        resampled["bias"].append(drawn.mean())
        resampled["rms"].append(np.sqrt(np.mean(drawn**2)))
        resampled["scatter"].append(stats.median_abs_deviation(drawn, scale="normal"))
    return {
        name: percentile_interval(getattr(residuals, name), np.array(values))
        for name, values in resampled.items()
    }


def _edges(truth: np.ndarray) -> np.ndarray:
    """Returns edges of equal bins of the truth, fewer where there are few objects."""
    number = int(np.clip(len(truth) // _PER_BIN, 2, _MOST_BINS))
    low, high = truth.min(), truth.max()
    return np.linspace(low, high if high > low else low + 1, number + 1)


def _binned(
    truth: np.ndarray, predicted: np.ndarray, edges: np.ndarray
) -> Iterator[tuple[float, float, np.ndarray, np.ndarray]]:
    """Yields lower and upper edge and the objects of each bin that has enough of them."""
    place = np.clip(np.searchsorted(edges, truth, side="right") - 1, 0, len(edges) - 2)
    for number in range(len(edges) - 1):
        inside = place == number
        if inside.sum() >= _FEWEST:
            yield edges[number], edges[number + 1], truth[inside], predicted[inside]


def _table(truth, predicted, edges, label) -> Table:
    rows = []
    for low, high, true, guess in _binned(truth, predicted, edges):
        residuals = measure(true, guess)
        values = (residuals.bias, residuals.rms, residuals.scatter)
        rows.append([f"{low:.3g} to {high:.3g}", str(len(true)), *(f"{v:.3g}" for v in values)])
    return Table(
        [f"true {label}", "objects", "bias", "RMS", "robust scatter"],
        rows,
        f"In the units of {label}, for bins with at least {_FEWEST} objects. A positive bias at "
        "low and a negative one at high values is regression towards the mean.",
    )


def _draw(context, truth, predicted, edges, label) -> FigureFile:
    figure, (above, below) = plot_style.new_figure(
        2, 1, width=5.2, height=3.2, sharex=True, gridspec_kw={"height_ratios": [2.4, 1]}
    )
    size = float(np.clip(6000 / len(truth), 4, 14))
    bins = list(_binned(truth, predicted, edges))
    for axes, share in ((above, 0.0), (below, 1.0)):
        axes.scatter(
            truth,
            predicted - share * truth,
            s=size,
            alpha=0.5,
            linewidths=0,
            color="0.45",
            label="Objects",
        )
        _draw_medians(axes, [(true, guess - share * true) for *_, true, guess in bins])
    low, high = truth.min(), truth.max()
    above.plot([low, high], [low, high], color="0.2", linewidth=1, linestyle=":", label="Equal")
    below.axhline(0, color="0.2", linewidth=1, linestyle=":")
    above.set(ylabel=f"Predicted {label}", title=f"{len(truth)} objects")
    below.set(xlabel=f"True {label}", ylabel="Predicted - true")
    handles, names = above.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return context.save_figure(
        figure,
        "regression",
        f"Predicted against true {label}, and the difference below. Points with bars: median "
        "and the central 68 % in bins of the truth. Least squares predicts the mean of similar "
        "images, which draws the extremes inwards.",
    )


def _draw_medians(axes: Axes, bins: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    if not bins:
        return
    low, middle, high = np.array([np.quantile(y, [0.16, 0.5, 0.84]) for _, y in bins]).T
    axes.errorbar(
        [np.median(x) for x, _ in bins],
        middle,
        yerr=[middle - low, high - middle],
        fmt="o",
        markersize=5,
        capsize=2,
        linewidth=1.3,
        color=plot_style.COLOURS[1],
        label="Median and central 68 %",
    )
