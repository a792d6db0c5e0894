import dataclasses
import types
from pathlib import Path

import numpy as np
import sep
import tensorflow as tf
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext, select
from trainers.evaluators.segmentation import evaluate_segmentation
from trainers.evaluators.statistics.pixel_baselines import clustered_pixels, significance

NOISE = 0.5
SIZE = 32


@dataclasses.dataclass(frozen=True)
class FieldsSpec(StandInSpec):
    image_shape: tuple[int, int, int] = (SIZE, SIZE, 3)
    bands: tuple[str, ...] = ("g", "r", "z")
    class_names: tuple[str, ...] = ()
    class_fractions: tuple[float, ...] | None = None
    feature_names: tuple[str, ...] = ("image", "segmentation")


class Fields(StandInDataset):
    """Two Gaussian sources in noise, and in the first field none."""

    def _draw(self, number, generator, magnitudes):
        rows, columns = np.mgrid[:SIZE, :SIZE]
        fluxes = np.zeros((number, 2, SIZE, SIZE))
        for field in range(1, number):
            for source, middle in enumerate((9, 22)):
                y, x = middle + generator.uniform(-2, 2, 2)
                fluxes[field, source] = 15 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8)
        noiseless = fluxes.sum(axis=1)
        noise = generator.normal(0, NOISE, (number, SIZE, SIZE, 3))
        return {
            "image": (noiseless[..., None] + noise).astype(np.float32),
            "segmentation": np.where(noiseless > 1, 1 + fluxes.argmax(axis=1), 0),
            "noise_sigma": np.full((number, 3), NOISE, np.float32),
        }


class Thresholds:
    """Isophotes as segments."""

    registry_name = "thresholds"
    task = "segmentation"
    input_names = ("image",)
    image_shape = (SIZE, SIZE, 3)
    class_names = ("segment_0", "segment_1", "segment_2")

    def __call__(self, images, training=False):
        flux = tf.reduce_mean(images, axis=-1)
        return {"segment": tf.cast(flux > 1.5, tf.int32) + tf.cast(flux > 6, tf.int32)}


class SegmentationTest(tf.test.TestCase):
    def context(self, model=None, **changes):
        dataset = Fields({"train": 2, "validation": 0, "test": 6}, FieldsSpec())
        dataset._arrays["test"] |= changes
        return EvaluationContext(model or Thresholds(), dataset, Path(self.get_temp_dir()))

    def test_numbers_are_those_of_scikit_learn_and_sep(self):
        context = self.context()
        section = evaluate_segmentation(context)
        arrays = context.arrays()
        truth = arrays["segmentation"] > 0
        foreground = arrays["image"].mean(axis=-1) > 1.5
        pair = truth.ravel(), foreground.ravel()
        self.assertAllClose(section.metrics["iou"], metrics.jaccard_score(*pair))
        self.assertAllClose(section.metrics["dice"], metrics.f1_score(*pair))
        self.assertAllClose(section.metrics["ari"], metrics.adjusted_rand_score(*pair))
        # The two sources are apart, each a region of its own but for its rim.
        self.assertGreater(section.metrics["ari_sources"], 0.5)
        detected = []
        for image in arrays["image"]:
            sky = np.median(np.stack([image[:4].reshape(-1, 3), image[-4:].reshape(-1, 3)]))
            summed = ((image - sky) / NOISE).sum(axis=-1) / np.sqrt(3)
            _, regions = sep.extract(summed, 1.5, err=1.0, minarea=5, segmentation_map=True)
            detected.append(regions > 0)
        expected = metrics.jaccard_score(truth.ravel(), np.ravel(detected))
        self.assertAllClose(section.metrics["sep_iou"], expected, atol=0.05)
        self.assertIn("1 images without a source", section.text[0])
        self.assertEqual([row[0] for row in section.tables[1].rows], list(Thresholds.class_names))
        self.assertTrue((context.output_dir / section.figures[0].path).exists())

    def test_unknown_pixels_are_left_out(self):
        context = self.context()
        whole = evaluate_segmentation(context).metrics["iou"]
        truth = context.arrays()["segmentation"].copy()
        wrong = (truth > 0) != (context.images.mean(axis=-1) > 1.5)
        self.assertLess(whole, 1.0)
        section = evaluate_segmentation(self.context(segmentation=np.where(wrong, -1, truth)))
        self.assertEqual(section.metrics["iou"], 1.0)
        self.assertIn("unknown and left out", section.text[0])
        in_one_band = wrong[..., None] * np.array([0, 2, 0], np.uint8)
        section = evaluate_segmentation(self.context(mask=in_one_band))
        self.assertEqual(section.metrics["iou"], 1.0)

    def test_a_class_called_background_is_the_sky(self):
        class Supervised(Thresholds):
            class_names = ("source", "background")

            def __call__(self, images, training=False):
                source = tf.reduce_mean(images, axis=-1) > -9.0  # Most of the image.
                return {"probability": tf.one_hot(tf.cast(~source, tf.int32), 2)}

        context = self.context(Supervised())
        share = (context.arrays()["segmentation"] > 0).mean()
        self.assertAllClose(evaluate_segmentation(context).metrics["iou"], share)

    def test_needs(self):
        chosen, _ = select(self.context(), ["segmentation"])
        self.assertEqual([entry.name for entry in chosen], ["segmentation"])
        dataset = StandInDataset()
        for task, reason in (
            ("representation", "task is representation"),
            ("segmentation", "no map of its sources"),
        ):
            spec = types.SimpleNamespace(**vars(dataset.spec) | {"feature_names": ("image",)})
            context = EvaluationContext(StandInModel(dataset), dataset, Path(self.get_temp_dir()))
            context.model.task, context.spec = task, spec
            _, left_out = select(context)
            self.assertIn(reason, left_out["segmentation"])

    def test_pixel_values_are_divided_by_brightness(self):
        images = np.zeros((2, 8, 8, 3))
        images[0, 2:5, 2:5] = 50.0
        images += np.random.default_rng(0).normal(size=images.shape)
        noise, known = np.ones((2, 3)), np.ones((2, 8, 8), bool)
        known[1, 0] = False
        segments = clustered_pixels(images, noise, known, clusters=2, seed=0)
        self.assertAllEqual(segments == -1, ~known)
        bright = segments == segments[0, 3, 3]
        self.assertAllEqual(bright[known], (images.mean(axis=-1) > 20)[known])
        self.assertAllClose(significance(images, noise).std(), images.sum(-1).std() / np.sqrt(3))


if __name__ == "__main__":
    tf.test.main()
