"""A run stays what it was trained as: its data, its classes, its folder and its SavedModel."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from PIL import Image

from tests.trainers import tiny
from trainers import catalogue, evaluate, export, run
from trainers.datasets import records
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.run import RunConfig
from trainers.runs import exports
from trainers.runs.run_folder import RunFolder, load_config

_CLASSES = ("galaxy", "star")


def _draw(folder, number=40, seed=0):
    """Writes 8x8 pictures: galaxies are wide, stars narrow."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:8, :8] - 3.5
    for name, width in zip(_CLASSES, (3.0, 1.0), strict=True):
        (folder / name).mkdir(parents=True)
        for index in range(number):
            blob = 200 * np.exp(-0.5 * (x**2 + y**2) / width**2)
            pixels = blob[..., None] + random.integers(0, 40, (8, 8, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{name}_{index}.png")


def _run(main, *arguments):
    """Returns status, output and errors of a command."""
    out, errors = io.StringIO(), io.StringIO()
    with tiny.registered(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        status = main([str(argument) for argument in arguments])
    return status, out.getvalue(), errors.getvalue()


class IdentityTest(tf.test.TestCase):
    """Each test has a copy of one trained run, made with relative paths in `project`."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.trained = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        _draw(cls.trained / "data")
        with contextlib.chdir(cls.trained):
            status, _, errors = _run(run.main, *cls.command())
        assert status == 0, errors

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())).resolve()
        # A run that is renamed with its whole project keeps its old absolute paths, so it is
        # trained in place of the copy's own: the paths are written anew.
        self.project = self.folder / "project"
        shutil.copytree(self.trained, self.project)
        for name in ("config.json", "finished.json", "exports.json"):
            path = self.project / "runs" / "a" / name
            path.write_text(path.read_text().replace(str(self.trained), str(self.project)))
        self.enter_context(contextlib.chdir(self.project))
        self.run_dir = self.project / "runs" / "a"

    @staticmethod
    def command(*more, run_dir="runs/a"):
        words = ["--model", "tiny", "--dataset", "image_folder", "--data_dir", "data"]
        words += ["--epochs", "2", "--batch_size", "16", "--evaluators", "roc"]
        return [*words, "--run_dir", run_dir, *more]

    def test_renamed_classes_are_refused_everywhere(self):
        (self.project / "data" / "galaxy").rename(self.project / "data" / "zgalaxy")
        difference = "class names galaxy, star before, star, zgalaxy now"
        for main, arguments in (
            (run.main, self.command()),
            (run.main, self.command("--epochs", "3")),
            (evaluate.main, ["--run_dir", "runs/a"]),
            (export.main, ["--run_dir", "runs/a"]),
        ):
            status, _, errors = _run(main, *arguments)
            self.assertEqual((status, errors.count("\n")), (2, 1), errors)
            self.assertIn(difference, errors)
        self.assertFalse((self.project / "saved_models" / "tiny" / "2").exists())
        (self.project / "data" / "zgalaxy").rename(self.project / "data" / "galaxy")
        status, out, _ = _run(run.main, *self.command("--epochs", "3"))
        self.assertEqual(status, 0)
        self.assertIn("epoch 3/3", out)

    def test_changed_images_are_noticed(self):
        images = self.project / "data" / "star"
        shutil.copy(images / "star_0.png", images / "star_40.png")
        status, _, errors = _run(run.main, *self.command())
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"holds a run on other data: \d+ examples before, \d+ now in the")
        self.assertIn("--overwrite to start over", errors)
        (images / "star_40.png").unlink()

        before = (images / "star_0.png").read_bytes()
        shutil.copy(images / "star_1.png", images / "star_0.png")
        for main, arguments in (
            (run.main, self.command("--epochs", "3")),
            (evaluate.main, ["--run_dir", "runs/a"]),
        ):
            status, _, errors = _run(main, *arguments)
            self.assertEqual(status, 2)
            self.assertRegex(errors, "other contents of the (train|validation|test) split")
        status, _, errors = _run(evaluate.main, "--run_dir", "runs/a", "--output_dir", "now")
        self.assertEqual(status, 0, errors)

        # Written again with the same contents, relabelled, and labelled as before.
        (images / "star_0.png").write_bytes(before)
        status, out, _ = _run(run.main, *self.command())
        self.assertEqual(status, 0)
        self.assertIn("is finished (epoch 2)", out)
        (images / "star_0.png").rename(self.project / "data" / "galaxy" / "star_0.png")
        status, _, errors = _run(run.main, *self.command())
        self.assertEqual(status, 2)
        self.assertIn("other contents", errors)

    def test_overwriting_takes_the_data_as_they_are(self):
        (self.project / "data" / "galaxy").rename(self.project / "data" / "zgalaxy")
        status, _, errors = _run(run.main, *self.command("--overwrite"))
        self.assertEqual(status, 0, errors)
        record = RunFolder(self.run_dir).data_record()["dataset"]
        self.assertEqual(record["class_names"], ["star", "zgalaxy"])

    def test_a_moved_folder_is_named_again(self):
        shutil.move(self.project / "data", self.folder / "elsewhere")
        status, _, errors = _run(evaluate.main, "--run_dir", "runs/a")
        self.assertEqual(status, 2)
        self.assertIn(f"{self.project / 'data'}: no such folder", errors)
        named = ("--data_dir", str(self.folder / "elsewhere"))
        status, _, errors = _run(evaluate.main, "--run_dir", "runs/a", *named)
        self.assertEqual(status, 0, errors)
        status, out, _ = _run(run.main, *self.command(*named))
        self.assertEqual(status, 0)
        self.assertIn("is finished (epoch 2)", out)

    def test_paths_hold_from_another_working_directory(self):
        other = self.folder / "other"
        # Another folder of the same name, with the classes the other way round.
        _draw(other / "data", seed=1)
        (other / "data" / "star").rename(other / "data" / "x")
        (other / "data" / "galaxy").rename(other / "data" / "star")
        (other / "data" / "x").rename(other / "data" / "galaxy")
        metrics = json.loads((self.run_dir / "metrics.json").read_text())
        with contextlib.chdir(other):
            status, _, errors = _run(evaluate.main, "--run_dir", "../project/runs/a")
            self.assertEqual(status, 0, errors)
            self.assertEqual(
                exports.saved_model_of_run(pathlib.Path("../project/runs/a")),
                self.project / "saved_models" / "tiny" / "1",
            )
        again = json.loads((self.run_dir / "metrics.json").read_text())
        self.assertEqual(again["roc"], metrics["roc"])
        for name in ("data_dir", "saved_models_dir", "features_dir", "run_dir"):
            self.assertTrue(os.path.isabs(getattr(load_config(self.run_dir), name)), name)

    def test_predictions_are_those_of_the_runs_own_export(self):
        status, _, errors = _run(run.main, *self.command("--seed", "1", run_dir="runs/b"))
        self.assertEqual(status, 0, errors)
        versions = self.project / "saved_models" / "tiny"
        for name, version in (("a", "1"), ("b", "2")):
            folder = exports.saved_model_of_run(self.project / "runs" / name)
            self.assertEqual(folder, versions / version)
        # The version of one run in the place of the other's.
        shutil.rmtree(versions / "1")
        (versions / "2").rename(versions / "1")
        with self.assertRaisesRegex(UserError, "its model is no longer in .*trainers.export"):
            exports.saved_model_of_run(self.run_dir)
        # An export of its own is found wherever it is.
        status, _, errors = _run(
            export.main, "--run_dir", "runs/a", "--saved_models_dir", self.folder / "served"
        )
        self.assertEqual(status, 0, errors)
        self.assertEqual(
            exports.saved_model_of_run(self.run_dir), self.folder / "served" / "tiny" / "1"
        )

    def test_a_catalogue_says_that_the_data_have_changed(self):
        stars = self.project / "data" / "star"
        for number, said in ((0, False), (1, True)):
            if number:
                shutil.copy(stars / "star_0.png", stars / "star_40.png")
            status, out, errors = _run(
                catalogue.main, "--run_dir", "runs/a", "--output", f"{number}.ecsv"
            )
            self.assertEqual(status, 0, errors)
            self.assertEqual("note  the data have changed since the run" in out, said, out)

    def test_an_evaluation_elsewhere_says_in_what_the_data_differ(self):
        stars = self.project / "data" / "star"
        shutil.copy(stars / "star_0.png", stars / "star_40.png")
        command = ("--run_dir", "runs/a", "--output_dir", "other", "--evaluators", "roc")
        status, out, errors = _run(evaluate.main, *command)
        self.assertEqual(status, 0, errors)
        self.assertIn("note  the data have changed since the run", out)
        for path in (self.project / "data").glob("*/*.png"):
            deep = np.asarray(Image.open(path)).astype(np.uint16) * 257
            path.write_bytes(tf.io.encode_png(deep).numpy())
        command = (*command, "--dataset", "image_folder")
        status, out, errors = _run(evaluate.main, *command)
        self.assertEqual(status, 0, errors)
        self.assertIn("units counts (0-65535), trained on counts (0-255)", out)

    def test_fewer_epochs_than_the_run_has_had(self):
        status, _, errors = _run(run.main, *self.command("--epochs", "1"))
        self.assertEqual((status, errors.count("\n")), (2, 1), errors)
        self.assertIn("--epochs must be at least 2, which the run in", errors)

    def test_a_run_of_version_0_1_0(self):
        folder = RunFolder(self.run_dir)
        folder.data.unlink()
        folder.exports.unlink()
        relative = {
            "data_dir": "data",
            "run_dir": "runs/a",
            "saved_models_dir": "saved_models",
            "features_dir": "features",
        }
        config = json.loads(folder.config.read_text()) | relative
        config.pop("init")
        folder.config.write_text(json.dumps(config))
        finished = json.loads(folder.finished.read_text())
        unrelated = ("data_dir", "run_dir", "features_dir", "strategy", "repeats", "init")
        finished["config"] = {n: v for n, v in config.items() if n not in unrelated}
        finished["saved_model"] = "saved_models/tiny/1"
        folder.finished.write_text(json.dumps(finished))
        card_file = self.project / "saved_models" / "tiny" / "1" / "model_card.json"
        card = json.loads(card_file.read_text()) | {"training": config}
        card.pop("weights_sha256")
        card_file.write_text(json.dumps(card))

        with contextlib.chdir(self.folder):
            status, _, errors = _run(evaluate.main, "--run_dir", "project/runs/a")
            self.assertEqual(status, 0, errors)
            self.assertEqual(exports.saved_model_of_run(self.run_dir), card_file.parent)
            card_file.write_text(json.dumps(card | {"training": {**config, "seed": 5}}))
            with self.assertRaisesRegex(UserError, "no longer in"):
                exports.saved_model_of_run(self.run_dir)
        (self.project / "data" / "galaxy").rename(self.project / "data" / "zgalaxy")
        status, _, errors = _run(run.main, *self.command("--epochs", "3"))
        self.assertEqual(status, 2)
        self.assertIn("class names galaxy, star before", errors)
        (self.project / "data" / "zgalaxy").rename(self.project / "data" / "galaxy")
        status, out, _ = _run(run.main, *self.command())
        self.assertEqual(status, 0)
        self.assertIn("is finished (epoch 2)", out)


class OptionsTest(tf.test.TestCase):
    def test_every_integer_has_limits_told_in_one_line(self):
        for option in ("seed", "epochs", "batch_size", "noise_realisation", "pad", "repeats"):
            status, _, errors = _run(
                run.main, "--model", "tiny", f"--{option}", "99999999999999999999"
            )
            self.assertEqual((status, errors.count("\n")), (2, 1), errors)
            self.assertIn(f"--{option} must be at least", errors)

    def test_relative_and_absolute_paths_are_equal(self):
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())).resolve()
        (folder / "encoders").mkdir()
        (folder / "encoders" / "a.keras").touch()
        (folder / "reflect").mkdir()
        (folder / "run").mkdir()
        (folder / "run" / "model.keras").touch()
        hp = {"encoder": "encoders/a.keras", "padding": "reflect", "depth": 3, "second": "run"}
        with contextlib.chdir(folder):
            saved = identity.options_of(RunConfig(model="tiny", hp=hp))
        absolute = {**hp, "encoder": str(folder / "encoders" / "a.keras")}
        absolute["second"] = str(folder / "run")
        self.assertEqual(saved["hp"], absolute)
        self.assertEmpty(identity.differences(RunConfig(model="tiny", hp=absolute), saved))

    def test_options_that_a_saved_run_lacks_have_their_defaults(self):
        saved = RunConfig(model="tiny").as_dict()
        del saved["flip"], saved["strategy"]
        self.assertEmpty(identity.differences(RunConfig(model="tiny"), saved))
        differences = identity.differences(RunConfig(model="tiny", flip=True, epochs=99), saved)
        self.assertEqual(differences, ["`flip` (saved False, now True)"])

    def test_differences_of_records(self):
        record = records.of_dataset(tiny.TinyDataset())
        self.assertEmpty(records.differences(record, json.loads(json.dumps(record))))
        self.assertEmpty(records.differences({}, record))
        fewer = records.of_dataset(tiny.TinyDataset(train=95))
        self.assertEqual(
            records.differences(record, fewer), ["96 examples before, 95 now in the train split"]
        )


if __name__ == "__main__":
    tf.test.main()
