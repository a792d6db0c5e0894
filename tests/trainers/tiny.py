"""A model and a dataset that are small enough to train in a test, and a command that uses them."""

import contextlib
import os
import sys
import time
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from tests.zoo.tiny_model import TinyModel
from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.options import data_options
from zoo import registry

SHAPE = (8, 8, 2)
DATASET = "tiny/blobs"


@keras.saving.register_keras_serializable(package="tests")
class Tiny(TinyModel):
    """The smallest model, whose loss can be made to fail at a step."""

    def __init__(
        self,
        *,
        image_shape=SHAPE,
        class_names=(),
        preprocessing="asinh",
        augment=False,
        seed=0,
        nan_step=-1,
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
        self.nan_step = nan_step

    def objective(self, batch, seed, training):
        terms = super().objective(batch, seed, training)
        if training and self.nan_step >= 0:
            fails = self.step_count == self.nan_step
            terms["loss"] = tf.where(fails, np.nan, terms["loss"])
        return terms

    def get_config(self):
        return {**super().get_config(), "nan_step": self.nan_step}


@contextlib.contextmanager
def registered():
    """Enters `Tiny` in the registry, so that no other test meets it there."""
    entry = registry.ModelEntry("tiny", Tiny, "unsupervised_classification", "none")
    Tiny.registry_name, Tiny.task = entry.name, entry.task
    with mock.patch.dict(registry._entries, {"tiny": entry}):
        yield


class TinyDataset(InMemoryDataset):
    """Noisy blobs of two sizes.

    Args:
        train: Number of training images.
        pause: Time that each training batch takes to come, s.
    """

    def __init__(self, train: int = 96, pause: float = 0.0):
        spec = DatasetSpec(
            name=DATASET,
            image_shape=SHAPE,
            bands=("g", "r"),
            pixel_scale=None,
            units="counts",
            class_names=("small", "large"),
            class_fractions=(0.5, 0.5),
        )
        numbers = {"train": train, "validation": 36, "test": 40}
        super().__init__(spec, {split: _blobs(split, number) for split, number in numbers.items()})
        self.pause = pause

    def batches(self, split, batch_size, **options):
        batches = super().batches(split, batch_size, **options)
        return batches.map(self._wait) if self.pause and split == "train" else batches

    def _wait(self, batch):
        def wait(number):
            time.sleep(self.pause)
            return number

        number = tf.numpy_function(wait, [tf.constant(0.0)], tf.float32)
        return {**batch, "image": batch["image"] + tf.ensure_shape(number, ())}


def _blobs(split, number):
    random = np.random.default_rng(list(data_options.SPLITS).index(split))
    label = random.integers(0, 2, number)
    y, x = np.mgrid[:8, :8] - 3.5
    width = np.where(label, 3.0, 1.0)[:, None, None]
    blob = np.exp(-0.5 * (x**2 + y**2) / width**2)[..., None]
    return {
        "image": (blob + 0.1 * random.standard_normal((number, *SHAPE))).astype(np.float32),
        "label": label,
        "id": np.array([f"{split}-{i}" for i in range(number)]),
    }


@contextlib.contextmanager
def available(dataset=None):
    """Has the commands find the model `tiny` and the dataset `tiny/blobs`."""
    load = loading.load

    def load_tiny(name, **options):
        if name == DATASET:
            return dataset or TinyDataset(pause=float(os.environ.get("TINY_PAUSE", 0)))
        return load(name, **options)

    with registered(), mock.patch.object(loading, "load", load_tiny):
        yield


def command(arguments, dataset=None, logical_devices=0):
    """`trainers.run` in which the dataset `tiny/blobs` and the model `tiny` exist."""
    from trainers import run

    if logical_devices:
        device = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            device, [tf.config.LogicalDeviceConfiguration()] * logical_devices
        )
    with available(dataset):
        return run.main(["--model", "tiny", "--dataset", DATASET, *arguments])


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], logical_devices=int(os.environ.get("TINY_DEVICES", 0))))
