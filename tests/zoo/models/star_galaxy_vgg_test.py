"""Logistic regression on VGG-16 features: the shared checks, and scikit-learn's optimum."""

import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import zoo
from tests.zoo import model_test_case


class StarGalaxyVGGTest(model_test_case.ZooModelTestCase):
    model_name = "star_galaxy_vgg"
    hyperparameters = {
        "image_shape": (20, 20, 1),
        "class_names": ("galaxy", "star"),
        "weights": "none",
        "cut": ("block1_pool", "block2_pool"),
        "size": 16,
        "seed": 3,
    }
    output_shapes = {"probability": (2,)}

    def test_features_are_means_of_the_central_half(self):
        model = self.make(compiled=False)
        images = self.batch()["image"]
        expected = []
        for turned in (images, images[:, :, ::-1], images[:, ::-1], np.swapaxes(images, 1, 2)):
            x = tf.repeat(model.preprocessing(turned), 3, axis=-1)
            x = 255.0 * x[..., ::-1] - (103.939, 116.779, 123.68)
            first, second = model.backbone(x)
            self.assertEqual((first.shape[1], second.shape[1]), (8, 4))
            parts = [
                np.log1p(np.mean(y[:, n : 3 * n, n : 3 * n], axis=(1, 2)))
                for y, n in ((first.numpy(), 2), (second.numpy(), 1))
            ]
            expected.append(np.concatenate(parts, axis=1))
        self.assertAllClose(model.features(images), np.mean(expected, axis=0), rtol=1e-5)
        plain = self.make(compiled=False, average_symmetries=False)
        plain.set_weights(model.get_weights())
        self.assertAllClose(plain.features(images), expected[0], rtol=1e-5)
        self.assertAllClose(
            model.single_view(images)["probability"], plain(images)["probability"], atol=1e-6
        )
        self.assertNotEqual(plain.features_key(), model.features_key())

    def test_objective_is_that_of_scikit_learn(self):
        rng = np.random.default_rng(0)
        images = rng.gamma(2.0, 20.0, (60, 20, 20, 1)).astype(np.float32)
        label = rng.integers(0, 2, 60).astype(np.int32)
        model = self.make(compiled=False, penalty=0.5)
        model.adapt(images)
        features = model.features(images)
        scaled = StandardScaler().fit_transform(features.astype(np.float64))
        scaled[:, features.std(axis=0) == 0] = 0
        reference = LogisticRegression(C=1 / (0.5 * 60), tol=1e-8, max_iter=2000)
        reference.fit(scaled, label)
        model.head.kernel.assign(reference.coef_.T)
        model.head.bias.assign(reference.intercept_)
        self.assertAllClose(
            model(images)["probability"], reference.predict_proba(scaled), atol=1e-4
        )
        with tf.GradientTape() as tape:
            terms = model.objective(
                {"features": features, "label": label}, tf.constant([0, 0]), training=True
            )
            loss = tf.reduce_mean(terms["loss"])
        for gradient in tape.gradient(loss, model.head.trainable_variables):
            self.assertAllClose(gradient, tf.zeros_like(gradient), atol=1e-3)

    def test_features_are_not_taken_for_those_of_blendhunter(self):
        own = self.make(compiled=False)
        shared = ("image_shape", "weights", "cut", "size", "seed", "imagenet_preprocessing")
        other = zoo.create("blendhunter", **{name: own.get_config()[name] for name in shared})
        self.assertNotEqual(own.features_key(), other.features_key())

    def test_penalty_is_checked(self):
        with self.assertRaisesRegex(ValueError, "penalty must be at least 0; got -1"):
            zoo.create("star_galaxy_vgg", weights="none", penalty=-1)


if __name__ == "__main__":
    tf.test.main()
