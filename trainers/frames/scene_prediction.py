"""Catalogue and residual of a frame by a deblender, tile by tile."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from trainers.deblending.deblender import Deblender
from trainers.deblending.detection import significance
from trainers.deblending.measurements import SceneSources, measure_sources
from trainers.deblending.scene import deblend_scene
from trainers.errors import UserError
from trainers.frames import scene_table, sky_planes, training_match
from trainers.frames.deblenders import scale_of
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.map_file import GrowingMaps, identity_of, maps_path
from trainers.frames.map_header import map_header, primary_header
from trainers.frames.options import FrameOptions
from trainers.frames.pixel_model import MapOutput
from trainers.frames.sky_planes import SkyPlanes
from trainers.frames.source_detector import SourceDetector
from trainers.frames.tiling import Tile, even_tiles
from trainers.training.progress import ProgressBar

__all__ = ["RESIDUAL", "SceneFiles", "band_names", "predict"]

RESIDUAL = "residual"
"""Extension of the residual in the file of maps."""

# Sources of two tiles nearer to each other than this are one, px.
_SAME = 1.0


@dataclasses.dataclass(frozen=True)
class SceneFiles:
    """Files of a deblended frame.

    Attributes:
        catalogue: Path of the catalogue.
        maps: Path of the residual.
        detection: Path of the maps of the detector; None without.
    """

    catalogue: Path
    maps: Path
    detection: Path | None = None


def band_names(frame: FrameWindows, deblender: Deblender) -> tuple[str, ...]:
    """Returns names of the bands for columns: of the training, of the frame, or their numbers."""
    for names in (deblender.data.get("bands") or (), frame.filters):
        names = [re.sub(r"\W+", "_", str(name)).strip("_") for name in names]
        if len(names) == frame.bands == len(set(names)) and all(names):
            return tuple(names)
    return tuple(str(number) for number in range(frame.bands))


def predict(
    frame: FrameWindows,
    deblender: Deblender,
    options: FrameOptions,
    provenance: dict[str, Any],
    detector: SourceDetector | None = None,
) -> SceneFiles:
    """Writes `NAME.ecsv` and `NAME_residual.fits`, and with a detector its `NAME_maps.fits`.

    Each tile is deblended in a window that reaches a stamp beyond it. A source belongs to the tile
    in which its centre lies. A call that was killed resumes at the tile at which it stopped.

    Args:
        frame: The frame.
        deblender: The deblender.
        options: The options of the command; its output folder exists.
        provenance: Metadata of the catalogue.
        detector: Of the sources of the first pass; None for SEP.

    Raises:
        UserError: if frame and model do not fit each other, or the files of another command are
            there.
    """
    training_match.check(frame, deblender, options.maps.any_pixel_scale)
    scale = scale_of(frame, deblender, options.stamps.scale)
    output = MapOutput(RESIDUAL, frame.bands, np.dtype(np.float32))
    tiling = {"TILE": options.maps.tile, "OVERLAP": deblender.size}
    manifest = {
        "frame": {**dataclasses.asdict(frame.files), "files": frame.files.listed()},
        "model": {"name": deblender.name, "checksum": deblender.checksum},
        "tiling": tiling,
        "settings": _settings(options) | {"scale": scale},
    }
    command = provenance["command"]
    detection = None
    if detector is not None:
        manifest["detector"] = {"name": detector.model.name, "checksum": detector.model.checksum}
        detection = maps_path(options.output_dir, frame.name)
    headers = [
        primary_header(frame, deblender, tiling, identity_of(manifest), command),
        map_header(frame, deblender, output),
    ]
    tiles = even_tiles(frame.shape, options.maps.tile, deblender.size)
    name = frame.name
    files = SceneFiles(
        scene_table.path_of(options.output_dir, name),
        options.output_dir / f"{name}_{RESIDUAL}.fits",
        detection,
    )
    maps = GrowingMaps(files.maps, headers, len(tiles), frame.distortions)
    if maps.is_finished(manifest) and files.catalogue.is_file():
        maps.clean()
        print(f"{name}  {files.catalogue} is there, made by the same command", flush=True)
        return files
    is_new = not files.maps.exists() and not maps.folder.exists()
    if files.catalogue.exists() and is_new and not options.overwrite:
        raise UserError(
            f"`output_dir={options.output_dir}`: {files.catalogue.name}, of another command, is "
            "there; give another folder, or `overwrite=True`"
        )
    if detector is not None:
        detector.maps(frame, options, command)
    with maps.opened(manifest, options.overwrite) as done:
        sky = sky_planes.measure(frame, options.detection.background_box, options.output_dir)
        sizes = [tile.pixels for tile in tiles]
        progress = ProgressBar(name, sum(sizes), sum(sizes[:done]), unit="pixels")
        for number, tile in enumerate(tiles[done:], done):
            find = None if detector is None else functools.partial(detector.positions, detection)
            sources, facts, residual = _deblended(sky, tile, deblender, options, scale, find)
            np.savez(_part(maps, number), **sources.arrays(), **facts)
            maps.write(number, tile.inner, [np.moveaxis(residual, -1, 0)])
            progress.add(tile.pixels)
        progress.close()
        parts = [dict(np.load(_part(maps, number))) for number in range(len(tiles))]
        facts = {key: [part.pop(key).tolist() for part in parts] for key in ("mean_square", "stop")}
        sources = _once([SceneSources(**part) for part in parts])
        table = scene_table.make(frame, sources, band_names(frame, deblender), deblender.name)
        scenes = {"settings": manifest["settings"], "noise": sky.typical_noise, "tiles": facts}
        scene_table.write(table, files.catalogue, provenance | scenes)
        maps.finish()
    return files


def _settings(options: FrameOptions) -> dict[str, Any]:
    return {
        "threshold": options.detection.threshold,
        "min_area": options.detection.min_area,
        "background_box": options.detection.background_box,
        **dataclasses.asdict(options.scenes),
    }


def _part(maps: GrowingMaps, number: int) -> Path:
    return maps.folder / f"sources_{number}.npz"


def _deblended(
    sky: SkyPlanes,
    tile: Tile,
    deblender: Deblender,
    options: FrameOptions,
    scale: float,
    find: Callable[[Tile, np.ndarray], np.ndarray] | None,
) -> tuple[SceneSources, dict[str, Any], np.ndarray]:
    """Returns the sources of a tile in the units of the frame, facts, and the inner residual."""
    image, noise = (
        np.stack([plane.read(*tile.window) for plane in planes], axis=-1)
        for planes in (sky.flux, sky.noise)
    )
    positions = None
    if find is not None:
        positions = find(tile, significance(image, noise, np.isfinite(image).all(axis=-1)))
    scene = deblend_scene(
        scale * image,
        scale * noise,
        deblender,
        options.scenes,
        threshold=options.detection.threshold,
        min_area=options.detection.min_area,
        positions=positions,
    )
    sources = measure_sources(scene, scale * noise, options.scenes)
    rows, columns = tile.window
    sources = dataclasses.replace(
        sources,
        x=sources.x + columns.start,
        y=sources.y + rows.start,
        flux=sources.flux / scale,
        flux_err=sources.flux_err / scale,
    )
    own = np.ones(len(sources), bool)
    for place, inner, length in zip((sources.y, sources.x), tile.inner, sky.shape, strict=True):
        # What lies beyond the edges of the frame belongs to the tiles along them.
        own &= (place >= inner.start - 0.5) | (inner.start == 0)
        own &= (place < inner.stop - 0.5) | (inner.stop == length)
    facts = {"mean_square": scene.mean_square[[0, -1]], "stop": np.array(scene.stop)}
    return sources.chosen(own), facts, scene.residual[tile.inner_of_window] / scale


def _once(parts: Sequence[SceneSources]) -> SceneSources:
    """Returns the sources of all tiles, by row and column; of two at one place the brighter."""
    sources = SceneSources.joined(list(parts))
    tile = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    place = np.stack([sources.x, sources.y], axis=-1)
    keep = np.ones(len(sources), bool)
    for one, other in cKDTree(place).query_pairs(_SAME) if len(place) else ():
        if tile[one] != tile[other]:
            keep[one if sources.snr[one] < sources.snr[other] else other] = False
    order = np.flatnonzero(keep)
    order = order[np.lexsort([sources.x[order], np.rint(sources.y[order])])]
    return sources.chosen(order)
