import numpy as np
import tensorflow as tf

from trainers.evaluators.figures.display import Stretch, composite_bands


class DisplayTest(tf.test.TestCase):
    def test_composite_bands(self):
        self.assertEqual(composite_bands("ugriz"), (3, 2, 1))
        self.assertEqual(composite_bands(("red", "green", "blue")), (0, 1, 2))
        self.assertEqual(composite_bands(("DES-g", "DES-r", "DES-i")), (2, 1, 0))
        self.assertEqual(composite_bands(("f1", "f2", "f3", "f4")), (3, 2, 0))
        self.assertIsNone(composite_bands("gr"))

    def test_pictures_are_in_range_for_any_bands_and_units(self):
        generator = np.random.default_rng(0)
        for bands, scale in ((("r",), 1e-9), (("g", "r"), 1.0), (("u", "g", "r", "i", "z"), 1e6)):
            images = scale * generator.normal(size=(3, 12, 12, len(bands)))
            stretch = Stretch(images, bands)
            pictures = stretch.pictures(images)
            self.assertEqual(pictures.shape, (3, 12, 12, 3))
            self.assertAllInRange(pictures, 0.0, 1.0)
            self.assertAllInRange(stretch.band(images, 0), 0.0, 1.0)
            self.assertGreater(pictures.std(), 0.01)

    def test_photographs_keep_their_scale(self):
        images = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
        stretch = Stretch(images, ("red", "green", "blue"))
        self.assertAllClose(stretch.pictures(images), images / 255)
        grey = images[..., :1]
        pictures = Stretch(grey, ("grey",)).pictures(grey)
        self.assertAllClose(pictures, np.repeat(grey / 255, 3, axis=-1))

    def test_copies_are_shown_on_the_scale_of_their_originals(self):
        images = np.random.default_rng(2).normal(size=(2, 16, 16, 1))
        images[:, 8, 8] = 50
        stretch = Stretch(images, ("r",))
        self.assertLess(stretch.pictures(images * 0.5)[0, 8, 8, 0], 1.0)
        self.assertAllClose(stretch.pictures(images)[0, 8, 8], np.ones(3))
