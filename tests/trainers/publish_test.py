"""A run becomes a named set: published, loaded by its name, and checked."""

import contextlib
import io
import json
import os
import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image

import zoo
from trainers import publish, run
from trainers.publication import check as checks
from trainers.publication import entry
from trainers.runs.run_folder import load_model
from zoo.weights import named_weights

_TERMS = ["--data_licence", "CC0", "--data_citation", "Nobody 2020"]


class PublishTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.run_dir = cls.folder / "run"
        random = np.random.default_rng(0)
        for name, level in (("dark", 60), ("light", 150)):
            (cls.folder / "images" / name).mkdir(parents=True)
            for number in range(40):
                pixels = random.normal(level, 40, (16, 16)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(cls.folder / "images" / name / f"{number}.png")
        options = ["--model", "star_galaxy_cnn", "--dataset", "image_folder", "--epochs", "2"]
        options += ["--data_dir", str(cls.folder / "images"), "--evaluators", "roc"]
        options += ["--run_dir", str(cls.run_dir), "--hp", "filters=8,16"]
        with contextlib.redirect_stdout(io.StringIO()):
            status = run.main([*options, "--saved_models_dir", str(cls.folder / "saved_models")])
        if status:
            raise RuntimeError("the run that is to be published failed")

    def publish(self, name, *options):
        """Returns status, output and errors of the command."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = publish.main(
                ["--run_dir", str(self.run_dir), "--name", name, *_TERMS, *options]
            )
        return status, out.getvalue(), errors.getvalue()

    def test_entry(self):
        weights = self.folder / "weights"
        status, out, errors = self.publish("star_galaxy_cnn/mine", "--weights_dir", str(weights))
        self.assertEqual(status, 0, errors)
        self.assertIn("in half precision", out)
        self.assertIn("largest difference of an output", out)
        images = np.random.default_rng(1).uniform(0, 255, (5, 16, 16, 1)).astype(np.float32)
        expected = load_model(self.run_dir)(images)["probability"]
        with mock.patch.dict(os.environ, {named_weights.SOURCE_VARIABLE: str(weights)}):
            self.assertIn("star_galaxy_cnn/mine", zoo.list_weights())
            manifest = named_weights.describe("star_galaxy_cnn/mine")
            model = zoo.load("star_galaxy_cnn/mine")
        self.assertAllClose(model(images)["probability"], expected, atol=2e-3)
        self.assertEmpty(checks.differences(model, manifest, str(self.folder / "images")))

        metrics = json.loads((self.run_dir / "metrics.json").read_text())
        self.assertAllClose(manifest.scores["roc"]["auc"], metrics["roc"]["auc"], rtol=1e-5)
        self.assertNotIn("training", manifest.scores)
        self.assertEqual(manifest.data.name, "images")
        self.assertEqual(manifest.data.class_names, ("dark", "light"))
        self.assertEqual(manifest.data.licence, "CC0")
        self.assertEqual(manifest.file.precision, "float16")
        self.assertBetween(manifest.file.largest_difference, 0, 0.01)
        self.assertIn("--data_dir images --hp", manifest.command)
        self.assertNotIn(str(self.folder), manifest.path.read_text())

    def test_single_precision_where_half_changes_a_score(self):
        weights = self.folder / "single"
        with mock.patch.object(checks, "_LOSS_TOLERANCE", 1e-12):
            status, out, errors = self.publish(
                "star_galaxy_cnn/exact", "--weights_dir", str(weights)
            )
        self.assertEqual(status, 0, errors)
        self.assertIn("stored in single precision", out)
        images = np.random.default_rng(1).uniform(0, 255, (5, 16, 16, 1)).astype(np.float32)
        expected = load_model(self.run_dir)(images)["probability"]
        with mock.patch.dict(os.environ, {named_weights.SOURCE_VARIABLE: str(weights)}):
            self.assertEqual(
                named_weights.describe("star_galaxy_cnn/exact").file.largest_difference, 0
            )
            model = zoo.load("star_galaxy_cnn/exact")
        self.assertAllEqual(model(images)["probability"], expected)

    def test_large_files_do_not_come_into_the_package(self):
        with mock.patch.object(entry, "LARGEST_PACKAGED", 1000):
            package = self.folder / "package"
            with mock.patch.object(entry, "FILES", package.resolve()):
                options = ["--weights_dir", str(package)]
                status, _, errors = self.publish("star_galaxy_cnn/large", *options)
                self.assertEqual(status, 2)
                self.assertIn("--large_files_dir is needed", errors)
                self.assertFalse(package.exists())
                mirror = self.folder / "mirror"
                options += ["--large_files_dir", str(mirror)]
                status, _, errors = self.publish("star_galaxy_cnn/large", *options)
        self.assertEqual(status, 0, errors)
        self.assertTrue((mirror / "star_galaxy_cnn" / "large.keras").exists())
        self.assertEqual(
            [path.name for path in package.rglob("*") if path.is_file()], ["large.json"]
        )

    def test_mistakes(self):
        for name, options, message in (
            ("vae/mine", [], "--name must begin with the model of the run, star_galaxy_cnn/"),
            ("star_galaxy_cnn", [], "--name must be MODEL/NAME"),
            ("star_galaxy_cnn/Mine", [], "lower-case letters"),
            ("star_galaxy_cnn/mine", ["--check_number", "0"], "--check_number must be at least 1"),
            (
                "star_galaxy_cnn/mine",
                ["--run_dir", "nowhere"],
                "nowhere is not the folder",
            ),
        ):
            with self.subTest(message):
                status, _, errors = self.publish(name, *options)
                self.assertEqual(status, 2)
                self.assertIn(message, errors)
                self.assertEqual(errors.count("\n"), 1)


if __name__ == "__main__":
    tf.test.main()
