import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table

from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.evaluators import EvaluationContext, context, select
from trainers.evaluators.statistics.task_probe import probe_task
from trainers.evaluators.tasks import evaluate_tasks

TASKS = {"side": ("left", "right"), "bar": ("strong", "weak", "no"), "lone": ("one", "other")}


class MeanModel:
    """Encodes an image as its first three pixels."""

    registry_name, task, class_names, image_shape = "mean", "representation", (), (4, 4, 1)
    input_names = ("image",)

    def encode(self, images):
        return {"latent_mean": tf.reshape(images, (-1, 16))[:, :3]}


def dataset(train=400, test=300, seed=0):
    """Objects whose first pixel decides `side` and whose second decides `bar`; half lack labels."""
    generator = np.random.default_rng(seed)
    splits = {}
    for split, number in {"train": train, "validation": 10, "test": test}.items():
        image = generator.uniform(-1, 1, (number, 4, 4, 1)).astype(np.float32)
        # Nothing in between, where trees would have to guess.
        image[:, 0, 0] += np.sign(image[:, 0, 0])
        first, second = image[:, 0, 0, 0], image[:, 0, 1, 0]
        side = (first > 0).astype(int)
        bar = np.digitize(second, [-0.5, 0.5])
        labelled = generator.random(number) < 0.5
        splits[split] = {
            "image": image,
            "id": np.array([f"{split}-{index}" for index in range(number)]),
            "label_side": np.where(labelled, side, -1),
            "label_bar": bar,
            "label_lone": np.where(labelled, 0, -1),
        }
    spec = DatasetSpec("t", (4, 4, 1), ("r",), None, "counts", (), None, tasks=TASKS)
    return InMemoryDataset(spec, splits)


class TasksTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        with mock.patch.object(context, "_TRAINING_OBJECTS", 50):
            cls.context = EvaluationContext(MeanModel(), dataset(), Path(folder.name))
            cls.section = evaluate_tasks(cls.context)

    def test_forests_find_the_pixels_that_decide(self):
        evaluation, section = self.context, self.section
        metrics = section.metrics
        labels = {
            split: evaluation.dataset.arrays(split)["label_side"] for split in ("train", "test")
        }
        self.assertEqual(metrics["side_train_objects"], (labels["train"] >= 0).sum())
        self.assertEqual(metrics["side_objects"], (labels["test"] >= 0).sum())
        for name in ("train_accuracy", "accuracy", "balanced_accuracy", "few_trees_accuracy"):
            self.assertEqual(metrics[f"side_{name}"], 1.0)
        self.assertEqual(metrics["side_accuracy_error"], 0.0)
        bar = evaluation.dataset.arrays("test")["label_bar"]
        self.assertAllClose(metrics["bar_majority"], np.mean(bar == 1))
        # Trees interpolate between 400 values: 2 limits, some 1 % of the objects about each.
        self.assertGreater(metrics["bar_accuracy"], 0.95)
        share = metrics["bar_accuracy"]
        self.assertAllClose(metrics["bar_accuracy_error"], np.sqrt(share * (1 - share) / 300))
        table = Table.read(evaluation.output_dir / "task_importances.ecsv")
        self.assertEqual(np.argmax(table["side"]), 0)
        self.assertEqual(np.argmax(table["bar"]), 1)
        self.assertAllClose(np.sum(table["bar"]), 1.0)
        self.assertLen(section.figures, 3)
        for figure in section.figures:
            self.assertTrue((evaluation.output_dir / figure.path).exists())

    def test_task_of_one_class_is_left_out_with_the_reason(self):
        section = self.section
        self.assertNotIn("lone_accuracy", section.metrics)
        self.assertIn("lone (the training objects have labels of one alone)", section.text[1])
        with self.assertRaisesRegex(ValueError, "the test objects have labels of no class"):
            latents, labels = np.zeros((4, 2)), np.array([0, 0, 1, 1])
            probe_task("side", TASKS["side"], (latents, labels), (latents, np.full(4, -1)))

    def test_published_numbers_stand_beside_tasks_of_the_same_classes_alone(self):
        section = self.section
        self.assertEqual([row[0] for row in section.tables[1].rows], ["bar"])
        self.assertEqual(section.tables[1].rows[0][-2:], ["98.4", "72.1"])
        self.assertEqual(section.metrics["tasks_at_published_accuracy"], 1)

    def test_all_training_objects_are_seen_and_few_are_loaded(self):
        self.assertEqual(self.section.metrics["bar_train_objects"], 400)
        with mock.patch.object(context, "_TRAINING_OBJECTS", 50):
            latents = self.context.all_latents("train")
            self.assertLen(self.context.column("train", "label_bar"), 400)
            self.assertLen(self.context.arrays("train")["image"], 50)
            first = self.context.of_images(lambda x: {"mean": x[:, 0, 0]}, "train", 130)["mean"]
        pixels = self.context.dataset.arrays("train")["image"].reshape(400, 16)
        self.assertAllClose(latents, pixels[:, :3])
        self.assertAllClose(first, self.context.dataset.arrays("train")["image"][:130, 0, 0])

    def test_needs_tasks(self):
        bare = dataset()
        object.__setattr__(bare.spec, "tasks", {})
        evaluation = EvaluationContext(MeanModel(), bare, Path(self.get_temp_dir()))
        self.assertIn("tasks", select(evaluation)[1])
