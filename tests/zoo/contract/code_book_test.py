"""A model whose latents are integers, with a code book that follows by moving averages."""

import keras
import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case, tiny_model
from zoo import randomness
from zoo.image_model import ImageModel


@keras.saving.register_keras_serializable(package="tests")
class TinyCodeBook(ImageModel):
    """Vector-quantised autoencoder (van den Oord et al. 2017, arXiv:1711.00937, appendix A.1).

    loss = (x - D(e))^2 + 0.25 (z - e)^2,   e the code nearest to z, token by token
    """

    def __init__(self, *, codes=6, tokens=2, length=3, decay=0.8, **kwargs):
        super().__init__(**kwargs)
        self.codes, self.tokens, self.length, self.decay = codes, tokens, length, decay
        self.latent_dim = tokens * length
        pixels = int(np.prod(self.image_shape))
        images, latent = keras.Input(self.image_shape), keras.Input((self.latent_dim,))
        flat = keras.layers.Flatten()(images)
        self.encoder = keras.Model(images, _dense(self.latent_dim, self.seed)(flat))
        self.decoder = keras.Model(latent, _dense(pixels, self.seed + 1)(latent))
        start = np.random.default_rng(self.seed).normal(size=(codes, length)).astype(np.float32)
        self.book = self._state("book", start)
        self.counts = self._state("counts", np.ones(codes, np.float32))
        self.sums = self._state("sums", start)

    def _state(self, name, start):
        return self.add_weight(
            name=name,
            shape=start.shape,
            initializer=lambda shape, dtype: tf.constant(start, dtype),
            trainable=False,
            aggregation="only_first_replica",
        )

    def _tokens(self, images):
        z = tf.cast(self.encoder(self.preprocessing(images)), tf.float32)
        return tf.reshape(z, (-1, self.tokens, self.length))

    def _nearest(self, z):
        book = tf.convert_to_tensor(self.book.value)
        distance = tf.reduce_sum(tf.square(z[..., None, :] - book), axis=-1)
        codes = tf.argmin(distance, axis=-1, output_type=tf.int32)
        return codes, tf.gather(book, codes)

    def encode(self, images):
        """Returns the codes and their vectors."""
        codes, e = self._nearest(self._tokens(images))
        return {"latent_mean": tf.reshape(e, (-1, self.latent_dim)), "codes": codes}

    def decode(self, latent):
        """Returns images from vectors of codes."""
        drawn = tf.cast(self.decoder(latent), tf.float32)
        return {"image": tf.reshape(drawn, (-1, *self.image_shape))}

    def reconstruct(self, images):
        """Returns the images as their codes have them."""
        return {"reconstruction": self.decode(self.encode(images)["latent_mean"])["image"]}

    def call(self, images, training=False):
        """Returns the codes and their vectors."""
        return self.encode(images)

    def objective(self, batch, seed, training):
        z = self._tokens(batch["image"])
        codes, e = self._nearest(z)
        if training:
            self._follow(tf.stop_gradient(z), codes)
        # The gradient at e is taken for that at z.
        latent = tf.reshape(z + tf.stop_gradient(e - z), (-1, self.latent_dim))
        error = tf.square(self.preprocessing(batch["image"]) - self.decode(latent)["image"])
        commitment = tf.square(z - tf.stop_gradient(e))
        loss = tf.reduce_mean(error, axis=(1, 2, 3)) + 0.25 * tf.reduce_mean(commitment, (1, 2))
        return {"loss": loss}

    def _follow(self, z, codes):
        z = tf.reshape(randomness.global_rows(z), (-1, self.length))
        chosen = tf.one_hot(tf.reshape(randomness.global_rows(codes), (-1,)), self.codes)
        counts = self.decay * self.counts + (1 - self.decay) * tf.reduce_sum(chosen, axis=0)
        sums = self.decay * self.sums + (1 - self.decay) * tf.matmul(chosen, z, transpose_a=True)
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.book.assign(sums / counts[:, None])


def _dense(units, seed):
    initializer = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(units, kernel_initializer=initializer)


class CodeBookTest(model_test_case.ZooModelTestCase):
    model_name = "tiny_code_book"
    hyperparameters = {"image_shape": (5, 5, 2), "seed": 2}
    output_shapes = {"latent_mean": (6,), "codes": (2,)}
    latent_shapes = output_shapes
    integer_outputs = ("codes",)

    def setUp(self):
        super().setUp()
        self.enterContext(tiny_model.registered(self.model_name, TinyCodeBook, "representation"))

    def test_the_code_book_follows_in_training_alone(self):
        model, images = self.make(), self.images(8)
        z = model._tokens(images).numpy().reshape(-1, 3)
        codes = np.square(z[:, None] - model.book.numpy()).sum(axis=-1).argmin(axis=1)
        self.assertAllEqual(model.encode(images)["codes"].reshape(-1), codes)
        counts, sums = model.counts.numpy(), model.sums.numpy()
        for code in range(6):
            counts[code] = 0.8 * counts[code] + 0.2 * (codes == code).sum()
            sums[code] = 0.8 * sums[code] + 0.2 * z[codes == code].sum(axis=0)
        before = model.book.numpy()
        model.test_step({"image": tf.constant(images)})
        self.assertAllEqual(model.book, before)
        model.train_step({"image": tf.constant(images)})
        self.assertAllClose(model.book, sums / counts[:, None], rtol=1e-5)


if __name__ == "__main__":
    tf.test.main()
