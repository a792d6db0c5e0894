"""Photometric baseline of star-galaxy separation: the extendedness of an object."""

from __future__ import annotations

import dataclasses

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section
from trainers.evaluators.statistics import photometry, ranking

__all__ = ["Extendedness", "area", "evaluate_separator", "extendedness"]

# SDSS calls an object extended where psfMag - modelMag exceeds this.
_SDSS_CUT = 0.145


@dataclasses.dataclass(frozen=True)
class Extendedness:
    """A score that is large for galaxies, measured without any learning.

    Attributes:
        score: (number,) in magnitudes.
        name: Short name for legends.
        description: Description, as part of a sentence.
        saturated: (number,) bool, objects whose core is clipped, or None where that is not known.
    """

    score: np.ndarray
    name: str
    description: str
    saturated: np.ndarray | None = None


def extendedness(context: EvaluationContext) -> Extendedness:
    """Returns PSF magnitude minus model magnitude if the dataset has both, else a concentration.

    Both belong to the reference band. An image whose core is saturated has no concentration; it
    takes the lowest value of the others, because most bright objects are stars.
    """
    quantities = context.quantities()
    band = context.spec.bands[context.reference_band]
    for suffix in (f"_{band}", ""):
        psf, model = (quantities.get(f"{kind}_magnitude{suffix}") for kind in ("psf", "model"))
        if psf is not None and model is not None:
            return Extendedness(
                _fill(psf - model),
                "PSF - model magnitude",
                f"PSF magnitude minus model magnitude in {band}, the separator of SDSS",
            )
    image = context.images[..., context.reference_band]
    saturated = photometry.saturated(image)
    score = np.where(saturated, np.nan, photometry.concentration(image))
    return Extendedness(
        _fill(score),
        "concentration",
        f"concentration in {band}, magnitude in 2 pixels minus magnitude in 6 pixels",
        saturated,
    )


def area(context: EvaluationContext, floor: Extendedness) -> ranking.Interval:
    """Returns the AUC of the score with its interval, the same in every section."""
    counts = ranking.resample_counts(context.labels, context.generator("separator"))
    return ranking.auc(context.labels == context.extended_class, floor.score, counts)


def _fill(score: np.ndarray) -> np.ndarray:
    finite = np.isfinite(score)
    return np.where(finite, score, score[finite].min() if finite.any() else 0.0)


@register("separator", title="Photometric baseline", needs=("labels", "star_galaxy"))
def evaluate_separator(context: EvaluationContext) -> Section:
    """Measures how well classical photometry alone separates galaxies from stars.

    References:
        Strauss et al. (2002), AJ 124, 1810, section 3.1: psfMag - modelMag > 0.145.
    """
    galaxy = context.labels == context.extended_class
    floor = extendedness(context)
    if galaxy.all() or not galaxy.any():
        raise ValueError(f"split '{context.split}' must have stars and galaxies; got one class")
    interval = area(context, floor)
    section = Section(
        metrics=interval.as_metrics("auc"),
        key_numbers={"AUC of the photometric separator": str(interval)},
    )
    section.text.append(
        f"Difficulty of these images: {floor.description}, reaches AUC **{interval}** without any "
        "learning. A model should exceed it."
    )
    if floor.saturated is not None:
        section.metrics["saturated_fraction"] = floor.saturated.mean()
        if floor.saturated.any():
            section.text.append(
                f"{100 * floor.saturated.mean():.0f} % of the objects have a saturated core, which "
                "leaves no concentration to measure; they count as stars."
            )
    else:
        accuracy = ((floor.score > _SDSS_CUT) == galaxy).mean()
        section.metrics["accuracy_at_sdss_cut"] = accuracy
        section.text.append(f"At SDSS's cut of {_SDSS_CUT} mag the accuracy is {accuracy:.3f}.")
    section.figures.append(_figure(context, floor))
    return section


def _figure(context, floor) -> FigureFile:
    magnitude = context.magnitude()
    figure, axes = plot_style.new_figure(1, 1 if magnitude is None else 2, width=5.2, height=4.0)
    measured = np.ones(len(floor.score), bool) if floor.saturated is None else ~floor.saturated
    low, high = np.percentile(floor.score[measured] if measured.any() else [0, 1], [0.5, 99.5])
    edges = plot_style.bin_edges(low, high, measured.sum())
    for name, of_class, colour in context.groups():
        members = measured & of_class
        look = {"color": colour, "label": name}
        axes[0].hist(np.clip(floor.score[members], low, high), edges, alpha=0.55, **look)
        if magnitude is not None:
            point = {"s": 6, "alpha": 0.4, "linewidths": 0}
            axes[1].scatter(magnitude[1][members], floor.score[members], **point, **look)
    axes[0].set(xlabel=f"{floor.name} (mag)", ylabel="Objects", title="Distribution by class")
    axes[0].legend()
    caption = f"Distribution of the {floor.description}, for each class"
    if not measured.all():
        caption += f", without the {(~measured).sum()} saturated objects"
    caption += "; the first and the last bin hold what lies outside the central 99 %."
    if magnitude is not None:
        axes[1].set(
            xlabel=plot_style.quantity_label(magnitude[0]),
            ylabel=f"{floor.name} (mag)",
            title="Against magnitude",
            ylim=(low, high),
        )
        axes[1].legend(markerscale=2.5)
        caption = (
            f"Left: {caption[0].lower()}{caption[1:]} Right: the central 99 % against magnitude."
        )
    if floor.saturated is None:
        axes[0].axvline(_SDSS_CUT, color="0.3", linewidth=1, linestyle=":")
        if magnitude is not None:
            axes[1].axhline(_SDSS_CUT, color="0.3", linewidth=1, linestyle=":")
        caption += " Dotted: the cut of SDSS."
    return context.save_figure(figure, "separator", caption)
