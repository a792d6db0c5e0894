"""Classifiers on other models' features: the shared checks, and what becomes of the encoder."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import zoo
from tests import galaxy_data
from tests.zoo import model_test_case
from zoo import encoders
from zoo.registry import create

SHAPE = (16, 16, 3)
CNN = {"image_shape": SHAPE, "filters": (4, 6), "features": 8, "seed": 3}
VAE = {"image_shape": SHAPE, "filters": (4, 6), "latent_dim": 5, "seed": 3}


def description(name, hyperparameters):
    return encoders.describe(create(name, **hyperparameters))


class FinetunedClassifierTest(model_test_case.ZooModelTestCase):
    model_name = "finetuned_classifier"
    hyperparameters = {
        "image_shape": SHAPE,
        "class_names": ("ring", "no ring", "artifact"),
        "encoder": description("star_galaxy_cnn", CNN),
        "class_counts": (10, 5, 20),
        "balanced": True,
        "label_smoothing": 0.1,
        "seed": 3,
    }
    output_shapes = {"probability": (3,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.

    def trained(self, name="vae", hyperparameters=None):
        """Returns a model with weights that no seed gives, and its file."""
        model = create(name, **(hyperparameters or VAE))
        model.adapt(10 * self.images(32, model.image_shape))
        rng = np.random.default_rng(1)
        model.set_weights([w + 0.1 * rng.random(w.shape) for w in model.get_weights()])
        model(self.images(1, model.image_shape))
        path = Path(self.get_temp_dir()) / f"{name}.keras"
        model.save(path)
        return model, path

    def test_features_are_those_of_the_trained_model(self):
        images = tf.constant(self.images(4))
        vae, path = self.trained()
        frozen = self.make(encoder=path, training="frozen")
        self.assertAllEqual(frozen.features(images), vae.encode(images)["latent_mean"])
        cnn, path = self.trained("star_galaxy_cnn", CNN)
        tuned = self.make(encoder=str(path))
        self.assertAllEqual(tuned.features(images), cnn.features(images))
        w, b = cnn.head.get_weights()
        self.assertAllClose(cnn.logits(images), cnn.features(images) @ w + b, atol=1e-5)

    def test_imagenet_features(self):
        weights = galaxy_data.path("vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5")
        settings = {"weights": str(weights), "size": 16, "preprocessing": "rescale"}
        images = tf.constant(255 * self.images(4))
        vgg = zoo.create("star_galaxy_vgg", image_shape=SHAPE, **settings)
        model = self.make(
            encoder="star_galaxy_vgg", encoder_hyperparameters=settings, training="frozen"
        )
        self.assertAllClose(model.features(images), vgg.features(images), rtol=1e-5)
        self.assertLen(model.trainable_variables, 2)

    def test_logits_are_linear_in_standardised_features(self):
        model = self.make(compiled=False)
        model.adapt(self.images(32))
        images = self.images(32)
        features = model.features(tf.constant(images)).numpy()
        spread = features.std(axis=0)
        spread = np.maximum(spread, 0.1 * np.sqrt(np.mean(spread**2)))
        w, b = model.head.get_weights()
        logits = (features - features.mean(axis=0)) / spread @ w + b
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        self.assertAllClose(model(images)["probability"], expected, atol=1e-4)

    def test_what_is_trained(self):
        vae, path = self.trained()
        frozen = self.make(encoder=path, training="frozen")
        self.assertLen(frozen.trainable_variables, 2)
        tuned = self.make(encoder=path)
        expected = len(vae.encoder.trainable_variables) + 2
        self.assertLen(tuned.trainable_variables, expected)  # And no decoder.
        self.assertEqual(
            tuned.learning_rate_factors(), [0.1] * (expected - 2) + [1.0, 1.0], "encoder, then head"
        )
        before = tuned.encoder.get_weights()
        tuned.train_step(self.batch())
        after = tuned.encoder.get_weights()
        self.assertFalse(all(map(np.array_equal, before, after)))

    def test_from_scratch_has_other_weights_and_statistics(self):
        vae, path = self.trained()
        model = self.make(encoder=path, training="from_scratch")
        self.assertEqual(model.learning_rate_factors(), [1.0] * len(model.trainable_variables))
        fresh = create("vae", **VAE)
        fresh.adapt(self.images(32))
        self.assertAllEqual(
            model.features(tf.constant(self.images(4))),
            fresh.encode(tf.constant(self.images(4)))["latent_mean"],
        )
        self.assertNotAllClose(
            model.encoder.encoder.get_weights()[0], vae.encoder.get_weights()[0], atol=1e-3
        )

    def test_several_encoders_side_by_side(self):
        images = tf.constant(self.images(4))
        vae, vae_path = self.trained()
        grey, grey_path = self.trained("star_galaxy_cnn", {**CNN, "image_shape": (8, 8, 1)})
        model = self.make(encoder=[vae_path, str(grey_path)], crop=0.5, training="frozen")
        # Each encoder sees the central half in its own size and bands.
        half = images[:, 4:12, 4:12]
        large = tf.image.resize(half, (16, 16), antialias=True)
        expected = [
            vae.encode(large)["latent_mean"],
            grey.features(tf.reduce_mean(half, axis=-1, keepdims=True)),
        ]
        self.assertAllClose(model.features(images), tf.concat(expected, axis=-1), atol=1e-5)
        saved = f"{self.get_temp_dir()}/several.keras"
        model.save(saved)
        vae_path.unlink()
        again = keras.saving.load_model(saved, compile=False)
        self.assertAllEqual(again(images)["probability"], model(images)["probability"])
        for sources in ([grey_path], [grey_path, "star_galaxy_cnn"]):
            with self.assertRaisesRegex(ValueError, "encoder must be one source, or a list of two"):
                self.make(encoder=sources)

    def test_a_saved_model_needs_its_source_no_more(self):
        _, path = self.trained()
        model = self.make(encoder=path, training="frozen")
        answer = model(self.images(3))["probability"]
        saved = f"{self.get_temp_dir()}/classifier.keras"
        model.save(saved)
        path.unlink()
        again = keras.saving.load_model(saved, compile=False)
        self.assertAllEqual(again(self.images(3))["probability"], answer)
        self.assertLen(again.trainable_variables, 2)
        # And may be an encoder itself.
        third = self.make(encoder=saved, training="frozen")
        images = tf.constant(self.images(3))
        self.assertAllEqual(third.features(images), model.features(images))

    def test_images_of_another_size_and_grey_ones(self):
        vae, path = self.trained()
        images = self.images(2, (48, 40, 1))
        model = self.make(encoder=path, image_shape=(48, 40, 1), crop=0.8, training="frozen")
        centre = images[:, 8:40, 4:36]  # 0.8 of 40 pixels.
        halved = tf.image.resize(np.repeat(centre, 3, axis=-1), (16, 16), antialias=True)
        self.assertAllClose(model.features(images), vae.encode(halved)["latent_mean"], atol=1e-4)
        grey = {"image_shape": (16, 16, 1), "filters": (4,), "latent_dim": 2}
        vae, path = self.trained("vae", grey)
        model = self.make(encoder=path, training="frozen")
        colour = self.images(2)
        mean = vae.encode(tf.reduce_mean(colour, axis=-1, keepdims=True))["latent_mean"]
        self.assertAllClose(model.features(tf.constant(colour)), mean, atol=1e-5)

    def test_average_over_symmetries_does_not_see_flips(self):
        model = self.make(compiled=False, average_symmetries=True)
        images = tf.constant(self.images(3))
        self.assertAllClose(
            model(images)["probability"], model(images[:, ::-1])["probability"], atol=1e-5
        )

    def test_steps_take_features(self):
        model = self.make(compiled=False)
        batch = self.batch()
        features = {"features": model.features(batch["image"]), "label": batch["label"]}
        seed = tf.constant([1, 2])
        for training in (False, True):
            self.assertAllClose(
                model.objective(batch, seed, training), model.objective(features, seed, training)
            )
        self.assertEqual(model.features_key(), self.make().features_key())
        _, path = self.trained("star_galaxy_cnn", CNN)
        self.assertNotEqual(model.features_key(), self.make(encoder=path).features_key())

    def test_mistakes_are_reported_in_one_line(self):
        folder = Path(self.get_temp_dir())
        _, path = self.trained()
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(folder / "other.keras")
        (folder / "text.keras").write_text("no archive")
        (folder / "unfinished").mkdir()
        (folder / "unfinished/config.json").write_text("{}")
        for changes, message in (
            ({"encoder": folder / "none.keras"}, "there is no file or folder .*none.keras"),
            ({"encoder": folder / "unfinished"}, "unfinished has not finished training"),
            ({"encoder": folder}, "is not the folder of a run"),
            ({"encoder": folder / "text.keras"}, "cannot be loaded as a .keras file"),
            ({"encoder": folder / "other.keras"}, "keras.*Sequential. is no model of the zoo"),
            ({"encoder": "vae", "training": "frozen"}, "got 'vae', which is untrained"),
            (
                {"encoder": {}, "encoder_hyperparameters": {"latent_dim": 3}},
                "encoder_hyperparameters are for a model's name in encoder",
            ),
            ({"encoder": path, "image_shape": (16, 16, 5)}, "must have 3 bands .* got 5"),
            ({"encoder": {"name": "vae"}}, "described by model and config; got name"),
            ({"training": "thawed"}, "training must be one of fine_tuned, from_scratch, frozen"),
            ({"encoder_rate": 0}, "encoder_rate must be above 0"),
            ({"crop": 2}, "crop must be above 0 and at most 1; got 2"),
            ({"class_names": ("one",)}, "at least two classes"),
            ({"class_counts": (1, 2)}, "class_counts must be a number for each"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message) as caught:
                zoo.create(self.model_name, **{**self.hyperparameters, **changes})
            self.assertNotIn("\n", str(caught.exception))


if __name__ == "__main__":
    tf.test.main()
