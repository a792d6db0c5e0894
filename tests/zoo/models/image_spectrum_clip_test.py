"""`image_spectrum_clip`: contract, loss of both directions, spectra, pairs that are incomplete."""

import keras
import numpy as np
import tensorflow as tf
from scipy.special import log_softmax

import zoo
from tests.zoo import model_test_case
from tests.zoo.models.spectrum_vae_test import BINS, SMALL, spectra


class ImageSpectrumCLIPTest(model_test_case.ZooModelTestCase):
    model_name = "image_spectrum_clip"
    hyperparameters = {
        "image_shape": (16, 16, 2),
        "filters": (4, 6),
        "summary": 5,
        "apertures": (1.5, 3.0),
        "units": (8,),
        "latent_dim": 4,
        "spectra": "spectrum_vae",
        "spectra_hyperparameters": {**SMALL, "shortcut": False},
        "seed": 2,
    }
    output_shapes = {"latent_mean": (4,)}
    latent_shapes = {"latent_mean": (4,)}
    other_signatures = {"spectrum_embedding": {"embedding": (4,)}}
    steps_to_move = 3

    def further_inputs(self, number):
        redshift = np.linspace(0.02, 0.3, number, dtype=np.float32)
        return {**spectra(number), "redshift": redshift}

    def batch(self, number=8):
        further = tf.nest.map_structure(tf.constant, self.further_inputs(number))
        return {**super().batch(number), **further}

    def pairs(self, number=16):
        return {**self.inputs(number), **self.further_inputs(number)}

    def test_loss_is_that_of_scipy(self):
        batch = self.batch(5)
        for frame, temperature in (("observed", 0.2), ("rest", 0.5)):
            model = self.make(frame=frame, temperature=temperature)
            x = np.float64(model.features(batch["image"]))
            y = np.float64(
                model.spectrum_features(*(batch[name] for name in model.spectrum_shapes))
            )
            for vectors in (x, y):
                self.assertAllClose(np.linalg.norm(vectors, axis=1), np.ones(5), atol=1e-5)
            logits = x @ y.T / temperature
            both = [np.diag(log_softmax(logits, axis=axis)) for axis in (0, 1)]
            terms = model.objective(batch, tf.constant([0, 1]), training=False)
            self.assertAllClose(terms["loss"], -np.mean(both, axis=0), rtol=1e-4, atol=1e-5)
            self.assertAllClose(terms["temperature"], temperature, rtol=1e-5)

    def test_learns_which_spectrum_is_whose(self):
        draws = np.random.default_rng(3)
        number = 192
        level = draws.uniform(0.5, 2, (number, 1)).astype(np.float32)
        redshift = draws.uniform(0.0, 0.3, number).astype(np.float32)
        colour = np.stack([np.ones(number), np.exp(-3 * redshift)], axis=1)
        blob = self.images(2)[:1, ..., :1]
        images = 3 * blob * (level * colour)[:, None, None]
        images += draws.normal(0, 0.3, images.shape)
        flux = 10 * level + draws.normal(0, 0.1, (number, BINS))
        pairs = {
            "image": images.astype(np.float32),
            "spectrum": flux.astype(np.float32),
            "inverse_variance": np.full(flux.shape, 100, np.float32),
            "redshift": redshift,
        }
        model = zoo.create(self.model_name, **{**self.hyperparameters, "dropout": 0.0})
        model.compile(keras.optimizers.Adam(5e-3))
        train = {name: values[:128] for name, values in pairs.items()}
        model.fit(train, epochs=30, batch_size=32, verbose=0)
        test = {name: values[128:] for name, values in pairs.items()}
        y = model.spectrum_features(*(test[name] for name in model.spectrum_shapes))
        cosines = model.features(test["image"]) @ y.T
        rank = np.sum(cosines > np.diag(cosines)[:, None], axis=1)
        # 31.5 is that of chance.
        self.assertLess(np.median(rank), 6)

    def test_what_is_trained_of_the_model_of_spectra(self):
        for finetune in (False, True):
            model = self.make(finetune=finetune)
            before = [np.array(weight) for weight in model.spectra.weights]
            model.fit(self.pairs(), epochs=1, batch_size=8, verbose=0)
            moved = {
                weight.path.split("/")[0]
                for old, weight in zip(before, model.spectra.weights, strict=True)
                if not np.array_equal(weight, old)
            }
            encoder = {weight.path.split("/")[0] for weight in model.spectra.encoder.weights}
            self.assertEqual(moved, encoder if finetune else set())

    def test_temperature(self):
        fixed = self.make(learn_temperature=False)
        paths = [weight.path for weight in fixed.trainable_variables]
        self.assertNotIn(fixed.log_scale.path, paths)
        learnt = self.make()
        learnt.log_scale.assign(9.0)
        self.assertAllClose(learnt.scale, 100.0)

    def test_spectra_of_any_number(self):
        model, pairs = self.make(), self.pairs(5)
        arrays = [pairs[name] for name in model.spectrum_shapes]
        whole = model.spectrum_features(*arrays, batch_size=2)
        self.assertIsInstance(whole, np.ndarray)
        tensors = model.spectrum_features(*map(tf.constant, arrays))
        self.assertAllClose(whole, tensors, rtol=1e-4, atol=1e-5)
        # The unit of the flux counts, what stands in bins without data does not.
        model.spectra.scaling.adapt(*arrays[:2])
        masked = np.array(arrays[1])
        masked[:, :4] = 0
        other = np.array(arrays[0])
        other[:, :4] = 99
        self.assertAllClose(
            model.spectrum_features(arrays[0], masked, arrays[2]),
            model.spectrum_features(other, masked, arrays[2]),
        )
        with self.assertRaisesRegex(ValueError, "frame='observed' are spectrum, inverse_variance"):
            model.spectrum_features(*map(tf.constant, arrays[:2]))
        with self.assertRaisesRegex(ValueError, r"spectrum must have the shape \(number, 40\)"):
            model.spectrum_features(arrays[0][:, :9], *arrays[1:])

    def test_incomplete_pairs(self):
        model = self.make()
        for changes, message in (
            (
                {"inverse_variance": np.zeros((16, BINS), np.float32)},
                "every image must have a finite spectrum with bins of inverse variance > 0; "
                "16 of 16 are without: row 0, row 1, row 2, ...",
            ),
            (
                {"redshift": np.array([0.1] * 15 + [np.nan])},
                r"redshift must be above -0.5 \(or frame='rest'\); 1 of 16 are without: row 15",
            ),
            ({"spectrum": np.ones((9, BINS))}, "spectrum must have one row for each of the 16"),
            (
                {"spectrum": np.ones((16, 30)), "inverse_variance": np.ones((16, 30))},
                r"spectrum must have 40 bins, as those of `spectra` had; got \(30,\)",
            ),
            ({"image": self.images(16, (16, 16, 3))}, r"image must have the shape \(number, 16"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                model.fit({**self.pairs(), **changes}, verbose=0)
        with self.assertRaisesRegex(ValueError, "batch_size must be at least 2 for model"):
            model.fit(self.pairs(), batch_size=1, verbose=0)
        with self.assertRaisesRegex(ValueError, "1 of 16 are without: J12"):
            redshift = np.array([np.nan] + [0.1] * 15)
            model.check_targets({**self.pairs(), "redshift": redshift}, ["J12"] + ["x"] * 15)

    def test_arguments(self):
        for arguments, message in (
            ({"frame": "lab"}, "frame must be one of observed, rest; got 'lab'"),
            ({"latent_dim": 1}, "latent_dim must be at least 2; got 1"),
            ({"temperature": 0.0}, "temperature must be at least 0.01; got 0"),
            ({"units": ()}, r"units must be positive integers; got \(\)"),
        ):
            with self.subTest(arguments), self.assertRaisesRegex(ValueError, message):
                zoo.create("image_spectrum_clip", **{**self.hyperparameters, **arguments})


if __name__ == "__main__":
    tf.test.main()
