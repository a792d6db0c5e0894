"""What the report tells of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.table import QTable

from trainers.evaluators.section import FigureFile, Section, Table
from trainers.frames.classifier import Classifier
from trainers.frames.detection import Detections
from trainers.frames.options import StampSettings
from trainers.frames.reading import Frame
from trainers.frames.stamps import FLAGS, UNSURE

__all__ = ["facts", "section"]


def facts(classifier: Classifier, settings: StampSettings, cut: float) -> dict[str, str]:
    """Returns what holds for all frames, label to text."""
    told = {"model": f"{classifier.name} from {classifier.path}"}
    told["classes"] = ", ".join(classifier.class_names)
    dataset = classifier.data.get("name") or classifier.configuration.get("dataset")
    if dataset:
        told["trained on"] = str(dataset)
    if classifier.noise_range is not None:
        low, high = classifier.noise_range
        level = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        told["noise in training"] = f"{level} counts"
    told["stamps"] = f"{settings.size} x {settings.size} px"
    if settings.neighbours == "remove":
        told["other detections in a stamp"] = "replaced by sky with noise"
    else:
        told["other detections in a stamp"] = "kept: a neighbour may be what makes a blend"
    if classifier.blended is not None:
        told["blended"] = f"probability of '{classifier.class_names[classifier.blended]}' > {cut:g}"
    return told


def section(
    frame: Frame,
    detections: Detections,
    table: QTable,
    classifier: Classifier,
    *,
    noise: float,
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
        noise: Typical noise of the frame, in its units.
        scale: What the stamps were multiplied by.
        catalogue: Name of the catalogue's file.
        figure: The figure.
    """
    number = len(table)
    height, width = frame.masked.shape
    told = Section(metrics={"detections": number, "noise": noise, "scale": scale})
    unit = f" {frame.unit}" if frame.unit else ""
    text = f"Extension {frame.hdu}, {height} x {width} pixels"
    if frame.pixel_scale is not None:
        text += f" of {frame.pixel_scale:.3f} arcsec"
    text += f"; noise {noise:.4g}{unit}; {number} detections."
    if frame.masked.any():
        text += f" {100 * frame.masked.mean():.2g} % of the pixels are masked."
    told.text = [text, *_warnings(frame, classifier, scale)]
    split = detections.sep_sources > 1
    sure = (np.asarray(table["flags"]) & UNSURE) == 0
    if classifier.blended is not None:
        blended = np.asarray(table["blended"])
        told.metrics |= {
            "blended": int(blended.sum()),
            "split_by_sep": int(split.sum()),
            "blended_and_split_by_sep": int((blended & split).sum()),
            "whole": int(sure.sum()),
            "whole_and_blended": int((blended & sure).sum()),
        }
        told.key_numbers[f"{frame.name}: called blended"] = (
            f"{blended.sum()} of {number}; of those whole in their stamps "
            f"{(blended & sure).sum()} of {sure.sum()}"
        )
        told.tables.append(
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
    counted = (f"{count} {name}" for name, count in zip(classes, numbers, strict=True))
    told.text.append(f"Most probable classes: {', '.join(counted)}.")
    told.text += _flags(np.asarray(table["flags"]))
    told.figures.append(figure)
    told.files[catalogue] = f"the catalogue, {len(table.colnames)} columns (ECSV)"
    return told


def _warnings(frame: Frame, classifier: Classifier, scale: float) -> list[str]:
    lines = []
    if scale != 1:
        lines.append(
            f"The stamps were multiplied by {scale:.4g}: the noise is then of the level that the "
            "model knows. Signal-to-noise is not changed."
        )
    trained: Mapping[str, Any] = classifier.data
    known = trained.get("pixel_scale_arcsec")
    if known and frame.pixel_scale and abs(frame.pixel_scale / known - 1) > 0.1:
        lines.append(
            f"**Pixels of {frame.pixel_scale:.3f} arcsec; the model was trained with those of "
            f"{known:g}.** A galaxy is smaller here in pixels, or larger, than all that it has "
            "seen; nothing is resampled."
        )
    return lines


def _flags(flags: np.ndarray) -> list[str]:
    counted = {text: int(((flags & bit) != 0).sum()) for bit, text in FLAGS.items()}
    told = [f"{count} {text}" for text, count in counted.items() if count]
    return [f"Flags: {'; '.join(told)}."] if told else []
