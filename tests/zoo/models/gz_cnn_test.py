"""The three heads of `gz_cnn`: shared checks, closed forms, and the weights of scikit-learn."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.utils import class_weight

import zoo
from tests.zoo import model_test_case

SMALL = {
    "image_shape": (16, 16, 3),
    "filters": (4, 5, 6),
    "kernels": (5, 3, 2),
    "units": 8,
    "dropout": (0.1, 0.1, 0.0, 0.2),
    "seed": 3,
}

TINY = {
    "image_shape": (8, 8, 2),
    "filters": (3, 4),
    "kernels": (3, 2),
    "pooled": (1, 2),
    "units": 4,
    "dropout": (0.1, 0.0, 0.2),
}


class OneQuestionTest(model_test_case.ZooModelTestCase):
    model_name = "gz_cnn"
    hyperparameters = SMALL | {"class_names": ("yes", "no"), "class_counts": (10, 30)}
    output_shapes = {"probability": (2,)}

    def test_probability_and_loss_are_those_of_a_sigmoid(self):
        model = self.make()
        batch = self.batch()
        z = model.logits(batch["image"]).numpy()[:, 0]
        probability = model(batch["image"])["probability"]
        self.assertAllClose(probability[:, 1], 1 / (1 + np.exp(-z)))
        # Positive is the second class; 40 galaxies in two classes, of 10 and of 30.
        label = batch["label"].numpy()
        cross_entropy = np.logaddexp(0, np.where(label == 1, -z, z))
        terms = model.objective(batch, tf.constant([0, 0]), training=False)
        self.assertAllClose(terms["loss"], np.where(label == 0, 2.0, 2 / 3) * cross_entropy)
        self.assertAllEqual(terms["accuracy"], (z > 0) == (label == 1))
        for changes in ({"balanced": False}, {"class_counts": None}):
            plain = self.make(**changes).objective(batch, tf.constant([0, 0]), training=False)
            self.assertAllClose(plain["loss"], cross_entropy)

    def test_network_of_the_source(self):
        model = zoo.create("gz_cnn")
        # Weights of 6 x 6, 5 x 5, 2 x 2 and 3 x 3 convolutions, and of 17 x 17 x 128 and 64.
        sides, filters = (6, 5, 2, 3), (3, 32, 64, 128, 128)
        expected = sum(
            (side**2 * before + 1) * after
            for side, before, after in zip(sides, filters[:-1], filters[1:], strict=True)
        )
        expected += (17 * 17 * 128 + 1) * 64 + 64 + 1
        self.assertEqual(model.count_params() - 2 * 3, expected)

    def test_features_and_symmetries(self):
        model, mean = self.make(), self.make(average_symmetries=True)
        images = tf.constant(self.images(3))
        self.assertAllClose(model.last(model.features(images)), model.logits(images), atol=1e-5)
        turns = [tf.image.rot90(x, k) for x in (images, images[:, :, ::-1]) for k in range(4)]
        expected = tf.reduce_mean([model.logits(x) for x in turns], axis=0)
        for x in turns:
            self.assertAllClose(mean.logits(x, average=True), expected, atol=1e-4)

    def test_dropout(self):
        model = self.make(dropout=(0.0, 0.0, 0.0, 0.5), units=64)
        images = tf.constant(self.images(1))
        dropped = tf.stack([model._hidden(images, tf.constant([0, i])) for i in range(300)])
        kept = model._hidden(images)
        # 300 draws of each of 64 units: four standard errors.
        active = tf.reduce_mean(kept, axis=0) > 0
        share = tf.reduce_mean(tf.cast(dropped[:, 0] == 0, tf.float32), axis=0)[active]
        self.assertAllClose(share, np.full(len(share), 0.5), atol=4 * 0.5 / 300**0.5)
        self.assertAllClose(tf.reduce_max(dropped[:, 0], axis=0)[active], 2 * kept[0][active])

    def test_mistakes(self):
        for changes, message in (
            ({"class_names": ("a",)}, "class_names must name at least two classes; got .'a'."),
            ({"class_counts": (1,)}, "class_counts must be a number, at least 0, for each of"),
            ({"class_counts": (0, 0)}, "class_counts must be .* got .0, 0."),
            ({"target_moments": (1.0, 0.0)}, "target_moments must be .* above 0; got .1.0, 0.0."),
            ({"kernels": (3,)}, "filters and kernels must be as many positive integers"),
            ({"pooled": (4,)}, "pooled must be in 1..3; got .4."),
            ({"image_shape": (3, 16, 3)}, "must have at least 4 px; got .3, 16."),
            ({"dropout": (0.1,)}, "dropout must be 4 numbers in .0, 1., .* got .0.1."),
            ({"dropout": (0, 0, 0, 1)}, "dropout must be 4 numbers"),
        ):
            with self.assertRaisesRegex(ValueError, message) as raised:
                self.make(**changes)
            self.assertNotIn("\n", str(raised.exception))


class SeveralClassesTest(model_test_case.ZooModelTestCase):
    model_name = "gz_cnn"
    hyperparameters = TINY | {
        "class_names": ("strong", "weak", "no"),
        "class_counts": (7, 9, 34),
    }
    output_shapes = {"probability": (3,)}

    def test_loss_is_that_of_keras_with_the_weights_of_scikit_learn(self):
        model = self.make()
        labels = np.repeat(range(3), (7, 9, 34))
        weights = class_weight.compute_class_weight("balanced", classes=np.arange(3), y=labels)
        self.assertAllClose(model.class_weights, weights)
        batch = self.batch()
        expected = keras.losses.sparse_categorical_crossentropy(
            batch["label"], model(batch["image"])["probability"]
        )
        terms = model.objective(batch, tf.constant([0, 0]), training=False)
        self.assertAllClose(terms["loss"], expected * weights[batch["label"]], rtol=1e-4)

    def test_a_class_without_examples(self):
        model = self.make(class_counts=(5, 0, 15))
        self.assertAllClose(model.class_weights, (2.0, 0.0, 2 / 3))


class TargetTest(model_test_case.ZooModelTestCase):
    model_name = "gz_cnn"
    hyperparameters = TINY | {"target": "t_type", "target_moments": (2.0, 4.0)}
    output_shapes = {"t_type": ()}

    def batch(self, number=8):
        values = np.linspace(-5.0, 10.0, number, dtype=np.float32)
        values[::3] = np.nan
        return super().batch(number) | {"t_type": tf.constant(values)}

    def test_task(self):
        model = self.make(class_names=("a", "b"))
        self.assertEqual((model.task, model.targets), ("regression", ("t_type",)))
        self.assertEqual(model.class_names, ())
        model_class = zoo.describe("gz_cnn").model_class
        self.assertEqual(model_class.task_of({"target": "t_type"}), "regression")
        self.assertEqual(model_class.task_of({}), "classification")
        self.assertEqual(model_class.task, "classification")

    def test_loss_is_the_mean_square_of_those_that_are_known(self):
        model = self.make()
        batch = self.batch()
        truth = batch["t_type"].numpy()
        finite = np.isfinite(truth)
        loss = model.objective(batch, tf.constant([0, 0]), training=False)["loss"].numpy()
        predicted = model(batch["image"])["t_type"].numpy()
        self.assertAllClose(loss[finite], (predicted - truth)[finite] ** 2 / 16, rtol=1e-4)
        self.assertAllEqual(loss[~finite], np.zeros((~finite).sum()))

    def test_images_without_a_value_teach_nothing(self):
        one, two = (self.make(augment=False, dropout=(0, 0, 0)) for _ in range(2))
        batch = self.batch()
        finite = np.isfinite(batch["t_type"])[:, None, None, None]
        one.train_step(batch)
        two.train_step(batch | {"image": tf.where(finite, batch["image"], 50.0)})
        for first, second in zip(one.trainable_variables, two.trainable_variables, strict=True):
            self.assertAllClose(first, second, rtol=1e-6, atol=1e-7)


if __name__ == "__main__":
    tf.test.main()
