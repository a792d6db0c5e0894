import numpy as np
import tensorflow as tf

from zoo.layers.skip_autoencoder import skip_autoencoder


class SkipAutoencoderTest(tf.test.TestCase):
    def test_maps_of_every_stage(self):
        network, factors = skip_autoencoder((13, 10, 2), (3, 4, 5), 1, True, seed=0)
        self.assertEqual(factors, (1, 2, 4, 2, 1))
        outputs = network(np.zeros((2, 13, 10, 2), np.float32))
        shapes = [(13, 10, 2), (13, 10, 3), (7, 5, 4), (4, 3, 5), (7, 5, 4), (13, 10, 3)]
        self.assertEqual([tuple(each.shape[1:]) for each in outputs], shapes)

    def test_maps_lie_over_their_pixels(self):
        # All weights one: the map of a square is symmetric about the middle of the square.
        network, factors = skip_autoencoder((64, 64, 1), (1, 1, 1), 1, False, seed=0)
        for variable in network.trainable_variables:
            is_kernel = variable.name.endswith("kernel")
            variable.assign(tf.ones_like(variable) if is_kernel else tf.zeros_like(variable))
        image = np.zeros((1, 64, 64, 1), np.float32)
        image[0, 28:32, 36:40] = 1.0  # One pixel of the deepest map.
        for values, factor in zip(network(image)[1:], factors, strict=True):
            weights = values[0, ..., 0].numpy()
            for axis, middle in ((0, 30.0), (1, 38.0)):
                profile = weights.sum(axis=1 - axis)
                centres = factor * (np.arange(len(profile)) + 0.5)
                self.assertAllClose(np.average(centres, weights=profile), middle, atol=1e-3)

    def test_only_residual_networks_pass_details_on(self):
        draws = np.random.default_rng(0)
        images = draws.normal(size=(1, 16, 16, 1)).astype(np.float32)
        for residual, reaches in ((True, True), (False, False)):
            network, _ = skip_autoencoder((16, 16, 1), (3, 4, 5), 1, residual, seed=0)
            # Nothing comes up from the deepest map.
            for layer in network.layers:
                if "conv2d_transpose" in layer.name:
                    layer.set_weights([np.zeros_like(each) for each in layer.get_weights()])
            self.assertEqual(bool(np.std(network(images)[0]) > 0), reaches)


if __name__ == "__main__":
    tf.test.main()
