import contextlib
import io
import json
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.trainers.tiny_two_stage import TinyTwoStage
from trainers import recipes
from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.datasets.noise import NoisyDataset
from trainers.errors import UserError
from trainers.recipes import Recipe
from trainers.reproduce import __main__ as command
from trainers.reproduce import blendhunter_options, published
from trainers.runs.run_folder import load_model
from trainers.storage.json_files import read_json
from zoo import registry

MODEL = "tiny_blends"
OTHER = "tiny_other"


@keras.saving.register_keras_serializable(package="tests")
class TinyBlends(TinyTwoStage):
    def classify(self, features):
        return tf.nn.softmax(self.head(features))


def blends(number, seed):
    """Two galaxies of the same light, or one, in stamps of 21 pixels."""
    random = np.random.default_rng(seed)
    label = np.arange(number) % 2
    offset = random.integers(-9, 9, (number, 2)) * label[:, None]
    y, x = np.mgrid[:21, :21] - 10.0
    sources = np.stack([np.zeros_like(offset), offset], axis=1)[..., None, None]
    light = np.exp(-((x - sources[:, :, 0]) ** 2 + (y - sources[:, :, 1]) ** 2) / 6)
    image = 100 * (light[:, 0] + light[:, 1] * label[:, None, None])
    return {
        "image": image[..., None].astype(np.float32),
        "label": label,
        "id": np.array([f"{seed}-{row}" for row in range(number)]),
        "separation": np.hypot(*offset.T).astype(np.float32),
        "offset_x": offset[:, 0],
        "offset_y": offset[:, 1],
    }


def load(name, **options):
    if name not in ("blends/parametric", "blends/real"):
        raise UserError(f"--dataset: there is no '{name}'")
    classes = ("isolated", "blended")
    spec = DatasetSpec(name, (21, 21, 1), ("r",), 0.187, "counts", classes, (0.5, 0.5))
    first = 10 * (name == "blends/real")
    return InMemoryDataset(
        spec,
        {
            "train": blends(64, first),
            "validation": blends(32, first + 1),
            "test": blends(48, first + 2),
        },
    )


class BlendhunterTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir()) / "experiment"
        TinyBlends.registry_name, TinyBlends.task = MODEL, "classification"
        entries = {
            name: registry.ModelEntry(name, TinyBlends, "classification", "none")
            for name in (MODEL, OTHER)
        }
        recipe = Recipe(trainer="two_stage", epochs=2, batch_size=32, learning_rate=0.01)
        for patch in (
            mock.patch.dict(registry._entries, entries),
            mock.patch.object(recipes, "get", lambda model, name: recipe),
            mock.patch.object(loading, "load", load),
        ):
            self.enterContext(patch)

    def run_command(self, *options, sigmas=("5", "15"), models=(MODEL,)):
        said, complaint = io.StringIO(), io.StringIO()
        arguments = ["blendhunter", "--output_dir", str(self.folder), "--sigmas", *sigmas]
        arguments += ["--models", *models, "--dataset", "blends/parametric"]
        arguments += ["--realisations", "1", "--transfer_dataset", "blends/real", *options]
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint):
            status = command.main(arguments)
        return status, said.getvalue() + complaint.getvalue()

    def test_experiment_goes_on_and_grows(self):
        status, said = self.run_command(sigmas=("5",))
        self.assertEqual(status, 0, said)
        report = (self.folder / "report.md").read_text()
        for text in ("*published BlendHunter*", "*0.957*", "*published SEP*", "*0.69*"):
            self.assertIn(text, report)
        self.assertLen(report.split("](figures/"), 1 + 4)
        for figure in report.split("](figures/")[1:]:
            self.assertTrue((self.folder / "figures" / figure.split(")")[0]).exists())
        self._check_answers()
        finished = self.folder / MODEL / "sigma_5" / "realisation_0" / "finished.json"
        before = finished.stat().st_mtime_ns
        self.assertEmpty(list(self.folder.glob("*features")))

        status, said = self.run_command(
            "--noise_range_models", MODEL, sigmas=("5", "25"), models=()
        )
        self.assertEqual(status, 0, said)
        metrics = read_json(self.folder / "metrics.json")
        self.assertIn(f"{MODEL}, one for all/sigma_25/close", metrics["parametric"])
        self.assertIn(f"{MODEL}, one for all/trained_5-40/all", metrics["realistic"])

        # Killed between the end of a training and the note of its time.
        (finished.parent / "seconds.json").unlink()
        status, said = self.run_command("--noise_range_models", MODEL, "--report_only")
        self.assertEqual(status, 0, said)
        metrics = read_json(self.folder / "metrics.json")
        self.assertEqual(metrics["trainings"]["trainings"], 2)
        self.assertEqual(finished.stat().st_mtime_ns, before)
        self.assertRegex((self.folder / "report.md").read_text(), r"\| - +\| \[report\]")

        status, said = self.run_command("--transfer_sigma", "10")
        self.assertEqual(status, 2)
        self.assertIn("other --transfer_sigma (saved 14.5, now 10.0)", said)

    def _check_answers(self):
        run = self.folder / MODEL / "sigma_5" / "realisation_0"
        own = read_json(run / "metrics.json")["separation"]
        ours = read_json(self.folder / "metrics.json")["parametric"]
        for name, key in (
            (f"{MODEL}/sigma_5/all", "accuracy"),
            (f"{MODEL}/sigma_5/isolated", "true_negative_rate"),
            ("SEP/sigma_5/all", "sep_accuracy"),
        ):
            self.assertNear(ours[name]["mean"], own[key], 1e-9)
        # Realistic stamps go through the features on disk: the same as through the model.
        real = NoisyDataset(load("blends/real"), 14.5, 0, 7)
        # Of galaxies that were in no training stamp.
        expected = load_model(run)(real.arrays("test")["image"])["probability"][:, 1]
        with np.load(run / "answers-realistic-14.5.npz") as held:
            self.assertAllClose(held["probability"], expected, atol=1e-6)

    def test_mistakes_are_reported_in_one_line(self):
        for options, message in (
            (["--hp", "nonsense"], "--hp takes NAME=VALUE; got 'nonsense'"),
            (["--hp", "nonsense=1"], "nonsense"),
            (["--realisations", "0"], "--realisations must be at least 1; got 0"),
            (["--noise_range", "9", "5"], "--noise_range must rise; got [9.0, 5.0]"),
            (["--dataset", "nowhere"], "there is no 'nowhere'"),
            (["--nonsense"], "--nonsense"),
            (["--report_only"], "holds no finished training"),
        ):
            status, said = self.run_command(*options)
            self.assertEqual(status, 2, said)
            self.assertIn(message, said)
            self.assertLen(said.strip().splitlines(), 1)
        status, said = self.run_command(sigmas=("0",))
        self.assertIn("must be above 0; got 0", said)
        status, said = self.run_command(models=("blendhuntr",))
        self.assertEqual(status, 2)
        self.assertIn("unknown model 'blendhuntr'", said)
        (self.folder / "notes.txt").touch()
        status, said = self.run_command()
        self.assertIn("holds files but no experiment", said)

    def test_unknown_publications_are_reported(self):
        complaint = io.StringIO()
        with contextlib.redirect_stderr(complaint):
            self.assertEqual(command.main(["blendhuntr"]), 2)
        said = complaint.getvalue()
        self.assertIn("NAME must be one of blendhunter, ", said)
        self.assertIn("; got 'blendhuntr'", said)

    def test_defaults(self):
        self.assertEqual(blendhunter_options.parse([]).models, ["blendhunter"])
        options = blendhunter_options.parse(["--models", MODEL])
        self.assertEqual(options.sigmas, [*published.SIGMAS])
        self.assertLen(options.cells(), 2 * len(published.SIGMAS))
        self.assertEqual(options.transfer_dataset, "none")
        cosmos = blendhunter_options.parse(["--dataset", "simulated_blends/cosmos_parametric"])
        self.assertEqual(cosmos.transfer_dataset, "simulated_blends/cosmos_real")
        config = options.run_config(options.cells()[1])
        self.assertEqual((config.pad, config.noise_sigma, config.seed), (7, [10.0], 0))
        json.dumps(config.as_dict())


class PublishedTest(tf.test.TestCase):
    def test_overall_accuracy_is_the_mean_of_blends_and_isolated(self):
        # 40,000 blends, 4,838 of them close (table 1 and section 2.5).
        close = 4838 / 40000
        for rates in (published.BLENDHUNTER, published.SEP):
            for rate in rates.values():
                blends = close * rate.close + (1 - close) * rate.far
                self.assertNear(rate.all, (blends + rate.isolated) / 2, 0.004)
