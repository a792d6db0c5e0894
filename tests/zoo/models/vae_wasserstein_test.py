import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import zoo
from tests.zoo import model_test_case
from zoo import losses
from zoo.distributions import aggregated_wasserstein, mmd
from zoo.models.vae_wasserstein import DIVERGENCES


class PointwiseWassersteinVAETest(model_test_case.ZooModelTestCase):
    model_name = "vae_wasserstein"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "class_names": ("galaxy", "star"),
        "divergence": "pw",
        "latent_dim": 12,
        "filters": (4, 6),
        "seed": 3,
    }
    output_shapes = {"probability": (2,), "latent_mean": (12,), "latent_stddev": (12,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.


class AggregatedWassersteinVAETest(PointwiseWassersteinVAETest):
    hyperparameters = {**PointwiseWassersteinVAETest.hyperparameters, "divergence": "aw"}


class NamesTest(tf.test.TestCase):
    def make(self, **options):
        shape = {
            "image_shape": (16, 16, 1),
            "filters": (4,),
            "latent_dim": 3,
            "decoder": "convolutional",
        }
        return zoo.create("vae_wasserstein", **shape, **options)

    def test_each_divergence_is_that_of_its_name(self):
        seed = tf.constant([1, 2])
        latent = tf.random.stateless_normal((50, 3), [3, 4])
        q = tfp.distributions.MultivariateNormalDiag(latent, 0.1 * tf.ones_like(latent))
        values = {}
        for name in DIVERGENCES:
            model = self.make(divergence=name, prior="normal")
            self.assertEqual(list(model.divergences(q, latent, seed)), [name])
            values[name] = tf.reduce_mean(model.divergences(q, latent, seed)[name])
        drawn = tf.random.stateless_normal(
            (50, 3), tf.random.experimental.stateless_split(seed, 2)[0]
        )
        self.assertAllClose(values["aw"], aggregated_wasserstein(latent, drawn))
        self.assertAllClose(values["mmd"], mmd(latent, drawn, unbiased=True))
        # Closed form: squared means and (1 - 0.1)^2 for each latent.
        pointwise = np.sum(np.square(latent), axis=1) + 3 * 0.9**2
        self.assertAllClose(values["pw"], pointwise.mean(), rtol=1e-4)
        self.assertBetween(float(values["sc"]), 0.0, 1.0)

    def test_sliced_cramer_sees_the_modes_of_one_latent_among_sixteen(self):
        model = zoo.create(
            "vae_wasserstein",
            image_shape=(16, 16, 1),
            filters=(4,),
            decoder="convolutional",
            divergence="sc",
            latent_dim=16,
        )
        normal = tf.random.stateless_normal((64, 16), [5, 6])
        modes = model.prior.sample(64, tf.constant([7, 8]))
        values = []
        for latent in (normal, modes):
            q = tfp.distributions.MultivariateNormalDiag(latent, 0.1 * tf.ones_like(latent))
            draws = [model.divergences(q, latent, tf.constant([i, 0]))["sc"] for i in range(40)]
            values.append(np.array(draws))
        difference = values[0] - values[1]
        # Five standard errors of the paired differences.
        self.assertGreater(difference.mean(), 5 * difference.std() / 40**0.5)

    def test_each_loss_between_images_is_a_likelihood(self):
        for name in losses.BY_NAME:
            model = self.make(likelihood=name, stretch=False, preprocessing="min_max_8bit")
            model.compile()
            value = model.test_step({"image": tf.random.stateless_uniform((2, 16, 16, 1), [1, 2])})
            self.assertTrue(np.isfinite(value["loss"]), name)
