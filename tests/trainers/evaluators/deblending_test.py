import dataclasses
import tempfile
import types
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy import stats

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInSpec
from trainers.evaluators import EvaluationContext, needs, select
from trainers.evaluators.deblending import evaluate_deblending
from trainers.evaluators.figures.deblended_stamps import chosen_stamps

NOISE, SIZE, PSF_SIGMA = 0.3, 32, 1.6
FEATURES = ("image", "isolated", "num_sources", "class", "blendedness", "x", "y", "psf")


@dataclasses.dataclass(frozen=True)
class StampsSpec(StandInSpec):
    image_shape: tuple[int, int, int] = (SIZE, SIZE, 2)
    bands: tuple[str, ...] = ("g", "r")
    units: str = "nanojansky"
    class_names: tuple[str, ...] = ()
    class_fractions: tuple[float, ...] | None = None
    feature_names: tuple[str, ...] = FEATURES


def gaussian(size, x, y, sigma):
    rows, columns = np.mgrid[:size, :size]
    light = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    return light / (2 * np.pi * sigma**2)


class Stamps(StandInDataset):
    """Round galaxies, every third alone, the others with a neighbour at four to nine pixels."""

    def _draw(self, number, generator, magnitudes):
        isolated = np.zeros((number, 2, SIZE, SIZE, 2), np.float32)
        position = np.full((number, 2), SIZE / 2, np.float32)
        sources = np.where(np.arange(number) % 3, 2, 1)
        for row in range(number):
            flux = generator.uniform(150, 600)
            colour = np.array([0.7, 1.0])
            light = gaussian(SIZE, SIZE / 2, SIZE / 2, 2.6)
            isolated[row, 0] = flux * light[..., None] * colour
            if sources[row] == 2:
                place = SIZE / 2 + generator.uniform(4, 9)
                light = gaussian(SIZE, place, SIZE / 2, 2.3)
                isolated[row, 1] = 0.6 * flux * light[..., None] * colour[::-1]
        total = isolated.sum(axis=1)
        products = (isolated[:, 0] * total).sum(axis=(1, 2, 3))
        blendedness = 1 - (isolated[:, 0] ** 2).sum(axis=(1, 2, 3)) / products
        psf = gaussian(17, 8, 8, PSF_SIGMA)[..., None] * np.ones(2)
        noise = generator.normal(0, NOISE, total.shape)
        return {
            "image": (total + noise).astype(np.float32),
            "isolated": isolated,
            "num_sources": sources,
            "class": np.ones((number, 2), np.int32),
            "blendedness": np.stack([blendedness, blendedness], axis=1),
            "x": position,
            "y": position,
            "psf": np.repeat(psf[None], number, axis=0).astype(np.float32),
            "noise_sigma": np.full((number, 2), NOISE, np.float32),
        }


class Oracle:
    """Knows the truth, and errs by known amounts."""

    registry_name, task, input_names, class_names = "oracle", "deblending", ("image",), ()
    image_shape = (SIZE, SIZE, 2)

    def __init__(self, arrays):
        draws = np.random.default_rng(3)
        target = arrays["isolated"][:, 0]
        self.error = draws.normal(0.01, 0.03, (len(target), 2))
        self.answer = (target * 10 ** (-0.4 * self.error)[:, None, None]).astype(np.float32)
        self.images = arrays["image"]

    def __call__(self, images, training=False):
        same = tf.reduce_sum(
            tf.abs(images[:, None, ::5, ::5] - self.images[None, :, ::5, ::5]), (2, 3, 4)
        )
        deblended = tf.gather(self.answer, tf.argmin(same, axis=1))
        flux = tf.reduce_sum(deblended, axis=(1, 2))
        return {
            "deblended": deblended,
            "deblended_sigma": 0.1 * tf.ones_like(deblended),
            "flux": flux,
            "flux_sigma": 0.02 * flux,
        }


class DeblendingTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        dataset = Stamps({"train": 2, "validation": 0, "test": 60}, StampsSpec())
        cls.model = Oracle(dataset.arrays("test"))
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.context = EvaluationContext(cls.model, dataset, Path(folder))
        cls.section = evaluate_deblending(cls.context)

    def test_numbers_of_the_model_are_those_of_its_errors(self):
        metrics, error = self.section.metrics, self.model.error
        arrays = self.context.arrays()
        for band, name in enumerate("gr"):
            self.assertAllClose(metrics[f"median_{name}"], np.median(error[:, band]), atol=1e-5)
            self.assertAllClose(metrics[f"scatter_{name}"], error[:, band].std(), atol=1e-5)
            pairs = error[arrays["num_sources"] == 2, band]
            self.assertAllClose(
                metrics[f"pairs_robust_scatter_{name}"], stats.mad_std(pairs), atol=1e-5
            )
        colour = error[:, 0] - error[:, 1]
        self.assertAllClose(metrics["colour_scatter_g_r"], stats.mad_std(colour), atol=1e-5)
        relative = (10 ** (-0.4 * error) - 1) / (0.02 * 10 ** (-0.4 * error))
        self.assertAllClose(metrics["flux_pull_scatter"], stats.mad_std(relative), rtol=1e-3)
        # A factor does not change a shape.
        self.assertAllClose(metrics["e1_scatter"], 0.0, atol=1e-6)
        self.assertGreater(metrics["ssim"], 0.999)
        noise = arrays["image"] - arrays["isolated"].sum(axis=1)
        left = noise + arrays["isolated"][:, 0] - self.model.answer
        chi2 = np.median(np.mean((left / NOISE) ** 2, axis=(1, 2, 3)))
        self.assertAllClose(metrics["chi2_per_pixel"], chi2, rtol=1e-4)

    def test_baselines_are_better_where_nothing_blends(self):
        metrics = self.section.metrics
        self.assertLess(metrics["sep_median_r"], 0.2)
        self.assertGreater(metrics["sep_pairs_scatter_r"], metrics["pairs_scatter_r"])
        # The neighbour's light makes the target of an aperture brighter: magnitudes too low.
        self.assertLess(metrics["blend_median_r"], -0.1)
        self.assertIn("failures", self.section.tables[0].header)

    def test_figures(self):
        names = {Path(figure.path).stem for figure in self.section.figures}
        self.assertEqual(
            names, {"deblending_blendedness", "deblending_brightness", "deblended_stamps"}
        )
        for figure in self.section.figures:
            self.assertTrue((self.context.output_dir / figure.path).exists())

    def test_gallery_has_blends_alone_and_ends_with_the_worst(self):
        error = np.array([0.1, -0.9, np.nan, 0.2, 0.5, 0.0])
        blendedness = np.array([0.3, 0.1, 0.2, 0.0, 0.5, 0.4])
        self.assertEqual(chosen_stamps(error, blendedness, 2, 2).tolist(), [0, 1, 4])

    def test_needs(self):
        chosen, _ = select(self.context, ["deblending"])
        self.assertEqual([entry.name for entry in chosen], ["deblending"])
        for task, features, reason in (
            ("segmentation", FEATURES, "the model's task is segmentation"),
            ("deblending", ("image", "class", "x", "y", "psf"), "no isolated, num_sources, blend"),
        ):
            context = types.SimpleNamespace(
                model=types.SimpleNamespace(task=task),
                spec=types.SimpleNamespace(feature_names=features),
            )
            self.assertIn(reason, needs.reason_against(context, "deblends"))


if __name__ == "__main__":
    tf.test.main()
