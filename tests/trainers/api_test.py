import contextlib
import dataclasses
import io
import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from tests.trainers import tiny
from trainers import api
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError


class FitTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())).resolve()
        self.enter_context(contextlib.chdir(self.folder))
        self.enter_context(tiny.available())
        self.shown = self.enter_context(contextlib.redirect_stdout(io.StringIO()))

    def fit(self, **options):
        options = {"epochs": 2, "batch_size": 16, "evaluators": ["roc"], **options}
        return api.fit("tiny", tiny.DATASET, **options)

    def test_the_command_goes_on_with_a_run_from_python_and_the_other_way_round(self):
        run = self.fit(run_dir="runs/a")
        self.assertTrue(run.is_finished)
        self.assertEqual(run.metrics["training"]["epochs"], 2)
        self.assertEqual(run.saved_model, self.folder / "saved_models" / "tiny" / "1")
        words = ["--run_dir", "runs/a", "--epochs", "3", "--batch_size", "16"]
        words += ["--evaluators", "roc"]
        self.assertEqual(tiny.command(words), 0)
        self.assertIn("epoch 3/3", self.shown.getvalue())
        self.assertNotIn("epoch 1/3", self.shown.getvalue())
        again = self.fit(run_dir="runs/a", epochs=3)
        self.assertIn("is finished (epoch 3)", self.shown.getvalue())
        self.assertEqual(again.metrics, api.load_run("runs/a").metrics)

        # The same bits as the command alone gives.
        alone = [word.replace("runs/a", "runs/b") for word in words]
        self.assertEqual(tiny.command([*alone[:2], "--epochs", "2", *alone[4:]]), 0)
        self.assertEqual(tiny.command(alone), 0)
        other = api.load_run(self.folder / "runs" / "b")
        for own, value in zip(again.model.weights, other.model.weights, strict=True):
            self.assertAllEqual(own, value)
        images = run.load_dataset().arrays("test")["image"]
        self.assertAllEqual(again.model(images)["probability"], other.model(images)["probability"])

    def test_folders_are_named_as_the_command_names_them(self):
        run = self.fit(hp={"augment": True})
        name = "tiny-tiny_blobs-default-seed_0-augment_True-epochs_2-batch_size_16"
        self.assertEqual(run.path, self.folder / "runs" / name)
        self.assertTrue(run.config.hp["augment"])

    def test_data_that_have_been_read(self):
        blobs = tiny.TinyDataset()
        spec = dataclasses.replace(blobs.spec, name="mine")
        splits = {split: dict(blobs.arrays(split)) for split in blobs.num_examples}
        options = {"epochs": 1, "batch_size": 16, "evaluators": ["roc"], "run_dir": "runs/m"}
        options["noise_sigma"] = [0.5]
        run = api.fit("tiny", InMemoryDataset(spec, splits), **options)
        self.assertEqual(run.config.dataset, "mine")
        # The same bits as by the name of the same data, with the same noise.
        named = self.fit(epochs=1, noise_sigma=[0.5], run_dir="runs/n")
        for own, value in zip(run.model.weights, named.model.weights, strict=True):
            self.assertAllEqual(own, value)
        splits["train"]["image"] = splits["train"]["image"] + 1
        changed = InMemoryDataset(spec, splits)
        with self.assertRaisesRegex(UserError, "other contents of the train split"):
            api.fit("tiny", changed, **options)
        with self.assertRaisesRegex(TypeError, "takes 'max_examples' with the name of a dataset"):
            api.fit("tiny", changed, max_examples=[3], **options)

    def test_repeats(self):
        run = self.fit(repeats=2, run_dir="runs/r", epochs=1)
        self.assertIn(run.path.name, ("seed_0", "seed_1"))
        losses = [
            api.load_run(f"runs/r/seed_{seed}").metrics["training"]["best_validation_loss"]
            for seed in (0, 1)
        ]
        self.assertEqual(run.path.name, f"seed_{np.argmin(losses)}")
        self.assertIsNotNone(run.saved_model)

    def test_mistakes(self):
        with self.assertRaisesRegex(TypeError, "no option 'epoch' .did you mean 'epochs'"):
            self.fit(epoch=3)
        with self.assertRaisesRegex(UserError, "`epochs` must be at least 1; got 0"):
            self.fit(epochs=0)
        with self.assertRaisesRegex(UserError, "`schedule` must be one of constant"):
            self.fit(schedule="step")
        with self.assertRaisesRegex(UserError, "unknown model 'tinny'"):
            api.fit("tinny", tiny.DATASET)
        with self.assertRaisesRegex(UserError, "not the folder of a run"):
            api.load_run("runs/nothing")


if __name__ == "__main__":
    tf.test.main()
