"""Deblended stamps beside the truth and SEP: typical ones, and the worst."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.blends.deblending_truth import DeblendingTruth, Method
from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.flux_errors import magnitude_error

__all__ = ["chosen_stamps", "draw_deblended"]

_TYPICAL, _WORST = 5, 3
_COLUMNS = ("blend", "truth", "model", "SEP", "residual")
_RESIDUAL = {"cmap": plot_style.DIVERGING, "vmin": -5.0, "vmax": 5.0}


def chosen_stamps(
    error: np.ndarray, blendedness: np.ndarray, typical: int, worst: int
) -> np.ndarray:
    """Returns rows of blends: some evenly spaced in rank of blendedness, then the worst.

    Args:
        error: (number,), magnitude errors; those that are not finite are not chosen.
        blendedness: (number,); 0 is no blend.
        typical: Number of the former at most.
        worst: Number of the latter at most.
    """
    blends = np.flatnonzero((blendedness > 0) & np.isfinite(error))
    by_error = blends[np.argsort(-np.abs(error[blends]), kind="stable")]
    last = by_error[:worst]
    rest = np.setdiff1d(blends, last)
    rest = rest[np.argsort(blendedness[rest], kind="stable")]
    # From the middle on: the less blended half looks like its truth.
    places = np.linspace(0.5, 0.98, typical) * max(len(rest) - 1, 0)
    return np.concatenate([rest[np.unique(places.astype(int))] if len(rest) else rest, last])


def draw_deblended(
    context: EvaluationContext,
    rows: np.ndarray,
    truth: DeblendingTruth,
    methods: Sequence[Method],
    true_shears: np.ndarray,
    deblended: np.ndarray,
    of_sep: np.ndarray,
) -> FigureFile:
    """Draws blend, truth, the model's galaxy, SEP's and what the model leaves over.

    Args:
        context: The evaluation.
        rows: (number,), the stamps among those of the context.
        truth: Of the stamps.
        methods: Fluxes of the model and of SEP, in this order.
        true_shears: Not drawn.
        deblended: (number, height, width, bands), of the model.
        of_sep: Of the same shape, the stamps without other detections of SEP.

    Returns:
        The saved figure.
    """
    band = context.reference_band
    errors = [magnitude_error(each.flux[:, band], truth.flux[:, band]) for each in methods[:2]]
    judged = np.where(truth.snr[:, band] >= 10, errors[0], np.nan)
    shown = chosen_stamps(judged, truth.blendedness, _TYPICAL, _WORST)
    images, noise = context.images[rows[shown]], context.noise()[0][rows[shown]]
    stretch = Stretch(images, context.spec.bands)
    pictures = [images, truth.target[shown], deblended[shown], of_sep[shown]]
    pictures = [stretch.pictures(each) for each in pictures]
    left = images - truth.others[shown] - deblended[shown]
    left = left[..., band] / noise[:, band, None, None]
    figure, axes = plot_style.new_figure(len(shown), len(_COLUMNS), width=1.75, height=1.85)
    for line, row in enumerate(shown):
        panels = axes[line * len(_COLUMNS) : (line + 1) * len(_COLUMNS)]
        for panel, picture in zip(panels, [each[line] for each in pictures], strict=False):
            plot_style.blank(panel).imshow(picture, origin=stretch.origin)
        drawn = plot_style.blank(panels[-1]).imshow(left[line], origin=stretch.origin, **_RESIDUAL)
        panels[0].set_xlabel(f"blendedness {truth.blendedness[row]:.2f}", fontsize=8)
        for panel, error in zip(panels[2:4], (errors[0][row], errors[1][row]), strict=True):
            text = "not detected" if np.isnan(error) else f"{error:+.2f} mag"
            panel.set_xlabel(text, fontsize=8)
    for panel, title in zip(axes, _COLUMNS, strict=False):
        panel.set_title(title)
    bar = figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.4, aspect=40, pad=0.01)
    bar.set_label("residual / noise")
    name = context.spec.bands[band]
    return context.save_figure(
        figure,
        "deblended_stamps",
        f"Blends from the middle to the highest blendedness, and in the last {_WORST} rows those "
        f"with the largest error of the model in {name}. Blend, noiseless target, the model's "
        "galaxy and the stamp without SEP's other detections, on one scale; errors of the "
        f"magnitude in {name} below. The residual is image - true neighbours - model in {name}, "
        "in units of the noise of the sky.",
    )
