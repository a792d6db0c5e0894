import dataclasses

import numpy as np
import tensorflow as tf

from zoo.photometry import JointPhotometry

SIZE = 32
NOISE = np.array([0.5, 2.0])


def gaussian(y, x, sigma):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))[..., None]


class JointPhotometryTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        draws = np.random.default_rng(4)
        self.number = 40
        # Drawn galaxies of peaks of 20 and 60 sigma, by another factor in the images.
        peaks = NOISE * draws.uniform(20, 60, (self.number, 1, 1, 2))
        self.drawn = (peaks * gaussian(16, 16, 2.0)).astype(np.float32)
        self.true = draws.uniform(0.7, 1.4, (self.number, 2))
        noise = NOISE * draws.normal(size=self.drawn.shape)
        self.alone = (self.true[:, None, None] * self.drawn + noise).astype(np.float32)
        neighbour = 25 * NOISE[::-1] * gaussian(9, 12, 2.4) + 8 * NOISE * gaussian(24, 22, 3.6)
        self.neighbour = np.repeat(neighbour[None], self.number, axis=0).astype(np.float32)

    def fit(self, images, drawn=None, **changes):
        photometry = dataclasses.replace(JointPhotometry(neighbours=3, prior=10.0), **changes)
        return photometry(tf.constant(images), tf.constant(self.drawn if drawn is None else drawn))

    def test_without_neighbours_it_is_the_weighted_mean_of_numpy(self):
        fit = self.fit(self.alone, threshold=1e9, prior=0.1)
        self.assertAllEqual(fit.neighbours, np.zeros_like(self.alone))
        noise = fit.noise.numpy()
        self.assertAllClose(noise[:, 0, 0], np.broadcast_to(NOISE, (self.number, 2)), rtol=0.2)
        # One template and the prior: least squares of pixels and one more equation.
        for row in range(3):
            for band in range(2):
                root = np.sqrt(fit.weight[row, ..., band]).ravel()
                m = self.drawn[row, ..., band].ravel() / noise[row, 0, 0, band]
                x = self.alone[row, ..., band].ravel() / noise[row, 0, 0, band]
                design, data = np.append(root * m, 10.0), np.append(root * x, 10.0)
                (expected,), *_ = np.linalg.lstsq(design[:, None], data, rcond=None)
                self.assertAllClose(fit.factor[row, band], expected, rtol=1e-4)
                self.assertAllClose(fit.sigma[row, band], 1 / np.linalg.norm(design), rtol=1e-4)

    def test_errors_are_as_large_as_stated(self):
        # With the error of the drawn galaxy off, as it is exact here.
        fit = self.fit(self.alone, model_error=0.0)
        pull = (fit.factor - self.true) / fit.sigma
        # 80 standard normal numbers: the bounds fail once in 10,000 times.
        self.assertLess(abs(np.mean(pull)), 3.9 / np.sqrt(80))
        self.assertBetween(np.std(pull), 0.7, 1.3)

    def test_neighbours_are_taken_off(self):
        fit = self.fit(self.alone + self.neighbour)
        biased = self.fit(self.alone + self.neighbour, threshold=1e9)
        error, without = (np.abs(each.factor / self.true - 1) for each in (fit, biased))
        self.assertLess(np.median(error), 0.03)
        self.assertGreater(np.median(without), 0.06)
        light, true = (np.sum(each, axis=(1, 2)) for each in (fit.neighbours, self.neighbour))
        self.assertLess(np.median(np.abs(light / true - 1)), 0.05)

    def test_another_drawing_beside_the_same_neighbours(self):
        fit = self.fit(self.alone + self.neighbour)
        self.assertAllClose(fit.factor_of(tf.constant(self.drawn)), fit.factor, rtol=1e-3)
        doubled = fit.factor_of(2 * tf.constant(self.drawn))
        self.assertAllClose(doubled, fit.factor / 2, rtol=1e-2)

    def test_units_do_not_matter(self):
        images = self.alone[:4] + self.neighbour[:4]
        fit = self.fit(images, self.drawn[:4])
        for unit in (1e-15, 1e15):
            other = self.fit(unit * images, unit * self.drawn[:4])
            self.assertAllClose(other.factor, fit.factor, rtol=1e-3)
            self.assertAllClose(other.neighbours / unit, fit.neighbours, rtol=1e-2, atol=1e-2)

    def test_unknown_pixels_do_not_count(self):
        images = self.alone[:4] + self.neighbour[:4]
        fit = self.fit(images, self.drawn[:4])
        images[0, 2:5, 20:24] = np.nan
        images[1, 16:, 17:, 1] = np.inf
        images[2] = np.nan
        images[3] = 0.0
        other = self.fit(images, self.drawn[:4])
        self.assertAllClose(other.factor[0], fit.factor[0], rtol=0.02)
        self.assertAllClose(other.factor[1], fit.factor[1], rtol=0.2)
        # Nothing but the prior.
        self.assertAllClose(other.factor[2], np.ones(2))
        self.assertAllClose(other.sigma[2], np.full(2, 10.0))
        self.assertAllEqual(np.isfinite(other.factor[3]), [True, True])


if __name__ == "__main__":
    tf.test.main()
