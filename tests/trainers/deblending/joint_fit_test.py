import numpy as np
import tensorflow as tf
from scipy import ndimage, optimize

from tests.trainers.deblending.scenes import gaussian
from trainers.deblending.joint_fit import fit_brightness
from trainers.deblending.templates import Templates, shifted

SHAPE, SIZE = (20, 24), 12
CORNERS = np.array([[2, 3], [4, 6], [-3, 15]])
FACTORS = np.array([[1.2, 0.7], [0.8, 1.4], [0.5, 1.0]])


def templates(corners=CORNERS):
    """Returns Gaussians of different widths, the last over the edge."""
    images = [gaussian((SIZE, SIZE), 6, 6, width) for width in (1.5, 2.0, 2.5)]
    images = np.stack(images)[..., None] * np.array([900.0, 600.0])
    return Templates(images[: len(corners)].astype(np.float32), np.array(corners), SHAPE)


class JointFitTest(tf.test.TestCase):
    def test_is_the_least_squares_solution_with_a_prior(self):
        drawn, noise = templates(), np.full((*SHAPE, 2), 2.0)
        image = drawn.scene(FACTORS) + np.random.default_rng(2).normal(0, 2, (*SHAPE, 2))
        known = np.random.default_rng(3).random(SHAPE) > 0.1
        fit = fit_brightness(image, noise, known, drawn, model_error=0.0, prior=0.4)
        for band in range(2):
            matrix = drawn.matrix(band).toarray()[known.ravel()] / 2.0
            stacked = np.concatenate([matrix, np.eye(3) / 0.4])
            data = np.concatenate([image[known][:, band] / 2.0, np.full(3, 1 / 0.4)])
            solution, _ = optimize.nnls(stacked, data)
            self.assertAllClose(fit.factor[:, band], solution, rtol=1e-3)
            covariance = np.linalg.inv(stacked.T @ stacked)
            self.assertAllClose(fit.sigma[:, band], np.sqrt(np.diag(covariance)), rtol=1e-3)

    def test_factors_are_not_negative(self):
        drawn = templates(CORNERS[:2])
        image = drawn.scene(np.array([[1.0, 1.0], [-2.0, 1.0]]))
        noise, known = np.ones_like(image), np.ones(SHAPE, bool)
        fit = fit_brightness(image, noise, known, drawn, model_error=0.0, prior=0.3)
        self.assertEqual(fit.factor[1, 0], 0.0)
        self.assertAllClose(fit.factor[:, 1], [1.0, 1.0], atol=1e-3)

    def test_one_place_is_shared_as_drawn(self):
        images = (
            np.repeat(templates().images[:1], 2, axis=0) * np.array([1, 3])[:, None, None, None]
        )
        drawn = Templates(images.astype(np.float32), CORNERS[[0, 0]], SHAPE)
        image, known = 1.25 * drawn.scene(), np.ones(SHAPE, bool)
        fit = fit_brightness(image, np.ones_like(image), known, drawn, model_error=0.0, prior=0.3)
        flux = fit.factor * images.sum(axis=(1, 2))
        self.assertAllClose(flux.sum(axis=0), image.sum(axis=(0, 1)), rtol=1e-3)
        self.assertAllClose(fit.factor, [[1.1, 1.1], [1.3, 1.3]], atol=0.05)
        # Of the fainter nearly all of the prior is left.
        self.assertAllGreater(fit.sigma[0], 0.27)

    def test_an_error_of_the_drawing_does_not_bias_the_brightness(self):
        drawn, random = templates(CORNERS[:1]), np.random.default_rng(4)
        noise, known = np.full((*SHAPE, 2), 20.0), np.ones(SHAPE, bool)
        light = drawn.scene()
        factors = [
            fit_brightness(
                light + random.normal(0, 20, light.shape),
                noise,
                known,
                drawn,
                model_error=0.2,
                prior=100.0,
            ).factor[0]
            for _ in range(200)
        ]
        self.assertAllClose(np.mean(factors, axis=0), [1.0, 1.0], atol=0.005)

    def test_a_source_that_was_drawn_too_bright_is_not_its_own_excuse(self):
        """A faint neighbour beside an image drawn ten times too bright keeps its flux."""
        image = templates(CORNERS[:2]).scene(np.array([[0.1, 0.1], [1.0, 1.0]]))
        drawn, known = templates(CORNERS[:2]), np.ones(SHAPE, bool)
        noise = np.full((*SHAPE, 2), 20.0)
        fit = fit_brightness(image, noise, known, drawn, model_error=0.2, prior=10.0)
        self.assertAllClose(fit.factor, [[0.1, 0.1], [1.0, 1.0]], atol=0.02)

    def test_without_sources(self):
        none = Templates(np.zeros((0, SIZE, SIZE, 2), np.float32), np.zeros((0, 2), int), SHAPE)
        image = np.ones((*SHAPE, 2))
        fit = fit_brightness(image, image, image[..., 0] > 0, none, model_error=0.2, prior=0.3)
        self.assertEqual(fit.factor.shape, (0, 2))
        self.assertAllEqual(none.scene(), np.zeros((*SHAPE, 2)))


class TemplatesTest(tf.test.TestCase):
    def test_columns_of_the_matrix_are_the_sources(self):
        drawn = templates()
        total = np.stack([(drawn.matrix(band) @ FACTORS[:, band]) for band in range(2)], axis=-1)
        self.assertAllClose(total.reshape(*SHAPE, 2), drawn.scene(FACTORS), rtol=1e-5)

    def test_shift_is_that_of_scipy_splines(self):
        images = np.stack([gaussian((24, 24), 11, 12, width) for width in (2.0, 3.0)])[..., None]
        steps = np.array([[0.3, -0.7], [-0.5, 0.25]])
        moved = shifted(images, steps)
        for image, step, result in zip(images, steps, moved, strict=True):
            expected = ndimage.shift(image[..., 0], step, order=5)
            self.assertAllClose(result[..., 0], expected, atol=2e-3 * image.max())
        self.assertAllClose(moved.sum(axis=(1, 2)), images.sum(axis=(1, 2)), rtol=1e-3)


if __name__ == "__main__":
    tf.test.main()
