"""Colours through apertures against fluxes of known colours."""

import keras
import numpy as np
import tensorflow as tf

from zoo.layers.aperture_colours import ApertureColours

SIGMAS = (1.5, 3.0)


class ApertureColoursTest(tf.test.TestCase):
    def test_colours_are_logarithms_of_flux_ratios(self):
        y, x = np.mgrid[:15, :15] - 7
        profile = 1e4 * np.exp(-(x**2 + y**2) / 8)
        fluxes = np.array([1.0, 2.0, 5.0])
        images = np.arcsinh(profile[None, ..., None] * fluxes).astype(np.float32)
        layer = ApertureColours(SIGMAS)
        layer.build((None, 15, 15, 3))
        measured = layer(images)[0].numpy()
        # For bright objects asinh is the logarithm; apertures are the faster index.
        self.assertAllClose(measured[:4], -np.log([2, 2, 2.5, 2.5]), atol=1e-3)
        noise = [np.sqrt(np.sum(np.exp(-(x**2 + y**2) / s**2))) for s in SIGMAS]
        flux = [np.sum(2 * profile * np.exp(-(x**2 + y**2) / (2 * s**2))) for s in SIGMAS]
        self.assertAllClose(measured[4:], np.arcsinh(np.divide(flux, noise)), rtol=1e-4)

    def test_adapted_numbers_are_standardised_and_saved(self):
        images = np.random.default_rng(0).normal(2, 1, (200, 9, 9, 4)).astype(np.float32)
        inputs = keras.Input((9, 9, 4))
        layer = ApertureColours(SIGMAS)
        model = keras.Model(inputs, layer(inputs))
        layer.adapt(images)
        answer = model.predict(images, verbose=0)
        self.assertEqual(answer.shape, (200, 8))
        self.assertAllClose(answer.mean(axis=0), np.zeros(8), atol=1e-3)
        self.assertAllInRange(answer.std(axis=0), 0.0, 1.001)
        path = f"{self.get_temp_dir()}/model.keras"
        model.save(path)
        again = keras.models.load_model(path)
        self.assertAllClose(again.predict(images, verbose=0), answer, atol=1e-5)


if __name__ == "__main__":
    tf.test.main()
