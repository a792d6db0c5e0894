"""The `paper` recipe of `photo_z` against its source, layer by layer."""

import itertools

import numpy as np
import tensorflow as tf

import zoo
from trainers import recipes


class PhotoZTest(tf.test.TestCase):
    """Pasquet et al. 2019 and its code."""

    def test_paper(self):
        recipe = recipes.get("photo_z", "paper")
        model = zoo.create("photo_z", **recipe.hyperparameters)
        self.assertEqual((model.bins, model.redshift_range), (180, (0.0, 0.4)))
        self.assertEqual(model.input_shapes["galactic_reddening"], ())
        images = np.random.default_rng(0).normal(size=(1, 64, 64, 5)).astype(np.float32)
        self.assertAllEqual(model.preprocessing(images), images)

        def weights(inputs, side, filters):
            # With a bias and a slope of the PReLU for each filter.
            return (side**2 * inputs + 2) * filters

        def block(inputs, a, b, sides=(3, 5)):
            count = sum(weights(inputs, 1, a) + weights(a, side, b) for side in sides)
            count += weights(inputs, 1, a) + weights(inputs, 1, b)
            return count, (len(sides) + 1) * b + a

        expected, depth = weights(5, 5, 64), 64
        for a, b in ((48, 64), (64, 92), (92, 128), (92, 128)):
            count, depth = block(depth, a, b)
            expected += count
        count, depth = block(depth, 92, 128, sides=(3,))
        self.assertEqual(model.trunk.count_params(), expected + count)
        # Three pools.
        self.assertEqual(model.trunk.output_shape, (None, 8 * 8 * depth))
        sizes = (8 * 8 * depth + 1, 1096, 1096, 180)
        dense = sum(a * b + b for a, b in itertools.pairwise(sizes))
        self.assertEqual(model.count_params(), expected + count + dense)


if __name__ == "__main__":
    tf.test.main()
