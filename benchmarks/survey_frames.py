"""Catalogues of survey frames: memory, and the rate of the detection.

    python -m benchmarks survey_frames

Peak memory of `trainers.frames` on a frame beside that of one with a fourth of the pixels, and
megapixels/s of its detection in tiles beside SEP's on the frame in one piece, with the sky, both
with the second detection that counts the sources into which deblending splits each.
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks import machine, rounds, startup, table

__all__ = ["rows", "write_frame"]

_MODEL, _STAMP = "blend_cnn", (51, 51, 1)
_UNIT = 512  # px, of the field that is repeated
_SOURCES = 230  # in the field
_NOISE, _SKY = 2.0, 100.0


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields rows for memory and rate; of a smaller frame if it must be quick."""
    side = 4096 if quick else 12288
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large, small = (write_frame(folder / f"{n}.fits", n) for n in (side, side // 2))
        model = _exported(folder)
        peaks = [_peak(folder, model, frame) for frame in (large, small)]
        yield table.Row(
            f"peak memory of trainers.frames, {side} x {side} px",
            "MB",
            peaks[0],
            f"{side // 2} x {side // 2} px",
            peaks[1],
            (peaks[0] / peaks[1],),
        )
        timers = {"tiles": functools.partial(_tiled, small), "one": functools.partial(_one, small)}
        measured, quiet = rounds.take_turns(timers, 1 if quick else 3, machine.bystanders(), 60.0)
    yield table.compared(
        f"sources of {side // 2} x {side // 2} px in tiles of 1024 px",
        "megapixels/s",
        measured,
        ("tiles", "one"),
        "sep on the frame in one piece",
        quiet,
    )


def write_frame(path: Path, side: int) -> Path:
    """Writes a frame of Gaussian sources in noise, a strip at a time; returns its path.

    Args:
        path: The file.
        side: Height and width, px.
    """
    random = np.random.default_rng(1)
    y, x = np.mgrid[-20:21, -20:21]
    field = np.zeros((_UNIT, _UNIT), np.float32)
    for _ in range(_SOURCES):
        row, column = random.integers(20, _UNIT - 20, 2)
        width, flux = random.uniform(1.4, 4.0), min(60 * (random.pareto(1.1) + 1), 3e4)
        light = flux / (2 * np.pi * width**2) * np.exp(-0.5 * (x**2 + y**2) / width**2)
        field[row - 20 : row + 21, column - 20 : column + 21] += light
    cards = {"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": side, "NAXIS2": side}
    with fits.StreamingHDU(path, fits.Header(cards)) as stream:
        for start in range(0, side, _UNIT):
            rows = field[: min(_UNIT, side - start)]
            strip = np.tile(rows, (1, -(-side // _UNIT)))[:, :side] + _SKY
            stream.write(strip + _NOISE * random.standard_normal(strip.shape, np.float32))
    return path


def _exported(folder: Path) -> Path:
    import zoo
    from trainers.datasets.dataset import DatasetSpec
    from trainers.serving.serving_export import export

    model = zoo.create(_MODEL, image_shape=_STAMP)
    spec = DatasetSpec("benchmark", _STAMP, ("r",), None, "flux", model.class_names, None)
    return export(model, folder / "models", sample_inputs=np.ones((8, *_STAMP)), spec=spec)


def _peak(folder: Path, model: Path, frame: Path) -> float:
    where = ("--frame", frame, "--saved_model", model, "--output_dir", folder / frame.stem)
    return startup.used(("-m", "trainers.frames", *map(str, where)))[2]


def _tiled(path: Path) -> float:
    from trainers.frames import detection, frame_windows
    from trainers.frames.frame_files import FrameFiles

    begun = time.perf_counter()
    with frame_windows.opened(FrameFiles((path,))) as frame:
        detection.detect(frame, folder=path.parent, tile=1024)
        return frame.shape[0] * frame.shape[1] / 1e6 / (time.perf_counter() - begun)


def _one(path: Path) -> float:
    import sep

    from trainers.blends import sep_baseline

    begun = time.perf_counter()
    image = fits.getdata(path).astype(np.float32)
    sky = sep.Background(image)
    sky.subfrom(image)
    for contrast in (1.0, sep_baseline.DEBLEND_CONTRAST):
        sep_baseline.extract(image, sky.rms(), deblend_contrast=contrast, segmentation_map=True)
    return image.size / 1e6 / (time.perf_counter() - begun)
