import numpy as np
import tensorflow as tf

from trainers.evaluators.statistics import latents


class LatentsTest(tf.test.TestCase):
    def test_information_of_known_variances(self):
        # Means of variance 1 - s^2 and posteriors of variance s^2, as a well-trained VAE has.
        generator = np.random.default_rng(0)
        stddev = np.tile([0.1, 0.6, 1.0], (20000, 1))
        mean = generator.normal(size=stddev.shape) * np.sqrt(1 - stddev[0] ** 2)
        information = latents.information(mean, stddev)
        self.assertAllClose(information, [0.99, 0.64, 0.0], atol=0.02)
        self.assertAllEqual(latents.most_informative(mean, stddev), [0, 1])

    def test_autoencoder_is_ordered_by_variance_and_one_latent_always_remains(self):
        mean = np.random.default_rng(1).normal(size=(100, 3)) * [1, 3, 2]
        self.assertAllEqual(latents.most_informative(mean), [1, 2, 0])
        self.assertAllEqual(latents.most_informative(mean, number=1), [1])
        collapsed = np.zeros((50, 4))
        self.assertLen(latents.most_informative(collapsed, np.ones((50, 4))), 1)
        self.assertAllEqual(latents.information(collapsed), np.zeros(4))
