"""Catalogue and figure of a frame, by a trained classifier."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from astropy.table import QTable

from trainers.errors import UserError
from trainers.evaluators import plot_style
from trainers.evaluators.section import FigureFile, Section
from trainers.frames import detection, detection_table, figure, summary
from trainers.frames.classifier import Classifier
from trainers.frames.detection_table import StampPredictions
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.options import DetectionSettings, StampSettings
from trainers.frames.stamps import StampCutter
from trainers.training.progress import ProgressBar

__all__ = ["fitted", "predict"]

_BATCH = 128
_DEFAULT_SIZE = 51  # px, that of Farrens et al. 2022


def fitted(settings: StampSettings, classifier: Classifier) -> StampSettings:
    """Returns the settings with a size that the classifier takes.

    Args:
        settings: Without a size, that of the classifier's training is taken, or 51 px.
        classifier: The classifier.

    Raises:
        UserError: if the classifier takes images of another size, or none that are square.
    """
    fixed = classifier.fixed_size
    height, width = fixed or classifier.trained_size or (_DEFAULT_SIZE, _DEFAULT_SIZE)
    if fixed is not None and height != width:
        raise UserError(
            f"the model must take square stamps; '{classifier.name}' takes {height} x {width} px"
        )
    size = min(height, width) if settings.size is None else settings.size
    if fixed is not None and size != height:
        raise UserError(f"`size` must be {height} px for '{classifier.name}'; got {size}")
    return dataclasses.replace(settings, size=size)


def predict(
    frame: FrameWindows,
    classifier: Classifier,
    output_dir: Path | str,
    *,
    detecting: DetectionSettings | None = None,
    cutting: StampSettings | None = None,
    cut: float = 0.5,
    gain: float | None = None,
    first: int = 1,
) -> tuple[QTable, Section]:
    """Detects, classifies, and writes `figures/NAME.png`.

    Args:
        frame: The frame.
        classifier: The classifier.
        output_dir: Folder to write into; made if missing.
        detecting: How sources are detected.
        cutting: How stamps are cut; without a scale, the frame is brought to a noise that the
            training had, if that is known.
        cut: Probability above which a detection is called blended.
        gain: Electrons for each unit of the frame; None if it is not known.
        first: Number of the first detection.

    Returns:
        The rows of the catalogue, and the section of the report.

    Raises:
        UserError: if frame and classifier do not fit each other, or nothing is detected.
    """
    detecting = detecting or DetectionSettings()
    cutting = fitted(cutting or StampSettings(), classifier)
    if frame.bands != classifier.bands:
        raise UserError(
            f"`frame={frame.path}` must have the {classifier.bands} band(s) that "
            f"'{classifier.name}' takes; got {frame.bands}: `bands` chooses planes of a cube"
        )
    output_dir = Path(output_dir)
    # Pixels have room where the catalogue will be; nothing is made for a frame of no use.
    folder = next(one for one in (output_dir, *output_dir.absolute().parents) if one.is_dir())
    detections = detection.detect(frame, detecting, folder=folder)
    noise = detections.noise
    if cutting.scale is None:
        cutting = dataclasses.replace(cutting, scale=_scale(classifier, noise))
    cutter = StampCutter(frame, detections, cutting)
    predictions = _classify(cutter, classifier, frame.name)
    table = detection_table.make(
        frame,
        detections,
        predictions,
        classifier,
        cut=cut,
        gain=gain,
        first=first,
        extension={"noise": noise, "scale": cutting.scale},
    )
    shown = len(classifier.class_names) - 1 if classifier.blended is None else classifier.blended
    name = classifier.class_names[shown]
    picture = f"figures/{frame.name}.png"
    with plot_style.style():
        probability = predictions.probability[:, shown]
        drawn = figure.draw(frame, detections, cutter, probability, name, first)
        plot_style.save(drawn, output_dir / picture)
    return table, summary.section(
        frame,
        detections,
        table,
        classifier,
        scale=cutting.scale,
        catalogue=f"{frame.files.file_name}.ecsv",
        figure=FigureFile(picture, figure.caption(name)),
    )


def _scale(classifier: Classifier, noise: float) -> float:
    """Returns the factor that brings the noise to the nearest that the training had."""
    if classifier.noise_range is None:
        return 1.0
    low, high = classifier.noise_range
    return float(np.clip(noise, low, high)) / noise if high > 0 else 1.0


def _classify(cutter: StampCutter, classifier: Classifier, title: str) -> StampPredictions:
    progress = ProgressBar(title, len(cutter), unit="stamps")
    pieces = []
    for start in range(0, len(cutter), _BATCH):
        stamps = cutter.cut(range(start, min(start + _BATCH, len(cutter))))
        probability = classifier.probabilities(stamps.images)
        pieces.append((probability, stamps.filled, stamps.neighbours, stamps.flags))
        progress.add(len(probability))
    progress.close()
    return StampPredictions(*(np.concatenate(values) for values in zip(*pieces, strict=True)))
