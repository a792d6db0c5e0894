"""Clusters of the latents: agreement with the classes, stability, and a gallery."""

from __future__ import annotations

import numpy as np
from astropy.table import Column
from astropy.table import Table as AstropyTable
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics import latents, structure
from trainers.evaluators.statistics.anomaly_scores import principal_components
from trainers.evaluators.statistics.class_names import early_types
from trainers.evaluators.statistics.clustering import (
    METHODS,
    early_late_agreement,
    kmeans,
    merged,
    project,
    purity,
    stability,
)
from trainers.structure import parameters

__all__ = ["evaluate_clusters"]

# Ward's tree needs the distances of all pairs.
_OBJECTS = 2000
_CLUSTERS = 10
_SHOWN = 8
_SHOWN_CLUSTERS = 12
_PIXEL_COMPONENTS = 40
_MEASURED = 20
_BASELINE = f"k-means, {_PIXEL_COMPONENTS} PCs of pixels"


@register("clusters", title="Clusters of the latents", needs=("latents", "many_objects"))
def evaluate_clusters(context: EvaluationContext) -> Section:
    """Groups the objects by their latents, without labels, and compares the groups with classes.

    Each method but HDBSCAN, which chooses their number, makes ten clusters, and as many as the
    dataset has classes. A model with clusters of its own has a row besides. Purity rises with their
    number, the adjusted Rand index and the normalised mutual information do not; stability is the
    adjusted Rand index of clusterings of different subsamples by different seeds. Where some of the
    classes are early types, clusters are merged into two groups, by Ward's tree of their centres or
    as the model does, and compared with early and late: the share of objects on the right side.
    With the extra `morphology`, structural parameters of 20 objects of each cluster follow.

    References:
        Hubert & Arabie 1985 (J. Classification 2, 193), adjusted Rand index; Campello et al. 2013
        (PAKDD 160), HDBSCAN; Cheng et al. 2021 (arXiv 2009.11932), clusters of galaxies.
    """
    chosen = context.subset(_OBJECTS, "clusters")
    used = latents.most_informative(context.latents(), context.latent_stddevs())
    points = project(context.latents()[chosen][:, np.sort(used)], context.seed)
    images = context.images[chosen]
    pixels = principal_components(images, _PIXEL_COMPONENTS, context.seed)(images)
    truth = context.labels[chosen] if context.class_names else None
    counts = [_CLUSTERS]
    if len(context.class_names) > 1:
        counts.insert(0, len(context.class_names))
    section, rows, columns = Section(metrics={"objects": len(chosen)}), [], {}

    def add(name: str, key: str, groups: np.ndarray, halves: np.ndarray, steady: float | None):
        numbers = {"clusters": len(np.unique(groups[groups >= 0]))}
        numbers |= _agreement(context, truth, groups, halves)
        if steady is not None:
            numbers["stability"] = steady
        section.metrics.update({f"{key}_{kind}": value for kind, value in numbers.items()})
        rows.append([name, *map(_shown, numbers.values()), *["-"] * (steady is None)])
        columns[key] = groups

    for name, method in {**METHODS, _BASELINE: kmeans}.items():
        where = pixels if name == _BASELINE else points
        for number in counts if name != "HDBSCAN" else [_CLUSTERS]:
            with threadpool_limits(limits=1):
                groups = method(where, number, context.seed)
                steady = stability(where, method, number, context.seed)
            # HDBSCAN finds the number itself.
            key = _key(name) if name == "HDBSCAN" else f"{_key(name)}_{number}"
            add(name, key, groups, merged(where, groups), steady)
    if (own := context.own_clusters()) is not None:
        add("model", "model", *(groups[chosen] for groups in own), None)
    header = ["method", "clusters", *("purity", "ARI", "NMI")[: 3 * (truth is not None)]]
    header += ["early / late"] * _has_early_types(context) + ["stability"]
    section.tables.append(Table(header, rows, _caption(context, truth)))
    section.text.append(
        f"{len(chosen)} objects are grouped by {points.shape[1]} principal components of the "
        "latents. Stability: adjusted Rand index between clusterings of random 80 % of them, - "
        "where none of these finds a cluster."
    )
    mixture = columns[f"gaussian_mixture_{_CLUSTERS}"]
    section.figures.append(_gallery(context, chosen, points, mixture))
    section.files |= _save(context, chosen, columns)
    if parameters.is_installed():
        _add_structure(context, chosen, mixture, section)
    else:
        section.text.append(
            "Structural parameters of the clusters need the extra `morphology`, which is not "
            "installed."
        )
    return section


def _has_early_types(context: EvaluationContext) -> bool:
    return bool(early_types(context.class_names))


def _agreement(
    context: EvaluationContext, truth: np.ndarray | None, groups: np.ndarray, halves: np.ndarray
) -> dict[str, float]:
    if truth is None:
        return {}
    numbers = {
        "purity": purity(truth, groups),
        "ari": adjusted_rand_score(truth, groups),
        "nmi": normalized_mutual_info_score(truth, groups),
    }
    if _has_early_types(context):
        early = np.isin(truth, early_types(context.class_names))
        numbers["early_late"] = early_late_agreement(early, halves)
    return numbers


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _caption(context: EvaluationContext, truth: np.ndarray | None) -> str:
    if truth is None:
        return "Clusters and their stability."
    largest = np.bincount(truth).max() / len(truth)
    names = ", ".join(context.class_names)
    text = f"Agreement with the classes {names}; a single cluster has purity {largest:.3f}."
    if _has_early_types(context):
        early = np.isin(truth, early_types(context.class_names)).mean()
        names = ", ".join(context.class_names[label] for label in early_types(context.class_names))
        text += (
            f" Early / late: share on the right side of two merged groups, early being {names}; "
            f"one group has {max(early, 1 - early):.3f}."
        )
    return text


def _key(name: str) -> str:
    return "_".join(name.replace(",", "").replace("-", "").lower().split())


def _largest_first(groups: np.ndarray) -> np.ndarray:
    labels, sizes = np.unique(groups, return_counts=True)
    return labels[np.argsort(-sizes, kind="stable")]


def _gallery(
    context: EvaluationContext, chosen: np.ndarray, points: np.ndarray, groups: np.ndarray
) -> FigureFile:
    labels = _largest_first(groups)[:_SHOWN_CLUSTERS]
    figure, axes = plot_style.new_figure(len(labels), _SHOWN, width=1.1, height=1.15)
    for row, label in enumerate(labels):
        members = np.flatnonzero(groups == label)
        distance = np.linalg.norm(points[members] - points[members].mean(axis=0), axis=1)
        nearest = chosen[members[np.argsort(distance)][:_SHOWN]]
        panels = axes[row * _SHOWN : (row + 1) * _SHOWN]
        stretch = Stretch(context.images[nearest], context.spec.bands)
        pictures = stretch.pictures(context.images[nearest])
        for column, panel in enumerate(panels):
            plot_style.blank(panel)
            if column < len(nearest):
                panel.imshow(pictures[column], origin=stretch.origin)
        panels[0].set_ylabel(f"{label}: {len(members)}")
    return context.save_figure(
        figure,
        "clusters",
        f"The objects nearest to the centres of {len(labels)} components of a Gaussian mixture of "
        "the latents, with number and size of each cluster.",
    )


def _add_structure(
    context: EvaluationContext, chosen: np.ndarray, groups: np.ndarray, section: Section
) -> None:
    """Measures some objects of each cluster of the gallery, and adds a table and a file."""
    sample = structure.sample_of_clusters(groups, _MEASURED, context.generator("structure"))
    images = context.images[chosen[sample]]
    with tqdm(total=len(sample), desc="structure", unit="object", disable=None) as bar:
        measured = structure.measured_structure(images, context.spec.bands, bar.update)
    flags, groups_of = measured[parameters.FLAG], groups[sample]
    used = flags <= parameters.FLAGS.index("suspect")
    band = context.spec.bands[context.reference_band]
    rows = []
    for label in _largest_first(groups):
        own = groups_of == label
        counts = np.bincount(flags[own], minlength=len(parameters.FLAGS))
        row = [str(label), str(np.sum(groups == label)), " / ".join(map(str, counts))]
        medians = [_median(measured[name][own & used]) for name in parameters.PARAMETERS]
        rows.append([*row, *medians])
    shares = []
    for name in parameters.PARAMETERS:
        finite = used & np.isfinite(measured[name])
        between = structure.variance_between(measured[name][finite], groups_of[finite])
        section.metrics[f"structure_{name}_between"] = between
        shares.append(f"{between:.3f}")
    section.metrics["structure_failures"] = int(np.sum(~used))
    rows.append(["share of variance between clusters", *["-"] * 2, *shares])
    section.tables.append(
        Table(
            ["cluster", "objects", " / ".join(parameters.FLAGS), *parameters.PARAMETERS],
            rows,
            f"Structure of the clusters of the gallery: medians of at most {_MEASURED} random "
            f"objects of each, with standard errors, in band {band}, of good and suspect "
            "measurements. The share of the variance is 0 where clusters say nothing about a "
            "parameter, and 1 where they determine it.",
        )
    )
    table = AstropyTable(
        meta={"dataset": context.spec.name, "split": context.split, "model": context.model_name}
    )
    table["id"] = Column(context.ids[chosen[sample]], description="Identifier of the object")
    table["cluster"] = Column(groups_of, description="Component of the Gaussian mixture")
    for column in structure.structure_columns(measured):
        table.add_column(column)
    section.files |= context.save_table(table, "structure", "structural parameters")


def _median(values: np.ndarray) -> str:
    """Returns the median of finite values with its standard error from their scatter."""
    values = values[np.isfinite(values)]
    if not len(values):
        return "-"
    median = np.median(values)
    scatter = 1.4826 * np.median(np.abs(values - median))
    # The median of normal numbers varies more than their mean.
    error = np.sqrt(np.pi / 2) * scatter / np.sqrt(len(values))
    return f"{median:.2f} +- {error:.2f}"


def _save(
    context: EvaluationContext, chosen: np.ndarray, columns: dict[str, np.ndarray]
) -> dict[str, str]:
    table = AstropyTable(
        meta={"dataset": context.spec.name, "split": context.split, "model": context.model_name}
    )
    table["id"] = Column(context.ids[chosen], description="Identifier of the object")
    for name, groups in columns.items():
        table[name] = Column(groups, description="Cluster; -1 for none")
    return context.save_table(table, "clusters", "the clusters of each object")
