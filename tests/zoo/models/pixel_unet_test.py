import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import jaccard_score

import zoo
from tests.zoo import pixel_class_test_case
from zoo.losses.centre_maps import centre_map, centre_terms
from zoo.losses.fractional_classes import fractional_class_terms


class PixelUNetTest(pixel_class_test_case.PixelClassTestCase):
    model_name = "pixel_unet"
    hyperparameters = {"image_shape": (16, 16, 3), "filters": (4, 6), "seed": 3}
    output_shapes = {
        "pixel_probabilities": (16, 16, 5),
        "pixel_centres": (16, 16),
        "segment": (16, 16),
    }
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.

    def test_loss_joins_classes_and_centres(self):
        model, batch = self.make(), self.batch(4)
        images, labels, known = model.maps(batch)
        z = model.network(model.preprocessing(images))[0]
        classes = fractional_class_terms(labels, z[..., :5], known[..., 0], balance=0.25)
        target = centre_map(
            batch["segmentation"],
            tf.reduce_sum(tf.sinh(model.preprocessing(images)), axis=-1),
            2,
            1.5,
        )
        centres = centre_terms(target, z[..., 5], known[..., 0])
        loss = model.objective(batch, tf.constant([1, 2]), training=True)["loss"]
        self.assertAllClose(loss, classes["loss"] + 10.0 * centres, rtol=1e-5)
        plain = self.make(centres=0.0)
        terms = plain.objective(batch, tf.constant([1, 2]), training=True)
        self.assertNotIn("centres", terms)
        self.assertNotIn("pixel_centres", plain(batch["image"]))

    def test_a_large_image_has_the_answer_of_its_parts(self):
        model = self.make(filters=(4,) * 2)
        image = self.images(1, (40, 24, 3))
        whole = model(image)["pixel_probabilities"]
        part = model(image[:, :32])["pixel_probabilities"]
        # Twelve pixels from the cut neither sees it.
        self.assertAllClose(whole[:, :20], part[:, :20], atol=1e-5)

    def test_images_in_units_of_their_noise(self):
        model = self.make(preprocessing={"name": "asinh", "scale": 2.0})
        images = self.images(2)
        images[0, 4:6, 7] = np.nan
        expected = model(images)
        for name, values in model.call_normalized(images / 2.0).items():
            self.assertAllClose(values, expected[name], atol=1e-5, msg=name)
        self.assertIn("normalized", model.signatures())
        self.assertNotIn("normalized", self.make(preprocessing="background_noise").signatures())

    def test_training_separates_sources_from_the_sky(self):
        draws = np.random.default_rng(0)
        rows, columns = np.mgrid[:24, :24]
        y, x = draws.uniform(5, 18, (2, 96, 1, 1))
        flux = 25 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 4)
        images = flux[..., None] + draws.normal(size=(96, 24, 24, 3))
        examples = {
            "image": images.astype(np.float32),
            "segmentation": (flux > 1).astype(np.int32),
            "votes": np.tile(np.float32([0.2, 0.8, 0, 0]), (96, 1, 1)),
        }
        model = zoo.create(self.model_name, **self.hyperparameters | {"image_shape": (24, 24, 3)})
        model.compile(keras.optimizers.Adam(5e-3), gradient_clip_norm=1.0)
        model.fit(examples, epochs=6, batch_size=8, verbose=0)
        answer = model.predict(images, verbose=0)
        inside = examples["segmentation"] > 0
        sources = answer["segment"] != model.background
        self.assertGreater(jaccard_score(inside.ravel(), sources.ravel()), 0.8)
        self.assertGreater(np.mean(answer["segment"][inside & sources] == 1), 0.95)
        peak = answer["pixel_centres"].reshape(96, -1).argmax(axis=1)
        off = np.hypot(peak // 24 - y[:, 0, 0], peak % 24 - x[:, 0, 0])
        self.assertLess(np.median(off), 1.0)

    def test_errors_of_arguments(self):
        for changes, message in (
            ({"filters": (4,)}, "filters must be two positive numbers or more"),
            ({"centres": -1.0}, "centres must be at least 0; got -1.0"),
            ({"centre_width": 0.0}, "centre_width must be positive; got 0.0"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.make(**changes)


if __name__ == "__main__":
    tf.test.main()
