"""Objects like one example: precision among the nearest, for classes and for drawn-in features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.anomaly_scores import principal_components
from trainers.evaluators.statistics.injected_anomalies import KINDS, inject
from trainers.evaluators.statistics.retrieval import Retrieval, retrieve
from trainers.prediction import inference

__all__ = ["evaluate_similarity"]

_NUMBER = 20
_PIXEL_COMPONENTS = 40
# One of so many objects has a drawn-in feature.
_RARITY = 20

_Spaces = Mapping[str, np.ndarray]
"""Vectors of all objects by the beginning of the names of their metrics."""


@register("similarity", title="Similarity search", needs=("latents", "many_objects"))
def evaluate_similarity(context: EvaluationContext) -> Section:
    """Searches for the 20 objects most like each one, and counts those of its class.

    Objects are compared by the cosine of their latents, as `trainers.similar` does where these are
    the embedding, and by that of the principal components of their pixels. Prevalence is the
    precision of a choice at random; enrichment the precision in units of it. In a task beside the
    classes of the dataset, only objects with a label in it are searched.

    Rare features are found among images of the same survey by injection: every twentieth image is
    replaced by a copy with an arc, as of a lens, or with a tidal tail, a second core or a trail
    drawn in, and these are searched for by one of them.
    """
    components = principal_components(context.images, _PIXEL_COMPONENTS, context.seed)
    spaces = {"": context.latents(), "pixels_": components(context.images)}
    section = Section()
    if context.class_names or context.spec.tasks:
        _add_classes(context, spaces, section)
    if tuple(context.model.input_names) == ("image",):
        _add_drawn_in(context, spaces, components, section)
    return section


def _add_classes(context: EvaluationContext, spaces: _Spaces, section: Section) -> None:
    rows, left_out = [], []
    for task, names, labels in _tasks(context):
        try:
            by_space = {key: retrieve(each, labels, _NUMBER) for key, each in spaces.items()}
        except ValueError as error:
            left_out.append(f"{task} ({error})")
            continue
        for label in by_space[""]:
            results = {key: each[label] for key, each in by_space.items()}
            key, name = (f"{task}_", f"{task}: ") if task else ("", "")
            _add_metrics(section, f"{key}{names[label]}", results)
            rows.append(_row(f"{name}{names[label]}", results))
    section.tables.append(
        _table(
            "class",
            rows,
            f"Share of the class among the {_NUMBER} objects most like one example, the mean over "
            f"all examples, for the latents and {_PIXEL_COMPONENTS} principal components of the "
            "pixels. One at least: share of the examples that have another of their class among "
            "them.",
        )
    )
    if left_out:
        section.text.append(f"Left out: {'; '.join(left_out)}.")


def _add_drawn_in(
    context: EvaluationContext,
    spaces: _Spaces,
    components: Callable[[np.ndarray], np.ndarray],
    section: Section,
) -> None:
    chosen = context.subset(len(context.images) // _RARITY, "similar to injected")
    labels = np.zeros(len(context.images), int)
    labels[chosen] = 1
    encode = inference.method_of(context.model, "encode")
    as_they_are = {key: retrieve(each, labels, _NUMBER)[1] for key, each in spaces.items()}
    _add_metrics(section, "injected_nothing", as_they_are)
    rows = [_row("nothing", as_they_are)]
    for kind in KINDS:
        copies = inject(kind, context.images[chosen], context.generator(f"similar to {kind}"))
        encoded = inference.apply(encode, copies)["latent_mean"]
        results = {}
        for key, vectors in (("", encoded), ("pixels_", components(copies))):
            changed = np.array(spaces[key])
            changed[chosen] = vectors
            results[key] = retrieve(changed, labels, _NUMBER)[1]
        _add_metrics(section, f"injected_{kind.replace(' ', '_')}", results)
        rows.append(_row(kind, results))
    section.tables.append(
        _table(
            "drawn in",
            rows,
            f"The same for features that were drawn into {len(chosen)} of the {len(labels)} "
            "images, each in turn the one example; with nothing drawn in they are alike by chance.",
        )
    )


def _add_metrics(section: Section, name: str, results: Mapping[str, Retrieval]) -> None:
    for key, result in results.items():
        section.metrics |= {
            f"{key}{name}_precision": result.precision,
            f"{key}{name}_enrichment": result.enrichment,
        }
    own = results[""]
    section.metrics |= {f"{name}_prevalence": own.prevalence, f"{name}_found": own.found}


def _row(name: str, results: Mapping[str, Retrieval]) -> list[str]:
    own, pixels = results[""], results["pixels_"]
    return [
        name,
        str(own.examples),
        f"{own.prevalence:.3f}",
        f"{own.precision:.3f}",
        f"{own.enrichment:.2f}",
        f"{own.found:.3f}",
        f"{pixels.precision:.3f}",
        f"{pixels.enrichment:.2f}",
    ]


def _table(what: str, rows: list[list[str]], caption: str) -> Table:
    header = [what, "examples", "prevalence", "precision", "enrichment", "one at least"]
    return Table([*header, "precision, pixels", "enrichment, pixels"], rows, caption)


def _tasks(context: EvaluationContext) -> Iterator[tuple[str, tuple[str, ...], np.ndarray]]:
    """Yields name (empty for the classes of the dataset), classes and labels of each task."""
    if context.class_names:
        yield "", tuple(context.class_names), context.labels
    for task, names in context.spec.tasks.items():
        yield task, tuple(names), np.asarray(context.arrays()[f"label_{task}"])
