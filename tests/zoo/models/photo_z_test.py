"""`photo_z`: contract, both networks and densities, redshifts that cannot be learnt."""

import keras
import numpy as np
import tensorflow as tf

import zoo
from tests import galaxy_data
from tests.zoo import model_test_case

SMALL = {
    "image_shape": (16, 16, 5),
    "filters": (4, 6),
    "summary": 5,
    "apertures": (1.5, 3.0),
    "units": (12, 8),
    "bins": 20,
    "components": 3,
    "seed": 4,
}


class PhotoZTest(model_test_case.ZooModelTestCase):
    model_name = "photo_z"
    hyperparameters = SMALL
    output_shapes = {
        "redshift": (),
        "redshift_stddev": (),
        "redshift_lower": (),
        "redshift_median": (),
        "redshift_upper": (),
        "redshift_pdf": (20,),
    }
    steps_to_move = 3

    def batch(self, number=8):
        redshift = np.linspace(0.01, 0.3, number).astype(np.float32)
        return {**super().batch(number), "redshift": tf.constant(redshift)}

    def reads_reddening(self, **changes):
        """Returns the published network, small, and what it reads."""
        options = {"network": "inception", "width": 0.1, "density": "bins", "reddening": "ebv"}
        model = zoo.create("photo_z", **{**SMALL, **options, **changes})
        inputs = {"image": self.images(6), "ebv": np.linspace(0, 0.2, 6, dtype=np.float32)}
        return model, inputs

    def test_loss_is_that_of_the_bin_of_the_redshift(self):
        for density in ("mixture", "bins"):
            with self.subTest(density):
                model, batch = self.make(density=density), self.batch()
                answer = model(batch["image"])
                mass = answer["redshift_pdf"].numpy() * 0.4 / 20
                self.assertAllClose(mass.sum(axis=1), np.ones(8), atol=1e-5)
                redshift = batch["redshift"].numpy()
                place = (redshift / 0.02).astype(int)
                terms = model.objective(batch, tf.constant([0, 0]), training=False)
                self.assertAllClose(terms["loss"], -np.log(mass[np.arange(8), place]), rtol=1e-4)
                error = np.abs(answer["redshift"] - redshift) / (1 + redshift)
                self.assertAllClose(terms["error"], error, rtol=1e-4)

    def test_unknown_redshifts_have_no_part_in_the_loss(self):
        model, batch = self.make(), self.batch()
        redshift = np.array([0.1, np.nan, 0.2, 0.3, 0.1, 0.2, 0.4, np.nan], np.float32)
        with tf.GradientTape() as tape:
            terms = model.objective(
                {**batch, "redshift": tf.constant(redshift)}, tf.constant([0, 0]), training=True
            )
            loss = tf.reduce_sum(terms["loss"])
        self.assertAllEqual(terms["loss"].numpy() == 0, np.isnan(redshift))
        for gradient in tape.gradient(loss, model.trainable_variables):
            self.assertTrue(np.isfinite(gradient).all())

    def test_learns_colours(self):
        number = 256
        draws = np.random.default_rng(1)
        redshift = draws.uniform(0.02, 0.38, number).astype(np.float32)
        images = np.repeat(20 * self.images(2)[:1], number, axis=0)
        images[..., 1] *= np.exp(-3 * redshift)[:, None, None]
        images += draws.normal(size=images.shape)
        model = zoo.create("photo_z", **SMALL)
        model.compile(keras.optimizers.Adam(5e-3))
        model.fit(images[:192], {"redshift": redshift[:192]}, epochs=25, verbose=0)
        answer = model.predict(images[192:], verbose=0)
        deviation = answer["redshift"] - redshift[192:]
        self.assertLess(np.std(deviation), 0.3 * np.std(redshift))
        pulls = deviation / answer["redshift_stddev"]
        self.assertAllInRange(np.std(pulls), 0.4, 2.0)

    def test_reddening_is_read_and_served(self):
        model, inputs = self.reads_reddening(average_symmetries=True)
        self.assertEqual(model.input_names, ("image", "ebv"))
        redshift = np.linspace(0.05, 0.3, 6)
        model.fit(inputs, {"redshift": redshift}, epochs=1, verbose=0)
        answer = model.predict(inputs, verbose=0)
        redder = {**inputs, "ebv": inputs["ebv"] + 1}
        self.assertNotAllClose(answer["redshift"], model.predict(redder, verbose=0)["redshift"])
        folder = model.export(self.get_temp_dir())
        served = tf.saved_model.load(str(folder)).signatures
        tensors = {name: tf.constant(values) for name, values in inputs.items()}
        # Flips and turns do not change the mean over all of them.
        tensors["image"] = tf.image.rot90(tensors["image"])
        for name in ("redshift", "redshift_pdf"):
            answers = served["serving_default"](**tensors)[name]
            self.assertAllClose(answers, answer[name], rtol=1e-3, atol=1e-5)
        single = served["single_view"](**tensors)["redshift"]
        self.assertNotAllClose(single, answer["redshift"], rtol=1e-6)
        self.assertEqual(served["embedding"](**tensors)["embedding"].shape, (6, 8))
        again = type(model).from_config(model.get_config())
        self.assertEqual(again.get_config(), model.get_config())

    def test_real_galaxies_of_four_bands(self):
        survey = np.load(galaxy_data.path("photoz_ls10") / "ls10_griz.npz")
        images, redshift = survey["images"], survey["z"]
        with self.assertRaisesRegex(ValueError, r"\d+ of 37 are not: row \d+ \(0\.[45]\d+\), "):
            zoo.create("photo_z", **{**SMALL, "image_shape": (23, 23, 4)}).fit(
                images, {"redshift": redshift}, verbose=0
            )
        changes = {"image_shape": (23, 23, 4), "redshift_range": (0.0, 0.6)}
        model = zoo.create("photo_z", **{**SMALL, **changes})
        model.compile(keras.optimizers.Adam(5e-3))
        losses = model.fit(images, {"redshift": redshift}, epochs=10, verbose=0).history["loss"]
        self.assertLess(losses[-1], losses[0])
        answer = model.predict(images, verbose=0)
        self.assertAllInRange(answer["redshift"], 0, 0.6)
        self.assertTrue((answer["redshift_lower"] < answer["redshift_upper"]).all())

    def test_redshifts_outside_of_the_bins_are_counted_and_named(self):
        model = self.make(compiled=False)
        images = self.images(6)
        redshift = np.array([0.1, -9999, 0.2, 0.5, np.nan, -0.001])
        message = r"within the bins, 0 to 0.4 .*; 3 of 6 are not: row 1 \(-9999\), row 3 \(0.5\), "
        with self.assertRaisesRegex(ValueError, message):
            model.fit(images, {"redshift": redshift}, verbose=0)
        with self.assertRaisesRegex(ValueError, r"1 of 2 are not: b \(0.41\)$"):
            model.check_targets({"redshift": np.array([0.4, 0.41])}, ["a", "b"])
        with self.assertRaisesRegex(ValueError, "known for some objects; all 2 are NaN"):
            model.check_targets({"redshift": np.array([np.nan, np.nan])})

    def test_arguments(self):
        for options, message in (
            ({"redshift_range": (0.4, 0.1)}, r"redshift_range must be two .*; got \(0.4, 0.1\)"),
            ({"bins": 1}, "bins must be at least 2; got 1"),
            ({"density": "normal"}, "density must be one of bins, mixture; got 'normal'"),
            ({"network": "vgg"}, "network must be one of inception, residual; got 'vgg'"),
            ({"units": ()}, r"units must be positive integers; got \(\)"),
            ({"width": 0.0}, "width must be positive; got 0.0"),
        ):
            with self.subTest(**options), self.assertRaisesRegex(ValueError, message):
                zoo.create("photo_z", **{**SMALL, **options})


if __name__ == "__main__":
    tf.test.main()
