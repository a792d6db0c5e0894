import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from trainers.novelty.measurements import GROUPS, LEAST_SIDE, measure


def noise(number=40, size=48, sigma=(2.0, 0.5), seed=0):
    values = np.random.default_rng(seed).standard_normal((number, size, size, len(sigma)))
    return (values * sigma).astype(np.float32)


class MeasurementsTest(tf.test.TestCase):
    def test_noise_is_its_standard_deviation_beneath_light_that_is_smooth(self):
        y, x = np.mgrid[:48, :48] - 23.5
        smooth = 40 * np.exp(-0.5 * (x**2 + y**2) / 12**2)[..., None] + 0.3 * x[..., None] + 7
        for light in (0, smooth):
            made = measure(noise() + light)["noise"]
            # Of 2,116 pixels the deviation of one image scatters by 3 %, the mean of 40 by 0.5 %.
            self.assertAllClose(made.mean(0), [2.0, 0.5], rtol=0.02)

    def test_correlation_is_that_of_means_of_four_pixels_and_of_bands(self):
        independent = measure(noise())
        self.assertAllClose(independent["noise correlation"].mean(0)[:2], [1.0, 0.25], rtol=0.03)
        difference = np.hypot(2.0, 0.5)
        self.assertAllClose(independent["noise correlation"].mean(0)[2], difference, rtol=0.02)
        blurred = np.stack([gaussian_filter(image, (1, 1, 0)) for image in noise()])
        ratio = measure(blurred)["noise correlation"][:, 0] / measure(blurred)["noise"][:, 0]
        self.assertGreater(ratio.min(), 1.5)

    def test_size_is_the_radius_of_half_of_a_gaussian(self):
        y, x = np.mgrid[:64, :64] - 31.5
        for sigma in (3.0, 6.0):
            image = 1000 * np.exp(-0.5 * (x**2 + y**2) / sigma**2)[None, ..., None]
            image = image + noise(1, 64, (0.01,))
            # Half of the light is within sqrt(2 ln 2) sigma.
            self.assertAllClose(measure(image)["size"][0, 0], 1.17741 * sigma, atol=0.5)

    def test_sky_brightness_and_extreme_values(self):
        image = np.full((1, 16, 16, 2), (3.0, -5.0), np.float32)
        image[0, 8, 8] = (13.0, 0.0)
        made = measure(image)
        self.assertAllClose(made["sky"], [[3.0, -5.0]])
        self.assertAllClose(made["brightness"], [[10.0, 5.0, 10 / 256, 5 / 256]])
        self.assertAllClose(made["extreme values"], [[1 / 256, 255 / 256]])

    def test_padding_is_not_looked_at(self):
        images = noise(3)
        padded = np.pad(images, ((0, 0), (5, 5), (5, 5), (0, 0)))
        self.assertAllEqual(measure(padded, pad=5)["noise"], measure(images)["noise"])

    def test_the_smallest_image_and_one_without_light_are_measured(self):
        made = measure(np.zeros((70, LEAST_SIDE, LEAST_SIDE, 1), np.float32))
        self.assertEqual(set(made), {name for names in GROUPS.values() for name in names})
        for name, values in made.items():
            self.assertEqual(len(values), 70)
            self.assertAllEqual(values, np.full_like(values, name == "extreme values"))


if __name__ == "__main__":
    tf.test.main()
