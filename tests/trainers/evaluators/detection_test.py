import dataclasses
import types
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.stats import binom_conf_interval

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInSpec
from trainers.evaluators import EvaluationContext, select
from trainers.evaluators.detection import evaluate_detection
from trainers.evaluators.statistics.detections import (
    Comparison,
    DetectedSources,
    TrueSources,
    detected_by_maps,
    detected_by_sep,
)
from trainers.sources.pixel_regions import LIGHT_PEAKS

SIZE, NOISE, SOURCES = 48, 0.5, 4
NAMES = ("point_source", "disk", "background")
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]


@dataclasses.dataclass(frozen=True)
class FieldsSpec(StandInSpec):
    image_shape: tuple[int, int, int] = (SIZE, SIZE, 2)
    bands: tuple[str, ...] = ("r", "z")
    units: str = "nanojansky"
    class_names: tuple[str, ...] = ()
    class_fractions: tuple[float, ...] | None = None
    feature_names: tuple[str, ...] = (
        *("image", "segmentation", "class_map", "x", "y", "flux", "snr", "class"),
    )


class Fields(StandInDataset):
    """Three sources in noise, narrow and wide, one of them faint, and one outside of the field."""

    def _draw(self, number, generator, magnitudes):
        x, y = np.zeros((2, number, SOURCES))
        x[:], y[:] = (12, 35, 12, -3), (12, 30, 36, 20)
        x, y = (each + generator.uniform(-2, 2, x.shape) for each in (x, y))
        label = np.tile([0, 1, 1, 0], (number, 1))
        width = np.where(label == 0, 1.5, 3.0)
        height = np.tile([12.0, 8.0, 1.2, 5.0], (number, 1))
        offsets = (ROWS - y[..., None, None]) ** 2 + (COLUMNS - x[..., None, None]) ** 2
        light = height[..., None, None] * np.exp(-offsets / (2 * width[..., None, None] ** 2))
        total = light.sum(axis=1)
        noise = generator.normal(0, NOISE, (number, SIZE, SIZE, 2))
        numbers = np.where(total > 0.5, 1 + light.argmax(axis=1), 0)
        classes = np.concatenate([np.full((number, 1), 2), label], axis=1)
        return {
            "image": (total[..., None] + noise).astype(np.float32),
            "segmentation": numbers,
            "class_map": np.take_along_axis(classes, numbers.reshape(number, SIZE**2), axis=1)
            .reshape(number, SIZE, SIZE)
            .astype(np.uint8),
            "x": x,
            "y": y,
            "flux": np.repeat((2 * np.pi * height * width**2)[..., None], 2, axis=-1),
            "snr": height * width * np.sqrt(2 * np.pi) / NOISE,
            "class": label,
            "noise_sigma": np.full((number, 2), NOISE, np.float32),
        }


class Oracle:
    """Probabilities from the smoothed light, and centres where that has its peaks."""

    registry_name = "oracle"
    task = "segmentation"
    input_names = ("image",)
    image_shape = (SIZE, SIZE, 2)
    class_names = NAMES
    background = 2

    def __call__(self, images, training=False):
        kernel = np.exp(-(np.arange(-4, 5) ** 2) / 4.0).astype(np.float32)
        kernel = np.outer(kernel, kernel)[..., None, None] / kernel.sum() ** 2
        light = tf.nn.conv2d(tf.reduce_mean(images, axis=-1, keepdims=True), kernel, 1, "SAME")
        sky = tf.sigmoid(6 * (0.5 - light))
        disk = tf.cast(tf.reduce_mean(images, axis=-1, keepdims=True) < 6, tf.float32)
        maps = tf.concat([(1 - disk) * (1 - sky), disk * (1 - sky), sky], axis=-1)
        segment = tf.argmax(maps, axis=-1, output_type=tf.int32)
        return {"pixel_probabilities": maps, "segment": segment}


class DetectionTest(tf.test.TestCase):
    def context(self, model=None, images=8):
        dataset = Fields({"train": 2, "validation": 0, "test": images}, FieldsSpec())
        return EvaluationContext(model or Oracle(), dataset, Path(self.get_temp_dir()))

    def test_numbers_follow_from_matches_by_position(self):
        context = self.context()
        section = evaluate_detection(context)
        arrays, outputs = context.arrays(), context.outputs("call")
        known = np.ones((8, SIZE, SIZE), bool)
        detection = arrays["image"].sum(axis=-1) / NOISE / np.sqrt(2)
        maps = outputs["pixel_probabilities"]
        detected = detected_by_maps(
            maps[..., 2], detection, known, maps[..., :2], settings=LIGHT_PEAKS
        )
        found, spurious = [], len(detected.image)
        for field in range(8):
            own = detected.position[detected.image == field]
            for source in range(SOURCES):
                place = arrays["x"][field, source], arrays["y"][field, source]
                near = np.hypot(*(own - place).T).min() <= 4
                spurious -= near
                if source < 3 and arrays["snr"][field, source] >= 10:
                    found.append(near)
        low, high = binom_conf_interval(sum(found), len(found), 0.95)
        metrics = section.metrics
        self.assertAllClose(metrics["completeness"], np.mean(found))
        self.assertAllClose(
            [metrics["completeness_low"], metrics["completeness_high"]], [low, high]
        )
        self.assertAllClose(metrics["false_positives"], spurious / len(detected.image))
        self.assertEqual(metrics["completeness"], 1.0)
        self.assertEqual(metrics["completeness_isolated"], 1.0)
        self.assertGreater(metrics["sep_completeness"], 0.9)
        self.assertGreater(metrics["class_accuracy"], 0.6)
        rows = section.tables[1].rows
        self.assertEqual(sum(int(row[1]) for row in rows), 24)
        self.assertNotIn("nan", str(rows))
        for figure in section.figures:
            self.assertTrue((context.output_dir / figure.path).exists())
        self.assertLen(section.figures, 2)

    def test_models_of_segments_have_no_classes_of_sources(self):
        class Segments(Oracle):
            class_names = ("segment_0", "segment_1")

            def __call__(self, images, training=False):
                return {"segment": tf.cast(super().__call__(images)["segment"] != 2, tf.int32)}

        section = evaluate_detection(self.context(Segments()))
        self.assertEqual(section.metrics["completeness"], 1.0)
        self.assertNotIn("class_accuracy", section.metrics)
        self.assertLen(section.figures, 1)

    def test_truth_of_the_features(self):
        arrays = self.context().arrays()
        known = np.ones((8, SIZE, SIZE), bool)
        known[2, 6:18] = False
        true = TrueSources.of(arrays, np.arange(8), known, 1)
        self.assertLen(true.image, 8 * SOURCES)
        expected = np.tile([True, True, True, False], 8)
        expected[2 * SOURCES] = False
        self.assertAllEqual(true.inside, expected)
        distances = np.hypot(
            *(true.position[:4, None] - true.position[None, :4]).transpose(2, 0, 1)
        )
        np.fill_diagonal(distances, np.inf)
        self.assertAllClose(true.separation[:4], distances.min(axis=1))
        classes = arrays["class"].copy()
        classes[:, 1:] = -1
        alone = TrueSources.of({**arrays, "class": classes}, np.arange(8), known, 1)
        self.assertLen(alone.image, 8)
        self.assertTrue(np.isinf(alone.separation).all())

    def test_of_two_detections_of_a_source_one_is_spurious(self):
        true = TrueSources(
            np.array([0, 1]),
            np.ones(2, int),
            np.array([[10.0, 10], [10, 10]]),
            *(np.ones(2),) * 4,
            np.ones(2, bool),
        )
        detected = DetectedSources(
            np.array([0, 0, 1]), np.array([[10.0, 11], [12, 10], [20, 20]]), *(np.ones(3),) * 2
        )
        comparison = Comparison.of(detected, true, np.zeros((2, 24, 24), int), 4.0)
        self.assertAllEqual(comparison.partner, [0, -1])
        self.assertAllEqual(comparison.spurious, [False, True, True])

    def test_parts_of_sources_outside_are_neither_true_nor_spurious(self):
        context = self.context()
        arrays, known = context.arrays(), np.ones((8, SIZE, SIZE), bool)
        true = TrueSources.of(arrays, np.arange(8), known, 1)
        truth = np.zeros((8, SIZE, SIZE), int)
        truth[:, 14:26, :8] = 4  # The source outside; its centre is at x = -3 +- 2.
        detected = DetectedSources(
            np.array([0, 0, 0]), np.array([[6.0, 20], [20, 20], [12, 12]]), *(np.ones(3),) * 2
        )
        comparison = Comparison.of(detected, true, truth, 4.0)
        self.assertAllEqual(comparison.partial, [True, False, False])
        self.assertAllEqual(comparison.spurious, [False, True, False])
        self.assertEqual(comparison.partner[0], 2)

    def test_empty_images(self):
        sky, known = (
            np.random.default_rng(0).normal(0, 1e-3, (2, 16, 16)),
            np.ones((2, 16, 16), bool),
        )
        for detected in (detected_by_sep(sky, known), detected_by_maps(known * 1.0, sky, known)):
            self.assertEmpty(detected.image)
            self.assertEqual(detected.position.shape, (0, 2))

    def test_needs(self):
        chosen, _ = select(self.context(), ["detection"])
        self.assertEqual([entry.name for entry in chosen], ["detection"])
        context = self.context()
        names = tuple(name for name in FieldsSpec.feature_names if name not in ("snr", "class_map"))
        context.spec = types.SimpleNamespace(feature_names=names, tasks={}, class_names=())
        self.assertIn("no snr", context.lacks("true_sources"))
        self.assertIn("no map of the classes", context.lacks("pixel_classes"))


if __name__ == "__main__":
    tf.test.main()
