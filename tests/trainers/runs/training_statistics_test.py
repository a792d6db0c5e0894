"""Training-set statistics for model constructors; runs with a regression target."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from trainers.datasets.augmentation import AugmentedDataset
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.runs import pipeline

NUMBERS = {"train": 24, "validation": 8, "test": 16}
SMALL = {"filters": [3], "kernels": [3], "pooled": [1], "units": 4, "dropout": [0.0, 0.0]}


def blobs(class_names=("faint", "bright")):
    """Blobs whose brightness is a feature, unknown for some."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:8, :8] - 3.5
    splits = {}
    for split, number in NUMBERS.items():
        brightness = generator.uniform(10, 50, number).astype(np.float32)
        image = brightness[:, None, None] * np.exp(-(x**2 + y**2) / 6)
        splits[split] = {
            "image": image[..., None].astype(np.float32),
            "id": np.array([f"{split}-{i}" for i in range(number)]),
            "brightness": np.where(np.arange(number) % 6, brightness, np.nan),
            "flat": np.ones(number),
            "pair": np.zeros((number, 2)),
        }
        if class_names:
            splits[split]["label"] = (brightness > 40).astype(np.int64)
    spec = DatasetSpec(
        "blobs",
        (8, 8, 1),
        ("r",),
        None,
        "counts",
        class_names,
        None,
        feature_names=tuple(splits["train"]),
    )
    return InMemoryDataset(spec, splits)


class SupervisionTest(tf.test.TestCase):
    def run_with(self, dataset, **hp):
        config = RunConfig(
            model="gz_cnn",
            hp={**SMALL, **hp},
            dataset="blobs",
            epochs=1,
            batch_size=8,
            run_dir=f"{self.get_temp_dir()}/run",
            saved_models_dir=f"{self.get_temp_dir()}/saved",
            overwrite=True,
        )
        with contextlib.redirect_stdout(io.StringIO()):
            outcome = pipeline.execute(config, dataset, tf.distribute.get_strategy())
        return outcome, json.loads((Path(outcome.saved_model) / "model_card.json").read_text())

    def test_classes(self):
        dataset = blobs()
        outcome, card = self.run_with(dataset)
        labels = dataset.arrays("train")["label"]
        counts = card["hyperparameters"]["class_counts"]
        self.assertEqual(counts, [int((labels == 0).sum()), int((labels == 1).sum())])
        self.assertContainsSubset({"roc", "thresholds"}, outcome.metrics)
        self.assertNotIn("regression", outcome.metrics)
        self.assertEqual(card["task"], "classification")

    def test_target(self):
        # Labels are neither needed nor in the way.
        for dataset in (blobs(), blobs(class_names=())):
            outcome, card = self.run_with(dataset, target="brightness")
            finite = dataset.column("train", "brightness")
            finite = finite[np.isfinite(finite)]
            moments = card["hyperparameters"]["target_moments"]
            self.assertAllClose(moments, [finite.mean(), finite.std()])
            self.assertEqual((card["task"], card["class_names"]), ("regression", []))
            output = card["signatures"]["serving_default"]["outputs"]["brightness"]
            self.assertEqual(output["shape"], [None])
            self.assertIn("Prediction of the feature `brightness`", output["meaning"])
            self.assertEqual(outcome.metrics["regression"]["objects"], 13)
            self.assertNotIn("roc", outcome.metrics)

    def test_mistakes(self):
        for hp, message in (
            ({"target": "age"}, "is trained with the features age; dataset 'blobs' has no age"),
            ({"target": "flat"}, "'flat' 24 of 24 training examples have a value, 1 different"),
            ({"target": "pair"}, "'pair' has the shape .2,. and the type float64"),
            ({"target": "id"}, "'id' has the shape .. and the type"),
        ):
            with self.assertRaisesRegex(UserError, message):
                self.run_with(blobs(), **hp)
        with self.assertRaisesRegex(
            UserError, "`model=gz_cnn` is trained with labels; .* has none"
        ):
            self.run_with(blobs(class_names=()))


class ColumnTest(tf.test.TestCase):
    def test_is_that_of_the_arrays(self):
        dataset = blobs()
        augmented = AugmentedDataset(dataset)
        for name in ("label", "brightness"):
            expected = dataset.arrays("train")[name]
            for each in (dataset, augmented):
                self.assertAllEqual(each.column("train", name), expected)
            # The way of datasets that are not in memory.
            self.assertAllEqual(Dataset.column(dataset, "train", name), expected)


if __name__ == "__main__":
    tf.test.main()
