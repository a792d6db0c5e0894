"""Facts and section of the maps of a frame in the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from trainers.errors import UserError
from trainers.evaluators import plot_style
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.frames import map_figure
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.options import MapSettings
from trainers.frames.pixel_model import MapOutput, PixelModel

__all__ = ["facts", "section"]

# Pixels of a map that are in memory at a time.
_AT_ONCE = 2**22


def facts(model: PixelModel, settings: MapSettings) -> dict[str, str]:
    """Returns the facts that hold for all frames, label to text."""
    version = f", version {model.version}" if model.version else ""
    facts = {"model": f"{model.name} from {model.path}{version}"}
    facts["maps"] = ", ".join(output.name for output in model.outputs)
    if model.class_names:
        facts["classes"] = ", ".join(model.class_names)
    if model.normalized:
        facts["sky"] = f"measured on the whole frame in boxes of {settings.sky_box} px"
    else:
        facts["sky"] = "that of the model, measured in each tile if it measures one"
    return facts


def section(frame: FrameWindows, model: PixelModel, path: Path, output_dir: Path) -> Section:
    """Draws the figure and returns the section of a frame.

    Args:
        frame: The frame.
        model: The model.
        path: Its maps.
        output_dir: Folder of the report.

    Raises:
        UserError: if no pixel of the frame is known.
    """
    height, width = frame.shape
    result = Section()
    text = f"{height} x {width} pixels"
    if frame.pixel_scale is not None:
        text += f" of {frame.pixel_scale:.3f} arcsec"
    with fits.open(path) as file:
        shown = _shown(model)
        counts = _counts(file[shown.name.upper()], shown)
        unknown, counts = counts[0], counts[1:]
        if not counts.sum():
            raise UserError(
                f"`frame={frame.files.paths[0]}` must have finite pixels that are not masked; "
                f"all {unknown} are NaN, infinite or masked"
            )
        if frame.files.unread:
            others = ", ".join(frame.files.unread)
            result.text.append(f"Other images of the file are not read: {others}.")
        share = unknown / (unknown + counts.sum())
        result.text.append(f"{text}, {100 * share:.2g} % of them unknown.")
        result.metrics = {"pixels": height * width, "unknown": float(share)}
        names = [*model.class_names, *map(str, range(len(model.class_names), len(counts)))]
        shares = 100 * counts / counts.sum()
        result.tables.append(
            Table(
                ("", "share of the known pixels, %"),
                [[name, f"{value:.2f}"] for name, value in zip(names, shares, strict=True)],
                f"Map `{shown.name}`"
                + (", the most probable class of each pixel." if shown.planes else "."),
            )
        )
        result.metrics |= {
            f"share_{name}": float(value) / 100 for name, value in zip(names, shares, strict=True)
        }
        picture = f"figures/{frame.name}_maps.png"
        with plot_style.style():
            drawn = map_figure.draw(frame, file[shown.name.upper()], names)
            plot_style.save(drawn, output_dir / picture)
    result.figures.append(FigureFile(picture, map_figure.CAPTION))
    extensions = ", ".join(output.name.upper() for output in model.outputs)
    result.files[path.name] = f"the maps (FITS, extensions {extensions})"
    return result


def _shown(model: PixelModel) -> MapOutput:
    """Returns the map that is drawn: numbers before shares, one for each class before others."""
    classes = len(model.class_names)
    integer = [one for one in model.outputs if np.issubdtype(one.dtype, np.integer)]
    shares = [one for one in model.outputs if one.planes == classes and classes]
    return (integer or shares or list(model.outputs))[0]


def _counts(extension: fits.ImageHDU, output: MapOutput) -> np.ndarray:
    """Returns the numbers of unknown pixels and of those of each class."""
    counts = np.zeros(1, np.int64)
    for part in _parts(extension):
        numbers = map_figure.numbers_of(part)
        own = np.bincount(1 + numbers.ravel())
        if len(own) > len(counts):
            counts = np.pad(counts, (0, len(own) - len(counts)))
        counts[: len(own)] += own
    return counts


def _parts(extension: fits.ImageHDU) -> Iterator[np.ndarray]:
    *planes, height, width = extension.shape
    rows = max(1, _AT_ONCE // (width * max(planes, default=1)))
    for start in range(0, height, rows):
        window = (slice(None),) * len(planes) + (slice(start, min(start + rows, height)),)
        yield extension.section[window]
