import numpy as np
from absl.testing import parameterized
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

from tests.trainers.cutouts.reading_case import ReadingTestCase
from trainers.cutouts.companion_planes import is_companion
from trainers.cutouts.pixel_scales import pixel_scale

PLANE = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)


def mask(dtype=np.int32, **pixels):
    values = np.zeros((6, 5), dtype)
    for bit, (row, column) in pixels.items():
        values[row, column] |= 1 << int(bit[1:])
    return values


class FitsMasksTest(ReadingTestCase, parameterized.TestCase):
    def write(self, name, *extensions):
        images = [
            fits.ImageHDU(values, name=title, ver=version) for title, version, values in extensions
        ]
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(self.folder / name)
        return self.folder / name

    def one(self, path, **settings):
        settings = {"shape": (6, 5, 1), "invalid": "interpolate", **settings}
        (entry,) = self.read(path, **settings)
        return entry

    def replaced(self, entry):
        return set(zip(*np.nonzero(entry.image[..., 0] != PLANE), strict=True))

    def test_masks_weights_and_errors_are_no_objects_and_leave_pixels_out(self):
        weight = np.ones((6, 5), np.float32)
        weight[5, 4] = 0
        error = np.full((6, 5), 0.1, np.float32)
        path = self.write(
            "a.fits",
            ("SCI", 1, PLANE),
            ("ERR", 1, error),
            ("DQ", 1, mask(np.int16, b0=(0, 1), b13=(2, 3))),
            ("WHT", 1, weight),
        )
        entry = self.one(path)
        self.assertEqual((entry.source, entry.replaced), ("a.fits", 3))
        self.assertEqual(self.replaced(entry), {(0, 1), (2, 3), (5, 4)})
        self.assertTrue(np.isfinite(entry.image).all())
        dropped = self.one(path, invalid="drop")
        self.assertEqual(dropped.reason, "3 of 30 pixels are masked, NaN or infinite")
        self.assertAllEqual(self.one(path, mask_bits=("none",)).image[..., 0], PLANE)
        self.assertEqual(self.replaced(self.one(path, mask_bits=("13",))), {(2, 3), (5, 4)})
        # What is asked for by name is read.
        self.assertAllEqual(self.one(path, hdu=("ERR",), invalid="sky").image[..., 0], error)

    def test_planes_of_lsst_and_hsc_count_by_their_names(self):
        values = mask(b1=(0, 0), b3=(1, 1), b5=(2, 2), b8=(3, 3))
        path = self.write("calexp.fits", ("IMAGE", 1, PLANE), ("MASK", 1, values))
        with fits.open(path, mode="update") as hdus:
            for name, bit in (("SAT", 1), ("CR", 3), ("DETECTED", 5), ("NO_DATA", 8)):
                hdus["MASK"].header[f"HIERARCH MP_{name}"] = bit
        self.assertEqual(self.replaced(self.one(path)), {(0, 0), (1, 1), (3, 3)})
        chosen = self.one(path, mask_bits=("detected", "8"))
        self.assertEqual(self.replaced(chosen), {(2, 2), (3, 3)})
        reason = self.one(path, mask_bits=("SUSPECT",)).reason
        self.assertIn("has no bit 'SUSPECT' in mask 2 (MASK)", reason)
        self.assertIn("SAT, CR, DETECTED, NO_DATA", reason)

    def test_each_image_has_its_own_mask(self):
        path = self.write(
            "hst.fits",
            ("SCI", 1, PLANE),
            ("DQ", 1, mask(b0=(0, 1))),
            ("SCI", 2, PLANE),
            ("DQ", 2, mask(b0=(4, 4))),
        )
        first, second = self.read(path, shape=(6, 5, 1), invalid="sky")
        self.assertEqual((self.replaced(first), self.replaced(second)), ({(0, 1)}, {(4, 4)}))
        (one,) = self.read(path, shape=(6, 5, 1), invalid="sky", hdu=("SCI,2",))
        self.assertEqual(self.replaced(one), {(4, 4)})
        named = self.write(
            "bands.fits",
            ("SCI_G", 1, PLANE),
            ("SCI_R", 1, PLANE),
            ("MASK_R", 1, mask(b0=(1, 2))),
        )
        (entry,) = self.read(named, shape=(6, 5, 2), extensions="bands", invalid="sky")
        self.assertAllEqual(entry.image[..., 0], PLANE)
        self.assertEqual(entry.image[1, 2, 1] != PLANE[1, 2], True)

    def test_the_mask_of_a_plane_is_that_of_a_cube(self):
        cube = np.stack([PLANE, 2 * PLANE])
        path = self.write("cube.fits", ("SCI", 1, cube), ("MASK", 1, mask(b0=(2, 0))))
        (entry,) = self.read(path, shape=(6, 5, 2), invalid="sky")
        self.assertEqual(entry.replaced, 2)

    def test_a_mask_of_another_shape_or_alone_is_an_image(self):
        path = self.write("b.fits", ("SCI", 1, PLANE), ("MASK", 1, np.zeros((3, 3), np.int16)))
        self.assertAllEqual(self.one(path).image[..., 0], PLANE)
        alone = self.write("c.fits", ("MASK", 1, PLANE))
        self.assertAllEqual(self.one(alone).image[..., 0], PLANE)

    @parameterized.parameters(
        ("DQ", True), ("SCI_ERR", True), ("MASK_G", True), ("G_MASK", True), ("FLAGS", True),
        ("SCI", False), ("", False), ("EXPANSE", False), ("MASKED", False), ("G", False),
    )  # fmt: skip
    def test_names(self, name, expected):
        self.assertEqual(is_companion(name), expected)

    def test_an_image_of_one_value_is_empty(self):
        path = self.write("e.fits", ("SCI", 1, np.zeros((6, 5), np.float32)))
        self.assertIn("outside of the footprint: all its pixels are 0", self.one(path).reason)
        (entry,) = self.read(
            self.write("f.fits", ("SCI", 1, np.stack([PLANE, 0 * PLANE]))), shape=(6, 5, 2)
        )
        self.assertAllEqual(entry.image[..., 0], PLANE)


class PixelScaleTest(parameterized.TestCase):
    @parameterized.parameters(
        {"CDELT1": -1e-4, "CDELT2": 2e-4},
        {"CDELT1": -1e-4, "CDELT2": 1e-4, "PC1_1": 0.6, "PC1_2": -0.8, "PC2_1": 0.8, "PC2_2": 0.6},
        {"CD1_1": -7e-5, "CD1_2": 1e-5, "CD2_1": 2e-5, "CD2_2": 7e-5},
    )
    def test_is_the_one_of_astropy(self, **terms):
        header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", **terms})
        area = proj_plane_pixel_area(WCS(header))
        self.assertAlmostEqual(pixel_scale(header), 3600 * np.sqrt(area), places=9)

    def test_is_unknown_without_coordinates_on_the_sky(self):
        self.assertIsNone(pixel_scale(fits.Header({"CDELT1": 1.0, "CDELT2": 1.0})))
        self.assertIsNone(pixel_scale(fits.Header({"CTYPE1": "WAVE", "CTYPE2": "DEC--TAN"})))
