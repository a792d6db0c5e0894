import numpy as np
import tensorflow as tf

from tests.trainers.tiny import TinyDataset
from trainers.datasets import loading
from trainers.few_labels.label_subsets import LabelSubsets, held_out, stratified_order
from trainers.options.run import RunConfig


class OrderTest(tf.test.TestCase):
    def test_beginnings_have_the_shares_of_the_classes(self):
        labels = np.random.default_rng(0).choice(4, 500, p=(0.5, 0.3, 0.15, 0.05))
        order = stratified_order(labels, seed=1)
        self.assertAllEqual(np.sort(order), np.arange(500))
        for number in (20, 50, 170, 400):
            drawn = np.bincount(labels[order[:number]], minlength=4)
            expected = np.bincount(labels) * number / 500
            # Systematic sampling, of which the strata's ends lie anywhere: one object or two off.
            self.assertLess(np.abs(drawn - expected).max(), 2)
        self.assertNotAllEqual(order, stratified_order(labels, seed=2))
        self.assertAllEqual(order, stratified_order(labels, seed=1))

    def test_every_fifth_of_a_class_is_held_out_and_stays_so(self):
        labels = np.random.default_rng(0).choice(3, 300, p=(0.6, 0.3, 0.1))
        chosen = held_out(labels)
        for label in range(3):
            self.assertNear(chosen[labels == label].mean(), 0.2, 0.05)
        self.assertAllEqual(held_out(labels[:100]), chosen[:100])
        self.assertEqual(held_out(np.array([0, 1])).sum(), 1)


class LabelSubsetsTest(tf.test.TestCase):
    def test_a_run_on_few_objects_is_as_long_as_one_on_many(self):
        config = RunConfig(epochs=4, batch_size=16)
        subsets = LabelSubsets.of(TinyDataset(train=60), config)
        self.assertEqual(subsets.size, 60 + 36)
        for number, steps in ((10, 40), (60, 40), (80, 40), (80, 8)):
            rows = np.arange(number)
            run, dataset = subsets.dataset(config, rows, np.arange(90, 96), steps)
            self.assertEqual(run.batch_size, min(number, 16))
            per_epoch = dataset.num_examples["train"] // run.batch_size
            self.assertEqual(4 * per_epoch, max(steps, 4 * (number // run.batch_size)))
            arrays = dataset.arrays("train")
            self.assertAllEqual(np.unique(arrays["id"]), np.unique(subsets.pool["id"][rows]))
            validation = dataset.arrays("validation")
            self.assertAllEqual(validation["image"], subsets.pool["image"][90:96])
            self.assertEqual(dataset.num_examples["test"], 40)

    def test_training_images_vary_as_in_a_run_and_others_are_not_augmented(self):
        noise = {"pad": 1, "noise_sigma": [0.1], "noise_draws": "fresh"}
        config = RunConfig(epochs=2, batch_size=16, rotation=90.0, flip=True, **noise)
        subsets = LabelSubsets.of(TinyDataset(train=60), config)
        rows = np.arange(16)
        _, few = subsets.dataset(config, rows, np.arange(50, 60), 0)
        whole = loading.for_run(TinyDataset(train=60), config)
        for epoch in (0, 1, 7):
            images, expected = (
                next(iter(dataset.batches("train", 16, epoch=epoch)))["image"]
                for dataset in (few, whole)
            )
            self.assertAllClose(images, expected)
        self.assertEqual(few.spec, whole.spec)
        # Padding and noise are what a survey is; augmentation belongs to training alone.
        plain = loading.for_run(TinyDataset(train=60), RunConfig(**noise))
        self.assertAllClose(subsets.pool["image"][:60], plain.arrays("train")["image"])
        self.assertAllClose(subsets.test["image"], plain.arrays("test")["image"])
        self.assertEqual(subsets.spec.image_shape, plain.spec.image_shape)


if __name__ == "__main__":
    tf.test.main()
