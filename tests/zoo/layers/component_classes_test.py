"""Classes of components: named by size, and balanced to a known ratio."""

import numpy as np
import tensorflow as tf
from scipy import special

from zoo.layers.component_classes import ComponentClasses, half_light_radius


class ComponentClassesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.layer = ComponentClasses(3, 2, compact=1)
        self.layer.identify(np.log([1.0, 4.0, 2.0]))
        draws = np.random.default_rng(0).dirichlet([0.3] * 3, 2000)
        self.responsibilities = draws.astype(np.float32)

    def test_small_components_are_compact_and_those_between_are_both(self):
        # Two-means splits (0, log 2) and log 4; or 0 and (log 2, log 4): the same variance.
        shares = self.layer(np.eye(3, dtype=np.float32)).numpy()
        self.assertAllClose(shares.sum(axis=1), np.ones(3))
        self.assertAllClose(shares[0, 1], 1.0)
        self.assertAllClose(shares[1, 1], 0.0)
        self.assertBetween(shares[2, 1], 0.1, 0.9)

    def test_balanced_to_a_known_share_in_the_same_order(self):
        before = self.layer(self.responsibilities).numpy()[:, 1]
        for share in (0.1, 0.35, 0.8):
            self.layer.balance(self.responsibilities, share)
            after = self.layer(self.responsibilities).numpy()[:, 1]
            self.assertAllClose(np.mean(after > 0.5), share, atol=0.001)
            # The odds of all are multiplied by the same number.
            inner = (before > 0.01) & (before < 0.99)
            shift = special.logit(after[inner]) - special.logit(before[inner])
            self.assertAllClose(shift, np.full(inner.sum(), shift[0]), atol=1e-3)
            self.assertAllClose(self.layer(self.responsibilities).numpy()[:, 0], 1 - after)

    def test_certain_objects_stay_certain(self):
        certain = np.eye(3, dtype=np.float32)[[0, 1, 0, 1]]
        self.layer.balance(certain, 0.25)
        self.assertAllClose(self.layer(certain).numpy()[:, 1], [1, 0, 1, 0], atol=1e-5)

    def test_naming_again_forgets_the_balance(self):
        self.layer.balance(self.responsibilities, 0.1)
        self.layer.identify(np.log([1.0, 4.0, 2.0]))
        self.assertAllClose(self.layer.odds, 1.0)


class HalfLightRadiusTest(tf.test.TestCase):
    def test_radius_of_gaussians(self):
        y, x = np.mgrid[:64, :64] - 31.5
        sigmas = np.linspace(2.0, 6.0, 81)
        images = [np.exp(-(x**2 + y**2) / (2 * s**2))[..., np.newaxis] for s in sigmas]
        radii = [half_light_radius(image) for image in images]
        # Half of the light of a Gaussian lies within sigma sqrt(2 log 2).
        self.assertAllClose(radii, sigmas * np.sqrt(2 * np.log(2)), atol=0.5)
        # No two of them share a value.
        self.assertAllGreater(np.diff(radii), 0.0)

    def test_image_without_light(self):
        self.assertAllClose(half_light_radius(np.zeros((5, 5, 2))), np.hypot(2, 2))


if __name__ == "__main__":
    tf.test.main()
