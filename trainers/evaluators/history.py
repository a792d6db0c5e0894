"""Training history: losses by epoch, best epoch and speed."""

from __future__ import annotations

import numpy as np
from astropy.table import Table as AstropyTable

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section

__all__ = ["evaluate_history"]

# Columns of the history that are no terms of the loss.
_NOT_TERMS = ("epoch", "learning_rate", "images_per_second", "data_wait_fraction", "gradient_norm")


@register("history", title="Training", needs=("history",))
def evaluate_history(context: EvaluationContext) -> Section:
    """Draws the losses by epoch and states the best epoch and the speed.

    The numbers are those of the training, so that none of them enters the metrics a second time.
    """
    history = AstropyTable.read(context.run_dir / "history.csv", format="ascii.csv")
    columns = {name: _numbers(history[name]) for name in history.colnames}
    epoch = columns.get("epoch", np.arange(1.0, len(history) + 1))
    watched = "validation_loss" if "validation_loss" in columns else "loss"
    if not len(epoch) or watched not in columns or not np.isfinite(columns[watched]).any():
        return Section(text=["The history holds no epoch."])
    best = int(np.nanargmin(columns[watched]))
    section = Section()
    sentence = (
        f"{len(epoch)} epochs; the weights are those of epoch {epoch[best]:.0f}, the lowest "
        f"{watched.replace('_', ' ')} ({columns[watched][best]:.5g})."
    )
    if "images_per_second" in columns:
        # The first epoch holds the tracing of the step.
        speed = np.nanmedian(columns["images_per_second"][min(1, len(epoch) - 1) :])
        sentence += f" Median speed {speed:.0f} images/s"
        if "data_wait_fraction" in columns:
            waited = np.nanmedian(columns["data_wait_fraction"])
            sentence += f", {100 * waited:.1f} % of it waiting for data"
        sentence += "."
    section.text.append(sentence)
    section.figures.append(_figure(context, columns, epoch, best))
    return section


def _numbers(column) -> np.ndarray:
    if column.dtype.kind not in "fiu":
        return np.full(len(column), np.nan)
    return np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)


def _figure(context, columns, epoch, best):
    terms = [
        name
        for name in columns
        if name not in _NOT_TERMS
        and not name.startswith("validation_")
        and (name == "loss" or np.isfinite(columns[name]).any())
    ]
    terms.sort(key=lambda name: name != "loss")
    figure, axes = plot_style.new_panels(len(terms), 3, width=3.9, height=2.9)
    for panel, name in zip(axes, terms, strict=True):
        marker = "o" if len(epoch) < 3 else None
        panel.plot(epoch, columns[name], label="training", marker=marker)
        if f"validation_{name}" in columns:
            panel.plot(epoch, columns[f"validation_{name}"], label="validation", marker=marker)
        panel.axvline(epoch[best], color="0.6", linewidth=1, linestyle=":")
        panel.set(xlabel="Epoch", ylabel=name.replace("_", " "))
        panel.xaxis.get_major_locator().set_params(integer=True)
        # The first epochs are often far above the rest; the eye wants the rest.
        shown = np.concatenate([columns[c] for c in (name, f"validation_{name}") if c in columns])
        shown = shown[np.isfinite(shown)]
        if len(shown) > 8:
            low, high = shown.min(), np.quantile(shown, 0.95)
            if high > low and shown.max() > high + 2 * (high - low):
                panel.set_ylim(low - 0.05 * (high - low), high + 0.3 * (high - low))
    axes[0].legend()
    return context.save_figure(
        figure,
        "training",
        "Terms of the loss by epoch; dotted: the epoch whose weights are evaluated.",
    )
