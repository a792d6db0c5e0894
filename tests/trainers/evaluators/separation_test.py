from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.blends import sep_baseline
from trainers.blends.truth import BlendTruth, blended_class, separation_edges
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.datasets.noise import NoisyDataset
from trainers.evaluators import EvaluationContext, select
from trainers.evaluators.figures.blend_gallery import worst_mistakes
from trainers.evaluators.separation import evaluate_separation
from trainers.options import data_options

NAMES = ("isolated", "blended")


class Answers:
    """A classifier that finds in the first pixel of a stamp what it has to say."""

    registry_name = "answers"
    task = "classification"
    class_names = NAMES
    image_shape = (55, 55, 1)
    input_names = ("image",)

    def __init__(self, probability):
        self.probability = tf.constant(probability, tf.float32)
        self.asked = 0

    def __call__(self, images, training=False):
        rows = tf.cast(images[:, 0, 0, 0], tf.int32)
        second = tf.gather(self.probability, rows)
        return {"probability": tf.stack([1 - second, second], axis=1)}


def blends(number=120):
    """Stamps whose first pixel is their row, every second one with a neighbour."""
    random = np.random.default_rng(3)
    label = np.arange(number) % 2
    offset = random.integers(-20, 20, (number, 2)) * label[:, None]
    y, x = np.mgrid[:51, :51] - 25.0
    images = np.zeros((number, 51, 51, 1), np.float32)
    for row, (dx, dy) in enumerate(offset):
        images[row, ..., 0] = 90 * np.exp(-(x**2 + y**2) / 8)
        if label[row]:
            images[row, ..., 0] += 70 * np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / 8)
    return {
        "image": images,
        "label": label,
        "id": np.array([f"blend-{row:04d}" for row in range(number)]),
        "separation": np.hypot(*offset.T).astype(np.float32),
        "offset_x": offset[:, 0].astype(np.int32),
        "offset_y": offset[:, 1].astype(np.int32),
    }


class Numbered(NoisyDataset):
    """Noisy stamps with the row in the first pixel, which is far from all sources."""

    def arrays(self, split, limit=None):
        arrays = super().arrays(split, limit)
        arrays["image"][:, 0, 0, 0] = np.arange(len(arrays["image"]))
        return arrays


class SeparationTest(tf.test.TestCase):
    def _context(self, probability, arrays=None, sigma=3.0):
        arrays = arrays or blends()
        spec = DatasetSpec("blends", (51, 51, 1), ("r",), 0.187, "counts", NAMES, None)
        splits = {name: dict(arrays) for name in data_options.SPLITS}
        dataset = Numbered(InMemoryDataset(spec, splits), sigma, pad=2)
        return EvaluationContext(Answers(probability), dataset, Path(self.get_temp_dir()))

    def test_numbers_are_those_of_the_answers(self):
        arrays = blends()
        label, apart = arrays["label"], arrays["separation"]
        probability = np.random.default_rng(0).random(120)
        context = self._context(probability)
        metrics = evaluate_separation(context).metrics
        right = (probability > 0.5) == label
        self.assertNear(metrics["accuracy"], right.mean(), 1e-12)
        for name, members in (
            ("true_positive_rate", label == 1),
            ("true_positive_rate_close", (label == 1) & (apart < 10)),
            ("true_positive_rate_far", (label == 1) & (apart >= 10)),
            ("true_negative_rate", label == 0),
        ):
            self.assertNear(metrics[name], right[members].mean(), 1e-12)
            self.assertBetween(metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"])
        self.assertNear(metrics["brier"], np.mean((probability - label) ** 2), 1e-6)
        offsets = np.stack([arrays["offset_x"], arrays["offset_y"]], -1).astype(float)
        offsets[label == 0] = np.nan
        sep = sep_baseline.classify(context.images[..., 0], offsets)
        self.assertNear(metrics["sep_accuracy"], np.mean(sep == label), 1e-12)
        self.assertGreater(metrics["sep_true_positive_rate_far"], 0.9)
        self.assertNear(metrics["gain_accuracy"], right.mean() - np.mean(sep == label), 1e-12)

    def test_failures_of_sep_are_left_out_and_counted(self):
        arrays = blends()
        arrays["image"][::4] = 0  # Isolated stamps without a source.
        label = arrays["label"]
        metrics = evaluate_separation(self._context(label.astype(float), arrays)).metrics
        self.assertEqual(metrics["sep_failures"], 30)
        self.assertEqual(metrics["sep_nothing_found"], 30)
        self.assertEqual(metrics["sep_true_negative_rate"], 1)
        self.assertEqual(metrics["sep_true_negative_rate_failures_wrong"], 0.5)
        self.assertEqual(metrics["gain_true_negative_rate"], 0)
        self.assertEqual(metrics["true_negative_rate"], 1)

    def test_it_fits_blends_alone(self):
        context = self._context(np.full(120, 0.3))
        chosen, _ = select(context)
        self.assertIn("separation", [entry.name for entry in chosen])
        dataset = StandInDataset(spec=StandInSpec(class_names=NAMES))
        others = EvaluationContext(StandInModel(dataset), dataset, Path(self.get_temp_dir()))
        self.assertIn("separation", select(others)[1])
        self.assertEqual(blended_class(("blend", "single")), 0)
        self.assertIsNone(blended_class(("star", "galaxy")))
        self.assertIsNone(blended_class(("isolated", "blended", "artefact")))

    def test_both_kinds_must_be_there(self):
        arrays = blends()
        arrays["label"][:] = 1
        with self.assertRaisesRegex(ValueError, "split 'test' must have blended and isolated"):
            evaluate_separation(self._context(np.full(120, 0.3), arrays))

    def test_worst_mistakes_come_first(self):
        blended = np.array([True, False, True, True, False, False])
        probability = np.array([0.4, 0.6, 0.1, 0.9, 0.99, 0.2])
        missed, alarms = worst_mistakes(blended, probability, 5)
        self.assertAllEqual(missed, [2, 0])
        self.assertAllEqual(alarms, [4, 1])
        self.assertLen(worst_mistakes(blended, probability, 1)[0], 1)


class BlendTruthTest(tf.test.TestCase):
    def test_kinds(self):
        truth = BlendTruth.from_arrays(blends(), 1)
        self.assertAllEqual(truth.kind("close") | truth.kind("far"), truth.kind("blended"))
        self.assertFalse(np.any(truth.kind("close") & truth.kind("far")))
        self.assertAllEqual(~truth.kind("isolated"), truth.kind("blended"))
        self.assertAllEqual(np.isnan(truth.separation), truth.kind("isolated"))
        with self.assertRaisesRegex(ValueError, "kind must be one of all, .* got 'near'"):
            truth.kind("near")

    def test_more_than_two_sources(self):
        truth = BlendTruth.from_arrays(
            {
                "label": [0, 1, 1],
                "separation": [0.0, 5.0, 3.0],
                "offset_x": [[0, 0], [5, 0], [3, -9]],
                "offset_y": [[0, 0], [0, 0], [0, 7]],
                "num_sources": [1, 2, 3],
            },
            1,
        )
        self.assertAllEqual(truth.offsets[2], [[3, 0], [-9, 7]])
        self.assertAllEqual(np.isnan(truth.offsets[..., 0]), [[1, 1], [0, 1], [0, 0]])

    def test_missing_features_are_named(self):
        with self.assertRaisesRegex(ValueError, "it lacks offset_y, separation"):
            BlendTruth.from_arrays({"label": [0], "offset_x": [0]}, 1)

    def test_close_and_far_blends_share_no_bin(self):
        for number in (50, 5000):
            edges = separation_edges(np.linspace(0, 35.4, number))
            self.assertIn(10.0, edges)
            self.assertBetween(35.4, edges[-2], edges[-1])
