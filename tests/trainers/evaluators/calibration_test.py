from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.special import softmax
from sklearn import metrics
from sklearn.calibration import calibration_curve

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.calibration import calibrate, evaluate_calibration


class CalibrationTest(tf.test.TestCase):
    def _draw(self, number=3000, overconfidence=1.0):
        random = np.random.default_rng(0)
        logit = random.normal(0, 2, number)
        positive = random.random(number) < 1 / (1 + np.exp(-logit))
        return positive, 1 / (1 + np.exp(-overconfidence * logit))

    def test_numbers_are_those_of_scikit_learn(self):
        positive, probability = self._draw(overconfidence=1.7)
        measured = calibrate(positive, probability, bins=12)
        fraction, mean = calibration_curve(positive, probability, n_bins=12)
        self.assertAllClose(measured.bins.value, fraction)
        self.assertAllClose(measured.mean_probability, mean)
        self.assertNear(measured.brier, metrics.brier_score_loss(positive, probability), 1e-12)
        self.assertNear(measured.log_loss, metrics.log_loss(positive, probability), 1e-12)
        share = measured.bins.objects / len(positive)
        self.assertNear(measured.expected_error, np.sum(share * np.abs(fraction - mean)), 1e-12)

    def test_true_probabilities_are_calibrated_and_others_are_not(self):
        # The error of calibrated probabilities is that of the counts, 0.4/sqrt(200) in each bin.
        self.assertLess(calibrate(*self._draw()).expected_error, 0.03)
        self.assertGreater(calibrate(*self._draw(overconfidence=3)).expected_error, 0.06)

    def test_no_opinion(self):
        measured = calibrate(np.arange(100) % 2 == 1, np.full(100, 0.5))
        self.assertNear(measured.expected_error, 0, 1e-12)
        self.assertNear(measured.brier, 0.25, 1e-12)
        self.assertNear(measured.log_loss, np.log(2), 1e-12)

    def _section(self, class_names):
        dataset = StandInDataset(spec=StandInSpec(class_names=class_names, class_fractions=None))
        labels = dataset.arrays("test")["label"]
        logits = np.random.default_rng(1).normal(size=(100, len(class_names)))
        probability = softmax(logits + np.eye(len(class_names))[labels], axis=1)
        context = EvaluationContext(StandInModel(dataset), dataset, Path(self.get_temp_dir()))
        context._outputs["call", "test"] = {"probability": probability}
        section = evaluate_calibration(context)
        self.assertTrue((context.output_dir / section.figures[0].path).exists())
        return section, labels, probability

    def test_of_two_classes_one_is_reported(self):
        section, labels, probability = self._section(("galaxy", "star"))
        brier = metrics.brier_score_loss(labels == 0, probability[:, 0])
        self.assertNear(section.metrics["brier"], brier, 1e-12)
        fraction, mean = calibration_curve(labels == 0, probability[:, 0], n_bins=15)
        counted, _ = np.histogram(probability[:, 0], np.linspace(0, 1, 16))
        error = np.average(np.abs(fraction - mean), weights=counted[counted > 0])
        self.assertNear(section.metrics["calibration_error"], error, 1e-12)
        (row,) = section.tables[0].rows
        self.assertEqual(row, ["galaxy", f"{error:.3f}", f"{brier:.3f}", "0.250"])

    def test_several_classes_are_taken_one_against_the_rest(self):
        section, labels, probability = self._section(("round", "disk", "merger"))
        for index, name in enumerate(("round", "disk", "merger")):
            brier = metrics.brier_score_loss(labels == index, probability[:, index])
            self.assertNear(section.metrics[f"brier_{name}"], brier, 1e-12)
        self.assertLen(section.tables[0].rows, 3)

    def test_certainty_stays_finite(self):
        measured = calibrate(np.array([True, False, True]), np.array([1.0, 0.0, 0.0]))
        self.assertTrue(np.isfinite(measured.log_loss))
        self.assertNear(measured.brier, 1 / 3, 1e-12)
