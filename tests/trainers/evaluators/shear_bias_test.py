import dataclasses
import tempfile
import types
from pathlib import Path

import galsim
import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.deblending_test import FEATURES, NOISE, SIZE, StampsSpec
from tests.trainers.evaluators.stand_ins import StandInDataset
from trainers.evaluators import EvaluationContext, needs
from trainers.evaluators.shear_bias import ShearedPairs, evaluate_shear_bias

SHEAR, SCENES, PSF_SIGMA = 0.02, 24, 1.6


@dataclasses.dataclass(frozen=True)
class ShearedSpec(StampsSpec):
    feature_names: tuple[str, ...] = (*FEATURES, "scene", "shear")


class ShearedStamps(StandInDataset):
    """Elliptical Gaussians, every second alone, drawn by GalSim with opposite shears."""

    def _draw(self, number, generator, magnitudes):
        isolated = np.zeros((number, 2, SIZE, SIZE, 2), np.float32)
        shear = np.zeros((number, 2), np.float32)
        scene, second = np.divmod(np.arange(number), 2)
        for row in range(number):
            rng = np.random.default_rng(scene[row])
            shear[row, (scene[row] // 2) % 2] = -SHEAR if second[row] else SHEAR
            for source in range(1 + scene[row] % 2):
                flux, e1, e2 = rng.uniform(300, 900), *rng.normal(0, 0.15, 2)
                galaxy = galsim.Gaussian(sigma=2.2, flux=flux).shear(g1=e1, g2=e2)
                galaxy = galaxy.shear(g1=float(shear[row, 0]), g2=float(shear[row, 1]))
                seen = galsim.Convolve(galaxy, galsim.Gaussian(sigma=PSF_SIGMA))
                offset = (0.5 + 5 * source, 0.5)
                image = seen.drawImage(nx=SIZE, ny=SIZE, scale=1, offset=offset).array
                isolated[row, source] = image[..., None]
        psf = galsim.Gaussian(sigma=PSF_SIGMA).drawImage(nx=17, ny=17, scale=1).array
        noise = generator.normal(0, NOISE, (number // 2, SIZE, SIZE, 2))
        total = isolated.sum(axis=1) + np.repeat(noise, 2, axis=0)
        products = np.full((number, 2), 0.2) * (scene % 2)[:, None]
        return {
            "image": total.astype(np.float32),
            "isolated": isolated,
            "num_sources": 1 + scene % 2,
            "class": np.ones((number, 2), np.int32),
            "blendedness": products,
            "x": np.full((number, 2), SIZE / 2, np.float32),
            "y": np.full((number, 2), SIZE / 2, np.float32),
            "psf": np.repeat(psf[None, ..., None], number, axis=0) * np.ones(2, np.float32),
            "noise_sigma": np.full((number, 2), NOISE, np.float32),
            "scene": scene.astype(np.int32),
            "shear": shear,
        }


class Dull:
    """Draws the target of the positive shear in both stamps of a third of the pairs."""

    registry_name, task, input_names, class_names = "dull", "deblending", ("image",), ()
    image_shape = (SIZE, SIZE, 2)

    def __init__(self, arrays):
        self.images = arrays["image"]
        self.answer = arrays["isolated"][:, 0].copy()
        for row in range(0, len(self.answer), 6):
            self.answer[row + 1] = self.answer[row]

    def __call__(self, images, training=False):
        same = tf.reduce_sum(tf.abs(images[:, None] - self.images[None]), (2, 3, 4))
        deblended = tf.gather(self.answer, tf.argmin(same, axis=1))
        flux = tf.reduce_sum(deblended, axis=(1, 2))
        return {"deblended": deblended, "flux": flux}


class ShearBiasTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        dataset = ShearedStamps({"train": 2, "validation": 0, "test": 2 * SCENES}, ShearedSpec())
        model = Dull(dataset.arrays("test"))
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.context = EvaluationContext(model, dataset, Path(folder))
        cls.section = evaluate_shear_bias(cls.context)

    def test_noiseless_galaxies_have_no_bias(self):
        # Of Gaussians under a Gaussian PSF the distortions are exact, and so is their response.
        metrics = self.section.metrics
        self.assertAllClose(metrics["isolated_m"], 0.0, atol=0.005)
        self.assertLess(metrics["isolated_m_low"], metrics["isolated_m_high"])

    def test_a_third_that_does_not_respond_is_a_bias_of_a_third(self):
        metrics = self.section.metrics
        self.assertAllClose(metrics["model_m"], -1 / 3, atol=0.02)
        self.assertBetween(-1 / 3, metrics["model_m_low"], metrics["model_m_high"])
        # The noise of a pair is the same; what is left of it is small where nothing blends.
        self.assertAllClose(metrics["blend_alone_m"], metrics["isolated_alone_m"], atol=0.05)
        self.assertEqual([row[:2] for row in self.section.tables[0].rows][1], ["all", "model"])
        self.assertTrue((self.context.output_dir / self.section.figures[0].path).exists())

    def test_pairs(self):
        scene = np.array([4, 7, 4, 5, 7])
        shear = np.array([[0.1, 0], [0, -0.2], [-0.1, 0], [0.1, 0], [0, 0.2]])
        pairs = ShearedPairs.of(scene, shear, 10)
        self.assertAllEqual(pairs.plus, [0, 4])
        self.assertAllEqual(pairs.minus, [2, 1])
        distortions = np.array([[0.3, 0.9], [0.8, 0.1], [0.1, 0.9], [1.2, 0.2]])
        positive, negative = pairs.along(distortions)
        self.assertAllClose(positive, [0.3, 0.1])
        self.assertAllClose(negative, [0.1, np.nan])

    def test_needs(self):
        for features, reason in (
            (FEATURES, "no pairs of opposite shears"),
            (ShearedSpec.feature_names, None),
        ):
            context = types.SimpleNamespace(spec=types.SimpleNamespace(feature_names=features))
            self.assertIn(reason or "None", str(needs.reason_against(context, "sheared_pairs")))


if __name__ == "__main__":
    tf.test.main()
