"""Predictions without the mean over symmetries, and models that have none."""

import contextlib
import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.table import Table

import zoo
from trainers import predict
from trainers.datasets.dataset import DatasetSpec
from trainers.serving.serving_export import export

_SHAPE = (12, 12, 2)
_SPEC = DatasetSpec("sky", _SHAPE, ("g", "r"), None, "counts", ("star", "galaxy"), None)
_IMAGES = np.random.default_rng(0).normal(1.0, 2.0, (20, *_SHAPE)).astype(np.float32)


class SingleViewTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())
        np.save(self.folder / "a.npy", _IMAGES)

    def _exported(self, **settings):
        model = zoo.create(
            "star_galaxy_cnn", image_shape=_SHAPE, filters=(4, 6), features=7, **settings
        )
        model.adapt(_IMAGES)
        return model, export(model, self.folder / "models", sample_inputs=_IMAGES[:8], spec=_SPEC)

    def _predict(self, folder, output, *options):
        words = ("--saved_model", folder, "--images", self.folder / "a.npy")
        words += ("--output", self.folder / output, *options)
        return predict.main([str(word) for word in words])

    def test_mean_and_single_view(self):
        model, folder = self._exported(average_symmetries=True)
        tables = {}
        for name, options in (("mean.fits", ()), ("single.fits", ("--single_view",))):
            self.assertEqual(self._predict(folder, name, *options), 0)
            tables[name] = Table.read(self.folder / name)["probability_galaxy"]
        self.assertAllClose(tables["mean.fits"], model(_IMAGES)["probability"][:, 1], atol=1e-5)
        single = model.single_view(_IMAGES)["probability"][:, 1]
        self.assertAllClose(tables["single.fits"], single, atol=1e-5)
        self.assertNotAllClose(*tables.values(), atol=1e-3)

    def test_a_model_without_a_mean(self):
        _, folder = self._exported()
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertNotEqual(self._predict(folder, "a.fits", "--single_view"), 0)
        self.assertIn("--single_view needs a signature 'single_view'", said.getvalue())
        self.assertFalse((self.folder / "a.fits").exists())
