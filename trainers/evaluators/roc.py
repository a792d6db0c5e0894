"""Classification metrics: ROC curve, confusion matrix, purity and completeness."""

from __future__ import annotations

import itertools

import numpy as np
from sklearn import metrics

from trainers.evaluators import plot_style, separator
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.confusion import draw_confusion
from trainers.evaluators.figures.roc_curves import Curve, draw_roc
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics import ranking

__all__ = ["evaluate_roc"]

_RESAMPLES = 1000
_MAGNITUDE_BINS = 6
_FEWEST_PER_CLASS = 10


@register("roc", title="Classification", needs=("labels", "probability"))
def evaluate_roc(context: EvaluationContext) -> Section:
    """Compares the probabilities of a supervised or unsupervised classifier with the labels.

    Labels are used for the scores alone: an unsupervised model keeps its own identification of
    the classes, and an AUC below 0.5 shows that it is the wrong one. Several classes are compared
    one against the rest; their AUC is the mean over the classes.
    """
    labels, probability = context.labels, context.probability()
    names = context.class_names
    present = [index for index in range(len(names)) if (labels == index).any()]
    if len(present) < 2:
        raise ValueError(
            f"split '{context.split}' must have objects of two classes at least for a ROC; "
            f"got {len(present)} of {len(names)} classes"
        )
    counts = ranking.resample_counts(labels, context.generator("roc"), _RESAMPLES)
    section = Section()
    curves = _curves(context, labels, probability, counts, present)
    _summarise(context, section, labels, probability, counts, curves)
    section.tables.append(_class_table(section, names, labels, probability, curves))
    section.figures.append(_main_figure(context, labels, probability, counts, curves))
    if len(names) == 2 and context.magnitude() is not None:
        _figure_by_magnitude(context, section, labels, probability)
    return section


def _curves(context, labels, probability, counts, present) -> list[Curve]:
    def curve(index: int, label: str, colour: str) -> Curve:
        positive, score = labels == index, probability[:, index]
        return Curve(label, positive, score, colour, ranking.auc(positive, score, counts))

    if context.positive_class is not None:
        return [curve(context.positive_class, context.model_name, plot_style.COLOURS[0])]
    return [curve(i, context.class_names[i], context.class_colours[i]) for i in present]


def _summarise(context, section, labels, probability, counts, curves) -> None:
    resampled = np.mean(
        [ranking.weighted_auc(curve.positive, curve.score, counts) for curve in curves], axis=0
    )
    area = ranking.percentile_interval(np.mean([c.auc.value for c in curves]), resampled)
    predicted = probability.argmax(axis=1)
    correct = (predicted == labels).astype(np.float64)
    accuracy = ranking.percentile_interval(correct.mean(), counts @ correct / len(labels))
    precisions = [metrics.average_precision_score(c.positive, c.score) for c in curves]
    section.metrics |= {
        **area.as_metrics("auc"),
        **accuracy.as_metrics("accuracy"),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "average_precision": np.mean(precisions),
        "objects": len(labels),
    }
    mean = "" if len(curves) == 1 else " (mean over classes)"
    section.key_numbers |= {f"AUC{mean}": str(area), "Accuracy": str(accuracy)}
    section.text.append(
        f"{len(labels)} objects of the {context.split} split. AUC{mean} **{area}**, accuracy "
        f"**{accuracy}**, balanced accuracy {section.metrics['balanced_accuracy']:.3f}, average "
        f"precision {section.metrics['average_precision']:.3f}. Intervals: 95 %, from "
        f"{len(counts)} bootstrap resamples within the classes. The predicted class is the most "
        "probable one."
    )
    if context.model.task == "unsupervised_classification":
        section.text.append(
            "The model saw no labels, neither in training nor when its components were named; "
            "they are used only for this evaluation."
        )
        if area.high < 0.5:
            section.text.append(
                "**The AUC is below 0.5: the components were assigned to the wrong classes.** "
                "It is reported as measured."
            )
    if area.low <= 0.5 <= area.high:
        section.text.append(
            "**The AUC is consistent with chance (0.5)**, which lies inside its interval."
        )


def _class_table(section, names, labels, probability, curves) -> Table:
    predicted = probability.argmax(axis=1)
    purity, completeness, _, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(len(names)), zero_division=0.0
    )
    rows = []
    areas = {curve.label: curve.auc for curve in curves} if len(names) > 2 else {}
    for index, name in enumerate(names):
        section.metrics[f"purity_{name}"] = purity[index]
        section.metrics[f"completeness_{name}"] = completeness[index]
        row = [name, str(support[index]), f"{purity[index]:.3f}", f"{completeness[index]:.3f}"]
        if areas:
            row.append(str(areas.get(name, "no objects")))
            if name in areas:
                section.metrics[f"auc_{name}"] = areas[name].value
        rows.append(row)
    header = ["class", "objects", "purity", "completeness"]
    header += ["AUC against the rest"] if areas else []
    return Table(
        header,
        rows,
        "Purity: fraction of the objects assigned to the class that belong to it. "
        "Completeness: fraction of the objects of the class that are assigned to it.",
    )


def _main_figure(context, labels, probability, counts, curves) -> FigureFile:
    names = context.class_names
    drawn = list(curves)
    caption = "Left: ROC curve with the 95 % band."
    if len(names) == 2 and context.extended_class is not None:
        floor = separator.extendedness(context)
        area = separator.area(context, floor)
        drawn.append(Curve(floor.name, curves[0].positive, floor.score, "0.35", area, "--"))
        caption = f"Left: ROC curve with the 95 % band, and the floor: {floor.description}."
    with_matrix = 5.2 + 0.25 * len(names)
    figure, (left, right) = plot_style.new_figure(1, 2, width=with_matrix, height=4.6)
    positive = names[int(labels[curves[0].positive][0])] if len(names) == 2 else ""
    draw_roc(left, drawn, counts, positive)
    draw_confusion(
        right,
        metrics.confusion_matrix(labels, probability.argmax(axis=1), labels=range(len(names))),
        names,
    )
    return context.save_figure(
        figure,
        "roc",
        f"{caption} Right: confusion matrix, numbers of objects and percentages of the true class.",
    )


def _figure_by_magnitude(context, section, labels, probability) -> None:
    name, values = context.magnitude()
    readable = plot_style.quantity_label(name)
    scores = {context.model_name: probability[:, 1]}
    if context.extended_class is not None:
        floor = separator.extendedness(context)
        scores[floor.name] = floor.score if context.extended_class == 1 else -floor.score
    by_label = {
        label: _auc_by_magnitude(context, labels == 1, score, values)
        for label, score in scores.items()
    }
    bins = by_label[context.model_name]
    if not bins:
        return
    for low, high, _, area in bins:
        section.metrics[f"auc_mag_{low:.2f}_{high:.2f}"] = area.value
    areas = zip(*([str(area) for *_, area in own] for own in by_label.values()), strict=True)
    section.tables.append(
        Table(
            [readable, "objects", *(f"AUC of {label} (95 %)" for label in by_label)],
            [
                [f"{low:.2f} to {high:.2f}", str(number), *of_bin]
                for (low, high, number, _), of_bin in zip(bins, areas, strict=True)
            ],
            f"AUC by magnitude, for bins with at least {_FEWEST_PER_CLASS} objects of each class.",
        )
    )
    figure, axes = plot_style.new_figure(width=5.2, height=4.0)
    _draw_bins(axes[0], readable, by_label)
    caption = "AUC by magnitude. Vertical bars are 95 % intervals, horizontal ones the bins"
    caption += "; the floor is drawn beside." if len(by_label) > 1 else "."
    section.figures.append(context.save_figure(figure, "auc_by_magnitude", caption))


def _auc_by_magnitude(context, positive, score, values):
    usable = np.isfinite(values)
    edges = np.unique(np.quantile(values[usable], np.linspace(0, 1, _MAGNITUDE_BINS + 1)))
    bins = []
    for low, high in itertools.pairwise(edges):
        inside = usable & (values >= low) & ((values < high) | (high == edges[-1]))
        members = positive[inside]
        if min(members.sum(), (~members).sum()) >= _FEWEST_PER_CLASS:
            generator = context.generator(f"roc/{low:.3f}")
            counts = ranking.resample_counts(members.astype(int), generator, _RESAMPLES)
            bins.append((low, high, len(members), ranking.auc(members, score[inside], counts)))
    return bins


def _draw_bins(axes, readable, by_label) -> None:
    looks = ({"fmt": "o"}, {"fmt": "s", "color": "0.35", "markerfacecolor": "white"})
    for number, (label, bins) in enumerate(by_label.items()):
        low, high = np.array([edges for *edges, _, _ in bins], np.float64).T
        value, *ends = ranking.as_columns(area for *_, area in bins)
        axes.errorbar(
            (low + high) / 2 + number * (high - low) / 6,
            value,
            yerr=plot_style.error_bars(value, *ends),
            # The bins once: those of the floor are the same.
            xerr=None if number else (high - low) / 2,
            capsize=2,
            markersize=5,
            label=label,
            **looks[number],
        )
    axes.axhline(0.5, color="0.6", linewidth=1, linestyle=":")
    lowest = min(area.value for bins in by_label.values() for *_, area in bins)
    axes.set(
        xlabel=readable,
        ylabel="AUC",
        title="AUC by magnitude",
        ylim=(min(0.45, lowest - 0.1), 1.02),
    )
    if len(by_label) > 1:
        axes.legend(loc="lower left")
