"""Report of a model that draws spectra of what it sees in images."""

import dataclasses
import tempfile
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import scipy.stats
import tensorflow as tf

import zoo
from tests.trainers.evaluators.stand_ins import StandInDataset, StandInSpec
from trainers.evaluators import EvaluationContext, image_spectra
from trainers.evaluators.needs import reason_against
from trainers.evaluators.statistics import scaled_spectra

BINS = 200
LIMITS = (3400.0, 8300.0)


@dataclasses.dataclass(frozen=True)
class PairsSpec(StandInSpec):
    image_shape: tuple[int, int, int] = (8, 8, 2)
    bands: tuple[str, ...] = ("g", "r")
    class_names: tuple[str, ...] = ("quiescent", "star_forming")
    feature_names: tuple[str, ...] = (
        "image",
        "magnitude",
        "spectrum",
        "inverse_variance",
        "true_spectrum",
    )
    wavelengths: tuple[float, float] | None = LIMITS


class Pairs(StandInDataset):
    """Spectra with a slope that is the colour of the image, and a line that no image shows."""

    def _draw(self, number, generator, magnitudes):
        place, label = np.linspace(-1, 1, BINS), np.arange(number) % 2
        slope = generator.uniform(-0.6, 0.6, (number, 1))
        line = generator.uniform(0, 1, (number, 1))
        truth = 1 + slope * place + line * np.exp(-(((place - 0.49) / 0.03) ** 2))
        flux = truth + 0.02 * generator.standard_normal(truth.shape)
        colour = np.concatenate([1 - 0.5 * slope, 1 + 0.5 * slope], axis=1)
        y, x = np.mgrid[-3.5:4, -3.5:4]
        profile = np.exp(-(x**2 + y**2) / 8)[..., None]
        image = 50 * profile * colour[:, None, None]
        image += generator.normal(0, 0.1, image.shape)
        return {
            "image": image.astype(np.float32),
            "id": np.array([f"object-{row}" for row in range(number)]),
            "label": label,
            "magnitude": (20 - 2.5 * np.log10(colour)).astype(np.float32),
            "spectrum": flux.astype(np.float32),
            "inverse_variance": np.full(flux.shape, 2500, np.float32),
            "true_spectrum": truth.astype(np.float32),
        }


class EvaluateImageSpectraTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        dataset = Pairs({"train": 200, "validation": 0, "test": 80}, PairsSpec())
        train = dataset.arrays("train")
        spectra = zoo.create("spectrum_vae", bins=BINS, hidden=(8,), latent_dim=2, components=3)
        spectra.compile(keras.optimizers.Adam(5e-3))
        spectra.fit({name: train[name] for name in spectra.input_names}, epochs=5, verbose=0)
        path = Path(tempfile.mkdtemp()) / "spectra.keras"
        spectra.save(path)
        cls.model = zoo.create(
            "image_to_spectrum",
            image_shape=(8, 8, 2),
            filters=(4,),
            features=8,
            spectra=str(path),
            dropout=0.0,
        )
        cls.model.compile(keras.optimizers.Adam(3e-3), gradient_clip_norm=1.0)
        names = (*cls.model.input_names, *cls.model.targets)
        cls.model.fit({name: train[name] for name in names}, epochs=15, batch_size=20, verbose=0)
        cls.context = EvaluationContext(cls.model, dataset, path.parent)
        with mock.patch.object(image_spectra, "_FAR", 1.5):
            cls.section = image_spectra.evaluate_image_spectra(cls.context)

    def test_slope_is_seen_and_the_line_is_not(self):
        metrics = self.section.metrics
        arrays = self.context.arrays()
        slope = arrays["true_spectrum"][:, -1] - arrays["true_spectrum"][:, 0]
        answer = self.context.outputs("call")["spectrum"]
        drawn = answer[:, -1] - answer[:, 0]
        self.assertGreater(np.corrcoef(slope, drawn)[0, 1], 0.95)
        noise = metrics["latent_rmse_noise_of_the_spectra"]
        for kind in ("images", "forest_on_magnitudes", "network_on_aperture_colours"):
            self.assertBetween(metrics[f"latent_rmse_{kind}"], 2 * noise, 0.9)
        self.assertLess(abs(metrics["rank_correlation_h_alpha_width"]), 0.5)
        self.assertGreater(metrics["rank_correlation_break_4000"], 0.8)
        self.assertBetween(metrics["coverage_68"], 0.5, 0.85)

    def test_errors_that_far_objects_do_not_decide(self):
        train, test = (
            self.model.spectra.encode(*(tf.constant(arrays[name]) for name in self.model.targets))
            for arrays in (self.context.arrays("train"), self.context.arrays())
        )
        train, test = train["latent_mean"].numpy(), test["latent_mean"].numpy()
        errors = self.context.outputs("call")["latent_mean"] - test
        scale, metrics = train.std(axis=0), self.section.metrics
        far = (np.abs(test - train.mean(axis=0)) > 1.5 * scale).any(axis=1)
        self.assertBetween(far.sum(), 1, 60)
        self.assertEqual(metrics["far_objects"], far.sum())
        rmse = np.sqrt(np.mean((errors[~far] / scale) ** 2))
        self.assertAllClose(metrics["latent_rmse_without_far_images"], rmse, rtol=1e-4)
        robust = [scipy.stats.median_abs_deviation(each, axis=0) for each in (errors, train)]
        robust = np.sqrt(np.mean((robust[0] / robust[1]) ** 2))
        self.assertAllClose(metrics["latent_robust_error_images"], robust, rtol=1e-4)
        self.assertIn(f"{far.sum()} of the spectra have a latent", self.section.text[-1])

    def test_tables_and_figures(self):
        latents, spectra = self.section.tables
        self.assertEqual(latents.header, ["from", "all", "1", "2", "robust"])
        self.assertLen(latents.rows, 4)
        errors = dict(zip([row[0] for row in spectra.rows], spectra.rows, strict=True))
        self.assertLess(float(errors["latents of the spectra"][1]), float(errors["images"][1]))
        self.assertLess(
            float(errors["images"][1]), float(errors["mean of the training latents"][1])
        )
        names = {Path(figure.path).stem for figure in self.section.figures}
        self.assertEqual(names, {"image_spectra", "image_spectra_latents"})

    def test_needs(self):
        self.assertIsNone(reason_against(self.context, "spectra_of_images"))
        spec = PairsSpec(feature_names=("image", "spectrum"))
        images = Pairs({"train": 8, "validation": 0, "test": 8}, spec)
        context = EvaluationContext(self.model, images, self.context.output_dir)
        self.assertRegex(
            reason_against(context, "spectra_of_images"), "the dataset has no inverse_variance"
        )


class FeaturesOfSpectraTest(tf.test.TestCase):
    def test_break_of_a_step(self):
        x = scaled_spectra.wavelengths(LIMITS, 1000)
        # F_nu of 1 and 1.7 on the two sides of 4000 A.
        spectra = (np.where(x < 3976, 1.0, 1.7) / x**2)[None]
        self.assertAllClose(scaled_spectra.break_4000(spectra, x), [1.7], rtol=1e-6)

    def test_width_of_a_gaussian_line(self):
        x = scaled_spectra.wavelengths(LIMITS, 1000)
        # A line of 12 A on a continuum with a slope.
        line = 12 / (6 * np.sqrt(2 * np.pi)) * np.exp(-(((x - 6565) / 6) ** 2) / 2)
        spectra = ((3 + 1e-3 * (x - 6570)) * (1 + line))[None]
        self.assertAllClose(scaled_spectra.h_alpha_width(spectra, x), [12.0], rtol=0.03)

    def test_bins_must_reach_the_bands(self):
        x = scaled_spectra.wavelengths((3400.0, 3900.0), 50)
        with self.assertRaisesRegex(ValueError, "wavelength must reach from 4001 to 4101 A; got"):
            scaled_spectra.break_4000(np.ones((1, 50)), x)


if __name__ == "__main__":
    tf.test.main()
