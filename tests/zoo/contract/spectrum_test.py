"""A model of something that is not an image, with a weight for each value."""

import keras
import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case, tiny_model
from zoo.model import ZooModel

_VALUES = 12


@keras.saving.register_keras_serializable(package="tests")
class TinySpectrumModel(ZooModel):
    """Linear autoencoder of spectra, each value weighted by its inverse variance.

    loss = mean of w (f - f')^2 over the spectrum
    """

    def __init__(self, *, values=_VALUES, latent_dim=2, **kwargs):
        super().__init__(**kwargs)
        self.values, self.latent_dim = values, latent_dim
        flux, weights = keras.Input((values,)), keras.Input((values,))
        latent = keras.Input((latent_dim,))
        joined = keras.layers.Concatenate()([flux, keras.ops.log1p(weights)])
        self.encoder = keras.Model([flux, weights], _dense(2 * latent_dim, self.seed)(joined))
        self.decoder = keras.Model(latent, _dense(values, self.seed + 1)(latent))
        self.mean = self.add_weight(
            name="mean", shape=(values,), initializer="zeros", trainable=False
        )

    @property
    def input_shapes(self):
        return {"flux": (self.values,), "inverse_variance": (self.values,)}

    def adapt(self, inputs):
        """Sets the weighted mean spectrum."""
        super().adapt(inputs)
        flux, weights = inputs["flux"], inputs["inverse_variance"]
        # Where no spectrum has a value the mean is zero.
        total = np.maximum(weights.sum(axis=0), 1e-6)
        self.mean.assign((flux * weights).sum(axis=0) / total)

    def encode(self, flux, inverse_variance):
        """Returns the moments of the latent variables."""
        # Values without weight may be anything.
        flux = tf.where(inverse_variance > 0, flux - self.mean.value, 0.0)
        moments = tf.cast(self.encoder([flux, inverse_variance]), tf.float32)
        mean, log_stddev = tf.split(moments, 2, axis=-1)
        return {"latent_mean": mean, "latent_stddev": tf.exp(log_stddev)}

    def call(self, inputs, training=False):
        """Returns the latent variables and the chi-square of the reconstruction."""
        latents = self.encode(inputs["flux"], inputs["inverse_variance"])
        return {**latents, "chi_square": self._chi_square(inputs, latents["latent_mean"])}

    def _chi_square(self, inputs, latent):
        drawn = self.mean.value + tf.cast(self.decoder(latent), tf.float32)
        weighted = inputs["inverse_variance"] * tf.square(inputs["flux"] - drawn)
        return tf.reduce_mean(weighted, axis=-1)

    def objective(self, batch, seed, training):
        latents = self.encode(batch["flux"], batch["inverse_variance"])
        chi_square = self._chi_square(batch, latents["latent_mean"])
        narrow = tf.reduce_sum(tf.square(latents["latent_stddev"] - 0.5), axis=-1)
        return {"loss": chi_square + narrow, "chi_square": chi_square}

    def get_config(self):
        return {**super().get_config(), "values": self.values, "latent_dim": self.latent_dim}


def _dense(units, seed):
    initializer = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(units, kernel_initializer=initializer)


class SpectrumTest(model_test_case.ZooModelTestCase):
    model_name = "tiny_spectrum"
    hyperparameters = {"seed": 2}
    output_shapes = {"latent_mean": (2,), "latent_stddev": (2,), "chi_square": ()}
    other_image_shape = None

    def setUp(self):
        super().setUp()
        entry = tiny_model.registered(self.model_name, TinySpectrumModel, "representation")
        self.enterContext(entry)

    def inputs(self, number):
        draws = np.random.default_rng(0)
        lines = draws.uniform(1, 3, (number, 1)) * np.exp(-np.square(np.arange(_VALUES) - 5.0) / 4)
        weights = draws.uniform(0.5, 2.0, (number, _VALUES))
        weights[:, -2:] = 0.0
        noise = draws.normal(size=(number, _VALUES)) / np.sqrt(np.maximum(weights, 0.1))
        return {
            "flux": (lines + noise).astype(np.float32),
            "inverse_variance": weights.astype(np.float32),
        }

    def batch(self, number=8):
        return {name: tf.constant(values) for name, values in self.inputs(number).items()}

    def test_values_without_weight_do_not_matter(self):
        model, inputs = self.make(), self.inputs(3)
        changed = {**inputs, "flux": inputs["flux"].copy()}
        changed["flux"][:, -2:] = 99.0
        for name, value in model.predict(inputs, verbose=0).items():
            self.assertAllEqual(model.predict(changed, verbose=0)[name], value)

    def test_what_is_missing_is_named(self):
        model, inputs = self.make(), self.inputs(8)
        with self.assertRaisesRegex(ValueError, "x must be a dictionary with flux, inverse_var"):
            model.fit(inputs["flux"])
        del inputs["inverse_variance"]
        with self.assertRaisesRegex(ValueError, "inverse_variance is missing"):
            model.fit(inputs)
        with self.assertRaisesRegex(ValueError, "x must have flux, inverse_variance; got flux"):
            model.predict(inputs)


if __name__ == "__main__":
    tf.test.main()
