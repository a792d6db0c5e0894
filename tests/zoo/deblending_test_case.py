"""The checks that every deblending model passes, beside those of all models."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case

__all__ = ["DeblendingTestCase"]


class DeblendingTestCase(model_test_case.ZooModelTestCase):
    """Base of the test of a `DeblendingModel`; its stamps are of 16 x 16 px and three bands."""

    output_shapes = {
        "deblended": (16, 16, 3),
        "deblended_sigma": (16, 16, 3),
        "flux": (3,),
        "flux_sigma": (3,),
    }

    def isolated(self, number):
        """Returns a galaxy at the centre and two neighbours, the second of them dark."""
        rows, columns = np.mgrid[:16, :16]
        draws = np.random.default_rng(5)
        light = np.zeros((number, 3, 16, 16, 3), np.float32)
        for source, (y, x, peak) in enumerate([(8, 8, 60), (4, 10, 25)]):
            flux = draws.uniform(0.3, 1.0, (number, 1, 1, 1)) * peak
            profile = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 6)[..., None]
            light[:, source] = flux * profile * np.array([0.5, 1.0, 1.5])
        return light

    def images(self, number, shape=None):
        if shape not in (None, (16, 16, 3)):
            return super().images(number, shape)
        noise = np.random.default_rng(6).normal(size=(number, 16, 16, 3))
        return (self.isolated(number).sum(axis=1) + noise).astype(np.float32)

    def batch(self, number=8):
        return {
            "image": tf.constant(self.images(number)),
            "isolated": tf.constant(self.isolated(number)),
            "noise_sigma": tf.ones((number, 3)),
        }

    def mirrored(self, images):
        """Returns the same stamps seen in a mirror, about the target's pixel."""
        turned = images.copy()
        turned[:, 1:] = images[:, :0:-1]
        turned[:, 0] = turned[:, 1]
        return turned

    def test_augmentation_turns_galaxy_neighbours_and_image_alike(self):
        batch = self.batch()
        noise = batch["image"] - tf.reduce_sum(batch["isolated"], axis=1)
        model = self.make(fresh_noise=False)
        turned = model.augmented(batch, tf.constant([1, 2]))
        self.assertNotAllClose(turned["image"], batch["image"])
        left = turned["image"] - tf.reduce_sum(turned["isolated"], axis=1)
        # But for the first row and column, which have no counterpart on the other side.
        one, other = (np.sort(each[:, 1:, 1:], axis=None) for each in (left, noise))
        self.assertAllClose(one, other, atol=1e-4)
        self.assertAllClose(left, model.augmentation(noise, tf.constant([1, 2])), atol=1e-4)

    def test_unknown_pixels_stay_unknown(self):
        model = self.make()
        images = self.images(2)
        whole = model(images)
        images[0, 0, 0, 1] = np.nan
        images[1, 4:12, 4:12] = np.inf
        answer = model(images)
        for name in ("deblended", "deblended_sigma"):
            self.assertAllEqual(np.isnan(answer[name]), ~np.isfinite(images))
        # A corner is no part of the galaxy, its middle is.
        self.assertAllClose(answer["flux"][0], whole["flux"][0], rtol=0.2)
        for name in ("flux", "flux_sigma"):
            self.assertTrue(np.isnan(answer[name][1]).all())

    def test_preprocessing_that_changes_the_shape(self):
        with self.assertRaisesRegex(ValueError, "preprocessing must keep the shape of the images"):
            self.make(preprocessing={"name": "centre_crop", "size": 8})
