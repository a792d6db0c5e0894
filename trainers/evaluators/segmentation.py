"""Segments of pixels against the true maps, beside SEP and clusters of the pixel values."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.segment_maps import draw_segments
from trainers.evaluators.pixel_samples import (
    PixelSample,
    background_of,
    largest_segment,
)
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.pixel_agreement import (
    PixelCounts,
    connected_regions,
    rand_index,
    rand_index_of_sources,
)
from trainers.evaluators.statistics.pixel_baselines import clustered_pixels, sep_regions

__all__ = ["evaluate_segmentation"]

_IMAGES = 200


@dataclasses.dataclass(frozen=True)
class _Segmentation:
    """A method's answer: which pixels are sources, which belong together, and of what kind."""

    name: str
    title: str
    foreground: np.ndarray
    regions: np.ndarray
    segments: np.ndarray | None = None


@register("segmentation", title="Segmentation", needs=("segments",))
def evaluate_segmentation(context: EvaluationContext) -> Section:
    """Compares the segment of each pixel with the true map.

    Sources are the pixels of all segments but the sky, which is the class of that name or else
    the largest segment. Two baselines see the same images: SEP at 1.5 sigma, and k-means with the
    same number of clusters on the pixel values. Pixels that the model or the true map calls
    unknown (negative), pixels with a defect in the dataset's `mask` and pixels that are not finite
    are left out.
    """
    sample = PixelSample.of(context, _IMAGES, "segmentation")
    arrays, chosen = context.arrays(), sample.rows
    truth, segments, known = sample.truth, sample.segments, sample.known
    detection = sample.detection
    names = context.model.class_names or tuple(map(str, range(segments.max() + 1)))

    sep = sep_regions(detection, known)
    pixels = clustered_pixels(sample.images, sample.noise, known, len(names), context.seed)
    methods = [
        _of_segments("", "model", segments, background_of(segments, known, names)),
        _Segmentation("sep_", "SEP, 1.5 sigma", sep > 0, sep),
        _of_segments(
            "pixels_", f"pixel values, {len(names)}-means", pixels, largest_segment(pixels)
        ),
    ]
    section = Section()
    classes = np.asarray(arrays["class_map"])[chosen] if "class_map" in arrays else None
    rows = [_compare(context, section, each, truth, classes, known) for each in methods]
    section.key_numbers["IoU of sources and sky"] = rows[0][1]
    section.key_numbers["IoU of SEP"] = rows[1][1]
    section.text.append(_description(context, truth, known, methods[0].foreground))
    section.tables.append(_agreement_table(rows, classes is not None))
    section.tables.append(_segment_table(names, segments, truth, detection, known))
    shown = (context, chosen, truth, segments, sep, methods[0].foreground, names)
    section.figures.append(draw_segments(*shown))
    return section


def _of_segments(name: str, title: str, segments: np.ndarray, background: int) -> _Segmentation:
    foreground = (segments != background) & (segments >= 0)
    return _Segmentation(name, title, foreground, connected_regions(foreground), segments)


def _compare(
    context: EvaluationContext,
    section: Section,
    method: _Segmentation,
    truth: np.ndarray,
    classes: np.ndarray | None,
    known: np.ndarray,
) -> list[str]:
    """Enters the numbers of a method among the metrics; returns its row of the table."""
    counts = PixelCounts.of(truth > 0, method.foreground, known)
    interval = counts.iou_interval(context.generator("segmentation"))
    numbers = {
        "dice": counts.dice,
        "ari": rand_index(truth > 0, method.foreground, known),
        "ari_sources": rand_index_of_sources(truth, method.regions, known),
    }
    row = [method.title, str(interval), *(f"{value:.3f}" for value in numbers.values())]
    if classes is not None and method.segments is not None:
        numbers["ari_classes"] = rand_index(classes, method.segments, known)
        row.append(f"{numbers['ari_classes']:.3f}")
    elif classes is not None:
        row.append("-")
    numbers = interval.as_metrics("iou") | numbers
    section.metrics |= {method.name + name: value for name, value in numbers.items()}
    return row


def _agreement_table(rows: Sequence[Sequence[str]], has_classes: bool) -> Table:
    header = ["", "IoU (95 % interval)", "Dice", "ARI, sources and sky", "ARI, one from another"]
    caption = (
        "Agreement with the true maps. ARI is the adjusted Rand index, 0 for chance: of sources "
        "and sky; within the true sources of images with two or more, whose regions are those of "
        "SEP or the connected ones"
    )
    if has_classes:
        header.append("ARI, classes")
        caption += "; of the segments with the true classes of the pixels"
    return Table(header, rows, f"{caption}.")


def _description(
    context: EvaluationContext, truth: np.ndarray, known: np.ndarray, foreground: np.ndarray
) -> str:
    text = (
        f"{len(truth)} {context.split} images; {100 * (truth > 0)[known].mean():.1f} % of the "
        "pixels belong to sources."
    )
    if not known.all():
        text += f" {100 * (~known).mean():.2g} % of the pixels are unknown and left out."
    empty = ~(truth > 0).any(axis=(1, 2))
    if empty.any():
        alarms = foreground[empty][known[empty]].mean()
        text += (
            f" Of the pixels of the {empty.sum()} images without a source, {100 * alarms:.2g} % "
            "were taken for one."
        )
    return text


def _segment_table(
    names: Sequence[str],
    segments: np.ndarray,
    truth: np.ndarray,
    detection: np.ndarray,
    known: np.ndarray,
) -> Table:
    rows = []
    for index, name in enumerate(names):
        members = known & (segments == index)
        number = members.sum()
        rows.append(
            [
                name,
                f"{100 * number / known.sum():.2f}",
                f"{detection[members].mean():.2f}" if number else "-",
                f"{100 * (truth > 0)[members].mean():.1f}" if number else "-",
            ]
        )
    header = ["segment", "share of the pixels, %", "mean signal-to-noise ratio", "in sources, %"]
    caption = "The segments; signal-to-noise ratio of a pixel in all bands together."
    return Table(header, rows, caption)
