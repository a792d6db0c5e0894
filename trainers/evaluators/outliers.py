"""Outliers: objects far from their class in latent space, or badly reconstructed."""

from __future__ import annotations

import numpy as np
from astropy.table import Column
from astropy.table import Table as AstropyTable
from sklearn.covariance import EmpiricalCovariance, MinCovDet

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import latents

__all__ = ["combined_score", "evaluate_outliers", "robust_distances"]

_GALLERY = 20
_REFERENCE_OBJECTS = 2000


def robust_distances(
    points: np.ndarray, groups: np.ndarray, reference: np.ndarray, reference_groups: np.ndarray
) -> np.ndarray:
    """Returns the Mahalanobis distance of each point to the robust centre of its group.

        d^2 = (x - m)^T C^-1 (x - m)

    with centre m and covariance C of the group's reference points by the minimum covariance
    determinant, which outliers among them cannot spoil. A group with fewer than five reference
    points per dimension is measured against all reference points.

    Args:
        points: (number, dimension).
        groups: (number,) integers.
        reference: (references, dimension).
        reference_groups: (references,) integers.

    Returns:
        (number,), in units of the standard deviation.

    References:
        Rousseeuw and van Driessen (1999), Technometrics 41, 212.
    """
    distance = np.empty(len(points))
    for group in np.unique(groups):
        own = reference[reference_groups == group]
        if len(own) < 5 * points.shape[1]:
            own = reference
        if len(own) < 5 * points.shape[1]:
            covariance = EmpiricalCovariance()
        else:
            covariance = MinCovDet(random_state=0)
        members = groups == group
        distance[members] = np.sqrt(covariance.fit(own).mahalanobis(points[members]))
    return distance


def combined_score(*measures: np.ndarray) -> np.ndarray:
    """Combines outlier measures whose scales have nothing in common.

        score = - sum_k log10 p_k,   p_k = fraction of objects at least as strange by measure k

    It is Fisher's statistic for combining tests, with empirical tail probabilities.

    Args:
        *measures: (number,) each, larger for stranger objects.

    Returns:
        (number,), at least 0.
    """
    score = np.zeros(len(measures[0]))
    for values in measures:
        stranger = len(values) - np.searchsorted(np.sort(values), values, side="left")
        score -= np.log10(stranger / len(values))
    return score


@register("outliers", title="Outliers", needs=("images", "latents"))
def evaluate_outliers(context: EvaluationContext) -> Section:
    """Ranks the objects by their distance in latent space and their reconstruction error.

    The distance is to the centre of the class that the model predicts (of all objects if it
    predicts none), in the latents that carry information; labels have no part in it. Centre and
    covariance come from the training split, if there is one.
    """
    table = _measure(context)
    section = Section(metrics={"objects": len(table)})
    section.metrics["largest_distance"] = table["mahalanobis_distance"].max()
    section.metrics["median_distance"] = np.median(table["mahalanobis_distance"])
    text = f"all {len(table)} objects with their scores, strangest first"
    section.files |= context.save_table(table, "outliers", text)
    measures = "the robust Mahalanobis distance in latent space"
    if "chi2_per_pixel" in table.colnames:
        measures += " and the reconstruction's chi2 per pixel"
    section.text.append(
        f"The {len(table)} objects are ranked by {measures}: the score is minus the sum of the "
        "log10 of the fraction of objects that are at least as strange by each."
    )
    shown = table[:_GALLERY]
    if context.class_names:
        share = ", ".join(
            f"{100 * (shown['class'] == name).mean():.0f} % {name}" for name in context.class_names
        )
        section.text.append(f"Among the {len(shown)} strangest: {share}.")
    columns = [name for name in table.colnames if name != "index"]
    section.tables.append(
        Table(
            columns,
            [
                [f"{cell:.2f}" if isinstance(cell, np.floating) else str(cell) for cell in row]
                for row in shown[columns][:10]
            ],
            "The ten strangest objects.",
        )
    )
    section.figures += [_gallery(context, shown), _scatter(context, table)]
    return section


def _measure(context: EvaluationContext) -> AstropyTable:
    split = "train" if context.lacks("training_split") is None else context.split
    mean, stddev = context.latents(), context.latent_stddevs()
    used = latents.most_informative(mean, stddev)
    reference = context.latents(split)[:_REFERENCE_OBJECTS]
    groups, reference_groups = np.zeros(len(mean), int), np.zeros(len(reference), int)
    predicts = context.lacks("probability") is None
    if predicts:
        groups = context.probability().argmax(axis=1)
        reference_groups = context.probability(split)[:_REFERENCE_OBJECTS].argmax(axis=1)
    distance = robust_distances(mean[:, used], groups, reference[:, used], reference_groups)
    measures = [distance]
    if hasattr(context.model, "reconstruct"):
        noise, _ = context.noise()
        residuals = context.images - context.outputs("reconstruct")["reconstruction"]
        seen = residuals[:, *context.window]
        measures.append(((seen / noise[:, None, None]) ** 2).mean(axis=(1, 2, 3)))
    score = combined_score(*measures)
    order = np.lexsort((-distance, -score))
    table = AstropyTable(
        meta={"dataset": context.spec.name, "split": context.split, "model": context.model_name}
    )
    table["rank"] = Column(np.arange(1, len(order) + 1), description="1 is the strangest")
    table["id"] = Column(context.ids[order], description="Identifier of the object")
    table["score"] = Column(
        score[order], unit="dex", description="Minus the sum of the log10 tail fractions"
    )
    table["mahalanobis_distance"] = Column(
        distance[order],
        unit="",
        description="Robust distance in latent space, in standard deviations",
    )
    if len(measures) > 1:
        table["chi2_per_pixel"] = Column(
            measures[1][order],
            unit="",
            description="Mean squared residual in units of the pixel noise",
        )
    if context.class_names:
        names = np.array(context.class_names)
        table["class"] = Column(names[context.labels[order]], description="Class by the labels")
        if predicts:
            table["predicted_class"] = Column(names[groups[order]], description="By the model")
    table["index"] = Column(order, description="Position in the split")
    return table


def _gallery(context, shown):
    images = context.images[np.asarray(shown["index"])]
    stretch = Stretch(images, context.spec.bands)
    pictures = stretch.pictures(images)
    figure, axes = plot_style.new_panels(len(shown), 5, width=1.5, height=1.85)
    for panel, picture, row in zip(axes, pictures, shown, strict=True):
        plot_style.blank(panel).imshow(picture, origin=stretch.origin)
        kind = f" {row['class']}" if "class" in shown.colnames else ""
        panel.set_title(f"{row['rank']}{kind}", fontsize=9, pad=3)
        plot_style.label_identifier(panel, row["id"])
    return context.save_figure(
        figure, "outliers", f"The {len(shown)} strangest objects with rank, class and identifier."
    )


def _scatter(context, table):
    figure, (axes,) = plot_style.new_figure(width=5.4, height=3.8)
    x = np.asarray(table["mahalanobis_distance"])
    strange = np.asarray(table["rank"]) <= _GALLERY
    if "chi2_per_pixel" in table.colnames:
        y = np.asarray(table["chi2_per_pixel"])
        for name, members, colour in context.groups(np.asarray(table["index"])):
            point = {"s": 8, "alpha": 0.5, "linewidths": 0, "color": colour}
            axes.scatter(x[members], y[members], label=name, **point)
        ring = {"s": 32, "facecolors": "none", "edgecolors": "black", "linewidths": 0.8}
        axes.scatter(x[strange], y[strange], label=f"strangest {strange.sum()}", **ring)
        axes.set(xscale="log", yscale="log", ylabel=r"$\chi^2$ per pixel")
        plot_style.plain_numbers(axes.yaxis)
        plot_style.plain_numbers(axes.xaxis)
        axes.legend()
    else:
        axes.hist(x, 50)
        axes.set(ylabel="Objects")
    axes.set_xlabel("Mahalanobis distance in latent space (standard deviations)")
    return context.save_figure(
        figure, "outlier_measures", "The measures of strangeness of all objects."
    )
