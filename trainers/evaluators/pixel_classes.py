"""Classes of pixels against the true ones, by signal-to-noise ratio, and outlines beside SEP."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.confusion import draw_confusion
from trainers.evaluators.pixel_samples import PixelSample, background_of
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.pixel_agreement import ClassAgreement, boundary_f1
from trainers.evaluators.statistics.pixel_baselines import sep_regions

__all__ = ["evaluate_pixel_classes"]

_IMAGES = 200
_TOLERANCE = 2.0  # px
# Bins of the signal-to-noise ratio of a pixel in all bands together.
_SNR_EDGES = (-np.inf, 1.0, 3.0, 10.0, np.inf)


@register("pixel_classes", title="Classes of pixels", needs=("segments", "pixel_classes"))
def evaluate_pixel_classes(context: EvaluationContext) -> Section:
    """Compares the most probable class of each pixel with the true class.

    IoU, Dice and accuracy of each class and confusion matrices by the signal-to-noise ratio of the
    pixel; the outline of all sources together by the boundary F1, beside SEP at 1.5 sigma.
    """
    sample = PixelSample.of(context, _IMAGES, "pixel_classes")
    names = tuple(context.model.class_names)
    truth = np.asarray(context.arrays()["class_map"])[sample.rows].astype(np.int64)
    known, classes = sample.known, len(names)
    if truth[known].max(initial=0) >= classes:
        raise ValueError(
            f"class_map must be in 0..{classes - 1}, the classes of the model; got "
            f"{truth[known].max()}"
        )
    whole = ClassAgreement.of(truth, sample.segments, known, classes)
    section = Section(metrics=_metrics(whole, names))
    outlines = {
        "model": sample.segments != background_of(sample.segments, known, names),
        "SEP, 1.5 sigma": sep_regions(sample.detection, known) > 0,
    }
    scores = {
        name: boundary_f1(sample.truth > 0, foreground, known, _TOLERANCE)
        for name, foreground in outlines.items()
    }
    for prefix, score in zip(("", "sep_"), scores.values(), strict=True):
        section.metrics[f"{prefix}boundary_f1"] = score
    mean_iou = section.metrics["mean_iou"]
    section.key_numbers["Mean IoU of the classes"] = f"{mean_iou:.3f}"
    section.key_numbers["Boundary F1 (SEP)"] = " ({:.3f})".join(["{:.3f}", ""]).format(
        *scores.values()
    )
    section.text.append(
        f"{len(sample.rows)} {context.split} images; accuracy {whole.accuracy:.3f} of all pixels. "
        f"Boundary F1 of the outline of all sources, within {_TOLERANCE:g} px: "
        + ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
        + "."
    )
    section.tables.append(_class_table(whole, names))
    section.figures.append(_confusion_figure(context, sample, truth, names))
    return section


def _metrics(agreement: ClassAgreement, names: Sequence[str]) -> dict[str, float]:
    numbers = {"accuracy": agreement.accuracy, "mean_iou": float(np.nanmean(agreement.iou))}
    for kind in ("iou", "dice", "recall"):
        values = getattr(agreement, kind)
        numbers |= {f"{kind}_{name}": float(v) for name, v in zip(names, values, strict=True)}
    return numbers


def _class_table(agreement: ClassAgreement, names: Sequence[str]) -> Table:
    shares = 100 * agreement.matrix.sum(axis=1) / agreement.matrix.sum()
    columns = (shares, agreement.iou, agreement.dice, agreement.recall)
    rows = [
        [name, f"{share:.2f}", *(f"{value:.3f}" for value in values)]
        for name, share, *values in zip(names, *columns, strict=True)
    ]
    header = ["class", "share of the pixels, %", "IoU", "Dice", "accuracy within the class"]
    return Table(header, rows, "Agreement of the most probable class with the true one.")


def _confusion_figure(
    context: EvaluationContext, sample: PixelSample, truth: np.ndarray, names: Sequence[str]
) -> FigureFile:
    bins = list(itertools.pairwise(_SNR_EDGES))
    figure, axes = plot_style.new_figure(2, 2, width=4.9, height=4.5)
    shown = tuple(name.replace("_", " ") for name in names)
    for panel, (low, high) in zip(axes, bins, strict=True):
        members = sample.known & (sample.detection >= low) & (sample.detection < high)
        agreement = ClassAgreement.of(truth, sample.segments, members, len(names))
        draw_confusion(panel, agreement.matrix, shown)
        if np.isinf(low):
            panel.set_title(f"pixels below {high:g} sigma")
        else:
            panel.set_title(
                f"{low:g} to {high:g} sigma" if np.isfinite(high) else f"from {low:g} sigma"
            )
    return context.save_figure(
        figure,
        "pixel_classes",
        "True and assigned classes of pixels, numbers and percentages of the true class, by the "
        "signal-to-noise ratio of the pixel in all bands together.",
    )
