"""Trainings that start from the weights of a trained model."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

import zoo
from tests.trainers import tiny
from trainers.cli.run_options import parse_run
from trainers.errors import UserError
from trainers.runs.run_folder import load_model, training_data
from trainers.training.initial_weights import start_from

_CNN = {"image_shape": tiny.SHAPE, "filters": (4,), "features": 6, "class_names": ("a", "b")}


class InitialWeightsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.path = self.folder / "trained.keras"
        self.trained = zoo.create("star_galaxy_cnn", **_CNN, seed=1)
        self.trained.adapt(tiny.TinyDataset().arrays("train")["image"])
        self.trained.save(self.path)

    def test_all_weights_are_taken(self):
        model = zoo.create("star_galaxy_cnn", **_CNN, seed=2, dropout=0.1)
        start_from(model, str(self.path))
        for one, other in zip(model.variables, self.trained.variables, strict=True):
            self.assertAllEqual(one, other)

    def test_another_model_is_refused(self):
        for changes, message in (
            ({"features": 7}, r"must have the features \[7\]; it has \[6\]"),
            ({"class_names": ("b", "a")}, r"the classes \['b', 'a'\]; it has \['a', 'b'\]"),
            ({"preprocessing": "standardize"}, "must have the preprocessing"),
            ({"image_shape": (8, 8, 3)}, "must have the image_shape"),
        ):
            with self.subTest(message), self.assertRaisesRegex(UserError, message):
                start_from(zoo.create("star_galaxy_cnn", **{**_CNN, **changes}), str(self.path))
        vae = zoo.create("vae", image_shape=tiny.SHAPE, filters=(4,), latent_dim=2)
        with self.assertRaisesRegex(UserError, "must be of model 'vae'; it is of 'star_galaxy_cnn"):
            start_from(vae, str(self.path))
        with self.assertRaisesRegex(UserError, "`init`: there is no file or folder nowhere"):
            start_from(vae, "nowhere")

    def test_second_stage_of_other_bands_is_refused(self):
        own = {"image_shape": (16, 16, 3), "filters": (4,), "latent_dim": 2}
        path = self.folder / "deblending.keras"
        zoo.create("deblending_vae", **own).save(path)
        second = own | {"isolated_steps": 0}
        model = zoo.create("deblending_vae", **second | {"image_shape": (16, 16, 2)})
        message = r"must have the image_shape, isolated_steps \[\[16, 16, 2\], 0\]; it has .*16, 3"
        with self.assertRaisesRegex(UserError, message):
            start_from(model, str(path))
        start_from(zoo.create("deblending_vae", **second), str(path))

    def run_here(self, name, *options):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = tiny.command(
                [
                    *("--model", "star_galaxy_cnn", "--dataset", tiny.DATASET, "--evaluators"),
                    *("history", "--batch_size", "32", "--hp", "filters=4,", "features=6"),
                    *("--run_dir", str(self.folder / name), "--learning_rate", "1e-3"),
                    *("--saved_models_dir", str(self.folder / "saved_models"), *options),
                ]
            )
        return status, out.getvalue()

    def test_run_starts_there_and_goes_on_without_it(self):
        status, out = self.run_here("first", "--epochs", "12", "--learning_rate", "0.02")
        self.assertEqual(status, 0, out)
        first = self.folder / "first"
        loss = json.loads((first / "metrics.json").read_text())["training"]["best_validation_loss"]
        record = json.loads((first / "data.json").read_text())
        self.assertNotIn("not like those of the training", out)
        record["dataset"]["bands"] = ["i", "z"]
        (first / "data.json").write_text(json.dumps(record))
        status, out = self.run_here("second", "--epochs", "1", "--init", str(first))
        self.assertEqual(status, 0, out)
        self.assertIn("not like those of the training: bands g r, trained on i z", out)
        training = json.loads((self.folder / "second/metrics.json").read_text())["training"]
        self.assertLess(training["best_validation_loss"], 1.1 * loss)
        status, out = self.run_here("random", "--epochs", "1")
        self.assertEqual(status, 0, out)
        training = json.loads((self.folder / "random/metrics.json").read_text())["training"]
        self.assertGreater(training["best_validation_loss"], 2 * loss)
        # The statistics of the preprocessing are those of the start.
        scaled = load_model(self.folder / "second").preprocessing.weights
        for one, other in zip(scaled, load_model(first).preprocessing.weights, strict=True):
            self.assertAllEqual(one, other)

        before = str(first)
        shutil.move(first, self.folder / "moved")
        status, out = self.run_here("second", "--epochs", "2", "--init", before)
        self.assertEqual(status, 0, out)
        status, out = self.run_here("third", "--epochs", "1", "--init", before)
        self.assertEqual(status, 2)
        self.assertIn("--init: there is no file or folder", out)

    def test_path_is_absolute_and_a_name_stays(self):
        here = os.getcwd()
        os.chdir(self.folder)
        try:
            config = parse_run(["--model", "star_galaxy_cnn", "--init", "trained.keras"])
            self.assertEqual(pathlib.Path(config.init), pathlib.Path.cwd() / "trained.keras")
        finally:
            os.chdir(here)
        config = parse_run(["--model", "vae", "--init", "vae/sdss_simulated"])
        self.assertEqual(config.init, "vae/sdss_simulated")

    def test_named_weights(self):
        hp = parse_run(["--model", "vae"]).hp
        model = zoo.create("vae", image_shape=(64, 64, 5), class_names=("star", "galaxy"), **hp)
        start_from(model, "vae/sdss_simulated")
        self.assertEqual(training_data("vae/sdss_simulated")["bands"], [*"ugriz"])
        self.assertEqual(training_data("vae.keras"), {})
        images = np.random.default_rng(0).normal(size=(2, 64, 64, 5)).astype(np.float32)
        self.assertAllEqual(
            model(images)["latent_mean"],
            zoo.load("vae/sdss_simulated")(images)["latent_mean"],
        )


if __name__ == "__main__":
    tf.test.main()
