import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from astropy.io import fits
from scipy.special import erf

from tests.trainers.cutouts.reading_case import ReadingTestCase
from trainers.cutouts.resizing import cropped, padded, resampled, resized


def gaussian(size, scale, sigma=3.0, centre=(0.4, -0.7)):
    """Flux of a Gaussian of unit sum in pixels of a scale, in closed form."""
    edges = (np.arange(size + 1) - size / 2) * scale
    rows, columns = (np.diff(0.5 * erf((edges - place) / (np.sqrt(2) * sigma))) for place in centre)
    return (rows[:, None] * columns)[..., None].astype(np.float32)


class ResizingTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(0.6, 0.93, 1.5, 2.0, 2.7)
    def test_a_resampled_gaussian_is_the_one_of_the_new_pixels(self, ratio):
        made = resampled(gaussian(64, 1.0), (200, 200), ratio)
        expected = gaussian(made.shape[0], ratio)
        self.assertAllClose(made, expected, atol=1e-3 * expected.max())
        self.assertAllClose(made.sum(), 1.0, atol=1e-5)

    def test_the_flux_of_whole_pixels_is_kept_whatever_they_hold(self):
        image = np.random.default_rng(0).standard_normal((48, 36, 2)).astype(np.float32)
        for ratio in (1.5, 2.0, 0.75):
            made = resampled(image, (100, 100), ratio)
            self.assertEqual(made.shape, (int(48 / ratio), int(36 / ratio), 2))
            self.assertAllClose(made.sum((0, 1)), image.sum((0, 1)), atol=1e-3)
        # Means of 2 x 2 pixels, exactly.
        binned = image.reshape(24, 2, 18, 2, 2).sum((1, 3))
        self.assertAllClose(resampled(image, (24, 18), 2.0), binned, atol=1e-4)

    def test_the_centre_is_cut_and_stays_in_the_centre(self):
        image = np.arange(63 * 64, dtype=np.float32).reshape(63, 64, 1)
        for size in ((32, 32), (33, 31), (64, 64), (63, 64)):
            made = padded(cropped(image, size), size)
            self.assertEqual(made.shape, (*size, 1))
            self.assertEqual(made[size[0] // 2, size[1] // 2, 0], image[31, 32, 0])

    def test_padding_continues_sky_and_noise(self):
        random = np.random.default_rng(0)
        image = (5 + random.standard_normal((24, 24, 2)) * (1.0, 0.2)).astype(np.float32)
        image[8:16, 8:16] += 100
        made = padded(image, (80, 80))
        self.assertAllEqual(made[28:52, 28:52], image)
        outside = np.concatenate([made[:28].reshape(-1, 2), made[52:].reshape(-1, 2)])
        # Of 252 pixels at the border the median is known to 8 %, the deviation to 7 % of sigma.
        self.assertAllClose(outside.mean(0), [5.0, 5.0], atol=0.35)
        self.assertAllClose(outside.std(0), [1.0, 0.2], rtol=0.25)
        self.assertAllEqual(padded(image, (80, 80)), made)

    def test_policies(self):
        small, large = np.ones((6, 8, 1), np.float32), np.ones((20, 20, 1), np.float32)
        with self.assertRaisesRegex(ValueError, "smaller"):
            resized(small, (8, 8), "crop")
        for policy, ratio in (("crop", None), ("pad", None), ("resample", 1.0)):
            self.assertAllEqual(resized(large, (8, 8), policy, ratio), np.ones((8, 8, 1)))
        self.assertAllEqual(resized(small, (8, 8), "pad"), np.ones((8, 8, 1)))
        self.assertAllClose(resized(large, (10, 10), "resample", 2.0), np.full((10, 10, 1), 4.0))


class FilesTest(ReadingTestCase):
    def test_files_of_another_size_and_scale_become_those_of_the_training(self):
        header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
        header["CDELT1"] = header["CDELT2"] = 0.131 / 3600
        wide = np.moveaxis(gaussian(128, 1.0), -1, 0)[0]
        fits.writeto(self.folder / "a.fits", wide, header)
        settings = {"resize": "resample", "pixel_scale": 0.262}
        (entry,) = self.read("a.fits", shape=(64, 64, 1), **settings)
        self.assertAllClose(entry.image, gaussian(64, 2.0), atol=1e-4)
        self.assertEqual(entry.pixel_scale, 0.262)
        np.save(self.folder / "b.npy", wide[None, ..., None])
        (entry,) = self.read("b.npy", shape=(64, 64, 1), **settings)
        self.assertIn("no pixel scale", entry.reason)
        (entry,) = self.read("b.npy", shape=(64, 64, 1), own_pixel_scale=0.131, **settings)
        self.assertAllClose(entry.image, gaussian(64, 2.0), atol=1e-4)
        (entry,) = self.read("a.fits", shape=(64, 64, 1), resize="crop")
        self.assertAllEqual(entry.image[..., 0], wide[32:96, 32:96])
        (entry,) = self.read("a.fits", shape=(200, 200, 1), resize="crop")
        self.assertEqual(entry.reason, "is 128x128 px; 200x200 px was expected")
        (entry,) = self.read("a.fits", shape=(64, 64, 1))
        self.assertEqual(entry.reason, "is 128x128 px; 64x64 px was expected")
        # With the zeros of the training around it.
        (entry,) = self.read("a.fits", shape=(70, 70, 1), pads=(64, 64, 3), resize="crop")
        self.assertAllEqual(entry.image[3:-3, 3:-3, 0], wide[32:96, 32:96])
        self.assertAllEqual(entry.image[:3], np.zeros((3, 70, 1)))


if __name__ == "__main__":
    tf.test.main()
