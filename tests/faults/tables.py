"""Commands that write tables, and that are killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.faults.subject import Subject, digest
from tests.faults.trainings import Training
from tests.trainers import tiny

__all__ = ["Catalogue", "Frames", "Maps", "Prediction"]

# A dozen parts of the table.
_CUTOUTS = 12_000


class _OfRun(Subject):
    """A command that is given a finished run with its SavedModel."""

    def prepare(self, folder: Path) -> None:
        training = Training()
        training.pause, training.epochs = 0.0, 1
        if training.job(folder):
            raise RuntimeError("the training did not end")


class Catalogue(_OfRun):
    """`trainers.catalogue`: a table that is written atomically."""

    name, title = "catalogue", "catalogue (`trainers.catalogue`)"

    def job(self, folder: Path) -> int:
        from trainers import catalogue

        arguments = ["--run_dir", str(folder / "run"), "--batch_size", "8", "--overwrite"]
        with tiny.available():
            return catalogue.main([*arguments, "--output", str(folder / "table" / "a.fits")])

    def check(self, folder: Path) -> list[str]:
        return super().check(folder) + _wrong_rows(folder / "table" / "a.fits", 172)

    def result(self, folder: Path) -> dict[str, str]:
        return _of_table(folder / "table" / "a.fits")


class Prediction(_OfRun):
    """`trainers.predict`: many files, some of them broken, into a table."""

    name, title = "prediction", "prediction (`trainers.predict`)"

    def prepare(self, folder: Path) -> None:
        super().prepare(folder)
        random = np.random.default_rng(1)
        images = random.normal(size=(_CUTOUTS, *tiny.SHAPE)).astype(np.float32)
        images[[7, 250]] = np.nan
        (folder / "images").mkdir()
        for number in range(4):
            np.save(folder / "images" / f"{number}.npy", images[number::4])
        (folder / "images" / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00")

    def job(self, folder: Path) -> int:
        from trainers import predict

        output = folder / "table" / "a.parquet"
        arguments = ["--run_dir", str(folder / "run"), "--images", str(folder / "images")]
        status = predict.main([*arguments, "--output", str(output)])
        # Killed when all was done: the command then says that the table is there.
        done = output.exists() and not output.with_name("a.parquet.parts").exists()
        return 0 if status == 2 and done else status

    def check(self, folder: Path) -> list[str]:
        rows = _CUTOUTS - 2
        return super().check(folder / "table") + _wrong_rows(folder / "table" / "a.parquet", rows)

    def result(self, folder: Path) -> dict[str, str]:
        entries = sorted(path.name for path in (folder / "table").iterdir())
        return {
            "files": digest(entries),
            **_of_table(folder / "table" / "a.parquet"),
            "left out": digest(_columns(folder / "table" / "a_left_out.ecsv")),
        }


class Frames(Subject):
    """`trainers.frames`: catalogues, figures and a report of two frames."""

    name, title = "frames", "survey frames (`trainers.frames`)"

    def prepare(self, folder: Path) -> None:
        import zoo
        from tests.trainers.frames import command_test, sky

        model = zoo.create("blend_cnn", **command_test.BLENDS)
        command_test.write_run(folder / "run", model)
        for seed, name in enumerate("ab"):
            sky.write(folder / f"{name}.fits", sky.pixels(seed=seed), sky.coordinates())

    def job(self, folder: Path) -> int:
        from trainers.frames.__main__ import main

        frames = [str(folder / "a.fits"), str(folder / "b.fits")]
        arguments = ["--run_dir", str(folder / "run"), "--threshold", "3"]
        return main(["--frame", *frames, "--output_dir", str(folder / "out"), *arguments])

    def result(self, folder: Path) -> dict[str, str]:
        out = folder / "out"
        files = sorted(path for path in out.rglob("*") if path.is_file())
        held = {"files": digest([str(path.relative_to(out)) for path in files])}
        for path in files:
            # Matplotlib does not draw every line to the last bit the same.
            if path.suffix != ".png":
                held[path.name] = digest(_columns(path) if path.suffix == ".ecsv" else path)
        return held


class Maps(Subject):
    """`trainers.frames` with a model of pixels: FITS maps that grow tile by tile."""

    name, title = "maps", "maps of pixels (`trainers.frames`)"

    def prepare(self, folder: Path) -> None:
        import tensorflow as tf

        from tests.trainers.frames import sky
        from tests.trainers.frames.maps_test import Smoothing

        module = Smoothing()
        tf.saved_model.save(module, str(folder / "smoothing"), signatures=module.__call__)
        image = sky.pixels(shape=(420, 500))
        image[90:97, 60:63] = np.nan
        sky.write(folder / "a.fits", image, sky.coordinates())

    def job(self, folder: Path) -> int:
        from trainers.frames.__main__ import main

        model = ["--saved_model", str(folder / "smoothing"), "--output_dir", str(folder / "out")]
        return main(["--frame", str(folder / "a.fits"), *model])

    def check(self, folder: Path) -> list[str]:
        # What grows is no file that anyone reads.
        return [line for line in super().check(folder) if ".fits.parts/maps.fits" not in line]

    def result(self, folder: Path) -> dict[str, str]:
        from astropy.io import fits

        out = folder / "out"
        held = {"files": digest(sorted(str(one.relative_to(out)) for one in out.rglob("*")))}
        with fits.open(out / "a_maps.fits") as hdus:
            for hdu in hdus:
                header = {key: str(hdu.header[key]) for key in hdu.header if key != "DATE"}
                held[f"header {hdu.name}"] = digest(header)
                if hdu.data is not None:
                    held[f"map {hdu.name}"] = digest(np.asarray(hdu.data))
        held["metrics"] = digest(out / "metrics.json")
        return held


def _columns(path: Path) -> dict[str, str]:
    """Returns a digest of each column of a table; its metadata have the date."""
    from astropy.table import Table

    table = Table.read(path)
    return {name: digest(repr(np.asarray(table[name]).tolist())) for name in table.colnames}


def _of_table(path: Path) -> dict[str, str]:
    return {f"column {name}": value for name, value in _columns(path).items()}


def _wrong_rows(path: Path, rows: int, key: str = "id") -> list[str]:
    """Returns a line if a table is there and has not one row for each object."""
    from astropy.table import Table

    if not path.exists():
        return []
    names = np.asarray(Table.read(path)[key])
    if len(names) == rows and len(np.unique(names)) == rows:
        return []
    return [f"{path.name}: {len(names)} rows, {len(np.unique(names))} different, of {rows}"]
