"""Readers of external files under fuzzing: no crash, no hang, no code execution."""

import contextlib
import dataclasses
import io
import json
import pickle
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
import tifffile
from astropy.io import fits
from astropy.table import Table
from etils import epath
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz import damage
from tests.trainers import tiny
from tests.trainers.frames import sky
from tfds_builders.galaxy_zoo_decals import images as zipped
from tfds_builders.left_out import LeftOut as RowsLeftOut
from tfds_builders.sdss_star_galaxy import frames as sdss_frames
from tfds_builders.sdss_star_galaxy.record_arrays import read_records
from tfds_builders.simulation import cosmos_tables, fits_images
from trainers.cutouts import picture_files, reading
from trainers.cutouts.cutout import Cutout, LeftOut, Wanted
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.runs import run_folder
from trainers.training.checkpoints import Checkpoints, TrainingProgress
from trainers.training.feature_cache import FeatureFiles

_IMAGES = np.random.default_rng(0).normal(size=(3, 6, 5, 2)).astype(np.float32)
_PICTURE = (40 * (3 + _IMAGES[..., :1])).astype(np.uint8).repeat(3, axis=-1)


class FuzzCase(tf.test.TestCase):
    """A folder for each test, and the memory that all of them may take."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        before = damage.peak_memory()
        self.addCleanup(lambda: self.assertLess(damage.peak_memory() - before, damage.MOST_MEMORY))

    def search(self, name, whole, read, allowed=(), examples=30):
        """Gives damaged files to a reader, which may raise some errors, of one line each."""
        path = self.folder / name

        def check(data):
            path.write_bytes(data)
            try:
                with contextlib.redirect_stderr(io.StringIO()):
                    read(path)
            except allowed as error:
                self.assertNotIn("\n", str(error))
                self.assertTrue(str(error))

        path.write_bytes(whole)
        read(path)  # The whole file can be read.
        damage.search(damage.files(whole), check, examples)


class CutoutsTest(FuzzCase):
    """`trainers.predict`: every entry is a cutout, or is left out for a reason."""

    def read(self, path, shape=_IMAGES.shape[1:]):
        for entry in reading.read([path], shape):
            if isinstance(entry, Cutout):
                self.assertEqual(entry.image.shape, shape)
                self.assertTrue(np.isfinite(entry.image).all())
            else:
                self.assertIsInstance(entry, LeftOut)
                self.assertTrue(entry.reason)
                self.assertNotIn("\n", entry.reason)

    def written(self, name, write):
        path = self.folder / name
        write(path)
        return path.read_bytes()

    def test_fits(self):
        cube = np.moveaxis(_IMAGES[0], -1, 0)
        packed = fits.CompImageHDU(cube, compression_type="RICE_1", quantize_level=0)
        table = Table({"id": ["a", "b", "c"], "image": _IMAGES})
        for name, write in (
            ("a.fits", lambda path: fits.writeto(path, cube)),
            ("a.fits.gz", lambda path: fits.writeto(path, cube)),
            ("a.fits.fz", lambda path: fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path)),
            ("t.fits", table.write),
            ("t.fits.gz", table.write),
        ):
            with self.subTest(name):
                self.search(name, self.written(name, write), self.read)

    def test_arrays(self):
        names = np.array(["a", "b", "c"])
        for name, write in (
            ("a.npy", lambda path: np.save(path, _IMAGES)),
            ("f.npy", lambda path: np.save(path, np.asfortranarray(_IMAGES))),
            ("a.npz", lambda path: np.savez(path, image=_IMAGES, id=names)),
            ("c.npz", lambda path: np.savez_compressed(path, image=_IMAGES, id=names)),
        ):
            with self.subTest(name):
                self.search(name, self.written(name, write), self.read)

    def test_tiff(self):
        pixels = np.moveaxis(_IMAGES[0], -1, 0)
        for name, write in (
            ("a.tif", lambda path: tifffile.imwrite(path, pixels)),
            ("z.tif", lambda path: tifffile.imwrite(path, pixels, compression="zlib")),
            ("s.tif", lambda path: tifffile.imwrite(path, pixels, planarconfig="separate")),
        ):
            with self.subTest(name):
                self.search(name, self.written(name, write), self.read)

    def test_hdf5(self):
        def write(path):
            with h5py.File(path, "w") as file:
                file.create_dataset("image", data=_IMAGES, chunks=True, compression="gzip")
                file["id"] = np.array([b"a", b"b", b"c"])

        self.search("a.h5", self.written("a.h5", write), self.read, examples=60)

    def test_parquet(self):
        stream = io.BytesIO()
        Image.fromarray(_PICTURE[0]).save(stream, "PNG")
        columns = {
            "lists": _IMAGES.tolist(),
            "flat": [image.ravel().tolist() for image in _IMAGES],
            "bytes": [stream.getvalue()] * 3,
        }
        for name, values in columns.items():
            table = pa.table({"id": ["a", "b", "c"], "image": values})
            whole = self.written("a.parquet", lambda path, table=table: pq.write_table(table, path))
            shape = _PICTURE.shape[1:] if name == "bytes" else _IMAGES.shape[1:]
            with self.subTest(name):
                self.search("a.parquet", whole, lambda path, s=shape: self.read(path, s))

    def test_pictures(self):
        for name in ("a.png", "a.jpg"):
            whole = self.written(name, Image.fromarray(_PICTURE[0]).save)

            def read(path):
                self.read(path, _PICTURE.shape[1:])
                entry = picture_files.decode(path, Wanted((None, None, 3)))
                if isinstance(entry, str):
                    self.assertNotIn("\n", entry)

            with self.subTest(name):
                self.search(name, whole, read)


class SourcesTest(FuzzCase):
    """Files of dataset builders: an error of one line that names the file, or the rows."""

    def test_record_arrays(self):
        kinds = [("objID", "O"), ("image", "f4", (2, 3, 3)), ("z", "f8")]
        records = np.zeros(3, kinds)
        records["objID"] = ["a", "b", "c"]
        for name, array in (("o.npy", records), ("n.npy", records[["image", "z"]])):
            np.save(self.folder / name, array, allow_pickle=True)
            whole = (self.folder / name).read_bytes()
            with self.subTest(name):
                read = lambda path: read_records(epath.Path(path))  # noqa: E731
                self.search(name, whole, read, ValueError, examples=100)

    def test_no_pickle_runs(self):
        mark = self.folder / "ran"
        header = io.BytesIO()
        description = {"descr": [("image", "|O")], "fortran_order": False, "shape": (1,)}
        np.lib.format.write_array_header_1_0(header, description)
        for protocol in range(6):
            for function, arguments in (
                (eval, (f"open({str(mark)!r}, 'w')",)),
                (Path.touch, (mark,)),
                (np.load, (str(mark),)),
            ):
                data = header.getvalue() + pickle.dumps(_Calls(function, arguments), protocol)
                for name in ("a.npy", "b.npz"):
                    path = self.folder / name
                    path.write_bytes(data)
                    if name.endswith("z"):
                        with zipfile.ZipFile(path, "w") as archive:
                            archive.writestr("image.npy", data)
                    (entry,) = reading.read([path], (3, 3, 2))
                    self.assertIsInstance(entry, LeftOut)
                (self.folder / "a.npy").write_bytes(data)
                with self.assertRaisesRegex(ValueError, "holds a Python object|not a .npy file"):
                    read_records(epath.Path(self.folder / "a.npy"))
        self.assertFalse(mark.exists())

    def test_sdss_frames(self):
        sky.write(self.folder / "f.fits", np.zeros((8, 9), np.float32))
        hdu = fits.PrimaryHDU(np.zeros((8, 9), np.float32), sky.coordinates().to_header())
        hdu.writeto(self.folder / "f.fits", overwrite=True)
        whole = (self.folder / "f.fits").read_bytes()
        read = lambda path: sdss_frames._read_frame(epath.Path(path))  # noqa: E731
        self.search("f.fits", whole, read, ValueError)

    def test_tables_of_text(self):
        text = (
            b"objID,ra,dec,class,z,run,rerun,camcol,field\n"
            b"1,10.5,-1.25,GALAXY,0.1,94,301,1,11\n2,11.5,-1.25,STAR,0.0,94,301,1,12\n"
        )
        errors = (ValueError, FileNotFoundError)
        for on_error in ("raise", "skip"):
            read = lambda path, how=on_error: sdss_frames.read_tables(  # noqa: E731
                epath.Path(path.parent), RowsLeftOut(how)
            )
            self.search("t.csv", text, read, errors)

    def test_zipped_images(self):
        stream = io.BytesIO()
        Image.fromarray(_PICTURE[0, :5, :5]).save(stream, "PNG")
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            with zipfile.ZipFile(self.folder / "a.zip", "w", method) as archive:
                archive.writestr("part/J1.png", stream.getvalue())
            whole = (self.folder / "a.zip").read_bytes()

            def read(path):
                zipped._archive.cache_clear()
                for image in zipped.find_images([epath.Path(path)]).values():
                    zipped.picture(image.read(), 0.8, 4)

            self.search("a.zip", whole, read, ValueError, examples=60)

    def test_cosmos(self):
        rows = Table({"IDENT": [1, 2], "MAG": [20.0, 21.0], "GAL_FILENAME": ["a.fits", "b.fits"]})
        rows.write(self.folder / "c.fits")
        whole = (self.folder / "c.fits").read_bytes()
        read = lambda path: cosmos_tables.read_table(epath.Path(path), ("MAG",))  # noqa: E731
        self.search("c.fits", whole, read, ValueError)
        images = [fits.PrimaryHDU(_IMAGES[0, ..., 0]), fits.ImageHDU(_IMAGES[1, ..., 0])]
        fits.HDUList(images).writeto(self.folder / "i.fits")

        def read_image(path):
            fits_images._places.cache_clear()
            fits_images.read_image(str(path), 1)

        self.search("i.fits", (self.folder / "i.fits").read_bytes(), read_image, ValueError)


class RunsTest(FuzzCase):
    """Files of earlier commands, and survey frames."""

    def test_survey_frames(self):
        sky.write(self.folder / "f.fits", sky.pixels(shape=(8, 9)), sky.coordinates())
        whole = (self.folder / "f.fits").read_bytes()

        def read(path):
            with sky.opened(path) as frame:
                frame.read(*(slice(0, length) for length in frame.shape))

        self.search("f.fits", whole, read, UserError)

    def test_configurations(self):
        good = dataclasses.asdict(RunConfig(model="tiny", dataset=tiny.DATASET))
        folder = run_folder.RunFolder(self.folder)

        def check(value):
            folder.config.write_text(value if isinstance(value, str) else json.dumps(value))
            try:
                self.assertIsInstance(run_folder.load_config(self.folder), RunConfig)
            except UserError as error:
                self.assertNotIn("\n", str(error))

        check(good)
        check({**good, "classes": [None]})
        leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
        json_values = st.recursive(
            leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
        )
        changed = st.dictionaries(st.sampled_from(sorted(good)), json_values, max_size=3)
        values = json_values | changed.map(lambda new: {**good, **new}) | st.text()
        damage.search(values, check, 60)

    def test_models(self):
        with tiny.registered():
            model = tiny.Tiny(class_names=("small", "large"))
            model(np.zeros((1, *tiny.SHAPE), np.float32))
            model.save(self.folder / "model.keras")
            config = RunConfig(model="tiny", dataset=tiny.DATASET)
            (self.folder / "config.json").write_text(json.dumps(config.as_dict()))
            whole = (self.folder / "model.keras").read_bytes()
            read = lambda path: run_folder.load_model(path.parent)  # noqa: E731
            self.search("model.keras", whole, read, UserError, examples=12)

    def test_checkpoints(self):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        model.compile(optimizer=keras.optimizers.SGD(0.1))
        model.optimizer.build(model.trainable_variables)
        Checkpoints(self.folder).save("last", model, TrainingProgress(epoch=1))
        whole = (self.folder / "last.npz").read_bytes()
        read = lambda path: Checkpoints(path.parent).restore("last", model)  # noqa: E731
        self.search("last.npz", whole, read, UserError, examples=60)

    def test_features(self):
        """Files that are not whole are made again, so that they only must be recognised."""
        files = FeatureFiles(self.folder, 3)
        np.save(self.folder / "features.npy", _IMAGES[:, 0, :, 0])
        whole = (self.folder / "features.npy").read_bytes()

        def read(_):
            if files.is_whole:
                files.array()

        self.search("features.npy", whole, read, examples=60)


class _Calls:
    def __init__(self, function, arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


if __name__ == "__main__":
    tf.test.main()
