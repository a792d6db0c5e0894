from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.figures.roc_curves import draw_roc
from trainers.evaluators.roc import evaluate_roc
from trainers.evaluators.separator import evaluate_separator


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
        scores = evaluate_roc(self._context(dataset, np.stack([1 - second, second], 1))).metrics
        predicted = (second > 0.5).astype(int)
        self.assertNear(scores["auc"], metrics.roc_auc_score(labels, second), 1e-12)
        self.assertNear(scores["accuracy"], metrics.accuracy_score(labels, predicted), 1e-12)
        self.assertNear(scores["purity_galaxy"], metrics.precision_score(labels, predicted), 1e-12)
        self.assertNear(
            scores["completeness_star"], metrics.recall_score(1 - labels, 1 - predicted), 1e-12
        )
        self.assertNear(
            scores["average_precision"], metrics.average_precision_score(labels, second), 1e-12
        )
        self.assertBetween(scores["auc"], scores["auc_low"], scores["auc_high"])

    def test_wrong_identification_is_reported_as_it_is(self):
        dataset = StandInDataset()
        labels = dataset.arrays("test")["label"]
        inverted = evaluate_roc(self._context(dataset, np.eye(2)[1 - labels]))
        self.assertEqual(inverted.metrics["auc"], 0.0)
        self.assertEqual(inverted.metrics["accuracy"], 0.0)
        self.assertIn("wrong classes", " ".join(inverted.text))

    def test_chance_is_no_wrong_identification(self):
        dataset = StandInDataset()
        score = np.random.default_rng(0).random(100)
        labels = dataset.arrays("test")["label"]
        score = score if metrics.roc_auc_score(labels, score) < 0.5 else 1 - score
        section = evaluate_roc(self._context(dataset, np.stack([1 - score, score], 1)))
        self.assertBetween(0.5, section.metrics["auc"], section.metrics["auc_high"])
        text = " ".join(section.text)
        self.assertIn("consistent with chance (0.5)", text)
        self.assertNotIn("wrong classes", text)

    def test_the_floor_has_one_interval(self):
        dataset = StandInDataset()
        generator = np.random.default_rng(0)
        dataset.arrays("test")["psf_magnitude"][:] += generator.normal(0, 0.3, (100, 5))
        second = generator.random(100)
        context = self._context(dataset, np.stack([1 - second, second], 1))
        with mock.patch("trainers.evaluators.roc.draw_roc", wraps=draw_roc) as drawn:
            evaluate_roc(context)
        floor = drawn.call_args.args[1][1].auc
        self.assertEqual(
            str(floor), evaluate_separator(context).key_numbers["AUC of the photometric separator"]
        )
        self.assertGreater(floor.high - floor.low, 0)

    def test_auc_by_magnitude_stands_beside_the_floor(self):
        for names in (("star", "galaxy"), ("galaxy", "star")):
            spec = StandInSpec(class_names=names)
            dataset = StandInDataset(numbers={"train": 9, "test": 300}, spec=spec)
            arrays = dataset.arrays("test")
            if names[0] == "galaxy":
                arrays["label"][:] = 1 - arrays["label"]
            probability = np.full((300, 2), 0.5)
            section = evaluate_roc(self._context(dataset, probability))
            table = section.tables[-1]
            self.assertEqual(table.header[2:], ["AUC of stand_in (95 %)", table.header[3]])
            self.assertIn("PSF - model magnitude", table.header[3])
            for _, _, chance, floor in table.rows:
                self.assertEqual(chance, "0.500 (0.500 to 0.500)")
                self.assertStartsWith(floor, "1.000")
            self.assertIn("horizontal ones the bins", section.figures[-1].caption)

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
