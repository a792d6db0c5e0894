"""`trainers.predict` from files to table beside the bare model.

    python -m benchmarks prediction

Objects/s of the whole command in a process that has TensorFlow already: finding and reading the
files, the model, the parts and the table; beside the SavedModel's answers to batches in memory.
"""

from __future__ import annotations

import contextlib
import functools
import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks import machine, rounds, table
from benchmarks.images import SHAPE, sources
from benchmarks.workers import Worker

__all__ = ["Commands", "exported", "images", "rows"]

MODEL = "star_galaxy_cnn"
_BATCH = 64


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields a row for each kind of files; with fewer objects if it must be quick."""
    number = 1024 if quick else 2048
    with (
        tempfile.TemporaryDirectory() as folder,
        Worker("benchmarks.prediction", "Commands", folder, number) as worker,
    ):
        kinds = {"npy": "one npy file", "fits": f"{number} FITS files"}
        timers = {kind: functools.partial(worker.call, "speed", kind) for kind in kinds}
        timers["bare"] = functools.partial(worker.call, "bare_speed")
        for timer in timers.values():
            timer()
        measured, quiet = rounds.take_turns(timers, 3, machine.bystanders(worker), 60.0)
    for kind, files in kinds.items():
        yield table.compared(
            f"{MODEL}, {files} to Parquet",
            "objects/s",
            measured,
            (kind, "bare"),
            "the SavedModel on batches in memory",
            quiet,
        )


def exported(folder: Path) -> Path:
    """Makes a SavedModel below a folder and returns its own folder."""
    import zoo
    from trainers.datasets.dataset import DatasetSpec
    from trainers.serving.serving_export import export

    model = zoo.create(MODEL, image_shape=SHAPE)
    spec = DatasetSpec("benchmark", SHAPE, tuple("ugriz"), None, "flux", model.class_names, None)
    return export(model, folder / "models", sample_inputs=sources(8), spec=spec)


def images(path: Path, number: int) -> Path:
    """Writes images to an npy file and returns its path."""
    few = sources(min(number, 512))
    np.save(path, few[np.arange(number) % len(few)])
    return path


class Commands:
    """The command and the bare model in one process.

    Args:
        folder: Where files are written.
        number: Objects.
    """

    def __init__(self, folder: str, number: int):
        import tensorflow as tf

        self._folder, self._number = Path(folder), number
        self._model = exported(self._folder)
        self._inputs = {
            "npy": images(self._folder / "images.npy", number),
            "fits": self._folder / "fits",
        }
        self._inputs["fits"].mkdir()
        cubes = np.load(self._inputs["npy"])
        for index, cube in enumerate(cubes):
            bands_first = fits.PrimaryHDU(np.moveaxis(cube, -1, 0))
            bands_first.writeto(self._inputs["fits"] / f"{index:05d}.fits")
        self._batches = [tf.constant(cubes[i : i + _BATCH]) for i in range(0, number, _BATCH)]
        self._loaded = tf.saved_model.load(str(self._model))

    def speed(self, kind: str) -> float:
        """Returns objects/s of the command for files of a kind, "npy" or "fits"."""
        from trainers import predict

        output = self._folder / "out.parquet"
        options = {"saved_model": self._model, "images": self._inputs[kind], "output": output}
        arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        printed = io.StringIO()
        begun = time.perf_counter()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = predict.main([*arguments, "--overwrite"])
        seconds = time.perf_counter() - begun
        if status or not output.exists():
            raise RuntimeError(f"trainers.predict: {printed.getvalue()}")
        return self._number / seconds

    def bare_speed(self) -> float:
        """Returns objects/s of the SavedModel."""
        answer = self._loaded.signatures["serving_default"]
        begun = time.perf_counter()
        for batch in self._batches:
            answers = answer(image=batch)
        for value in answers.values():
            value.numpy()
        return self._number / (time.perf_counter() - begun)
