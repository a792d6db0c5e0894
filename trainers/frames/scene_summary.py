"""Facts and section of a deblended frame in the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import QTable

from trainers.cutouts.flux_units import flux_unit
from trainers.deblending.deblender import Deblender
from trainers.deblending.measurements import FLAGS
from trainers.deblending.scene import STOPS
from trainers.evaluators import plot_style
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.frames import scene_figure
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.options import FrameOptions
from trainers.frames.scene_prediction import RESIDUAL, SceneFiles, band_names
from trainers.frames.source_detector import SourceDetector

__all__ = ["facts", "section"]


def facts(
    deblender: Deblender, options: FrameOptions, detector: SourceDetector | None = None
) -> dict[str, str]:
    """Returns the facts that hold for all frames, label to text."""
    version = f", version {deblender.version}" if deblender.version else ""
    facts = {"model": f"{deblender.name} from {deblender.path}{version}"}
    if deblender.data.get("name"):
        facts["trained on"] = str(deblender.data["name"])
    facts["stamps"] = f"{deblender.size} x {deblender.size} px"
    facts["detection"] = (
        f"{options.detection.threshold:g} sigma on {options.detection.min_area} connected pixels, "
        "in the sum of the bands in units of their noise"
    )
    if detector is not None:
        model = detector.model
        facts["detection"] = (
            f"the first pass by {model.name} from {model.path}, others at {facts['detection']}"
        )
    facts["passes"] = f"at most {options.scenes.passes}"
    return facts


def section(
    frame: FrameWindows, deblender: Deblender, files: SceneFiles, output_dir: Path
) -> Section:
    """Draws the figure and returns the section of a frame.

    Args:
        frame: The frame.
        deblender: The model.
        files: Catalogue and residual.
        output_dir: Folder of the report.
    """
    table = QTable.read(files.catalogue, format="ascii.ecsv")
    tiles, noise = table.meta["tiles"], np.asarray(table.meta["noise"])
    before, after = np.mean(np.reshape(tiles["mean_square"], (-1, 2)), axis=0)
    result = Section()
    number = np.asarray(table["pass"])
    result.metrics = {
        "sources": len(table),
        "passes": int(number.max(initial=0)),
        "mean_square_before": float(before),
        "mean_square_after": float(after),
    }
    height, width = frame.shape
    text = f"{height} x {width} pixels"
    if frame.pixel_scale is not None:
        text += f" of {frame.pixel_scale:.3f} arcsec"
    text += (
        f"; {len(table)} sources. The mean square of the pixels in units of their error is "
        f"{before:.3f} before and {after:.3f} after the sources are taken off."
    )
    reasons, counts = np.unique(tiles["stop"], return_counts=True)
    text += " Ended because " + "; ".join(
        f"{STOPS[str(reason)]} ({count} of {counts.sum()} tiles)"
        for reason, count in zip(reasons, counts, strict=True)
    )
    result.text = [f"{text}.", *_warnings(frame, deblender, table.meta["settings"]["scale"])]
    result.key_numbers[f"{frame.name}: sources"] = str(len(table))
    result.key_numbers[f"{frame.name}: mean square of the residual"] = f"{after:.3f}"
    blendedness, flags = (np.asarray(table[name]) for name in ("blendedness", "flags"))
    rows = [
        [
            str(each),
            str((number == each).sum()),
            f"{np.median(np.asarray(table['snr'])[number == each]):.1f}",
            f"{np.median(blendedness[number == each]):.3f}",
        ]
        for each in np.unique(number)
    ]
    if rows:
        header = ("pass", "sources", "median signal-to-noise ratio", "median blendedness")
        result.tables.append(Table(header, rows))
    counted = {text: int(((flags & bit) != 0).sum()) for bit, text in FLAGS.items()}
    lines = [f"{count} {text}" for text, count in counted.items() if count]
    if lines:
        result.text.append(f"Flags: {'; '.join(lines)}.")
    picture = f"figures/{frame.name}_{RESIDUAL}.png"
    with plot_style.style(), fits.open(files.maps) as maps:
        bands = band_names(frame, deblender)
        drawn = scene_figure.draw(frame, maps[RESIDUAL.upper()], table, noise, bands)
        plot_style.save(drawn, output_dir / picture)
    result.figures.append(FigureFile(picture, scene_figure.CAPTION))
    result.files[files.catalogue.name] = f"the catalogue, {len(table.colnames)} columns (ECSV)"
    if files.detection is not None:
        result.files[files.detection.name] = "the maps in which the first pass detects (FITS)"
    result.files[files.maps.name] = f"the residual (FITS, extension {RESIDUAL.upper()})"
    return result


def _warnings(frame: FrameWindows, deblender: Deblender, scale: float) -> list[str]:
    lines = []
    if frame.files.unread:
        lines.append(f"Other images of the file are not read: {', '.join(frame.files.unread)}.")
    if frame.wcs is None:
        lines.append(f"The catalogue has no positions on the sky: {frame.no_wcs}.")
    trained = deblender.data.get("units")
    if scale != 1:
        lines.append(f"Pixels were multiplied by {scale:.4g} for the model; fluxes are not.")
    elif trained and flux_unit(frame.unit) is None:
        lines.append(
            f"**The frame does not say in which unit its pixels are; the model was trained with "
            f"those in {trained}.** `--scale` says by how much to multiply."
        )
    return lines
