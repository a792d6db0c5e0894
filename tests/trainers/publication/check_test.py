"""Every named set loads, and reproduces the scores of its manifest on a fixed sample."""

import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

import zoo
from tests import galaxy_data
from tests.trainers import tiny
from trainers.datasets import loading
from trainers.publication import check as checks
from zoo.weights import named_weights

_VGG16 = "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


class NamedWeightsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data_dir = cls.enterClassContext(tempfile.TemporaryDirectory())

    def data_folder(self, manifest):
        if manifest.check.dataset == "image_folder":
            return str(galaxy_data.path(manifest.check.options["data_dir"]))
        return self.data_dir

    def test_scores_of_the_manifests(self):
        # One test: the sets share small datasets, which are drawn once.
        for name in zoo.list_weights():
            manifest = named_weights.describe(name)
            if not manifest.path.with_suffix(".keras").exists():
                continue  # Of a mirror; what it takes to fetch one is tested on loopback.
            with self.subTest(name):
                vgg16 = str(galaxy_data.path(_VGG16)) if manifest.frozen else None
                model = zoo.load(name, vgg16=vgg16)
                if "image" in model.input_names:
                    self.assertEqual(model.image_shape, manifest.data.image_shape)
                self.assertEmpty(checks.differences(model, manifest, self.data_folder(manifest)))

    def test_other_weights_do_not_pass(self):
        manifest = named_weights.describe("star_galaxy_cnn/sdss_simulated")
        model = zoo.load(manifest.name)
        for variable in model.trainable_variables[:1]:
            variable.assign(1.02 * variable)
        self.assertIn("loss", checks.differences(model, manifest, self.data_dir))


class ScoresTest(tf.test.TestCase):
    def test_scores_are_those_of_scikit_learn(self):
        model = zoo.create("star_galaxy_cnn", image_shape=tiny.SHAPE, class_names=["a", "b"])
        dataset = tiny.TinyDataset(train=100)
        for number in (100, 70):
            arrays = dataset.arrays("train", number)
            probability = model(arrays["image"])["probability"].numpy()
            measured = checks.scores(model, dataset, "train", number)
            expected = {
                "loss": log_loss(arrays["label"], probability.astype(np.float64)),
                "accuracy": accuracy_score(arrays["label"], probability.argmax(axis=-1)),
                "auc": roc_auc_score(arrays["label"], probability[:, 1]),
            }
            self.assertAllClose(measured, expected, rtol=1e-5)
            self.assertSameElements(checks.tolerances(measured, number), expected)

    def test_model_without_classes_has_a_loss_alone(self):
        model = zoo.create("vae", image_shape=tiny.SHAPE, filters=(4,), latent_dim=2)
        self.assertSameElements(checks.scores(model, tiny.TinyDataset(), "test", 20), ["loss"])

    def test_what_is_not_a_number_is_a_difference(self):
        manifest = named_weights.describe("star_galaxy_cnn/sdss_simulated")
        measured = {"loss": np.nan, "accuracy": 0.0}
        with (
            mock.patch.object(checks, "scores", lambda *_: measured),
            mock.patch.object(loading, "load_for_run"),
        ):
            differing = checks.differences(None, manifest)
        self.assertSameElements(differing, ["loss", "accuracy", "auc"])


if __name__ == "__main__":
    tf.test.main()
