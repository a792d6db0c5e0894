import numpy as np
import tensorflow as tf

from trainers.evaluators.statistics.injected_anomalies import KINDS, inject


class InjectedAnomaliesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draws = np.random.default_rng(0)
        rows, columns = np.mgrid[:64, :64] - 31.5
        blob = np.exp(-(rows**2 + columns**2) / (2 * 3.0**2))[..., None] * [50, 80, 110]
        cls.images = (blob + draws.normal(0, 1, (20, 64, 64, 3))).astype(np.float32)
        cls.radius = np.hypot(rows, columns)

    def _added(self, kind, seed=1):
        copies = inject(kind, self.images, np.random.default_rng(seed))
        return copies - self.images

    def test_light_is_added_where_it_belongs(self):
        centre_of = {"arc": (0.12, 0.25), "double core": (0.07, 0.12)}
        for kind in KINDS:
            added = self._added(kind)
            total = added.sum(axis=-1)
            self.assertAllGreaterEqual(added, -1e-3)
            self.assertAllGreater(total.max(axis=(1, 2)), 3.0)
            if kind in centre_of:
                low, high = centre_of[kind]
                radius = (total * self.radius).sum((1, 2)) / total.sum((1, 2)) / 64
                self.assertAllInRange(radius, low - 0.02, high + 0.02)
        # A trail reaches the edges; a tail begins inside.
        trail = self._added("artefact").sum(axis=-1)
        edge = np.ones((64, 64), bool)
        edge[2:-2, 2:-2] = False
        self.assertAllGreater((trail * edge).max(axis=(1, 2)), 1.0)

    def test_colours(self):
        shares = {
            kind: added.sum(axis=(1, 2)) / added.sum(axis=(1, 2, 3))[:, None]
            for kind in KINDS
            for added in [self._added(kind)]
        }
        self.assertAllClose(shares["arc"], np.full((20, 3), 1 / 3), atol=0.02)
        galaxy = np.array([50, 80, 110]) / 240
        for kind in ("tidal tail", "double core"):
            self.assertAllClose(shares[kind], np.tile(galaxy, (20, 1)), atol=0.05)
        self.assertAllClose(shares["artefact"].max(axis=1), np.ones(20), atol=1e-3)

    def test_the_generator_decides_and_the_range_of_the_pixels_stays(self):
        for kind in KINDS:
            self.assertAllEqual(self._added(kind), self._added(kind))
            self.assertNotAllClose(self._added(kind), self._added(kind, seed=2))
            copies = inject(kind, self.images, np.random.default_rng(1))
            self.assertLessEqual(copies.max(), self.images.max())
            self.assertEqual(copies.dtype, np.float32)


if __name__ == "__main__":
    tf.test.main()
