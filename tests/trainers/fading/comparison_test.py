"""Comparison of classifiers by magnitude, and the flag of their spread."""

import contextlib
import dataclasses
import io
import json
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from sklearn import metrics

import zoo
from trainers import faint
from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.fading.comparison import Objects, accuracy_section, flag_section
from trainers.fading.ensemble import Ensemble, members
from trainers.fading.options import Options
from trainers.options.run import RunConfig

CLASSES = ("early", "late")


def answers(labels, right, networks, seed):
    """Probabilities of some networks, which disagree more where the mean is wrong."""
    generator = np.random.default_rng(seed)
    late = np.where(right, labels, 1 - labels) * 0.6 + 0.2
    scatter = np.where(right, 0.02, 0.06)
    late = np.clip(late + scatter * generator.normal(size=(networks, len(labels))), 0, 1)
    return np.stack([1 - late, late], axis=-1)


class SectionsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(0)
        self.labels = generator.integers(2, size=400)
        magnitude = generator.uniform(18, 22, 400)
        self.objects = Objects(magnitude, self.labels, CLASSES, 1)
        self.right = {
            "bright": generator.uniform(size=400) < np.where(magnitude < 20, 0.95, 0.6),
            "faded": generator.uniform(size=400) < 0.95,
        }
        self.ensembles = {
            name: Ensemble.of(answers(self.labels, right, 5, seed))
            for seed, (name, right) in enumerate(self.right.items())
        }

    def test_mean_and_spread(self):
        every = answers(self.labels, self.right["faded"], 5, 1)
        ensemble = self.ensembles["faded"]
        self.assertAllClose(ensemble.probability, every.mean(axis=0))
        # Of two classes both probabilities scatter alike.
        self.assertAllClose(ensemble.spread, every[..., 1].std(axis=0))
        self.assertAllEqual(Ensemble.of(every[:1]).spread, np.zeros(400))

    def test_accuracy_and_gain(self):
        section = accuracy_section(self.objects, self.ensembles)
        for name, right in self.right.items():
            self.assertAllClose(section.metrics[f"accuracy_{name}"], right.mean())
        header, last = section.tables[1].header, section.tables[1].rows[-1]
        self.assertEqual(header[-1], "gain over bright")
        faint_ones = self.objects.magnitude >= 21.5
        difference = self.right["faded"][faint_ones].mean()
        difference -= self.right["bright"][faint_ones].mean()
        self.assertStartsWith(last[-1], f"{difference:.3f} (")

    def test_flag(self):
        section = flag_section(self.objects, self.ensembles, np.random.default_rng(0))
        for name, ensemble in self.ensembles.items():
            expected = metrics.roc_auc_score(~self.right[name], ensemble.spread)
            self.assertAllClose(section.metrics[f"auc_{name}"], expected)
            self.assertGreater(expected, 0.8)
        single = {"one": Ensemble.of(answers(self.labels, self.right["faded"], 1, 0))}
        section = flag_section(self.objects, single, np.random.default_rng(0))
        self.assertEqual(section.tables[0].rows[0][3], "-")


class CommandTest(tf.test.TestCase):
    def write(self, path, seed):
        path.mkdir(parents=True)
        model = zoo.create(
            "gz_cnn", image_shape=(12, 12, 2), class_names=CLASSES, filters=(4,) * 4, seed=seed
        )
        model.save(path / "model.keras")
        config = RunConfig(model="gz_cnn", dataset="sky/simulated", seed=seed)
        (path / "config.json").write_text(json.dumps(dataclasses.asdict(config)))

    def sky(self):
        generator = np.random.default_rng(0)
        number = 40
        names = ("image", "id", "label", "magnitude", "seeing", "noise_sigma")
        spec = DatasetSpec(
            *("sky", (16, 16, 2), ("g", "r"), 0.5, "nanomaggies", CLASSES, None),
            feature_names=names,
        )
        magnitude = generator.uniform(16, 17, number).astype(np.float32)
        magnitude[0] = -9999.0
        arrays = {
            "image": generator.normal(size=(number, 16, 16, 2)).astype(np.float32),
            "id": np.array([f"{row}" for row in range(number)]),
            "label": np.arange(number) % 2,
            "magnitude": magnitude,
            "seeing": np.ones(number, np.float32),
            "noise_sigma": np.ones(number, np.float32),
        }
        return InMemoryDataset(spec, dict.fromkeys(("train", "test"), arrays))

    def test_report(self):
        folder = Path(self.get_temp_dir())
        for seed in (0, 1):
            self.write(folder / "repeats" / f"seed_{seed}", seed)
        self.write(folder / "single", 2)
        line = f"--runs one={folder}/single many={folder}/repeats --output_dir {folder}/report"
        line += " --fade magnitudes=1-3 size=12"
        with mock.patch.object(loading, "load_stored", lambda config: self.sky()):
            self.assertEqual(faint.main(line.split()), 0)
        numbers = json.loads((folder / "report" / "metrics.json").read_text())
        self.assertAllInRange(numbers["accuracy"]["accuracy_many"], 0, 1)
        self.assertIn("auc_many", numbers["flag"])
        self.assertNotIn("auc_one", numbers["flag"])
        text = (folder / "report" / "report.md").read_text()
        self.assertIn("39 of the test split, 1 without a magnitude are left out", text)
        self.assertIn("fainter by 1-3 mag in r", text)
        self.assertIn("--fade magnitudes=1-3 size=12", text)
        self.assertTrue((folder / "report" / "figures" / "by_magnitude.png").exists())
        with (
            mock.patch.object(loading, "load_stored", lambda config: self.sky()),
            contextlib.redirect_stderr(io.StringIO()) as shown,
        ):
            self.assertEqual(faint.main([*line.split(), "--split", "validation"]), 2)
        self.assertIn("--split must be one of train, test; got 'validation'", shown.getvalue())

    def test_mistakes(self):
        for runs, message in (
            (["runs/a"], "`runs` takes NAME=FOLDER; got 'runs/a'"),
            (["a=b", "a=c"], "`runs` must name 'a' once"),
        ):
            with self.assertRaisesRegex(UserError, message):
                Options(runs=runs, output_dir=Path("any"))
        with self.assertRaisesRegex(UserError, "`runs` must be folders of finished runs"):
            members(Path(self.get_temp_dir()) / "missing")


if __name__ == "__main__":
    tf.test.main()
