"""Selections by thresholds against scikit-learn and SciPy."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy import stats
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.thresholds import evaluate_thresholds, select_above


class SelectAboveTest(tf.test.TestCase):
    def test_fractions_are_those_of_scikit_learn(self):
        generator = np.random.default_rng(0)
        positive = generator.uniform(size=300) < 0.2
        # Coarse, so that many objects lie on a threshold: they are selected.
        probability = np.round(np.clip(generator.normal(0.35 + 0.3 * positive, 0.2), 0, 1), 1)
        thresholds = [0.2, 0.5, 0.8]
        selected = select_above(positive, probability, thresholds)
        for index, threshold in enumerate(thresholds):
            chosen = probability >= threshold
            expected = {
                "purity": metrics.precision_score(positive, chosen),
                "completeness": metrics.recall_score(positive, chosen),
                "false_positive_rate": 1 - metrics.recall_score(~positive, ~chosen),
                "accuracy": metrics.accuracy_score(positive, chosen),
            }
            for name, value in expected.items():
                self.assertAllClose(selected.interval(name)[index].value, value)
        right, number = (values[1] for values in selected.fraction("completeness"))
        test = stats.binomtest(int(right), int(number))
        interval = selected.interval("completeness")[1]
        expected = tuple(test.proportion_ci(method="wilson"))
        self.assertAllClose((interval.low, interval.high), expected, rtol=1e-6)

    def test_nothing_selected(self):
        selected = select_above(np.array([True, False]), np.array([0.1, 0.2]), [0.5])
        self.assertTrue(np.isnan(selected.interval("purity")[0].value))
        self.assertEqual(selected.interval("completeness")[0].value, 0.0)
        self.assertEqual(selected.interval("accuracy")[0].value, 0.5)


class ThresholdsTest(tf.test.TestCase):
    def _section(self, dataset, probability):
        context = EvaluationContext(StandInModel(dataset), dataset, Path(self.get_temp_dir()))
        context._outputs["call", "test"] = {"probability": np.asarray(probability)}
        return evaluate_thresholds(context)

    def test_two_classes(self):
        dataset = StandInDataset()
        labels = dataset.arrays("test")["label"]
        second = stats.norm.cdf(np.random.default_rng(0).normal(size=100) + labels - 0.5)
        section = self._section(dataset, np.stack([1 - second, second], axis=1))
        for index, name in enumerate(("star", "galaxy")):
            score = second if index else 1 - second
            for threshold in (0.2, 0.5, 0.8):
                chosen = score >= threshold
                self.assertAllClose(
                    section.metrics[f"purity_{name}_{threshold}"],
                    metrics.precision_score(labels == index, chosen),
                )
                self.assertAllClose(
                    section.metrics[f"completeness_{name}_{threshold}"],
                    metrics.recall_score(labels == index, chosen),
                )
        self.assertLen(section.tables[0].rows, 6)
        self.assertLen(section.key_numbers, 2)
        self.assertTrue((Path(self.get_temp_dir()) / section.figures[0].path).exists())

    def test_several_classes_one_against_the_rest(self):
        names = ("a", "b", "c", "d", "e")
        dataset = StandInDataset(
            {"train": 10, "validation": 0, "test": 60},
            StandInSpec(class_names=names, class_fractions=None),
        )
        labels = dataset.arrays("test")["label"] % 4
        dataset._arrays["test"]["label"] = labels
        probability = 0.6 * np.eye(5)[(labels + (np.arange(60) % 5 == 0)) % 5] + 0.08
        section = self._section(dataset, probability)
        # Nobody is of the fifth class.
        self.assertLen(section.tables[0].rows, 12)
        right = np.arange(60)[labels == 1] % 5 != 0
        self.assertAllClose(section.metrics["completeness_b_0.5"], right.mean())
        self.assertNotIn("purity_a_0.8", section.metrics)
        self.assertEqual(section.tables[0].rows[2][4], "-")


if __name__ == "__main__":
    tf.test.main()
