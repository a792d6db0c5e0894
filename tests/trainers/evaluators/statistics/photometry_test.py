import numpy as np
import tensorflow as tf

from trainers.evaluators.statistics import photometry


def _gaussian(width, centre=(20.0, 20.0), size=41, flux=1000.0):
    y, x = np.mgrid[:size, :size]
    radius2 = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
    return flux * np.exp(-0.5 * radius2 / width**2) / (2 * np.pi * width**2)


class PhotometryTest(tf.test.TestCase):
    def test_concentration_of_a_gaussian_has_a_closed_form(self):
        # The flux within R is F (1 - exp(-R^2 / 2 s^2)).
        for width in (1.5, 2.5, 4.0):
            image = 7.0 + _gaussian(width)
            inner, outer = (1 - np.exp(-0.5 * (radius / width) ** 2) for radius in (2, 6))
            concentration = photometry.concentration(image[None])[0]
            self.assertNear(concentration, 2.5 * np.log10(outer / inner), 0.04)

    def test_concentration_does_not_depend_on_flux_sky_and_centre(self):
        images = np.stack(
            [
                _gaussian(2.0),
                50 + _gaussian(2.0, flux=1e5),
                _gaussian(2.0, centre=(22.3, 18.4)),
            ]
        )
        concentration = photometry.concentration(images)
        self.assertAllClose(concentration, np.full(3, concentration[0]), atol=0.02)

    def test_concentration_of_empty_sky_is_finite(self):
        noise = np.random.default_rng(0).normal(size=(20, 32, 32))
        self.assertAllInRange(photometry.concentration(noise), -10, 10)
        self.assertAllInRange(photometry.concentration(np.zeros((2, 16, 16))), -10, 10)

    def test_sky_and_noise(self):
        generator = np.random.default_rng(1)
        images = np.stack(
            [generator.normal(level, sigma, (30, 64, 64)) for level, sigma in ((5, 2), (-1, 0.5))],
            axis=-1,
        )
        images[:, 28:36, 28:36] += 1000
        sky, noise = photometry.sky_and_noise(images)
        # The frame has 1,792 pixels: the medians scatter by 1.25 sigma / sqrt(1792), 0.03 sigma.
        self.assertAllClose(sky.mean(axis=0), [5, -1], atol=0.05)
        self.assertAllClose(noise.mean(axis=0), [2, 0.5], rtol=0.02)
        self.assertAllEqual(photometry.sky_and_noise(np.zeros((1, 8, 8, 1)))[1], [[1.0]])

    def test_saturated(self):
        images = np.random.default_rng(2).normal(size=(2, 16, 16))
        images[1] = np.clip(images[1], None, 1.0)
        self.assertAllEqual(photometry.saturated(images), [False, True])

    def test_reference_band(self):
        for bands, expected in (
            (("u", "g", "r", "i", "z"), 2),
            (("red", "green", "blue"), 0),
            (("DES-g", "DES-r"), 1),
            (("VIS",), 0),
            (("J", "H", "K"), 1),
        ):
            self.assertEqual(photometry.reference_band(bands), expected)

    def test_radii_are_checked(self):
        with self.assertRaisesRegex(ValueError, r"inner_radius .* got 6.0 and 2"):
            photometry.concentration(np.zeros((1, 8, 8)), inner_radius=6.0, outer_radius=2)
