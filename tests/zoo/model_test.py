import importlib
import inspect
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case, tiny_model
from zoo import randomness
from zoo.image_model import ImageModel


class TinyModelTest(model_test_case.ZooModelTestCase):
    """The shared case itself, on the smallest model."""

    model_name = "tiny"
    hyperparameters = {
        "image_shape": (6, 6, 2),
        "class_names": ("star", "galaxy"),
        "latent_dim": 3,
        "seed": 4,
    }
    output_shapes = {"probability": (2,), "latent_mean": (3,), "latent_stddev": (3,)}

    def setUp(self):
        super().setUp()
        self.enterContext(tiny_model.registered())


class EveryModelTest(tf.test.TestCase):
    def test_every_registered_model_has_a_test_with_the_shared_case(self):
        for name in tiny_model.models_of_the_zoo():
            with self.subTest(name):
                module = importlib.import_module(f"tests.zoo.models.{name}_test")
                cases = [
                    case
                    for _, case in inspect.getmembers(module, inspect.isclass)
                    if issubclass(case, model_test_case.ZooModelTestCase)
                ]
                self.assertIn(name, [case.model_name for case in cases])


class ContractTest(tf.test.TestCase):
    def test_image_shape_is_three_positive_integers(self):
        for shape in ((4, 4), (4, 0, 2), (4, 4, 2, 1)):
            with self.assertRaisesRegex(ValueError, "image_shape must be three positive integers"):
                tiny_model.TinyModel(image_shape=shape)

    def test_class_names_differ(self):
        with self.assertRaisesRegex(ValueError, "class_names must differ from each other"):
            tiny_model.TinyModel(class_names=("star", "star"))

    def test_what_a_model_leaves_out_is_named(self):
        model = ImageModel(image_shape=(4, 4, 2))
        with self.assertRaisesRegex(NotImplementedError, r"ImageModel must define call"):
            model.call(tf.zeros((1, 4, 4, 2)))
        self.assertEqual(list(model.signatures()), ["serving_default"])

    def test_weights_of_examples(self):
        images = tf.random.stateless_normal((4, 4, 4, 2), (0, 1))
        weight = tf.constant([0.5, 0.0, 2.5, 1.0])
        model = tiny_model.TinyModel()
        model.compile(keras.optimizers.SGD(1.0))
        terms = model.objective({"image": images}, tf.constant([0, 0]), training=False)
        means = model.mean_terms(terms, {"sample_weight": weight})
        for name, value in terms.items():
            self.assertAllClose(means[name], np.average(value, weights=weight))
        # As many copies of each example have the same gradient.
        copies = np.repeat(np.arange(4), [1, 0, 5, 2])
        one, other = tiny_model.TinyModel(), tiny_model.TinyModel()
        with mock.patch.object(randomness, "normal", lambda number, shape, seed: 0.0):
            for each, batch in (
                (one, {"image": images, "sample_weight": weight}),
                (other, {"image": tf.gather(images, copies)}),
            ):
                each.compile(keras.optimizers.SGD(0.01))
                each.train_step(batch)
        for a, b in zip(one.variables, other.variables, strict=True):
            self.assertAllClose(a.numpy(), b.numpy(), 1e-5, 1e-6)
        with self.assertRaisesRegex(ValueError, "needs a loss with a value for each example"):
            model.mean_terms({"loss": tf.constant(1.0)}, {"sample_weight": weight})

    def test_the_gradient_is_clipped_to_its_norm(self):
        images = {"image": tf.random.stateless_normal((8, 4, 4, 2), (0, 1))}
        moved = {}
        for limit in (None, 0.5, 1e9):
            model = tiny_model.TinyModel()
            model.compile(keras.optimizers.SGD(1.0), gradient_clip_norm=limit)
            before = [tf.identity(v.value) for v in model.trainable_variables]
            model.train_step(images)
            steps = [v.value - b for v, b in zip(model.trainable_variables, before, strict=True)]
            moved[limit] = float(tf.linalg.global_norm(steps))
        self.assertAllClose(moved[0.5], 0.5, rtol=1e-4)
        self.assertGreater(moved[None], 1.0)
        self.assertAllClose(moved[None], moved[1e9], rtol=1e-5)
