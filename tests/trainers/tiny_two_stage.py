"""A frozen network with a head, small enough for tests, and `trainers.run` that knows it."""

import contextlib
import json
import os
import sys
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from tests.trainers import tiny
from trainers.training import feature_cache
from zoo import registry
from zoo.image_model import ImageModel

NAME = "tiny_two_stage"


@keras.saving.register_keras_serializable(package="tests")
class TinyTwoStage(ImageModel):
    """A frozen random layer and a trained linear one."""

    def __init__(
        self,
        *,
        image_shape=tiny.SHAPE,
        class_names=("small", "large"),
        preprocessing="asinh",
        augment=False,
        seed=0,
        backbone_seed=7,
        frozen=True,
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape,
            class_names=class_names,
            preprocessing=preprocessing,
            augment=augment,
            seed=seed,
            **kwargs,
        )
        self.backbone_seed, self.frozen = backbone_seed, frozen
        self.backbone = keras.Sequential(
            [keras.Input(self.image_shape), keras.layers.Flatten(), _dense(12, backbone_seed)]
        )
        self.backbone.trainable = not frozen
        self.head = keras.Sequential([keras.Input((12,)), _dense(len(class_names), seed)])

    def features(self, images):
        return tf.nn.relu(self.backbone(self.preprocessing(images)))

    def features_key(self):
        scaling = {**self.preprocessing.get_config(), "name": type(self.preprocessing).__name__}
        return json.dumps([self.backbone_seed, scaling], default=str)

    def call(self, images, training=False):
        """Returns the class probabilities."""
        return {"probability": tf.nn.softmax(self.head(self.features(images)))}

    def objective(self, batch, seed, training):
        cached = "features" in batch
        logits = self.head(batch["features"] if cached else self.features(batch["image"]))
        target = tf.one_hot(batch["label"], len(self.class_names))
        return {"loss": tf.nn.softmax_cross_entropy_with_logits(target, logits)}

    def get_config(self):
        return {
            **super().get_config(),
            "backbone_seed": self.backbone_seed,
            "frozen": self.frozen,
        }


def _dense(units, seed):
    return keras.layers.Dense(
        units, kernel_initializer=keras.initializers.GlorotUniform(seed=seed), dtype="float32"
    )


@contextlib.contextmanager
def registered():
    """Enters `TinyTwoStage` in the registry, and makes files of eight rows."""
    entry = registry.ModelEntry(NAME, TinyTwoStage, "classification", "none")
    TinyTwoStage.registry_name, TinyTwoStage.task = entry.name, entry.task
    with (
        mock.patch.dict(registry._entries, {NAME: entry}),
        mock.patch.object(feature_cache, "BATCH", 4),
        mock.patch.object(feature_cache, "SHARD_BATCHES", 2),
    ):
        yield


def command(arguments):
    """`trainers.run` for this model on the dataset of `tiny`."""
    with registered():
        return tiny.command(["--model", NAME, "--trainer", "two_stage", *arguments])


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
