"""Outliers of each class: objects far from its centre in latent space."""

from __future__ import annotations

import numpy as np
from astropy.table import Column
from astropy.table import Table as AstropyTable

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.outliers import robust_distances
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import latents
from trainers.tables import quantities

__all__ = ["class_distances", "evaluate_class_outliers"]

_SHOWN = 6

# Features listed for each object, if the dataset has them.
_COLUMNS = ("ra", "dec", "magnitude", "redshift")


def class_distances(
    points: np.ndarray, labels: np.ndarray, reference: np.ndarray, reference_labels: np.ndarray
) -> np.ndarray:
    """Returns the Mahalanobis distance of each point to the centre of its class.

        d^2 = (x - m_c)^T C^-1 (x - m_c)

    with m_c the median of the reference points of the class, in each coordinate, and C the robust
    covariance (see `trainers.evaluators.outliers.robust_distances`) of the points minus the centre
    of their class: one for all classes, as in linear discriminants, because rare classes have too
    few points for their own.

    Args:
        points, labels, reference, reference_labels: As of `robust_distances`, labels as groups.

    Returns:
        (number,), in standard deviations; NaN for a class without reference points.
    """
    centres = {
        label: np.median(reference[reference_labels == label], axis=0)
        for label in np.unique(reference_labels)
    }
    unknown = np.full(points.shape[1], np.nan)
    offsets = points - np.stack([centres.get(label, unknown) for label in labels])
    spread = reference - np.stack([centres[label] for label in reference_labels])
    usable = np.isfinite(offsets).all(axis=1)
    distance = np.full(len(points), np.nan)
    groups = np.zeros(usable.sum(), int), np.zeros(len(spread), int)
    distance[usable] = robust_distances(offsets[usable], groups[0], spread, groups[1])
    return distance


@register(
    "class_outliers",
    title="Outliers of each class",
    needs=("latents", "labels", "training_split"),
)
def evaluate_class_outliers(context: EvaluationContext) -> Section:
    """Ranks the objects of each class by their distance to its centre in latent space.

    Classes are those of the labels: an object far from its class is rare, disturbed, an artefact,
    or mislabelled.

    References:
        arXiv:2303.08627 (outliers of Galaxy Zoo DECaLS in the latents of a VAE).
    """
    mean = context.latents()
    used = latents.most_informative(mean, context.latent_stddevs())
    distance = class_distances(
        mean[:, used],
        context.labels,
        context.latents("train")[:, used],
        np.asarray(context.arrays("train")["label"]),
    )
    table = _ranked(context, distance)
    section = Section(metrics={"objects": len(table)})
    text = f"all {len(table)} objects, those of each class by their distance"
    section.files |= context.save_table(table, "class_outliers", text)
    section.text.append(
        f"The distance of each object to the median of its class in the {len(used)} active "
        "latents, in units of the robust covariance within the classes. Centres and covariance are "
        "those of the training split."
    )
    rows = []
    for name in dict.fromkeys(table["class"]):
        own = table[table["class"] == name]
        far = own["class_distance"]
        section.metrics[f"median_distance_{name}"] = np.median(far)
        section.metrics[f"largest_distance_{name}"] = far.max()
        farthest = ", ".join(own["id"][:3])
        rows.append([name, str(len(own)), f"{np.median(far):.1f}", f"{far.max():.1f}", farthest])
    header = ["class", "objects", "median distance", "largest", "farthest three"]
    section.tables.append(Table(header, rows, "Distances in standard deviations."))
    section.figures.append(_gallery(context, table))
    return section


def _ranked(context: EvaluationContext, distance: np.ndarray) -> AstropyTable:
    labels = context.labels
    order = np.lexsort((-distance, labels))
    order = order[np.isfinite(distance[order])]
    starts = np.searchsorted(labels[order], labels[order])
    names = np.array(context.class_names)
    table = AstropyTable(
        meta={"dataset": context.spec.name, "split": context.split, "model": context.model_name}
    )
    table["class"] = Column(names[labels[order]], description="Class by the labels")
    rank = np.arange(len(order)) - starts + 1
    table["rank"] = Column(rank, description="In its class; 1 is the farthest")
    table["id"] = Column(context.ids[order], description="Identifier of the object")
    table["class_distance"] = Column(
        distance[order],
        unit="",
        description="Robust distance to the centre of the class, in standard deviations",
    )
    for name in _COLUMNS:
        values = np.asarray(context.arrays().get(name, ()))
        if values.shape == distance.shape:
            table[name] = Column(
                values[order],
                unit=quantities.unit(name),
                description=quantities.describe(name),
            )
    table["index"] = Column(order, description="Position in the split")
    return table


def _gallery(context, table):
    names = list(dict.fromkeys(table["class"]))
    shown = {name: table[table["class"] == name][:_SHOWN] for name in names}
    figure, axes = plot_style.new_figure(len(names), _SHOWN, width=1.45, height=1.7)
    for row, (name, objects) in enumerate(shown.items()):
        images = context.images[np.asarray(objects["index"])]
        stretch = Stretch(images, context.spec.bands)
        for column, panel in enumerate(axes[row * _SHOWN : (row + 1) * _SHOWN]):
            plot_style.blank(panel)
            if column >= len(objects):
                panel.set_visible(False)
                continue
            panel.imshow(stretch.pictures(images)[column], origin=stretch.origin)
            panel.set_title(f"{objects['class_distance'][column]:.1f}", fontsize=9, pad=3)
            plot_style.label_identifier(panel, objects["id"][column])
        axes[row * _SHOWN].set_ylabel(name)
    return context.save_figure(
        figure,
        "class_outliers",
        "The objects farthest from the centre of their class, with their distance in standard "
        "deviations and their identifier.",
    )
