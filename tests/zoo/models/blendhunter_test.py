"""BlendHunter: the shared checks, and that its features are those of Keras's own VGG-16."""

import json
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import zoo
from tests import galaxy_data
from tests.zoo import model_test_case
from trainers.options.values import parse_value
from zoo.layers import vgg


class BlendHunterTest(model_test_case.ZooModelTestCase):
    model_name = "blendhunter"
    hyperparameters = {
        "image_shape": (20, 20, 1),
        "class_names": ("isolated", "blended"),
        "weights": "none",
        "cut": "block2_pool",
        "size": 16,
        "units": (8, 6),
        "seed": 3,
    }
    output_shapes = {"probability": (2,)}

    def test_no_weights_as_the_command_line_says_it(self):
        model = zoo.create(
            "blendhunter", **{**self.hyperparameters, "weights": parse_value("none")}
        )
        self.assertEqual(model.get_config()["weights"], "none")

    def test_only_the_head_is_trained(self):
        model = self.make(compiled=False)
        self.assertLen(model.trainable_variables, 6)
        self.assertEqual(
            [id(v) for v in model.trainable_variables],
            [id(v) for v in model.head.trainable_variables],
        )
        optimizer = keras.optimizers.Adam(1e-3)
        model.compile(optimizer)
        before = [value.numpy() for value in model.backbone.variables]
        model.train_step(self.batch())
        for old, new in zip(before, model.backbone.variables, strict=True):
            self.assertAllEqual(old, new.numpy())
        self.assertLen(optimizer.variables, 2 + 2 * 6)

    def test_the_last_blocks_can_be_trained(self):
        model = self.make(trainable_blocks=1)
        self.assertLen(model.backbone.trainable_variables, 4)
        before = [value.numpy() for value in model.backbone.trainable_variables]
        model.train_step(self.batch())
        for old, new in zip(before, model.backbone.trainable_variables, strict=True):
            self.assertNotAllEqual(old, new.numpy())
            self.assertIn("block2", new.path)

    def test_steps_on_features_are_those_on_images(self):
        one, two = self.make(), self.make()
        batch = self.batch()
        features = {"features": one.features(batch["image"]), "label": batch["label"]}
        for step in ("train_step", "train_step", "test_step"):
            on_images = getattr(one, step)(batch)
            on_features = getattr(two, step)(features)
            self.assertAllClose(on_images, on_features, rtol=1e-5)
        self.assertAllClose(
            two.classify(two.features(batch["image"])), one(batch["image"])["probability"]
        )

    def test_stamps_of_any_size(self):
        model = self.make()
        served = model.signatures()["serving_default"]
        function = tf.function(served.function, input_signature=served.inputs)
        for side in (16, 20, 13):
            stamps = self.images(2, (side, side, 1))
            self.assertEqual(function(stamps)["probability"].shape, (2, 2))
        centre = self.images(3)[:, 2:18, 2:18]
        self.assertAllClose(
            function(centre)["probability"], function(self.images(3))["probability"]
        )

    def test_the_key_has_all_that_features_depend_on(self):
        keys = [
            self.make(**changes).features_key()
            for changes in (
                {},
                {"seed": 4},
                {"cut": "block1_pool"},
                {"cut": ("block1_pool", "block2_pool")},
                {"size": 18},
                {"padding": "zeros"},
                {"imagenet_preprocessing": True},
                {"preprocessing": ["background_noise", "asinh"]},
            )
        ]
        self.assertLen(set(keys), len(keys))
        self.assertEqual(self.make(dropout=0.5, units=(9, 9)).features_key(), keys[0])
        self.assertEqual(json.loads(keys[0])["cut"], "block2_pool")
        adapted = zoo.create(
            "blendhunter",
            **{**self.hyperparameters, "preprocessing": ["background_noise", "asinh"]},
        )
        self.assertNotEqual(adapted.features_key(), keys[-1])

    def test_bands(self):
        grey = self.images(2)
        one = self.make().features(grey)
        three = self.make(image_shape=(20, 20, 3))
        self.assertAllClose(three.features(np.repeat(grey, 3, axis=-1)), one)
        five = self.make(image_shape=(20, 20, 5))
        self.assertAllClose(five.features(np.repeat(grey, 5, axis=-1)), one, rtol=1e-5)

    def test_mistakes(self):
        for changes, message in (
            ({"class_names": ("a", "b", "c")}, "class_names must name two classes"),
            (
                {"cut": "block6_pool"},
                "cut must be layers of VGG-16 .*block5_pool.* got 'block6_pool'",
            ),
            ({"cut": ()}, "cut must name one layer"),
            ({"cut": "block5_pool"}, "needs images of at least 32 px; got 16 x 16"),
            ({"trainable_blocks": 3}, "trainable_blocks must be 0 to 2, .* got 3"),
            ({"units": (8,)}, "units must be two positive integers; got .8."),
            ({"dropout": 1.0}, "dropout must be in .0, 1.; got 1.0"),
            ({"padding": "edge"}, "padding .* must be one of mirror, zeros; got 'edge'"),
            (
                {"weights": "absent.h5"},
                "weights must be 'imagenet', .* no file 'absent.h5'",
            ),
            ({"weights": __file__}, "weights: .*blendhunter_test.py does not hold VGG-16"),
        ):
            with self.assertRaisesRegex(ValueError, message) as raised:
                zoo.create("blendhunter", **{**self.hyperparameters, **changes})
            self.assertNotIn("\n", str(raised.exception))

    def test_without_a_network_the_error_names_the_path(self):
        failure = Exception("URL fetch failure on https://example.org: None -- unreachable")
        with (
            mock.patch.object(keras.utils, "get_file", side_effect=failure),
            mock.patch("keras.src.applications.vgg16.file_utils.get_file", side_effect=failure),
            self.assertRaisesRegex(ValueError, "not be downloaded .*fetch failure.* weights=PATH"),
        ):
            zoo.create("blendhunter", **{**self.hyperparameters, "weights": "imagenet"})


class ImageNetTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        name = "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
        self.weights = str(galaxy_data.path(name))

    def test_features_are_those_of_keras_applications(self):
        cuts = ("block3_pool", "block5_pool")
        model = zoo.create("blendhunter", weights=self.weights, cut=cuts, units=(8, 6))
        plain = zoo.create(
            "blendhunter", weights=self.weights, cut=cuts, imagenet_preprocessing=True, units=(8, 6)
        )
        whole = keras.applications.VGG16(
            include_top=False, weights=self.weights, input_shape=(65, 65, 3)
        )
        whole = keras.Model(whole.inputs, [whole.get_layer(cut).output for cut in cuts])
        images = np.random.default_rng(0).normal(0, 10, (2, 65, 65, 1)).astype(np.float32)
        images[:, 30:35, 30:35] += 300
        magnitude = np.abs(images)
        scale = np.float32(255) / magnitude.max(axis=(1, 2, 3), keepdims=True)
        bytes_ = np.repeat((magnitude * scale).astype(np.uint8), 3, axis=-1)
        for ours, x in (
            (model, bytes_.astype(np.float32) / 255),
            (plain, keras.applications.vgg16.preprocess_input(bytes_.astype(np.float32))),
        ):
            outputs = [y.reshape(2, -1) for y in whole.predict(x, verbose=0)]
            expected = np.concatenate(outputs, axis=-1)
            self.assertEqual(expected.shape[-1], 8 * 8 * 256 + 2 * 2 * 512)
            # A pixel at the edge of two grey levels may fall on either side.
            self.assertAllClose(
                ours.features(images), expected, rtol=0.02, atol=0.02 * expected.max()
            )

    def test_a_saved_model_does_not_need_the_file(self):
        model = zoo.create("blendhunter", weights=self.weights, cut="block2_pool", units=(8, 6))
        path = f"{self.get_temp_dir()}/model.keras"
        model.save(path)
        with mock.patch.object(vgg, "load_weights", side_effect=AssertionError("read again")):
            again = keras.saving.load_model(path, compile=False)
        self.assertEqual(again.get_config()["weights"], self.weights)
        self.assertEqual(again.features_key(), model.features_key())
        images = np.random.default_rng(0).normal(0, 10, (2, 65, 65, 1)).astype(np.float32)
        self.assertAllEqual(again(images)["probability"], model(images)["probability"])


if __name__ == "__main__":
    tf.test.main()
