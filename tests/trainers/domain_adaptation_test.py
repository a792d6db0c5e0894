"""The command: two surveys come together, a kill changes nothing, mistakes are one line."""

import contextlib
import dataclasses
import io
import json
import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image

from tests.trainers import tiny
from tests.trainers.killed import Killed, KilledAt
from trainers import domain_adaptation, evaluate, export
from trainers.datasets import loading
from trainers.datasets.in_memory import InMemoryDataset
from trainers.options import data_options
from trainers.runs import adaptation, pipeline
from trainers.runs.run_folder import RunFolder, load_model
from trainers.training import loop

TARGET = "tiny/shifted"
LOAD = loading.load


class Shifted(InMemoryDataset):
    """The blobs as a survey with a gradient in its sky sees them, and fewer of them."""

    def __init__(self, image_shape=tiny.SHAPE):
        blobs = tiny.TinyDataset(train=80)
        height, width, _ = image_shape
        rows = np.linspace(-0.6, 0.6, tiny.SHAPE[0], dtype=np.float32)
        splits = {}
        for split in data_options.SPLITS:
            arrays = dict(blobs.arrays(split))
            arrays["image"] = (arrays["image"] + rows[:, None, None])[:, :height, :width]
            splits[split] = arrays
        spec = dataclasses.replace(blobs.spec, name=TARGET, image_shape=image_shape)
        super().__init__(spec, splits)


def load(name, **_):
    return {
        tiny.DATASET: tiny.TinyDataset,
        TARGET: Shifted,
        "tiny/small": lambda: Shifted((6, 6, 2)),
    }[name]()


class DomainAdaptationTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.source = cls.folder / "source"
        options = ["--run_dir", str(cls.source), "--saved_models_dir", str(cls.folder / "saved")]
        options += ["--epochs", "2", "--batch_size", "16", "--learning_rate", "0.01"]
        with contextlib.redirect_stdout(io.StringIO()):
            tiny.command([*options, "--evaluators", "history"])

    def setUp(self):
        super().setUp()
        self.enter_context(tiny.registered())
        self.enter_context(mock.patch.object(loading, "load", load))

    def adapt(self, name, *options, run_dir=None, target=TARGET):
        """Runs the command; returns its status, output and errors."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = domain_adaptation.main(
                [
                    *("--run_dir", str(run_dir or self.source), "--target", target),
                    *("--output_dir", str(self.folder / name), "--batch_size", "16"),
                    *("--epochs", "3", "--learning_rate", "0.01", "--checkpoint_seconds", "0"),
                    *options,
                ]
            )
        return status, out.getvalue(), errors.getvalue()

    def test_the_surveys_come_together(self):
        status, out, errors = self.adapt("mmd", "--weight", "100", "--epochs", "8")
        self.assertEqual(status, 0, msg=errors)
        self.assertIn("epoch 8/8", out)
        folder = RunFolder(self.folder / "mmd")
        metrics = json.loads(folder.metrics.read_text())
        scores = metrics["transfer"]
        # Of 40 test objects each: two halves of the source differ by some 0.1.
        self.assertGreater(scores["mmd_before"], 0.3)
        self.assertLess(scores["mmd_after"], 0.5 * scores["mmd_before"])
        self.assertLess(scores["survey_auc_after"], scores["survey_auc_before"])
        self.assertIn("label_target_after", scores)
        self.assertEqual(metrics["training"]["epochs"], 8)
        report = (folder.path / "report.md").read_text()
        self.assertIn("python -m trainers.domain_adaptation --run_dir", report)
        self.assertIn("adapted to tiny/shifted by MMD (weight 100", report)
        for name in ("transfer", "surveys"):
            self.assertTrue((folder.path / "figures" / f"{name}.png").exists())
        self.assertLen(list(folder.tensorboard.glob("*/events*")), 2)
        # What other commands make of the folder.
        self.assertIn("is finished", self.adapt("mmd", "--weight", "100", "--epochs", "8")[1])
        other = self.folder / "elsewhere"
        options = ["--run_dir", str(folder.path), "--output_dir", str(other)]
        saved = ["--run_dir", str(folder.path), "--saved_models_dir", str(self.folder / "saved")]
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(evaluate.main([*options, "--evaluators", "transfer"]), 0)
            self.assertEqual(export.main(saved), 0)
        again = json.loads((other / "metrics.json").read_text())["transfer"]
        self.assertAllClose(again["mmd_after"], scores["mmd_after"])

    def test_killed_in_mid_epoch_ends_with_the_same_bits(self):
        options = ("--method", "dann", "--variant", "frozen", "--evaluators", "history")
        self.assertEqual(self.adapt("whole", *options)[0], 0)
        with (
            mock.patch.object(pipeline, "reporting", lambda folder: [KilledAt(7)]),
            self.assertRaises(Killed),
        ):
            self.adapt("killed", *options)
        status, out, errors = self.adapt("killed", *options)
        self.assertEqual(status, 0, msg=errors)
        self.assertNotIn("epoch 1/3", out)
        whole, killed = (load_model(self.folder / name) for name in ("whole", "killed"))
        for one, two in zip(whole.variables, killed.variables, strict=True):
            self.assertAllEqual(one, two)

    def test_the_ramp_of_dann_lasts_as_long_as_the_training(self):
        trained = []

        def fit(model, *arguments):
            progress = original(model, *arguments)
            trained.append((model.ramp_steps, int(model.optimizer.iterations.value)))
            return progress

        original = loop.fit
        options = ("--method", "dann", "--epochs", "2", "--evaluators", "history")
        with mock.patch.object(loop, "fit", fit):
            # 80 objects: five whole batches, and one of all of them.
            for name, size in (("many", "16"), ("few", "128")):
                self.assertEqual(self.adapt(name, *options, "--batch_size", size)[0], 0)
        self.assertEqual(trained, [(10, 10), (2, 2)])

    def test_folders_of_images_are_padded_once(self):
        random = np.random.default_rng(0)
        for survey, size in (("near", 8), ("far", 12)):
            (self.folder / survey).mkdir()
            for number in range(40):
                pixels = random.integers(0, 256, (size, size, 3), np.uint8)
                Image.fromarray(pixels).save(self.folder / survey / f"{number}.png")
        of_images = self.folder / "of_images"
        options = ["--dataset", "image_folder", "--data_dir", str(self.folder / "near")]
        options += ["--run_dir", str(of_images), "--saved_models_dir", str(self.folder / "saved")]
        options += ["--pad", "2", "--epochs", "1", "--evaluators", "history"]
        with mock.patch.object(loading, "load", LOAD):
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(tiny.command(options), 0)
            data = ("--data_dir", str(self.folder / "far"))
            with mock.patch.object(adaptation, "adapt", return_value=None) as adapt:
                _, _, errors = self.adapt("to_far", *data, run_dir=of_images, target="image_folder")
            self.assertEqual(errors, "")
            config, source, target, _ = adapt.call_args.args
            # The second is how `trainers.evaluate` finds it later.
            for dataset in (target, loading.load_for_run(config)):
                self.assertEqual(dataset.spec.image_shape, source.spec.image_shape)
                images = dataset.arrays("train", limit=4)["image"]
                self.assertEqual(images.shape, (4, 12, 12, 3))
                self.assertAllEqual(images[:, :2], np.zeros((4, 2, 12, 3)))
                self.assertGreater(images[:, 2:-2, 2:-2].min(axis=0).max(), 0)

    def test_mistakes_are_one_line(self):
        (self.folder / "strange").mkdir()
        (self.folder / "strange" / "notes.txt").write_text("mine")
        for arguments, message in (
            ({"run_dir": self.folder}, "is not the folder of a run"),
            ({"target": "tiny/small"}, "shape of the images must be that of 'tiny/blobs'"),
            ({"options": ("--method", "gan")}, "--method: invalid choice: 'gan'"),
            ({"options": ("--variant", "both")}, "--variant: invalid choice: 'both'"),
            ({"options": ("--weight", "-1")}, "--weight must be at least 0"),
            ({"options": ("--epoch", "1")}, "unknown option '--epoch'"),
            ({"options": ("--evaluators", "luck")}, "unknown evaluator 'luck'"),
            ({"options": ("--batch_size", "0")}, "--batch_size must be at least 1"),
            ({"name": "strange"}, "holds files but no run"),
            ({"name": "source"}, "holds a run with another configuration"),
        ):
            with self.subTest(message):
                name = arguments.get("name", "new")
                others = {key: arguments[key] for key in ("run_dir", "target") if key in arguments}
                status, _, errors = self.adapt(name, *arguments.get("options", ()), **others)
                self.assertEqual(status, 2)
                self.assertIn(message, errors)
                self.assertLen(errors.splitlines(), 1)

    def test_a_model_without_an_encoder(self):
        with mock.patch.object(tiny.TinyModel, "encode", new=None):
            del tiny.TinyModel.encode
            status, _, errors = self.adapt("new")
        self.assertEqual(status, 2)
        self.assertIn("model 'tiny' has no encode()", errors)


if __name__ == "__main__":
    tf.test.main()
