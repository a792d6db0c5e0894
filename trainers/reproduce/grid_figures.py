"""Figures of Farrens et al. (2022) over noise levels and realisations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainers.blends.truth import CLOSE
from trainers.evaluators import plot_style
from trainers.evaluators.figures.blend_figures import SEP_COLOUR, draw_by_separation
from trainers.reproduce import published
from trainers.reproduce.grid import SEP, SEP_ALL, Grid, Spread

__all__ = [
    "accuracy_by_separation",
    "accuracy_by_sigma",
    "gain_by_training_sigma",
    "true_rates_by_training_sigma",
]

_MODEL_COLOURS = tuple(c for c in plot_style.COLOURS if c != SEP_COLOUR)
_MARKERS = "osD^vP"
_KINDS = {
    "all": "all stamps",
    "close": f"close blends (< {CLOSE:g} px)",
    "far": "far blends",
    "isolated": "isolated",
}
_KIND_COLOURS = {"all": "black", "close": plot_style.COLOURS[1], "far": plot_style.COLOURS[0]}
_TRUE_COLOURS = {"blended": plot_style.COLOURS[2], "isolated": plot_style.COLOURS[1]}


def accuracy_by_separation(grid: Grid, model: str) -> Figure:
    """Draws the fraction of blends recognised against their separation, a panel for each sigma.

    Args:
        grid: Samples with the noise of the trainings.
        model: Name of the model.
    """
    sigmas = grid.sigmas
    columns = 3 if len(sigmas) == 6 else 4
    figure, panels = plot_style.new_panels(
        len(sigmas), columns, width=3.3, height=2.9, sharex=True, sharey=True
    )
    for index, (panel, sigma) in enumerate(zip(panels, sigmas, strict=True)):
        rates, sep = grid.by_separation(model, sigma), grid.by_separation(SEP, sigma)
        draw_by_separation(panel, rates, sep, model, intervals=False)
        panel.set_title(f"noise sigma {sigma:g}")
        if index % columns:
            panel.set_ylabel("")
        if index + columns < len(sigmas):
            panel.set_xlabel("")
        else:
            panel.tick_params(labelbottom=True)
    panels[0].legend(loc="lower right")
    return figure


def accuracy_by_sigma(grid: Grid) -> Figure:
    """Draws the fraction of right answers against sigma, a panel for each kind of stamp.

    Args:
        grid: Samples with the noise of the trainings.
    """
    figure, panels = plot_style.new_figure(1, len(_KINDS), width=3.5, height=4.0, sharex=True)
    for panel, (kind, title) in zip(panels, _KINDS.items(), strict=True):
        for index, model in enumerate(grid.models):
            _curve(
                panel,
                grid.sigmas,
                [grid.rate(model, kind, sigma) for sigma in grid.sigmas],
                model,
                _MODEL_COLOURS[index % len(_MODEL_COLOURS)],
                marker=_MARKERS[index % len(_MARKERS)],
            )
        for name, style in ((SEP, "--"), (SEP_ALL, ":")):
            spreads = [grid.rate(name, kind, sigma) for sigma in grid.sigmas]
            _curve(panel, grid.sigmas, spreads, name, SEP_COLOUR, style=style, marker="")
        for name, rates, marker, colour in (
            ("published BlendHunter", published.BLENDHUNTER, "o", "black"),
            ("published SEP", published.SEP, "s", SEP_COLOUR),
        ):
            panel.plot(
                list(rates),
                [getattr(rate, kind) for rate in rates.values()],
                marker,
                markerfacecolor="white",
                color=colour,
                markersize=6,
                label=name,
            )
        panel.set(title=title, xlabel="Noise sigma (counts)")
        panel.grid(axis="y", color="0.92", linewidth=0.8)
        panel.set_axisbelow(True)
    panels[0].set_ylabel("Fraction right")
    plot_style.legend_below(figure, panels[0], columns=min(7, len(grid.models) + 4))
    return figure


def gain_by_training_sigma(grid: Grid, sigma: float) -> Figure:
    """Draws the accuracy relative to SEP on one sample against the noise in training.

    Args:
        grid: One sample, with the predictions of models trained with several noises.
        sigma: Sigma of the noise of the sample.
    """
    models = grid.models
    columns = min(3, len(models))
    figure, panels = plot_style.new_panels(len(models), columns, height=3.9, sharey=True)
    for index, (panel, model) in enumerate(zip(panels, models, strict=True)):
        panel.axhspan(
            *published.REALISTIC_CLOSE_GAIN,
            color=_KIND_COLOURS["close"],
            alpha=0.12,
            linewidth=0,
            label="published, close blends",
        )
        for kind, colour in _KIND_COLOURS.items():
            _training_curve(
                panel,
                grid,
                model,
                lambda trained, kind=kind, model=model: grid.gain(model, kind, sigma, trained),
                _KINDS[kind],
                colour,
                "-." if kind == "close" else "-",
                scale=100,
            )
        panel.axhline(0, color="0.4", linewidth=1)
        panel.axvline(sigma, color="0.6", linewidth=1, linestyle=":", zorder=0)
        panel.set(title=model, xlabel="Noise sigma in training (counts)")
        if index % columns == 0:
            panel.set_ylabel("Accuracy relative to SEP (points)")
    plot_style.legend_below(figure, panels[0], columns=min(4, 2 * columns))
    return figure


def true_rates_by_training_sigma(grid: Grid, model: str, sigma: float) -> Figure:
    """Draws true-positive and true-negative fractions on one sample against the noise in training.

    The panels are those of the source: close blends with as many isolated stamps, far blends with
    the other isolated stamps, and all stamps.

    Args:
        grid: One sample, with the predictions of models trained with several noises.
        model: Name of the model.
        sigma: Sigma of the noise of the sample.
    """
    truth = grid.truth()
    isolated = np.cumsum(truth.kind("isolated")) * truth.kind("isolated")
    first = (isolated > 0) & (isolated <= truth.kind("close").sum())
    parts: Mapping[str, tuple] = {
        "close blends": (truth.kind("close"), first),
        "far blends": (truth.kind("far"), truth.kind("isolated") & ~first),
        "all": (truth.kind("blended"), truth.kind("isolated")),
    }
    figure, panels = plot_style.new_figure(1, 3, width=3.9, height=3.9, sharey=True)
    for panel, (title, members) in zip(panels, parts.items(), strict=True):
        for kind, label, chosen in zip(
            ("blended", "isolated"), ("true positives", "true negatives"), members, strict=True
        ):
            colour = _TRUE_COLOURS[kind]
            _training_curve(
                panel,
                grid,
                model,
                lambda trained, chosen=chosen: grid.rate(model, chosen, sigma, trained),
                f"{model}, {label}",
                colour,
            )
            sep = grid.rate(SEP, chosen, sigma)
            panel.axhline(sep.mean, color=colour, linestyle="-.", label=f"SEP, {label}")
        panel.axvline(sigma, color="0.6", linewidth=1, linestyle=":", zorder=0)
        panel.set(title=title, xlabel="Noise sigma in training (counts)")
    panels[0].set_ylabel("Fraction right")
    plot_style.legend_below(figure, panels[0], columns=4)
    return figure


def _curve(
    axes: Axes,
    x: Sequence[float],
    spreads: Sequence[Spread],
    label: str,
    colour: str,
    style: str = "-",
    marker: str = "o",
    scale: float = 1,
) -> None:
    axes.errorbar(
        x,
        [scale * spread.mean for spread in spreads],
        yerr=scale * np.nan_to_num([spread.deviation for spread in spreads]),
        color=colour,
        linestyle=style,
        marker=marker,
        markersize=4,
        capsize=2,
        linewidth=1.5,
        label=label,
    )


def _training_curve(
    axes: Axes,
    grid: Grid,
    model: str,
    spread_of: Callable[[tuple[float, float]], Spread],
    label: str,
    colour: str,
    style: str = "-",
    scale: float = 1,
) -> None:
    trained = grid.trained(model)
    single = [noise for noise in trained if noise[0] == noise[1]]
    if single:
        spreads = [spread_of(noise) for noise in single]
        _curve(axes, [noise[0] for noise in single], spreads, label, colour, style, scale=scale)
    for noise in trained:
        if noise[0] == noise[1]:
            continue
        # A training with all sigmas between two is a bar from one to the other.
        axes.plot(
            noise,
            [scale * spread_of(noise).mean] * 2,
            color=colour,
            linestyle=style,
            linewidth=3,
            alpha=0.6,
            label=None if single else label,
        )
