"""Facts and section of a frame in the report."""

from __future__ import annotations

import numpy as np
from astropy.table import QTable

from trainers.cutouts.flux_units import flux_unit
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.frames.classifier import Classifier
from trainers.frames.detection import Detections
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.options import StampSettings
from trainers.frames.stamps import FLAGS, UNSURE

__all__ = ["facts", "section"]


def facts(classifier: Classifier, settings: StampSettings, cut: float) -> dict[str, str]:
    """Returns the facts that hold for all frames, label to text."""
    facts = {"model": f"{classifier.name} from {classifier.path}"}
    facts["classes"] = ", ".join(classifier.class_names)
    dataset = classifier.data.get("name") or classifier.configuration.get("dataset")
    if dataset:
        facts["trained on"] = str(dataset)
    if classifier.noise_range is not None:
        low, high = classifier.noise_range
        level = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        facts["noise in training"] = f"{level} counts"
    facts["stamps"] = f"{settings.size} x {settings.size} px"
    if settings.neighbours == "remove":
        facts["other detections in a stamp"] = "replaced by sky with noise"
    else:
        facts["other detections in a stamp"] = "kept: a neighbour may be what makes a blend"
    if classifier.blended is not None:
        name = classifier.class_names[classifier.blended]
        facts["blended"] = f"probability of '{name}' > {cut:g}"
    return facts


def section(
    frame: FrameWindows,
    detections: Detections,
    table: QTable,
    classifier: Classifier,
    *,
    scale: float,
    catalogue: str,
    figure: FigureFile,
) -> Section:
    """Returns the section of a frame.

    Args:
        frame: The frame.
        detections: What is in it.
        table: Its catalogue.
        classifier: The classifier.
        scale: What the stamps were multiplied by.
        catalogue: Name of the catalogue's file.
        figure: The figure.
    """
    number = len(table)
    height, width = frame.shape
    noise, unknown = detections.noise, detections.sky.unknown
    result = Section(metrics={"detections": number, "noise": noise, "scale": scale})
    unit = f" {frame.unit}" if frame.unit else ""
    text = f"Extension {frame.hdus[0]}, {height} x {width} pixels"
    if frame.pixel_scale is not None:
        text += f" of {frame.pixel_scale:.3f} arcsec"
    text += f"; noise {noise:.4g}{unit}; {number} detections."
    if unknown:
        text += f" {100 * unknown:.2g} % of the pixels are unknown."
    result.text = [text, *_warnings(frame, classifier, scale)]
    split = detections.sep_sources > 1
    sure = (np.asarray(table["flags"]) & UNSURE) == 0
    if classifier.blended is not None:
        blended = np.asarray(table["blended"])
        result.metrics |= {
            "blended": int(blended.sum()),
            "split_by_sep": int(split.sum()),
            "blended_and_split_by_sep": int((blended & split).sum()),
            "whole": int(sure.sum()),
            "whole_and_blended": int((blended & sure).sum()),
        }
        result.key_numbers[f"{frame.name}: called blended"] = (
            f"{blended.sum()} of {number}; of those whole in their stamps "
            f"{(blended & sure).sum()} of {sure.sum()}"
        )
        result.tables.append(
            Table(
                ("detections that SEP's deblending", "number", "called blended"),
                [
                    ["leaves whole", str((~split).sum()), str((blended & ~split).sum())],
                    ["splits", str(split.sum()), str((blended & split).sum())],
                ],
                "A second opinion, not the truth.",
            )
        )
    classes, numbers = np.unique(table["class"], return_counts=True)
    by_class = (f"{count} {name}" for name, count in zip(classes, numbers, strict=True))
    result.text.append(f"Most probable classes: {', '.join(by_class)}.")
    flags = np.asarray(table["flags"])
    counted = {text: int(((flags & bit) != 0).sum()) for bit, text in FLAGS.items()}
    if any(counted.values()):
        lines = [f"{count} {text}" for text, count in counted.items() if count]
        result.text.append(f"Flags: {'; '.join(lines)}.")
    result.figures.append(figure)
    result.files[catalogue] = f"the catalogue, {len(table.colnames)} columns (ECSV)"
    return result


def _warnings(frame: FrameWindows, classifier: Classifier, scale: float) -> list[str]:
    lines = []
    if frame.files.unread:
        lines.append(f"Other images of the file are not read: {', '.join(frame.files.unread)}.")
    if frame.wcs is None:
        lines.append(f"The catalogue has no positions on the sky: {frame.no_wcs}.")
    if frame.unit and flux_unit(frame.unit) is None:
        lines.append(
            f"BUNIT `{frame.unit}` is no known unit; the fluxes of the catalogue have none."
        )
    if scale != 1:
        lines.append(
            f"The stamps were multiplied by {scale:.4g}: their noise then has the level of the "
            "training data. Signal-to-noise is unchanged."
        )
    scale_arcsec = classifier.data.get("pixel_scale_arcsec")
    if scale_arcsec and frame.pixel_scale and abs(frame.pixel_scale / scale_arcsec - 1) > 0.1:
        lines.append(
            f"**Pixels of {frame.pixel_scale:.3f} arcsec; the model was trained with those of "
            f"{scale_arcsec:g}.** Galaxies span another number of pixels here than in training; "
            "nothing is resampled."
        )
    return lines
