"""Gain of the mean over symmetries against scikit-learn on the same answers."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.special import softmax
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.errors import UserError
from trainers.evaluators import EvaluationContext, select
from trainers.evaluators.symmetries import evaluate_symmetries


class SymmetriesTest(tf.test.TestCase):
    def _context(self, task, average=True):
        dataset = StandInDataset()
        model = StandInModel(dataset, task=task, methods=())
        model.average_symmetries, model.views = average, 8
        return EvaluationContext(model, dataset, Path(self.get_temp_dir()))

    def test_classes(self):
        context = self._context("classification")
        labels, generator = context.labels, np.random.default_rng(0)
        logits = generator.normal(size=(100, 2))
        averaged, single = (softmax(logits + gain * np.eye(2)[labels], axis=1) for gain in (2, 0))
        context._outputs["call", "test"] = {"probability": averaged}
        context._outputs["single_view", "test"] = {"probability": single}
        section = evaluate_symmetries(context)
        for name, probability in (("", averaged), ("_single", single)):
            accuracy = metrics.accuracy_score(labels, probability.argmax(axis=1))
            self.assertNear(section.metrics[f"accuracy{name}"], accuracy, 1e-12)
            log_loss = metrics.log_loss(labels, probability)
            self.assertNear(section.metrics[f"log_loss{name}"], log_loss, 1e-9)
        gain = section.metrics["accuracy"] - section.metrics["accuracy_single"]
        self.assertNear(section.metrics["accuracy_gain"], gain, 1e-12)
        self.assertGreater(section.metrics["accuracy_gain_low"], 0)
        self.assertLess(section.metrics["log_loss_gain_high"], 0)
        self.assertIn("8 times the work", section.text[0])

    def test_numbers(self):
        context = self._context("regression")
        context.model.targets = ("t_type",)
        truth, generator = np.linspace(-5, 10, 100), np.random.default_rng(1)
        truth[::10] = np.nan
        context.dataset._arrays["test"]["t_type"] = truth
        rms = {}
        for function, scatter in (("call", 1.0), ("single_view", 2.0)):
            answer = np.nan_to_num(truth, nan=50.0) + generator.normal(0, scatter, 100)
            context._outputs[function, "test"] = {"t_type": answer}
            known = np.isfinite(truth)
            rms[function] = metrics.root_mean_squared_error(truth[known], answer[known])
        section = evaluate_symmetries(context)
        self.assertNear(section.metrics["rms"], rms["call"], 1e-9)
        self.assertNear(section.metrics["rms_single"], rms["single_view"], 1e-9)
        self.assertLess(section.metrics["rms_gain_high"], 0)

    def test_need(self):
        context = self._context("classification", average=False)
        with self.assertRaisesRegex(UserError, "not a mean over the symmetries"):
            select(context, ["symmetries"])
