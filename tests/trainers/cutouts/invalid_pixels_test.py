import numpy as np
import tensorflow as tf
from scipy import ndimage

from trainers.cutouts import invalid_pixels
from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.cutouts.reading import read
from trainers.errors import UserError

SHAPE = (24, 20, 2)


class InvalidPixelsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
        plane = 3.0 + 0.2 * rows - 0.1 * columns
        self.image = np.stack([plane, 2 * plane], -1).astype(np.float32)
        self.spoilt = self.image.copy()
        self.spoilt[10, 8, 0] = np.nan
        self.spoilt[5:7, 12, 1] = np.inf

    def test_images_without_gaps_stay(self):
        for policy in invalid_pixels.POLICIES:
            self.assertIs(invalid_pixels.replaced(self.image, policy), self.image)

    def test_drop(self):
        reason = invalid_pixels.replaced(self.spoilt, "drop")
        self.assertEqual(reason, "3 of 960 pixels are masked, NaN or infinite")

    def test_interpolation_of_a_plane_is_the_plane(self):
        filled = invalid_pixels.replaced(self.spoilt, "interpolate")
        # A mean that is symmetric about the gap gives a linear function exactly.
        self.assertAllClose(filled[10, 8, 0], self.image[10, 8, 0], rtol=1e-5)
        self.assertAllClose(filled, self.image, atol=0.15)
        # The weighted mean of the neighbours, by scipy.
        known = np.isfinite(self.spoilt[..., 1])
        light = np.where(known, self.image[..., 1], 0)
        smooth = [
            ndimage.gaussian_filter(x.astype(float), 1.5, mode="nearest") for x in (light, known)
        ]
        self.assertAllClose(filled[5:7, 12, 1], (smooth[0] / smooth[1])[5:7, 12], rtol=2e-3)

    def test_sky_is_the_clipped_median(self):
        sky = np.random.default_rng(0).normal(5.0, 1.0, SHAPE).astype(np.float32)
        sky[8:14, 8:14] += 500.0
        sky[0, :4] = np.nan
        filled = invalid_pixels.replaced(sky, "sky")
        self.assertAllClose(filled[0, :4], np.full((4, 2), 5.0), atol=0.2)
        self.assertAllEqual(filled[1:], sky[1:])
        self.assertTrue(np.isnan(sky[0, 0, 0]))  # The array of the caller is as it was.

    def test_gaps_far_from_all_pixels_and_images_of_gaps(self):
        image = np.full((40, 40, 1), 7.0, np.float32)
        image[:, :18] = np.nan
        self.assertAllClose(invalid_pixels.replaced(image, "interpolate"), np.full_like(image, 7.0))
        image[:, :22] = np.nan
        for policy in ("sky", "interpolate"):
            self.assertIn("55 % of the pixels of band 0", invalid_pixels.replaced(image, policy))

    def test_files(self):
        np.save(f"{self.get_temp_dir()}/a.npy", np.stack([self.image, self.spoilt]))
        path = f"{self.get_temp_dir()}/a.npy"
        whole, left_out = read([path], SHAPE)
        self.assertIsInstance(left_out, LeftOut)
        self.assertIsNone(whole.replaced)
        for policy in ("sky", "interpolate"):
            entries = list(read([path], SHAPE, invalid=policy))
            self.assertEqual([entry.replaced for entry in entries], [0, 3])
            self.assertIsInstance(entries[1], Cutout)
            self.assertTrue(np.isfinite(entries[1].image).all())
        with self.assertRaisesRegex(UserError, "`invalid` must be one of drop, sky, interpolate"):
            list(read([path], SHAPE, invalid="zero"))
