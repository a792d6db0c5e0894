"""Report of a model of spectra: linear methods, classes, gaps, outliers."""

import dataclasses
import tempfile
import types
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import lsq_linear, nnls

import zoo
from tests.trainers.evaluators.stand_ins import StandInDataset, StandInSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.generation import evaluate_generation
from trainers.evaluators.needs import reason_against
from trainers.evaluators.reconstruction import evaluate_reconstruction
from trainers.evaluators.registry import describe
from trainers.evaluators.spectra import evaluate_spectra
from trainers.evaluators.statistics import spectral_baselines

BINS = 260


@dataclasses.dataclass(frozen=True)
class SpectraSpec(StandInSpec):
    image_shape: tuple[int, int, int] = (2, 2, 1)
    class_names: tuple[str, ...] = ("quiescent", "star_forming")
    feature_names: tuple[str, ...] = ("image", "spectrum", "inverse_variance", "true_spectrum")
    wavelengths: tuple[float, float] | None = (3400.0, 8300.0)


class Spectra(StandInDataset):
    """Slopes, and one class with a line; noise of a twentieth, a gap, and one glitch."""

    def _draw(self, number, generator, magnitudes):
        place, label = np.linspace(-1, 1, BINS), np.arange(number) % 2
        slope = generator.normal(0, 0.2, (number, 1))
        line = label[:, None] * generator.uniform(0.5, 2, (number, 1))
        truth = 10 * (1 + slope * place + line * np.exp(-(((place - 0.5) / 0.02) ** 2)))
        flux = truth + 0.5 * generator.standard_normal(truth.shape)
        inverse_variance = np.full(flux.shape, 4.0)
        inverse_variance[::3, :20] = 0
        flux[5:6, 100:110] += 20
        return {
            "image": np.zeros((number, 2, 2, 1), np.float32),
            "id": np.array([f"object-{row}" for row in range(number)]),
            "label": label,
            "spectrum": flux.astype(np.float32),
            "inverse_variance": inverse_variance.astype(np.float32),
            "true_spectrum": truth.astype(np.float32),
        }


class EvaluateSpectraTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        dataset = Spectra({"train": 300, "validation": 0, "test": 90}, SpectraSpec())
        cls.model = zoo.create("spectrum_vae", bins=BINS, hidden=(16,), latent_dim=2, components=3)
        train = dataset.arrays("train")
        inputs = {name: train[name] for name in cls.model.input_names}
        cls.model.compile(keras.optimizers.Adam(5e-3))
        cls.model.fit(inputs, epochs=20, batch_size=30, verbose=0)
        cls.folder = Path(tempfile.mkdtemp())
        cls.context = EvaluationContext(cls.model, dataset, cls.folder)
        cls.section = evaluate_spectra(cls.context)

    def test_numbers(self):
        metrics = self.section.metrics
        # Two numbers make these spectra, a slope and a line.
        self.assertLess(metrics["pca_2_weighted_mse"], 1.1 * metrics["weighted_mse_of_truth"])
        self.assertLess(metrics["pca_10_weighted_mse"], metrics["pca_1_weighted_mse"])
        self.assertLess(metrics["weighted_mse"], metrics["pca_1_weighted_mse"])
        # The glitch is 40 sigma in 10 of 260 bins of one of 90 spectra.
        self.assertAllClose(metrics["chi2_of_truth"], 1 + 10 * 40**2 / (260 * 90), atol=0.1)
        self.assertGreater(metrics["knn_accuracy_latents"], 0.9)
        self.assertGreater(metrics["knn_accuracy_2_pcs"], 0.9)
        self.assertLess(metrics["gap_chi2_model"], 20.0)
        self.assertIn("weighted MSE with 2 latents (PCA)", self.section.key_numbers)

    def test_glitch_is_the_strangest(self):
        outliers = self.section.tables[-1]
        self.assertEqual(outliers.rows[0][0], "object-5")
        # Bins 100 to 110 of 260.
        self.assertRegex(outliers.rows[0][-1], "excess at 48[0-9][0-9] A")

    def test_figures(self):
        names = {Path(figure.path).stem for figure in self.section.figures}
        expected = {"errors", "latents", "tracks", "gaps", "outliers"}
        self.assertEqual(names, {"spectra", *(f"spectra_{name}" for name in expected)})
        for figure in self.section.figures:
            self.assertTrue((self.folder / figure.path).exists())

    def test_evaluators_of_images_are_left_out(self):
        for function in (evaluate_reconstruction, evaluate_generation):
            name = function.__name__.removeprefix("evaluate_")
            reasons = [self.context.lacks(need) for need in describe(name).needs]
            self.assertIn("the model does not read images", reasons)
        of_images = types.SimpleNamespace(model=types.SimpleNamespace(input_names=("image",)))
        self.assertEqual(reason_against(of_images, "spectra"), "the model does not read spectra")


class BaselinesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        draws = np.random.default_rng(0)
        self.factors = draws.uniform(0, 1, (3, 40))
        self.spectra = draws.uniform(0, 1, (5, 3)) @ self.factors + draws.normal(0, 0.1, (5, 40))
        self.weights = draws.uniform(0, 2, (5, 40)) * (draws.uniform(size=(5, 40)) > 0.2)

    def test_linear_amplitudes_against_scipy(self):
        mean = self.factors.mean(axis=0)
        amplitudes = spectral_baselines.linear_amplitudes(
            self.spectra, self.weights, mean, self.factors
        )
        root = np.sqrt(self.weights)
        expected = [
            lsq_linear(
                self.factors.T * root[row][:, None], root[row] * (self.spectra[row] - mean)
            ).x
            for row in range(5)
        ]
        self.assertAllClose(amplitudes, expected, rtol=1e-3, atol=1e-4)

    def test_factor_amplitudes_against_scipy(self):
        amplitudes = spectral_baselines.factor_amplitudes(self.spectra, self.weights, self.factors)
        root = np.sqrt(self.weights)
        for row in range(5):
            matrix, target = self.factors.T * root[row][:, None], root[row] * self.spectra[row]
            best, _ = nnls(matrix, target)
            error = np.sum((matrix @ amplitudes[row] - target) ** 2)
            self.assertLess(error, 1.01 * np.sum((matrix @ best - target) ** 2))

    def test_factors(self):
        filled = np.random.default_rng(1).uniform(0, 1, (200, 3)) @ self.factors
        factors = spectral_baselines.nonnegative_factors(filled, 3)
        self.assertAllGreaterEqual(factors, 0)
        ones = np.ones_like(filled)
        amplitudes = spectral_baselines.factor_amplitudes(filled, ones, factors)
        self.assertLess(np.mean((filled - amplitudes @ factors) ** 2), 0.01 * filled.var())


if __name__ == "__main__":
    tf.test.main()
