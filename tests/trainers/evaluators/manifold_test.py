import numpy as np
import tensorflow as tf

from trainers.evaluators.manifold import identify


class IdentifyTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(0)
        self.galaxy = generator.random(1000) < 0.25
        self.scalar = generator.normal(size=1000) + 4 * self.galaxy
        self.size = generator.normal(size=1000) + self.galaxy

    def test_sign_of_the_scalar_does_not_matter(self):
        for scalar in (self.scalar, -self.scalar):
            result = identify(scalar, 0.25, self.size)
            self.assertAllClose(result.score, self.scalar)
            self.assertNear((result.score > result.threshold).mean(), 0.25, 0.002)
            self.assertGreater(((result.score > result.threshold) == self.galaxy).mean(), 0.95)

    def test_unusable_sizes_have_no_say(self):
        size = np.where(self.galaxy, self.size, self.size + 100)
        usable = self.size == size
        usable[np.flatnonzero(~usable)[:20]] = True
        size[usable] = self.size[usable]
        result = identify(-self.scalar, 0.25, size, usable)
        self.assertAllClose(result.score, self.scalar)

    def test_fraction_is_checked(self):
        with self.assertRaisesRegex(ValueError, r"extended_fraction .* got 1.0"):
            identify(self.scalar, 1.0, self.size)
