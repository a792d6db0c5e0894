"""Random-forest probes of several classification tasks on frozen latents."""

from __future__ import annotations

import numpy as np
from astropy.table import Column
from astropy.table import Table as AstropyTable

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import task_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.published_tasks import SOURCE
from trainers.evaluators.statistics.task_probe import TREES, TaskResult, TaskScore, probe_task

__all__ = ["evaluate_tasks"]


@register("tasks", title="Tasks", needs=("latents", "tasks", "training_split"))
def evaluate_tasks(context: EvaluationContext) -> Section:
    """Trains a random forest for each task on the latents of all training objects.

    The model is frozen; the forests alone see labels, those of the training split. Both sizes of
    forests weight the classes equally; the one with five trees is that of the publication.

    References:
        arXiv:2303.08627 (random forests on the latents of a VAE, Galaxy Zoo DECaLS).
    """
    seen, unseen = context.all_latents("train"), context.latents()
    results, left_out = [], []
    for name, classes in context.spec.tasks.items():
        feature = f"label_{name}"
        train = seen, np.asarray(context.column("train", feature))
        test = unseen, np.asarray(context.arrays()[feature])
        try:
            results.append(probe_task(name, classes, train, test, context.seed))
        except ValueError as error:
            left_out.append(f"{name} ({error})")
    if not results:
        raise ValueError(f"none of the tasks can be evaluated: {'; '.join(left_out)}")
    section = Section()
    for result in results:
        section.metrics |= _numbers(result)
    accuracies = [result.test.accuracy for result in results]
    balanced = [result.test.balanced_accuracy for result in results]
    section.metrics |= {
        "mean_accuracy": np.mean(accuracies),
        "mean_balanced_accuracy": np.mean(balanced),
    }
    section.key_numbers[f"Accuracy of the forests, mean of {len(results)} tasks"] = (
        f"{np.mean(accuracies):.3f}"
    )
    section.text.append(
        f"For each task a random forest of {TREES} trees is trained on the latents of those of "
        f"{len(seen)} training objects that have a label for it, and tested on those of "
        f"{len(unseen)} objects of the {context.split} split. The classes are weighted equally in "
        "training."
    )
    if left_out:
        section.text.append(f"Left out: {'; '.join(left_out)}.")
    section.tables.append(_table(results))
    if any(result.published for result in results):
        _compare(section, results)
    section.figures += [
        context.save_figure(
            task_figures.accuracies(results),
            "tasks",
            f"Accuracy of the forests of {TREES} trees with its standard error; bars: share of the "
            "largest class, which a constant prediction reaches."
            + f" Open: {SOURCE}, real images."
            * any(result.published for result in results),
        ),
        context.save_figure(
            task_figures.confusions(results),
            "task_confusions",
            "Confusion matrices, in percent of the true class and in objects.",
        ),
        context.save_figure(
            task_figures.importances(results),
            "task_importances",
            "Importance of each latent for each task (mean decrease of impurity), relative to "
            "equal importance of all.",
        ),
    ]
    _write_importances(context, section, results)
    return section


def _numbers(result: TaskResult) -> dict[str, float]:
    numbers = {
        "train_objects": len(result.train.truth),
        "objects": len(result.test.truth),
        "majority": result.majority,
        "train_accuracy": result.train.accuracy,
        "accuracy": result.test.accuracy,
        "accuracy_error": result.test.accuracy_error,
        "balanced_accuracy": result.test.balanced_accuracy,
        "few_trees_train_accuracy": result.few_train.accuracy,
        "few_trees_accuracy": result.few_test.accuracy,
        "few_trees_balanced_accuracy": result.few_test.balanced_accuracy,
    }
    return {f"{result.name}_{name}": value for name, value in numbers.items()}


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _with_error(score: TaskScore) -> str:
    return f"{_percent(score.accuracy)} ± {_percent(score.accuracy_error)}"


def _table(results: list[TaskResult]) -> Table:
    rows = [
        [
            result.title,
            str(len(result.classes)),
            f"{len(result.train.truth)}, {len(result.test.truth)}",
            _percent(result.majority),
            _percent(result.train.accuracy),
            _with_error(result.test),
            _percent(result.test.balanced_accuracy),
        ]
        for result in results
    ]
    return Table(
        [
            "task",
            "classes",
            "with label (train, test)",
            "largest class, %",
            "accuracy (train), %",
            "accuracy, %",
            "balanced accuracy, %",
        ],
        rows,
        f"Random forests of {TREES} trees; ±: binomial standard error.",
    )


def _compare(section: Section, results: list[TaskResult]) -> None:
    compared = [result for result in results if result.published]
    reached = sum(result.test.accuracy >= result.published.test for result in compared)
    section.key_numbers["Tasks at or above the published accuracy"] = (
        f"{reached} of {len(compared)}"
    )
    section.metrics["tasks_at_published_accuracy"] = reached
    section.tables.append(
        Table(
            [
                "task",
                "5 trees (train), %",
                "5 trees, %",
                "5 trees, balanced, %",
                "published (train), %",
                "published, %",
            ],
            [
                [
                    result.title,
                    _percent(result.few_train.accuracy),
                    _with_error(result.few_test),
                    _percent(result.few_test.balanced_accuracy),
                    _percent(result.published.train),
                    _percent(result.published.test),
                ]
                for result in compared
            ],
            f"Forests of five trees beside those of {SOURCE}: other galaxies, real images at 256 "
            "pixels and, but for the first two tasks, unpublished cuts. A difference says nothing "
            "about the models alone.",
        )
    )


def _write_importances(context, section, results) -> None:
    dimension = len(results[0].importance)
    table = AstropyTable(
        meta={
            "dataset": context.spec.name,
            "model": context.model_name,
            "trees": TREES,
            "description": "Importance of latents for tasks, mean decrease of impurity",
        }
    )
    table["latent"] = Column(np.arange(dimension), description="Number of the latent")
    for result in results:
        text = f"Importance for task {result.title}, of sum 1"
        table[result.name] = Column(result.importance, description=text)
        text = f"Standard deviation of {result.name} over the trees"
        table[f"{result.name}_stddev"] = Column(result.importance_spread, description=text)
    text = f"importance of the {dimension} latents for each task"
    section.files |= context.save_table(table, "task_importances", text)
