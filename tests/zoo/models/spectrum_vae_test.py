"""`spectrum_vae`: contract, gaps, weights and the terms of the loss."""

import numpy as np
import scipy.stats
import tensorflow as tf

import zoo
from tests.zoo import model_test_case
from zoo.distributions import mmd

BINS = 40
SMALL = {"bins": BINS, "components": 3, "latent_dim": 2, "hidden": (12, 6)}


def spectra(number, seed=0):
    """Returns slopes and lines of two strengths with noise, gaps and another unit each."""
    draws = np.random.default_rng(seed)
    place = np.linspace(-1, 1, BINS)
    slope, line = draws.normal(0, 0.3, (number, 1)), draws.exponential(0.5, (number, 1))
    flux = 1 + slope * place + line * np.exp(-(((place - 0.3) / 0.08) ** 2))
    scale, sigma = 10 ** draws.uniform(-2, 3, (number, 1)), 0.05
    flux += sigma * draws.standard_normal(flux.shape)
    inverse_variance = np.full(flux.shape, 1 / sigma**2)
    for row, start in enumerate(draws.integers(0, BINS - 8, number)):
        inverse_variance[row, start : start + 8] = 0
    flux[inverse_variance == 0] = 1e3
    return {
        "spectrum": (flux * scale).astype(np.float32),
        "inverse_variance": (inverse_variance / scale**2).astype(np.float32),
    }


class SpectrumVAETest(model_test_case.ZooModelTestCase):
    model_name = "spectrum_vae"
    hyperparameters = {
        **SMALL,
        "class_names": ("quiescent", "star_forming"),
        "seed": 2,
    }
    output_shapes = {"latent_mean": (2,), "latent_stddev": (2,), "chi2": ()}
    drawn = "spectrum"
    other_image_shape = None

    def inputs(self, number):
        return spectra(number)

    def batch(self, number=8):
        return {name: tf.constant(values) for name, values in spectra(number).items()}

    def test_unit_and_masked_flux_do_not_matter(self):
        model, inputs = self.make(), spectra(4)
        expected = model.encode(**inputs)["latent_mean"]
        scaled = {
            "spectrum": 1e3 * inputs["spectrum"],
            "inverse_variance": 1e-6 * inputs["inverse_variance"],
        }
        self.assertAllClose(model.encode(**scaled)["latent_mean"], expected, rtol=1e-3, atol=1e-4)
        others = dict(inputs)
        masked = inputs["inverse_variance"] == 0
        others["spectrum"] = np.where(masked, -5.0, inputs["spectrum"]).astype(np.float32)
        self.assertAllEqual(model.encode(**others)["latent_mean"], expected)
        drawn = model.reconstruct(**scaled)["reconstruction"]
        self.assertAllClose(
            drawn / 1e3, model.reconstruct(**inputs)["reconstruction"], rtol=1e-3, atol=1e-3
        )

    def test_chi2_is_that_of_the_reconstruction(self):
        model, inputs = self.make(), spectra(5)
        chi2 = model.predict(inputs, verbose=0)["chi2"]
        drawn = model.reconstruct(**inputs)["reconstruction"].numpy().astype(float)
        squares = inputs["inverse_variance"] * (inputs["spectrum"] - drawn) ** 2
        expected = squares.sum(axis=1) / np.count_nonzero(inputs["inverse_variance"], axis=1)
        self.assertAllClose(chi2, expected, rtol=1e-3)

    def test_spectrum_without_data(self):
        model = self.make()
        nothing = {name: np.zeros((2, BINS), np.float32) for name in model.input_names}
        answers = model.predict(nothing, verbose=0)
        self.assert_finite(answers)
        self.assertAllEqual(answers["chi2"], [0, 0])
        with self.assertRaisesRegex(ValueError, "all 2 spectra have none"):
            model.adapt(nothing)

    def test_terms(self):
        model = self.make(mmd_weight=7.0, model_error=0.1)
        batch, seed = self.batch(6), tf.constant([3, 4])
        terms = model.objective(batch, seed, training=False)
        filled, inverse_variance, _ = model.scaling(*batch.values())
        encoded = model.encode(*batch.values())
        mean, stddev = (encoded[name].numpy() for name in ("latent_mean", "latent_stddev"))
        seeds = tf.random.experimental.stateless_split(seed, 3)
        latent = mean + stddev * tf.random.stateless_normal(mean.shape, seeds[0]).numpy()
        sigma = np.sqrt(1 / np.maximum(inverse_variance, 1e-30) + 0.1**2)
        density = scipy.stats.norm(model.decode(latent)["spectrum"], sigma)
        # The likelihood but for its normalisation, over the bins with data.
        squares = -density.logpdf(filled) - np.log(sigma * np.sqrt(2 * np.pi))
        good = inverse_variance.numpy() > 0
        reconstruction = np.where(good, squares, 0).sum(axis=1) / BINS
        self.assertAllClose(terms["reconstruction"], reconstruction, rtol=1e-3)
        prior = tf.random.stateless_normal([200, 2], seeds[1])
        distance = mmd(latent, prior, kernels=1, bandwidth=2.0)
        kl = 0.5 * np.sum(stddev**2 + mean**2 - 1 - 2 * np.log(stddev), axis=1)
        expected = reconstruction + (kl + 6 * 2 * distance) / BINS
        self.assertAllClose(terms["loss"], expected, rtol=1e-3)

    def test_gaps_are_filled_by_what_the_other_bins_say(self):
        model = self.make()
        whole = spectra(200, seed=5)
        truth = np.random.default_rng(5)
        slope = truth.normal(0, 0.3, (200, 1))
        line = truth.exponential(0.5, (200, 1))
        place = np.linspace(-1, 1, BINS)
        model.adapt(whole)
        filled = model.scaling(*map(tf.constant, whole.values()))[0].numpy()
        expected = 1 + slope * place + line * np.exp(-(((place - 0.3) / 0.08) ** 2))
        gaps = whole["inverse_variance"] == 0
        # The slope reaches into every gap; a line may lie within one.
        gaps[:, np.abs(place - 0.3) < 0.2] = False
        level = np.median(filled / expected, axis=1, keepdims=True)
        deviation = (filled / level - expected)[gaps]
        scatter = (np.ones_like(filled) - expected)[gaps].std()
        self.assertLess(deviation.std(), 0.25 * scatter)

    def test_autoencoder(self):
        model = self.make(variational=False)
        terms = model.objective(self.batch(), tf.constant([1, 2]), training=True)
        self.assertEqual(list(terms), ["loss"])

    def test_arguments(self):
        for options, message in (
            ({"latent_dim": 0}, "latent_dim must be at least 1; got 0"),
            ({"hidden": ()}, r"hidden must be positive integers; got \(\)"),
            ({"hidden_bins": 1.0}, "hidden_bins must be at least 0 and below 1; got 1.0"),
            ({"mmd_weight": 0.5}, "mmd_weight must be at least 1; got 0.5"),
            ({"bins": 5, "components": 5}, r"components must be .* below bins \(5\); got 5"),
            ({"model_error": -1.0}, "model_error must be at least 0; got -1.0"),
        ):
            with self.subTest(**options), self.assertRaisesRegex(ValueError, message):
                zoo.create("spectrum_vae", **options)


if __name__ == "__main__":
    tf.test.main()
