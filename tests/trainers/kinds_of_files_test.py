"""The table of kinds of files in docs/datasets.md, cell by cell, on files of other libraries."""

import contextlib
import io
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tifffile
from absl.testing import parameterized
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from tests.trainers.hats_files import write_hats
from tests.trainers.serving import prediction_server
from tests.trainers.serving.served_models import ServedModels
from tests.zoo import tiny_model
from trainers import api, predict, serve_client
from trainers.datasets.dataset import DatasetSpec
from trainers.errors import UserError
from trainers.frames import frame_windows
from trainers.serving import server_files
from trainers.serving.serving_export import export

DOCUMENT = Path(__file__).parents[2] / "docs/datasets.md"
SHAPE = (8, 6, 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (12, *SHAPE)).astype(np.uint8)
CUBES = np.moveaxis(IMAGES, -1, 1)
NAMES = [f"object {number:02d}" for number in range(len(IMAGES))]
SPEC = DatasetSpec(
    "pictures", SHAPE, ("red", "green", "blue"), None, "counts (0-255)", ("star", "galaxy"), None
)


def _each(end, write):
    """Returns a writer of one file for each object."""

    def writer(folder):
        for name, image in zip(NAMES, IMAGES, strict=True):
            write(folder / f"{name}{end}", image)

    return writer


def _picture(end, **options):
    return _each(end, lambda path, image: Image.fromarray(image).save(path, **options))


def _cube(image):
    return np.moveaxis(image, -1, 0).astype(np.float32)


def _packed(path, image):
    fitsio = pytest.importorskip("fitsio")
    fitsio.write(str(path), _cube(image).astype(np.int32), compress="rice")


def _stamps(folder):
    fitsio = pytest.importorskip("fitsio")
    rows = np.zeros(len(IMAGES), [("id", "U9"), ("image", "f4", CUBES.shape[1:])])
    rows["id"], rows["image"] = NAMES, CUBES
    fitsio.write(str(folder / "stamps.fits"), rows)


def _extensions(folder):
    images = [fits.ImageHDU(cube, name=name) for cube, name in zip(CUBES, NAMES, strict=True)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(folder / "objects.fits")


def _hdf5(folder):
    with h5py.File(folder / "stamps.h5", "w") as file:
        file.create_dataset("image", data=IMAGES.astype(np.float32), compression="gzip")
        file["id"] = NAMES


def _npy(folder):
    np.save(folder / "stamps.npy", IMAGES.astype(np.float64))


def _npz(folder):
    np.savez_compressed(folder / "stamps.npz", image=IMAGES, id=NAMES)


def _lists(folder):
    frame = pd.DataFrame({"id": NAMES, "image": [image.tolist() for image in IMAGES]})
    frame.to_parquet(folder / "stamps.parquet")


def _tensors(folder):
    images = pa.FixedShapeTensorArray.from_numpy_ndarray(IMAGES.astype(np.float32))
    pq.write_table(pa.table({"id": NAMES, "image": images}), folder / "stamps.parquet")


def _hugging_face(folder):
    """As `datasets.Image` is stored."""
    contents = []
    for image in IMAGES:
        memory = io.BytesIO()
        Image.fromarray(image).save(memory, "PNG")
        contents.append({"bytes": memory.getvalue(), "path": None})
    pq.write_table(pa.table({"image": contents, "id": NAMES}), folder / "train-00000.parquet")


def _multimodal_universe(folder):
    """As the Multimodal Universe stores bands: a structure of lists."""
    images = [
        {"band": ["g", "r", "z"], "flux": cube.tolist(), "scale": [0.262] * 3} for cube in CUBES
    ]
    pq.write_table(pa.table({"image": images, "id": NAMES}), folder / "train-00000.parquet")


def _hats(folder):
    """A collection as LSDB writes it, but that the bands are a list of structures."""
    bands = [
        [{"band": name, "flux": flux.tolist()} for name, flux in zip("grz", cube, strict=True)]
        for cube in CUBES
    ]
    table = pa.table({"id": NAMES, "image": bands})
    write_hats(folder, [table[:5], table[5:]])


def _records(folder):
    records = np.empty(len(IMAGES), [("image", object), ("label", int)])
    records["image"] = list(CUBES)
    np.save(folder / "records.npy", records, allow_pickle=True)


KINDS = {
    "FITS image or cube for each object": _each(
        ".fits", lambda path, image: fits.writeto(path, _cube(image))
    ),
    "the same, packed: `.fits.fz`, `.fits.gz`, `.fits.bz2`": _each(".fits.fz", _packed),
    "FITS image extensions, an object each": _extensions,
    "FITS table with a column of images": _stamps,
    "HDF5": _hdf5,
    "npy": _npy,
    "npz": _npz,
    "Parquet: nested lists": _lists,
    "Parquet: tensors": _tensors,
    "Parquet: pictures of Hugging Face `datasets`": _hugging_face,
    "Parquet: bands of the Multimodal Universe": _multimodal_universe,
    "HATS catalogue with a column of images": _hats,
    "TIFF": _each(".tif", lambda path, image: tifffile.imwrite(path, image.astype(np.float32))),
    "PNG": _picture(".png"),
    "JPEG": _picture(".jpg", quality=95),
    "WebP": _picture(".webp", lossless=True),
    "npy record arrays with Python objects": _records,
}


def documented():
    """Returns the cells of the table by kind of file."""
    lines = DOCUMENT.read_text().split("| kind of file |")[1].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[2:]]
    table = [row for row in rows if len(row) == 5]
    return {row[0]: tuple(cell.startswith("yes") for cell in row[1:]) for row in table}


class KindsOfFilesTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(tiny_model.registered())
        cls.served = Path(tempfile.mkdtemp(prefix="kinds"))
        cls.addClassCleanup(shutil.rmtree, cls.served)
        model = tiny_model.TinyModel(image_shape=SHAPE, class_names=SPEC.class_names)
        cls.model = export(model, cls.served, sample_inputs=IMAGES, spec=SPEC)
        cls.bare = tf.saved_model.load(str(cls.model)).signatures["serving_default"]
        models = ServedModels(cls.served / server_files.MODELS_CONFIG)
        cls.address, _ = cls.enterClassContext(prediction_server.serve(models))

    def table(self, command, folder, *options):
        output = folder.parent / f"{folder.name}.parquet"
        words = ["--images", folder, "--output", output, "--overwrite", *options]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            if command.main([str(word) for word in words]):
                return None
        return Table.read(output)

    def has_answers(self, table, images):
        if table is None:
            return False
        expected = self.bare(image=tf.constant(images, tf.float32))["probability"][:, 0]
        self.assertAllClose(np.asarray(table["probability_star"]), expected, 1e-4, 1e-5)
        return True

    def is_dataset(self, folder, ids, images):
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                dataset = api.read_cutouts(folder)
        except UserError as error:
            self.assertNotIn("\n", str(error))
            return False
        self.assertEqual(sum(dataset.num_examples.values()), len(images))
        for split in dataset.num_examples:
            arrays = dataset.arrays(split)
            rows = [ids.index(name) for name in arrays["id"]]
            self.assertAllEqual(arrays["image"], images[rows])
        return True

    def is_frame(self, path, image):
        try:
            with frame_windows.opened(frame_windows.FrameFiles((path,))) as frame:
                pixels = frame.read(*(slice(0, side) for side in frame.shape))
        except UserError as error:
            self.assertNotIn("\n", str(error))
            self.assertIn(str(path), str(error))
            return False
        self.assertAllEqual(np.reshape(pixels, image.shape), image)
        return True

    @parameterized.parameters(*KINDS)
    def test_cells(self, kind):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "files"
        folder.mkdir()
        KINDS[kind](folder)
        files = sorted(path for path in folder.rglob("*.*") if path.is_file())
        images = IMAGES
        if kind == "JPEG":
            images = np.stack([np.asarray(Image.open(path)) for path in files])
        predicted = self.table(predict, folder, "--saved_model", self.model)
        asked = self.table(serve_client, folder, "--server", self.address, "--model", "tiny")
        ids = [] if predicted is None else list(predicted["id"])
        if ids and len(files) == 1 and kind not in ("npy", "FITS image extensions, an object each"):
            self.assertEqual(ids, NAMES)
        cells = (
            self.is_dataset(folder, ids, images),
            self.has_answers(predicted, images),
            self.has_answers(asked, images),
            self.is_frame(files[0], IMAGES[0]),
        )
        self.assertEqual(cells, documented()[kind])

    def test_each_row_of_the_page_is_tested(self):
        self.assertEqual(list(documented()), list(KINDS))


if __name__ == "__main__":
    tf.test.main()
