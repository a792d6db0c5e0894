"""Anomalies: scores of strangeness side by side, judged by anomalies that were drawn in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
from astropy.table import Column
from astropy.table import Table as AstropyTable

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import anomaly_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import latents, photometry, ranking
from trainers.evaluators.statistics.anomaly_scores import SCORES, principal_components
from trainers.evaluators.statistics.injected_anomalies import KINDS, inject
from trainers.evaluators.statistics.ranking import Interval
from trainers.evaluators.statistics.reference_features import are_pictures, reference_features
from trainers.prediction import inference
from zoo import prediction_table

__all__ = ["evaluate_anomalies"]

_LEAST_CLASS = 5
_INJECTED = 200
_RESAMPLES = 500
_FIRST = 20
_PIXEL_COMPONENTS = 40
_WEIGHTS = "invariant_vae/decals_simulated"

_Scores = Mapping[str, np.ndarray]


@register("anomalies", title="Anomaly scores", needs=("images", "latents", "many_objects"))
def evaluate_anomalies(context: EvaluationContext) -> Section:
    """Compares anomaly scores of the model, of its latents and reconstruction, and simple ones.

    The scores learn from the training split, if there is one, without labels. They are judged by
    injection and recovery: arcs, tidal tails, second cores and trails are drawn into copies of some
    of the images, and the AUC is that of the copies against the other images as they are. Where the
    dataset has classes, the most frequent one counts as ordinary and each other one is ranked
    against it; no score sees a label.

    References:
        Storey-Fisher et al. 2021 (arXiv 2105.02434) and Lochner & Bassett 2021 (arXiv 2010.11202)
        for anomalies of surveys; Liu et al. 2008 (ICDM 413), isolation forest.
    """
    score = _scorer(context)
    # The answers for the split, which other evaluators use too, are made once.
    method = _answering_method(context)
    answers = context.outputs(method) if method else {}
    scores = score(context.images, context.latents(), answers)
    section = Section(metrics={"objects": len(context.images)})
    section.text.append(
        f"{len(context.images)} objects are ranked by each score, learnt without labels. AUC: "
        "probability that an anomaly is stranger than an ordinary object; with 95 % intervals."
    )
    if context.lacks("training_split") is not None:
        section.text.append(
            "Without a training split the scores learn from these objects themselves. A copy with "
            "an injected anomaly is then near its own original, and the AUC of the nearest "
            "neighbours is a lower limit."
        )
    recovered = _recovered(context, score, scores, section)
    classes = _classes(context, scores, section)
    section.figures.append(anomaly_figures.draw_areas(context, recovered, classes))
    section.files |= _save(context, scores)
    return section


def _answering_method(context: EvaluationContext) -> str | None:
    """Returns the name of the method with the model's own scores or its reconstruction."""
    return next((name for name in ("score", "reconstruct") if hasattr(context.model, name)), None)


def _scorer(
    context: EvaluationContext,
) -> Callable[[np.ndarray, np.ndarray, Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """Returns the function from images, latents and the model's answers to the scores by name."""
    split = "train" if context.lacks("training_split") is None else context.split
    sample, seed = context.latents(split), context.seed
    used = np.sort(latents.most_informative(context.latents(), context.latent_stddevs()))
    of_latents = {name: learn(sample[:, used], seed) for name, learn in SCORES.items()}
    pixels = np.asarray(context.arrays(split)["image"])
    components = principal_components(pixels, _PIXEL_COMPONENTS, seed)
    spaces = {f"{_PIXEL_COMPONENTS} PCs of pixels": components}
    if are_pictures(context.spec):
        spaces[_WEIGHTS] = reference_features(_WEIGHTS)
    forests = {
        name: SCORES["isolation forest"](features(pixels), seed)
        for name, features in spaces.items()
    }

    def score(
        images: np.ndarray, means: np.ndarray, answers: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        scores = {
            name.replace("_", " "): answers[name]
            for name in prediction_table.SCORES
            if name in answers
        }
        scores |= {name: function(means[:, used]) for name, function in of_latents.items()}
        if "reconstruction" in answers:
            scores["reconstruction"] = _residual(context, images, answers["reconstruction"])
        for name, forest in forests.items():
            scores[f"isolation forest, {name}"] = forest(spaces[name](images))
        scores["total flux"] = _flux(images)
        return scores

    return score


def _residual(context: EvaluationContext, images: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Returns chi2 per pixel of the reconstruction."""
    seen = (images - drawn)[:, *context.window]
    noise = photometry.sky_and_noise(images)[1]
    return np.mean((seen / noise[:, None, None]) ** 2, axis=(1, 2, 3), dtype=np.float64)


def _flux(images: np.ndarray) -> np.ndarray:
    sky = photometry.sky_and_noise(images)[0]
    return (images - sky[:, None, None]).sum(axis=(1, 2, 3), dtype=np.float64)


def _recovered(
    context: EvaluationContext, score, scores: _Scores, section: Section
) -> dict[str, dict[str, Interval]]:
    """Returns the AUC by score and kind of injected anomaly, and reports it."""
    chosen = context.subset(min(_INJECTED, len(context.images) // 2), "injected anomalies")
    others = np.setdiff1d(np.arange(len(context.images)), chosen)
    encode = inference.method_of(context.model, "encode")
    method = _answering_method(context)
    answer = inference.method_of(context.model, method) if method else None
    areas: dict[str, dict[str, Interval]] = {name: {} for name in scores}
    examples = {}
    for kind in KINDS:
        copies = inject(kind, context.images[chosen], context.generator(f"injected {kind}"))
        examples[kind] = copies[: anomaly_figures.EXAMPLES]
        means = inference.apply(encode, copies)["latent_mean"].astype(np.float64)
        answers = inference.apply(answer, copies) if answer is not None else {}
        for name, values in score(copies, means, answers).items():
            areas[name][kind] = _area(context, values, scores[name][others])
    section.tables.append(
        _table(
            areas,
            f"AUC of {len(chosen)} copies with an injected anomaly against {len(others)} other "
            "objects as they are.",
        )
    )
    for name, by_kind in areas.items():
        for kind, area in by_kind.items():
            section.metrics |= area.as_metrics(_key(name, f"auc_{kind}"))
    best = max(areas, key=lambda name: np.mean([area.value for area in areas[name].values()]))
    mean = np.mean([area.value for area in areas[best].values()])
    section.key_numbers["Mean AUC of injected anomalies"] = f"{mean:.3f} ({best})"
    section.figures.append(anomaly_figures.draw_examples(context, chosen, examples))
    return areas


def _classes(
    context: EvaluationContext, scores: _Scores, section: Section
) -> dict[str, dict[str, Interval]]:
    """Returns the AUC by score and class against the most frequent class, and reports it."""
    names = context.class_names
    if len(names) < 2:
        return {}
    labels = context.labels
    counts = np.bincount(labels, minlength=len(names))
    common = int(counts.argmax())
    ordinary = labels == common
    groups = {
        names[label]: labels == label
        for label in range(len(names))
        if label != common and counts[label] >= _LEAST_CLASS
    }
    if len(groups) > 1:
        groups["all others"] = ~ordinary
    if not groups or not ordinary.any():
        return {}
    areas: dict[str, dict[str, Interval]] = {name: {} for name in scores}
    first = {}
    for name, values in scores.items():
        for group, members in groups.items():
            areas[name][group] = _area(context, values[members], values[ordinary])
            section.metrics |= areas[name][group].as_metrics(_key(name, f"auc_class_{group}"))
        order = np.argsort(-values, kind="stable")[:_FIRST]
        first[name] = float(np.mean(~ordinary[order]))
        section.metrics[_key(name, f"precision_{_FIRST}")] = first[name]
    table = _table(
        areas,
        f"AUC of each class against '{names[common]}', the most frequent one ({counts[common]} of "
        f"{len(labels)}), and the share of other classes in the {_FIRST} highest of all, of which "
        f"{np.mean(~ordinary):.3f} are.",
    )
    rows = [[*row, f"{first[name]:.2f}"] for row, name in zip(table.rows, areas, strict=True)]
    header = [*table.header, f"in the first {_FIRST}"]
    section.tables.append(Table(header, rows, table.caption))
    return areas


def _area(context: EvaluationContext, strange: np.ndarray, ordinary: np.ndarray) -> Interval:
    positive = np.arange(len(strange) + len(ordinary)) < len(strange)
    counts = ranking.resample_counts(
        positive.astype(int), context.generator("anomalies"), _RESAMPLES
    )
    return ranking.auc(positive, np.concatenate([strange, ordinary]), counts)


def _table(areas: Mapping[str, Mapping[str, Interval]], caption: str) -> Table:
    kinds = list(next(iter(areas.values())))
    rows = [[name, *(str(by_kind[kind]) for kind in kinds)] for name, by_kind in areas.items()]
    return Table(["score", *kinds], rows, caption)


def _key(name: str, what: str) -> str:
    words = re.sub("[,_/]", " ", f"{name} {what}").lower().split()
    return "_".join(words)


def _save(context: EvaluationContext, scores: _Scores) -> dict[str, str]:
    table = AstropyTable(
        meta={"dataset": context.spec.name, "split": context.split, "model": context.model_name}
    )
    table["id"] = Column(context.ids, description="Identifier of the object")
    for name, values in scores.items():
        table[_key(name, "")] = Column(values, description=f"{name}, larger for stranger objects")
    if context.class_names:
        table["class"] = Column(
            np.array(context.class_names)[context.labels], description="Class by the labels"
        )
    return context.save_table(table, "anomalies", "every score of all objects")
