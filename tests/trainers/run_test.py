"""The command as a user runs it: it finishes, is killed and goes on, or says what is wrong."""

import contextlib
import csv
import io
import json
import pathlib
import shutil
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image

import zoo
from tests.trainers import tiny, workers
from trainers import evaluate, run
from trainers.evaluators import evaluation
from trainers.runs.run_folder import RunFolder, load_model
from trainers.training.checkpoints import Checkpoints

EXACT = ("loss", "error", "validation_loss", "validation_error")
MID_EPOCH = (1, 3)


def _up_to_mid_epoch(arguments):
    with workers.standing_still(
        Checkpoints, "save", lambda kept: workers.progress(kept.folder / "last.npz") == MID_EPOCH
    ):
        return tiny.command(arguments)


class RunTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.options = ["--epochs", "3", "--batch_size", "16", "--evaluators", "roc"]
        self.options += ["--saved_models_dir", str(self.folder / "saved_models")]

    def run_here(self, run, *options):
        """Runs the command in this process; returns its status, output and errors."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            run_dir = ["--run_dir", str(self.folder / run)]
            status = tiny.command([*self.options, *run_dir, *options])
        return status, out.getvalue(), errors.getvalue()

    def history(self, run):
        with open(self.folder / run / "history.csv", newline="") as file:
            return [
                {name: float(value or "nan") for name, value in row.items()}
                for row in csv.DictReader(file)
            ]

    def test_run_and_what_it_leaves(self):
        status, out, errors = self.run_here("a")
        self.assertEqual(status, 0, msg=errors)
        folder = RunFolder(self.folder / "a")
        for path in (folder.config, folder.versions, folder.history, folder.metrics):
            self.assertTrue(path.exists(), msg=path)
        self.assertTrue((folder.path / "report.md").exists())
        self.assertLen(list(folder.tensorboard.glob("*/events*")), 2)
        metrics = json.loads(folder.metrics.read_text())
        self.assertIn("auc", metrics["roc"])
        self.assertEqual(metrics["training"]["epochs"], 3)
        exported = self.folder / "saved_models" / "tiny" / "1"
        self.assertIn(f"SavedModel  {exported}", out)

        with tiny.registered():
            model = load_model(folder.path)
        images = tiny.TinyDataset().arrays("test")["image"]
        served = tf.saved_model.load(str(exported)).signatures["serving_default"]
        self.assertAllClose(
            served(image=tf.constant(images))["probability"], model(images)["probability"]
        )

        # Killed after its export: the version that is there is its own.
        folder.finished.unlink()
        (exported.parents[1] / "models.config").unlink()
        status, out, _ = self.run_here("a")
        self.assertEqual(status, 0)
        self.assertIn(f"SavedModel  {exported}", out)
        self.assertEqual(sorted(path.name for path in exported.parent.iterdir()), ["1"])
        self.assertTrue((exported.parents[1] / "models.config").exists())

        # Once more: nothing to do. With more epochs: it goes on.
        status, out, _ = self.run_here("a")
        self.assertEqual(status, 0)
        self.assertIn("is finished (epoch 3)", out)
        self.assertFalse((exported.parent / "2").exists())
        status, out, _ = self.run_here("a", "--epochs", "4")
        self.assertEqual(status, 0)
        self.assertEqual([row["epoch"] for row in self.history("a")], [1, 2, 3, 4])
        self.assertNotIn("epoch 3/4", out)

        # Other runs are kept out of the folder, unless it may be overwritten.
        status, _, errors = self.run_here("a", "--learning_rate", "0.002")
        self.assertEqual(status, 2)
        self.assertIn("another configuration: --learning_rate (saved 0.001, now 0.002)", errors)
        config = json.loads(folder.config.read_text())
        folder.config.write_text(json.dumps({**config, "model": "vae"}))
        status, _, errors = self.run_here("a")
        self.assertEqual(status, 2)
        self.assertIn("holds a run of model 'vae', not 'tiny'", errors)
        status, out, _ = self.run_here("a", "--learning_rate", "0.002", "--overwrite")
        self.assertEqual(status, 0)
        self.assertIn("epoch 1/3", out)
        self.assertLen(self.history("a"), 3)

    def test_what_is_missing_of_a_finished_run_is_made_again(self):
        self.run_here("a", "--epochs", "1")
        folder, exported = RunFolder(self.folder / "a"), self.folder / "saved_models" / "tiny"
        metrics, finished = folder.metrics.read_text(), folder.finished.read_text()
        # Not even the checkpoints are needed.
        shutil.rmtree(folder.checkpoints)
        for lost in ([folder.report], [exported / "1"], [folder.metrics, exported]):
            for path in lost:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            status, out, errors = self.run_here("a", "--epochs", "1")
            self.assertEqual(status, 0, msg=errors)
            self.assertIn("is finished (epoch 1)", out)
            self.assertNotIn("epoch 1/1", out)
            self.assertTrue(folder.report.exists())
            self.assertEqual(folder.metrics.read_text(), metrics)
            self.assertEqual(folder.finished.read_text(), finished)
            self.assertTrue((exported / "1" / "saved_model.pb").exists())

    def test_a_finished_run_without_its_model_goes_on_from_its_checkpoints(self):
        self.run_here("a", "--epochs", "1")
        folder = RunFolder(self.folder / "a")
        metrics = json.loads(folder.metrics.read_text())
        folder.model.unlink()
        status, out, errors = self.run_here("a", "--epochs", "1")
        self.assertEqual(status, 0, msg=errors)
        self.assertNotIn("epoch 1/1", out)
        self.assertTrue(folder.model.exists())
        self.assertEqual(json.loads(folder.metrics.read_text()), metrics)

    def test_list(self):
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            self.assertEqual(run.main(["--list"]), 0)
        heading, *lines = shown.getvalue().splitlines()
        self.assertStartsWith(heading, "model")
        rows, summaries = lines[::2], lines[1::2]
        self.assertEqual([row.split()[0] for row in rows], zoo.list_models())
        for row in rows:
            self.assertRegex(row, r"\w+ +\w+ +[1-9][0-9,]+ +\w+(/[\w=,/]+)? +(\w+, )*default")
        for name, summary in zip(zoo.list_models(), summaries, strict=True):
            self.assertEqual(summary, f"    {zoo.describe(name).summary}")

    def test_mistakes(self):
        for options, message in {
            ("--hp", "latents=3"): "unknown hyperparameter 'latents' of model 'tiny'",
            (
                "--hp",
                "image_shape=3,3",
            ): "--hp image_shape must be that of dataset 'tiny/blobs', [8, 8, 2]",
            ("--hp", "seed=5"): "--hp seed: --seed sets it; got 5",
            (
                *("--model", "star_galaxy_cnn"),
                *("--hp", "class_names=['two', 'one']"),
            ): "--hp class_names must be those of dataset 'tiny/blobs', ['",
            ("--evaluators", "rok"): "unknown evaluator 'rok' (did you mean 'roc'?)",
            ("--class_fractions", ".1", ".2", ".7"): "--class_fractions must be 2 numbers",
            ("--strategy", "multiworker"): "needs the cluster in the environment variable",
        }.items():
            with self.subTest(options):
                status, _, errors = self.run_here("b", *options)
                self.assertEqual(status, 2)
                self.assertIn(message, errors)
                self.assertEqual(errors.count("\n"), 1)
        (self.folder / "c").mkdir()
        (self.folder / "c" / "thesis.tex").touch()
        status, _, errors = self.run_here("c", "--overwrite")
        self.assertEqual(status, 2)
        self.assertIn("holds files but no run", errors)
        self.assertTrue((self.folder / "c" / "thesis.tex").exists())

    def test_evaluator_that_does_not_fit_is_refused_before_the_training(self):
        status, _, errors = self.run_here("b", "--evaluators", "history", "votes")
        self.assertEqual(status, 2)
        self.assertIn("evaluator 'votes' does not fit", errors)
        self.assertFalse((self.folder / "b" / "history.csv").exists())

    def test_images_are_evaluated_without_augmentation(self):
        evaluated, evaluate_images = [], evaluation.evaluate

        def noted(model, dataset, *arguments, **options):
            evaluated.append(dataset.arrays("train")["image"])
            return evaluate_images(model, dataset, *arguments, **options)

        with mock.patch.object(evaluation, "evaluate", noted):
            options = ("--epochs", "1", "--rotation", "90", "--shift", "1")
            status, _, errors = self.run_here("a", *options)
            self.assertEqual(status, 0, msg=errors)
            with tiny.available():
                again = ["--run_dir", str(self.folder / "a"), "--split", "train"]
                again += ["--output_dir", str(self.folder / "train"), "--evaluators", "roc"]
                self.assertEqual(evaluate.main(again), 0)
        stored = tiny.TinyDataset().arrays("train")["image"]
        self.assertLen(evaluated, 2)
        for images in evaluated:
            self.assertAllEqual(images, stored)
        # The card describes the training.
        card = json.loads(
            (next(self.folder.glob("saved_models/*/1")) / "model_card.json").read_text()
        )
        self.assertIn("rotation 90", str(card["dataset"]["transformations"]))

    def test_model_whose_options_leave_it_without_classes(self):
        self.options = [*self.options[:4], *self.options[6:]]
        small = ("filters=[4]", "latent_dim=3", "decoder=convolutional", "prior=normal")
        options = ("--model", "vae_wasserstein", "--epochs", "1", "--hp", *small)
        status, _, errors = self.run_here("a", *options)
        self.assertEqual(status, 0, msg=errors)
        report = (self.folder / "a" / "report.md").read_text()
        self.assertIn("- roc: the model's task is representation", report)
        self.assertIn("## Latent space", report)
        status, _, errors = self.run_here("b", *options, "--evaluators", "roc")
        self.assertEqual(status, 2)
        self.assertIn("evaluator 'roc' does not fit: the model's task is representation", errors)

    def test_loss_that_is_not_finite(self):
        status, _, errors = self.run_here("d", "--hp", "nan_step=8")
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"^trainers.run: error: the loss is not finite in epoch 2, batch")
        self.assertEqual(errors.count("\n"), 1)

    def test_default_recipe_with_images_smaller_than_its_crop(self):
        random = np.random.default_rng(0)
        for name in (f"{kind}{index}" for index in range(40) for kind in ("galaxy", "star")):
            path = self.folder / "images" / name.rstrip("0123456789") / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (24, 24), np.uint8)).save(path)
        options = [*self.options[2:], "--model", "star_galaxy_cnn", "--dataset", "image_folder"]
        options += ["--data_dir", str(self.folder / "images"), "--run_dir", str(self.folder / "a")]
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            status = run.main([*options, "--epochs", "1"])
        self.assertEqual(status, 0, msg=errors.getvalue())
        self.assertEqual(load_model(self.folder / "a").preprocessed_shape, (24, 24, 1))

    def test_components_that_are_not_the_classes(self):
        self.options = [*self.options[:4], *self.options[6:]]
        names = "class_names=['component_1', 'component_2']"
        status, out, errors = self.run_here("f", "--hp", names, "--epochs", "1")
        self.assertEqual(status, 0, msg=errors)
        self.assertIn("SavedModel", out)
        report = (self.folder / "f" / "report.md").read_text()
        for name in ("roc", "thresholds"):
            self.assertIn(f"- {name}: the model's components are not the dataset's classes", report)

    def test_repeats(self):
        options = ("--repeats", "2", "--seed", "5", "--epochs", "1")
        status, out, errors = self.run_here("e", *options)
        self.assertEqual(status, 0, msg=errors)
        summary = json.loads((self.folder / "e" / "repeats.json").read_text())
        self.assertEqual(summary["seeds"], [5, 6])
        losses = [self.history(f"e/seed_{seed}")[0]["validation_loss"] for seed in (5, 6)]
        loss = summary["metrics"]["training/best_validation_loss"]
        self.assertAllClose(loss["values"], losses)
        self.assertAllClose(loss["standard_deviation"], np.std(losses, ddof=1))
        self.assertEqual(summary["exported_seed"], 5 + int(np.argmin(losses)))
        self.assertIn(f"Exported: seed {summary['exported_seed']}, the one with the lowest", out)
        status, out, _ = self.run_here("e", *options)
        self.assertEqual(out.count("is finished"), 2)
        self.assertLen(list((self.folder / "saved_models" / "tiny").glob("[0-9]*")), 1)

    def test_killed_in_mid_epoch_ends_the_same(self):
        status, _, errors = self.run_here("whole")
        self.assertEqual(status, 0, msg=errors)
        options = [*self.options, "--run_dir", self.folder / "killed", "--checkpoint_seconds", "0"]
        worker = workers.Worker(_up_to_mid_epoch, options, self.folder / "output", {})
        checkpoint = self.folder / "killed" / "checkpoints" / "last.npz"
        try:
            workers.wait(lambda: workers.progress(checkpoint) == MID_EPOCH, [worker])
            # The folder belongs to the process that is alive.
            status, _, errors = self.run_here("killed", "--checkpoint_seconds", "0")
            self.assertEqual(status, 2)
            self.assertIn("is in use by another process", errors)
        finally:
            worker.stop()
        self.assertEqual(workers.progress(checkpoint), MID_EPOCH)
        status, out, errors = self.run_here("killed", "--checkpoint_seconds", "0")
        self.assertEqual(status, 0, msg=errors)
        self.assertNotIn("epoch 1/3", out)
        self.assertIn("evaluating roc  1 of 1\n", out)
        self.assertLen(self.history("killed"), 3)
        for row, again in zip(self.history("whole"), self.history("killed"), strict=True):
            self.assertEqual([row[name] for name in EXACT], [again[name] for name in EXACT])
        metrics = [
            json.loads(RunFolder(self.folder / run).metrics.read_text())["roc"]
            for run in ("whole", "killed")
        ]
        self.assertEqual(*metrics)


if __name__ == "__main__":
    tf.test.main()
