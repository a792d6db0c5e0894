"""The numbers of the reconstruction, against numpy, and of which pixels they are."""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.outliers import evaluate_outliers
from trainers.evaluators.reconstruction import evaluate_reconstruction


class ReconstructionTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.dataset = StandInDataset()
        self.model = StandInModel(self.dataset)
        self.images = self.dataset.arrays("test")["image"]

    def context(self):
        return EvaluationContext(self.model, self.dataset, Path(self.get_temp_dir()))

    def test_numbers(self):
        context = self.context()
        section = evaluate_reconstruction(context)
        copies = self.model.reconstruct(tf.constant(self.images))["reconstruction"].numpy()
        squared = (self.images - copies) ** 2
        self.assertAllClose(section.metrics["mse"], squared.mean(), rtol=1e-4)
        noise, _ = context.noise()
        chi2 = (squared / noise[:, None, None] ** 2).mean(axis=(1, 2, 3))
        self.assertAllClose(section.metrics["chi2_per_pixel"], np.median(chi2), rtol=1e-4)
        self.assertNotIn("that the model reads", " ".join(section.text))

    def test_similarity_on_the_range_of_pictures(self):
        published = "ssim_sigma_10_fixed_range"
        self.assertNotIn(published, evaluate_reconstruction(self.context()).metrics)
        for units, data_range in (("counts (0-255)", 255.0), ("counts (0-65535)", 65535.0)):
            self.dataset.spec = dataclasses.replace(StandInSpec(), units=units)
            section = evaluate_reconstruction(self.context())
            copies = self.model.reconstruct(tf.constant(self.images))["reconstruction"]
            pair = (tf.transpose(x, (3, 0, 1, 2))[..., None] for x in (self.images, copies))
            expected = tf.image.ssim(*pair, data_range, filter_size=11, filter_sigma=10.0)
            self.assertAllClose(section.metrics[published], tf.reduce_mean(expected), rtol=1e-4)
            self.assertIn(f"0 to {data_range:g}", " ".join(section.text))

    def test_numbers_are_of_the_pixels_that_the_model_reads(self):
        inside = np.zeros((24, 24, 1), bool)
        inside[6:18, 6:18] = True
        self.model.window = slice(6, 18), slice(6, 18)
        numbers = []
        for outside in (0.0, 7.0):
            self.model.reconstruct = lambda images, level=outside: {
                "reconstruction": tf.where(inside, images + 0.01, level)
            }
            context = self.context()
            section = evaluate_reconstruction(context)
            self.assertAllClose(section.metrics["mse"], 1e-4, rtol=1e-3)
            self.assertIn("central 12 x 12 pixels", " ".join(section.text))
            for figure in section.figures[:2]:
                self.assertIn("central 12 x 12 pixels", figure.caption)
            metrics = {**section.metrics, **evaluate_outliers(context).metrics}
            numbers.append({name: float(value) for name, value in metrics.items()})
        self.assertAllClose(*numbers)


if __name__ == "__main__":
    tf.test.main()
