"""Report of photometric redshifts on densities that are right by construction."""

import dataclasses
import tempfile
from pathlib import Path

import h5py
import numpy as np
import scipy.stats
import tensorflow as tf

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.needs import reason_against
from trainers.evaluators.redshift import evaluate_redshift

BINS, HIGH = 60, 0.4
SCATTER = 0.01
FEATURES = ("image", "label", "id", "magnitude", "galactic_reddening", "redshift")


@dataclasses.dataclass(frozen=True)
class GalaxiesSpec(StandInSpec):
    class_names: tuple[str, ...] = ("early", "late")
    feature_names: tuple[str, ...] = FEATURES


class Galaxies(StandInDataset):
    """Galaxies whose colours follow the redshift with a scatter of 0.03, in images too."""

    def _draw(self, number, generator, magnitudes):
        arrays = super()._draw(number, generator, magnitudes=False)
        redshift = generator.uniform(0.05, 0.35, number)
        colours = redshift[:, None] * np.array([3.0, 2.0, 1.0, 0.5])
        colours += generator.normal(0, 0.1, colours.shape)
        magnitude = 18 - np.cumsum(np.insert(colours, 0, 0.0, axis=1), axis=1)
        image = arrays["image"] * 10 ** (-0.4 * (magnitude[:, None, None] - 18))
        magnitude[:3, 0] = -9999
        return {
            **arrays,
            "image": image.astype(np.float32),
            "magnitude": magnitude,
            "galactic_reddening": generator.uniform(0, 0.1, number),
            "redshift": redshift,
        }


def outputs_for(redshift, seed=0):
    """Returns normal densities about estimates that deviate by what they say."""
    estimate = redshift + np.random.default_rng(seed).normal(0, SCATTER, len(redshift))
    edges = np.linspace(0, HIGH, BINS + 1)
    mass = np.diff(scipy.stats.norm.cdf(edges, estimate[:, None], SCATTER), axis=1)
    mass /= mass.sum(axis=1, keepdims=True)
    return {
        "redshift": estimate.astype(np.float32),
        "redshift_median": estimate.astype(np.float32),
        "redshift_stddev": np.full(len(redshift), SCATTER, np.float32),
        "redshift_pdf": (mass * BINS / HIGH).astype(np.float32),
    }


class EvaluateRedshiftTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dataset = Galaxies({"train": 300, "validation": 0, "test": 400}, GalaxiesSpec())
        arrays = cls.dataset._arrays["test"]
        arrays["redshift"][5], arrays["redshift"][6] = np.nan, 0.5
        cls.truth = arrays["redshift"]
        cls.section, cls.folder = cls.evaluate(cls.dataset)

    @classmethod
    def evaluate(cls, dataset):
        model = StandInModel(dataset, task="regression", methods=())
        model.targets, model.redshift_range = ("redshift",), (0.0, HIGH)
        folder = Path(tempfile.mkdtemp())
        context = EvaluationContext(model, dataset, folder)
        redshift = np.nan_to_num(dataset.arrays("test")["redshift"], nan=0.1)
        outputs = outputs_for(redshift)
        outputs["redshift"][6] = 0.39
        context._outputs["call", "test"] = outputs
        assert reason_against(context, "redshift_pdf") is None
        return evaluate_redshift(context), folder

    def test_numbers_beside_the_baselines(self):
        metrics = self.section.metrics
        self.assertEqual(metrics["objects"], 399)
        # dz has the scatter of the estimates over 1 + z, of a mean of 0.83.
        self.assertAllClose(metrics["sigma_mad"], SCATTER * 0.83, rtol=0.15)
        self.assertLess(abs(metrics["bias"]), 4 * metrics["bias_standard_error"])
        self.assertAllClose(metrics["outliers"], 1 / 399)
        self.assertGreater(metrics["pit_ks_p"], 1e-3)
        for method in ("forest", "neighbours", "network"):
            self.assertGreater(metrics[f"{method}_sigma_mad"], 1.5 * metrics["sigma_mad"])
            self.assertLess(metrics[f"{method}_sigma_mad"], 0.05)

    def test_what_cannot_be_judged_is_counted_and_named(self):
        text = " ".join(self.section.text)
        self.assertIn("1 redshifts are outside of the bins, 0 to 0.4, such as that of", text)
        self.assertIn("object-0006, 0.5", text)
        self.assertIn("1 objects without a redshift are left out", text)
        self.assertIn("missing for 3 of the objects and 3 of the training objects", text)

    def test_tables_and_figures(self):
        methods, kinds = self.section.tables
        self.assertEqual(
            [row[0] for row in methods.rows][1:],
            [
                "colours, random forest",
                "colours, nearest neighbours",
                "aperture colours, dense network",
            ],
        )
        self.assertEqual(kinds.header[-2:], ["sigma_MAD, forest", "sigma_MAD, network"])
        names = [row[0] for row in kinds.rows]
        self.assertEqual(names[-2:], ["early", "late"])
        self.assertTrue(any(name.startswith("true z") for name in names))
        for start in ("true z", "estimated z", "magnitude r"):
            numbers = [int(row[1]) for row in kinds.rows if row[0].startswith(start)]
            self.assertEqual((len(numbers), sum(numbers)), (5, 399), start)
        for figure in self.section.figures:
            self.assertTrue((self.folder / figure.path).is_file())

    def test_densities_are_saved(self):
        with h5py.File(self.folder / "redshift_pdf.hdf5") as file:
            self.assertEqual(file["data/pdfs"].shape, (399, BINS))
            integral = file["data/pdfs"][()].sum(axis=1) * HIGH / BINS
            self.assertAllClose(integral, np.ones(399), rtol=1e-5)
            known = np.isfinite(self.truth)
            self.assertAllClose(file["ancil/true_redshift"], self.truth[known])

    def test_without_magnitudes_only_the_network_is_a_baseline(self):
        names = tuple(name for name in FEATURES if name != "magnitude")
        dataset = Galaxies({"train": 20, "test": 30}, GalaxiesSpec(feature_names=names))
        section, _ = self.evaluate(dataset)
        self.assertIn("No forest and neighbours", section.text[1])
        self.assertIn("fitted to 20 training objects", section.text[1])
        self.assertNotIn("forest_sigma_mad", section.metrics)
        self.assertIn("network_sigma_mad", section.metrics)

    def test_without_redshifts_to_learn_from_there_are_no_baselines(self):
        dataset = Galaxies({"train": 20, "test": 30}, GalaxiesSpec())
        dataset._arrays["train"]["redshift"][1:] = -9999
        section, _ = self.evaluate(dataset)
        self.assertIn("No baselines: 1 training objects have a redshift", section.text[1])
        self.assertLen(section.tables[0].rows, 1)


if __name__ == "__main__":
    tf.test.main()
