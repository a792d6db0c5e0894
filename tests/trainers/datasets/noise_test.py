"""Noise in the input pipeline: its statistics, and what it may depend on."""

import contextlib
import dataclasses
import io
import json
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from scipy import stats

from tests.trainers import tiny
from trainers import evaluate, recipes
from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.datasets.noise import NoisyDataset
from trainers.errors import UserError
from trainers.options import data_options, identity
from trainers.options.run import RunConfig
from trainers.runs.run_folder import load_model

NUMBERS = {"train": 60, "validation": 20, "test": 20}


def flat(numbers=NUMBERS, value=100.0, size=6):
    """Images that are flat, so that what is left is the noise."""
    spec = DatasetSpec("flat", (size, size, 2), ("g", "r"), None, "counts", ("a", "b"), (0.5, 0.5))
    splits = {
        split: {
            "image": np.full((number, size, size, 2), value, np.float32),
            "id": np.array([f"{split}-{i}" for i in range(number)]),
            "label": np.arange(number) % 2,
            "offset": np.arange(number, dtype=np.float32),
        }
        for split, number in numbers.items()
    }
    return InMemoryDataset(spec, splits)


def by_id(batches):
    rows = {}
    for batch in batches:
        rows.update(zip(batch["id"].numpy(), batch["image"].numpy(), strict=True))
    return rows


class NoisyDatasetTest(tf.test.TestCase):
    def test_statistics(self):
        # Tests that a right sample fails once in 10,000 times; seeds are fixed.
        arrays = NoisyDataset(flat(), 5.0, pad=0).arrays("train")
        noise = (arrays["image"] - 100) / 5
        self.assertGreater(stats.kstest(noise.ravel(), "norm").pvalue, 1e-4)
        squares = (noise.astype(float) ** 2).sum()
        tail = stats.chi2(noise.size).cdf(squares)
        self.assertBetween(tail, 1e-4, 1 - 1e-4)
        # Pixels, bands and examples do not know of each other.
        for a, b in (
            (noise[:, :-1], noise[:, 1:]),
            (noise[..., 0], noise[..., 1]),
            (noise[:-1], noise[1:]),
        ):
            self.assertGreater(stats.pearsonr(a.ravel(), b.ravel()).pvalue, 1e-4)
        self.assertAllEqual(arrays["noise_sigma"], np.full(60, 5, np.float32))

    def test_realisations_and_splits_are_independent(self):
        numbers = dict.fromkeys(data_options.SPLITS, 50)
        dataset = flat(numbers)
        for split in data_options.SPLITS:
            # The same names everywhere, so that only the split distinguishes them.
            dataset._features[split]["id"] = np.array([f"{i}" for i in range(50)])
        samples = [
            NoisyDataset(dataset, 1.0).arrays(split)["image"] for split in data_options.SPLITS
        ]
        samples.append(NoisyDataset(dataset, 1.0, realisation=1).arrays("train")["image"])
        inside = np.s_[:, 7:-7, 7:-7]
        for i, one in enumerate(samples):
            for other in samples[:i]:
                p = stats.pearsonr(one[inside].ravel(), other[inside].ravel()).pvalue
                self.assertGreater(p, 1e-4)

    def test_padding_comes_before_the_noise(self):
        dataset = NoisyDataset(flat(), 2.0, pad=3)
        self.assertEqual(dataset.spec.image_shape, (12, 12, 2))
        images = dataset.arrays("train")["image"]
        self.assertEqual(images.shape, (60, 12, 12, 2))
        frame = np.ones((12, 12), bool)
        frame[3:-3, 3:-3] = False
        self.assertGreater(stats.kstest(images[:, frame].ravel() / 2, "norm").pvalue, 1e-4)
        self.assertAllClose(images[:, ~frame].mean(), 100, atol=0.1)
        # Sigma scales the noise and does nothing else.
        other = NoisyDataset(flat(), 4.0, pad=3).arrays("train")["image"]
        clean = NoisyDataset(flat(), None, pad=3).arrays("train")["image"]
        self.assertAllClose(other - clean, 2 * (images - clean), atol=1e-3)
        self.assertAllEqual(clean[:, frame], np.zeros_like(clean[:, frame]))
        self.assertEqual(dataset.arrays("train", limit=3)["image"].shape, (3, 12, 12, 2))

    def test_only_the_object_matters(self):
        dataset = NoisyDataset(flat(), (5.0, 35.0))
        arrays = dataset.arrays("train")
        expected = {
            name.encode(): row for name, row in zip(arrays["id"], arrays["image"], strict=True)
        }
        few = NoisyDataset(flat({**NUMBERS, "train": 17}), (5.0, 35.0))
        for batches in (
            dataset.batches("train", 7, features=("id",)),
            dataset.batches("train", 16, shuffle_seed=1, epoch=4, start_batch=2, features=("id",)),
            dataset.batches("train", 16, shuffle_seed=1, shard=(1, 2), features=("id",)),
            few.batches("train", 8, features=("id",)),
        ):
            rows = by_id(batches)
            self.assertNotEmpty(rows)
            for name, row in rows.items():
                self.assertAllEqual(row, expected[name])

    def test_batches(self):
        dataset = NoisyDataset(flat(), 5.0, pad=1)
        spec = dataset.batches("train", 8, drop_remainder=True).element_spec
        self.assertEqual(
            spec,
            {
                "image": tf.TensorSpec((8, 8, 8, 2), tf.float32),
                "label": tf.TensorSpec((8,), tf.int32),
            },
        )
        features = ("noise_sigma", "offset")
        batch = next(iter(dataset.batches("train", 8, labels=False, features=features)))
        self.assertEqual(set(batch), {"image", *features})
        self.assertAllEqual(batch["offset"], np.arange(8))
        self.assertAllEqual(batch["noise_sigma"], np.full(8, 5, np.float32))

    def test_range_of_sigma(self):
        dataset = flat({"train": 2000, "validation": 1, "test": 1}, size=2)
        for distribution, reference in (
            ("uniform", stats.uniform(5, 30)),
            ("log_uniform", stats.loguniform(5, 35)),
        ):
            noisy = NoisyDataset(dataset, (5, 35), pad=0, distribution=distribution)
            arrays = noisy.arrays("train")
            sigma = arrays["noise_sigma"]
            self.assertGreater(stats.kstest(sigma, reference.cdf).pvalue, 1e-4)
            noise = (arrays["image"] - 100) / sigma[:, None, None, None]
            self.assertGreater(stats.kstest(noise.ravel(), "norm").pvalue, 1e-4)

    def test_fresh_noise_is_for_training_alone(self):
        fixed, fresh = NoisyDataset(flat(), 5.0), NoisyDataset(flat(), 5.0, fresh=True)

        def epoch(dataset, split, number):
            return next(iter(dataset.batches(split, 20, epoch=number)))["image"].numpy()

        for split in data_options.SPLITS:
            self.assertAllEqual(epoch(fixed, split, 0), epoch(fixed, split, 1))
            same = split != "train"
            self.assertEqual((epoch(fresh, split, 0) == epoch(fresh, split, 1)).all(), same)
        self.assertAllEqual(epoch(fresh, "train", 3), epoch(fresh, "train", 3))
        self.assertAllEqual(epoch(fresh, "train", 0), fresh.arrays("train")["image"][:20])

    def test_what_was_done_is_reported(self):
        dataset = NoisyDataset(NoisyDataset(flat(), 0, pad=2), (5, 35), realisation=3, fresh=True)
        self.assertEqual(
            dataset.spec.transformations,
            (
                "2 pixels of zeros on each side",
                "7 pixels of zeros on each side, then Gaussian noise of sigma 5.0-35.0 "
                "(log_uniform) counts, realisation 3, fresh in every epoch",
            ),
        )
        self.assertEqual(dataset.num_examples, NUMBERS)

    def test_mistakes(self):
        for sigma in (-1.0, float("nan"), (1, 2, 3), (35, 5)):
            with self.assertRaisesRegex(UserError, "`noise_sigma` must be .* got"):
                NoisyDataset(flat(), sigma)
            with self.assertRaisesRegex(UserError, "`noise_sigma` must be .* got"):
                RunConfig(noise_sigma=list(np.atleast_1d(sigma)))
        with self.assertRaisesRegex(UserError, "above 0 with .*log_uniform.*; got"):
            NoisyDataset(flat(), (0, 5))
        NoisyDataset(flat(), (0, 5), distribution="uniform")
        with self.assertRaisesRegex(UserError, "`noise_distribution` must be .* got 'gamma'"):
            NoisyDataset(flat(), 1.0, distribution="gamma")
        with self.assertRaisesRegex(UserError, "`pad` must be at least 0; got -1"):
            NoisyDataset(flat(), 1.0, pad=-1)
        with self.assertRaisesRegex(UserError, "`noise_realisation` must be at least 0; got -1"):
            RunConfig(noise_realisation=-1)

    def test_recipe_compares_equal_with_what_is_saved(self):
        recipe = recipes.Recipe(pad=7, noise_sigma=(5, 35), noise_draws="fresh")
        config = dataclasses.replace(RunConfig(), **recipe.settings(""))
        self.assertEqual(config.noise_sigma, [5, 35])
        self.assertEmpty(identity.differences(config, config.as_dict()))


class CommandTest(tf.test.TestCase):
    def command(self, main, *arguments):
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = main([*map(str, arguments)])
        return status, errors.getvalue()

    def test_run_and_evaluate(self):
        folder = pathlib.Path(self.get_temp_dir())
        run = ["--run_dir", folder / "run", "--evaluators", "roc", "--epochs", "1"]
        run += ["--saved_models_dir", folder / "saved_models", "--pad", "2"]
        status, errors = self.command(tiny.command, *run, "--noise_sigma", "2", "1")
        self.assertEqual(status, 2)
        self.assertEqual(errors.count("\n"), 1)
        self.assertIn("--noise_sigma must be a range from low to high; got [2.0, 1.0]", errors)
        status, errors = self.command(tiny.command, *run, "--noise_sigma", ".2")
        self.assertEqual(status, 0, msg=errors)
        config = json.loads((folder / "run" / "config.json").read_text())
        self.assertEqual((config["noise_sigma"], config["pad"]), ([0.2], 2))
        description = "2 pixels of zeros on each side, then Gaussian noise of sigma 0.2 counts"
        self.assertIn(description, (folder / "run" / "report.md").read_text())
        with (
            tiny.registered(),
            mock.patch.object(loading, "load", lambda name, **options: tiny.TinyDataset()),
        ):
            self.assertEqual(load_model(folder / "run").image_shape, (12, 12, 2))
            card = (folder / "saved_models" / "tiny" / "1" / "README.md").read_text()
            self.assertIn(f"Trained on images with {description}", card)
            # The same noise gives the same numbers, more noise others.
            other = ["--run_dir", folder / "run", "--output_dir", folder / "other"]
            metrics = [json.loads((folder / "run" / "metrics.json").read_text())["roc"]]
            for sigma in ("0.2", "20"):
                status, errors = self.command(evaluate.main, *other, "--noise_sigma", sigma)
                self.assertEqual(status, 0, msg=errors)
                metrics.append(json.loads((folder / "other" / "metrics.json").read_text())["roc"])
            self.assertEqual(metrics[0], metrics[1])
            self.assertNotEqual(metrics[0], metrics[2])
            status, errors = self.command(evaluate.main, *other[:2], "--noise_sigma", "20")
            self.assertEqual(status, 2)
            self.assertIn("--noise_sigma needs --output_dir", errors)


if __name__ == "__main__":
    tf.test.main()
