"""Weights of examples on their way from the dataset into the loss."""

import dataclasses
import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf

from tests.trainers import tiny, tiny_two_stage
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.runs import pipeline
from trainers.training import loop, two_stage
from trainers.training.checkpoints import Checkpoints
from zoo.model import SAMPLE_WEIGHT


def weighted():
    """Returns a dataset in which one class counts twenty times as much as the other."""
    dataset = tiny.TinyDataset()
    for features in dataset._features.values():
        weights = np.where(features["label"], 2.0, 0.1)
        features[SAMPLE_WEIGHT] = (weights / weights.mean()).astype(np.float32)
    names = ("image", "id", "label", SAMPLE_WEIGHT)
    dataset.spec = dataclasses.replace(dataset.spec, feature_names=names)
    return dataset


class SampleWeightsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(tiny.registered())
        self.enter_context(tiny_two_stage.registered())
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_the_loop_gives_them_to_the_loss(self):
        dataset, model = weighted(), tiny.Tiny(class_names=("small", "large"))
        # With a learning rate of almost zero the mean over the batches is that over the images.
        config = RunConfig(model="tiny", epochs=1, batch_size=16, learning_rate=1e-12)
        strategy = tf.distribute.get_strategy()
        progress = loop.fit(model, dataset, config, Checkpoints(self.folder), strategy, ())
        arrays = dataset.arrays("train")
        draws = [model.objective(arrays, (7, draw), False)["error"].numpy() for draw in range(20)]
        expected = [np.average(draw, weights=arrays[SAMPLE_WEIGHT]) for draw in draws]
        tolerance = 6 * np.std(expected)
        self.assertAllClose(progress.history[0]["error"], np.mean(expected), 0, tolerance)
        self.assertGreater(abs(np.mean(expected) - np.mean(draws)), 2 * tolerance)

    def test_features_on_disk_have_them(self):
        config = RunConfig(
            model=tiny_two_stage.NAME, trainer="two_stage", features_dir=str(self.folder)
        )
        dataset = weighted()
        model = tiny_two_stage.TinyTwoStage(image_shape=dataset.spec.image_shape)
        model.adapt(dataset.arrays("train")["image"])
        strategy = tf.distribute.get_strategy()
        extracted = two_stage.feature_dataset(model, dataset, config, strategy)
        expected = dataset.column("train", SAMPLE_WEIGHT)
        self.assertAllEqual(extracted.arrays("train")[SAMPLE_WEIGHT], expected)
        batches = extracted.batches("train", 10, features=(SAMPLE_WEIGHT,))
        self.assertAllEqual(np.concatenate([b[SAMPLE_WEIGHT] for b in batches]), expected)

    def test_a_loss_of_the_batch_is_refused(self):
        model = tiny.Tiny(class_names=("small", "large"))
        pipeline._check_weights(model, weighted())
        scalar = mock.patch.object(
            tiny.Tiny, "objective", lambda self, batch, seed, training: {"loss": tf.constant(1.0)}
        )
        with scalar:
            pipeline._check_weights(model, tiny.TinyDataset())
            with self.assertRaisesRegex(UserError, "`weight_column`: .* value for each example"):
                pipeline._check_weights(model, weighted())


if __name__ == "__main__":
    tf.test.main()
