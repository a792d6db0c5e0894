"""Residuals in closed form, and against scikit-learn and SciPy."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy import stats
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.errors import UserError
from trainers.evaluators import EvaluationContext, select
from trainers.evaluators.regression import evaluate_regression, measure


class MeasureTest(tf.test.TestCase):
    def test_numbers_equal_scikit_learn_and_scipy(self):
        generator = np.random.default_rng(0)
        truth = generator.uniform(-5, 10, 500)
        predicted = 0.8 * truth + 0.7 + generator.normal(0, 1.2, 500)
        scores = measure(truth, predicted)
        self.assertAllClose(scores.rms, metrics.root_mean_squared_error(truth, predicted))
        self.assertAllClose(scores.explained, metrics.r2_score(truth, predicted))
        self.assertAllClose(scores.pearson, np.corrcoef(truth, predicted)[0, 1])
        self.assertAllClose(scores.spearman, stats.spearmanr(truth, predicted).statistic)
        self.assertAllClose(scores.bias, np.mean(predicted - truth))

    def test_a_normal_with_outliers(self):
        # Quantiles of a normal in place of a sample: nothing is left to chance.
        normal = 0.3 + 2.0 * stats.norm.ppf((np.arange(9900) + 0.5) / 9900)
        residual = np.concatenate([normal, np.full(100, 50.0)])
        truth = np.linspace(0, 100, 10000)
        scores = measure(truth, truth + residual)
        self.assertAllClose(scores.scatter, 2.0, rtol=0.02)
        expected = 0.99 * 2 * stats.norm.sf(3.0) + 0.01
        self.assertAllClose(scores.outliers, expected, atol=5e-4)
        self.assertAllClose(scores.bias, 0.99 * 0.3 + 0.5, atol=1e-3)

    def test_constant(self):
        scores = measure(np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0]))
        self.assertTrue(np.isnan(scores.pearson) and np.isnan(scores.explained))


class RegressionTest(tf.test.TestCase):
    def _context(self, target="t_type"):
        dataset = StandInDataset()
        generator = np.random.default_rng(1)
        truth = generator.uniform(-5, 10, 100)
        truth[::10] = np.nan
        dataset._arrays["test"]["t_type"] = truth
        model = StandInModel(dataset, task="regression", methods=())
        model.targets = (target,)
        context = EvaluationContext(model, dataset, Path(self.get_temp_dir()))
        predicted = np.nan_to_num(truth, nan=99.0) + generator.normal(0.5, 1.0, 100)
        context._outputs["call", "test"] = {"t_type": predicted.astype(np.float32)}
        return context, truth, predicted

    def test_section(self):
        context, truth, predicted = self._context()
        section = evaluate_regression(context)
        finite = np.isfinite(truth)
        scores = measure(truth[finite], predicted[finite])
        self.assertEqual(section.metrics["objects"], 90)
        for name in ("bias", "rms", "scatter", "outliers", "pearson"):
            self.assertAllClose(section.metrics[name], getattr(scores, name), atol=1e-5)
        # The bootstrap's interval of a mean is that of its standard error, 3 % from 1000 resamples.
        error = np.std((predicted - truth)[finite]) / 90**0.5
        width = section.metrics["bias_high"] - section.metrics["bias_low"]
        self.assertAllClose(width, 2 * 1.96 * error, rtol=0.12)
        self.assertIn("Bias of T-Type", section.key_numbers)
        self.assertIn("10 objects have no true value", section.text[0])
        self.assertTrue((Path(self.get_temp_dir()) / section.figures[0].path).exists())

    def test_is_chosen_for_regressions_alone(self):
        context, _, _ = self._context()
        chosen, left_out = select(context)
        self.assertIn("regression", [entry.name for entry in chosen])
        self.assertEqual(left_out["thresholds"], "the model's task is regression")
        classifier = EvaluationContext(StandInModel(context.dataset), context.dataset, "unused")
        with self.assertRaisesRegex(UserError, "the model's task is unsupervised_classification"):
            select(classifier, ["regression"])
        context, _, _ = self._context("redshift")
        with self.assertRaisesRegex(UserError, "the dataset has no redshift"):
            select(context, ["regression"])

    def test_too_few(self):
        context, _, _ = self._context()
        context.arrays()["t_type"][:97] = np.nan
        with self.assertRaisesRegex(
            ValueError, "must have 5 objects with 't_type' .* got 3 of 100"
        ):
            evaluate_regression(context)


if __name__ == "__main__":
    tf.test.main()
