"""Maps of a frame, tile by tile."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from trainers.errors import UserError
from trainers.frames import sky_mesh, training_match
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.map_file import GrowingMaps, identity_of, maps_path
from trainers.frames.map_header import map_header, primary_header
from trainers.frames.options import ALIGNMENT, MapSettings
from trainers.frames.pixel_model import PixelModel
from trainers.frames.sky_mesh import SkyMesh
from trainers.frames.tiling import Tile, fixed_tiles, free_tiles
from trainers.training.progress import ProgressBar

__all__ = ["predict", "tiles"]

# Pixels beyond which the answer of a network of three to five stages hardly depends on the image.
_OVERLAP = 64


def predict(
    frame: FrameWindows,
    model: PixelModel,
    output_dir: Path,
    settings: MapSettings | None = None,
    *,
    command: str = "",
    overwrite: bool = False,
) -> Path:
    """Writes `NAME_maps.fits` with an extension for each map of the model.

    A call that was killed goes on where it stopped, and ends with the same maps. A finished file
    of the same command stays as it is.

    Args:
        frame: The frame.
        model: The model.
        output_dir: Folder to write into; it exists.
        settings: Tiles and sky; None for the defaults.
        command: The command line, for the header.
        overwrite: Whether maps of another command may be replaced.

    Returns:
        The path of the maps.

    Raises:
        UserError: if frame, model and settings do not fit each other, the frame has no known
            pixel, or the file is there.
    """
    settings = settings or MapSettings()
    training_match.check(frame, model, settings.any_pixel_scale)
    parts = tiles(frame.shape, model, settings)
    overlap = _overlap(model, settings)
    tiling = {"OVERLAP": overlap}
    if model.fixed_size is None:
        tiling["TILE"] = settings.tile
    if model.normalized:
        tiling["SKYBOX"] = settings.sky_box
    manifest: dict[str, Any] = {
        "frame": {**dataclasses.asdict(frame.files), "files": frame.files.listed()},
        "model": {"name": model.name, "checksum": model.checksum},
        "tiling": tiling,
        "maps": [[one.name, one.planes, one.dtype.name] for one in model.outputs],
    }
    headers = [
        primary_header(frame, model, tiling, identity_of(manifest), command),
        *(map_header(frame, model, output) for output in model.outputs),
    ]
    path = maps_path(output_dir, frame.name)
    maps = GrowingMaps(path, headers, len(parts), frame.distortions)
    if maps.is_finished(manifest):
        maps.clean()
        print(f"{frame.name}  {path} is there, made by the same command", flush=True)
        return path
    with maps.opened(manifest, overwrite) as done:
        sky = None
        if model.normalized and done < len(parts):
            sky = sky_mesh.measure(frame.read, frame.shape, settings.sky_box)
        sizes = [tile.pixels for tile in parts]
        progress = ProgressBar(frame.name, sum(sizes), sum(sizes[:done]), unit="pixels")
        for number, tile in enumerate(parts[done:], done):
            maps.write(number, tile.inner, _tile_maps(frame, model, tile, sky))
            progress.add(tile.pixels)
        progress.close()
        maps.finish()
    return path


def tiles(shape: tuple[int, int], model: PixelModel, settings: MapSettings) -> list[Tile]:
    """Returns the tiles of a frame.

    Args:
        shape: (height, width) of the frame.
        model: The model.
        settings: Tiles.

    Raises:
        UserError: if frame, model and overlap do not fit each other.
    """
    overlap = _overlap(model, settings)
    if model.fixed_size is not None:
        return fixed_tiles(shape, model.fixed_size, overlap)
    if overlap % ALIGNMENT:
        raise UserError(
            f"`overlap` must be a multiple of {ALIGNMENT} px for '{model.name}'; got {overlap}"
        )
    return free_tiles(shape, settings.tile, overlap)


def _overlap(model: PixelModel, settings: MapSettings) -> int:
    if settings.overlap is not None:
        return settings.overlap
    return _OVERLAP if model.fixed_size is None else min(model.fixed_size) // 4


def _tile_maps(
    frame: FrameWindows, model: PixelModel, tile: Tile, sky: SkyMesh | None
) -> list[np.ndarray]:
    """Returns the maps of the inner part of a tile, with what is unknown marked."""
    pixels = frame.read(*tile.window)
    unknown = np.isnan(pixels).any(axis=-1)
    inner = tile.inner_of_window
    if unknown[inner].all():
        size = unknown[inner].shape
        return [
            np.full(size if one.planes is None else (one.planes, *size), _mark(one.dtype))
            for one in model.outputs
        ]
    if sky is not None:
        pixels = sky.normalized(pixels, tile.window)
        level = np.zeros(frame.bands, np.float32)
    else:
        level = np.nanmedian(pixels, axis=(0, 1))
    # Sky where there are no data: a NaN would spread.
    pixels = np.where(unknown[..., None], level, pixels).astype(np.float32)
    maps = []
    for output, values in zip(model.outputs, model.maps(pixels), strict=True):
        values = values[..., inner[0], inner[1]]
        maps.append(np.where(unknown[inner], _mark(output.dtype), values).astype(output.dtype))
    return maps


def _mark(kind: np.dtype) -> np.generic:
    return kind.type(np.nan) if np.issubdtype(kind, np.floating) else kind.type(-1)
