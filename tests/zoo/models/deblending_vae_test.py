import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

import zoo
from tests.zoo import deblending_test_case
from zoo import randomness
from zoo.photometry import JointPhotometry

tfd = tfp.distributions

PRELU = {"networks": "prelu", "filters": (4, 4), "units": 8, "flux_error": 0.0}
ARCELIN = {
    **PRELU,
    "likelihood": "bernoulli",
    "preprocessing": {"name": "band_asinh", "unit": "peak", "softening": 0.4, "bounded": True},
}


class DeblendingVAETest(deblending_test_case.DeblendingTestCase):
    model_name = "deblending_vae"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "filters": (4, 6),
        "latent_dim": 5,
        "isolated_steps": 1,
        "samples": 2,
        "photometry": "fitted",
        "seed": 3,
    }

    def test_training_changes_every_weight_with_finite_gradients(self):
        # Residual blocks start as the identity: their first layers move second.
        self.hyperparameters = {**self.hyperparameters, "isolated_steps": 2}
        self.steps_to_move = 2
        super().test_training_changes_every_weight_with_finite_gradients()

    # Each stage by itself.

    def steps(self, number, optimizer=None, **changes):
        """Returns the model after each of so many training steps on one batch."""
        model = self.make(compiled=False, **changes)
        model.compile(optimizer or keras.optimizers.AdamW(1e-2, weight_decay=0.1))
        for _ in range(number):
            model.train_step(self.batch())
            yield model

    def test_decoder_keeps_its_bits_once_it_is_frozen(self):
        weights = []
        for model in self.steps(4, isolated_steps=2):
            decoder = [each.numpy() for each in model.decoder.trainable_variables]
            weights.append((decoder, [each.numpy() for each in model.encoder.trainable_variables]))
        self.assertEqual(model.steps_on_isolated.numpy(), 2)
        for before, after in ((0, 1), (1, 2), (2, 3)):
            same = all(map(np.array_equal, weights[before][0], weights[after][0]))
            self.assertEqual(same, before > 0)
            self.assertFalse(all(map(np.array_equal, weights[before][1], weights[after][1])))

    def test_frozen_decoder_has_no_gradient(self):
        model = self.make()
        latent = tf.random.stateless_normal((2, 5), (1, 2))
        for frozen in (False, True):
            with tf.GradientTape() as tape:
                drawn = model._drawing(latent, True, tf.constant(frozen))
                loss = tf.reduce_sum(drawn.image) + tf.reduce_sum(drawn.scale)
            self.assertAllClose(drawn.image, model.decode(latent)["image"])
            gradients = tape.gradient(loss, [v.value for v in model.decoder.trainable_variables])
            norm = tf.linalg.global_norm(gradients)
            self.assertEqual(norm == 0, frozen)

    def test_mean_over_symmetries_has_no_preferred_direction(self):
        images = self.images(4)
        turned = self.mirrored(images)
        for photometry in ("drawn", "fitted"):
            model = self.make(photometry=photometry, average_symmetries=True)

            def shape(answer):
                # Fitted fluxes depend on the border, where the first row has no counterpart.
                galaxy = answer["deblended"][:, 1:, 1:].numpy()
                return galaxy / galaxy.sum(axis=(1, 2), keepdims=True)

            mirrored = shape(model(turned))[:, ::-1]
            self.assertAllClose(mirrored, shape(model(images)), rtol=1e-3)
            single = shape(model.single_view(turned))[:, ::-1]
            self.assertNotAllClose(single, shape(model.single_view(images)), rtol=1e-3)
            plain = self.make(photometry=photometry)(images)
            self.assertAllEqual(plain["flux_sigma"], model.single_view(images)["flux_sigma"])
            self.assertAllGreater(model(images)["flux_sigma"], 0)

    def test_images_of_each_stage(self):
        batch, seed = self.batch(), tf.constant([3, 4])
        noise = randomness.normal(8, (16, 16, 3), tf.random.experimental.stateless_fold_in(seed, 1))
        light = batch["isolated"].numpy()
        for fresh, frozen, expected in (
            (True, False, light[:, 0] + noise),
            (True, True, light.sum(axis=1) + noise),
            (False, True, batch["image"]),
        ):
            model = self.make(fresh_noise=fresh)
            images = model._training_images(
                *(batch[name] for name in ("image", "isolated", "noise_sigma")),
                seed,
                tf.constant(frozen),
            )
            self.assertAllClose(images, expected, atol=1e-5)

    # The loss and the answer against other libraries.

    def test_loss_of_arcelin_is_keras_cross_entropy_and_tfp_divergence(self):
        model = self.make(**ARCELIN, beta=0.01)
        batch, seed = self.batch(4), tf.constant([1, 2])
        terms = model.objective(batch, seed, training=False)
        q = model.infer(batch["image"])
        latent = q.mean() + q.stddev() * randomness.normal(4, (5,), seed)
        unit = model.preprocessing.unit_of_band.numpy()
        self.assertAllClose(unit, self.images(32).max(axis=(1, 2)).mean(axis=0), rtol=1e-5)
        target = np.tanh(np.arcsinh(batch["isolated"][:, 0].numpy() / (unit / 2.5)))
        drawn = tf.sigmoid(model.decoder(latent))
        crossed = keras.losses.BinaryCrossentropy(reduction=None)(
            target[..., None], drawn[..., None]
        )
        prior = tfd.MultivariateNormalDiag(tf.zeros(5))
        divergence = tfd.kl_divergence(tfd.MultivariateNormalDiag(q.mean(), q.stddev()), prior)
        expected = np.sum(crossed, axis=(1, 2, 3)) + 0.01 * divergence.numpy()
        self.assertAllClose(terms["loss"] * 16 * 16 * 3, expected, rtol=1e-4)

    def test_normal_loss_is_that_of_tfp_with_the_flux_term_of_numpy(self):
        for changes in ({}, {**PRELU, "flux_error": 0.05}):
            model = self.make(**changes)
            batch, seed = self.batch(4), tf.constant([1, 2])
            terms = model.objective(batch, seed, training=False)
            drawn = model._drawing(model.sample(model.infer(batch["image"]), seed))
            target = batch["isolated"][:, 0]
            density = tfd.Normal(model.preprocessing(drawn.image), drawn.scale)
            log = tf.reduce_sum(density.log_prob(model.preprocessing(target)), axis=(1, 2, 3))
            self.assertAllClose(terms["reconstruction"] * 16 * 16 * 3, -log, rtol=1e-3)
            flux = [np.sum(each, axis=(1, 2)) / 20 for each in (target, drawn.image)]
            u = (np.arcsinh(flux[0]) - np.arcsinh(flux[1])) / model.flux_error
            self.assertAllClose(terms["flux"], np.sum(np.hypot(1, u) - 1, axis=1), rtol=1e-3)

    def test_scatter_is_that_of_draws_and_of_the_likelihood(self):
        model = self.make(samples=4, posterior="full", photometry="drawn")
        images = tf.constant(self.images(2))
        answer, q = model(images), model.infer(images)
        drawn = model._drawing(q.mean())
        self.assertAllClose(answer["deblended"], drawn.image)
        self.assertAllClose(answer["flux"], tf.reduce_sum(drawn.image, axis=(1, 2)), rtol=1e-5)
        # Half the distance of sinh(y + s) from sinh(y - s), by hand.
        unit = model.preprocessing.unit_of_band.numpy()
        width = unit * np.cosh(np.arcsinh(drawn.image / unit)) * np.sinh(drawn.scale)
        directions = model._directions
        self.assertEqual(directions.shape, (4, 5))
        self.assertAllClose(directions.sum(axis=0), np.zeros(5))
        factor = np.linalg.cholesky(q.covariance().numpy())
        draws = q.mean().numpy() + np.einsum("bij,nj->nbi", factor, directions)
        others = np.stack([model.decode(tf.constant(each))["image"] for each in draws])
        variance = np.mean(np.square(others - drawn.image), axis=0) + width**2
        self.assertAllClose(answer["deblended_sigma"], np.sqrt(variance), rtol=1e-3)
        flux = np.sum(others, axis=(2, 3)) - answer["flux"]
        variance = np.mean(np.square(flux), axis=0) + np.sum(width**2, axis=(1, 2))
        self.assertAllClose(answer["flux_sigma"], np.sqrt(variance), rtol=1e-3)

    def test_training_takes_the_neighbour_off(self):
        changes = {"isolated_steps": 70, "photometry": "drawn"}
        model = zoo.create(self.model_name, **self.hyperparameters | changes)
        model.compile(
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, 160)),
            gradient_clip_norm=1.0,
        )
        model.adapt(self.batch(32)["image"].numpy())
        step = tf.function(model.train_step)
        batch = self.batch(32)
        for _ in range(160):
            step(batch)
        flux = model(batch["image"])["flux"].numpy()
        light = batch["isolated"].numpy().sum(axis=(2, 3))
        error = np.abs(flux / light[:, 0] - 1)
        self.assertLess(np.median(error), 0.2)
        self.assertGreater(np.median(light.sum(axis=1) / light[:, 0] - 1), 0.3)

    def test_fitted_galaxy_is_the_drawn_one_as_bright_as_in_the_image(self):
        fitted = self.make()
        config = fitted.get_config()
        # As in files from before there was a choice.
        del config["photometry"]
        drawn = type(fitted).from_config(config)
        drawn.set_weights(fitted.get_weights())
        images = tf.constant(self.images(6))
        own, answer = drawn(images), fitted(images)
        self.assertAllClose(own["deblended"], fitted.decode(fitted.infer(images).mean())["image"])
        fit = JointPhotometry()(images, own["deblended"])
        self.assertNotAllClose(fit.factor, tf.ones((6, 3)), atol=0.05)
        self.assertAllClose(answer["flux"], fit.factor * own["flux"], rtol=1e-4)
        expected = fit.factor[:, None, None] * own["deblended"]
        self.assertAllClose(answer["deblended"], expected, rtol=1e-4)
        self.assertTrue(np.all(answer["flux_sigma"] > fit.sigma * own["flux"]))

    # The prior of the latents.

    def test_flow_prior_is_that_of_the_latents_of_training_images(self):
        plain, images = self.make(), self.images(64)
        model = self.make(prior="flow")
        self.assertEqual(len(model.trainable_variables), len(plain.trainable_variables))
        model.steps_on_isolated.assign(1)
        latents = np.asarray(model.encode(images)["latent_mean"])
        self.assertAllClose(model.log_prior(latents), plain.log_prior(latents), rtol=1e-4)
        density = plain.log_prior(latents)["log_prior"]
        self.assertAllClose(density, stats.norm.logpdf(latents).sum(axis=1), rtol=1e-4)
        model.finalize(images)
        self.assertGreater(np.mean(model.log_prior(latents)["log_prior"] - density), 1.0)
        drawn = model.sample_prior(500, 3)
        self.assertAllClose(np.mean(drawn, axis=0), latents.mean(axis=0), atol=0.5)
        self.assertEqual(plain.sample_prior(7, 3).shape, (7, 5))
        # It is in the file, and a signature.
        path = f"{self.get_temp_dir()}/model.keras"
        model.save(path)
        loaded = zoo.load(path)
        self.assertAllClose(loaded.log_prior(latents), model.log_prior(latents))
        self.assertIn("log_prior", loaded.signatures())
        self.assertNotIn("log_prior", plain.signatures())

    def test_too_few_images_for_a_flow_prior(self):
        model = self.make(prior="flow")
        with self.assertLogs("zoo.latent_prior", "WARNING") as logs:
            model.finalize(self.images(19))
        self.assertIn("stays N(0, I): 19 training images are fewer than 20", logs.output[0])

    # Errors.

    def test_adapted_without_a_first_stage_to_come(self):
        with self.assertRaisesRegex(ValueError, "isolated_steps must be at least 1 for a decoder"):
            self.make(isolated_steps=0)

    def test_warns_of_an_encoder_that_has_seen_no_blend(self):
        (model,) = self.steps(1, isolated_steps=2)
        with self.assertLogs("zoo.models.deblending_vae", "WARNING") as logs:
            model.finalize(self.images(2))
        self.assertIn("trained for 1 of 2 isolated_steps", logs.output[0])

    def test_errors(self):
        for changes, message in (
            ({"networks": "dense"}, "networks must be one of prelu, residual; got 'dense'"),
            ({"posterior": "wide"}, "posterior must be one of diagonal, full; got 'wide'"),
            ({"photometry": "psf"}, "photometry must be one of drawn, fitted; got 'psf'"),
            ({"prior": "wide"}, "prior must be one of flow, normal; got 'wide'"),
            ({"likelihood": "bernoulli"}, "likelihood must be 'normal' with networks 'residual'"),
            (
                {**PRELU, "likelihood": "bernoulli"},
                "must be a bounded 'band_asinh' with likelihood 'bernoulli'; got BandAsinh",
            ),
            ({"samples": 3}, "samples must be a positive even number; got 3"),
            ({"least_scale": 0.0}, "least_scale must be positive; got 0.0"),
            ({"isolated_steps": -1}, "isolated_steps must be at least 0; got -1"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.make(**changes)


if __name__ == "__main__":
    tf.test.main()
