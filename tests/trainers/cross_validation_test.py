"""Cross-validation of an encoder on blobs of two sizes, with a tenth of the labels exchanged."""

import json
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

import zoo
from tests.trainers import tiny
from trainers import cross_validation
from trainers.cli.exit_status import as_options
from trainers.datasets import loading
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.few_labels.cross_validation import _check_sizes
from trainers.few_labels.frozen_probes import STRENGTHS
from trainers.few_labels.nested_validation import classifier, likely_label_errors, out_of_fold


def with_exchanged_labels():
    """Returns blobs of two sizes, and the identifiers of those with the other's label."""
    dataset = tiny.TinyDataset(96)
    splits, wrong = {}, []
    for split in ("train", "validation", "test"):
        arrays = dict(dataset.arrays(split))
        label = np.array(arrays["label"])
        label[::10] = 1 - label[::10]
        wrong += list(arrays["id"][::10])
        splits[split] = arrays | {"label": label}
    return InMemoryDataset(dataset.spec, splits), wrong


class CrossValidationTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir()) / self.id().rsplit(".", 1)[-1]
        self.folder.mkdir()
        self.encoder = self.folder / "encoder.keras"
        encoder = zoo.create(
            "star_galaxy_cnn",
            image_shape=tiny.SHAPE,
            filters=(4,),
            features=6,
            class_names=("a", "b"),
        )
        encoder.save(self.encoder)
        self.dataset, self.wrong = with_exchanged_labels()

    def run_command(self, *changes):
        arguments = [
            *("--encoder", str(self.encoder), "--dataset", tiny.DATASET, "--folds", "3"),
            *("--output_dir", str(self.folder / "folds"), *changes),
        ]
        with mock.patch.object(loading, "load", lambda name, **_: self.dataset):
            return cross_validation.run(arguments)

    def test_report_and_labels_that_contradict(self):
        self.run_command("--repeats", "1", "--methods", "logistic")
        with mock.patch.object(np, "save", wraps=np.save) as saved:
            report = self.run_command("--repeats", "2")
        self.assertEqual(saved.call_count, 3)  # What was there is not done again.
        scores = json.loads((report.parent / "metrics.json").read_text())["cross_validation"]
        # Nine tenths of the labels are right.
        self.assertBetween(scores["logistic_accuracy"], 0.75, 0.95)
        objects = Table.read(report.parent / "objects.ecsv")
        number = sum(self.dataset.num_examples.values())
        self.assertLen(set(objects["index"]), number)
        wrong = {str(each) for each in self.wrong}
        flagged = set(objects["id"][objects["likely_label_error"]])
        # Sizes overlap: other objects contradict their label too.
        self.assertGreater(len(flagged & wrong) / len(wrong), 0.4)
        self.assertGreater(len(flagged & wrong) / len(flagged), 0.25)
        text = report.read_text()
        for name in ("confusion", "label_errors"):
            self.assertIn(f"](figures/{name}.png)", text)
            self.assertTrue((report.parent / "figures" / f"{name}.png").exists())
        measure = r" 0\.\d+ \+- 0\.\d+ \| 0\.\d+ \|"
        self.assertRegex(text, rf"\| logistic regression \|{measure}{measure}")

    def test_mistakes(self):
        for changes, message in (
            (["--folds", "1"], "--folds must be at least 2; got 1"),
            (["--folds", "200"], r"--folds 200 needs at least 202 objects of each class"),
            (["--hp", "training=frozen"], "--hp training: the command sets it"),
            (["--labels", "9"], "--labels need each other and --dataset cutouts"),
            (["--epochs", "9"], "--epochs is no option of this command: no network is trained"),
            (["--flip"], "--flip is no option of this command: no network is trained"),
            (["--methods", "svm"], "--methods"),
        ):
            with self.subTest(message), self.assertRaises(UserError) as caught:
                self.run_command(*changes)
            self.assertRegex(as_options(str(caught.exception)), message)

    def test_folder_is_of_one_number_of_folds(self):
        self.run_command("--repeats", "1", "--methods", "logistic")
        with self.assertRaisesRegex(UserError, r"other `folds` \(saved 3, now 4\)"):
            self.run_command("--folds", "4")


class NestedValidationTest(tf.test.TestCase):
    def test_probabilities_are_those_of_two_loops(self):
        draws = np.random.default_rng(0)
        labels = draws.integers(0, 3, 150)
        features = draws.normal(size=(150, 5)) + 0.8 * labels[:, None] * (1, 0, 0, 0, 0)
        expected = np.empty((150, 3))
        for train, test in StratifiedKFold(3, shuffle=True, random_state=7).split(features, labels):
            x, y = features[train], labels[train]
            likelihood = {}
            for strength in STRENGTHS:
                of_folds = []
                inner = StratifiedKFold(3, shuffle=True, random_state=7)
                for fitted, left in inner.split(x, y):
                    scaler = StandardScaler().fit(x[fitted])
                    model = LogisticRegression(C=strength, max_iter=2000)
                    model.fit(scaler.transform(x[fitted]), y[fitted])
                    scored = model.predict_log_proba(scaler.transform(x[left]))
                    of_folds.append(scored[np.arange(len(left)), y[left]].mean())
                likelihood[strength] = np.mean(of_folds)
            scaler = StandardScaler().fit(x)
            model = LogisticRegression(C=max(likelihood, key=likelihood.get), max_iter=2000)
            model.fit(scaler.transform(x), y)
            expected[test] = model.predict_proba(scaler.transform(features[test]))
        found = out_of_fold(features, labels, "logistic", folds=3, seed=7)
        self.assertAllClose(found, expected, atol=1e-6)

    def test_smallest_class_is_in_every_fold(self):
        for folds in (2, 3, 5):
            labels = np.repeat([0, 1], [40, folds + 2])
            _check_sizes(labels, ("many", "few"), folds)
            with self.assertRaisesRegex(UserError, f"at least {folds + 2} .* got {folds + 1} of"):
                _check_sizes(labels[:-1], ("many", "few"), folds)
            features = np.random.default_rng(0).normal(size=(len(labels), 2)) + labels[:, None]
            outer = StratifiedKFold(folds, shuffle=True, random_state=0)
            for train, _ in outer.split(features, labels):
                model = classifier("logistic", folds, 0).fit(features[train], labels[train])
                self.assertAllInRange(model.cv_results_["mean_test_score"], -np.inf, 0)

    def test_label_errors_of_a_table(self):
        probability = np.array(
            [[0.9, 0.1], [0.7, 0.3], [0.3, 0.7], [0.45, 0.55], [0.2, 0.8], [0.9, 0.1]]
        )
        labels = np.array([0, 0, 0, 1, 1, 1])
        # Mean confidence: 0.633 of class 0, 0.483 of class 1.
        expected = [False, False, True, False, False, True]
        self.assertAllEqual(likely_label_errors(labels, probability), expected)


if __name__ == "__main__":
    tf.test.main()
