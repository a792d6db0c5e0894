"""Accuracy by magnitude against scikit-learn."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.evaluators import EvaluationContext
from trainers.evaluators.by_magnitude import evaluate_by_magnitude
from trainers.evaluators.statistics.magnitude_rates import (
    magnitude_edges,
    rate_names,
    rates_by_magnitude,
)


class MagnitudeRatesTest(tf.test.TestCase):
    def test_edges(self):
        self.assertAllClose(magnitude_edges(np.array([18.1, 19.6])), [18.0, 18.5, 19.0, 19.5, 20.0])
        self.assertAllClose(magnitude_edges(np.array([15.0, 20.0])), np.arange(15.0, 21.5, 1.0))
        self.assertAllClose(magnitude_edges(np.array([3.0, 20.0])), np.arange(2.0, 23.0, 2.0))

    def test_rates_are_those_of_scikit_learn(self):
        generator = np.random.default_rng(0)
        magnitude = generator.uniform(17, 20, 400)
        labels = generator.integers(2, size=400)
        predicted = np.where(generator.uniform(size=400) < 0.2, 1 - labels, labels)
        edges = np.array([17.0, 18.0, 20.0])
        rates = rates_by_magnitude(magnitude, labels, predicted, ("early", "late"), edges, 1)
        faint = magnitude >= 18
        right, told = labels[faint], predicted[faint]
        expected = {
            "accuracy": metrics.accuracy_score(right, told),
            "TPR (late)": metrics.recall_score(right, told),
            "TNR (early)": metrics.recall_score(1 - right, 1 - told),
        }
        self.assertEqual(set(rates), set(expected))
        for name, value in expected.items():
            self.assertAllClose(rates[name].value[1], value)
        self.assertEqual(rates["TPR (late)"].objects.sum(), labels.sum())
        names = rate_names(("a", "b", "c"))
        self.assertEqual(names[1:], tuple(f"completeness ({name})" for name in "abc"))


class ByMagnitudeTest(tf.test.TestCase):
    def test_section(self):
        dataset = StandInDataset()
        arrays = dataset.arrays("test")
        labels = arrays["label"]
        context = EvaluationContext(StandInModel(dataset), dataset, Path(self.get_temp_dir()))
        name, magnitude = context.magnitude()
        # Right where bright, and three without a magnitude.
        magnitude = np.linspace(17, 19, len(labels))
        magnitude[-3:] = -9999.0, 99.0, np.nan
        context.magnitude = lambda: (name, magnitude)
        right = magnitude < 18
        context._outputs["call", "test"] = {
            "probability": np.eye(2)[np.where(right, labels, 1 - labels)]
        }
        section = evaluate_by_magnitude(context)
        self.assertEqual(section.metrics["accuracy_17_17.5"], 1.0)
        self.assertEqual(section.metrics["accuracy_18_18.5"], 0.0)
        self.assertIn("3 without a magnitude are left out", section.text[0])
        self.assertEqual(section.tables[0].header[2:], ["accuracy", "TNR (star)", "TPR (galaxy)"])
        self.assertTrue((context.output_dir / section.figures[0].path).exists())
        context.magnitude = lambda: (name, np.full(len(labels), 99.0))
        self.assertEqual(context.lacks("magnitudes"), "the dataset has no magnitudes")


if __name__ == "__main__":
    tf.test.main()
