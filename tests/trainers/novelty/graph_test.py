"""Tests of the validity of answers as TensorFlow operations."""

import numpy as np
import tensorflow as tf

from tests.trainers.novelty.reference_test import features, sample, sky
from trainers.novelty import graph
from trainers.novelty.densities import FeatureGaussian, MeasurementMixture
from trainers.novelty.measurements import measure
from trainers.novelty.reference import Reference


class GraphTest(tf.test.TestCase):
    def test_measurements_are_those_of_numpy_for_any_size(self):
        random = np.random.default_rng(0)
        any_size = tf.TensorSpec((None, None, None, 3), tf.float32)
        measured = tf.function(graph.measure, input_signature=[any_size])
        padded = tf.function(lambda images: graph.measure(images, 4), input_signature=[any_size])
        for height, width in ((8, 9), (16, 24), (65, 64)):
            images = sky(5, height, size=max(height, width))[:, :height, :width]
            images = np.concatenate([images, random.normal(size=images.shape)], -1)[..., :3]
            images = images.astype(np.float32)
            images[0], images[1] = 0, np.maximum(images[1], 0.5)
            wide = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)))
            for name, expected in measure(images).items():
                self.assertAllClose(measured(images)[name], expected, rtol=1e-4, atol=1e-5)
                self.assertAllClose(padded(wide)[name], expected, rtol=1e-4, atol=1e-5)

    def test_distances_are_those_of_numpy(self):
        random = np.random.default_rng(1)
        for dimensions in (3, 200):
            vectors = random.standard_normal((300, dimensions)) * 3 + 1
            others = (5 * random.standard_normal((40, dimensions))).astype(np.float32)
            kinds = [FeatureGaussian] if dimensions > 3 else [FeatureGaussian, MeasurementMixture]
            for kind in kinds:
                density = kind.fit(vectors)
                made = graph.distance(density, tf.constant(others))
                self.assertAllClose(made, density.distance(others), rtol=1e-6)

    def test_columns_are_those_of_numpy(self):
        reference = Reference.fit(sample(600, 0), sample(400, 1))
        images = np.concatenate(
            [sky(20, 2), sky(20, 3, sigma=2.0), sky(9, 4, level=9.0), np.zeros((1, 16, 16, 2))]
        ).astype(np.float32)
        vectors = features(images)
        vectors[:4] += 30

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 2), tf.float32)])
        def pixels(images):
            return graph.columns(reference, images, None)

        joint = tf.function(lambda *inputs: graph.columns(reference, *inputs))
        small = np.zeros((3, 7, 12, 2), np.float32)
        for made, expected in (
            (joint(images, vectors), reference.columns(images, vectors)),
            (pixels(images), reference.columns(images, None)),
            (pixels(small), reference.columns(small, None)),
        ):
            self.assertAllClose(made["validity_distance"], expected["validity_distance"], rtol=1e-3)
            self.assertAllEqual(made["outside"], expected["outside"])
            reasons = [text.decode() for text in made["outside_reason"].numpy()]
            self.assertEqual(reasons, list(expected["outside_reason"]))
        self.assertIn("; ", "".join(joint(images, vectors)["outside_reason"].numpy().astype(str)))


if __name__ == "__main__":
    tf.test.main()
