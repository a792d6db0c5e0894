import numpy as np
import tensorflow as tf
from skimage.metrics import structural_similarity as reference

from trainers.evaluators.statistics.similarity import structural_similarity


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
