import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInSpec
from trainers.evaluators import EvaluationContext, select
from trainers.evaluators.neighbours import evaluate_neighbours
from trainers.evaluators.statistics.sep_neighbours import sep_neighbours

SIZE = 48


def spot(y, x, width, flux=900.0):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    radius2 = (rows - y) ** 2 + (columns - x) ** 2
    return flux * np.exp(-radius2 / (2 * width**2)) / (2 * np.pi * width**2)


@dataclasses.dataclass(frozen=True)
class CrowdedSpec(StandInSpec):
    image_shape: tuple[int, int, int] = (SIZE, SIZE, 2)
    bands: tuple[str, ...] = ("g", "r")
    class_names: tuple[str, ...] = ("star", "galaxy")
    class_fractions: tuple[float, ...] | None = None
    feature_names: tuple[str, ...] = ("image", "label", "neighbour_distance")


class Crowded(StandInDataset):
    """Narrow and wide objects, every other one with a neighbour at 13 px."""

    def _draw(self, number, generator, magnitudes):
        label = np.arange(number) // 2 % 2
        distance = np.where(np.arange(number) % 2, 13.0, np.inf)
        middle = (SIZE - 1) / 2
        images = []
        for kind, near in zip(label, np.isfinite(distance), strict=True):
            width = generator.normal(2.0 if kind == 0 else 2.8, 0.3)
            image = spot(middle, middle, width)
            if near:
                image = image + spot(middle, middle + 13, 2.0, generator.uniform(0, 4000))
            images.append(image)
        noise = generator.normal(size=(number, SIZE, SIZE, 2))
        pixels = np.array(images)[..., None] + noise
        return {
            "image": pixels.astype(np.float32),
            "label": label,
            "neighbour_distance": distance,
        }


class Spread:
    """The mean distance of the light from the centre, which neighbours spoil."""

    registry_name = "spread"
    task = "classification"
    input_names = ("image",)
    image_shape = (SIZE, SIZE, 2)
    class_names = ("star", "galaxy")

    def __call__(self, images, training=False):
        rows, columns = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
        radius = np.hypot(rows, columns).astype(np.float32)
        light = tf.nn.relu(tf.reduce_mean(images, -1) - 2)
        spread = tf.reduce_sum(light * radius, (1, 2)) / (tf.reduce_sum(light, (1, 2)) + 1e-6)
        galaxy = tf.sigmoid(spread - 3)
        return {"probability": tf.stack([1 - galaxy, galaxy], -1)}


class NeighboursTest(tf.test.TestCase):
    def context(self):
        dataset = Crowded({"train": 2, "validation": 2, "test": 120}, CrowdedSpec())
        return EvaluationContext(Spread(), dataset, Path(self.get_temp_dir()))

    def test_numbers_are_those_of_scikit_learn(self):
        context = self.context()
        numbers = evaluate_neighbours(context).metrics
        near = np.arange(120) % 2 == 1
        for name, members in (("near", near), ("far", ~near), ("all", near | ~near)):
            score = Spread()(context.images[members])["probability"][:, 1]
            expected = metrics.roc_auc_score(context.labels[members], score)
            self.assertAllClose(numbers[f"auc_{name}"], expected)
        self.assertGreater(numbers["auc_far"], numbers["auc_near"] + 0.1)
        self.assertGreater(numbers["sep_gain_near_low"], 0)
        self.assertAllClose(numbers["sep_gain_far"], 0, atol=0.03)
        gain = numbers["sep_auc_near"] - numbers["auc_near"]
        self.assertAllClose(numbers["sep_gain_near"], gain)

    def test_sep_leaves_the_object_at_the_centre(self):
        middle = (SIZE - 1) / 2
        pair = spot(middle, middle, 2.0) + spot(middle + 14, middle, 2.0, 4000)
        noise = np.random.default_rng(0).normal(size=(2, SIZE, SIZE, 1))
        images = np.stack([pair, 0 * pair])[..., None] + noise
        regions = sep_neighbours(images.astype(np.float32))
        self.assertTrue(regions[0, 36:40, 22:26].all())
        self.assertFalse(regions[0, 21:27, 21:27].any())

    def test_needs(self):
        context = self.context()
        self.assertEqual([one.name for one in select(context, ["neighbours"])[0]], ["neighbours"])
        context.spec = dataclasses.replace(context.spec, feature_names=("image", "label"))
        self.assertIn("no distances of neighbours", context.lacks("neighbours"))


if __name__ == "__main__":
    tf.test.main()
