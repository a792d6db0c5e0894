from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case
from tests.zoo.models.vote_questions import QUESTIONS, votes
from zoo.layers import backbones
from zoo.layers.batch_normalization import GlobalBatchNormalization


class GZBackboneTest(model_test_case.ZooModelTestCase):
    model_name = "gz_backbone"
    hyperparameters = {
        "image_shape": (32, 32, 3),
        "questions": QUESTIONS,
        "preprocessing": [{"name": "resize", "height": 32}],
        "architecture": "mobilenet_v3_small",
        "cut": "expanded_conv_depthwise_bn",
        "passes": 4,
        "seed": 3,
    }
    output_shapes = {"fractions": (7,), "asked": (3,), "concentrations": (4, 7)}
    steps_to_move = 3

    def batch(self, number=8):
        return {**super().batch(number), "votes": votes(number)}

    def test_moving_moments_are_kept_and_used(self):
        model = self.make()
        before = {v.path: v.numpy() for v in model.non_trainable_variables if "moving" in v.path}
        self.assertNotEmpty(before)
        answer = model(self.images(2))["fractions"]
        model.test_step(self.batch())
        for variable in model.non_trainable_variables:
            if variable.path in before:
                self.assertAllEqual(variable.numpy(), before[variable.path])
        self.assertAllEqual(model(self.images(2))["fractions"], answer)
        model.train_step(self.batch())
        for variable in model.non_trainable_variables:
            if variable.path in before:
                self.assertNotAllClose(variable.numpy(), before[variable.path], msg=variable.path)

    def test_weights_of_a_file(self):
        whole = keras.applications.MobileNetV3Small(
            include_top=False, weights=None, input_shape=(32, 32, 3)
        )
        path = f"{self.get_temp_dir()}/mobilenet.weights.h5"
        whole.save_weights(path)
        model = self.make(weights=path)
        wanted = keras.Model(whole.inputs, whole.get_layer(self.hyperparameters["cut"]).output)
        images = self.images(2)
        self.assertAllClose(model.backbone(images), wanted(images), rtol=1e-4, atol=1e-4)
        self.assertEqual(model.get_config()["weights"], path)
        # A saved model does not look for the file again.
        with mock.patch.object(backbones, "published_network", side_effect=AssertionError):
            again = type(model).from_config(model.get_config())
        self.assertEqual(again.get_config()["weights"], path)

    def test_arguments_are_checked(self):
        for changes, message in (
            (
                {"architecture": "lenet"},
                "architecture must be one of convnext_tiny, .* got 'lenet'",
            ),
            ({"cut": "conv99"}, "cut must be a layer of 'mobilenet_v3_small', .* got 'conv99'"),
            ({"weights": "nowhere.h5"}, "'none' or a path; there is no file 'nowhere.h5'"),
            ({"preprocessing": []}, "needs images of at least 32 px; got 16 x 16"),
        ):
            changes = {"image_shape": (16, 16, 3), **changes}
            with self.assertRaisesRegex(ValueError, message):
                self.make(**changes)


class BackboneTest(tf.test.TestCase):
    def test_initial_weights_follow_from_the_seed(self):
        one, same, other = (
            backbones.backbone(
                "mobilenet_v3_small", (32, 32, 3), seed, cut="expanded_conv_depthwise"
            )
            for seed in (1, 1, 2)
        )
        for a, b in zip(one.weights, same.weights, strict=True):
            self.assertAllEqual(a, b)
        kernels = [(a, b) for a, b in zip(one.weights, other.weights, strict=True) if a.ndim == 4]
        for a, b in kernels:
            self.assertNotAllClose(a, b)

    def test_batch_normalization_is_that_of_keras(self):
        x = np.random.default_rng(0).normal(3, 2, (6, 5, 5, 4)).astype(np.float32)
        ours, theirs = GlobalBatchNormalization(), keras.layers.BatchNormalization()
        for training in (True, False):
            self.assertAllClose(ours(x, training=training), theirs(x, training=training))
        self.assertAllClose(ours.moving_mean, theirs.moving_mean)
        self.assertAllClose(ours.moving_variance, theirs.moving_variance)

    def test_gradients_of_batch_normalization_are_those_of_keras(self):
        random = np.random.default_rng(0)
        x, weights = (tf.constant(random.normal(3, 2, (6, 5, 5, 4)), tf.float32) for _ in range(2))
        gradients = []
        for layer in (GlobalBatchNormalization(), keras.layers.BatchNormalization()):
            layer.build(x.shape)
            layer.gamma.assign([0.5, 1.0, 2.0, 3.0])
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(weights * layer(x, training=True))
            gradients.append(tape.gradient(loss, [x, layer.gamma.value, layer.beta.value]))
        for ours, theirs in zip(*gradients, strict=True):
            self.assertAllClose(ours, theirs, rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    tf.test.main()
