"""The catalogue of a frame: measurements and the predictions of a classifier."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable

from trainers.cutouts.flux_units import flux_unit
from trainers.frames.classifier import Classifier
from trainers.frames.detection import Detections, flux_error
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.stamps import FLAGS
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import json_safe

__all__ = ["StampPredictions", "make", "write"]


@dataclasses.dataclass(frozen=True)
class StampPredictions:
    """Predictions for the stamps of all detections.

    Attributes:
        probability: (number, classes).
        filled: (number,), share of the stamp that is noise in place of something unknown.
        neighbours: (number,), other detections in the stamp.
        flags: (number,), see `trainers.frames.stamps.FLAGS`.
    """

    probability: np.ndarray
    filled: np.ndarray
    neighbours: np.ndarray
    flags: np.ndarray


def make(
    frame: FrameWindows,
    detections: Detections,
    predictions: StampPredictions,
    classifier: Classifier,
    *,
    cut: float = 0.5,
    gain: float | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> QTable:
    """Returns the catalogue, one row for each detection.

    Args:
        frame: The frame.
        detections: Its detections.
        predictions: The predictions.
        classifier: The classifier.
        cut: Probability above which a detection is called blended.
        gain: Electrons for each unit of the frame; None if it is not known.
        provenance: Put into the metadata of the table.
    """
    objects = detections.objects
    error = flux_error(detections, gain)
    table = QTable()

    def add(name: str, values: np.ndarray, description: str, unit: Any = None) -> None:
        table[name] = values if unit is None else values * unit
        table[name].info.description = description

    add("number", np.arange(1, 1 + len(detections)), "Number in the figure")
    for axis in "xy":
        text = f"Centre of light along {axis}; the centre of the first pixel is at 0"
        add(axis, objects[axis], text, u.pix)
    for axis, centre in zip("xy", detections.centres.T, strict=True):
        text = f"Pixel of the stamp's centre along {axis}: that of the brightest part"
        add(f"{axis}_stamp", centre, text, u.pix)
    sky = frame.sky(objects["x"], objects["y"])
    if sky is not None:
        add("ra", sky.ra.deg, "Right ascension, ICRS", u.deg)
        add("dec", sky.dec.deg, "Declination, ICRS", u.deg)
    unit = flux_unit(frame.unit)
    add("flux", objects["flux"], "Sum of the detection's pixels without the sky", unit)
    noise = (
        "of the sky alone" if gain is None else f"of the sky and, at a gain of {gain:g}, photons"
    )
    add("flux_err", error, f"Its standard deviation, from the noise {noise}", unit)
    add("snr", objects["flux"] / error, "flux / flux_err")
    add("area", objects["npix"], "Pixels of the detection", u.pix)
    for name, text in (("a", "Semi-major"), ("b", "Semi-minor")):
        add(name, objects[name], f"{text} axis, root of the second moment", u.pix)
    text = "Angle of the major axis from x towards y"
    add("theta", np.rad2deg(objects["theta"]), text, u.deg)
    add(
        "flags",
        predictions.flags,
        "Sum of " + ", ".join(f"{bit} {text}" for bit, text in FLAGS.items()),
    )
    text = "Share of the stamp's pixels that are noise in place of what is unknown or removed"
    add("filled", predictions.filled, text)
    add("neighbours", predictions.neighbours, "Other detections that reach into the stamp")
    text = "Sources that SEP's deblending (contrast 0.005) makes of it; -1 where it gave up"
    add("sep_sources", detections.sep_sources, text)
    for index, name in enumerate(classifier.class_names):
        text = f"Probability of class '{name}', by {classifier.name}"
        add(f"probability_{name}", predictions.probability[:, index], text)
    best = np.array(classifier.class_names)[predictions.probability.argmax(axis=1)]
    add("class", best, "Most probable class")
    if classifier.blended is not None:
        blended = predictions.probability[:, classifier.blended] > cut
        add("blended", blended, f"Whether the probability of a blend is above {cut:g}")
    table.meta.update(json_safe(dict(provenance or {})))
    return table


def write(table: QTable, path: Path) -> None:
    """Writes a catalogue as ECSV atomically."""
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    write_atomically(path, text.getvalue())
