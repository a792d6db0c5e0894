"""The loop trains models with several optimisers, teachers, and answers per pixel; `fit` too."""

import dataclasses
import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from tests.trainers import tiny
from tests.trainers.killed import Killed, KilledAt
from tests.zoo.contract.pixels_test import TinySegmentation
from tests.zoo.contract.teacher_test import TinyContrast
from tests.zoo.contract.two_optimizers_test import TinyAdversary
from trainers.datasets.in_memory import InMemoryDataset
from trainers.options.run import RunConfig
from trainers.training import loop
from trainers.training.checkpoints import Checkpoints

CONFIG = RunConfig(model="tiny", epochs=2, batch_size=16, checkpoint_seconds=0.0)


def masked(dataset):
    """Returns the dataset with the pixels of its sources."""
    splits = {split: dataset.arrays(split) for split in dataset.num_examples}
    for arrays in splits.values():
        arrays["mask"] = (arrays["image"].sum(axis=-1) > 0.5).astype(np.int32)
    return InMemoryDataset(dataset.spec, splits)


class WiderContractTest(tf.test.TestCase):
    def train(self, model_class, dataset, folder=None, callbacks=(), **changes):
        model = model_class(image_shape=tiny.SHAPE, seed=3)
        model.adapt(dataset.arrays("train")["image"])
        folder = folder or pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        config = dataclasses.replace(CONFIG, **changes)
        strategy = tf.distribute.get_strategy()
        progress = loop.fit(model, dataset, config, Checkpoints(folder), strategy, callbacks)
        return model, progress

    def assert_same_state(self, one, two):
        pairs = (one.variables, two.variables), (one.optimizer_variables, two.optimizer_variables)
        for first, second in pairs:
            for before, after in zip(first, second, strict=True):
                self.assertAllEqual(before.numpy(), after.numpy(), msg=before.path)

    def test_a_killed_run_resumes_with_the_same_bits(self):
        dataset = masked(tiny.TinyDataset())
        for model_class in (TinyAdversary, TinyContrast, TinySegmentation):
            with self.subTest(model_class.__name__):
                whole, progress = self.train(model_class, dataset)
                self.assertLen(progress.history, 2)
                folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
                with self.assertRaises(Killed):
                    self.train(model_class, dataset, folder, [KilledAt(4)])
                resumed, again = self.train(model_class, dataset, folder)
                self.assert_same_state(whole, resumed)
                self.assertEqual(again.history[-1]["loss"], progress.history[-1]["loss"])

    def test_the_schedule_is_that_of_every_optimiser(self):
        options = {"schedule": "plateau", "plateau_patience": 1, "min_delta": 1e9, "epochs": 4}
        model, _ = self.train(TinyAdversary, tiny.TinyDataset(), **options)
        rates = [float(optimizer.learning_rate) for optimizer in model.optimizers.values()]
        self.assertEqual(rates[0], rates[1])
        self.assertLess(rates[0], CONFIG.learning_rate)

    def test_fit_of_keras_gives_what_the_loop_gives(self):
        dataset = masked(tiny.TinyDataset())
        for model_class in (tiny.Tiny, TinyAdversary, TinySegmentation):
            with self.subTest(model_class.__name__):
                trained, progress = self.train(model_class, dataset, seed=3)
                model = model_class(image_shape=tiny.SHAPE, seed=3)
                history = model.fit(dataset.arrays("train"), batch_size=16, epochs=2, verbose=0)
                self.assertAllClose(
                    history.history["loss"], [row["loss"] for row in progress.history], rtol=1e-5
                )
                for one, two in zip(trained.variables, model.variables, strict=True):
                    self.assertAllClose(one.numpy(), two.numpy(), rtol=1e-5, atol=1e-7)


if __name__ == "__main__":
    tf.test.main()
