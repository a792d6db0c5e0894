from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.roc import evaluate_roc


class RocTest(tf.test.TestCase):
    def _context(self, dataset, probability):
        model = StandInModel(dataset)
        context = EvaluationContext(model, dataset, Path(self.get_temp_dir()))
        context._outputs["call", "test"] = {"probability": np.asarray(probability)}
        return context

    def test_numbers_equal_scikit_learn(self):
        dataset = StandInDataset()
        labels = dataset.arrays("test")["label"]
        generator = np.random.default_rng(0)
        second = 1 / (1 + np.exp(-(generator.normal(size=100) + labels)))
        found = evaluate_roc(self._context(dataset, np.stack([1 - second, second], 1))).metrics
        predicted = (second > 0.5).astype(int)
        self.assertNear(found["auc"], metrics.roc_auc_score(labels, second), 1e-12)
        self.assertNear(found["accuracy"], metrics.accuracy_score(labels, predicted), 1e-12)
        self.assertNear(found["purity_galaxy"], metrics.precision_score(labels, predicted), 1e-12)
        self.assertNear(
            found["completeness_star"], metrics.recall_score(1 - labels, 1 - predicted), 1e-12
        )
        self.assertNear(
            found["average_precision"], metrics.average_precision_score(labels, second), 1e-12
        )
        self.assertBetween(found["auc"], found["auc_low"], found["auc_high"])

    def test_wrong_identification_is_reported_as_it_is(self):
        dataset = StandInDataset()
        labels = dataset.arrays("test")["label"]
        inverted = evaluate_roc(self._context(dataset, np.eye(2)[1 - labels]))
        self.assertEqual(inverted.metrics["auc"], 0.0)
        self.assertEqual(inverted.metrics["accuracy"], 0.0)
        self.assertIn("wrong names", " ".join(inverted.text))

    def test_several_classes_are_taken_one_against_the_rest(self):
        spec = StandInSpec(class_names=("round", "disk", "merger"), class_fractions=None)
        dataset = StandInDataset(spec=spec)
        labels = dataset.arrays("test")["label"]
        logits = np.random.default_rng(1).normal(size=(100, 3)) + 2 * np.eye(3)[labels]
        probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        section = evaluate_roc(self._context(dataset, probability))
        expected = metrics.roc_auc_score(labels, probability, multi_class="ovr", average="macro")
        self.assertNear(section.metrics["auc"], expected, 1e-12)
        self.assertNear(
            section.metrics["auc_disk"],
            metrics.roc_auc_score(labels == 1, probability[:, 1]),
            1e-12,
        )
        self.assertLen(section.tables[0].rows, 3)

    def test_one_class_is_not_enough(self):
        dataset = StandInDataset()
        dataset.arrays("test")["label"][:] = 0
        context = self._context(dataset, np.full((100, 2), 0.5))
        with self.assertRaisesRegex(ValueError, "must have objects of two classes"):
            evaluate_roc(context)
