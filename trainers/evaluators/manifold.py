"""Unsupervised star-galaxy separation: latents, a manifold, one scalar, the known class ratio."""

from __future__ import annotations

import dataclasses

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.roc_curves import Curve, draw_roc
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import embedding, photometry, ranking

__all__ = ["Identified", "evaluate_manifold", "identify"]

_OBJECTS = 1500


@dataclasses.dataclass(frozen=True)
class Identified:
    """A scalar whose sides have been given the names of the classes.

    Attributes:
        score: (number,), the scalar with the sign that makes galaxies large.
        threshold: Objects above it are taken for galaxies.
    """

    score: np.ndarray
    threshold: float


def identify(
    scalar: np.ndarray,
    extended_fraction: float,
    size: np.ndarray,
    usable: np.ndarray | None = None,
) -> Identified:
    """Cuts a scalar at the known fraction of galaxies and identifies their side without labels.

    Galaxies are either the highest or the lowest `extended_fraction` of the objects. Taken is
    the side whose objects are more extended than the others, by the median of `size`.

    Args:
        scalar: (number,) coordinate on the manifold; its sign means nothing.
        extended_fraction: Known fraction of galaxies, between 0 and 1.
        size: (number,) any measure that is larger for extended objects.
        usable: (number,) bool, objects whose size can be trusted; all by default.

    Returns:
        The scalar with its sign, and the threshold.

    Raises:
        ValueError: if `extended_fraction` is not between 0 and 1.
    """
    if not 0 < extended_fraction < 1:
        raise ValueError(
            f"extended_fraction must be between 0 and 1, both excluded; got {extended_fraction}"
        )
    usable = np.ones(len(scalar), bool) if usable is None else usable
    candidates = []
    for score in (scalar, -scalar):
        threshold = float(np.quantile(score, 1 - extended_fraction))
        above = score > threshold
        groups = [size[usable & above], size[usable & ~above]]
        contrast = np.median(groups[0]) - np.median(groups[1]) if all(map(len, groups)) else -np.inf
        candidates.append((contrast, Identified(score, threshold)))
    return max(candidates, key=lambda candidate: candidate[0])[1]


@register(
    "manifold",
    title="Latents, manifold, class ratio",
    needs=("latents", "labels", "star_galaxy", "class_fractions"),
)
def evaluate_manifold(context: EvaluationContext) -> Section:
    """Classifies by one coordinate of the latents' manifold and the known ratio of the classes.

    The latent means are embedded in one dimension, by Isomap and by t-SNE; the coordinate is cut
    where the known fraction of galaxies lies on one side. The light concentration of the images
    decides which side, see `identify`. Labels are used for the scores alone.
    """
    chosen = context.subset(_OBJECTS, "manifold")
    latents = context.latents()[chosen]
    galaxy = context.labels[chosen] == context.extended_class
    if galaxy.all() or not galaxy.any():
        raise ValueError(f"split '{context.split}' must have stars and galaxies; got one class")
    image = context.images[chosen][..., context.reference_band]
    size, clipped = photometry.concentration(image), photometry.saturated(image)
    usable = ~clipped if (~clipped).sum() >= 20 else np.ones(len(size), bool)
    fraction = context.class_fractions[context.extended_class]
    counts = ranking.resample_counts(galaxy.astype(int), context.generator("manifold/auc"))
    section = Section()
    results, rows = {}, []
    coordinates = {
        "Isomap": embedding.isomap(latents),
        "t-SNE": embedding.tsne(latents, 1, context.seed)[:, 0],
    }
    for name, coordinate in coordinates.items():
        identified = identify(coordinate, fraction, size, usable)
        area = ranking.auc(galaxy, identified.score, counts)
        accuracy = ((identified.score > identified.threshold) == galaxy).mean()
        key = name.lower().replace("-", "")
        section.metrics |= area.as_metrics(f"{key}_auc") | {f"{key}_accuracy": accuracy}
        results[name] = (identified, area)
        rows.append([name, str(area), f"{accuracy:.3f}"])
    section.key_numbers["AUC of latents and Isomap"] = rows[0][1]
    section.text.append(
        f"The latent means of {len(chosen)} objects are embedded in one dimension and cut at the "
        f"known fraction of galaxies, {fraction:.3g}. The concentration of the light decides "
        "which side holds the galaxies; labels are used for the scores alone. Isomap uses "
        f"{embedding.NEIGHBOURS} neighbours, t-SNE a perplexity of {embedding.PERPLEXITY:g}."
    )
    section.tables.append(Table(["coordinate", "AUC (95 %)", "accuracy at the cut"], rows))
    section.figures.append(_figure(context, chosen, results, galaxy, counts))
    return section


def _figure(context, chosen, results, galaxy, counts):
    figure, axes = plot_style.new_figure(1, 3, width=4.4, height=4.0)
    curves = []
    for number, (name, (identified, area)) in enumerate(results.items()):
        panel = axes[number]
        edges = plot_style.bin_edges(identified.score.min(), identified.score.max(), len(galaxy))
        for label, members, colour in context.groups(chosen):
            panel.hist(identified.score[members], edges, alpha=0.55, color=colour, label=label)
        panel.axvline(identified.threshold, color="0.2", linestyle="--", linewidth=1.2)
        panel.set(xlabel=f"{name} coordinate", ylabel="Objects", title=f"{name} of the latents")
        colour = plot_style.COLOURS[2 + number]
        curves.append(Curve(name, galaxy, identified.score, colour, area, ("-", "--")[number]))
    axes[0].legend()
    draw_roc(axes[2], curves, counts, context.class_names[context.extended_class])
    return context.save_figure(
        figure,
        "manifold",
        "Coordinates of the objects on the manifold of the latents, by true class; dashed: the cut "
        "from the known class ratio, galaxies to its right. Right: ROC curves with 95 % bands.",
    )
