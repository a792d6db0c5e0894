"""The numbers of a transfer against scikit-learn, and the cuts of its labels."""

import dataclasses

import numpy as np
import tensorflow as tf
from sklearn.ensemble import RandomForestClassifier

from tfds_builders.galaxy_zoo_decals.labels import GZD5, task_labels
from trainers.datasets.dataset import DatasetSpec
from trainers.evaluators.statistics import transfer_scores
from trainers.evaluators.statistics.task_probe import TaskScore, fit_forest, score_forest


def survey(shift=0.0, seed=0, number=400):
    """Returns two classes a standard deviation and a half apart, in a plane of noise."""
    draws = np.random.default_rng(seed)
    latents, labels = {}, {}
    for split in ("train", "test"):
        label = draws.integers(0, 2, number)
        latents[split] = draws.normal(size=(number, 3)) + 3.0 * label[:, None] * [1, 0, 0] + shift
        labels[split] = {"bar": np.where(draws.random(number) < 0.2, -1, label)}
    return transfer_scores.Survey(latents, labels)


class TransferScoresTest(tf.test.TestCase):
    def test_forest_is_scikit_learns(self):
        one = survey()
        label = one.labels["train"]["bar"]
        forest = RandomForestClassifier(20, class_weight="balanced", random_state=3)
        forest.fit(one.latents["train"][label >= 0], label[label >= 0])
        truth = one.labels["test"]["bar"]
        expected = forest.score(one.latents["test"][truth >= 0], truth[truth >= 0])
        own = fit_forest(one.latents["train"], label, trees=20, seed=3)
        score = score_forest(own, one.latents["test"], truth)
        self.assertEqual(score.accuracy, expected)
        self.assertLen(score.truth, (truth >= 0).sum())
        error = np.sqrt(expected * (1 - expected) / len(score.truth))
        self.assertAllClose(score.accuracy_error, error)
        with self.assertRaisesRegex(ValueError, r"two classes at least; got \[0\]"):
            fit_forest(one.latents["train"], np.where(label == 1, -1, label))
        with self.assertRaisesRegex(ValueError, "one object with a label"):
            score_forest(own, one.latents["test"], np.full(400, -1))

    def test_a_shift_costs_accuracy_and_the_targets_own_labels_do_not_mind(self):
        near = transfer_scores.task_transfer(survey(), survey(seed=1), "bar", trees=50)
        far = transfer_scores.task_transfer(survey(), survey(1.5, seed=1), "bar", trees=50)
        self.assertEqual(far.source.accuracy, near.source.accuracy)
        self.assertLess(far.target.accuracy, near.target.accuracy - 0.1)
        # Of some 320 objects: four standard errors.
        self.assertAllClose(far.bound.accuracy, near.bound.accuracy, atol=0.06)
        rise, error = transfer_scores.gain(far.target, near.target)
        self.assertAllClose(rise, near.target.accuracy - far.target.accuracy)
        self.assertBetween(error, 0.005, 0.04)

    def test_gain_is_of_pairs(self):
        truth = np.zeros(100, int)
        before = TaskScore(truth, np.repeat([0, 1], [60, 40]))
        after = TaskScore(truth, np.repeat([0, 1], [70, 30]))
        # Ten objects are right that were not: what the others share is no error.
        self.assertAllClose(transfer_scores.gain(before, after), (0.1, np.sqrt(0.09 / 100)))
        self.assertEqual(transfer_scores.gain(before, before), (0.0, 0.0))
        self.assertAllClose(transfer_scores.mean_of([(0.1, 0.03), (0.3, 0.04)]), (0.2, 0.025))

    def test_distances(self):
        same = transfer_scores.distance(survey(), survey(seed=1))
        far = transfer_scores.distance(survey(), survey(2.0, seed=1))
        # The spread of the unbiased estimate is some 0.01 for 200 objects.
        self.assertAllClose([same["mmd"], same["mmd_within"]], [0, 0], atol=0.05)
        self.assertGreater(far["mmd"], 0.5)
        self.assertAllClose(far["mean_shift"], 2.0 * np.sqrt(3) / np.sqrt(1 + 2.25 / 3), rtol=0.1)
        alike = transfer_scores.survey_auc(survey(), survey(seed=1), 0)
        self.assertBetween(0.5, alike.low - 0.02, alike.high + 0.02)
        self.assertGreater(transfer_scores.survey_auc(survey(), survey(2.0, seed=1), 0).low, 0.9)

    def test_labels_of_two_surveys_are_those_of_the_same_classes(self):
        def spec(*names, **tasks):
            return DatasetSpec("sky", (4, 4, 1), ("r",), None, "counts", names, None, tasks=tasks)

        arrays = {"label": np.array([0, 1, 2, 1])}
        classes = transfer_scores.classes_of(arrays, spec("star", "galaxy"))
        self.assertEqual(classes, {"label": ("star", "galaxy")})
        # In the order of the folders' names, and with a class more.
        labels = transfer_scores.labels_of(arrays, spec("agn", "galaxy", "star"), classes)
        self.assertAllEqual(labels["label"], [-1, 1, 0, 1])
        for names in (("agn", "star", "quasar"), ("Galaxy", "Star", "Agn")):
            self.assertEmpty(transfer_scores.labels_of(arrays, spec(*names), classes))
        arrays = {"label_bar": np.array([0, 1, -1]), "label_edge": np.array([1, 0, 0])}
        one = spec(bar=("yes", "no"), edge=("no", "yes"))
        other = {"bar": ("no", "yes")}
        labels = transfer_scores.labels_of(arrays, one, other)
        self.assertEqual(list(labels), ["bar"])
        self.assertAllEqual(labels["bar"], [1, 0, -1])

    def test_votes_become_labels_by_the_published_cuts(self):
        draws = np.random.default_rng(0)
        votes = draws.integers(0, 20, (50, len(GZD5.answers)))
        fractions = GZD5.fractions(votes)
        questions = tuple(
            {"name": each.name, "answers": list(each.answers), "parents": list(each.parents)}
            for each in GZD5.questions
        )
        spec = DatasetSpec(
            "votes", (1, 1, 1), ("r",), None, "counts", (), None, questions=questions
        )
        assigned = transfer_scores.labels_of({"fractions": fractions}, spec)
        for name, labels in task_labels(fractions, cuts="transfer").items():
            self.assertAllEqual(assigned[name], labels)
        # Other datasets have labels of their own.
        spec = dataclasses.replace(spec, questions=(), tasks={"bar": ("yes", "no")})
        arrays = {"label_bar": np.array([0, -1])}
        self.assertAllEqual(transfer_scores.labels_of(arrays, spec)["bar"], [0, -1])


if __name__ == "__main__":
    tf.test.main()
