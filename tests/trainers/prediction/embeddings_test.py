import contextlib
import io
import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from absl.testing import parameterized
from astropy.io import fits
from astropy.table import Table

import zoo
from trainers import catalogue, predict
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.serving.serving_export import export

SHAPE = (12, 12, 2)
SPEC = DatasetSpec("sky", SHAPE, ("g", "r"), None, "counts", ("star", "galaxy"), None)
IMAGES = np.random.default_rng(0).normal(1.0, 2.0, (50, *SHAPE)).astype(np.float32)
LENGTHS = {"star_galaxy_cnn": 7, "vae": 3}


def make(name):
    settings = {"star_galaxy_cnn": {"features": 7}, "vae": {"latent_dim": 3}}[name]
    if name == "star_galaxy_cnn":
        settings["class_names"] = SPEC.class_names
    model = zoo.create(name, image_shape=SHAPE, filters=(4, 6), **settings)
    model.adapt(IMAGES)
    return model


class EmbeddingsTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(tempfile.mkdtemp(prefix="embeddings"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        np.save(cls.folder / "a.npy", IMAGES)
        cls.models = {name: make(name) for name in LENGTHS}
        cls.exported = {
            name: export(model, cls.folder / "models", sample_inputs=IMAGES[:8], spec=SPEC)
            for name, model in cls.models.items()
        }

    def predict(self, folder, output, *options):
        words = ("--saved_model", folder, "--images", self.folder / "a.npy", "--embeddings")
        words += ("--output", self.folder / output, "--batch_size", 16, *options)
        return predict.main([str(word) for word in words])

    @parameterized.parameters(*LENGTHS)
    def test_prediction_and_catalogue_have_the_same_bits(self, name):
        ids = np.array([f"a.npy[{row}]" for row in range(len(IMAGES))])
        arrays = {"train": {"image": IMAGES, "id": ids}}
        dataset = InMemoryDataset(SPEC, arrays)
        made = catalogue.make(self.models[name], dataset, ("train",), 16, embeddings=True)
        for end in (".parquet",) if name == "vae" else (".parquet", ".fits", ".ecsv"):
            self.assertEqual(self.predict(self.exported[name], f"{name}{end}"), 0)
            table = Table.read(self.folder / f"{name}{end}")
            self.assertEqual(list(table["id"]), list(made["id"]))
            self.assertAllEqual(np.asarray(table["embedding"]), np.asarray(made["embedding"]))
            self.assertEqual(table["embedding"].description, made["embedding"].description)
        kind = pq.read_schema(self.folder / f"{name}.parquet").field("embedding").type
        self.assertEqual(kind, pa.list_(pa.float32(), LENGTHS[name]))
        if name != "vae":
            with fits.open(self.folder / f"{name}.fits") as file:
                self.assertEqual(file[1].columns["embedding"].format, f"{LENGTHS[name]}E")

    def test_without_the_option_there_is_no_such_column(self):
        words = ("--saved_model", self.exported["vae"], "--images", self.folder / "a.npy")
        self.assertEqual(predict.main([*map(str, words), "--output", f"{self.folder}/b.fits"]), 0)
        self.assertNotIn("embedding", Table.read(self.folder / "b.fits").colnames)

    def refused(self, folder, output):
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            self.assertEqual(self.predict(folder, output), 2)
        (line,) = printed.getvalue().splitlines()
        return line

    def test_one_line_says_what_is_lacking(self):
        line = self.refused(self.exported["vae"], "c.csv")
        self.assertIn("--embeddings needs an --output with vectors", line)
        # As an export of an earlier version.
        served = self.models["vae"].signatures()["serving_default"]
        archive = keras.export.ExportArchive()
        archive.add_endpoint("serving_default", served.function, list(served.inputs))
        archive.write_out(str(self.folder / "old"), verbose=False)
        line = self.refused(self.folder / "old", "d.parquet")
        self.assertIn("python -m trainers.export --run_dir RUN", line)
        self.assertIn(f"{self.folder}/old", line)
        self.assertFalse((self.folder / "d.parquet.parts").exists())


if __name__ == "__main__":
    tf.test.main()
