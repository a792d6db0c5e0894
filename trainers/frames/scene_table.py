"""The catalogue of a deblended frame."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable

from trainers.cutouts.flux_units import flux_unit
from trainers.deblending.measurements import FLAGS, SceneSources
from trainers.frames.frame_windows import FrameWindows
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import json_safe

__all__ = ["make", "path_of", "write"]


def path_of(output_dir: Path, name: str) -> Path:
    """Returns the path of the catalogue of a frame.

    Args:
        output_dir: The folder of the command.
        name: Name of the frame.
    """
    return output_dir / f"{name}.ecsv"


def make(frame: FrameWindows, sources: SceneSources, bands: Sequence[str], model: str) -> QTable:
    """Returns the catalogue, one row for each source.

    Args:
        frame: The frame.
        sources: Its sources, fluxes in the units of the frame.
        bands: Names of the bands.
        model: Name of the model.
    """
    table = QTable()

    def add(name: str, values: np.ndarray, description: str, unit: Any = None) -> None:
        table[name] = values if unit is None else values * unit
        table[name].info.description = description

    add("number", np.arange(1, 1 + len(sources)), "Number of the source")
    for axis in "xy":
        text = f"Centre along {axis}; the centre of the first pixel is at 0"
        add(axis, getattr(sources, axis), text, u.pix)
    sky = frame.sky(sources.x, sources.y) if len(sources) else None
    if sky is not None:
        add("ra", sky.ra.deg, "Right ascension, ICRS", u.deg)
        add("dec", sky.dec.deg, "Declination, ICRS", u.deg)
    unit = flux_unit(frame.unit)
    for index, band in enumerate(bands):
        text = f"Flux in {band} of the galaxy as drawn by {model} and fitted beside all others"
        add(f"flux_{band}", sources.flux[:, index], text, unit)
        text = "Its standard deviation: noise, neighbours, and the error of the drawing"
        add(f"flux_err_{band}", sources.flux_err[:, index], text, unit)
    text = "Signal-to-noise ratio of all bands together, of the light and the sky alone"
    add("snr", sources.snr, text)
    for name in ("e1", "e2"):
        text = "Ellipticity as it is seen, of modulus (a - b) / (a + b), along x and y"
        add(name, getattr(sources, name), text if name == "e1" else f"{text}, 45 degrees off")
    text = "Radius of a circle with half of the light, as it is seen"
    add("half_light_radius", sources.half_light_radius, text, u.pix)
    text = "1 - (S . S) / (S . A), S the light of the source and A that of all: 0 alone, to 1"
    add("blendedness", sources.blendedness, text)
    add("pass", sources.number, "Pass that detected it, from 1")
    meanings = ", ".join(f"{bit} {text}" for bit, text in FLAGS.items())
    add("flags", sources.flags, f"Sum of {meanings}")
    return table


def write(table: QTable, path: Path, provenance: Mapping[str, Any]) -> None:
    """Writes a catalogue as ECSV, atomically.

    Args:
        table: The catalogue.
        path: The file.
        provenance: Its metadata.
    """
    table.meta.update(json_safe(dict(provenance)))
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    write_atomically(path, text.getvalue())
