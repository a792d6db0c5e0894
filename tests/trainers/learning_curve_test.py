"""A learning curve on blobs of two sizes, and scikit-learn's own answers for frozen features."""

import contextlib
import json
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tensorflow.python.framework import config as device_config

import zoo
from tests.trainers import tiny
from trainers import learning_curve
from trainers.cli.exit_status import as_options
from trainers.datasets import loading
from trainers.errors import UserError
from trainers.few_labels import frozen_probes, learning_curve_options
from trainers.runs import pipeline

CNN = {"image_shape": tiny.SHAPE, "filters": (4,), "features": 6, "class_names": ("a", "b")}


@contextlib.contextmanager
def blobs(train=96):
    with mock.patch.object(loading, "load", lambda name, **_: tiny.TinyDataset(train)):
        yield


class LearningCurveTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir()) / self.id().rsplit(".", 1)[-1]
        self.folder.mkdir()
        self.encoder = self.folder / "encoder.keras"
        zoo.create("star_galaxy_cnn", **CNN).save(self.encoder)

    def arguments(self, *changes):
        return [
            *("--encoder", str(self.encoder), "--dataset", tiny.DATASET),
            *("--output_dir", str(self.folder / "curve"), "--labels", "40"),
            *("--repeats", "1", "--min_steps", "6", "--epochs", "2", "--batch_size", "16"),
            *changes,
        ]

    def test_curve_goes_on_and_its_report_tells_all(self):
        trained, execute = [], pipeline.execute

        def counted(config, *arguments, **options):
            trained.append(config.hp["training"])
            return execute(config, *arguments, **options)

        with blobs(), mock.patch.object(pipeline, "execute", counted):
            learning_curve.run(self.arguments("--methods", "logistic", "fine_tuned"))
            report = learning_curve.run(self.arguments())
        self.assertEqual(trained, ["fine_tuned", "from_scratch"])  # Each of them once.
        self.assertTrue((report.parent / "figures/learning_curve.png").exists())
        text = report.read_text()
        self.assertIn("| labels | frozen, logistic regression | frozen, random forest |", text)
        scores = json.loads((report.parent / "metrics.json").read_text())["learning_curve"]
        self.assertLen(scores, 8)
        self.assertAllInRange(list(scores.values()), 0, 1)
        # Random features also separate blobs of two sizes.
        self.assertGreater(scores["logistic_40_0_accuracy"], 0.7)

    def test_mistakes(self):
        for changes, message in (
            (["--labels", "2"], "--labels must be at least 4; got 2"),
            (["--labels", "4000"], "--labels must be at most 132"),
            (["--repeats", "0"], "--repeats must be at least 1; got 0"),
            (["--model", "vae"], "--model is no option .* it is finetuned_classifier"),
            (["--model=vae"], "--model is no option .* it is finetuned_classifier"),
            (["--init=a.keras"], "--init is no option .* --encoder has the initial weights"),
            (["--hp", "training=frozen"], "--hp training: the command sets it"),
            (["--hp", "encoder=b.keras"], "--hp encoder: .* got 'b.keras'"),
            (["--encoder", "nowhere"], "encoder must be .* no file or folder .*nowhere"),
            (["--epoch", "3"], "unknown option '--epoch'"),
            (["--list"], "--list is no option of this command: python -m trainers.run --list"),
            (["--strategy", "mirrored"], "--strategy is no option .* one device"),
            (["--seed=4"], "--seed is no option .* repeat i has seed i"),
            (["--run_dir", "x"], "--run_dir is no option .* --output_dir"),
            (["--overwrite"], "--overwrite is no option .* --output_dir starts over"),
            (["--evaluators", "roc"], "--evaluators is no option"),
        ):
            with self.subTest(message), blobs():
                self.assertEqual(learning_curve.main(self.arguments(*changes)), 2)
                with self.assertRaises(UserError) as caught:
                    learning_curve.run(self.arguments(*changes))
                self.assertRegex(as_options(str(caught.exception)), message)

    def test_encoder_may_be_named_weights(self):
        options = learning_curve_options.parse(["--encoder", "vae/sdss_simulated"], "")
        self.assertEqual(options.encoder, ["vae/sdss_simulated"])
        self.assertEndsWith(str(options.output_dir), "-vae_sdss_simulated")
        checksum = zoo.weights.describe("vae/sdss_simulated").file.sha256
        self.assertIn(checksum[:16], options.experiment()["encoder"])

    def test_scores_are_of_one_folder_and_one_encoder(self):
        dots = ["--dataset", "image_folder", "--methods", "forest", "--data_dir"]
        one, other = str(self.folder / "a/images"), str(self.folder / "b/images")
        with blobs():
            learning_curve.run(self.arguments(*dots, one))
            # The same images in another folder.
            learning_curve.run(self.arguments(*dots, other))
            with blobs(train=95), self.assertRaisesRegex(UserError, "96 .* before, 95 now"):
                learning_curve.run(self.arguments(*dots, other))
            zoo.create("star_galaxy_cnn", **CNN, seed=9).save(self.encoder)
            with self.assertRaisesRegex(UserError, "other `encoder` .*SHA-256"):
                learning_curve.run(self.arguments(*dots, one))

    def test_only_deterministic_kernels(self):
        self.addCleanup(device_config.disable_op_determinism)
        with blobs():
            learning_curve.run(self.arguments("--methods", "forest", "--deterministic"))
        self.assertTrue(device_config.is_op_determinism_enabled())


class FrozenProbesTest(tf.test.TestCase):
    def test_logistic_regression_with_the_likeliest_strength(self):
        draws = np.random.default_rng(0)
        labels = draws.integers(0, 3, 120)
        features = draws.normal(size=(120, 4)) + 0.7 * labels[:, None] * (1, 0, 0, 0)
        train, validation = np.arange(60), np.arange(60, 90)
        scaler = StandardScaler().fit(features[train])
        likelihoods = []
        for strength in frozen_probes.STRENGTHS:
            model = LogisticRegression(C=strength, max_iter=2000)
            model.fit(scaler.transform(features[train]), labels[train])
            scored = model.predict_log_proba(scaler.transform(features[validation]))
            likelihoods.append(scored[np.arange(30), labels[validation]].mean())
        chosen = frozen_probes.logistic(features, labels, train, validation, 0)
        best = frozen_probes.STRENGTHS[int(np.argmax(likelihoods))]
        self.assertEqual(chosen[-1].C, best)

    def test_a_sample_of_one_class(self):
        features = np.random.default_rng(0).normal(size=(9, 2))
        rare = np.array([1, 1, 1, 1, 1, 1, 1, 0, 0])
        train, validation = np.arange(4), np.arange(4, 7)
        for fit in (frozen_probes.logistic, frozen_probes.forest):
            predicted = fit(features, rare, train, validation, 0).predict(features)
            self.assertAllEqual(predicted, np.ones(9))
        # The one object of the other class is among those that choose the strength.
        chosen = frozen_probes.logistic(features, rare, train, np.arange(4, 8), 0)
        self.assertAllEqual(chosen.classes_, [0, 1])

    def test_a_class_that_no_training_object_has(self):
        labels = np.array([0, 0, 1, 1, 2])
        features = np.eye(5)
        chosen = frozen_probes.logistic(features, labels, np.arange(4), np.array([4]), 0)
        self.assertAllEqual(chosen.classes_, [0, 1, 2])


if __name__ == "__main__":
    tf.test.main()
