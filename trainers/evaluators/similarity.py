"""Objects like one example: precision among the nearest, for each class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.anomaly_scores import principal_components
from trainers.evaluators.statistics.retrieval import retrieve

__all__ = ["evaluate_similarity"]

_NUMBER = 20
_PIXEL_COMPONENTS = 40


@register("similarity", title="Similarity search", needs=("latents", "labels", "many_objects"))
def evaluate_similarity(context: EvaluationContext) -> Section:
    """Searches for the 20 objects most like each one, and counts those of its class.

    Objects are compared by the cosine of their latents, as `trainers.similar` does where these are
    the embedding, and by that of the principal components of their pixels. Prevalence is the
    precision of a choice at random; enrichment the precision in units of it. In a task beside the
    classes of the dataset, only objects with a label in it are searched.
    """
    pixels = principal_components(context.images, _PIXEL_COMPONENTS, context.seed)(context.images)
    spaces = {"": context.latents(), "pixels_": pixels}
    section, rows, left_out = Section(), [], []
    for task, names, labels in _tasks(context):
        try:
            by_space = {key: retrieve(each, labels, _NUMBER) for key, each in spaces.items()}
        except ValueError as error:
            left_out.append(f"{task} ({error})")
            continue
        for label, own in by_space[""].items():
            other = by_space["pixels_"][label]
            name = f"{task}_{names[label]}" if task else names[label]
            for key, result in (("", own), ("pixels_", other)):
                section.metrics |= {
                    f"{key}{name}_precision": result.precision,
                    f"{key}{name}_enrichment": result.enrichment,
                }
            section.metrics |= {f"{name}_prevalence": own.prevalence, f"{name}_found": own.found}
            rows.append(
                [
                    f"{task}: {names[label]}" if task else names[label],
                    str(own.examples),
                    f"{own.prevalence:.3f}",
                    f"{own.precision:.3f}",
                    f"{own.enrichment:.2f}",
                    f"{own.found:.3f}",
                    f"{other.precision:.3f}",
                    f"{other.enrichment:.2f}",
                ]
            )
    header = ["class", "examples", "prevalence", "precision", "enrichment", "one at least"]
    header += ["precision, pixels", "enrichment, pixels"]
    caption = (
        f"Share of the class among the {_NUMBER} objects most like one example, the mean over all "
        f"examples, for the latents and {_PIXEL_COMPONENTS} principal components of the pixels. "
        "One at least: share of the examples that have another of their class among them."
    )
    section.tables.append(Table(header, rows, caption))
    if left_out:
        section.text.append(f"Left out: {'; '.join(left_out)}.")
    return section


def _tasks(context: EvaluationContext) -> Iterator[tuple[str, tuple[str, ...], np.ndarray]]:
    """Yields name (empty for the classes of the dataset), classes and labels of each task."""
    yield "", tuple(context.class_names), np.asarray(context.labels)
    for task, names in context.spec.tasks.items():
        yield task, tuple(names), np.asarray(context.arrays()[f"label_{task}"])
