"""The catalogue of a frame: measurements and the predictions of a classifier."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable, TableMergeError, vstack
from astropy.table.meta import get_header_from_yaml

from trainers.cutouts.flux_units import flux_unit
from trainers.errors import UserError
from trainers.frames.classifier import Classifier
from trainers.frames.detection import Detections, flux_error
from trainers.frames.frame_files import FrameFiles
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.stamps import FLAGS
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import json_safe

__all__ = ["StampPredictions", "check_place", "make", "write"]


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
    first: int = 1,
    extension: Mapping[str, Any] | None = None,
) -> QTable:
    """Returns the rows of the catalogue, one for each detection.

    Args:
        frame: The frame.
        detections: Its detections.
        predictions: The predictions.
        classifier: The classifier.
        cut: Probability above which a detection is called blended.
        gain: Electrons for each unit of the frame; None if it is not known.
        first: Number of the first detection.
        extension: Facts of the frame for the metadata, beside those that are known here.
    """
    objects = detections.objects
    error = flux_error(detections, gain)
    table = QTable()

    def add(name: str, values: np.ndarray, description: str, unit: Any = None) -> None:
        table[name] = values if unit is None else values * unit
        table[name].info.description = description

    add("number", np.arange(first, first + len(detections)), "Number in the figure")
    text = "Extension of the file"
    add("extension", np.full(len(detections), frame.extension), text)
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
    table.meta["frame"] = {
        "file": frame.path.name,
        "folder": str(frame.path.absolute().parent),
        **frame.exposure,
    }
    table.meta["extensions"] = [{"hdu": frame.hdus[0], "unit": frame.unit} | dict(extension or {})]
    return table


def write(
    tables: Sequence[QTable],
    output_dir: Path,
    frames: Sequence[FrameFiles],
    provenance: Mapping[str, Any],
) -> None:
    """Writes the catalogue of a file as ECSV, atomically.

    Args:
        tables: Of the frames that can be used.
        output_dir: Folder; it exists.
        frames: All frames of the file.
        provenance: Put into the metadata.

    Raises:
        UserError: if the fluxes of extensions have units that cannot be converted.
    """
    try:
        table = vstack(list(tables), metadata_conflicts="silent")
    except (u.UnitsError, TypeError, TableMergeError) as error:
        raise UserError(
            f"`frame={frames[0].paths[0]}` must have extensions in one unit: {error}"
        ) from None
    table.meta.clear()
    first, every = tables[0].meta["frame"], [one.meta["extensions"] for one in tables]
    table.meta["frame"] = {**first, "hdus": _hdus(frames)}
    table.meta["extensions"] = [facts for one in every for facts in one]
    table.meta.update(json_safe(dict(provenance)))
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    write_atomically(_path(output_dir, frames), text.getvalue())


def check_place(output_dir: Path, frames: Sequence[FrameFiles]) -> None:
    """Raises UserError if a catalogue is there that has other frames.

    Args:
        output_dir: The folder.
        frames: All frames of the file.
    """
    path = _path(output_dir, frames)
    try:
        with path.open() as file:
            lines = list(itertools.takewhile(lambda line: line.startswith("# "), file))
        before = dict(get_header_from_yaml([line[2:] for line in lines[1:]])["meta"])["frame"]
        before = (before["folder"], before["file"], tuple(before["hdus"]))
    except FileNotFoundError:
        return
    except Exception:  # No catalogue of this command, or of an earlier version: of what, who knows.
        before = None
    source = frames[0].paths[0].absolute()
    now = (str(source.parent), source.name, tuple(_hdus(frames)))
    if before is not None and before != now:
        what = f"extension {', '.join(before[2])} of {Path(before[0]) / before[1]}"
        raise UserError(
            f"`output_dir={output_dir}`: {path.name} is there, of {what}; give another folder, or "
            "`overwrite=True`"
        )


def _path(output_dir: Path, frames: Sequence[FrameFiles]) -> Path:
    return output_dir / f"{frames[0].file_name}.ecsv"


def _hdus(frames: Sequence[FrameFiles]) -> list[str]:
    """Returns the numbers of the extensions; of the first image of several files "first"."""
    return [str(hdu) for files in frames for hdu in files.hdus or ("first",)]
