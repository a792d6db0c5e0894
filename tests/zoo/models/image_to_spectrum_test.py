"""`image_to_spectrum`: contract, the frozen model of spectra, likelihood and scatter."""

import numpy as np
import tensorflow as tf
from scipy.stats import multivariate_normal as normal

import zoo
from tests.zoo import model_test_case
from tests.zoo.models.spectrum_vae_test import BINS, SMALL, spectra


class ImageToSpectrumTest(model_test_case.ZooModelTestCase):
    model_name = "image_to_spectrum"
    hyperparameters = {
        "image_shape": (16, 16, 2),
        "filters": (4, 6),
        "apertures": (1.5, 3.0),
        "summary": 3,
        "features": 5,
        "spectra": "spectrum_vae",
        "spectra_hyperparameters": {**SMALL, "shortcut": False},
        "samples": 4,
        "seed": 2,
    }
    output_shapes = {
        "latent_mean": (2,),
        "latent_stddev": (2,),
        "spectrum": (BINS,),
        "spectrum_sigma": (BINS,),
    }
    other_signatures = {"embedding": {"embedding": (5,)}}
    steps_to_move = 2

    def batch(self, number=8):
        return {**super().batch(number), **tf.nest.map_structure(tf.constant, spectra(number))}

    def test_loss_is_that_of_scipy(self):
        batch = self.batch(3)
        for posterior in ("full", "diagonal", "constant"):
            model = self.make(posterior=posterior, dropout=0.0)
            terms = model.objective(batch, tf.constant([0, 1]), training=False)
            wanted = model.spectra.encode(batch["spectrum"], batch["inverse_variance"])
            wanted = wanted["latent_mean"].numpy()
            q = model._infer(batch["image"])
            covariance = q.covariance().numpy()
            # The scatter that all images share starts at 1.
            expected = [
                -np.mean([normal(mean, each).logpdf(value) for each in (own, np.eye(2))]) / 2
                for mean, own, value in zip(q.mean().numpy(), covariance, wanted, strict=True)
            ]
            self.assertAllClose(terms["loss"], expected, rtol=1e-3, atol=1e-4)
            squares = np.mean((q.mean().numpy() - wanted) ** 2, axis=1)
            self.assertAllClose(terms["latent_error"], squares, rtol=1e-4)

    def test_spectrum_is_that_of_the_frozen_decoder(self):
        model = self.make()
        before = [np.array(weight) for weight in model.spectra.weights]
        data = {**self.inputs(16), **spectra(16)}
        model.fit(data, epochs=1, batch_size=8, verbose=0)
        for old, weight in zip(before, model.spectra.weights, strict=True):
            self.assertAllEqual(weight, old)
        answer = model.predict(data["image"], verbose=0)
        drawn = model.spectra.decode(answer["latent_mean"])["spectrum"]
        self.assertAllClose(answer["spectrum"], drawn, rtol=1e-4, atol=1e-5)

    def test_scatter_is_that_of_many_draws(self):
        model = self.make(samples=400)
        images = tf.constant(self.images(2))
        q = model._infer(images)
        draws = q.sample(4000, seed=1)
        drawn = model.spectra.decode(tf.reshape(draws, (-1, 2)))["spectrum"]
        drawn = np.reshape(drawn, (4000, 2, BINS))
        mean = model.spectra.decode(q.mean())["spectrum"]
        expected = np.sqrt(np.mean((drawn - mean) ** 2, axis=0))
        self.assertAllClose(model(images)["spectrum_sigma"], expected, rtol=0.2)

    def test_reddening_is_read_and_served(self):
        data = {**self.inputs(16), **spectra(16)}
        data["ebv"] = np.linspace(0, 0.2, 16, dtype=np.float32)
        for network in ("residual", "hybrid"):
            model = zoo.create(
                "image_to_spectrum",
                **{**self.hyperparameters, "network": network, "reddening": "ebv"},
            )
            self.assertEqual(model.input_names, ("image", "ebv"))
            model.fit(data, epochs=1, batch_size=8, verbose=0)
            inputs = {name: data[name] for name in model.input_names}
            answer = model.predict(inputs, verbose=0)["latent_mean"]
            redder = {**inputs, "ebv": inputs["ebv"] + 1}
            self.assertNotAllClose(model.predict(redder, verbose=0)["latent_mean"], answer)
            self.assertAllClose(model.encode(*inputs.values())["latent_mean"], answer)
            scaled = model.reddening_scaling(data["ebv"][:, None])
            self.assertAllClose([np.mean(scaled), np.std(scaled)], [0, 1], atol=1e-5)

    def test_hybrid_network(self):
        model = self.make(network="hybrid", posterior="constant")
        self.assertEqual(model.backbone.output_shape, (None, 6))
        data = {**self.inputs(16), **spectra(16)}
        model.fit(data, epochs=1, batch_size=8, verbose=0)
        self.assert_finite(model.predict(data["image"], verbose=0))

    def test_arguments(self):
        for arguments, message in (
            ({"network": "vgg"}, "network must be one of hybrid, residual; got 'vgg'"),
            ({"posterior": "wide"}, "posterior must be one of constant, diagonal, full"),
            ({"reddening": "image"}, "reddening must be a feature with E\\(B-V\\) or None"),
            ({"summary": 0}, "summary must be at least 1; got 0"),
            ({"samples": 3}, "samples must be a positive even number; got 3"),
            ({"spectra": "nobody/here"}, "spectra must be a name of weights, a run folder"),
            (
                {"spectra": "cvae/sdss_simulated", "spectra_hyperparameters": None},
                "spectra must be a spectrum_vae; got cvae/sdss_simulated, a cvae",
            ),
        ):
            if "spectra" in arguments:
                arguments = {"spectra_hyperparameters": None, **arguments}
            with self.subTest(arguments), self.assertRaisesRegex(ValueError, message):
                zoo.create("image_to_spectrum", **{**self.hyperparameters, **arguments})


if __name__ == "__main__":
    tf.test.main()
