import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext, registry


class _Memory:
    """A generator that has learnt the training images by heart."""

    registry_name, task, input_names, class_names = "memory", "representation", ("image",), ()
    latent_dim = 2

    def __init__(self, images):
        self.images, self.image_shape = images, images.shape[1:]

    def encode(self, images):
        return {"latent_mean": tf.reduce_mean(images, axis=(1, 2))[:, :2]}

    def decode(self, latent):
        share = 0.5 * (1 + tf.math.erf(latent[:, 0] / np.sqrt(2)))
        return {"image": tf.gather(self.images, tf.cast(share * (len(self.images) - 1), tf.int32))}


class RealismTest(tf.test.TestCase):
    def run_on(self, model, dataset):
        context = EvaluationContext(model, dataset, Path(self.get_temp_dir()))
        section = registry.describe("realism").run(context)
        json.dumps(section.metrics)
        return section

    def test_a_perfect_generator_and_a_poor_one(self):
        dataset = StandInDataset({"train": 300, "validation": 0, "test": 240})
        perfect = self.run_on(_Memory(dataset.arrays("train")["image"]), dataset)
        poor = self.run_on(StandInModel(dataset), dataset)
        # Draws of one or the other half of the images have the same distance.
        numbers = perfect.metrics
        self.assertAllClose(numbers["frechet_pixels"], numbers["frechet_pixels_floor"], rtol=0.5)
        self.assertLess(abs(numbers["kernel_pixels"]), 0.1)
        self.assertGreater(poor.metrics["frechet_pixels"], 1.5 * numbers["frechet_pixels"])
        self.assertNotIn("frechet_weights", numbers)

    def test_what_a_crop_leaves_out_does_not_count(self):
        dataset = StandInDataset({"train": 300, "validation": 0, "test": 240})
        model = _Memory(dataset.arrays("train")["image"].copy())
        model.window = slice(6, None), slice(None)
        expected = self.run_on(model, dataset).metrics
        model.images[:, :6] = 9.0
        self.assertEqual(self.run_on(model, dataset).metrics, expected)

    def test_colour_pictures_are_seen_by_a_network(self):
        spec = StandInSpec(
            image_shape=(24, 24, 3), bands=("red", "green", "blue"), units="counts (0-255)"
        )
        dataset = StandInDataset({"train": 250, "validation": 0, "test": 220}, spec)
        for split in ("train", "test"):
            images = dataset.arrays(split)["image"]
            images[:] = np.clip(40 + 300 * images, 0, 255)
        section = self.run_on(_Memory(dataset.arrays("train")["image"]), dataset)
        # Of some 100 images the bias is most of it.
        floor = section.metrics["frechet_weights_floor"]
        self.assertBetween(section.metrics["frechet_weights"], 0.5 * floor, 2 * floor)
        self.assertLen(section.tables[0].rows, 4)


if __name__ == "__main__":
    tf.test.main()
