import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.deblending_test import SIZE, Oracle, Stamps, StampsSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.deblending_residuals import (
    core_pixels,
    evaluate_deblending_residuals,
    residual_statistics,
)


class ResidualsTest(tf.test.TestCase):
    def test_statistics(self):
        images = np.random.default_rng(3).normal(size=(2, SIZE, SIZE, 2)) * [0.5, 3.0]
        drawn = np.zeros_like(images)
        drawn[1, :, :, 1] = 15.0
        noise = np.tile([0.5, 3.0], (2, 1))
        numbers = residual_statistics(images, drawn, noise)
        core = core_pixels(SIZE, SIZE)
        self.assertEqual(core.sum(), 29)
        # Chi-square of 29 pixels, five standard deviations.
        self.assertAllClose(numbers["blend"], np.ones((2, 2)), atol=5 * np.sqrt(2 / 29))
        self.assertAllClose(numbers["left"][0], numbers["blend"][0])
        self.assertAllClose(numbers["left"][1, 1], 26.0, atol=5 * np.sqrt((2 + 100) / 29))
        self.assertAllClose(numbers["deep"][1], [0.0013, 0.977], atol=0.03)
        images[0, 16, 16, 0] = np.nan
        values = (images[0, ..., 0][core] / 0.5) ** 2
        again = residual_statistics(images, drawn, noise)
        self.assertAllClose(again["left"][0, 0], np.nanmean(values))

    def test_what_an_exact_galaxy_leaves_is_noise(self):
        # As by neighbours at four to nine pixels, hence the lower bound alone.
        dataset = Stamps({"train": 2, "validation": 0, "test": 30}, StampsSpec())
        with tempfile.TemporaryDirectory() as folder:
            model = Oracle(dataset.arrays("test"))
            model.answer = dataset.arrays("test")["isolated"][:, 0]
            context = EvaluationContext(model, dataset, Path(folder))
            section = evaluate_deblending_residuals(context)
            self.assertTrue((Path(folder) / section.figures[0].path).exists())
        metrics = section.metrics
        self.assertLess(metrics["too_bright_r"], 0.004)
        self.assertGreater(metrics["chi2_r"], 0.7)
        self.assertLess(metrics["chi2_r"], 0.02 * metrics["chi2_of_blend_r"])


if __name__ == "__main__":
    tf.test.main()
