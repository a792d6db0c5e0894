import numpy as np
import tensorflow as tf
from scipy import special

from zoo.layers.flux_and_shape import FluxAndShape, flux_decoder, residual_networks


class FluxAndShapeTest(tf.test.TestCase):
    def test_images_are_shares_of_scipy_times_fluxes(self):
        draws = np.random.default_rng(0)
        logits = draws.normal(0, 3, (2, 7, 9, 3)).astype(np.float32)
        log_flux = draws.normal(size=(2, 3)).astype(np.float32)
        layer = FluxAndShape()
        layer.build((None, 7, 9, 3))
        samples = np.ones((4, 7, 9, 3), np.float32) * np.array([1.0, 2.0, -1.0], np.float32)
        layer.adapt(samples * np.array([1, 1, 3, 100], np.float32).reshape(4, 1, 1, 1))
        # The median of the sums over 63 pixels; none where there is no light.
        self.assertAllClose(layer.typical_flux, [126.0, 252.0, 1.0])
        images = layer(logits, log_flux)
        rows, columns = np.mgrid[:7, :9]
        radius2 = (rows - 3) ** 2 + (columns - 4) ** 2
        start = -2.5 * np.log(1 + radius2 / 9.0)
        shares = special.softmax(logits + start[..., None], axis=(1, 2))
        flux = np.exp(log_flux) * np.array([126.0, 252.0, 1.0])
        self.assertAllClose(images, shares * flux[:, None, None], rtol=1e-4)
        self.assertAllClose(np.sum(images, axis=(1, 2)), flux, rtol=1e-5)

    def test_decoder_starts_near_the_typical_galaxy(self):
        decoder = flux_decoder(4, (20, 16, 2), (6, 8), 1, seed=0)
        images, maps = decoder(tf.zeros((3, 4)))
        self.assertEqual((images.shape, maps.shape), ((3, 20, 16, 2),) * 2)
        peaks = tf.argmax(tf.reshape(images[..., 0], (3, -1)), axis=1)
        self.assertAllEqual(peaks, [10 * 16 + 8] * 3)
        self.assertAllClose(tf.reduce_sum(images, axis=(1, 2)), np.ones((3, 2)), rtol=1e-4)

    def test_networks_of_one_seed_are_equal(self):
        one, two = (residual_networks((8, 8, 2), (4,), 6, 3, 1, seed=5) for _ in range(2))
        for first, second in zip(one, two, strict=True):
            for a, b in zip(first.weights, second.weights, strict=True):
                self.assertAllEqual(a.numpy(), b.numpy())
        self.assertEqual(one[0].output_shape, (None, 6))


if __name__ == "__main__":
    tf.test.main()
