import numpy as np
import sep
import tensorflow as tf

from trainers.blends.target_photometry import measure_targets

SIZE = 48


def stamp(*sources, noise=0.05, seed=0):
    """Returns an image of two bands of Gaussian sources (x, y, flux)."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    image = np.random.default_rng(seed).normal(0, noise, (SIZE, SIZE, 2))
    for x, y, flux in sources:
        light = flux * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8) / (8 * np.pi)
        image += light[..., None] * np.array([1.0, 2.0])
    return image


class TargetPhotometryTest(tf.test.TestCase):
    def measure(self, images, deblend):
        number = len(images)
        middle = np.full(number, SIZE / 2)
        noise = np.full((number, 2), 0.05)
        return measure_targets(np.stack(images), noise, middle, middle, deblend=deblend)

    def test_a_source_alone_has_the_flux_of_sep_and_nearly_all_of_it(self):
        image = stamp((24, 24, 100))
        for deblend in (True, False):
            measured = self.measure([image], deblend)
            self.assertAllClose(measured.flux[0], [100, 200], rtol=0.06)
            self.assertEqual(measured.failures, 0)
            self.assertFalse(measured.others.any())
        summed = np.ascontiguousarray(image.sum(axis=-1) / 0.05 / np.sqrt(2), np.float32)
        source = sep.extract(summed, 1.5, err=1.0, deblend_nthresh=32, deblend_cont=0.005)
        ellipse = [source[name] for name in ("x", "y", "a", "b", "theta")]
        radius = 2.5 * sep.kron_radius(summed, *ellipse, 6.0)[0]
        band = np.ascontiguousarray(image[..., 1], np.float32)
        flux = sep.sum_ellipse(band, *ellipse, radius)[0]
        self.assertAllClose(measured.flux[0, 1:], flux, rtol=1e-5)

    def test_neighbours_are_divided_off_only_with_deblending(self):
        images = [stamp((24, 24, 100), (32, 24, 60))]
        apart, together = (self.measure(images, deblend) for deblend in (True, False))
        self.assertAllClose(apart.flux[0], [100, 200], rtol=0.2)
        self.assertTrue(apart.others[0, 24, 32])
        self.assertFalse(apart.others[0, 24, 24])
        self.assertAllClose(together.flux[0], [160, 320], rtol=0.1)

    def test_failures(self):
        images = [stamp(), stamp((34, 24, 100)), stamp((24, 24, 100))]
        measured = self.measure(images, True)
        self.assertAllEqual(measured.detected, [False, False, True])
        self.assertEqual(measured.failures, 2)
        self.assertTrue(np.isnan(measured.flux[:2]).all())

    def test_places_outside_and_sources_on_top_of_each_other(self):
        images = np.stack([stamp((24, 24, 100)), stamp((24, 24, 100), (24, 24, 60))])
        images[0, :4, :4] = np.nan
        noise = np.full((2, 2), 0.05)
        for deblend in (True, False):
            x, y = np.array([-30.0, 24.0]), np.array([500.0, 24.0])
            measured = measure_targets(images, noise, x, y, deblend=deblend)
            # Two at one place are one, with the light of both.
            self.assertAllEqual(measured.detected, [False, True])
            self.assertAllClose(measured.flux[1], [160, 320], rtol=0.06)


if __name__ == "__main__":
    tf.test.main()
