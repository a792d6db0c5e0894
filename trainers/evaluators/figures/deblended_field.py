"""Fields, their drawn sources and residuals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.deblending.scene import DeblendedScene
from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.detections import Comparison, DetectedSources, TrueSources

__all__ = ["draw_fields"]

_RANGE = 5.0  # sigma
# Signal-to-noise ratio from which on a missed source is marked.
_MISSED = 10.0
_TITLES = ("field", "drawn sources", "residual / noise")


def draw_fields(
    context: EvaluationContext,
    rows: np.ndarray,
    shown: Sequence[int],
    scenes: Sequence[DeblendedScene],
    comparison: Comparison,
    detected: DetectedSources,
    true: TrueSources,
) -> FigureFile:
    """Draws fields with their sources, right, spurious and missed.

    Args:
        context: The evaluation.
        rows: Objects of the split of the fields.
        shown: Which of the fields.
        scenes: All fields.
        comparison: Detections beside the truth.
        detected: The detections.
        true: The true sources.
    """
    images = np.nan_to_num(context.images[rows[np.asarray(shown)]])
    stretch = Stretch(images, context.spec.bands)
    light = np.stack([scenes[each].light for each in shown])
    pictures = [stretch.pictures(each) for each in (images, light)]
    figure, axes = plot_style.new_figure(len(shown), len(_TITLES), width=3.3, height=3.3)
    for line, field in enumerate(shown):
        panels = axes[line * len(_TITLES) : (line + 1) * len(_TITLES)]
        for panel, picture in zip(panels, pictures, strict=False):
            plot_style.blank(panel).imshow(picture[line], origin=stretch.origin)
        noise = context.noise()[0][rows[field]]
        left = np.sum(scenes[field].residual / noise, axis=-1) / np.sqrt(len(noise))
        mapped = plot_style.blank(panels[2]).imshow(
            left, origin=stretch.origin, cmap=plot_style.DIVERGING, vmin=-_RANGE, vmax=_RANGE
        )
        own, here = detected.image == field, true.image == field
        missed = here & ~comparison.detected & true.inside & (true.snr >= _MISSED)
        spurious = own & comparison.spurious
        for position, marker, colour, name in (
            (detected.position[own & ~spurious], "o", plot_style.COLOURS[2], "detected"),
            (detected.position[spurious], "s", plot_style.COLOURS[1], "no true source"),
            (true.position[missed], "x", plot_style.COLOURS[5], "missed, from 10 sigma"),
        ):
            hollow = {} if marker == "x" else {"facecolors": "none", "edgecolors": colour}
            panels[0].scatter(
                *position.T,
                s=36,
                marker=marker,
                linewidths=0.9,
                label=name,
                **(hollow or {"color": colour}),
            )
        height, width = left.shape
        for panel in panels:
            panel.set(xlim=(-0.5, width - 0.5), ylim=(-0.5, height - 0.5))
        panels[0].set_ylabel(f"{scenes[field].mean_square[-1]:.2f}", fontsize=9)
    for panel, title in zip(axes, _TITLES, strict=False):
        panel.set_title(title)
    figure.colorbar(mapped, ax=axes, location="bottom", shrink=0.4, aspect=40, pad=0.01)
    plot_style.legend_below(figure, axes[0], columns=3)
    return context.save_figure(
        figure,
        "deblended_fields",
        "Fields, their sources as they were drawn, and the residual of all bands together in units "
        "of its noise: those with the smallest, the median and the largest mean square of the "
        "residual in units of its error, which stands beside each.",
    )
