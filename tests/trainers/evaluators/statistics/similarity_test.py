import numpy as np
import tensorflow as tf
from scipy.signal import correlate2d
from skimage.metrics import structural_similarity as reference

from trainers.evaluators.statistics.similarity import pixel_range, structural_similarity


def by_definition(x, y, sigma, data_range):
    """The mean of SSIM over all places of a window of 11 px, in double precision."""
    offset = np.arange(11) - 5
    window = np.exp(-0.5 * (offset[:, None] ** 2 + offset**2) / sigma**2)
    window /= window.sum()

    def blur(image):
        return correlate2d(image, window, mode="valid")

    x, y = x.astype(float), y.astype(float)
    mean_x, mean_y = blur(x), blur(y)
    variance_x, variance_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (luminance * (2 * covariance + c2) / (variance_x + variance_y + c2)).mean()


class SimilarityTest(tf.test.TestCase):
    def test_equals_scikit_image(self):
        generator = np.random.default_rng(0)
        images = generator.normal(3, 20, (5, 32, 30, 2)).astype(np.float32)
        copies = (0.8 * images + generator.normal(0, 5, images.shape)).astype(np.float32)
        similarity = structural_similarity(images, copies)
        for index in range(5):
            for band in range(2):
                image, copy = images[index, ..., band], copies[index, ..., band]
                low, span = image.min(), np.ptp(image)
                expected = reference(
                    (image - low) / span,
                    (copy - low) / span,
                    data_range=1.0,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                )
                self.assertNear(similarity[index, band], expected, 2e-4)

    def test_fixed_range_of_pictures(self):
        generator = np.random.default_rng(2)
        pictures = generator.integers(0, 256, (4, 24, 26, 3)).astype(np.float32)
        # A bright, a dark and a flat one, that a range of each image would make alike.
        pictures[1:3] = np.round(pictures[1:3] / 16)
        pictures[2] += 200
        pictures[3] = 7
        copies = 0.7 * pictures + generator.normal(0, 10, pictures.shape).astype(np.float32)
        similarity = structural_similarity(pictures, copies, sigma=10.0, data_range=255.0)
        for index in range(4):
            for band in range(3):
                pair = pictures[index, ..., band], copies[index, ..., band]
                expected = by_definition(*pair, 10.0, 255.0)
                self.assertNear(similarity[index, band], expected, 2e-4)
        # The default window of scikit-image is another, and its own reference of the range.
        narrow = structural_similarity(pictures, copies, data_range=255.0)
        for index in range(4):
            expected = reference(
                pictures[index, ..., 0],
                copies[index, ..., 0],
                data_range=255.0,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
            self.assertNear(narrow[index, 0], expected, 2e-4)
        own = structural_similarity(pictures, copies, sigma=10.0)
        self.assertGreater(np.abs(own - similarity).max(), 0.1)

    def test_range_of_units(self):
        units = ("counts (0-255)", "counts (0-65535)", "counts", "nanomaggies")
        self.assertEqual([pixel_range(unit) for unit in units], [255.0, 65535.0, None, None])

    def test_equal_images_have_one_and_the_scale_does_not_matter(self):
        generator = np.random.default_rng(1)
        images = generator.normal(size=(3, 16, 16, 1)).astype(np.float32)
        self.assertAllClose(structural_similarity(images, images), np.ones((3, 1)), atol=1e-5)
        copies = images + 0.3
        self.assertAllClose(
            structural_similarity(images, copies),
            structural_similarity(1000 * images, 1000 * copies),
            atol=1e-3,
        )

    def test_images_smaller_than_the_window_and_constant_images(self):
        flat = np.ones((2, 8, 8, 1), np.float32)
        self.assertAllClose(structural_similarity(flat, flat, sigma=10.0), np.ones((2, 1)))
