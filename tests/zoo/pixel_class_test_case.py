"""The checks that every model of the class of each pixel passes, beside those of all models."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case

__all__ = ["PixelClassTestCase"]


class PixelClassTestCase(model_test_case.ZooModelTestCase):
    """Base of the test of a `PixelClassModel`; its images have three bands."""

    integer_outputs = ("segment",)

    def batch(self, number: int = 8) -> dict[str, tf.Tensor]:
        images = self.images(number)
        bright = images.mean(axis=-1) > 2
        half = np.arange(images.shape[2]) < images.shape[2] // 2
        votes = np.random.default_rng(1).dirichlet((1.0,) * 4, (number, 2))
        return {
            "image": tf.constant(images),
            "segmentation": tf.constant(np.where(bright, np.where(half, 1, 2), 0), tf.int32),
            "votes": tf.constant(votes, tf.float32),
        }

    def test_probabilities_sum_to_one_and_give_the_segment(self):
        answer = self.make()(self.images(2))
        probability = answer["pixel_probabilities"].numpy()
        self.assertAllInRange(probability, 0, 1)
        self.assertAllClose(probability.sum(axis=-1), np.ones((2, 16, 16)), atol=1e-5)
        self.assertAllEqual(answer["segment"], probability.argmax(axis=-1))

    def test_unknown_pixels_are_not_background(self):
        model = self.make()
        images = self.images(2)
        images[0, 12:, :5, 1] = np.nan
        images[1, 3, 4] = np.inf
        expected = np.zeros((2, 16, 16), bool)
        expected[0, 12:, :5] = expected[1, 3, 4] = True
        for name, values in model(images).items():
            unknown = (values.numpy() == -1).reshape((2, 16, 16, -1)).all(axis=-1)
            self.assertAllEqual(unknown, expected, msg=name)
            self.assertTrue(np.isfinite(values).all())

    def test_unknown_pixels_do_not_count_in_the_loss(self):
        batch, seed = self.batch(4), tf.constant([1, 2])
        hole = np.zeros((4, 16, 16), bool)
        hole[:, 3:9, 5:12] = True
        losses = []
        for outside in (hole, False):
            # Sources below, or none: the pixels are unknown, masked or not finite all the same.
            segmentation = np.where(hole, -1 if outside is hole else 1, batch["segmentation"])
            mask = np.where(hole[..., None], [0, 2, 0], 0).astype(np.uint8)
            changed = {**batch, "segmentation": tf.constant(segmentation, tf.int32)}
            model = self.make(masked=outside is not hole)
            if outside is not hole:
                self.assertEqual(model.targets, ("segmentation", "votes", "mask"))
                changed["mask"] = tf.constant(mask)
            losses.append(model.objective(changed, seed, training=False)["cross_entropy"])
        self.assertAllClose(*losses, rtol=1e-5)

        image = batch["image"].numpy()
        image[hole] = np.nan
        terms = self.make().objective({**batch, "image": tf.constant(image)}, seed, training=False)
        self.assertTrue(all(np.isfinite(value).all() for value in terms.values()))

    def test_maps_turn_with_the_image(self):
        model = self.make(augment=True, masked=True)
        numbers = tf.reshape(tf.range(8 * 16 * 16), (8, 16, 16))
        image = tf.cast(tf.stack([numbers] * 3, axis=-1), tf.float32)
        batch = {
            "image": image,
            "segmentation": numbers,
            "mask": image,
            "votes": tf.zeros((8, 2, 4)),
        }
        turned = model.augmented(batch, tf.constant([1, 2]))
        self.assertAllEqual(turned["image"][..., 0], tf.cast(turned["segmentation"], tf.float32))
        self.assertAllEqual(turned["image"], turned["mask"])
        self.assertNotAllEqual(turned["image"], image)

    def test_class_names_of_the_dataset(self):
        self.assertEqual(self.make(class_names=()).class_names[-1], "background")
        model = self.make(class_names=("source", "sky"))
        self.assertEqual(model.background, 1)
        self.assertEqual(model(self.images(1))["pixel_probabilities"].shape, (1, 16, 16, 2))

    def test_errors_of_all(self):
        for changes, message in (
            ({"class_names": ("sky",)}, "class_names must name a class of sources"),
            ({"balance": 1.5}, "balance must be from 0 to 1; got 1.5"),
            ({"dice": -1.0}, "dice must be at least 0; got -1.0"),
            ({"preprocessing": {"name": "centre_crop", "size": 8}}, "must keep the size"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.make(**changes)
