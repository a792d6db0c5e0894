"""Figures of spectra and of their latent variables."""

from __future__ import annotations

import matplotlib
import numpy as np
from sklearn.feature_selection import f_classif

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.scaled_spectra import wavelengths
from trainers.prediction import inference

__all__ = ["axis", "errors", "examples", "gaps", "outliers", "place_in_words", "plane", "tracks"]

_SHOWN = 4
# Percentiles between which latents are drawn, and those that their spread is measured by.
_SHOWN_RANGE = (0.5, 99.5)
_SPREAD = (5.0, 95.0)
# Spectra along a track.
_STEPS = 7
_FLUX = "flux / amplitude"


def axis(context: EvaluationContext, bins: int) -> tuple[np.ndarray, str]:
    """Returns the place of each bin on the axis, and the label of the axis."""
    if context.spec.wavelengths is None:
        return np.arange(bins), "bin"
    return wavelengths(context.spec.wavelengths, bins), "wavelength in the rest frame (A)"


def errors(
    context: EvaluationContext,
    error: float,
    latents: int,
    linear: dict[int, float],
    factors: dict[int, float],
    floor: float | None,
) -> FigureFile:
    """Draws the weighted error against the number of latents or components."""
    figure, (panel,) = plot_style.new_figure()
    panel.plot([*linear], [*linear.values()], "o-", label="PCA")
    panel.plot([*factors], [*factors.values()], "s-", label="NMF")
    panel.plot([latents], [error], "*", markersize=14, label=context.model_name)
    if floor is not None:
        panel.axhline(floor, color="0.5", linestyle=":", label="without noise")
    panel.set(xlabel="latents or components", ylabel="weighted mean squared error", yscale="log")
    panel.legend()
    return context.save_figure(
        figure,
        "spectra_errors",
        "Weighted mean squared error of the test spectra by the number of latents or components.",
    )


def examples(
    context: EvaluationContext,
    observed: np.ndarray,
    drawn: np.ndarray,
    chi2: np.ndarray,
) -> FigureFile:
    """Draws spectra with their reconstructions, one of each class where there are classes."""
    labels = np.zeros(len(drawn), int) if context.labels is None else np.asarray(context.labels)
    rows = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
    if len(rows) == 1:
        rows = list(range(min(_SHOWN, len(drawn))))
    names = [context.class_names[labels[row]] if context.class_names else "" for row in rows]
    titles = [
        f"{name}, chi2 per bin {chi2[row]:.2f}" for name, row in zip(names, rows, strict=True)
    ]
    figure = _stacked(context, rows, observed, drawn, titles)
    return context.save_figure(
        figure,
        "spectra",
        "Test spectra (grey, bins with data) and what the model draws of them (colour).",
    )


def outliers(
    context: EvaluationContext,
    order: np.ndarray,
    observed: np.ndarray,
    drawn: np.ndarray,
) -> FigureFile:
    """Draws the strangest spectra with their reconstructions."""
    rows = [int(row) for row in order[:_SHOWN]]
    figure = _stacked(context, rows, observed, drawn, [str(context.ids[row]) for row in rows])
    return context.save_figure(
        figure,
        "spectra_outliers",
        "The strangest test spectra (grey, bins with data) and what the model draws of them.",
    )


def gaps(
    context: EvaluationContext,
    observed: np.ndarray,
    drawn: np.ndarray,
    inside: np.ndarray,
    counted: np.ndarray,
) -> FigureFile:
    """Draws spectra of which a part was hidden, with what the model puts there."""
    complete = np.flatnonzero(counted.sum(axis=1) == inside.sum(axis=1))
    rows = [int(row) for row in complete[:_SHOWN]]
    figure = _stacked(context, rows, observed, drawn, [""] * len(rows), inside)
    return context.save_figure(
        figure,
        "spectra_gaps",
        "Test spectra (grey) whose shaded part was hidden, and what the model draws of them.",
    )


def plane(context: EvaluationContext) -> FigureFile:
    """Draws the two latents that differ most between the classes."""
    latents = context.latents()
    # Ratio of the variances between classes and within them.
    ratios, _ = f_classif(latents, context.labels)
    order = np.argsort(-np.nan_to_num(ratios), kind="stable")
    chosen = [int(order[0]), int(order[min(1, len(order) - 1)])]
    points = latents[:, chosen]
    colours = np.empty(len(points), object)
    figure, (panel,) = plot_style.new_figure(width=5.4, height=4.6)
    for name, members, colour in context.groups():
        colours[members] = colour
        panel.scatter([], [], s=20, linewidths=0, color=colour, label=name)
    # In a random order, so that no class hides the others.
    order = context.generator("plane").permutation(len(points))
    panel.scatter(*points[order].T, s=7, alpha=0.6, linewidths=0, color=list(colours[order]))
    low, high = np.percentile(points, _SHOWN_RANGE, axis=0)
    margin = 0.1 * (high - low)
    panel.set(
        xlabel=f"latent {chosen[0] + 1}",
        ylabel=f"latent {chosen[-1] + 1}",
        xlim=(low[0] - margin[0], high[0] + margin[0]),
        ylim=(low[-1] - margin[-1], high[-1] + margin[-1]),
    )
    panel.legend()
    return context.save_figure(
        figure,
        "spectra_latents",
        "Test spectra by class, in the two latents that differ most between the classes (largest "
        "ratio of the variances between and within them); the outermost 0.5 % on each side are "
        "beyond the axes.",
    )


def tracks(context: EvaluationContext) -> FigureFile:
    """Draws the spectra along two tracks in latent space, decoded as sequences."""
    latents = context.latents("train")
    places = _widest(latents)
    figure, axes = plot_style.new_figure(len(places), 1, width=9.0, height=3.2, sharex=True)
    x, label = axis(context, context.model.bins)
    for panel, latent in zip(axes, places, strict=True):
        parts = np.array_split(np.argsort(latents[:, latent]), _STEPS)
        track = np.array([np.median(latents[part], axis=0) for part in parts])
        spectra = inference.apply(context.model.decode, track.astype(np.float32))["spectrum"]
        colours = matplotlib.colormaps[plot_style.CONTINUOUS](np.linspace(0, 0.9, _STEPS))
        for step, (spectrum, colour) in enumerate(zip(spectra, colours, strict=True)):
            value = f"{track[step, latent]:.1f}" if step in (0, _STEPS - 1) else None
            panel.plot(x, spectrum, color=colour, linewidth=0.9, label=value)
        panel.set(ylabel=_FLUX, title=f"latent {latent + 1}")
        panel.legend(title="value")
    axes[-1].set_xlabel(label)
    return context.save_figure(
        figure,
        "spectra_tracks",
        f"Spectra that the decoder draws along the two latents of the largest spread: at the "
        f"medians of all latents of {_STEPS} equal parts of the training spectra, in the order of "
        "that latent, so that the track stays where there are spectra.",
    )


def place_in_words(context: EvaluationContext, place: int) -> str:
    """Returns where a bin is, in words."""
    if context.spec.wavelengths is None:
        return f"at bin {place}"
    return f"at {wavelengths(context.spec.wavelengths, context.model.bins)[place]:.0f} A"


def _stacked(
    context: EvaluationContext,
    rows: list[int],
    observed: np.ndarray,
    drawn: np.ndarray,
    titles: list[str],
    shaded: np.ndarray | None = None,
):
    figure, axes = plot_style.new_figure(len(rows) or 1, 1, width=9.0, height=2.0, sharex=True)
    x, label = axis(context, observed.shape[1])
    for panel, row, title in zip(axes, rows, titles, strict=False):
        panel.plot(x, observed[row], color="0.65", linewidth=0.7)
        panel.plot(x, drawn[row], color=plot_style.COLOURS[0], linewidth=1.0)
        if shaded is not None:
            hidden = x[shaded[row]]
            panel.axvspan(hidden[0], hidden[-1], color="0.9", zorder=0)
        low, high = np.nanpercentile(drawn[row], [0, 99.8])
        panel.set(title=title, ylabel=_FLUX, ylim=(min(0.0, low), 1.15 * high + 0.1))
    axes[-1].set_xlabel(label)
    return figure


def _widest(latents: np.ndarray) -> list[int]:
    """Returns the two latents of the largest spread, or the only one twice.

    A few outliers, which may be far away, do not count.
    """
    low, high = np.percentile(latents, _SPREAD, axis=0)
    order = np.argsort(low - high, kind="stable")
    return [int(order[0]), int(order[min(1, len(order) - 1)])]
