from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from astropy.stats import mad_std
from scipy import stats

from tests.zoo import deblending_test_case
from trainers.deblending.deblender import Deblender


class DeblendingUNetTest(deblending_test_case.DeblendingTestCase):
    model_name = "deblending_unet"
    hyperparameters = {"image_shape": (16, 16, 3), "filters": (4, 6), "seed": 3}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.

    def trained(self, steps, **changes):
        """Returns the model after so many steps on one batch of 32 stamps, and the batch."""
        model, batch = self.make(compiled=False, **changes), self.batch(32)
        schedule = keras.optimizers.schedules.CosineDecay(2e-2, steps)
        model.compile(keras.optimizers.Adam(schedule), gradient_clip_norm=1.0)
        step = tf.function(model.train_step)
        for _ in range(steps):
            step(batch)
        return model, batch

    def test_answer_is_the_targets_share_of_the_image(self):
        model, _ = self.trained(3)
        images = self.images(5)
        answer, fraction = model(images), model.fractions(images).numpy()
        self.assertAllInRange(fraction, 0, 1)
        self.assertAllClose(answer["deblended"], fraction * images, rtol=1e-5)
        self.assertAllClose(answer["flux"], np.sum(fraction * images, axis=(1, 2)), rtol=1e-4)
        # Noise of the border of two pixels, and an error that is the same way in all pixels.
        border = np.ones((16, 16), bool)
        border[2:-2, 2:-2] = False
        noise = mad_std(images[:, border], axis=1)[:, None, None]
        error = model._shares(tf.constant(images)).numpy()[..., 3:] * np.maximum(images, 0)
        variance = (fraction * noise) ** 2 + error**2
        self.assertAllClose(answer["deblended_sigma"], np.sqrt(variance), rtol=1e-3)
        variance = np.sum((fraction * noise) ** 2, axis=(1, 2)) + np.sum(error, axis=(1, 2)) ** 2
        self.assertAllClose(answer["flux_sigma"], np.sqrt(variance), rtol=1e-3)

    def test_frames_know_that_it_divides_the_light(self):
        for average in (False, True):
            model = self.make(average_symmetries=average)
            facts = {"name": "", "path": Path(), "version": "", "checksum": "", "data": {}}
            self.assertTrue(Deblender.of(model, model.image_shape, **facts).divides)

    def test_a_negative_flux_is_a_flux(self):
        images = self.images(3)
        images[:, 4:13, 4:13, 1] = -5.0
        answer = self.make()(images)
        self.assertAllLess(answer["flux"][:, 1], 0)
        self.assert_finite(answer)

    def test_loss_is_that_of_numpy_and_scipy(self):
        batch, seed = self.batch(4), tf.constant([1, 2])
        target = batch["isolated"][:, 0].numpy()
        image, light = batch["image"].numpy(), batch["isolated"].numpy().sum(axis=1)
        for applied_to, compared in (("image", image), ("light", light)):
            model = self.make(applied_to=applied_to, flux_error=0.05)
            terms = model.objective(batch, seed, training=False)
            unit = model.preprocessing.unit_of_band.numpy()
            fraction, error = np.split(model._shares(batch["image"]).numpy(), 2, axis=-1)
            difference = np.arcsinh(target / unit) - np.arcsinh(fraction * compared / unit)
            pixels = np.sum(difference**2, axis=(1, 2, 3)) / 2
            flux = [np.sum(each, axis=(1, 2)) for each in (target, fraction * image)]
            u = (np.arcsinh(flux[0] / 20) - np.arcsinh(flux[1] / 20)) / 0.05
            wrong = np.sum(np.hypot(1, u) - 1, axis=1)
            scale = np.sqrt(
                np.sum(fraction**2, axis=(1, 2))
                + np.sum(error * np.maximum(image, 0), axis=(1, 2)) ** 2
            )
            calibration = -stats.t.logpdf(flux[0], 4, flux[1], scale).sum(axis=1)
            for name, value in (
                ("pixels", pixels / 768),
                ("flux", wrong),
                ("calibration", calibration),
                ("loss", (pixels + wrong + calibration) / 768),
            ):
                self.assertAllClose(terms[name], value, rtol=1e-3, msg=name)
        plain = self.make(flux_error=0.0).objective(batch, seed, training=False)
        self.assertNotIn("flux", plain)

    def test_calibration_does_not_move_the_fractions_of_fluxes(self):
        model, batch = self.make(), self.batch(4)
        images, sigma = batch["image"], batch["noise_sigma"]
        fraction, error = (tf.fill(images.shape, value) for value in (0.5, 0.1))
        with tf.GradientTape() as tape:
            tape.watch((fraction, error))
            arguments = (batch["isolated"][:, 0], fraction, error, images, sigma)
            loss = model._calibration(*arguments)
        of_fraction, of_error = tape.gradient(loss, (fraction, error))
        self.assertIsNone(of_fraction)
        self.assertGreater(tf.norm(of_error), 0)

    def test_training_takes_the_neighbour_off_and_states_its_error(self):
        model, batch = self.trained(120)
        light = batch["isolated"].numpy().sum(axis=(2, 3))
        answer = model(batch["image"])
        error = answer["flux"].numpy() / light[:, 0] - 1
        self.assertLess(np.median(np.abs(error)), 0.05)
        self.assertGreater(np.median(light.sum(axis=1) / light[:, 0] - 1), 0.3)
        pull = (answer["flux"] - light[:, 0]) / answer["flux_sigma"]
        self.assertAllInRange(mad_std(pull), 0.5, 2.0)
        # Two thirds of the light are the neighbour's where it shines, nearly all in the middle.
        fraction = model.fractions(batch["image"]).numpy()
        self.assertGreater(fraction[:, 8, 8].mean(), 0.9)
        self.assertLess(fraction[:, 3, 11].mean(), 0.3)

    def test_one_fraction_for_all_bands(self):
        model = self.make(per_band=False)
        self.assertLess(model.count_params(), self.make().count_params())
        fraction = model.fractions(self.images(3)).numpy()
        self.assertAllEqual(fraction[..., 0], fraction[..., 2])
        self.assertEqual(fraction.shape, (3, 16, 16, 3))

    def test_squares_of_pixels(self):
        y = np.random.default_rng(0).normal(size=(2, 13, 10, 3)).astype(np.float32)
        for squares in (1, 2, 3):
            model = self.make(image_shape=(13, 10, 3), squares=squares)
            again = model._unsquared(model._squared(tf.constant(y)))
            self.assertAllEqual(again[:, :13, :10], y)
            self.assertEqual(model.fractions(y).shape, (2, 13, 10, 3))

    def test_unknown_pixels_are_filled_from_those_about_them(self):
        model = self.make()
        images = np.ones((1, 16, 16, 3), np.float32) * [1.0, 2.0, 3.0]
        rows = np.arange(16.0)[:, None, None] + np.zeros((1, 16, 16, 3))
        for whole, atol in ((images, 1e-4), (rows, 0.6)):
            known = np.ones(whole.shape, bool)
            known[0, 5:8, 7:9, 1] = known[0, 12, :, 2] = False
            broken = tf.constant(np.where(known, whole, np.nan), tf.float32)
            self.assertAllClose(model._filled(broken, tf.constant(known)), whole, atol=atol)

    def test_mean_over_symmetries_has_no_preferred_direction(self):
        images = self.images(4)
        model = self.make(average_symmetries=True)
        mirrored = model(self.mirrored(images))["deblended"][:, :0:-1, 1:]
        self.assertAllClose(mirrored, model(images)["deblended"][:, 1:, 1:], rtol=1e-3, atol=1e-3)
        single = model.single_view(self.mirrored(images))["deblended"][:, :0:-1, 1:]
        own = model.single_view(images)["deblended"][:, 1:, 1:]
        self.assertNotAllClose(single, own, rtol=1e-3, atol=1e-3)
        self.assertAllEqual(self.make()(images)["flux"], model.single_view(images)["flux"])

    def test_errors(self):
        for changes, message in (
            ({"applied_to": "sky"}, "applied_to must be one of image, light; got 'sky'"),
            ({"flux_error": -1.0}, "flux_error must be at least 0; got -1.0"),
            ({"filters": (4,)}, "filters must be two positive numbers or more; got \\[4\\]"),
            ({"blocks": 0}, "blocks must be at least 1; got 0"),
            ({"squares": 0}, "squares must be at least 1; got 0"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.make(**changes)


if __name__ == "__main__":
    tf.test.main()
