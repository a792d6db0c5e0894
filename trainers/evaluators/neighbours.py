"""A classifier of stars and galaxies on objects with and without a near neighbour."""

from __future__ import annotations

import numpy as np
from sklearn import metrics

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import ranking
from trainers.evaluators.statistics.sep_neighbours import sep_neighbours
from trainers.prediction import inference
from zoo.preprocessing.neighbour_regions import without_regions

__all__ = ["evaluate_neighbours"]

_NEAR = 15.0  # px
_FEWEST_PER_CLASS = 10
_BATCH = 128


@register("neighbours", title="Neighbours", needs=("star_galaxy", "probability", "neighbours"))
def evaluate_neighbours(context: EvaluationContext) -> Section:
    """Compares the AUC of objects with a neighbour within 15 px and of the others.

    A baseline sees the same images without the neighbours that SEP finds.
    """
    near = np.asarray(context.arrays()["neighbour_distance"]) < _NEAR
    positive = context.labels == context.positive_class
    masked = _without_sep_neighbours(context.images)
    scores = {
        "": ("as they are", context.probability()[:, context.positive_class]),
        "sep_": ("without neighbours of SEP", _score(context, masked)),
    }
    section = Section()
    rows = []
    groups = {"near": near, "far": ~near, "all": np.ones(len(near), bool)}
    for key, (title, score) in scores.items():
        row = [title]
        for name, members in groups.items():
            if min(np.bincount(positive[members], minlength=2)) < _FEWEST_PER_CLASS:
                row.append("too few objects")
                continue
            area, gain = _areas(context, positive, score, scores[""][1], members, name)
            section.metrics |= area.as_metrics(f"{key}auc_{name}")
            text = str(area)
            if key:
                section.metrics |= gain.as_metrics(f"{key}gain_{name}")
                text += f"; {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
            row.append(text)
        rows.append(row)
    header = ["images", f"a neighbour within {_NEAR:g} px", "none", "all"]
    numbers = ", ".join(f"{members.sum()} {name}" for name, members in groups.items())
    section.tables.append(
        Table(
            header,
            rows,
            "AUC and, in the second line, its gain over the first, with 95 % intervals of paired "
            f"resamples. Objects: {numbers}.",
        )
    )
    section.key_numbers["AUC with a near neighbour"] = rows[0][1]
    return section


def _areas(
    context: EvaluationContext,
    positive: np.ndarray,
    score: np.ndarray,
    reference: np.ndarray,
    members: np.ndarray,
    name: str,
) -> tuple[ranking.Interval, ranking.Interval]:
    """Returns the AUC of some objects, and its gain over that of another score."""
    positive, score, reference = positive[members], score[members], reference[members]
    counts = ranking.resample_counts(positive.astype(int), context.generator(f"neighbours/{name}"))
    own, other = (ranking.weighted_auc(positive, each, counts) for each in (score, reference))
    values = [metrics.roc_auc_score(positive, each) for each in (score, reference)]
    gain = ranking.percentile_interval(values[0] - values[1], own - other)
    return ranking.percentile_interval(values[0], own), gain


def _without_sep_neighbours(images: np.ndarray) -> np.ndarray:
    regions = sep_neighbours(images)
    parts = [
        without_regions(images[start : start + _BATCH], regions[start : start + _BATCH]).numpy()
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts)


def _score(context: EvaluationContext, images: np.ndarray) -> np.ndarray:
    method = inference.method_of(context.model, "call")
    probability = inference.apply(method, images, batch_size=_BATCH)["probability"]
    names = tuple(context.model.class_names) or context.class_names
    return probability[:, names.index(context.class_names[context.positive_class])]
