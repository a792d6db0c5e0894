"""Residuals of deblended galaxies on real blends, of which no truth is known."""

from __future__ import annotations

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.flux_errors import bootstrap

__all__ = ["core_pixels", "evaluate_deblending_residuals", "residual_statistics"]

# Radius about the middle, px, within which the galaxy should be all there is.
_CORE = 3.0
# Sigma of the sky below zero from which on a residual is light that was never there.
_DEEP = 3.0
_SHOWN = 8
_COLUMNS = ("blend", "model", "residual", "residual / noise")


def core_pixels(height: int, width: int, radius: float = _CORE) -> np.ndarray:
    """Returns the pixels, (height, width) bool, within a radius about the middle one."""
    y, x = np.mgrid[:height, :width]
    return np.hypot(y - height // 2, x - width // 2) <= radius


def residual_statistics(
    images: np.ndarray, deblended: np.ndarray, noise: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns numbers of each stamp and band, each (number, bands).

    Args:
        images: (number, height, width, bands), sky subtracted; unknown pixels do not count.
        deblended: Of the same shape, the galaxy in the middle.
        noise: (number, bands), standard deviation of the sky in a pixel.

    Returns:
        `blend`: mean of (image / noise)^2 in the core; `left`: of the residual in place of the
        image; `deep`: share of all pixels in which the residual is below -3 sigma, 0.0013 for noise
        alone.
    """
    core = core_pixels(*images.shape[1:3])
    scaled = images / noise[:, None, None]
    residual = (images - deblended) / noise[:, None, None]
    return {
        "blend": np.nanmean(scaled[:, core] ** 2, axis=1),
        "left": np.nanmean(residual[:, core] ** 2, axis=1),
        "deep": np.nanmean(np.where(np.isnan(residual), np.nan, residual < -_DEEP), axis=(1, 2)),
    }


@register(
    "deblending_residuals",
    title="Residuals of deblended galaxies",
    needs=("deblending_model",),
)
def evaluate_deblending_residuals(context: EvaluationContext) -> Section:
    """Compares image and deblended galaxy where the galaxy should be all there is: in its core.

    The chi2 per pixel there, beside that of the image itself, says whether the galaxy was drawn as
    it is; of overlapping neighbours and of the photon noise of a bright galaxy it has a part too.
    A residual that is deeply negative anywhere is light that the model made up.
    """
    images, noise = context.images, context.noise()[0]
    deblended = context.outputs("call")["deblended"]
    numbers = residual_statistics(images, deblended, noise)
    section, generator = Section(), context.generator("deblending residuals")
    rows = []
    for index, band in enumerate(context.spec.bands):
        intervals = {
            name: bootstrap(np.nanmedian, values[:, index], generator)
            for name, values in numbers.items()
            if name != "deep"
        }
        deep = bootstrap(np.nanmean, numbers["deep"][:, index], generator)
        section.metrics |= intervals["blend"].as_metrics(f"chi2_of_blend_{band}")
        section.metrics |= intervals["left"].as_metrics(f"chi2_{band}")
        section.metrics |= deep.as_metrics(f"too_bright_{band}")
        cells = [
            f"{each.value:.2f} ({each.low:.2f} to {each.high:.2f})" for each in intervals.values()
        ]
        cells.append(f"{100 * deep.value:.2f} ({100 * deep.low:.2f} to {100 * deep.high:.2f})")
        rows.append([band, *cells])
    section.tables.append(
        Table(
            ["band", "chi2 of the image", "chi2 of the residual", "below -3 sigma, %"],
            rows,
            f"Median of {len(images)} {context.split} stamps of the chi2 per pixel within "
            f"{_CORE:g} px of the middle, in units of the noise of the sky; mean share of all "
            "pixels in which more light was taken off than there is (0.13 % for noise alone). 95 % "
            "intervals by the bootstrap.",
        )
    )
    band = context.spec.bands[context.reference_band]
    section.key_numbers = {
        f"chi2 per pixel of what is left in {band}": f"{section.metrics[f'chi2_{band}']:.2f}",
        "of the image": f"{section.metrics[f'chi2_of_blend_{band}']:.1f}",
    }
    section.figures.append(_draw(context, deblended, numbers["left"]))
    return section


def _draw(context: EvaluationContext, deblended: np.ndarray, chi2: np.ndarray) -> FigureFile:
    """Draws stamps from the best to the worst."""
    band = context.reference_band
    order = np.argsort(chi2[:, band], kind="stable")
    order = order[np.isfinite(chi2[order, band])]
    places = np.linspace(0, len(order) - 1, min(_SHOWN, len(order))).astype(int)
    shown = order[places]
    images = np.nan_to_num(context.images[shown])
    drawn = np.nan_to_num(deblended[shown])
    stretch = Stretch(images, context.spec.bands)
    pictures = [stretch.pictures(each) for each in (images, drawn, images - drawn)]
    noise = context.noise()[0][shown][:, None, None, band]
    left = (images - drawn)[..., band] / noise
    figure, axes = plot_style.new_figure(len(shown), len(_COLUMNS), width=1.75, height=1.85)
    for line, row in enumerate(shown):
        panels = axes[line * len(_COLUMNS) : (line + 1) * len(_COLUMNS)]
        for panel, picture in zip(panels, [each[line] for each in pictures], strict=False):
            plot_style.blank(panel).imshow(picture, origin=stretch.origin)
        mapped = plot_style.blank(panels[-1]).imshow(
            left[line], origin=stretch.origin, cmap=plot_style.DIVERGING, vmin=-5.0, vmax=5.0
        )
        panels[0].set_xlabel(f"chi2 {chi2[row, band]:.3g}", fontsize=8)
    for panel, title in zip(axes, _COLUMNS, strict=False):
        panel.set_title(title)
    bar = figure.colorbar(mapped, ax=axes, location="bottom", shrink=0.4, aspect=40, pad=0.01)
    bar.set_label("residual / noise")
    return context.save_figure(
        figure,
        "deblending_residuals",
        "Blend, the model's galaxy and what is left, on one scale, and in units of the noise in "
        f"{context.spec.bands[band]}; from the lowest to the highest chi2 in the middle.",
    )
