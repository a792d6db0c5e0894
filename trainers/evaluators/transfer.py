"""Gain of an adaptation to a second survey, measured with labels that it did not use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainers.datasets import loading
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.transfer_figures import draw_embeddings, draw_scores
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.task_probe import FEW_TREES, TREES, TaskScore
from trainers.evaluators.statistics.transfer_scores import (
    Survey,
    TaskTransfer,
    classes_of,
    distance,
    gain,
    labels_of,
    mean_of,
    survey_auc,
    task_transfer,
)
from trainers.prediction import inference
from trainers.runs import run_folder
from trainers.storage import json_files

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset
    from zoo.model import ZooModel

__all__ = ["PUBLISHED", "evaluate_transfer"]

PUBLISHED = {
    "smooth": (67.57, 80.42),
    "edge_on": (74.07, 91.05),
    "bar": (64.71, 79.41),
    "merger": (78.62, 86.23),
}
"""Accuracy in % on BASS+MzLS before and after, learnt on DECaLS (arXiv 2303.08627, slides)."""

# Objects of each split whose latents are computed.
_OBJECTS = 20_000


@register(
    "transfer",
    title="Transfer between the surveys",
    needs=("adaptation", "latents", "training_split"),
)
def evaluate_transfer(context: EvaluationContext) -> Section:
    """Trains forests on latents of the source and tests them on the target, before and after.

    "Before" both surveys go through the source's model; "after" the target goes through the
    adapted one, and so does the source if that is one model for both. No labels were used in the
    adaptation. Galaxy Zoo votes become labels by the cuts of the published transfer.

    References:
        arXiv 2303.08627, whose probe has five trees and whose numbers are shown beside.
    """
    settings = json_files.read_json(context.run_dir / "config.json")
    model = run_folder.load_model(settings["source_run"])
    source = loading.load_for_evaluation(run_folder.load_config(settings["source_run"]))
    names = (source.spec.name, context.spec.name)
    run_folder.RunFolder(settings["source_run"]).note_changed_data(source)
    classes = _classes(source)
    before = tuple(
        _survey(model, each, context.split, classes) for each in (source, context.dataset)
    )
    target = _survey(context.model, context.dataset, context.split, classes)
    shared = settings["variant"] == "shared"
    after = (
        _survey(context.model, source, context.split, classes) if shared else before[0],
        target,
    )

    section = Section()
    section.text.append(_summary(settings, names))
    _distances(section, before, after, context.seed)
    tasks = [name for name in before[0].labels["train"] if name in target.labels["train"]]
    transfers, few = {}, {}
    left_out = [
        f"{task} (its classes are {', '.join(classes[task])} in {names[0]}, {', '.join(own)} in "
        f"{names[1]})"
        for task, own in _classes(context.dataset).items()
        if task in classes and task not in tasks
    ]
    for task in tasks:
        try:
            transfers[task] = [
                task_transfer(*both, task, seed=context.seed) for both in (before, after)
            ]
            few[task] = [
                task_transfer(*both, task, trees=FEW_TREES, seed=context.seed)
                for both in (before, after)
            ]
        except ValueError as error:
            left_out.append(f"{task} ({error})")
    if left_out:
        section.text.append(f"Tasks that cannot be evaluated: {'; '.join(left_out)}.")
    if transfers:
        _accuracies(section, transfers, few)
        pairs = ({name: pair[i] for name, pair in transfers.items()} for i in (0, 1))
        section.figures.append(draw_scores(context, *pairs, names))
    section.figures.append(draw_embeddings(context, {"before": before, "after": after}, names))
    return section


def _classes(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    return classes_of(dataset.arrays("train", limit=1), dataset.spec)


def _survey(
    model: ZooModel, dataset: Dataset, split: str, classes: Mapping[str, Sequence[str]]
) -> Survey:
    latents, labels = {}, {}
    for name, taken in (("train", "train"), ("test", split)):
        arrays = dict(dataset.arrays(taken, limit=_OBJECTS))
        images = arrays.pop("image")
        latents[name] = inference.apply(model.encode, images)["latent_mean"].astype(float)
        labels[name] = labels_of(arrays, dataset.spec, classes)
    return Survey(latents, labels)


def _summary(settings: Mapping[str, Any], names: tuple[str, str]) -> str:
    bandwidth = f", {settings['bandwidth']} bandwidth" if settings["method"] == "mmd" else ""
    return (
        f"The model of `{settings['source_run']}`, trained on {names[0]}, was adapted to "
        f"{names[1]} by {settings['method'].upper()} (weight {settings['weight']:g}{bandwidth}), "
        f"variant {settings['variant']}: "
        + (
            "one model for both surveys."
            if settings["variant"] == "shared"
            else "the source keeps its encoder, the target has one of its own."
        )
        + " The adaptation used no labels; those of the target's test objects are used here."
    )


def _distances(
    section: Section,
    before: tuple[Survey, Survey],
    after: tuple[Survey, Survey],
    seed: int,
) -> None:
    rows, numbers = [], {}
    for when, both in (("before", before), ("after", after)):
        distances = distance(*both)
        area = survey_auc(*both, seed)
        numbers |= {f"{name}_{when}": value for name, value in distances.items()}
        numbers[f"survey_auc_{when}"] = area.value
        shown = (f"{distances[name]:.4f}" for name in ("mmd", "mmd_within"))
        rows.append([when, *shown, f"{distances['mean_shift']:.3f}", str(area)])
    section.metrics |= numbers
    section.key_numbers["MMD^2 between the surveys, before -> after"] = (
        f"{numbers['mmd_before']:.4f} -> {numbers['mmd_after']:.4f}"
    )
    section.tables.append(
        Table(
            ["", "MMD^2", "MMD^2 within the source", "shift of the means", "AUC of the survey"],
            rows,
            "Distance between the latents of the surveys (test objects): squared MMD, unbiased, "
            "median bandwidth, and the same between two halves of the source; distance of the "
            "means over the size of the source's latents; AUC of a forest that separates the "
            "surveys, with its 95 % interval.",
        )
    )


def _accuracies(
    section: Section,
    transfers: Mapping[str, list[TaskTransfer]],
    few: Mapping[str, list[TaskTransfer]],
) -> None:
    rows, few_rows = [], []
    gains, lost = {}, {}
    for task, (before, after) in transfers.items():
        gains[task] = gain(before.target, after.target)
        lost[task] = gain(before.source, after.source)
        published = " -> ".join(f"{value:.2f}" for value in PUBLISHED.get(task, ()))
        rows.append(
            [
                task,
                f"{before.trained_on}, {len(after.target.truth)}",
                _shown(before.source),
                _shown(after.source),
                _shown(before.target),
                _shown(after.target),
                _difference(gains[task]),
                _shown(after.bound),
                published or "-",
            ]
        )
        pair = few[task]
        few_rows.append([task, _shown(pair[0].target), _shown(pair[1].target), published or "-"])
        section.metrics |= _numbers(task, before, after)
    for title, chosen in (
        ("four published tasks", [task for task in gains if task in PUBLISHED]),
        ("all tasks", list(gains)),
    ):
        if chosen:
            key = title.split()[0]
            section.metrics[f"{key}_gain"], section.metrics[f"{key}_gain_error"] = mean_of(
                [gains[task] for task in chosen]
            )
            section.metrics[f"{key}_source_change"] = mean_of([lost[task] for task in chosen])[0]
            shown = _difference(mean_of([gains[task] for task in chosen]))
            kept = _difference(mean_of([lost[task] for task in chosen]))
            section.key_numbers[f"Mean gain on the target, {title}"] = f"{shown} points"
            section.text.append(
                f"Mean over {title}: {shown} points on the target, {kept} on the source."
            )
    section.tables += [
        Table(
            [
                "task",
                "objects (train, test)",
                "source before",
                "source after",
                "target before",
                "target after",
                "gain",
                "target's own labels",
                "published, target",
            ],
            rows,
            f"Test accuracy in % of forests of {TREES} trees, classes weighted equally, trained "
            "on the labels of the source, with its standard error; that of a gain is for pairs of "
            "the same objects. The last but one is trained on the labels of the target after the "
            "adaptation. Published numbers are for real images.",
        ),
        Table(
            ["task", "target before", "target after", "published, target"],
            few_rows,
            f"The same with {FEW_TREES} trees, as published.",
        ),
    ]


def _numbers(task: str, before: TaskTransfer, after: TaskTransfer) -> dict[str, float]:
    numbers = {}
    for when, transfer in (("before", before), ("after", after)):
        for what in ("source", "target", "bound"):
            score: TaskScore = getattr(transfer, what)
            numbers[f"{task}_{what}_{when}"] = score.accuracy
            numbers[f"{task}_{what}_{when}_balanced"] = score.balanced_accuracy
    return numbers


def _shown(score: TaskScore) -> str:
    return f"{100 * score.accuracy:.1f} ± {100 * score.accuracy_error:.1f}"


def _difference(value: tuple[float, float]) -> str:
    return f"{100 * value[0]:+.1f} ± {100 * value[1]:.1f}"
