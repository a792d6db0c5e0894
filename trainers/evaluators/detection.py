"""Sources detected in the model's maps against the true ones, beside SEP.

References:
    Hausen & Robertson 2020 (arXiv 1906.11248), section 7 (completeness and false positives).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.detection_figures import (
    draw_completeness,
    draw_source_classes,
)
from trainers.evaluators.pixel_samples import PixelSample, background_of
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.detections import (
    Comparison,
    DetectedSources,
    TrueSources,
    detected_by_maps,
    detected_by_sep,
)
from trainers.evaluators.statistics.rates import binned_rates, rate
from trainers.sources.pixel_regions import LIGHT_PEAKS, settings_for

__all__ = ["ISOLATED", "MATCH_RADIUS", "SURE", "evaluate_detection", "magnitudes"]

MATCH_RADIUS = 4.0
"""Largest distance of a detection from its true source, px."""

SURE = 10.0
"""Signal-to-noise ratio from which on a source ought to be detected."""

ISOLATED = 20.0
"""Distance of the nearest other source from which on a source counts as isolated, px."""

SNR_EDGES = np.array([2.0, 3, 5, 7, 10, 15, 20, 30, 50, 100, 1e9])
"""Bins of the signal-to-noise ratio."""

_IMAGES = 500
# nJy of a source of magnitude 0.
_NANOJANSKY_ZEROPOINT = 31.4


@register("detection", title="Detection", needs=("segments", "true_sources"))
def evaluate_detection(context: EvaluationContext) -> Section:
    """Detects sources in the model's maps and matches them with the true ones.

    Regions come from a watershed of the probability of the sky, or of the rank vote with the
    published markers, divided at the peaks of the model's map of centres, or else of the light
    (`trainers.sources.pixel_regions`). A true source
    is complete if a detection is within 4 px; of two detections one at most is its partner, the
    other is a false positive, as is one far from any true source however faint. SEP at 1.5 sigma
    sees the same images. The class of a source is the mean of its pixels' weighted by their light.
    """
    sample = PixelSample.of(context, _IMAGES, "detection")
    band = context.reference_band
    true = TrueSources.of(context.arrays(), sample.rows, sample.known, band)
    methods = {
        "model": _by_model(context, sample),
        "SEP, 1.5 sigma": detected_by_sep(sample.detection, sample.known),
    }
    results = {
        name: (detected, Comparison.of(detected, true, sample.truth, MATCH_RADIUS))
        for name, detected in methods.items()
    }
    section = Section()
    section.text.append(_description(context, sample, true))
    section.tables.append(_summary(section, results, true, sample.truth))
    section.tables.append(_by_snr(section, results, true))
    label, magnitude = magnitudes(context, true, band)
    section.figures.append(draw_completeness(context, results, true, magnitude, label))
    detected, comparison = results["model"]
    if (detected.label >= 0).all() and len(detected.label):
        sky = background_of(sample.segments, sample.known, context.model.class_names)
        names = [each for index, each in enumerate(context.model.class_names) if index != sky]
        section.tables.append(_class_table(section, detected, comparison, true, magnitude, label))
        section.figures.append(
            draw_source_classes(context, detected, comparison, true, magnitude, label, names)
        )
    return section


def _by_model(context: EvaluationContext, sample: PixelSample) -> DetectedSources:
    outputs, names = context.outputs("call"), tuple(context.model.class_names)
    sky = background_of(sample.segments, sample.known, names)
    if "pixel_probabilities" not in outputs:
        return detected_by_maps(
            (sample.segments == sky).astype(np.float32),
            sample.detection,
            sample.known,
            settings=LIGHT_PEAKS,
        )
    maps = outputs["pixel_probabilities"][sample.rows]
    centres, ranks = outputs.get("pixel_centres"), outputs.get("pixel_ranks")
    return detected_by_maps(
        (maps if ranks is None else ranks[sample.rows])[..., sky],
        sample.detection,
        sample.known,
        probabilities=np.delete(maps, sky, axis=-1),
        centres=None if centres is None else centres[sample.rows],
        settings=settings_for(centres=centres is not None, ranks=ranks is not None),
    )


def magnitudes(context: EvaluationContext, true: TrueSources, band: int) -> tuple[str, np.ndarray]:
    """Returns the name of the magnitude, and that of each true source; NaN without flux."""
    zeropoint = _NANOJANSKY_ZEROPOINT if context.spec.units == "nanojansky" else 0.0
    name = f"{context.spec.bands[band]} magnitude"
    flux = np.where(true.flux > 0, true.flux, np.nan)
    return f"{name} (AB)" if zeropoint else name, zeropoint - 2.5 * np.log10(flux)


def _description(context: EvaluationContext, sample: PixelSample, true: TrueSources) -> str:
    text = (
        f"{len(sample.rows)} {context.split} images with {true.inside.sum()} true sources, "
        f"{(true.inside & (true.snr >= SURE)).sum()} of them with a signal-to-noise ratio of "
        f"{SURE:g} or more. A detection within {MATCH_RADIUS:g} px is that of a source, one to one."
    )
    if not sample.known.all():
        text += f" {100 * (~sample.known).mean():.2g} % of the pixels are unknown and left out."
    return text


Results = Mapping[str, tuple[DetectedSources, Comparison]]


def _summary(section: Section, results: Results, true: TrueSources, truth: np.ndarray) -> Table:
    rows = []
    sure = true.inside & (true.snr >= SURE)
    isolated = sure & (true.separation >= ISOLATED)
    for prefix, (name, (detected, comparison)) in zip(("", "sep_"), results.items(), strict=True):
        completeness = rate(comparison.detected[sure])
        alone = rate(comparison.detected[isolated])
        whole = ~comparison.partial
        spurious = rate(comparison.spurious[whole])
        on_sky = comparison.spurious[whole] & (detected.values_at(truth)[whole] <= 0)
        section.metrics |= completeness.as_metrics(f"{prefix}completeness")
        section.metrics |= alone.as_metrics(f"{prefix}completeness_isolated")
        section.metrics |= spurious.as_metrics(f"{prefix}false_positives")
        section.metrics |= {
            f"{prefix}false_positives_on_sky": float(on_sky.sum() / max(len(on_sky), 1)),
            f"{prefix}detections": len(on_sky),
        }
        rows.append(
            [
                name,
                str(len(on_sky)),
                str(completeness),
                str(alone),
                _percent(spurious),
                str(on_sky.sum()),
            ]
        )
    section.key_numbers[f"Completeness from {SURE:g} sigma"] = rows[0][2]
    section.key_numbers["False positives"] = rows[0][4]
    section.key_numbers["Completeness of SEP"] = rows[1][2]
    header = [
        "",
        "detections",
        f"completeness from {SURE:g} sigma (95 % interval)",
        f"of those without a neighbour within {ISOLATED:g} px",
        "false positives, % of detections",
        "of these on the true sky",
    ]
    caption = (
        "False positives on the true sky are noise; the others are parts of sources that were "
        "divided too often, or lie too far from their centre. Parts of sources whose centre is "
        "outside of the image are left out. Wilson's intervals."
    )
    return Table(header, rows, caption)


def _percent(interval) -> str:
    return f"{100 * interval.value:.2f} ({100 * interval.low:.2f} to {100 * interval.high:.2f})"


def _by_snr(section: Section, results: Results, true: TrueSources) -> Table:
    rates = [
        binned_rates(true.snr[true.inside], comparison.detected[true.inside], SNR_EDGES)
        for _, comparison in results.values()
    ]
    rows = []
    for index, (low, high) in enumerate(itertools.pairwise(SNR_EDGES)):
        if not rates[0].objects[index]:
            continue
        cells = [
            f"{each.value[index]:.3f} ({each.low[index]:.3f} to {each.high[index]:.3f})"
            for each in rates
        ]
        name = f"{low:g} to {high:g}" if high < SNR_EDGES[-1] else f"from {low:g}"
        rows.append([name, str(rates[0].objects[index]), *cells])
    inside = int(np.flatnonzero(SNR_EDGES == SURE)[0])
    for prefix, each in zip(("", "sep_"), rates, strict=True):
        section.metrics[f"{prefix}completeness_10_to_15"] = float(each.value[inside])
    header = ["signal-to-noise ratio", "true sources", *results]
    return Table(header, rows, "Completeness by signal-to-noise ratio, with Wilson's intervals.")


def _class_table(
    section: Section,
    detected: DetectedSources,
    comparison: Comparison,
    true: TrueSources,
    magnitude: np.ndarray,
    label: str,
) -> Table:
    found = comparison.detected & true.inside
    right = detected.label[comparison.partner] == true.label
    sure = found & (true.snr >= SURE)
    section.metrics |= rate(right[sure]).as_metrics("class_accuracy")
    rows = [["all", str(sure.sum()), str(rate(right[sure]))]]
    for low in range(18, 29, 2):
        members = found & (magnitude >= low) & (magnitude < low + 2)
        if members.any():
            accuracy = rate(right[members])
            section.metrics[f"class_accuracy_{low}_to_{low + 2}"] = accuracy.value
            rows.append([f"{low} to {low + 2}", str(members.sum()), str(accuracy)])
    header = [label, "detected sources", "accuracy of the class"]
    caption = (
        f"Share of the detected sources whose class is right, those of all from {SURE:g} sigma on."
    )
    return Table(header, rows, caption)
